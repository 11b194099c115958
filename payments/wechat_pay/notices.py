"""What a notice says, once its seal holds. Pure."""

import orjson

from payments.port import EchoNotice, NoticeUnreadable, PaymentNotice, RefundNotice
from payments.wechat_pay import wire
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.signing import open_box

PAYMENT_KINDS = {"TRANSACTION.SUCCESS"}
REFUND_KINDS = {"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"}
ECHO = "SECURITY_ECHO.SUCCESS"  # the self-test that POST /v3/security/echo asks for


def read_notice(body: bytes, merchant: Merchant) -> PaymentNotice | RefundNotice | EchoNotice:
    """Decrypt and read a notice whose signature was checked.

    Raises `NoticeForged` when it cannot be decrypted, `NoticeUnreadable` when it is not for this merchant and
    app or not a kind we know.
    """
    try:
        envelope = orjson.loads(body)
        notice_id, kind, box = str(envelope["id"]), str(envelope["event_type"]), envelope["resource"]
        if kind == ECHO:
            return EchoNotice(notice_id=notice_id)
        if kind not in PAYMENT_KINDS | REFUND_KINDS:
            raise NoticeUnreadable(f"kind {kind[:64]!r} is not ours to handle")
        contents = orjson.loads(open_box(merchant.apiv3_key, box))
        if contents["mchid"] != merchant.mchid:
            raise NoticeUnreadable(f"notice {notice_id[:64]} is for another merchant")
        if kind in REFUND_KINDS:
            refund = wire.refund(contents, state=contents["refund_status"])
            return RefundNotice(notice_id=notice_id, kind=kind, refund=refund)
        payment = wire.payment(contents)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise NoticeUnreadable(f"the notice has an unexpected shape: {problem!r}") from problem
    if payment.appid not in merchant.appids:
        raise NoticeUnreadable(f"notice {notice_id[:64]} is for another app")
    return PaymentNotice(notice_id=notice_id, kind=kind, payment=payment)
