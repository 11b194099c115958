"""The inbox always works: told once, read by its owner, whatever happens outside."""

from datetime import timedelta

import pytest

from models import database
from models.errors import BadInput
from models.messages.operations import MOST_CONSENTS, choose, mark_read, tell
from models.messages.queries import choices_of, forms_to_ask, inbox, unread
from models.messages.rules import AskingMoment, MessageKind, MessageWay, SubscribeAnswer
from tests.conftest import NOW
from tests.databases import Database
from tests.models.messages.desk import consents_left, is_told, says, somebody


async def test_what_somebody_is_told_stands_in_their_inbox_in_words_with_where_to_look(db: Database) -> None:
    member_id = await somebody()
    await is_told(member_id, no="O20261120ABC")
    (message,) = await inbox(member_id=member_id, first=20)
    assert (message.kind, message.title, message.read_at) == (MessageKind.MONEY, "退款暂未到账", None)
    assert "O20261120ABC" in message.text
    assert "40.00元" in message.text
    assert message.page == "pages/orders/order?no=O20261120ABC"
    assert message.told_at == NOW


async def test_the_same_is_told_once_and_another_thing_again(db: Database) -> None:
    member_id = await somebody()
    await is_told(member_id, no="O1")
    await is_told(member_id, no="O1", now=NOW + timedelta(hours=1))
    await is_told(member_id, no="O2")
    assert len(await inbox(member_id=member_id, first=20)) == 2


async def test_what_did_not_happen_is_not_told(db: Database) -> None:
    member_id = await somebody()

    @database.operation
    async def fails() -> None:
        await tell(
            member_id=member_id,
            template="REFUND_STUCK",
            values={"order_no": "O1", "amount": "1.00元"},
            about_no="1",
            now=NOW,
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await inbox(member_id=member_id, first=20) == []


@pytest.mark.parametrize(
    ("template", "values", "about_no"),
    [
        ("NOBODY_WROTE_IT", {}, "O1"),
        ("REFUND_STUCK", {"order_no": "O1"}, "O1"),
        ("REFUND_STUCK", {"order_no": "O1", "amount": "1.00元", "phone": "1"}, "O1"),
        ("REFUND_STUCK", {"order_no": "O1", "amount": "一元"}, "O1"),
        ("REFUND_STUCK", {"order_no": "O 1", "amount": "1.00元"}, "O1"),
        ("REFUND_STUCK", {"order_no": "O1", "amount": "1.00元"}, ""),
        ("REFUND_STUCK", {"order_no": "O1", "amount": "1.00元"}, "1" * 65),
    ],
)
async def test_a_template_that_is_none_and_blanks_that_do_not_fit_are_bugs(
    db: Database, template: str, values: dict[str, str], about_no: str
) -> None:
    with pytest.raises(ValueError, match=r"."):
        await tell(member_id=1, template=template, values=values, about_no=about_no, now=NOW)


async def test_the_latest_come_first_page_by_page_and_unread_ones_alone_if_wanted(db: Database) -> None:
    member_id = await somebody()
    for number in range(5):
        await is_told(member_id, no=f"O{number}", now=NOW + timedelta(minutes=number))
    page = await inbox(member_id=member_id, first=2)
    assert [each.about_no for each in page] == ["O4", "O3", "O2"]  # and one more, which says that there are more
    await mark_read(member_id=member_id, message_ids=[page[0].public_id], now=NOW)
    rest = await inbox(member_id=member_id, first=10, before_id=page[1].id)
    assert [each.about_no for each in rest] == ["O2", "O1", "O0"]
    assert [each.about_no for each in await inbox(member_id=member_id, first=1, unread_only=True)] == ["O3", "O2"]
    assert await unread(member_id=member_id) == 4
    for first in (0, 51):
        with pytest.raises(BadInput):
            await inbox(member_id=member_id, first=first)


async def test_nobody_marks_anothers_message_as_read_and_a_second_time_changes_nothing(db: Database) -> None:
    member_id, stranger = await somebody(), await somebody()
    await is_told(member_id)
    (message,) = await inbox(member_id=member_id, first=1)
    await mark_read(member_id=stranger, message_ids=[message.public_id, "msg_none"], now=NOW)
    assert await unread(member_id=member_id) == 1
    await mark_read(member_id=member_id, message_ids=[message.public_id], now=NOW)
    await mark_read(member_id=member_id, message_ids=[message.public_id], now=NOW + timedelta(days=1))
    (message,) = await inbox(member_id=member_id, first=1)
    assert message.read_at == NOW
    await mark_read(member_id=member_id, message_ids=[], now=NOW)
    with pytest.raises(BadInput):
        await mark_read(member_id=member_id, message_ids=["msg"] * 51, now=NOW)


async def test_everything_is_wanted_until_somebody_chooses_otherwise_and_the_last_word_counts(
    db: Database,
) -> None:
    member_id = await somebody()
    assert all(choice.is_wanted for choice in await choices_of(member_id=member_id))
    for is_wanted in (True, False):
        await choose(
            member_id=member_id, kind=MessageKind.ORDERS, way=MessageWay.SMS, is_wanted=is_wanted, now=NOW
        )
    unwanted = [choice for choice in await choices_of(member_id=member_id) if not choice.is_wanted]
    assert [(choice.kind, choice.way) for choice in unwanted] == [(MessageKind.ORDERS, MessageWay.SMS)]


async def test_each_yes_counts_once_and_more_than_anybody_gives_are_not_believed(db: Database) -> None:
    member_id = await somebody()
    for number in range(3):
        for _ in range(2):  # the phone says it twice
            at = NOW - timedelta(seconds=10 - number)
            await says(member_id, "o1", "REFUND", SubscribeAnswer.ACCEPT, at)
    assert await consents_left(member_id) == 3
    for number in range(MOST_CONSENTS):
        await says(member_id, "o1", "REFUND", SubscribeAnswer.ACCEPT, NOW + timedelta(seconds=number))
    assert await consents_left(member_id) == MOST_CONSENTS
    for wrong in (NOW - timedelta(days=2), NOW + timedelta(hours=1)):
        with pytest.raises(BadInput):
            await says(member_id, "o1", "REFUND", SubscribeAnswer.ACCEPT, wrong)


async def test_who_said_no_or_has_plenty_is_not_asked_again_for_a_while(db: Database) -> None:
    member_id = await somebody()

    async def asked(days: int = 0) -> list[str]:
        moment, now = AskingMoment.ORDER_PLACED, NOW + timedelta(days=days)
        return list(await forms_to_ask(member_id=member_id, moment=moment, now=now))

    assert await asked() == ["BOOKING", "REFUND"]
    await says(member_id, "o1", "BOOKING", SubscribeAnswer.REJECT, NOW - timedelta(seconds=9))
    assert (await asked(), await asked(days=31)) == (["REFUND"], ["BOOKING", "REFUND"])
    for number in range(3):
        await says(member_id, "o1", "REFUND", SubscribeAnswer.ACCEPT, NOW - timedelta(seconds=5 - number))
    assert await asked() == []
    await says(member_id, "o1", "BOOKING", SubscribeAnswer.ACCEPT, NOW)
    assert await asked() == ["BOOKING"]
    await says(member_id, "o1", "BOOKING", SubscribeAnswer.BAN, NOW + timedelta(seconds=1))
    assert await asked() == []
