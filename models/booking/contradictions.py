"""Rules that nobody can keep, or that contradict one another: said when they are saved, not when somebody books. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from models.booking.limits import Limits
from models.booking.rules import CourtFacts, grid
from models.calendar import MOST_DAYS_AWAY, clock_text, length_text
from models.errors import DomainError, ErrorCode

_DAY = 24 * 60
LONGEST_HOLD, LONGEST_ENTRY, LONGEST_CHECK_IN = 120, 240, 120
LONGEST_CANCEL = 30 * _DAY
LONGEST_SERIES, LONGEST_ANSWER, LONGEST_ARRANGED = 52, 14 * 24, 7 * 24 * 60
MOST_NO_SHOWS, MOST_NO_SHOW_DAYS, MOST_PAUSE_DAYS = 100, 366, 366
_LEAST = {
    "courts_a_person_a_day": (1, "每人每天的场地数"),
    "minutes_a_court_a_day": (1, "每人每天在同一片场地的时间"),
    "minutes_a_person_a_day": (1, "每人每天的时间"),
    "courts_a_person_a_week": (1, "每人每周的场地数"),
    "minutes_a_person_a_week": (1, "每人每周的时间"),
    "fewest_players": (1, "最少人数"),
    "most_players": (1, "最多人数"),
    "days_ahead": (0, "提前天数"),
    "notice_minutes": (0, "预订截止时间"),
    "hold_minutes": (1, "支付时间"),
    "entry_opens_minutes_before": (0, "提前入场时间"),
    "check_in_minutes": (1, "签到时间"),
    "no_show_kept_percent": (0, "未到场的扣款比例"),
    "no_shows": (1, "未到场次数"),
    "no_show_days": (1, "统计未到场的天数"),
    "pause_days": (1, "暂停天数"),
    "series_weeks": (1, "固定场的周数"),
    "series_a_person": (1, "每人的固定场数"),
    "group_days_ahead": (0, "团体提前申请的天数"),
    "group_answer_hours": (1, "团体申请的答复时限"),
    "arranged_hold_minutes": (1, "固定场和团体预订的支付时间"),
    "cancel_free_minutes": (0, "免费取消的截止时间"),
    "cancel_kept_percent": (0, "过时取消的扣款比例"),
}
_MOST = {
    "days_ahead": (MOST_DAYS_AWAY, "提前天数"),
    "hold_minutes": (LONGEST_HOLD, "支付时间"),
    "entry_opens_minutes_before": (LONGEST_ENTRY, "提前入场时间"),
    "check_in_minutes": (LONGEST_CHECK_IN, "签到时间"),
    "no_show_kept_percent": (100, "未到场的扣款比例"),
    "no_shows": (MOST_NO_SHOWS, "未到场次数"),
    "no_show_days": (MOST_NO_SHOW_DAYS, "统计未到场的天数"),
    "pause_days": (MOST_PAUSE_DAYS, "暂停天数"),
    "series_weeks": (LONGEST_SERIES, "固定场的周数"),
    "group_days_ahead": (MOST_DAYS_AWAY, "团体提前申请的天数"),
    "group_answer_hours": (LONGEST_ANSWER, "团体申请的答复时限"),
    "arranged_hold_minutes": (LONGEST_ARRANGED, "固定场和团体预订的支付时间"),
    "cancel_free_minutes": (LONGEST_CANCEL, "免费取消的截止时间"),
    "cancel_kept_percent": (100, "过时取消的扣款比例"),
}


class Place(NamedTuple):
    """What a rule is for: its courts, each with its openings on the days of a week."""

    courts: Sequence[tuple[CourtFacts, Sequence[tuple[int, int]]]]


def check_rule(limits: Limits, place: Place, *, from_day: date, to_day: date | None) -> None:
    """Raises RULES_INVALID with the first sentence that says why nobody could book by these limits, or which of them
    contradict one another. A place without courts is not looked at: there is nothing yet to book."""
    said = next(contradictions(limits, place, from_day=from_day, to_day=to_day), None)
    if said is not None:
        raise DomainError(said, code=ErrorCode.RULES_INVALID, next_step="请改正后再保存。", field="rule")


def contradictions(limits: Limits, place: Place, *, from_day: date, to_day: date | None) -> Iterator[str]:
    if to_day is not None and to_day <= from_day:
        yield "规则的结束日期应晚于开始日期。"
    out_of_range = list(_out_of_range(limits))
    yield from out_of_range
    if out_of_range:
        return
    yield from _against_each_other(limits)
    if place.courts:
        yield from _against_courts(limits, place)


def _out_of_range(limits: Limits) -> Iterator[str]:
    for column, (least, name) in _LEAST.items():
        value = getattr(limits, column)
        if value is not None and value < least:
            yield f"{name}不能小于{least}，否则谁也订不了。" if least else f"{name}不能小于0。"
    for column, (most, name) in _MOST.items():
        value = getattr(limits, column)
        if value is not None and value > most:
            yield f"{name}不能大于{most}。"
    if not 0 <= limits.release_minute < _DAY:
        yield "开放预订的时刻应在一天之内。"


def _against_each_other(limits: Limits) -> Iterator[str]:
    day, court, week = limits.minutes_a_person_a_day, limits.minutes_a_court_a_day, limits.minutes_a_person_a_week
    if day is not None and day < court:
        yield f"每人每天最多{day}分钟，少于同一片场地每天最多的{court}分钟，互相矛盾。"
    if week is not None and day is not None and week < day:
        yield f"每人每周最多{week}分钟，少于每人每天最多的{day}分钟，互相矛盾。"
    if limits.courts_a_person_a_week is not None and limits.courts_a_person_a_week < limits.courts_a_person_a_day:
        yield (
            f"每人每周最多{limits.courts_a_person_a_week}片场地，"
            f"少于每人每天最多的{limits.courts_a_person_a_day}片，互相矛盾。"
        )
    if limits.most_players is not None and limits.most_players < limits.fewest_players:
        yield f"最多{limits.most_players}人，少于最少的{limits.fewest_players}人，谁也订不了。"
    penalty = (limits.no_shows, limits.no_show_days, limits.pause_days)
    if any(each is None for each in penalty) and any(each is not None for each in penalty):
        yield "未到场次数、统计天数和暂停天数要么都填，要么都不填。"
    if limits.series_a_person is not None and limits.series_weeks is None:
        yield "规定了每人的固定场数，却没有规定固定场的周数，互相矛盾。"
    if (limits.cancel_free_minutes is None) != (limits.cancel_kept_percent is None):
        yield "免费取消的截止时间和过时取消的扣款比例要么都填，要么都不填。"
    if limits.cancel_free_minutes is not None and limits.cancel_free_minutes > (limits.days_ahead + 1) * _DAY:
        yield (
            f"提前{limits.days_ahead}天才开放预订，却要提前{length_text(timedelta(minutes=limits.cancel_free_minutes))}"
            "才能免费取消，谁也来不及。"
        )
    if limits.no_shows is not None and limits.check_in_minutes is None:
        yield "没有规定签到时间，就无法统计未到场，互相矛盾。"


def _against_courts(limits: Limits, place: Place) -> Iterator[str]:
    shortest = min(court.slot_minutes for court, _ in place.courts)
    for most, name in (
        (limits.minutes_a_court_a_day, "每人每天在同一片场地"),
        (limits.minutes_a_person_a_day, "每人每天"),
        (limits.minutes_a_person_a_week, "每人每周"),
    ):
        if most is not None and most < shortest:
            yield f"{name}最多{most}分钟，而最短的时段也有{shortest}分钟，谁也订不了。"
    largest = max(court.max_people for court, _ in place.courts)
    if limits.fewest_players > largest:
        yield f"至少要{limits.fewest_players}人，而最大的场地只容{largest}人，谁也订不了。"
    if limits.check_in_minutes is not None and limits.check_in_minutes >= shortest:
        yield f"签到时间{limits.check_in_minutes}分钟，不短于最短的时段{shortest}分钟，场地没有可以释放的时间。"
    starts = [start for court, openings in place.courts for start, _ in grid(openings, court.slot_minutes)]
    opens = limits.release_minute - limits.days_ahead * _DAY
    if starts and opens > max(starts) - limits.notice_minutes:
        yield (
            f"预订在{'当天' if limits.days_ahead == 0 else f'提前{limits.days_ahead}天的'}"
            f"{clock_text(limits.release_minute)}开放，却要提前{length_text(timedelta(minutes=limits.notice_minutes))}预订，谁也订不了。"
        )
