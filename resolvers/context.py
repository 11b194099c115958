"""What a resolver may reach: the house's services, the moment of the request, and who is asking."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import strawberry
from strawberry.dataloader import DataLoader

from models.codes.rules import CodeKeys
from models.errors import NotSignedIn
from models.footfall import counting
from models.footfall.counting import Inside
from models.keys import PhoneKeys, TokenKeys
from models.members import queries as members
from models.members.queries import SignedIn
from models.staff import queries as staff
from models.staff.rules import StaffSignedIn
from payments.port import PaymentChannel
from wechat.mini_program import MiniProgram

UNNAMED_DEVICE = "unnamed"
"""What sign-ins take for the device of a client that names none."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """Adapters, keys and ports, built once per process by `bff.wiring`."""

    channels: Mapping[str, PaymentChannel]
    mini_program: MiniProgram

    code_keys: CodeKeys
    token_keys: TokenKeys
    phone_keys: PhoneKeys
    wake: Callable[[str], Awaitable[None]]


@dataclass(kw_only=True)
class Context:
    """One request. `now` is read once, so that everything in it happens at one moment."""

    services: Services
    now: datetime
    authorization: str = ""
    address: str = ""
    occupancy: DataLoader[int, Inside | None] = field(init=False, repr=False)
    _member: SignedIn | None = field(default=None, repr=False)
    _staff: StaffSignedIn | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.occupancy = DataLoader(load_fn=self._occupancy)

    async def member(self) -> SignedIn:
        """The signed-in member, looked up once, when somebody asks. Raises `NotSignedIn`."""
        if self._member is None:
            self._member = await members.who(access_token=self._credential("bearer"), now=self.now)
        if self._member is None:
            raise NotSignedIn
        return self._member

    async def staff(self) -> StaffSignedIn:
        """The signed-in staff person: `Authorization: Staff …`. Raises `NotSignedIn`."""
        if self._staff is None:
            self._staff = await staff.find(token=self._credential("staff"), now=self.now)
        if self._staff is None:
            raise NotSignedIn
        return self._staff

    async def _occupancy(self, venue_ids: list[int]) -> list[Inside | None]:
        """One statement for all venues of an answer."""
        found = await counting.occupancy_of(venue_ids, now=self.now)
        return [found.get(venue_id) for venue_id in venue_ids]

    def _credential(self, scheme: str) -> str:
        given, _, credential = self.authorization.partition(" ")
        return credential.strip() if given.lower() == scheme else ""


Info = strawberry.Info[Context, None]
