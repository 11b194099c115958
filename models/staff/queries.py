"""Who stands at the desk, and what they may do there."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.audit import deeds
from models.audit.deeds import concerning
from models.database import parameters, row, rows, utc, with_instants
from models.keys import token_hash
from models.staff.policy import LEVEL_3, StaffPolicy
from models.staff.powers import accounts_where, demand, literals, not_allowed
from models.staff.refusals import StaffUnknown
from models.staff.rules import (
    ADMINISTRATORS,
    POWERS,
    SEEN_EVERY,
    Place,
    Power,
    Role,
    RoleHeld,
    SignInStage,
    StaffSignedIn,
    is_alive,
)


async def find(*, token: str, now: datetime, policy: StaffPolicy = LEVEL_3) -> StaffSignedIn | None:
    """The clerk with this token, or None when it is unknown, ended, idle too long, too old, or not open yet.

    Being asked for counts as use; the row is written at most once a minute, so idleness may be counted up to a
    minute early, never late.
    """
    found = await find_arriving(token=token, now=now, policy=policy)
    return found if found is not None and found.stage is SignInStage.OPEN else None


async def find_arriving(*, token: str, now: datetime, policy: StaffPolicy = LEVEL_3) -> StaffSignedIn | None:
    """The same, also of a sign-in that still needs a code, a password or a set-up: then without roles and venues."""
    found = await row(
        """SELECT i.id, i.staff_id, i.device_id, i.stage, i.started_at, i.last_seen_at, s.public_id, s.display_name
             FROM staff_sign_in i JOIN staff_member s ON s.id = i.staff_id
            WHERE i.token_hash = $1 AND i.ended_at IS NULL AND s.is_active""",
        token_hash(token),
    )
    if found is None:
        return None
    last_seen_at = utc(found["last_seen_at"])
    if not is_alive(started_at=utc(found["started_at"]), last_seen_at=last_seen_at, now=now, policy=policy):
        return None
    if now - last_seen_at >= SEEN_EVERY:
        await rows(
            "UPDATE staff_sign_in SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2", found["id"], now
        )
    return await signed_in(token, found, SignInStage(found["stage"]))


async def signed_in(token: str, found: Any, stage: SignInStage) -> StaffSignedIn:
    """`found`: staff_id, public_id, display_name and device_id, by name. Whatever is done now is theirs."""
    deeds.done_by("STAFF", found["public_id"], device_id=found["device_id"])
    held = await _roles_and_venues(found["staff_id"]) if stage is SignInStage.OPEN else ()
    venues = {
        each["venue_row"]: (each["venue_id"], each["name"])
        for each in held
        if each["venue_row"] is not None and Power.REDEEM in POWERS[Role(each["role"])]
    }
    roles = {
        each["id"]: RoleHeld(Role(each["role"]), Place(each["held_at"] or "", each["region_key"])) for each in held
    }
    return StaffSignedIn(
        token,
        found["staff_id"],
        found["public_id"],
        found["display_name"],
        found["device_id"],
        tuple(venues[key] for key in sorted(venues)),
        tuple(roles[key] for key in sorted(roles)),
        stage,
    )


async def _roles_and_venues(staff_id: int) -> Sequence[Any]:
    """Every live role once with its own venue if it has one, and again with each venue below it where it opens a desk.

    One statement, since it stands on the path of every scan; the second part reads venues only for somebody whose
    role is not at one of them.
    """
    return await rows(
        f"""SELECT held.id, held.role, held.region_key, venue.id AS venue_row, venue.public_id AS venue_id,
                   venue.public_id AS held_at, venue.name
              FROM staff_role held LEFT JOIN venue ON venue.id = held.venue_id
             WHERE held.staff_id = $1 AND held.ended_at IS NULL
            UNION ALL
            SELECT held.id, held.role, held.region_key, venue.id, venue.public_id, NULL, venue.name
              FROM staff_role held
                   JOIN venue ON TRUE JOIN region ON region.id = venue.region_id
             WHERE held.staff_id = $1 AND held.ended_at IS NULL AND held.venue_id IS NULL
               AND held.role IN ({literals(Power.REDEEM)})
               AND held.region_key IN ('', venue.province_code, venue.city_code, region.key)""",
        staff_id,
    )


async def is_administrator(staff_id: int) -> bool:
    """Whether somebody holds one of the three administrations now."""
    administrations = ", ".join(f"'{role}'" for role in Role if role in ADMINISTRATORS)
    held = await row(
        f"SELECT id FROM staff_role WHERE staff_id = $1 AND ended_at IS NULL AND role IN ({administrations})",
        staff_id,
    )
    return held is not None


OVER_ACCOUNTS = (Power.MANAGE_ACCOUNTS, Power.GRANT_ROLES)
"""Who has one of these sees the accounts within their scope."""


async def members(*, clerk: StaffSignedIn, text: str, first: int, after_id: int) -> list[dict[str, Any]]:
    """Accounts in the clerk's scope whose name or username holds this text, the oldest first, and one more than asked.

    Raises NOT_ALLOWED.
    """
    if not any(clerk.has(power) for power in OVER_ACCOUNTS):
        raise not_allowed(Power.MANAGE_ACCOUNTS)
    pattern = "%" + re.sub(r"([!%_])", r"!\1", text.strip().replace("\0", "")[:40]) + "%"
    found = await rows(
        f"""SELECT id, public_id, username, display_name, is_active, locked_until, password_set_at,
                   must_change_password, totp_confirmed_at
              FROM staff_member
             WHERE id > $2 AND {accounts_where(*OVER_ACCOUNTS)}
               AND (username LIKE $3 ESCAPE '!' OR display_name LIKE $3 ESCAPE '!')
             ORDER BY id LIMIT $4""",
        clerk.staff_id,
        after_id,
        pattern,
        first + 1,
    )
    return [with_instants(each, "locked_until", "password_set_at", "totp_confirmed_at") for each in found]


async def roles_of(staff_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What these hold now, each with the names of its venue and region."""
    if not staff_ids:
        return []
    found = await rows(
        f"""SELECT held.staff_id, held.public_id, held.role, held.region_key, held.granted_at,
                   venue.public_id AS venue_id, venue.name AS venue_name, region.name AS region_name
              FROM staff_role held LEFT JOIN venue ON venue.id = held.venue_id
                   LEFT JOIN region ON region.key = held.region_key
             WHERE held.ended_at IS NULL AND held.staff_id IN ({parameters(len(staff_ids))})
             ORDER BY held.id""",
        *staff_ids,
    )
    return [with_instants(each, "granted_at") for each in found]


async def sign_ins_of(
    *, clerk: StaffSignedIn, staff_id: str | None, first: int, now: datetime, policy: StaffPolicy = LEVEL_3
) -> list[dict[str, Any]]:
    """Sign-ins of the clerk, or with END_SIGN_INS of an account (public id) in their scope, the latest first.

    Raises NOT_ALLOWED, STAFF_UNKNOWN.
    """
    whose = clerk.staff_id
    if staff_id is not None:
        await demand(clerk, Power.END_SIGN_INS)
        concerning("STAFF", staff_id, reading=True)
        where = accounts_where(Power.END_SIGN_INS)
        found = await row(
            f"SELECT id FROM staff_member WHERE public_id = $2 AND {where}", clerk.staff_id, staff_id
        )
        if found is None:
            raise StaffUnknown
        whose = found["id"]
    listed = await rows(
        """SELECT public_id, token_hash, stage, device_id, address, started_at, last_seen_at, ended_at, end_reason
             FROM staff_sign_in WHERE staff_id = $1 AND public_id IS NOT NULL ORDER BY id DESC LIMIT $2""",
        whose,
        first,
    )
    mine = token_hash(clerk.token)
    return [
        _listed(with_instants(each, "started_at", "last_seen_at", "ended_at"), mine, now, policy)
        for each in listed
    ]


def _listed(each: dict[str, Any], mine: str, now: datetime, policy: StaffPolicy) -> dict[str, Any]:
    alive = each["ended_at"] is None and is_alive(
        started_at=each["started_at"], last_seen_at=each["last_seen_at"], now=now, policy=policy
    )
    return {**each, "is_alive": alive, "is_this": each.pop("token_hash") == mine}
