"""An older house's database is brought up to date with what it holds."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.databases import fresh_database
from tests.models.an_old_house import brought_up_to_date


async def test_orders_of_the_time_before_the_books_get_them_and_keep_their_money(tmp_path: Path) -> None:
    async with fresh_database(tmp_path) as url:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            told = await asyncio.wrap_future(apart.submit(brought_up_to_date, url))
    booked, paid, cancelled = told
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
