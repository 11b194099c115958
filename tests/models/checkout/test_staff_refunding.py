"""Staff cancel for their venue, give back, and lead out what hangs: each act once, recorded, at their venue only."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.checkout import staff_refunding
from models.checkout.cancelling import cancel_order, refund_quote
from models.checkout.handing_out import hand_out_refund, refunds_at_desk
from models.checkout.refunding import record_refund, send_due_refunds
from models.checkout.refunds_to_settle import RefundToSettle, refunds_to_settle, way_out
from models.checkout.staff_refunding import cancel_for_venue, give_back, redirect_refund, refund_again
from models.errors import DomainError, ErrorCode
from models.orders.rules import RefundStatus
from models.orders.tables import FinanceEvent, Order, OrderLine, Payment, Refund, RefundLine, RefundRule
from models.shifts.operations import close_shift, open_shift
from models.staff.rules import StaffSignedIn
from payments.port import BankCard, PaymentError, RefundState
from tests.databases import Database
from tests.factories.booking import Hall, Person, a_hall, a_paid_order, a_person, an_order, at, census, wanted
from tests.factories.people import a_clerk
from tests.house import SENTENCE
from tests.outside import WECHAT_PAY, Killed, Meddled, Outside, killed

MINUTE = timedelta(minutes=1)
CARD = BankCard(bank_type="ICBC_DEBIT", number="6222020402012345678", holder="欧阳小明")


@dataclass
class Desk:
    """A clerk of a hall where somebody has paid for basketball at nine and badminton at ten, 40.00 yuan each."""

    outside: Outside
    hall: Hall
    clerk: StaffSignedIn
    person: Person
    order: Order
    now: datetime

    async def cancels(self, *line_nos: int, clerk: StaffSignedIn | None = None, **how: Any) -> None:
        asked = {
            "reason": "场馆停电",
            "key": "cancel-1",
            "now": self.now,
            "channels": self.outside.channels,
            **how,
        }
        await cancel_for_venue(
            clerk=clerk or self.clerk, order_no=self.order.order_no, line_nos=line_nos or None, **asked
        )

    async def gives_back(self, amount_fen: int, *, clerk: StaffSignedIn | None = None, **how: Any) -> None:
        asked = {
            "note": "灯光太暗",
            "key": "give-back-1",
            "now": self.now,
            "channels": self.outside.channels,
            **how,
        }
        await give_back(clerk=clerk or self.clerk, order_no=self.order.order_no, amount_fen=amount_fen, **asked)

    async def redirects(
        self, card: BankCard | None = CARD, *, clerk: StaffSignedIn | None = None, **how: Any
    ) -> None:
        asked = {"note": "本人到场", "now": self.now, "channels": self.outside.channels, **how}
        refund_no = asked.pop("refund_no", None) or (await Refund.get()).refund_no
        await redirect_refund(clerk=clerk or self.clerk, refund_no=refund_no, card=card, **asked)

    async def asks_again(self, *, clerk: StaffSignedIn | None = None, **how: Any) -> None:
        asked = {"note": "已核对", "now": self.now, "channels": self.outside.channels, **how}
        refund_no = asked.pop("refund_no", None) or (await Refund.get(replaces_id=None)).refund_no
        await refund_again(clerk=clerk or self.clerk, refund_no=refund_no, **asked)

    async def list(self, *, now: datetime | None = None, first: int = 20) -> list[RefundToSettle]:
        venue_id = self.hall.venue.public_id
        return list(await refunds_to_settle(clerk=self.clerk, venue_id=venue_id, first=first, now=now or self.now))

    async def member_cancels(self, *line_nos: int) -> None:
        await cancel_order(
            member_id=self.person.member_id,
            order_no=self.order.order_no,
            line_nos=line_nos or None,
            channels=self.outside.channels,
            now=self.now,
        )

    async def has_a_refund_that_ends_as(self, state: str) -> Refund:
        await self.outside.switch_on(refunds_end_as=state, refund_seconds=0)
        letters = len(self.outside.letters)
        await self.member_cancels()
        await self.outside.wait_for_letters(letters + 1)  # and nobody opens it
        await Refund.all().update(next_check_at=self.now)
        await send_due_refunds(channels=self.outside.channels, now=self.now)
        refund = await Refund.get()
        assert refund.status == state
        await self.outside.switch_on(refund_seconds=0, refund_interval_seconds=0)
        return refund


@pytest.fixture
async def desk(db: Database, outside: Outside, now: datetime) -> Desk:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9), people=2), wanted(hall.badminton, at(10)))
    return Desk(outside, hall, await a_clerk(hall.venue.public_id), person, order, now)


async def refused(act: Any) -> DomainError:
    """Its refusal, a sentence, after which nothing is different."""
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await act
    assert await census() == before
    assert SENTENCE.fullmatch(refusal.value.sentence()), refusal.value.sentence()
    return refusal.value


async def due_fen() -> int:
    booked: Counter[str] = Counter()
    for entry in await FinanceEvent.all():
        booked[entry.kind] += entry.amount_fen
    return booked["CHARGED"] - booked["WAIVED"] - booked["PAID"] + booked["REFUNDED"]


# The venue cancels


async def test_a_venue_that_cancels_gives_everything_back_whatever_members_would_lose(desk: Desk) -> None:
    await RefundRule.create(
        party="MEMBER", minutes_before=0, kept_percent=50, kept_fen=0, provenance="DEMONSTRATION", source="演示"
    )
    await desk.cancels()
    order = await Order.get()
    assert (order.status, order.close_reason) == ("CLOSED", "CANCELLED_BY_VENUE")
    assert await HeldCell.all().count() == await Admission.filter(revoked_at=None).count() == 0
    refund = await Refund.get()
    assert (refund.amount_fen, refund.party, refund.reason) == (8000, "VENUE", "CANCELLED_BY_VENUE")
    assert (refund.staff_id, refund.request_key) == (desk.clerk.staff_id, "cancel-1")
    assert refund.staff_note == "11月20日 10:00 李前台 取消：场馆停电。"
    parts = await RefundLine.all()
    assert {part.explanation for part in parts} == {"场馆取消（场馆停电）：全额退款。"}
    before = await census()
    await desk.cancels()
    assert await census() == before


async def test_a_venue_cancels_one_line_even_after_its_start_but_not_what_was_used_or_is_over(desk: Desk) -> None:
    desk.now = at(9, 10)
    await desk.cancels(1)
    assert (await Refund.get()).amount_fen == 4000
    assert (await Order.get()).status == "PAID"
    await Admission.filter(revoked_at=None).update(first_entered_at=at(9, 40))
    desk.now = at(9, 50)
    refusal = await refused(desk.cancels(2, key="cancel-2"))
    assert (refusal.code, refusal.next_step) == (ErrorCode.ORDER_STARTED, "需要退款时，请办理酌情退款。")
    await Admission.all().update(first_entered_at=None)
    desk.now = at(11)
    assert "已经结束" in (await refused(desk.cancels(2, key="cancel-2"))).message


async def test_an_unpaid_order_is_closed_for_the_venue(desk: Desk) -> None:
    desk.order = await an_order(await a_person(), wanted(desk.hall.badminton_2, at(9)), now=desk.now)
    await desk.cancels()
    order = await Order.get(id=desk.order.id)
    assert (order.status, order.close_reason) == ("CLOSED", "CANCELLED_BY_VENUE")
    assert await Refund.all().count() == 0


async def test_other_lines_under_the_same_key_are_refused(desk: Desk) -> None:
    await desk.cancels(1)
    refusal = await refused(desk.cancels(2))
    assert (refusal.code, refusal.field) == (ErrorCode.IDEMPOTENCY_KEY_REUSED, "idempotencyKey")


# Goodwill


async def test_staff_give_back_part_and_then_no_more_than_is_left(desk: Desk) -> None:
    await desk.gives_back(500)
    await desk.gives_back(500)  # the same act
    refund = await Refund.get()
    assert (refund.amount_fen, refund.party, refund.reason) == (500, "VENUE", "GOODWILL")
    assert refund.staff_note == "11月20日 10:00 李前台 灯光太暗。"
    assert (await Order.get()).status == "PAID"
    assert await HeldCell.all().count() > 0
    for amount_fen in (7501, 0, -1, 10**15):
        refusal = await refused(desk.gives_back(amount_fen, key=f"give-back-{amount_fen}"))
        assert (refusal.code, refusal.field) == (ErrorCode.REFUND_TOO_LARGE, "amount")
        assert refusal.message == "这张订单最多还可退75.00元。"
    await desk.gives_back(7500, key="give-back-2")
    refusal = await refused(desk.gives_back(1, key="give-back-3"))
    assert refusal.sentence() == "这张订单最多还可退0.00元。已没有可退的款项。"
    assert (await Payment.get()).refunded_fen == 8000


async def test_the_same_key_with_another_amount_is_refused(desk: Desk) -> None:
    await desk.gives_back(500)
    assert (await refused(desk.gives_back(501))).code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert (await refused(desk.cancels(key="give-back-1"))).code == ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_what_was_given_back_before_does_not_come_back_again_on_cancelling(desk: Desk) -> None:
    await desk.gives_back(5000)
    told = await refund_quote(
        member_id=desk.person.member_id, order_no=desk.order.order_no, line_nos=None, now=desk.now
    )
    assert [line.refund_fen for line in told.lines] == [3000, 0]
    assert "此前已退过款，本次退30.00元" in told.lines[0].explanation
    await desk.member_cancels()
    assert [refund.amount_fen for refund in await Refund.all().order_by("id")] == [5000, 3000]
    await desk.outside.switch_on(refund_seconds=0, refund_interval_seconds=0)
    for minutes in (2, 9, 30):
        await send_due_refunds(channels=desk.outside.channels, now=desk.now + minutes * MINUTE)
        await desk.outside.quiet()
    assert await due_fen() == 0
    assert (await desk.outside.books())["sums"]["kept_fen"] == 0


async def test_the_kept_fee_can_be_given_back_after_the_order_was_cancelled(desk: Desk) -> None:
    await RefundRule.create(
        party="MEMBER", minutes_before=0, kept_percent=50, kept_fen=0, provenance="DEMONSTRATION", source="演示"
    )
    await desk.member_cancels()
    await desk.gives_back(4000)
    assert (await refused(desk.gives_back(1, key="give-back-2"))).code == ErrorCode.REFUND_TOO_LARGE


async def test_a_free_order_has_nothing_to_give_back(desk: Desk) -> None:
    free = await a_hall(free_mornings=True, lon=104.2)
    desk.clerk = await a_clerk(free.venue.public_id)
    desk.order = await an_order(await a_person(), wanted(free.badminton, at(8)), now=desk.now)
    assert (await refused(desk.gives_back(1))).code == ErrorCode.REFUND_TOO_LARGE


# The way out


async def test_an_abnormal_refund_reaches_staff_and_goes_to_another_card_that_is_kept_nowhere(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    refund = await desk.has_a_refund_that_ends_as("ABNORMAL")
    (shown,) = await desk.list()
    assert (shown.refund_no, shown.order_no, shown.amount_fen) == (refund.refund_no, desk.order.order_no, 8000)
    assert "改退到其本人的另一张银行卡" in shown.way_out
    await desk.redirects()
    assert (await Refund.get()).status in ("PROCESSING", "SUCCESS")
    assert await desk.list() == []
    await desk.outside.quiet()
    await send_due_refunds(channels=desk.outside.channels, now=desk.now + 5 * MINUTE)
    done = await Refund.get()
    assert (done.status, done.staff_id) == ("SUCCESS", desk.clerk.staff_id)
    assert done.staff_note == "11月20日 10:00 李前台 改退银行卡：本人到场。"
    assert await due_fen() == 0
    everything = [
        str(dict(row))
        for table in ("refund", "finance_event")
        for row in await database.rows(f"SELECT * FROM {table}")
    ]
    for secret in (CARD.number, CARD.holder):
        assert secret not in caplog.text
        assert not any(secret in row for row in everything)


async def test_an_abnormal_refund_that_went_back_to_the_merchant_waits_to_be_handed_out_in_cash(
    desk: Desk,
) -> None:
    refund = await desk.has_a_refund_that_ends_as("ABNORMAL")
    await desk.redirects(None)
    await desk.outside.quiet()
    for _ in range(2):
        await send_due_refunds(channels=desk.outside.channels, now=desk.now + 5 * MINUTE)
    waiting = await Refund.get()
    assert (waiting.status, waiting.finished_at, waiting.next_check_at) == ("AT_DESK", None, None)
    assert "退回商户账户" in waiting.staff_note
    assert not await FinanceEvent.filter(kind="REFUNDED").exists()

    venue_id = desk.hall.venue.public_id
    shift_id = await open_shift(clerk=desk.clerk, venue_id=venue_id, float_fen=20_000, now=desk.now)
    (listed,) = await refunds_at_desk(clerk=desk.clerk, venue_id=venue_id)
    assert (listed.refund_no, listed.channel) == (refund.refund_no, "CASH")
    for _ in range(2):
        asked = {"refund_no": refund.refund_no, "slip_no": "", "key": "hand-out-1", "now": desk.now}
        await hand_out_refund(clerk=desk.clerk, **asked)
    assert (await Refund.get()).status == "SUCCESS"
    entry = await FinanceEvent.get(kind="REFUNDED")
    assert (entry.about_no, entry.amount_fen) == (refund.refund_no, refund.amount_fen)
    await close_shift(
        clerk=desk.clerk, shift_id=shift_id, counted_fen=20_000 - refund.amount_fen, note="", now=desk.now
    )


async def test_what_is_still_abnormal_after_a_lost_redirection_is_nobodys_to_hand_out(desk: Desk) -> None:
    """The process died before the channel was asked, or the channel did not do it."""
    refund = await desk.has_a_refund_that_ends_as("ABNORMAL")
    await Refund.all().update(status="PROCESSING", to_merchant=True, next_check_at=desk.now)
    await send_due_refunds(channels=desk.outside.channels, now=desk.now)
    again = await Refund.get()
    assert (again.refund_no, again.status, again.to_merchant) == (refund.refund_no, "ABNORMAL", False)


@pytest.mark.parametrize("old", ["a notice that came late", "an answer of a sweep that was slow"])
async def test_what_was_said_of_a_refund_before_it_was_redirected_does_not_make_it_the_payers_again(
    desk: Desk, old: str
) -> None:
    """What comes back to us is to be handed out. Booked as given back to the payer, nobody would ever give it."""
    channels = desk.outside.channels
    await desk.has_a_refund_that_ends_as("ABNORMAL")
    before = desk.outside.letters[-1]
    if old == "a notice that came late":
        await desk.redirects(None)
        assert await desk.outside.hand_in(before, now=desk.now) is True
    else:
        await Refund.all().update(next_check_at=desk.now)
        slow = Meddled(desk.outside.channel, after={"query_refund": lambda: desk.redirects(None)})
        await send_due_refunds(channels={WECHAT_PAY: slow}, now=desk.now)
    redirected = await Refund.get()
    assert (redirected.status in ("PROCESSING", "AT_DESK"), redirected.to_merchant) == (True, True)
    assert await desk.list() == []
    await desk.outside.quiet()
    await send_due_refunds(channels=channels, now=desk.now + 5 * MINUTE)
    assert (await Refund.get()).status == "AT_DESK"
    assert not await FinanceEvent.filter(kind="REFUNDED").exists()


async def test_a_sweep_that_was_answered_nothing_leaves_a_refund_to_the_clerk_who_took_it_meanwhile(
    desk: Desk,
) -> None:
    """Asked about while it is being redirected, it might be told as abnormal once more."""
    refund = await desk.has_a_refund_that_ends_as("ABNORMAL")
    await Refund.all().update(next_check_at=desk.now)

    async def a_clerk_takes_it() -> None:
        await staff_refunding._claim(refund.id, desk.clerk.staff_id, "改退", now=desk.now)
        raise PaymentError("NO_ANSWER", "", may_have_happened=True, retryable=True)

    silent = Meddled(desk.outside.channel, after={"query_refund": a_clerk_takes_it})
    await send_due_refunds(channels={WECHAT_PAY: silent}, now=desk.now)
    taken = await Refund.get()
    assert (taken.status, taken.next_check_at) == ("PROCESSING", desk.now + staff_refunding.REDIRECTING)


async def test_only_an_abnormal_refund_is_redirected(desk: Desk) -> None:
    await desk.member_cancels()
    refusal = await refused(desk.redirects())
    assert refusal.code == ErrorCode.REFUND_IN_HAND
    assert refusal.message == "这笔退款现在渠道正在处理，不需要这样办理。"


@pytest.mark.parametrize(
    "wrong",
    [
        BankCard(bank_type="ICBC_DEBIT", number="6222 0204", holder="欧阳小明"),
        BankCard(bank_type="工商银行", number="6222020402012345678", holder="欧阳小明"),
        BankCard(bank_type="ICBC_DEBIT", number="6222020402012345678", holder=" "),
    ],
)
async def test_what_is_no_card_is_refused_before_anything_is_asked(desk: Desk, wrong: BankCard) -> None:
    await desk.has_a_refund_that_ends_as("ABNORMAL")
    refusal = await refused(desk.redirects(wrong))
    assert (refusal.code, refusal.field) == (ErrorCode.BAD_INPUT, "card")
    assert wrong.number not in refusal.sentence()
    assert (await Refund.get()).status == "ABNORMAL"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (
            PaymentError("NO_ANSWER", "", may_have_happened=True, retryable=True),
            "OUTSIDE_UNAVAILABLE",
            "PROCESSING",
        ),
        (
            PaymentError("SYSTEM_ERROR", "", may_have_happened=False, retryable=True),
            "OUTSIDE_UNAVAILABLE",
            "ABNORMAL",
        ),
        (PaymentError("UNSUPPORTED", "", may_have_happened=False, retryable=False), "REFUND_IN_HAND", "ABNORMAL"),
    ],
)
async def test_when_the_channel_did_nothing_the_way_out_is_open_again(
    desk: Desk, error: PaymentError, code: str, status: str
) -> None:
    await desk.has_a_refund_that_ends_as("ABNORMAL")

    async def fail() -> None:
        raise error

    meddled = Meddled(desk.outside.channel, before={"redirect_refund": fail})
    refusal = await refused(desk.redirects(channels={WECHAT_PAY: meddled}))
    assert (refusal.code, (await Refund.get()).status) == (code, status)


@pytest.mark.parametrize(("point", "call"), [("after", "query_refund"), ("before", "redirect_refund")])
async def test_a_process_killed_before_it_redirected_leaves_the_refund_to_the_next_clerk(
    desk: Desk, point: str, call: str
) -> None:
    await desk.has_a_refund_that_ends_as("ABNORMAL")
    meddled = Meddled(desk.outside.channel)
    getattr(meddled, point)[call] = killed
    with pytest.raises(Killed):
        await desk.redirects(channels={WECHAT_PAY: meddled})
    assert (await Refund.get()).status == "PROCESSING"
    await send_due_refunds(channels=desk.outside.channels, now=desk.now + 5 * MINUTE)
    assert [shown.status for shown in await desk.list()] == ["ABNORMAL"]
    await desk.redirects()
    assert (await Refund.get()).status in ("PROCESSING", "SUCCESS")


async def test_a_process_killed_after_it_redirected_is_followed_by_the_sweep(desk: Desk) -> None:
    await desk.has_a_refund_that_ends_as("ABNORMAL")
    meddled = Meddled(desk.outside.channel, after={"redirect_refund": killed})
    with pytest.raises(Killed):
        await desk.redirects(channels={WECHAT_PAY: meddled})
    await desk.outside.quiet()
    await send_due_refunds(channels=desk.outside.channels, now=desk.now + 5 * MINUTE)
    assert (await Refund.get()).status == "SUCCESS"


async def test_a_refund_that_the_channel_closed_is_asked_for_again_once_under_a_new_number(desk: Desk) -> None:
    closed = await desk.has_a_refund_that_ends_as("CLOSED")
    (shown,) = await desk.list()
    assert shown.way_out == "渠道关闭了这笔退款，钱没有退出。请核对后重新退款。"
    assert (await Payment.get()).refunded_fen == 0
    refusal = await refused(desk.gives_back(1))  # all of it is owed already
    assert refusal.code == ErrorCode.REFUND_TOO_LARGE
    await desk.asks_again()
    await desk.asks_again()  # the same clerk, twice
    again = await Refund.get(replaces_id=closed.id)
    assert again.refund_no != closed.refund_no
    assert (again.amount_fen, again.party, again.reason) == (closed.amount_fen, closed.party, closed.reason)
    assert again.staff_note == "11月20日 10:00 李前台 重新退款：已核对。"
    parts = [
        [(part.order_line_id, part.amount_fen) for part in await RefundLine.filter(refund_id=each).order_by("id")]
        for each in (closed.id, again.id)
    ]
    assert parts[0] == parts[1] != []
    assert await desk.list() == []
    other = await a_clerk(desk.hall.venue.public_id)
    assert (await refused(desk.asks_again(clerk=other))).code == ErrorCode.REFUND_IN_HAND
    await desk.outside.quiet()
    await send_due_refunds(channels=desk.outside.channels, now=desk.now + 5 * MINUTE)
    assert (await Refund.get(id=again.id)).status == "SUCCESS"
    assert await due_fen() == 0


async def test_only_a_closed_refund_is_asked_for_again(desk: Desk) -> None:
    await desk.has_a_refund_that_ends_as("ABNORMAL")
    assert (await refused(desk.asks_again())).code == ErrorCode.REFUND_IN_HAND


async def test_a_replacement_that_is_closed_too_is_replaced_in_its_turn(desk: Desk) -> None:
    await desk.has_a_refund_that_ends_as("CLOSED")
    await desk.asks_again()
    again = await Refund.get(replaces_id__isnull=False)
    known = await desk.outside.channel.query_refund(again.refund_no, (await Payment.get()).payment_no)
    assert known is not None
    await Refund.filter(id=again.id).update(status="PROCESSING")
    await FinanceEvent.filter(kind="REFUNDED").delete()
    await record_refund(replace(known, state=RefundState.CLOSED), now=desk.now)
    assert [shown.refund_no for shown in await desk.list()] == [again.refund_no]
    await desk.asks_again(refund_no=again.refund_no)
    assert await Refund.all().count() == 3


async def test_what_no_channel_takes_and_what_hangs_reaches_staff_in_time(desk: Desk) -> None:
    await desk.outside.switch_on(merchant_balance_empty=True)
    await desk.member_cancels()
    assert await desk.list(now=desk.now + 14 * MINUTE) == []
    (shown,) = await desk.list(now=desk.now + 15 * MINUTE)
    assert (shown.status, "请确认商户账户余额充足" in shown.way_out) == ("INTENDED", True)
    await Refund.all().update(status="PROCESSING")
    assert await desk.list(now=desk.now + timedelta(days=2)) == []
    (shown,) = await desk.list(now=desk.now + timedelta(days=3))
    assert "渠道处理已超过3天" in shown.way_out


@pytest.mark.parametrize("status", [status for status in RefundStatus if status not in ("SUCCESS", "AT_DESK")])
def test_every_way_out_is_a_sentence(now: datetime, status: RefundStatus) -> None:
    for paid_at in (None, now, now - timedelta(days=400)):
        assert SENTENCE.fullmatch(way_out(status, paid_at=paid_at, now=now))
    assert "超过一年" in way_out(RefundStatus.INTENDED, paid_at=now - timedelta(days=366), now=now)


# Whose venue it is


async def test_a_clerk_of_another_venue_finds_neither_order_nor_refund(desk: Desk) -> None:
    stranger = await a_clerk((await a_hall(lon=104.3)).venue.public_id)
    refund = await desk.has_a_refund_that_ends_as("ABNORMAL")
    assert (await refused(desk.cancels(clerk=stranger))).code == ErrorCode.ORDER_UNKNOWN
    assert (await refused(desk.gives_back(1, clerk=stranger))).code == ErrorCode.ORDER_UNKNOWN
    assert (await refused(desk.redirects(clerk=stranger))).code == ErrorCode.REFUND_UNKNOWN
    assert (await refused(desk.redirects(None, clerk=stranger))).code == ErrorCode.REFUND_UNKNOWN
    assert (await refused(desk.asks_again(clerk=stranger))).code == ErrorCode.REFUND_UNKNOWN
    desk.clerk = stranger
    assert (await refused(desk.list())).code == ErrorCode.NOT_ALLOWED
    assert (await Refund.get()).status == refund.status


async def test_every_act_wants_a_reason_and_a_key(desk: Desk) -> None:
    for text in ("", " ", "x" * 61, "a\nb"):
        assert (await refused(desk.cancels(reason=text))).field == "reason"
        assert (await refused(desk.gives_back(1, note=text))).field == "note"
        assert (await refused(desk.redirects(note=text, refund_no="R"))).field == "note"
        assert (await refused(desk.asks_again(note=text, refund_no="R"))).field == "note"
    for key in ("", "short", "x" * 65, "订单订单订单订单"):
        assert (await refused(desk.cancels(key=key))).field == "idempotencyKey"
        assert (await refused(desk.gives_back(1, key=key))).field == "idempotencyKey"
    for first in (0, -1, 101):
        assert (await refused(desk.list(first=first))).field == "first"


# At the same moment


async def at_once(*acts: Any) -> list[str]:
    """What each of them was refused with; empty where it was done."""
    results = await asyncio.gather(*acts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, DomainError):
            raise result
    return [result.code.value if isinstance(result, DomainError) else "" for result in results]


@pytest.mark.postgres
async def test_two_lines_cancelled_at_once_end_the_order_once(desk: Desk) -> None:
    assert await at_once(*(desk.member_cancels(number) for number in (1, 2, 1, 2))) == [""] * 4
    assert (await Order.get()).status == "CLOSED"
    assert sorted(refund.amount_fen for refund in await Refund.all()) == [4000, 4000]
    waived = await FinanceEvent.filter(kind="WAIVED")
    assert [entry.amount_fen for entry in waived] == [4000, 4000]
    assert (await Payment.get()).refunded_fen == 8000


@pytest.mark.postgres
async def test_member_and_venue_cancelling_at_once_refund_each_line_once(desk: Desk) -> None:
    await at_once(*(act() for act in (desk.member_cancels, desk.cancels) for _ in range(3)))
    assert sum(refund.amount_fen for refund in await Refund.all()) == 8000
    assert await OrderLine.filter(cancelled_at=None).count() == 0
    assert await RefundLine.all().count() == 2


@pytest.mark.postgres
async def test_cancelling_and_giving_back_at_once_never_exceed_what_was_paid(desk: Desk) -> None:
    for_goodwill = (desk.gives_back(3000, key=f"give-back-{number}") for number in range(4))
    await at_once(desk.member_cancels(1), *for_goodwill, desk.member_cancels(2))
    given = sum(refund.amount_fen for refund in await Refund.all())
    assert given == (await Payment.get()).refunded_fen <= 8000
    waived = sum(entry.amount_fen for entry in await FinanceEvent.filter(kind="WAIVED"))
    assert waived == given


@pytest.mark.postgres
async def test_one_act_of_goodwill_pressed_many_times_at_once_is_one(desk: Desk) -> None:
    assert await at_once(*(desk.gives_back(500) for _ in range(8))) == [""] * 8
    assert (await Refund.get()).amount_fen == 500


@pytest.mark.postgres
async def test_of_two_clerks_who_redirect_at_once_one_wins(desk: Desk) -> None:
    await desk.has_a_refund_that_ends_as("ABNORMAL")
    other = await a_clerk(desk.hall.venue.public_id)
    outcomes = await at_once(desk.redirects(), desk.redirects(None, clerk=other))
    assert sorted(outcomes) == ["", "REFUND_IN_HAND"]
    assert (await Refund.get()).staff_note.count("李前台") == 1


@pytest.mark.postgres
async def test_of_two_clerks_who_ask_again_at_once_one_wins(desk: Desk) -> None:
    await desk.has_a_refund_that_ends_as("CLOSED")
    clerks = [desk.clerk, await a_clerk(desk.hall.venue.public_id)]
    outcomes = await at_once(*(desk.asks_again(clerk=clerk) for clerk in clerks))
    assert sorted(outcomes) == ["", "REFUND_IN_HAND"]
    assert await Refund.all().count() == 2
