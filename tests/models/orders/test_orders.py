"""What a member reads of their orders, and the entries in an order's books."""

from datetime import datetime, timedelta

from models.checkout.cancelling import cancel_order
from models.database import operation
from models.ids import new_no
from models.orders.operations import book, lock_order, next_check
from models.orders.queries import lines_of, order_of, orders_of, refunds_of
from models.orders.rules import CHANNEL_WORDS, REASON_TEXTS, WAYS_BACK, Channel, FinanceKind, RefundReason
from models.orders.tables import FinanceEvent
from tests.databases import Database
from tests.factories.booking import a_hall, a_paid_order, a_person, an_order, at, wanted
from tests.outside import Outside


async def test_an_order_tells_its_own_member_everything(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)), wanted(hall.badminton, at(10)))
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    await outside.hand_in((await outside.wait_for_letters(1))[0], now=now)
    row = await order_of(member_id=person.member_id, order_no=order.order_no)
    assert row is not None
    assert (row["status"], row["close_reason"], row["venue_name"]) == ("CLOSED", "CANCELLED", hall.venue.name)
    assert (row["total_fen"], row["paid_fen"], row["refunded_fen"]) == (8000, 8000, 8000)
    lines = await lines_of([order.id])
    assert [(line["line_no"], line["court_name"]) for line in lines] == [(1, "篮球全场"), (2, "羽毛球1号场")]
    (refund,) = await refunds_of([order.id])
    assert (refund["amount_fen"], refund["status"]) == (8000, "SUCCESS")
    assert (refund["party"], refund["reason_text"]) == ("MEMBER", "您取消了预订，按退款规则退款")


async def test_a_strangers_order_is_as_unknown_as_one_that_never_was(db: Database) -> None:
    hall, stranger = await a_hall(), await a_person()
    order = await an_order(await a_person(), wanted(hall.full, at(9)))
    assert await order_of(member_id=stranger.member_id, order_no=order.order_no) is None
    assert await order_of(member_id=stranger.member_id, order_no="O20261120NOBODY") is None
    assert list(await orders_of(member_id=stranger.member_id, first=10, before_id=None)) == []


async def test_orders_come_latest_first_page_by_page(db: Database) -> None:
    hall, person = await a_hall(), await a_person()
    placed = [await an_order(person, wanted(hall.full, at(9, days=day))) for day in (1, 2, 3, 4, 5)]
    latest_first = [order.order_no for order in reversed(placed)]
    page = await orders_of(member_id=person.member_id, first=2, before_id=None)
    assert [row["order_no"] for row in page] == latest_first[:3]  # one more tells that there are further ones
    rest = await orders_of(member_id=person.member_id, first=5, before_id=page[1]["id"])
    assert [row["order_no"] for row in rest] == latest_first[2:]


async def test_an_entry_is_booked_once_for_its_number(db: Database, now: datetime) -> None:
    order = await an_order(await a_person(), wanted((await a_hall()).full, at(9)))

    @operation
    async def book_it(kind: FinanceKind, amount_fen: int) -> None:
        await book(await lock_order(order.id), kind, amount_fen, "P20261120TEST", now)

    await book_it(FinanceKind.PAID, 4000)
    await book_it(FinanceKind.PAID, 4000)
    await book_it(FinanceKind.REFUNDED, 1000)
    booked = await FinanceEvent.exclude(kind="CHARGED")
    assert sorted([entry.amount_fen for entry in booked]) == [1000, 4000]


def test_we_ask_again_after_fifteen_seconds_and_at_most_every_ten_minutes(now: datetime) -> None:
    waits = [(next_check(checks, now) - now).total_seconds() for checks in (0, 1, 2, 5, 6, 100, 10**6)]
    assert waits == [15, 30, 60, 480, 600, 600, 600]


def test_numbers_fit_wechat_pay_and_carry_the_local_date(now: datetime) -> None:
    late_evening = now + timedelta(hours=15)  # 01:00 on the 21st in Chengdu
    number = new_no("P", late_evening)
    assert number.startswith("P20261121")
    assert 6 <= len(number) <= 32
    assert number.isascii()
    assert number.isalnum()


def test_people_read_of_every_channel_and_reason() -> None:
    assert set(CHANNEL_WORDS) == set(WAYS_BACK) == set(Channel)
    assert set(REASON_TEXTS) == set(RefundReason)


def test_reasons_fit_wechats_refund_message() -> None:
    assert all(len(text) <= 80 for text in REASON_TEXTS.values())
