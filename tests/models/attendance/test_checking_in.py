"""Coming in time without a door: the phone near the venue, or the clerk who sees them; within the minutes, and once."""

from datetime import timedelta
from typing import Any

import pytest

from maps.coordinates import CoordinateSystem, Point
from models.attendance.checking_in import check_in, check_in_at_desk
from models.attendance.tables import Attendance
from models.checkout.no_shows import decide_due
from models.errors import DomainError, ErrorCode
from tests.databases import Database
from tests.factories.attendance import a_strict_hall, attendance_of, decide, free_order, the_desk_works
from tests.factories.booking import a_person, an_order, at, wanted
from tests.factories.places import TIANFU_SQUARE
from tests.house import SENTENCE

HERE = Point(*TIANFU_SQUARE, CoordinateSystem.WGS84)
DOWN_THE_ROAD = Point(TIANFU_SQUARE[0] + 0.02, TIANFU_SQUARE[1], CoordinateSystem.WGS84)
ABROAD = Point(116.4, 39.9, CoordinateSystem.WGS84)
MOMENT = timedelta(microseconds=1)


async def refused(act: Any) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await act
    assert SENTENCE.fullmatch(refusal.value.sentence())
    return refusal.value


async def test_a_phone_at_the_venue_checks_in_from_the_opening_until_the_limit(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person, other = await a_person(), await a_person()
    order = await free_order(person, hall.badminton, at(8))
    asked: dict[str, Any] = {
        "member_id": person.member_id,
        "order_no": order.order_no,
        "line_no": 1,
        "place": HERE,
    }
    early = await refused(check_in(**asked, now=at(7, 30) - MOMENT))
    assert early.code is ErrorCode.CHECK_IN_NOT_NOW
    assert "07:30起可以签到" in early.message
    assert (await refused(check_in(**asked, now=at(8, 15)))).code is ErrorCode.CHECK_IN_NOT_NOW
    for place, said in ((DOWN_THE_ROAD, "还有约2公里"), (ABROAD, "还很远")):
        far = await refused(check_in(**asked | {"place": place}, now=at(8)))
        assert far.code is ErrorCode.TOO_FAR
        assert said in far.message
    strangers = check_in(**asked | {"member_id": other.member_id}, now=at(8))
    assert (await refused(strangers)).code is ErrorCode.ORDER_UNKNOWN
    assert (await attendance_of(order)).state == "EXPECTED"

    await check_in(**asked, now=at(8, 15) - MOMENT)
    came = await attendance_of(order)
    assert (came.state, came.decided_at, came.staff_id) == ("CAME", at(8, 15) - MOMENT, None)
    await check_in(**asked, now=at(8, 40))
    await the_desk_works(clerk, hall.venue, at(8, 16))
    assert await decide_due(channels={}, now=at(8, 16)) == 0
    assert (await attendance_of(order)).decided_at == at(8, 15) - MOMENT


async def test_a_clerk_checks_in_at_their_own_desk_and_that_shows_that_it_works(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    _, stranger = await a_strict_hall()
    came = await free_order(await a_person(), hall.badminton, at(8))
    missing = await free_order(await a_person(), hall.badminton_2, at(8))
    asked: dict[str, Any] = {"order_no": came.order_no, "line_no": 1, "now": at(8, 10)}
    assert (await refused(check_in_at_desk(clerk=stranger, **asked))).code is ErrorCode.ORDER_UNKNOWN
    await check_in_at_desk(clerk=clerk, **asked)
    assert (await attendance_of(came)).staff_id == clerk.staff_id
    assert await decide_due(channels={}, now=at(8, 15)) == 1
    assert (await attendance_of(missing)).state == "NO_SHOW"
    late = await refused(check_in_at_desk(clerk=clerk, order_no=missing.order_no, line_no=1, now=at(8, 16)))
    assert late.code is ErrorCode.SLOT_RELEASED


async def test_where_nobody_is_waited_for_nobody_checks_in(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person = await a_person()
    unpaid = await an_order(person, wanted(hall.badminton, at(10)))
    act = check_in_at_desk(clerk=clerk, order_no=unpaid.order_no, line_no=1, now=at(10))
    assert (await refused(act)).code is ErrorCode.CHECK_IN_NOT_NOW
    nothing = check_in_at_desk(clerk=clerk, order_no=unpaid.order_no, line_no=2, now=at(10))
    assert (await refused(nothing)).code is ErrorCode.ORDER_UNKNOWN
    assert await Attendance.all().count() == 0


async def test_who_was_released_hears_so_when_they_check_in(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8))
    await the_desk_works(clerk, hall.venue, at(8))
    await decide(order, at(8, 15))
    act = check_in(member_id=person.member_id, order_no=order.order_no, line_no=1, place=HERE, now=at(8, 20))
    assert (await refused(act)).code is ErrorCode.SLOT_RELEASED
