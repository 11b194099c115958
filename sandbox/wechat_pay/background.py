"""The part of WeChat Pay that nobody calls: it settles refunds and delivers notices as they fall due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
from datetime import timedelta
from typing import Any

import httpx

from sandbox.clock import as_instant, as_text
from sandbox.service import authorities
from sandbox.store import Row
from sandbox.wechat_pay import notices, refunds
from sandbox.wechat_pay.gateway import Gateway

ANSWER_WITHIN_SECONDS = 5.0  # pay.weixin.qq.com: the merchant must answer a notice within 5 s
LONGEST_SLEEP_SECONDS = 1.0
ACKNOWLEDGED = (200, 204)


class Background:
    def __init__(self, gateway: Gateway, *, notice_time_scale: float) -> None:
        self._gateway = gateway
        self._scale = notice_time_scale
        self._under_way: set[int] = set()  # seqs that a task is delivering now
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. Whatever is cut off stays pending in the store."""
        client = httpx.AsyncClient(timeout=ANSWER_WITHIN_SECONDS, verify=authorities(), trust_env=False)
        async with client as self._client:
            try:
                while True:
                    self._gateway.wake.clear()
                    refunds.settle_due(self._gateway)
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
        waiting = [notice for notice in notices.due(self._gateway) if notice["seq"] not in self._under_way]
        if self._gateway.faults.is_on("lost_notices"):
            for notice in waiting:
                notices.lose(self._gateway, notice)
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
        answers = await asyncio.gather(*(self._post(notice) for _ in range(times)))
        acknowledged = any(status in ACKNOWLEDGED for status, _ in answers)
        said = " | ".join(text for _, text in answers)
        notices.record_delivery(self._gateway, notice, said, acknowledged=acknowledged, scale=self._scale)

    async def _post(self, notice: Row) -> tuple[int, str]:
        body, headers = notices.composed(self._gateway, notice)
        try:
            answer = await self._client.post(notice["notify_url"], content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return 0, f"{type(error).__name__}: {error}"
        return answer.status_code, f"{answer.status_code} {answer.text[:200]}"

    def _seconds_until_next(self) -> float:
        """Sleep until the next refund or notice is due; a busy or held one is looked at twenty times a second."""
        coming = self._gateway.store.row(
            """SELECT min(at) AS at FROM (
                 SELECT settles_at AS at FROM refunds WHERE state = 'PROCESSING'
                 UNION ALL SELECT next_attempt_at FROM notices WHERE state = 'PENDING' AND next_attempt_at > ?)""",
            as_text(self._gateway.now()),
        )
        held = bool(notices.due(self._gateway)) and self._gateway.faults.is_on("reordered_notices")
        longest = 0.05 if held else LONGEST_SLEEP_SECONDS
        if coming is None or coming["at"] is None:
            return longest
        left = (as_instant(coming["at"]) - self._gateway.now()).total_seconds()
        return min(max(left, 0.0), longest)


async def _one_after_another(works: list[Awaitable[None]]) -> None:
    for work in works:
        await work
