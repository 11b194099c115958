"""What a campaign owes its venues, drafted for all of them in one go from the entries of its books.

A draft takes every entry up to the end of the period that is in no settlement yet, late ones too; so whatever order
things happen in, each entry is settled once. Left for a later one is what somebody still has to judge (`models.risk`),
and venues with an earlier settlement that is not decided yet: what that one carries is not known before.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from models import database
from models.audit.deeds import concerning
from models.ids import new_no, request_hash
from models.risk.holding import held_where, unjudged_where
from models.settlement.rules import Period, SettlementState, Sums, checked_period, sums_of
from models.settlement.tables import Settlement, SettlementDeduction, SettlementDraft, SettlementStep
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import CampaignUnknown, KeyReused, campaign_called, checked_key, may_for
from models.vouchers.rules import EventKind
from models.vouchers.tables import VoucherCampaign

FREE = """voucher_event.campaign_id = $1 AND voucher_event.happened_at < $2
   AND NOT EXISTS (SELECT 1 FROM settlement_line settled WHERE settled.entry_id = voucher_event.id)"""
HELD_BACK = f"({held_where()} OR {unjudged_where()})"
_UNDECIDED = """EXISTS (SELECT 1 FROM settlement undecided
   WHERE undecided.campaign_id = voucher_event.campaign_id AND undecided.venue_id = voucher_event.venue_id
     AND undecided.state IN ('DRAFT', 'PROPOSED') AND undecided.draft_id <> $3)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What an act of drafting made, and what it left for later, as it is now."""

    draft_id: int
    settlements: int
    held_entries: int
    undecided_venues: int


async def draft_settlements(
    *,
    clerk: StaffSignedIn,
    campaign_id: str,
    from_day: date,
    until_day: date,
    idempotency_key: str,
    now: datetime,
) -> Drafted:
    """One settlement for each venue that has free entries. The same key is the same act, and without anything new
    another act makes nothing.

    Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN, SETTLEMENT_PERIOD, IDEMPOTENCY_KEY_REUSED.
    """
    if not clerk.has(Power.PROPOSE_SETTLEMENT):
        raise not_allowed(Power.PROPOSE_SETTLEMENT)
    campaign = await campaign_called(campaign_id)
    if campaign is None or not await may_for(clerk, campaign.region_key, Power.PROPOSE_SETTLEMENT):
        raise CampaignUnknown
    period = checked_period(from_day, until_day, now=now)
    concerning("CAMPAIGN", campaign_id, detail=f"{from_day} to {until_day}")
    return await _draft(clerk, campaign, period, checked_key(idempotency_key), now)


@database.operation
async def _draft(
    clerk: StaffSignedIn, campaign: VoucherCampaign, period: Period, key: str, now: datetime
) -> Drafted:
    await alone_with_books(campaign.id)
    asked = request_hash(period.from_day.isoformat(), period.until_day.isoformat())
    known = await SettlementDraft.get_or_none(campaign_id=campaign.id, request_key=key)
    if known is not None:
        if (known.staff_id, known.request_hash) != (clerk.staff_id, asked):
            raise KeyReused
        return await _report(known, period)
    draft = await SettlementDraft.create(
        campaign_id=campaign.id,
        from_day=period.from_day,
        until_day=period.until_day,
        staff_id=clerk.staff_id,
        request_key=key,
        request_hash=asked,
        drafted_at=now,
    )
    await _one_for_each_venue(draft, period, now)
    await _take_entries(draft, period)
    made = await Settlement.filter(draft_id=draft.id).order_by("id")
    brought = await brought_by([settlement.id for settlement in made])
    for settlement in made:
        sums = brought.get(settlement.id)
        if sums is None:  # the last of its entries was held in this very moment
            await settlement.delete()
            continue
        await write_sums(settlement, replace(sums, carried_in=settlement.carried_in_fen))
        await note_step(settlement, "", clerk.staff_id, now=now)
    return await _report(draft, period)


async def alone_with_books(campaign_id: int) -> None:
    """Until the transaction ends nobody else drafts for this campaign, or closes its books."""
    await database.alone_with(f"settlement of {campaign_id}")


async def _one_for_each_venue(draft: SettlementDraft, period: Period, now: datetime) -> None:
    """Empty as yet. What the venue's last one carried out, this one takes; each is carried once."""
    venues = await database.rows(
        f"""SELECT DISTINCT voucher_event.venue_id FROM voucher_event
             WHERE {FREE} AND NOT {HELD_BACK} AND NOT {_UNDECIDED} ORDER BY voucher_event.venue_id""",
        draft.campaign_id,
        period.ends_at,
        draft.id,
    )
    carried = {
        row["venue_id"]: row
        for row in await database.rows(
            """SELECT settlement.id, settlement.venue_id, settlement.carried_out_fen FROM settlement
                WHERE settlement.campaign_id = $1 AND settlement.state = 'APPROVED' AND settlement.carried_out_fen > 0
                  AND NOT EXISTS (SELECT 1 FROM settlement later WHERE later.carried_from_id = settlement.id)
                ORDER BY settlement.id FOR UPDATE OF settlement""",
            draft.campaign_id,
        )
    }
    for venue in venues:
        earlier = carried.get(venue["venue_id"])
        owed = 0 if earlier is None else earlier["carried_out_fen"]
        await Settlement.create(
            settlement_no=new_no("S", now),
            draft_id=draft.id,
            campaign_id=draft.campaign_id,
            venue_id=venue["venue_id"],
            from_day=period.from_day,
            until_day=period.until_day,
            state=SettlementState.DRAFT,
            carried_in_fen=owed,
            carried_out_fen=owed,
            carried_from_id=None if earlier is None else earlier["id"],
            drafted_at=now,
        )


async def _take_entries(draft: SettlementDraft, period: Period) -> None:
    """In one statement; the sums are read from what it took, never beside it."""
    await database.rows(
        f"""INSERT INTO settlement_line (settlement_id, entry_id)
            SELECT settlement.id, voucher_event.id
              FROM voucher_event JOIN settlement ON settlement.draft_id = $3
                                                AND settlement.venue_id = voucher_event.venue_id
             WHERE {FREE} AND NOT {HELD_BACK} ORDER BY voucher_event.id""",
        draft.campaign_id,
        period.ends_at,
        draft.id,
    )


async def _report(draft: SettlementDraft, period: Period) -> Drafted:
    left = await database.row(
        f"""SELECT (SELECT COUNT(*) FROM settlement WHERE draft_id = $3) AS made,
                   COALESCE(SUM(CASE WHEN {HELD_BACK} THEN 1 END), 0) AS held,
                   COUNT(DISTINCT CASE WHEN {_UNDECIDED} THEN voucher_event.venue_id END) AS undecided
              FROM voucher_event WHERE {FREE}""",
        draft.campaign_id,
        period.ends_at,
        draft.id,
    )
    assert left is not None
    return Drafted(
        draft_id=draft.id,
        settlements=int(left["made"]),
        held_entries=int(left["held"]),
        undecided_venues=int(left["undecided"]),
    )


# What all acts on settlements need, inside their transactions.


async def brought_by(settlement_ids: Collection[int]) -> Mapping[int, Sums]:
    """What the lines of each come to; nothing for one without lines."""
    entries: dict[int, list[tuple[EventKind, int, int]]] = {}
    for row in await database.rows(
        """SELECT settlement_line.settlement_id, voucher_event.kind, SUM(voucher_event.amount_fen) AS amount,
                  SUM(voucher_event.venue_share_fen) AS share
             FROM settlement_line JOIN voucher_event ON voucher_event.id = settlement_line.entry_id
            WHERE settlement_line.settlement_id = ANY($1::bigint[])
            GROUP BY settlement_line.settlement_id, voucher_event.kind""",
        list(settlement_ids),
    ):
        entry = (EventKind(row["kind"]), int(row["amount"]), int(row["share"]))
        entries.setdefault(row["settlement_id"], []).append(entry)
    return {settlement_id: sums_of(each) for settlement_id, each in entries.items()}


async def sum_up(settlement: Settlement) -> None:
    """Anew from its lines and deductions; its row is locked."""
    sums = (await brought_by([settlement.id]))[settlement.id]
    deducted = await SettlementDeduction.filter(settlement_id=settlement.id)
    await write_sums(
        settlement,
        replace(
            sums,
            carried_in=settlement.carried_in_fen,
            deducted=sum(int(each.amount_fen) for each in deducted),
        ),
    )


async def write_sums(settlement: Settlement, sums: Sums) -> None:
    settlement.used_fen, settlement.taken_back_fen = sums.used, sums.taken_back
    settlement.conflict_fen, settlement.venue_share_fen = sums.conflict, sums.venue_share
    settlement.deducted_fen = sums.deducted
    settlement.payable_fen, settlement.carried_out_fen = sums.payable, sums.carried_out
    await settlement.save(
        update_fields=[
            *("used_fen", "taken_back_fen", "conflict_fen", "venue_share_fen", "deducted_fen"),
            *("payable_fen", "carried_out_fen"),
        ]
    )


async def note_step(
    settlement: Settlement, from_state: str, staff_id: int, *, reason: str = "", now: datetime
) -> None:
    await SettlementStep.create(
        settlement_id=settlement.id,
        from_state=from_state,
        to_state=settlement.state,
        staff_id=staff_id,
        reason=reason,
        happened_at=now,
    )
