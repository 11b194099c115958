"""Channels are built from the settings; which there are is data."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bff.channels import ALL, channels
from bff.http.payment_notices import notice_path, notice_routes
from bff.settings import Settings, read_env_file, read_settings
from models.orders.rules import AT_THE_DESK, Channel
from payments.alipay import Alipay
from payments.port import PaymentChannel, Way
from payments.wechat_pay import WeChatPay
from sandbox.keys import make_keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False) as http:
        yield http


def settings_with(keys: Path, tmp_path: Path, **more: str) -> Settings:
    return read_settings({**read_env_file(keys / "product.env"), "DATA_DIR": str(tmp_path), **more})


def built(settings: Settings, http: httpx.AsyncClient) -> Mapping[str, PaymentChannel]:
    return channels(settings, http, lambda: datetime.now(UTC))


async def test_what_the_sandbox_hands_out_makes_both_channels(
    keys: Path, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    made = built(settings_with(keys, tmp_path), http)
    wechat, alipay = made["WECHAT_PAY"], made["ALIPAY"]
    assert isinstance(wechat, WeChatPay)
    assert isinstance(alipay, Alipay)
    assert Way.IN_APP in wechat.ways
    assert alipay.mchid.startswith("2088")


async def test_without_an_app_nobody_pays_by_alipay(keys: Path, tmp_path: Path, http: httpx.AsyncClient) -> None:
    assert set(built(settings_with(keys, tmp_path, ALIPAY_APP_ID=""), http)) == {"WECHAT_PAY"}


async def test_certificates_are_used_where_they_are_given_and_several_stand_side_by_side(
    keys: Path, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    certificate = f"{keys / 'alipay_certificate.pem'}, {keys / 'alipay_certificate.pem'}"
    settings = settings_with(
        keys,
        tmp_path,
        ALIPAY_APP_CERTIFICATE_FILE=str(keys / "alipay_app_certificate.pem"),
        ALIPAY_CERTIFICATE_FILE=certificate,
        ALIPAY_ROOT_CERTIFICATE_FILE=str(keys / "alipay_root_certificate.pem"),
        ALIPAY_APP_KEY_FILE=str(keys / "alipay_app_key_pkcs1.pem"),
    )
    assert len(settings.alipay_certificate_files) == 2
    assert isinstance(built(settings, http)["ALIPAY"], Alipay)


async def test_every_channel_has_a_door_for_its_notices_and_only_the_desk_has_none(
    keys: Path, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    async def wake(_: str) -> None: ...

    made = built(settings_with(keys, tmp_path), http)
    doors = notice_routes(made, lambda: datetime.now(UTC), wake)
    assert {door.path for door in doors} == {"/payments/wechat-pay/notices", "/payments/alipay/notices"}
    assert {notice_path(name) for name in ALL} == {door.path for door in doors}
    assert set(ALL) == set(Channel) - set(AT_THE_DESK)
