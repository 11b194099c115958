"""What is true of campaigns and vouchers. Pure.

Rules of real programmes differ in nearly everything (docs/decisions, 0027), so a campaign's promises are data: `Terms`.

The budget identity, in fen, at every instant and for every pool:

    budget = free + claimed + reserved + used + forfeited + expired_not_returned

A voucher's whole face value is in exactly one of these, by its state; but of a USED one only what its use took is
used, and the rest of its face (after a partial refund) went back to the pool or is forfeited.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

_REGION_KEY = re.compile(r"[\w-]{1,24}")


class CampaignState(StrEnum):
    DRAFT = "DRAFT"
    REVIEWED = "REVIEWED"  # by somebody else than who drafted it
    OPEN = "OPEN"
    PAUSED = "PAUSED"  # nothing is claimed; what was given can be used
    CLOSED = "CLOSED"  # nothing is claimed any more
    SETTLED = "SETTLED"  # nothing moves any more


STEPS: Mapping[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.REVIEWED}),
    CampaignState.REVIEWED: frozenset({CampaignState.DRAFT, CampaignState.OPEN}),
    CampaignState.OPEN: frozenset({CampaignState.PAUSED, CampaignState.CLOSED}),
    CampaignState.PAUSED: frozenset({CampaignState.OPEN, CampaignState.CLOSED}),
    CampaignState.CLOSED: frozenset({CampaignState.SETTLED}),
    CampaignState.SETTLED: frozenset(),
}


class ChangeState(StrEnum):
    """Of a change of an opened campaign."""

    PROPOSED = "PROPOSED"
    IN_FORCE = "IN_FORCE"  # by somebody else than who proposed it
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"  # by whoever proposed it


class VoucherState(StrEnum):
    CLAIMED = "CLAIMED"
    RESERVED = "RESERVED"  # for an order that is not paid yet, or a bill that is not confirmed yet
    USED = "USED"
    FORFEITED = "FORFEITED"  # a refund gave it up, by the campaign's rule; its value is spent without use
    EXPIRED = "EXPIRED"  # and its value does not return to the pool
    RETURNED = "RETURNED"  # expired or given up, and its value is free again


class ClaimWay(StrEnum):
    APP = "APP"
    VENUE_CODE = "VENUE_CODE"  # 进店扫码领券
    DESK = "DESK"  # handed out to somebody without a phone


class UseWay(StrEnum):
    ORDER = "ORDER"
    DESK = "DESK"
    OFFLINE = "OFFLINE"


class UseState(StrEnum):
    WAITING = "WAITING"  # the citizen has not confirmed the bill yet; the voucher is RESERVED
    HELD = "HELD"  # written off, but nobody confirmed: settled only after a person looked at its receipt
    DONE = "DONE"
    UNDONE = "UNDONE"  # never confirmed, refused by the citizen, or taken back by a supervisor
    REFUSED = "REFUSED"  # an offline use that lost against another one; the reserve paid the venue


class RestWay(StrEnum):
    """By what the citizen pays at a desk what the voucher does not."""

    CASH = "CASH"
    CODE = "CODE"
    CARD = "CARD"


LIVE_USES = (UseState.WAITING, UseState.HELD, UseState.DONE)
"""A voucher has at most one of these: a partial unique index is the last guard."""


class EventKind(StrEnum):
    """What an entry in a campaign's books says. A use is worth its USED less what was taken back."""

    USED = "USED"
    TAKEN_BACK = "TAKEN_BACK"  # undone at the desk, or refunded wholly or in part
    CONFLICT = "CONFLICT"  # paid to the venue from the programme's reserve, for an offline use that lost


class OnRefund(StrEnum):
    RETURNS = "RETURNS"  # the citizen has it again, while it is valid
    FORFEITS = "FORFEITS"
    RETURNS_IN_TIME = "RETURNS_IN_TIME"  # only when cancelled at least `refund_hours_before` the start


class Stacking(StrEnum):
    NONE = "NONE"  # one voucher an order
    SAME_CAMPAIGN = "SAME_CAMPAIGN"
    ANY = "ANY"  # with those of other campaigns that say so too


class Challenge(StrEnum):
    NEVER = "NEVER"
    WHEN_SUSPECT = "WHEN_SUSPECT"
    ALWAYS = "ALWAYS"


class AgeGroup(StrEnum):
    CHILD = "CHILD"
    ADULT = "ADULT"
    ELDER = "ELDER"


@dataclass(frozen=True, kw_only=True)
class ClaimLimits:
    """How many of a campaign's vouchers one person may claim, or hold unused. None: no such limit."""

    a_round: int | None = 1
    a_day: int | None = None
    a_week: int | None = None  # Monday to Sunday in Shanghai
    a_month: int | None = None
    in_all: int | None = None
    held: int | None = None


@dataclass(frozen=True, kw_only=True)
class Who:
    """Empty sets: everybody."""

    real_name: bool = False
    age_groups: frozenset[AgeGroup] = frozenset()  # known only by a real name
    regions: frozenset[str] = frozenset()  # region keys in one of which the citizen says they are
    first_timers: bool = False  # who never used a voucher of ours
    account_days: int = 0  # so old an account must be
    challenge: Challenge = Challenge.NEVER


@dataclass(frozen=True, kw_only=True)
class Where:
    """At which venues and for which sports. Empty sets: everywhere, everything."""

    venues: frozenset[str] = frozenset()  # public ids
    regions: frozenset[str] = frozenset()  # keys; what lies below them counts
    sports: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Validity:
    """From the claim for so many days (the last one whole), or on calendar days; both: whichever ends first."""

    days: int | None = 7
    from_day: date | None = None
    until_day: date | None = None  # the last day on which it can be used


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a campaign promises, in one version."""

    limits: ClaimLimits = field(default_factory=ClaimLimits)
    who: Who = field(default_factory=Who)
    where: Where = field(default_factory=Where)
    validity: Validity = field(default_factory=Validity)
    uses_a_day: int | None = 1  # by one person, of this campaign
    uses_a_venue_a_day: int | None = None
    stacking: Stacking = Stacking.NONE
    venue_share_percent: int = 0  # of the face value, borne by the venue
    venue_cap_fen: int | None = None  # what one venue may be paid out of the campaign
    on_refund: OnRefund = OnRefund.FORFEITS
    refund_hours_before: int = 0
    expired_returns: bool = True  # to the pool
    rolls_over: bool = False  # what a round leaves goes to the kind's next round
    undo_minutes: int = 10  # for so long a supervisor may take back a desk's write-off
    confirm_minutes: int = 5  # for so long a bill waits for the citizen's yes


@dataclass(frozen=True, slots=True)
class Budget:
    """A pool's fen by what they are. `balances` is the identity."""

    budget: int
    free: int
    claimed: int
    reserved: int
    used: int
    forfeited: int
    expired_not_returned: int

    @property
    def balances(self) -> bool:
        parts = (self.free, self.claimed, self.reserved, self.used, self.forfeited, self.expired_not_returned)
        return self.budget == sum(parts) and min(parts) >= 0


def claim_hash(*, campaign_id: int, member_public_id: str, key: str) -> str:
    """The name of one claim, for ever: it outlives the joining of accounts, and no two citizens' keys can meet.

    Its first half is the key's alone (`key_mark`): who asks with a key that nobody ever used is not asking again, and
    that can be said before anybody looks up who they are.
    """
    whose = hashlib.sha256(f"{campaign_id} {member_public_id} {key}".encode()).hexdigest()[:16]
    return f"{key_mark(campaign_id=campaign_id, key=key):016x}{whose}"


def key_mark(*, campaign_id: int, key: str) -> int:
    """64 bits of a claim's key."""
    return int.from_bytes(hashlib.sha256(f"claim {campaign_id} {key}".encode()).digest()[:8])


def device_mark(device_id: str) -> str:
    """A phone's id as the risk rules see it: enough to see that two are alike, not which one it is."""
    return hashlib.sha256(f"voucher device {device_id}".encode()).hexdigest()[:32] if device_id else ""


def region_said(key: str) -> str:
    """The region in which somebody said they were, as it is kept with the claim; what can be no region's key is not."""
    return key if _REGION_KEY.fullmatch(key) else ""


def week_of(day: date) -> tuple[date, date]:
    """The first day of its week (Monday) and the first of the next."""
    first = day - timedelta(days=day.weekday())
    return first, first + timedelta(days=7)


def month_of(day: date) -> tuple[date, date]:
    """The first day of its month and the first of the next."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)
