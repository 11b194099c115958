from hypothesis import given
from hypothesis import strategies as st

from models.money import shares, yuan_text


def test_yuan_are_written_exactly() -> None:
    assert [yuan_text(fen) for fen in (0, 5, 29, 1234, -1, -250)] == [
        "0.00元", "0.05元", "0.29元", "12.34元", "-0.01元", "-2.50元"
    ]  # fmt: skip


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**8), min_size=1, max_size=8))
def test_shares_are_whole_exact_to_the_fen_and_as_the_weights(amount: int, weights: list[int]) -> None:
    parts = shares(amount, weights)
    whole = sum(weights)
    assert sum(parts) == (amount if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert whole == 0 or abs(part * whole - amount * weight) < whole
        assert amount > whole or part <= weight


def test_of_equal_remainders_the_earlier_gets_the_odd_fen() -> None:
    assert shares(100, [1, 1, 1]) == [34, 33, 33]
    assert shares(5, [0, 2, 2]) == [0, 3, 2]
