"""What can go wrong at WeChat Pay beyond the wire (README.md): each name, and the values it takes."""

from __future__ import annotations

from sandbox.faults import Accepts, one_of, seconds, switch, texts


def text(value: object) -> bool:
    return isinstance(value, str)


def fen(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def amounts(value: object) -> bool:
    """`{number: fen}`"""
    return isinstance(value, dict) and all(fen(amount) for amount in value.values())


def strange_rows(value: object) -> bool:
    """`[{"out_trade_no", "total_fen"}]`"""
    return isinstance(value, list) and all(
        isinstance(row, dict)
        and set(row) == {"out_trade_no", "total_fen"}
        and text(row["out_trade_no"])
        and fen(row["total_fen"])
        for row in value
    )


OWN_FAULTS: dict[str, Accepts] = {
    "lost_notices": switch,  # notices that fall due never arrive, not later either
    "doubled_notices": switch,  # each delivery happens twice at the same moment
    "late_notices": seconds,  # a new notice's first delivery waits
    "reordered_notices": seconds,  # first deliveries gather for so long, then go newest first
    "signtest": switch,  # every answer, and each notice's first delivery, is a WECHATPAY/SIGNTEST/ probe
    "rotate_certificate": switch,  # switching it on makes a new certificate, which signs from then on
    "retire_certificates": switch,  # only the newest certificate is listed, and opens what was sealed for it
    "notices_signed_by": one_of("public_key", "certificate"),
    "notices_signed_by_unknown": switch,  # by a key whose serial is listed nowhere
    "notices_appid": text,  # stands in notices instead of the true one
    "notices_mchid": text,  # likewise
    "forged_amount": switch,  # notices tell of one fen more than was paid
    "payer_must_confirm": switch,  # every payment code, not only from 1,000 yuan on, waits for the payer
    "refund_seconds": seconds,  # until a refund settles, instead of 0.2
    "refund_interval_seconds": seconds,  # between two refunds of one order, instead of 60
    "refunds_end_as": one_of("SUCCESS", "ABNORMAL", "CLOSED"),
    "merchant_balance_empty": switch,  # new refunds are refused with NOT_ENOUGH
    "statement_creating": switch,  # no statement is ready yet
    "statements_anytime": switch,  # no waiting for ten o'clock of the next day, nor for the day to end
    "statement_hash_wrong": switch,  # the hash that is told isn't the file's
    "statement_hides": texts,  # out_trade_no and out_refund_no whose rows are left out
    "statement_amounts": amounts,  # shown instead of what was moved
    "statement_adds": strange_rows,  # payments that nobody placed
}
