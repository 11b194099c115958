"""The auditor's question, and the acts that reveal."""

AUDIT_LINES = """
query ($filter: AuditFilter, $first: Int! = 20, $after: String) {
  auditLines(filter: $filter, first: $first, after: $after) {
    edges {
      cursor
      node {
        id at actorKind actorId act subjectKind subjectId venueId outcome isReading address deviceId detail seq hash
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
REVEAL_PHONE = """
mutation ($reason: String!, $venueId: ID, $memberId: ID, $orderNo: String) {
  revealPhone(reason: $reason, venueId: $venueId, memberId: $memberId, orderNo: $orderNo) {
    revealed { memberId text } userErrors { code message field }
  }
}"""
REVEAL_NAME = """
mutation ($reason: String!, $venueId: ID, $memberId: ID, $orderNo: String) {
  revealName(reason: $reason, venueId: $venueId, memberId: $memberId, orderNo: $orderNo) {
    revealed { memberId text } userErrors { code message field }
  }
}"""
ALL = (AUDIT_LINES, REVEAL_PHONE, REVEAL_NAME)
