"""WeChat Pay's notices over HTTP, signed and sealed for real: believed once, refused when wrong, without harm."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bff.channels import build_wechat_pay
from models.calendar import business_day, instant_of
from models.database import rows
from models.orders.operations import intend_payment
from models.orders.tables import Order, Payment
from payments.port import PrepayRequest, Way
from tests.doors.wechat_pay_letters import a_letter, about, wechat_pays_signer
from tests.factories.booking import Hall, a_hall, at
from tests.house import Citizen, House, line, nothing_changes
from tests.outside import LETTER_BOX, WECHAT_PAY, Letter
from tests.payments.wechat_pay_platform import Signer
from tests.resolvers import documents


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


@pytest.fixture
async def letter(house: House, citizen: Citizen, hall: Hall) -> Letter:
    """The notice of a payment of 4000 fen that our house has not heard of yet."""
    order = await citizen.places(line(hall.badminton, at(10)))
    return await citizen.pays(order["orderNo"])


@pytest.fixture
async def booked(house: House, citizen: Citizen, hall: Hall) -> dict[str, Any]:
    """An order that WeChat Pay knows as unpaid."""
    order = await citizen.places(line(hall.badminton, at(10)))
    await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])
    (only,) = (await house.outside.books())["orders"]
    return dict(only)


async def state(citizen: Citizen) -> tuple[str, int]:
    (edge,) = (await citizen.ask(documents.ORDERS)).value["edges"]
    return edge["node"]["status"], edge["node"]["paid"]


def refused(answer: httpx.Response) -> bool:
    """4xx with the body that WeChat Pay reads."""
    return 400 <= answer.status_code < 500 and answer.json()["code"] == "FAIL"


def alarms(house: House) -> list[dict[str, Any]]:
    return [said for said in house.log_lines() if said["level"] in ("warning", "error", "critical")]


async def test_a_payment_is_settled_once_however_often_it_is_told(
    house: House, citizen: Citizen, letter: Letter
) -> None:
    first = await house.hand_in(letter)
    assert (first.status_code, first.content) == (204, b"")
    assert await state(citizen) == ("PAID", 4000)
    async with nothing_changes():
        for _ in range(3):
            assert (await house.hand_in(letter)).status_code == 204
    assert len(await rows("SELECT id FROM finance_event WHERE kind = 'PAID'")) == 1
    assert len(await rows("SELECT id FROM outbox")) == 1
    assert alarms(house) == []


@pytest.mark.parametrize("mode", ["public_key", "certificate"])
async def test_both_of_wechats_ways_to_sign_are_believed(
    house: House, citizen: Citizen, hall: Hall, mode: str
) -> None:
    await into_the_present(house, citizen)
    await house.outside.switch_on(notices_signed_by=mode)
    await citizen.has_paid(line(hall.badminton, in_days(house, 1)))
    assert await state(citizen) == ("PAID", 4000)


async def test_a_rotated_certificate_is_fetched_and_believed(house: House, citizen: Citizen, hall: Hall) -> None:
    await into_the_present(house, citizen)
    await house.outside.switch_on(notices_signed_by="certificate")
    await citizen.has_paid(line(hall.badminton, in_days(house, 1)))
    await house.outside.switch_on(notices_signed_by="certificate", rotate_certificate=True)
    await house.travel(house.now() + timedelta(minutes=5))  # certificates are not asked for all the time
    await citizen.has_paid(line(hall.badminton, in_days(house, 2)))
    serials = {letter.headers["wechatpay-serial"] for letter in house.outside.letters}
    assert len(serials) == 2


async def into_the_present(house: House, citizen: Citizen) -> None:
    """Into the machine's own time, from which on the sandbox's certificates are good."""
    await house.travel(datetime.now(UTC) + timedelta(minutes=1))
    await citizen.sign_in()


def in_days(house: House, days: int) -> datetime:
    """Ten o'clock, so many days from the house's today."""
    return instant_of(business_day(house.now()) + timedelta(days=days), 10 * 60)


async def test_an_amount_off_by_one_fen_settles_nothing_and_raises_an_alarm(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    await house.outside.switch_on(forged_amount=True)
    order = await citizen.places(line(hall.badminton, at(10)))
    letter = await citizen.pays(order["orderNo"])
    async with nothing_changes():
        answer = await house.hand_in(letter)
    assert refused(answer)
    assert await state(citizen) == ("PENDING_PAYMENT", 0)
    assert [said["level"] for said in alarms(house)] == ["error"]


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": {"total": 3999, "payer_total": 3999, "currency": "CNY"}},
        {"amount": {"total": 4001, "payer_total": 4000, "currency": "CNY"}},
        {"amount": {"total": "4000", "currency": "CNY"}},
        {"amount": {"total": 10**30, "currency": "CNY"}},
        {"appid": "wx0000000000000000"},
        {"mchid": "1900000000"},
        {"payer": {"openid": "oSomebodyElse"}},
        {"payer": "oSomebodyElse"},
        {"out_trade_no": None},
        {"success_time": "yesterday"},
    ],
    ids=str,
)
async def test_a_genuine_notice_that_says_something_else_than_our_books_changes_nothing(
    house: House, citizen: Citizen, booked: dict[str, Any], changed: dict[str, Any]
) -> None:
    letter = a_letter(house.outside, about(house.outside, booked, **changed), at=house.now())
    async with nothing_changes():
        assert refused(await house.hand_in(letter))
    assert await state(citizen) == ("PENDING_PAYMENT", 0)
    assert alarms(house) != []
    unchanged = a_letter(house.outside, about(house.outside, booked), at=house.now())
    assert (await house.hand_in(unchanged)).status_code == 204
    assert await state(citizen) == ("PAID", 4000)


async def test_a_notice_of_an_unpaid_state_is_acknowledged_and_settles_nothing(
    house: House, citizen: Citizen, booked: dict[str, Any]
) -> None:
    contents = about(house.outside, booked, trade_state="NOTPAY")
    answer = await house.hand_in(a_letter(house.outside, contents, at=house.now()))
    assert answer.status_code == 204
    assert await state(citizen) == ("PENDING_PAYMENT", 0)


async def test_a_stale_or_future_notice_is_refused_and_within_five_minutes_it_is_not(
    house: House, citizen: Citizen, booked: dict[str, Any]
) -> None:
    contents = about(house.outside, booked)
    async with nothing_changes():
        for seconds in (-310, 310, -86400 * 3650, 86400 * 3650):
            late = a_letter(house.outside, contents, at=house.now() + timedelta(seconds=seconds))
            assert refused(await house.hand_in(late)), seconds
    just = a_letter(house.outside, contents, at=house.now() - timedelta(seconds=290))
    assert (await house.hand_in(just)).status_code == 204
    assert await state(citizen) == ("PAID", 4000)


async def test_a_replayed_notice_is_harmless_at_once_and_refused_later(
    house: House, citizen: Citizen, letter: Letter
) -> None:
    assert (await house.hand_in(letter)).status_code == 204
    async with nothing_changes():
        assert (await house.hand_in(letter)).status_code == 204
        await house.travel(house.now() + timedelta(seconds=310))
        assert refused(await house.hand_in(letter))


async def test_forged_notices_are_refused_and_nothing_changes(
    house: House, citizen: Citizen, letter: Letter, hall: Hall
) -> None:
    outside = house.outside
    (booked,) = (await outside.books())["orders"]
    contents = about(outside, booked)
    stranger = Signer(outside.env["WECHAT_PAY_PUBLIC_KEY_ID"])  # our key's name, their own key
    tampered = Letter(letter.headers, letter.body.replace(b'"id"', b'"Id"'))
    wrong_key = a_letter(outside, contents, at=house.now(), key=b"x" * 32)
    async with nothing_changes():
        for changed in (
            {"Wechatpay_Signature": "bm90IGEgc2lnbmF0dXJl"},
            {"Wechatpay_Signature": "***"},
            {"Wechatpay_Signature": ""},
            {"Wechatpay_Nonce": "another"},
            {"Wechatpay_Timestamp": str(int(house.now().timestamp()) + 1)},
            {"Wechatpay_Timestamp": "soon"},
            {"Wechatpay_Timestamp": "9" * 30},
            {"Wechatpay_Serial": "0123456789"},
            {"Wechatpay_Signature_Type": "WECHATPAY2-SM2-WITH-SM3"},
        ):
            assert refused(await house.hand_in(letter, **changed)), changed
        assert refused(await house.hand_in(tampered))
        assert refused(await house.hand_in(a_letter(outside, contents, at=house.now(), signer=stranger)))
        assert refused(await house.hand_in(wrong_key))
        for body in (b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b"x" * 1_000_000):
            answer = await house.http.post(LETTER_BOX, content=body)
            assert 400 <= answer.status_code < 500, body[:20]
        assert (await house.http.get(LETTER_BOX)).status_code == 405
    assert (await house.hand_in(letter)).status_code == 204  # the true one still settles


async def test_well_signed_nonsense_is_refused(house: House) -> None:
    signer = wechat_pays_signer(house.outside)
    async with nothing_changes():
        for body in (b"", b"null", b"[]", b"{}", b'{"id": 1}', b"\xff\xfe", b"[" * 100_000):
            answer = await house.hand_in(Letter(signer.headers(body, house.now()), body))
            assert refused(answer), body[:20]


async def test_a_probing_signature_is_a_4xx_and_no_alarm_and_the_next_try_settles(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    parameters = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).value["wechatPay"]
    await house.outside.switch_on(signtest=True)
    await house.outside.pay(parameters)
    probe = (await house.outside.wait_for_letters(1))[0]
    assert probe.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    async with nothing_changes():
        assert refused(await house.hand_in(probe))
    assert alarms(house) == []
    await house.outside.switch_on()
    await house.outside.http.post(
        "/_sandbox/send-notices-again",
        json={"out_trade_no": (await house.outside.books())["orders"][0]["out_trade_no"]},
    )
    genuine = (await house.outside.wait_for_letters(2))[1]
    assert (await house.hand_in(genuine)).status_code == 204
    assert await state(citizen) == ("PAID", 4000)


async def test_a_payment_that_we_do_not_know_yet_is_a_5xx_and_settles_when_it_comes_again(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    shown = await citizen.places(line(hall.badminton, at(10)))
    order = await Order.get(order_no=shown["orderNo"])
    prepayment = await house.outside.channel.prepay(
        PrepayRequest(
            payment_no="P20261120NOTYETKNOWN",
            description="测试",
            amount_fen=4000,
            way=Way.IN_APP,
            appid=house.outside.appid,
            payer=citizen.openid,
            expires_at=order.hold_expires_at,
        )
    )
    assert prepayment.invocation.parameters
    await house.outside.pay(prepayment.invocation.parameters)
    letter = (await house.outside.wait_for_letters(1))[0]
    async with nothing_changes():
        answer = await house.hand_in(letter)
    assert (answer.status_code, answer.json()["code"]) == (500, "FAIL")
    payment = await intend_payment(
        order=order,
        channel=WECHAT_PAY,
        way=Way.IN_APP,
        appid=house.outside.appid,
        payer=citizen.openid,
        now=house.now(),
    )
    await Payment.filter(id=payment.id).update(payment_no="P20261120NOTYETKNOWN")
    assert (await house.hand_in(letter)).status_code == 204
    assert await state(citizen) == ("PAID", 4000)


async def test_a_refund_that_we_do_not_know_is_a_5xx(house: House, booked: dict[str, Any]) -> None:
    contents = {
        "mchid": house.outside.mchid,
        "out_trade_no": booked["out_trade_no"],
        "transaction_id": "42000020261120",
        "out_refund_no": "R20261120NEVERASKED",
        "refund_id": "50300",
        "refund_status": "SUCCESS",
        "success_time": "2026-11-20T10:05:00+08:00",
        "user_received_account": "支付用户零钱",
        "amount": {"total": 4000, "refund": 4000, "payer_total": 4000, "payer_refund": 4000},
    }
    letter = a_letter(house.outside, contents, at=house.now(), kind="REFUND.SUCCESS")
    async with nothing_changes():
        answer = await house.hand_in(letter)
    assert (answer.status_code, answer.json()["code"]) == (500, "FAIL")


async def test_a_refunds_notice_is_recorded_once(house: House, citizen: Citizen, hall: Hall) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(10)))
    await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])
    told = (await house.outside.wait_for_letters(2))[1]
    assert (await house.hand_in(told)).status_code == 204
    async with nothing_changes():
        assert (await house.hand_in(told)).status_code == 204
    events = await rows("SELECT kind, amount_fen FROM finance_event ORDER BY id")
    assert [(event["kind"], event["amount_fen"]) for event in events] == [
        ("CHARGED", 4000),
        ("PAID", 4000),
        ("WAIVED", 4000),
        ("REFUNDED", 4000),
    ]


async def test_wechats_self_test_is_acknowledged(house: House) -> None:
    contents = {"echo_message": "您好，世界"}
    letter = a_letter(house.outside, contents, at=house.now(), kind="SECURITY_ECHO.SUCCESS")
    async with nothing_changes():
        assert (await house.hand_in(letter)).status_code == 204
    assert alarms(house) == []


async def test_the_merchants_own_self_test_goes_all_the_way_round(house: House) -> None:
    """POST /v3/security/echo, signed by our client's key; its notice comes to the same door."""
    wired = house.wired
    await build_wechat_pay(wired.settings, wired.http, house.now).ask_for_echo()
    letter = (await house.outside.wait_for_letters(1))[0]
    assert (await house.hand_in(letter)).status_code == 204


async def test_an_unknown_kind_of_notice_is_refused(house: House, booked: dict[str, Any]) -> None:
    letter = a_letter(house.outside, about(house.outside, booked), at=house.now(), kind="COUPON.USE")
    async with nothing_changes():
        assert refused(await house.hand_in(letter))
