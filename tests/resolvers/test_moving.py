"""Moving a booking through the public door."""

from tests.factories.booking import a_hall, at
from tests.house import House, line, nothing_changes
from tests.resolvers import documents, documents_moving


async def test_a_booking_is_quoted_moved_and_given_up_when_the_new_one_is_paid(house: House) -> None:
    hall, citizen, stranger = await a_hall(), await house.citizen(), await house.citizen()
    old = await citizen.has_paid(line(hall.badminton, at(10)))
    asked = {"orderNo": old["orderNo"], "lineNo": 1, "to": line(hall.badminton_2, at(12))}
    async with nothing_changes():
        quoted = (await citizen.ask(documents_moving.MOVE_QUOTE, **asked)).value
        theirs = await stranger.ask(documents_moving.MOVE_QUOTE, **asked)
    assert (quoted["price"], quoted["refund"], quoted["difference"], quoted["kept"]) == (4000, 4000, 0, 0)
    assert theirs.refusal.code == "ORDER_UNKNOWN"
    act = {**asked, "idempotencyKey": "to-the-other-court"}
    async with nothing_changes():
        changed = await citizen.ask(documents_moving.MOVE_BOOKING, **act, expectedRefund=1)
        assert (changed.refusal.code, changed.refusal.field) == ("REFUND_CHANGED", "expectedRefund")
        assert (await stranger.ask(documents_moving.MOVE_BOOKING, **act)).refusal.code == "ORDER_UNKNOWN"
    moved = await citizen.ask(documents_moving.MOVE_BOOKING, **act, expectedRefund=quoted["refund"])
    new = moved.value["order"]
    assert (new["status"], new["toPay"]) == ("PENDING_PAYMENT", 4000)
    assert new["holdExpiresAt"] >= quoted["payUntil"], "as long from now as from when it was quoted"
    assert (await house.hand_in(await citizen.pays(new["orderNo"]))).status_code == 204
    seen = [(await citizen.ask(documents.ORDER, orderNo=each["orderNo"])).value for each in (old, new)]
    assert [each["status"] for each in seen] == ["CLOSED", "PAID"]
    (refund,) = seen[0]["refunds"]
    assert (refund["amount"], refund["reason"]) == (4000, "MOVED")
