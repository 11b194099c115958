"""Who somebody is by their ID card: sealed, found by a keyed hash, never shown (PIPL 28; GB/T 22239 level 3)."""

from typing import Any

from tortoise import fields

from models.table import Table


class RealName(Table):
    """A name and an ID number that belong together. One person, so one member at a time.

    The row outlives its binding (member null) for a year, so that whoever comes back by another account is the same
    person, for whatever is counted by person.
    """

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT
    )
    member_id: int | None
    sealed_name = fields.BinaryField()
    sealed_number = fields.BinaryField()
    seal_key_id = fields.CharField(max_length=16)
    lookup_hash = fields.CharField(max_length=64, unique=True)
    lookup_key_id = fields.CharField(max_length=16)
    level = fields.CharField(max_length=16)  # Assurance
    verified_at = fields.DatetimeField()
    bound_at = fields.DatetimeField()
    unbound_at = fields.DatetimeField(null=True)

    class Meta:
        table = "real_name"
        unique_together = (("member",),)


class NameCheck(Table):
    """One question to the authority: written before it is asked, answered after. Keeps no name and no number."""

    id = fields.BigIntField(primary_key=True)
    request_no = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, on_delete=fields.RESTRICT
    )
    member_id: int | None
    # who asked, for themselves or for a child; null: a clerk, for somebody without an account
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    # the clerk, where it was asked at a desk
    number_hash = fields.CharField(max_length=64)
    outcome = fields.CharField(max_length=16)  # ASKED, AGREES, DIFFERS, UNKNOWN, UNAVAILABLE
    asked_at = fields.DatetimeField()
    answered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "name_check"
        indexes = (("member_id", "asked_at"), ("number_hash", "asked_at"))


class Concession(Table):
    """A group somebody verifiably belongs to, until a day. The paper was looked at, not kept."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    kind = fields.CharField(max_length=16)  # ConcessionKind, without SENIOR, which age alone decides
    ends_on = fields.DateField()  # the first day on which it is no more
    verified_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="concessions", on_delete=fields.RESTRICT
    )
    verified_by_id: int
    venue_id = fields.IntField()  # at whose desk the paper was shown
    verified_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "concession"
        indexes = (("member_id", "kind"),)


class DeskLookUp(Table):
    """A clerk had somebody's card in hand. Counted against reading neighbours' records, and what a clerk does for a
    person rests on it. What it was about in words is the audit trail's."""

    id = fields.BigIntField(primary_key=True)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    venue_id = fields.IntField()
    person_id = fields.BigIntField(null=True)  # of RealName, which may be gone by now; null: nobody was found
    looked_at = fields.DatetimeField()

    class Meta:
        table = "desk_look_up"
        indexes = (("staff_id", "looked_at"),)
