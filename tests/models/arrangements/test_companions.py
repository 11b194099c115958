"""Who plays along on a series is named once, and each date asks for itself whether they may."""

from typing import Any

import pytest

from models.arrangements.queries import series_of
from models.arrangements.tables import BookingSeries, SeriesCompanion
from models.attendance.tables import BookingPause, LineCompanion
from models.errors import DomainError, ErrorCode
from models.families import companions
from models.orders.tables import Order
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import Person, a_person, an_order, at, wanted
from tests.factories.organisations import a_named_member
from tests.factories.series import (
    OPENS,
    WEEKS,
    a_venue_with_series,
    asked,
    dates_of,
    every_week,
    run,
    seen,
    told,
)
from tests.factories.splitting import tie


async def two_friends() -> tuple[int, int, str]:
    """Both known by name, and what ties them."""
    one, other = await a_named_member(), await a_named_member()
    return one, other, await tie(Person(one, ""), Person(other, ""))


async def refused(asking: Any) -> ErrorCode:
    with pytest.raises(DomainError) as refusal:
        await asking
    return refusal.value.code


async def codes_of(series_id: str) -> list[str]:
    """Of each date why it was skipped, or its state."""
    return [each.code or each.state for each in await dates_of(series_id)]


async def opens(week: int) -> None:
    """The day of this date (0 is tomorrow) opens, and what was booked before is paid."""
    await Order.filter(status="PENDING_PAYMENT").update(status="PAID", paid_at=NOW)
    await run(at(OPENS, days=1 + 7 * (week - 1)))


async def test_a_companion_who_may_not_play_on_one_date_keeps_it_from_being_booked_and_no_other(
    db: Database,
) -> None:
    hall = await a_venue_with_series(courts_a_person_a_day=1, series_weeks=12)
    one, other, ties = await two_friends()
    wish = every_week(hall.badminton, weeks=WEEKS + 1, people=2, companion_ids=(ties,))
    series_id = await asked(one, wish, key="k")
    assert await asked(one, wish, key="k") == series_id
    alone = every_week(hall.badminton, weeks=WEEKS + 1, people=2)
    assert await refused(asked(one, alone, key="k")) == "IDEMPOTENCY_KEY_REUSED"
    (named,) = await LineCompanion.all()
    assert (named.member_id, await codes_of(series_id)) == (other, ["BOOKED", *["PLANNED"] * WEEKS])
    (shown,) = await series_of(member_id=one)
    assert (shown["companion_ids"], await series_of(member_id=other)) == ([ties], [])

    pause = await BookingPause.create(
        public_id="pau_1", member_id=other, venue_id=hall.venue.id, no_shows=3, starts_at=NOW,
        ends_at=at(OPENS + 1, days=1),
    )  # fmt: skip
    before_they_open = await seen(one, wish)
    assert [each.code for each in before_they_open] == ["SLOT_TAKEN", "BOOKING_PAUSED", *[None] * (WEEKS - 1)]
    await opens(1)
    assert (await codes_of(series_id))[1] == "BOOKING_PAUSED"
    assert "目前不能列入本馆的预订" in (await dates_of(series_id))[1].reason
    assert (await told(one))[-2:] == ["SERIES_TO_PAY", "SERIES_SKIPPED"]
    assert "SERIES_SKIPPED" not in await told(other)
    assert pause.ends_at < at(OPENS, days=8)

    await an_order(Person(other, ""), wanted(hall.badminton_2, at(20, days=15)), now=at(OPENS, days=8))
    await opens(2)
    await opens(3)
    assert (await codes_of(series_id))[2:] == ["TOO_MANY_COURTS", "BOOKED", "PLANNED"]
    await companions.end_companionship(member_id=other, companionship_id=ties, now=at(9, days=15))
    await run(at(12, days=17))
    assert (await codes_of(series_id))[4] == "PLANNED", "nothing is said of a day before it opens"
    await opens(4)
    assert (await codes_of(series_id))[4] == "RELATION_UNKNOWN"
    assert await LineCompanion.all().count() == 2
    assert (await series_of(member_id=one))[0]["companion_ids"] == []
    assert await Order.filter(member_id=one).count() == 2


async def test_courts_that_want_names_have_them_on_every_date(db: Database) -> None:
    hall = await a_venue_with_series(days_ahead=30, real_name_needed=True, companions_named=True)
    one, other, ties = await two_friends()
    nameless = await a_person()
    also = await tie(Person(one, ""), nameless)
    wishes = {
        "COMPANIONS_NEEDED": every_week(hall.badminton, people=3, companion_ids=(ties,)),
        "REAL_NAME_NEEDED": every_week(hall.badminton, people=3, companion_ids=(ties, also)),
        "BOOKED": every_week(hall.badminton, people=2, companion_ids=(ties,)),
    }
    for code, wish in wishes.items():
        assert {each.code or each.would for each in await seen(one, wish)} == {code}
        series_id = await asked(one, wish)
        assert await codes_of(series_id) == [code] * WEEKS
        await BookingSeries.filter(public_id=series_id).update(state="ENDED")
    assert {each.member_id for each in await LineCompanion.all()} == {other}
    assert await LineCompanion.all().count() == await Order.all().count() == WEEKS


async def test_whom_nobody_can_name_is_said_at_once_and_nothing_is_left(db: Database) -> None:
    hall = await a_venue_with_series()
    one, other, ties = await two_friends()
    of_others = await tie(await a_person(), Person(other, ""))
    for code, more in (
        ("RELATION_UNKNOWN", {"people": 2, "companion_ids": (of_others,)}),
        ("RELATION_UNKNOWN", {"people": 2, "companion_ids": ("cmp_NOBODY",)}),
        ("BAD_INPUT", {"people": 3, "companion_ids": (ties, ties)}),
        ("BAD_INPUT", {"people": 1, "companion_ids": (ties,)}),
        ("BAD_INPUT", {"people": 40, "companion_ids": tuple(f"cmp_{n}" for n in range(20))}),
    ):
        wish = every_week(hall.badminton, **more)
        assert await refused(seen(one, wish)) == code
        assert await refused(asked(one, wish)) == code
    assert await BookingSeries.all().count() == await SeriesCompanion.all().count() == 0
