"""The walk's other half: what nobody else finds is there, and its owners get it by the very same questions.

Without this the walk might find nothing because it is blind. Nothing is owed here: whatever leads to something of An's
opens for its owner, and is marked with the reason where it can open nothing (`Known.shut`); and every field of every
type was seen by somebody with something in it.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from models import database
from models.calendar import SHANGHAI
from tests.authorisation.arguments import Try, live_try, slots_of, tries
from tests.authorisation.conftest import a_town
from tests.authorisation.kinds import Reaching
from tests.authorisation.lives import Caller, World, texts_in
from tests.authorisation.questions import QUESTIONS, SIGN_OUTS, Question, everything_there_is, seen_in
from tests.authorisation.walking import Walk, code_of, heard, secrets_in
from tests.bff.conftest import Valkey
from tests.databases import Database
from tests.factories.booking import at
from tests.house import Answer
from tests.outside import Stage

THOUSANDS = 10_000
LOOKING = [question for question in QUESTIONS if question.kind == "query"]


@pytest.fixture(scope="module")
async def town(
    _database: Database,
    stage: Stage,
    shared_valkey: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
    walks_documents: Path,
) -> AsyncIterator[World]:
    """Their own, as yet in nobody's hands: they alone change what is An's, and use it up."""
    async with a_town(_database, stage, shared_valkey, tmp_path_factory.mktemp("town"), walks_documents) as made:
        yield made


@pytest.fixture
def walks(world: World) -> dict[str, Walk]:
    return {name: Walk(world, Caller.of(name, person)) for name, person in world.owners.items()}


async def test_what_is_ans_opens_for_its_owners_by_the_very_same_questions(
    world: World, walks: dict[str, Walk]
) -> None:
    has_opened: dict[str, bool] = defaultdict(bool)
    is_shut: dict[str, bool] = {}
    for question in QUESTIONS:
        for asked in tries(question, world):
            if asked.slot is not None and asked.known is not None:
                has_opened[str(asked)] |= await opens(asked, walks)
                is_shut[str(asked)] = bool(asked.known.shut)
        if question.name == SIGN_OUTS[0]:  # what has been done by now is there to see
            await look_at_it_all(world, walks)
            await claim_in_a_crowd_and_without_a_phone(world, walks["citizen"])
        async for asked, name in what_opens_now(question, world):
            await walks[name].ask(asked)
    assert [asked for asked, opened in has_opened.items() if opened is is_shut[asked]] == []
    assert everything_there_is() - seen_by(walks) == set(), (
        "nobody has anything to show there: see to it in lives.py"
    )

    heard_by_both = [answer for name in ("citizen", "clerk") for _, answer in walks[name].said]
    texts = {text for answer in heard_by_both for text in texts_in(answer.said)}
    life = world.an
    ids = [*life.admission_ids("played"), *life.admission_ids("waiting"), *life.admission_ids("cancelled")]
    numbers = [order["orderNo"] for order in life.orders.values()]
    assert {*ids, *numbers, life.refund_no, *life.cursors, "139****4321"} <= texts & world.secrets
    assert {life.codes["printed, played 1"], life.citizen.openid, life.citizen.phone} <= world.secrets


async def opens(asked: Try, walks: dict[str, Walk]) -> bool:
    """Whether its owner gets something by it that they do not get by nobody's."""
    assert asked.slot is not None
    assert isinstance(asked.slot.kind, Reaching)
    owner = walks[asked.slot.kind.owner]
    nothing, something = await owner.ask(asked.nobodys()), await owner.ask(asked)
    return heard(something) != heard(nothing) or of_an(owner, something) > of_an(owner, nothing)


def of_an(walk: Walk, answer: Answer) -> set[str]:
    return secrets_in(walk.world, answer.said)


async def what_opens_now(question: Question, world: World) -> AsyncIterator[tuple[Try, str]]:
    """For each who may have a use for it: an act's owners, and everybody for what is only looked at."""
    kinds = [slot.kind for slot in slots_of(question)]
    owners = {kind.owner for kind in kinds if isinstance(kind, Reaching)} or {"citizen", "clerk"}
    for name in world.owners if question in LOOKING else sorted(owners):
        for asked in variants(await live_try(question, world)):
            yield asked, name


OTHERWISE = {
    "sessions.date": (at(0, days=0).astimezone(SHANGHAI).date().isoformat(),),  # who is inside is told of today's
    "payOrder.way": ("IN_APP", "MOBILE_WEB", "CODE"),
    "programmeStatistics.by": ("AGE_AND_DISTRICT",),
    "officialAccountSignInUrl.returnTo": ("https://elsewhere.example/me",),
}
"""What decides which part of an answer there is."""


def variants(asked: Try) -> list[Try]:
    other = [(slot.place, value) for slot in slots_of(asked.question) for value in OTHERWISE.get(slot.name, ())]
    return [asked, *(replace(asked, values={**asked.values, place: value}) for place, value in other)]


async def look_at_it_all(world: World, walks: dict[str, Walk]) -> None:
    for question in LOOKING:
        async for asked, name in what_opens_now(question, world):
            await walks[name].ask(asked)


async def claim_in_a_crowd_and_without_a_phone(world: World, citizen: Walk) -> None:
    """What somebody hears whom the door of a campaign turns away, and who has proved no phone today."""
    (question,) = [each for each in QUESTIONS if each.name == "claimVoucher"]
    (campaign,) = [slot.place for slot in slots_of(question) if slot.name == "claimVoucher.campaignId"]
    asked = await live_try(question, world)
    line = world.house.wired.rush._line(world.an.campaign.public_id)
    line.inside += THOUSANDS
    assert code_of(await citizen.ask(asked)) == "DOOR_CROWDED"
    line.inside -= THOUSANDS
    await database.rows(
        "UPDATE member_phone SET proved_at = $1 RETURNING id", world.house.now() - timedelta(days=1)
    )
    guarded = replace(asked, values={**asked.values, campaign: world.an.campaigns.guarded.public_id})
    assert code_of(await citizen.ask(guarded)) == "CHALLENGE_NEEDED"


def seen_by(walks: dict[str, Walk]) -> set[tuple[str, str]]:
    return {
        each for walk in walks.values() for _, answer in walk.said for each in seen_in(answer.said.get("data"))
    }
