"""Staff edit opening hours: each day has those that hold on it, wherever somebody looks, and whoever booked outside is asked."""

import asyncio
import secrets
from datetime import date, timedelta
from typing import Any

import pytest

from maps.coordinates import CoordinateSystem, Point
from models import database
from models.booking import hours, queries, turning, venue_settings
from models.booking.closures import closed_lines, closures
from models.booking.hours import HoursPreview
from models.booking.hours_rules import HoursWanted
from models.booking.rules import SlotStatus
from models.booking.session_making import make_sessions
from models.booking.session_queries import sessions
from models.booking.tables import Closure, ClosureOffer, HeldCell, HeldPlace, Session
from models.booking.venue_report import venue_report
from models.calendar import instant_of
from models.checkout import closing
from models.errors import DomainError
from models.footfall.counting import close_day
from models.footfall.tables import Occupancy
from models.orders.tables import Order, OrderLine
from models.staff.rules import Role, StaffSignedIn
from models.venues.queries import venue_by_public_id, venues_near
from models.venues.rules import Opening
from models.venues.tables import HoursVersion, OpeningHours, TariffWindow, Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW, Hall, a_hall, a_paid_order, a_person, an_order, at, wanted
from tests.factories.people import a_clerk
from tests.factories.sessions import a_plan, places
from tests.outside import Outside

LATER = TOMORROW + timedelta(days=2)
"""A Monday."""


async def a_manager(hall: Hall) -> StaffSignedIn:
    return await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))


def a_week(opens: int, closes: int, sport: str = "") -> list[Opening]:
    """In hours."""
    return [Opening(weekday, opens * 60, closes * 60, sport) for weekday in range(7)]


def from_then(openings: list[Opening], **more: Any) -> HoursWanted:
    return HoursWanted(**{"openings": openings, "from_day": LATER, "note": "冬季时间", **more})


async def seen(clerk: StaffSignedIn, hall: Hall, wish: HoursWanted) -> HoursPreview:
    return await hours.preview_hours(clerk=clerk, venue_id=hall.venue.public_id, wanted=wish, now=NOW)


async def written(
    clerk: StaffSignedIn, hall: Hall, wish: HoursWanted, *, expected: str = "", key: str = ""
) -> int:
    return await hours.write_hours(
        clerk=clerk,
        venue_id=hall.venue.public_id,
        wanted=wish,
        expected_change=expected or (await seen(clerk, hall, wish)).change_hash,
        idempotency_key=key or secrets.token_hex(8),
        now=NOW,
    )


async def grid(hall: Hall, day: date, court: str = "羽毛球1号场") -> list[tuple[int, SlotStatus]]:
    """The local hour and status of each slot of a court."""
    rows = await queries.slots(venue_id=hall.venue.public_id, sport=None, day=day, now=NOW)
    slots = next((row.slots for row in rows if row.court_name == court), [])
    return [((slot.starts_at - instant_of(day, 0)) // timedelta(hours=1), slot.status) for slot in slots]


async def hours_of(hall: Hall, day: date) -> list[int]:
    return [hour for hour, _ in await grid(hall, day)]


async def refused(act: Any) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as refusal:
        await act
    return refusal.value.code.value, refusal.value.field


async def test_each_day_has_the_hours_that_hold_on_it_in_the_grid_and_for_whoever_books(db: Database) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    files = await OpeningHours.all().order_by("id").values()
    wish = from_then([*a_week(10, 20), *a_week(12, 14, "BASKETBALL")], to_day=LATER + timedelta(days=2))
    said = await seen(manager, hall, wish)
    every_day = "周一、周二、周三、周四、周五、周六、周日"
    assert list(said.changes) == [
        f"{every_day}：08:00–22:00 → 10:00–20:00",
        f"篮球{every_day}：同全馆 → 12:00–14:00",
    ]
    assert (said.bookings, said.bookings_outside, said.promise) == (0, 0, "已有的预订不受影响。")
    assert not await HoursVersion.all().exists(), "a preview changes nothing"
    key = secrets.token_hex(8)
    assert await written(manager, hall, wish, key=key) == 1
    assert await written(manager, hall, wish, expected="never seen", key=key) == 1, "once under its key"
    assert await OpeningHours.filter(version=0).order_by("id").values() == files
    before, first, last, after = (LATER + timedelta(days=days) for days in (-1, 0, 1, 2))
    for day, expected in (
        (before, range(8, 22)),
        (first, range(10, 20)),
        (last, range(10, 20)),
        (after, range(8, 22)),
    ):
        assert await hours_of(hall, day) == list(expected), day
    assert [hour for hour, _ in await grid(hall, first, "篮球全场")] == [12, 13]
    person = await a_person()
    assert (await refused(an_order(person, wanted(hall.badminton, at(8, days=3)))))[0] == "SLOT_UNKNOWN"
    assert (await an_order(person, wanted(hall.badminton, at(8, days=2)))).status == "PENDING_PAYMENT"
    later = from_then(a_week(9, 21), from_day=last, note="又改了")
    assert await written(manager, hall, later) == 2
    for day, expected in ((first, range(10, 20)), (last, range(9, 21)), (after, range(9, 21))):
        assert await hours_of(hall, day) == list(expected), "the latest written counts wholly"
    shown = await venue_settings.venue_settings(clerk=manager, venue_id=hall.venue.public_id, on=first, now=NOW)
    assert (shown.hours.number, shown.hours.note, len(shown.hours.openings)) == (1, "冬季时间", 14)
    assert [(each.number, each.from_day, each.to_day) for each in shown.coming_hours] == [(2, last, None)]
    shown = await venue_settings.venue_settings(clerk=manager, venue_id=hall.venue.public_id, on=before, now=NOW)
    assert (shown.hours.number, [each.number for each in shown.coming_hours]) == (0, [1, 2])
    history = await venue_settings.settings_history(
        clerk=manager, venue_id=hall.venue.public_id, first=5, after=None
    )
    assert {(row["what"], row["version"], row["note"]) for row in history} == {
        ("HOURS", 1, "冬季时间"), ("HOURS", 2, "又改了")
    }  # fmt: skip


async def test_lists_the_report_and_the_end_of_the_day_go_by_the_hours_of_that_day(db: Database) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    point = Point(hall.venue.lon, hall.venue.lat, CoordinateSystem.WGS84)

    async def found(hour: int, days: int, sport: str | None = None) -> int:
        page = await venues_near(
            point=point, radius_m=100, today=TOMORROW, first=5, sport=sport, open_at=at(hour, days=days)
        )
        return len(page.rows)

    async def opening(day: date) -> list[tuple[tuple[int, int], ...]]:
        one = await venue_by_public_id(hall.venue.public_id, today=day)
        page = await venues_near(point=point, radius_m=100, today=day, first=5)
        assert one is not None
        return [one.opening_today, *(row.venue.opening_today for row in page.rows)]

    await written(manager, hall, from_then([*a_week(10, 20), *a_week(18, 20, "BASKETBALL")]))
    assert await opening(LATER - timedelta(days=1)) == [((480, 1320),)] * 2
    assert await opening(LATER) == [((600, 1200),)] * 2
    assert [await found(9, days=2), await found(9, days=3), await found(11, days=3)] == [1, 0, 1]
    assert [await found(11, days=days, sport="BASKETBALL") for days in (2, 3)] == [1, 0]
    assert await found(18, days=3, sport="BASKETBALL") == 1

    async def days_open(day: int) -> str | None:
        report = await venue_report(clerk=manager, venue_id=hall.venue.public_id, now=NOW + timedelta(days=day))
        return next(each.figure for each in report.found if each.rule == "WEEKENDS")

    assert [await days_open(2), await days_open(3)] == ["14小时", "10小时"]
    for days, still in ((2, 1), (3, 0)):
        day = TOMORROW + timedelta(days=days - 1)
        await Occupancy.all().delete()
        await Occupancy.create(venue=hall.venue, business_day=day, inside=1, counted_at=at(19, days=days))
        await close_day(now=at(20, 30, days=days))
        assert (await Occupancy.get(venue=hall.venue)).inside == still, "closed at eight only from then on"


async def test_hours_that_hold_today_change_what_an_hour_costs_at_least(db: Database) -> None:
    hall = await a_hall(free_mornings=True)
    await TariffWindow.filter(venue=hall.venue, from_minute=0).delete()
    manager = await a_manager(hall)
    assert (await Venue.get(id=hall.venue.id)).price_from_fen == 0
    today = TOMORROW - timedelta(days=1)
    said = await seen(manager, hall, from_then([*a_week(5, 21)[:5]], from_day=today))
    assert "05:00开放，还没有定价" in "".join(said.changes)
    await written(manager, hall, from_then(a_week(9, 21)))
    assert (await Venue.get(id=hall.venue.id)).price_from_fen == 0, "not yet"
    await written(manager, hall, from_then(a_week(9, 12), from_day=today))
    assert (await Venue.get(id=hall.venue.id)).price_from_fen == 4000
    said = await seen(manager, hall, from_then(a_week(9, 12)[:4]))
    assert "每周只开放12小时" in "".join(said.changes)


async def test_whoever_booked_outside_the_new_hours_is_asked_and_only_that_time_is_closed(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    await hall.full.filter(id=hall.full.id).update(slot_minutes=120)
    manager, citizen, other = await a_manager(hall), await a_person(), await a_person()
    before = await a_paid_order(outside, citizen, wanted(hall.badminton, at(21, days=2)))
    late = await a_paid_order(
        outside, citizen, wanted(hall.badminton, at(20, days=3)), wanted(hall.badminton, at(21, days=3))
    )
    half_out = await a_paid_order(outside, other, wanted(hall.full, at(18, days=3)))
    inside = await a_paid_order(outside, other, wanted(hall.badminton_2, at(18, days=3)))
    unpaid = await an_order(await a_person(), wanted(hall.badminton_2, at(21, days=3)))
    lines = await OrderLine.all().order_by("id").values()
    wish = from_then(a_week(8, 19))
    said = await seen(manager, hall, wish)
    assert (said.bookings, said.bookings_outside) == (5, 4)
    assert [(each.order_no, each.court_name, each.starts_at, each.paid) for each in said.listed] == [
        (half_out.order_no, "篮球全场", at(18, days=3), True),
        (late.order_no, "羽毛球1号场", at(20, days=3), True),
        (late.order_no, "羽毛球1号场", at(21, days=3), True),
        (unpaid.order_no, "羽毛球2号场", at(21, days=3), False),
    ]
    assert said.promise == "已有4个预订在新的开放时间之外，保存后会逐一通知本人，由他们改期或者全额退款。"
    assert "未提前7日公告" in said.changes[-1]
    await written(manager, hall, wish)
    closed = await Closure.all().order_by("starts_at", "court_id")
    assert [(each.court_id, each.starts_at, each.ends_at) for each in closed] == [
        (hall.full.id, at(19, days=3), at(20, days=3)),
        (hall.badminton.id, at(20, days=3), at(22, days=3)),
        (hall.badminton_2.id, at(21, days=3), at(22, days=3)),
    ], "the part that is not open, and two that follow one another as one"
    assert {each.reason for each in closed} == {"开放时间调整"}
    assert len(await closures(venue_id=hall.venue.public_id, now=NOW)) == 3
    assert dict(await grid(hall, LATER, "篮球左半场"))[18] is SlotStatus.TAKEN, "what is open is not closed"
    assert await OrderLine.all().order_by("id").values() == lines
    assert await closing.mind(channels=outside.channels, now=NOW) == 4
    for _ in range(2):
        assert await turning.turn_courts(now=NOW) == 0, "nobody is asked twice"
        assert await closing.mind(channels=outside.channels, now=NOW) == 0
    asked = {offer.order_line_id for offer in await ClosureOffer.all()}
    assert asked == {line.id for line in await OrderLine.filter(order_id__in=[late.id, half_out.id])}
    assert (await Order.get(id=unpaid.id)).close_reason == "CANCELLED_BY_VENUE"
    await closing.withdraw(clerk=manager, closure_id=closed[0].public_id, why="照常开到八点", now=NOW)
    assert await turning.turn_courts(now=NOW) == 0, "what was taken back is not announced anew"
    await closing.take_refund(
        member_id=citizen.member_id, order_no=late.order_no, channels=outside.channels, now=NOW
    )
    assert (await Order.get(id=late.id)).status == "CLOSED"
    for untouched in (before, inside, half_out):
        assert (await Order.get(id=untouched.id)).status == "PAID"


async def test_a_session_outside_the_new_hours_is_sold_no_more_and_who_has_a_ticket_is_asked_as_under_a_closure(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    await a_plan(hall.venue, 14 * 60, 16 * 60)
    await a_plan(hall.venue, 20 * 60, 22 * 60)
    await a_plan(hall.venue, 19 * 60, 21 * 60, name="训练池")  # at the same time, and within the new hours
    await make_sessions(now=NOW)

    async def of(days: int, hour: int) -> Session:
        return await Session.get(starts_at=at(hour, days=days))

    people = [await a_person() for _ in range(5)]
    beside = await a_paid_order(outside, people[4], places(await of(3, 19)))
    before, late, noon = [
        await a_paid_order(outside, person, places(await of(days, hour), 2))
        for person, days, hour in zip(people[:3], (2, 3, 3), (20, 20, 14), strict=True)
    ]
    unpaid = await an_order(people[3], places(await of(3, 20)))
    wish = from_then(a_week(8, 21))
    said = await seen(manager, hall, wish)
    assert (said.bookings, said.bookings_outside) == (4, 2)
    assert [(each.order_no, each.court_name, each.people) for each in said.listed] == [
        (late.order_no, "大众池", 2),
        (unpaid.order_no, "大众池", 1),
    ]
    assert said.promise.startswith("已有2个预订在新的开放时间之外")
    assert "大众池20:00–22:00共28场的时间不在新的开放时间之内，不再售票。" in said.changes
    assert not await Session.filter(is_open=False).exists(), "a preview changes nothing"

    await written(manager, hall, wish)
    shut = await Session.filter(is_open=False).values_list("starts_at", flat=True)
    assert set(shut) == {at(20, days=days) for days in range(3, 31)}, "at once, and only from that day on"
    other = await a_person()
    assert (await refused(an_order(other, places(await of(3, 20)))))[0] == "SESSION_UNKNOWN"
    shown = await sessions(venue_id=hall.venue.public_id, sport=None, day=LATER, now=NOW)
    assert [(each.facts.starts_at, each.status) for each in shown] == [
        (at(hour, days=3), SlotStatus.AVAILABLE) for hour in (14, 19)
    ]
    (closed,) = await Closure.all()
    assert (closed.starts_at, closed.ends_at, closed.reason) == (
        at(20, days=3), at(22, days=3), "开放时间调整"
    )  # fmt: skip
    assert await closing.mind(channels=outside.channels, now=NOW) == 2
    for _ in range(2):
        assert await make_sessions(now=NOW) == await turning.turn_courts(now=NOW) == 0
        assert await closing.mind(channels=outside.channels, now=NOW) == 0, "nobody is asked twice"
    asked = await OrderLine.get(order_id=late.id)
    assert [offer.order_line_id for offer in await ClosureOffer.all()] == [asked.id]
    assert (await Order.get(id=unpaid.id)).close_reason == "CANCELLED_BY_VENUE"
    await closing.take_refund(
        member_id=people[1].member_id, order_no=late.order_no, channels=outside.channels, now=NOW
    )
    assert (await Order.get(id=late.id)).status == "CLOSED"
    assert await closed_lines(beside.id) == frozenset(), "who cancels there does so on their own terms"
    assert await HeldPlace.all().count() == 3
    for untouched in (before, noon, beside):
        assert (await Order.get(id=untouched.id)).status == "PAID"

    swimming = from_then([*a_week(8, 21), *a_week(6, 22, "SWIMMING")], note="泳池照旧")
    await written(manager, hall, swimming)
    shut = await Session.filter(is_open=False).values_list("starts_at", flat=True)
    assert shut == [at(20, days=3)], "the pool has hours of its own again, but whoever bought there would be asked"
    await an_order(other, places(await of(4, 20)))
    await closing.withdraw(clerk=manager, closure_id=closed.public_id, why="照常开放", now=NOW)
    assert await make_sessions(now=NOW) == 1
    await an_order(other, places(await of(3, 20)))
    assert await closing.mind(channels=outside.channels, now=NOW) == 0


async def test_hours_that_cannot_be_are_refused_by_name_when_they_are_previewed_and_written(db: Database) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    files = from_then(a_week(8, 22))
    for wrong, code, field in (
        (files, "BAD_INPUT", "openings"),
        (from_then([*a_week(8, 20), *a_week(9, 10, "TENNIS")]), "BAD_INPUT", "openings"),
        (from_then([Opening(0, 480, 510)]), "BAD_INPUT", "openings"),
        (from_then(a_week(8, 20), note=""), "BAD_INPUT", "note"),
        (from_then(a_week(8, 20), from_day=TOMORROW - timedelta(days=2)), "BAD_INPUT", "fromDay"),
    ):
        assert await refused(seen(manager, hall, wrong)) == (code, field)
        assert await refused(written(manager, hall, wrong, expected="never seen")) == (code, field)
    looked = (await seen(manager, hall, from_then(a_week(8, 20)))).change_hash
    await written(manager, hall, from_then(a_week(8, 21)), key="a-key-of-mine")
    late = from_then(a_week(8, 20))
    assert await refused(written(manager, hall, late, expected=looked)) == ("PREVIEW_CHANGED", "expectedChange")
    assert await refused(written(manager, hall, late, key="a-key-of-mine")) == (
        "IDEMPOTENCY_KEY_REUSED", "idempotencyKey"
    )  # fmt: skip
    stranger = await a_manager(await a_hall(ref="SC007"))
    assert (await refused(seen(stranger, hall, late)))[0] == "NOT_ALLOWED"
    assert await HoursVersion.all().values_list("number", flat=True) == [1]
    assert await OpeningHours.filter(version=1).count() == 7
    assert not await OpeningHours.filter(version__gt=1).exists()


@pytest.mark.postgres
async def test_of_those_who_book_while_hours_are_shortened_nobody_stays_unasked(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    people = [await a_person() for _ in range(6)]
    wish = from_then(a_week(8, 9))
    looked = (await seen(manager, hall, wish)).change_hash
    booked = await asyncio.gather(
        *(an_order(person, wanted(hall.badminton, at(9 + n, days=3))) for n, person in enumerate(people)),
        *(written(manager, hall, wish, expected=looked, key="one-of-two") for _ in range(2)),
        return_exceptions=True,
    )
    assert booked[-2:] == [1, 1]
    for each in booked[:-2]:
        assert not isinstance(each, BaseException) or getattr(each, "code", "") == "SLOT_UNKNOWN"
    await turning.turn_courts(now=NOW)
    await closing.mind(channels=outside.channels, now=NOW)
    assert not await HeldCell.all().exists(), "they had not paid: what they held is ended under the closure"
    assert await Order.filter(status="CLOSED").count() == sum(isinstance(each, Order) for each in booked)
    assert not await database.rows("SELECT id FROM orders WHERE status <> 'CLOSED'")
