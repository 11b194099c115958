"""Cash, card slips and refunds at a venue's desk: who may, how often, and what the drawer says afterwards."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.admissions.tables import Admission
from models.checkout.at_desk import MoneyGiven, Receipt, order_at_desk, take_money
from models.checkout.ending import end_overdue_holds
from models.checkout.handing_out import hand_out_refund, refunds_at_desk
from models.checkout.paying import OpenedPayment, PaymentWanted, check_due_payments, pay_order
from models.checkout.refunding import send_due_refunds
from models.database import operation, rows
from models.errors import DomainError, ErrorCode
from models.orders.operations import intend_refund
from models.orders.rules import Channel, RefundParty, RefundReason
from models.orders.tables import FinanceEvent, Order, Payment, Refund
from models.shifts.operations import close_shift, open_shift
from models.shifts.queries import shift_of, takings_of
from models.shifts.tables import Shift
from models.staff.rules import StaffSignedIn
from payments.port import PaymentChannel, PaymentError, Way
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import Hall, Person, a_hall, a_person, an_order, at, census, wanted
from tests.factories.people import a_clerk
from tests.outside import WECHAT_PAY, Meddled, Outside

FLOAT_FEN = 20000
NO_CHANNELS: Mapping[str, PaymentChannel] = {}


@pytest.fixture
async def hall(db: Database) -> Hall:
    return await a_hall(free_mornings=True)


@pytest.fixture
async def clerk(hall: Hall) -> StaffSignedIn:
    """With an open shift."""
    return await at_work(hall)


async def at_work(hall: Hall, *, float_fen: int = FLOAT_FEN) -> StaffSignedIn:
    clerk = await a_clerk(hall.venue.public_id)
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=float_fen, now=NOW)
    return clerk


def key() -> str:
    return secrets.token_hex(8)


async def cash(
    clerk: StaffSignedIn,
    order: Order,
    given: int = 10000,
    *,
    key: str | None = None,
    channels: Mapping[str, PaymentChannel] = NO_CHANNELS,
    now: datetime = NOW,
) -> Receipt:
    return await take_money(
        clerk=clerk,
        order_no=order.order_no,
        money=MoneyGiven(channel=Channel.CASH, given_fen=given),
        key=key or secrets.token_hex(8),
        channels=channels,
        now=now,
    )


async def card(clerk: StaffSignedIn, order: Order, slip_no: str, *, key: str | None = None) -> Receipt:
    return await take_money(
        clerk=clerk,
        order_no=order.order_no,
        money=MoneyGiven(channel=Channel.CARD, slip_no=slip_no),
        key=key or secrets.token_hex(8),
        channels=NO_CHANNELS,
        now=NOW,
    )


async def by_phone(outside: Outside, order: Order, person: Person, *, now: datetime = NOW) -> OpenedPayment:
    return await pay_order(
        member_id=person.member_id,
        order_no=order.order_no,
        wanted=PaymentWanted(channel=WECHAT_PAY, way=Way.IN_APP, appid=outside.appid, payer=person.openid),
        channels=outside.channels,
        now=now,
    )


@operation
async def give_back(payment_no: str, amount_fen: int) -> str:
    """As cancelling does."""
    payment = await Payment.select_for_update().get(payment_no=payment_no)
    refund = await intend_refund(
        payment=payment, amount_fen=amount_fen, party=RefundParty.MEMBER, reason=RefundReason.CANCELLED, now=NOW
    )
    return refund.refund_no


async def hand_out(clerk: StaffSignedIn, refund_no: str, *, slip_no: str = "", key: str | None = None) -> Any:
    return await hand_out_refund(
        clerk=clerk, refund_no=refund_no, slip_no=slip_no, key=key or secrets.token_hex(8), now=NOW
    )


async def refusal_of(act: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await act
    assert refused.value.message.endswith("。")
    assert refused.value.next_step
    return refused.value


async def expected_in(clerk: StaffSignedIn) -> int:
    shift = await Shift.filter(staff_id=clerk.staff_id).order_by("-id").first()
    assert shift is not None
    return (await takings_of(shift.id)).expected_fen(shift.float_fen)


async def test_cash_pays_an_order_whole_and_the_change_is_told(hall: Hall, clerk: StaffSignedIn) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10), people=2))
    receipt = await cash(clerk, order, 10000)
    assert (receipt.amount_fen, receipt.given_fen, receipt.change_fen) == (4000, 10000, 6000)
    assert receipt.caution == ""
    (payment,) = await Payment.all()
    shift = await Shift.get()
    kept = (payment.channel, payment.way, payment.appid, payment.payer, payment.status, payment.amount_fen)
    assert kept == ("CASH", "", "", "", "SETTLED", 4000)
    assert (payment.shift_id, payment.paid_at, payment.next_check_at) == (shift.id, NOW, None)
    assert (await Order.get()).status == "PAID"
    assert await Admission.all().count() == 2
    assert [(event.kind, event.amount_fen) for event in await FinanceEvent.all().order_by("id")] == [
        ("CHARGED", 4000),
        ("PAID", 4000),
    ]
    assert [row["kind"] for row in await rows("SELECT kind FROM outbox")] == ["orders"]
    assert await expected_in(clerk) == FLOAT_FEN + 4000


async def test_a_card_is_recorded_with_its_slip_and_not_in_the_drawer(hall: Hall, clerk: StaffSignedIn) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    receipt = await card(clerk, order, "000123")
    assert (receipt.channel, receipt.slip_no, receipt.change_fen) == (Channel.CARD, "000123", 0)
    assert (await Payment.get()).reference == "000123"
    assert await expected_in(clerk) == FLOAT_FEN
    other = await an_order(await a_person(), wanted(hall.badminton, at(11)))
    refused = await refusal_of(card(clerk, other, "000123"))
    assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, "slipNo")


async def test_a_card_that_was_charged_in_vain_is_to_be_cancelled_at_its_terminal(
    hall: Hall, clerk: StaffSignedIn
) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    await cash(clerk, order)
    refused = await refusal_of(card(clerk, order, "000123"))
    assert refused.code is ErrorCode.ORDER_ALREADY_PAID
    assert "请在刷卡机上撤销" in refused.sentence()


async def test_the_same_key_is_the_same_receipt_and_another_hears_that_it_is_paid(
    hall: Hall, clerk: StaffSignedIn
) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    first = await cash(clerk, order, 5000, key="one-act-of-mine")
    assert await cash(clerk, order, 5000, key="one-act-of-mine", now=NOW + timedelta(days=1)) == first
    before = await census()
    for amount, again in ((5000, "another-key"), (6000, "one-act-of-mine")):
        refused = await refusal_of(cash(clerk, order, amount, key=again))
        assert refused.code is ErrorCode.ORDER_ALREADY_PAID
        assert "现金，10:00" in refused.message
        assert "不要再收钱" in refused.sentence()
    assert await census() == before


async def test_whole_orders_only(hall: Hall, clerk: StaffSignedIn) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    before = await census()
    refused = await refusal_of(cash(clerk, order, 3999))
    assert (refused.code, refused.field) == (ErrorCode.TOO_LITTLE_GIVEN, "amountGiven")
    assert refused.message == "应收40.00元，还差0.01元。"
    assert await census() == before


async def test_without_an_open_shift_here_no_money_is_taken_or_given(hall: Hall) -> None:
    other = await a_hall(name="城北体育馆")
    clerk = await a_clerk(hall.venue.public_id, other.venue.public_id)
    await open_shift(clerk=clerk, venue_id=other.venue.public_id, float_fen=0, now=NOW)
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    before = await census()
    for act in (cash(clerk, order), card(clerk, order, "000123")):
        assert (await refusal_of(act)).code is ErrorCode.SHIFT_NEEDED
    assert await census() == before
    refund_no = await give_back((await cash(await at_work(hall), order)).payment_no, 100)
    assert (await refusal_of(hand_out(clerk, refund_no))).code is ErrorCode.SHIFT_NEEDED
    assert (await Refund.get()).status == "AT_DESK"


async def test_an_order_of_another_venue_is_as_unknown_as_none(hall: Hall, clerk: StaffSignedIn) -> None:
    elsewhere = await a_hall(name="城北体育馆")
    order = await an_order(await a_person(), wanted(elsewhere.badminton, at(10)))
    said = {(await refusal_of(cash(clerk, order))).sentence()}
    order.order_no = "O20261120AAAAAAAAAAAA"
    said.add((await refusal_of(cash(clerk, order))).sentence())
    assert len(said) == 1
    assert await order_at_desk(clerk=clerk, order_no=(await Order.get()).order_no) is None


async def test_what_cannot_be_paid_is_refused_in_words(hall: Hall, clerk: StaffSignedIn) -> None:
    free = await an_order(await a_person(), wanted(hall.badminton, at(8)))
    late = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    before = await census()
    assert (await refusal_of(cash(clerk, free))).code is ErrorCode.ORDER_FREE
    assert (await refusal_of(cash(clerk, late, now=NOW + timedelta(minutes=15)))).code is ErrorCode.ORDER_CLOSED
    assert await census() == before


@pytest.mark.parametrize(
    ("money", "field"),
    [
        (MoneyGiven(channel=Channel.CASH), "amountGiven"),
        (MoneyGiven(channel=Channel.CASH, given_fen=0), "amountGiven"),
        (MoneyGiven(channel=Channel.CASH, given_fen=-4000), "amountGiven"),
        (MoneyGiven(channel=Channel.CASH, given_fen=10**12), "amountGiven"),
        (MoneyGiven(channel=Channel.CASH, given_fen=4000, slip_no="0001"), "amountGiven"),
        (MoneyGiven(channel=Channel.CARD), "slipNo"),
        (MoneyGiven(channel=Channel.CARD, slip_no="1"), "slipNo"),
        (MoneyGiven(channel=Channel.CARD, slip_no="号码号码"), "slipNo"),
        (MoneyGiven(channel=Channel.CARD, slip_no="0001", given_fen=4000), "amountGiven"),
        (MoneyGiven(channel=Channel.WECHAT_PAY, given_fen=4000), "channel"),
        (MoneyGiven(channel=Channel.ALIPAY), "channel"),
    ],
)
async def test_wrong_input_is_refused_and_leaves_nothing(
    hall: Hall, clerk: StaffSignedIn, money: MoneyGiven, field: str
) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    before = await census()
    taking = take_money(
        clerk=clerk, order_no=order.order_no, money=money, key="a-key-of-mine", channels={}, now=NOW
    )
    refused = await refusal_of(taking)
    assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, field)
    for bad in ("", "short", "x" * 65, "一二三四五六七八"):
        assert (await refusal_of(cash(clerk, order, key=bad or " "))).field == "idempotencyKey"
    assert await census() == before


async def test_the_desk_sees_what_an_order_is_for_and_not_whose(hall: Hall, clerk: StaffSignedIn) -> None:
    person = await a_person()
    order = await an_order(person, wanted(hall.badminton, at(10)))
    seen = await order_at_desk(clerk=clerk, order_no=f" {order.order_no.lower()} ")
    assert seen is not None
    assert (seen.row["total_fen"], seen.paid_by, seen.waiting) == (4000, None, [])
    assert [line["court_name"] for line in seen.lines] == ["羽毛球1号场"]
    receipt = await cash(clerk, order)
    refund_no = await give_back(receipt.payment_no, 500)
    seen = await order_at_desk(clerk=clerk, order_no=order.order_no)
    assert seen is not None
    assert (seen.paid_by, [each.refund_no for each in seen.waiting]) == (Channel.CASH, [refund_no])
    assert person.openid not in repr(seen)


# ---- who pays by phone at the same moment


async def test_who_was_about_to_pay_by_phone_cannot_any_more_once_cash_is_taken(
    outside: Outside, hall: Hall, clerk: StaffSignedIn
) -> None:
    person = await a_person()
    order = await an_order(person, wanted(hall.badminton, at(10)))
    opened = await by_phone(outside, order, person)
    await cash(clerk, order, channels=outside.channels)
    answer = await outside.try_to_pay(opened.invocation.parameters or {})
    assert answer.status_code != 200
    assert (await Payment.get(payment_no=opened.payment_no)).status == "CLOSED"


async def test_who_was_faster_by_phone_has_paid_and_the_clerk_hears_so(
    outside: Outside, hall: Hall, clerk: StaffSignedIn
) -> None:
    person = await a_person()
    order = await an_order(person, wanted(hall.badminton, at(10)))
    opened = await by_phone(outside, order, person)
    await outside.pay(opened.invocation.parameters or {})
    refused = await refusal_of(cash(clerk, order, channels=outside.channels))
    assert refused.code is ErrorCode.ORDER_ALREADY_PAID
    assert "微信支付" in refused.message
    (payment,) = await Payment.all()
    assert (payment.channel, payment.status) == ("WECHAT_PAY", "SETTLED")
    assert await expected_in(clerk) == FLOAT_FEN


async def test_cash_is_taken_though_the_channel_is_away_and_the_clerk_hears_what_to_tell(
    outside: Outside, hall: Hall, clerk: StaffSignedIn
) -> None:
    async def away() -> None:
        raise PaymentError("UNREACHABLE", "away", may_have_happened=True, retryable=True)

    person = await a_person()
    order = await an_order(person, wanted(hall.badminton, at(10)))
    opened = await by_phone(outside, order, person)
    channels = {WECHAT_PAY: Meddled(outside.channel, before={"close": away, "query": away})}
    receipt = await cash(clerk, order, channels=channels)
    assert "自动原路退回" in receipt.caution
    await outside.pay(opened.invocation.parameters or {})
    await outside.hand_in((await outside.wait_for_letters(1))[0], now=NOW)
    by_channel = {payment.channel: payment.status for payment in await Payment.all()}
    assert by_channel == {"CASH": "SETTLED", "WECHAT_PAY": "SURPLUS"}
    (refund,) = await Refund.all()
    assert (refund.reason, refund.status, refund.amount_fen) == ("PAID_TWICE", "INTENDED", 4000)


# ---- refunds


async def test_cash_is_handed_out_once_and_leaves_the_drawer(hall: Hall, clerk: StaffSignedIn) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    refund_no = await give_back((await cash(clerk, order)).payment_no, 1500)
    waiting = await refunds_at_desk(clerk=clerk, venue_id=hall.venue.public_id)
    assert [(each.refund_no, each.order_no, each.amount_fen) for each in waiting] == [
        (refund_no, order.order_no, 1500)
    ]
    first = await hand_out(clerk, refund_no, key="one-act-of-mine")
    assert await hand_out(clerk, refund_no, key="one-act-of-mine") == first
    assert (first.status, first.handed_out_at) == ("SUCCESS", NOW)
    before = await census()
    for who in (clerk, await at_work(hall)):
        refused = await refusal_of(hand_out(who, refund_no))
        assert refused.code is ErrorCode.REFUND_HANDED_OUT
        assert refused.message == "这笔退款已于11月20日 10:00由李前台退给顾客。"
    assert await census() == before
    assert await refunds_at_desk(clerk=clerk, venue_id=hall.venue.public_id) == []
    events = [
        (event.kind, event.amount_fen, event.about_no) for event in await FinanceEvent.filter(kind="REFUNDED")
    ]
    assert events == [("REFUNDED", 1500, refund_no)]
    assert await expected_in(clerk) == FLOAT_FEN + 4000 - 1500


async def test_a_cards_money_goes_back_at_its_terminal_with_a_slip(hall: Hall, clerk: StaffSignedIn) -> None:
    order = await an_order(await a_person(), wanted(hall.badminton, at(10)))
    refund_no = await give_back((await card(clerk, order, "000123")).payment_no, 4000)
    assert (await refusal_of(hand_out(clerk, refund_no))).field == "slipNo"
    await hand_out(clerk, refund_no, slip_no="000124")
    assert (await Refund.get()).channel_refund_no.endswith(" 000124")
    assert await expected_in(clerk) == FLOAT_FEN
    cash_refund = await give_back(
        (await cash(clerk, await an_order(await a_person(), wanted(hall.badminton, at(11))))).payment_no, 1
    )
    assert (await refusal_of(hand_out(clerk, cash_refund, slip_no="000125"))).field == "slipNo"


async def test_only_what_was_paid_at_this_desk_is_handed_out_here(
    outside: Outside, hall: Hall, clerk: StaffSignedIn
) -> None:
    person = await a_person()
    order = await an_order(person, wanted(hall.badminton, at(10)))
    opened = await by_phone(outside, order, person)
    await outside.pay(opened.invocation.parameters or {})
    await outside.hand_in((await outside.wait_for_letters(1))[0], now=NOW)
    refund_no = await give_back(opened.payment_no, 4000)
    assert (await refusal_of(hand_out(clerk, refund_no))).code is ErrorCode.REFUND_NOT_AT_DESK
    elsewhere = await a_hall(name="城北体育馆")
    stranger = await at_work(elsewhere)
    said = [
        (await refusal_of(hand_out(stranger, each))).sentence() for each in (refund_no, "R20261120AAAAAAAAAAAA")
    ]
    assert said[0] == said[1]
    assert (await refusal_of(refunds_at_desk(clerk=stranger, venue_id=hall.venue.public_id))).field == "venueId"


async def test_nothing_is_taken_or_given_in_a_shift_that_was_counted(hall: Hall, clerk: StaffSignedIn) -> None:
    orders = [await an_order(await a_person(), wanted(hall.badminton, at(hour))) for hour in (10, 11)]
    refund_no = await give_back((await cash(clerk, orders[0])).payment_no, 100)
    shift = await Shift.get()
    await close_shift(clerk=clerk, shift_id=shift.public_id, counted_fen=FLOAT_FEN + 4000, note="", now=NOW)
    assert (await refusal_of(cash(clerk, orders[1]))).code is ErrorCode.SHIFT_NEEDED
    assert (await refusal_of(hand_out(clerk, refund_no))).code is ErrorCode.SHIFT_NEEDED
    seen = await shift_of(staff_id=clerk.staff_id, shift_id=shift.public_id)
    assert seen is not None
    assert (seen.cash_fen, seen.cash_handed_out_fen, seen.difference_fen) == (4000, 0, 0)


Act = tuple[str, int]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    float_fen=st.integers(0, 10**6),
    acts=st.lists(st.tuples(st.sampled_from(["cash", "card", "back"]), st.integers(1, 4000)), max_size=7),
)
async def test_what_should_lie_in_the_drawer_is_float_and_cash_less_what_was_handed_out(
    db: Database, float_fen: int, acts: list[Act]
) -> None:
    await db.clean()
    hall = await a_hall()
    clerk = await at_work(hall, float_fen=float_fen)
    taken, given_out = 0, 0
    left: dict[str, int] = {}
    for number, (what, amount) in enumerate(acts):
        if what == "back":
            payment_no = next((no for no, fen in left.items() if fen >= amount), None)
            if payment_no is None:
                continue
            refund_no = await give_back(payment_no, amount)
            is_cash = (await Payment.get(payment_no=payment_no)).channel == "CASH"
            await hand_out(clerk, refund_no, slip_no="" if is_cash else f"R{number:05d}")
            left[payment_no] -= amount
            given_out += amount if is_cash else 0
            continue
        order = await an_order(await a_person(), wanted(hall.badminton, at(9 + number)))
        receipt = await (cash(clerk, order) if what == "cash" else card(clerk, order, f"S{number:05d}"))
        left[receipt.payment_no] = receipt.amount_fen
        taken += receipt.amount_fen if what == "cash" else 0
    expected = float_fen + taken - given_out
    assert await expected_in(clerk) == expected
    shift = await Shift.get()
    await close_shift(clerk=clerk, shift_id=shift.public_id, counted_fen=max(expected, 0), note="数过", now=NOW)
    assert (await Shift.get()).expected_fen == expected


# ---- at the same moment


async def outcomes(*acts: Any) -> list[Any]:
    """Results and refusals' codes; anything else is a bug."""
    found = []
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result
        found.append(result.code if isinstance(result, DomainError) else "done")
    return sorted(found)


@pytest.mark.postgres
async def test_two_clerks_take_cash_for_one_order_and_one_keeps_it(db: Database) -> None:
    hall = await a_hall()
    clerks = [await at_work(hall) for _ in range(2)]
    for hour in range(9, 17):
        order = await an_order(await a_person(), wanted(hall.badminton, at(hour)))
        done = await outcomes(*(cash(clerk, order) for clerk in clerks))
        assert done == ["ORDER_ALREADY_PAID", "done"]
    assert await Payment.filter(status="SETTLED").count() == await Payment.all().count() == 8
    assert sum([await expected_in(clerk) for clerk in clerks]) == 2 * FLOAT_FEN + 8 * 4000


@pytest.mark.postgres
async def test_one_key_sent_many_times_at_once_is_one_receipt(db: Database) -> None:
    hall = await a_hall()
    clerk = await at_work(hall)
    for hour in range(9, 17):
        order = await an_order(await a_person(), wanted(hall.badminton, at(hour)))
        receipts = await asyncio.gather(*(cash(clerk, order, key="one-act-of-mine") for _ in range(8)))
        assert len({receipt.payment_no for receipt in receipts}) == 1
    assert await Payment.all().count() == 8


@pytest.mark.postgres
async def test_cash_and_the_notice_of_a_phone_at_once_settle_once_and_the_phone_is_given_back(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    clerk = await at_work(hall)
    await outside.switch_on(refund_seconds=0)
    for hour in range(9, 17):
        person = await a_person()
        order = await an_order(person, wanted(hall.badminton, at(hour)))
        opened = await by_phone(outside, order, person)

        async def phone(opened: OpenedPayment = opened) -> None:
            come = len(outside.letters)
            answer = await outside.try_to_pay(opened.invocation.parameters or {})
            if answer.status_code == 200:
                await outside.hand_in(await outside.letter_of_a_payment(come), now=NOW)

        await outcomes(phone(), cash(clerk, order, channels=outside.channels))
        assert await Payment.filter(order_id=order.id, status="SETTLED").count() == 1
    later = NOW + timedelta(minutes=16)
    await check_due_payments(channels=outside.channels, now=later)
    await end_overdue_holds(channels=outside.channels, now=later)
    for _ in range(2):
        await send_due_refunds(channels=outside.channels, now=later)
        await outside.quiet()
        later += timedelta(minutes=11)
    phones = await Payment.filter(channel="WECHAT_PAY", status="SETTLED").count()
    assert (await outside.books())["sums"]["kept_fen"] == phones * 4000
    assert await expected_in(clerk) == FLOAT_FEN + (8 - phones) * 4000


@pytest.mark.postgres
async def test_a_shift_that_closes_while_cash_is_taken_counts_it_or_refuses_it(db: Database) -> None:
    hall = await a_hall()
    for hour in range(9, 17):
        clerk = await at_work(hall, float_fen=0)
        order = await an_order(await a_person(), wanted(hall.badminton, at(hour)))
        shift = await Shift.get(staff_id=clerk.staff_id)
        closing = close_shift(clerk=clerk, shift_id=shift.public_id, counted_fen=1, note="数过", now=NOW)
        done = await outcomes(closing, cash(clerk, order))
        shift = await Shift.get(id=shift.id)
        taken = await Payment.filter(shift_id=shift.id).count()
        assert shift.expected_fen == 4000 * taken
        assert done == (["done", "done"] if taken else ["SHIFT_NEEDED", "done"])


@pytest.mark.postgres
async def test_one_refund_at_two_drawers_is_handed_out_at_one(db: Database) -> None:
    hall = await a_hall()
    clerks = [await at_work(hall) for _ in range(2)]
    for hour in range(9, 17):
        order = await an_order(await a_person(), wanted(hall.badminton, at(hour)))
        refund_no = await give_back((await cash(clerks[0], order)).payment_no, 4000)
        done = await outcomes(*(hand_out(clerk, refund_no) for clerk in clerks))
        assert done == ["REFUND_HANDED_OUT", "done"]
    assert sum([await expected_in(clerk) for clerk in clerks]) == 2 * FLOAT_FEN
    assert await FinanceEvent.filter(kind="REFUNDED").count() == 8


@pytest.mark.postgres
async def test_a_double_click_opens_one_shift(db: Database) -> None:
    hall = await a_hall()
    clerk = await a_clerk(hall.venue.public_id)
    opened = await asyncio.gather(
        *(open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=0, now=NOW) for _ in range(6))
    )
    assert len(set(opened)) == 1
