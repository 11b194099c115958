"""What is held: one row per cell, and the rules of who may hold how much."""

from typing import Any

from tortoise import fields

from models.table import Table


class HeldCell(Table):
    """One atomic part of a court during one time step, given to one order line, or kept for whoever waits for it.

    The unique constraint is what makes double booking impossible (lessons 1); everything else is courtesy.
    """

    id = fields.BigIntField(primary_key=True)
    part: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.CourtPart", on_delete=fields.RESTRICT)
    part_id: int
    step = fields.IntField()  # half hours since 1970-01-01T00:00Z
    venue_id = fields.IntField()
    order_line: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", null=True, on_delete=fields.RESTRICT
    )
    order_line_id: int | None
    freed_slot: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.FreedSlot", null=True, on_delete=fields.RESTRICT
    )
    freed_slot_id: int | None  # CHECK: one of the two

    class Meta:
        table = "held_cell"
        unique_together = (("part", "step"),)
        indexes = (("venue_id", "step"), ("order_line_id",))


class WaitingEntry(Table):
    """Somebody waits for a slot that begins within a span of a day. Who asked first is offered first."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    placed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, related_name="waiting_for_others", on_delete=fields.RESTRICT
    )
    placed_by_id: int | None  # the guardian or helper who asked
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    sport_code = fields.CharField(max_length=24)
    court: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Court", null=True, on_delete=fields.RESTRICT
    )
    court_id: int | None  # null: whichever
    business_day = fields.DateField()
    starts_from = fields.DatetimeField()  # a slot's start lies from here on
    starts_until = fields.DatetimeField()  # and before this
    people = fields.IntField()
    state = fields.CharField(max_length=8)  # waiting_rules.WaitingState
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None  # the offer: an order that is theirs for as long as it is held
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    asked_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "waiting_entry"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("member_id", "state"), ("placed_by_id",))


class FreedSlot(Table):
    """A slot that somebody gave up while others wait for it: its cells are kept until one of them was offered it, or
    none wants it any more."""

    id = fields.BigIntField(primary_key=True)
    court: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Court", on_delete=fields.RESTRICT)
    court_id: int
    order_line_id = fields.BigIntField()  # whose it was; given up once
    starts_at = fields.DatetimeField()
    freed_at = fields.DatetimeField()

    class Meta:
        table = "freed_slot"
        unique_together = (("order_line_id",),)


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
