"""Whether somebody may do something somewhere. Roles at a venue hold there, roles in a region hold at all below it."""

from models import database
from models.errors import DomainError, ErrorCode
from models.staff.rules import POWER_WORDS, POWERS, Place, Power, Role, StaffSignedIn


async def demand(
    clerk: StaffSignedIn, power: Power, *, venue_id: str | None = None, region_key: str | None = None
) -> None:
    """Raises NOT_ALLOWED unless the clerk may do this at the venue (public id), in the region and all below it, or,
    without either, anywhere at all."""
    if not await may(clerk, power, venue_id=venue_id, region_key=region_key):
        raise not_allowed(power)


async def may(
    clerk: StaffSignedIn, power: Power, *, venue_id: str | None = None, region_key: str | None = None
) -> bool:
    """Whether `demand` would let it pass. A venue or region that we do not know is nobody's."""
    if not clerk.has(power):
        return False
    if venue_id is not None:
        where = f"venue.public_id = $2 AND {venues_where(power)}"
        return await database.row(f"SELECT id FROM venue WHERE {where}", clerk.staff_id, venue_id) is not None
    if region_key is not None:
        where = f"region.key = $2 AND {regions_where(power, region='region.key')}"
        return await database.row(f"SELECT id FROM region WHERE {where}", clerk.staff_id, region_key) is not None
    return True


async def works_at(staff_id: int, venue_id: int) -> bool:
    """Whether somebody holds a role at this very venue (its row's id), whatever they hold in regions besides."""
    found = await database.row(
        "SELECT id FROM staff_role WHERE staff_id = $1 AND venue_id = $2 AND ended_at IS NULL LIMIT 1",
        *(staff_id, venue_id),
    )
    return found is not None


def has_everywhere(clerk: StaffSignedIn, power: Power) -> bool:
    """Whether somebody may do this wherever it is, also where nothing has a place."""
    return any(power in POWERS[held.role] and held.place == Place() for held in clerk.roles)


def not_allowed(power: Power) -> DomainError:
    return DomainError(
        f"您没有{POWER_WORDS[power]}的权限。",
        code=ErrorCode.NOT_ALLOWED,
        next_step="如工作需要，请联系安全管理员授权。",
    )


def venues_where(*powers: Power, staff: str = "$1", venue: str = "venue") -> str:
    """A condition for SQL: the row of `venue` is one where this person (`staff`: their row's id) may do one of these."""
    return f"""EXISTS (
      SELECT 1 FROM staff_role held
       WHERE held.staff_id = {staff} AND held.ended_at IS NULL AND held.role IN ({literals(*powers)})
         AND (held.venue_id = {venue}.id OR held.venue_id IS NULL AND held.region_key IN
              ('', {venue}.province_code, {venue}.city_code,
               (SELECT held_in.key FROM region held_in WHERE held_in.id = {venue}.region_id))))"""


def regions_where(*powers: Power, staff: str = "$1", region: str) -> str:
    """A condition for SQL: this person may do one of these in the region with the key `region`, and in all of it. With
    the key empty: everywhere."""
    return f"""EXISTS (
      SELECT 1 FROM staff_role held
       WHERE held.staff_id = {staff} AND held.ended_at IS NULL AND held.role IN ({literals(*powers)})
         AND held.venue_id IS NULL AND held.region_key IN
             ('', {region},
              (SELECT here.parent_key FROM region here WHERE here.key = {region}),
              (SELECT above.parent_key FROM region here JOIN region above ON above.key = here.parent_key
                WHERE here.key = {region})))"""


def accounts_where(*powers: Power, staff: str = "$1") -> str:
    """A condition for SQL: the account in `staff_member` lies where this person may do one of these, with all it has.

    It lies where its roles are; without any, where those were that it lost last; and if it never had one, where whoever
    opened it has accounts to manage. Whoever may do it everywhere reaches every account, also one that lies nowhere."""
    everywhere = f"""SELECT 1 FROM staff_role power
       WHERE power.staff_id = {staff} AND power.ended_at IS NULL AND power.role IN ({literals(*powers)})
         AND power.venue_id IS NULL AND power.region_key = ''"""
    places = f"""FROM staff_role theirs LEFT JOIN venue ON venue.id = theirs.venue_id WHERE {_LIES_WHERE}"""
    return f"""(EXISTS ({everywhere}) OR EXISTS (SELECT 1 {places}) AND NOT EXISTS (
      SELECT 1 {places}
         AND NOT (theirs.venue_id IS NOT NULL AND {venues_where(*powers, staff=staff)}
                  OR theirs.venue_id IS NULL AND {regions_where(*powers, staff=staff, region="theirs.region_key")})))"""


def literals(*powers: Power) -> str:
    """The roles with one of these powers, for SQL's IN."""
    return ", ".join(f"'{role}'" for role in Role if POWERS[role] & {*powers})


_LIES_WHERE = f"""
    (theirs.staff_id = staff_member.id AND theirs.ended_at IS NULL
     OR theirs.staff_id = staff_member.id
        AND theirs.ended_at = (SELECT MAX(lost.ended_at) FROM staff_role lost WHERE lost.staff_id = staff_member.id)
        AND NOT EXISTS (SELECT 1 FROM staff_role kept WHERE kept.staff_id = staff_member.id AND kept.ended_at IS NULL)
     OR theirs.staff_id = staff_member.opened_by_id AND theirs.ended_at IS NULL
        AND theirs.role IN ({literals(Power.MANAGE_ACCOUNTS)})
        AND NOT EXISTS (SELECT 1 FROM staff_role had WHERE had.staff_id = staff_member.id))"""
