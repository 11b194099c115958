"""The environment, read once into one frozen `Settings`; nothing else in the house looks at the environment.

Development fills in what it can: SQLite and its own secrets in DATA_DIR. Production refuses to start on any of
that, and says everything that is wrong at once. `.env.example` explains each variable.
"""

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from models.messages.templates import shelf
from models.staff.policy import DEVELOPMENT, LEVEL_3, StaffPolicy
from models.statistics.rules import SMALLEST_GROUP

Network = IPv4Network | IPv6Network
Keys = Mapping[str, bytes]
"""Key id → 32 bytes. The first is the current one; the others still open what they once sealed."""

DEVELOPMENT_MARK = b"development:"  # how every secret that a development start makes begins
PLACEHOLDER = "change-me"  # what .env.example holds where a secret belongs
KEY_VARIABLES = (
    "CODE_KEYS",
    "PHONE_SEAL_KEYS",
    "PHONE_LOOKUP_KEYS",
    "TOKEN_KEYS",
    "GATE_KEYS",
    "ID_SEAL_KEYS",
    "ID_LOOKUP_KEYS",
    "TEXT_SEAL_KEYS",
    "STAFF_SEAL_KEYS",
    "AUDIT_KEYS",
    "OFFLINE_KEYS",
    "ACCOUNT_SEAL_KEYS",
    "STATEMENT_KEYS",
)
KEY_BYTES = 32
MOST_RATE_SCALE = 10
MOST_RATE_SCALE_IN_DEVELOPMENT = 10_000
ORIGIN = re.compile(r"https?://(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[1-9][0-9]{1,4})?(?<!:443)(?<!:80)")
WECHAT_URL = "https://api.weixin.qq.com"
WECHAT_OPEN_URL = "https://open.weixin.qq.com"
WECHAT_PAY_URL = "https://api.mch.weixin.qq.com"
ALIPAY_URL = "https://openapi.alipay.com"
TENCENT_CLOUD_SMS_URL = "https://sms.tencentcloudapi.com"
PROVINCES = ("510000", "500000")  # GB/T 2260: Sichuan, Chongqing
TENCENT_CLOUD_FACEID_URL = "https://faceid.tencentcloudapi.com"


class SettingsRefused(Exception):
    """The environment does not make a house that may open. `faults` names everything that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


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
    reader = _Reader(given)
    settings = reader.settings()
    if reader.faults:
        raise SettingsRefused(reader.faults)
    return settings


def development_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets of one development folder, made at the first start; a ring that is new since then gets a file of its
    own. Their mark makes production refuse them."""
    made = _made_once(data_dir / "development-secrets.env", *KEY_VARIABLES)
    for name in KEY_VARIABLES:
        if name not in made:
            made |= _made_once(data_dir / f"development-secrets.{name}.env", name)
    return made


def _made_once(path: Path, *names: str) -> dict[str, str]:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        mine.touch(mode=0o600)
        mine.write_text("".join(f"{name}=1:{_development_key()}\n" for name in names))
        try:
            os.link(mine, path)  # unlike renaming, this never replaces what another process made meanwhile
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return read_env_file(path)


def read_env_file(path: Path) -> dict[str, str]:
    """KEY=VALUE lines; empty lines and those that begin with # say nothing."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _development_key() -> str:
    made = DEVELOPMENT_MARK + secrets.token_bytes(KEY_BYTES - len(DEVELOPMENT_MARK))
    return base64.b64encode(made).decode()


class _Reader:
    """Reads one variable after the other and remembers every fault instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []
        self.production = environ.get("ENV") == "production"

    def settings(self) -> Settings:
        return Settings(
            env=self._env(),
            host=self._text("HOST", "127.0.0.1"),
            port=self._number("PORT", 8000, range(1, 65536)),
            data_dir=Path(self._text("DATA_DIR", ".data")).resolve(),
            log_level=self._log_level(),
            web_processes=self._number("WEB_PROCESSES", 1, range(1, 65)),
            rate_scale=self._rate_scale(),
            keeps_answers=self._on_or_off("ANSWERS_CACHE"),
            clock_ahead_seconds=self._clock_ahead(),
            public_base_url=self._public_base_url(),
            cors_origins=self._origins("CORS_ORIGINS"),
            trusted_proxies=self._networks("TRUSTED_PROXIES"),
            database_url=self._database_url(),
            redis_url=self._redis_url(),
            otlp_endpoint=self._otlp_endpoint(),
            wechat_base_url=self._outside_url("WECHAT_BASE_URL", WECHAT_URL),
            wechat_open_url=self._outside_url("WECHAT_OPEN_URL", WECHAT_OPEN_URL),
            wechat_mini_program_appid=self._outside("WECHAT_MINI_PROGRAM_APPID"),
            wechat_mini_program_secret=self._outside("WECHAT_MINI_PROGRAM_SECRET"),
            wechat_risk_client_address=self._ip_address("WECHAT_RISK_CLIENT_ADDRESS"),
            wechat_pay_base_url=self._outside_url("WECHAT_PAY_BASE_URL", WECHAT_PAY_URL),
            wechat_pay_mchid=self._outside("WECHAT_PAY_MCHID"),
            wechat_pay_merchant_serial=self._outside("WECHAT_PAY_MERCHANT_SERIAL"),
            wechat_pay_merchant_key_file=self._file(
                "WECHAT_PAY_MERCHANT_KEY_FILE", self._outside("WECHAT_PAY_MERCHANT_KEY_FILE")
            ),
            wechat_pay_apiv3_key=self._apiv3_key(),
            wechat_pay_public_key_id=self._text("WECHAT_PAY_PUBLIC_KEY_ID"),
            wechat_pay_public_key_file=self._public_key_file(),
            wechat_official_account_appid=self._text("WECHAT_OFFICIAL_ACCOUNT_APPID"),
            wechat_official_account_secret=self._text("WECHAT_OFFICIAL_ACCOUNT_SECRET"),
            tencent_cloud_base_urls={
                "sms": self._outside_url("TENCENT_CLOUD_SMS_BASE_URL", TENCENT_CLOUD_SMS_URL),
                "faceid": self._outside_url("TENCENT_CLOUD_FACEID_BASE_URL", TENCENT_CLOUD_FACEID_URL),
            },
            tencent_cloud_secret_id=self._outside("TENCENT_CLOUD_SECRET_ID"),
            tencent_cloud_secret_key=self._outside("TENCENT_CLOUD_SECRET_KEY"),
            tencent_cloud_region=self._text("TENCENT_CLOUD_REGION", "ap-guangzhou"),
            sms_app_id=self._sms_app_id(),
            sms_sign_name=self._text("SMS_SIGN_NAME"),
            sms_template_code=self._text("SMS_TEMPLATE_CODE"),
            sms_template_notice=self._text("SMS_TEMPLATE_NOTICE"),
            wechat_subscribe_templates=self._templates("WECHAT_SUBSCRIBE_TEMPLATES"),
            wechat_official_account_templates=self._templates("WECHAT_OFFICIAL_ACCOUNT_TEMPLATES"),
            alipay_base_url=self._outside_url("ALIPAY_BASE_URL", ALIPAY_URL),
            alipay_app_id=self._alipay_app_id(),
            alipay_seller_id=self._text("ALIPAY_SELLER_ID"),
            alipay_app_key_file=self._file("ALIPAY_APP_KEY_FILE", self._text("ALIPAY_APP_KEY_FILE")),
            alipay_public_key_files=self._files("ALIPAY_PUBLIC_KEY_FILE"),
            alipay_app_certificate_file=self._file(
                "ALIPAY_APP_CERTIFICATE_FILE", self._text("ALIPAY_APP_CERTIFICATE_FILE")
            ),
            alipay_certificate_files=self._files("ALIPAY_CERTIFICATE_FILE"),
            alipay_root_certificate_file=self._file(
                "ALIPAY_ROOT_CERTIFICATE_FILE", self._text("ALIPAY_ROOT_CERTIFICATE_FILE")
            ),
            government_platform_base_url=self._outside_url("GOVERNMENT_PLATFORM_BASE_URL"),
            government_platform_app_id=self._outside("GOVERNMENT_PLATFORM_APP_ID"),
            government_platform_secret=self._outside("GOVERNMENT_PLATFORM_SECRET"),
            province_platforms=self._province_platforms(),
            code_keys=self._keys("CODE_KEYS", key_id=r"[0-9]"),  # the id is one digit of the printed code
            phone_seal_keys=self._keys("PHONE_SEAL_KEYS"),
            phone_lookup_keys=self._keys("PHONE_LOOKUP_KEYS"),
            token_keys=self._keys("TOKEN_KEYS"),
            gate_keys=self._keys("GATE_KEYS"),
            id_seal_keys=self._keys("ID_SEAL_KEYS"),
            id_lookup_keys=self._keys("ID_LOOKUP_KEYS"),
            text_seal_keys=self._keys("TEXT_SEAL_KEYS"),
            staff_seal_keys=self._keys("STAFF_SEAL_KEYS"),
            staff_policy=self._staff_policy(),
            audit_keys=self._keys("AUDIT_KEYS"),
            offline_keys=self._keys("OFFLINE_KEYS", key_id=r"[0-9]{1,2}"),  # the id stands in the pass's digits
            account_seal_keys=self._keys("ACCOUNT_SEAL_KEYS"),
            statement_keys=self._keys("STATEMENT_KEYS"),
            offline_pass_minutes=self._number("OFFLINE_PASS_MINUTES", 120, range(10, 721)),
            statistics_smallest_group=self._number("STATISTICS_SMALLEST_GROUP", SMALLEST_GROUP, range(5, 1001)),
        )

    def _text(self, name: str, default: str = "") -> str:
        value = self.environ.get(name) or default
        if self.production and PLACEHOLDER in value:
            self.faults.append(f"{name} still holds the placeholder of .env.example")
        return value

    def _env(self) -> Literal["development", "production"]:
        name = self._text("ENV", "development")
        if name not in ("development", "production"):
            self.faults.append(f"ENV is {name!r}; it must be development or production")
        return "production" if self.production else "development"

    def _number(self, name: str, default: int, allowed: range) -> int:
        text = self._text(name, str(default))
        if re.fullmatch(r"[0-9]{1,6}", text) and int(text) in allowed:
            return int(text)
        self.faults.append(f"{name} is {text!r}; it must be a number from {allowed[0]} to {allowed[-1]}")
        return default

    def _clock_ahead(self) -> int:
        ahead = self._number("CLOCK_AHEAD_SECONDS", 0, range(8 * 86400))
        if ahead and self.production:
            self.faults.append("CLOCK_AHEAD_SECONDS is for development; production keeps the real time")
        return ahead

    def _rate_scale(self) -> float:
        """There is no `off`: a load made on purpose takes a large number, and is counted like any other."""
        text = self._text("RATE_SCALE", "1")
        most = MOST_RATE_SCALE if self.production else MOST_RATE_SCALE_IN_DEVELOPMENT
        if re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", text) and 0.1 <= float(text) <= most:
            return float(text)
        self.faults.append(f"RATE_SCALE is {text!r}; it must be a number from 0.1 to {most}")
        return 1.0

    def _on_or_off(self, name: str, default: str = "on") -> bool:
        text = self._text(name, default)
        if text not in ("on", "off"):
            self.faults.append(f"{name} is {text!r}; it must be on or off")
        return text == "on"

    def _staff_policy(self) -> StaffPolicy:
        """In production at least level 3 of GB/T 22239-2019; in development whatever is at hand, without phones."""
        strict, usual = self.production, LEVEL_3 if self.production else DEVELOPMENT
        second_factor = self._on_or_off("STAFF_SECOND_FACTOR", "on" if usual.second_factor else "off")
        if strict and not second_factor:
            self.faults.append("STAFF_SECOND_FACTOR is off; production demands it of everybody")

        def at_least(name: str, default: int, *, most: int) -> int:
            return self._number(name, default, range(default if strict else 1, most + 1))

        def at_most(name: str, default: int) -> int:
            return self._number(name, default, range(1, (default if strict else 100 * default) + 1))

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
        level = self._text("LOG_LEVEL", "INFO").upper()
        if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            self.faults.append(f"LOG_LEVEL is {level!r}; it must be DEBUG, INFO, WARNING or ERROR")
        return level

    def _public_base_url(self) -> str:
        url = self._text("PUBLIC_BASE_URL").rstrip("/")
        if self.production and urlsplit(url).scheme != "https":
            self.faults.append("PUBLIC_BASE_URL must be an https:// address: WeChat Pay sends its notices there")
        return url or f"http://127.0.0.1:{self._text('PORT', '8000')}"

    def _origins(self, name: str) -> tuple[str, ...]:
        """Exact ones, as browsers write them: no pattern, no path, no standard port."""
        origins: list[str] = []
        for text in filter(None, (part.strip() for part in self._text(name).split(","))):
            if not ORIGIN.fullmatch(text):
                self.faults.append(f"{name}: {text!r} is no origin such as https://map.example.cn")
            elif self.production and not text.startswith("https://"):
                self.faults.append(f"{name}: {text} is not https://, so anybody on its way could speak for it")
            origins.append(text)
        return tuple(origins)

    def _templates(self, name: str) -> Mapping[str, str]:
        """`FORM:id,FORM:id`: which template of WeChat's each of our forms is. Those that are not named are not sent."""
        forms, ids = shelf().forms, dict[str, str]()
        for entry in filter(None, (part.strip() for part in self._text(name).split(","))):
            form, _, template_id = entry.partition(":")
            if form not in forms or form in ids or not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", template_id):
                self.faults.append(f"{name}: {entry!r} is no FORM:id; the forms are {', '.join(sorted(forms))}")
            elif self.production and template_id.startswith("sandbox-"):
                self.faults.append(f"{name}: {template_id} was made by the sandbox")
            ids[form] = template_id
        return ids

    def _ip_address(self, name: str) -> str:
        text = self._text(name)
        try:
            return str(ip_address(text)) if text else ""
        except ValueError:
            self.faults.append(f"{name}: {text!r} is no address such as 203.0.113.7")
            return ""

    def _networks(self, name: str) -> tuple[Network, ...]:
        networks: list[Network] = []
        for text in filter(None, (part.strip() for part in self._text(name).split(","))):
            try:
                network = ip_network(text)
            except ValueError:
                self.faults.append(f"{name}: {text!r} is no network such as 10.0.0.0/8 or 10.1.2.3")
                continue
            if self.production and network.prefixlen == 0:
                self.faults.append(f"{name}: {text} trusts everybody; name the proxies' own networks")
            networks.append(network)
        return tuple(networks)

    def _database_url(self) -> str:
        url = self._text("DATABASE_URL")
        scheme = urlsplit(url).scheme
        if not url:
            self.faults.append("DATABASE_URL is missing: postgres://user:password@host/name?minsize=5&maxsize=20")
        elif scheme not in ("postgres", "asyncpg", "sqlite"):
            self.faults.append(f"DATABASE_URL begins with {scheme!r}; it must be postgres://")
        elif self.production and scheme == "sqlite":
            self.faults.append("DATABASE_URL is SQLite, which is for development; production needs PostgreSQL")
        return url

    def _redis_url(self) -> str:
        url = self._text("REDIS_URL")
        if not url and self.production:
            self.faults.append("REDIS_URL is missing: redis://:password@host:6379/0 (Valkey or Redis)")
        elif url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            self.faults.append("REDIS_URL must begin with redis://, rediss:// or unix://")
        return url

    def _otlp_endpoint(self) -> str:
        """OpenTelemetry's own name for it, as it stands in every collector's manual."""
        name = "OTEL_EXPORTER_OTLP_ENDPOINT"
        url = self._text(name)
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username):
            self.faults.append(f"{name} must be a collector's http:// or https:// address, without a password")
        return url

    def _province_platforms(self) -> Mapping[str, ProvincePlatform]:
        """Either side of the border may have a platform of its own: address, id and secret together, or none."""
        found = {}
        for code in PROVINCES:
            names = [f"GOVERNMENT_PLATFORM_{code}_{name}" for name in ("BASE_URL", "APP_ID", "SECRET")]
            app_id, secret = self._text(names[1]), self._text(names[2])
            if not any(map(self._text, names)):
                continue
            if not all(map(self._text, names)):
                self.faults.append(f"{', '.join(names)} belong together")
                continue
            found[code] = ProvincePlatform(base_url=self._outside_url(names[0]), app_id=app_id, secret=secret)
        return found

    def _outside(self, name: str) -> str:
        """Something that WeChat, WeChat Pay or the platform told us. Development gets it from the sandbox."""
        value = self._text(name)
        if self.production and not value:
            self.faults.append(f"{name} is missing")
        return value

    def _outside_url(self, name: str, default: str = "") -> str:
        url = (self._text(name, default)).rstrip("/")
        if self.production and (urlsplit(url).scheme != "https" or _is_this_machine(url)):
            self.faults.append(f"{name} is {url!r}; production speaks to the real one, over https://")
        return url

    def _public_key_file(self) -> Path | None:
        """Id and file together, or neither: such a merchant has platform certificates only."""
        key_id, text = self._text("WECHAT_PAY_PUBLIC_KEY_ID"), self._text("WECHAT_PAY_PUBLIC_KEY_FILE")
        if bool(key_id) != bool(text):
            self.faults.append("WECHAT_PAY_PUBLIC_KEY_ID and WECHAT_PAY_PUBLIC_KEY_FILE belong together")
        return self._file("WECHAT_PAY_PUBLIC_KEY_FILE", text)

    def _file(self, name: str, text: str) -> Path | None:
        if not text:
            return None
        path = Path(text).resolve()
        if not os.access(path, os.R_OK):
            self.faults.append(f"{name}: {path} cannot be read")
        elif self.production and (path.parent / "product.env").exists():
            self.faults.append(f"{name}: {path} was made by the sandbox")
        return path

    def _files(self, name: str) -> tuple[Path, ...]:
        """Several, with commas between: a key and the one that is about to follow it."""
        paths = (self._file(name, text.strip()) for text in self._text(name).split(","))
        return tuple(path for path in paths if path)

    def _alipay_app_id(self) -> str:
        """With an app everything belongs that it needs: a key of ours, and Alipay's key or the three certificates."""
        app_id = self._text("ALIPAY_APP_ID")
        if not app_id:
            return ""
        needed = ["ALIPAY_SELLER_ID", "ALIPAY_APP_KEY_FILE"]
        certificates = ["ALIPAY_APP_CERTIFICATE_FILE", "ALIPAY_CERTIFICATE_FILE", "ALIPAY_ROOT_CERTIFICATE_FILE"]
        in_certificate_mode = any(self._text(name) for name in certificates)
        needed += certificates if in_certificate_mode else ["ALIPAY_PUBLIC_KEY_FILE"]
        self.faults += [
            f"{name} is missing, and ALIPAY_APP_ID needs it" for name in needed if not self._text(name)
        ]
        return app_id

    def _sms_app_id(self) -> str:
        """Codes are what SMS are for; notices may have no text of their own."""
        app_id = self._text("SMS_APP_ID")
        if app_id:
            needed = ("SMS_SIGN_NAME", "SMS_TEMPLATE_CODE")
            self.faults += [
                f"{name} is missing, and SMS_APP_ID needs it" for name in needed if not self._text(name)
            ]
        return app_id

    def _apiv3_key(self) -> str:
        key = self._outside("WECHAT_PAY_APIV3_KEY")
        if key and PLACEHOLDER not in key and len(key.encode()) != KEY_BYTES:
            self.faults.append("WECHAT_PAY_APIV3_KEY must have exactly 32 bytes")
        return key

    def _keys(self, name: str, key_id: str = r"[0-9A-Za-z_-]{1,16}") -> Keys:
        """`id:base64,id:base64`, 32 bytes each, the current one first. A fault never repeats a secret."""
        keys: dict[str, bytes] = {}
        text = self._text(name)
        if PLACEHOLDER in text:
            return keys
        for entry in filter(None, (part.strip() for part in text.split(","))):
            identity, _, encoded = entry.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not re.fullmatch(key_id, identity) or identity in keys:
                self.faults.append(f"{name}: each key needs an id of its own, of the form {key_id}")
            elif len(key) != KEY_BYTES:
                self.faults.append(f"{name}: the key {identity} is not the base64 of {KEY_BYTES} bytes")
            elif self.production and (fault := _weakness(key)):
                self.faults.append(f"{name}: the key {identity} {fault}")
            keys[identity] = key
        if not keys:
            self.faults.append(f"{name} is missing: make a key with `openssl rand -base64 32` and write 1:KEY")
        return keys


def origin_of(url: str) -> str:
    """As a browser writes it into Origin: scheme, host, and a port that is not the scheme's own."""
    parts = urlsplit(url)
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    port = f":{parts.port}" if parts.port not in (None, standard) else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _weakness(key: bytes) -> str | None:
    if key.startswith(DEVELOPMENT_MARK):
        return "was made for development"
    if len(set(key)) < 12:  # zeros, a repeated word; chance does not do that with 32 bytes
        return "is not random"
    return None


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.") or host in ("::1", "0.0.0.0")  # noqa: S104
