"""What a campaign has to give, and by which terms, read under its lock."""

from typing import Any

import orjson

from models import database
from models.vouchers.claim_rules import Counter, OpenRound
from models.vouchers.claims import Batch
from models.vouchers.reading import terms_of
from models.vouchers.rules import Terms


async def lock_campaign(public_id: str) -> Any | None:
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


async def counter_of(batch: Batch, state: str, terms: Terms) -> Counter:
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
