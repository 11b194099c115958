"""One admission per person and slot, and each passage through a door."""

from typing import Any

from tortoise import fields

from models.table import Table


class Admission(Table):
    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    order_line: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", on_delete=fields.RESTRICT
    )
    order_line_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    seat = fields.IntField()
    handle = fields.CharField(max_length=10, unique=True)  # digits; leads from a code to its admission
    code_version = fields.IntField(default=0)
    revoked_at = fields.DatetimeField(null=True)
    revoked_for = fields.CharField(max_length=12, default="", db_default="")  # NO_SHOW; empty: cancelled
    business_day = fields.DateField()
    opens_at = fields.DatetimeField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    title = fields.CharField(max_length=120)
    is_inside = fields.BooleanField(default=False)
    passage_count = fields.IntField(default=0)
    first_entered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "admission"
        unique_together = (("order_line", "seat"),)
        indexes = (("order_id",),)


class Passage(Table):
    """An admission went in or out. Number 1 is the one first entry; the constraint lets it happen once."""

    id = fields.BigIntField(primary_key=True)
    admission: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Admission", on_delete=fields.RESTRICT
    )
    admission_id: int
    number = fields.IntField()
    direction = fields.CharField(max_length=5)  # ENTRY, EXIT
    passed_at = fields.DatetimeField()
    door = fields.CharField(max_length=80)

    class Meta:
        table = "passage"
        unique_together = (("admission", "number"),)


class Redemption(Table):
    """One scan at a desk and the answer it got; the same nonce of the same device gets the same answer."""

    id = fields.BigIntField(primary_key=True)
    device_id = fields.CharField(max_length=96)
    nonce = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    checkpoint = fields.CharField(max_length=40)
    admission: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Admission", null=True, on_delete=fields.RESTRICT
    )
    admission_id: int | None
    id_checked = fields.BooleanField(default=False)
    outcome = fields.CharField(max_length=24)
    answer: dict[str, Any] = fields.JSONField()
    scanned_at = fields.DatetimeField()

    class Meta:
        table = "redemption"
        unique_together = (("device_id", "nonce"),)
        indexes = (("device_id", "scanned_at"),)
