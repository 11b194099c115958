"""What people are told: an inbox that always works, and ways outside that may not."""

from typing import Any

from tortoise import fields

from models.table import Table


class Message(Table):
    """Something that a member is told, once. `about_no` is what it is about, and makes it unique."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    template = fields.CharField(max_length=32)
    values: dict[str, str] = fields.JSONField()  # for the template's blanks; no phone, no name, no ID number
    about_no = fields.CharField(max_length=64)
    told_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)
    planned_at = fields.DatetimeField(null=True)  # when the worker chose its ways outside; null: it has yet to

    class Meta:
        table = "message"
        unique_together = (("member", "template", "about_no"),)
        indexes = (("member_id", "id"),)


class MessageSending(Table):
    """A message on one way outside. SENDING is written before the call: if no answer is recorded, nothing tells whether
    it arrived, so it is not sent again; by the official account it is, for as long as WeChat makes two of them one
    (`rules.REPEATABLE_FOR`)."""

    id = fields.BigIntField(primary_key=True)
    message: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Message", related_name="sendings", on_delete=fields.RESTRICT
    )
    message_id: int
    recipient: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    recipient_id: int
    # the member, or who is there for them
    way = fields.CharField(max_length=16)  # MessageWay
    status = fields.CharField(max_length=12)  # SendingStatus
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField(null=True)  # while SENDING: when whoever sends is surely gone
    asked_at = fields.DatetimeField(null=True)  # since when nobody knows whether it arrived; null: that is known
    outside_id = fields.CharField(max_length=64, default="")
    problem = fields.CharField(max_length=120, default="")
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "message_sending"
        unique_together = (("message", "recipient", "way"),)
        indexes = (("status", "next_attempt_at"),)


class SubscribeQuota(Table):
    """How many subscribe messages of one template somebody has said yes to and not yet got."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    appid = fields.CharField(max_length=64)
    openid = fields.CharField(max_length=64)
    template = fields.CharField(max_length=32)  # of WeChat's: a form's name (data/message_templates.json)
    left_count = fields.IntField()
    asked_at = fields.DatetimeField()
    refused_at = fields.DatetimeField(null=True)  # said no, or WeChat says so (43101)

    class Meta:
        table = "subscribe_quota"
        unique_together = (("appid", "openid", "template"),)
        indexes = (("member_id",),)


class MessageChoice(Table):
    """Whether somebody wants a kind of message on one way. The inbox cannot be chosen away."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    kind = fields.CharField(max_length=16)  # MessageKind
    way = fields.CharField(max_length=16)
    is_wanted = fields.BooleanField()
    chosen_at = fields.DatetimeField()

    class Meta:
        table = "message_choice"
        unique_together = (("member", "kind", "way"),)
