"""Campaigns of which so many vouchers were used, written by the database itself: uses, judged, with their entries."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tortoise.connection import get_connection

from tests.factories.settlements import Programme, a_programme, an_account

DAYS = 20  # in which they were used, before `now`
FILLING_S = 600
FACE_FEN, BILL_FEN = 20_00, 45_00
TAKEN_BACK_EVERY, TAKEN_BACK_FEN = 10, 5_00  # so many uses apart, so much of one was given back
OPEN_CASES, OPEN_WEEKS = 300, 40  # at other venues: what somebody must look at, wherever it is


@dataclass(frozen=True)
class Books:
    """A campaign with its entries, at so many venues."""

    it: Programme
    entries: int
    venues: Sequence[str]  # public


async def books(*, uses: int, venues: int, now: datetime) -> Books:
    """`uses` uses over `venues` venues, of which every tenth was given back in part."""
    it = await a_programme(quantity=uses, now=now - timedelta(days=DAYS))
    async with _unlimited() as connection:
        ids = await _venues(connection, it.venue.id, venues)
        first = await connection.fetchval("SELECT COALESCE(MAX(id), 0) FROM voucher_use") + 1
        numbers = {
            "first": first,
            "last": first + uses - 1,
            "campaign": it.campaign.id,
            "kind": it.campaign.kind_id,
            "pool": it.campaign.pool_id,
            "round": it.campaign.round_id,
            "staff": it.paymaster.staff_id,
        }
        for text in (_MEMBERS, _VOUCHERS, _USES, _SCORES, _USED, _TAKEN_BACK):
            values = (ids, now) if "$2" in text else (now,) if "$1" in text else ()
            await connection.execute(text.format(**numbers), *values, timeout=FILLING_S)
        for table in ("member", "voucher", "voucher_use"):
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"
            )
        await connection.execute("ANALYZE", timeout=FILLING_S)
        named = await connection.fetch("SELECT public_id FROM venue WHERE id = ANY($1::int[]) ORDER BY id", ids)
    return Books(it, uses + uses // TAKEN_BACK_EVERY, [row["public_id"] for row in named])


@asynccontextmanager
async def _unlimited() -> AsyncIterator[Any]:
    """In a transaction that may take its time: it fills a house."""
    async with get_connection("default").acquire_connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection


async def open_cases(now: datetime) -> None:
    """Elsewhere, of the same programme of law: settlements must look past them."""
    crowd = await books(uses=OPEN_CASES, venues=OPEN_WEEKS, now=now)
    async with _unlimited() as connection:
        for text in (_CASES, _WEEKS):
            await connection.execute(text, crowd.it.campaign.id, now)
        await connection.execute("ANALYZE", timeout=FILLING_S)


async def accounts(of: Books) -> None:
    """Where each venue's money goes."""
    for venue_id in of.venues:
        await an_account(replace(of.it, venue=_Named(venue_id)))  # type: ignore[arg-type] # only its name is asked


@dataclass(frozen=True)
class _Named:
    public_id: str


async def _venues(connection: Any, like: int, count: int) -> list[int]:
    """Copies of one, which is the first of them."""
    found = await connection.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'venue'"
    )
    names = [row["column_name"] for row in found if row["column_name"] not in ("id", "public_id", "ref")]
    made = await connection.fetch(
        f"""INSERT INTO venue (public_id, ref, {", ".join(names)})
            SELECT public_id || '_' || n, ref || '_' || n, {", ".join(names)}
              FROM venue, generate_series(2, $2) n WHERE id = $1 RETURNING id""",
        like,
        count,
    )
    return [like, *(row["id"] for row in made)]


_EACH = "FROM generate_series({first}::bigint, {last}) AS n"
_AT = f"$2::timestamptz - (1 + n % {DAYS - 2}) * interval '1 day' - (n % 36000) * interval '1 second'"
_MEMBERS = f"""
INSERT INTO member (id, public_id, created_at, code_version, origin)
SELECT 1000000 + n, 'mem_BOOKS' || n, $1::timestamptz - interval '99 days', 0, 'SELF' {_EACH}"""
_VOUCHERS = f"""
INSERT INTO voucher (id, public_id, claim_hash, campaign_id, kind_id, pool_id, round_id, terms_version, member_id, state,
                     face_fen, minimum_spend_fen, claimed_at, claim_day, claim_way, claim_device, valid_from, valid_until, handle,
                     code_version, ended_at)
SELECT n, 'vch_BOOKS' || n, md5(n::text), {{campaign}}, {{kind}}, {{pool}}, {{round}}, 1, 1000000 + n, 'USED',
       {FACE_FEN}, 4000, $1::timestamptz - interval '25 days', ($1::timestamptz - interval '25 days')::date, 'APP', 'phone' || n,
       $1::timestamptz - interval '25 days', $1::timestamptz, lpad(n::text, 10, '0'), 0, $1::timestamptz {_EACH}"""
_USES = f"""
INSERT INTO voucher_use (id, use_no, voucher_id, campaign_id, kind_id, member_id, venue_id, way, staff_id, device_id, nonce,
                         state, bill_fen, used_fen, venue_share_fen, used_at, business_day, confirmed_at, sport_code,
                         request_hash, id_checked, rest_way, receipt_no, decision_note, undo_reason)
SELECT n, 'VBOOKS' || lpad(n::text, 9, '0'), n, {{campaign}}, {{kind}}, 1000000 + n,
       ($1::int[])[1 + n % cardinality($1::int[])], 'DESK', {{staff}}, 'desk-1', 'n' || n, 'DONE', {BILL_FEN}, {FACE_FEN}, 0,
       {_AT}, ({_AT})::date, $2::timestamptz, '', '', false, 'CASH', '', '', '' {_EACH}"""
_SCORES = f"""
INSERT INTO risk_score (use_id, version, facts, score, is_held, reasons, scored_at)
SELECT n, 1, '{{{{}}}}', 0, false, '[]', $1::timestamptz {_EACH}"""
_USED = """
INSERT INTO voucher_event (kind, about_no, use_id, campaign_id, venue_id, amount_fen, venue_share_fen, happened_at)
SELECT 'USED', use_no, id, campaign_id, venue_id, used_fen, 0, used_at FROM voucher_use
 WHERE id BETWEEN {first} AND {last} ORDER BY used_at, id"""
_TAKEN_BACK = f"""
INSERT INTO voucher_event (kind, about_no, use_id, campaign_id, venue_id, amount_fen, venue_share_fen, happened_at)
SELECT 'TAKEN_BACK', use_no || '-R', id, campaign_id, venue_id, {TAKEN_BACK_FEN}, 0, used_at + interval '1 hour' FROM voucher_use
 WHERE id BETWEEN {{first}} AND {{last}} AND id % {TAKEN_BACK_EVERY} = 0 ORDER BY id"""
_CASES = """
INSERT INTO risk_case (case_no, use_id, venue_id, state, version, score, opened_at)
SELECT 'KBOOKS' || id, id, venue_id, 'OPEN', 1, 90, $2 FROM voucher_use WHERE campaign_id = $1"""
_WEEKS = """
INSERT INTO risk_case (case_no, venue_id, week, week_ends, state, version, score, opened_at)
SELECT 'KWEEK' || venue_id, venue_id, date_trunc('week', $2::timestamptz)::date,
       date_trunc('week', $2::timestamptz)::date + 7, 'OPEN', 1, 90, $2
  FROM (SELECT DISTINCT venue_id FROM voucher_use WHERE campaign_id = $1) venues"""
