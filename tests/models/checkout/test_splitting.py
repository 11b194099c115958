"""Several pay one order: booked once when all have paid, and never for less; what is missing is given back or taken over."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from models.attendance.tables import BookingPause
from models.booking.tables import HeldCell
from models.checkout.at_desk import MoneyGiven, order_at_desk, take_money
from models.checkout.cancelling import cancel_order, refund_quote
from models.checkout.ending import end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.checkout.splitting import split_order
from models.checkout.splitting_queries import my_shares, order_shares
from models.checkout.staff_refunding import give_back
from models.errors import DomainError
from models.forwarding.tables import OutboxRow
from models.messages.tables import Message
from models.orders.rules import Channel
from models.orders.tables import FinanceEvent, Order, Payment, PaymentShare, Refund, RefundLine, RefundRule
from models.privacy.deleting import standing
from tests.databases import Database
from tests.factories.accounts import ID_KEYS, an_account, join, part
from tests.factories.booking import (
    Person,
    a_hall,
    a_person,
    an_order,
    at,
    census,
    invoke_alipay,
    invoke_payment,
    wanted,
)
from tests.factories.people import a_clerk
from tests.factories.splitting import (
    a_party,
    pays_share,
    share_page,
    share_sheet,
    split,
    takes_over,
    tie,
)
from tests.outside import Killed, Meddled, Outside, killed

QUARTER = timedelta(minutes=15)


async def books_of(order: Order) -> Counter[str]:
    sums: Counter[str] = Counter()
    for entry in await FinanceEvent.filter(order_id=order.id):
        sums[entry.kind] += entry.amount_fen
    return sums


async def refunds_arrive(outside: Outside, now: datetime) -> None:
    """WeChat Pay takes one refund of a payment a minute."""
    for minutes in (1, 12, 25, 40):
        await outside.travel(now + timedelta(minutes=minutes))
        await send_due_refunds(channels=outside.channels, now=now + timedelta(minutes=minutes))
    assert not await Refund.exclude(status="SUCCESS").exists()


async def heard(order: Order) -> dict[str, list[int]]:
    """Who was told that it is booked, by template."""
    told: dict[str, list[int]] = {}
    templates = ("ORDER_CONFIRMED", "SHARES_COMPLETE")
    for message in await Message.filter(template__in=templates, about_no=order.order_no).order_by("member_id"):
        told.setdefault(message.template, []).append(message.member_id)
    return told


async def refusal_of(act: object) -> str:
    before = await census()
    with pytest.raises(DomainError) as refused:
        await act  # type: ignore[misc]
    assert await census() == before
    assert refused.value.next_step
    return str(refused.value.code)


async def test_the_last_share_books_it_once_and_cancelling_gives_each_their_part_of_the_refund(
    db: Database, outside: Outside, now: datetime
) -> None:
    await outside.switch_on(refund_seconds=0)
    await RefundRule.create(
        party="MEMBER", minutes_before=0, kept_percent=20, kept_fen=0, provenance="TEST", source=""
    )
    party = await a_party(await a_hall(), hours=2)
    order, (booker, *others) = party.order, party.everybody
    shares = await split(party, outside.channels, now=now)
    assert [share.amount_fen for share in shares] == [2667, 2667, 2666]
    assert [share.share_no for share in await split(party, outside.channels, now=now)] == [
        1,
        2,
        3,
    ]  # twice is once
    asked = await Message.filter(template="SHARE_ASKED").order_by("member_id")
    assert [message.member_id for message in asked] == sorted(other.member_id for other in others)
    for person in party.everybody[:2]:
        assert await pays_share(outside, order, person, now=now) == "SETTLED"
        assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"
        assert not await OutboxRow.exists()
        assert not await Message.filter(template__in=["ORDER_CONFIRMED", "SHARES_COMPLETE"]).exists()
    (mine,) = await my_shares(member_id=others[0].member_id, keys=ID_KEYS, now=now)
    assert (mine.order_no, mine.amount_fen, mine.state, mine.booked_by_me) == (order.order_no, 2667, "PAID", False)
    assert await refusal_of(share_sheet(outside, order, others[0], now=now)) == "ORDER_ALREADY_PAID"
    assert await pays_share(outside, order, others[1], now=now) == "SETTLED"
    assert (await Order.get(id=order.id)).status == "PAID"
    assert await outside.hand_in(outside.letters[-1], now=now) == "ALREADY"
    assert await heard(order) == {
        "ORDER_CONFIRMED": [booker.member_id],
        "SHARES_COMPLETE": sorted(other.member_id for other in others),
    }
    assert await OutboxRow.filter(subject=f"order:{order.order_no}").count() == 1
    assert await books_of(order) == {"CHARGED": 8000, "PAID": 8000}

    quote = await refund_quote(member_id=booker.member_id, order_no=order.order_no, line_nos=[1], now=now)
    assert (quote.total_fen, "各人" in quote.way_back) == (3200, True)
    for line_no in (1, 2):
        await cancel_order(
            member_id=booker.member_id,
            order_no=order.order_no,
            line_nos=[line_no],
            expected_refund_fen=3200,
            channels=outside.channels,
            now=now,
        )
    await refunds_arrive(outside, now)
    back = [(await Refund.filter(payment_id=each.id)) for each in await Payment.all().order_by("share_id")]
    assert [[refund.amount_fen for refund in refunds] for refunds in back] == [
        [1067, 1067],
        [1067, 1067],
        [1066, 1066],
    ]
    assert sum(each.kept_fen for each in await RefundLine.all()) == 1600
    assert (await outside.books())["sums"]["kept_fen"] == 1600
    assert await books_of(order) == {"CHARGED": 8000, "PAID": 8000, "WAIVED": 6400, "REFUNDED": 6400}
    told = Counter([message.member_id for message in await Message.filter(template="REFUND_DONE")])
    assert told == {person.member_id: 2 for person in party.everybody}
    assert "按您付的份额" in back[1][0].reason_text


async def test_a_hold_that_ends_with_a_share_missing_books_nothing_and_gives_each_paid_share_back(
    db: Database, outside: Outside, now: datetime
) -> None:
    await outside.switch_on(refund_seconds=0)
    party = await a_party(await a_hall())
    order, (booker, first, second) = party.order, party.everybody
    await split(party, outside.channels, now=now)
    for person in (booker, first):
        await pays_share(outside, order, person, now=now)
    sheet = await share_sheet(outside, order, second, now=now)
    later = order.hold_expires_at
    await outside.travel(later)
    dying = {name: Meddled(channel, after={"close": killed}) for name, channel in outside.channels.items()}
    with pytest.raises(Killed):  # between the channel's close and ours: the next sweep does it again
        await end_overdue_holds(channels=dying, now=later)
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"
    assert await end_overdue_holds(channels=outside.channels, now=later) == 1
    assert (await outside.try_to_pay(sheet, late=True)).status_code != 200
    order = await Order.get(id=order.id)
    assert (order.status, order.close_reason, await HeldCell.all().count()) == ("CLOSED", "EXPIRED", 0)
    written = await Refund.all().order_by("id")
    assert [(refund.amount_fen, refund.status) for refund in written] == [(1334, "INTENDED"), (1333, "INTENDED")]
    assert {refund.reason for refund in written} == {"SPLIT_UNFINISHED"}
    await refunds_arrive(outside, later)
    assert (await outside.books())["sums"]["kept_fen"] == 0
    assert await books_of(order) == {"CHARGED": 4000, "WAIVED": 4000, "PAID": 2667, "REFUNDED": 2667}
    states = [share.state for share in await PaymentShare.all().order_by("share_no")]
    assert states == ["GIVEN_BACK", "GIVEN_BACK", "LAPSED"]
    assert not await OutboxRow.exists()
    assert await refusal_of(share_sheet(outside, order, second, now=later)) == "ORDER_CLOSED"


async def test_whoever_booked_takes_over_what_is_missing_and_what_is_paid_twice_goes_back(
    db: Database, outside: Outside, alipay: object, now: datetime
) -> None:
    await outside.switch_on(refund_seconds=0)
    party = await a_party(await a_hall())
    order, (booker, first, second) = party.order, party.everybody
    await split(party, outside.channels, now=now)
    await pays_share(outside, order, first, now=now)
    page = await share_page(outside, order, second, now=now)  # Alipay cannot close what nobody has opened yet
    await takes_over(party, outside.channels, now=now)
    await takes_over(party, outside.channels, now=now)  # twice is once
    assert [(share.amount_fen, share.state) for share in await PaymentShare.all().order_by("share_no")] == [
        (1334, "TAKEN_OVER"),
        (1333, "PAID"),
        (1333, "TAKEN_OVER"),
        (2667, "OPEN"),
    ]
    assert await refusal_of(share_sheet(outside, order, second, now=now)) == "SHARE_TAKEN_OVER"
    assert outside.alipay
    assert (await outside.alipay.try_to_pay(page)).status_code == 200  # pays on the page that was still open
    await outside.quiet()
    await check_due_payments(channels=outside.channels, now=now + timedelta(minutes=1))
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"  # it is the booker's to pay, and still held
    assert await pays_share(outside, order, booker, now=now) == "SETTLED"
    assert (await Order.get(id=order.id)).status == "PAID"
    assert await heard(order) == {"ORDER_CONFIRMED": [booker.member_id], "SHARES_COMPLETE": [first.member_id]}, (
        "whoever's share was taken over has paid nothing, and is not told"
    )
    await refunds_arrive(outside, now)
    (twice,) = await Refund.all()
    payment = await Payment.get(id=twice.payment_id)
    assert (twice.reason, payment.channel) == ("PAID_TWICE", "ALIPAY")
    assert payment.status == "SURPLUS"
    assert await books_of(order) == {"CHARGED": 4000, "PAID": 5333, "REFUNDED": 1333}
    shown = await order_shares(member_id=booker.member_id, order_no=order.order_no, keys=ID_KEYS, now=now)
    assert [share.is_mine for share in shown] == [True, False, False, True]


async def test_what_was_begun_for_the_whole_price_ends_when_it_is_split(
    db: Database, outside: Outside, alipay: object, now: datetime
) -> None:
    party = await a_party(await a_hall())
    order, booker = party.order, party.booker
    sheet = await invoke_payment(outside, order, booker, now=now)
    page = await invoke_alipay(outside, order, booker, now=now)
    await split(party, outside.channels, now=now)
    assert (await outside.try_to_pay(sheet, late=True)).status_code != 200  # closed at the channel
    assert outside.alipay
    assert (await outside.alipay.try_to_pay(page)).status_code == 200  # not to be closed, so it goes back
    await outside.quiet()
    await check_due_payments(channels=outside.channels, now=now + timedelta(minutes=1))
    assert [(refund.amount_fen, refund.reason) for refund in await Refund.all()] == [(4000, "PAID_TWICE")]
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"
    assert await refusal_of(invoke_payment(outside, order, booker, now=now)) == "ORDER_SPLIT"


async def test_it_is_refused_by_sentences_that_name_nobody(db: Database, outside: Outside, now: datetime) -> None:
    hall = await a_hall()
    party = await a_party(hall)
    order, (booker, first, _) = party.order, party.everybody
    stranger = await a_person()

    def asked(*ties: str) -> object:
        return split_order(
            member_id=booker.member_id, order_no=order.order_no, companion_ids=ties, channels={}, now=now
        )

    elsewhere = await tie(stranger, first)
    assert await refusal_of(asked(elsewhere)) == "RELATION_UNKNOWN"
    assert await refusal_of(asked()) == "BAD_INPUT"
    assert await refusal_of(asked(party.ties[0], party.ties[0])) == "BAD_INPUT"
    await BookingPause.create(
        public_id="pau_1",
        member_id=first.member_id,
        venue_id=hall.venue.id,
        no_shows=3,
        starts_at=now,
        ends_at=now + timedelta(days=30),
    )
    assert await refusal_of(asked(*party.ties)) == "BOOKING_PAUSED"
    await BookingPause.all().update(freed_at=now)
    theirs = split_order(
        member_id=stranger.member_id, order_no=order.order_no, companion_ids=[elsewhere], channels={}, now=now
    )
    assert await refusal_of(theirs) == "ORDER_UNKNOWN"
    assert await refusal_of(takes_over(party, {}, now=now)) == "SHARE_UNKNOWN"
    assert await refusal_of(share_sheet(outside, order, first, now=now)) == "SHARE_UNKNOWN"
    free = await an_order(booker, wanted((await a_hall(free_mornings=True)).badminton, at(8)), now=now)
    nothing = split_order(
        member_id=booker.member_id, order_no=free.order_no, companion_ids=party.ties, channels={}, now=now
    )
    assert await refusal_of(nothing) == "ORDER_FREE"
    clerk = await a_clerk(hall.venue.public_id)
    await split(party, outside.channels, now=now)
    assert await refusal_of(asked(party.ties[0])) == "ORDER_SPLIT"
    at_desk = take_money(
        clerk=clerk,
        order_no=order.order_no,
        money=MoneyGiven(channel=Channel.CASH, given_fen=20_000),
        key="cash-of-us",
        channels=outside.channels,
        now=now,
    )
    assert await refusal_of(at_desk) == "ORDER_SPLIT"
    await pays_share(outside, order, first, now=now)
    kind = give_back(
        clerk=clerk,
        order_no=order.order_no,
        amount_fen=1,
        note="灯光故障",
        key="kind-of-us",
        channels=outside.channels,
        now=now,
    )
    assert await refusal_of(kind) == "ORDER_SPLIT"  # it is not paid, and goes back whole if it never is
    seen = await order_at_desk(clerk=clerk, order_no=order.order_no)
    assert seen is not None
    assert seen.paid_by is None
    quote = await refund_quote(member_id=booker.member_id, order_no=order.order_no, now=now)
    assert "份额" in quote.way_back
    giving_up = {"member_id": booker.member_id, "order_no": order.order_no, "now": now}
    await cancel_order(**giving_up, channels=outside.channels)  # type: ignore[arg-type]
    assert [(refund.amount_fen, refund.reason) for refund in await Refund.all()] == [(1333, "SPLIT_UNFINISHED")]
    assert await refusal_of(share_sheet(outside, order, stranger, now=now)) == "SHARE_UNKNOWN"


async def test_named_companions_split_it_goodwill_is_for_all_and_accounts_move_with_their_shares(
    db: Database, outside: Outside, now: datetime
) -> None:
    await outside.switch_on(refund_seconds=0)
    hall, (kept, gone) = await a_hall(), [await an_account(openid=f"o-{n}") for n in range(2)]
    booker, friend, joined = (
        await a_person(),
        Person(kept.member_id, kept.openid),
        Person(gone.member_id, gone.openid),
    )
    ties = [await tie(booker, other) for other in (friend, joined)]
    order = await an_order(booker, wanted(hall.badminton, at(9), people=3, companions=ties), now=now)
    await split_order(
        member_id=booker.member_id, order_no=order.order_no, companion_ids=None, channels=outside.channels, now=now
    )
    members = [share.member_id for share in await PaymentShare.all().order_by("share_no")]
    assert members == [booker.member_id, friend.member_id, joined.member_id]
    await pays_share(outside, order, joined, now=now)
    leaving = await standing(member_id=joined.member_id, keys=ID_KEYS, now=now)
    assert ["路上" in reason.message for reason in leaving.in_the_way] == [True]
    merge_id = await join(kept, gone, now=now)
    assert await PaymentShare.filter(member_id=friend.member_id).count() == 2
    for person in (booker, friend):  # whoever they are now pays what is theirs to pay
        await pays_share(outside, order, person, now=now)
    assert (await Order.get(id=order.id)).status == "PAID"
    clerk = await a_clerk(hall.venue.public_id)
    for _ in range(2):
        await give_back(
            clerk=clerk,
            order_no=order.order_no,
            amount_fen=1000,
            note="灯光故障",
            key="kind-of-us",
            channels=outside.channels,
            now=now,
        )
    assert sorted(refund.amount_fen for refund in await Refund.all()) == [333, 333, 334]
    assert (await books_of(order))["WAIVED"] == 1000
    await part(kept, merge_id, now=now)
    assert [share.member_id for share in await PaymentShare.all().order_by("share_no")] == members
