"""The part of a life in which an order is placed with a voucher."""

import secrets
from typing import TYPE_CHECKING

from models.members.tables import Member
from tests.factories.booking import at
from tests.factories.vouchers import a_voucher
from tests.resolvers import documents
from tests.resolvers import documents_my_vouchers as mine

if TYPE_CHECKING:
    from tests.authorisation.lives import Life


async def live_with_my_vouchers(life: "Life") -> None:
    """One is reserved for an order that waits for its payment, one is left to be used."""
    others, citizen, now = life.others, life.citizen, life.citizen.house.now()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    for which in ("reserved", "to use"):
        others.ids[f"voucher, {which}"] = (await a_voucher(member.id, life.campaign, claimed_at=now)).public_id
    line = {"courtId": life.hall.badminton_2.public_id, "startsAt": at(20, days=2).isoformat()}
    placed = await citizen.ask(
        documents.PLACE_ORDER,
        idempotencyKey=secrets.token_hex(8),
        lines=[line],
        voucherIds=[others.ids["voucher, reserved"]],
    )
    life.orders["with a voucher"] = placed.value["order"]
    found = (await citizen.ask(mine.MY_VOUCHERS)).value
    others.ids["voucher cursor"] = found["edges"][0]["cursor"]
