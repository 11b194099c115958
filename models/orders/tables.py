"""Orders, what they are for, and the money that moved. Finance events are added, never edited."""

from typing import Any

from tortoise import fields

from models.table import Table


class Order(Table):
    id = fields.BigIntField(primary_key=True)
    order_no = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    status = fields.CharField(max_length=16)  # models.orders.rules.OrderStatus
    total_fen = fields.BigIntField()
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    placed_at = fields.DatetimeField()
    hold_expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    close_reason = fields.CharField(max_length=24, default="")

    class Meta:
        table = "orders"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("status", "hold_expires_at"),)


class OrderLine(Table):
    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Order", related_name="lines", on_delete=fields.RESTRICT
    )
    order_id: int
    line_no = fields.IntField()
    kind = fields.CharField(max_length=16)  # COURT_SLOT; later whatever else is sold
    court: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Court", on_delete=fields.RESTRICT)
    court_id: int
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    business_day = fields.DateField()
    price_fen = fields.BigIntField()
    people = fields.IntField()
    title = fields.CharField(max_length=120)
    price_label = fields.CharField(max_length=60)

    class Meta:
        table = "order_line"
        unique_together = (("order", "line_no"),)


class Payment(Table):
    """One attempt to pay an order over one channel. Its number is the channel's out_trade_no."""

    id = fields.BigIntField(primary_key=True)
    payment_no = fields.CharField(max_length=32, unique=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    channel = fields.CharField(max_length=16)
    appid = fields.CharField(max_length=64)
    payer_openid = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    refunded_fen = fields.BigIntField(default=0)  # guarded by a CHECK: never above amount_fen
    status = fields.CharField(max_length=16)
    prepay_id = fields.CharField(max_length=128, default="")
    channel_trade_no = fields.CharField(max_length=64, null=True, unique=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    checks = fields.IntField(default=0)

    class Meta:
        table = "payment"
        indexes = (("status", "next_check_at"), ("order_id",))


class Refund(Table):
    """Money on its way back. The number is made before the first call and never changes (payments.md)."""

    id = fields.BigIntField(primary_key=True)
    refund_no = fields.CharField(max_length=32, unique=True)
    payment: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Payment", on_delete=fields.RESTRICT)
    payment_id: int
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    amount_fen = fields.BigIntField()
    reason = fields.CharField(max_length=24)
    reason_text = fields.CharField(max_length=80)
    status = fields.CharField(max_length=16)
    channel_refund_no = fields.CharField(max_length=64, default="")
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    checks = fields.IntField(default=0)

    class Meta:
        table = "refund"
        indexes = (("status", "next_check_at"), ("order_id",))


class FinanceEvent(Table):
    """One entry in an order's books. What is due, paid and refunded are sums of these."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    kind = fields.CharField(max_length=16)  # PAID, REFUNDED
    amount_fen = fields.BigIntField()
    about_no = fields.CharField(max_length=32)  # the payment_no or refund_no
    happened_at = fields.DatetimeField()

    class Meta:
        table = "finance_event"
        indexes = (("order_id",),)
        unique_together = (("kind", "about_no"),)


class PaymentNotice(Table):
    """A notice that a channel sent, once, however often it came."""

    id = fields.BigIntField(primary_key=True)
    channel = fields.CharField(max_length=16)
    notice_id = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=32)
    about_no = fields.CharField(max_length=32)
    outcome = fields.CharField(max_length=24)
    received_at = fields.DatetimeField()

    class Meta:
        table = "payment_notice"
        unique_together = (("channel", "notice_id"),)
