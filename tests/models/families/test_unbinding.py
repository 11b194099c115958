"""Nobody locks themselves out by taking their real name back: at a desk it may be all by which they are found."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.families.unbinding import unbind_my_name
from models.members import phones
from models.members.tables import MemberPhone
from models.messages.tables import Message
from models.privacy import withdrawing
from models.real_names.tables import RealName
from tests.databases import Database
from tests.factories.accounts import GRANDMOTHER, ID_KEYS, Account, an_account, join, name
from tests.factories.names import version
from tests.factories.people import PHONE_KEYS, find_by_phone
from tests.models.members.test_by_phone import NUMBER, OTHER_NUMBER, Desk, member_of

YEAR = timedelta(days=365)


async def came_by_phone(desk: Desk, now: datetime) -> Account:
    """Somebody with a name and a number, and no WeChat."""
    came = await member_of(await desk.sign_in(await desk.code(now), now), now)
    account = Account(came.member_id, came.sign_in_id, came.member_public_id, "", openid="")
    await name(account, GRANDMOTHER, now=now)
    return account


async def lost_their_number(desk: Desk, now: datetime) -> Account:
    """The carrier gave it to somebody else, who said so by SMS. A device of theirs is signed in still."""
    account = await came_by_phone(desk, now - YEAR)
    await desk.sign_in(await desk.code(now), now, device_id="another", new_holder=True)
    return account


async def unbind(account: Account, now: datetime) -> None:
    await unbind_my_name(member_id=account.member_id, keys=ID_KEYS, now=now)


async def is_named(account: Account) -> bool:
    return await RealName.filter(member_id=account.member_id).exists()


async def test_a_name_that_is_the_last_way_to_the_account_is_not_taken_back(db: Database, now: datetime) -> None:
    account = await lost_their_number(Desk(), now)
    with pytest.raises(DomainError) as refused:
        await unbind(account, now)
    assert refused.value.code == ErrorCode.LAST_WAY_IN
    assert await is_named(account)
    assert not await Message.filter(template="REAL_NAME_UNBOUND").exists()


async def test_with_another_number_it_is(db: Database, now: datetime) -> None:
    account = await lost_their_number(Desk(), now)
    await phones.bind_phone(member_id=account.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=now)
    await unbind(account, now)
    assert not await is_named(account)


async def test_the_number_of_an_account_that_was_joined_is_a_way_in(db: Database, now: datetime) -> None:
    desk = Desk()
    mine = await came_by_phone(desk, now - timedelta(hours=1))
    await phones.bind_phone(member_id=mine.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=now)
    came = await member_of(await desk.sign_in(await desk.code(now), now, device_id="second"), now)
    other = Account(came.member_id, came.sign_in_id, came.member_public_id, "", openid="")
    await join(mine, other, now=now)
    await MemberPhone.filter(member_id=mine.member_id).delete()
    assert await find_by_phone(phone=NUMBER, keys=PHONE_KEYS) == mine.member_id
    await unbind(mine, now)
    assert not await is_named(mine)


async def test_a_consent_is_taken_back_all_the_same(db: Database, now: datetime) -> None:
    """As easily as it was given, whatever it costs (PIPL 15)."""
    account = await lost_their_number(Desk(), now)
    await withdrawing.agree(
        member_id=account.member_id, purpose=Purpose.REAL_NAME, version=version(Purpose.REAL_NAME), now=now
    )
    await withdrawing.withdraw(member_id=account.member_id, purpose=Purpose.REAL_NAME, keys=ID_KEYS, now=now)
    assert not await is_named(account)


async def test_whoever_has_no_name_hears_that_and_nothing_else(db: Database, now: datetime) -> None:
    account = await an_account()
    with pytest.raises(DomainError) as refused:
        await unbind(account, now)
    assert refused.value.code == ErrorCode.REAL_NAME_NEEDED


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(8))
async def test_a_number_that_is_freed_at_the_same_moment_is_no_way_in(
    seed: int, db: Database, now: datetime
) -> None:
    """Either the name went first, with a number still there; or the number did, and the name stays."""
    desk = Desk()
    account = await came_by_phone(desk, now - YEAR)
    code = await desk.code(now)

    async def unbind_a_little_later() -> None:
        await asyncio.sleep(seed * 0.002)
        await unbind(account, now)

    said = await asyncio.gather(
        desk.sign_in(code, now, device_id="another", new_holder=True),
        unbind_a_little_later(),
        return_exceptions=True,
    )
    assert not isinstance(said[0], BaseException)
    told = [message.template for message in await Message.filter(member_id=account.member_id).order_by("id")]
    if isinstance(said[1], DomainError):
        assert (said[1].code, await is_named(account)) == (ErrorCode.LAST_WAY_IN, True)
        assert told[-1] == "PHONE_FREED"
    else:
        assert not await is_named(account)
        assert told[-2:] == ["REAL_NAME_UNBOUND", "PHONE_FREED"]
