"""What can be asked about complaints: by who made them, and by staff in their part of the tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.database import utc
from models.feedback.places import ABOVE, DIVISIONS, place_in
from models.feedback.rules import WAITING, Level, Place, StepKind, is_late, may_reopen
from models.feedback.steps import steps_of, text_of
from models.keys import SealingKeys
from models.staff.powers import demand, literals, regions_where, venues_where
from models.staff.rules import Power, StaffSignedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    number: int
    kind: StepKind
    text: str
    staff_name: str | None
    """For staff to see; a citizen hears that it was staff."""
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintView:
    """A complaint without its texts, unless its steps were asked for."""

    id: int
    public_no: str
    kind: str
    status: str
    level: Level
    place: Place
    order_no: str
    received_at: datetime
    working_days: int
    due_on: date
    is_due_certain: bool
    is_late: bool
    escalated_at: datetime | None
    """Since when it lies with an office above, because it was late there last."""
    answered_at: datetime | None
    closed_at: datetime | None
    reopened: int
    may_reopen: bool
    steps: Sequence[StepView] = ()

    @property
    def lies_with(self) -> str:
        """Who must answer."""
        return self.place.offices[self.level]


_COMPLAINT = f"""
SELECT complaint.*, venue.public_id AS venue_public_id, venue.name AS venue_name,
       member.public_id AS member_public_id, {DIVISIONS}
  FROM complaint JOIN member ON member.id = complaint.member_id
       JOIN region ON region.key = complaint.region_key {ABOVE} LEFT JOIN venue ON venue.id = complaint.venue_id
"""
_MINE_TO_ANSWER = (
    f"(({venues_where(Power.ANSWER_FEEDBACK)})"
    f" OR ({regions_where(Power.ANSWER_FEEDBACK, region='complaint.region_key')}))"
)


_LIES_WITH_ME = f"""EXISTS (
  SELECT 1 FROM staff_role held
   WHERE held.staff_id = $1 AND held.ended_at IS NULL
     AND CASE WHEN complaint.level = '{Level.VENUE}'
              THEN held.role IN ({literals(Power.ANSWER_FEEDBACK)}) AND held.venue_id = complaint.venue_id
              ELSE held.role IN ({literals(Power.ROUTE_FEEDBACK)}) AND held.venue_id IS NULL AND held.region_key =
                   CASE complaint.level WHEN region.level THEN region.key WHEN above.level THEN above.key
                                        ELSE top.key END
          END)"""
"""That very office has to answer now: the clerk has a role at the venue, or is of the administration of the division to
which it went up. Who runs the venues there is not."""


async def complaints_of(
    *, member_id: int, first: int, before_id: int | None, now: datetime
) -> list[ComplaintView]:
    """A member's, the latest first; one more than asked tells whether there are further ones."""
    found = await database.rows(
        _COMPLAINT + "WHERE complaint.member_id = $1 AND complaint.id < $2 ORDER BY complaint.id DESC LIMIT $3",
        member_id,
        before_id or 2**62,
        first + 1,
    )
    return [_view(row, now) for row in found]


async def complaint_of(
    *, member_id: int, complaint_no: str, keys: SealingKeys, now: datetime
) -> ComplaintView | None:
    """One of a member's, with its steps; somebody else's is as unknown as none."""
    found = await database.row(
        _COMPLAINT + "WHERE complaint.member_id = $1 AND complaint.public_no = $2", member_id, complaint_no
    )
    return None if found is None else await _with_steps(found, keys, now)


async def complaints_to_answer(
    *,
    clerk: StaffSignedIn,
    first: int,
    after: tuple[date, int] | None,
    only_late: bool,
    only_mine: bool = False,
    now: datetime,
) -> list[ComplaintView]:
    """Those that wait for an answer in the clerk's venues and regions, the most urgent first, and one more; without
    their texts. `after`: the last day and the id of the last one seen. `only_mine`: those that lie with the clerk's own
    office, so that what went up to it is not lost among all that it may see. Raises NOT_ALLOWED."""
    await demand_power(clerk)
    day, last_id = after or (date.min, 0)
    until = business_day(now) if only_late else date.max
    found = await database.rows(
        _COMPLAINT
        + f"""WHERE complaint.status IN ({_WAITING}) AND complaint.due_on < $2
                AND (complaint.due_on > $3 OR complaint.due_on = $3 AND complaint.id > $4) AND {_MINE_TO_ANSWER}
                {f"AND {_LIES_WITH_ME}" if only_mine else ""}
              ORDER BY complaint.due_on, complaint.id LIMIT $5""",
        clerk.staff_id,
        until,
        day,
        last_id,
        first + 1,
    )
    return [_view(row, now) for row in found]


async def complaint_for_staff(
    *, clerk: StaffSignedIn, complaint_no: str, keys: SealingKeys, now: datetime
) -> ComplaintView | None:
    """One with its texts, which is a reading of somebody's personal data. Raises NOT_ALLOWED."""
    await demand_power(clerk)
    found = await in_scope(clerk, complaint_no)
    if found is None:
        return None
    concerning(
        "MEMBER",
        found["member_public_id"],
        venue_id=found["venue_public_id"] or "",
        reading=True,
        detail=complaint_no,
    )
    return await _with_steps(found, keys, now)


async def in_scope(clerk: StaffSignedIn, complaint_no: str) -> Any | None:
    """The complaint's row, when it lies where the clerk may answer."""
    return await database.row(
        _COMPLAINT + f"WHERE complaint.public_no = $2 AND {_MINE_TO_ANSWER}", clerk.staff_id, complaint_no
    )


async def demand_power(clerk: StaffSignedIn) -> None:
    """Raises NOT_ALLOWED for who may answer nowhere."""
    await demand(clerk, Power.ANSWER_FEEDBACK)


async def late(*, now: datetime) -> int:
    """How many wait for an answer that is overdue, in the whole house."""
    found = await database.row(
        f"SELECT COUNT(*) AS late FROM complaint WHERE status IN ({_WAITING}) AND due_on < $1", business_day(now)
    )
    assert found is not None
    return int(found["late"])


_WAITING = ", ".join(f"'{status}'" for status in WAITING)


async def _with_steps(row: Mapping[str, Any], keys: SealingKeys, now: datetime) -> ComplaintView:
    steps = [
        StepView(
            number=step["number"],
            kind=StepKind(step["kind"]),
            text=text_of(step, keys),
            staff_name=step["display_name"],
            happened_at=step["happened_at"],
        )
        for step in await steps_of([row["id"]])
    ]
    return _view(row, now, steps)


def _view(row: Mapping[str, Any], now: datetime, steps: Sequence[StepView] = ()) -> ComplaintView:
    answered_at = None if row["answered_at"] is None else utc(row["answered_at"])
    due_on = database.day(row["due_on"])
    return ComplaintView(
        id=row["id"],
        public_no=row["public_no"],
        kind=row["kind"],
        status=row["status"],
        level=Level(row["level"]),
        place=place_in(row),
        order_no=row["order_no"],
        received_at=utc(row["received_at"]),
        working_days=row["clock_days"],
        due_on=due_on,
        is_due_certain=bool(row["is_due_certain"]),
        is_late=is_late(row["status"], due_on, now),
        escalated_at=None if row["escalated_at"] is None else utc(row["escalated_at"]),
        answered_at=answered_at,
        closed_at=None if row["closed_at"] is None else utc(row["closed_at"]),
        reopened=row["reopened"],
        may_reopen=may_reopen(row["status"], answered_at, row["reopened"], now),
        steps=steps,
    )
