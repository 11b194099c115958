"""Gates, what they saw, and how many people are inside."""

from typing import Any

from tortoise import fields

from models.table import Table


class GateDevice(Table):
    """A reader or a counting device at a door. Its token is stored hashed; two are valid while rotating."""

    id = fields.IntField(primary_key=True)
    device_no = fields.CharField(max_length=32, unique=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    direction = fields.CharField(max_length=5)  # ENTRY, EXIT
    protocol = fields.CharField(max_length=6, default="READER")  # READER, or SIGNED: the JSON form with HMAC
    token_hash = fields.CharField(max_length=64, unique=True)
    previous_token_hash = fields.CharField(max_length=64, null=True, unique=True)
    secret_version = fields.IntField(default=1)  # of the key with which the JSON form is signed
    allowed_networks: list[str] = fields.JSONField(default=list)  # empty: any address
    is_core_area = fields.BooleanField(default=True)
    sport_code = fields.CharField(
        max_length=24, default="", db_default=""
    )  # to whose sessions it leads; empty: none
    is_active = fields.BooleanField(default=True)
    last_code_hash = fields.CharField(max_length=64, default="")
    last_scan_at = fields.DatetimeField(null=True)
    last_answer: dict[str, Any] | None = fields.JSONField(null=True)

    class Meta:
        table = "gate_device"


class GateScan(Table):
    id = fields.BigIntField(primary_key=True)
    device: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.GateDevice", on_delete=fields.RESTRICT)
    device_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    event_no = fields.CharField(max_length=64)  # the device's own, or ours for readers
    request_hash = fields.CharField(max_length=64)
    direction = fields.CharField(max_length=5)
    outcome = fields.CharField(max_length=24)
    people = fields.IntField(default=1, db_default=1)  # more only where a device counts without reading codes
    answer: dict[str, Any] = fields.JSONField()
    admission: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Admission", null=True, on_delete=fields.RESTRICT
    )
    admission_id: int | None
    scanned_at = fields.DatetimeField()
    received_at = fields.DatetimeField()
    business_day = fields.DateField()

    class Meta:
        table = "gate_scan"
        unique_together = (("device", "event_no"),)
        indexes = (("venue_id", "business_day"), ("device_id", "received_at"))


class DailyPassage(Table):
    """The first passage of one person through a venue's doors in one day: 多次进出统计一次."""

    id = fields.BigIntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    business_day = fields.DateField()
    person = fields.CharField(max_length=64)
    direction = fields.CharField(max_length=5)
    device: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.GateDevice", on_delete=fields.RESTRICT)
    device_id: int
    passed_at = fields.DatetimeField()

    class Meta:
        table = "daily_passage"
        unique_together = (("venue", "business_day", "person", "direction"),)


class Occupancy(Table):
    """How many are inside, by the gates' count; starts again with each business day."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    business_day = fields.DateField()
    inside = fields.IntField()
    counted_at = fields.DatetimeField()

    class Meta:
        table = "occupancy"
        unique_together = (("venue",),)  # Tortoise's migrations create nothing for a foreign key's unique=True


class HourlyFigure(Table):
    """One device's people in one hour, as the platform got it last."""

    id = fields.BigIntField(primary_key=True)
    device: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.GateDevice", on_delete=fields.RESTRICT)
    device_id: int
    hour_ends_at = fields.DatetimeField()
    entered = fields.IntField()
    left_count = fields.IntField()

    class Meta:
        table = "hourly_figure"
        unique_together = (("device", "hour_ends_at"),)


class HourlyOccupancy(Table):
    """How many were inside in one hour of one day: the ground of forecasts. An hour in which no gate counted has no
    row: as many as at the end of the hour before."""

    id = fields.BigIntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    business_day = fields.DateField()
    hour = fields.IntField()  # of the local clock, 0 to 23
    most_inside = fields.IntField()
    last_inside = fields.IntField()

    class Meta:
        table = "hourly_occupancy"
        unique_together = (("venue", "business_day", "hour"),)
