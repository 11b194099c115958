"""The audit trail's jobs, as the worker runs them."""

import logging
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from jobs import ALL
from jobs.audit import chain_audit, check_audit
from jobs.job import Tools
from models import database
from models.audit.queries import state, verify
from models.audit.rules import Head
from tests.conftest import NOW
from tests.databases import Database
from tests.models.audit.lines import KEYS, all_lines, some_lines, unguarded


def tools(now: datetime = NOW) -> Tools:
    return cast(Tools, _Some(audit_keys=KEYS, clock=lambda: now))


class _Some:
    """As much of the worker's tools as these jobs reach."""

    def __init__(self, **there: Any) -> None:
        self.__dict__.update(there)


def test_chaining_is_seconds_behind_and_the_whole_check_has_its_time() -> None:
    (chaining,) = [job for job in ALL if job.name == "chain_audit"]
    (checking,) = [job for job in ALL if job.name == "check_audit"]
    assert chaining.every_seconds == 5
    assert checking.timeout_seconds < checking.every_seconds


async def test_new_lines_are_chained_and_the_end_is_noted_in_the_log(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await some_lines(3, chained=False)
    assert await chain_audit(tools()) == 3
    noted = caplog.messages[-1].removeprefix("audit chain ends at ")
    found = await verify(keys=KEYS, head=Head.read(noted))
    assert (found.head, found.broken) == (Head.read(noted), None)
    assert await chain_audit(tools()) == 0
    assert len(caplog.messages) == 1


async def test_the_chain_is_followed_once_a_day_and_the_finding_is_a_line(db: Database) -> None:
    await some_lines(3)
    assert await check_audit(tools()) == 3
    assert await check_audit(tools(NOW + timedelta(hours=23))) == 0
    (said,) = [line for line in await all_lines() if line["act"] == "check_audit"]
    assert (said["actor_kind"], said["outcome"], said["detail"]) == ("SYSTEM", "OK", "3 lines up to seq 3")
    assert not (await state(now=NOW)).is_broken


async def test_a_broken_chain_is_an_alarm_until_it_is_whole_again(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await some_lines(3)
    line = (await all_lines())[1]
    async with unguarded():
        await database.rows("UPDATE audit_line SET outcome = 'BUSY' WHERE id = $1", line["id"])
    await check_audit(tools())
    assert "the audit chain is broken: EDITED at seq 2" in caplog.text
    assert (await state(now=NOW)).is_broken
    async with unguarded():
        await database.rows("UPDATE audit_line SET outcome = 'OK' WHERE id = $1", line["id"])
    await check_audit(tools(NOW + timedelta(days=1)))
    assert not (await state(now=NOW + timedelta(days=1))).is_broken
