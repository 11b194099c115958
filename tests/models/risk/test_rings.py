"""How much the product's rules find, and whom they suspect in vain: measured on made-up seasons, not on the one for which
the points were chosen (seeds 1 to 3)."""

import logging
from collections import Counter, defaultdict
from datetime import date, timedelta

import pytest

from models.risk.facts import Around, UseRow, facts_of, venue_facts
from models.risk.importing import rules_in
from models.risk.rules import is_held, score
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS
from tests.factories.places import DATA
from tests.models.risk.a_season import FIRST_DAY, USES, Season, a_season, dealing_all_week

RULES, _ = rules_in(DATA)
SEEDS = range(11, 15)
log = logging.getLogger(__name__)


def held_uses(season: Season) -> tuple[set[int], dict[int, dict[str, int | None]]]:
    around = Around(season.uses, season.gates)
    facts = {use.id: facts_of(use, around).as_json() for use in season.uses}
    held = {
        use_id
        for use_id, known in facts.items()
        if is_held(known, score(known, RULES.uses, USE_SIGNALS), RULES.uses)
    }
    return held, facts


def held_weeks(season: Season, facts: dict[int, dict[str, int | None]]) -> set[tuple[int, date]]:
    weeks: dict[tuple[int, date], list[UseRow]] = defaultdict(list)
    for use in season.uses:
        weeks[use.venue_id, use.day - timedelta(days=use.day.weekday())].append(use)
    held = set()
    for (venue, monday), uses in weeks.items():
        before = [len(weeks.get((venue, monday - timedelta(days=7 * ago)), [])) for ago in range(1, 5)]
        known = venue_facts([facts[use.id] for use in uses], before=before)
        if is_held(known, score(known, RULES.venues, VENUE_SIGNALS), RULES.venues):
            held.add((venue, monday))
    return held


def test_of_planted_rings_nine_in_ten_are_held_and_of_the_innocent_hardly_anybody() -> None:
    """The floors are those of the issue's brief; what was measured is printed."""
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    suspected: Counter[str] = Counter()
    innocent = false = 0
    for seed in SEEDS:
        season = a_season(seed)
        held, facts = held_uses(season)
        assert len(season.uses) == USES
        assert len(season.planted) == 60
        for ring, uses in season.rings.items():
            planted[ring] += len(uses)
            found[ring] += len(uses & held)
        for habit, uses in season.habits.items():
            suspected[habit] += len(uses & held)
        innocent += USES - len(season.planted)
        false += len(held - season.planted)
        assert held_weeks(season, facts) == set(), "no venue of these seasons deals all week"
    recall, false_alarms = found.total() / planted.total(), false / innocent
    log.info("recall %.3f, false alarms %.4f over %s uses", recall, false_alarms, innocent + planted.total())
    print(f"\nrecall {recall:.3f} of {planted.total()}, false alarms {false_alarms:.2%} of {innocent}")
    for ring in planted:
        print(f"  {ring}: {found[ring]} of {planted[ring]}")
    print("  suspected in vain by habit:", dict(suspected))
    assert recall >= 0.9
    assert false_alarms <= 0.02
    for ring in planted:
        assert found[ring] / planted[ring] >= 0.6, ring
    assert suspected["family"] == suspected["opening day"] == 0


def test_a_venue_that_deals_slowly_all_week_is_held_by_its_week_though_no_single_use_is_odd() -> None:
    season = a_season(17)
    venue, monday = dealing_all_week(season)
    held, facts = held_uses(season)
    ring = season.rings["all week"]
    assert len(held & ring) < len(ring) / 2
    assert held_weeks(season, facts) == {(venue, monday)}


def test_the_same_seed_is_the_same_season() -> None:
    one, other, different = a_season(5), a_season(5), a_season(6)
    assert one.uses == other.uses
    assert one.uses != different.uses
    assert one.uses[0].used_at >= FIRST_DAY


@pytest.mark.parametrize("habit", ["family", "regular", "venue's code", "on paper", "traveller", "at the till"])
def test_an_innocent_habit_is_in_every_season(habit: str) -> None:
    assert len(a_season(11).habits[habit]) >= 40
