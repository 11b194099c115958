"""The desk's page over the real house: what `bff.pages.desk.Desk` asks, answered by the rooms."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from bff.pages.desk import DeskSignIn, DeskVerdict
from models.admissions import desk as admissions
from models.admissions.rules import Colour, Verdict
from models.calendar import span_text
from models.codes.rules import CodeKeys
from models.errors import NotSignedIn
from models.staff import operations as staff
from models.staff import queries
from models.staff.rules import StaffSignedIn


@dataclass(frozen=True, slots=True)
class HouseDesk:
    """`wake` is rung after each redemption, so that the platform hears of it at once."""

    code_keys: CodeKeys = field(repr=False)
    wake: Callable[[str], Awaitable[None]]

    async def sign_in(
        self, *, username: str, password: str, device_id: str, address: str, now: datetime
    ) -> DeskSignIn:
        return _shown(
            await staff.sign_in(
                username=username, password=password, device_id=device_id, address=address, now=now
            )
        )

    async def find(self, *, token: str, now: datetime) -> DeskSignIn | None:
        clerk = await queries.find(token=token, now=now)
        return None if clerk is None else _shown(clerk)

    async def sign_out(self, *, token: str, now: datetime) -> None:
        await staff.sign_out(token=token, now=now)

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
        now: datetime,
    ) -> DeskVerdict:
        clerk = await queries.find(token=token, now=now)
        if clerk is None:
            raise NotSignedIn
        verdict = await admissions.scan(
            clerk=clerk,
            venue_id=venue_id,
            checkpoint=checkpoint,
            code=code,
            nonce=nonce,
            direction=direction,
            id_checked=id_checked,
            keys=self.code_keys,
            now=now,
        )
        await self.wake("forward")
        return _told(verdict)


def _shown(clerk: StaffSignedIn) -> DeskSignIn:
    return DeskSignIn(token=clerk.token, staff_name=clerk.display_name, venues=clerk.venues)


def _told(verdict: Verdict) -> DeskVerdict:
    starts_at, ends_at = verdict.starts_at, verdict.ends_at
    return DeskVerdict(
        colour=Colour(verdict.colour).value,
        code=verdict.outcome,
        headline=verdict.headline,
        detail=verdict.detail or None,
        next_step=verdict.next_step or None,
        court=verdict.court or None,
        time=span_text(starts_at, ends_at) if starts_at and ends_at else None,
    )
