"""Desks that are offline at a venue, for tests that speak with the rooms: the reference client over their operations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.keys import OfflineKeys
from models.offline import desks, issuing, kits, queue, rules
from models.offline.rules import Answer
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from models.vouchers import books
from models.vouchers.tables import VoucherCampaign, VoucherEvent
from tests.conftest import NOW
from tests.factories.booking import Person, a_person
from tests.factories.people import CODE_KEYS, a_clerk
from tests.factories.places import a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.offline_desk import OfflineDesk

KEYS = OfflineKeys({"1": b"o" * 32})
LIFE = timedelta(hours=2)
MINUTE = timedelta(minutes=1)


@dataclass
class Clock:
    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Counter:
    """A venue with a desk and its clerk."""

    venue: Venue
    clerk: StaffSignedIn
    manager: StaffSignedIn
    desk: OfflineDesk
    clock: Clock

    async def kit(self, now: datetime) -> None:
        given = await kits.fetch_kit(
            clerk=self.clerk, desk_id=self.desk.desk_id, code_keys=CODE_KEYS, keys=KEYS, now=now
        )
        self.clock.at = now
        self.desk.load({"body": given.body, "signature": given.signature, "keyId": given.key_id})

    def takes(self, digits: str, at: datetime, *, bill: int = 50_00, sport: str = "BADMINTON") -> int:
        self.clock.at = at
        return self.desk.accept_pass(digits, bill=bill, sport=sport)

    def takes_blindly(self, digits: str, at: datetime, *, bill: int = 50_00, sport: str = "BADMINTON") -> None:
        """As a desk would that asks no rule."""
        self.clock.at = at
        self.desk.append("PASS", text=digits, bill=bill, sport=sport, rest="CASH")

    async def uploads(self, now: datetime, entries: Sequence[dict[str, str]] | None = None) -> Sequence[Answer]:
        sent = self.desk.batch() if entries is None else entries
        answers = await queue.upload(
            clerk=self.clerk,
            desk_id=self.desk.desk_id,
            entries=[queue.Sent(each["body"], each["signature"]) for each in sent],
            code_keys=CODE_KEYS,
            keys=KEYS,
            now=now,
        )
        if entries is None:
            self.desk.heard([{"kept": answer.kept} for answer in answers])
        return answers

    async def outcome(self, now: datetime) -> str:
        (answer,) = await self.uploads(now)
        return answer.outcome


@dataclass
class Town:
    """A campaign, a citizen with a voucher of it (¥20 off ¥40), and counters that were given their kits at NOW."""

    campaign: ACampaign
    person: Person
    voucher_id: str
    counters: list[Counter] = field(default_factory=list)

    async def a_pass(self, now: datetime = NOW, voucher_id: str = "") -> str:
        given = await issuing.voucher_pass(
            member_id=self.person.member_id,
            voucher_id=voucher_id or self.voucher_id,
            keys=KEYS,
            life=LIFE,
            now=now,
        )
        return given.digits

    async def a_voucher(self, **columns: Any) -> str:
        return (await a_voucher(self.person.member_id, self.campaign, **columns)).public_id


async def a_counter(
    venue: Venue | None = None,
    *,
    clerk: StaffSignedIn | None = None,
    manager: StaffSignedIn | None = None,
    most_fen: int = 200_00,
    most_count: int = 5,
    skew: timedelta = timedelta(),
) -> Counter:
    venue = venue or await a_venue(sport_codes=["BADMINTON"])
    clock = Clock()
    desk = OfflineDesk(clock=lambda: clock() + skew)
    manager = manager or await a_clerk(venue.public_id, roles=[Role.VENUE_MANAGER], device_id="office")
    desk_id = await desks.enrol_desk(
        clerk=manager,
        venue_id=venue.public_id,
        name="前台平板",
        public_key=desk.public_key,
        most_fen=most_fen,
        most_count=most_count,
        now=NOW,
    )
    points = kits.points(KEYS.public_keys(rules.KITS))
    desk.enrolled(desk_id, [{"id": key_id, "point": point} for key_id, point in points.items()])
    return Counter(venue, clerk or await a_clerk(venue.public_id), manager, desk, clock)


async def a_town(*, counters: int = 2, reserve_fen: int = 100_00, **campaign: Any) -> Town:
    made = await a_campaign(reserve_fen=reserve_fen, **campaign)
    person = await a_person()
    town = Town(made, person, (await a_voucher(person.member_id, made)).public_id)
    for _ in range(counters):
        town.counters.append(await a_counter())
        await town.counters[-1].kit(NOW)
    return town


async def check_money(campaign_id: int) -> None:
    """Every pool adds up, and what the reserve paid is what the books say."""
    assert await books.check() == []
    await check_reserve(campaign_id)


async def check_reserve(campaign_id: int) -> None:
    campaign = await VoucherCampaign.get(id=campaign_id)
    paid = await VoucherEvent.filter(campaign_id=campaign_id, kind="CONFLICT")
    assert campaign.reserve_used_fen == sum(event.amount_fen for event in paid) <= campaign.reserve_fen
