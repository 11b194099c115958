"""What holding a number proves, and what not: the phone is not the person.

An SMS code proves that somebody holds a number now. It signs in the member who has it, unless the number may have
changed hands since they proved it last; then whoever holds it now says which of the two is the case. A number is
freed from a member by this proof only, and they are told in their inbox; two accounts are never joined by it.
"""

from datetime import datetime

from models.calendar import moment_text
from models.database import operation, row, utc
from models.errors import DomainError
from models.keys import PhoneKeys, TokenKeys
from models.members import identities, operations, phones, sms_codes
from models.members.code_rules import CodePurpose
from models.members.rules import (
    Door,
    MemberOrigin,
    PhoneBoundElsewhere,
    PhoneMayHaveChangedHands,
    Tell,
    Tokens,
    canonical_phone,
    may_have_changed_hands,
    named_device,
)
from models.members.standing import MemberGone, leads_to
from models.members.tables import Member, MemberPhone, PhoneCode

_PROVED = "已用短信验证码证明"
_FREED = "号码持有人已用短信验证码证明"


async def sign_in_with_phone(
    *,
    phone: str,
    code: str,
    new_holder: bool,
    device_id: str,
    phone_keys: PhoneKeys,
    token_keys: TokenKeys,
    tell: Tell,
    now: datetime,
) -> Tokens:
    """Begins a sign-in of the member who has this number; somebody new becomes one.

    Raises SMS_CODE_WRONG, or PHONE_MAY_HAVE_CHANGED_HANDS, after which the same code still works: with `new_holder`
    the member before loses the number and is told, and whoever holds it now becomes a member of their own.
    `new_holder` changes nothing where there is no doubt.
    """
    outcome = await _sign_in(
        canonical_phone(phone), code, new_holder, named_device(device_id), phone_keys, token_keys, tell, now
    )
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the counting of the guess
        raise outcome
    return outcome


async def bind_phone_by_sms(
    *, member_id: int, phone: str, code: str, take_over: bool, keys: PhoneKeys, tell: Tell, now: datetime
) -> None:
    """Makes this the member's number, in place of the one before; the code proves that they hold it.

    Raises SMS_CODE_WRONG, or PHONE_BOUND_ELSEWHERE, after which the same code still works: with `take_over` the
    number is freed from the other member, who is told. Binding one's own number again renews its proof.
    """
    outcome = await _bind(member_id, canonical_phone(phone), code, take_over, keys, tell, now)
    if outcome is not None:
        raise outcome


@operation
async def _sign_in(
    number: str,
    digits: str,
    new_holder: bool,
    device_id: str,
    phone_keys: PhoneKeys,
    token_keys: TokenKeys,
    tell: Tell,
    now: datetime,
) -> Tokens | DomainError:
    code = await _proof(number, digits, CodePurpose.SIGN_IN, None, phone_keys, now)
    if isinstance(code, DomainError):
        return code
    holder = await phones.locked_holder(number, phone_keys)
    if holder is not None and await _is_doubtful(holder, device_id, now):
        if not new_holder:
            return PhoneMayHaveChangedHands()
        await _free(holder, code, tell, now)
        holder = None
    if holder is None:
        member = await identities.open_member(MemberOrigin.SELF, now)
        await phones.give(member_id=member.id, number=number, keys=phone_keys, now=now, proved_at=now)
        await _told("PHONE_BOUND", _PROVED, member.id, code, tell, now)
    else:
        member = await Member.get(id=await leads_to(holder.member_id))
        await _renew(holder, now)
    await sms_codes.use(code, number, phone_keys.lookup)
    tokens = await operations.begin(member, Door.PHONE, "", "", device_id, token_keys, now)
    if holder is not None and await leads_to(holder.member_id) != member.id:
        raise MemberGone  # two accounts were parted while we waited for the lock, and this number went home
    return tokens


@operation
async def _bind(
    member_id: int,
    number: str,
    digits: str,
    take_over: bool,
    keys: PhoneKeys,
    tell: Tell,
    now: datetime,
) -> DomainError | None:
    code = await _proof(number, digits, CodePurpose.BIND, member_id, keys, now)
    if isinstance(code, DomainError):
        return code
    holder = await phones.locked_holder(number, keys)
    if holder is not None and await leads_to(holder.member_id) != member_id:
        if not take_over:
            return PhoneBoundElsewhere()
        await _free(holder, code, tell, now)
        holder = None
    if holder is not None and holder.member_id != member_id:  # of an account that was joined to this one
        await holder.delete()
        holder = None
    if holder is None:
        await phones.give(member_id=member_id, number=number, keys=keys, now=now, proved_at=now)
        await _told("PHONE_BOUND", _PROVED, member_id, code, tell, now)
    else:
        await _renew(holder, now)
    await sms_codes.use(code, number, keys.lookup)
    return None


async def _proof(
    number: str, digits: str, purpose: CodePurpose, member_id: int | None, keys: PhoneKeys, now: datetime
) -> PhoneCode | DomainError:
    await sms_codes.lock_codes(number, keys.lookup)
    return await sms_codes.check(
        number=number, code=digits, purpose=purpose, member_id=member_id, keys=keys.lookup, now=now
    )


async def _is_doubtful(holder: MemberPhone, device_id: str, now: datetime) -> bool:
    known = await row(
        "SELECT 1 FROM sign_in WHERE member_id = $1 AND device_id = $2 LIMIT 1",
        await leads_to(holder.member_id),
        device_id,
    )
    proved_at = utc(holder.proved_at or holder.bound_at)
    return may_have_changed_hands(proved_at=proved_at, knows_device=known is not None, now=now)


async def _renew(holder: MemberPhone, now: datetime) -> None:
    holder.proved_at = now
    await holder.save(update_fields=["proved_at"])


async def _free(holder: MemberPhone, code: PhoneCode, tell: Tell, now: datetime) -> None:
    """The number leaves its member. Their message, and the new holder's of the same number, are its trail."""
    await holder.delete()
    await _told("PHONE_FREED", _FREED, await leads_to(holder.member_id), code, tell, now)


async def _told(template: str, what: str, member_id: int, code: PhoneCode, tell: Tell, now: datetime) -> None:
    values = {"what": what, "when": moment_text(now)}
    await tell(member_id=member_id, template=template, values=values, about_no=code.public_id, now=now)
