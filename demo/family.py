"""People: a grandmother without a phone is served at the desk by her ID card, with her grandson as helper; he is the
same person on whatever way he comes in; and an auditor sees who looked at whom."""

import base64
import re
import secrets
import time
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from demo.main_job import Walked, comes_in, say, yuan
from demo.nothing_leaks import search_for
from demo.people import Citizen, Clerk, ask, refusal_of, until
from demo.stack import Broken, Stack, get, post, put

GRANDMOTHER = "王素珍"
ID_NUMBER = "510102194908150006"  # nobody's: serial number 000, with its right check digit
EVERYTHING = ["BOOK", "SEE_ORDERS", "SHOW_CODES", "MESSAGES"]


@dataclass(frozen=True)
class Served:
    """Who was served, and by whom. What is theirs must stand nowhere in the clear."""

    grandson: Citizen
    person_id: str
    clerk: Clerk


def serve(stack: Stack, walked: Walked, *, today: date) -> Served:
    """Raises `Broken` at the first thing that is not as promised."""
    print("\n六、一家人：外婆没有手机，外孙帮着办")
    grandson = comes_in(stack, "外孙小周", "13600000006")
    _is_the_same_by_sms(stack, grandson)
    clerk = _clerk(stack, walked)
    person = _is_registered_by_her_card(stack, clerk)
    _asks_for_his_help(stack, clerk, person, grandson, walked.wang)
    order_no = _he_books_and_pays_for_her(stack, grandson, person, walked, today)
    _nobody_else_sees_it(stack, walked.wang, order_no, person)
    _enters_with_her_card(stack, clerk)
    _auditor_sees_who_looked(stack, person)
    return Served(grandson, str(person["personId"]), clerk)


def _clerk(stack: Stack, walked: Walked) -> Clerk:
    password = f"Demo-{secrets.token_hex(6)}"
    stack.command(
        "staff", "create", "front", "--name", "孙前台", "--venue", walked.venue_id, typed=f"{password}\n"
    )
    clerk = Clerk(stack, walked.venue_id)
    clerk.sign_in("front", password)
    return clerk


def _is_registered_by_her_card(stack: Stack, clerk: Clerk) -> Any:
    """The authority knows her, our house does not yet."""
    put(f"{stack.tencent_cloud}/_sandbox/people", {"name": GRANDMOTHER, "id_number": ID_NUMBER})
    if _found(stack, clerk):
        raise Broken("没有登记过的证件不应查到人")
    asked = {
        "name": GRANDMOTHER,
        "idNumber": ID_NUMBER,
        "consentVersion": _current_text(stack, "REAL_NAME"),
        "venueId": clerk.venue_id,
        "idempotencyKey": secrets.token_hex(8),
    }
    person = ask(stack, "DeskVerifyPerson", asked, clerk.authorization, client="desk")["person"]
    if person["ageBand"] != "ELDER" or GRANDMOTHER in str(person) or ID_NUMBER in str(person):
        raise Broken(f"登记的结果不对：{person}")
    if [concession["kind"] for concession in person["concessions"]] != ["SENIOR"]:
        raise Broken(f"六十岁以上应当有长者优惠：{person}")
    say(
        f"前台读身份证、宣读告知书、核验一致，登记为 {person['maskedName']}，按年龄自动有长者优惠；"
        "号码加密保存，谁也看不到"
    )
    return person


def _asks_for_his_help(stack: Stack, clerk: Clerk, person: Any, grandson: Citizen, other: Citizen) -> None:
    """The code is for whoever has his phone number; in other hands it is nothing."""
    asked = {
        "personId": person["personId"],
        "powers": EVERYTHING,
        "helperPhone": grandson.phone,
        "consentVersion": _current_text(stack, "HELPER"),
        "venueId": clerk.venue_id,
        "idempotencyKey": secrets.token_hex(8),
    }
    invitation, again = [
        ask(stack, "DeskInviteHelper", asked, clerk.authorization, client="desk")["invitation"] for _ in range(2)
    ]
    if again["code"] != invitation["code"]:
        raise Broken("按了两次，出了两个邀请码")
    refused = refusal_of(stack, "AcceptInvitation", {"code": invitation["code"]}, other.authorization)
    accepted = grandson.ask("AcceptInvitation", {"code": invitation["code"]})
    (principal,) = accepted["people"]["principals"]
    if principal["memberId"] != person["personId"] or sorted(principal["powers"]) != sorted(EVERYTHING):
        raise Broken(f"帮办关系不对：{accepted}")
    say(f"外婆同意外孙代办，前台打印邀请码；别人拿到也没有用（“{refused}”），外孙输入后生效")


def _he_books_and_pays_for_her(stack: Stack, grandson: Citizen, person: Any, walked: Walked, today: date) -> str:
    slot = _soonest_slot(grandson, walked, today)
    line = {
        "courtId": slot["courtId"],
        "startsAt": slot["startsAt"],
        "people": 1,
        "expectedPrice": slot["price"],
    }
    her = {"forMember": person["personId"]}
    asked = {"idempotencyKey": secrets.token_hex(8), "lines": [line], **her}
    order = grandson.ask("BookFor", asked)["order"]
    order_no = str(order["orderNo"])
    if order["status"] != "PAID":
        sheet = grandson.ask("PayFor", {"orderNo": order_no, **her})["wechatPay"]
        post(f"{stack.wechat_pay}/_sandbox/pay", {**sheet, "openid": grandson.openid})
    until(lambda: grandson.ask("OrderFor", {"orderNo": order_no, **her})["status"] == "PAID", "代付到账")
    told = grandson.ask("Messages", her)["edges"]
    if not any(edge["node"]["template"] == "ORDER_CONFIRMED" for edge in told):
        raise Broken(f"外婆的消息里没有预订成功：{told}")
    say(
        f"外孙用自己的手机为外婆订场、付款 {yuan(order['total'])} 元；订单和次数算外婆的，消息由外孙代看：{told[0]['node']['title']}"
    )
    return order_no


def _soonest_slot(citizen: Citizen, walked: Walked, today: date) -> Any:
    asked = {"venueId": walked.venue_id, "sport": "BADMINTON", "date": today.isoformat()}
    slots = [
        {**slot, "courtId": court["courtId"]}
        for court in citizen.ask("Slots", asked)
        for slot in court["slots"]
        if slot["status"] == "AVAILABLE"
    ]
    return min(slots, key=lambda slot: str(slot["startsAt"]))


def _nobody_else_sees_it(stack: Stack, other: Citizen, order_no: str, person: Any) -> None:
    asked = {"orderNo": order_no, "forMember": person["personId"]}
    refused = refusal_of(stack, "OrderFor", asked, other.authorization)
    say(f"别的市民拿着她的编号来查：{refused}")


def _enters_with_her_card(stack: Stack, clerk: Clerk) -> None:
    (admission,) = _found(stack, clerk)["admissions"]
    verdict = clerk.scan(admission["printedCode"], id_checked=True)
    if not verdict["passed"]:
        raise Broken(f"外婆没有进去：{verdict['headline']}——{verdict['detail']}")
    say(f"外婆只带身份证到前台：查到今天的预订（{admission['title']}），人证相符，{verdict['headline']}")


def _found(stack: Stack, clerk: Clerk) -> Any:
    asked = {"idNumber": ID_NUMBER, "venueId": clerk.venue_id}
    return ask(stack, "DeskFindPerson", asked, clerk.authorization, client="desk")["person"]


def _is_the_same_by_sms(stack: Stack, grandson: Citizen) -> None:
    """A browser outside WeChat, a code by SMS; the same member. Before he is told anything by SMS: the carrier takes one
    message to a number in 30 seconds."""
    device = {"phone": grandson.phone, "deviceId": secrets.token_hex(8)}
    ask(stack, "RequestSmsCode", device)
    sent = get(f"{stack.tencent_cloud}/_sandbox/messages?phone=%2B86{grandson.phone}")["messages"]
    (code, _minutes) = next(message["values"] for message in sent if message["values"])  # a notice has none
    tokens = ask(stack, "SignInWithPhone", {**device, "code": code})["signIn"]
    if tokens["memberId"] != grandson.member_id:
        raise Broken("短信登录成了另一个人")
    if tokens["consentsToAsk"]:
        raise Broken(f"答过的又问了一遍：{tokens['consentsToAsk']}")
    say("外孙在电脑网页上用短信验证码登录：和小程序里是同一个人，同意过的不再问")


def _whole_chain(said: str) -> int:
    """How many lines hold, of what the command told the auditor."""
    if not (found := re.match(r"(\d+) lines hold", said)):
        raise Broken(f"审计链不完整：{said}")
    return int(found[1])


def _auditor_sees_who_looked(stack: Stack, person: Any) -> None:
    """With a password of their own and a second factor, which the first sign-in demands."""
    said = stack.command("staff", "admins", "--audit", "auditor")
    first = said.splitlines()[0].split("\t")[2]
    auditor = _Auditor(stack)
    auditor.comes_for_the_first_time("auditor", first)
    found = auditor.ask("AuditLines", {"filter": {"subjectId": person["personId"]}})["edges"]
    acts = [edge["node"] for edge in found]
    readings = sum(act["isReading"] for act in acts)
    if not {"deskFindPerson", "deskVerifyPerson", "deskInviteHelper"} <= {act["act"] for act in acts}:
        raise Broken(f"审计记录不全：{acts}")
    say(
        f"审计员（口令加动态码登录）查外婆的记录：{len(acts)} 条，其中 {readings} 条是查看个人信息，何人、何时、何地、结果都在"
    )
    lines = _whole_chain(stack.command("audit", "verify"))
    say(f"审计链校验：{lines} 条一环扣一环，少一条、改一条都会露出来")


def nothing_lies_open(stack: Stack, served: Served, *others: Citizen) -> None:
    """Neither what the whole stack has logged nor any file that it keeps names one of those who walked here."""
    print("\n十二、系统自己的日志和数据文件")
    said = stack.log.read_text()
    requests = said.count("/graphql")
    if requests < 10:
        raise Broken(f"系统日志里只有 {requests} 次请求，不足以检查")
    citizens = (*others, served.grandson)
    for citizen in citizens:
        token = citizen.authorization.removeprefix("Bearer ")
        for what, secret in (("openid", citizen.openid), ("登录令牌", token)):
            if secret in said:
                raise Broken(f"系统日志里出现了{citizen.name}的{what}")
    texts = {f"{citizen.name}的手机号": citizen.phone for citizen in citizens}
    leaks = search_for({**texts, "外婆的姓名": GRANDMOTHER, "外婆的证件号": ID_NUMBER}, stack.folder)
    if leaks:
        raise Broken(f"明文泄露：{'；'.join(map(str, leaks))}")
    files = [file for file in stack.folder.rglob("*") if file.is_file() and "sandbox" not in file.parts]
    say(
        f"日志 {len(said.splitlines())} 行、数据文件 {len(files)} 个，逐字节找过：没有手机号、姓名、证件号；"
        "日志里也没有 openid 和登录令牌"
    )


@dataclass
class _Auditor:
    stack: Stack
    authorization: str = ""

    def comes_for_the_first_time(self, username: str, password: str) -> None:
        signed_in = self.ask("StaffSignIn", {"username": username, "password": password, "deviceId": "audit-1"})[
            "staffSignIn"
        ]
        self.authorization = f"Staff {signed_in['token']}"
        changed = self.ask("ChangeStaffPassword", {"old": password, "new": f"Audit-{secrets.token_hex(8)}"})
        self._goes_on(changed)
        uri = self.ask("SetUpSecondFactor", {})["setUp"]["uri"]
        self._goes_on(self.ask("ConfirmSetUp", {"code": self._code(uri)}))

    def ask(self, operation: str, variables: dict[str, Any]) -> Any:
        return ask(self.stack, operation, variables, self.authorization, client="desk")

    def _goes_on(self, answer: Any) -> None:
        self.authorization = f"Staff {answer['staffSignIn']['token']}"

    def _code(self, uri: str) -> str:
        """What an authenticator on a phone shows, by the house's clock."""
        secret = parse_qs(urlsplit(uri).query)["secret"][0]
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        now = time.time() + int(self.stack.environment["CLOCK_AHEAD_SECONDS"])
        return TOTP(key, 6, SHA1(), 30).generate(int(now)).decode()  # noqa: S303 - RFC 6238's own


def _current_text(stack: Stack, purpose: str) -> str:
    texts = ask(stack, "ConsentTexts", {})
    return str(next(text["version"] for text in texts if text["purpose"] == purpose))
