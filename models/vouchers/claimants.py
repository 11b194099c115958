"""Who claims, and what they have already: of all the people of a batch at once, under the locks of their rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models import database
from models.calendar import business_day
from models.keys import IdKeys
from models.real_names import queries as real_names
from models.real_names.rules import AgeBand
from models.vouchers.claim_rules import Claimant, Mine
from models.vouchers.claims import COLUMNS, Batch, Claim, given_of
from models.vouchers.rules import AgeGroup, Terms

_AGE_GROUPS = {
    AgeBand.CHILD: AgeGroup.CHILD,
    AgeBand.MINOR: AgeGroup.CHILD,
    AgeBand.ADULT: AgeGroup.ADULT,
    AgeBand.ELDER: AgeGroup.ELDER,
}


async def lock_members(member_ids: list[int]) -> dict[int, Any]:
    """Those whose rows nobody else is about to change. Nobody is joined or deleted before the commit; whoever is
    being so just now is left out, instead of letting everybody wait."""
    found = await database.rows(
        """SELECT id, created_at, joined_to_id, deleted_at,
                  (SELECT real_name.id FROM real_name WHERE real_name.member_id = member.id) AS person_id
             FROM member WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE SKIP LOCKED""",
        member_ids,
    )
    return {row["id"]: row for row in found}


async def people_of(
    batch: Batch, claims: Sequence[Claim], members: Mapping[int, Any], terms: Terms, id_keys: IdKeys
) -> dict[int, Claimant]:
    """By member, the living ones. Limits count the person where the campaign wants a real name."""
    living = {
        member_id: Claimant(
            account_opened_at=database.utc(row["created_at"]),
            person_id=row["person_id"] if terms.who.real_name else None,
        )
        for member_id, row in members.items()
        if row["joined_to_id"] is None and row["deleted_at"] is None
    }
    if terms.who.age_groups:
        await _tell_ages(living, id_keys, batch.now)
    await _tell_what_they_have(batch, living)
    if terms.who.first_timers:
        await _tell_who_used_before(living)
    if terms.who.regions:
        inside = await _inside(sorted({claim.region_key for claim in claims}), sorted(terms.who.regions))
        for claim in claims:
            if claim.member_id in living:
                living[claim.member_id].is_in_region = claim.region_key in inside
    return living


async def _tell_ages(living: Mapping[int, Claimant], id_keys: IdKeys, now: datetime) -> None:
    known = await real_names.known_people(list(living), keys=id_keys, today=business_day(now))
    for member_id, person in known.items():
        living[member_id].age_group = _AGE_GROUPS[person.age_band]


_THEIRS = f"{COLUMNS} WHERE campaign_id + 0 = $1 AND member_id = ANY($2::bigint[])"
_OF_THE_PERSON = f"""{_THEIRS}
 UNION {COLUMNS} WHERE campaign_id + 0 = $1 AND person_id = ANY($3::bigint[]) AND person_id IS NOT NULL"""
"""Each half by an index of its own (`voucher_of_a_person`: a partial one, used only where NULL is ruled out). In the middle
of a rush statistics are old, and whatever reads all that the campaign has given so far holds up everybody. PostgreSQL
believed by old ones that a campaign has hardly a voucher, and went through an index for all of them: `+ 0` takes that way
away from it, and nobody has many of other campaigns."""


async def _tell_what_they_have(batch: Batch, living: Mapping[int, Claimant]) -> None:
    """All of a person's vouchers of this campaign: for the limits, and because one may be what is asked for again."""
    by_person = {each.person_id: each for each in living.values() if each.person_id is not None}
    text, people = (_OF_THE_PERSON, [list(by_person)]) if by_person else (_THEIRS, [])
    found = await database.rows(text, batch.campaign_id, list(living), *people)
    for row in found:
        mine = Mine(
            row["round_id"], database.day(row["claim_day"]), row["state"], database.utc(row["valid_until"])
        )
        whose = {
            id(each): each for each in (living.get(row["member_id"]), by_person.get(row["person_id"])) if each
        }
        for each in whose.values():
            each.mine.append(mine)
        batch.given[row["claim_hash"]] = given_of(row, batch.kinds)


async def _tell_who_used_before(living: Mapping[int, Claimant]) -> None:
    """A voucher of any campaign."""
    people = [each.person_id for each in living.values() if each.person_id is not None]
    found = await database.rows(
        """SELECT member_id, person_id FROM voucher WHERE state = 'USED' AND member_id = ANY($1::bigint[])
            UNION SELECT member_id, person_id FROM voucher WHERE state = 'USED' AND person_id = ANY($2::bigint[])""",
        list(living),
        people,
    )
    users, persons = {row["member_id"] for row in found}, {row["person_id"] for row in found} - {None}
    for member_id, each in living.items():
        each.has_used_before = member_id in users or each.person_id in persons


async def _inside(said: list[str], wanted: list[str]) -> set[str]:
    """Of the regions that were said, those that are one of the wanted ones or lie below one."""
    found = await database.rows(
        """WITH RECURSIVE up (key, above) AS (
             SELECT key, key FROM region WHERE key = ANY($1::text[])
              UNION SELECT up.key, region.parent_key FROM up JOIN region ON region.key = up.above
                     WHERE region.parent_key <> '')
           SELECT DISTINCT key FROM up WHERE above = ANY($2::text[])""",
        said,
        wanted,
    )
    return {row["key"] for row in found}
