"""Desks that work without a network for a while: what they were given, and what they brought back.

What a desk signed is kept as it signed it, refused or not: it is the only proof of what happened there. How everything
looks on the wire is in docs/offline.md.
"""

from typing import Any

from tortoise import fields

from models.table import Table


class OfflineDesk(Table):
    """A device at a venue with a key of its own, of which we know the public half."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    name = fields.CharField(max_length=40)
    public_key = fields.CharField(max_length=88, unique=True)  # base64 of a P-256 point, 65 bytes
    most_fen = fields.IntField()  # of vouchers, a day
    most_count = fields.IntField()  # likewise
    enrolled_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="offline_desks_enrolled", on_delete=fields.RESTRICT
    )
    enrolled_by_id: int
    enrolled_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    ended_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="offline_desks_ended", on_delete=fields.RESTRICT
    )
    ended_by_id: int | None

    class Meta:
        table = "offline_desk"
        indexes = (("venue_id",),)


class OfflineKit(Table):
    """What a desk took along: until when it holds, what the desk could spend, and which passes it knew to be void."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    desk: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.OfflineDesk", on_delete=fields.RESTRICT)
    desk_id: int
    business_day = fields.DateField()
    issued_at = fields.DatetimeField()
    valid_until = fields.DatetimeField()
    most_fen = fields.IntField()  # of this day, all its kits together
    most_count = fields.IntField()
    void_passes: list[Any] = fields.JSONField()  # numbers of passes
    campaigns: list[Any] = fields.JSONField()  # [campaign, version of its terms]: those that hold at this venue
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int  # who fetched it

    class Meta:
        table = "offline_kit"
        indexes = (("desk_id", "business_day"),)


class VoucherPass(Table):
    """A voucher's pass for desks that are offline. Void before its end once its voucher can't be used any more."""

    id = fields.BigIntField(primary_key=True)
    number = fields.BigIntField(unique=True)
    voucher: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Voucher", on_delete=fields.RESTRICT)
    voucher_id: int
    key_id = fields.CharField(max_length=2)
    code_version = fields.IntField()  # of its voucher; raising it voids the pass
    member_code_version = fields.IntField()  # likewise: signing out
    issued_at = fields.DatetimeField()
    valid_until = fields.DatetimeField()

    class Meta:
        table = "voucher_pass"
        indexes = (("voucher_id", "valid_until"), ("valid_until",))


class OfflineEntry(Table):
    """One acceptance of a desk's queue, and the answer it got. The same number again gets the same answer."""

    id = fields.BigIntField(primary_key=True)
    desk: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.OfflineDesk", on_delete=fields.RESTRICT)
    desk_id: int
    number = fields.IntField()
    kit: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.OfflineKit", null=True, on_delete=fields.RESTRICT
    )
    kit_id: int | None
    body = fields.TextField()  # what the desk signed, byte for byte
    body_hash = fields.CharField(max_length=64)
    previous_hash = fields.CharField(max_length=64)
    signature = fields.CharField(max_length=88)
    kind = fields.CharField(max_length=4)  # rules.EntryKind
    outcome = fields.CharField(max_length=24)  # rules.Outcome, or a refusal's code
    answer: dict[str, Any] = fields.JSONField()
    is_behind_gap = fields.BooleanField(default=False)  # the one before had not come when this one did
    bill_fen = fields.IntField(default=0)
    face_fen = fields.IntField(default=0)  # of a pass that counts against the caps
    accepted_at = fields.DatetimeField()  # rules.accepted_at: the desk's time within what we know
    uploaded_at = fields.DatetimeField()
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int  # who uploaded it
    admission: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Admission", null=True, on_delete=fields.RESTRICT
    )
    admission_id: int | None
    voucher: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Voucher", null=True, on_delete=fields.RESTRICT
    )
    voucher_id: int | None
    use: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.VoucherUse", null=True, on_delete=fields.RESTRICT
    )
    use_id: int | None

    class Meta:
        table = "offline_entry"
        unique_together = (("desk", "number"),)
        indexes = (("voucher_id",), ("use_id",))


class OfflineFork(Table):
    """Another content under a number that a desk has used: somebody copied the device's key, or its memory went back."""

    id = fields.BigIntField(primary_key=True)
    entry: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OfflineEntry", on_delete=fields.RESTRICT
    )
    entry_id: int
    body = fields.TextField()
    body_hash = fields.CharField(max_length=64)
    signature = fields.CharField(max_length=88)
    uploaded_at = fields.DatetimeField()

    class Meta:
        table = "offline_fork"
        unique_together = (("entry", "body_hash"),)


class OfflineConflict(Table):
    """A desk accepted what could not be booked as it was, a pass or a booking's code: what stood in the way, and who bears
    it. Of a code, `order_line` says for what; of a pass all that is about vouchers is there instead (CHECK)."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    entry: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OfflineEntry", on_delete=fields.RESTRICT
    )
    entry_id: int
    order_line: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", null=True, on_delete=fields.RESTRICT
    )
    order_line_id: int | None
    voucher: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Voucher", null=True, on_delete=fields.RESTRICT
    )
    voucher_id: int | None
    use: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.VoucherUse", null=True, related_name="offline_conflicts", on_delete=fields.RESTRICT
    )
    use_id: (
        int | None
    )  # the one that lost; null: the venue bears it, and nothing was booked, or it is no voucher's
    winner: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.VoucherUse", null=True, related_name="offline_conflicts_won", on_delete=fields.RESTRICT
    )
    winner_id: int | None
    campaign_id = fields.IntField(null=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    amount_fen = fields.BigIntField()  # the voucher's face; of a code, what went back to the citizen
    reason = fields.CharField(max_length=24)  # an ErrorCode
    state = fields.CharField(max_length=8)  # rules.ConflictState
    found_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    decision_note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "offline_conflict"
        unique_together = (("entry",), ("use",), ("order_line",))
        indexes = (("venue_id", "id"), ("state",))
