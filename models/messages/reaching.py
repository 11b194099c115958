"""Who is told in a member's place, and by what they can be reached.

Families and consents lie higher or beside this room, which may not import them (.importlinter): their tables are read
by name, and what their columns mean is theirs to say (models/families/tables.py, models/consents/tables.py).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from models import database
from models.members.standing import leads_to
from models.messages.rules import MessageKind, MessageWay, Reach


async def who_is_told(member_ids: Collection[int]) -> dict[int, Sequence[int]]:
    """Member → who is told outside: they themselves; or, where nothing leads to them (a child, an elder without a
    phone), their guardians, else the helpers who have the power MESSAGES; or nobody, also where they want nothing told
    outside."""
    alive = await _alive(member_ids)
    alive -= await _ids(f"{_AGAINST} AND member_id IN ", alive)
    reachable = await _reachable(alive)
    others = set(alive) - reachable
    guardians = await _pairs(
        "SELECT ward_id AS member_id, guardian_id AS other_id FROM guardianship WHERE ended_at IS NULL AND ward_id IN ",
        others,
    )
    helpers = await _pairs(
        """SELECT principal_id AS member_id, helper_id AS other_id FROM proxy
            WHERE ended_at IS NULL AND (',' || powers || ',') LIKE '%,MESSAGES,%' AND principal_id IN """,
        others,
    )
    in_their_place = {each: guardians.get(each) or helpers.get(each, []) for each in others}
    return {each: [each] if each in reachable else in_their_place.get(each, []) for each in member_ids}


async def is_still_told(recipient_id: int, *, member_id: int) -> bool:
    """Whether whoever was to be told of a member's message still may: between planning and sending lie hours, in which
    a guardian or helper may have gone, accounts have parted, or whom it is about said no to anything outside."""
    whose = await leads_to(member_id)
    if await _ids(f"{_AGAINST} AND member_id IN ", [whose]):
        return False
    if recipient_id == member_id or await leads_to(recipient_id) == whose:
        return True
    found = await database.row(
        """SELECT id FROM member WHERE id = $1 AND deleted_at IS NULL
              AND (EXISTS (SELECT 1 FROM guardianship
                            WHERE ward_id = member.id AND guardian_id = $2 AND ended_at IS NULL)
                   OR EXISTS (SELECT 1 FROM proxy
                               WHERE principal_id = member.id AND helper_id = $2 AND ended_at IS NULL
                                 AND (',' || powers || ',') LIKE '%,MESSAGES,%'))""",
        whose,
        recipient_id,
    )
    return found is not None


async def _alive(member_ids: Collection[int]) -> set[int]:
    """Of these, whose account has not been deleted."""
    return await _ids("SELECT id AS member_id FROM member WHERE deleted_at IS NULL AND id IN ", member_ids)


async def _reachable(member_ids: Collection[int]) -> set[int]:
    by_identity = await _ids("SELECT member_id FROM identity WHERE member_id IN ", member_ids)
    return by_identity | await _ids("SELECT member_id FROM member_phone WHERE member_id IN ", member_ids)


async def wants_it_no_more(recipient_id: int, *, kind: MessageKind, way: MessageWay) -> bool:
    """Whether they said no since it was planned: to anything outside, or to this."""
    if await _ids(f"{_AGAINST} AND member_id IN ", [recipient_id]):
        return True
    chosen = await database.row(
        "SELECT is_wanted FROM message_choice WHERE member_id = $1 AND kind = $2 AND way = $3",
        recipient_id,
        kind.value,
        way.value,
    )
    return chosen is not None and not chosen["is_wanted"]


_AGAINST = """
    SELECT member_id FROM consent WHERE purpose = 'NOTICES' AND ended_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM consent AS live WHERE live.member_id = consent.member_id
                          AND live.purpose = 'NOTICES' AND live.ended_at IS NULL)"""
"""Who said no, or took their yes back. What is told is part of the service, so who was never asked is told
(PIPL 13, 15; docs/decisions/0026)."""


async def reaches(member_ids: Collection[int]) -> dict[int, Reach]:
    """By what each of these can be told outside the inbox."""
    consents = await _texts(
        "SELECT member_id, template AS text FROM subscribe_quota WHERE left_count > 0 AND member_id IN ",
        member_ids,
    )
    followers = await _ids(
        "SELECT member_id FROM identity WHERE door = 'OFFICIAL_ACCOUNT' AND member_id IN ", member_ids
    )
    phones = await _ids("SELECT member_id FROM member_phone WHERE member_id IN ", member_ids)
    unwanted = await _texts(
        """SELECT member_id, kind || ' ' || way AS text FROM message_choice
            WHERE NOT is_wanted AND member_id IN """,
        member_ids,
    )
    against = await _ids(f"{_AGAINST} AND member_id IN ", member_ids)
    return {
        each: Reach(
            consents=frozenset(consents[each]),
            follows=each in followers,
            has_phone=each in phones,
            unwanted=frozenset(_choice(text) for text in unwanted[each]),
            wants_none=each in against,
        )
        for each in member_ids
    }


def _choice(text: str) -> tuple[MessageKind, MessageWay]:
    kind, way = text.split(" ")
    return MessageKind(kind), MessageWay(way)


async def _ids(sql: str, member_ids: Collection[int]) -> set[int]:
    if not member_ids:
        return set()
    found = await database.rows(f"{sql}({database.parameters(len(member_ids))})", *member_ids)
    return {row["member_id"] for row in found}


async def _texts(sql: str, member_ids: Collection[int]) -> dict[int, list[str]]:
    texts: dict[int, list[str]] = defaultdict(list)
    if member_ids:
        for row in await database.rows(f"{sql}({database.parameters(len(member_ids))})", *member_ids):
            texts[row["member_id"]].append(row["text"])
    return texts


async def _pairs(sql: str, member_ids: Collection[int]) -> dict[int, list[int]]:
    pairs: dict[int, list[int]] = {}
    if member_ids:
        found = await database.rows(f"{sql}({database.parameters(len(member_ids))})", *member_ids)
        for row in found:
            pairs.setdefault(row["member_id"], []).append(row["other_id"])
    return pairs
