"""CLOSED → SETTLED: the books of a campaign are closed once nothing of its money is left to move."""

from datetime import datetime

from models import database
from models.risk.holding import held_where
from models.settlement.drafting import alone_with_books
from models.staff.rules import StaffSignedIn
from models.vouchers.campaigns import CampaignStateRefused, campaign_step
from models.vouchers.rules import CampaignState

_OPEN_CASES = f"""
SELECT COUNT(*) AS uses FROM (SELECT id AS use_id FROM voucher_use WHERE campaign_id = $1) of_it
 WHERE {held_where("of_it")}"""
_LEFT = """
SELECT (SELECT COUNT(*) FROM voucher_event WHERE campaign_id = $1
           AND NOT EXISTS (SELECT 1 FROM settlement_line WHERE settlement_line.entry_id = voucher_event.id)) AS entries,
       (SELECT COUNT(*) FROM settlement WHERE campaign_id = $1
           AND (state IN ('DRAFT', 'PROPOSED', 'IN_PAYOUT') OR state = 'APPROVED' AND payable_fen > 0)) AS unpaid,
       (SELECT COUNT(*) FROM settlement WHERE campaign_id = $1 AND state = 'APPROVED' AND carried_out_fen > 0
           AND NOT EXISTS (SELECT 1 FROM settlement later WHERE later.carried_from_id = settlement.id)) AS owing"""


async def step_campaign(
    *,
    clerk: StaffSignedIn,
    campaign_id: str,
    to_state: CampaignState,
    expected_version: int,
    reason: str = "",
    idempotency_key: str,
    now: datetime,
) -> None:
    """`campaign_step` with these books, and so the only way to SETTLED. Raises what `campaign_step` does, and CAMPAIGN_STATE for SETTLED while a case is
    open, an entry is in no settlement, a settlement is not paid, or a venue has not paid back what it owes."""
    await campaign_step(
        clerk=clerk,
        campaign_id=campaign_id,
        to_state=to_state,
        expected_version=expected_version,
        reason=reason,
        idempotency_key=idempotency_key,
        now=now,
        books_closed=refuse_open_books,
    )


async def refuse_open_books(campaign_id: int) -> None:
    """Inside the step, with the campaign's row locked."""
    await alone_with_books(campaign_id)
    cases = await database.row(_OPEN_CASES, campaign_id)
    left = await database.row(_LEFT, campaign_id)
    assert cases is not None
    assert left is not None
    if cases["uses"]:
        raise CampaignStateRefused(f"还有{cases['uses']}笔核销在核查中，不能结清。", "请先办结这些核查。")
    if left["entries"]:
        raise CampaignStateRefused(f"还有{left['entries']}笔没有结算，不能结清。", "请先为它们拟定结算单。")
    if left["unpaid"]:
        raise CampaignStateRefused(f"还有{left['unpaid']}张结算单没有付款，不能结清。", "请先完成审批和付款。")
    if left["owing"]:
        raise CampaignStateRefused(
            f"还有{left['owing']}家场馆应退回款项，不能结清。", "请收到退款后，登记银行回单。"
        )
