"""Writing down what a batch gives out: many vouchers, and what rounds and pools have less of, by one statement."""

from collections import Counter as Tally
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tortoise.exceptions import IntegrityError

from models import database
from models.calendar import business_day
from models.codes.rules import new_handle
from models.vouchers.claim_rules import Claimant, Counter, OpenRound
from models.vouchers.claims import COLUMNS, Batch, Claim, Given, given_of
from models.vouchers.rules import VoucherState, device_mark, region_said

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
     of_each AS (SELECT pool_id, sum(face_fen) AS fen FROM given GROUP BY pool_id),
     in_order AS MATERIALIZED (SELECT id FROM voucher_pool WHERE id IN (SELECT pool_id FROM of_each)
          ORDER BY id FOR NO KEY UPDATE),
     of_pools AS (UPDATE voucher_pool SET free_fen = free_fen - of_each.fen
          FROM of_each JOIN in_order ON in_order.id = of_each.pool_id WHERE voucher_pool.id = in_order.id)"""
"""Differences, though under the lock absolute numbers would do: so the CHECKs speak, should anybody ever go past it.

Pools in the order of their ids: whoever gives vouchers back (`ending.py`) locks them so too, and without the campaign.
An UPDATE locks in the order of its plan, so each is locked before. Rounds nobody changes without the campaign's lock.
"""


async def write(batch: Batch, counter: Counter) -> None:
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


async def _find_what_was_there(batch: Batch, written: set[str]) -> None:
    """Claims that were served long ago, to whom the voucher then belonged; it has moved to another account since."""
    missing = [name for name in batch.fresh if name not in written]
    for row in await database.rows(f"{COLUMNS} WHERE claim_hash = ANY($1::text[])", missing):
        batch.given[row["claim_hash"]] = given_of(row, batch.kinds)
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
