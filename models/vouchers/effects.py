"""What a change would do to a campaign that was opened already: worked out before it is done, and again when it is. Pure.

What was given stays as it is: a voucher keeps the terms under which it was claimed, a round cannot become smaller than
what was claimed of it, and a pool not smaller than what its vouchers hold and its rounds still promise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from models.calendar import moment_text
from models.money import yuan_text
from models.vouchers.change import Change, RoundChange, Shown
from models.vouchers.drafting import (
    KindWanted,
    RoundWanted,
    check_apart,
    check_kind,
    check_round,
    check_sizes,
    check_terms,
    check_worth,
)
from models.vouchers.reading import MOST_FEN, TermsInvalid
from models.vouchers.rules import Terms
from models.vouchers.wording import changed_terms


@dataclass(frozen=True, kw_only=True)
class PoolNow:
    id: int
    name: str
    budget_fen: int
    free_fen: int


@dataclass(frozen=True, kw_only=True)
class KindNow:
    id: int
    public_id: str
    pool_id: int
    title: str
    face_fen: int


@dataclass(frozen=True, kw_only=True)
class RoundNow:
    id: int
    public_id: str
    kind_id: int
    opens_at: datetime
    closes_at: datetime
    quantity: int
    remaining: int
    rolled_over: bool = False

    @property
    def given(self) -> int:
        return self.quantity - self.remaining


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An open campaign as it stands."""

    terms: Terms
    reserve_fen: int
    reserve_used_fen: int
    pools: Sequence[PoolNow]
    kinds: Sequence[KindNow]
    rounds: Sequence[RoundNow]
    holders: int = 0
    held: int = 0
    names: Mapping[str, str] = field(default_factory=dict)  # of the places and sports that terms name


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A campaign as it would be, what differs, and the same in sentences."""

    terms: Terms
    reserve_fen: int
    pools: Sequence[PoolNow]  # those that change
    rounds: Sequence[RoundNow]  # likewise
    new_rounds: Sequence[tuple[int, tuple[RoundWanted, ...]]]  # by the kind's row
    new_kinds: Sequence[tuple[int, KindWanted]]  # by the pool's row
    term_changes: Sequence[tuple[str, str, str]]
    budget_moved_fen: int  # that all pools together gain
    vouchers_added: int  # that all rounds together gain
    holders: int  # people who hold vouchers, and keep the terms that those have
    held: int
    sentences: Sequence[str]

    @property
    def shown(self) -> Shown:
        return Shown(
            sentences=self.sentences,
            budget_moved_fen=self.budget_moved_fen,
            vouchers_added=self.vouchers_added,
            holders=self.holders,
            held=self.held,
        )


def effect_of(picture: Picture, change: Change, *, now: datetime) -> Effect:
    """What the change would do. Raises TERMS_INVALID with the first thing that cannot be, or when nothing changes."""
    if len({one.round_id for one in change.rounds}) < len(change.rounds):
        raise TermsInvalid("同一轮改了两次。", field="change.rounds")
    if len(dict(change.budgets)) < len(change.budgets):
        raise TermsInvalid("同一个资金池改了两次。", field="change.budgets")
    terms = change.terms or picture.terms
    pools = _changed_pools(picture, change)
    rounds = [_changed_round(picture, one, now) for one in change.rounds]
    new_rounds = [(_kind(picture, kind).id, offered) for kind, offered in change.new_rounds]
    new_kinds = [(_pool(picture, pool).id, kind) for pool, kind in change.new_kinds]
    after = replace(
        picture,
        terms=terms,
        reserve_fen=_reserve(picture, change),
        pools=[next((new for new in pools if new.id == old.id), old) for old in picture.pools],
        rounds=[next((new for new in rounds if new.id == old.id), old) for old in picture.rounds],
    )
    _check_new(picture, new_rounds, new_kinds, now)
    _check_whole(after, new_rounds, new_kinds, now)
    effect = Effect(
        terms=terms,
        reserve_fen=after.reserve_fen,
        pools=pools,
        rounds=rounds,
        new_rounds=new_rounds,
        new_kinds=new_kinds,
        term_changes=changed_terms(picture.terms, terms, names=picture.names),
        budget_moved_fen=sum(pool.budget_fen for pool in after.pools)
        - sum(pool.budget_fen for pool in picture.pools),
        vouchers_added=sum(one.quantity for one in after.rounds)
        - sum(one.quantity for one in picture.rounds)
        + sum(one.quantity for _, offered in new_rounds for one in offered)
        + sum(one.quantity for _, kind in new_kinds for one in kind.rounds),
        holders=picture.holders,
        held=picture.held,
        sentences=[],
    )
    sentences = _sentences(picture, effect)
    if not sentences:
        raise TermsInvalid("没有任何改动。", field="change", next_step="请修改后再提交。")
    return replace(effect, sentences=sentences)


def _changed_pools(picture: Picture, change: Change) -> list[PoolNow]:
    changed = []
    for name, budget_fen in change.budgets:
        pool = _pool(picture, name)
        if not 1 <= budget_fen <= MOST_FEN:
            raise TermsInvalid(f"资金池“{name}”的金额应为1到{MOST_FEN}分。", field="change.budgets")
        free_fen = pool.free_fen + budget_fen - pool.budget_fen
        if free_fen < 0:
            held = yuan_text(pool.budget_fen - pool.free_fen)
            raise TermsInvalid(
                f"资金池“{name}”已有{held}发给市民或已用掉，不能减到{yuan_text(budget_fen)}。",
                field="change.budgets",
            )
        changed.append(replace(pool, budget_fen=budget_fen, free_fen=free_fen))
    return changed


def _changed_round(picture: Picture, change: RoundChange, now: datetime) -> RoundNow:
    old = next((one for one in picture.rounds if one.public_id == change.round_id), None)
    if old is None:
        raise TermsInvalid("没有这一轮。", field="change.rounds")
    opens = moment_text(old.opens_at)
    if old.closes_at <= now:
        raise TermsInvalid(f"{opens}的一轮已经结束，不能再改。", field="change.rounds", next_step="请另加一轮。")
    quantity = old.quantity if change.quantity is None else change.quantity
    if quantity < old.given:
        raise TermsInvalid(
            f"{opens}的一轮已领走{old.given}张，数量不能少于{old.given}。", field="change.rounds.quantity"
        )
    closes_at = change.closes_at or old.closes_at
    if closes_at.tzinfo is None:
        raise TermsInvalid(
            "时间缺少时区。",
            field="change.rounds.closes_at",
            next_step="请使用带时区的时间，如 2026-11-20T10:00:00+08:00。",
        )
    check_round(  # one of which nothing is left to give has its time all the same
        RoundWanted(opens_at=old.opens_at, closes_at=closes_at, quantity=quantity or 1),
        now=now,
        where="change.rounds",
    )
    return replace(old, quantity=quantity, remaining=quantity - old.given, closes_at=closes_at)


def _reserve(picture: Picture, change: Change) -> int:
    wanted = picture.reserve_fen if change.reserve_fen is None else change.reserve_fen
    if not picture.reserve_used_fen <= wanted <= MOST_FEN:
        used = yuan_text(picture.reserve_used_fen)
        raise TermsInvalid(f"预备金已用掉{used}，不能再少。", field="change.reserve_fen")
    return wanted


def _check_new(
    picture: Picture,
    new_rounds: Sequence[tuple[int, tuple[RoundWanted, ...]]],
    new_kinds: Sequence[tuple[int, KindWanted]],
    now: datetime,
) -> None:
    for _, offered in new_rounds:
        for one in offered:
            check_round(one, now=now, where="change.new_rounds")
    titles = [kind.title for kind in picture.kinds]
    for _, kind in new_kinds:
        if kind.title in titles:
            raise TermsInvalid(f"已经有“{kind.title}”这种面额。", field="change.new_kinds")
        titles.append(kind.title)
        check_kind(kind, now=now, where="change.new_kinds")
    check_sizes(
        len(titles),
        len(picture.rounds)
        + sum(len(offered) for _, offered in new_rounds)
        + sum(len(kind.rounds) for _, kind in new_kinds),
    )


def _check_whole(
    after: Picture,
    new_rounds: Sequence[tuple[int, tuple[RoundWanted, ...]]],
    new_kinds: Sequence[tuple[int, KindWanted]],
    now: datetime,
) -> None:
    """What every campaign must be, of the campaign as it would be."""
    promised = dict.fromkeys((pool.id for pool in after.pools), 0)
    for kind in after.kinds:
        added = [one for kind_id, offered in new_rounds if kind_id == kind.id for one in offered]
        own = [one for one in after.rounds if one.kind_id == kind.id]
        spans = [(one.opens_at, one.closes_at) for one in own]
        spans += [(one.opens_at, one.closes_at) for one in added]
        check_apart(spans, kind.title, "change.new_rounds")
        last = max((closes_at for _, closes_at in spans), default=now)
        live = [one for one in own if one.closes_at > now or _rolls_on(after.terms, one, last > now)]
        many = sum(one.remaining for one in live) + sum(one.quantity for one in added)
        promised[kind.pool_id] += many * kind.face_fen
    for pool_id, new in new_kinds:
        promised[pool_id] += sum(one.quantity for one in new.rounds) * new.face_fen
    for pool in after.pools:
        check_worth(pool.name, promised[pool.id], pool.free_fen, field="change.budgets")
    to_come = [
        *(
            RoundWanted(opens_at=one.opens_at, closes_at=one.closes_at, quantity=one.quantity)
            for one in after.rounds
            if one.closes_at > now and one.remaining
        ),
        *(one for _, offered in new_rounds for one in offered),
        *(one for _, kind in new_kinds for one in kind.rounds),
    ]
    faces = [(kind.title, kind.face_fen) for kind in after.kinds]
    faces += [(kind.title, kind.face_fen) for _, kind in new_kinds]
    check_terms(after.terms, faces=faces, rounds=to_come)


def _rolls_on(terms: Terms, ended: RoundNow, has_a_later_one: bool) -> bool:
    """Whether what an ended round left will be given out in a later one."""
    return terms.rolls_over and has_a_later_one and not ended.rolled_over


def _sentences(picture: Picture, effect: Effect) -> list[str]:
    said = [f"“{words}”由“{before}”改为“{after}”。" for words, before, after in effect.term_changes]
    if said and effect.held:
        said.append(f"{effect.holders}人手上的{effect.held}张券不受影响，仍按领取时的规则使用。")
    old_pools = {pool.id: pool for pool in picture.pools}
    for pool in effect.pools:
        moved = pool.budget_fen - old_pools[pool.id].budget_fen
        if moved:
            word = "增加" if moved > 0 else "减少"
            said.append(f"资金池“{pool.name}”{word}{yuan_text(abs(moved))}，共{yuan_text(pool.budget_fen)}。")
    if effect.reserve_fen != picture.reserve_fen:
        said.append(f"预备金由{yuan_text(picture.reserve_fen)}改为{yuan_text(effect.reserve_fen)}。")
    titles = {kind.id: kind.title for kind in picture.kinds}
    old_rounds = {one.id: one for one in picture.rounds}
    for one in effect.rounds:
        said += _round_sentences(titles[one.kind_id], old_rounds[one.id], one)
    for kind_id, offered in effect.new_rounds:
        many = sum(one.quantity for one in offered)
        said.append(f"“{titles[kind_id]}”新增{len(offered)}轮，共{many}张。")
    for _, kind in effect.new_kinds:
        many = sum(one.quantity for one in kind.rounds)
        said.append(f"新增面额“{kind.title}”，{len(kind.rounds)}轮，共{many}张。")
    return said


def _round_sentences(title: str, old: RoundNow, new: RoundNow) -> list[str]:
    said, which = [], f"“{title}”{moment_text(old.opens_at)}的一轮"
    if new.quantity != old.quantity:
        said.append(f"{which}由{old.quantity}张改为{new.quantity}张，其中{old.given}张已领走。")
    if new.closes_at != old.closes_at:
        said.append(f"{which}改为{moment_text(new.closes_at)}结束。")
    return said


def _pool(picture: Picture, name: str) -> PoolNow:
    for pool in picture.pools:
        if pool.name == name:
            return pool
    raise TermsInvalid(f"没有叫“{name[:40]}”的资金池。", field="change.budgets")


def _kind(picture: Picture, public_id: str) -> KindNow:
    for kind in picture.kinds:
        if kind.public_id == public_id:
            return kind
    raise TermsInvalid("没有这种面额。", field="change.new_rounds")
