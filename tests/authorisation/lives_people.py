"""The part of a life that others share: a name, a child, helpers, an organisation, a complaint, a second account.

Each citizen has a relative with an account of their own, who accepts what they are offered; what passes between the
two is theirs alone, as everything else in `lives.py`.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bff.wiring import privacy_keys
from models import database
from models.feedback.escalating import escalate_due
from models.privacy import deleting
from models.privacy.rules import COOLING_OFF
from models.real_names.rules import NamedPerson
from tests.factories.booking import at
from tests.factories.feedback import a_complaint, clocks_and_holidays, divisions
from tests.factories.names import a_person
from tests.factories.organisations import a_credit_code
from tests.house import Citizen, Clerk, House, line
from tests.resolvers import (
    documents,
    documents_consents,
    documents_doors,
    documents_feedback,
    documents_merging,
    documents_messages,
    documents_organisations,
    documents_people,
)

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

A_MONTH = timedelta(days=30)
"""Longer than any office may take to answer."""
VERSION = "2026.1"
POWERS = ["BOOK", "SEE_ORDERS", "SHOW_CODES", "MESSAGES", "FEEDBACK"]
NOBODYS_CHILD = a_person("周小宝", "20160401", order=801)


@dataclass(frozen=True)
class Names:
    """Who the citizen, their child, their relative and a friend are by their papers."""

    own: NamedPerson
    child: NamedPerson
    relative: NamedPerson
    friend: NamedPerson


BINGS = Names(
    a_person("何冰", "19860301", order=611),
    a_person("何小冰", "20150901", order=613),
    a_person("何大姨", "19600101", order=615),
    a_person("何老友", "19700303", order=617),
)
ANS = Names(
    a_person("欧阳安", "19860402", order=621),
    a_person("欧阳小安", "20151002", order=623),
    a_person("欧阳大姨", "19600202", order=625),
    a_person("欧阳老友", "19700404", order=627),
)


@dataclass
class Others:
    """Whom and what a citizen has beside what they book."""

    names: Names
    relative: Citizen
    colleague: Clerk
    """Works where the citizen plays; administrators end their sign-ins and their roles."""
    regulator: Clerk
    """Lets organisations in."""
    ward_id: str = ""
    relative_id: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    """What is somebody's own, by its kind."""
    keys: dict[str, str] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    used: dict[str, str] = field(default_factory=dict)
    """Codes that have done their work."""
    sealed: set[str] = field(default_factory=set)
    """Who the friend was that has left."""

    @property
    def house(self) -> House:
        return self.relative.house

    @property
    def secrets(self) -> set[str]:
        """What nobody else may hear, be it in the database under a key or under a hash only."""
        names = self.names
        people = (names.own, names.child, names.relative, names.friend)
        said = {text for person in people for text in (person.name, person.number)}
        return {self.relative.phone, *self.used.values(), *self.sealed, *said}

    @property
    def shown_to_all(self) -> set[str]:
        """What the citizen made public: the page of their organisation, and what they say of a visit."""
        return {*self.public, self.ids["organisation"], self.ids["rating"], self.ids["rating cursor"]}


async def before_anybody() -> None:
    """What is the house's: regions and the days by which a complaint must be answered."""
    await divisions()
    await clocks_and_holidays()


async def live_among_people(life: "Life", names: Names, offices: Mapping[str, Clerk]) -> None:
    citizen, house = life.citizen, life.citizen.house
    relative = await house.citizen(phone=_a_phone())
    relative = Citizen(house, relative.openid, relative.phone, f"of-{life.gate_no}")
    await relative.sign_in()
    colleague = await house.clerk(life.venue_id, device_id=f"colleague-{life.gate_no}")
    life.others = others = Others(
        names, relative, colleague, offices["regulator"], relative_id=relative.tokens["memberId"]
    )
    for who, person in ((citizen, names.own), (relative, names.relative)):
        await house.register_person(person.name, person.number)
        asked = {"name": person.name, "idNumber": person.number, "consentVersion": VERSION}
        assert (await who.ask(documents_people.VERIFY_MY_NAME, **asked)).value["realName"]
        for purpose in ("HELPER", "NOTICES"):
            given = {"purpose": purpose, "version": VERSION}
            assert (await who.ask(documents_consents.GIVE_CONSENT, **given)).value["consents"]
    await _a_child(life, others)
    await _help(life, others)
    await _an_organisation(life, others)
    await _feedback(life, others)
    await _a_second_account(life, others)
    await _at_the_desk(life, others)
    await _other_doors(life, others)
    await _a_friend_leaves(life, others)
    found = (await citizen.ask(documents_messages.MESSAGES)).value["edges"]
    others.ids["message"], others.ids["message cursor"] = found[0]["node"]["id"], found[0]["cursor"]
    read = {"ids": [found[1]["node"]["id"]]}
    assert (await citizen.ask(documents_messages.MARK_MESSAGES_READ, **read)).value["unreadMessages"]
    await _of_staff(others)


async def _row_of(citizen: Citizen) -> int:
    found = await database.row("SELECT id FROM member WHERE public_id = $1", citizen.tokens["memberId"])
    assert found is not None
    return int(found["id"])


def _a_phone() -> str:
    return f"1{secrets.choice('356')}{secrets.randbelow(10**9):09d}"


async def _a_child(life: "Life", others: Others) -> None:
    child, citizen = others.names.child, life.citizen
    await others.house.register_person(child.name, child.number)
    others.keys["ward"] = secrets.token_hex(8)
    asked = {"name": child.name, "idNumber": child.number, "idempotencyKey": others.keys["ward"]}
    (ward,) = (await citizen.ask(documents_people.ADD_WARD, **asked)).value["people"]["wards"]
    others.ward_id, others.ids["guardianship"] = ward["memberId"], ward["id"]
    invited = (await citizen.ask(documents_people.INVITE_GUARDIAN, wardId=others.ward_id)).value["invitation"]
    assert (await others.relative.ask(documents_people.ACCEPT_INVITATION, code=invited["code"])).value["kind"]
    others.used["guardian"] = invited["code"]


async def _help(life: "Life", others: Others) -> None:
    citizen, relative = life.citizen, others.relative
    for principal, helper in ((citizen, relative), (relative, citizen)):
        invited = (await principal.ask(documents_people.INVITE_HELPER, powers=POWERS)).value["invitation"]
        accepted = await helper.ask(documents_people.ACCEPT_INVITATION, code=invited["code"])
        assert accepted.value["kind"] == "HELPER"
    others.used["helper"] = invited["code"]
    invited = (await citizen.ask(documents_people.INVITE_COMPANION)).value["invitation"]
    assert (await relative.ask(documents_people.ACCEPT_INVITATION, code=invited["code"])).value["kind"]
    waiting = (await citizen.ask(documents_people.INVITE_HELPER, powers=["BOOK"])).value["invitation"]
    others.ids["invitation"] = waiting["id"]
    people = (await citizen.ask(documents_people.MY_PEOPLE)).value
    others.ids["proxy"] = people["helpers"][0]["id"]
    others.ids["companionship"] = people["companions"][0]["id"]


async def a_fresh_invitation(life: "Life") -> str:
    """The relative asks the citizen for company again."""
    invited = await life.others.relative.ask(documents_people.INVITE_COMPANION)
    return str(invited.value["invitation"]["code"])


async def _an_organisation(life: "Life", others: Others) -> None:
    citizen, relative = life.citizen, others.relative
    others.ids["credit code"] = a_credit_code()
    others.public |= {f"{others.names.own.number[-4:]}球友会"}
    asked = {"name": next(iter(others.public)), "creditCode": others.ids["credit code"], "kind": "CLUB"}
    made = await citizen.ask(
        documents_organisations.REGISTER_ORGANISATION, **asked, regionKey="510107", introduction="每周三打球"
    )
    others.ids["organisation"] = made.value["organisation"]["registration"]["organisation"]["id"]
    deciding = {"organisationId": others.ids["organisation"], "approve": True, "note": "材料齐全"}
    decided = await others.regulator.ask(documents_organisations.DECIDE_ORGANISATION, **deciding)
    assert decided.value["registration"]
    mine = {"organisationId": others.ids["organisation"]}
    invited = (await citizen.ask(documents_organisations.INVITE_TO_ORGANISATION, **mine)).value
    others.used["organisation"] = invited["code"]
    joined = await relative.ask(documents_organisations.ACCEPT_ORGANISATION_INVITATION, code=invited["code"])
    others.ids["membership"] = joined.value["organisation"]["membershipId"]
    key = others.keys["invitation to the club"] = secrets.token_hex(8)
    inviting = await citizen.ask(documents_organisations.INVITE_TO_ORGANISATION, **mine, idempotencyKey=key)
    waiting = inviting.value
    others.ids["organisation invitation"] = waiting["invitation"]["id"]
    found = await citizen.ask(documents_organisations.ORGANISATION_MEMBERS.replace("maskedName", ""), **mine)
    others.ids["member cursor"] = found.value["edges"][0]["cursor"]


async def a_fresh_place_in_an_organisation(life: "Life") -> str:
    """The relative founds one and asks the citizen in."""
    relative = life.others.relative
    asked = {"name": f"新会{secrets.token_hex(3)}", "creditCode": a_credit_code(), "kind": "CLUB"}
    made = await relative.ask(documents_organisations.REGISTER_ORGANISATION, **asked, regionKey="510107")
    organisation_id = made.value["organisation"]["registration"]["organisation"]["id"]
    deciding = {"organisationId": organisation_id, "approve": True}
    decided = await life.others.regulator.ask(documents_organisations.DECIDE_ORGANISATION, **deciding)
    assert decided.value["registration"]
    invited = await relative.ask(documents_organisations.INVITE_TO_ORGANISATION, organisationId=organisation_id)
    return str(invited.value["code"])


async def a_fresh_organisation(life: "Life") -> str:
    """That the citizen has just founded."""
    asked = {"name": f"新会{secrets.token_hex(3)}", "creditCode": a_credit_code(), "kind": "CLUB"}
    made = await life.citizen.ask(documents_organisations.REGISTER_ORGANISATION, **asked, regionKey="510107")
    return str(made.value["organisation"]["registration"]["organisation"]["id"])


async def a_fresh_membership(life: "Life") -> str:
    """The citizen has just come in."""
    code = await a_fresh_place_in_an_organisation(life)
    joined = await life.citizen.ask(documents_organisations.ACCEPT_ORGANISATION_INVITATION, code=code)
    return str(joined.value["organisation"]["registration"]["organisation"]["id"])


async def a_fresh_complaint(life: "Life") -> str:
    """That nobody has answered yet."""
    asked = {"kind": "COMPLAINT", "text": "水管漏了两天没有人修。", "venueId": life.venue_id}
    made = await life.citizen.ask(documents_feedback.FILE_COMPLAINT, **asked, idempotencyKey=secrets.token_hex(8))
    return str(made.value["complaint"]["complaintNo"])


async def _feedback(life: "Life", others: Others) -> None:
    citizen, clerk = life.citizen, life.clerk
    for which in ("complaint", "answered", "closed"):
        others.keys[which] = secrets.token_hex(8)
        asked: Mapping[str, Any] = {
            "idempotencyKey": others.keys[which],
            "kind": "COMPLAINT",
            "text": f"灯坏了三天没有人修 {secrets.token_hex(8)}",
            "venueId": life.venue_id,
            "orderNo": life.orders["played"]["orderNo"],
        }
        made = await citizen.ask(documents_feedback.FILE_COMPLAINT, **asked)
        others.ids[which] = made.value["complaint"]["complaintNo"]
    texts = privacy_keys(others.house.wired.settings).texts
    await a_complaint(await _row_of(citizen), now=others.house.now() - A_MONTH, keys=texts, venue_id=life.venue_id)
    assert (await escalate_due(keys=texts, now=others.house.now())).escalated == 1  # to the office above
    others.keys["answer"] = secrets.token_hex(8)
    for which, key in (("answered", others.keys["answer"]), ("closed", secrets.token_hex(8))):
        answering = {"complaintNo": others.ids[which], "text": "明天修好。", "idempotencyKey": key}
        assert (await clerk.ask(documents_feedback.ANSWER_COMPLAINT, **answering)).value["complaint"]
    again = {
        "complaintNo": others.ids["closed"],
        "text": "过了三天，还是没有人来修。",
        "idempotencyKey": secrets.token_hex(8),
    }
    assert (await citizen.ask(documents_feedback.REOPEN_COMPLAINT, **again)).value["complaint"]
    listed = (await citizen.ask(documents_feedback.MY_COMPLAINTS)).value
    others.ids["complaint cursor"] = listed["edges"][0]["cursor"]
    words = f"不错{secrets.token_hex(2)}"
    others.public |= {words, f"{words}。谢谢"}
    rated = {"admissionId": life.admission_ids("played")[0], "stars": 4, "words": words}
    made = await citizen.ask(documents_feedback.RATE_ADMISSION, **rated)
    others.ids["rating"] = made.value["rating"]["id"]
    replied = await clerk.ask(
        documents_feedback.ANSWER_RATING, ratingId=others.ids["rating"], text=f"{words}。谢谢"
    )
    assert replied.value["rating"]["answer"]
    found = (await citizen.ask(documents_feedback.MY_RATINGS)).value["edges"]
    others.ids["rating cursor"] = found[0]["cursor"]


async def _a_second_account(life: "Life", others: Others) -> None:
    """Joined to the first."""
    second = await others.house.citizen(phone="13700009999", device_id=f"second-{life.gate_no}")
    code = (await second.ask(documents_merging.MERGE_CODE)).value["code"]
    (merge,) = (await life.citizen.ask(documents_merging.MERGE_MEMBERS, code=code)).value["merges"]
    others.used["merge"], others.ids["merge"] = code, merge["id"]


async def a_fresh_merge_code(life: "Life") -> str:
    second = await life.others.house.citizen(phone=_a_phone(), device_id="third-phone")
    await second.ask(documents.BIND_PHONE, code=await second.phone_code())
    return str((await second.ask(documents_merging.MERGE_CODE)).value["code"])


async def _at_the_desk(life: "Life", others: Others) -> None:
    """An's card is read, and what it entitles to is written down."""
    clerk = life.clerk
    asked = {"idNumber": others.names.own.number, "venueId": life.venue_id}
    found = await clerk.ask(documents_people.DESK_FIND_PERSON, **asked)
    others.ids["person"] = found.value["person"]["personId"]
    life.desk_keys["invite"] = secrets.token_hex(8)
    inviting = {"personId": others.ids["person"], "powers": ["BOOK"], "helperPhone": life.citizen.phone}
    invited = await clerk.ask(
        documents_people.DESK_INVITE_HELPER,
        **inviting,
        venueId=life.venue_id,
        idempotencyKey=life.desk_keys["invite"],
    )
    assert invited.value["invitation"]
    granting = {"personId": others.ids["person"], "kind": "STUDENT", "endsOn": "2027-06-30"}
    made = await clerk.ask(documents_people.GRANT_CONCESSION, **granting, venueId=life.venue_id)
    others.ids["concession"] = made.value["person"]["concessions"][0]["id"]


async def a_fresh_person_at_the_desk(life: "Life") -> str:
    """Somebody whom the clerk has just verified."""
    person = a_person("无名氏", "19700101", order=secrets.randbelow(800) + 100)
    await life.others.house.register_person(person.name, person.number)
    asked = {"name": person.name, "idNumber": person.number, "venueId": life.venue_id}
    seen = await life.clerk.ask(documents_people.DESK_VERIFY_PERSON, **asked, idempotencyKey=secrets.token_hex(8))
    return str(seen.value["person"]["personId"])


async def _a_friend_leaves(life: "Life", others: Others) -> None:
    """Who has booked and asked to be forgotten, fifteen days ago; who it was, stays sealed."""
    house, person = others.house, others.names.friend
    friend = await house.citizen(phone=_a_phone(), device_id=f"friend-{life.gate_no}")
    await friend.ask(documents.BIND_PHONE, code=await friend.phone_code())
    await house.register_person(person.name, person.number)
    named = await friend.ask(documents_people.VERIFY_MY_NAME, name=person.name, idNumber=person.number)
    assert named.value["realName"]
    order = await friend.places(line(life.hall.badminton, at(11, days=2)))
    assert (await friend.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).value["order"]
    keys, now = privacy_keys(house.wired.settings), house.now()
    await deleting.request_deletion(member_id=await _row_of(friend), keys=keys.ids, now=now - COOLING_OFF)
    assert await deleting.delete_due(keys=keys, now=now) == 1
    others.ids["gone"] = friend.tokens["memberId"]
    others.sealed |= {friend.openid, friend.phone}


async def _other_doors(life: "Life", others: Others) -> None:
    """The official account's pages lead to the same member."""
    citizen = life.citizen
    state = await a_fresh_state(life, citizen.device_id)
    code = await citizen.official_code()
    linked = await citizen.ask(documents_doors.LINK_OFFICIAL_ACCOUNT, code=code, state=state)
    assert "OFFICIAL_ACCOUNT" in linked.value["me"]["doors"]
    others.used["official code"], others.used["state"] = code, state
    found = (await citizen.ask(documents_doors.MY_SIGN_INS)).value
    others.ids["sign-in"] = found[0]["id"]


async def a_fresh_state(life: "Life", device_id: str) -> str:
    house = life.citizen.house
    asked = {"returnTo": f"{house.wired.settings.public_base_url}/me", "deviceId": device_id}
    return str((await house.ask(documents_doors.OFFICIAL_ACCOUNT_SIGN_IN_URL, asked)).value["state"])


async def _of_staff(others: Others) -> None:
    found = await database.row(
        """SELECT staff_member.public_id, staff_role.public_id AS role_id, staff_sign_in.public_id AS sign_in_id
             FROM staff_member JOIN staff_role ON staff_role.staff_id = staff_member.id
             JOIN staff_sign_in ON staff_sign_in.staff_id = staff_member.id WHERE username = $1""",
        others.colleague.username,
    )
    assert found is not None
    others.ids["staff"] = found["public_id"]
    others.ids["staff role"], others.ids["staff sign-in"] = found["role_id"], found["sign_in_id"]


async def a_fresh_sms_code(life: "Life", purpose: str) -> str:
    """To the citizen's phone, as long after the last as one has to wait."""
    await database.rows("DELETE FROM phone_code RETURNING id")
    asked = {"phone": life.citizen.phone, "purpose": purpose, "deviceId": "somewhere"}
    who = life.citizen.authorization if purpose == "BIND" else ""
    await life.citizen.house.ask(documents_doors.REQUEST_SMS_CODE, asked, who)  # refused after five an hour
    return str(await life.citizen.house.sms_to(life.citizen.phone))
