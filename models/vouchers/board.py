"""What a process knows of a campaign without asking: its state, its open rounds, and whose keys have won already.

Read anew at most twice a second while somebody asks, so whatever staff change is seen within a second. From it come the
countdown and every no that needs no count: not open yet, paused, sold out. A yes never does.

Who asks again with a key that has won gets their voucher, sold out or not. So before a no is said from here, the keys
of all that was given so far lie here too, as 64 bits each (`rules.key_mark`); what may be one of them goes to the
database, and so does everything while they are not all here.
"""

import asyncio
import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models import database
from models.errors import DomainError
from models.gathering import on_its_own
from models.vouchers.claim_rules import campaign_unknown, closed, first_opening, round_not_open, sold_out
from models.vouchers.claim_stock import terms_in_force
from models.vouchers.rules import CampaignState, Terms, key_mark

RENEWED_AFTER, OLDEST = 0.4, 0.9
"""Seconds: older than the first it is read anew while it is still good; older than the second it is waited for."""
AHEAD = timedelta(seconds=5)
"""Rounds that open so soon are known before, so that they open on the stroke."""
SETTLED_AFTER = timedelta(seconds=30)
"""So long after a round has closed no claim of its time can still be on its way."""
SAID_FOR = timedelta(seconds=0.25)
MOST_KINDS = 100
MOST_MARKS = 3_000_000
"""24 MB in each process. Of a larger campaign nothing is said from memory but the countdown."""


@dataclass(frozen=True, slots=True)
class KnownRound:
    id: int
    kind_public_id: str
    opens_at: datetime
    closes_at: datetime
    quantity: int
    remaining: int
    can_give: bool

    @property
    def given(self) -> tuple[int, int]:
        """Changes whenever somebody gives out of it or adds to it."""
        return self.quantity, self.remaining


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at a campaign."""

    campaign_id: int
    state: str
    terms: Terms
    rounds: Sequence[KnownRound]  # open, open soon, or closed a moment ago
    later: Mapping[str, datetime]  # by kind: what opens after those
    at: float

    def open_rounds(self, kind: str | None, now: datetime) -> list[KnownRound]:
        return [
            each
            for each in self.rounds
            if each.opens_at <= now < each.closes_at and kind in (None, each.kind_public_id)
        ]

    def next_opening(self, kind: str | None, now: datetime) -> datetime | None:
        soon = dict(self.later)
        for each in self.rounds:
            if each.opens_at > now:
                soon[each.kind_public_id] = min(each.opens_at, soon.get(each.kind_public_id, each.opens_at))
        return first_opening(soon, kind)

    def no(self, kind: str | None, now: datetime) -> DomainError | None:
        """The refusal that needs no count, or None."""
        refusal = closed(self.state)
        if refusal is not None:
            return refusal
        opened = self.open_rounds(kind, now)
        if not opened:
            return round_not_open(self.next_opening(kind, now))
        if not any(each.can_give for each in opened):
            return sold_out(self.next_opening(kind, now))
        return None


class _Said(NamedTuple):
    """What somebody who asked for a kind was told from memory, and for how long that holds."""

    seen: Seen
    refusal: DomainError | None
    since: datetime
    until: datetime


class Board:
    """Of one campaign."""

    def __init__(self, campaign_id: str) -> None:
        self.public_id = campaign_id
        self._seen: Seen | None = None
        self._looking: asyncio.Task[Seen | None] | None = None
        self._marks = _Marks()
        self._said: dict[str | None, _Said] = {}

    async def look(self, now: datetime) -> Seen:
        """At most a second old. Raises CAMPAIGN_UNKNOWN, and what the database raises when it must be asked."""
        age = time.monotonic() - self._seen.at if self._seen else OLDEST
        if age < RENEWED_AFTER and self._seen:
            return self._seen
        if self._looking is None:
            self._looking = on_its_own(self._renew(now))
            self._looking.add_done_callback(self._looked)
        if age < OLDEST and self._seen:
            return self._seen
        seen = await asyncio.shield(self._looking)
        if seen is None:
            raise campaign_unknown()
        return seen

    def changed(self) -> None:
        """Something is known to be otherwise by now."""
        self._seen = None

    async def known_no(self, *, key: str, kind: str | None, now: datetime) -> DomainError | None:
        """The refusal of somebody who cannot have won, without asking anybody; None: the database decides."""
        seen = await self.look(now)
        said = self._said.get(kind)
        if said is None or said.seen is not seen or not said.since <= now < said.until:
            said = self._say(seen, kind, now)
        if said.refusal is None or key_mark(campaign_id=seen.campaign_id, key=key) in self._marks:
            return None
        return said.refusal.with_traceback(None)

    def _say(self, seen: Seen, kind: str | None, now: datetime) -> "_Said":
        """For so long as nothing opens or closes, and for a part of a second at most, all hear the same."""
        refusal = seen.no(kind, now)
        if refusal is not None and not self._marks.are_whole(seen, now):
            refusal = None
        edges = [edge for each in seen.rounds for edge in (each.opens_at, each.closes_at) if edge > now]
        if len(self._said) > MOST_KINDS:  # strangers ask for kinds that there are not
            self._said.clear()
        said = self._said[kind] = _Said(seen, refusal, now, min([now + SAID_FOR, *edges]))
        return said

    def _looked(self, task: asyncio.Task[Seen | None]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # who waited for it has it

    async def _renew(self, now: datetime) -> Seen | None:
        at = time.monotonic()
        self._seen = await read_board(self.public_id, now=now, at=at)
        return self._seen

    async def close(self) -> None:
        for task in (self._looking, self._marks.loading):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])


_CAMPAIGN = "SELECT id, public_id, state, terms_version FROM voucher_campaign WHERE public_id = $1"

_ROUNDS = """
SELECT r.id, k.public_id AS kind_public_id, r.opens_at, r.closes_at, r.quantity, r.remaining,
       r.remaining > 0 AND p.free_fen >= k.face_fen AS can_give
  FROM voucher_round r
  JOIN voucher_kind k ON k.id = r.kind_id
  JOIN voucher_pool p ON p.id = k.pool_id
 WHERE r.campaign_id = $1 AND r.opens_at <= $2 AND r.closes_at > $3
 ORDER BY r.opens_at, r.id"""

_LATER = """
SELECT k.public_id AS kind_public_id, min(r.opens_at) AS opens_at
  FROM voucher_round r JOIN voucher_kind k ON k.id = r.kind_id
 WHERE r.campaign_id = $1 AND r.opens_at > $2 GROUP BY k.public_id"""


async def read_board(public_id: str, *, now: datetime, at: float) -> Seen | None:
    """None for a campaign that citizens don't know of."""
    campaign = await database.row(_CAMPAIGN, public_id)
    if campaign is None or campaign["state"] in (CampaignState.DRAFT, CampaignState.REVIEWED):
        return None
    rounds = await database.rows(_ROUNDS, campaign["id"], now + AHEAD, now - 2 * SETTLED_AFTER)
    later = await database.rows(_LATER, campaign["id"], now + AHEAD)
    return Seen(
        campaign_id=campaign["id"],
        state=campaign["state"],
        terms=await terms_in_force(campaign),
        rounds=[_known(row) for row in rounds],
        later={row["kind_public_id"]: database.utc(row["opens_at"]) for row in later},
        at=at,
    )


def _known(row: Any) -> KnownRound:
    return KnownRound(
        row["id"],
        row["kind_public_id"],
        database.utc(row["opens_at"]),
        database.utc(row["closes_at"]),
        row["quantity"],
        row["remaining"],
        bool(row["can_give"]),
    )


# whose keys have won


_GIVEN_ROUNDS = """
SELECT r.id, r.quantity, r.remaining
  FROM voucher_round r
  JOIN voucher_kind k ON k.id = r.kind_id
  JOIN voucher_pool p ON p.id = k.pool_id
 WHERE r.campaign_id = $1 AND r.remaining < r.quantity
   AND (r.remaining = 0 OR p.free_fen < k.face_fen OR r.closes_at <= $2 OR $3::boolean)"""

_MARKS = """
SELECT string_agg(mark, '') AS marks
  FROM (SELECT substr(claim_hash, 1, 16) AS mark FROM voucher WHERE round_id = $1 ORDER BY claim_hash) AS sorted"""


class _Marks:
    """The keys of the rounds that give nothing any more, and of all once the campaign stops; each round's read once. None is ever forgotten: a key too many
    only leads to the database."""

    def __init__(self) -> None:
        self.loading: asyncio.Task[None] | None = None
        self._of_round: dict[int, tuple[tuple[int, int], array[int]]] = {}
        self._known_at: datetime | None = None
        self._tried_at = -OLDEST

    def __contains__(self, mark: int) -> bool:
        return any(_holds(marks, mark) for _, marks in self._of_round.values())

    def are_whole(self, seen: Seen, now: datetime) -> bool:
        """Whether every key that may have won is here. If not, it is seen to that they will be.

        A round that is still giving is not asked for: while one gives, no refusal is said of it from here. In a campaign
        that was stopped none gives."""
        age = abs(now - self._known_at) if self._known_at else None
        stopped = seen.state != CampaignState.OPEN
        lacking = any(self._lacks(each, now, stopped) for each in seen.rounds)
        whole = age is not None and age < SETTLED_AFTER and not lacking
        if not whole or age is None or age > SETTLED_AFTER / 2:
            self._see_to_it(seen.campaign_id, now, stopped)
        return whole

    def _lacks(self, known: KnownRound, now: datetime, stopped: bool) -> bool:
        if known.opens_at > now or known.remaining == known.quantity:
            return False
        if known.can_give and now < known.closes_at and not stopped:
            return False
        loaded = self._of_round.get(known.id)
        return loaded is None or loaded[0] != known.given

    def _see_to_it(self, campaign_id: int, now: datetime, stopped: bool) -> None:
        if self.loading is None and time.monotonic() - self._tried_at > RENEWED_AFTER:
            self._tried_at = time.monotonic()
            self.loading = on_its_own(self._load(campaign_id, now, stopped))
            self.loading.add_done_callback(self._loaded)

    async def _load(self, campaign_id: int, now: datetime, stopped: bool) -> None:
        """Rounds that have closed are read when nothing of theirs can be on its way any more."""
        wanted = {
            row["id"]: (row["quantity"], row["remaining"])
            for row in await database.rows(_GIVEN_ROUNDS, campaign_id, now - SETTLED_AFTER, stopped)
        }
        if sum(quantity - remaining for quantity, remaining in wanted.values()) > MOST_MARKS:
            return
        for round_id, given in wanted.items():
            if self._of_round.get(round_id, (None,))[0] != given:
                found = await database.rows(_MARKS, round_id)
                self._of_round[round_id] = given, _marks_in(found[0]["marks"] or "")
        self._known_at = now

    def _loaded(self, task: asyncio.Task[None]) -> None:
        self.loading = None
        if not task.cancelled():
            task.exception()  # the database was away: whoever comes next tries again


def _marks_in(text: str) -> "array[int]":
    """16 hexadecimal digits each, in order."""
    marks = array("Q", bytes.fromhex(text))
    if sys.byteorder == "little":
        marks.byteswap()
    return marks


def _holds(marks: Sequence[int], mark: int) -> bool:
    place = bisect_left(marks, mark)
    return place < len(marks) and marks[place] == mark
