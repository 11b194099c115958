"""What our books say of a day and of numbers, and what staff may see of reconciliation.

**Who sees what**, until staff have roles by region: a discrepancy of a venue is seen by the staff of that venue. One
that belongs to no venue we know, and the statements themselves, whose sums are those of the whole house, are seen by
staff who have every venue there is. Whoever lacks one, even the newest, sees neither: a doubt closes the door.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

from models import database
from models.errors import DomainError, ErrorCode
from models.reconciliation.rules import PAID, Key, Ours, span_of
from models.staff.powers import has_everywhere, may, regions_where, venues_where
from models.staff.rules import Power, StaffSignedIn
from payments.port import EntryKind

MOST_NUMBERS = 500  # in one statement's list

Row = dict[str, Any]


async def ours(channel: str, keys: Iterable[Key]) -> dict[Key, Ours]:
    """Those of our payments and refunds over this channel that have these numbers, some hundreds at a time."""
    keys = set(keys)
    found: dict[Key, Ours] = {}
    for kind, sql in ((EntryKind.PAYMENT, _PAYMENTS), (EntryKind.REFUND, _REFUNDS)):
        for numbers in _batches([number for about, number in keys if about is kind]):
            for row in await database.rows(
                sql.format(numbers=database.parameters(len(numbers), first=2)), channel, *numbers
            ):
                found[kind, row["no"]] = Ours(
                    payment_no=row["payment_no"],
                    amount_fen=row["amount_fen"],
                    status=row["status"],
                    venue_id=row["venue_id"],
                )
    return found


_PAYMENTS = """
SELECT payment.payment_no AS no, payment.payment_no, payment.amount_fen, payment.status, orders.venue_id
  FROM payment JOIN orders ON orders.id = payment.order_id
 WHERE payment.channel = $1 AND payment.payment_no IN ({numbers})"""
_REFUNDS = """
SELECT refund.refund_no AS no, payment.payment_no, refund.amount_fen, orders.venue_id,
       CASE WHEN refund.to_merchant AND refund.status = 'AT_DESK' THEN 'SUCCESS' ELSE refund.status END AS status
  FROM refund JOIN payment ON payment.id = refund.payment_id JOIN orders ON orders.id = refund.order_id
 WHERE payment.channel = $1 AND refund.refund_no IN ({numbers})"""


def _batches(numbers: Sequence[str]) -> Iterator[list[str]]:
    left = iter(numbers)
    while batch := list(islice(left, MOST_NUMBERS)):
        yield batch


async def expected(channel: str, day: date) -> dict[Key, datetime]:
    """What a day's statement should list: the money that moved in its span, and when we wrote each down."""
    begins_at, ends_at = span_of(day)
    payments = await database.rows(
        f"""SELECT payment_no AS no, created_at FROM payment
             WHERE channel = $1 AND paid_at >= $2 AND paid_at < $3
               AND status IN ({database.parameters(len(PAID), first=4)})""",
        channel,
        begins_at,
        ends_at,
        *PAID,
    )
    refunds = await database.rows(
        """SELECT refund.refund_no AS no, refund.created_at FROM refund JOIN payment ON payment.id = refund.payment_id
            WHERE payment.channel = $1 AND refund.finished_at >= $2 AND refund.finished_at < $3
              AND refund.status = 'SUCCESS'""",
        channel,
        begins_at,
        ends_at,
    )
    return {
        **{(EntryKind.PAYMENT, row["no"]): database.utc(row["created_at"]) for row in payments},
        **{(EntryKind.REFUND, row["no"]): database.utc(row["created_at"]) for row in refunds},
    }


async def first_payment_at(channel: str) -> datetime | None:
    """When the first attempt over this channel was written down."""
    found = await database.row("SELECT created_at FROM payment WHERE channel = $1 ORDER BY id LIMIT 1", channel)
    return database.utc(found["created_at"]) if found else None


async def last_day(channel: str) -> date | None:
    """The last day of this channel that has been begun."""
    found = await database.row("SELECT MAX(day) AS day FROM day_statement WHERE channel = $1", channel)
    return database.day(found["day"]) if found and found["day"] is not None else None


async def discrepancies(
    *, clerk: StaffSignedIn, venue_id: str | None, status: str | None, first: int, before_id: int | None
) -> list[Row]:
    """Those that this person may see, the latest first; one more than asked tells whether there are further ones.

    Raises NOT_ALLOWED for a venue (`venue_id` is public) that is not theirs.
    """
    if venue_id is not None and not await may(clerk, Power.RECONCILE, venue_id=venue_id):
        raise DomainError(
            "您没有这个场馆的对账权限。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请选择自己的场馆，或联系管理员开通。",
            field="venueId",
        )
    where = _VISIBLE
    values: list[Any] = [clerk.staff_id, before_id or 2**62, first + 1]
    for column, wanted in (("venue.public_id", venue_id), ("discrepancy.status", status)):
        if wanted is not None:
            values.append(wanted)
            where += f" AND {column} = ${len(values)}"
    found = await database.rows(
        _DISCREPANCY + f" WHERE {where} AND discrepancy.id < $2 ORDER BY discrepancy.id DESC LIMIT $3", *values
    )
    return [_discrepancy(row) for row in found]


async def discrepancy(*, clerk: StaffSignedIn, discrepancy_id: str) -> Row | None:
    """One by its public id; None when there is none that this person may see."""
    found = await database.row(
        _DISCREPANCY + f" WHERE {_VISIBLE} AND discrepancy.public_id = $2", clerk.staff_id, discrepancy_id
    )
    return None if found is None else _discrepancy(found)


async def acts_of(discrepancy_ids: Collection[int]) -> list[Row]:
    """What was done about these, in its order."""
    if not discrepancy_ids:
        return []
    found = await database.rows(
        f"""SELECT act.discrepancy_id, act.outcome, act.note, act.acted_at, staff_member.display_name
              FROM discrepancy_act act LEFT JOIN staff_member ON staff_member.id = act.staff_id
             WHERE act.discrepancy_id IN ({database.parameters(len(discrepancy_ids))}) ORDER BY act.id""",
        *discrepancy_ids,
    )
    return [database.with_instants(row, "acted_at") for row in found]


async def statements(*, clerk: StaffSignedIn, channel: str | None, first: int, before_id: int | None) -> list[Row]:
    """Every channel's days, the latest begun first, and one more. Raises NOT_ALLOWED (see above)."""
    if not has_everywhere(clerk, Power.RECONCILE):
        raise DomainError(
            "对账单包含全部场馆的金额，您只负责部分场馆。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请在差错列表里查看自己场馆的差错，或联系管理员开通。",
        )
    where, values = ("", [])
    if channel is not None:
        where, values = " AND day_statement.channel = $3", [channel]
    found = await database.rows(
        f"""SELECT day_statement.*,
                   (SELECT COUNT(*) FROM discrepancy
                     WHERE discrepancy.statement_id = day_statement.id AND discrepancy.status = 'OPEN') AS open
              FROM day_statement WHERE day_statement.id < $1{where} ORDER BY day_statement.id DESC LIMIT $2""",
        before_id or 2**62,
        first + 1,
        *values,
    )
    shown = [_with_day(database.with_instants(row, "next_attempt_at", "matched_at")) for row in found]
    sides = await _sides(shown) if shown else {}
    return [{**row, "sides": sides.get(row["id"], [])} for row in shown]


async def _sides(statements: Sequence[Row]) -> dict[int, list[Row]]:
    """Of these days what was paid and given back by our books, by the province of the venue and the one from which the
    member said they come. One statement."""
    spans = [(row["id"], row["channel"], *span_of(row["day"])) for row in statements]
    places = ", ".join(
        f"(${n}::bigint, ${n + 1}::text, ${n + 2}::timestamptz, ${n + 3}::timestamptz)"
        for n in range(1, 4 * len(spans), 4)
    )
    found = await database.rows(_SIDES.format(spans=places), *(value for span in spans for value in span))
    sides: dict[int, list[Row]] = {}
    for row in found:
        sums = {"paid_fen": int(row["paid_fen"]), "refunded_fen": int(row["refunded_fen"])}  # sums are numeric
        sides.setdefault(row["statement_id"], []).append({**row, **sums})
    return sides


_SIDES = """
WITH span (statement_id, channel, first_at, next_at) AS (VALUES {spans}),
moved (statement_id, order_id, paid_fen, refunded_fen) AS (
SELECT span.statement_id, payment.order_id, payment.amount_fen, 0
  FROM span JOIN payment ON payment.channel = span.channel
                        AND payment.paid_at >= span.first_at AND payment.paid_at < span.next_at
                        AND payment.status IN ('SETTLED', 'SURPLUS')
 UNION ALL
SELECT span.statement_id, refund.order_id, 0, refund.amount_fen
  FROM span JOIN refund ON refund.finished_at >= span.first_at AND refund.finished_at < span.next_at
                       AND refund.status = 'SUCCESS'
            JOIN payment ON payment.id = refund.payment_id AND payment.channel = span.channel)
SELECT moved.statement_id, venue.province_code AS venue_province, orders.member_province,
       SUM(moved.paid_fen) AS paid_fen, SUM(moved.refunded_fen) AS refunded_fen
  FROM moved JOIN orders ON orders.id = moved.order_id JOIN venue ON venue.id = orders.venue_id
 GROUP BY moved.statement_id, venue.province_code, orders.member_province
 ORDER BY moved.statement_id, venue.province_code, orders.member_province"""


_DISCREPANCY = """
SELECT discrepancy.*, day_statement.channel, day_statement.day, venue.public_id AS venue_public_id,
       venue.name AS venue_name
  FROM discrepancy JOIN day_statement ON day_statement.id = discrepancy.statement_id
       LEFT JOIN venue ON venue.id = discrepancy.venue_id"""


_VISIBLE = f"""(discrepancy.venue_id IS NOT NULL AND {venues_where(Power.RECONCILE)}
   OR discrepancy.venue_id IS NULL AND {regions_where(Power.RECONCILE, region="''")})"""
"""What has no venue is for those who reconcile everywhere."""


def _discrepancy(found: Mapping[str, Any]) -> Row:
    return _with_day(database.with_instants(found, "found_at"))


def _with_day(row: Row) -> Row:
    return {**row, "day": database.day(row["day"])}


async def undecided() -> int:
    """How many discrepancies are open, at every venue and at none."""
    found = await database.row("SELECT COUNT(*) AS open FROM discrepancy WHERE status = 'OPEN'")
    assert found is not None
    return int(found["open"])
