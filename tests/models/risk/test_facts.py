"""What is known of one use, from those around it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.calendar import business_day
from models.risk.facts import (
    LEAST_OF_A_DESK,
    Around,
    Gates,
    UseFacts,
    UseRow,
    facts_of,
    kilometres,
    venue_facts,
)
from tests.conftest import NOW

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TIANFU, JIEFANGBEI = (104.0657, 30.6574), (106.5770, 29.5570)
SEEING = Gates(
    working=frozenset({(1, business_day(NOW + DAY * day)) for day in range(-30, 3)}), walk_ins={1: (20, 10)}
)
BLIND = Gates(working=frozenset(), walk_ins={1: (20, 10)})

ONE = UseRow(
    id=1,
    member_id=1,
    venue_id=1,
    place=TIANFU,
    claim_place=None,
    way="DESK",
    claim_way="APP",
    claimed_at=NOW - DAY,
    used_at=NOW,
    day=business_day(NOW),
    bill_fen=50_00,
    minimum_fen=40_00,
    phone="phone-1",
    desk="desk-1",
    staff_id=7,
    is_confirmed=True,
    on_paper=False,
    is_denied=False,
    is_seen=True,
    wechat_rank=None,
)


def another(number: int, *, at: timedelta = timedelta(), **said: Any) -> UseRow:
    """Somebody else's, so much later than the first one."""
    row = {"id": number, "member_id": number, "phone": f"phone-{number}", "used_at": NOW + at, **said}
    return replace(ONE, **{"day": business_day(NOW + at), **row})


def facts(use: UseRow = ONE, *around: UseRow, gates: Gates = SEEING) -> UseFacts:
    return facts_of(use, Around([use, *around], gates))


def test_of_an_ordinary_use_nothing_is_odd() -> None:
    assert facts() == UseFacts(
        denied=0,
        claim_to_use_s=86400,
        no_entry=0,
        person_uses_day=1,
        person_uses_week=1,
        phone_people=1,
        phone_uses_day=1,
        desk_uses_10min=1,
        pair_uses_month=1,
        pair_unseen_month=0,
        at_minimum=0,
        unconfirmed=0,
        on_paper=0,
        offline=0,
    )


def test_how_long_it_took_from_claiming_is_said_of_the_app_only() -> None:
    soon = replace(ONE, claimed_at=NOW - timedelta(seconds=40))
    assert facts(soon).claim_to_use_s == 40
    assert facts(replace(soon, claim_way="VENUE_CODE")).claim_to_use_s is None
    assert facts(replace(soon, claim_way="DESK")).claim_to_use_s is None
    assert facts(replace(soon, way="ORDER", desk="")).claim_to_use_s is None
    assert facts(replace(ONE, claimed_at=NOW + MINUTE)).claim_to_use_s == 0  # two processes' clocks


def test_nobody_misses_an_entry_where_no_gate_would_have_seen_it() -> None:
    unseen = replace(ONE, is_seen=False)
    assert facts(unseen).no_entry == 1
    assert facts(unseen, gates=BLIND).no_entry is None
    beside = replace(SEEING, walk_ins={1: (20, 4)})  # walk-ins go in beside the gates there
    assert facts(unseen, gates=beside).no_entry is None
    few = replace(SEEING, walk_ins={1: (3, 3)})
    assert facts(unseen, gates=few).no_entry is None
    booked = replace(unseen, way="ORDER", desk="")
    assert facts(booked, gates=beside).no_entry == 1  # who booked has a code for the gate
    assert facts(booked, gates=BLIND).no_entry is None


def test_people_of_one_phone_count_for_a_week_back_and_until_the_next_day() -> None:
    same = {"phone": "phone-1"}
    around = [
        another(2, at=-6 * DAY, **same),
        another(3, at=DAY, **same),
        another(4, at=-8 * DAY, **same),
        another(5, at=2 * DAY, **same),
        another(6, at=-MINUTE, **same, member_id=2),
    ]
    known = facts(ONE, *around)
    assert known.phone_people == 3
    assert known.phone_uses_day == 2
    assert facts(replace(ONE, phone=""), *around).phone_people is None


def test_one_persons_uses_are_counted_by_day_and_week_and_with_each_clerk() -> None:
    mine = {"member_id": 1}
    around = [
        another(2, at=-MINUTE, **mine, staff_id=8),
        another(3, at=-3 * DAY, **mine, is_seen=False),
        another(4, at=-20 * DAY, **mine, is_seen=False),
        another(5, at=-31 * DAY, **mine, is_seen=False),
    ]
    known = facts(ONE, *around)
    assert (known.person_uses_day, known.person_uses_week) == (2, 3)
    assert (known.pair_uses_month, known.pair_unseen_month) == (3, 2)
    nobody = facts(replace(ONE, staff_id=None), *around)
    assert (nobody.pair_uses_month, nobody.pair_unseen_month) == (None, None)


def test_a_desks_shares_are_of_half_an_hour_around_and_want_enough_of_them() -> None:
    fake = {"bill_fen": 40_00, "is_seen": False}
    near = [
        another(number, at=number * 3 * MINUTE, claimed_at=NOW + number * 3 * MINUTE - 4 * MINUTE, **fake)
        for number in range(2, LEAST_OF_A_DESK + 1)
    ]
    known = facts(ONE, *near, another(90, at=31 * MINUTE), another(91, desk="desk-2"))
    assert known.desk_at_minimum_percent == known.desk_no_entry_percent == known.desk_fast_percent == 83
    assert known.desk_uses_10min == 1
    assert facts(ONE, *near, another(92, at=5 * MINUTE)).desk_uses_10min == 2
    too_few = facts(ONE, *near[:-1])
    assert too_few.desk_at_minimum_percent is too_few.desk_no_entry_percent is too_few.desk_fast_percent is None
    assert facts(ONE, *near, gates=BLIND).desk_no_entry_percent is None


def test_distances_are_between_venues_and_never_of_a_citizen() -> None:
    assert 260 < kilometres(TIANFU, JIEFANGBEI) < 275
    assert facts(replace(ONE, claim_place=JIEFANGBEI)).km_from_claim == round(kilometres(TIANFU, JIEFANGBEI))
    there = another(2, at=-2 * timedelta(hours=1), member_id=1, place=JIEFANGBEI)
    assert facts(ONE, there).kmh_between == round(kilometres(TIANFU, JIEFANGBEI) / 2)
    assert facts(there, ONE).kmh_between is None  # of two the later one tells it
    next_door = another(2, at=-MINUTE, member_id=1, place=(104.0660, 30.6574))
    assert facts(ONE, next_door).kmh_between is None
    booked = replace(there, desk="", way="ORDER")
    assert facts(ONE, booked).kmh_between is None  # they paid at home


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"is_denied": True}, "denied"),
        ({"is_confirmed": False}, "unconfirmed"),
        ({"is_confirmed": False, "on_paper": True}, "on_paper"),
        ({"way": "OFFLINE"}, "offline"),
        ({"bill_fen": 40_00}, "at_minimum"),
    ],
)
def test_what_is_odd_about_one_use_alone_is_one_fact_and_no_other(said: Any, name: str) -> None:
    usual, odd = facts().as_json(), facts(replace(ONE, **said)).as_json()
    assert {each for each in odd if odd[each] != usual[each]} == {name}
    assert odd[name] == 1


def test_of_an_order_nothing_is_said_that_only_a_desk_can_do() -> None:
    known = facts(replace(ONE, way="ORDER", desk="", staff_id=None, is_confirmed=False, bill_fen=40_00))
    assert known.unconfirmed is known.at_minimum is known.desk_uses_10min is known.pair_uses_month is None


def test_a_venues_week_is_shares_of_its_uses_and_its_growth() -> None:
    uses = [UseFacts(at_minimum=1, claim_to_use_s=200, no_entry=1, phone_people=2).as_json()] * 9
    uses += [UseFacts(at_minimum=0, claim_to_use_s=9000, no_entry=None, phone_people=6).as_json()]
    found = venue_facts(uses, before=[2, 2, 2, 4])
    assert found["uses"] == 10
    assert found["growth_percent"] == 400
    assert found["at_minimum_percent"] == found["fast_percent"] == 90
    assert found["no_entry_percent"] == 100  # of those of whom it is known
    assert found["shared_phone_percent"] == 10
    assert found["pair_percent"] is None
    assert venue_facts(uses, before=[0, 2, 2, 2])["growth_percent"] is None  # a venue that had just begun
