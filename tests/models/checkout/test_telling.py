"""What members find in their inbox of their orders and refunds: each thing once, with what happened it or not at all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.handing_out import hand_out_refund
from models.checkout.refunding import send_due_refunds
from models.checkout.staff_refunding import cancel_for_venue, redirect_refund
from models.errors import DomainError
from models.messages.queries import inbox
from models.orders.tables import Order, Refund
from models.shifts.operations import open_shift
from tests.databases import Database
from tests.factories.booking import Person, a_hall, a_paid_order, a_person, an_order, at, invoke_payment, wanted
from tests.factories.people import a_clerk
from tests.outside import Outside

MINUTE = timedelta(minutes=1)


async def told(person: Person) -> Sequence[tuple[str, str]]:
    """Template and text, the first told first."""
    found = await inbox(member_id=person.member_id, first=20)
    return [(message.template, message.text) for message in reversed(found)]


async def names(person: Person) -> list[str]:
    return [template for template, _ in await told(person)]


async def test_a_paid_order_is_told_once_however_often_the_notice_comes(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(name="武侯体育馆"), await a_person()
    order = await an_order(person, wanted(hall.badminton_2, at(11)), wanted(hall.badminton, at(10)))
    assert await told(person) == []
    await outside.pay(await invoke_payment(outside, order, person))
    letter = (await outside.wait_for_letters(1)).pop()
    for _ in range(2):
        await outside.hand_in(letter, now=now)
    ((template, text),) = await told(person)
    assert template == "ORDER_CONFIRMED"
    assert text.startswith("武侯体育馆，羽毛球1号场 11月21日 10:00–11:00等2个时段，已预订成功。")


async def test_a_free_order_is_told_at_once_and_what_was_refused_is_not(db: Database) -> None:
    hall, person = await a_hall(market_fen_per_hour=0), await a_person()
    await an_order(person, wanted(hall.badminton, at(10)))
    assert await names(person) == ["ORDER_CONFIRMED"]
    with pytest.raises(DomainError):
        await an_order(person, wanted(hall.badminton, at(10)))
    assert await names(person) == ["ORDER_CONFIRMED"]


async def test_who_cancels_is_told_what_comes_back_and_then_that_it_came(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(name="武侯体育馆"), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    await outside.switch_on(refund_seconds=0)
    for _ in range(2):
        await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    await send_due_refunds(channels=outside.channels, now=now + MINUTE)
    await send_due_refunds(channels=outside.channels, now=now + 5 * MINUTE)
    _, cancelled, refunded = await told(person)
    assert cancelled[0] == "ORDER_CANCELLED"
    assert "您取消了武侯体育馆，羽毛球1号场 11月21日 10:00–11:00。应退40.00元，原路退回微信支付" in cancelled[1]
    assert refunded == (
        "REFUND_DONE",
        f"订单{order.order_no}的退款40.00元已由微信支付退回。您取消了预订，按退款规则退款。",
    )


async def test_what_ran_out_or_was_let_go_unpaid_is_not_told_but_what_the_venue_does_is(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    clerk = await a_clerk(hall.venue.public_id)
    expired = await an_order(person, wanted(hall.badminton, at(10)))
    assert await end_overdue_holds(channels=outside.channels, now=now + 16 * MINUTE) == 1
    given_up = await an_order(person, wanted(hall.badminton, at(11)))
    await cancel_order(member_id=person.member_id, order_no=given_up.order_no, channels=outside.channels, now=now)
    assert {(await Order.get(id=each.id)).status for each in (expired, given_up)} == {"CLOSED"}
    assert await told(person) == []
    unpaid = await an_order(person, wanted(hall.badminton, at(12)))
    await cancel_for_venue(
        clerk=clerk,
        order_no=unpaid.order_no,
        line_nos=None,
        reason="场馆停电",
        key="cancel-1",
        channels=outside.channels,
        now=now,
    )
    ((template, text),) = await told(person)
    assert template == "ORDER_CANCELLED_BY_VENUE"
    assert text.endswith("：场馆停电。没有需要退回的款项。")


async def test_each_cancelling_of_lines_by_the_venue_is_told_with_its_reason(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    clerk = await a_clerk(hall.venue.public_id)
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)), wanted(hall.badminton, at(10)))
    for line_no, reason in ((1, "场馆停电"), (2, "地板漏水")):
        for _ in range(2):
            await cancel_for_venue(
                clerk=clerk,
                order_no=order.order_no,
                line_nos=[line_no],
                reason=reason,
                key=f"cancel-{line_no}",
                channels=outside.channels,
                now=now,
            )
    _, first, second = await told(person)
    assert first[0] == second[0] == "ORDER_CANCELLED_BY_VENUE"
    assert "篮球全场" in first[1]
    assert "场馆停电。应退40.00元" in first[1]
    assert "羽毛球1号场" in second[1]
    assert "地板漏水。应退40.00元" in second[1]


async def test_a_refund_that_gets_stuck_is_told_as_are_its_way_to_the_desk_and_its_end(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    clerk = await a_clerk(hall.venue.public_id)
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    await outside.switch_on(refunds_end_as="ABNORMAL", refund_seconds=0)
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    for minutes in (1, 5, 10):
        await send_due_refunds(channels=outside.channels, now=now + minutes * MINUTE)
    stuck = ["ORDER_CONFIRMED", "ORDER_CANCELLED", "REFUND_STUCK"]
    assert await names(person) == stuck
    await outside.switch_on(refund_seconds=0, refund_interval_seconds=0)
    refund = await Refund.get()
    await redirect_refund(
        clerk=clerk, refund_no=refund.refund_no, card=None, note="本人到场", channels=outside.channels, now=now
    )
    await outside.quiet()
    await Refund.all().update(next_check_at=now)
    await send_due_refunds(channels=outside.channels, now=now)
    assert await names(person) == [*stuck, "REFUND_AT_DESK"]
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=20_000, now=now)
    for _ in range(2):
        await hand_out_refund(clerk=clerk, refund_no=refund.refund_no, slip_no="", key="hand-out-1", now=now)
    assert await names(person) == [*stuck, "REFUND_AT_DESK", "REFUND_DONE"]
    assert "在前台以现金退给您" in (await told(person))[-1][1]


async def test_a_refund_that_the_channel_closed_is_told_as_stuck(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    await outside.switch_on(refunds_end_as="CLOSED", refund_seconds=0)
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    for minutes in (1, 5):
        await send_due_refunds(channels=outside.channels, now=now + minutes * MINUTE)
    assert await names(person) == ["ORDER_CONFIRMED", "ORDER_CANCELLED", "REFUND_STUCK"]
