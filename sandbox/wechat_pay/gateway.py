"""What every part of the simulated WeChat Pay works with: its service, its keys, its merchant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.keys import Secrets, load_certificate, public_key, serial_no
from sandbox.service import Service
from sandbox.store import Store
from sandbox.wechat_pay.certificates import Platform


@dataclass
class Gateway:
    service: Service
    platform: Platform
    known: Secrets
    merchant_serial: str
    merchant_key: rsa.RSAPublicKey
    wake: asyncio.Event = field(default_factory=asyncio.Event)  # set when the background has new work

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def faults(self) -> Faults:
        return self.service.faults

    @property
    def clock(self) -> Clock:
        return self.service.clock

    @property
    def appids(self) -> tuple[str, str]:
        """Those bound to the merchant: the mini-program's and the official account's."""
        return self.known.mini_program_appid, self.known.official_account_appid

    def now(self) -> datetime:
        return self.service.clock.now()


def open_gateway(folder: Path, service: Service, known: Secrets) -> Gateway:
    certificate = load_certificate(folder / "merchant_certificate.pem")
    return Gateway(
        service=service,
        platform=Platform(folder, known.public_key_id),
        known=known,
        merchant_serial=serial_no(certificate),
        merchant_key=public_key(certificate),
    )
