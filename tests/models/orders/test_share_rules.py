"""A price is split to the fen, and comes back to the fen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DomainError
from models.orders.share_rules import MOST_SHARES, equal_shares, spread


@given(amount=st.integers(MOST_SHARES, 10**9), people=st.integers(2, MOST_SHARES))
def test_shares_add_up_to_the_price_differ_by_a_fen_at_most_and_the_odd_fen_fall_on_the_first(
    amount: int, people: int
) -> None:
    parts = equal_shares(amount, people)
    assert (sum(parts), len(parts)) == (amount, people)
    assert parts == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= 1


@pytest.mark.parametrize(("amount", "people"), [(8000, 1), (8000, MOST_SHARES + 1), (3, 4)])
def test_nobody_shares_alone_or_with_a_crowd_and_nobody_pays_nothing(amount: int, people: int) -> None:
    with pytest.raises(DomainError, match="分摊"):
        equal_shares(amount, people)


@st.composite
def refunds(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """What several have paid, and what comes back for some lines: together no more than that."""
    paid = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=8))
    cuts = sorted(draw(st.lists(st.integers(0, sum(paid)), min_size=1, max_size=5)))
    return [high - low for low, high in zip([0, *cuts], cuts, strict=False)], paid


@given(refunds())
def test_what_comes_back_adds_up_line_by_line_and_nobody_gets_more_than_they_paid(
    asked: tuple[list[int], list[int]],
) -> None:
    amounts, paid = asked
    rows = spread(amounts, paid)
    assert [sum(row) for row in rows] == amounts
    back = [sum(parts) for parts in zip(*rows, strict=True)]
    assert all(0 <= got <= gave for got, gave in zip(back, paid, strict=True))
    if sum(amounts) == sum(paid):
        assert back == paid
    for got, gave in zip(back, paid, strict=True):  # in proportion, within a fen for each line
        assert abs(got - gave * sum(amounts) / sum(paid)) <= len(amounts)
