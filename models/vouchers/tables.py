"""Campaigns of sports consumption vouchers, what they give out, and what became of each voucher.

A voucher's state is the truth about its face value; `voucher_pool.free_fen` is what no voucher holds. The budget
identity (rules.py) is the sum over both. Terms and finance events are added, never edited.
"""

from typing import Any

from tortoise import fields

from models.table import Table


class VoucherCampaign(Table):
    """A programme with a public budget. Its row is the lock under which its vouchers are given out."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    title = fields.CharField(max_length=60)
    region_key = fields.CharField(max_length=24, default="")  # whose money it is; empty: both provinces'
    state = fields.CharField(max_length=10)  # rules.CampaignState
    reserve_fen = fields.BigIntField(default=0)  # beside the budget: pays conflicts between offline desks
    reserve_used_fen = fields.BigIntField(default=0)
    terms_version = fields.IntField()  # the version in force
    provenance = fields.CharField(max_length=16)  # PUBLISHED or DEMONSTRATION
    drafted_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="campaigns_drafted", on_delete=fields.RESTRICT
    )
    drafted_by_id: int | None  # null: imported with the product's data
    created_at = fields.DatetimeField()

    class Meta:
        table = "voucher_campaign"


class CampaignStep(Table):
    """Who moved a campaign from which state to which, and why; from a state to itself: changed it."""

    id = fields.IntField(primary_key=True)
    campaign: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherCampaign", on_delete=fields.RESTRICT
    )
    campaign_id: int
    from_state = fields.CharField(max_length=10)  # empty: it was drafted
    to_state = fields.CharField(max_length=10)
    terms_version = fields.IntField()
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    reason = fields.CharField(max_length=200, default="")
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64, default="")  # of all that was asked under the key
    happened_at = fields.DatetimeField()

    class Meta:
        table = "campaign_step"
        unique_together = (("campaign", "request_key"),)


class VoucherTerms(Table):
    """One version of what a campaign promises. Whoever claimed under it keeps it."""

    id = fields.IntField(primary_key=True)
    campaign: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherCampaign", on_delete=fields.RESTRICT
    )
    campaign_id: int
    version = fields.IntField()
    terms: dict[str, Any] = fields.JSONField()  # reading.py makes a rules.Terms of it
    made_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    made_by_id: int | None
    made_at = fields.DatetimeField()

    class Meta:
        table = "voucher_terms"
        unique_together = (("campaign", "version"),)


class CampaignChange(Table):
    """A change of an opened campaign that somebody proposed, with what it would do as they saw it. Somebody else puts
    it in force, or refuses it."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    campaign: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherCampaign", on_delete=fields.RESTRICT
    )
    campaign_id: int
    terms_version = fields.IntField()  # on which it rests
    state = fields.CharField(max_length=10)  # rules.ChangeState
    change: list[Any] = fields.JSONField()  # change.py says it and reads it back
    shown: dict[str, Any] = fields.JSONField()  # its effect, when it was proposed
    reason = fields.CharField(max_length=200)
    proposed_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="campaign_changes_proposed", on_delete=fields.RESTRICT
    )
    proposed_by_id: int
    proposed_at = fields.DatetimeField()
    request_hash = fields.CharField(max_length=64)
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="campaign_changes_decided", on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    decided_at = fields.DatetimeField(null=True)
    decision_note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "campaign_change"
        indexes = (("campaign_id", "id"),)


class VoucherPool(Table):
    """A part of the budget. What no voucher holds is free; a CHECK keeps it between nothing and all."""

    id = fields.IntField(primary_key=True)
    campaign: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherCampaign", on_delete=fields.RESTRICT
    )
    campaign_id: int
    name = fields.CharField(max_length=40)
    budget_fen = fields.BigIntField()
    free_fen = fields.BigIntField()
    is_off = fields.BooleanField(default=False, db_default=False)  # the last check found that its fen don't add up
    checked_at = fields.DatetimeField(null=True)  # when its fen were last held against its budget

    class Meta:
        table = "voucher_pool"
        unique_together = (("campaign", "name"),)


class VoucherKind(Table):
    """A denomination: so much off when at least so much is spent."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    campaign: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherCampaign", on_delete=fields.RESTRICT
    )
    campaign_id: int
    pool: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.VoucherPool", on_delete=fields.RESTRICT)
    pool_id: int
    title = fields.CharField(max_length=60)
    face_fen = fields.BigIntField()
    minimum_spend_fen = fields.BigIntField()  # never below the face value, so that a use takes all of it

    class Meta:
        table = "voucher_kind"
        unique_together = (("campaign", "title"),)


class VoucherRound(Table):
    """So many of one kind, to be claimed from one instant to another."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    campaign: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.VoucherCampaign", on_delete=fields.RESTRICT
    )
    campaign_id: int
    kind: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.VoucherKind", on_delete=fields.RESTRICT)
    kind_id: int
    opens_at = fields.DatetimeField()
    closes_at = fields.DatetimeField()
    quantity = fields.IntField()
    remaining = fields.IntField()  # CHECK: between nothing and quantity
    rolled_over_at = fields.DatetimeField(null=True)  # what was left over went on to a later round, once

    class Meta:
        table = "voucher_round"
        unique_together = (("kind", "opens_at"),)
        indexes = (("campaign_id", "opens_at"),)


class Voucher(Table):
    """What one person claimed. Without foreign keys to the campaign's rows: each would be locked again by every claim
    of a rush, and nothing of a campaign is ever deleted."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    claim_hash = fields.CharField(
        max_length=32, unique=True
    )  # rules.claim_hash: the same claim is the same voucher
    campaign_id = fields.IntField()
    kind_id = fields.IntField()
    pool_id = fields.IntField()
    round_id = fields.IntField()
    terms_version = fields.IntField()
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    person_id = fields.BigIntField(null=True)  # real_names.person_key: limits count the person, not the account
    state = fields.CharField(max_length=10)  # rules.VoucherState
    face_fen = fields.BigIntField()
    minimum_spend_fen = fields.BigIntField()
    claimed_at = fields.DatetimeField()
    claim_day = fields.DateField()  # in Shanghai, for the limits a day, week, month
    claim_way = fields.CharField(max_length=10)  # rules.ClaimWay
    claim_venue_id = fields.IntField(null=True)  # scanned or handed out there
    claim_staff_id = fields.IntField(null=True)  # handed out by
    claim_device = fields.CharField(max_length=32, default="")  # a signal, never a limit: rules.device_mark
    claim_region = fields.CharField(max_length=24, default="", db_default="")  # where they said they were; a key
    valid_from = fields.DatetimeField()
    valid_until = fields.DatetimeField()
    handle = fields.CharField(max_length=10, unique=True)  # digits; leads from a code to its voucher
    code_version = fields.IntField(default=0)
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None  # RESERVED for it, or USED on it
    returned_fen = fields.BigIntField(
        default=0, db_default=0
    )  # of a USED or FORFEITED one: back in the pool after partial refunds
    ended_at = fields.DatetimeField(null=True)  # used, forfeited, expired or returned

    class Meta:
        table = "voucher"
        indexes = (("member_id", "campaign_id"), ("state", "valid_until"), ("round_id",))


class OrderVoucher(Table):
    """With which vouchers an order was placed. It outlives their being freed: money that comes late asks for the same
    ones again (models/checkout/settling.py)."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Order", on_delete=fields.RESTRICT)
    order_id: int
    voucher: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Voucher", on_delete=fields.RESTRICT)
    voucher_id: int

    class Meta:
        table = "order_voucher"
        unique_together = (("order", "voucher"),)


class VoucherUse(Table):
    """One voucher written off once: with an order, at a desk, or at a desk that was offline. At a desk the citizen
    confirms the bill first, or its receipt is held for review."""

    id = fields.BigIntField(primary_key=True)
    use_no = fields.CharField(max_length=32, unique=True)
    voucher: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Voucher", on_delete=fields.RESTRICT)
    voucher_id: int
    campaign_id = fields.IntField()
    kind_id = fields.IntField()
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    sport_code = fields.CharField(max_length=24, default="")
    way = fields.CharField(max_length=8)  # rules.UseWay
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="voucher_uses", on_delete=fields.RESTRICT
    )
    staff_id: int | None
    device_id = fields.CharField(max_length=96)  # the desk's; of an order its number
    nonce = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64, default="")
    state = fields.CharField(max_length=10)  # rules.UseState
    bill_fen = fields.BigIntField()  # the price at the desk, or its part of the order's, whose vouchers share it
    used_fen = fields.BigIntField()  # of the face value; less than it after a partial refund
    venue_share_fen = fields.BigIntField(default=0)  # the part of it that the venue bears
    id_checked = fields.BooleanField(default=False)  # printed codes: the clerk attests an ID
    rest_way = fields.CharField(max_length=4, default="")  # rules.RestWay; empty: the voucher paid all of it
    receipt_no = fields.CharField(max_length=40, default="")  # of the till, typed where nobody confirmed
    used_at = fields.DatetimeField()
    business_day = fields.DateField()
    confirm_until = fields.DatetimeField(null=True)
    confirmed_at = fields.DatetimeField(null=True)  # by the citizen, on their phone
    denied_at = fields.DatetimeField(null=True)  # while HELD: the citizen says that this was not theirs
    decided_at = fields.DatetimeField(null=True)  # of a HELD one, by whoever looked at its receipt
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="voucher_uses_decided", on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    decision_note = fields.CharField(max_length=200, default="")
    undone_at = fields.DatetimeField(null=True)
    undone_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="voucher_uses_undone", on_delete=fields.RESTRICT
    )
    undone_by_id: int | None
    undo_reason = fields.CharField(max_length=200, default="")

    class Meta:
        table = "voucher_use"
        unique_together = (("device_id", "nonce"),)
        indexes = (("venue_id", "business_day"), ("order_id",), ("member_id",), ("campaign_id", "business_day"))


class VoucherScan(Table):
    """One code at a desk with a bill, and the answer it got; the same nonce of the same device gets the same answer."""

    id = fields.BigIntField(primary_key=True)
    device_id = fields.CharField(max_length=96)
    nonce = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    use: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.VoucherUse", null=True, on_delete=fields.RESTRICT
    )
    use_id: int | None
    outcome = fields.CharField(max_length=24)
    answer: dict[str, Any] = fields.JSONField()
    scanned_at = fields.DatetimeField()

    class Meta:
        table = "voucher_scan"
        unique_together = (("device_id", "nonce"),)
        indexes = (("device_id", "scanned_at"),)


class VoucherEvent(Table):
    """An entry in a campaign's books about money of the programme. Settlement sums these; none is ever edited."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=12)  # rules.EventKind
    about_no = fields.CharField(max_length=40)  # the use_no, or use_no-refund_no: booked once
    use: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.VoucherUse", on_delete=fields.RESTRICT)
    use_id: int
    campaign_id = fields.IntField()
    venue_id = fields.IntField()
    amount_fen = fields.BigIntField()  # of the voucher, with the venue's share
    venue_share_fen = fields.BigIntField(default=0)
    happened_at = fields.DatetimeField()

    class Meta:
        table = "voucher_event"
        unique_together = (("kind", "about_no"),)
        indexes = (("venue_id", "happened_at"), ("use_id",))
