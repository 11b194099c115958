"""The desk's page over the real house: what `bff.pages.desk.Desk` asks, answered by the rooms."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from bff.graphql.rates import Rates, who
from models.admissions import desk as admissions
from models.admissions.rules import Verdict
from models.codes.rules import CodeKeys
from models.errors import NotSignedIn
from models.staff import operations as staff
from models.staff import queries
from models.staff.rules import StaffSignedIn


@dataclass(frozen=True, slots=True)
class HouseDesk:
    """`wake` is rung after each redemption, so that the platform hears of it at once. `rates` are those of GraphQL's
    `staffSignIn`: whoever guesses passwords through both doors guesses no more often."""

    code_keys: CodeKeys = field(repr=False)
    wake: Callable[[str], Awaitable[None]]
    rates: Rates

    async def sign_in(
        self, *, username: str, password: str, device_id: str, address: str, now: datetime
    ) -> StaffSignedIn:
        allowance = await self.rates.count({"staffSignIn": 1}, who(address, device_id=device_id))
        if allowance.refusal:
            raise allowance.refusal
        return await staff.sign_in(
            username=username, password=password, device_id=device_id, address=address, now=now
        )

    async def find(self, *, token: str, now: datetime) -> StaffSignedIn | None:
        return await queries.find(token=token, now=now)

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
    ) -> Verdict:
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
        return verdict
