"""What the scripts of the desk's pages ask, and how they are answered: JSON both ways, each act with its audit line.

A script hears what it asked for, or `refused` with a sentence. Cookies, posts and forged requests are as
`bff/pages/desk.py` says.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bff.graphql.rates import Allowance, Rates, who
from bff.pages.visitors import (
    SIGN_IN,
    STATUS_OF,
    Post,
    address_of,
    body_of,
    from_our_pages,
    json_response,
    post_in_cookie,
    post_of,
)
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.rules import told_by
from models.errors import BadInput, DomainError, NotSignedIn
from models.keys import AuditKeys
from models.staff import queries as staff
from models.staff.policy import StaffPolicy
from models.staff.rules import StaffSignedIn

Said = Mapping[str, Any]
Answer = Callable[["Asked"], Awaitable[Said]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a page's script asks of us."""

    clerk: StaffSignedIn
    venue_id: str
    said: Said = field(repr=False)  # may hold somebody's name and ID number
    now: datetime

    def text(self, name: str) -> str:
        """Raises BadInput, as all of these: our pages' scripts send a text here."""
        value = self.said.get(name, "")
        if not isinstance(value, str) or "\0" in value:
            raise unread()
        return value

    def texts(self, name: str) -> list[str]:
        value = self.said.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise unread()
        return value

    def number(self, name: str) -> int | None:
        value = self.said.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) > 10**12):
            raise unread()
        return value

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            raise unread() from None

    def instant(self, name: str) -> datetime:
        try:
            at = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise unread() from None
        if at.tzinfo is None:
            raise unread()
        return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """The acts of the page at /desk/`page`. `quiet`: which leave no line. `rates`: an act that `counted_as` names is
    counted with the root field that does the same."""

    page: str
    clock: Callable[[], datetime]
    audit_keys: AuditKeys
    policy: StaffPolicy
    quiet: Mapping[str, str] = field(default_factory=dict)
    rates: Rates | None = None
    counted_as: Mapping[str, str] = field(default_factory=dict)

    def routes(self, answers: Mapping[str, Answer]) -> list[BaseRoute]:
        return [
            Route(f"/desk/{self.page}/{name}", from_our_pages(self._answering(name, answer)), methods=["POST"])
            for name, answer in answers.items()
        ]

    async def at_their_post(self, request: Request) -> tuple[StaffSignedIn, Post] | None:
        """Who asks, and where they stand; None for who must sign in or say where first."""
        clerk = await self._who(request)
        post = post_of(request, clerk) if clerk else None
        return (clerk, post) if clerk and post else None

    def _answering(self, name: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            now = self.clock()
            deed = Deed(
                act=f"desk/{self.page}/{name}", at=now, address=address_of(request), is_quiet=name in self.quiet
            )
            try:
                said = _object_in(await body_of(request))
                allowance = await self._count(name, request)
                async with Doing(deed, keys=self.audit_keys):
                    clerk, post = await self._who(request), post_in_cookie(request)
                    if clerk is None or post is None:
                        raise NotSignedIn
                    if allowance:
                        allowance.good()
                    told_by(deed, (post.venue_id, *said.values()))
                    answer_given = await answer(Asked(clerk, post.venue_id, said, now))
                return json_response(answer_given)
            except DomainError as refusal:
                return json_response({"refused": _refused(refusal)}, STATUS_OF.get(refusal.code, 200))

        return answered

    async def _count(self, name: str, request: Request) -> Allowance | None:
        """By the sign-in, as at GraphQL's door. Raises TOO_MANY_ATTEMPTS."""
        if self.rates is None or name not in self.counted_as:
            return None
        token = request.cookies.get(SIGN_IN, "")
        who_asks = who(address_of(request), authorization=f"Staff {token}")
        allowance = await self.rates.count({self.counted_as[name]: 1}, who_asks)
        if allowance.refusal:
            raise allowance.refusal
        return allowance

    async def _who(self, request: Request) -> StaffSignedIn | None:
        token = request.cookies.get(SIGN_IN)
        return await staff.find(token=token, now=self.clock(), policy=self.policy) if token else None


def unread() -> BadInput:
    return BadInput("没有读懂这次操作。", next_step="请刷新页面后再试。")


def _object_in(body: bytes) -> Said:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise unread()
    return said


def _refused(refusal: DomainError) -> Said:
    return {
        "code": refusal.code,
        "message": refusal.message,
        "nextStep": refusal.next_step,
        "field": refusal.field,
    }
