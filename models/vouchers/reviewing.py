"""Where write-offs wait for whoever decides them: those that are held, by venue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn

MOST_VENUES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWaiting:
    venue_id: str
    venue_name: str
    held: int
    since: datetime


async def venues_waiting(*, clerk: StaffSignedIn) -> Sequence[VenueWaiting]:
    """Venues of the clerk's regions where write-offs are held, whichever waits longest first. Raises NOT_ALLOWED."""
    await powers.demand(clerk, Power.DECIDE_RISK)
    found = await database.rows(
        f"""SELECT venue.public_id, venue.name, COUNT(*) AS held, MIN(held.used_at) AS since
              FROM voucher_use held JOIN venue ON venue.id = held.venue_id
             WHERE held.state = 'HELD' AND {powers.venues_where(Power.DECIDE_RISK)}
             GROUP BY venue.id, venue.public_id, venue.name ORDER BY since, venue.id LIMIT {MOST_VENUES}""",
        clerk.staff_id,
    )
    return [
        VenueWaiting(
            venue_id=row["public_id"],
            venue_name=row["name"],
            held=int(row["held"]),
            since=database.utc(row["since"]),
        )
        for row in found
    ]
