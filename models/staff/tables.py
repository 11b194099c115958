"""People who work at a venue, the venues they may act for, and their sign-ins at a desk."""

from typing import Any

from tortoise import fields

from models.table import Table


class StaffMember(Table):
    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    username = fields.CharField(max_length=40, unique=True)
    display_name = fields.CharField(max_length=40)
    password_hash = fields.CharField(max_length=200)
    password_set_at = fields.DatetimeField()
    failures = fields.IntField(default=0)
    locked_until = fields.DatetimeField(null=True)
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "staff_member"


class StaffVenue(Table):
    id = fields.IntField(primary_key=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int

    class Meta:
        table = "staff_venue"
        unique_together = (("staff", "venue"),)


class StaffSignIn(Table):
    id = fields.BigIntField(primary_key=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    token_hash = fields.CharField(max_length=64, unique=True)
    device_id = fields.CharField(max_length=64)
    address = fields.CharField(max_length=64)
    started_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "staff_sign_in"
