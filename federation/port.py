"""What a platform of another region can do for our citizens, in its venues.

A platform that is not connected can only be jumped to (`jump.py`). A connected one shows its slots and holds them for
us; our own venues are the first such one (`models.checkout.own_venues`), so that what a partner will have to do is
already said, and tested, in `tests/federation/contract.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody was looking for when they found the venue, as far as they said. `venue` is the platform's own id;
    the place is GCJ-02, which is what Chinese maps speak; day and time are Asia/Shanghai."""

    venue: str
    sport: str = ""
    day: date | None = None
    minute: int | None = None
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """Where a citizen goes on: a mini-program and the page in it, an H5 page, or both. What is empty there isn't."""

    appid: str
    path: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSlot:
    court: str
    court_name: str
    starts_at: datetime
    ends_at: datetime
    price_fen: int
    is_free: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerLine:
    """A slot that is wanted, at the price that was shown."""

    court: str
    starts_at: datetime
    people: int
    price_fen: int


class BookingState(StrEnum):
    HELD = "HELD"  # until `pay_by`
    CONFIRMED = "CONFIRMED"
    ENDED = "ENDED"  # freed, cancelled or never paid


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerBooking:
    booking_no: str
    state: BookingState
    total_fen: int
    pay_by: datetime


class PartnerRefused(Exception):
    """It said no, and nothing is held. `code` is its word, `message` a sentence for the citizen."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class PartnerPlatform(Protocol):
    """A platform that is connected: a citizen of ours books there as they do here."""

    async def slots(self, *, venue: str, sport: str, day: date) -> Sequence[PartnerSlot]:
        """Every slot of a day, free or not; empty `sport`: of every sport."""

    async def hold(self, *, citizen: str, lines: Sequence[PartnerLine], key: str) -> PartnerBooking:
        """All lines or none. The same key of the same citizen is the same booking, however often it is sent; another
        price than was shown, or a slot that is taken, is refused."""

    async def booking(self, *, citizen: str, booking_no: str) -> PartnerBooking:
        """As it stands now; somebody else's is as unknown as none."""

    async def release(self, *, citizen: str, booking_no: str) -> PartnerBooking:
        """Gives it back, by the venue's rules for money. Harmless the second time."""
