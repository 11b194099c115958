"""Vouchers at a desk for somebody whose ID card was read there: claimed in their name, printed, and used without a phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.codes.rules import CodeKeys
from models.families.guardian_here import demand_guardian_here
from models.ids import request_hash
from models.keys import IdKeys
from models.real_names.at_desk import PersonHere, person_here
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import codes
from models.vouchers.claim_rules import require_key
from models.vouchers.claiming import claim_one
from models.vouchers.claims import Claim
from models.vouchers.rules import ClaimWay

MOST_VOUCHERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedVoucher:
    """A voucher that can still be used, and its code for paper: a desk takes it with the ID card and a receipt."""

    public_id: str
    campaign_title: str
    kind_title: str
    face_fen: int
    minimum_spend_fen: int
    valid_from: datetime
    valid_until: datetime
    printed_code: str


async def hand_out_voucher(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    campaign_id: str,
    kind_id: str | None,
    venue_id: str,
    idempotency_key: str,
    keys: IdKeys,
    code_keys: CodeKeys,
    now: datetime,
) -> PrintedVoucher:
    """A voucher of the campaign for the person before the clerk, under the limits of everybody. They stand at the venue,
    so its region is theirs. The same key gives the same voucher.

    Raises NOT_ALLOWED, MEMBER_UNKNOWN for somebody whose card was not just read here, GUARDIAN_NEEDED for a child unless
    a guardian's card was read here as well, and whatever claiming says no with.
    """
    require_key(idempotency_key)
    person = await person_here(
        clerk=clerk, power=Power.HAND_OUT_VOUCHERS, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    if person.known.is_child:
        await demand_guardian_here(person, staff_id=clerk.staff_id, now=now)
    given = await claim_one(
        campaign_id=campaign_id,
        claim=Claim(
            member_id=person.member_id,
            member_public_id=person.public_id,
            key=f"desk-{request_hash(clerk.staff_id, idempotency_key)[:32]}",  # never one of the member's own
            kind_id=kind_id,
            region_key=await _region_of(person.venue_id),
            way=ClaimWay.DESK,
            venue_id=person.venue_id,
            staff_id=clerk.staff_id,
        ),
        id_keys=keys,
        now=now,
    )
    (printed,) = await _printed("voucher.public_id = $1", given.public_id, keys=code_keys)
    return printed


async def vouchers_here(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    venue_id: str,
    keys: IdKeys,
    code_keys: CodeKeys,
    now: datetime,
) -> Sequence[PrintedVoucher]:
    """What the person before the clerk has and can use, what ends first first. Raises NOT_ALLOWED, MEMBER_UNKNOWN."""
    person: PersonHere = await person_here(
        clerk=clerk, power=Power.HAND_OUT_VOUCHERS, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    return await _printed(
        "voucher.member_id = $1 AND voucher.state = 'CLAIMED' AND voucher.valid_until > $2",
        person.member_id,
        now,
        keys=code_keys,
    )


async def _region_of(venue_id: int) -> str:
    found = await database.row(
        "SELECT region.key FROM venue JOIN region ON region.id = venue.region_id WHERE venue.id = $1", venue_id
    )
    assert found is not None
    return str(found["key"])


async def _printed(condition: str, *values: Any, keys: CodeKeys) -> Sequence[PrintedVoucher]:
    found = await database.rows(
        f"""SELECT voucher.*, campaign.public_id AS campaign_public_id, campaign.title AS campaign_title,
                   kind.title AS kind_title
              FROM voucher JOIN voucher_campaign campaign ON campaign.id = voucher.campaign_id
                           JOIN voucher_kind kind ON kind.id = voucher.kind_id
             WHERE {condition} ORDER BY voucher.valid_until, voucher.id LIMIT {MOST_VOUCHERS}""",
        *values,
    )
    return [
        PrintedVoucher(
            public_id=row["public_id"],
            campaign_title=row["campaign_title"],
            kind_title=row["kind_title"],
            face_fen=row["face_fen"],
            minimum_spend_fen=row["minimum_spend_fen"],
            valid_from=database.utc(row["valid_from"]),
            valid_until=database.utc(row["valid_until"]),
            printed_code=codes.printed_code(row, keys),
        )
        for row in found
    ]
