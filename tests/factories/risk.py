"""Write-offs that look honest or fake, and whoever judges them."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.calendar import business_day
from models.ids import new_id, new_no
from models.members.tables import Member
from models.regions.bringing import ImportReport
from models.risk import scoring
from models.risk.importing import import_risk_rules
from models.risk.tables import RiskCase, WeChatRiskRank
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from models.vouchers.rules import UseState, UseWay, VoucherState
from models.vouchers.tables import Voucher, VoucherUse
from tests.conftest import NOW
from tests.factories.people import a_clerk, a_member
from tests.factories.places import DATA, a_region, a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_use, a_voucher

JUDGED = NOW + timedelta(days=3)
"""When what happened at NOW is due, with an hour to spare and more."""


async def the_rules(now: datetime = NOW) -> None:
    await import_risk_rules(folder=DATA, report=ImportReport(), now=now)


@dataclass(frozen=True)
class AWriteOff:
    """What a test needs of one use."""

    use_id: int
    use_no: str
    voucher_id: int
    member_id: int


async def a_write_off(
    venue: Venue,
    campaign: ACampaign,
    *,
    member_id: int | None = None,
    used_at: datetime = NOW,
    claimed: timedelta = timedelta(days=1),
    phone: str = "",
    claim: dict[str, Any] | None = None,
    **columns: Any,
) -> AWriteOff:
    """At a desk, ¥20 of ¥55, confirmed; claimed in the app so long before. `claim`: columns of the voucher."""
    if member_id is None:
        member_id, _ = await a_member()
    voucher = await a_voucher(
        member_id,
        campaign,
        VoucherState.CLAIMED,
        claimed_at=used_at - claimed,
        claim_device=phone or secrets.token_hex(8),
        **(claim or {}),
    )
    voucher.state, voucher.ended_at = VoucherState.USED, used_at
    await voucher.save(update_fields=["state", "ended_at"])
    if columns.get("state") == UseState.HELD:
        use = await _a_held_use(voucher, venue, used_at, columns)
    else:
        use = await a_use(voucher, venue, now=used_at, **{"bill_fen": 55_00, **columns})
    return AWriteOff(use.id, use.use_no, voucher.id, member_id)


async def _a_held_use(voucher: Voucher, venue: Venue, used_at: datetime, columns: dict[str, Any]) -> VoucherUse:
    """Nobody confirmed it, and so it is in no books."""
    return await VoucherUse.create(
        **{
            "use_no": new_no("V", used_at),
            "voucher_id": voucher.id,
            "campaign_id": voucher.campaign_id,
            "kind_id": voucher.kind_id,
            "member_id": voucher.member_id,
            "venue_id": venue.id,
            "way": UseWay.DESK,
            "device_id": "desk-1",
            "nonce": secrets.token_hex(8),
            "bill_fen": 55_00,
            "used_fen": voucher.face_fen,
            "receipt_no": "XP-0001",
            "used_at": used_at,
            "business_day": business_day(used_at),
            **columns,
        }
    )


async def a_fake(venue: Venue, campaign: ACampaign, **said: Any) -> AWriteOff:
    """Claimed twenty seconds before by somebody whom WeChat thinks the worst of, for exactly the minimum."""
    made = await a_write_off(venue, campaign, **{"claimed": timedelta(seconds=20), "bill_fen": 40_00, **said})
    await WeChatRiskRank.create(
        member_id=made.member_id, rank=4, outcome="ANSWERED", asked_at=said.get("used_at", NOW)
    )
    return made


@dataclass(frozen=True)
class Office:
    """A venue with a campaign, and two people of the bureau who decide."""

    venue: Venue
    campaign: ACampaign
    decider: StaffSignedIn
    second: StaffSignedIn


async def an_office(**campaign: Any) -> Office:
    await the_rules()
    venue = await a_venue(sport_codes=["BADMINTON"])
    made = await a_campaign(**campaign)
    return Office(venue, made, await a_decider(), await a_decider())


async def a_decider(region_key: str = "510107") -> StaffSignedIn:
    """Of the venue's district, or of another one ("500103"), or everywhere ("")."""
    if region_key == "500103":
        await a_region("500103", name="渝中区", parent_key="500000")
    return await a_clerk(roles=[Role.REGULATOR], region_key=region_key, device_id="bureau")


async def judged(now: datetime = JUDGED) -> None:
    """What the job does."""
    await scoring.score_uses(now=now)
    await scoring.score_venues(now=now)
    await scoring.open_cases(now=now)


async def a_case(office: Office, **said: Any) -> tuple[AWriteOff, RiskCase]:
    """An open one about a fake."""
    fake = await a_fake(office.venue, office.campaign, **said)
    await judged()
    return fake, await RiskCase.get(use_id=fake.use_id)


async def the_use(made: AWriteOff) -> VoucherUse:
    return await VoucherUse.get(id=made.use_id)


async def public_id_of(member_id: int) -> str:
    return (await Member.get(id=member_id)).public_id


def a_key() -> str:
    return new_id("key")
