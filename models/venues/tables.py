"""Venues, their courts, when they open and what an hour costs."""

from typing import Any

from tortoise import fields

from models.table import Table


class Sport(Table):
    code = fields.CharField(max_length=24, primary_key=True)
    name = fields.CharField(max_length=20)
    position = fields.IntField(default=0)

    class Meta:
        table = "sport"


class PartnerPlatform(Table):
    """A platform of another operator that is not connected: people go on in its own pages (federation/jump.py)."""

    code = fields.CharField(max_length=24, primary_key=True)
    name = fields.CharField(max_length=40)
    appid = fields.CharField(max_length=18, default="")
    path = fields.CharField(max_length=300, default="")  # in the mini-program; a template, as is the next
    web = fields.CharField(max_length=300, default="")
    provenance = fields.CharField(max_length=16)  # PUBLISHED or DEMONSTRATION
    source = fields.CharField(max_length=200, default="")

    class Meta:
        table = "partner_platform"


class Venue(Table):
    """A venue as people know it. What was published stays beside what we mended."""

    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    ref = fields.CharField(max_length=16, unique=True)
    name = fields.CharField(max_length=80)
    published_name = fields.CharField(max_length=80)
    address = fields.CharField(max_length=200)
    published_address = fields.CharField(max_length=200)
    venue_type = fields.CharField(max_length=20)
    region: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Region", on_delete=fields.RESTRICT)
    region_id: int
    province_code = fields.CharField(max_length=6)
    city_code = fields.CharField(max_length=6)
    published_facts = fields.TextField(default="")
    phone = fields.CharField(max_length=40, default="")
    grade = fields.CharField(max_length=20, default="")
    lon = fields.FloatField()  # WGS-84
    lat = fields.FloatField()
    coordinate_quality = fields.CharField(max_length=20)
    is_open = fields.BooleanField(default=True)
    sport_codes: list[str] = fields.JSONField(default=list)  # from the courts, for the hot list
    price_from_fen = fields.IntField(null=True)  # derived likewise: the lowest price of an hour
    price_from_provenance = fields.CharField(max_length=16, default="")
    partner: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.PartnerPlatform", null=True, on_delete=fields.RESTRICT
    )
    partner_id: str | None  # where it is booked; null: here
    their_id = fields.CharField(max_length=64, default="", db_default="")  # the partner's name for it

    class Meta:
        table = "venue"


class Court(Table):
    id = fields.IntField(primary_key=True)
    public_id = fields.CharField(max_length=32, unique=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Venue", related_name="courts", on_delete=fields.RESTRICT
    )
    venue_id: int
    sport_code = fields.CharField(max_length=24)
    name = fields.CharField(max_length=40)
    position = fields.IntField()
    slot_minutes = fields.IntField(default=60)  # a whole number of cell steps
    max_people = fields.IntField()
    is_open = fields.BooleanField(default=True)
    provenance = fields.CharField(max_length=16)  # PUBLISHED or DEMONSTRATION

    class Meta:
        table = "court"
        unique_together = (("venue", "sport_code", "name"),)
        indexes = (("venue_id", "sport_code"),)


class CourtVersion(Table):
    """What a court is from a day on, as staff wrote it: who, when and why. Never edited; a court's versions follow one
    another in the order of their days. Once a court has one, the files say nothing of it any more. `court` itself says
    what is so today (models/booking/turning.py)."""

    id = fields.IntField(primary_key=True)
    court: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Court", on_delete=fields.RESTRICT)
    court_id: int
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    number = fields.IntField()  # of the court's, from 1
    from_day = fields.DateField()
    name = fields.CharField(max_length=40)
    slot_minutes = fields.IntField()
    max_people = fields.IntField()
    retired = fields.BooleanField()
    note = fields.CharField(max_length=200)
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    written_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    written_by_id: int
    written_at = fields.DatetimeField()

    class Meta:
        table = "court_version"
        unique_together = (("court", "number"), ("venue", "request_key"))


class CourtPart(Table):
    """An atomic part of the floor. A full court is two halves; joined courts share their parts."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    name = fields.CharField(max_length=60)

    class Meta:
        table = "court_part"
        unique_together = (("venue", "name"),)


class CourtCover(Table):
    """Which parts a court covers."""

    id = fields.IntField(primary_key=True)
    court: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Court", related_name="covers", on_delete=fields.RESTRICT
    )
    court_id: int
    part: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.CourtPart", on_delete=fields.RESTRICT)
    part_id: int

    class Meta:
        table = "court_cover"
        unique_together = (("court", "part"),)


class HoursVersion(Table):
    """A venue's whole opening hours as staff wrote them, from a day on: who, when and why; the openings are the rows of
    OpeningHours with its number. Never edited; of several that hold on a day the latest written counts, wholly."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Venue", on_delete=fields.RESTRICT)
    venue_id: int
    number = fields.IntField()  # of the venue's, from 1
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
        table = "hours_version"
        unique_together = (("venue", "number"), ("venue", "request_key"))


class OpeningHours(Table):
    """One opening of one weekday (0 is Monday), minutes from local midnight, half-open. The files' are version 0: they
    hold on each day for which staff wrote no HoursVersion (models/venues/hours_versions.py)."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Venue", related_name="opening_hours", on_delete=fields.RESTRICT
    )
    venue_id: int
    version = fields.IntField(default=0, db_default=0)
    sport_code = fields.CharField(max_length=24, default="")  # empty: every sport without hours of its own
    weekday = fields.IntField()
    opens_minute = fields.IntField()
    closes_minute = fields.IntField()
    provenance = fields.CharField(max_length=16)

    class Meta:
        table = "opening_hours"
        unique_together = (("venue", "version", "sport_code", "weekday", "opens_minute"),)


class TariffWindow(Table):
    """What an hour of a court costs in a part of a kind of day. The narrowest window that fits decides.

    These are the files': they hold on each day for which nobody has written a TariffVersion.
    """

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Venue", related_name="tariff_windows", on_delete=fields.RESTRICT
    )
    venue_id: int
    sport_code = fields.CharField(max_length=24, default="")  # empty: every sport
    court_name = fields.CharField(max_length=40, default="")  # empty: every court
    day_kind = fields.CharField(max_length=24)  # rules.WindowDays, or a rules.DayRule: EVERY:WED, DATE:08-08
    from_minute = fields.IntField()
    to_minute = fields.IntField()
    kind = fields.CharField(max_length=8)  # FREE, LOW, MARKET
    price_fen_per_hour = fields.IntField()
    window_provenance = fields.CharField(max_length=16)
    price_provenance = fields.CharField(max_length=16)
    source = fields.CharField(max_length=200, default="")

    class Meta:
        table = "tariff_window"
        unique_together = (("venue", "sport_code", "court_name", "day_kind", "from_minute"),)


class Holiday(Table):
    """A statutory holiday or a make-up workday. A year without rows is unknown, not ordinary."""

    date = fields.DateField(primary_key=True)
    kind = fields.CharField(max_length=16)  # HOLIDAY or MAKEUP_WORKDAY
    name = fields.CharField(max_length=40)

    class Meta:
        table = "holiday"


class TariffVersion(Table):
    """A venue's whole tariff as staff wrote it, from a day on: who, when and why. Never edited; of several that are in
    force on a day the latest written counts, wholly."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Venue", related_name="tariff_versions", on_delete=fields.RESTRICT
    )
    venue_id: int
    number = fields.IntField()  # of the venue's, from 1
    from_day = fields.DateField()
    to_day = fields.DateField(null=True)  # the first day on which it holds no more; null: until further notice
    windows: list[list[Any]] = fields.JSONField()  # each the first nine fields of a rules.Window, in their order
    concessions: list[list[Any]] | None = fields.JSONField(null=True)  # each a concessions.Rule; null: as before
    note = fields.CharField(max_length=200)
    request_key = fields.CharField(max_length=64)
    request_hash = fields.CharField(max_length=64)
    written_by: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.StaffMember", on_delete=fields.RESTRICT
    )
    written_by_id: int
    written_at = fields.DatetimeField()

    class Meta:
        table = "tariff_version"
        unique_together = (("venue", "number"), ("venue", "request_key"))


class ConcessionRule(Table):
    """What a group of people pays at a venue, or (without a venue) wherever the venue has no rules of its own."""

    id = fields.IntField(primary_key=True)
    venue: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.Venue", null=True, on_delete=fields.RESTRICT
    )
    venue_id: int | None
    kind = fields.CharField(max_length=16)  # real_names.rules.ConcessionKind
    pays_percent = fields.IntField()  # 0 to 99
    covers = fields.CharField(max_length=8)  # concessions.Covers
    provenance = fields.CharField(max_length=16)
    source = fields.CharField(max_length=200, default="")

    class Meta:
        table = "concession_rule"
        unique_together = (("venue", "kind"),)


class SchoolHoliday(Table):
    """Days on which a province's schools have their winter or summer holiday, half-open. Without rows: not known."""

    id = fields.IntField(primary_key=True)
    province_code = fields.CharField(max_length=6)
    from_day = fields.DateField()
    to_day = fields.DateField()
    name = fields.CharField(max_length=40)
    source = fields.CharField(max_length=200)

    class Meta:
        table = "school_holiday"
        unique_together = (("province_code", "from_day"),)
