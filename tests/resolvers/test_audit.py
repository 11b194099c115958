"""What staff do at the public door leaves its line, whichever field it is, and the auditor alone reads them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import graphql
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type

from bff import wiring
from models import database
from models.staff.rules import Role, StaffSignedIn
from resolvers.auditing import MEMBERS_OWN, NOT_AUDITED, Audited
from resolvers.context import Context
from resolvers.schema import build_schema
from tests.factories.booking import Hall, a_hall, at
from tests.factories.people import a_clerk
from tests.house import Answer, Citizen, House, line
from tests.models.audit.lines import all_lines
from tests.resolvers import documents, documents_audit

WORDS = {
    "String": "nobody-knows-this",
    "ID": "nobody-knows-this",
    "Int": 1,
    "Float": 1.0,
    "Fen": 1,
    "Boolean": False,
    "DateTime": "2026-11-20T10:00:00+08:00",
    "Date": "2026-11-20",
}


def word_for(kind: Any) -> Any:
    """Something that the argument's type takes, and that leads nowhere."""
    if isinstance(kind, GraphQLNonNull):
        return word_for(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [word_for(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        needed = kind.fields.items()
        return {name: word_for(field.type) for name, field in needed if isinstance(field.type, GraphQLNonNull)}
    return WORDS[kind.name]


def document_for(kind: str, name: str, field: graphql.GraphQLField) -> tuple[str, dict[str, Any]]:
    needed = {key: argument for key, argument in field.args.items() if isinstance(argument.type, GraphQLNonNull)}
    declared = ", ".join(f"${key}: {argument.type}" for key, argument in needed.items())
    given = ", ".join(f"{key}: ${key}" for key in needed)
    deeper = " { __typename }" if hasattr(get_named_type(field.type), "fields") else ""
    text = f"{kind} {f'({declared})' if declared else ''} {{ {name}{f'({given})' if given else ''}{deeper} }}"
    return text, {key: word_for(argument.type) for key, argument in needed.items()}


class Asked(Context):
    """Knows afterwards whether a field wanted to know which clerk it is."""

    wanted_staff = False

    async def staff(self) -> StaffSignedIn:
        self.wanted_staff = True
        return await super().staff()

    async def arriving_staff(self) -> StaffSignedIn:
        self.wanted_staff = True
        return await super().arriving_staff()


async def test_every_field_that_asks_for_staff_leaves_a_line_or_says_why_not(house: House) -> None:
    schema = build_schema()._schema
    services = wiring.services(house.wired)
    hall = await a_hall()
    clerk = await a_clerk(hall.venue.public_id, roles=[Role.VENUE_MANAGER, Role.FINANCE])
    fields = [
        (kind, name, field)
        for kind, root in (("query", schema.query_type), ("mutation", schema.mutation_type))
        for name, field in (root.fields.items() if root else ())
    ]
    for_staff = set()
    for kind, name, field in fields:
        if name == "staffSignOut":
            continue  # the last one, below
        context = Asked(
            services=services, now=house.now(), authorization=f"Staff {clerk.token}", address="10.1.2.3"
        )
        before = len(await all_lines())
        text, variables = document_for(kind, name, field)
        await graphql.graphql(schema, text, variable_values=variables, context_value=context)
        told = [said["act"] for said in (await all_lines())[before:]]
        if context.wanted_staff:
            for_staff.add(name)
            assert set(told) == (set() if name in NOT_AUDITED else {name}), name
    assert {"redeem", "giveBack", "refundsToSettle", "auditLines", "revealPhone", *NOT_AUDITED} <= for_staff
    assert len(for_staff) > 20


def test_whatever_is_not_audited_is_there_and_every_other_root_field_is_under_audit() -> None:
    schema = build_schema()
    names = set()
    for root in ("Query", "Mutation"):
        definition: Any = schema.get_type_by_name(root)
        for field in definition.fields:
            name = schema.config.name_converter.get_graphql_name(field)
            names.add(name)
            is_public = any(type(directive).__name__ == "Public" for directive in field.directives)
            audited = [isinstance(extension, Audited) for extension in field.extensions]
            assert is_public or audited.count(True) == (name not in MEMBERS_OWN), name
            assert not any(audited[1:]), f"{name}: a refusal would become userErrors before it is seen"
    assert {*NOT_AUDITED, *MEMBERS_OWN} <= names


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall(market_fen_per_hour=0)


async def staff_of(*roles: Role, venue: str | None = None, region_key: str = "") -> str:
    """An Authorization header."""
    if venue is None:
        clerk = await a_clerk(roles=roles, region_key=region_key)
    else:
        clerk = await a_clerk(venue, roles=roles)
    await database.rows("UPDATE staff_sign_in SET stage = 'OPEN'")  # who has given their second factor
    return f"Staff {clerk.token}"


async def ask_audit(house: House, authorization: str, **variables: Any) -> Answer:
    return await house.ask(documents_audit.AUDIT_LINES, variables, authorization)


def nodes(answer: Answer) -> Sequence[Any]:
    return [edge["node"] for edge in answer.value["edges"]]


async def test_a_scan_and_what_is_tried_elsewhere_are_found_by_the_auditor(house: House, hall: Hall) -> None:
    clerk = await house.clerk(hall.venue.public_id)
    await clerk.scans("9" * 24, hall.venue.public_id)
    await clerk.scans("9" * 24, "ven_SOMEBODYELSES2345678")
    auditor = await staff_of(Role.AUDITOR)
    found = nodes(await ask_audit(house, auditor, filter={"act": "redeem"}))
    assert [(said["outcome"], said["venueId"]) for said in found] == [
        ("NOT_ALLOWED", "ven_SOMEBODYELSES2345678"),
        ("OK", hall.venue.public_id),
    ]
    assert found[1]["detail"] == "UNKNOWN_CODE"  # the scan was answered, and stored; so is what it was told
    assert {said["actorKind"] for said in found} == {"STAFF"}
    assert {(said["address"], said["deviceId"]) for said in found} == {("203.0.113.7", "desk-1")}
    again = nodes(await ask_audit(house, auditor, filter={"act": "auditLines"}))
    assert [(said["outcome"], said["isReading"], said["detail"]) for said in again] == [("OK", True, "act=redeem")]


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.DATA_OFFICER, Role.REGULATOR])
async def test_nobody_but_an_auditor_reads_the_trail_and_trying_is_a_line(house: House, role: Role) -> None:
    answer = await ask_audit(house, await staff_of(role))
    assert answer.refusal.code == "NOT_ALLOWED"
    tried = [said for said in await all_lines() if said["act"] == "auditLines"]
    assert [said["outcome"] for said in tried] == ["NOT_ALLOWED"]


async def test_members_and_strangers_do_not_read_the_trail(house: House) -> None:
    citizen = await house.citizen()
    assert (await citizen.ask(documents_audit.AUDIT_LINES)).refusal.code == "NOT_SIGNED_IN"
    assert (await ask_audit(house, "")).refusal.code == "NOT_SIGNED_IN"
    assert await all_lines() == []


async def test_a_wrong_filter_is_told_and_is_not_written_down(house: House) -> None:
    answer = await ask_audit(house, await staff_of(Role.AUDITOR), filter={"subjectId": "13800001111"})
    assert answer.refusal.code == "BAD_INPUT"
    assert "13800001111" not in str(await all_lines())


async def a_booking(house: House, hall: Hall) -> tuple[Citizen, Any]:
    citizen = await house.citizen(phone="13800001111")
    await citizen.ask(documents.BIND_PHONE, code=await citizen.phone_code())
    return citizen, await citizen.places(line(hall.badminton, at(11, days=1)))


async def test_a_number_is_revealed_to_who_may_with_the_reason_in_the_trail(house: House, hall: Hall) -> None:
    citizen, order = await a_booking(house, hall)
    manager = await staff_of(Role.VENUE_MANAGER, venue=hall.venue.public_id)
    member_id = citizen.tokens["memberId"]
    asked = {"reason": "场地临时关闭，电话通知顾客", "venueId": hall.venue.public_id}
    for whom in ({"memberId": member_id}, {"orderNo": order["orderNo"]}):
        answer = await house.ask(documents_audit.REVEAL_PHONE, {**asked, **whom}, manager)
        assert answer.value["revealed"] == {"memberId": member_id, "text": "+8613800001111"}
    named = await house.ask(documents_audit.REVEAL_NAME, {**asked, "memberId": member_id}, manager)
    assert named.value["revealed"] == {"memberId": member_id, "text": None}
    lines = [said for said in await all_lines() if said["act"].startswith("reveal")]
    assert [
        (said["act"], said["outcome"], said["subject_id"], said["is_reading"], said["detail"]) for said in lines
    ] == [(act, "OK", member_id, True, asked["reason"]) for act in ("revealPhone", "revealPhone", "revealName")]
    assert "13800001111" not in str(await all_lines())


async def test_a_neighbours_customer_is_unknown_and_a_clerk_without_the_power_sees_nobody(
    house: House, hall: Hall
) -> None:
    citizen, order = await a_booking(house, hall)
    other = await a_hall(name="隔壁体育馆")
    member_id = citizen.tokens["memberId"]
    manager = await staff_of(Role.VENUE_MANAGER, venue=other.venue.public_id)
    clerk = await staff_of(Role.REDEEMER, venue=hall.venue.public_id)
    here, there = hall.venue.public_id, other.venue.public_id
    reason = "想看看这个人是谁"
    for who, asked, code in (
        (manager, {"venueId": there, "memberId": member_id}, "MEMBER_UNKNOWN"),
        (manager, {"venueId": there, "orderNo": order["orderNo"]}, "MEMBER_UNKNOWN"),
        (manager, {"venueId": here, "memberId": member_id}, "NOT_ALLOWED"),
        (manager, {"memberId": member_id}, "NOT_ALLOWED"),
        (clerk, {"venueId": here, "memberId": member_id}, "NOT_ALLOWED"),
        (manager, {"venueId": there}, "BAD_INPUT"),
    ):
        answer = await house.ask(documents_audit.REVEAL_PHONE, {"reason": reason, **asked}, who)
        assert answer.refusal.code == code, asked
    lines = [said for said in await all_lines() if said["act"] == "revealPhone"]
    assert [said["outcome"] for said in lines] == [*2 * ["MEMBER_UNKNOWN"], *3 * ["NOT_ALLOWED"], "BAD_INPUT"]
    assert [said["subject_id"] for said in lines[:1]] == [member_id]


async def test_sign_ins_of_staff_are_lines_and_no_typed_name_is_kept(house: House, hall: Hall) -> None:
    clerk = await house.clerk(hall.venue.public_id)
    known = {"username": clerk.username, "password": "wrong-Password-1", "deviceId": "desk-1"}
    for _ in range(5):
        await house.ask(documents.STAFF_SIGN_IN, known)
    await house.ask(documents.STAFF_SIGN_IN, {**known, "username": "13800001111"})
    lines = [said for said in await all_lines() if said["act"] == "staffSignIn"]
    assert [said["outcome"] for said in lines] == [
        "OK",
        *4 * ["STAFF_CREDENTIALS_WRONG"],
        "STAFF_LOCKED",
        "STAFF_CREDENTIALS_WRONG",
    ]
    (account,) = {said["actor_id"] for said in lines[:6]}
    assert account.startswith("stf_")
    assert lines[6]["actor_id"] == ""
    assert "13800001111" not in str(lines)


async def test_a_line_that_cannot_be_written_keeps_the_answer_in(
    house: House, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, order = await a_booking(house, hall)
    manager = await staff_of(Role.VENUE_MANAGER, venue=hall.venue.public_id)
    asked = {"reason": "电话通知顾客", "venueId": hall.venue.public_id, "orderNo": order["orderNo"]}
    await database.rows("ALTER TABLE audit_line RENAME TO audit_line_away")
    try:
        answer = await house.ask(documents_audit.REVEAL_PHONE, asked, manager)
    finally:
        await database.rows("ALTER TABLE audit_line_away RENAME TO audit_line")
    assert "13800001111" not in answer.text
    assert answer.said["errors"][0]["extensions"]["code"] == "INTERNAL"


@pytest.mark.postgres
async def test_scans_at_once_leave_a_line_each_and_two_workers_chain_them_once(house: House, hall: Hall) -> None:
    from models.audit.operations import chain_some
    from models.audit.queries import verify
    from models.keys import AuditKeys

    clerk = await house.clerk(hall.venue.public_id)
    keys = AuditKeys(house.wired.settings.audit_keys)
    scans = [clerk.scans("9" * 24, hall.venue.public_id) for _ in range(10)]
    await asyncio.gather(*scans, *(chain_some(keys=keys) for _ in range(6)))
    while (await chain_some(keys=keys)).lines:
        pass
    found = await verify(keys=keys)
    assert (found.lines, found.broken) == (len(await all_lines()), None)
    assert len([said for said in await all_lines() if said["act"] == "redeem"]) == 10
