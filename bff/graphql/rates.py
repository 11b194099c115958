"""Counts operations before they run: per address or third party, per device, and per member once one is known.

    allowance = await rates.count(operation.root_fields, caller)
    allowance.refusal                  # why it may not run, or None
    await allowance.member(member_id)  # from `Context`, when it has looked the sign-in up; raises the refusal
    allowance.headers()                # what is left

A hundred aliased sign-ins are a hundred: what counts is how often each field stands at the root.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from bff import metrics
from bff.graphql.budgets import BUDGETS, CHECKING, HASTE, Budget, Rate
from bff.rates.counting import Counter, MayNotCount
from bff.rates.meters import MOST_KEYS, Charge, Exhausted, Limit, Standing
from bff.rates.valkey import AWAY_SECONDS
from models.errors import DomainError, ErrorCode
from models.ids import UNNAMED_DEVICE

DEVICE = "X-Device-Id"
"""How a client without a sign-in may name its device. That only adds a bucket, so it never buys anything."""
GOOD_SECONDS = 300.0
"""How long, at most, a credential that was found good is not counted at its address; half of it at least."""

Header = tuple[bytes, bytes]


class TooOften(DomainError):
    code = ErrorCode.TOO_MANY_ATTEMPTS

    def __init__(self, exhausted: Exhausted) -> None:
        if exhausted.ever:
            wait = max(ceil(exhausted.wait), 1)
            words = f"{wait}秒" if wait < 120 else f"{ceil(wait / 60)}分钟"
            super().__init__("请求太频繁了。", next_step=f"请{words}后再试。", retry_after=wait)
        else:
            most = int(exhausted.limit.quantity)
            super().__init__("一次请求里的操作太多。", next_step=f"请分几次发送，每次最多{most}个。")


class CannotCount(DomainError):
    """Valkey is away, and this act may not happen uncounted."""

    code = ErrorCode.BUSY

    def __init__(self) -> None:
        super().__init__("这项服务暂时无法使用。", next_step="请稍后再试。", retry_after=ceil(AWAY_SECONDS) + 1)


@dataclass(frozen=True, slots=True)
class Who:
    """By what somebody is counted. `device` is empty for who shows no credential and names none."""

    address: str
    device: str = ""
    third_party: str = ""


def who(address: str, *, authorization: str = "", device_id: str = "", third_party: str = "") -> Who:
    """Credentials get neither into Valkey nor into a log: a device is known by a hash. How the scheme is spelled, and
    with how much space, makes no other device."""
    shown = authorization.partition(" ")[2].strip() or device_id
    device = blake2b(shown.encode(), digest_size=12).hexdigest() if shown else ""
    return Who(network(address), device, third_party)


_IPV4_INSIDE = bytes(10) + b"\xff\xff"


def network(address: str) -> str:
    """IPv6 by its /64, which is the least that a subscriber has; IPv4 written as IPv6 is IPv4."""
    if ":" not in address:
        return address
    try:
        packed = inet_pton(AF_INET6, address.partition("%")[0])
    except OSError:
        return address
    if packed.startswith(_IPV4_INSIDE):
        return inet_ntop(AF_INET, packed[12:])
    return inet_ntop(AF_INET6, packed[:8] + bytes(8)) + "/64"


class Rates:
    """One process's. `scale` widens every limit, for loads made on purpose."""

    def __init__(self, redis_url: str, *, scale: float = 1.0, most_keys: int = MOST_KEYS) -> None:
        self.counter = Counter(redis_url, most_keys=most_keys)
        self.good = Lately(GOOD_SECONDS)
        every = [_Limits(budget, scale) for budget in BUDGETS]
        self.haste = [Limit(f"claims-{per}", rate[0] * scale, rate[1]) for per, rate in HASTE.items()]
        self._of_field = {field: limits for limits in every for field in limits.fields}
        self._checking = _Limits(CHECKING, scale)

    async def count(self, root_fields: Mapping[str, int], caller: Who) -> "Allowance":
        """Counts an operation that is about to run: all of it or, when it is refused, nothing."""
        asked: dict[_Limits, int] = {}
        for field, times in root_fields.items():
            limits = self._of_field[field]
            asked[limits] = asked.get(limits, 0) + times
        good = caller.device and caller.device in self.good
        charges = []
        for limits, units in asked.items():
            if caller.device and limits.device:
                charges.append(Charge(limits.device, limits.device.key(caller.device), units))
            if not good or not limits.device:
                charges.append(limits.outer(caller, units))
        allowance = Allowance(self, asked, caller)
        await allowance.take(charges)
        return allowance

    def require_room_for_checking(self, caller: Who) -> None:
        """Raises TooOften when the caller has used up the work that a free document may make before it runs."""
        try:
            self.counter.meters.require_room(self._checking.outer(caller, 0))
        except Exhausted as exhausted:
            raise _refused(exhausted) from None

    def charge_for_checking(self, caller: Who, milliseconds: float) -> None:
        self.counter.meters.add([self._checking.outer(caller, milliseconds)])

    def left_for_checking(self, caller: Who) -> list[Header]:
        """For answers to what never became an operation and so was never counted."""
        limit, key, _ = self._checking.outer(caller, 0)
        return _told(self.counter.meters.standing(limit, key))

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """While it is open, this process and the others know of each other's counts."""
        async with self.counter.valkey.sharing():
            yield


class Allowance:
    """Of one operation. Whom it finds while it runs is counted here too, once."""

    __slots__ = ("_asked", "_caller", "_member", "_rates", "_standing", "refusal")

    def __init__(self, rates: Rates, asked: "Mapping[_Limits, int]", caller: Who) -> None:
        self.refusal: DomainError | None = None
        self._rates = rates
        self._asked = asked
        self._caller = caller
        self._standing: Standing | None = None
        self._member = ""

    async def member(self, member_id: str) -> None:
        """The operation turns out to be this member's. Raises its refusal."""
        if not self._member:
            self._member = member_id
            self.good()
            charges = [
                Charge(limits.member, limits.member.key(member_id), units)
                for limits, units in self._asked.items()
                if limits.member
            ]
            if charges:
                await self.take(charges)
        if self.refusal:
            raise self.refusal

    def good(self) -> None:
        """The credential that came along is somebody's: from now on its neighbours' noise does not lock it out."""
        self._rates.good.add(self._caller.device)

    async def claims_hastily(self, device_id: str) -> bool:
        """Such a limit refuses nobody; what is over it makes a challenge necessary."""
        device, address = self._rates.haste
        charges = [Charge(address, address.key(self._caller.address), 1)]
        if device_id and device_id != UNNAMED_DEVICE:
            charges.append(Charge(device, device.key(device_id), 1))
        try:
            await self._rates.counter.take(charges)
        except Exhausted:
            return True
        return False

    async def take(self, charges: Sequence[Charge]) -> None:
        """Counts, or says in `refusal` why not."""
        try:
            standing = await self._rates.counter.take(charges)
        except (Exhausted, MayNotCount) as no:
            self.refusal = _refused(no)
            standing = Standing(no.limit, no.limit.window)
        if self._standing is None or standing.left < self._standing.left:
            self._standing = standing

    def headers(self) -> list[Header]:
        """What is left of the tightest limit, as draft-ietf-httpapi-ratelimit-headers says it."""
        return _told(self._standing) if self._standing else []


class Lately:
    """What was added within the last `seconds`, and at least within half of them."""

    def __init__(self, seconds: float) -> None:
        self._half = seconds / 2
        self._recent: set[str] = set()
        self._earlier: set[str] = set()
        self._turn_at = 0.0

    def add(self, key: str) -> None:
        self._turn()
        self._recent.add(key)

    def __contains__(self, key: str) -> bool:
        self._turn()
        return key in self._recent or key in self._earlier

    def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._turn_at:
            stale = now >= self._turn_at + self._half
            self._earlier, self._recent = set() if stale else self._recent, set()
            self._turn_at = now + self._half


class _Limits:
    """A budget's limits, one for each way in which it is counted."""

    def __init__(self, budget: Budget, scale: float) -> None:
        def limit(per: str, rate: Rate) -> Limit:
            return Limit(f"{budget.name}-{per}", max(rate[0] * scale, 1), rate[1], budget.counting)

        self.fields = budget.fields
        self.address = limit("address", budget.address)
        self.third_party = limit("third-party", budget.third_party) if budget.third_party else None
        self.device = limit("device", budget.device) if budget.device else None
        self.member = limit("member", budget.member) if budget.member else None

    def outer(self, caller: Who, units: float) -> Charge:
        """The third party's, or else the address's."""
        if caller.third_party and self.third_party:
            return Charge(self.third_party, self.third_party.key(caller.third_party), units)
        return Charge(self.address, self.address.key(caller.address), units)


def _refused(no: Exhausted | MayNotCount) -> DomainError:
    metrics.RATE_REFUSALS.labels(no.limit.name).inc()
    return TooOften(no) if isinstance(no, Exhausted) else CannotCount()


def _told(standing: Standing) -> list[Header]:
    limit = standing.limit
    left = b'"%s";r=%d;t=%d' % (limit.name.encode(), standing.left, ceil(standing.used))
    return [(b"ratelimit-policy", limit.policy), (b"ratelimit", left)]
