"""The main job: sign in, find, book, pay, enter, forward, on both sides of the border."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from demo.people import Citizen, Clerk, Gate, ask, until
from demo.stack import Broken, Stack, get, put
from models.calendar import day_text

SHANGHAI = ZoneInfo("Asia/Shanghai")
LIBERATION_MONUMENT = {"lon": 106.577, "lat": 29.557, "system": "GCJ02"}  # 解放碑
GAOXIN = {"lon": 104.0665, "lat": 30.595, "system": "GCJ02"}  # 成都高新区
EVERYTHING = 5  # what the platform is told: two orders, two redemptions, one gate scan


@dataclass(frozen=True)
class Walked:
    """Who walked, and what is left of it: an order for two of whom one is inside, and the gate that let them in."""

    chen: Citizen
    wang: Citizen
    order_no: str
    venue_id: str
    gate: Gate


def walk(stack: Stack, *, today: date) -> Walked:
    """Both journeys and the platform's books. Raises `Broken` at the first thing that is not as promised."""
    put(f"{stack.wechat_pay}/_sandbox/faults", {"doubled_notices": True})
    chen, paid, venue, gate = _chengdu_citizen_in_chongqing(stack, today)
    wang, free = _chongqing_citizen_in_chengdu(stack, today)
    _platform_holds_everything_once(stack, paid, free)
    return Walked(chen, wang, paid, venue["id"], gate)


def _chengdu_citizen_in_chongqing(stack: Stack, today: date) -> tuple[Citizen, str, Any, Gate]:
    print("一、成都市民陈女士在重庆打球")
    citizen = comes_in(stack, "陈女士", "13800000001")
    venue = _finds(citizen, LIBERATION_MONUMENT, "BADMINTON", "解放碑")
    gate = _gate_of(stack, venue, "CQ-GATE-1")
    court, slot = _chooses(citizen, venue, "BADMINTON", today, free=False)
    order = _books(citizen, court, slot, people=2)
    citizen.pay(order["orderNo"])
    seconds = until(lambda: citizen.order(order["orderNo"])["status"] == "PAID", "支付通知到账")
    settled = citizen.order(order["orderNo"])
    if settled["paid"] != order["total"]:
        raise Broken("实付金额与订单金额不符")
    say(f"微信支付 {yuan(settled['paid'])} 元，{took(seconds)}后到账；通知特意发了两遍，只记一次账")
    _goes_through_the_gate(citizen, gate, settled["admissions"][0])
    inside = ask(stack, "VenueOccupancy", {"id": venue["id"]})["occupancy"]
    if inside["inside"] != 1:
        raise Broken("在场人数不是 1")
    age = f"{inside['ageSeconds']} 秒前" if inside["ageSeconds"] else "刚刚"
    say(f"场馆在场人数：{inside['inside']}（{age}）")
    return citizen, str(order["orderNo"]), venue, gate


def _chongqing_citizen_in_chengdu(stack: Stack, today: date) -> tuple[Citizen, str]:
    print("\n二、重庆市民王先生在成都打球")
    citizen = comes_in(stack, "王先生", "13900000002")
    venue = _finds(citizen, GAOXIN, "BADMINTON", "成都高新区", name="成都高新体育中心")
    court, slot = _chooses(citizen, venue, "BADMINTON", today, free=True)
    order = _books(citizen, court, slot, people=1)
    if order["status"] != "PAID":
        raise Broken("免费时段应当无需支付")
    say("免费时段无需支付，直接出码")
    _is_let_in_at_the_desk(stack, citizen, venue, order["admissions"][0])
    return citizen, str(order["orderNo"])


def comes_in(stack: Stack, name: str, phone: str) -> Citizen:
    citizen = Citizen(stack, name, phone)
    citizen.sign_in()
    agreed = citizen.agrees()
    if "用户服务协议" not in agreed or "消息通知" not in agreed:
        raise Broken(f"第一次登录应当征求同意：{agreed}")
    say(f"{name}从小程序登录，阅读并同意{agreed}，绑定手机号 {citizen.bind_phone()}")
    return citizen


def _finds(citizen: Citizen, point: dict[str, Any], sport: str, place: str, *, name: str = "") -> Any:
    """The nearest venue, or the one of that name."""
    found = citizen.ask("VenuesNear", {"point": point, "radiusM": 20000, "sport": sport, "first": 20})["edges"]
    edges = [edge for edge in found if name in edge["node"]["name"]]
    if not edges:
        raise Broken(f"{place}附近没有找到场馆")
    venue = edges[0]["node"]
    say(
        f"在{place}附近找到 {len(found)} 家能打羽毛球的场馆，选择{venue['name']}"
        f"（{venue['regionName']}，{edges[0]['distanceM'] / 1000:.1f} 公里，位置为区县中心示意）"
    )
    return venue


def _chooses(citizen: Citizen, venue: Any, sport: str, today: date, *, free: bool) -> tuple[Any, Any]:
    """The first slot of today that is still to be had, at a price or free."""
    grid = citizen.ask("Slots", {"venueId": venue["id"], "sport": sport, "date": today.isoformat()})
    slots = [(court, slot) for court in grid for slot in court["slots"]]
    wanted = [
        (slot["startsAt"], number)
        for number, (_, slot) in enumerate(slots)
        if slot["status"] == "AVAILABLE" and (slot["price"] == 0) == free
    ]
    if not wanted:
        raise Broken(f"{venue['name']}今天没有{'免费' if free else '收费'}的空场")
    court, slot = slots[min(wanted)[1]]
    starts = datetime.fromisoformat(slot["startsAt"]).astimezone(SHANGHAI)
    made_up = "，演示价格" if slot["priceIsDemonstration"] else ""
    say(
        f"今天共 {len(slots)} 个时段，选 {court['courtName']} {day_text(starts.date())} {starts:%H:%M}"
        f"（{slot['priceLabel']} {yuan(slot['price'])} 元{made_up}）"
    )
    return court, slot


def _books(citizen: Citizen, court: Any, slot: Any, *, people: int) -> Any:
    line = {
        "courtId": court["courtId"],
        "startsAt": slot["startsAt"],
        "people": people,
        "expectedPrice": slot["price"],
    }
    variables = {"idempotencyKey": secrets.token_hex(8), "lines": [line]}
    order = citizen.ask("PlaceOrder", variables)["order"]
    again = citizen.ask("PlaceOrder", variables)["order"]
    if again["orderNo"] != order["orderNo"]:
        raise Broken("同一个幂等键下出了两张订单")
    say(f"下单 {order['orderNo']}，{people} 人，{yuan(order['total'])} 元；重复提交仍是同一张订单")
    return order


def _gate_of(stack: Stack, venue: Any, device_no: str) -> Gate:
    said = stack.command("gates", "create", device_no, "--venue", venue["id"], "--direction", "ENTRY")
    path = re.search(r"/gates/[\w-]+", said)
    if path is None:
        raise Broken("登记闸机没有给出地址")
    return Gate(f"{stack.house}{path[0]}", device_no)


def _goes_through_the_gate(citizen: Citizen, gate: Gate, admission: Any) -> None:
    code = citizen.code_for(admission["id"])
    first = gate.read(code)
    if not first.startswith("code=0000"):
        raise Broken(f"闸机没有开：{first}")
    say(f"闸机读码 {code[:4]}…{code[-2:]}，开门（回给闸机的应答是 {first}）")
    if gate.read(code) != first:
        raise Broken("3 秒内同一个码应得到同样的回答")
    say("读码器连读两次算一次，只计一人")


def _is_let_in_at_the_desk(stack: Stack, citizen: Citizen, venue: Any, admission: Any) -> None:
    password = f"Demo-{secrets.token_hex(6)}"
    stack.command("staff", "create", "clerk", "--name", "李师傅", "--venue", venue["id"], typed=f"{password}\n")
    clerk = Clerk(stack, venue["id"])
    name = clerk.sign_in("clerk", password)
    first = clerk.scan(citizen.code_for(admission["id"]))
    if not first["passed"]:
        raise Broken(f"前台没有放行：{first['headline']}")
    second = clerk.scan(citizen.code_for(admission["id"]))
    if second["passed"]:
        raise Broken("同一个码放行了两次")
    say(f"前台{name}扫码：{first['headline']}；再扫一次：{second['headline']}——{second['detail']}")


def _platform_holds_everything_once(stack: Stack, paid: str, free: str) -> None:
    print("\n三、政府平台自己的账")
    rows: list[Any] = []

    def all_there() -> bool:
        rows[:] = get(f"{stack.platform}/_sandbox/store")["rows"]
        kinds = [row["kind"] for row in rows]
        return kinds.count("orders") >= 2 and kinds.count("redemptions") >= 2 and kinds.count("gate-scans") >= 1

    seconds = until(all_there, "订单、核销和刷闸记录到达政府平台", 30)
    for number, kind, what in (
        (paid, "orders", "陈女士的订单"),
        (paid, "redemptions", "陈女士的核销"),
        (free, "orders", "王先生的订单"),
        (free, "redemptions", "王先生的核销"),
    ):
        _once(what, (row for row in rows if row["kind"] == kind and row["payload"].get("orderNo") == number))
    _once("陈女士的刷闸记录", (row for row in rows if row["kind"] == "gate-scans"))
    if len(rows) != EVERYTHING:
        raise Broken(f"政府平台共有 {len(rows)} 条，应为 {EVERYTHING} 条")
    say(f"最后一条在 {seconds:.1f} 秒内送达；平台库中共 {len(rows)} 条，没有多，也没有少")


def _once(what: str, rows: Iterable[Any]) -> None:
    found = list(rows)
    if len(found) != 1:
        raise Broken(f"政府平台有 {len(found)} 条{what}，应为 1 条")
    say(f"{what}：1 条，回执 {found[0]['receiptNo']}")


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def took(seconds: float) -> str:
    return f"{seconds:.1f} 秒" if seconds >= 0.1 else "不到 0.1 秒"


def say(sentence: str) -> None:
    print(f"  · {sentence}", flush=True)
