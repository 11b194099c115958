"""A venue held against 体规字〔2021〕7号, the rules of opening free or at a low charge, rule by rule. Pure.

Each rule gets a figure where there are facts to count, and a verdict only where the facts are the venue's own: what is
made up for the walk-through is counted and judged by nobody. What no data say is unknown, and the sentence says what is
missing. What the rules mean by a figure is read in one way, which stands beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.calendar import CELL_MINUTES
from models.money import yuan_text
from models.venues.checking import CourtNamed, decided, usual
from models.venues.concessions import MOST_PERCENT, Rule
from models.venues.days import Day, day_of
from models.venues.rules import (
    HalfHours,
    Opening,
    PriceKind,
    Window,
    half_hours,
    openings_on,
    windows_of_court,
)

SOURCE = "体规字〔2021〕7号"
WEEKLY_HOURS, DAYS_A_YEAR, HOURS_A_DAY_OFF, LOW_PERCENT = 35, 330, 8, 70


class Verdict(StrEnum):
    MET = "MET"
    PARTLY = "PARTLY"  # by some courts, not by all
    NOT_MET = "NOT_MET"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    UNKNOWN = "UNKNOWN"


class OpenRule(StrEnum):
    """What the document asks for, in the order of the report."""

    WEEKLY_HOURS = "WEEKLY_HOURS"
    DAYS_A_YEAR = "DAYS_A_YEAR"
    WEEKENDS = "WEEKENDS"
    STATUTORY_HOLIDAYS = "STATUTORY_HOLIDAYS"
    SCHOOL_HOLIDAYS = "SCHOOL_HOLIDAYS"
    OUTDOOR = "OUTDOOR"
    FREE_DAY = "FREE_DAY"
    LOW_PRICE = "LOW_PRICE"
    CONCESSIONS = "CONCESSIONS"
    PUBLIC_BENEFIT = "PUBLIC_BENEFIT"
    CLOSURE_NOTICE = "CLOSURE_NOTICE"


class Found(NamedTuple):
    """What was found of one rule. `figure` is as people read it; None where there is nothing to count."""

    rule: OpenRule
    asks: str
    verdict: Verdict
    figure: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a venue for the year of `today`, by the tariff and the hours in force on that day."""

    today: date
    courts: Sequence[CourtNamed]
    openings: Sequence[Opening]
    openings_published: bool
    windows: Sequence[Window]
    concessions: Sequence[Rule]
    notices: Mapping[date, str]
    """HOLIDAY and MAKEUP_WORKDAY of the years that are known."""
    school_holidays: Sequence[tuple[date, date]]

    def day(self, day: date) -> Day:
        return day_of(
            day,
            notice=self.notices.get(day),
            year_known=self.knows(day.year),
            in_school_holiday=any(first <= day < end for first, end in self.school_holidays),
        )

    def knows(self, year: int) -> bool:
        return any(noticed.year == year for noticed in self.notices)

    def minutes_open(self, weekday: int, sport_code: str = "") -> int:
        return sum(closes - opens for opens, closes in openings_on(self.openings, weekday, sport_code))

    def longest_minutes(self, weekday: int) -> int:
        """Of the sport that can be played longest."""
        sports = {court.sport_code for court in self.courts}
        return max((self.minutes_open(weekday, sport) for sport in sports), default=0)

    def days_of_year(self) -> list[date]:
        first = date(self.today.year, 1, 1)
        return [first + timedelta(days=n) for n in range((date(self.today.year + 1, 1, 1) - first).days)]


def report(facts: Facts) -> list[Found]:
    """All rules, in their order."""
    return [
        _weekly_hours(facts),
        _days_a_year(facts),
        _weekends(facts),
        _statutory_holidays(facts),
        _school_holidays(facts),
        _unknown(OpenRule.OUTDOOR, "户外公共区域每天免费开放不少于12小时", "没有哪些场地在室外的数据。"),
        _free_day(facts),
        _low_price(facts),
        _concessions(facts),
        _unknown(OpenRule.PUBLIC_BENEFIT, "公益性活动收费不超过半价", "没有公益性活动收费的数据。"),
        _unknown(OpenRule.CLOSURE_NOTICE, "除天气原因外，停止开放提前7天公告", "没有停止开放的公告记录。"),
    ]


def warnings(facts: Facts) -> list[str]:
    """What staff must know before they believe the report, and before prices of those days are shown."""
    told = [
        f"{year}年放假安排尚未导入：这一年的节假日和调休按星期几计价，请在国务院办公厅通知公布后导入。"
        for year in (facts.today.year, facts.today.year + 1)
        if not facts.knows(year)
    ]
    if not any(end > facts.today for _, end in facts.school_holidays):
        told.append("没有本省今后寒暑假的日期：寒暑假的时段价目不会生效，报告中相关一项无法判断。")
    return told


def _weekly_hours(facts: Facts) -> Found:
    """Free or low, in a week without holidays: by the court that has least, and by the one that has most."""
    asks = f"每周免费或低收费开放不少于{WEEKLY_HOURS}小时"
    week = [
        date(2024, 1, 1) + timedelta(days=n) for n in range(7)
    ]  # a Monday; no rule of single days is looked at
    of_courts, published = [], facts.openings_published
    for court, deciding in _by_kind_of_court(facts, usual(facts.windows)):
        minutes = 0
        for day in week:
            told = _Deciding(deciding, openings_on(facts.openings, day.weekday(), court.sport_code))
            halves = told.on(day_of(day, notice=None, year_known=True))
            minutes += CELL_MINUTES * sum(window.kind in (PriceKind.FREE, PriceKind.LOW) for window in halves)
            published = published and all(window.window_provenance == "PUBLISHED" for window in halves)
        of_courts.append(minutes)
    if not of_courts:
        return _unknown(OpenRule.WEEKLY_HOURS, asks, "没有可预订的场地。")
    least, most = min(of_courts), max(of_courts)
    figure = _hours(least) if least == most else f"{_hours(least)}–{_hours(most)}"
    verdict = _of_courts(least >= 60 * WEEKLY_HOURS, most >= 60 * WEEKLY_HOURS)
    text = f"没有节假日的一周里，最少的场地{_hours(least)}，最多的{_hours(most)}。"
    return _judged(OpenRule.WEEKLY_HOURS, asks, verdict, figure, text, published)


def _days_a_year(facts: Facts) -> Found:
    asks = f"全年开放不少于{DAYS_A_YEAR}天"
    count = sum(facts.longest_minutes(day.weekday()) > 0 for day in facts.days_of_year())
    verdict = Verdict.MET if count >= DAYS_A_YEAR else Verdict.NOT_MET
    text = f"按每周的开放时间推算，{facts.today.year}年开放{count}天，临时停止开放的日子没有扣除。"
    return _judged(OpenRule.DAYS_A_YEAR, asks, verdict, f"{count}天", text, facts.openings_published)


def _weekends(facts: Facts) -> Found:
    asks = f"公休日每天开放不少于{HOURS_A_DAY_OFF}小时"
    return _hours_on(facts, OpenRule.WEEKENDS, asks, [5, 6], "周六、周日")


def _statutory_holidays(facts: Facts) -> Found:
    asks = f"法定节假日每天开放不少于{HOURS_A_DAY_OFF}小时"
    year = facts.today.year
    if not facts.knows(year):
        return _unknown(OpenRule.STATUTORY_HOLIDAYS, asks, f"{year}年放假安排尚未导入。")
    days = [day for day in facts.days_of_year() if facts.notices.get(day) == "HOLIDAY"]
    weekdays = [day.weekday() for day in days]
    return _hours_on(facts, OpenRule.STATUTORY_HOLIDAYS, asks, weekdays, f"{year}年的法定节假日")


def _school_holidays(facts: Facts) -> Found:
    asks = f"学校寒暑假每天开放不少于{HOURS_A_DAY_OFF}小时"
    days = [day for day in facts.days_of_year() if facts.day(day).in_school_holiday]
    if not days:
        return _unknown(OpenRule.SCHOOL_HOLIDAYS, asks, "没有本省今年寒暑假的日期。")
    return _hours_on(facts, OpenRule.SCHOOL_HOLIDAYS, asks, [day.weekday() for day in days], "今年的寒暑假")


def _hours_on(facts: Facts, rule: OpenRule, asks: str, weekdays: Iterable[int], when: str) -> Found:
    least = min(facts.longest_minutes(weekday) for weekday in weekdays)
    verdict = Verdict.MET if least >= 60 * HOURS_A_DAY_OFF else Verdict.NOT_MET
    text = f"{when}里，开放最短的一天{_hours(least)}（按每周的开放时间）。"
    return _judged(rule, asks, verdict, _hours(least), text, facts.openings_published)


def _free_day(facts: Facts) -> Found:
    asks = "8月8日全民健身日全面免费开放"
    day = facts.day(date(facts.today.year, 8, 8))
    free = shut = 0
    kinds = _by_kind_of_court(facts, facts.windows)
    for court, windows in kinds:
        halves = _Deciding(windows, openings_on(facts.openings, day.date.weekday(), court.sport_code)).on(day)
        shut += not halves
        free += bool(halves) and all(window.kind == PriceKind.FREE for window in halves)
    if not kinds:
        return _unknown(OpenRule.FREE_DAY, asks, "没有可预订的场地。")
    verdict = _of_courts(free == len(kinds), free > 0)
    closed = f"，{shut}种当天不开放" if shut else ""
    text = f"{facts.today.year}年8月8日，{len(kinds)}种场地里{free}种全天免费{closed}。"
    return _judged(OpenRule.FREE_DAY, asks, verdict, f"{free}/{len(kinds)}", text, facts.openings_published)


def _low_price(facts: Facts) -> Found:
    """Each court's dearest low price beside its cheapest market price."""
    asks = f"低收费不超过市场价的{LOW_PERCENT}%"
    ratios: list[tuple[int, int, int]] = []
    published, any_low = True, False
    for court, windows in _by_kind_of_court(facts, facts.windows):
        week = [openings_on(facts.openings, weekday, court.sport_code) for weekday in range(7)]
        deciding = {window for _, _, window in decided(windows, week) if window is not None}
        low = [window for window in deciding if window.kind == PriceKind.LOW]
        market = [window for window in deciding if window.kind == PriceKind.MARKET]
        any_low = any_low or bool(low)
        if low and market:
            dearest = max(window.price_fen_per_hour for window in low)
            cheapest = min(window.price_fen_per_hour for window in market)
            ratios.append((-(-100 * dearest // cheapest), dearest, cheapest))
            published = published and all(window.price_provenance == "PUBLISHED" for window in (*low, *market))
    if not any_low:
        return Found(OpenRule.LOW_PRICE, asks, Verdict.NOT_APPLICABLE, None, "没有低收费时段。")
    if not ratios:
        return _unknown(OpenRule.LOW_PRICE, asks, "有低收费时段，但没有同一场地的市场价可比。")
    percent, low_fen, market_fen = max(ratios)
    verdict = _of_courts(percent <= LOW_PERCENT, min(ratios)[0] <= LOW_PERCENT)
    text = f"比例最高的场地：低收费每小时{yuan_text(low_fen)}，市场价每小时{yuan_text(market_fen)}。"
    return _judged(OpenRule.LOW_PRICE, asks, verdict, f"{percent}%", text, published)


def _concessions(facts: Facts) -> Found:
    asks = "老年人、残疾人、学生、军人和消防救援人员不超过半价"
    pays = {rule.kind: rule.pays_percent for rule in facts.concessions}
    groups = {
        "SENIOR": "老年人",
        "DISABLED": "残疾人",
        "STUDENT": "学生",
        "SOLDIER": "军人",
        "FIREFIGHTER": "消防救援人员",
    }
    missing = [word for kind, word in groups.items() if pays.get(kind, 100) > MOST_PERCENT]
    figure = f"最高付{max(pays.get(kind, 100) for kind in groups)}%"
    text = f"没有做到的：{'、'.join(missing)}。" if missing else "五类人群都不超过半价，川渝两地的认定一样算。"
    verdict = Verdict.MET if not missing else _of_courts(False, len(missing) < len(groups))
    published = all(rule.provenance == "PUBLISHED" for rule in facts.concessions)
    return _judged(OpenRule.CONCESSIONS, asks, verdict, figure, text, published)


class _Deciding:
    """A kind of court's windows in its hours of one weekday."""

    def __init__(self, windows: Sequence[Window], hours: Sequence[tuple[int, int]]) -> None:
        self._windows, self._hours = windows, hours

    def on(self, day: Day) -> list[Window]:
        """What decides each half hour in which it is open; what has no price cannot be sold and is left out."""
        painted: HalfHours = half_hours(self._windows, day)
        return [
            window
            for opens, closes in self._hours
            for window in painted[opens // CELL_MINUTES : closes // CELL_MINUTES]
            if window is not None
        ]


def _by_kind_of_court(facts: Facts, windows: Sequence[Window]) -> list[tuple[CourtNamed, tuple[Window, ...]]]:
    """One court of all that have the same windows."""
    named = {window.court_name for window in windows}
    kinds = {(court.sport_code, court.name if court.name in named else ""): court for court in facts.courts}
    return [(court, windows_of_court(windows, *court)) for court in kinds.values()]


def _of_courts(all_do: bool, some_do: bool) -> Verdict:
    return Verdict.MET if all_do else Verdict.PARTLY if some_do else Verdict.NOT_MET


def _judged(rule: OpenRule, asks: str, verdict: Verdict, figure: str, text: str, published: bool) -> Found:
    if published:
        return Found(rule, asks, verdict, figure, text)
    return Found(rule, asks, Verdict.UNKNOWN, figure, f"{text}其中有演示数据，不能据此下结论。")


def _unknown(rule: OpenRule, asks: str, why: str) -> Found:
    return Found(rule, asks, Verdict.UNKNOWN, None, why)


def _hours(minutes: int) -> str:
    return f"{minutes // 60}小时" if minutes % 60 == 0 else f"{minutes / 60:.1f}小时"
