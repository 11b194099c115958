"""What processes keep and share holds nothing of An's, though An is who asked for it.

Everything is searched: each key and value in Valkey, and whatever this process's keeper has hold of. An's things are, as
in the walk, all that is in the house since An came.
"""

import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from bff.kept_store import PREFIX
from plans.keeping import Keeper
from tests.authorisation.lives import Caller, World
from tests.authorisation.walking import IDENTIFIER, Walk, every_try

CODE = (BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, type)
KINDS = {"answer", "near", "timetable"}
"""How the names of kept things begin."""
LONGER_THAN_IT_TAKES = 600


@pytest.fixture
async def kept(world: World) -> tuple[Keeper, set[str], dict[str, bytes]]:
    """After An's life, and after An and An's clerk have asked, signed in, for all that there is to ask: the keeper, what is
    in it, and what is in Valkey by its key."""
    keeper = world.house.wired.keeper
    assert keeper is not None
    an, clerk = (Walk(world, Caller.of("An", person)) for person in (world.an.citizen, world.an.clerk))
    questions = [asked for asked in every_try(world) if asked.question.kind == "query"]
    brief = [asked for asked in questions if asked.question.name in ("venuesNear", "slots")]
    for walk, each in (
        (an, questions),
        (clerk, questions),
        (an, [asked for asked in questions if asked.question.is_public]),
        (an, brief),  # kept for ten seconds only, of which a loaded machine needs many for all the others
    ):
        for asked in each:
            await walk.ask(asked)
    return keeper, set(texts_held_by(keeper._kept)), await shared_by(world)


async def shared_by(world: World) -> dict[str, bytes]:
    redis = world.house.wired.queue.redis
    names = [name async for name in redis.scan_iter(match=f"{PREFIX}*")]
    found = {name.decode(): await redis.get(name) for name in names}
    return {
        name: value for name, value in found.items() if value is not None
    }  # its time may have run out meanwhile


def texts_held_by(thing: Any) -> Iterator[str]:
    """Every text, however deep inside of objects of whatever class."""
    seen: dict[int, Any] = {}
    waiting = [thing]
    while waiting:
        held = waiting.pop()
        if id(held) in seen or isinstance(held, CODE):
            continue
        seen[id(held)] = held
        if isinstance(held, str):
            yield held
        elif isinstance(held, bytes):
            yield held.decode(errors="replace")
        else:
            waiting += gc.get_referents(held)


def of_an(world: World, texts: set[str]) -> set[str]:
    whole = "\n".join(texts)
    return {secret for secret in world.secrets if IDENTIFIER.fullmatch(secret) and secret in whole}


def secrets_named(world: World) -> set[str]:
    """Some that are An's beyond doubt, so that the search is known to look for them."""
    an = world.an
    return {
        an.citizen.openid,
        an.citizen.phone,
        *(
            str(token)
            for name, token in an.citizen.tokens.items()
            if name in ("accessToken", "refreshToken", "memberId")
        ),
        *(order["orderNo"] for order in an.orders.values()),
        *an.admission_ids("played"),
        *an.payment_nos,
        *an.codes.values(),
        an.refund_no,
    }


async def test_nothing_of_ans_is_in_what_a_process_keeps(
    world: World, kept: tuple[Keeper, set[str], dict[str, bytes]]
) -> None:
    keeper, texts, _ = kept
    assert {name.partition(":")[0] for name in keeper._kept} == KINDS
    assert any(world.an.hall.venue.name in text for text in texts)
    assert secrets_named(world) <= world.secrets
    assert of_an(world, texts) == set()


async def test_nothing_of_ans_is_in_what_processes_share(
    world: World, kept: tuple[Keeper, set[str], dict[str, bytes]]
) -> None:
    shared = kept[2]
    assert {kind for kind in KINDS if any(f":{kind}:" in name for name in shared)} >= {"near", "timetable"}
    assert any(b'data\\":' in value for value in shared.values())  # a whole answer, itself in JSON
    texts = {*shared, *(value.decode() for value in shared.values())}
    assert any(world.an.hall.venue.name in text for text in texts)
    assert of_an(world, texts) == set()


async def test_the_search_would_find_it(world: World, kept: tuple[Keeper, set[str], dict[str, bytes]]) -> None:
    """However deep it were hidden, here and in Valkey."""
    keeper, planted = kept[0], {secret for secret in secrets_named(world) if IDENTIFIER.fullmatch(secret)}
    assert len(planted) > 10

    class Thing:
        def __init__(self, secret: str) -> None:
            self.inside = [{"deep": (f"<{secret}>".encode(), None)}]

    async def make(secret: str) -> Thing:
        return Thing(secret)

    for number, secret in enumerate(planted):
        await keeper.get(
            f"planted:{number}",
            LONGER_THAN_IT_TAKES,
            lambda secret=secret: make(secret),  # type: ignore[misc]
            dump=lambda thing: thing.inside[0]["deep"][0],
            load=lambda text: Thing(text.decode()),
        )
    assert of_an(world, set(texts_held_by(keeper._kept))) >= planted
    assert of_an(world, {value.decode() for value in (await shared_by(world)).values()}) >= planted
    await keeper.forget()
