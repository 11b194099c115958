"""交易账单: every payment of a day, and every refund that was asked for (pay.weixin.qq.com, format-trade)."""

from __future__ import annotations

from sandbox.clock import BEIJING, as_instant
from sandbox.wechat_pay import refunds
from sandbox.wechat_pay.csv_file import csv, yuan
from sandbox.wechat_pay.movements import FEE_RATE, Movement

_BEGINS = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额"
_REFUND = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
_WORDS = "商品名称,商户数据包,手续费,费率,订单金额"
HEADINGS = {
    "ALL": f"{_BEGINS},{_REFUND},{_WORDS},申请退款金额,费率备注",
    "SUCCESS": f"{_BEGINS},{_WORDS},费率备注",
    "REFUND": f"{_BEGINS},退款申请时间,退款成功时间,{_REFUND},{_WORDS},申请退款金额,费率备注",
}
SUMMARY_HEADINGS = {
    "ALL": "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
    "SUCCESS": "总交易单数,应结订单总金额,手续费总金额,订单总金额",
}
SUMMARY_HEADINGS["REFUND"] = SUMMARY_HEADINGS["ALL"]


def of_type(bill_type: str, movements: list[Movement]) -> list[Movement]:
    wanted = {"ALL": (True, False), "SUCCESS": (False,), "REFUND": (True,)}[bill_type]
    return [each for each in movements if (each.refund is not None) in wanted]


def file(bill_type: str, movements: list[Movement], mchid: str) -> bytes:
    names = HEADINGS[bill_type].split(",")
    rows = [[cells[name] for name in names] for cells in (_cells(each, mchid) for each in movements)]
    totals = _totals(movements)
    summary_names = SUMMARY_HEADINGS[bill_type].split(",")
    summary = [totals[name] for name in summary_names]
    return csv(HEADINGS[bill_type], rows, SUMMARY_HEADINGS[bill_type], summary)


def _cells(movement: Movement, mchid: str) -> dict[str, str]:
    """The row by the names of its columns; a direct merchant's 特约商户号 is 0."""
    order, paid_fen = movement.order, movement.fen if movement.refund is None else 0
    cells = {
        "交易时间": f"{movement.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
        "公众账号ID": order["appid"],
        "商户号": mchid,
        "特约商户号": "0",
        "设备号": "",
        "微信订单号": order["transaction_id"],
        "商户订单号": order["out_trade_no"],
        "用户标识": order["openid"],
        "交易类型": order["trade_type"],
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": yuan(paid_fen),
        "代金券金额": yuan(0),
        "充值券退款金额": yuan(0),
        "商品名称": order["description"],
        "商户数据包": order["attach"] or "",
        "手续费": _fee(movement.fee_fen if movement.refund is None else -movement.fee_fen),
        "费率": FEE_RATE,
        "订单金额": yuan(paid_fen),
        "费率备注": "",
    }
    return cells | _refund_cells(movement)


def _refund_cells(movement: Movement) -> dict[str, str]:
    refund = movement.refund
    if refund is None:
        return {
            "交易状态": "SUCCESS",
            "微信退款单号": "0",
            "商户退款单号": "0",
            "退款金额": yuan(0),
            "退款类型": "",
            "退款状态": "",
            "申请退款金额": yuan(0),
        }
    settled_at = as_instant(refund["settled_at"]) if refund["state"] == "SUCCESS" else None
    return {
        "交易状态": "REVOKED" if movement.order["state"] == "REVOKED" else "REFUND",
        "退款申请时间": f"{movement.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
        "退款成功时间": f"{settled_at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}" if settled_at else "",
        "微信退款单号": refund["refund_id"],
        "商户退款单号": refund["out_refund_no"],
        "退款金额": yuan(movement.fen),
        "退款类型": refunds.channel(refund),
        "退款状态": refund["state"],
        "申请退款金额": yuan(movement.fen),
    }


def _totals(movements: list[Movement]) -> dict[str, str]:
    paid = [each for each in movements if each.refund is None]
    given_back = [each for each in movements if each.refund is not None]
    paid_fen, back_fen = sum(each.fen for each in paid), sum(each.fen for each in given_back)
    fee_fen = sum(each.fee_fen for each in paid) - sum(each.fee_fen for each in given_back)
    return {
        "总交易单数": str(len(movements)),
        "应结订单总金额": yuan(paid_fen),
        "退款总金额": yuan(back_fen),
        "充值券退款总金额": yuan(0),
        "手续费总金额": _fee(fee_fen),
        "订单总金额": yuan(paid_fen),
        "申请退款总金额": yuan(back_fen),
    }


def _fee(fen: int) -> str:
    """Rounded to the fen and written with five decimals, as in WeChat's own example (`0.00000)."""
    return yuan(fen) + "000"
