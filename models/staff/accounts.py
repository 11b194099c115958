"""The system administrator opens and closes accounts; the security administrator lets people in again. Nobody does any
of it to themselves, and each only within their own scope (`powers.accounts_where`)."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.staff import passwords
from models.staff.changing_passwords import forget_all_but
from models.staff.ending import end_sign_ins
from models.staff.granting import add_role
from models.staff.operations import add_account
from models.staff.policy import StaffPolicy
from models.staff.powers import accounts_where, demand
from models.staff.refusals import PasswordTooWeak, RoleRefused, StaffUnknown
from models.staff.rules import (
    ROLE_WORDS,
    Place,
    Power,
    Role,
    StaffSignedIn,
    check_password,
    checked_display_name,
    checked_username,
)
from models.staff.tables import StaffMember, StaffPassword

_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nobody mistakes one for another


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """Told once to whoever hands it over, and good for choosing one's own."""

    public_id: str
    username: str
    password: str = field(repr=False)


async def open_account(
    *, clerk: StaffSignedIn, username: str, display_name: str, policy: StaffPolicy, now: datetime
) -> FirstPassword:
    """An account that may do nothing until the security administrator gives it a role.

    Raises NOT_ALLOWED, USERNAME_TAKEN (also for the same asked twice: then reset its password), BAD_INPUT.
    """
    await demand(clerk, Power.MANAGE_ACCOUNTS)
    username, display_name = checked_username(username), checked_display_name(display_name)
    password = new_password(username, policy)
    public_id = await _open(username, display_name, await passwords.hashed(password), clerk.staff_id, now)
    return FirstPassword(public_id, username, password)


async def close_account(*, clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    """Nobody signs in with it again, and who is signed in is out. Closing it again changes nothing.

    Raises NOT_ALLOWED, STAFF_UNKNOWN outside the clerk's scope, ROLE_REFUSED for their own.
    """
    await _for(clerk, Power.MANAGE_ACCOUNTS, staff_id, _close, now)


async def reset_password(
    *, clerk: StaffSignedIn, staff_id: str, policy: StaffPolicy, now: datetime
) -> FirstPassword:
    """A first password again, for who has forgotten theirs; it ends their sign-ins. Each call makes another one.

    Raises as `close_account` does.
    """
    await demand(clerk, Power.MANAGE_ACCOUNTS)
    staff = await _in_scope(clerk, Power.MANAGE_ACCOUNTS, staff_id)
    password = new_password(staff.username, policy)
    await _reset(staff.id, await passwords.hashed(password), policy, now)
    return FirstPassword(staff.public_id, staff.username, password)


async def reset_second_factor(*, clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    """Whoever lost their phone sets up another one at the next sign-in; the present ones end.

    Raises as `close_account` does.
    """
    await _for(clerk, Power.RESET_SECOND_FACTOR, staff_id, _without_factor, now)


async def unlock(*, clerk: StaffSignedIn, staff_id: str, now: datetime) -> None:
    """Too many wrong guesses are forgotten. Raises as `close_account` does."""
    await _for(clerk, Power.RESET_SECOND_FACTOR, staff_id, _unlocked, now)


async def open_administrators(
    *, usernames: Mapping[Role, str], policy: StaffPolicy, now: datetime
) -> list[FirstPassword]:
    """Accounts for the administrators, each a person's own; all of them or none. For operators: from then on accounts
    and roles are two people's work.

    Raises USERNAME_TAKEN, BAD_INPUT.
    """
    first = {
        role: FirstPassword("", checked_username(username), new_password(checked_username(username), policy))
        for role, username in usernames.items()
    }
    hashes = {role: await passwords.hashed(each.password) for role, each in first.items()}
    return await _open_administrators(first, hashes, now)


def new_password(username: str, policy: StaffPolicy) -> str:
    """By chance, easy to read out, and within the policy: some 90 bits in four groups, or more if it must be longer."""
    while True:
        groups = range(max(4, policy.shortest_password // 5 + 1))
        password = "-".join("".join(secrets.choice(_CHARACTERS) for _ in range(4)) for _ in groups)
        try:
            check_password(password, username=username, policy=policy)
        except PasswordTooWeak:
            continue
        return password


@database.operation
async def _open(username: str, display_name: str, password_hash: str, opened_by: int, now: datetime) -> str:
    _, public_id = await add_account(
        username=username,
        display_name=display_name,
        password_hash=password_hash,
        must_change_password=True,
        opened_by=opened_by,
        now=now,
    )
    concerning("STAFF", public_id, detail=username)  # here, before its line is written
    return public_id


@database.operation
async def _open_administrators(
    first: Mapping[Role, FirstPassword], hashes: Mapping[Role, str], now: datetime
) -> list[FirstPassword]:
    opened = []
    for role, each in first.items():
        staff_id, public_id = await add_account(
            username=each.username,
            display_name=ROLE_WORDS[role],
            password_hash=hashes[role],
            must_change_password=True,
            now=now,
        )
        await add_role(staff_id=staff_id, role=role, place=Place(), venue_row=None, granted_by=None, now=now)
        opened.append(replace(each, public_id=public_id))
        concerning("STAFF", public_id, detail=" ".join(f"{known.username}={known.public_id}" for known in opened))
    return opened


async def _for(
    clerk: StaffSignedIn,
    power: Power,
    staff_id: str,
    act: Callable[[int, datetime], Awaitable[None]],
    now: datetime,
) -> None:
    await demand(clerk, power)
    await act((await _in_scope(clerk, power, staff_id)).id, now)


async def _in_scope(clerk: StaffSignedIn, power: Power, staff_id: str) -> StaffMember:
    """Somebody else's account, all of whose roles lie where the clerk has this power."""
    concerning("STAFF", staff_id)
    found = await database.row(
        f"SELECT staff_member.id FROM staff_member WHERE staff_member.public_id = $2 AND {accounts_where(power)}",
        clerk.staff_id,
        staff_id,
    )
    if found is None:
        raise StaffUnknown
    if found["id"] == clerk.staff_id:
        raise RoleRefused("不能对自己的账号这样操作。", next_step="请由另一位管理员办理。", field="staffId")
    return await StaffMember.get(id=found["id"])


@database.operation
async def _close(staff_id: int, now: datetime) -> None:
    await _locked(staff_id)
    await StaffMember.filter(id=staff_id).update(is_active=False)
    await end_sign_ins(staff_id, reason="ACCOUNT_CLOSED", now=now)


@database.operation
async def _reset(staff_id: int, password_hash: str, policy: StaffPolicy, now: datetime) -> None:
    staff = await _locked(staff_id)
    await StaffPassword.create(staff_id=staff_id, password_hash=staff.password_hash, set_at=staff.password_set_at)
    await forget_all_but(staff_id, policy)
    staff.password_hash, staff.password_set_at, staff.must_change_password = password_hash, now, True
    await staff.save(update_fields=["password_hash", "password_set_at", "must_change_password"])
    await end_sign_ins(staff_id, reason="PASSWORD_RESET", now=now)


@database.operation
async def _without_factor(staff_id: int, now: datetime) -> None:
    staff = await _locked(staff_id)
    staff.totp_sealed, staff.totp_key_id, staff.totp_confirmed_at = None, "", None
    await staff.save(update_fields=["totp_sealed", "totp_key_id", "totp_confirmed_at"])
    await end_sign_ins(staff_id, reason="FACTOR_RESET", now=now)


@database.operation
async def _unlocked(staff_id: int, _now: datetime) -> None:
    staff = await _locked(staff_id)
    staff.failures, staff.locked_until = 0, None
    await staff.save(update_fields=["failures", "locked_until"])


async def _locked(staff_id: int) -> StaffMember:
    return await StaffMember.select_for_update().get(id=staff_id)
