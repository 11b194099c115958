"""Staff edit courts: the preview says what is done, days keep the court that they were promised, nobody is left unasked."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.booking import courts, queries, turning, venue_settings
from models.booking.court_rules import CourtWanted
from models.booking.courts import CourtPreview
from models.booking.rules import SlotStatus
from models.booking.tables import Closure, ClosureOffer, HeldCell
from models.checkout import closing
from models.errors import DomainError
from models.orders.tables import Order, OrderLine
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Court, CourtVersion, Sport, TariffVersion, Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW, Hall, a_hall, a_paid_order, a_person, an_order, at, wanted
from tests.factories.people import a_clerk
from tests.outside import Outside

LATER = TOMORROW + timedelta(days=2)


async def a_manager(hall: Hall) -> StaffSignedIn:
    return await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))


def of(court: Court, **changed: Any) -> CourtWanted:
    """The court as it is, but for this."""
    return replace(
        CourtWanted(
            court_id=court.public_id,
            name=court.name,
            slot_minutes=court.slot_minutes,
            max_people=court.max_people,
            from_day=LATER,
            note="场地改造",
        ),
        **changed,
    )


def new(name: str, sport: str = "BADMINTON", **more: Any) -> CourtWanted:
    return CourtWanted(
        **{
            "sport_code": sport,
            "name": name,
            "slot_minutes": 60,
            "max_people": 4,
            "from_day": LATER,
            "note": "新建",
            **more,
        }
    )


async def seen(clerk: StaffSignedIn, hall: Hall, court: CourtWanted) -> CourtPreview:
    return await courts.preview_court(clerk=clerk, venue_id=hall.venue.public_id, wanted=court, now=NOW)


async def written(
    clerk: StaffSignedIn, hall: Hall, court: CourtWanted, *, expected: str = "", key: str = ""
) -> tuple[str, int]:
    return await courts.write_court(
        clerk=clerk,
        venue_id=hall.venue.public_id,
        wanted=court,
        expected_change=expected or (await seen(clerk, hall, court)).change_hash,
        idempotency_key=key or secrets.token_hex(8),
        now=NOW,
    )


async def grid(hall: Hall, days: int, sport: str | None = None) -> dict[str, list[tuple[int, SlotStatus]]]:
    """By court's name the local hour and status of each slot of a day."""
    day = TOMORROW + timedelta(days=days - 1)
    rows = await queries.slots(venue_id=hall.venue.public_id, sport=sport, day=day, now=NOW)
    hour = timedelta(hours=1)
    return {
        row.court_name: [((slot.starts_at - at(0, days=days)) // hour, slot.status) for slot in row.slots]
        for row in rows
    }


async def refused(act: Any) -> tuple[str, str | None]:
    with pytest.raises(DomainError) as refusal:
        await act
    return refusal.value.code.value, refusal.value.field


async def test_a_court_is_another_from_its_day_on_and_whoever_booked_keeps_what_they_have(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    manager, citizen = await a_manager(hall), await a_person()
    await a_paid_order(
        outside, citizen, wanted(hall.badminton, at(10, days=2)), wanted(hall.badminton, at(10, days=3))
    )
    before = await OrderLine.all().order_by("id").values()
    change = of(hall.badminton, name="东1号场", slot_minutes=120, max_people=2)
    said = await seen(manager, hall, change)
    assert list(said.changes) == ["名称：羽毛球1号场 → 东1号场", "每场：60分钟 → 120分钟", "最多：6人 → 2人"]
    assert (said.bookings, said.bookings_otherwise) == (1, 1), "the day before its first is another's"
    assert [(each.starts_at, each.paid) for each in said.listed] == [(at(10, days=3), True)]
    assert not await CourtVersion.all().exists(), "a preview changes nothing"
    key = secrets.token_hex(8)
    court_id, number = await written(manager, hall, change, key=key)
    assert (court_id, number) == (hall.badminton.public_id, 1)
    assert await written(manager, hall, change, expected="never seen", key=key) == (court_id, 1), (
        "once under its key"
    )
    assert await OrderLine.all().order_by("id").values() == before
    old, then = await grid(hall, 2, "BADMINTON"), await grid(hall, 3, "BADMINTON")
    assert (10, SlotStatus.TAKEN) in old["羽毛球1号场"]
    assert [hour for hour, _ in then["东1号场"]] == list(range(8, 22, 2))
    assert (10, SlotStatus.TAKEN) in then["东1号场"], "its cells are still held"
    other = await a_person()
    held = await OrderLine.get(order_id=(await an_order(other, wanted(hall.badminton, at(12, days=3)))).id)
    assert held.ends_at - held.starts_at == timedelta(hours=2)
    assert held.title.startswith("东1号场")
    assert await refused(an_order(other, wanted(hall.badminton, at(14, days=3), people=3))) == (
        "TOO_MANY_PEOPLE", "lines"
    )  # fmt: skip
    assert (await Court.get(id=hall.badminton.id)).name == "羽毛球1号场", "today it is what it was"
    assert await turning.turn_courts(now=NOW + timedelta(days=3)) == 1
    assert await turning.turn_courts(now=NOW + timedelta(days=3)) == 0
    turned = await Court.get(id=hall.badminton.id)
    assert (turned.name, turned.slot_minutes, turned.max_people, turned.is_open) == ("东1号场", 120, 2, True)
    shown = await venue_settings.venue_settings(clerk=manager, venue_id=hall.venue.public_id, on=LATER, now=NOW)
    assert "东1号场" in [row["name"] for row in shown.courts]
    history = await venue_settings.settings_history(
        clerk=manager, venue_id=hall.venue.public_id, first=5, after=None
    )
    assert [(row["what"], row["version"], row["note"]) for row in history] == [("COURT", 1, "场地改造")]


async def test_two_courts_that_are_joined_exclude_each_other_and_a_new_one_comes_on_its_day(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    await Sport.create(code="TENNIS", name="网球", position=9)
    manager, citizen = await a_manager(hall), await a_person()
    joined = new("双人大场", max_people=8, floor_of=(hall.badminton.public_id, hall.badminton_2.public_id))
    said = await seen(manager, hall, joined)
    assert said.changes[1] == "它占用羽毛球1号场、羽毛球2号场的地面，同一时间只能订其中一种。"
    big, _ = await written(manager, hall, joined)
    assert "双人大场" not in await grid(hall, 2)
    await an_order(citizen, wanted(hall.badminton, at(9, days=3)))
    await an_order(citizen, wanted(big, at(11, days=3)))
    then = await grid(hall, 3, "BADMINTON")
    taken = {name: [hour for hour, status in row if status is SlotStatus.TAKEN] for name, row in then.items()}
    assert taken == {"羽毛球1号场": [9, 11], "羽毛球2号场": [11], "双人大场": [9, 11]}
    assert await refused(an_order(await a_person(), wanted(hall.badminton_2, at(11, days=3)))) == (
        "SLOT_TAKEN", "lines"
    )  # fmt: skip
    assert await refused(an_order(await a_person(), wanted(big, at(12, days=2)))) == ("COURT_UNKNOWN", "lines")
    assert await refused(seen(manager, hall, replace(joined, name="又一个"))) == ("BAD_INPUT", "floorOf")
    tennis = new("网球场", "TENNIS", from_day=TOMORROW - timedelta(days=1))
    assert "TENNIS" not in (await Venue.get(id=hall.venue.id)).sport_codes
    await written(manager, hall, tennis)
    assert "TENNIS" in (await Venue.get(id=hall.venue.id)).sport_codes, "whoever looks for tennis finds it"
    assert len((await grid(hall, 1, "TENNIS"))["网球场"]) == 14


async def test_whoever_booked_a_court_that_is_retired_is_asked_and_its_floor_stays_open(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    manager, citizen, other = await a_manager(hall), await a_person(), await a_person()
    kept = await a_paid_order(outside, citizen, wanted(hall.full, at(10, days=2)))
    asked = await a_paid_order(
        outside, citizen, wanted(hall.full, at(10, days=3)), wanted(hall.full, at(11, days=3))
    )
    half = await a_paid_order(outside, other, wanted(hall.left, at(14, days=3)))
    retired = of(hall.full, retired=True)
    said = await seen(manager, hall, retired)
    assert (said.bookings, said.bookings_otherwise, len(said.listed)) == (2, 2, 2)
    assert said.promise == "已有2个预订，保存后会逐一通知本人，由他们改期或者全额退款。"
    assert any("未提前7日公告" in sentence for sentence in said.changes)
    await written(manager, hall, retired)
    assert "篮球全场" in await grid(hall, 2)
    then = await grid(hall, 3)
    assert "篮球全场" not in then
    assert dict(then["篮球左半场"])[12] is SlotStatus.AVAILABLE, "only the booked time is closed"
    assert await refused(an_order(other, wanted(hall.full, at(16, days=3)))) == ("COURT_UNKNOWN", "lines")
    assert await Closure.all().count() == 1, "two slots that follow one another are one"
    assert await closing.mind(channels=outside.channels, now=NOW) == 2
    assert await turning.turn_courts(now=NOW) == 0, "nobody is asked twice"
    offered = {offer.order_line_id for offer in await ClosureOffer.all()}
    assert offered == {line.id for line in await OrderLine.filter(order_id=asked.id)}
    await closing.take_refund(
        member_id=citizen.member_id, order_no=asked.order_no, channels=outside.channels, now=NOW
    )
    assert (await Order.get(id=asked.id)).status == "CLOSED"
    for untouched in (kept, half):
        assert (await Order.get(id=untouched.id)).status == "PAID"
    back = of(hall.full, from_day=LATER + timedelta(days=1))
    await written(manager, hall, back)
    assert "篮球全场" in await grid(hall, 4)
    assert "篮球全场" not in await grid(hall, 3)


async def test_what_cannot_be_is_refused_by_name_when_it_is_previewed_and_written(db: Database) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    await TariffVersion.create(
        venue_id=hall.venue.id, number=1, from_day=LATER + timedelta(days=9), request_key="k", request_hash="h",
        note="单列", written_by_id=manager.staff_id, written_at=NOW,
        windows=[["ALL", 0, 1440, "MARKET", 100, "PUBLISHED", "PUBLISHED", "BADMINTON", "羽毛球2号场"]],
    )  # fmt: skip
    await written(manager, hall, of(hall.left, name="西半场", from_day=LATER + timedelta(days=5)))
    for wrong, code, field in (
        (of(hall.badminton), "BAD_INPUT", "name"),
        (of(hall.badminton, name="羽毛球2号场"), "BAD_INPUT", "name"),
        (of(hall.badminton_2, name="新2号场"), "BAD_INPUT", "name"),
        (of(hall.right, name="西半场"), "BAD_INPUT", "name"),
        (of(hall.left, max_people=9), "BAD_INPUT", "fromDay"),
        (of(hall.badminton, slot_minutes=45), "BAD_INPUT", "slotMinutes"),
        (of(hall.badminton, slot_minutes=480), "RULES_INVALID", "slotMinutes"),
        (of(hall.badminton, max_people=0), "BAD_INPUT", "maxPeople"),
        (of(hall.badminton, sport_code="BASKETBALL", max_people=2), "BAD_INPUT", "courtId"),
        (of(hall.badminton, note=" ", max_people=2), "BAD_INPUT", "note"),
        (of(hall.badminton, from_day=TOMORROW - timedelta(days=2), max_people=2), "BAD_INPUT", "fromDay"),
        (of(hall.badminton, court_id="crt_NONE"), "COURT_UNKNOWN", "courtId"),
        (new("棋盘", "CHESS"), "SPORT_UNKNOWN", "sport"),
        (new("三号场", floor_of=("crt_NONE",)), "COURT_UNKNOWN", "floorOf"),
        (new("三号场", retired=True), "BAD_INPUT", "retired"),
    ):
        assert await refused(seen(manager, hall, wrong)) == (code, field)
        assert await refused(written(manager, hall, wrong, expected="never seen")) == (code, field)
    fitting = of(hall.badminton, max_people=2)
    looked = (await seen(manager, hall, fitting)).change_hash
    await written(manager, hall, of(hall.badminton, max_people=3))
    assert await refused(written(manager, hall, fitting, expected=looked)) == ("PREVIEW_CHANGED", "expectedChange")
    stranger = await a_manager(await a_hall(ref="SC007"))
    assert (await refused(seen(stranger, hall, fitting)))[0] == "NOT_ALLOWED"
    assert await CourtVersion.all().count() == 2


@pytest.mark.postgres
async def test_of_those_who_book_while_a_court_is_retired_nobody_stays_unasked(
    db: Database, outside: Outside
) -> None:
    hall = await a_hall()
    manager = await a_manager(hall)
    people = [await a_person() for _ in range(8)]
    retired = of(hall.badminton, retired=True)
    looked = (await seen(manager, hall, retired)).change_hash
    booked = await asyncio.gather(
        *(an_order(person, wanted(hall.badminton, at(9 + n, days=3))) for n, person in enumerate(people)),
        written(manager, hall, retired, expected=looked),
        return_exceptions=True,
    )
    assert not isinstance(booked[-1], BaseException)
    for each in booked[:-1]:
        assert not isinstance(each, BaseException) or getattr(each, "code", "") == "COURT_UNKNOWN"
    await turning.turn_courts(now=NOW)
    await closing.mind(channels=outside.channels, now=NOW)
    assert not await HeldCell.all().exists(), "they had not paid: what they held is ended under the closure"
    assert await Order.filter(status="CLOSED").count() == sum(isinstance(each, Order) for each in booked)
    assert not await database.rows("SELECT id FROM orders WHERE status <> 'CLOSED'")
