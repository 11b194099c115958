"""What a sandbox process acknowledged survives kill -9; its keys are made once; its controls refuse nonsense."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sandbox.keys import Secrets, make_keys
from tests.sandbox.conftest import NoticeDoor, Process, client, store_of, switch_on
from tests.sandbox.merchant import Merchant
from tests.sandbox.test_government_platform import Sender, row

Start = Callable[[str], Process]


@pytest.mark.stack
async def test_a_killed_wechat_pay_still_has_its_books_and_delivers_what_was_pending(
    folder: Path, process: Start, notice_door: NoticeDoor
) -> None:
    wechat_pay = process("wechat-pay")
    async with client(wechat_pay.url) as http:
        merchant = Merchant(folder, http, notice_door.url)
        await switch_on(http, late_notices=600)
        order = await merchant.paid()
        refund = merchant.refund(order, 1000)
        await merchant.ask_refund(refund)
        before = await store_of(http)
    wechat_pay.kill()
    assert notice_door.notices == []

    wechat_pay.start()
    async with client(wechat_pay.url) as http:
        merchant = Merchant(folder, http, notice_door.url)
        await merchant.move_clock(601)
        notices = await notice_door.wait_for(2)
        kinds = {merchant.open(notice)[0]["event_type"] for notice in notices}
        assert kinds == {"TRANSACTION.SUCCESS", "REFUND.SUCCESS"}
        after = await store_of(http)
        assert after["payments"] == before["payments"]
        assert after["sums"]["refunded_fen"] == 1000
        assert (await merchant.query_refund(refund["out_refund_no"])).json()["status"] == "SUCCESS"
        assert (await http.get("/_sandbox/faults")).json() == {"late_notices": 600}


@pytest.mark.stack
async def test_a_platform_killed_among_deliveries_holds_every_row_it_acknowledged_exactly_once(
    known: Secrets, process: Start
) -> None:
    platform = process("government-platform")
    acknowledged = []
    async with client(platform.url) as http:
        sender = Sender(http, known)
        for number in range(40):
            if number == 20:
                platform.kill()
                platform.start()
            [receipt] = await sender.send("gate-scans", row(f"k{number}"))
            acknowledged.append(receipt["receiptNo"])
        platform.kill()
        platform.start()
        kept = (await store_of(http))["rows"]
    assert [each["receiptNo"] for each in kept] == acknowledged


@pytest.mark.stack
async def test_a_killed_wechat_still_knows_people_and_used_codes(known: Secrets, process: Start) -> None:
    wechat = process("wechat")
    query = {
        "appid": known.mini_program_appid,
        "secret": known.mini_program_secret,
        "grant_type": "authorization_code",
    }
    async with client(wechat.url) as http:
        openid = (await http.post("/_sandbox/people", json={})).json()["openid"]
        used, unused = [
            (await http.post("/_sandbox/login-codes", json={"openid": openid})).json()["code"] for _ in range(2)
        ]
        await http.get("/sns/jscode2session", params=query | {"js_code": used})
        wechat.kill()
        wechat.start()
        refused = (await http.get("/sns/jscode2session", params=query | {"js_code": used})).json()
        signed_in = (await http.get("/sns/jscode2session", params=query | {"js_code": unused})).json()
    assert refused["errcode"] == 40163
    assert signed_in["openid"] == openid


@pytest.mark.stack
def test_sigterm_ends_a_process_at_once(process: Start) -> None:
    wechat_pay = process("wechat-pay")
    assert wechat_pay.running is not None
    wechat_pay.running.terminate()
    wechat_pay.running.wait(5)


def test_the_keys_command_repeated_changes_nothing(folder: Path) -> None:
    def everything() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    make_keys(folder)
    before = everything()
    command = [sys.executable, "-m", "sandbox", "keys", "--dir", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(folder / "product.env")
    assert everything() == before


def test_several_processes_may_make_the_keys_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as at_once:
        list(at_once.map(lambda _: make_keys(tmp_path / "keys"), range(3)))
    made = {path.name for path in (tmp_path / "keys").rglob("*.pem")}
    assert len(made) == 14
    assert not list((tmp_path / "keys").rglob("*.new"))


def test_product_env_has_the_products_half_and_its_files_exist(folder: Path) -> None:
    make_keys(folder)
    env = dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines())
    assert set(env) == {
        "WECHAT_MINI_PROGRAM_APPID",
        "WECHAT_MINI_PROGRAM_SECRET",
        "WECHAT_OFFICIAL_ACCOUNT_APPID",
        "WECHAT_OFFICIAL_ACCOUNT_SECRET",
        "WECHAT_SUBSCRIBE_TEMPLATES",
        "WECHAT_OFFICIAL_ACCOUNT_TEMPLATES",
        "WECHAT_PAY_MCHID",
        "WECHAT_PAY_MERCHANT_SERIAL",
        "WECHAT_PAY_MERCHANT_KEY_FILE",
        "WECHAT_PAY_APIV3_KEY",
        "WECHAT_PAY_PUBLIC_KEY_ID",
        "WECHAT_PAY_PUBLIC_KEY_FILE",
        "ALIPAY_APP_ID",
        "ALIPAY_SELLER_ID",
        "ALIPAY_APP_KEY_FILE",
        "ALIPAY_PUBLIC_KEY_FILE",
        "TENCENT_CLOUD_SECRET_ID",
        "TENCENT_CLOUD_SECRET_KEY",
        "SMS_APP_ID",
        "SMS_SIGN_NAME",
        "SMS_TEMPLATE_CODE",
        "SMS_TEMPLATE_NOTICE",
        "GOVERNMENT_PLATFORM_APP_ID",
        "GOVERNMENT_PLATFORM_SECRET",
    }
    for name in (name for name in env if name.endswith("_FILE")):
        assert Path(env[name]).is_absolute()
        assert Path(env[name]).read_bytes().startswith(b"-----BEGIN")
    assert len(env["WECHAT_PAY_APIV3_KEY"]) == 32
    assert len(env["WECHAT_PAY_MERCHANT_SERIAL"]) == 40
    assert (folder / "product.env").stat().st_mode & 0o077 == 0


async def test_controls_refuse_unknown_faults_and_absurd_clocks_and_keep_what_was_on(
    platform: httpx.AsyncClient,
) -> None:
    await switch_on(platform, slow=0.01)
    wrong: list[object] = [{"lost_notices": True}, {"slow": -1}, {"slow": "long"}, {"http_500": 1}, [], None]
    for faults in wrong:
        assert (await platform.put("/_sandbox/faults", json=faults)).status_code == 400, faults
    for offset in (None, "1", 1e18):
        answer = await platform.put("/_sandbox/clock", json={"offset_seconds": offset})
        assert answer.status_code == 400, offset
    assert (await platform.get("/_sandbox/faults")).json() == {"slow": 0.01}
    assert (await platform.get("/_sandbox/clock")).json()["offset_seconds"] == 0
    assert "政府平台" in (await platform.get("/")).text
    assert (await platform.get("/healthz")).status_code == 200
