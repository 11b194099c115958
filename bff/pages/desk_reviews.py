"""At /desk/reviews: write-offs that nobody confirmed, for whoever decides whether their receipts are genuine."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bff.pages.office import Office, Visit
from bff.pages.rendering import page
from bff.pages.visitors import STATUS_OF, form_in, from_our_pages
from models.calendar import moment_text
from models.errors import BadInput, DomainError
from models.money import yuan_text
from models.staff.rules import Power
from models.vouchers import reviewing, undoing

_USE_NO = re.compile(r"[0-9A-Z]{6,32}")
VERDICTS = {"genuine": True, "not-genuine": False}


def review_routes(office: Office, wake: Callable[[str], Awaitable[None]]) -> list[BaseRoute]:
    """The routes under /desk/reviews. `wake` is rung when somebody is to be told what was decided."""
    pages = _Pages(wake)
    door = partial(office.door, power=Power.DECIDE_RISK, refused=pages.refuse)
    show = door("desk/reviews", pages.show, counted_as="heldUses")
    decide = door("desk/reviews/decide", pages.decide, counted_as="decideHeldUse")
    return [
        Route("/desk/reviews", show, methods=["GET"]),
        Route("/desk/reviews", from_our_pages(decide), methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Pages:
    wake: Callable[[str], Awaitable[None]]

    async def show(self, visit: Visit) -> Response:
        decided = visit.said("decided")
        return await self._page(visit, decided=decided if _USE_NO.fullmatch(decided) else "")

    async def decide(self, visit: Visit) -> Response:
        form = await form_in(visit.request)
        verdict = VERDICTS.get(form.get("verdict", ""))
        if verdict is None:
            raise BadInput("没有选择核查结果。", next_step="请选择“属实”或“不属实”。", field="verdict")
        decided = await undoing.decide_held_use(
            clerk=visit.clerk,
            use_no=form.get("useNo", ""),
            is_genuine=verdict,
            note=form.get("note", ""),
            now=visit.now,
        )
        await self.wake("tell_people")
        venue = quote(visit.said("venue"), safe="")
        return RedirectResponse(f"/desk/reviews?venue={venue}&decided={quote(decided.use_no, safe='')}", 303)

    async def refuse(self, visit: Visit, refusal: DomainError) -> Response:
        """With the list, so that nothing else that was looked at is lost."""
        return await self._page(visit, STATUS_OF.get(refusal.code, 400), refusal=refusal)

    async def _page(
        self, visit: Visit, status: int = 200, *, decided: str = "", refusal: DomainError | None = None
    ) -> Response:
        venues = await reviewing.venues_waiting(clerk=visit.clerk)
        chosen = visit.said("venue")
        if chosen not in {venue.venue_id for venue in venues}:
            chosen = venues[0].venue_id if venues else ""
        held = await undoing.held_uses(clerk=visit.clerk, venue_id=chosen) if chosen else ()
        return page(
            visit.request,
            "desk/reviews.html",
            status,
            signed_in=visit.clerk,
            tab="reviews",
            venues=venues,
            chosen=chosen,
            uses=held,
            decided=decided,
            refusal=refusal,
            moment=moment_text,
            yuan=yuan_text,
        )
