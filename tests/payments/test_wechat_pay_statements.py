"""The statement of a day (交易账单): fetched from WeChat Pay and nowhere else, and believed whole or not at all."""

import asyncio
import gzip
import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.port import (
    EntryKind,
    PaymentError,
    RefundState,
    Statement,
    StatementEntry,
    StatementNotReady,
)
from payments.wechat_pay import Merchant, WeChatPay, statements
from tests.payments.conftest import Clock
from tests.payments.wechat_pay_platform import (
    MCHID,
    STATEMENT_COLUMNS,
    Signer,
    Wire,
    statement_file,
    statement_refund_row,
    statement_row,
)

DAY = date(2026, 11, 20)
OFFER = "/v3/bill/tradebill"
DOWNLOAD = "/v3/billdownload/file"
URL = f"https://pay.example{DOWNLOAD}?token=ps7aUl0PD5nzqkfOG20X8R6"
PAYMENT = StatementEntry(
    kind=EntryKind.PAYMENT,
    payment_no="P20261120000001",
    channel_trade_no="4200000001202611201234567890",
    amount_fen=4500,
    fee_fen=27,
    happened_at=datetime(2026, 11, 20, 1, 59, 56, tzinfo=UTC),
)
REFUND = StatementEntry(
    kind=EntryKind.REFUND,
    payment_no="P20261120000001",
    refund_no="R20261120000001",
    channel_trade_no="4200000001202611201234567890",
    amount_fen=1500,
    fee_fen=-9,
    happened_at=datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC),
    refund_state=RefundState.PROCESSING,
)
Publish = Callable[..., bytes]


@pytest.fixture
def publish(wire: Wire, public_key: Signer, clock: Clock) -> Publish:
    """WeChat Pay has this file ready: `contents`, packed unless told otherwise."""

    def prepare(contents: bytes, *, packed: bytes | None = None, **changed: Any) -> bytes:
        file = gzip.compress(contents) if packed is None else packed
        sha1 = hashlib.sha1(contents).hexdigest()
        offer = json.dumps({"hash_type": "SHA1", "hash_value": sha1, "download_url": URL} | changed).encode()
        wire.answers[OFFER] = lambda: httpx.Response(
            200, content=offer, headers=public_key.headers(offer, clock())
        )
        wire.answers[DOWNLOAD] = lambda: httpx.Response(200, stream=httpx.ByteStream(file))
        return file

    return prepare


async def broken(pay: WeChatPay) -> None:
    with pytest.raises(PaymentError) as failure:
        await pay.statement(DAY)
    error = failure.value
    assert (error.code, error.may_have_happened, error.retryable) == ("STATEMENT_BROKEN", False, True)


async def test_a_statement_is_read_to_the_last_fen(pay: WeChatPay, wire: Wire, publish: Publish) -> None:
    file = publish(statement_file(statement_row(), statement_refund_row()))
    statement = await pay.statement(DAY)
    assert statement.entries == (PAYMENT, REFUND)
    assert (statement.day, statement.digest) == (DAY, hashlib.sha256(file).hexdigest())
    asked, fetched = wire.requests
    assert asked.url.raw_path == b"/v3/bill/tradebill?bill_date=2026-11-20&bill_type=ALL&tar_type=GZIP"
    assert fetched.headers["Authorization"].startswith("WECHATPAY2-SHA256-RSA2048 ")
    assert fetched.headers["Accept-Encoding"] == "identity"  # else the transport might unpack it unasked


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda contents: contents.removeprefix(b"\xef\xbb\xbf"),
        lambda contents: contents.replace(b"\r\n", b"\n"),
        lambda contents: contents.rstrip(b"\r\n"),
    ],
)
async def test_a_bom_and_line_ends_do_not_matter(
    pay: WeChatPay, publish: Publish, rewrite: Callable[[bytes], bytes]
) -> None:
    publish(rewrite(statement_file(statement_row(), statement_refund_row())))
    assert (await pay.statement(DAY)).entries == (PAYMENT, REFUND)


async def test_columns_go_by_name_in_any_order_and_new_ones_do_not_matter(
    pay: WeChatPay, publish: Publish
) -> None:
    columns = sorted([*STATEMENT_COLUMNS, "新字段"])
    rows = [row | {"新字段": "x"} for row in (statement_row(), statement_refund_row())]
    publish(statement_file(*rows, columns=columns))
    assert (await pay.statement(DAY)).entries == (PAYMENT, REFUND)


async def test_what_we_called_the_goods_does_not_shift_the_columns(pay: WeChatPay, publish: Publish) -> None:
    publish(statement_file(statement_row(商品名称='羽毛球,2 "号" `场\\n', 商户数据包=",")))
    assert (await pay.statement(DAY)).entries == (PAYMENT,)


async def test_a_charge_that_was_reversed_is_counted_but_is_no_entry(pay: WeChatPay, publish: Publish) -> None:
    charged = {"商户订单号": "P20261120000002", "交易类型": "MICROPAY"}
    given_back = statement_refund_row(**charged, 交易状态="REVOKED", 商户退款单号="0", 退款状态="")
    publish(statement_file(statement_row(**charged), statement_row(), given_back))
    assert (await pay.statement(DAY)).entries == (PAYMENT,)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("SUCCESS", RefundState.SUCCESS),
        ("PROCESSING", RefundState.PROCESSING),
        ("CHANGE", RefundState.ABNORMAL),
        ("ABNORMAL", RefundState.ABNORMAL),
        ("CLOSED", RefundState.CLOSED),
        ("REFUNDCLOSE", RefundState.CLOSED),
        ("FAIL", RefundState.CLOSED),
    ],
)
async def test_a_refund_tells_where_it_stood(
    pay: WeChatPay, publish: Publish, theirs: str, ours: RefundState
) -> None:
    publish(statement_file(statement_refund_row(退款状态=theirs)))
    assert [entry.refund_state for entry in (await pay.statement(DAY)).entries] == [ours]


async def test_a_day_on_which_nothing_happened_has_a_statement_without_entries(
    pay: WeChatPay, wire: Wire, publish: Publish
) -> None:
    wire.answers[OFFER] = lambda: httpx.Response(400, json={"code": "NO_STATEMENT_EXIST", "message": "账单不存在"})
    empty = Statement(day=DAY, entries=(), digest=hashlib.sha256(b"").hexdigest())
    assert await pay.statement(DAY) == empty
    publish(statement_file())
    assert (await pay.statement(DAY)).entries == ()


async def test_a_statement_that_is_still_written_is_asked_for_again_later(pay: WeChatPay, wire: Wire) -> None:
    wire.answers[OFFER] = lambda: httpx.Response(400, json={"code": "STATEMENT_CREATING", "message": "账单生成中"})
    with pytest.raises(StatementNotReady):
        await pay.statement(DAY)


async def test_an_unsigned_offer_is_forged_and_nothing_is_fetched(
    pay: WeChatPay, wire: Wire, publish: Publish
) -> None:
    publish(statement_file())
    wire.answers[OFFER] = lambda: httpx.Response(
        200, json={"hash_type": "SHA1", "hash_value": "0" * 40, "download_url": URL}
    )
    with pytest.raises(PaymentError, match="FORGED_ANSWER"):
        await pay.statement(DAY)
    assert wire.asked(DOWNLOAD) == []


@pytest.mark.parametrize(
    "offer",
    [
        {"hash_value": "0" * 40},
        {"hash_value": None},
        {"hash_type": "MD5"},
        {"download_url": None},
        {"download_url": ""},
        {"download_url": "https://pay.example:port/"},
    ],
)
async def test_an_offer_of_another_file_is_broken(pay: WeChatPay, publish: Publish, offer: dict[str, Any]) -> None:
    publish(statement_file(statement_row()), **offer)
    await broken(pay)


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        statement_file(statement_row())[:-40],
        statement_file(statement_row()) + b"`1\r\n",
        statement_file(statement_row()).replace("总交易单数".encode(), "总单数".encode()),
        statement_file(statement_row()).replace("手续费总金额".encode(), "手续费".encode()),
        statement_file(statement_row()).replace("商户订单号".encode(), "单号".encode()),
        statement_file(statement_row()).replace("费率备注".encode(), "费率".encode()),
        statement_file(statement_row()).replace(b",`CNY", b""),
        statement_file(statement_row(), 总交易单数="2"),
        statement_file(statement_row(), 订单总金额="45.01"),
        statement_file(statement_row(), 手续费总金额="0.27001"),
        statement_file(statement_refund_row(), 申请退款总金额="14.99"),
        statement_file(statement_row(商户号="1900000110")),
        statement_file(statement_row(货币种类="USD")),
        statement_file(statement_row(交易时间="2026-11-21 00:00:00")),
        statement_file(statement_row(交易时间="2026-11-20 09:59:56+08:00")),
        statement_file(statement_row(交易时间="")),
        statement_file(statement_row(交易状态="WON")),
        statement_file(statement_row(商户订单号="")),
        statement_file(statement_row(微信订单号="0")),
        statement_file(statement_row(订单金额="45.005")),
        statement_file(statement_row(订单金额="-45.00")),
        statement_file(statement_row(订单金额="4.5e1")),
        statement_file(statement_row(订单金额="４５.00")),
        statement_file(statement_row(订单金额="NaN"), 订单总金额="NaN"),
        statement_file(statement_refund_row(商户退款单号="0")),
        statement_file(statement_refund_row(退款状态="LOST")),
        statement_file(statement_refund_row(退款状态="")),
    ],
)
async def test_a_statement_that_is_not_as_it_should_be_is_broken(
    pay: WeChatPay, publish: Publish, contents: bytes
) -> None:
    publish(contents)
    await broken(pay)


@pytest.mark.parametrize(
    "damage",
    [lambda file: b"", lambda file: file[:-9], lambda file: b"PK\x03\x04", lambda file: file + b"more"],
)
async def test_a_file_damaged_on_the_way_is_broken(
    pay: WeChatPay, publish: Publish, damage: Callable[[bytes], bytes]
) -> None:
    contents = statement_file(statement_row())
    publish(contents, packed=damage(gzip.compress(contents)))
    await broken(pay)


@pytest.mark.parametrize("bomb", [b"\0" * 300_000_000, b"`\n" * 110_000_000], ids=["one line", "many lines"])
async def test_a_zip_bomb_is_broken(pay: WeChatPay, publish: Publish, bomb: bytes) -> None:
    publish(b"", packed=gzip.compress(bomb, 1))
    await asyncio.wait_for(broken(pay), timeout=20)


async def test_an_endless_download_is_cut_off(pay: WeChatPay, wire: Wire, publish: Publish) -> None:
    sent = 0

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            nonlocal sent
            while True:
                sent += 1_000_000
                yield b"\0" * 1_000_000

    publish(b"")
    wire.answers[DOWNLOAD] = lambda: httpx.Response(200, stream=Endless())
    await broken(pay)
    assert sent == statements.MOST_PACKED + 1_000_000


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v3/billdownload/file",
        "http://pay.example/v3/billdownload/file",
        "https://pay.example:8443/v3/billdownload/file",
        "https://pay.example.evil.example/v3/billdownload/file",
        "https://pay.example@evil.example/v3/billdownload/file",
        "https://me:secret@pay.example/v3/billdownload/file",
        "https://evil.example\\@pay.example/v3/billdownload/file",
        "//evil.example/v3/billdownload/file",
        "/v3/billdownload/file",
        "https://api.mch.weixin.qq.com/v3/billdownload/file",
        "file:///etc/passwd",
    ],
)
async def test_our_signature_goes_nowhere_but_to_wechat_pay(
    pay: WeChatPay, wire: Wire, publish: Publish, url: str
) -> None:
    publish(statement_file(), download_url=url)
    await broken(pay)
    assert [request.url.path for request in wire.requests] == [OFFER]


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://api.mch.weixin.qq.com/v3/billdownload/file?token=1", True),
        (" https://api.mch.weixin.qq.com/v3/billdownload/file?token=1", True),  # so printed in the document
        ("https://api2.mch.weixin.qq.com/v3/billdownload/file?token=1", True),
        ("https://api.mch.weixin.qq.com:443/v3/billdownload/file?token=1", True),
        ("https://api.mch.weixin.qq.com:8443/v3/billdownload/file?token=1", False),
        ("http://api.mch.weixin.qq.com/v3/billdownload/file?token=1", False),
        ("https://mch.weixin.qq.com.evil.example/v3/billdownload/file?token=1", False),
        ("https://evilmch.weixin.qq.com/v3/billdownload/file?token=1", False),
    ],
)
async def test_the_real_wechat_pay_may_keep_files_on_a_neighbouring_host(
    wire: Wire, merchant: Merchant, public_key: Signer, clock: Clock, publish: Publish, url: str, ours: bool
) -> None:
    pay = WeChatPay(
        wire.http,
        base_url="https://api.mch.weixin.qq.com",
        merchant=merchant,
        public_keys={public_key.serial: public_key.private_key.public_key()},
        clock=clock,
        nonce=lambda: "n" * 32,
    )
    publish(statement_file(statement_row()), download_url=url)
    if ours:
        assert (await pay.statement(DAY)).entries == (PAYMENT,)
    else:
        await broken(pay)
        assert wire.asked(DOWNLOAD) == []


async def test_a_download_that_is_sent_elsewhere_is_not_followed(
    pay: WeChatPay, wire: Wire, publish: Publish
) -> None:
    wire.http.follow_redirects = True
    publish(statement_file())
    elsewhere = {"Location": "https://evil.example/"}
    wire.answers[DOWNLOAD] = lambda: httpx.Response(302, headers=elsewhere, stream=httpx.ByteStream(b""))
    with pytest.raises(PaymentError, match="HTTP_302"):
        await pay.statement(DAY)
    assert {request.url.host for request in wire.requests} == {"pay.example"}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"code": "INVALID_REQUEST", "message": "token expired"}', "INVALID_REQUEST"),
        (502, b"<html>", "HTTP_502"),
    ],
)
async def test_a_download_refused_can_be_asked_for_anew(
    pay: WeChatPay, wire: Wire, publish: Publish, status: int, body: bytes, code: str
) -> None:
    publish(statement_file())
    wire.answers[DOWNLOAD] = lambda: httpx.Response(status, stream=httpx.ByteStream(body))
    with pytest.raises(PaymentError) as failure:
        await pay.statement(DAY)
    assert (failure.value.code, failure.value.retryable) == (code, True)


async def test_others_are_served_while_a_long_statement_is_read(pay: WeChatPay, publish: Publish) -> None:
    publish(statement_file(*[statement_row()] * 30_000))
    reading = asyncio.create_task(pay.statement(DAY))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert len((await reading).entries) == 30_000
    assert turns > 30


def test_no_row_gets_into_an_error() -> None:
    contents = statement_file(statement_row(用户标识="oSecretPerson", 交易状态="WON"))
    with pytest.raises(ValueError) as failure:
        read(gzip.compress(contents), contents)
    assert "oSecretPerson" not in repr(failure.value)


# Any list of entries reads back the same, and no damaged file reads as something else.


def read(packed: bytes, contents: bytes) -> tuple[StatementEntry, ...]:
    sha1 = hashlib.sha1(contents).hexdigest()
    return statements.read(BytesIO(packed), sha1, day=DAY, mchid=MCHID).entries


def yuan(fen: int) -> str:
    return str(Decimal(fen).scaleb(-2))


def rendered(entry: StatementEntry) -> dict[str, str]:
    """The entry as WeChat Pay would write it."""
    assert entry.happened_at is not None
    common = {
        "商户订单号": entry.payment_no,
        "微信订单号": entry.channel_trade_no,
        "交易时间": f"{entry.happened_at + timedelta(hours=8):%Y-%m-%d %H:%M:%S}",
        "手续费": yuan(entry.fee_fen) + "000",
    }
    if entry.refund_state is None:
        return statement_row(**common, 订单金额=yuan(entry.amount_fen))
    refund = {"商户退款单号": entry.refund_no, "申请退款金额": yuan(entry.amount_fen)}
    word = {RefundState.ABNORMAL: "CHANGE", RefundState.CLOSED: "FAIL"}.get(entry.refund_state, entry.refund_state)
    return statement_refund_row(**common, **refund, 退款状态=word)


numbers = st.from_regex(r"[0-9A-Za-z_\-]{6,32}", fullmatch=True)
moments = st.integers(0, 86_399).map(
    lambda second: datetime(2026, 11, 19, 16, tzinfo=UTC) + timedelta(seconds=second)
)
entries = st.builds(
    lambda state, refund_no, **common: StatementEntry(
        kind=EntryKind.REFUND if state else EntryKind.PAYMENT,
        refund_no=refund_no if state else "",
        refund_state=state,
        **common,
    ),
    state=st.none() | st.sampled_from(RefundState),
    refund_no=numbers,
    payment_no=numbers,
    channel_trade_no=st.from_regex(r"42[0-9]{26}", fullmatch=True),
    amount_fen=st.integers(0, 10_000_000_00),
    fee_fen=st.integers(-1_000_00, 1_000_00),
    happened_at=moments,
)


@given(st.lists(entries, max_size=8), st.permutations(STATEMENT_COLUMNS))
def test_any_list_of_entries_reads_back_the_same(entries: list[StatementEntry], columns: list[str]) -> None:
    contents = statement_file(*map(rendered, entries), columns=columns)
    assert read(gzip.compress(contents), contents) == tuple(entries)


@settings(max_examples=300)
@given(st.lists(entries, max_size=3), st.randoms(use_true_random=False), st.booleans())
def test_a_flipped_bit_is_refused_or_changes_nothing(
    entries: list[StatementEntry], chance: random.Random, before_packing: bool
) -> None:
    contents = statement_file(*map(rendered, entries))
    damaged = bytearray(contents if before_packing else gzip.compress(contents))
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    packed = gzip.compress(damaged) if before_packing else bytes(damaged)
    try:
        told = read(packed, contents)
    except statements.BROKEN:
        return
    assert told == tuple(entries)
    assert not before_packing
