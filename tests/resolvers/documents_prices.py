"""Prices that explain themselves, with every field of their types."""

PARTS = "priceExplanation { kind text amount isDemonstration }"
ORDER_QUOTE = f"""
query ($lines: [OrderLineInput!]!, $forMember: ID) {{
  orderQuote(lines: $lines, forMember: $forMember) {{
    total generalTotal
    lines {{ title startsAt endsAt people price generalPrice priceLabel concessionKind {PARTS} }}
  }}
}}"""
VENUE_REPORT = """
query ($venueId: ID!) {
  venueReport(venueId: $venueId) {
    venueId venueName asOf tariffVersion source warnings
    findings { rule asks verdict figure text }
  }
}"""

ALL = (ORDER_QUOTE, VENUE_REPORT)
