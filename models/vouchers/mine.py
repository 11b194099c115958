"""What a member may ask about their vouchers."""

from collections.abc import Sequence
from typing import Any

from models import database
from models.vouchers.rules import VoucherState

MOST_VOUCHERS_A_PAGE = 50

Row = dict[str, Any]


async def vouchers_of(
    *, member_id: int, state: VoucherState | None = None, first: int, before_id: int | None = None
) -> list[Row]:
    """A member's vouchers, the latest first; one more than asked tells whether there are further ones."""
    found = await database.rows(
        """SELECT voucher.id, voucher.public_id, voucher.state, voucher.face_fen, voucher.minimum_spend_fen,
                  voucher.claimed_at, voucher.valid_from, voucher.valid_until, voucher.ended_at,
                  voucher_kind.title, voucher_campaign.public_id AS campaign_public_id,
                  voucher_campaign.title AS campaign_title, orders.order_no, venue.name AS venue_name,
                  live.used_at, live.used_fen
             FROM voucher JOIN voucher_kind ON voucher_kind.id = voucher.kind_id
                          JOIN voucher_campaign ON voucher_campaign.id = voucher.campaign_id
                          LEFT JOIN orders ON orders.id = voucher.order_id
                          LEFT JOIN voucher_use live ON live.voucher_id = voucher.id
                                                    AND live.state IN ('WAITING', 'HELD', 'DONE')
                          LEFT JOIN venue ON venue.id = live.venue_id
            WHERE voucher.member_id = $1 AND voucher.id < $2 AND ($3::text = '' OR voucher.state = $3::text)
            ORDER BY voucher.id DESC LIMIT $4""",
        member_id,
        2**62 if before_id is None else before_id,
        state.value if state else "",
        first + 1,
    )
    return [
        database.with_instants(row, "claimed_at", "valid_from", "valid_until", "ended_at", "used_at")
        for row in found
    ]


async def vouchers_of_orders(order_ids: Sequence[int]) -> list[Row]:
    """With which vouchers these orders were placed, and what each pays now; nothing of one that was given back."""
    found = await database.rows(
        """SELECT order_voucher.order_id, voucher.public_id, voucher.face_fen, voucher_kind.title,
                  CASE WHEN orders.status = 'PENDING_PAYMENT' THEN voucher.face_fen
                       ELSE COALESCE(live.used_fen, 0) END AS pays_fen
             FROM order_voucher JOIN voucher ON voucher.id = order_voucher.voucher_id
                                JOIN orders ON orders.id = order_voucher.order_id
                                JOIN voucher_kind ON voucher_kind.id = voucher.kind_id
                                LEFT JOIN voucher_use live ON live.voucher_id = voucher.id
                                      AND live.order_id = orders.id AND live.state IN ('WAITING', 'HELD', 'DONE')
            WHERE order_voucher.order_id = ANY($1::bigint[]) ORDER BY order_voucher.order_id, voucher.id""",
        list(order_ids),
    )
    return [dict(row) for row in found]
