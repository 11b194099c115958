"""What one process speaks to the outside with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from bff.settings import SettingsRefused, read_env_file, read_settings
from bff.wiring import CONNECTIONS, Wiring, build, outward
from models.forwarding.operations import Provinces
from sandbox.keys import make_keys
from verification.tencent_cloud import TencentCloudIdCards, TencentCloudSms

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def prompt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    writer.close()


@asynccontextmanager
async def somebody(answer: Answer) -> AsyncIterator[str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_who_does_not_answer_keeps_nobody_from_the_others() -> None:
    held: list[asyncio.StreamWriter] = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async with somebody(silent) as wechat, somebody(prompt) as wechat_pay:
        settings = read_settings({"WECHAT_BASE_URL": wechat, "WECHAT_PAY_BASE_URL": wechat_pay})
        async with outward(settings) as http:
            waiting = [asyncio.create_task(http.get(wechat, timeout=60)) for _ in range(CONNECTIONS + 10)]
            async with asyncio.timeout(10):
                while len(held) < CONNECTIONS:
                    await asyncio.sleep(0.01)
            answer = await http.get(wechat_pay, timeout=httpx.Timeout(5))
            assert answer.status_code == 204
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        for writer in held:
            writer.close()


@pytest.fixture(scope="module")
def outside_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the sandbox tells the product, without addresses: nothing is asked here."""
    folder = tmp_path_factory.mktemp("wiring")
    make_keys(folder)
    somewhere = {"REDIS_URL": "redis://127.0.0.1:9/0", "GOVERNMENT_PLATFORM_BASE_URL": "http://127.0.0.1:9"}
    return read_env_file(folder / "product.env") | somewhere | {"DATA_DIR": str(folder)}


async def closed(wired: Wiring) -> None:
    await wired.http.aclose()
    await wired.queue.close()


async def test_who_vouches_for_people_is_built_of_what_is_set_up(outside_env: dict[str, str]) -> None:
    wired = build(read_settings(outside_env))
    assert isinstance(wired.name_authority, TencentCloudIdCards)
    assert isinstance(wired.sms, TencentCloudSms)
    assert wired.official_account
    assert wired.official_account.appid == outside_env["WECHAT_OFFICIAL_ACCOUNT_APPID"]
    assert wired.official_messages
    assert wired.alipay_people
    assert wired.alipay_people.appid == outside_env["ALIPAY_APP_ID"]
    await closed(wired)


async def test_a_side_with_a_platform_of_its_own_is_told_there_and_the_rest_at_the_shared_one(
    outside_env: dict[str, str],
) -> None:
    ((everybody, shared),) = build(read_settings(outside_env)).platforms
    assert (everybody, shared.base_url) == (Provinces(), "http://127.0.0.1:9")
    names = {"BASE_URL": "http://127.0.0.1:10/", "APP_ID": "across", "SECRET": "s" * 32}
    theirs = {f"GOVERNMENT_PLATFORM_500000_{name}": value for name, value in names.items()}
    wired = build(read_settings(outside_env | theirs))
    assert [(of, platform.base_url) for of, platform in wired.platforms] == [
        (Provinces(codes=("500000",)), "http://127.0.0.1:9"),
        (Provinces(codes=("500000",), others=False), "http://127.0.0.1:10"),
    ]
    await closed(wired)


async def test_what_is_not_set_up_is_none(outside_env: dict[str, str]) -> None:
    left_out = {"SMS_APP_ID": "", "WECHAT_OFFICIAL_ACCOUNT_SECRET": "", "ALIPAY_APP_ID": ""}
    wired = build(read_settings(outside_env | left_out))
    assert (wired.sms, wired.official_account, wired.official_messages, wired.alipay_people) == (None,) * 4
    await closed(wired)


def test_nobody_starts_without_somebody_who_vouches_for_names(outside_env: dict[str, str]) -> None:
    given = read_settings(outside_env | {"TENCENT_CLOUD_SECRET_ID": "", "TENCENT_CLOUD_SECRET_KEY": ""})
    with pytest.raises(SettingsRefused) as refused:
        build(given)
    assert [fault.split()[0] for fault in refused.value.faults] == [
        "TENCENT_CLOUD_SECRET_ID",
        "TENCENT_CLOUD_SECRET_KEY",
    ]


async def test_each_of_those_outside_has_connections_of_its_own(outside_env: dict[str, str]) -> None:
    async with outward(read_settings(outside_env)) as http:
        by_address = {
            id(http._transport_for_url(httpx.URL(url)))
            for url in (
                "https://api.weixin.qq.com/sns/jscode2session",
                "https://sms.tencentcloudapi.com/",
                "https://faceid.tencentcloudapi.com/",
                "https://api.mch.weixin.qq.com/v3/certificates",
            )
        }
    assert len(by_address) == 4
