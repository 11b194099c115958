"""Sessions are made from plans, listed with what is free, and hold no more people than they may."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import database
from models.booking import session_making
from models.booking.editing import RulesWanted, preview_rules, write_rules
from models.booking.limits import Limits
from models.booking.rules import SlotStatus
from models.booking.session_importing import (
    demonstration_tickets,
    import_session_plans,
    session_plans_in,
)
from models.booking.session_making import DAYS_MADE, make_sessions
from models.booking.session_operations import count_inside
from models.booking.session_queries import sessions
from models.booking.session_rules import LIVE_FOR
from models.booking.tables import Session, SessionPlan, SessionPrice
from models.calendar import business_day
from models.errors import DomainError, ErrorCode
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from models.staff.rules import Role
from models.venues.tables import Holiday, Sport, Venue
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW
from tests.factories.people import a_clerk
from tests.factories.places import DATA, a_venue
from tests.factories.sessions import a_plan, a_session

TODAY = business_day(NOW)


class Killed(BaseException):
    """What no code of ours catches."""


async def made() -> list[tuple[str, date, int, bool]]:
    return [
        (row.name, row.business_day, row.capacity, row.is_open)
        for row in await Session.all().order_by("starts_at", "id")
    ]


async def test_each_coming_day_gets_its_sessions_once_however_often_they_are_made(db: Database) -> None:
    venue = await a_venue()
    await a_plan(venue, 8 * 60, 10 * 60)  # of today's it has begun, so there is none
    await a_plan(venue, 22 * 60, 24 * 60)
    assert await make_sessions(now=NOW) == 2 * DAYS_MADE - 1
    first = await Session.all().order_by("id").values()
    assert await make_sessions(now=NOW) == 0
    assert await Session.all().order_by("id").values() == first
    late = first[0]
    assert (late["ends_at"] - late["starts_at"], late["business_day"]) == (timedelta(hours=2), TODAY)
    assert await make_sessions(now=NOW + timedelta(days=1)) == 2


async def test_a_job_that_was_killed_between_venues_is_finished_by_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await a_plan(await a_venue())
    whole, inserted = session_making._insert, []

    async def dying(venue_id: int, *rest: object) -> int:
        inserted.append(venue_id)
        if len(inserted) == DAYS_MADE + 3:  # in the midst of the second venue
            raise Killed
        return await whole(venue_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(session_making, "_insert", dying)
    with pytest.raises(Killed):
        await make_sessions(now=NOW)
    assert await Session.all().count() == DAYS_MADE  # the first venue's, and nothing of the second
    monkeypatch.setattr(session_making, "_insert", whole)
    assert await make_sessions(now=NOW) == DAYS_MADE
    assert await Session.all().count() == 2 * DAYS_MADE


async def test_holidays_and_given_days_have_their_own_sessions(db: Database) -> None:
    venue = await a_venue()
    await a_plan(venue, day_kind="WORKDAY")
    await a_plan(venue, 10 * 60, 12 * 60, day_kind="STATUTORY_HOLIDAY")
    monday = TODAY + timedelta(days=(7 - TODAY.weekday()) % 7)
    await Holiday.create(date=monday, kind="HOLIDAY", name="演示")
    await make_sessions(now=NOW)
    (on_monday,) = await Session.filter(business_day=monday).prefetch_related("plan")
    assert on_monday.plan.day_kind == "STATUTORY_HOLIDAY"
    weekend = [day for _, day, _, _ in await made() if day.weekday() >= 5]
    assert weekend == []


async def test_a_changed_plan_reaches_what_has_not_begun_and_never_below_what_is_sold(db: Database) -> None:
    session = await a_session(await a_venue(), capacity=40)
    await Session.filter(id=session.id).update(taken=30)
    await SessionPlan.all().update(capacity=20, to_minute=15 * 60)
    await make_sessions(now=NOW)
    sold, other = await Session.get(id=session.id), await Session.get(business_day=TOMORROW + timedelta(days=1))
    assert (sold.capacity, sold.ends_at) == (30, session.ends_at)
    assert (other.capacity, other.ends_at - other.starts_at) == (20, timedelta(hours=1))
    await SessionPlan.all().update(valid_to=TOMORROW + timedelta(days=1))
    await make_sessions(now=NOW)
    assert [row for row in await made() if row[3]] == [
        ("大众池", TODAY, 20, True),
        ("大众池", TOMORROW, 30, True),
    ]
    await SessionPlan.all().update(valid_to=None)
    await make_sessions(now=NOW)
    assert all(row[3] for row in await made())  # it is in the plan again


async def test_a_days_sessions_are_listed_with_prices_and_what_is_free_in_two_statements(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue = await a_venue()
    session = await a_session(venue)
    await a_plan(venue, 10 * 60, 12 * 60, name="训练池", sport="TENNIS")
    await make_sessions(now=NOW)
    await Session.filter(id=session.id).update(taken=38)
    asked, rows = [], database.rows

    async def counted(sql: str, *values: Any) -> Sequence[Any]:
        asked.append(sql)
        return await rows(sql, *values)

    monkeypatch.setattr(database, "rows", counted)
    listed = await sessions(venue_id=venue.public_id, sport=None, day=TOMORROW, now=NOW)
    assert len(asked) == 2
    assert [(each.facts.name, each.facts.free, each.status) for each in listed] == [
        ("训练池", 40, SlotStatus.AVAILABLE),
        ("大众池", 2, SlotStatus.AVAILABLE),
    ]
    assert [(price.ticket, price.price_fen) for price in listed[1].facts.prices] == [
        ("ADULT", 3000),
        ("CHILD", 1500),
    ]
    assert {each.inside for each in listed} == {None}
    (pool,) = await sessions(venue_id=venue.public_id, sport="SWIMMING", day=TOMORROW, now=NOW)
    assert pool.facts.id == session.id
    await Session.filter(id=session.id).update(is_open=False)
    assert await sessions(venue_id=venue.public_id, sport="SWIMMING", day=TOMORROW, now=NOW) == []
    with pytest.raises(DomainError) as refused:
        await sessions(venue_id="ven_nowhere", sport=None, day=TOMORROW, now=NOW)
    assert refused.value.code == ErrorCode.VENUE_UNKNOWN


async def test_a_pools_staff_write_rules_for_its_sport_though_it_has_no_court(db: Database) -> None:
    venue = await a_venue()
    session = await a_session(venue, days=5)
    manager = await a_clerk(venue.public_id, roles=(Role.VENUE_MANAGER,))
    limits = Limits(9, 600, 2, 0, 15, 30)

    async def write(sport: str) -> None:
        rules = RulesWanted(sport_code=sport, limits=limits, from_day=TOMORROW, note="泳池提前两天开放")
        asked: dict[str, Any] = {"clerk": manager, "venue_id": venue.public_id, "wanted": rules, "now": NOW}
        seen = await preview_rules(**asked)
        await write_rules(**asked, expected_change=seen.change_hash)

    async def status() -> SlotStatus:
        (shown,) = await sessions(venue_id=venue.public_id, sport=None, day=session.business_day, now=NOW)
        return shown.status

    assert await status() is SlotStatus.AVAILABLE
    await write("SWIMMING")
    assert await status() is SlotStatus.NOT_RELEASED
    with pytest.raises(DomainError) as refusal:
        await write("TENNIS")
    assert refusal.value.code is ErrorCode.RULES_INVALID


async def test_who_is_counted_without_a_code_takes_a_place_while_the_count_is_live(db: Database) -> None:
    venue = await a_venue()
    session = await a_session(venue, capacity=10)
    soon = session.starts_at - timedelta(minutes=10)
    await count_inside(venue_id=venue.id, sport_code="SWIMMING", people=4, at=soon)
    await count_inside(venue_id=venue.id, sport_code="SWIMMING", people=-1, at=soon)
    await count_inside(venue_id=venue.id, sport_code="BADMINTON", people=5, at=soon)

    async def listed(after: timedelta) -> tuple[int, int | None]:
        (only,) = await sessions(venue_id=venue.public_id, sport=None, day=TOMORROW, now=soon + after)
        return only.facts.free, only.inside and only.inside.inside

    assert await listed(timedelta()) == (7, 3)
    assert await listed(LIVE_FOR) == (7, 3)
    assert await listed(LIVE_FOR + timedelta(seconds=1)) == (10, 3)  # shown with its age, and in nobody's way
    await count_inside(venue_id=venue.id, sport_code="SWIMMING", people=-9, at=soon)
    assert await listed(timedelta()) == (10, 0)
    assert await listed(timedelta(hours=3)) == (10, None)  # over


async def test_who_leaves_late_is_counted_out_of_the_session_they_were_in(db: Database) -> None:
    venue = await a_venue()
    first = await a_session(venue, from_minute=14 * 60, to_minute=16 * 60)
    second = await a_session(venue, from_minute=16 * 60, to_minute=18 * 60)
    early, late = first.starts_at, first.ends_at + timedelta(minutes=5)
    await count_inside(venue_id=venue.id, sport_code="SWIMMING", people=3, at=early)
    await count_inside(venue_id=venue.id, sport_code="SWIMMING", people=2, at=late)
    await count_inside(venue_id=venue.id, sport_code="SWIMMING", people=-1, at=late)
    counted = {row.id: row.counted_inside for row in await Session.filter(business_day=TOMORROW)}
    assert counted == {first.id: 2, second.id: 2}


async def test_the_file_is_brought_in_once_and_what_vanished_from_it_ends(db: Database, tmp_path: Path) -> None:
    await a_venue(ref="CQ013")
    await a_venue(ref="SC005")
    await Sport.create(code="SWIMMING", name="游泳", position=7)

    async def bring(folder: Path) -> ImportReport:
        report = ImportReport()
        await import_session_plans(folder=folder, report=report, now=NOW)
        return report

    first = await bring(DATA)
    assert (await SessionPlan.all().count(), await SessionPrice.all().count()) == (13, 52)
    assert first.tables == ["session_plan", "session_price"]
    assert (await bring(DATA)).touched == 0
    lines = (DATA / "sessions.csv").read_text(encoding="utf-8").splitlines()
    given = [each for each in lines if each.startswith("CQ013") and "DATE:08-08,10:00" in each]
    kept = [lines[0], lines[1].replace("120,4", "110,4").replace("|SENIOR LOW 800", ""), *given]
    (tmp_path / "sessions.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    report = await bring(tmp_path)
    assert (report.changed, report.removed, report.closed) == (1, 1, 11)
    assert await SessionPlan.filter(valid_to=TODAY).count() == 11
    assert (await bring(tmp_path)).touched == 0
    staffs = await a_plan(await Venue.get(ref="CQ013"), 8 * 60, 9 * 60, written_by_id=None)
    assert (await bring(tmp_path)).closed == 1  # it was the files' to say
    assert (await SessionPlan.get(id=staffs.id)).valid_to == TODAY


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("capacity", "151", "最多容纳150人"),
        ("lifeguards", "3", "至少要有4名救生员"),
        ("from", "23:00", "不能跨过零点"),
        ("prices", "ADULT MARKET 0", "只有免费场次的价格是0元"),
        ("prices", "", "还没有票价"),
        ("prices", "BABY FREE 0", "BABY"),
        ("day_kind", "DATE:02-29", "no kind of day"),
        ("valid_from", "", "begins on a day"),
        ("provenance", "HEARSAY", "HEARSAY"),
        ("from", "13:00", "两个场次重叠"),
        ("from", "07:00", "8月8日收费"),  # when no free session stands before it
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(tmp_path: Path, column: str, value: str, said: str) -> None:
    header, first, second, *others = (DATA / "sessions.csv").read_text(encoding="utf-8").splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True)) | {column: value}
    if column == "from":
        cells["to"] = {"23:00": cells["to"], "13:00": "15:00", "07:00": "09:00"}[value]
    (tmp_path / "sessions.csv").write_text(
        "\n".join([header, ",".join(cells.values()), second, *others]) + "\n", "utf-8"
    )
    with pytest.raises(ImportRefused, match=said):
        session_plans_in(tmp_path)


def test_nothing_in_the_file_says_that_it_was_published() -> None:
    plans = session_plans_in(DATA)
    assert {each.provenance for each in plans} == {"DEMONSTRATION"}
    assert {price.provenance for each in plans for price in each.plan.prices} == {"DEMONSTRATION"}
    assert demonstration_tickets(DATA) == 32


async def test_an_unknown_place_in_the_file_brings_nothing_in(db: Database) -> None:
    await a_venue(ref="CQ013")
    await Sport.create(code="SWIMMING", name="游泳", position=7)
    with pytest.raises(ImportRefused, match="SC005"):
        await import_session_plans(folder=DATA, report=ImportReport(), now=NOW)
    assert await SessionPlan.all().count() == 0


@pytest.mark.postgres
async def test_the_capacity_is_kept_by_the_database_itself(db: Database) -> None:
    session = await a_session(await a_venue(), capacity=2)
    with pytest.raises(Exception, match="session_taken_within_capacity"):
        await database.rows("UPDATE session SET taken = 3 WHERE id = $1", session.id)
