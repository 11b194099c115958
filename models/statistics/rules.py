"""What is counted about the voucher programme, for whom and when. Pure.

A figure is about people, so it is shown only where it is about many (`suppression.py`), and never more exactly than
`Rounding` says: two tables that overlap (a day and its week, a campaign and all of them) cannot be subtracted to what
neither shows. docs/decisions, 0033.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.calendar import day_text, instant_of
from models.errors import BadInput
from models.real_names.rules import ADULT_FROM, CHILD_UNDER, ELDER_FROM, AgeBand
from models.vouchers.rules import month_of, week_of

SMALLEST_GROUP = 10
"""People in a cell that is shown, where nobody sets it otherwise."""
FEN_A_PERSON = 10_00
"""Money is rounded to so much for each person of the smallest group: ¥100 for ten."""

FROM_AGE: Mapping[AgeBand, int] = {
    AgeBand.CHILD: 0,
    AgeBand.MINOR: CHILD_UNDER,
    AgeBand.ADULT: ADULT_FROM,
    AgeBand.ELDER: ELDER_FROM,
}
"""As what `claim_age` keeps a band. A band of its own has whoever had no real name when they claimed: -1."""


class ProgrammeAge(StrEnum):
    """On the day of the claim."""

    CHILD = "CHILD"
    MINOR = "MINOR"
    ADULT = "ADULT"
    ELDER = "ELDER"
    UNKNOWN = "UNKNOWN"


AGE_WORDS: Mapping[ProgrammeAge, str] = {
    ProgrammeAge.CHILD: "14岁以下",
    ProgrammeAge.MINOR: "14至17岁",
    ProgrammeAge.ADULT: "18至59岁",
    ProgrammeAge.ELDER: "60岁及以上",
    ProgrammeAge.UNKNOWN: "没有实名",
}
AGE_OF: Mapping[int, ProgrammeAge] = {
    -1: ProgrammeAge.UNKNOWN,
    **{from_age: ProgrammeAge(band) for band, from_age in FROM_AGE.items()},
}


class GroupedBy(StrEnum):
    DISTRICT = "DISTRICT"  # of the venue; of a claim: where its citizen said they were
    SPORT = "SPORT"  # of uses only: nobody claims for a sport
    AGE = "AGE"
    HOUR = "HOUR"  # on Shanghai's clock, of the claim and of the use
    AGE_AND_DISTRICT = "AGE_AND_DISTRICT"


BY_WORDS: Mapping[GroupedBy, str] = {
    GroupedBy.DISTRICT: "地区",
    GroupedBy.SPORT: "运动项目",
    GroupedBy.AGE: "年龄",
    GroupedBy.HOUR: "时段",
    GroupedBy.AGE_AND_DISTRICT: "年龄与地区",
}


class PeriodKind(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"  # Monday to Sunday
    MONTH = "MONTH"
    WHOLE = "WHOLE"  # all of one campaign


PERIOD_WORDS: Mapping[PeriodKind, str] = {
    PeriodKind.DAY: "一天",
    PeriodKind.WEEK: "一周",
    PeriodKind.MONTH: "一个月",
    PeriodKind.WHOLE: "活动全程",
}
_BEFORE_ALL, _AFTER_ALL = date(2000, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in Shanghai, from the first until before the next."""

    kind: PeriodKind
    first: date
    next: date

    @property
    def from_instant(self) -> datetime:
        return instant_of(self.first, 0)

    @property
    def until_instant(self) -> datetime:
        return instant_of(self.next, 0)

    @property
    def last(self) -> date:
        return self.next - timedelta(days=1)

    @property
    def words(self) -> str:
        """2026年11月; 2026年11月16日至11月22日."""
        year = f"{self.first.year}年"
        match self.kind:
            case PeriodKind.WHOLE:
                return "活动全程"
            case PeriodKind.MONTH:
                return f"{year}{self.first.month}月"
            case PeriodKind.WEEK:
                return f"{year}{day_text(self.first)}至{day_text(self.last)}"
        return f"{year}{day_text(self.first)}"


def period_of(kind: PeriodKind, day: date, *, of_one_campaign: bool, today: date) -> Period:
    """The whole day, week or month in which this day lies. Raises BAD_INPUT for what is still to come, and for the whole
    of more than one campaign: the sum over everything that ever was has no period, and no end."""
    if kind is PeriodKind.WHOLE:
        if not of_one_campaign:
            raise BadInput(
                "统计活动全程要先选一个活动。", next_step="请选择活动，或改选日、周、月。", field="campaignId"
            )
        return Period(kind, _BEFORE_ALL, _AFTER_ALL)
    if not _BEFORE_ALL <= day <= today:
        raise BadInput("所选日期还没有到，或不正确。", next_step="请选择今天或以前的日期。", field="day")
    if kind is PeriodKind.DAY:
        return Period(kind, day, day + timedelta(days=1))
    return Period(kind, *(week_of(day) if kind is PeriodKind.WEEK else month_of(day)))


@dataclass(frozen=True, slots=True)
class Claims:
    """Of what was claimed in the period. `expired`: how many of these ended unused so far."""

    people: int
    vouchers: int
    face_fen: int
    expired: int


@dataclass(frozen=True, slots=True)
class Uses:
    """Of what was used in the period and stands. `subsidised_fen`: what the public pays of `used_fen`; `moved_fen`: the
    bills that were paid with the vouchers' help (带动消费), each counted once, without what was cancelled since."""

    people: int
    vouchers: int
    used_fen: int
    subsidised_fen: int
    moved_fen: int

    @property
    def moved_percent(self) -> int | None:
        """Of the subsidy: 350 is ¥3.50 for each ¥1 of the public's money."""
        return round(100 * self.moved_fen / self.subsidised_fen) if self.subsidised_fen else None


@dataclass(frozen=True, slots=True)
class Rounding:
    """To the nearest multiple, halves up. With a unit that is no less than the smallest group, whatever two figures
    differ by is no nearer to a hidden one than what was known without them."""

    smallest_group: int

    def count(self, figure: int) -> int:
        return _nearest(figure, self.smallest_group)

    def fen(self, figure: int) -> int:
        return _nearest(figure, self.smallest_group * FEN_A_PERSON)

    def claims(self, exact: Claims) -> Claims:
        return Claims(
            self.count(exact.people),
            self.count(exact.vouchers),
            self.fen(exact.face_fen),
            self.count(exact.expired),
        )

    def uses(self, exact: Uses) -> Uses:
        return Uses(
            self.count(exact.people),
            self.count(exact.vouchers),
            self.fen(exact.used_fen),
            self.fen(exact.subsidised_fen),
            self.fen(exact.moved_fen),
        )


def _nearest(figure: int, unit: int) -> int:
    return (2 * figure + unit) // (2 * unit) * unit
