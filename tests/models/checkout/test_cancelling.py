"""Giving up an order or lines of it: what it costs is told first, and what ends, ends in one act."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from models.admissions.tables import Admission
from models.booking.editing import RulesWanted, preview_rules, write_rules
from models.booking.limits import Limits
from models.booking.tables import BookingRule, HeldCell
from models.checkout.cancelling import RefundQuote, cancel_order, line_quotes, refund_quote
from models.checkout.refunding import send_due_refunds
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.rules import RefundParty
from models.orders.tables import FinanceEvent, Order, OrderLine, Payment, Refund, RefundLine, RefundRule
from models.staff.rules import Role
from tests.databases import Database
from tests.factories.booking import (
    TOMORROW,
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
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, killed

MINUTE = timedelta(minutes=1)


async def cancel(
    outside: Outside,
    order: Order,
    person: Person,
    now: datetime,
    *line_nos: int,
    expected: int | None = None,
) -> None:
    """All that is left of it, or these lines."""
    await cancel_order(
        member_id=person.member_id,
        order_no=order.order_no,
        line_nos=line_nos or None,
        expected_refund_fen=expected,
        channels=outside.channels,
        now=now,
    )


async def refused(
    outside: Outside,
    order: Order,
    person: Person,
    now: datetime,
    *line_nos: int,
    expected: int | None = None,
) -> DomainError:
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await cancel(outside, order, person, now, *line_nos, expected=expected)
    assert await census() == before
    return refusal.value


async def quoted(
    order: Order, person: Person, now: datetime, line_nos: Sequence[int] | None = None
) -> RefundQuote:
    return await refund_quote(member_id=person.member_id, order_no=order.order_no, line_nos=line_nos, now=now)


async def two_lines(outside: Outside) -> tuple[Hall, Person, Order]:
    """Paid: the whole basketball court at nine, badminton at ten, each for 40.00 yuan, two people each."""
    hall, person = await a_hall(), await a_person()
    lines = (wanted(hall.full, at(9), people=2), wanted(hall.badminton, at(10), people=2))
    return hall, person, await a_paid_order(outside, person, *lines)


async def a_rule(minutes_before: int, percent: int = 0, fen: int = 0, *, venue_id: int | None = None) -> None:
    await RefundRule.create(
        venue_id=venue_id,
        party="MEMBER",
        minutes_before=minutes_before,
        kept_percent=percent,
        kept_fen=fen,
        provenance="DEMONSTRATION",
        source="演示",
    )


async def entries() -> dict[str, int]:
    """What is booked in all, by kind."""
    sums: Counter[str] = Counter()
    for entry in await FinanceEvent.all():
        sums[entry.kind] += entry.amount_fen
    return dict(sums)


async def nothing_is_due() -> bool:
    booked = Counter(await entries())
    return booked["CHARGED"] - booked["WAIVED"] == booked["PAID"] - booked["REFUNDED"]


async def held_lines() -> set[int]:
    """The numbers of the lines that hold cells."""
    held = {cell.order_line_id for cell in await HeldCell.all()}
    return {line.line_no for line in await OrderLine.all() if line.id in held}


async def all_refunds_arrive(outside: Outside, now: datetime) -> None:
    """The sweep comes every few minutes, and the channel has time."""
    for minutes in (2, 4, 8, 16):
        await outside.travel(now + minutes * MINUTE)
        await send_due_refunds(channels=outside.channels, now=now + minutes * MINUTE)
        await outside.quiet()


# Unpaid


async def test_an_unpaid_order_is_cancelled_at_wechat_too(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    invocation = await invoke_payment(outside, order, person, now=now)
    await cancel(outside, order, person, now)
    cancelled = await Order.get(id=order.id)
    assert (cancelled.status, cancelled.close_reason) == ("CLOSED", "CANCELLED")
    assert await HeldCell.all().count() == 0
    assert (await outside.try_to_pay(invocation)).json()["code"] == "ORDER_CLOSED"
    assert await OutboxRow.all().count() == await Refund.all().count() == 0


async def test_cancelling_when_wechat_is_away_changes_nothing(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    await outside.switch_on(http_500=True)
    assert (await refused(outside, order, person, now)).code == ErrorCode.OUTSIDE_UNAVAILABLE
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_cancelling_while_a_new_payment_begins_leaves_the_order_to_it(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await invoke_payment(outside, order, person, now=now)
    opened = []

    async def pay_again() -> None:
        opened.append(await invoke_payment(outside, order, person, now=now))

    channels = {WECHAT_PAY: Meddled(outside.channel, after={"close": pay_again})}
    with pytest.raises(DomainError) as refusal:
        await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=channels, now=now)
    assert refusal.value.code == ErrorCode.OUTSIDE_UNAVAILABLE
    await outside.pay(opened[0])
    assert await outside.hand_in((await outside.wait_for_letters(1))[0], now=now) == "SETTLED"


async def test_a_paid_order_is_cancelled_and_refunded_in_full_once(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9), people=3))
    await cancel(outside, order, person, now)
    cancelled = await Order.get(id=order.id)
    assert (cancelled.status, cancelled.close_reason) == ("CLOSED", "CANCELLED")
    assert await HeldCell.all().count() == 0
    assert await Admission.filter(revoked_at=now).count() == 3
    told = await OutboxRow.filter(subject=f"order:{order.order_no}").order_by("id")
    assert [row.payload["state"] for row in told] == ["PAID", "CANCELLED"]
    refund = await Refund.get()
    assert (refund.amount_fen, refund.reason, refund.status) == (4000, "CANCELLED", "PROCESSING")
    before = await census()
    for _ in range(2):
        await cancel(outside, order, person, now)
    assert await census() == before
    await outside.hand_in((await outside.wait_for_letters(1))[0], now=now)
    assert (await Refund.get()).status == "SUCCESS"
    assert await entries() == {"CHARGED": 4000, "PAID": 4000, "WAIVED": 4000, "REFUNDED": 4000}
    assert (await outside.books())["sums"]["kept_fen"] == 0
    assert len((await outside.books())["refunds"]) == 1


async def test_cancelling_a_paid_order_at_once_refunds_once(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)))
    await asyncio.gather(*(cancel(outside, order, person, now) for _ in range(8)))
    assert await Refund.all().count() == 1
    assert len((await outside.books())["refunds"]) == 1
    assert (await Payment.get()).refunded_fen == 4000


async def test_cancelling_an_order_whose_payment_we_have_not_heard_of_refunds_it(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), now=now)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    await cancel(outside, order, person, now)
    assert (await Order.get(id=order.id)).close_reason == "CANCELLED"
    assert (await Refund.get()).amount_fen == 4000
    late = (await outside.wait_for_letters(1))[0]
    assert await outside.hand_in(late, now=now) == "ALREADY"
    assert (await Order.get(id=order.id)).status == "CLOSED"


async def test_a_free_order_is_cancelled_without_a_refund(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(free_mornings=True), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(8)), now=now)
    await cancel(outside, order, person, now)
    assert (await Order.get(id=order.id)).status == "CLOSED"
    assert await Admission.filter(revoked_at=None).count() == 0
    assert await Refund.all().count() == await HeldCell.all().count() == 0


async def test_an_order_that_has_begun_is_not_cancelled(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)), wanted(hall.full, at(10)))
    assert (await refused(outside, order, person, at(9))).code == ErrorCode.ORDER_STARTED
    await cancel(outside, order, person, at(9) - timedelta(seconds=1))


async def test_an_order_with_somebody_inside_is_not_cancelled(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9), people=2))
    await Admission.filter(seat=2).update(first_entered_at=at(8, 45), is_inside=False)
    assert (await refused(outside, order, person, at(8, 50))).code == ErrorCode.ORDER_STARTED
    assert (await Order.get(id=order.id)).status == "PAID"


async def test_a_strangers_order_cannot_be_cancelled(db: Database, outside: Outside, now: datetime) -> None:
    hall = await a_hall()
    order = await an_order(await a_person(), wanted(hall.full, at(9)), now=now)
    assert (await refused(outside, order, await a_person(), now)).code == ErrorCode.ORDER_UNKNOWN
    assert (await Order.get(id=order.id)).status == "PENDING_PAYMENT"


async def test_a_process_killed_before_the_refund_was_asked_for_is_followed_by_the_sweep(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)))
    before = Meddled(outside.channel, before={"refund": killed})
    with pytest.raises(Killed):
        await cancel_order(
            member_id=person.member_id, order_no=order.order_no, channels={WECHAT_PAY: before}, now=now
        )
    after = Meddled(outside.channel, after={"refund": killed})
    with pytest.raises(Killed):
        await send_due_refunds(channels={WECHAT_PAY: after}, now=now)
    assert (await Refund.get()).status == "INTENDED"
    assert await send_due_refunds(channels=outside.channels, now=now) == 1
    assert len((await outside.books())["refunds"]) == 1


# Line by line


async def test_one_line_is_cancelled_and_the_others_stay(db: Database, outside: Outside, now: datetime) -> None:
    _, person, order = await two_lines(outside)
    await cancel(outside, order, person, now, 1)
    assert (await Order.get(id=order.id)).status == "PAID"
    assert [line.cancelled_at for line in await OrderLine.all().order_by("line_no")] == [now, None]
    assert await held_lines() == {2}
    revoked = [place.revoked_at for place in await Admission.all().order_by("order_line_id", "seat")]
    assert revoked == [now, now, None, None]
    told = (await OutboxRow.filter(subject=f"order:{order.order_no}").order_by("id"))[-1]
    assert told.payload["state"] == "CHANGED"
    assert [line["title"] for line in told.payload["lines"]] == ["羽毛球1号场 11月21日 10:00–11:00"]
    refund = await Refund.get()
    assert (refund.amount_fen, refund.party, refund.reason, refund.status) == (
        *(4000, "MEMBER"),
        *("CANCELLED", "PROCESSING"),
    )
    part = await RefundLine.get().prefetch_related("order_line")
    assert (part.order_line.line_no, part.amount_fen, part.kept_fen) == (1, 4000, 0)
    assert part.explanation == "距开始23小时，按平台退款规则，开始前取消：全额退款。"
    before = await census()
    await cancel(outside, order, person, now, 1)
    assert await census() == before


async def test_line_after_line_ends_the_order_and_nothing_is_due(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    await cancel(outside, order, person, now, 2)
    await cancel(outside, order, person, now, 1, 2)  # what is left of these
    closed = await Order.get(id=order.id)
    assert (closed.status, closed.close_reason) == ("CLOSED", "CANCELLED")
    assert await HeldCell.all().count() == await Admission.filter(revoked_at=None).count() == 0
    told = await OutboxRow.filter(subject=f"order:{order.order_no}").order_by("id")
    assert [row.payload["state"] for row in told] == ["PAID", "CHANGED", "CANCELLED"]
    assert [refund.amount_fen for refund in await Refund.all()] == [4000, 4000]
    await all_refunds_arrive(outside, now)
    assert await entries() == {"CHARGED": 8000, "PAID": 8000, "WAIVED": 8000, "REFUNDED": 8000}
    assert (await outside.books())["sums"]["kept_fen"] == 0


async def test_two_refunds_of_one_order_within_a_minute_are_put_off_and_keep_their_numbers(
    db: Database, outside: Outside, now: datetime
) -> None:
    """WeChat Pay wants a minute between them and says FREQUENCY_LIMITED."""
    _, person, order = await two_lines(outside)
    await cancel(outside, order, person, now, 1)
    await cancel(outside, order, person, now, 2)
    first, second = await Refund.all().order_by("id")
    assert (first.status, second.status) == ("PROCESSING", "INTENDED")
    assert second.next_check_at == now + timedelta(seconds=30)
    await outside.travel(now + 2 * MINUTE)
    await send_due_refunds(channels=outside.channels, now=now + 2 * MINUTE)
    numbers = {row["out_refund_no"] for row in (await outside.books())["refunds"]}
    assert numbers == {first.refund_no, second.refund_no}


async def test_what_the_rule_keeps_stays_charged_and_the_rest_goes_back(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    await a_rule(120)
    await a_rule(0, 20)
    late = at(7, 30)  # an hour and a half before the first line, two and a half before the second
    await outside.travel(late)
    await cancel(outside, order, person, late)
    refund = await Refund.get()
    assert refund.amount_fen == 3200 + 4000
    parts = await RefundLine.all().order_by("order_line_id")
    assert [(part.amount_fen, part.kept_fen) for part in parts] == [(3200, 800), (4000, 0)]
    assert "提前不足2小时" in parts[0].explanation
    await all_refunds_arrive(outside, late)
    assert await entries() == {"CHARGED": 8000, "PAID": 8000, "WAIVED": 7200, "REFUNDED": 7200}
    assert await nothing_is_due()


async def test_when_all_of_it_is_kept_the_line_is_cancelled_without_a_refund(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    await a_rule(0, 100)
    await cancel(outside, order, person, now)
    assert (await Order.get(id=order.id)).status == "CLOSED"
    assert await HeldCell.all().count() == await Refund.all().count() == await RefundLine.all().count() == 0
    assert await entries() == {"CHARGED": 8000, "PAID": 8000}


async def test_a_venues_own_rules_decide_at_that_venue(db: Database, outside: Outside, now: datetime) -> None:
    hall, person, order = await two_lines(outside)
    await a_rule(0)
    await a_rule(24 * 60, 50, venue_id=hall.venue.id)
    refusal = await refused(outside, order, person, now)
    assert refusal.code == ErrorCode.NOT_REFUNDABLE
    assert "本馆退款规则规定最晚提前1天取消，即11月20日 09:00之前" in refusal.message
    assert refusal.next_step is not None
    assert refusal.next_step.startswith("其余时段可以单独取消。")  # that at ten is still a day away
    await cancel(outside, order, person, now, 2)
    assert (await Refund.get()).amount_fen == 2000


async def test_what_staff_write_of_cancelling_holds_for_who_books_then_and_for_no_booking_before(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    manager = await a_clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    await a_rule(0, 20, venue_id=hall.venue.id)
    before = await a_paid_order(outside, person, wanted(hall.full, at(9)))

    async def write(free_minutes: int, percent: int) -> list[str]:
        limits = Limits(9, 600, 30, 0, 15, 30, cancel_free_minutes=free_minutes, cancel_kept_percent=percent)
        rules = RulesWanted(sport_code="", limits=limits, from_day=TOMORROW, note="改退订规则")
        asked = {"clerk": manager, "venue_id": hall.venue.public_id, "wanted": rules, "now": now}
        seen = await preview_rules(**asked)
        await write_rules(**asked, expected_change=seen.change_hash)
        return [*seen.changes]

    said = await write(60, 50)
    assert {"免费取消最晚提前：按退款规则 → 60分钟", "过时取消扣款：按退款规则 → 50%"} <= {*said}
    half = await a_paid_order(outside, person, wanted(hall.badminton, at(9)), wanted(hall.badminton, at(11)))
    assert await write(120, 100) == ["免费取消最晚提前：60分钟 → 120分钟", "过时取消扣款：50% → 100%"]
    nothing = await a_paid_order(outside, person, wanted(hall.badminton_2, at(9)))

    async def told(order: Order, when: datetime) -> list[tuple[int, int]]:
        quote = await refund_quote(member_id=person.member_id, order_no=order.order_no, now=when)
        return [(each.refund_fen, each.kept_fen) for each in quote.lines]

    late = at(8, 1)
    assert await told(before, late) == [(3200, 800)], "by the refund rules, as it was booked"
    assert await told(half, late) == [(2000, 2000), (4000, 0)]
    assert await told(nothing, late) == [(0, 4000)]
    assert await told(nothing, at(7)) == [(4000, 0)]
    quote = await refund_quote(member_id=person.member_id, order_no=half.order_no, line_nos=[1], now=late)
    assert quote.lines[0].explanation == (
        "距开始59分钟，按本馆退款规则，提前不足1小时取消：手续费为价格的50%，即20.00元，退20.00元。"
    )
    await cancel(outside, half, person, late, 1, expected=2000)
    assert [refund.amount_fen for refund in await Refund.all()] == [2000]
    assert await told(half, at(10, 30)) == [(2000, 2000)]
    assert await quoted_for_venue(half, at(10, 30)) == [(4000, 0)], (
        "who is sent away by the venue has everything back"
    )
    await all_refunds_arrive(outside, late)
    assert await nothing_is_due()


async def quoted_for_venue(order: Order, now: datetime) -> list[tuple[int, int]]:
    lines = await OrderLine.filter(order_id=order.id, cancelled_at=None).order_by("line_no")
    payments = await Payment.filter(order_id=order.id)
    quotes, _ = await line_quotes(order, lines, payments, RefundParty.VENUE, "", now)
    return [(each.refund_fen, each.kept_fen) for each in quotes]


async def test_another_amount_than_was_shown_is_refused_with_the_new_one(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    await a_rule(120)
    await a_rule(0, 20)
    shown = (await quoted(order, person, at(6, 59), [1])).total_fen
    refusal = await refused(outside, order, person, at(7, 1), 1, expected=shown)
    assert (refusal.code, refusal.field) == (ErrorCode.REFUND_CHANGED, "expectedRefund")
    assert refusal.sentence() == "现在取消可退32.00元，与之前显示的不同。请确认新的退款金额后再取消。"
    await cancel(outside, order, person, at(7, 1), 1, expected=3200)
    assert (await Refund.get()).amount_fen == 3200
    await cancel(outside, order, person, at(7, 2), 1, expected=3200)  # once more, as phones do
    assert await Refund.all().count() == 1


async def test_a_line_that_began_or_was_entered_is_not_cancelled_but_the_others_are(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    began = at(9)
    for line_nos in ((), (1,), (1, 2)):
        refusal = await refused(outside, order, person, began, *line_nos)
        assert refusal.code == ErrorCode.ORDER_STARTED
        assert "篮球全场 11月21日 09:00–10:00已经开始" in refusal.message
    second = await OrderLine.get(line_no=2)
    await Admission.filter(order_line_id=second.id, seat=2).update(first_entered_at=at(9, 40))
    assert "已有人入场" in (await refused(outside, order, person, at(9, 45), 2)).message
    await Admission.all().update(first_entered_at=None)
    await cancel(outside, order, person, at(9, 45), 2)
    assert (await Order.get(id=order.id)).status == "PAID"
    assert await held_lines() == {1}


async def test_lines_that_the_order_does_not_have_are_refused(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    for line_nos in ([3], [1, 3], [0], [-1], [10**12], []):
        before = await census()
        for ask in (quoted(order, person, now, line_nos), cancel_order(
            member_id=person.member_id,
            order_no=order.order_no,
            line_nos=line_nos,
            channels=outside.channels,
            now=now,
        )):  # fmt: skip
            with pytest.raises(DomainError) as refusal:
                await ask
            assert (refusal.value.code, refusal.value.field) == (ErrorCode.BAD_INPUT, "lineNos")
        assert await census() == before


async def test_an_unpaid_order_is_given_up_whole(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), wanted(hall.badminton, at(10)), now=now)
    assert (await refused(outside, order, person, now, 1)).code == ErrorCode.BAD_INPUT
    await cancel(outside, order, person, now, 1, 2)
    assert (await Order.get(id=order.id)).close_reason == "CANCELLED"
    assert await entries() == {"CHARGED": 8000, "WAIVED": 8000}


async def test_who_gave_up_a_line_may_book_another_that_day_and_others_may_have_its_slot(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person, order = await two_lines(outside)
    again = wanted(hall.left, at(9))
    with pytest.raises(DomainError) as refusal:
        await an_order(person, wanted(hall.badminton_2, at(9)), now=now)
    assert refusal.value.code == ErrorCode.TOO_MANY_COURTS
    await cancel(outside, order, person, now, 1)
    await an_order(person, again, now=now)
    await an_order(await a_person(), wanted(hall.right, at(9)), now=now)
    assert (await BookingRule.get()).courts_a_person_a_day == 2


@pytest.mark.parametrize(("point", "call"), [("before", "refund"), ("after", "refund")])
async def test_a_process_killed_while_a_line_is_refunded_is_followed_by_the_sweep(
    db: Database, outside: Outside, now: datetime, point: str, call: str
) -> None:
    _, person, order = await two_lines(outside)
    meddled = Meddled(outside.channel)
    getattr(meddled, point)[call] = killed
    with pytest.raises(Killed):
        await cancel_order(
            member_id=person.member_id,
            order_no=order.order_no,
            line_nos=[1],
            channels={WECHAT_PAY: meddled},
            now=now,
        )
    assert await held_lines() == {2}
    assert (await Refund.get()).status == "INTENDED"
    await cancel(outside, order, person, now, 1)  # the phone tries again
    await all_refunds_arrive(outside, now)
    (booked,) = (await outside.books())["refunds"]
    assert (booked["out_refund_no"], booked["refund_fen"]) == ((await Refund.get()).refund_no, 4000)
    assert await nothing_is_due() is True


# What is told before


async def test_a_quote_says_how_much_comes_back_why_and_how(db: Database, outside: Outside, now: datetime) -> None:
    _, person, order = await two_lines(outside)
    await a_rule(120)
    await a_rule(0, 20)
    before = await census()
    told = await quoted(order, person, at(7, 30))
    assert [(line.line_no, line.price_fen, line.refund_fen, line.kept_fen) for line in told.lines] == [
        (1, 4000, 3200, 800),
        (2, 4000, 4000, 0),
    ]
    assert told.total_fen == 7200
    assert told.way_back.startswith("原路退回微信支付")
    assert (await quoted(order, person, at(7, 30), [2])).total_fen == 4000
    assert await census() == before


async def test_a_quote_names_the_lines_that_cannot_be_cancelled_and_leaves_them_out_of_the_sum(
    db: Database, outside: Outside, now: datetime
) -> None:
    _, person, order = await two_lines(outside)
    told = await quoted(order, person, at(9))
    assert [line.refusal is None for line in told.lines] == [False, True]
    assert (
        told.lines[0].explanation
        == "篮球全场 11月21日 09:00–10:00已经开始，不能取消。如有特殊情况，请联系场馆前台。"
    )
    assert told.total_fen == 4000
    await cancel(outside, order, person, at(9), 2, expected=told.total_fen)
    assert (await Refund.get()).amount_fen == 4000


async def test_a_quote_is_of_what_is_left(db: Database, outside: Outside, now: datetime) -> None:
    _, person, order = await two_lines(outside)
    await cancel(outside, order, person, now, 1)
    assert [line.line_no for line in (await quoted(order, person, now)).lines] == [2]
    for line_nos in ([1], None):
        if line_nos is None:
            await cancel(outside, order, person, now)
        with pytest.raises(DomainError) as refusal:
            await quoted(order, person, now, line_nos)
        assert refusal.value.code == ErrorCode.ORDER_CLOSED


async def test_before_it_is_paid_giving_up_costs_nothing(db: Database, outside: Outside, now: datetime) -> None:
    hall, person = await a_hall(free_mornings=True), await a_person()
    unpaid = await an_order(person, wanted(hall.full, at(9)), now=now)
    free = await an_order(person, wanted(hall.badminton, at(8)), now=now)
    told = await quoted(unpaid, person, now)
    assert (told.total_fen, told.way_back) == (0, "没有需要退回的款项。")
    assert told.lines[0].explanation == "尚未支付，取消不产生费用。"
    told = await quoted(free, person, now)
    assert (told.total_fen, told.way_back) == (0, "没有需要退回的款项。")
    assert told.lines[0].explanation == "免费时段，取消不产生费用。"


async def test_a_strangers_order_is_not_quoted(db: Database, outside: Outside, now: datetime) -> None:
    _, _, order = await two_lines(outside)
    with pytest.raises(DomainError) as refusal:
        await quoted(order, await a_person(), now)
    assert refusal.value.code == ErrorCode.ORDER_UNKNOWN


@pytest.mark.parametrize(
    ("channel", "way_back"), [("CASH", "前台领取现金"), ("CARD", "退回原卡"), ("ALIPAY", "支付宝")]
)
async def test_what_was_paid_otherwise_goes_back_that_way(
    db: Database, outside: Outside, now: datetime, channel: str, way_back: str
) -> None:
    _, person, order = await two_lines(outside)
    await Payment.all().update(channel=channel)
    assert way_back in (await quoted(order, person, now)).way_back


@pytest.mark.parametrize("channel", ["CASH", "CARD"])
async def test_what_was_paid_at_the_desk_waits_there_and_is_sent_nowhere(
    db: Database, outside: Outside, now: datetime, channel: str
) -> None:
    _, person, order = await two_lines(outside)
    await Payment.all().update(channel=channel)
    await cancel(outside, order, person, now)
    refund = await Refund.get()
    assert (refund.status, refund.next_check_at) == ("AT_DESK", None)
    assert await send_due_refunds(channels={}, now=now + timedelta(days=9)) == 0
    assert (await outside.books())["refunds"] == []
