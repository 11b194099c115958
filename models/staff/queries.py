"""Who stands at the desk."""

from datetime import datetime

from models.database import row, rows, utc
from models.keys import token_hash
from models.staff.rules import SEEN_EVERY, StaffSignedIn, is_alive


async def find(*, token: str, now: datetime) -> StaffSignedIn | None:
    """The clerk with this token, or None when it is unknown, ended, idle too long or too old.

    Being asked for counts as use; the row is written at most once a minute, so idleness may be counted up to a
    minute early, never late.
    """
    found = await row(
        """SELECT i.id, i.staff_id, i.device_id, i.started_at, i.last_seen_at, s.display_name
             FROM staff_sign_in i JOIN staff_member s ON s.id = i.staff_id
            WHERE i.token_hash = $1 AND i.ended_at IS NULL AND s.is_active""",
        token_hash(token),
    )
    if found is None:
        return None
    last_seen_at = utc(found["last_seen_at"])
    if not is_alive(started_at=utc(found["started_at"]), last_seen_at=last_seen_at, now=now):
        return None
    if now - last_seen_at >= SEEN_EVERY:
        await rows(
            "UPDATE staff_sign_in SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2", found["id"], now
        )
    venues = await venues_of(found["staff_id"])
    return StaffSignedIn(token, found["staff_id"], found["display_name"], found["device_id"], venues)


async def venues_of(staff_id: int) -> tuple[tuple[str, str], ...]:
    """The venues somebody may act for, as (public id, name)."""
    found = await rows(
        """SELECT v.public_id, v.name FROM staff_venue sv JOIN venue v ON v.id = sv.venue_id
            WHERE sv.staff_id = $1 ORDER BY v.id""",
        staff_id,
    )
    return tuple((venue["public_id"], venue["name"]) for venue in found)
