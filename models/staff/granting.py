"""The security administrator gives and ends roles, within their own scope and never their own."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.errors import BadInput
from models.ids import new_id
from models.staff.ending import end_sign_ins
from models.staff.powers import has_everywhere, may, not_allowed
from models.staff.refusals import RoleRefused, StaffUnknown, StaffVenueUnknown
from models.staff.rules import ADMINISTRATORS, Place, Power, Role, StaffSignedIn, check_place, check_together
from models.staff.tables import StaffMember, StaffRole


async def grant_role(*, clerk: StaffSignedIn, staff_id: str, role: Role, place: Place, now: datetime) -> StaffRole:
    """Gives somebody (public id) a role. The same again is the role that they have already.

    Raises NOT_ALLOWED outside the clerk's own scope, ROLE_REFUSED for themselves and for what one account must not
    hold together, STAFF_UNKNOWN for a closed account too, VENUE_UNKNOWN, BAD_INPUT.
    """
    check_place(role, place)
    concerning("STAFF", staff_id, venue_id=place.venue_id, detail=f"{role} {place.region_key or '*'}")
    if not await _may_grant(clerk, place):
        raise not_allowed(Power.GRANT_ROLES)
    return await _grant(clerk, staff_id, role, place, now)


@database.operation
async def end_role(*, clerk: StaffSignedIn, role_id: str, now: datetime) -> None:
    """Takes a role (public id) back. Ending it again changes nothing.

    Raises ROLE_REFUSED for the clerk's own and for one that is unknown or outside their scope.
    """
    found = await database.row(
        """SELECT held.id, held.staff_id, held.role, held.region_key, venue.public_id AS venue_id,
                  staff_member.public_id AS staff_public_id
             FROM staff_role held JOIN staff_member ON staff_member.id = held.staff_id
                  LEFT JOIN venue ON venue.id = held.venue_id
            WHERE held.public_id = $1""",
        role_id,
    )
    place = None if found is None else Place(found["venue_id"] or "", found["region_key"])
    if found is None or place is None or not await _may_grant(clerk, place):
        raise RoleRefused(
            "没有找到这项授权。", next_step="请刷新账号列表；只能管理本辖区内的授权。", field="roleId"
        )
    concerning("STAFF", found["staff_public_id"], venue_id=place.venue_id, detail=f"{found['role']}")
    if found["staff_id"] == clerk.staff_id:
        raise _own()
    await database.rows("UPDATE staff_role SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", found["id"], now)


async def add_role(
    *, staff_id: int, role: Role, place: Place, venue_row: int | None, granted_by: int | None, now: datetime
) -> StaffRole:
    """Inside the caller's transaction, which holds the account's row: the role, if the account may hold it.

    The lock keeps two grants apart that together would break the separation; `staff_role_one_administration` is the
    last guard between two administrations.
    """
    check_place(role, place)
    held = await StaffRole.filter(staff_id=staff_id, ended_at=None).order_by("id")
    for each in held:
        if (each.role, each.venue_id, each.region_key) == (role, venue_row, place.region_key):
            return each
    check_together(role, (Role(each.role) for each in held))
    if role in ADMINISTRATORS:  # what was opened without a second factor shall not administer
        await end_sign_ins(staff_id, reason="ROLE_GRANTED", now=now)
    return await StaffRole.create(
        public_id=new_id("rol"),
        staff_id=staff_id,
        role=role,
        venue_id=venue_row,
        region_key=place.region_key,
        granted_by_id=granted_by,
        granted_at=now,
    )


async def places_of(places: Iterable[Place]) -> Mapping[Place, int | None]:
    """The venue's row of each, None where it is none. Raises VENUE_UNKNOWN, and BAD_INPUT for an unknown region."""
    found: dict[Place, int | None] = {}
    for place in places:
        found[place] = None
        if place.venue_id:
            venue = await database.row("SELECT id FROM venue WHERE public_id = $1", place.venue_id)
            if venue is None:
                raise StaffVenueUnknown
            found[place] = venue["id"]
        elif place.region_key and not await database.row("SELECT id FROM region WHERE key = $1", place.region_key):
            raise BadInput("没有这个地区。", next_step="请核对地区代码。", field="regionKey")
    return found


@database.operation
async def _grant(clerk: StaffSignedIn, staff_id: str, role: Role, place: Place, now: datetime) -> StaffRole:
    venue_row = (await places_of([place]))[place]
    staff = await StaffMember.filter(public_id=staff_id).select_for_update().first()
    if staff is None or not staff.is_active:
        raise StaffUnknown
    if staff.id == clerk.staff_id:
        raise _own()
    return await add_role(
        staff_id=staff.id,
        role=role,
        place=place,
        venue_row=venue_row,
        granted_by=clerk.staff_id,
        now=now,
    )


async def _may_grant(clerk: StaffSignedIn, place: Place) -> bool:
    if place.venue_id:
        return await may(clerk, Power.GRANT_ROLES, venue_id=place.venue_id)
    if place.region_key:
        return await may(clerk, Power.GRANT_ROLES, region_key=place.region_key)
    return has_everywhere(clerk, Power.GRANT_ROLES)


def _own() -> RoleRefused:
    return RoleRefused("不能给自己授权或结束自己的授权。", next_step="请由另一位安全管理员办理。", field="staffId")
