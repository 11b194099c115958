"""A channel's statement of a day, what did not agree, and what was done about it. Acts are added, never edited."""

from typing import Any

from tortoise import fields

from models.table import Table


class DayStatement(Table):
    """What came of fetching and matching one channel's statement of one day (Asia/Shanghai)."""

    id = fields.BigIntField(primary_key=True)
    channel = fields.CharField(max_length=16)
    day = fields.DateField()
    status = fields.CharField(max_length=16)  # models.reconciliation.rules.StatementStatus
    digest = fields.CharField(max_length=64, default="")  # hex SHA-256 of the file
    entries = fields.IntField(default=0)
    paid_fen = fields.BigIntField(default=0)
    refunded_fen = fields.BigIntField(default=0)
    fee_fen = fields.BigIntField(default=0)
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)
    last_problem = fields.CharField(max_length=200, default="")
    matched_at = fields.DatetimeField(null=True)

    class Meta:
        table = "day_statement"
        unique_together = (("channel", "day"),)
        indexes = (("status", "next_attempt_at"),)


class Discrepancy(Table):
    """One thing on which a statement and our books do not agree (差错)."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    statement: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.DayStatement", on_delete=fields.RESTRICT
    )
    statement_id: int
    kind = fields.CharField(max_length=16)  # models.reconciliation.rules.DiscrepancyKind
    about = fields.CharField(max_length=8)  # PAYMENT, REFUND
    about_no = fields.CharField(max_length=64)  # payment_no or refund_no, ours or one that we never gave
    channel_trade_no = fields.CharField(max_length=64, default="")
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None  # None: nobody's that we know
    ours_fen = fields.BigIntField(null=True)
    theirs_fen = fields.BigIntField(null=True)
    ours_status = fields.CharField(max_length=16, default="")
    theirs_status = fields.CharField(max_length=16, default="")
    status = fields.CharField(max_length=16)  # models.reconciliation.rules.DiscrepancyStatus
    found_at = fields.DatetimeField()

    class Meta:
        table = "discrepancy"
        unique_together = (("statement", "kind", "about", "about_no"),)  # a stranger may number both alike
        indexes = (("status", "found_at"),)


class DiscrepancyAct(Table):
    """What the job or a person did about a discrepancy."""

    id = fields.BigIntField(primary_key=True)
    discrepancy: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Discrepancy", on_delete=fields.RESTRICT
    )
    discrepancy_id: int
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None  # None: the daily job
    outcome = fields.CharField(max_length=24)  # models.reconciliation.rules.Outcome
    note = fields.CharField(max_length=300, default="")
    acted_at = fields.DatetimeField()

    class Meta:
        table = "discrepancy_act"
        indexes = (("discrepancy_id",),)
