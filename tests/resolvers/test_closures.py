"""Closing through the public door: staff see whom it touches, citizens see why, and one tap gives the money back."""

import secrets

from models.booking.tables import ClosureOffer
from models.checkout import closing
from models.orders.tables import RefundLine
from models.staff.rules import Role
from tests.factories.booking import a_hall, at
from tests.house import House
from tests.resolvers import documents
from tests.resolvers import documents_closures as closures
from tests.resolvers import documents_moving as moving


async def test_staff_close_with_a_preview_and_citizens_take_their_money_or_move_without_a_fee(
    house: House,
) -> None:
    hall = await a_hall()
    manager = await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER,))
    desk = await house.clerk(hall.venue.public_id, device_id="desk-2")
    refunded, moved = await house.citizen(), await house.citizen()
    orders = []
    for citizen, court in ((refunded, hall.badminton), (moved, hall.badminton_2)):
        line = {"courtId": court.public_id, "startsAt": at(9).isoformat()}
        order = await citizen.places(line, key=secrets.token_hex(8))
        assert (await house.hand_in(await citizen.pays(order["orderNo"]))).status_code == 204
        orders.append(order["orderNo"])
    closure = {
        "venueId": hall.venue.public_id,
        "sport": "BADMINTON",
        "startsAt": at(8).isoformat(),
        "endsAt": at(12).isoformat(),
        "kind": "EVENT",
        "reason": "承办市级比赛",
    }
    previewed = (await manager.ask(closures.PREVIEW_CLOSURE, closure=closure)).value
    assert (previewed["orders"], previewed["people"], previewed["keepsNotice"]) == (2, 2, False)
    assert "7日" in previewed["notice"]
    act = {"idempotencyKey": "one-match", "closure": closure}
    assert (await desk.ask(closures.ANNOUNCE_CLOSURE, **act)).refusal.code == "NOT_ALLOWED"
    announced = (await manager.ask(closures.ANNOUNCE_CLOSURE, **act)).value["closure"]
    assert (await house.ask(closures.CLOSURES, {"venueId": hall.venue.public_id})).value == [announced]
    await closing.mind(channels=house.wired.channels, now=house.now())

    taken = await refunded.ask(closures.TAKE_CLOSURE_REFUND, orderNo=orders[0])
    assert taken.value["order"]["status"] == "CLOSED"
    assert (await moved.ask(closures.TAKE_CLOSURE_REFUND, orderNo=orders[0])).refusal.code == "ORDER_UNKNOWN"
    elsewhere = {"courtId": hall.badminton_2.public_id, "startsAt": at(13).isoformat(), "people": 1}
    told = (await moved.ask(moving.MOVE_QUOTE, orderNo=orders[1], lineNo=1, to=elsewhere)).value
    assert (told["refund"], told["kept"]) == (4000, 0), "nobody pays a fee for what the venue closed"
    there = (
        await moved.ask(
            moving.MOVE_BOOKING, idempotencyKey=secrets.token_hex(8), orderNo=orders[1], lineNo=1, to=elsewhere
        )
    ).value["order"]["orderNo"]
    await house.outside.quiet()  # the refund's own notice is in the letter box
    assert (await house.hand_in(await moved.pays(there))).status_code == 204
    await closing.mind(channels=house.wired.channels, now=house.now())
    assert [each.state for each in await ClosureOffer.all().order_by("id")] == ["REFUNDED", "MOVED"]
    assert [each.amount_fen for each in await RefundLine.all().order_by("id")] == [4000, 4000]

    withdrawn = await manager.ask(closures.WITHDRAW_CLOSURE, id=announced["id"], why="比赛改期")
    assert withdrawn.value["closure"]["withdrawnAt"]
    assert (await house.ask(closures.CLOSURES, {"venueId": hall.venue.public_id})).value == []
    assert (
        await house.ask(documents.SLOTS, {"venueId": hall.venue.public_id, "date": at(9).date().isoformat()})
    ).value
