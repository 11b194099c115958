"""Two districts, two venues, a handful of people of known ages, and what they did with their vouchers."""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from models.calendar import business_day
from models.ids import new_no
from models.regions.tables import Region
from models.statistics.ages import note_ages
from models.venues.tables import Sport, Venue
from models.vouchers.rules import UseState, UseWay, VoucherState
from models.vouchers.tables import Voucher, VoucherUse
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS, Account, an_account, name
from tests.factories.names import id_number
from tests.factories.places import a_region, a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_use, a_voucher

WUHOU, JINJIANG, YUZHONG = "510107", "510104", "500103"
BORN = {"child": date(2016, 5, 1), "minor": date(2010, 5, 1), "adult": date(1990, 5, 1), "elder": date(1952, 5, 1)}


@dataclass
class Town:
    wuhou: Venue
    jinjiang: Venue
    yuzhong: Venue
    campaign: ACampaign
    people: dict[str, Account] = field(default_factory=dict)

    async def person(self, who: str) -> Account:
        """`elder-2` is the second elder; `nobody-1` has no real name."""
        if who not in self.people:
            account = self.people[who] = await an_account()
            born = BORN.get(who.split("-")[0])
            if born is not None:
                await name(account, ("王秀兰", id_number(f"{born:%Y%m%d}", order=len(self.people))))
        return self.people[who]

    async def claims(
        self,
        who: str,
        region: str = "",
        *,
        at: datetime = NOW,
        state: VoucherState = VoucherState.CLAIMED,
        **more: Any,
    ) -> Voucher:
        campaign = more.pop("campaign", self.campaign)
        account = await self.person(who)
        return await a_voucher(account.member_id, campaign, state, claimed_at=at, claim_region=region, **more)

    async def uses(self, who: str, venue: Venue, *, at: datetime = NOW, **more: Any) -> VoucherUse:
        """¥20 off a bill of ¥50 there."""
        campaign = more.pop("campaign", self.campaign)
        voucher = await self.claims(who, WUHOU, at=at, campaign=campaign)
        await Voucher.filter(id=voucher.id).update(state=VoucherState.USED, ended_at=at)
        return await a_use(voucher, venue, now=at, **{"bill_fen": 50_00, "sport_code": "BADMINTON", **more})

    async def noted(self) -> int:
        return await note_ages(keys=ID_KEYS)


async def a_town() -> Town:
    for key, label, level, parent in (
        ("510000", "四川省", "PROVINCE", ""),
        ("500000", "重庆市", "PROVINCE", ""),
        ("510100", "成都市", "CITY", "510000"),
    ):
        await Region.create(key=key, code=key, name=label, level=level, parent_key=parent)
    wuhou = await a_region()
    jinjiang = await a_region(JINJIANG, name="锦江区")
    yuzhong = await a_region(YUZHONG, name="渝中区", parent_key="500000")
    await Sport.create(code="BADMINTON", name="羽毛球", position=1)
    await Sport.create(code="SWIMMING", name="游泳", position=2)
    return Town(
        wuhou=await a_venue(name="武侯馆", region=wuhou),
        jinjiang=await a_venue(name="锦江馆", region=jinjiang),
        yuzhong=await a_venue(name="渝中馆", region=yuzhong, province_code="500000", city_code="500000"),
        campaign=await a_campaign(budget_fen=1_000_000_00, quantity=10_000),
    )


async def a_held_use(town: Town) -> VoucherUse:
    """In Wuhou, by a receipt that nobody looked at yet."""
    voucher = await town.claims("nobody-99")
    await Voucher.filter(id=voucher.id).update(state=VoucherState.USED, ended_at=NOW)
    return await VoucherUse.create(
        use_no=new_no("V", NOW),
        voucher_id=voucher.id,
        campaign_id=voucher.campaign_id,
        kind_id=voucher.kind_id,
        member_id=voucher.member_id,
        venue_id=town.wuhou.id,
        way=UseWay.DESK,
        device_id="desk-1",
        nonce=secrets.token_hex(8),
        state=UseState.HELD,
        bill_fen=50_00,
        used_fen=voucher.face_fen,
        receipt_no="XP-1",
        used_at=NOW,
        business_day=business_day(NOW),
    )
