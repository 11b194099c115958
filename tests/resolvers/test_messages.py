"""The inbox through the public door, and what members say about being told outside it."""

from datetime import timedelta
from typing import Any

from graphql import parse, validate

from models.families.tables import Proxy
from models.members.tables import Member
from resolvers.schema import build_schema
from tests.factories.booking import at
from tests.factories.places import a_court, a_venue
from tests.house import Citizen, House, line, nothing_changes
from tests.models.messages.desk import is_told
from tests.resolvers import documents_messages as documents

NEEDS_A_MEMBER: list[tuple[str, dict[str, Any]]] = [
    (documents.MESSAGES, {}),
    (documents.SUBSCRIBE_TEMPLATES, {"moment": "ORDER_PLACED"}),
    (documents.MESSAGE_CHOICES, {}),
    (documents.MARK_MESSAGES_READ, {"ids": ["msg_1"]}),
    (documents.REMEMBER_SUBSCRIPTIONS, {"results": [], "answeredAt": "2026-11-20T02:00:00Z"}),
    (documents.SET_MESSAGE_CHOICE, {"kind": "ORDERS", "way": "SMS", "isWanted": False}),
]


async def row_of(citizen: Citizen) -> int:
    return int((await Member.get(public_id=citizen.tokens["memberId"])).id)


def test_every_document_fits_the_schema() -> None:
    schema = build_schema()._schema
    for document in documents.ALL:
        assert validate(schema, parse(document)) == []


async def test_without_a_sign_in_nobodys_messages_are_shown_or_changed(house: House) -> None:
    async with nothing_changes():
        for document, variables in NEEDS_A_MEMBER:
            assert (await house.ask(document, variables)).refusal.code == "NOT_SIGNED_IN"


async def test_who_booked_finds_it_in_their_inbox_reads_it_and_nobody_else_does(house: House) -> None:
    court = await a_court(await a_venue(name="武侯体育馆", market_fen_per_hour=0), name="羽毛球1号场")
    citizen, stranger = await house.citizen(), await house.citizen()
    order = await citizen.places(line(court, at(19)))
    inbox = (await citizen.ask(documents.MESSAGES)).value
    ((message,), unread) = ([edge["node"] for edge in inbox["edges"]], inbox["unreadMessages"])
    assert unread == 1
    assert (message["kind"], message["template"], message["title"]) == ("ORDERS", "ORDER_CONFIRMED", "预订成功")
    assert (
        message["text"] == "武侯体育馆，羽毛球1号场 11月21日 19:00–20:00，已预订成功。入场前请打开订单出示入场码。"
    )
    assert (message["aboutNo"], message["readAt"]) == (order["orderNo"], None)
    assert order["orderNo"] in message["page"]
    ids = {"ids": [message["id"]]}
    assert (await stranger.ask(documents.MESSAGES)).value["edges"] == []
    assert (await stranger.ask(documents.MARK_MESSAGES_READ, **ids)).value["unreadMessages"] == 0
    assert (await citizen.ask(documents.MESSAGES)).value["unreadMessages"] == 1
    assert (await citizen.ask(documents.MARK_MESSAGES_READ, **ids)).value["unreadMessages"] == 0
    assert (await citizen.ask(documents.MESSAGES, unreadOnly=True)).value["edges"] == []
    assert (await citizen.ask(documents.MESSAGES)).value["edges"][0]["node"]["readAt"] is not None


async def test_the_inbox_is_read_page_by_page(house: House) -> None:
    citizen = await house.citizen()
    for number in range(3):
        await is_told(await row_of(citizen), no=f"O{number}")
    first = (await citizen.ask(documents.MESSAGES, first=2)).value
    assert [edge["node"]["aboutNo"] for edge in first["edges"]] == ["O2", "O1"]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = (await citizen.ask(documents.MESSAGES, first=2, after=first["pageInfo"]["endCursor"])).value
    assert [edge["node"]["aboutNo"] for edge in rest["edges"]] == ["O0"]
    assert (rest["pageInfo"]["hasNextPage"], rest["unreadMessages"]) == (False, 3)
    for wrong in ({"after": "o1"}, {"after": "m" + "9" * 30}, {"first": 0}):
        assert (await citizen.ask(documents.MESSAGES, **wrong)).refusal.code == "BAD_INPUT"


async def test_a_helper_reads_in_their_elders_inbox_only_with_the_power_to(house: House) -> None:
    elder, helper = await house.citizen(), await house.citizen(phone="13800000002")
    await is_told(await row_of(elder))
    theirs = {"forMember": elder.tokens["memberId"]}
    unknown = (await helper.ask(documents.MESSAGES, forMember="mem_NOBODY")).refusal
    assert (await helper.ask(documents.MESSAGES, **theirs)).refusal == unknown
    proxy = await Proxy.create(
        public_id="pro_1",
        principal_id=await row_of(elder),
        helper_id=await row_of(helper),
        powers="BOOK",
        started_at=house.now(),
    )
    assert (await helper.ask(documents.MESSAGES, **theirs)).refusal.code == "POWER_NOT_GIVEN"
    await Proxy.filter(id=proxy.id).update(powers="BOOK,MESSAGES")
    (edge,) = (await helper.ask(documents.MESSAGES, **theirs)).value["edges"]
    asked = {"ids": [edge["node"]["id"]], **theirs}
    assert (await helper.ask(documents.MARK_MESSAGES_READ, **asked)).value["unreadMessages"] == 0


async def test_after_an_order_one_is_asked_about_its_templates_and_a_yes_is_remembered_once(house: House) -> None:
    citizen = await house.citizen()
    moment = {"moment": "ORDER_PLACED"}
    ids = [each["templateId"] for each in (await citizen.ask(documents.SUBSCRIBE_TEMPLATES, **moment)).value]
    given = house.wired.settings.wechat_subscribe_templates
    assert ids == [given["BOOKING"], given["REFUND"]]
    results = [{"templateId": ids[0], "answer": "ACCEPT"}, {"templateId": ids[1], "answer": "REJECT"}]
    said = {"results": results, "answeredAt": house.now().isoformat()}
    for _ in range(2):
        assert (await citizen.ask(documents.REMEMBER_SUBSCRIPTIONS, **said)).value["remembered"] is True
    left = (await citizen.ask(documents.SUBSCRIBE_TEMPLATES, **moment)).value
    assert [each["templateId"] for each in left] == [ids[0]]
    async with nothing_changes():
        for wrong in ([], results[:1] * 2, [{"templateId": "strangers", "answer": "ACCEPT"}]):
            answer = await citizen.ask(documents.REMEMBER_SUBSCRIPTIONS, **{**said, "results": wrong})
            assert (answer.refusal.code, answer.refusal.field) == ("BAD_INPUT", "results")
        late = (house.now() - timedelta(days=3)).isoformat()
        answer = await citizen.ask(documents.REMEMBER_SUBSCRIPTIONS, **{**said, "answeredAt": late})
        assert (answer.refusal.code, answer.refusal.field) == ("BAD_INPUT", "answeredAt")


async def test_a_choice_is_kept(house: House) -> None:
    citizen = await house.citizen()
    chosen = {"kind": "FEEDBACK", "way": "SMS", "isWanted": False}
    assert (await citizen.ask(documents.SET_MESSAGE_CHOICE, **chosen)).value["choice"] == chosen
    choices = (await citizen.ask(documents.MESSAGE_CHOICES)).value
    assert [choice for choice in choices if not choice["isWanted"]] == [chosen]
    assert len(choices) == 15
