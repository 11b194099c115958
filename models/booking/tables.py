"""What is held: one row per cell, and the rules of who may hold how much."""

from typing import Any

from tortoise import fields

from models.table import Table


class HeldCell(Table):
    """One atomic part of a court during one time step, given to one order line.

    The unique constraint is what makes double booking impossible (lessons 1); everything else is courtesy.
    """

    id = fields.BigIntField(primary_key=True)
    part: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.CourtPart", on_delete=fields.RESTRICT)
    part_id: int
    step = fields.IntField()  # half hours since 1970-01-01T00:00Z
    venue_id = fields.IntField()
    order_line: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", on_delete=fields.RESTRICT
    )
    order_line_id: int

    class Meta:
        table = "held_cell"
        unique_together = (("part", "step"),)
        indexes = (("venue_id", "step"), ("order_line_id",))


class BookingRule(Table):
    """Limits as data: one row per venue, and one without a venue for all the others."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None
    courts_a_person_a_day = fields.IntField()
    minutes_a_court_a_day = fields.IntField()  # one person on one court
    days_ahead = fields.IntField()
    release_minute = fields.IntField()  # local minute at which the farthest day opens
    hold_minutes = fields.IntField()
    entry_opens_minutes_before = fields.IntField()
    provenance = fields.CharField(max_length=16)
    source = fields.CharField(max_length=200, default="")

    class Meta:
        table = "booking_rule"
        unique_together = (("venue",),)  # Tortoise's migrations create nothing for a foreign key's unique=True
