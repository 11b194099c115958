"""What somebody asks to book, and what can be said of it before anything is locked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from models.booking.bookable import BookableSlot
from models.booking.rules import aware
from models.calendar import steps_between
from models.checkout.session_lines import Bookable
from models.errors import BadInput, DomainError, ErrorCode, wrong_key

MOST_LINES = 8
LONGEST_KEY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWanted:
    """One court from one instant on, or places of one session on one kind of ticket; for so many people.
    `expected_price_fen` is what the citizen was shown for all of them."""

    court_id: str = ""
    starts_at: datetime | None = None
    session_id: str = ""
    ticket: str = ""
    people: int
    companion_ids: tuple[str, ...] = ()
    """Of a court: who plays along, by companionships' public ids."""
    expected_price_fen: int | None = None

    @property
    def asked(self) -> list[object]:
        """What tells one request from another under the same key."""
        if self.session_id:
            return [self.session_id, self.ticket, self.people, self.expected_price_fen]
        assert self.starts_at is not None
        who = [list(self.companion_ids)] if self.companion_ids else []
        return [self.court_id, self.starts_at.timestamp(), self.people, self.expected_price_fen, *who]


def check_key(key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise wrong_key()


def checked_lines(lines: Sequence[LineWanted]) -> list[LineWanted]:
    """With aware instants. Raises BAD_INPUT."""
    lines = [_checked(line) for line in lines]
    if not lines:
        raise BadInput("请至少选择一个时段。", field="lines")
    if len(lines) > MOST_LINES:
        raise BadInput(f"一张订单最多{MOST_LINES}个时段。", next_step="请分成几张订单。", field="lines")
    if len({(line.court_id, line.starts_at, line.session_id, line.ticket) for line in lines}) < len(lines):
        raise BadInput("同一个时段选了两次。", next_step="请去掉重复的时段。", field="lines")
    return lines


def _checked(line: LineWanted) -> LineWanted:
    is_court = line.starts_at is not None and not line.session_id and not line.ticket
    is_session = bool(line.session_id) and bool(line.ticket) and not line.court_id and line.starts_at is None
    if not is_court and not is_session:
        raise BadInput("每一行要么是场地和开始时间，要么是场次和票种。", next_step="请重新选择。", field="lines")
    return line if line.starts_at is None else replace(line, starts_at=aware(line.starts_at))


def check_together(slots: Sequence[BookableSlot]) -> None:
    """Whether one order may have all of them. Raises BAD_INPUT for those that overlap."""
    seen: set[tuple[int, int]] = set()
    for slot in slots:
        mine = set(product(slot.court.part_ids, steps_between(slot.starts_at, slot.ends_at)))
        if mine & seen:
            raise BadInput(
                "所选的场地互相重叠（例如全场与其中的半场）。", next_step="请只保留一个。", field="lines"
            )
        seen |= mine


def check_prices(lines: Sequence[LineWanted], slots: Sequence[Bookable]) -> None:
    """Who expected the general price and is entitled to less is charged less, and not refused: the grid showed it."""
    for line, slot in zip(lines, slots, strict=True):
        if line.expected_price_fen not in (None, slot.price_fen, slot.general_fen):
            raise DomainError(
                f"{slot.title}的价格已变为{slot.price_fen // 100}.{slot.price_fen % 100:02d}元。",
                code=ErrorCode.PRICE_CHANGED,
                next_step="请刷新时段表，确认新价格后再下单。",
                field="lines",
            )
