"""What can go wrong at Alipay, besides the faults that every wire has."""

from __future__ import annotations

from sandbox.faults import Accepts, seconds, switch, texts


def text(value: object) -> bool:
    return isinstance(value, str)


def fen_by_number(value: object) -> bool:
    return isinstance(value, dict) and all(_is_fen(amount) for amount in value.values())


def added_rows(value: object) -> bool:
    return isinstance(value, list) and all(_is_added_row(row) for row in value)


def _is_added_row(row: object) -> bool:
    return (
        isinstance(row, dict)
        and set(row) == {"out_trade_no", "total_fen"}
        and isinstance(row["out_trade_no"], str)
        and _is_fen(row["total_fen"])
    )


def _is_fen(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


OWN_FAULTS: dict[str, Accepts] = {
    "lost_notices": switch,  # notices that fall due never arrive, not later either
    "doubled_notices": switch,  # each delivery happens twice at the same moment
    "late_notices": seconds,  # a new notice's first delivery waits
    "reordered_notices": seconds,  # first deliveries gather for so long, then go newest first
    "forged_amount": switch,  # notices tell of one fen more than was paid
    "notices_seller_id": text,  # notices name this seller instead of the true one
    "notices_app_id": text,  # notices name this application instead of the true one
    "notices_signed_by_unknown": switch,  # notices are signed by a key that isn't Alipay's
    "refund_ends_unknown": switch,  # a new refund does happen, yet the answer is 20000
    "seller_balance_empty": switch,  # new refunds are refused with ACQ.SELLER_BALANCE_NOT_ENOUGH
    "payer_must_confirm": switch,  # a payment code never pays at once, whatever the amount
    "open_id_only": switch,  # this app is told people's open_id and no user_id
    "statement_hides": texts,  # these out_trade_no and out_request_no are missing in the bill
    "statement_amounts": fen_by_number,  # {out_trade_no or out_request_no: fen that the bill shows}
    "statement_adds": added_rows,  # payments in the bill that never happened
    "statements_anytime": switch,  # bills can be had at any hour, today's too
}
