"""Series and group requests while others act on them, and while a worker dies, on PostgreSQL: in a known order each time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from models.arrangements import deciding, requesting, series
from models.arrangements.requesting import GroupWanted
from models.arrangements.tables import BookingSeries, GroupRequest, SeriesDate
from models.booking.tables import HeldCell
from models.errors import DomainError
from models.messages.tables import Message
from models.orders.tables import Order
from models.staff.rules import Role, StaffSignedIn
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import a_rule
from tests.factories.booking import a_hall, a_person, at, wanted
from tests.factories.organisations import a_named_member
from tests.factories.people import a_clerk
from tests.factories.series import OPENS, a_venue_with_series, asked, every_week, run, states, told
from tests.kills import cut_off
from tests.queueing import one_after_another

pytestmark = pytest.mark.postgres

BOTH_OPEN = at(OPENS, days=8)
"""When the days of a series' second and third date are open, and neither is over."""


def codes_of(outcomes: Sequence[object]) -> list[str]:
    """What each act was refused with; empty where it was done. What is no refusal is raised."""
    for each in outcomes:
        if isinstance(each, BaseException) and not isinstance(each, DomainError):
            raise each
    return [each.code if isinstance(each, DomainError) else "" for each in outcomes]


async def orders_are_those_of_dates() -> int:
    """Each date that is booked has one order and two cells, is told once, and there is no other. Gives how many."""
    booked = [each.order_id for each in await SeriesDate.filter(state="BOOKED")]
    assert sorted(booked) == sorted(order.id for order in await Order.all())
    assert await HeldCell.all().count() == 2 * len(booked)
    assert await Message.filter(template="SERIES_TO_PAY").count() == len(booked)
    return len(booked)


# a series


async def test_the_job_cut_off_after_any_statement_leaves_no_date_by_half_and_the_next_run_finds_the_rest(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_venue_with_series()
    person = await a_person()
    series_id = await asked(person.member_id, every_week(hall.badminton, weeks=3))
    assert await states(series_id) == ["BOOKED", "PLANNED", "PLANNED"]
    await Order.all().update(status="PAID", paid_at=NOW)
    seen, after = [], 0
    for after in range(120):
        try:
            with cut_off(monkeypatch, after):
                await run(BOTH_OPEN)
        except asyncio.CancelledError:
            seen.append(await orders_are_those_of_dates())
        else:
            break
    assert after > 10, "hardly anything was cut off, so hardly anything was shown"
    assert seen == sorted(seen)
    assert {*seen} >= {1, 2}, "also between two dates"
    assert await states(series_id) == ["BOOKED"] * 3
    assert await orders_are_those_of_dates() == 3
    assert await run(BOTH_OPEN) == 0


@pytest.mark.parametrize("booking_first", [True, False])
async def test_a_date_that_is_booked_while_its_series_ends_is_booked_whole_or_not_at_all(
    booking_first: bool, db: Database
) -> None:
    hall = await a_venue_with_series()
    person = await a_person()
    series_id = await asked(person.member_id, every_week(hall.badminton))
    await Order.all().update(status="PAID", paid_at=NOW)
    acts = [run(at(OPENS)), series.end(member_id=person.member_id, series_id=series_id, now=at(OPENS))]
    outcomes = await one_after_another([person.member_id], *(acts if booking_first else reversed(acts)))
    assert codes_of(outcomes) == ["", ""]
    second = "BOOKED" if booking_first else "ENDED"
    assert await states(series_id) == ["BOOKED", second, "ENDED", "ENDED"]
    assert await orders_are_those_of_dates() == (2 if booking_first else 1)
    assert await run(at(OPENS, days=8)) == 0


async def test_two_runs_of_the_job_over_the_same_dates_book_and_tell_each_once(db: Database) -> None:
    hall = await a_venue_with_series()
    people = [await a_person() for _ in range(2)]
    ids = [
        await asked(person.member_id, every_week(court))
        for person, court in zip(people, (hall.badminton, hall.badminton_2), strict=True)
    ]
    await Order.all().update(status="PAID", paid_at=NOW)
    await one_after_another([person.member_id for person in people], *(run(at(OPENS)) for _ in range(3)))
    assert [await states(each) for each in ids] == [["BOOKED", "BOOKED", "PLANNED", "PLANNED"]] * 2
    assert await orders_are_those_of_dates() == 4


async def test_a_date_that_is_skipped_by_two_runs_at_once_is_told_once(db: Database) -> None:
    hall = await a_venue_with_series()
    person, other = await a_person(), await a_person()
    series_id = await asked(person.member_id, every_week(hall.badminton))
    await Order.all().update(status="PAID", paid_at=NOW)
    await asked(other.member_id, every_week(hall.badminton, weeks=2))
    await SeriesDate.filter(series__member_id=other.member_id).update(due_at=at(OPENS, days=0))
    await run(at(OPENS))
    other_states = {each.state for each in await SeriesDate.filter(series__member_id=other.member_id)}
    assert other_states == {"BOOKED", "SKIPPED"}
    await one_after_another([person.member_id], run(at(OPENS)), run(at(OPENS)))
    assert (await states(series_id))[1] == "SKIPPED"
    assert (await told(person.member_id)).count("SERIES_SKIPPED") == 1


# a group's request


async def a_request() -> tuple[int, str, list[StaffSignedIn]]:
    """Whose it is, which, and two who may answer it."""
    hall = await a_hall()
    await a_rule(hall.venue, days_ahead=7, group_days_ahead=60)
    managers = [
        await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,), device_id=f"desk-{n}") for n in range(2)
    ]
    member = await a_named_member()
    lines = [wanted(court, at(14, days=20), people=6) for court in (hall.badminton, hall.badminton_2)]
    request_id = await requesting.ask(
        member_id=member,
        wanted=GroupWanted(lines=lines, people=12, purpose="年会"),
        key="k",
        keys=ID_KEYS,
        now=NOW,
    )
    return member, request_id, managers


def decided(clerk: StaffSignedIn, request_id: str, is_allowed: bool = True) -> Any:
    return deciding.decide(
        clerk=clerk,
        request_id=request_id,
        is_allowed=is_allowed,
        note="" if is_allowed else "当天有比赛",
        keys=ID_KEYS,
        channels={},
        now=NOW,
    )


async def test_of_two_staff_who_approve_at_once_the_second_hears_that_it_was_decided(db: Database) -> None:
    member, request_id, (one, other) = await a_request()
    outcomes = await one_after_another(
        [member], decided(one, request_id), decided(other, request_id), decided(other, request_id, False)
    )
    assert codes_of(outcomes) == ["", "GROUP_REQUEST_DECIDED", "GROUP_REQUEST_DECIDED"]
    request = await GroupRequest.get()
    assert (request.state, request.decided_by_id, request.note) == ("APPROVED", one.staff_id, "")
    assert await Order.all().count() == await Message.filter(member_id=member).count() == 1


@pytest.mark.parametrize("approving_first", [True, False])
async def test_approved_while_its_member_withdraws_it_is_one_of_the_two(
    approving_first: bool, db: Database
) -> None:
    member, request_id, (clerk, _) = await a_request()
    acts = [decided(clerk, request_id), requesting.withdraw(member_id=member, request_id=request_id, now=NOW)]
    outcomes = await one_after_another([member], *(acts if approving_first else reversed(acts)))
    assert codes_of(outcomes) == ["", "GROUP_REQUEST_DECIDED"]
    state = (await GroupRequest.get()).state
    assert state == ("APPROVED" if approving_first else "WITHDRAWN")
    assert (await Order.all().count(), await HeldCell.all().count()) == ((1, 4) if approving_first else (0, 0))
    assert await Message.filter(member_id=member).count() == (1 if approving_first else 0)


async def test_approving_cut_off_after_any_statement_holds_all_of_it_or_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, request_id, (clerk, _) = await a_request()
    after = 0
    for after in range(120):
        try:
            with cut_off(monkeypatch, after):
                await decided(clerk, request_id)
        except asyncio.CancelledError:
            made = (await Order.all().count(), await HeldCell.all().count(), await Message.all().count())
            state = (await GroupRequest.get()).state
            assert (state, *made) in (("WAITING", 0, 0, 0), ("APPROVED", 1, 4, 1))
        else:
            break
    assert after > 10
    assert await Order.all().count() == await Message.all().count() == 1
    assert not await BookingSeries.exists()
