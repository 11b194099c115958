"""After the password a code of the phone: it works once, wrong ones count, and until it is said nothing opens."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models.database import rows
from models.errors import BadInput, DomainError, ErrorCode, NotSignedIn
from models.keys import CannotOpen, SealingKeys
from models.staff import operations, second_factor
from models.staff.policy import DEVELOPMENT, LEVEL_3, StaffPolicy
from models.staff.queries import find, find_arriving
from models.staff.refusals import SecondFactorWrong, StaffCredentialsWrong, StaffLocked
from models.staff.rules import Role, SignInStage, StaffSignedIn
from models.staff.tables import StaffMember, StaffSignIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.people import PASSWORD, STAFF_KEYS, a_clerk, a_code
from tests.factories.places import a_venue

STEP = timedelta(seconds=30)
# RFC 6238, appendix B, SHA-1: the last six of eight digits
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]


@pytest.fixture
async def venue(db: Database) -> Venue:
    return await a_venue()


@pytest.fixture
async def secret(venue: Venue, now: datetime) -> str:
    """Of li.qian, who set a second factor up though nobody demanded it; the clock then went on."""
    clerk = await a_clerk(venue.public_id, username="li.qian")
    begun = await second_factor.set_up(token=clerk.token, keys=STAFF_KEYS, policy=DEVELOPMENT, now=now - 9 * STEP)
    await second_factor.confirm_set_up(
        token=clerk.token,
        code=a_code(begun.secret, now - 9 * STEP),
        keys=STAFF_KEYS,
        policy=DEVELOPMENT,
        now=now - 9 * STEP,
    )
    return begun.secret


async def sign_in(now: datetime, policy: StaffPolicy = DEVELOPMENT, password: str = PASSWORD) -> StaffSignedIn:
    return await operations.sign_in(
        username="li.qian", password=password, device_id="desk-1", address="10.0.0.7", policy=policy, now=now
    )


async def says(token: str, code: str, now: datetime) -> StaffSignedIn:
    return await second_factor.confirm_code(token=token, code=code, keys=STAFF_KEYS, policy=DEVELOPMENT, now=now)


async def refused(token: str, code: str, now: datetime) -> DomainError:
    with pytest.raises(DomainError) as error:
        await says(token, code, now)
    return error.value


def wrong(secret: str, now: datetime) -> str:
    """A code of none of the steps that may be said."""
    near = {a_code(secret, now + places * STEP) for places in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds).astimezone()
    assert second_factor.step_of(RFC_SECRET, code, after=0, now=moment) == seconds // 30
    assert a_code(RFC_SECRET, moment) == code


async def test_until_the_code_is_said_the_token_opens_nothing(secret: str, now: datetime) -> None:
    arriving = await sign_in(now)
    assert (arriving.stage, arriving.venues, arriving.roles) == (SignInStage.NEEDS_CODE, (), ())
    assert await find(token=arriving.token, now=now) is None
    for act in (second_factor.set_up, second_factor.confirm_set_up):
        code = {"code": a_code(secret, now)} if act is second_factor.confirm_set_up else {}
        with pytest.raises(NotSignedIn):
            await act(token=arriving.token, keys=STAFF_KEYS, policy=DEVELOPMENT, now=now, **code)
    open_now = await says(arriving.token, f" {a_code(secret, now)[:3]} {a_code(secret, now)[3:]}", now)
    assert open_now.stage is SignInStage.OPEN
    assert open_now.venues
    assert await find(token=arriving.token, now=now) == open_now


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_phones_clock_may_be_off_by_one_step(
    secret: str, now: datetime, steps: int, is_right: bool
) -> None:
    arriving = await sign_in(now)
    code = a_code(secret, now + steps * STEP)
    if is_right:
        assert (await says(arriving.token, code, now)).stage is SignInStage.OPEN
    else:
        assert isinstance(await refused(arriving.token, code, now), SecondFactorWrong)


async def test_a_code_works_once_and_none_before_it_works_after_it(secret: str, now: datetime) -> None:
    first, second = await sign_in(now), await sign_in(now)
    code = a_code(secret, now)
    await says(first.token, code, now)
    assert (await says(first.token, code, now)).stage is SignInStage.OPEN, (
        "said again where it was said: as it stands"
    )
    for used in (code, a_code(secret, now - STEP)):
        assert isinstance(await refused(second.token, used, now), SecondFactorWrong)
    assert (await says(second.token, a_code(secret, now + STEP), now + STEP)).stage is SignInStage.OPEN


@pytest.mark.postgres
async def test_two_sign_ins_with_the_same_code_at_once_are_one(secret: str, now: datetime) -> None:
    arriving = [await sign_in(now) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(says(each.token, a_code(secret, now), now) for each in arriving), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SecondFactorWrong"] * 3 + ["StaffSignedIn"]


@pytest.mark.postgres
async def test_a_code_that_is_sent_twice_at_once_in_one_sign_in_is_no_wrong_one(
    secret: str, now: datetime
) -> None:
    arriving, code = await sign_in(now), a_code(secret, now)
    said = await asyncio.gather(*(says(arriving.token, code, now) for _ in range(3)))
    assert {each.stage for each in said} == {SignInStage.OPEN}
    assert (await StaffMember.get(username="li.qian")).failures == 0


async def test_five_wrong_codes_lock_the_account_and_end_the_sign_in(secret: str, now: datetime) -> None:
    arriving = await sign_in(now)
    for _ in range(4):
        assert isinstance(await refused(arriving.token, wrong(secret, now), now), SecondFactorWrong)
    assert isinstance(await refused(arriving.token, wrong(secret, now), now), StaffLocked)
    assert await find_arriving(token=arriving.token, now=now) is None
    with pytest.raises(StaffLocked):
        await sign_in(now + timedelta(seconds=299))
    assert (await sign_in(now + timedelta(seconds=300))).stage is SignInStage.NEEDS_CODE


async def test_a_right_password_gives_no_new_tries_at_the_code(secret: str, now: datetime) -> None:
    """Else who knows the password would try codes without end, four at a time."""
    for _ in range(4):
        await refused((await sign_in(now)).token, wrong(secret, now), now)
    assert isinstance(await refused((await sign_in(now)).token, wrong(secret, now), now), StaffLocked)


async def test_a_lock_holds_for_codes_too(secret: str, now: datetime) -> None:
    arriving = await sign_in(now)
    for _ in range(5):
        with pytest.raises((StaffCredentialsWrong, StaffLocked)):
            await sign_in(now, password="Wrong-2026")
    assert isinstance(await refused(arriving.token, a_code(secret, now), now), StaffLocked)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12345\n", "\x00"])
async def test_what_is_no_code_is_no_guess(secret: str, now: datetime, code: str) -> None:
    arriving = await sign_in(now)
    assert isinstance(await refused(arriving.token, code, now), BadInput)
    assert (await StaffMember.get()).failures == 0


async def test_an_ended_or_idle_sign_in_takes_no_code(secret: str, now: datetime) -> None:
    arriving = await sign_in(now)
    later = now + timedelta(minutes=10)
    assert isinstance(await refused(arriving.token, a_code(secret, later), later), NotSignedIn)
    await operations.sign_out(token=arriving.token, now=now)
    assert isinstance(await refused(arriving.token, a_code(secret, now), now), NotSignedIn)


async def test_where_everybody_must_have_one_the_first_sign_in_sets_it_up(venue: Venue, now: datetime) -> None:
    await a_clerk(venue.public_id, username="li.qian")
    arriving = await sign_in(now, LEVEL_3)
    assert arriving.stage is SignInStage.NEEDS_SETUP
    assert await find(token=arriving.token, now=now) is None
    begun = await second_factor.set_up(token=arriving.token, keys=STAFF_KEYS, policy=LEVEL_3, now=now)
    again = await second_factor.set_up(token=arriving.token, keys=STAFF_KEYS, policy=LEVEL_3, now=now)
    assert begun == again
    assert begun.secret in begun.uri
    assert begun.uri.startswith("otpauth://totp/")
    assert begun.secret not in repr(begun) + repr(await StaffMember.all().values())
    for code, stage in ((wrong(begun.secret, now), None), (a_code(begun.secret, now), SignInStage.OPEN)):
        confirm = second_factor.confirm_set_up(
            token=arriving.token, code=code, keys=STAFF_KEYS, policy=LEVEL_3, now=now
        )
        if stage is None:
            with pytest.raises(SecondFactorWrong):
                await confirm
        else:
            assert (await confirm).stage is stage
    with pytest.raises(DomainError) as refusal:
        await second_factor.set_up(token=arriving.token, keys=STAFF_KEYS, policy=LEVEL_3, now=now)
    assert refusal.value.code is ErrorCode.ROLE_REFUSED
    assert (await sign_in(now, LEVEL_3)).stage is SignInStage.NEEDS_CODE


async def test_an_administrator_must_have_one_everywhere(venue: Venue, now: datetime) -> None:
    await operations.create_staff(
        username="li.qian",
        display_name="安全员",
        password=PASSWORD,
        venue_public_ids=None,
        roles=[Role.SECURITY_ADMIN],
        now=now,
    )
    assert (await sign_in(now, DEVELOPMENT)).stage is SignInStage.NEEDS_SETUP


async def test_what_another_sign_in_began_to_set_up_is_forgotten(venue: Venue, now: datetime) -> None:
    """Whoever knew the first password has perhaps looked at the secret."""
    await a_clerk(venue.public_id, username="li.qian")
    theirs = await sign_in(now, LEVEL_3)
    known = await second_factor.set_up(token=theirs.token, keys=STAFF_KEYS, policy=LEVEL_3, now=now)
    mine = await sign_in(now, LEVEL_3)
    begun = await second_factor.set_up(token=mine.token, keys=STAFF_KEYS, policy=LEVEL_3, now=now)
    assert begun.secret != known.secret


async def test_a_secret_is_sealed_to_its_account_and_moves_to_the_current_key(secret: str, now: datetime) -> None:
    old, new = STAFF_KEYS.keys["1"], b"n" * 32
    both = SealingKeys({"2": new, "1": old})
    assert [await second_factor.reseal_all(keys=both) for _ in range(2)] == [1, 0]
    arriving = await sign_in(now)
    with pytest.raises(CannotOpen):
        await says(arriving.token, a_code(secret, now), now)
    only_new = SealingKeys({"2": new})
    open_now = await second_factor.confirm_code(
        token=arriving.token, code=a_code(secret, now), keys=only_new, policy=DEVELOPMENT, now=now
    )
    assert open_now.stage is SignInStage.OPEN
    other_id = open_now.staff_id + 1000
    await rows("UPDATE staff_sign_in SET ended_at = started_at")
    await rows("DELETE FROM staff_role")
    await StaffSignIn.all().delete()
    await rows("UPDATE staff_member SET id = $1", other_id)
    moved = await sign_in(now + STEP)
    with pytest.raises(CannotOpen):
        await second_factor.confirm_code(
            token=moved.token, code=a_code(secret, now + STEP), keys=only_new, policy=DEVELOPMENT, now=now + STEP
        )
