"""A court every week: seen before, asked for once, each date booked when its day opens or skipped with its reason."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.arrangements import series
from models.arrangements.queries import series_of
from models.arrangements.rules import SeriesWanted
from models.arrangements.tables import BookingSeries, SeriesDate
from models.booking.tables import HeldCell
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.errors import DomainError, ErrorCode
from models.messages.operations import tell
from models.messages.tables import Message
from models.orders.tables import Order, OrderLine
from models.organisations.belonging import set_role
from models.organisations.rules import OrganisationRole
from models.organisations.tables import Organisation
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import a_rule
from tests.factories.booking import TOMORROW, a_hall, a_person, an_order, at, census, wanted
from tests.factories.organisations import a_named_member, an_organisation, joins
from tests.factories.places import a_region
from tests.factories.series import (
    OPENS,
    WEEKS,
    a_venue_with_series,
    asked,
    every_week,
    run,
    seen,
    states,
    told,
)


async def refused(asking: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asking
    return refusal.value.code


async def test_each_date_is_booked_when_its_day_opens_and_what_is_taken_is_skipped_and_told(db: Database) -> None:
    hall = await a_venue_with_series()
    one, other = await a_person(), await a_person()
    wish = every_week(hall.badminton, slots=2)
    before = await census()
    shown = await seen(one.member_id, wish)
    assert [each.would for each in shown] == ["BOOKED", "LATER", "LATER", "LATER"]
    assert [each.price_fen for each in shown] == [8000] * WEEKS
    assert all(sum(part.amount_fen for part in each.price_parts) == 8000 for each in shown)
    assert shown[1].opens_at == at(OPENS, days=1)
    assert await census() == before, "looking holds nothing"

    series_id = await asked(one.member_id, wish, key="k")
    assert await asked(one.member_id, wish, key="k") == series_id
    assert await refused(asked(one.member_id, every_week(hall.badminton_2), key="k")) == "IDEMPOTENCY_KEY_REUSED"
    assert await states(series_id) == ["BOOKED", "PLANNED", "PLANNED", "PLANNED"]
    (first,) = await Order.all()
    assert (first.total_fen, first.hold_expires_at) == (8000, at(9)), "a day to pay, and never past the start"
    assert await OrderLine.filter(order_id=first.id).count() == 2
    assert await told(one.member_id) == ["SERIES_TO_PAY"]

    taker = wanted(hall.badminton, at(10, days=8))
    assert await run(at(OPENS, days=1) - timedelta(seconds=1)) == 0
    await an_order(other, taker, now=at(OPENS, days=1))
    assert [each.code for each in await seen(one.member_id, wish)] == ["SLOT_TAKEN", "SLOT_TAKEN", None, None]
    await Order.filter(id=first.id).update(status="PAID", paid_at=NOW)
    assert await run(at(OPENS, days=1)) == 1
    assert await states(series_id) == ["BOOKED", "SKIPPED", "PLANNED", "PLANNED"]
    assert await told(one.member_id) == ["SERIES_TO_PAY", "SERIES_SKIPPED"]
    assert await run(at(OPENS, days=8)) == 2
    (shown_to_one,) = await series_of(member_id=one.member_id)
    assert [line[1:3] for line in shown_to_one["dates"]] == [
        ["BOOKED", ""],
        ["SKIPPED", "SLOT_TAKEN"],
        ["BOOKED", ""],
        ["PLANNED", ""],
    ]
    assert "刚刚被别人订走了" in shown_to_one["dates"][1][3]
    assert await series_of(member_id=other.member_id) == []

    third = await Order.exclude(id=first.id).get(member_id=one.member_id)
    await cancel_order(member_id=one.member_id, order_no=third.order_no, channels={}, now=at(OPENS, days=8))
    assert await states(series_id) == ["BOOKED", "SKIPPED", "BOOKED", "PLANNED"], "one date is given up alone"
    assert await HeldCell.filter(step__gte=int(at(0, days=15).timestamp()) // 1800).count() == 0
    await series.end(member_id=one.member_id, series_id=series_id, now=at(12, days=8))
    await series.end(member_id=one.member_id, series_id=series_id, now=at(13, days=8))
    assert await states(series_id) == ["BOOKED", "SKIPPED", "BOOKED", "ENDED"]
    assert await run(at(OPENS, days=16)) == 0
    assert await refused(series.end(member_id=other.member_id, series_id=series_id, now=NOW)) == "SERIES_UNKNOWN"


async def test_a_date_says_why_it_would_not_be_booked_and_the_same_is_told_when_it_is_not(db: Database) -> None:
    hall = await a_venue_with_series(courts_a_person_a_day=1)
    await a_rule(
        hall.venue, sport="BASKETBALL", days_ahead=7, release_minute=480, fewest_players=4, series_weeks=12
    )
    person = await a_person()
    await an_order(person, wanted(hall.badminton_2, at(20)))
    wishes = {
        "TOO_MANY_COURTS": every_week(hall.badminton),
        "TOO_FEW_PEOPLE": every_week(hall.left, 9),
        "SLOT_UNKNOWN": every_week(hall.badminton, 3),  # nobody is open at three
    }
    for code, wish in wishes.items():
        shown = (await seen(person.member_id, wish))[0]
        assert (shown.would, shown.code) == ("SKIPPED", code)
        short = SeriesWanted(**{name: getattr(wish, name) for name in wish.__slots__} | {"last_day": TOMORROW})
        series_id = await asked(person.member_id, short)
        assert await states(series_id) == ["SKIPPED"]
        assert (await SeriesDate.all().order_by("-id").first()).code == code  # type: ignore[union-attr]
        await series.end(member_id=person.member_id, series_id=series_id, now=NOW)
    assert await Order.all().count() == 1
    assert await told(person.member_id) == ["SERIES_SKIPPED"] * 3


async def test_a_venue_says_whether_how_long_and_how_many_and_a_refusal_leaves_nothing(db: Database) -> None:
    hall, without = await a_venue_with_series(series_a_person=1), await a_hall()
    person, other = await a_person(), await a_person()
    assert await refused(asked(person.member_id, every_week(without.badminton))) == "SERIES_NOT_OFFERED"
    long = every_week(hall.badminton, last_day=TOMORROW + timedelta(days=7 * 12))
    assert await refused(asked(person.member_id, long)) == "SERIES_TOO_LONG"
    assert await refused(asked(person.member_id, every_week(hall.badminton, 23, slots=2))) == "BAD_INPUT"
    nowhere = SeriesWanted(court_id="crt_X", weekday=1, from_minute=0, first_day=TOMORROW, last_day=TOMORROW)
    assert await refused(seen(person.member_id, nowhere)) == "COURT_UNKNOWN"
    stranger = every_week(hall.badminton, organisation_id="org_X")
    assert await refused(asked(person.member_id, stranger)) == "ORGANISATION_UNKNOWN"
    assert await BookingSeries.all().count() == await SeriesDate.all().count() == await Order.all().count() == 0

    await asked(person.member_id, every_week(hall.badminton))
    assert await refused(asked(person.member_id, every_week(hall.badminton_2))) == "TOO_MANY_SERIES"
    await asked(other.member_id, every_week(hall.badminton_2))
    later = NOW + timedelta(days=7 * WEEKS)  # it is over by itself
    day = TOMORROW + timedelta(days=7 * WEEKS)
    await asked(person.member_id, every_week(hall.badminton, first_day=day, last_day=day), now=later)


async def test_on_each_date_whoever_books_in_an_organisations_name_still_acts_for_it_or_it_is_skipped(
    db: Database,
) -> None:
    hall = await a_venue_with_series()
    await a_region(key="510107", name="武侯区", parent_key="510100")
    owner, manager = await a_named_member(), await a_named_member()
    club = await an_organisation(owner)
    membership = await joins(owner, club, manager, OrganisationRole.MANAGER)
    series_id = await asked(manager, every_week(hall.badminton, organisation_id=club))

    async def is_now(role: OrganisationRole) -> None:
        await set_role(member_id=owner, membership_id=membership, role=role, keys=ID_KEYS, now=NOW)

    await is_now(OrganisationRole.MEMBER)
    await run(at(OPENS, days=1))
    await is_now(OrganisationRole.MANAGER)
    await run(at(OPENS, days=8))
    await Organisation.filter(public_id=club).update(status="SUSPENDED")
    await run(at(OPENS, days=15))
    assert await states(series_id) == ["BOOKED", "SKIPPED", "BOOKED", "SKIPPED"]
    skipped = [each for each in await SeriesDate.all().order_by("id") if each.state == "SKIPPED"]
    assert {(each.code, each.reason) for each in skipped} == {("ORGANISATION_STATE", "您已不能代表这个单位预订。")}
    assert await told(manager) == ["SERIES_TO_PAY", "SERIES_SKIPPED"] * 2
    orders = await Order.all()
    assert {each.organisation_id for each in orders} == {(await Organisation.get(public_id=club)).id}
    assert await HeldCell.all().count() == 2 * len(orders), "what was skipped is held by nobody"


async def test_who_lets_one_date_go_by_unpaid_gives_up_those_that_follow(db: Database) -> None:
    hall = await a_venue_with_series()
    person = await a_person()
    series_id = await asked(person.member_id, every_week(hall.badminton))
    await run(at(OPENS))
    assert await states(series_id) == ["BOOKED", "BOOKED", "PLANNED", "PLANNED"]
    assert await end_overdue_holds(channels={}, now=at(9)) == 1
    await run(at(OPENS, days=8))
    assert await states(series_id) == ["BOOKED", "BOOKED", "ENDED", "ENDED"]
    assert (await BookingSeries.get(public_id=series_id)).state == "LAPSED"
    assert await told(person.member_id) == ["SERIES_TO_PAY"] * 2 + ["SERIES_LAPSED"]
    assert await Order.all().count() == 2


async def test_free_dates_are_booked_at_once_and_told_as_every_booking(db: Database) -> None:
    hall = await a_hall(free_mornings=True)
    await a_rule(hall.venue, days_ahead=30, series_weeks=12)
    person = await a_person()
    series_id = await asked(person.member_id, every_week(hall.badminton, 8))
    assert await states(series_id) == ["BOOKED"] * WEEKS
    assert {order.status for order in await Order.all()} == {"PAID"}
    assert await told(person.member_id) == ["ORDER_CONFIRMED"] * WEEKS


@pytest.mark.postgres
async def test_two_series_for_one_court_and_two_workers_at_once_give_each_date_to_one(db: Database) -> None:
    hall = await a_venue_with_series(days_ahead=30)
    people = [await a_person() for _ in range(3)]
    ids = await asyncio.gather(
        *(asked(person.member_id, every_week(hall.badminton), key="k") for person in people for _ in range(2)),
        run(NOW),
        run(NOW),
    )
    assert len(set(ids[:6])) == 3, "the same key is the same series"
    await run(NOW)
    decided = await SeriesDate.all()
    assert sorted(each.state for each in decided) == ["BOOKED"] * WEEKS + ["SKIPPED"] * 2 * WEEKS
    assert len({each.business_day for each in decided if each.state == "BOOKED"}) == WEEKS
    assert await Order.all().count() == await HeldCell.all().count() // 2 == WEEKS
    assert await Message.all().count() == 3 * WEEKS, "each date is told once"


@pytest.mark.postgres
async def test_a_worker_killed_between_dates_and_in_one_is_gone_on_with(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_venue_with_series(days_ahead=30)
    person = await a_person()
    telling = 0

    async def dies(**said: Any) -> None:
        nonlocal telling
        telling += 1
        if telling in (2, 3):
            raise asyncio.CancelledError
        await tell(**said)

    monkeypatch.setattr("models.arrangements.dates.tell", dies)
    with pytest.raises(asyncio.CancelledError):
        await asked(person.member_id, every_week(hall.badminton), key="k")
    series_id = (await BookingSeries.get()).public_id
    assert await states(series_id) == ["BOOKED", "PLANNED", "PLANNED", "PLANNED"]
    assert await Order.all().count() == 1
    with pytest.raises(asyncio.CancelledError):
        await run(NOW)
    assert await Order.all().count() == 1
    assert await run(NOW) == 3
    assert await asked(person.member_id, every_week(hall.badminton), key="k") == series_id
    assert await states(series_id) == ["BOOKED"] * WEEKS
    assert await Order.all().count() == await Message.all().count() == WEEKS


@pytest.mark.postgres
async def test_ending_while_its_dates_are_booked_leaves_no_order_that_the_series_does_not_know(
    db: Database,
) -> None:
    hall = await a_venue_with_series(days_ahead=30)
    person = await a_person()
    asking = asyncio.create_task(asked(person.member_id, every_week(hall.badminton)))
    while not await BookingSeries.exists():
        await asyncio.sleep(0)
    own = await BookingSeries.get()
    await asyncio.gather(
        asking, run(NOW), series.end(member_id=person.member_id, series_id=own.public_id, now=NOW), run(NOW)
    )
    found = await SeriesDate.all()
    assert {each.state for each in found} <= {"BOOKED", "ENDED"}
    booked = {each.order_id for each in found if each.state == "BOOKED"}
    assert {order.id for order in await Order.all()} == booked
