"""The statement of a settlement: made and signed once, when it is approved, and kept byte for byte."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models import database
from models.keys import StatementKeys
from models.settlement.rules import owed_fen
from models.settlement.signing import FORMAT, canonical, signed_bytes, statement_of
from models.settlement.tables import Settlement, SettlementDeduction, StatementKey
from models.settlement.views import PAGE_OF_LINES
from models.staff.tables import StaffMember
from models.venues.tables import Venue
from models.vouchers.rules import EventKind
from models.vouchers.tables import VoucherCampaign

LINES = f"""
SELECT line.id, voucher_event.kind, voucher_event.about_no, voucher_event.amount_fen, voucher_event.venue_share_fen,
       voucher_event.happened_at, voucher_use.use_no
  FROM {PAGE_OF_LINES} JOIN voucher_event ON voucher_event.id = line.entry_id
       JOIN voucher_use ON voucher_use.id = voucher_event.use_id
 ORDER BY line.id"""
LINES_AT_ONCE, IN_A_BREATH = 5_000, 500
"""So many are read by one statement; and so many are written down between two breaths of the event loop, some 3 ms. A large
venue has 100,000."""


class KeyIdTaken(Exception):
    """A key id that signed statements before now stands for another key: an old statement would look forged."""


async def sign(settlement: Settlement, *, keys: StatementKeys, now: datetime) -> None:
    """Inside the act that approves it, with its row locked and all of it final."""
    content, pages = await content_of(settlement, now=now), await _pages(settlement.id)
    statement, key_id, signature = await asyncio.to_thread(_signed, content, pages, keys)  # 0.1 s of 20 MB
    public_key = keys.public_keys[key_id].hex()
    known = await database.row(
        """INSERT INTO statement_key (key_id, public_key, first_used_at) VALUES ($1, $2, $3)
           ON CONFLICT (key_id) DO UPDATE SET key_id = statement_key.key_id RETURNING public_key""",
        key_id,
        public_key,
        now,
    )
    if known is None or known["public_key"] != public_key:
        raise KeyIdTaken(f"the statement key {key_id!r} was another key when it first signed; give it a new id")
    settlement.statement, settlement.signature, settlement.key_id = statement, signature, key_id


def _signed(content: Mapping[str, Any], pages: Sequence[bytes], keys: StatementKeys) -> tuple[bytes, str, bytes]:
    statement = statement_of(content, pages)
    return statement, *keys.sign(signed_bytes(statement))


async def content_of(settlement: Settlement, *, now: datetime) -> Mapping[str, Any]:
    """What is signed, without its lines: the sums that they make. Names nobody but who proposed and approved it."""
    campaign = await VoucherCampaign.get(id=settlement.campaign_id)
    venue = await Venue.get(id=settlement.venue_id)
    earlier = await Settlement.get_or_none(id=settlement.carried_from_id) if settlement.carried_from_id else None
    names = dict(
        await StaffMember.filter(id__in=[settlement.proposed_by_id, settlement.approved_by_id]).values_list(
            "id", "display_name"
        )
    )
    deductions = await SettlementDeduction.filter(settlement_id=settlement.id).order_by("id")
    return {
        "format": FORMAT,
        "settlementNo": settlement.settlement_no,
        "campaign": {"id": campaign.public_id, "title": campaign.title},
        "venue": {"id": venue.public_id, "name": venue.name},
        "fromDay": settlement.from_day.isoformat(),
        "untilDay": settlement.until_day.isoformat(),
        "unit": "CNY fen",
        "sums": {
            "used": settlement.used_fen,
            "takenBack": settlement.taken_back_fen,
            "conflict": settlement.conflict_fen,
            "venueShare": settlement.venue_share_fen,
            "deducted": settlement.deducted_fen,
            "carriedIn": settlement.carried_in_fen,
            "payable": settlement.payable_fen,
            "carriedOut": settlement.carried_out_fen,
        },
        "carriedFrom": earlier.settlement_no if earlier else "",
        "deductions": [{"amount": each.amount_fen, "reason": each.reason} for each in deductions],
        "proposedBy": names[settlement.proposed_by_id],
        "approvedBy": names[settlement.approved_by_id],
        "approvedAt": _instant(now),
    }


async def _pages(settlement_id: int) -> Sequence[bytes]:
    """Every entry that makes the sums, as canonical text."""
    pages, after = list[bytes](), 0
    while found := await database.rows(LINES, settlement_id, after, LINES_AT_ONCE):
        for first in range(0, len(found), IN_A_BREATH):
            pages.append(canonical([_line(row) for row in found[first : first + IN_A_BREATH]])[1:-1])
            await asyncio.sleep(0)
        after = found[-1]["id"]
    return pages


def _line(row: Any) -> Mapping[str, Any]:
    amount, share = int(row["amount_fen"]), int(row["venue_share_fen"])
    return {
        "useNo": row["use_no"],
        "entryNo": row["about_no"],
        "kind": row["kind"],
        "amount": amount,
        "venueShare": share,
        "owed": owed_fen(EventKind(row["kind"]), amount, share),
        "happenedAt": _instant(database.utc(row["happened_at"])),
    }


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


async def public_keys(keys: StatementKeys) -> Mapping[str, bytes]:
    """Every key that ever signed a statement, also those whose private half is gone, and what is in the ring."""
    kept = {row.key_id: bytes.fromhex(row.public_key) for row in await StatementKey.all().order_by("id")}
    return {**keys.public_keys, **kept}
