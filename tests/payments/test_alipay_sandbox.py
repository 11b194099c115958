"""The whole life of a payment against the sandbox's Alipay, a process that shares no code with us."""

import contextlib
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from payments.alipay import Alipay, App, CertificateTrust, KeyTrust, load_private_key, load_public_key
from payments.alipay.app import Trust
from payments.alipay.wire import BEIJING
from payments.port import (
    CloseResult,
    EntryKind,
    NoticeForged,
    NoticeUnreadable,
    PaymentError,
    PaymentNotice,
    PaymentState,
    PrepayRequest,
    RefundHint,
    RefundRequest,
    RefundState,
    StatementNotReady,
    Way,
)
from tests.conformance.sandbox_houses import House, running

HANDED_OUT = [Way.MOBILE_WEB, Way.DESKTOP_WEB, Way.CODE]
LIFE = timedelta(minutes=15)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("alipay", tmp_path_factory.mktemp("alipay")) as house:
        yield house


@pytest.fixture(autouse=True)
def _as_at_the_start(house: House) -> Iterator[None]:
    yield
    house.switch_on()
    house.control("PUT", "/_sandbox/clock", {"offset_seconds": 0})


@dataclass
class Door:
    """A merchant's notice route on loopback: keeps what comes, and answers as told."""

    url: str = ""
    says: bytes = b"success"
    received: list[bytes] = field(default_factory=list)

    def wait_for(self, count: int) -> list[bytes]:
        deadline = time.monotonic() + 30
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"{len(self.received)} of {count} notices came in time"
            time.sleep(0.01)
        return list(self.received)


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            door.received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(door.says)

        def log_message(self, *_: object) -> None:
            """Silence: the test tells what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    door.url = f"http://127.0.0.1:{server.server_address[1]}/notices"
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Clock:
    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield http


def folder(house: House) -> Path:
    return Path(house.env["ALIPAY_APP_KEY_FILE"]).parent


def plain(house: House) -> KeyTrust:
    return KeyTrust((load_public_key(Path(house.env["ALIPAY_PUBLIC_KEY_FILE"]).read_bytes()),))


def certified(house: House) -> CertificateTrust:
    app, alipay, roots = (
        (folder(house) / f"alipay_{name}.pem").read_bytes()
        for name in ("app_certificate", "certificate", "root_certificate")
    )
    return CertificateTrust(app=app, alipay=[alipay], roots=roots)


def channel(
    http: httpx.AsyncClient,
    house: House,
    door: Door,
    clock: Clock,
    *,
    trust: Trust | None = None,
    key: str = "alipay_app_key.pem",
    timeout_s: float = 5,
) -> Alipay:
    app = App(
        app_id=house.env["ALIPAY_APP_ID"],
        seller_id=house.env["ALIPAY_SELLER_ID"],
        private_key=load_private_key((folder(house) / key).read_bytes()),
        trust=trust or plain(house),
        notify_url=door.url,
    )
    return Alipay(http, gateway_url=f"{house.base_url}/gateway.do", app=app, clock=clock, timeout_s=timeout_s)


@pytest.fixture
def pay(http: httpx.AsyncClient, house: House, door: Door, clock: Clock) -> Alipay:
    return channel(http, house, door, clock)


def new_request(way: Way = Way.CODE) -> PrepayRequest:
    return PrepayRequest(
        payment_no="P" + secrets.token_hex(10),
        description='羽毛球/2 号场 "A" & 更多',
        amount_fen=4500,
        way=way,
        appid="",
        expires_at=datetime.now(UTC) + LIFE,
        return_url="https://example.org/orders/7?a=1&b={2}" if way is not Way.CODE else "",
    )


def refund_of(request: PrepayRequest, amount_fen: int) -> RefundRequest:
    return RefundRequest(
        payment_no=request.payment_no,
        refund_no="R" + secrets.token_hex(10),
        amount_fen=amount_fen,
        payment_amount_fen=request.amount_fen,
        reason="预订已取消",
    )


async def handed_out(pay: Alipay, request: PrepayRequest) -> dict[str, str]:
    """What the payer now holds, as the sandbox's control wants it."""
    invocation = (await pay.prepay(request)).invocation
    return {"url": invocation.url} if invocation.url else {"qr_code": invocation.code or ""}


async def paid(pay: Alipay, house: House, request: PrepayRequest) -> PrepayRequest:
    if request.way is Way.PAYER_CODE:
        assert (await pay.charge(request, payer_code(house))).state is PaymentState.SUCCEEDED
        return request
    answer = house.control("POST", "/_sandbox/pay", await handed_out(pay, request))
    assert answer.status_code == 200, answer.text
    return request


def payer_code(house: House) -> str:
    return str(house.control("POST", "/_sandbox/payer-codes", {}).json()["auth_code"])


async def read(pay: Alipay, body: bytes) -> PaymentNotice | RefundHint:
    return await pay.parse_notice({}, body, datetime.now(UTC))


def refunds_in_the_books(house: House, request: PrepayRequest) -> list[int]:
    books = house.control("GET", "/_sandbox/store").json()["refunds"]
    return [row["refund_fen"] for row in books if row["out_trade_no"] == request.payment_no]


@pytest.mark.parametrize("way", [*HANDED_OUT, Way.PAYER_CODE])
async def test_a_citizen_pays_and_notice_and_query_tell_the_same(
    pay: Alipay, house: House, door: Door, way: Way
) -> None:
    request = await paid(pay, house, new_request(way))
    told = await read(pay, door.wait_for(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.kind == "TRADE_SUCCESS"
    assert told.payment == await pay.query(request.payment_no)
    assert (told.payment.state, told.payment.amount_fen) == (PaymentState.SUCCEEDED, 4500)
    assert told.payment.payment_no == request.payment_no
    assert told.payment.payer


async def test_a_notice_that_we_refuse_comes_again_and_is_still_believed(
    pay: Alipay, house: House, door: Door
) -> None:
    door.says = pay.refuse(200, "not yet").body
    await paid(pay, house, new_request())
    first, second = door.wait_for(2)[:2]
    door.says = pay.acknowledge().body
    one, other = await read(pay, first), await read(pay, second)
    assert one == other


async def test_a_page_whose_address_was_changed_is_not_opened(pay: Alipay, house: House) -> None:
    held = await handed_out(pay, new_request(Way.MOBILE_WEB))
    changed = held["url"].replace("45.00", "0.01")
    assert changed != held["url"]
    assert house.control("POST", "/_sandbox/pay", {"url": changed}).status_code == 400


async def test_the_same_prepayment_again_is_harmless_and_another_amount_is_refused(pay: Alipay) -> None:
    request = new_request()
    assert await pay.prepay(request) == await pay.prepay(request)
    with pytest.raises(PaymentError) as failure:
        await pay.prepay(replace(request, amount_fen=4501))
    assert (failure.value.may_have_happened, failure.value.retryable) == (False, False)


@pytest.mark.parametrize("way", HANDED_OUT)
async def test_what_nobody_opened_may_be_paid_until_its_time_ends_and_not_after(
    pay: Alipay, house: House, clock: Clock, way: Way
) -> None:
    request = new_request(way)
    held = await handed_out(pay, request)
    assert await pay.query(request.payment_no) is None
    with pytest.raises(PaymentError) as failure:
        await pay.close(request.payment_no, way, request.expires_at)
    assert (failure.value.code, failure.value.may_have_happened) == ("MAY_STILL_BE_PAID", False)

    clock.ahead = LIFE
    house.control("PUT", "/_sandbox/clock", {"offset_seconds": LIFE.total_seconds()})
    assert await pay.close(request.payment_no, way, request.expires_at) is CloseResult.CLOSED
    assert house.control("POST", "/_sandbox/pay", held).status_code in (400, 409)
    assert await pay.query(request.payment_no) is None


@pytest.mark.parametrize("way", HANDED_OUT)
async def test_it_was_right_not_to_believe_that_nobody_can_pay(pay: Alipay, house: House, way: Way) -> None:
    request = new_request(way)
    held = await handed_out(pay, request)
    with pytest.raises(PaymentError, match="MAY_STILL_BE_PAID"):
        await pay.close(request.payment_no, way, request.expires_at)
    assert house.control("POST", "/_sandbox/pay", held).status_code == 200
    assert await pay.close(request.payment_no, way, request.expires_at) is CloseResult.ALREADY_PAID


@pytest.mark.parametrize("way", HANDED_OUT)
async def test_what_was_opened_and_left_is_closed_for_good(pay: Alipay, house: House, way: Way) -> None:
    request = new_request(way)
    held = await handed_out(pay, request)
    assert house.control("POST", "/_sandbox/refuse", held).status_code == 200
    waiting = await pay.query(request.payment_no)
    assert waiting is not None
    assert waiting.state is PaymentState.PENDING
    for _ in range(2):
        assert await pay.close(request.payment_no, way, request.expires_at) is CloseResult.CLOSED
    assert house.control("POST", "/_sandbox/pay", held).status_code in (400, 409)
    closed = await pay.query(request.payment_no)
    assert closed is not None
    assert closed.state is PaymentState.CLOSED


@pytest.mark.parametrize("way", [*HANDED_OUT, Way.PAYER_CODE])
async def test_a_paid_payment_can_not_be_closed(pay: Alipay, house: House, way: Way) -> None:
    request = await paid(pay, house, new_request(way))
    assert await pay.close(request.payment_no, way, request.expires_at) is CloseResult.ALREADY_PAID
    assert refunds_in_the_books(house, request) == []
    await pay.refund(refund_of(request, 4500))
    assert await pay.close(request.payment_no, way, request.expires_at) is CloseResult.ALREADY_PAID
    known = await pay.query(request.payment_no)
    assert known is not None
    assert known.state is PaymentState.REFUNDED


async def test_a_desk_waits_for_the_payer_to_confirm_and_gives_up(pay: Alipay, house: House) -> None:
    house.switch_on(payer_must_confirm=True)
    request = new_request(Way.PAYER_CODE)
    waiting = await pay.charge(request, payer_code(house))
    assert (waiting.state, waiting.paid_at) == (PaymentState.PENDING, None)
    for _ in range(2):
        assert await pay.close(request.payment_no, Way.PAYER_CODE, request.expires_at) is CloseResult.CLOSED
    late = house.control("POST", "/_sandbox/pay", {"out_trade_no": request.payment_no})
    assert late.status_code == 409


async def test_a_desks_payment_that_alipay_never_heard_of_is_closed(pay: Alipay) -> None:
    request = new_request(Way.PAYER_CODE)
    assert await pay.close(request.payment_no, Way.PAYER_CODE, request.expires_at) is CloseResult.CLOSED


async def test_a_code_that_was_used_is_refused(pay: Alipay, house: House) -> None:
    code = payer_code(house)
    request = new_request(Way.PAYER_CODE)
    assert (await pay.charge(request, code)).state is PaymentState.SUCCEEDED
    assert (await pay.charge(request, code)).state is PaymentState.SUCCEEDED  # the same again
    with pytest.raises(PaymentError) as failure:
        await pay.charge(new_request(Way.PAYER_CODE), code)
    assert failure.value.code == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert (failure.value.may_have_happened, failure.value.retryable) == (False, False)


async def test_a_charge_that_was_answered_with_500_did_happen_once(pay: Alipay, house: House) -> None:
    request, code = new_request(Way.PAYER_CODE), payer_code(house)
    house.switch_on(http_500_after=True)
    with pytest.raises(PaymentError) as failure:
        await pay.charge(request, code)
    assert (failure.value.may_have_happened, failure.value.retryable) == (True, True)
    house.switch_on()
    assert (await pay.charge(request, code)).state is PaymentState.SUCCEEDED


async def test_refunds_in_parts_and_repeated_move_the_money_once(pay: Alipay, house: House, door: Door) -> None:
    request = await paid(pay, house, new_request())
    parts = [refund_of(request, 1500), refund_of(request, 3000)]
    for part in parts:
        done = await pay.refund(part)
        assert (done.state, done.amount_fen) == (RefundState.SUCCESS, part.amount_fen)
        again = await pay.refund(part)
        assert (again.state, again.amount_fen, again.refund_no) == (
            RefundState.SUCCESS,
            part.amount_fen,
            part.refund_no,
        )
        assert again == await pay.query_refund(part.refund_no, request.payment_no)
    assert refunds_in_the_books(house, request) == [1500, 3000]
    told = [await read(pay, body) for body in door.wait_for(3)]  # the payment's own among them
    by_refund = {
        (hint.refund_no, hint.payment_no): hint.kind for hint in told if isinstance(hint, RefundHint)
    }  # notices overtake each other
    assert by_refund == {
        (part.refund_no, request.payment_no): kind
        for part, kind in zip(parts, ("TRADE_SUCCESS", "TRADE_CLOSED"), strict=True)
    }


async def test_refunds_that_cannot_be_are_refused_clearly(pay: Alipay, house: House) -> None:
    request = await paid(pay, house, new_request())
    part = refund_of(request, 1500)
    await pay.refund(part)
    for wrong in (replace(part, amount_fen=1600), refund_of(request, 3001)):
        with pytest.raises(PaymentError) as failure:
            await pay.refund(wrong)
        assert (failure.value.may_have_happened, failure.value.retryable) == (False, False)
    assert refunds_in_the_books(house, request) == [1500]


async def test_what_alipay_never_heard_of(pay: Alipay, house: House) -> None:
    assert await pay.query("P_never_heard_of") is None
    assert await pay.query_refund("R_never_heard_of", "P_never_heard_of") is None
    request = await paid(pay, house, new_request())
    assert await pay.query_refund("R_never_heard_of", request.payment_no) is None


@pytest.mark.parametrize("fault", ["refund_ends_unknown", "http_500_after", "drop_connection"])
async def test_a_refund_whose_answer_was_lost_is_not_made_twice(pay: Alipay, house: House, fault: str) -> None:
    request = await paid(pay, house, new_request())
    part = refund_of(request, 1500)
    house.switch_on(**{fault: True})
    with pytest.raises(PaymentError) as failure:
        await pay.refund(part)
    assert (failure.value.may_have_happened, failure.value.retryable) == (True, True)
    house.switch_on()
    assert (await pay.refund(part)).state is RefundState.SUCCESS
    known = await pay.query_refund(part.refund_no, request.payment_no)
    assert known is not None
    assert known.state is RefundState.SUCCESS
    assert refunds_in_the_books(house, request) == [1500]


async def test_an_empty_account_is_asked_again_later(pay: Alipay, house: House) -> None:
    request = await paid(pay, house, new_request())
    part = refund_of(request, 1500)
    house.switch_on(seller_balance_empty=True)
    with pytest.raises(PaymentError) as failure:
        await pay.refund(part)
    assert (failure.value.may_have_happened, failure.value.retryable) == (False, True)
    house.switch_on()
    assert (await pay.refund(part)).state is RefundState.SUCCESS


async def test_a_slow_answer_may_have_happened(
    http: httpx.AsyncClient, house: House, door: Door, clock: Clock
) -> None:
    house.switch_on(slow=3)
    with pytest.raises(PaymentError) as failure:
        await channel(http, house, door, clock, timeout_s=0.3).query("P_slow")
    assert (failure.value.code, failure.value.may_have_happened) == ("NO_ANSWER", True)


async def test_a_close_that_was_answered_with_500_is_closed_when_asked_again(pay: Alipay, house: House) -> None:
    request = new_request()
    house.control("POST", "/_sandbox/refuse", await handed_out(pay, request))
    house.switch_on(http_500_after=True)
    with pytest.raises(PaymentError, match="HTTP_500"):
        await pay.close(request.payment_no, request.way, request.expires_at)
    house.switch_on()
    assert await pay.close(request.payment_no, request.way, request.expires_at) is CloseResult.CLOSED


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        ({"notices_signed_by_unknown": True}, NoticeForged),
        ({"notices_seller_id": "2088000000000000"}, NoticeUnreadable),
        ({"notices_app_id": "2021000000000000"}, NoticeUnreadable),
    ],
)
async def test_notices_that_are_not_to_be_believed(
    pay: Alipay, house: House, door: Door, fault: dict[str, object], refusal: type[Exception]
) -> None:
    house.switch_on(**fault)
    await paid(pay, house, new_request())
    with pytest.raises(refusal):
        await read(pay, door.wait_for(1)[0])


async def test_a_genuine_notice_of_another_amount_is_told_as_it_is(pay: Alipay, house: House, door: Door) -> None:
    house.switch_on(forged_amount=True)
    await paid(pay, house, new_request())
    told = await read(pay, door.wait_for(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.payment.amount_fen == 4501  # whoever settles compares it


async def test_a_wrong_clock_is_told_clearly(pay: Alipay, clock: Clock) -> None:
    clock.ahead = timedelta(hours=1)
    with pytest.raises(PaymentError) as failure:
        await pay.query("P_any")
    assert failure.value.code == "isv.invalid-timestamp"
    assert not failure.value.may_have_happened


@pytest.mark.parametrize("way", [*HANDED_OUT, Way.PAYER_CODE])
async def test_certificate_mode_pays_notifies_closes_and_refunds(
    http: httpx.AsyncClient, house: House, door: Door, clock: Clock, way: Way
) -> None:
    pay = channel(http, house, door, clock, trust=certified(house))
    request = await paid(pay, house, new_request(way))
    told = await read(pay, door.wait_for(1)[0])
    assert isinstance(told, PaymentNotice)
    assert told.payment == await pay.query(request.payment_no)
    assert await pay.close(request.payment_no, way, request.expires_at) is CloseResult.ALREADY_PAID
    assert (await pay.refund(refund_of(request, 4500))).state is RefundState.SUCCESS
    with pytest.raises(NoticeForged):  # it was signed with the certificate, which key mode does not know
        await read(channel(http, house, door, clock), door.received[0])


async def test_answers_signed_with_a_key_that_we_do_not_hold_are_not_believed(
    http: httpx.AsyncClient, house: House, door: Door, clock: Clock
) -> None:
    stranger = load_private_key((folder(house) / "alipay_app_key.pem").read_bytes()).public_key()
    with pytest.raises(PaymentError) as failure:
        await channel(http, house, door, clock, trust=KeyTrust((stranger,))).query("P_any")
    assert (failure.value.code, failure.value.may_have_happened) == ("FORGED_ANSWER", True)


@pytest.mark.parametrize("key", ["alipay_app_key_pkcs1.pem", "alipay_app_key_pkcs8.txt"])
async def test_our_key_in_its_other_forms_signs_the_same(
    http: httpx.AsyncClient, house: House, door: Door, clock: Clock, key: str
) -> None:
    pay = channel(http, house, door, clock, key=key)
    request = await paid(pay, house, new_request(Way.DESKTOP_WEB))
    assert await pay.query(request.payment_no)


async def test_a_key_that_alipay_does_not_know_is_told_clearly(
    http: httpx.AsyncClient, house: House, door: Door, clock: Clock
) -> None:
    pay = channel(http, house, door, clock, key="alipay_private_key.pem")
    with pytest.raises(PaymentError) as failure:
        await pay.query("P_any")
    assert (failure.value.code, failure.value.may_have_happened) == ("isv.invalid-signature", False)


async def test_the_statement_has_every_payment_and_refund_of_the_day(pay: Alipay, house: House) -> None:
    request = await paid(pay, house, new_request())
    part = refund_of(request, 1500)
    await pay.refund(part)
    day = datetime.now(BEIJING).date()
    with pytest.raises(StatementNotReady):
        await pay.statement(day)
    house.switch_on(statements_anytime=True, statement_adds=[{"out_trade_no": "P_added", "total_fen": 1}])
    statement = await pay.statement(day)
    assert statement.day == day
    ours = [entry for entry in statement.entries if entry.payment_no == request.payment_no]
    assert [(e.kind, e.refund_no, e.amount_fen, e.refund_state) for e in ours] == [
        (EntryKind.PAYMENT, "", 4500, None),
        (EntryKind.REFUND, part.refund_no, 1500, RefundState.SUCCESS),
    ]
    assert all(entry.happened_at and entry.happened_at.astimezone(BEIJING).date() == day for entry in ours)
    assert [e.amount_fen for e in statement.entries if e.payment_no == "P_added"] == [1]
