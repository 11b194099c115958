// Venues nearby, as servers/bare/venues.py has them, with maps/nearest.py's numbers for the statement.

const RADIANS = Math.PI / 180;
const A = 6378137.0;
const E2 = 0.00669437999014131699614;
const STEP = 0.3;
const MARGIN = 1.001;

export function parameters({ point, radiusM, first, coordinateSystem }, now) {
  if (point.system !== "WGS84" || coordinateSystem !== "WGS84") throw new Error("409");
  const shanghai = new Date(now + 8 * 3_600_000);
  const weekday = (shanghai.getUTCDay() + 6) % 7;
  const today = shanghai.toISOString().slice(0, 10);
  return [...box(point, radiusM), ...numbers(point), radiusM ** 2, first + 1, weekday, today];
}

export function page(found, first) {
  const edges = found.slice(0, first).map(edge);
  return { edges, pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null } };
}

function edge(row) {
  return {
    distanceM: Math.round(Math.sqrt(row.squared_metres)),
    cursor: Buffer.from(JSON.stringify([row.squared_metres, row.id])).toString("base64"),
    node: {
      id: row.public_id,
      name: row.name,
      address: row.address,
      venueType: row.venue_type,
      regionName: row.region_name,
      coordinate: { lon: sixDigits(row.lon), lat: sixDigits(row.lat), system: "WGS84" },
      coordinateQuality: row.coordinate_quality,
      phone: row.phone,
      grade: row.grade,
      isOpen: row.is_open,
      priceFrom: row.price_from_fen,
      priceIsDemonstration: row.price_is_demonstration,
      sports: (row.sports ?? []).map(([code, name]) => ({ code, name })),
      openingToday: (row.opening_today ?? []).map(([opens, closes]) => ({
        opens: clockText(opens),
        closes: clockText(closes),
      })),
    },
  };
}

function sixDigits(degrees) {
  return Math.round(degrees * 1e6) / 1e6;
}

function clockText(minute) {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

function numbers({ lon, lat }) {
  const east = cubic(squaredMetresEast, lat);
  const north = cubic(squaredMetresNorth, lat);
  const sine2 = Math.sin(lat * RADIANS) ** 2;
  const e = (east[0] * RADIANS ** 2 * sine2) / 12;
  const n = (north[0] * RADIANS ** 2 * (1 + 2 * sine2)) / 12;
  return [lon, lat, ...east, ...north, e, n];
}

function box({ lon, lat }, radius) {
  const halfLat = (MARGIN * radius) / Math.sqrt(squaredMetresNorth(0));
  const halfLon = (MARGIN * radius) / Math.sqrt(squaredMetresEast(Math.abs(lat) + halfLat));
  return [lon - halfLon, lat - halfLat, lon + halfLon, lat + halfLat];
}

function squaredMetresEast(lat) {
  const phi = lat * RADIANS;
  return (A * Math.cos(phi) * RADIANS) ** 2 / (1 - E2 * Math.sin(phi) ** 2);
}

function squaredMetresNorth(lat) {
  const phi = lat * RADIANS;
  return (A * (1 - E2) * RADIANS) ** 2 / (1 - E2 * Math.sin(phi) ** 2) ** 3;
}

function cubic(squaredMetres, lat) {
  const [farSouth, south, north, farNorth] = [-3, -1, 1, 3].map((k) => squaredMetres(lat + (k * STEP) / 2));
  const [even, farEven] = [(north + south) / 2, (farNorth + farSouth) / 2];
  const [odd, farOdd] = [(north - south) / 2, (farNorth - farSouth) / 2];
  const c2 = (farEven - even) / (8 * STEP ** 2);
  const c3 = (farOdd - 3 * odd) / (24 * STEP ** 3);
  return [even - c2 * STEP ** 2, odd / STEP - c3 * STEP ** 2, c2, c3];
}
