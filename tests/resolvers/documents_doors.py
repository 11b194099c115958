"""One document for each root field by which people come in, see where they are in, and join another door."""

_SIGN_IN = """
    signIn {
      accessToken accessExpiresAt refreshToken refreshExpiresAt memberId
      consentsToAsk { purpose version title effectiveOn isDraft paragraphs withdrawal }
    }
    userErrors { code message field }"""
_ME = """
    me { id maskedPhone origin doors }
    userErrors { code message field }"""
ME_WITH_DOORS = "{ me { id maskedPhone origin doors } }"
OFFICIAL_ACCOUNT_SIGN_IN_URL = """
mutation ($returnTo: String!, $deviceId: String!, $userinfo: Boolean! = false) {
  officialAccountSignInUrl(returnTo: $returnTo, deviceId: $deviceId, userinfo: $userinfo) {
    url state userErrors { code message field }
  }
}"""
SIGN_IN_WITH_OFFICIAL_ACCOUNT = f"""
mutation ($code: String!, $state: String!, $deviceId: String!) {{
  signInWithOfficialAccount(code: $code, state: $state, deviceId: $deviceId) {{ {_SIGN_IN} }}
}}"""
SIGN_IN_WITH_ALIPAY = f"""
mutation ($authCode: String!, $deviceId: String!) {{
  signInWithAlipay(authCode: $authCode, deviceId: $deviceId) {{ {_SIGN_IN} }}
}}"""
REQUEST_SMS_CODE = """
mutation ($phone: String!, $purpose: SmsCodePurpose!, $deviceId: String!) {
  requestSmsCode(phone: $phone, purpose: $purpose, deviceId: $deviceId) {
    expiresAt againAt userErrors { code message field }
  }
}"""
SIGN_IN_WITH_PHONE = f"""
mutation ($phone: String!, $code: String!, $deviceId: String!, $newHolder: Boolean! = false) {{
  signInWithPhone(phone: $phone, code: $code, deviceId: $deviceId, newHolder: $newHolder) {{ {_SIGN_IN} }}
}}"""
BIND_PHONE_BY_SMS = f"""
mutation ($phone: String!, $code: String!, $ifBoundElsewhere: IfBoundElsewhere! = REFUSE) {{
  bindPhoneBySms(phone: $phone, code: $code, ifBoundElsewhere: $ifBoundElsewhere) {{ {_ME} }}
}}"""
LINK_OFFICIAL_ACCOUNT = f"""
mutation ($code: String!, $state: String!) {{ linkOfficialAccount(code: $code, state: $state) {{ {_ME} }} }}"""
LINK_ALIPAY = f"mutation ($authCode: String!) {{ linkAlipay(authCode: $authCode) {{ {_ME} }} }}"
MY_SIGN_INS = "{ mySignIns { id door deviceId startedAt refreshedAt isCurrent } }"
END_SIGN_IN = """
mutation ($signInId: ID!) { endSignIn(signInId: $signInId) { ended userErrors { code message field } } }"""
END_OTHER_SIGN_INS = "mutation { endOtherSignIns { endedCount userErrors { code message field } } }"

ALL = (
    ME_WITH_DOORS,
    OFFICIAL_ACCOUNT_SIGN_IN_URL,
    SIGN_IN_WITH_OFFICIAL_ACCOUNT,
    SIGN_IN_WITH_ALIPAY,
    REQUEST_SMS_CODE,
    SIGN_IN_WITH_PHONE,
    BIND_PHONE_BY_SMS,
    LINK_OFFICIAL_ACCOUNT,
    LINK_ALIPAY,
    MY_SIGN_INS,
    END_SIGN_IN,
    END_OTHER_SIGN_INS,
)
