"""A statement of WeChat Pay's, asked for, downloaded, and read by the names of its columns."""

from __future__ import annotations

import hashlib

import httpx

from tests.sandbox.merchant import Merchant

DAY_SECONDS = 86_400
Rows = list[dict[str, str]]


async def to_next_day(merchant: Merchant, hour: int = 11) -> None:
    """From noon to `hour` of the day after."""
    await merchant.move_clock(merchant.ahead_seconds + DAY_SECONDS + (hour - 12) * 3600)


def read(content: bytes) -> tuple[str, Rows, dict[str, str]]:
    """The heading, the rows and the summary by their columns' names."""
    lines = content.decode("utf-8").split("\r\n")
    assert lines[0].startswith("\ufeff")
    assert lines.pop() == ""
    heading, *rows, summary_heading, summary = [lines[0].removeprefix("\ufeff"), *lines[1:]]
    named = [cells(heading, line) for line in rows]
    return heading, named, cells(summary_heading, summary)


def cells(heading: str, line: str) -> dict[str, str]:
    values = line.split(",")
    assert all(value.startswith("`") for value in values), line
    return dict(zip(heading.split(","), (value[1:] for value in values), strict=True))


async def statement(merchant: Merchant, bill: str = "tradebill", **query: str) -> bytes:
    asked = await merchant.ask_statement(bill, **query)
    assert asked.status_code == 200, asked.text
    downloaded = await merchant.download(asked.json()["download_url"])
    assert downloaded.status_code == 200, downloaded.text
    assert hashlib.sha1(downloaded.content).hexdigest() == asked.json()["hash_value"]
    return downloaded.content


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
