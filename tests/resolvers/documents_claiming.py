"""Claiming vouchers, with every field of its types."""

CLAIM_VOUCHER = """
mutation ($campaignId: ID!, $idempotencyKey: String!, $kindId: ID, $proof: ClaimProofInput) {
  claimVoucher(campaignId: $campaignId, idempotencyKey: $idempotencyKey, kindId: $kindId, proof: $proof) {
    voucher { id title faceValue minimumSpend claimedAt validFrom validUntil }
    position { ahead retryAfterSeconds }
    challenge { puzzle zeroBits endsAt }
    userErrors { code message field }
  }
}"""
CLAIM_DOOR = """
query ($campaignId: ID!) { claimDoor(campaignId: $campaignId) { serverNow opensAt ahead soldOut nextOpensAt } }"""
CLAIM_PUZZLE = """
query ($campaignId: ID!, $idempotencyKey: String!) {
  claimPuzzle(campaignId: $campaignId, idempotencyKey: $idempotencyKey) { puzzle zeroBits endsAt }
}"""
VENUE_CLAIM_CODE = """
query ($campaignId: ID!, $venueId: ID!) {
  venueClaimCode(campaignId: $campaignId, venueId: $venueId) { code svg png }
}"""

ALL = (CLAIM_VOUCHER, CLAIM_DOOR, CLAIM_PUZZLE, VENUE_CLAIM_CODE)
