"""How much goes back and why: a line's price is split to the fen, and nobody loses by asking earlier."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calendar import length_text
from models.errors import ErrorCode
from models.orders.refund_policy import (
    LONGEST_EXPLANATION,
    WHENEVER,
    LineQuote,
    LineToCancel,
    Terms,
    applying,
    deciding,
    kept_of,
    quote,
    within,
)
from models.orders.rules import RefundParty
from tests.conftest import NOW
from tests.house import SENTENCE

TWO_HOURS = (Terms(120), Terms(0, kept_percent=20))
HOUR = timedelta(hours=1)


def a_line(left: timedelta, *, price_fen: int = 4000, is_entered: bool = False) -> LineToCancel:
    """One that starts in so long and lasts an hour."""
    return LineToCancel(
        line_no=1,
        title="羽毛球1号场 11月20日 12:00–13:00",
        price_fen=price_fen,
        starts_at=NOW + left,
        ends_at=NOW + left + HOUR,
        is_entered=is_entered,
    )


def asked(
    left: timedelta, *terms: Terms, party: RefundParty = RefundParty.MEMBER, price_fen: int = 4000
) -> LineQuote:
    return quote(a_line(left, price_fen=price_fen), terms, party=party, now=NOW)


@pytest.mark.parametrize(
    ("left", "refund_fen", "why"),
    [
        (26 * HOUR, 4000, "距开始1天2小时，按平台退款规则，提前2小时以上取消：全额退款。"),
        (2 * HOUR, 4000, "距开始2小时，按平台退款规则，提前2小时以上取消：全额退款。"),
        (
            2 * HOUR - timedelta(seconds=1),
            3200,
            "距开始1小时59分钟，按平台退款规则，提前不足2小时取消：手续费为价格的20%，即8.00元，退32.00元。",
        ),
        (
            timedelta(seconds=1),
            3200,
            "距开始0分钟，按平台退款规则，提前不足2小时取消：手续费为价格的20%，即8.00元，退32.00元。",
        ),
    ],
)
def test_the_rule_with_the_most_time_that_is_still_met_decides_and_is_named(
    left: timedelta, refund_fen: int, why: str
) -> None:
    told = asked(left, *TWO_HOURS)
    assert (told.refund_fen, told.kept_fen, told.refusal) == (refund_fen, 4000 - refund_fen, None)
    assert told.explanation == why


def test_a_band_between_two_rules_is_told_with_both_ends_and_the_fixed_fee_with_the_percentage() -> None:
    told = asked(5 * HOUR, Terms(1440), Terms(240, 10, 500), Terms(0, 50, 500))
    assert told.explanation == (
        "距开始5小时，按平台退款规则，提前4小时以上、不足1天取消：手续费为价格的10%加5.00元，即9.00元，退31.00元。"
    )


def test_a_venues_own_rules_replace_the_houses_wholly() -> None:
    own = Terms(1440, kept_percent=50, of_venue=True)
    told = asked(25 * HOUR, *TWO_HOURS, own)
    assert told.refund_fen == 2000
    assert "按本馆退款规则" in told.explanation
    assert asked(23 * HOUR, *TWO_HOURS, own).refusal is not None  # though the house would have given all of it


def test_without_any_rule_everything_goes_back_until_the_start() -> None:
    assert asked(timedelta(seconds=1)).refund_fen == 4000
    begun = asked(timedelta())
    assert (begun.refund_fen, begun.kept_fen) == (0, 4000)
    assert begun.refusal is not None
    assert begun.refusal.code == ErrorCode.ORDER_STARTED


def test_a_line_that_no_rule_fits_is_refused_with_the_rule_its_limit_and_the_way_out() -> None:
    told = asked(HOUR, Terms(120))
    assert told.refusal is not None
    assert (told.refusal.code, told.refusal.field) == (ErrorCode.NOT_REFUNDABLE, "lineNos")
    assert told.refusal.message == (
        "羽毛球1号场 11月20日 12:00–13:00不能取消：平台退款规则规定最晚提前2小时取消，即11月20日 09:00之前。"
    )
    assert told.refusal.next_step == "如有特殊情况，请联系场馆前台。"
    assert SENTENCE.fullmatch(told.explanation)


def test_a_venue_that_cancels_keeps_nothing_even_after_the_start_and_says_why() -> None:
    for rules in ((Terms(WHENEVER),), ()):
        for left in (HOUR, -timedelta(minutes=30)):
            told = quote(a_line(left), rules, party=RefundParty.VENUE, now=NOW, note="场馆停电")
            assert (told.refund_fen, told.explanation) == (4000, "场馆取消（场馆停电）：全额退款。")


@pytest.mark.parametrize(
    ("left", "is_entered", "party", "what"),
    [
        (HOUR, True, RefundParty.MEMBER, "已有人入场"),
        (timedelta(), False, RefundParty.MEMBER, "已经开始"),
        (HOUR, True, RefundParty.VENUE, "已有人入场"),
        (-HOUR, False, RefundParty.VENUE, "已经结束"),
    ],
)
def test_what_was_used_or_is_over_cannot_be_cancelled(
    left: timedelta, is_entered: bool, party: RefundParty, what: str
) -> None:
    told = quote(a_line(left, is_entered=is_entered), (), party=party, now=NOW)
    assert told.refusal is not None
    assert told.refusal.code == ErrorCode.ORDER_STARTED
    assert what in told.refusal.message
    assert told.refusal.next_step


def test_a_free_slot_can_be_given_up_however_late_it_is() -> None:
    told = asked(timedelta(minutes=1), Terms(1440), price_fen=0)
    assert (told.refund_fen, told.kept_fen, told.refusal) == (0, 0, None)


@pytest.mark.parametrize(
    ("price_fen", "percent", "fen", "kept_fen"),
    [
        (5, 10, 0, 1),
        (4, 10, 0, 0),
        (1, 50, 0, 1),
        (100, 100, 500, 100),
        (4000, 0, 300, 300),
        (10**15, 33, 1, 33 * 10**13 + 1),
    ],
)
def test_what_is_kept_is_rounded_half_up_to_the_fen_and_never_above_the_price(
    price_fen: int, percent: int, fen: int, kept_fen: int
) -> None:
    assert kept_of(price_fen, Terms(0, percent, fen)) == kept_fen


def test_what_was_given_back_already_is_not_given_back_again() -> None:
    quotes = [asked(26 * HOUR, *TWO_HOURS), asked(26 * HOUR, *TWO_HOURS)]
    first, second = within(quotes, 5000)
    assert (first.refund_fen, second.refund_fen) == (4000, 1000)
    assert first == quotes[0]
    assert second.explanation.endswith("此前已退过款，本次退10.00元。")


def test_lengths_are_told_as_people_say_them() -> None:
    texts = {0: "0分钟", 59: "59分钟", 60: "1小时", 90: "1小时30分钟", 1440: "1天", 1501: "1天1小时1分钟"}
    assert {minutes: length_text(timedelta(minutes=minutes, seconds=59)) for minutes in texts} == texts
    assert length_text(-HOUR) == "0分钟"


# for every rule there may be

lefts = st.timedeltas(timedelta(days=-1), timedelta(days=40))
prices = st.integers(0, 10**15)
parties = st.sampled_from([RefundParty.MEMBER, RefundParty.VENUE])
rules = st.builds(
    Terms, st.integers(0, 50_000) | st.just(WHENEVER), st.integers(0, 100), st.integers(0, 10**6), st.booleans()
)


@st.composite
def fair_rules(draw: st.DrawFn) -> list[Terms]:
    """As the import lets them pass: the earlier, the less is kept."""
    count = draw(st.integers(0, 5))
    times = sorted(draw(st.sets(st.integers(0, 50_000), min_size=count, max_size=count)))
    percents = sorted(draw(st.lists(st.integers(0, 100), min_size=count, max_size=count)), reverse=True)
    fens = sorted(draw(st.lists(st.integers(0, 10**6), min_size=count, max_size=count)), reverse=True)
    return [Terms(*columns) for columns in zip(times, percents, fens, strict=True)]


@given(left=lefts, price_fen=prices, terms=st.lists(rules, max_size=6), party=parties, note=st.text(max_size=200))
def test_the_price_is_split_to_the_fen_into_what_goes_back_and_what_is_kept(
    left: timedelta, price_fen: int, terms: list[Terms], party: RefundParty, note: str
) -> None:
    told = quote(a_line(left, price_fen=price_fen), terms, party=party, now=NOW, note=note)
    assert told.refund_fen + told.kept_fen == price_fen
    assert min(told.refund_fen, told.kept_fen) >= 0
    assert 0 < len(told.explanation) <= LONGEST_EXPLANATION


@given(first=lefts, second=lefts, price_fen=prices, terms=fair_rules())
def test_who_cancels_earlier_never_gets_less_back(
    first: timedelta, second: timedelta, price_fen: int, terms: list[Terms]
) -> None:
    later, earlier = sorted([first, second])
    back = [asked(left, *terms, price_fen=price_fen).refund_fen for left in (later, earlier)]
    assert back == sorted(back)


@given(left=lefts, terms=st.lists(rules, max_size=6))
def test_no_rule_that_applies_asks_for_more_time_than_there_is(left: timedelta, terms: list[Terms]) -> None:
    found = applying(deciding(terms, RefundParty.MEMBER), left)
    if found is not None:
        assert found.minutes_before * timedelta(minutes=1) <= left
        assert all(rule.minutes_before <= found.minutes_before or rule.minutes_before * timedelta(minutes=1) > left
                   for rule in deciding(terms, RefundParty.MEMBER))  # fmt: skip


@given(
    refunds=st.lists(st.integers(0, 10_000), max_size=8),
    left_fen=st.integers(0, 60_000),
)
def test_together_never_more_goes_back_than_is_left(refunds: list[int], left_fen: int) -> None:
    quotes = [LineQuote(number, fen, fen, 0, "全额退款。") for number, fen in enumerate(refunds)]
    capped = within(quotes, left_fen)
    assert sum(each.refund_fen for each in capped) == min(left_fen, sum(refunds))
    assert all(0 <= each.refund_fen <= given.refund_fen for each, given in zip(capped, quotes, strict=True))
