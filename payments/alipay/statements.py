"""Alipay's statement of a day (对账单, bill_type trade): a ZIP of GBK tables. Pure, but slow: run it in a thread.

The table 业务明细 has a row for every payment (交易) and every refund (退款), between lines that begin with `#`:
whose it is and of which day before it, how many and how much after it. Its columns are found by their names, since
Alipay adds some from time to time.
"""

import csv
import re
import zipfile
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from io import BytesIO
from itertools import takewhile

from payments.alipay import wire
from payments.port import EntryKind, PaymentError, RefundState, Statement, StatementEntry

MOST_ZIP_BYTES = 32 * 1024 * 1024
MOST_TABLE_BYTES = 256 * 1024 * 1024  # about a million rows; a zip bomb unpacks to more

COLUMNS = (
    "支付宝交易号",
    "商户订单号",
    "业务类型",
    "完成时间",
    "订单金额(元)",
    "商家实收(元)",
    "退款批次号/请求号",
    "服务费(元)",
)
PAYMENT, REFUND = "交易", "退款"

ACCOUNT = re.compile(r"#账号[:：]\s*\[(\d+)\]")
BEGINS = re.compile(r"#起始日期[:：]\s*\[(\d{4})年(\d{2})月(\d{2})日 00:00:00\]")
TOTAL = re.compile(r"#(交易|退款)合计[:：](\d+)笔[,，]商家实收(?:退款)?共(-?[\d.]+)元")


def nothing_happened(day: date) -> Statement:
    return Statement(day=day, entries=(), digest=sha256(b"").hexdigest())


def read_statement(packed: bytes, day: date, seller_id: str) -> Statement:
    """Read and check a statement, or raise `PaymentError` STATEMENT_BROKEN."""
    try:
        lines = _unpack(packed).decode("gb18030").split("\n")  # GBK, and the rare characters it lacks
        _check_head(lines, day, seller_id)
        rows = _rows(lines)
        _check_totals(lines, rows)
        entries = tuple(_entry(row) for row in rows)
    except (zipfile.BadZipFile, csv.Error, NotImplementedError, RuntimeError, EOFError, OSError) as problem:
        raise broken(f"the file cannot be unpacked: {problem!r}") from problem
    except (KeyError, TypeError, ValueError) as problem:
        raise broken(repr(problem)) from problem
    return Statement(day=day, entries=entries, digest=sha256(packed).hexdigest())


def broken(message: str) -> PaymentError:
    return PaymentError("STATEMENT_BROKEN", message, may_have_happened=False, retryable=True)


def _unpack(packed: bytes) -> bytes:
    """The table of the rows (…_业务明细.csv), without the one that sums up by shop (…_业务明细(汇总).csv)."""
    with zipfile.ZipFile(BytesIO(packed), metadata_encoding="gbk") as archive:
        (table,) = (file for file in archive.infolist() if file.filename.endswith("业务明细.csv"))
        with archive.open(table) as stream:
            content = stream.read(MOST_TABLE_BYTES + 1)
    if len(content) > MOST_TABLE_BYTES:
        raise ValueError(f"the table has more than {MOST_TABLE_BYTES} bytes")
    return content


def _check_head(lines: list[str], day: date, seller_id: str) -> None:
    head = "\n".join(takewhile(lambda line: line.startswith("#"), lines))
    account, begins = ACCOUNT.search(head), BEGINS.search(head)
    if not account or account[1] not in (seller_id, f"{seller_id}0156"):  # the account is the seller with a suffix
        raise ValueError("the statement is not our account's")
    if not begins or date(int(begins[1]), int(begins[2]), int(begins[3])) != day:
        raise ValueError(f"the statement is not that of {day}")


def _rows(lines: list[str]) -> list[Mapping[str, str]]:
    """The rows under their columns' names. Cells end with a tab, so that a spreadsheet takes them for text."""
    table = csv.reader((line for line in lines if line.strip() and not line.startswith("#")), strict=True)
    names = [_plain(name) for name in next(table, [])]
    if missing := [name for name in COLUMNS if names.count(name) != 1]:
        raise ValueError(f"no column, or more than one, of the name {missing[0]}")
    return [dict(zip(names, map(str.strip, cells), strict=True)) for cells in table]


def _plain(name: str) -> str:
    return name.strip().replace("（", "(").replace("）", ")")


def _check_totals(lines: list[str], rows: list[Mapping[str, str]]) -> None:
    """Hold the rows against the lines after the table, which count them and add up what we received (商家实收)."""
    totals = {found[1]: (int(found[2]), _signed_fen(found[3])) for line in lines if (found := TOTAL.match(line))}
    for kind in (PAYMENT, REFUND):
        received = [_signed_fen(row["商家实收(元)"]) for row in rows if row["业务类型"] == kind]
        if totals.get(kind) != (len(received), sum(received)):
            raise ValueError(
                f"{kind}: {len(received)} rows of {sum(received)} fen, where {totals.get(kind)} are told"
            )


def _entry(row: Mapping[str, str]) -> StatementEntry:
    """A row in our words. A refund's amounts are negative in it; a fee is negative where we pay it."""
    kind = {PAYMENT: EntryKind.PAYMENT, REFUND: EntryKind.REFUND}[row["业务类型"]]
    refund, amount, done_at = kind is EntryKind.REFUND, _signed_fen(row["订单金额(元)"]), row["完成时间"]
    if (amount < 0) is not refund:
        raise ValueError(f"{row['业务类型']} of {amount} fen")
    return StatementEntry(
        kind=kind,
        payment_no=wire.text(row["商户订单号"]),
        refund_no=row["退款批次号/请求号"] if refund else "",
        channel_trade_no=wire.text(row["支付宝交易号"]),
        amount_fen=abs(amount),
        fee_fen=-_signed_fen(row["服务费(元)"]),
        happened_at=wire.instant(done_at) if done_at else None,
        refund_state=RefundState.SUCCESS if refund else None,  # only what was given back is in a statement
    )


def _signed_fen(amount: str) -> int:
    return -wire.fen(amount[1:]) if amount.startswith("-") else wire.fen(amount)
