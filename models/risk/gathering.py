"""The facts of many uses at once: a fixed number of SQL statements for a batch, never one a use."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from models import database
from models.risk.facts import MONTH, WEEK, Around, Gates, UseFacts, UseRow, facts_of

COUNTED = "('DONE', 'HELD', 'REFUSED')"
"""Uses that cost the programme something, or may; those that came to nothing are nobody's pattern."""
WALK_IN_DAYS = timedelta(days=28)

_SEEN = """CASE WHEN voucher_use.order_id IS NOT NULL THEN EXISTS (
                  SELECT 1 FROM admission WHERE admission.order_id = voucher_use.order_id
                     AND admission.first_entered_at IS NOT NULL)
                ELSE EXISTS (
                  SELECT 1 FROM daily_passage passage
                   WHERE passage.venue_id = voucher_use.venue_id AND passage.business_day = voucher_use.business_day
                     AND passage.direction = 'ENTRY'
                     AND passage.person = 'mem:' || CAST(voucher_use.member_id AS TEXT))
                  OR EXISTS (
                  SELECT 1 FROM admission
                   WHERE admission.member_id = voucher_use.member_id AND admission.venue_id = voucher_use.venue_id
                     AND admission.business_day = voucher_use.business_day
                     AND admission.first_entered_at IS NOT NULL) END"""
"""A gate let them in there on that day, or a desk did with a booking; of an order, somebody of it."""
_USES = f"""
SELECT voucher_use.id, voucher_use.member_id, voucher_use.venue_id, voucher_use.way, voucher_use.state,
       voucher_use.used_at, voucher_use.bill_fen, voucher_use.device_id, voucher_use.staff_id,
       voucher_use.confirmed_at, voucher_use.id_checked, voucher_use.denied_at,
       COALESCE((SELECT MIN(order_line.business_day) FROM order_line
                  WHERE order_line.order_id = voucher_use.order_id AND order_line.cancelled_at IS NULL),
                voucher_use.business_day) AS day,
       voucher.minimum_spend_fen, voucher.claim_way, voucher.claimed_at, voucher.claim_device,
       venue.lon, venue.lat, claimed.lon AS claim_lon, claimed.lat AS claim_lat, {_SEEN} AS is_seen
  FROM voucher_use JOIN voucher ON voucher.id = voucher_use.voucher_id
                   JOIN venue ON venue.id = voucher_use.venue_id
                   LEFT JOIN venue claimed ON claimed.id = voucher.claim_venue_id
 WHERE voucher_use.state IN {COUNTED} AND """


async def gather(use_ids: Sequence[int]) -> dict[int, UseFacts]:
    """By use, what is known now; a use that came to nothing meanwhile is not in it."""
    uses = await _uses("voucher_use.id = ANY($1::bigint[])", list(use_ids))
    if not uses:
        return {}
    ranks = await _ranks([use.member_id for use in uses])
    around = Around({use.id: use for use in [*uses, *await _near(uses)]}.values(), await _gates(uses))
    return {use.id: facts_of(replace(use, wechat_rank=ranks.get(use.member_id)), around) for use in uses}


async def _near(uses: Sequence[UseRow]) -> Sequence[UseRow]:
    """The same people's of a month, the same phones' of a week, the same desks' of those days."""
    first = min(min(use.day, use.used_at.date()) for use in uses) - timedelta(days=1)
    last = max(use.day for use in uses) + timedelta(days=2)
    members = sorted({use.member_id for use in uses})
    phones = sorted({use.phone for use in uses if use.phone})
    desks = sorted({use.desk for use in uses if use.desk})
    near = await _uses(
        "voucher_use.member_id = ANY($1::bigint[]) AND voucher_use.business_day BETWEEN $2 AND $3",
        *(members, first - MONTH, last),
    )
    if phones:
        near += await _uses(
            "voucher.claim_device = ANY($1::text[]) AND voucher_use.business_day BETWEEN $2 AND $3",
            *(phones, first - WEEK, last),
        )
    if desks:
        near += await _uses(
            "voucher_use.device_id = ANY($1::text[]) AND voucher_use.business_day BETWEEN $2 AND $3",
            *(desks, first, last),
        )
    return near


async def _uses(where: str, *values: Any) -> list[UseRow]:
    return [_use_row(row) for row in await database.rows(_USES + where, *values)]


def _use_row(row: Any) -> UseRow:
    is_order = row["way"] == "ORDER"
    return UseRow(
        id=row["id"],
        member_id=row["member_id"],
        venue_id=row["venue_id"],
        place=(row["lon"], row["lat"]),
        claim_place=None if row["claim_lon"] is None else (row["claim_lon"], row["claim_lat"]),
        way=row["way"],
        claim_way=row["claim_way"],
        claimed_at=database.utc(row["claimed_at"]),
        used_at=database.utc(row["used_at"]),
        day=database.day(row["day"]),
        bill_fen=row["bill_fen"],
        minimum_fen=row["minimum_spend_fen"],
        phone=row["claim_device"],
        desk="" if is_order else row["device_id"],
        staff_id=row["staff_id"],
        is_confirmed=row["confirmed_at"] is not None,
        on_paper=bool(row["id_checked"]),
        is_denied=row["denied_at"] is not None,
        is_seen=bool(row["is_seen"]),
        wechat_rank=None,
    )


async def _ranks(member_ids: Sequence[int]) -> Mapping[int, int]:
    """What WeChat said last."""
    found = await database.rows(
        """SELECT member_id, rank FROM wechat_risk_rank
            WHERE member_id = ANY($1::bigint[]) AND rank IS NOT NULL ORDER BY asked_at, id""",
        sorted({*member_ids}),
    )
    return {row["member_id"]: row["rank"] for row in found}


async def _gates(uses: Sequence[UseRow]) -> Gates:
    venues = sorted({use.venue_id for use in uses})
    days = [use.day for use in uses]
    first, last = min(days) - timedelta(days=1), max(days) + timedelta(days=1)
    return Gates(working=await _working(venues, first, last), walk_ins=await _walk_ins(venues, first, last))


async def _working(venues: Sequence[int], first: date, last: date) -> frozenset[tuple[int, date]]:
    """Where and when a gate let anybody in."""
    found = await database.rows(
        """SELECT DISTINCT venue_id, business_day FROM daily_passage
            WHERE venue_id = ANY($1::bigint[]) AND direction = 'ENTRY' AND business_day BETWEEN $2 AND $3""",
        *(list(venues), first, last),
    )
    return frozenset((row["venue_id"], database.day(row["business_day"])) for row in found)


async def _walk_ins(venues: Sequence[int], first: date, last: date) -> Mapping[int, tuple[int, int]]:
    """How many used a voucher at a venue's desks in the last weeks, and how many of them its gates saw."""
    found = await database.rows(
        f"""SELECT venue_id, COUNT(*) AS many, COALESCE(SUM(CASE WHEN {_SEEN} THEN 1 ELSE 0 END), 0) AS seen
              FROM voucher_use
             WHERE venue_id = ANY($1::bigint[]) AND way <> 'ORDER' AND state IN {COUNTED}
               AND business_day BETWEEN $2 AND $3
             GROUP BY venue_id""",
        *(list(venues), first - WALK_IN_DAYS, last),
    )
    return {row["venue_id"]: (int(row["many"]), int(row["seen"])) for row in found}
