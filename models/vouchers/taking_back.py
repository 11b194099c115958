"""What a refund does to the vouchers of an order.

The rule, in full in docs/decisions/0029: what remains of the order costs its price, less the vouchers whose minimum
spend it still meets. The citizen gets back what they paid above that, never less than nothing. A voucher that pays for
nothing any more goes the way of its campaign (`on_refund`); when the venue cancels, it always comes back.

Everything here runs under the order's lock. Vouchers are locked before pools.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models import database
from models.calendar import business_day, day_text, instant_of
from models.vouchers.ending import expire, give_to_pools, hand_back
from models.vouchers.fitting import terms_in_force, venue_share_fen
from models.vouchers.reading import MOST_FEN
from models.vouchers.rules import LIVE_USES, CampaignState, EventKind, OnRefund, Terms, UseState, VoucherState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherUse
from models.vouchers.writing_off import FOUND_FAKE, FOUND_FAKE_AND_CANCELLED

EXTENDED_DAYS = 3
"""Whole days after today for which a voucher can be used that the venue's cancelling gave back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paying:
    """What of a voucher pays for an order now."""

    voucher_id: int
    face_fen: int
    minimum_spend_fen: int
    used_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What pays for the lines that remain: so much of each voucher, and the citizen's money, of which so much is freed."""

    used_fen: Mapping[int, int]
    freed_fen: int


class Fate(StrEnum):
    """What becomes of a voucher when lines are cancelled."""

    STAYS = "STAYS"
    COMES_BACK = "COMES_BACK"  # whole, to the citizen
    TOO_LATE = "TOO_LATE"  # would come back, but its time has passed
    TO_THE_POOL = "TO_THE_POOL"  # a part of it still pays; what does not, nobody can use, and is free again
    FORFEITED = "FORFEITED"  # wholly or in part


def remains(
    vouchers: Sequence[Paying], *, standing_fen: int, remaining_fen: int, by_venue: bool = False
) -> Remains:
    """Lines for `standing_fen` stood, of which those for `remaining_fen` remain. Pure.

    The larger vouchers stay first. When the venue cancels no minimum spend is asked: a voucher stays while all of it
    fits what remains, and where the citizen's money would not do for the rest, vouchers pay it before money does.
    """
    own_fen = standing_fen - sum(voucher.used_fen for voucher in vouchers)
    left_fen, used = remaining_fen, dict.fromkeys((voucher.voucher_id for voucher in vouchers), 0)
    gone = []
    for voucher in sorted(vouchers, key=lambda each: (-each.face_fen, each.voucher_id)):
        asked_fen = voucher.used_fen if by_venue else voucher.minimum_spend_fen
        if asked_fen <= left_fen:
            left_fen -= asked_fen
            used[voucher.voucher_id] = voucher.used_fen
        else:
            gone.append(voucher)
    uncovered_fen = remaining_fen - sum(used.values())
    short_fen = max(0, uncovered_fen - own_fen)
    if short_fen and by_venue:
        short_fen = uncovered_fen
    for voucher in gone:
        used[voucher.voucher_id] = min(voucher.used_fen, short_fen)
        short_fen -= used[voucher.voucher_id]
    return Remains(used_fen=used, freed_fen=own_fen + sum(used.values()) - remaining_fen)


def fate(
    voucher: Voucher,
    terms: Terms,
    *,
    used_fen: int,
    now_used_fen: int,
    starts_at: datetime,
    by_venue: bool,
    is_settled: bool,
    now: datetime,
) -> Fate:
    """Pure. `starts_at`: of the first of the lines that are cancelled. A voucher of which a part was spent or lost
    never comes back to the citizen: what it would be worth, no minimum spend fits. Nor does one of a campaign that is
    settled, in which nobody could use it."""
    if used_fen == now_used_fen:
        return Fate.STAYS
    in_time = starts_at - now >= timedelta(hours=terms.refund_hours_before)
    returns = (
        by_venue
        or terms.on_refund is OnRefund.RETURNS
        or (terms.on_refund is OnRefund.RETURNS_IN_TIME and in_time)
    )
    if not returns:
        return Fate.FORFEITED
    if now_used_fen or used_fen < voucher.face_fen:
        return Fate.TO_THE_POOL
    lives = not is_settled and valid_until_after(voucher, by_venue=by_venue, now=now) > now
    return Fate.COMES_BACK if lives else Fate.TOO_LATE


def valid_until_after(voucher: Voucher, *, by_venue: bool, now: datetime) -> datetime:
    """How long it can be used once it came back: as long as before, and after a venue's cancelling for three whole days
    at least."""
    if not by_venue:
        return voucher.valid_until
    return max(voucher.valid_until, instant_of(business_day(now) + timedelta(days=EXTENDED_DAYS + 1), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelling:
    """Lines of an order that are given up: what stood, what remains, when the first of them begins."""

    order_id: int
    standing_fen: int
    remaining_fen: int
    starts_at: datetime
    by_venue: bool
    first_line_no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the act would do to one voucher, or does."""

    voucher: Voucher
    use: VoucherUse
    terms: Terms
    now_used_fen: int
    fate: Fate


async def outcomes(asked: Cancelling, *, now: datetime, lock: bool = False) -> tuple[list[Outcome], int]:
    """What becomes of each voucher of the order, and how much of the citizen's money is freed."""
    found, left = await _look(asked, await _found_fake(asked.order_id), now=now, lock=lock)
    return found, left.freed_fen


async def _found_fake(order_id: int) -> list[VoucherUse]:
    """Uses that the risk room undid: the venue is not paid for them, and still the citizen paid so much less, so that
    nobody gets it back in money."""
    return await VoucherUse.filter(order_id=order_id, state=UseState.UNDONE, undo_reason=FOUND_FAKE).order_by("id")


async def paid_for(order_id: int) -> int:
    """What vouchers pay of an order as it stands, those included that were found fake."""
    live = await VoucherUse.filter(order_id=order_id, state__in=LIVE_USES)
    return sum(use.used_fen for use in [*live, *await _found_fake(order_id)])


async def _look(
    asked: Cancelling, fakes: Sequence[VoucherUse], *, now: datetime, lock: bool
) -> tuple[list[Outcome], Remains]:
    uses = await VoucherUse.filter(order_id=asked.order_id, state__in=LIVE_USES).order_by("voucher_id")
    ids = [use.voucher_id for use in uses]
    wanted = Voucher.filter(id__in=ids).order_by("id")
    vouchers = {each.id: each for each in await (wanted.select_for_update() if lock else wanted)}
    settled = await _settled({each.campaign_id for each in vouchers.values()}, lock=lock)
    paying = [_paying(vouchers[use.voucher_id], use) for use in uses] + [_lost(fake) for fake in fakes]
    left = remains(
        paying, standing_fen=asked.standing_fen, remaining_fen=asked.remaining_fen, by_venue=asked.by_venue
    )
    found = []
    for use in uses:
        voucher = vouchers[use.voucher_id]
        terms = await terms_in_force(voucher.campaign_id, voucher.terms_version)
        now_used_fen = left.used_fen[voucher.id]
        what = fate(
            voucher,
            terms,
            used_fen=use.used_fen,
            now_used_fen=now_used_fen,
            starts_at=asked.starts_at,
            by_venue=asked.by_venue,
            is_settled=voucher.campaign_id in settled,
            now=now,
        )
        found.append(Outcome(voucher=voucher, use=use, terms=terms, now_used_fen=now_used_fen, fate=what))
    return found, left


async def _settled(campaign_ids: Collection[int], *, lock: bool) -> Collection[int]:
    """Those in which nothing moves any more. Locked, so that none is settled while a voucher comes back."""
    found = await database.rows(
        f"""SELECT id, state FROM voucher_campaign WHERE id = ANY($1::bigint[])
             ORDER BY id {"FOR KEY SHARE" if lock else ""}""",
        sorted(campaign_ids),
    )
    return {campaign["id"] for campaign in found if campaign["state"] == CampaignState.SETTLED}


def _paying(voucher: Voucher, use: VoucherUse) -> Paying:
    return Paying(
        voucher_id=voucher.id,
        face_fen=voucher.face_fen,
        minimum_spend_fen=voucher.minimum_spend_fen,
        used_fen=use.used_fen,
    )


def _lost(fake: VoucherUse) -> Paying:
    """Stays only for what nothing else pays."""
    return Paying(voucher_id=fake.voucher_id, face_fen=0, minimum_spend_fen=MOST_FEN, used_fen=fake.used_fen)


def words(outcome: Outcome, *, title: str, by_venue: bool, now: datetime) -> str:
    """One voucher's fate, for the citizen."""
    until = valid_until_after(outcome.voucher, by_venue=by_venue, now=now) - timedelta(seconds=1)
    told = {
        Fate.STAYS: "保留的时段仍可使用，继续抵扣。",
        Fate.COMES_BACK: f"退回您的账户，可用到{day_text(business_day(until))}。",
        Fate.TOO_LATE: "已过有效期，或活动已结清，不再退回。",
        Fate.TO_THE_POOL: "不再满足使用条件，没用到的部分退回活动。",
        Fate.FORFEITED: "按活动规则，退款后不再退回。",
    }
    return f"消费券“{title}”：{told[outcome.fate]}"


async def take_back(asked: Cancelling, *, now: datetime) -> None:
    """Does it, inside the act that cancels the lines."""
    fakes = await _found_fake(asked.order_id)
    found, left = await _look(asked, fakes, now=now, lock=True)
    await _shrink(fakes, left)
    pools: Counter[int] = Counter()
    for outcome in found:
        if outcome.fate is not Fate.STAYS:
            pools[outcome.voucher.pool_id] += await _move(outcome, asked.by_venue, now)
            await _book(outcome, asked.first_line_no, now)
    await give_to_pools(pools)


async def _shrink(fakes: Sequence[VoucherUse], left: Remains) -> None:
    for fake in fakes:
        if still_fen := left.used_fen[fake.voucher_id]:
            voucher = await Voucher.get(id=fake.voucher_id)
            terms = await terms_in_force(voucher.campaign_id, voucher.terms_version)
            fake.used_fen, fake.venue_share_fen = still_fen, venue_share_fen(terms, still_fen)
        else:
            fake.undo_reason = FOUND_FAKE_AND_CANCELLED
        await fake.save(update_fields=["used_fen", "venue_share_fen", "undo_reason"])


async def _move(outcome: Outcome, by_venue: bool, now: datetime) -> int:
    """The voucher's own state, while its use is as it was; gives what its pool gets."""
    voucher, fate = outcome.voucher, outcome.fate
    if fate is Fate.COMES_BACK:
        await hand_back(voucher, valid_until=valid_until_after(voucher, by_venue=by_venue, now=now))
        return 0
    if fate is Fate.TOO_LATE:
        return await expire(voucher, outcome.terms, now=now)
    to_pool_fen = outcome.use.used_fen - outcome.now_used_fen if fate is Fate.TO_THE_POOL else 0
    voucher.returned_fen += to_pool_fen
    if outcome.now_used_fen == 0:
        whole = voucher.returned_fen == voucher.face_fen
        voucher.state, voucher.ended_at = VoucherState.RETURNED if whole else VoucherState.FORFEITED, now
    await voucher.save(update_fields=["state", "returned_fen", "ended_at"])
    return to_pool_fen


async def _book(outcome: Outcome, line_no: int, now: datetime) -> None:
    """The use shrinks, or is undone; what is taken back from the venue is an entry of its own. A line is cancelled
    once, so its number makes the entry's."""
    use = outcome.use
    share_fen = venue_share_fen(outcome.terms, outcome.now_used_fen)
    await VoucherEvent.create(
        kind=EventKind.TAKEN_BACK,
        about_no=f"{use.use_no}-{line_no}",
        use_id=use.id,
        campaign_id=use.campaign_id,
        venue_id=use.venue_id,
        amount_fen=use.used_fen - outcome.now_used_fen,
        venue_share_fen=use.venue_share_fen - share_fen,
        happened_at=now,
    )
    if outcome.now_used_fen:
        use.used_fen, use.venue_share_fen = outcome.now_used_fen, share_fen
        await use.save(update_fields=["used_fen", "venue_share_fen"])
        return
    use.state, use.undone_at, use.undo_reason = UseState.UNDONE, now, "订单退款"
    await use.save(update_fields=["state", "undone_at", "undo_reason"])
