"""What a campaign owes its venues, drafted for all of them in one go from the entries of its books.

A draft takes every entry up to the end of the period that is in no settlement yet, late ones too; so whatever order
things happen in, each entry is settled once. Left for a later one is what somebody still has to judge (`models.risk`),
and venues with an earlier settlement that is not decided yet: what that one carries is not known before.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import instant_of
from models.ids import new_no, request_hash
from models.risk.holding import held_where, unjudged_where
from models.settlement.rules import Period, SettlementState, checked_period
from models.settlement.summing import brought_by, step_of, write_sums
from models.settlement.tables import Settlement, SettlementDraft, SettlementStep
from models.staff.powers import not_allowed
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.campaigns import CampaignUnknown, KeyReused, campaign_called, checked_key, may_for
from models.vouchers.tables import VoucherCampaign

FREE = """voucher_event.campaign_id = $1 AND voucher_event.happened_at < $2
   AND NOT EXISTS (SELECT 1 FROM settlement_line settled WHERE settled.entry_id = voucher_event.id)"""
ENTRIES_AT_ONCE = 20_000
"""So many are looked at by one statement, which takes a second or two; one of the web may take five."""
BEFORE_ALL = instant_of(date(2000, 1, 1), 0)
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
    await Settlement.filter(
        id__in=[0, *(each.id for each in made if each.id not in brought)]
    ).delete()  # all is held
    made = [settlement for settlement in made if settlement.id in brought]
    await write_sums({each.id: replace(brought[each.id], carried_in=each.carried_in_fen) for each in made})
    await SettlementStep.bulk_create([step_of(each, "", clerk.staff_id, now=now) for each in made])
    return await _report(draft, period)


async def alone_with_books(campaign_id: int) -> None:
    """Until the transaction ends nobody else drafts for this campaign, or closes its books."""
    await database.alone_with(f"settlement of {campaign_id}")


async def _one_for_each_venue(draft: SettlementDraft, period: Period, now: datetime) -> None:
    """Empty as yet, also where all that is free turns out to be held. What the venue's last one carried out, this one
    takes; each is carried once."""
    venues = await database.rows(
        f"""SELECT DISTINCT voucher_event.venue_id FROM voucher_event
             WHERE {FREE} AND NOT {_UNDECIDED} ORDER BY voucher_event.venue_id""",
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
    await Settlement.bulk_create(
        [_empty(draft, row["venue_id"], carried.get(row["venue_id"]), now) for row in venues]
    )


def _empty(draft: SettlementDraft, venue_id: int, earlier: Any | None, now: datetime) -> Settlement:
    owed = 0 if earlier is None else earlier["carried_out_fen"]
    return Settlement(
        settlement_no=new_no("S", now),
        draft_id=draft.id,
        campaign_id=draft.campaign_id,
        venue_id=venue_id,
        from_day=draft.from_day,
        until_day=draft.until_day,
        state=SettlementState.DRAFT,
        carried_in_fen=owed,
        carried_out_fen=owed,
        carried_from_id=None if earlier is None else earlier["id"],
        drafted_at=now,
    )


async def _take_entries(draft: SettlementDraft, period: Period) -> None:
    """A part of the period after the other, each in one statement that selects and takes; the sums are read from what was
    taken, never beside it."""
    since, until = await _part(draft.campaign_id, None, period)
    while since is not None:
        await database.rows(
            f"""INSERT INTO settlement_line (settlement_id, entry_id)
                SELECT settlement.id, voucher_event.id
                  FROM voucher_event JOIN settlement ON settlement.draft_id = $3
                                                    AND settlement.venue_id = voucher_event.venue_id
                 WHERE {FREE} AND voucher_event.happened_at >= $4 AND NOT {HELD_BACK} ORDER BY voucher_event.id""",
            *(draft.campaign_id, until, draft.id, since),
        )
        since, until = await _part(draft.campaign_id, until, period)


async def _part(campaign_id: int, since: datetime | None, period: Period) -> tuple[datetime | None, datetime]:
    """From the first entry of the campaign that is not before `since`, as many as one statement looks at, and all that
    happened in the same instant as the last of them. None: there are no more."""
    first = await _happened(campaign_id, since or BEFORE_ALL, period, 0)
    if first is None:
        return None, period.ends_at
    last = await _happened(campaign_id, first, period, ENTRIES_AT_ONCE)
    return first, period.ends_at if last is None else last + timedelta(microseconds=1)


async def _happened(campaign_id: int, since: datetime, period: Period, after: int) -> datetime | None:
    found = await database.row(
        """SELECT happened_at FROM voucher_event WHERE campaign_id = $1 AND happened_at >= $2 AND happened_at < $3
            ORDER BY happened_at LIMIT 1 OFFSET $4""",
        *(campaign_id, since, period.ends_at, after),
    )
    return None if found is None else database.utc(found["happened_at"])


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
