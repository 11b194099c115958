"""How a write-off at a desk moves on: plain functions inside the acts of this room, with voucher and use locked.

The books (`voucher_event`) have a use from the moment it is DONE: what is held for review is nobody's money yet.
"""

from datetime import datetime
from typing import Any

from models import database
from models.calendar import moment_text
from models.errors import DomainError, ErrorCode
from models.messages.operations import tell
from models.money import yuan_text
from models.venues.tables import Venue
from models.vouchers.rules import EventKind, UseState, VoucherState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherUse

FOUND_FAKE = "经核查，认定为不实核销"
FOUND_FAKE_AND_CANCELLED = "经核查，认定为不实核销；订单随后取消"
FAKES = (FOUND_FAKE, FOUND_FAKE_AND_CANCELLED)
"""Why a use was undone. Of an order's, the voucher covered a part of the price all the same, until its lines were cancelled
(taking_back.py)."""

CONTEST = "如有异议，请向主管部门申请复核。"


def is_fake(use: Any) -> bool:
    """Undone by whoever looked at it, so that the voucher is nobody's any more. `use`: a row of `voucher_use`."""
    return use.undo_reason in FAKES


async def lock(use_id: int) -> tuple[Voucher, VoucherUse]:
    """Its member's row, the voucher, then the use: as everybody locks them. The member's, because whoever tells them
    something refers to it, and because accounts are joined in this order."""
    use = await VoucherUse.get(id=use_id)
    await database.rows("SELECT id FROM member WHERE id = $1 FOR KEY SHARE", use.member_id)
    voucher = await Voucher.select_for_update().get(id=use.voucher_id)
    return voucher, await VoucherUse.select_for_update().get(id=use_id)


async def done(voucher: Voucher, use: VoucherUse, *, now: datetime) -> None:
    """Confirmed, or found good by whoever looked at its receipt: the venue will be paid for it."""
    use.state = UseState.DONE
    await use.save(update_fields=["state", "confirmed_at", "decided_at", "decided_by_id", "decision_note"])
    await _is_used(voucher, now)
    await _book(EventKind.USED, use, now)


async def held(voucher: Voucher, use: VoucherUse, *, receipt_no: str, now: datetime) -> None:
    """Written off without the citizen's yes: they are told, and whoever reviews it looks at the receipt."""
    use.state, use.receipt_no = UseState.HELD, receipt_no
    await use.save(update_fields=["state", "receipt_no"])
    await _is_used(voucher, now)
    await _tell("BILL_HELD", use, now, when=moment_text(use.used_at), **_sums(use))


async def undone(
    voucher: Voucher, use: VoucherUse, *, reason: str, staff_id: int | None = None, now: datetime
) -> None:
    """It came to nothing, or was taken back: the citizen has the voucher again, as it was."""
    if use.state == UseState.DONE:
        await _book(EventKind.TAKEN_BACK, use, now)
    told = use.state in (UseState.DONE, UseState.HELD)
    use.state = UseState.UNDONE
    use.undone_at, use.undone_by_id, use.undo_reason = now, staff_id, reason
    await use.save(
        update_fields=[
            *("state", "undone_at", "undone_by_id", "undo_reason", "decided_at", "decided_by_id", "decision_note")
        ]
    )
    voucher.state, voucher.ended_at = VoucherState.CLAIMED, None
    await voucher.save(update_fields=["state", "ended_at"])
    if told:
        await _tell("VOUCHER_GIVEN_BACK", use, now, when=moment_text(now), reason=reason)


async def found_fake(voucher: Voucher, use: VoucherUse, *, staff_id: int, now: datetime) -> None:
    """Whoever looked at it found that nobody did sports with it: the venue is paid nothing, what it was paid is taken off a
    later settlement, and the voucher's value is spent without a use."""
    await _book(EventKind.TAKEN_BACK, use, now, about_no=f"{use.use_no}-risk")
    use.state = UseState.UNDONE
    use.undone_at, use.undone_by_id, use.undo_reason = now, staff_id, FOUND_FAKE
    await use.save(update_fields=["state", "undone_at", "undone_by_id", "undo_reason"])
    voucher.state, voucher.ended_at = VoucherState.FORFEITED, now
    await voucher.save(update_fields=["state", "ended_at"])
    await _tell("VOUCHER_FORFEITED", use, now, when=moment_text(now), amount=yuan_text(use.used_fen))


async def found_good(voucher: Voucher, use: VoucherUse, *, now: datetime) -> None:
    """Somebody else looked again: what was found fake was not. It is as it was, and booked once more."""
    use.state = UseState.DONE
    use.undone_at, use.undone_by_id, use.undo_reason = None, None, ""
    await use.save(update_fields=["state", "undone_at", "undone_by_id", "undo_reason"])
    await _is_used(voucher, now)
    await _book(EventKind.USED, use, now, about_no=f"{use.use_no}-cleared")
    await _tell("VOUCHER_USE_CLEARED", use, now, when=moment_text(now), amount=yuan_text(use.used_fen))


async def ask_citizen(use: VoucherUse, *, until: datetime, now: datetime) -> None:
    """The bill stands in their inbox, and on the phone of whoever helps them."""
    await _tell("BILL_TO_CONFIRM", use, now, when=moment_text(until), **_sums(use))


def _sums(use: VoucherUse) -> dict[str, str]:
    return {"amount": yuan_text(use.used_fen), "bill": yuan_text(use.bill_fen)}


async def _is_used(voucher: Voucher, now: datetime) -> None:
    if voucher.state != VoucherState.USED:
        voucher.state, voucher.ended_at = VoucherState.USED, now
        await voucher.save(update_fields=["state", "ended_at"])


async def _book(kind: EventKind, use: VoucherUse, now: datetime, *, about_no: str = "") -> None:
    await VoucherEvent.create(
        kind=kind,
        about_no=about_no or use.use_no,
        use_id=use.id,
        campaign_id=use.campaign_id,
        venue_id=use.venue_id,
        amount_fen=use.used_fen,
        venue_share_fen=use.venue_share_fen,
        happened_at=now,
    )


async def _tell(template: str, use: VoucherUse, now: datetime, **values: str) -> None:
    venue = await Venue.get(id=use.venue_id)
    await tell(
        member_id=use.member_id,
        template=template,
        values={"venue": venue.name, "use_no": use.use_no, **values},
        about_no=use.use_no,
        now=now,
    )


def bill_unknown() -> DomainError:
    """Also another venue's, and somebody else's."""
    return DomainError(
        "没有找到这笔核销。", code=ErrorCode.BILL_UNKNOWN, next_step="请刷新后再看。", field="useNo"
    )


def wrong_state(use: VoucherUse) -> DomainError:
    """What somebody else decided in the meantime stands."""
    says = {
        UseState.WAITING: ("这笔账单还在等顾客确认。", "请等顾客在手机上确认。"),
        UseState.DONE: ("这笔核销已经完成。", "如有错误，请主管在规定时间内撤销。"),
        UseState.HELD: ("这笔核销已转核查。", "请等待核查结果。"),
        UseState.UNDONE: ("这笔核销已经作废，消费券没有用掉。", "如需用券，请重新扫码。"),
    }
    message, next_step = says[UseState(use.state)]
    if is_fake(use):
        message, next_step = "这笔核销经核查认定为不实，券已作废。", CONTEST
    return DomainError(message, code=ErrorCode.BILL_STATE, next_step=next_step, field="useNo")
