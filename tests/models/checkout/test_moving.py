"""Moving a booking: a new order for the new slot, and the old line is given up in the act that confirms it."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.admissions.operations import pass_door
from models.admissions.tables import Admission
from models.booking.tables import BookingRule, HeldCell, HeldPlace, Session
from models.checkout.cancelling import cancel_order
from models.checkout.ending import close_unpaid, end_overdue_holds
from models.checkout.moving import MoveQuoted, move_quote, open_move
from models.checkout.refunding import send_due_refunds
from models.checkout.wanted import LineWanted
from models.codes import rules as codes
from models.codes.rules import CodeVersions
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.rules import CloseReason
from models.orders.tables import (
    FinanceEvent,
    MoveQuote,
    Order,
    OrderLine,
    Payment,
    Refund,
    RefundLine,
    RefundRule,
)
from models.organisations.tables import Organisation
from models.staff.rules import Role
from models.venues.tables import Venue
from payments.port import PaymentChannel
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import (
    Hall,
    Person,
    a_hall,
    a_paid_order,
    a_person,
    an_order,
    at,
    census,
    invoke_payment,
    wanted,
)
from tests.factories.organisations import a_named_member, an_organisation
from tests.factories.people import CODE_KEYS, a_clerk
from tests.factories.places import a_region
from tests.factories.sessions import a_session, places
from tests.factories.vouchers import a_campaign, a_voucher
from tests.models.checkout.test_closing import announce, storm
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, killed

MINUTE = timedelta(minutes=1)


async def a_fee(percent: int = 20, *, minutes_before: int = 0) -> None:
    await RefundRule.create(
        party="MEMBER",
        minutes_before=minutes_before,
        kept_percent=percent,
        kept_fen=0,
        provenance="TEST",
        source="",
    )


async def move(
    person: Person,
    order: Order,
    to: LineWanted,
    *,
    now: datetime,
    line_no: int = 1,
    key: str = "",
    channels: Mapping[str, PaymentChannel] | None = None,
    **more: Any,
) -> Order:
    order_no = await open_move(
        member_id=person.member_id,
        order_no=order.order_no,
        line_no=line_no,
        to=to,
        key=key or secrets.token_hex(8),
        keys=ID_KEYS,
        channels=channels or {},
        now=now,
        **more,
    )
    return await Order.get(order_no=order_no)


async def asked(person: Person, order: Order, to: LineWanted, now: datetime) -> MoveQuoted:
    return await move_quote(
        member_id=person.member_id, order_no=order.order_no, line_no=1, to=to, keys=ID_KEYS, now=now
    )


async def pay(outside: Outside, person: Person, order: Order, now: datetime) -> None:
    before = len(outside.letters)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    await outside.hand_in(await outside.letter_of_a_payment(before), now=now)


async def enter(venue: Venue, order: Order, now: datetime) -> None:
    admission = await Admission.filter(order_id=order.id).order_by("id").first()
    assert admission
    code = codes.make_rotating(
        CODE_KEYS,
        handle=admission.handle,
        venue=venue.public_id,
        day=admission.business_day,
        versions=CodeVersions(0, 0),
        at=now,
    )
    await database.operation(pass_door)(
        code=code,
        venue_id=venue.id,
        direction="ENTRY",
        door="东门",
        at_gate=True,
        id_checked=False,
        keys=CODE_KEYS,
        now=now,
    )


async def told(order: Order) -> list[tuple[str, str]]:
    """What the platforms heard of an order: whose, and its state."""
    rows = await OutboxRow.filter(kind="orders", subject=f"order:{order.order_no}").order_by("id")
    return [(row.payload["provinceId"], row.payload["state"]) for row in rows]


async def owed(order: Order) -> int:
    signs = {"CHARGED": 1, "WAIVED": -1, "PAID": -1, "REFUNDED": 1}
    return sum(signs[each.kind] * each.amount_fen for each in await FinanceEvent.filter(order_id=order.id))


async def live(order: Order) -> tuple[int, int, int]:
    """Its lines, cells and admissions that are still good."""
    return (
        await OrderLine.filter(order_id=order.id, cancelled_at=None, order__status__not="CLOSED").count(),
        await HeldCell.filter(order_line__order_id=order.id).count(),
        await Admission.filter(order_id=order.id, revoked_at=None).count(),
    )


async def refused(asking: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asking
    assert refusal.value.next_step
    return refusal.value.code


async def two_sides() -> tuple[Hall, Hall]:
    there = await a_hall(
        name="渝中馆",
        region=await a_region("500103", name="渝中区", parent_key="500000"),
        province_code="500000",
        city_code="500000",
        market_fen_per_hour=5000,
    )
    return await a_hall(), there


async def test_a_booking_moves_across_the_border_once_its_new_order_is_paid_and_the_old_money_goes_back(
    db: Database, outside: Outside, now: datetime
) -> None:
    here, there = await two_sides()
    await a_fee(20)
    person = await a_person()
    old = await a_paid_order(outside, person, wanted(here.badminton, at(10), people=2))
    club = await Organisation.get(public_id=await an_organisation(await a_named_member()))
    await Order.filter(id=old.id).update(organisation_id=club.id)
    to = wanted(there.badminton, at(15), people=2)
    quoted = await asked(person, old, to, now)
    assert (quoted.price_fen, quoted.refund_fen, quoted.kept_fen, quoted.difference_fen) == (5000, 3200, 800, 1800)
    assert quoted.pay_until == now + 15 * MINUTE
    assert "20%" in quoted.explanation
    assert "微信" in quoted.way_back

    new = await move(person, old, to, now=now, key="once", expected_refund_fen=3200)
    assert (new.status, new.to_pay_fen, new.venue_id) == ("PENDING_PAYMENT", 5000, there.venue.id)
    assert new.organisation_id == club.id, "it stays in the name in which it was booked"
    assert await live(old) == (1, 2, 2), "the old booking is theirs until the new one is paid"
    before = await census()
    again = await move(person, old, to, now=now, key="once", expected_refund_fen=3200)
    assert (again.id, await census()) == (new.id, before)

    await RefundRule.all().update(kept_percent=90)  # what was told when it was asked for stands
    await pay(outside, person, new, now)
    old, new = await Order.get(id=old.id), await Order.get(id=new.id)
    assert (old.status, old.close_reason, new.status) == ("CLOSED", "CANCELLED", "PAID")
    assert (await live(old), await live(new)) == ((0, 0, 0), (1, 2, 2))
    assert await told(old) == [("510000", "PAID"), ("510000", "CANCELLED")]
    assert await told(new) == [("500000", "PAID")]
    refund = await Refund.get()
    assert (refund.order_id, refund.amount_fen, refund.reason, refund.status) == (
        *(old.id, 3200, "MOVED", "INTENDED"),
    ), "whoever confirmed may die here: a job sends it"
    part = await RefundLine.get(refund_id=refund.id)
    assert (part.amount_fen, part.kept_fen, part.explanation) == (3200, 800, quoted.explanation)
    for _ in range(2):
        await send_due_refunds(channels=outside.channels, now=now)
    await outside.travel(now + 10 * MINUTE)
    await send_due_refunds(channels=outside.channels, now=now + 10 * MINUTE)
    assert [row["refund_fen"] for row in (await outside.books())["refunds"]] == [3200]
    assert (await owed(old), await owed(new)) == (0, 0)


async def test_what_is_not_paid_in_time_or_cancelled_leaves_the_old_booking_and_it_may_be_moved_again(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    old = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    first = await move(person, old, wanted(hall.badminton_2, at(11)), now=now)
    assert await refused(move(person, old, wanted(hall.left, at(12)), now=now)) == "MOVE_WAITS"
    await cancel_order(member_id=person.member_id, order_no=first.order_no, channels={}, now=now)
    second = await move(person, old, wanted(hall.left, at(12)), now=now)
    late = now + 16 * MINUTE
    third = await move(person, old, wanted(hall.left, at(13)), now=late)  # ends the overdue one itself
    assert (await Order.get(id=second.id)).close_reason == "EXPIRED"
    await end_overdue_holds(channels={}, now=late + 16 * MINUTE)
    assert (await Order.get(id=third.id)).status == "CLOSED"
    assert (await live(old), await told(old)) == ((1, 2, 1), [("510000", "PAID")])
    assert await Refund.all().count() == 0


async def test_a_free_slot_is_moved_to_at_once_and_who_dies_before_the_refund_leaves_it_to_the_job(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(free_mornings=True), await a_person()
    old = await a_paid_order(outside, person, wanted(hall.badminton, at(10)), wanted(hall.badminton, at(11)))
    to = wanted(hall.badminton_2, at(8))
    assert (await asked(person, old, to, now)).pay_until is None
    dying = {WECHAT_PAY: Meddled(outside.channels[WECHAT_PAY], before={"refund": killed})}
    with pytest.raises(Killed):
        await move(person, old, to, now=now, key="free", channels=dying)
    new = await Order.exclude(id=old.id).get()
    assert (new.status, new.to_pay_fen) == ("PAID", 0)
    assert (await live(old), await live(new)) == ((1, 2, 1), (1, 2, 1))
    assert await told(old) == [("510000", "PAID"), ("510000", "CHANGED")]
    assert (await Refund.get()).status == "INTENDED"
    again = await move(person, old, to, now=now, key="free", channels=outside.channels)
    assert again.id == new.id
    await send_due_refunds(channels=outside.channels, now=now)
    assert [row["refund_fen"] for row in (await outside.books())["refunds"]] == [4000]
    assert await refused(move(person, old, wanted(hall.left, at(15)), now=now)) == "ORDER_CLOSED"


async def test_the_line_that_is_moved_does_not_count_against_the_limits_and_all_others_do(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    old = await a_paid_order(outside, person, wanted(hall.left, at(15)), wanted(hall.right, at(15)))
    assert await refused(an_order(person, wanted(hall.badminton, at(9)))) == "TOO_MANY_COURTS"
    assert (await move(person, old, wanted(hall.badminton, at(9)), now=now)).status == "PENDING_PAYMENT"
    await BookingRule.all().update(courts_a_person_a_day=1)
    second = move(person, old, wanted(hall.badminton_2, at(9)), line_no=2, now=now)
    assert await refused(second) == "TOO_MANY_COURTS"


async def test_what_cannot_be_moved_says_why_and_nothing_is_left_behind(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person, stranger = await a_hall(), await a_person(), await a_person()
    await BookingRule.all().update(courts_a_person_a_day=9, minutes_a_court_a_day=999)
    free = wanted(hall.badminton_2, at(12))
    unpaid = await an_order(person, wanted(hall.badminton, at(16)))
    old = await a_paid_order(outside, person, wanted(hall.full, at(10)))
    swim = await a_session(hall.venue)
    ticket = await a_paid_order(outside, person, places(swim))
    voucher = await a_voucher(person.member_id, await a_campaign())
    outside.letters.clear()
    bought = await a_paid_order(outside, person, wanted(hall.badminton, at(13)), vouchers=[voucher.public_id])
    await an_order(stranger, wanted(hall.badminton, at(18)))
    before = await census()
    for asking, code in (
        (move(stranger, old, free, now=now), "ORDER_UNKNOWN"),
        (move(person, old, free, now=now, line_no=7), "BAD_INPUT"),
        (move(person, unpaid, free, now=now), "MOVE_UNSUITABLE"),
        (move(person, old, wanted(hall.left, at(10)), now=now), "MOVE_UNSUITABLE"),
        (asked(person, old, wanted(hall.left, at(10)), now), "MOVE_UNSUITABLE"),
        (move(person, old, places(swim), now=now), "MOVE_UNSUITABLE"),
        (move(person, ticket, free, now=now), "MOVE_UNSUITABLE"),
        (asked(person, ticket, places(swim, 1, "CHILD"), now), "MOVE_UNSUITABLE"),
        (move(person, bought, free, now=now), "MOVE_WITH_VOUCHER"),
        (move(person, old, wanted(hall.badminton, at(18)), now=now), "SLOT_TAKEN"),
        (move(person, old, free, now=now, expected_refund_fen=1), "REFUND_CHANGED"),
        (move(person, old, wanted(hall.left, at(12), expected_price_fen=1), now=now), "PRICE_CHANGED"),
        (move(person, old, wanted(hall.left, at(12)), now=at(10)), "ORDER_STARTED"),
    ):
        assert await refused(asking) == code
    await a_fee(0, minutes_before=60 * 24 * 30)
    assert await refused(move(person, old, free, now=now)) == "NOT_REFUNDABLE"
    assert await census() == before


@pytest.mark.parametrize(("late", "another", "moves"), [(1, False, True), (25, False, False), (1, True, False)])
async def test_money_that_comes_late_moves_it_unless_the_old_slot_began_or_another_move_waits(
    db: Database, outside: Outside, now: datetime, late: int, another: bool, moves: bool
) -> None:
    hall, person = await a_hall(), await a_person()
    old = await a_paid_order(outside, person, wanted(hall.badminton, at(9)))
    new = await move(person, old, wanted(hall.badminton_2, at(15)), now=now)
    before = len(outside.letters)
    await outside.pay(await invoke_payment(outside, new, person, now=now))
    letter = await outside.letter_of_a_payment(before)
    await Payment.filter(order_id=new.id).update(status="CLOSED", next_check_at=None)
    assert await close_unpaid(new.id, CloseReason.EXPIRED, now=now + 16 * MINUTE)
    if another:
        await move(person, old, wanted(hall.left, at(12)), now=now + 17 * MINUTE)
    await outside.hand_in(letter, now=now + timedelta(hours=late))
    old, new = await Order.get(id=old.id), await Order.get(id=new.id)
    assert (old.status, new.status) == ("CLOSED" if moves else "PAID", "PAID")
    assert (new.moves_line_id is not None, await Refund.filter(order_id=old.id).count()) == (moves, int(moves))
    assert (await live(old))[0] == (0 if moves else 1)


async def test_a_ticket_moves_to_another_session_with_its_places_and_under_a_closure_everything_comes_back(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    await a_fee(20)
    noon = await a_session(hall.venue, places_a_person_a_day=3)
    evening = await a_session(
        hall.venue,
        from_minute=18 * 60,
        to_minute=20 * 60,
        places_a_person_a_day=3,
        prices={"ADULT": ("MARKET", 5000)},
    )
    old = await a_paid_order(outside, person, places(noon, 3))
    other = await a_paid_order(outside, await a_person(), places(noon, 2))

    async def taken() -> list[int]:
        return [(await Session.get(id=each.id)).taken for each in (noon, evening)]

    too_many = an_order(person, places(evening, 1))
    assert await refused(too_many) == "TOO_MANY_PLACES"
    quoted = await asked(person, old, places(evening, 3), now)
    assert (quoted.price_fen, quoted.refund_fen, quoted.kept_fen) == (15000, 7200, 1800)
    new = await move(person, old, places(evening, 3), now=now, expected_refund_fen=7200)
    assert (new.status, await taken()) == ("PENDING_PAYMENT", [5, 3]), "both are theirs until the new one is paid"
    await pay(outside, person, new, now)
    assert [(await Order.get(id=each.id)).status for each in (old, new, other)] == ["CLOSED", "PAID", "PAID"]
    assert await taken() == [2, 3]
    assert [refund.amount_fen for refund in await Refund.filter(order_id=old.id)] == [7200]
    assert await Admission.filter(order_id=old.id, revoked_at=None).count() == 0
    assert await Admission.filter(order_id=new.id, revoked_at=None).count() == 3

    closure = storm(hall, at(18), at(20), sport="SWIMMING")
    await announce(await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,)), closure, now=now)
    back = await move(person, new, places(noon, 3), now=now, expected_refund_fen=15000)
    await pay(outside, person, back, now)
    assert await taken() == [5, 0]
    assert [refund.amount_fen for refund in await Refund.filter(order_id=new.id)] == [15000]


@pytest.mark.postgres
async def test_two_who_change_places_between_two_full_sessions_and_others_who_wait_never_sell_one_twice(
    db: Database,
) -> None:
    hall = await a_hall()
    free: dict[str, Any] = {"prices": {"ADULT": ("FREE", 0)}, "capacity": 6}
    sessions = [
        await a_session(hall.venue, from_minute=hour * 60, to_minute=(hour + 2) * 60, **free) for hour in (14, 18)
    ]
    people = [await a_person() for _ in range(8)]
    orders = [await an_order(person, places(sessions[n % 2])) for n, person in enumerate(people)]
    strangers = [await a_person() for _ in range(6)]
    done = await asyncio.gather(
        *(
            move(person, order, places(sessions[1 - n % 2]), now=NOW)
            for n, (person, order) in enumerate(zip(people, orders, strict=True))
        ),
        *(an_order(person, places(sessions[n % 2])) for n, person in enumerate(strangers)),
        return_exceptions=True,
    )
    assert {each.code for each in done if isinstance(each, DomainError)} <= {"SESSION_FULL"}
    assert not [each for each in done if isinstance(each, BaseException) and not isinstance(each, DomainError)]
    for session in sessions:
        held = sum(row.places for row in await HeldPlace.filter(session_id=session.id))
        assert (await Session.get(id=session.id)).taken == held <= 6
    for person in people:
        assert await OrderLine.filter(order__member_id=person.member_id, cancelled_at=None).count() == 1


@pytest.mark.parametrize("meanwhile", ["entered", "cancelled"])
async def test_who_used_or_gave_up_the_old_slot_before_paying_has_moved_nothing_and_keeps_the_new_one(
    db: Database, outside: Outside, now: datetime, meanwhile: str
) -> None:
    hall, person = await a_hall(), await a_person()
    old = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    shortly = at(9, 50)
    await outside.travel(shortly)
    new = await move(person, old, wanted(hall.badminton_2, at(12)), now=shortly)
    if meanwhile == "entered":
        await enter(hall.venue, old, shortly)
    else:
        channels = outside.channels
        await cancel_order(member_id=person.member_id, order_no=old.order_no, channels=channels, now=shortly)
    refunds, stands = await Refund.all().count(), await live(old)
    await pay(outside, person, new, shortly)
    new = await Order.get(id=new.id)
    assert (new.status, new.moves_line_id, await live(new)) == ("PAID", None, (1, 2, 1))
    assert (await Refund.all().count(), await live(old)) == (refunds, stands)
    assert stands == ((1, 2, 1) if meanwhile == "entered" else (0, 0, 0))


async def test_what_was_asked_for_before_the_old_slot_began_is_done_when_it_is_paid_after(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    old = await a_paid_order(outside, person, wanted(hall.badminton, at(10)))
    await outside.travel(at(9, 55))
    new = await move(person, old, wanted(hall.badminton_2, at(12)), now=at(9, 55))
    await outside.travel(at(10, 5))
    await pay(outside, person, new, at(10, 5))
    assert (await live(old), (await Refund.get()).amount_fen) == ((0, 0, 0), 4000)
    assert await MoveQuote.all().count() == 1


@pytest.mark.postgres
async def test_moves_at_once_a_cancellation_and_strangers_leave_one_booking_or_its_money_and_no_slot_twice(
    db: Database, outside: Outside, now: datetime
) -> None:
    """Each booking is moved to two free slots at once, one of them twice by one thumb; every third is cancelled then,
    and everybody wants the same two courts at eight."""
    hall = await a_hall(free_mornings=True)
    await BookingRule.all().update(courts_a_person_a_day=9)
    booked = []
    for court in (hall.badminton, hall.badminton_2, hall.left):
        person = await a_person()
        outside.letters.clear()
        booked.append((person, await a_paid_order(outside, person, wanted(court, at(10)))))
    acts: list[Any] = []
    for number, (person, old) in enumerate(booked):
        for court, key in ((hall.badminton, "a"), (hall.badminton, "a"), (hall.badminton_2, "b")):
            acts.append(move(person, old, wanted(court, at(8)), now=now, key=key, channels=outside.channels))
        if number == 2:
            given_up = {"member_id": person.member_id, "order_no": old.order_no}
            acts.append(cancel_order(**given_up, channels=outside.channels, now=now))
    results = await asyncio.gather(*acts, return_exceptions=True)
    assert not [each for each in results if isinstance(each, BaseException) and not isinstance(each, DomainError)]

    await send_due_refunds(channels=outside.channels, now=now + 10 * MINUTE)
    news = await Order.exclude(moves_line_id=None).all()
    assert len(news) == len({each.moves_line_id for each in news}) <= 2
    assert await HeldCell.filter(order_line__order_id__in=[each.id for each in news]).count() == 2 * len(news)
    refunds = await Refund.all()
    for person, old in booked:
        moved = [each for each in news if each.member_id == person.member_id]
        back = [each.amount_fen for each in refunds if each.order_id == old.id]
        is_closed = (await Order.get(id=old.id)).status == "CLOSED"
        assert back == ([4000] if is_closed else [])
        assert not moved or is_closed
        assert await live(old) == ((0, 0, 0) if is_closed else (1, 2, 1))
    assert is_closed, "the third is cancelled whoever was first"
    assert len(news) == 2, "and both courts at eight went to two who moved"


@pytest.mark.postgres
async def test_going_in_by_the_old_code_while_the_new_order_is_being_paid_is_one_or_the_other(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    shortly = at(9, 50)
    await outside.travel(shortly)
    outcomes = set()
    for number in range(4):
        person = await a_person()
        outside.letters.clear()
        old = await a_paid_order(outside, person, wanted(hall.badminton, at(10)), now=shortly)
        new = await move(person, old, wanted(hall.badminton_2, at(11 + number)), now=shortly)
        outside.letters.clear()
        await outside.pay(await invoke_payment(outside, new, person, now=shortly))
        letter = (await outside.wait_for_letters(1)).pop()
        acts = [outside.hand_in(letter, now=shortly), enter(hall.venue, old, shortly)]
        results = await asyncio.gather(*(acts if number % 2 else acts[::-1]), return_exceptions=True)
        assert not [r for r in results if isinstance(r, BaseException) and not isinstance(r, DomainError)]
        new = await Order.get(id=new.id)
        went_in = await Admission.filter(order_id=old.id).exclude(first_entered_at=None).exists()
        gave_back = await Refund.filter(order_id=old.id).exists()
        assert (new.status, await live(new)) == ("PAID", (1, 2, 1))
        assert went_in is not gave_back
        assert (new.moves_line_id is None) is went_in
        assert await live(old) == ((1, 2, 1) if went_in else (0, 0, 0))
        outcomes.add(went_in)
        if went_in:
            await HeldCell.filter(order_line__order_id=old.id).delete()  # for the next round
    assert outcomes
