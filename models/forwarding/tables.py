"""What the government platform must hear: written with the fact itself, sent afterwards."""

from typing import Any

from tortoise import fields

from models.table import Table


class OutboxRow(Table):
    """One message. The database is the truth; the queue only wakes the work (lessons 9)."""

    id = fields.BigIntField(primary_key=True)  # also the order within a subject
    public_id = fields.CharField(max_length=32, unique=True)  # the platform's idempotency key
    kind = fields.CharField(max_length=20)
    subject = fields.CharField(max_length=64)  # order:… or gate:…; kept in order within it
    province_code = fields.CharField(
        max_length=6, default="", db_default=""
    )  # where it happened: whose platform hears it
    payload: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField()
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField()
    claimed_until = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    dead_at = fields.DatetimeField(null=True)
    receipt_no = fields.CharField(max_length=64, default="")
    last_error = fields.CharField(max_length=300, default="")

    class Meta:
        table = "outbox"
