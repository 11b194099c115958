"""Codes at a venue's desk: shown to the payer, or scanned from the payer's phone; nobody is charged twice."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.codes_at_desk import DeskPayment, Standing, channel_of, charge_payer_code, refresh, show_code
from models.checkout.ending import REVERSAL_TAKES
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.errors import DomainError, ErrorCode
from models.orders.rules import Channel
from models.orders.tables import Order, Payment, Refund
from models.shifts.operations import open_shift
from models.shifts.queries import takings_of
from models.shifts.tables import Shift
from models.staff.rules import StaffSignedIn
from payments.port import Invocation, PaymentChannel, PaymentError, Way
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import Hall, Person, a_hall, a_person, an_order, at, census, invoke_payment, wanted
from tests.factories.people import a_clerk
from tests.outside import WECHAT_PAY, AlipayHouse, Killed, Meddled, Outside, killed

Channels = Mapping[str, PaymentChannel]


@pytest.fixture
async def hall(db: Database) -> Hall:
    return await a_hall()


@pytest.fixture
async def clerk(hall: Hall) -> StaffSignedIn:
    return await a_clerk(hall.venue.public_id)


@pytest.fixture
async def order(hall: Hall, clerk: StaffSignedIn) -> Order:
    return await an_order(await a_person(), wanted(hall.badminton, at(10)))


async def a_code(outside: Outside) -> str:
    """What WeChat shows on somebody's phone under 收付款."""
    answer = await outside.http.post("/_sandbox/payer-codes", json={"openid": f"o{secrets.token_hex(13)}"})
    return str(answer.json()["auth_code"])


async def charge(
    clerk: StaffSignedIn,
    order: Order,
    code: str,
    channels: Channels,
    *,
    key: str | None = None,
    now: datetime = NOW,
) -> DeskPayment:
    return await charge_payer_code(
        clerk=clerk,
        order_no=order.order_no,
        payer_code=code,
        key=key or secrets.token_hex(8),
        channels=channels,
        now=now,
    )


async def confirm(outside: Outside, payment_no: str) -> None:
    """The payer types the password."""
    answer = await outside.http.post("/_sandbox/pay", json={"out_trade_no": payment_no})
    assert answer.status_code == 200, answer.text


async def refusal_of(act: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await act
    assert refused.value.message.endswith("。")
    assert refused.value.next_step
    return refused.value


async def kept(outside: Outside) -> int:
    return int((await outside.books())["sums"]["kept_fen"])


@pytest.mark.parametrize(
    ("code", "channel"),
    [
        ("10" + "0" * 16, Channel.WECHAT_PAY),
        ("15" + "9" * 16, Channel.WECHAT_PAY),
        ("25" + "0" * 14, Channel.ALIPAY),
        ("28" + "1" * 16, Channel.ALIPAY),
        ("30" + "9" * 22, Channel.ALIPAY),
    ],
)
def test_the_digits_say_whose_code_it_is(code: str, channel: Channel) -> None:
    assert channel_of(code) is channel


@pytest.mark.parametrize(
    "code",
    ["", "16" + "0" * 16, "10" + "0" * 15, "24" + "0" * 14, "31" + "0" * 14, "30" + "0" * 23, "１０" + "0" * 16],
)
def test_other_digits_are_no_payers_code(code: str) -> None:
    with pytest.raises(DomainError) as refused:
        channel_of(code)
    assert refused.value.code is ErrorCode.PAYER_CODE_UNKNOWN


async def test_a_scanned_code_pays_the_order_at_once(
    outside: Outside, hall: Hall, clerk: StaffSignedIn, order: Order
) -> None:
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=0, now=NOW)
    paid = await charge(clerk, order, await a_code(outside), outside.channels)
    assert (paid.standing, paid.channel, paid.amount_fen) == (Standing.PAID, Channel.WECHAT_PAY, 4000)
    payment = await Payment.get()
    assert (payment.status, payment.way, payment.payer) == ("SETTLED", "PAYER_CODE", "")
    assert (await Order.get()).status == "PAID"
    shift = await Shift.get()
    takings = await takings_of(shift.id)
    assert (takings.code_fen, takings.expected_fen(0)) == (4000, 0)


async def test_no_shift_is_needed_for_codes(outside: Outside, clerk: StaffSignedIn, order: Order) -> None:
    assert (await charge(clerk, order, await a_code(outside), outside.channels)).standing is Standing.PAID
    assert (await Payment.get()).shift_id is None


async def test_the_same_key_charges_once_and_another_hears_that_it_is_paid(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    code = await a_code(outside)
    first = await charge(clerk, order, code, outside.channels, key="one-act-of-mine")
    assert await charge(clerk, order, code, outside.channels, key="one-act-of-mine") == first
    before = await census()
    assert (await refusal_of(charge(clerk, order, code, outside.channels))).code is ErrorCode.ORDER_ALREADY_PAID
    assert await census() == before
    assert await kept(outside) == 4000


async def test_who_must_confirm_is_waited_for_and_asking_again_finds_it_paid(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    await outside.switch_on(payer_must_confirm=True)
    waiting = await charge(clerk, order, await a_code(outside), outside.channels)
    assert (waiting.standing, waiting.says) == (Standing.WAITING, "请顾客在手机上确认付款。")

    async def asked() -> DeskPayment:
        return await refresh(clerk=clerk, payment_no=waiting.payment_no, channels=outside.channels, now=NOW)

    assert (await asked()).standing is Standing.WAITING
    await confirm(outside, waiting.payment_no)
    assert (await asked()).standing is Standing.PAID
    assert (await Order.get()).status == "PAID"


async def test_who_confirms_when_nobody_looks_is_found_by_the_sweep(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    await outside.switch_on(payer_must_confirm=True)
    waiting = await charge(clerk, order, await a_code(outside), outside.channels)
    await confirm(outside, waiting.payment_no)
    assert await check_due_payments(channels=outside.channels, now=NOW + timedelta(seconds=16)) == 1
    assert (await Payment.get()).status == "SETTLED"


async def test_a_stale_code_is_refused_and_the_next_one_pays(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    refused = await refusal_of(charge(clerk, order, "10" + "0" * 16, outside.channels))
    assert (refused.code, refused.field) == (ErrorCode.PAYER_CODE_REFUSED, "payerCode")
    assert refused.sentence() == "付款码已过期或已用过，没有扣款。请顾客刷新付款码后再扫。"
    assert (await charge(clerk, order, await a_code(outside), outside.channels)).standing is Standing.PAID
    assert sorted([payment.status for payment in await Payment.all()]) == ["CLOSED", "SETTLED"]


async def test_a_lost_answer_is_asked_for_before_anything_is_charged_again(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    code, come = await a_code(outside), 0

    async def lost() -> None:
        nonlocal come
        come += 1
        raise PaymentError("TIMEOUT", "no answer", may_have_happened=True, retryable=True)

    channels: Any = {WECHAT_PAY: Meddled(outside.channel, after={"charge": lost})}
    assert (await charge(clerk, order, code, channels)).standing is Standing.PAID
    assert come == 1
    assert await kept(outside) == 4000


async def test_a_code_after_a_time_out_waits_until_the_one_before_is_known(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    async def away() -> None:
        raise PaymentError("TIMEOUT", "no answer", may_have_happened=True, retryable=True)

    troubled = Meddled(outside.channel, after={"charge": away}, before={"query": away, "close": away})
    channels: Any = {WECHAT_PAY: troubled}
    assert (await charge(clerk, order, await a_code(outside), channels)).standing is Standing.WAITING
    refused = await refusal_of(charge(clerk, order, await a_code(outside), channels))
    assert refused.code is ErrorCode.PAYMENT_PENDING
    refused = await refusal_of(charge(clerk, order, await a_code(outside), outside.channels))
    assert refused.code is ErrorCode.PAYMENT_PENDING  # what was asked last may still be on its way
    later = NOW + 2 * REVERSAL_TAKES
    refused = await refusal_of(charge(clerk, order, await a_code(outside), outside.channels, now=later))
    assert refused.code is ErrorCode.ORDER_ALREADY_PAID  # the first went through, and now it is known
    assert await kept(outside) == 4000


async def test_a_killed_process_charges_nobody_twice(outside: Outside, clerk: StaffSignedIn, order: Order) -> None:
    channels: Any = {WECHAT_PAY: Meddled(outside.channel, after={"charge": killed})}
    with pytest.raises(Killed):
        await charge(clerk, order, await a_code(outside), channels)
    refused = await refusal_of(charge(clerk, order, await a_code(outside), outside.channels))
    assert refused.code is ErrorCode.PAYMENT_PENDING
    later = NOW + timedelta(seconds=31)
    refused = await refusal_of(charge(clerk, order, await a_code(outside), outside.channels, now=later))
    assert refused.code is ErrorCode.ORDER_ALREADY_PAID
    assert await kept(outside) == 4000


async def test_a_second_phone_may_be_scanned_when_the_first_does_not_confirm(
    outside: Outside, clerk: StaffSignedIn, order: Order
) -> None:
    await outside.switch_on(payer_must_confirm=True)
    first = await charge(clerk, order, await a_code(outside), outside.channels)
    await outside.switch_on()
    second = await charge(clerk, order, await a_code(outside), outside.channels)
    assert second.standing is Standing.PAID
    ended = await refresh(clerk=clerk, payment_no=first.payment_no, channels=outside.channels, now=NOW)
    assert ended.standing is Standing.ENDED
    answer = await outside.http.post("/_sandbox/pay", json={"out_trade_no": first.payment_no})
    assert answer.status_code != 200
    assert await kept(outside) == 4000


async def test_a_code_that_is_shown_is_paid_and_shown_again_as_the_same_attempt(
    outside: Outside, hall: Hall, clerk: StaffSignedIn, order: Order
) -> None:
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=0, now=NOW)

    async def shown() -> Any:
        return await show_code(
            clerk=clerk, order_no=order.order_no, channel="WECHAT_PAY", channels=outside.channels, now=NOW
        )

    first = await shown()
    assert first.code.startswith("weixin://")
    assert (first.amount_fen, first.expires_at) == (4000, order.hold_expires_at)
    assert (await shown()).payment_no == first.payment_no
    assert (await Payment.get()).shift_id == (await Shift.get()).id
    await outside.http.post("/_sandbox/pay", json={"code_url": first.code, "openid": "o" + "a" * 27})
    seen = await refresh(clerk=clerk, payment_no=first.payment_no, channels=outside.channels, now=NOW)
    assert seen.standing is Standing.PAID
    assert (await refusal_of(shown())).code is ErrorCode.ORDER_ALREADY_PAID


async def test_what_the_desk_cannot_show_or_charge_is_refused_in_words(
    outside: Outside, hall: Hall, clerk: StaffSignedIn, order: Order
) -> None:
    elsewhere = await a_hall(name="城北体育馆")
    theirs = await an_order(await a_person(), wanted(elsewhere.badminton, at(10)))
    before = await census()
    for channel in ("CASH", "ALIPAY", "BARTER"):
        showing = show_code(
            clerk=clerk, order_no=order.order_no, channel=channel, channels=outside.channels, now=NOW
        )
        assert (await refusal_of(showing)).code is ErrorCode.BAD_INPUT
    code = await a_code(outside)
    assert (await refusal_of(charge(clerk, theirs, code, outside.channels))).code is ErrorCode.ORDER_UNKNOWN
    assert (await refusal_of(charge(clerk, order, "28" + "1" * 16, outside.channels))).field == "payerCode"
    assert (await refusal_of(charge(clerk, order, "8" * 24, outside.channels))).field == "payerCode"
    assert await census() == before
    await invoke_payment(outside, order, Person(order.member_id, f"o{secrets.token_hex(13)}"))
    said = {
        (await refusal_of(refresh(clerk=clerk, payment_no=number, channels=outside.channels, now=NOW))).sentence()
        for number in ((await Payment.get()).payment_no, "P20261120AAAAAAAAAAAA")
    }
    assert len(said) == 1  # a phone's own payment is not the desk's


@pytest.mark.postgres
async def test_codes_scanned_at_once_charge_once(db: Database, outside: Outside) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)
    clerks = [await a_clerk(hall.venue.public_id) for _ in range(2)]
    for hour in range(9, 15):
        order = await an_order(await a_person(), wanted(hall.badminton, at(hour)))
        codes = [await a_code(outside) for _ in range(4)]
        results = await asyncio.gather(
            *(charge(clerks[n % 2], order, code, outside.channels) for n, code in enumerate(codes)),
            return_exceptions=True,
        )
        bugs = [each for each in results if isinstance(each, BaseException) and not isinstance(each, DomainError)]
        assert bugs == []
        assert [each.standing for each in results if isinstance(each, DeskPayment)] == [Standing.PAID]
    assert await kept(outside) == 6 * 4000


@pytest.mark.postgres
async def test_cash_and_a_scanned_code_at_once_keep_one_of_them(db: Database, outside: Outside) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)
    clerks = [await a_clerk(hall.venue.public_id) for _ in range(2)]
    await open_shift(clerk=clerks[0], venue_id=hall.venue.public_id, float_fen=0, now=NOW)
    for hour in range(9, 15):
        order = await an_order(await a_person(), wanted(hall.badminton, at(hour)))
        taking = take_money(
            clerk=clerks[0],
            order_no=order.order_no,
            money=MoneyGiven(channel=Channel.CASH, given_fen=4000),
            key=secrets.token_hex(8),
            channels=outside.channels,
            now=NOW,
        )
        results = await asyncio.gather(
            taking, charge(clerks[1], order, await a_code(outside), outside.channels), return_exceptions=True
        )
        bugs = [each for each in results if isinstance(each, BaseException) and not isinstance(each, DomainError)]
        assert bugs == []
        assert await Payment.filter(order_id=order.id, status="SETTLED").count() == 1
    later = NOW + timedelta(minutes=20)
    for _ in range(3):
        await check_due_payments(channels=outside.channels, now=later)
        await send_due_refunds(channels=outside.channels, now=later)
        await outside.quiet()
        later += timedelta(minutes=11)
    by_code = await Payment.filter(way=Way.PAYER_CODE, status="SETTLED").count()
    assert await kept(outside) == by_code * 4000
    assert not await Refund.exclude(status="SUCCESS").exists()


# ---- Alipay


async def test_alipays_codes_are_charged_and_shown_too(
    outside: Outside, alipay: AlipayHouse, hall: Hall, clerk: StaffSignedIn, order: Order
) -> None:
    person = (await alipay.http.post("/_sandbox/people", json={})).json()
    answer = await alipay.http.post("/_sandbox/payer-codes", json={"buyer_user_id": person["buyer_user_id"]})
    shown = await show_code(
        clerk=clerk, order_no=order.order_no, channel="ALIPAY", channels=outside.channels, now=NOW
    )
    assert shown.code.startswith("http")
    refused = await refusal_of(charge(clerk, order, "28" + "0" * 16, outside.channels))
    assert refused.code is ErrorCode.PAYER_CODE_REFUSED
    paid = await charge(clerk, order, answer.json()["auth_code"], outside.channels)
    assert (paid.standing, paid.channel) == (Standing.PAID, Channel.ALIPAY)


async def test_cash_says_what_to_tell_who_has_a_code_of_alipay_that_only_time_can_close(
    outside: Outside, alipay: AlipayHouse, hall: Hall, clerk: StaffSignedIn, order: Order
) -> None:
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=0, now=NOW)
    shown = await show_code(
        clerk=clerk, order_no=order.order_no, channel="ALIPAY", channels=outside.channels, now=NOW
    )
    receipt = await take_money(
        clerk=clerk,
        order_no=order.order_no,
        money=MoneyGiven(channel=Channel.CASH, given_fen=4000),
        key="one-act-of-mine",
        channels=outside.channels,
        now=NOW,
    )
    assert "自动原路退回" in receipt.caution
    await alipay.pay(Invocation(code=shown.code))
    seen = await refresh(clerk=clerk, payment_no=shown.payment_no, channels=outside.channels, now=NOW)
    assert seen.standing is Standing.GIVEN_BACK
    assert (await Refund.get()).reason == "PAID_TWICE"


async def test_however_often_the_desk_asks_the_sweep_looks_when_it_would_have(
    outside: Outside, hall: Hall, clerk: StaffSignedIn, order: Order
) -> None:
    """Two orders with a code shown for each: by one of them a page asks every two seconds, by the other nobody does."""
    quiet_order = await an_order(await a_person(), wanted(hall.badminton_2, at(10)))
    asked, quiet = [
        (
            await show_code(
                clerk=clerk, order_no=each.order_no, channel=WECHAT_PAY, channels=outside.channels, now=NOW
            )
        ).payment_no
        for each in (order, quiet_order)
    ]
    for seconds in range(2, 72, 2):
        now = NOW + timedelta(seconds=seconds)
        seen = await refresh(clerk=clerk, payment_no=asked, channels=outside.channels, now=now)
        assert seen.standing is Standing.WAITING
        if seconds % 10 == 0:
            await check_due_payments(channels=outside.channels, now=now)
            one, other = await Payment.get(payment_no=asked), await Payment.get(payment_no=quiet)
            assert one.checks == other.checks
            assert one.next_check_at is not None
            assert other.next_check_at is not None
            assert now < one.next_check_at <= other.next_check_at

    await outside.switch_on(lost_notices=True)
    await confirm(outside, asked)  # the page was closed, and the desk asks no more
    due = (await Payment.get(payment_no=quiet)).next_check_at
    assert due is not None
    assert await check_due_payments(channels=outside.channels, now=due) == 1  # and it is found as soon
    assert (await Order.get(id=order.id)).status == "PAID"
