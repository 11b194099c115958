"""What other opening hours would take from sessions on sale and from draws that are announced, said in the preview.

What becomes of them: a session outside is sold no more (`session_making`) and who has a place is asked (`turning`); a
slot that is open no more is not drawn for, and whoever wished for it is told (models/checkout/drawing_in_vain.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from models import database
from models.booking.draw_rules import DrawOfDay, DrawState, EntryState, Wish
from models.booking.draws import of_day
from models.booking.hours_rules import HoursWanted, outside
from models.booking.rules import CourtFacts, aware, grid
from models.booking.tables import DrawEntry, SlotDraw
from models.calendar import clock_text, day_text, instant_of, minute_of_day
from models.venues.hours_versions import hours_on
from models.venues.rules import Opening, openings_on

MOST_DRAWS_NAMED = 10


async def sessions_shut(venue_id: int, wanted: HoursWanted, until: date, now: datetime) -> str | None:
    """Which sessions that are made already would lie outside, and how many."""
    found = await database.rows(
        """SELECT name, sport_code, business_day, starts_at, ends_at FROM session
            WHERE venue_id = $1 AND business_day >= $2 AND business_day < $3 AND starts_at > $4 AND is_open
            ORDER BY starts_at, id""",
        *(venue_id, wanted.from_day, until, now),
    )
    shut: Counter[str] = Counter()
    for row in found:
        starts_at, ends_at = database.utc(row["starts_at"]), database.utc(row["ends_at"])
        if outside(wanted.openings, row["sport_code"], starts_at, ends_at, database.day(row["business_day"])):
            first = minute_of_day(starts_at)
            last = first + (ends_at - starts_at).seconds // 60
            shut[f"{row['name']}{clock_text(first)}–{clock_text(last)}"] += 1
    if not shut:
        return None
    return f"{'、'.join([*shut][:3])}共{shut.total()}场的时间不在新的开放时间之内，不再售票。"


async def draws_cut(
    venue_id: int, wanted: HoursWanted, until: date, courts: Sequence[CourtFacts], sports: dict[str, str]
) -> list[str]:
    """A sentence for each draw that is announced or collects entries and would lose slots."""
    draws = await SlotDraw.filter(
        venue_id=venue_id,
        state=DrawState.PLANNED,
        business_day__gte=wanted.from_day,
        business_day__lt=until,
    ).order_by("business_day", "id")
    if not draws:
        return []
    stands = {
        row["id"]: [Opening(*each) for each in database.gathered(row["openings"])]
        for row in await database.rows(_STANDS, venue_id, wanted.from_day, until)
    }
    wishes: dict[int, list[list[Wish]]] = {}
    entered = DrawEntry.filter(draw_id__in=[draw.id for draw in draws], state=EntryState.ENTERED)
    for draw_id, named in await entered.values_list("draw_id", "wishes"):
        wishes.setdefault(draw_id, []).append([(court, at) for court, at in named])
    cuts = []
    for draw in draws:
        lost = lost_slots(of_day(draw), draw.business_day, courts, stands[draw.id], wanted.openings)
        if lost:
            touched = sum(any(wish in lost for wish in named) for named in wishes.get(draw.id, []))
            cuts.append(_cut(draw.business_day, sports.get(draw.sport_code, ""), len(lost), touched))
    return cuts[:MOST_DRAWS_NAMED]


def lost_slots(
    draw: DrawOfDay,
    day: date,
    courts: Iterable[CourtFacts],
    standing: Sequence[Opening],
    openings: Sequence[Opening],
) -> set[Wish]:
    """The slots that a draw would give out by the hours that stand, and not by others."""
    return {
        (court.public_id, aware(instant_of(day, start)).isoformat())
        for court in courts
        for start in set(_starts(court, day, standing)) - set(_starts(court, day, openings))
        if draw.has(court.id, court.sport_code, start)
    }


def _starts(court: CourtFacts, day: date, openings: Sequence[Opening]) -> Iterator[int]:
    for start, _ in grid(openings_on(openings, day.weekday(), court.sport_code), court.slot_minutes):
        yield start


def _cut(day: date, sport: str, slots: int, touched: int) -> str:
    said = f"{day_text(day)}的{sport}抽签有{slots}个时段不在新的开放时间之内，不再参加抽签"
    return (
        f"{said}；已有{touched}人报名这些时段，保存后会通知本人。"
        if touched
        else f"{said}，还没有人报名这些时段。"
    )


_STANDS = f"""
SELECT slot_draw.id,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code))
          FROM {hours_on("slot_draw.venue_id", "slot_draw.business_day")}) AS openings
  FROM slot_draw WHERE venue_id = $1 AND business_day >= $2 AND business_day < $3 AND state = 'PLANNED'"""
