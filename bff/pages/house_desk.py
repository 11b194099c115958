"""The desk's page over the real house: what `bff.pages.desk.Desk` asks, answered by the rooms, each act with its line
in the audit trail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from bff.graphql.rates import Rates, who
from bff.pages.desk_arriving import Arrival
from models.admissions import desk as admissions
from models.admissions.rules import Verdict
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.rules import told_by
from models.codes.rules import CodeKeys
from models.errors import NotSignedIn
from models.keys import AuditKeys, SealingKeys
from models.staff import changing_passwords, queries, second_factor
from models.staff import operations as staff
from models.staff.policy import StaffPolicy
from models.staff.rules import StaffSignedIn
from models.staff.second_factor import SetUp


@dataclass(frozen=True, slots=True)
class HouseDesk:
    """`wake` is rung after each redemption, so that the platform hears of it at once. `rates` are those of GraphQL's
    `staffSignIn`: whoever guesses passwords through both doors guesses no more often."""

    code_keys: CodeKeys = field(repr=False)
    audit_keys: AuditKeys
    staff_keys: SealingKeys
    policy: StaffPolicy
    wake: Callable[[str], Awaitable[None]]
    rates: Rates

    async def sign_in(
        self, *, username: str, password: str, device_id: str, address: str, now: datetime
    ) -> StaffSignedIn:
        allowance = await self.rates.count({"staffSignIn": 1}, who(address, device_id=device_id))
        if allowance.refusal:
            raise allowance.refusal
        async with self._doing("desk/sign-in", address, now):
            return await staff.sign_in(
                username=username,
                password=password,
                device_id=device_id,
                address=address,
                policy=self.policy,
                now=now,
            )

    async def find(self, *, token: str, now: datetime) -> StaffSignedIn | None:
        return await queries.find(token=token, now=now, policy=self.policy)

    async def arriving(self, *, token: str, now: datetime) -> StaffSignedIn | None:
        return await queries.find_arriving(token=token, now=now, policy=self.policy)

    async def confirm_code(self, arrival: Arrival, *, code: str) -> StaffSignedIn:
        async with await self._arriving("confirmSecondFactor", "desk/code", arrival):
            return await second_factor.confirm_code(
                token=arrival.token, code=code, keys=self.staff_keys, policy=self.policy, now=arrival.now
            )

    async def change_password(self, arrival: Arrival, *, old: str, new: str) -> StaffSignedIn:
        async with await self._arriving("changeStaffPassword", "desk/password", arrival):
            return await changing_passwords.change_password(
                token=arrival.token, old=old, new=new, policy=self.policy, now=arrival.now
            )

    async def set_up(self, arrival: Arrival) -> SetUp:
        async with await self._arriving("setUpSecondFactor", "desk/set-up", arrival):
            return await second_factor.set_up(
                token=arrival.token, keys=self.staff_keys, policy=self.policy, now=arrival.now
            )

    async def confirm_set_up(self, arrival: Arrival, *, code: str) -> StaffSignedIn:
        async with await self._arriving("confirmSetUp", "desk/confirm-set-up", arrival):
            return await second_factor.confirm_set_up(
                token=arrival.token, code=code, keys=self.staff_keys, policy=self.policy, now=arrival.now
            )

    async def sign_out(self, *, token: str, address: str, now: datetime) -> None:
        async with self._doing("desk/sign-out", address, now):
            await queries.find_arriving(token=token, now=now)  # whose it is, for the line
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
        address: str,
        now: datetime,
    ) -> Verdict:
        async with self._doing("desk/redeem", address, now) as deed:
            told_by(deed, (venue_id,))
            clerk = await queries.find(token=token, now=now, policy=self.policy)
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

    async def _arriving(self, counted_as: str, act: str, arrival: Arrival) -> Doing:
        """Counted with the root field that does the same. Raises TOO_MANY_ATTEMPTS."""
        who_asks = who(arrival.address, device_id=arrival.device_id)
        allowance = await self.rates.count({counted_as: 1}, who_asks)
        if allowance.refusal:
            raise allowance.refusal
        return self._doing(act, arrival.address, arrival.now)

    def _doing(self, act: str, address: str, now: datetime) -> Doing:
        return Doing(Deed(act=act, at=now, address=address), keys=self.audit_keys)
