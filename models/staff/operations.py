"""Staff come to a desk: their account, signing in with a lock against guessing, signing out (issue 2, item 7; issue 4,
item 5). What comes between the password and the open desk stands in `second_factor` and `changing_passwords`."""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.audit import deeds
from models.errors import DomainError
from models.ids import checked_device_id, new_id
from models.keys import new_token, token_hash
from models.staff import passwords
from models.staff.granting import add_role, places_of
from models.staff.policy import LEVEL_3, StaffPolicy
from models.staff.queries import is_administrator, signed_in
from models.staff.refusals import StaffCredentialsWrong, StaffLocked, StaffVenueUnknown, UsernameTaken
from models.staff.rules import (
    DESK_ROLES,
    Place,
    Role,
    SignInStage,
    StaffSignedIn,
    check_password,
    checked_display_name,
    checked_username,
    password_has_run_out,
    stage_of,
    username_of,
)
from models.staff.tables import StaffMember, StaffSignIn


async def create_staff(
    *,
    username: str,
    display_name: str,
    password: str,
    venue_public_ids: Sequence[str] | None,
    region_key: str = "",
    roles: Sequence[Role] = DESK_ROLES,
    must_change_password: bool = False,
    policy: StaffPolicy = LEVEL_3,
    now: datetime,
) -> int:
    """Opens an account with these roles at these venues (None: in the region and all below it, or everywhere) and
    returns its id. For operators and at first; later accounts and roles are two people's work (`accounts`, `granting`).

    Raises BadInput, PasswordTooWeak, UsernameTaken, StaffVenueUnknown or RoleRefused; then nothing was written.
    """
    username = checked_username(username)
    display_name = checked_display_name(display_name)
    check_password(password, username=username, policy=policy)
    password_hash = await passwords.hashed(password)
    if venue_public_ids is None:
        places = [Place(region_key=region_key)]
    else:
        places = [Place(venue_id=venue_id) for venue_id in dict.fromkeys(venue_public_ids)]
    if not places:
        raise StaffVenueUnknown
    return await _create(username, display_name, password_hash, must_change_password, places, roles, now)


async def sign_in(
    *,
    username: str,
    password: str,
    device_id: str,
    address: str,
    policy: StaffPolicy,
    now: datetime,
) -> StaffSignedIn:
    """Begins a clerk's sign-in at a device. Its stage says what is still needed before it opens anything.

    Raises StaffCredentialsWrong or, after too many of these, StaffLocked for a while, whatever the password.
    The password is verified outside the transaction and in every case, so that the time betrays no username.
    """
    checked_device_id(device_id)
    known = await StaffMember.get_or_none(username=username_of(username) or "")
    proved = known.password_hash if known else ""
    if not await passwords.is_right(password, proved or None):
        proved = ""
    outcome = await _let_in(known.id if known else 0, proved, device_id, address[:64], policy, now)
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the count of failures
        raise outcome
    return outcome


@database.operation
async def sign_out(*, token: str, now: datetime) -> None:
    """Ends the sign-in, whatever its stage. An unknown or ended one stays as it is."""
    await database.rows(
        """UPDATE staff_sign_in SET ended_at = $2, end_reason = 'SIGNED_OUT'
            WHERE token_hash = $1 AND ended_at IS NULL""",
        token_hash(token),
        now,
    )


async def add_account(
    *,
    username: str,
    display_name: str,
    password_hash: str,
    must_change_password: bool,
    opened_by: int | None = None,
    now: datetime,
) -> tuple[int, str]:
    """Inside the caller's transaction: the account's row; gives its id and public id. Raises UsernameTaken."""
    created = await database.row(
        """INSERT INTO staff_member
             (public_id, username, display_name, password_hash, password_set_at, failures, is_active,
              must_change_password, opened_by_id)
           VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8)
           ON CONFLICT (username) DO NOTHING RETURNING id, public_id""",
        new_id("stf"),
        username,
        display_name,
        password_hash,
        now,
        True,
        must_change_password,
        opened_by,
    )
    if created is None:
        raise UsernameTaken
    return int(created["id"]), str(created["public_id"])


@database.operation
async def _create(
    username: str,
    display_name: str,
    password_hash: str,
    must_change_password: bool,
    places: Sequence[Place],
    roles: Sequence[Role],
    now: datetime,
) -> int:
    rows_of = await places_of(places)
    staff_id, public_id = await add_account(
        username=username,
        display_name=display_name,
        password_hash=password_hash,
        must_change_password=must_change_password,
        now=now,
    )
    deeds.concerning("STAFF", public_id, detail=username)
    for role in roles:
        for place in places:
            await add_role(
                staff_id=staff_id, role=role, place=place, venue_row=rows_of[place], granted_by=None, now=now
            )
    return staff_id


@database.operation
async def _let_in(
    staff_id: int, proved: str, device_id: str, address: str, policy: StaffPolicy, now: datetime
) -> StaffSignedIn | DomainError:
    """The lock's word and the count of failures, one attempt at a time for each account. `proved`: the hash of which
    the password was the right one, empty for none; another one may have taken its place since.

    A right password clears the count only where nothing else is asked: who knows it might otherwise try codes without
    end, five at a time.
    """
    staff = await StaffMember.filter(id=staff_id).select_for_update().first()
    deeds.done_by("STAFF", staff.public_id if staff else "", device_id=device_id)
    if staff is None:
        return StaffCredentialsWrong(policy)
    if staff.locked_until is not None and now < staff.locked_until:
        return StaffLocked(staff.locked_until - now)
    if proved != staff.password_hash or not staff.is_active:
        return await count_failure(staff, StaffCredentialsWrong(policy), policy, now)
    has_factor = staff.totp_confirmed_at is not None
    if not has_factor:
        staff.failures = 0
        staff.totp_sealed, staff.totp_key_id = None, ""  # begun in another sign-in, perhaps by somebody else
    staff.locked_until = None
    await staff.save(update_fields=["failures", "locked_until", "totp_sealed", "totp_key_id"])
    token, stage = new_token(), await next_stage(staff, needs_code=has_factor, policy=policy, now=now)
    await StaffSignIn.create(
        public_id=new_id("ssi"),
        staff_id=staff.id,
        token_hash=token_hash(token),
        stage=stage,
        device_id=device_id,
        address=address,
        started_at=now,
        last_seen_at=now,
    )
    return await signed_in(token, _named(staff, device_id), stage)


async def count_failure(
    staff: StaffMember, refusal: DomainError, policy: StaffPolicy, now: datetime
) -> DomainError:
    """One more wrong password or code of this account, whose row the caller has locked. Gives what to say of it."""
    staff.failures += 1
    is_last = staff.failures >= policy.failures_until_lock
    if is_last:
        staff.failures, staff.locked_until = 0, now + policy.lock_life
    await staff.save(update_fields=["failures", "locked_until"])
    return StaffLocked(policy.lock_life) if is_last else refusal


async def next_stage(staff: StaffMember, *, needs_code: bool, policy: StaffPolicy, now: datetime) -> SignInStage:
    """What this account's sign-in needs next."""
    stale = password_has_run_out(
        set_at=staff.password_set_at, must_change=staff.must_change_password, now=now, policy=policy
    )
    has_factor = staff.totp_confirmed_at is not None
    demanded = not has_factor and (policy.second_factor or await is_administrator(staff.id))
    return stage_of(needs_code=needs_code, needs_password=stale, needs_setup=demanded)


def _named(staff: StaffMember, device_id: str) -> dict[str, object]:
    return {
        "staff_id": staff.id,
        "public_id": staff.public_id,
        "display_name": staff.display_name,
        "device_id": device_id,
    }
