"""Which devices may work offline, and whose matter that is."""

from datetime import timedelta
from typing import Any

import pytest

from models.errors import DomainError
from models.offline import desks, kits, queue
from models.offline.tables import OfflineDesk as OfflineDeskRow
from models.vouchers.rules import Terms
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import CODE_KEYS
from tests.models.offline.halls import KEYS, a_town
from tests.offline_desk import OfflineDesk

HOUR = timedelta(hours=1)
MORE = Terms(uses_a_day=None)


async def test_a_desk_s_own_matters_are_its_venue_s(db: Database) -> None:
    one, two = (await a_town()).counters
    theirs = two.desk.desk_id
    entry = queue.Sent("{}", "")
    for act in (
        kits.fetch_kit(clerk=one.clerk, desk_id=theirs, code_keys=CODE_KEYS, keys=KEYS, now=NOW),
        queue.upload(clerk=one.clerk, desk_id=theirs, entries=[entry], code_keys=CODE_KEYS, keys=KEYS, now=NOW),
        desks.end_desk(clerk=one.manager, desk_id=theirs, now=NOW),
        desks.end_desk(clerk=one.clerk, desk_id=one.desk.desk_id, now=NOW),  # a clerk runs no desks
    ):
        with pytest.raises(DomainError) as refused:
            await act
        assert refused.value.code == "OFFLINE_DESK_UNKNOWN"
    with pytest.raises(DomainError, match="没有核销的权限"):
        await desks.desks_at(clerk=one.clerk, venue_id=two.venue.public_id)
    assert await OfflineDeskRow.filter(ended_at__not_isnull=True).count() == 0


async def test_a_device_s_key_is_enrolled_once_and_a_wrong_one_never(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    asked: dict[str, Any] = {
        "clerk": counter.manager,
        "venue_id": counter.venue.public_id,
        "name": "前台平板",
        "public_key": counter.desk.public_key,
        "most_fen": 200_00,
        "most_count": 5,
        "now": NOW,
    }
    assert await desks.enrol_desk(**asked) == counter.desk.desk_id
    fresh = OfflineDesk(clock=lambda: NOW).public_key
    for changed, code in (
        ({"most_count": 6}, "OFFLINE_DESK_EXISTS"),
        ({"public_key": "AAAA"}, "BAD_INPUT"),
        ({"public_key": fresh, "most_fen": 20_000_01}, "BAD_INPUT"),
        ({"public_key": fresh, "most_count": 501}, "BAD_INPUT"),
        ({"public_key": fresh, "name": " "}, "BAD_INPUT"),
        ({"public_key": fresh, "clerk": counter.clerk}, "NOT_ALLOWED"),
    ):
        with pytest.raises(DomainError) as refused:
            await desks.enrol_desk(**{**asked, **changed})
        assert refused.value.code == code
    assert len(await desks.desks_at(clerk=counter.clerk, venue_id=counter.venue.public_id)) == 1
    await desks.end_desk(clerk=counter.manager, desk_id=counter.desk.desk_id, now=NOW)
    with pytest.raises(DomainError, match="已经登记过"):
        await desks.enrol_desk(**asked)
