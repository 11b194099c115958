"""Giving out vouchers, exactly: never one over the pool's budget, the round or a person's limits.

One transaction serves many claimants, because the campaign's row, under which everything is counted, can be locked
only once at a time: gathered, a thousand claims wait for one lock and one commit instead of a thousand
(docs/decisions, 0028). `rush.py` gathers; a desk hands in one.

Lock order: the members' rows, then the campaign's. What `claim_many` says is committed.
"""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from tortoise.exceptions import IntegrityError

from models import database
from models.calendar import business_day
from models.codes.rules import new_handle
from models.errors import Busy, DomainError, ErrorCode
from models.ids import new_id
from models.keys import IdKeys
from models.members.standing import MemberGone
from models.real_names import queries as real_names
from models.real_names.rules import AgeBand
from models.vouchers.claim_rules import (
    Claimant,
    Counter,
    Mine,
    OpenRound,
    campaign_unknown,
    require_key,
)
from models.vouchers.reading import terms_of
from models.vouchers.rules import AgeGroup, ClaimWay, Terms, VoucherState, claim_hash, device_mark, region_said

_AGE_GROUPS = {
    AgeBand.CHILD: AgeGroup.CHILD,
    AgeBand.MINOR: AgeGroup.CHILD,
    AgeBand.ADULT: AgeGroup.ADULT,
    AgeBand.ELDER: AgeGroup.ELDER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One person wants one voucher. The same key of the same member is the same claim, for ever."""

    member_id: int
    member_public_id: str
    key: str
    kind_id: str | None = None  # public; None: whichever is open
    region_key: str = ""  # where they say they are
    way: ClaimWay = ClaimWay.APP
    venue_id: int | None = None
    staff_id: int | None = None
    device_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The voucher of a claim. It is in the database."""

    public_id: str
    round_id: int
    kind_id: str  # public
    kind_title: str
    face_fen: int
    minimum_spend_fen: int
    claimed_at: datetime
    valid_from: datetime
    valid_until: datetime


Answer = Given | DomainError


class MemberBusy(Busy):
    """Another act holds this member's row just now. The batch does not wait for it; the claim may come with the next."""


@database.operation
async def claim_many(*, campaign_id: str, claims: Sequence[Claim], id_keys: IdKeys, now: datetime) -> list[Answer]:
    """An answer for each claim, in their order, in which they are served as well.

    Raises what concerns all of them, such as Busy; nothing was given then, and each may ask again with its key.
    """
    for claim in claims:
        require_key(claim.key)
    members = await _lock_members(sorted({claim.member_id for claim in claims}))
    campaign = await _lock_campaign(campaign_id)
    if campaign is None:
        return [campaign_unknown() for _ in claims]
    batch = _Batch(campaign, now)
    terms = await terms_in_force(campaign)
    counter = await _counter(batch, campaign["state"], terms)
    people = await _people(batch, claims, members, terms, id_keys)
    said = [_decide(batch, counter, claim, people.get(claim.member_id), members) for claim in claims]
    await _write(batch, counter)
    return [_answer(batch, claim, each) for claim, each in zip(claims, said, strict=True)]


async def claim_one(*, campaign_id: str, claim: Claim, id_keys: IdKeys, now: datetime) -> Given:
    """The same for one. Raises its refusal."""
    (answer,) = await claim_many(campaign_id=campaign_id, claims=[claim], id_keys=id_keys, now=now)
    if isinstance(answer, DomainError):
        raise answer
    return answer


class _Batch:
    """What becomes of the claims of one transaction: by claim hash, what was given before, and what is new."""

    def __init__(self, campaign: Any, now: datetime) -> None:
        self.campaign_id: int = campaign["id"]
        self.terms_version: int = campaign["terms_version"]
        self.now = now
        self.given: dict[str, Given] = {}
        self.fresh: dict[str, tuple[OpenRound, Claim, Claimant]] = {}
        self.kinds: dict[int, tuple[str, str]] = {}  # public id and title

    def hash_of(self, claim: Claim) -> str:
        return claim_hash(campaign_id=self.campaign_id, member_public_id=claim.member_public_id, key=claim.key)


def _decide(
    batch: _Batch, counter: Counter, claim: Claim, claimant: Claimant | None, members: Mapping[int, Any]
) -> str | DomainError:
    """The hash of what was given, or why not. In memory, for one claim after the other: what the database would say
    if each came alone."""
    if claim.member_id not in members:
        return MemberBusy()
    if claimant is None:
        return MemberGone()
    name = batch.hash_of(claim)
    if name in batch.given:
        return name
    try:
        chosen = counter.choose(claimant, claim.kind_id)
    except DomainError as refusal:
        return refusal
    counter.take(claimant, chosen)
    batch.fresh[name] = (chosen, claim, claimant)
    batch.given[name] = Given(
        public_id=new_id("vch"),
        round_id=chosen.id,
        kind_id=chosen.kind_public_id,
        kind_title=chosen.kind_title,
        face_fen=chosen.face_fen,
        minimum_spend_fen=chosen.minimum_spend_fen,
        claimed_at=batch.now,
        valid_from=counter.validity[0],
        valid_until=counter.validity[1],
    )
    return name


def _answer(batch: _Batch, claim: Claim, said: str | DomainError) -> Answer:
    """What was given; or that under this key something else was given before than is asked for now."""
    if isinstance(said, DomainError):
        return said
    given = batch.given[said]
    if claim.kind_id is not None and claim.kind_id != given.kind_id:
        return DomainError(
            f"这次领取已经领到“{given.kind_title}”。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请在“我的消费券”里查看；想领另一种，请重新领取。",
            field="idempotencyKey",
        )
    return given


# reading, under the locks


async def _lock_members(member_ids: list[int]) -> dict[int, Any]:
    """Those whose rows nobody else is about to change. Nobody is joined or deleted before the commit; whoever is
    being so just now is left out, instead of letting everybody wait."""
    found = await database.rows(
        """SELECT id, created_at, joined_to_id, deleted_at,
                  (SELECT real_name.id FROM real_name WHERE real_name.member_id = member.id) AS person_id
             FROM member WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE SKIP LOCKED""",
        member_ids,
    )
    return {row["id"]: row for row in found}


async def _lock_campaign(public_id: str) -> Any | None:
    return await database.row(
        "SELECT id, public_id, state, terms_version FROM voucher_campaign WHERE public_id = $1 FOR UPDATE",
        public_id,
    )


async def terms_in_force(campaign: Any) -> Terms:
    """Terms are added and never edited, so each version is read once in a process."""
    name = campaign["public_id"], campaign["terms_version"]
    known = _terms.get(name)
    if known is None:
        found = await database.row(
            "SELECT terms FROM voucher_terms WHERE campaign_id = $1 AND version = $2",
            campaign["id"],
            campaign["terms_version"],
        )
        assert found is not None, "a campaign names one of its versions"
        known = _terms[name] = terms_of(orjson.loads(found["terms"]))
    return known


_terms: dict[tuple[str, int], Terms] = {}


_KINDS_AND_ROUNDS = """
SELECT k.id AS kind_id, k.public_id AS kind_public_id, k.title AS kind_title, k.pool_id, k.face_fen,
       k.minimum_spend_fen, p.free_fen, r.id, r.opens_at, r.closes_at, r.remaining,
       (SELECT min(n.opens_at) FROM voucher_round n WHERE n.kind_id = k.id AND n.opens_at > $2) AS next_opens_at
  FROM voucher_kind k
  JOIN voucher_pool p ON p.id = k.pool_id
  LEFT JOIN voucher_round r ON r.kind_id = k.id AND r.opens_at <= $2 AND r.closes_at > $2
 WHERE k.campaign_id = $1
 ORDER BY r.opens_at, r.id"""


async def _counter(batch: _Batch, state: str, terms: Terms) -> Counter:
    """After the lock, in a statement of its own: what an earlier one saw may be older than the lock."""
    kinds = await database.rows(_KINDS_AND_ROUNDS, batch.campaign_id, batch.now)
    batch.kinds = {row["kind_id"]: (row["kind_public_id"], row["kind_title"]) for row in kinds}
    return Counter(
        state=state,
        terms=terms,
        now=batch.now,
        rounds=[_open_round(row) for row in kinds if row["id"] is not None],
        free_fen={row["pool_id"]: row["free_fen"] for row in kinds},
        next_opening={
            row["kind_public_id"]: database.utc(row["next_opens_at"])
            for row in kinds
            if row["next_opens_at"] is not None
        },
    )


def _open_round(row: Any) -> OpenRound:
    return OpenRound(
        id=row["id"],
        kind_id=row["kind_id"],
        kind_public_id=row["kind_public_id"],
        kind_title=row["kind_title"],
        pool_id=row["pool_id"],
        face_fen=row["face_fen"],
        minimum_spend_fen=row["minimum_spend_fen"],
        opens_at=database.utc(row["opens_at"]),
        closes_at=database.utc(row["closes_at"]),
        remaining=row["remaining"],
    )


# who they are, and what they have


async def _people(
    batch: _Batch, claims: Sequence[Claim], members: Mapping[int, Any], terms: Terms, id_keys: IdKeys
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


_COLUMNS = """
SELECT member_id, person_id, round_id, claim_day, state, valid_from, valid_until, claim_hash, public_id, face_fen,
       minimum_spend_fen, claimed_at, kind_id
  FROM voucher"""
_THEIRS = f"{_COLUMNS} WHERE campaign_id + 0 = $1 AND member_id = ANY($2::bigint[])"
_OF_THE_PERSON = f"""{_THEIRS}
 UNION {_COLUMNS} WHERE campaign_id + 0 = $1 AND person_id = ANY($3::bigint[]) AND person_id IS NOT NULL"""
"""Each half by an index of its own (`voucher_of_a_person`: a partial one, used only where NULL is ruled out). In the middle
of a rush statistics are old, and whatever reads all that the campaign has given so far holds up everybody. PostgreSQL
believed by old ones that a campaign has hardly a voucher, and went through an index for all of them: `+ 0` takes that way
away from it, and nobody has many of other campaigns."""


async def _tell_what_they_have(batch: _Batch, living: Mapping[int, Claimant]) -> None:
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
        batch.given[row["claim_hash"]] = _given(row, batch.kinds)


def _given(row: Any, kinds: Mapping[int, tuple[str, str]]) -> Given:
    kind_id, kind_title = kinds[row["kind_id"]]
    return Given(
        public_id=row["public_id"],
        round_id=row["round_id"],
        kind_id=kind_id,
        kind_title=kind_title,
        face_fen=row["face_fen"],
        minimum_spend_fen=row["minimum_spend_fen"],
        claimed_at=database.utc(row["claimed_at"]),
        valid_from=database.utc(row["valid_from"]),
        valid_until=database.utc(row["valid_until"]),
    )


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


# writing


_OF_EACH = {  # what differs between the vouchers of a batch, and its type
    "public_id": "text",
    "claim_hash": "text",
    "kind_id": "int",
    "pool_id": "int",
    "round_id": "int",
    "member_id": "bigint",
    "person_id": "bigint",
    "face_fen": "bigint",
    "minimum_spend_fen": "bigint",
    "claim_way": "text",
    "claim_venue_id": "int",
    "claim_staff_id": "int",
    "claim_device": "text",
    "claim_region": "text",
    "handle": "text",
}
_OF_ALL = ("campaign_id", "terms_version", "state", "claimed_at", "claim_day", "valid_from", "valid_until")


@lru_cache
def _insert_text(on_postgres: bool) -> str:
    """Many rows by one statement whose text is always the same: a list for each column, or JSON for SQLite."""
    first = len(_OF_ALL) + 1
    if on_postgres:
        lists = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_OF_EACH.values(), start=first))
        each, source = ", ".join(_OF_EACH), f"unnest({lists}) AS fresh ({', '.join(_OF_EACH)})"
    else:
        each = ", ".join(f"value ->> {number}" for number in range(len(_OF_EACH)))
        source = f"json_each(${first}) WHERE true"
    insert = f"""INSERT INTO voucher ({", ".join(_OF_ALL)}, code_version, {", ".join(_OF_EACH)})
        SELECT {database.parameters(len(_OF_ALL))}, 0, {each} FROM {source}
        ON CONFLICT (claim_hash) DO NOTHING RETURNING claim_hash, round_id, pool_id, face_fen"""
    return f"WITH given AS ({insert}), {_TAKEN} SELECT claim_hash FROM given" if on_postgres else insert


_TAKEN = """
     of_rounds AS (UPDATE voucher_round SET remaining = remaining - taken.count
          FROM (SELECT round_id, count(*) AS count FROM given GROUP BY round_id) AS taken WHERE id = taken.round_id),
     of_pools AS (UPDATE voucher_pool SET free_fen = free_fen - taken.fen
          FROM (SELECT pool_id, sum(face_fen) AS fen FROM given GROUP BY pool_id) AS taken WHERE id = taken.pool_id)"""
"""Differences, though under the lock absolute numbers would do: so the CHECKs speak, should anybody ever go past it."""


async def _write(batch: _Batch, counter: Counter) -> None:
    """The vouchers, and what rounds and pools have less of."""
    if not batch.fresh:
        return
    of_all = (
        batch.campaign_id,
        batch.terms_version,
        VoucherState.CLAIMED.value,
        batch.now,
        business_day(batch.now),
        *counter.validity,
    )
    vouchers = [_row(name, batch.given[name], *what) for name, what in batch.fresh.items()]
    on_postgres = database.on_postgres()
    lists = [list(column) for column in zip(*vouchers, strict=True)] if on_postgres else [vouchers]
    try:
        written = await database.rows(_insert_text(on_postgres), *of_all, *lists)
    except IntegrityError as error:
        if "unique" not in str(error).lower():  # a CHECK: a bug, which nobody should try again
            raise
        raise database.ChanceTwin from error  # a handle or an id that somebody has already
    if len(written) < len(batch.fresh):
        await _find_what_was_there(batch, {row["claim_hash"] for row in written})
    if not on_postgres:
        await _take_from_stock([chosen for chosen, _, _ in batch.fresh.values()])


def _row(name: str, given: Given, chosen: OpenRound, claim: Claim, claimant: Claimant) -> tuple[Any, ...]:
    """In the order of `_OF_EACH`."""
    return (
        given.public_id,
        name,
        chosen.kind_id,
        chosen.pool_id,
        chosen.id,
        claim.member_id,
        claimant.person_id,
        chosen.face_fen,
        chosen.minimum_spend_fen,
        claim.way.value,
        claim.venue_id,
        claim.staff_id,
        device_mark(claim.device_id),
        region_said(claim.region_key),
        new_handle(),
    )


async def _find_what_was_there(batch: _Batch, written: set[str]) -> None:
    """Claims that were served long ago, to whom the voucher then belonged; it has moved to another account since."""
    missing = [name for name in batch.fresh if name not in written]
    for row in await database.rows(f"{_COLUMNS} WHERE claim_hash = ANY($1::text[])", missing):
        batch.given[row["claim_hash"]] = _given(row, batch.kinds)
    for name in missing:
        del batch.fresh[name]


async def _take_from_stock(taken: Sequence[OpenRound]) -> None:
    """`_TAKEN` for SQLite, where an INSERT cannot be a part of another statement."""
    rounds, pools = Tally[int](), Tally[int]()
    for each in taken:
        rounds[each.id] += 1
        pools[each.pool_id] += each.face_fen
    for round_id, count in sorted(rounds.items()):
        await database.rows(
            "UPDATE voucher_round SET remaining = remaining - $1::int WHERE id = $2", count, round_id
        )
    for pool_id, fen in sorted(pools.items()):
        await database.rows("UPDATE voucher_pool SET free_fen = free_fen - $1::bigint WHERE id = $2", fen, pool_id)
