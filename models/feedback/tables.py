"""What people say about venues: complaints with their clocks, and ratings by those who were there."""

from typing import Any

from tortoise import fields

from models.table import Table


class ComplaintClock(Table):
    """Within how many working days an answer is due, by region and kind; imported, with its source."""

    id = fields.IntField(primary_key=True)
    region_key = fields.CharField(max_length=24)  # "" for where nothing was published
    kind = fields.CharField(max_length=16)  # ComplaintKind
    working_days = fields.IntField()
    provenance = fields.CharField(max_length=16)  # PUBLISHED or DEMONSTRATION
    source = fields.CharField(max_length=200)

    class Meta:
        table = "complaint_clock"
        unique_together = (("region_key", "kind"),)


class Complaint(Table):
    """A consultation, suggestion or complaint. Texts are sealed: people write what they like into them."""

    id = fields.BigIntField(primary_key=True)
    public_no = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    kind = fields.CharField(max_length=16)  # ComplaintKind
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None
    region_key = fields.CharField(max_length=24)  # the district, or the city where there is none
    city_key = fields.CharField(max_length=24)
    order_no = fields.CharField(max_length=32, default="")
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    status = fields.CharField(max_length=12)  # ComplaintStatus
    level = fields.CharField(max_length=10)  # VENUE, DISTRICT, CITY, PROVINCE: with whom it lies
    received_at = fields.DatetimeField()
    clock_days = fields.IntField()
    due_on = fields.DateField()  # the last working day on which an answer is in time
    is_due_certain = fields.BooleanField()  # false: the holidays of a year on the way are not known
    escalated_at = fields.DatetimeField(null=True)
    answered_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    reopened = fields.IntField(default=0)

    class Meta:
        table = "complaint"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("status", "due_on"), ("venue_id", "status"), ("region_key", "status"))


class ComplaintStep(Table):
    """One thing that happened to a complaint, in order."""

    id = fields.BigIntField(primary_key=True)
    complaint: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Complaint", related_name="steps", on_delete=fields.RESTRICT
    )
    complaint_id: int
    number = fields.IntField()
    kind = fields.CharField(max_length=12)  # RECEIVED, ROUTED, ANSWERED, REOPENED, ESCALATED, CLOSED
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None
    sealed_text = fields.BinaryField(null=True)
    seal_key_id = fields.CharField(max_length=16, default="")
    request_key = fields.CharField(max_length=64, default="")  # of the act; it happens once (models/guards)
    happened_at = fields.DatetimeField()

    class Meta:
        table = "complaint_step"
        unique_together = (("complaint", "number"),)


class Rating(Table):
    """Stars and words by somebody who was let in, once per admission; shown to everybody unless hidden."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    admission: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Admission", on_delete=fields.RESTRICT
    )
    admission_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    stars = fields.IntField()
    words = fields.CharField(max_length=300, default="")
    rated_at = fields.DatetimeField()
    answer = fields.CharField(max_length=300, default="")
    answered_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="ratings_answered", null=True, on_delete=fields.RESTRICT
    )
    answered_by_id: int | None
    answered_at = fields.DatetimeField(null=True)
    hidden_at = fields.DatetimeField(null=True)
    hidden_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="ratings_hidden", null=True, on_delete=fields.RESTRICT
    )
    hidden_by_id: int | None
    hidden_reason = fields.CharField(max_length=200, default="")

    class Meta:
        table = "rating"
        unique_together = (("admission",),)
        indexes = (("venue_id", "id"),)
