"""Which devices of a venue may redeem while they are offline. A device makes its own key, and we get the public half."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_id
from models.offline import rules
from models.offline.tables import OfflineDesk
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.tables import Venue

MOST_DESKS = 100
"""At one venue, those that were ended included; the latest are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSeen:
    """A desk, and how far its queue has come in. `missing`: numbers below the last one that never came."""

    public_id: str
    name: str
    public_key: str
    most_fen: int
    most_count: int
    enrolled_at: datetime
    enrolled_by: str
    ended_at: datetime | None
    last_number: int
    missing: int
    forks: int


async def enrol_desk(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    name: str,
    public_key: str,
    most_fen: int,
    most_count: int,
    now: datetime,
) -> str:
    """Gives the desk's public id. Its key is its name for ever: the same key for the same desk again is harmless.

    Raises NOT_ALLOWED, BAD_INPUT, OFFLINE_DESK_EXISTS when this key is another desk's or was ended.
    """
    concerning("VENUE", venue_id, venue_id=venue_id)
    await powers.demand(clerk, Power.RUN_OFFLINE_DESKS, venue_id=venue_id)
    rules.checked_caps(most_fen, most_count)
    called = name.strip()
    if not (1 <= len(called) <= 40 and called.isprintable()):
        raise BadInput("请填写设备名称，最多40个字。", field="name")
    if rules.key_of(public_key) is None:
        raise BadInput("设备公钥不正确。", next_step="请在要登记的设备上重新打开登记页面。", field="publicKey")
    wanted = {"name": called, "most_fen": most_fen, "most_count": most_count}
    return await _enrol(clerk.staff_id, venue_id, public_key, wanted, now=now)


@database.operation
async def _enrol(staff_id: int, venue_id: str, public_key: str, wanted: dict[str, Any], *, now: datetime) -> str:
    venue = await Venue.get(public_id=venue_id)
    made = await database.row(
        """INSERT INTO offline_desk (public_id, venue_id, name, public_key, most_fen, most_count, enrolled_by_id,
                                     enrolled_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (public_key) DO NOTHING RETURNING id""",
        new_id("dsk"),
        venue.id,
        wanted["name"],
        public_key,
        wanted["most_fen"],
        wanted["most_count"],
        staff_id,
        now,
    )
    desk = await OfflineDesk.get(public_key=public_key)
    said = {name: getattr(desk, name) for name in wanted}
    if made is None and (desk.venue_id != venue.id or desk.ended_at is not None or said != wanted):
        raise DomainError(
            "这台设备的密钥已经登记过。",
            code=ErrorCode.OFFLINE_DESK_EXISTS,
            next_step="请在设备上重新生成密钥后再登记；要改额度，请先停用原来的登记。",
            field="publicKey",
        )
    concerning("OFFLINE_DESK", desk.public_id, venue_id=venue_id)
    return desk.public_id


async def end_desk(*, clerk: StaffSignedIn, desk_id: str, now: datetime) -> datetime:
    """Gives since when. From now on it gets no kit, and what it accepts later is not taken. Harmless the second time.
    Raises OFFLINE_DESK_UNKNOWN, also for another venue's."""
    found = await find(clerk, desk_id, Power.RUN_OFFLINE_DESKS)
    return await _end(found["id"], clerk.staff_id, now=now)


@database.operation
async def _end(desk_id: int, staff_id: int, *, now: datetime) -> datetime:
    desk = await OfflineDesk.select_for_update().get(id=desk_id)
    if desk.ended_at is None:
        desk.ended_at, desk.ended_by_id = now, staff_id
        await desk.save(update_fields=["ended_at", "ended_by_id"])
    return desk.ended_at


async def find(clerk: StaffSignedIn, desk_id: str, *wanted: Power) -> Any:
    """A desk (public id) of a venue where the clerk may do one of these. Raises OFFLINE_DESK_UNKNOWN."""
    found = await database.row(
        f"""SELECT offline_desk.*, venue.public_id AS venue_public_id, venue.name AS venue_name
              FROM offline_desk JOIN venue ON venue.id = offline_desk.venue_id
             WHERE offline_desk.public_id = $2 AND {powers.venues_where(*wanted)}""",
        clerk.staff_id,
        desk_id,
    )
    if found is None:
        raise DomainError(
            "没有找到这台离线设备。",
            code=ErrorCode.OFFLINE_DESK_UNKNOWN,
            next_step="请选择本馆登记的设备，或请场馆管理员登记。",
            field="deskId",
        )
    concerning("OFFLINE_DESK", found["public_id"], venue_id=found["venue_public_id"])
    return found


async def desks_at(*, clerk: StaffSignedIn, venue_id: str) -> Sequence[DeskSeen]:
    """A venue's desks, the latest first, for whoever redeems there and whoever runs them. Raises NOT_ALLOWED."""
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    if not await powers.may(clerk, Power.RUN_OFFLINE_DESKS, venue_id=venue_id):
        await powers.demand(clerk, Power.REDEEM, venue_id=venue_id)
    found = await database.rows(
        """SELECT desk.*, staff_member.display_name, COALESCE(came.last_number, 0) AS last_number,
                  COALESCE(came.last_number - came.entries, 0) AS missing,
                  (SELECT COUNT(*) FROM offline_fork JOIN offline_entry ON offline_entry.id = offline_fork.entry_id
                    WHERE offline_entry.desk_id = desk.id) AS forks
             FROM offline_desk desk JOIN venue ON venue.id = desk.venue_id
                  JOIN staff_member ON staff_member.id = desk.enrolled_by_id
                  LEFT JOIN (SELECT desk_id, MAX(number) AS last_number, COUNT(*) AS entries
                               FROM offline_entry GROUP BY desk_id) came ON came.desk_id = desk.id
            WHERE venue.public_id = $1 ORDER BY desk.id DESC LIMIT $2""",
        venue_id,
        MOST_DESKS,
    )
    return [
        DeskSeen(
            public_id=row["public_id"],
            name=row["name"],
            public_key=row["public_key"],
            most_fen=row["most_fen"],
            most_count=row["most_count"],
            enrolled_at=database.utc(row["enrolled_at"]),
            enrolled_by=row["display_name"],
            ended_at=row["ended_at"] and database.utc(row["ended_at"]),
            last_number=row["last_number"],
            missing=row["missing"],
            forks=row["forks"],
        )
        for row in found
    ]
