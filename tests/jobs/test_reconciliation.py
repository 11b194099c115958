"""The job of the daily reconciliation, as the worker runs it."""

from datetime import datetime
from typing import Any, cast

from jobs import ALL
from jobs.job import Tools
from jobs.reconciliation import reconcile
from models.keys import AuditKeys
from models.reconciliation.rules import RETRY
from models.reconciliation.tables import DayStatement
from tests.databases import Database
from tests.models.reconciliation.books import DUE, Bills, known, row_of, some_books


def tools(bills: Bills, woken: list[str], now: datetime) -> Tools:
    async def wake(name: str) -> None:
        woken.append(name)

    none = cast(Any, None)
    return Tools(
        channels=bills.channels(),
        platforms=(),
        clock=lambda: now,
        wake=wake,
        audit_keys=AuditKeys({"1": b"a" * 32}),
        privacy_keys=none,
        messengers=none,
    )


def test_it_is_one_of_the_workers_jobs_and_never_outlives_its_claim() -> None:
    (job,) = [job for job in ALL if job.name == "reconcile"]
    assert job.every_seconds == 300
    assert job.timeout_seconds < RETRY.total_seconds()


async def test_a_repaired_payment_wakes_whoever_has_to_go_on(db: Database) -> None:
    books, bills, woken = await some_books(), Bills(), list[str]()
    payment = await books.payment(status="CLOSED")
    bills.lists(row_of(payment))
    bills.payments[payment.payment_no] = known(payment)
    assert await reconcile(tools(bills, woken, DUE)) == 1
    assert woken == ["forward", "refunds"]
    assert await reconcile(tools(bills, woken, DUE)) == 0
    assert len(woken) == 2


async def test_a_house_without_payments_has_nothing_to_reconcile(db: Database) -> None:
    bills, woken = Bills(), list[str]()
    assert await reconcile(tools(bills, woken, DUE)) == 0
    assert (bills.fetched, woken) == ([], [])
    assert not await DayStatement.exists()
