"""A citizen's vouchers, and what they pay for, with every field of their types."""

MY_VOUCHERS = """
query ($state: VoucherState, $first: Int! = 20, $after: String, $forMember: ID) {
  myVouchers(state: $state, first: $first, after: $after, forMember: $forMember) {
    edges {
      cursor
      node {
        id campaignId campaignTitle title state faceValue minimumSpend claimedAt validFrom validUntil endedAt
        orderNo used usedAt venueName
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
_FIT = "id title campaignTitle faceValue minimumSpend validUntil fits reason"
BEST_VOUCHER = f"""
query ($lines: [OrderLineInput!]!, $forMember: ID) {{
  bestVoucher(lines: $lines, forMember: $forMember) {{ voucherIds saves toPay reason others {{ {_FIT} }} }}
}}"""
VOUCHERS_FOR = f"""
query ($lines: [OrderLineInput!]!, $forMember: ID) {{
  vouchersFor(lines: $lines, forMember: $forMember) {{ {_FIT} }}
}}"""

ALL = (MY_VOUCHERS, BEST_VOUCHER, VOUCHERS_FOR)
