"""Plans that change: a booking moved across the border, and a court that is closed."""

import secrets
from datetime import date, timedelta
from typing import Any

from demo.main_job import GAOXIN, Walked, say, took, yuan
from demo.people import Citizen, refusal_of, until
from demo.programme import AtWork
from demo.stack import Broken, Stack, get

SPORT = "BADMINTON"
CLOSED_IN_DAYS = 2
WHY = "更换灯具"


def change_plans(stack: Stack, walked: Walked, li: Citizen, manager: AtWork, *, today: date) -> None:
    """Raises `Broken` at the first thing that is not as promised. `manager`: of the venue where they walked."""
    print("\n八、计划变了：跨省改期、场地停用")
    _moves_across_the_border(stack, walked, today)
    _is_closed_and_everybody_chooses(walked, li, manager, today + timedelta(days=CLOSED_IN_DAYS))


def _moves_across_the_border(stack: Stack, walked: Walked, today: date) -> None:
    """He had booked in Chengdu, and stays at home in Chongqing."""
    wang = walked.wang
    found = wang.ask("VenuesNear", {"point": GAOXIN, "radiusM": 20000, "sport": SPORT, "first": 20})["edges"]
    there = next(edge["node"] for edge in found if edge["node"]["name"] == "成都高新体育中心")
    cheap = max(_for_sale(wang, there["id"], today), key=lambda slot: (-slot["price"], slot["startsAt"]))
    old = _books_and_pays(wang, cheap)
    slot = _for_sale(wang, walked.venue_id, today)[-1]
    to = _line(slot)
    asked = {"orderNo": old["orderNo"], "lineNo": 1, "to": to}
    quote = wang.ask("MoveQuote", asked)
    if quote["difference"] != quote["price"] - quote["refund"] or quote["price"] != slot["price"]:
        raise Broken(f"改期的报价不对：{quote}")
    say(
        f"{wang.name}订了{there['name']} {yuan(old['total'])} 元，来不了成都：改到重庆要付 {yuan(quote['price'])} 元，"
        f"原来的退 {yuan(quote['refund'])} 元（{quote['explanation'].rstrip('。')}），差额 {quote['difference'] / 100:+.2f} 元"
    )
    move = {**asked, "expectedRefund": quote["refund"], "idempotencyKey": secrets.token_hex(8)}
    new, again = (wang.ask("MoveBooking", move)["order"] for _ in range(2))
    if new["orderNo"] != again["orderNo"] or wang.order(old["orderNo"])["status"] != "PAID":
        raise Broken(f"付款之前原来的预订应当还在，重复提交应当是同一张新订单：{new}，{again}")
    wang.pay(new["orderNo"])
    seconds = until(lambda: int(wang.order(old["orderNo"])["refunded"]) == quote["refund"], "改期的退款到账")
    if wang.order(new["orderNo"])["status"] != "PAID" or wang.order(old["orderNo"])["status"] != "CLOSED":
        raise Broken("改期以后应当只剩重庆的预订")
    heard = _provinces(stack, old["orderNo"]), _provinces(stack, new["orderNo"])
    if heard != ({("510000", "PAID"), ("510000", "CANCELLED")}, {("500000", "PAID")}):
        raise Broken(f"两边的平台听到的不对：{heard}")
    say(
        f"新订单付款的同一刻，成都的场地才放开：{took(seconds)}后原款退回（{quote['wayBack'].rstrip('。')}）；四川的平台收到取消，重庆的收到新订单"
    )


def _provinces(stack: Stack, order_no: str) -> set[tuple[str, str]]:
    """Which side heard what of an order, once the last of it has arrived."""
    heard: set[tuple[str, str]] = set()

    def arrived() -> bool:
        rows = [
            row["payload"] for row in get(f"{stack.platform}/_sandbox/store")["rows"] if row["kind"] == "orders"
        ]
        mine = [row for row in rows if row["orderNo"] == order_no]
        heard.update((row["provinceId"], row["state"]) for row in mine)
        return bool(mine)

    until(arrived, "两边的平台收到改期", 30)
    return heard


def _is_closed_and_everybody_chooses(walked: Walked, li: Citizen, manager: AtWork, day: date) -> None:
    chen = walked.chen
    evening = _for_sale(chen, walked.venue_id, day)
    last = evening[-1]
    court = [slot for slot in evening if slot["courtId"] == last["courtId"]]
    orders = [_books_and_pays(who, slot) for who, slot in ((chen, court[-2]), (li, court[-1]))]
    closure = {
        "venueId": walked.venue_id,
        "courtId": last["courtId"],
        "startsAt": court[-2]["startsAt"],
        "endsAt": last["endsAt"],
        "kind": "MAINTENANCE",
        "reason": WHY,
    }
    seen = manager.ask("PreviewClosure", closure=closure)
    if (seen["orders"], seen["refund"], seen["keepsNotice"]) != (2, sum(each["total"] for each in orders), False):
        raise Broken(f"停用前的预览不对：{seen}")
    say(
        f"{last['courtName']}后天晚上要{WHY}。馆长先看影响：{seen['orders']} 张订单、应退 {yuan(seen['refund'])} 元；{seen['notice']}"
    )
    manager.ask("AnnounceClosure", idempotencyKey=secrets.token_hex(8), closure=closure)
    seconds = until(lambda: all("CLOSURE_OFFER" in _told(who) for who in (chen, li)), "两位市民收到停用通知", 30)
    refused = refusal_of(walked.wang.stack, "PlaceOrder", _order(last), walked.wang.authorization)
    if WHY not in refused:
        raise Broken(f"停用的场地应当说明原因：{refused}")
    say(f"公布后 {seconds:.1f} 秒，两人都收到通知；别人再订：“{refused}”")
    free = next(slot for slot in reversed(evening) if slot["courtId"] != last["courtId"])
    asked = {"orderNo": orders[0]["orderNo"], "lineNo": 1, "to": _line(free)}
    quote = chen.ask("MoveQuote", asked)
    moved = chen.ask("MoveBooking", {**asked, "idempotencyKey": secrets.token_hex(8)})["order"]
    chen.pay(moved["orderNo"])
    li.ask("TakeClosureRefund", {"orderNo": orders[1]["orderNo"]})
    for who, order in zip((chen, li), orders, strict=True):
        number, total = order["orderNo"], order["total"]
        until(lambda who=who, number=number, total=total: who.order(number)["refunded"] == total, "全额退款到账")  # type: ignore[misc]
    if quote["kept"] or chen.order(moved["orderNo"])["status"] != "PAID":
        raise Broken(f"因停用改期不应当收费：{quote}")
    say(f"{chen.name}改到{free['courtName']}，{li.name}选择退款：两张旧订单都全额退回，一分不扣")


def _told(citizen: Citizen) -> list[str]:
    edges = citizen.ask("Messages", {"first": 20})["edges"]
    return [edge["node"]["template"] for edge in edges]


def _for_sale(citizen: Citizen, venue_id: str, day: date) -> list[Any]:
    """Slots with a price that are still to be had, by court and then by time."""
    grid = citizen.ask("Slots", {"venueId": venue_id, "sport": SPORT, "date": day.isoformat()})
    return [
        {**slot, "courtId": court["courtId"], "courtName": court["courtName"]}
        for court in grid
        for slot in court["slots"]
        if slot["status"] == "AVAILABLE" and slot["price"]
    ]


def _books_and_pays(citizen: Citizen, slot: Any) -> Any:
    order = citizen.ask("PlaceOrder", _order(slot))["order"]
    citizen.pay(order["orderNo"])
    until(lambda: bool(citizen.order(order["orderNo"])["status"] == "PAID"), "支付通知到账")
    return order


def _order(slot: Any) -> dict[str, Any]:
    return {"idempotencyKey": secrets.token_hex(8), "lines": [_line(slot)]}


def _line(slot: Any) -> dict[str, Any]:
    return {
        "courtId": slot["courtId"],
        "startsAt": slot["startsAt"],
        "people": 1,
        "expectedPrice": slot["price"],
    }
