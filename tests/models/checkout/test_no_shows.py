"""Who does not come in time loses the slot and has a no-show: once, told, by the venue's rule, and only where a door worked."""

from datetime import datetime, timedelta

import pytest

from models.admissions.tables import Admission
from models.attendance.rules import Fate
from models.attendance.tables import Attendance, BookingPause
from models.booking.queries import slots
from models.booking.rules import SlotStatus
from models.booking.tables import HeldCell
from models.calendar import business_day
from models.checkout.cancelling import Cancellation, cancel, cancel_order
from models.checkout.no_shows import decide_due
from models.checkout.placing import PlacedBy, place_order
from models.checkout.refunding import send_due_refunds
from models.errors import DomainError, ErrorCode
from models.messages.tables import Message
from models.orders.rules import RefundParty
from models.orders.tables import FinanceEvent, Order, Refund, RefundLine
from models.staff.rules import Role
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import (
    a_strict_hall,
    attendance_of,
    code_for,
    decide,
    desk_scans,
    free_order,
    the_desk_works,
)
from tests.factories.booking import a_paid_order, a_person, an_order, at, wanted
from tests.factories.families import a_ward, somebody
from tests.factories.names import Authority, authority, authority_folder
from tests.factories.names import a_person as a_named
from tests.factories.people import a_clerk
from tests.factories.vouchers import a_campaign, a_voucher
from tests.models.checkout.test_closing import announce, storm
from tests.outside import Outside

__all__ = ["authority", "authority_folder"]

MINUTE, MOMENT = timedelta(minutes=1), timedelta(microseconds=1)
LATE, OVER = at(8, 15), at(9)


async def templates_told(member_id: int) -> list[str]:
    return [each.template for each in await Message.filter(member_id=member_id).order_by("id")]


async def test_nobody_came_so_the_slot_is_others_and_the_member_is_told_once(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8), people=2)
    await the_desk_works(clerk, hall.venue, at(8, 5))

    shown_before = await code_for(order, LATE - MOMENT)
    assert (await decide(order, LATE - MOMENT)).fate is Fate.WAIT
    assert await HeldCell.all().count() == 2
    assert await decide_due(channels={}, now=LATE) == 1

    decided = await attendance_of(order)
    assert (decided.state, decided.was_released, decided.decided_at) == ("NO_SHOW", True, LATE)
    assert await HeldCell.all().count() == 0
    assert {each.revoked_for for each in await Admission.all()} == {"NO_SHOW"}
    assert (await Order.get(id=order.id)).status == "PAID"
    grid = await slots(venue_id=hall.venue.public_id, sport="BADMINTON", day=business_day(LATE), now=at(7))
    assert {slot.status for court in grid for slot in court.slots} == {SlotStatus.AVAILABLE}
    assert await templates_told(person.member_id) == ["ORDER_CONFIRMED", "NO_SHOW"]
    (message,) = await Message.filter(template="NO_SHOW")
    assert message.values["when"] == "11月21日 08:15"
    assert "释放" in message.values["slot"]

    assert (await desk_scans(clerk, hall.venue, shown_before, LATE)).outcome == "SLOT_RELEASED"
    with pytest.raises(DomainError) as refused:
        await code_for(order, at(8, 20))
    assert refused.value.code is ErrorCode.SLOT_RELEASED
    assert await decide_due(channels={}, now=LATE + MINUTE) == 0, "the second time changes nothing"
    assert await templates_told(person.member_id) == ["ORDER_CONFIRMED", "NO_SHOW"]


async def test_one_who_came_in_keeps_the_slot_for_all_of_them_also_when_they_came_late(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    in_time, late = [await a_person() for _ in range(2)]
    first = await free_order(in_time, hall.badminton, at(8), people=2)
    second = await free_order(late, hall.badminton_2, at(8))
    for order, when in ((first, at(7, 50)), (second, at(8, 20))):
        assert (await desk_scans(clerk, hall.venue, await code_for(order, when), when)).outcome == "ENTERED"
    assert await decide_due(channels={}, now=at(8, 30)) == 0
    assert {each.state for each in await Attendance.all()} == {"CAME"}
    assert await HeldCell.all().count() == 4


async def test_a_worker_that_was_down_counts_what_is_over_and_releases_nothing(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8))
    await the_desk_works(clerk, hall.venue, at(8, 5))
    assert await decide_due(channels={}, now=OVER + timedelta(days=3)) == 1
    decided = await attendance_of(order)
    assert (decided.state, decided.was_released) == ("NO_SHOW", False)
    assert await HeldCell.all().count() == 2
    assert {each.revoked_at for each in await Admission.all()} == {None}
    (message,) = await Message.filter(template="NO_SHOW")
    assert message.values["slot"] == ""


async def test_where_no_door_worked_that_day_nobody_is_punished(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    order = await free_order(await a_person(), hall.badminton, at(8))
    await the_desk_works(clerk, hall.venue, at(22, days=0))
    await the_desk_works(clerk, hall.venue, OVER)
    assert await decide_due(channels={}, now=LATE) == 0
    assert (await attendance_of(order)).state == "EXPECTED"
    assert await HeldCell.all().count() == 2
    assert await decide_due(channels={}, now=OVER) == 0
    assert (await attendance_of(order)).state == "EXCUSED"
    assert not await Message.filter(template="NO_SHOW").exists()


async def test_what_was_cancelled_is_no_no_show_and_a_venue_that_waits_for_nobody_has_none(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8))
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels={}, now=at(7))
    relaxed, _ = await a_strict_hall(check_in_minutes=None, no_shows=None, no_show_days=None, pause_days=None)
    await free_order(person, relaxed.badminton, at(8))
    await the_desk_works(clerk, hall.venue, at(8, 5))
    assert await decide_due(channels={}, now=LATE) == 0
    assert [each.state for each in await Attendance.all()] == ["EXCUSED"]


async def test_nobody_is_a_no_show_on_a_court_that_is_closed_though_the_closures_own_job_was_not_here_yet(
    db: Database,
) -> None:
    hall, clerk = await a_strict_hall()
    shut = await free_order(await a_person(), hall.badminton, at(8))
    open_ = await free_order(await a_person(), hall.badminton_2, at(8))
    manager = await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    await announce(manager, storm(hall, at(8), at(9), court_id=hall.badminton.public_id))
    await the_desk_works(clerk, hall.venue, at(8, 5))
    assert await decide_due(channels={}, now=LATE) == 1
    assert [(await attendance_of(order)).state for order in (shut, open_)] == ["EXCUSED", "NO_SHOW"]


async def test_the_venue_keeps_what_its_rule_says_and_the_books_are_even(db: Database, outside: Outside) -> None:
    hall, clerk = await a_strict_hall(no_show_kept_percent=75)
    person = await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))  # 40.00
    await the_desk_works(clerk, hall.venue, at(10, 5))
    await outside.switch_on(refund_seconds=0)
    assert await decide_due(channels=outside.channels, now=at(10, 15)) == 1
    await send_due_refunds(channels=outside.channels, now=at(10, 30))

    (refund,) = await Refund.all()
    assert (refund.amount_fen, refund.reason, refund.party) == (1000, "NO_SHOW", "MEMBER")
    (part,) = await RefundLine.all()
    assert (part.kept_fen, part.explanation) == (3000, "未按时到场，按本馆规则扣75%，退10.00元。")
    booked = {each.kind: each.amount_fen for each in await FinanceEvent.all()}
    assert booked["CHARGED"] - booked["WAIVED"] == booked["PAID"] - booked.get("REFUNDED", 1000)
    asked = Cancellation(order_id=order.id, line_nos=None, party=RefundParty.VENUE)
    with pytest.raises(DomainError) as refused:
        await cancel(asked, channels=outside.channels, now=at(10, 20))
    assert refused.value.code is ErrorCode.ORDER_STARTED
    assert "已按未到场处理" in refused.value.message


@pytest.mark.parametrize(("minimum_spend_fen", "refund_fen"), [(4000, 1000), (8000, 2000)])
async def test_of_what_vouchers_paid_nothing_is_given_back_as_they_pay_once_other_lines_are_cancelled(
    db: Database, outside: Outside, now: datetime, minimum_spend_fen: int, refund_fen: int
) -> None:
    """Twice 40.00 less 20.00, and one line is given up. Either the voucher still fits the other and pays half of it, or it
    went back, and all of the 40.00 is the citizen's own money. Half of what is theirs is kept."""
    hall, clerk = await a_strict_hall(no_show_kept_percent=50)
    person = await a_person()
    voucher = await a_voucher(person.member_id, await a_campaign(minimum_spend_fen=minimum_spend_fen))
    lines = wanted(hall.badminton, at(10)), wanted(hall.badminton_2, at(10))
    order = await a_paid_order(outside, person, *lines, vouchers=[voucher.public_id], now=now)
    asked = Cancellation(order_id=order.id, line_nos=frozenset([2]))
    await cancel(asked, channels=outside.channels, now=now)
    await the_desk_works(clerk, hall.venue, at(10, 5))
    assert await decide_due(channels=outside.channels, now=at(10, 15)) == 1
    refund = await Refund.get(reason="NO_SHOW")
    assert refund.amount_fen == refund_fen
    assert (await RefundLine.get(refund_id=refund.id)).kept_fen == refund_fen


async def test_three_no_shows_are_a_pause_that_says_until_when_and_lifts_then(db: Database) -> None:
    hall, clerk = await a_strict_hall()
    person, other = await a_person(), await a_person()
    for days in (1, 2, 3):
        await free_order(person, hall.badminton, at(8, days=days))
        await the_desk_works(clerk, hall.venue, at(8, days=days))
        assert await BookingPause.all().count() == 0
        assert await decide_due(channels={}, now=at(8, 15, days=days)) == 1
    (pause,) = await BookingPause.all()
    began = at(8, 15, days=3)
    assert (pause.no_shows, pause.starts_at, pause.ends_at) == (3, began, began + timedelta(days=30))
    assert {each.pause_id for each in await Attendance.all()} == {pause.id}
    assert "BOOKING_PAUSED" in await templates_told(person.member_id)

    async def tried(now: datetime) -> Order:
        return await an_order(person, wanted(hall.badminton, at(8, days=34)), key="the same request", now=now)

    with pytest.raises(DomainError) as refused:
        await tried(pause.ends_at - MOMENT)
    assert refused.value.code is ErrorCode.BOOKING_PAUSED
    assert "12月23日 08:15恢复" in refused.value.message
    assert not await Order.filter(member_id=person.member_id, placed_at__gt=began).exists()
    elsewhere, _ = await a_strict_hall()
    assert (await free_order(person, elsewhere.badminton, at(8, days=5), now=began)).status == "PAID"
    assert (await free_order(other, hall.badminton, at(8, days=5), now=began)).status == "PAID"
    assert (await tried(pause.ends_at)).status == "PAID"


async def test_no_shows_that_led_to_a_pause_lead_to_no_other(db: Database) -> None:
    hall, clerk = await a_strict_hall(no_shows=2, pause_days=1)
    person = await a_person()
    for days in (1, 2, 4, 6):
        await free_order(person, hall.badminton, at(8, days=days), now=at(7, days=days))
        await the_desk_works(clerk, hall.venue, at(8, days=days))
        await decide_due(channels={}, now=at(8, 15, days=days))
    assert await BookingPause.all().count() == 2
    assert [each.no_shows for each in await BookingPause.all()] == [2, 2]


async def test_a_childs_no_show_is_its_guardians_who_booked(db: Database, authority: Authority) -> None:
    hall, clerk = await a_strict_hall(no_shows=1)
    mother, child = a_named("陈静", "19850412"), a_named("陈小宝", "20180101")
    await authority.knows(mother, child)
    guardian = await somebody(mother)
    ward = await a_ward(guardian, child, authority)

    async def books(days: int, now: datetime) -> str:
        return await place_order(
            member_id=ward.id,
            lines=[wanted(hall.badminton, at(8, days=days))],
            idempotency_key=f"day-{days}",
            placed_by=PlacedBy(member_id=guardian.id),
            keys=ID_KEYS,
            channels={},
            now=now,
        )

    order = await Order.get(order_no=await books(1, at(7)))
    await the_desk_works(clerk, hall.venue, at(8))
    await decide(order, LATE)
    (pause,) = await BookingPause.all()
    assert pause.member_id == guardian.id
    assert pause.person_id is not None
    with pytest.raises(DomainError, match="替孩子预订也已暂停"):
        await books(2, at(9))
