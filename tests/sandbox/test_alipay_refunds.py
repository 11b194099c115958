"""Refunds: whole and in parts, repeated, refused, and with an end that nobody tells."""

from __future__ import annotations

from tests.sandbox.alipay_merchant import AlipayMerchant
from tests.sandbox.conftest import store_of, switch_on


async def test_the_whole_amount_needs_no_number_and_closes_the_trade(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    answer = await alipay_merchant.refund(order, "45.00")
    assert (answer["code"], answer["fund_change"], answer["refund_fee"]) == ("10000", "Y", "45.00")
    assert await alipay_merchant.status(order) == "TRADE_CLOSED"
    found = await alipay_merchant.refund_query(order, order["out_trade_no"])
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "45.00")


async def test_parts_add_up_and_the_last_one_closes_the_trade(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    first = await alipay_merchant.refund(order, "10.00", out_request_no="R1")
    assert (first["refund_fee"], first["send_back_fee"]) == ("10.00", "10.00")
    assert await alipay_merchant.status(order) == "TRADE_SUCCESS"
    second = await alipay_merchant.refund(order, "35.00", out_request_no="R2")
    assert (second["refund_fee"], second["send_back_fee"]) == ("45.00", "35.00")
    assert await alipay_merchant.status(order) == "TRADE_CLOSED"
    store = await store_of(alipay_merchant.http)
    assert store["sums"] == {"paid_fen": 4500, "refunded_fen": 4500, "kept_fen": 0}
    assert [(row["out_request_no"], row["refund_fen"]) for row in store["refunds"]] == [("R1", 1000), ("R2", 3500)]


async def test_the_same_refund_asked_for_again_moves_no_money(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    for amount in ("10.00", "35.00"):
        moved = await alipay_merchant.refund(order, amount, out_request_no=f"R{amount[:2]}")
        again = await alipay_merchant.refund(order, amount, out_request_no=f"R{amount[:2]}")
        assert (moved["fund_change"], again["fund_change"]) == ("Y", "N")
        assert (again["code"], again["refund_fee"]) == ("10000", moved["refund_fee"])
    other_amount = await alipay_merchant.refund(order, "9.00", out_request_no="R10")
    assert other_amount["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert (await store_of(alipay_merchant.http))["sums"]["refunded_fen"] == 4500


async def test_more_than_is_left_unpaid_or_unknown_is_refused(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    await alipay_merchant.refund(order, "40.00", out_request_no="R1")
    too_much = await alipay_merchant.refund(order, "5.01", out_request_no="R2")
    assert too_much["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    part_without_number = await alipay_merchant.refund(order, "5.00")
    assert part_without_number["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert (await alipay_merchant.refund(alipay_merchant.order(), "1"))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    waiting = alipay_merchant.order()
    await alipay_merchant.control("refuse", qr_code=(await alipay_merchant.precreate(waiting))["qr_code"])
    assert (await alipay_merchant.refund(waiting, "45.00"))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert (await store_of(alipay_merchant.http))["sums"]["refunded_fen"] == 4000


async def test_of_a_refund_that_never_was_the_query_says_nothing(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    assert await alipay_merchant.refund_query(order, "R1") == {"code": "10000", "msg": "Success"}
    unknown = await alipay_merchant.refund_query(alipay_merchant.order(), "R1")
    assert unknown["sub_code"] == "ACQ.TRADE_NOT_EXIST"


async def test_the_time_of_a_refund_is_told_to_whoever_asks_for_it(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    refund = await alipay_merchant.refund(order, "10.00", out_request_no="R1")
    assert "gmt_refund_pay" not in await alipay_merchant.refund_query(order, "R1")
    found = await alipay_merchant.refund_query(order, "R1", query_options=["gmt_refund_pay"])
    assert found["gmt_refund_pay"] == refund["gmt_refund_pay"]


async def test_a_refund_may_happen_though_the_answer_does_not_say_so(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    await switch_on(alipay_merchant.http, refund_ends_unknown=True)
    answer = await alipay_merchant.refund(order, "10.00", out_request_no="R1")
    assert (answer["code"], answer["sub_code"]) == ("20000", "isp.unknow-error")
    assert (await alipay_merchant.refund_query(order, "R1"))["refund_status"] == "REFUND_SUCCESS"
    assert (await alipay_merchant.refund(order, "10.00", out_request_no="R1"))["fund_change"] == "N"
    assert (await store_of(alipay_merchant.http))["sums"]["refunded_fen"] == 1000


async def test_an_empty_balance_refuses_refunds_until_it_is_filled(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    await switch_on(alipay_merchant.http, seller_balance_empty=True)
    refused = await alipay_merchant.refund(order, "10.00", out_request_no="R1")
    assert (refused["code"], refused["sub_code"]) == ("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert "refund_status" not in await alipay_merchant.refund_query(order, "R1")
    await switch_on(alipay_merchant.http)
    assert (await alipay_merchant.refund(order, "10.00", out_request_no="R1"))["fund_change"] == "Y"
