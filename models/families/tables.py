"""Who may act for whom: guardians for wards, helpers for elders; and companions, who only play together."""

from typing import Any

from tortoise import fields

from models.table import Table


class Guardianship(Table):
    """One guardian of one ward under 14 (PIPL 31). A ward has at least one as long as they are a ward."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    guardian: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="guardianships", on_delete=fields.RESTRICT
    )
    guardian_id: int
    ward: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="guardians", on_delete=fields.RESTRICT
    )
    ward_id: int
    relation = fields.CharField(max_length=16)  # FATHER, MOTHER, GRANDPARENT, OTHER
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=24, default="")

    class Meta:
        table = "guardianship"
        indexes = (("guardian_id",), ("ward_id",))


class Proxy(Table):
    """A helper who may do named things for somebody; ended by either."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    principal: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="proxies_given", on_delete=fields.RESTRICT
    )
    principal_id: int
    helper: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="proxies_held", on_delete=fields.RESTRICT
    )
    helper_id: int
    powers = fields.CharField(max_length=120)  # of HelperPower, with commas between
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    # the clerk at whose desk the principal gave it, ID card in hand
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    ended_by = fields.CharField(max_length=12, default="")  # PRINCIPAL, HELPER, STAFF, SYSTEM

    class Meta:
        table = "proxy"
        indexes = (("principal_id",), ("helper_id",))


class Companionship(Table):
    """Two who play together and have both said so. The lower id stands first, so there is one row for the two."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    one: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="companions_first", on_delete=fields.RESTRICT
    )
    one_id: int
    other: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="companions_second", on_delete=fields.RESTRICT
    )
    other_id: int
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "companionship"
        indexes = (("one_id",), ("other_id",))


class Invitation(Table):
    """Somebody is asked to become a guardian, a helper or a companion, by a code that works once."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    kind = fields.CharField(max_length=12)  # GUARDIAN, HELPER, COMPANION
    subject: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="invitations", on_delete=fields.RESTRICT
    )
    subject_id: int
    # the ward, the principal, or who asks to play
    relation = fields.CharField(max_length=16, default="")
    powers = fields.CharField(max_length=120, default="")
    code_hash = fields.CharField(max_length=64, unique=True)
    phone_hash = fields.CharField(max_length=64, default="")  # given: only the member with this number may accept
    phone_key_id = fields.CharField(max_length=16, default="")
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    made_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    status = fields.CharField(max_length=12)  # OPEN, ACCEPTED, DECLINED, WITHDRAWN
    tries = fields.IntField(default=0)
    accepted_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="invitations_accepted", null=True, on_delete=fields.RESTRICT
    )
    accepted_by_id: int | None

    class Meta:
        table = "invitation"
        indexes = (("subject_id",),)
