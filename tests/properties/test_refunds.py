"""Refunds never exceed payments, whatever amounts are asked back in whatever order (issue 2, Proof)."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import database
from models.errors import DomainError
from models.orders.operations import intend_refund
from models.orders.rules import RefundParty, RefundReason
from models.orders.tables import Payment, Refund
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall, a_paid_order, a_person, at, wanted
from tests.outside import Outside

PAID_FEN = 4000


@database.operation
async def ask_back(amount_fen: int) -> bool:
    """In an act of its own, as everybody must. False when it was refused."""
    payment = await Payment.select_for_update().get()
    try:
        await intend_refund(
            payment=payment,
            amount_fen=amount_fen,
            party=RefundParty.MEMBER,
            reason=RefundReason.CANCELLED,
            now=NOW,
        )
    except DomainError:
        return False
    return True


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(-1, PAID_FEN + 1) | st.integers(), min_size=1, max_size=8))
async def test_refunds_never_exceed_their_payment(db: Database, outside: Outside, amounts: list[int]) -> None:
    if not await Payment.exists():
        await a_paid_order(outside, await a_person(), wanted((await a_hall()).badminton, at(9)))
    await Refund.all().delete()
    await Payment.all().update(refunded_fen=0)
    given_back = 0
    for amount in amounts:
        fits = 0 < amount <= PAID_FEN - given_back
        assert await ask_back(amount) == fits
        given_back += amount if fits else 0
        assert sum([refund.amount_fen for refund in await Refund.all()]) == given_back <= PAID_FEN
        assert (await Payment.get()).refunded_fen == given_back
