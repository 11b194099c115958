"""The arithmetic of refunds with vouchers, for any vouchers and lines."""

from hypothesis import given
from hypothesis import strategies as st

from models.vouchers.taking_back import Paying, remains

fen = st.integers(1, 50_000)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Paying], int, list[int]]:
    """Vouchers that paid for an order together, and its lines' prices."""
    vouchers = []
    for number in range(draw(st.integers(1, 3))):
        face = draw(fen)
        vouchers.append(
            Paying(
                voucher_id=number,
                face_fen=face,
                minimum_spend_fen=face + draw(st.integers(0, 20_000)),
                used_fen=face,
            )
        )
    least = sum(voucher.minimum_spend_fen for voucher in vouchers)
    prices = draw(st.lists(fen, min_size=1, max_size=5))
    if sum(prices) < least:
        prices.append(least - sum(prices))
    return vouchers, sum(prices), prices


@given(orders(), st.booleans(), st.data())
def test_however_lines_go_one_by_one_no_fen_is_lost_and_none_is_made(
    order: tuple[list[Paying], int, list[int]], by_venue: bool, data: st.DataObject
) -> None:
    vouchers, standing, prices = order
    paid = standing - sum(voucher.used_fen for voucher in vouchers)
    own = paid
    while prices:
        prices.pop(data.draw(st.integers(0, len(prices) - 1)))
        left = remains(vouchers, standing_fen=standing, remaining_fen=sum(prices), by_venue=by_venue)
        assert 0 <= left.freed_fen <= own
        own -= left.freed_fen
        assert own + sum(left.used_fen.values()) == sum(prices)
        for voucher in vouchers:
            assert 0 <= left.used_fen[voucher.voucher_id] <= voucher.used_fen
        standing = sum(prices)
        vouchers = [
            Paying(
                voucher_id=voucher.voucher_id,
                face_fen=voucher.face_fen,
                minimum_spend_fen=voucher.minimum_spend_fen,
                used_fen=left.used_fen[voucher.voucher_id],
            )
            for voucher in vouchers
            if left.used_fen[voucher.voucher_id]
        ]
    assert own == 0
    assert not vouchers


@given(orders(), st.data())
def test_nobody_pays_less_for_what_remains_than_who_had_bought_only_that(
    order: tuple[list[Paying], int, list[int]], data: st.DataObject
) -> None:
    """Buying more to reach a minimum spend and giving it up again gains nothing, unless the money was never there."""
    vouchers, standing, prices = order
    remaining = sum(data.draw(st.lists(st.sampled_from(prices), max_size=len(prices), unique=True)))
    own = standing - sum(voucher.used_fen for voucher in vouchers)
    left = remains(vouchers, standing_fen=standing, remaining_fen=remaining)
    fits = [voucher for voucher in vouchers if voucher.minimum_spend_fen <= remaining]
    kept = own - left.freed_fen
    assert kept >= min(own, remaining - sum(voucher.face_fen for voucher in fits))


@given(orders(), st.data())
def test_when_the_venue_cancels_the_citizen_gets_at_least_what_they_would_have_got_by_themselves(
    order: tuple[list[Paying], int, list[int]], data: st.DataObject
) -> None:
    vouchers, standing, prices = order
    remaining = sum(data.draw(st.lists(st.sampled_from(prices), max_size=len(prices), unique=True)))
    theirs = remains(vouchers, standing_fen=standing, remaining_fen=remaining)
    venues = remains(vouchers, standing_fen=standing, remaining_fen=remaining, by_venue=True)
    assert venues.freed_fen >= theirs.freed_fen
