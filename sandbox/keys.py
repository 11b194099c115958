"""Every key and secret that the product and the sandbox share, made once into one folder.

The product gets its half through `product.env`; the sandbox reads the folder itself.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

CERTIFICATE_LIFE = timedelta(days=5 * 365)
AUTHORITY = "Certification Authority"
AnyKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
MESSAGE_FORMS = ("BOOKING", "REFUND", "PEOPLE", "ACCOUNT", "FEEDBACK")
"""What the product calls the templates that it took from WeChat's library; the sandbox takes any id."""


@dataclass(frozen=True)
class Secrets:
    """What a merchant and an operator would be told by letter."""

    mini_program_appid: str
    mini_program_secret: str
    official_account_appid: str
    official_account_secret: str
    mchid: str
    apiv3_key: str
    public_key_id: str
    government_app_id: str
    government_secret: str
    alipay_app_id: str
    alipay_seller_id: str
    tencent_cloud_secret_id: str
    tencent_cloud_secret_key: str
    sms_app_id: str
    sms_sign_name: str


def make_keys(folder: Path) -> None:
    """Make what is missing in `folder` and nothing else; several processes may call it at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _complete_secrets(folder / "secrets.json")
        _once(folder / "merchant_key.pem", _new_private_key)
        _once(
            folder / "merchant_certificate.pem",
            lambda: new_certificate(
                load_private_key(folder / "merchant_key.pem"), "Sandbox Merchant", datetime.now(UTC)
            ),
        )
        _once(folder / "wechat_pay_private_key.pem", _new_private_key)
        _once(
            folder / "wechat_pay_public_key.pem",
            lambda: public_pem(load_private_key(folder / "wechat_pay_private_key.pem")),
        )
        if not platform_certificate_files(folder):
            add_platform_certificate(folder, datetime.now(UTC))
        _make_alipay_keys(folder)
        if not (folder / "alipay_app_certificate.pem").exists():
            _make_alipay_certificates(folder, datetime.now(UTC))
        _write(folder / "product.env", _product_env(folder).encode())


def load_secrets(folder: Path) -> Secrets:
    return Secrets(**json.loads((folder / "secrets.json").read_text()))


def load_private_key(path: Path) -> rsa.RSAPrivateKey:
    # Not validated again, which takes 30 ms a key: nobody but make_keys writes these files.
    key = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path.name} is not an RSA key")
    return key


def load_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def public_key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("not an RSA certificate")
    return key


def serial_no(certificate: x509.Certificate) -> str:
    """The serial as WeChat Pay writes it: upper-case hexadecimal."""
    return f"{certificate.serial_number:X}"


def platform_certificate_files(folder: Path) -> list[Path]:
    """All platform certificates, oldest first; the key stands beside each as `N.key.pem`."""
    found = (folder / "platform_certificates").glob("*.certificate.pem")
    return sorted(found, key=lambda path: int(path.name.split(".")[0]))


def add_platform_certificate(folder: Path, now: datetime) -> None:
    """A further platform certificate, which signs from now on (the certificate is written last)."""
    number = len(platform_certificate_files(folder)) + 1
    key_file = folder / "platform_certificates" / f"{number}.key.pem"
    _write(key_file, _new_private_key())
    _write(
        key_file.with_name(f"{number}.certificate.pem"),
        new_certificate(load_private_key(key_file), "Sandbox Tenpay", now),
    )


def new_certificate(key: rsa.RSAPrivateKey, common_name: str, now: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(157) | 1 << 157)  # always 40 hexadecimal digits, as WeChat's are
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + CERTIFICATE_LIFE)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _new_secrets() -> Secrets:
    return Secrets(
        mini_program_appid="wx" + secrets.token_hex(8),
        mini_program_secret=secrets.token_hex(16),
        official_account_appid="wx" + secrets.token_hex(8),
        official_account_secret=secrets.token_hex(16),
        mchid="16" + _digits(8),
        apiv3_key=secrets.token_hex(16),
        public_key_id="PUB_KEY_ID_01" + _digits(26),
        government_app_id="sports-" + _digits(6),
        government_secret=secrets.token_hex(32),
        alipay_app_id="2021" + _digits(12),
        alipay_seller_id="2088" + _digits(12),
        tencent_cloud_secret_id="AKID" + secrets.token_hex(16),
        tencent_cloud_secret_key=secrets.token_hex(16),
        sms_app_id="1400" + _digits(6),
        sms_sign_name="全民健身",
    )


def _complete_secrets(path: Path) -> None:
    """What an older folder lacks is added to it; what it has stays as it is."""
    known = json.loads(path.read_text()) if path.exists() else {}
    complete = asdict(_new_secrets()) | known
    if complete != known:
        _write(path, json.dumps(complete, indent=2).encode())


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _new_private_key() -> bytes:
    return _pkcs8_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _pkcs8_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _make_alipay_keys(folder: Path) -> None:
    """Key mode; and the merchant's one key in each form that the SDKs ask for."""
    _once(folder / "alipay_app_key.pem", _new_private_key)
    app_key = load_private_key(folder / "alipay_app_key.pem")
    _once(
        folder / "alipay_app_key_pkcs1.pem",
        lambda: app_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )
    _once(folder / "alipay_app_key_pkcs8.txt", lambda: _bare_base64((folder / "alipay_app_key.pem").read_bytes()))
    _once(folder / "alipay_private_key.pem", _new_private_key)
    _once(
        folder / "alipay_public_key.pem", lambda: public_pem(load_private_key(folder / "alipay_private_key.pem"))
    )


def _make_alipay_certificates(folder: Path, now: datetime) -> None:
    """Certificate mode. As Alipay's own, the root file holds several roots, one of them not signed with RSA.

    Only the key that signs answers is kept; who would issue further certificates makes a new folder.
    """
    root_key, ca_key, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))
    root, older_root, other_root = (_alipay_name(f"{AUTHORITY} {kind}") for kind in ("R1", "R0", "E1"))
    other_key = ec.generate_private_key(ec.SECP256R1())
    ca = _alipay_name(f"{AUTHORITY} Class 2 R1")
    roots: list[tuple[x509.Name, AnyKey]] = [(root, root_key), (other_root, other_key), (older_root, root_key)]
    _write(
        folder / "alipay_root_certificate.pem",
        b"".join(_issued(name, name, own_key, own_key, now) for name, own_key in roots),
    )
    _write(folder / "alipay_certificate_key.pem", _pkcs8_pem(key))
    _write(
        folder / "alipay_certificate.pem",
        _issued(_alipay_name("Alipay Gateway"), ca, key, ca_key, now) + _issued(ca, root, ca_key, root_key, now),
    )
    app_key = load_private_key(folder / "alipay_app_key.pem")
    app_certificate = _issued(_alipay_name("Sandbox Merchant"), ca, app_key, ca_key, now)
    _write(folder / "alipay_app_certificate.pem", app_certificate)  # last: where it is, the others are


def _alipay_name(common_name: str) -> x509.Name:
    """C, O, OU, CN, in the order of Ant's certificates."""
    parts = {NameOID.COUNTRY_NAME: "CN", NameOID.ORGANIZATION_NAME: "Sandbox Ant Financial"}
    parts |= {NameOID.ORGANIZATIONAL_UNIT_NAME: AUTHORITY, NameOID.COMMON_NAME: common_name}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _issued(subject: x509.Name, issuer: x509.Name, key: AnyKey, issuer_key: AnyKey, now: datetime) -> bytes:
    is_authority = f"CN={AUTHORITY}" in subject.rfc4514_string()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _bare_base64(pem: bytes) -> bytes:
    """Without BEGIN, END and line ends, as Alipay's tool hands a key to Java."""
    return b"".join(line for line in pem.splitlines() if not line.startswith(b"-----"))


def _product_env(folder: Path) -> str:
    known = load_secrets(folder)
    home = folder.resolve()
    lines = {
        "WECHAT_MINI_PROGRAM_APPID": known.mini_program_appid,
        "WECHAT_MINI_PROGRAM_SECRET": known.mini_program_secret,
        "WECHAT_OFFICIAL_ACCOUNT_APPID": known.official_account_appid,
        "WECHAT_OFFICIAL_ACCOUNT_SECRET": known.official_account_secret,
        "WECHAT_PAY_MCHID": known.mchid,
        "WECHAT_PAY_MERCHANT_SERIAL": serial_no(load_certificate(folder / "merchant_certificate.pem")),
        "WECHAT_PAY_MERCHANT_KEY_FILE": home / "merchant_key.pem",
        "WECHAT_PAY_APIV3_KEY": known.apiv3_key,
        "WECHAT_PAY_PUBLIC_KEY_ID": known.public_key_id,
        "WECHAT_PAY_PUBLIC_KEY_FILE": home / "wechat_pay_public_key.pem",
        "ALIPAY_APP_ID": known.alipay_app_id,
        "ALIPAY_SELLER_ID": known.alipay_seller_id,
        "ALIPAY_APP_KEY_FILE": home / "alipay_app_key.pem",
        "ALIPAY_PUBLIC_KEY_FILE": home / "alipay_public_key.pem",
        "TENCENT_CLOUD_SECRET_ID": known.tencent_cloud_secret_id,
        "TENCENT_CLOUD_SECRET_KEY": known.tencent_cloud_secret_key,
        "SMS_APP_ID": known.sms_app_id,
        "SMS_SIGN_NAME": known.sms_sign_name,
        "SMS_TEMPLATE_CODE": "1000001",
        "SMS_TEMPLATE_NOTICE": "1000002",
        "WECHAT_SUBSCRIBE_TEMPLATES": ",".join(f"{form}:sandbox-subscribe-{form}" for form in MESSAGE_FORMS),
        "WECHAT_OFFICIAL_ACCOUNT_TEMPLATES": ",".join(f"{form}:sandbox-official-{form}" for form in MESSAGE_FORMS),
        "GOVERNMENT_PLATFORM_APP_ID": known.government_app_id,
        "GOVERNMENT_PLATFORM_SECRET": known.government_secret,
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def _once(path: Path, make: Callable[[], bytes]) -> None:
    if not path.exists():
        _write(path, make())


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(content)
    unfinished.replace(path)
