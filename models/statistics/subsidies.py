"""Which venue got what subsidy (补贴公示): a campaign's month, by the entries of its books, to the fen.

A month of a campaign shares no fen with any other, so no two of these lists can be subtracted. A venue of a few people is
not in the list, and neither is another one where it would be what a region's rounded figure leaves over
(`suppression.hidden_venues`); which ones these are does not hang on who asks. The sum of all is rounded, as everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.staff import powers
from models.staff.powers import venues_where
from models.staff.rules import Power, StaffSignedIn
from models.statistics.programme import opened_campaign
from models.statistics.rules import Period, PeriodKind, Rounding, period_of
from models.statistics.suppression import hidden_venues

MOST_VENUES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSubsidy:
    """What one venue's vouchers came to. `used_fen` is the face value that paid there, and what was paid for uses that
    lost against another one; `share_fen` is the part that the venue bears; `paid_fen` is what was paid so far of its
    settlements that end in this month."""

    venue_id: str
    venue_name: str
    region_name: str
    used_fen: int
    taken_back_fen: int
    share_fen: int
    paid_fen: int

    @property
    def subsidy_fen(self) -> int:
        """What the public owes for it."""
        return self.used_fen - self.taken_back_fen - self.share_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsidies:
    campaign_id: str
    campaign_title: str
    period: Period
    smallest_group: int
    counted_at: datetime
    venues: Sequence[VenueSubsidy]
    unlisted: bool
    """Whether there are venues besides, of which each, or all together, are too few people to be shown."""
    total_fen: int | None
    """The subsidy of all venues that the asker may see, rounded; None: of too few people."""


async def subsidies(
    *, clerk: StaffSignedIn, campaign_id: str, month: date, smallest_group: int, now: datetime
) -> Subsidies:
    """Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN, BAD_INPUT."""
    await powers.demand(clerk, Power.READ_STATISTICS)
    period = period_of(PeriodKind.MONTH, month, of_one_campaign=True, today=business_day(now))
    concerning("CAMPAIGN", campaign_id, reading=True, detail=f"SUBSIDIES {period.first} {period.next}")
    campaign = await opened_campaign(campaign_id)
    assert campaign is not None
    found = await database.rows(
        _SUBSIDIES.format(theirs=venues_where(Power.READ_STATISTICS)),
        *(clerk.staff_id, campaign["id"], period.from_instant, period.until_instant, period.first, period.next),
    )
    hidden = hidden_venues({row["public_id"]: (_path(row), int(row["people"])) for row in found}, smallest_group)
    seen = [row for row in found if row["is_theirs"]]
    listed = [_venue(row) for row in seen if row["public_id"] not in hidden]
    return Subsidies(
        campaign_id=campaign_id,
        campaign_title=campaign["title"],
        period=period,
        smallest_group=smallest_group,
        counted_at=now,
        venues=sorted(listed, key=lambda each: (-each.subsidy_fen, each.venue_id))[:MOST_VENUES],
        unlisted=len(listed) < len(seen),
        total_fen=_total(seen, smallest_group),
    )


_SUBSIDIES = """
WITH entry AS (
       SELECT event.venue_id, event.kind, event.amount_fen, event.venue_share_fen,
              COALESCE(named.id, claim_age.person_id, -used.member_id) AS who
         FROM voucher_event event JOIN voucher_use used ON used.id = event.use_id
              LEFT JOIN claim_age ON claim_age.voucher_id = used.voucher_id
              LEFT JOIN real_name named ON named.member_id = used.member_id
        WHERE event.campaign_id = $2::bigint AND event.happened_at >= $3 AND event.happened_at < $4),
     booked AS (
       SELECT venue_id, COUNT(DISTINCT who) AS people,
              SUM(CASE WHEN kind = 'TAKEN_BACK' THEN 0 ELSE amount_fen END) AS used,
              SUM(CASE WHEN kind = 'TAKEN_BACK' THEN amount_fen ELSE 0 END) AS taken_back,
              SUM(CASE WHEN kind = 'TAKEN_BACK' THEN -venue_share_fen ELSE venue_share_fen END) AS share
         FROM entry GROUP BY venue_id),
     paid AS (
       SELECT settlement.venue_id,
              SUM(CASE WHEN record.is_repayment THEN -record.amount_fen ELSE record.amount_fen END) AS fen
         FROM payment_record record JOIN settlement ON settlement.id = record.settlement_id
        WHERE settlement.campaign_id = $2::bigint AND settlement.until_day >= $5::date
          AND settlement.until_day < $6::date
        GROUP BY settlement.venue_id)
SELECT venue.public_id, venue.name, venue.city_code, venue.province_code, region.key AS region_key,
       COALESCE(above.name, '') || region.name AS region_name, booked.people, booked.used, booked.taken_back,
       booked.share, COALESCE(paid.fen, 0) AS paid,
       CASE WHEN {theirs} THEN 1 ELSE 0 END AS is_theirs
  FROM booked JOIN venue ON venue.id = booked.venue_id JOIN region ON region.id = venue.region_id
       LEFT JOIN region above ON above.key = region.parent_key AND above.level = 'CITY'
       LEFT JOIN paid ON paid.venue_id = booked.venue_id
 ORDER BY venue.id"""


def _path(row: Any) -> list[str]:
    """From its district to both provinces. A city above no district is its own."""
    return [*dict.fromkeys((row["region_key"], row["city_code"], row["province_code"], ""))]


def _venue(row: Mapping[str, Any]) -> VenueSubsidy:
    return VenueSubsidy(
        venue_id=row["public_id"],
        venue_name=row["name"],
        region_name=row["region_name"],
        used_fen=int(row["used"]),
        taken_back_fen=int(row["taken_back"]),
        share_fen=int(row["share"]),
        paid_fen=int(row["paid"]),
    )


def _total(seen: Sequence[Any], smallest_group: int) -> int | None:
    """People in several venues count in each, so it takes one venue of enough, or several of them."""
    if sum(int(row["people"]) for row in seen) < smallest_group:
        return None
    owed = sum(int(row["used"]) - int(row["taken_back"]) - int(row["share"]) for row in seen)
    return Rounding(smallest_group).fen(owed)
