"""One document for each root field of privacy, asking for every field."""

_DELETION = """id askedAt dueAt coolingOffDays erased kept { what basis } inTheWay { code message field }"""
MY_DELETION = f"query ($forMember: ID) {{ myDeletion(forMember: $forMember) {{ {_DELETION} }} }}"
EXPORT_MY_DATA = """
mutation ($forMember: ID) {
  exportMyData(forMember: $forMember) { url expiresAt userErrors { code message field } }
}"""
REQUEST_DELETION = f"""
mutation ($forMember: ID) {{
  requestDeletion(forMember: $forMember) {{ deletion {{ {_DELETION} }} userErrors {{ code message field }} }}
}}"""
CANCEL_DELETION = f"""
mutation ($forMember: ID) {{
  cancelDeletion(forMember: $forMember) {{ deletion {{ {_DELETION} }} userErrors {{ code message field }} }}
}}"""
OPEN_SEALED_RECORD = """
mutation ($memberId: ID!, $reason: String!) {
  openSealedRecord(memberId: $memberId, reason: $reason) {
    person { memberId wholeName wholePhone doors basis sealedAt keepUntil } userErrors { code message field }
  }
}"""
ALL = (MY_DELETION, EXPORT_MY_DATA, REQUEST_DELETION, CANCEL_DELETION, OPEN_SEALED_RECORD)
