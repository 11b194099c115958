"""Waiting for a slot: what is given up goes to who stands first, and nobody is faster than the line."""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.booking.tables import FreedSlot, HeldCell, WaitingEntry
from models.checkout import waiting
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_hold
from models.checkout.pricing import ForWhom
from models.checkout.waiting import Wanted
from models.checkout.waiting_queries import entries_of
from models.errors import Busy, DomainError, ErrorCode
from models.members.tables import Member
from models.messages.tables import Message
from models.orders.tables import Order, OrderLine
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import (
    TOMORROW,
    Hall,
    Person,
    a_hall,
    a_person,
    an_order,
    at,
    invoke_payment,
    wanted,
)
from tests.outside import Outside
from tests.queueing import one_after_another

LATER = NOW + timedelta(minutes=1)


async def stand(person: Person, hall: Hall, *, key: str = "", now: datetime = NOW, **more: Any) -> str:
    """In line for badminton tomorrow from nine to eleven."""
    wish = {"venue_id": hall.venue.public_id, "sport": "BADMINTON", "day": TOMORROW, "from_minute": 540}
    return await waiting.join(
        member_id=person.member_id,
        wanted=Wanted(**{**wish, "until_minute": 660, **more}),  # type: ignore[arg-type]
        key=key or secrets.token_hex(8),
        now=now,
    )


async def taken(hall: Hall, *hours: int) -> list[tuple[Person, Order]]:
    """Both badminton courts at these hours, each by somebody."""
    orders = []
    for court in (hall.badminton, hall.badminton_2):
        for hour in hours:
            person = await a_person()
            orders.append((person, await an_order(person, wanted(court, at(hour)))))
    return orders


async def give_up(person: Person, order: Order, now: datetime = LATER) -> None:
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels={}, now=now)


async def state(entry_id: str) -> str:
    return str((await WaitingEntry.get(public_id=entry_id)).state)


async def refused(asked: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asked
    return refusal.value.code


async def live_lines_of(person: Person) -> int:
    return await OrderLine.filter(order__member_id=person.member_id, order__status__not="CLOSED").count()


async def test_what_is_given_up_is_offered_to_who_stands_first_and_then_to_the_next(db: Database) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9, 10)
    first, second = [await a_person() for _ in range(2)]
    entries = [await stand(first, hall), await stand(second, hall, from_minute=540, until_minute=600)]
    assert [(await entries_of(member_id=each.member_id, first=1))[0]["ahead"] for each in (first, second)] == [
        0,
        1,
    ]

    await give_up(owner, order)
    assert await FreedSlot.all().count() == 1
    stranger = await a_person()
    assert await refused(an_order(stranger, wanted(hall.badminton, at(9)), now=LATER)) == "SLOT_TAKEN"

    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 1
    assert (await state(entries[0]), await state(entries[1])) == ("OFFERED", "WAITING")
    offer = await Order.get(member_id=first.member_id)
    assert (offer.status, offer.to_pay_fen, offer.hold_expires_at) == (
        "PENDING_PAYMENT",
        4000,
        LATER + timedelta(minutes=15),
    )
    told = await Message.get(member_id=first.member_id, template="WAITING_OFFER")
    assert told.about_no == offer.order_no
    assert await HeldCell.filter(order_line__order_id=offer.id).count() == 2
    assert await HeldCell.exclude(freed_slot_id=None).count() == await FreedSlot.all().count() == 0

    too_late = LATER + timedelta(minutes=16)
    assert await end_hold(order_id=offer.id, channels={}, now=too_late)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=too_late) == 1
    assert (await state(entries[0]), await state(entries[1])) == ("MISSED", "OFFERED")
    assert await live_lines_of(second) == 1
    assert await Message.filter(member_id=second.member_id, template="WAITING_OFFER").count() == 1


async def test_who_took_it_has_it_and_waits_no_more(db: Database) -> None:
    hall = await a_hall(free_mornings=True)
    person, order = (await taken(hall, 8))[0]
    waits = await a_person()
    entry = await stand(waits, hall, from_minute=480, until_minute=510)
    await give_up(person, order)
    await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER)
    await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER)
    assert await state(entry) == "TAKEN", "a free slot needs no payment"
    assert (await Order.get(member_id=waits.member_id)).status == "PAID"
    assert await Message.filter(member_id=waits.member_id).values_list("template", flat=True) == [
        "ORDER_CONFIRMED"
    ]


async def test_whom_their_own_limits_keep_from_it_is_passed_over_and_keeps_their_place(db: Database) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    busy, second = await a_person(), await a_person()
    await an_order(busy, wanted(hall.left, at(15)), wanted(hall.right, at(15)))
    entries = [await stand(busy, hall, until_minute=600), await stand(second, hall, until_minute=600)]
    await give_up(owner, order)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 1
    assert (await state(entries[0]), await state(entries[1])) == ("WAITING", "OFFERED")
    assert await live_lines_of(busy) == 2


@pytest.mark.parametrize("was_paid", [False, True])
async def test_nobody_is_passed_over_for_an_unpaid_hold_of_their_own_whose_time_is_over(
    db: Database, outside: Outside, was_paid: bool
) -> None:
    """Nor does anybody lose what they paid for in its last second, before the notice of it has come."""
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    first, second = await a_person(), await a_person()
    dead = await an_order(first, wanted(hall.left, at(15)), wanted(hall.right, at(15)))
    sheet = await invoke_payment(outside, dead, first)
    if was_paid:
        await outside.pay(sheet)
    entries = [await stand(each, hall, until_minute=600) for each in (first, second)]
    over = dead.hold_expires_at
    await give_up(owner, order, over)
    assert await waiting.offer_freed(keys=ID_KEYS, channels=outside.channels, now=over) == 1
    offered = ["WAITING", "OFFERED"] if was_paid else ["OFFERED", "WAITING"]
    assert [await state(each) for each in entries] == offered
    assert (await Order.get(id=dead.id)).status == ("PAID" if was_paid else "CLOSED")
    assert await live_lines_of(first) == (2 if was_paid else 1)
    if not was_paid:
        assert (await outside.try_to_pay(sheet)).status_code != 200, "it was closed at the channel first"


@pytest.mark.postgres
async def test_of_two_workers_who_end_the_same_hold_neither_passes_its_owner_over(db: Database) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    first, second = await a_person(), await a_person()
    dead = await an_order(first, wanted(hall.left, at(15)), wanted(hall.right, at(15)))
    entries = [await stand(each, hall, until_minute=600) for each in (first, second)]
    over = dead.hold_expires_at
    await give_up(owner, order, over)
    offering = [waiting.offer_freed(keys=ID_KEYS, channels={}, now=over) for _ in range(2)]
    assert sorted(await one_after_another([dead.id], *offering, table="orders")) == [0, 1]
    assert [await state(each) for each in entries] == ["OFFERED", "WAITING"]
    assert [await live_lines_of(each) for each in (first, second)] == [1, 0]


async def test_what_nobody_can_have_any_more_is_let_go(db: Database) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    entry = await stand(await a_person(), hall, until_minute=600)
    await give_up(owner, order)
    await waiting.leave(member_id=(await WaitingEntry.get(public_id=entry)).member_id, entry_id=entry, now=LATER)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 0
    assert await FreedSlot.all().count() == 0
    await an_order(await a_person(), wanted(hall.badminton, at(9)), now=LATER)


async def test_for_whom_nobody_waits_is_free_at_once(db: Database) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9, 10)
    await stand(await a_person(), hall, from_minute=600)
    await stand(await a_person(), hall, people=1, court_id=hall.badminton_2.public_id)
    await give_up(owner, order)  # nine o'clock on the first court
    assert await FreedSlot.all().count() == 0
    await an_order(await a_person(), wanted(hall.badminton, at(9)), now=LATER)


async def test_a_span_in_which_nothing_became_free_is_over(db: Database) -> None:
    hall = await a_hall()
    await taken(hall, 9)
    person = await a_person()
    entry = await stand(person, hall, until_minute=600)
    await waiting.offer_freed(keys=ID_KEYS, channels={}, now=at(10) - timedelta(seconds=1))
    assert await state(entry) == "WAITING"
    await waiting.offer_freed(keys=ID_KEYS, channels={}, now=at(10))
    assert await state(entry) == "PASSED"


async def test_the_same_key_is_the_same_place_and_another_wish_under_it_is_refused(db: Database) -> None:
    hall = await a_hall()
    await taken(hall, 9, 10)
    person = await a_person()
    assert await stand(person, hall, key="pressed-twice") == await stand(person, hall, key="pressed-twice")
    assert await refused(stand(person, hall, key="pressed-twice", people=2)) == "IDEMPOTENCY_KEY_REUSED"
    assert await WaitingEntry.all().count() == 1


async def test_who_asks_for_what_cannot_be_waited_for_hears_why(db: Database) -> None:
    hall = await a_hall()
    await taken(hall, 9)
    person = await a_person()
    refusals = {
        "WAITING_NOT_NEEDED": {},  # ten o'clock is free
        "SLOT_UNKNOWN": {"from_minute": 60, "until_minute": 120},
        "SLOT_NOT_RELEASED": {"day": TOMORROW + timedelta(days=7)},
        "TOO_MANY_PEOPLE": {"until_minute": 600, "people": 1000},
        "VENUE_UNKNOWN": {"venue_id": "ven_NO"},
        "SLOT_PAST": {"day": TOMORROW - timedelta(days=1), "from_minute": 480, "until_minute": 600},
    }
    for code, wish in refusals.items():
        assert await refused(stand(person, hall, **wish)) == code
    assert await refused(stand(person, hall, from_minute=600, until_minute=540)) == "BAD_INPUT"
    assert await refused(stand(person, hall, until_minute=600, people=0)) == "BAD_INPUT"
    assert await WaitingEntry.all().count() == 0


async def test_nobody_stands_in_more_than_five_lines_or_leaves_anothers(db: Database) -> None:
    hall = await a_hall()
    await taken(hall, 9)
    person, other = await a_person(), await a_person()
    entries = [await stand(person, hall, until_minute=600) for _ in range(5)]
    assert await refused(stand(person, hall, until_minute=600)) == "TOO_MANY_WAITING"
    theirs = waiting.leave(member_id=other.member_id, entry_id=entries[0], now=NOW)
    assert await refused(theirs) == "WAITING_UNKNOWN"
    for _ in range(2):
        await waiting.leave(member_id=person.member_id, entry_id=entries[0], now=NOW)
    assert await state(entries[0]) == "LEFT"
    await stand(person, hall, until_minute=600)


async def test_what_is_offered_is_given_up_by_its_order_and_goes_on_to_the_next(db: Database) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    first, second = await a_person(), await a_person()
    entries = [await stand(each, hall, until_minute=600) for each in (first, second)]
    await give_up(owner, order)
    await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER)
    leaving = waiting.leave(member_id=first.member_id, entry_id=entries[0], now=LATER)
    assert await refused(leaving) == "WAITING_OFFERED"
    await give_up(first, await Order.get(member_id=first.member_id))
    await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER)
    assert (await state(entries[0]), await state(entries[1])) == ("MISSED", "OFFERED")


@pytest.mark.postgres
async def test_workers_at_once_and_people_who_are_quick_give_each_slot_to_one_of_the_line(db: Database) -> None:
    hall = await a_hall()
    given_up = await taken(hall, 9, 10)
    line = [await a_person() for _ in range(6)]
    for each in line:
        await stand(each, hall)
    quick = [await a_person() for _ in range(8)]

    async def snatch(person: Person, number: int) -> str:
        court = (hall.badminton, hall.badminton_2)[number % 2]
        try:
            await an_order(person, wanted(court, at(9 + number // 2 % 2)), now=LATER)
        except DomainError as refusal:
            return refusal.code
        return "got it"

    done = await asyncio.gather(
        *(give_up(person, order) for person, order in given_up),
        *(snatch(person, number) for number, person in enumerate(quick)),
        *(waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) for _ in range(4)),
    )
    while await FreedSlot.all().count():
        await asyncio.gather(*(waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) for _ in range(3)))
    assert "got it" not in done
    assert [await live_lines_of(person) for person in line] == [1, 1, 1, 1, 0, 0]
    assert await HeldCell.all().count() == 4 * 2


@pytest.mark.postgres
async def test_a_worker_that_dies_in_the_middle_offers_nothing_twice(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    person = await a_person()
    entry = await stand(person, hall, until_minute=600)
    await give_up(owner, order)

    async def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(waiting, "tell", dies)
        with pytest.raises(asyncio.CancelledError):
            await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER)
    assert (await state(entry), await FreedSlot.all().count(), await live_lines_of(person)) == ("WAITING", 1, 0)
    assert await HeldCell.exclude(freed_slot_id=None).count() == 2
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 1
    assert await live_lines_of(person) == 1


@pytest.mark.parametrize("is_joined", [False, True])
async def test_whose_row_is_locked_or_whose_accounts_are_joined_just_now_keeps_their_place_in_the_line(
    db: Database, monkeypatch: pytest.MonkeyPatch, is_joined: bool
) -> None:
    hall = await a_hall()
    (owner, order), *_ = await taken(hall, 9)
    first, second, kept = [await a_person() for _ in range(3)]
    entries = [await stand(each, hall, until_minute=600) for each in (first, second)]
    await give_up(owner, order)
    bookable_together = waiting.bookable_together

    async def meanwhile(lines: Any, *, whom: ForWhom, **more: Any) -> Any:
        if whom.member_id == first.member_id and not is_joined:
            raise Busy
        if whom.member_id == first.member_id:
            await Member.filter(id=first.member_id).update(joined_to_id=kept.member_id)
            await WaitingEntry.filter(public_id=entries[0]).update(member_id=kept.member_id)
        return await bookable_together(lines, whom=whom, **more)

    with monkeypatch.context() as patch:
        patch.setattr(waiting, "bookable_together", meanwhile)
        assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 0
    assert (await FreedSlot.all().count(), await state(entries[1])) == (1, "WAITING"), "it is kept for the first"
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=LATER) == 1
    assert [await state(each) for each in entries] == ["OFFERED", "WAITING"]
    assert await live_lines_of(kept if is_joined else first) == 1


async def test_a_cell_is_never_held_for_nobody(db: Database) -> None:
    hall = await a_hall()
    await taken(hall, 9)
    with pytest.raises(Exception, match="held_cell_for_somebody"):
        await database.rows("UPDATE held_cell SET order_line_id = NULL")
