"""Everybody whom a member has to do with: masked, each with the id by which they are acted for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.calendar import business_day
from models.families.rules import HelperPower, InvitationKind, Relation, split
from models.keys import IdKeys
from models.real_names.queries import KnownPerson, known_people


@dataclass(frozen=True, kw_only=True)
class Kin:
    """One relation, seen from one side. `member_id` is public; `name` is masked, None without a real name."""

    id: str
    member_id: str
    name: str | None
    since: datetime
    relation: Relation | None = None
    powers: tuple[HelperPower, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OpenInvitation:
    id: str
    kind: InvitationKind
    subject_name: str | None
    powers: tuple[HelperPower, ...]
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class People:
    """Not who one's own guardians are: nobody can sign in as a ward, so there is nobody to ask for it."""

    wards: Sequence[Kin]
    helpers: Sequence[Kin]
    principals: Sequence[Kin]
    companions: Sequence[Kin]
    invitations: Sequence[OpenInvitation]


async def my_people(*, member_id: int, keys: IdKeys, now: datetime) -> People:
    """Three statements, however many people there are."""
    related = await database.rows(_RELATED, member_id)
    invited = await database.rows(_INVITED, member_id, now)
    others = {row["other_id"] for row in related} | {row["subject_id"] for row in invited}
    known = await known_people(others, keys=keys, today=business_day(now))
    by_side: dict[str, list[Kin]] = {side: [] for side in ("WARD", "HELPER", "PRINCIPAL", "COMPANION")}
    for row in related:
        other = known.get(row["other_id"])
        if _has_grown_up(row, known):
            continue
        by_side[row["side"]].append(
            Kin(
                id=row["public_id"],
                member_id=row["other_public_id"],
                name=other.masked_name if other else None,
                since=database.utc(row["started_at"]),
                relation=Relation(row["relation"]) if row["relation"] else None,
                powers=split(row["powers"]),
            )
        )
    return People(
        wards=by_side["WARD"],
        helpers=by_side["HELPER"],
        principals=by_side["PRINCIPAL"],
        companions=by_side["COMPANION"],
        invitations=[_invitation(row, known) for row in invited],
    )


def _has_grown_up(row: Any, known: dict[int, KnownPerson]) -> bool:
    """Until the job ends it, a guardianship of somebody of 14 gives nothing, so nobody is shown as a ward."""
    ward = known.get(row["other_id"])
    return row["side"] == "WARD" and (ward is None or not ward.is_child)


def _invitation(row: Any, known: dict[int, KnownPerson]) -> OpenInvitation:
    subject = known.get(row["subject_id"])
    return OpenInvitation(
        id=row["public_id"],
        kind=InvitationKind(row["kind"]),
        subject_name=subject.masked_name if subject else None,
        powers=split(row["powers"]),
        expires_at=database.utc(row["expires_at"]),
    )


_RELATED = """
SELECT related.*, member.public_id AS other_public_id FROM (
  SELECT 'WARD' AS side, public_id, ward_id AS other_id, relation, '' AS powers, started_at, id
    FROM guardianship WHERE guardian_id = $1 AND ended_at IS NULL
  UNION ALL
  SELECT 'HELPER', public_id, helper_id, '', powers, started_at, id
    FROM proxy WHERE principal_id = $1 AND ended_at IS NULL
  UNION ALL
  SELECT 'PRINCIPAL', public_id, principal_id, '', powers, started_at, id
    FROM proxy WHERE helper_id = $1 AND ended_at IS NULL
  UNION ALL
  SELECT 'COMPANION', public_id, CASE WHEN one_id = $1 THEN other_id ELSE one_id END, '', '', started_at, id
    FROM companionship WHERE (one_id = $1 OR other_id = $1) AND ended_at IS NULL
) related JOIN member ON member.id = related.other_id
 ORDER BY related.side, related.id
"""

_INVITED = """
SELECT public_id, kind, subject_id, powers, expires_at FROM invitation
 WHERE status = 'OPEN' AND expires_at > $2
   AND (subject_id = $1 AND kind <> 'GUARDIAN'
        OR kind = 'GUARDIAN' AND subject_id IN (
             SELECT ward_id FROM guardianship WHERE guardian_id = $1 AND ended_at IS NULL))
 ORDER BY id
"""
