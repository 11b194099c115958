"""A claim, what it is answered with, and what becomes of the claims that one transaction serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.errors import Busy, DomainError
from models.vouchers.claim_rules import Claimant, OpenRound
from models.vouchers.rules import ClaimWay, claim_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One person wants one voucher. The same key of the same member is the same claim, for ever."""

    member_id: int
    member_public_id: str
    key: str
    kind_id: str | None = None  # public; None: whichever is open
    region_key: str = ""  # where they say they are
    way: ClaimWay = ClaimWay.APP
    venue_id: int | None = None
    staff_id: int | None = None
    device_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The voucher of a claim. It is in the database."""

    public_id: str
    round_id: int
    kind_id: str  # public
    kind_title: str
    face_fen: int
    minimum_spend_fen: int
    claimed_at: datetime
    valid_from: datetime
    valid_until: datetime


Answer = Given | DomainError


class MemberBusy(Busy):
    """Another act holds this member's row just now. The batch does not wait for it; the claim may come with the next."""


class Batch:
    """What becomes of the claims of one transaction: by claim hash, what was given before, and what is new."""

    def __init__(self, campaign: Any, now: datetime) -> None:
        self.campaign_id: int = campaign["id"]
        self.terms_version: int = campaign["terms_version"]
        self.now = now
        self.given: dict[str, Given] = {}
        self.fresh: dict[str, tuple[OpenRound, Claim, Claimant]] = {}
        self.kinds: dict[int, tuple[str, str]] = {}  # public id and title

    def hash_of(self, claim: Claim) -> str:
        return claim_hash(campaign_id=self.campaign_id, member_public_id=claim.member_public_id, key=claim.key)


COLUMNS = """
SELECT member_id, person_id, round_id, claim_day, state, valid_from, valid_until, claim_hash, public_id, face_fen,
       minimum_spend_fen, claimed_at, kind_id
  FROM voucher"""
"""Of a voucher, what `given_of` and the limits look at."""


def given_of(row: Any, kinds: Mapping[int, tuple[str, str]]) -> Given:
    kind_id, kind_title = kinds[row["kind_id"]]
    return Given(
        public_id=row["public_id"],
        round_id=row["round_id"],
        kind_id=kind_id,
        kind_title=kind_title,
        face_fen=row["face_fen"],
        minimum_spend_fen=row["minimum_spend_fen"],
        claimed_at=database.utc(row["claimed_at"]),
        valid_from=database.utc(row["valid_from"]),
        valid_until=database.utc(row["valid_until"]),
    )
