"""What is asked about closures."""

_CLOSURE = "id venueId sport courtId courtName startsAt endsAt kind reason announcedAt withdrawnAt"
CLOSURES = f"query ($venueId: ID!) {{ closures(venueId: $venueId) {{ {_CLOSURE} }} }}"
DRAW_CUTS = "draws { drawId day sport slotCount slots { courtId courtName startsAt } people sentence }"
PREVIEW_CLOSURE = f"""
query ($closure: ClosureInput!) {{
  previewClosure(closure: $closure) {{ orders lines people refund unpaidOrders keepsNotice notice {DRAW_CUTS} }}
}}"""
ANNOUNCE_CLOSURE = f"""
mutation ($idempotencyKey: String!, $closure: ClosureInput!) {{
  announceClosure(idempotencyKey: $idempotencyKey, closure: $closure) {{
    closure {{ {_CLOSURE} }} userErrors {{ code message field }}
  }}
}}"""
WITHDRAW_CLOSURE = f"""
mutation ($id: ID!, $why: String!) {{
  withdrawClosure(id: $id, why: $why) {{ closure {{ {_CLOSURE} }} userErrors {{ code message field }} }}
}}"""
TAKE_CLOSURE_REFUND = """
mutation ($orderNo: String!, $forMember: ID) {
  takeClosureRefund(orderNo: $orderNo, forMember: $forMember) {
    order { orderNo status } userErrors { code message field }
  }
}"""
ALL = (CLOSURES, PREVIEW_CLOSURE, ANNOUNCE_CLOSURE, WITHDRAW_CLOSURE, TAKE_CLOSURE_REFUND)
