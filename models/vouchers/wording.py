"""A campaign's terms in sentences, for citizens who read them and for staff who change them. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from models.calendar import day_text
from models.vouchers.reading import TERM_WORDS, terms_json
from models.vouchers.rules import AgeGroup, Challenge, OnRefund, Stacking, Terms

AGE_WORDS: Mapping[AgeGroup, str] = {
    AgeGroup.CHILD: "未成年人",
    AgeGroup.ADULT: "成年人",
    AgeGroup.ELDER: "老年人",
}
_VALUE_WORDS: Mapping[StrEnum, str] = {
    Stacking.NONE: "每单一张",
    Stacking.SAME_CAMPAIGN: "同一活动可叠加",
    Stacking.ANY: "可叠加",
    Challenge.NEVER: "不验证",
    Challenge.WHEN_SUSPECT: "可疑时验证",
    Challenge.ALWAYS: "每次验证",
    OnRefund.RETURNS: "退回",
    OnRefund.FORFEITS: "作废",
    OnRefund.RETURNS_IN_TIME: "按时取消才退回",
}
_BY_VALUE = {str(value): words for value, words in (*AGE_WORDS.items(), *_VALUE_WORDS.items())}


def limit_sentences(terms: Terms) -> list[str]:
    """How many one person may claim, hold and use."""
    limits = terms.limits
    counted = (
        ("每轮最多领", limits.a_round),
        ("每天最多领", limits.a_day),
        ("每周最多领", limits.a_week),
        ("每月最多领", limits.a_month),
        ("整个活动最多领", limits.in_all),
        ("手上最多同时有", limits.held),
        ("每天最多用", terms.uses_a_day),
        ("每天在同一家场馆最多用", terms.uses_a_venue_a_day),
    )
    return [f"每人{words}{count}张。" for words, count in counted if count is not None]


def rule_sentences(terms: Terms, *, names: Mapping[str, str]) -> list[str]:
    """Who may claim, where it is valid, until when, and what becomes of it. `names`: of regions and sports, by key."""
    return [*_who(terms, names), *_where(terms, names), *_when(terms), *_afterwards(terms)]


def _who(terms: Terms, names: Mapping[str, str]) -> Iterator[str]:
    who = terms.who
    if who.real_name:
        yield "需要先实名认证。"
    if who.age_groups:
        yield f"发给{'、'.join(AGE_WORDS[group] for group in sorted(who.age_groups))}。"
    if who.regions:
        yield f"领取时人要在{_named(who.regions, names)}。"
    if who.first_timers:
        yield "只发给第一次使用本平台消费券的人。"
    if who.account_days:
        yield f"注册满{who.account_days}天才能领。"


def _where(terms: Terms, names: Mapping[str, str]) -> Iterator[str]:
    where = terms.where
    if where.venues:
        yield f"在指定的{len(where.venues)}家场馆使用。"
    if where.regions:
        yield f"在{_named(where.regions, names)}的场馆使用。"
    if where.sports:
        yield f"用于{_named(where.sports, names)}。"
    if not (where.venues or where.regions or where.sports):
        yield "所有参加的场馆和项目都能使用。"


def _when(terms: Terms) -> Iterator[str]:
    validity = terms.validity
    if validity.days is not None:
        yield f"领取后{validity.days}天内有效。"
    if validity.from_day:
        yield f"{_day(validity.from_day)}起可以使用。"
    if validity.until_day:
        yield f"最晚用到{_day(validity.until_day)}。"


def _afterwards(terms: Terms) -> Iterator[str]:
    yield "一单只能用一张。" if terms.stacking is Stacking.NONE else "一单可以用几张。"
    if terms.on_refund is OnRefund.RETURNS:
        yield "退款后券退还给您，有效期内还能用。"
    elif terms.on_refund is OnRefund.FORFEITS:
        yield "退款后券不退还。"
    elif terms.refund_hours_before:
        yield f"开场前{terms.refund_hours_before}小时以上取消，券退还给您；再晚就不退还了。"
    else:
        yield "开场前取消，券退还给您；开场后就不退还了。"


def changed_terms(before: Terms, after: Terms, *, names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Which terms differ: their words, and what they said before and say after. `names`: of places and sports."""
    old, new = _flat(terms_json(before)), _flat(terms_json(after))
    return [
        (words, value_text(old[path], names), value_text(new[path], names))
        for path, words in TERM_WORDS.items()
        if old[path] != new[path]
    ]


def value_text(value: Any, names: Mapping[str, str]) -> str:
    """A term's value, as people say it."""
    if value is None or value == []:
        return "不限"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_BY_VALUE.get(one) or names.get(one, str(one)) for one in value)
    return _BY_VALUE.get(value, str(value))


def _flat(said: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in said.items():
        flat |= _flat(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return flat


def _named(keys: frozenset[str], names: Mapping[str, str]) -> str:
    return "、".join(names.get(key, key) for key in sorted(keys))


def _day(day: date) -> str:
    return f"{day.year}年{day_text(day)}"
