"""Orders, what they are for, and the money that moved. Finance events are added, never edited."""

from typing import Any

from tortoise import fields

from models.table import Table


class Order(Table):
    id = fields.BigIntField(primary_key=True)
    order_no = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    person_id = fields.BigIntField(null=True)  # real_names.person_key: limits count the person, not the account
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    status = fields.CharField(max_length=16)  # models.orders.rules.OrderStatus
    total_fen = fields.BigIntField()
    voucher_fen = fields.BigIntField(
        default=0, db_default=0
    )  # of it, what vouchers paid; CHECK: at most all of it
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    placed_at = fields.DatetimeField()
    hold_expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    close_reason = fields.CharField(max_length=24, default="")
    placed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, related_name="orders_placed", on_delete=fields.RESTRICT
    )
    placed_by_id: int | None  # the guardian or helper who placed it; null: the member, or a clerk
    placed_by_staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    placed_by_staff_id: int | None  # the clerk at whose desk it was placed
    moves_line_id = fields.BigIntField(null=True)  # order_line: it is given up when this order is confirmed
    member_province = fields.CharField(max_length=6, default="", db_default="")  # home_province when it was placed
    organisation: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Organisation", null=True, on_delete=fields.RESTRICT
    )
    organisation_id: int | None  # in whose name it is; the member answers for it
    by_approval = fields.BooleanField(
        default=False, db_default=False
    )  # over what a person may have: counts for nobody
    split_at = fields.DatetimeField(null=True)  # since then several pay it, each a PaymentShare; null: one does

    @property
    def to_pay_fen(self) -> int:
        """What is asked of the citizen: the price, less what vouchers pay."""
        return int(self.total_fen - self.voucher_fen)

    class Meta:
        table = "orders"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("status", "hold_expires_at"),)


class MoveQuote(Table):
    """What giving up the line that an order moves gives back, as it was told when the move was asked for."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    party = fields.CharField(max_length=8)  # because of whom: models.orders.rules.RefundParty
    refund_fen = fields.BigIntField()
    kept_fen = fields.BigIntField()
    explanation = fields.CharField(max_length=120)

    class Meta:
        table = "move_quote"
        unique_together = (("order",),)


class OrderLine(Table):
    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Order", related_name="lines", on_delete=fields.RESTRICT
    )
    order_id: int
    line_no = fields.IntField()
    kind = fields.CharField(max_length=16)  # models.orders.rules.LineKind
    court: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Court", null=True, on_delete=fields.RESTRICT
    )
    court_id: int | None  # of a COURT_SLOT; CHECK: this or a session
    session: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Session", null=True, on_delete=fields.RESTRICT
    )
    session_id: int | None  # of a SESSION
    ticket = fields.CharField(max_length=16, default="", db_default="")  # of a SESSION, of each of its people
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    business_day = fields.DateField()
    price_fen = fields.BigIntField()  # after the concession
    concession_fen = fields.BigIntField(default=0, db_default=0)  # what it took off
    concession_kind = fields.CharField(max_length=16, default="", db_default="")  # ConcessionKind; empty: none
    price_parts: list[list[Any]] | None = fields.JSONField(null=True)  # venues.explaining.PricePart, as told then
    voucher_fen = fields.BigIntField(default=0, db_default=0)  # its share of the order's, by price
    people = fields.IntField()
    title = fields.CharField(max_length=120)
    price_label = fields.CharField(max_length=60)
    cancel_free_minutes = fields.IntField(
        null=True
    )  # its venue's own terms as it was placed; null: by refund rules
    cancel_kept_percent = fields.IntField(null=True)
    cancelled_at = fields.DatetimeField(null=True)  # of a paid order, line by line

    class Meta:
        table = "order_line"
        unique_together = (("order", "line_no"),)


class PaymentShare(Table):
    """One person's part of the price of an order that is split (分摊). Those that are not taken over add up to what is
    to be paid; a trigger refuses more than that."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    share_no = fields.IntField()
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int  # who is to pay it
    amount_fen = fields.BigIntField()
    state = fields.CharField(max_length=12)  # models.orders.share_rules.ShareState
    asked_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)  # paid, taken over, or nothing came of the order

    class Meta:
        table = "payment_share"
        unique_together = (("order", "share_no"),)
        indexes = (("member_id",),)


class Payment(Table):
    """One attempt to pay an order, or one share of it, over one channel in one way. Its number is the channel's
    out_trade_no."""

    id = fields.BigIntField(primary_key=True)
    payment_no = fields.CharField(max_length=32, unique=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    share_id = fields.BigIntField(null=True)  # payment_share, of an order that is split; null: it pays the whole
    channel = fields.CharField(max_length=16)
    way = fields.CharField(max_length=16, default="IN_APP", db_default="IN_APP")  # Way; empty: taken by hand
    appid = fields.CharField(max_length=64)
    payer = fields.CharField(max_length=64)  # who must pay, as the channel knows them; empty: anybody may
    amount_fen = fields.BigIntField()
    refunded_fen = fields.BigIntField(default=0)  # guarded by a CHECK: never above amount_fen
    status = fields.CharField(max_length=16)
    reference = fields.CharField(max_length=128, default="")  # the channel's own, or the number on a card's slip
    channel_trade_no = fields.CharField(max_length=64, null=True, unique=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    paid_at = fields.DatetimeField(null=True)
    shift: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Shift", null=True, on_delete=fields.RESTRICT
    )
    shift_id: int | None  # of the clerk who took it
    next_check_at = fields.DatetimeField(null=True)
    checks = fields.IntField(default=0)

    class Meta:
        table = "payment"
        indexes = (("status", "next_check_at"), ("order_id",), ("channel", "paid_at"))


class Refund(Table):
    """Money on its way back. The number is made before the first call and never changes (payments.md)."""

    id = fields.BigIntField(primary_key=True)
    refund_no = fields.CharField(max_length=32, unique=True)
    payment: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Payment", on_delete=fields.RESTRICT)
    payment_id: int
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    amount_fen = fields.BigIntField()
    party = fields.CharField(max_length=8, default="MEMBER", db_default="MEMBER")  # RefundParty
    reason = fields.CharField(max_length=24)
    reason_text = fields.CharField(max_length=80)
    status = fields.CharField(max_length=16)
    channel_refund_no = fields.CharField(max_length=64, default="")
    request_key = fields.CharField(max_length=64, null=True)  # of staff's act, so that asking twice is once
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    shift: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Shift", null=True, on_delete=fields.RESTRICT
    )
    shift_id: int | None  # of the clerk who handed it out
    replaces: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Refund", null=True, on_delete=fields.RESTRICT
    )
    replaces_id: int | None  # the refund that the channel closed, and in whose place this one is
    to_merchant = fields.BooleanField(default=False, db_default=False)  # redirected to us: then handed out
    staff_note = fields.CharField(max_length=200, default="", db_default="")
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    next_check_at = fields.DatetimeField(null=True)
    checks = fields.IntField(default=0)

    class Meta:
        table = "refund"
        indexes = (("status", "next_check_at"), ("order_id",), ("finished_at",))
        unique_together = (("order", "request_key"),)


class RefundLine(Table):
    """Which part of a refund is for which line, what of the price is kept, and why."""

    id = fields.BigIntField(primary_key=True)
    refund: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Refund", on_delete=fields.RESTRICT)
    refund_id: int
    order_line: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", on_delete=fields.RESTRICT
    )
    order_line_id: int
    amount_fen = fields.BigIntField()
    kept_fen = fields.BigIntField()
    explanation = fields.CharField(max_length=120)

    class Meta:
        table = "refund_line"
        unique_together = (("refund", "order_line"),)
        indexes = (("order_line_id",),)


class RefundRule(Table):
    """Cancelled so long before the start, so much is kept. Without a venue: for those that have no rules of theirs."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None
    party = fields.CharField(max_length=8)
    minutes_before = fields.IntField()  # at least so long before the line starts
    kept_percent = fields.IntField()
    kept_fen = fields.BigIntField()  # on top, a line; never more than its price
    provenance = fields.CharField(max_length=16)  # PUBLISHED or DEMONSTRATION
    source = fields.CharField(max_length=200)

    class Meta:
        table = "refund_rule"
        unique_together = (("venue", "party", "minutes_before"),)


class FinanceEvent(Table):
    """One entry in an order's books. What is due, paid and refunded are sums of these."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    kind = fields.CharField(max_length=16)  # models.orders.rules.FinanceKind
    amount_fen = fields.BigIntField()
    about_no = fields.CharField(max_length=32)  # the order_no, order_no-line_no, payment_no or refund_no
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
