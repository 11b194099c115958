"""Notices: what they say, who signed them, when they come again, and everything that goes wrong with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from tests.sandbox.alipay_merchant import AlipayDoor, AlipayMerchant, beijing
from tests.sandbox.conftest import Process, client, store_of, switch_on, until


async def received(door: AlipayDoor, count: int) -> list[dict[str, str]]:
    await until(lambda: len(door.notices) >= count)
    return door.notices


async def wait_for_state(merchant: AlipayMerchant, state: str) -> dict[str, Any]:
    """The only notice, once it has reached `state`."""
    for _ in range(3000):
        [notice] = (await store_of(merchant.http))["notices"]
        if notice["state"] == state:
            return dict(notice)
        await asyncio.sleep(0.01)
    raise AssertionError(f"the notice stayed {notice}")


async def test_a_payment_is_noticed_with_everything_the_merchant_must_check(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    order = await alipay_merchant.paid(passback_params="venue=1&court=2")
    [notice] = await received(alipay_door, 1)
    alipay_merchant.verify_notice(notice)
    trade = await alipay_merchant.query(order)
    expected = {
        "notify_type": "trade_status_sync",
        "trade_status": "TRADE_SUCCESS",
        "app_id": alipay_merchant.app_id,
        "auth_app_id": alipay_merchant.app_id,
        "seller_id": alipay_merchant.seller_id,
        "out_trade_no": order["out_trade_no"],
        "trade_no": trade["trade_no"],
        "buyer_id": trade["buyer_user_id"],
        "subject": order["subject"],
        "body": "",  # blank, and signed all the same
        "passback_params": "venue=1&court=2",
        "total_amount": "45.00",
        "receipt_amount": "45.00",
        "buyer_pay_amount": "45.00",
        "gmt_payment": trade["send_pay_date"],
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
    }
    assert {name: notice[name] for name in expected} == expected
    assert notice["gmt_create"] <= notice["notify_time"] <= beijing(1)
    assert (await wait_for_state(alipay_merchant, "DELIVERED"))["last_answer"] == "200 success"


async def test_every_way_to_pay_is_noticed(alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor) -> None:
    code = (await alipay_merchant.control("payer-codes")).json()["auth_code"]
    by_code, by_wap, by_page = (alipay_merchant.order() for _ in range(3))
    await alipay_merchant.pay_by_code(by_code, code)
    await alipay_merchant.control("pay", url=alipay_merchant.page_url(by_wap, "wap"))
    await alipay_merchant.control("pay", url=alipay_merchant.page_url(by_page, "page"))
    notices = await received(alipay_door, 3)
    paid = {order["out_trade_no"] for order in (by_code, by_wap, by_page)}
    assert {notice["out_trade_no"] for notice in notices} == paid
    assert len({notice["notify_id"] for notice in notices}) == 3


async def test_refunds_are_noticed_to_the_payments_address(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    order = await alipay_merchant.paid()
    await received(alipay_door, 1)
    await alipay_merchant.refund(order, "10.00", out_request_no="R1")
    part = (await received(alipay_door, 2))[1]
    await alipay_merchant.refund(order, "35.00", out_request_no="R2")
    rest = (await received(alipay_door, 3))[2]
    for notice in (part, rest):
        alipay_merchant.verify_notice(notice)
        assert len(notice["gmt_refund"]) == len("2020-03-27 18:19:15.143")
    assert (part["trade_status"], part["refund_fee"], part["out_biz_no"]) == ("TRADE_SUCCESS", "10.00", "R1")
    assert (rest["trade_status"], rest["refund_fee"], rest["out_biz_no"]) == ("TRADE_CLOSED", "45.00", "R2")
    assert "gmt_close" in rest


async def test_without_an_address_nobody_is_told(alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor) -> None:
    offered = await alipay_merchant.call("alipay.trade.precreate", alipay_merchant.order())
    await alipay_merchant.control("pay", qr_code=offered["qr_code"])
    assert (await store_of(alipay_merchant.http))["notices"] == []
    assert alipay_door.notices == []


async def test_in_certificate_mode_the_certificates_key_signs(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    await alipay_merchant.paid(mode=alipay_merchant.certificates())
    [notice] = await received(alipay_door, 1)
    alipay_merchant.verify_notice(notice, alipay_merchant.certificate_key())
    with pytest.raises(InvalidSignature):
        alipay_merchant.verify_notice(notice)


async def test_only_the_word_success_acknowledges_and_the_notice_keeps_its_id(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    alipay_door.answer_with = ["SUCCESS\n", '{"code":"success"}']
    started = time.monotonic()
    await alipay_merchant.paid()
    notices = await received(alipay_door, 3)
    assert time.monotonic() - started >= 0.84  # 4 and 10 minutes, a thousand times as fast
    assert len({notice["notify_id"] for notice in notices}) == 1
    for notice in notices:
        alipay_merchant.verify_notice(notice)
    assert (await wait_for_state(alipay_merchant, "DELIVERED"))["attempts"] == 3


async def test_after_eight_deliveries_alipay_gives_up(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    alipay_door.answer_with = ["fail"] * 8
    await alipay_merchant.paid()
    for count in range(1, 9):
        await received(alipay_door, count)
        await alipay_merchant.move_clock(count * 100)
    assert (await wait_for_state(alipay_merchant, "GIVEN_UP"))["attempts"] == 8
    assert len(alipay_door.notices) == 8


async def test_lost_notices_never_arrive_and_can_be_sent_again(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    await switch_on(alipay_merchant.http, lost_notices=True)
    order = await alipay_merchant.paid()
    await wait_for_state(alipay_merchant, "LOST")
    await switch_on(alipay_merchant.http)
    assert alipay_door.notices == []
    again = await alipay_merchant.control("send-notices-again", out_trade_no=order["out_trade_no"])
    assert again.json() == {"notices": 1}
    [notice] = await received(alipay_door, 1)
    assert notice["out_trade_no"] == order["out_trade_no"]


async def test_notices_may_come_twice_or_late(alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor) -> None:
    await switch_on(alipay_merchant.http, doubled_notices=True, late_notices=0.3)
    started = time.monotonic()
    await alipay_merchant.paid()
    first, second = await received(alipay_door, 2)
    assert time.monotonic() - started >= 0.3
    assert first["notify_id"] == second["notify_id"]


async def test_reordered_notices_tell_of_the_refund_before_the_payment(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    await switch_on(alipay_merchant.http, reordered_notices=60)
    order = await alipay_merchant.paid()
    await alipay_merchant.refund(order, "45.00")
    assert alipay_door.notices == []
    await alipay_merchant.move_clock(61)
    notices = await received(alipay_door, 2)
    assert [notice["trade_status"] for notice in notices] == ["TRADE_CLOSED", "TRADE_SUCCESS"]


async def test_a_notice_may_lie_under_a_right_signature(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    await switch_on(
        alipay_merchant.http, forged_amount=True, notices_seller_id="2088000000000000", notices_app_id="2021000"
    )
    order = await alipay_merchant.paid()
    [lie] = await received(alipay_door, 1)
    alipay_merchant.verify_notice(lie)
    assert (lie["total_amount"], lie["seller_id"], lie["app_id"]) == ("45.01", "2088000000000000", "2021000")
    await switch_on(alipay_merchant.http)
    await alipay_merchant.control("send-notices-again", out_trade_no=order["out_trade_no"])
    truth = (await received(alipay_door, 2))[1]
    assert (truth["total_amount"], truth["seller_id"]) == ("45.00", alipay_merchant.seller_id)


async def test_a_notice_may_be_signed_by_somebody_else(
    alipay_merchant: AlipayMerchant, alipay_door: AlipayDoor
) -> None:
    await switch_on(alipay_merchant.http, notices_signed_by_unknown=True)
    await alipay_merchant.paid()
    [notice] = await received(alipay_door, 1)
    for key in (alipay_merchant.alipay_key, alipay_merchant.certificate_key()):
        with pytest.raises(InvalidSignature):
            alipay_merchant.verify_notice(notice, key)


@pytest.mark.stack
async def test_a_killed_alipay_still_has_its_books_and_delivers_what_was_pending(
    folder: Path, process: Callable[[str], Process], alipay_door: AlipayDoor
) -> None:
    alipay = process("alipay")
    async with client(alipay.url) as http:
        merchant = AlipayMerchant(folder, http, alipay_door.url)
        await switch_on(http, late_notices=600)
        order = await merchant.paid()
        await merchant.refund(order, "10.00", out_request_no="R1")
        offered = await merchant.precreate(merchant.order())
        before = await store_of(http)
    alipay.kill()
    assert alipay_door.notices == []

    alipay.start()
    async with client(alipay.url) as http:
        merchant = AlipayMerchant(folder, http, alipay_door.url)
        await merchant.move_clock(601)
        notices = await received(alipay_door, 2)
        assert {notice.get("refund_fee", "") for notice in notices} == {"", "10.00"}
        after = await store_of(http)
        assert (after["trades"], after["sums"]) == (before["trades"], before["sums"])
        assert (await merchant.refund_query(order, "R1"))["refund_status"] == "REFUND_SUCCESS"
        assert (await merchant.control("pay", qr_code=offered["qr_code"])).status_code == 200
