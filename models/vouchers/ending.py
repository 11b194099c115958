"""How a voucher ends without being used: its time is over, or the order ends for which it was reserved.

Pools' rows are locked last, in the order of their ids; a sweep passes by whatever somebody holds.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.calendar import business_day, day_text
from models.messages.operations import tell
from models.money import yuan_text
from models.vouchers.fitting import terms_in_force
from models.vouchers.rules import Terms, VoucherState
from models.vouchers.tables import Voucher

EXPIRED_A_BATCH = 500
REMINDED_A_BATCH = 200
BATCHES_A_RUN = 20
REMINDED_BEFORE = timedelta(days=1)


async def hand_back(voucher: Voucher, *, valid_until: datetime) -> None:
    """The citizen has it again. Inside the act that frees it."""
    voucher.state, voucher.order_id, voucher.ended_at = VoucherState.CLAIMED, None, None
    voucher.valid_until = valid_until
    await voucher.save(update_fields=["state", "order_id", "ended_at", "valid_until"])


async def expire(voucher: Voucher, terms: Terms, *, now: datetime) -> int:
    """Its time is over; gives what its pool gets back. Inside the act that frees it."""
    voucher.state = VoucherState.RETURNED if terms.expired_returns else VoucherState.EXPIRED
    voucher.order_id, voucher.ended_at = None, now
    await voucher.save(update_fields=["state", "order_id", "ended_at"])
    return voucher.face_fen if terms.expired_returns else 0


async def give_to_pools(freed: Mapping[int, int]) -> None:
    """Fen by pool, free again. The last thing that an act locks."""
    for pool_id in sorted(freed):
        if freed[pool_id]:
            await database.rows(
                "UPDATE voucher_pool SET free_fen = free_fen + $1 WHERE id = $2", freed[pool_id], pool_id
            )


async def expire_vouchers(*, now: datetime) -> int:
    """Ends every voucher whose time is over and that nothing is waiting for, however long nobody was here to do it.
    Gives how many ended; what is left over the next run finds."""
    ended = 0
    for _ in range(BATCHES_A_RUN):
        batch = await _expire_batch(now=now)
        ended += batch
        if batch < EXPIRED_A_BATCH:
            break
    return ended


@database.operation
async def _expire_batch(*, now: datetime) -> int:
    found = await database.rows(
        """SELECT id, pool_id, face_fen, campaign_id, terms_version FROM voucher
            WHERE state = 'CLAIMED' AND valid_until <= $1 ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED""",
        now,
        EXPIRED_A_BATCH,
    )
    by_terms: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in found:
        by_terms[row["campaign_id"], row["terms_version"]].append(row)
    freed: Counter[int] = Counter()
    for (campaign_id, version), rows in by_terms.items():
        terms = await terms_in_force(campaign_id, version)
        await _end(rows, VoucherState.RETURNED if terms.expired_returns else VoucherState.EXPIRED, now)
        for row in rows:
            freed[row["pool_id"]] += row["face_fen"] if terms.expired_returns else 0
    await give_to_pools(freed)
    return len(found)


async def _end(rows: Sequence[Any], state: VoucherState, now: datetime) -> None:
    await database.rows(
        "UPDATE voucher SET state = $1, ended_at = $2 WHERE id = ANY($3::bigint[])",
        state.value,
        now,
        [row["id"] for row in rows],
    )


async def remind(*, now: datetime) -> int:
    """Tells whose vouchers end within a day, once each. One that is valid for no longer than that says so itself."""
    found = await database.rows(
        """SELECT voucher.public_id, voucher.member_id, voucher.face_fen, voucher.valid_until, voucher_kind.title
             FROM voucher JOIN voucher_kind ON voucher_kind.id = voucher.kind_id
                          JOIN member ON member.id = voucher.member_id AND member.deleted_at IS NULL
            WHERE voucher.state = 'CLAIMED' AND voucher.valid_until > $1 AND voucher.valid_until <= $2
              AND voucher.claimed_at <= $3
              AND NOT EXISTS (SELECT 1 FROM message WHERE message.member_id = voucher.member_id
                                 AND message.template = 'VOUCHER_EXPIRES' AND message.about_no = voucher.public_id)
            ORDER BY voucher.valid_until LIMIT $4""",
        now,
        now + REMINDED_BEFORE,
        now - REMINDED_BEFORE,
        REMINDED_A_BATCH,
    )
    for voucher in found:
        await _remind(voucher, now=now)
    return len(found)


@database.operation
async def _remind(voucher: Any, *, now: datetime) -> None:
    last_day = business_day(database.utc(voucher["valid_until"]) - timedelta(seconds=1))
    await tell(
        member_id=voucher["member_id"],
        template="VOUCHER_EXPIRES",
        values={"title": voucher["title"], "amount": yuan_text(voucher["face_fen"]), "day": day_text(last_day)},
        about_no=voucher["public_id"],
        now=now,
    )
