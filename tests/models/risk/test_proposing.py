"""Rules change by two people, who see first what they would have said of the past."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.calendar import business_day
from models.errors import DomainError, ErrorCode
from models.risk.deciding import decide
from models.risk.proposing import (
    Proposal,
    decide_proposal,
    one_proposal,
    proposals,
    propose,
    replay_proposal,
    rules_versions,
)
from models.risk.reading import rules_json
from models.risk.replaying import replay
from models.risk.rules import CaseState, ProposalState
from models.risk.tables import RiskCase, RiskRules, RiskScore
from models.risk.versions import in_force
from models.staff.rules import StaffSignedIn
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import census
from tests.factories.people import a_clerk
from tests.factories.risk import JUDGED, a_decider, a_fake, a_key, a_write_off, an_office, judged
from tests.models.risk.test_rules import RULES
from tests.models.risk.test_scoring import a_week_of

LATER = JUDGED + timedelta(hours=2)
DAY = business_day(NOW)


def stricter() -> dict[str, Any]:
    """Whoever says no is enough, and nothing else."""
    said = rules_json(RULES)
    said["uses"] = {"hold_from": 10, "signals": {"denied": [[1, 60]]}}
    return said


async def proposed(clerk: StaffSignedIn, rules: Any = None, **said: Any) -> Proposal:
    asked = {"why": "本地核定", "idempotency_key": a_key(), "now": LATER, **said}
    return await propose(clerk=clerk, rules=stricter() if rules is None else rules, **asked)


async def approved(clerk: StaffSignedIn, proposal: Proposal, **said: Any) -> Proposal:
    asked = {"approves": True, "note": "看过回放", "now": LATER, **said}
    return await decide_proposal(clerk=clerk, proposal_id=proposal.proposal_id, **asked)


async def refused(act: Awaitable[Any]) -> ErrorCode:
    before = await census()
    with pytest.raises(DomainError) as no:
        await act
    assert await census() == before
    assert no.value.message.endswith("。")
    assert no.value.next_step
    return no.value.code


async def test_what_two_people_agree_on_is_in_force_from_then_on_and_not_before(db: Database) -> None:
    office = await an_office()
    fake = await a_fake(office.venue, office.campaign)
    await judged()
    everywhere = await a_decider("")
    made = await proposed(office.decider)
    assert (made.state, made.version, made.is_mine) == (ProposalState.PROPOSED, None, True)
    assert await refused(approved(office.decider, made)) is ErrorCode.NOT_ALLOWED
    assert await refused(approved(office.second, made)) is ErrorCode.NOT_ALLOWED  # of one district only
    for _ in range(2):
        done = await approved(everywhere, made)
        assert (done.state, done.version) == (ProposalState.APPROVED, 2)
    assert await refused(approved(office.second, made)) is ErrorCode.RISK_PROPOSAL_STATE
    (newest, first) = await rules_versions(clerk=office.second, first=5)
    assert (newest.version, newest.why, newest.made_by, newest.approved_by) == (2, "本地核定", "李前台", "李前台")
    assert (first.version, first.made_by, first.approved_by) == (1, "", "")
    assert newest.in_force_from == LATER
    before, after = await in_force(now=LATER - timedelta(seconds=1)), await in_force(now=LATER)
    assert (before and before.version, after and after.version) == (1, 2)

    another = await a_fake(office.venue, office.campaign, used_at=NOW + timedelta(days=3))
    await judged(LATER + timedelta(days=3))
    scores = {each.use_id: (each.version, each.is_held) for each in await RiskScore.all()}
    assert scores == {fake.use_id: (1, True), another.use_id: (2, False)}  # what was judged stays judged
    assert [case.use_id for case in await RiskCase.all()] == [fake.use_id]


async def test_a_proposal_is_read_strictly_and_its_key_is_its_own(db: Database) -> None:
    office = await an_office()
    key = a_key()
    first = await proposed(office.decider, idempotency_key=key)
    assert await proposed(office.decider, idempotency_key=key) == first
    reused = proposed(office.decider, idempotency_key=key, why="别的理由")
    assert await refused(reused) is ErrorCode.IDEMPOTENCY_KEY_REUSED
    wrong = stricter()
    wrong["uses"]["signals"]["denyed"] = [[1, 5]]
    assert await refused(proposed(office.decider, wrong)) is ErrorCode.RISK_RULES_INVALID
    assert await refused(proposed(office.decider, why="")) is ErrorCode.BAD_INPUT
    clerk = await a_clerk(office.venue.public_id)
    assert await refused(proposed(clerk)) is ErrorCode.NOT_ALLOWED
    for act in (
        approved(clerk, first),
        proposals(clerk=clerk, first=5),
        rules_versions(clerk=clerk, first=5),
        one_proposal(clerk=clerk, proposal_id=first.proposal_id),
        replay_proposal(clerk=clerk, proposal_id=first.proposal_id, now=LATER),
    ):
        assert await refused(act) is ErrorCode.NOT_ALLOWED
    unknown = one_proposal(clerk=office.decider, proposal_id="rsk_NOBODYS")
    assert await refused(unknown) is ErrorCode.RISK_PROPOSAL_STATE
    assert await refused(proposals(clerk=office.decider, first=0)) is ErrorCode.BAD_INPUT
    (seen,) = await proposals(clerk=office.second, first=5)
    assert (seen.proposal_id, seen.is_mine) == (first.proposal_id, False)


async def test_refused_rules_are_never_in_force(db: Database) -> None:
    office = await an_office()
    made = await proposed(office.decider)
    done = await approved(office.second, made, approves=False, note="漏报太多")
    assert (done.state, done.note, done.version) == (ProposalState.REFUSED, "漏报太多", None)
    assert await RiskRules.all().count() == 1


@pytest.mark.postgres
async def test_two_who_approve_at_once_make_one_version(db: Database) -> None:
    office = await an_office()
    one, other = await proposed(office.decider), await proposed(office.decider)
    people = [await a_decider(""), await a_decider("")]
    answers = await asyncio.gather(
        *(approved(person, each) for person in people for each in (one, other)), return_exceptions=True
    )
    won = sorted(each.version or 0 for each in answers if isinstance(each, Proposal))
    assert won == [2, 3]
    assert sorted(each.version for each in await RiskRules.all()) == [1, 2, 3]


async def test_a_replay_says_what_other_rules_would_have_held_and_with_whom_they_agree(db: Database) -> None:
    office = await an_office()
    honest = await a_write_off(office.venue, office.campaign)
    fake = await a_fake(office.venue, office.campaign)
    odd = await a_fake(office.venue, office.campaign)
    denied = await a_fake(office.venue, office.campaign, denied_at=NOW, bill_fen=55_00)
    await a_fake(office.venue, office.campaign)  # nobody has decided about this one yet
    await judged()
    for made, decision in ((fake, CaseState.CONFIRMED), (odd, CaseState.CLEARED), (denied, CaseState.CONFIRMED)):
        case = await RiskCase.get(use_id=made.use_id)
        asked: dict[str, Any] = {
            "decision": decision,
            "note": "看过监控",
            "idempotency_key": a_key(),
            "now": LATER,
        }
        await decide(clerk=office.decider, case_no=case.case_no, **asked)

    same = (await replay(RULES, from_day=DAY, until_day=DAY)).uses
    assert (same.judged, same.would_hold, same.were_held) == (5, 4, 4)
    assert (same.decided, same.agrees, same.confirmed_held, same.cleared_held) == (3, 2, 2, 1)

    made_up = await proposed(office.second)
    found = (await replay_proposal(clerk=office.decider, proposal_id=made_up.proposal_id, now=LATER)).uses
    assert (found.judged, found.would_hold, found.were_held) == (5, 1, 4)
    assert (found.confirmed_held, found.confirmed_missed, found.cleared_passed, found.cleared_held) == (1, 1, 1, 0)
    assert honest.use_id

    nothing = await replay(RULES, from_day=DAY + timedelta(days=1), until_day=DAY + timedelta(days=1))
    assert (nothing.uses.judged, nothing.weeks.judged) == (0, 0)
    for days in ((DAY, DAY - timedelta(days=1)), (DAY - timedelta(days=93), DAY)):
        wrong = replay_proposal(
            clerk=office.decider, proposal_id=made_up.proposal_id, from_day=days[0], until_day=days[1], now=LATER
        )
        assert await refused(wrong) is ErrorCode.BAD_INPUT


async def test_a_replay_of_the_rules_that_judged_says_the_same_whatever_happened_since(db: Database) -> None:
    """The facts are those that were stored, not those of today."""
    office = await an_office()
    await a_week_of(office, 16)
    await judged(NOW + timedelta(days=10))
    await database.rows("DELETE FROM wechat_risk_rank")
    await database.rows("UPDATE voucher SET claim_way = 'DESK', claim_device = ''")
    monday = DAY - timedelta(days=DAY.weekday())
    found = await replay(RULES, from_day=monday, until_day=monday + timedelta(days=6))
    assert found.uses.judged == 16
    assert found.uses.would_hold == found.uses.were_held
    assert (found.weeks.judged, found.weeks.would_hold, found.weeks.were_held) == (1, 1, 1)
