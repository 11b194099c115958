"""A draw in place of first come: nobody is faster, each has one turn, and what is published can be done again."""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from models import database
from models.booking import draws
from models.booking.draw_rules import verify
from models.booking.draws import DrawWanted
from models.booking.queries import slots
from models.booking.tables import BookingRule, DrawEntry, FreedSlot, HeldCell, SlotDraw, WaitingEntry
from models.calendar import business_day
from models.checkout import drawing, waiting
from models.checkout.cancelling import cancel_order
from models.checkout.drawing import Wanted
from models.checkout.pricing import ForWhom
from models.errors import Busy, DomainError, ErrorCode
from models.members.standing import lock_living
from models.members.tables import Member
from models.messages.tables import Message
from models.orders.tables import Order
from models.real_names import binding
from models.real_names.rules import Assurance, NamedPerson
from models.staff.rules import Role
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Hall, Person, a_hall, a_person, an_order, at, invoke_payment, wanted
from tests.factories.names import a_person as a_named
from tests.factories.people import a_clerk
from tests.factories.places import a_court
from tests.outside import Outside

DAYS = 20
DAY = business_day(NOW) + timedelta(days=DAYS)


async def a_draw(hall: Hall, **more: Any) -> SlotDraw:
    """Of badminton on DAY, from nine to eleven; for half an hour from the release."""
    clerk = await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    span = {"from_minute": 540, "until_minute": 660, "sport": "BADMINTON", "closes_at": NOW + timedelta(days=DAYS)}
    asked = {"venue_id": hall.venue.public_id, "day": DAY, **span, **more}
    opens = (await draws_opens(hall, asked["sport"])) + timedelta(minutes=30)
    asked["closes_at"] = more.get("closes_at", opens)
    draw_id = await draws.schedule(
        clerk=clerk,
        wanted=DrawWanted(**asked),
        keys=ID_KEYS.sealing,
        now=NOW,
    )
    return await SlotDraw.get(public_id=draw_id)


async def draws_opens(hall: Hall, sport: str) -> datetime:
    from models.booking.limits import released_at
    from models.booking.queries import timetable

    table = await timetable(venue_id=hall.venue.public_id, sport=None, day=DAY)
    return released_at(DAY, table.limits_of(sport))


async def enter(
    draw: SlotDraw, person: Person, *wishes: tuple[Any, int], now: datetime | None = None, **more: Any
) -> str:
    asked = [(court.public_id, at(hour, days=DAYS)) for court, hour in wishes]
    return await drawing.enter(
        member_id=person.member_id,
        draw_id=draw.public_id,
        wanted=Wanted(wishes=asked),
        key=more.get("key") or secrets.token_hex(8),
        now=now or draw.opens_at,
    )


async def is_named(somebody: Person, person: NamedPerson) -> None:
    @database.operation
    async def bind() -> None:
        await lock_living(somebody.member_id)
        holder = await binding.holder_of(list(ID_KEYS.lookup.hashes(person.number).values()))
        known = {"person": person, "level": Assurance.AGREED, "keys": ID_KEYS, "now": NOW}
        await binding.bind(holder, member_id=somebody.member_id, **known)  # type: ignore[arg-type]

    await bind()


async def refused(asked: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asked
    return refusal.value.code


async def states(draw: SlotDraw) -> list[str]:
    found = await DrawEntry.filter(draw_id=draw.id).order_by("place")
    return [entry.state for entry in found]


async def record_of(draw: SlotDraw) -> bytes:
    _, record = await draws.draw(draw.public_id)
    return orjson.dumps(record)


async def test_who_is_drawn_gets_their_first_wish_and_the_others_stand_in_line_in_the_drawn_order(
    db: Database,
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    people = [await a_person() for _ in range(5)]
    for person in people:
        await enter(draw, person, (hall.badminton, 9), (hall.badminton_2, 9))

    shown = await slots(venue_id=hall.venue.public_id, sport="BADMINTON", day=DAY, now=draw.opens_at)
    assert {
        slot.status
        for court in shown
        for slot in court.slots
        if at(9, days=DAYS) <= slot.starts_at < at(11, days=DAYS)
    } == {"DRAW"}
    assert {slot.status for court in shown for slot in court.slots if slot.starts_at >= at(11, days=DAYS)} == {
        "AVAILABLE"
    }
    taker = wanted(hall.badminton, at(9, days=DAYS))
    assert await refused(an_order(people[0], taker, now=draw.opens_at)) == "DRAW_PENDING"
    assert await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at - timedelta(seconds=1)) == 0
    assert (await draws.draw(draw.public_id))[1] is None, "the seed is not told before"

    assert await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at) == 5
    assert await states(draw) == ["WON", "WON", "LOST", "LOST", "LOST"]
    entries = await DrawEntry.filter(draw_id=draw.id).order_by("place")
    assert [entry.wish for entry in entries] == [0, 1, None, None, None]
    orders = {order.member_id: order for order in await Order.all()}
    assert set(orders) == {entry.member_id for entry in entries[:2]}
    assert {order.hold_expires_at for order in orders.values()} == {draw.closes_at + timedelta(minutes=15)}
    line = await WaitingEntry.all().order_by("id")
    assert [(entry.member_id, entry.court_id) for entry in line] == [
        (entry.member_id, court.id) for entry in entries[2:] for court in (hall.badminton, hall.badminton_2)
    ]
    told = {message.member_id: message.template for message in await Message.all()}
    assert [told[entry.member_id] for entry in entries] == ["DRAW_WON"] * 2 + ["DRAW_LOST"] * 3
    assert verify(await record_of(draw)) == []

    first = orders[entries[0].member_id]
    await cancel_order(member_id=first.member_id, order_no=first.order_no, channels={}, now=draw.closes_at)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=draw.closes_at) == 1
    firsts = await WaitingEntry.filter(member_id=entries[2].member_id).order_by("id")
    assert [each.state for each in firsts] == ["OFFERED", "LEFT"]
    await an_order(
        people[0], wanted(hall.badminton, at(10, days=DAYS)), now=draw.closes_at
    )  # left over: for everybody


async def test_who_loses_waits_for_each_wish_and_for_nothing_else_and_one_offer_ends_the_others(
    db: Database,
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall, until_minute=900)
    for _ in range(3):
        await enter(draw, await a_person(), (hall.badminton, 9), (hall.badminton, 14))
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert await states(draw) == ["WON", "WON", "LOST"]
    loser, between = await DrawEntry.get(draw_id=draw.id, state="LOST"), await a_person()
    lines = await WaitingEntry.all().order_by("id")
    assert {line.member_id for line in lines} == {loser.member_id}
    assert [(line.court_id, line.starts_from) for line in lines] == [
        (hall.badminton.id, at(9, days=DAYS)),
        (hall.badminton.id, at(14, days=DAYS)),
    ]

    now = draw.closes_at
    for court, hour in ((hall.badminton, 10), (hall.badminton_2, 9)):  # between their wishes, and beside them
        order = await an_order(between, wanted(court, at(hour, days=DAYS)), now=now)
        await cancel_order(member_id=between.member_id, order_no=order.order_no, channels={}, now=now)
    assert await waiting.offer_freed(keys=ID_KEYS, channels={}, now=now) == 0, (
        "what they did not wish is not kept for them"
    )
    for order in await Order.filter(status="PENDING_PAYMENT"):
        await cancel_order(member_id=order.member_id, order_no=order.order_no, channels={}, now=now)
    for _ in range(2):
        await waiting.offer_freed(keys=ID_KEYS, channels={}, now=now)
    assert {line.state async for line in WaitingEntry.all()} == {"OFFERED", "LEFT"}
    assert await Order.filter(member_id=loser.member_id).count() == 1
    assert await FreedSlot.all().count() == 0, "the other is everybody's"


async def test_a_published_record_holds_names_nobody_and_with_any_byte_of_its_seed_changed_does_not_hold(
    db: Database,
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    for _ in range(4):
        await enter(draw, await a_person(), (hall.badminton, 9), (hall.badminton, 10))
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    text = await record_of(draw)
    assert verify(text) == []
    for digit, byte in enumerate(seed := orjson.loads(text)["seed"].encode()):
        other = bytes([*seed[:digit], ord("1") if byte == ord("0") else ord("0"), *seed[digit + 1 :]])
        assert verify(text.replace(seed, other)) != []
    assert orjson.loads(text)["commitment"] == draw.commitment
    assert b"member" not in text
    assert b"person" not in text


async def test_bad_entries_are_refused_by_their_name_and_leave_nothing(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    person = await a_person()
    early, late = draw.opens_at - timedelta(seconds=1), draw.closes_at
    assert await refused(enter(draw, person, (hall.badminton, 9), now=early)) == "DRAW_NOT_OPEN"
    assert await refused(enter(draw, person, (hall.badminton, 9), now=late)) == "DRAW_CLOSED"
    assert await refused(enter(draw, person)) == "BAD_INPUT"
    assert await refused(enter(draw, person, (hall.badminton, 9), (hall.badminton, 9))) == "BAD_INPUT"
    assert await refused(enter(draw, person, (hall.badminton, 11))) == "BAD_INPUT"
    assert await refused(enter(draw, person, (hall.left, 9))) == "BAD_INPUT"
    assert await DrawEntry.all().count() == 0
    asked = Wanted(wishes=[(hall.badminton.public_id, at(9, days=DAYS))])
    nowhere = drawing.enter(member_id=person.member_id, draw_id="drw_NO", wanted=asked, key="k", now=draw.opens_at)
    assert await refused(nowhere) == "DRAW_UNKNOWN"

    ticket = await enter(draw, person, (hall.badminton, 9), key="once")
    assert await refused(enter(draw, person, (hall.badminton, 10), key="once")) == "IDEMPOTENCY_KEY_REUSED"
    since = draw.opens_at + timedelta(minutes=1)
    assert await enter(draw, person, (hall.badminton, 10), key="changed", now=since) == ticket
    entry = await DrawEntry.get(public_id=ticket)
    assert entry.wishes == [[hall.badminton.public_id, at(10, days=DAYS).isoformat()]]
    assert entry.entered_at == draw.opens_at


async def test_a_draw_is_announced_in_time_and_stands_as_it_was_announced(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    assert (await a_draw(hall)).id == draw.id
    assert await refused(a_draw(hall, from_minute=600)) == "DRAW_REFUSED"
    assert await refused(a_draw(hall, sport="BASKETBALL", closes_at=draw.opens_at)) == "DRAW_REFUSED"
    assert await refused(a_draw(hall, sport="BASKETBALL", from_minute=60, until_minute=120)) == "DRAW_REFUSED"
    assert (
        await refused(a_draw(hall, day=business_day(NOW) + timedelta(days=1), sport="BASKETBALL"))
        == "DRAW_REFUSED"
    )
    stranger = await a_clerk(roles=(Role.REDEEMER,), region_key="")
    asked = DrawWanted(venue_id=hall.venue.public_id, sport="BASKETBALL", day=DAY, closes_at=draw.closes_at)
    assert (
        await refused(draws.schedule(clerk=stranger, wanted=asked, keys=ID_KEYS.sealing, now=NOW)) == "NOT_ALLOWED"
    )
    assert await SlotDraw.all().count() == 1


async def test_whom_their_own_limits_refuse_loses_the_turn_and_the_next_has_the_slot(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    busy, other = await a_person(), await a_person()
    for person in (busy, other):
        await enter(draw, person, (hall.badminton, 9))
    just_now = draw.closes_at - timedelta(minutes=1)
    await an_order(busy, wanted(hall.left, at(15, days=DAYS)), wanted(hall.right, at(15, days=DAYS)), now=just_now)
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    entry = await DrawEntry.get(member_id=busy.member_id)
    assert (entry.state, entry.order_id) in (("REFUSED", None), ("LOST", None))
    if entry.state == "REFUSED":
        assert entry.reason == "TOO_MANY_COURTS"
    assert (await DrawEntry.get(member_id=other.member_id)).state == "WON"
    assert verify(await record_of(draw)) == []


async def test_an_unpaid_hold_whose_time_is_over_costs_nobody_their_turn_and_the_draw_no_slot(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    tennis = await a_court(hall.venue, sport="TENNIS", name="网球场", parts=("羽毛球1号场",))
    await BookingRule.all().update(days_ahead=DAYS)  # when tennis was released, and badminton not yet drawn for
    in_the_pot = await an_order(await a_person(), wanted(tennis, at(9, days=DAYS)))
    await BookingRule.all().update(days_ahead=7)
    draw = await a_draw(hall)
    person = await a_person()
    await enter(draw, person, (hall.badminton, 9))
    own = await an_order(
        person, wanted(hall.left, at(15, days=DAYS)), wanted(hall.right, at(15, days=DAYS)), now=draw.opens_at
    )
    sheet = await invoke_payment(outside, own, person, now=draw.opens_at)
    assert max(in_the_pot.hold_expires_at, own.hold_expires_at) <= draw.closes_at

    await drawing.run_due(keys=ID_KEYS, channels=outside.channels, now=draw.closes_at)
    assert await states(draw) == ["WON"]
    assert verify(await record_of(draw)) == []
    for dead in (in_the_pot, own):
        assert (await Order.get(id=dead.id)).close_reason == "EXPIRED"
    assert (await outside.try_to_pay(sheet)).status_code != 200, "it was closed at the channel first"
    won = await Order.get(member_id=person.member_id, status="PENDING_PAYMENT")
    assert await HeldCell.all().count() == await HeldCell.filter(order_line__order_id=won.id).count() == 2


async def test_of_joined_courts_the_whole_excludes_its_halves(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall, sport="BASKETBALL")
    for court in (hall.full, hall.left, hall.right, hall.full):
        await enter(draw, await a_person(), (court, 9))
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    won = [entry async for entry in DrawEntry.filter(state="WON")]
    courts = {entry.wishes[0][0] for entry in won}
    assert courts in ({hall.full.public_id}, {hall.left.public_id, hall.right.public_id})
    assert await HeldCell.all().count() == 4
    assert verify(await record_of(draw)) == []


@pytest.mark.postgres
async def test_two_workers_at_once_and_entries_at_the_deadline_give_each_one_turn(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    people = [await a_person() for _ in range(12)]
    for person in people[:6]:
        await enter(draw, person, (hall.badminton, 9), (hall.badminton_2, 9), (hall.badminton, 10))
    last = draw.closes_at - timedelta(microseconds=1)
    done = await asyncio.gather(
        *(enter(draw, person, (hall.badminton, 9), now=last) for person in people[6:]),
        *(drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at) for _ in range(3)),
        return_exceptions=True,
    )
    failed = [each for each in done if isinstance(each, BaseException)]
    assert {getattr(each, "code", each) for each in failed} <= {"DRAW_CLOSED"}
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    got_in = 6 + sum(isinstance(each, str) for each in done)
    assert await DrawEntry.all().count() == got_in == len(orjson.loads(await record_of(draw))["results"])
    assert (await states(draw)).count("WON") == await Order.all().count() == 3
    assert len({entry.draw_entry_id async for entry in WaitingEntry.all()}) == got_in - 3
    assert await Message.all().count() == got_in
    assert verify(await record_of(draw)) == []


@pytest.mark.postgres
async def test_a_person_who_changes_accounts_while_it_is_open_has_one_entry(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    person = a_named("陈静", "19850412")
    old, new = await a_person(), await a_person()
    await is_named(old, person)
    ticket = await enter(draw, old, (hall.badminton, 9))

    async def changes_accounts() -> None:
        await binding.unbind(member_id=old.member_id, keys=ID_KEYS, now=NOW)
        await is_named(new, person)
        await enter(draw, new, (hall.badminton, 9))

    done = await asyncio.gather(
        *(enter(draw, old, (hall.badminton_2, 9)) for _ in range(3)), changes_accounts(), return_exceptions=True
    )
    assert done[:3] == [ticket] * 3, "whoever entered may go on changing their wishes"
    assert [each.code for each in done[3:] if isinstance(each, DomainError)] == ["DRAW_ENTERED_ALREADY"]
    for _ in range(2):
        assert await refused(enter(draw, new, (hall.badminton, 10))) == "DRAW_ENTERED_ALREADY"
    entry = await DrawEntry.get()
    assert (entry.member_id, entry.public_id) == (old.member_id, ticket)


async def test_who_entered_with_two_accounts_that_were_joined_since_may_still_change_their_wishes_and_wins_once(
    db: Database,
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    kept, joined = await a_person(), await a_person()
    first, second = [await enter(draw, each, (hall.badminton, 9)) for each in (kept, joined)]
    await DrawEntry.filter(public_id=second).update(member_id=kept.member_id)  # as joining accounts does
    assert await enter(draw, kept, (hall.badminton, 9), (hall.badminton_2, 9)) == first
    await DrawEntry.filter(public_id=second).update(wishes=(await DrawEntry.get(public_id=first)).wishes)
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert await states(draw) == ["WON", "REFUSED"]
    assert await DrawEntry.filter(state="REFUSED").values_list("reason", flat=True) == ["DRAW_ENTERED_ALREADY"]
    assert await Order.all().count() == 1
    assert verify(await record_of(draw)) == []


async def test_whose_accounts_are_joined_at_their_turn_have_it_with_the_one_that_is_kept(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    joined, kept = await a_person(), await a_person()
    ticket = await enter(draw, joined, (hall.badminton, 9))
    bookable_together = drawing.bookable_together

    async def meanwhile(lines: Any, *, whom: ForWhom, **more: Any) -> Any:
        if whom.member_id == joined.member_id:
            await Member.filter(id=joined.member_id).update(joined_to_id=kept.member_id)
            await DrawEntry.filter(public_id=ticket).update(member_id=kept.member_id)
        return await bookable_together(lines, whom=whom, **more)

    monkeypatch.setattr(drawing, "bookable_together", meanwhile)
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert await states(draw) == ["WON"]
    assert (await Order.get()).member_id == kept.member_id


async def test_nobody_loses_their_turn_because_a_row_was_locked(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    for _ in range(2):
        await enter(draw, await a_person(), (hall.badminton, 9), (hall.badminton_2, 9))

    async def locked(*_: object, **__: object) -> None:
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr(drawing, "bookable_together", locked)
        with pytest.raises(Busy):
            await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert (await states(draw), await Message.all().count()) == (["ENTERED", "ENTERED"], 0)
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert await states(draw) == ["WON", "WON"]


@pytest.mark.postgres
async def test_a_worker_that_dies_half_way_is_gone_on_with_and_nobody_has_two_turns(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    people = [await a_person() for _ in range(4)]
    for person in people:
        await enter(draw, person, (hall.badminton, 9), (hall.badminton_2, 9))
    told = 0
    tell = drawing.tell

    async def dies(**said: Any) -> None:
        nonlocal told
        told += 1
        if told in (2, 4):
            raise asyncio.CancelledError
        await tell(**said)

    monkeypatch.setattr(drawing, "tell", dies)
    for expected in (["WON", "ENTERED", "ENTERED", "ENTERED"], ["WON", "WON", "ENTERED", "ENTERED"]):
        with pytest.raises(asyncio.CancelledError):
            await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
        assert await states(draw) == expected
        assert await Order.all().count() == expected.count("WON")
        taker = wanted(hall.badminton, at(10, days=DAYS))
        assert await refused(an_order(people[0], taker, now=draw.closes_at)) == "DRAW_PENDING"
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert await states(draw) == ["WON", "WON", "LOST", "LOST"]
    assert verify(await record_of(draw)) == []
