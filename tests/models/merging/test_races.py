"""Joining and parting while something else happens to the same accounts, on PostgreSQL: one of the two is first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from models import database
from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.families import invitations, wards
from models.families.rules import Relation
from models.families.tables import Companionship, Guardianship
from models.families.wards import WardWanted
from models.members import operations as members
from models.members import phones
from models.members.rules import Tokens
from models.members.standing import leads_to
from models.members.tables import Member, SignIn
from models.members.ways_in import has_way_in
from models.messages.tables import SubscribeQuota
from models.organisations import belonging
from models.organisations.tables import Organisation, OrganisationMember
from models.privacy import deleting
from models.privacy.tables import Deletion
from models.real_names.rules import RealNameNeeded
from models.real_names.tables import RealName
from tests.databases import Database
from tests.factories.accounts import FATHER, ID_KEYS, Account, a_code, an_account, join, name, part
from tests.factories.names import CHILD, version
from tests.factories.people import APPID, PHONE_KEYS, TOKEN_KEYS, a_member
from tests.models.members.test_by_phone import NUMBER, OTHER_NUMBER, Desk, holder, member_of
from tests.models.merging.test_merging_phones import came_by_phone
from tests.queueing import one_after_another
from verification.port import Verdict

pytestmark = pytest.mark.postgres
HOUR = timedelta(hours=1)


def only_refusals(outcomes: Sequence[object]) -> list[ErrorCode]:
    """The codes of the acts that were refused; what is no refusal is raised."""
    for each in outcomes:
        if isinstance(each, BaseException) and not isinstance(each, DomainError):
            raise each
    return [each.code for each in outcomes if isinstance(each, DomainError)]


async def parted(account: Account) -> bool:
    return (await Member.get(id=account.member_id)).joined_to_id is None


# parting, and numbers


@pytest.mark.parametrize("parting_first", [True, False])
async def test_a_number_freed_while_the_accounts_part_leaves_nobody_lost_who_was_not_told(
    parting_first: bool, db: Database, now: datetime
) -> None:
    """It was all by which the joined account could be entered: either it goes first, and the accounts stay one; or they
    part, and whose number it then was hears that it is gone."""
    desk, later = Desk(), now + HOUR
    mine, other, third = await an_account(phone=OTHER_NUMBER), await came_by_phone(desk, now), await an_account()
    merge_id = await join(mine, other, now=now)
    code = await desk.code(later, member_id=third.member_id)
    acts = [
        part(mine, merge_id, now=later),
        desk.bind(third.member_id, code, later, take_over=True),
    ]
    outcomes = await one_after_another(
        [mine.member_id, other.member_id], *(acts if parting_first else reversed(acts))
    )
    refused = only_refusals(outcomes)
    assert await holder(NUMBER) == third.member_id
    freed = await database.row("SELECT member_id FROM message WHERE template = 'PHONE_FREED'")
    assert freed is not None
    if await parted(other):
        assert (refused, freed["member_id"]) == ([], other.member_id)
    else:
        assert (refused, freed["member_id"]) == ([ErrorCode.MERGE_NOT_UNDOABLE], mine.member_id)


@pytest.mark.parametrize("parting_first", [True, False])
@pytest.mark.parametrize("moved", [True, False])
async def test_a_number_bound_while_the_accounts_part_is_one_members_who_is_here(
    moved: bool, parting_first: bool, db: Database, now: datetime
) -> None:
    """The joined account's own number, which the one that stays binds, or another in its place."""
    mine, other = await an_account(phone=None if moved else OTHER_NUMBER), await came_by_phone(Desk(), now)
    merge_id = await join(mine, other, now=now)
    number = OTHER_NUMBER if moved else NUMBER
    acts = [
        part(mine, merge_id, now=now + HOUR),
        phones.bind_phone(member_id=mine.member_id, phone=number, keys=PHONE_KEYS, now=now + HOUR),
    ]
    outcomes = await one_after_another([mine.member_id], *(acts if parting_first else reversed(acts)))
    only_refusals(outcomes)
    assert any(not isinstance(each, DomainError) for each in outcomes)
    if await parted(other):
        assert await holder(NUMBER) == other.member_id
    else:
        assert await holder(number) == mine.member_id
    for account in (mine, other):
        assert await has_way_in(await leads_to(account.member_id))


# parting, and coming in


@pytest.mark.parametrize("by_phone", [True, False])
@pytest.mark.parametrize("parting_first", [True, False])
async def test_who_signs_in_while_the_accounts_part_is_whose_door_it_was(
    parting_first: bool, by_phone: bool, db: Database, now: datetime
) -> None:
    """Before, or after: nobody stays signed in to the other account by a door that has gone home."""
    desk, later = Desk(), now + HOUR
    mine = await an_account(phone=OTHER_NUMBER)
    other = await an_account(phone=NUMBER, openid="o-other")
    merge_id = await join(mine, other, now=now)

    async def come_in(code: str, then: datetime) -> Tokens:
        if by_phone:
            return await desk.sign_in(code, then, device_id="device-9")
        return await members.sign_in(
            appid=APPID, openid="o-other", unionid=None, device_id="device-9", keys=TOKEN_KEYS, now=then
        )

    acts = [part(mine, merge_id, now=later), come_in(await desk.code(later), later)]
    outcomes = await one_after_another(
        [mine.member_id, other.member_id], *(acts if parting_first else reversed(acts))
    )
    assert set(only_refusals(outcomes)) <= {ErrorCode.NOT_SIGNED_IN}
    assert await parted(other)
    for sign_in in await SignIn.filter(device_id="device-9", ended_at=None):
        assert sign_in.member_id == other.member_id
    later += HOUR
    again = await come_in(await desk.code(later), later)
    assert (await member_of(again, later)).member_id == other.member_id


@pytest.mark.parametrize("parting", [False, True])
async def test_a_device_that_refreshes_while_accounts_are_joined_or_parted_stays_signed_in(
    parting: bool, db: Database, now: datetime
) -> None:
    mine, later = await an_account(), now + HOUR
    other_id, tokens = await a_member(openid="o-other")
    other = await an_account(openid="o-other")
    quota = await SubscribeQuota.create(  # moves after the sign-ins, so that whoever waits for it holds them
        member_id=other_id, appid=APPID, openid="o-other", template="TICKET", left_count=1, asked_at=now
    )
    act = (
        part(mine, await join(mine, other), now=later) if parting else join(mine, other, code=await a_code(other))
    )
    _, refreshed = await one_after_another(
        [quota.id],
        act,
        members.refresh(refresh_token=tokens.refresh_token, device_id="phone-1", keys=TOKEN_KEYS, now=later),
        table="subscribe_quota",
    )
    assert isinstance(refreshed, Tokens), refreshed
    leads = other if parting else mine
    assert refreshed.member_public_id == leads.public_id
    assert (await member_of(refreshed, later)).member_id == leads.member_id


# joining, and leaving


@pytest.mark.parametrize("joining_first", [True, False])
@pytest.mark.parametrize("who_leaves", ["kept", "joined"])
async def test_of_joining_and_asking_to_be_gone_at_once_the_second_knows_of_the_first(
    who_leaves: str, joining_first: bool, db: Database, now: datetime
) -> None:
    mine, other = await an_account(), await an_account()
    leaving = mine if who_leaves == "kept" else other
    acts = [
        join(mine, other, code=await a_code(other)),
        deleting.request_deletion(member_id=leaving.member_id, keys=ID_KEYS, now=now),
    ]
    outcomes = await one_after_another(
        [mine.member_id, other.member_id], *(acts if joining_first else reversed(acts))
    )
    refused, wishes = only_refusals(outcomes), [wish.member_id for wish in await Deletion.all()]
    if await parted(other):
        assert (refused, wishes) == ([ErrorCode.MERGE_REFUSED], [leaving.member_id])
    elif leaving is mine:
        assert (refused, wishes) == ([], [mine.member_id])
    else:
        assert (refused, wishes) == ([ErrorCode.NOT_SIGNED_IN], [])


# relations


@pytest.mark.parametrize("joining_first", [True, False])
async def test_who_accepts_while_the_inviters_account_is_joined_is_their_companion_in_the_one_that_stays(
    joining_first: bool, db: Database, now: datetime
) -> None:
    mine, other, friend = await an_account(), await an_account(), await an_account()
    invited = await invitations.invite_companion(member_id=other.member_id, keys=ID_KEYS, now=now)
    acts = [
        join(mine, other, code=await a_code(other)),
        invitations.accept_invitation(
            member_id=friend.member_id, code=invited.code, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=now
        ),
    ]
    outcomes = await one_after_another([other.member_id], *(acts if joining_first else reversed(acts)))
    assert only_refusals(outcomes) == []
    pair = await Companionship.get(ended_at=None)
    assert {pair.one_id, pair.other_id} == {mine.member_id, friend.member_id}


# wards


@pytest.mark.parametrize("joining_first", [True, False])
async def test_a_guardian_who_leaves_while_the_childs_account_is_joined_leaves_the_other_one(
    joining_first: bool, db: Database, now: datetime
) -> None:
    child, new = await an_account(), await an_account()
    await name(child, (CHILD.name, CHILD.number))
    guardians = [await an_account(), await an_account()]
    for number, guardian in enumerate(guardians):
        await Guardianship.create(
            public_id=f"g{number}",
            guardian_id=guardian.member_id,
            ward_id=child.member_id,
            relation="OTHER",
            started_at=now,
        )
    acts = [
        join(new, child, code=await a_code(child)),
        *(
            wards.end_guardianship(
                member_id=guardian.member_id, guardianship_id=f"g{number}", keys=ID_KEYS, now=now
            )
            for number, guardian in enumerate(guardians)
        ),
    ]
    outcomes = await one_after_another(
        [child.member_id, new.member_id], *(acts if joining_first else reversed(acts))
    )
    refused = only_refusals(outcomes)
    assert ErrorCode.NOT_SIGNED_IN not in refused, "it is the child's account that was joined, not the guardian's"
    live = await Guardianship.filter(ended_at=None)
    assert ([each.ward_id for each in live], refused) == ([new.member_id], [ErrorCode.WARD_WOULD_BE_ALONE])


@pytest.mark.parametrize("parting_first", [True, False])
async def test_a_guardian_who_leaves_while_the_childs_account_is_parted_has_left(
    parting_first: bool, db: Database, now: datetime
) -> None:
    child, new = await an_account(), await an_account()
    await name(child, (CHILD.name, CHILD.number))
    for number in range(2):
        guardian = await an_account()
        await Guardianship.create(
            public_id=f"g{number}",
            guardian_id=guardian.member_id,
            ward_id=child.member_id,
            relation="OTHER",
            started_at=now,
        )
    merge_id = await join(new, child)
    acts = [
        part(new, merge_id),
        wards.end_guardianship(member_id=guardian.member_id, guardianship_id="g1", keys=ID_KEYS, now=now),
    ]
    outcomes = await one_after_another(
        [child.member_id, new.member_id], *(acts if parting_first else reversed(acts))
    )
    assert (only_refusals(outcomes), await parted(child)) == ([], True)
    live = await Guardianship.filter(ended_at=None)
    assert [(each.public_id, each.ward_id) for each in live] == [("g0", child.member_id)]


async def test_a_child_is_added_by_nobody_whose_name_went_home_meanwhile(db: Database, now: datetime) -> None:
    """The name came with the joined account, and goes back with it while the authority is asked about the child."""
    mine, other = await an_account(), await an_account()
    await name(other, FATHER)
    merge_id = await join(mine, other)

    class SlowAuthority:
        async def check(self, *, name: str, id_number: str) -> Verdict:
            await part(mine, merge_id)
            return Verdict.AGREES

    wanted = WardWanted(
        name=CHILD.name,
        id_number=CHILD.number,
        relation=Relation.FATHER,
        consent_version=version(Purpose.CHILD),
    )
    with pytest.raises(RealNameNeeded):
        await wards.add_ward(
            guardian_id=mine.member_id,
            wanted=wanted,
            idempotency_key="one child",
            keys=ID_KEYS,
            authority=SlowAuthority(),
            now=now,
        )
    assert (await RealName.get()).member_id == other.member_id
    assert not await Guardianship.all().exists()
    assert await Member.all().count() == 2


# joining, and organisations


async def test_an_owner_who_leaves_while_their_accounts_are_joined_leaves_an_owner(
    db: Database, now: datetime
) -> None:
    """Both accounts own the club: one ownership ends with the joining, and the other just as it does."""
    mine, other = await an_account(), await an_account()
    club = await Organisation.create(
        public_id="org1",
        name="锦江羽毛球俱乐部",
        credit_code="91510100MA6C0000X0",
        kind="CLUB",
        region_key="510104",
        status="APPROVED",
        registered_by_id=other.member_id,
        registered_at=now,
    )
    owner, _ = [
        await OrganisationMember.create(
            public_id=f"om{account.member_id}",
            organisation_id=club.id,
            member_id=account.member_id,
            role="OWNER",
            joined_at=now,
        )
        for account in (mine, other)
    ]
    code = await a_code(other)
    left, joined = await one_after_another(
        [owner.id],
        belonging.leave(member_id=mine.member_id, organisation_id=club.public_id, now=now),
        join(mine, other, code=code),
        table="organisation_member",
    )
    assert (left, only_refusals([joined])) == (None, [])
    (live,) = await OrganisationMember.filter(left_at=None)
    assert (live.member_id, live.role) == (mine.member_id, "OWNER")
