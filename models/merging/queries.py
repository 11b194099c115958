"""What a merge would join, and what was joined."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.errors import DomainError
from models.keys import PhoneKeys, TokenKeys
from models.members import phones
from models.members.standing import lock_living
from models.merging import codes
from models.merging.asking import Asking
from models.merging.operations import demand_joinable
from models.merging.rules import MergeCodeInvalid


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What the other account brings, in numbers. It names nobody."""

    masked_phone: str | None
    """Of the other account."""
    phone_moves: bool
    """This account has none, so that number becomes its own; otherwise it goes on leading here."""
    orders: int
    admissions_ahead: int
    wards: int
    helpers: int
    organisations: int
    doors: int
    brings_real_name: bool


@dataclass(frozen=True, kw_only=True)
class PastMerge:
    public_id: str
    merged_at: datetime
    undo_until: datetime
    undone_at: datetime | None
    is_undoable: bool


async def preview(
    *, asking: Asking, code: str, token_keys: TokenKeys, phone_keys: PhoneKeys, now: datetime
) -> Preview:
    """What `merge_members` would do; raises what it would raise. The code stays good, a wrong one counts."""
    other = await _joinable(asking, code, token_keys, now)
    if isinstance(other, DomainError):  # raised here, since inside it would undo the count of guesses
        raise other
    counts = await _counts(other, now)
    own = await phones.masked_phone(member_id=asking.member_id, keys=phone_keys)
    theirs = await phones.masked_phone(member_id=other, keys=phone_keys)
    return Preview(
        masked_phone=theirs,
        phone_moves=theirs is not None and own is None,
        orders=counts["orders"],
        admissions_ahead=counts["admissions"],
        wards=counts["wards"],
        helpers=counts["helpers"],
        organisations=counts["organisations"],
        doors=counts["doors"],
        brings_real_name=bool(counts["named"]),
    )


@database.operation
async def _joinable(asking: Asking, code: str, keys: TokenKeys, now: datetime) -> int | MergeCodeInvalid:
    await codes.refuse_guessers(member_id=asking.member_id, now=now)
    try:
        return await _other(asking, code, keys, now)
    except MergeCodeInvalid as wrong:
        await codes.note_guess(member_id=asking.member_id, now=now)
        return wrong


async def _other(asking: Asking, code: str, keys: TokenKeys, now: datetime) -> int:
    found = await codes.find(code, keys)
    if found is None or found["used_at"] is not None:
        raise MergeCodeInvalid
    await lock_living(asking.member_id, found["member_id"])
    await demand_joinable(asking, found, now)
    return int(found["member_id"])


async def _counts(member_id: int, now: datetime) -> Any:
    return await database.row(
        """SELECT (SELECT count(*) FROM orders WHERE member_id = $1) AS orders,
                  (SELECT count(*) FROM admission
                    WHERE member_id = $1 AND revoked_at IS NULL AND ends_at > $2) AS admissions,
                  (SELECT count(*) FROM guardianship WHERE guardian_id = $1 AND ended_at IS NULL) AS wards,
                  (SELECT count(*) FROM proxy WHERE principal_id = $1 AND ended_at IS NULL) AS helpers,
                  (SELECT count(*) FROM organisation_member
                    WHERE member_id = $1 AND left_at IS NULL) AS organisations,
                  (SELECT count(*) FROM identity WHERE member_id = $1) AS doors,
                  (SELECT count(*) FROM real_name WHERE member_id = $1) AS named""",
        member_id,
        now,
    )


async def my_merges(*, member_id: int, first: int, now: datetime) -> list[PastMerge]:
    """The latest first: those that stayed with this account, undone ones included."""
    found = await database.rows(
        """SELECT public_id, merged_at, undo_until, undone_at FROM merge
            WHERE kept_id = $1 OR (joined_id = $1 AND undone_at IS NOT NULL) ORDER BY id DESC LIMIT $2""",
        member_id,
        first,
    )
    return [_past(row, now) for row in found]


def _past(row: Any, now: datetime) -> PastMerge:
    undone_at, undo_until = row["undone_at"] and database.utc(row["undone_at"]), database.utc(row["undo_until"])
    return PastMerge(
        public_id=row["public_id"],
        merged_at=database.utc(row["merged_at"]),
        undo_until=undo_until,
        undone_at=undone_at,
        is_undoable=undone_at is None and now < undo_until,
    )
