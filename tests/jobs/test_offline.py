"""The worker judges by itself what desks brought while its voucher was reserved."""

from types import SimpleNamespace
from typing import Any, cast

from jobs import ALL
from models.vouchers.tables import Voucher, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.models.offline.halls import MINUTE, a_town, check_money


async def test_what_waited_for_a_bill_that_came_to_nothing_is_a_use(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    await Voucher.all().update(state="RESERVED")
    assert await counter.outcome(NOW + 2 * MINUTE) == "WAITING"
    (job,) = [job for job in ALL if job.name == "judge_offline"]
    woken: list[str] = []

    async def wake(name: str) -> None:
        woken.append(name)

    tools = cast(Any, SimpleNamespace(clock=lambda: NOW + 3 * MINUTE, wake=wake))
    assert (await job.function(tools), await VoucherUse.all().count(), woken) == (0, 0, [])
    await Voucher.all().update(state="CLAIMED")
    assert [await job.function(tools), await job.function(tools)] == [1, 0]
    assert ((await VoucherUse.get()).state, woken) == ("DONE", ["tell_people"])
    await check_money(town.campaign.id)
