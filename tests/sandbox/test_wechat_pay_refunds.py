"""Refunds on WeChat Pay's wire."""

from __future__ import annotations

from typing import Any

from tests.sandbox.conftest import NoticeDoor, store_of, switch_on
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_wechat_pay_orders import move_clock


async def settled(merchant: Merchant, out_refund_no: str, state: str = "SUCCESS") -> dict[str, Any]:
    """The refund once it has left PROCESSING; the notice door tells when."""
    answer: dict[str, Any] = (await merchant.query_refund(out_refund_no)).json()
    assert answer["status"] == state
    return answer


async def test_a_refund_is_processing_then_success_and_noticed(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order = await merchant.paid()
    refund = merchant.refund(order, 1500)
    asked = (await merchant.ask_refund(refund)).json()
    assert asked["status"] == "PROCESSING"
    assert "success_time" not in asked

    _, notice = await notice_door.wait_for(2)
    envelope, resource = merchant.open(notice)
    found = await settled(merchant, refund["out_refund_no"])
    assert envelope["event_type"] == "REFUND.SUCCESS"
    assert resource["refund_status"] == "SUCCESS"
    assert "status" not in resource
    assert resource["amount"] == {"total": 4500, "refund": 1500, "payer_total": 4500, "payer_refund": 1500}
    assert resource["refund_id"] == found["refund_id"] == asked["refund_id"]
    assert resource["success_time"] == found["success_time"]
    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "REFUND"
    books = await store_of(merchant.http)
    assert books["sums"] == {"paid_fen": 4500, "refunded_fen": 1500, "refunding_fen": 0, "kept_fen": 3000}


async def test_refunds_never_exceed_what_was_paid(merchant: Merchant) -> None:
    await switch_on(merchant.http, refund_interval_seconds=0)
    order = await merchant.paid()
    assert (await merchant.ask_refund(merchant.refund(order, 4000))).status_code == 200
    too_much = await merchant.ask_refund(merchant.refund(order, 501))
    assert (too_much.status_code, too_much.json()["code"]) == (400, "INVALID_REQUEST")
    assert (await merchant.ask_refund(merchant.refund(order, 500))).status_code == 200
    assert sum(each["refund_fen"] for each in (await store_of(merchant.http))["refunds"]) == 4500


async def test_the_same_refund_asked_for_again_is_the_same_refund(merchant: Merchant) -> None:
    order = await merchant.paid()
    refund = merchant.refund(order, 4500)
    first = (await merchant.ask_refund(refund)).json()
    again = (await merchant.ask_refund(refund)).json()
    assert again["refund_id"] == first["refund_id"]
    assert len((await store_of(merchant.http))["refunds"]) == 1


async def test_a_refund_number_with_another_amount_is_refused(merchant: Merchant) -> None:
    order = await merchant.paid()
    refund = merchant.refund(order, 1000)
    await merchant.ask_refund(refund)
    changed = refund | {"amount": refund["amount"] | {"refund": 1001}}
    answer = await merchant.ask_refund(changed)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    [kept] = (await store_of(merchant.http))["refunds"]
    assert kept["refund_fen"] == 1000


async def test_what_was_not_paid_or_does_not_exist_is_not_refunded(merchant: Merchant) -> None:
    order, _ = await merchant.placed()
    unpaid = await merchant.ask_refund(merchant.refund(order, 100))
    unknown = await merchant.ask_refund(merchant.refund(merchant.order(), 100))
    unknown_refund = await merchant.query_refund("R00000000")
    assert (unpaid.status_code, unpaid.json()["code"]) == (400, "INVALID_REQUEST")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert (unknown_refund.status_code, unknown_refund.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert (await store_of(merchant.http))["refunds"] == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": {"refund": 0, "total": 4500, "currency": "CNY"}}, "PARAM_ERROR"),
    ({"amount": {"refund": 100, "total": 4500}}, "PARAM_ERROR"),
    ({"amount": {"refund": 100, "total": 4501, "currency": "CNY"}}, "INVALID_REQUEST"),
    ({"out_trade_no": None}, "PARAM_ERROR"),
    ({"out_refund_no": "退款一"}, "PARAM_ERROR"),
    ({"reason": "因" * 81}, "PARAM_ERROR"),
    ({"transaction_id": "4200000000"}, "RESOURCE_NOT_EXISTS"),
]


async def test_a_refund_with_a_wrong_parameter_is_refused(merchant: Merchant) -> None:
    order = await merchant.paid()
    for changed, code in WRONG:
        answer = await merchant.ask_refund(merchant.refund(order, 100, **changed))
        assert answer.json()["code"] == code, changed
    assert (await store_of(merchant.http))["refunds"] == []


async def test_a_closed_refund_gives_its_money_back_to_what_can_be_refunded(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order = await merchant.paid()
    await switch_on(merchant.http, refunds_end_as="CLOSED", refund_seconds=0)
    closed = merchant.refund(order, 4500)
    await merchant.ask_refund(closed)
    _, notice = await notice_door.wait_for(2)
    assert merchant.open(notice)[0]["event_type"] == "REFUND.CLOSED"
    await settled(merchant, closed["out_refund_no"], "CLOSED")

    await switch_on(merchant.http, refund_interval_seconds=0)
    assert (await merchant.ask_refund(merchant.refund(order, 4500))).status_code == 200


async def test_an_abnormal_refund_keeps_its_money_out(merchant: Merchant, notice_door: NoticeDoor) -> None:
    order = await merchant.paid()
    await switch_on(merchant.http, refunds_end_as="ABNORMAL", refund_seconds=0)
    await merchant.ask_refund(merchant.refund(order, 4500))
    _, notice = await notice_door.wait_for(2)
    envelope, resource = merchant.open(notice)
    assert (envelope["event_type"], resource["refund_status"]) == ("REFUND.ABNORMAL", "ABNORMAL")
    assert (await merchant.ask_refund(merchant.refund(order, 1))).json()["code"] == "INVALID_REQUEST"
    books = await store_of(merchant.http)
    assert (books["sums"]["refunding_fen"], books["sums"]["refunded_fen"]) == (4500, 0)


async def test_two_refunds_of_one_order_are_a_minute_apart_but_the_same_one_may_be_repeated_at_once(
    merchant: Merchant,
) -> None:
    order, other = await merchant.paid(), await merchant.paid()
    first, second = merchant.refund(order, 1000), merchant.refund(order, 1000)
    assert (await merchant.ask_refund(first)).status_code == 200
    too_soon = await merchant.ask_refund(second)
    assert (too_soon.status_code, too_soon.json()["code"]) == (429, "FREQUENCY_LIMITED")
    assert (await merchant.ask_refund(first)).status_code == 200
    assert (await merchant.ask_refund(merchant.refund(other, 1000))).status_code == 200
    assert (await merchant.query_refund(second["out_refund_no"])).status_code == 404

    await move_clock(merchant, 61)
    assert (await merchant.ask_refund(second)).status_code == 200
    await switch_on(merchant.http, refund_interval_seconds=0)
    assert (await merchant.ask_refund(merchant.refund(order, 1000))).status_code == 200


async def test_an_empty_merchant_balance_refuses_until_the_same_number_is_tried_again(merchant: Merchant) -> None:
    order = await merchant.paid()
    refund = merchant.refund(order, 100)
    await switch_on(merchant.http, merchant_balance_empty=True)
    refused = await merchant.ask_refund(refund)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_ENOUGH")
    await switch_on(merchant.http)
    assert (await merchant.ask_refund(refund)).status_code == 200


async def test_a_refund_whose_answer_was_lost_is_found_under_its_number_and_one_refused_early_is_not(
    merchant: Merchant,
) -> None:
    order = await merchant.paid()
    early, done = merchant.refund(order, 100), merchant.refund(order, 200)
    for refund, fault in ((early, "http_500"), (done, "http_500_after")):
        await switch_on(merchant.http, **{fault: True})
        failed = await merchant.ask_refund(refund)
        assert (failed.status_code, failed.json()["code"]) == (500, "SYSTEM_ERROR")
        assert merchant.verify(failed.headers, failed.content) == merchant.public_key_id
    await switch_on(merchant.http)
    assert (await merchant.query_refund(early["out_refund_no"])).status_code == 404
    assert (await merchant.ask_refund(done)).status_code == 200
    assert [each["refund_fen"] for each in (await store_of(merchant.http))["refunds"]] == [200]
