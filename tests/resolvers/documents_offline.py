"""Desks that are offline: one document for each root field, as our clients would ask."""

_ERRORS = "userErrors { code message field }"

VOUCHER_PASS = f"""
mutation ($voucherId: ID!, $forMember: ID) {{
  voucherPass(voucherId: $voucherId, forMember: $forMember) {{
    voucherPass {{ digits validUntil serverNow svg }} {_ERRORS}
  }}
}}"""
ENROL_OFFLINE_DESK = f"""
mutation ($venueId: ID!, $name: String! = "前台平板", $publicKey: String!, $most: Fen! = 20000, $mostCount: Int! = 5) {{
  enrolOfflineDesk(venueId: $venueId, name: $name, publicKey: $publicKey, most: $most, mostCount: $mostCount) {{
    deskId kitKeys {{ id point }} {_ERRORS}
  }}
}}"""
END_OFFLINE_DESK = f"mutation ($deskId: ID!) {{ endOfflineDesk(deskId: $deskId) {{ endedAt {_ERRORS} }} }}"
OFFLINE_DESKS = """
query ($venueId: ID!) {
  offlineDesks(venueId: $venueId) {
    id name publicKey most mostCount enrolledAt enrolledBy endedAt lastNumber missing forks
  }
}"""
OFFLINE_KIT = f"""
mutation ($deskId: ID!) {{ offlineKit(deskId: $deskId) {{ kit {{ id body signature keyId }} {_ERRORS} }} }}"""
UPLOAD_OFFLINE_QUEUE = f"""
mutation ($deskId: ID!, $entries: [OfflineEntryInput!]!) {{
  uploadOfflineQueue(deskId: $deskId, entries: $entries) {{
    answers {{ number outcome message nextStep kept useNo admissionId }} {_ERRORS}
  }}
}}"""
OFFLINE_CONFLICTS = """
query ($onlyHeld: Boolean! = false) {
  offlineConflicts(onlyHeld: $onlyHeld) {
    id state reason venueId venueName deskId deskName number campaignId orderNo booked amount useNo winnerUseNo winnerVenueName
    acceptedAt foundAt decidedAt decisionNote
  }
}"""
DECIDE_OFFLINE_CONFLICT = f"""
mutation ($conflictId: ID!, $pays: Boolean!, $note: String! = "备用金已补充") {{
  decideOfflineConflict(conflictId: $conflictId, pays: $pays, note: $note) {{ state {_ERRORS} }}
}}"""
ALL = tuple(text for name, text in dict(vars()).items() if name.isupper() and not name.startswith("_"))
