"""A clerk signs in, is locked out after too many guesses, and is signed out when the desk is left alone."""

import asyncio
import time
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import pytest

from models.database import utc
from models.errors import BadInput, DomainError
from models.staff import operations, passwords
from models.staff.policy import DEVELOPMENT
from models.staff.queries import find
from models.staff.refusals import (
    PasswordTooWeak,
    StaffCredentialsWrong,
    StaffLocked,
    StaffVenueUnknown,
    UsernameTaken,
)
from models.staff.rules import StaffSignedIn
from models.staff.tables import StaffMember, StaffRole, StaffSignIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.people import PASSWORD, a_clerk
from tests.factories.places import a_venue

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
WRONG = "Wrong-2026"


@pytest.fixture
async def venue(db: Database) -> Venue:
    return await a_venue()


@pytest.fixture
async def clerk(venue: Venue) -> StaffSignedIn:
    return await a_clerk(venue.public_id, username="li.qian")


async def create(now: datetime, **changed: Any) -> int:
    arguments: dict[str, Any] = {"username": "li.qian", "display_name": "李前台", "password": PASSWORD}
    return await operations.create_staff(**arguments | {"venue_public_ids": None} | changed, now=now)


async def sign_in(
    now: datetime, password: str = PASSWORD, username: str = "li.qian", **changed: Any
) -> StaffSignedIn:
    arguments: dict[str, Any] = {"username": username, "password": password, "device_id": "desk-1"}
    return await operations.sign_in(**arguments | {"address": "10.0.0.7"} | changed, policy=DEVELOPMENT, now=now)


async def refused(now: datetime, **arguments: Any) -> DomainError:
    with pytest.raises(DomainError) as error:
        await sign_in(now, **arguments)
    return error.value


async def guess_wrong(now: datetime, times: int) -> None:
    for _ in range(times):
        await refused(now, password=WRONG)


async def failures() -> int:
    return (await StaffMember.get()).failures


# accounts


async def test_an_account_is_made_for_its_venues_and_no_others(db: Database, now: datetime) -> None:
    ours, _ = await a_venue(name="甲馆"), await a_venue(name="乙馆")
    staff_id = await create(now, venue_public_ids=[ours.public_id, ours.public_id])
    signed_in = await sign_in(now)
    assert (signed_in.staff_id, signed_in.display_name, signed_in.device_id) == (staff_id, "李前台", "desk-1")
    assert signed_in.venues == ((ours.public_id, "甲馆"),)


async def test_an_account_without_named_venues_is_for_all_there_are(db: Database, now: datetime) -> None:
    await a_venue(name="甲馆"), await a_venue(name="乙馆")
    await create(now)
    assert [name for _, name in (await sign_in(now)).venues] == ["甲馆", "乙馆"]


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"username": "李"}, BadInput),
        ({"display_name": ""}, BadInput),
        ({"password": "short"}, PasswordTooWeak),
        ({"venue_public_ids": []}, StaffVenueUnknown),
        ({"venue_public_ids": ["ven_UNKNOWN"]}, StaffVenueUnknown),
    ],
)
async def test_a_refused_account_leaves_nothing_behind(
    venue: Venue, now: datetime, changed: dict[str, Any], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal) as error:
        await create(now, **changed)
    assert error.value.next_step
    assert (await StaffMember.all().count(), await StaffRole.all().count()) == (0, 0)


async def test_one_unknown_venue_among_known_ones_is_refused(venue: Venue, now: datetime) -> None:
    with pytest.raises(StaffVenueUnknown):
        await create(now, venue_public_ids=[venue.public_id, "ven_UNKNOWN"])


async def test_a_username_belongs_to_one_person_whatever_its_case(clerk: StaffSignedIn, now: datetime) -> None:
    with pytest.raises(UsernameTaken):
        await create(now, username="LI.QIAN")
    assert await StaffMember.all().count() == 1
    assert (await sign_in(now, username=" Li.Qian ")).staff_id == clerk.staff_id


async def test_neither_password_nor_token_is_stored_or_shown(clerk: StaffSignedIn, now: datetime) -> None:
    stored = repr([await StaffMember.all().values(), await StaffSignIn.all().values()])
    for secret in (PASSWORD, clerk.token):
        assert secret not in stored
        assert secret not in repr(clerk)


# wrong passwords


async def test_a_wrong_password_and_an_unknown_name_hear_the_same(clerk: StaffSignedIn, now: datetime) -> None:
    wrong = await refused(now, password=WRONG)
    for username in ("nobody", "", "\x00", "\ud800", "l" * 1000, "li' --"):
        unknown = await refused(now, username=username)
        assert (unknown.code, unknown.sentence()) == (wrong.code, wrong.sentence())


async def test_a_wrong_password_and_an_unknown_name_take_the_same_time(
    clerk: StaffSignedIn, now: datetime
) -> None:
    async def took(username: str) -> float:
        """Of the processor: what others do on the machine meanwhile is nothing to it."""
        begun = time.process_time()
        await refused(now, username=username, password=WRONG)
        return time.process_time() - begun

    wrong, unknown = [], []
    for _ in range(7):
        wrong.append(await took("li.qian"))
        unknown.append(await took("nobody"))
    assert median(unknown) > median(wrong) / 2  # without the stand-in's hash it would be a tenth


async def test_a_failure_is_counted_though_the_sign_in_is_refused(clerk: StaffSignedIn, now: datetime) -> None:
    await guess_wrong(now, 3)
    assert await failures() == 3
    assert await StaffSignIn.all().count() == 1, "the clerk's own from before"


async def test_a_right_password_clears_the_count(clerk: StaffSignedIn, now: datetime) -> None:
    await guess_wrong(now, 4)
    await sign_in(now)
    assert await failures() == 0
    await guess_wrong(now, 4)
    assert await sign_in(now)


async def test_five_failures_lock_for_300_seconds_even_the_right_password(
    clerk: StaffSignedIn, now: datetime
) -> None:
    await guess_wrong(now, 4)
    fifth = await refused(now, password=WRONG)
    assert isinstance(fifth, StaffLocked)
    assert "5分钟" in fifth.sentence()
    end = now + 300 * SECOND
    assert isinstance(await refused(end - MICROSECOND), StaffLocked)
    assert await find(token=clerk.token, now=now) == clerk, "who is signed in already stays so"
    assert (await sign_in(end)).staff_id == clerk.staff_id


async def test_guessing_while_locked_neither_counts_nor_lengthens_the_lock(
    clerk: StaffSignedIn, now: datetime
) -> None:
    await guess_wrong(now, 5)
    await guess_wrong(now + 200 * SECOND, 10)
    assert await failures() == 0
    assert await sign_in(now + 300 * SECOND)


async def test_after_a_lock_five_more_failures_lock_again(clerk: StaffSignedIn, now: datetime) -> None:
    await guess_wrong(now, 5)
    later = now + 300 * SECOND
    await guess_wrong(later, 4)
    assert await failures() == 4
    await guess_wrong(later, 1)
    assert isinstance(await refused(later), StaffLocked)


async def test_guessing_one_name_locks_no_other(clerk: StaffSignedIn, venue: Venue, now: datetime) -> None:
    other = await a_clerk(venue.public_id, username="wang")
    await guess_wrong(now, 5)
    assert (await sign_in(now, username="wang")).staff_id == other.staff_id


async def test_a_password_that_was_replaced_while_it_was_verified_signs_nobody_in(
    clerk: StaffSignedIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_right, other = passwords.is_right, await passwords.hashed("Other-2026")

    async def meanwhile_it_is_reset(password: str, stored: str | None) -> bool:
        answer = await is_right(password, stored)
        await StaffMember.filter(username="li.qian").update(password_hash=other)
        return answer

    monkeypatch.setattr(passwords, "is_right", meanwhile_it_is_reset)
    assert isinstance(await refused(now), StaffCredentialsWrong)
    assert await StaffSignIn.filter(staff_id=clerk.staff_id).count() == 1, "the one of before"


async def test_a_closed_account_hears_what_a_wrong_password_hears(clerk: StaffSignedIn, now: datetime) -> None:
    await StaffMember.all().update(is_active=False)
    assert isinstance(await refused(now), StaffCredentialsWrong)
    assert await find(token=clerk.token, now=now) is None


@pytest.mark.postgres
async def test_wrong_guesses_at_once_are_counted_exactly(clerk: StaffSignedIn, now: datetime) -> None:
    await asyncio.gather(*(refused(now, password=WRONG) for _ in range(4)))
    assert await failures() == 4
    await sign_in(now)
    answers = await asyncio.gather(*(refused(now, password=WRONG) for _ in range(20)))
    assert [type(answer) for answer in answers].count(StaffCredentialsWrong) == 4
    assert [type(answer) for answer in answers].count(StaffLocked) == 16
    locked = await StaffMember.get()
    assert (locked.failures, utc(locked.locked_until or now)) == (0, now + 300 * SECOND)


@pytest.mark.postgres
async def test_accounts_made_at_once_under_one_name_are_one(venue: Venue, now: datetime) -> None:
    outcomes = await asyncio.gather(*(create(now) for _ in range(6)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(UsernameTaken) == 5
    assert (await StaffMember.all().count(), await StaffRole.all().count()) == (1, 2)


# staying signed in


async def test_the_token_finds_the_clerk_with_device_and_venues(clerk: StaffSignedIn, now: datetime) -> None:
    assert await find(token=clerk.token, now=now) == clerk
    for wrong in ("", "x", clerk.token[:-1], "\x00", "\ud800"):
        assert await find(token=wrong, now=now) is None


async def test_a_venue_taken_away_is_gone_at_once(clerk: StaffSignedIn, now: datetime) -> None:
    await StaffRole.all().delete()
    signed_in = await find(token=clerk.token, now=now)
    assert signed_in is not None
    assert signed_in.venues == ()


async def test_ten_idle_minutes_end_a_sign_in(clerk: StaffSignedIn, now: datetime) -> None:
    assert await find(token=clerk.token, now=now + 10 * MINUTE) is None
    assert await find(token=clerk.token, now=now + 10 * MINUTE - MICROSECOND) == clerk


async def test_a_busy_desk_stays_signed_in_for_twelve_hours(clerk: StaffSignedIn, now: datetime) -> None:
    for minutes in range(5, 12 * 60, 5):
        assert await find(token=clerk.token, now=now + minutes * MINUTE) == clerk
    assert await find(token=clerk.token, now=now + timedelta(hours=12) - MICROSECOND) == clerk
    assert await find(token=clerk.token, now=now + timedelta(hours=12)) is None


async def test_being_seen_is_written_once_a_minute_at_most(clerk: StaffSignedIn, now: datetime) -> None:
    async def last_seen() -> datetime:
        return utc((await StaffSignIn.get()).last_seen_at)

    await find(token=clerk.token, now=now + MINUTE - MICROSECOND)
    assert await last_seen() == now
    await find(token=clerk.token, now=now + MINUTE)
    assert await last_seen() == now + MINUTE
    await find(token=clerk.token, now=now + 2 * MINUTE - MICROSECOND)
    assert await last_seen() == now + MINUTE


async def test_signing_out_ends_this_sign_in_only(clerk: StaffSignedIn, now: datetime) -> None:
    elsewhere = await sign_in(now, device_id="desk-2")
    await operations.sign_out(token=clerk.token, now=now)
    await operations.sign_out(token=clerk.token, now=now + MINUTE)
    await operations.sign_out(token="unknown", now=now)
    assert await find(token=clerk.token, now=now) is None
    assert await find(token=elsewhere.token, now=now) == elsewhere
    ended = await StaffSignIn.get(device_id="desk-1")
    assert utc(ended.ended_at or now + MINUTE) == now


async def test_an_impossible_device_id_is_refused_and_counts_no_failure(
    clerk: StaffSignedIn, now: datetime
) -> None:
    for device_id in ("", "x" * 65, "台", "\x00"):
        assert isinstance(await refused(now, password=WRONG, device_id=device_id), BadInput)
    assert await failures() == 0
