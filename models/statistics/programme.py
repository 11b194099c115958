"""The programme as whoever oversees it sees it: claimed, used, and the money that moved, by district, sport, age or hour.

Rows are counted exactly, hidden where they tell of a few people (`suppression.py`), and rounded; the exact figures leave
this room by no door.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.real_names.rules import ADULT_FROM, CHILD_UNDER, ELDER_FROM
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.statistics.ages import all_noted
from models.statistics.counting import Counted, Figures, Key, Of, claims_counted, uses_counted
from models.statistics.rules import (
    AGE_OF,
    AGE_WORDS,
    Claims,
    GroupedBy,
    Period,
    PeriodKind,
    ProgrammeAge,
    Rounding,
    Uses,
    period_of,
)
from models.statistics.suppression import hidden_cells
from models.vouchers.claim_rules import campaign_unknown

MOST_ROWS = 2_000
"""Districts of both provinces, by five bands, with totals."""
MOST_CAMPAIGNS = 200
ALL_DAY = range(24)
NOBODY_CLAIMED, NOBODY_USED = Claims(0, 0, 0, 0), Uses(0, 0, 0, 0, 0)
UNSAID = "UNSAID"
NOWHERE: "Names" = {0: (UNSAID, "没有说明在哪里")}
NO_SPORT: "Names" = {"": (UNSAID, "没有登记项目")}
AGES_IN_ORDER = (0, CHILD_UNDER, ADULT_FROM, ELDER_FROM, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants counted. Without a campaign: all."""

    by: GroupedBy
    kind: PeriodKind
    day: date
    campaign_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One group. Claims or uses that are None are hidden; of a sport there are no claims."""

    key: str
    label: str
    age: ProgrammeAge | None
    """Of AGE_AND_DISTRICT; None: all ages."""
    claims: Claims | None
    uses: Uses | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeStatistics:
    by: GroupedBy
    period: Period
    campaign_id: str | None
    campaign_title: str | None
    smallest_group: int
    counted_at: datetime
    ages_noted: bool
    """Whether everybody's age was noted by now; else some count as unknown for some minutes."""
    rows: Sequence[Row]
    total: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSeen:
    """A campaign for whoever chooses one to look at."""

    public_id: str
    title: str
    state: str


async def campaigns_seen(*, clerk: StaffSignedIn) -> Sequence[CampaignSeen]:
    """Those that were ever opened, the latest first: anybody's vouchers may be used anywhere. Raises NOT_ALLOWED."""
    await powers.demand(clerk, Power.READ_STATISTICS)
    found = await database.rows(
        f"""SELECT public_id, title, state FROM voucher_campaign WHERE state NOT IN ('DRAFT', 'REVIEWED')
             ORDER BY id DESC LIMIT {MOST_CAMPAIGNS}"""
    )
    return [CampaignSeen(public_id=row["public_id"], title=row["title"], state=row["state"]) for row in found]


async def programme_statistics(
    asked: Asked, *, clerk: StaffSignedIn, smallest_group: int, now: datetime
) -> ProgrammeStatistics:
    """Raises NOT_ALLOWED, CAMPAIGN_UNKNOWN, BAD_INPUT."""
    await powers.demand(clerk, Power.READ_STATISTICS)
    campaign, of = await meant(asked, clerk=clerk, now=now)
    claims = await _shown(await claims_counted(asked.by, of), smallest_group, Rounding(smallest_group).claims)
    rows, total = _rows(asked.by, claims, await _uses_shown(asked.by, of, smallest_group), await _names(asked.by))
    return ProgrammeStatistics(
        by=asked.by,
        period=of.period,
        campaign_id=asked.campaign_id,
        campaign_title=campaign and campaign["title"],
        smallest_group=smallest_group,
        counted_at=now,
        ages_noted=await all_noted(campaign and campaign["id"]),
        rows=rows,
        total=total,
    )


async def groups_of_uses(by: GroupedBy, of: Of, smallest_group: int) -> Mapping[str, bool]:
    """By the key of each group of whose uses `programme_statistics` would say something: whether it shows them. Empty: all."""
    uses, names = await _uses_shown(by, of, smallest_group), await _names(by)
    lines: list[tuple[Key, str]] = [(hour, str(hour)) for hour in ALL_DAY]
    if by is not GroupedBy.HOUR:
        lines = [(line, key) for line, (key, _) in names.items() if (line, None) in uses]
    return {key: uses.get((line, None), NOBODY_USED) is not None for line, key in ((None, ""), *lines)}


async def meant(asked: Asked, *, clerk: StaffSignedIn, now: datetime) -> tuple[Any | None, Of]:
    """The campaign, if one is meant, and what is counted; the act's audit line says it. Raises CAMPAIGN_UNKNOWN, BAD_INPUT."""
    period = period_of(
        asked.kind, asked.day, of_one_campaign=asked.campaign_id is not None, today=business_day(now)
    )
    concerning(
        "CAMPAIGN" if asked.campaign_id else "PROGRAMME",
        asked.campaign_id or "",
        reading=True,
        detail=f"{asked.by} {asked.kind} {period.first} {period.next}",
    )
    campaign = await opened_campaign(asked.campaign_id)
    return campaign, Of(staff_id=clerk.staff_id, campaign_id=campaign["id"] if campaign else 0, period=period)


async def _uses_shown(by: GroupedBy, of: Of, k: int) -> "Shown[Uses]":
    return await _shown(await uses_counted(by, of), k, Rounding(k).uses)


async def opened_campaign(public_id: str | None) -> Any | None:
    """Raises CAMPAIGN_UNKNOWN, also for what nobody could claim yet."""
    if public_id is None:
        return None
    found = await database.row(
        """SELECT id, title FROM voucher_campaign
            WHERE public_id = $1 AND state NOT IN ('DRAFT', 'REVIEWED')""",
        public_id,
    )
    if found is None:
        raise campaign_unknown()
    return found


Shown = Mapping[tuple[Key, Key], Figures | None]
Names = Mapping[Key, tuple[str, str]]
"""Key and label of each row that is named in the database."""


async def _shown(counted: Counted[Figures], k: int, rounded: Callable[[Figures], Figures]) -> Shown[Figures]:
    hidden = await asyncio.to_thread(hidden_cells, counted.people, k)  # half a second of CPU for both provinces
    return {cell: None if cell in hidden else rounded(exact) for cell, exact in counted.figures.items()}


async def _names(by: GroupedBy) -> Names:
    if by is GroupedBy.SPORT:
        found = await database.rows("SELECT code AS id, code AS key, name FROM sport ORDER BY position, code")
    elif by in (GroupedBy.DISTRICT, GroupedBy.AGE_AND_DISTRICT):
        found = await database.rows(
            """SELECT region.id, region.key, COALESCE(above.name, '') || region.name AS name
                 FROM region LEFT JOIN region above ON above.key = region.parent_key AND above.level = 'CITY'
                ORDER BY region.key"""
        )
    else:
        return {}
    named = {row["id"]: (row["key"], row["name"]) for row in found}
    return {**named, **(NO_SPORT if by is GroupedBy.SPORT else NOWHERE)}


def _rows(by: GroupedBy, claims: Shown[Claims], uses: Shown[Uses], names: Names) -> tuple[list[Row], Row]:
    def row(cell: tuple[Key, Key], key: str, label: str, age: ProgrammeAge | None = None) -> Row:
        told = None if by is GroupedBy.SPORT and cell != (None, None) else claims.get(cell, NOBODY_CLAIMED)
        return Row(key=key, label=label, age=age, claims=told, uses=uses.get(cell, NOBODY_USED))

    total = row((None, None), "", "合计")
    there = {*claims, *uses}
    if by is GroupedBy.HOUR:
        return [row((hour, None), str(hour), f"{hour}时") for hour in ALL_DAY], total
    ages = [age for age in AGES_IN_ORDER if (None, age) in there]
    if by is GroupedBy.AGE:
        return [row((None, age), AGE_OF[age], AGE_WORDS[AGE_OF[age]]) for age in ages], total
    lines = [(line, *named) for line, named in names.items() if (line, None) in there]
    if by is not GroupedBy.AGE_AND_DISTRICT:
        return [row((line, None), key, label) for line, key, label in lines], total
    found = []
    for line, key, label in lines:
        found += [row((line, age), key, label, AGE_OF[age]) for age in ages if (line, age) in there]
        found.append(row((line, None), key, label))
    found += [row((None, age), "", total.label, AGE_OF[age]) for age in ages]
    return found, total
