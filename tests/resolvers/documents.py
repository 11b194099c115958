"""Every operation of the public door, one document for each root field, as the mini-program would ask.

Of the later topics each has a file of its own beside this one (`documents_people.py`); `ALL` joins them.
"""

from tests.resolvers import (
    documents_arrangements,
    documents_attendance,
    documents_audit,
    documents_claiming,
    documents_closures,
    documents_consents,
    documents_doors,
    documents_draws,
    documents_editing,
    documents_feedback,
    documents_merging,
    documents_messages,
    documents_moving,
    documents_my_vouchers,
    documents_offline,
    documents_organisations,
    documents_people,
    documents_prices,
    documents_privacy,
    documents_risk,
    documents_sessions,
    documents_settlement,
    documents_splitting,
    documents_staff,
    documents_statistics,
    documents_voucher_campaigns,
    documents_vouchers_desk,
    documents_waiting,
)

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
ME = "{ me { id maskedPhone homeProvince } }"
SAY_HOME_PROVINCE = """
mutation ($provinceCode: String!) {
  sayHomeProvince(provinceCode: $provinceCode) { me { id homeProvince } userErrors { code message field } }
}"""

_VENUE = """
  id name address venueType regionName coordinate { lon lat system } coordinateQuality phone grade isOpen
  sports { code name } priceFrom priceIsDemonstration openingToday { opens closes }
  occupancy { inside countedAt ageSeconds isLive } jump { platformName appid path url isDemonstration }"""
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
query ($id: ID!, $coordinateSystem: CoordinateSystem! = GCJ02, $sport: String, $openAt: DateTime) {{
  venue(id: $id, coordinateSystem: $coordinateSystem, sport: $sport, openAt: $openAt) {{ {_VENUE} }}
}}"""
SLOTS = """
query ($venueId: ID!, $date: Date!, $sport: String) {
  slots(venueId: $venueId, date: $date, sport: $sport) {
    courtId courtName maxPeople
    slots { startsAt endsAt status price priceKind priceLabel priceIsDemonstration
      priceExplanation { kind text amount isDemonstration } }
  }
}"""
REGIONS = """
query ($onDay: Date, $parentKey: String) {
  regions(onDay: $onDay, parentKey: $parentKey) { key code name level parentKey }
}"""
SPORTS = "{ sports { code name } }"

_ORDER = """
  orderNo status venueId venueName organisationName total voucherPaid toPay paid refunded due placedAt holdExpiresAt paidAt closedAt
  closeReason vouchers { id title faceValue pays }
  lines { lineNo title kind courtId sessionId ticket courtName startsAt endsAt people price priceLabel cancelledAt comeBy attendance concession concessionKind
    priceExplanation { kind text amount isDemonstration } }
  admissions { id seat title opensAt startsAt endsAt isInside firstEnteredAt isRevoked }
  refunds { refundNo amount party reason explanation status finishedAt lines { lineNo amount kept explanation } }"""
ORDER = f"query ($orderNo: String!) {{ order(orderNo: $orderNo) {{ {_ORDER} }} }}"
ORDERS = f"""
query ($first: Int! = 20, $after: String) {{
  orders(first: $first, after: $after) {{
    edges {{ cursor node {{ {_ORDER} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
PLACE_ORDER = f"""
mutation ($idempotencyKey: String!, $lines: [OrderLineInput!]!, $voucherIds: [ID!]) {{
  placeOrder(idempotencyKey: $idempotencyKey, lines: $lines, voucherIds: $voucherIds) {{
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
PAY_ORDER_IN_A_WAY = """
mutation ($orderNo: String!, $channel: PaymentChannel!, $way: PaymentWay!, $returnUrl: String) {
  payOrder(orderNo: $orderNo, channel: $channel, way: $way, returnUrl: $returnUrl) {
    paymentNo url code { code svg png } wechatPay { package }
    userErrors { code message field }
  }
}"""
CANCEL_ORDER = f"""
mutation ($orderNo: String!, $lineNos: [Int!], $expectedRefund: Fen) {{
  cancelOrder(orderNo: $orderNo, lineNos: $lineNos, expectedRefund: $expectedRefund) {{
    order {{ {_ORDER} }}
    userErrors {{ code message field }}
  }}
}}"""
REFUND_QUOTE = """
query ($orderNo: String!, $lineNos: [Int!]) {
  refundQuote(orderNo: $orderNo, lineNos: $lineNos) {
    orderNo lines { lineNo price refund kept canCancel explanation } total wayBack vouchers
  }
}"""
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

_DESK_REFUND = "refundNo orderNo channel amount explanation status askedAt handedOutAt"
_SHIFT = """id venueId venueName openedAt openingFloat cashTaken cashHandedOut cardTaken cardHandedOut codeTaken closedAt
  expected counted difference note"""
_ERRORS = "userErrors { code message field }"
DESK_ORDER = f"""
query ($orderNo: String!) {{
  deskOrder(orderNo: $orderNo) {{
    orderNo status venueId venueName venueProvince memberProvince total toPay paid refunded holdExpiresAt paidAt paidBy closeReason
    lines {{ title courtName startsAt endsAt people price isCancelled }} refundsAtDesk {{ {_DESK_REFUND} }}
  }}
}}"""
SHIFT = f"query ($shiftId: ID) {{ shift(shiftId: $shiftId) {{ {_SHIFT} }} }}"
REFUNDS_AT_DESK = f"query ($venueId: ID!) {{ refundsAtDesk(venueId: $venueId) {{ {_DESK_REFUND} }} }}"
OPEN_SHIFT = f"""
mutation ($venueId: ID!, $openingFloat: Fen!) {{
  openShift(venueId: $venueId, openingFloat: $openingFloat) {{ shift {{ {_SHIFT} }} {_ERRORS} }}
}}"""
CLOSE_SHIFT = f"""
mutation ($shiftId: ID!, $counted: Fen!, $note: String! = "") {{
  closeShift(shiftId: $shiftId, counted: $counted, note: $note) {{ shift {{ {_SHIFT} }} {_ERRORS} }}
}}"""
PAY_AT_DESK = f"""
mutation ($orderNo: String!, $channel: PaymentChannel!, $amountGiven: Fen, $slipNo: String, $idempotencyKey: String!) {{
  payAtDesk(orderNo: $orderNo, channel: $channel, amountGiven: $amountGiven, slipNo: $slipNo,
            idempotencyKey: $idempotencyKey) {{
    receipt {{ paymentNo orderNo channel amount given change slipNo paidAt caution }} {_ERRORS}
  }}
}}"""
SHOW_PAYMENT_CODE = f"""
mutation ($orderNo: String!, $channel: PaymentChannel!) {{
  showPaymentCode(orderNo: $orderNo, channel: $channel) {{
    shown {{ paymentNo channel amount expiresAt code {{ code png svg }} }} {_ERRORS}
  }}
}}"""
_DESK_PAYMENT = f"payment {{ paymentNo orderNo channel amount standing message }} {_ERRORS}"
CHARGE_PAYER_CODE = f"""
mutation ($orderNo: String!, $payerCode: String!, $idempotencyKey: String!) {{
  chargePayerCode(orderNo: $orderNo, payerCode: $payerCode, idempotencyKey: $idempotencyKey) {{ {_DESK_PAYMENT} }}
}}"""
REFRESH_DESK_PAYMENT = (
    f"mutation ($paymentNo: String!) {{ refreshDeskPayment(paymentNo: $paymentNo) {{ {_DESK_PAYMENT} }} }}"
)
HAND_OUT_REFUND = f"""
mutation ($refundNo: String!, $slipNo: String, $idempotencyKey: String!) {{
  handOutRefund(refundNo: $refundNo, slipNo: $slipNo, idempotencyKey: $idempotencyKey) {{
    refund {{ {_DESK_REFUND} }} {_ERRORS}
  }}
}}"""

REFUNDS_TO_SETTLE = """
query ($venueId: ID!, $first: Int! = 20) {
  refundsToSettle(venueId: $venueId, first: $first) {
    refundNo orderNo channel amount explanation status askedAt record wayOut
  }
}"""
_REFUNDS = f"""
    refunds {{ refundNo amount party reason explanation status finishedAt lines {{ lineNo amount kept explanation }} }}
    {_ERRORS}"""
CANCEL_FOR_VENUE = f"""
mutation ($orderNo: String!, $reason: String!, $idempotencyKey: String!, $lineNos: [Int!]) {{
  cancelForVenue(orderNo: $orderNo, reason: $reason, idempotencyKey: $idempotencyKey, lineNos: $lineNos) {{ {_REFUNDS} }}
}}"""
GIVE_BACK = f"""
mutation ($orderNo: String!, $amount: Fen!, $note: String!, $idempotencyKey: String!) {{
  giveBack(orderNo: $orderNo, amount: $amount, note: $note, idempotencyKey: $idempotencyKey) {{ {_REFUNDS} }}
}}"""
REDIRECT_REFUND = f"""
mutation ($refundNo: String!, $note: String!, $card: BankCardInput, $toMerchant: Boolean! = false) {{
  redirectRefund(refundNo: $refundNo, note: $note, card: $card, toMerchant: $toMerchant) {{ {_REFUNDS} }}
}}"""
REFUND_AGAIN = f"""
mutation ($refundNo: String!, $note: String!) {{ refundAgain(refundNo: $refundNo, note: $note) {{ {_REFUNDS} }} }}"""

_DISCREPANCY = """
  id channel day kind about aboutNo channelTradeNo venueId venueName ours theirs oursStatus theirsStatus status
  explanation nextStep foundAt acts { outcome outcomeText by note actedAt }"""
DISCREPANCIES = f"""
query ($venueId: ID, $status: DiscrepancyStatus, $first: Int! = 20, $after: String) {{
  discrepancies(venueId: $venueId, status: $status, first: $first, after: $after) {{
    edges {{ cursor node {{ {_DISCREPANCY} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
STATEMENTS = """
query ($channel: PaymentChannel, $first: Int! = 20, $after: String) {
  statements(channel: $channel, first: $first, after: $after) {
    edges { cursor node {
      channel day status digest entries paid refunded fee attempts nextAttemptAt lastProblem matchedAt openDiscrepancies
      sides { venueProvince memberProvince paid refunded }
    } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
RESOLVE_DISCREPANCY = f"""
mutation ($discrepancyId: ID!, $outcome: DiscrepancyOutcome!, $note: String!) {{
  resolveDiscrepancy(discrepancyId: $discrepancyId, outcome: $outcome, note: $note) {{
    discrepancy {{ {_DISCREPANCY} }} userErrors {{ code message field }}
  }}
}}"""
ALL = (
    *(text for name, text in dict(vars()).items() if name.isupper() and not name.startswith("_")),
    *documents_arrangements.ALL,
    *documents_attendance.ALL,
    *documents_audit.ALL,
    *documents_claiming.ALL,
    *documents_consents.ALL,
    *documents_doors.ALL,
    *documents_editing.ALL,
    *documents_feedback.ALL,
    *documents_merging.ALL,
    *documents_messages.ALL,
    *documents_moving.ALL,
    *documents_splitting.ALL,
    *documents_my_vouchers.ALL,
    *documents_closures.ALL,
    *documents_waiting.ALL,
    *documents_draws.ALL,
    *documents_organisations.ALL,
    *documents_people.ALL,
    *documents_prices.ALL,
    *documents_privacy.ALL,
    *documents_sessions.ALL,
    *documents_risk.ALL,
    *documents_settlement.ALL,
    *documents_staff.ALL,
    *documents_voucher_campaigns.ALL,
    *documents_statistics.ALL,
    *documents_vouchers_desk.ALL,
    *documents_offline.ALL,
)
