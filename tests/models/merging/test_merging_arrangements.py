"""Series, group requests and split orders of two accounts that become one, and part again within the day: limits never grow,
no date is booked twice, and the line of shares stays whole."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.arrangements import deciding, requesting, series
from models.arrangements.queries import requests_of, series_of
from models.arrangements.requesting import GroupWanted
from models.arrangements.tables import BookingSeries, GroupRequest, SeriesCompanion, SeriesDate
from models.attendance.tables import LineCompanion
from models.booking.tables import HeldCell
from models.checkout.ending import end_overdue_holds
from models.checkout.splitting import split_order, take_over_shares
from models.errors import DomainError, ErrorCode
from models.messages.tables import Message
from models.orders.tables import Order, Payment, PaymentShare
from models.real_names import binding
from models.staff.rules import Role
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import FATHER, ID_KEYS, Account, a_code, an_account, join, name, part
from tests.factories.attendance import a_rule
from tests.factories.booking import Person, a_hall, a_person, an_order, at, wanted
from tests.factories.people import a_clerk
from tests.factories.series import OPENS, a_venue_with_series, asked, dates_of, every_week, run, states, told
from tests.factories.splitting import pays_share, share_sheet, tie
from tests.outside import Outside
from tests.queueing import one_after_another

SECOND_OPENS = at(OPENS)
"""When the day of a series' second date opens; between there and EVENING the accounts part."""
BEFORE, EVENING = at(OPENS - 1), at(20)


def person(account: Account) -> Person:
    return Person(account.member_id, account.openid)


async def refused(asking: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asking
    return refusal.value.code


async def all_is_paid() -> None:
    await Order.filter(status="PENDING_PAYMENT").update(status="PAID", paid_at=NOW)


async def nothing_is_booked_twice() -> None:
    """Each date has one order at most, each order one date, and each its two cells."""
    booked = [each.order_id for each in await SeriesDate.filter(state="BOOKED")]
    assert len({*booked}) == len(booked)
    assert sorted(booked) == sorted(order.id for order in await Order.all())
    assert await HeldCell.all().count() == 2 * len(booked)


# series


async def two_with_series(**rule: Any) -> tuple[Account, Account, str, str]:
    """Each has a court of their own at the same hour, under the same key; the joined account asked first."""
    hall = await a_venue_with_series(courts_a_person_a_day=1, series_a_person=1, **rule)
    mine, other = await an_account(), await an_account()
    theirs = await asked(other.member_id, every_week(hall.badminton), key="k")
    own = await asked(mine.member_id, every_week(hall.badminton_2), key="k")
    await all_is_paid()
    return mine, other, own, theirs


async def test_two_series_of_one_person_are_under_one_persons_limits_and_go_back_with_what_became_of_them(
    db: Database,
) -> None:
    mine, other, own, theirs = await two_with_series()
    merge_id = await join(mine, other, now=BEFORE)
    assert {row["public_id"] for row in await series_of(member_id=mine.member_id)} == {own, theirs}
    await run(SECOND_OPENS)
    assert [(await states(each))[1] for each in (theirs, own)] == ["BOOKED", "SKIPPED"], "one court a day"
    assert (await dates_of(own))[1].code == "TOO_MANY_COURTS"
    during = await Order.get(id=(await dates_of(theirs))[1].order_id)
    assert during.member_id == mine.member_id

    await part(mine, merge_id, now=EVENING)
    assert [row["public_id"] for row in await series_of(member_id=other.member_id)] == [theirs]
    (_, second, *_), *_ = [row["dates"] for row in await series_of(member_id=other.member_id)]
    assert (second[1], second[4]) == ("BOOKED", None), "booked, by an account that is another again"
    assert (await Order.get(id=during.id)).member_id == mine.member_id, "what is new stays"
    assert (await dates_of(theirs))[0].order_id in [
        order.id for order in await Order.filter(member_id=other.member_id)
    ]
    await run(EVENING)
    assert [(await states(each))[1:] for each in (theirs, own)] == [
        ["BOOKED", "PLANNED", "PLANNED"],
        ["SKIPPED", "PLANNED", "PLANNED"],
    ]
    await all_is_paid()
    await run(at(OPENS, days=8))
    assert [(await states(each))[2] for each in (theirs, own)] == ["BOOKED"] * 2, "they are two again"


async def test_how_many_series_somebody_may_have_counts_both_accounts_while_they_are_one(db: Database) -> None:
    mine, other, own, theirs = await two_with_series()
    court = (await BookingSeries.get(public_id=own).prefetch_related("court")).court
    more = every_week(court, 14)
    merge_id = await join(mine, other, now=BEFORE)
    assert await refused(asked(mine.member_id, more, now=BEFORE)) == "TOO_MANY_SERIES"
    await series.end(member_id=mine.member_id, series_id=own, now=BEFORE)
    assert await refused(asked(mine.member_id, more, now=BEFORE)) == "TOO_MANY_SERIES"
    await part(mine, merge_id, now=EVENING)
    assert await refused(asked(other.member_id, more, now=EVENING)) == "TOO_MANY_SERIES"
    assert (await states(own))[1:] == ["ENDED"] * 3, "what was ended meanwhile stays ended"
    assert await asked(mine.member_id, more, key="another", now=EVENING)
    same = every_week((await BookingSeries.get(public_id=theirs).prefetch_related("court")).court)
    assert await asked(other.member_id, same, key="k", now=EVENING) == theirs, "its key is its own again"


async def test_a_date_that_one_account_left_unpaid_does_not_end_the_series_that_went_back_to_the_other(
    db: Database,
) -> None:
    mine, other, own, theirs = await two_with_series()
    merge_id = await join(mine, other, now=BEFORE)
    await run(SECOND_OPENS)
    await part(mine, merge_id, now=EVENING)
    assert await end_overdue_holds(channels={}, now=at(OPENS + 1, days=2)) == 1
    await run(at(OPENS, days=8))
    assert (await BookingSeries.get(public_id=theirs)).state == "ACTIVE"
    assert (await states(theirs))[:3] == ["BOOKED", "BOOKED", "BOOKED"]
    assert "SERIES_LAPSED" not in await told(other.member_id)
    assert (await states(own))[2] == "BOOKED", "theirs was skipped, so nothing was left unpaid"


@pytest.mark.postgres
@pytest.mark.parametrize("parting", [False, True])
@pytest.mark.parametrize("booking_first", [True, False])
async def test_dates_that_are_booked_while_accounts_join_or_part_are_booked_once(
    booking_first: bool, parting: bool, db: Database
) -> None:
    mine, other, own, theirs = await two_with_series()
    if parting:
        act = part(mine, await join(mine, other, now=BEFORE), now=SECOND_OPENS)
    else:
        act = join(mine, other, code=await a_code(other, now=SECOND_OPENS), now=SECOND_OPENS)  # type: ignore[assignment]
    acts = [run(SECOND_OPENS), act]
    outcomes = await one_after_another(
        [mine.member_id if parting else other.member_id], *(acts if booking_first else reversed(acts))
    )
    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    await all_is_paid()
    await run(SECOND_OPENS)
    became = [(await states(each))[1] for each in (theirs, own)]
    were_two = parting and not booking_first  # one court a day for each, else for both together
    assert sorted(became) == ["BOOKED", "BOOKED" if were_two else "SKIPPED"]
    await nothing_is_booked_twice()


async def test_companions_of_a_series_are_the_same_people_after_joining_and_after_parting(db: Database) -> None:
    hall = await a_venue_with_series()
    booker, mine, other, third = [await an_account() for _ in range(4)]
    ties = [await tie(person(booker), person(each)) for each in (mine, other, third)]
    wish = every_week(hall.badminton, people=4, companion_ids=tuple(ties))
    series_id = await asked(booker.member_id, wish)
    await all_is_paid()

    async def named() -> list[int]:
        return sorted([each.member_id for each in await SeriesCompanion.all()])

    everybody = sorted(each.member_id for each in (mine, other, third))
    assert await named() == everybody
    merge_id = await join(mine, other, now=BEFORE)
    again = await join(booker, third, now=BEFORE)
    await run(SECOND_OPENS)
    assert (await states(series_id))[1] == "BOOKED", "who is one now, is named once; nobody is their own companion"
    second = (await dates_of(series_id))[1].order_id
    assert {each.member_id for each in await LineCompanion.filter(order_line__order_id=second)} == {mine.member_id}
    (shown,) = await series_of(member_id=booker.member_id)
    assert shown["companion_ids"] == [ties[0]]
    await part(booker, again, now=EVENING)
    await part(mine, merge_id, now=EVENING)
    assert await named() == everybody
    await all_is_paid()
    await run(at(OPENS, days=8))
    third_date = (await dates_of(series_id))[2]
    assert third_date.state == "BOOKED"
    assert {each.member_id for each in await LineCompanion.filter(order_line__order_id=third_date.order_id)} == {
        *everybody
    }


# what groups ask for


async def a_group_house() -> tuple[Any, Any, Account, Account]:
    """A venue that takes groups, its manager, and two accounts of one person."""
    hall = await a_hall()
    await a_rule(hall.venue, courts_a_person_a_day=1, days_ahead=7, group_days_ahead=60, group_answer_hours=24)
    manager = await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    mine, other = await an_account(), await an_account()
    return hall, manager, mine, other


async def asks(member_id: int, hall: Any, *, hour: int = 14, key: str = "k", now: datetime = NOW) -> str:
    lines = [wanted(court, at(hour, days=20), people=6) for court in (hall.badminton, hall.badminton_2)]
    wish = GroupWanted(lines=lines, people=12, purpose="公司羽毛球赛")
    return await requesting.ask(member_id=member_id, wanted=wish, key=key, keys=ID_KEYS, now=now)


def approved(clerk: Any, request_id: str, now: datetime = NOW) -> Any:
    return deciding.decide(clerk=clerk, request_id=request_id, is_allowed=True, keys=ID_KEYS, channels={}, now=now)


async def test_what_a_group_asked_for_is_answered_once_to_whoever_asks_now_and_goes_back_answered(
    db: Database,
) -> None:
    hall, manager, mine, other = await a_group_house()
    await name(other, FATHER)
    waiting, allowed = [await asks(other.member_id, hall, hour=hour, key=f"{hour}") for hour in (9, 14)]
    hour = timedelta(hours=1)
    merge_id = await join(mine, other, now=NOW + hour)
    assert len(await requests_of(member_id=mine.member_id)) == 2
    for _ in range(2):
        await approved(manager, allowed, NOW + 2 * hour)
    order = await Order.get()
    assert order.member_id == mine.member_id
    assert (await Message.get(template="GROUP_TO_PAY")).member_id == mine.member_id

    await part(mine, merge_id, now=NOW + 3 * hour)
    await approved(manager, allowed, NOW + 4 * hour)
    assert (await Order.get()).member_id == mine.member_id, "what is new stays, and there is no other"
    back = await requests_of(member_id=other.member_id)
    assert [(row["state"], row["order_no"]) for row in back] == [("APPROVED", None), ("WAITING", None)]
    assert await requests_of(member_id=mine.member_id) == []
    not_theirs = requesting.withdraw(member_id=mine.member_id, request_id=waiting, now=NOW + 4 * hour)
    assert await refused(not_theirs) == "GROUP_REQUEST_UNKNOWN"
    await approved(manager, waiting, NOW + 4 * hour)
    assert {each.member_id for each in await Order.all()} == {mine.member_id, other.member_id}
    assert await Order.all().count() == 2


async def test_what_waits_for_an_answer_counts_together_while_they_are_one(db: Database) -> None:
    hall, _, mine, other = await a_group_house()
    await name(mine, FATHER)
    for number in range(3):
        await asks(mine.member_id, hall, key=f"k{number}")
    await binding.unbind(member_id=mine.member_id, keys=ID_KEYS, now=NOW)
    await name(other, FATHER)
    theirs = [await asks(other.member_id, hall, key=f"k{number}") for number in range(3)]
    merge_id = await join(mine, other)
    assert await refused(asks(mine.member_id, hall, key="more")) == "TOO_MANY_GROUP_REQUESTS"
    await requesting.withdraw(member_id=mine.member_id, request_id=theirs[0], now=NOW)
    assert await refused(asks(mine.member_id, hall, key="more")) == "TOO_MANY_GROUP_REQUESTS"
    await part(mine, merge_id, now=NOW)
    assert await GroupRequest.filter(member_id=mine.member_id, state="WAITING").count() == 3
    assert await asks(other.member_id, hall, key="k1") == theirs[1], "their keys are their own again"
    assert await asks(other.member_id, hall, key="more")


@pytest.mark.postgres
@pytest.mark.parametrize("joining_first", [True, False])
async def test_a_request_that_is_approved_while_its_account_is_joined_is_an_order_of_the_one_that_stays(
    joining_first: bool, db: Database
) -> None:
    hall, manager, mine, other = await a_group_house()
    await name(other, FATHER)
    request_id = await asks(other.member_id, hall)
    acts = [join(mine, other, code=await a_code(other)), approved(manager, request_id)]
    outcomes = await one_after_another([other.member_id], *(acts if joining_first else reversed(acts)))
    assert [each for each in outcomes if isinstance(each, BaseException)] == [], "no clerk is signed out by it"
    (order,) = await Order.all()
    request = await GroupRequest.get()
    assert order.member_id == request.member_id == mine.member_id
    assert (request.state, request.order_id) == ("APPROVED", order.id)
    assert {each.member_id for each in await Message.filter(template="GROUP_TO_PAY")} == {mine.member_id}


# orders that are split


async def the_line_is_whole(order: Order) -> None:
    shares = await PaymentShare.filter(order_id=order.id).exclude(state="TAKEN_OVER")
    assert sum(share.amount_fen for share in shares) == order.total_fen
    paid = await Payment.filter(order_id=order.id, status="SETTLED")
    assert sum(each.amount_fen for each in paid) == sum(
        share.amount_fen for share in shares if share.state == "PAID"
    )


async def splits(account: Account, order: Order, ties: list[str], outside: Outside, now: datetime) -> None:
    await split_order(
        member_id=account.member_id,
        order_no=order.order_no,
        companion_ids=ties,
        channels=outside.channels,
        now=now,
    )


async def takes_over(account: Account, order: Order, outside: Outside, now: datetime) -> None:
    await take_over_shares(
        member_id=account.member_id, order_no=order.order_no, channels=outside.channels, now=now
    )


async def test_who_booked_and_who_shares_become_one_and_pay_both_shares(
    db: Database, outside: Outside, now: datetime
) -> None:
    mine, other = [await an_account(openid=f"o-{n}") for n in range(2)]
    friend = await a_person()
    ties = [await tie(person(other), each) for each in (person(mine), friend)]
    order = await an_order(person(other), wanted((await a_hall()).badminton, at(9), people=3), now=now)
    await splits(other, order, ties, outside, now)
    begun = await share_sheet(outside, order, person(mine), now=now)
    merge_id = await join(mine, other, now=now)
    await the_line_is_whole(order)
    heard = len(outside.letters)
    await outside.pay(begun)  # by the sheet that was open before
    (letter,) = (await outside.wait_for_letters(heard + 1))[heard:]
    assert await outside.hand_in(letter, now=now) == "SETTLED"
    assert await pays_share(outside, order, person(mine), now=now) == "SETTLED"
    await the_line_is_whole(order)
    assert await refused(share_sheet(outside, order, person(mine), now=now)) == "ORDER_ALREADY_PAID"
    await part(mine, merge_id, now=now)
    members = [share.member_id for share in await PaymentShare.all().order_by("share_no")]
    assert members == [other.member_id, mine.member_id, friend.member_id]
    assert [share.state for share in await PaymentShare.all().order_by("share_no")] == ["PAID", "PAID", "OPEN"]
    assert await pays_share(outside, order, friend, now=now) == "SETTLED"
    await the_line_is_whole(order)
    assert ((await Order.get()).status, (await Order.get()).member_id) == ("PAID", other.member_id)


@pytest.mark.parametrize("splitting", ["before", "meanwhile"])
async def test_what_is_taken_over_while_they_are_one_is_paid_once_after_they_have_parted(
    splitting: str, db: Database, outside: Outside, now: datetime
) -> None:
    mine, other = [await an_account(openid=f"o-{n}") for n in range(2)]
    friend = await a_person()
    ties = [await tie(person(other), friend)]
    order = await an_order(person(other), wanted((await a_hall()).badminton, at(9), people=2), now=now)
    if splitting == "before":
        await splits(other, order, ties, outside, now)
    merge_id = await join(mine, other, now=now)
    if splitting == "meanwhile":
        await splits(mine, order, ties, outside, now)
    await takes_over(mine, order, outside, now)
    await the_line_is_whole(order)
    await part(mine, merge_id, now=now)
    await the_line_is_whole(order)
    (left,) = await PaymentShare.filter(state="OPEN")
    assert (left.member_id, left.amount_fen) == (mine.member_id, order.total_fen), "what is new stays"
    assert (await Order.get()).member_id == other.member_id
    await takes_over(other, order, outside, now)  # whoever booked is not left waiting for the other
    await the_line_is_whole(order)
    assert await refused(share_sheet(outside, order, person(mine), now=now)) == "SHARE_TAKEN_OVER"
    assert await pays_share(outside, order, person(other), now=now) == "SETTLED"
    await the_line_is_whole(order)
    assert (await Order.get()).status == "PAID"
    assert await Payment.filter(status="SETTLED").count() == 1


@pytest.mark.postgres
@pytest.mark.parametrize("joining_first", [True, False])
async def test_shares_that_are_taken_over_while_the_accounts_are_joined_are_one_share_of_who_has_the_order(
    joining_first: bool, db: Database, outside: Outside, now: datetime
) -> None:
    mine, other = [await an_account(openid=f"o-{n}") for n in range(2)]
    friend = await a_person()
    ties = [await tie(person(other), friend)]
    order = await an_order(person(other), wanted((await a_hall()).badminton, at(9), people=2), now=now)
    await splits(other, order, ties, outside, now)
    acts = [join(mine, other, code=await a_code(other, now=now), now=now), takes_over(other, order, outside, now)]
    outcomes = await one_after_another([order.id], *(acts if joining_first else reversed(acts)), table="orders")
    refusals = [each for each in outcomes if isinstance(each, BaseException)]
    assert [each.code for each in refusals if isinstance(each, DomainError)] == (
        ["BAD_INPUT"] if joining_first else []
    )
    assert len(refusals) == (1 if joining_first else 0)
    await the_line_is_whole(order)
    assert (await Order.get()).member_id == mine.member_id
    owned = {share.member_id for share in await PaymentShare.exclude(member_id=friend.member_id)}
    assert owned == {mine.member_id}
