"""Variables of each kind as text, and all that is wrong with them."""

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from bff.settings.addresses import ORIGIN, is_this_machine
from bff.settings.development import DEVELOPMENT_MARK
from bff.settings.fields import KEY_BYTES, Keys, Network
from models.messages.templates import shelf

PLACEHOLDER = "change-me"  # what .env.example holds where a secret belongs


class Variables:
    """Reads one variable after the other and remembers every fault instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []
        self.production = environ.get("ENV") == "production"

    def text(self, name: str, default: str = "") -> str:
        value = self.environ.get(name) or default
        if self.production and PLACEHOLDER in value:
            self.faults.append(f"{name} still holds the placeholder of .env.example")
        return value

    def number(self, name: str, default: int, allowed: range) -> int:
        text = self.text(name, str(default))
        if re.fullmatch(r"[0-9]{1,6}", text) and int(text) in allowed:
            return int(text)
        self.faults.append(f"{name} is {text!r}; it must be a number from {allowed[0]} to {allowed[-1]}")
        return default

    def on_or_off(self, name: str, default: str = "on") -> bool:
        text = self.text(name, default)
        if text not in ("on", "off"):
            self.faults.append(f"{name} is {text!r}; it must be on or off")
        return text == "on"

    def outside(self, name: str) -> str:
        """Something that WeChat, WeChat Pay or the platform told us. Development gets it from the sandbox."""
        value = self.text(name)
        if self.production and not value:
            self.faults.append(f"{name} is missing")
        return value

    def outside_url(self, name: str, default: str = "") -> str:
        url = (self.text(name, default)).rstrip("/")
        if self.production and (urlsplit(url).scheme != "https" or is_this_machine(url)):
            self.faults.append(f"{name} is {url!r}; production speaks to the real one, over https://")
        return url

    def origins(self, name: str) -> tuple[str, ...]:
        """Exact ones, as browsers write them: no pattern, no path, no standard port."""
        origins: list[str] = []
        for text in _between_commas(self.text(name)):
            if not ORIGIN.fullmatch(text):
                self.faults.append(f"{name}: {text!r} is no origin such as https://map.example.cn")
            elif self.production and not text.startswith("https://"):
                self.faults.append(f"{name}: {text} is not https://, so anybody on its way could speak for it")
            origins.append(text)
        return tuple(origins)

    def ip_address(self, name: str) -> str:
        text = self.text(name)
        try:
            return str(ip_address(text)) if text else ""
        except ValueError:
            self.faults.append(f"{name}: {text!r} is no address such as 203.0.113.7")
            return ""

    def networks(self, name: str) -> tuple[Network, ...]:
        networks: list[Network] = []
        for text in _between_commas(self.text(name)):
            try:
                network = ip_network(text)
            except ValueError:
                self.faults.append(f"{name}: {text!r} is no network such as 10.0.0.0/8 or 10.1.2.3")
                continue
            if self.production and network.prefixlen == 0:
                self.faults.append(f"{name}: {text} trusts everybody; name the proxies' own networks")
            networks.append(network)
        return tuple(networks)

    def file(self, name: str, text: str) -> Path | None:
        if not text:
            return None
        path = Path(text).resolve()
        if not os.access(path, os.R_OK):
            self.faults.append(f"{name}: {path} cannot be read")
        elif self.production and (path.parent / "product.env").exists():
            self.faults.append(f"{name}: {path} was made by the sandbox")
        return path

    def files(self, name: str) -> tuple[Path, ...]:
        """Several, with commas between: a key and the one that is about to follow it."""
        paths = (self.file(name, text) for text in _between_commas(self.text(name)))
        return tuple(path for path in paths if path)

    def templates(self, name: str) -> Mapping[str, str]:
        """`FORM:id,FORM:id`: which template of WeChat's each of our forms is. Those that are not named are not sent."""
        forms, ids = shelf().forms, dict[str, str]()
        for entry in _between_commas(self.text(name)):
            form, _, template_id = entry.partition(":")
            if form not in forms or form in ids or not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", template_id):
                self.faults.append(f"{name}: {entry!r} is no FORM:id; the forms are {', '.join(sorted(forms))}")
            elif self.production and template_id.startswith("sandbox-"):
                self.faults.append(f"{name}: {template_id} was made by the sandbox")
            ids[form] = template_id
        return ids

    def keys(self, name: str, key_id: str = r"[0-9A-Za-z_-]{1,16}") -> Keys:
        """`id:base64,id:base64`, 32 bytes each, the current one first. A fault never repeats a secret."""
        keys: dict[str, bytes] = {}
        if PLACEHOLDER in (text := self.text(name)):
            return keys
        for entry in _between_commas(text):
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


def _between_commas(text: str) -> Iterator[str]:
    return filter(None, (part.strip() for part in text.split(",")))


def _weakness(key: bytes) -> str | None:
    if key.startswith(DEVELOPMENT_MARK):
        return "was made for development"
    if len(set(key)) < 12:  # zeros, a repeated word; chance does not do that with 32 bytes
        return "is not random"
    return None
