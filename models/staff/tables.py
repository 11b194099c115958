"""People who work at a venue or for a region, what they may do where, and their sign-ins."""

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
    must_change_password = fields.BooleanField(default=False, db_default=False)  # somebody else chose it
    totp_sealed = fields.BinaryField(null=True)  # the second factor's secret (RFC 6238)
    totp_key_id = fields.CharField(max_length=16, default="", db_default="")
    totp_confirmed_at = fields.DatetimeField(null=True)
    totp_last_step = fields.BigIntField(default=0, db_default=0)  # a code works once
    opened_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="opened", null=True, on_delete=fields.RESTRICT
    )
    opened_by_id: int | None
    # the system administrator; null: on the command line, or before this was kept

    class Meta:
        table = "staff_member"


class StaffRole(Table):
    """What somebody may do, and where: at one venue, in a region and all below it, or everywhere (neither given)."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="roles", on_delete=fields.RESTRICT
    )
    staff_id: int
    role = fields.CharField(max_length=24)  # Role
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None
    region_key = fields.CharField(max_length=24, default="")
    granted_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="roles_granted", null=True, on_delete=fields.RESTRICT
    )
    granted_by_id: int | None
    # null: by an operator on the command line
    granted_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "staff_role"
        indexes = (("staff_id",), ("venue_id",))


class StaffPassword(Table):
    """Passwords that somebody had, so that an old one is not taken up again."""

    id = fields.IntField(primary_key=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="passwords", on_delete=fields.RESTRICT
    )
    staff_id: int
    password_hash = fields.CharField(max_length=200)
    set_at = fields.DatetimeField()

    class Meta:
        table = "staff_password"
        indexes = (("staff_id", "set_at"),)


class StaffSignIn(Table):
    id = fields.BigIntField(primary_key=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    public_id = fields.CharField(max_length=32, null=True, unique=True)  # null: of the time before they were shown
    token_hash = fields.CharField(max_length=64, unique=True)
    stage = fields.CharField(max_length=16, default="OPEN", db_default="OPEN")  # SignInStage
    device_id = fields.CharField(max_length=64)
    address = fields.CharField(max_length=64)
    started_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=24, default="", db_default="")
    second_factor_tries = fields.IntField(default=0, db_default=0)

    class Meta:
        table = "staff_sign_in"
