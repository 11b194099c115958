"""Taking a consent back, as easily as it was given, and what follows from it in the same act (PIPL 15, 16); and the yes,
which may call that off.

What follows is told before, in the text's `withdrawal`: notices outside stop by themselves, since who sends them asks
for the consent; a child's things can no longer be booked, likewise; helpers go; the real name is unbound; without the
consent to the service itself the account is on its way out.

Saying no to what nobody said yes to is the same act: it is as easy, is remembered, and has the same effect.
"""

from datetime import datetime

from models.consents import operations as consents
from models.consents.queries import answers
from models.consents.rules import Purpose
from models.database import operation
from models.errors import BadInput
from models.families import helpers, unbinding
from models.families.rules import EndedBy
from models.keys import IdKeys
from models.members.standing import lock_living
from models.privacy.deleting import cancel_in, request_in
from models.real_names.at_desk import PersonHere, demand_still_here, person_here
from models.staff.rules import Power, StaffSignedIn

AT_DESK = frozenset((Purpose.REAL_NAME, Purpose.HELPER, Purpose.NOTICES))
"""What a clerk takes back for somebody with a card in hand. SERVICE would begin a deletion of which they hear nothing;
CHILD is the guardian's, who has a phone."""


@operation
async def agree(
    *, member_id: int, purpose: Purpose, version: str, given_by_member_id: int | None = None, now: datetime
) -> None:
    """Says yes to a text. To the service, after a no: the deletion that the no began is called off as well, while one
    that was asked for by itself goes on. Raises CONSENT_OUTDATED."""
    await lock_living(member_id)
    said = (await answers(member_id=member_id)).get(purpose)
    await consents.record(
        member_id=member_id, purpose=purpose, version=version, given_by_member_id=given_by_member_id, now=now
    )
    if purpose is Purpose.SERVICE and said is not None and said.said_no:
        await cancel_in(member_id=member_id, now=now)


@operation
async def withdraw(*, member_id: int, purpose: Purpose, keys: IdKeys, now: datetime) -> None:
    """The second time changes nothing. Raises WARD_WOULD_BE_ALONE, DELETION_NOT_YET: then the consent stands."""
    await lock_living(member_id)
    await _withdraw(member_id, purpose, EndedBy.PRINCIPAL, keys, now)


async def withdraw_at_desk(
    *, clerk: StaffSignedIn, person_id: str, purpose: Purpose, venue_id: str, keys: IdKeys, now: datetime
) -> None:
    """The same for somebody without a phone, whose card the clerk has just read: one of AT_DESK.

    Raises NOT_ALLOWED, MEMBER_UNKNOWN, BAD_INPUT for another purpose, WARD_WOULD_BE_ALONE.
    """
    person = await person_here(
        clerk=clerk, power=Power.READ_PERSON, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    if purpose not in AT_DESK:
        raise BadInput(
            "这项同意不能在前台撤回。", next_step="请本人或监护人登录后，在“我的—隐私”里撤回。", field="purpose"
        )
    await _withdraw_here(person, purpose, keys, now)


@operation
async def _withdraw_here(person: PersonHere, purpose: Purpose, keys: IdKeys, now: datetime) -> None:
    await lock_living(person.member_id)
    await demand_still_here(person)
    await _withdraw(person.member_id, purpose, EndedBy.STAFF, keys, now)


async def _withdraw(member_id: int, purpose: Purpose, by: EndedBy, keys: IdKeys, now: datetime) -> None:
    is_news = await consents.end(member_id=member_id, purpose=purpose, now=now) or await consents.refuse(
        member_id=member_id, purpose=purpose, now=now
    )
    # who kept their account after all may leave it again; who grew up has helpers to whom they never said yes
    if not is_news and purpose not in (Purpose.SERVICE, Purpose.HELPER):
        return
    match purpose:
        case Purpose.REAL_NAME:
            await unbinding.unbind(member_id=member_id, keys=keys, now=now)
        case Purpose.HELPER:
            await helpers.end_all_of(principal_id=member_id, by=by, now=now)
        case Purpose.SERVICE:
            await request_in(member_id=member_id, keys=keys, now=now)
        case Purpose.CHILD | Purpose.NOTICES:
            pass
