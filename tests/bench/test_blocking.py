"""Nothing that happens to money stops the event loop for longer than 5 ms. `make bench` tells the figures."""

import asyncio
import time

import pytest

from tests.bench import blocking
from tests.bench.blocking import MOST_MS, TOLERANCE, Heartbeat, too_long


@pytest.fixture(scope="module")
def said() -> dict[str, list[float]]:
    return blocking.measured()


ACTS = [f"{channel}: {act}" for channel in ("WECHAT_PAY", "ALIPAY") for act in blocking.ACTS]


@pytest.mark.postgres
@pytest.mark.parametrize("act", ACTS)
def test_the_loop_does_not_stand_still(said: dict[str, list[float]], act: str) -> None:
    assert act not in too_long({act: said[act]})


async def test_a_heartbeat_tells_for_how_long_it_was_kept_waiting() -> None:
    with Heartbeat([]) as heart:
        await asyncio.sleep(0.01)
        time.sleep(0.03)
    assert heart.longest > 0.028


async def test_who_waits_for_something_else_keeps_nobody_waiting() -> None:
    longest = []
    for _ in range(5):
        with Heartbeat([]) as heart:
            await asyncio.sleep(0.05)
        longest.append(heart.longest * 1000)
    assert min(longest) < MOST_MS


def test_the_median_of_the_runs_counts_and_may_be_twice_the_mark() -> None:
    most = MOST_MS * TOLERANCE
    assert too_long({"a": [99, 99, most - 0.1, 0, 0]}) == {}
    assert too_long({"a": [most, most, most, 0, 0]}) == {"a": most}
