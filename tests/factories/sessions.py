"""Pools and their sessions, planned and made through the room."""

from datetime import date, datetime
from typing import Any

from models.booking.session_making import make_sessions
from models.booking.tables import Session, SessionPlan, SessionPrice
from models.calendar import business_day
from models.checkout.wanted import LineWanted
from models.venues.tables import Sport, Venue
from tests.conftest import NOW

TICKETS = {"ADULT": ("MARKET", 3000), "CHILD": ("MARKET", 1500)}


async def a_plan(
    venue: Venue,
    from_minute: int = 14 * 60,
    to_minute: int = 16 * 60,
    *,
    sport: str = "SWIMMING",
    prices: dict[str, tuple[str, int]] | None = None,
    **columns: Any,
) -> SessionPlan:
    """A session of every day in a pool for forty, 14:00–16:00, ¥30 and for children ¥15, four places a person."""
    await Sport.get_or_create(code=sport, defaults={"name": "游泳", "position": 9})
    plan = await SessionPlan.create(
        **{
            "venue": venue,
            "sport_code": sport,
            "name": "大众池",
            "day_kind": "ALL",
            "from_minute": from_minute,
            "to_minute": to_minute,
            "area_m2": 100,
            "lifeguards": 3,
            "capacity": 40,
            "places_a_person_a_day": 4,
            "valid_from": date(2026, 1, 1),
            "provenance": "DEMONSTRATION",
            "written_at": NOW,
            **columns,
        }
    )
    for ticket, (kind, price_fen) in (TICKETS if prices is None else prices).items():
        await SessionPrice.create(
            plan=plan, ticket=ticket, kind=kind, price_fen=price_fen, provenance="DEMONSTRATION"
        )
    return plan


async def a_session(venue: Venue, *, days: int = 1, now: datetime = NOW, **plan: Any) -> Session:
    """The session of a new plan, so many days after today."""
    planned = await a_plan(venue, **plan)
    await make_sessions(now=now)
    day = date.fromordinal(business_day(now).toordinal() + days)
    return await Session.get(plan_id=planned.id, business_day=day)


def places(
    session: Session, people: int = 1, ticket: str = "ADULT", *, expected_price_fen: int | None = None
) -> LineWanted:
    return LineWanted(
        session_id=session.public_id, ticket=ticket, people=people, expected_price_fen=expected_price_fen
    )
