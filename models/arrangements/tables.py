"""What is arranged beforehand: a series of weeks (固定场), and what a group asks a venue for (团体预订)."""

from typing import Any

from tortoise import fields

from models.table import Table


class BookingSeries(Table):
    """Somebody wants a court every week at the same time. It is the intent; what was booked are its dates' orders."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    placed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, related_name="series_for_others", on_delete=fields.RESTRICT
    )
    placed_by_id: int | None  # the guardian or helper who asked
    placed_by_staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    placed_by_staff_id: int | None  # the clerk at whose desk it was asked for
    organisation: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Organisation", null=True, on_delete=fields.RESTRICT
    )
    organisation_id: int | None  # in whose name
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    court: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Court", on_delete=fields.RESTRICT)
    court_id: int
    weekday = fields.IntField()  # 1 Monday to 7 Sunday
    from_minute = fields.IntField()  # local, of the first slot
    slots = fields.IntField()  # one after another
    first_day = fields.DateField()
    last_day = fields.DateField()  # included
    people = fields.IntField()
    state = fields.CharField(max_length=8)  # models.arrangements.rules.SeriesState
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    asked_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "booking_series"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("member_id", "venue_id"),)


class SeriesCompanion(Table):
    """Who plays along on every date of a series, named once. Each date asks whether they still may."""

    id = fields.BigIntField(primary_key=True)
    series: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.BookingSeries", on_delete=fields.RESTRICT
    )
    series_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    named_at = fields.DatetimeField()

    class Meta:
        table = "series_companion"
        unique_together = (("series", "member"),)


class SeriesDate(Table):
    """One day of a series: waiting for its release, booked, or skipped with the reason that its member was told."""

    id = fields.BigIntField(primary_key=True)
    series: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.BookingSeries", on_delete=fields.RESTRICT
    )
    series_id: int
    business_day = fields.DateField()
    state = fields.CharField(max_length=8)  # models.arrangements.rules.DateState
    due_at = fields.DatetimeField()  # when it is tried next
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None  # of a BOOKED one
    code = fields.CharField(max_length=40, default="")  # of a SKIPPED one: the ErrorCode
    reason = fields.CharField(max_length=200, default="")  # and its sentence
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "series_date"
        unique_together = (("series", "business_day"),)


class GroupRequest(Table):
    """Several courts or hours at once, over what a person may have: the venue's staff allow it or not. Nothing is held
    until then."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    organisation: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Organisation", null=True, on_delete=fields.RESTRICT
    )
    organisation_id: int | None  # in whose name; null: a group without one
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    people = fields.IntField()  # how many come
    purpose = fields.CharField(max_length=200)
    lines: Any = fields.JSONField()  # models.arrangements.rules.GroupLine each
    state = fields.CharField(max_length=12)  # models.arrangements.rules.RequestState
    answer_by = fields.DatetimeField()
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    decided_at = fields.DatetimeField(null=True)
    note = fields.CharField(max_length=200, default="")  # why not
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None  # of an APPROVED one
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    asked_at = fields.DatetimeField()

    class Meta:
        table = "group_request"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("venue_id", "state"),)
