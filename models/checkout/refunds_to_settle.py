"""Refunds that will not arrive by themselves: what staff see of them, and the way out of each (`staff_refunding`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.rules import Channel, RefundStatus
from models.staff.powers import may
from models.staff.rules import Power, StaffSignedIn

NOT_TAKEN_AFTER = timedelta(minutes=15)
"""A refund that no channel has taken for so long needs somebody."""
HANGING_AFTER = timedelta(days=3)
"""Banks take up to three working days."""
REFUNDABLE_FOR = timedelta(days=365)  # WeChat Pay v3, 申请退款; Alipay alike unless agreed otherwise
MOST_TO_SETTLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundToSettle:
    """A refund that needs somebody, and the way out."""

    refund_no: str
    order_no: str
    channel: Channel
    amount_fen: int
    explanation: str
    status: RefundStatus
    asked_at: datetime
    record: str  # what staff did about it so far
    way_out: str


async def refunds_to_settle(
    *, clerk: StaffSignedIn, venue_id: str, first: int, now: datetime
) -> Sequence[RefundToSettle]:
    """What at one of the clerk's venues (public id) will not arrive by itself, the oldest first. Raises NOT_ALLOWED."""
    if not await may(clerk, Power.SETTLE_REFUNDS, venue_id=venue_id):
        raise DomainError(
            "您没有这个场馆的退款权限。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请选择自己的场馆，或联系管理员开通。",
            field="venueId",
        )
    if not 1 <= first <= MOST_TO_SETTLE:
        raise BadInput(f"数量应在 1 到 {MOST_TO_SETTLE} 之间。", field="first")
    found = await database.rows(
        """SELECT refund.refund_no, refund.amount_fen, refund.reason_text, refund.status, refund.created_at,
                  refund.staff_note, orders.order_no, payment.channel, payment.paid_at
             FROM refund JOIN orders ON orders.id = refund.order_id JOIN venue ON venue.id = orders.venue_id
                         JOIN payment ON payment.id = refund.payment_id
            WHERE venue.public_id = $1
              AND (refund.status = 'ABNORMAL'
                   OR refund.status = 'INTENDED' AND refund.created_at <= $2
                   OR refund.status = 'PROCESSING' AND refund.created_at <= $3
                   OR refund.status = 'CLOSED'
                      AND NOT EXISTS (SELECT 1 FROM refund AS again WHERE again.replaces_id = refund.id))
            ORDER BY refund.id LIMIT $4""",
        venue_id,
        now - NOT_TAKEN_AFTER,
        now - HANGING_AFTER,
        first,
    )
    return [
        RefundToSettle(
            refund_no=row["refund_no"],
            order_no=row["order_no"],
            channel=Channel(row["channel"]),
            amount_fen=row["amount_fen"],
            explanation=row["reason_text"],
            status=RefundStatus(row["status"]),
            asked_at=database.utc(row["created_at"]),
            record=row["staff_note"],
            way_out=way_out(
                RefundStatus(row["status"]), paid_at=row["paid_at"] and database.utc(row["paid_at"]), now=now
            ),
        )
        for row in found
    ]


def way_out(status: RefundStatus, *, paid_at: datetime | None, now: datetime) -> str:
    """What staff can do about a refund that hangs."""
    if status is RefundStatus.ABNORMAL:
        return (
            "原账户收不了这笔退款（如银行卡已注销或冻结）。请联系顾客，改退到其本人的另一张银行卡；"
            "联系不上时可先退回商户账户，再线下退给顾客。"
        )
    if status is RefundStatus.CLOSED:
        return "渠道关闭了这笔退款，钱没有退出。请核对后重新退款。"
    if status is RefundStatus.PROCESSING:
        return "渠道处理已超过3天，系统会继续查询。请在商户平台核对，必要时联系渠道客服。"
    if paid_at is not None and paid_at + REFUNDABLE_FOR < now:
        return "支付已超过一年，渠道不再受理原路退款。请联系顾客线下退款，并请管理员登记。"
    return "渠道还没有受理，系统会用同一单号继续重试。请确认商户账户余额充足；一天后仍未受理，请联系管理员。"
