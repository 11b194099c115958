"""Those who share a price, whoever takes over what is missing, and the end of the hold at the same moment. Only PostgreSQL
can show it."""

from datetime import datetime, timedelta

import pytest

from models.checkout.ending import end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.checkout.settling import settle_known
from models.errors import Busy
from models.orders.tables import Order, Payment, PaymentShare, Refund
from payments.port import PaymentState
from tests.databases import Database
from tests.factories.booking import a_hall, an_order, at, wanted
from tests.factories.splitting import Party, a_party, pays_share, share_sheet, split, takes_over
from tests.models.checkout.test_money_races import everybody_is_square, refusals_aside
from tests.outside import WECHAT_PAY, Outside
from tests.queueing import one_after_another

pytestmark = pytest.mark.postgres

QUARTER = timedelta(minutes=15)


async def sweeps(outside: Outside, final: datetime) -> None:
    for _ in range(3):
        await outside.travel(final)
        await end_overdue_holds(channels=outside.channels, now=final)
        await check_due_payments(channels=outside.channels, now=final)
        await send_due_refunds(channels=outside.channels, now=final)
        await outside.quiet()
        final += timedelta(minutes=11)
    await everybody_is_square(outside)


async def shares_say_the_same(party: Party) -> str:
    """All paid and booked, or all over and given back. Gives the order's status."""
    order = await Order.get(id=party.order.id)
    states = {share.state for share in await PaymentShare.filter(order_id=order.id)}
    assert states <= ({"PAID", "TAKEN_OVER"} if order.status == "PAID" else {"LAPSED", "GIVEN_BACK", "TAKEN_OVER"})
    paid = await Payment.filter(order_id=order.id, status="SETTLED")
    assert sum(payment.amount_fen for payment in paid) == (order.total_fen if order.status == "PAID" else 0)
    return order.status


async def test_the_last_share_against_the_end_of_the_hold_leaves_a_court_or_everybodys_money(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)
    parties = []
    for number in range(4):
        party = await a_party(hall, friends=1, hour=8 + number, now=now)
        parties.append(party)
        await split(party, outside.channels, now=now)
        await pays_share(outside, party.order, party.booker, now=now)
        sheet = await share_sheet(outside, party.order, party.others[0], now=now)
        later, heard = now + QUARTER, len(outside.letters)
        if number % 2:  # paid in time, and the notice comes at the last second
            await outside.pay(sheet)
            paying = outside.hand_in(await outside.letter_of_a_payment(heard), now=later)
        else:
            paying = outside.try_to_pay(sheet, late=True)  # type: ignore[assignment]
        workers = [end_overdue_holds(channels=outside.channels, now=later) for _ in range(2)]
        taker = an_order(
            party.others[0], wanted(hall.badminton, at(8 + number)), channels=outside.channels, now=later
        )
        await refusals_aside(*workers, paying, taker)
    await sweeps(outside, now + 3 * QUARTER)
    became = [await shares_say_the_same(party) for party in parties]
    assert became[1::2] == ["PAID", "PAID"]  # paid in time is booked, whoever hears of it first


@pytest.mark.parametrize("paying_first", [True, False])
async def test_the_last_share_paid_in_time_is_booked_whoever_gets_to_the_order_first(
    paying_first: bool, db: Database, outside: Outside, now: datetime
) -> None:
    """The notice of it and the end of the hold stand before the order's row together, in this order or the other."""
    await outside.switch_on(refund_seconds=0)
    party = await a_party(await a_hall(), friends=1, now=now)
    await split(party, outside.channels, now=now)
    await pays_share(outside, party.order, party.booker, now=now)
    sheet = await share_sheet(outside, party.order, party.others[0], now=now)
    later, heard = now + QUARTER, len(outside.letters)
    await outside.pay(sheet)
    (letter,) = (await outside.wait_for_letters(heard + 1))[heard:]
    acts = [outside.hand_in(letter, now=later), end_overdue_holds(channels=outside.channels, now=later)]
    outcomes = await one_after_another(
        [party.order.id], *(acts if paying_first else reversed(acts)), table="orders"
    )
    refusals = [each for each in outcomes if isinstance(each, BaseException)]
    assert {type(each) for each in refusals} <= {Busy}, "who waits too long on a slow machine comes again"
    await sweeps(outside, now + 3 * QUARTER)
    assert await shares_say_the_same(party) == "PAID"
    assert not await Refund.exists()


async def test_two_notices_of_two_shares_at_once_book_it_once(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)
    for number in range(3):
        party = await a_party(hall, hour=8 + number, now=now)
        await split(party, outside.channels, now=now)
        before = len(outside.letters)
        for person in party.everybody:
            await outside.pay(await share_sheet(outside, party.order, person, now=now))
        letters = (await outside.wait_for_letters(before + 3))[before:]
        await refusals_aside(*(outside.hand_in(letter, now=now) for letter in [*letters, *letters]))
        assert await shares_say_the_same(party) == "PAID"
    await sweeps(outside, now + QUARTER)


async def test_taking_over_while_a_companion_pays_charges_nobody_for_nothing(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall = await a_hall()
    await outside.switch_on(refund_seconds=0)
    for number in range(4):
        party = await a_party(hall, hour=8 + number, now=now)
        await split(party, outside.channels, now=now)
        sheets = [await share_sheet(outside, party.order, person, now=now) for person in party.others]
        before = len(outside.letters)
        acts = [takes_over(party, outside.channels, now=now) for _ in range(2)]
        if number % 2:  # paid before, and the notice comes while it is taken over
            await outside.pay(sheets[0])
            letter = await outside.letter_of_a_payment(before)
            acts += [outside.hand_in(letter, now=now)]  # type: ignore[list-item]
        else:
            acts += [outside.try_to_pay(sheet) for sheet in sheets]  # type: ignore[misc]
        await refusals_aside(*acts, share_sheet(outside, party.order, party.others[1], now=now))
        await outside.quiet()
        for payment in await Payment.filter(order_id=party.order.id, status="WAITING"):
            known = await outside.channel.query(payment.payment_no)
            if known is not None and known.state is PaymentState.SUCCEEDED:
                await settle_known(known, channel=WECHAT_PAY, now=now)
        await refusals_aside(takes_over(party, outside.channels, now=now))
        shares = await PaymentShare.filter(order_id=party.order.id)
        if number % 2:  # whoever is first: one share is paid, and the other is taken over
            assert sorted(share.state for share in shares) == ["OPEN", "PAID", "TAKEN_OVER", "TAKEN_OVER"]
        assert sum(share.amount_fen for share in shares if share.state != "TAKEN_OVER") == party.order.total_fen
        if any(share.state == "OPEN" for share in shares):
            await pays_share(outside, party.order, party.booker, now=now)
        assert await shares_say_the_same(party) == "PAID"
    await sweeps(outside, now + QUARTER)
