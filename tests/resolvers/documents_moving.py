"""Moving a booking, with every field of its types."""

_QUOTE = "price refund kept difference explanation wayBack payUntil"
MOVE_QUOTE = f"""
query ($orderNo: String!, $lineNo: Int!, $to: OrderLineInput!, $forMember: ID) {{
  moveQuote(orderNo: $orderNo, lineNo: $lineNo, to: $to, forMember: $forMember) {{ {_QUOTE} }}
}}"""
MOVE_BOOKING = """
mutation (
  $idempotencyKey: String!, $orderNo: String!, $lineNo: Int!, $to: OrderLineInput!, $expectedRefund: Fen, $forMember: ID
) {
  moveBooking(
    idempotencyKey: $idempotencyKey, orderNo: $orderNo, lineNo: $lineNo, to: $to
    expectedRefund: $expectedRefund, forMember: $forMember
  ) { order { orderNo status toPay holdExpiresAt } userErrors { code message field } }
}"""

ALL = (MOVE_QUOTE, MOVE_BOOKING)
