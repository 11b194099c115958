"""发起异常退款: a refund that couldn't arrive is led to a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sandbox.conftest import NoticeDoor, store_of, switch_on
from tests.sandbox.merchant import Merchant

CARD = "6222020200001234567"


async def abnormal(merchant: Merchant, notice_door: NoticeDoor) -> dict[str, Any]:
    """A refund that ended ABNORMAL, as WeChat Pay shows it; two notices have come."""
    await switch_on(merchant.http, refunds_end_as="ABNORMAL", refund_seconds=0)
    refund = merchant.refund(await merchant.paid(), 4500)
    await merchant.ask_refund(refund)
    await notice_door.wait_for(2)
    found: dict[str, Any] = (await merchant.query_refund(refund["out_refund_no"])).json()
    assert found["status"] == "ABNORMAL"
    return found


def to_users_card(merchant: Merchant, refund: dict[str, Any], serial: str, **changed: Any) -> dict[str, Any]:
    return {
        "out_refund_no": refund["out_refund_no"],
        "type": "USER_BANK_CARD",
        "bank_type": "CMB_DEBIT",
        "bank_account": merchant.sealed(CARD, serial),
        "real_name": merchant.sealed("王秀英", serial),
    } | changed


async def test_led_to_the_users_card_it_is_processing_again_and_then_arrives(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    refund = await abnormal(merchant, notice_door)
    content = to_users_card(merchant, refund, merchant.public_key_id)
    applied = await merchant.apply_abnormal(refund["refund_id"], content)
    assert (applied.status_code, applied.json()["status"]) == (200, "PROCESSING")

    envelope, resource = merchant.open((await notice_door.wait_for(3))[2])
    assert (envelope["event_type"], resource["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")
    assert resource["user_received_account"] == "招商银行借记卡4567"
    again = (await merchant.apply_abnormal(refund["refund_id"], content)).json()
    assert (again["status"], again["channel"]) == ("SUCCESS", "OTHER_BANKCARD")
    books = await store_of(merchant.http)
    assert (books["sums"]["refunded_fen"], books["sums"]["refunding_fen"]) == (4500, 0)
    assert books["refunds"][0]["account"] == "招商银行借记卡4567"


async def test_of_the_card_only_its_last_four_digits_are_kept(
    merchant: Merchant, notice_door: NoticeDoor, folder: Path
) -> None:
    refund = await abnormal(merchant, notice_door)
    content = to_users_card(merchant, refund, merchant.public_key_id)
    await merchant.apply_abnormal(refund["refund_id"], content)
    await notice_door.wait_for(3)
    kept = b"".join(path.read_bytes() for path in folder.glob("wechat-pay.sqlite3*"))
    assert "招商银行借记卡4567".encode() in kept
    for secret in (CARD, CARD[:-4], content["bank_account"], "王秀英"):
        assert secret.encode() not in kept


async def test_led_to_the_merchants_card_it_needs_no_card_number(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    refund = await abnormal(merchant, notice_door)
    content = {"out_refund_no": refund["out_refund_no"], "type": "MERCHANT_BANK_CARD"}
    assert (await merchant.apply_abnormal(refund["refund_id"], content)).json()["status"] == "PROCESSING"
    await notice_door.wait_for(3)
    assert (await store_of(merchant.http))["refunds"][0]["account"] == "商户结算银行账户"


async def test_what_the_named_key_cannot_open_is_a_parameter_error(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    refund = await abnormal(merchant, notice_door)
    [certificate] = await merchant.learn_certificates()
    right = to_users_card(merchant, refund, certificate)
    wrong: list[tuple[dict[str, Any], str]] = [
        (right, merchant.public_key_id),
        (right, "0" * 40),
        (right | {"bank_account": CARD}, certificate),
        (right | {"bank_account": merchant.sealed("not a number", certificate)}, certificate),
        (right | {"real_name": None}, certificate),
        (right | {"bank_type": "CMB_CREDIT"}, certificate),
        (right | {"type": "CASH"}, certificate),
    ]
    for content, serial in wrong:
        answer = await merchant.apply_abnormal(refund["refund_id"], content, **{"Wechatpay-Serial": serial})
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR"), content
    assert (await merchant.query_refund(refund["out_refund_no"])).json()["status"] == "ABNORMAL"
    answer = await merchant.apply_abnormal(refund["refund_id"], right, **{"Wechatpay-Serial": certificate})
    assert answer.status_code == 200


async def test_only_an_abnormal_refund_of_that_id_can_be_led_elsewhere(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    refund = await abnormal(merchant, notice_door)
    content = {"out_refund_no": refund["out_refund_no"], "type": "MERCHANT_BANK_CARD"}
    unknown = await merchant.apply_abnormal("50300000000000000000", content)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")

    await switch_on(merchant.http)
    other = (await merchant.ask_refund(merchant.refund(await merchant.paid(), 100))).json()
    healthy = await merchant.apply_abnormal(
        other["refund_id"], content | {"out_refund_no": other["out_refund_no"]}
    )
    assert (healthy.status_code, healthy.json()["code"]) == (400, "INVALID_REQUEST")
