"""What a house may open with, and everything that is wrong said at once."""

import base64
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bff.settings import KEY_VARIABLES, SettingsRefused, origin_of, read_env_file, read_settings
from models.staff.policy import DEVELOPMENT, LEVEL_3
from tests.bff.conftest import START_SECONDS, clean_environment

ROOT = Path(__file__).parent.parent.parent


def a_key(key_id: str = "1") -> str:
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """An environment in which production opens."""
    for name in ("merchant.pem", "wechat_pay.pem"):
        (tmp_path / name).write_text("PEM")
    return {
        "ENV": "production",
        "PUBLIC_BASE_URL": "https://sports.example.cn/",
        "DATABASE_URL": "postgres://sports:hunter22@db:5432/sports?minsize=5&maxsize=20",
        "REDIS_URL": "redis://:hunter22@queue:6379/0",
        "WECHAT_MINI_PROGRAM_APPID": "wx0123456789abcdef",
        "WECHAT_MINI_PROGRAM_SECRET": "0123456789abcdef0123456789abcdef",
        "WECHAT_PAY_MCHID": "1600000001",
        "WECHAT_PAY_MERCHANT_SERIAL": "40" * 20,
        "WECHAT_PAY_MERCHANT_KEY_FILE": str(tmp_path / "merchant.pem"),
        "WECHAT_PAY_APIV3_KEY": "k" * 32,
        "WECHAT_PAY_PUBLIC_KEY_ID": "PUB_KEY_ID_0116",
        "WECHAT_PAY_PUBLIC_KEY_FILE": str(tmp_path / "wechat_pay.pem"),
        "TENCENT_CLOUD_SECRET_ID": "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
        "TENCENT_CLOUD_SECRET_KEY": "k" * 32,
        "GOVERNMENT_PLATFORM_BASE_URL": "https://platform.example.gov.cn",
        "GOVERNMENT_PLATFORM_APP_ID": "sports",
        "GOVERNMENT_PLATFORM_SECRET": "s" * 32,
        **{name: a_key() for name in KEY_VARIABLES},
    }


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        read_settings(environ)
    return refused.value.faults


def test_production_opens_when_everything_is_given(production: dict[str, str]) -> None:
    settings = read_settings(production)
    assert settings.in_production
    assert settings.wechat_pay_base_url == "https://api.mch.weixin.qq.com"
    assert list(settings.code_keys) == ["1"]


def test_production_names_everything_that_is_missing_at_once() -> None:
    said = "\n".join(faults_of({"ENV": "production"}))
    needed = ["DATABASE_URL", "REDIS_URL", "PUBLIC_BASE_URL", *KEY_VARIABLES]
    needed += [f"WECHAT_MINI_PROGRAM_{name}" for name in ("APPID", "SECRET")]
    needed += [f"WECHAT_PAY_{name}" for name in ("MCHID", "MERCHANT_SERIAL", "MERCHANT_KEY_FILE", "APIV3_KEY")]
    needed += ["TENCENT_CLOUD_SECRET_ID", "TENCENT_CLOUD_SECRET_KEY"]
    needed += [f"GOVERNMENT_PLATFORM_{name}" for name in ("BASE_URL", "APP_ID", "SECRET")]
    assert [name for name in needed if name not in said] == []


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("DATABASE_URL", "sqlite:///data.db", "SQLite"),
        ("DATABASE_URL", "mysql://host/name", "postgres"),
        ("DATABASE_URL", "postgres://sports:change-me@db/sports", "placeholder"),
        ("REDIS_URL", "http://queue", "redis://"),
        ("PUBLIC_BASE_URL", "http://sports.example.cn", "https"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "everybody"),
        ("TRUSTED_PROXIES", "proxy", "no network"),
        ("WECHAT_RISK_CLIENT_ADDRESS", "our office", "no address"),
        ("RATE_SCALE", "0", "from 0.1 to 10"),
        ("RATE_SCALE", "off", "from 0.1 to 10"),
        ("RATE_SCALE", "1000", "from 0.1 to 10"),
        ("RATE_SCALE", "nan", "from 0.1 to 10"),
        ("CORS_ORIGINS", "*", "no origin"),
        ("CORS_ORIGINS", "https://*.example.cn", "no origin"),
        ("CORS_ORIGINS", "https://map.example.cn/", "no origin"),
        ("CORS_ORIGINS", "https://map.example.cn:443", "no origin"),
        ("CORS_ORIGINS", "https://Map.example.cn", "no origin"),
        ("CORS_ORIGINS", "null", "no origin"),
        ("WECHAT_SUBSCRIBE_TEMPLATES", "BOOKINGS:abc", "the forms are ACCOUNT, BOOKING"),
        ("WECHAT_SUBSCRIBE_TEMPLATES", "BOOKING:abc,BOOKING:abd", "is no FORM:id"),
        ("WECHAT_OFFICIAL_ACCOUNT_TEMPLATES", "REFUND", "is no FORM:id"),
        ("WECHAT_SUBSCRIBE_TEMPLATES", "BOOKING:sandbox-subscribe-BOOKING", "sandbox"),
        ("CORS_ORIGINS", "https://map.example.cn,http://h5.example.cn", "not https"),
        ("WECHAT_BASE_URL", "http://127.0.0.1:9001", "https"),
        ("WECHAT_PAY_BASE_URL", "https://localhost:9002", "real one"),
        ("WECHAT_OPEN_URL", "http://127.0.0.1:9001", "https"),
        ("TENCENT_CLOUD_SMS_BASE_URL", "http://127.0.0.1:9004", "https"),
        ("TENCENT_CLOUD_FACEID_BASE_URL", "https://localhost:9004", "real one"),
        ("GOVERNMENT_PLATFORM_BASE_URL", "http://127.0.0.1:9003", "https"),
        ("GOVERNMENT_PLATFORM_500000_BASE_URL", "https://platform.example.gov.cn", "belong together"),
        ("WECHAT_MINI_PROGRAM_SECRET", "change-me", "placeholder"),
        ("WECHAT_PAY_APIV3_KEY", "short", "32 bytes"),
        ("WECHAT_PAY_MERCHANT_KEY_FILE", "/nowhere/key.pem", "cannot be read"),
        ("CODE_KEYS", "1:change-me", "placeholder"),
        ("CODE_KEYS", "1:" + base64.b64encode(bytes(32)).decode(), "not random"),
        ("CODE_KEYS", "1:" + base64.b64encode(b"development:" + b"abcdefghijklmnopqrst").decode(), "development"),
        ("CODE_KEYS", "1:" + base64.b64encode(b"too short").decode(), "32 bytes"),
        ("CODE_KEYS", a_key("10"), "id"),
        ("TOKEN_KEYS", f"{a_key('a')},{a_key('a')}", "id"),
        ("PORT", "99999", "65535"),
        ("PORT", "８０００", "number"),
        ("LOG_LEVEL", "LOUD", "DEBUG"),
    ],
)
def test_production_refuses(production: dict[str, str], name: str, value: str, word: str) -> None:
    [fault] = faults_of(production | {name: value})
    assert fault.startswith(name)
    assert word in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAFF_PASSWORD_LENGTH", "7"),
        ("STAFF_PASSWORD_CLASSES", "2"),
        ("STAFF_PASSWORD_DAYS", "91"),
        ("STAFF_PASSWORDS_REMEMBERED", "4"),
        ("STAFF_FAILURES", "6"),
        ("STAFF_LOCK_SECONDS", "299"),
        ("STAFF_IDLE_SECONDS", "601"),
        ("STAFF_SIGN_IN_HOURS", "13"),
        ("STAFF_SECOND_FACTOR", "off"),
    ],
)
def test_production_refuses_what_is_weaker_than_level_3_and_development_takes_it(
    production: dict[str, str], tmp_path: Path, name: str, value: str
) -> None:
    [fault] = faults_of(production | {name: value})
    assert fault.startswith(name)
    relaxed = read_settings({"DATA_DIR": str(tmp_path), name: value}).staff_policy
    assert relaxed != (DEVELOPMENT if name != "STAFF_SECOND_FACTOR" else LEVEL_3)


def test_staff_are_held_to_level_3_unless_somebody_is_stricter(production: dict[str, str], tmp_path: Path) -> None:
    assert read_settings(production).staff_policy == LEVEL_3
    assert read_settings({"DATA_DIR": str(tmp_path)}).staff_policy == DEVELOPMENT
    strict = {"STAFF_PASSWORD_LENGTH": "12", "STAFF_PASSWORD_DAYS": "30", "STAFF_FAILURES": "3"}
    policy = read_settings(production | strict).staff_policy
    assert (policy.shortest_password, policy.password_life.days, policy.failures_until_lock) == (12, 30, 3)


def test_sms_need_a_signature_and_the_text_of_codes(production: dict[str, str]) -> None:
    faults = faults_of(production | {"SMS_APP_ID": "1400000001"})
    assert [fault.split()[0] for fault in faults] == ["SMS_SIGN_NAME", "SMS_TEMPLATE_CODE"]
    complete = {"SMS_APP_ID": "1400000001", "SMS_SIGN_NAME": "全民健身", "SMS_TEMPLATE_CODE": "1"}
    assert read_settings(production | complete).sms_app_id == "1400000001"
    assert read_settings(production).sms_app_id == ""


def test_a_form_has_the_id_of_its_template_at_wechat_or_is_not_sent(production: dict[str, str]) -> None:
    given = read_settings(production | {"WECHAT_SUBSCRIBE_TEMPLATES": "BOOKING:aB_-9, REFUND:r2,"})
    assert given.wechat_subscribe_templates == {"BOOKING": "aB_-9", "REFUND": "r2"}
    assert given.wechat_official_account_templates == {}


def test_other_sites_are_listed_by_their_exact_origins(production: dict[str, str]) -> None:
    given = production | {"CORS_ORIGINS": " https://map.example.cn, https://h5.example.cn:8443,"}
    assert read_settings(given).cors_origins == ("https://map.example.cn", "https://h5.example.cn:8443")
    assert read_settings(production).cors_origins == ()


def test_development_takes_pages_without_tls_but_no_patterns(tmp_path: Path) -> None:
    development = {"DATA_DIR": str(tmp_path)}
    given = development | {"CORS_ORIGINS": "http://localhost:5173,http://127.0.0.1:8080"}
    assert read_settings(given).cors_origins == ("http://localhost:5173", "http://127.0.0.1:8080")
    [fault] = faults_of(development | {"CORS_ORIGINS": "*"})
    assert "no origin" in fault


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://sports.example.cn", "https://sports.example.cn"),
        ("https://Sports.Example.cn:443/base", "https://sports.example.cn"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://sports.example.cn:8443/", "https://sports.example.cn:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_addresss_origin_is_what_browsers_write(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_a_load_made_on_purpose_widens_rates_in_development_only(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path), "RATE_SCALE": "1000"}
    assert read_settings(given).rate_scale == 1000
    assert read_settings(given | {"RATE_SCALE": ""}).rate_scale == 1
    assert "from 0.1 to 10000" in faults_of(given | {"RATE_SCALE": "off"})[0]


def test_answers_are_kept_unless_somebody_says_off(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path)}
    said = [read_settings(given | {"ANSWERS_CACHE": text}).keeps_answers for text in ("", "on", "off")]
    assert said == [True, True, False]
    assert faults_of(given | {"ANSWERS_CACHE": "no"}) == ["ANSWERS_CACHE is 'no'; it must be on or off"]


def test_a_merchant_with_platform_certificates_only_needs_no_public_key(production: dict[str, str]) -> None:
    del production["WECHAT_PAY_PUBLIC_KEY_ID"]
    assert any("belong together" in fault for fault in faults_of(production))
    del production["WECHAT_PAY_PUBLIC_KEY_FILE"]
    assert read_settings(production).wechat_pay_public_key_file is None


def test_production_does_not_charge_made_up_prices_by_oversight(production: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bff", "import"],
        env=clean_environment(**production),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.returncode == 1
    assert "DEMONSTRATION" in done.stderr
    assert "--demonstration" in done.stderr


def test_a_misspelt_environment_is_no_development() -> None:
    assert any(fault.startswith("ENV is 'prod'") for fault in faults_of({"ENV": "prod"}))


def test_production_refuses_the_secrets_of_a_development_start(production: dict[str, str], tmp_path: Path) -> None:
    read_settings({"DATA_DIR": str(tmp_path)})
    made = read_env_file(tmp_path / "development-secrets.env")
    faults = faults_of(production | made)
    assert len(faults) == len(KEY_VARIABLES)
    assert all("made for development" in fault for fault in faults)


def test_production_refuses_the_sandboxs_merchant(production: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "product.env").write_text("")
    assert all("made by the sandbox" in fault for fault in faults_of(production))


def test_neither_a_fault_nor_a_representation_tells_a_secret(production: dict[str, str]) -> None:
    shown = repr(read_settings(production))
    for secret in (
        "hunter22",
        "k" * 32,
        "s" * 32,
        production["CODE_KEYS"][2:],
        "0123456789abcdef0123456789abcdef",
    ):
        assert secret not in shown
    key = production["CODE_KEYS"]
    assert key[2:] not in "".join(faults_of(production | {"CODE_KEYS": key.replace("1:", "x:")}))


def test_development_makes_its_secrets_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = read_settings({"DATA_DIR": str(tmp_path)})
    second = read_settings({"DATA_DIR": str(tmp_path)})
    elsewhere = read_settings({"DATA_DIR": str(tmp_path / "other")})
    assert first.token_keys == second.token_keys
    assert first.token_keys != elsewhere.token_keys
    assert stat.S_IMODE((tmp_path / "development-secrets.env").stat().st_mode) == 0o600
    assert first.database_url == f"sqlite://{tmp_path / 'sports-for-all.db'}"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    (fault,) = faults_of({"DATA_DIR": str(tmp_path / "a-file" / "data")})
    assert fault.startswith(f"DATA_DIR {tmp_path / 'a-file' / 'data'} cannot be written")


def test_a_development_folder_of_before_gets_the_rings_that_are_new_since(tmp_path: Path) -> None:
    first = read_settings({"DATA_DIR": str(tmp_path)})
    path = tmp_path / "development-secrets.env"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "STATEMENT" not in line))
    second, third = [read_settings({"DATA_DIR": str(tmp_path)}) for _ in range(2)]
    assert second.token_keys == first.token_keys
    assert second.statement_keys == third.statement_keys != first.statement_keys
    assert stat.S_IMODE((tmp_path / "development-secrets.STATEMENT_KEYS.env").stat().st_mode) == 0o600


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert read_settings({"DATA_DIR": str(tmp_path), "PORT": "", "DATABASE_URL": ""}).port == 8000


def test_the_example_names_every_variable_and_is_itself_refused(production: dict[str, str]) -> None:
    example = read_env_file(ROOT / ".env.example")
    assert set(production) <= set(example)
    placeholders = {name for name, value in example.items() if "change-me" in value}
    said = "\n".join(faults_of(example))
    assert [name for name in placeholders - {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"} if name not in said] == []


@pytest.mark.parametrize("command", ["web", "worker", "migrate", "run"])
def test_a_refused_process_ends_with_code_2_and_says_why(command: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bff", command],
        env=clean_environment(ENV="production", DATA_DIR=str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert ended.returncode == 2
    assert "DATABASE_URL is missing" in ended.stderr
    assert "CODE_KEYS is missing" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, {"ALIPAY_SELLER_ID", "ALIPAY_APP_KEY_FILE", "ALIPAY_PUBLIC_KEY_FILE"}),
        (
            {"ALIPAY_SELLER_ID": "2088000000000000", "ALIPAY_APP_CERTIFICATE_FILE": "{pem}"},
            {"ALIPAY_APP_KEY_FILE", "ALIPAY_CERTIFICATE_FILE", "ALIPAY_ROOT_CERTIFICATE_FILE"},
        ),
    ],
)
def test_an_alipay_app_needs_all_of_what_belongs_to_it(
    production: dict[str, str], tmp_path: Path, given: dict[str, str], missing: set[str]
) -> None:
    pem = str(tmp_path / "merchant.pem")
    given = {name: value.replace("{pem}", pem) for name, value in given.items()}
    faults = faults_of({**production, "ALIPAY_APP_ID": "2021000000000000", **given})
    assert {fault.split()[0] for fault in faults} == missing


def test_a_file_of_alipays_that_cannot_be_read_is_a_fault_of_its_own(production: dict[str, str]) -> None:
    faults = faults_of({**production, "ALIPAY_PUBLIC_KEY_FILE": "/nowhere/old.pem, /nowhere/new.pem"})
    assert [fault.split(":")[0] for fault in faults] == ["ALIPAY_PUBLIC_KEY_FILE"] * 2
