"""Members, the identities by which they come in, and their sign-ins."""

from typing import Any

from tortoise import fields

from models.table import Table


class Member(Table):
    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    created_at = fields.DatetimeField()
    code_version = fields.IntField(default=0)  # part of every personal code: raising it revokes all shown codes
    origin = fields.CharField(max_length=8, default="SELF", db_default="SELF")  # MemberOrigin: who opened it
    home_province = fields.CharField(max_length=6, default="", db_default="")  # as they say; empty: not said
    joined_to: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, related_name="joined", on_delete=fields.RESTRICT
    )
    joined_to_id: int | None  # merged into that member; nothing of ours leads here any more
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "member"


class Identity(Table):
    """A person at one application of WeChat or Alipay. unionid may be absent, so (appid, openid) is the key."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    appid = fields.CharField(max_length=64)
    openid = fields.CharField(max_length=64)
    unionid = fields.CharField(max_length=64, null=True, db_index=True)
    door = fields.CharField(max_length=16, default="MINI_PROGRAM", db_default="MINI_PROGRAM")  # Door
    created_at = fields.DatetimeField()

    class Meta:
        table = "identity"
        unique_together = (("appid", "openid"),)
        indexes = (("member_id",),)


class MemberPhone(Table):
    """A phone number that nobody reads from the database: sealed, and found by a keyed hash."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    sealed = fields.BinaryField()
    seal_key_id = fields.CharField(max_length=16)
    lookup_hash = fields.CharField(max_length=64, unique=True)
    lookup_key_id = fields.CharField(max_length=16)
    bound_at = fields.DatetimeField()
    proved_at = fields.DatetimeField(null=True)  # when its holder last proved that they have it; null: when bound

    class Meta:
        table = "member_phone"
        unique_together = (("member",),)  # Tortoise's migrations create nothing for a foreign key's unique=True


class SignIn(Table):
    """One device signed in: a family of refresh tokens that begins and ends together."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True, null=True)  # null until an older one is refreshed
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    appid = fields.CharField(max_length=64)
    openid = fields.CharField(max_length=64)
    device_id = fields.CharField(max_length=64)
    door = fields.CharField(max_length=16, default="MINI_PROGRAM", db_default="MINI_PROGRAM")  # Door
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=24, default="")

    class Meta:
        table = "sign_in"
        indexes = (("member_id", "device_id"),)


class SignInToken(Table):
    """One generation of a sign-in's tokens, kept as hashes only."""

    id = fields.BigIntField(primary_key=True)
    sign_in: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.SignIn", on_delete=fields.RESTRICT)
    sign_in_id: int
    generation = fields.IntField()
    refresh_hash = fields.CharField(max_length=64, unique=True)
    access_hash = fields.CharField(max_length=64, unique=True)
    issued_at = fields.DatetimeField()
    access_expires_at = fields.DatetimeField()
    refresh_expires_at = fields.DatetimeField()
    replaced_at = fields.DatetimeField(null=True)

    class Meta:
        table = "sign_in_token"
        unique_together = (("sign_in", "generation"),)


class PhoneCode(Table):
    """A code sent by SMS to prove that somebody holds a number. Neither the number nor the code can be read here."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    purpose = fields.CharField(max_length=16)  # CodePurpose
    phone_hash = fields.CharField(max_length=64)  # under the lookup key of that moment; codes live for minutes
    code_hash = fields.CharField(max_length=64)
    device_id = fields.CharField(max_length=64)
    address = fields.CharField(max_length=64)
    member_id = fields.BigIntField(null=True)  # who asked, where somebody was signed in
    status = fields.CharField(max_length=16)  # INTENDED, SENT, FAILED, USED, SPENT
    tries = fields.IntField(default=0)
    sent_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "phone_code"
        indexes = (("phone_hash", "sent_at"), ("device_id", "sent_at"), ("address", "sent_at"))
