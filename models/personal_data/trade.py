"""What was bought, and with what: vouchers, orders, payments."""

from models.personal_data.columns import ERASED, KEPT, MOVES, OWN, TRADE, Held, Part

TRADED: tuple[Held, ...] = (
    Held(
        table="voucher",
        what="消费券",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=(
            *("public_id", "state", "face_fen", "minimum_spend_fen", "claimed_at", "claim_region"),
            *("valid_until", "ended_at"),
        ),
        parts=(Part(table="claim_age", column="voucher_id", what="用于统计的年龄段", exported=("from_age",)),),
    ),
    Held(
        table="voucher_use",
        what="消费券的核销",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("use_no", "way", "state", "bill_fen", "used_fen", "used_at", "confirmed_at", "undone_at"),
    ),
    Held(
        table="wechat_risk_rank",
        what="微信给出的风险等级（用于防止虚假核销）",
        on_merge=MOVES,
        on_deletion=ERASED,
        exported=("rank", "outcome", "asked_at"),
    ),
    Held(
        table="orders",
        what="订单",
        on_merge=OWN,
        on_deletion=KEPT,
        basis=TRADE,
        exported=(
            "order_no",
            "status",
            "total_fen",
            "voucher_fen",
            "placed_at",
            "paid_at",
            "closed_at",
            "close_reason",
            "member_province",
        ),
        parts=(
            Part(
                table="order_line",
                column="order_id",
                what="明细",
                exported=(
                    "title",
                    "starts_at",
                    "ends_at",
                    "people",
                    "price_fen",
                    "concession_fen",
                    "concession_kind",
                    "cancelled_at",
                ),
            ),
            Part(
                table="payment",
                column="order_id",
                of="share_id IS NULL",
                what="支付",
                exported=("payment_no", "channel", "payer", "amount_fen", "refunded_fen", "status", "paid_at"),
            ),
            Part(
                table="refund",
                column="order_id",
                of="payment_id IN (SELECT id FROM payment WHERE share_id IS NULL)",
                what="退款",
                exported=("refund_no", "amount_fen", "reason_text", "status", "created_at", "finished_at"),
            ),
        ),
    ),
    Held(
        table="orders",
        column="placed_by_id",
        what="您替别人下的订单",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("order_no", "placed_at"),
    ),
    Held(
        table="payment_share",
        what="您分摊的份额",
        on_merge=MOVES,
        on_deletion=KEPT,
        basis=TRADE,
        exported=("share_no", "amount_fen", "state", "asked_at", "ended_at"),
        parts=(
            Part(
                table="payment",
                column="share_id",
                what="支付",
                exported=("payment_no", "channel", "payer", "amount_fen", "refunded_fen", "status", "paid_at"),
            ),
        ),
    ),
)
