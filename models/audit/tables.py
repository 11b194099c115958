"""Who did what, when, from where, and how it ended. Lines are added and chained; nobody edits one."""

from tortoise import fields

from models.table import Table


class AuditLine(Table):
    """One act. Written in the act's own transaction; the worker chains it seconds later (`seq`, `prev_hash`, `hash`).

    Names and ids only, never what somebody's phone, name or ID number is.
    """

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    at = fields.DatetimeField(db_index=True)
    actor_kind = fields.CharField(max_length=12)  # STAFF, MEMBER, OPERATOR, SYSTEM
    actor_id = fields.CharField(max_length=40)  # a public id, or an operator's name
    act = fields.CharField(max_length=60)  # the root field, page or command
    subject_kind = fields.CharField(max_length=16, default="")
    subject_id = fields.CharField(max_length=40, default="")  # whom or what it was about, by its public id
    venue_id = fields.CharField(max_length=32, default="")  # public id
    outcome = fields.CharField(max_length=40)  # OK, or the refusal's code
    is_reading = fields.BooleanField(default=False)  # somebody's personal data were looked at
    address = fields.CharField(max_length=64, default="")
    device_id = fields.CharField(max_length=96, default="")
    detail = fields.CharField(max_length=300, default="")
    key_id = fields.CharField(max_length=16)
    mac = fields.CharField(max_length=64)  # HMAC of all above: an edited line shows even before it is chained
    seq = fields.BigIntField(null=True, unique=True)
    prev_hash = fields.CharField(max_length=64, default="")
    hash = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_line"
        indexes = (("actor_id", "at"), ("subject_id", "at"), ("act", "at"), ("venue_id", "at"))


class AuditCut(Table):
    """Where lines older than the law wants were cut off: the chain goes on from here and still verifies."""

    id = fields.IntField(primary_key=True)
    seq = fields.BigIntField(unique=True)  # of the last line that went
    hash = fields.CharField(max_length=64)
    lines = fields.IntField()
    cut_at = fields.DatetimeField()
    key_id = fields.CharField(max_length=16)
    mac = fields.CharField(max_length=64)

    class Meta:
        table = "audit_cut"
