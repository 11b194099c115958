"""The number of an account that was joined leads to the one that stayed, and can become its own."""

from datetime import datetime, timedelta

import pytest

from models.families.tables import Proxy
from models.members import phones
from models.members.queries import who
from models.members.rules import PROOF_LASTS, PhoneBoundElsewhere
from models.members.tables import Member
from models.merging.rules import MergeNotUndoable
from models.messages.tables import Message
from tests.databases import Database
from tests.factories.accounts import Account, an_account, join, part
from tests.factories.people import PHONE_KEYS
from tests.models.members.test_by_phone import NUMBER, OTHER_NUMBER, Desk, holder, member_of

THIRD_NUMBER = "13611112222"


async def came_by_phone(desk: Desk, now: datetime) -> Account:
    """Somebody without WeChat: NUMBER is all by which they come."""
    tokens = await desk.sign_in(await desk.code(now), now)
    came = await member_of(tokens, now)
    return Account(came.member_id, came.sign_in_id, came.member_public_id, tokens.access_token, openid="")


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


@pytest.mark.parametrize("whose", ["joined", "kept", "both"])
async def test_who_parts_having_come_by_a_code_goes_where_the_number_is_or_signs_in_again(
    whose: str, db: Database, now: datetime
) -> None:
    """Of a sign-in by SMS nobody knows by which number: it is the one account's that has one; of two, neither's."""
    mine = await an_account(phone={"joined": None, "kept": NUMBER, "both": OTHER_NUMBER}[whose])
    other = await an_account(phone=None if whose == "kept" else NUMBER)
    merge_id, later, desk = await join(mine, other), now + timedelta(hours=1), Desk()
    tokens = await desk.sign_in(await desk.code(later), later, device_id="phone-9")
    came = await member_of(tokens, later)
    assert came.member_id == mine.member_id
    parting = Account(came.member_id, came.sign_in_id, came.member_public_id, tokens.access_token, openid="")
    await part(parting, merge_id, now=later)
    signed_in = await who(access_token=tokens.access_token, now=later)
    stays = {"joined": other.member_id, "kept": mine.member_id, "both": None}[whose]
    assert (signed_in and signed_in.member_id) == stays
    for account in (mine, other):
        still = await who(access_token=account.access_token, now=later)
        assert still is not None
        assert still.member_id == account.member_id


@pytest.mark.parametrize("mine_had_one", [True, False])
async def test_an_account_is_not_parted_when_it_would_have_no_way_in_any_more(
    mine_had_one: bool, db: Database, now: datetime
) -> None:
    """Somebody came by their number only, and it is the other account's since, or gone: parted, nobody would find in."""
    mine = await an_account(phone=OTHER_NUMBER if mine_had_one else None)
    other = await came_by_phone(Desk(), now)
    merge_id = await join(mine, other, now=now)
    number = NUMBER if mine_had_one else OTHER_NUMBER
    await phones.bind_phone(member_id=mine.member_id, phone=number, keys=PHONE_KEYS, now=now + timedelta(hours=1))
    with pytest.raises(MergeNotUndoable):
        await part(mine, merge_id, now=now + timedelta(hours=2))
    assert (await Member.get(id=other.member_id)).joined_to_id == mine.member_id


async def test_nor_when_the_one_that_stayed_would_have_none_until_it_binds_a_number(
    db: Database, now: datetime
) -> None:
    """Since its number became somebody else's it is entered by the WeChat that came with the other account."""
    desk, later = Desk(), now + timedelta(hours=1)
    mine, other, third = await came_by_phone(desk, now), await an_account(), await an_account()
    merge_id = await join(mine, other, now=now)
    code = await desk.code(later, member_id=third.member_id)
    await desk.bind(third.member_id, code, later, take_over=True)
    with pytest.raises(MergeNotUndoable):
        await part(mine, merge_id, now=later)
    assert (await Member.get(id=other.member_id)).joined_to_id == mine.member_id
    await phones.bind_phone(member_id=mine.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=later)
    await part(mine, merge_id, now=later)
    assert (await holder(OTHER_NUMBER), await holder(NUMBER)) == (mine.member_id, third.member_id)


async def test_a_helper_is_no_way_in_since_either_may_end_that(db: Database, now: datetime) -> None:
    later = now + timedelta(hours=1)
    mine, other, helper = await an_account(), await came_by_phone(Desk(), now), await an_account()
    await Proxy.create(
        public_id="p1", principal_id=other.member_id, helper_id=helper.member_id, powers="BOOK", started_at=now
    )
    merge_id = await join(mine, other, now=now)
    await phones.bind_phone(member_id=mine.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=later)
    with pytest.raises(MergeNotUndoable):
        await part(mine, merge_id, now=later)
    assert (await Proxy.get()).principal_id == mine.member_id, "the refusal left everything joined"


async def test_the_number_of_an_account_that_was_joined_before_is_a_way_in(db: Database, now: datetime) -> None:
    """Three accounts, two of them by a number only: the one in the middle lost its own and is reached by the last one's."""
    desk, later = Desk(), now + timedelta(hours=1)
    mine, middle = await an_account(phone=THIRD_NUMBER), await came_by_phone(desk, now)
    await phones.bind_phone(member_id=middle.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=now)
    last = await came_by_phone(desk, later)
    await join(middle, last, now=later)
    merge_id = await join(mine, middle, now=later)
    await phones.bind_phone(member_id=mine.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=later)
    await part(mine, merge_id, now=later)
    assert (await holder(NUMBER), await holder(OTHER_NUMBER)) == (middle.member_id, mine.member_id)
