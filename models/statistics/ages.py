"""How old people were when they claimed, noted a batch at a time (`claim_age`). May be run at any moment, by several at
once: what was noted stays as it was noted."""

from collections.abc import Sequence
from typing import Any

from models import database
from models.keys import IdKeys
from models.real_names.binding import open_number
from models.real_names.rules import age_band, birth_date
from models.statistics.rules import FROM_AGE

CLAIMS_A_BATCH = 500
BATCHES_A_RUN = 40
LOOKS_BACK = 20_000
"""A row may become visible after others with higher numbers: so far below the highest noted one each batch looks again."""


async def note_ages(*, keys: IdKeys) -> int:
    """Gives how many claims were noted; what is left over the next run finds."""
    noted = 0
    for _ in range(BATCHES_A_RUN):
        batch = await _note_batch(keys)
        noted += batch
        if batch < CLAIMS_A_BATCH:
            break
    return noted


async def all_noted(campaign_id: int | None) -> bool:
    """Whether no claim waits to be noted. Not since when: the oldest one is somebody's."""
    found = await database.rows(
        f"""SELECT voucher.id FROM voucher
             WHERE {_NOT_NOTED} AND ($1::bigint = 0 OR voucher.campaign_id = $1::bigint) LIMIT 1""",
        campaign_id or 0,
    )
    return not found


_NOT_NOTED = f"""voucher.id > (SELECT COALESCE(MAX(voucher_id), 0) - {LOOKS_BACK} FROM claim_age)
               AND NOT EXISTS (SELECT 1 FROM claim_age WHERE claim_age.voucher_id = voucher.id)"""


async def _note_batch(keys: IdKeys) -> int:
    found = await database.rows(
        f"""SELECT voucher.id, voucher.claim_day, named.id AS person_id, named.member_id, named.sealed_number,
                   named.seal_key_id
              FROM voucher LEFT JOIN real_name named ON named.member_id = voucher.member_id
             WHERE {_NOT_NOTED} ORDER BY voucher.id LIMIT {CLAIMS_A_BATCH}"""
    )
    if found:
        await _write([(row["id"], row["person_id"], _from_age(row, keys)) for row in found])
    return len(found)


def _from_age(row: Any, keys: IdKeys) -> int | None:
    if row["person_id"] is None:
        return None
    number = open_number(row["sealed_number"], row["seal_key_id"], member_id=row["member_id"], keys=keys)
    return FROM_AGE[age_band(database.day(row["claim_day"]), birth_date(number))]


@database.operation
async def _write(noted: Sequence[tuple[int, int | None, int | None]]) -> None:
    places = ", ".join(
        f"(${3 * n + 1}::bigint, ${3 * n + 2}::bigint, ${3 * n + 3}::int)" for n in range(len(noted))
    )
    await database.rows(
        f"INSERT INTO claim_age (voucher_id, person_id, from_age) VALUES {places} ON CONFLICT (voucher_id) DO NOTHING",
        *(value for each in noted for value in each),
    )
