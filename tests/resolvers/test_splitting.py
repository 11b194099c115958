"""Splitting a price through the public door: two people, two phones, one court."""

from tests.factories.booking import a_hall, at
from tests.house import Citizen, House, line, nothing_changes
from tests.resolvers import documents_people
from tests.resolvers import documents_splitting as documents


async def pays_share(citizen: Citizen, order_no: str) -> None:
    heard = len(citizen.house.outside.letters)
    asked = {"orderNo": order_no, "channel": "WECHAT_PAY", "way": "IN_APP"}
    opened = (await citizen.ask(documents.PAY_SHARE, **asked)).value
    await citizen.house.outside.pay(opened["wechatPay"], openid=citizen.openid)
    letter = await citizen.house.outside.letter_of_a_payment(heard)
    assert (await citizen.house.hand_in(letter)).status_code == 204


async def test_a_price_is_split_with_a_companion_who_sees_and_pays_only_their_own(house: House) -> None:
    hall = await a_hall()
    citizen, friend, stranger = [await house.citizen(phone=f"1380000001{n}") for n in range(3)]
    invited = (await citizen.ask(documents_people.INVITE_COMPANION)).value["invitation"]
    (tie,) = (await friend.ask(documents_people.ACCEPT_INVITATION, code=invited["code"])).value["people"][
        "companions"
    ]
    order_no = (await citizen.places(line(hall.badminton, at(10))))["orderNo"]
    split = await citizen.ask(documents.SPLIT_ORDER, orderNo=order_no, companionIds=[tie["id"]])
    assert [(share["isMine"], share["amount"]) for share in split.value["shares"]] == [(True, 2000), (False, 2000)]
    (asked,) = (await friend.ask(documents.MY_SHARES)).value
    assert (asked["orderNo"], asked["amount"], asked["state"]) == (order_no, 2000, "OPEN")
    assert (asked["venueName"], asked["bookedByMe"], asked["lines"]) == (hall.venue.name, False, 1)
    async with nothing_changes():
        assert (await stranger.ask(documents.MY_SHARES)).value == []
        for each in (friend, stranger):
            assert (await each.ask(documents.ORDER_SHARES, orderNo=order_no)).refusal.code == "ORDER_UNKNOWN"
            assert (await each.ask(documents.TAKE_OVER_SHARES, orderNo=order_no)).refusal.code == "ORDER_UNKNOWN"
        asking = {"orderNo": order_no, "channel": "WECHAT_PAY", "way": "IN_APP"}
        assert (await stranger.ask(documents.PAY_SHARE, **asking)).refusal.code == "SHARE_UNKNOWN"
    await pays_share(friend, order_no)
    told = (await citizen.ask(documents.IS_SPLIT, orderNo=order_no)).value
    assert (told["isSplit"], told["status"]) == (True, "PENDING_PAYMENT")
    taken = (await citizen.ask(documents.TAKE_OVER_SHARES, orderNo=order_no)).value["shares"]
    assert [share["state"] for share in taken] == ["OPEN", "PAID"]  # there is nothing to take over but their own
    await pays_share(citizen, order_no)
    assert (await friend.ask(documents.MY_SHARES)).value[0]["orderStatus"] == "PAID"
    shares = (await citizen.ask(documents.ORDER_SHARES, orderNo=order_no)).value
    assert [share["state"] for share in shares] == ["PAID", "PAID"]
