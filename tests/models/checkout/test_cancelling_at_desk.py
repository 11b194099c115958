"""Who was booked for at a desk and cannot come gives it up there, by everybody's rules: else three days on which they stayed
at home would keep them from booking, and their money would be gone."""

from datetime import datetime, timedelta

import pytest

from models.booking.tables import HeldCell
from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.cancelling import RefundQuote
from models.checkout.cancelling_at_desk import cancel_at_desk, quote_at_desk
from models.errors import DomainError, ErrorCode
from models.messages.tables import Message
from models.orders.rules import Channel
from models.orders.tables import Order, Refund
from models.shifts.operations import open_shift
from models.staff.rules import StaffSignedIn
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Person as Payer
from tests.factories.booking import a_hall, an_order, at, wanted
from tests.factories.families import somebody
from tests.factories.names import authority, authority_folder
from tests.factories.people import a_clerk
from tests.models.checkout.test_people_at_desk import NO_CHANNELS, Desk, desk

__all__ = ["authority", "authority_folder", "desk"]


async def paid(desk: Desk, hour: int, *, key: str = "one-booking") -> Order:
    """Tomorrow, in cash."""
    order = await desk.books(wanted(desk.hall.badminton, at(hour)), key=key)
    await take_money(
        clerk=desk.clerk,
        order_no=order.order_no,
        money=MoneyGiven(channel=Channel.CASH, given_fen=order.total_fen),
        key=f"payment-of-{key}",
        channels=NO_CHANNELS,
        now=desk.now,
    )
    return await Order.get(id=order.id)


async def quoted(desk: Desk, order_no: str, *, clerk: StaffSignedIn | None = None) -> RefundQuote:
    return await quote_at_desk(
        clerk=clerk or desk.clerk,
        person_id=desk.person.public_id,
        order_no=order_no,
        venue_id=desk.hall.venue.public_id,
        keys=ID_KEYS,
        now=desk.now,
    )


async def gives_up(
    desk: Desk,
    order_no: str,
    expected_fen: int,
    *,
    clerk: StaffSignedIn | None = None,
    later: timedelta = timedelta(),
) -> None:
    await cancel_at_desk(
        clerk=clerk or desk.clerk,
        person_id=desk.person.public_id,
        order_no=order_no,
        expected_refund_fen=expected_fen,
        venue_id=desk.hall.venue.public_id,
        keys=ID_KEYS,
        channels=NO_CHANNELS,
        now=desk.now + later,
    )


@pytest.fixture(autouse=True)
async def _drawer(desk: Desk) -> None:
    await open_shift(clerk=desk.clerk, venue_id=desk.hall.venue.public_id, float_fen=0, now=desk.now)


async def test_what_lies_ahead_is_seen_quoted_and_given_up_once_by_everybodys_rules(
    desk: Desk, now: datetime
) -> None:
    order = await paid(desk, 18)
    (ahead,) = (await desk.sees(now=now)).ahead
    assert (ahead.order_no, ahead.starts_at, ahead.titles) == (order.order_no, at(18), "羽毛球1号场")
    quote = await quoted(desk, order.order_no)
    assert 0 < quote.total_fen <= order.total_fen
    for _ in range(2):
        await gives_up(desk, order.order_no, quote.total_fen)
    assert (await desk.sees(now=now)).ahead == []
    assert not await HeldCell.all().exists()
    (refund,) = await Refund.all()
    assert (refund.amount_fen, refund.status) == (quote.total_fen, "AT_DESK")
    assert await Message.filter(member_id=desk.person.member_id, template="ORDER_CANCELLED").count() == 1


async def test_what_is_not_paid_yet_is_given_up_as_well_and_is_not_ahead_once_its_time_is_over(
    desk: Desk, now: datetime
) -> None:
    order = await desk.books(wanted(desk.hall.badminton, at(18)))
    assert [each.order_no for each in (await desk.sees(now=now)).ahead] == [order.order_no]
    assert order.hold_expires_at is not None
    assert (await desk.sees(now=order.hold_expires_at)).ahead == []
    assert (await quoted(desk, order.order_no)).total_fen == 0
    await gives_up(desk, order.order_no, 0)
    assert (await desk.sees(now=now)).ahead == []
    assert (await Order.get(id=order.id)).status == "CLOSED"
    assert not await Refund.all().exists()


async def test_another_sum_than_was_read_out_gives_up_nothing(desk: Desk, now: datetime) -> None:
    order = await paid(desk, 18)
    quote = await quoted(desk, order.order_no)
    with pytest.raises(DomainError) as refused:
        await gives_up(desk, order.order_no, quote.total_fen + 1)
    assert refused.value.code == ErrorCode.REFUND_CHANGED
    assert not await Refund.all().exists()
    assert [each.order_no for each in (await desk.sees(now=now)).ahead] == [order.order_no]


async def test_only_of_whoever_is_here_only_at_this_venue_and_only_by_who_read_the_card(desk: Desk) -> None:
    order = await paid(desk, 18)
    other = await somebody()
    theirs = await an_order(Payer(other.id, ""), wanted(desk.hall.badminton_2, at(18)), now=desk.now)
    elsewhere = await a_hall(name="别处")
    hers = await an_order(Payer(desk.person.member_id, ""), wanted(elsewhere.badminton, at(9)), now=desk.now)
    assert [each.order_no for each in (await desk.sees(now=desk.now)).ahead] == [order.order_no]
    colleague = await a_clerk(desk.hall.venue.public_id)
    for order_no, code, clerk, later in (
        (theirs.order_no, ErrorCode.ORDER_UNKNOWN, None, 0),
        (hers.order_no, ErrorCode.ORDER_UNKNOWN, None, 0),
        (order.order_no, ErrorCode.MEMBER_UNKNOWN, colleague, 0),
        (order.order_no, ErrorCode.MEMBER_UNKNOWN, None, 31),
    ):
        with pytest.raises(DomainError) as refused:
            await gives_up(desk, order_no, 0, clerk=clerk, later=timedelta(minutes=later))
        assert refused.value.code == code
        assert refused.value.next_step
    with pytest.raises(DomainError, match="没有找到"):
        await quoted(desk, theirs.order_no)
    assert not await Order.filter(status="CLOSED").exists()
    assert not await Refund.all().exists()
