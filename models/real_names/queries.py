"""Who members are, as far as anybody is told: masked, by level, by band of age. The number itself is told to nobody."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from models import database
from models.keys import IdKeys
from models.real_names import rules
from models.real_names.binding import open_name, open_number
from models.real_names.rules import AgeBand, Assurance, ConcessionKind


@dataclass(frozen=True, kw_only=True)
class KnownPerson:
    """A member with a real name."""

    person_id: int
    """The person's own number (`person_key`); never shown."""
    masked_name: str
    level: Assurance
    age_band: AgeBand
    verified_at: datetime

    @property
    def is_child(self) -> bool:
        return self.age_band is AgeBand.CHILD

    @property
    def is_adult(self) -> bool:
        return self.age_band in (AgeBand.ADULT, AgeBand.ELDER)


async def known_person(*, member_id: int, keys: IdKeys, today: date) -> KnownPerson | None:
    """Who this member is on this day; None without a real name."""
    return (await known_people([member_id], keys=keys, today=today)).get(member_id)


async def known_people(member_ids: Collection[int], *, keys: IdKeys, today: date) -> dict[int, KnownPerson]:
    """The same for several: one statement. Who has no real name is not among them."""
    if not member_ids:
        return {}
    found = await database.rows(
        f"""SELECT id, member_id, sealed_name, sealed_number, seal_key_id, level, verified_at FROM real_name
             WHERE member_id IN ({database.parameters(len(member_ids))})""",
        *member_ids,
    )
    return {row["member_id"]: _known(row, keys, today) for row in found}


async def person_key(member_id: int) -> int | None:
    """The number of the person, whichever account they have; None without a real name. Limits, no-shows and pauses count
    under it (docs/decisions/0024, 0035); who has no real name is their account."""
    found = await database.row("SELECT id FROM real_name WHERE member_id = $1", member_id)
    return None if found is None else int(found["id"])


async def is_child(*, member_id: int, keys: IdKeys, today: date) -> bool:
    """Whether the member is known to be under 14."""
    found = await database.row("SELECT sealed_number, seal_key_id FROM real_name WHERE member_id = $1", member_id)
    return found is not None and is_childs_number(
        found["sealed_number"], found["seal_key_id"], member_id=member_id, keys=keys, today=today
    )


def is_childs_number(sealed_number: bytes, seal_key_id: str, *, member_id: int, keys: IdKeys, today: date) -> bool:
    number = open_number(sealed_number, seal_key_id, member_id=member_id, keys=keys)
    return rules.is_child(today, rules.birth_date(number))


@dataclass(frozen=True, kw_only=True)
class HeldConcession:
    """One that a clerk granted, or (without id and end) that the age says."""

    public_id: str | None
    kind: ConcessionKind
    ends_on: date | None


async def held_concessions(*, member_id: int, keys: IdKeys, today: date) -> list[HeldConcession]:
    """What a member may claim on this day: what clerks granted, and SENIOR, which their age says."""
    person = await known_person(member_id=member_id, keys=keys, today=today)
    if person is None:  # who somebody is comes first: a concession is the person's, not the account's
        return []
    by_age = [HeldConcession(public_id=None, kind=ConcessionKind.SENIOR, ends_on=None)]
    found = await database.rows(
        """SELECT public_id, kind, ends_on FROM concession
            WHERE member_id = $1 AND revoked_at IS NULL AND ends_on > $2 ORDER BY id""",
        member_id,
        today,
    )
    granted = [
        HeldConcession(
            public_id=row["public_id"], kind=ConcessionKind(row["kind"]), ends_on=database.day(row["ends_on"])
        )
        for row in found
    ]
    return [*(by_age if person.age_band is AgeBand.ELDER else ()), *granted]


async def concessions_on(
    *, member_id: int, keys: IdKeys, days: Collection[date]
) -> dict[date, frozenset[ConcessionKind]]:
    """What a member may claim on each of these days, `held_concessions` for several of them; one statement."""
    found = await database.row(CONCESSIONS, member_id)
    if found is None:
        return {}
    number = open_number(found["sealed_number"], found["seal_key_id"], member_id=member_id, keys=keys)
    born = rules.birth_date(number)
    granted = orjson.loads(found["granted"] or "[]")
    return {
        day: frozenset(
            [ConcessionKind(kind) for kind, ends_on in granted if date.fromisoformat(ends_on) > day]
            + ([ConcessionKind.SENIOR] if rules.age_band(day, born) is AgeBand.ELDER else [])
        )
        for day in days
    }


CONCESSIONS = """
SELECT sealed_number, seal_key_id,
       (SELECT json_agg(json_build_array(kind, ends_on)) FROM concession
         WHERE member_id = $1 AND revoked_at IS NULL) AS granted
  FROM real_name WHERE member_id = $1"""


def _known(row: Any, keys: IdKeys, today: date) -> KnownPerson:
    member_id = row["member_id"]
    name = open_name(row["sealed_name"], row["seal_key_id"], member_id=member_id, keys=keys)
    number = open_number(row["sealed_number"], row["seal_key_id"], member_id=member_id, keys=keys)
    return KnownPerson(
        person_id=row["id"],
        masked_name=rules.masked_name(name),
        level=Assurance(row["level"]),
        age_band=rules.age_band(today, rules.birth_date(number)),
        verified_at=database.utc(row["verified_at"]),
    )
