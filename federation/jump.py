"""A platform that is not connected: its own mini-program or pages are opened, and the search is carried along.

Its addresses are templates with names in braces, as RFC 6570 has them at its simplest level: {venue}, {sport}, {day},
{time}, {lon}, {lat}. A parameter of a query about which nobody said anything is left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from federation.port import Jump, Search

NAMES = frozenset({"venue", "sport", "day", "time", "lon", "lat"})
APPID = re.compile(r"wx[0-9a-f]{16}")
_NAME = re.compile(r"\{([^{}]*)\}")
_PATH = re.compile(r"[A-Za-z0-9_/.{}-]+(\?[A-Za-z0-9_.=&{}-]*)?")
_WEB = re.compile(
    r"https://[a-z0-9.-]+(?::[0-9]{1,5})?/" + r"[A-Za-z0-9_/.{}-]*(\?[A-Za-z0-9_.=&{}-]*)?(#/[^#\s]*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpOnly:
    """Either template may be empty, not both."""

    appid: str
    path: str
    web: str

    def jump(self, search: Search) -> Jump:
        said = _said(search)
        return Jump(
            appid=self.appid,
            path=fill(self.path, said),
            url=fill(self.web, said),
        )


def faults(platform: JumpOnly) -> list[str]:
    """What is wrong with a platform's addresses, for whoever brings them in."""
    found = []
    if bool(platform.appid) != bool(platform.path):
        found.append("an appid and a path belong together")
    if not (platform.path or platform.web):
        found.append("there is nowhere to jump to")
    if platform.appid and not APPID.fullmatch(platform.appid):
        found.append(f"{platform.appid!r} is no appid of WeChat")
    for template, shape in ((platform.path, _PATH), (platform.web, _WEB)):
        if template and not shape.fullmatch(template):
            found.append(f"{template!r} is no address")
        unknown = set(_NAME.findall(template)) - NAMES
        if unknown:
            found.append(f"{template!r} asks for {', '.join(sorted(unknown))}, which no search says")
        if template and "{venue}" not in template:
            found.append(f"{template!r} does not say which venue")
    return found


def fill(template: str, said: Mapping[str, str]) -> str:
    """The address, with everything that was said in it, escaped; a parameter without a value is left out."""
    path, mark, query = template.partition("?")
    kept = [pair for pair in query.split("&") if all(said.get(name) for name in _NAME.findall(pair))]
    filled = path + (mark + "&".join(kept) if any(kept) else "")
    return _NAME.sub(lambda name: quote(said.get(name[1], ""), safe=""), filled)


def _said(search: Search) -> dict[str, str]:
    says = {"venue": search.venue, "sport": search.sport}
    if search.day is not None:
        says["day"] = search.day.isoformat()
    if search.minute is not None:
        says["time"] = f"{search.minute // 60:02d}:{search.minute % 60:02d}"
    if search.lon is not None and search.lat is not None:
        says |= {"lon": f"{search.lon:.6f}", "lat": f"{search.lat:.6f}"}
    return says
