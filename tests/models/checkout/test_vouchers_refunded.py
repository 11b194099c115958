"""What a refund does to a voucher follows its campaign; what the citizen gets back is what they paid above the price of
what remains, with the voucher where it still fits, else without it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.calendar import business_day, instant_of
from models.checkout.cancelling import RefundQuote, cancel_order, refund_quote
from models.checkout.staff_refunding import cancel_for_venue
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.messages.tables import Message
from models.orders.tables import Order, OrderLine, Refund, RefundLine, RefundRule
from models.vouchers.books import budgets
from models.vouchers.rules import OnRefund, Stacking, Terms
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherEvent, VoucherPool, VoucherUse
from tests.databases import Database
from tests.factories.booking import Hall, Person, a_hall, a_paid_order, a_person, an_order, at, wanted
from tests.factories.people import a_clerk
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.models.checkout.voucher_books import check_all
from tests.outside import Outside

BUDGET = 10_000_00


class Bought:
    """A paid order of ¥40 lines, one voucher on it, and its people."""

    def __init__(self, hall: Hall, person: Person, programme: ACampaign, voucher: Voucher, order: Order) -> None:
        self.hall, self.person, self.programme = hall, person, programme
        self.voucher, self.order = voucher, order

    async def quote(self, now: datetime, *line_nos: int) -> RefundQuote:
        return await refund_quote(
            member_id=self.person.member_id, order_no=self.order.order_no, line_nos=line_nos or None, now=now
        )

    async def cancel(self, outside: Outside, now: datetime, *line_nos: int) -> int:
        """What came back; and twice is once."""
        expected = (await self.quote(now, *line_nos)).total_fen
        for _ in range(2):
            await cancel_order(
                member_id=self.person.member_id,
                order_no=self.order.order_no,
                line_nos=line_nos or None,
                expected_refund_fen=expected,
                channels=outside.channels,
                now=now,
            )
        refunds = await Refund.filter(order_id=self.order.id).order_by("-id").limit(1)
        assert not expected or refunds[0].amount_fen == expected
        await check_all()
        return expected

    async def now(self) -> tuple[str, int | None, int]:
        voucher = await Voucher.get(id=self.voucher.id)
        return voucher.state, voucher.order_id, voucher.returned_fen

    async def free(self) -> int:
        return int((await VoucherPool.get(id=self.programme.pool_id)).free_fen)

    async def events(self) -> list[tuple[str, int]]:
        return [(e.kind, e.amount_fen) for e in await VoucherEvent.all().order_by("id")]


async def bought(
    outside: Outside,
    now: datetime,
    *,
    hours: tuple[int, ...] = (9, 10),
    voucher: dict[str, Any] | None = None,
    **campaign: Any,
) -> Bought:
    hall, person = await a_hall(), await a_person()
    programme = await a_campaign(**campaign)
    mine = await a_voucher(person.member_id, programme, **(voucher or {}))
    lines = [wanted(hall.badminton_2 if n > 1 else hall.badminton, at(hour)) for n, hour in enumerate(hours)]
    order = await a_paid_order(outside, person, *lines, vouchers=[mine.public_id], now=now)
    return Bought(hall, person, programme, mine, order)


async def a_fee(percent: int, minutes: int = 0, party: str = "MEMBER") -> None:
    await RefundRule.create(
        party=party, minutes_before=minutes, kept_percent=percent, kept_fen=0, provenance="TEST", source=""
    )


# the whole order


@pytest.mark.parametrize(
    ("on_refund", "hours_before", "state"),
    [
        (OnRefund.RETURNS, 0, "CLAIMED"),
        (OnRefund.FORFEITS, 0, "FORFEITED"),
        (OnRefund.RETURNS_IN_TIME, 2, "CLAIMED"),
        (OnRefund.RETURNS_IN_TIME, 240, "FORFEITED"),
    ],
)
async def test_a_voucher_of_a_cancelled_order_goes_the_way_of_its_campaign(
    db: Database, outside: Outside, now: datetime, on_refund: OnRefund, hours_before: int, state: str
) -> None:
    it = await bought(outside, now, terms=Terms(on_refund=on_refund, refund_hours_before=hours_before))
    assert await it.cancel(outside, now) == 6000
    after = await Voucher.get(id=it.voucher.id)
    assert after.state == state
    assert await it.events() == [("USED", 2000), ("TAKEN_BACK", 2000)]
    assert ((await VoucherUse.get()).state, await it.free()) == ("UNDONE", BUDGET - 2000)
    if state == "CLAIMED":
        assert (after.order_id, after.ended_at, after.valid_until) == (None, None, it.voucher.valid_until)
        await an_order(it.person, wanted(it.hall.badminton, at(9)), vouchers=[it.voucher.public_id])
        await check_all()
    else:
        assert (after.ended_at, (await budgets())[0].budget.forfeited) == (now, 2000)


@pytest.mark.parametrize("returns", [True, False])
async def test_a_voucher_that_would_come_back_after_its_time_has_ended(
    db: Database, outside: Outside, now: datetime, returns: bool
) -> None:
    it = await bought(
        outside,
        now,
        voucher={"valid_until": now + timedelta(minutes=30)},
        terms=Terms(on_refund=OnRefund.RETURNS, expired_returns=returns),
    )
    later = now + timedelta(hours=1)
    assert "已过有效期" in (await it.quote(later)).vouchers_told
    assert await it.cancel(outside, later) == 6000
    assert (await it.now())[0] == ("RETURNED" if returns else "EXPIRED")
    assert await it.free() == (BUDGET if returns else BUDGET - 2000)


@pytest.mark.parametrize("returns", [True, False])
async def test_nothing_comes_back_into_a_campaign_that_is_settled(
    db: Database, outside: Outside, now: datetime, returns: bool
) -> None:
    it = await bought(outside, now, terms=Terms(on_refund=OnRefund.RETURNS, expired_returns=returns))
    await VoucherCampaign.filter(id=it.programme.id).update(state="SETTLED")
    assert await it.cancel(outside, now) == 6000
    assert (await it.now())[0] == ("RETURNED" if returns else "EXPIRED")


async def by_the_venue(it: Bought, outside: Outside, now: datetime, *line_nos: int) -> None:
    clerk = await a_clerk(it.hall.venue.public_id)
    for _ in range(2):
        await cancel_for_venue(
            clerk=clerk,
            order_no=it.order.order_no,
            line_nos=line_nos or None,
            reason="停电",
            key="venue-0001",
            channels=outside.channels,
            now=now,
        )
    await check_all()


async def test_when_the_venue_cancels_the_voucher_always_comes_back_for_three_whole_days(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(
        outside,
        now,
        voucher={"valid_until": now + timedelta(minutes=30)},
        terms=Terms(on_refund=OnRefund.FORFEITS, expired_returns=False),
    )
    later = now + timedelta(hours=1)
    await by_the_venue(it, outside, later)
    after = await Voucher.get(id=it.voucher.id)
    assert after.state == "CLAIMED"
    assert after.valid_until == instant_of(business_day(later) + timedelta(days=4), 0)
    assert (await Refund.get()).amount_fen == 6000
    told = await Message.get(template="ORDER_CANCELLED_BY_VENUE")
    assert "退回您的账户" in told.values["refund"]


async def test_a_longer_validity_is_not_cut_when_the_venue_cancels(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(outside, now)
    await by_the_venue(it, outside, now)
    assert (await Voucher.get(id=it.voucher.id)).valid_until == it.voucher.valid_until


async def test_an_order_that_the_voucher_paid_whole_gives_back_the_voucher_and_no_money(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    programme = await a_campaign(face_fen=4000, minimum_spend_fen=4000, terms=Terms(on_refund=OnRefund.RETURNS))
    voucher = await a_voucher(person.member_id, programme)
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    it = Bought(hall, person, programme, voucher, order)
    quote = await it.quote(now)
    assert [line.explanation for line in quote.lines] == ["这个时段由消费券抵扣，没有需要退回的款项。"]
    assert await it.cancel(outside, now) == 0
    assert await it.now() == ("CLAIMED", None, 0)
    assert await Refund.all().count() == 0


async def test_an_unpaid_orders_quote_says_that_the_voucher_comes_back(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    voucher = await a_voucher(person.member_id, await a_campaign())
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    quote = await refund_quote(member_id=person.member_id, order_no=order.order_no, now=now)
    assert quote.vouchers_told == "订单尚未支付，所用的消费券会退回您的账户。"


# some of its lines


async def test_a_voucher_stays_while_what_remains_meets_its_minimum_spend(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(outside, now)  # ¥20 off ¥40, two lines of ¥40
    quote = await it.quote(now, 1)
    assert quote.vouchers_told == "消费券“满40减20”：保留的时段仍可使用，继续抵扣。"
    assert await it.cancel(outside, now, 1) == 4000
    assert await it.now() == ("USED", it.order.id, 0)
    assert await it.events() == [("USED", 2000)]
    told = await OutboxRow.filter(kind="orders").order_by("-id").first()
    assert told
    assert (told.payload["state"], told.payload["amountFen"], told.payload["voucherFen"]) == (
        "CHANGED",
        4000,
        2000,
    )


@pytest.mark.parametrize(("on_refund", "state"), [(OnRefund.RETURNS, "CLAIMED"), (OnRefund.FORFEITS, "FORFEITED")])
async def test_what_remains_costs_its_price_when_the_voucher_fits_it_no_more(
    db: Database, outside: Outside, now: datetime, on_refund: OnRefund, state: str
) -> None:
    it = await bought(outside, now, minimum_spend_fen=8000, terms=Terms(on_refund=on_refund))
    assert await it.cancel(outside, now, 1) == 2000  # paid 60, and the other line is 40 without the voucher
    assert (await it.now())[0] == state
    assert await it.events() == [("USED", 2000), ("TAKEN_BACK", 2000)]
    order = await Order.get(id=it.order.id)
    assert (order.status, order.voucher_fen) == ("PAID", 2000)
    assert await it.cancel(outside, now) == 4000
    assert (await it.now())[0] == state


@pytest.mark.parametrize("on_refund", [OnRefund.RETURNS, OnRefund.FORFEITS])
async def test_less_than_nothing_never_comes_back_and_the_voucher_pays_what_the_citizen_did_not(
    db: Database, outside: Outside, now: datetime, on_refund: OnRefund
) -> None:
    it = await bought(  # three lines of ¥40, ¥90 off ¥120: paid 30
        outside,
        now,
        hours=(9, 10, 11),
        face_fen=9000,
        minimum_spend_fen=12000,
        terms=Terms(on_refund=on_refund, venue_share_percent=10),
    )
    assert await it.cancel(outside, now, 1) == 0
    assert (await it.now())[0] == "USED"
    use = await VoucherUse.get()  # 80 remain to be paid: 30 by the citizen, 50 by the voucher
    assert (use.state, use.used_fen, use.venue_share_fen) == ("DONE", 5000, 500)
    assert await it.events() == [("USED", 9000), ("TAKEN_BACK", 4000)]
    free_fen = 4000 if on_refund is OnRefund.RETURNS else 0
    assert await it.free() == BUDGET - 9000 + free_fen
    (pool,) = await budgets()
    assert (pool.budget.used, pool.budget.forfeited) == (5000, 4000 - free_fen)
    assert await it.cancel(outside, now, 2) == 0  # 40 remain: 30 and 10
    assert (await VoucherUse.get()).used_fen == 1000
    assert await it.cancel(outside, now) == 3000
    assert await it.now() == (
        ("RETURNED", it.order.id, 9000) if on_refund is OnRefund.RETURNS else ("FORFEITED", it.order.id, 0)
    )


async def test_what_the_rules_keep_is_of_the_citizens_own_money(
    db: Database, outside: Outside, now: datetime
) -> None:
    await a_fee(20)
    it = await bought(outside, now, terms=Terms(on_refund=OnRefund.RETURNS))
    quote = await it.quote(now)
    assert [(line.refund_fen, line.kept_fen) for line in quote.lines] == [(2400, 600), (2400, 600)]
    assert "手续费为可退的30.00元的20%，即6.00元，退24.00元" in quote.lines[0].explanation
    assert await it.cancel(outside, now, 2) == 3200  # of 40: the voucher stays on the first
    assert await it.cancel(outside, now) == 1600  # of 20
    parts = await RefundLine.all().order_by("id")
    assert [(part.amount_fen, part.kept_fen) for part in parts] == [(3200, 800), (1600, 400)]
    assert (await it.now())[0] == "CLAIMED"


async def test_when_the_venue_cancels_a_line_its_whole_price_comes_back_and_no_minimum_is_asked(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(outside, now, minimum_spend_fen=8000)
    await by_the_venue(it, outside, now, 1)
    assert (await Refund.get()).amount_fen == 4000
    assert await it.now() == ("USED", it.order.id, 0)


async def test_when_the_venue_leaves_less_than_the_voucher_the_citizen_has_it_again(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(outside, now, hours=(9, 10, 11), face_fen=5000, minimum_spend_fen=12000)
    await by_the_venue(it, outside, now, 1, 2)  # paid 70; the last line is 40
    assert (await Refund.get()).amount_fen == 3000
    assert await it.now() == ("CLAIMED", None, 0)


async def test_when_the_venue_leaves_more_than_the_citizen_paid_the_voucher_pays_all_of_it(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(outside, now, hours=(9, 10, 11), face_fen=11000, minimum_spend_fen=12000)
    await by_the_venue(it, outside, now, 1)  # paid 10; 80 remain, and the voucher was for 110
    assert (await Refund.get()).amount_fen == 1000
    assert (await VoucherUse.get()).used_fen == 8000
    assert await it.free() == BUDGET - 8000


async def test_of_several_the_larger_stays_and_the_other_goes_its_own_way(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    terms = Terms(stacking=Stacking.ANY, on_refund=OnRefund.RETURNS, uses_a_day=None)
    large = await a_campaign(face_fen=2000, minimum_spend_fen=4000, terms=terms)
    small = await a_campaign(face_fen=1001, minimum_spend_fen=4000, terms=terms)
    two = await a_voucher(person.member_id, small)
    one = await a_voucher(person.member_id, large)
    order = await a_paid_order(
        outside,
        person,
        wanted(hall.badminton, at(9)),
        wanted(hall.badminton, at(10)),
        vouchers=[two.public_id, one.public_id],
        now=now,
    )
    assert sorted([use.bill_fen for use in await VoucherUse.all()]) == [2668, 5332]
    assert [line.voucher_fen for line in await OrderLine.all().order_by("line_no")] == [1501, 1500]
    it = Bought(hall, person, large, one, order)
    assert await it.cancel(outside, now, 2) == 2999  # paid 49.99; 20 remain
    assert ((await Voucher.get(id=one.id)).state, (await Voucher.get(id=two.id)).state) == ("USED", "CLAIMED")


async def test_a_line_that_cannot_be_cancelled_is_no_part_of_what_is_told(
    db: Database, outside: Outside, now: datetime
) -> None:
    it = await bought(outside, now, terms=Terms(on_refund=OnRefund.RETURNS))
    begun = at(9, 30)
    quote = await it.quote(begun)
    assert [line.refusal is None for line in quote.lines] == [False, True]
    assert (quote.total_fen, quote.vouchers_told) == (4000, "消费券“满40减20”：保留的时段仍可使用，继续抵扣。")
    with pytest.raises(DomainError) as refused:
        await cancel_order(
            member_id=it.person.member_id, order_no=it.order.order_no, channels=outside.channels, now=begun
        )
    assert refused.value.code == ErrorCode.ORDER_STARTED
    assert await it.now() == ("USED", it.order.id, 0)
