"""Citizens who are signed in and have a real name, and campaigns of so many vouchers, written in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from tortoise.connection import get_connection

from models import database
from models.ids import new_id
from models.keys import new_token, token_hash
from models.vouchers.rules import Challenge, ClaimLimits, Terms, Who
from tests.factories.vouchers import ACampaign, a_campaign

FACE_FEN = 20_00
TERMS = Terms(
    limits=ClaimLimits(a_round=1, a_day=2, a_week=3, a_month=5, in_all=8, held=3),
    who=Who(real_name=True, account_days=1, challenge=Challenge.WHEN_SUSPECT),
)
"""Every limit, so that each is counted."""


@dataclass(frozen=True)
class Citizens:
    tokens: Path  # a file, one a line
    count: int


async def citizens(count: int, folder: Path, now: datetime) -> Citizens:
    """Members since last week, each with a sign-in and a real name of their own."""
    tokens = [new_token() for _ in range(count)]
    since, ids = now - timedelta(days=7), range(1, count + 1)
    async with get_connection("default").acquire_connection() as connection:
        await _copy(
            connection,
            "member",
            ("id", "public_id", "created_at", "code_version", "origin"),
            [(n, new_id("mem"), since, 0, "SELF") for n in ids],
        )
        await _copy(
            connection,
            "sign_in",
            ("id", "public_id", "member_id", "appid", "openid", "device_id", "door", "started_at", "end_reason"),
            [(n, new_id("sgn"), n, "wxbench", f"o{n}", f"phone-{n}", "MINI_PROGRAM", since, "") for n in ids],
        )
        life = now + timedelta(hours=2), now + timedelta(days=30)
        await _copy(
            connection,
            "sign_in_token",
            _columns(
                "sign_in_id generation refresh_hash access_hash issued_at access_expires_at refresh_expires_at"
            ),
            [(n, 1, token_hash(new_token()), token_hash(tokens[n - 1]), now, *life) for n in ids],
        )
        await _copy(
            connection,
            "real_name",
            _columns("id member_id sealed_name sealed_number seal_key_id lookup_hash lookup_key_id")
            + _columns("level verified_at bound_at"),
            [(n, n, b"", b"", "1", token_hash(str(n)), "1", "AGREED", since, since) for n in ids],
        )
        await connection.execute("VACUUM ANALYZE")
    path = folder / "tokens"
    path.write_text("\n".join(tokens))
    return Citizens(path, count)


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


async def _copy(connection: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns)


async def campaign_of(vouchers: int, now: datetime) -> ACampaign:
    return await a_campaign(
        budget_fen=vouchers * FACE_FEN, face_fen=FACE_FEN, quantity=vouchers, terms=TERMS, now=now
    )


async def assert_exact(campaign: ACampaign, vouchers: int) -> None:
    """Every voucher was given to somebody, nobody has two, and every fen is where it belongs."""
    (found,) = await database.rows(
        """SELECT count(*) AS given, count(DISTINCT member_id) AS people, sum(face_fen) AS fen,
                  (SELECT remaining FROM voucher_round WHERE campaign_id = $1) AS remaining,
                  (SELECT free_fen FROM voucher_pool WHERE campaign_id = $1) AS free_fen
             FROM voucher WHERE campaign_id = $1""",
        campaign.id,
    )
    said = (found["given"], found["people"], int(found["fen"]), found["remaining"], found["free_fen"])
    assert said == (vouchers, vouchers, vouchers * FACE_FEN, 0, 0), said


def bodies(path: Path, campaign: ACampaign, document_id: str, keys: range, word: str = "key") -> Path:
    path.write_bytes(
        b"\n".join(
            orjson.dumps(
                {
                    "documentId": document_id,
                    "variables": {"campaignId": campaign.public_id, "idempotencyKey": f"{word}-{n}"},
                }
            )
            for n in keys
        )
    )
    return path
