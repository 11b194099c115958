"""What is held: one row per cell, and the rules of who may hold how much."""

from datetime import date
from typing import Any

from tortoise import fields

from models.table import Table


class HeldCell(Table):
    """One atomic part of a court during one time step, given to one order line, or kept for whoever waits for it.

    The unique constraint is what makes double booking impossible (lessons 1); everything else is courtesy.
    """

    id = fields.BigIntField(primary_key=True)
    part: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.CourtPart", on_delete=fields.RESTRICT)
    part_id: int
    step = fields.IntField()  # half hours since 1970-01-01T00:00Z
    venue_id = fields.IntField()
    order_line: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", null=True, on_delete=fields.RESTRICT
    )
    order_line_id: int | None
    freed_slot: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.FreedSlot", null=True, on_delete=fields.RESTRICT
    )
    freed_slot_id: int | None  # CHECK: one of the two

    class Meta:
        table = "held_cell"
        unique_together = (("part", "step"),)
        # a day's grid is read from the first of them alone, and not from a page for each cell
        indexes = (("venue_id", "step", "part_id"), ("order_line_id",))


class WaitingEntry(Table):
    """Somebody waits for a slot that begins within a span of a day. Who asked first is offered first."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    placed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, related_name="waiting_for_others", on_delete=fields.RESTRICT
    )
    placed_by_id: int | None  # the guardian or helper who asked
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    sport_code = fields.CharField(max_length=24)
    court: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Court", null=True, on_delete=fields.RESTRICT
    )
    court_id: int | None  # null: whichever
    business_day = fields.DateField()
    starts_from = fields.DatetimeField()  # a slot's start lies from here on
    starts_until = fields.DatetimeField()  # and before this
    people = fields.IntField()
    state = fields.CharField(max_length=8)  # waiting_rules.WaitingState
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None  # the offer: an order that is theirs for as long as it is held
    draw_entry_id = fields.BigIntField(null=True)  # whose wish it is: an offer for one of them ends the others
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    asked_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "waiting_entry"
        unique_together = (("member", "idempotency_key"),)
        indexes = (("member_id", "state"), ("placed_by_id",))


class FreedSlot(Table):
    """A slot that somebody gave up while others wait for it: its cells are kept until one of them was offered it, or
    none wants it any more."""

    id = fields.BigIntField(primary_key=True)
    court: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Court", on_delete=fields.RESTRICT)
    court_id: int
    order_line_id = fields.BigIntField()  # whose it was; given up once
    starts_at = fields.DatetimeField()
    freed_at = fields.DatetimeField()

    class Meta:
        table = "freed_slot"
        unique_together = (("order_line_id",),)


class BookingRule(Table):
    """Limits as data: one row is one version, for the days from–to on which is played, of a venue or (without) of all
    others, and there of one sport or of each. What is written anew replaces; nothing is edited."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None
    sport_code = fields.CharField(max_length=24, default="", db_default="")  # empty: every sport without its own
    from_day = fields.DateField(default=date(2000, 1, 1), db_default="2000-01-01")
    to_day = fields.DateField(null=True)  # the first day on which it is no more; of two that fit, the later began
    version = fields.IntField(default=1, db_default=1)
    made_at = fields.DatetimeField(null=True)
    made_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    made_by_id: int | None  # null: the files
    replaced_at = fields.DatetimeField(null=True)  # by a newer version, or by nothing
    courts_a_person_a_day = fields.IntField()
    minutes_a_court_a_day = fields.IntField()  # one person on one court
    minutes_a_person_a_day = fields.IntField(null=True)  # on all courts together; null: no such limit
    courts_a_person_a_week = fields.IntField(null=True)  # Monday to Sunday; a court on two days is two
    minutes_a_person_a_week = fields.IntField(null=True)
    fewest_players = fields.IntField(default=1, db_default=1)
    most_players = fields.IntField(null=True)  # null: as many as the court takes
    days_ahead = fields.IntField()
    release_minute = fields.IntField()  # local minute at which the farthest day opens
    notice_minutes = fields.IntField(default=0, db_default=0)  # booked so long before the start at the latest
    hold_minutes = fields.IntField()
    entry_opens_minutes_before = fields.IntField()
    check_in_minutes = fields.IntField(null=True)  # after the start; null: nobody is waited for
    no_show_kept_percent = fields.IntField(default=100, db_default=100)  # of the price
    no_shows = fields.IntField(null=True)  # so many of them …
    no_show_days = fields.IntField(null=True)  # … within so many days …
    pause_days = fields.IntField(null=True)  # … are a pause of so many days
    series_weeks = fields.IntField(null=True)  # a series lasts so many at most; null: none is offered
    series_a_person = fields.IntField(null=True)  # that are not over yet, at this venue; null: no such limit
    group_days_ahead = fields.IntField(null=True)  # what groups ask for is so near; null: nobody is asked
    group_answer_hours = fields.IntField(default=48, db_default=48)  # after which an unanswered request ends
    arranged_hold_minutes = fields.IntField(default=1440, db_default=1440)  # for who is told, and pays later
    cancel_free_minutes = fields.IntField(null=True)  # before the start; null: as refund rules say
    cancel_kept_percent = fields.IntField(null=True)  # of the price, of who cancels later; CHECK: both or none
    companions_named = fields.BooleanField(default=False, db_default=False)  # every player but the booker
    real_name_needed = fields.BooleanField(default=False, db_default=False)
    provenance = fields.CharField(max_length=16)
    published = fields.CharField(
        max_length=500, default="", db_default=""
    )  # which of these columns somebody published
    source = fields.CharField(max_length=200, default="")

    class Meta:
        table = "booking_rule"
        unique_together = (("venue", "sport_code", "from_day", "version"),)


class SessionPlanVersion(Table):
    """All sessions of one pool or hall as staff wrote them, from a day on: who, when and why; the sessions are the rows of
    SessionPlan with its number. Never edited; of several that hold on a day the latest written counts, wholly."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    number = fields.IntField()  # of the venue's, over all its pools, from 1
    sport_code = fields.CharField(max_length=24)
    name = fields.CharField(max_length=40)  # of the pool or the hall
    from_day = fields.DateField()
    to_day = fields.DateField(null=True)  # the first day on which it holds no more; null: until further notice
    note = fields.CharField(max_length=200)
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    written_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    written_by_id: int
    written_at = fields.DatetimeField()

    class Meta:
        table = "session_plan_version"
        unique_together = (("venue", "number"), ("venue", "request_key"))


class SessionPlan(Table):
    """What a week of sessions looks like at a venue, from a day on: one row is one session of one kind of day.

    The files' are version 0: they hold on each day for which staff wrote no SessionPlanVersion of that pool
    (models/booking/plan_versions.py).
    """

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    version = fields.IntField(default=0, db_default=0)
    sport_code = fields.CharField(max_length=24)
    name = fields.CharField(max_length=40)  # of the pool or the hall
    day_kind = fields.CharField(max_length=24)  # as a tariff window's (models.venues.days)
    from_minute = fields.IntField()  # local minutes, half-open, within one day
    to_minute = fields.IntField()
    area_m2 = fields.IntField()  # of the water, or of the floor
    lifeguards = fields.IntField(default=0)  # on duty; a pool's capacity is bound by them
    capacity = fields.IntField()  # people
    places_a_person_a_day = fields.IntField()  # of this sport at this venue, for whoever orders
    valid_from = fields.DateField()
    valid_to = fields.DateField(null=True)  # half-open; null: until further notice
    provenance = fields.CharField(max_length=16)  # PUBLISHED or DEMONSTRATION
    source = fields.CharField(max_length=200, default="")
    written_at = fields.DatetimeField()
    written_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, on_delete=fields.RESTRICT
    )
    written_by_id: int | None  # null: the files of data/

    class Meta:
        table = "session_plan"
        unique_together = (("venue", "version", "sport_code", "name", "day_kind", "from_minute", "valid_from"),)


class SessionPrice(Table):
    """What one person pays for a session of a plan, by kind of ticket."""

    id = fields.IntField(primary_key=True)
    plan: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.SessionPlan", related_name="prices", on_delete=fields.RESTRICT
    )
    plan_id: int
    ticket = fields.CharField(max_length=16)  # models.booking.session_rules.Ticket
    kind = fields.CharField(max_length=8)  # FREE, LOW, MARKET
    price_fen = fields.BigIntField()  # CHECK: nothing exactly when FREE
    provenance = fields.CharField(max_length=16)

    class Meta:
        table = "session_price"
        unique_together = (("plan", "ticket"),)


class Session(Table):
    """One timed admission (场次) of one day. `taken` is the one truth about its places, and its row is the lock.

    A CHECK keeps `taken` between nothing and the capacity; it is always the sum of the session's held places.
    """

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    plan: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.SessionPlan", on_delete=fields.RESTRICT)
    plan_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    sport_code = fields.CharField(max_length=24)
    name = fields.CharField(max_length=40)
    business_day = fields.DateField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    capacity = fields.IntField()
    taken = fields.IntField(default=0)
    is_open = fields.BooleanField(default=True)
    counted_inside = fields.IntField(default=0)  # people whom gates counted in without a code
    counted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session"
        unique_together = (("venue", "sport_code", "name", "starts_at"),)
        indexes = (("venue_id", "business_day"),)


class HeldPlace(Table):
    """So many places of a session, given to one order line, booked or sold at the desk. Whoever takes the row away
    gives its places back, so that happens once."""

    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Session", on_delete=fields.RESTRICT)
    session_id: int
    order_line: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.OrderLine", on_delete=fields.RESTRICT
    )
    order_line_id: int
    places = fields.IntField()

    class Meta:
        table = "held_place"
        unique_together = (("order_line",),)
        indexes = (("session_id",),)


class Closure(Table):
    """A venue, a sport of it, one court or one session is closed for a time that its hours do not say; with reasons for people."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    sport_code = fields.CharField(max_length=24, default="", db_default="")  # empty: every sport
    court: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Court", null=True, on_delete=fields.RESTRICT
    )
    court_id: int | None  # only this court, and every court that shares a part with it
    session: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Session", null=True, on_delete=fields.RESTRICT
    )
    session_id: int | None  # only this session, which is on sale no more
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    first_day = fields.DateField()  # local days that it touches, both included
    last_day = fields.DateField()
    kind = fields.CharField(max_length=16)  # models.booking.closure_rules.ClosureKind
    reason = fields.CharField(max_length=100)
    announced_at = fields.DatetimeField()
    announced_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", related_name="closures_announced", on_delete=fields.RESTRICT
    )
    announced_by_id: int
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    withdrawn_at = fields.DatetimeField(null=True)
    withdrawn_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", null=True, related_name="closures_withdrawn", on_delete=fields.RESTRICT
    )
    withdrawn_by_id: int | None
    withdrawn_why = fields.CharField(max_length=100, default="", db_default="")

    class Meta:
        table = "closure"
        unique_together = (("announced_by", "idempotency_key"),)
        indexes = (("venue_id", "last_day"), ("session_id",))


class ClosureOffer(Table):
    """What a closure means for one line of an order: its member chooses, or is given all the money back."""

    id = fields.BigIntField(primary_key=True)
    closure: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Closure", on_delete=fields.RESTRICT)
    closure_id: int
    order_line_id = fields.BigIntField()  # a line has one open offer at most: an index in models.guards
    state = fields.CharField(max_length=16)  # models.booking.closure_rules.OfferState
    offered_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "closure_offer"
        unique_together = (("closure", "order_line_id"),)
        indexes = (("order_line_id",),)


class SlotDraw(Table):
    """The slots of a sport's day at a venue are drawn for, not given to who is first. See models/booking/draw_rules.py."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    sport_code = fields.CharField(max_length=24)
    business_day = fields.DateField()
    court_ids = fields.CharField(max_length=2000, default="")  # with blanks between; empty: every one of the sport
    from_minute = fields.IntField()  # of a slot's start, local
    until_minute = fields.IntField()
    opens_at = fields.DatetimeField()  # the release
    closes_at = fields.DatetimeField()
    state = fields.CharField(max_length=8)  # draw_rules.DrawState
    commitment = fields.CharField(max_length=64)
    sealed_seed = fields.BinaryField()
    seal_key_id = fields.CharField(max_length=32)
    record: Any = fields.JSONField(null=True)  # published when it is done
    made_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    made_by_id: int
    made_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)

    class Meta:
        table = "slot_draw"
        unique_together = (("venue", "business_day", "sport_code"),)
        indexes = (("state", "closes_at"),)


class DrawEntry(Table):
    """Somebody asks for one of these slots. Its public id is their ticket."""

    id = fields.BigIntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    draw: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.SlotDraw", on_delete=fields.RESTRICT)
    draw_id: int
    member: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Member", on_delete=fields.RESTRICT)
    member_id: int
    placed_by: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Member", null=True, related_name="drawing_for_others", on_delete=fields.RESTRICT
    )
    placed_by_id: int | None  # the guardian or helper who asked
    whose = fields.CharField(max_length=24)  # the person where a real name is known, else the account
    people = fields.IntField()
    wishes: Any = fields.JSONField()  # draw_rules.Wish each, the dearest first
    state = fields.CharField(max_length=8)  # draw_rules.EntryState
    place = fields.IntField(null=True)  # in the drawn order
    wish = fields.IntField(null=True)  # which one was won
    reason = fields.CharField(max_length=40, default="")  # the ErrorCode that refused it
    order: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Order", null=True, on_delete=fields.RESTRICT
    )
    order_id: int | None
    idempotency_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    entered_at = fields.DatetimeField()

    class Meta:
        table = "draw_entry"
        unique_together = (("draw", "whose"), ("draw", "place"))
        indexes = (("member_id",), ("placed_by_id",))
