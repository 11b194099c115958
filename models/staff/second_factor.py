"""The second factor: a code of six digits that changes every 30 seconds (TOTP, RFC 6238, with HMAC-SHA-1 as the
authenticators on everybody's phone have it). The secret is sealed to its account, and a code works once."""

import re
import secrets
from base64 import b32decode, b32encode
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from models import database
from models.errors import BadInput, DomainError, NotSignedIn
from models.keys import Sealed, SealingKeys, token_hash
from models.staff.operations import count_failure, next_stage
from models.staff.policy import StaffPolicy
from models.staff.queries import find_arriving
from models.staff.refusals import RoleRefused, SecondFactorWrong, StaffLocked
from models.staff.rules import SignInStage, StaffSignedIn
from models.staff.tables import StaffMember, StaffSignIn

DIGITS = 6
STEP_SECONDS = 30
STEPS_ASIDE = 1  # a phone's clock may be off by so many
SECRET_BYTES = 20  # as long as SHA-1's output (RFC 4226, 4)
TRIES = 5  # wrong codes that end a sign-in
ISSUER = "全民健身"

_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


@dataclass(frozen=True, slots=True)
class SetUp:
    """What an authenticator needs to know: as an address in a QR code, or typed in. Told once it is asked for, and
    never again after it is confirmed."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


async def set_up(*, token: str, keys: SealingKeys, policy: StaffPolicy, now: datetime) -> SetUp:
    """Begins to set one up. Asking again before it is confirmed, in the same sign-in, tells the same.

    Raises NOT_SIGNED_IN, and ROLE_REFUSED where one is set up already: only the security administrator resets it.
    """
    signed_in = await _arriving(token, policy, now, SignInStage.NEEDS_SETUP, SignInStage.OPEN)
    username, secret = await _begin(signed_in.staff_id, keys)
    return SetUp(secret, _totp(secret).get_provisioning_uri(username, ISSUER))


async def confirm_set_up(
    *, token: str, code: str, keys: SealingKeys, policy: StaffPolicy, now: datetime
) -> StaffSignedIn:
    """The first code shows that the phone has it. Raises NOT_SIGNED_IN, SECOND_FACTOR_WRONG, STAFF_LOCKED, BAD_INPUT."""
    await _arriving(token, policy, now, SignInStage.NEEDS_SETUP, SignInStage.OPEN)
    return await _said(await _check(token, checked_code(code), keys, policy, now, is_new=True), token, policy, now)


async def confirm_code(
    *, token: str, code: str, keys: SealingKeys, policy: StaffPolicy, now: datetime
) -> StaffSignedIn:
    """The code after the password. Said again of a sign-in that is past it, nothing changes.

    Raises NOT_SIGNED_IN (also after five wrong ones, which end the sign-in and lock the account), SECOND_FACTOR_WRONG,
    STAFF_LOCKED, BAD_INPUT.
    """
    signed_in = await _arriving(token, policy, now, *SignInStage)
    code = checked_code(code)
    if signed_in.stage is not SignInStage.NEEDS_CODE:
        return signed_in
    return await _said(await _check(token, code, keys, policy, now, is_new=False), token, policy, now)


def checked_code(text: str) -> str:
    """Six digits; authenticators show them in two groups. Raises BAD_INPUT, which is no guess."""
    code = text.replace(" ", "")
    if not _CODE.fullmatch(code):
        raise BadInput("动态口令是6位数字。", next_step="请打开手机上的身份验证器查看。", field="code")
    return code


def step_of(secret: str, code: str, *, after: int, now: datetime) -> int | None:
    """The step of which this is the code, among those that may be said now and come after the last one said."""
    totp, current = _totp(secret), int(now.timestamp()) // STEP_SECONDS
    for step in range(current - STEPS_ASIDE, current + STEPS_ASIDE + 1):
        if compare_digest(totp.generate(step * STEP_SECONDS), code.encode()) and step > after:
            return step
    return None


def _totp(secret: str) -> TOTP:
    return TOTP(b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  RFC 6238's default; phones know no other


async def reseal_all(*, keys: SealingKeys, batch: int = 200) -> int:
    """Brings every secret under the current key and tells how many it moved; then the old key can go. May be stopped
    and run again, and people sign in meanwhile."""
    moved = 0
    while just_moved := await _reseal_some(keys, batch):
        moved += just_moved
    return moved


@database.operation
async def _reseal_some(keys: SealingKeys, limit: int) -> int:
    outdated = (
        await StaffMember.filter(totp_sealed__not_isnull=True)
        .exclude(totp_key_id=keys.current_id)
        .order_by("id")
        .limit(limit)
        .select_for_update()
    )
    for staff in outdated:
        _seal(staff, _open(staff, keys), keys)
        await staff.save(update_fields=["totp_sealed", "totp_key_id"])
    return len(outdated)


@database.operation
async def _begin(staff_id: int, keys: SealingKeys) -> tuple[str, str]:
    staff = await StaffMember.select_for_update().get(id=staff_id)
    if staff.totp_confirmed_at is not None:
        raise RoleRefused("您已经设置过动态口令。", next_step="如更换了手机，请联系安全管理员重置。")
    if staff.totp_sealed is None:
        _seal(staff, b32encode(secrets.token_bytes(SECRET_BYTES)).decode(), keys)
        await staff.save(update_fields=["totp_sealed", "totp_key_id"])
    return staff.username, _open(staff, keys)


@database.operation
async def _check(
    token: str, code: str, keys: SealingKeys, policy: StaffPolicy, now: datetime, *, is_new: bool
) -> DomainError | None:
    """One code at a time for each account. What is counted stays counted, so the refusal is given and not raised."""
    sign_in = await StaffSignIn.get(token_hash=token_hash(token))
    staff = await StaffMember.select_for_update().get(id=sign_in.staff_id)
    await sign_in.refresh_from_db()
    if sign_in.ended_at is not None or not staff.is_active:
        return NotSignedIn()
    if staff.locked_until is not None and now < staff.locked_until:
        return StaffLocked(staff.locked_until - now)
    if (staff.totp_confirmed_at is None) is not is_new:  # meanwhile set up, or reset, somewhere else
        return None if sign_in.stage == SignInStage.OPEN else NotSignedIn()
    if not is_new and sign_in.stage != SignInStage.NEEDS_CODE:  # the same was said twice at once
        return None
    step = None
    if staff.totp_sealed is not None:
        step = step_of(_open(staff, keys), code, after=staff.totp_last_step, now=now)
    if step is None:
        return await _wrong(staff, sign_in, policy, now)
    staff.totp_last_step, staff.failures = step, 0
    if is_new:
        staff.totp_confirmed_at = now
    await staff.save(update_fields=["totp_last_step", "failures", "totp_confirmed_at"])
    sign_in.stage = await next_stage(staff, needs_code=False, policy=policy, now=now)
    await sign_in.save(update_fields=["stage"])
    return None


async def _wrong(staff: StaffMember, sign_in: StaffSignIn, policy: StaffPolicy, now: datetime) -> DomainError:
    refusal = await count_failure(staff, SecondFactorWrong(), policy, now)
    sign_in.second_factor_tries += 1
    if sign_in.second_factor_tries >= TRIES or isinstance(refusal, StaffLocked):
        sign_in.ended_at, sign_in.end_reason = now, "SECOND_FACTOR"
    await sign_in.save(update_fields=["second_factor_tries", "ended_at", "end_reason"])
    return refusal


async def _arriving(token: str, policy: StaffPolicy, now: datetime, *stages: SignInStage) -> StaffSignedIn:
    found = await find_arriving(token=token, now=now, policy=policy)
    if found is None or found.stage not in stages:
        raise NotSignedIn
    return found


async def _said(refusal: DomainError | None, token: str, policy: StaffPolicy, now: datetime) -> StaffSignedIn:
    if refusal is not None:
        raise refusal
    return await _arriving(token, policy, now, *SignInStage)


def _seal(staff: StaffMember, secret: str, keys: SealingKeys) -> None:
    sealed = keys.seal(secret, table="staff_member", column="totp_sealed", row=staff.id)
    staff.totp_sealed, staff.totp_key_id = sealed.value, sealed.key_id


def _open(staff: StaffMember, keys: SealingKeys) -> str:
    assert staff.totp_sealed is not None
    return keys.open(
        Sealed(staff.totp_key_id, staff.totp_sealed), table="staff_member", column="totp_sealed", row=staff.id
    )
