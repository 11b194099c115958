"""What whoever decides about risk sees. No name and no number of a citizen is in any of it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Self

import strawberry

from models.risk.proposing import Proposal
from models.risk.queries import CaseKind, CaseSeen, DecisionSeen, Fact, UseSeen, WeekSeen
from models.risk.reading import MOST_STEPS
from models.risk.replaying import Outcome, Replay
from models.risk.rules import CaseState, ProposalState, Reason, Rules, Sheet
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS, Signal
from models.risk.versions import Version
from plans.costs import ListSize
from resolvers.scalars import Fen
from resolvers.words import UseState, UseWay

strawberry.enum(CaseState, name="RiskCaseState", description="OPEN: its money is in no settlement.")
strawberry.enum(
    CaseKind,
    name="RiskCaseKind",
    description="A use that scored high, a venue's week that did, or a use that nobody confirmed, with its receipt.",
)
strawberry.enum(ProposalState, name="RiskProposalState", description="Who proposes rules never approves them.")

MOST_REASONS = len(USE_SIGNALS)
REASONS = [ListSize(assumed_size=MOST_REASONS)]


@strawberry.type(description="Why a score is what it is; the points of all reasons add up to it.")
class RiskReason:
    signal: str
    points: int
    says: str = strawberry.field(description="A Chinese sentence.")

    @classmethod
    def of(cls, reason: Reason) -> Self:
        return cls(signal=reason.signal, points=reason.points, says=reason.says)


@strawberry.type(description="One number that was known when it was judged.")
class RiskFact:
    title: str
    value: int

    @classmethod
    def of(cls, fact: Fact) -> Self:
        return cls(title=fact.title, value=fact.value)


@strawberry.type(description="The use that a case is about.")
class RiskUse:
    use_no: str
    state: UseState
    way: UseWay
    bill: Fen
    used: Fen
    used_at: datetime
    receipt_no: str
    id_checked: bool
    denied_at: datetime | None = strawberry.field(description="The citizen said that it was not theirs.")
    redeemed_by: str

    @classmethod
    def of(cls, use: UseSeen) -> Self:
        return cls(
            use_no=use.use_no,
            state=use.state,
            way=use.way,
            bill=Fen(use.bill_fen),
            used=Fen(use.used_fen),
            used_at=use.used_at,
            receipt_no=use.receipt_no,
            id_checked=use.id_checked,
            denied_at=use.denied_at,
            redeemed_by=use.redeemed_by,
        )


@strawberry.type(description="Who decided what about a case; a second one is somebody else's correction.")
class RiskDecision:
    decision: CaseState
    decided_by: str
    note: str
    decided_at: datetime

    @classmethod
    def of(cls, made: DecisionSeen) -> Self:
        return cls(decision=made.decision, decided_by=made.decided_by, note=made.note, decided_at=made.decided_at)


@strawberry.type(name="RiskCase", description="Something that somebody must look at before it is paid.")
class RiskCaseType:
    case_no: str = strawberry.field(description="Of a RECEIPT the number of its use.")
    kind: CaseKind
    state: CaseState
    venue_id: strawberry.ID
    venue_name: str
    waits_since: datetime
    week: date | None = strawberry.field(description="The Monday, of a venue's week.")
    score: int | None = strawberry.field(description="0 to 100; null where nobody judged it yet.")
    version: int | None = strawberry.field(description="Of the rules that judged it.")
    reasons: list[RiskReason] = strawberry.field(directives=REASONS)
    facts: list[RiskFact] = strawberry.field(directives=REASONS)
    use: RiskUse | None
    decisions: list[RiskDecision] = strawberry.field(directives=[ListSize(assumed_size=2)])

    @classmethod
    def of(cls, case: CaseSeen) -> Self:
        return cls(
            case_no=case.case_no,
            kind=case.kind,
            state=case.state,
            venue_id=strawberry.ID(case.venue_id),
            venue_name=case.venue_name,
            waits_since=case.waits_since,
            week=case.week,
            score=case.score,
            version=case.version,
            reasons=[RiskReason.of(reason) for reason in case.reasons],
            facts=[RiskFact.of(fact) for fact in case.facts],
            use=None if case.use is None else RiskUse.of(case.use),
            decisions=[RiskDecision.of(made) for made in case.decisions],
        )


@strawberry.type(name="VenueRisk", description="How a venue's week was judged.")
class VenueRiskType:
    venue_id: strawberry.ID
    venue_name: str
    week: date
    version: int
    score: int
    is_held: bool = strawberry.field(description="Somebody must look before it is paid.")
    reasons: list[RiskReason] = strawberry.field(directives=REASONS)
    facts: list[RiskFact] = strawberry.field(directives=REASONS)

    @classmethod
    def of(cls, week: WeekSeen) -> Self:
        return cls(
            venue_id=strawberry.ID(week.venue_id),
            venue_name=week.venue_name,
            week=week.week,
            version=week.version,
            score=week.score,
            is_held=week.is_held,
            reasons=[RiskReason.of(reason) for reason in week.reasons],
            facts=[RiskFact.of(fact) for fact in week.facts],
        )


@strawberry.type(description="From this value on (or down to it, where less is worse), so many points.")
class RiskStep:
    value: int
    points: int


@strawberry.type(name="RiskSignal", description="What one signal gives, the worst step first.")
class RiskSignalType:
    name: str
    title: str
    less_is_worse: bool
    steps: list[RiskStep] = strawberry.field(directives=[ListSize(assumed_size=MOST_STEPS)])


@strawberry.type(name="RiskSheet", description="What gives points, and from which score on somebody must look.")
class RiskSheetType:
    hold_from: int
    least_uses: int = strawberry.field(description="Of a venue's week: fewer say nothing. 0 of uses.")
    signals: list[RiskSignalType] = strawberry.field(directives=REASONS)

    @classmethod
    def of(cls, sheet: Sheet, signals: Mapping[str, Signal]) -> Self:
        return cls(
            hold_from=sheet.hold_from,
            least_uses=sheet.least_uses,
            signals=[
                RiskSignalType(
                    name=name,
                    title=signals[name].title,
                    less_is_worse=signals[name].less_is_worse,
                    steps=[RiskStep(value=value, points=points) for value, points in steps],
                )
                for name, steps in sheet.signals.items()
            ],
        )


def _sheets(rules: Rules) -> dict[str, RiskSheetType]:
    return {
        "uses": RiskSheetType.of(rules.uses, USE_SIGNALS),
        "venues": RiskSheetType.of(rules.venues, VENUE_SIGNALS),
    }


@strawberry.type(description="One version of the rules. Empty names: it came with the product.")
class RiskRulesVersion:
    version: int
    why: str
    made_by: str
    approved_by: str
    made_at: datetime
    in_force_from: datetime
    uses: RiskSheetType
    venues: RiskSheetType

    @classmethod
    def of(cls, version: Version) -> Self:
        return cls(
            version=version.version,
            why=version.why,
            made_by=version.made_by,
            approved_by=version.approved_by,
            made_at=version.made_at,
            in_force_from=version.in_force_from,
            **_sheets(version.rules),
        )


@strawberry.type(name="RiskProposal", description="Rules that somebody proposes.")
class RiskProposalType:
    id: strawberry.ID
    state: ProposalState
    why: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    note: str
    version: int | None = strawberry.field(description="What it became.")
    is_mine: bool = strawberry.field(description="I proposed it, so somebody else decides.")
    uses: RiskSheetType
    venues: RiskSheetType

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        return cls(
            id=strawberry.ID(proposal.proposal_id),
            state=proposal.state,
            why=proposal.why,
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            decided_by=proposal.decided_by,
            note=proposal.note,
            version=proposal.version,
            is_mine=proposal.is_mine,
            **_sheets(proposal.rules),
        )


@strawberry.type(description="What rules would have said, beside what was said and what people decided since.")
class RiskOutcome:
    judged: int
    would_hold: int
    were_held: int
    decided: int = strawberry.field(description="By people, of those judged.")
    agrees: int = strawberry.field(description="With so many of these decisions.")
    missed: int = strawberry.field(description="Found fake by a person, and would not have been held.")
    in_vain: int = strawberry.field(description="Found good by a person, and would have been held.")

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        return cls(
            judged=outcome.judged,
            would_hold=outcome.would_hold,
            were_held=outcome.were_held,
            decided=outcome.decided,
            agrees=outcome.agrees,
            missed=outcome.confirmed_missed,
            in_vain=outcome.cleared_held,
        )


@strawberry.type(name="RiskReplay", description="Of uses, and of venues' weeks.")
class RiskReplayType:
    uses: RiskOutcome
    weeks: RiskOutcome

    @classmethod
    def of(cls, replay: Replay) -> Self:
        return cls(uses=RiskOutcome.of(replay.uses), weeks=RiskOutcome.of(replay.weeks))


@strawberry.input(description="From this value on, so many points; the worst first.")
class RiskStepInput:
    value: int
    points: int


@strawberry.input(description="By its name; `riskRules` tells which there are.")
class RiskSignalInput:
    name: str
    steps: list[RiskStepInput]


@strawberry.input(description="Whatever is left out gives no points.")
class RiskSheetInput:
    hold_from: int
    signals: list[RiskSignalInput]
    least_uses: int | None = strawberry.field(default=None, description="Of venues' weeks only.")

    def as_json(self) -> dict[str, Any]:
        """As `models/risk/reading.py` reads it, whole and strictly."""
        said: dict[str, Any] = {"hold_from": self.hold_from, "signals": _signals(self.signals)}
        return said if self.least_uses is None else said | {"least_uses": self.least_uses}


def _signals(given: Sequence[RiskSignalInput]) -> dict[str, list[list[int]]]:
    return {signal.name: [[step.value, step.points] for step in signal.steps] for signal in given}
