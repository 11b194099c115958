"""Bookings that exist already, held against a tariff or rules that are to come: how many would be otherwise, if they
were made by these. They keep what they were promised; this only tells whoever writes what they do. Pure but for one
reading."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from models import database
from models.booking.limits import Booked, Limits, check_counts
from models.booking.rules import CourtFacts, check_bookable, slot_title
from models.calendar import instant_of, step_of
from models.errors import DomainError, ErrorCode
from models.venues.days import Day
from models.venues.rules import Opening, Window, half_hours, openings_on, price_of, windows_of_court

_FAR = date(9000, 1, 1)


class Existing(NamedTuple):
    """A line that holds its court now."""

    who: int
    court: CourtFacts
    starts_at: datetime
    ends_at: datetime
    day: date
    people: int
    general_fen: int
    """What somebody without a concession was asked."""
    placed_at: datetime


async def existing(venue_id: int, from_day: date, to_day: date | None, *, now: datetime) -> list[Existing]:
    """Of a venue (its row's id), played from that day on and not begun yet, in order of placing. One statement."""
    found = await database.rows(
        """SELECT COALESCE(orders.person_id, -orders.member_id) AS who, court.id, court.public_id, court.name,
                  court.sport_code, court.slot_minutes, court.max_people, line.starts_at, line.ends_at,
                  line.business_day, line.people, line.price_fen + line.concession_fen AS general_fen,
                  orders.placed_at
             FROM order_line line JOIN orders ON orders.id = line.order_id JOIN court ON court.id = line.court_id
            WHERE line.id IN (SELECT order_line_id FROM held_cell
                               WHERE venue_id = $1 AND step >= $2 AND step < $3 AND order_line_id IS NOT NULL)
            ORDER BY orders.placed_at, line.id""",
        venue_id,
        max(step_of(instant_of(from_day, 0)), step_of(now) + 1),
        step_of(instant_of(min(to_day or _FAR, _FAR), 0)),
    )
    return [
        Existing(
            row["who"],
            CourtFacts._make([*tuple(row)[1:7], ()]),
            database.utc(row["starts_at"]),
            database.utc(row["ends_at"]),
            database.day(row["business_day"]),
            row["people"],
            row["general_fen"],
            database.utc(row["placed_at"]),
        )
        for row in found
    ]


def priced_otherwise(lines: Iterable[Existing], windows: Sequence[Window], days: Mapping[date, Day]) -> int:
    """How many would have had another price."""
    count = 0
    for line in lines:
        fitting = windows_of_court(windows, line.court.sport_code, line.court.name)
        first = (line.starts_at - instant_of(line.day, 0)).seconds // 60
        length = int((line.ends_at - line.starts_at).total_seconds()) // 60
        price = price_of(half_hours(fitting, days[line.day]), first, first + length)
        count += price.not_priced or price.price_fen != line.general_fen
    return count


def against_rules(
    lines: Iterable[Existing], limits_of: Callable[[date, str], Limits | None], openings: Sequence[Opening]
) -> int:
    """How many would have been refused when they were placed, one after another as they came. `limits_of` gives the new
    limits for a day and a sport, None where others govern."""
    kept: dict[int, list[Booked]] = defaultdict(list)
    refused = 0
    for line in lines:
        limits = limits_of(line.day, line.court.sport_code)
        if limits is None:
            continue
        title = slot_title(line.court.name, line.starts_at, line.ends_at)
        minutes = int((line.ends_at - line.starts_at).total_seconds()) // 60
        wanted = Booked(line.court.id, line.court.sport_code, line.day, minutes, title)
        if _fits(line, wanted, kept[line.who], limits, openings):
            kept[line.who].append(wanted)
        else:
            refused += 1
    return refused


def _fits(
    line: Existing, wanted: Booked, held: Sequence[Booked], limits: Limits, openings: Sequence[Opening]
) -> bool:
    try:
        check_counts(limits, held=held, wanted=[wanted])
        check_bookable(
            court=line.court,
            starts_at=line.starts_at,
            people=line.people,
            openings=openings_on(openings, line.day.weekday(), line.court.sport_code),
            limits=limits,
            now=line.placed_at,
        )
    except DomainError as refusal:
        return refusal.code is ErrorCode.SLOT_UNKNOWN  # of another grid: not these rules' doing
    return True
