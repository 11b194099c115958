"""For staff: a venue's settings as they are and will be, and who wrote them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.booking import venue_settings as settings
from models.venues.concessions import Covers, Rule
from models.venues.rules import Opening, Window
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.paging import checked_size, page_of
from resolvers.scalars import Fen
from resolvers.sessions import TICKETS
from resolvers.venue_editing import TariffWindowKind
from resolvers.words import ConcessionKind, Ticket

MOST_LINES = 50


@strawberry.type(description="A court as staff see it on that day, also while it is closed.")
class CourtSettings:
    id: strawberry.ID
    name: str
    sport: str
    slot_minutes: int
    max_people: int
    parts: int = strawberry.field(description="How many atomic parts of the floor it covers.")
    is_open: bool
    provenance: str


@strawberry.type
class TariffWindow:
    days: str
    from_minute: int
    to_minute: int
    kind: TariffWindowKind
    price_per_hour: Fen
    sport: str
    court_name: str
    window_provenance: str
    price_provenance: str

    @classmethod
    def of(cls, window: Window) -> "TariffWindow":
        return cls(
            days=window.days,
            from_minute=window.from_minute,
            to_minute=window.to_minute,
            kind=TariffWindowKind(window.kind),
            price_per_hour=Fen(window.price_fen_per_hour),
            sport=window.sport_code,
            court_name=window.court_name,
            window_provenance=window.window_provenance,
            price_provenance=window.price_provenance,
        )


@strawberry.type
class TariffConcession:
    kind: ConcessionKind
    pays_percent: int
    covers: Covers
    provenance: str

    @classmethod
    def of(cls, rule: Rule) -> "TariffConcession":
        return cls(
            kind=ConcessionKind(rule.kind),
            pays_percent=rule.pays_percent,
            covers=Covers(rule.covers),
            provenance=rule.provenance,
        )


@strawberry.type
class TariffSettings:
    version: int = strawberry.field(description="0: as imported.")
    from_day: date | None
    until_day: date | None
    windows: list[TariffWindow] = strawberry.field(directives=[ListSize(assumed_size=30)])
    concessions: list[TariffConcession] | None = strawberry.field(
        directives=[ListSize(assumed_size=5)], description="Null: as before."
    )
    note: str
    written_by: str = strawberry.field(description="Whose name; empty: the files.")
    written_at: datetime | None

    @classmethod
    def of(cls, seen: settings.TariffSeen) -> "TariffSettings":
        return cls(
            version=seen.number,
            from_day=seen.from_day,
            until_day=seen.to_day,
            windows=[TariffWindow.of(window) for window in seen.windows],
            concessions=None
            if seen.concessions is None
            else [TariffConcession.of(rule) for rule in seen.concessions],
            note=seen.note,
            written_by=seen.written_by,
            written_at=seen.written_at,
        )


@strawberry.type(description="One opening of one weekday; minutes of the local day.")
class OpeningTimes:
    weekday: int = strawberry.field(description="1 Monday to 7 Sunday.")
    from_minute: int
    to_minute: int
    sport: str = strawberry.field(description="Empty: every sport without hours of its own.")

    @classmethod
    def of(cls, opening: Opening) -> "OpeningTimes":
        weekday, opens, closes, sport = opening
        return cls(weekday=weekday + 1, from_minute=opens, to_minute=closes, sport=sport)


@strawberry.type
class OpeningHoursSettings:
    version: int = strawberry.field(description="0: as imported.")
    from_day: date | None
    until_day: date | None
    openings: list[OpeningTimes] = strawberry.field(directives=[ListSize(assumed_size=14)])
    note: str
    written_by: str = strawberry.field(description="Whose name; empty: the files.")
    written_at: datetime | None

    @classmethod
    def of(cls, seen: settings.HoursSeen) -> "OpeningHoursSettings":
        return cls(
            version=seen.number,
            from_day=seen.from_day,
            until_day=seen.to_day,
            openings=[OpeningTimes.of(opening) for opening in seen.openings],
            note=seen.note,
            written_by=seen.written_by,
            written_at=seen.written_at,
        )


@strawberry.type
class BookingLimits:
    courts_a_person_a_day: int
    minutes_a_court_a_day: int
    days_ahead: int
    release_minute: int
    hold_minutes: int
    entry_opens_minutes_before: int
    minutes_a_person_a_day: int | None
    courts_a_person_a_week: int | None
    minutes_a_person_a_week: int | None
    fewest_players: int
    most_players: int | None
    notice_minutes: int
    check_in_minutes: int | None
    no_show_kept_percent: int
    no_shows: int | None
    no_show_days: int | None
    pause_days: int | None
    series_weeks: int | None
    series_a_person: int | None
    group_days_ahead: int | None
    group_answer_hours: int
    arranged_hold_minutes: int
    cancel_free_minutes: int | None = strawberry.field(description="Null: by the refund rules of the house.")
    cancel_kept_percent: int | None
    companions_named: bool
    real_name_needed: bool


@strawberry.type
class BookingRulesSettings:
    sport: str = strawberry.field(description="Empty: every sport without rules of its own.")
    of_venue: bool = strawberry.field(description="False: those of all venues without their own.")
    from_day: date
    until_day: date | None
    version: int
    limits: BookingLimits
    provenance: str
    note: str
    written_by: str
    written_at: datetime | None

    @classmethod
    def of(cls, seen: settings.RulesSeen) -> "BookingRulesSettings":
        values = {
            name: value for name, value in seen.limits._asdict().items() if name not in ("sport_code", "apart")
        }
        return cls(
            sport=seen.sport_code,
            of_venue=seen.of_venue,
            from_day=seen.from_day,
            until_day=seen.to_day,
            version=seen.version,
            limits=BookingLimits(**values),
            provenance=seen.provenance,
            note=seen.source,
            written_by=seen.written_by,
            written_at=seen.written_at,
        )


@strawberry.type
class SessionTicketSettings:
    ticket: Ticket
    kind: TariffWindowKind
    price: Fen
    provenance: str


@strawberry.type(description="One session of one kind of day, of a pool or hall.")
class SessionPlanSettings:
    name: str
    sport: str
    days: str
    from_minute: int
    to_minute: int
    capacity: int
    area_m2: int = strawberry.field(name="areaM2")
    lifeguards: int
    places_a_person_a_day: int
    tickets: list[SessionTicketSettings] = strawberry.field(directives=[ListSize(assumed_size=TICKETS)])
    from_day: date
    until_day: date | None = strawberry.field(
        description="The first on which it holds no more, by itself or because another version begins."
    )
    version: int = strawberry.field(description="0: as imported.")
    provenance: str
    note: str
    written_by: str = strawberry.field(description="Whose name; empty: the files.")
    written_at: datetime | None


@strawberry.type(description="What holds at a venue on a day, and what is written for later.")
class VenueSettings:
    venue_id: strawberry.ID
    on: date
    opening_hours: OpeningHoursSettings
    coming_opening_hours: list[OpeningHoursSettings] = strawberry.field(directives=[ListSize(assumed_size=3)])
    courts: list[CourtSettings] = strawberry.field(directives=[ListSize(assumed_size=30)])
    tariff: TariffSettings
    coming_tariffs: list[TariffSettings] = strawberry.field(directives=[ListSize(assumed_size=3)])
    rules: list[BookingRulesSettings] = strawberry.field(directives=[ListSize(assumed_size=8)])
    session_plans: list[SessionPlanSettings] = strawberry.field(directives=[ListSize(assumed_size=20)])


@strawberry.enum(description="What was written.")
class SettingsKind(StrEnum):
    TARIFF = "TARIFF"
    RULES = "RULES"
    COURT = "COURT"
    HOURS = "HOURS"
    SESSIONS = "SESSIONS"


@strawberry.type(description="Something that staff wrote.")
class SettingsChange:
    kind: SettingsKind
    sport: str = strawberry.field(description="Of rules, courts and sessions; empty: every sport.")
    version: int
    from_day: date
    until_day: date | None
    note: str
    written_by: str
    written_at: datetime
    audit_id: strawberry.ID | None = strawberry.field(description="The id of its line in the audit trail.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "SettingsChange":
        return cls(
            kind=SettingsKind(row["what"]),
            sport=row["sport_code"],
            version=row["version"],
            from_day=row["from_day"],
            until_day=row["to_day"],
            note=row["note"],
            written_by=row["display_name"],
            written_at=row["at"],
            audit_id=row["audit_id"] and strawberry.ID(row["audit_id"]),
        )


@strawberry.type
class SettingsChangeEdge:
    node: SettingsChange
    cursor: str


@strawberry.type
class SettingsChangeConnection:
    edges: list[SettingsChangeEdge]
    page_info: PageInfo


@strawberry.type
class VenueSettingsQueries:
    @strawberry.field(
        directives=[Weight(weight=3000)],
        description="Staff: the courts, tariffs, rules and plans of a venue of mine, with who wrote what.",
    )
    async def venue_settings(self, info: Info, venue_id: strawberry.ID, on: date) -> VenueSettings:
        seen = await settings.venue_settings(
            clerk=await info.context.staff(), venue_id=venue_id, on=on, now=info.context.now
        )
        return VenueSettings(
            venue_id=strawberry.ID(seen.venue_id),
            on=seen.on,
            opening_hours=OpeningHoursSettings.of(seen.hours),
            coming_opening_hours=[OpeningHoursSettings.of(each) for each in seen.coming_hours],
            courts=[_court(row) for row in seen.courts],
            tariff=TariffSettings.of(seen.tariff),
            coming_tariffs=[TariffSettings.of(each) for each in seen.coming_tariffs],
            rules=[BookingRulesSettings.of(each) for each in seen.rules],
            session_plans=_plans(seen.plans),
        )

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_LINES, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="Staff: what was written of a venue of mine, by whom, the latest first.",
    )
    async def settings_history(
        self, info: Info, venue_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> SettingsChangeConnection:
        found = await settings.settings_history(
            clerk=await info.context.staff(),
            venue_id=venue_id,
            first=checked_size(first, MOST_LINES),
            after=after,
        )
        edges = [SettingsChangeEdge(node=SettingsChange.of(row), cursor=row["key"]) for row in found[:first]]
        return SettingsChangeConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )


def _court(row: Mapping[str, Any]) -> CourtSettings:
    return CourtSettings(
        id=strawberry.ID(row["public_id"]),
        name=row["name"],
        sport=row["sport_code"],
        slot_minutes=row["slot_minutes"],
        max_people=row["max_people"],
        parts=row["parts"],
        is_open=bool(row["is_open"]),
        provenance=row["provenance"],
    )


def _plans(rows: Sequence[Mapping[str, Any]]) -> list[SessionPlanSettings]:
    return [
        SessionPlanSettings(
            name=row["name"],
            sport=row["sport_code"],
            days=row["day_kind"],
            from_minute=row["from_minute"],
            to_minute=row["to_minute"],
            capacity=row["capacity"],
            area_m2=row["area_m2"],
            lifeguards=row["lifeguards"],
            places_a_person_a_day=row["places_a_person_a_day"],
            tickets=[
                SessionTicketSettings(
                    ticket=Ticket(price.ticket),
                    kind=TariffWindowKind(price.kind),
                    price=Fen(price.price_fen),
                    provenance=price.provenance,
                )
                for price in row["prices"]
            ],
            from_day=row["valid_from"],
            until_day=row["valid_to"],
            version=row["version"],
            provenance=row["provenance"],
            note=row["source"] if row["version"] else "",
            written_by=row["display_name"] or "",
            written_at=row["written_at"],
        )
        for row in rows
    ]
