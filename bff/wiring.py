"""Builds, once per process, what the house speaks to the outside with, and hands it to the entrances."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from bff.channels import channels
from bff.graphql.rates import Rates
from bff.kept_store import SharedKeeper
from bff.settings import Settings, SettingsRefused, origin_of
from bff.tracing import SpannedTransport, Spans
from bff.wechat_token import SharedToken
from federation.government_platform import GovernmentPlatform
from jobs.job import Tools
from jobs.queue import Queue
from models import database
from models.keys import LookupKeys, PhoneKeys, SealingKeys, TokenKeys, code_keys
from payments.port import PaymentChannel
from resolvers.context import Services
from wechat.mini_program import MiniProgram

CONNECTIONS = 50  # at once, to each of those outside
WEB_STATEMENT_SECONDS = 5  # nobody looks at a phone for longer; a lock is waited for 3 s
WORKER_STATEMENT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """One process's adapters and ports. Building it opens nothing; `opened` does."""

    settings: Settings
    clock: Callable[[], datetime]
    http: httpx.AsyncClient
    queue: Queue
    rates: Rates
    keeper: SharedKeeper | None
    mini_program: MiniProgram
    channels: Mapping[str, PaymentChannel]
    platform: GovernmentPlatform
    spans: Spans | None


def build(settings: Settings, spans: Spans | None = None) -> Wiring:
    """`spans` where traces are wanted. Raises SettingsRefused when development was started without an outside (`make run` brings the sandbox)."""
    demand_outside(settings)
    http = outward(settings, spans)
    queue = Queue(settings.redis_url)
    clock = clock_of(settings)
    return Wiring(
        settings=settings,
        clock=clock,
        http=http,
        queue=queue,
        rates=Rates(settings.redis_url, scale=settings.rate_scale),
        keeper=SharedKeeper(settings.redis_url) if settings.keeps_answers else None,
        mini_program=MiniProgram(
            http,
            base_url=settings.wechat_base_url,
            appid=settings.wechat_mini_program_appid,
            secret=settings.wechat_mini_program_secret,
            tokens=SharedToken(queue.redis, appid=settings.wechat_mini_program_appid),
        ),
        channels=channels(settings, http, clock),
        platform=GovernmentPlatform(
            http,
            base_url=settings.government_platform_base_url,
            app_id=settings.government_platform_app_id,
            secret=settings.government_platform_secret.encode(),
            clock=clock,
            nonce=nonce,
        ),
        spans=spans,
    )


def outward(settings: Settings, spans: Spans | None = None) -> httpx.AsyncClient:
    """One client, but connections apart: while one of those outside does not answer, the others are still reached."""
    outside = {
        "wechat": settings.wechat_base_url,
        "wechat-pay": settings.wechat_pay_base_url,
        "alipay": settings.alipay_base_url,
        "government-platform": settings.government_platform_base_url,
    }
    limits = httpx.Limits(max_connections=CONNECTIONS)

    def transport(peer: str) -> httpx.AsyncBaseTransport:
        plain = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        return SpannedTransport(plain, spans, peer) if spans else plain

    return httpx.AsyncClient(
        mounts={url: transport(peer) for peer, url in outside.items() if url},
        limits=limits,
        follow_redirects=False,
        trust_env=False,
    )


@asynccontextmanager
async def opened(wired: Wiring, *, statement_seconds: int = WEB_STATEMENT_SECONDS) -> AsyncIterator[None]:
    """Connects, and closes in the end whatever happened."""
    await database.connect(wired.settings.database_url, statement_seconds=statement_seconds)
    try:
        async with wired.rates.sharing(), sharing(wired.keeper):
            yield
    finally:
        await wired.queue.close()
        await wired.http.aclose()
        await database.close()
        if wired.spans:
            await wired.spans.close()


def sharing(keeper: SharedKeeper | None) -> AbstractAsyncContextManager[None]:
    return nullcontext() if keeper is None else keeper.sharing()


def tools(wired: Wiring) -> Tools:
    """What jobs may reach."""
    return Tools(channels=wired.channels, platform=wired.platform, clock=wired.clock, wake=wired.queue.wake)


def services(wired: Wiring) -> Services:
    """What resolvers may reach."""
    settings = wired.settings
    return Services(
        channels=wired.channels,
        mini_program=wired.mini_program,
        code_keys=code_keys(settings.code_keys),
        token_keys=TokenKeys(settings.token_keys),
        phone_keys=phone_keys(settings),
        wake=wired.queue.wake,
        own_sites=tuple(dict.fromkeys((origin_of(settings.public_base_url), *settings.cors_origins))),
        keep=wired.keeper,
    )


def phone_keys(settings: Settings) -> PhoneKeys:
    return PhoneKeys(sealing=SealingKeys(settings.phone_seal_keys), lookup=LookupKeys(settings.phone_lookup_keys))


def clock_of(settings: Settings) -> Callable[[], datetime]:
    """The house's one clock. Development may turn it ahead, so that a demo at night finds the courts open."""
    ahead = timedelta(seconds=settings.clock_ahead_seconds)
    return lambda: utc_now() + ahead


def utc_now() -> datetime:
    return datetime.now(UTC)


def nonce() -> str:
    return secrets.token_hex(16)


def demand_outside(settings: Settings) -> None:
    """Production was asked for all of it when its settings were read; commands like `migrate` need none."""
    needed = {
        "REDIS_URL": settings.redis_url,
        "WECHAT_MINI_PROGRAM_APPID": settings.wechat_mini_program_appid,
        "WECHAT_MINI_PROGRAM_SECRET": settings.wechat_mini_program_secret,
        "WECHAT_PAY_MCHID": settings.wechat_pay_mchid,
        "WECHAT_PAY_MERCHANT_SERIAL": settings.wechat_pay_merchant_serial,
        "WECHAT_PAY_MERCHANT_KEY_FILE": settings.wechat_pay_merchant_key_file,
        "WECHAT_PAY_APIV3_KEY": settings.wechat_pay_apiv3_key,
        "GOVERNMENT_PLATFORM_BASE_URL": settings.government_platform_base_url,
        "GOVERNMENT_PLATFORM_APP_ID": settings.government_platform_app_id,
        "GOVERNMENT_PLATFORM_SECRET": settings.government_platform_secret,
    }
    missing = [
        f"{name} is missing; `make run` sets it from the sandbox" for name, value in needed.items() if not value
    ]
    if missing:
        raise SettingsRefused(missing)
