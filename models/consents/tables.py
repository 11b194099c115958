"""What a person agreed to: by purpose and version of the text, and for how long (PIPL 14–16, 29, 31)."""

from typing import Any

from tortoise import fields

from models.table import Table


class Consent(Table):
    """One yes. Its end is a date on it; a later yes, or one to a later text, is another row.

    A no that no yes went before is a row as well, over as it began (EndReason.REFUSED): who said it is not asked again.
    """

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="consents", on_delete=fields.RESTRICT
    )
    member_id: int
    purpose = fields.CharField(max_length=24)  # Purpose
    version = fields.CharField(max_length=16)
    text_hash = fields.CharField(max_length=64)  # SHA-256 of the text as it was shown
    given_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="consents_given", null=True, on_delete=fields.RESTRICT
    )
    given_by_id: int | None
    # the guardian, for a ward; null: the member
    at_desk = fields.BooleanField(default=False)  # said to a clerk, who attests it
    given_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=12, default="")  # EndReason

    class Meta:
        table = "consent"
        indexes = (("member_id", "purpose"),)
