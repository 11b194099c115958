"""What scored high and by which rules, asking for every field of the types."""

_REASONS = "reasons { signal points says } facts { title value }"
_CASE = f"""
  caseNo kind state venueId venueName waitsSince week score version {_REASONS}
  use {{ useNo state way bill used usedAt receiptNo idChecked deniedAt redeemedBy }}
  decisions {{ decision decidedBy note decidedAt }}
"""
_SHEET = "{ holdFrom leastUses signals { name title lessIsWorse steps { value points } } }"
_PROPOSAL = f"id state why proposedBy proposedAt decidedBy note version isMine uses {_SHEET} venues {_SHEET}"
_OUTCOME = "{ judged wouldHold wereHeld decided agrees missed inVain }"
ERRORS = "userErrors { code message field }"

RISK_CASES = f"""
query ($state: RiskCaseState! = OPEN, $venueId: ID, $first: Int! = 20) {{
  riskCases(state: $state, venueId: $venueId, first: $first) {{ {_CASE} }}
}}
"""
RISK_CASE = f"query ($caseNo: String!) {{ riskCase(caseNo: $caseNo) {{ {_CASE} }} }}"
VENUE_RISKS = f"""
query ($venueId: ID, $fromWeek: Date, $first: Int! = 20) {{
  venueRisks(venueId: $venueId, fromWeek: $fromWeek, first: $first) {{
    venueId venueName week version score isHeld {_REASONS}
  }}
}}
"""
RISK_RULES = f"""
query ($first: Int! = 5) {{
  riskRules(first: $first) {{
    version why madeBy approvedBy madeAt inForceFrom uses {_SHEET} venues {_SHEET}
  }}
}}
"""
RISK_PROPOSALS = f"query ($first: Int! = 5) {{ riskProposals(first: $first) {{ {_PROPOSAL} }} }}"
RISK_REPLAY = f"""
query ($proposalId: ID!, $fromDay: Date, $untilDay: Date) {{
  riskReplay(proposalId: $proposalId, fromDay: $fromDay, untilDay: $untilDay) {{ uses {_OUTCOME} weeks {_OUTCOME} }}
}}
"""
DECIDE_RISK_CASE = f"""
mutation (
  $caseNo: String!, $decision: RiskCaseState!, $note: String!, $idempotencyKey: String!, $corrects: Boolean! = false
) {{
  decideRiskCase(
    caseNo: $caseNo, decision: $decision, note: $note, idempotencyKey: $idempotencyKey, corrects: $corrects
  ) {{ caseNo state opened {ERRORS} }}
}}
"""
PROPOSE_RISK_RULES = f"""
mutation ($uses: RiskSheetInput!, $venues: RiskSheetInput!, $why: String!, $idempotencyKey: String!) {{
  proposeRiskRules(uses: $uses, venues: $venues, why: $why, idempotencyKey: $idempotencyKey) {{
    proposal {{ {_PROPOSAL} }} {ERRORS}
  }}
}}
"""
DECIDE_RISK_PROPOSAL = f"""
mutation ($proposalId: ID!, $approves: Boolean!, $note: String!) {{
  decideRiskProposal(proposalId: $proposalId, approves: $approves, note: $note) {{
    proposal {{ {_PROPOSAL} }} {ERRORS}
  }}
}}
"""

ALL = (
    RISK_CASES,
    RISK_CASE,
    VENUE_RISKS,
    RISK_RULES,
    RISK_PROPOSALS,
    RISK_REPLAY,
    DECIDE_RISK_CASE,
    PROPOSE_RISK_RULES,
    DECIDE_RISK_PROPOSAL,
)
