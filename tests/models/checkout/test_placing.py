"""Placing an order: what is held, and every way in which it is refused and leaves nothing behind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.admissions.tables import Admission
from models.booking.tables import BookingRule, HeldCell
from models.checkout.cancelling import cancel_order
from models.checkout.placing import place_order
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.tables import Order, OrderLine, Payment
from models.venues.tables import TariffWindow
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Person, a_hall, a_person, an_order, at, census, wanted
from tests.factories.places import a_court, a_venue


async def refused(person: Person, *lines: Any, now: datetime, **how: Any) -> DomainError:
    """The refusal of an order, after making sure that it says a way out and left nothing behind."""
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await an_order(person, *lines, now=now, **how)
    assert await census() == before
    return refusal.value


async def test_an_order_holds_its_cells_for_a_quarter_of_an_hour(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9), people=10), now=now)
    assert (order.status, order.total_fen) == ("PENDING_PAYMENT", 4000)
    assert order.hold_expires_at == now + timedelta(minutes=15)
    assert await HeldCell.all().count() == 4  # two halves, two half hours
    line = await OrderLine.get()
    assert line.title == "篮球全场 11月21日 09:00–10:00"
    assert (line.price_fen, line.people, line.price_label) == (4000, 10, "市场价")
    assert await Admission.all().count() == await OutboxRow.all().count() == 0


async def test_several_lines_make_one_total(db: Database, now: datetime) -> None:
    hall = await a_hall()
    order = await an_order(await a_person(), wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)))
    assert order.total_fen == 8000


async def test_a_free_order_is_confirmed_at_once_and_told_to_the_platform(db: Database, now: datetime) -> None:
    hall = await a_hall(free_mornings=True)
    order = await an_order(await a_person(), wanted(hall.badminton, at(8), people=4))
    assert (order.status, order.total_fen, order.paid_at) == ("PAID", 0, now)
    admissions = await Admission.filter(order_id=order.id).order_by("seat")
    assert [admission.seat for admission in admissions] == [1, 2, 3, 4]
    assert len({admission.handle for admission in admissions}) == 4
    assert {admission.opens_at for admission in admissions} == {at(7, 30)}
    told = await OutboxRow.get()
    assert (told.kind, told.subject) == ("orders", f"order:{order.order_no}")
    assert (told.payload["state"], told.payload["amountFen"]) == ("PAID", 0)
    assert await Payment.all().count() == 0


async def test_a_taken_slot_is_refused_by_its_name(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.badminton, at(9)))
    refusal = await refused(await a_person(), wanted(hall.badminton, at(9)), now=now)
    assert refusal.code == ErrorCode.SLOT_TAKEN
    assert refusal.message.startswith("羽毛球1号场 11月21日 09:00–10:00")


async def test_who_asks_twice_hears_that_it_is_in_their_own_order(db: Database, now: datetime) -> None:
    hall, person, other = await a_hall(), await a_person(), await a_person()
    await an_order(person, wanted(hall.badminton, at(9)))
    await an_order(other, wanted(hall.badminton_2, at(9)))
    own = await refused(person, wanted(hall.badminton, at(9)), now=now)  # another key: the app had been closed
    assert own.code == ErrorCode.SLOT_TAKEN
    assert own.sentence().startswith("羽毛球1号场 11月21日 09:00–10:00已经在您的订单里了。请打开“我的订单”")
    both = await refused(person, wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)), now=now)
    theirs = await refused(other, wanted(hall.badminton, at(9)), now=now)
    assert ["别人" in each.message for each in (both, theirs)] == [True, True]


async def test_of_several_slots_the_taken_one_is_named_and_none_is_held(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.badminton_2, at(9)))
    refusal = await refused(
        await a_person(), wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)), now=now
    )
    assert refusal.message.startswith("羽毛球2号场")


@pytest.mark.parametrize(("first", "second"), [("full", "left"), ("left", "full"), ("full", "right")])
async def test_a_full_court_and_its_half_exclude_each_other(
    db: Database, now: datetime, first: str, second: str
) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(getattr(hall, first), at(9)))
    refusal = await refused(await a_person(), wanted(getattr(hall, second), at(9)), now=now)
    assert refusal.code == ErrorCode.SLOT_TAKEN


async def test_two_halves_are_two_peoples(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.left, at(9)))
    await an_order(await a_person(), wanted(hall.right, at(9)))
    assert await HeldCell.all().count() == 4


async def test_the_next_hour_of_a_taken_court_is_free(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.badminton, at(9)))
    await an_order(await a_person(), wanted(hall.badminton, at(10)))
    assert await HeldCell.all().count() == 4


async def test_a_past_slot_is_refused(db: Database, now: datetime) -> None:
    hall = await a_hall()
    for starts_at in (at(9, days=0), at(10, days=0), at(9, days=-1)):
        assert (await refused(await a_person(), wanted(hall.badminton, starts_at), now=now)).code == "SLOT_PAST"


async def test_a_day_that_is_not_released_says_when_it_will_be(db: Database, now: datetime) -> None:
    hall = await a_hall()
    refusal = await refused(await a_person(), wanted(hall.badminton, at(9, days=8)), now=now)
    assert refusal.code == ErrorCode.SLOT_NOT_RELEASED
    assert refusal.next_step == "请在11月21日 08:00之后再来。"
    await an_order(await a_person(), wanted(hall.badminton, at(9, days=7)))


async def test_a_start_that_is_no_slot_is_refused(db: Database, now: datetime) -> None:
    hall = await a_hall()
    for starts_at in (at(9, 30), at(7), at(22), at(9) + timedelta(seconds=1), at(9) + timedelta(microseconds=1)):
        assert (await refused(await a_person(), wanted(hall.badminton, starts_at), now=now)).code == "SLOT_UNKNOWN"


@pytest.mark.parametrize("court", ["crt_NOBODY", "", "'; --", "x" * 100_000])
async def test_an_unknown_court_is_refused(db: Database, now: datetime, court: str) -> None:
    assert (await refused(await a_person(), wanted(court, at(9)), now=now)).code == ErrorCode.COURT_UNKNOWN


async def test_a_closed_court_and_a_closed_venue_are_refused(db: Database, now: datetime) -> None:
    closed_court = await a_court(await a_venue(), is_open=False)
    court_of_closed_venue = await a_court(await a_venue(is_open=False))
    assert (await refused(await a_person(), wanted(closed_court, at(9)), now=now)).code == "COURT_UNKNOWN"
    assert (await refused(await a_person(), wanted(court_of_closed_venue, at(9)), now=now)).code == "VENUE_CLOSED"


async def test_an_unpriced_slot_cannot_be_sold(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await TariffWindow.all().delete()
    refusal = await refused(await a_person(), wanted(hall.badminton, at(9)), now=now)
    assert refusal.code == ErrorCode.SLOT_UNKNOWN
    assert "暂未定价" in refusal.message


@pytest.mark.parametrize(
    ("people", "code"),
    [
        (0, "BAD_INPUT"),
        (-1, "BAD_INPUT"),
        (7, "TOO_MANY_PEOPLE"),
        (2**31, "TOO_MANY_PEOPLE"),
        (10**30, "TOO_MANY_PEOPLE"),
    ],
)
async def test_more_or_fewer_people_than_a_court_takes_are_refused(
    db: Database, now: datetime, people: int, code: str
) -> None:
    hall = await a_hall()
    assert (await refused(await a_person(), wanted(hall.badminton, at(9), people=people), now=now)).code == code


async def test_a_changed_price_is_told_and_nothing_is_held(db: Database, now: datetime) -> None:
    hall = await a_hall()
    for shown in (0, 3999, 4001, -4000, 10**30):
        refusal = await refused(await a_person(), wanted(hall.badminton, at(9), expected_price_fen=shown), now=now)
        assert refusal.code == ErrorCode.PRICE_CHANGED
        assert "40.00元" in refusal.message
    await an_order(await a_person(), wanted(hall.badminton, at(9), expected_price_fen=4000))


async def test_a_third_court_on_one_day_is_refused_and_tomorrow_is_another_day(
    db: Database, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    await an_order(person, wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)))
    refusal = await refused(person, wanted(hall.left, at(9)), now=now)
    assert refusal.code == ErrorCode.TOO_MANY_COURTS
    assert "2片场地" in refusal.message
    assert "11月22日" in (refusal.next_step or "")
    await an_order(person, wanted(hall.left, at(9, days=2)))


async def test_a_second_slot_on_the_same_court_is_no_further_court(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    await an_order(person, wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)))
    await an_order(person, wanted(hall.badminton, at(10)))
    assert await Order.all().count() == 2


async def test_three_hours_on_one_court_are_refused_however_they_are_split(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    three = [wanted(hall.badminton, at(hour)) for hour in (9, 10, 11)]
    assert (await refused(person, *three, now=now)).code == ErrorCode.TOO_MANY_COURTS
    await an_order(person, *three[:2])
    refusal = await refused(person, three[2], now=now)
    assert refusal.code == ErrorCode.TOO_MANY_COURTS
    assert "120分钟" in refusal.message


async def test_limits_are_each_venues_own(db: Database, now: datetime) -> None:
    hall, strict, person = await a_hall(), await a_hall(), await a_person()
    rule = dict((await BookingRule.filter(venue_id=None).values())[0])
    await BookingRule.create(**{**rule, "id": 99, "venue_id": strict.venue.id, "courts_a_person_a_day": 1})
    await an_order(person, wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)))
    await an_order(person, wanted(strict.badminton, at(9)))
    assert (await refused(person, wanted(strict.left, at(9)), now=now)).code == ErrorCode.TOO_MANY_COURTS


async def test_a_refusal_names_the_one_slot_that_is_wrong(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    await an_order(person, wanted(hall.badminton, at(8)), wanted(hall.badminton, at(9)))
    await an_order(await a_person(), wanted(hall.left, at(9)))
    good, slot = wanted(hall.badminton_2, at(9)), "羽毛球1号场 11月21日 10:00–11:00"
    for wrong, title in (
        (wanted(hall.badminton, at(10)), slot),  # a third hour on one court
        (wanted(hall.badminton, at(10), people=0), slot),
        (wanted(hall.badminton, at(10), people=7), slot),
        (wanted(hall.badminton, at(10), expected_price_fen=1), slot),
        (wanted(hall.left, at(9)), "篮球左半场 11月21日 09:00–10:00"),
        (wanted(hall.badminton, at(9, days=0)), "羽毛球1号场 11月20日 09:00–10:00"),
        (wanted(hall.badminton, at(9, days=8)), "羽毛球1号场 11月28日 09:00–10:00"),
        (wanted(hall.badminton, at(7)), "羽毛球1号场没有11月21日 07:00 开始的时段"),
    ):
        somebody = person if title == slot else await a_person()
        refusal = await refused(somebody, good, wrong, now=now)
        assert refusal.message.startswith(title), refusal.message
        assert refusal.next_step, refusal.message


async def test_days_ahead_release_time_and_length_of_a_hold_are_each_venues_own(
    db: Database, now: datetime
) -> None:
    hall, other, person = await a_hall(), await a_hall(), await a_person()
    rule = dict((await BookingRule.filter(venue_id=None).values())[0])
    own = {"venue_id": hall.venue.id, "days_ahead": 2, "release_minute": 15 * 60, "hold_minutes": 5}
    await BookingRule.create(**{**rule, "id": 99, **own})
    in_two_days = wanted(hall.badminton, at(9, days=2))
    refusal = await refused(person, in_two_days, now=at(15, days=0) - timedelta(seconds=1))
    assert (refusal.code, refusal.next_step) == (ErrorCode.SLOT_NOT_RELEASED, "请在11月20日 15:00之后再来。")
    order = await an_order(person, in_two_days, now=at(15, days=0))
    assert order.hold_expires_at == at(15, 5, days=0)
    await an_order(person, wanted(other.badminton, at(9, days=7)), now=now)


async def test_longer_slots_and_joined_courts_are_cells_like_any_other(db: Database, now: datetime) -> None:
    """An hour on 1号场, two hours on 2号场, and both joined: nothing but rows of data tells them apart."""
    venue = await a_venue()
    hourly = await a_court(venue, name="1号场")
    two_hours = await a_court(venue, name="2号场", slot_minutes=120)
    joined = await a_court(venue, name="大场", parts=("1号场", "2号场"), slot_minutes=120)
    await an_order(await a_person(), wanted(two_hours, at(8)))
    assert await HeldCell.all().count() == 4
    assert (await refused(await a_person(), wanted(joined, at(8)), now=now)).code == ErrorCode.SLOT_TAKEN
    await an_order(await a_person(), wanted(joined, at(10)))
    assert await HeldCell.all().count() == 12
    for taken in (wanted(hourly, at(11)), wanted(two_hours, at(10))):
        assert (await refused(await a_person(), taken, now=now)).code == ErrorCode.SLOT_TAKEN
    assert (await refused(await a_person(), wanted(two_hours, at(9)), now=now)).code == ErrorCode.SLOT_UNKNOWN
    await an_order(await a_person(), wanted(hourly, at(9)))


async def test_what_was_cancelled_no_longer_counts(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)))
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels={}, now=now)
    await an_order(person, wanted(hall.left, at(9)), wanted(hall.right, at(9)))


async def test_ones_own_overdue_hold_no_longer_counts_though_no_worker_ended_it(
    db: Database, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    overdue = await an_order(person, wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(9)))
    later = now + timedelta(minutes=15)
    await an_order(person, wanted(hall.left, at(9)), now=later)
    assert (await Order.get(id=overdue.id)).status == "CLOSED"


async def test_the_same_slot_twice_in_one_order_is_refused(db: Database, now: datetime) -> None:
    hall = await a_hall()
    for second in (wanted(hall.badminton, at(9)), wanted(hall.badminton, at(9), people=2)):
        refusal = await refused(await a_person(), wanted(hall.badminton, at(9)), second, now=now)
        assert refusal.code == ErrorCode.BAD_INPUT


async def test_a_full_court_with_its_own_half_is_refused(db: Database, now: datetime) -> None:
    hall = await a_hall()
    refusal = await refused(await a_person(), wanted(hall.full, at(9)), wanted(hall.left, at(9)), now=now)
    assert refusal.code == ErrorCode.BAD_INPUT
    assert "重叠" in refusal.message


async def test_one_order_is_for_one_venue(db: Database, now: datetime) -> None:
    hall, other = await a_hall(), await a_hall()
    refusal = await refused(
        await a_person(), wanted(hall.badminton, at(9)), wanted(other.badminton, at(9)), now=now
    )
    assert refusal.code == ErrorCode.BAD_INPUT


async def test_an_order_of_nothing_or_of_nine_slots_is_refused(db: Database, now: datetime) -> None:
    hall = await a_hall()
    for lines in ([], [wanted(hall.badminton, at(hour)) for hour in range(8, 17)]):
        assert (await refused(await a_person(), *lines, now=now)).code == ErrorCode.BAD_INPUT


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(1926, 11, 21, 1, tzinfo=UTC),
        datetime(2126, 11, 21, 1, tzinfo=UTC),
    ],
)
async def test_a_day_of_another_century_is_refused(db: Database, now: datetime, starts_at: datetime) -> None:
    hall = await a_hall()
    assert (
        await refused(await a_person(), wanted(hall.badminton, starts_at), now=now)
    ).code == ErrorCode.BAD_INPUT


@pytest.mark.parametrize("key", ["", "x" * 65, "钥匙", "line\nbreak", "\x00"])
async def test_a_silly_key_is_refused(db: Database, now: datetime, key: str) -> None:
    hall, person = await a_hall(), await a_person()
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await place_order(
            member_id=person.member_id,
            lines=[wanted(hall.badminton, at(9))],
            idempotency_key=key,
            keys=ID_KEYS,
            channels={},
            now=now,
        )
    assert refusal.value.code == ErrorCode.BAD_INPUT
    assert await census() == before


async def test_the_same_key_again_gives_the_same_order(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(9)), key="key-1")
    before = await census()
    again = await an_order(person, wanted(hall.badminton, at(9)), key="key-1", now=now + timedelta(hours=2))
    assert again.order_no == order.order_no
    assert await census() == before


async def test_the_same_key_for_something_else_is_refused(db: Database, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    await an_order(person, wanted(hall.badminton, at(9)), key="key-1")
    for other in (
        [wanted(hall.badminton, at(10))],
        [wanted(hall.badminton, at(9), people=2)],
        [wanted(hall.badminton, at(9)), wanted(hall.left, at(9))],
    ):
        assert (await refused(person, *other, key="key-1", now=now)).code == ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_anothers_same_key_is_another_order(db: Database, now: datetime) -> None:
    hall = await a_hall()
    first = await an_order(await a_person(), wanted(hall.badminton, at(9)), key="key-1")
    second = await an_order(await a_person(), wanted(hall.badminton, at(10)), key="key-1")
    assert first.order_no != second.order_no


async def test_the_hold_of_a_dead_worker_ends_when_the_next_person_wants_the_slot(
    db: Database, now: datetime
) -> None:
    hall = await a_hall()
    dead = await an_order(await a_person(), wanted(hall.badminton, at(9)))
    too_soon = now + timedelta(minutes=14, seconds=59)
    assert (await refused(await a_person(), wanted(hall.badminton, at(9)), now=too_soon)).code == "SLOT_TAKEN"
    later = now + timedelta(minutes=15)
    taken = await an_order(await a_person(), wanted(hall.badminton, at(9)), now=later)
    assert taken.status == "PENDING_PAYMENT"
    ended = await Order.get(id=dead.id)
    assert (ended.status, ended.close_reason, ended.closed_at) == ("CLOSED", "EXPIRED", later)
    assert {cell.order_line_id for cell in await HeldCell.all()} == {(await OrderLine.get(order_id=taken.id)).id}
