"""An older house's database is brought up to date with what it holds."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from tests.conftest import OwnDatabase
from tests.models.an_old_house import brought_up_to_date


@pytest.fixture(scope="module")
async def told(own_database: OwnDatabase, tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[Any, ...]]]:
    """What an old house's database answers once it is brought up to date; in a process of its own."""
    async with own_database(tmp_path_factory.mktemp("old")) as url:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            return await asyncio.wrap_future(apart.submit(brought_up_to_date, url))


def test_orders_of_the_time_before_the_books_get_them_and_keep_their_money(
    told: list[list[tuple[Any, ...]]],
) -> None:
    booked, paid, cancelled, *_ = told
    assert booked == [
        (1, "CHARGED", 4000, "O1"),
        (1, "PAID", 4000, "P1"),
        (2, "CHARGED", 4000, "O2"),
        (2, "PAID", 4000, "P2"),
        (2, "REFUNDED", 4000, "R2"),
        (2, "WAIVED", 4000, "O2"),
        (3, "CHARGED", 4000, "O3"),
        (3, "WAIVED", 4000, "O3"),
    ]
    assert paid == [("oAn", "wx1", "IN_APP")]
    assert cancelled == [(2,)]


def test_clerks_of_the_time_before_roles_keep_what_they_could_do(told: list[list[tuple[Any, ...]]]) -> None:
    """Also, whoever had every venue, to read what belongs to none: the channels' statements."""
    assert told[-1] == [
        (1, "REDEEMER", 1, ""),
        (1, "FINANCE", 1, ""),
        (2, "REDEEMER", None, ""),
        (2, "FINANCE", None, ""),
    ]


def test_hours_of_the_time_before_versions_are_the_files(told: list[list[tuple[Any, ...]]]) -> None:
    assert told[-2] == [(1, 0, 1, 480, 1320), (2, 0, 2, 480, 1320)]
