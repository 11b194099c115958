"""Prices that explain themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.venues.explaining import parts_of, window_text
from models.venues.rules import Window, half_hours, price_of
from tests.models.venues.test_rules import FRIDAY, a_window, days, some_windows, spans


def told(windows: list[Window], from_minute: int, to_minute: int) -> list[tuple[str, int, bool]]:
    parts = parts_of(half_hours(windows, FRIDAY), from_minute, to_minute, year_known=True)
    return [(part.text, part.amount_fen, part.is_demonstration) for part in parts]


def test_a_slot_across_two_windows_tells_both_in_order_of_time() -> None:
    free = a_window(9 * 60, 15 * 60, 0, "WORKDAY")
    low = a_window(15 * 60, 18 * 60, 1500, "WORKDAY", kind="LOW")._replace(price_provenance="DEMONSTRATION")
    assert told([low, free], 14 * 60 + 30, 15 * 60 + 30) == [
        ("工作日09:00–15:00免费时段（已公布）", 0, False),
        ("工作日15:00–18:00低收费，每小时15.00元（时段已公布，价格为演示）", 750, True),
    ]


def test_a_window_within_another_is_told_between_its_two_parts() -> None:
    around, within = a_window(price=4000), a_window(600, 630, 1000, "WORKDAY", kind="LOW")
    assert [fen for _, fen, _ in told([around, within], 570, 660)] == [2000, 500, 2000]


def test_half_a_fen_is_told_where_it_is_charged() -> None:
    one, other = a_window(0, 600, 1001), a_window(600, 1440, 1001)
    assert [fen for _, fen, _ in told([one, other], 570, 630)] == [501, 500]
    assert [fen for _, fen, _ in told([one, other], 570, 660)] == [501, 1001]


def test_without_the_years_notice_it_says_on_what_the_kind_of_day_rests() -> None:
    workday = a_window(540, 600, 2000, "WORKDAY", kind="LOW")
    assert window_text(workday, year_known=True) == "工作日09:00–10:00低收费，每小时20.00元（已公布）"
    assert window_text(workday, year_known=False) == (
        "工作日09:00–10:00低收费，每小时20.00元（已公布；当年放假安排尚未公布，按星期几计）"
    )


@pytest.mark.parametrize("days", ["ALL", "EVERY:WED", "DATE:08-08", "SCHOOL_HOLIDAY"])
def test_what_no_notice_moves_is_sure_in_any_year(days: str) -> None:
    window = a_window(540, 600, 0, days)
    assert window_text(window, year_known=False) == window_text(window, year_known=True)


@given(st.lists(some_windows(), max_size=12), days, spans(), st.booleans())
def test_the_parts_add_up_to_the_price_whatever_the_windows(
    windows: list[Window], day: object, span: tuple[int, int], known: bool
) -> None:
    deciding = half_hours(windows, day)  # type: ignore[arg-type]
    price = price_of(deciding, *span)
    parts = parts_of(deciding, *span, year_known=known)
    assert bool(parts) != price.not_priced
    assert sum(part.amount_fen for part in parts) == (0 if price.not_priced else price.price_fen)
    if parts:
        assert any(part.is_demonstration for part in parts) == (price.provenance == "DEMONSTRATION")
        assert all(part.amount_fen >= 0 for part in parts)


def test_a_slot_of_which_some_half_hour_has_no_price_is_not_explained() -> None:
    assert parts_of(half_hours([a_window(540, 600)], FRIDAY), 540, 630, year_known=True) == ()
