"""A draw in place of first come: its commitment, its order, who gets what, and whether a published record holds. Pure.

Anyone can do the same sums: SHA-256 for the commitment, HMAC-SHA256 (RFC 2104) for the order. Nothing here needs a
database, settings, or a key. docs/decisions/0041-draws.md says what a draw proves and what it does not.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from models.calendar import moment_text, steps_between
from models.errors import BadInput, DomainError, ErrorCode

SEED_BYTES = 32
MOST_WISHES = 5
NOTICE = timedelta(minutes=10)
"""A draw is announced so long before the release at the latest: people can know of it, and no order that looked at the
rules before can still be under way."""
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=24)

Wish = tuple[str, str]
"""A court's public id and the slot's start, ISO in UTC."""
Cells = frozenset[tuple[int, int]]


class DrawState(StrEnum):
    PLANNED = "PLANNED"  # announced, or open for entries
    DRAWN = "DRAWN"  # the order stands; places are being given out
    DONE = "DONE"


class EntryState(StrEnum):
    ENTERED = "ENTERED"
    WON = "WON"
    LOST = "LOST"  # nothing they wished was left: on the waiting list
    REFUSED = "REFUSED"  # a rule or a limit of theirs kept them from it


class DrawOfDay(NamedTuple):
    """As the timetable of a day says it. `court_ids`: rows' ids; empty: every court of the sport."""

    public_id: str
    sport_code: str
    court_ids: str
    from_minute: int
    until_minute: int
    opens_at: str
    closes_at: str

    def has(self, court_id: int, sport_code: str, start_minute: int) -> bool:
        courts = self.court_ids.split()
        return (
            sport_code == self.sport_code
            and (not courts or str(court_id) in courts)
            and self.from_minute <= start_minute < self.until_minute
        )


def commitment_of(seed: bytes, draw_id: str) -> str:
    """What is published before: nobody can find another seed for it, nor this one from it."""
    return hashlib.sha256(seed + draw_id.encode()).hexdigest()


def wishes_hash(ticket: str, wishes: Sequence[Wish]) -> str:
    """What whoever enters can note down: of their ticket with their wishes, in order."""
    return hashlib.sha256(orjson.dumps([ticket, [list(wish) for wish in wishes]])).hexdigest()


def order_of(seed: bytes, tickets: Collection[str]) -> list[str]:
    """Everybody in the drawn order. It does not matter in which order they came."""
    return sorted(tickets, key=lambda ticket: (hmac.digest(seed, ticket.encode(), "sha256"), ticket))


@dataclass(frozen=True, slots=True)
class Pot:
    """What is given out: the cells of each slot. Joined courts and their parts share some."""

    slots: Mapping[Wish, Cells]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> "Pot":
        """Of [court, starts, ends, parts] each. Raises ValueError, TypeError for what is none."""
        return cls(
            {
                (str(court), str(starts)): frozenset(
                    (int(part), step)
                    for part in parts
                    for step in steps_between(datetime.fromisoformat(starts), datetime.fromisoformat(ends))
                )
                for court, starts, ends, parts in rows
            }
        )

    def first_free(self, wishes: Sequence[Wish], taken: Cells) -> int | None:
        """Which wish, the first that nobody drawn before has a part of."""
        return next(
            (at for at, wish in enumerate(wishes) if wish in self.slots and not self.slots[wish] & taken), None
        )


class Outcome(NamedTuple):
    state: EntryState
    wish: int | None  # which one


def allot(
    order: Sequence[str], wishes: Mapping[str, Sequence[Wish]], pot: Pot, refused: Collection[str] = ()
) -> dict[str, Outcome]:
    """Each gets their first wish that is still free; whom a rule refuses loses the turn, and the slot stays for the
    next. Nobody gets two, and no two share a cell."""
    taken: Cells = frozenset()
    outcomes = {}
    for ticket in order:
        at = pot.first_free(wishes[ticket], taken)
        if ticket in refused:
            outcomes[ticket] = Outcome(EntryState.REFUSED, at)
        elif at is None:
            outcomes[ticket] = Outcome(EntryState.LOST, None)
        else:
            taken |= pot.slots[wishes[ticket][at]]
            outcomes[ticket] = Outcome(EntryState.WON, at)
    return outcomes


def verify(text: bytes | str) -> list[str]:
    """What does not hold in a draw's record, as published; empty: it all does. English, for the command line."""
    try:
        record = orjson.loads(text)
        return _faults(record)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return [f"this is no record of a draw ({type(error).__name__})"]


def _faults(record: Mapping[str, Any]) -> list[str]:
    seed = bytes.fromhex(record["seed"])
    faults = []
    if len(seed) != SEED_BYTES or commitment_of(seed, record["draw"]) != record["commitment"]:
        faults.append("the seed is not the one that was committed to before")
    wishes = {entry["ticket"]: [(court, at) for court, at in entry["wishes"]] for entry in record["entries"]}
    if len(wishes) != len(record["entries"]) or [*wishes] != sorted(wishes):
        faults.append("the entries are not each there once, by ticket")
    faults += [
        f"the wishes of {entry['ticket']} are not those of their receipt"
        for entry in record["entries"]
        if wishes_hash(entry["ticket"], wishes[entry["ticket"]]) != entry["wishesHash"]
    ]
    order = order_of(seed, wishes)
    results = record["results"]
    if [result["ticket"] for result in results] != order:
        return [*faults, "the order is not the one that the seed gives"]
    refused = {result["ticket"] for result in results if result["outcome"] == EntryState.REFUSED}
    due = allot(order, wishes, Pot.of(record["slots"]), refused)
    faults += [
        f"the result of {result['ticket']} is not the one that follows"
        for result in results
        if not _follows(result, due[result["ticket"]], wishes[result["ticket"]])
    ]
    return faults


def _follows(result: Mapping[str, Any], due: Outcome, wishes: Sequence[Wish]) -> bool:
    if due.state == EntryState.REFUSED:
        return bool(result["reason"]) and result["slot"] is None
    slot = None if due.wish is None else list(wishes[due.wish])
    return bool(result["outcome"] == due.state and result["slot"] == slot and not result["reason"])


def check_times(*, opens_at: datetime, closes_at: datetime, first_start: datetime, now: datetime) -> None:
    """Raises DRAW_REFUSED: announced in time, open for a while, over before anybody plays. `opens_at` is the release."""
    if now > opens_at - NOTICE:
        raise _not_so(
            f"{moment_text(opens_at)}开放预订，抽签最晚要提前{NOTICE // timedelta(minutes=1)}分钟公布。",
            "请选择还没有开放的日期。",
        )
    if not SHORTEST <= closes_at - opens_at <= LONGEST:
        raise _not_so("抽签报名时间应在5分钟到24小时之间。", "请改正报名截止时间。")
    if closes_at >= first_start:
        raise _not_so("报名截止要早于第一个时段开始。", "请提早截止时间。")


def nothing_to_draw() -> DomainError:
    return _not_so("所选的场地和时段里没有可以预订的。", "请核对项目、场地和时间。")


def draw_exists() -> DomainError:
    return _not_so("这一天的这个项目已经安排了抽签。", "每天每个项目只能安排一次抽签，公布后不能改。")


def _not_so(sentence: str, next_step: str) -> DomainError:
    return DomainError(sentence, code=ErrorCode.DRAW_REFUSED, next_step=next_step, field="draw")


def pending(title: str, opens_at: datetime, closes_at: datetime, now: datetime) -> DomainError:
    """Of a slot that a draw gives out."""
    to_do = f"请在{moment_text(opens_at)}至{moment_text(closes_at)}报名抽签。"
    return DomainError(
        f"{title}由抽签决定，不能直接预订，{moment_text(closes_at)}截止报名后抽签。",
        code=ErrorCode.DRAW_PENDING,
        next_step=to_do if now < closes_at else "正在抽签，请几分钟后再看。",
        field="lines",
    )


def check_open(opens_at: datetime, closes_at: datetime, state: str, now: datetime) -> None:
    """Raises DRAW_NOT_OPEN before, DRAW_CLOSED from the deadline on."""
    if state != DrawState.PLANNED or now >= closes_at:
        raise DomainError(
            f"抽签报名已于{moment_text(closes_at)}截止。",
            code=ErrorCode.DRAW_CLOSED,
            next_step="抽签后如有空位可以直接预订，没有空位可以候补。",
            field="drawId",
        )
    if now < opens_at:
        raise DomainError(
            "抽签还没有开始报名。",
            code=ErrorCode.DRAW_NOT_OPEN,
            next_step=f"请在{moment_text(opens_at)}之后再来；先后不影响结果。",
            field="drawId",
        )


def checked_wishes(wishes: Sequence[tuple[str, datetime]]) -> list[Wish]:
    """As they are kept. Raises BAD_INPUT for none, too many, or one twice."""
    kept = [(court, at.isoformat()) for court, at in wishes]
    if not 1 <= len(kept) <= MOST_WISHES or len(set(kept)) < len(kept):
        raise BadInput(
            f"请选择1到{MOST_WISHES}个不同的时段，最想要的放在最前面。", next_step="请重新选择。", field="wishes"
        )
    return kept


def not_in_draw(title: str) -> DomainError:
    return BadInput(f"{title}不在这次抽签里。", next_step="请从抽签列出的时段里选。", field="wishes")


def entered_already() -> DomainError:
    return DomainError(
        "您已用另一个账号报过名，每人只能报一次。",
        code=ErrorCode.DRAW_ENTERED_ALREADY,
        next_step="请用报名的那个账号查看或修改。",
        field="drawId",
    )


def draw_unknown(field: str = "drawId") -> DomainError:
    return DomainError("没有找到这次抽签。", code=ErrorCode.DRAW_UNKNOWN, next_step="请刷新后再看。", field=field)
