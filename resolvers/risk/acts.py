"""Deciding about cases, and proposing and approving rules."""

import strawberry

from models.risk import deciding, proposing
from models.risk.rules import CaseState
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.risk.types import RiskProposalType, RiskSheetInput


@strawberry.type
class DecideRiskCasePayload:
    case_no: str | None = None
    state: CaseState | None = None
    opened: int | None = strawberry.field(
        default=None, description="Cases about single uses, after a venue's week was confirmed."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RiskProposalPayload:
    proposal: RiskProposalType | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class RiskActs:
    @act(
        DecideRiskCasePayload,
        "Staff: CLEARED, and it is paid; CONFIRMED, and the use is undone, its voucher forfeited and the venue not paid. Of a "
        "receipt that nobody confirmed (by the number of its use): paid, or the citizen's again. With `corrects` somebody "
        "else says the opposite of a decision, once. Not for who wrote it off or works there.",
    )
    async def decide_risk_case(
        self,
        info: Info,
        case_no: str,
        decision: CaseState,
        note: str,
        idempotency_key: str,
        corrects: bool = False,
    ) -> DecideRiskCasePayload:
        clerk = await info.context.staff()
        decided = await deciding.decide(
            clerk=clerk,
            case_no=case_no,
            decision=decision,
            note=note,
            idempotency_key=idempotency_key,
            corrects=corrects,
            now=info.context.now,
        )
        await info.context.services.wake("tell_people")
        return DecideRiskCasePayload(case_no=decided.case_no, state=decided.state, opened=decided.opened)

    @act(
        RiskProposalPayload,
        "Staff: propose rules, whole, for somebody else to approve; `riskReplay` shows what they would have said.",
    )
    async def propose_risk_rules(
        self, info: Info, uses: RiskSheetInput, venues: RiskSheetInput, why: str, idempotency_key: str
    ) -> RiskProposalPayload:
        clerk = await info.context.staff()
        made = await proposing.propose(
            clerk=clerk,
            rules={"uses": uses.as_json(), "venues": venues.as_json()},
            why=why,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return RiskProposalPayload(proposal=RiskProposalType.of(made))

    @act(
        RiskProposalPayload,
        "Staff: put proposed rules in force from now on, which only who decides everywhere can do, or refuse them. Never "
        "one's own.",
    )
    async def decide_risk_proposal(
        self, info: Info, proposal_id: strawberry.ID, approves: bool, note: str
    ) -> RiskProposalPayload:
        clerk = await info.context.staff()
        decided = await proposing.decide_proposal(
            clerk=clerk, proposal_id=proposal_id, approves=approves, note=note, now=info.context.now
        )
        return RiskProposalPayload(proposal=RiskProposalType.of(decided))
