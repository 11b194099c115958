"""A statement is read to the last fen or not at all (opendocs.alipay.com, 对账单)."""

import asyncio
import hashlib
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.alipay import Alipay, statements
from payments.port import (
    EntryKind,
    PaymentError,
    RefundState,
    Statement,
    StatementEntry,
    StatementNotReady,
)
from tests.payments.alipay_platform import (
    COLUMNS,
    SELLER_ID,
    BillRow,
    Clock,
    Line,
    bill,
    channel,
    packed,
    refused,
)

ASK = "alipay.data.dataservice.bill.downloadurl.query"
DAY = date(2026, 11, 19)
PLACE = "https://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade&fileId=X"
PAID = BillRow()
BACK = BillRow(kind="退款", refund_no="R20261119000001", fen=1500, fee_fen=9, at="2026-11-19 20:00:00")


@pytest.fixture
def line() -> Line:
    line = Line()
    line.says(ASK, {"bill_download_url": PLACE})
    return line


@pytest.fixture
def pay(line: Line) -> Alipay:
    return channel(line)


def lies_there(line: Line, content: bytes, status: int = 200) -> None:
    line.answers["statement"] = lambda: httpx.Response(status, content=content)


def read(table: str) -> Statement:
    return statements.read_statement(packed(table), DAY, SELLER_ID)


async def test_a_statement_is_fetched_and_read(pay: Alipay, line: Line) -> None:
    file = packed(bill([PAID, BACK]))
    lies_there(line, file)
    statement = await pay.statement(DAY)
    assert (statement.day, statement.digest) == (DAY, hashlib.sha256(file).hexdigest())
    assert statement.entries == (
        StatementEntry(
            kind=EntryKind.PAYMENT,
            payment_no="P20261119000001",
            channel_trade_no="2026111922001434567012345678",
            amount_fen=4500,
            fee_fen=27,
            happened_at=datetime(2026, 11, 19, 10, 30, 5, tzinfo=UTC),
        ),
        StatementEntry(
            kind=EntryKind.REFUND,
            payment_no="P20261119000001",
            refund_no="R20261119000001",
            channel_trade_no="2026111922001434567012345678",
            amount_fen=1500,
            fee_fen=-9,
            happened_at=datetime(2026, 11, 19, 12, 0, tzinfo=UTC),
            refund_state=RefundState.SUCCESS,
        ),
    )
    assert line.questions[0].content == {"bill_type": "trade", "bill_date": "2026-11-19", "secure": "true"}


number = st.text("0123456789ABCDEFabcdef_", min_size=6, max_size=32)
moment = st.times().map(lambda at: f"2026-11-19 {at:%H:%M:%S}")
rows = st.builds(
    BillRow,
    kind=st.sampled_from(["交易", "退款"]),
    payment_no=number,
    refund_no=number,
    trade_no=st.text("0123456789", min_size=16, max_size=28),
    fen=st.integers(1, 10**9),
    fee_fen=st.integers(0, 10**7),
    at=moment,
    name=st.text('羽毛球, "场"#0\t', max_size=12),
)


@given(st.lists(rows, max_size=12))
def test_whatever_alipay_wrote_reads_back_the_same(written: list[BillRow]) -> None:
    statement = read(bill(written))
    told = [
        (e.payment_no, e.refund_no, e.channel_trade_no, e.amount_fen, e.fee_fen, e.kind is EntryKind.REFUND)
        for e in statement.entries
    ]
    assert told == [
        (
            row.payment_no,
            row.refund_no if row.kind == "退款" else "",
            row.trade_no,
            row.fen,
            -row.fee_fen if row.kind == "退款" else row.fee_fen,
            row.kind == "退款",
        )
        for row in written
    ]


def test_columns_are_found_by_their_names() -> None:
    """Alipay added columns before, and writes its brackets in two widths."""
    table = bill([PAID]).replace("支付宝交易号,", "新的一列,支付宝交易号,").replace("（元）", "(元)")
    table = table.replace(f"{PAID.trade_no}\t", f"anything,{PAID.trade_no}\t")
    assert read(table).entries == read(bill([PAID])).entries


def test_a_name_that_gbk_lacks_spoils_nothing() -> None:
    table = bill([PAID]).replace("羽毛球", "㐂毛球").encode("gb18030")
    assert statements.read_statement(packed(table), DAY, SELLER_ID).entries == read(bill([PAID])).entries


@pytest.mark.parametrize(
    "table",
    [
        bill([PAID, BACK], paid="#交易合计：2笔，商家实收共45.00元，商家优惠共0.00元"),
        bill([PAID, BACK], paid="#交易合计：1笔，商家实收共45.01元，商家优惠共0.00元"),
        bill([PAID, BACK], back="#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元"),
        bill([PAID, BACK], back=""),
        bill([PAID], paid=""),
        bill([PAID], head="#账号：[20880000000000010156]"),
        bill([PAID], head=""),
        bill([PAID], day=DAY - timedelta(days=1)),
        bill([PAID], columns=COLUMNS.replace("商户订单号,", "别的,")),
        bill([PAID], columns=COLUMNS.replace("备注", "商户订单号")),
        bill([PAID], columns=COLUMNS + ",多一列"),
        bill([PAID]).replace("交易\t", "转账\t"),
        bill([PAID]).replace("交易\t", "退款\t").replace("交易合计：1笔", "交易合计：0笔"),
        bill([PAID]).replace("45.00", "45.001"),
        bill([PAID]).replace("45.00", "4.5e1"),
        bill([PAID]).replace("P20261119000001", ""),
        bill([PAID]).replace(PAID.at, "2026-11-19"),
        bill([BillRow(fen=0)]).replace("0.00,0.00", "NaN,NaN"),
        bill([PAID])[:-200],
        "",
        "#",
    ],
)
def test_a_statement_that_does_not_add_up_is_broken(table: str) -> None:
    with pytest.raises(PaymentError) as failure:
        read(table)
    assert failure.value.code == "STATEMENT_BROKEN"
    assert (failure.value.may_have_happened, failure.value.retryable) == (False, True)


def damaged(file: bytes) -> bytes:
    middle = len(file) // 4
    return file[:middle] + bytes([file[middle] ^ 0xFF]) + file[middle + 1 :]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"<html>expired</html>",
        packed(bill([PAID]))[:-30],
        damaged(packed(bill([PAID]))),
        packed(bill([PAID]), name="something.csv"),
        packed(b"\xff\xff\xff"),
    ],
)
async def test_a_file_that_cannot_be_unpacked_is_broken(pay: Alipay, line: Line, file: bytes) -> None:
    lies_there(line, file)
    with pytest.raises(PaymentError, match="STATEMENT_BROKEN"):
        await pay.statement(DAY)


def test_a_file_that_unpacks_without_end_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MOST_TABLE_BYTES", 1_000_000)
    bomb = packed(b"0" * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(PaymentError, match="more than 1000000 bytes"):
        statements.read_statement(bomb, DAY, SELLER_ID)


async def test_a_file_that_comes_without_end_is_broken(
    pay: Alipay, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.alipay.transport.MOST_ZIP_BYTES", 1000)
    lies_there(line, b"0" * 5000)
    with pytest.raises(PaymentError, match="STATEMENT_BROKEN"):
        await pay.statement(DAY)


@pytest.mark.parametrize(
    "place",
    [
        "https://alipay.com.example.org/bill",
        "https://evilalipay.com/bill",
        "http://dwbillcenter.alipay.com/bill",
        "https://dwbillcenter.alipay.com@example.org/bill",
        "https://user@dwbillcenter.alipay.com/bill",
        "http://openapi.alipay.example/bill",
        "https://openapi.alipay.example:8443/bill",
        "https://169.254.169.254/",
        "file:///etc/passwd",
        "/etc/passwd",
        "https://[",
        "https://dwbillcenter.alipay.com/\n",
    ],
)
async def test_a_statement_lies_only_where_alipay_is(pay: Alipay, line: Line, place: str) -> None:
    line.says(ASK, {"bill_download_url": place})
    with pytest.raises(PaymentError, match="STATEMENT_BROKEN"):
        await pay.statement(DAY)


@pytest.mark.parametrize(
    "place", [PLACE, "https://a.b.alipayobjects.com/x", "https://openapi.alipay.example/bill"]
)
async def test_where_alipay_keeps_its_statements(pay: Alipay, line: Line, place: str) -> None:
    line.says(ASK, {"bill_download_url": place})
    lies_there(line, packed(bill([PAID])))
    assert len((await pay.statement(DAY)).entries) == 1


async def test_a_statement_that_moved_elsewhere_is_not_followed(pay: Alipay, line: Line) -> None:
    line.answers["statement"] = lambda: httpx.Response(302, headers={"Location": "https://example.org/"})
    with pytest.raises(PaymentError) as failure:
        await pay.statement(DAY)
    assert (failure.value.code, failure.value.retryable) == ("HTTP_302", True)


@pytest.mark.parametrize("word", ["BILL_NOT_EXIST", "isp.bill_not_exist"])
async def test_a_statement_that_does_not_exist_is_not_ready(pay: Alipay, line: Line, word: str) -> None:
    line.says(ASK, refused(word))
    with pytest.raises(StatementNotReady):
        await pay.statement(DAY)


@pytest.mark.parametrize("told", [refused("NO_BILL_DATA"), {"bill_file_code": "EMPTY_DATA_WITH_BILL_FILE"}])
async def test_a_day_on_which_nothing_happened_has_an_empty_statement(
    pay: Alipay, line: Line, told: dict[str, str]
) -> None:
    line.says(ASK, told)
    statement = await pay.statement(DAY)
    assert (statement.day, statement.entries) == (DAY, ())
    assert statement.digest == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("word", ["NO_BILL_DATA", "INVAILID_ARGUMENTS", "isv.invalid_arguments"])
async def test_before_nine_in_the_morning_nothing_is_no_answer_yet(line: Line, word: str) -> None:
    line.says(ASK, refused(word))
    clock = Clock(datetime(2026, 11, 20, 0, 59, 59, tzinfo=UTC))
    with pytest.raises(StatementNotReady):
        await channel(line, clock=clock).statement(DAY)


@pytest.mark.parametrize(
    ("word", "retryable"),
    [
        ("INVAILID_ARGUMENTS", False),
        ("TYPE_NOT_SUPPORTED", False),
        ("USER_RATE_LIMIT", True),
        ("UNKNOWN_ERROR", True),
    ],
)
async def test_other_refusals_are_errors(pay: Alipay, line: Line, word: str, retryable: bool) -> None:
    line.says(ASK, refused(word))
    with pytest.raises(PaymentError) as failure:
        await pay.statement(DAY)
    assert (failure.value.code, failure.value.retryable) == (word, retryable)


async def test_a_statement_of_many_rows_does_not_stop_the_loop(pay: Alipay, line: Line) -> None:
    many = bill([PAID] * 20_000)
    lies_there(line, packed(many))
    reading, turns = asyncio.create_task(pay.statement(DAY)), 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert len((await reading).entries) == 20_000
    assert turns > 10
