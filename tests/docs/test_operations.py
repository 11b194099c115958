"""What the engineer on call is told to type works."""

import re
from datetime import datetime, timedelta

import pytest

from bff import metrics, worker
from bff.app import figures
from bff.cli.processes import GRACE_SECONDS
from bff.http import heads
from bff.http import limits as body
from federation.government_platform import MAX_ROWS
from jobs.forwarding import LEASE_S
from models import database
from models.admissions import operations
from models.checkout import wanted
from models.codes import rules as codes
from models.forwarding import operations as forwarding
from models.members import rules as members
from models.staff.policy import LEVEL_3
from models.venues import queries
from tests.databases import Database
from tests.docs.documents import fenced, rows, text

PAGE = text("docs/operations.md")
HOUR = timedelta(hours=1)


async def test_every_metric_in_the_table_exists_and_every_one_of_ours_is_there(
    db: Database, now: datetime
) -> None:
    read = await figures(lambda: now)
    exposed = metrics.exposition(read).decode()
    section = PAGE.split("| metric | meaning | alarm |")[1]
    named = set(re.findall(r"^\| `(\w+)` \|", section.split("\n\n")[0], re.MULTILINE))
    ours = {
        "graphql_document_check_cpu_seconds",
        "graphql_operation_seconds",
        "graphql_operations_total",
        "http_request_seconds",
        "http_requests_total",
        "plan_anomalies_total",
        "rate_refusals_total",
        "unexpected_errors_total",
    }
    assert named == {*ours, *read}
    assert all(re.search(rf"^# TYPE {name} ", exposed, re.MULTILINE) for name in named)


@pytest.mark.postgres
async def test_every_query_runs(db: Database) -> None:
    questions = [question for block in fenced(PAGE, "sql") for question in block.split(";") if question.strip()]
    assert len(questions) >= 6
    for question in questions:
        await database.rows(re.sub(r"^--.*$", "", question, flags=re.MULTILINE))


@pytest.mark.postgres
async def test_what_it_tells_to_write_can_be_written(db: Database) -> None:
    statements = re.findall(r"`(UPDATE [^`]+)`", PAGE)
    assert len(statements) == 2
    for statement in statements:
        await database.rows(statement)


def test_the_limits_in_the_table_are_those_of_the_code() -> None:
    told = {row[0]: row[1] for row in rows(PAGE, "Limits and time-outs")}
    assert told["request head"] == f"{heads.HEAD_BYTES // 1024} KiB, whole within {heads.HEAD_SECONDS:.0f} s"
    assert told["request body"].startswith(f"{body.BODY_BYTES // 1024} KiB, whole within {body.BODY_SECONDS} s")
    assert told["lock wait"].startswith(f"{database.LOCK_WAIT_MS // 1000} s")
    assert told["stopping"].startswith(f"{GRACE_SECONDS} s")
    assert worker.STOP_SECONDS == GRACE_SECONDS
    assert told["order"].startswith(f"{wanted.MOST_LINES} slots")
    assert told["venuesNear"].startswith(f"{queries.FURTHEST_M // 1000} km, {queries.MOST_AT_ONCE} a page")
    assert told["tokens"] == (
        f"access {members.ACCESS_LIFE // HOUR} h, refresh {members.REFRESH_LIFE.days} days, "
        f"repeat {members.REPEAT_WINDOW.seconds} s"
    )
    assert told["staff"] == (
        f"idle {LEVEL_3.idle_life.seconds // 60} min, at most {LEVEL_3.absolute_life // HOUR} h; "
        f"{LEVEL_3.failures_until_lock} failures lock {LEVEL_3.lock_life.seconds} s"
    )
    assert told["codes"].startswith(f"step {codes.STEP_SECONDS} s")
    assert f"{operations.UNKNOWN_CODES_A_MINUTE} unknown" in told["codes"]
    assert told["forwarding"].startswith(f"{MAX_ROWS} rows or 1 MB a batch, lease {LEASE_S} s")
    assert f"{forwarding.MAX_ATTEMPTS} tries" in told["forwarding"]
