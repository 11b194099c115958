"""Complaints and ratings, asking for every field of their types."""

COMPLAINT_FIELDS = """
  complaintNo kind status level liesWith venueId venueName regionKey regionName orderNo receivedAt workingDays dueOn
  isDueCertain isLate escalatedAt answeredAt closedAt reopened mayReopen
  steps { number kind text by happenedAt }
"""
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
RATING_FIELDS = "id stars words ratedOn answer answeredOn"
ERRORS = "userErrors { code message field }"

MY_COMPLAINTS = f"""
query ($first: Int, $after: String, $forMember: ID) {{
  myComplaints(first: $first, after: $after, forMember: $forMember) {{
    edges {{ cursor node {{ {COMPLAINT_FIELDS} }} }} {PAGE}
  }}
}}
"""
COMPLAINT = f"""
query ($complaintNo: String!, $forMember: ID) {{
  complaint(complaintNo: $complaintNo, forMember: $forMember) {{ {COMPLAINT_FIELDS} }}
}}
"""
COMPLAINTS_TO_ANSWER = f"""
query ($first: Int, $after: String, $onlyLate: Boolean, $onlyMine: Boolean) {{
  complaintsToAnswer(first: $first, after: $after, onlyLate: $onlyLate, onlyMine: $onlyMine) {{
    edges {{ cursor node {{ {COMPLAINT_FIELDS} }} }} {PAGE}
  }}
}}
"""
COMPLAINT_TO_ANSWER = f"""
query ($complaintNo: String!) {{ complaintToAnswer(complaintNo: $complaintNo) {{ {COMPLAINT_FIELDS} }} }}
"""
VENUE_RATINGS = f"""
query ($venueId: ID!, $first: Int, $after: String) {{
  venueRatings(venueId: $venueId, first: $first, after: $after) {{
    count averageStars edges {{ cursor node {{ {RATING_FIELDS} }} }} {PAGE}
  }}
}}
"""
MY_RATINGS = f"""
query ($first: Int, $after: String, $forMember: ID) {{
  myRatings(first: $first, after: $after, forMember: $forMember) {{
    edges {{ cursor node {{ admissionId venueId venueName hiddenReason rating {{ {RATING_FIELDS} }} }} }} {PAGE}
  }}
}}
"""
FILE_COMPLAINT = f"""
mutation (
  $idempotencyKey: String!, $kind: ComplaintKind!, $text: String!, $venueId: ID, $regionKey: String, $orderNo: String
  $forMember: ID
) {{
  fileComplaint(
    idempotencyKey: $idempotencyKey, kind: $kind, text: $text, venueId: $venueId, regionKey: $regionKey
    orderNo: $orderNo, forMember: $forMember
  ) {{ complaint {{ {COMPLAINT_FIELDS} }} {ERRORS} }}
}}
"""
REOPEN_COMPLAINT = f"""
mutation ($idempotencyKey: String!, $complaintNo: String!, $text: String!, $forMember: ID) {{
  reopenComplaint(
    idempotencyKey: $idempotencyKey, complaintNo: $complaintNo, text: $text, forMember: $forMember
  ) {{ complaint {{ {COMPLAINT_FIELDS} }} {ERRORS} }}
}}
"""
CLOSE_COMPLAINT = f"""
mutation ($complaintNo: String!, $forMember: ID) {{
  closeComplaint(complaintNo: $complaintNo, forMember: $forMember) {{ complaint {{ {COMPLAINT_FIELDS} }} {ERRORS} }}
}}
"""
ANSWER_COMPLAINT = f"""
mutation ($idempotencyKey: String!, $complaintNo: String!, $text: String!) {{
  answerComplaint(idempotencyKey: $idempotencyKey, complaintNo: $complaintNo, text: $text) {{
    complaint {{ {COMPLAINT_FIELDS} }} {ERRORS}
  }}
}}
"""
ROUTE_COMPLAINT = f"""
mutation ($complaintNo: String!, $venueId: ID, $regionKey: String) {{
  routeComplaint(complaintNo: $complaintNo, venueId: $venueId, regionKey: $regionKey) {{ routed {ERRORS} }}
}}
"""
RATE_ADMISSION = f"""
mutation ($admissionId: ID!, $stars: Int!, $words: String, $forMember: ID) {{
  rateAdmission(admissionId: $admissionId, stars: $stars, words: $words, forMember: $forMember) {{
    rating {{ {RATING_FIELDS} }} {ERRORS}
  }}
}}
"""
ANSWER_RATING = f"""
mutation ($ratingId: ID!, $text: String!) {{
  answerRating(ratingId: $ratingId, text: $text) {{ rating {{ {RATING_FIELDS} }} {ERRORS} }}
}}
"""
HIDE_RATING = f"""
mutation ($ratingId: ID!, $reason: String!) {{
  hideRating(ratingId: $ratingId, reason: $reason) {{ rating {{ {RATING_FIELDS} }} {ERRORS} }}
}}
"""

ALL = (
    MY_COMPLAINTS,
    COMPLAINT,
    COMPLAINTS_TO_ANSWER,
    COMPLAINT_TO_ANSWER,
    VENUE_RATINGS,
    MY_RATINGS,
    FILE_COMPLAINT,
    REOPEN_COMPLAINT,
    CLOSE_COMPLAINT,
    ANSWER_COMPLAINT,
    ROUTE_COMPLAINT,
    RATE_ADMISSION,
    ANSWER_RATING,
    HIDE_RATING,
)
