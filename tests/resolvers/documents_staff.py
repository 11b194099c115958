"""One document for each root field of staff's accounts, roles, sign-ins and second factors."""

_SIGN_IN = """
    staffSignIn { token stage id displayName venues { id name } roles }
    userErrors { code message field }"""
_DONE = "{ done userErrors { code message field } }"
_FIRST_PASSWORD = "{ firstPassword { id username password } userErrors { code message field } }"
_SEEN = "{ id stage deviceId address startedAt lastSeenAt endedAt endReason isAlive isThis }"

STAFF_SIGN_IN = f"""
mutation ($username: String!, $password: String!, $deviceId: String!) {{
  staffSignIn(username: $username, password: $password, deviceId: $deviceId) {{ {_SIGN_IN} }}
}}"""
CONFIRM_SECOND_FACTOR = f"mutation ($code: String!) {{ confirmSecondFactor(code: $code) {{ {_SIGN_IN} }} }}"
SET_UP_SECOND_FACTOR = """
mutation { setUpSecondFactor { setUp { uri secret svg } userErrors { code message field } } }"""
CONFIRM_SET_UP = f"mutation ($code: String!) {{ confirmSetUp(code: $code) {{ {_SIGN_IN} }} }}"
CHANGE_STAFF_PASSWORD = f"""
mutation ($old: String!, $new: String!) {{ changeStaffPassword(old: $old, new: $new) {{ {_SIGN_IN} }} }}"""
STAFF_SIGN_OUT = "mutation { staffSignOut { signedOut userErrors { code message field } } }"
STAFF_MEMBERS = """
query ($text: String! = "", $first: Int! = 20, $after: String) {
  staffMembers(text: $text, first: $first, after: $after) {
    edges {
      cursor
      node {
        id username displayName isActive lockedUntil passwordSetAt mustChangePassword hasSecondFactor
        roles { id role venueId venueName regionKey regionName grantedAt }
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
MY_STAFF_SIGN_INS = f"query ($first: Int! = 20) {{ myStaffSignIns(first: $first) {_SEEN} }}"
STAFF_SIGN_INS = f"""
query ($staffId: ID!, $first: Int! = 20) {{ staffSignIns(staffId: $staffId, first: $first) {_SEEN} }}"""
OPEN_STAFF_ACCOUNT = f"""
mutation ($username: String!, $displayName: String!) {{
  openStaffAccount(username: $username, displayName: $displayName) {_FIRST_PASSWORD}
}}"""
CLOSE_STAFF_ACCOUNT = f"mutation ($staffId: ID!) {{ closeStaffAccount(staffId: $staffId) {_DONE} }}"
RESET_STAFF_PASSWORD = f"mutation ($staffId: ID!) {{ resetStaffPassword(staffId: $staffId) {_FIRST_PASSWORD} }}"
GRANT_ROLE = """
mutation ($staffId: ID!, $role: StaffRole!, $venueId: ID, $regionKey: String) {
  grantRole(staffId: $staffId, role: $role, venueId: $venueId, regionKey: $regionKey) {
    roleId userErrors { code message field }
  }
}"""
END_ROLE = f"mutation ($roleId: ID!) {{ endRole(roleId: $roleId) {_DONE} }}"
RESET_SECOND_FACTOR = f"mutation ($staffId: ID!) {{ resetSecondFactor(staffId: $staffId) {_DONE} }}"
UNLOCK_STAFF = f"mutation ($staffId: ID!) {{ unlockStaff(staffId: $staffId) {_DONE} }}"
END_STAFF_SIGN_IN = f"mutation ($signInId: ID!) {{ endStaffSignIn(signInId: $signInId) {_DONE} }}"

ALL = (
    STAFF_SIGN_IN,
    CONFIRM_SECOND_FACTOR,
    SET_UP_SECOND_FACTOR,
    CONFIRM_SET_UP,
    CHANGE_STAFF_PASSWORD,
    STAFF_SIGN_OUT,
    STAFF_MEMBERS,
    MY_STAFF_SIGN_INS,
    STAFF_SIGN_INS,
    OPEN_STAFF_ACCOUNT,
    CLOSE_STAFF_ACCOUNT,
    RESET_STAFF_PASSWORD,
    GRANT_ROLE,
    END_ROLE,
    RESET_SECOND_FACTOR,
    UNLOCK_STAFF,
    END_STAFF_SIGN_IN,
)
