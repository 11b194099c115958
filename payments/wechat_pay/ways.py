"""What each way of paying wants said, and what of its answer the payer's side gets. Pure."""

from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from payments.port import PrepayRequest, Way
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.signing import sign

BEIJING = timezone(timedelta(hours=8))
LONGEST_VENUE = 32
ANNOUNCED_AT = {
    Way.IN_APP: "/v3/pay/transactions/jsapi",  # JSAPI 下单, also for mini-programs
    Way.MOBILE_WEB: "/v3/pay/transactions/h5",  # H5 下单
    Way.CODE: "/v3/pay/transactions/native",  # Native 下单
}
CHARGED_AT = "/v3/pay/transactions/codepay"  # 付款码支付
WAYS = frozenset(ANNOUNCED_AT) | {Way.PAYER_CODE}


def announcement(request: PrepayRequest, merchant: Merchant) -> dict[str, Any]:
    """Compose the body that announces a payment; raise `ValueError` for what cannot be asked."""
    if request.way not in ANNOUNCED_AT:
        raise ValueError(f"WeChat Pay announces no payment by {request.way}")
    body = _order(request, merchant) | {
        "time_expire": request.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
        "notify_url": merchant.notify_url,
    }
    if request.way is Way.IN_APP:
        body["payer"] = {"openid": _given("payer", request.payer)}
    if request.way is Way.MOBILE_WEB:
        address = _given("payer_address", request.payer_address)
        body["scene_info"] = {"payer_client_ip": address, "h5_info": {"type": "Wap"}}
    return body


def charge(request: PrepayRequest, payer_code: str, merchant: Merchant) -> dict[str, Any]:
    """Compose the body of 付款码支付 (pay.weixin.qq.com 4012382150), which knows no end and sends no notice.

    Raises `ValueError` for what cannot be asked.
    """
    if request.way is not Way.PAYER_CODE:
        raise ValueError(f"a payment by {request.way} is announced, not charged")
    venue = _given("venue", request.venue)
    if len(venue) > LONGEST_VENUE:  # cut short it might name another one
        raise ValueError(f"WeChat Pay takes at most {LONGEST_VENUE} characters to name a venue")
    return _order(request, merchant) | {
        "payer": {"auth_code": _given("payer_code", payer_code)},
        "scene_info": {"store_info": {"id": venue}},
    }


def payer_must_confirm(answer: Mapping[str, Any]) -> bool:
    """Whether the payer must still type the password: a 202 that tells this state and nothing else.

    The document shows only the code USERPAYING; the bare state is what merchants see (WxJava issue 4050).
    """
    return answer.get("trade_state") == "USERPAYING" or answer.get("code") == "USERPAYING"


def parameters(
    prepay_id: str, *, appid: str, private_key: RSAPrivateKey, timestamp: str, nonce: str
) -> Mapping[str, str]:
    """Sign what `wx.requestPayment` wants (JSAPI 调起支付)."""
    package = f"prepay_id={prepay_id}"
    return {
        "appId": appid,
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": sign(private_key, appid, timestamp, nonce, package),
    }


def browser_url(h5_url: str, return_url: str) -> str:
    """Add where the browser comes back to (H5 调起支付: redirect_url, percent-encoded whole)."""
    return f"{h5_url}&redirect_url={quote(return_url, safe='')}" if return_url else h5_url


def _order(request: PrepayRequest, merchant: Merchant) -> dict[str, Any]:
    if request.appid not in merchant.appids:
        raise ValueError(f"{request.appid!r} is no app of the merchant {merchant.mchid}")
    return {
        "appid": request.appid,
        "mchid": merchant.mchid,
        "description": request.description[:127],
        "out_trade_no": request.payment_no,
        "amount": {"total": request.amount_fen, "currency": "CNY"},
    }


def _given(name: str, text: str) -> str:
    if not text:
        raise ValueError(f"this way of paying needs a {name}")
    return text
