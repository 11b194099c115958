"""What whoever booked, and whoever is asked to pay a share, may see of it. Companions see each other's masked names, as
everywhere; a payer sees no share but their own, and nobody sees by which account another paid."""

from dataclasses import dataclass
from datetime import datetime

from models import database
from models.calendar import business_day
from models.keys import IdKeys
from models.orders.operations import order_id_of
from models.orders.rules import OrderStatus
from models.orders.share_rules import ShareState
from models.real_names.queries import known_people

MOST_MINE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShare:
    """A share as whoever booked sees it."""

    share_no: int
    is_mine: bool
    masked_name: str | None
    amount_fen: int
    state: ShareState


@dataclass(frozen=True, slots=True, kw_only=True)
class MyShare:
    """A share as its payer sees it: what for, how much, until when."""

    order_no: str
    order_status: OrderStatus
    booked_by_me: bool
    booked_by: str | None
    """The masked name of whoever booked."""
    venue_name: str
    title: str
    """Of the order's first line."""
    starts_at: datetime
    lines: int
    share_no: int
    amount_fen: int
    state: ShareState
    pay_until: datetime


async def order_shares(*, member_id: int, order_no: str, keys: IdKeys, now: datetime) -> list[OrderShare]:
    """Of an order of the member's; none, where it is not split. Raises ORDER_UNKNOWN."""
    found = await database.rows(
        "SELECT share_no, member_id, amount_fen, state FROM payment_share WHERE order_id = $1 ORDER BY share_no",
        await order_id_of(member_id=member_id, order_no=order_no),
    )
    known = await known_people({row["member_id"] for row in found}, keys=keys, today=business_day(now))
    return [
        OrderShare(
            share_no=row["share_no"],
            is_mine=row["member_id"] == member_id,
            masked_name=known[row["member_id"]].masked_name if row["member_id"] in known else None,
            amount_fen=row["amount_fen"],
            state=ShareState(row["state"]),
        )
        for row in found
    ]


async def my_shares(*, member_id: int, keys: IdKeys, now: datetime) -> list[MyShare]:
    """The member's, of orders of their own and of others', the latest first. Two statements."""
    found = await database.rows(
        f"""SELECT orders.order_no, orders.status, orders.member_id, orders.hold_expires_at, venue.name AS venue_name,
                   share.share_no, share.amount_fen, share.state, line.title, line.starts_at,
                   (SELECT COUNT(*) FROM order_line WHERE order_line.order_id = orders.id) AS lines
              FROM payment_share share JOIN orders ON orders.id = share.order_id
                   JOIN venue ON venue.id = orders.venue_id
                   JOIN order_line line ON line.order_id = orders.id AND line.line_no = 1
             WHERE share.member_id = $1 ORDER BY share.id DESC LIMIT {MOST_MINE}""",
        member_id,
    )
    known = await known_people({row["member_id"] for row in found}, keys=keys, today=business_day(now))
    return [
        MyShare(
            order_no=row["order_no"],
            order_status=OrderStatus(row["status"]),
            booked_by_me=row["member_id"] == member_id,
            booked_by=known[row["member_id"]].masked_name if row["member_id"] in known else None,
            venue_name=row["venue_name"],
            title=row["title"],
            starts_at=database.utc(row["starts_at"]),
            lines=row["lines"],
            share_no=row["share_no"],
            amount_fen=row["amount_fen"],
            state=ShareState(row["state"]),
            pay_until=database.utc(row["hold_expires_at"]),
        )
        for row in found
    ]
