"""What a resolver may reach: the house's services, the moment of the request, and who is asking."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Protocol, Self

import strawberry
from strawberry.dataloader import DataLoader

from models.audit import deeds
from models.codes.rules import CodeKeys
from models.errors import ErrorCode, NotSignedIn
from models.footfall import counting
from models.footfall.counting import Inside
from models.ids import UNNAMED_DEVICE as UNNAMED_DEVICE
from models.keeping import Keep
from models.keys import AuditKeys, IdKeys, OfflineKeys, PhoneKeys, SealingKeys, StatementKeys, TokenKeys
from models.members import queries as members
from models.members.queries import SignedIn
from models.staff import queries as staff
from models.staff.policy import LEVEL_3, StaffPolicy
from models.staff.rules import StaffSignedIn
from models.statistics.rules import SMALLEST_GROUP
from models.vouchers.rush import Rush
from payments.alipay import AlipayPeople
from payments.port import PaymentChannel
from verification.port import NameAuthority, SmsSender
from wechat.mini_program import MiniProgram
from wechat.official_account import OfficialAccount


@dataclass(frozen=True, kw_only=True)
class Services:
    """Adapters, keys and ports, built once per process by `bff.wiring`."""

    channels: Mapping[str, PaymentChannel]
    mini_program: MiniProgram
    code_keys: CodeKeys
    token_keys: TokenKeys
    phone_keys: PhoneKeys
    id_keys: IdKeys
    text_keys: SealingKeys
    """Complaints, and who a deleted member was."""
    staff_keys: SealingKeys
    audit_keys: AuditKeys
    offline_keys: OfflineKeys
    offline_pass_life: timedelta
    account_keys: SealingKeys
    """Venues' bank accounts."""
    statement_keys: StatementKeys
    name_authority: NameAuthority
    sms: SmsSender | None = None
    """None: no SMS is sent, so nobody signs in by phone."""
    official_account: OfficialAccount | None = None
    alipay_people: AlipayPeople | None = None
    subscribe_ids: Mapping[str, str] = field(default_factory=dict)
    """Our forms' template ids at WeChat, to ask about with `wx.requestSubscribeMessage`."""
    wake: Callable[[str], Awaitable[None]]
    rush: Rush
    staff_policy: StaffPolicy = LEVEL_3
    smallest_group: int = SMALLEST_GROUP
    """People in a figure of the statistics that is shown."""
    own_sites: Sequence[str] = ()
    """Origins of our own pages, to which a channel's page may send a payer back; ours first."""
    keep: Keep | None = None
    """For what is the same for everybody. None: nothing is kept."""


class Counted(Protocol):
    """What the edge wants to hear of who is asking."""

    async def member(self, member_id: str, /) -> None:
        """A member was found. Raises a `DomainError` when they have asked too often."""

    def good(self) -> None:
        """The credential was found good."""

    async def claims_hastily(self, device_id: str, /) -> bool:
        """Counts a claim of a voucher; whether from this device, or this address, there come more than people make."""


class Uncounted:
    """For who is no edge."""

    async def member(self, _member_id: str, /) -> None:
        return

    def good(self) -> None:
        return

    async def claims_hastily(self, _device_id: str, /) -> bool:
        return False


@dataclass(kw_only=True)
class Context:
    """One request. `now` is read once, so that everything in it happens at one moment."""

    services: Services
    now: datetime
    authorization: str = ""
    address: str = ""
    counted: Counted = field(default_factory=Uncounted)
    refusals: list[ErrorCode] = field(default_factory=list)
    """Of acts, in their payloads' userErrors; for those who count."""
    _member: SignedIn | None = field(default=None, repr=False)
    _staff: StaffSignedIn | None = field(default=None, repr=False)

    @cached_property
    def occupancy(self) -> DataLoader[int, Inside | None]:
        return DataLoader(load_fn=self._occupancy)

    def of_nobody(self) -> Self:
        """The same moment, asked by nobody: answers that others may share are made with this one."""
        return replace(
            self, authorization="", address="", counted=Uncounted(), refusals=[], _member=None, _staff=None
        )

    async def member(self) -> SignedIn:
        """The signed-in member, looked up and counted once, when somebody asks. Raises `NotSignedIn`, or another
        refusal when they ask too often."""
        if self._member is None:
            await self._found(await members.who(access_token=self._credential("bearer"), now=self.now))
        return self._acting_member()

    async def member_in_a_rush(self) -> SignedIn:
        """The same, looked up together with everybody who is asking at this moment."""
        if self._member is None:
            await self._found(await self.services.rush.signed_in(self._credential("bearer"), self.now))
        return self._acting_member()

    def shows_credential(self) -> bool:
        """Whether it could be anybody's at all; whose, is not looked up."""
        return bool(self._credential("bearer"))

    async def _found(self, member: SignedIn | None) -> None:
        if member is None:
            raise NotSignedIn
        await self.counted.member(member.member_public_id)
        self._member = member

    def _acting_member(self) -> SignedIn:
        assert self._member is not None
        deeds.done_by("MEMBER", self._member.member_public_id)
        return self._member

    async def staff(self) -> StaffSignedIn:
        """The signed-in staff person: `Authorization: Staff …`. Raises `NotSignedIn`."""
        if self._staff is None:
            self._staff = await staff.find(
                token=self._credential("staff"), now=self.now, policy=self.services.staff_policy
            )
            if self._staff is None:
                raise NotSignedIn
            self.counted.good()
        deeds.done_by("STAFF", self._staff.public_id, device_id=self._staff.device_id)
        return self._staff

    async def arriving_staff(self) -> StaffSignedIn:
        """The same, also of a sign-in that is not open yet: only for its next step and its end. Raises `NotSignedIn`."""
        found = await staff.find_arriving(
            token=self._credential("staff"), now=self.now, policy=self.services.staff_policy
        )
        if found is None:
            raise NotSignedIn
        self.counted.good()
        return found

    async def _occupancy(self, venue_ids: list[int]) -> list[Inside | None]:
        """One statement for all venues of an answer."""
        found = await counting.occupancy_of(venue_ids, now=self.now)
        return [found.get(venue_id) for venue_id in venue_ids]

    def _credential(self, scheme: str) -> str:
        given, _, credential = self.authorization.partition(" ")
        return credential.strip() if given.lower() == scheme else ""


Info = strawberry.Info[Context, None]
