"""Courts that are booked: a small hall, people with a phone, orders placed, paid and settled through the rooms."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.calendar import business_day, instant_of
from models.checkout.paying import PaymentWanted, pay_order
from models.checkout.placing import place_order
from models.checkout.wanted import LineWanted
from models.orders.tables import Order
from models.venues.tables import Court, Venue
from payments.port import Invocation, PaymentChannel, Way
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS
from tests.factories.people import a_member
from tests.factories.places import a_court, a_venue
from tests.outside import ALIPAY, WECHAT_PAY, Outside

TOMORROW = business_day(NOW) + timedelta(days=1)


@dataclass(frozen=True)
class Person:
    """A member and the openid with which they pay."""

    member_id: int
    openid: str


@dataclass(frozen=True)
class Hall:
    """A basketball court that is played whole or by halves, and two badminton courts."""

    venue: Venue
    full: Court
    left: Court
    right: Court
    badminton: Court
    badminton_2: Court


async def a_person(*, now: datetime = NOW) -> Person:
    openid = f"o{secrets.token_hex(13)}"
    member_id, _ = await a_member(openid=openid, now=now)
    return Person(member_id, openid)


async def a_hall(**columns: object) -> Hall:
    venue = await a_venue(**columns)  # type: ignore[arg-type]
    return Hall(
        venue=venue,
        full=await a_court(venue, sport="BASKETBALL", name="篮球全场", parts=("左半", "右半"), max_people=20),
        left=await a_court(venue, sport="BASKETBALL", name="篮球左半场", parts=("左半",), max_people=10),
        right=await a_court(venue, sport="BASKETBALL", name="篮球右半场", parts=("右半",), max_people=10),
        badminton=await a_court(venue, sport="BADMINTON", name="羽毛球1号场"),
        badminton_2=await a_court(venue, sport="BADMINTON", name="羽毛球2号场"),
    )


def at(hour: int, minute: int = 0, *, days: int = 1) -> datetime:
    """A time on the local clock, `days` after the day of NOW: tomorrow unless said otherwise."""
    return instant_of(business_day(NOW) + timedelta(days=days), hour * 60 + minute)


def wanted(
    court: Court | str,
    starts_at: datetime,
    *,
    people: int = 1,
    companions: Sequence[str] = (),
    expected_price_fen: int | None = None,
) -> LineWanted:
    return LineWanted(
        court_id=court if isinstance(court, str) else court.public_id,
        starts_at=starts_at,
        people=people,
        companion_ids=tuple(companions),
        expected_price_fen=expected_price_fen,
    )


async def an_order(
    person: Person,
    *lines: LineWanted,
    key: str | None = None,
    vouchers: Sequence[str] = (),
    channels: Mapping[str, PaymentChannel] | None = None,
    now: datetime = NOW,
) -> Order:
    """Placed, with these vouchers (public ids); unpaid unless nothing is left to pay."""
    order_no = await place_order(
        member_id=person.member_id,
        lines=lines,
        idempotency_key=key or secrets.token_hex(8),
        voucher_ids=vouchers,
        keys=ID_KEYS,
        channels=channels or {},
        now=now,
    )
    return await Order.get(order_no=order_no)


async def invoke_payment(
    outside: Outside,
    order: Order,
    person: Person,
    *,
    now: datetime = NOW,
    channels: Mapping[str, PaymentChannel] | None = None,
) -> Mapping[str, str]:
    """Asks to pay in the mini-program; gives what opens the payment sheet."""
    wanted = PaymentWanted(channel=WECHAT_PAY, way=Way.IN_APP, appid=outside.appid, payer=person.openid)
    opened = await _open(outside, order, person, wanted, channels, now)
    assert opened.parameters
    return opened.parameters


async def invoke_alipay(
    outside: Outside,
    order: Order,
    person: Person,
    *,
    way: Way = Way.MOBILE_WEB,
    now: datetime = NOW,
    channels: Mapping[str, PaymentChannel] | None = None,
) -> Invocation:
    """Asks to pay by Alipay; gives the page or the code."""
    return await _open(outside, order, person, PaymentWanted(channel=ALIPAY, way=way), channels, now)


async def _open(
    outside: Outside,
    order: Order,
    person: Person,
    wanted: PaymentWanted,
    channels: Mapping[str, PaymentChannel] | None,
    now: datetime,
) -> Invocation:
    opened = await pay_order(
        member_id=person.member_id,
        order_no=order.order_no,
        wanted=wanted,
        channels=channels or outside.channels,
        now=now,
    )
    return opened.invocation


async def a_paid_order(
    outside: Outside, person: Person, *lines: LineWanted, vouchers: Sequence[str] = (), now: datetime = NOW
) -> Order:
    """Placed, paid at WeChat Pay, its notice handed in."""
    order, before = await an_order(person, *lines, vouchers=vouchers, now=now), len(outside.letters)
    await outside.pay(await invoke_payment(outside, order, person, now=now))
    letter = await outside.letter_of_a_payment(before)
    outside.letters.remove(letter)
    await outside.hand_in(letter, now=now)
    return await Order.get(id=order.id)


WHAT_AN_ACT_WRITES = (
    *(
        "orders",
        "payment_share",
        "move_quote",
        "order_line",
        "held_cell",
        "payment",
        "refund",
        "refund_line",
        "finance_event",
        "payment_notice",
    ),
    *("admission", "passage", "redemption", "outbox", "voucher_use", "voucher_event", "order_voucher"),
)


async def census() -> dict[str, int]:
    """How many rows there are of all that booking, paying and entering write: what a refusal must not change."""
    counted = {}
    for table in WHAT_AN_ACT_WRITES:
        found = await database.row(f"SELECT COUNT(*) AS rows FROM {table}")
        assert found is not None
        counted[table] = found["rows"]
    return counted
