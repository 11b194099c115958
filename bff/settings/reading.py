"""From the environment to `Settings`, or to everything that is wrong with it at once."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bff.settings.development import development_secrets
from bff.settings.fields import KEY_BYTES, ProvincePlatform, Settings
from bff.settings.variables import PLACEHOLDER, Variables
from models.staff.policy import DEVELOPMENT, LEVEL_3, StaffPolicy
from models.statistics.rules import SMALLEST_GROUP

MOST_RATE_SCALE = 10
MOST_RATE_SCALE_IN_DEVELOPMENT = 10_000
WECHAT_URL = "https://api.weixin.qq.com"
WECHAT_OPEN_URL = "https://open.weixin.qq.com"
WECHAT_PAY_URL = "https://api.mch.weixin.qq.com"
ALIPAY_URL = "https://openapi.alipay.com"
TENCENT_CLOUD_SMS_URL = "https://sms.tencentcloudapi.com"
TENCENT_CLOUD_FACEID_URL = "https://faceid.tencentcloudapi.com"
PROVINCES = ("510000", "500000")  # GB/T 2260: Sichuan, Chongqing


class SettingsRefused(Exception):
    """The environment does not make a house that may open. `faults` names everything that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment (the process's own unless given), or SettingsRefused with every fault.

    In development, secrets that nobody gave are made once and kept in DATA_DIR.
    """
    given = dict(os.environ if environ is None else environ)
    if given.get("ENV", "development") == "development":
        data_dir = Path(given.get("DATA_DIR") or ".data").resolve()
        try:
            secrets_here = development_secrets(data_dir)
        except OSError as error:
            raise SettingsRefused([f"DATA_DIR {data_dir} cannot be written: {error.strerror}"]) from None
        given = secrets_here | {name: value for name, value in given.items() if value}
        given.setdefault("DATABASE_URL", f"sqlite://{data_dir / 'sports-for-all.db'}")
    reader = Reader(given)
    settings = reader.settings()
    if reader.faults:
        raise SettingsRefused(reader.faults)
    return settings


class Reader(Variables):
    """What the house makes of its variables, and which of them belong together."""

    def settings(self) -> Settings:
        return Settings(
            env=self._env(),
            host=self.text("HOST", "127.0.0.1"),
            port=self.number("PORT", 8000, range(1, 65536)),
            data_dir=Path(self.text("DATA_DIR", ".data")).resolve(),
            log_level=self._log_level(),
            web_processes=self.number("WEB_PROCESSES", 1, range(1, 65)),
            rate_scale=self._rate_scale(),
            keeps_answers=self.on_or_off("ANSWERS_CACHE"),
            clock_ahead_seconds=self._clock_ahead(),
            public_base_url=self._public_base_url(),
            cors_origins=self.origins("CORS_ORIGINS"),
            trusted_proxies=self.networks("TRUSTED_PROXIES"),
            database_url=self._database_url(),
            redis_url=self._redis_url(),
            otlp_endpoint=self._otlp_endpoint(),
            wechat_base_url=self.outside_url("WECHAT_BASE_URL", WECHAT_URL),
            wechat_open_url=self.outside_url("WECHAT_OPEN_URL", WECHAT_OPEN_URL),
            wechat_mini_program_appid=self.outside("WECHAT_MINI_PROGRAM_APPID"),
            wechat_mini_program_secret=self.outside("WECHAT_MINI_PROGRAM_SECRET"),
            wechat_risk_client_address=self.ip_address("WECHAT_RISK_CLIENT_ADDRESS"),
            wechat_pay_base_url=self.outside_url("WECHAT_PAY_BASE_URL", WECHAT_PAY_URL),
            wechat_pay_mchid=self.outside("WECHAT_PAY_MCHID"),
            wechat_pay_merchant_serial=self.outside("WECHAT_PAY_MERCHANT_SERIAL"),
            wechat_pay_merchant_key_file=self.file(
                "WECHAT_PAY_MERCHANT_KEY_FILE", self.outside("WECHAT_PAY_MERCHANT_KEY_FILE")
            ),
            wechat_pay_apiv3_key=self._apiv3_key(),
            wechat_pay_public_key_id=self.text("WECHAT_PAY_PUBLIC_KEY_ID"),
            wechat_pay_public_key_file=self._public_key_file(),
            wechat_official_account_appid=self.text("WECHAT_OFFICIAL_ACCOUNT_APPID"),
            wechat_official_account_secret=self.text("WECHAT_OFFICIAL_ACCOUNT_SECRET"),
            tencent_cloud_base_urls={
                "sms": self.outside_url("TENCENT_CLOUD_SMS_BASE_URL", TENCENT_CLOUD_SMS_URL),
                "faceid": self.outside_url("TENCENT_CLOUD_FACEID_BASE_URL", TENCENT_CLOUD_FACEID_URL),
            },
            tencent_cloud_secret_id=self.outside("TENCENT_CLOUD_SECRET_ID"),
            tencent_cloud_secret_key=self.outside("TENCENT_CLOUD_SECRET_KEY"),
            tencent_cloud_region=self.text("TENCENT_CLOUD_REGION", "ap-guangzhou"),
            sms_app_id=self._sms_app_id(),
            sms_sign_name=self.text("SMS_SIGN_NAME"),
            sms_template_code=self.text("SMS_TEMPLATE_CODE"),
            sms_template_notice=self.text("SMS_TEMPLATE_NOTICE"),
            wechat_subscribe_templates=self.templates("WECHAT_SUBSCRIBE_TEMPLATES"),
            wechat_official_account_templates=self.templates("WECHAT_OFFICIAL_ACCOUNT_TEMPLATES"),
            alipay_base_url=self.outside_url("ALIPAY_BASE_URL", ALIPAY_URL),
            alipay_app_id=self._alipay_app_id(),
            alipay_seller_id=self.text("ALIPAY_SELLER_ID"),
            alipay_app_key_file=self.file("ALIPAY_APP_KEY_FILE", self.text("ALIPAY_APP_KEY_FILE")),
            alipay_public_key_files=self.files("ALIPAY_PUBLIC_KEY_FILE"),
            alipay_app_certificate_file=self.file(
                "ALIPAY_APP_CERTIFICATE_FILE", self.text("ALIPAY_APP_CERTIFICATE_FILE")
            ),
            alipay_certificate_files=self.files("ALIPAY_CERTIFICATE_FILE"),
            alipay_root_certificate_file=self.file(
                "ALIPAY_ROOT_CERTIFICATE_FILE", self.text("ALIPAY_ROOT_CERTIFICATE_FILE")
            ),
            government_platform_base_url=self.outside_url("GOVERNMENT_PLATFORM_BASE_URL"),
            government_platform_app_id=self.outside("GOVERNMENT_PLATFORM_APP_ID"),
            government_platform_secret=self.outside("GOVERNMENT_PLATFORM_SECRET"),
            province_platforms=self._province_platforms(),
            code_keys=self.keys("CODE_KEYS", key_id=r"[0-9]"),  # the id is one digit of the printed code
            phone_seal_keys=self.keys("PHONE_SEAL_KEYS"),
            phone_lookup_keys=self.keys("PHONE_LOOKUP_KEYS"),
            token_keys=self.keys("TOKEN_KEYS"),
            gate_keys=self.keys("GATE_KEYS"),
            id_seal_keys=self.keys("ID_SEAL_KEYS"),
            id_lookup_keys=self.keys("ID_LOOKUP_KEYS"),
            text_seal_keys=self.keys("TEXT_SEAL_KEYS"),
            staff_seal_keys=self.keys("STAFF_SEAL_KEYS"),
            staff_policy=self._staff_policy(),
            audit_keys=self.keys("AUDIT_KEYS"),
            offline_keys=self.keys("OFFLINE_KEYS", key_id=r"[0-9]{1,2}"),  # the id stands in the pass's digits
            account_seal_keys=self.keys("ACCOUNT_SEAL_KEYS"),
            statement_keys=self.keys("STATEMENT_KEYS"),
            offline_pass_minutes=self.number("OFFLINE_PASS_MINUTES", 120, range(10, 721)),
            statistics_smallest_group=self.number("STATISTICS_SMALLEST_GROUP", SMALLEST_GROUP, range(5, 1001)),
        )

    def _env(self) -> Literal["development", "production"]:
        name = self.text("ENV", "development")
        if name not in ("development", "production"):
            self.faults.append(f"ENV is {name!r}; it must be development or production")
        return "production" if self.production else "development"

    def _clock_ahead(self) -> int:
        ahead = self.number("CLOCK_AHEAD_SECONDS", 0, range(8 * 86400))
        if ahead and self.production:
            self.faults.append("CLOCK_AHEAD_SECONDS is for development; production keeps the real time")
        return ahead

    def _rate_scale(self) -> float:
        """There is no `off`: a load made on purpose takes a large number, and is counted like any other."""
        text = self.text("RATE_SCALE", "1")
        most = MOST_RATE_SCALE if self.production else MOST_RATE_SCALE_IN_DEVELOPMENT
        if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", text) and 0.1 <= float(text) <= most:
            return float(text)
        self.faults.append(f"RATE_SCALE is {text!r}; it must be a number from 0.1 to {most}")
        return 1.0

    def _staff_policy(self) -> StaffPolicy:
        """In production at least level 3 of GB/T 22239-2019; in development whatever is at hand, without phones."""
        strict, usual = self.production, LEVEL_3 if self.production else DEVELOPMENT
        second_factor = self.on_or_off("STAFF_SECOND_FACTOR", "on" if usual.second_factor else "off")
        if strict and not second_factor:
            self.faults.append("STAFF_SECOND_FACTOR is off; production demands it of everybody")

        def at_least(name: str, default: int, *, most: int) -> int:
            return self.number(name, default, range(default if strict else 1, most + 1))

        def at_most(name: str, default: int) -> int:
            return self.number(name, default, range(1, (default if strict else 100 * default) + 1))

        return StaffPolicy(
            shortest_password=at_least("STAFF_PASSWORD_LENGTH", usual.shortest_password, most=64),
            password_classes=at_least("STAFF_PASSWORD_CLASSES", usual.password_classes, most=4),
            password_life=timedelta(days=at_most("STAFF_PASSWORD_DAYS", usual.password_life.days)),
            passwords_remembered=at_least("STAFF_PASSWORDS_REMEMBERED", usual.passwords_remembered, most=24),
            failures_until_lock=at_most("STAFF_FAILURES", usual.failures_until_lock),
            lock_life=timedelta(seconds=at_least("STAFF_LOCK_SECONDS", usual.lock_life.seconds, most=86400)),
            idle_life=timedelta(seconds=at_most("STAFF_IDLE_SECONDS", usual.idle_life.seconds)),
            absolute_life=timedelta(hours=at_most("STAFF_SIGN_IN_HOURS", usual.absolute_life.seconds // 3600)),
            second_factor=second_factor,
        )

    def _log_level(self) -> str:
        level = self.text("LOG_LEVEL", "INFO").upper()
        if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            self.faults.append(f"LOG_LEVEL is {level!r}; it must be DEBUG, INFO, WARNING or ERROR")
        return level

    def _public_base_url(self) -> str:
        url = self.text("PUBLIC_BASE_URL").rstrip("/")
        if self.production and urlsplit(url).scheme != "https":
            self.faults.append("PUBLIC_BASE_URL must be an https:// address: WeChat Pay sends its notices there")
        return url or f"http://127.0.0.1:{self.text('PORT', '8000')}"

    def _database_url(self) -> str:
        url = self.text("DATABASE_URL")
        scheme = urlsplit(url).scheme
        if not url:
            self.faults.append("DATABASE_URL is missing: postgres://user:password@host/name?minsize=5&maxsize=20")
        elif scheme not in ("postgres", "asyncpg", "sqlite"):
            self.faults.append(f"DATABASE_URL begins with {scheme!r}; it must be postgres://")
        elif self.production and scheme == "sqlite":
            self.faults.append("DATABASE_URL is SQLite, which is for development; production needs PostgreSQL")
        return url

    def _redis_url(self) -> str:
        url = self.text("REDIS_URL")
        if not url and self.production:
            self.faults.append("REDIS_URL is missing: redis://:password@host:6379/0 (Valkey or Redis)")
        elif url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            self.faults.append("REDIS_URL must begin with redis://, rediss:// or unix://")
        return url

    def _otlp_endpoint(self) -> str:
        """OpenTelemetry's own name for it, as it stands in every collector's manual."""
        name = "OTEL_EXPORTER_OTLP_ENDPOINT"
        url = self.text(name)
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username):
            self.faults.append(f"{name} must be a collector's http:// or https:// address, without a password")
        return url

    def _province_platforms(self) -> Mapping[str, ProvincePlatform]:
        """Either side of the border may have a platform of its own: address, id and secret together, or none."""
        found = {}
        for code in PROVINCES:
            names = [f"GOVERNMENT_PLATFORM_{code}_{name}" for name in ("BASE_URL", "APP_ID", "SECRET")]
            app_id, secret = self.text(names[1]), self.text(names[2])
            if not any(map(self.text, names)):
                continue
            if not all(map(self.text, names)):
                self.faults.append(f"{', '.join(names)} belong together")
                continue
            found[code] = ProvincePlatform(base_url=self.outside_url(names[0]), app_id=app_id, secret=secret)
        return found

    def _public_key_file(self) -> Path | None:
        """Id and file together, or neither: such a merchant has platform certificates only."""
        key_id, text = self.text("WECHAT_PAY_PUBLIC_KEY_ID"), self.text("WECHAT_PAY_PUBLIC_KEY_FILE")
        if bool(key_id) != bool(text):
            self.faults.append("WECHAT_PAY_PUBLIC_KEY_ID and WECHAT_PAY_PUBLIC_KEY_FILE belong together")
        return self.file("WECHAT_PAY_PUBLIC_KEY_FILE", text)

    def _alipay_app_id(self) -> str:
        """With an app everything belongs that it needs: a key of ours, and Alipay's key or the three certificates."""
        app_id = self.text("ALIPAY_APP_ID")
        if not app_id:
            return ""
        needed = ["ALIPAY_SELLER_ID", "ALIPAY_APP_KEY_FILE"]
        certificates = ["ALIPAY_APP_CERTIFICATE_FILE", "ALIPAY_CERTIFICATE_FILE", "ALIPAY_ROOT_CERTIFICATE_FILE"]
        in_certificate_mode = any(self.text(name) for name in certificates)
        needed += certificates if in_certificate_mode else ["ALIPAY_PUBLIC_KEY_FILE"]
        self.faults += [f"{name} is missing, and ALIPAY_APP_ID needs it" for name in needed if not self.text(name)]
        return app_id

    def _sms_app_id(self) -> str:
        """Codes are what SMS are for; notices may have no text of their own."""
        app_id = self.text("SMS_APP_ID")
        if app_id:
            needed = ("SMS_SIGN_NAME", "SMS_TEMPLATE_CODE")
            self.faults += [
                f"{name} is missing, and SMS_APP_ID needs it" for name in needed if not self.text(name)
            ]
        return app_id

    def _apiv3_key(self) -> str:
        key = self.outside("WECHAT_PAY_APIV3_KEY")
        if key and PLACEHOLDER not in key and len(key.encode()) != KEY_BYTES:
            self.faults.append("WECHAT_PAY_APIV3_KEY must have exactly 32 bytes")
        return key
