"""Series and group requests, with every field of their types."""

_ERRORS = "userErrors { code message field }"
_SERIES = """id venueId venueName courtId courtName weekday fromMinute slots firstDay lastDay people companionIds organisationName
  state askedAt dates { day state code reason orderNo payUntil }"""
_PREVIEW = """day startsAt would opensAt price priceExplanation { kind text amount isDemonstration } code reason"""
_REQUEST = """id venueId venueName organisationName askedBy people purpose state answerBy note orderNo payUntil askedAt
  decidedAt lines { courtId title startsAt endsAt people price isTaken }"""

SERIES_PREVIEW = f"""
query ($wanted: SeriesInput!, $forMember: ID) {{ seriesPreview(wanted: $wanted, forMember: $forMember) {{ {_PREVIEW} }} }}"""
MY_SERIES = f"query ($forMember: ID) {{ mySeries(forMember: $forMember) {{ {_SERIES} }} }}"
ASK_FOR_SERIES = f"""
mutation ($wanted: SeriesInput!, $idempotencyKey: String!, $forMember: ID) {{
  askForSeries(wanted: $wanted, idempotencyKey: $idempotencyKey, forMember: $forMember) {{
    series {{ {_SERIES} }} {_ERRORS}
  }}
}}"""
END_SERIES = f"""
mutation ($seriesId: ID!, $forMember: ID) {{
  endSeries(seriesId: $seriesId, forMember: $forMember) {{ series {{ {_SERIES} }} {_ERRORS} }}
}}"""
ASK_FOR_SERIES_AT_DESK = f"""
mutation ($personId: ID!, $venueId: ID!, $wanted: SeriesInput!, $idempotencyKey: String!) {{
  askForSeriesAtDesk(personId: $personId, venueId: $venueId, wanted: $wanted, idempotencyKey: $idempotencyKey) {{
    series {{ {_SERIES} }} {_ERRORS}
  }}
}}"""
SERIES_PREVIEW_AT_DESK = f"""
query ($personId: ID!, $venueId: ID!, $wanted: SeriesInput!) {{
  seriesPreviewAtDesk(personId: $personId, venueId: $venueId, wanted: $wanted) {{ {_PREVIEW} }}
}}"""
SERIES_AT_DESK = f"""
query ($personId: ID!, $venueId: ID!) {{ seriesAtDesk(personId: $personId, venueId: $venueId) {{ {_SERIES} }} }}"""
END_SERIES_AT_DESK = f"""
mutation ($personId: ID!, $venueId: ID!, $seriesId: ID!) {{
  endSeriesAtDesk(personId: $personId, venueId: $venueId, seriesId: $seriesId) {{ series {{ {_SERIES} }} {_ERRORS} }}
}}"""
MY_GROUP_REQUESTS = f"query {{ myGroupRequests {{ {_REQUEST} }} }}"
GROUP_REQUESTS = f"""
query ($venueId: ID!, $state: GroupRequestState! = WAITING) {{
  groupRequests(venueId: $venueId, state: $state) {{ {_REQUEST} }}
}}"""
ASK_FOR_GROUP_BOOKING = f"""
mutation ($lines: [OrderLineInput!]!, $people: Int!, $purpose: String!, $idempotencyKey: String!, $organisationId: ID) {{
  askForGroupBooking(lines: $lines, people: $people, purpose: $purpose, idempotencyKey: $idempotencyKey,
                     organisationId: $organisationId) {{ request {{ {_REQUEST} }} {_ERRORS} }}
}}"""
WITHDRAW_GROUP_REQUEST = f"""
mutation ($requestId: ID!) {{ withdrawGroupRequest(requestId: $requestId) {{ request {{ {_REQUEST} }} {_ERRORS} }} }}"""
DECIDE_GROUP_REQUEST = f"""
mutation ($requestId: ID!, $approve: Boolean!, $note: String! = "") {{
  decideGroupRequest(requestId: $requestId, approve: $approve, note: $note) {{ request {{ {_REQUEST} }} {_ERRORS} }}
}}"""

ALL = (
    *(SERIES_PREVIEW, MY_SERIES, ASK_FOR_SERIES, END_SERIES, ASK_FOR_SERIES_AT_DESK),
    *(SERIES_PREVIEW_AT_DESK, SERIES_AT_DESK, END_SERIES_AT_DESK),
    *(MY_GROUP_REQUESTS, GROUP_REQUESTS, ASK_FOR_GROUP_BOOKING, WITHDRAW_GROUP_REQUEST, DECIDE_GROUP_REQUEST),
)
