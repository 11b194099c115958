"""Those who walk the journey: a citizen with a phone, a clerk at a desk, a gate. Each knows only its own door."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from demo.stack import LOOPBACK, Broken, Stack, post

CLIENTS = Path(__file__).parent.parent / "clients"


@cache
def document_id(client: str, operation: str) -> str:
    """What a client's build puts in place of the document: the SHA-256 of its file."""
    return hashlib.sha256((CLIENTS / client / f"{operation}.graphql").read_bytes()).hexdigest()


def post_graphql(stack: Stack, asked: dict[str, Any], authorization: str = "") -> httpx.Response:
    """One request to the door, and whatever it answers."""
    headers = {"Authorization": authorization} if authorization else {}
    return httpx.post(f"{stack.house}/graphql", json=asked, headers=headers, timeout=20, **LOOPBACK)


def ask(
    stack: Stack, operation: str, variables: dict[str, Any], authorization: str = "", *, client: str = "demo"
) -> Any:
    """One operation of a client, its single root field's value. A refusal is `Broken`."""
    asked = {"documentId": document_id(client, operation), "variables": variables}
    answer = post_graphql(stack, asked, authorization)
    said = answer.json()
    if answer.status_code != 200 or said.get("errors"):
        raise Broken(f"{operation}: {answer.status_code} {answer.text[:500]}")
    value = next(iter(said["data"].values()))
    if isinstance(value, dict) and value.get("userErrors"):
        raise Broken(f"{operation}: {value['userErrors'][0]['message']}")
    return value


def refusal_of(stack: Stack, operation: str, variables: dict[str, Any], authorization: str) -> str:
    """The sentence with which this is refused; `Broken` when it is not."""
    asked = {"documentId": document_id("demo", operation), "variables": variables}
    said = post_graphql(stack, asked, authorization).json()
    if said.get("errors"):
        return str(said["errors"][0]["message"])
    value = next(iter(said["data"].values()))
    if not isinstance(value, dict) or not value.get("userErrors"):
        raise Broken(f"{operation} 应当被拒绝：{said}")
    return str(value["userErrors"][0]["message"])


@dataclass
class Citizen:
    """Somebody with a phone, WeChat on it, and the mini-program open."""

    stack: Stack
    name: str
    phone: str
    device_id: str = field(default_factory=lambda: secrets.token_hex(8))
    openid: str = ""
    member_id: str = ""
    authorization: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def sign_in(self) -> None:
        self.openid = post(f"{self.stack.wechat}/_sandbox/people", {"phone": self.phone})["openid"]
        code = post(f"{self.stack.wechat}/_sandbox/login-codes", {"openid": self.openid})["code"]
        tokens = ask(self.stack, "SignIn", {"code": code, "deviceId": self.device_id})["signIn"]
        self.member_id = tokens["memberId"]
        self.authorization = f"Bearer {tokens['accessToken']}"
        self.asked = tokens["consentsToAsk"]

    def agrees(self) -> str:
        """Reads what they were shown at their sign-in, says yes to each, and gives the titles."""
        for text in self.asked:
            self.ask("GiveConsent", {"purpose": text["purpose"], "version": text["version"]})
        return "".join(f"《{text['title']}》" for text in self.asked)

    def bind_phone(self) -> str:
        code = post(f"{self.stack.wechat}/_sandbox/phone-codes", {"openid": self.openid})["code"]
        return str(self.ask("BindPhone", {"code": code})["me"]["maskedPhone"])

    def ask(self, operation: str, variables: dict[str, Any]) -> Any:
        return ask(self.stack, operation, variables, self.authorization)

    def pay(self, order_no: str) -> None:
        """Presses 立即支付; WeChat checks the parameters' signature, takes the money, and notifies the house."""
        parameters = self.ask("PayOrder", {"orderNo": order_no})["wechatPay"]
        post(f"{self.stack.wechat_pay}/_sandbox/pay", {**parameters, "openid": self.openid})

    def order(self, order_no: str) -> Any:
        return self.ask("Order", {"orderNo": order_no})

    def code_for(self, admission_id: str) -> str:
        """The code on the phone right now: chosen by the server's time and what has elapsed since."""
        return code_of_now(self.ask("AdmissionCodes", {"admissionId": admission_id}))


def code_of_now(given: Any) -> str:
    """Of the codes that a phone was given, the one that it shows now."""
    now = datetime.fromisoformat(given["serverNow"])
    step = timedelta(seconds=given["stepSeconds"])
    for code in given["codes"]:
        starts = datetime.fromisoformat(code["validFrom"])
        if starts <= now < starts + step:
            return str(code["code"])
    raise Broken("no code for this moment")


@dataclass
class Clerk:
    """Somebody at a venue's desk."""

    stack: Stack
    venue_id: str
    authorization: str = ""

    def sign_in(self, username: str, password: str) -> str:
        variables = {"username": username, "password": password, "deviceId": "desk-1"}
        signed_in = ask(self.stack, "StaffSignIn", variables, client="desk")["staffSignIn"]
        self.authorization = f"Staff {signed_in['token']}"
        return str(signed_in["displayName"])

    def scan(self, code: str, *, id_checked: bool = False) -> Any:
        variables = {
            "code": code,
            "venueId": self.venue_id,
            "checkpoint": "前台",
            "nonce": secrets.token_hex(8),
            "idChecked": id_checked,
        }
        return ask(self.stack, "Redeem", variables, self.authorization, client="desk")["verdict"]


@dataclass(frozen=True)
class Gate:
    """A reader at a door. It knows its address, and what it reads."""

    url: str
    device_no: str

    def read(self, code: str) -> str:
        body = f"vgdecoderesult={code}&&devicenumber={self.device_no}&&otherparams="
        return httpx.post(self.url, content=body, timeout=10, **LOOPBACK).text


def until(holds: Callable[[], bool], what: str, seconds: float = 20, *, every: float = 0.1) -> float:
    """Waits until it holds, and tells how long that took."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise Broken(f"did not happen within {seconds:.0f} s: {what}")
        time.sleep(every)
    return time.monotonic() - started
