"""Everything that is held about a member, column by column: for merging, for export, and for deletion.

One list instead of knowledge spread over the rooms, because whoever forgets a table here joins accounts by half, or
leaves somebody behind who asked to be gone. A test compares it with the tables: every reference to a member is here.
Pure: names only. `docs/security.md` has the same in words.

Not here, since no column leads to the member's row: `daily_passage.person` (`mem:` and the row's number, a count of
heads), the audit trail and the platform's outbox (public ids). After a deletion they name nobody.
"""

from models.personal_data.accounts import ACCOUNTS, WISHES
from models.personal_data.columns import Held, OnDeletion, OnMerge, Part
from models.personal_data.people import PEOPLE
from models.personal_data.playing import PLAYED
from models.personal_data.told import TOLD
from models.personal_data.trade import TRADED
from models.personal_data.words import WORDS

__all__ = ["HELD", "WORDS", "Held", "OnDeletion", "OnMerge", "Part"]

HELD: tuple[Held, ...] = (*ACCOUNTS, *PEOPLE, *TOLD, *TRADED, *PLAYED, *WISHES)
"""What people may demand of us: all that we hold about them, and that it goes, in this order (PIPL 45, 47)."""
