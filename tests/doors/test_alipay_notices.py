"""Alipay's notices at our door, signed for real: believed once, refused when wrong, without harm."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from models.checkout.refunding import send_due_refunds
from models.database import rows
from models.orders.operations import intend_payment
from models.orders.tables import Order, Payment, Refund
from payments.alipay import load_private_key
from payments.alipay.wire import beijing
from payments.port import PrepayRequest, Way
from tests.doors.test_payment_notices import alarms, state
from tests.factories.booking import Hall, a_hall, at
from tests.house import Citizen, House, line, nothing_changes
from tests.outside import ALIPAY, ALIPAY_LETTER_BOX, AlipayHouse, Letter, alipay
from tests.payments.alipay_platform import new_key, notice
from tests.resolvers import documents

__all__ = ["alipay"]

ACCEPTED, REFUSED, FORGED, UNKNOWN = (200, "success"), (400, "failure"), (401, "failure"), (500, "failure")

OPEN_PAGE = """
mutation ($orderNo: String!) {
  payOrder(orderNo: $orderNo, channel: ALIPAY, way: MOBILE_WEB) { url userErrors { code message field } }
}
"""
STRANGER = new_key()


@pytest.fixture
async def hall(house: House, alipay: AlipayHouse) -> Hall:
    return await a_hall()


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


@pytest.fixture
async def payment(citizen: Citizen, hall: Hall) -> Payment:
    """An attempt of 4000 fen, whose page the citizen has not opened yet."""
    order = await citizen.places(line(hall.badminton, at(10)))
    await citizen.ask(OPEN_PAGE, orderNo=order["orderNo"])
    return await Payment.get()


@pytest.fixture
async def letter(alipay: AlipayHouse, citizen: Citizen, hall: Hall) -> Letter:
    """The notice of a payment of 4000 fen that our house has not heard of yet."""
    order = await citizen.places(line(hall.badminton, at(10)))
    page = (await citizen.ask(OPEN_PAGE, orderNo=order["orderNo"])).value["url"]
    answer = await alipay.http.post("/_sandbox/pay", json={"url": page})
    assert answer.status_code == 200, answer.text
    return (await alipay.wait_for_letters(1))[0]


def alipays_key(alipay: AlipayHouse) -> RSAPrivateKey:
    return load_private_key((alipay.folder / "alipay_private_key.pem").read_bytes())


def written(
    house: House, alipay: AlipayHouse, payment_no: str, *, key: RSAPrivateKey | None = None, **changed: Any
) -> Letter:
    """A notice of 40.00 yuan that Alipay never sent, put together from its document; `changed` on top."""
    told = {
        "app_id": alipay.env["ALIPAY_APP_ID"],
        "seller_id": alipay.env["ALIPAY_SELLER_ID"],
        "out_trade_no": payment_no,
        "total_amount": "40.00",
        "notify_time": beijing(house.now()),
        "gmt_payment": beijing(house.now()),
    }
    body = notice(key=key or alipays_key(alipay), **told | changed)
    return Letter({"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, body, ALIPAY_LETTER_BOX)


def with_body(letter: Letter, body: bytes) -> Letter:
    return Letter(letter.headers, body, letter.box)


async def answered(house: House, letter: Letter) -> tuple[int, str]:
    answer: httpx.Response = await house.hand_in(letter)
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.status_code, answer.text


def nobody_is_named(house: House, letter: Letter) -> None:
    """Of what the notice says about a person, nothing is in the log."""
    told = dict(parse_qsl(letter.body.decode()))
    personal = ("buyer_id", "buyer_open_id", "buyer_logon_id", "sign")
    assert not [name for name in personal if told.get(name) and told[name] in house.log()]


def whys(house: House) -> list[str]:
    return [said["why"] for said in house.log_lines() if said["event"] == "notice refused"]


async def test_a_payment_is_answered_success_and_settled_once_however_often_it_is_told(
    house: House, citizen: Citizen, letter: Letter
) -> None:
    assert await answered(house, letter) == ACCEPTED
    assert await state(citizen) == ("PAID", 4000)
    async with nothing_changes():
        for _ in range(3):
            assert await answered(house, letter) == ACCEPTED
    assert len(await rows("SELECT id FROM finance_event WHERE kind = 'PAID'")) == 1
    assert len(await rows("SELECT id FROM outbox")) == 1
    taken = [said["outcome"] for said in house.log_lines() if said["event"] == "notice taken"]
    assert taken == ["SETTLED", *["ALREADY"] * 3]
    nobody_is_named(house, letter)
    assert alarms(house) == []


@pytest.mark.parametrize(
    ("changed", "answer", "level"),
    [
        ({"total_amount": "39.99"}, REFUSED, "error"),
        ({"total_amount": "40.01"}, REFUSED, "error"),
        ({"total_amount": "4000"}, REFUSED, "error"),
        ({"total_amount": "40.001"}, FORGED, "warning"),
        ({"total_amount": "-40.00"}, FORGED, "warning"),
        ({"total_amount": None}, FORGED, "warning"),
        ({"app_id": "2021000000000000"}, FORGED, "warning"),
        ({"seller_id": "2088000000000000"}, FORGED, "warning"),
        ({"seller_id": None}, FORGED, "warning"),
        ({"trade_status": "TRADE_HAPPY"}, FORGED, "warning"),
        ({"notify_time": "yesterday"}, FORGED, "warning"),
        ({"trans_currency": "USD"}, FORGED, "warning"),
    ],
    ids=str,
)
async def test_a_genuine_notice_that_says_something_else_than_our_books_changes_nothing(
    house: House,
    alipay: AlipayHouse,
    citizen: Citizen,
    payment: Payment,
    changed: dict[str, Any],
    answer: tuple[int, str],
    level: str,
) -> None:
    wrong = written(house, alipay, payment.payment_no, **changed)
    async with nothing_changes():
        assert await answered(house, wrong) == answer
    assert await state(citizen) == ("PENDING_PAYMENT", 0)
    assert [said["level"] for said in alarms(house)] == [level]
    assert "NoticeForged" not in whys(house)  # Alipay did sign it
    nobody_is_named(house, wrong)
    assert await answered(house, written(house, alipay, payment.payment_no)) == ACCEPTED
    assert await state(citizen) == ("PAID", 4000)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ({"forged_amount": True}, REFUSED),
        ({"notices_app_id": "2021000000000000"}, FORGED),
        ({"notices_seller_id": "2088000000000000"}, FORGED),
        ({"notices_signed_by_unknown": True}, FORGED),
    ],
    ids=str,
)
async def test_what_alipay_itself_sends_wrong_changes_nothing_and_what_it_sends_again_settles(
    house: House,
    alipay: AlipayHouse,
    citizen: Citizen,
    hall: Hall,
    fault: dict[str, Any],
    answer: tuple[int, str],
) -> None:
    await alipay.switch_on(**fault)
    order = await citizen.places(line(hall.badminton, at(10)))
    page = (await citizen.ask(OPEN_PAGE, orderNo=order["orderNo"])).value["url"]
    await alipay.http.post("/_sandbox/pay", json={"url": page})
    wrong = (await alipay.wait_for_letters(1))[0]
    async with nothing_changes():
        assert await answered(house, wrong) == answer
    assert len(alarms(house)) == 1
    await alipay.switch_on()
    again = {"out_trade_no": (await Payment.get()).payment_no}
    await alipay.http.post("/_sandbox/send-notices-again", json=again)
    assert await answered(house, (await alipay.wait_for_letters(2))[1]) == ACCEPTED
    assert await state(citizen) == ("PAID", 4000)


async def test_forged_notices_are_refused_with_an_alarm_each_and_nothing_changes(
    house: House, alipay: AlipayHouse, citizen: Citizen, letter: Letter
) -> None:
    payment_no = (await Payment.get()).payment_no
    told = parse_qsl(letter.body.decode(), keep_blank_values=True)
    unsigned = urlencode([(name, value) for name, value in told if name != "sign"]).encode()
    forged = {
        "by a stranger's key": written(house, alipay, payment_no, key=STRANGER),
        "another amount": with_body(letter, letter.body.replace(b"total_amount=40.00", b"total_amount=40.01")),
        "another payment": with_body(letter, letter.body.replace(payment_no.encode(), b"P20261120SOMEONEELSE")),
        "a changed byte": with_body(letter, letter.body.replace(b"TRADE_SUCCESS", b"TRADE_SUCCESs")),
        "a name more": with_body(letter, letter.body + b"&more=1"),
        "a name twice": with_body(letter, letter.body + b"&total_amount=40.00"),
        "a name twice, spelt in two ways": with_body(letter, letter.body + b"&total%5Famount=0.01"),
        "the signature twice": with_body(letter, letter.body + b"&sign=x"),
        "no signature": with_body(letter, unsigned),
        "an empty signature": with_body(letter, unsigned + b"&sign="),
        "no base64": with_body(letter, unsigned + b"&sign=***"),
        "another kind of signature": with_body(letter, letter.body.replace(b"sign_type=RSA2", b"sign_type=RSA")),
        "broken encoding": with_body(letter, letter.body + b"&x=%zz"),
        "nothing": with_body(letter, b""),
        "no form": with_body(letter, b'{"trade_status": "TRADE_SUCCESS"}'),
        "bytes": with_body(letter, b"\xff\xfe=\x00&=&=&&"),
        "too much": with_body(letter, b"a=" + b"x" * 100_000),
    }
    assert all(each.body != letter.body for each in forged.values())
    async with nothing_changes():
        for what, each in forged.items():
            assert await answered(house, each) == FORGED, what
        assert (await house.http.get(ALIPAY_LETTER_BOX)).status_code == 405
    assert whys(house) == ["NoticeForged"] * len(forged)
    assert {said["level"] for said in alarms(house)} == {"warning"}
    assert payment_no not in house.log()
    nobody_is_named(house, letter)
    assert await answered(house, letter) == ACCEPTED  # the true one still settles


async def test_a_notice_comes_again_for_25_hours_and_is_refused_as_a_replay_after_26(
    house: House, alipay: AlipayHouse, citizen: Citizen, payment: Payment
) -> None:
    told = written(house, alipay, payment.payment_no)
    ahead = written(house, alipay, payment.payment_no, notify_time=beijing(house.now().replace(minute=6)))
    async with nothing_changes():
        assert await answered(house, ahead) == FORGED
    assert await answered(house, told) == ACCEPTED
    async with nothing_changes():
        for hours in (1, 24):
            await house.travel(house.now().replace(second=0) + hours * (at(1) - at(0)))
            assert await answered(house, told) == ACCEPTED
        await house.travel(house.now() + 2 * (at(1) - at(0)))
        assert await answered(house, told) == FORGED
    assert whys(house) == ["NoticeStale"] * 2  # named for what it is: nobody forged it
    assert len(await rows("SELECT id FROM finance_event WHERE kind = 'PAID'")) == 1


async def test_an_unpaid_state_is_acknowledged_and_settles_nothing(
    house: House, alipay: AlipayHouse, citizen: Citizen, payment: Payment
) -> None:
    for unpaid in ("WAIT_BUYER_PAY", "TRADE_CLOSED"):
        told = written(house, alipay, payment.payment_no, trade_status=unpaid, gmt_payment=None)
        assert await answered(house, told) == ACCEPTED
        assert await state(citizen) == ("PENDING_PAYMENT", 0)
    assert alarms(house) == []


async def test_a_payment_that_we_do_not_know_yet_is_a_5xx_without_alarm_and_settles_when_it_comes_again(
    house: House, alipay: AlipayHouse, citizen: Citizen, hall: Hall
) -> None:
    shown = await citizen.places(line(hall.badminton, at(10)))
    order = await Order.get(order_no=shown["orderNo"])
    request = PrepayRequest(
        payment_no="P20261120NOTYETKNOWN",
        description="测试",
        amount_fen=4000,
        way=Way.CODE,
        appid=alipay.channel.appid,
        expires_at=order.hold_expires_at,
    )
    await alipay.pay((await alipay.channel.prepay(request)).invocation)
    letter = (await alipay.wait_for_letters(1))[0]
    async with nothing_changes():
        assert await answered(house, letter) == UNKNOWN
    assert alarms(house) == []
    made = await intend_payment(
        order=order, channel=ALIPAY, way=Way.CODE, appid=request.appid, payer="", now=house.now()
    )
    await Payment.filter(id=made.id).update(payment_no=request.payment_no)
    assert await answered(house, letter) == ACCEPTED
    assert await state(citizen) == ("PAID", 4000)


async def test_another_channels_payment_is_unknown_here(
    house: House, alipay: AlipayHouse, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])  # by WeChat Pay
    async with nothing_changes():
        assert await answered(house, written(house, alipay, (await Payment.get()).payment_no)) == UNKNOWN


async def test_a_refunds_hint_moves_no_money_and_makes_us_ask(
    house: House, alipay: AlipayHouse, citizen: Citizen, letter: Letter
) -> None:
    assert await answered(house, letter) == ACCEPTED
    payment = await Payment.get()
    async with nothing_changes():  # a refund that is none of ours, or of another payment
        never = written(
            house, alipay, payment.payment_no, gmt_refund=beijing(house.now()) + ".123", out_biz_no="R0NEVER"
        )
        assert await answered(house, never) == UNKNOWN
    assert alarms(house) == []
    await alipay.switch_on(http_500_after=True)  # it is done there, and we don't hear so
    order = await Order.get()
    await citizen.ask(documents.CANCEL_ORDER, orderNo=order.order_no)
    await alipay.switch_on()
    refund = await Refund.get()
    assert refund.status == "INTENDED"
    assert refund.next_check_at is not None
    assert refund.next_check_at > house.now()
    elsewhere = written(
        house, alipay, "P20261120SOMEONEELSE", gmt_refund=beijing(house.now()), out_biz_no=refund.refund_no
    )
    async with nothing_changes():
        assert await answered(house, elsewhere) == UNKNOWN
    hint = (await alipay.wait_for_letters(2))[1]
    for _ in range(2):
        assert await answered(house, hint) == ACCEPTED
    assert (await Refund.get()).status == "INTENDED"  # a hint does not say what became of it
    assert await send_due_refunds(channels=house.wired.channels, now=house.now()) == 1
    assert (await Refund.get()).status == "SUCCESS"
    async with nothing_changes():
        assert await answered(house, hint) == ACCEPTED
        assert await answered(house, letter) == ACCEPTED  # the payment's, after its refund
    booked = await rows(
        "SELECT kind, amount_fen FROM finance_event WHERE kind IN ('PAID', 'REFUNDED') ORDER BY id"
    )
    assert [(entry["kind"], entry["amount_fen"]) for entry in booked] == [("PAID", 4000), ("REFUNDED", 4000)]
    nobody_is_named(house, hint)
