"""Staff come to a desk: their account, signing in with a lock against guessing, signing out (issue 2, item 7)."""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.errors import DomainError
from models.ids import checked_device_id, new_id
from models.keys import new_token, token_hash
from models.staff import passwords
from models.staff.queries import venues_of
from models.staff.rules import (
    FAILURES_UNTIL_LOCK,
    LOCK_LIFE,
    StaffCredentialsWrong,
    StaffLocked,
    StaffSignedIn,
    StaffVenueUnknown,
    UsernameTaken,
    check_password,
    checked_display_name,
    checked_username,
    username_of,
)
from models.staff.tables import StaffMember, StaffSignIn, StaffVenue
from models.venues.tables import Venue


async def create_staff(
    *,
    username: str,
    display_name: str,
    password: str,
    venue_public_ids: Sequence[str] | None,
    now: datetime,
) -> int:
    """Opens an account for these venues (None: every venue we know today) and returns its id.

    Raises BadInput, PasswordTooWeak, UsernameTaken or StaffVenueUnknown; then nothing was written.
    """
    username = checked_username(username)
    display_name = checked_display_name(display_name)
    check_password(password, username=username)
    password_hash = await passwords.hashed(password)
    return await _create(username, display_name, password_hash, venue_public_ids, now)


async def sign_in(
    *,
    username: str,
    password: str,
    device_id: str,
    address: str,
    now: datetime,
) -> StaffSignedIn:
    """Begins a clerk's sign-in at a device.

    Raises StaffCredentialsWrong or, after too many of these, StaffLocked for a while, whatever the password.
    The password is verified outside the transaction and in every case, so that the time betrays no username.
    """
    checked_device_id(device_id)
    known = await StaffMember.get_or_none(username=username_of(username) or "")
    is_right = await passwords.is_right(password, known.password_hash if known else None)
    outcome = await _let_in(known.id if known else 0, is_right, device_id, address[:64], now)
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the count of failures
        raise outcome
    return outcome


async def sign_out(*, token: str, now: datetime) -> None:
    """Ends the sign-in. An unknown or ended one stays as it is."""
    await database.rows(
        "UPDATE staff_sign_in SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL", token_hash(token), now
    )


@database.operation
async def _create(
    username: str,
    display_name: str,
    password_hash: str,
    venue_public_ids: Sequence[str] | None,
    now: datetime,
) -> int:
    venues = await (Venue.all() if venue_public_ids is None else Venue.filter(public_id__in=venue_public_ids))
    if not venues or (venue_public_ids is not None and len(venues) < len(set(venue_public_ids))):
        raise StaffVenueUnknown
    created = await database.row(
        """INSERT INTO staff_member
             (public_id, username, display_name, password_hash, password_set_at, failures, is_active)
           VALUES ($1, $2, $3, $4, $5, 0, $6)
           ON CONFLICT (username) DO NOTHING RETURNING id""",
        new_id("stf"),
        username,
        display_name,
        password_hash,
        now,
        True,
    )
    if created is None:
        raise UsernameTaken
    await StaffVenue.bulk_create(StaffVenue(staff_id=created["id"], venue=venue) for venue in venues)
    return int(created["id"])


@database.operation
async def _let_in(
    staff_id: int, is_right: bool, device_id: str, address: str, now: datetime
) -> StaffSignedIn | DomainError:
    """The lock's word and the count of failures, one attempt at a time for each account."""
    staff = await StaffMember.filter(id=staff_id).select_for_update().first()
    if staff is None:
        return StaffCredentialsWrong()
    if staff.locked_until is not None and now < staff.locked_until:
        return StaffLocked(staff.locked_until - now)
    if not is_right or not staff.is_active:
        staff.failures += 1
        if staff.failures >= FAILURES_UNTIL_LOCK:
            staff.failures, staff.locked_until = 0, now + LOCK_LIFE
        await staff.save(update_fields=["failures", "locked_until"])
        return StaffCredentialsWrong() if staff.failures else StaffLocked(LOCK_LIFE)
    staff.failures, staff.locked_until = 0, None
    await staff.save(update_fields=["failures", "locked_until"])
    token = new_token()
    await StaffSignIn.create(
        staff_id=staff.id,
        token_hash=token_hash(token),
        device_id=device_id,
        address=address,
        started_at=now,
        last_seen_at=now,
    )
    return StaffSignedIn(token, staff.id, staff.display_name, device_id, await venues_of(staff.id))
