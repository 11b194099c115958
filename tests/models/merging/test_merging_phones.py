"""The number of an account that was joined leads to the one that stayed, and can become its own."""

from datetime import datetime, timedelta

import pytest

from models.members import phones
from models.members.rules import PROOF_LASTS, PhoneBoundElsewhere
from models.members.tables import Member
from models.merging.rules import MergeNotUndoable
from models.messages.tables import Message
from tests.databases import Database
from tests.factories.accounts import Account, an_account, join, part
from tests.factories.people import PHONE_KEYS
from tests.models.members.test_by_phone import NUMBER, OTHER_NUMBER, Desk, holder, member_of


async def test_a_code_to_the_joined_accounts_number_signs_in_the_one_that_stayed(
    db: Database, now: datetime
) -> None:
    mine, other = await an_account(phone=OTHER_NUMBER), await an_account(phone=NUMBER)
    await join(mine, other)
    desk = Desk()
    tokens = await desk.sign_in(await desk.code(now), now)
    assert (await member_of(tokens, now)).member_id == mine.member_id


@pytest.mark.parametrize("way", ["by SMS", "by WeChat"])
async def test_it_becomes_the_number_of_the_one_that_stayed_when_they_bind_it(
    way: str, db: Database, now: datetime
) -> None:
    mine, other, stranger = (
        await an_account(phone=OTHER_NUMBER),
        await an_account(phone=NUMBER),
        await an_account(),
    )
    await join(mine, other)
    desk = Desk()
    with pytest.raises(PhoneBoundElsewhere):
        await phones.bind_phone(member_id=stranger.member_id, phone=NUMBER, keys=PHONE_KEYS, now=now)
    if way == "by SMS":
        await desk.bind(mine.member_id, await desk.code(now, member_id=mine.member_id), now)
    else:
        await phones.bind_phone(member_id=mine.member_id, phone=NUMBER, keys=PHONE_KEYS, now=now)
    assert await phones.masked_phone(member_id=mine.member_id, keys=PHONE_KEYS) == "139****8642"
    assert await holder(NUMBER) == mine.member_id
    assert await holder(OTHER_NUMBER) is None


async def test_who_gets_the_number_later_frees_it_and_the_one_that_stayed_is_told(
    db: Database, now: datetime
) -> None:
    mine, other = await an_account(phone=OTHER_NUMBER), await an_account(phone=NUMBER)
    await join(mine, other)
    desk, later = Desk(), now + 2 * PROOF_LASTS
    tokens = await desk.sign_in(await desk.code(later), later, device_id="strange", new_holder=True)
    assert (await member_of(tokens, later)).member_id not in (mine.member_id, other.member_id)
    freed = await Message.get(template="PHONE_FREED")
    assert freed.member_id == mine.member_id


@pytest.mark.parametrize("mine_had_one", [True, False])
async def test_an_account_is_not_parted_when_it_would_have_no_way_in_any_more(
    mine_had_one: bool, db: Database, now: datetime
) -> None:
    """Somebody came by their number only, and it is the other account's since, or gone: parted, nobody would find in."""
    mine = await an_account(phone=OTHER_NUMBER if mine_had_one else None)
    desk = Desk()
    came_by_phone = await member_of(await desk.sign_in(await desk.code(now), now), now)
    other = Account(
        came_by_phone.member_id, came_by_phone.sign_in_id, came_by_phone.member_public_id, "", openid=""
    )
    merge_id = await join(mine, other, now=now)
    number = NUMBER if mine_had_one else OTHER_NUMBER
    await phones.bind_phone(member_id=mine.member_id, phone=number, keys=PHONE_KEYS, now=now + timedelta(hours=1))
    with pytest.raises(MergeNotUndoable):
        await part(mine, merge_id, now=now + timedelta(hours=2))
    assert (await Member.get(id=other.member_id)).joined_to_id == mine.member_id
