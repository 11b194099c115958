"""Standing in line, with every field of its types."""

_WAITING = "id venueId venueName sport courtId courtName day startsFrom startsUntil people state ahead orderNo payUntil askedAt"
MY_WAITING = f"""
query ($first: Int! = 20, $after: String, $forMember: ID) {{
  myWaiting(first: $first, after: $after, forMember: $forMember) {{
    edges {{ cursor node {{ {_WAITING} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
JOIN_WAITING_LIST = f"""
mutation ($idempotencyKey: String!, $wanted: WaitingInput!, $forMember: ID) {{
  joinWaitingList(idempotencyKey: $idempotencyKey, wanted: $wanted, forMember: $forMember) {{
    waiting {{ {_WAITING} }} userErrors {{ code message field }}
  }}
}}"""
LEAVE_WAITING_LIST = f"""
mutation ($id: ID!, $forMember: ID) {{
  leaveWaitingList(id: $id, forMember: $forMember) {{ waiting {{ {_WAITING} }} userErrors {{ code message field }} }}
}}"""

ALL = (MY_WAITING, JOIN_WAITING_LIST, LEAVE_WAITING_LIST)
