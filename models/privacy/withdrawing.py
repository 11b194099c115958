"""Taking a consent back, as easily as it was given, and what follows from it in the same act (PIPL 15, 16).

What follows is told before, in the text's `withdrawal`: notices outside stop by themselves, since who sends them asks
for the consent; a child's things can no longer be booked, likewise; helpers go; the real name is unbound; without the
consent to the service itself the account is on its way out.

Saying no to what nobody said yes to is the same act: it is as easy, is remembered, and has the same effect.
"""

from datetime import datetime

from models.consents import operations as consents
from models.consents.rules import Purpose
from models.database import operation
from models.families import helpers, unbinding
from models.families.rules import EndedBy
from models.keys import IdKeys
from models.members.standing import lock_living
from models.privacy.deleting import request_in


@operation
async def withdraw(*, member_id: int, purpose: Purpose, keys: IdKeys, now: datetime) -> None:
    """The second time changes nothing. Raises WARD_WOULD_BE_ALONE, DELETION_NOT_YET: then the consent stands."""
    await lock_living(member_id)
    is_news = await consents.end(member_id=member_id, purpose=purpose, now=now) or await consents.refuse(
        member_id=member_id, purpose=purpose, now=now
    )
    if not is_news and purpose is not Purpose.SERVICE:  # who kept their account after all may leave it again
        return
    match purpose:
        case Purpose.REAL_NAME:
            await unbinding.unbind(member_id=member_id, keys=keys, now=now)
        case Purpose.HELPER:
            await helpers.end_all_of(principal_id=member_id, by=EndedBy.PRINCIPAL, now=now)
        case Purpose.SERVICE:
            await request_in(member_id=member_id, keys=keys, now=now)
        case Purpose.CHILD | Purpose.NOTICES:
            pass
