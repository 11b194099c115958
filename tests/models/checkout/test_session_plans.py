"""Staff edit the sessions of a pool: each day has those that hold on it, and whoever has a ticket keeps it or is asked."""

import asyncio
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.booking import plan_editing, turning
from models.booking.plan_editing import PlansPreview
from models.booking.plan_rules import PlannedSession, PlansWanted
from models.booking.session_importing import FILE, import_session_plans
from models.booking.session_making import make_sessions
from models.booking.session_operations import PlacesWanted, hold_places
from models.booking.session_queries import bookable_sessions, refuse_replanned, sessions
from models.booking.session_rules import TicketPrice
from models.booking.tables import Closure, ClosureOffer, HeldPlace, Session, SessionPlan, SessionPlanVersion
from models.checkout import closing
from models.errors import DomainError
from models.orders.tables import Order, OrderLine
from models.regions.bringing import ImportReport
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Holiday, OpeningHours, Sport, Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW, a_paid_order, a_person, an_order
from tests.factories.people import a_clerk
from tests.factories.places import DATA, a_venue
from tests.factories.sessions import a_session, places
from tests.outside import Outside

LATER = TOMORROW + timedelta(days=2)
"""A Monday."""


async def a_manager(venue: Venue) -> StaffSignedIn:
    return await a_clerk(venue.public_id, roles=(Role.VENUE_MANAGER,))


def a_time(first: float, end: float, *, days: str = "ALL", capacity: int = 40, fen: int = 3000) -> PlannedSession:
    """In hours; for children half."""
    kind = "MARKET" if fen else "FREE"
    prices = tuple(TicketPrice(who, kind, of, "PUBLISHED") for who, of in (("ADULT", fen), ("CHILD", fen // 2)))
    return PlannedSession(days, int(first * 60), int(end * 60), capacity, prices)


def from_then(*times: PlannedSession, **more: Any) -> PlansWanted:
    """With the free sessions of 8 August that any plan of a year must have."""
    free = [each._replace(day_kind="DATE:08-08", prices=a_time(0, 1, fen=0).prices) for each in times]
    return PlansWanted(
        **{
            "sport_code": "SWIMMING",
            "name": "大众池",
            "area_m2": 100,
            "lifeguards": 3,
            "places_a_person_a_day": 4,
            "sessions": [*times, *free],
            "from_day": LATER,
            "note": "冬季场次",
            **more,
        }
    )


async def files_of(venue: Venue, folder: Path) -> Path:
    """A pool's sessions 14:00–16:00 and 18:00–20:00, brought in as a file's, and made."""
    await Sport.get_or_create(code="SWIMMING", defaults={"name": "游泳", "position": 9})
    told = "DEMONSTRATION,DEMONSTRATION,演示"
    lines = [
        f"{venue.ref},SWIMMING,大众池,{days},{first}:00,{first + 2}:00,100,3,40,4,2026-01-01,,{prices},{told}\n"
        for days, prices in (
            ("ALL", "ADULT MARKET 3000|CHILD MARKET 1500"),
            ("DATE:08-08", "ADULT FREE 0|CHILD FREE 0"),
        )
        for first in (14, 18)
    ]
    head = (DATA / FILE).read_text().splitlines()[0]
    (folder / FILE).write_text(head + "\n" + "".join(lines))
    await import_session_plans(folder=folder, report=ImportReport(), now=NOW)
    await make_sessions(now=NOW)
    return folder


async def seen(clerk: StaffSignedIn, venue: Venue, wish: PlansWanted) -> PlansPreview:
    return await plan_editing.preview_plans(clerk=clerk, venue_id=venue.public_id, wanted=wish, now=NOW)


async def written(
    clerk: StaffSignedIn, venue: Venue, wish: PlansWanted, *, expected: str = "", key: str = ""
) -> int:
    return await plan_editing.write_plans(
        clerk=clerk,
        venue_id=venue.public_id,
        wanted=wish,
        expected_change=expected or (await seen(clerk, venue, wish)).change_hash,
        idempotency_key=key or secrets.token_hex(8),
        now=NOW,
    )


async def of_day(venue: Venue, days: int) -> list[tuple[int, int, int, int]]:
    """Local hour, length in hours, capacity and an adult's price of each session on sale, so many days ahead."""
    day = TOMORROW + timedelta(days=days - 1)
    return [
        (
            (each.facts.starts_at.hour + 8) % 24,
            (each.facts.ends_at - each.facts.starts_at) // timedelta(hours=1),
            each.facts.capacity,
            each.facts.prices[0].price_fen,
        )
        for each in await sessions(venue_id=venue.public_id, sport=None, day=day, now=NOW)
    ]


async def test_sessions_change_from_their_day_on_and_each_ticket_is_kept_or_asked_about(
    db: Database, outside: Outside, tmp_path: Path
) -> None:
    venue = await a_venue()
    files = await files_of(venue, tmp_path)
    kept, gone = await Session.filter(business_day=LATER).order_by("starts_at")
    before = await Session.get(plan_id=gone.plan_id, business_day=TOMORROW + timedelta(days=1))
    manager, (keeps, loses, early) = await a_manager(venue), [await a_person() for _ in range(3)]
    for person, session in ((keeps, kept), (loses, gone), (early, before)):
        await a_paid_order(outside, person, places(session, 2))
    wish = from_then(a_time(14, 15, capacity=1, fen=2000), a_time(19, 21, capacity=30))
    looked = await seen(manager, venue, wish)
    assert looked.changes == [
        (
            "每天14:00–16:00：结束 16:00 → 15:00；容量 40人 → 1人；"
            "成人票30.00元、儿童票15.00元 → 成人票20.00元、儿童票10.00元。"
        ),
        "每年8月8日14:00–16:00：结束 16:00 → 15:00；容量 40人 → 1人。",
        "新增每天19:00–21:00：30人，成人票30.00元、儿童票15.00元。",
        "新增每年8月8日19:00–21:00：30人，成人票免费、儿童票免费。",
        "不再有每天18:00–20:00。",
        "不再有每年8月8日18:00–20:00。",
        "未提前7日公告，不符合体规字〔2021〕7号的要求；仍可停用，请向市民说明情况。",
    ]
    assert (looked.bookings, looked.bookings_without, looked.bookings_otherwise) == (2, 1, 1)
    (lost,) = looked.listed
    assert (lost.starts_at, lost.people, lost.price_fen, lost.paid) == (gone.starts_at, 2, 6000, True)
    assert looked.promise == (
        "已售的1张订单没有场次了，保存后会逐一通知本人，由他们改期或者全额退款。"
        "已售的1张订单与新的安排不同，仍按原来的价格和结束时间履行。"
    )
    assert await SessionPlanVersion.all().count() == 0 == await Closure.all().count(), "a look changes nothing"

    assert await written(manager, venue, wish, expected=looked.change_hash, key="winter-plan") == 1
    for _ in range(2):
        assert await written(manager, venue, wish, expected=looked.change_hash, key="winter-plan") == 1
        assert await make_sessions(now=NOW) == 0 == await turning.turn_courts(now=NOW)
    assert await of_day(venue, 2) == [(14, 2, 40, 3000), (18, 2, 40, 3000)], "the day before nothing is otherwise"
    assert await of_day(venue, 3) == [(14, 2, 2, 2000), (19, 2, 30, 3000)], "what is sold keeps its end and places"
    assert await of_day(venue, 4) == [(14, 1, 1, 2000), (19, 2, 30, 3000)]
    line = await OrderLine.get(session_id=kept.id)
    assert (line.price_fen, line.ends_at) == (6000, kept.ends_at)
    closure = await Closure.get()
    assert (closure.session_id, closure.reason, closure.announced_by_id) == (
        gone.id,
        turning.NOT_PLANNED,
        manager.staff_id,
    )
    assert await closing.mind(channels=outside.channels, now=NOW) == 1
    assert await ClosureOffer.all().values_list("order_line_id", flat=True) == [
        (await OrderLine.get(session_id=gone.id)).id
    ]
    with pytest.raises(DomainError, match="暂停开放"):
        await an_order(early, places(gone))

    await import_session_plans(folder=files, report=ImportReport(), now=NOW)
    assert await make_sessions(now=NOW) == 0, "the files come back for no edited day"

    week = from_then(a_time(8, 10), to_day=LATER + timedelta(days=1))
    assert (await seen(manager, venue, week)).changes[-1].startswith("未提前7日"), "somebody has a ticket that day"
    assert await written(manager, venue, week) == 2
    assert await of_day(venue, 3) == [(8, 2, 40, 3000)]
    assert await of_day(venue, 4) == [(14, 1, 1, 2000), (19, 2, 30, 3000)], (
        "after its last day the one before holds"
    )
    assert {each.session_id for each in await Closure.all()} == {gone.id, kept.id}


async def refused(act: Any) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as refusal:
        await act
    return refusal.value.code, refusal.value.field


async def test_what_cannot_be_is_refused_alike_when_previewed_and_written_and_leaves_nothing(
    db: Database, outside: Outside, tmp_path: Path
) -> None:
    venue = await a_venue()  # open 8:00–22:00 by the files
    await files_of(venue, tmp_path)
    manager = await a_manager(venue)
    sold = await Session.filter(business_day=LATER).order_by("starts_at").first()
    assert sold is not None
    await a_paid_order(outside, await a_person(), places(sold))
    for wrong, field in (
        (from_then(a_time(14, 16), a_time(18, 20)), "sessions"),  # as it is
        (from_then(), "sessions"),
        (from_then(a_time(7, 9)), "sessions"),
        (from_then(a_time(14, 15), a_time(15, 17)), "sessions"),  # somebody was told that it ends at 16:00
        (from_then(a_time(14, 16, capacity=41)), "capacity"),
        (from_then(a_time(14, 16), sport_code="TENNIS"), "sport"),
    ):
        assert await refused(seen(manager, venue, wrong)) == ("BAD_INPUT", field)
        assert await refused(written(manager, venue, wrong, expected="never seen")) == ("BAD_INPUT", field)
    fine = from_then(a_time(14, 16))
    looked = (await seen(manager, venue, fine)).change_hash
    await OpeningHours.filter(venue_id=venue.id).update(closes_minute=23 * 60)
    late = written(manager, venue, fine, expected=looked)
    assert await refused(late) == ("PREVIEW_CHANGED", "expectedChange")
    await written(manager, venue, fine, key="a-key-of-mine")
    other = written(manager, venue, from_then(a_time(14, 17)), key="a-key-of-mine")
    assert await refused(other) == ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")
    stranger = await a_manager(await a_venue())
    assert (await refused(seen(stranger, venue, fine)))[0] == "NOT_ALLOWED"
    assert await SessionPlanVersion.all().values_list("number", flat=True) == [1]
    assert await SessionPlan.filter(version=1).count() == 2 == await SessionPlan.exclude(version=0).count()


async def test_on_a_weekday_on_which_nothing_is_open_there_is_no_session_of_a_plan_that_staff_wrote(
    db: Database, tmp_path: Path
) -> None:
    venue = await a_venue()
    await OpeningHours.filter(venue_id=venue.id, weekday=1).delete()  # Tuesdays
    await files_of(venue, tmp_path)
    manager = await a_manager(venue)
    assert len(await of_day(venue, 4)) == 2, "the files' sessions have times of their own"
    wish = from_then(a_time(14, 16, capacity=20))
    assert "周二不开放，没有场次。" in (await seen(manager, venue, wish)).changes
    await written(manager, venue, wish)
    assert [await of_day(venue, days) for days in (3, 4, 5)] == [[(14, 2, 20, 3000)], [], [(14, 2, 20, 3000)]]


async def test_a_session_that_the_calendar_takes_away_and_not_staff_is_left_to_them(
    db: Database, outside: Outside
) -> None:
    venue = await a_venue()
    session = await a_session(venue, days=3)
    wish = from_then(a_time(14, 16, days="WORKDAY", capacity=20))
    await written(await a_manager(venue), venue, wish)
    await a_paid_order(outside, await a_person(), places(session))
    await Holiday.create(date=LATER, kind="HOLIDAY", name="演示")
    assert await make_sessions(now=NOW) == 1
    assert not (await Session.get(id=session.id)).is_open
    assert await turning.turn_courts(now=NOW) == 0 == await Closure.all().count()


async def test_who_was_told_another_end_a_moment_ago_takes_no_place_and_chooses_again(db: Database) -> None:
    venue = await a_venue()
    session = await a_session(venue, days=3)
    (told,) = await bookable_sessions([(session.public_id, "ADULT", 1)], now=NOW)
    await refuse_replanned(told.session)
    await written(await a_manager(venue), venue, from_then(a_time(14, 15)))
    assert await hold_places([PlacesWanted(1, session.id, 1, told.ends_at)], now=NOW) == session.id
    assert (await refused(refuse_replanned(told.session)))[0] == "SESSION_UNKNOWN"
    assert (await Session.get(id=session.id)).taken == 0
    await an_order(await a_person(), places(session))
    assert (await OrderLine.get()).ends_at == session.ends_at - timedelta(hours=1)


@pytest.mark.postgres
async def test_of_those_who_buy_while_a_session_is_planned_away_nobody_stays_unasked(
    db: Database, outside: Outside
) -> None:
    venue = await a_venue()
    gone = await a_session(venue, days=3, capacity=1)
    moved = await a_session(venue, days=3, from_minute=18 * 60, to_minute=20 * 60, capacity=1)
    manager, people = await a_manager(venue), [await a_person() for _ in range(8)]
    wish = from_then(a_time(18, 19, capacity=1))
    looked = (await seen(manager, venue, wish)).change_hash
    edits = [written(manager, venue, wish, expected=looked, key="one-of-two") for _ in range(2)]
    buyers = [an_order(person, places((gone, moved)[n % 2])) for n, person in enumerate(people)]
    booked = await asyncio.gather(*buyers[:4], *edits, *buyers[4:], return_exceptions=True)
    assert booked[4:6] == [1, 1]
    for each in (*booked[:4], *booked[6:]):
        assert isinstance(each, Order) or getattr(each, "code", "") in {"SESSION_FULL", "SESSION_UNKNOWN", "BUSY"}
    await make_sessions(now=NOW)
    await turning.turn_courts(now=NOW)
    for session in (gone, moved):
        row = await Session.get(id=session.id)
        held = await HeldPlace.filter(session_id=session.id)
        assert row.taken == sum(each.places for each in held) <= 1 == row.capacity
        lines = await OrderLine.filter(id__in=[each.order_line_id for each in held])
        assert all(line.ends_at == row.ends_at for line in lines), "nobody was told another end"
        closed = await Closure.filter(session_id=session.id).count()
        assert closed == (row.taken if session is gone else 0)
        assert row.is_open is (session is moved)
    await closing.mind(channels=outside.channels, now=NOW)
    assert not await HeldPlace.filter(session_id=gone.id).exists(), "they had not paid, and were told"
