"""Which of somebody's vouchers help with a basket, which of them most, and why the others do not. Nothing is locked: it
is `reserving.lock_fitting` that decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.errors import DomainError
from models.money import yuan_text
from models.vouchers.fitting import NOTHING_YET, Usage
from models.vouchers.reserving import (
    MOST_VOUCHERS,
    Basket,
    TermsOf,
    refusal_of,
    so_far_of,
    terms_by_voucher,
)
from models.vouchers.rules import Stacking, Terms, VoucherState
from models.vouchers.tables import Voucher

MOST_LOOKED_AT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A voucher of somebody's beside a basket. `refusal`: why it does not fit."""

    voucher: Voucher
    title: str
    campaign_title: str
    refusal: DomainError | None

    @property
    def told(self) -> str:
        """What it would take off, or why it does not fit."""
        if self.refusal is not None:
            return self.refusal.sentence()
        return f"可以用，减{yuan_text(self.voucher.face_fen)}。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What helps most; nothing when none fits. `told` and `others` say why, for the citizen."""

    chosen: Sequence[Candidate]
    saves_fen: int
    to_pay_fen: int
    told: str
    others: Sequence[tuple[Candidate, str]]


async def candidates(*, member_id: int, basket: Basket, now: datetime) -> Sequence[Candidate]:
    """The member's vouchers that have not ended, the soonest to end first, each with whether it fits."""
    return (await _look(member_id, basket, now)).candidates


async def best(*, member_id: int, basket: Basket, now: datetime) -> Choice:
    """The vouchers that take most off: of equals the fewest, and those that end soonest."""
    seen = await _look(member_id, basket, now)
    fitting = [each.voucher for each in seen.candidates if each.refusal is None]
    sets = [_filled(some, seen, basket, now) for some in _orders(fitting, seen.terms)]
    chosen = min(sets, key=_rank, default=())
    ids = {voucher.id for voucher in chosen}
    saves_fen = sum(voucher.face_fen for voucher in chosen)
    taken = [each for each in seen.candidates if each.voucher.id in ids]
    return Choice(
        chosen=taken,
        saves_fen=saves_fen,
        to_pay_fen=basket.total_fen - saves_fen,
        told=_told(taken, saves_fen, basket.total_fen - saves_fen, any_held=bool(seen.candidates)),
        others=[
            (each, _why_not(each, saves_fen, len(ids))) for each in seen.candidates if each.voucher.id not in ids
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    candidates: Sequence[Candidate]
    terms: TermsOf
    so_far: Mapping[int, Usage]


async def _look(member_id: int, basket: Basket, now: datetime) -> _Seen:
    vouchers = (
        await Voucher.filter(member_id=member_id, state__in=["CLAIMED", "RESERVED"], valid_until__gt=now)
        .order_by("valid_until", "id")
        .limit(MOST_LOOKED_AT)
    )
    terms = await terms_by_voucher(vouchers)
    so_far = await _so_far(vouchers, terms, basket, now)
    titles = await _titles(vouchers)
    return _Seen(
        candidates=[
            Candidate(
                voucher=each,
                title=titles[each.kind_id]["title"],
                campaign_title=titles[each.kind_id]["campaign_title"],
                refusal=refusal_of([each], terms, so_far, basket, now=now),
            )
            for each in vouchers
        ],
        terms=terms,
        so_far=so_far,
    )


async def _so_far(
    vouchers: Sequence[Voucher], terms: TermsOf, basket: Basket, now: datetime
) -> Mapping[int, Usage]:
    """Asked for once for all that are alike: one that is only claimed counts against nothing itself, and of a reserved
    one the refusal is another."""
    known: dict[tuple[int, int, int | None], Usage] = {}
    so_far = dict.fromkeys((each.id for each in vouchers), NOTHING_YET)
    for each in vouchers:
        if each.state == VoucherState.CLAIMED:
            alike = each.campaign_id, each.terms_version, each.person_id
            if alike not in known:
                known[alike] = await so_far_of(each, terms[each.id], basket, now)
            so_far[each.id] = known[alike]
    return so_far


async def _titles(vouchers: Sequence[Voucher]) -> Mapping[int, Any]:
    found = await database.rows(
        """SELECT voucher_kind.id, voucher_kind.title, voucher_campaign.title AS campaign_title
             FROM voucher_kind JOIN voucher_campaign ON voucher_campaign.id = voucher_kind.campaign_id
            WHERE voucher_kind.id = ANY($1::bigint[])""",
        sorted({voucher.kind_id for voucher in vouchers}),
    )
    return {kind["id"]: kind for kind in found}


def _orders(fitting: Sequence[Voucher], terms: TermsOf) -> Iterable[Sequence[Voucher]]:
    """The orders in which it is worth to fill a set: alone, all that may stand beside any other, and each campaign's."""
    for voucher in fitting:
        yield [voucher]
    groups = [[each for each in fitting if terms[each.id].stacking is Stacking.ANY]]
    groups += [
        [each for each in fitting if each.campaign_id == campaign and _stacks(terms[each.id])]
        for campaign in sorted({each.campaign_id for each in fitting})
    ]
    for group in groups:
        yield sorted(group, key=lambda each: (-each.face_fen, each.valid_until, each.id))
        yield sorted(group, key=lambda each: (each.minimum_spend_fen / each.face_fen, each.valid_until, each.id))


def _stacks(terms: Terms) -> bool:
    return terms.stacking is not Stacking.NONE


def _filled(some: Sequence[Voucher], seen: _Seen, basket: Basket, now: datetime) -> Sequence[Voucher]:
    """As many of them, in this order, as may pay together."""
    taken: list[Voucher] = []
    for voucher in some:
        if len(taken) < MOST_VOUCHERS and not refusal_of(
            [*taken, voucher], seen.terms, seen.so_far, basket, now=now
        ):
            taken.append(voucher)
    return taken


def _rank(chosen: Sequence[Voucher]) -> tuple[Any, ...]:
    ends = sorted((voucher.valid_until, voucher.id) for voucher in chosen)
    return -sum(voucher.face_fen for voucher in chosen), len(chosen), ends


def _told(taken: Sequence[Candidate], saves_fen: int, to_pay_fen: int, *, any_held: bool) -> str:
    if taken:
        names = "、".join(f"“{each.title}”" for each in taken)
        return f"用{names}可减{yuan_text(saves_fen)}，应付{yuan_text(to_pay_fen)}。"
    return "您的券都不适用于这次预订。" if any_held else "您还没有可用的消费券。"


def _why_not(each: Candidate, saves_fen: int, chosen: int) -> str:
    if each.refusal is not None:
        return each.told
    if each.voucher.face_fen < saves_fen:
        together = "，且不能与推荐的券一起用" if chosen else ""
        return f"可以用，但只减{yuan_text(each.voucher.face_fen)}{together}。"
    return "可以用，减得一样多；推荐的券更早到期，先用那一张。"
