"""Refunds through the public door: told before, cancelled line by line, and led out by staff of the venue."""

from typing import Any

import pytest

from models import database
from models.orders.tables import Payment, Refund, RefundRule
from tests.factories.booking import Hall, a_hall, at
from tests.house import Citizen, Clerk, House, line, nothing_changes
from tests.resolvers import documents

CARD = {"bankType": "ICBC_DEBIT", "number": "6222020402012345678", "holder": "欧阳小明"}


@pytest.fixture
async def hall(house: House) -> Hall:
    hall = await a_hall()
    for minutes_before, percent in ((120, 0), (0, 20)):
        await RefundRule.create(
            party="MEMBER",
            minutes_before=minutes_before,
            kept_percent=percent,
            kept_fen=0,
            provenance="DEMONSTRATION",
            source="演示",
        )
    return hall


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


@pytest.fixture
async def clerk(house: House, hall: Hall) -> Clerk:
    return await house.clerk(hall.venue.public_id)


@pytest.fixture
async def order(house: House, citizen: Citizen, hall: Hall) -> Any:
    """Basketball in an hour, badminton tomorrow, each 40.00 yuan."""
    paid = await citizen.has_paid(line(hall.full, at(11, days=0)), line(hall.badminton, at(10)))
    await house.outside.switch_on(refund_interval_seconds=0)
    return paid


async def test_a_quote_says_what_comes_back_of_each_line_why_and_how(citizen: Citizen, order: Any) -> None:
    async with nothing_changes():
        told = (await citizen.ask(documents.REFUND_QUOTE, orderNo=order["orderNo"])).value
        second = (await citizen.ask(documents.REFUND_QUOTE, orderNo=order["orderNo"], lineNos=[2])).value
    assert [(each["price"], each["refund"], each["kept"], each["canCancel"]) for each in told["lines"]] == [
        (4000, 3200, 800, True),
        (4000, 4000, 0, True),
    ]
    assert "提前不足2小时取消：手续费为价格的20%，即8.00元，退32.00元。" in told["lines"][0]["explanation"]
    assert (told["orderNo"], told["total"]) == (order["orderNo"], 7200)
    assert told["wayBack"].startswith("原路退回微信支付")
    assert (second["total"], [each["lineNo"] for each in second["lines"]]) == (4000, [2])


async def test_a_line_is_cancelled_for_what_was_quoted_and_the_order_shows_all_of_it(
    citizen: Citizen, order: Any
) -> None:
    number = order["orderNo"]
    async with nothing_changes():
        changed = await citizen.ask(documents.CANCEL_ORDER, orderNo=number, lineNos=[1], expectedRefund=4000)
        assert (changed.refusal.code, changed.refusal.field) == ("REFUND_CHANGED", "expectedRefund")
        for line_nos in ([3], [0], [], [2**31 - 1]):
            wrong = await citizen.ask(documents.CANCEL_ORDER, orderNo=number, lineNos=line_nos)
            assert (wrong.refusal.code, wrong.refusal.field) == ("BAD_INPUT", "lineNos")
            wrong = await citizen.ask(documents.REFUND_QUOTE, orderNo=number, lineNos=line_nos)
            assert (wrong.refusal.code, wrong.refusal.field) == ("BAD_INPUT", "lineNos")
    asked = {"orderNo": number, "lineNos": [1], "expectedRefund": 3200}
    shown = (await citizen.ask(documents.CANCEL_ORDER, **asked)).value["order"]
    assert (await citizen.ask(documents.CANCEL_ORDER, **asked)).value["order"] == shown
    assert (shown["status"], shown["closeReason"]) == ("PAID", None)
    assert [each["cancelledAt"] is None for each in shown["lines"]] == [False, True]
    assert [each["isRevoked"] for each in shown["admissions"]] == [True, False]
    (refund,) = shown["refunds"]
    assert (refund["amount"], refund["party"], refund["reason"]) == (3200, "MEMBER", "CANCELLED")
    ((part),) = refund["lines"]
    assert (part["lineNo"], part["amount"], part["kept"]) == (1, 3200, 800)
    rest = (await citizen.ask(documents.CANCEL_ORDER, orderNo=number)).value["order"]
    assert (rest["status"], rest["closeReason"]) == ("CLOSED", "CANCELLED")
    assert [[part["lineNo"] for part in each["lines"]] for each in rest["refunds"]] == [[1], [2]]
    over = await citizen.ask(documents.REFUND_QUOTE, orderNo=number)
    assert over.refusal.code == "ORDER_CLOSED"


async def test_a_strangers_order_is_neither_quoted_nor_cancelled(house: House, order: Any) -> None:
    stranger = await house.citizen()
    async with nothing_changes():
        for number in (order["orderNo"], "O20261120NEVERWASHERE", "", "订单"):
            for document in (documents.REFUND_QUOTE, documents.CANCEL_ORDER):
                refusal = (await stranger.ask(document, orderNo=number)).refusal
                assert (refusal.code, refusal.field) == ("ORDER_UNKNOWN", "orderNo")


async def test_a_page_of_orders_asks_for_refunds_and_their_lines_once(
    citizen: Citizen, hall: Hall, order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    plain = database.rows

    async def counted(sql: str, *values: Any) -> Any:
        statements.append(sql)
        return await plain(sql, *values)

    async def asked() -> int:
        statements.clear()
        assert (await citizen.ask(documents.ORDERS)).value["edges"]
        return len(statements)

    monkeypatch.setattr(database, "rows", counted)
    with_one = await asked()
    for days in (2, 3):
        paid = await citizen.has_paid(line(hall.badminton, at(10, days=days)), line(hall.left, at(12, days=days)))
        await citizen.ask(documents.CANCEL_ORDER, orderNo=paid["orderNo"], lineNos=[1])
    assert await asked() == with_one
    assert sum("FROM refund_line" in sql for sql in statements) == 1


async def test_the_venue_cancels_with_a_reason_that_the_member_reads(
    citizen: Citizen, clerk: Clerk, order: Any
) -> None:
    asked = {"orderNo": order["orderNo"], "reason": "场馆停电", "idempotencyKey": "cancel-1", "lineNos": [1]}
    (refund,) = (await clerk.ask(documents.CANCEL_FOR_VENUE, **asked)).value["refunds"]
    assert (await clerk.ask(documents.CANCEL_FOR_VENUE, **asked)).value["refunds"][0]["refundNo"] == refund[
        "refundNo"
    ]
    assert (refund["amount"], refund["party"], refund["reason"]) == (4000, "VENUE", "CANCELLED_BY_VENUE")
    shown = (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value
    assert shown["refunds"][0]["lines"][0]["explanation"] == "场馆取消（场馆停电）：全额退款。"
    rest = asked | {"lineNos": None, "idempotencyKey": "cancel-2"}
    assert len((await clerk.ask(documents.CANCEL_FOR_VENUE, **rest)).value["refunds"]) == 2
    shown = (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value
    assert (shown["status"], shown["closeReason"]) == ("CLOSED", "CANCELLED_BY_VENUE")


async def test_staff_give_back_and_no_more_than_is_left(clerk: Clerk, order: Any) -> None:
    asked = {"orderNo": order["orderNo"], "amount": 8000, "note": "灯光太暗", "idempotencyKey": "give-back-1"}
    (refund,) = (await clerk.ask(documents.GIVE_BACK, **asked)).value["refunds"]
    assert (refund["amount"], refund["reason"], refund["lines"]) == (8000, "GOODWILL", [])
    async with nothing_changes():
        again = await clerk.ask(documents.GIVE_BACK, **{**asked, "amount": 1, "idempotencyKey": "give-back-2"})
        assert (again.refusal.code, again.refusal.field) == ("REFUND_TOO_LARGE", "amount")


async def ends_as(house: House, citizen: Citizen, order: Any, state: str) -> str:
    """The number of a refund that ended so, its notice handed in."""
    await house.outside.switch_on(refunds_end_as=state, refund_seconds=0)
    letters = len(house.outside.letters)
    await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])
    letter = (await house.outside.wait_for_letters(letters + 1))[-1]
    assert (await house.hand_in(letter)).status_code == 204
    await house.outside.switch_on(refund_seconds=0, refund_interval_seconds=0)
    refund = await Refund.get()
    assert refund.status == state
    return refund.refund_no


async def test_an_abnormal_refund_is_shown_to_staff_and_sent_to_a_card_that_no_log_knows(
    house: House, citizen: Citizen, clerk: Clerk, hall: Hall, order: Any
) -> None:
    number = await ends_as(house, citizen, order, "ABNORMAL")
    listed = (await clerk.ask(documents.REFUNDS_TO_SETTLE, venueId=hall.venue.public_id)).value
    (shown,) = listed
    assert (shown["refundNo"], shown["amount"], shown["status"]) == (number, 7200, "ABNORMAL")
    assert "改退" in shown["wayOut"]
    async with nothing_changes():
        for how in ({}, {"card": CARD, "toMerchant": True}, {"card": CARD | {"number": "12"}}):
            refusal = (await clerk.ask(documents.REDIRECT_REFUND, refundNo=number, note="本人到场", **how)).refusal
            assert (refusal.code, refusal.field) == ("BAD_INPUT", "card")
    sent = await clerk.ask(documents.REDIRECT_REFUND, refundNo=number, note="本人到场", card=CARD)
    assert sent.value["refunds"][0]["status"] in ("PROCESSING", "SUCCESS")
    assert (await clerk.ask(documents.REFUNDS_TO_SETTLE, venueId=hall.venue.public_id)).value == []
    for secret in (CARD["number"], CARD["holder"]):
        assert secret not in house.log()
        assert secret not in sent.text


async def test_a_closed_refund_is_asked_for_again(
    house: House, citizen: Citizen, clerk: Clerk, hall: Hall, order: Any
) -> None:
    number = await ends_as(house, citizen, order, "CLOSED")
    refunds = (await clerk.ask(documents.REFUND_AGAIN, refundNo=number, note="已核对")).value["refunds"]
    assert refunds[0]["status"] == "CLOSED"
    assert [refund["amount"] for refund in refunds] == [7200, 7200]
    assert (await Payment.get()).refunded_fen == 7200
    other = await house.clerk(hall.venue.public_id, device_id="desk-2")
    async with nothing_changes():
        refusal = (await other.ask(documents.REFUND_AGAIN, refundNo=number, note="已核对")).refusal
        assert (refusal.code, refusal.field) == ("REFUND_IN_HAND", "refundNo")


async def test_who_is_no_clerk_of_the_venue_gets_nowhere(
    house: House, citizen: Citizen, hall: Hall, order: Any
) -> None:
    number = await ends_as(house, citizen, order, "ABNORMAL")
    elsewhere = await house.clerk((await a_hall(lon=104.3)).venue.public_id, device_id="desk-2")
    by_order = {"orderNo": order["orderNo"], "idempotencyKey": "from-elsewhere"}
    asks = [
        (documents.CANCEL_FOR_VENUE, {**by_order, "reason": "场馆停电"}, "ORDER_UNKNOWN"),
        (documents.GIVE_BACK, {**by_order, "amount": 1, "note": "灯光太暗"}, "ORDER_UNKNOWN"),
        (documents.REDIRECT_REFUND, {"refundNo": number, "note": "本人到场", "card": CARD}, "REFUND_UNKNOWN"),
        (documents.REFUND_AGAIN, {"refundNo": number, "note": "已核对"}, "REFUND_UNKNOWN"),
        (documents.REFUNDS_TO_SETTLE, {"venueId": hall.venue.public_id}, "NOT_ALLOWED"),
    ]
    async with nothing_changes():
        for document, variables, code in asks:
            assert (await elsewhere.ask(document, **variables)).refusal.code == code
            assert (await citizen.ask(document, **variables)).refusal.code == "NOT_SIGNED_IN"
            assert (await house.ask(document, variables)).refusal.code == "NOT_SIGNED_IN"
