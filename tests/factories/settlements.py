"""What a programme owes venues: people of the office, uses with their entries, judged, and settlements on their way."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.ids import new_no
from models.keys import SealingKeys, StatementKeys
from models.risk.tables import RiskScore
from models.settlement.accounts import approve_account, enter_account
from models.settlement.deciding import Seen, approve, propose
from models.settlement.drafting import Drafted, draft_settlements
from models.settlement.paying_out import make_payout, record_payment
from models.settlement.receipts import keep_receipt
from models.settlement.tables import Settlement
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from models.vouchers.rules import CampaignState, EventKind, UseState, UseWay, VoucherState
from models.vouchers.tables import VoucherEvent, VoucherUse
from tests.conftest import NOW
from tests.factories.campaigns import CHENGDU
from tests.factories.feedback import a_regulator, divisions
from tests.factories.people import a_clerk, a_member
from tests.factories.places import a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_use, a_voucher

STATEMENT_KEYS = StatementKeys({"1": b"q" * 32})
ACCOUNT_KEYS = SealingKeys({"1": b"b" * 32})
DAY = timedelta(days=1)
FROM, UNTIL = date(2026, 11, 1), date(2026, 11, 20)
LATER = NOW + DAY
"""When the days of FROM … UNTIL are over."""
NUMBER = "6222020200112233445"
HOLDER, BANK = "成都健身有限公司", "中国工商银行成都春熙支行"


@dataclass(frozen=True)
class Programme:
    """A campaign of Chengdu's at two venues, and who looks after its money."""

    campaign: ACampaign
    venue: Venue
    other_venue: Venue
    proposer: StaffSignedIn
    approver: StaffSignedIn
    paymaster: StaffSignedIn


async def a_programme(*, reserve_fen: int = 0, quantity: int = 100, now: datetime = NOW) -> Programme:
    await divisions()
    campaign = await a_campaign(
        region_key=CHENGDU, state=CampaignState.OPEN, reserve_fen=reserve_fen, quantity=quantity, now=now
    )
    return Programme(
        campaign,
        await a_venue(),
        await a_venue(),
        await a_regulator(CHENGDU, now=now),
        await a_regulator(CHENGDU, now=now),
        await a_clerk(roles=[Role.PAYMASTER], region_key=CHENGDU, device_id="treasury", now=now),
    )


async def a_redemption(
    programme: Programme,
    venue: Venue | None = None,
    *,
    share_fen: int = 0,
    judged: bool = True,
    now: datetime = NOW,
) -> VoucherUse:
    """A voucher of ¥20 used at a desk, with its USED entry; the rules against fake ones have looked at it."""
    member_id, _ = await a_member(now=now)
    voucher = await a_voucher(member_id, programme.campaign, claimed_at=now)
    voucher.state, voucher.ended_at = VoucherState.USED, now
    await voucher.save()
    use = await a_use(voucher, venue or programme.venue, now=now, venue_share_fen=share_fen)
    if judged:
        await judge(use, now=now)
    return use


async def judge(use: VoucherUse, *, now: datetime = NOW) -> None:
    await RiskScore.create(use_id=use.id, version=1, facts={}, score=0, is_held=False, reasons=[], scored_at=now)


async def a_conflict(programme: Programme, venue: Venue, *, fen: int = 20_00, now: datetime = NOW) -> VoucherUse:
    """An offline use that lost against another one: it has no other entry than what the reserve pays."""
    won = await a_redemption(programme, venue, now=now)
    lost = await VoucherUse.create(
        use_no=new_no("V", now),
        voucher_id=won.voucher_id,
        campaign_id=won.campaign_id,
        kind_id=won.kind_id,
        member_id=won.member_id,
        venue_id=venue.id,
        way=UseWay.OFFLINE,
        device_id="desk-2",
        nonce=secrets.token_hex(8),
        state=UseState.REFUSED,
        bill_fen=40_00,
        used_fen=fen,
        used_at=now,
        business_day=now.date(),
    )
    await VoucherEvent.create(
        kind=EventKind.CONFLICT,
        about_no=lost.use_no,
        use_id=lost.id,
        campaign_id=lost.campaign_id,
        venue_id=venue.id,
        amount_fen=fen,
        happened_at=now,
    )
    return lost


async def take_back(use: VoucherUse, *, fen: int | None = None, no: str = "", now: datetime = NOW) -> None:
    """Undone, or refunded in part: an entry of its own, with its part of the venue's share."""
    amount = use.used_fen if fen is None else fen
    share = use.venue_share_fen * amount // use.used_fen
    await VoucherEvent.create(
        kind=EventKind.TAKEN_BACK,
        about_no=f"{use.use_no}{no}",
        use_id=use.id,
        campaign_id=use.campaign_id,
        venue_id=use.venue_id,
        amount_fen=amount,
        venue_share_fen=share,
        happened_at=now,
    )
    use.used_fen, use.venue_share_fen = use.used_fen - amount, use.venue_share_fen - share
    if not use.used_fen:
        use.state = UseState.UNDONE
    await use.save()


async def drafted(
    programme: Programme,
    *,
    from_day: date = FROM,
    until_day: date = UNTIL,
    key: str = "",
    now: datetime = LATER,
) -> Drafted:
    return await draft_settlements(
        clerk=programme.proposer,
        campaign_id=programme.campaign.public_id,
        from_day=from_day,
        until_day=until_day,
        idempotency_key=key or secrets.token_hex(8),
        now=now,
    )


async def latest(programme: Programme, venue: Venue | None = None) -> Settlement:
    """The venue's last one, as it is now."""
    found = (
        await Settlement.filter(campaign_id=programme.campaign.id, venue_id=(venue or programme.venue).id)
        .order_by("-id")
        .first()
    )
    assert found is not None
    return found


def seen_of(settlement: Settlement) -> Seen:
    return Seen(payable_fen=settlement.payable_fen, carried_out_fen=settlement.carried_out_fen)


async def proposed(programme: Programme, settlement: Settlement, *, now: datetime = LATER) -> None:
    await propose(
        clerk=programme.proposer,
        settlement_no=settlement.settlement_no,
        seen=seen_of(settlement),
        now=now,
    )


async def approved(
    programme: Programme,
    settlement: Settlement,
    *,
    keys: StatementKeys = STATEMENT_KEYS,
    now: datetime = LATER,
) -> None:
    """By two people."""
    await proposed(programme, settlement, now=now)
    await approve(
        clerk=programme.approver,
        settlement_no=settlement.settlement_no,
        seen=seen_of(settlement),
        keys=keys,
        now=now,
    )


async def an_account(
    programme: Programme, venue: Venue | None = None, *, number: str = NUMBER, now: datetime = LATER
) -> str:
    """Entered by the paymaster, approved by an official."""
    account_id = await enter_account(
        clerk=programme.paymaster,
        venue_id=(venue or programme.venue).public_id,
        holder=HOLDER,
        bank=BANK,
        number=number,
        keys=ACCOUNT_KEYS,
        now=now,
    )
    await approve_account(
        clerk=programme.approver,
        account_id=account_id,
        holder=HOLDER,
        number=number,
        keys=ACCOUNT_KEYS,
        now=now,
    )
    return account_id


async def paid_out(programme: Programme, *, key: str = "", now: datetime = LATER) -> str:
    """The batch of everything that can be paid."""
    return await make_payout(
        clerk=programme.paymaster,
        campaign_id=programme.campaign.public_id,
        idempotency_key=key or secrets.token_hex(8),
        keys=ACCOUNT_KEYS,
        now=now,
    )


async def a_receipt(programme: Programme, *, now: datetime = LATER) -> str:
    """Uploaded; its hash."""
    content = b"%PDF-1.7\n" + secrets.token_bytes(40)
    return await keep_receipt(clerk=programme.paymaster, content=content, now=now)


async def recorded(
    programme: Programme,
    settlement: Settlement,
    *,
    amount_fen: int | None = None,
    reference: str = "",
    now: datetime = LATER,
) -> None:
    """What the bank's receipt says was paid today."""
    await record_payment(
        clerk=programme.paymaster,
        settlement_no=settlement.settlement_no,
        amount_fen=settlement.payable_fen if amount_fen is None else amount_fen,
        paid_on=(now + timedelta(hours=8)).date(),
        bank_reference=reference or secrets.token_hex(8).upper(),
        receipt_sha256=await a_receipt(programme, now=now),
        now=now,
    )
