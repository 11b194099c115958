"""What a closure lies over, and what whoever is turned away by it is told."""

from datetime import timedelta

import pytest

from models.booking.closure_rules import Closed, ClosureKind, keeps_notice, refuse_closed
from models.errors import DomainError, ErrorCode
from tests.conftest import NOW
from tests.factories.booking import at


def closed(first: int, last: int, reason: str) -> Closed:
    return Closed("", frozenset(), at(first), at(last), ClosureKind.EVENT, reason)


def test_of_closures_over_one_slot_the_one_that_ends_last_says_why_and_until_when() -> None:
    both = [closed(8, 12, "比赛"), closed(9, 18, "检修"), closed(20, 22, "演出")]
    with pytest.raises(DomainError) as refusal:
        refuse_closed("1号场", both, starts_at=at(11), ends_at=at(12))
    assert (refusal.value.code, refusal.value.message) == (ErrorCode.SLOT_CLOSED, "1号场暂停开放：检修。")
    assert refusal.value.next_step == "预计11月21日 18:00恢复，请选择之后的时段或其他场馆。"
    refuse_closed("1号场", both, starts_at=at(18), ends_at=at(20))  # what touches it at its edges is free


@pytest.mark.parametrize(
    ("kind", "early", "keeps"),
    [
        (ClosureKind.EVENT, timedelta(days=7), True),
        (ClosureKind.EVENT, timedelta(days=7) - timedelta(seconds=1), False),
        (ClosureKind.WEATHER, timedelta(0), True),
    ],
)
def test_the_public_is_told_seven_days_before_but_for_the_weather(
    kind: ClosureKind, early: timedelta, keeps: bool
) -> None:
    assert keeps_notice(kind, NOW + early, NOW) is keeps
