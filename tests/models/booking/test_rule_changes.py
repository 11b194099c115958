"""What a version of rules changes is told limit by limit, and nothing else is told."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.booking.limits import LIMIT_COLUMNS, Limits
from models.booking.rule_changes import WORDS, limit_changes
from models.venues.reading_concessions import GROUPS
from models.venues.tariff_changes import GROUP_WORDS

USUAL = Limits(2, 120, 7, 480, 15, 30)


def test_every_limit_and_every_group_has_its_words() -> None:
    assert set(WORDS) == set(LIMIT_COLUMNS)
    assert set(GROUP_WORDS) == set(GROUPS)


def _another(value: Any) -> Any:
    return not value if isinstance(value, bool) else (value or 0) + 30


@given(st.sets(st.sampled_from(LIMIT_COLUMNS)))
def test_a_sentence_for_each_limit_that_is_another_and_for_no_other(changed: set[str]) -> None:
    values: dict[str, Any] = {name: _another(getattr(USUAL, name)) for name in changed}
    other = USUAL._replace(**values)
    said = list(limit_changes(USUAL, other))
    assert [sentence.split("：")[0] for sentence in said] == [
        WORDS[name][0] for name in LIMIT_COLUMNS if name in changed
    ]
    assert all(" → " in sentence for sentence in said)


def test_old_and_new_are_told_with_their_units() -> None:
    new = USUAL._replace(release_minute=510, most_players=4, real_name_needed=True, check_in_minutes=15)
    assert list(limit_changes(USUAL, new)) == [
        "开放预订的时刻：08:00 → 08:30",
        "每场最多：不限 → 4人",
        "开场后签到时间：没有 → 15分钟",
        "须实名：否 → 是",
    ]
