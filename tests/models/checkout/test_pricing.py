"""An order costs what the tariff says, less the concession of whom it is for; and every fen is explained."""

from datetime import date, timedelta
from typing import Any

import pytest

from models import database
from models.booking.queries import slots, timetable
from models.checkout import choosing_vouchers
from models.checkout.cancelling import refund_quote
from models.checkout.quoting import order_quote
from models.errors import DomainError, ErrorCode
from models.orders.tables import FinanceEvent, OrderLine
from models.real_names.queries import concessions_on
from models.real_names.tables import Concession
from models.venues.tables import ConcessionRule, Holiday, SchoolHoliday
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import FATHER, GRANDMOTHER, ID_KEYS, Account, an_account, name
from tests.factories.booking import TOMORROW, Hall, Person, a_hall, a_paid_order, an_order, at, census, wanted
from tests.factories.people import a_clerk
from tests.factories.places import a_tariff
from tests.factories.vouchers import a_campaign, a_voucher
from tests.outside import Outside


async def a_person_called(person: tuple[str, str] | None, **rules: int) -> tuple[Account, Person, Hall]:
    """With this real name; every venue's concessions are as given, 50 % for SENIOR and STUDENT else."""
    hall, account = await a_hall(), await an_account()
    if person:
        await name(account, person)
    for kind, percent in (rules or {"SENIOR": 50, "STUDENT": 50}).items():
        await a_rule(kind, percent)
    return account, Person(account.member_id, account.openid), hall


async def a_rule(kind: str, percent: int, **columns: Any) -> None:
    await ConcessionRule.create(
        **{"kind": kind, "pays_percent": percent, "covers": "WHOLE", "provenance": "PUBLISHED", **columns}
    )


async def granted(account: Account, hall: Hall, kind: str, ends_on: date) -> None:
    clerk = await a_clerk(hall.venue.public_id)
    await Concession.create(
        public_id=f"con{kind}",
        member_id=account.member_id,
        kind=kind,
        ends_on=ends_on,
        verified_by_id=clerk.staff_id,
        venue_id=hall.venue.id,
        verified_at=NOW,
    )


async def line_of(order_id: int) -> Any:
    return await OrderLine.get(order_id=order_id)


async def test_grandmother_pays_half_for_the_whole_court_and_the_line_says_why(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    order = await an_order(person, wanted(hall.badminton, at(9), people=3))
    line = await line_of(order.id)
    assert (order.total_fen, line.price_fen, line.concession_fen, line.concession_kind) == (
        2000,
        2000,
        2000,
        "SENIOR",
    )
    assert line.price_parts == [
        ["WINDOW", "每天09:00–24:00市场价，每小时40.00元（演示）", 4000, True],
        ["CONCESSION", "老年人优待：只付50%", -2000, False],
    ]
    [charged] = await FinanceEvent.filter(order_id=order.id)
    assert (charged.kind, charged.amount_fen) == ("CHARGED", 2000)


@pytest.mark.parametrize("someone", [None, FATHER])
async def test_who_has_no_real_name_or_belongs_to_no_group_pays_the_general_price(
    someone: tuple[str, str] | None, db: Database
) -> None:
    _, person, hall = await a_person_called(someone)
    for hour in (9, 10):
        line = await line_of((await an_order(person, wanted(hall.badminton, at(hour)))).id)
        assert (line.price_fen, line.concession_fen, line.concession_kind) == (4000, 0, "")
        assert [part[2] for part in line.price_parts] == [4000]


async def test_a_concession_counts_on_the_slots_day_and_not_on_the_day_of_booking(db: Database) -> None:
    account, person, hall = await a_person_called(FATHER)
    await granted(account, hall, "STUDENT", ends_on=TOMORROW + timedelta(days=1))
    last = await an_order(person, wanted(hall.badminton, at(9)))
    after = await an_order(person, wanted(hall.badminton, at(9, days=2)))
    assert (last.total_fen, after.total_fen) == (2000, 4000)
    days = (TOMORROW, TOMORROW + timedelta(days=1))
    held = await concessions_on(member_id=account.member_id, keys=ID_KEYS, days=days)
    assert held == {days[0]: {"STUDENT"}, days[1]: set()}
    await Concession.all().update(revoked_at=NOW)
    assert not any((await concessions_on(member_id=account.member_id, keys=ID_KEYS, days=days)).values())


async def test_who_turns_60_between_booking_and_playing_pays_as_on_the_day_of_playing(db: Database) -> None:
    account, _, _ = await a_person_called(GRANDMOTHER)  # born on 15 March 1952
    days = (date(2012, 3, 14), date(2012, 3, 15))
    held = await concessions_on(member_id=account.member_id, keys=ID_KEYS, days=days)
    assert held == {days[0]: set(), days[1]: {"SENIOR"}}


async def test_of_two_concessions_the_better_one_is_given_and_not_both(db: Database) -> None:
    account, person, hall = await a_person_called(GRANDMOTHER, SENIOR=50, DISABLED=20)
    await granted(account, hall, "DISABLED", ends_on=TOMORROW + timedelta(days=9))
    line = await line_of((await an_order(person, wanted(hall.badminton, at(9)))).id)
    assert (line.price_fen, line.concession_kind) == (800, "DISABLED")


async def test_a_venues_own_rules_take_the_place_of_everybodys_wholly(db: Database) -> None:
    account, person, hall = await a_person_called(GRANDMOTHER)
    await granted(account, hall, "STUDENT", ends_on=TOMORROW + timedelta(days=9))
    await a_rule("STUDENT", 30, venue_id=hall.venue.id, covers="SHARE")
    line = await line_of((await an_order(person, wanted(hall.badminton, at(9), people=4))).id)
    assert (line.price_fen, line.concession_kind) == (4000 - 700, "STUDENT")
    assert line.price_parts[-1][1:3] == ["学生优待：本人的一份只付30%", -700]


async def test_either_side_of_the_border_honours_what_the_other_granted(db: Database) -> None:
    account, person, hall = await a_person_called(FATHER)
    await granted(account, hall, "STUDENT", ends_on=TOMORROW + timedelta(days=9))
    there = await a_hall(province_code="500000", city_code="500000")
    here_fen, there_fen = [
        (await an_order(person, wanted(each.badminton, at(9 + n)))).total_fen
        for n, each in enumerate((hall, there))
    ]
    assert here_fen == there_fen == 2000


async def test_what_costs_nothing_after_the_concession_is_confirmed_at_once(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER, SENIOR=0)
    order = await an_order(person, wanted(hall.badminton, at(9)))
    line = await line_of(order.id)
    assert (order.status, order.total_fen, line.concession_fen) == ("PAID", 0, 4000)
    assert line.price_parts[-1][1] == "老年人优待：免费"


async def test_a_free_hour_asks_nobody_how_old_they_are(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    await a_tariff(hall.venue, 9 * 60, 10 * 60, 0, day_kind="EVERY:SAT")
    line = await line_of((await an_order(person, wanted(hall.badminton, at(9)))).id)
    assert (line.price_fen, line.concession_kind) == (0, "")
    assert line.price_parts == [["WINDOW", "每周六09:00–10:00免费时段（演示）", 0, True]]


async def test_the_grids_price_and_ones_own_are_both_taken_for_expected_and_any_other_is_not(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await an_order(person, wanted(hall.badminton, at(9), expected_price_fen=1999))
    assert refusal.value.code == ErrorCode.PRICE_CHANGED
    assert "20.00元" in refusal.value.message
    assert await census() == before
    for hour, expected in ((9, 2000), (10, 4000)):
        assert (
            await an_order(person, wanted(hall.badminton, at(hour), expected_price_fen=expected))
        ).total_fen == 2000


async def test_a_quote_is_what_the_order_will_cost_and_holds_nothing(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    lines = [wanted(hall.badminton, at(9), people=2), wanted(hall.full, at(10))]
    before = await census()
    quoted = await order_quote(member_id=person.member_id, lines=lines, keys=ID_KEYS, now=NOW)
    assert await census() == before
    order = await an_order(person, *lines)
    placed = await OrderLine.filter(order_id=order.id).order_by("line_no")
    assert [each.price_fen for each in quoted] == [line.price_fen for line in placed] == [2000, 2000]
    assert [[list(part) for part in each.price_parts] for each in quoted] == [line.price_parts for line in placed]
    for line in placed:
        assert sum(part[2] for part in line.price_parts or ()) == line.price_fen


async def test_a_vouchers_minimum_spend_is_of_what_is_left_after_the_concession(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    voucher = await a_voucher(person.member_id, await a_campaign(face_fen=1000, minimum_spend_fen=3000))
    line = wanted(hall.badminton, at(9))
    [fit] = await choosing_vouchers.vouchers_for(member_id=person.member_id, lines=[line], keys=ID_KEYS, now=NOW)
    assert fit.refusal is not None
    with pytest.raises(DomainError):
        await an_order(person, line, vouchers=[voucher.public_id])
    two = [line, wanted(hall.badminton_2, at(9))]
    order = await an_order(person, *two, vouchers=[voucher.public_id])
    assert (order.total_fen, order.voucher_fen, order.to_pay_fen) == (4000, 1000, 3000)
    assert sum(each.voucher_fen for each in await OrderLine.filter(order_id=order.id)) == 1000


async def test_what_comes_back_is_what_was_paid_after_the_concession(db: Database, outside: Outside) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(15)), wanted(hall.full, at(15)))
    quote = await refund_quote(member_id=person.member_id, order_no=order.order_no, line_nos=[1], now=NOW)
    assert [(line.price_fen, line.refund_fen) for line in quote.lines] == [(2000, 2000)]


async def test_the_grid_explains_its_prices_and_a_school_holiday_changes_them(db: Database) -> None:
    _, _, hall = await a_person_called(None)
    await a_tariff(hall.venue, 9 * 60, 12 * 60, 1000, day_kind="SCHOOL_HOLIDAY", kind="LOW")

    async def nine() -> Any:
        grid = await slots(venue_id=hall.venue.public_id, sport="BADMINTON", day=TOMORROW, now=NOW)
        return next(slot for slot in grid[0].slots if slot.starts_at == at(9))

    assert (await nine()).price_fen == 4000
    await SchoolHoliday.create(
        province_code="500000", from_day=TOMORROW, to_day=TOMORROW + timedelta(days=1), name="寒假", source="渝"
    )
    assert (await nine()).price_fen == 4000  # another province's
    await SchoolHoliday.create(
        province_code="510000", from_day=TOMORROW, to_day=TOMORROW + timedelta(days=1), name="寒假", source="川"
    )
    slot = await nine()
    assert slot.price_fen == sum(part.amount_fen for part in slot.price_explanation) == 1000
    assert slot.price_explanation[0].text == "寒暑假09:00–12:00低收费，每小时10.00元（演示）"


async def test_in_a_year_without_notice_the_weekday_decides_and_the_explanation_says_so(db: Database) -> None:
    _, person, hall = await a_person_called(None)
    await a_tariff(hall.venue, 9 * 60, 12 * 60, 1000, day_kind="HOLIDAY", kind="LOW")
    [quoted] = await order_quote(
        member_id=person.member_id, lines=[wanted(hall.badminton, at(9))], keys=ID_KEYS, now=NOW
    )
    unknown = "周末和节假日09:00–12:00低收费，每小时10.00元（演示；当年放假安排尚未公布，按星期几计）"
    assert [part.text for part in quoted.price_parts] == [unknown]
    await Holiday.create(date=date(TOMORROW.year, 10, 1), kind="HOLIDAY", name="国庆节")
    table = await timetable(venue_id=hall.venue.public_id, sport=None, day=TOMORROW)
    assert table.day.known
    [quoted] = await order_quote(
        member_id=person.member_id, lines=[wanted(hall.badminton, at(9))], keys=ID_KEYS, now=NOW
    )
    assert [part.text for part in quoted.price_parts] == ["周末和节假日09:00–12:00低收费，每小时10.00元（演示）"]


async def test_a_line_cannot_lose_money_to_a_concession_without_a_name(db: Database) -> None:
    _, person, hall = await a_person_called(GRANDMOTHER)
    order = await an_order(person, wanted(hall.badminton, at(9)))
    with pytest.raises(Exception, match="order_line_concession_told"):
        await database.rows("UPDATE order_line SET concession_kind = '' WHERE order_id = $1", order.id)
    assert (await line_of(order.id)).concession_kind == "SENIOR"
