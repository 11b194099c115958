"""Who we are at Alipay, and how we know that it is Alipay that answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


class Trust(Protocol):
    """Alipay's keys as we know them: plain (公钥模式, `KeyTrust`) or certified (公钥证书模式, `CertificateTrust`).

    Which of the two is the app's setting at Alipay; an app that was set to certificates must use them.
    """

    @property
    def parameters(self) -> Mapping[str, str]:
        """What a request says about the certificates it is made with; nothing where there are none."""
        ...

    def keys(self, serial: str | None, now: datetime) -> Sequence[RSAPublicKey]:
        """The keys with which Alipay may have signed. `serial` is the certificate it names, None if it names none.

        Raises `NoticeKeyUnknown` when it is not one of ours, or none of ours is within its dates.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app of one seller. The private key stays out of `repr`, and so out of logs.

    `app_id` is the app's number, `seller_id` the number (2088…) of the account that is paid; `notify_url` is where
    notices go.
    """

    app_id: str
    seller_id: str
    private_key: RSAPrivateKey = field(repr=False)
    trust: Trust = field(repr=False)
    notify_url: str

    def __post_init__(self) -> None:
        if not (self.seller_id.startswith("2088") and len(self.seller_id) == 16 and self.seller_id.isdigit()):
            raise ValueError("the seller_id has 16 digits and begins with 2088")
        if not self.app_id or len(self.notify_url) > 256:
            raise ValueError("the app has an id, and its notify_url at most 256 characters")
