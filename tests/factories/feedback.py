"""Complaints, ratings and organisations for the tests of their rooms: regions above a venue, clocks, people."""

import secrets
from datetime import date, datetime, timedelta
from typing import Any

from models.feedback.filing import ComplaintWanted, file_complaint
from models.feedback.importing import clocks_in
from models.feedback.rules import ComplaintKind
from models.feedback.tables import ComplaintClock
from models.keys import SealingKeys
from models.regions.tables import Region
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Holiday, Venue
from tests.conftest import NOW
from tests.data import rows
from tests.factories.gates import a_ticket
from tests.factories.people import a_clerk
from tests.factories.places import DATA, a_venue

TEXT_KEYS = SealingKeys({"1": b"x" * 32})
WORDS = "羽毛球2号场的灯坏了三天，没有人修。"


async def divisions() -> None:
    """Sichuan with Chengdu and two districts; Chongqing, whose district hangs directly on it."""
    for key, name, level, parent in (
        ("510000", "四川省", "PROVINCE", ""),
        ("510100", "成都市", "CITY", "510000"),
        ("510107", "武侯区", "DISTRICT", "510100"),
        ("510104", "锦江区", "DISTRICT", "510100"),
        ("500000", "重庆市", "PROVINCE", ""),
        ("500103", "渝中区", "DISTRICT", "500000"),
    ):
        await Region.get_or_create(
            key=key, defaults={"code": key, "name": name, "level": level, "parent_key": parent}
        )


async def clocks_and_holidays() -> None:
    """What `data/` says of clocks and of the years that were announced."""
    await ComplaintClock.bulk_create(ComplaintClock(**clock) for clock in clocks_in(DATA))
    await Holiday.bulk_create(
        Holiday(date=date.fromisoformat(row["date"]), kind=row["kind"], name=row["name"])
        for row in rows("holidays.csv")
    )


async def a_venue_in(region_key: str, name: str) -> Venue:
    """A venue of one of the `divisions`."""
    region = await Region.get(key=region_key)
    above = await Region.get(key=region.parent_key)
    return await a_venue(
        name=name, region=region, city_code=above.key, province_code=above.parent_key or above.key
    )


async def a_manager(*venues: Venue, device_id: str = "desk-1", now: datetime = NOW) -> StaffSignedIn:
    """Answers for these venues."""
    return await a_clerk(
        *(venue.public_id for venue in venues), roles=(Role.VENUE_MANAGER,), device_id=device_id, now=now
    )


async def a_regulator(region_key: str, *, now: datetime = NOW) -> StaffSignedIn:
    """Of a region and all below it."""
    return await a_clerk(roles=(Role.REGULATOR,), region_key=region_key, device_id=f"office-{region_key}", now=now)


async def a_complaint(
    member_id: int, *, now: datetime = NOW, key: str = "", keys: SealingKeys = TEXT_KEYS, **wanted: Any
) -> str:
    """Filed; gives its number. `wanted` as ComplaintWanted takes it."""
    return await file_complaint(
        member_id=member_id,
        wanted=ComplaintWanted(**{"kind": ComplaintKind.COMPLAINT, "text": WORDS, **wanted}),
        idempotency_key=key or secrets.token_hex(8),
        keys=keys,
        now=now,
    )


async def an_entered_admission(venue: Venue, member_id: int, *, entered_at: datetime = NOW) -> str:
    """Of a member who went in; gives its public id."""
    ticket = await a_ticket(
        venue, member_id=member_id, starts_at=entered_at - timedelta(minutes=5), now=entered_at
    )
    ticket.admission.first_entered_at = entered_at
    await ticket.admission.save(update_fields=["first_entered_at"])
    return str(ticket.admission.public_id)
