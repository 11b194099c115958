"""What people may demand of us: all that we hold about them, and that it goes (PIPL 45, 47)."""

from typing import Any

from tortoise import fields

from models.table import Table


class ExportLink(Table):
    """A link to a file of everything that is held about a member; works once, for minutes. The file is not kept."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    token_hash = fields.CharField(max_length=64, unique=True)
    asked_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    fetched_at = fields.DatetimeField(null=True)

    class Meta:
        table = "export_link"
        indexes = (("member_id", "asked_at"),)


class Deletion(Table):
    """Somebody wants to be gone. Until `due_at` they may think better of it."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    asked_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    cancelled_at = fields.DatetimeField(null=True)
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "deletion"
        indexes = (("member_id",), ("due_at",))


class SealedRecord(Table):
    """Who a deleted member was, for as long as a law wants it known: sealed, opened by a named power only."""

    id = fields.BigIntField(primary_key=True)
    member_public_id = fields.CharField(max_length=32, unique=True)
    sealed = fields.BinaryField()
    seal_key_id = fields.CharField(max_length=16)
    basis = fields.CharField(max_length=200)  # which law
    sealed_at = fields.DatetimeField()
    keep_until = fields.DatetimeField()

    class Meta:
        table = "sealed_record"
        indexes = (("keep_until",),)
