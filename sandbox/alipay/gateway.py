"""What every part of the simulated Alipay works with: its service, its two ways to sign, its merchant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.alipay import signing
from sandbox.faults import Faults
from sandbox.keys import Secrets, load_private_key, load_secrets, public_key
from sandbox.service import Service
from sandbox.store import Store


@dataclass(frozen=True)
class Identity:
    """A key that Alipay signs with; in certificate mode its answers name the certificate by `sn`."""

    key: rsa.RSAPrivateKey
    sn: str | None = None


@dataclass
class Gateway:
    service: Service
    app_id: str
    seller_id: str
    app_key: rsa.RSAPublicKey
    app_certificate_sn: str
    root_certificate_sn: str
    by_key: Identity
    by_certificate: Identity
    wake: asyncio.Event = field(default_factory=asyncio.Event)  # set when the background has new work

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def faults(self) -> Faults:
        return self.service.faults

    def now(self) -> datetime:
        return self.service.clock.now()

    def identity(self, *, certificate_mode: bool) -> Identity:
        return self.by_certificate if certificate_mode else self.by_key

    @cached_property
    def stranger(self) -> Identity:
        """Somebody who isn't Alipay, for the fault `notices_signed_by_unknown`."""
        return Identity(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def open_gateway(folder: Path, service: Service) -> Gateway:
    known: Secrets = load_secrets(folder)
    app_certificate = _certificates(folder / "alipay_app_certificate.pem")[0]
    return Gateway(
        service=service,
        app_id=known.alipay_app_id,
        seller_id=known.alipay_seller_id,
        app_key=public_key(app_certificate),
        app_certificate_sn=signing.certificate_sn(app_certificate),
        root_certificate_sn=signing.root_certificate_sn(_certificates(folder / "alipay_root_certificate.pem")),
        by_key=Identity(load_private_key(folder / "alipay_private_key.pem")),
        by_certificate=Identity(
            load_private_key(folder / "alipay_certificate_key.pem"),
            signing.certificate_sn(_certificates(folder / "alipay_certificate.pem")[0]),
        ),
    )


def _certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())
