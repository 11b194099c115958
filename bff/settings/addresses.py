"""Addresses as browsers write them, and which of them never leave this machine."""

import re
from urllib.parse import urlsplit

ORIGIN = re.compile(r"https?://(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[1-9][0-9]{1,4})?(?<!:443)(?<!:80)")


def origin_of(url: str) -> str:
    """As a browser writes it into Origin: scheme, host, and a port that is not the scheme's own."""
    parts = urlsplit(url)
    standard = {"http": 80, "https": 443}.get(parts.scheme)
    port = f":{parts.port}" if parts.port not in (None, standard) else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.") or host in ("::1", "0.0.0.0")  # noqa: S104
