"""Passwords run out, are chosen anew, and are not taken up again."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from models.errors import DomainError, NotSignedIn
from models.staff import operations, passwords
from models.staff.changing_passwords import change_password
from models.staff.policy import DEVELOPMENT, StaffPolicy
from models.staff.queries import find
from models.staff.refusals import PasswordTooWeak, PasswordUsedBefore, StaffCredentialsWrong, StaffLocked
from models.staff.rules import SignInStage, StaffSignedIn
from models.staff.tables import StaffMember, StaffPassword
from tests.databases import Database
from tests.factories.people import PASSWORD, a_clerk
from tests.factories.places import a_venue

DAYS = timedelta(days=90)
NEW = "Leshan-2027!"


@pytest.fixture
async def clerk(db: Database) -> StaffSignedIn:
    return await a_clerk((await a_venue()).public_id, username="li.qian")


async def sign_in(now: datetime, password: str = PASSWORD, policy: StaffPolicy = DEVELOPMENT) -> StaffSignedIn:
    return await operations.sign_in(
        username="li.qian", password=password, device_id="desk-1", address="10.0.0.7", policy=policy, now=now
    )


async def change(
    token: str, now: datetime, old: str = PASSWORD, new: str = NEW, policy: StaffPolicy = DEVELOPMENT
) -> StaffSignedIn:
    return await change_password(token=token, old=old, new=new, policy=policy, now=now)


async def refused(token: str, now: datetime, *, old: str = PASSWORD, new: str = NEW) -> DomainError:
    before = await StaffMember.get()
    with pytest.raises(DomainError) as error:
        await change(token, now, old=old, new=new)
    assert (await StaffMember.get()).password_hash == before.password_hash
    return error.value


async def test_after_90_days_a_sign_in_opens_nothing_but_the_change(clerk: StaffSignedIn, now: datetime) -> None:
    assert (await sign_in(now + DAYS - timedelta(seconds=1))).stage is SignInStage.OPEN
    later = now + DAYS
    arriving = await sign_in(later)
    assert (arriving.stage, arriving.venues) == (SignInStage.NEEDS_PASSWORD, ())
    assert await find(token=arriving.token, now=later) is None
    changed = await change(arriving.token, later)
    assert changed.stage is SignInStage.OPEN
    assert await find(token=arriving.token, now=later) == changed
    assert (await sign_in(later, NEW)).stage is SignInStage.OPEN


async def test_who_changes_their_password_is_signed_out_everywhere_else(
    clerk: StaffSignedIn, now: datetime
) -> None:
    elsewhere = await sign_in(now)
    await change(clerk.token, now)
    assert await find(token=clerk.token, now=now) is not None
    assert await find(token=elsewhere.token, now=now) is None
    with pytest.raises(StaffCredentialsWrong):
        await sign_in(now)


async def test_a_change_said_twice_is_one(clerk: StaffSignedIn, now: datetime) -> None:
    first = await change(clerk.token, now)
    assert await change(clerk.token, now) == first
    assert (await StaffMember.get()).failures == 0
    assert await StaffPassword.all().count() == 1


def at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two changes both find the old password right before either is written down."""
    both, hashed = asyncio.Barrier(2), passwords.hashed

    async def hashed_together(password: str) -> str:
        await both.wait()
        return await hashed(password)

    monkeypatch.setattr(passwords, "hashed", hashed_together)


async def test_a_double_tap_is_one_change_and_no_failure(
    clerk: StaffSignedIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_same_time(monkeypatch)
    first, second = await asyncio.gather(change(clerk.token, now), change(clerk.token, now))
    assert first == second == await find(token=clerk.token, now=now)
    assert (await StaffMember.get()).failures == 0
    assert await StaffPassword.all().count() == 1


async def test_of_two_different_changes_at_the_same_time_one_wins_and_the_other_counts_as_a_failure(
    clerk: StaffSignedIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_same_time(monkeypatch)
    done = await asyncio.gather(
        change(clerk.token, now), change(clerk.token, now, new=f"{NEW}2"), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["StaffCredentialsWrong", "StaffSignedIn"]
    staff = await StaffMember.get()
    won = NEW if isinstance(done[0], StaffSignedIn) else f"{NEW}2"
    assert await passwords.is_right(won, staff.password_hash)
    assert (staff.failures, await StaffPassword.all().count()) == (1, 1)


async def test_the_last_five_are_not_taken_up_again_and_the_sixth_is(clerk: StaffSignedIn, now: datetime) -> None:
    used = [PASSWORD]
    for number in range(4):
        used.append(f"{NEW}{number}")
        await change(clerk.token, now, old=used[-2], new=used[-1])
    for earlier in used:
        assert isinstance(await refused(clerk.token, now, old=used[-1], new=earlier), PasswordUsedBefore)
    await change(clerk.token, now, old=used[-1], new=f"{NEW}4")
    assert await StaffPassword.all().count() == 4
    await change(clerk.token, now, old=f"{NEW}4", new=PASSWORD)
    stored = repr([await StaffMember.all().values(), await StaffPassword.all().values()])
    assert not [password for password in used if password in stored]


async def test_a_wrong_old_password_counts_as_a_failure(clerk: StaffSignedIn, now: datetime) -> None:
    for _ in range(4):
        assert isinstance(await refused(clerk.token, now, old="Wrong-2026"), StaffCredentialsWrong)
    assert isinstance(await refused(clerk.token, now, old="Wrong-2026"), StaffLocked)
    assert isinstance(await refused(clerk.token, now), StaffLocked)


async def test_a_right_guess_among_many_at_once_comes_too_late_for_the_lock(
    clerk: StaffSignedIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_right = passwords.is_right

    async def meanwhile_others_guess_wrong(password: str, stored: str | None) -> bool:
        answer = await is_right(password, stored)
        await StaffMember.all().update(locked_until=now + timedelta(minutes=15))
        return answer

    monkeypatch.setattr(passwords, "is_right", meanwhile_others_guess_wrong)
    assert isinstance(await refused(clerk.token, now), StaffLocked)


@pytest.mark.parametrize("weak", ["", "short", "alllowercase1", "Li.qian-2026"])
async def test_a_weak_new_password_is_refused(clerk: StaffSignedIn, now: datetime, weak: str) -> None:
    assert isinstance(await refused(clerk.token, now, new=weak), PasswordTooWeak)


async def test_a_stricter_policy_is_demanded_and_told(clerk: StaffSignedIn, now: datetime) -> None:
    strict = replace(DEVELOPMENT, shortest_password=14, password_classes=4)
    with pytest.raises(PasswordTooWeak) as refusal:
        await change(clerk.token, now, policy=strict)
    assert "14到128" in refusal.value.sentence()
    assert "至少四类" in refusal.value.sentence()


async def test_an_ended_sign_in_changes_nothing(clerk: StaffSignedIn, now: datetime) -> None:
    await operations.sign_out(token=clerk.token, now=now)
    assert isinstance(await refused(clerk.token, now), NotSignedIn)
