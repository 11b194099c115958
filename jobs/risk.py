"""Judging what was written off, and asking WeChat about whoever claimed just now."""

import logging

from jobs.job import Tools
from models.risk import ranks, scoring
from models.risk.ranks import RankOutcome
from wechat.risk import ABOUT_THE_PERSON, RiskRanks, WeChatRefused, WeChatUnavailable

log = logging.getLogger(__name__)


async def judge_uses(tools: Tools) -> int:
    """Scores uses whose day is over, then venues' weeks, and opens a case for what somebody must look at. Gives how many
    cases it opened."""
    now = tools.clock()
    await scoring.score_uses(now=now)
    await scoring.score_venues(now=now)
    return await scoring.open_cases(now=now)


async def ask_risk_ranks(tools: Tools) -> int:
    """Asks WeChat about people who claimed within two hours, one after the other and outside of any transaction. Whatever
    comes of it, nobody waits for it. Gives how many ranks it told."""
    asker = tools.risk_ranks
    if asker is None:
        return 0
    told = 0
    for person in await ranks.to_ask(appid=asker.appid, now=tools.clock()):
        rank, outcome, goes_on = await _ask(asker, person.openid)
        if outcome is not None:
            await ranks.keep(member_id=person.member_id, rank=rank, outcome=outcome, now=tools.clock())
        told += rank is not None
        if not goes_on:
            break
    return told


async def _ask(asker: RiskRanks, openid: str) -> tuple[int | None, RankOutcome | None, bool]:
    """The rank, what is to be remembered, and whether asking about the next one has any sense."""
    try:
        return await asker.rank_of(openid), RankOutcome.ANSWERED, True
    except WeChatUnavailable:
        return None, RankOutcome.UNAVAILABLE, False
    except WeChatRefused as refusal:
        if refusal.errcode in ABOUT_THE_PERSON:
            return None, RankOutcome.REFUSED, True
        log.warning("WeChat tells no risk ranks: errcode %s", refusal.errcode)
        return None, None, False
