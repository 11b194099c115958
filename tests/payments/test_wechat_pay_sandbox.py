"""The whole life of a payment against the sandbox's WeChat Pay, a process that shares no code with us."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from payments.port import (
    BankCard,
    ChannelRefund,
    CloseResult,
    EchoNotice,
    EntryKind,
    Notice,
    NoticeProbe,
    PaymentError,
    PaymentNotice,
    PaymentState,
    Prepayment,
    PrepayRequest,
    RefundNotice,
    RefundRequest,
    RefundState,
    StatementNotReady,
    Way,
)
from payments.wechat_pay import Merchant, WeChatPay, load_private_key, load_public_key
from tests.conformance.sandbox_houses import House, NoticeDoor, Received, notice_door, running

PAYER = "oChengduCitizen"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("wechat-pay", tmp_path_factory.mktemp("wechat-pay")) as house:
        yield house


@pytest.fixture(autouse=True)
def _no_faults(house: House) -> Iterator[None]:
    yield
    house.switch_on()


@pytest.fixture
def door() -> Iterator[NoticeDoor]:
    with notice_door() as door:
        yield door


@pytest.fixture
def real_merchant(house: House, door: NoticeDoor) -> Merchant:
    return Merchant(
        mchid=house.env["WECHAT_PAY_MCHID"],
        appid=house.env["WECHAT_MINI_PROGRAM_APPID"],
        official_account_appid=house.env["WECHAT_OFFICIAL_ACCOUNT_APPID"],
        certificate_serial=house.env["WECHAT_PAY_MERCHANT_SERIAL"],
        private_key=load_private_key(Path(house.env["WECHAT_PAY_MERCHANT_KEY_FILE"]).read_bytes()),
        apiv3_key=house.env["WECHAT_PAY_APIV3_KEY"].encode(),
        notify_url=door.url,
    )


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield http


def channel(
    http: httpx.AsyncClient, house: House, merchant: Merchant, *, public_key: bool = True, timeout_s: float = 5
) -> WeChatPay:
    key = load_public_key(Path(house.env["WECHAT_PAY_PUBLIC_KEY_FILE"]).read_bytes())
    return WeChatPay(
        http,
        base_url=house.base_url,
        merchant=merchant,
        public_keys={house.env["WECHAT_PAY_PUBLIC_KEY_ID"]: key} if public_key else {},
        clock=lambda: datetime.now(UTC),
        nonce=lambda: secrets.token_hex(16),
        timeout_s=timeout_s,
    )


@pytest.fixture
def real_pay(http: httpx.AsyncClient, house: House, real_merchant: Merchant) -> WeChatPay:
    return channel(http, house, real_merchant)


def new_request(pay: WeChatPay, amount_fen: int = 4500) -> PrepayRequest:
    return PrepayRequest(
        payment_no="P" + secrets.token_hex(10),
        description="成都高新体育中心 羽毛球 2 号场",
        amount_fen=amount_fen,
        way=Way.IN_APP,
        appid=pay.appid,
        payer=PAYER,
        expires_at=datetime.now(UTC) + timedelta(minutes=15),
    )


def parameters(prepayment: Prepayment) -> dict[str, str]:
    """What the mini-program would hand to `wx.requestPayment`."""
    assert prepayment.invocation.parameters is not None
    return dict(prepayment.invocation.parameters)


def refund_of(request: PrepayRequest, amount_fen: int) -> RefundRequest:
    return RefundRequest(
        payment_no=request.payment_no,
        refund_no="R" + secrets.token_hex(10),
        amount_fen=amount_fen,
        payment_amount_fen=request.amount_fen,
        reason="预订已取消",
    )


async def paid(pay: WeChatPay, house: House, request: PrepayRequest | None = None) -> PrepayRequest:
    """A payment that the citizen has made."""
    request = request or new_request(pay)
    answer = house.control("POST", "/_sandbox/pay", parameters(await pay.prepay(request)))
    assert answer.status_code == 200, answer.text
    return request


async def read(pay: WeChatPay, received: Received) -> Notice:
    return await pay.parse_notice(received.headers, received.body, datetime.now(UTC))


def refunds_in_the_books(house: House, request: PrepayRequest) -> list[tuple[str, int]]:
    books = house.control("GET", "/_sandbox/store").json()["refunds"]
    return [(r["out_refund_no"], r["refund_fen"]) for r in books if r["out_trade_no"] == request.payment_no]


async def test_a_citizen_pays_and_notice_and_query_tell_the_same(
    real_pay: WeChatPay, house: House, door: NoticeDoor
) -> None:
    request = new_request(real_pay)
    await real_pay.prepay(request)
    before = await real_pay.query(request.payment_no)
    assert before is not None
    assert (before.state, before.paid_at, before.channel_trade_no) == (PaymentState.PENDING, None, None)

    await paid(real_pay, house, request)
    (received,) = door.received(1)
    told = await read(real_pay, received)
    assert isinstance(told, PaymentNotice)
    assert told.payment == await real_pay.query(request.payment_no)
    assert told.payment.state is PaymentState.SUCCEEDED
    assert (told.payment.amount_fen, told.payment.payer) == (4500, PAYER)
    assert told.payment.payment_no == request.payment_no


async def test_the_phone_refuses_parameters_that_were_changed_after_signing(
    real_pay: WeChatPay, house: House
) -> None:
    mine, other = await real_pay.prepay(new_request(real_pay)), await real_pay.prepay(new_request(real_pay))
    changed = parameters(mine) | {"package": f"prepay_id={other.reference}"}
    answer = house.control("POST", "/_sandbox/pay", changed)
    assert (answer.status_code, answer.json()["code"]) == (400, "PAY_SIGN_ERROR")


async def test_the_same_prepayment_again_is_harmless_and_another_amount_is_refused(real_pay: WeChatPay) -> None:
    request = new_request(real_pay)
    first, second = await real_pay.prepay(request), await real_pay.prepay(request)
    assert first.reference != second.reference
    with pytest.raises(PaymentError) as failure:
        await real_pay.prepay(replace(request, amount_fen=4501))
    assert not failure.value.may_have_happened
    assert not failure.value.retryable


async def test_a_closed_payment_can_not_be_paid(real_pay: WeChatPay, house: House) -> None:
    request = new_request(real_pay)
    prepayment = await real_pay.prepay(request)
    assert await real_pay.close(request.payment_no, Way.IN_APP, request.expires_at) is CloseResult.CLOSED
    assert await real_pay.close(request.payment_no, Way.IN_APP, request.expires_at) is CloseResult.CLOSED
    answer = house.control("POST", "/_sandbox/pay", parameters(prepayment))
    assert answer.status_code == 409
    payment = await real_pay.query(request.payment_no)
    assert payment is not None
    assert payment.state is PaymentState.CLOSED


async def test_a_paid_payment_can_not_be_closed(real_pay: WeChatPay, house: House) -> None:
    request = await paid(real_pay, house)
    assert await real_pay.close(request.payment_no, Way.IN_APP, request.expires_at) is CloseResult.ALREADY_PAID
    payment = await real_pay.query(request.payment_no)
    assert payment is not None
    assert payment.state is PaymentState.SUCCEEDED


async def test_what_wechat_pay_never_heard_of(real_pay: WeChatPay) -> None:
    assert await real_pay.query("P-never-heard-of") is None
    assert await real_pay.query_refund("R-never-heard-of", "P-never-heard-of") is None
    assert await real_pay.close("P-never-heard-of", Way.IN_APP, datetime.now(UTC)) is CloseResult.UNKNOWN


async def test_a_refund_is_settled_and_notice_and_query_tell_the_same(
    real_pay: WeChatPay, house: House, door: NoticeDoor
) -> None:
    request = await paid(real_pay, house)
    refund = refund_of(request, 1500)
    assert (await real_pay.refund(refund)).state is RefundState.PROCESSING
    told = await read(real_pay, door.received(2)[1])
    assert isinstance(told, RefundNotice)
    assert told.refund == await real_pay.query_refund(refund.refund_no, refund.payment_no)
    assert told.refund.state is RefundState.SUCCESS
    assert (told.refund.amount_fen, told.refund.payment_amount_fen) == (1500, 4500)
    payment = await real_pay.query(request.payment_no)
    assert payment is not None
    assert payment.state is PaymentState.REFUNDED


@pytest.mark.parametrize("ending", ["ABNORMAL", "CLOSED"])
async def test_a_refund_that_fails_says_so(
    real_pay: WeChatPay, house: House, door: NoticeDoor, ending: str
) -> None:
    house.switch_on(refunds_end_as=ending)
    request = await paid(real_pay, house)
    await real_pay.refund(refund_of(request, 4500))
    told = await read(real_pay, door.received(2)[1])
    assert isinstance(told, RefundNotice)
    assert (told.kind, told.refund.state) == (f"REFUND.{ending}", RefundState(ending))
    assert told.refund.refunded_at is None


async def test_the_same_refund_number_refunds_once(real_pay: WeChatPay, house: House) -> None:
    request = await paid(real_pay, house)
    refund = refund_of(request, 1500)
    first, second = await real_pay.refund(refund), await real_pay.refund(refund)
    assert first.channel_refund_no == second.channel_refund_no
    assert refunds_in_the_books(house, request) == [(refund.refund_no, 1500)]


async def test_more_than_was_paid_is_not_refunded(real_pay: WeChatPay, house: House) -> None:
    request = await paid(real_pay, house)
    await real_pay.refund(refund_of(request, 3000))
    with pytest.raises(PaymentError) as failure:
        await real_pay.refund(refund_of(request, 1501))
    assert not failure.value.may_have_happened
    assert len(refunds_in_the_books(house, request)) == 1


async def test_an_empty_merchant_account_can_be_asked_again_with_the_same_number(
    real_pay: WeChatPay, house: House
) -> None:
    request = await paid(real_pay, house)
    refund = refund_of(request, 4500)
    house.switch_on(merchant_balance_empty=True)
    with pytest.raises(PaymentError) as failure:
        await real_pay.refund(refund)
    assert (failure.value.code, failure.value.retryable) == ("NOT_ENOUGH", True)
    assert not failure.value.may_have_happened
    house.switch_on()
    assert (await real_pay.refund(refund)).refund_no == refund.refund_no


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"http_500_after": True}, "SYSTEM_ERROR"),
        ({"slow": 3}, "NO_ANSWER"),
        ({"drop_connection": True}, "NO_ANSWER"),
        ({"signtest": True}, "FORGED_ANSWER"),
    ],
)
async def test_a_refund_whose_answer_was_lost_may_have_happened_and_the_same_number_finds_it(
    http: httpx.AsyncClient,
    real_pay: WeChatPay,
    real_merchant: Merchant,
    house: House,
    fault: dict[str, object],
    code: str,
) -> None:
    request = await paid(real_pay, house)
    refund = refund_of(request, 4500)
    hasty = channel(http, house, real_merchant, timeout_s=1.5)
    house.switch_on(**fault)
    with pytest.raises(PaymentError) as failure:
        await hasty.refund(refund)
    assert (failure.value.code, failure.value.may_have_happened, failure.value.retryable) == (code, True, True)
    house.switch_on()
    found = await real_pay.query_refund(refund.refund_no, refund.payment_no)
    assert found is not None
    assert (await real_pay.refund(refund)).channel_refund_no == found.channel_refund_no
    assert refunds_in_the_books(house, request) == [(refund.refund_no, 4500)]


async def test_a_500_before_anything_happened_looks_the_same_and_the_query_tells(
    real_pay: WeChatPay, house: House
) -> None:
    request = new_request(real_pay)
    house.switch_on(http_500=True)
    with pytest.raises(PaymentError) as failure:
        await real_pay.prepay(request)
    assert failure.value.may_have_happened
    house.switch_on()
    assert await real_pay.query(request.payment_no) is None


@pytest.mark.parametrize("public_key", [True, False])
async def test_notices_by_certificate_are_believed_with_and_without_a_public_key(
    http: httpx.AsyncClient, real_merchant: Merchant, house: House, door: NoticeDoor, public_key: bool
) -> None:
    pay = channel(http, house, real_merchant, public_key=public_key)
    house.switch_on(notices_signed_by="certificate")
    request = await paid(pay, house)
    told = await read(pay, door.received(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.payment.payment_no == request.payment_no
    assert not door.received(1)[0].headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_")


async def test_while_the_certificate_is_rotated_notices_by_the_old_and_the_new_are_believed(
    real_pay: WeChatPay, house: House, door: NoticeDoor
) -> None:
    house.switch_on(notices_signed_by="certificate")
    await paid(real_pay, house)
    (by_old,) = door.received(1)
    house.switch_on(notices_signed_by="certificate", rotate_certificate=True)
    await paid(real_pay, house)
    by_new = door.received(2)[1]
    assert by_old.headers["Wechatpay-Serial"] != by_new.headers["Wechatpay-Serial"]
    for received in (by_new, by_old, by_new):
        assert isinstance(await read(real_pay, received), PaymentNotice)


async def test_a_merchant_without_public_key_goes_on_over_a_rotation(
    http: httpx.AsyncClient, real_merchant: Merchant, house: House
) -> None:
    ahead = timedelta(0)
    pay = WeChatPay(
        http,
        base_url=house.base_url,
        merchant=real_merchant,
        public_keys={},
        clock=lambda: datetime.now(UTC) + ahead,
        nonce=lambda: secrets.token_hex(16),
    )
    request = new_request(pay)
    await pay.prepay(request)
    house.switch_on(rotate_certificate=True)
    ahead = timedelta(seconds=40)  # there are at least 30 seconds between two downloads
    assert await pay.query(request.payment_no) is not None


async def test_a_probing_notice_is_refused_and_the_genuine_one_comes_after_it(
    real_pay: WeChatPay, house: House, door: NoticeDoor
) -> None:
    request = new_request(real_pay)
    prepayment = await real_pay.prepay(request)
    house.switch_on(signtest=True)
    house.control("POST", "/_sandbox/pay", parameters(prepayment))
    probe, genuine = door.received(2)
    with pytest.raises(NoticeProbe):
        await read(real_pay, probe)
    assert isinstance(await read(real_pay, genuine), PaymentNotice)


async def test_a_doubled_notice_has_one_number(real_pay: WeChatPay, house: House, door: NoticeDoor) -> None:
    house.switch_on(doubled_notices=True)
    await paid(real_pay, house)
    first, second = [await read(real_pay, received) for received in door.received(2)]
    assert first == second


async def test_a_notice_that_tells_of_one_fen_more_is_read_as_it_is(
    real_pay: WeChatPay, house: House, door: NoticeDoor
) -> None:
    house.switch_on(forged_amount=True)
    await paid(real_pay, house)
    told = await read(real_pay, door.received(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.payment.amount_fen == 4501


async def test_a_request_signed_with_another_key_is_refused(
    http: httpx.AsyncClient, real_merchant: Merchant, house: House
) -> None:
    stranger = replace(real_merchant, private_key=generate_private_key(public_exponent=65537, key_size=2048))
    pay = channel(http, house, stranger)
    request = new_request(pay)
    with pytest.raises(PaymentError) as failure:
        await pay.prepay(request)
    assert (failure.value.code, failure.value.may_have_happened) == ("SIGN_ERROR", False)
    assert await channel(http, house, real_merchant).query(request.payment_no) is None


@pytest.mark.parametrize("public_key", [True, False])
async def test_the_merchants_self_test_is_answered_and_noticed(
    house: House, real_merchant: Merchant, door: NoticeDoor, http: httpx.AsyncClient, public_key: bool
) -> None:
    house.switch_on(notices_signed_by="public_key" if public_key else "certificate")
    pay = channel(http, house, real_merchant, public_key=public_key)
    await pay.ask_for_echo()
    letter = door.received(1)[0]
    notice = await pay.parse_notice(letter.headers, letter.body, datetime.now(UTC))
    assert isinstance(notice, EchoNotice)


async def test_the_self_test_of_a_merchant_with_the_wrong_key_fails(
    house: House, real_merchant: Merchant, http: httpx.AsyncClient
) -> None:
    wrong = replace(real_merchant, private_key=generate_private_key(public_exponent=65537, key_size=2048))
    with pytest.raises(PaymentError, match="SIGN_ERROR"):
        await channel(http, house, wrong).ask_for_echo()


# The other ways to pay.


def by(way: Way, pay: WeChatPay, **changed: Any) -> PrepayRequest:
    return replace(new_request(pay), way=way, payer="", **changed)


def payer_code(house: House) -> str:
    """What the citizen's phone shows to be scanned."""
    return str(house.control("POST", "/_sandbox/payer-codes", {"openid": PAYER}).json()["auth_code"])


async def state_of(pay: WeChatPay, request: PrepayRequest) -> PaymentState:
    payment = await pay.query(request.payment_no)
    assert payment is not None
    return payment.state


async def test_a_citizen_pays_in_the_official_account(
    real_pay: WeChatPay, real_merchant: Merchant, house: House, door: NoticeDoor
) -> None:
    request = replace(new_request(real_pay), appid=real_merchant.official_account_appid)
    await paid(real_pay, house, request)
    told = await read(real_pay, door.received(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.payment.appid == real_merchant.official_account_appid
    assert told.payment == await real_pay.query(request.payment_no)


async def test_a_citizen_pays_in_a_browser(
    real_pay: WeChatPay, http: httpx.AsyncClient, house: House, door: NoticeDoor
) -> None:
    request = by(Way.MOBILE_WEB, real_pay, payer_address="203.0.113.7", return_url="https://example.org/?a=1&b=2")
    url = (await real_pay.prepay(request)).invocation.url
    assert url is not None
    assert (await http.get(url)).status_code == 200
    assert house.control("POST", "/_sandbox/pay", {"h5_url": url}).status_code == 200
    told = await read(real_pay, door.received(1)[0])
    assert isinstance(told, PaymentNotice)
    assert (told.payment.state, told.payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert told.payment == await real_pay.query(request.payment_no)


async def test_somebody_pays_by_scanning_our_code(real_pay: WeChatPay, house: House, door: NoticeDoor) -> None:
    request = by(Way.CODE, real_pay)
    code = (await real_pay.prepay(request)).invocation.code
    answer = house.control("POST", "/_sandbox/pay", {"code_url": code, "openid": "oSomebody"})
    assert answer.status_code == 200, answer.text
    told = await read(real_pay, door.received(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.payment.payer == "oSomebody"


async def test_a_desk_charges_the_payers_code_once(real_pay: WeChatPay, house: House) -> None:
    code, request = payer_code(house), by(Way.PAYER_CODE, real_pay, venue="gaoxin")
    payment = await real_pay.charge(request, code)
    assert (payment.state, payment.amount_fen, payment.payer) == (PaymentState.SUCCEEDED, 4500, PAYER)
    assert payment == await real_pay.query(request.payment_no)
    with pytest.raises(PaymentError) as again:
        await real_pay.charge(by(Way.PAYER_CODE, real_pay, venue="gaoxin"), code)
    assert (again.value.may_have_happened, again.value.retryable) == (False, False)
    with pytest.raises(PaymentError) as same_number:
        await real_pay.charge(request, payer_code(house))
    assert same_number.value.may_have_happened


@pytest.mark.parametrize("confirms", [True, False])
async def test_a_charge_that_waits_for_the_payer_is_paid_or_reversed(
    real_pay: WeChatPay, house: House, confirms: bool
) -> None:
    house.switch_on(payer_must_confirm=True)
    request = by(Way.PAYER_CODE, real_pay, venue="gaoxin")
    assert (await real_pay.charge(request, payer_code(house))).state is PaymentState.PENDING
    assert await state_of(real_pay, request) is PaymentState.PENDING
    if confirms:
        house.control("POST", "/_sandbox/pay", {"out_trade_no": request.payment_no})
    closed = await real_pay.close(request.payment_no, Way.PAYER_CODE, request.expires_at)
    assert closed is (CloseResult.ALREADY_PAID if confirms else CloseResult.CLOSED)
    assert await real_pay.close(request.payment_no, Way.PAYER_CODE, request.expires_at) is closed
    assert await state_of(real_pay, request) is (PaymentState.SUCCEEDED if confirms else PaymentState.CLOSED)
    late = house.control("POST", "/_sandbox/pay", {"out_trade_no": request.payment_no})
    assert late.status_code == 409


async def test_a_charge_that_wechat_pay_never_heard_of_is_told_as_such(real_pay: WeChatPay) -> None:
    never = by(Way.PAYER_CODE, real_pay, venue="gaoxin")
    assert await real_pay.close(never.payment_no, Way.PAYER_CODE, never.expires_at) is CloseResult.UNKNOWN


async def test_a_charge_whose_answer_was_lost_is_found_by_its_number(real_pay: WeChatPay, house: House) -> None:
    request = by(Way.PAYER_CODE, real_pay, venue="gaoxin")
    code = payer_code(house)
    house.switch_on(http_500_after=True)
    with pytest.raises(PaymentError) as failure:
        await real_pay.charge(request, code)
    assert failure.value.may_have_happened
    house.switch_on()
    assert await state_of(real_pay, request) is PaymentState.SUCCEEDED


# What goes wrong with refunds, and what WeChat Pay writes of it all.


async def settled(pay: WeChatPay, refund_no: str, payment_no: str) -> ChannelRefund:
    for _ in range(200):
        refund = await pay.query_refund(refund_no, payment_no)
        assert refund is not None
        if refund.state is not RefundState.PROCESSING:
            return refund
        await asyncio.sleep(0.02)
    raise AssertionError("the refund never settled")


@pytest.mark.parametrize("public_key", [True, False])
@pytest.mark.parametrize(
    "card", [BankCard(bank_type="ICBC_DEBIT", number="6222020402012345678", holder="欧阳"), None]
)
async def test_an_abnormal_refund_is_sent_elsewhere_and_arrives(
    http: httpx.AsyncClient, house: House, real_merchant: Merchant, public_key: bool, card: BankCard | None
) -> None:
    pay = channel(http, house, real_merchant, public_key=public_key)
    request = await paid(pay, house)
    house.switch_on(refunds_end_as="ABNORMAL")
    asked = await pay.refund(refund_of(request, 4500))
    abnormal = await settled(pay, asked.refund_no, request.payment_no)
    assert abnormal.state is RefundState.ABNORMAL
    again = await pay.redirect_refund(abnormal, card)
    assert (again.refund_no, again.state) == (asked.refund_no, RefundState.PROCESSING)
    assert (await settled(pay, asked.refund_no, request.payment_no)).state is RefundState.SUCCESS


async def test_a_card_is_sealed_for_the_newest_certificate_after_the_old_one_was_retired(
    http: httpx.AsyncClient, house: House, real_merchant: Merchant
) -> None:
    ahead = timedelta(0)
    pay = WeChatPay(
        http,
        base_url=house.base_url,
        merchant=real_merchant,
        public_keys={},
        clock=lambda: datetime.now(UTC) + ahead,
        nonce=lambda: secrets.token_hex(16),
    )
    request = await paid(pay, house)
    house.switch_on(refunds_end_as="ABNORMAL", rotate_certificate=True, retire_certificates=True)
    ahead = timedelta(seconds=40)
    asked = await pay.refund(refund_of(request, 4500))
    abnormal = await settled(pay, asked.refund_no, request.payment_no)
    card = BankCard(bank_type="CMB_DEBIT", number="6214830000000000", holder="张三")
    assert (await pay.redirect_refund(abnormal, card)).state is RefundState.PROCESSING


def today() -> date:
    return datetime.now(timezone(timedelta(hours=8))).date()


async def test_the_statement_tells_what_was_paid_and_given_back(real_pay: WeChatPay, house: House) -> None:
    house.switch_on(payer_must_confirm=True)
    in_app = await paid(real_pay, house)
    by_code, reversed_one = (by(Way.PAYER_CODE, real_pay, venue="gaoxin") for _ in range(2))
    for charged in (by_code, reversed_one):
        await real_pay.charge(charged, payer_code(house))
    house.control("POST", "/_sandbox/pay", {"out_trade_no": by_code.payment_no})
    await real_pay.close(reversed_one.payment_no, Way.PAYER_CODE, reversed_one.expires_at)
    refund = await real_pay.refund(refund_of(in_app, 1500))
    house.switch_on(statements_anytime=True)
    statement = await real_pay.statement(today())
    ours = {request.payment_no for request in (in_app, by_code, reversed_one)}
    entries = [entry for entry in statement.entries if entry.payment_no in ours]
    told = {(entry.kind, entry.payment_no, entry.refund_no, entry.amount_fen) for entry in entries}
    assert told == {
        (EntryKind.PAYMENT, in_app.payment_no, "", 4500),
        (EntryKind.PAYMENT, by_code.payment_no, "", 4500),
        (EntryKind.REFUND, in_app.payment_no, refund.refund_no, 1500),
    }
    payment = await real_pay.query(in_app.payment_no)
    assert payment is not None
    (entry,) = (
        entry for entry in entries if (entry.kind, entry.payment_no) == (EntryKind.PAYMENT, in_app.payment_no)
    )
    assert (entry.channel_trade_no, entry.happened_at) == (payment.channel_trade_no, payment.paid_at)


async def test_a_statement_may_be_late_wrong_or_empty(real_pay: WeChatPay, house: House) -> None:
    await paid(real_pay, house)
    house.switch_on(statement_creating=True, statements_anytime=True)
    with pytest.raises(StatementNotReady):
        await real_pay.statement(today())
    house.switch_on(statement_hash_wrong=True, statements_anytime=True)
    with pytest.raises(PaymentError, match="STATEMENT_BROKEN"):
        await real_pay.statement(today())
    house.switch_on(statements_anytime=True)
    assert (await real_pay.statement(today() - timedelta(days=7))).entries == ()


async def test_who_confirms_at_the_moment_of_the_reversal_gets_the_money_back_and_no_entry_tells_of_it(
    http: httpx.AsyncClient, real_pay: WeChatPay, house: House
) -> None:
    house.switch_on(payer_must_confirm=True, statements_anytime=True)
    request = by(Way.PAYER_CODE, real_pay, venue="gaoxin")
    await real_pay.charge(request, payer_code(house))

    async def confirm_first(sent: httpx.Request) -> None:
        if sent.url.path.endswith("/reverse"):
            house.control("POST", "/_sandbox/pay", {"out_trade_no": request.payment_no})

    http.event_hooks = {"request": [confirm_first]}
    closed = await real_pay.close(request.payment_no, Way.PAYER_CODE, request.expires_at)
    assert closed is CloseResult.CLOSED
    assert await state_of(real_pay, request) is PaymentState.CLOSED
    given_back = house.control("GET", "/_sandbox/store").json()["refunds"]
    assert [r["refund_fen"] for r in given_back if r["out_trade_no"] == request.payment_no] == [4500]
    statement = await real_pay.statement(today())
    assert request.payment_no not in {entry.payment_no for entry in statement.entries}
