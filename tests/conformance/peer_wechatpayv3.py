"""What PyPI `wechatpayv3`, which shares no code with us, makes of our wire. Runs in an environment of its own.

Reads `{"task": …, "merchant": {…}, …}` from standard input; prints one JSON line a fact, for the test to judge.
"""

import asyncio
import base64
import json
import sys
import time
import uuid

import httpx
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from wechatpayv3.async_ import AsyncWeChatPay
from wechatpayv3.async_.type import WeChatPayType
from wechatpayv3.async_.utils import aes_decrypt, build_authorization, load_private_key, rsa_sign


def tell(fact, **told):
    print(json.dumps({"fact": fact, **told}, ensure_ascii=False))


def channel(merchant, base_url="http://127.0.0.1:9"):
    """The peer's client; in public-key mode when the merchant has a public key, else in certificate mode."""
    pay = AsyncWeChatPay(
        wechatpay_type=WeChatPayType.MINIPROG,
        mchid=merchant["mchid"],
        private_key=merchant["private_key"],
        cert_serial_no=merchant["serial"],
        appid=merchant["appid"],
        apiv3_key=merchant["apiv3_key"],
        notify_url=merchant["notify_url"],
        public_key=merchant.get("public_key"),
        public_key_id=merchant.get("public_key_id"),
        timeout=(5, 5),
    )
    pay._core._gate_way = base_url
    return pay


async def journey(merchant, base_url):
    """Payments in every way through the peer's own client, which checks every signature of an answer."""

    async def step(name, asking):
        status, answer = await asking
        told = json.loads(answer) if answer else None
        tell(name, status=status, answer=told)
        return told

    def order():
        return {
            "description": "大田湾体育场 足球 1 号场",
            "out_trade_no": f"P{uuid.uuid4().hex[:20]}",
            "amount": {"total": 4500, "currency": "CNY"},
        }

    async def paid_by(name, order, how):
        """The payer pays; the merchant asks, and gives a third of it back."""
        tell(f"{name} payer", status=(await payer.post("/_sandbox/pay", json=how)).status_code)
        await step(f"{name} queried", pay.query(out_trade_no=order["out_trade_no"]))
        await step(f"{name} not closed", pay.close(order["out_trade_no"]))
        refund = {
            "out_refund_no": f"R{uuid.uuid4().hex[:20]}",
            "out_trade_no": order["out_trade_no"],
            "amount": {"refund": 1500, "total": 4500, "currency": "CNY"},
            "reason": "预订已取消",
        }
        await step(f"{name} refunded", pay.refund(**refund))
        await step(f"{name} refund queried", pay.query_refund(refund["out_refund_no"]))

    async with channel(merchant, base_url) as pay, httpx.AsyncClient(base_url=base_url, verify=False) as payer:
        in_app = order() | {"payer": {"openid": "oChengduCitizen"}}
        prepay_id = (await step("jsapi prepaid", pay.pay(**in_app)))["prepay_id"]
        asked = {
            "appId": merchant["appid"],
            "timeStamp": str(int(time.time())),
            "nonceStr": uuid.uuid4().hex,
            "package": f"prepay_id={prepay_id}",
        }
        await paid_by("jsapi", in_app, asked | {"signType": "RSA", "paySign": pay.sign(list(asked.values()))})

        browser = {"scene_info": {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}}
        on_phone = order() | browser
        page = await step("h5 prepaid", pay.pay(**on_phone, pay_type=WeChatPayType.H5))
        await paid_by("h5", on_phone, {"h5_url": page["h5_url"]})

        by_code = order()
        shown = await step("native prepaid", pay.pay(**by_code, pay_type=WeChatPayType.NATIVE))
        await paid_by("native", by_code, {"code_url": shown["code_url"]})

        phone = (await payer.post("/_sandbox/payer-codes", json={"openid": "oChengduCitizen"})).json()
        scanned = order() | {"payer": phone, "scene_info": {"store_info": {"id": "V1"}}}
        await step("codepay paid", pay.pay(**scanned, pay_type=WeChatPayType.CODEPAY))
        await step("codepay reversed", pay.codepay_reverse(scanned["out_trade_no"]))

        unpaid = order()
        await step("unpaid prepaid", pay.pay(**unpaid, pay_type=WeChatPayType.NATIVE))
        await step("unpaid closed", pay.close(unpaid["out_trade_no"]))
        await step("unpaid queried", pay.query(out_trade_no=unpaid["out_trade_no"]))


async def read_notices(merchant, base_url, notices):
    """Verify and decrypt notices that the sandbox signed; the peer gives None for what it does not believe."""
    async with channel(merchant, base_url) as pay:
        for notice in notices:
            tell("notice", told=pay.callback(notice["headers"], notice["body"]))


def write_notice(merchant, signer, contents, kind):
    """Make a notice as the peer understands it. It offers no encryption, but its decryption is the judge."""
    nonce, timestamp = uuid.uuid4().hex[:12], str(int(time.time()))
    plaintext = json.dumps(contents, ensure_ascii=False)
    box = AESGCM(merchant["apiv3_key"].encode()).encrypt(nonce.encode(), plaintext.encode(), b"transaction")
    ciphertext = base64.b64encode(box).decode()
    opened = aes_decrypt(nonce, ciphertext, "transaction", merchant["apiv3_key"])
    body = json.dumps(
        {
            "id": str(uuid.uuid4()),
            "create_time": "2026-11-20T10:00:00+08:00",
            "resource_type": "encrypt-resource",
            "event_type": kind,
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": ciphertext,
                "associated_data": "transaction",
                "nonce": nonce,
            },
        },
        ensure_ascii=False,
    )
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": rsa_sign(
            load_private_key(signer["private_key"]), f"{timestamp}\n{nonce}\n{body}\n"
        ),
        "Wechatpay-Serial": signer["serial"],
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
    tell("notice", headers=headers, body=body, opens_for_the_peer=opened == plaintext)


def sign_requests(merchant, requests):
    """The Authorization headers that the peer gives these requests now."""
    key = load_private_key(merchant["private_key"])
    for asked in requests:
        header = build_authorization(
            asked["path"],
            asked["method"],
            merchant["mchid"],
            merchant["serial"],
            key,
            asked["body"],
            asked["nonce"],
        )
        tell("authorization", header=header)


def sign_invocation(merchant, parameters):
    """The paySign that the peer gives these parameters of wx.requestPayment."""
    tell("pay_sign", pay_sign=channel(merchant).sign(parameters))


TASKS = {
    "journey": journey,
    "read_notices": read_notices,
    "write_notice": write_notice,
    "sign_requests": sign_requests,
    "sign_invocation": sign_invocation,
}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    done = TASKS[asked.pop("task")](**asked)
    if asyncio.iscoroutine(done):
        asyncio.run(done)
