"""The list of what is held about a member leaves nothing out: it is held against the tables themselves."""

from collections import Counter

import pytest
from tortoise import Tortoise

from models.personal_data import HELD, WORDS, Held, OnDeletion
from models.personal_data.columns import TRADE
from tests.databases import Database

NAMED_LIKE_A_MEMBER = {"member_id"}
"""Columns without a foreign key that lead to a member all the same."""
SECRET = ("hash", "key_id", "token", "code_version", "mac")


def columns_of_tables() -> dict[str, set[str]]:
    apps = Tortoise.apps
    assert apps is not None
    return {
        model._meta.db_table: set(model._meta.fields_db_projection.values()) for model in apps["models"].values()
    }


def references_to_members() -> set[tuple[str, str]]:
    """Every column with a foreign key to `member`, and whatever is called like one."""
    apps = Tortoise.apps
    assert apps is not None
    found = set()
    for model in apps["models"].values():
        meta = model._meta
        for name in meta.fk_fields:
            field = meta.fields_map[name]
            if field.model_name == "models.Member":
                found.add((meta.db_table, str(field.source_field)))
        found |= {
            (meta.db_table, column) for column in NAMED_LIKE_A_MEMBER & set(meta.fields_db_projection.values())
        }
    return found


async def test_every_reference_to_a_member_is_listed_once_and_none_is_made_up(db: Database) -> None:
    references = references_to_members()
    assert len(references) > 25
    assert {(held.table, held.column) for held in HELD} == references | {("member", "id")}
    assert max(Counter((held.table, held.column) for held in HELD).values()) == 1


async def test_what_is_exported_is_there_has_a_word_and_is_no_secret(db: Database) -> None:
    tables = columns_of_tables()
    for held in HELD:
        for table, exported in [
            (held.table, held.exported),
            *((part.table, part.exported) for part in held.parts),
        ]:
            assert set(exported) <= tables[table], table
            assert set(exported) <= set(WORDS), table
            assert not [column for column in exported if any(word in column for word in SECRET)], table
    used = {column for held in HELD for exported in _exported(held) for column in exported}
    assert used == set(WORDS), "no word for a column that nobody exports"


def _exported(held: Held) -> list[tuple[str, ...]]:
    return [held.exported, *(part.exported for part in held.parts)]


async def test_parts_hang_on_their_row(db: Database) -> None:
    tables = columns_of_tables()
    for held in HELD:
        for part in held.parts:
            assert part.column in tables[part.table]


@pytest.mark.parametrize(
    "held", [held for held in HELD if held.on_deletion is OnDeletion.KEPT], ids=lambda held: held.what
)
def test_what_is_kept_says_why(held: Held) -> None:
    assert held.basis


def test_every_section_of_an_export_has_its_own_name() -> None:
    assert len({held.what for held in HELD}) == len(HELD)
    assert TRADE.startswith("《中华人民共和国电子商务法》第三十一条")
