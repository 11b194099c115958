"""Friends who book a court together and split its price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.checkout.paying import PaymentWanted
from models.checkout.splitting import pay_share, split_order, take_over_shares
from models.families.tables import Companionship
from models.orders.tables import Order, PaymentShare
from payments.port import Invocation, PaymentChannel, Way
from tests.conftest import NOW
from tests.factories.booking import Hall, Person, a_person, an_order, at, wanted
from tests.factories.families import Somebody, accept, ask_companion
from tests.outside import ALIPAY, WECHAT_PAY, Outside

Channels = Mapping[str, PaymentChannel]


@dataclass(frozen=True)
class Party:
    """Whoever booked, and their companions with what ties them."""

    booker: Person
    others: tuple[Person, ...]
    ties: tuple[str, ...]
    order: Order

    @property
    def everybody(self) -> tuple[Person, ...]:
        return (self.booker, *self.others)


async def tie(one: Person, other: Person) -> str:
    """They play together from now on; gives the companionship's public id."""
    await accept(Somebody(other.member_id, ""), await ask_companion(Somebody(one.member_id, "")))
    found = await Companionship.get(
        one_id=min(one.member_id, other.member_id), other_id=max(one.member_id, other.member_id)
    )
    return found.public_id


async def a_party(
    hall: Hall, *, friends: int = 2, hour: int = 9, hours: int = 1, now: datetime = NOW, **order: Any
) -> Party:
    """Not split yet."""
    booker, *others = [await a_person(now=now) for _ in range(friends + 1)]
    ties = [await tie(booker, other) for other in others]
    lines = [wanted(hall.badminton, at(hour + n), people=friends + 1) for n in range(hours)]
    return Party(booker, tuple(others), tuple(ties), await an_order(booker, *lines, now=now, **order))


async def split(party: Party, channels: Channels, *, now: datetime = NOW) -> list[PaymentShare]:
    await split_order(
        member_id=party.booker.member_id,
        order_no=party.order.order_no,
        companion_ids=party.ties,
        channels=channels,
        now=now,
    )
    return await PaymentShare.filter(order_id=party.order.id).order_by("share_no")


async def takes_over(party: Party, channels: Channels, *, now: datetime = NOW) -> None:
    await take_over_shares(
        member_id=party.booker.member_id, order_no=party.order.order_no, channels=channels, now=now
    )


async def share_sheet(
    outside: Outside, order: Order, person: Person, *, now: datetime = NOW, channels: Channels | None = None
) -> Mapping[str, str]:
    """Opens WeChat's payment sheet for the person's share."""
    wish = PaymentWanted(channel=WECHAT_PAY, way=Way.IN_APP, appid=outside.appid, payer=person.openid)
    opened = await _open(outside, order, person, wish, now, channels)
    assert opened.parameters
    return opened.parameters


async def share_page(
    outside: Outside, order: Order, person: Person, *, now: datetime = NOW, channels: Channels | None = None
) -> Invocation:
    """Opens Alipay's page for it."""
    return await _open(outside, order, person, PaymentWanted(channel=ALIPAY, way=Way.MOBILE_WEB), now, channels)


async def _open(
    outside: Outside,
    order: Order,
    person: Person,
    wish: PaymentWanted,
    now: datetime,
    channels: Channels | None,
) -> Invocation:
    opened = await pay_share(
        member_id=person.member_id,
        order_no=order.order_no,
        wanted=wish,
        channels=channels or outside.channels,
        now=now,
    )
    return opened.invocation


async def pays_share(outside: Outside, order: Order, person: Person, *, now: datetime = NOW) -> Any:
    """Pays in WeChat, and its notice is handed in; gives what came of it."""
    before = len(outside.letters)
    await outside.pay(await share_sheet(outside, order, person, now=now))
    return await outside.hand_in(await outside.letter_of_a_payment(before), now=now)
