"""What every connected platform must do, whoever runs it: these are asked of our own venues today, and of each partner's
adapter when there is one."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from federation.port import BookingState, PartnerLine, PartnerPlatform, PartnerRefused, PartnerSlot


@dataclass(frozen=True, kw_only=True)
class Town:
    """A platform to try: a venue of it with at least two free priced slots of a sport on a day, and two citizens."""

    platform: PartnerPlatform
    venue: str
    sport: str
    day: date
    citizens: tuple[str, str]

    async def slots(self) -> list[PartnerSlot]:
        return list(await self.platform.slots(venue=self.venue, sport=self.sport, day=self.day))

    async def free(self) -> list[PartnerSlot]:
        return [slot for slot in await self.slots() if slot.is_free and slot.price_fen]


def a_line(slot: PartnerSlot) -> PartnerLine:
    return PartnerLine(court=slot.court, starts_at=slot.starts_at, people=1, price_fen=slot.price_fen)


async def refused(asked: Any) -> str:
    with pytest.raises(PartnerRefused) as refusal:
        await asked
    assert refusal.value.message
    return refusal.value.code


async def what_is_held_is_no_longer_free_and_what_is_released_is_free_again(town: Town) -> None:
    citizen, slot = town.citizens[0], (await town.free())[0]
    held = await town.platform.hold(citizen=citizen, lines=[a_line(slot)], key="a-key-of-mine")
    assert (held.state, held.total_fen) == (BookingState.HELD, slot.price_fen)
    assert slot not in await town.free()
    assert await town.platform.booking(citizen=citizen, booking_no=held.booking_no) == held
    for _ in range(2):
        released = await town.platform.release(citizen=citizen, booking_no=held.booking_no)
        assert released == replace(held, state=BookingState.ENDED)
    assert slot in await town.free()


async def the_same_key_is_the_same_booking_also_at_once(town: Town) -> None:
    slot = (await town.free())[0]
    held = await asyncio.gather(
        *(
            town.platform.hold(citizen=town.citizens[0], lines=[a_line(slot)], key="pressed-thrice")
            for _ in range(3)
        )
    )
    assert len({booking.booking_no for booking in held}) == 1


async def all_lines_are_held_or_none(town: Town) -> None:
    first, second = (await town.free())[:2]
    mine, other = town.citizens
    await town.platform.hold(citizen=other, lines=[a_line(second)], key="they-were-first")
    before = await town.slots()
    code = await refused(
        town.platform.hold(citizen=mine, lines=[a_line(first), a_line(second)], key="I-was-second")
    )
    assert code == "SLOT_TAKEN"
    assert await town.slots() == before


async def a_price_that_was_not_shown_holds_nothing(town: Town) -> None:
    slot = (await town.free())[0]
    line = replace(a_line(slot), price_fen=slot.price_fen - 1)
    assert (
        await refused(town.platform.hold(citizen=town.citizens[0], lines=[line], key="cheaper")) == "PRICE_CHANGED"
    )
    assert slot in await town.free()


async def somebody_elses_booking_is_as_unknown_as_none(town: Town) -> None:
    mine, other = town.citizens
    slot = (await town.free())[0]
    held = await town.platform.hold(citizen=mine, lines=[a_line(slot)], key="a-key-of-mine")
    for number in (held.booking_no, "O0"):
        assert await refused(town.platform.booking(citizen=other, booking_no=number)) == "ORDER_UNKNOWN"
        assert await refused(town.platform.release(citizen=other, booking_no=number)) == "ORDER_UNKNOWN"
    assert (await town.platform.booking(citizen=mine, booking_no=held.booking_no)).state is BookingState.HELD


async def who_and_where_must_be_known(town: Town) -> None:
    slot = (await town.free())[0]
    assert await refused(town.platform.hold(citizen="nobody", lines=[a_line(slot)], key="k")) == "CITIZEN_UNKNOWN"
    assert await refused(town.platform.slots(venue="nowhere", sport="", day=town.day)) == "VENUE_UNKNOWN"


CONTRACT = (
    what_is_held_is_no_longer_free_and_what_is_released_is_free_again,
    the_same_key_is_the_same_booking_also_at_once,
    all_lines_are_held_or_none,
    a_price_that_was_not_shown_holds_nothing,
    somebody_elses_booking_is_as_unknown_as_none,
    who_and_where_must_be_known,
)
