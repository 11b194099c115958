"""What a series would bring is read in one handful of statements however long it is, and is what comes of it."""

from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.orders.tables import Order
from models.real_names.tables import Concession
from models.venues.tables import ConcessionRule
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW, Person, an_order, at, wanted
from tests.factories.organisations import a_named_member
from tests.factories.people import a_clerk
from tests.factories.series import OPENS, a_venue_with_series, asked, dates_of, every_week, run, seen, states
from tests.factories.splitting import tie

A_YEAR = 52
STATEMENTS = 11
"""The companions; the court, and the rules of the first day; who plays; the venue's days; the concessions held, and those
that are given; the cells; what everybody has, by whom it is, and the companions' names."""


async def test_a_year_of_dates_is_read_in_as_many_statements_as_one_date(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = await a_venue_with_series(series_weeks=A_YEAR)
    clerk = await a_clerk(hall.venue.public_id)
    member, friend = await a_named_member(), await a_named_member()
    companions = (await tie(Person(member, ""), Person(friend, "")),)
    await ConcessionRule.create(
        venue_id=hall.venue.id, kind="STUDENT", pays_percent=50, covers="WHOLE", provenance="PUBLISHED"
    )
    await Concession.create(
        public_id="con_1",
        member_id=member,
        kind="STUDENT",
        ends_on=TOMORROW + timedelta(days=7 * 9),
        verified_by_id=clerk.staff_id,
        venue_id=hall.venue.id,
        verified_at=at(8, days=0),
    )
    await an_order(Person(friend, ""), wanted(hall.badminton, at(9, days=1)))
    sent, rows = 0, database.rows

    async def counted(*args: Any) -> Any:
        nonlocal sent
        sent += 1
        return await rows(*args)

    monkeypatch.setattr(database, "rows", counted)

    async def cost(weeks: int) -> tuple[int, list[Any]]:
        nonlocal sent
        sent = 0
        wish = every_week(hall.badminton, 9, weeks=weeks, slots=2, people=2, companion_ids=companions)
        shown = await seen(member, wish)
        return sent, shown

    one, (first,) = await cost(1)
    of_a_year, all_of_it = await cost(A_YEAR)
    assert one == of_a_year <= STATEMENTS
    assert len(all_of_it) == A_YEAR
    assert all_of_it[0] == first
    assert [(each.code, each.price_fen) for each in all_of_it[:2]] == [("SLOT_TAKEN", 4000), (None, 4000)]
    prices = [each.price_fen for each in all_of_it]
    assert prices == [4000] * 9 + [8000] * (A_YEAR - 9), "half price until the concession ends"
    assert [each.would for each in all_of_it[1:]] == ["LATER"] * (A_YEAR - 1)
    assert [each.opens_at for each in all_of_it[1:]] == [at(8, days=1 + 7 * n) for n in range(A_YEAR - 1)]


async def test_what_was_shown_is_what_comes_of_it_date_by_date(db: Database) -> None:
    """Where nothing happens in between: the same code or none, the same price, on the day that was told."""
    hall = await a_venue_with_series(courts_a_person_a_week=1)
    member = await a_named_member()
    other = Person(await a_named_member(), "")
    await an_order(Person(member, ""), wanted(hall.badminton_2, at(20, days=3)))
    await an_order(other, wanted(hall.badminton, at(10, days=1)))
    await Order.all().update(status="PAID", paid_at=NOW)
    wish = every_week(hall.badminton, slots=2)
    shown = await seen(member, wish)
    assert [each.code for each in shown] == ["SLOT_TAKEN", "TOO_MANY_COURTS", None, None]
    series_id = await asked(member, wish)
    for week, each in enumerate(shown[1:]):
        opens = at(OPENS, days=1 + 7 * week)
        assert each.opens_at in (None, opens)
        await run(opens - timedelta(seconds=1))
        assert (await states(series_id))[week + 1] == "PLANNED"
        await run(opens)
        await Order.all().update(status="PAID", paid_at=NOW)
    became = await dates_of(series_id)
    assert [(each.business_day, each.code) for each in became] == [(each.day, each.code or "") for each in shown]
    paid = await database.rows(
        "SELECT total_fen FROM orders WHERE id IN (SELECT order_id FROM series_date) ORDER BY id"
    )
    assert [row["total_fen"] for row in paid] == [each.price_fen for each in shown[2:]]
