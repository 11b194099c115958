"""Who is named on a line, whether somebody came to it, and for how long somebody cannot book who did not."""

from typing import Any

from tortoise import fields

from models.table import Table


class LineCompanion(Table):
    """Somebody who is named on a line of another's order. It counts for their limits as it does for the booker's."""

    id = fields.BigIntField(primary_key=True)
    order_line: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", on_delete=fields.RESTRICT
    )
    order_line_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    person_id = fields.BigIntField(null=True)  # real_names.person_key, when they were named
    named_at = fields.DatetimeField()

    class Meta:
        table = "line_companion"
        unique_together = (("order_line", "member"),)


class Attendance(Table):
    """Of a confirmed line whose venue wants to see somebody in time: whether it did. The terms are those that were
    in force when it was confirmed; a rule that changes afterwards changes no booking."""

    id = fields.BigIntField(primary_key=True)
    order_line: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", on_delete=fields.RESTRICT
    )
    order_line_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int  # whose no-show it would be (docs/decisions/0035): not always whose order it is
    person_id = fields.BigIntField(null=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    business_day = fields.DateField()
    day_starts_at = fields.DatetimeField()  # its local midnight
    ends_at = fields.DatetimeField()
    late_at = fields.DatetimeField()  # from here on the slot may be released
    state = fields.CharField(max_length=8)  # models.attendance.rules.AttendanceState
    decided_at = fields.DatetimeField(null=True)  # came, was counted as absent, or was excused
    staff: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    staff_id: int | None  # the clerk who checked them in
    was_released = fields.BooleanField(default=False)  # others could have what was left of the slot
    kept_percent = fields.IntField()  # of its price, should nobody come
    pause_after = fields.IntField(null=True)  # so many no-shows …
    pause_within_days = fields.IntField(null=True)  # … within so many days …
    pause_days = fields.IntField(null=True)  # … are a pause of so many days
    pause_id = fields.BigIntField(null=True)  # of BookingPause, to which it led: a no-show counts once

    class Meta:
        table = "attendance"
        unique_together = (("order_line",),)
        indexes = (("member_id", "venue_id"),)


class BookingPause(Table):
    """Somebody cannot book at a venue for some days, since they did not come. With what they say to it, once."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    person_id = fields.BigIntField(null=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    no_shows = fields.IntField()  # that led to it
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    freed_at = fields.DatetimeField(null=True)  # by an appeal; it is over from here on
    appealed_at = fields.DatetimeField(null=True)
    appeal_words = fields.CharField(max_length=300, default="")
    decided_at = fields.DatetimeField(null=True)
    decided_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    decided_by_id: int | None
    is_granted = fields.BooleanField(null=True)
    answer = fields.CharField(max_length=300, default="")

    class Meta:
        table = "booking_pause"
        indexes = (("member_id", "ends_at"), ("venue_id", "appealed_at"))
