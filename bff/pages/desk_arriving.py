"""Between the password and the open desk: the phone's code, a new password, setting up a second factor.

Each page is for its stage of a sign-in; whoever is at another one is sent to `/desk`, which knows where they belong.
Cookies and forged requests are as `bff/pages/desk.py` says; until the sign-in is open its cookie opens these only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bff.pages.rendering import page
from bff.pages.visitors import SIGN_IN, address_of, device_of, form_in, from_our_pages
from models.codes import pictures
from models.errors import BadInput, DomainError, ErrorCode, NotSignedIn
from models.staff.rules import SignInStage, StaffSignedIn
from models.staff.second_factor import SetUp

PAGES = {
    SignInStage.OPEN: "/desk",
    SignInStage.NEEDS_CODE: "/desk/code",
    SignInStage.NEEDS_PASSWORD: "/desk/password",
    SignInStage.NEEDS_SETUP: "/desk/set-up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who asks, as far as the browser says: the sign-in's token, the device, the address."""

    token: str
    device_id: str
    address: str
    now: datetime


class Arrivals(Protocol):
    """What these pages ask of the business (`Desk` of bff/pages/desk.py has it). Refusals are DomainError."""

    async def arriving(self, *, token: str, now: datetime) -> StaffSignedIn | None:
        """Whose sign-in this is, at whatever stage."""

    async def confirm_code(self, arrival: Arrival, *, code: str) -> StaffSignedIn: ...

    async def change_password(self, arrival: Arrival, *, old: str, new: str) -> StaffSignedIn: ...

    async def set_up(self, arrival: Arrival) -> SetUp: ...

    async def confirm_set_up(self, arrival: Arrival, *, code: str) -> StaffSignedIn: ...


def arriving_routes(desk: Arrivals, clock: Callable[[], datetime]) -> list[BaseRoute]:
    pages = _ArrivingPages(desk, clock)
    return [
        route
        for path, show, act in (
            ("/desk/code", pages.show_code, pages.confirm_code),
            ("/desk/password", pages.show_password, pages.change_password),
            ("/desk/set-up", pages.show_set_up, pages.confirm_set_up),
        )
        for route in (
            Route(path, show, methods=["GET"]),
            Route(path, from_our_pages(act), methods=["POST"]),
        )
    ]


@dataclass(frozen=True, slots=True)
class _ArrivingPages:
    desk: Arrivals
    clock: Callable[[], datetime]

    async def show_code(self, request: Request) -> Response:
        return await self._show(request, self._code_page, SignInStage.NEEDS_CODE)

    async def show_password(self, request: Request) -> Response:
        return await self._show(request, self._password_page, SignInStage.NEEDS_PASSWORD, SignInStage.OPEN)

    async def show_set_up(self, request: Request) -> Response:
        return await self._show(request, self._set_up_page, SignInStage.NEEDS_SETUP, SignInStage.OPEN)

    async def confirm_code(self, request: Request) -> Response:
        async def act(arrival: Arrival, form: dict[str, str]) -> None:
            await self.desk.confirm_code(arrival, code=form.get("code", ""))

        return await self._act(request, act, self._code_page)

    async def change_password(self, request: Request) -> Response:
        async def act(arrival: Arrival, form: dict[str, str]) -> None:
            if form.get("new", "") != form.get("again", ""):
                raise BadInput("两次输入的新密码不一样。", next_step="请重新输入。", field="again")
            await self.desk.change_password(arrival, old=form.get("old", ""), new=form.get("new", ""))

        return await self._act(request, act, self._password_page)

    async def confirm_set_up(self, request: Request) -> Response:
        async def act(arrival: Arrival, form: dict[str, str]) -> None:
            await self.desk.confirm_set_up(arrival, code=form.get("code", ""))

        return await self._act(request, act, self._set_up_page)

    async def _show(self, request: Request, show: Page, *stages: SignInStage) -> Response:
        arrival = self._arrival(request)
        found = await self.desk.arriving(token=arrival.token, now=arrival.now) if arrival.token else None
        if found is None or found.stage not in stages:
            return RedirectResponse("/desk", 303)
        return await show(request, found, None)

    async def _act(
        self, request: Request, act: Callable[[Arrival, dict[str, str]], Awaitable[None]], show: Page
    ) -> Response:
        """Does it and sends them on, or shows the page again with the refusal."""
        arrival = self._arrival(request)
        try:
            await act(arrival, await form_in(request))
        except NotSignedIn:
            return RedirectResponse("/desk", 303)
        except DomainError as refusal:
            found = await self.desk.arriving(token=arrival.token, now=arrival.now) if arrival.token else None
            if found is None:  # too many wrong codes: the sign-in is over
                return page(request, "desk/sign_in.html", 403, expired=False, username="", refusal=refusal, to="")
            return await show(request, found, refusal)
        return RedirectResponse("/desk", 303)

    async def _code_page(self, request: Request, found: StaffSignedIn, refusal: DomainError | None) -> Response:
        return page(request, "desk/code.html", _status(refusal), signed_in=found, refusal=refusal)

    async def _password_page(
        self, request: Request, found: StaffSignedIn, refusal: DomainError | None
    ) -> Response:
        must = found.stage is SignInStage.NEEDS_PASSWORD
        return page(request, "desk/password.html", _status(refusal), signed_in=found, must=must, refusal=refusal)

    async def _set_up_page(self, request: Request, found: StaffSignedIn, refusal: DomainError | None) -> Response:
        try:
            begun = await self.desk.set_up(self._arrival(request))
        except NotSignedIn:
            return RedirectResponse("/desk", 303)
        except DomainError as refused:  # it is set up already
            return page(
                request, "desk/set_up.html", 403, signed_in=found, refusal=refused, svg="", must=False, secret=""
            )
        svg = pictures.svg(begun.uri).decode()
        return page(
            request,
            "desk/set_up.html",
            _status(refusal),
            signed_in=found,
            must=found.stage is SignInStage.NEEDS_SETUP,
            refusal=refusal,
            svg=svg[svg.index("<svg") :],  # within HTML there is no XML declaration
            secret=" ".join(begun.secret[place : place + 4] for place in range(0, len(begun.secret), 4)),
        )

    def _arrival(self, request: Request) -> Arrival:
        return Arrival(
            token=request.cookies.get(SIGN_IN, ""),
            device_id=device_of(request) or "",
            address=address_of(request),
            now=self.clock(),
        )


Page = Callable[[Request, StaffSignedIn, DomainError | None], Awaitable[Response]]


def _status(refusal: DomainError | None) -> int:
    if refusal is None:
        return 200
    return 503 if refusal.code is ErrorCode.BUSY else 403
