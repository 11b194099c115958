"""How much a venue lets one person book, and when: limits as data, which of them govern, whether they are kept. Pure.

One row of rules is one version, for the days on which is played. A venue's own stand before everybody's, a sport's
before those of every sport, and of two that fit a day that which began later.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from models.calendar import day_text, instant_of
from models.errors import DomainError, ErrorCode

LIMIT_COLUMNS = (
    *("courts_a_person_a_day", "minutes_a_court_a_day", "days_ahead", "release_minute", "hold_minutes"),
    *("entry_opens_minutes_before", "minutes_a_person_a_day", "courts_a_person_a_week", "minutes_a_person_a_week"),
    *("fewest_players", "most_players", "notice_minutes", "check_in_minutes", "no_show_kept_percent"),
    *("no_shows", "no_show_days", "pause_days", "series_weeks", "series_a_person", "group_days_ahead"),
    *("group_answer_hours", "arranged_hold_minutes", "cancel_free_minutes", "cancel_kept_percent"),
    *("companions_named", "real_name_needed"),
)
RULE_COLUMNS = ("sport_code", "venue_id IS NOT NULL", "from_day", *LIMIT_COLUMNS)
"""As SQL reads them from `booking_rule`, for `rules_in`."""
LOOK_AHEAD_DAYS = 30


class Limits(NamedTuple):
    """One version of a venue's rules (models.booking.tables.BookingRule). None: there is no such limit."""

    courts_a_person_a_day: int
    minutes_a_court_a_day: int
    days_ahead: int
    release_minute: int
    hold_minutes: int
    entry_opens_minutes_before: int
    minutes_a_person_a_day: int | None = None
    courts_a_person_a_week: int | None = None
    minutes_a_person_a_week: int | None = None
    fewest_players: int = 1
    most_players: int | None = None
    notice_minutes: int = 0
    check_in_minutes: int | None = None
    no_show_kept_percent: int = 100
    no_shows: int | None = None
    no_show_days: int | None = None
    pause_days: int | None = None
    series_weeks: int | None = None
    """None: no series here. So it is with the days ahead of groups."""
    series_a_person: int | None = None
    group_days_ahead: int | None = None
    group_answer_hours: int = 48
    arranged_hold_minutes: int = 1440
    cancel_free_minutes: int | None = None
    """Before the start; who cancels later, until it starts, pays `cancel_kept_percent`. None: as the house's or the
    venue's refund rules say (models.orders.tables.RefundRule)."""
    cancel_kept_percent: int | None = None
    companions_named: bool = False
    real_name_needed: bool = False
    sport_code: str = ""
    """Of which sport they are; empty: of every sport that is not in `apart`."""
    apart: tuple[str, ...] = ()

    def count(self, sport_code: str) -> bool:
        """Whether a court of this sport counts where these limits count."""
        return sport_code == self.sport_code if self.sport_code else sport_code not in self.apart

    def most_on(self, max_people: int) -> int:
        """How many may play on a court that takes so many."""
        return max_people if self.most_players is None else min(max_people, self.most_players)


class Rule(NamedTuple):
    """A version that stands on a day, and whose it is."""

    sport_code: str
    of_venue: bool
    from_day: str  # ISO, so that later is greater
    limits: Limits


def rules_in(rows: Iterable[Sequence[Any]]) -> tuple[Rule, ...]:
    """Of rows of RULE_COLUMNS. SQLite has numbers for truths."""
    return tuple(
        Rule(row[0], bool(row[1]), str(row[2]), limits_in(row[len(RULE_COLUMNS) - len(LIMIT_COLUMNS) :]))
        for row in rows
    )


def limits_in(values: Sequence[Any]) -> Limits:
    """In the order of LIMIT_COLUMNS."""
    *numbers, companions_named, real_name_needed = values
    return Limits._make([*numbers, bool(companions_named), bool(real_name_needed), "", ()])


def governing(rules: Iterable[Rule], sport_code: str) -> Limits:
    """The limits for a sport at a venue on the day for which these rules stand. Raises ValueError without any: the
    import brings at least one for everybody."""
    rules = list(rules)
    fitting = [rule for rule in rules if rule.sport_code in ("", sport_code)]
    rule = max(fitting, key=lambda rule: (rule.of_venue, rule.sport_code != "", rule.from_day))
    if rule.sport_code:
        return rule.limits._replace(sport_code=rule.sport_code)
    own = {other.sport_code for other in rules if other.sport_code and other.of_venue >= rule.of_venue}
    return rule.limits._replace(apart=tuple(sorted(own)))


def released_at(day: date, limits: Limits) -> datetime:
    """The instant at which a day's slots open for booking."""
    return instant_of(day - timedelta(days=limits.days_ahead), limits.release_minute)


def for_groups(limits: Limits) -> Limits:
    """When groups may ask, in place of when everybody may book. Raises GROUPS_NOT_TAKEN."""
    if limits.group_days_ahead is None:
        raise DomainError(
            "这个场馆不接受网上的团体预订申请。",
            code=ErrorCode.GROUPS_NOT_TAKEN,
            next_step="请直接联系场馆，或选择其他场馆。",
            field="lines",
        )
    return limits._replace(days_ahead=limits.group_days_ahead, release_minute=0)


class Booked(NamedTuple):
    """A court that somebody has, or wants."""

    court_id: int
    sport_code: str
    day: date
    minutes: int
    title: str = ""  # of what is wanted, for a refusal


def week_of(day: date) -> tuple[date, date]:
    """Its Monday, and the next."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)


class _Excess(NamedTuple):
    """A limit that was reached."""

    code: ErrorCode
    sentence: str


def check_counts(limits: Limits, *, held: Iterable[Booked], wanted: Sequence[Booked], who: str = "") -> None:
    """Whether somebody may have these courts too, beside what they hold: all that they have at this venue from the
    week of the first one on. `wanted` are courts for which these limits are. `who`: a companion's masked name.

    Raises TOO_MANY_COURTS or TOO_MANY_HOURS with the limit, and with the next day on which the same would fit.
    """
    counted = [each for each in held if limits.count(each.sport_code)]
    excess = _excess(limits, counted, wanted)
    if excess is None:
        return
    day = _next_day_that_fits(limits, counted, wanted)
    ways = [f"可以改订{day_text(day)}" if day else "", "先取消已有的预订" if counted else "少选一些时段"]
    raise DomainError(
        (f"球友{who}已到上限：" if who else "") + excess.sentence,
        code=excess.code,
        next_step="，或".join(way for way in ways if way) + "。",
        field="lines",
    )


def _excess(limits: Limits, held: Sequence[Booked], wanted: Sequence[Booked]) -> _Excess | None:
    """The first limit that these break; a week's before a day's, since it is the longer to wait for."""
    together = [*held, *wanted]
    for monday, next_monday in sorted({week_of(each.day) for each in wanted}):
        week = [each for each in together if monday <= each.day < next_monday]
        courts, minutes = len({(each.court_id, each.day) for each in week}), sum(each.minutes for each in week)
        span = f"{day_text(monday)}至{day_text(next_monday - timedelta(days=1))}这一周"
        if limits.courts_a_person_a_week is not None and courts > limits.courts_a_person_a_week:
            said = f"每人每周在本馆最多订{limits.courts_a_person_a_week}片场地，{span}已达上限。"
            return _Excess(ErrorCode.TOO_MANY_COURTS, said)
        if limits.minutes_a_person_a_week is not None and minutes > limits.minutes_a_person_a_week:
            said = f"每人每周在本馆最多订{limits.minutes_a_person_a_week}分钟，{span}已达上限。"
            return _Excess(ErrorCode.TOO_MANY_HOURS, said)
    for day in sorted({each.day for each in wanted}):
        on_court: Counter[int] = Counter()
        for each in together:
            if each.day == day:
                on_court[each.court_id] += each.minutes
        if len(on_court) > limits.courts_a_person_a_day:
            said = f"每人每天在本馆最多订{limits.courts_a_person_a_day}片场地，{day_text(day)}已达上限。"
            return _Excess(ErrorCode.TOO_MANY_COURTS, said)
        mine = [each for each in wanted if each.day == day]
        too_long = [each for each in mine if on_court[each.court_id] > limits.minutes_a_court_a_day]
        if too_long:
            said = f"{too_long[-1].title}订不了：每人每天在同一片场地最多{limits.minutes_a_court_a_day}分钟。"
            return _Excess(ErrorCode.TOO_MANY_COURTS, said)
        if limits.minutes_a_person_a_day is not None and on_court.total() > limits.minutes_a_person_a_day:
            said = f"每人每天在本馆最多订{limits.minutes_a_person_a_day}分钟，{day_text(day)}已达上限。"
            return _Excess(ErrorCode.TOO_MANY_HOURS, said)
    return None


def _next_day_that_fits(limits: Limits, held: Sequence[Booked], wanted: Sequence[Booked]) -> date | None:
    """By how many days later the same would be within the limits: the first of its days then."""
    for days in range(1, LOOK_AHEAD_DAYS + 1):
        later = [each._replace(day=each.day + timedelta(days=days)) for each in wanted]
        if _excess(limits, held, later) is None:
            return min(each.day for each in later)
    return None
