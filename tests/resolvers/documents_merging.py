"""One document for each root field of merging, asking for every field."""

_MERGE = "id mergedAt undoUntil undoneAt isUndoable"
MY_MERGES = f"{{ myMerges {{ {_MERGE} }} }}"
MERGE_CODE = "mutation { mergeCode { code expiresAt userErrors { code message field } } }"
MERGE_PREVIEW = """
mutation ($code: String!) {
  mergePreview(code: $code) {
    preview {
      maskedPhone phoneMoves orders admissionsAhead wards helpers organisations doors bringsRealName
    }
    userErrors { code message field }
  }
}"""
MERGE_MEMBERS = f"""
mutation ($code: String!) {{
  mergeMembers(code: $code) {{ merges {{ {_MERGE} }} userErrors {{ code message field }} }}
}}"""
UNDO_MERGE = f"""
mutation ($mergeId: ID!) {{
  undoMerge(mergeId: $mergeId) {{ merges {{ {_MERGE} }} userErrors {{ code message field }} }}
}}"""
ALL = (MY_MERGES, MERGE_CODE, MERGE_PREVIEW, MERGE_MEMBERS, UNDO_MERGE)
