// A venue's day, as servers/bare/grid.py and slots.py have it: from the timetable's one row to slots with prices.

const LABELS = { FREE: "免费时段", LOW: "低收费", MARKET: "市场价" };
const NAMES = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
const HALF_HOUR = 1_800_000;
const MINUTE = 60_000;
const DAY = 86_400_000;

export function midnightOf(date) {
  return Date.parse(`${date}T00:00:00+08:00`); // Shanghai has kept one offset since 1991
}

export function grid(row, heldCells, date, now) {
  if (!row?.is_open) throw new Error("409");
  const midnight = midnightOf(date);
  const firstStep = midnight / HALF_HOUR;
  const held = new Map(); // part → half hours of the day; 48 bits are more than a number's operators take
  for (const { part_id, step } of heldCells) {
    if (!held.has(part_id)) held.set(part_id, new Uint8Array(48));
    held.get(part_id)[step - firstStep] = 1;
  }
  const day = { rules: row.rules, openings: row.openings ?? [], windows: windowsOf(row, date), weekday: weekdayOf(date) };
  const names = new Set(day.windows.map((window) => window[8]));
  const offers = new Map(); // like courts share their slots
  const answer = [];
  for (const [court, parts] of courtsOf(row)) {
    const kind = `${court[3]}:${court[4]}:${names.has(court[2]) ? court[2] : ""}`;
    if (!offers.has(kind)) offers.set(kind, offersOf(day, court, midnight, now));
    const mine = parts.map((part) => held.get(part)).filter(Boolean);
    const slots = offers.get(kind).map((offer) => (isTaken(mine, offer) ? offer.taken : offer.free));
    if (slots.length) answer.push({ courtId: court[1], courtName: court[2], maxPeople: court[5], slots });
  }
  return answer;
}

function limitsOf(rules, sport) {
  const rank = (rule) => [+rule[1], +(rule[0] !== ""), rule[2]];
  const later = (a, b) => a.map((each, n) => (each < b[n] ? -1 : +(each > b[n]))).find(Boolean) ?? 0;
  const fitting = rules.filter((rule) => ["", sport].includes(rule[0]));
  return fitting.reduce((best, rule) => (later(rank(rule), rank(best)) > 0 ? rule : best)).slice(3);
}

function offersOf(day, court, midnight, now) {
  const limits = limitsOf(day.rules, court[3]);
  const released = midnight - limits[2] * DAY + limits[3] * MINUTE <= now;
  const last = now + limits[11] * MINUTE;
  return Array.from(priced(day, court), (slot) => {
    const startsAt = midnight + slot.start * MINUTE;
    const isPast = startsAt <= now;
    const free = {
      startsAt: new Date(startsAt),
      endsAt: new Date(midnight + slot.end * MINUTE),
      status: isPast ? "PAST" : startsAt < last ? "TOO_LATE" : released ? "AVAILABLE" : "NOT_RELEASED",
      price: slot.price,
      priceKind: slot.kind,
      priceLabel: slot.label,
      priceIsDemonstration: !slot.published,
    };
    return { first: slot.start / 30, last: slot.end / 30, free, taken: isPast ? free : { ...free, status: "TAKEN" } };
  });
}

function isTaken(held, { first, last }) {
  for (const halves of held) for (let half = first; half < last; half++) if (halves[half]) return true;
  return false;
}

function weekdayOf(date) {
  return (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7; // Monday is 0, as in Python
}

function windowsOf(row, date) {
  const weekday = weekdayOf(date);
  const weekend = weekday >= 5;
  const off = row.notice === "HOLIDAY" || (row.notice === null && weekend);
  const kind = row.notice === "HOLIDAY" || weekend ? "WEEKEND_STATUTORY" : weekday === 0 ? "MON" : "TUE_FRI";
  const narrow = { HOLIDAY: ["STATUTORY_HOLIDAY"], MAKEUP_WORKDAY: ["MAKEUP_WORKDAY"] }[row.notice] ?? [];
  const school = row.in_school_holiday ? ["SCHOOL_HOLIDAY"] : [];
  const name = NAMES[weekday];
  const nth = Math.ceil(+date.slice(8) / 7);
  const rules = [`EVERY:${name}`, `NTH:${nth}:${name}`, `DATE:${date.slice(5)}`];
  const kinds = ["ALL", off ? "HOLIDAY" : "WORKDAY", kind, ...school, ...narrow, ...rules]; // broadest first
  return (row.windows ?? [])
    .filter((window) => kinds.includes(window[0]))
    .sort((one, other) => kinds.indexOf(one[0]) - kinds.indexOf(other[0]));
}

function courtsOf(row) {
  const covers = (row.courts ?? []).sort((a, b) => a[6] - b[6] || a[0] - b[0] || a[7] - b[7]);
  const courts = new Map();
  for (const cover of covers) {
    const known = courts.get(cover[0]);
    if (known) known[1].push(cover[7]);
    else courts.set(cover[0], [cover, [cover[7]]]);
  }
  return courts.values();
}

function ruleRank(window) {
  return { EVER: 1, "NTH:": 2, DATE: 3 }[window[0].slice(0, 4)] ?? 0; // of the calendar: before court and sport
}

function* priced(day, court) {
  const [, , name, sport, length] = court;
  const painted = new Array(48).fill(null);
  const mine = day.windows
    .filter((window) => ["", sport].includes(window[7]) && ["", name].includes(window[8]))
    .sort((a, b) => ruleRank(a) - ruleRank(b) || (a[8] !== "") - (b[8] !== "") || (a[7] !== "") - (b[7] !== ""));
  for (const window of mine) painted.fill(window, window[1] / 30, window[2] / 30);
  const own = day.openings.some((opening) => opening[3] === sport) ? sport : "";
  const openings = day.openings
    .filter((opening) => opening[3] === own && opening[0] === day.weekday)
    .sort((a, b) => a[1] - b[1]);
  for (const [, opens, closes] of openings) {
    for (let start = opens; start + length <= closes; start += length) {
      const halves = painted.slice(start / 30, (start + length) / 30);
      if (halves.includes(null)) continue;
      const kinds = [...new Set(halves.map((window) => window[3]))];
      yield {
        start,
        end: start + length,
        price: Math.floor((halves.reduce((sum, window) => sum + window[4], 0) + 1) / 2),
        kind: kinds.length === 1 ? kinds[0] : "MIXED",
        label: kinds.map((kind) => LABELS[kind]).join("＋"),
        published: halves.every((window) => window[5] === "PUBLISHED" && window[6] === "PUBLISHED"),
      };
    }
  }
}
