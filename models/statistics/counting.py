"""What was claimed and what was used, counted by people, in one statement each.

A use that stands is one in state DONE: its `used_fen` and `venue_share_fen` are what its entries in the programme's books
come to. What is held for review, or lost against another use, is nobody's use.

Who somebody is: the person of a real name, whichever account they have; without one the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from models import database
from models.staff.powers import regions_where, venues_where
from models.staff.rules import Power
from models.statistics.rules import Claims, GroupedBy, Period, Uses

Figures = TypeVar("Figures", Claims, Uses)
Key = int | str | None
"""A region's row, a sport's code, an hour, from which age; None in the place of all."""


@dataclass(frozen=True, slots=True)
class Counted(Generic[Figures]):
    """Exact figures by (row, column), with the totals of both, and how many people each is about."""

    figures: Mapping[tuple[Key, Key], Figures]

    @property
    def people(self) -> Mapping[tuple[Key, Key], int]:
        return {cell: each.people for cell, each in self.figures.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Of:
    """What is counted, for whom. Campaign 0: all."""

    staff_id: int
    campaign_id: int
    period: Period

    @property
    def values(self) -> tuple[Any, ...]:
        return self.staff_id, self.campaign_id, self.period.first, self.period.next


async def claims_counted(by: GroupedBy, of: Of) -> Counted[Claims]:
    """What this person may see of it: claims of people who said that they are in their regions; and of who said
    nothing, those of campaigns whose money is of their regions."""
    cells = _CLAIMS_BY[by]
    found = await database.rows(
        _CLAIMS.format(
            row=spoken(cells[0], "voucher.claimed_at"),
            column=cells[1],
            their_regions=regions_where(Power.READ_STATISTICS, region="region.key"),
            their_campaigns=regions_where(Power.READ_STATISTICS, region="voucher_campaign.region_key"),
            sums=_totalled("SUM(vouchers) AS vouchers, SUM(face) AS face, SUM(expired) AS expired"),
        ),
        *of.values,
    )
    return Counted(
        {
            _cell(row): Claims(int(row["people"]), int(row["vouchers"]), int(row["face"]), int(row["expired"]))
            for row in found
            if row["people"]
        }
    )


async def uses_counted(by: GroupedBy, of: Of) -> Counted[Uses]:
    """What was used at venues that lie where this person may see it."""
    cells = _USES_BY[by]
    found = await database.rows(
        _USES.format(
            row=spoken(cells[0], "used.used_at"),
            column=cells[1],
            their_venues=venues_where(Power.READ_STATISTICS),
            sums=_totalled(
                "SUM(vouchers) AS vouchers, SUM(used) AS used, SUM(share) AS share, SUM(moved) AS moved"
            ),
        ),
        *of.values,
    )
    return Counted(
        {
            _cell(row): Uses(
                int(row["people"]),
                int(row["vouchers"]),
                int(row["used"]),
                int(row["used"]) - int(row["share"]),
                int(row["moved"]),
            )
            for row in found
            if row["people"]
        }
    )


_NOTHING = "0"
_AGE, SHANGHAI_HOUR = "COALESCE(claim_age.from_age, -1)", "HOUR OF"
_CLAIMS_BY: Mapping[GroupedBy, tuple[str, str]] = {
    GroupedBy.DISTRICT: (
        "COALESCE(place.id, 0)",
        _AGE,
    ),  # with ages: a table that shares its totals must hide with it
    GroupedBy.AGE: ("COALESCE(place.id, 0)", _AGE),
    GroupedBy.AGE_AND_DISTRICT: ("COALESCE(place.id, 0)", _AGE),
    GroupedBy.HOUR: (SHANGHAI_HOUR, _NOTHING),
    GroupedBy.SPORT: (_NOTHING, _NOTHING),
}
_USES_BY: Mapping[GroupedBy, tuple[str, str]] = {
    GroupedBy.DISTRICT: ("venue.region_id", _AGE),
    GroupedBy.AGE: ("venue.region_id", _AGE),
    GroupedBy.AGE_AND_DISTRICT: ("venue.region_id", _AGE),
    GroupedBy.HOUR: (SHANGHAI_HOUR, _NOTHING),
    GroupedBy.SPORT: ("used.sport_code", _NOTHING),
}

_CLAIMS = """
WITH their_region AS (SELECT region.id FROM region WHERE {their_regions}),
     their_campaign AS (SELECT voucher_campaign.id FROM voucher_campaign WHERE {their_campaigns}),
     fact AS (
       SELECT {row} AS line, {column} AS field,
              COALESCE(named.id, claim_age.person_id, voucher.person_id, -voucher.member_id) AS who, COUNT(*) AS vouchers,
              SUM(voucher.face_fen) AS face,
              SUM(CASE WHEN voucher.state IN ('EXPIRED', 'RETURNED') THEN 1 ELSE 0 END) AS expired
         FROM voucher LEFT JOIN region place ON place.key = voucher.claim_region
                      LEFT JOIN claim_age ON claim_age.voucher_id = voucher.id
                      LEFT JOIN real_name named ON named.member_id = voucher.member_id
        WHERE voucher.claim_day >= $3::date AND voucher.claim_day < $4::date
          AND ($2::bigint = 0 OR voucher.campaign_id = $2::bigint)
          AND (place.id IN (SELECT id FROM their_region)
               OR place.id IS NULL AND voucher.campaign_id IN (SELECT id FROM their_campaign))
        GROUP BY 1, 2, 3)
{sums}"""

_USES = """
WITH theirs AS (SELECT venue.id FROM venue WHERE {their_venues}),
     ordered AS (
       SELECT DISTINCT order_id FROM voucher_use
        WHERE order_id IS NOT NULL AND state = 'DONE' AND business_day >= $3::date AND business_day < $4::date
          AND ($2::bigint = 0 OR campaign_id = $2::bigint)),
     shared AS (
       SELECT order_id, SUM(bill_fen) AS fen FROM voucher_use
        WHERE state = 'DONE' AND order_id IN (SELECT order_id FROM ordered) GROUP BY order_id),
     stands AS (
       SELECT order_id, SUM(CASE WHEN cancelled_at IS NULL THEN price_fen ELSE 0 END) AS fen FROM order_line
        WHERE order_id IN (SELECT order_id FROM ordered) GROUP BY order_id),
     fact AS (
       SELECT {row} AS line, {column} AS field,
              COALESCE(named.id, claim_age.person_id, -used.member_id) AS who, COUNT(*) AS vouchers,
              SUM(used.used_fen) AS used, SUM(used.venue_share_fen) AS share,
              SUM(CASE WHEN used.order_id IS NULL THEN used.bill_fen
                       ELSE stands.fen * used.bill_fen / shared.fen END) AS moved
         FROM voucher_use used JOIN venue ON venue.id = used.venue_id
              LEFT JOIN claim_age ON claim_age.voucher_id = used.voucher_id
              LEFT JOIN real_name named ON named.member_id = used.member_id
              LEFT JOIN shared ON shared.order_id = used.order_id
              LEFT JOIN stands ON stands.order_id = used.order_id
        WHERE used.state = 'DONE' AND used.business_day >= $3::date AND used.business_day < $4::date
          AND ($2::bigint = 0 OR used.campaign_id = $2::bigint) AND used.venue_id IN (SELECT id FROM theirs)
        GROUP BY 1, 2, 3)
{sums}"""
"""What remains of an order's price is moved by its vouchers that still pay, each by its part of the bill (`reserving.use`
shares it out by their face values): the campaigns of one order add up to it."""


def _totalled(sums: str) -> str:
    """Cells, rows' totals, columns' totals, and all: people are counted in each, since one may be in several cells."""
    kinds = ((True, True), (True, False), (False, True), (False, False))
    return " UNION ALL ".join(_sum(sums, rows=rows, columns=columns) for rows, columns in kinds)


def _sum(sums: str, *, rows: bool, columns: bool) -> str:
    kept = [name for name, is_kept in (("line", rows), ("field", columns)) if is_kept]
    return f"""SELECT {"line" if rows else "NULL"} AS line, {"field" if columns else "NULL"} AS field,
                      {1 if rows else 0} AS is_line, {1 if columns else 0} AS is_field,
                      COUNT(DISTINCT who) AS people, {sums}
                 FROM fact {"GROUP BY " + ", ".join(kept) if kept else ""}"""


def _cell(row: Any) -> tuple[Key, Key]:
    return (row["line"] if row["is_line"] else None, row["field"] if row["is_field"] else None)


def spoken(cell: str, instant: str) -> str:
    """With the hour on Shanghai's clock (UTC+8 since 1991) as each database says it."""
    hour = f"CAST(strftime('%H', {instant}, '+8 hours') AS INTEGER)"
    if database.on_postgres():
        hour = f"EXTRACT(HOUR FROM {instant} AT TIME ZONE 'Asia/Shanghai')::int"
    return cell.replace(SHANGHAI_HOUR, hour)
