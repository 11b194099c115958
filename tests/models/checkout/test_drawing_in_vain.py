"""A slot that nobody can play any more is drawn for no more: whoever wished for it is told, once, and nobody is given it."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models.booking import closures
from models.booking.closures import ClosurePreview
from models.booking.courts import CourtPreview
from models.booking.draw_rules import verify
from models.booking.hours import HoursPreview
from models.booking.tables import DrawEntry, SlotDraw, WaitingEntry
from models.calendar import business_day
from models.checkout import drawing
from models.checkout.drawing_in_vain import tell_in_vain
from models.checkout.waiting_in_vain import leave_in_vain
from models.messages.tables import Message
from models.orders.tables import OrderLine
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Person, a_hall, a_person, at
from tests.models.checkout.test_closing import announce, storm
from tests.models.checkout.test_courts import a_manager, of
from tests.models.checkout.test_courts import seen as court_seen
from tests.models.checkout.test_courts import written as court_written
from tests.models.checkout.test_drawing import DAY, DAYS, a_draw, enter, record_of
from tests.models.checkout.test_hours import a_week, from_then, seen
from tests.models.checkout.test_hours import written as hours_written
from tests.statements import statements_of


async def told(person: Person) -> list[tuple[str, str]]:
    """The templates of what somebody was told, and why."""
    found = await Message.filter(member_id=person.member_id).order_by("id")
    return [(message.template, message.values.get("why", "")) for message in found]


async def outcomes(draw: SlotDraw, *people: Person) -> list[tuple[str, int | None, str]]:
    entries = {entry.member_id: entry for entry in await DrawEntry.filter(draw_id=draw.id)}
    return [(entry.state, entry.wish, entry.reason) for entry in (entries[person.member_id] for person in people)]


async def drawn(draw: SlotDraw) -> None:
    await drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at)
    assert verify(await record_of(draw)) == [], "what was published holds"


def cuts(
    preview: HoursPreview | CourtPreview | ClosurePreview,
) -> list[tuple[str, list[tuple[str, datetime]], int]]:
    """What a preview says that draws lose: of each its id, the slots, and how many wished for them."""
    return [
        (cut.draw_id, [(slot.court_name, slot.starts_at) for slot in cut.slots], cut.people)
        for cut in preview.draws
    ]


async def played() -> list[tuple[int | None, datetime]]:
    return [(line.court_id, line.starts_at) for line in await OrderLine.all().order_by("id")]


async def test_new_hours_take_slots_out_of_an_announced_draw_and_whoever_wished_for_them_is_told_once(
    db: Database,
) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    draw = await a_draw(hall)
    early, late, *mixed = [await a_person() for _ in range(5)]
    await enter(draw, early, (hall.badminton, 9), (hall.badminton_2, 9))
    await enter(draw, late, (hall.badminton_2, 10))
    for person in mixed:
        await enter(draw, person, (hall.badminton, 9), (hall.badminton, 10))
    wish = from_then(a_week(10, 20), from_day=DAY)
    assert cuts(await seen(manager, hall, wish)) == [
        (draw.public_id, [("羽毛球1号场", at(9, days=DAYS)), ("羽毛球2号场", at(9, days=DAYS))], 4)
    ]
    later = from_then(a_week(10, 20), from_day=DAY + timedelta(days=1))
    assert cuts(await seen(manager, hall, later)) == []
    assert await tell_in_vain(now=draw.opens_at) == 0
    await hours_written(manager, hall, wish)

    assert await tell_in_vain(now=draw.opens_at) == 4
    assert await tell_in_vain(now=draw.opens_at) == 0, "once"
    for person in (early, *mixed):
        assert await told(person) == [("DRAW_WISH_GONE", "羽毛球1号场没有12月10日 09:00 开始的时段。")]
    assert await told(late) == []
    await drawn(draw)
    assert await outcomes(draw, early, late) == [("REFUSED", None, "SLOT_UNKNOWN"), ("WON", 0, "")]
    assert sorted(await outcomes(draw, *mixed), key=str) == [("LOST", None, "")] * 2 + [("WON", 1, "")]
    assert {starts_at for _, starts_at in await played()} == {at(10, days=DAYS)}
    waits = [(line.court_id, line.starts_from) async for line in WaitingEntry.all()]
    assert waits == [(hall.badminton.id, at(10, days=DAYS))] * 2, "nobody waits for what is open no more"
    assert await leave_in_vain(now=draw.closes_at) == 0
    assert (await told(early))[1:] == [("DRAW_REFUSED", "羽毛球1号场没有12月10日 09:00 开始的时段。")]


async def test_a_wish_under_a_closure_is_passed_over_and_the_next_one_has_its_turn(db: Database) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    draw = await a_draw(hall)
    first, only = await a_person(), await a_person()
    await enter(draw, first, (hall.badminton, 9), (hall.badminton_2, 9))
    await enter(draw, only, (hall.badminton, 9))
    closure = storm(hall, at(9, days=DAYS), at(10, days=DAYS), court_id=hall.badminton.public_id)
    before = await closures.preview(clerk=manager, wanted=closure, now=NOW)
    assert cuts(before) == [(draw.public_id, [("羽毛球1号场", at(9, days=DAYS))], 2)]
    await announce(manager, closure)
    why = "羽毛球1号场 12月10日 09:00–10:00暂停开放：暴雨预警。"
    assert await tell_in_vain(now=draw.opens_at) == 2
    await drawn(draw)
    assert await outcomes(draw, first, only) == [("WON", 1, ""), ("REFUSED", None, "SLOT_CLOSED")]
    assert await played() == [(hall.badminton_2.id, at(9, days=DAYS))]
    assert [each[0] for each in await told(first)] == ["DRAW_WISH_GONE", "DRAW_WON"]
    assert await told(only) == [("DRAW_WISH_GONE", why), ("DRAW_REFUSED", why)]


async def test_whoever_changed_their_wishes_meanwhile_is_not_told_and_a_retired_court_is_drawn_for_no_more(
    db: Database,
) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    draw = await a_draw(hall)
    kept, changed = await a_person(), await a_person()
    await enter(draw, kept, (hall.badminton, 9))
    await enter(draw, changed, (hall.badminton, 9))
    assert business_day(draw.opens_at) > business_day(NOW)
    first_court = [("羽毛球1号场", at(9, days=DAYS)), ("羽毛球1号场", at(10, days=DAYS))]
    for wish, expected in (
        (of(hall.badminton, retired=True, from_day=DAY), [(draw.public_id, first_court, 2)]),
        (of(hall.badminton, retired=True, from_day=DAY + timedelta(days=1)), []),
        (of(hall.badminton, slot_minutes=120, from_day=DAY), [(draw.public_id, first_court[:1], 2)]),
        (of(hall.badminton, name="羽毛球甲场", from_day=DAY), []),
    ):
        assert cuts(await court_seen(manager, hall, wish)) == expected
    await court_written(manager, hall, of(hall.badminton, retired=True, from_day=DAY))
    await enter(draw, changed, (hall.badminton_2, 9))
    assert await tell_in_vain(now=draw.opens_at) == 1
    await drawn(draw)
    assert await outcomes(draw, kept, changed) == [("REFUSED", None, "COURT_UNKNOWN"), ("WON", 0, "")]
    assert [each[0] for each in await told(kept)] == ["DRAW_WISH_GONE", "DRAW_REFUSED"]
    assert await WaitingEntry.all().count() == 0


async def test_every_preview_says_in_the_same_words_which_slots_of_which_draws_go_by_one_statement_for_all(
    db: Database,
) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    badminton = await a_draw(hall)
    await enter(badminton, await a_person(), (hall.badminton, 9), (hall.badminton_2, 9))
    shut_all = storm(hall, at(9, days=DAYS), at(10, days=DAYS))

    async def costs() -> list[int]:
        return [
            await statements_of(lambda: closures.preview(clerk=manager, wanted=shut_all, now=NOW)),
            await statements_of(lambda: seen(manager, hall, from_then(a_week(10, 22), from_day=DAY))),
            await statements_of(lambda: court_seen(manager, hall, of(hall.left, retired=True, from_day=DAY))),
        ]

    with_one = await costs()
    basketball = await a_draw(hall, sport="BASKETBALL", until_minute=600)
    assert await costs() == with_one
    await enter(basketball, await a_person(), (hall.full, 9))

    halves = "篮球全场09:00、篮球左半场09:00、篮球右半场09:00"
    closed = await closures.preview(clerk=manager, wanted=shut_all, now=NOW)
    hours = await seen(manager, hall, from_then(a_week(10, 22), from_day=DAY))
    assert [cut.sentence for cut in closed.draws] == [
        "12月10日的羽毛球抽签有2个时段不再参加抽签：羽毛球1号场09:00、羽毛球2号场09:00；已有1人报名这些时段，会通知本人。",
        f"12月10日的篮球抽签有3个时段不再参加抽签：{halves}；已有1人报名这些时段，会通知本人。",
    ]
    assert closed.draws == hours.draws
    assert not [sentence for sentence in hours.changes if "抽签" in sentence], "said once"

    retired = await court_seen(manager, hall, of(hall.left, retired=True, from_day=DAY))
    assert [cut.sentence for cut in retired.draws] == [
        "12月10日的篮球抽签有1个时段不再参加抽签：篮球左半场09:00；还没有人报名这些时段。"
    ]
    under_left = storm(hall, at(9, days=DAYS), at(10, days=DAYS), court_id=hall.left.public_id)
    (cut,) = (await closures.preview(clerk=manager, wanted=under_left, now=NOW)).draws
    assert ([slot.court_name for slot in cut.slots], cut.people) == (["篮球全场", "篮球左半场"], 1)
    of_a_sport = storm(hall, at(9, days=DAYS), at(10, days=DAYS), sport="BADMINTON")
    (cut,) = (await closures.preview(clerk=manager, wanted=of_a_sport, now=NOW)).draws
    assert cut.draw_id == badminton.public_id
    await drawn(basketball)
    assert not cuts(await closures.preview(clerk=manager, wanted=shut_all, now=NOW)), "what is drawn loses nothing"


@pytest.mark.postgres
async def test_workers_who_look_while_wishes_are_changed_and_it_is_drawn_tell_each_once(db: Database) -> None:
    hall = await a_hall()
    draw = await a_draw(hall)
    people = [await a_person() for _ in range(5)]
    for person in people:
        await enter(draw, person, (hall.badminton, 9))
    await hours_written(await a_manager(hall), hall, from_then(a_week(10, 20), from_day=DAY))
    await asyncio.gather(
        *(tell_in_vain(now=draw.opens_at) for _ in range(3)),
        enter(draw, people[0], (hall.badminton, 10), now=draw.closes_at - timedelta(seconds=1)),
        drawing.run_due(keys=ID_KEYS, channels={}, now=draw.closes_at),
        return_exceptions=True,
    )
    await drawn(draw)
    assert {starts_at for _, starts_at in await played()} <= {at(10, days=DAYS)}
    for person in people[1:]:
        gone = [template for template, _ in await told(person) if template == "DRAW_WISH_GONE"]
        assert len(gone) <= 1
        assert [template for template, _ in await told(person)][-1] == "DRAW_REFUSED"
