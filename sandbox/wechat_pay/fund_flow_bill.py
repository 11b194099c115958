"""资金账单: what came into the merchant's account in a day, and what left (pay.weixin.qq.com, format-fundflow)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from sandbox.clock import BEIJING, as_instant
from sandbox.wechat_pay import movements
from sandbox.wechat_pay.csv_file import csv, yuan
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.movements import Movement

HEADING = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
SUMMARY_HEADING = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


@dataclass(frozen=True)
class Flow:
    at: datetime
    fen: int  # negative: it left the account
    kind: str  # 业务类型
    movement: Movement


def of_day(gateway: Gateway, day: date) -> list[tuple[Flow, int]]:
    """The day's flows, each with the balance after it. The account began empty."""
    balance, found = 0, []
    flows = [flow for each in movements.until_end_of(gateway, day) for flow in _flows(each)]
    for flow in sorted(flows, key=lambda each: each.at):
        balance += flow.fen
        if flow.fen and movements.beijing_day(flow.at) == day:
            found.append((flow, balance))
    return found


def file(flows: list[tuple[Flow, int]], mchid: str) -> bytes:
    came, left = [flow.fen for flow, _ in flows if flow.fen > 0], [-flow.fen for flow, _ in flows if flow.fen < 0]
    summary = [len(flows), len(came), yuan(sum(came)), len(left), yuan(sum(left))]
    return csv(HEADING, [_row(flow, balance, mchid) for flow, balance in flows], SUMMARY_HEADING, summary)


def _flows(movement: Movement) -> list[Flow]:
    """A refund leaves the account when it is asked for; one that is closed comes back."""
    at, fen, fee_fen = movement.at, movement.fen, movement.fee_fen
    if movement.refund is None:
        return [Flow(at, fen, "交易", movement), Flow(at, -fee_fen, "扣除交易手续费", movement)]
    flows = [Flow(at, -fen, "退款", movement), Flow(at, fee_fen, "退还交易手续费", movement)]
    if movement.refund["state"] == "CLOSED":
        closed_at = as_instant(movement.refund["settled_at"])
        flows += [
            Flow(closed_at, fen, "退款关闭", movement),
            Flow(closed_at, -fee_fen, "扣除交易手续费", movement),
        ]
    return flows


def _row(flow: Flow, balance: int, mchid: str) -> list[str]:
    refund = flow.movement.refund
    business_no = flow.movement.order["transaction_id"] if refund is None else refund["refund_id"]
    digest = hashlib.sha256(f"{business_no}{flow.kind}".encode()).digest()
    return [
        f"{flow.at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}",
        business_no,
        f"{mchid}{flow.at.astimezone(BEIJING):%Y%m}{int.from_bytes(digest) % 10**12:012d}",
        "交易" if refund is None else "退款",
        flow.kind,
        "收入" if flow.fen > 0 else "支出",
        yuan(abs(flow.fen)),
        yuan(balance),
        "system" if refund is None else f"{mchid}API",
        "",
        flow.movement.number,
    ]
