"""New rules: one person proposes them and sees what they would have said of the past; another one puts them in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_id, request_hash
from models.risk import versions
from models.risk.reading import rules_json, rules_of
from models.risk.replaying import Replay, replay
from models.risk.rules import ProposalState, Rules, key_reused, not_yours
from models.risk.tables import RiskProposal, RiskRules
from models.risk.versions import Version
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.bills import checked_reason
from models.vouchers.campaigns import checked_key

REPLAYED = timedelta(days=90)
"""What a proposal is shown against unless somebody names other days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Rules that somebody proposes. `version`: what they became."""

    proposal_id: str
    rules: Rules
    why: str
    state: ProposalState
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    note: str
    version: int | None
    is_mine: bool


async def propose(*, clerk: StaffSignedIn, rules: Any, why: str, idempotency_key: str, now: datetime) -> Proposal:
    """Writes down rules (as JSON says them) for somebody else to approve. The same again is the same proposal.

    Raises NOT_ALLOWED, RISK_RULES_INVALID, IDEMPOTENCY_KEY_REUSED, BAD_INPUT.
    """
    _demand(clerk)
    said = rules_json(rules_of(rules))
    key = checked_key(idempotency_key)
    made = await _propose(clerk, said, checked_reason(why, field="why"), key, now=now)
    return await one_proposal(clerk=clerk, proposal_id=made)


async def decide_proposal(
    *, clerk: StaffSignedIn, proposal_id: str, approves: bool, note: str, now: datetime
) -> Proposal:
    """Puts it in force from now on as the next version, or refuses it. The same again is harmless.

    Raises NOT_ALLOWED to who proposed it, RISK_PROPOSAL_STATE when there is none or it is decided, BAD_INPUT.
    """
    _demand(clerk)
    await _decide(clerk, proposal_id, approves, checked_reason(note, field="note"), now=now)
    return await one_proposal(clerk=clerk, proposal_id=proposal_id)


async def one_proposal(*, clerk: StaffSignedIn, proposal_id: str) -> Proposal:
    """Raises NOT_ALLOWED, RISK_PROPOSAL_STATE."""
    _demand(clerk)
    concerning("RISK_PROPOSAL", proposal_id)
    found = await RiskProposal.get_or_none(public_id=proposal_id).prefetch_related("proposed_by", "decided_by")
    if found is None:
        raise _no_such()
    return _shown(found, clerk.staff_id)


async def proposals(*, clerk: StaffSignedIn, first: int) -> Sequence[Proposal]:
    """The newest first. Raises NOT_ALLOWED, BAD_INPUT."""
    _demand(clerk)
    found = (
        await RiskProposal.all()
        .order_by("-id")
        .limit(_checked(first))
        .prefetch_related("proposed_by", "decided_by")
    )
    return [_shown(each, clerk.staff_id) for each in found]


async def rules_versions(*, clerk: StaffSignedIn, first: int) -> Sequence[Version]:
    """The newest first. Raises NOT_ALLOWED, BAD_INPUT."""
    _demand(clerk)
    return await versions.latest(_checked(first))


async def replay_proposal(
    *,
    clerk: StaffSignedIn,
    proposal_id: str,
    from_day: date | None = None,
    until_day: date | None = None,
    now: datetime,
) -> Replay:
    """What these rules would have said of so many days, of the last ninety unless named.

    Raises NOT_ALLOWED, RISK_PROPOSAL_STATE, BAD_INPUT.
    """
    proposal = await one_proposal(clerk=clerk, proposal_id=proposal_id)
    until = until_day or business_day(now)
    return await replay(proposal.rules, from_day=from_day or until - REPLAYED, until_day=until)


def _checked(first: int) -> int:
    if not 1 <= first <= versions.MOST_VERSIONS:
        raise BadInput("每次查看的数量不正确。", next_step=f"请填1到{versions.MOST_VERSIONS}。", field="first")
    return first


def _demand(clerk: StaffSignedIn) -> None:
    """The rules hold everywhere; whoever decides somewhere knows what they do there. What is put in force is asked of
    somebody who decides everywhere (`_decide`)."""
    if not clerk.has(Power.DECIDE_RISK):
        raise powers.not_allowed(Power.DECIDE_RISK)


@database.operation
async def _propose(clerk: StaffSignedIn, rules: dict[str, Any], why: str, key: str, *, now: datetime) -> str:
    await database.alone_with(f"risk proposal {clerk.staff_id} {key}")
    asked = request_hash(rules, why)
    given = await RiskProposal.get_or_none(proposed_by_id=clerk.staff_id, request_key=key)
    if given is not None:
        if given.request_hash != asked:
            raise key_reused()
        return given.public_id
    made = await RiskProposal.create(
        public_id=new_id("rsk"),
        rules=rules,
        why=why,
        state=ProposalState.PROPOSED,
        proposed_by_id=clerk.staff_id,
        proposed_at=now,
        request_key=key,
        request_hash=asked,
    )
    return made.public_id


@database.operation
async def _decide(clerk: StaffSignedIn, proposal_id: str, approves: bool, note: str, *, now: datetime) -> None:
    await database.alone_with("risk rules")
    proposal = await RiskProposal.select_for_update().get_or_none(public_id=proposal_id)
    if proposal is None:
        raise _no_such()
    concerning("RISK_PROPOSAL", proposal_id)
    decided = ProposalState.APPROVED if approves else ProposalState.REFUSED
    if proposal.state == decided and proposal.decided_by_id == clerk.staff_id:
        return
    if proposal.state != ProposalState.PROPOSED:
        raise DomainError(
            "这个方案已经有人作出决定。",
            code=ErrorCode.RISK_PROPOSAL_STATE,
            next_step="请刷新后查看。",
            field="proposalId",
        )
    if proposal.proposed_by_id == clerk.staff_id:
        raise not_yours("自己提出的方案不能由自己批准。")
    if approves:
        if not powers.has_everywhere(clerk, Power.DECIDE_RISK):
            raise not_yours("规则适用于全部地区，须由负责全部地区的主管部门批准。")
        proposal.version = await _put_in_force(proposal, clerk.staff_id, now)
    proposal.state, proposal.decided_by_id, proposal.decided_at, proposal.note = decided, clerk.staff_id, now, note
    await proposal.save(update_fields=["state", "decided_by_id", "decided_at", "note", "version"])


async def _put_in_force(proposal: RiskProposal, staff_id: int, now: datetime) -> int:
    last = await RiskRules.all().order_by("-version").first()
    version = last.version + 1 if last else 1
    await RiskRules.create(
        version=version,
        rules=proposal.rules,
        why=proposal.why,
        made_by_id=proposal.proposed_by_id,
        approved_by_id=staff_id,
        made_at=proposal.proposed_at,
        in_force_from=now,
    )
    return version


def _no_such() -> DomainError:
    return DomainError(
        "没有找到这个方案。",
        code=ErrorCode.RISK_PROPOSAL_STATE,
        next_step="请刷新后再看。",
        field="proposalId",
    )


def _shown(found: RiskProposal, staff_id: int) -> Proposal:
    return Proposal(
        proposal_id=found.public_id,
        rules=rules_of(found.rules),
        why=found.why,
        state=ProposalState(found.state),
        proposed_by=found.proposed_by.display_name,
        proposed_at=found.proposed_at,
        decided_by=found.decided_by.display_name if found.decided_by else "",
        note=found.note,
        version=found.version,
        is_mine=found.proposed_by_id == staff_id,
    )
