"""Shifts. What was taken and handed out in one stands in the payments and refunds that name it."""

from typing import Any

from tortoise import fields

from models.table import Table


class Shift(Table):
    """One clerk at one venue's drawer; one open at a time for each clerk (models.guards)."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    device_id = fields.CharField(max_length=64)
    opened_at = fields.DatetimeField()
    float_fen = fields.BigIntField()  # the change that lay in the drawer at the beginning
    closed_at = fields.DatetimeField(null=True)
    expected_fen = fields.BigIntField(null=True)  # what should lie there at the end, by our books
    counted_fen = fields.BigIntField(null=True)  # what the clerk counted, before being told the above
    note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "shift"
        indexes = (("venue_id", "opened_at"),)
