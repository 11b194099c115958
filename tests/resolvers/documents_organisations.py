"""Organisations, asking for every field of their types."""

ORGANISATION_FIELDS = "id name kind regionKey regionName introduction memberCount"
REGISTRATION_FIELDS = (
    f"creditCode status registeredAt decidedAt decisionNote organisation {{ {ORGANISATION_FIELDS} }}"
)
INVITATION_FIELDS = "id role madeAt expiresAt"
MINE_FIELDS = f"""
  role membershipId registration {{ {REGISTRATION_FIELDS} }} invitations {{ {INVITATION_FIELDS} }}
"""
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
ERRORS = "userErrors { code message field }"
MINE = f"organisation {{ {MINE_FIELDS} }} {ERRORS}"

ORGANISATION = f"query ($id: ID!) {{ organisation(id: $id) {{ {ORGANISATION_FIELDS} }} }}"
MY_ORGANISATIONS = f"query {{ myOrganisations {{ {MINE_FIELDS} }} }}"
ORGANISATION_MEMBERS = f"""
query ($organisationId: ID!, $first: Int, $after: String) {{
  organisationMembers(organisationId: $organisationId, first: $first, after: $after) {{
    edges {{ cursor node {{ id maskedName role joinedAt isMe }} }} {PAGE}
  }}
}}
"""
ORGANISATIONS_TO_DECIDE = f"""
query ($first: Int, $after: String) {{
  organisationsToDecide(first: $first, after: $after) {{
    edges {{ cursor node {{ {REGISTRATION_FIELDS} }} }} {PAGE}
  }}
}}
"""
REGISTER_ORGANISATION = f"""
mutation (
  $name: String!, $creditCode: String!, $kind: OrganisationKind!, $regionKey: String!, $introduction: String
) {{
  registerOrganisation(
    name: $name, creditCode: $creditCode, kind: $kind, regionKey: $regionKey, introduction: $introduction
  ) {{ {MINE} }}
}}
"""
UPDATE_ORGANISATION = f"""
mutation ($organisationId: ID!, $introduction: String!) {{
  updateOrganisation(organisationId: $organisationId, introduction: $introduction) {{ {MINE} }}
}}
"""
INVITE_TO_ORGANISATION = f"""
mutation ($organisationId: ID!, $role: OrganisationRole, $idempotencyKey: String) {{
  inviteToOrganisation(organisationId: $organisationId, role: $role, idempotencyKey: $idempotencyKey) {{
    code invitation {{ {INVITATION_FIELDS} }} {ERRORS}
  }}
}}
"""
ACCEPT_ORGANISATION_INVITATION = f"""
mutation ($code: String!) {{ acceptOrganisationInvitation(code: $code) {{ {MINE} }} }}
"""
WITHDRAW_ORGANISATION_INVITATION = f"""
mutation ($invitationId: ID!) {{ withdrawOrganisationInvitation(invitationId: $invitationId) {{ {MINE} }} }}
"""
SET_ORGANISATION_ROLE = f"""
mutation ($membershipId: ID!, $role: OrganisationRole!) {{
  setOrganisationRole(membershipId: $membershipId, role: $role) {{ {MINE} }}
}}
"""
REMOVE_ORGANISATION_MEMBER = f"""
mutation ($membershipId: ID!) {{ removeOrganisationMember(membershipId: $membershipId) {{ {MINE} }} }}
"""
LEAVE_ORGANISATION = f"""
mutation ($organisationId: ID!) {{ leaveOrganisation(organisationId: $organisationId) {{ left {ERRORS} }} }}
"""
CLOSE_ORGANISATION = f"""
mutation ($organisationId: ID!) {{ closeOrganisation(organisationId: $organisationId) {{ closed {ERRORS} }} }}
"""
DECIDE_ORGANISATION = f"""
mutation ($organisationId: ID!, $approve: Boolean!, $note: String) {{
  decideOrganisation(organisationId: $organisationId, approve: $approve, note: $note) {{
    registration {{ {REGISTRATION_FIELDS} }} {ERRORS}
  }}
}}
"""
SUSPEND_ORGANISATION = f"""
mutation ($organisationId: ID!, $suspend: Boolean!, $note: String) {{
  suspendOrganisation(organisationId: $organisationId, suspend: $suspend, note: $note) {{
    registration {{ {REGISTRATION_FIELDS} }} {ERRORS}
  }}
}}
"""

ALL = (
    ORGANISATION,
    MY_ORGANISATIONS,
    ORGANISATION_MEMBERS,
    ORGANISATIONS_TO_DECIDE,
    REGISTER_ORGANISATION,
    UPDATE_ORGANISATION,
    INVITE_TO_ORGANISATION,
    ACCEPT_ORGANISATION_INVITATION,
    WITHDRAW_ORGANISATION_INVITATION,
    SET_ORGANISATION_ROLE,
    REMOVE_ORGANISATION_MEMBER,
    LEAVE_ORGANISATION,
    CLOSE_ORGANISATION,
    DECIDE_ORGANISATION,
    SUSPEND_ORGANISATION,
)
