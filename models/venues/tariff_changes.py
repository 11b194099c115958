"""What a tariff would change against the one that holds on its first day: in sentences, and as a hash of what was shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from models import database
from models.calendar import day_text
from models.errors import DomainError, ErrorCode
from models.ids import request_hash
from models.venues.checking import CourtNamed
from models.venues.concession_rules import rules_at
from models.venues.concessions import Covers, Rule
from models.venues.court_versions import COURT_NAME, STANDS, courts_on
from models.venues.explaining import window_text
from models.venues.hours_versions import hours_on
from models.venues.rules import Opening, Window

OF_WINDOW = len(("days", "from", "to", "kind", "price", "window", "price_said_by", "sport", "court"))
"""The fields of a window that a version keeps: what the timetable's statement reads of the files' windows."""
GROUP_WORDS = {
    "SENIOR": "老年人",
    "STUDENT": "学生",
    "DISABLED": "残疾人",
    "SOLDIER": "现役军人",
    "FIREFIGHTER": "消防员",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A venue as it is before a tariff is written: what that tariff would be held against."""

    id: int
    province_code: str
    courts: Sequence[CourtNamed]
    openings: Sequence[Opening]
    windows: Sequence[Window]
    """In force on the day from which the new ones shall hold."""
    concessions: Sequence[Rule]
    number: int
    """Of that tariff; 0: the files'."""
    last_number: int
    later: Sequence[tuple[int, date]]
    """Versions, with their first days, that begin after that day."""
    sports: dict[str, str]
    """Their names."""


async def standing(venue_id: str, day: date) -> Standing:
    """Of a venue by its public id. Raises VENUE_UNKNOWN. Two statements."""
    found = await database.row(_STANDING, venue_id, day)
    if found is None:
        raise DomainError(
            "没有找到这个场馆。", code=ErrorCode.VENUE_UNKNOWN, next_step="请返回列表重新选择。", field="venueId"
        )
    return Standing(
        id=found["id"],
        province_code=found["province_code"],
        courts=[CourtNamed(*court) for court in sorted(database.gathered(found["courts"]))],
        openings=[Opening(*opening) for opening in sorted(database.gathered(found["openings"]))],
        windows=[Window(*window) for window in database.gathered(found["windows"])],
        concessions=await rules_at(found["id"], day),
        number=int(found["number"] or 0),
        last_number=int(found["last_number"] or 0),
        later=[(number, date.fromisoformat(first)) for number, first in sorted(database.gathered(found["later"]))],
        sports=dict(database.gathered(found["sports"])),
    )


def change_hash(
    before: Standing,
    *,
    windows: Sequence[Window],
    concessions: Sequence[Rule] | None,
    from_day: date,
    to_day: date | None,
) -> str:
    """Another one as soon as the tariff that would be written, or anything that it would be held against, is another."""
    return request_hash(
        sorted(windows),
        concessions and sorted(concessions),
        [str(from_day), str(to_day)],
        sorted(before.windows),
        sorted(before.concessions),
        [before.courts, before.openings],
        [before.number, before.last_number],
    )


def changes(
    before: Standing,
    *,
    windows: Sequence[Window],
    concessions: Sequence[Rule] | None,
    to_day: date | None,
) -> list[str]:
    """A sentence for each: old → new. Pure."""
    return [
        *_of_windows(before, windows),
        *(_of_concessions(before.concessions, concessions) if concessions is not None else ()),
        *_of_later(before.later, to_day),
    ]


def _of_windows(before: Standing, windows: Sequence[Window]) -> Iterable[str]:
    old = {_place(window): window for window in before.windows}
    new = {_place(window): window for window in windows}
    for place, window in new.items():
        told, was = _told(window, before.sports), old.get(place)
        if was is None:
            yield f"新增：{told}"
        elif _told(was, before.sports) != told:
            yield f"{_told(was, before.sports)} → {told}"
    yield from (f"取消：{_told(window, before.sports)}" for place, window in old.items() if place not in new)


def _place(window: Window) -> tuple[Any, ...]:
    return window.sport_code, window.court_name, window.days, window.from_minute, window.to_minute


def _told(window: Window, sports: dict[str, str]) -> str:
    whose = window.court_name or sports.get(window.sport_code, "")
    return f"{whose}{window_text(window, year_known=True)}"


def _of_concessions(old: Sequence[Rule], new: Sequence[Rule]) -> Iterable[str]:
    was, now = ({rule.kind: _rule_text(rule) for rule in rules} for rules in (old, new))
    for kind in (*now, *(kind for kind in was if kind not in now)):
        if was.get(kind) != now.get(kind):
            yield f"{GROUP_WORDS[kind]}优待：{was.get(kind, '没有')} → {now.get(kind, '没有')}"


def _rule_text(rule: Rule) -> str:
    whose = "本人的一份" if rule.covers == Covers.SHARE else "整场"
    return f"{whose}{f'付{rule.pays_percent}%' if rule.pays_percent else '免费'}"


def _of_later(later: Sequence[tuple[int, date]], to_day: date | None) -> Iterable[str]:
    """The latest written counts wholly, so it also counts where an earlier one was going to begin."""
    for number, first in later:
        if to_day is None or first < to_day:
            until = f"到{day_text(to_day)}之前" if to_day else "起"
            yield f"第{number}版价目原定{day_text(first)}开始，{until}改按新价目。"


_IN_FORCE = """FROM tariff_version WHERE venue_id = venue.id AND from_day <= $2 AND (to_day IS NULL OR to_day > $2)
                ORDER BY number DESC LIMIT 1"""
_STANDING = f"""
SELECT venue.id, venue.province_code, (SELECT number {_IN_FORCE}) AS number,
       (SELECT MAX(number) FROM tariff_version WHERE venue_id = venue.id) AS last_number,
       (SELECT json_agg(json_build_array(number, from_day)) FROM tariff_version
         WHERE venue_id = venue.id AND from_day > $2) AS later,
       (SELECT json_agg(json_build_array(court.sport_code, {COURT_NAME})) FROM court {courts_on("$2")}
         WHERE court.venue_id = venue.id AND {STANDS}) AS courts,
       (SELECT json_agg(json_build_array(weekday, opens_minute, closes_minute, sport_code))
          FROM {hours_on("venue.id", "$2")}) AS openings,
       COALESCE((SELECT windows::json {_IN_FORCE}),
                (SELECT json_agg(json_build_array(day_kind, from_minute, to_minute, kind, price_fen_per_hour,
                        window_provenance, price_provenance, sport_code, court_name))
                   FROM tariff_window WHERE venue_id = venue.id)) AS windows,
       (SELECT json_agg(json_build_array(code, name)) FROM sport) AS sports
  FROM venue WHERE venue.public_id = $1"""
