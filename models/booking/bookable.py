"""What placing an order needs to know of a slot: it passed every rule of the book, at its price of today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models import database
from models.booking.closure_rules import refuse_closed
from models.booking.draw_rules import pending
from models.booking.limits import Limits, for_groups
from models.booking.queries import timetable
from models.booking.rules import CourtFacts, check_bookable, check_day, slot_title
from models.booking.timetables import Timetable
from models.calendar import business_day, instant_of
from models.errors import DomainError, ErrorCode
from models.venues.concessions import TakenOff
from models.venues.explaining import PricePart, parts_of
from models.venues.rules import price_of


@dataclass(frozen=True, slots=True)
class BookableSlot:
    """A slot that passed every rule of the book but one: whether it is still free decides the constraint."""

    venue_id: int
    court: CourtFacts
    day: date
    starts_at: datetime
    ends_at: datetime
    people: int
    price_fen: int
    """What is asked for it: after the concession of whoever it is for, if they have one."""
    price_label: str
    price_parts: tuple[PricePart, ...]
    limits: Limits
    concession: TakenOff | None = None

    @property
    def general_fen(self) -> int:
        """What somebody without a concession pays, as the grid shows it."""
        return self.price_fen + (self.concession.fen if self.concession else 0)

    @property
    def title(self) -> str:
        return slot_title(self.court.name, self.starts_at, self.ends_at)


async def bookable_slots(
    wanted: Sequence[tuple[str, datetime, int]],
    *,
    despite_draw: bool = False,
    for_group: bool = False,
    now: datetime,
) -> list[BookableSlot]:
    """For each (court's public id, start, people) the slot with its price of today, or the refusal of the first.

    `despite_draw`: for whoever was drawn, or stands in line; to all others what is drawn for is DRAW_PENDING.
    `for_group`: as early as the venue lets groups ask; raises GROUPS_NOT_TAKEN where it does not."""
    places = database.parameters(len(wanted))
    found = await database.rows(
        f"""SELECT court.public_id, venue.public_id AS venue_public_id FROM court
              JOIN venue ON venue.id = court.venue_id WHERE court.public_id IN ({places})""",
        *(court_id for court_id, _, _ in wanted),
    )
    venue_of = {row["public_id"]: row["venue_public_id"] for row in found}
    tables: dict[tuple[str, date], Timetable] = {}
    booked = []
    for court_id, starts_at, people in wanted:
        if court_id not in venue_of:
            raise _court_unknown()
        check_day(starts_at.date(), now)  # before its local day, which the last hours of the calendar lack
        key = (venue_of[court_id], business_day(starts_at))
        if key not in tables:
            tables[key] = await timetable(venue_id=key[0], sport=None, day=key[1])
        slot = bookable_in(tables[key], court_id, starts_at, people, for_group=for_group, now=now)
        if not despite_draw:
            check_not_drawn(tables[key], slot, now)
        booked.append(slot)
    return booked


def bookable_in(
    table: Timetable, court_id: str, starts_at: datetime, people: int, *, for_group: bool = False, now: datetime
) -> BookableSlot:
    """The slot as the timetable of its day has it, or why not, but for who holds it and for draws. Pure."""
    court = next((court for court in table.courts if court.public_id == court_id), None)
    if court is None:
        raise _court_unknown()
    limits = table.limits_of(court.sport_code)
    start, end = check_bookable(
        court=court,
        starts_at=starts_at,
        people=people,
        openings=table.openings_of(court),
        limits=for_groups(limits) if for_group else limits,
        now=now,
    )
    ends_at = instant_of(table.day.date, end)
    closures = [closure for closure in table.closures if closure.over_court(court)]
    refuse_closed(slot_title(court.name, starts_at, ends_at), closures, starts_at=starts_at, ends_at=ends_at)
    deciding = table.prices_of(court)
    price = price_of(deciding, start, end)
    if price.not_priced:
        raise DomainError(
            f"{slot_title(court.name, starts_at, ends_at)}暂未定价，不能预订。",
            code=ErrorCode.SLOT_UNKNOWN,
            next_step="请选择其他时段，或联系场馆。",
            field="lines",
        )
    return BookableSlot(
        venue_id=table.venue_id,
        court=court,
        day=table.day.date,
        starts_at=starts_at,
        ends_at=ends_at,
        people=people,
        price_fen=price.price_fen,
        price_label=price.label,
        price_parts=parts_of(deciding, start, end, year_known=table.day.known),
        limits=limits,
    )


def check_not_drawn(table: Timetable, slot: BookableSlot, now: datetime) -> None:
    midnight, minute = instant_of(table.day.date, 0), timedelta(minutes=1)
    draw = table.draw_of(slot.court, (slot.starts_at - midnight) // minute, (slot.ends_at - midnight) // minute)
    if draw is not None:
        opens_at, closes_at = map(datetime.fromisoformat, (draw.opens_at, draw.closes_at))
        raise pending(slot.title, opens_at, closes_at, now)


def _court_unknown() -> DomainError:
    return DomainError(
        "没有找到这片场地，或它暂停开放。",
        code=ErrorCode.COURT_UNKNOWN,
        next_step="请在场地时段表里重新选择。",
        field="lines",
    )
