"""A voucher pays a part of an order: reserved while it is unpaid, used when it is paid, freed when it ends."""

import asyncio
import logging
import re
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from models.calendar import moment_text
from models.checkout.at_desk import MoneyGiven, order_at_desk, take_money
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.settling import settle_notice
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.messages.operations import tell
from models.orders.queries import order_of
from models.orders.rules import Channel
from models.orders.tables import FinanceEvent, Order, OrderLine, Payment, Refund
from models.shifts.operations import open_shift
from models.vouchers.ending import expire_vouchers
from models.vouchers.rules import Stacking, Terms, VoucherState, Where
from models.vouchers.tables import Voucher, VoucherEvent, VoucherPool, VoucherUse
from tests.databases import Database
from tests.factories.booking import (
    Hall,
    Person,
    a_hall,
    a_paid_order,
    a_person,
    an_order,
    at,
    census,
    invoke_payment,
    wanted,
)
from tests.factories.people import a_clerk
from tests.factories.places import a_court, a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.kills import somebody_waits
from tests.models.checkout.test_settling import ForgetfulClose, paid_late, settle
from tests.models.checkout.voucher_books import check_all
from tests.outside import WECHAT_PAY, Outside

QUARTER = timedelta(minutes=15)


async def a_buyer(**campaign: Any) -> tuple[Hall, Person, ACampaign, Voucher]:
    """Somebody with one voucher: ¥20 off ¥40."""
    hall, person = await a_hall(), await a_person()
    programme = await a_campaign(**campaign)
    return hall, person, programme, await a_voucher(person.member_id, programme)


async def now_of(voucher: Voucher) -> Voucher:
    return await Voucher.get(id=voucher.id)


# reserved, used


async def test_an_order_with_a_voucher_asks_for_the_rest_and_reserves_it(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person, _, voucher = await a_buyer()
    order = await an_order(
        person, wanted(hall.full, at(9)), wanted(hall.badminton, at(9)), vouchers=[voucher.public_id]
    )
    assert (order.total_fen, order.voucher_fen, order.to_pay_fen, order.status) == (
        8000,
        2000,
        6000,
        "PENDING_PAYMENT",
    )
    assert [line.voucher_fen for line in await OrderLine.all().order_by("line_no")] == [1000, 1000]
    reserved = await now_of(voucher)
    assert (reserved.state, reserved.order_id) == ("RESERVED", order.id)
    assert [(e.kind, e.amount_fen) for e in await FinanceEvent.all()] == [("CHARGED", 6000)]
    await invoke_payment(outside, order, person)
    assert (await Payment.get()).amount_fen == 6000
    assert await VoucherUse.all().count() == await VoucherEvent.all().count() == 0
    await check_all()


async def test_paying_the_rest_uses_the_voucher_and_says_so_in_the_programmes_books(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person, programme, voucher = await a_buyer(terms=Terms(venue_share_percent=25))
    order = await a_paid_order(
        outside, person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id], now=now
    )
    assert order.status == "PAID"
    used = await now_of(voucher)
    assert (used.state, used.order_id, used.ended_at) == ("USED", order.id, now)
    use = await VoucherUse.get()
    assert (use.way, use.state, use.bill_fen, use.used_fen, use.venue_share_fen) == (
        "ORDER",
        "DONE",
        4000,
        2000,
        500,
    )
    assert (use.sport_code, use.venue_id, use.used_at) == ("BADMINTON", hall.venue.id, now)
    entry = await VoucherEvent.get()
    assert (entry.kind, entry.amount_fen, entry.venue_share_fen, entry.about_no) == ("USED", 2000, 500, use.use_no)
    row = await order_of(member_id=person.member_id, order_no=order.order_no)
    assert row
    assert (row["paid_fen"], row["due_fen"], row["voucher_fen"]) == (2000, 0, 2000)
    told = await OutboxRow.filter(kind="orders").get()
    assert (told.payload["amountFen"], told.payload["voucherFen"]) == (4000, 2000)
    assert (await VoucherPool.get(id=programme.pool_id)).free_fen == 10_000_00 - 2000
    await check_all()


async def test_an_order_that_vouchers_pay_whole_is_confirmed_at_once_and_nothing_is_asked(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person, _, voucher = await a_buyer(face_fen=4000, minimum_spend_fen=4000)
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    assert (order.status, order.to_pay_fen, (await now_of(voucher)).state) == ("PAID", 0, "USED")
    assert await FinanceEvent.all().count() == 0
    with pytest.raises(DomainError, match="已用消费券全额抵扣") as refused:
        await invoke_payment(outside, order, person)
    assert refused.value.code == ErrorCode.ORDER_FREE
    await check_all()


async def test_the_same_key_with_another_voucher_is_another_order(db: Database, now: datetime) -> None:
    hall, person, programme, voucher = await a_buyer()
    other = await a_voucher(person.member_id, programme)
    line = wanted(hall.badminton, at(9))
    order = await an_order(person, line, key="once", vouchers=[voucher.public_id])
    assert (await an_order(person, line, key="once", vouchers=[voucher.public_id])).id == order.id
    for vouchers in ([], [other.public_id]):
        with pytest.raises(DomainError) as refused:
            await an_order(person, line, key="once", vouchers=vouchers)
        assert refused.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert (await now_of(other)).state == "CLAIMED"


# refused: by the name of the rule, and nothing is left behind


async def refused_by(person: Person, hall: Hall, *vouchers: Voucher) -> DomainError:
    before = await census()
    states = await Voucher.all().order_by("id").values_list("id", "state", "order_id")
    with pytest.raises(DomainError) as refused:
        await an_order(
            person,
            wanted(hall.badminton, at(9)),
            vouchers=[voucher.public_id for voucher in vouchers],
        )
    assert await census() == before
    assert await Voucher.all().order_by("id").values_list("id", "state", "order_id") == states
    return refused.value


async def test_anothers_voucher_is_as_unknown_as_none(db: Database, now: datetime) -> None:
    hall, _, _, voucher = await a_buyer()
    refusal = await refused_by(await a_person(), hall, voucher)
    assert (refusal.code, refusal.field) == (ErrorCode.VOUCHER_UNKNOWN, "voucherIds")


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"state": VoucherState.EXPIRED}, ErrorCode.VOUCHER_ENDED),
        ({"state": VoucherState.FORFEITED}, ErrorCode.VOUCHER_ENDED),
        ({"state": VoucherState.RESERVED}, ErrorCode.VOUCHER_RESERVED),
        ({"valid_until": at(0, days=0)}, ErrorCode.VOUCHER_ENDED),
        ({"valid_from": at(23, days=0)}, ErrorCode.VOUCHER_NOT_YET),
    ],
)
async def test_a_voucher_that_is_not_ready_is_refused_by_name(
    db: Database, now: datetime, columns: dict[str, Any], code: ErrorCode
) -> None:
    hall, person, programme, _ = await a_buyer()
    voucher = await a_voucher(person.member_id, programme, **columns)
    assert (await refused_by(person, hall, voucher)).code == code


@pytest.mark.parametrize(
    ("campaign", "code", "says"),
    [
        ({"minimum_spend_fen": 4001}, ErrorCode.VOUCHER_SPEND_TOO_LOW, "还差0.01元"),
        ({"terms": Terms(where=Where(venues=frozenset({"ven_other"})))}, ErrorCode.VOUCHER_WRONG_PLACE, "不能在"),
        ({"terms": Terms(where=Where(regions=frozenset({"500000"})))}, ErrorCode.VOUCHER_WRONG_PLACE, "不能在"),
        ({"terms": Terms(where=Where(sports=frozenset({"SWIMMING"})))}, ErrorCode.VOUCHER_WRONG_SPORT, "项目"),
        ({"terms": Terms(venue_cap_fen=1999)}, ErrorCode.VENUE_CAP_REACHED, "额度"),
    ],
)
async def test_a_voucher_that_does_not_fit_names_the_rule(
    db: Database, now: datetime, campaign: dict[str, Any], code: ErrorCode, says: str
) -> None:
    hall, person, _, voucher = await a_buyer(**campaign)
    refusal = await refused_by(person, hall, voucher)
    assert refusal.code == code
    assert says in refusal.message


async def test_a_voucher_for_one_sport_pays_no_order_with_another_sport_in_it(db: Database, now: datetime) -> None:
    hall, person, _, voucher = await a_buyer(terms=Terms(where=Where(sports=frozenset({"BADMINTON"}))))
    with pytest.raises(DomainError) as refused:
        await an_order(
            person, wanted(hall.badminton, at(9)), wanted(hall.full, at(9)), vouchers=[voucher.public_id]
        )
    assert refused.value.code == ErrorCode.VOUCHER_WRONG_SPORT
    await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])


@pytest.mark.parametrize("paid", [True, False])
async def test_what_is_used_or_only_reserved_today_counts_against_the_day(
    db: Database, outside: Outside, now: datetime, paid: bool
) -> None:
    hall, person, programme, voucher = await a_buyer(terms=Terms(uses_a_day=1))
    other = await a_voucher(person.member_id, programme)
    order = await an_order(person, wanted(hall.badminton, at(10)), vouchers=[voucher.public_id])
    if paid:
        await outside.pay(await invoke_payment(outside, order, person))
        await outside.hand_in((await outside.wait_for_letters(1)).pop(), now=now)
    assert (await refused_by(person, hall, other)).code == ErrorCode.VOUCHER_DAY_LIMIT
    if paid:  # the slot is tomorrow at nine; this is the evening before
        await an_order(person, wanted(hall.badminton, at(20)), vouchers=[other.public_id], now=at(0, 5))
        assert (await now_of(other)).state == "RESERVED"


async def test_the_venues_cap_counts_what_is_reserved_there(db: Database, now: datetime) -> None:
    hall, person, programme, voucher = await a_buyer(terms=Terms(uses_a_day=None, venue_cap_fen=3999))
    other = await a_voucher((await a_person()).member_id, programme)
    await an_order(person, wanted(hall.badminton, at(10)), vouchers=[voucher.public_id])
    owner = Person(other.member_id, "")
    assert (await refused_by(owner, hall, other)).code == ErrorCode.VENUE_CAP_REACHED
    elsewhere = await a_court(await a_venue(name="另一座馆"), sport="BADMINTON", name="1号场")
    await an_order(owner, wanted(elsewhere, at(9)), vouchers=[other.public_id])


# several at once


@pytest.mark.parametrize(
    ("mine", "theirs", "same_campaign", "together"),
    [
        (Stacking.NONE, Stacking.NONE, True, False),
        (Stacking.SAME_CAMPAIGN, Stacking.SAME_CAMPAIGN, True, True),
        (Stacking.SAME_CAMPAIGN, Stacking.ANY, False, False),
        (Stacking.ANY, Stacking.ANY, False, True),
        (Stacking.ANY, Stacking.NONE, False, False),
        (Stacking.ANY, Stacking.ANY, True, True),
    ],
)
async def test_vouchers_pay_together_only_where_each_says_so(
    db: Database, now: datetime, mine: Stacking, theirs: Stacking, same_campaign: bool, together: bool
) -> None:
    hall, person, programme, one = await a_buyer(terms=Terms(stacking=mine, uses_a_day=None))
    other = programme if same_campaign else await a_campaign(terms=Terms(stacking=theirs, uses_a_day=None))
    two = await a_voucher(person.member_id, other)
    lines = [wanted(hall.badminton, at(9)), wanted(hall.full, at(9))]
    ids = [one.public_id, two.public_id]
    if together:
        order = await an_order(person, *lines, vouchers=ids)
        assert (order.voucher_fen, order.to_pay_fen) == (4000, 4000)
        await check_all()
        return
    with pytest.raises(DomainError) as refused:
        await an_order(person, *lines, vouchers=ids)
    assert refused.value.code == ErrorCode.VOUCHERS_NOT_TOGETHER


async def test_minimum_spends_of_vouchers_that_stack_add_up(db: Database, now: datetime) -> None:
    hall, person, programme, one = await a_buyer(terms=Terms(stacking=Stacking.ANY, uses_a_day=None))
    two = await a_voucher(person.member_id, programme)
    refusal = await refused_by(person, hall, one, two)
    assert (refusal.code, refusal.message) == (
        ErrorCode.VOUCHER_SPEND_TOO_LOW,
        "几张券一起用，最低消费要相加：共需满80.00元，还差40.00元。",
    )


async def test_the_day_counts_each_of_several(db: Database, now: datetime) -> None:
    hall, person, programme, one = await a_buyer(terms=Terms(stacking=Stacking.ANY, uses_a_day=1))
    two = await a_voucher(person.member_id, programme)
    with pytest.raises(DomainError) as refused:
        await an_order(
            person,
            wanted(hall.badminton, at(9)),
            wanted(hall.full, at(9)),
            vouchers=[one.public_id, two.public_id],
        )
    assert refused.value.code == ErrorCode.VOUCHER_DAY_LIMIT


# how an unpaid order ends


@pytest.mark.parametrize("end", ["cancelled", "overdue"])
async def test_an_order_that_ends_unpaid_frees_its_voucher_once(
    db: Database, outside: Outside, now: datetime, end: str
) -> None:
    hall, person, _, voucher = await a_buyer()
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    for _ in range(2):
        if end == "cancelled":
            await cancel_order(
                member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now
            )
        await end_overdue_holds(channels=outside.channels, now=now + QUARTER)
    freed = await now_of(voucher)
    assert (freed.state, freed.order_id, freed.ended_at, freed.valid_until) == (
        "CLAIMED",
        None,
        None,
        voucher.valid_until,
    )
    assert [(e.kind, e.amount_fen) for e in await FinanceEvent.all().order_by("id")] == [
        ("CHARGED", 2000),
        ("WAIVED", 2000),
    ]
    await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id], now=now + QUARTER)
    assert (await now_of(voucher)).state == "RESERVED"
    await check_all()


@pytest.mark.parametrize("returns", [True, False])
async def test_a_voucher_whose_time_passed_while_it_was_reserved_has_ended(
    db: Database, outside: Outside, now: datetime, returns: bool
) -> None:
    hall, person = await a_hall(), await a_person()
    programme = await a_campaign(terms=Terms(expired_returns=returns))
    voucher = await a_voucher(person.member_id, programme, valid_until=now + timedelta(minutes=5))
    await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    assert await expire_vouchers(now=now + timedelta(minutes=10)) == 0  # it is reserved
    await end_overdue_holds(channels=outside.channels, now=now + QUARTER)
    assert (await now_of(voucher)).state == ("RETURNED" if returns else "EXPIRED")
    free = (await VoucherPool.get(id=programme.pool_id)).free_fen
    assert free == (10_000_00 if returns else 10_000_00 - 2000)
    await check_all()


async def test_a_voucher_reserved_in_time_is_used_though_its_time_passed_before_the_payment(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    voucher = await a_voucher(person.member_id, await a_campaign(), valid_until=now + timedelta(minutes=5))
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    later = now + timedelta(minutes=10)
    await outside.pay(await invoke_payment(outside, order, person))
    await outside.hand_in((await outside.wait_for_letters(1)).pop(), now=later)
    assert (await now_of(voucher)).state == "USED"
    await check_all()


# money that comes late


async def ended_with(outside: Outside, now: datetime) -> tuple[Hall, Person, Voucher, Order, Any]:
    hall, person, _, voucher = await a_buyer()
    order = await an_order(person, wanted(hall.full, at(9)), vouchers=[voucher.public_id], now=now)
    invocation = await invoke_payment(outside, order, person, now=now)
    forgetful = ForgetfulClose(outside.channel)
    assert await end_overdue_holds(channels={WECHAT_PAY: forgetful}, now=now + QUARTER) == 1
    return hall, person, voucher, order, invocation


async def test_late_money_takes_the_voucher_again_when_it_is_still_free(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, _, voucher, order, invocation = await ended_with(outside, now)
    assert (await now_of(voucher)).state == "CLAIMED"
    assert await settle(outside, await paid_late(outside, invocation), now + QUARTER) == "SETTLED"
    assert (await Order.get(id=order.id)).status == "PAID"
    assert ((await now_of(voucher)).state, (await now_of(voucher)).order_id) == ("USED", order.id)
    await check_all()


@pytest.mark.parametrize("gone", ["reserved elsewhere", "expired"])
async def test_late_money_goes_back_when_the_voucher_is_not_free_any_more(
    db: Database, outside: Outside, now: datetime, gone: str
) -> None:
    hall, person, voucher, order, invocation = await ended_with(outside, now)
    later = now + QUARTER
    if gone == "expired":
        later = voucher.valid_until - timedelta(days=7) + timedelta(hours=2)
        await Voucher.filter(id=voucher.id).update(valid_until=later)
        await expire_vouchers(now=later)
    else:
        await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id], now=later)
    before = await now_of(voucher)
    assert await settle(outside, await paid_late(outside, invocation), later) == "SURPLUS"
    refund = await Refund.get()
    assert (refund.amount_fen, refund.reason) == (2000, "PAID_TOO_LATE")
    after = await now_of(voucher)
    assert (after.state, after.order_id) == (before.state, before.order_id)
    assert (await Order.get(id=order.id)).status == "CLOSED"
    await check_all()


async def test_late_money_leaves_the_voucher_free_when_the_slot_is_gone(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, _, voucher, _, invocation = await ended_with(outside, now)
    await an_order(await a_person(), wanted(hall.left, at(9)), now=now + QUARTER)
    assert await settle(outside, await paid_late(outside, invocation), now + QUARTER) == "SURPLUS"
    assert ((await now_of(voucher)).state, (await now_of(voucher)).order_id) == ("CLAIMED", None)
    await check_all()


# races


@pytest.mark.postgres
async def test_of_two_orders_at_once_one_gets_the_voucher(db: Database, now: datetime) -> None:
    hall, person, _, voucher = await a_buyer(terms=Terms(uses_a_day=None))
    courts = [hall.badminton, hall.badminton_2, hall.full]
    answers = await asyncio.gather(
        *(an_order(person, wanted(court, at(9)), vouchers=[voucher.public_id]) for court in courts),
        return_exceptions=True,
    )
    placed = [answer for answer in answers if isinstance(answer, Order)]
    refused = [answer for answer in answers if isinstance(answer, DomainError)]
    assert len(placed) == 1
    assert {answer.code for answer in refused} == {ErrorCode.VOUCHER_RESERVED}
    assert (await now_of(voucher)).order_id == placed[0].id
    await check_all()


@pytest.mark.postgres
async def test_the_venues_cap_holds_though_many_reserve_at_once(db: Database, now: datetime) -> None:
    hall = await a_hall()
    programme = await a_campaign(terms=Terms(venue_cap_fen=5000))
    people = [await a_person() for _ in range(4)]
    vouchers = [await a_voucher(person.member_id, programme) for person in people]
    answers = await asyncio.gather(
        *(
            an_order(person, wanted(hall.badminton, at(9 + n)), vouchers=[voucher.public_id])
            for n, (person, voucher) in enumerate(zip(people, vouchers, strict=True))
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Order) for answer in answers) == 2
    codes = {answer.code for answer in answers if isinstance(answer, DomainError)}
    assert codes == {ErrorCode.VENUE_CAP_REACHED}
    await check_all()


@pytest.mark.postgres
@pytest.mark.parametrize("attempt", range(3))
async def test_paying_and_ending_at_once_leave_the_voucher_used_or_free_never_both(
    db: Database, outside: Outside, now: datetime, attempt: int
) -> None:
    hall, person, _, voucher = await a_buyer()
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    await outside.pay(await invoke_payment(outside, order, person))
    notice: Any = await outside.read((await outside.wait_for_letters(1)).pop())
    forgetful = ForgetfulClose(outside.channel)
    await asyncio.gather(
        settle_notice(notice, channel=WECHAT_PAY, mchid=outside.mchid, now=now + QUARTER),
        end_overdue_holds(channels={WECHAT_PAY: forgetful}, now=now + QUARTER),
        expire_vouchers(now=now + QUARTER),
    )
    status = (await Order.get(id=order.id)).status
    assert status == "PAID"  # whoever was first: the voucher was still free
    assert (await now_of(voucher)).state == "USED"
    await check_all()


@pytest.mark.postgres
@pytest.mark.parametrize("attempt", range(3))
async def test_paying_and_the_vouchers_expiry_at_once_agree(
    db: Database, outside: Outside, now: datetime, attempt: int
) -> None:
    _, _, voucher, order, invocation = await ended_with(outside, now)
    later = now + timedelta(hours=1)
    await Voucher.filter(id=voucher.id).update(valid_until=later)
    notice = await paid_late(outside, invocation)
    outcome, _ = await asyncio.gather(
        settle(outside, notice, later - timedelta(seconds=1)), expire_vouchers(now=later)
    )
    after = await now_of(voucher)
    assert (outcome, after.state) in (("SETTLED", "USED"), ("SURPLUS", "RETURNED"))
    assert (await Order.get(id=order.id)).status == ("PAID" if outcome == "SETTLED" else "CLOSED")
    await check_all()


@pytest.mark.postgres
@pytest.mark.parametrize("attempt", range(3))
async def test_cancelling_and_settling_at_once_agree(
    db: Database, outside: Outside, now: datetime, attempt: int
) -> None:
    hall, person, _, voucher = await a_buyer()
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    await outside.pay(await invoke_payment(outside, order, person))
    notice: Any = await outside.read((await outside.wait_for_letters(1)).pop())
    await asyncio.gather(
        settle_notice(notice, channel=WECHAT_PAY, mchid=outside.mchid, now=now),
        cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=now),
        return_exceptions=True,
    )
    await check_all()


# at the desk


async def test_a_desk_takes_what_the_voucher_leaves(db: Database, outside: Outside, now: datetime) -> None:
    hall, person, _, voucher = await a_buyer()
    clerk = await a_clerk(hall.venue.public_id)
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=0, now=now)
    order = await an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id])
    money = MoneyGiven(channel=Channel.CASH, given_fen=1999)
    asked: Any = {
        "clerk": clerk,
        "order_no": order.order_no,
        "key": "cash-0001",
        "channels": outside.channels,
        "now": now,
    }
    with pytest.raises(DomainError, match=r"应收20\.00元"):
        await take_money(money=money, **asked)
    receipt = await take_money(money=MoneyGiven(channel=Channel.CASH, given_fen=5000), **asked)
    assert (receipt.amount_fen, receipt.change_fen) == (2000, 3000)
    assert (await now_of(voucher)).state == "USED"
    seen = await order_at_desk(clerk=clerk, order_no=order.order_no)
    assert seen
    assert seen.row["voucher_fen"] == 2000
    await check_all()


# what it costs who has none


@pytest.mark.postgres
async def test_whoever_places_an_order_is_not_in_the_way_of_what_is_told_about_another(
    db: Database, now: datetime
) -> None:
    """A payment that arrives holds its order's vouchers when it tells the member; an order that wants one of them holds the
    member's row when it waits for it. One must not wait for the other."""
    hall, person, _, voucher = await a_buyer()
    async with in_transaction() as paying:
        await paying.execute_query("SELECT id FROM voucher WHERE id = $1 FOR UPDATE", [voucher.id])
        placing = asyncio.create_task(
            an_order(person, wanted(hall.badminton, at(9)), vouchers=[voucher.public_id]), context=Context()
        )
        await somebody_waits(paying)
        await paying.execute_query("SELECT set_config('lock_timeout', '500ms', true)")
        values = {"what": "微信", "when": moment_text(now)}
        await tell(member_id=person.member_id, template="PHONE_BOUND", values=values, about_no="1", now=now)
    assert (await placing).voucher_fen == 2000


async def test_an_order_without_vouchers_asks_the_database_nothing_about_any(
    db: Database, outside: Outside, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    hall, person, _, _ = await a_buyer()
    with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
        order = await a_paid_order(
            outside, person, wanted(hall.badminton, at(9)), wanted(hall.full, at(9)), now=now
        )
        for lines in ((1,), None):
            await cancel_order(
                member_id=person.member_id,
                order_no=order.order_no,
                line_nos=lines,
                channels=outside.channels,
                now=now,
            )
    said = [record.getMessage() for record in caplog.records if record.name == "tortoise.db_client"]
    assert any("INSERT INTO held_cell" in text for text in said), "nothing was heard"
    about = re.compile(r"(FROM|JOIN|INTO|UPDATE) [\"`]?(voucher|order_voucher)")
    assert [text for text in said if about.search(text)] == []
