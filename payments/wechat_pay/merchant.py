"""Who we are at WeChat Pay."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """One merchant number with a mini-program and, if any, an official account (公众号).

    `certificate_serial` names the certificate of `private_key`; `notify_url` is where notices go (at most 255
    characters, no query string). The secrets stay out of `repr`, and so out of logs.
    """

    mchid: str
    appid: str
    official_account_appid: str = ""
    certificate_serial: str
    private_key: RSAPrivateKey = field(repr=False)
    apiv3_key: bytes = field(repr=False)
    notify_url: str

    def __post_init__(self) -> None:
        if len(self.apiv3_key) != 32:
            raise ValueError("the WeChat Pay API v3 key has exactly 32 bytes")
        if "?" in self.notify_url or len(self.notify_url) > 255:
            raise ValueError("the notify_url has at most 255 characters and no query string")

    @property
    def appids(self) -> frozenset[str]:
        """Every app of ours in which can be paid."""
        return frozenset({self.appid, self.official_account_appid} - {""})
