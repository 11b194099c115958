"""WeChat Pay's statement of a day (交易账单), checked and read. Pure, and slow: keep it off the event loop.

The file (交易账单详细说明, pay.weixin.qq.com 4013071246) is gzipped UTF-8 with a BOM: a row of column names, the
entries, a row of names of sums, the sums. Before every value stands a backtick. Columns go by name, since WeChat
does not promise their order, and amounts are yuan. In what a merchant wrote WeChat replaces commas and line ends.

Whatever is not as it should be raises one of `BROKEN`. No text of a row goes into an error: rows name people.
"""

import gzip
import hashlib
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from typing import Any

from payments.port import EntryKind, RefundState, Statement, StatementEntry
from payments.wechat_pay.ways import BEIJING

BROKEN = (ValueError, KeyError, TypeError, EOFError, OSError, zlib.error)
MOST_PACKED, MOST_UNPACKED, PIECE = 50_000_000, 200_000_000, 4_096  # bytes; a row has about 300
PAUSE_S = 0.0002
COUNT = "总交易单数"
SUMS = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
REFUND_STATES = {  # the file uses the words of API v2 (查询退款: refund_status); v3's stand beside them
    "SUCCESS": RefundState.SUCCESS,
    "PROCESSING": RefundState.PROCESSING,
    "CHANGE": RefundState.ABNORMAL,
    "ABNORMAL": RefundState.ABNORMAL,
    "REFUNDCLOSE": RefundState.CLOSED,
    "FAIL": RefundState.CLOSED,
    "CLOSED": RefundState.CLOSED,
}
YUAN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,5})?")


def path(day: date) -> str:
    """Where to ask for the statement (申请交易账单, pay.weixin.qq.com 4012556654)."""
    return f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP"


def read_offer(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Give the address of the file and the SHA-1, in hex, of the unpacked file."""
    url, sha1 = answer["download_url"], answer["hash_value"]
    if answer["hash_type"] != "SHA1" or not isinstance(url, str) or not isinstance(sha1, str):
        raise ValueError("the answer names no file with its SHA-1")
    return url, sha1.lower()


def nothing(day: date) -> Statement:
    """The statement of a day on which nothing happened: WeChat writes no file then."""
    return Statement(day=day, entries=(), digest=hashlib.sha256().hexdigest())


def read(packed: BytesIO, sha1: str, *, day: date, mchid: str) -> Statement:
    """Unpack and read the file, and believe it only as a whole."""
    digest = hashlib.sha256(packed.getbuffer()).hexdigest()
    lines = _unpack(packed, sha1)
    names = _names(next(lines, ""))
    count, sums = 0, dict.fromkeys(SUMS.values(), Decimal(0))
    entries, revoked = list[StatementEntry](), set[str]()
    line = ""
    for line in lines:
        if not line.startswith("`"):
            break
        row = _row(names, line)
        count += 1
        for name in sums:
            sums[name] += _yuan(row[name])
        happened_at = _moment(row, day, mchid)
        if row["交易状态"] == "REVOKED":
            revoked.add(row["商户订单号"])
        else:
            entries.append(_entry(row, happened_at))
    told = _row(_names(line), next(lines, ""))
    if any(True for _ in lines):  # also lets `_unpack` come to its end, where it checks the hash
        raise ValueError("something follows the sums")
    if told[COUNT] != str(count) or any(_yuan(told[total]) != sums[name] for total, name in SUMS.items()):
        raise ValueError("the sums are not those of the rows")
    # A payment by the payer's code that came in after all and was given back by its reversal (撤销) has two rows,
    # both under the payment's number. Neither is an entry: we reverse only what a query did not show as paid, so
    # that our books have no money for it, and books that do have some differ from the channel's for good reason.
    kept = tuple(entry for entry in entries if entry.payment_no not in revoked)
    return Statement(day=day, entries=kept, digest=digest)


def _unpack(packed: BytesIO, sha1: str) -> Iterator[str]:
    """Give the lines; raise once too much was unpacked (a zip bomb), or at the end when the hash is another.

    In pieces, each less than 1 ms to read, with a pause after each: the event loop waits for the interpreter while a
    thread computes, up to 5 ms by itself, and without end when the thread lets go of it very often but briefly.
    """
    seen, size, rest = hashlib.sha1(usedforsecurity=False), 0, b""
    packed.seek(0)
    with gzip.GzipFile(fileobj=packed) as file:
        while piece := file.read(PIECE):
            seen.update(piece)
            size += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            if size > MOST_UNPACKED or len(rest) > PIECE:
                raise ValueError("the file is larger than any statement")
            for line in lines:
                if text := line.decode().removeprefix("\ufeff").rstrip("\r"):
                    yield text
            time.sleep(PAUSE_S)
    if rest:
        yield rest.decode().rstrip("\r")
    if seen.hexdigest() != sha1:
        raise ValueError("the file is not the one whose hash was told")


def _names(line: str) -> list[str]:
    names = line.split(",")
    if len(set(names)) != len(names):
        raise ValueError("two columns have one name")
    return names


def _row(names: list[str], line: str) -> dict[str, str]:
    if not line.startswith("`"):
        raise ValueError("expected a row of values")
    return dict(zip(names, line[1:].split(",`"), strict=True))


def _moment(row: Mapping[str, str], day: date, mchid: str) -> datetime:
    happened_at = datetime.fromisoformat(row["交易时间"])
    if row["商户号"] != mchid or row["货币种类"] != "CNY" or happened_at.tzinfo or happened_at.date() != day:
        raise ValueError("a row of another merchant, currency or day")
    return happened_at.replace(tzinfo=BEIJING).astimezone(UTC)


def _entry(row: Mapping[str, str], happened_at: datetime) -> StatementEntry:
    common: dict[str, Any] = {
        "payment_no": _text(row["商户订单号"]),
        "channel_trade_no": _text(row["微信订单号"]),
        "fee_fen": int((_yuan(row["手续费"]) * 100).to_integral_value(ROUND_HALF_UP)),  # told to 1/1000 fen
        "happened_at": happened_at,
    }
    match row["交易状态"]:
        case "SUCCESS":
            return StatementEntry(kind=EntryKind.PAYMENT, amount_fen=_fen(row["订单金额"]), **common)
        case "REFUND":
            return StatementEntry(
                kind=EntryKind.REFUND,
                refund_no=_text(row["商户退款单号"]),
                amount_fen=_fen(row["申请退款金额"]),  # as we asked; 退款金额 leaves out what coupons paid
                refund_state=REFUND_STATES[row["退款状态"]],
                **common,
            )
        case _:
            raise ValueError("a row of an unknown kind")


def _text(text: str) -> str:
    if not text or text == "0":  # WeChat writes 0 where there is no number
        raise ValueError("expected a number of ours or WeChat's")
    return text


def _yuan(text: str) -> Decimal:
    if not YUAN.fullmatch(text):  # Decimal itself also reads NaN, 1e9 and １
        raise ValueError("expected an amount in yuan")
    return Decimal(text)


def _fen(text: str) -> int:
    fen = _yuan(text) * 100
    if fen < 0 or fen != int(fen):
        raise ValueError("expected whole fen")
    return int(fen)
