"""What becomes of a pass that a desk accepted, when the entry comes in.

The order of acceptance decides, as far as it can be known (docs/decisions, 0030):

- What happened online stands: it was held against the books in that very moment, and no desk's clock proves otherwise.
- Of two desks that were offline, the earlier acceptance wins, by each desk's time within the bounds of what we know. The
  later one is displaced if it is in the books already, and the reserve holds its money; else it stays.
- A venue that has this voucher in the books already, by whichever desk, is paid for it again only if a person says so.

With the desk's name taken (queue.py), then the member's row, the voucher's, and last the campaign's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.expressions import Q

from models import database
from models.calendar import business_day
from models.codes import passes
from models.errors import DomainError, ErrorCode
from models.ids import new_no
from models.keys import OfflineKeys
from models.money import yuan_text
from models.offline import conflicts, issuing, kits, rules
from models.offline.rules import Answer, Entry, Outcome
from models.offline.tables import OfflineDesk, OfflineEntry, OfflineKit, VoucherPass
from models.vouchers import bills, fitting, writing_off
from models.vouchers.fitting import Place, Usage
from models.vouchers.rules import LIVE_USES, CampaignState, EventKind, Terms, UseState, UseWay, VoucherState
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherUse

_AT_ONCE = 100


@dataclass(slots=True)
class _Shown:
    """A voucher as it was when its pass was shown, whatever became of it since."""

    face_fen: int
    minimum_spend_fen: int
    valid_from: datetime
    valid_until: datetime
    state: str = VoucherState.CLAIMED
    order_id: int | None = None


async def judge(
    entry: OfflineEntry,
    said: Entry,
    kit: OfflineKit | None,
    place: Place,
    no: DomainError | None,
    *,
    keys: OfflineKeys,
    now: datetime,
) -> Answer:
    """`no`: why this entry can't be taken, whatever its pass."""
    read = passes.read(said.text)
    given = await _genuine(read, keys) if read else None
    if given is None:
        return rules.refusal(entry.number, no or rules.PASS_UNKNOWN)
    voucher = await _locked(given.voucher_id)
    entry.voucher_id = voucher.id
    if no is None:
        assert kit is not None
        terms = await fitting.terms_in_force(voucher.campaign_id, voucher.terms_version)
        no = await _desk_could_know(entry, said, kit, place, given, voucher, terms)
    if no is not None:
        return await conflicts.borne(entry, voucher, no, now=now)
    entry.face_fen = voucher.face_fen
    entry.accepted_at = max(entry.accepted_at, given.issued_at)
    return await _against_books(entry, said, place, voucher, now=now)


async def _genuine(read: passes.ReadPass, keys: OfflineKeys) -> VoucherPass | None:
    says = read.says
    public_key = keys.public_keys(rules.PASSES).get(str(says.key_id))
    if public_key is None or not read.is_genuine(public_key):
        return None
    given = await VoucherPass.get_or_none(number=says.number).prefetch_related("voucher")
    return given if given is not None and issuing.said_by(given, given.voucher) == says else None


async def _locked(voucher_id: int) -> Voucher:
    """With its member's row locked before it, as everybody locks them."""
    voucher = await Voucher.get(id=voucher_id)
    lock = "FOR NO KEY UPDATE" if database.on_postgres() else ""
    await database.rows(f"SELECT id FROM member WHERE id = $1 {lock}", voucher.member_id)
    await fitting.alone_with_people([voucher.person_id])
    locked = await Voucher.select_for_update().get(id=voucher_id)
    if locked.member_id != voucher.member_id:  # accounts were joined in this very moment
        raise database.ChanceTwin
    return locked


async def _desk_could_know(
    entry: OfflineEntry,
    said: Entry,
    kit: OfflineKit,
    place: Place,
    given: VoucherPass,
    voucher: Voucher,
    terms: Terms,
) -> DomainError | None:
    """What the pass and the kit told the desk, and it accepted all the same."""
    at = entry.accepted_at
    if at < given.issued_at - rules.CLOCKS_APART:
        return rules.CLOCK_WRONG
    if at >= given.valid_until + rules.CLOCKS_APART:
        return rules.PASS_OVER
    if given.number in kit.void_passes:
        return rules.PASS_REVOKED
    if [voucher.campaign_id, voucher.terms_version] not in kit.campaigns:
        return _not_here(place)
    shown = _Shown(voucher.face_fen, voucher.minimum_spend_fen, given.issued_at, voucher.valid_until)
    at = max(at, given.issued_at)
    sports = (said.sport,) if said.sport in place.sports else place.sports
    no = fitting.unfit(
        shown, terms, place=place, sports=sports, bill_fen=said.bill_fen, so_far=fitting.NOTHING_YET, now=at
    )
    if no is not None:
        return no
    if await OfflineEntry.filter(desk_id=entry.desk_id, voucher_id=voucher.id, face_fen__gt=0).exists():
        return rules.USED_HERE
    before = await kits.spent(entry.desk_id, kit.business_day, but=entry.id)
    over = before["usedFen"] + voucher.face_fen > kit.most_fen or before["usedCount"] >= kit.most_count
    return rules.CAP_REACHED if over else None


def _not_here(place: Place) -> DomainError:
    return DomainError(
        f"这张券不能在{place.name}使用，离线包里没有这个活动。",
        code=ErrorCode.VOUCHER_WRONG_PLACE,
        next_step="这一笔由场馆承担；请只接受离线包里列出的活动。",
    )


async def _against_books(
    entry: OfflineEntry, said: Entry, place: Place, voucher: Voucher, *, now: datetime
) -> Answer:
    terms = await fitting.terms_in_force(voucher.campaign_id, voucher.terms_version)
    if voucher.state == VoucherState.RESERVED:
        return _waits(entry)
    no = await _no_money(voucher, terms, place, entry)
    if no is not None:
        return await conflicts.borne(entry, voucher, no, now=now)
    desk = await OfflineDesk.get(id=entry.desk_id)
    use = _a_use(entry, said, place, voucher, terms, desk)
    if voucher.state == VoucherState.CLAIMED:
        return await _done(entry, voucher, use, now=now)
    live = await VoucherUse.get_or_none(voucher_id=voucher.id, state__in=LIVE_USES)
    is_paid_here = await _has_it_already(place, voucher)
    if live is not None and desk.ended_at is None and not is_paid_here and await _displaces(entry, live):
        return await _displace(entry, voucher, live, use, now=now)
    if desk.ended_at is not None:
        return await conflicts.borne(entry, voucher, rules.DESK_ENDED, now=now)
    why = ErrorCode.VOUCHER_ENDED if live is None else ErrorCode.VOUCHER_USED
    winner_id = live.id if live else None
    return await conflicts.lost(entry, voucher, use, why, winner_id=winner_id, is_paid_here=is_paid_here, now=now)


async def _has_it_already(place: Place, voucher: Voucher) -> bool:
    """Whether this venue has the voucher in the books, by any of its desks or an order; also as a fake."""
    here = VoucherUse.filter(voucher_id=voucher.id, venue_id=place.venue_id)
    return await here.filter(~Q(state=UseState.UNDONE) | Q(undo_reason__in=writing_off.FAKES)).exists()


def _waits(entry: OfflineEntry) -> Answer:
    return Answer(
        number=entry.number,
        outcome=Outcome.WAITING.value,
        message="这张券正用于一张待付款的订单或待确认的账单，等那一笔有了结果再入账。",
        next_step="不用处理，结果会自动更新。",
    )


async def _no_money(voucher: Voucher, terms: Terms, place: Place, entry: OfflineEntry) -> DomainError | None:
    """What no reserve makes good: the campaign's books are closed, or this venue has had its share of it."""
    campaign = await VoucherCampaign.get(id=voucher.campaign_id)
    if campaign.state == CampaignState.SETTLED:
        return bills.SETTLED_ALREADY
    if terms.venue_cap_fen is None:
        return None
    await fitting.alone_at_the_cap(terms, campaign_id=voucher.campaign_id, venue_id=place.venue_id)
    so_far = await fitting.usage(terms, voucher, venue_id=place.venue_id, day=business_day(entry.accepted_at))
    return fitting.over_cap(voucher, terms, Usage(venue_paid_fen=so_far.venue_paid_fen))


async def _done(entry: OfflineEntry, voucher: Voucher, use: VoucherUse, *, now: datetime) -> Answer:
    await use.save()
    entry.use_id = use.id
    await writing_off.done(voucher, use, now=now)
    await conflicts.tell_citizen("VOUCHER_USED_OFFLINE", use, now=now)
    return Answer(
        number=entry.number,
        outcome=Outcome.DONE.value,
        message=f"核销成功，消费券抵扣{yuan_text(use.used_fen)}。",
        use_no=use.use_no,
    )


async def _displaces(entry: OfflineEntry, live: VoucherUse) -> bool:
    """Whether what stands in the books was accepted later, by another desk that still counts."""
    if live.way != UseWay.OFFLINE or live.state != UseState.DONE:
        return False
    theirs = await OfflineEntry.get(use_id=live.id).prefetch_related("desk")
    return entry.accepted_at < theirs.accepted_at and theirs.desk.ended_at is None


async def _displace(
    entry: OfflineEntry, voucher: Voucher, live: VoucherUse, use: VoucherUse, *, now: datetime
) -> Answer:
    if not await conflicts.from_reserve(live, now=now):
        return await conflicts.lost(entry, voucher, use, ErrorCode.VOUCHER_USED, winner_id=live.id, now=now)
    live.state = UseState.REFUSED
    await live.save(update_fields=["state"])
    await conflicts.book(EventKind.TAKEN_BACK, live, about_no=f"{live.use_no}-D", now=now)
    answer = await _done(entry, voucher, use, now=now)
    await conflicts.displaced(live, voucher, winner=use, now=now)
    return answer


def _a_use(
    entry: OfflineEntry, said: Entry, place: Place, voucher: Voucher, terms: Terms, desk: Any
) -> VoucherUse:
    return VoucherUse(
        use_no=new_no("V", entry.accepted_at),
        voucher_id=voucher.id,
        campaign_id=voucher.campaign_id,
        kind_id=voucher.kind_id,
        member_id=voucher.member_id,
        venue_id=place.venue_id,
        sport_code=_sport(said, place),
        way=UseWay.OFFLINE,
        device_id=f"offline:{desk.public_id}",
        nonce=str(entry.number),
        request_hash=entry.body_hash,
        state=UseState.DONE,
        bill_fen=said.bill_fen,
        used_fen=voucher.face_fen,
        venue_share_fen=fitting.venue_share_fen(terms, voucher.face_fen),
        rest_way=said.rest_way if said.bill_fen > voucher.face_fen else "",
        used_at=entry.accepted_at,
        business_day=business_day(entry.accepted_at),
    )


def _sport(said: Entry, place: Place) -> str:
    if said.sport in place.sports:
        return said.sport
    return place.sports[0] if len(place.sports) == 1 else ""


async def judge_waiting(*, now: datetime) -> int:
    """Judges what waited for an order or a bill that has ended since. A bounded part; gives how many were judged."""
    due = await database.rows(
        """SELECT entry.id FROM offline_entry entry JOIN voucher ON voucher.id = entry.voucher_id
            WHERE entry.outcome = 'WAITING' AND voucher.state <> 'RESERVED' ORDER BY entry.id LIMIT $1""",
        _AT_ONCE,
    )
    judged: Sequence[bool] = [await _judge_again(row["id"], now=now) for row in due]
    return sum(judged)


@database.operation
async def _judge_again(entry_id: int, *, now: datetime) -> bool:
    about = await database.row(
        """SELECT entry.desk_id, entry.voucher_id, venue.public_id
             FROM offline_entry entry JOIN offline_desk desk ON desk.id = entry.desk_id
                                      JOIN venue ON venue.id = desk.venue_id WHERE entry.id = $1""",
        entry_id,
    )
    assert about is not None
    await alone(about["desk_id"])
    place = await fitting.place_of(about["public_id"])
    voucher = await _locked(about["voucher_id"])
    entry = await OfflineEntry.get(id=entry_id)
    said = rules.read(entry.body)
    assert place is not None
    assert said is not None
    if entry.outcome != Outcome.WAITING:
        return False
    answer = await _against_books(entry, said, place, voucher, now=now)
    await conflicts.settle_entry(entry, answer)
    return answer.outcome != Outcome.WAITING


async def alone(desk_id: int) -> None:
    """One desk's entries are taken one after the other; before any row is locked."""
    await database.alone_with(f"offline desk {desk_id}")
