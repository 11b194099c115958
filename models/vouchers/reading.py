"""A campaign's terms: JSON in `voucher_terms` and in `data/voucher_campaigns.json`, `rules.Terms` everywhere else. Pure.

Read strictly: what is not known is refused and not skipped, since a misspelt limit would be no limit. What is written
is always whole, so that a default of ours that changes later changes no promise that was made.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import date
from enum import StrEnum
from typing import Any

from models.errors import DomainError, ErrorCode
from models.vouchers.rules import (
    AgeGroup,
    Challenge,
    ClaimLimits,
    OnRefund,
    Stacking,
    Terms,
    Validity,
    Where,
    Who,
)

MOST_FEN = 10**12
"""10 billion yuan: more than any programme has, and far from what the columns hold."""
_MOST_NAMED = 1000
_GROUPS: Mapping[str, type] = {"limits": ClaimLimits, "who": Who, "where": Where, "validity": Validity}


class TermsInvalid(DomainError):
    """A term that cannot be, or terms that nobody could ever satisfy. `field` is as GraphQL spells it."""

    code = ErrorCode.TERMS_INVALID

    def __init__(self, message: str, *, field: str, next_step: str = "请改好后再保存。") -> None:
        super().__init__(message, next_step=next_step, field=_as_graphql_spells(field))


def terms_of(said: Any) -> Terms:
    """Raises TERMS_INVALID with the first thing that is wrong. What is left out is as `rules.Terms` has it."""
    terms: Terms = _read("", said, Terms)
    for field, sentence in _contradictions(terms):
        raise TermsInvalid(sentence, field=f"terms.{field}")
    return terms


def terms_json(terms: Terms) -> dict[str, Any]:
    """Every term, in what JSON can say; `terms_of` reads it back to the same."""
    said: dict[str, Any] = plain(asdict(terms))
    return said


def _read(path: str, said: Any, shape: type) -> Any:
    if not isinstance(said, Mapping):
        raise TermsInvalid("活动规则的格式不正确。", field=f"terms.{path}".rstrip("."))
    known = {field.name for field in fields(shape)}
    for name in said:
        if name not in known:
            raise TermsInvalid(f"活动规则里没有“{str(name)[:40]}”这一项。", field=f"terms.{path}{name}")
    return shape(**{name: _value(f"{path}{name}", value) for name, value in said.items()})


def _value(path: str, value: Any) -> Any:
    if path in _GROUPS:
        return _read(f"{path}.", value, _GROUPS[path])
    words, reader = _TERMS[path]
    try:
        return reader(value)
    except ValueError as error:
        raise TermsInvalid(f"“{words}”应为{error}。", field=f"terms.{path}") from None


Reader = Callable[[Any], Any]


def _whole(least: int, most: int, *, unlimited: bool = False) -> Reader:
    """A whole number; `unlimited`: or nothing, which is no limit."""

    def read(value: Any) -> int | None:
        if value is None and unlimited:
            return None
        if type(value) is not int or not least <= value <= most:  # True is an int, and no number
            raise ValueError(f"{least}到{most}的整数" + ("，不限请留空" if unlimited else ""))
        return value

    return read


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("是或否")
    return value


def _one_of(kind: type[StrEnum]) -> Reader:
    def read(value: Any) -> StrEnum:
        if not (isinstance(value, str) and value in {*kind}):
            raise ValueError("、".join(kind) + "之一")
        return kind(value)

    return read


def _some_of(read_one: Reader) -> Reader:
    def read(value: Any) -> frozenset[Any]:
        if not isinstance(value, list | tuple) or len(value) > _MOST_NAMED:
            raise ValueError(f"不超过{_MOST_NAMED}项的列表")
        return frozenset(read_one(one) for one in value)

    return read


def _name(value: Any) -> str:
    if not (isinstance(value, str) and 1 <= len(value) <= 64 and value.isprintable()):
        raise ValueError("编号的列表")
    return value


def _day(value: Any) -> date | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and re.fullmatch(r"20\d{2}-\d{2}-\d{2}", value, re.ASCII):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("日期，例如2026-12-01")


_COUNT = _whole(1, 10_000, unlimited=True)

_TERMS: Mapping[str, tuple[str, Reader]] = {
    "limits.a_round": ("每人每轮限领", _COUNT),
    "limits.a_day": ("每人每天限领", _COUNT),
    "limits.a_week": ("每人每周限领", _COUNT),
    "limits.a_month": ("每人每月限领", _COUNT),
    "limits.in_all": ("每人总共限领", _COUNT),
    "limits.held": ("每人同时持有", _COUNT),
    "who.real_name": ("须实名", _yes_or_no),
    "who.age_groups": ("年龄段", _some_of(_one_of(AgeGroup))),
    "who.regions": ("领取人所在地区", _some_of(_name)),
    "who.first_timers": ("仅限首次用券的人", _yes_or_no),
    "who.account_days": ("账号注册满天数", _whole(0, 3650)),
    "who.challenge": ("验证", _one_of(Challenge)),
    "where.venues": ("适用场馆", _some_of(_name)),
    "where.regions": ("适用地区", _some_of(_name)),
    "where.sports": ("适用项目", _some_of(_name)),
    "validity.days": ("领取后有效天数", _whole(1, 366, unlimited=True)),
    "validity.from_day": ("最早使用日期", _day),
    "validity.until_day": ("最晚使用日期", _day),
    "uses_a_day": ("每人每天限用", _COUNT),
    "uses_a_venue_a_day": ("每人每天在同一场馆限用", _COUNT),
    "stacking": ("叠加使用", _one_of(Stacking)),
    "venue_share_percent": ("场馆承担比例", _whole(0, 100)),
    "venue_cap_fen": ("单个场馆补贴上限（分）", _whole(1, MOST_FEN, unlimited=True)),
    "on_refund": ("退款时的处理", _one_of(OnRefund)),
    "refund_hours_before": ("提前退款小时数", _whole(0, 24 * 366)),
    "expired_returns": ("过期后退回资金池", _yes_or_no),
    "rolls_over": ("剩余转入下一轮", _yes_or_no),
    "undo_minutes": ("撤销核销的时限（分钟）", _whole(0, 24 * 60)),
    "confirm_minutes": ("确认账单的时限（分钟）", _whole(1, 24 * 60)),
}
"""Every term: its words for people, and how it is read."""
TERM_WORDS: Mapping[str, str] = {path: words for path, (words, _) in _TERMS.items()}


def _contradictions(terms: Terms) -> Iterator[tuple[str, str]]:
    """Terms that contradict each other, whatever the pools and the rounds: the term, and a sentence."""
    validity = terms.validity
    if validity.days is None and validity.until_day is None:
        yield "validity", "消费券没有到期日：请填写领取后有效天数，或最晚使用日期。"
    if validity.from_day and validity.until_day and validity.from_day > validity.until_day:
        yield "validity.from_day", "最早使用日期晚于最晚使用日期，这样的券谁也用不了。"
    if terms.who.age_groups and not terms.who.real_name:
        yield "who.age_groups", "年龄只有实名后才知道：按年龄段发放的活动必须要求实名。"
    if terms.stacking is Stacking.SAME_CAMPAIGN and 1 in (terms.uses_a_day, terms.uses_a_venue_a_day):
        yield "stacking", "每人每天只能用一张，同一活动的券就永远无法叠加。"
    if terms.refund_hours_before and terms.on_refund is not OnRefund.RETURNS_IN_TIME:
        yield "refund_hours_before", "只有“按时退款才退券”时，提前退款小时数才起作用。"


def plain(value: Any) -> Any:
    """What JSON says for it; sets in an order that is the same every time."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, frozenset | list):
        return sorted(str(part) for part in value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, StrEnum) else value


def _as_graphql_spells(path: str) -> str:
    """terms.limits.a_round → terms.limits.aRound; what is money there is in fen anyway."""
    path = path.replace("face_fen", "face_value").replace("_fen", "")
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), path)
