"""Alipay's statement of a day (对账单, bill_type trade): a ZIP of GBK tables. Pure, but slow: run it in a thread.

The table 业务明细 has a row for every payment (交易) and every refund (退款), between lines that begin with `#`:
whose it is and of which day before it, how many and how much after it. Its columns are found by their names, since
Alipay adds some from time to time.
"""

import csv
import re
import time
import zipfile
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from io import BytesIO

from payments.alipay import wire
from payments.port import EntryKind, PaymentError, RefundState, Statement, StatementEntry

MOST_ZIP_BYTES = 32 * 1024 * 1024
MOST_TABLE_BYTES = 256 * 1024 * 1024  # about a million rows; a zip bomb unpacks to more
PIECE, PAUSE_S = 4_096, 0.0002

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
        entries = tuple(_read(_lines(packed), day, seller_id))
    except (zipfile.BadZipFile, csv.Error, NotImplementedError, RuntimeError, EOFError, OSError) as problem:
        raise broken(f"the file cannot be unpacked: {problem!r}") from problem
    except (KeyError, TypeError, ValueError) as problem:
        raise broken(repr(problem)) from problem
    return Statement(day=day, entries=entries, digest=sha256(packed).hexdigest())


def broken(message: str) -> PaymentError:
    return PaymentError("STATEMENT_BROKEN", message, may_have_happened=False, retryable=True)


def _lines(packed: bytes) -> Iterator[str]:
    """The table of the rows (…_业务明细.csv), without the one that sums up by shop (…_业务明细(汇总).csv).

    In pieces, each less than 1 ms to read, with a pause after each: the event loop waits for the interpreter while a
    thread computes, and 20 ms where a whole table is decoded, or dropped, at once.
    """
    decoder, size, rest = getincrementaldecoder("gb18030")(), 0, ""  # GBK, and the rare characters it lacks
    with zipfile.ZipFile(BytesIO(packed), metadata_encoding="gbk") as archive:
        (table,) = (file for file in archive.infolist() if file.filename.endswith("业务明细.csv"))
        with archive.open(table) as stream:
            while piece := stream.read(PIECE):
                size += len(piece)
                if size > MOST_TABLE_BYTES:
                    raise ValueError(f"the table has more than {MOST_TABLE_BYTES} bytes")
                *lines, rest = (rest + decoder.decode(piece)).split("\n")
                yield from lines
                time.sleep(PAUSE_S)
    yield rest + decoder.decode(b"", final=True)


def _read(lines: Iterator[str], day: date, seller_id: str) -> Iterator[StatementEntry]:
    """The rows under their columns' names. Cells end with a tab, so that a spreadsheet takes them for text."""
    notes: list[str] = []
    table = csv.reader(_without_notes(lines, notes), strict=True)
    names = [_plain(name) for name in next(table, [])]
    _check_head(notes, day, seller_id)
    if missing := [name for name in COLUMNS if names.count(name) != 1]:
        raise ValueError(f"no column, or more than one, of the name {missing[0]}")
    received = {PAYMENT: (0, 0), REFUND: (0, 0)}
    for cells in table:
        row = dict(zip(names, map(str.strip, cells), strict=True))
        entry = _entry(row)
        count, fen = received[row["业务类型"]]
        received[row["业务类型"]] = count + 1, fen + _signed_fen(row["商家实收(元)"])
        yield entry
    _check_totals(notes, received)


def _without_notes(lines: Iterator[str], notes: list[str]) -> Iterator[str]:
    """What is not empty and does not begin with `#`; what does goes to the notes."""
    for line in lines:
        if line.startswith("#"):
            notes.append(line)
        elif line.strip():
            yield line


def _check_head(notes: Sequence[str], day: date, seller_id: str) -> None:
    head = "\n".join(notes)
    account, begins = ACCOUNT.search(head), BEGINS.search(head)
    if not account or account[1] not in (seller_id, f"{seller_id}0156"):  # the account is the seller with a suffix
        raise ValueError("the statement is not our account's")
    if not begins or date(int(begins[1]), int(begins[2]), int(begins[3])) != day:
        raise ValueError(f"the statement is not that of {day}")


def _plain(name: str) -> str:
    return name.strip().replace("（", "(").replace("）", ")")


def _check_totals(notes: Sequence[str], received: Mapping[str, tuple[int, int]]) -> None:
    """Hold the rows against the lines after the table, which count them and add up what we received (商家实收)."""
    totals = {found[1]: (int(found[2]), _signed_fen(found[3])) for line in notes if (found := TOTAL.match(line))}
    for kind, (count, fen) in received.items():
        if totals.get(kind) != (count, fen):
            raise ValueError(f"{kind}: {count} rows of {fen} fen, where {totals.get(kind)} are told")


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
