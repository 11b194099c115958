"""One SQL text, the same rows on both databases."""

from models import database
from tests.databases import Database


async def test_a_writing_statement_returns_the_rows_that_it_is_asked_to_return(db: Database) -> None:
    insert = """INSERT INTO sport (code, name, position) VALUES ($1, $2, 0)
                ON CONFLICT (code) DO NOTHING RETURNING code"""
    assert [row["code"] for row in await database.rows(insert, "CHESS", "象棋")] == ["CHESS"]
    assert list(await database.rows(insert, "CHESS", "象棋")) == []
    renamed = await database.rows("UPDATE sport SET name = $2 WHERE code = $1 RETURNING name", "CHESS", "国际象棋")
    assert [row["name"] for row in renamed] == ["国际象棋"]
    assert [row["code"] for row in await database.rows("DELETE FROM sport RETURNING code")] == ["CHESS"]
