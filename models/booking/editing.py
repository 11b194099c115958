"""Staff edit a venue's tariff and booking rules: first seen as a preview, then written as what was seen.

A preview changes nothing. It says what would change, from when, for how many bookings that exist, or is refused as
writing would be; its hash goes along with the write, which is refused once that hash is another.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.audit.deeds import concerning
from models.booking import existing as bookings
from models.booking.contradictions import Place, check_rule
from models.booking.limits import LIMIT_COLUMNS, RULE_COLUMNS, Limits, Rule, governing, rules_in
from models.booking.rule_changes import limit_changes
from models.booking.tables import SessionPlan
from models.booking.versions import RuleKey, check_from_day, columns_of, place_of, put, standing_version
from models.calendar import business_day, day_text
from models.errors import BadInput, DomainError, ErrorCode, wrong_key
from models.ids import request_hash
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues import writing
from models.venues.hours_versions import hours_on
from models.venues.kinds_of_days import kinds_of
from models.venues.rules import Opening
from models.venues.tariff_changes import changes, standing
from models.venues.writing import TariffWanted

LONGEST_NOTE = 200
KEY = re.compile(r"[!-~]{8,64}")
_NEVER = date.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What writing would do now; what it would be refused with, the preview is refused with."""

    from_day: date
    to_day: date | None
    changes: Sequence[str]
    bookings: int
    """That exist, from then on."""
    bookings_otherwise: int
    """Of them, with another price, or refused by the new rules, if they were made then. They keep what they have."""
    change_hash: str

    @property
    def promise(self) -> str:
        if not self.bookings_otherwise:
            return "已有的预订不受影响。"
        return f"已有{self.bookings_otherwise}个预订与新的规定不同，仍按原来的价格和规则履行。"


async def preview_tariff(*, clerk: StaffSignedIn, venue_id: str, wanted: TariffWanted, now: datetime) -> Preview:
    """Raises NOT_ALLOWED, also for a venue that is none, and TariffRefused. Six statements at most."""
    await demand_editing(clerk, venue_id)
    before = await standing(venue_id, wanted.from_day)
    writing.checked(wanted, courts=before.courts, openings=before.openings, today=business_day(now))
    lines = await bookings.existing(before.id, wanted.from_day, wanted.to_day, now=now)
    days = sorted({line.day for line in lines})
    kinds = dict(zip(days, await kinds_of(days, before.province_code), strict=True))
    return Preview(
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        changes=changes(before, windows=wanted.windows, concessions=wanted.concessions, to_day=wanted.to_day),
        bookings=len(lines),
        bookings_otherwise=bookings.priced_otherwise(lines, wanted.windows, kinds),
        change_hash=writing.hash_of(before, wanted),
    )


async def write_tariff(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    wanted: TariffWanted,
    expected_change: str,
    idempotency_key: str,
    now: datetime,
) -> int:
    """The new version's number. Raises NOT_ALLOWED and what `writing.write_tariff` raises."""
    await demand_editing(clerk, venue_id)
    if not KEY.fullmatch(idempotency_key):
        raise wrong_key(fewest=8)
    return await writing.write_tariff(
        staff_id=clerk.staff_id,
        venue_id=venue_id,
        wanted=wanted,
        expected_change=expected_change,
        idempotency_key=idempotency_key,
        now=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesWanted:
    """Limits of a sport at a venue (empty: of every sport without its own), for days from–to."""

    sport_code: str
    limits: Limits
    from_day: date
    to_day: date | None = None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What rules would be held against."""

    venue_id: int
    place: Place
    openings: Sequence[Opening]
    rules: Sequence[tuple[Rule, date]]
    """That stand, the venue's and everybody's, each with the first day on which it is no more."""
    version: int | None
    """Of the one that would be replaced."""
    has_sessions: bool
    """Of the sport: then rules are for somebody though it has no court."""

    def on(self, day: date, instead: "RulesWanted") -> list[Rule]:
        """The rules that would stand on a day, with the wanted one in its place."""
        key = (instead.sport_code, True, str(instead.from_day))
        stand = [
            rule for rule, to_day in self.rules if rule[:3] != key and rule.from_day <= str(day) < str(to_day)
        ]
        if instead.from_day <= day < (instead.to_day or _NEVER):
            stand.append(Rule(*key, instead.limits))
        return stand

    def new_limits(self, wanted: "RulesWanted", day: date, sport_code: str) -> Limits | None:
        """The wanted limits, where they would govern."""
        stand = self.on(day, wanted)
        fitting = [rule for rule in stand if rule.sport_code in ("", sport_code)]
        chosen = max(fitting, key=lambda rule: (rule.of_venue, rule.sport_code != "", rule.from_day))
        return governing(stand, sport_code) if chosen[:3] == _key_of(wanted) else None


def _key_of(wanted: RulesWanted) -> tuple[str, bool, str]:
    return wanted.sport_code, True, str(wanted.from_day)


async def preview_rules(*, clerk: StaffSignedIn, venue_id: str, wanted: RulesWanted, now: datetime) -> Preview:
    """Raises NOT_ALLOWED, also for a venue that is none; BAD_INPUT, RULES_INVALID."""
    await demand_editing(clerk, venue_id)
    before = await _rules_before(venue_id, wanted)
    _check_rules(before, wanted, now)
    lines = await bookings.existing(before.venue_id, wanted.from_day, wanted.to_day, now=now)
    concerned = [line for line in lines if before.new_limits(wanted, line.day, line.court.sport_code)]
    return Preview(
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        changes=_rule_sentences(before, wanted),
        bookings=len(concerned),
        bookings_otherwise=bookings.against_rules(
            concerned, lambda day, sport: before.new_limits(wanted, day, sport), before.openings
        ),
        change_hash=_rules_hash(before, wanted),
    )


@database.operation
async def write_rules(
    *, clerk: StaffSignedIn, venue_id: str, wanted: RulesWanted, expected_change: str, now: datetime
) -> int:
    """The version's number. The same again changes nothing. Raises NOT_ALLOWED, RULES_INVALID, PREVIEW_CHANGED."""
    await demand_editing(clerk, venue_id)
    found = await database.row("SELECT id FROM venue WHERE public_id = $1", venue_id)
    assert found is not None
    await database.alone_with(f"booking rules of {found['id']}")
    before = await _rules_before(venue_id, wanted)
    key = RuleKey(venue_id=before.venue_id, sport_code=wanted.sport_code, from_day=wanted.from_day)
    columns = columns_of(wanted.limits) | {
        "to_day": wanted.to_day,
        "provenance": "PUBLISHED",
        "published": " ".join(LIMIT_COLUMNS),
        "source": wanted.note.strip(),
    }
    stands = await standing_version(key)
    if stands is not None and all(getattr(stands, name) == value for name, value in columns.items()):
        return int(stands.version)
    _check_rules(before, wanted, now)
    if expected_change != _rules_hash(before, wanted):
        raise writing.preview_changed()
    return await put(key, columns, stands, staff_id=clerk.staff_id, now=now)


def _check_rules(before: _Before, wanted: RulesWanted, now: datetime) -> None:
    if not wanted.note.strip() or len(wanted.note) > LONGEST_NOTE:
        raise BadInput("改规则要有说明（200字以内）。", next_step="请写明为什么修改，日后查得到。", field="note")
    if wanted.sport_code and not before.place.courts and not before.has_sessions:
        raise DomainError(
            "本馆没有这个项目的场地或场次。",
            code=ErrorCode.RULES_INVALID,
            next_step="请从本馆的项目里选。",
            field="sport",
        )
    check_from_day(wanted.from_day, now)
    check_rule(wanted.limits, before.place, from_day=wanted.from_day, to_day=wanted.to_day)


def _rule_sentences(before: _Before, wanted: RulesWanted) -> list[str]:
    stand = [rule for rule, to_day in before.rules if rule.from_day <= str(wanted.from_day) < str(to_day)]
    said = list(limit_changes(governing(stand, wanted.sport_code), wanted.limits))
    for rule, _ in before.rules:
        later = date.fromisoformat(rule.from_day)
        if (
            rule.of_venue
            and rule.sport_code == wanted.sport_code
            and wanted.from_day < later < (wanted.to_day or _NEVER)
        ):
            said.append(f"{day_text(later)}起仍按已经写好的下一版规则。")
    return said


def _rules_hash(before: _Before, wanted: RulesWanted) -> str:
    return request_hash(
        [*_key_of(wanted), str(wanted.to_day), wanted.limits],
        sorted((rule, str(to_day)) for rule, to_day in before.rules),
        sorted((court[:6], sorted(openings)) for court, openings in before.place.courts),
        before.version,
    )


async def _rules_before(venue_id: str, wanted: RulesWanted) -> _Before:
    found = await database.row("SELECT id FROM venue WHERE public_id = $1", venue_id)
    assert found is not None
    key = RuleKey(venue_id=found["id"], sport_code=wanted.sport_code, from_day=wanted.from_day)
    rows = await database.rows(
        f"""SELECT {", ".join(RULE_COLUMNS)}, to_day FROM booking_rule
             WHERE (venue_id = $1 OR venue_id IS NULL) AND replaced_at IS NULL ORDER BY id""",
        found["id"],
    )
    hours = await database.rows(
        f"SELECT weekday, opens_minute, closes_minute, sport_code FROM {hours_on('$1', '$2')}",
        *(found["id"], wanted.from_day),
    )
    ends = [database.day(row["to_day"]) if row["to_day"] else _NEVER for row in rows]
    stands = await standing_version(key)
    return _Before(
        venue_id=found["id"],
        place=await place_of(key),
        openings=[Opening(*row) for row in hours],
        rules=list(zip(rules_in([tuple(row)[:-1] for row in rows]), ends, strict=True)),
        version=stands.version if stands else None,
        has_sessions=await SessionPlan.exists(venue_id=found["id"], sport_code=wanted.sport_code),
    )


async def demand_editing(clerk: StaffSignedIn, venue_id: str) -> None:
    await powers.demand(clerk, Power.EDIT_VENUE, venue_id=venue_id)
    concerning("VENUE", venue_id, venue_id=venue_id)
