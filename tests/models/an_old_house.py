"""A database of the time before money had books, lived in, and what it says once it is brought up to date.

For a process of its own: it begins and ends Tortoise, which the tests share.
"""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from models import database, migrating

BEFORE_MONEY_HAD_BOOKS = MigrationTarget(app_label="models", name="0002_third_parties")
THEN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
QUESTIONS = (
    "SELECT order_id, kind, amount_fen, about_no FROM finance_event ORDER BY order_id, kind",
    "SELECT payer, reference, way FROM payment WHERE payment_no = 'P1'",
    "SELECT order_id FROM order_line WHERE cancelled_at IS NOT NULL",
    "SELECT venue_id, version, weekday, opens_minute, closes_minute FROM opening_hours ORDER BY venue_id, weekday",
    "SELECT staff_id, role, venue_id, region_key FROM staff_role WHERE ended_at IS NULL ORDER BY staff_id, id",
)


def brought_up_to_date(url: str) -> list[list[tuple[Any, ...]]]:
    """The answers to QUESTIONS afterwards."""
    return asyncio.run(_brought_up_to_date(url))


async def _brought_up_to_date(url: str) -> list[list[tuple[Any, ...]]]:
    await _migrate_to(url, BEFORE_MONEY_HAD_BOOKS)
    await migrating.migrate(url)
    await database.connect(url)
    try:
        return [[tuple(row) for row in await database.rows(question)] for question in QUESTIONS]
    finally:
        await database.close()


async def _migrate_to(url: str, target: MigrationTarget) -> None:
    """As the house of that time would have, and lives there for a while."""
    config = database.configuration(url)
    await Tortoise.init(config=config)
    try:
        await MigrationExecutor(get_connection("default"), config["apps"]).migrate([target])
        await _live_there()
    finally:
        await Tortoise.close_connections()


async def _live_there() -> None:
    """One order that was paid, one that was cancelled after it was paid, one whose hold ran out; a clerk of one
    venue and one of every venue."""
    await _put(
        "region",
        id=1,
        key="510107",
        code="510107",
        name="武侯区",
        level="DISTRICT",
        parent_key="",
        successor_key="",
        note="",
    )
    for number in (1, 2):
        await _put(
            "venue",
            id=number,
            public_id=f"ven_{number}",
            ref=f"SC{number}",
            name="馆",
            published_name="馆",
            address="路",
            published_address="路",
            venue_type="GYM",
            region_id=1,
            province_code="510000",
            city_code="510100",
            published_facts="",
            lon=104.0,
            lat=30.0,
            coordinate_quality="EXACT",
            is_open=True,
            sport_codes="[]",
            phone="",
            grade="",
            price_from_provenance="",
        )
        await _put(
            "opening_hours",
            venue_id=number,
            sport_code="",
            weekday=number,
            opens_minute=480,
            closes_minute=1320,
            provenance="PUBLISHED",
        )
    await _clerk(1, venue_ids=[1])
    await _clerk(2, venue_ids=[1, 2])
    await _put(
        "court",
        id=1,
        public_id="crt_1",
        venue_id=1,
        sport_code="BADMINTON",
        name="1号",
        position=1,
        slot_minutes=60,
        max_people=4,
        is_open=True,
        provenance="PUBLISHED",
    )
    await _put("member", id=1, public_id="mem_1", created_at=THEN, code_version=0)
    for number, status, reason, paid_at in (
        (1, "PAID", "", THEN),
        (2, "CLOSED", "CANCELLED", THEN),
        (3, "CLOSED", "EXPIRED", None),
    ):
        await _put(
            "orders",
            id=number,
            order_no=f"O{number}",
            member_id=1,
            venue_id=1,
            status=status,
            total_fen=4000,
            idempotency_key=f"key-{number}",
            request_hash="",
            placed_at=THEN,
            hold_expires_at=THEN,
            paid_at=paid_at,
            closed_at=THEN if reason else None,
            close_reason=reason,
        )
        await _put(
            "order_line",
            id=number,
            order_id=number,
            line_no=1,
            kind="COURT_SLOT",
            court_id=1,
            starts_at=THEN,
            ends_at=THEN,
            business_day=date(2026, 11, 20),
            price_fen=4000,
            people=1,
            title="1号",
            price_label="",
        )
        await _put(
            "payment",
            id=number,
            payment_no=f"P{number}",
            order_id=number,
            channel="WECHAT_PAY",
            appid="wx",
            payer_openid="oAn",
            amount_fen=4000,
            refunded_fen=4000 if number == 2 else 0,
            status="SETTLED" if paid_at else "CLOSED",
            prepay_id=f"wx{number}",
            created_at=THEN,
            expires_at=THEN,
            paid_at=paid_at,
            checks=0,
        )
        if paid_at:
            await _books(number, "PAID", f"P{number}")
    await _put(
        "refund",
        id=2,
        refund_no="R2",
        payment_id=2,
        order_id=2,
        amount_fen=4000,
        reason="CANCELLED",
        reason_text="全额退款",
        status="SUCCESS",
        channel_refund_no="",
        created_at=THEN,
        checks=0,
        finished_at=THEN,
    )
    await _books(2, "REFUNDED", "R2")


async def _clerk(number: int, *, venue_ids: list[int]) -> None:
    await _put(
        "staff_member",
        id=number,
        public_id=f"stf_{number}",
        username=f"clerk{number}",
        display_name="李前台",
        password_hash="",
        password_set_at=THEN,
        failures=0,
        is_active=True,
    )
    for venue_id in venue_ids:
        await _put("staff_venue", staff_id=number, venue_id=venue_id)


async def _books(order_id: int, kind: str, about_no: str) -> None:
    entry = {"order_id": order_id, "kind": kind, "amount_fen": 4000, "about_no": about_no, "happened_at": THEN}
    await _put("finance_event", **entry)


async def _put(table: str, **columns: Any) -> None:
    places = database.parameters(len(columns))
    await database.rows(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",
        *columns.values(),
    )
