"""What can be configured: one frozen `Settings`. `.env.example` explains each variable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from models.staff.policy import StaffPolicy

Network = IPv4Network | IPv6Network
Keys = Mapping[str, bytes]
"""Key id → 32 bytes. The first is the current one; the others still open what they once sealed."""
KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class ProvincePlatform:
    """A government platform of one side of the border."""

    base_url: str
    app_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All configuration. What is secret, or may carry a password, stays out of `repr` and so out of logs."""

    env: Literal["development", "production"]
    host: str
    port: int
    data_dir: Path
    log_level: str
    web_processes: int
    rate_scale: float  # every rate limit times this
    keeps_answers: bool  # public ones, for seconds
    clock_ahead_seconds: int  # development only: a demo at night finds the courts open
    public_base_url: str
    cors_origins: tuple[str, ...]  # of other sites whose pages may ask at /graphql
    trusted_proxies: tuple[Network, ...]
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    otlp_endpoint: str  # empty: no traces

    wechat_base_url: str
    wechat_open_url: str  # where a person's browser is sent for the official account's OAuth
    wechat_mini_program_appid: str
    wechat_mini_program_secret: str = field(repr=False)
    wechat_risk_client_address: str  # empty: WeChat is asked for nobody's risk rank

    wechat_pay_base_url: str
    wechat_pay_mchid: str
    wechat_pay_merchant_serial: str
    wechat_pay_merchant_key_file: Path | None
    wechat_pay_apiv3_key: str = field(repr=False)
    wechat_pay_public_key_id: str
    wechat_pay_public_key_file: Path | None
    wechat_official_account_appid: str  # empty: nobody pays or signs in in one
    wechat_official_account_secret: str = field(repr=False)

    tencent_cloud_base_urls: Mapping[str, str]  # of its services, by their names: sms, faceid
    tencent_cloud_secret_id: str
    tencent_cloud_secret_key: str = field(repr=False)
    tencent_cloud_region: str
    sms_app_id: str  # empty: no SMS is sent, so nobody signs in by phone
    sms_sign_name: str
    sms_template_code: str  # ids of approved texts; empty: such are not sent
    sms_template_notice: str
    wechat_subscribe_templates: Mapping[str, str]  # by our forms (data/message_templates.json)
    wechat_official_account_templates: Mapping[str, str]

    alipay_base_url: str
    alipay_app_id: str  # empty: nobody pays by Alipay
    alipay_seller_id: str
    alipay_app_key_file: Path | None
    alipay_public_key_files: tuple[Path, ...]  # key mode; several while Alipay changes its key
    alipay_app_certificate_file: Path | None  # certificate mode, with the two below
    alipay_certificate_files: tuple[Path, ...]
    alipay_root_certificate_file: Path | None

    government_platform_base_url: str
    government_platform_app_id: str
    government_platform_secret: str = field(repr=False)
    province_platforms: Mapping[str, ProvincePlatform]  # by code; the one above takes the other provinces' rows

    code_keys: Keys = field(repr=False)
    phone_seal_keys: Keys = field(repr=False)
    phone_lookup_keys: Keys = field(repr=False)
    token_keys: Keys = field(repr=False)
    gate_keys: Keys = field(repr=False)
    id_seal_keys: Keys = field(repr=False)  # names and ID numbers
    id_lookup_keys: Keys = field(repr=False)
    text_seal_keys: Keys = field(repr=False)  # complaints, and who a deleted member was
    staff_seal_keys: Keys = field(repr=False)  # second factors
    staff_policy: StaffPolicy
    audit_keys: Keys = field(repr=False)
    offline_keys: Keys = field(repr=False)  # what desks that are offline must tell for ours
    offline_pass_minutes: int
    account_seal_keys: Keys = field(repr=False)  # venues' bank accounts
    statement_keys: Keys = field(repr=False)  # sign what venues are owed
    statistics_smallest_group: int  # people in a figure that is shown

    @property
    def in_production(self) -> bool:
        return self.env == "production"
