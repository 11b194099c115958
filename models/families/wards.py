"""Guardians and wards: a child under 14 has at least one guardian, who acts for them (PIPL 31; Civil Code 19, 20, 27).

Whoever ends or begins a guardianship holds the ward's row, so two guardians who leave at once do it one after the
other, and the second hears that the child would be alone.
"""

from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day, moment_text
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.errors import BadInput, DomainError, wrong_key
from models.families.rules import (
    END_WORDS,
    MOST_GUARDIANS,
    MOST_WARDS,
    GuardianshipEnd,
    HelperPower,
    NotAChild,
    Relation,
    RelationExists,
    RelationUnknown,
    WardWouldBeAlone,
    too_many,
)
from models.families.tables import Guardianship, Proxy
from models.ids import new_id
from models.keys import IdKeys
from models.members.standing import MemberGone, lock_living
from models.members.tables import Member
from models.members.ways_in import has_way_in
from models.messages.operations import tell
from models.real_names import binding, checking
from models.real_names import rules as names
from models.real_names.at_desk import check_version
from models.real_names.checking import AskedBy, Check
from models.real_names.queries import is_child, known_people, known_person
from models.real_names.rules import Assurance, IdBoundElsewhere, NamedPerson, RealNameNeeded
from verification.port import NameAuthority, Verdict

ORIGIN_GUARDIAN = "GUARDIAN"  # MemberOrigin
_LONGEST_KEY = 64


@dataclass(frozen=True, kw_only=True)
class WardWanted:
    """A child, as their guardian names them."""

    name: str
    id_number: str
    relation: Relation
    consent_version: str
    """Of the text for children, which the guardian has read and agrees to."""


async def add_ward(
    *,
    guardian_id: int,
    wanted: WardWanted,
    idempotency_key: str,
    keys: IdKeys,
    authority: NameAuthority,
    now: datetime,
) -> str:
    """Makes an account for the child and this member its guardian. Returns the guardianship's public id; for a child
    who is their ward already, that one.

    Raises REAL_NAME_NEEDED unless the guardian is an adult by their real name, NOT_A_CHILD, ID_NUMBER_WRONG, BAD_INPUT,
    CONSENT_OUTDATED, NAME_CHECK_TOO_MANY, NAME_DIFFERS, NAME_UNKNOWN, OUTSIDE_UNAVAILABLE, and ID_BOUND_ELSEWHERE for
    a child who has a guardian already: then that guardian must invite.
    """
    today = business_day(now)
    child = NamedPerson.of(wanted.name, wanted.id_number, today=today)
    if not names.is_child(today, child.born_on):
        raise NotAChild
    if not 1 <= len(idempotency_key) <= _LONGEST_KEY:
        raise wrong_key()
    check_version(Purpose.CHILD, wanted.consent_version, now)
    begun = await _begin(guardian_id, child, idempotency_key, keys, now)
    if isinstance(begun, str):
        return begun
    verdict = await checking.ask(begun, child, authority, now=now)
    outcome = await _add(guardian_id, child, wanted, begun, verdict, keys, now)
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the answer's record
        raise outcome
    return outcome


async def end_guardianship(*, member_id: int, guardianship_id: str, keys: IdKeys, now: datetime) -> None:
    """A guardian gives up a guardianship of theirs. The second time changes nothing.

    Raises RELATION_UNKNOWN, WARD_WOULD_BE_ALONE for the last one of a child.
    """
    try:
        await _end(member_id, guardianship_id, keys, now)
    except MemberGone:  # the ward's account was joined or parted while we waited: they are its guardian there
        await _end(member_id, guardianship_id, keys, now)


async def grow_up(*, keys: IdKeys, now: datetime, batch: int = 200) -> int:
    """Ends the guardianships of whoever has turned 14, and tells how many wards these were. May be run at any time.

    A ward who cannot be reached yet (no way to sign in, no phone) keeps their guardians as those who read their
    messages, and nothing else, until they end it themselves: so everybody stays reachable. Where one of them cannot grow
    up, the others do, and then the first error is raised.
    """
    grown, after, failed = 0, 0, None
    while True:
        wards = [
            int(row["ward_id"])
            for row in await database.rows(
                """SELECT DISTINCT ward_id FROM guardianship JOIN member ON member.id = ward_id
                    WHERE ended_at IS NULL AND joined_to_id IS NULL AND deleted_at IS NULL AND ward_id > $1
                    ORDER BY ward_id LIMIT $2""",
                after,
                batch,
            )
        ]
        if not wards:
            break
        known = await known_people(wards, keys=keys, today=business_day(now))
        for ward_id in wards:
            if ward_id in known and known[ward_id].is_child:
                continue
            try:
                grown += await _grow_up(ward_id, now)
            except MemberGone:  # joined or parted meanwhile: the next run finds who they are now
                continue
            except Exception as error:
                failed = failed or error
        after = wards[-1]
    if failed is not None:
        raise failed
    return grown


async def become_guardian(
    *, guardian_id: int, ward_id: int, relation: Relation, keys: IdKeys, now: datetime
) -> Guardianship:
    """A further guardian of a ward, by invitation. A plain function, under both members' locks.

    Raises REAL_NAME_NEEDED, NOT_A_CHILD for a ward who has grown up, RELATION_EXISTS, BAD_INPUT for too many.
    """
    await demand_adult(guardian_id, keys, business_day(now))
    if not await is_child(member_id=ward_id, keys=keys, today=business_day(now)):
        raise NotAChild
    live = await Guardianship.filter(ward_id=ward_id, ended_at=None)
    if any(each.guardian_id == guardian_id for each in live):
        raise RelationExists("您已经是这个孩子的监护人。", next_step="请在“家人与协助”里查看。")
    if len(live) >= MOST_GUARDIANS:
        raise too_many("一个孩子的监护人", MOST_GUARDIANS)
    await _check_room(guardian_id)
    return await _write(guardian_id, ward_id, relation, keys, now)


async def demand_adult(member_id: int, keys: IdKeys, today: date) -> None:
    """Raises RealNameNeeded unless the member is an adult by their real name."""
    known = await known_person(member_id=member_id, keys=keys, today=today)
    if known is None:
        raise RealNameNeeded("监护人需要先完成实名认证。")
    if not known.is_adult:
        raise RealNameNeeded("监护人须年满18周岁。")


async def check_nobody_is_left_alone(*, member_id: int, keys: IdKeys, now: datetime) -> None:
    """Before an account ends or loses who it is: raises WARD_WOULD_BE_ALONE while it is a guardian or a ward.

    A plain function, under the member's lock, which whoever makes them a guardian takes as well.
    """
    for held in await Guardianship.filter(guardian_id=member_id, ended_at=None):
        if await is_child(member_id=held.ward_id, keys=keys, today=business_day(now)):
            raise WardWouldBeAlone("您还是孩子的监护人。", await _way_out(held))
    if await Guardianship.filter(ward_id=member_id, ended_at=None).exists() and await is_child(
        member_id=member_id, keys=keys, today=business_day(now)
    ):
        raise WardWouldBeAlone("孩子由监护人照管，实名不能解除。", "孩子满14周岁后，由本人办理。")


async def _way_out(held: Guardianship) -> str:
    """What a guardian does first who wants to be gone, or to be nobody."""
    if await Guardianship.filter(ward_id=held.ward_id, ended_at=None).exclude(id=held.id).exists():
        return "请先在“家人与协助”里结束您的监护关系，再操作。"
    return "请先邀请另一位监护人，对方接受后结束您的监护关系；或者为孩子申请注销，注销完成后再操作。"


@database.operation
async def _begin(guardian_id: int, child: NamedPerson, key: str, keys: IdKeys, now: datetime) -> Check | str:
    await lock_living(guardian_id)
    await demand_adult(guardian_id, keys, business_day(now))
    hashes = await binding.hold_number(child, keys)
    there = await _guardianship_of(guardian_id, child, hashes, keys)
    if there is not None:
        return there
    await _check_room(guardian_id)
    return await checking.intend(
        AskedBy(member_id=guardian_id), child, keys=keys, hashes=hashes, key=f"ward {key}", now=now
    )


@database.operation
async def _add(
    guardian_id: int,
    child: NamedPerson,
    wanted: WardWanted,
    check: Check,
    verdict: Verdict,
    keys: IdKeys,
    now: datetime,
) -> str | DomainError:
    await lock_living(guardian_id)
    hashes = await binding.hold_number(child, keys)
    await checking.answer(check, verdict, now)
    if (refusal := checking.refusal_of(verdict)) is not None:
        return refusal
    there = await _guardianship_of(guardian_id, child, hashes, keys)
    if there is not None:  # the same was asked twice at once
        return there
    try:
        await demand_adult(guardian_id, keys, business_day(now))
        await _check_room(guardian_id)
    except (RealNameNeeded, BadInput) as meanwhile:  # their name went elsewhere while the authority was asked; or
        return meanwhile  # another child came
    holder = await binding.holder_of(hashes)
    if holder is not None and holder.member_id is not None:
        return IdBoundElsewhere("如果孩子已由另一位监护人添加，请那位监护人邀请您；否则请带证件到场馆前台处理。")
    ward = await Member.create(public_id=new_id("mem"), created_at=now, origin=ORIGIN_GUARDIAN)
    concerning("MEMBER", ward.public_id)
    await binding.bind(holder, member_id=ward.id, person=child, level=Assurance.AGREED, keys=keys, now=now)
    await consents.record(
        member_id=ward.id,
        purpose=Purpose.CHILD,
        version=wanted.consent_version,
        given_by_member_id=guardian_id,
        now=now,
    )
    return (await _write(guardian_id, ward.id, wanted.relation, keys, now)).public_id


async def _guardianship_of(guardian_id: int, child: NamedPerson, hashes: list[str], keys: IdKeys) -> str | None:
    """Of this guardian for this very child, name and number."""
    holder = await binding.holder_of(hashes)
    if holder is None or holder.member_id is None or binding.open_row(holder, keys)[0] != child.name:
        return None
    live = await Guardianship.get_or_none(guardian_id=guardian_id, ward_id=holder.member_id, ended_at=None)
    return None if live is None else live.public_id


async def _check_room(guardian_id: int) -> None:
    if await Guardianship.filter(guardian_id=guardian_id, ended_at=None).count() >= MOST_WARDS:
        raise too_many("一位监护人名下的孩子", MOST_WARDS)


async def _write(guardian_id: int, ward_id: int, relation: Relation, keys: IdKeys, now: datetime) -> Guardianship:
    made = await Guardianship.create(
        public_id=new_id("gua"), guardian_id=guardian_id, ward_id=ward_id, relation=relation, started_at=now
    )
    today = business_day(now)
    known = await known_people([guardian_id, ward_id], keys=keys, today=today)
    guardian, ward = known[guardian_id].masked_name, known[ward_id].masked_name
    values = {"what": f"{guardian}是{ward}的监护人", "when": moment_text(now)}
    others = await Guardianship.filter(ward_id=ward_id, ended_at=None)
    for member_id in {ward_id, *(each.guardian_id for each in others)}:
        await tell(member_id=member_id, template="GUARDIAN_ADDED", values=values, about_no=made.public_id, now=now)
    return made


@database.operation
async def _end(member_id: int, guardianship_id: str, keys: IdKeys, now: datetime) -> None:
    found = await Guardianship.get_or_none(public_id=guardianship_id, guardian_id=member_id)
    if found is None:
        raise RelationUnknown
    ward_id = found.ward_id
    await lock_living(ward_id)
    ward = await Member.get(id=ward_id)
    concerning("MEMBER", ward.public_id)
    live = await Guardianship.filter(ward_id=ward_id, ended_at=None)
    mine = [each for each in live if each.id == found.id]
    if not mine:
        if await Guardianship.exists(id=found.id, ended_at=None):
            raise MemberGone  # the ward's accounts were parted meanwhile
        return
    if len(live) == 1 and await is_child(member_id=ward_id, keys=keys, today=business_day(now)):
        raise WardWouldBeAlone
    await _close(live, mine, GuardianshipEnd.BY_GUARDIAN, now)
    await database.rows(  # whom they asked to come, they ask no more; the others may ask anew
        """UPDATE invitation SET status = 'WITHDRAWN'
            WHERE subject_id = $1 AND kind = 'GUARDIAN' AND status = 'OPEN' RETURNING id""",
        ward_id,
    )


@database.operation
async def _grow_up(ward_id: int, now: datetime) -> bool:
    await lock_living(ward_id)
    live = await Guardianship.filter(ward_id=ward_id, ended_at=None)
    if not live:
        return False
    await _close(live, live, GuardianshipEnd.GREW_UP, now)
    if not await has_way_in(ward_id):
        there = {each.helper_id for each in await Proxy.filter(principal_id=ward_id, ended_at=None)}
        for each in live:
            if each.guardian_id not in there:
                await Proxy.create(
                    public_id=new_id("prx"),
                    principal_id=ward_id,
                    helper_id=each.guardian_id,
                    powers=HelperPower.MESSAGES,
                    started_at=now,
                )
    return True


async def _close(
    all_live: list[Guardianship], ending: list[Guardianship], reason: GuardianshipEnd, now: datetime
) -> None:
    told = {all_live[0].ward_id, *(each.guardian_id for each in all_live)}
    for each in ending:
        each.ended_at, each.end_reason = now, reason
        await each.save(update_fields=["ended_at", "end_reason"])
        for member_id in told:
            await tell(
                member_id=member_id,
                template="GUARDIAN_ENDED",
                values={"what": END_WORDS[reason], "when": moment_text(now)},
                about_no=each.public_id,
                now=now,
            )
