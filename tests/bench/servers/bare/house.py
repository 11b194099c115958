"""What every bare route is given, and what it does with what it cannot answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.exceptions import HTTPException

from bff.graphql.rates import Rates
from bff.settings import Settings
from models.codes.rules import CodeKeys
from models.keys import AuditKeys


@dataclass(frozen=True)
class AtWeChatPay:
    key_id: str
    key: RSAPublicKey
    apiv3_key: bytes
    mchid: str


@dataclass(frozen=True)
class AtAlipay:
    key: RSAPublicKey
    app_id: str
    seller_id: str


@dataclass(frozen=True)
class House:
    pool: asyncpg.Pool
    wake: Callable[[str], Awaitable[None]]
    keys: CodeKeys
    audit_keys: AuditKeys
    rates: Rates
    """Ours; only signing out is counted."""
    wechat_pay: AtWeChatPay
    alipay: AtAlipay


def channels(settings: Settings) -> tuple[AtWeChatPay, AtAlipay]:
    wechat_pays, (alipays,) = settings.wechat_pay_public_key_file, settings.alipay_public_key_files
    assert wechat_pays
    return (
        AtWeChatPay(
            settings.wechat_pay_public_key_id,
            _public_key(wechat_pays),
            settings.wechat_pay_apiv3_key.encode(),
            settings.wechat_pay_mchid,
        ),
        AtAlipay(_public_key(alipays), settings.alipay_app_id, settings.alipay_seller_id),
    )


def _public_key(path: Path) -> RSAPublicKey:
    key = load_pem_public_key(path.read_bytes())
    assert isinstance(key, RSAPublicKey)
    return key


Asked = Mapping[str, Any]
Answer = Callable[[House, Asked, str, datetime], Awaitable[dict[str, Any]]]
"""(house, GraphQL's variables, the caller's token, now) → GraphQL's `data`."""


def demand(condition: object) -> None:
    """The bare routes know only the way that succeeds."""
    if not condition:
        raise HTTPException(409)
