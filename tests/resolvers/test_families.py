"""Families at the public door: the way through it for each field, and what it says to everybody else."""

from datetime import datetime
from typing import Any

import pytest
from graphql import GraphQLObjectType, TypeInfo, TypeInfoVisitor, Visitor, build_schema, parse, validate, visit

from models import database
from models.real_names.rules import NamedPerson
from resolvers.schema import build_schema as our_schema
from tests.factories.booking import Hall, a_hall, at
from tests.factories.names import CHILD, FATHER, GRANDMOTHER, MOTHER
from tests.house import Answer, Citizen, Clerk, House, line, nothing_changes
from tests.resolvers import documents_people as documents
from tests.resolvers.documents import ORDER
from tests.resolvers.documents_merging import MERGE_CODE, MY_MERGES

GRANDSON_PHONE, HER_PHONE = "13812345678", "13812345679"


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall(market_fen_per_hour=0)


async def named(house: House, person: NamedPerson, *, phone: str = "13800000001") -> Citizen:
    """Somebody signed in who has verified their name."""
    await house.register_person(person.name, person.number)
    citizen = await house.citizen(phone=phone)
    answer = await citizen.ask(documents.VERIFY_MY_NAME, name=person.name, idNumber=person.number)
    assert answer.value["realName"]["maskedName"] == person.masked
    return citizen


async def consents(citizen: Citizen, purpose: str) -> None:
    """Agrees to the text of today, whose version these tests know."""
    who = await citizen.ask("{ me { id } }")
    await database.rows(
        """INSERT INTO consent (public_id, member_id, purpose, version, text_hash, at_desk, given_at, end_reason)
           SELECT $1, id, $2, '2026.1', '', FALSE, $3, '' FROM member WHERE public_id = $4""",
        f"cns_{purpose}",
        purpose,
        citizen.house.now(),
        who.value["id"],
    )


async def read_card(clerk: Clerk, hall: Hall, person: NamedPerson) -> Answer:
    asked = {"name": person.name, "idNumber": person.number, "venueId": hall.venue.public_id}
    return await clerk.ask(documents.DESK_VERIFY_PERSON, **asked)


# who one is


async def test_a_name_is_verified_shown_masked_and_taken_back(house: House) -> None:
    citizen = await house.citizen()
    assert (await citizen.ask(documents.MY_NAME)).value is None
    async with nothing_changes():
        wrong = await citizen.ask(documents.VERIFY_MY_NAME, name="王秀兰", idNumber="510104195203150020")
    assert (wrong.refusal.code, wrong.refusal.field) == ("ID_NUMBER_WRONG", "idNumber")
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    asked = {"name": GRANDMOTHER.name, "idNumber": GRANDMOTHER.number}
    outdated = await citizen.ask(documents.VERIFY_MY_NAME, **asked, consentVersion="1999.1")
    assert outdated.refusal.code == "CONSENT_OUTDATED"
    known = (await citizen.ask(documents.VERIFY_MY_NAME, **asked)).value["realName"]
    assert (known["maskedName"], known["level"], known["ageBand"]) == ("王**", "AGREED", "ELDER")
    assert known["concessions"] == [{"id": None, "kind": "SENIOR", "endsOn": None}]
    assert (await citizen.ask(documents.MY_NAME)).value == known
    other = await house.citizen(phone="13800000002")
    elsewhere = await other.ask(documents.VERIFY_MY_NAME, **asked)
    assert elsewhere.refusal.code == "ID_BOUND_ELSEWHERE"
    assert (await citizen.ask(documents.UNBIND_MY_NAME)).value["unbound"] is True
    assert (await other.ask(documents.VERIFY_MY_NAME, **asked)).value["realName"] is not None
    for secret in (GRANDMOTHER.number, GRANDMOTHER.name):
        assert not any(secret in answer for answer in house.answers)
        assert secret not in house.log()


async def test_while_the_authority_does_not_answer_nothing_is_bound(house: House) -> None:
    citizen = await house.citizen()
    await house.tencent.put("/_sandbox/faults", json={"busy": True})
    try:
        asked = {"name": GRANDMOTHER.name, "idNumber": GRANDMOTHER.number}
        answer = await citizen.ask(documents.VERIFY_MY_NAME, **asked)
    finally:
        await house.tencent.put("/_sandbox/faults", json={})
    assert answer.refusal.code == "OUTSIDE_UNAVAILABLE"
    assert GRANDMOTHER.number not in house.log()


# guardians and wards


async def test_a_mother_books_for_her_child_shares_it_with_the_father_and_cannot_leave_it_alone(
    house: House, hall: Hall
) -> None:
    await house.register_person(CHILD.name, CHILD.number)
    mother = await named(house, MOTHER)
    father = await named(house, FATHER, phone="13800000002")
    added = await mother.ask(documents.ADD_WARD, name=CHILD.name, idNumber=CHILD.number)
    (ward,) = added.value["people"]["wards"]
    assert (ward["maskedName"], ward["relation"]) == ("李**", "MOTHER")
    child = ward["memberId"]
    lines = [line(hall.badminton, at(11))]
    placed = await mother.ask(documents.PLACE_ORDER_FOR, idempotencyKey="k1", lines=lines, forMember=child)
    order = placed.value["order"]
    assert order["placedByHelper"] is True
    assert (await mother.ask(documents.ORDER_FOR, orderNo=order["orderNo"])).value is None
    asked = {"orderNo": order["orderNo"], "forMember": child}
    assert (await mother.ask(documents.ORDER_FOR, **asked)).value["placedByHelper"] is True
    assert (await father.ask(documents.ORDER_FOR, **asked)).refusal.code == "MEMBER_UNKNOWN"
    invited = (await mother.ask(documents.INVITE_GUARDIAN, wardId=child)).value["invitation"]
    accepted = (await father.ask(documents.ACCEPT_INVITATION, code=invited["code"])).value
    assert (accepted["kind"], accepted["people"]["wards"][0]["memberId"]) == ("GUARDIAN", child)
    assert (await father.ask(documents.ORDER_FOR, **asked)).value is not None
    await mother.ask(documents.END_GUARDIANSHIP, guardianshipId=ward["id"])
    (mine,) = (await father.ask(documents.MY_PEOPLE)).value["wards"]
    async with nothing_changes():
        last = await father.ask(documents.END_GUARDIANSHIP, guardianshipId=mine["id"])
    assert last.refusal.code == "WARD_WOULD_BE_ALONE"
    assert (await mother.ask(documents.ORDER_FOR, **asked)).refusal.code == "MEMBER_UNKNOWN"


# helpers


async def test_a_helper_does_what_the_powers_name_through_every_argument_for_member(
    house: House, hall: Hall
) -> None:
    grandmother, stranger = await house.citizen(), await house.citizen(phone="13800000003")
    grandson = await house.citizen(phone=GRANDSON_PHONE)
    asked = {"powers": ["BOOK", "SHOW_CODES"]}
    assert (await grandmother.ask(documents.INVITE_HELPER, **asked)).refusal.code == "CONSENT_NEEDED"
    await consents(grandmother, "HELPER")
    invited = (await grandmother.ask(documents.INVITE_HELPER, **asked)).value["invitation"]
    assert (await grandson.ask(documents.ACCEPT_INVITATION, code=invited["code"])).value["kind"] == "HELPER"
    (principal,) = (await grandson.ask(documents.MY_PEOPLE)).value["principals"]
    whom = {"forMember": principal["memberId"]}
    lines = [line(hall.badminton, at(11))]
    placed = await grandson.ask(documents.PLACE_ORDER_FOR, idempotencyKey="k1", lines=lines, **whom)
    order = placed.value["order"]
    order_no, place = order["orderNo"], order["admissions"][0]["id"]
    assert (await grandmother.ask(documents.ORDER_FOR, orderNo=order_no)).value["placedByHelper"] is True
    assert (await grandson.ask(documents.ORDERS_FOR)).value["edges"] == []
    assert (await grandson.ask(documents.ORDERS_FOR, **whom)).refusal.code == "POWER_NOT_GIVEN"
    codes = await grandson.ask(documents.ADMISSION_CODES_FOR, admissionId=place, **whom)
    assert len(codes.value["printedCode"]) == 24
    assert (await grandson.ask(documents.REFUND_QUOTE_FOR, orderNo=order_no, **whom)).value == {"total": 0}
    assert (await grandson.ask(documents.PAY_ORDER_FOR, orderNo=order_no, **whom)).refusal.code == "ORDER_FREE"
    async with nothing_changes():
        for document, variables in (
            (documents.PLACE_ORDER_FOR, {"idempotencyKey": "k2", "lines": lines}),
            (documents.ORDER_FOR, {"orderNo": order_no}),
            (documents.ORDERS_FOR, {}),
            (documents.CANCEL_ORDER_FOR, {"orderNo": order_no}),
            (documents.REFUND_QUOTE_FOR, {"orderNo": order_no}),
            (documents.PAY_ORDER_FOR, {"orderNo": order_no}),
            (documents.ADMISSION_CODES_FOR, {"admissionId": place}),
        ):
            refused = await stranger.ask(document, **variables, **whom)
            assert (refused.refusal.code, refused.refusal.field) == ("MEMBER_UNKNOWN", "forMember"), document
    cancelled = await grandson.ask(documents.CANCEL_ORDER_FOR, orderNo=order_no, **whom)
    assert cancelled.value["order"]["status"] in ("CANCELLED", "CLOSED")
    ended = await grandmother.ask(documents.END_PROXY, proxyId=principal["id"])
    assert ended.value["people"]["helpers"] == []
    assert (await grandson.ask(documents.ORDERS_FOR, **whom)).refusal.code == "MEMBER_UNKNOWN"


async def test_whoever_helps_pays_with_their_own_wechat(house: House, hall: Hall) -> None:
    dear = await a_hall(name="收费馆")
    grandmother, grandson = await house.citizen(), await house.citizen(phone=GRANDSON_PHONE)
    await consents(grandmother, "HELPER")
    invited = (await grandmother.ask(documents.INVITE_HELPER, powers=["BOOK"])).value["invitation"]
    accepted = await grandson.ask(documents.ACCEPT_INVITATION, code=invited["code"])
    whom = {"forMember": accepted.value["people"]["principals"][0]["memberId"]}
    lines = [line(dear.badminton, at(11))]
    placed = await grandson.ask(documents.PLACE_ORDER_FOR, idempotencyKey="k1", lines=lines, **whom)
    order_no = placed.value["order"]["orderNo"]
    await grandson.ask(documents.PAY_ORDER_FOR, orderNo=order_no, **whom)
    (payment,) = await database.rows("SELECT payer FROM payment")
    assert payment["payer"] == grandson.openid


async def test_invitations_are_declined_taken_back_and_companions_end(house: House) -> None:
    one, other = await house.citizen(), await house.citizen(phone="13800000002")
    invited = [(await one.ask(documents.INVITE_COMPANION)).value["invitation"] for _ in range(3)]
    assert (await other.ask(documents.DECLINE_INVITATION, code=invited[0]["code"])).value["declined"] is True
    left = await one.ask(documents.WITHDRAW_INVITATION, invitationId=invited[1]["id"])
    assert [each["id"] for each in left.value["people"]["invitations"]] == [invited[2]["id"]]
    for gone in invited[:2]:
        assert (
            await other.ask(documents.ACCEPT_INVITATION, code=gone["code"])
        ).refusal.code == "INVITATION_UNKNOWN"
    accepted = (await other.ask(documents.ACCEPT_INVITATION, code=invited[2]["code"])).value
    (companion,) = accepted["people"]["companions"]
    ended = await one.ask(documents.END_COMPANIONSHIP, companionshipId=companion["id"])
    assert ended.value["people"]["companions"] == []
    again = await house.citizen(phone="13800000004")
    assert (await again.ask(documents.END_COMPANIONSHIP, companionshipId=companion["id"])).refusal.code == (
        "RELATION_UNKNOWN"
    )


# at the desk


async def test_a_grandmother_without_a_phone_is_served_by_her_card_with_her_grandson_as_helper(
    house: House, hall: Hall
) -> None:
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk, grandson = await house.clerk(hall.venue.public_id), await house.citizen(phone=GRANDSON_PHONE)
    await grandson.ask(
        "mutation ($code: String!) { bindPhone(code: $code) { me { id } userErrors { code } } }",
        code=await grandson.phone_code(),
    )
    here = {"venueId": hall.venue.public_id}
    nobody = await clerk.ask(documents.DESK_FIND_PERSON, idNumber=GRANDMOTHER.number, **here)
    assert nobody.value["person"] is None
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    assert (person["maskedName"], person["level"], person["admissions"]) == ("王**", "SEEN", [])
    whom = {"personId": person["personId"], **here}
    wanted = {"powers": ["BOOK", "SHOW_CODES"], "helperPhone": GRANDSON_PHONE, "idempotencyKey": "one-form"}
    invited, again = [await clerk.ask(documents.DESK_INVITE_HELPER, **wanted, **whom) for _ in range(2)]
    assert again.value["invitation"] == invited.value["invitation"], "pressed twice, it is one code"
    await grandson.ask(documents.ACCEPT_INVITATION, code=invited.value["invitation"]["code"])
    lines = [line(hall.badminton, at(11, days=0))]
    booked = await clerk.ask(documents.PLACE_ORDER_AT_DESK, lines=lines, idempotencyKey="one-booking", **whom)
    order_no = booked.value["order"]["orderNo"]
    await house.travel(datetime.fromisoformat("2026-11-20T02:45:00Z"))
    await clerk.sign_in()
    found = (await clerk.ask(documents.DESK_FIND_PERSON, idNumber=GRANDMOTHER.number, **here)).value["person"]
    (place,) = found["admissions"]
    assert place["orderNo"] == order_no
    entered = await clerk.scans(place["printedCode"], hall.venue.public_id, idChecked=True)
    assert entered.value["verdict"]["outcome"] == "ENTERED"
    for secret in (GRANDMOTHER.number, GRANDMOTHER.name):
        assert not any(secret in answer for answer in house.answers)
        assert secret not in house.log()


async def test_a_grandmother_who_got_a_phone_finds_on_it_what_she_had_at_the_desk(
    house: House, hall: Hall
) -> None:
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk, phone = await house.clerk(hall.venue.public_id), await house.citizen(phone=HER_PHONE)
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    whom = {"personId": person["personId"], "venueId": hall.venue.public_id}
    lines = [line(hall.badminton, at(11))]
    booked = await clerk.ask(documents.PLACE_ORDER_AT_DESK, lines=lines, idempotencyKey="one-booking", **whom)
    order_no = booked.value["order"]["orderNo"]
    asked = {"name": GRANDMOTHER.name, "idNumber": GRANDMOTHER.number}
    elsewhere = await phone.ask(documents.VERIFY_MY_NAME, **asked)
    assert elsewhere.refusal.code == "ID_BOUND_ELSEWHERE"
    code = (await phone.ask(MERGE_CODE)).value["code"]
    async with nothing_changes():
        stranger = await house.ask(documents.DESK_JOIN_ACCOUNT, {"code": code, **whom})
        assert stranger.refusal.code == "NOT_SIGNED_IN"
    for _ in range(2):
        joined = await clerk.ask(documents.DESK_JOIN_ACCOUNT, code=code, **whom)
        assert joined.value["joined"] is True
    assert (await phone.ask(ORDER, orderNo=order_no)).value["orderNo"] == order_no
    assert (await phone.ask(documents.VERIFY_MY_NAME, **asked)).value["realName"]["maskedName"] == "王**"
    (merge,) = (await phone.ask(MY_MERGES)).value
    assert merge["isUndoable"] is True
    said = await database.rows("SELECT * FROM audit_line WHERE act = 'deskJoinAccount' ORDER BY id")
    assert {(line["outcome"], line["subject_id"]) for line in said} == {("OK", person["personId"])}
    assert said[0]["detail"] == phone.tokens["memberId"]


async def test_what_was_said_at_the_desk_is_taken_back_there_by_who_may(house: House, hall: Hall) -> None:
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk = await house.clerk(hall.venue.public_id)
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    whom = {"personId": person["personId"], "venueId": hall.venue.public_id}
    wanted = {"powers": ["BOOK"], "helperPhone": GRANDSON_PHONE, "idempotencyKey": "one-form"}
    assert (await clerk.ask(documents.DESK_INVITE_HELPER, **wanted, **whom)).value["invitation"]
    async with nothing_changes():
        stranger = await house.ask(documents.DESK_WITHDRAW_CONSENT, {"purpose": "HELPER", **whom})
        assert stranger.refusal.code == "NOT_SIGNED_IN"
    service = await clerk.ask(documents.DESK_WITHDRAW_CONSENT, purpose="SERVICE", **whom)
    assert service.refusal.code == "BAD_INPUT"
    for _ in range(2):
        done = await clerk.ask(documents.DESK_WITHDRAW_CONSENT, purpose="HELPER", **whom)
        assert done.value["withdrawn"] is True
    (open_yet,) = await database.rows("SELECT count(*) AS n FROM invitation WHERE status = 'OPEN'")
    assert open_yet["n"] == 0
    lines = await database.rows("SELECT * FROM audit_line WHERE act = 'deskWithdrawConsent' ORDER BY id")
    assert [(line["outcome"], line["subject_id"], line["venue_id"]) for line in lines] == [
        (outcome, person["personId"], hall.venue.public_id) for outcome in ("BAD_INPUT", "OK", "OK")
    ]


async def test_what_was_booked_at_the_desk_is_given_up_there_by_who_may(house: House, hall: Hall) -> None:
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    clerk, stranger = await house.clerk(hall.venue.public_id), await house.citizen()
    person = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]
    whom = {"personId": person["personId"], "venueId": hall.venue.public_id}
    lines = [line(hall.badminton, at(11))]
    booked = await clerk.ask(documents.PLACE_ORDER_AT_DESK, lines=lines, idempotencyKey="one-booking", **whom)
    order_no = booked.value["order"]["orderNo"]
    (ahead,) = (await read_card(clerk, hall, GRANDMOTHER)).value["person"]["ahead"]
    assert (ahead["orderNo"], ahead["titles"]) == (order_no, "羽毛球1号场")
    quote = (await clerk.ask(documents.REFUND_QUOTE_AT_DESK, orderNo=order_no, **whom)).value
    asked = {"orderNo": order_no, "expectedRefund": quote["total"], **whom}
    async with nothing_changes():
        assert (await stranger.ask(documents.CANCEL_ORDER_AT_DESK, **asked)).refusal.code == "NOT_SIGNED_IN"
    for _ in range(2):
        assert (await clerk.ask(documents.CANCEL_ORDER_AT_DESK, **asked)).value["cancelled"] is True
    assert (await read_card(clerk, hall, GRANDMOTHER)).value["person"]["ahead"] == []
    said = await database.rows(
        "SELECT * FROM audit_line WHERE act IN ('refundQuoteAtDesk', 'cancelOrderAtDesk') AND outcome = 'OK' ORDER BY id"
    )
    assert [(each["subject_id"], bool(each["is_reading"])) for each in said] == [
        (person["personId"], reading) for reading in (True, False, False)
    ]


async def test_concessions_are_granted_revoked_and_numbers_freed_by_who_may(house: House, hall: Hall) -> None:
    await house.register_person(FATHER.name, FATHER.number)
    clerk = await house.clerk(hall.venue.public_id)
    person = (await read_card(clerk, hall, FATHER)).value["person"]
    whom = {"personId": person["personId"], "venueId": hall.venue.public_id}
    asked = {"kind": "STUDENT", "endsOn": "2027-08-31", **whom}
    assert (await clerk.ask(documents.GRANT_CONCESSION, **asked)).refusal.code == "NOT_ALLOWED"
    await database.rows("UPDATE staff_role SET role = 'VENUE_MANAGER' WHERE role = 'REDEEMER'")
    granted = (await clerk.ask(documents.GRANT_CONCESSION, **asked)).value["person"]
    (concession,) = granted["concessions"]
    assert (concession["kind"], concession["endsOn"]) == ("STUDENT", "2027-08-31")
    revoked = await clerk.ask(documents.REVOKE_CONCESSION, concessionId=concession["id"])
    assert revoked.value["revoked"] is True
    assert (await clerk.ask(documents.DESK_FREE_NUMBER, **whom)).value["freed"] is True
    again = await clerk.ask(documents.DESK_FREE_NUMBER, **whom)
    assert again.refusal.code == "MEMBER_UNKNOWN"


async def test_a_stranger_at_the_desk_finds_nobody(house: House, hall: Hall) -> None:
    elsewhere = await a_hall(name="别处")
    clerk = await house.clerk(elsewhere.venue.public_id)
    asked = {"idNumber": GRANDMOTHER.number, "venueId": hall.venue.public_id}
    async with nothing_changes():
        assert (await house.ask(documents.DESK_FIND_PERSON, asked)).refusal.code == "NOT_SIGNED_IN"
    assert (await clerk.ask(documents.DESK_FIND_PERSON, **asked)).refusal.code == "NOT_ALLOWED"


# documents


def test_these_documents_ask_for_every_field_of_their_types() -> None:
    schema = build_schema(our_schema().as_str())
    asked: set[tuple[str, str]] = set()
    for text in documents.ALL:
        document, types = parse(text), TypeInfo(schema)
        assert validate(schema, document) == [], text

        class Reader(Visitor):
            def enter_field(self, node: Any, *_: object, types: TypeInfo = types) -> None:
                owner = types.get_parent_type()
                assert owner is not None
                asked.add((owner.name, node.name.value))

        visit(document, TypeInfoVisitor(types, Reader()))
    mine = ("RealName", "Concession", "People", "Guardianship", "Help", "Companion", "Invitation", "NewInvitation")
    for name in (*mine, "DeskPerson", "DeskAdmission"):
        kind = schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        assert {(name, field) for field in kind.fields} <= asked
