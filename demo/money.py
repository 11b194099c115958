"""Money: Alipay, a refund by the rules for one of two hours, an order paid twice, cash at the desk, and both channels'
own books beside ours."""

import secrets
from datetime import date, datetime
from typing import Any

from demo.main_job import SHANGHAI, Walked, comes_in, say, took, yuan
from demo.people import Citizen, Clerk, ask, until
from demo.stack import Broken, Stack, get, post

FREE_OF_CHARGE_BEFORE_HOURS = 2  # data/refund_rules.csv
FLOAT_FEN = 20_000


def move(stack: Stack, walked: Walked, *, today: date) -> Citizen:
    """Raises `Broken` at the first thing that is not as promised. Gives who came to pay."""
    print("\n五、钱：支付宝、部分退款、重复支付、前台现金、两边的账")
    li = comes_in(stack, "李女士", "13700000003")
    courts = soonest_courts(li, walked, today)
    _pays_by_alipay_and_gives_one_hour_back(stack, li, courts)
    _pays_twice(stack, li, courts)
    _pays_cash(stack, walked, courts)
    _books_are_equal(stack, walked.chen, walked.wang, li)
    return li


def soonest_courts(citizen: Citizen, walked: Walked, today: date) -> list[list[Any]]:
    """By court, the slots with a price that are still to be had today, the earliest first."""
    asked = {"venueId": walked.venue_id, "sport": "BADMINTON", "date": today.isoformat()}
    courts = [
        [{**slot, "courtId": court["courtId"]} for slot in court["slots"] if _is_for_sale(slot)]
        for court in citizen.ask("Slots", asked)
    ]
    return [slots for slots in courts if len(slots) > FREE_OF_CHARGE_BEFORE_HOURS]


def _is_for_sale(slot: Any) -> bool:
    return bool(slot["status"] == "AVAILABLE" and slot["price"])


def _pays_by_alipay_and_gives_one_hour_back(stack: Stack, citizen: Citizen, courts: list[list[Any]]) -> None:
    """The first slot begins within two hours, the last does not."""
    soon, later = courts[0][0], courts[0][-1]
    order = _books(citizen, soon, later)
    order_no = order["orderNo"]
    page = citizen.ask("PayByAlipay", {"orderNo": order_no, "way": "MOBILE_WEB"})["url"]
    post(f"{stack.alipay}/_sandbox/pay", {"url": page})
    seconds = until(lambda: citizen.order(order_no)["status"] == "PAID", "支付宝的通知到账")
    say(
        f"订两个时段（{_hour(soon)} 和 {_hour(later)}），支付宝手机网站支付 {yuan(order['total'])} 元，{took(seconds)}后到账"
    )
    quote = citizen.ask("RefundQuote", {"orderNo": order_no})
    for line in quote["lines"]:
        say(f"先问能退多少：{line['explanation']}")
    first = citizen.ask("RefundQuote", {"orderNo": order_no, "lineNos": [1]})
    citizen.ask("CancelOrder", {"orderNo": order_no, "lineNos": [1], "expectedRefund": first["total"]})
    seconds = until(lambda: _refunded(citizen, order_no) == first["total"], "部分退款到账")
    left = citizen.order(order_no)
    if (
        left["status"] != "PAID"
        or left["due"]
        or [bool(line["cancelledAt"]) for line in left["lines"]] != [True, False]
    ):
        raise Broken(f"部分退款后的订单不对：{left}")
    say(
        f"只退 {_hour(soon)} 这一场：退 {yuan(first['total'])} 元，{took(seconds)}到账（{first['wayBack'].rstrip('。')}）；另一场保留"
    )


def _pays_twice(stack: Stack, citizen: Citizen, courts: list[list[Any]]) -> None:
    order = _books(citizen, courts[1][-1])
    order_no = order["orderNo"]
    sheet = citizen.ask("PayOrder", {"orderNo": order_no})["wechatPay"]
    code = citizen.ask("PayByAlipay", {"orderNo": order_no, "way": "CODE"})["code"]["code"]
    post(f"{stack.alipay}/_sandbox/pay", {"qr_code": code})
    post(f"{stack.wechat_pay}/_sandbox/pay", {**sheet, "openid": citizen.openid})
    seconds = until(lambda: _refunded(citizen, order_no) == order["total"], "多付的部分退回")
    shown = citizen.order(order_no)
    if shown["status"] != "PAID" or shown["due"] or shown["refunds"][0]["reason"] != "PAID_TWICE":
        raise Broken(f"重复支付后的订单不对：{shown}")
    say(
        f"另一张订单支付宝和微信各付了一遍：只认一笔，{took(seconds)}后退回另一笔，写明“{shown['refunds'][0]['explanation']}”"
    )


def _pays_cash(stack: Stack, walked: Walked, courts: list[list[Any]]) -> None:
    order = _books(walked.wang, courts[2][-1])
    password = f"Demo-{secrets.token_hex(6)}"
    stack.command(
        "staff", "create", "cashier", "--name", "赵会计", "--venue", walked.venue_id, typed=f"{password}\n"
    )
    clerk = Clerk(stack, walked.venue_id)
    name = clerk.sign_in("cashier", password)
    opened = {"venueId": walked.venue_id, "openingFloat": FLOAT_FEN}
    ask(stack, "OpenShift", opened, clerk.authorization, client="desk")
    paid = {"orderNo": order["orderNo"], "amountGiven": 10_000, "idempotencyKey": secrets.token_hex(8)}
    receipts = [ask(stack, "PayAtDesk", paid, clerk.authorization, client="desk")["receipt"] for _ in range(2)]
    if receipts[0] != receipts[1] or walked.wang.order(order["orderNo"])["status"] != "PAID":
        raise Broken(f"前台收款不对：{receipts}")
    taken = receipts[0]
    say(f"前台{name}收王先生现金 {yuan(taken['given'])} 元，找零 {yuan(taken['change'])} 元；按了两次，只记一次")


def _books_are_equal(stack: Stack, *citizens: Citizen) -> None:
    """What the channels kept is what our orders say, but for what lies in the drawer."""
    kept = {name: get(f"{url}/_sandbox/store")["sums"] for name, url in _channels(stack).items()}
    ours = 0
    for citizen in citizens:
        edges = citizen.ask("Orders", {})["edges"]
        ours += sum(edge["node"]["paid"] - edge["node"]["refunded"] for edge in edges)
    cash = next(edge["node"]["total"] for edge in citizens[1].ask("Orders", {})["edges"] if edge["node"]["total"])
    theirs = sum(sums["kept_fen"] for sums in kept.values())
    if ours - cash != theirs:
        raise Broken(f"我们的账 {ours - cash} 分，渠道的账 {theirs} 分")
    told = "，".join(
        f"{name}收 {yuan(sums['paid_fen'])} 退 {yuan(sums['refunded_fen'])}" for name, sums in kept.items()
    )
    say(f"渠道自己的账：{told}；合计留 {yuan(theirs)} 元，与我们的账分毫不差（现金 {yuan(cash)} 元另在钱箱）")


def _channels(stack: Stack) -> dict[str, str]:
    return {"微信支付": stack.wechat_pay, "支付宝": stack.alipay}


def _books(citizen: Citizen, *slots: Any) -> Any:
    lines = [
        {"courtId": slot["courtId"], "startsAt": slot["startsAt"], "people": 1, "expectedPrice": slot["price"]}
        for slot in slots
    ]
    return citizen.ask("PlaceOrder", {"idempotencyKey": secrets.token_hex(8), "lines": lines})["order"]


def _refunded(citizen: Citizen, order_no: str) -> int:
    return int(citizen.order(order_no)["refunded"])


def _hour(slot: Any) -> str:
    return f"{datetime.fromisoformat(slot['startsAt']).astimezone(SHANGHAI):%H:%M}"
