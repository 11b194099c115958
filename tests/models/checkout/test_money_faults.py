"""Bad input and faults, one after the other, over both channels; after each the books are square (issue 5, Proof).

Each test does one bad thing and ends with `till.squares_up()`: the faults are over, time passes, the worker sweeps, and
whatever was told comes again. Then our books equal both sandboxes' to the fen, and every order is paid with its court
or closed with its money back.
"""

import contextlib
import itertools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.calendar import business_day, instant_of
from models.checkout import ending, resting
from models.checkout.cancelling import cancel_order
from models.checkout.codes_at_desk import DeskPayment, Standing, charge_payer_code
from models.checkout.ending import end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.checkout.settling import Settled
from models.errors import DomainError, ErrorCode
from models.orders.tables import FinanceEvent, Order, Payment, Refund
from models.staff.rules import StaffSignedIn
from payments import alipay as alipay_client
from payments.port import (
    ChannelPayment,
    Invocation,
    NoticeRefused,
    NoticeStale,
    PaymentChannel,
    PaymentNotice,
    PaymentState,
    Way,
)
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import (
    Hall,
    Person,
    a_hall,
    a_person,
    an_order,
    census,
    invoke_alipay,
    invoke_payment,
    wanted,
)
from tests.factories.people import a_clerk
from tests.outside import ALIPAY, WECHAT_PAY, AlipayHouse, Killed, Letter, Meddled, Outside, Sandbox, killed
from tests.payments.alipay_platform import new_key
from tests.properties.order_money_books import check, check_everybody_is_square

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
HOLD = timedelta(minutes=15)
PRICE = 4000

AROUND_THE_CALL = pytest.mark.parametrize("moment", ["before", "after"])


@dataclass
class Till:
    """One channel, and a court of a hall that people pay over it."""

    name: str
    outside: Outside
    alipay: AlipayHouse
    hall: Hall
    person: Person
    time: datetime = NOW
    booked: int = 0
    clerk: StaffSignedIn | None = None

    @property
    def house(self) -> Sandbox:
        return self.alipay if self.name == ALIPAY else self.outside

    @property
    def channels(self) -> dict[str, PaymentChannel]:
        return self.outside.channels

    def meddled(self, **how: Any) -> dict[str, PaymentChannel]:
        return {name: Meddled(channel, **how) for name, channel in self.channels.items()}

    async def order(self) -> Order:
        """The next free hour of tomorrow."""
        self.booked += 1
        court = self.hall.badminton if self.booked % 2 else self.hall.badminton_2
        starts_at = instant_of(business_day(self.time) + timedelta(days=1), (9 + self.booked) * 60)
        return await an_order(self.person, wanted(court, starts_at), now=self.time)

    async def open(self, order: Order, channels: dict[str, PaymentChannel] | None = None) -> Any:
        """What the payer goes on with: WeChat's sheet, Alipay's code."""
        if self.name == ALIPAY:
            how: Any = {"way": Way.CODE, "now": self.time, "channels": channels}
            return await invoke_alipay(self.outside, order, self.person, **how)
        return await invoke_payment(self.outside, order, self.person, now=self.time, channels=channels)

    async def pay(self, opened: Any, **how: Any) -> None:
        await (self.alipay.pay if isinstance(opened, Invocation) else self.outside.pay)(opened, **how)

    async def pays(self) -> tuple[Order, Letter]:
        """Paid there; we have not read the notice."""
        order, letters = await self.order(), len(self.outside.letters)
        await self.pay(await self.open(order))
        return order, (await self.outside.wait_for_letters(letters + 1))[letters]

    async def has_paid(self) -> Order:
        order, letter = await self.pays()
        await self.hand_in(letter)
        return await Order.get(id=order.id)

    async def charge(
        self, order: Order, channels: dict[str, PaymentChannel] | None = None, key: str = ""
    ) -> DeskPayment:
        """The desk scans what the payer's phone shows."""
        self.clerk = self.clerk or await a_clerk(self.hall.venue.public_id, now=self.time)
        asked = {} if self.name == ALIPAY else {"openid": self.person.openid}
        code = (await self.house.http.post("/_sandbox/payer-codes", json=asked)).json()["auth_code"]
        return await charge_payer_code(
            clerk=self.clerk,
            order_no=order.order_no,
            payer_code=code,
            key=key or secrets.token_hex(8),
            channels=channels or self.channels,
            now=self.time,
        )

    async def cancel(self, order: Order, channels: dict[str, PaymentChannel] | None = None) -> None:
        await cancel_order(
            member_id=self.person.member_id,
            order_no=order.order_no,
            channels=channels or self.channels,
            now=self.time,
        )

    async def hand_in(self, letter: Letter) -> Settled | bool:
        return await self.outside.hand_in(letter, now=self.time)

    async def goes_on(self, by: timedelta) -> None:
        """So much later, by everybody's clock."""
        self.time += by
        await self.outside.travel(self.time)

    def our_clock_jumps(self, by: timedelta) -> None:
        """Ours only: theirs stays right."""
        self.time += by
        self.outside.offset += by
        self.alipay.offset += by

    async def sweep(self, channels: dict[str, PaymentChannel] | None = None) -> None:
        for job in (check_due_payments, end_overdue_holds, send_due_refunds):
            await job(channels=channels or self.channels, now=self.time)

    async def squares_up(self, *, within: timedelta = 2 * HOUR) -> None:
        """The trouble is over; `within` so long the worker and what is told again put everything right."""
        await self.outside.switch_on(refund_seconds=0)
        await self.alipay.switch_on()
        for _ in range(6):
            await self.goes_on(within / 6)
            await self.sweep()
            await self.outside.quiet()
        await self.nothing_hangs()
        for letter in self.outside.letters:
            with contextlib.suppress(NoticeRefused, DomainError):  # forged, or a replay by now
                await self.hand_in(letter)
        await self.nothing_hangs()

    async def nothing_hangs(self) -> None:
        await check(self.outside, self.hall)
        await check_everybody_is_square(self.outside)


@pytest.fixture(params=[WECHAT_PAY, ALIPAY])
async def till(request: pytest.FixtureRequest, db: Database, outside: Outside, alipay: AlipayHouse) -> Till:
    await outside.switch_on(refund_seconds=0)
    return await a_till(request.param, outside, alipay, NOW)


async def a_till(name: str, outside: Outside, alipay: AlipayHouse, now: datetime) -> Till:
    hall, person = await a_hall(), await a_person(now=now)
    return Till(name, outside, alipay, hall, person, now)


async def status(order: Order) -> tuple[str, str]:
    found = await Order.get(id=order.id)
    return found.status, found.close_reason


async def changes_nothing(act: Awaitable[Any], refused: type[Exception]) -> Exception:
    before = await census()
    with pytest.raises(refused) as refusal:
        await act
    assert await census() == before
    return refusal.value


PAID, CANCELLED, EXPIRED = ("PAID", ""), ("CLOSED", "CANCELLED"), ("CLOSED", "EXPIRED")


# What is told


async def test_a_notice_with_another_amount_settles_nothing_and_the_money_is_found_by_asking(till: Till) -> None:
    await till.house.switch_on(forged_amount=True)
    order, letter = await till.pays()
    refusal = await changes_nothing(till.hand_in(letter), DomainError)
    assert isinstance(refusal, DomainError)
    assert refusal.code is ErrorCode.PAYMENT_MISMATCH
    await till.squares_up()
    assert await status(order) == PAID


@pytest.mark.parametrize("what", ["app", "merchant"])
async def test_a_notice_for_another_app_or_merchant_settles_nothing(till: Till, what: str) -> None:
    other = {
        (WECHAT_PAY, "app"): {"notices_appid": "wx0000000000000000"},
        (WECHAT_PAY, "merchant"): {"notices_mchid": "1900000000"},
        (ALIPAY, "app"): {"notices_app_id": "2021000000000000"},
        (ALIPAY, "merchant"): {"notices_seller_id": "2088000000000000"},
    }
    await till.house.switch_on(**other[till.name, what])
    order, letter = await till.pays()
    await changes_nothing(till.hand_in(letter), NoticeRefused)
    await till.squares_up()
    assert await status(order) == PAID


async def test_a_notice_signed_by_an_unknown_key_settles_nothing(till: Till) -> None:
    await till.house.switch_on(notices_signed_by_unknown=True)
    order, letter = await till.pays()
    await changes_nothing(till.hand_in(letter), NoticeRefused)
    await till.squares_up()
    assert await status(order) == PAID


async def test_a_notice_signed_by_a_retired_key_of_wechat_settles_nothing(
    db: Database, outside: Outside, alipay: AlipayHouse
) -> None:
    await outside.travel(datetime.now(UTC) + MINUTE)  # from when on the sandbox's certificates are good
    till = await a_till(WECHAT_PAY, outside, alipay, outside.now())
    await outside.switch_on(notices_signed_by="certificate")
    order, letter = await till.pays()
    await outside.switch_on(rotate_certificate=True, retire_certificates=True)
    await changes_nothing(till.hand_in(letter), NoticeRefused)
    await till.squares_up()
    assert await status(order) == PAID


async def test_a_notice_signed_by_a_retired_key_of_alipay_settles_nothing(
    db: Database, outside: Outside, alipay: AlipayHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = await a_till(ALIPAY, outside, alipay, NOW)
    order, letter = await till.pays()
    app = alipay.channel._app
    with monkeypatch.context() as patched:  # the operator has taken the old key out of the settings
        newer = alipay_client.KeyTrust((new_key().public_key(),))
        patched.setattr(alipay.channel, "_app", replace(app, trust=newer))
        await changes_nothing(till.hand_in(letter), NoticeRefused)
    await till.squares_up()
    assert await status(order) == PAID


async def test_wechats_notice_replayed_after_five_minutes_is_refused_and_nothing_changes(
    db: Database, outside: Outside, alipay: AlipayHouse
) -> None:
    till = await a_till(WECHAT_PAY, outside, alipay, NOW)
    settled, letter = await till.pays()
    unheard, other = await till.pays()
    assert await till.hand_in(letter) is Settled.SETTLED
    await till.goes_on(timedelta(seconds=310))
    await changes_nothing(till.hand_in(letter), NoticeStale)
    await changes_nothing(till.hand_in(other), NoticeStale)
    await till.squares_up()
    assert await status(settled) == await status(unheard) == PAID


async def test_alipays_notice_repeated_for_25_hours_stays_acceptable_and_settles_nothing_twice(
    db: Database, outside: Outside, alipay: AlipayHouse
) -> None:
    till = await a_till(ALIPAY, outside, alipay, NOW)
    order, letter = await till.pays()
    assert await till.hand_in(letter) is Settled.SETTLED
    paid = await Payment.get(order_id=order.id)
    before = await census()
    for wait in (4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR):
        await till.goes_on(wait)
        letters = len(outside.letters)
        await alipay.http.post("/_sandbox/send-notices-again", json={"out_trade_no": paid.payment_no})
        again = (await outside.wait_for_letters(letters + 1))[letters]
        assert await till.hand_in(again) is Settled.ALREADY
        assert await till.hand_in(letter) is Settled.ALREADY  # the very first one, should they not renew its time
    assert await census() == before
    await till.goes_on(3 * HOUR)
    await changes_nothing(till.hand_in(letter), NoticeStale)
    await till.squares_up()
    assert await status(order) == PAID


async def test_a_refunds_notice_that_comes_before_its_payments_notice_is_taken_and_so_is_that(till: Till) -> None:
    order, payments_notice = await till.pays()
    await till.cancel(order)  # finds out that it was paid, and gives it back
    await till.outside.quiet()
    refunds_notice = (await till.outside.wait_for_letters(2))[1]
    assert await till.hand_in(refunds_notice) is True
    assert await till.hand_in(payments_notice) is Settled.ALREADY
    await till.squares_up()
    assert await status(order) == CANCELLED


async def test_a_payments_notice_that_comes_after_its_refund_revives_nothing(till: Till) -> None:
    order, payments_notice = await till.pays()
    await till.cancel(order)
    await till.outside.quiet()
    await till.goes_on(MINUTE)
    await till.sweep()
    assert (await Refund.get()).status == "SUCCESS"
    before = await census()
    assert await till.hand_in(payments_notice) is Settled.ALREADY
    assert await census() == before | {"payment_notice": 1}
    await till.squares_up()
    assert await status(order) == CANCELLED
    assert await HeldCell.all().count() == 0


# What is done, but not answered


async def test_it_answers_500_after_a_payment_was_opened_and_nobody_pays_twice(till: Till) -> None:
    order = await till.order()
    await till.house.switch_on(http_500_after=True)
    with pytest.raises(DomainError, match="暂时没有回应"):
        await till.open(order)
    await till.house.switch_on()
    await till.pay(await till.open(order))
    await till.squares_up()
    assert await status(order) == PAID
    assert await Payment.all().count() == 1


async def test_it_answers_500_after_a_payment_was_opened_which_is_paid_all_the_same(
    db: Database, outside: Outside, alipay: AlipayHouse
) -> None:
    """At WeChat Pay, that is; without Alipay's answer nobody has a code or a page to pay by."""
    till = await a_till(WECHAT_PAY, outside, alipay, NOW)
    order = await till.order()
    await till.house.switch_on(http_500_after=True)
    with pytest.raises(DomainError, match="暂时没有回应"):
        await till.open(order)
    asked = {"out_trade_no": (await Payment.get()).payment_no}
    assert (await outside.http.post("/_sandbox/pay", json=asked)).status_code == 200
    await till.sweep()  # while every question ends so
    assert (await Payment.get()).status == "INTENDED"
    await till.squares_up()
    assert await status(order) == PAID


async def test_it_answers_500_after_a_hold_was_closed_and_the_court_is_free_once_it_is_sure(till: Till) -> None:
    order = await till.order()
    opened = await till.open(order)
    if till.name == ALIPAY:  # somebody scans the code and leaves: now there is a trade to close
        await till.alipay.http.post("/_sandbox/refuse", json={"qr_code": opened.code})
    await till.goes_on(HOLD)
    await till.house.switch_on(http_500_after=True)
    await till.sweep()
    assert await status(order) == ("PENDING_PAYMENT", "")
    await till.house.switch_on()
    late = await (till.alipay if till.name == ALIPAY else till.outside).try_to_pay(opened, late=True)
    assert late.status_code == 409
    await till.squares_up()
    assert await status(order) == EXPIRED


async def test_it_answers_500_after_the_money_was_given_back_and_it_goes_back_once(till: Till) -> None:
    order = await till.has_paid()
    await till.house.switch_on(http_500_after=True)
    await till.cancel(order)
    await till.goes_on(MINUTE)
    await till.sweep()
    assert (await Refund.get()).status == "INTENDED"
    await till.squares_up()
    assert await status(order) == CANCELLED
    assert len((await till.house.books())["refunds"]) == 1


async def test_it_answers_500_after_a_payers_code_was_charged_and_it_is_charged_once(till: Till) -> None:
    order = await till.order()
    await till.house.switch_on(http_500_after=True)
    key = secrets.token_hex(8)
    assert (await till.charge(order, key=key)).standing is Standing.WAITING
    await till.house.switch_on()
    assert (await till.charge(order, key=key)).standing is Standing.PAID  # the clerk presses again
    await till.squares_up()
    assert await status(order) == PAID
    assert (await till.house.books())["sums"]["kept_fen"] == PRICE


async def test_it_answers_500_after_a_payers_code_was_charged_and_nobody_presses_again(till: Till) -> None:
    order = await till.order()
    await till.house.switch_on(http_500_after=True)
    await till.charge(order)
    await till.squares_up()
    assert await status(order) == PAID


# Who asks is killed


@AROUND_THE_CALL
async def test_killed_around_opening_a_payment(till: Till, moment: str) -> None:
    opened_again, left_alone = await till.order(), await till.order()
    for order in (opened_again, left_alone):
        with pytest.raises(Killed):
            await till.open(order, till.meddled(**{moment: {"prepay": killed}}))
    await till.pay(await till.open(opened_again))
    await till.squares_up()
    assert await status(opened_again) == PAID
    assert await status(left_alone) == EXPIRED


@AROUND_THE_CALL
async def test_killed_around_closing_a_hold(till: Till, moment: str) -> None:
    order = await till.order()
    await till.open(order)
    await till.goes_on(HOLD)
    with pytest.raises(Killed):
        await end_overdue_holds(channels=till.meddled(**{moment: {"close": killed}}), now=till.time)
    assert await status(order) == ("PENDING_PAYMENT", "")
    await till.squares_up()
    assert await status(order) == EXPIRED


@AROUND_THE_CALL
@pytest.mark.parametrize("call", ["close", "query", "refund"])
async def test_killed_around_each_call_of_cancelling_what_was_paid_unheard(
    till: Till, moment: str, call: str
) -> None:
    order, _ = await till.pays()
    with pytest.raises(Killed):
        await till.cancel(order, till.meddled(**{moment: {call: killed}}))
    await till.squares_up()
    assert await status(order) == (CANCELLED if call == "refund" else PAID)  # what was not done yet was not done


@AROUND_THE_CALL
async def test_killed_around_a_swept_refund(till: Till, moment: str) -> None:
    order = await till.has_paid()
    with pytest.raises(Killed):
        await till.cancel(order, till.meddled(before={"refund": killed}))
    with pytest.raises(Killed):
        await till.sweep(till.meddled(**{moment: {"refund": killed}}))
    await till.squares_up()
    assert await status(order) == CANCELLED
    assert len((await till.house.books())["refunds"]) == 1


@AROUND_THE_CALL
async def test_killed_around_asking_for_a_lost_notice(till: Till, moment: str) -> None:
    order, _ = await till.pays()
    await till.goes_on(MINUTE)
    with pytest.raises(Killed):
        await till.sweep(till.meddled(**{moment: {"query": killed}}))
    await till.squares_up()
    assert await status(order) == PAID


@AROUND_THE_CALL
async def test_killed_around_charging_a_payers_code(till: Till, moment: str) -> None:
    order = await till.order()
    with pytest.raises(Killed):
        await till.charge(order, till.meddled(**{moment: {"charge": killed}}))
    await till.squares_up()
    assert await status(order) == (EXPIRED if moment == "before" else PAID)


# Clocks


@pytest.mark.parametrize("hours", [6, 36, -6])
async def test_our_clock_jumps_and_what_was_paid_meanwhile_is_found_once_it_is_right_again(
    till: Till, hours: int
) -> None:
    order, letter = await till.pays()
    till.our_clock_jumps(hours * HOUR)
    if till.name == ALIPAY and hours == 6:  # it may have been on its way for so long
        assert await till.hand_in(letter) is Settled.SETTLED
    else:
        await changes_nothing(till.hand_in(letter), NoticeStale)
    await till.sweep()
    assert await HeldCell.all().count() == 2  # nobody's court goes while the channel cannot be asked
    till.our_clock_jumps(-hours * HOUR)
    await till.squares_up()
    assert await status(order) == PAID


@pytest.mark.parametrize("hours", [6, -6])
async def test_our_clock_jumps_and_payments_are_refused_until_it_is_right_again(till: Till, hours: int) -> None:
    opened_before, fresh = await till.order(), await till.order()
    sheet = await till.open(opened_before)
    till.our_clock_jumps(hours * HOUR)
    with pytest.raises(DomainError):
        await till.open(fresh)
    for _ in range(3):
        await till.sweep()
    assert await status(opened_before) == ("PENDING_PAYMENT", "")
    till.our_clock_jumps(-hours * HOUR)
    await till.pay(sheet)
    await till.squares_up()
    assert await status(opened_before) == PAID
    assert await status(fresh) == EXPIRED


@pytest.mark.parametrize("hours", [6, -6, 24 * 30])
async def test_our_clock_jumps_while_money_goes_back_and_it_is_back_soon_after_it_is_right_again(
    till: Till, hours: int
) -> None:
    order = await till.has_paid()
    with pytest.raises(Killed):
        await till.cancel(order, till.meddled(before={"refund": killed}))
    till.our_clock_jumps(hours * HOUR)
    await till.sweep()
    assert (await Refund.get()).status == "INTENDED"
    till.our_clock_jumps(-hours * HOUR)
    await till.squares_up()
    assert await status(order) == CANCELLED


@pytest.mark.parametrize("hours", [6, 24 * 30])
async def test_our_clock_jumps_while_an_abandoned_payment_is_paid_and_it_goes_back_soon_after(
    db: Database, outside: Outside, alipay: AlipayHouse, hours: int
) -> None:
    till = await a_till(ALIPAY, outside, alipay, NOW)
    order = await till.order()
    code = await till.open(order)
    await till.cancel(order)  # which Alipay cannot close: nobody has scanned it
    assert (await Payment.get()).status == "ABANDONED"
    till.our_clock_jumps(hours * HOUR)
    for _ in range(3):
        await till.sweep()
    till.our_clock_jumps(-hours * HOUR)
    await till.pay(code)
    outside.letters.clear()  # and no notice of it ever comes
    await till.squares_up()
    assert await status(order) == CANCELLED
    assert (await Payment.get()).status == "SURPLUS"


@pytest.mark.parametrize("hours", [6, -6])
async def test_their_clock_jumps_and_everything_is_right_again_when_it_is(till: Till, hours: int) -> None:
    order, letter = await till.pays()
    refunded = await till.has_paid()
    await till.house._control("/_sandbox/clock", offset_seconds=(till.house.offset + hours * HOUR).total_seconds())
    await till.cancel(refunded)
    assert (await Refund.get()).status == "INTENDED"
    await till.goes_on(MINUTE)  # which sets both clocks right
    assert await till.hand_in(letter) is Settled.SETTLED
    await till.squares_up()
    assert await status(order) == PAID
    assert await status(refunded) == CANCELLED


# At the desk


@pytest.mark.parametrize("end", [CANCELLED, EXPIRED], ids=["cancelled", "expired"])
async def test_who_confirms_at_the_moment_when_the_desk_gives_up_is_charged_nothing_and_given_nothing(
    till: Till, monkeypatch: pytest.MonkeyPatch, end: tuple[str, str]
) -> None:
    """Cancelling a charge gives back what was paid since it was asked about. The notice of that payment comes late."""
    order = await till.order()
    await till.house.switch_on(payer_must_confirm=True)
    waiting = await till.charge(order)
    assert waiting.standing is Standing.WAITING
    await till.goes_on(HOLD if end == EXPIRED else MINUTE)
    channel: Any = till.channels[till.name]
    ask: Callable[[str], Awaitable[ChannelPayment | None]] = channel.query

    async def ask_and_be_overtaken(payment_no: str) -> ChannelPayment | None:
        known = await ask(payment_no)
        if known and known.state is PaymentState.PENDING:
            answer = await till.house.http.post("/_sandbox/pay", json={"out_trade_no": payment_no, "late": True})
            assert answer.status_code == 200, answer.text
        return known

    with monkeypatch.context() as patched:
        patched.setattr(channel, "query", ask_and_be_overtaken)
        if end == EXPIRED:
            await end_overdue_holds(channels=till.channels, now=till.time)
        else:
            await till.cancel(order)
    await till.outside.quiet()
    assert (await till.house.books())["sums"]["kept_fen"] == 0
    for letter in till.outside.letters:
        told = await till.outside.read(letter)
        if isinstance(told, PaymentNotice):
            await till.outside.take(told, now=till.time, channel=till.name)
    for _ in range(4):
        await till.goes_on(20 * MINUTE)
        await till.sweep()
    assert await status(order) == end
    assert await Admission.all().count() == await HeldCell.all().count() == await Refund.all().count() == 0
    assert [entry.kind for entry in await FinanceEvent.all().order_by("id")] == ["CHARGED", "WAIVED"]
    assert (await Payment.get()).status == "CLOSED"


@pytest.mark.parametrize("till", [WECHAT_PAY], indirect=True)  # Alipay itself ends a charge with the hold
async def test_a_run_that_has_lasted_for_a_minute_still_reverses_a_charge_alone(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its `now` is of its beginning. A second worker that took the reversal over would find the charge paid and confirm
    the order, and then the first would give the money back."""
    order = await till.order()
    await till.house.switch_on(payer_must_confirm=True)
    await till.charge(order)
    await till.goes_on(HOLD)
    ask, others = till.outside.channel.query, 0
    moments = itertools.chain(
        [0, 0, 60], itertools.repeat(75)
    )  # two channels; a minute later the charge has its turn

    async def ask_and_be_overtaken(payment_no: str) -> ChannelPayment | None:
        nonlocal others
        known = await ask(payment_no)
        if known and known.state is PaymentState.PENDING and not others:
            others += 1
            await till.house.http.post("/_sandbox/pay", json={"out_trade_no": payment_no, "late": True})
            for job in (check_due_payments, end_overdue_holds):
                await job(channels=till.channels, now=till.time + 75 * SECOND)
        return known

    with monkeypatch.context() as patched:
        patched.setattr(till.outside.channel, "query", ask_and_be_overtaken)
        patched.setattr(resting, "monotonic", lambda: next(moments))
        await end_overdue_holds(channels=till.channels, now=till.time)
    await till.outside.quiet()
    assert others == 1
    assert (await till.house.books())["sums"]["kept_fen"] == 0
    for _ in range(2):
        await till.goes_on(20 * MINUTE)
        await till.sweep()
    assert (await status(order), (await Payment.get()).status) == (EXPIRED, "CLOSED")
    assert await Admission.all().count() == await HeldCell.all().count() == 0


async def test_a_sweep_that_only_asked_how_a_charge_stands_takes_nobodys_reversal_away(till: Till) -> None:
    """It asked before the reversal began, and says when to ask next by the clock of a minute ago."""
    order = await till.order()
    await till.house.switch_on(payer_must_confirm=True)
    charged = await till.charge(order)
    await till.goes_on(5 * MINUTE)

    async def reverse() -> None:
        assert await ending._begin_reversal(charged.payment_no, now=till.time)

    await check_due_payments(channels=till.meddled(after={"query": reverse}), now=till.time - MINUTE)
    payment = await Payment.get()
    assert (payment.status, payment.next_check_at) == ("REVERSING", till.time + ending.REVERSAL_TAKES)


@pytest.mark.parametrize("till", [WECHAT_PAY], indirect=True)
async def test_whoever_was_away_for_so_long_that_another_reverses_a_charge_ends_nothing(till: Till) -> None:
    """They come to and hear that it was paid: it is the other who is told so as well, or gives it back."""
    order = await till.order()
    await till.house.switch_on(payer_must_confirm=True)
    charged = await till.charge(order)
    await till.goes_on(HOLD)

    async def is_away() -> None:
        """For a minute, in which it is paid, and another reverses it."""
        answer = await till.house.http.post(
            "/_sandbox/pay", json={"out_trade_no": charged.payment_no, "late": True}
        )
        assert answer.status_code == 200, answer.text
        assert await ending._begin_reversal(charged.payment_no, now=till.time + MINUTE)

    await end_overdue_holds(channels=till.meddled(before={"close": is_away}), now=till.time)
    assert (await Payment.get()).status == "REVERSING"
    await end_overdue_holds(channels=till.channels, now=till.time + 2 * MINUTE)
    assert await status(order) == PAID
    await till.squares_up()
