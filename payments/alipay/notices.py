"""Alipay's notices (异步通知 and 异步通知验签): a form, signed over its decoded values. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.alipay import wire
from payments.alipay.app import App
from payments.alipay.signing import SIGN_TYPE, verify
from payments.port import (
    NoticeForged,
    NoticeStale,
    NoticeUnreadable,
    PaymentNotice,
    RefundHint,
)

MOST_BYTES = 64 * 1024
FORM = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*", re.DOTALL)
CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}

# A notice is delivered 8 times within 25 hours, under one notify_id (4m, 10m, 10m, 1h, 2h, 6h, 15h). Its
# notify_time is "通知的发送时间"; whether a repetition renews it is not documented, so the oldest that can be
# genuine is 25 hours old, and we give it one more for slow lines. What is older is a replay, or a clock is wrong.
MOST_AGE = timedelta(hours=26)
MOST_AHEAD = timedelta(minutes=5)


def read_notice(
    body: bytes, app: App, keys: Callable[[], Sequence[RSAPublicKey]], now: datetime
) -> PaymentNotice | RefundHint:
    """Check and read a notice, from the bytes as they came in. Raises `NoticeRefused`."""
    form = read_form(body)
    check_seal(form, keys)
    told = _decode(form)
    if (told.get("app_id"), told.get("seller_id")) != (app.app_id, app.seller_id):
        raise NoticeUnreadable("the notice is for another app or seller")
    try:
        _check_age(wire.instant(told["notify_time"]), now)
        return _read(told, app)
    except (KeyError, TypeError, ValueError) as problem:
        raise NoticeUnreadable(f"the notice has an unexpected shape: {problem!r}") from problem


def read_form(body: bytes) -> dict[bytes, bytes]:
    """Take the form apart, blank values kept. Nothing is decoded to text yet: the signature is over bytes."""
    if len(body) > MOST_BYTES:
        raise NoticeForged(f"a notice has no {len(body)} bytes")
    if not FORM.fullmatch(body):
        raise NoticeForged("the form's encoding is broken")
    form: dict[bytes, bytes] = {}
    for pair in filter(None, body.split(b"&")):
        name, _, value = (unquote_to_bytes(part.replace(b"+", b" ")) for part in pair.partition(b"="))
        if name in form:
            raise NoticeForged(f"{name[:64]!r} comes twice")
        form[name] = value
    return form


def check_seal(form: Mapping[bytes, bytes], keys: Callable[[], Sequence[RSAPublicKey]]) -> None:
    """Check the signature: over all but sign and sign_type, sorted, as decoded; blank values count."""
    if form.get(b"sign_type") != SIGN_TYPE.encode():
        raise NoticeForged(f"the sign_type is {form.get(b'sign_type', b'')[:16]!r}, not {SIGN_TYPE}")
    signature = form.get(b"sign", b"").decode("ascii", "replace")
    lines = sorted((name, value) for name, value in form.items() if name not in (b"sign", b"sign_type"))
    if not verify(b"&".join(name + b"=" + value for name, value in lines), signature, keys()):
        raise NoticeForged("the signature is none of Alipay's")


def _decode(form: Mapping[bytes, bytes]) -> dict[str, str]:
    """The notice as text, in the charset that it names: that of the request, so UTF-8 where we asked."""
    charset = CHARSETS.get(form.get(b"charset", b"utf-8").decode("ascii", "replace").lower())
    if charset is None:
        raise NoticeUnreadable(f"the charset {form[b'charset'][:16]!r} is none that Alipay writes in")
    try:
        return {name.decode(charset): value.decode(charset) for name, value in form.items()}
    except UnicodeDecodeError as problem:
        raise NoticeUnreadable(f"the notice is not written in {charset}") from problem


def _check_age(sent_at: datetime, now: datetime) -> None:
    if not -MOST_AHEAD <= now - sent_at <= MOST_AGE:
        raise NoticeStale(f"sent at {sent_at:%Y-%m-%dT%H:%M:%SZ}, read at {now:%Y-%m-%dT%H:%M:%SZ}")


def _read(told: Mapping[str, str], app: App) -> PaymentNotice | RefundHint:
    """A refund's notice carries the trade's state, so it tells that something became of a refund, but not what.

    `gmt_refund` makes it one: `refund_fee` comes also, as 0.00, where an unpaid trade was closed. Without our
    number (`out_biz_no`) the refund is none of ours but Alipay's, or that of staff on its pages: then it tells of
    the payment.
    """
    payment = wire.payment(told, app)
    notice_id, kind = wire.text(told["notify_id"]), wire.text(told["trade_status"])
    if told.get("gmt_refund") and (refund_no := told.get("out_biz_no")):
        return RefundHint(notice_id=notice_id, kind=kind, refund_no=refund_no, payment_no=payment.payment_no)
    return PaymentNotice(notice_id=notice_id, kind=kind, payment=payment)
