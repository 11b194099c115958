"""What is hidden cannot be had from what is shown: proved by solving the very equations that a reader could write down."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics.suppression import ALL, Cell, Key, hidden_cells, hidden_venues

K = 10
Table = dict[Cell, int]


def with_totals(inner: Mapping[tuple[Key, Key], int]) -> Table:
    """Every person in one cell, so that people add up, and a reader's subtraction is exact."""
    table: defaultdict[Cell, int] = defaultdict(int)
    for (row, column), many in inner.items():
        for cell in ((row, column), (row, ALL), (ALL, column), (ALL, ALL)):
            table[cell] += many
    return dict(table)


def derivable(table: Table, hidden: frozenset[Cell]) -> set[Cell]:
    """Of the hidden cells those that follow from the shown ones, by exact elimination over all rows and columns."""
    unknown = sorted((cell for cell in hidden), key=str)
    place = {cell: number for number, cell in enumerate(unknown)}
    equations = [
        [(cell, -1 if cell[1 - side] is ALL else 1) for cell in table if cell[side] == line]
        for side in (0, 1)
        for line in {cell[side] for cell in table}
    ]
    matrix = []
    for equation in equations:
        line = [Fraction(0)] * len(unknown)
        for cell, sign in equation:
            if cell in place:
                line[place[cell]] += sign
        matrix.append(line)
    return {unknown[number] for number in _determined(matrix, len(unknown))}


def _determined(matrix: list[list[Fraction]], width: int) -> list[int]:
    """The unknowns that have one value only: in reduced form, a row of their own."""
    done = 0
    pivots = []
    for column in range(width):
        found = next((n for n in range(done, len(matrix)) if matrix[n][column]), None)
        if found is None:
            continue
        matrix[done], matrix[found] = matrix[found], matrix[done]
        lead = matrix[done][column]
        matrix[done] = [value / lead for value in matrix[done]]
        for n, line in enumerate(matrix):
            if n != done and line[column]:
                times = line[column]
                matrix[n] = [value - times * own for value, own in zip(line, matrix[done], strict=True)]
        pivots.append(column)
        done += 1
    return [column for column, line in zip(pivots, matrix, strict=False) if sum(1 for value in line if value) == 1]


tables = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.sampled_from([1, 2, 9, 10, 11, 30, 400]),
    min_size=1,
    max_size=25,
)


@given(inner=tables)
@settings(max_examples=300, deadline=None)
def test_no_cell_of_a_few_people_follows_from_the_shown_ones(inner: dict[tuple[Key, Key], int]) -> None:
    table = with_totals(inner)
    hidden = hidden_cells(table, K)
    few = {cell for cell, many in table.items() if many < K}
    assert few <= hidden
    assert not few & derivable(table, hidden)


@given(inner=tables)
@settings(max_examples=300, deadline=None)
def test_what_is_hidden_in_a_line_is_together_as_many_as_may_be_shown(inner: dict[tuple[Key, Key], int]) -> None:
    """Else the line's total, less what it shows, would be a figure of a few people."""
    table = with_totals(inner)
    hidden = hidden_cells(table, K)
    for row in {row for row, _ in table}:
        parts = [cell for cell in table if cell[0] == row and cell[1] is not ALL and cell in hidden]
        assert not parts or (row, ALL) in hidden or sum(table[cell] for cell in parts) >= K
    for column in {column for _, column in table}:
        parts = [cell for cell in table if cell[1] == column and cell[0] is not ALL and cell in hidden]
        assert not parts or (ALL, column) in hidden or sum(table[cell] for cell in parts) >= K


def test_where_everybody_is_many_nothing_is_hidden() -> None:
    assert (
        hidden_cells(with_totals({(row, column): 10 for row in range(4) for column in range(3)}), K) == frozenset()
    )


def test_a_hidden_cell_takes_the_cheapest_others_with_it() -> None:
    table = with_totals({(0, 0): 3, (0, 1): 50, (0, 2): 70, (1, 0): 40, (1, 1): 60, (1, 2): 90})
    assert hidden_cells(table, K) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_list_with_one_total_is_a_table_of_one_column() -> None:
    listed = with_totals({("a", 0): 4, ("b", 0): 200, ("c", 0): 30})
    hidden = hidden_cells(listed, K)
    assert {row for row, column in hidden if column is ALL} == {"a", "c"}
    assert not derivable(listed, hidden) & {("a", 0), ("a", ALL)}
    assert hidden_cells(with_totals({("a", 0): 4}), K) == {("a", 0), ("a", ALL), (ALL, 0), (ALL, ALL)}


def test_two_in_each_row_and_column_are_not_enough_where_a_bridge_joins_two_rings() -> None:
    """A rule that only counts what is hidden in each line lets this one through: (2, 2) joins two rings, and is what the
    first three rows have and the first three columns have not."""
    inner: dict[tuple[Key, Key], int] = {(row, column): 100 for row in range(5) for column in range(5)}
    rings = [(0, 0), (0, 1), (1, 0), (1, 1), (3, 3), (3, 4), (4, 3), (4, 4), (1, 3)]
    table = with_totals(inner)
    assert derivable(table, frozenset(rings)) == {(1, 3)}
    inner[1, 3] = 2
    hidden = hidden_cells(with_totals(inner), K)
    assert (1, 3) not in derivable(with_totals(inner), hidden)


def test_a_table_of_both_provinces_is_done_in_a_moment() -> None:
    """220 districts by five bands, half of them small: what the widest question makes."""
    random = Random(7)
    table = with_totals({(d, a): random.choice([1, 3, 12, 40, 500]) for d in range(220) for a in range(5)})
    hidden = hidden_cells(table, K)
    few = {cell for cell, many in table.items() if many < K}
    assert few <= hidden
    assert len(hidden) < 3 * len(few)


places = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([1, 4, 9, 10, 25, 300])),
    min_size=1,
    max_size=14,
)


@given(venues=places)
@settings(max_examples=300, deadline=None)
def test_no_region_less_its_shown_venues_is_a_single_venue_or_a_few_people(
    venues: Sequence[tuple[int, int, int]],
) -> None:
    people = {
        f"v{n}": ((f"d{city}{district}", f"c{city}", ""), many) for n, (city, district, many) in enumerate(venues)
    }
    hidden = hidden_venues(people, K)
    assert {venue for venue, (_, many) in people.items() if many < K} <= hidden
    for region in {region for path, _ in people.values() for region in path}:
        inside = {venue for venue, (path, _) in people.items() if region in path}
        gone = inside & hidden
        assert not gone or gone == inside or (len(gone) > 1 and sum(people[venue][1] for venue in gone) >= K)


@pytest.mark.parametrize(("k", "shown"), [(10, {"big", "b2"}), (5, {"big", "b2", "small"})])
def test_a_venue_of_enough_people_is_listed(k: int, shown: set[str]) -> None:
    people = {
        "big": (("d1", ""), 500),
        "b2": (("d1", ""), 40),
        "small": (("d2", ""), 6),
        "smaller": (("d2", ""), 6),
    }
    assert {*people} - hidden_venues(people, k) == (shown | {"smaller"} if k == 5 else shown)
