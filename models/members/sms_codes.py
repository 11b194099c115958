"""Codes sent by SMS: who holds a number proves it by the six digits that arrive there.

The code's hash is keyed, since six digits can be tried by anybody who reads the table, and it binds the number, the
purpose and the row. Looked for under every key of the ring, so codes outlive a rotation.
"""

import hmac
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.database import alone_with, operation, parameters, rows, utc
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.keys import LookupKeys, PhoneKeys
from models.members.code_rules import (
    CODE_LIFE,
    CODE_TRIES,
    CODES_KEPT,
    LIMITS,
    MINUTE,
    TRIABLE,
    CodePurpose,
    CodeStatus,
    SmsCodeWrong,
    SmsTooMany,
    counted_address,
    lifts_at,
    new_code,
)
from models.members.rules import canonical_phone, named_device
from models.members.tables import PhoneCode
from verification.port import SmsSender, SmsTemplate, VerificationError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequested:
    """The same for numbers that we know and for those that we don't: nothing looks whether somebody has it."""

    expires_at: datetime
    again_at: datetime


async def request_code(
    *,
    phone: str,
    purpose: CodePurpose,
    device_id: str,
    address: str,
    member_id: int | None,
    sms: SmsSender | None,
    keys: PhoneKeys,
    now: datetime,
) -> CodeRequested:
    """Sends six digits to a number. `member_id`: who is signed in and wants to bind it; None for signing in.

    Raises BAD_INPUT, SMS_TOO_MANY (with `retry_after`), or OUTSIDE_UNAVAILABLE when the gateway did not confirm;
    that one counts against the bounded tries only.
    """
    if sms is None:
        raise DomainError(
            "短信验证码暂时不能使用。", code=ErrorCode.OUTSIDE_UNAVAILABLE, next_step="请改用微信登录。"
        )
    number = canonical_phone(phone)
    code = new_code()
    intended = await _intend(
        number, code, purpose, named_device(device_id), counted_address(address), member_id, keys.lookup, now
    )
    minutes = str(int(CODE_LIFE.total_seconds()) // 60)
    try:
        await sms.send(phone=number, template=SmsTemplate.CODE, values=(code, minutes))
    except VerificationError as error:
        log.warning("SMS code was not confirmed: %s", error.code)
        await _record(intended.id, CodeStatus.FAILED)
        if error.too_often:
            lifts = None if error.lifts_in is None else now + timedelta(seconds=error.lifts_in)
            raise SmsTooMany(lifts, now) from error
        raise DomainError(
            "短信暂时发不出去。", code=ErrorCode.OUTSIDE_UNAVAILABLE, next_step="请稍后再试，或改用微信登录。"
        ) from error
    await _record(intended.id, CodeStatus.SENT)
    return CodeRequested(expires_at=intended.expires_at, again_at=now + MINUTE)


@operation
async def purge_codes(*, now: datetime, batch: int = 1000) -> int:
    """Forgets the oldest codes that are past looking into; how many. Run again until it says 0."""
    gone = await rows(
        """DELETE FROM phone_code WHERE id IN (SELECT id FROM phone_code WHERE sent_at < $1 ORDER BY id LIMIT $2)
           RETURNING id""",
        now - CODES_KEPT,
        batch,
    )
    return len(gone)


async def check(
    *, number: str, code: str, purpose: CodePurpose, member_id: int | None, keys: LookupKeys, now: datetime
) -> PhoneCode | SmsCodeWrong:
    """The live code that these digits are. A wrong one counts as a guess at every live code of the number.

    A plain function under the caller's `lock_codes`. It gives the refusal instead of raising it, because the guess
    must stay counted: the caller's transaction commits, and the refusal is raised outside.
    """
    live = await PhoneCode.filter(
        phone_hash__in=_names(number, keys), purpose=purpose, status__in=TRIABLE, expires_at__gt=now
    ).select_for_update()
    for candidate in live:
        hashes = _code_hashes(candidate.public_id, number, code, purpose, keys)
        is_right = any(hmac.compare_digest(candidate.code_hash, known) for known in hashes)
        # another member's code is wrong here: somebody may have been talked into telling it
        if is_right and candidate.member_id == member_id:
            return candidate
    for candidate in live:
        candidate.tries += 1
        if candidate.tries >= CODE_TRIES:
            candidate.status = CodeStatus.SPENT
        await candidate.save(update_fields=["tries", "status"])
    return SmsCodeWrong()


async def use(code: PhoneCode, number: str, keys: LookupKeys) -> None:
    """The code has done its work, and with it every other live one of the same number and purpose."""
    await (
        PhoneCode.filter(phone_hash__in=_names(number, keys), purpose=code.purpose, status__in=TRIABLE)
        .exclude(id=code.id)
        .update(status=CodeStatus.SPENT)
    )
    code.status = CodeStatus.USED
    await code.save(update_fields=["status"])


async def lock_codes(number: str, keys: LookupKeys) -> None:
    """Until the transaction ends nobody else asks for, tries or uses a code of this number."""
    await alone_with(*_names(number, keys))


@operation
async def _intend(
    number: str,
    code: str,
    purpose: CodePurpose,
    device_id: str,
    address: str,
    member_id: int | None,
    keys: LookupKeys,
    now: datetime,
) -> PhoneCode:
    names = _names(number, keys)
    await alone_with(*names, f"codes of device {device_id}", f"codes of address {address}")
    await _refuse_too_many({"phone_hash": names, "device_id": [device_id], "address": [address]}, now)
    public_id = new_id("sms")
    return await PhoneCode.create(
        public_id=public_id,
        purpose=purpose,
        phone_hash=names[0],
        code_hash=_code_hashes(public_id, number, code, purpose, keys)[0],
        device_id=device_id,
        address=address,
        member_id=member_id,
        status=CodeStatus.INTENDED,
        sent_at=now,
        expires_at=now + CODE_LIFE,
    )


async def _refuse_too_many(whose: dict[str, list[str]], now: datetime) -> None:
    """Raises SmsTooMany when one more would pass a limit of the number, the device or the address."""
    lifts = []
    for column, values in whose.items():
        sent = await rows(
            f"""SELECT sent_at, status FROM phone_code
                 WHERE {column} IN ({parameters(len(values), first=2)}) AND sent_at > $1
                 ORDER BY sent_at DESC""",
            now - max(limit.window for limit in LIMITS[column]),
            *values,
        )
        known = [(utc(found["sent_at"]), found["status"] == CodeStatus.FAILED) for found in sent]
        lifts.append(lifts_at(known, LIMITS[column], now))
    latest = max((lift for lift in lifts if lift is not None), default=None)
    if latest is not None:
        raise SmsTooMany(latest, now)


@operation
async def _record(code_id: int, status: CodeStatus) -> None:
    """What the gateway said, unless the code was used meanwhile: an SMS may be faster than its answer."""
    await PhoneCode.filter(id=code_id, status=CodeStatus.INTENDED).update(status=status)


def _names(number: str, keys: LookupKeys) -> list[str]:
    """The number's hashes in this table, the current key's first; others than in `member_phone`, so that the two do
    not tell of each other."""
    return list(keys.hashes(f"code for {number}").values())


def _code_hashes(public_id: str, number: str, code: str, purpose: str, keys: LookupKeys) -> list[str]:
    text = f"{public_id} {purpose} {number} {code}"
    return list(keys.hashes(text).values())
