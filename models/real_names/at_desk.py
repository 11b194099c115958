"""Somebody stands at a desk with their ID card: found by it, verified by it, served without a phone.

A clerk reads no record but of whom they have before them: every look-up is one row and one audit line, sixty an hour
are allowed, and whatever a clerk does for a person rests on a look-up of theirs, at that venue, half an hour ago at most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.consents import operations as consents
from models.consents.reading import TEXTS
from models.consents.rules import ConsentOutdated, Purpose, current
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.keys import IdKeys
from models.members.tables import Member
from models.real_names import binding, checking, rules
from models.real_names.checking import AskedBy, Check
from models.real_names.queries import KnownPerson, known_person
from models.real_names.rules import Assurance, GuardianNeeded, NameDiffers, NamedPerson, PersonNotHere
from models.real_names.tables import DeskLookUp, RealName
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.tables import Venue
from verification.port import NameAuthority, Verdict

ORIGIN_DESK = "DESK"  # MemberOrigin


@dataclass(frozen=True, kw_only=True)
class PersonHere:
    """Whom a clerk has before them. `known` is masked; `venue_id` is the row's."""

    member_id: int
    public_id: str
    venue_id: int
    known: KnownPerson


async def find_person(
    *, clerk: StaffSignedIn, id_number: str, venue_id: str, keys: IdKeys, now: datetime
) -> PersonHere | None:
    """Who has this number, or None. Raises NOT_ALLOWED, ID_NUMBER_WRONG, TOO_MANY_ATTEMPTS."""
    concerning("MEMBER", "", venue_id=venue_id, reading=True)
    await powers.demand(clerk, Power.READ_PERSON, venue_id=venue_id)
    number = rules.canonical_number(id_number, today=business_day(now))
    venue = await Venue.get(public_id=venue_id)
    found = await _look_up(clerk.staff_id, venue.id, number, keys, now)
    return None if found is None else await _here(found, venue.id, keys, now)


async def verify_person(
    *,
    clerk: StaffSignedIn,
    name: str,
    id_number: str,
    consent_version: str,
    venue_id: str,
    idempotency_key: str,
    keys: IdKeys,
    authority: NameAuthority,
    now: datetime,
) -> PersonHere:
    """Somebody whose card and face the clerk has compared: known from now on, with an account of their own if they
    had none, and nothing to sign in with. They have said yes to the text of `consent_version`, which the clerk attests.

    Who is bound already is made SEEN, without asking the authority again. A number that the authority does not know
    is taken on the clerk's word (DESK_ONLY): it is real people's problem that a new card takes days to arrive there.
    Raises NOT_ALLOWED, BAD_INPUT, ID_NUMBER_WRONG, NAME_DIFFERS, CONSENT_OUTDATED, GUARDIAN_NEEDED for a child whom no
    guardian has added, NAME_CHECK_TOO_MANY, TOO_MANY_ATTEMPTS, OUTSIDE_UNAVAILABLE.
    """
    await powers.demand(clerk, Power.READ_PERSON, venue_id=venue_id)
    person = NamedPerson.of(name, id_number, today=business_day(now))
    check_version(Purpose.REAL_NAME, consent_version, now)
    venue = await Venue.get(public_id=venue_id)
    with checking.told_when_it_is_done():
        begun = await _begin(clerk.staff_id, venue.id, person, consent_version, idempotency_key, keys, now)
    if isinstance(begun, DomainError):  # raised here, since inside it would undo the count of guesses and look-ups
        raise begun
    if isinstance(begun, Check):
        verdict = await checking.ask(begun, person, authority, now=now)
        outcome = await _finish(clerk.staff_id, venue.id, person, consent_version, begun, verdict, keys, now)
        if isinstance(outcome, DomainError):  # raised here, since inside it would undo the answer's record
            raise outcome
        begun = outcome
    return await _here(begun, venue.id, keys, now)


async def person_here(
    *, clerk: StaffSignedIn, power: Power, person_id: str, venue_id: str, keys: IdKeys, now: datetime
) -> PersonHere:
    """The person whose card this clerk read here within the last half hour. Raises NOT_ALLOWED, MEMBER_UNKNOWN."""
    await powers.demand(clerk, power, venue_id=venue_id)
    found = await database.row(
        """SELECT member.id, member.public_id, venue.id AS venue_id
             FROM member JOIN real_name ON real_name.member_id = member.id
                         JOIN desk_look_up ON desk_look_up.person_id = real_name.id
                         JOIN venue ON venue.id = desk_look_up.venue_id
            WHERE member.public_id = $1 AND venue.public_id = $2 AND desk_look_up.staff_id = $3
              AND desk_look_up.looked_at > $4 LIMIT 1""",
        person_id,
        venue_id,
        clerk.staff_id,
        now - rules.LOOK_UP_HOLDS,
    )
    if found is None:
        raise PersonNotHere
    concerning("MEMBER", found["public_id"], venue_id=venue_id)
    return await _here((found["id"], found["public_id"]), found["venue_id"], keys, now)


async def demand_still_here(person: PersonHere) -> None:
    """Raises PersonNotHere when the account is not this person's any more. A plain function, under the member's lock,
    for which whoever acts may have waited: the name may be gone, or another's, since the card was read."""
    if not await RealName.filter(id=person.known.person_id, member_id=person.member_id).exists():
        raise PersonNotHere


def check_version(purpose: Purpose, version: str, now: datetime) -> None:
    """Raises ConsentOutdated, before anything is asked outside on the strength of a text that holds no more."""
    text = current(TEXTS, purpose, business_day(now))
    if version != text.version:
        raise ConsentOutdated(text.title, text.version)


Found = tuple[int, str]
"""A member's id and public id."""


@database.operation
async def _look_up(staff_id: int, venue_id: int, number: str, keys: IdKeys, now: datetime) -> Found | None:
    await _demand_few_look_ups(staff_id, now)
    row = await RealName.get_or_none(lookup_hash__in=list(keys.lookup.hashes(number).values()))
    if row is None or row.member_id is None:
        await _seen(staff_id, venue_id, None, now)
        return None
    await _seen(staff_id, venue_id, row.id, now)
    return await _member(row.member_id)


async def _demand_few_look_ups(staff_id: int, now: datetime) -> None:
    """Raises TOO_MANY_ATTEMPTS after sixty in an hour. A plain function: until the caller's transaction ends this clerk
    looks nobody else up, so what is `_seen` in it is counted before the next."""
    await database.alone_with(f"look-ups of {staff_id}")
    lately = DeskLookUp.filter(staff_id=staff_id, looked_at__gt=now - timedelta(hours=1))
    if await lately.count() < rules.LOOK_UPS_AN_HOUR:
        return
    first = await lately.order_by("looked_at").first()
    assert first is not None
    wait = int((first.looked_at + timedelta(hours=1) - now).total_seconds()) + 1
    raise DomainError(
        f"一小时内最多查找{rules.LOOK_UPS_AN_HOUR}次，您已用完。",
        code=ErrorCode.TOO_MANY_ATTEMPTS,
        next_step="请稍后再试，或请同事办理；顾客也可以出示入场码。",
        retry_after=wait,
    )


@database.operation
async def _begin(
    staff_id: int, venue_id: int, person: NamedPerson, version: str, key: str, keys: IdKeys, now: datetime
) -> Found | Check | DomainError:
    """Whoever is known already, or the question to ask. What is answered here tells who is known as much as a look-up
    does, so it is one; a question to the authority has limits of its own."""
    await _demand_few_look_ups(staff_id, now)
    by, asked = AskedBy(staff_id=staff_id), f"desk {venue_id} {key}"
    hashes = await binding.hold_number(person, keys)
    holder = await binding.holder_of(hashes)
    if holder is not None and holder.member_id is not None and holder.level != Assurance.DESK_ONLY:
        await checking.demand_few_guesses(by, hashes, now)
        if binding.open_row(holder, keys)[0] != person.name:
            await checking.note_guess(by, person, keys=keys, key=asked, now=now)
            await _seen(staff_id, venue_id, None, now)
            return NameDiffers()
        return await _attest(staff_id, venue_id, holder, version, now)
    bound_to_nobody = holder is None or holder.member_id is None
    if bound_to_nobody and rules.is_child(business_day(now), person.born_on):
        await _seen(staff_id, venue_id, None, now)
        return GuardianNeeded("未满14周岁的孩子由监护人办理。", "请监护人在手机上“家人与协助”里添加孩子。")
    return await checking.intend(by, person, keys=keys, hashes=hashes, key=asked, now=now)


@database.operation
async def _finish(
    staff_id: int,
    venue_id: int,
    person: NamedPerson,
    version: str,
    check: Check,
    verdict: Verdict,
    keys: IdKeys,
    now: datetime,
) -> Found | DomainError:
    hashes = await binding.hold_number(person, keys)
    await checking.answer(check, verdict, now)
    if verdict is Verdict.DIFFERS:
        return NameDiffers()
    level = Assurance.SEEN if verdict is Verdict.AGREES else Assurance.DESK_ONLY
    holder = await binding.holder_of(hashes)
    is_new = holder is None or holder.member_id is None
    if holder is not None and holder.member_id is not None:
        if binding.open_row(holder, keys)[0] != person.name:
            return NameDiffers()
        member_id = holder.member_id
        if holder.level != Assurance.DESK_ONLY:  # somebody was faster
            return await _attest(staff_id, venue_id, holder, version, now)
    else:
        made = await Member.create(public_id=new_id("mem"), created_at=now, origin=ORIGIN_DESK)
        member_id = made.id
    row = await binding.bind(holder, member_id=member_id, person=person, level=level, keys=keys, now=now)
    if is_new:
        await binding.tell_bound(row, person, check.request_no, now)
    await consents.record(member_id=member_id, purpose=Purpose.REAL_NAME, version=version, at_desk=True, now=now)
    await _seen(staff_id, venue_id, row.id, now)
    return await _member(member_id)


async def _attest(staff_id: int, venue_id: int, row: RealName, version: str, now: datetime) -> Found:
    assert row.member_id is not None
    if row.level != Assurance.SEEN:
        row.level, row.verified_at = Assurance.SEEN, now
        await row.save(update_fields=["level", "verified_at"])
    await consents.record(
        member_id=row.member_id, purpose=Purpose.REAL_NAME, version=version, at_desk=True, now=now
    )
    await _seen(staff_id, venue_id, row.id, now)
    return await _member(row.member_id)


async def _seen(staff_id: int, venue_id: int, person_id: int | None, now: datetime) -> None:
    await DeskLookUp.create(staff_id=staff_id, venue_id=venue_id, person_id=person_id, looked_at=now)


async def _member(member_id: int) -> Found:
    """Whom the act is about: said while its transaction is open, since the audit line is written with it."""
    member = await Member.get(id=member_id)
    concerning("MEMBER", member.public_id)
    return member.id, member.public_id


async def _here(found: Found, venue_id: int, keys: IdKeys, now: datetime) -> PersonHere:
    member_id, public_id = found
    known = await known_person(member_id=member_id, keys=keys, today=business_day(now))
    if known is None:  # unbound this very moment
        raise PersonNotHere
    return PersonHere(member_id=member_id, public_id=public_id, venue_id=venue_id, known=known)
