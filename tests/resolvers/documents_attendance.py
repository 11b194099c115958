"""One document for each root field of rules, coming in time and pauses, asking for every field."""

_PAUSE = """
  id venueId venueName noShows missed startsAt endsAt freedAt isOver appealedAt appealWords decidedAt isGranted answer"""
BOOKING_RULES = """
query ($venueId: ID!, $sport: String!, $date: Date) {
  bookingRules(venueId: $venueId, sport: $sport, date: $date) { kind sentence figure isDemonstration }
}"""
MY_BOOKING_PAUSES = f"{{ myBookingPauses {{ {_PAUSE} }} }}"
PAUSE_APPEALS = f"query ($venueId: ID) {{ pauseAppeals(venueId: $venueId) {{ {_PAUSE} }} }}"
CHECK_IN = """
mutation ($orderNo: String!, $lineNo: Int!, $place: PointInput!, $forMember: ID) {
  checkIn(orderNo: $orderNo, lineNo: $lineNo, place: $place, forMember: $forMember) {
    attendance userErrors { code message field }
  }
}"""
CHECK_IN_AT_DESK = """
mutation ($orderNo: String!, $lineNo: Int!) {
  checkInAtDesk(orderNo: $orderNo, lineNo: $lineNo) { attendance userErrors { code message field } }
}"""
APPEAL_PAUSE = f"""
mutation ($pauseId: ID!, $words: String!) {{
  appealPause(pauseId: $pauseId, words: $words) {{ pause {{ {_PAUSE} }} userErrors {{ code message field }} }}
}}"""
DECIDE_APPEAL = f"""
mutation ($pauseId: ID!, $grant: Boolean!, $answer: String!) {{
  decideAppeal(pauseId: $pauseId, grant: $grant, answer: $answer) {{
    pause {{ {_PAUSE} }} userErrors {{ code message field }}
  }}
}}"""
ALL = (
    *(BOOKING_RULES, MY_BOOKING_PAUSES, PAUSE_APPEALS, CHECK_IN, CHECK_IN_AT_DESK, APPEAL_PAUSE, DECIDE_APPEAL),
)
