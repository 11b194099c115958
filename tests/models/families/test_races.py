"""Helpers who are asked and who answer at the same moment, on PostgreSQL: nobody gets in past the last place."""

import asyncio
from datetime import datetime

import pytest

from models.consents.rules import Purpose
from models.errors import ErrorCode
from models.families import helpers, rules
from models.families.rules import MOST_HELPERS, MOST_OPEN_INVITATIONS, MOST_PRINCIPALS, HelperPower
from models.families.tables import Invitation, Proxy
from models.messages.tables import Message
from models.privacy import withdrawing
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.families import Somebody, accept, ask_helper, help_one, somebody
from tests.models.feedback.test_races import codes_of
from tests.queueing import one_after_another

pytestmark = pytest.mark.postgres
BOOK = (HelperPower.BOOK,)


@pytest.fixture
async def grandmother(db: Database) -> Somebody:
    return await somebody()


async def test_two_helpers_asked_at_once_have_a_code_each(grandmother: Somebody) -> None:
    await ask_helper(grandmother, BOOK)
    first, second = await asyncio.gather(*(ask_helper(grandmother, BOOK) for _ in range(2)))
    assert first != second
    for code in (first, second):
        await accept(await somebody(), code)
    assert await Proxy.filter(principal_id=grandmother.id, ended_at=None).count() == 2


async def test_of_three_asked_at_once_when_two_may_wait_one_is_too_many(grandmother: Somebody) -> None:
    for _ in range(MOST_OPEN_INVITATIONS - 2):
        await ask_helper(grandmother, BOOK)
    said = await asyncio.gather(*(ask_helper(grandmother, BOOK) for _ in range(3)), return_exceptions=True)
    assert codes_of(said) == [ErrorCode.BAD_INPUT]
    assert await Invitation.filter(status="OPEN").count() == MOST_OPEN_INVITATIONS
    assert await Message.filter(template="HELPER_INVITED").count() == MOST_OPEN_INVITATIONS


async def test_of_two_who_accept_for_the_last_place_at_once_one_helps(grandmother: Somebody) -> None:
    for _ in range(MOST_HELPERS - 1):
        await help_one(grandmother, await somebody(), *BOOK)
    codes = [await ask_helper(grandmother, BOOK) for _ in range(2)]
    both = [await somebody() for _ in codes]
    said = await one_after_another(
        [grandmother.id], *(accept(who, code) for who, code in zip(both, codes, strict=True))
    )
    assert codes_of(said) == [ErrorCode.BAD_INPUT]
    assert await Proxy.filter(principal_id=grandmother.id, ended_at=None).count() == MOST_HELPERS
    assert await Invitation.filter(status="OPEN").count() == 1, "whose code was good still holds one"


async def test_who_has_one_place_left_helps_one_of_two(db: Database) -> None:
    helper = await somebody()
    for _ in range(MOST_PRINCIPALS - 1):
        await help_one(await somebody(), helper, *BOOK)
    codes = [await ask_helper(await somebody(), BOOK) for _ in range(2)]
    said = await one_after_another([helper.id], *(accept(helper, code) for code in codes))
    assert codes_of(said) == [ErrorCode.BAD_INPUT]
    assert await Proxy.filter(helper_id=helper.id, ended_at=None).count() == MOST_PRINCIPALS


async def test_one_who_takes_two_codes_of_one_person_at_once_helps_them_once(grandmother: Somebody) -> None:
    helper, codes = (
        await somebody(),
        [await ask_helper(grandmother, powers) for powers in (BOOK, tuple(HelperPower))],
    )
    said = await one_after_another([grandmother.id], *(accept(helper, code) for code in codes))
    assert codes_of(said) == [ErrorCode.RELATION_EXISTS]
    assert await Proxy.filter(ended_at=None).count() == 1


@pytest.mark.parametrize("accepting_first", [True, False])
async def test_nobody_helps_who_accepts_while_the_consent_is_taken_back(
    accepting_first: bool, grandmother: Somebody, now: datetime
) -> None:
    helper, code = await somebody(), await ask_helper(grandmother, BOOK)
    acts = [
        accept(helper, code),
        withdrawing.withdraw(member_id=grandmother.id, purpose=Purpose.HELPER, keys=ID_KEYS, now=now),
    ]
    said = await one_after_another([grandmother.id, helper.id], *(acts if accepting_first else reversed(acts)))
    assert set(codes_of(said)) <= {ErrorCode.INVITATION_UNKNOWN}
    assert not await Proxy.filter(ended_at=None).exists()
    assert not await Invitation.filter(status="OPEN").exists()


async def test_both_who_end_it_at_once_end_it_once_and_each_is_told_once(
    grandmother: Somebody, now: datetime
) -> None:
    helper = await somebody()
    await help_one(grandmother, helper, *BOOK)
    proxy = await Proxy.get()
    said = await one_after_another(
        [grandmother.id, helper.id],
        *(helpers.end_proxy(member_id=who.id, proxy_id=proxy.public_id, now=now) for who in (grandmother, helper)),
    )
    assert codes_of(said) == []
    await proxy.refresh_from_db()
    assert (proxy.ended_at, proxy.ended_by) == (now, rules.EndedBy.PRINCIPAL)
    told = [message.member_id for message in await Message.filter(template="HELPER_ENDED").order_by("member_id")]
    assert told == sorted([grandmother.id, helper.id])
