"""What a version of booking rules would change: a sentence for each limit, old → new. Pure."""

from collections.abc import Iterator
from typing import Any

from models.booking.limits import LIMIT_COLUMNS, Limits
from models.calendar import clock_text

WORDS = {
    "courts_a_person_a_day": ("每人每天最多订的场地", "片"),
    "minutes_a_court_a_day": ("每人每天在同一片场地最多", "分钟"),
    "days_ahead": ("提前开放预订", "天"),
    "release_minute": ("开放预订的时刻", ""),
    "hold_minutes": ("支付时间", "分钟"),
    "entry_opens_minutes_before": ("可提前入场", "分钟"),
    "minutes_a_person_a_day": ("每人每天最多", "分钟"),
    "courts_a_person_a_week": ("每人每周最多订的场地", "片"),
    "minutes_a_person_a_week": ("每人每周最多", "分钟"),
    "fewest_players": ("每场至少", "人"),
    "most_players": ("每场最多", "人"),
    "notice_minutes": ("最晚提前预订", "分钟"),
    "check_in_minutes": ("开场后签到时间", "分钟"),
    "no_show_kept_percent": ("未到场扣款", "%"),
    "no_shows": ("暂停预订的未到场次数", "次"),
    "no_show_days": ("统计未到场的天数", "天"),
    "pause_days": ("暂停预订", "天"),
    "series_weeks": ("固定场最长", "周"),
    "series_a_person": ("每人最多的固定场", "个"),
    "group_days_ahead": ("团体最早提前申请", "天"),
    "group_answer_hours": ("团体申请的答复时限", "小时"),
    "arranged_hold_minutes": ("固定场和团体预订的支付时间", "分钟"),
    "cancel_free_minutes": ("免费取消最晚提前", "分钟"),
    "cancel_kept_percent": ("过时取消扣款", "%"),
    "companions_named": ("同行人须写明", ""),
    "real_name_needed": ("须实名", ""),
}
_NONE = ("check_in_minutes", "no_shows", "no_show_days", "pause_days", "series_weeks", "group_days_ahead")
"""Without a figure there is none of it; without any other, no limit."""


def limit_changes(old: Limits, new: Limits) -> Iterator[str]:
    for column in LIMIT_COLUMNS:
        was, now = getattr(old, column), getattr(new, column)
        if was != now:
            word, unit = WORDS[column]
            yield f"{word}：{_said(column, was, unit)} → {_said(column, now, unit)}"


def _said(column: str, value: Any, unit: str) -> str:
    if value is None and column.startswith("cancel_"):
        return "按退款规则"
    if value is None:
        return "没有" if column in _NONE else "不限"
    if isinstance(value, bool):
        return "是" if value else "否"
    return clock_text(value) if column == "release_minute" else f"{value}{unit}"
