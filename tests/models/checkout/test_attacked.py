"""What an attacker of the house's money found. Each test says what should be true, and failed when it was written."""

import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.admissions.tables import Admission
from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.cancelling import cancel_order
from models.checkout.codes_at_desk import Standing, charge_payer_code, refresh
from models.checkout.ending import HOLDS_A_RUN, end_hold, end_overdue_holds
from models.checkout.paying import OpenedPayment, PaymentWanted, check_due_payments, pay_order
from models.checkout.refunding import send_due_refunds
from models.checkout.refunds_to_settle import refunds_to_settle
from models.checkout.settling import Settled, settle_known, settle_notice
from models.checkout.staff_refunding import redirect_refund
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.rules import Channel
from models.orders.tables import FinanceEvent, Order, Payment, Refund
from models.shifts.operations import close_shift, open_shift
from models.staff.rules import StaffSignedIn
from payments.port import PaymentError, PaymentNotice, PaymentState, Way
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import (
    Hall,
    Person,
    a_hall,
    a_paid_order,
    a_person,
    an_order,
    at,
    invoke_payment,
    wanted,
)
from tests.factories.people import a_clerk
from tests.outside import ALIPAY, WECHAT_PAY, AlipayHouse, Meddled, Outside

QUARTER = timedelta(minutes=15)
Happening = Callable[[], Awaitable[None]]


@pytest.fixture
async def hall(db: Database) -> Hall:
    return await a_hall()


@pytest.fixture
async def clerk(hall: Hall) -> StaffSignedIn:
    return await a_clerk(hall.venue.public_id)


@pytest.fixture
async def person(hall: Hall) -> Person:
    return await a_person()


@pytest.fixture
async def order(hall: Hall, person: Person) -> Order:
    return await an_order(person, wanted(hall.badminton, at(10)))


async def a_charge(outside: Outside, clerk: StaffSignedIn, order: Order, name: str, now: datetime) -> str:
    """The desk has scanned the payer's code; the payer must still confirm on the phone."""
    house: Any = outside if name == WECHAT_PAY else outside.alipay
    await house.switch_on(payer_must_confirm=True)
    whose = {"openid": f"o{secrets.token_hex(13)}"} if name == WECHAT_PAY else {}
    code = (await house.http.post("/_sandbox/payer-codes", json=whose)).json()["auth_code"]
    charged = await charge_payer_code(
        clerk=clerk,
        order_no=order.order_no,
        payer_code=str(code),
        key=secrets.token_hex(8),
        channels=outside.channels,
        now=now,
    )
    assert charged.standing is Standing.WAITING
    return charged.payment_no


def overtaken(monkeypatch: pytest.MonkeyPatch, channel: Any, happening: Happening) -> None:
    """Once a reversal has asked whether the payer paid, and heard that they did not, this happens before it reverses."""
    ask, seen = channel.query, list[str]()

    async def ask_and_be_overtaken(payment_no: str) -> Any:
        known = await ask(payment_no)
        if not seen and known and known.state is PaymentState.PENDING:
            seen.append(payment_no)
            await happening()
        return known

    monkeypatch.setattr(channel, "query", ask_and_be_overtaken)


async def assert_a_court_or_the_money(house: Any, order: Order, outside: Outside) -> None:
    for _ in range(3):
        await outside.quiet()
        await outside.travel(outside.now() + timedelta(minutes=20))
        now = outside.now()
        await check_due_payments(channels=outside.channels, now=now)
        await end_overdue_holds(channels=outside.channels, now=now)
        await send_due_refunds(channels=outside.channels, now=now)
    kept_fen = (await house.books())["sums"]["kept_fen"]
    let_in = await Admission.filter(order_id=order.id, revoked_at=None).exists()
    assert (let_in, kept_fen) in ((True, order.total_fen), (False, 0))


@pytest.mark.parametrize("name", [WECHAT_PAY, ALIPAY])
async def test_who_pays_and_is_heard_while_their_charge_is_reversed_gets_no_court_for_nothing(
    outside: Outside,
    alipay: AlipayHouse,
    clerk: StaffSignedIn,
    person: Person,
    order: Order,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """The member cancels; the reversal has asked and heard "waiting". Now the payer confirms, and the desk's screen
    (which looks every two seconds) settles it. Then the reversal gives the money back."""
    house: Any = outside if name == WECHAT_PAY else alipay
    payment_no = await a_charge(outside, clerk, order, name, now)
    await outside.travel(now + timedelta(seconds=40))
    now = outside.now()

    async def confirm_and_be_seen_at_the_desk() -> None:
        answer = await house.http.post("/_sandbox/pay", json={"out_trade_no": payment_no})
        assert answer.status_code == 200, answer.text
        seen = await refresh(clerk=clerk, payment_no=payment_no, channels=outside.channels, now=now)
        assert seen.standing is not Standing.ENDED

    overtaken(monkeypatch, house.channel, confirm_and_be_seen_at_the_desk)
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    await assert_a_court_or_the_money(house, order, outside)
    assert await Refund.filter(status="INTENDED").count() == 0  # none that hangs for ever


async def test_whose_notice_comes_while_their_charge_is_reversed_at_the_holds_end_gets_no_court_for_nothing(
    outside: Outside,
    alipay: AlipayHouse,
    clerk: StaffSignedIn,
    order: Order,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment_no = await a_charge(outside, clerk, order, ALIPAY, now)
    await outside.travel(now + QUARTER - timedelta(seconds=2))

    async def confirm_and_be_told() -> None:
        answer = await alipay.http.post("/_sandbox/pay", json={"out_trade_no": payment_no})
        assert answer.status_code == 200, answer.text
        letter = (await outside.wait_for_letters(1))[0]
        notice = await outside.read(letter)
        assert isinstance(notice, PaymentNotice)
        await outside.take(notice, now=now + QUARTER, channel=ALIPAY)

    overtaken(monkeypatch, alipay.channel, confirm_and_be_told)
    await end_hold(order_id=order.id, channels=outside.channels, now=now + QUARTER)
    await assert_a_court_or_the_money(alipay, order, outside)


@pytest.mark.parametrize("name", [WECHAT_PAY, ALIPAY])
async def test_what_the_desk_heard_before_a_charge_was_reversed_settles_nothing_after(
    outside: Outside,
    alipay: AlipayHouse,
    clerk: StaffSignedIn,
    person: Person,
    order: Order,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """As above, but the desk's answer ("paid") is on its way while the reversal is done and written down."""
    house: Any = outside if name == WECHAT_PAY else alipay
    payment_no = await a_charge(outside, clerk, order, name, now)
    await outside.travel(now + QUARTER - timedelta(seconds=2))
    over = now + QUARTER
    said: list[Any] = []
    ask = house.channel.query

    async def confirm_and_be_asked_about() -> None:
        answer = await house.http.post("/_sandbox/pay", json={"out_trade_no": payment_no})
        assert answer.status_code == 200, answer.text
        said.append(await ask(payment_no))

    overtaken(monkeypatch, house.channel, confirm_and_be_asked_about)
    assert await end_hold(order_id=order.id, channels=outside.channels, now=over) is True
    (known,) = said

    await settle_known(known, channel=name, now=over)
    await assert_a_court_or_the_money(house, order, outside)
    assert await Refund.filter(status="INTENDED").count() == 0


async def test_who_comes_back_from_another_network_can_still_pay_in_a_browser(
    outside: Outside, person: Person, order: Order, now: datetime
) -> None:
    """WeChat Pay compares a repeated announcement with the first one; the payer's address (H5: payer_client_ip) is
    another once the phone has left the Wi-Fi."""

    async def opened_from(address: str) -> OpenedPayment:
        browser = PaymentWanted(channel=WECHAT_PAY, way=Way.MOBILE_WEB, payer_address=address)
        return await pay_order(
            member_id=person.member_id,
            order_no=order.order_no,
            wanted=browser,
            channels=outside.channels,
            now=now,
        )

    await opened_from("192.0.2.7")
    again = await opened_from("198.51.100.20")
    answer = await outside.http.post("/_sandbox/pay", json={"h5_url": again.invocation.url})
    assert answer.status_code == 200, answer.text


async def test_a_channel_that_is_away_keeps_nobodys_slots_but_its_own(
    outside: Outside, alipay: AlipayHouse, hall: Hall, now: datetime
) -> None:
    """As many holds as one sweep takes are waiting for Alipay, which is down; who wanted to pay by WeChat comes after them."""
    first = await an_order(await a_person(), wanted(hall.badminton, at(9)), now=now)
    for number in range(HOLDS_A_RUN):
        waits = await Order.create(
            order_no=f"O20261120WAITS{number:07}",
            member_id=first.member_id,
            venue_id=first.venue_id,
            status="PENDING_PAYMENT",
            total_fen=4000,
            idempotency_key=f"waits-{number}",
            request_hash="",
            placed_at=now,
            hold_expires_at=now + QUARTER,
        )
        await Payment.create(
            payment_no=f"P20261120WAITS{number:07}",
            order_id=waits.id,
            channel=ALIPAY,
            way=Way.CODE,
            appid=alipay.channel.appid,
            payer="",
            amount_fen=4000,
            status="WAITING",
            created_at=now,
            expires_at=now + QUARTER,
        )
    person = await a_person()
    other = await an_order(person, wanted(hall.badminton_2, at(9)), now=now + timedelta(seconds=1))
    await invoke_payment(outside, other, person, now=now + timedelta(seconds=1))
    later = now + QUARTER + timedelta(minutes=5)
    await outside.travel(later)
    await alipay.switch_on(http_500=True)
    for _ in range(3):
        await end_overdue_holds(channels=outside.channels, now=later)
    assert (await Order.get(id=other.id)).status == "CLOSED"


async def test_a_notice_with_a_number_as_long_as_alipay_may_write_it_settles(
    outside: Outside, alipay: AlipayHouse, person: Person, order: Order, now: datetime
) -> None:
    """opendocs.alipay.com, 异步通知参数: notify_id, String(128). PostgreSQL refuses what does not fit its column, and the
    whole settlement with it; SQLite does not look."""
    opened = await pay_order(
        member_id=person.member_id,
        order_no=order.order_no,
        wanted=PaymentWanted(channel=ALIPAY, way=Way.MOBILE_WEB),
        channels=outside.channels,
        now=now,
    )
    await alipay.pay(opened.invocation)
    notice = await outside.read((await outside.wait_for_letters(1))[0])
    assert isinstance(notice, PaymentNotice)
    longest = replace(notice, notice_id=notice.notice_id.ljust(128, "0"))
    outcome = await settle_notice(longest, channel=ALIPAY, mchid=alipay.channel.mchid, now=now)
    assert outcome is Settled.SETTLED


async def test_a_slip_of_the_card_terminal_pays_one_order_at_one_venue_and_day(hall: Hall) -> None:
    """Two clerks, or one before and after handing over: the same slip is shown for two orders."""
    paid = []
    for court in (hall.badminton, hall.badminton_2):
        clerk = await a_clerk(hall.venue.public_id)
        await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=0, now=NOW)
        order = await an_order(await a_person(), wanted(court, at(10)))
        money = MoneyGiven(channel=Channel.CARD, slip_no="004711")
        try:
            await take_money(
                clerk=clerk, order_no=order.order_no, money=money, key=secrets.token_hex(8), channels={}, now=NOW
            )
        except BadInput:
            continue
        paid.append(order.order_no)
    assert len(paid) == 1


async def test_a_refund_that_came_back_to_us_instead_of_the_payer_is_not_forgotten(
    outside: Outside, hall: Hall, clerk: StaffSignedIn, now: datetime
) -> None:
    """Redirected to the merchant (退回商户账户): the channel says SUCCESS once the money is ours again. The payer has
    nothing yet, so somebody must still be reminded, and the books must not say that it was given back."""
    person = await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    await outside.switch_on(refunds_end_as="ABNORMAL", refund_seconds=0)
    letters = len(outside.letters)
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now)
    await outside.wait_for_letters(letters + 1)  # and nobody opens it
    await Refund.all().update(next_check_at=now)
    await send_due_refunds(channels=outside.channels, now=now)
    refund = await Refund.get()
    assert refund.status == "ABNORMAL"
    await outside.switch_on(refund_seconds=0)
    await redirect_refund(
        clerk=clerk, refund_no=refund.refund_no, card=None, note="联系不上", channels=outside.channels, now=now
    )
    await outside.quiet()
    await send_due_refunds(channels=outside.channels, now=now + timedelta(minutes=5))
    still_to_do = await refunds_to_settle(
        clerk=clerk, venue_id=hall.venue.public_id, first=20, now=now + timedelta(minutes=6)
    )
    booked = {event.kind for event in await FinanceEvent.all()}
    assert still_to_do or "REFUNDED" not in booked


async def test_a_charge_on_its_way_is_not_taken_for_one_that_nobody_can_pay(
    outside: Outside, clerk: StaffSignedIn, person: Person, order: Order, now: datetime
) -> None:
    """The desk has written down a charge and sends it; the member cancels before it arrives ("never heard of it", so
    closed), and its answer is lost. WeChat Pay sends no notice of a payer's code, and nobody asks about what is closed:
    the money stays there until the next day's statement, and the clerk reads that nothing was charged."""

    async def member_cancels() -> None:
        with contextlib.suppress(DomainError):
            await cancel_order(
                member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now
            )

    async def answer_is_lost() -> None:
        raise PaymentError("NO_ANSWER", "lost", may_have_happened=True, retryable=True)

    meddled = Meddled(outside.channel, before={"charge": member_cancels}, after={"charge": answer_is_lost})
    whose = {"openid": f"o{secrets.token_hex(13)}"}
    code = (await outside.http.post("/_sandbox/payer-codes", json=whose)).json()["auth_code"]
    charged = await charge_payer_code(
        clerk=clerk,
        order_no=order.order_no,
        payer_code=str(code),
        key=secrets.token_hex(8),
        channels={WECHAT_PAY: meddled},
        now=now,
    )
    assert (await outside.books())["sums"]["paid_fen"] == order.total_fen
    assert charged.standing is not Standing.ENDED  # "没有扣款"
    await assert_a_court_or_the_money(outside, order, outside)


async def test_a_shift_of_no_possible_name_is_as_unknown_as_any(clerk: StaffSignedIn, now: datetime) -> None:
    """Tortoise checks what a query looks for against the column's length and raises; the clerk saw INTERNAL."""
    with pytest.raises(DomainError) as refusal:
        await close_shift(clerk=clerk, shift_id="x" * 33, counted_fen=0, note="", now=now)
    assert refusal.value.code == ErrorCode.SHIFT_UNKNOWN
