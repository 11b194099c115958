"""What WeChat thinks of whoever claims vouchers: their risk rank, 0 to 4, where this house asks for it.

WeChat knows a person who used the mini-program within the last two hours (getUserRiskRank, errcode 61010), so those are
asked about who claimed just now. Asked outside of any transaction; no answer is no signal, and nobody waits for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models import database
from models.risk.tables import WeChatRiskRank

SEEN_WITHIN = timedelta(hours=2)
ASKED_AGAIN_AFTER = timedelta(days=7)
TRIED_AGAIN_AFTER = timedelta(minutes=30)
AT_ONCE = 100
LATEST = 20_000
"""So many of the last claims are looked through; in the rush of a large round not everybody is asked about."""
RANKS_KEPT = timedelta(days=90)


class RankOutcome(StrEnum):
    ANSWERED = "ANSWERED"
    REFUSED = "REFUSED"  # about this person: not seen lately, or not of this application
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class ToAsk:
    member_id: int
    openid: str


async def to_ask(*, appid: str, now: datetime) -> Sequence[ToAsk]:
    """Whoever claimed within two hours, has come in by this mini-program, and was not asked about lately: a bounded part."""
    found = await database.rows(
        """SELECT identity.member_id, MIN(identity.openid) AS openid FROM identity
            WHERE identity.appid = $1
              AND identity.member_id IN (
                SELECT late.member_id FROM (SELECT member_id, claimed_at, claim_way FROM voucher
                                             ORDER BY id DESC LIMIT $6) late
                 WHERE late.claimed_at > $2 AND late.claim_way <> 'DESK')
              AND NOT EXISTS (
                SELECT 1 FROM wechat_risk_rank said WHERE said.member_id = identity.member_id
                   AND said.asked_at > CASE said.outcome WHEN 'UNAVAILABLE' THEN $4::timestamptz ELSE $3::timestamptz END)
            GROUP BY identity.member_id ORDER BY identity.member_id LIMIT $5""",
        *(appid, now - SEEN_WITHIN, now - ASKED_AGAIN_AFTER, now - TRIED_AGAIN_AFTER, AT_ONCE, LATEST),
    )
    return [ToAsk(row["member_id"], row["openid"]) for row in found]


@database.operation
async def keep(*, member_id: int, rank: int | None, outcome: RankOutcome, now: datetime) -> None:
    """What came of asking once."""
    await WeChatRiskRank.create(member_id=member_id, rank=rank, outcome=outcome, asked_at=now)
