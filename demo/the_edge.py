"""The door through which all of it goes: whose documents it knows, what it keeps, what it refuses, whom it tells what."""

import re

import httpx

from demo.main_job import LIBERATION_MONUMENT, Walked, say
from demo.people import CLIENTS, Citizen, ask, document_id, post_graphql, until
from demo.stack import Broken, Stack

AGAIN = 50  # how often the same public question is asked
QUICK = 'graphql_operation_seconds_bucket{kind="query",le="0.001",operation="VenuesNearLive"}'
CHECKING = "graphql_document_check_cpu_seconds_sum"
MOST_CHECKING_MS = 50
LIVE_SECONDS = 2.0  # promised is one; the other is for this machine

_DOUBLING = "".join(f"fragment F{n} on Query{{...F{n + 1} ...{{...F{n + 1}}}}}" for n in range(25))
_SIGN_INS = "".join(f'a{n}:signInWithMiniProgram(code:"x"){{__typename}}' for n in range(80))
_GRIDS = "".join(f'a{n}:slots(venueId:"x",date:"2026-01-01"){{slots{{startsAt price}}}}' for n in range(15))
HOSTILE = (  # what it is, its text, and what the refusal has to be about
    (
        "片段套片段，展开后有六千多万个字段",
        f"{{...F0}}{_DOUBLING}fragment F25 on Query{{sports{{code}}}}",
        "operation costs",
    ),
    ("一次请求里塞八十次登录", f"mutation{{{_SIGN_INS}}}", "80 aliases"),
    ("一次索要十五张全天的场次表", f"{{{_GRIDS}}}", "operation costs"),
)


def show(stack: Stack, walked: Walked) -> None:
    """Raises `Broken` at the first thing that is not as promised."""
    print("\n四、所有请求走的那扇门")
    _documents_are_known_by_their_hash(stack)
    _what_is_kept_is_live(stack, walked)
    for what, document, why in HOSTILE:
        _is_refused_before_it_runs(stack, what, document, why)
    _says_what_is_left(stack, walked.chen)
    _an_order_number_opens_nothing(stack, walked)


def _documents_are_known_by_their_hash(stack: Stack) -> None:
    known = document_id("demo", "VenuesNear")
    length = (CLIENTS / "demo" / "VenuesNear.graphql").stat().st_size
    if not ask(stack, "VenuesNear", {"point": LIBERATION_MONUMENT, "radiusM": 20000, "first": 1})["edges"]:
        raise Broken("凭指纹没有查到场馆")
    say(f"小程序不发查询原文（例如“附近场馆”有 {length} 个字符），只发它的指纹 {known[:8]}…，系统认得")
    unknown = post_graphql(stack, {"documentId": known[::-1]})
    if unknown.status_code != 404 or "data" in unknown.json():
        raise Broken(f"不认识的指纹得到了回答：{unknown.text[:200]}")
    say(f"换一个不认识的指纹：“{_sentence(unknown)}”")


def _what_is_kept_is_live(stack: Stack, walked: Walked) -> None:
    """The same question over and over, and in between one more person goes through the gate."""
    _answers_quickly_what_it_has_answered(stack, walked)
    companion = walked.chen.order(walked.order_no)["admissions"][1]
    read = walked.gate.read(walked.chen.code_for(companion["id"]))
    if not read.startswith("code=0000"):
        raise Broken(f"闸机没有为同伴开门：{read}")
    seconds = until(lambda: _venues_and_inside(stack, walked)[1] == 2, "在场人数跟上", LIVE_SECONDS)
    say(
        f"陈女士的同伴此时进了闸机，{seconds:.1f} 秒后回答里的在场人数就从 1 变成 2：留着的回答里，人数最多是一秒前读的"
    )


def _answers_quickly_what_it_has_answered(stack: Stack, walked: Walked) -> None:
    """By the house's own figures. Without what it keeps, none of these takes it less than a millisecond."""
    venues, _ = _venues_and_inside(stack, walked)
    before = _figure(stack, QUICK)
    if any(_venues_and_inside(stack, walked) != (venues, 1) for _ in range(AGAIN)):
        raise Broken("同一个公开问题得到了不同的回答")
    quick = int(_figure(stack, QUICK) - before)
    if quick < AGAIN // 2:
        raise Broken(f"同一个公开问题问了 {AGAIN} 遍，只有 {quick} 遍用时不到 1 毫秒：答过的没有留着")
    question = f"“附近 {len(venues)} 家场馆和在场人数”"
    say(f"{question}连问 {AGAIN} 遍，回答都一样；{quick} 遍系统用时不到 1 毫秒，因为答过的留着")


def _venues_and_inside(stack: Stack, walked: Walked) -> tuple[list[tuple[str, int]], int]:
    """The names and distances of those nearby, and how many are inside the one that was walked to."""
    asked = {"point": LIBERATION_MONUMENT, "radiusM": 100000, "first": 50, "coordinateSystem": "GCJ02"}
    edges = ask(stack, "VenuesNearLive", asked, client="bench")["edges"]
    inside = next(edge["node"]["occupancy"]["inside"] for edge in edges if edge["node"]["id"] == walked.venue_id)
    return [(edge["node"]["name"], edge["distanceM"]) for edge in edges], inside


def _is_refused_before_it_runs(stack: Stack, what: str, document: str, why: str) -> None:
    """Its CPU time is the house's own figure, so that a busy machine makes no difference."""
    before = _figure(stack, CHECKING)
    said = post_graphql(stack, {"query": document})
    took_ms = (_figure(stack, CHECKING) - before) * 1000
    if "data" in said.json() or why not in said.json()["errors"][0]["message"]:
        raise Broken(f"{what}，没有因此被拒绝：{said.text[:300]}")
    if took_ms > MOST_CHECKING_MS:
        raise Broken(f"{what}：看出它太大用了 {took_ms:.0f} 毫秒，应不超过 {MOST_CHECKING_MS} 毫秒")
    say(
        f"恶意请求——{what}（原文仅 {len(document)} 个字符）：请求太大，没有运行；看出这一点用了 {took_ms:.1f} 毫秒"
    )


def _says_what_is_left(stack: Stack, citizen: Citizen) -> None:
    asked = {"documentId": document_id("demo", "Order"), "variables": {"orderNo": "O"}}
    headers = post_graphql(stack, asked, citizen.authorization).headers
    policy = re.fullmatch(r'"reading-(?:device|member)";q=(\d+);w=60', headers.get("ratelimit-policy", ""))
    left = re.search(r";r=(\d+)", headers.get("ratelimit", ""))
    if policy is None or left is None or not 0 < int(left[1]) < int(policy[1]):
        raise Broken(f"回答没有说明还可以查询几次：{headers}")
    say(f"每个回答都写明余量：陈女士每分钟可查询 {policy[1]} 次，眼下还剩 {left[1]} 次")


def _an_order_number_opens_nothing(stack: Stack, walked: Walked) -> None:
    """To know somebody's order number is not to be them."""
    order_no = {"orderNo": walked.order_no}
    looked = {"documentId": document_id("demo", "Order"), "variables": order_no}
    stranger = post_graphql(stack, looked)
    said = stranger.json()
    if said["data"]["order"] is not None or said["errors"][0]["extensions"]["code"] != "NOT_SIGNED_IN":
        raise Broken(f"没有登录的人查到了订单：{stranger.text[:300]}")
    if walked.wang.order(walked.order_no) is not None:
        raise Broken("王先生查到了陈女士的订单")
    asked = {"documentId": document_id("demo", "CancelOrder"), "variables": order_no}
    refused = post_graphql(stack, asked, walked.wang.authorization).json()["data"]["cancelOrder"]
    if refused["order"] is not None or walked.chen.order(walked.order_no)["status"] != "PAID":
        raise Broken("王先生动了陈女士的订单")
    say(f"没有登录的人拿陈女士的单号来查：“{_sentence(stranger)}”")
    say(f"王先生登录后拿它来查：什么也没有；来取消：“{refused['userErrors'][0]['message']}”")


def _sentence(answer: httpx.Response) -> str:
    """What a person reads; the words for developers stand behind it in brackets."""
    message: str = answer.json()["errors"][0]["message"]
    return message.partition("（")[0]


def _figure(stack: Stack, name: str) -> float:
    """One of those that the house tells its operators."""
    told = httpx.get(f"{stack.house}/metrics", timeout=10, trust_env=False).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", told, re.MULTILINE)
    if found is None:
        raise Broken(f"/metrics 里没有 {name}")
    return float(found[1])
