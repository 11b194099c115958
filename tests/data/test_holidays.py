from collections import Counter
from datetime import date

from tests.data import rows

KIND = {date.fromisoformat(row["date"]): row["kind"] for row in rows("holidays.csv")}


def test_no_day_is_listed_twice() -> None:
    assert len(KIND) == len(rows("holidays.csv"))


def test_2025_and_2026_are_covered_as_the_state_council_announced_them() -> None:
    assert Counter((day.year, kind) for day, kind in KIND.items()) == {
        (2025, "HOLIDAY"): 28,
        (2025, "MAKEUP_WORKDAY"): 5,
        (2026, "HOLIDAY"): 33,
        (2026, "MAKEUP_WORKDAY"): 6,
    }


def test_a_make_up_workday_is_a_saturday_or_a_sunday() -> None:
    assert all(day.isoweekday() > 5 for day, kind in KIND.items() if kind == "MAKEUP_WORKDAY")


def test_the_long_holidays_of_2026() -> None:
    off = [f"2026-02-{day}" for day in range(15, 24)] + [f"2026-10-0{day}" for day in range(1, 8)]
    assert {KIND[date.fromisoformat(day)] for day in off} == {"HOLIDAY"}
    worked = ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10")
    assert {day for day, kind in KIND.items() if kind == "MAKEUP_WORKDAY" and day.year == 2026} == {
        date.fromisoformat(day) for day in worked
    }
    assert date(2026, 10, 8) not in KIND
