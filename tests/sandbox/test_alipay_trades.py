"""Trades: offered by page, QR code or payment code; asked for, closed, cancelled, timed out, finished."""

from __future__ import annotations

from typing import Any

from tests.sandbox.alipay_merchant import AlipayMerchant, beijing
from tests.sandbox.conftest import store_of, switch_on

DAY = 86_400


async def payer_code(merchant: AlipayMerchant, **asked: Any) -> str:
    code: str = (await merchant.control("payer-codes", **asked)).json()["auth_code"]
    assert 25 <= int(code[:2]) <= 30
    assert 16 <= len(code) <= 24
    return code


async def call(merchant: AlipayMerchant, name: str, order: dict[str, Any]) -> dict[str, Any]:
    return await merchant.call(f"alipay.trade.{name}", {"out_trade_no": order["out_trade_no"]})


async def test_a_qr_code_makes_no_trade_until_somebody_scans_it(alipay_merchant: AlipayMerchant) -> None:
    order = alipay_merchant.order()
    offered = await alipay_merchant.precreate(order)
    assert offered["code"] == "10000"
    assert offered["qr_code"].startswith("https://qr.alipay.com/")
    assert await alipay_merchant.status(order) == "ACQ.TRADE_NOT_EXIST"
    refused = (await alipay_merchant.control("refuse", qr_code=offered["qr_code"])).json()
    assert refused["trade_status"] == await alipay_merchant.status(order) == "WAIT_BUYER_PAY"

    paid = (await alipay_merchant.control("pay", qr_code=offered["qr_code"])).json()
    assert paid == {
        "out_trade_no": order["out_trade_no"],
        "trade_no": paid["trade_no"],
        "trade_status": "TRADE_SUCCESS",
        "total_fen": 4500,
    }
    answer = await alipay_merchant.query(order)
    assert (answer["trade_no"], answer["trade_status"]) == (paid["trade_no"], "TRADE_SUCCESS")
    assert (answer["total_amount"], answer["receipt_amount"], answer["buyer_pay_amount"]) == ("45.00",) * 3
    assert answer["buyer_user_id"].startswith("2088")
    assert answer["send_pay_date"] <= beijing(1)
    by_trade_no = await alipay_merchant.call("alipay.trade.query", {"trade_no": paid["trade_no"]})
    assert by_trade_no["out_trade_no"] == order["out_trade_no"]


async def test_the_same_order_has_the_same_qr_code_and_another_one_is_inconsistent(
    alipay_merchant: AlipayMerchant,
) -> None:
    order = alipay_merchant.order()
    first, again = [await alipay_merchant.precreate(order) for _ in range(2)]
    assert first["qr_code"] == again["qr_code"]
    for changed in ({"total_amount": "45.01"}, {"subject": "另一场"}):
        answer = await alipay_merchant.precreate(order | changed)
        assert answer["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    await alipay_merchant.control("pay", qr_code=first["qr_code"])
    assert (await alipay_merchant.precreate(order))["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    closed = alipay_merchant.order()
    await alipay_merchant.control("refuse", qr_code=(await alipay_merchant.precreate(closed))["qr_code"])
    assert (await call(alipay_merchant, "close", closed))["code"] == "10000"
    assert (await alipay_merchant.precreate(closed))["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


async def test_parameters_out_of_their_limits_are_refused(alipay_merchant: AlipayMerchant) -> None:
    wrong: list[dict[str, Any]] = [
        *(
            {"total_amount": amount}
            for amount in ("0", "0.00", "-1", "1.001", "01", "100000000.01", "1e2", 45.0, None)
        ),
        *({"out_trade_no": number} for number in ("", "T-1", "号", "T" * 65, 1)),
        *({"subject": subject} for subject in ("", "x" * 257, None)),
        *({"timeout_express": timeout} for timeout in ("16d", "0m", "1s", "2c")),
        {"time_expire": "tomorrow"},
    ]
    for changed in wrong:
        answer = await alipay_merchant.precreate(alipay_merchant.order(**changed))
        assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER"), changed
    late = await alipay_merchant.precreate(alipay_merchant.order(time_expire=beijing(-1)))
    assert late["sub_code"] == "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"
    for amount in ("0.01", "1", "1.5", "100000000.00"):
        answer = await alipay_merchant.precreate(alipay_merchant.order(total_amount=amount))
        assert answer["code"] == "10000", amount


async def test_a_page_sends_the_browser_to_the_cashier_and_makes_no_trade_before_the_payer_acts(
    alipay_merchant: AlipayMerchant,
) -> None:
    for kind in ("wap", "page"):
        order = alipay_merchant.order()
        url = alipay_merchant.page_url(order, kind)
        answer = await alipay_merchant.http.get(url)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/cashier/")
        assert await alipay_merchant.status(order) == "ACQ.TRADE_NOT_EXIST"
        paid = await alipay_merchant.control("pay", url=url)
        assert paid.json()["total_fen"] == 4500
        assert await alipay_merchant.status(order) == "TRADE_SUCCESS"


async def test_a_page_that_is_not_signed_or_not_right_tells_the_person_and_charges_nothing(
    alipay_merchant: AlipayMerchant,
) -> None:
    order = alipay_merchant.order()
    url = alipay_merchant.page_url(order)
    forged = url.replace("45.00", "0.01")
    assert "isv.invalid-signature" in (await alipay_merchant.http.get(forged)).text
    refused = await alipay_merchant.control("pay", url=forged)
    assert (refused.status_code, refused.json()["code"]) == (400, "isv.invalid-signature")
    other_product = alipay_merchant.page_url(order | {"product_code": "QR_CODE_OFFLINE"})
    assert "ACQ.INVALID_PARAMETER" in (await alipay_merchant.http.get(other_product)).text
    await alipay_merchant.control("pay", url=url)
    assert "ACQ.TRADE_HAS_SUCCESS" in (await alipay_merchant.http.get(url)).text
    assert (await store_of(alipay_merchant.http))["sums"]["paid_fen"] == 4500


async def test_a_payment_code_pays_a_small_amount_at_once_and_only_once(alipay_merchant: AlipayMerchant) -> None:
    person = (await alipay_merchant.control("people", buyer_logon_id="li***@example.com")).json()
    code = await payer_code(alipay_merchant, buyer_user_id=person["buyer_user_id"])
    order = alipay_merchant.order(total_amount="999.99")
    answer = await alipay_merchant.pay_by_code(order, code)
    assert (answer["code"], answer["buyer_user_id"]) == ("10000", person["buyer_user_id"])
    assert answer["buyer_open_id"] == person["buyer_open_id"]
    assert answer["gmt_payment"] <= beijing(1)
    assert await alipay_merchant.status(order) == "TRADE_SUCCESS"
    again = await alipay_merchant.pay_by_code(alipay_merchant.order(), code)
    assert again["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert (await alipay_merchant.pay_by_code(order, code))["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


async def test_a_payment_code_that_is_unknown_malformed_or_a_minute_old_pays_nothing(
    alipay_merchant: AlipayMerchant,
) -> None:
    unknown = await alipay_merchant.pay_by_code(alipay_merchant.order(), "28" + "0" * 16)
    assert unknown["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    for malformed in ("31" + "0" * 16, "28", "28" + "0" * 23):
        answer = await alipay_merchant.pay_by_code(alipay_merchant.order(), malformed)
        assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"
    code = await payer_code(alipay_merchant)
    await alipay_merchant.move_clock(61)
    order = alipay_merchant.order()
    assert (await alipay_merchant.pay_by_code(order, code))["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert await alipay_merchant.status(order) == "ACQ.TRADE_NOT_EXIST"


async def test_a_large_amount_waits_until_the_person_confirms(alipay_merchant: AlipayMerchant) -> None:
    order = alipay_merchant.order(total_amount="1000.00")
    code = await payer_code(alipay_merchant)
    answer = await alipay_merchant.pay_by_code(order, code)
    assert (answer["code"], answer["msg"].strip()) == ("10003", "order success pay inprocess")
    assert (await alipay_merchant.pay_by_code(order, code))["code"] == "10003"
    assert await alipay_merchant.status(order) == "WAIT_BUYER_PAY"
    stranger = (await alipay_merchant.control("people")).json()["buyer_user_id"]
    mismatch = await alipay_merchant.control("pay", out_trade_no=order["out_trade_no"], buyer_user_id=stranger)
    assert (mismatch.status_code, mismatch.json()["code"]) == (403, "BUYER_MISMATCH")
    await alipay_merchant.control("pay", out_trade_no=order["out_trade_no"])
    assert await alipay_merchant.status(order) == "TRADE_SUCCESS"

    await switch_on(alipay_merchant.http, payer_must_confirm=True)
    small = await alipay_merchant.pay_by_code(alipay_merchant.order(), await payer_code(alipay_merchant))
    assert small["code"] == "10003"


async def test_closing_ends_what_waits_and_refuses_what_is_paid_closed_or_unknown(
    alipay_merchant: AlipayMerchant,
) -> None:
    order = alipay_merchant.order()
    offered = await alipay_merchant.precreate(order)
    assert (await call(alipay_merchant, "close", order))["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await alipay_merchant.control("refuse", qr_code=offered["qr_code"])
    assert (await call(alipay_merchant, "close", order))["out_trade_no"] == order["out_trade_no"]
    assert await alipay_merchant.status(order) == "TRADE_CLOSED"
    assert (await call(alipay_merchant, "close", order))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    declined = await alipay_merchant.control("pay", qr_code=offered["qr_code"], late=True)
    assert (declined.status_code, declined.json()["code"]) == (409, "TRADE_HAS_CLOSE")
    paid = await alipay_merchant.paid()
    assert (await call(alipay_merchant, "close", paid))["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


async def test_cancelling_closes_what_waits_refunds_what_is_paid_and_ignores_what_is_not_there(
    alipay_merchant: AlipayMerchant,
) -> None:
    nothing = await call(alipay_merchant, "cancel", alipay_merchant.order())
    assert (nothing["code"], nothing["retry_flag"], "action" in nothing) == ("10000", "N", False)
    waiting = alipay_merchant.order(total_amount="1000.00")
    await alipay_merchant.pay_by_code(waiting, await payer_code(alipay_merchant))
    for _ in range(2):
        assert (await call(alipay_merchant, "cancel", waiting))["action"] == "close"
    assert await alipay_merchant.status(waiting) == "TRADE_CLOSED"
    paid = await alipay_merchant.paid()
    for _ in range(2):
        assert (await call(alipay_merchant, "cancel", paid))["action"] == "refund"
    assert await alipay_merchant.status(paid) == "TRADE_CLOSED"
    sums = (await store_of(alipay_merchant.http))["sums"]
    assert sums == {"paid_fen": 4500, "refunded_fen": 4500, "kept_fen": 0}


async def test_a_paid_trade_can_be_cancelled_for_a_day(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    await alipay_merchant.move_clock(DAY + 60)
    assert (await call(alipay_merchant, "cancel", order))["sub_code"] == "ACQ.TRADE_CANCEL_TIME_OUT"


async def test_what_is_not_paid_in_time_is_closed(alipay_merchant: AlipayMerchant) -> None:
    for limit in ({"timeout_express": "5m"}, {"time_expire": beijing(300)}):
        order = alipay_merchant.order(**limit)
        offered = await alipay_merchant.precreate(order)
        await alipay_merchant.control("refuse", qr_code=offered["qr_code"])
        await alipay_merchant.move_clock(310)
        declined = await alipay_merchant.control("pay", out_trade_no=order["out_trade_no"])
        assert (declined.status_code, declined.json()["code"]) == (409, "TRADE_EXPIRED")
        assert await alipay_merchant.status(order) == "TRADE_CLOSED"
        await alipay_merchant.move_clock(0)


async def test_a_qr_code_dies_after_two_hours(alipay_merchant: AlipayMerchant) -> None:
    offered = await alipay_merchant.precreate(alipay_merchant.order())
    await alipay_merchant.move_clock(2 * 3600 + 1)
    declined = await alipay_merchant.control("pay", qr_code=offered["qr_code"])
    assert (declined.status_code, declined.json()["code"]) == (409, "TRADE_EXPIRED")


async def test_somebody_may_pay_late_until_the_merchant_was_told_that_it_is_closed(
    alipay_merchant: AlipayMerchant,
) -> None:
    orders = [alipay_merchant.order(timeout_express="1m") for _ in range(2)]
    for order in orders:
        offered = await alipay_merchant.precreate(order)
        await alipay_merchant.control("refuse", qr_code=offered["qr_code"])
    await alipay_merchant.move_clock(120)
    late, told = orders
    paid = await alipay_merchant.control("pay", out_trade_no=late["out_trade_no"], late=True)
    assert paid.json()["trade_status"] == "TRADE_SUCCESS"
    answer = await alipay_merchant.query(late)
    assert answer["trade_status"] == "TRADE_SUCCESS"
    assert answer["send_pay_date"] <= beijing(61)
    assert (await alipay_merchant.call("alipay.trade.precreate", told, timestamp=beijing(120)))[
        "sub_code"
    ] == "ACQ.TRADE_HAS_CLOSE"
    declined = await alipay_merchant.control("pay", out_trade_no=told["out_trade_no"], late=True)
    assert declined.json()["code"] == "TRADE_HAS_CLOSE"


async def test_after_a_year_a_trade_is_finished_and_cannot_be_refunded(alipay_merchant: AlipayMerchant) -> None:
    order = await alipay_merchant.paid()
    await alipay_merchant.move_clock(366 * DAY)
    assert await alipay_merchant.status(order) == "TRADE_FINISHED"
    assert (await alipay_merchant.refund(order, "45.00"))["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    assert (await call(alipay_merchant, "cancel", order))["sub_code"] == "ACQ.TRADE_HAS_FINISHED"


async def test_a_person_is_made_once_and_must_look_like_an_account(alipay_merchant: AlipayMerchant) -> None:
    person = (await alipay_merchant.control("people", buyer_user_id="2088123412341234")).json()
    assert (await alipay_merchant.control("people", buyer_user_id="2088123412341234")).json() == person
    for wrong in ({"buyer_user_id": "1"}, {"buyer_user_id": 2088}, {"buyer_open_id": person["buyer_open_id"]}):
        assert (await alipay_merchant.control("people", **wrong)).status_code == 400
    nobody = await alipay_merchant.control("payer-codes", buyer_user_id="2088999999999999")
    assert nobody.status_code == 404
