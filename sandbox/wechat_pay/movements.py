"""What moved money, as the statements tell it: read from the books, and changed only by the statements' faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sandbox.clock import BEIJING, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import orders
from sandbox.wechat_pay.gateway import Gateway

FEE_PER_MILLE = 6  # 0.60 %
FEE_RATE = "0.60%"


@dataclass(frozen=True)
class Movement:
    """A payment, or, with `refund`, the refund that was asked for then."""

    at: datetime
    fen: int
    order: Row
    refund: Row | None = None

    @property
    def number(self) -> str:
        """The merchant's own number of it."""
        return str(self.order["out_trade_no"] if self.refund is None else self.refund["out_refund_no"])

    @property
    def fee_fen(self) -> int:
        """Rounded to the fen, half up; a refund gives its part back."""
        return (self.fen * FEE_PER_MILLE + 500) // 1000


def beijing_day(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def until_end_of(gateway: Gateway, day: date) -> list[Movement]:
    """All movements up to the end of `day`, as they happened, and what the faults make of them."""
    end = as_text(datetime.combine(day + timedelta(days=1), time(), BEIJING))
    told = [*_payments(gateway, end), *_refunds(gateway, end), *_strangers(gateway, day)]
    hidden = set(gateway.faults.get("statement_hides", []))
    shown_instead = gateway.faults.get("statement_amounts", {})
    kept = [
        Movement(each.at, shown_instead.get(each.number, each.fen), each.order, each.refund)
        for each in told
        if each.number not in hidden
    ]
    return sorted(kept, key=lambda each: each.at)


def of_day(gateway: Gateway, day: date) -> list[Movement]:
    return [each for each in until_end_of(gateway, day) if beijing_day(each.at) == day]


def _payments(gateway: Gateway, end: str) -> list[Movement]:
    paid = gateway.store.rows("SELECT * FROM orders WHERE paid_at < ?", end)
    return [Movement(as_instant(order["paid_at"]), order["total_fen"], order) for order in paid]


def _refunds(gateway: Gateway, end: str) -> list[Movement]:
    return [
        Movement(
            as_instant(refund["created_at"]),
            refund["refund_fen"],
            orders.known(gateway, refund["out_trade_no"]),
            refund,
        )
        for refund in gateway.store.rows("SELECT * FROM refunds WHERE created_at < ?", end)
    ]


def _strangers(gateway: Gateway, day: date) -> list[Movement]:
    """The fault statement_adds: payments at noon that nobody placed."""
    noon = datetime.combine(day, time(12), BEIJING)
    return [
        Movement(noon, row["total_fen"], _nobodys_order(gateway, row["out_trade_no"], number, noon))
        for number, row in enumerate(gateway.faults.get("statement_adds", []), start=1)
    ]


def _nobodys_order(gateway: Gateway, out_trade_no: str, number: int, at: datetime) -> Row:
    return {
        "out_trade_no": out_trade_no,
        "transaction_id": f"4200{at:%Y%m%d}{number:016d}",
        "appid": gateway.known.mini_program_appid,
        "openid": "oNobodyAtAll0000000000000000",
        "trade_type": "JSAPI",
        "description": "无人下过的订单",
        "attach": None,
    }
