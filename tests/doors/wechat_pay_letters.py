"""Notices that WeChat Pay never wrote as such: sealed and signed with the sandbox's own keys, contents to order.

Put together by tests/payments/wechat_pay_platform.py from WeChat's documentation, so nothing of ours is its own judge.
"""

import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.outside import Letter, Outside
from tests.payments.wechat_pay_platform import Signer, notice, sealed


def wechat_pays_signer(outside: Outside) -> Signer:
    """WeChat Pay's public-key pair, as the sandbox holds it."""
    signer = Signer(outside.env["WECHAT_PAY_PUBLIC_KEY_ID"])
    key = load_pem_private_key((outside.folder / "wechat_pay_private_key.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    signer.private_key = key
    return signer


def about(outside: Outside, booked: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A paid order's contents, for an order in the sandbox's books; `changed` on top."""
    return {
        "transaction_id": "4200002026112012345678901234",
        "amount": {"total": booked["total_fen"], "payer_total": booked["total_fen"], "currency": "CNY"},
        "mchid": outside.mchid,
        "appid": outside.appid,
        "trade_state": "SUCCESS",
        "trade_type": "JSAPI",
        "bank_type": "OTHERS",
        "success_time": "2026-11-20T10:00:30+08:00",
        "payer": {"openid": booked["openid"]},
        "out_trade_no": booked["out_trade_no"],
    } | changed


def a_letter(
    outside: Outside,
    contents: dict[str, Any],
    *,
    at: datetime,
    kind: str = "TRANSACTION.SUCCESS",
    signer: Signer | None = None,
    key: bytes | None = None,
    **seal: str | None,
) -> Letter:
    """A notice signed at `at`, by WeChat Pay unless another signer is named; `seal` changes headers."""
    apiv3_key = key or outside.env["WECHAT_PAY_APIV3_KEY"].encode()
    body = notice(contents, kind, **sealed(json.dumps(contents, ensure_ascii=False).encode(), key=apiv3_key))
    return Letter((signer or wechat_pays_signer(outside)).headers(body, at, **seal), body)
