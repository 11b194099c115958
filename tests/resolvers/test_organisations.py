"""Organisations at the public door: every root field, and who may use it."""

from typing import Any

import pytest

from bff import wiring
from models.staff.rules import Role
from tests.factories.feedback import divisions
from tests.factories.organisations import a_credit_code, is_known_by_name
from tests.house import Citizen, House, nothing_changes
from tests.resolvers import documents_organisations as documents
from tests.resolvers.test_feedback import member_id_of, staff_with


@pytest.fixture
async def owner(house: House) -> Citizen:
    await divisions()
    citizen = await house.citizen()
    await is_known_by_name(await member_id_of(citizen), keys=wiring.id_keys(house.wired.settings), now=house.now())
    return citizen


async def registers(citizen: Citizen, **asked: Any) -> Any:
    wanted = {
        "name": "锦城羽毛球俱乐部",
        "creditCode": a_credit_code(),
        "kind": "CLUB",
        "regionKey": "510107",
        **asked,
    }
    return (await citizen.ask(documents.REGISTER_ORGANISATION, **wanted)).value["organisation"]


async def test_an_organisation_is_registered_decided_shown_and_suspended(house: House, owner: Citizen) -> None:
    mine = await registers(owner)
    organisation_id = mine["registration"]["organisation"]["id"]
    assert (mine["role"], mine["registration"]["status"]) == ("OWNER", "PENDING")
    assert (await house.ask(documents.ORGANISATION, {"id": organisation_id})).value is None
    office = await staff_with(house, Role.REGULATOR, region_key="510100")
    (edge,) = (await office.ask(documents.ORGANISATIONS_TO_DECIDE)).value["edges"]
    assert edge["node"]["organisation"]["id"] == organisation_id
    decided = await office.ask(documents.DECIDE_ORGANISATION, organisationId=organisation_id, approve=True)
    assert decided.value["registration"]["status"] == "APPROVED"
    changed = {"organisationId": organisation_id, "introduction": "每周三晚上打球。"}
    assert (await owner.ask(documents.UPDATE_ORGANISATION, **changed)).value["organisation"]
    shown = (await house.ask(documents.ORGANISATION, {"id": organisation_id})).value
    assert shown == {
        "id": organisation_id,
        "name": "锦城羽毛球俱乐部",
        "kind": "CLUB",
        "regionKey": "510107",
        "regionName": "武侯区",
        "introduction": "每周三晚上打球。",
        "memberCount": 1,
    }
    why = {"organisationId": organisation_id, "suspend": True, "note": "年检未过"}
    assert (await office.ask(documents.SUSPEND_ORGANISATION, **why)).value["registration"][
        "decisionNote"
    ] == "年检未过"
    assert (await house.ask(documents.ORGANISATION, {"id": organisation_id})).value is None
    elsewhere = await staff_with(house, Role.REGULATOR, region_key="500000")
    assert (await elsewhere.ask(documents.SUSPEND_ORGANISATION, **why)).refusal.code == "ORGANISATION_UNKNOWN"


async def test_members_come_by_a_code_get_roles_and_go(house: House, owner: Citizen) -> None:
    organisation_id = (await registers(owner))["registration"]["organisation"]["id"]
    office = await staff_with(house, Role.REGULATOR, region_key="510107")
    await office.ask(documents.DECIDE_ORGANISATION, organisationId=organisation_id, approve=True)
    friend = await house.citizen(phone="13800000002", device_id="phone-2")
    withdrawn = (await owner.ask(documents.INVITE_TO_ORGANISATION, organisationId=organisation_id)).value
    back = await owner.ask(documents.WITHDRAW_ORGANISATION_INVITATION, invitationId=withdrawn["invitation"]["id"])
    assert back.value["organisation"]["invitations"] == []
    refused = await friend.ask(documents.ACCEPT_ORGANISATION_INVITATION, code=withdrawn["code"])
    assert refused.refusal.code == "INVITATION_UNKNOWN"
    invited = (await owner.ask(documents.INVITE_TO_ORGANISATION, organisationId=organisation_id)).value
    joined = (await friend.ask(documents.ACCEPT_ORGANISATION_INVITATION, code=invited["code"])).value[
        "organisation"
    ]
    assert (joined["role"], joined["registration"]["organisation"]["memberCount"]) == ("MEMBER", 2)
    members = (await owner.ask(documents.ORGANISATION_MEMBERS, organisationId=organisation_id)).value["edges"]
    assert [(edge["node"]["maskedName"], edge["node"]["role"], edge["node"]["isMe"]) for edge in members] == [
        ("李**", "OWNER", True),
        (None, "MEMBER", False),
    ]
    own = await friend.ask(documents.ORGANISATION_MEMBERS, organisationId=organisation_id)
    assert own.refusal.code == "NOT_ALLOWED"
    asked = {"membershipId": joined["membershipId"], "role": "MANAGER"}
    assert (await owner.ask(documents.SET_ORGANISATION_ROLE, **asked)).refusal.code == "REAL_NAME_NEEDED"
    left = await owner.ask(documents.LEAVE_ORGANISATION, organisationId=organisation_id)
    assert left.refusal.code == "ORGANISATION_STATE"
    gone = await owner.ask(documents.REMOVE_ORGANISATION_MEMBER, membershipId=joined["membershipId"])
    assert gone.value["organisation"]["registration"]["organisation"]["memberCount"] == 1
    assert (await friend.ask(documents.MY_ORGANISATIONS)).value == []
    (mine,) = (await owner.ask(documents.MY_ORGANISATIONS)).value
    assert mine["registration"]["organisation"]["id"] == organisation_id
    closed = await owner.ask(documents.CLOSE_ORGANISATION, organisationId=organisation_id)
    assert closed.value["closed"] is True
    assert (await house.ask(documents.ORGANISATION, {"id": organisation_id})).value is None


async def test_everything_but_the_page_is_for_who_is_signed_in_and_known_by_name(
    house: House, owner: Citizen
) -> None:
    variables: dict[str, Any] = {
        "name": "锦城俱乐部", "creditCode": a_credit_code(), "kind": "CLUB", "regionKey": "510107", "id": "org_x",
        "organisationId": "org_x", "introduction": "介绍", "code": "x", "invitationId": "x", "membershipId": "x",
        "role": "MEMBER", "approve": True, "suspend": True,
    }  # fmt: skip
    nameless = await house.citizen(phone="13800000002", device_id="phone-2")
    async with nothing_changes():
        for document in documents.ALL:
            asked = {name: value for name, value in variables.items() if f"${name}:" in document}
            answer = await house.ask(document, asked)
            if document is documents.ORGANISATION:
                assert answer.value is None
            else:
                assert answer.refusal.code == "NOT_SIGNED_IN", document
        registering = {name: variables[name] for name in ("name", "creditCode", "kind", "regionKey")}
        refused = await nameless.ask(documents.REGISTER_ORGANISATION, **registering)
        assert refused.refusal.code == "REAL_NAME_NEEDED"
