"""The walk: everybody who is not An asks the whole schema for what is An's, and finds nothing.

Nothing here lists fields or types. The documents are written by the schema (`questions.py`), An's things are whatever
is in the house since An came (`lives.py`), and an argument that nobody told the walk about fails it (`arguments.py`).
Who has An's credential itself, be it a token or a code that opens a door, counts as An: how those are kept, and what a
stolen one is good for, is proved in tests/models/members/test_sign_in.py and tests/models/admissions/test_redeeming.py.
"""

import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from graphql import build_schema, graphql, parse, validate

from bff import wiring
from resolvers.context import Context
from tests.authorisation.arguments import (
    Try,
    a_code,
    document_of,
    faults_of,
    slots_of,
)
from tests.authorisation.kinds import ABSENT, Open, Reaching
from tests.authorisation.lives import STRANGER, Caller, Snapshot, World, read_at, snapshot, texts_in
from tests.authorisation.offices import OFFICES_ELSEWHERE
from tests.authorisation.questions import QUESTIONS, SCHEMA, everything_there_is, question_of
from tests.authorisation.walking import (
    Difference,
    Walk,
    code_of,
    differences,
    every_try,
    given_out,
    row_of,
    secrets_in,
    wrong_traces,
)
from tests.house import HERE


def test_every_argument_of_the_schema_is_known_to_the_walk() -> None:
    assert [fault for question in QUESTIONS for fault in faults_of(question)] == []


def test_an_argument_that_nobody_told_the_walk_about_stops_it() -> None:
    later = build_schema(
        """
        type Query { membership(membershipNo: String!, filter: Filter, size: Int! = 5, orderNo: ID): Membership }
        input Filter { guardianId: ID! }
        type Membership { lessons(coachKey: ID): Int }
        """
    )
    assert later.query_type is not None
    faults = faults_of(question_of("query", "membership", later.query_type.fields["membership"]))
    untold = [
        "`membership.membershipNo: String!`",
        "`Filter.guardianId: ID!`",
        "`Membership.lessons.coachKey: ID`",
    ]
    assert [re.findall("`.*`", fault)[0] for fault in faults] == untold


def test_the_walk_asks_for_every_field_of_every_type() -> None:
    asked = set().union(*(question.covers for question in QUESTIONS))
    assert asked == everything_there_is()
    for question in QUESTIONS:
        assert validate(SCHEMA, parse(document_of(question))) == [], question.name


@pytest.mark.parametrize(
    ("free_fen", "remaining", "excused"),
    [
        (8000, 8, {"free_fen", "remaining"}),
        (7999, 8, {"remaining"}),  # a fen more than the vouchers hold
        (8001, 7, set()),
        (10000, 10, set()),
        (8000, 9, {"free_fen"}),
    ],
)
def test_a_claim_excuses_what_its_vouchers_hold_and_no_fen_else(
    free_fen: int, remaining: int, excused: set[str]
) -> None:
    before: Snapshot = {
        ("voucher_pool", 1): {"free_fen": 10000},
        ("voucher_pool", 2): {"free_fen": 10000},
        ("voucher_round", 5): {"remaining": 10},
        ("voucher", 1): {"pool_id": 2, "round_id": 6, "face_fen": 1000},
    }
    claimed: Snapshot = {("voucher", 1 + n): {"pool_id": 1, "round_id": 5, "face_fen": 1000} for n in (1, 2)}
    after: Snapshot = {**before, **claimed, ("voucher_pool", 1): {"free_fen": free_fen}}
    after = {**after, ("voucher_pool", 2): {"free_fen": 9000}, ("voucher_round", 5): {"remaining": remaining}}
    assert {column for _, _, column in given_out(before, after)} == excused


WALKERS: Mapping[str, Callable[[World], Caller]] = {
    "a stranger": lambda world: STRANGER,
    "another citizen": lambda world: Caller.of("another citizen", world.bing.citizen),
    "a clerk of another venue": lambda world: Caller.of("a clerk of another venue", world.bing.clerk),
    "a third party": lambda world: Caller("a third party", {"X-Api-Key": world.third_party_key}, freely=True),
}


@pytest.mark.parametrize("name", WALKERS)
async def test_who_is_not_an_finds_nothing_of_ans_and_changes_nothing(world: World, name: str) -> None:
    before = await snapshot()
    walk = Walk(world, WALKERS[name](world))
    await walk.everything()
    assert len(walk.said) > 100
    assert wrong_traces(walk, before, await snapshot()) == []


@pytest.mark.parametrize("office", OFFICES_ELSEWHERE)
async def test_the_same_office_in_another_district_gets_nothing_of_ans_either(world: World, office: str) -> None:
    """Asked is what the office is asked here, and for those who have a venue's powers what a venue's clerk is asked."""
    before = await snapshot()
    walk = Walk(world, Caller.of(f"{office} elsewhere", world.offices_elsewhere[office]))
    await walk.everything(asked for asked in every_try(world) if is_for_the_office(asked, office))
    assert walk.said
    assert wrong_traces(walk, before, await snapshot()) == []


def is_for_the_office(asked: Try, office: str) -> bool:
    if asked.slot is None:
        return asked.question.kind == "query" and not asked.question.is_public
    assert isinstance(asked.slot.kind, Reaching)
    return asked.slot.kind.owner in ({office} if office in ("system", "security") else {office, "clerk"})


async def test_a_credential_in_the_wrong_place_is_none(world: World) -> None:
    """Tokens of other kinds, ended ones, and An's ids offered as tokens: all of them sound like a stranger."""
    an, token = world.an, world.an.citizen.tokens["accessToken"]
    offered = {
        "the clerk's token as a citizen's": f"Bearer {an.clerk.authorization.split()[1]}",
        "An's token as a clerk's": f"Staff {token}",
        "An's refresh token": f"Bearer {an.citizen.tokens['refreshToken']}",
        "a token that An signed out": f"Bearer {an.ended['accessToken']}",
        "An's token under another scheme": f"Basic {token}",
        "An's token without a scheme": token,
        "a gate's token": f"Bearer {an.gate.token}",
        "a gate's token as a clerk's": f"Staff {an.gate.token}",
        "a third party's key": f"Bearer {world.third_party_key}",
        "An's openid": f"Bearer {an.citizen.openid}",
        "a code": f"Bearer {an.codes['waiting 1']}",
        "an order's number": f"Bearer {an.orders['waiting']['orderNo']}",
    }
    closed = first_of_each([asked for asked in every_try(world) if not asked.question.is_public])
    before = await snapshot()
    stranger = Walk(world, STRANGER)
    await stranger.everything(closed)
    expected = {str(asked): answer.said for asked, answer in stranger.said}
    for name, authorization in offered.items():
        walk = Walk(world, Caller(name, {"Authorization": authorization}))
        for asked in closed:
            assert (await walk.ask(asked)).said == expected[str(asked)], (name, str(asked))
    assert differences(before, await snapshot()) == []


async def test_a_root_field_is_open_to_a_stranger_exactly_when_the_schema_says_so(world: World) -> None:
    walk = Walk(world, STRANGER)
    for asked in every_try(world):
        is_refused = code_of(await walk.ask(asked)) == "NOT_SIGNED_IN"
        assert is_refused is not asked.question.is_public, asked.question.name


async def test_an_answer_that_may_be_shared_is_the_same_for_everybody(world: World) -> None:
    """Past the door, where an answer may be a kept one."""
    callers = [Caller.of("An", world.an.citizen), Caller.of("An's clerk", world.an.clerk)]
    callers += [caller_of(world) for caller_of in WALKERS.values()]
    shared = [asked for asked in every_try(world) if asked.question.max_age]
    services, now = wiring.services(world.house.wired), world.house.now()
    for asked in shared:
        answers = [
            await graphql(
                SCHEMA,
                document_of(asked.question),
                variable_values=asked.variables,
                context_value=Context(services=services, now=now, authorization=caller.authorization),
            )
            for caller in callers
        ]
        assert answers[0].errors is None
        assert answers == [answers[0]] * len(callers), asked.question.name
    assert {asked.question.kind for asked in shared} == {"query"}


async def test_what_an_has_just_asked_for_reaches_nobody_else(world: World) -> None:
    """Should the door keep an answer, it is one that everybody may see."""
    an, stranger = Walk(world, Caller.of("An", world.an.citizen)), Walk(world, STRANGER)
    for asked in every_try(world):
        if asked.question.kind == "query":
            await an.ask(asked)
            answer = await stranger.ask(asked)
            assert not secrets_in(world, answer.said), str(asked)


async def test_what_the_walk_takes_for_open_is_in_an_answer_for_everybody(world: World) -> None:
    walk = Walk(world, STRANGER)
    shown: set[str] = set()
    for asked in every_try(world):
        if asked.question.is_public:
            shown.update(texts_in((await walk.ask(asked)).said))
    taken = [(slot, slot.kind) for question in QUESTIONS for slot in slots_of(question)]
    values = {(slot.name, value) for slot, kind in taken if isinstance(kind, Open) for value in kind.of(world)}
    assert [(name, value) for name, value in values if value is not ABSENT and value not in shown] == []


def first_of_each(found: list[Try]) -> list[Try]:
    """One try for each question: who somebody is, is looked at before what they ask for."""
    return list({asked.question.name: asked for asked in reversed(found)}.values())[::-1]


WHAT_A_WRONG_DOOR_SAYS = {"WRONG_VENUE": "不是本馆的预订", "CODE_STALE": "码已过期"}
"""To who was shown a genuine code. Neither says whose it is, nor for which court and hour."""


def beside_the_trail(found: list[Difference]) -> list[Difference]:
    """But for the audit trail, which has a line of each of these refusals."""
    return [each for each in found if each[0] != "audit_line"]


async def test_a_clerk_of_another_venue_gets_no_further_at_the_desk(world: World) -> None:
    an, bing = world.an, world.bing
    token = bing.clerk.authorization.split()[1]
    before = await snapshot()
    async with a_desk(world, token, at=an.venue_id) as desk:  # where they don't work
        for code in (*an.codes.values(), a_code()):
            assert (await scanned(desk, code))["code"] == "NOT_ALLOWED"
        chosen = await desk.post("/desk/post", data={"venue": an.venue_id, "checkpoint": "前台"})
        assert chosen.headers["location"] == "/desk/post"
        assert "set-cookie" not in chosen.headers
    for ended in (an.citizen.tokens["accessToken"], an.gate.token, world.third_party_key):
        async with a_desk(world, ended, at=an.venue_id) as desk:
            assert (await scanned(desk, an.codes["waiting 1"]))["code"] == "NOT_SIGNED_IN"
    assert beside_the_trail(differences(before, await snapshot())) == []

    async with a_desk(world, token, at=bing.venue_id) as desk:  # where they do
        for code in an.codes.values():
            said = await scanned(desk, code)
            assert WHAT_A_WRONG_DOOR_SAYS[said["code"]] == said["headline"]
            assert said["court"] is None
            assert said["time"] is None
            assert not secrets_in(world, said)
    found = beside_the_trail(differences(before, await snapshot()))
    assert [(table, what) for table, _, what in found] == [("redemption", "added")] * len(an.codes)


async def test_a_gate_of_another_venue_does_not_open_and_tells_nothing_of_whose_code_it_is(world: World) -> None:
    """Of numbers and tokens that are another device's: tests/bff_gates/test_gates.py."""
    an, bing = world.an, world.bing
    refusals = {f"code=0001&&desc={headline}" for headline in WHAT_A_WRONG_DOOR_SAYS.values()}
    before = await snapshot()
    for code in an.codes.values():
        assert await read_at(bing, code) in refusals
    assert await read_at(bing, a_code(an.handle)) == await read_at(bing, a_code()) == "code=0001&&desc=无效的码"
    after = await snapshot()
    scans = [after[table, key] for table, key, what in differences(before, after) if what == "added"]
    assert [scan["admission_id"] for scan in scans] == [None] * (len(an.codes) + 2)
    device = row_of(after, "gate_device", device_no=bing.gate_no)["id"]
    columns = ("last_answer", "last_code_hash", "last_scan_at")
    assert [each for each in differences(before, after) if each[2] != "added"] == [
        ("gate_device", device, column) for column in columns
    ]
    assert {key[0] for key in after.keys() - before.keys()} == {"gate_scan"}


@asynccontextmanager
async def a_desk(world: World, token: str, *, at: str) -> AsyncIterator[httpx.AsyncClient]:
    """The desk's page with this sign-in, in a browser that claims to stand at that venue."""
    cookies = {"desk_sign_in": token, "desk_post": f"{at}:front", "desk_device": "d" * 22}
    transport = httpx.ASGITransport(world.house.app)
    async with httpx.AsyncClient(
        transport=transport, base_url=HERE, headers={"origin": HERE}, cookies=cookies
    ) as client:
        yield client


async def scanned(desk: httpx.AsyncClient, code: str) -> Any:
    scan = {"code": code, "nonce": secrets.token_hex(8), "direction": "ENTRY", "idChecked": True}
    return (await desk.post("/desk/redeem", json=scan)).json()
