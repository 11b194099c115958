"""What a concession takes off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.real_names.rules import ConcessionKind
from models.venues.concessions import Covers, Rule, best_for, taken_off_fen
from models.venues.reading_concessions import GROUPS

prices = st.integers(0, 10_000_000)
people = st.integers(1, 40)
rules = st.builds(
    Rule,
    st.sampled_from(GROUPS),
    st.integers(0, 99),
    st.sampled_from(list(Covers)),
)


def test_the_groups_of_the_files_are_those_that_people_can_belong_to() -> None:
    assert set(GROUPS) == set(ConcessionKind)


@pytest.mark.parametrize(
    ("rule", "people", "off"),
    [
        (Rule("SENIOR", 50), 1, 2000),
        (Rule("SENIOR", 50), 4, 2000),
        (Rule("SENIOR", 50, Covers.SHARE), 1, 2000),
        (Rule("SENIOR", 50, Covers.SHARE), 4, 500),
        (Rule("DISABLED", 0), 2, 4000),
        (Rule("DISABLED", 0, Covers.SHARE), 4, 1000),
    ],
)
def test_of_forty_yuan_it_takes_off_what_the_rule_says(rule: Rule, people: int, off: int) -> None:
    assert taken_off_fen(4000, people, rule) == off


@given(prices, people, rules)
def test_nobody_pays_more_than_their_percentage_nor_less_than_nothing(price: int, people: int, rule: Rule) -> None:
    off = taken_off_fen(price, people, rule)
    assert 0 <= off <= price
    if rule.covers == Covers.WHOLE:
        assert (price - off) * 100 <= price * rule.pays_percent
    else:
        share = -(-price // people)
        assert (share - off) * 100 <= share * rule.pays_percent
        assert off <= share


@given(prices, people, st.lists(rules, max_size=6), st.sets(st.sampled_from(GROUPS)))
def test_the_best_of_ones_own_is_given_alone_whatever_the_order(
    price: int, people: int, rules: list[Rule], held: set[str]
) -> None:
    best = best_for(price, people=people, held=held, rules=rules)
    mine = [taken_off_fen(price, people, rule) for rule in rules if rule.kind in held]
    assert (best.fen if best else 0) == max(mine, default=0)
    if best:
        assert best.rule.kind in held
    again = best_for(price, people=people, held=held, rules=rules[::-1])
    assert (again and (again.fen, again.rule.kind)) == (best and (best.fen, best.rule.kind))


def test_who_belongs_to_no_group_and_what_is_free_has_nothing_taken_off() -> None:
    assert best_for(4000, people=1, held=(), rules=[Rule("SENIOR", 50)]) is None
    assert best_for(0, people=1, held=("SENIOR",), rules=[Rule("SENIOR", 50)]) is None
