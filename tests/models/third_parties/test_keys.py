"""Third parties and their keys: shown once, several while one moves, ended at once, nothing readable stored."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from models import database
from models.errors import DomainError, ErrorCode
from models.third_parties import operations, queries
from models.third_parties.rules import LIVE_KEYS, KnownThirdParty, NewKey, TooManyKeys
from models.third_parties.tables import ThirdParty, ThirdPartyKey
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.third_parties import a_third_party
from tests.house import nothing_changes

LATER = NOW + timedelta(days=1)


async def refused(act: Awaitable[object], field: str) -> None:
    with pytest.raises(DomainError) as refusal:
        await act
    assert (refusal.value.code, refusal.value.field) == (ErrorCode.BAD_INPUT, field)


async def test_a_key_has_256_bits_and_leads_to_its_third_party(db: Database) -> None:
    given = await a_third_party("渝健身")
    await a_third_party("蓉运动")
    assert len(base64.urlsafe_b64decode(given.key.removeprefix("tpk_") + "=")) == 32
    assert await queries.find(given.key) == KnownThirdParty(given.public_id, "渝健身")


async def test_the_key_is_neither_stored_nor_printed_but_its_last_four_characters(db: Database) -> None:
    given = await a_third_party()
    seen = f"{await ThirdParty.all().values()} {await ThirdPartyKey.all().values()} {given}"
    assert given.key.removeprefix("tpk_") not in seen
    assert (await ThirdPartyKey.get()).last_four == given.key[-4:]


@pytest.mark.parametrize(
    "changed",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key + " ",
        lambda key: key.swapcase(),
        lambda key: key.removeprefix("tpk_"),
        lambda key: "tpk_",
        lambda key: "tpk_é\ud800",
    ],
)
async def test_nothing_but_the_key_itself_leads_to_anybody(db: Database, changed: Callable[[str], str]) -> None:
    given = await a_third_party()
    assert await queries.find(changed(given.key)) is None


async def test_while_it_moves_both_keys_work_and_then_only_the_newest(db: Database) -> None:
    old = await a_third_party("渝健身")
    other = await a_third_party("蓉运动")
    new = await operations.rotate(name=" 渝健身 ", now=LATER)
    assert (
        (await queries.find(old.key)) == (await queries.find(new.key)) == KnownThirdParty(old.public_id, "渝健身")
    )
    assert await operations.finish_rotation(name="渝健身", now=LATER) == 1
    assert await operations.finish_rotation(name="渝健身", now=LATER) == 0
    assert await queries.find(old.key) is None
    assert await queries.find(new.key)
    assert await queries.find(other.key), "another's key was ended"


async def test_so_many_keys_live_at_once_and_no_more(db: Database) -> None:
    await a_third_party("渝健身")
    for _ in range(LIVE_KEYS - 1):
        last = await operations.rotate(name="渝健身", now=NOW)
    async with nothing_changes():
        await refused(operations.rotate(name="渝健身", now=NOW), "name")
    await operations.end_key(name="渝健身", last_four=last.key[-4:], now=NOW)
    assert await queries.find((await operations.rotate(name="渝健身", now=NOW)).key)


@pytest.mark.postgres
async def test_keys_that_are_asked_for_at_one_moment_are_no_more_either(db: Database) -> None:
    await a_third_party("渝健身")
    asked = (operations.rotate(name="渝健身", now=NOW) for _ in range(10))
    given = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(key, TooManyKeys) for key in given) == 10 - (LIVE_KEYS - 1)
    assert await ThirdPartyKey.all().count() == LIVE_KEYS


async def test_one_key_ends_alone(db: Database) -> None:
    first = await a_third_party("渝健身")
    second = await operations.rotate(name="渝健身", now=NOW)
    await operations.end_key(name="渝健身", last_four=second.key[-4:], now=NOW)
    assert await queries.find(second.key) is None
    assert await queries.find(first.key)
    async with nothing_changes():
        await refused(operations.end_key(name="渝健身", last_four=second.key[-4:], now=LATER), "lastFour")


async def test_no_key_ends_when_two_could_be_meant(db: Database) -> None:
    first = await a_third_party("渝健身")
    await operations.rotate(name="渝健身", now=NOW)
    await ThirdPartyKey.all().update(last_four=first.key[-4:])
    async with nothing_changes():
        await refused(operations.end_key(name="渝健身", last_four=first.key[-4:], now=NOW), "lastFour")


async def test_an_end_takes_all_keys_and_is_for_good(db: Database) -> None:
    first = await a_third_party("渝健身")
    second = await operations.rotate(name="渝健身", now=NOW)
    await operations.end(name="渝健身", now=LATER)
    assert [await queries.find(given.key) for given in (first, second)] == [None, None]
    async with nothing_changes():
        await refused(operations.rotate(name="渝健身", now=LATER), "name")
        await refused(operations.finish_rotation(name="渝健身", now=LATER), "name")
        await refused(operations.end(name="渝健身", now=LATER), "name")
        await refused(a_third_party("渝健身"), "name")


async def test_a_key_that_was_left_live_under_an_ended_third_party_is_worth_nothing(db: Database) -> None:
    given = await a_third_party()
    await ThirdParty.all().update(ended_at=NOW)
    assert await queries.find(given.key) is None


@pytest.mark.parametrize(
    ("name", "contact", "field"),
    [
        ("", "张工", "name"),
        ("  ", "张工", "name"),
        ("x" * 41, "张工", "name"),
        ("渝\n健身", "张工", "name"),
        ("已登记", "张工", "name"),
        (" 已登记 ", "张工", "name"),
        ("渝健身", " ", "contact"),
        ("渝健身", "x" * 101, "contact"),
    ],
)
async def test_who_cannot_be_registered_is_refused_and_leaves_nothing(
    db: Database, name: str, contact: str, field: str
) -> None:
    await a_third_party("已登记")
    async with nothing_changes():
        await refused(operations.register(name=name, contact=contact, now=NOW), field)


async def test_everybody_is_listed_with_what_recognises_their_keys(db: Database) -> None:
    first = await a_third_party("b")
    second = await operations.rotate(name="b", now=LATER)
    await operations.finish_rotation(name="b", now=LATER)
    await a_third_party("a", now=LATER)
    await operations.end(name="a", now=LATER + timedelta(hours=1))
    a, b = await queries.registered()
    assert (a.name, a.created_at, a.ended_at) == ("a", LATER, LATER + timedelta(hours=1))
    assert (b.name, b.contact, b.created_at, b.ended_at) == ("b", "张工 zhang@example.cn", NOW, None)
    assert [(key.last_four, key.created_at, key.ended_at) for key in b.keys] == [
        (first.key[-4:], NOW, LATER),
        (second.key[-4:], LATER, None),
    ]


async def test_a_find_is_one_statement(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every free request pays for it."""
    given: NewKey = await a_third_party()
    asked: list[str] = []
    ask = database.rows

    async def counting(sql: str, *values: object) -> object:
        asked.append(sql)
        return await ask(sql, *values)

    monkeypatch.setattr(database, "rows", counting)
    assert await queries.find(given.key)
    assert len(asked) == 1
