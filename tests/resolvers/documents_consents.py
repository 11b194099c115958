"""One document for each root field of consents, asking for every field."""

_TEXT = "purpose version title effectiveOn isDraft paragraphs withdrawal"
_CONSENT = f"text {{ {_TEXT} }} isGiven isNeededAgain saidNo isAskedNow version givenAt atDesk byGuardian"
CONSENT_TEXTS = f"{{ consentTexts {{ {_TEXT} }} }}"
MY_CONSENTS = f"query ($forMember: ID) {{ myConsents(forMember: $forMember) {{ {_CONSENT} }} }}"
GIVE_CONSENT = f"""
mutation ($purpose: ConsentPurpose!, $version: String!, $forMember: ID) {{
  giveConsent(purpose: $purpose, version: $version, forMember: $forMember) {{
    consents {{ {_CONSENT} }} userErrors {{ code message field }}
  }}
}}"""
WITHDRAW_CONSENT = f"""
mutation ($purpose: ConsentPurpose!, $forMember: ID) {{
  withdrawConsent(purpose: $purpose, forMember: $forMember) {{
    consents {{ {_CONSENT} }} userErrors {{ code message field }}
  }}
}}"""
ALL = (CONSENT_TEXTS, MY_CONSENTS, GIVE_CONSENT, WITHDRAW_CONSENT)
