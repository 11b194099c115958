"""What a job is, and what it may reach."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from jobs.forwarding import Platforms
from jobs.messengers import Messengers
from models.keys import AuditKeys
from models.privacy.rules import PrivacyKeys
from payments.port import PaymentChannel
from wechat.risk import RiskRanks


@dataclass(frozen=True, kw_only=True)
class Tools:
    """Adapters and ports, built once per process by `bff.wiring`. `clock` gives aware UTC."""

    channels: Mapping[str, PaymentChannel]
    platforms: Platforms
    clock: Callable[[], datetime]
    wake: Callable[[str], Awaitable[None]]
    audit_keys: AuditKeys
    privacy_keys: PrivacyKeys
    messengers: Messengers
    risk_ranks: RiskRanks | None = None  # None: this house does not ask WeChat about people


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that finds in the database whatever is due, does a bounded part of it, and may be run at any moment.

    It runs when it is woken by name, and every so many seconds in any case.
    """

    name: str
    function: Callable[[Tools], Awaitable[object]]
    every_seconds: float
    timeout_seconds: float = 60
