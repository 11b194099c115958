"""The same for what came with people: names, families, organisations, messages, complaints, staff's accounts.

An ID card counts as a credential here: who reads An's card at a desk has An before them.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.authorisation import lives_people
from tests.authorisation.kinds import ABSENT, ANOTHER_KIND, SPENT, Known, Open, Plain, Reaching, from_the_start
from tests.authorisation.lives import Life
from tests.authorisation.lives_people import NOBODYS_CHILD, VERSION
from tests.factories.names import a_person
from tests.factories.organisations import a_credit_code
from tests.house import PASSWORD

NOBODYS_PHONE = "13611112222"
"""Always the same, so that it is asked for as often as An's."""


def _one(kind: str, what: str, *, shut: str = "", tells: str = "") -> Callable[[Life], list[Known]]:
    return lambda life: [Known(life.others.ids[kind], what, shut, tells)]


def _id(prefix: str) -> Callable[[], str]:
    return lambda: f"{prefix}_{secrets.token_hex(10).upper()}"


def _letters(alphabet: str, length: int) -> Callable[[], str]:
    return lambda: "".join(secrets.choice(alphabet) for _ in range(length))


def _key(name: str, what: str) -> Reaching:
    return Reaching(
        lambda life: [Known(life.others.keys[name], what)], lambda: secrets.token_hex(8), meanwhile=_a_key
    )


def _a_key() -> str:
    return secrets.token_hex(8)


def _absent() -> Any:
    return ABSENT


def _members(life: Life) -> list[Known]:
    return [
        Known(life.citizen.tokens["memberId"], "An's own id"),
        Known(life.others.ward_id, "the child's id"),
        Known(life.others.relative_id, "the id of whom An helps"),
        Known(life.orders["played"]["orderNo"], "an order's number", shut=ANOTHER_KIND),
    ]


def _own_or_wards(life: Life) -> list[Known]:
    own, child, relative, order = _members(life)
    return [own, child, replace(relative, shut="no helper comes as far as what is held about somebody"), order]


def _used(name: str, what: str, shut: str = "") -> Callable[[Life], list[Known]]:
    """To whoever used it, most say again what it did."""
    return lambda life: [
        Known(life.others.used[name], what, shut),
        Known(life.others.ids["invitation"], "an invitation's id", shut=ANOTHER_KIND),
    ]


def _id_cards(life: Life) -> list[Known]:
    return [
        Known(life.citizen.phone, "An's phone", shut=ANOTHER_KIND),
        Known(life.citizen.tokens["memberId"], "An's id", shut=ANOTHER_KIND),
    ]


async def _own_number(life: Life) -> str:
    return life.others.names.own.number


async def _child_number(life: Life) -> str:
    return life.others.names.child.number


def _an_adult() -> str:
    return a_person("无名氏", "19700101", order=secrets.randbelow(800) + 100).number


def _complaints(life: Life) -> list[Known]:
    return [
        Known(life.others.ids["complaint"], "a complaint's number"),
        Known(life.others.ids["answered"], "an answered complaint's number"),
        Known(life.orders["played"]["orderNo"], "an order's number", shut=ANOTHER_KIND),
    ]


def _answered_complaints(life: Life) -> list[Known]:
    """The one first whose answer An's key names."""
    waiting, answered, other = _complaints(life)
    return [answered, waiting, other]


def _complaint_no() -> str:
    return f"C20261120{secrets.token_hex(6).upper()}"


def _this(value: Callable[[Life], str]) -> Callable[[Life], Awaitable[str]]:
    async def give(life: Life) -> str:
        return value(life)

    return give


def _of_staff(kind: str, what: str, prefix: str, owner: str) -> Reaching:
    return Reaching(_one(kind, what), _id(prefix), owner=owner)


def _phones(life: Life) -> list[Known]:
    return [Known(life.citizen.phone, "An's phone", shut=ANOTHER_KIND)]


def _sms_code(life: Life) -> list[Known]:
    return [Known(life.used_phone_code, "a phone code of WeChat's", shut=ANOTHER_KIND)]


def _digits(life: Life) -> list[Known]:
    return [Known(life.handle[:6], "six digits of a code of An's", shut=ANOTHER_KIND)]


def _sms(purpose: str) -> Callable[[Life], Awaitable[str]]:
    async def fresh(life: Life) -> str:
        return await lives_people.a_fresh_sms_code(life, purpose)

    return fresh


_PERSON = Reaching(
    lambda life: [
        Known(life.others.ids["person"], "the person whose card was read"),
        Known(life.others.relative_id, "somebody else's id", shut="their card was not read at this desk"),
    ],
    _id("mem"),
    owner="clerk",
)
_AN_ORDER_HERE = Reaching(
    lambda life: [Known(life.orders["waiting"]["orderNo"], "the number of the waiting order")],
    lambda: f"O20261120{secrets.token_hex(6).upper()}",
    owner="clerk",
)
_MANAGERS_COMPLAINT = Reaching(_complaints, _complaint_no, owner="clerk")
_OFFICES_COMPLAINT = Reaching(_complaints, _complaint_no, owner="regulator")
_ORGANISATION = Reaching(_one("organisation", "the organisation's id"), _id("org"))
_OFFICES_ORGANISATION = Reaching(_one("organisation", "the organisation's id"), _id("org"), owner="regulator")
_REVEALED = Reaching(lambda life: _members(life)[:1], _id("mem"), owner="clerk", meanwhile=_absent)

REACHING_TOO: Mapping[str, Reaching] = {
    "forMember": Reaching(_members, _id("mem"), meanwhile=_absent),
    **{
        f"{name}.forMember": Reaching(_own_or_wards, _id("mem"), meanwhile=_absent)
        for name in (
            "myConsents",
            "myDeletion",
            "giveConsent",
            "withdrawConsent",
            "exportMyData",
            "requestDeletion",
            "cancelDeletion",
        )
    },
    "wardId": Reaching(lambda life: [Known(life.others.ward_id, "the child's id")], _id("mem")),
    "guardianshipId": Reaching(_one("guardianship", "the guardianship's id"), _id("gua")),
    "proxyId": Reaching(_one("proxy", "the id of what the helper may do"), _id("prx")),
    "companionshipId": Reaching(_one("companionship", "the companionship's id"), _id("cmp")),
    "withdrawInvitation.invitationId": Reaching(_one("invitation", "an open invitation's id"), _id("inv")),
    "withdrawOrganisationInvitation.invitationId": Reaching(
        _one("organisation invitation", "an open invitation's id"), _id("oin")
    ),
    "acceptInvitation.code": Reaching(
        _used("helper", "a used invitation"),
        _letters("0123456789", 10),
        live=lives_people.a_fresh_invitation,
    ),
    "declineInvitation.code": Reaching(
        _used("helper", "a used invitation", SPENT),
        _letters("0123456789", 10),
        live=lives_people.a_fresh_invitation,
    ),
    "acceptOrganisationInvitation.code": Reaching(
        _used("organisation", "a used invitation", "somebody else took it"),
        _letters("23456789ABCDEFGH", 20),
        live=lives_people.a_fresh_place_in_an_organisation,
    ),
    "mergePreview.code": Reaching(
        lambda life: _used("merge", "a used code", SPENT)(life)[:1],
        _letters("23456789ABCDEFGH", 8),
        live=lives_people.a_fresh_merge_code,
    ),
    "mergeMembers.code": Reaching(
        lambda life: _used("merge", "a used code")(life)[:1],
        _letters("23456789ABCDEFGH", 8),
        live=lives_people.a_fresh_merge_code,
    ),
    "mergeId": Reaching(_one("merge", "the merge's id"), _id("mrg")),
    "messages.after": Reaching(
        _one("message cursor", "a place in An's inbox"), lambda: "m999999999999999999", live=from_the_start
    ),
    "ids": Reaching(_one("message", "a message's id"), _id("msg")),
    "myComplaints.after": Reaching(
        _one("complaint cursor", "a place in An's list"), lambda: "c999999999999", live=from_the_start
    ),
    "myRatings.after": Reaching(
        _one("rating cursor", "a place in An's list"), lambda: "r999999999999", live=from_the_start
    ),
    "organisationMembers.after": Reaching(
        _one("member cursor", "a place in the organisation's list"),
        lambda: "m999999999999",
        live=from_the_start,
    ),
    "organisationId": _ORGANISATION,
    "closeOrganisation.organisationId": replace(_ORGANISATION, live=lives_people.a_fresh_organisation),
    "leaveOrganisation.organisationId": replace(_ORGANISATION, live=lives_people.a_fresh_membership),
    "decideOrganisation.organisationId": _OFFICES_ORGANISATION,
    "suspendOrganisation.organisationId": _OFFICES_ORGANISATION,
    "membershipId": Reaching(_one("membership", "the relative's membership"), _id("omb")),
    "creditCode": Reaching(
        _one(
            "credit code",
            "the organisation's public code",
            tells="the codes of legal persons are public, and so is it that one is registered",
        ),
        a_credit_code,
    ),
    "complaintNo": Reaching(_complaints, _complaint_no),
    "complaintToAnswer.complaintNo": _MANAGERS_COMPLAINT,
    "answerComplaint.complaintNo": replace(_MANAGERS_COMPLAINT, of=_answered_complaints),
    "routeComplaint.complaintNo": replace(_OFFICES_COMPLAINT, live=lives_people.a_fresh_complaint),
    "fileComplaint.idempotencyKey": _key("complaint", "the complaint's key"),
    "reopenComplaint.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["complaint"], "the complaint's key", shut=ANOTHER_KIND)],
        _a_key,
        meanwhile=_a_key,
    ),
    "answerComplaint.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["answer"], "the answer's key")],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
    "fileComplaint.orderNo": Reaching(
        lambda life: [Known(life.orders["played"]["orderNo"], "the number of the played order")],
        lambda: f"O20261120{secrets.token_hex(6).upper()}",
    ),
    "answerRating.ratingId": Reaching(_one("rating", "the rating's id"), _id("rtg"), owner="clerk"),
    "hideRating.ratingId": Reaching(_one("rating", "the rating's id"), _id("rtg"), owner="regulator"),
    "endSignIn.signInId": Reaching(_one("sign-in", "a sign-in's id"), _id("sgn")),
    "endStaffSignIn.signInId": _of_staff("staff sign-in", "the colleague's sign-in", "ssi", "security"),
    "staffId": _of_staff("staff", "the colleague's id", "stf", "security"),
    "closeStaffAccount.staffId": _of_staff("staff", "the colleague's id", "stf", "system"),
    "resetStaffPassword.staffId": _of_staff("staff", "the colleague's id", "stf", "system"),
    "roleId": _of_staff("staff role", "the colleague's role", "rol", "security"),
    "openStaffAccount.username": Reaching(
        lambda life: [
            Known(life.clerk.username, "the clerk's name", tells="the whole house has one list of usernames")
        ],
        lambda: f"clerk-{secrets.token_hex(4)}",
        owner="system",
        live=_this(lambda life: f"new-{secrets.token_hex(4)}"),
    ),
    "AuditFilter.actorId": Reaching(
        _one("staff", "the colleague's id"), _id("stf"), owner="auditor", meanwhile=_absent
    ),
    "AuditFilter.subjectId": Reaching(
        lambda life: _members(life)[:1], _id("mem"), owner="auditor", meanwhile=_absent
    ),
    "revealPhone.memberId": _REVEALED,
    "revealName.memberId": _REVEALED,
    "revealPhone.orderNo": Reaching(
        lambda life: [Known(life.orders["waiting"]["orderNo"], "the number of the waiting order")],
        lambda: f"O20261120{secrets.token_hex(6).upper()}",
        owner="clerk",
        meanwhile=_absent,
        live=_this(lambda life: str(life.orders["waiting"]["orderNo"])),
    ),
    "revealName.orderNo": Reaching(
        lambda life: [Known(life.orders["waiting"]["orderNo"], "the number of the waiting order")],
        lambda: f"O20261120{secrets.token_hex(6).upper()}",
        owner="clerk",
        meanwhile=_absent,
        live=_this(lambda life: str(life.orders["waiting"]["orderNo"])),
    ),
    "openSealedRecord.memberId": Reaching(
        lambda life: [
            Known(life.others.ids["gone"], "the id of a friend who has left"),
            Known(life.citizen.tokens["memberId"], "An's own id", shut="who has not left is not sealed"),
        ],
        _id("mem"),
        owner="officer",
    ),
    "personId": _PERSON,
    "deskFreeNumber.personId": replace(_PERSON, live=lives_people.a_fresh_person_at_the_desk),
    "deskJoinAccount.personId": replace(_PERSON, live=lives_people.a_fresh_person_at_the_desk),
    "deskJoinAccount.code": Reaching(
        lambda life: _used("merge", "a used code")(life)[:1],
        _letters("23456789ABCDEFGH", 8),
        owner="clerk",
        live=lives_people.a_fresh_merge_code,
    ),
    "refundQuoteAtDesk.orderNo": _AN_ORDER_HERE,
    "cancelOrderAtDesk.orderNo": replace(_AN_ORDER_HERE, live=lambda life: life.a_fresh_order()),
    "concessionId": Reaching(_one("concession", "the concession's id"), _id("con"), owner="clerk"),
    "placeOrderAtDesk.idempotencyKey": Reaching(
        lambda life: [Known(life.keys["played"], "the played order's key", shut="a clerk's keys are others")],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
    "inviteToOrganisation.idempotencyKey": _key("invitation to the club", "the key of An's invitation"),
    "deskInviteHelper.idempotencyKey": Reaching(
        lambda life: [Known(life.desk_keys["invite"], "the key of the clerk's act: invite")],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
    "deskVerifyPerson.idempotencyKey": Reaching(
        lambda life: [Known(life.others.keys["ward"], "the child's key", shut="a clerk's keys are others")],
        _a_key,
        owner="clerk",
        meanwhile=_a_key,
    ),
    "deskFindPerson.idNumber": Reaching(_id_cards, lambda: "137" + "0" * 8, owner="clerk", live=_own_number),
    "deskVerifyPerson.idNumber": Reaching(_id_cards, lambda: "137" + "0" * 8, owner="clerk", live=_own_number),
    "deskVerifyPerson.name": Reaching(
        lambda life: [Known(life.others.names.own.name, "An's name", shut="a name without its ID number is none")],
        lambda: "无名氏",
        owner="clerk",
        live=_this(lambda life: life.others.names.own.name),
    ),
    "verifyMyName.name": Reaching(
        lambda life: [Known(life.others.names.own.name, "An's name")],
        lambda: "无名氏",
    ),
    "verifyMyName.idNumber": Reaching(
        lambda life: [Known(life.others.names.own.number, "An's ID number")], _an_adult
    ),
    "addWard.name": Reaching(
        lambda life: [
            Known(life.others.names.child.name, "the child's name", shut="a name without its ID number is none")
        ],
        lambda: NOBODYS_CHILD.name,
        live=_this(lambda life: life.others.names.child.name),
    ),
    "addWard.idNumber": Reaching(
        lambda life: [Known(life.others.names.own.number, "An's ID number", shut="who has a child is none")],
        _an_adult,
        live=_child_number,
    ),
    "addWard.idempotencyKey": Reaching(
        lambda life: [
            Known(
                life.others.keys["ward"],
                "the child's key",
                shut="it repeats what was asked with the child's ID number",
            )
        ],
        _a_key,
    ),
    "inviteHelper.phone": Reaching(_phones, lambda: NOBODYS_PHONE, meanwhile=_absent),
    "deskInviteHelper.helperPhone": Reaching(_phones, lambda: NOBODYS_PHONE, owner="clerk"),
    "requestSmsCode.phone": Reaching(_phones, lambda: NOBODYS_PHONE),
    "signInWithPhone.phone": Reaching(_phones, lambda: NOBODYS_PHONE),
    "bindPhoneBySms.phone": Reaching(_phones, lambda: NOBODYS_PHONE),
    "signInWithPhone.code": Reaching(_sms_code, _letters("0123456789", 6), live=_sms("SIGN_IN")),
    "bindPhoneBySms.code": Reaching(_sms_code, _letters("0123456789", 6), live=_sms("BIND")),
    "signInWithOfficialAccount.code": Reaching(
        _used("official code", "a used code", SPENT),
        lambda: secrets.token_urlsafe(24),
        live=lambda life: life.citizen.official_code(),
    ),
    "linkOfficialAccount.code": Reaching(
        _used("official code", "a used code", SPENT),
        lambda: secrets.token_urlsafe(24),
        live=lambda life: life.citizen.official_code(),
    ),
    "signInWithOfficialAccount.state": Reaching(
        lambda life: [
            Known(life.others.used["state"], "a state of An's browser", shut="that browser did not ask")
        ],
        lambda: secrets.token_urlsafe(24),
        live=lambda life: lives_people.a_fresh_state(life, "somewhere"),
    ),
    "linkOfficialAccount.state": Reaching(
        lambda life: [Known(life.others.used["state"], "a state of An's browser")],
        lambda: secrets.token_urlsafe(24),
        live=lambda life: lives_people.a_fresh_state(life, life.citizen.device_id),
    ),
    "authCode": Reaching(
        lambda life: [Known(life.used_login_code, "a used login code", shut=SPENT)],
        lambda: secrets.token_urlsafe(24),
    ),
    "confirmSecondFactor.code": Reaching(_digits, _letters("0123456789", 6), owner="clerk"),
    "confirmSetUp.code": Reaching(_digits, _letters("0123456789", 6), owner="clerk"),
    "SubscribeAnswerInput.templateId": Reaching(
        lambda life: [Known(life.others.ids["message"], "a message's id", shut=ANOTHER_KIND)],
        lambda: secrets.token_urlsafe(24),
        live=_this(lambda life: next(iter(life.citizen.house.wired.settings.wechat_subscribe_templates.values()))),
    ),
}


def _none(world: Any) -> Sequence[Any]:
    return [ABSENT]


OPEN_TOO: Mapping[str, Open] = {
    "organisation.id": Open(lambda world: [world.an.others.ids["organisation"]]),
    "venueRatings.after": Open(_none),
    # a place in what is staff's: whoever may see one line there may see all
    "auditLines.after": Open(_none),
    "staffMembers.after": Open(_none),
    "organisationsToDecide.after": Open(_none),
    "complaintsToAnswer.after": Open(_none),
    "registerOrganisation.regionKey": Open(lambda world: ["510107"]),
    "grantRole.venueId": Open(lambda world: [world.an.venue_id]),
    "grantRole.regionKey": Open(_none),
    "fileComplaint.regionKey": Open(_none),
    "routeComplaint.regionKey": Open(lambda world: ["510107"]),
    "routeComplaint.venueId": Open(_none),
    "revealPhone.venueId": Open(lambda world: [world.an.venue_id, world.bing.venue_id, ABSENT]),
    "revealName.venueId": Open(lambda world: [world.an.venue_id, world.bing.venue_id, ABSENT]),
    "AuditFilter.venueId": Open(_none),
}

PLAIN_TOO: Mapping[str, Plain] = {
    "moment": Plain(lambda life: "ORDER_PLACED"),
    "AuditFilter.act": Plain(lambda life: ABSENT),
    "AuditFilter.outcome": Plain(lambda life: ABSENT),
    "AuditFilter.since": Plain(lambda life: ABSENT),
    "AuditFilter.until": Plain(lambda life: ABSENT),
    "text": Plain(lambda life: "三天过去了，还是没有修。"),
    "staffMembers.text": Plain(lambda life: ""),
    "consentVersion": Plain(lambda life: VERSION),
    "relation": Plain(lambda life: "MOTHER"),
    "powers": Plain(lambda life: "BOOK"),
    "grantConcession.kind": Plain(lambda life: "DISABLED"),
    "grantConcession.endsOn": Plain(lambda life: "2027-06-30"),
    "returnTo": Plain(lambda life: f"{life.citizen.house.wired.settings.public_base_url}/me"),
    "requestSmsCode.deviceId": Plain(lambda life: f"device-{secrets.token_hex(6)}"),
    "requestSmsCode.purpose": Plain(lambda life: "SIGN_IN"),
    "SubscribeAnswerInput.answer": Plain(lambda life: "ACCEPT"),
    "answeredAt": Plain(lambda life: life.citizen.house.now().isoformat()),
    "provinceCode": Plain(lambda life: ""),
    "setMessageChoice.kind": Plain(lambda life: "ORDERS"),
    "setMessageChoice.way": Plain(lambda life: "SMS"),
    "isWanted": Plain(lambda life: False),
    "purpose": Plain(lambda life: "NOTICES"),
    "giveConsent.version": Plain(lambda life: VERSION),
    "reason": Plain(lambda life: "本人来电询问"),
    "old": Plain(lambda life: "Wrong-2026-word", live=lambda life: PASSWORD),
    "new": Plain(lambda life: "Emei-2026-other-word"),
    "displayName": Plain(lambda life: "王前台"),
    "grantRole.role": Plain(lambda life: "FINANCE"),
    "registerOrganisation.name": Plain(lambda life: "走路俱乐部"),
    "registerOrganisation.kind": Plain(lambda life: "CLUB"),
    "introduction": Plain(lambda life: "每周三晚上走路。"),
    "setOrganisationRole.role": Plain(lambda life: "MANAGER"),
    "approve": Plain(lambda life: True),
    "suspend": Plain(lambda life: True),
    "decideOrganisation.note": Plain(lambda life: "材料齐全"),
    "suspendOrganisation.note": Plain(lambda life: "年检未过"),
    "fileComplaint.kind": Plain(lambda life: "COMPLAINT"),
    "stars": Plain(lambda life: 5),
    "words": Plain(lambda life: "很好"),
}
WORDS_TOO = {
    "act", "outcome", "text", "consentVersion", "returnTo", "version", "reason", "old", "new", "displayName", "name",
    "introduction", "note", "words", "provinceCode",
}  # fmt: skip
