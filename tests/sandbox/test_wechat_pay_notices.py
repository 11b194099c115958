"""Notices: their signatures, their schedule, and everything that goes wrong with them."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.sandbox.conftest import NoticeDoor, store_of, switch_on
from tests.sandbox.merchant import Merchant

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


async def notices_in_store(merchant: Merchant) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await store_of(merchant.http))["notices"]
    return found


async def wait_for_state(merchant: Merchant, state: str) -> dict[str, object]:
    """The only notice, once it has reached `state`."""
    for _ in range(3000):
        [notice] = await notices_in_store(merchant)
        if notice["state"] == state:
            return notice
        await asyncio.sleep(0.01)
    raise AssertionError(f"the notice stayed {notice}")


async def test_an_unacknowledged_notice_comes_again_with_the_same_id_until_it_is_acknowledged(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    notice_door.answer_with = [500, 404]
    started = time.monotonic()
    await merchant.paid()
    notices = await notice_door.wait_for(3)
    assert time.monotonic() - started >= 0.3  # 15 s and 15 s, a hundred times as fast
    assert len({merchant.open(notice)[0]["id"] for notice in notices}) == 1
    assert len({notice.headers["wechatpay-nonce"] for notice in notices}) == 3
    delivered = await wait_for_state(merchant, "DELIVERED")
    assert delivered["attempts"] == 3


async def test_a_redirect_does_not_acknowledge(merchant: Merchant, notice_door: NoticeDoor) -> None:
    notice_door.answer_with = [302, 201]
    await merchant.paid()
    await notice_door.wait_for(3)
    assert (await wait_for_state(merchant, "DELIVERED"))["attempts"] == 3


async def test_lost_notices_never_arrive_though_the_payment_stands(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    await switch_on(merchant.http, lost_notices=True)
    order = await merchant.paid()
    await wait_for_state(merchant, "LOST")
    await switch_on(merchant.http)
    await merchant.paid()
    [arrived] = await notice_door.wait_for(1)
    assert merchant.open(arrived)[1]["out_trade_no"] != order["out_trade_no"]
    assert (await merchant.query(order["out_trade_no"])).json()["trade_state"] == "SUCCESS"

    again = await merchant.http.post("/_sandbox/send-notices-again", json={"out_trade_no": order["out_trade_no"]})
    assert again.json() == {"notices": 1}
    revived = (await notice_door.wait_for(2))[1]
    assert merchant.open(revived)[1]["out_trade_no"] == order["out_trade_no"]


async def test_doubled_notices_arrive_twice_with_one_id(merchant: Merchant, notice_door: NoticeDoor) -> None:
    await switch_on(merchant.http, doubled_notices=True)
    await merchant.paid()
    first, second = await notice_door.wait_for(2)
    assert merchant.open(first)[0]["id"] == merchant.open(second)[0]["id"]
    assert (await wait_for_state(merchant, "DELIVERED"))["attempts"] == 1


async def test_late_notices_wait(merchant: Merchant, notice_door: NoticeDoor) -> None:
    await switch_on(merchant.http, late_notices=0.3)
    started = time.monotonic()
    await merchant.paid()
    await notice_door.wait_for(1)
    assert time.monotonic() - started >= 0.3


async def test_reordered_notices_tell_of_the_refund_before_the_payment(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    await switch_on(merchant.http, reordered_notices=60, refund_seconds=0)
    order = await merchant.paid()
    await merchant.ask_refund(merchant.refund(order, 4500))
    async with asyncio.timeout(30):
        while len(await notices_in_store(merchant)) < 2:
            await asyncio.sleep(0.01)
    assert notice_door.notices == []
    await merchant.move_clock(61)
    notices = await notice_door.wait_for(2)
    kinds = [merchant.open(notice)[0]["event_type"] for notice in notices]
    assert kinds == ["REFUND.SUCCESS", "TRANSACTION.SUCCESS"]


async def test_a_probe_comes_first_and_the_true_notice_after_it_was_refused(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    order, prepay_id = await merchant.placed()
    await switch_on(merchant.http, signtest=True)
    notice_door.answer_with = [401]
    await merchant.http.post("/_sandbox/pay", json={"prepay_id": prepay_id})
    probe, true = await notice_door.wait_for(2)
    assert probe.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    assert merchant.open(true)[1]["out_trade_no"] == order["out_trade_no"]

    answer = await merchant.query(order["out_trade_no"])
    assert answer.status_code == 200
    assert answer.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")
    with pytest.raises((InvalidSignature, ValueError)):
        merchant.verify(answer.headers, answer.content)


async def test_a_forged_amount_is_one_fen_more_and_a_later_try_tells_the_truth(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    await switch_on(merchant.http, forged_amount=True)
    notice_door.answer_with = [400]
    await merchant.paid()
    [forged] = await notice_door.wait_for(1)
    await switch_on(merchant.http)
    true = (await notice_door.wait_for(2))[1]
    assert merchant.open(forged)[1]["amount"]["total"] == 4501
    assert merchant.open(true)[1]["amount"]["total"] == 4500


async def test_notices_can_be_signed_by_the_certificate(merchant: Merchant, notice_door: NoticeDoor) -> None:
    [serial] = await merchant.learn_certificates()
    await switch_on(merchant.http, notices_signed_by="certificate")
    await merchant.paid()
    [notice] = await notice_door.wait_for(1)
    assert notice.headers["wechatpay-serial"] == serial
    merchant.open(notice)


async def test_answers_are_signed_with_the_key_the_merchant_asks_for(merchant: Merchant) -> None:
    [serial] = await merchant.learn_certificates()
    for wanted, signer in ((merchant.public_key_id, merchant.public_key_id), (serial, serial), ("", serial)):
        answer = await merchant.call("GET", "/v3/certificates", **{"Wechatpay-Serial": wanted})
        assert merchant.verify(answer.headers, answer.content) == signer


async def test_rotation_happens_once_signs_from_then_on_and_keeps_the_old_certificate_listed(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    [old] = await merchant.learn_certificates()
    for _ in range(2):
        await switch_on(merchant.http, rotate_certificate=True, notices_signed_by="certificate")
    await merchant.paid()
    [notice] = await notice_door.wait_for(1)
    new = notice.headers["wechatpay-serial"]
    assert new not in (old, merchant.public_key_id)
    assert await merchant.learn_certificates() == [new, old]
    merchant.open(notice)

    await switch_on(merchant.http)
    answer = await merchant.call("GET", "/v3/certificates", **{"Wechatpay-Serial": old})
    assert merchant.verify(answer.headers, answer.content) == new


async def test_echo_verifies_decrypts_encrypts_and_notices(merchant: Merchant, notice_door: NoticeDoor) -> None:
    sealed = merchant.verifying[merchant.public_key_id].encrypt("你好".encode(), OAEP)
    asked = {
        "notify_url": merchant.notify_url,
        "echo_message": "hello",
        "encrypted_echo_message": base64.b64encode(sealed).decode(),
    }
    answer = (await merchant.call("POST", "/v3/security/echo", asked)).json()
    assert answer["echo_message"] == "hello"
    opened = merchant.key.decrypt(base64.b64decode(answer["encrypted_echo_message"]), OAEP)
    assert opened.decode() == "你好"
    [notice] = await notice_door.wait_for(1)
    envelope, resource = merchant.open(notice)
    assert envelope["event_type"] == "SECURITY_ECHO.SUCCESS"
    assert (envelope["resource"]["original_type"], envelope["resource"]["associated_data"]) == ("security", "")
    assert resource == {"echo_message": "hello"}


async def test_echo_without_notify_url_sends_nothing_and_refuses_what_is_not_sealed(
    merchant: Merchant,
) -> None:
    plain = await merchant.call("POST", "/v3/security/echo", {"echo_message": "hello"})
    assert plain.json() == {"echo_message": "hello"}
    refused = await merchant.call(
        "POST", "/v3/security/echo", {"echo_message": "hello", "encrypted_echo_message": "AAAA"}
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "PARAM_ERROR")
    assert await notices_in_store(merchant) == []


async def test_wechat_pay_gives_a_notice_up_after_the_whole_schedule(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    notice_door.answer_with = [500] * 100
    await merchant.paid()
    await notice_door.wait_for(1)
    day = 0
    while (await notices_in_store(merchant))[0]["state"] != "GIVEN_UP":
        day += 1
        await merchant.http.put("/_sandbox/clock", json={"offset_seconds": day * 600})
        await asyncio.sleep(0.01)
        assert day < 400
    assert (await notices_in_store(merchant))[0]["attempts"] == 16
    assert len(notice_door.notices) == 16


async def test_a_notice_is_plain_utf8_json(merchant: Merchant, notice_door: NoticeDoor) -> None:
    await merchant.paid()
    [notice] = await notice_door.wait_for(1)
    assert notice.headers["content-type"] == "application/json"
    assert json.loads(notice.body)["summary"] == "支付成功"
    assert "支付成功".encode() in notice.body


SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)


async def test_turning_the_clock_makes_each_retry_due_and_after_the_last_the_notice_is_given_up(
    folder: Path, unhurried_pay: httpx.AsyncClient, notice_door: NoticeDoor
) -> None:
    merchant = Merchant(folder, unhurried_pay, notice_door.url)
    notice_door.answer_with = [500] * 100
    await merchant.paid()
    passed = 0.0
    for attempt, seconds in enumerate(SCHEDULE, start=1):
        await wait_for_attempts(merchant, attempt)
        await merchant.move_clock(passed + seconds - 2)
        await asyncio.sleep(0.02)
        assert len(notice_door.notices) == attempt, f"retry {attempt} came before {seconds} s were over"
        passed += seconds + 1
        await merchant.move_clock(passed)
    await wait_for_attempts(merchant, 16)
    [notice] = await notices_in_store(merchant)
    assert notice["state"] == "GIVEN_UP"
    await merchant.move_clock(passed + 86_400)
    await asyncio.sleep(0.02)
    assert len(notice_door.notices) == 16


async def wait_for_attempts(merchant: Merchant, count: int) -> None:
    for _ in range(3000):
        if (await notices_in_store(merchant))[0]["attempts"] == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"attempt {count} was not made")


async def test_a_notice_signed_by_nobody_known_names_a_serial_that_is_listed_nowhere(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    await switch_on(merchant.http, notices_signed_by_unknown=True)
    notice_door.answer_with = [401]
    await merchant.paid()
    [stranger] = await notice_door.wait_for(1)
    await switch_on(merchant.http)
    serial = stranger.headers["wechatpay-serial"]
    assert len(serial) == 40
    assert serial not in [merchant.public_key_id, *await merchant.learn_certificates()]
    merchant.open((await notice_door.wait_for(2))[1])


async def test_a_notice_may_name_another_appid_and_another_merchant(
    merchant: Merchant, notice_door: NoticeDoor
) -> None:
    await switch_on(merchant.http, notices_appid="wxsomebodyelse", notices_mchid="1699999999", refund_seconds=0)
    order = await merchant.paid()
    await merchant.ask_refund(merchant.refund(order, 4500))
    payment, refund = [merchant.open(notice)[1] for notice in await notice_door.wait_for(2)]
    assert (payment["appid"], payment["mchid"]) == ("wxsomebodyelse", "1699999999")
    assert refund["mchid"] == "1699999999"
    assert "appid" not in refund
    true = (await merchant.query(order["out_trade_no"])).json()
    assert (true["appid"], true["mchid"]) == (merchant.appid, merchant.mchid)


async def test_a_retired_certificate_is_listed_no_more_and_opens_nothing(merchant: Merchant) -> None:
    [old] = await merchant.learn_certificates()
    await switch_on(merchant.http, rotate_certificate=True, retire_certificates=True)
    [new] = await merchant.learn_certificates()
    assert new != old
    for serial, status in ((old, 400), (new, 200), (merchant.public_key_id, 200)):
        asked = {"echo_message": "hello", "encrypted_echo_message": merchant.sealed("你好", serial)}
        answer = await merchant.call("POST", "/v3/security/echo", asked, **{"Wechatpay-Serial": serial})
        assert answer.status_code == status
