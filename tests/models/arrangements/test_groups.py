"""A group asks for more than a person may have; the venue's staff answer once, in time, and only then is anything held."""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.arrangements import deciding, requesting
from models.arrangements.queries import requests_of, to_decide
from models.arrangements.requesting import GroupWanted
from models.arrangements.rules import RequestState
from models.arrangements.tables import GroupRequest
from models.booking.tables import HeldCell
from models.checkout.wanted import LineWanted
from models.errors import DomainError, ErrorCode
from models.messages.tables import Message
from models.orders.tables import Order, OrderLine
from models.organisations.belonging import close
from models.organisations.tables import Organisation
from models.staff.rules import Role, StaffSignedIn
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import a_rule
from tests.factories.booking import Hall, Person, a_hall, a_person, an_order, at, census, wanted
from tests.factories.organisations import a_named_member, an_organisation
from tests.factories.people import a_clerk
from tests.factories.places import a_region

DAYS = 20
"""After the day of NOW: long before anybody else may book."""


async def a_house() -> tuple[Hall, StaffSignedIn, int, str]:
    """A venue that takes groups, its manager, and who acts for a club."""
    hall = await a_hall()
    await a_rule(hall.venue, courts_a_person_a_day=1, days_ahead=7, group_days_ahead=60, group_answer_hours=24)
    manager = await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    await a_region(key="510107", name="武侯区", parent_key="510100")
    member = await a_named_member()
    return hall, manager, member, await an_organisation(member)


def both_courts(hall: Hall, hour: int = 14) -> list[LineWanted]:
    """For two hours."""
    courts = (hall.badminton, hall.badminton_2)
    return [wanted(court, at(begins, days=DAYS), people=6) for court in courts for begins in (hour, hour + 1)]


async def asked(
    member: int, lines: list[LineWanted], organisation: str | None = None, *, now: datetime = NOW, **more: Any
) -> str:
    wish = {"people": 12, "purpose": "公司羽毛球赛", **more}
    key = wish.pop("key", None) or secrets.token_hex(8)
    return await requesting.ask(
        member_id=member,
        wanted=GroupWanted(lines=lines, organisation_id=organisation, **wish),
        key=key,
        keys=ID_KEYS,
        now=now,
    )


async def decided(
    clerk: StaffSignedIn, request: str, is_allowed: bool, note: str = "", *, now: datetime = NOW
) -> None:
    await deciding.decide(
        clerk=clerk,
        request_id=request,
        is_allowed=is_allowed,
        note=note,
        keys=ID_KEYS,
        channels={},
        now=now,
    )


async def refused(asking: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asking
    return refusal.value.code


async def state(request: str) -> str:
    return str((await GroupRequest.get(public_id=request)).state)


async def test_what_staff_allow_is_an_order_in_the_organisations_name_that_counts_for_nobody(db: Database) -> None:
    hall, manager, member, club = await a_house()
    before = await census()
    request = await asked(member, both_courts(hall), club, key="k")
    assert await asked(member, both_courts(hall), club, key="k") == request
    assert await refused(asked(member, both_courts(hall)[:1], club, key="k")) == "IDEMPOTENCY_KEY_REUSED"
    assert await census() == before, "nothing is held for what nobody has looked at"
    (own,) = await requests_of(member_id=member)
    assert (own["state"], own["answer_by"]) == ("WAITING", NOW + timedelta(hours=24))
    assert [line.price_fen for line in own["lines"]] == [4000] * 4

    (row,) = await to_decide(
        clerk=manager, venue_id=hall.venue.public_id, state=RequestState.WAITING, keys=ID_KEYS, now=NOW
    )
    assert (row["organisation_name"], row["masked_name"], row["taken"]) == (
        "锦城羽毛球俱乐部",
        "李**",
        [False] * 4,
    )
    await decided(manager, request, True)
    await decided(manager, request, True)
    order = await Order.get()
    assert (order.member_id, order.total_fen, order.by_approval) == (member, 16000, True)
    assert order.organisation_id == (await Organisation.get(public_id=club)).id
    assert order.hold_expires_at == NOW + timedelta(days=1)
    lines = await OrderLine.filter(order_id=order.id)
    assert all(line.price_parts and line.people == 6 for line in lines)
    assert await HeldCell.all().count() == 8
    assert await Message.filter(member_id=member, template="GROUP_TO_PAY", about_no=request).count() == 1
    assert await refused(decided(manager, request, False, "改主意了")) == "GROUP_REQUEST_DECIDED"
    assert (
        await refused(requesting.withdraw(member_id=member, request_id=request, now=NOW))
        == "GROUP_REQUEST_DECIDED"
    )

    await Order.filter(id=order.id).update(status="PAID", paid_at=NOW)
    later = at(9, days=14)
    asker, stranger = Person(member, ""), await a_person()
    assert await refused(an_order(stranger, wanted(hall.badminton, at(14, days=DAYS)), now=later)) == "SLOT_TAKEN"
    await an_order(asker, wanted(hall.badminton, at(18, days=DAYS)), now=later)  # what one may have for oneself
    assert (
        await refused(an_order(asker, wanted(hall.badminton_2, at(18, days=DAYS)), now=later)) == "TOO_MANY_COURTS"
    )


async def test_what_is_taken_meanwhile_staff_see_and_cannot_allow_and_a_no_has_a_reason(db: Database) -> None:
    hall, manager, member, _ = await a_house()
    request = await asked(member, both_courts(hall))
    later = NOW + timedelta(hours=23)
    rule = {"venue_id": hall.venue.public_id, "state": RequestState.WAITING, "keys": ID_KEYS, "now": later}
    first = await asked(await a_named_member(), both_courts(hall)[:1])
    await decided(manager, first, True)
    (row,) = await to_decide(clerk=manager, **rule)  # type: ignore[arg-type]
    assert row["taken"] == [True, False, False, False]
    before = await census()
    assert await refused(decided(manager, request, True, now=later)) == "SLOT_TAKEN"
    assert (await census(), await state(request)) == (before, "WAITING")
    assert await refused(decided(manager, request, False, "", now=later)) == "BAD_INPUT"
    elsewhere = await a_clerk((await a_hall()).venue.public_id, roles=(Role.VENUE_MANAGER,))
    desk = await a_clerk(hall.venue.public_id)
    assert await refused(decided(elsewhere, request, True)) == "GROUP_REQUEST_UNKNOWN"
    assert await refused(decided(desk, request, True)) == "NOT_ALLOWED"
    assert await refused(to_decide(clerk=elsewhere, **rule)) == "NOT_ALLOWED"  # type: ignore[arg-type]
    await decided(manager, request, False, "当天有比赛", now=later)
    await decided(manager, request, False, "当天有比赛", now=later)
    told = await Message.get(member_id=member, template="GROUP_REFUSED")
    assert (told.template, told.values["why"]) == ("GROUP_REFUSED", "当天有比赛")
    (own,) = await requests_of(member_id=member)
    assert (own["state"], own["note"], own["order_no"]) == ("REFUSED", "当天有比赛", None)


async def test_what_nobody_answers_is_let_go_and_what_is_withdrawn_is_not_decided(db: Database) -> None:
    hall, manager, member, club = await a_house()
    unanswered, withdrawn = [await asked(member, both_courts(hall), club) for _ in range(2)]
    await requesting.withdraw(member_id=member, request_id=withdrawn, now=NOW)
    await requesting.withdraw(member_id=member, request_id=withdrawn, now=NOW)
    assert await refused(decided(manager, withdrawn, True)) == "GROUP_REQUEST_DECIDED"
    over = NOW + timedelta(hours=24)
    assert await requesting.end_unanswered(now=over - timedelta(seconds=1)) == 0
    assert await refused(decided(manager, unanswered, True, now=over)) == "GROUP_REQUEST_DECIDED"
    assert [await requesting.end_unanswered(now=over) for _ in range(2)] == [1, 0]
    assert (await state(unanswered), await state(withdrawn)) == ("UNANSWERED", "WITHDRAWN")
    assert [each.template for each in await Message.filter(member_id=member)][-1] == "GROUP_UNANSWERED"
    assert await Order.all().count() == 0

    soon = await asked(member, [wanted(hall.badminton, at(9))])
    assert (await GroupRequest.get(public_id=soon)).answer_by == at(9), (
        "before the first slot begins at the latest"
    )
    await requesting.withdraw(member_id=member, request_id=soon, now=NOW)
    left = await asked(member, both_courts(hall), club)
    await close(member_id=member, organisation_id=club, now=NOW)
    assert await refused(decided(manager, left, True)) == "ORGANISATION_STATE"
    assert (await state(left), await Order.all().count()) == ("WAITING", 0)


async def test_who_may_not_ask_and_what_may_not_be_asked_for_leaves_nothing(db: Database) -> None:
    hall, _, member, club = await a_house()
    lines = both_courts(hall)
    assert await refused(asked((await a_person()).member_id, lines)) == "REAL_NAME_NEEDED"
    assert await refused(asked(await a_named_member("20100101"), lines)) == "NOT_ALLOWED"
    assert await refused(asked(await a_named_member(), lines, club)) == "ORGANISATION_UNKNOWN"
    assert await refused(asked(member, lines, club, people=11)) == "BAD_INPUT"
    assert await refused(asked(member, lines, club, purpose=" ")) == "BAD_INPUT"
    halves = [wanted(court, at(9, days=DAYS), people=1) for court in (hall.full, hall.left)]
    assert await refused(asked(member, halves, club)) == "BAD_INPUT"
    assert await refused(asked(member, [wanted(hall.badminton, at(9, days=61))], club)) == "SLOT_NOT_RELEASED"
    closed = await a_hall()
    assert await refused(asked(member, [wanted(closed.badminton, at(9))], club)) == "GROUPS_NOT_TAKEN"
    assert await GroupRequest.all().count() == 0
    for _ in range(5):
        await asked(member, lines[:1])
    assert await refused(asked(member, lines[:1])) == "TOO_MANY_GROUP_REQUESTS"


@pytest.mark.postgres
async def test_two_staff_a_withdrawal_and_the_clock_at_once_make_one_decision(db: Database) -> None:
    hall, manager, member, _ = await a_house()
    other = await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,), device_id="desk-2")
    for hour in (9, 11, 13):
        request = await asked(member, both_courts(hall, hour))
        done = await asyncio.gather(
            decided(manager, request, True),
            decided(other, request, True),
            decided(other, request, False, "不行"),
            decided(manager, request, True),
            requesting.withdraw(member_id=member, request_id=request, now=NOW),
            return_exceptions=True,
        )
        assert {str(getattr(each, "code", each)) for each in done} <= {"None", "GROUP_REQUEST_DECIDED"}, done
        was = await state(request)
        assert await Order.filter(idempotency_key=request).count() == (1 if was == "APPROVED" else 0)
        assert await Message.filter(about_no=request).count() == (0 if was == "WITHDRAWN" else 1)


@pytest.mark.postgres
async def test_of_two_requests_and_a_citizen_for_one_court_at_once_one_has_it(db: Database) -> None:
    hall, manager, member, club = await a_house()
    slot = [wanted(hall.badminton, at(14, days=5))]
    requests = [await asked(member, slot, club), await asked(await a_named_member(), slot)]
    done = await asyncio.gather(
        *(decided(manager, request, True) for request in requests),
        an_order(await a_person(), *slot),
        return_exceptions=True,
    )
    assert [each.code for each in done if isinstance(each, DomainError)] == ["SLOT_TAKEN"] * 2, done
    assert (await Order.all().count(), await HeldCell.all().count()) == (1, 2)
    left = await GroupRequest.filter(state="WAITING").count()
    assert left in (1, 2)
