"""A consent is taken back in one act, and what its text says that this does is done."""

from datetime import datetime

import pytest

from models.consents import operations as consents
from models.consents.queries import has_agreed
from models.consents.reading import TEXTS
from models.consents.rules import Purpose
from models.consents.tables import Consent
from models.errors import DomainError, ErrorCode
from models.families.rules import MemberUnknown
from models.families.tables import Guardianship, Proxy
from models.messages.tables import Message
from models.privacy import wards, withdrawing
from models.privacy.deleting import cancel_deletion
from models.privacy.tables import Deletion
from models.real_names.tables import RealName
from tests.databases import Database
from tests.factories.accounts import FATHER, ID_KEYS, Account, an_account, name

CHILD = ("李小明", "510107201506010021")


async def agree(account: Account, purpose: Purpose, now: datetime) -> None:
    version = next(text.version for text in TEXTS if text.purpose is purpose)
    await consents.give(member_id=account.member_id, purpose=purpose, version=version, now=now)


async def withdraw(account: Account, purpose: Purpose, now: datetime) -> None:
    await withdrawing.withdraw(member_id=account.member_id, purpose=purpose, keys=ID_KEYS, now=now)


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_every_consent_is_taken_back_in_one_act_and_twice_is_once(
    purpose: Purpose, db: Database, now: datetime
) -> None:
    mine = await an_account()
    await agree(mine, purpose, now)
    for _ in range(2):
        await withdraw(mine, purpose, now)
    assert not await has_agreed(member_id=mine.member_id, purpose=purpose, now=now)
    assert await Deletion.all().count() == (1 if purpose is Purpose.SERVICE else 0)


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_no_to_what_nobody_said_yes_to_is_the_same_act(
    purpose: Purpose, db: Database, now: datetime
) -> None:
    mine = await an_account()
    for _ in range(2):
        await withdraw(mine, purpose, now)
    (said,) = await Consent.all()
    assert (said.purpose, said.end_reason, said.ended_at) == (purpose, "REFUSED", now)
    assert await Deletion.all().count() == (1 if purpose is Purpose.SERVICE else 0)


async def test_whoever_kept_their_account_after_all_may_leave_it_again(db: Database, now: datetime) -> None:
    mine = await an_account()
    await withdraw(mine, Purpose.SERVICE, now)
    await cancel_deletion(member_id=mine.member_id, now=now)
    await withdraw(mine, Purpose.SERVICE, now)
    assert await Deletion.filter(cancelled_at=None).count() == 1


async def test_the_real_name_is_unbound(db: Database, now: datetime) -> None:
    mine = await an_account()
    await name(mine, FATHER)
    await agree(mine, Purpose.REAL_NAME, now)
    await withdraw(mine, Purpose.REAL_NAME, now)
    assert not await RealName.filter(member_id=mine.member_id).exists()


async def test_a_guardians_real_name_stays_and_so_does_the_consent(db: Database, now: datetime) -> None:
    mine, child = await an_account(), await an_account()
    await name(mine, FATHER)
    await name(child, CHILD)
    await agree(mine, Purpose.REAL_NAME, now)
    await Guardianship.create(
        public_id="g1", guardian_id=mine.member_id, ward_id=child.member_id, relation="FATHER", started_at=now
    )
    with pytest.raises(DomainError) as refused:
        await withdraw(mine, Purpose.REAL_NAME, now)
    assert refused.value.code == ErrorCode.WARD_WOULD_BE_ALONE
    assert await has_agreed(member_id=mine.member_id, purpose=Purpose.REAL_NAME, now=now)
    assert await RealName.filter(member_id=mine.member_id).exists()


async def test_helpers_go_and_hear_of_it(db: Database, now: datetime) -> None:
    mine, helper = await an_account(), await an_account()
    await agree(mine, Purpose.HELPER, now)
    await Proxy.create(
        public_id="p1", principal_id=mine.member_id, helper_id=helper.member_id, powers="BOOK", started_at=now
    )
    await withdraw(mine, Purpose.HELPER, now)
    assert not await Proxy.filter(ended_at=None).exists()
    assert await Message.filter(member_id=helper.member_id, template="HELPER_ENDED").exists()


async def test_only_a_guardian_of_a_child_speaks_for_somebody_else(db: Database, now: datetime) -> None:
    mine, child, helped = await an_account(), await an_account(), await an_account()
    await name(child, CHILD)
    await Guardianship.create(
        public_id="g1", guardian_id=mine.member_id, ward_id=child.member_id, relation="FATHER", started_at=now
    )
    await Proxy.create(
        public_id="p1",
        principal_id=helped.member_id,
        helper_id=mine.member_id,
        powers="BOOK,MESSAGES,FEEDBACK",
        started_at=now,
    )

    async def whose(for_member: str | None, then: datetime = now) -> int:
        acting = await wards.own_or_wards(
            member_id=mine.member_id,
            member_public_id=mine.public_id,
            for_member=for_member,
            keys=ID_KEYS,
            now=then,
        )
        return acting.member_id

    assert await whose(None) == await whose(mine.public_id) == mine.member_id
    assert await whose(child.public_id) == child.member_id
    for stranger, then in (
        (helped.public_id, now),
        ("mem_NOBODY", now),
        (child.public_id, now.replace(year=2029, month=6)),  # fourteen by then
    ):
        with pytest.raises(MemberUnknown):
            await whose(stranger, then)
