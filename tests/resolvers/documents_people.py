"""Who one is, families, and serving people at a desk: one document for each root field, as our clients would ask."""

_ERRORS = "userErrors { code message field }"
_CONCESSIONS = "concessions { id kind endsOn }"
_REAL_NAME = f"maskedName level ageBand verifiedAt {_CONCESSIONS}"
MY_NAME = f"{{ myName {{ {_REAL_NAME} }} }}"
VERIFY_MY_NAME = f"""
mutation ($name: String!, $idNumber: String!, $consentVersion: String! = "2026.1") {{
  verifyMyName(name: $name, idNumber: $idNumber, consentVersion: $consentVersion) {{
    realName {{ {_REAL_NAME} }} {_ERRORS}
  }}
}}"""
UNBIND_MY_NAME = f"mutation {{ unbindMyName {{ unbound {_ERRORS} }} }}"

_GUARDIANSHIP = "id memberId maskedName relation since"
_HELP = "id memberId maskedName powers since"
_PEOPLE = f"""people {{
    wards {{ {_GUARDIANSHIP} }} helpers {{ {_HELP} }} principals {{ {_HELP} }}
    companions {{ id maskedName since }} invitations {{ id kind about powers expiresAt }}
  }}"""
_INVITATION = "invitation { id kind code expiresAt }"
MY_PEOPLE = _PEOPLE.replace("people", "{ myPeople", 1) + " }"
ADD_WARD = f"""
mutation ($name: String!, $idNumber: String!, $relation: GuardianRelation! = MOTHER,
          $consentVersion: String! = "2026.1", $idempotencyKey: String! = "one-child") {{
  addWard(name: $name, idNumber: $idNumber, relation: $relation, consentVersion: $consentVersion,
          idempotencyKey: $idempotencyKey) {{ {_PEOPLE} {_ERRORS} }}
}}"""
INVITE_GUARDIAN = f"""
mutation ($wardId: ID!, $relation: GuardianRelation! = FATHER) {{
  inviteGuardian(wardId: $wardId, relation: $relation) {{ {_INVITATION} {_ERRORS} }}
}}"""
END_GUARDIANSHIP = f"""
mutation ($guardianshipId: ID!) {{ endGuardianship(guardianshipId: $guardianshipId) {{ {_PEOPLE} {_ERRORS} }} }}"""
INVITE_HELPER = f"""
mutation ($powers: [HelperPower!]!, $phone: String) {{
  inviteHelper(powers: $powers, phone: $phone) {{ {_INVITATION} {_ERRORS} }}
}}"""
INVITE_COMPANION = f"mutation {{ inviteCompanion {{ {_INVITATION} {_ERRORS} }} }}"
ACCEPT_INVITATION = f"""
mutation ($code: String!) {{ acceptInvitation(code: $code) {{ kind {_PEOPLE} {_ERRORS} }} }}"""
DECLINE_INVITATION = f"mutation ($code: String!) {{ declineInvitation(code: $code) {{ declined {_ERRORS} }} }}"
WITHDRAW_INVITATION = f"""
mutation ($invitationId: ID!) {{ withdrawInvitation(invitationId: $invitationId) {{ {_PEOPLE} {_ERRORS} }} }}"""
END_PROXY = f"mutation ($proxyId: ID!) {{ endProxy(proxyId: $proxyId) {{ {_PEOPLE} {_ERRORS} }} }}"
END_COMPANIONSHIP = f"""
mutation ($companionshipId: ID!) {{
  endCompanionship(companionshipId: $companionshipId) {{ {_PEOPLE} {_ERRORS} }}
}}"""

_DESK_PERSON = f"""person {{
    personId maskedName level ageBand {_CONCESSIONS} unpaidOrderNos
    admissions {{ id orderNo title seat opensAt startsAt endsAt isInside printedCode }}
    ahead {{ orderNo titles startsAt endsAt }}
  }}"""
DESK_FIND_PERSON = f"""
mutation ($idNumber: String!, $venueId: ID!) {{
  deskFindPerson(idNumber: $idNumber, venueId: $venueId) {{ {_DESK_PERSON} {_ERRORS} }}
}}"""
DESK_VERIFY_PERSON = f"""
mutation ($name: String!, $idNumber: String!, $venueId: ID!, $consentVersion: String! = "2026.1",
          $idempotencyKey: String! = "one-visit") {{
  deskVerifyPerson(name: $name, idNumber: $idNumber, venueId: $venueId, consentVersion: $consentVersion,
                   idempotencyKey: $idempotencyKey) {{ {_DESK_PERSON} {_ERRORS} }}
}}"""
DESK_FREE_NUMBER = f"""
mutation ($personId: ID!, $venueId: ID!) {{
  deskFreeNumber(personId: $personId, venueId: $venueId) {{ freed {_ERRORS} }}
}}"""
DESK_JOIN_ACCOUNT = f"""
mutation ($personId: ID!, $code: String!, $venueId: ID!) {{
  deskJoinAccount(personId: $personId, code: $code, venueId: $venueId) {{ joined {_ERRORS} }}
}}"""
REFUND_QUOTE_AT_DESK = """
query ($personId: ID!, $orderNo: String!, $venueId: ID!) {
  refundQuoteAtDesk(personId: $personId, orderNo: $orderNo, venueId: $venueId) { orderNo total wayBack }
}"""
CANCEL_ORDER_AT_DESK = f"""
mutation ($personId: ID!, $orderNo: String!, $expectedRefund: Fen!, $venueId: ID!) {{
  cancelOrderAtDesk(personId: $personId, orderNo: $orderNo, expectedRefund: $expectedRefund, venueId: $venueId) {{
    cancelled {_ERRORS}
  }}
}}"""
GRANT_CONCESSION = f"""
mutation ($personId: ID!, $kind: ConcessionKind!, $endsOn: Date!, $venueId: ID!) {{
  grantConcession(personId: $personId, kind: $kind, endsOn: $endsOn, venueId: $venueId) {{
    {_DESK_PERSON} {_ERRORS}
  }}
}}"""
REVOKE_CONCESSION = f"""
mutation ($concessionId: ID!) {{ revokeConcession(concessionId: $concessionId) {{ revoked {_ERRORS} }} }}"""
DESK_INVITE_HELPER = f"""
mutation ($personId: ID!, $powers: [HelperPower!]!, $helperPhone: String!, $venueId: ID!,
          $consentVersion: String! = "2026.1", $idempotencyKey: String! = "") {{
  deskInviteHelper(personId: $personId, powers: $powers, helperPhone: $helperPhone, venueId: $venueId,
                   consentVersion: $consentVersion, idempotencyKey: $idempotencyKey) {{ {_INVITATION} {_ERRORS} }}
}}"""
DESK_WITHDRAW_CONSENT = f"""
mutation ($personId: ID!, $purpose: ConsentPurpose!, $venueId: ID!) {{
  deskWithdrawConsent(personId: $personId, purpose: $purpose, venueId: $venueId) {{ withdrawn {_ERRORS} }}
}}"""
PLACE_ORDER_AT_DESK = f"""
mutation ($personId: ID!, $lines: [OrderLineInput!]!, $venueId: ID!, $idempotencyKey: String!) {{
  placeOrderAtDesk(personId: $personId, lines: $lines, venueId: $venueId, idempotencyKey: $idempotencyKey) {{
    order {{
      orderNo status venueId venueName total paid refunded holdExpiresAt paidAt paidBy closeReason
      lines {{ title courtName startsAt endsAt people price isCancelled }}
      refundsAtDesk {{ refundNo orderNo channel amount explanation status askedAt handedOutAt }}
    }}
    {_ERRORS}
  }}
}}"""

# with forMember, which is an argument of what stands in documents.py

ORDER_FOR = """
query ($orderNo: String!, $forMember: ID) { order(orderNo: $orderNo, forMember: $forMember) { orderNo placedByHelper } }"""
ORDERS_FOR = """
query ($forMember: ID) { orders(forMember: $forMember) { edges { node { orderNo placedByHelper } } } }"""
PLACE_ORDER_FOR = f"""
mutation ($idempotencyKey: String!, $lines: [OrderLineInput!]!, $forMember: ID) {{
  placeOrder(idempotencyKey: $idempotencyKey, lines: $lines, forMember: $forMember) {{
    order {{ orderNo placedByHelper admissions {{ id }} }} {_ERRORS}
  }}
}}"""
CANCEL_ORDER_FOR = f"""
mutation ($orderNo: String!, $forMember: ID) {{
  cancelOrder(orderNo: $orderNo, forMember: $forMember) {{ order {{ status }} {_ERRORS} }}
}}"""
REFUND_QUOTE_FOR = """
query ($orderNo: String!, $forMember: ID) { refundQuote(orderNo: $orderNo, forMember: $forMember) { total } }"""
PAY_ORDER_FOR = f"""
mutation ($orderNo: String!, $forMember: ID) {{
  payOrder(orderNo: $orderNo, forMember: $forMember) {{ paymentNo wechatPay {{ package }} {_ERRORS} }}
}}"""
ADMISSION_CODES_FOR = """
query ($admissionId: ID!, $forMember: ID) {
  admissionCodes(admissionId: $admissionId, forMember: $forMember) { printedCode }
}"""

ALL = tuple(text for name, text in dict(vars()).items() if name.isupper() and not name.startswith("_"))
