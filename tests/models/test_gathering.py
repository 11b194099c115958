"""What many ask for at one moment is looked up together, and each hears their own."""

import asyncio
import contextvars
from collections.abc import Mapping

import pytest

from models.gathering import Gathered, on_its_own


class Shelf:
    def __init__(self) -> None:
        self.looks: list[list[int]] = []
        self.broken = False

    async def look(self, keys: list[int]) -> Mapping[int, str]:
        self.looks.append(keys)
        await asyncio.sleep(0)
        if self.broken:
            raise OSError("away")
        return {key: f"book {key}" for key in keys if key < 100}


async def test_who_comes_while_one_looks_goes_together_and_at_most_so_many() -> None:
    shelf = Shelf()
    gathered = Gathered(shelf.look, most=4)
    answers = await asyncio.gather(*[gathered.get(key) for key in (1, 2, 3, 2, 500, 6)])
    assert answers == ["book 1", "book 2", "book 3", "book 2", None, "book 6"]
    assert shelf.looks == [[1, 2, 3, 500], [6]]
    assert await gathered.get(1) == "book 1"  # nothing is kept
    assert shelf.looks[-1] == [1]


async def test_a_failure_is_everybodys_of_that_look_and_nobodys_after_it() -> None:
    shelf = Shelf()
    gathered = Gathered(shelf.look)
    shelf.broken = True
    heard = await asyncio.gather(gathered.get(1), gathered.get(2), return_exceptions=True)
    assert [type(each) for each in heard] == [OSError, OSError]
    shelf.broken = False
    assert await gathered.get(1) == "book 1"


async def test_whoever_goes_away_takes_nobody_with_them() -> None:
    gathered = Gathered(Shelf().look)
    leaving, staying = asyncio.create_task(gathered.get(1)), asyncio.create_task(gathered.get(1))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == "book 1"


async def test_a_task_on_its_own_inherits_nothing() -> None:
    mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="nothing")
    mark.set("a transaction")

    async def seen() -> str:
        return mark.get()

    assert await on_its_own(seen()) == "nothing"
    assert await asyncio.create_task(seen()) == "a transaction"
