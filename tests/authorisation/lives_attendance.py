"""The part of a life that is about coming in time: a hall that waits for people, and two pauses of who did not come.

One is over by its days, its appeal still waits; the other was appealed and granted. So neither is in the way of what An
books in the walk.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.attendance.tables import Attendance, BookingPause
from models.ids import new_id
from models.members.tables import Member
from models.staff.tables import StaffMember
from tests.factories.attendance import STRICT, a_rule
from tests.factories.booking import Hall

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

APPEAL = "那天闸机坏了，有前台的记录"
ANSWER = "核对过记录，情况属实"


async def a_hall_that_waits(hall: Hall) -> None:
    """As generous as the default, but that who does not come in time is missed."""
    limits: dict[str, Any] = {
        "courts_a_person_a_day": 2,
        "minutes_a_court_a_day": 120,
        "days_ahead": 30,
        "release_minute": 0,
        "series_weeks": 12,
        "series_a_person": 50,
        "group_days_ahead": 60,
    }
    await a_rule(hall.venue, **limits, **STRICT)


async def live_with_pauses(life: "Life") -> None:
    others, now = life.others, life.citizen.house.now()
    member = await Member.get(public_id=life.citizen.tokens["memberId"])
    clerk = await StaffMember.get(username=life.clerk.username)
    missed = await Attendance.filter(order_line__order__order_no=life.orders["cancelled"]["orderNo"]).first()
    assert missed is not None
    for which in ("freed", "waiting"):
        pause = await BookingPause.create(
            public_id=new_id("pau"),
            member_id=member.id,
            venue_id=life.hall.venue.id,
            no_shows=3,
            starts_at=now - timedelta(days=30),
            ends_at=now,
            appealed_at=now - timedelta(days=2),
            appeal_words=APPEAL,
        )
        others.ids[f"pause, {which}"] = pause.public_id
        if which == "freed":
            pause.decided_at, pause.decided_by_id, pause.is_granted = now, clerk.id, True
            pause.answer, pause.freed_at = ANSWER, now - timedelta(days=1)
            await pause.save()
    await Attendance.filter(id=missed.id).update(pause_id=pause.id)
