"""Staff write a tariff anew: what is refused in a sentence, and what holds on which day."""

import asyncio
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.booking.queries import timetable
from models.errors import DomainError, ErrorCode
from models.venues.checking import CourtNamed
from models.venues.concession_rules import rules_at
from models.venues.concessions import Rule
from models.venues.rules import Day, DayKind, Opening, Window, half_hours, openings_on, windows_of_court
from models.venues.tables import TariffVersion, TariffWindow, Venue
from models.venues.writing import TariffRefused, TariffWanted, checked, write_tariff
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import TOMORROW, a_hall
from tests.factories.people import a_clerk

TODAY = TOMORROW - timedelta(days=1)
COURTS = [
    CourtNamed("BADMINTON", "羽毛球1号场"),
    CourtNamed("BADMINTON", "羽毛球2号场"),
    CourtNamed("TENNIS", "网球场"),
]
OPEN = [Opening(weekday, 480, 1320) for weekday in range(1, 7)]  # closed on Mondays


def a_window(days: str, begins: float, ends: float, yuan: int, **more: Any) -> Window:
    kind = more.pop("kind", "MARKET" if yuan else "FREE")
    told = more.pop("told", "PUBLISHED")
    return Window(days, int(begins * 60), int(ends * 60), kind, yuan * 100, told, told, **more)


FREE_DAY = a_window("DATE:08-08", 8, 22, 0)
WHOLE = [
    a_window("WORKDAY", 8, 18, 20, kind="LOW"),
    a_window("WORKDAY", 18, 22, 40),
    a_window("HOLIDAY", 8, 22, 40),
    FREE_DAY,
]


def wanted(*windows: Window, **more: Any) -> TariffWanted:
    return TariffWanted(**{"windows": windows, "from_day": TODAY, "note": "春季调价", **more})


def refused(tariff: TariffWanted) -> str:
    with pytest.raises(TariffRefused) as refusal:
        checked(tariff, courts=COURTS, openings=OPEN, today=TODAY)
    assert refusal.value.code == ErrorCode.BAD_INPUT
    assert refusal.value.next_step
    return refusal.value.message


def test_a_tariff_that_prices_every_open_half_hour_is_taken() -> None:
    checked(wanted(*WHOLE), courts=COURTS, openings=OPEN, today=TODAY)
    checked(wanted(*WHOLE, a_window("EVERY:WED", 8, 22, 0)), courts=COURTS, openings=OPEN, today=TODAY)
    checked(
        wanted(*WHOLE, a_window("SCHOOL_HOLIDAY", 8, 16, 0), a_window("NTH:5:SUN", 9, 12, 0)),
        courts=COURTS, openings=OPEN, today=TODAY,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (a_window("WORKDAY", 17, 19, 30), "工作日08:00–18:00低收费和工作日17:00–19:00市场价重叠，说不清按哪个收费。"),
        (a_window("EVERY:WED", 9, 10, 0, kind="LOW"), "每周三09:00–10:00低收费：价格为0，但不是免费时段。"),
        (a_window("EVERY:WED", 9, 10, 5, kind="FREE"), "每周三09:00–10:00免费时段：免费时段不能有价格。"),
        (a_window("EVERY:WED", 9, 10, 5, kind="CHEAP"), "每周三09:00–10:00：请写明是免费、低收费还是市场价。"),
        (a_window("DATE:02-29", 9, 10, 0), "2月29日不是每年都有。"),
        (a_window("SOMEDAY", 9, 10, 0), "“SOMEDAY”不是能用的日期。"),
        (a_window("EVERY:WED", 21, 2, 0), "每周三21:00–02:00免费时段：跨过了零点。"),
        (a_window("EVERY:WED", 9, 9.25, 0), "时段要从整点或半点开始，到整点或半点结束。"),
        (a_window("EVERY:WED", 9, 25, 0), "时段要在0:00到24:00之间。"),
        (a_window("EVERY:WED", 9, 10, 200_000), "每周三09:00–10:00市场价：价格不对。"),
        (a_window("EVERY:WED", 9, 10, 0, court_name="3号场"), "3号场每周三09:00–10:00免费时段：本馆没有这样的场地。"),
        (
            a_window("EVERY:WED", 9, 10, 0, sport_code="TENNIS", court_name="羽毛球1号场"),
            "羽毛球1号场每周三09:00–10:00免费时段：本馆没有这样的场地。",
        ),
        (a_window("MON", 9, 10, 0), None),  # a Monday that is a holiday is of another kind, and Mondays are closed
        (a_window("EVERY:MON", 9, 10, 0), "每周一09:00–10:00免费时段：永远用不到，那时不开放，或总有更具体的时段。"),
        (a_window("ALL", 8, 22, 30), "每天08:00–22:00市场价：永远用不到，那时不开放，或总有更具体的时段。"),
        (a_window("EVERY:WED", 6, 8, 0), "每周三06:00–08:00免费时段：永远用不到，那时不开放，或总有更具体的时段。"),
    ],
)  # fmt: skip
def test_a_window_that_makes_no_sense_is_refused_in_a_sentence(more: Window, sentence: str | None) -> None:
    said = refused(wanted(*WHOLE, more))
    assert said == (sentence or "周一09:00–10:00免费时段：永远用不到，那时不开放，或总有更具体的时段。")


def test_a_gap_is_named_by_court_day_and_minute() -> None:
    gap = [a_window("WORKDAY", 8, 12, 20), a_window("WORKDAY", 12.5, 22, 40), *WHOLE[2:]]
    assert refused(wanted(*gap)) == "羽毛球2号场：周二（工作日）12:00开放，却没有定价。"
    weekdays_only = [a_window(f"EVERY:{day}", 8, 22, 20) for day in ("TUE", "WED", "THU", "FRI", "SAT")]
    assert refused(wanted(*weekdays_only, FREE_DAY)) == "羽毛球2号场：周日（周末）08:00开放，却没有定价。"


def test_8_august_stays_free_whatever_a_venue_writes() -> None:
    assert refused(wanted(*WHOLE[:-1])).startswith("羽毛球2号场：8月8日全民健身日08:00要收费")
    until_noon = a_window("DATE:08-08", 8, 12, 0)
    assert refused(wanted(*WHOLE[:-1], until_noon)).startswith("羽毛球2号场：8月8日全民健身日12:00要收费")
    checked(wanted(a_window("ALL", 8, 22, 0)), courts=COURTS, openings=OPEN, today=TODAY)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"from_day": TODAY - timedelta(days=1)}, "开始日期已经过去。"),
        ({"to_day": TODAY}, "结束日期要晚于开始日期，否则没有一天用得上。"),
        ({"note": " "}, "改价要有说明（200字以内）。"),
        ({"note": "长" * 201}, "改价要有说明（200字以内）。"),
        ({"windows": ()}, "价目要有1到400个时段。"),
        ({"concessions": [Rule("SENIOR", 100)]}, "优待后的价格要在0%到99%之间，否则没有人得到优惠。"),
        ({"concessions": [Rule("SENIOR", 50), Rule("SENIOR", 20)]}, "同一类人群写了两次优待。"),
        ({"concessions": [Rule("CHAMPION", 50)]}, "没有这一类优待。"),
    ],
)
def test_days_notes_and_concessions_that_nobody_could_use_are_refused(more: dict[str, Any], sentence: str) -> None:
    assert refused(wanted(*WHOLE, **more)) == sentence


@st.composite
def some_tariffs(draw: st.DrawFn) -> list[Window]:
    """A partition whose kinds are cut into two or three spans each, now and then with a hole, and some days beside."""
    windows = [FREE_DAY] if draw(st.integers(0, 9)) else []
    for days in draw(st.sampled_from([("ALL",), ("WORKDAY", "HOLIDAY"), ("MON", "TUE_FRI", "WEEKEND_STATUTORY")])):
        cuts = sorted({16, *draw(st.sets(st.integers(17, 43), max_size=2)), 44})
        windows += [a_window(days, a / 2, b / 2, draw(st.integers(1, 90))) for a, b in pairwise(cuts)]
    if not draw(st.integers(0, 3)):
        windows.pop(draw(st.integers(0, len(windows) - 1)))
    beside = st.sampled_from(
        ["EVERY:WED", "NTH:1:SUN", "NTH:5:SAT", "SCHOOL_HOLIDAY", "STATUTORY_HOLIDAY", "DATE:10-01"]
    )
    for days in draw(st.sets(beside, max_size=3)):
        begins = draw(st.integers(16, 42))
        sport = draw(st.sampled_from(["", "TENNIS"]))
        windows.append(a_window(days, begins / 2, draw(st.integers(begins + 1, 44)) / 2, 0, sport_code=sport))
    return windows


@settings(max_examples=60)
@given(some_tariffs(), st.dates(date(2026, 1, 1), date(2032, 12, 31)), st.sampled_from(DayKind), st.booleans())
def test_a_tariff_prices_every_open_half_hour_of_every_day_or_is_refused(
    windows: list[Window], day: date, kind: DayKind, school: bool
) -> None:
    with suppress(TariffRefused):
        checked(wanted(*windows), courts=COURTS, openings=OPEN, today=TODAY)
        _is_whole(windows, Day(day, kind, in_school_holiday=school))


def _is_whole(windows: list[Window], day: Day) -> None:
    for court in COURTS:
        deciding = half_hours(windows_of_court(windows, *court), day)
        for opens, closes in openings_on(OPEN, day.date.weekday(), court.sport_code):
            assert None not in deciding[opens // 30 : closes // 30]
            if (day.date.month, day.date.day) == (8, 8):
                assert {w.kind for w in deciding[opens // 30 : closes // 30] if w} == {"FREE"}


# What is written


async def test_a_version_holds_from_its_day_to_its_last_and_what_was_before_comes_back(db: Database) -> None:
    hall = await a_hall()
    clerk = (await a_clerk(hall.venue.public_id)).staff_id
    before = await TariffWindow.all().order_by("id").values()

    async def price(days: int) -> int:
        day = TODAY + timedelta(days=days)
        found = await timetable(venue_id=hall.venue.public_id, sport=None, day=day)
        window = found.prices_of(found.courts[0])[20]
        assert window is not None
        return window.price_fen_per_hour

    async def write(yuan: int, key: str, **more: Any) -> int:
        tariff = wanted(a_window("ALL", 0, 24, yuan), FREE_DAY._replace(from_minute=0, to_minute=1440), **more)
        return await write_tariff(
            staff_id=clerk, venue_id=hall.venue.public_id, wanted=tariff, idempotency_key=key, now=NOW
        )

    ahead = {"from_day": TODAY + timedelta(days=2), "to_day": TODAY + timedelta(days=4)}
    assert await write(50, "k1", **ahead) == 1
    assert [await price(days) for days in range(6)] == [4000, 4000, 5000, 5000, 4000, 4000]
    assert (await Venue.get(id=hall.venue.id)).price_from_fen == 4000
    assert await write(30, "k2") == 2
    assert [await price(days) for days in range(6)] == [3000] * 6
    assert (await Venue.get(id=hall.venue.id)).price_from_fen == 3000
    assert await write(60, "k3", **ahead) == 3
    assert [await price(days) for days in range(6)] == [3000, 3000, 6000, 6000, 3000, 3000]
    assert await TariffWindow.all().order_by("id").values() == before
    kept = await TariffVersion.all().order_by("number").values("number", "written_by_id", "written_at", "note")
    assert kept == [
        {"number": number, "written_by_id": clerk, "written_at": NOW, "note": "春季调价"} for number in (1, 2, 3)
    ]


async def test_the_same_key_writes_once_and_another_tariff_under_it_is_refused(db: Database) -> None:
    hall = await a_hall()
    clerk = (await a_clerk(hall.venue.public_id)).staff_id
    act: Any = {"staff_id": clerk, "venue_id": hall.venue.public_id, "idempotency_key": "k", "now": NOW}
    tariff = wanted(a_window("ALL", 8, 22, 30), FREE_DAY, concessions=[Rule("SENIOR", 20)])
    assert await write_tariff(wanted=tariff, **act) == await write_tariff(wanted=tariff, **act) == 1
    with pytest.raises(DomainError) as refusal:
        await write_tariff(wanted=wanted(a_window("ALL", 8, 22, 31), FREE_DAY), **act)
    assert refusal.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await TariffVersion.all().count() == 1
    assert await rules_at(hall.venue.id, TODAY) == (Rule("SENIOR", 20),)
    assert await rules_at(hall.venue.id, TODAY - timedelta(days=1)) == ()


@pytest.mark.postgres
async def test_two_who_write_at_once_get_two_numbers_and_one_who_taps_twice_gets_one(db: Database) -> None:
    hall = await a_hall()
    act: Any = {
        "staff_id": (await a_clerk(hall.venue.public_id)).staff_id,
        "venue_id": hall.venue.public_id,
        "now": NOW,
    }
    tariff = wanted(a_window("ALL", 8, 22, 30), FREE_DAY)
    numbers = await asyncio.gather(
        *(write_tariff(wanted=tariff, idempotency_key=f"k{n % 3}", **act) for n in range(9))
    )
    assert sorted(numbers) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert await TariffVersion.all().count() == 3


async def test_a_refused_tariff_and_an_unknown_venue_leave_nothing(db: Database) -> None:
    hall = await a_hall()
    clerk = (await a_clerk(hall.venue.public_id)).staff_id
    act: Any = {"staff_id": clerk, "idempotency_key": "k", "now": NOW}
    with pytest.raises(TariffRefused):
        await write_tariff(venue_id=hall.venue.public_id, wanted=wanted(FREE_DAY), **act)
    with pytest.raises(DomainError) as refusal:
        await write_tariff(venue_id="ven_NONE", wanted=wanted(*WHOLE), **act)
    assert refusal.value.code == ErrorCode.VENUE_UNKNOWN
    assert await TariffVersion.all().count() == 0
