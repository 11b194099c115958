"""A score is its reasons, and what is more suspicious never lowers it."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DomainError, ErrorCode
from models.risk.facts import UseFacts, venue_facts
from models.risk.importing import rules_in
from models.risk.reading import rules_json, rules_of
from models.risk.rules import MOST_POINTS, Rules, Sheet, is_held, score
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS
from tests.factories.places import DATA

RULES, WHY = rules_in(DATA)
VALUES = st.one_of(st.none(), st.integers(0, 2000))
FACTS = st.fixed_dictionaries(dict.fromkeys(USE_SIGNALS, VALUES))


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    """Any that could be written down: checked by the reader, as everybody's is."""
    chosen = draw(st.lists(st.sampled_from(sorted(USE_SIGNALS)), min_size=1, unique=True))
    signals = {}
    for name in chosen:
        many = draw(st.integers(1, 4))
        values = sorted(draw(st.lists(st.integers(0, 1500), min_size=many, max_size=many, unique=True)))
        points = sorted(
            draw(st.lists(st.integers(1, 100), min_size=many, max_size=many, unique=True)), reverse=True
        )
        if not USE_SIGNALS[name].less_is_worse:
            values.reverse()
        signals[name] = [list(step) for step in zip(values, points, strict=True)]
    said = rules_json(RULES)
    said["uses"] = {"hold_from": draw(st.integers(1, 100)), "signals": signals}
    return rules_of(said).uses


@given(FACTS, sheets())
def test_the_reasons_points_add_up_to_the_score_and_each_has_its_sentence(facts: Any, sheet: Sheet) -> None:
    scored = score(facts, sheet, USE_SIGNALS)
    assert scored.score == sum(reason.points for reason in scored.reasons)
    assert 0 <= scored.score <= MOST_POINTS
    assert all(reason.points > 0 and reason.says.endswith("。") for reason in scored.reasons)
    assert {reason.signal for reason in scored.reasons} <= {name for name in facts if facts[name] is not None}


@given(FACTS, sheets(), st.sampled_from(sorted(USE_SIGNALS)), st.integers(0, 2000))
def test_a_more_suspicious_fact_never_lowers_a_score(facts: Any, sheet: Sheet, name: str, step: int) -> None:
    known = facts[name]
    change = -step if USE_SIGNALS[name].less_is_worse else step
    worse = step if known is None else max(0, known + change)
    before, after = score(facts, sheet, USE_SIGNALS), score({**facts, name: worse}, sheet, USE_SIGNALS)
    assert after.score >= before.score
    assert is_held(facts, before, sheet) <= is_held({**facts, name: worse}, after, sheet)


@given(sheets())
def test_rules_are_read_back_as_they_were_written(sheet: Sheet) -> None:
    rules = Rules(uses=sheet, venues=RULES.venues)
    assert rules_of(json.loads(json.dumps(rules_json(rules)))) == rules


def test_of_what_is_not_known_nothing_is_said() -> None:
    nothing = UseFacts().as_json()
    assert score(nothing, RULES.uses, USE_SIGNALS).score == 0
    assert score({}, RULES.uses, USE_SIGNALS).reasons == []


def test_the_reason_that_would_pass_a_hundred_is_cut_to_what_counts() -> None:
    sheet = Sheet(hold_from=50, signals={"denied": [(1, 70)], "no_entry": [(1, 60)], "offline": [(1, 5)]})
    scored = score({"denied": 1, "no_entry": 1, "offline": 1}, sheet, USE_SIGNALS)
    assert [(reason.signal, reason.points) for reason in scored.reasons] == [("denied", 70), ("no_entry", 30)]


def test_a_week_of_few_uses_is_nobodys_case_however_it_scores() -> None:
    sheet = Sheet(hold_from=10, least_uses=15, signals={"at_minimum_percent": [(90, 40)]})
    scored = score({"at_minimum_percent": 100, "uses": 14}, sheet, VENUE_SIGNALS)
    assert scored.score == 40
    assert not is_held({"uses": 14}, scored, sheet)
    assert is_held({"uses": 15}, scored, sheet)


def test_every_fact_has_its_signal_and_every_signal_its_fact() -> None:
    assert {field.name for field in fields(UseFacts)} == {*USE_SIGNALS}
    assert venue_facts([], before=[]).keys() - {"uses"} == {*VENUE_SIGNALS}


def test_the_products_rules_use_every_signal_and_say_that_they_are_a_demonstration() -> None:
    assert {*RULES.uses.signals} == {*USE_SIGNALS}
    assert {*RULES.venues.signals} == {*VENUE_SIGNALS}
    assert "演示" in WHY


def test_no_signal_of_a_phone_or_of_wechat_holds_anything_alone() -> None:
    for name in ("phone_people", "phone_uses_day", "wechat_rank", "at_minimum", "on_paper", "offline", "no_entry"):
        worst = max(points for _, points in RULES.uses.signals[name])
        assert worst < RULES.uses.hold_from, name


def _spoilt(change: Any) -> Any:
    said = rules_json(RULES)
    change(said)
    return said


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda said: said.update(also={}), "rules"),
        (lambda said: said.pop("venues"), "rules"),
        (lambda said: said["uses"].update(hold_from=0), "rules.uses.hold_from"),
        (lambda said: said["uses"].update(hold_from=True), "rules.uses.hold_from"),
        (lambda said: said["uses"].update(least_uses=3), "rules.uses"),
        (lambda said: said["venues"].update(least_uses="15"), "rules.venues.least_uses"),
        (lambda said: said["uses"].update(signals={}), "rules.uses.signals"),
        (lambda said: said["uses"]["signals"].update(no_entri=[[1, 5]]), "rules.uses.signals"),
        (lambda said: said["uses"]["signals"].update(no_entry=[]), "rules.uses.signals.no_entry"),
        (lambda said: said["uses"]["signals"].update(no_entry=[[1, 5, 9]]), "rules.uses.signals.no_entry"),
        (lambda said: said["uses"]["signals"].update(no_entry=[[1, 0]]), "rules.uses.signals.no_entry"),
        (
            lambda said: said["uses"]["signals"].update(phone_people=[[3, 30], [8, 20]]),
            "rules.uses.signals.phone_people",
        ),
        (
            lambda said: said["uses"]["signals"].update(phone_people=[[8, 20], [3, 20]]),
            "rules.uses.signals.phone_people",
        ),
        (
            lambda said: said["uses"]["signals"].update(claim_to_use_s=[[90, 9], [30, 5]]),
            "rules.uses.signals.claim_to_use_s",
        ),
    ],
)
def test_rules_that_cannot_be_are_refused_at_the_first_thing_that_is_wrong(change: Any, field: str) -> None:
    with pytest.raises(DomainError) as refusal:
        rules_of(_spoilt(change))
    assert refusal.value.code is ErrorCode.RISK_RULES_INVALID
    assert refusal.value.field == field
    assert refusal.value.message
    assert refusal.value.next_step
