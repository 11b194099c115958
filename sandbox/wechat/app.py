"""WeChat's part of the sandbox: the wire of sign-in and of messages, and the controls that act in people's place."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from sandbox.clock import Clock
from sandbox.faults import Faults, switch
from sandbox.keys import load_secrets
from sandbox.service import Service, control_routes
from sandbox.store import Row, Store
from sandbox.wechat import authorize_page, codes, messages, official, risk, tokens
from sandbox.wechat.controls import Controls
from sandbox.wechat.wire import Wire

PARTS = (codes, tokens, official, messages, risk)
OWN_FAULTS = {
    "busy": switch,  # errcode -1: WeChat asks to come again later
    "rate_limited": switch,  # errcode 45011 before a code is looked at, so it stays unused
}


def create_app(folder: Path) -> Starlette:
    known = load_secrets(folder)
    store = Store(folder / "wechat.sqlite3", "".join(part.TABLES for part in PARTS))
    clock = Clock(store)
    service = Service("wechat", "微信登录、手机号与消息", store, clock, Faults(store, OWN_FAULTS))
    wire = Wire(service, tokens.apps(known), known.mini_program_appid, known.official_account_appid)

    def contents() -> Row:
        return {name: shown for part in PARTS for name, shown in part.contents(store).items()}

    return Starlette(
        routes=[
            *wire.routes(),
            *authorize_page.routes(store, clock, wire.official_account),
            *control_routes(service, lambda _: contents()),
            *Controls(store, clock).routes(),
        ]
    )
