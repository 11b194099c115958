"""The outbox: heads are claimed, in order, by one worker; what fails backs off, what is given up can be replayed."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models import database
from models.forwarding import operations as forwarding
from models.forwarding.operations import MAX_ATTEMPTS, ClaimedRow, wait_after
from models.forwarding.queries import backlog, dead_letters
from models.forwarding.tables import OutboxRow
from tests.databases import Database

SECOND = timedelta(seconds=1)
LEASE = 60 * SECOND


async def write(subject: str, *names: str, now: datetime, kind: str = "orders") -> None:
    """Rows of one subject, each with its name in the payload."""
    for name in names:
        await forwarding.add(kind=kind, subject=subject, province_code="510000", payload={"name": name}, now=now)


async def claim(now: datetime, limit: int = 100) -> list[ClaimedRow]:
    return await forwarding.claim(limit=limit, now=now, lease_seconds=60)


def names(rows: list[ClaimedRow]) -> list[str]:
    return [row.payload["name"] for row in rows]


async def deliver(rows: list[ClaimedRow], now: datetime) -> None:
    await forwarding.delivered(receipts={row.id: f"R{row.id}" for row in rows}, now=now)


async def test_a_row_lives_and_dies_with_the_transaction_that_wrote_it(db: Database, now: datetime) -> None:
    @database.operation
    async def act_that_fails() -> None:
        await write("order:1", "a", now=now)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await act_that_fails()
    assert await OutboxRow.all().count() == 0


async def test_a_claimed_row_carries_what_was_written(db: Database, now: datetime) -> None:
    await forwarding.add(
        kind="orders",
        subject="order:1",
        province_code="510000",
        payload={"场馆": "大田湾体育场", "fen": 4000},
        now=now,
    )
    (row,) = await claim(now)
    assert (row.kind, row.subject, row.attempts) == ("orders", "order:1", 0)
    assert row.payload == {"场馆": "大田湾体育场", "fen": 4000}
    assert row.lease_ends_at == now + LEASE


async def test_a_claimed_row_is_nobody_elses_until_its_lease_ends(db: Database, now: datetime) -> None:
    await write("order:1", "a", now=now)
    (first,) = await claim(now)
    assert await claim(now + LEASE - SECOND) == []
    (again,) = await claim(now + LEASE)
    assert again.public_id == first.public_id


async def test_of_an_order_only_the_head_is_claimed_though_kinds_differ(db: Database, now: datetime) -> None:
    await write("order:1", "paid", now=now)
    await write("order:1", "redeemed", now=now, kind="redemptions")
    await write("order:2", "paid too", now=now)
    head, other = await claim(now)
    assert names([head, other]) == ["paid", "paid too"]
    assert await claim(now) == []
    await deliver([head], now)
    assert names(await claim(now)) == ["redeemed"]


async def test_of_a_gate_the_due_rows_are_claimed_in_order(db: Database, now: datetime) -> None:
    await write("gate:1", "a", "b", "c", now=now, kind="gate-scans")
    await write("gate:2", "x", now=now, kind="gate-scans")
    assert names(await claim(now)) == ["a", "b", "c", "x"]


async def test_a_claim_is_bounded_and_takes_a_gates_first_rows(db: Database, now: datetime) -> None:
    await write("gate:1", "a", "b", "c", "d", now=now, kind="gate-scans")
    await write("order:1", "x", now=now)
    first = await claim(now, limit=3)
    assert names(first) == ["a", "b", "x"]
    await deliver(first, now)
    assert names(await claim(now, limit=3)) == ["c", "d"]


async def test_a_gates_rows_stop_at_another_kind(db: Database, now: datetime) -> None:
    await write("gate:1", "scan", now=now, kind="gate-scans")
    await write("gate:1", "figure", now=now, kind="hourly-figures")
    await write("gate:1", "later scan", now=now, kind="gate-scans")
    assert names(await claim(now)) == ["scan"]


async def test_a_gates_rows_wait_while_an_earlier_one_is_claimed_or_backs_off(db: Database, now: datetime) -> None:
    await write("gate:1", "a", "b", now=now, kind="gate-scans")
    (head,) = await claim(now, limit=1)
    assert await claim(now) == []
    await forwarding.failed(rows=[head], error="down", now=now)
    assert await claim(now + SECOND) == []
    assert names(await claim(now + 5 * SECOND)) == ["a", "b"]


async def test_a_replayed_row_of_a_gate_does_not_drag_along_what_another_worker_holds(
    db: Database, now: datetime
) -> None:
    await write("gate:1", "a", "b", "c", now=now, kind="gate-scans")
    (head,) = await claim(now, limit=1)
    await forwarding.refused(messages=[(head, "no")], now=now)
    assert names(await claim(now, limit=1)) == ["b"]
    await forwarding.replay(public_ids=[head.public_id], now=now)
    assert names(await claim(now)) == ["a"]


async def test_failures_back_off_and_end_in_a_dead_letter_that_says_why(db: Database, now: datetime) -> None:
    await write("order:1", "a", now=now)
    first_failed_at, gave_up_at, then = now, now, now
    for attempt in range(MAX_ATTEMPTS):
        (row,) = await claim(then)
        assert row.attempts == attempt
        await forwarding.failed(rows=[row], error="HTTP 500", now=then)
        gave_up_at, then = then, then + wait_after("order:1", attempt + 1)
        assert await claim(then - SECOND) == []
    assert await claim(then + timedelta(days=30)) == []
    (letter,) = await dead_letters()
    assert (letter.attempts, letter.error, letter.dead_at) == (MAX_ATTEMPTS, "HTTP 500", gave_up_at)
    assert timedelta(hours=36) <= gave_up_at - first_failed_at <= timedelta(hours=48)


def test_waits_double_up_to_a_quarter_of_an_hour_and_are_shortened_by_at_most_a_quarter() -> None:
    for subject in ("order:1", "gate:7"):
        for attempts in range(1, 60):
            longest = min(5 * 2 ** (attempts - 1), 900)
            assert 0.75 * longest <= wait_after(subject, attempts).total_seconds() <= longest
    assert len({wait_after(f"order:{number}", 8) for number in range(20)}) > 15


async def test_a_dead_row_blocks_its_order_and_is_passed_by_its_gate(db: Database, now: datetime) -> None:
    await write("order:1", "a", "b", now=now)
    await write("gate:1", "x", "y", now=now, kind="gate-scans")
    claimed = await claim(now, limit=2)
    assert names(claimed) == ["a", "x"]
    await forwarding.refused(messages=[(row, "平台按设定拒收") for row in claimed], now=now)
    assert names(await claim(now)) == ["y"]
    assert [(each.payload["name"], each.error) for each in await dead_letters()] == [
        ("a", "平台按设定拒收"),
        ("x", "平台按设定拒收"),
    ]
    assert [each.payload["name"] for each in await dead_letters() if each.subject == "gate:1"] == ["x"]


async def test_a_replayed_row_keeps_its_key_and_frees_its_order(db: Database, now: datetime) -> None:
    await write("order:1", "a", "b", now=now)
    (head,) = await claim(now)
    await forwarding.refused(messages=[(head, "no")], now=now)
    assert await forwarding.replay(public_ids=[head.public_id, "unknown"], now=now) == 1
    assert await dead_letters() == []
    (again,) = await claim(now)
    assert (again.public_id, again.attempts) == (head.public_id, 0)
    await deliver([again], now)
    assert names(await claim(now)) == ["b"]


async def test_only_dead_rows_can_be_replayed(db: Database, now: datetime) -> None:
    await write("order:1", "a", now=now)
    (row,) = await claim(now)
    await forwarding.failed(rows=[row], error="down", now=now)
    assert await forwarding.replay(public_ids=[row.public_id], now=now) == 0
    assert await claim(now) == []


async def test_a_delivered_row_is_never_claimed_failed_refused_or_replayed_again(
    db: Database, now: datetime
) -> None:
    await write("order:1", "a", now=now)
    (row,) = await claim(now)
    await deliver([row], now)
    await forwarding.failed(rows=[row], error="late", now=now)
    await forwarding.refused(messages=[(row, "late")], now=now)
    assert await forwarding.replay(public_ids=[row.public_id], now=now) == 0
    assert await claim(now + timedelta(days=1)) == []
    stored = await OutboxRow.get()
    assert (stored.delivered_at, stored.dead_at, stored.receipt_no) == (now, None, f"R{row.id}")


async def test_a_worker_whose_lease_went_to_another_is_believed_only_about_deliveries(
    db: Database, now: datetime
) -> None:
    await write("order:1", "a", now=now)
    (slow,), (quick,) = await claim(now), await claim(now + LEASE)
    await forwarding.failed(rows=[slow], error="timed out", now=now + LEASE)
    await forwarding.refused(messages=[(slow, "no")], now=now + LEASE)
    await forwarding.released(rows=[slow])
    stored = await OutboxRow.get()
    assert (stored.attempts, stored.dead_at, stored.claimed_until) == (0, None, quick.lease_ends_at)
    await deliver([slow], now + LEASE)
    await forwarding.refused(messages=[(quick, "no")], now=now + LEASE)
    assert (await OutboxRow.get()).dead_at is None
    assert await dead_letters() == []


async def test_what_was_released_is_due_at_once_and_was_no_attempt(db: Database, now: datetime) -> None:
    await write("order:1", "a", now=now)
    (row,) = await claim(now)
    await forwarding.released(rows=[row])
    (again,) = await claim(now)
    assert again.attempts == 0


async def test_the_backlog_counts_what_waits_since_when_and_what_is_dead(db: Database, now: datetime) -> None:
    assert await backlog(now=now) == []
    await write("order:1", "a", now=now - 90 * SECOND)
    await write("order:2", "b", now=now)
    await write("gate:1", "x", now=now, kind="gate-scans")
    dead = [row for row in await claim(now) if row.kind == "gate-scans"]
    await forwarding.refused(messages=[(row, "no") for row in dead], now=now)
    scans, orders = await backlog(now=now)
    assert (scans.kind, scans.waiting, scans.oldest_age_s, scans.dead) == ("gate-scans", 0, 0.0, 1)
    assert (orders.kind, orders.waiting, orders.oldest_age_s, orders.dead) == ("orders", 2, 90.0, 0)


@pytest.mark.postgres
async def test_many_workers_claim_disjoint_rows_and_keep_every_gates_order(db: Database, now: datetime) -> None:
    for number in range(40):
        await write(f"order:{number}", "a", "b", now=now)
    for number in range(4):
        await write(f"gate:{number}", *map(str, range(30)), now=now, kind="gate-scans")
    arrived: dict[str, list[str]] = {}
    claims = 0

    async def work() -> None:
        nonlocal claims
        idle = 0
        while idle < 20:
            rows = await claim(now, limit=7)
            idle = 0 if rows else idle + 1
            claims += len(rows)
            for row in rows:
                arrived.setdefault(row.subject, []).append(row.payload["name"])
            await asyncio.sleep(0.002)
            await deliver(rows, now)

    await asyncio.gather(*[work() for _ in range(8)])
    assert claims == 40 * 2 + 4 * 30
    assert all(arrived[f"order:{number}"] == ["a", "b"] for number in range(40))
    assert all(arrived[f"gate:{number}"] == [str(name) for name in range(30)] for number in range(4))
