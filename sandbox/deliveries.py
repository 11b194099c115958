"""How a simulated payment channel delivers notices: written down first, then posted until they are acknowledged.

What a notice tells and how it is signed is each channel's own; when it is sent, tried again, doubled, reordered or lost
is the same for all. What was pending when the process died is delivered after its restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import httpx
from starlette.applications import Starlette

from sandbox.clock import as_instant, as_text
from sandbox.faults import Faults
from sandbox.service import authorities
from sandbox.store import Row, Store

ANSWER_WITHIN_SECONDS = 5.0  # pay.weixin.qq.com: the merchant must answer a notice within 5 s
LONGEST_SLEEP_SECONDS = 1.0


class Channel(Protocol):
    """What the two gateways have in common."""

    @property
    def wake(self) -> asyncio.Event:
        """Set when the background has new work."""

    @property
    def store(self) -> Store: ...

    @property
    def faults(self) -> Faults: ...

    def now(self) -> datetime: ...


C = TypeVar("C", bound=Channel)


def due(channel: Channel) -> list[Row]:
    """Pending notices whose time has come, in the order in which things happened."""
    return channel.store.rows(
        "SELECT * FROM notices WHERE state = 'PENDING' AND next_attempt_at <= ? ORDER BY seq",
        as_text(channel.now()),
    )


def record(
    channel: Channel, notice: Row, answer: str, *, acknowledged: bool, retry_seconds: Sequence[float]
) -> None:
    """After an attempt: delivered, to be tried again after the next of `retry_seconds`, or given up."""
    attempts = notice["attempts"] + 1
    state, again_at = "DELIVERED", channel.now()
    if not acknowledged:
        state = "PENDING" if attempts <= len(retry_seconds) else "GIVEN_UP"
        again_at += timedelta(seconds=retry_seconds[min(attempts, len(retry_seconds)) - 1])
    channel.store.run(
        "UPDATE notices SET state = ?, attempts = ?, next_attempt_at = ?, last_answer = ? WHERE seq = ?",
        *(state, attempts, as_text(again_at), answer, notice["seq"]),
    )


def lose(channel: Channel, notice: Row) -> None:
    channel.store.run(
        "UPDATE notices SET state = 'LOST', last_answer = '(lost on the way)' WHERE seq = ?", notice["seq"]
    )


def send_again(channel: Channel, out_trade_no: str) -> int:
    """Deliver the notices of this number once more, also lost and acknowledged ones. Returns how many there are."""
    channel.store.run(
        "UPDATE notices SET state = 'PENDING', next_attempt_at = ? WHERE out_trade_no = ?",
        *(as_text(channel.now()), out_trade_no),
    )
    channel.wake.set()
    return channel.store.figure("SELECT count(*) FROM notices WHERE out_trade_no = ?", out_trade_no)


class Background(ABC, Generic[C]):
    """The part of a channel that nobody calls. `notice_time_scale` stretches or shortens its schedule of retries."""

    retry_seconds: Sequence[int]
    next_work: str = (
        "SELECT min(next_attempt_at) AS at FROM notices WHERE state = 'PENDING' AND next_attempt_at > ?"
    )
    """When there is something to do, after now."""

    def __init__(self, gateway: C, *, notice_time_scale: float) -> None:
        self._gateway = gateway
        self._retry_seconds = [seconds * notice_time_scale for seconds in self.retry_seconds]
        self._under_way: set[int] = set()  # seqs that a task is delivering now
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def post(self, client: httpx.AsyncClient, notice: Row) -> httpx.Response:
        """One delivery, signed anew."""

    @abstractmethod
    def is_thanks(self, answer: httpx.Response) -> bool:
        """Whether this acknowledges; a redirect isn't followed, and an error page isn't a success."""

    def settle_due(self) -> None:
        """What else happens by itself as time goes on."""

    async def run(self) -> None:
        """Until cancelled. Whatever is cut off stays pending in the store."""
        client = httpx.AsyncClient(timeout=ANSWER_WITHIN_SECONDS, verify=authorities(), trust_env=False)
        async with client as self._client:
            try:
                while True:
                    self._gateway.wake.clear()
                    self.settle_due()
                    self._start_deliveries()
                    # Not asyncio.wait_for: in Python 3.11 it loses a cancellation that meets the event.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._seconds_until_next()):
                            await self._gateway.wake.wait()
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start_deliveries(self) -> None:
        waiting = [notice for notice in due(self._gateway) if notice["seq"] not in self._under_way]
        if self._gateway.faults.is_on("lost_notices"):
            for notice in waiting:
                lose(self._gateway, notice)
        elif self._gateway.faults.is_on("reordered_notices"):
            self._start_reordered(waiting)
        else:
            for notice in waiting:
                self._start([notice], self._deliver(notice))

    def _start_reordered(self, waiting: list[Row]) -> None:
        """Hold first deliveries back for the fault's seconds, then send what has gathered, newest first."""
        for notice in waiting:
            if notice["attempts"]:
                self._start([notice], self._deliver(notice))
        held = [notice for notice in waiting if not notice["attempts"]]
        hold = timedelta(seconds=float(self._gateway.faults.get("reordered_notices", 0)))
        if held and as_instant(held[0]["created_at"]) + hold <= self._gateway.now():
            self._start(held, _one_after_another([self._deliver(notice) for notice in reversed(held)]))

    def _start(self, delivered: list[Row], work: Coroutine[Any, Any, None]) -> None:
        seqs = {notice["seq"] for notice in delivered}
        self._under_way |= seqs
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._under_way.difference_update(seqs)
            self._gateway.wake.set()

        task.add_done_callback(ended)

    async def _deliver(self, notice: Row) -> None:
        times = 2 if self._gateway.faults.is_on("doubled_notices") else 1
        answers = await asyncio.gather(*(self._attempt(notice) for _ in range(times)))
        record(
            self._gateway,
            notice,
            " | ".join(said for _, said in answers),
            acknowledged=any(thanked for thanked, _ in answers),
            retry_seconds=self._retry_seconds,
        )

    async def _attempt(self, notice: Row) -> tuple[bool, str]:
        """Whether it was acknowledged, and what was said."""
        try:
            answer = await self.post(self._client, notice)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return False, f"{type(error).__name__}: {error}"
        return self.is_thanks(answer), f"{answer.status_code} {answer.text[:200]}"

    def _seconds_until_next(self) -> float:
        """Sleep until the next work is due; a notice that is held back is looked at twenty times a second."""
        coming = self._gateway.store.row(self.next_work, as_text(self._gateway.now()))
        held = bool(due(self._gateway)) and self._gateway.faults.is_on("reordered_notices")
        longest = 0.05 if held else LONGEST_SLEEP_SECONDS
        if coming is None or coming["at"] is None:
            return longest
        left = (as_instant(coming["at"]) - self._gateway.now()).total_seconds()
        return min(max(left, 0.0), longest)


async def _one_after_another(works: list[Awaitable[None]]) -> None:
    for work in works:
        await work


def beside(background: Background[C]) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    """The lifespan of an application with this in the background."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(background.run())
        task.add_done_callback(_tell_of_failure)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return lifespan


def _tell_of_failure(background: asyncio.Task[None]) -> None:
    """Without it the process would go on answering while no notice ever left it."""
    if not background.cancelled() and background.exception():
        logging.getLogger(__name__).critical("the background died", exc_info=background.exception())
