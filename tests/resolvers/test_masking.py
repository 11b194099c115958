"""Masked by default: no answer can carry a whole phone number, name or ID number but where a power is asked for."""

import re
from pathlib import Path

from graphql import GraphQLObjectType, GraphQLScalarType, get_named_type

from resolvers.schema import build_schema

ROOT = Path(__file__).parents[2]
SPEAKS_OF_A_PERSON = re.compile(r"name|phone|mobile|number|id_?card|openid|unionid|birth|born|contact", re.I)
NOBODYS = {
    **dict.fromkeys(
        (
            "Venue",
            "StaffVenue",
            "Sport",
            "Region",
            "Organisation",
            "VoucherPool",
            "Session",
            "Jump",
            "OfflineDesk",
            "CourtSettings",
            "SessionPlanSettings",
        ),
        "places, sports, 法人, sums, devices and other platforms have names",
    ),
    "ComplaintStep.number": "1, 2, 3",
    "RiskSignal.name": "of a rule",
    **dict.fromkeys(
        ("Series.organisationName", "GroupRequest.organisationName", "Order.organisationName"), "法人 have names"
    ),
    "OfflineConflict.deskName": "a device's",
    **dict.fromkeys(("OfflineConflict.number", "OfflineAnswer.number"), "of an entry in a queue"),
}
NOT_A_PERSONS = {
    "venueName",
    "winnerVenueName",
    "regionName",
    "courtName",
    "username",
    "displayName",
    "venueCount",
    "messageId",
}
"""Places; and staff, whose names their colleagues know."""
BY_A_POWER = {
    "SealedPerson.wholeName": "OPEN_SEALED_RECORDS, and a line of the audit",
    "SealedPerson.wholePhone": "OPEN_SEALED_RECORDS, and a line of the audit",
}
"""`Revealed.text` is the third: its type says nothing of what it is, so it is named here in words (REVEAL)."""
MAY_OPEN = {
    "models/statistics/ages.py": "tells age bands",
    "models/members/phones.py": "shows them masked, seals them anew",
    "models/real_names/binding.py": "moves and seals anew",
    "models/real_names/queries.py": "masks; tells age bands",
    "models/real_names/operations.py": "compares with what is typed",
    "models/real_names/at_desk.py": "compares with the card in hand",
    "models/families/wards.py": "compares with what the guardian types",
    "models/families/invitations.py": "compares with the number that is invited",
    "models/messages/sending.py": "the number that an SMS goes to",
    "models/privacy/exporting.py": "to whose it is, in their own file",
    "models/privacy/revealing.py": "REVEAL, with an audit line",
    "models/privacy/sealing.py": "OPEN_SEALED_RECORDS, with an audit line",
}
"""Files that open what is sealed about a member, and what for. Whoever adds one says why here."""
OPENS = re.compile(
    r"(?:phones?|ids?|keys)\.sealing\.open\(|phone_keys\.sealing\.open\(|open_(?:row|name|number)\("
)


def fields_that_speak_of_a_person() -> list[str]:
    found = []
    for name, kind in build_schema()._schema.type_map.items():
        if not isinstance(kind, GraphQLObjectType) or name.startswith("__") or name in ("Query", "Mutation"):
            continue
        for field, described in kind.fields.items():
            plain = get_named_type(described.type)
            is_text = isinstance(plain, GraphQLScalarType) and plain.name in ("String", "Date", "Int")
            if is_text and SPEAKS_OF_A_PERSON.search(field):
                found.append(f"{name}.{field}")
    return found


def test_every_field_that_speaks_of_a_person_is_masked_or_asks_for_a_power() -> None:
    found = fields_that_speak_of_a_person()
    assert {"Me.maskedPhone", "RealName.maskedName", *BY_A_POWER} <= set(found), "the walk sees what is there"
    unmasked = [
        each
        for each in found
        if not (field := each.partition(".")[2]).startswith("masked")
        and field not in NOT_A_PERSONS
        and each not in BY_A_POWER
        and each not in NOBODYS
        and each.partition(".")[0] not in NOBODYS
    ]
    assert unmasked == []


def test_what_is_sealed_is_opened_only_where_it_is_said_why() -> None:
    openers = {
        str(file.relative_to(ROOT))
        for folder in ("models", "resolvers", "jobs", "bff")
        for file in (ROOT / folder).rglob("*.py")
        if OPENS.search(file.read_text())
    }
    assert openers == set(MAY_OPEN)
