"""Web and worker are killed at named points of what they do with money, and in the end all three books agree to the fen.

A wire of the test's own lies between each of them and each sandbox, and before the door for notices (tests.journeys.
wire). It kills who asks when the request has come and is not passed on yet, so between commit and call, or when the
sandbox has answered and the answer is not passed back, so between call and commit.
"""

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from bff.embedded import own_port
from bff.http.payment_notices import notice_path
from demo.people import Citizen, ask
from demo.stack import Broken, post
from tests.conftest import OwnDatabase
from tests.journeys.test_kills import CHENGDU, is_paid, paid_slots, places, someone
from tests.journeys.town import Town, a_town, until
from tests.journeys.wire import Ambush, Moment, Trap, Wire, a_wire_to
from tests.outside import ALIPAY, WECHAT_PAY

pytestmark = [pytest.mark.stack, pytest.mark.postgres]  # once is enough: what dies is not the database

CHANNELS = (WECHAT_PAY, ALIPAY)
WORKERS_CLOCK = timedelta(minutes=1)  # ahead of the others': what is asked about after 15 s is due
WEBS = ("web", "web-2")


@dataclass
class Wires:
    """By who asks and whom; and those on which notices come."""

    town: Town
    outward: dict[tuple[str, str], Wire]
    notices: Wire

    def lie_in_wait(self, process: str, *traps: tuple[str, Trap]) -> Ambush:
        """For calls over these channels; kills the process once each is at its moment."""
        ambush = Ambush(partial(self._kill, process), [trap for _, trap in traps])
        for channel, trap in traps:
            wire = self.notices if trap.call == "notice" else self.outward[process, channel]
            wire.traps.append((trap, ambush))
        return ambush

    def _kill(self, process: str) -> None:
        self.town.processes[process].kill()
        self.town.processes[process].wait()

    def wait(self, process: str, ambush: Ambush) -> None:
        """Until it was killed there."""
        lying = [trap for wire in self.all for trap, _ in wire.traps]
        assert ambush.struck.wait(60), f"{process} never came to {lying}"
        assert [trap for wire in self.all for trap in wire.traps] == []
        self.town.kill(process)

    @property
    def all(self) -> list[Wire]:
        return [*self.outward.values(), self.notices]

    def start(self, process: str) -> None:
        self.town.start(process, ahead=self.town.ahead + (WORKERS_CLOCK if process == "worker" else timedelta()))


@pytest.fixture(scope="module")
async def wires(own_database: OwnDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wires]:
    with contextlib.ExitStack() as stack:
        made: list[Wires] = []

        def lay(town: Town) -> None:
            outward = {
                (process, channel): stack.enter_context(a_wire_to(url))
                for process in ("web", "worker")
                for channel, url in ((WECHAT_PAY, town.stack.wechat_pay), (ALIPAY, town.stack.alipay))
            }
            notices = stack.enter_context(a_wire_to(town.stack.house))
            for process in ("web", "worker"):
                town.own[process] = {
                    "WECHAT_PAY_BASE_URL": outward[process, WECHAT_PAY].url,
                    "ALIPAY_BASE_URL": outward[process, ALIPAY].url,
                    "PUBLIC_BASE_URL": notices.url,
                }
            town.own["web-2"] = {"PORT": str(own_port())}
            town.commands["web-2"] = town.commands["web"]
            town.environment["RATE_SCALE"] = "1000"
            made.append(Wires(town, outward, notices))

        async with a_town(own_database, tmp_path_factory.mktemp("town"), lay):
            yield made[0]


@pytest.fixture(scope="module")
def town(wires: Wires) -> Town:
    return wires.town


@pytest.fixture(scope="module")
def lines(town: Town) -> Iterator[dict[str, Any]]:
    """Slots of this afternoon and evening, each as a line to order."""
    near = {"point": CHENGDU, "radiusM": 100000, "sport": None, "first": 50}
    venues = [edge["node"]["id"] for edge in ask(town.stack, "VenuesNear", near)["edges"]]
    return (line for venue in venues for line in paid_slots(town, venue)[-5:])


numbers = iter(range(400, 999))


@dataclass
class Buyer:
    """Somebody with an order, who pays it over one channel."""

    town: Town
    channel: str
    citizen: Citizen
    order_no: str
    sheet: Any = None

    @property
    def house(self) -> str:
        return self.town.stack.alipay if self.channel == ALIPAY else self.town.stack.wechat_pay

    def opens(self) -> "Buyer":
        if self.channel == ALIPAY:
            opened = self.citizen.ask("PayByAlipay", {"orderNo": self.order_no, "way": "CODE"})
            self.sheet = {"qr_code": opened["code"]["code"]}
        else:
            opened = self.citizen.ask("PayOrder", {"orderNo": self.order_no})
            self.sheet = {**opened["wechatPay"], "openid": self.citizen.openid}
        return self

    def pays(self) -> "Buyer":
        post(f"{self.house}/_sandbox/pay", self.sheet)
        return self

    def has_paid(self) -> "Buyer":
        self.opens().pays().waits_until_paid()
        return self

    def waits_until_paid(self) -> None:
        until(partial(is_paid, self.citizen, self.order_no), f"{self.order_no} is paid")

    def waits_until_refunded(self) -> None:
        def is_back() -> bool:
            order = self.citizen.order(self.order_no)
            return bool(order["status"] == "CLOSED" and order["paid"] == order["refunded"] and not order["due"])

        until(is_back, f"{self.order_no} is closed and its money back")

    def is_closed(self) -> bool:
        return bool(self.citizen.order(self.order_no)["status"] == "CLOSED")

    def cancels(self) -> None:
        self.citizen.ask("CancelOrder", {"orderNo": self.order_no})

    async def attempt(self) -> Any:
        return (await self.rows("payment"))[0]

    async def refund(self) -> Any:
        return (await self.rows("refund"))[0]

    async def rows(self, table: str) -> Any:
        return await self.town.rows(
            f"SELECT {table}.* FROM {table} JOIN orders ON orders.id = {table}.order_id "
            f"WHERE orders.order_no = '{self.order_no}' ORDER BY {table}.id"
        )


def a_buyer(town: Town, channel: str, lines: Iterator[dict[str, Any]]) -> Buyer:
    citizen = someone(town, next(numbers))
    return Buyer(town, channel, citizen, places(citizen, next(lines)))


def around(call: str) -> list[tuple[str, Trap]]:
    """Either side of this call over either channel."""
    return [(channel, Trap(call, moment)) for channel in CHANNELS for moment in (Moment.BEFORE, Moment.AFTER)]


def buyers(town: Town, lines: Iterator[dict[str, Any]]) -> list[Buyer]:
    """One for each of `around`."""
    return [a_buyer(town, channel, lines) for channel, _ in around("")]


def cut_off(made: list[Buyer], act: Callable[[Buyer], Any]) -> None:
    """All of them do it at once, while the house is killed."""

    def try_to(buyer: Buyer) -> None:
        with pytest.raises((Broken, httpx.TransportError)):
            act(buyer)

    with ThreadPoolExecutor(len(made)) as people:
        list(people.map(try_to, made))


async def the_books_are_equal(town: Town) -> None:
    """Our finance events and both sandboxes' books, entry by entry, to the fen."""
    ours = await town.rows(
        "SELECT kind, about_no, amount_fen FROM finance_event WHERE kind IN ('PAID', 'REFUNDED') ORDER BY about_no"
    )
    wechat, alipay = town.store(town.stack.wechat_pay), town.store(town.stack.alipay)
    theirs = [("PAID", row["out_trade_no"], row["total_fen"]) for row in wechat["payments"]]
    theirs += [("PAID", row["out_trade_no"], row["total_fen"]) for row in alipay["trades"] if row["paid_at"]]
    theirs += [("REFUNDED", row["out_refund_no"], row["refund_fen"]) for row in wechat["refunds"]]
    theirs += [("REFUNDED", row["out_request_no"], row["refund_fen"]) for row in alipay["refunds"]]
    assert sorted((row["kind"], row["about_no"], row["amount_fen"]) for row in ours) == sorted(theirs)


async def everybody_is_square(town: Town) -> None:
    """Equal books; an order is paid, with its places, or what was paid for it is back."""
    await the_books_are_equal(town)
    sums = await town.rows(
        """SELECT orders.order_no, orders.status, orders.total_fen,
                  (SELECT COALESCE(SUM(amount_fen), 0) FROM finance_event
                    WHERE order_id = orders.id AND kind = 'PAID') AS paid,
                  (SELECT COALESCE(SUM(amount_fen), 0) FROM finance_event
                    WHERE order_id = orders.id AND kind = 'REFUNDED') AS refunded,
                  (SELECT COUNT(*) FROM admission
                    WHERE admission.order_id = orders.id AND revoked_at IS NULL) AS places,
                  (SELECT COUNT(*) FROM held_cell JOIN order_line ON order_line.id = held_cell.order_line_id
                    WHERE order_line.order_id = orders.id) AS cells
             FROM orders"""
    )
    for order in sums:
        kept = order["paid"] - order["refunded"]
        if order["status"] == "PAID":
            assert kept == order["total_fen"], order
            assert order["places"] == 1, order
            assert order["cells"] > 0, order
        else:
            assert kept == order["places"] == 0, order
            assert (order["cells"] > 0) == (order["status"] == "PENDING_PAYMENT"), order


# The web process


async def test_killed_while_it_opens_payments(wires: Wires, town: Town, lines: Iterator[dict[str, Any]]) -> None:
    made = buyers(town, lines)
    ambush = wires.lie_in_wait("web", *around("prepay"))
    cut_off(made, Buyer.opens)
    wires.wait("web", ambush)
    wires.start("web")
    assert [(await buyer.attempt())["status"] for buyer in made] == ["INTENDED"] * 4
    ours = {(await buyer.attempt())["payment_no"] for buyer in made}
    known = {row["out_trade_no"] for row in town.store(town.stack.wechat_pay)["orders"]}
    assert len(ours & known) == 1  # one of WeChat Pay's two had arrived there
    for buyer in made:
        buyer.has_paid()
        assert len(await buyer.rows("payment")) == 1
    await everybody_is_square(town)


async def test_killed_while_it_cancels_and_gives_back(
    wires: Wires, town: Town, lines: Iterator[dict[str, Any]]
) -> None:
    made = buyers(town, lines)
    for buyer in made:
        buyer.has_paid()
    town.kill("worker")
    ambush = wires.lie_in_wait("web", *around("refund"))
    cut_off(made, Buyer.cancels)
    wires.wait("web", ambush)
    wires.start("web")
    assert [(await buyer.refund())["status"] for buyer in made].count("INTENDED") >= 3
    wires.start("worker")
    for buyer in made:
        buyer.waits_until_refunded()
        assert len(await buyer.rows("refund")) == 1
    await everybody_is_square(town)


async def test_killed_while_it_takes_notices(wires: Wires, town: Town, lines: Iterator[dict[str, Any]]) -> None:
    made = [buyer.opens() for buyer in buyers(town, lines)]
    ambush = wires.lie_in_wait(
        "web",
        *(
            (channel, Trap("notice", moment, notice_path(channel)))
            for channel in CHANNELS
            for moment in (Moment.DURING, Moment.AFTER)
        ),
    )
    for buyer in made:
        buyer.pays()
    wires.wait("web", ambush)
    wires.start("web")
    for buyer in made:
        buyer.waits_until_paid()
    await everybody_is_square(town)


# Two of them


@pytest.mark.parametrize("channel", CHANNELS)
async def test_two_processes_take_the_same_notice_at_the_same_moment_and_settle_it_once(
    wires: Wires, town: Town, lines: Iterator[dict[str, Any]], channel: str
) -> None:
    town.kill("worker")  # nobody but a notice tells us
    if "web-2" not in town.processes:
        town.start("web-2")
    doors = [f"http://127.0.0.1:{town.own[name].get('PORT', town.environment['PORT'])}" for name in WEBS]
    until(lambda: not pending_notices(town), "what was told before is known")
    wires.notices.kept = letters = []
    with ThreadPoolExecutor(4) as people:
        wanted = [next(lines) for _ in range(20)]
        made = list(people.map(lambda line: a_buyer(town, channel, iter([line])).opens().pays(), wanted))
    until(lambda: len(letters) == len(made), "every notice has come")
    wires.notices.kept = None
    at_once = threading.Barrier(len(doors), timeout=60)  # who failed leaves nobody standing

    def hand_in(door: str) -> list[tuple[int, str]]:
        answers = []
        with httpx.Client(base_url=door, trust_env=False, verify=False, timeout=60) as http:
            for letter in letters:
                at_once.wait()
                answer = http.post(letter.target, content=letter.body, headers=letter.headers)
                answers.append((answer.status_code, answer.text))
        return answers

    with ThreadPoolExecutor(len(doors)) as both:
        for answers in both.map(hand_in, doors):
            assert answers == [(200, "success") if channel == ALIPAY else (204, "")] * len(made)
    for buyer in made:
        assert is_paid(buyer.citizen, buyer.order_no)
        told = await town.rows(f"SELECT id FROM outbox WHERE subject = 'order:{buyer.order_no}'")
        assert len(told) == 1
    await everybody_is_square(town)
    wires.start("worker")


# The worker


async def test_killed_while_it_closes_gives_back_and_asks_and_in_the_end_nothing_is_left_open(
    wires: Wires, town: Town, lines: Iterator[dict[str, Any]]
) -> None:
    """Its three jobs are cut off at one blow: closing a hold, sending a refund, asking for a lost notice. Four times,
    on either side of each call over either channel. The last test of all: a quarter of an hour later by every clock.
    """
    town.kill("worker")
    held, kept, unheard = buyers(town, lines), buyers(town, lines), buyers(town, lines)
    for buyer in held:
        buyer.opens()
        if buyer.channel == ALIPAY:  # looked at and left: so there is something to close
            post(f"{town.stack.alipay}/_sandbox/refuse", buyer.sheet)
    for buyer in kept:
        buyer.has_paid()
    at_both(town, lost_notices=True)
    for buyer in unheard:
        buyer.opens().pays()
    at_both(town, lost_notices=True, http_500=True)  # so that the refunds are left to the worker
    for buyer in kept:
        buyer.cancels()
    until(lambda: not pending_notices(town), "their notices are lost")
    at_both(town)
    town.kill("web")
    town.turn_clocks(town.ahead + timedelta(minutes=15) - WORKERS_CLOCK)
    for each, (channel, call) in enumerate(around("")):
        closing, asking = (await held[each].attempt())["payment_no"], (await unheard[each].attempt())["payment_no"]
        ambush = wires.lie_in_wait(
            "worker",
            (channel, Trap("close", call.moment, closing)),
            (channel, Trap("refund", call.moment, (await kept[each].refund())["refund_no"])),
            (channel, Trap("query", call.moment, asking)),
        )
        wires.start("worker")
        wires.wait("worker", ambush)
        assert (await held[each].attempt())["status"] == "WAITING"
        assert (await kept[each].refund())["status"] == "INTENDED"
        assert (await unheard[each].attempt())["status"] == "WAITING"
    town.start("web")
    wires.start("worker")
    for buyer in kept:
        buyer.waits_until_refunded()
        assert len(await buyer.rows("refund")) == 1
    for buyer in unheard:
        buyer.waits_until_paid()
    for buyer in held:
        until(buyer.is_closed, "the hold has ended")
        late = httpx.post(
            f"{buyer.house}/_sandbox/pay", json={**buyer.sheet, "late": True}, trust_env=False, verify=False
        )
        assert late.status_code == 409
    await everybody_is_square(town)
    for open_still in (
        "SELECT order_no FROM orders WHERE status = 'PENDING_PAYMENT'",
        "SELECT payment_no FROM payment WHERE status IN ('INTENDED', 'WAITING', 'ABANDONED')",
        "SELECT refund_no FROM refund WHERE status <> 'SUCCESS'",
        "SELECT id FROM outbox WHERE dead_at IS NOT NULL",
    ):
        assert await town.rows(open_still) == []


def pending_notices(town: Town) -> list[Any]:
    told = [
        notice for house in (town.stack.wechat_pay, town.stack.alipay) for notice in town.store(house)["notices"]
    ]
    return [notice for notice in told if notice["state"] == "PENDING"]


def at_both(town: Town, **faults: Any) -> None:
    for outside in (town.stack.wechat_pay, town.stack.alipay):
        town.faults(outside, **faults)
