"""What the programme owes each venue for a period, what was really paid, and into whose account.

Money is in fen. An event of the programme's books stands in one settlement at most: a unique constraint is the last
guard of that, as it is of one live payout and of one payment for each settlement. Without foreign keys to the campaign,
whose row is the lock of the rush.
"""

from typing import Any

from tortoise import fields

from models.table import Table


class SettlementDraft(Table):
    """One act of drafting: all venues of a campaign in one go. The same key is the same act."""

    id = fields.BigIntField(primary_key=True)
    campaign_id = fields.IntField()
    from_day = fields.DateField()
    until_day = fields.DateField()
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    drafted_at = fields.DatetimeField()

    class Meta:
        table = "settlement_draft"
        unique_together = (("campaign_id", "request_key"),)


class Settlement(Table):
    """What a campaign owes one venue for a period. `payable - carried_out` is what its sums come to: a CHECK."""

    id = fields.BigIntField(primary_key=True)
    settlement_no = fields.CharField(max_length=32, unique=True)
    draft: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.SettlementDraft", on_delete=fields.RESTRICT
    )
    draft_id: int
    campaign_id = fields.IntField()
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    from_day = fields.DateField()
    until_day = fields.DateField()  # the last one; both in Shanghai
    state = fields.CharField(max_length=10)  # rules.SettlementState
    used_fen = fields.BigIntField(default=0)  # with the venue's share, as in the books
    taken_back_fen = fields.BigIntField(default=0)
    conflict_fen = fields.BigIntField(default=0)  # paid from the programme's reserve
    venue_share_fen = fields.BigIntField(default=0)  # of all of these together, borne by the venue
    deducted_fen = fields.BigIntField(default=0)
    carried_in_fen = fields.BigIntField(default=0)  # what the venue still owed from an earlier one
    payable_fen = fields.BigIntField(default=0)
    carried_out_fen = fields.BigIntField(default=0)  # what the venue owes: taken off its next one, or paid back
    carried_from: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Settlement", null=True, on_delete=fields.RESTRICT
    )
    carried_from_id: int | None
    proposed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="settlements_proposed", on_delete=fields.RESTRICT
    )
    proposed_by_id: int | None
    approved_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="settlements_approved", on_delete=fields.RESTRICT
    )
    approved_by_id: int | None
    statement = fields.BinaryField(null=True)  # statements.py: what was signed, byte for byte
    signature = fields.BinaryField(null=True)
    key_id = fields.CharField(max_length=16, default="")
    drafted_at = fields.DatetimeField()
    approved_at = fields.DatetimeField(null=True)

    class Meta:
        table = "settlement"
        unique_together = (("draft", "venue"), ("carried_from",))
        indexes = (("campaign_id", "venue_id"), ("venue_id",))


WITHOUT_STATEMENT = (
    *("id", "settlement_no", "draft_id", "campaign_id", "venue_id", "from_day", "until_day", "state", "used_fen"),
    *("taken_back_fen", "conflict_fen", "venue_share_fen", "deducted_fen", "carried_in_fen", "payable_fen"),
    *(
        "carried_out_fen",
        "carried_from_id",
        "proposed_by_id",
        "approved_by_id",
        "key_id",
        "drafted_at",
        "approved_at",
    ),
)
"""All of a settlement but its statement, which has every line in it: some 200 bytes each, of a large venue megabytes."""


class SettlementLine(Table):
    """One entry of the programme's books, settled. What it says stands in the entry, which nobody edits."""

    id = fields.BigIntField(primary_key=True)
    settlement: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Settlement", on_delete=fields.RESTRICT
    )
    settlement_id: int
    entry: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherEvent", on_delete=fields.RESTRICT
    )
    entry_id: int

    class Meta:
        table = "settlement_line"
        unique_together = (("entry",),)
        indexes = (("settlement_id", "id"),)


class SettlementDeduction(Table):
    """Taken off by a person, with a reason, while it is a draft."""

    id = fields.BigIntField(primary_key=True)
    settlement: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Settlement", on_delete=fields.RESTRICT
    )
    settlement_id: int
    amount_fen = fields.BigIntField()
    reason = fields.CharField(max_length=200)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    request_key = fields.CharField(max_length=64)
    deducted_at = fields.DatetimeField()

    class Meta:
        table = "settlement_deduction"
        unique_together = (("settlement", "request_key"),)


class SettlementStep(Table):
    """Who moved a settlement from which state to which, when and why."""

    id = fields.BigIntField(primary_key=True)
    settlement: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Settlement", on_delete=fields.RESTRICT
    )
    settlement_id: int
    from_state = fields.CharField(max_length=10)  # empty: it was drafted
    to_state = fields.CharField(max_length=10)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    reason = fields.CharField(max_length=200, default="")
    happened_at = fields.DatetimeField()

    class Meta:
        table = "settlement_step"
        indexes = (("settlement_id", "id"),)


class StatementKey(Table):
    """The public half of a key that ever signed a statement: it outlives the private one."""

    id = fields.IntField(primary_key=True)
    key_id = fields.CharField(max_length=16, unique=True)
    public_key = fields.CharField(max_length=64)  # Ed25519, 32 bytes in hex
    first_used_at = fields.DatetimeField()

    class Meta:
        table = "statement_key"


class VenueAccount(Table):
    """Where a venue's money goes: entered by one person, and typed once more by another before it counts."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    state = fields.CharField(max_length=10)  # rules.AccountState
    sealed_holder = fields.BinaryField()
    sealed_number = fields.BinaryField()
    seal_key_id = fields.CharField(max_length=16)
    bank = fields.CharField(max_length=60)  # with its branch, as the payout's file names it
    holder_hint = fields.CharField(max_length=60)  # masked; what answers show
    last_four = fields.CharField(max_length=4)
    entered_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="venue_accounts_entered", on_delete=fields.RESTRICT
    )
    entered_by_id: int
    entered_at = fields.DatetimeField()
    approved_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="venue_accounts_approved", on_delete=fields.RESTRICT
    )
    approved_by_id: int | None
    approved_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "venue_account"
        indexes = (("venue_id",),)


class PayoutBatch(Table):
    """One file for the bank. It is not kept, since it holds account numbers in full: it is written anew, and its hash
    says that it is the same."""

    id = fields.BigIntField(primary_key=True)
    batch_no = fields.CharField(max_length=32, unique=True)
    campaign_id = fields.IntField()
    payout_count = fields.IntField()
    total_fen = fields.BigIntField()
    file_sha256 = fields.CharField(max_length=64)
    made_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    made_by_id: int
    request_key = fields.CharField(max_length=64)
    made_at = fields.DatetimeField()

    class Meta:
        table = "payout_batch"
        unique_together = (("campaign_id", "request_key"),)


class Payout(Table):
    """One attempt to pay one settlement into one account."""

    id = fields.BigIntField(primary_key=True)
    batch: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.PayoutBatch", on_delete=fields.RESTRICT)
    batch_id: int
    settlement: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Settlement", on_delete=fields.RESTRICT
    )
    settlement_id: int
    attempt = fields.IntField()  # 1, 2 …
    account: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VenueAccount", on_delete=fields.RESTRICT
    )
    account_id: int
    amount_fen = fields.BigIntField()
    state = fields.CharField(max_length=10)  # rules.PayoutState
    failure = fields.CharField(max_length=200, default="")
    failed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    failed_by_id: int | None
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payout"
        unique_together = (("settlement", "attempt"),)
        indexes = (("batch_id", "id"),)


class PaymentReceipt(Table):
    """The bank's receipt as a file: PDF, PNG or JPEG. Uploaded first, then named by its hash."""

    id = fields.BigIntField(primary_key=True)
    sha256 = fields.CharField(max_length=64)
    media_type = fields.CharField(max_length=20)
    content = fields.BinaryField()
    uploaded_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    uploaded_by_id: int
    uploaded_at = fields.DatetimeField()

    class Meta:
        table = "payment_receipt"
        unique_together = (("uploaded_by", "sha256"),)


class PaymentRecord(Table):
    """补贴款下发记录: what was really paid, or paid back by a venue that owed. Added, never edited."""

    id = fields.BigIntField(primary_key=True)
    settlement: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Settlement", on_delete=fields.RESTRICT
    )
    settlement_id: int
    payout: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Payout", null=True, on_delete=fields.RESTRICT
    )
    payout_id: int | None  # null: the venue paid back
    is_repayment = fields.BooleanField(default=False)
    amount_fen = fields.BigIntField()
    paid_on = fields.DateField()
    bank_reference = fields.CharField(max_length=64, unique=True)
    receipt: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.PaymentReceipt", on_delete=fields.RESTRICT
    )
    receipt_id: int
    recorded_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    recorded_by_id: int
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "payment_record"
        unique_together = (("settlement",), ("payout",), ("receipt",))
