"""What a change of hours or of a court, or a closure, takes out of draws that are announced: said in its preview.

A slot that can be played no more is not drawn for, and whoever wished for it is told while they may still change their
wishes (models/checkout/drawing_in_vain.py). Here staff see before which slots of which draw, and how many people.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from models import database
from models.booking.draw_rules import DrawOfDay, Wish
from models.booking.rules import CourtFacts, aware, grid
from models.booking.timetables import courts_in
from models.calendar import clock_text, day_text, instant_of, minute_of_day
from models.venues.court_versions import COURT_NAME, MAX_PEOPLE, SLOT_MINUTES, STANDS, courts_on
from models.venues.hours_versions import hours_on
from models.venues.rules import Opening, openings_on

MOST_DRAWS_NAMED = 10
MOST_SLOTS_NAMED = 50
_MOST_IN_A_SENTENCE = 3

Slots = Iterable[tuple[int, int]]
"""Of a court on a day, each from one local minute to another."""
Remaining = Callable[[date, CourtFacts, Sequence[Opening]], Slots]
"""What a court, as it stands on a day with that day's openings, offers after the change."""


class SlotCut(NamedTuple):
    court_id: str  # public
    court_name: str
    starts_at: datetime

    @property
    def wish(self) -> Wish:
        return self.court_id, self.starts_at.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawCut:
    """A draw that would lose slots."""

    draw_id: str
    """Public."""
    day: date
    sport: str
    """Its code."""
    slots: Sequence[SlotCut]
    """All that it would lose, court by court."""
    people: int
    """Who wished for any of them."""
    sentence: str


async def draw_cuts(venue_id: int, from_day: date, until_day: date, remaining: Remaining) -> list[DrawCut]:
    """The draws of a venue's days, `until_day` not among them, that are not drawn yet and would lose slots; the earliest
    first, at most MOST_DRAWS_NAMED. One statement, whatever their number."""
    cuts = []
    for row in await database.rows(_DRAWS, venue_id, from_day, until_day):
        courts = courts_in(database.gathered(row["courts"]), ())
        openings = [Opening(*each) for each in database.gathered(row["openings"])]
        lost = lost_slots(_draw_of(row), database.day(row["business_day"]), courts, openings, remaining)
        if lost:
            cuts.append(_cut(row, lost))
    return cuts[:MOST_DRAWS_NAMED]


def lost_slots(
    draw: DrawOfDay, day: date, courts: Iterable[CourtFacts], openings: Sequence[Opening], remaining: Remaining
) -> list[SlotCut]:
    """What a draw would give out as things stand, and not after the change. A slot that begins as before remains, though it
    may be longer: who wished for it still can have it. Pure."""
    lost = []
    for court in courts:
        left = {start for start, _ in remaining(day, court, openings)}
        lost += [
            SlotCut(court.public_id, court.name, aware(instant_of(day, start)))
            for start, _ in slots_of_court(day, court, openings)
            if start not in left and draw.has(court.id, court.sport_code, start)
        ]
    return lost


def slots_of_court(day: date, court: CourtFacts, openings: Sequence[Opening]) -> Iterator[tuple[int, int]]:
    yield from grid(openings_on(openings, day.weekday(), court.sport_code), court.slot_minutes)


def _draw_of(row: Any) -> DrawOfDay:
    span = (row["court_ids"], row["from_minute"], row["until_minute"])
    return DrawOfDay(row["public_id"], row["sport_code"], *span, "", "")


def _cut(row: Any, lost: Sequence[SlotCut]) -> DrawCut:
    gone = {slot.wish for slot in lost}
    entries = [database.gathered(wishes) for wishes in database.gathered(row["wishes"])]
    people = sum(any((court, at) in gone for court, at in wishes) for wishes in entries)
    day = database.day(row["business_day"])
    return DrawCut(
        draw_id=row["public_id"],
        day=day,
        sport=row["sport_code"],
        slots=lost,
        people=people,
        sentence=_sentence(day, row["sport_name"], lost, people),
    )


def _sentence(day: date, sport: str, lost: Sequence[SlotCut], people: int) -> str:
    first = [
        f"{slot.court_name}{clock_text(minute_of_day(slot.starts_at))}" for slot in lost[:_MOST_IN_A_SENTENCE]
    ]
    named = "、".join(first) + ("等" if len(lost) > len(first) else "")
    said = f"{day_text(day)}的{sport}抽签有{len(lost)}个时段不再参加抽签：{named}"
    return f"{said}；已有{people}人报名这些时段，会通知本人。" if people else f"{said}；还没有人报名这些时段。"


_DRAWS = f"""
SELECT slot_draw.public_id, slot_draw.sport_code, slot_draw.business_day, slot_draw.court_ids, slot_draw.from_minute,
       slot_draw.until_minute, sport.name AS sport_name,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code))
          FROM {hours_on("slot_draw.venue_id", "slot_draw.business_day")}) AS openings,
       (SELECT json_agg(json_build_array(court.id, court.public_id, {COURT_NAME}, court.sport_code, {SLOT_MINUTES},
                        {MAX_PEOPLE}, court.position, court_cover.part_id))
          FROM court JOIN court_cover ON court_cover.court_id = court.id {courts_on("slot_draw.business_day")}
         WHERE court.venue_id = slot_draw.venue_id AND court.sport_code = slot_draw.sport_code AND {STANDS}) AS courts,
       (SELECT json_agg(wishes) FROM draw_entry
         WHERE draw_entry.draw_id = slot_draw.id AND draw_entry.state = 'ENTERED') AS wishes
  FROM slot_draw JOIN sport ON sport.code = slot_draw.sport_code
 WHERE slot_draw.venue_id = $1 AND slot_draw.business_day >= $2 AND slot_draw.business_day < $3
   AND slot_draw.state = 'PLANNED'
 ORDER BY slot_draw.business_day, slot_draw.id"""
