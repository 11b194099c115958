"""The system administrator opens and closes accounts, the security administrator lets people in again; each in their
own scope, and nobody for themselves."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from models.errors import DomainError, ErrorCode
from models.regions.tables import Region
from models.staff import accounts, ending, operations, queries, second_factor
from models.staff.granting import end_role, grant_role
from models.staff.policy import DEVELOPMENT
from models.staff.queries import find
from models.staff.refusals import StaffCredentialsWrong, StaffUnknown, UsernameTaken
from models.staff.rules import ADMINISTRATORS, Place, Role, SignInStage, StaffSignedIn
from models.staff.tables import StaffMember, StaffRole, StaffSignIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.people import PASSWORD, STAFF_KEYS, a_clerk, a_code
from tests.factories.places import a_region, a_venue

Act = Callable[[StaffSignedIn, str, datetime], Awaitable[object]]


async def close(clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    await accounts.close_account(clerk=clerk, staff_id=staff_id, now=now)


async def reset_password(clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    await accounts.reset_password(clerk=clerk, staff_id=staff_id, policy=DEVELOPMENT, now=now)


async def reset_factor(clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    await accounts.reset_second_factor(clerk=clerk, staff_id=staff_id, now=now)


async def unlock(clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    await accounts.unlock(clerk=clerk, staff_id=staff_id, now=now)


ACTS: list[tuple[Act, Role]] = [
    (close, Role.SYSTEM_ADMIN),
    (reset_password, Role.SYSTEM_ADMIN),
    (reset_factor, Role.SECURITY_ADMIN),
    (unlock, Role.SECURITY_ADMIN),
]


@pytest.fixture
async def venue(db: Database) -> Venue:
    await Region.create(key="510100", code="510100", name="成都市", level="CITY", parent_key="510000")
    return await a_venue()


@pytest.fixture
async def clerk(venue: Venue) -> StaffSignedIn:
    return await a_clerk(venue.public_id, username="li.qian")


async def sign_in(password: str, now: datetime) -> StaffSignedIn:
    return await operations.sign_in(
        username="li.qian", password=password, device_id="desk-2", address="::1", policy=DEVELOPMENT, now=now
    )


async def test_a_new_account_may_do_nothing_until_its_owner_chose_a_password_and_got_a_role(
    venue: Venue, now: datetime
) -> None:
    system = await a_clerk(region_key="", roles=[Role.SYSTEM_ADMIN])
    first = await accounts.open_account(
        clerk=system, username="Li.Qian", display_name="李前台", policy=DEVELOPMENT, now=now
    )
    assert first.password not in repr(first)
    assert (await sign_in(first.password, now)).stage is SignInStage.NEEDS_PASSWORD
    assert await StaffRole.filter(staff__public_id=first.public_id).count() == 0
    with pytest.raises(UsernameTaken):
        await accounts.open_account(
            clerk=system, username="li.qian", display_name="x", policy=DEVELOPMENT, now=now
        )


async def test_only_the_system_administrator_opens_accounts(venue: Venue, now: datetime) -> None:
    for role in Role:
        if role is not Role.SYSTEM_ADMIN:
            with pytest.raises(DomainError) as refused:
                await accounts.open_account(
                    clerk=await a_clerk(region_key="", roles=[role]),
                    username="li.qian",
                    display_name="李前台",
                    policy=DEVELOPMENT,
                    now=now,
                )
            assert refused.value.code is ErrorCode.NOT_ALLOWED
    assert not await StaffMember.filter(username="li.qian").exists()


async def test_a_closed_account_is_out_at_once_and_stays_out(clerk: StaffSignedIn, now: datetime) -> None:
    system = await a_clerk(region_key="", roles=[Role.SYSTEM_ADMIN])
    for _ in range(2):
        await close(system, clerk.public_id, now)
    assert await find(token=clerk.token, now=now) is None
    with pytest.raises(StaffCredentialsWrong):
        await sign_in(PASSWORD, now)
    assert (await StaffSignIn.get(staff_id=clerk.staff_id)).end_reason == "ACCOUNT_CLOSED"


async def test_a_reset_password_is_told_once_and_must_be_changed(clerk: StaffSignedIn, now: datetime) -> None:
    system = await a_clerk(region_key="", roles=[Role.SYSTEM_ADMIN])
    given = await accounts.reset_password(clerk=system, staff_id=clerk.public_id, policy=DEVELOPMENT, now=now)
    assert await find(token=clerk.token, now=now) is None
    with pytest.raises(StaffCredentialsWrong):
        await sign_in(PASSWORD, now)
    assert (await sign_in(given.password, now)).stage is SignInStage.NEEDS_PASSWORD


async def test_who_lost_their_phone_signs_in_without_a_code_after_a_reset(
    clerk: StaffSignedIn, now: datetime
) -> None:
    security = await a_clerk(region_key="", roles=[Role.SECURITY_ADMIN])
    begun = await second_factor.set_up(token=clerk.token, keys=STAFF_KEYS, policy=DEVELOPMENT, now=now)
    await second_factor.confirm_set_up(
        token=clerk.token, code=a_code(begun.secret, now), keys=STAFF_KEYS, policy=DEVELOPMENT, now=now
    )
    await reset_factor(security, clerk.public_id, now)
    assert await find(token=clerk.token, now=now) is None
    assert (await sign_in(PASSWORD, now)).stage is SignInStage.OPEN


async def test_an_unlocked_account_opens_at_once(clerk: StaffSignedIn, now: datetime) -> None:
    security = await a_clerk(region_key="", roles=[Role.SECURITY_ADMIN])
    for _ in range(5):
        with pytest.raises(DomainError):
            await sign_in("Wrong-2026", now)
    await unlock(security, clerk.public_id, now)
    assert (await sign_in(PASSWORD, now)).stage is SignInStage.OPEN


@pytest.mark.parametrize(("act", "role"), ACTS)
async def test_each_act_is_one_administrators_in_their_scope_and_never_for_themselves(
    clerk: StaffSignedIn, now: datetime, act: Act, role: Role
) -> None:
    before = await StaffMember.all().order_by("id").values()
    for other in sorted(ADMINISTRATORS - {role}):
        with pytest.raises(DomainError) as refused:
            await act(await a_clerk(region_key="", roles=[other]), clerk.public_id, now)
        assert refused.value.code is ErrorCode.NOT_ALLOWED
    there = await a_region("500103", name="渝中区", parent_key="500000")
    stranger = await a_clerk(region_key=there.key, roles=[role])
    with pytest.raises(DomainError) as refused:
        await act(stranger, clerk.public_id, now)
    assert refused.value.code is ErrorCode.STAFF_UNKNOWN
    mine = await a_clerk(region_key="510100", roles=[role])
    with pytest.raises(DomainError) as refused:
        await act(mine, mine.public_id, now)
    assert refused.value.code is ErrorCode.ROLE_REFUSED
    assert await StaffMember.filter(id__lte=clerk.staff_id).order_by("id").values() == before
    await act(mine, clerk.public_id, now)


async def test_an_account_that_also_acts_elsewhere_is_out_of_scope(clerk: StaffSignedIn, now: datetime) -> None:
    """A district's administrator closes no account of the whole country."""
    everywhere = await a_clerk(region_key="", roles=[Role.SECURITY_ADMIN])
    await grant_role(clerk=everywhere, staff_id=clerk.public_id, role=Role.FINANCE, place=Place(), now=now)
    local = await a_clerk(region_key="510100", roles=[Role.SYSTEM_ADMIN])
    with pytest.raises(DomainError) as refused:
        await close(local, clerk.public_id, now)
    assert refused.value.code is ErrorCode.STAFF_UNKNOWN


async def test_accounts_are_listed_within_the_scope_and_found_by_name(
    clerk: StaffSignedIn, venue: Venue, now: datetime
) -> None:
    there = await a_venue(
        name="渝中馆",
        region=await a_region("500103", name="渝中区", parent_key="500000"),
        city_code="500000",
        province_code="500000",
    )
    await a_clerk(there.public_id, username="zhang.san")
    await a_clerk(venue.public_id, username="wang_1")
    local = await a_clerk(region_key="510100", roles=[Role.SYSTEM_ADMIN], username="system")

    async def listed(text: str = "", *, first: int = 20, after_id: int = 0) -> list[str]:
        found = await queries.members(clerk=local, text=text, first=first, after_id=after_id)
        return [row["username"] for row in found]

    assert await listed() == ["li.qian", "wang_1", "system"]
    assert await listed("wang_") == ["wang_1"]
    for nothing in ("%", "zhang", "' OR 1=1 --", "\\"):
        assert await listed(nothing) == []
    assert await listed(first=1) == ["li.qian", "wang_1"], "one more tells that there are further ones"
    assert await listed(after_id=clerk.staff_id) == ["wang_1", "system"]
    roles = await queries.roles_of([clerk.staff_id])
    assert [(row["role"], row["venue_name"]) for row in roles] == [
        ("REDEEMER", "测试体育馆"),
        ("FINANCE", "测试体育馆"),
    ]
    with pytest.raises(DomainError):
        await queries.members(clerk=clerk, text="", first=20, after_id=0)


async def test_sign_ins_are_seen_and_ended_by_their_owner_and_the_security_administrator(
    clerk: StaffSignedIn, now: datetime
) -> None:
    elsewhere = await sign_in(PASSWORD, now)
    mine = await queries.sign_ins_of(clerk=clerk, staff_id=None, first=20, now=now)
    assert [(each["device_id"], each["is_this"], each["is_alive"]) for each in mine] == [
        ("desk-2", False, True),
        ("desk-1", True, True),
    ]
    await ending.end_sign_in(clerk=clerk, sign_in_id=mine[0]["public_id"], now=now)
    assert await find(token=elsewhere.token, now=now) is None
    security = await a_clerk(region_key="510100", roles=[Role.SECURITY_ADMIN])
    seen = await queries.sign_ins_of(clerk=security, staff_id=clerk.public_id, first=20, now=now)
    assert [each["end_reason"] for each in seen] == ["ENDED_BY_OWNER", ""]
    for _ in range(2):
        await ending.end_sign_in(clerk=security, sign_in_id=seen[1]["public_id"], now=now)
    assert await find(token=clerk.token, now=now) is None


async def test_nobody_elses_sign_ins_are_seen_or_ended(clerk: StaffSignedIn, venue: Venue, now: datetime) -> None:
    neighbour = await a_clerk(venue.public_id)
    stranger = await a_clerk(
        region_key=(await a_region("500103", name="渝中区", parent_key="500000")).key, roles=[Role.SECURITY_ADMIN]
    )
    (own,) = await queries.sign_ins_of(clerk=clerk, staff_id=None, first=20, now=now)
    for other, code in ((neighbour, ErrorCode.NOT_ALLOWED), (stranger, ErrorCode.STAFF_UNKNOWN)):
        with pytest.raises(DomainError) as refused:
            await queries.sign_ins_of(clerk=other, staff_id=clerk.public_id, first=20, now=now)
        assert refused.value.code is code
        for sign_in_id in (own["public_id"], "ssi_unknown"):
            with pytest.raises(DomainError) as refused:
                await ending.end_sign_in(clerk=other, sign_in_id=sign_in_id, now=now)
            assert refused.value.code is ErrorCode.NOT_ALLOWED
    assert await find(token=clerk.token, now=now) is not None


async def test_three_administrators_are_opened_together_or_not_at_all(db: Database, now: datetime) -> None:
    usernames = {Role.SYSTEM_ADMIN: "sys", Role.SECURITY_ADMIN: "sec", Role.AUDITOR: "aud"}
    opened = await accounts.open_administrators(usernames=usernames, policy=DEVELOPMENT, now=now)
    assert [each.username for each in opened] == ["sys", "sec", "aud"]
    assert {role.role for role in await StaffRole.all()} == {*ADMINISTRATORS}
    arriving = await operations.sign_in(
        username="sec", password=opened[1].password, device_id="d", address="", policy=DEVELOPMENT, now=now
    )
    assert arriving.stage is SignInStage.NEEDS_PASSWORD
    with pytest.raises(UsernameTaken):
        await accounts.open_administrators(
            usernames={Role.AUDITOR: "other", Role.SYSTEM_ADMIN: "sys"}, policy=DEVELOPMENT, now=now
        )
    assert await StaffMember.all().count() == 3


async def test_an_account_without_roles_is_where_it_last_was_and_a_new_one_where_its_opener_is(
    clerk: StaffSignedIn, now: datetime
) -> None:
    """Somebody must give it the first role, and nobody of another province closes it or resets its password."""
    await a_region("510000", name="四川省", parent_key="")
    await a_region("510100", name="成都市", parent_key="510000")
    await a_region("500103", name="渝中区", parent_key="500000")
    opener = await a_clerk(region_key="510100", roles=[Role.SYSTEM_ADMIN])
    new = await accounts.open_account(
        clerk=opener, username="wang.wu", display_name="王五", policy=DEVELOPMENT, now=now
    )
    for role in await StaffRole.filter(staff_id=clerk.staff_id):
        security = await a_clerk(region_key="", roles=[Role.SECURITY_ADMIN])
        await end_role(clerk=security, role_id=role.public_id, now=now)
    made_by_hand = await a_clerk(region_key="510100", roles=[Role.REDEEMER])
    await StaffRole.filter(staff_id=made_by_hand.staff_id).delete()

    async def sees(region_key: str, role: Role = Role.SYSTEM_ADMIN) -> set[str]:
        admin = await a_clerk(region_key=region_key, roles=[role])
        found = await queries.members(clerk=admin, text="", first=50, after_id=0)
        asked = {new.public_id, clerk.public_id, made_by_hand.public_id}
        return {row["public_id"] for row in found} & asked

    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN):
        assert await sees("500103", role) == set(), "another province's"
        assert await sees("510100", role) == {new.public_id, clerk.public_id}
        assert await sees("510000", role) == {new.public_id, clerk.public_id}
        assert await sees("", role) == {new.public_id, clerk.public_id, made_by_hand.public_id}
    stranger = await a_clerk(region_key="500103", roles=[Role.SYSTEM_ADMIN])
    for staff_id in (new.public_id, clerk.public_id, made_by_hand.public_id):
        with pytest.raises(StaffUnknown):
            await close(stranger, staff_id, now)
    assert await StaffMember.filter(is_active=False).count() == 0
    await close(await a_clerk(region_key="510100", roles=[Role.SYSTEM_ADMIN]), new.public_id, now)
