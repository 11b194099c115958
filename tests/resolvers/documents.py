"""Every operation of the public door, one document for each root field, as the mini-program would ask."""

SIGN_IN = """
mutation ($code: String!, $deviceId: String!) {
  signInWithMiniProgram(code: $code, deviceId: $deviceId) {
    signIn { accessToken accessExpiresAt refreshToken refreshExpiresAt memberId }
    userErrors { code message field }
  }
}"""
REFRESH_SIGN_IN = """
mutation ($refreshToken: String!, $deviceId: String!) {
  refreshSignIn(refreshToken: $refreshToken, deviceId: $deviceId) {
    signIn { accessToken refreshToken memberId }
    userErrors { code message field }
  }
}"""
SIGN_OUT = "mutation { signOut { signedOut userErrors { code message field } } }"
BIND_PHONE = """
mutation ($code: String!) { bindPhone(code: $code) { me { id maskedPhone } userErrors { code message field } } }"""
ME = "{ me { id maskedPhone } }"

_VENUE = """
  id name address venueType regionName coordinate { lon lat system } coordinateQuality phone grade isOpen
  sports { code name } priceFrom priceIsDemonstration openingToday { opens closes }
  occupancy { inside countedAt ageSeconds }"""
VENUES_NEAR = f"""
query ($point: PointInput!, $radiusM: Int! = 5000, $sport: String, $openAt: DateTime, $first: Int! = 20,
       $after: String, $coordinateSystem: CoordinateSystem! = GCJ02) {{
  venuesNear(point: $point, radiusM: $radiusM, sport: $sport, openAt: $openAt, first: $first, after: $after,
             coordinateSystem: $coordinateSystem) {{
    edges {{ cursor distanceM node {{ {_VENUE} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
VENUE = f"""
query ($id: ID!, $coordinateSystem: CoordinateSystem! = GCJ02) {{
  venue(id: $id, coordinateSystem: $coordinateSystem) {{ {_VENUE} }}
}}"""
SLOTS = """
query ($venueId: ID!, $date: Date!, $sport: String) {
  slots(venueId: $venueId, date: $date, sport: $sport) {
    courtId courtName maxPeople
    slots { startsAt endsAt status price priceKind priceLabel priceIsDemonstration }
  }
}"""
REGIONS = """
query ($onDay: Date, $parentKey: String) {
  regions(onDay: $onDay, parentKey: $parentKey) { key code name level parentKey }
}"""
SPORTS = "{ sports { code name } }"

_ORDER = """
  orderNo status venueId venueName total paid refunded placedAt holdExpiresAt paidAt closedAt closeReason
  lines { lineNo title courtId courtName startsAt endsAt people price priceLabel }
  admissions { id seat title opensAt startsAt endsAt isInside firstEnteredAt isRevoked }
  refunds { refundNo amount reason explanation status finishedAt }"""
ORDER = f"query ($orderNo: String!) {{ order(orderNo: $orderNo) {{ {_ORDER} }} }}"
ORDERS = f"""
query ($first: Int! = 20, $after: String) {{
  orders(first: $first, after: $after) {{
    edges {{ cursor node {{ {_ORDER} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
PLACE_ORDER = f"""
mutation ($idempotencyKey: String!, $lines: [OrderLineInput!]!) {{
  placeOrder(idempotencyKey: $idempotencyKey, lines: $lines) {{
    order {{ {_ORDER} }}
    userErrors {{ code message field }}
  }}
}}"""
PAY_ORDER = """
mutation ($orderNo: String!) {
  payOrder(orderNo: $orderNo, channel: WECHAT_PAY) {
    wechatPay { appId timeStamp nonceStr package signType paySign }
    userErrors { code message field }
  }
}"""
CANCEL_ORDER = f"""
mutation ($orderNo: String!) {{
  cancelOrder(orderNo: $orderNo) {{ order {{ {_ORDER} }} userErrors {{ code message field }} }}
}}"""
ADMISSION_CODES = """
query ($admissionId: ID!) {
  admissionCodes(admissionId: $admissionId) {
    serverNow stepSeconds codes { validFrom code } printedCode printedSvg printedPng
  }
}"""
ADMISSION_PICTURES = (
    "query ($admissionId: ID!) { admissionCodes(admissionId: $admissionId) { codes { code svg png } } }"
)

STAFF_SIGN_IN = """
mutation ($username: String!, $password: String!, $deviceId: String!) {
  staffSignIn(username: $username, password: $password, deviceId: $deviceId) {
    staffSignIn { token displayName venues { id name } }
    userErrors { code message field }
  }
}"""
STAFF_SIGN_OUT = "mutation { staffSignOut { signedOut userErrors { code message field } } }"
REDEEM = """
mutation ($code: String!, $venueId: ID!, $checkpoint: String!, $nonce: String!, $direction: PassDirection! = ENTRY,
          $idChecked: Boolean! = false) {
  redeem(code: $code, venueId: $venueId, checkpoint: $checkpoint, nonce: $nonce, direction: $direction,
         idChecked: $idChecked) {
    verdict { outcome passed colour headline detail nextStep court startsAt endsAt }
    userErrors { code message field }
  }
}"""

ALL = tuple(text for name, text in dict(vars()).items() if name.isupper() and not name.startswith("_"))
