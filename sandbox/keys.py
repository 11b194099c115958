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
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

CERTIFICATE_LIFE = timedelta(days=5 * 365)


@dataclass(frozen=True)
class Secrets:
    """What a merchant and an operator would be told by letter."""

    mini_program_appid: str
    mini_program_secret: str
    mchid: str
    apiv3_key: str
    public_key_id: str
    government_app_id: str
    government_secret: str


def make_keys(folder: Path) -> None:
    """Make what is missing in `folder` and nothing else; several processes may call it at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _once(folder / "secrets.json", lambda: json.dumps(asdict(_new_secrets()), indent=2).encode())
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
        mchid="16" + _digits(8),
        apiv3_key=secrets.token_hex(16),
        public_key_id="PUB_KEY_ID_01" + _digits(26),
        government_app_id="sports-" + _digits(6),
        government_secret=secrets.token_hex(32),
    )


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _new_private_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _product_env(folder: Path) -> str:
    known = load_secrets(folder)
    home = folder.resolve()
    lines = {
        "WECHAT_MINI_PROGRAM_APPID": known.mini_program_appid,
        "WECHAT_MINI_PROGRAM_SECRET": known.mini_program_secret,
        "WECHAT_PAY_MCHID": known.mchid,
        "WECHAT_PAY_MERCHANT_SERIAL": serial_no(load_certificate(folder / "merchant_certificate.pem")),
        "WECHAT_PAY_MERCHANT_KEY_FILE": home / "merchant_key.pem",
        "WECHAT_PAY_APIV3_KEY": known.apiv3_key,
        "WECHAT_PAY_PUBLIC_KEY_ID": known.public_key_id,
        "WECHAT_PAY_PUBLIC_KEY_FILE": home / "wechat_pay_public_key.pem",
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
