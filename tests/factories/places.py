"""Places for the other rooms' tests: small, quick, the same every time."""

from datetime import date
from pathlib import Path
from typing import Any

from models.booking.importing import import_booking_rules
from models.booking.tables import BookingRule
from models.ids import stable_id
from models.regions.tables import Region
from models.venues.importing import import_places
from models.venues.tables import (
    Court,
    CourtCover,
    CourtPart,
    OpeningHours,
    PartnerPlatform,
    Sport,
    TariffWindow,
    Venue,
)
from tests.conftest import NOW

TIANFU_SQUARE = (104.0657, 30.6595)  # WGS-84
DATA = Path(__file__).parents[2] / "data"
EVERY_DAY = range(7)

_SPORTS = {
    "BADMINTON": "羽毛球",
    "TABLE_TENNIS": "乒乓球",
    "BASKETBALL": "篮球",
    "TENNIS": "网球",
    "FOOTBALL": "足球",
    "SWIMMING": "游泳",
}


async def a_region(key: str = "510107", *, name: str = "武侯区", parent_key: str = "510100") -> Region:
    """A district that exists on every day."""
    region, _ = await Region.get_or_create(
        key=key, defaults={"code": key[:6], "name": name, "level": "DISTRICT", "parent_key": parent_key}
    )
    return region


async def a_venue(
    *,
    name: str = "测试体育馆",
    lon: float = TIANFU_SQUARE[0],
    lat: float = TIANFU_SQUARE[1],
    is_open: bool = True,
    open_minutes: tuple[int, int] | None = (8 * 60, 22 * 60),
    market_fen_per_hour: int = 4000,
    free_mornings: bool = False,
    region: Region | None = None,
    **columns: Any,
) -> Venue:
    """A venue without courts, open 08:00–22:00 every day, ¥40 an hour (06–09 free if asked), and a default rule.

    `open_minutes=None` gives no opening hours; `columns` go to the row as they are.
    """
    await a_default_booking_rule()
    region = region or await a_region()
    ref = columns.pop("ref", f"TT{await Venue.all().count() + 1:03d}")
    venue = await Venue.create(
        **{
            "public_id": stable_id("ven", ref),
            "ref": ref,
            "name": name,
            "published_name": name,
            "address": "成都市武侯区测试路1号",
            "published_address": "成都市武侯区测试路1号",
            "venue_type": "体育馆",
            "region": region,
            "province_code": "510000",
            "city_code": "510100",
            "lon": lon,
            "lat": lat,
            "coordinate_quality": "DISTRICT_CENTROID",
            "is_open": is_open,
            "price_from_fen": 0 if free_mornings else market_fen_per_hour,
            "price_from_provenance": "DEMONSTRATION",
            **columns,
        }
    )
    if open_minutes is not None:
        await _open_every_day(venue, *open_minutes)
    await a_tariff(venue, 0, 6 * 60, market_fen_per_hour)
    await a_tariff(venue, 6 * 60, 9 * 60, 0 if free_mornings else market_fen_per_hour)
    await a_tariff(venue, 9 * 60, 24 * 60, market_fen_per_hour)
    return venue


async def _open_every_day(venue: Venue, opens_minute: int, closes_minute: int) -> None:
    await OpeningHours.bulk_create(
        OpeningHours(
            venue=venue,
            weekday=weekday,
            opens_minute=opens_minute,
            closes_minute=closes_minute,
            provenance="DEMONSTRATION",
        )
        for weekday in EVERY_DAY
    )


async def a_tariff(
    venue: Venue, from_minute: int, to_minute: int, price_fen_per_hour: int, **columns: Any
) -> TariffWindow:
    """A demonstration window of every day, sport and court; 0 fen is FREE, anything else MARKET."""
    return await TariffWindow.create(
        **{
            "venue": venue,
            "day_kind": "ALL",
            "from_minute": from_minute,
            "to_minute": to_minute,
            "kind": "MARKET" if price_fen_per_hour else "FREE",
            "price_fen_per_hour": price_fen_per_hour,
            "window_provenance": "DEMONSTRATION",
            "price_provenance": "DEMONSTRATION",
            **columns,
        }
    )


async def a_venue_across(**columns: Any) -> Venue:
    """One that is booked on another platform, where badminton is played. We know neither hours nor prices."""
    partner, _ = await PartnerPlatform.get_or_create(
        code="across",
        defaults={
            "name": "渝动（示例）",
            "appid": "wx0123456789abcdef",
            "path": "pages/venue?id={venue}&sport={sport}&date={day}&time={time}",
            "web": "https://across.example.cn/{venue}?lon={lon}&lat={lat}&date={day}",
            "provenance": "DEMONSTRATION",
        },
    )
    unknown = {"price_from_fen": None, "price_from_provenance": ""}
    theirs = {"partner_id": partner.code, "their_id": "馆 7", "sport_codes": ["BADMINTON"]}
    return await a_venue(name="对岸馆", open_minutes=None, **unknown, **theirs, **columns)


async def a_court(
    venue: Venue,
    *,
    sport: str = "BADMINTON",
    name: str | None = None,
    parts: tuple[str, ...] = (),
    slot_minutes: int = 60,
    max_people: int = 6,
    is_open: bool = True,
) -> Court:
    """A court of the venue. Courts that name the same part exclude each other; by default it is its own part."""
    position = await Court.filter(venue=venue).count() + 1
    await Sport.get_or_create(
        code=sport, defaults={"name": _SPORTS.get(sport, sport), "position": list(_SPORTS).index(sport)}
    )
    name = name or f"{_SPORTS[sport]}{position}号场"
    court = await Court.create(
        public_id=stable_id("crt", f"{venue.ref}:{sport}:{name}"),
        venue=venue,
        sport_code=sport,
        name=name,
        position=position,
        slot_minutes=slot_minutes,
        max_people=max_people,
        is_open=is_open,
        provenance="DEMONSTRATION",
    )
    for part_name in parts or (name,):
        part, _ = await CourtPart.get_or_create(venue=venue, name=part_name)
        await CourtCover.create(court=court, part=part)
    if sport not in venue.sport_codes:
        venue.sport_codes = sorted([*venue.sport_codes, sport])
        await venue.save(update_fields=["sport_codes"])
    return court


async def a_default_booking_rule(**columns: Any) -> BookingRule:
    """The rule of every venue without its own: 2 courts a day, 7 days ahead at 08:00, held 15 minutes."""
    rule, _ = await BookingRule.get_or_create(
        venue_id=None,
        defaults={
            "courts_a_person_a_day": 2,
            "days_ahead": 7,
            "minutes_a_court_a_day": 120,
            "release_minute": 480,
            "hold_minutes": 15,
            "entry_opens_minutes_before": 30,
            "provenance": "DEMONSTRATION",
            **columns,
        },
    )
    return rule


async def all_places(*, today: date = date(2026, 11, 20)) -> None:
    """The real divisions, venues and booking rules of `data/`, as the first start imports them."""
    report = await import_places(folder=DATA, today=today)
    await import_booking_rules(folder=DATA, report=report, now=NOW)
