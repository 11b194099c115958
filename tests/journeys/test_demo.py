"""`make demo` goes through, quickly, and is content with nothing less (issue 2, item 10)."""

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from demo.family import GRANDMOTHER, ID_NUMBER, Served, nothing_lies_open
from demo.main_job import _platform_holds_everything_once
from demo.people import Citizen, Clerk
from demo.stack import Broken, Stack
from tests.bff.conftest import clean_environment

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
SECONDS = 105
"""On a machine with nothing else to do. Here other tests run beside it, so it may take twice as long, and of it not more
than this is work."""


def test_the_demo_walks_both_journeys_and_three_days_on_in_less_than_two_minutes() -> None:
    started, worked = time.monotonic(), _worked()
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert _worked() - worked < SECONDS
    assert time.monotonic() - started < 2 * SECONDS
    for told in (
        "一、成都市民陈女士在重庆打球",
        "二、重庆市民王先生在成都打球",
        "三、政府平台自己的账",
        "四、所有请求走的那扇门",
        "无法识别",
        "人数就从 1 变成 2",
        "请求太大，没有运行",
        "没有登录的人拿陈女士的单号来查",
        "五、钱",
        "与我们的账分毫不差",
        "六、一家人",
        "外婆只带身份证到前台",
        "和小程序里是同一个人",
        "审计链校验",
        "七、消费券",
        "没有多，也没有少",
        "八、计划变了",
        "四川的平台收到取消，重庆的收到新订单",
        "一分不扣",
        "九、热门时段改为抽签",
        "十、消费券的另一面",
        "联网后上传两次，只记一次",
        "等人决定",
        "改一个字节就不通过",
        "补贴款下发记录在案",
        "免得认出是谁",
        "与先前的指纹相符",
        "马上看出它不是先前封存的那一个",
        "谁也抢不走",
        "十一、到了第三天：报名、开签、候补",
        "十二、系统自己的日志和数据文件",
        "没有手机号、姓名、证件号",
        "全部走通",
    ):
        assert told in done.stdout


def _worked() -> float:
    """CPU seconds of all processes that we started and that ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_demo_is_not_content_with_a_house_that_keeps_no_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=clean_environment(ANSWERS_CACHE="off"),
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
    )
    assert done.returncode == 1, done.stdout
    assert "答过的没有留着" in done.stderr


def test_a_demo_that_does_not_go_through_exits_with_1_and_says_why() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=clean_environment(LOG_LEVEL="LOUD"),  # with which the house does not start
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
    )
    assert done.returncode == 1
    assert "✗ 演示没有走通" in done.stderr
    assert "全部走通" not in done.stdout


@contextmanager
def a_platform_that_holds(rows: list[dict[str, Any]]) -> Iterator[Stack]:
    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"rows": rows}).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Stack("", "", "", "", "", f"http://127.0.0.1:{server.server_address[1]}", Path(), {})
    finally:
        server.shutdown()
        server.server_close()


def a_row(kind: str, order_no: str) -> dict[str, Any]:
    return {"kind": kind, "payload": {"orderNo": order_no}, "receiptNo": "GP-1"}


ORDERS = [a_row("orders", "PAID"), a_row("orders", "FREE")]
REDEMPTIONS = [a_row("redemptions", "PAID"), a_row("redemptions", "FREE")]
SCAN = [a_row("gate-scans", "PAID")]


def test_the_demo_is_content_when_the_platform_holds_everything_once() -> None:
    with a_platform_that_holds(ORDERS + REDEMPTIONS + SCAN) as stack:
        _platform_holds_everything_once(stack, "PAID", "FREE")


@pytest.mark.parametrize(
    "rows",
    [
        ORDERS + ORDERS[:1] + REDEMPTIONS + SCAN,
        ORDERS + REDEMPTIONS + SCAN + SCAN,
        ORDERS[:1] + ORDERS[:1] + REDEMPTIONS + SCAN,
        ORDERS + REDEMPTIONS[1:] * 2 + SCAN,
        ORDERS + REDEMPTIONS + SCAN + [a_row("orders", "A STRANGER'S")],
    ],
    ids=[
        "an order twice",
        "the scan twice",
        "one order twice and the other not at all",
        "a redemption missing",
        "one row too many",
    ],
)
def test_the_demo_fails_when_the_platform_holds_anything_twice_or_not_at_all(rows: list[dict[str, Any]]) -> None:
    with a_platform_that_holds(rows) as stack, pytest.raises(Broken):
        _platform_holds_everything_once(stack, "PAID", "FREE")


def a_stack_that_logged(folder: Path, *lines: str) -> tuple[Stack, Served]:
    stack = Stack("", "", "", "", "", "", folder, {})
    stack.log.write_text("\n".join(["web.1 | answered route=/graphql status=200"] * 20 + list(lines)))
    return stack, Served(
        Citizen(stack, "外孙", "13800000001", openid="oABCDEFG", authorization="Bearer abcd-efgh"),
        person_id="mem_GRANDMOTHER",
        clerk=Clerk(stack, "ven_ANY"),
    )


def test_the_demo_is_content_with_a_log_that_names_nobody(tmp_path: Path) -> None:
    nothing_lies_open(*a_stack_that_logged(tmp_path, "phone=138****0001"))


@pytest.mark.parametrize(
    "secret",
    ["13800000001", "oABCDEFG", "abcd-efgh", GRANDMOTHER, ID_NUMBER],
    ids=["phone", "openid", "token", "name", "ID number"],
)
def test_the_demo_fails_when_its_log_names_somebody(tmp_path: Path, secret: str) -> None:
    with pytest.raises(Broken, match=r"外孙|外婆"):
        nothing_lies_open(*a_stack_that_logged(tmp_path, f"worker.1 | something about {secret}!"))


def test_the_demo_fails_when_a_file_of_the_data_holds_a_name(tmp_path: Path) -> None:
    stack, served = a_stack_that_logged(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sports.db-wal").write_bytes(b"\x00" * 5000 + GRANDMOTHER.encode("gbk"))
    with pytest.raises(Broken, match="外婆的姓名"):
        nothing_lies_open(stack, served)


def test_the_demo_fails_when_there_was_no_log_to_search(tmp_path: Path) -> None:
    stack, served = a_stack_that_logged(tmp_path)
    stack.log.write_text("")
    with pytest.raises(Broken):
        nothing_lies_open(stack, served)
