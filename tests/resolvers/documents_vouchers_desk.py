"""Vouchers at a desk: one document for each root field, as our clients would ask."""

_ERRORS = "userErrors { code message field }"
_VERDICT = f"""verdict {{
    outcome colour headline detail nextStep useNo bill off rest restWay waitsUntil
  }} {_ERRORS}"""
_PRINTED = "id campaignTitle kindTitle face minimumSpend validFrom validUntil printedCode printedSvg"

VOUCHER_CODES = """
query ($voucherId: ID!, $forMember: ID) {
  voucherCodes(voucherId: $voucherId, forMember: $forMember) {
    serverNow stepSeconds printedCode printedSvg codes { validFrom code }
  }
}"""
BILLS_TO_CONFIRM = """
query ($forMember: ID) {
  billsToConfirm(forMember: $forMember) { useNo voucherId venueName bill off askedAt confirmUntil isHeld }
}"""
CONFIRM_BILL = f"""
mutation ($useNo: String!, $agrees: Boolean! = true, $forMember: ID) {{
  confirmBill(useNo: $useNo, agrees: $agrees, forMember: $forMember) {{ state {_ERRORS} }}
}}"""
REDEEM_VOUCHER = f"""
mutation ($code: String!, $venueId: ID!, $bill: Fen!, $nonce: String!, $sport: String,
          $restWay: BillRestWay! = CASH, $idChecked: Boolean! = false, $receiptNo: String) {{
  redeemVoucher(code: $code, venueId: $venueId, bill: $bill, nonce: $nonce, sport: $sport, restWay: $restWay,
                idChecked: $idChecked, receiptNo: $receiptNo) {{ {_VERDICT} }}
}}"""
BILL_AT_DESK = """
query ($useNo: String!) {
  billAtDesk(useNo: $useNo) {
    outcome colour headline detail nextStep useNo bill off rest restWay waitsUntil
  }
}"""
HOLD_BILL = f"""
mutation ($useNo: String!, $receiptNo: String! = "XP-0001") {{
  holdBill(useNo: $useNo, receiptNo: $receiptNo) {{ {_VERDICT} }}
}}"""
CALL_OFF_BILL = f"mutation ($useNo: String!) {{ callOffBill(useNo: $useNo) {{ {_VERDICT} }} }}"
UNDOABLE_USES = """
query ($venueId: ID!) { undoableUses(venueId: $venueId) { useNo bill used usedAt redeemedBy } }"""
UNDO_REDEMPTION = f"""
mutation ($useNo: String!, $reason: String! = "扫错了人") {{
  undoRedemption(useNo: $useNo, reason: $reason) {{ {_VERDICT} }}
}}"""
HELD_USES = """
query ($venueId: ID!) {
  heldUses(venueId: $venueId) {
    useNo venueId venueName bill used receiptNo idChecked usedAt deniedAt redeemedBy
  }
}"""
DECIDE_HELD_USE = f"""
mutation ($useNo: String!, $isGenuine: Boolean!, $note: String! = "小票与账单一致") {{
  decideHeldUse(useNo: $useNo, isGenuine: $isGenuine, note: $note) {{ {_VERDICT} }}
}}"""
DESK_VOUCHERS = f"""
query ($personId: ID!, $venueId: ID!) {{
  deskVouchers(personId: $personId, venueId: $venueId) {{ {_PRINTED} }}
}}"""
HAND_OUT_VOUCHER = f"""
mutation ($personId: ID!, $campaignId: ID!, $venueId: ID!, $idempotencyKey: String!, $kindId: ID) {{
  handOutVoucher(personId: $personId, campaignId: $campaignId, venueId: $venueId, idempotencyKey: $idempotencyKey,
                 kindId: $kindId) {{ voucher {{ {_PRINTED} }} {_ERRORS} }}
}}"""
ALL = tuple(text for name, text in dict(vars()).items() if name.isupper() and not name.startswith("_"))
