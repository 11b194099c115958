"""Orders on WeChat Pay's wire: placed, asked for, paid, closed, noticed."""

from __future__ import annotations

from tests.sandbox.conftest import NoticeDoor, store_of
from tests.sandbox.merchant import Merchant


async def test_an_order_is_placed_paid_noticed_and_found_by_both_numbers(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order, prepay_id = await merchant.placed()
    number = order["out_trade_no"]
    before = (await merchant.query(number)).json()
    assert before["trade_state"] == "NOTPAY"
    assert "transaction_id" not in before

    paid = (await merchant.http.post("/_sandbox/pay", json=merchant.payment_parameters(prepay_id))).json()
    [notice] = await notice_door.wait_for(1)
    envelope, resource = merchant.open(notice)
    answer = await merchant.query(number)

    assert merchant.verify(answer.headers, answer.content) == merchant.public_key_id
    assert envelope["event_type"] == "TRANSACTION.SUCCESS"
    assert envelope["resource"]["original_type"] == "transaction"
    assert resource == answer.json()
    assert resource["trade_state"] == "SUCCESS"
    assert resource["amount"] == {"total": 4500, "currency": "CNY", "payer_total": 4500, "payer_currency": "CNY"}
    assert resource["payer"] == {"openid": "oChengduCitizen"}
    by_id = await merchant.call("GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid={merchant.mchid}")
    assert by_id.json() == resource
    books = await store_of(merchant.http)
    assert books["sums"] == {"paid_fen": 4500, "refunded_fen": 0, "refunding_fen": 0, "kept_fen": 4500}
