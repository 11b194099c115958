"""Builds, once per process, what the house speaks to the outside with, and hands it to the entrances."""

import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import httpx

from bff.channels import channels
from bff.graphql.rates import Rates
from bff.kept_store import SharedKeeper
from bff.settings import Settings, SettingsRefused, origin_of
from bff.tracing import SpannedTransport, Spans
from bff.wechat_token import SharedToken
from federation.government_platform import GovernmentPlatform
from jobs.forwarding import Platforms
from jobs.job import Tools
from jobs.messengers import Messengers
from jobs.queue import Queue
from models import database
from models.forwarding.operations import Provinces
from models.keys import (
    AuditKeys,
    IdKeys,
    LookupKeys,
    OfflineKeys,
    PhoneKeys,
    SealingKeys,
    StatementKeys,
    TokenKeys,
    code_keys,
)
from models.orders.rules import Channel
from models.privacy.rules import PrivacyKeys
from models.vouchers.rush import Rush
from payments.alipay import Alipay, AlipayPeople
from payments.port import PaymentChannel
from resolvers.context import Services
from verification.port import NameAuthority, SmsSender, SmsTemplate
from verification.tencent_cloud import Credentials, TencentCloud, TencentCloudIdCards, TencentCloudSms
from wechat.messages import OfficialMessages, SubscribeMessages
from wechat.mini_program import MiniProgram
from wechat.official_account import OfficialAccount
from wechat.risk import RiskRanks

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
    platforms: Platforms
    name_authority: NameAuthority
    sms: SmsSender | None
    official_account: OfficialAccount | None
    subscribe_messages: SubscribeMessages
    official_messages: OfficialMessages | None
    rush: Rush
    spans: Spans | None

    @property
    def alipay_people(self) -> AlipayPeople | None:
        """Alipay's channel tells who came in by it; None where nobody pays by it."""
        channel = self.channels.get(Channel.ALIPAY)
        return channel if isinstance(channel, Alipay) else None


def build(settings: Settings, spans: Spans | None = None) -> Wiring:
    """`spans` where traces are wanted. Raises SettingsRefused when development was started without an outside (`make run` brings the sandbox)."""
    demand_outside(settings)
    http = outward(settings, spans)
    queue = Queue(settings.redis_url)
    clock = clock_of(settings)
    cloud = tencent_cloud(settings, http, clock)
    mini, official = mini_program(settings, http, queue), official_account(settings, http, queue)
    return Wiring(
        settings=settings,
        clock=clock,
        http=http,
        queue=queue,
        rates=Rates(settings.redis_url, scale=settings.rate_scale),
        keeper=SharedKeeper(settings.redis_url) if settings.keeps_answers else None,
        mini_program=mini,
        channels=channels(settings, http, clock),
        platforms=platforms(settings, http, clock),
        name_authority=TencentCloudIdCards(cloud),
        sms=sms_sender(settings, cloud),
        official_account=official,
        subscribe_messages=SubscribeMessages(mini.token),
        official_messages=OfficialMessages(official.token) if official else None,
        rush=Rush(id_keys=id_keys(settings)),
        spans=spans,
    )


def platforms(settings: Settings, http: httpx.AsyncClient, clock: Callable[[], datetime]) -> Platforms:
    """Each side's own, and one for whoever has none."""
    theirs = settings.province_platforms

    def speaking(base_url: str, app_id: str, secret: str) -> GovernmentPlatform:
        return GovernmentPlatform(
            http, base_url=base_url, app_id=app_id, secret=secret.encode(), clock=clock, nonce=nonce
        )

    shared = speaking(
        settings.government_platform_base_url,
        settings.government_platform_app_id,
        settings.government_platform_secret,
    )
    return [
        (Provinces(codes=tuple(theirs)), shared),
        *(
            (Provinces(codes=(code,), others=False), speaking(its.base_url, its.app_id, its.secret))
            for code, its in theirs.items()
        ),
    ]


def mini_program(settings: Settings, http: httpx.AsyncClient, queue: Queue) -> MiniProgram:
    return MiniProgram(
        http,
        base_url=settings.wechat_base_url,
        appid=settings.wechat_mini_program_appid,
        secret=settings.wechat_mini_program_secret,
        tokens=SharedToken(queue.redis, appid=settings.wechat_mini_program_appid),
    )


def official_account(settings: Settings, http: httpx.AsyncClient, queue: Queue) -> OfficialAccount | None:
    if not settings.wechat_official_account_appid or not settings.wechat_official_account_secret:
        return None
    return OfficialAccount(
        http,
        base_url=settings.wechat_base_url,
        open_url=settings.wechat_open_url,
        appid=settings.wechat_official_account_appid,
        secret=settings.wechat_official_account_secret,
        tokens=SharedToken(queue.redis, appid=settings.wechat_official_account_appid),
    )


def tencent_cloud(settings: Settings, http: httpx.AsyncClient, clock: Callable[[], datetime]) -> TencentCloud:
    secret_id, secret_key = settings.tencent_cloud_secret_id, settings.tencent_cloud_secret_key
    return TencentCloud(
        http,
        base_urls=settings.tencent_cloud_base_urls,
        region=settings.tencent_cloud_region,
        credentials=Credentials(secret_id=secret_id, secret_key=secret_key),
        clock=clock,
    )


def sms_sender(settings: Settings, cloud: TencentCloud) -> SmsSender | None:
    if not settings.sms_app_id:
        return None
    templates = {
        SmsTemplate.CODE: settings.sms_template_code,
        SmsTemplate.NOTICE: settings.sms_template_notice,
    }
    return TencentCloudSms(
        cloud, app_id=settings.sms_app_id, sign_name=settings.sms_sign_name, templates=templates
    )


def outward(settings: Settings, spans: Spans | None = None) -> httpx.AsyncClient:
    """One client, but connections apart: while one of those outside does not answer, the others are still reached."""
    outside = {
        "wechat": settings.wechat_base_url,
        "wechat-pay": settings.wechat_pay_base_url,
        "alipay": settings.alipay_base_url,
        "government-platform": settings.government_platform_base_url,
        **{f"government-platform-{code}": its.base_url for code, its in settings.province_platforms.items()},
        **{f"tencent-cloud-{name}": url for name, url in settings.tencent_cloud_base_urls.items()},
    }
    limits = httpx.Limits(max_connections=CONNECTIONS)

    def transport(peer: str) -> httpx.AsyncBaseTransport:
        plain = httpx.AsyncHTTPTransport(verify=authorities(), limits=limits, trust_env=False)
        return SpannedTransport(plain, spans, peer) if spans else plain

    return httpx.AsyncClient(
        mounts={url: transport(peer) for peer, url in outside.items() if url},
        verify=authorities(),
        limits=limits,
        follow_redirects=False,
        trust_env=False,
    )


@cache
def authorities() -> ssl.SSLContext:
    """Whose word for a name on the internet is believed; read once, since that takes 25 ms for each connection pool."""
    return httpx.create_ssl_context(trust_env=False)


@asynccontextmanager
async def opened(wired: Wiring, *, statement_seconds: int = WEB_STATEMENT_SECONDS) -> AsyncIterator[None]:
    """Connects, and closes in the end whatever happened."""
    await database.connect(wired.settings.database_url, statement_seconds=statement_seconds)
    database.listen(wired.queue.ring)
    try:
        async with wired.rates.sharing(), sharing(wired.keeper), wired.rush.open():
            yield
    finally:
        database.listen(None)
        await wired.queue.close()
        await wired.http.aclose()
        await database.close()
        if wired.spans:
            await wired.spans.close()


def sharing(keeper: SharedKeeper | None) -> AbstractAsyncContextManager[None]:
    return nullcontext() if keeper is None else keeper.sharing()


def tools(wired: Wiring) -> Tools:
    """What jobs may reach."""
    return Tools(
        channels=wired.channels,
        platforms=wired.platforms,
        clock=wired.clock,
        wake=wired.queue.wake,
        audit_keys=AuditKeys(wired.settings.audit_keys),
        privacy_keys=privacy_keys(wired.settings),
        messengers=messengers(wired),
        risk_ranks=risk_ranks(wired),
    )


def risk_ranks(wired: Wiring) -> RiskRanks | None:
    """Where this house asks WeChat for people's risk ranks."""
    address, program = wired.settings.wechat_risk_client_address, wired.mini_program
    return RiskRanks(program.token, appid=program.appid, client_ip=address) if address else None


def messengers(wired: Wiring) -> Messengers:
    """By whom people are told outside the inbox."""
    settings = wired.settings
    return Messengers(
        subscribe=wired.subscribe_messages,
        subscribe_ids=settings.wechat_subscribe_templates,
        official=wired.official_messages,
        official_ids=settings.wechat_official_account_templates,
        sms=wired.sms if settings.sms_template_notice else None,
        phone_keys=phone_keys(settings),
        mini_program_appid=settings.wechat_mini_program_appid,
    )


def services(wired: Wiring) -> Services:
    """What resolvers may reach."""
    settings = wired.settings
    return Services(
        channels=wired.channels,
        mini_program=wired.mini_program,
        code_keys=code_keys(settings.code_keys),
        token_keys=TokenKeys(settings.token_keys),
        phone_keys=phone_keys(settings),
        id_keys=id_keys(settings),
        text_keys=SealingKeys(settings.text_seal_keys),
        staff_keys=SealingKeys(settings.staff_seal_keys),
        audit_keys=AuditKeys(settings.audit_keys),
        offline_keys=OfflineKeys(settings.offline_keys),
        account_keys=SealingKeys(settings.account_seal_keys),
        statement_keys=StatementKeys(settings.statement_keys),
        offline_pass_life=timedelta(minutes=settings.offline_pass_minutes),
        smallest_group=settings.statistics_smallest_group,
        staff_policy=settings.staff_policy,
        name_authority=wired.name_authority,
        sms=wired.sms,
        official_account=wired.official_account,
        alipay_people=wired.alipay_people,
        subscribe_ids=settings.wechat_subscribe_templates,
        wake=wired.queue.wake,
        rush=wired.rush,
        own_sites=tuple(dict.fromkeys((origin_of(settings.public_base_url), *settings.cors_origins))),
        keep=wired.keeper,
    )


def phone_keys(settings: Settings) -> PhoneKeys:
    return PhoneKeys(sealing=SealingKeys(settings.phone_seal_keys), lookup=LookupKeys(settings.phone_lookup_keys))


def id_keys(settings: Settings) -> IdKeys:
    return IdKeys(sealing=SealingKeys(settings.id_seal_keys), lookup=LookupKeys(settings.id_lookup_keys))


def privacy_keys(settings: Settings) -> PrivacyKeys:
    """What opens a member's own data for them, and seals who they were."""
    return PrivacyKeys(
        phones=phone_keys(settings), ids=id_keys(settings), texts=SealingKeys(settings.text_seal_keys)
    )


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
        "TENCENT_CLOUD_SECRET_ID": settings.tencent_cloud_secret_id,
        "TENCENT_CLOUD_SECRET_KEY": settings.tencent_cloud_secret_key,
        "GOVERNMENT_PLATFORM_BASE_URL": settings.government_platform_base_url,
        "GOVERNMENT_PLATFORM_APP_ID": settings.government_platform_app_id,
        "GOVERNMENT_PLATFORM_SECRET": settings.government_platform_secret,
    }
    missing = [
        f"{name} is missing; `make run` sets it from the sandbox" for name, value in needed.items() if not value
    ]
    if missing:
        raise SettingsRefused(missing)
