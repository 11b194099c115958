"""The form of WeChat Pay's statement files (pay.weixin.qq.com, 交易账单详细说明 and 资金账单详细说明).

UTF-8 with a byte order mark; headings plain, every cell below them after a backtick, so that a spreadsheet leaves
long numbers alone; a summary with a heading of its own at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# 特殊字符转义. A comma in a merchant's own words would move the columns; WeChat's page shows its rule for them as
# a picture, so the full-width comma here is ours.
ESCAPES = {1: " ", ord("\r"): "\\r", ord("\n"): "\\n", ord(","): "，"}


def csv(heading: str, rows: Iterable[Sequence[object]], summary_heading: str, summary: Sequence[object]) -> bytes:
    lines = [heading, *map(_line, rows), summary_heading, _line(summary)]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8-sig")


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _line(cells: Sequence[object]) -> str:
    return ",".join(f"`{cell}".translate(ESCAPES) for cell in cells)
