"""What venues are owed and paid, asking for every field of the types."""

SETTLEMENT_FIELDS = """
  settlementNo campaignId campaignTitle venueId venueName fromDay untilDay state batchNo statementUrl draftedAt
  approvedAt
  sums { used takenBack conflict venueShare deducted carriedIn payable carriedOut }
"""
DETAIL_FIELDS = f"""
  settlement {{ {SETTLEMENT_FIELDS} }} carriedFrom
  steps {{ fromState toState by reason happenedAt }}
  deductions {{ amount reason by deductedAt }}
  paid {{ amount isRepayment paidOn bankReference receiptSha256 by recordedAt }}
"""
ACCOUNT_FIELDS = "id venueId state holder bank lastFour enteredBy enteredAt approvedBy approvedAt"
BATCH_FIELDS = """
  batchNo campaignId campaignTitle payouts paid failed total fileSha256 fileUrl madeBy madeAt
"""
ERRORS = "userErrors { code message field }"
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

SETTLEMENTS = f"""
query ($campaignId: ID, $venueId: ID, $state: SettlementState, $first: Int! = 10, $after: String) {{
  settlements(campaignId: $campaignId, venueId: $venueId, state: $state, first: $first, after: $after) {{
    edges {{ cursor node {{ {SETTLEMENT_FIELDS} }} }} {PAGE}
  }}
}}
"""
SETTLEMENT = f"query ($settlementNo: String!) {{ settlement(settlementNo: $settlementNo) {{ {DETAIL_FIELDS} }} }}"
SETTLEMENT_LINES = f"""
query ($settlementNo: String!, $first: Int! = 10, $after: String) {{
  settlementLines(settlementNo: $settlementNo, first: $first, after: $after) {{
    edges {{ cursor node {{
      kind amount venueShare owed happenedAt useNo usedAt way bill faceValue clerk
    }} }} {PAGE}
  }}
}}
"""
VENUE_ACCOUNTS = f"query ($venueId: ID!) {{ venueAccounts(venueId: $venueId) {{ {ACCOUNT_FIELDS} }} }}"
PAYOUT_BATCHES = f"""
query ($first: Int! = 10, $after: String) {{
  payoutBatches(first: $first, after: $after) {{ edges {{ cursor node {{ {BATCH_FIELDS} }} }} {PAGE} }}
}}
"""
DRAFT_SETTLEMENTS = f"""
mutation ($campaignId: ID!, $fromDay: Date!, $untilDay: Date!, $idempotencyKey: String!) {{
  draftSettlements(
    campaignId: $campaignId, fromDay: $fromDay, untilDay: $untilDay, idempotencyKey: $idempotencyKey
  ) {{ settlements heldEntries undecidedVenues {ERRORS} }}
}}
"""
DEDUCT_FROM_SETTLEMENT = f"""
mutation ($settlementNo: String!, $amount: Fen!, $reason: String!, $idempotencyKey: String!) {{
  deductFromSettlement(
    settlementNo: $settlementNo, amount: $amount, reason: $reason, idempotencyKey: $idempotencyKey
  ) {{ settlement {{ {DETAIL_FIELDS} }} {ERRORS} }}
}}
"""
DROP_SETTLEMENT = f"""
mutation ($settlementNo: String!, $reason: String!) {{
  dropSettlement(settlementNo: $settlementNo, reason: $reason) {{ settlement {{ {DETAIL_FIELDS} }} {ERRORS} }}
}}
"""
PROPOSE_SETTLEMENT = f"""
mutation ($settlementNo: String!, $payable: Fen!, $carriedOut: Fen) {{
  proposeSettlement(settlementNo: $settlementNo, payable: $payable, carriedOut: $carriedOut) {{
    settlement {{ {DETAIL_FIELDS} }} {ERRORS}
  }}
}}
"""
APPROVE_SETTLEMENT = f"""
mutation ($settlementNo: String!, $payable: Fen!, $carriedOut: Fen) {{
  approveSettlement(settlementNo: $settlementNo, payable: $payable, carriedOut: $carriedOut) {{
    settlement {{ {DETAIL_FIELDS} }} {ERRORS}
  }}
}}
"""
ENTER_VENUE_ACCOUNT = f"""
mutation ($venueId: ID!, $holder: String!, $bank: String!, $number: String!) {{
  enterVenueAccount(venueId: $venueId, holder: $holder, bank: $bank, number: $number) {{
    account {{ {ACCOUNT_FIELDS} }} {ERRORS}
  }}
}}
"""
APPROVE_VENUE_ACCOUNT = f"""
mutation ($accountId: ID!, $holder: String!, $number: String!) {{
  approveVenueAccount(accountId: $accountId, holder: $holder, number: $number) {{
    account {{ {ACCOUNT_FIELDS} }} {ERRORS}
  }}
}}
"""
MAKE_PAYOUT = f"""
mutation ($campaignId: ID!, $idempotencyKey: String!) {{
  makePayout(campaignId: $campaignId, idempotencyKey: $idempotencyKey) {{ batch {{ {BATCH_FIELDS} }} {ERRORS} }}
}}
"""
FAIL_PAYOUT = f"""
mutation ($settlementNo: String!, $reason: String!) {{
  failPayout(settlementNo: $settlementNo, reason: $reason) {{ settlement {{ {DETAIL_FIELDS} }} {ERRORS} }}
}}
"""
RECORD_PAYMENT = f"""
mutation (
  $settlementNo: String!, $amount: Fen!, $paidOn: Date!, $bankReference: String!, $receiptSha256: String!
) {{
  recordPayment(
    settlementNo: $settlementNo, amount: $amount, paidOn: $paidOn, bankReference: $bankReference,
    receiptSha256: $receiptSha256
  ) {{ settlement {{ {DETAIL_FIELDS} }} {ERRORS} }}
}}
"""

ALL = (
    SETTLEMENTS,
    SETTLEMENT,
    SETTLEMENT_LINES,
    VENUE_ACCOUNTS,
    PAYOUT_BATCHES,
    DRAFT_SETTLEMENTS,
    DEDUCT_FROM_SETTLEMENT,
    DROP_SETTLEMENT,
    PROPOSE_SETTLEMENT,
    APPROVE_SETTLEMENT,
    ENTER_VENUE_ACCOUNT,
    APPROVE_VENUE_ACCOUNT,
    MAKE_PAYOUT,
    FAIL_PAYOUT,
    RECORD_PAYMENT,
)
