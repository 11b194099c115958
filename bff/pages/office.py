"""Who asks at the pages of those who oversee the programme: the same sign-in as the desk's, without a post.

Plain forms and no script. Each page and file is counted with the root field that says the same, and leaves its line.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bff.graphql.rates import Rates, who
from bff.pages.visitors import SIGN_IN, address_of
from models.audit import deeds
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.errors import DomainError, NotSignedIn
from models.keys import AuditKeys
from models.staff import queries as staff
from models.staff.policy import StaffPolicy
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is signed in, and what they ask."""

    clerk: StaffSignedIn
    request: Request
    now: datetime

    def said(self, name: str) -> str:
        """Of the address's query; empty when it is not there."""
        return self.request.query_params.get(name, "").replace("\0", "")


Answer = Callable[[Visit], Awaitable[Response]]
Refused = Callable[[Visit, DomainError], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What these pages reach."""

    audit_keys: AuditKeys = field(repr=False)
    policy: StaffPolicy
    rates: Rates
    clock: Callable[[], datetime]

    def door(
        self, act: str, answer: Answer, *, power: Power, counted_as: str, refused: Refused
    ) -> Callable[[Request], Awaitable[Response]]:
        """Whoever is not signed in, or has no such power, is better off at /desk; all else that is refused the page says."""

        async def answered(request: Request) -> Response:
            now, token = self.clock(), request.cookies.get(SIGN_IN, "")
            clerk: StaffSignedIn | None = None
            try:
                asked_by = who(address_of(request), authorization=f"Staff {token}")
                allowance = await self.rates.count({counted_as: 1}, asked_by)
                if allowance.refusal:
                    raise allowance.refusal
                async with Doing(Deed(act=act, at=now, address=address_of(request)), keys=self.audit_keys):
                    clerk = await staff.find(token=token, now=now, policy=self.policy) if token else None
                    if clerk is None:
                        raise NotSignedIn
                    deeds.done_by("STAFF", clerk.public_id, device_id=clerk.device_id)
                    allowance.good()
                    if not clerk.has(power):
                        raise not_allowed(power)
                    return await answer(Visit(clerk, request, now))
            except DomainError as refusal:
                if clerk is None or not clerk.has(power):
                    return RedirectResponse("/desk", 303)
                return await refused(Visit(clerk, request, now), refusal)

        return answered
