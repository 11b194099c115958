"""The worker moves what rounds left over by itself."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from jobs import ALL
from models.vouchers.rules import Terms
from models.vouchers.tables import VoucherRound
from tests.databases import Database
from tests.factories.vouchers import a_campaign


async def test_what_a_round_left_over_is_in_the_next_one_after_the_job_ran(db: Database, now: datetime) -> None:
    hour = timedelta(hours=1)
    await a_campaign(
        rounds=[(now - 2 * hour, now - hour, 5), (now + hour, now + 2 * hour, 7)], terms=Terms(rolls_over=True)
    )
    (job,) = [job for job in ALL if job.name == "roll_over_rounds"]
    tools = cast(Any, SimpleNamespace(clock=lambda: now))
    assert [await job.function(tools) for _ in range(2)] == [5, 0]
    assert await VoucherRound.all().order_by("opens_at").values_list("remaining", flat=True) == [0, 12]
