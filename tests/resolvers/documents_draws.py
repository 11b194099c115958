"""Draws, with every field of their types."""

_DRAW = """id venueId venueName sport day courtIds fromMinute untilMinute opensAt closesAt state commitment entries record"""
_ENTRY = "ticket drawId wishes { courtId startsAt } people state place orderNo enteredAt"
DRAW = f"query ($id: ID!) {{ draw(id: $id) {{ {_DRAW} }} }}"
DRAWS = f"query ($venueId: ID!) {{ draws(venueId: $venueId) {{ {_DRAW} }} }}"
MY_DRAW_ENTRY = f"""
query ($drawId: ID!, $forMember: ID) {{ myDrawEntry(drawId: $drawId, forMember: $forMember) {{ {_ENTRY} }} }}"""
SCHEDULE_DRAW = f"""
mutation ($wanted: DrawInput!) {{
  scheduleDraw(wanted: $wanted) {{ draw {{ {_DRAW} }} userErrors {{ code message field }} }}
}}"""
ENTER_DRAW = f"""
mutation ($drawId: ID!, $wishes: [DrawWishInput!]!, $idempotencyKey: String!, $people: Int! = 1, $forMember: ID) {{
  enterDraw(drawId: $drawId, wishes: $wishes, idempotencyKey: $idempotencyKey, people: $people, forMember: $forMember) {{
    entry {{ {_ENTRY} }} userErrors {{ code message field }}
  }}
}}"""

ALL = (DRAW, DRAWS, MY_DRAW_ENTRY, SCHEDULE_DRAW, ENTER_DRAW)
