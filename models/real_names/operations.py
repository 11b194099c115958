"""A member says who they are, and the authority agrees (issue 4, item 2)."""

from datetime import datetime

from models import database
from models.calendar import business_day
from models.consents import operations as consents
from models.consents.rules import ConsentNeeded, Purpose
from models.errors import DomainError
from models.keys import IdKeys
from models.members.standing import lock_living
from models.real_names import binding, checking, rules
from models.real_names.checking import AskedBy, Check
from models.real_names.rules import Assurance, GuardianNeeded, IdBoundElsewhere, NamedPerson, RealNameBoundAlready
from models.real_names.tables import RealName
from verification.port import NameAuthority, Verdict


async def verify_my_name(
    *,
    member_id: int,
    name: str,
    id_number: str,
    consent_version: str,
    keys: IdKeys,
    authority: NameAuthority,
    now: datetime,
) -> None:
    """Binds a name and an ID number to the account, once the authority has agreed that they belong together.

    Again for the same person it does nothing. Raises BAD_INPUT, ID_NUMBER_WRONG, CONSENT_OUTDATED, GUARDIAN_NEEDED for
    a child under 14, REAL_NAME_BOUND_ALREADY, NAME_CHECK_TOO_MANY, OUTSIDE_UNAVAILABLE (nothing is bound, and it
    does not count), NAME_DIFFERS, NAME_UNKNOWN, CONSENT_NEEDED when the yes was taken back meanwhile; and
    ID_BOUND_ELSEWHERE, only after the authority has agreed: whoever has but a number must not learn whether it is
    known here.
    """
    today = business_day(now)
    person = NamedPerson.of(name, id_number, today=today)
    if rules.is_child(today, person.born_on):
        raise GuardianNeeded("未满14周岁的孩子由监护人办理实名。", "请监护人登录后，在“家人与协助”里添加孩子。")
    check = await _intend(member_id, person, consent_version, keys, now)
    if check is None:
        return
    verdict = await checking.ask(check, person, authority, now=now)
    refusal = await _bind(member_id, person, check, verdict, keys, now)
    if refusal is not None:  # raised here, since inside it would undo the answer's record
        raise refusal


@database.operation
async def _intend(
    member_id: int, person: NamedPerson, consent_version: str, keys: IdKeys, now: datetime
) -> Check | None:
    """None: they are bound already, to this very account."""
    await lock_living(member_id)
    hashes = await binding.hold_number(person, keys)
    await consents.record(member_id=member_id, purpose=Purpose.REAL_NAME, version=consent_version, now=now)
    if await _is_same(member_id, person, keys):
        return None
    return await checking.intend(AskedBy(member_id=member_id), person, keys=keys, hashes=hashes, now=now)


@database.operation
async def _bind(
    member_id: int, person: NamedPerson, check: Check, verdict: Verdict, keys: IdKeys, now: datetime
) -> DomainError | None:
    await lock_living(member_id)
    hashes = await binding.hold_number(person, keys)
    await checking.answer(check, verdict, now)
    if verdict is not Verdict.AGREES:
        return checking.refusal_of(verdict)
    try:  # asking takes seconds: they may have taken their yes back meanwhile
        await consents.demand(member_id=member_id, purpose=Purpose.REAL_NAME, now=now)
    except ConsentNeeded as refusal:
        return refusal
    holder = await binding.holder_of(hashes)
    if holder is not None and holder.member_id not in (None, member_id):
        return IdBoundElsewhere()
    try:
        if await _is_same(member_id, person, keys):  # the same was asked twice at once
            return None
    except RealNameBoundAlready as refusal:
        return refusal
    bound = await binding.bind(
        holder, member_id=member_id, person=person, level=Assurance.AGREED, keys=keys, now=now
    )
    await binding.tell_bound(bound, person, check.request_no, now)
    return None


async def _is_same(member_id: int, person: NamedPerson, keys: IdKeys) -> bool:
    """Whether the account is this very person. Raises RealNameBoundAlready when it is somebody else."""
    mine = await RealName.filter(member_id=member_id).select_for_update().first()
    if mine is None:
        return False
    if binding.open_row(mine, keys) != (person.name, person.number):
        raise RealNameBoundAlready
    return True
