"""法人: clubs, institutions and companies that act in their own name, and the people who act for them."""

from typing import Any

from tortoise import fields

from models.table import Table


class Organisation(Table):
    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=80)
    credit_code = fields.CharField(max_length=18)  # GB 32100, public by law; unique among those not ended
    kind = fields.CharField(max_length=16)  # OrganisationKind
    region_key = fields.CharField(max_length=24)  # where it is registered: whose administration decides
    introduction = fields.CharField(max_length=500, default="")
    status = fields.CharField(max_length=12)  # OrganisationStatus
    registered_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", on_delete=fields.RESTRICT
    )
    registered_by_id: int
    registered_at = fields.DatetimeField()
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    decided_at = fields.DatetimeField(null=True)
    decision_note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "organisation"
        indexes = (("region_key", "status"), ("credit_code",))


class OrganisationMember(Table):
    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    organisation: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Organisation", on_delete=fields.RESTRICT
    )
    organisation_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    role = fields.CharField(max_length=12)  # OWNER, MANAGER, MEMBER
    joined_at = fields.DatetimeField()
    left_at = fields.DatetimeField(null=True)

    class Meta:
        table = "organisation_member"
        indexes = (("organisation_id",), ("member_id",))


class OrganisationInvitation(Table):
    """A code that works once and makes its taker a member of the organisation."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    organisation: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Organisation", on_delete=fields.RESTRICT
    )
    organisation_id: int
    invited_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="organisation_invitations", on_delete=fields.RESTRICT
    )
    invited_by_id: int
    role = fields.CharField(max_length=12)
    code_hash = fields.CharField(max_length=64, unique=True)
    made_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    status = fields.CharField(max_length=12)  # OPEN, ACCEPTED, WITHDRAWN
    accepted_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="organisation_invitations_accepted", null=True, on_delete=fields.RESTRICT
    )
    accepted_by_id: int | None

    class Meta:
        table = "organisation_invitation"
        indexes = (("organisation_id",),)
