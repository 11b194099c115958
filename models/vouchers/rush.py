"""The rush at ten: what one process does with thousands of claims a second.

    board      not open yet, sold out: said from memory, without asking anybody (board.py)
    the door   more wait than are served within a second: turned away, with how many are ahead and when to come back
    the line   who is let in waits, in order of arrival, for the next batch of their campaign (claiming.py)

One batch of a campaign is on its way at a time; who comes meanwhile makes up the next one. So the slower the database,
the larger the batches, and nobody queues for the campaign's row but one connection of each process. A batch is
nobody's task: whoever goes away while it runs has their voucher or has not, and hears which under the same key.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from models.errors import Busy, DomainError, ErrorCode
from models.gathering import Gathered, on_its_own
from models.keys import IdKeys
from models.members import queries as members
from models.members.queries import SignedIn
from models.vouchers.board import Board, Seen
from models.vouchers.claim_rules import require_key
from models.vouchers.claiming import claim_many
from models.vouchers.claims import Answer, Claim, Given, MemberBusy

GATHER_SECONDS = 0.002
"""How long a line that was empty waits for company."""
MOST_A_BATCH = 400
LEAST_DOOR = 400
"""So many may always be inside: a batch's worth."""
WAIT_SECONDS = 1.0
"""The door lets in as many as are served in that time."""
FIRST_GUESS = 1500.0
"""Claims a second, before anything was measured."""
MOST_TRIES = 5
BOARDS = 200
END_SECONDS = 4.0


class DoorCrowded(DomainError):
    code = ErrorCode.DOOR_CROWDED

    def __init__(self, ahead: int, retry_after: int) -> None:
        super().__init__(
            f"现在领券的人很多，前面还有{ahead}人。",
            next_step=f"请{retry_after}秒后再试，不会重复领取。",
            retry_after=retry_after,
        )
        self.ahead = ahead
        self.retry_seconds = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a countdown shows."""

    opens_at: datetime | None
    next_opens_at: datetime | None
    ahead: int
    is_sold_out: bool


Whom = Callable[[Seen], Awaitable[Claim]]
"""Finds out who claims, once they are inside, and whether they may by what the campaign asks of them. Raises its refusal."""


@dataclass(slots=True)
class _Waiting:
    claim: Claim
    since: datetime
    answer: "asyncio.Future[Answer]"
    tries: int = 0


@dataclass(slots=True)
class _Line:
    """Of one campaign, in this process."""

    board: Board
    waiting: "deque[_Waiting]" = field(default_factory=deque)
    inside: int = 0  # let in and not answered yet
    a_second: float = FIRST_GUESS
    task: "asyncio.Task[None] | None" = None

    def require_room(self) -> None:
        """Raises DoorCrowded."""
        if self.inside >= max(LEAST_DOOR, self.a_second * WAIT_SECONDS):
            raise DoorCrowded(self.inside, max(1, ceil(self.inside / self.a_second)))

    def served(self, count: int, seconds: float) -> None:
        """A small batch says nothing of how many could be served."""
        if count >= MOST_A_BATCH // 8:
            self.a_second += (count / max(seconds, 1e-3) - self.a_second) / 8


class Rush:
    """One process's."""

    def __init__(self, *, id_keys: IdKeys) -> None:
        self._id_keys = id_keys
        self._lines: dict[str, _Line] = {}
        self._sign_ins: Gathered[str, SignedIn] = Gathered(self._look_up)
        self._signing_in_at: datetime | None = None
        self._ending = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """In the end whoever is inside is still served, for a while."""
        try:
            yield
        finally:
            self._ending = True
            tasks = [line.task for line in self._lines.values() if line.task is not None]
            if tasks:
                await asyncio.wait(tasks, timeout=END_SECONDS)
            for task in tasks:
                while not task.done():
                    task.cancel()
                    await asyncio.wait([task], timeout=0.5)
            for line in self._lines.values():
                await line.board.close()

    async def claim(self, *, campaign_id: str, key: str, kind_id: str | None, whom: Whom, now: datetime) -> Given:
        """The voucher, which is in the database by then. Raises the refusal: from memory where that is certain."""
        require_key(key)
        line = self._line(campaign_id)
        refusal = await line.board.known_no(key=key, kind=kind_id, now=now)
        if refusal is not None:
            raise refusal
        if self._ending:
            raise Busy
        line.require_room()
        line.inside += 1
        try:
            claim = await whom(await line.board.look(now))
            answer = await self._in_turn(line, claim, now)
        finally:
            line.inside -= 1
        if isinstance(answer, DomainError):
            raise answer
        return answer

    async def signed_in(self, access_token: str, now: datetime) -> SignedIn | None:
        """As `members.queries.who`, for everybody who asks at this moment together."""
        self._signing_in_at = now
        return await self._sign_ins.get(access_token)

    async def door(self, campaign_id: str, now: datetime) -> Door:
        """From memory. Raises CAMPAIGN_UNKNOWN."""
        line = self._line(campaign_id)
        seen = await line.board.look(now)
        opened = seen.open_rounds(None, now)
        return Door(
            opens_at=min((each.opens_at for each in opened), default=None),
            next_opens_at=seen.next_opening(None, now),
            ahead=line.inside,
            is_sold_out=bool(opened) and not any(each.can_give for each in opened),
        )

    async def look(self, campaign_id: str, now: datetime) -> Seen:
        """The campaign as it was within the last second. Raises CAMPAIGN_UNKNOWN."""
        return await self._line(campaign_id).board.look(now)

    def _line(self, campaign_id: str) -> _Line:
        line = self._lines.get(campaign_id)
        if line is None:
            self._forget_some()
            line = self._lines[campaign_id] = _Line(Board(campaign_id))
        return line

    def _forget_some(self) -> None:
        """Ids that strangers make up are lines too, until others take their place."""
        if len(self._lines) >= BOARDS:
            idle = [name for name, line in self._lines.items() if not line.inside and line.task is None]
            for name in idle[: BOARDS // 2]:
                del self._lines[name]

    async def _look_up(self, tokens: list[str]) -> dict[str, SignedIn]:
        assert self._signing_in_at is not None
        return await members.who_are(access_tokens=tokens, now=self._signing_in_at)

    # the line

    async def _in_turn(self, line: _Line, claim: Claim, now: datetime) -> Answer:
        """Whoever is cancelled here before their batch began was never there."""
        waiting = _Waiting(claim, now, asyncio.get_running_loop().create_future())
        line.waiting.append(waiting)
        if line.task is None:
            line.task = on_its_own(self._serve(line))
        return await waiting.answer

    async def _serve(self, line: _Line) -> None:
        """Until nobody waits. Between the last look and `task = None` nothing is awaited, so nobody is overlooked."""
        try:
            await asyncio.sleep(GATHER_SECONDS)
            while line.waiting:
                batch = _the_next(line)
                if batch:
                    await self._serve_batch(line, batch)
        finally:
            line.task = None
            for waiting in line.waiting:
                _tell(waiting, Busy())
            line.waiting.clear()

    async def _serve_batch(self, line: _Line, batch: list[_Waiting]) -> None:
        """Everybody hears something, whatever happens."""
        started = time.monotonic()
        try:
            answers = await self._answers(line, batch)
        except BaseException:  # we are ending; whether it was committed, their key says the next time
            for waiting in batch:
                _tell(waiting, Busy())
            raise
        again = []
        for waiting, answer in zip(batch, answers, strict=True):
            if isinstance(answer, MemberBusy) and waiting.tries < MOST_TRIES:
                waiting.tries += 1
                again.append(waiting)
            else:
                _tell(waiting, answer)
        line.served(len(batch) - len(again), time.monotonic() - started)
        if any(isinstance(answer, DomainError) and answer.code in _NEWS for answer in answers):
            line.board.changed()
        if again:
            line.waiting.extendleft(reversed(again))
            if len(line.waiting) == len(again):
                await asyncio.sleep(0.02 * again[0].tries)

    async def _answers(self, line: _Line, batch: list[_Waiting]) -> list[Answer | Exception]:
        """A batch that fails gave nothing. If that is somebody's own fault, the others must not suffer from it."""
        try:
            return list(await self._claim(line, batch))
        except Busy as error:
            return [error for _ in batch]
        except Exception as error:
            if len(batch) == 1:
                return [error]
        answers: list[Answer | Exception] = []
        for waiting in batch:
            answers += await self._answers(line, [waiting])
        return answers

    async def _claim(self, line: _Line, batch: list[_Waiting]) -> list[Answer]:
        return await claim_many(
            campaign_id=line.board.public_id,
            claims=[waiting.claim for waiting in batch],
            id_keys=self._id_keys,
            now=max(waiting.since for waiting in batch),
        )


_NEWS = {ErrorCode.VOUCHERS_SOLD_OUT, ErrorCode.ROUND_NOT_OPEN, ErrorCode.CAMPAIGN_NOT_OPEN}
"""Refusals that the board would have said, had it known."""


def _the_next(line: _Line) -> list[_Waiting]:
    """The first so many of those who are still there."""
    batch: list[_Waiting] = []
    while line.waiting and len(batch) < MOST_A_BATCH:
        waiting = line.waiting.popleft()
        if not waiting.answer.done():
            batch.append(waiting)
    return batch


def _tell(waiting: _Waiting, answer: Answer | Exception) -> None:
    if waiting.answer.done():  # gone
        return
    if isinstance(answer, Exception) and not isinstance(answer, DomainError):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)
