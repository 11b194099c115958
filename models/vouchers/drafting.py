"""What a campaign is to be: its pools, kinds and rounds as somebody wants them, and whether that can be. Pure.

What the database must be asked (does this venue exist?) is in campaigns.py.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from models.calendar import instant_of, moment_text
from models.money import yuan_text
from models.vouchers.claim_rules import validity_of
from models.vouchers.fitting import venue_share_fen
from models.vouchers.reading import MOST_FEN, TermsInvalid, terms_json
from models.vouchers.rules import Terms

MOST_POOLS = 10
MOST_KINDS = 20
MOST_ROUNDS = 1000
MOST_QUANTITY = 10_000_000
LONGEST_ROUND = timedelta(days=92)
FARTHEST_ROUND = timedelta(days=2 * 366)
EVERY_WEEKDAY = frozenset(range(7))
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""As in reading.py: days of another century must not reach the arithmetic of time."""


@dataclass(frozen=True, kw_only=True)
class RoundWanted:
    opens_at: datetime
    closes_at: datetime
    quantity: int


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """On these days of the week, from one day to another, at these minutes of the day: a round each."""

    from_day: date
    until_day: date  # the last one
    weekdays: frozenset[int] = EVERY_WEEKDAY  # 0 is Monday
    minutes: tuple[int, ...]
    open_minutes: int
    quantity: int


@dataclass(frozen=True, kw_only=True)
class KindWanted:
    title: str
    face_fen: int
    minimum_spend_fen: int
    rounds: tuple[RoundWanted, ...]


@dataclass(frozen=True, kw_only=True)
class PoolWanted:
    name: str
    budget_fen: int
    kinds: tuple[KindWanted, ...]


@dataclass(frozen=True, kw_only=True)
class Draft:
    title: str
    region_key: str = ""  # whose money it is; empty: both provinces'
    reserve_fen: int = 0
    terms: Terms = field(default_factory=Terms)
    pools: tuple[PoolWanted, ...]

    @property
    def kinds(self) -> list[KindWanted]:
        return [kind for pool in self.pools for kind in pool.kinds]


def minute_of(clock: str) -> int:
    """10:00 → 600. Raises TERMS_INVALID."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", clock, re.ASCII):
        raise TermsInvalid("时间应写成10:00的样子。", field="times")
    return int(clock[:2]) * 60 + int(clock[3:])


def rounds_of(schedule: Schedule) -> tuple[RoundWanted, ...]:
    """A schedule's rounds, in their order. Raises TERMS_INVALID when it says nothing, or far too much."""
    if not _FIRST_DAY <= schedule.from_day <= _LAST_DAY or not _FIRST_DAY <= schedule.until_day <= _LAST_DAY:
        raise TermsInvalid("轮次的日期不正确。", field="from_day")
    if schedule.from_day > schedule.until_day:
        raise TermsInvalid("轮次的开始日期晚于结束日期。", field="from_day")
    if schedule.until_day - schedule.from_day > FARTHEST_ROUND:
        raise TermsInvalid("轮次的日期跨度太长，最多两年。", field="until_day")
    if not schedule.minutes or not all(0 <= minute < 24 * 60 for minute in schedule.minutes):
        raise TermsInvalid("请填写每轮的开始时间，例如10:00。", field="times")
    if not schedule.weekdays <= EVERY_WEEKDAY:
        raise TermsInvalid("星期应为1到7，1是星期一。", field="weekdays")
    if not 1 <= schedule.open_minutes <= LONGEST_ROUND // timedelta(minutes=1):
        raise TermsInvalid("每轮的时长应为1分钟到92天。", field="open_minutes")
    days = (schedule.until_day - schedule.from_day).days + 1
    if days * len(schedule.minutes) > MOST_ROUNDS * 7:
        raise TermsInvalid(f"一个活动最多{MOST_ROUNDS}轮。", field="times")
    rounds = tuple(
        RoundWanted(
            opens_at=instant_of(day, minute),
            closes_at=instant_of(day, minute) + timedelta(minutes=schedule.open_minutes),
            quantity=schedule.quantity,
        )
        for day in (schedule.from_day + timedelta(days=number) for number in range(days))
        if day.weekday() in schedule.weekdays
        for minute in sorted(set(schedule.minutes))
    )
    if not rounds:
        raise TermsInvalid("这些日期里没有所选的星期，一轮也不会开放。", field="weekdays")
    return rounds


def check_draft(draft: Draft, *, now: datetime) -> None:
    """Raises TERMS_INVALID with the first thing that cannot be."""
    _check_name(draft.title, "活动名称", 60, "title")
    _check_fen(draft.reserve_fen, "预备金", "reserve_fen", least=0)
    if not 1 <= len(draft.pools) <= MOST_POOLS:
        raise TermsInvalid(f"一个活动应有1到{MOST_POOLS}个资金池。", field="pools")
    _check_unique([pool.name for pool in draft.pools], "资金池", "pools")
    _check_unique([kind.title for kind in draft.kinds], "面额", "pools")
    check_sizes(len(draft.kinds), sum(len(kind.rounds) for kind in draft.kinds))
    for number, pool in enumerate(draft.pools):
        where = f"pools.{number}"
        _check_name(pool.name, "资金池名称", 40, f"{where}.name")
        _check_fen(pool.budget_fen, "资金池金额", f"{where}.budget_fen")
        if not pool.kinds:
            raise TermsInvalid(f"资金池“{pool.name}”没有面额，这笔钱发不出去。", field=f"{where}.kinds")
        for place, kind in enumerate(pool.kinds):
            check_kind(kind, now=now, where=f"{where}.kinds.{place}")
        check_worth(
            pool.name,
            sum(kind.face_fen * offered.quantity for kind in pool.kinds for offered in kind.rounds),
            pool.budget_fen,
            field=f"{where}.budget_fen",
        )
    check_terms(
        draft.terms,
        faces=[(kind.title, kind.face_fen) for kind in draft.kinds],
        rounds=[offered for kind in draft.kinds for offered in kind.rounds],
    )


def check_sizes(kinds: int, rounds: int) -> None:
    if kinds > MOST_KINDS:
        raise TermsInvalid(f"一个活动最多{MOST_KINDS}种面额。", field="pools")
    if rounds > MOST_ROUNDS:
        raise TermsInvalid(f"一个活动最多{MOST_ROUNDS}轮。", field="pools")


def check_kind(kind: KindWanted, *, now: datetime, where: str) -> None:
    """One denomination with its rounds, each of which somebody can still reach."""
    _check_name(kind.title, "面额名称", 60, f"{where}.title")
    _check_fen(kind.face_fen, "面额", f"{where}.face_fen")
    _check_fen(kind.minimum_spend_fen, "最低消费", f"{where}.minimum_spend_fen")
    if kind.face_fen > kind.minimum_spend_fen:
        raise TermsInvalid(
            f"“{kind.title}”的面额{yuan_text(kind.face_fen)}高于最低消费{yuan_text(kind.minimum_spend_fen)}。",
            field=f"{where}.face_fen",
        )
    if not kind.rounds:
        raise TermsInvalid(f"“{kind.title}”没有发放轮次，谁也领不到。", field=f"{where}.rounds")
    for offered in kind.rounds:
        check_round(offered, now=now, where=f"{where}.rounds")
    check_apart(((offered.opens_at, offered.closes_at) for offered in kind.rounds), kind.title, f"{where}.rounds")


def check_round(offered: RoundWanted, *, now: datetime, where: str) -> None:
    if not timedelta() < offered.closes_at - offered.opens_at <= LONGEST_ROUND:
        raise TermsInvalid("每轮应在开始之后结束，最长92天。", field=where)
    if offered.closes_at <= now:
        raise TermsInvalid(f"{moment_text(offered.opens_at)}开始的一轮已经过去，谁也领不到。", field=where)
    if offered.opens_at > now + FARTHEST_ROUND:
        raise TermsInvalid("轮次太远：最多安排到两年之后。", field=where)
    if not 1 <= offered.quantity <= MOST_QUANTITY:
        raise TermsInvalid(f"每轮的数量应为1到{MOST_QUANTITY}。", field=where)


def check_apart(spans: Iterable[tuple[datetime, datetime]], title: str, where: str) -> None:
    """A kind has one round at a time: whoever claims takes of that one, and what is left has one next one."""
    for (_, ends), (begins, _) in pairwise(sorted(spans)):
        if begins < ends:
            raise TermsInvalid(
                f"“{title}”在{moment_text(begins)}有两轮同时开放。", field=where, next_step="请把时间错开。"
            )


def check_worth(pool: str, worth_fen: int, available_fen: int, *, field: str) -> None:
    """What a pool's rounds promise, it must have."""
    if worth_fen > available_fen:
        raise TermsInvalid(
            f"资金池“{pool}”的各轮共需{yuan_text(worth_fen)}，超出可用的{yuan_text(available_fen)}。",
            field=field,
            next_step="请减少数量或增加资金。",
        )


def check_terms(terms: Terms, *, faces: Sequence[tuple[str, int]], rounds: Sequence[RoundWanted]) -> None:
    """Whether somebody could satisfy these terms with these kinds (title and face value) and rounds."""
    for field_name, sentence in _impossible(terms, faces, rounds):
        raise TermsInvalid(sentence, field=f"terms.{field_name}")


def _impossible(
    terms: Terms, faces: Sequence[tuple[str, int]], rounds: Sequence[RoundWanted]
) -> Iterator[tuple[str, str]]:
    for offered in rounds:
        opens = moment_text(offered.opens_at)
        if validity_of(terms.validity, offered.closes_at)[1] < offered.closes_at:
            yield "validity.until_day", f"{opens}开始的一轮在最晚使用日期之后还在发放，领到的券用不了。"
        starts, ends = validity_of(terms.validity, offered.opens_at)
        if starts >= ends:
            yield "validity.from_day", f"{opens}领到的券在最早使用日期之前就已过期，谁也用不了。"
    for title, face_fen in faces:
        borne_fen = face_fen - venue_share_fen(terms, face_fen)
        if terms.venue_cap_fen is not None and terms.venue_cap_fen < borne_fen:
            yield "venue_cap_fen", f"单个场馆补贴上限低于一张“{title}”的补贴，没有场馆能收这种券。"


def _check_name(text: str, words: str, longest: int, where: str) -> None:
    if not (1 <= len(text) <= longest and text.isprintable() and text == text.strip()):
        raise TermsInvalid(f"{words}应为1到{longest}个字，首尾不留空格。", field=where)


def _check_fen(fen: int, words: str, where: str, *, least: int = 1) -> None:
    if not least <= fen <= MOST_FEN:
        raise TermsInvalid(f"{words}应为{least}到{MOST_FEN}分。", field=where)


def _check_unique(names: Sequence[str], words: str, where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise TermsInvalid(f"有两个{words}都叫“{name}”。", field=where)


def said(draft: Draft) -> list[Any]:
    """All of a draft, in what JSON can say, for the hash of what was asked."""
    return [
        draft.title,
        draft.region_key,
        draft.reserve_fen,
        terms_json(draft.terms),
        [[pool.name, pool.budget_fen, [said_of_kind(kind) for kind in pool.kinds]] for pool in draft.pools],
    ]


def said_of_kind(kind: KindWanted) -> list[Any]:
    return [kind.title, kind.face_fen, kind.minimum_spend_fen, [said_of_round(offered) for offered in kind.rounds]]


def said_of_round(offered: RoundWanted) -> list[Any]:
    return [offered.opens_at.isoformat(), offered.closes_at.isoformat(), offered.quantity]
