"""The desk's page at /desk: staff sign in, say where they stand, and scan codes (reference: issue 2, item 7).

The routes only translate. What they need from the business is `Desk`; `desk_routes` gives them one.

**Forged requests.** Every POST must come from our own pages: its Origin (or, from browsers that send none, its
Referer) names the host it was sent to. That also covers signing in, where there is no cookie yet to protect. All
cookies are HttpOnly, SameSite=Strict and, outside development, Secure, so that another site's request would arrive
without them anyway. A proxy in front must pass the Host header on unchanged.

**Cookies**, all under the path /desk: `desk_sign_in` is the sign-in's token and ends with the browser;
`desk_device` is a random number by which the business tells devices apart (repeated nonces, unknown codes);
`desk_post` is the venue and checkpoint this device stands at, and grants nothing: the business checks the venue.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bff.pages.desk_arriving import PAGES, Arrivals, arriving_routes
from bff.pages.rendering import STATIC, OwnFiles, page
from bff.pages.visitors import (
    CHECKPOINT_LENGTH,
    DEFAULT_CHECKPOINT,
    DEVICE,
    KEPT_S,
    POST,
    SIGN_IN,
    STATUS_OF,
    Post,
    address_of,
    body_of,
    device_of,
    form_in,
    from_our_pages,
    json_response,
    new_device,
    post_in_cookie,
    post_of,
)
from models.admissions.rules import Colour, Verdict
from models.calendar import SHANGHAI, span_text
from models.errors import BadInput, DomainError, ErrorCode, NotSignedIn
from models.staff.rules import ROLE_WORDS, SignInStage, StaffSignedIn

BACK_TO = {"money": "/desk/money", "people": "/desk/people"}
"""Where somebody worked whose sign-in ended, and goes on after the next one, by what `?to=` says."""

MOST_LISTED = 8
"""Venues that are offered one below the other; more of them in a list that finds a name by its first letters."""


class Desk(Arrivals, Protocol):
    """What the page asks of the business. Refusals are DomainError; `now` is an aware UTC instant.

    `redeem` itself refuses with NotSignedIn when the token has ended, and refuses a venue that is not the person's:
    the browser only claims either. The same nonce from the same device gets the first verdict again.
    """

    async def sign_in(
        self, *, username: str, password: str, device_id: str, address: str, now: datetime
    ) -> StaffSignedIn: ...

    async def find(self, *, token: str, now: datetime) -> StaffSignedIn | None: ...

    async def sign_out(self, *, token: str, address: str, now: datetime) -> None: ...

    async def redeem(
        self,
        *,
        token: str,
        venue_id: str,
        checkpoint: str,
        code: str,
        nonce: str,
        direction: str,
        id_checked: bool,
        address: str,
        now: datetime,
    ) -> Verdict: ...


def desk_routes(desk: Desk, clock: Callable[[], datetime], *, secure_cookies: bool = True) -> list[BaseRoute]:
    """The routes under /desk. `secure_cookies` is off only in development, where there is no TLS.

    The address passed on is the connection's as Starlette tells it; trusted proxies are resolved before us.
    """
    pages = _DeskPages(desk, clock, secure_cookies)
    return [
        Route("/desk", pages.show, methods=["GET"]),
        Route("/desk/post", pages.show_posts, methods=["GET"]),
        *arriving_routes(desk, clock),
        Route("/desk/sign-in", from_our_pages(pages.sign_in), methods=["POST"]),
        Route("/desk/post", from_our_pages(pages.choose_post), methods=["POST"]),
        Route("/desk/sign-out", from_our_pages(pages.sign_out), methods=["POST"]),
        Route("/desk/redeem", from_our_pages(pages.redeem), methods=["POST"]),
        Mount("/desk/static", OwnFiles(directory=STATIC / "desk")),
    ]


@dataclass(frozen=True, slots=True)
class _DeskPages:
    desk: Desk
    clock: Callable[[], datetime]
    secure_cookies: bool

    async def show(self, request: Request) -> Response:
        """The scan page; before that the sign-in form and what it still needs, or the choice of a post."""
        signed_in = await self._who(request)
        if signed_in is None:
            return await self._arrival_form(request)
        post = post_of(request, signed_in)
        if post is None:
            return RedirectResponse("/desk/post", 303)
        venue_name = dict(signed_in.venues)[post.venue_id]
        response = self._page(
            request, "desk/scan.html", signed_in=signed_in, post=post, venue_name=venue_name, tab="scan"
        )
        self._set_cookie(response, POST, post.as_cookie(), max_age=KEPT_S)
        return response

    async def sign_in(self, request: Request) -> Response:
        username, to, device_id = "", "", device_of(request) or new_device()
        try:
            form = await form_in(request)
            username, to = form.get("username", "").strip(), form.get("to", "")
            signed_in = await self.desk.sign_in(
                username=username,
                password=form.get("password", ""),
                device_id=device_id,
                address=address_of(request),
                now=self.clock(),
            )
        except DomainError as refusal:
            return self._sign_in_form(request, username=username, refusal=refusal, to=to)
        is_open = signed_in.stage is SignInStage.OPEN
        response = RedirectResponse(BACK_TO.get(to, "/desk") if is_open else "/desk", 303)
        self._set_cookie(response, SIGN_IN, signed_in.token)
        self._set_cookie(response, DEVICE, device_id, max_age=KEPT_S)
        return response

    async def show_posts(self, request: Request) -> Response:
        signed_in = await self._who(request)
        if signed_in is None:
            return RedirectResponse("/desk", 303)
        post = post_of(request, signed_in)
        return self._page(
            request,
            "desk/post.html",
            signed_in=signed_in,
            post=post,
            default=DEFAULT_CHECKPOINT,
            most_listed=MOST_LISTED,
            roles="、".join(dict.fromkeys(ROLE_WORDS[held.role] for held in signed_in.roles)),
        )

    async def choose_post(self, request: Request) -> Response:
        signed_in = await self._who(request)
        if signed_in is None:
            return RedirectResponse("/desk", 303)
        try:
            form = await form_in(request)
        except BadInput:
            form = {}
        venue_id, checkpoint = form.get("venue", ""), form.get("checkpoint", "").strip()
        if venue_id not in dict(signed_in.venues):
            return RedirectResponse("/desk/post", 303)
        response = RedirectResponse("/desk", 303)
        post = Post(venue_id, checkpoint[:CHECKPOINT_LENGTH] or DEFAULT_CHECKPOINT)
        self._set_cookie(response, POST, post.as_cookie(), max_age=KEPT_S)
        return response

    async def sign_out(self, request: Request) -> Response:
        if token := request.cookies.get(SIGN_IN):
            await self.desk.sign_out(token=token, address=address_of(request), now=self.clock())
        response = RedirectResponse("/desk", 303)
        response.delete_cookie(SIGN_IN, path="/desk", secure=self.secure_cookies, httponly=True, samesite="strict")
        return response

    async def redeem(self, request: Request) -> Response:
        now = self.clock()
        try:
            scan = _scan_in(await body_of(request))
            token, post = request.cookies.get(SIGN_IN), post_in_cookie(request)
            if token is None or post is None:
                raise NotSignedIn
            verdict = await self.desk.redeem(
                token=token,
                venue_id=post.venue_id,
                checkpoint=post.checkpoint,
                code=scan.code,
                nonce=scan.nonce,
                direction=scan.direction,
                id_checked=scan.id_checked,
                address=address_of(request),
                now=now,
            )
        except DomainError as refusal:
            return _json(_refused(refusal), now, STATUS_OF.get(refusal.code, 200))
        return _json(verdict, now)

    async def _who(self, request: Request) -> StaffSignedIn | None:
        token = request.cookies.get(SIGN_IN)
        return await self.desk.find(token=token, now=self.clock()) if token else None

    async def _arrival_form(self, request: Request) -> Response:
        """What a sign-in that is not open yet needs next; without one, the form for a new one."""
        token = request.cookies.get(SIGN_IN)
        arriving = await self.desk.arriving(token=token, now=self.clock()) if token else None
        if arriving is None:
            return self._sign_in_form(request, expired=token is not None, to=request.query_params.get("to", ""))
        return RedirectResponse(PAGES[arriving.stage], 303)

    def _sign_in_form(
        self,
        request: Request,
        *,
        expired: bool = False,
        username: str = "",
        refusal: DomainError | None = None,
        to: str = "",
    ) -> Response:
        to = to if to in BACK_TO else ""
        status = (503 if refusal.code is ErrorCode.BUSY else 403) if refusal else 200
        return self._page(
            request, "desk/sign_in.html", status, expired=expired, username=username, refusal=refusal, to=to
        )

    def _page(self, request: Request, template: str, status: int = 200, **context: Any) -> Response:
        response = page(request, template, status, **context)
        if device_of(request) is None:
            self._set_cookie(response, DEVICE, new_device(), max_age=KEPT_S)
        return response

    def _set_cookie(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path="/desk",
            secure=self.secure_cookies,
            httponly=True,
            samesite="strict",
        )


@dataclass(frozen=True, slots=True)
class _Scan:
    code: str
    nonce: str
    direction: str
    id_checked: bool


def _scan_in(body: bytes) -> _Scan:
    """The script's JSON, or BadInput: whatever else comes was not sent by our page."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    match said:
        case {"code": str(code), "nonce": str(nonce), "direction": str(direction), "idChecked": bool(id_checked)}:
            whole = re.fullmatch(r"[0-9]{1,64}", code) and re.fullmatch(r"[0-9A-Za-z_-]{16,64}", nonce)
            if whole and direction in ("ENTRY", "EXIT"):
                return _Scan(code, nonce, direction, id_checked)
    raise BadInput("没有读懂这次扫码。", next_step="请刷新页面后再扫一次；码只含数字。")


def _refused(refusal: DomainError) -> Verdict:
    """A refusal before any verdict: yellow where trying again helps, red where it does not."""
    passing = refusal.code in (ErrorCode.BUSY, ErrorCode.TOO_MANY_ATTEMPTS)
    colour = Colour.YELLOW if passing else Colour.RED
    return Verdict(refusal.code, colour, refusal.message, next_step=refusal.next_step or "")


def _json(verdict: Verdict, now: datetime, status: int = 200) -> Response:
    starts_at, ends_at = verdict.starts_at, verdict.ends_at
    said = {
        "colour": verdict.colour,
        "code": verdict.outcome,
        "headline": verdict.headline,
        "detail": verdict.detail or None,
        "nextStep": verdict.next_step or None,
        "court": verdict.court or None,
        "time": span_text(starts_at, ends_at) if starts_at and ends_at else None,
        "scannedAt": now.astimezone(SHANGHAI).strftime("%H:%M:%S"),  # old PCs' own clocks are often wrong
    }
    return json_response(said, status)
