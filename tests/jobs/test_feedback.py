"""The worker finds late complaints by itself, and wakes who tells people."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from jobs import ALL
from jobs.feedback import escalate_complaints
from models import database
from models.feedback.rules import ComplaintKind
from models.feedback.tables import Complaint
from tests.databases import Database
from tests.factories.feedback import TEXT_KEYS, a_complaint, a_venue_in, clocks_and_holidays, divisions
from tests.factories.people import a_member


async def test_a_late_complaint_goes_up_and_whoever_tells_people_is_woken(db: Database, now: datetime) -> None:
    await divisions()
    await clocks_and_holidays()
    venue, (member_id, _) = await a_venue_in("510107", "城南体育馆"), await a_member()
    await a_complaint(member_id, kind=ComplaintKind.CONSULTATION, venue_id=venue.public_id)
    woken: list[str] = []
    database.listen(woken.append)
    try:
        assert [await escalate_complaints(tools(now + timedelta(days=day))) for day in (5, 6, 6)] == [0, 1, 0]
    finally:
        database.listen(None)
    assert woken == ["tell_people"]
    assert (await Complaint.get()).level == "DISTRICT"


def tools(at: datetime) -> Any:
    """As much of the worker's tools as this job uses."""
    return cast(Any, SimpleNamespace(privacy_keys=SimpleNamespace(texts=TEXT_KEYS), clock=lambda: at))


def test_the_jobs_it_wakes_exist() -> None:
    assert {"escalate_complaints", "tell_people"} <= {job.name for job in ALL}
