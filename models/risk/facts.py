"""What is known about a use of a voucher, and about a venue's week, in numbers. Pure.

Facts are counts, percentages, seconds and kilometres, or nothing where nobody can know. They hold no name, no number of
anybody, and no citizen's place: distances are those between venues.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any

MONTH, WEEK, DAY = timedelta(days=30), timedelta(days=7), timedelta(days=1)
AROUND, NEAR = timedelta(minutes=30), timedelta(minutes=5)
LEAST_OF_A_DESK, LEAST_OF_A_WEEK = 6, 8
"""So many write-offs around one, or in a week, before a percentage of them says anything."""
LEAST_SEEN_PERCENT, LEAST_WALK_INS = 25, 4
"""A venue's gates see who uses a voucher at its desk when they saw so many of its walk-ins of the last weeks. Elsewhere
walk-ins go in beside the gates, and that nobody saw them says nothing."""
LEAST_KM_BETWEEN = 5
"""Two venues nearer to each other are walked between."""
SHARED_BY, PAIRED, FAST_S = 5, 4, 300
_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRow:
    """One use as the database has it; also of those around it, to which it is compared."""

    id: int
    member_id: int
    venue_id: int
    place: tuple[float, float]  # the venue's longitude and latitude
    claim_place: tuple[float, float] | None  # of the venue at whose code, or desk, it was claimed
    way: str
    claim_way: str
    claimed_at: datetime
    used_at: datetime
    day: date
    bill_fen: int
    minimum_fen: int
    phone: str  # a mark of the phone that claimed it; empty: none
    desk: str  # the desk's device; empty: an order's
    staff_id: int | None
    is_confirmed: bool
    on_paper: bool
    is_denied: bool
    is_seen: bool  # a gate or a door let them in there on that day; of an order, for it
    wechat_rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """Whether a venue's gates let anybody in on a day, and how many of its latest walk-ins they saw."""

    working: frozenset[tuple[int, date]]
    walk_ins: Mapping[int, tuple[int, int]]  # by venue: how many, how many of them seen

    def see(self, use: UseRow) -> bool:
        if (use.venue_id, use.day) not in self.working:
            return False
        if use.way == "ORDER":
            return True
        many, seen = self.walk_ins.get(use.venue_id, (0, 0))
        return many >= LEAST_WALK_INS and 100 * seen >= LEAST_SEEN_PERCENT * many


@dataclass(frozen=True, slots=True, kw_only=True)
class UseFacts:
    """Of one use; `signals.USE_SIGNALS` says what each means. None: not known, or it cannot be said of this use."""

    denied: int | None = None
    claim_to_use_s: int | None = None
    no_entry: int | None = None
    desk_no_entry_percent: int | None = None
    person_uses_day: int | None = None
    person_uses_week: int | None = None
    phone_people: int | None = None
    phone_uses_day: int | None = None
    desk_uses_10min: int | None = None
    desk_fast_percent: int | None = None
    pair_uses_month: int | None = None
    pair_unseen_month: int | None = None
    at_minimum: int | None = None
    desk_at_minimum_percent: int | None = None
    km_from_claim: int | None = None
    kmh_between: int | None = None
    unconfirmed: int | None = None
    on_paper: int | None = None
    offline: int | None = None
    wechat_rank: int | None = None

    def as_json(self) -> dict[str, int | None]:
        return {name: getattr(self, name) for name in _NAMES}


_NAMES = tuple(field.name for field in fields(UseFacts))


class Around:
    """The uses around those that are judged, found by whose, which phone's and which desk's they are."""

    def __init__(self, uses: Iterable[UseRow], gates: Gates) -> None:
        self.gates = gates
        self._of_person: dict[int, list[UseRow]] = defaultdict(list)
        self._of_phone: dict[str, list[UseRow]] = defaultdict(list)
        self._of_desk: dict[tuple[int, str, date], list[UseRow]] = defaultdict(list)
        for use in uses:
            self._of_person[use.member_id].append(use)
            if use.phone:
                self._of_phone[use.phone].append(use)
            if use.desk:
                self._of_desk[use.venue_id, use.desk, use.day].append(use)

    def of_person(self, use: UseRow) -> Sequence[UseRow]:
        return self._of_person[use.member_id]

    def of_phone(self, use: UseRow) -> Sequence[UseRow]:
        return self._of_phone[use.phone] if use.phone else ()

    def of_desk(self, use: UseRow) -> Sequence[UseRow]:
        return self._of_desk[use.venue_id, use.desk, use.day] if use.desk else ()


def facts_of(use: UseRow, around: Around) -> UseFacts:
    """`around` holds this use as well, so that every count is at least one. Nothing later than the day after the use counts,
    so that the facts are the same whenever they are asked for."""
    person, phone = around.of_person(use), around.of_phone(use)
    desk = [other for other in around.of_desk(use) if abs(other.used_at - use.used_at) <= AROUND]
    pair, at_desk = _pair(use, person), bool(use.desk)
    return UseFacts(
        denied=int(use.is_denied),
        claim_to_use_s=_claim_to_use(use),
        no_entry=int(not use.is_seen) if around.gates.see(use) else None,
        desk_no_entry_percent=_percent(
            [not other.is_seen for other in desk if around.gates.see(other)], LEAST_OF_A_DESK
        ),
        person_uses_day=sum(other.day == use.day for other in person),
        person_uses_week=sum(_near(other, use, WEEK) for other in person),
        phone_people=len({other.member_id for other in phone if _near(other, use, WEEK)}) or None,
        phone_uses_day=sum(other.day == use.day for other in phone) or None,
        desk_uses_10min=sum(abs(other.used_at - use.used_at) <= NEAR for other in desk) if at_desk else None,
        desk_fast_percent=_percent([_is_fast(other) for other in desk], LEAST_OF_A_DESK),
        pair_uses_month=None if pair is None else len(pair),
        pair_unseen_month=None if pair is None else sum(around.gates.see(u) and not u.is_seen for u in pair),
        at_minimum=int(use.bill_fen == use.minimum_fen) if at_desk else None,
        desk_at_minimum_percent=_percent([other.bill_fen == other.minimum_fen for other in desk], LEAST_OF_A_DESK),
        km_from_claim=None if use.claim_place is None else round(kilometres(use.claim_place, use.place)),
        kmh_between=_speed(use, person),
        unconfirmed=int(not use.is_confirmed and not use.on_paper) if at_desk else None,
        on_paper=int(use.on_paper),
        offline=int(use.way == "OFFLINE"),
        wechat_rank=use.wechat_rank,
    )


def _claim_to_use(use: UseRow) -> int | None:
    """Of a voucher that was claimed in the app and used at a desk. Claimed at the venue's code or desk, a voucher is used
    at once by everybody; and an order is placed with it from the same sofa."""
    if use.way == "ORDER" or use.claim_way != "APP":
        return None
    return max(0, int((use.used_at - use.claimed_at).total_seconds()))


def _is_fast(use: UseRow) -> bool:
    waited = _claim_to_use(use)
    return waited is not None and waited <= FAST_S


def _near(other: UseRow, use: UseRow, span: timedelta) -> bool:
    """Within so long before the use, or on its day or the next."""
    return use.used_at - span < other.used_at and other.day <= use.day + DAY


def _pair(use: UseRow, person: Sequence[UseRow]) -> Sequence[UseRow] | None:
    """What the same clerk wrote off for the same person within a month."""
    if use.staff_id is None:
        return None
    return [other for other in person if other.staff_id == use.staff_id and _near(other, use, MONTH)]


def _percent(answers: Sequence[bool], least: int) -> int | None:
    return 100 * sum(answers) // len(answers) if len(answers) >= least else None


def _speed(use: UseRow, person: Sequence[UseRow]) -> int | None:
    """Kilometres an hour, at least, from where the same person used another voucher at a desk before."""
    if not use.desk:
        return None
    fastest = None
    for other in person:
        hours = (use.used_at - other.used_at).total_seconds() / 3600
        if other.id == use.id or not other.desk or not 0 <= hours <= 24:
            continue
        km = kilometres(other.place, use.place)
        if km >= LEAST_KM_BETWEEN:
            fastest = max(fastest or 0, round(km / max(hours, 1 / 60)))
    return fastest


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Between two places, as (longitude, latitude) in degrees: along the sphere, which is near enough for a signal."""
    (lon, lat), (lon_2, lat_2) = one, other
    half = sin(radians(lat_2 - lat) / 2) ** 2
    half += cos(radians(lat)) * cos(radians(lat_2)) * sin(radians(lon_2 - lon) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(half))


def venue_facts(uses: Sequence[Mapping[str, Any]], *, before: Sequence[int]) -> dict[str, int | None]:
    """Of a venue's week, from the facts of its uses as they were stored; `before`: how many uses it had in each of the four
    weeks before that."""
    usual = sum(before) / len(before) if before and all(before) else 0
    return {
        "uses": len(uses),
        "growth_percent": round(100 * len(uses) / usual) if usual else None,
        "at_minimum_percent": _share(uses, "at_minimum", 1),
        "no_entry_percent": _share(uses, "no_entry", 1),
        "fast_percent": _share(uses, "claim_to_use_s", FAST_S, at_most=True),
        "shared_phone_percent": _share(uses, "phone_people", SHARED_BY),
        "pair_percent": _share(uses, "pair_uses_month", PAIRED),
        "unconfirmed_percent": _share(uses, "unconfirmed", 1),
    }


def _share(uses: Sequence[Mapping[str, Any]], name: str, threshold: int, *, at_most: bool = False) -> int | None:
    """Of those of whom it is known at all."""
    known: list[int] = [use[name] for use in uses if use.get(name) is not None]
    return _percent([value <= threshold if at_most else value >= threshold for value in known], LEAST_OF_A_WEEK)
