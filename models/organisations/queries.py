"""What can be asked about organisations: the page that everybody sees, one's own, and what staff decide about."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.calendar import business_day
from models.keys import IdKeys
from models.organisations.registering import state_refusal
from models.organisations.rules import (
    ACT_FOR_IT,
    MOST_OPEN_INVITATIONS,
    MOST_ORGANISATIONS,
    OrganisationStatus,
    OrganisationUnknown,
    RoleTooSmall,
)
from models.real_names.queries import known_people
from models.staff.powers import demand, regions_where
from models.staff.rules import Power, StaffSignedIn

Row = dict[str, Any]

_ORGANISATION = """
SELECT organisation.*, region.name AS region_name,
       (SELECT COUNT(*) FROM organisation_member counted
         WHERE counted.organisation_id = organisation.id AND counted.left_at IS NULL) AS member_count
  FROM organisation LEFT JOIN region ON region.key = organisation.region_key
"""


async def page(organisation_id: str) -> Row | None:
    """What everybody may see: of approved ones only, and nothing of who belongs to it."""
    found = await database.row(
        _ORGANISATION + "WHERE organisation.public_id = $1 AND organisation.status = 'APPROVED'", organisation_id
    )
    return None if found is None else _organisation(found)


@dataclass(frozen=True)
class Mine:
    """An organisation, what somebody is in it, and, for who may give them, its open invitations."""

    organisation: Row
    role: str
    membership_id: str
    invitations: list[Row]


async def organisations_of(*, member_id: int, now: datetime, organisation_id: str | None = None) -> list[Mine]:
    """Those that a member belongs to, whatever came of their registration; twenty at most. Or just one of them."""
    only, values = ("", []) if organisation_id is None else ("AND organisation.public_id = $2", [organisation_id])
    found = await database.rows(
        _ORGANISATION.replace(
            "SELECT organisation.*", "SELECT own.role, own.public_id AS membership_id, organisation.*"
        )
        + f"""JOIN organisation_member own ON own.organisation_id = organisation.id AND own.left_at IS NULL
             WHERE own.member_id = $1 {only} ORDER BY own.id DESC LIMIT {MOST_ORGANISATIONS}""",
        member_id,
        *values,
    )
    acting_for = [row["id"] for row in found if row["role"] in ACT_FOR_IT]
    invitations = await _invitations(acting_for, now)
    return [Mine(_organisation(row), row["role"], row["membership_id"], invitations[row["id"]]) for row in found]


async def booking_for(*, member_id: int, organisation_id: str) -> int:
    """The row's id of an organisation in whose name a member may book. Raises ORGANISATION_UNKNOWN, NOT_ALLOWED for a
    role that does not act for it, ORGANISATION_STATE unless it was approved."""
    found = await database.row(
        """SELECT organisation.id, organisation.status, own.role FROM organisation
             JOIN organisation_member own ON own.organisation_id = organisation.id AND own.left_at IS NULL
            WHERE organisation.public_id = $1 AND own.member_id = $2""",
        *(organisation_id, member_id),
    )
    if found is None:
        raise OrganisationUnknown
    if found["role"] not in ACT_FOR_IT:
        raise RoleTooSmall
    if found["status"] != OrganisationStatus.APPROVED:
        raise state_refusal(found["status"])
    return int(found["id"])


async def acts_for(*, member_id: int, organisation_id: int) -> bool:
    """Whether a member may still book in the name of an organisation (its row's id), and it is one that was approved."""
    found = await database.row(
        """SELECT own.role FROM organisation_member own JOIN organisation ON organisation.id = own.organisation_id
            WHERE own.organisation_id = $1 AND own.member_id = $2 AND own.left_at IS NULL
              AND organisation.status = 'APPROVED'""",
        *(organisation_id, member_id),
    )
    return found is not None and found["role"] in ACT_FOR_IT


async def members_of(
    *, member_id: int, organisation_id: str, keys: IdKeys, first: int, after_id: int | None, now: datetime
) -> list[Row]:
    """Who belongs to it, in the order of joining, and one more; for its owners and managers. Three statements.

    `masked_name` is enough to tell them apart, and None for who has no real name. It leaves no line in the audit trail:
    what is masked is nobody's secret, and they joined by this organisation's own invitation.
    Raises ORGANISATION_UNKNOWN, NOT_ALLOWED.
    """
    own = await database.row(
        """SELECT own.organisation_id, own.role FROM organisation_member own
             JOIN organisation ON organisation.id = own.organisation_id
            WHERE organisation.public_id = $1 AND own.member_id = $2 AND own.left_at IS NULL""",
        organisation_id,
        member_id,
    )
    if own is None:
        raise OrganisationUnknown
    if own["role"] not in ACT_FOR_IT:
        raise RoleTooSmall
    found = await database.rows(
        """SELECT id, public_id, member_id, role, joined_at FROM organisation_member
            WHERE organisation_id = $1 AND left_at IS NULL AND id > $2 ORDER BY id LIMIT $3""",
        own["organisation_id"],
        after_id or 0,
        first + 1,
    )
    known = await known_people([row["member_id"] for row in found], keys=keys, today=business_day(now))
    return [
        {
            **database.with_instants(row, "joined_at"),
            "is_me": row["member_id"] == member_id,
            "masked_name": known[row["member_id"]].masked_name if row["member_id"] in known else None,
        }
        for row in found
    ]


async def to_decide(*, clerk: StaffSignedIn, first: int, after_id: int | None) -> list[Row]:
    """Those that wait for a decision in the clerk's regions, the oldest first, and one more. Raises NOT_ALLOWED."""
    await demand(clerk, Power.DECIDE_ORGANISATION)
    mine = regions_where(Power.DECIDE_ORGANISATION, region="organisation.region_key")
    found = await database.rows(
        _ORGANISATION
        + f"""WHERE organisation.status = 'PENDING' AND organisation.id > $2 AND {mine}
              ORDER BY organisation.id LIMIT $3""",
        clerk.staff_id,
        after_id or 0,
        first + 1,
    )
    return [_organisation(row) for row in found]


async def for_staff(*, clerk: StaffSignedIn, organisation_id: str) -> Row | None:
    """One in the clerk's regions, whatever its state."""
    mine = regions_where(Power.DECIDE_ORGANISATION, region="organisation.region_key")
    found = await database.row(
        _ORGANISATION + f"WHERE organisation.public_id = $2 AND {mine}", clerk.staff_id, organisation_id
    )
    return None if found is None else _organisation(found)


async def _invitations(organisation_ids: list[int], now: datetime) -> defaultdict[int, list[Row]]:
    """Open ones by organisation, the newest first."""
    by_organisation: defaultdict[int, list[Row]] = defaultdict(list)
    if organisation_ids:
        found = await database.rows(
            f"""SELECT organisation_id, public_id, role, made_at, expires_at FROM organisation_invitation
                 WHERE status = 'OPEN' AND expires_at > $1
                   AND organisation_id IN ({database.parameters(len(organisation_ids), first=2)})
                 ORDER BY id DESC""",
            now,
            *organisation_ids,
        )
        for row in found:
            of_one = by_organisation[row["organisation_id"]]
            if len(of_one) < MOST_OPEN_INVITATIONS:
                of_one.append(database.with_instants(row, "made_at", "expires_at"))
    return by_organisation


def _organisation(row: Any) -> Row:
    return database.with_instants(row, "registered_at", "decided_at")
