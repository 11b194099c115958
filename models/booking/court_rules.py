"""A court as staff want it from a day on: what can be wrong with it, and what it changes, in sentences. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from models.booking.contradictions import Place, contradictions
from models.booking.limits import Limits
from models.booking.rules import CourtFacts, grid
from models.calendar import CELL_MINUTES, business_day, day_text, minute_of_day
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.rules import Opening, Window, openings_on

LONGEST_NAME, LONGEST_NOTE = 40, 200
LONGEST_SLOT = 8 * 60
MOST_PEOPLE = 500
FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtWanted:
    """All of a court from a day on. `court_id` and `floor_of` are public ids; without `court_id` a new one."""

    court_id: str | None = None
    sport_code: str = ""
    """Of a new one; a court keeps its sport."""
    floor_of: Sequence[str] = ()
    """Courts that a new one is laid over, whose parts it covers: two halves make a full court. None: a floor of its own."""
    name: str
    slot_minutes: int
    max_people: int
    retired: bool = False
    from_day: date
    note: str


class Standing(NamedTuple):
    """A court on the day from which another version shall hold."""

    facts: CourtFacts
    stands: bool
    last_number: int
    last_day: date | None
    """Of the last version that was written; None: there is none."""


class Booked(NamedTuple):
    """Something that is booked on a court from that day on."""

    order_no: str
    starts_at: datetime
    ends_at: datetime
    people: int
    paid: bool


def check_itself(wanted: CourtWanted, today: date) -> None:
    """Raises BAD_INPUT with the first thing that is wrong with it, wherever it is."""
    if not 1 <= len(wanted.note.strip()) <= LONGEST_NOTE:
        raise BadInput("改场地要有说明（200字以内）。", next_step="请写明为什么修改，日后查得到。", field="note")
    if not today <= wanted.from_day <= today + FARTHEST:
        raise BadInput("开始日期要从今天起，在一年之内。", next_step="请改正日期。", field="fromDay")
    if wanted.name != wanted.name.strip() or not (
        1 <= len(wanted.name) <= LONGEST_NAME and wanted.name.isprintable()
    ):
        raise BadInput("场地要有名称。", next_step=f"请填写1到{LONGEST_NAME}个字，前后不留空格。", field="name")
    if wanted.slot_minutes % CELL_MINUTES or not CELL_MINUTES <= wanted.slot_minutes <= LONGEST_SLOT:
        raise BadInput(
            "每场的时间要是半小时的整数倍，最多8小时。", next_step="请改正每场的分钟数。", field="slotMinutes"
        )
    if not 1 <= wanted.max_people <= MOST_PEOPLE:
        raise BadInput(
            f"一片场地要容得下1到{MOST_PEOPLE}人。", next_step="请填写场地最多可容的人数。", field="maxPeople"
        )


def check_new(wanted: CourtWanted, floors: Sequence[CourtFacts], others: Sequence[CourtFacts]) -> None:
    """Raises BAD_INPUT for one that begins retired, or is the same floor for the same sport as another court."""
    if wanted.retired:
        raise BadInput("新场地不能一开始就停用。", next_step="请去掉停用。", field="retired")
    parts = parts_of(floors)
    same = [court for court in others if court.sport_code == wanted.sport_code and set(court.part_ids) == parts]
    if same:
        raise BadInput(
            f"这块地面已经是{same[0].name}。", next_step="请选择要拼在一起的几片场地。", field="floorOf"
        )


def check_edited(wanted: CourtWanted, court: Standing) -> None:
    """Raises BAD_INPUT for another sport or floor, a day before the last version's, or nothing new."""
    if wanted.sport_code not in ("", court.facts.sport_code) or wanted.floor_of:
        raise BadInput("场地的项目和地面不能修改。", next_step="请停用这片场地，另加一片新的。", field="courtId")
    if court.last_day and wanted.from_day < court.last_day:
        raise BadInput(
            f"这片场地已有{day_text(court.last_day)}起的改动，不能写在它前面。",
            next_step=f"请从{day_text(court.last_day)}或之后开始。",
            field="fromDay",
        )
    if (wanted.name, wanted.slot_minutes, wanted.max_people, wanted.retired) == (
        *(court.facts.name, court.facts.slot_minutes, court.facts.max_people),
        not court.stands,
    ):
        raise BadInput("和现在一样，没有要改的。", next_step="请先修改，再预览。", field="name")


def check_name(wanted: CourtWanted, borne: Collection[str], priced: Collection[str], was: str) -> None:
    """Raises BAD_INPUT for a name that another court of the sport bears or bore, and for renaming a court that a tariff
    names: windows lead to a court by its name (`priced`: those that tariffs of these days name)."""
    if wanted.name in borne:
        raise BadInput(f"已经有（或有过）叫{wanted.name}的场地。", next_step="请换一个名称。", field="name")
    if was and wanted.name != was and was in priced:
        raise BadInput(
            f"价目里单独写了{was}，改名会使它失去自己的价格。",
            next_step="请先写一版不单列这片场地的价目，改名之后再单列新名称。",
            field="name",
        )


def check_can_be_booked(court: CourtFacts, openings: Sequence[Opening], limits: Limits, from_day: date) -> None:
    """Raises BAD_INPUT for a court on which not one slot fits its hours, RULES_INVALID with the sentence of
    `contradictions` where the rules of that day let nobody book it."""
    week = [each for weekday in range(7) for each in openings_on(openings, weekday, court.sport_code)]
    if not any(True for _ in grid(week, court.slot_minutes)):
        raise BadInput(
            f"本馆的开放时间里排不下{court.name}的一场（{court.slot_minutes}分钟），谁也订不了。",
            next_step="请缩短每场的时间，或先核对本馆这个项目的开放时间。",
            field="slotMinutes",
        )
    said = next(contradictions(limits, Place([(court, week)]), from_day=from_day, to_day=None), None)
    if said is not None:
        raise DomainError(
            f"{court.name}：{said}",
            code=ErrorCode.RULES_INVALID,
            next_step="请改正场地，或先修改预订规则。",
            field="slotMinutes",
        )


def otherwise(wanted: CourtWanted, booked: Sequence[Booked], openings: Sequence[Opening], sport: str) -> int:
    """How many of what is booked the court would not give any more: all where it is retired, else those of another grid
    or with more people."""
    if wanted.retired:
        return len(booked)
    grids = [list(grid(openings_on(openings, day, sport), wanted.slot_minutes)) for day in range(7)]
    count = 0
    for each in booked:
        start = minute_of_day(each.starts_at)
        length = (each.ends_at - each.starts_at) // timedelta(minutes=1)
        day = business_day(each.starts_at).weekday()
        count += (start, start + length) not in grids[day] or each.people > wanted.max_people
    return count


def sentences(wanted: CourtWanted, was: Standing | None, floors: Sequence[CourtFacts]) -> Iterator[str]:
    """What changes: old → new."""
    if was is None:
        yield f"新增{wanted.name}：每场{wanted.slot_minutes}分钟，最多{wanted.max_people}人。"
        if floors:
            names = "、".join(court.name for court in floors)
            yield f"它占用{names}的地面，同一时间只能订其中一种。"
        return
    facts = was.facts
    if facts.name != wanted.name:
        yield f"名称：{facts.name} → {wanted.name}"
    if facts.slot_minutes != wanted.slot_minutes:
        yield f"每场：{facts.slot_minutes}分钟 → {wanted.slot_minutes}分钟"
    if facts.max_people != wanted.max_people:
        yield f"最多：{facts.max_people}人 → {wanted.max_people}人"
    if was.stands == wanted.retired:
        yield f"{wanted.name}：{'停用' if wanted.retired else '重新启用'}"


def promise(wanted: CourtWanted, booked: int, differ: int) -> str:
    """What becomes of whoever booked, in a sentence."""
    if not differ:
        return "已有的预订不受影响。"
    if wanted.retired:
        return f"已有{booked}个预订，保存后会逐一通知本人，由他们改期或者全额退款。"
    return f"已有{differ}个预订与新的场次不同，仍按原来的时间和人数履行。"


class Tariff(NamedTuple):
    """A version that staff wrote; of several that hold on a day the last number counts."""

    number: int
    from_day: date
    to_day: date | None
    windows: Sequence[Window]


def named_by_tariffs(
    versions: Sequence[Tariff], files: Iterable[tuple[str, str]], *, sport_code: str, from_day: date
) -> set[str]:
    """The courts of a sport that some window names which holds on that day or later. `files`: sport and court of each
    window of the files, which hold where no version does."""
    turns = {from_day} | {day for version in versions for day in version[1:3] if day and day > from_day}
    named: set[tuple[str, str]] = set()
    for day in turns:
        holding = [
            each for each in versions if each.from_day <= day and (each.to_day is None or day < each.to_day)
        ]
        if holding:
            windows = max(holding, key=lambda each: each.number).windows
            named |= {(window.sport_code, window.court_name) for window in windows}
        else:
            named |= set(files)
    return {court for sport, court in named if court and sport in ("", sport_code)}


def parts_of(courts: Sequence[CourtFacts]) -> set[int]:
    return {part for court in courts for part in court.part_ids}
