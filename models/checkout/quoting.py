"""What lines would cost whom they are for, before anything is ordered."""

from collections.abc import Sequence
from datetime import datetime

from models.checkout.placing import bookable_together
from models.checkout.pricing import ForWhom
from models.checkout.session_lines import Bookable
from models.checkout.wanted import LineWanted, checked_lines
from models.keys import IdKeys


async def order_quote(
    *, member_id: int, lines: Sequence[LineWanted], keys: IdKeys, now: datetime
) -> Sequence[Bookable]:
    """The lines with their prices, explained. Raises what `place_order` would say of them, but for who holds them and
    how much somebody may hold."""
    return await bookable_together(checked_lines(lines), whom=ForWhom(member_id=member_id, keys=keys), now=now)
