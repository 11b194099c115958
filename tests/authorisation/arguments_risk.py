"""The same for what is suspect: numbers of cases, keys of decisions. Rules hold everywhere; whoever may decide somewhere may
read them all."""

import secrets
from collections.abc import Callable, Mapping

from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, Known, Plain, Reaching
from tests.authorisation.lives import Life


def _a_key() -> str:
    return secrets.token_hex(8)


def _cases(*which: str) -> Callable[[Life], list[Known]]:
    return lambda life: [
        *(Known(life.others.ids[f"risk case, {each}"], f"a case: {each}") for each in which),
        Known(life.others.ids["bill, held"], "a held use's number"),
        Known(life.others.ids["settlement, paid"], "a settlement's number", shut=ANOTHER_KIND),
    ]


def _a_case_no() -> str:
    return f"K20261120{secrets.token_hex(6).upper()}"


_PROPOSAL = Reaching(
    lambda life: [Known(life.others.ids["risk proposal"], "rules that somebody proposed")],
    lambda: f"rsk_{secrets.token_hex(10).upper()}",
    owner="approver",
)
REACHING_RISK: Mapping[str, Reaching] = {
    "riskCase.caseNo": Reaching(_cases("decided", "open", "week"), _a_case_no, owner="regulator"),
    "decideRiskCase.caseNo": Reaching(_cases("open", "decided", "week"), _a_case_no, owner="regulator"),
    "decideRiskCase.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["decide risk"], "the key of the office's decision")],
        _a_key,
        owner="approver",
        meanwhile=_a_key,
    ),
    "proposeRiskRules.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["decide risk"], "the key of another act", shut=ANOTHER_KIND)],
        _a_key,
        owner="regulator",
        meanwhile=_a_key,
    ),
    "riskReplay.proposalId": _PROPOSAL,
    "decideRiskProposal.proposalId": _PROPOSAL,
}
PLAIN_RISK: Mapping[str, Plain] = {
    "venueRisks.fromWeek": Plain(lambda life: ABSENT),
    "riskReplay.fromDay": Plain(lambda life: ABSENT),
    "riskReplay.untilDay": Plain(lambda life: ABSENT),
    "decideRiskCase.decision": Plain(lambda life: "CLEARED"),
    "decideRiskCase.note": Plain(lambda life: "看过监控"),
    "decideRiskProposal.approves": Plain(lambda life: False),
    "decideRiskProposal.note": Plain(lambda life: "漏报太多"),
    "proposeRiskRules.why": Plain(lambda life: "本地核定"),
    "RiskSheetInput.holdFrom": Plain(lambda life: 50),
    "RiskSheetInput.leastUses": Plain(lambda life: ABSENT),
    "RiskSignalInput.name": Plain(lambda life: "denied"),
    "RiskStepInput.value": Plain(lambda life: 1),
    "RiskStepInput.points": Plain(lambda life: 60),
}
WORDS_RISK = {"why"}
