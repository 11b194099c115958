"""Who may ask freely though we don't write their documents, and the keys by which they are known."""

from typing import Any

from tortoise import fields

from models.table import Table


class ThirdParty(Table):
    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=40, unique=True)
    contact = fields.CharField(max_length=100)
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "third_party"


class ThirdPartyKey(Table):
    id = fields.IntField(primary_key=True)
    third_party: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.ThirdParty", related_name="keys", on_delete=fields.RESTRICT
    )
    third_party_id: int
    key_hash = fields.CharField(max_length=64, unique=True)
    last_four = fields.CharField(max_length=4)
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "third_party_key"
