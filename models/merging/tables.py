"""Two accounts of one person become one, with proof of both, and apart again within a day."""

from typing import Any

from tortoise import fields

from models.table import Table


class MergeCode(Table):
    """Proof of the other account: a code given to its own sign-in, typed into the one that stays."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    sign_in_id = fields.BigIntField()
    code_hash = fields.CharField(max_length=64, unique=True)
    made_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "merge_code"
        indexes = (("member_id", "made_at"),)


class MergeGuess(Table):
    """A code that was none. Whoever types too many waits, so that nobody finds one by trying."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    guessed_at = fields.DatetimeField()

    class Meta:
        table = "merge_guess"
        indexes = (("member_id", "guessed_at"),)


class Merge(Table):
    """One joining: which account stays, which one leads there, and until when it can be undone."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    kept: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="merges_kept", on_delete=fields.RESTRICT
    )
    kept_id: int
    joined: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Member", related_name="merges_joined", on_delete=fields.RESTRICT
    )
    joined_id: int
    code_id = fields.BigIntField(unique=True)  # the proof that was used
    sign_in_id = fields.BigIntField()  # the other proof: the sign-in in which it was typed; 0: a card, at a desk
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    # the clerk who had the card in hand and typed the code
    merged_at = fields.DatetimeField()
    undo_until = fields.DatetimeField()
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "merge"
        indexes = (("kept_id",), ("joined_id",))


class MergeMove(Table):
    """A row that changed its member, so that undoing brings back these and no others."""

    id = fields.BigIntField(primary_key=True)
    merge: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Merge", related_name="moves", on_delete=fields.RESTRICT
    )
    merge_id: int
    table_name = fields.CharField(max_length=40)
    column_name = fields.CharField(max_length=40)
    row_id = fields.BigIntField()
    before = fields.CharField(max_length=200, default="")  # what else the row said, where it had to change

    class Meta:
        table = "merge_move"
        indexes = (("merge_id",),)
