"""Before an order is placed: which vouchers would pay for these lines, and what would be left to pay."""

from collections.abc import Sequence
from datetime import datetime

from models.checkout.placing import basket_of, bookable_together
from models.checkout.pricing import ForWhom
from models.checkout.wanted import LineWanted, checked_lines
from models.keys import IdKeys
from models.vouchers import choosing
from models.vouchers.choosing import Candidate, Choice


async def vouchers_for(
    *, member_id: int, lines: Sequence[LineWanted], keys: IdKeys, now: datetime
) -> Sequence[Candidate]:
    """Each voucher of the member's beside these lines. Raises what `place_order` would say of the lines."""
    whom = ForWhom(member_id=member_id, keys=keys)
    slots = await bookable_together(checked_lines(lines), whom=whom, now=now)
    return await choosing.candidates(member_id=member_id, basket=await basket_of(slots), now=now)


async def best_voucher(*, member_id: int, lines: Sequence[LineWanted], keys: IdKeys, now: datetime) -> Choice:
    """Likewise: the ones that help most, and why the others do not."""
    whom = ForWhom(member_id=member_id, keys=keys)
    slots = await bookable_together(checked_lines(lines), whom=whom, now=now)
    return await choosing.best(member_id=member_id, basket=await basket_of(slots), now=now)
