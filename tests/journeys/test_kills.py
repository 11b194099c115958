"""Real processes are killed on the way, and in the end every book agrees (issue 2, Proof)."""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import httpx
import pytest

from demo.people import Citizen, ask
from demo.stack import Broken
from tests.bff.test_stack import STOP_SECONDS
from tests.conftest import OwnDatabase
from tests.journeys.town import Town, a_town, until

pytestmark = pytest.mark.stack
T = TypeVar("T")

CHENGDU = {"lon": 104.0665, "lat": 30.595, "system": "GCJ02"}


@pytest.fixture(scope="module")
async def town(own_database: OwnDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with a_town(own_database, tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture(scope="module")
def slots(town: Town) -> Iterator[dict[str, Any]]:
    """The last paid slot of today at one venue after the other, each as a line to order."""
    near = {"point": CHENGDU, "radiusM": 100000, "sport": None, "first": 50}
    venues = [edge["node"]["id"] for edge in ask(town.stack, "VenuesNear", near)["edges"]]
    return (line for venue in venues for line in paid_slots(town, venue)[-1:])


def paid_slots(town: Town, venue_id: str) -> list[dict[str, Any]]:
    """Of the venue's first court."""
    grid = ask(town.stack, "Slots", {"venueId": venue_id, "sport": None, "date": town.today.isoformat()})
    return [
        {"courtId": court["courtId"], "startsAt": slot["startsAt"], "people": 1, "expectedPrice": slot["price"]}
        for court in grid[:1]
        for slot in court["slots"]
        if slot["status"] == "AVAILABLE" and slot["price"] > 0
    ]


def patiently(act: Callable[[], T]) -> T:
    """As people do: when it did not work, press again."""
    end = time.monotonic() + 90
    while True:
        try:
            return act()
        except (Broken, httpx.TransportError):
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def someone(town: Town, number: int) -> Citizen:
    citizen = Citizen(town.stack, f"市民{number}", f"139{number:08d}")
    patiently(citizen.sign_in)
    return citizen


def places(citizen: Citizen, line: dict[str, Any]) -> str:
    variables = {"idempotencyKey": secrets.token_hex(8), "lines": [line]}
    return str(patiently(lambda: citizen.ask("PlaceOrder", variables))["order"]["orderNo"])


def books_and_pays(town: Town, number: int, line: dict[str, Any]) -> tuple[Citizen, str]:
    citizen = someone(town, number)
    order_no = places(citizen, line)
    parameters = patiently(lambda: citizen.ask("PayOrder", {"orderNo": order_no}))["wechatPay"]
    paid = httpx.post(
        f"{town.stack.wechat_pay}/_sandbox/pay", json=parameters, timeout=30, trust_env=False, verify=False
    )
    assert paid.status_code == 200, paid.text
    return citizen, order_no


def is_paid(citizen: Citizen, order_no: str) -> bool:
    return bool(citizen.order(order_no)["status"] == "PAID")


def platform_rows(town: Town) -> Any:
    return town.store(town.stack.platform)["rows"]


async def test_every_paid_order_is_at_the_platform_once_though_worker_valkey_and_platform_were_killed(
    town: Town, slots: Iterator[dict[str, Any]]
) -> None:
    pay, platform = town.stack.wechat_pay, town.stack.platform
    lines = [next(slots) for _ in range(21)]
    orders: list[tuple[Citizen, str]] = []
    with ThreadPoolExecutor(7) as people:

        def wave(first: int) -> list[Any]:
            return [people.submit(books_and_pays, town, n, lines[n]) for n in range(first, first + 7)]

        # while the platform is dead; then it takes what it is given and says 500
        town.kill("government-platform")
        acting = wave(0)
        orders += [each.result() for each in acting]
        town.start("government-platform")
        town.faults(platform, http_500_after=True)
        town.faults(pay, doubled_notices=True, http_500_after=True)
        until(lambda: platform_rows(town), "the platform took something and denied it")

        # Valkey dies, then the worker; WeChat Pay does what it is asked and says 500
        acting = wave(7)
        town.kill("valkey")
        until(lambda: any(each.running() for each in acting), "people are under way")
        town.kill("worker")
        town.faults(pay, doubled_notices=True)
        orders += [each.result() for each in acting]
        town.faults(platform, drop_connection=True)
        town.start("worker")

        # notices are lost for good, and the worker dies again while it forwards
        town.faults(pay, lost_notices=True)
        acting = wave(14)
        town.start("valkey")
        orders += [each.result() for each in acting]
        town.kill("worker", "government-platform")
        town.start("government-platform")
        town.faults(platform)
        town.faults(pay)

    unpaid = places(someone(town, 99), next(slots))
    # a minute and a half later: leases of the dead worker are over, lost notices are asked for
    town.start("worker", ahead=town.ahead + timedelta(seconds=90))
    paid = {order_no for _, order_no in orders}
    for citizen, order_no in orders:
        until(partial(is_paid, citizen, order_no), f"{order_no} is paid")

    def told() -> set[str]:
        return {row["payload"]["orderNo"] for row in platform_rows(town)}

    until(lambda: told() >= paid, "every paid order is at the platform")
    assert await settled_down(town)
    rows = platform_rows(town)
    assert sorted(row["payload"]["orderNo"] for row in rows) == sorted(paid)  # each once, and nothing else
    assert unpaid not in told()
    assert {(row["kind"], row["payload"]["state"]) for row in rows} == {("orders", "PAID")}
    assert max(row["deliveries"] for row in rows) > 1  # the faults were real
    assert "LOST" in {notice["state"] for notice in town.store(pay)["notices"]}
    assert len(paid) == 21
    await the_books_agree(town)


async def settled_down(town: Town) -> bool:
    """Nothing waits in the outbox, and nothing was given up."""
    end = time.monotonic() + 60
    while await town.rows("SELECT id FROM outbox WHERE delivered_at IS NULL"):
        assert time.monotonic() < end, await town.rows("SELECT subject, attempts, dead_at FROM outbox")
        time.sleep(0.1)
    return True


async def the_books_agree(town: Town) -> None:
    """Our finance events and WeChat Pay's books, entry by entry."""
    ours = await town.rows(
        "SELECT kind, about_no, amount_fen FROM finance_event WHERE kind IN ('PAID', 'REFUNDED')"
    )
    theirs = town.store(town.stack.wechat_pay)
    assert {(event["about_no"], event["amount_fen"]) for event in ours if event["kind"] == "PAID"} == {
        (payment["out_trade_no"], payment["total_fen"]) for payment in theirs["payments"]
    }
    assert {(event["about_no"], event["amount_fen"]) for event in ours if event["kind"] == "REFUNDED"} == {
        (refund["out_refund_no"], refund["refund_fen"]) for refund in theirs["refunds"]
    }
    assert len(ours) == len(theirs["payments"]) + len(theirs["refunds"])
    assert sum(event["amount_fen"] for event in ours if event["kind"] == "PAID") == theirs["sums"]["paid_fen"]


async def test_an_unpaid_hold_ends_although_the_worker_was_dead_at_its_time(
    town: Town, slots: Iterator[dict[str, Any]]
) -> None:
    wanted_by_two, waited_for = next(slots), next(slots)
    citizen = someone(town, 200)
    first, second = places(citizen, wanted_by_two), places(someone(town, 201), waited_for)
    parameters = citizen.ask("PayOrder", {"orderNo": first})["wechatPay"]
    town.kill("worker")
    town.kill("web")
    town.turn_clocks(town.ahead + timedelta(minutes=16))
    town.start("web")

    # still no worker: who wants the slot gets it, since the hold ends properly on the way
    other = someone(town, 202)
    taken = places(other, wanted_by_two)
    assert taken != first
    assert (citizen.order(first)["status"], citizen.order(first)["closeReason"]) == ("CLOSED", "EXPIRED")
    late = httpx.post(
        f"{town.stack.wechat_pay}/_sandbox/pay", json={**parameters, "late": True}, timeout=30, trust_env=False
    )
    assert late.status_code == 409  # closed at WeChat Pay before the slot was given on
    assert await status(town, second) == "PENDING_PAYMENT"

    # and the worker, back at last, ends what is left
    town.start("worker")
    end = time.monotonic() + 60
    while await status(town, second) != "CLOSED":
        assert time.monotonic() < end, "the overdue hold was not ended"
        time.sleep(0.1)
    assert await status(town, taken) == "PENDING_PAYMENT"
    again = places(someone(town, 203), waited_for)
    assert again != second
    await the_books_agree(town)


async def test_a_worker_told_to_stop_finishes_what_it_is_sending(
    town: Town, slots: Iterator[dict[str, Any]]
) -> None:
    town.faults(town.stack.platform, slow=2)  # takes the row, and answers later
    _, order_no = books_and_pays(town, 300, next(slots))
    until(lambda: order_no in {row["payload"]["orderNo"] for row in platform_rows(town)}, "the platform has it")
    undelivered = f"SELECT id FROM outbox WHERE subject = 'order:{order_no}' AND delivered_at IS NULL"
    assert await town.rows(undelivered)
    worker = town.processes.pop("worker")
    worker.terminate()
    assert worker.wait(STOP_SECONDS) == 0
    assert not await town.rows(undelivered)
    town.faults(town.stack.platform)
    town.start("worker")


async def status(town: Town, order_no: str) -> str:
    (order,) = await town.rows(f"SELECT status FROM orders WHERE order_no = '{order_no}'")
    return str(order["status"])
