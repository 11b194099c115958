"""The refund rules of the house: a member cancels free in good time, and a venue that cancels keeps nothing."""

from datetime import timedelta

from models.orders.importing import demonstration_fees, refund_rules_in
from models.orders.refund_policy import WHENEVER, LineToCancel, Terms, quote
from models.orders.rules import RefundParty
from tests.conftest import NOW
from tests.data import DATA, rows


def house_rules(party: RefundParty) -> list[Terms]:
    return [
        Terms(rule["minutes_before"], rule["kept_percent"], rule["kept_fen"])
        for rule in refund_rules_in(DATA)
        if (rule["reference"], rule["party"]) == ("", party)
    ]


def refund(party: RefundParty, left: timedelta) -> int | None:
    """Of 40.00 yuan; None when it cannot be cancelled."""
    line = LineToCancel(
        line_no=1,
        title="羽毛球1号场",
        price_fen=4000,
        starts_at=NOW + left,
        ends_at=NOW + left + timedelta(hours=1),
    )
    told = quote(line, house_rules(party), party=party, now=NOW)
    return None if told.refusal else told.refund_fen


def test_the_house_gives_everything_back_until_two_hours_before_the_start_and_then_four_fifths() -> None:
    lefts = {timedelta(days=3): 4000, timedelta(hours=2): 4000, timedelta(minutes=119): 3200}
    lefts |= {timedelta(seconds=1): 3200}
    assert {left: refund(RefundParty.MEMBER, left) for left in lefts} == lefts
    assert refund(RefundParty.MEMBER, timedelta()) is None


def test_a_venue_that_cancels_gives_everything_back_whenever_it_does() -> None:
    assert house_rules(RefundParty.VENUE) == [Terms(WHENEVER)]
    for left in (timedelta(days=3), timedelta(), timedelta(minutes=-59)):
        assert refund(RefundParty.VENUE, left) == 4000


def test_what_nobody_published_is_marked_so() -> None:
    assert {row["provenance"] for row in rows("refund_rules.csv")} == {"DEMONSTRATION"}
    assert demonstration_fees(DATA) == 1


def test_no_venue_has_rules_of_its_own_as_none_of_our_sources_states_any() -> None:
    assert {row["reference"] for row in rows("refund_rules.csv")} == {""}
