"""Staff choose a new password: because the old one ran out, because somebody else chose it, or because they want to."""

from datetime import datetime

from models import database
from models.errors import DomainError, NotSignedIn
from models.keys import token_hash
from models.staff import passwords
from models.staff.ending import end_sign_ins
from models.staff.operations import count_failure, next_stage
from models.staff.policy import StaffPolicy
from models.staff.queries import find_arriving
from models.staff.refusals import PasswordUsedBefore, StaffCredentialsWrong, StaffLocked
from models.staff.rules import SignInStage, StaffSignedIn, check_password, password_has_run_out
from models.staff.tables import StaffMember, StaffPassword, StaffSignIn


async def change_password(*, token: str, old: str, new: str, policy: StaffPolicy, now: datetime) -> StaffSignedIn:
    """Sets a new password and ends every other sign-in of the account. The same again changes nothing.

    Raises NOT_SIGNED_IN, STAFF_CREDENTIALS_WRONG for a wrong old one (which counts), STAFF_LOCKED, PASSWORD_TOO_WEAK,
    PASSWORD_USED_BEFORE. Passwords are hashed outside the transaction.
    """
    while True:
        try:
            return await _changed(token, old, new, policy, now)
        except (
            _Overtaken
        ):  # perhaps by the same, tapped twice: looked at again, beside the password that is there now
            continue


class _Overtaken(Exception):
    """Another change was written down since the passwords were compared."""


async def _changed(token: str, old: str, new: str, policy: StaffPolicy, now: datetime) -> StaffSignedIn:
    found = await find_arriving(token=token, now=now, policy=policy)
    if found is None or found.stage not in (SignInStage.NEEDS_PASSWORD, SignInStage.OPEN):
        raise NotSignedIn
    staff = await StaffMember.get(id=found.staff_id)
    if staff.locked_until is not None and now < staff.locked_until:
        raise StaffLocked(staff.locked_until - now)
    check_password(new, username=staff.username, policy=policy)
    is_old_right = await passwords.is_right(old, staff.password_hash)
    is_current = await passwords.is_right(new, staff.password_hash)
    if not is_old_right and is_current and not _has_run_out(staff, policy, now):
        return found
    if is_old_right and (is_current or await _was_used(staff.id, new, policy)):
        raise PasswordUsedBefore(policy)
    new_hash = await passwords.hashed(new) if is_old_right else ""
    refusal = await _change(token, staff.id, staff.password_hash, new_hash, policy, now)
    if refusal is not None:  # raised here, since inside it would undo the count of failures
        raise refusal
    changed = await find_arriving(token=token, now=now, policy=policy)
    if changed is None:
        raise NotSignedIn
    return changed


async def forget_all_but(staff_id: int, policy: StaffPolicy) -> None:
    """Inside the caller's transaction: of the passwords that somebody had before, those that still count stay."""
    kept = policy.passwords_remembered - 1  # the current one is with the account
    await database.rows(
        """DELETE FROM staff_password WHERE staff_id = $1 AND id NOT IN
             (SELECT id FROM staff_password WHERE staff_id = $1 ORDER BY id DESC LIMIT $2)""",
        staff_id,
        kept,
    )


@database.operation
async def _change(
    token: str, staff_id: int, old_hash: str, new_hash: str, policy: StaffPolicy, now: datetime
) -> DomainError | None:
    """`new_hash` empty: the old password was wrong."""
    staff = await StaffMember.select_for_update().get(id=staff_id)
    if staff.locked_until is not None and now < staff.locked_until:  # by guesses that were made at the same time
        return StaffLocked(staff.locked_until - now)
    if staff.password_hash != old_hash:
        raise _Overtaken
    if not new_hash:
        return await count_failure(staff, StaffCredentialsWrong(policy), policy, now)
    sign_in = await StaffSignIn.get(token_hash=token_hash(token))
    if sign_in.ended_at is not None or not staff.is_active:
        return NotSignedIn()
    await StaffPassword.create(staff_id=staff.id, password_hash=old_hash, set_at=staff.password_set_at)
    await forget_all_but(staff.id, policy)
    staff.password_hash, staff.password_set_at = new_hash, now
    staff.must_change_password, staff.failures = False, 0
    await staff.save(update_fields=["password_hash", "password_set_at", "must_change_password", "failures"])
    sign_in.stage = await next_stage(staff, needs_code=False, policy=policy, now=now)
    await sign_in.save(update_fields=["stage"])
    await end_sign_ins(staff.id, reason="PASSWORD_CHANGED", now=now, but_token_hash=sign_in.token_hash)
    return None


def _has_run_out(staff: StaffMember, policy: StaffPolicy, now: datetime) -> bool:
    return password_has_run_out(
        set_at=staff.password_set_at, must_change=staff.must_change_password, now=now, policy=policy
    )


async def _was_used(staff_id: int, password: str, policy: StaffPolicy) -> bool:
    """Whether it is one of the last, beside the current one."""
    earlier = await StaffPassword.filter(staff_id=staff_id).order_by("-id").limit(policy.passwords_remembered - 1)
    for each in earlier:
        if await passwords.is_right(password, each.password_hash):
            return True
    return False
