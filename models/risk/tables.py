"""Rules against fake redemptions (刷单), what they said about uses and venues, and what people decided.

Rules, scores and decisions are added and never edited (models/guards). Facts are counts and intervals: no row of
this room says who a citizen is, and none says where they were.
"""

from typing import Any

from tortoise import fields

from models.table import Table


class RiskRules(Table):
    """One version of the rules, in force from an instant until the next one's."""

    id = fields.IntField(primary_key=True)
    version = fields.IntField(unique=True)
    rules: dict[str, Any] = fields.JSONField()  # reading.py makes a rules.Rules of it
    why = fields.CharField(max_length=200)
    made_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="risk_rules_made", on_delete=fields.RESTRICT
    )
    made_by_id: int | None  # null: imported with the product's data
    approved_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="risk_rules_approved", on_delete=fields.RESTRICT
    )
    approved_by_id: int | None  # never who made it
    made_at = fields.DatetimeField()
    in_force_from = fields.DatetimeField()

    class Meta:
        table = "risk_rules"


class RiskProposal(Table):
    """Rules that somebody proposes; approved by somebody else they become the next version."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    rules: dict[str, Any] = fields.JSONField()
    why = fields.CharField(max_length=200)
    state = fields.CharField(max_length=10)  # rules.ProposalState
    proposed_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="risk_proposals", on_delete=fields.RESTRICT
    )
    proposed_by_id: int
    proposed_at = fields.DatetimeField()
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)  # of all that was asked under the key
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="risk_proposals_decided", on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    decided_at = fields.DatetimeField(null=True)
    note = fields.CharField(max_length=200, default="")
    version = fields.IntField(null=True, unique=True)  # what it became

    class Meta:
        table = "risk_proposal"
        unique_together = (("proposed_by", "request_key"),)


class RiskScore(Table):
    """What one version of the rules says about one use, with the facts as they were known then: another version's
    answer can be had from them at any time, exactly."""

    id = fields.BigIntField(primary_key=True)
    use: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.VoucherUse", on_delete=fields.RESTRICT)
    use_id: int
    version = fields.IntField()
    facts: dict[str, Any] = fields.JSONField()  # facts.UseFacts
    score = fields.IntField()  # 0 to 100
    is_held = fields.BooleanField()  # by this version somebody must look before it is paid
    reasons: list[Any] = fields.JSONField()  # [signal, points, sentence], their points add up to the score
    scored_at = fields.DatetimeField()

    class Meta:
        table = "risk_score"
        unique_together = (("use", "version"),)
        indexes = (("scored_at",),)


class VenueRisk(Table):
    """The same for a venue's week, from Monday to Sunday in Shanghai."""

    id = fields.BigIntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    week = fields.DateField()  # its Monday
    version = fields.IntField()
    facts: dict[str, Any] = fields.JSONField()  # facts.VenueFacts
    score = fields.IntField()
    is_held = fields.BooleanField()
    reasons: list[Any] = fields.JSONField()
    scored_at = fields.DatetimeField()

    class Meta:
        table = "venue_risk"
        unique_together = (("venue", "week", "version"),)
        indexes = (("week",),)


class RiskCase(Table):
    """A use, or a venue's week, that somebody must look at. While it is OPEN its money is in no settlement."""

    id = fields.BigIntField(primary_key=True)
    case_no = fields.CharField(max_length=32, unique=True)
    use: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.VoucherUse", null=True, on_delete=fields.RESTRICT
    )
    use_id: int | None
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    week = fields.DateField(null=True)  # its Monday; null: about a use
    week_ends = fields.DateField(null=True)  # the Monday after
    state = fields.CharField(max_length=9)  # rules.CaseState
    version = fields.IntField()  # which rules opened it
    score = fields.IntField()
    opened_at = fields.DatetimeField()

    class Meta:
        table = "risk_case"
        unique_together = (("use",), ("venue", "week"))
        indexes = (("venue_id", "state"),)


class RiskDecision(Table):
    """Who found what about a case. The last one counts; a second one is somebody else's correction."""

    id = fields.BigIntField(primary_key=True)
    case: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.RiskCase", on_delete=fields.RESTRICT)
    case_id: int
    number = fields.IntField()  # 1, or 2: the correction
    staff: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.StaffMember", on_delete=fields.RESTRICT)
    staff_id: int
    decision = fields.CharField(max_length=9)  # rules.CaseState, never OPEN
    note = fields.CharField(max_length=200)
    decided_at = fields.DatetimeField()
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)

    class Meta:
        table = "risk_decision"
        unique_together = (("case", "number"), ("staff", "request_key"))


class WeChatRiskRank(Table):
    """What WeChat said of a member when it was asked once. The newest one before a use counts."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    rank = fields.IntField(null=True)  # 0 to 4, 4 the worst; null: WeChat did not say
    outcome = fields.CharField(max_length=12)  # ANSWERED, REFUSED, UNAVAILABLE
    asked_at = fields.DatetimeField()

    class Meta:
        table = "wechat_risk_rank"
        indexes = (("member_id", "asked_at"), ("asked_at",))
