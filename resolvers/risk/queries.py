"""What waits, how venues' weeks were judged, and by which rules."""

from datetime import date

import strawberry

from models.risk import proposing, queries
from models.risk.queries import MOST_CASES, MOST_WEEKS
from models.risk.rules import CaseState
from models.risk.versions import MOST_VERSIONS
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.risk.types import (
    RiskCaseType,
    RiskProposalType,
    RiskReplayType,
    RiskRulesVersion,
    VenueRiskType,
)

_FIRST = ["first"]


@strawberry.type
class RiskQueries:
    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_CASES, slicing_arguments=_FIRST), Weight(weight=400)],
        description="Staff: what waits for a decision in my regions, the longest first, held receipts included; or what was "
        "decided, the latest first.",
    )
    async def risk_cases(
        self,
        info: Info,
        state: CaseState = CaseState.OPEN,
        venue_id: strawberry.ID | None = None,
        first: int = 20,
    ) -> list[RiskCaseType]:
        clerk = await info.context.staff()
        found = await queries.risk_cases(clerk=clerk, state=state, venue_id=venue_id or "", first=first)
        return [RiskCaseType.of(case) for case in found]

    @strawberry.field(
        directives=[Weight(weight=300)],
        description="Staff: one case of my regions, or a held receipt by the number of its use; null for any other.",
    )
    async def risk_case(self, info: Info, case_no: str) -> RiskCaseType | None:
        clerk = await info.context.staff()
        found = await queries.risk_case(clerk=clerk, case_no=case_no)
        return None if found is None else RiskCaseType.of(found)

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_WEEKS, slicing_arguments=_FIRST), Weight(weight=300)],
        description="Staff: how venues' weeks were judged, the newest first, in each the highest score first.",
    )
    async def venue_risks(
        self,
        info: Info,
        venue_id: strawberry.ID | None = None,
        from_week: date | None = None,
        first: int = 20,
    ) -> list[VenueRiskType]:
        clerk = await info.context.staff()
        found = await queries.venue_weeks(clerk=clerk, venue_id=venue_id or "", from_week=from_week, first=first)
        return [VenueRiskType.of(week) for week in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_VERSIONS, slicing_arguments=_FIRST), Weight(weight=300)],
        description="Staff: the versions of the rules, the newest first; the first that has begun is in force.",
    )
    async def risk_rules(self, info: Info, first: int = 5) -> list[RiskRulesVersion]:
        found = await proposing.rules_versions(clerk=await info.context.staff(), first=first)
        return [RiskRulesVersion.of(version) for version in found]

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_VERSIONS, slicing_arguments=_FIRST), Weight(weight=300)],
        description="Staff: rules that were proposed, the newest first.",
    )
    async def risk_proposals(self, info: Info, first: int = 5) -> list[RiskProposalType]:
        found = await proposing.proposals(clerk=await info.context.staff(), first=first)
        return [RiskProposalType.of(proposal) for proposal in found]

    @strawberry.field(
        directives=[Weight(weight=5000)],
        description="Staff: what proposed rules would have said of the uses of these days, three months at most; of the "
        "last ninety days unless named.",
    )
    async def risk_replay(
        self,
        info: Info,
        proposal_id: strawberry.ID,
        from_day: date | None = None,
        until_day: date | None = None,
    ) -> RiskReplayType:
        clerk = await info.context.staff()
        found = await proposing.replay_proposal(
            clerk=clerk, proposal_id=proposal_id, from_day=from_day, until_day=until_day, now=info.context.now
        )
        return RiskReplayType.of(found)
