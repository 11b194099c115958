"""Whoever a desk let in without a network came, whatever was decided about them before its queue came in."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.admissions.queries import codes_of
from models.admissions.tables import Admission, Passage
from models.attendance import pauses
from models.attendance.tables import Attendance, BookingPause
from models.booking.tables import HeldCell
from models.checkout.cancelling import Cancellation, cancel, cancel_order
from models.checkout.no_shows import decide_due
from models.checkout.refunding import send_due_refunds
from models.errors import DomainError
from models.messages.tables import Message
from models.offline import deciding
from models.offline.tables import OfflineConflict, OfflineEntry
from models.orders.rules import RefundParty
from models.orders.tables import FinanceEvent, Order, Refund
from models.staff.rules import Role, StaffSignedIn
from tests.databases import Database
from tests.factories.attendance import a_strict_hall, attendance_of, decide, free_order, line_of, the_desk_works
from tests.factories.booking import Hall, a_paid_order, a_person, at, wanted
from tests.factories.people import CODE_KEYS, a_clerk
from tests.models.offline.halls import MINUTE, Counter, a_counter
from tests.outside import Outside, outside, stage
from tests.queueing import one_after_another

__all__ = ["outside", "stage"]

FULL_BACK: dict[str, Any] = {"cancel_free_minutes": 0, "cancel_kept_percent": 50}


async def a_dark_door(**rule: Any) -> tuple[Hall, StaffSignedIn, Counter]:
    """A strict hall with a desk whose network works, and one that will be without."""
    hall, clerk = await a_strict_hall(**rule)
    return hall, clerk, await a_counter(hall.venue)


async def lets_in(
    counter: Counter, order: Order, when: datetime, *, seats: int = 1, shown_before: timedelta = timedelta()
) -> None:
    for admission in await Admission.filter(order_id=order.id).order_by("seat").limit(seats):
        shown = await codes_of(
            member_id=order.member_id, admission_id=admission.public_id, keys=CODE_KEYS, now=when - shown_before
        )
        counter.clock.at = when
        counter.desk.accept_code(shown.codes[0][1])


async def outcomes(counter: Counter, now: datetime) -> list[str]:
    return [answer.outcome for answer in await counter.uploads(now)]


async def money() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    return (
        [(each.reason, each.amount_fen) for each in await Refund.all().order_by("id")],
        [(each.kind, each.amount_fen) for each in await FinanceEvent.all().order_by("id")],
    )


async def others_take(order: Order, cells: Sequence[HeldCell], other: Order) -> None:
    """What was released is somebody else's now, though their slot began earlier."""
    line = await line_of(other)
    for cell in cells:
        await HeldCell.create(part_id=cell.part_id, step=cell.step, venue_id=cell.venue_id, order_line_id=line.id)


@pytest.mark.parametrize("is_sold_again", [False, True])
async def test_who_was_let_in_in_the_dark_was_no_no_show_and_nothing_of_it_stays_but_what_others_have(
    db: Database, outside: Outside, is_sold_again: bool
) -> None:
    hall, clerk, counter = await a_dark_door(no_shows=2, no_show_kept_percent=75)
    person, other = await a_person(), await a_person()
    before = await free_order(person, hall.badminton_2, at(8, days=1))
    await the_desk_works(clerk, hall.venue, at(8, 5))
    await decide_due(channels={}, now=at(8, 15))

    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10, days=2), people=2))
    cells = await HeldCell.filter(order_line_id=(await line_of(order)).id)
    await counter.kit(at(9, 50, days=2))
    await lets_in(counter, order, at(10, 5, days=2), seats=2)
    await the_desk_works(clerk, hall.venue, at(10, 6, days=2))
    await outside.switch_on(refund_seconds=0)
    assert await decide_due(channels=outside.channels, now=at(10, 15, days=2)) == 1
    await send_due_refunds(channels=outside.channels, now=at(10, 16, days=2))
    pause = await BookingPause.get()
    assert (pause.no_shows, pause.freed_at) == (2, None)
    others = await free_order(other, hall.badminton_2, at(8, days=3), now=at(10, 17, days=2))
    if is_sold_again:
        await others_take(order, cells, others)
    books = await money()

    sent, now = counter.desk.batch(), at(10, 30, days=2)
    first = await counter.uploads(now, sent)
    assert [answer.outcome for answer in first] == ["ENTERED", "ENTERED"]
    assert "未到场已撤销；已退的10.00元仍归顾客" in first[0].message
    assert ("剩余时段已归别人" in first[0].message) == is_sold_again
    assert "撤销" not in first[1].message
    for _ in range(2):
        came = await attendance_of(order)
        assert (came.state, came.pause_id, came.was_released) == ("CAME", None, is_sold_again)
        assert ((await attendance_of(before)).state, (await attendance_of(before)).pause_id) == ("NO_SHOW", None)
        assert (await BookingPause.get()).freed_at == now
        for admission in await Admission.filter(order_id=order.id):
            assert (admission.revoked_at, admission.revoked_for) == (None, "")
            assert admission.first_entered_at == at(10, 5, days=2)
        held = await HeldCell.filter(order_line__order_id=(others if is_sold_again else order).id)
        assert {(each.part_id, each.step) for each in held} >= {(each.part_id, each.step) for each in cells}
        assert await HeldCell.filter(order_line__order_id=order.id).exists() != is_sold_again
        assert await money() == books, "what went back stays with the citizen"
        (conflict,) = await OfflineConflict.all()
        assert (conflict.state, conflict.reason, conflict.amount_fen) == ("BORNE", "SLOT_RELEASED", 1000)
        message = await Message.get(template="NO_SHOW_TAKEN_BACK")
        assert (message.member_id, message.values["when"]) == (person.member_id, "11月22日 10:05")
        assert (message.values["pause"], message.values["money"]) == (
            *("因此暂停的预订已经恢复。", "已退的10.00元仍归您，不用退回。"),
        )
        assert await counter.uploads(now + MINUTE, sent) == first, "the second time changes nothing"
    assert (await free_order(person, hall.badminton, at(8, days=4), now=now)).status == "PAID"

    await the_desk_works(clerk, hall.venue, at(8, 5, days=4))
    await decide_due(channels={}, now=at(8, 15, days=4))
    assert await BookingPause.filter(freed_at=None).count() == 1, "the one that was one counts with the next"


async def test_who_came_after_the_release_was_late_and_who_is_counted_when_it_is_over_came(db: Database) -> None:
    hall, clerk, counter = await a_dark_door(no_shows=1)
    late, after = await a_person(), await a_person()
    one = await free_order(late, hall.badminton, at(8))
    two = await free_order(after, hall.badminton_2, at(8, days=2))
    await counter.kit(at(7, 50))
    await the_desk_works(clerk, hall.venue, at(8, 5))
    await lets_in(counter, one, at(8, 15), shown_before=timedelta(seconds=10))  # the phone shows it still
    await decide_due(channels={}, now=at(8, 15))
    await counter.kit(at(7, 50, days=2))
    await lets_in(counter, two, at(8, 20, days=2))
    await the_desk_works(clerk, hall.venue, at(8, 5, days=2))
    await decide_due(channels={}, now=at(11, days=2))  # nobody was here to release it
    assert await BookingPause.all().count() == 2
    assert await outcomes(counter, at(12, days=2)) == ["SLOT_RELEASED", "ENTERED"]
    assert [(await attendance_of(order)).state for order in (one, two)] == ["NO_SHOW", "CAME"]
    pauses = {each.member_id: each.freed_at for each in await BookingPause.all()}
    assert pauses == {late.member_id: None, after.member_id: at(12, days=2)}
    assert (await OfflineConflict.all().count(), await HeldCell.all().count()) == (0, 2)


async def test_who_gives_up_a_booking_on_which_they_were_let_in_is_the_venue_s_to_decide_about(
    db: Database, outside: Outside
) -> None:
    hall, _, counter = await a_dark_door(**FULL_BACK)
    person = await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10), people=2))
    by_venue = await a_paid_order(outside, await a_person(), wanted(hall.badminton_2, at(10)))
    known = await a_paid_order(outside, await a_person(), wanted(hall.left, at(10)))
    await counter.kit(at(9, 35))
    await lets_in(counter, order, at(9, 40), seats=2)
    await lets_in(counter, by_venue, at(9, 41))
    code = (
        await codes_of(
            member_id=known.member_id,
            admission_id=(await Admission.get(order_id=known.id)).public_id,
            keys=CODE_KEYS,
            now=at(9, 45),
        )
    ).codes[0][1]
    for each, party in ((order, RefundParty.MEMBER), (by_venue, RefundParty.VENUE), (known, RefundParty.MEMBER)):
        await cancel(Cancellation(order_id=each.id, party=party), channels=outside.channels, now=at(9, 43))
    await counter.kit(at(9, 44))
    counter.clock.at = at(9, 45)
    counter.desk.append("CODE", text=code)  # a desk that asks no rule
    books = await money()
    assert [reason for reason, _ in books[0]] == ["CANCELLED", "CANCELLED_BY_VENUE", "CANCELLED"]

    sent = counter.desk.batch()
    answers = await counter.uploads(at(10, 30), sent)
    assert [answer.outcome for answer in answers] == ["REFUNDED"] * 4
    assert "退了40.00元" in answers[0].message
    assert ["等场馆管理员决定" in answer.message for answer in answers] == [True, True, False, False]
    assert await Passage.all().count() == 0
    states = {each.order_line_id: (each.state, each.reason) for each in await OfflineConflict.all()}
    assert states == {
        (await line_of(order)).id: ("HELD", "REFUNDED"),
        (await line_of(known)).id: ("BORNE", "REFUNDED"),
    }

    elsewhere = (await a_counter()).manager
    (held,) = await deciding.conflicts(clerk=counter.manager, only_held=True)
    line = await line_of(order)
    assert (held.order_no, held.booked, held.amount_fen) == (order.order_no, line.title, 4000)
    assert (held.campaign_id, held.use_no) == ("", "")
    assert await deciding.conflicts(clerk=elsewhere, only_held=True) == []
    regulator = await a_clerk(roles=[Role.REGULATOR], region_key="510107", device_id="bureau")

    async def decided(clerk: StaffSignedIn, *, pays: bool) -> str:
        try:
            return await deciding.decide_conflict(
                clerk=clerk, conflict_id=held.public_id, pays=pays, note="电话核实，免收", now=at(11)
            )
        except DomainError as refusal:
            return refusal.code.value

    assert await decided(elsewhere, pays=False) == "NOT_ALLOWED"
    assert await decided(counter.clerk, pays=False) == "NOT_ALLOWED"
    assert await decided(regulator, pays=True) == "CONFLICT_UNKNOWN"
    assert (await OfflineConflict.get(public_id=held.public_id)).state == "HELD"
    for _ in range(2):
        assert await decided(counter.manager, pays=False) == "BORNE"
    assert await decided(counter.manager, pays=True) == "CONFLICT_STATE"
    assert (await counter.uploads(at(12), sent))[0].message.endswith("由场馆自行承担。")
    assert await money() == books, "nobody is charged by it"


async def test_an_appeal_against_a_pause_that_was_lifted_waits_for_nobody(db: Database) -> None:
    hall, clerk, counter = await a_dark_door(no_shows=1)
    person = await a_person()
    order = await free_order(person, hall.badminton, at(8))
    await counter.kit(at(7, 50))
    await lets_in(counter, order, at(8, 5))
    await the_desk_works(clerk, hall.venue, at(8, 6))
    await decide_due(channels={}, now=at(8, 15))
    pause_id = (await BookingPause.get()).public_id
    await pauses.appeal(member_id=person.member_id, pause_id=pause_id, words="我来了", now=at(8, 20))
    assert len(await pauses.appeals(clerk=counter.manager, venue_id=None)) == 1
    assert await outcomes(counter, at(9)) == ["ENTERED"]
    assert await pauses.appeals(clerk=counter.manager, venue_id=None) == []
    with pytest.raises(DomainError, match="已经撤销"):
        await pauses.decide_appeal(
            clerk=counter.manager, pause_id=pause_id, grant=False, answer="驳回", now=at(9, 5)
        )
    (mine,) = await pauses.my_pauses(member_id=person.member_id)
    assert (mine.freed_at, mine.decided_at) == (at(9), None)


# ---- at once


@pytest.mark.postgres
async def test_a_queue_that_comes_in_while_no_shows_are_counted_leaves_nobody_punished_who_came(
    db: Database,
) -> None:
    hall, clerk, counter = await a_dark_door(no_shows=2)
    person = await a_person()
    courts = (hall.badminton, hall.badminton_2, hall.left, hall.right)
    orders = [await free_order(person, court, at(8)) for court in courts]
    await counter.kit(at(7, 50))
    for order in orders[:3]:
        await lets_in(counter, order, at(8, 5))
    await the_desk_works(clerk, hall.venue, at(8, 6))
    sent = counter.desk.batch()
    await asyncio.gather(
        *(counter.uploads(at(8, 15), sent[n:]) for n in range(3)),
        *(decide_due(channels={}, now=at(8, 15)) for _ in range(3)),
    )
    await counter.uploads(at(8, 16), sent)
    states = [(await attendance_of(order)).state for order in orders]
    assert states == ["CAME", "CAME", "CAME", "NO_SHOW"]
    assert [entry.outcome for entry in await OfflineEntry.all()] == ["ENTERED"] * 3
    assert await BookingPause.filter(freed_at=None).count() == 0
    assert {each.pause_id for each in await Attendance.all()} == {None}
    assert await HeldCell.filter(order_line__order_id__in=[each.id for each in orders[:3]]).count() == 6


@pytest.mark.postgres
@pytest.mark.parametrize("is_upload_first", [True, False])
async def test_one_no_show_that_is_taken_back_while_the_next_is_counted_makes_no_pause_with_it(
    db: Database, is_upload_first: bool
) -> None:
    hall, clerk, counter = await a_dark_door(no_shows=2)
    person = await a_person()
    came, missed = [await free_order(person, court, at(8)) for court in (hall.badminton, hall.badminton_2)]
    await counter.kit(at(7, 50))
    await lets_in(counter, came, at(8, 5))
    await the_desk_works(clerk, hall.venue, at(8, 6))
    await decide(came, at(8, 15))
    acts = [counter.uploads(at(8, 16)), decide(missed, at(8, 16))]
    held = [(await attendance_of(came)).id]
    ended = await one_after_another(held, *(acts if is_upload_first else acts[::-1]), table="attendance")
    assert not [each for each in ended if isinstance(each, BaseException)], ended
    assert [(await attendance_of(order)).state for order in (came, missed)] == ["CAME", "NO_SHOW"]
    assert await BookingPause.filter(freed_at=None).count() == 0
    assert {each.pause_id for each in await Attendance.all()} == {None}


@pytest.mark.postgres
@pytest.mark.parametrize("is_upload_first", [True, False])
async def test_who_cancels_while_their_entry_comes_in_has_entered_or_is_a_conflict_never_neither_nor_both(
    db: Database, outside: Outside, is_upload_first: bool
) -> None:
    hall, _, counter = await a_dark_door(**FULL_BACK)
    person = await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    await counter.kit(at(9, 35))
    await lets_in(counter, order, at(9, 40))
    sent = counter.desk.batch()
    acts = [
        counter.uploads(at(9, 50), sent),
        cancel_order(
            member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=at(9, 50)
        ),
    ]
    held = [(await Admission.get(order_id=order.id)).id]
    ended = await one_after_another(held, *(acts if is_upload_first else acts[::-1]), table="admission")
    refused = [each.code.value for each in ended if isinstance(each, DomainError)]
    assert refused == (["ORDER_STARTED"] if is_upload_first else [])
    (answer,) = await counter.uploads(at(9, 55), sent)
    assert answer.outcome == ("ENTERED" if is_upload_first else "REFUNDED")
    assert await Passage.all().count() == is_upload_first
    assert await Refund.all().count() == (not is_upload_first)
    assert [each.state for each in await OfflineConflict.all()] == ([] if is_upload_first else ["HELD"])
