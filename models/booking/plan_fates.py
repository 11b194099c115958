"""What becomes of a ticket that was sold before staff planned its pool otherwise. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from models.booking.plan_rules import Hours, PlansWanted, fits, hours_on
from models.booking.session_rules import Plan, plans_on
from models.calendar import instant_of, span_text
from models.errors import BadInput
from models.venues.days import Day


class SoldTicket(NamedTuple):
    """Places of one order line of a session that is still to come."""

    order_no: str
    name: str
    day: date
    starts_at: datetime
    ends_at: datetime
    ticket: str
    people: int
    price_fen: int
    paid: bool


class Fates(NamedTuple):
    """What becomes of tickets that were sold."""

    bookings: int

    without: Sequence[SoldTicket]
    """Whose session is held no more: they are asked as under a closure."""
    otherwise: Sequence[SoldTicket]
    """Whose session would cost something else now, or end at another time. They keep what they have."""


def fates(
    wanted: PlansWanted, sold: Sequence[SoldTicket], days: Mapping[date, Day], hours: Sequence[Hours]
) -> Fates:
    """`days`: those on which something was sold, at least.

    Raises BAD_INPUT where a session that is sold, and keeps the end that was told, would still be under way when the
    next one of the pool begins: twice as many people as the water takes.
    """
    plans = [(None, plan) for plan in wanted.plans()]
    held = {
        day: {
            instant_of(day, plan.from_minute): plan
            for _, plan in plans_on(plans, days[day])
            if fits(plan, day, hours_on(hours, day))
        }
        for day in {each.day for each in sold}
    }
    without, otherwise = [], []
    for each in sold:
        plan = held[each.day].get(each.starts_at)
        if plan is None:
            without.append(each)
            continue
        if any(each.starts_at < begins < each.ends_at for begins in held[each.day]):
            raise _still_under_way(each)
        if instant_of(each.day, plan.to_minute) != each.ends_at or _price_of(plan, each) != each.price_fen:
            otherwise.append(each)
    return Fates(len(sold), without, otherwise)


def _still_under_way(sold: SoldTicket) -> BadInput:
    return BadInput(
        f"{sold.name}{span_text(sold.starts_at, sold.ends_at)}已经有人买票，要开到原定的时间，会和新安排的下一场重叠。",
        next_step="请把后一场推迟，从没有售票的日子起修改，或先停用已售的那一场。",
        field="sessions",
    )


def _price_of(plan: Plan, sold: SoldTicket) -> int | None:
    """None: there is no such ticket any more."""
    found = (price.price_fen for price in plan.prices if price.ticket == sold.ticket)
    fen = next(found, None)
    return None if fen is None else fen * sold.people


def promise(found: Fates) -> str:
    """What becomes of whoever bought, in a sentence."""
    if not found.without and not found.otherwise:
        return "已售的票不受影响。"
    kept = f"已售的{len(found.otherwise)}张订单与新的安排不同，仍按原来的价格和结束时间履行。"
    asked = f"已售的{len(found.without)}张订单没有场次了，保存后会逐一通知本人，由他们改期或者全额退款。"
    return f"{asked if found.without else ''}{kept if found.otherwise else ''}"
