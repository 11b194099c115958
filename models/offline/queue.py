"""A desk's queue comes in: each entry by itself, in one short transaction, and never in the way of those behind it.

The same entry again gets the same answer, whatever happened in between. What the desk signed is kept, also where it is
refused; what nobody signed is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import noted
from models.codes.rules import CodeKeys
from models.errors import BadInput, Busy, DomainError
from models.keys import OfflineKeys
from models.offline import conflicts, desks, judging, letting_in, rules
from models.offline.rules import Answer, Entry, EntryKind
from models.offline.tables import OfflineEntry, OfflineKit
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import fitting
from models.vouchers.fitting import Place


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry on the wire: what was signed, and the base64 of the signature."""

    body: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """Who brings it, from which desk, and with what it is judged."""

    desk: Any
    place: Place
    staff_id: int
    code_keys: CodeKeys
    keys: OfflineKeys
    now: datetime


async def upload(
    *,
    clerk: StaffSignedIn,
    desk_id: str,
    entries: Sequence[Sent],
    code_keys: CodeKeys,
    keys: OfflineKeys,
    now: datetime,
) -> Sequence[Answer]:
    """An answer for each entry, in their order. Any clerk of the venue may bring them, also those of a desk that was
    ended: what they are worth, the device's signature says. Raises OFFLINE_DESK_UNKNOWN, BAD_INPUT for too many."""
    desk = await desks.find(clerk, desk_id, Power.REDEEM)
    if not 1 <= len(entries) <= rules.MOST_ENTRIES:
        raise BadInput(f"一次请上传1到{rules.MOST_ENTRIES}条离线记录。", field="entries")
    place = await fitting.place_of(desk["venue_public_id"])
    assert place is not None
    upload = _Upload(desk=desk, place=place, staff_id=clerk.staff_id, code_keys=code_keys, keys=keys, now=now)
    noted(f"{len(entries)} entries")
    return [await _answer(upload, sent) for sent in entries]


async def _answer(upload: _Upload, sent: Sent) -> Answer:
    said = rules.read(sent.body) if len(sent.body) <= rules.LONGEST_BODY else None
    if said is None:
        return rules.refusal(None, rules.UNREADABLE, kept=False)
    if said.desk != upload.desk["public_id"]:
        return rules.refusal(said.number, rules.ANOTHER_DESK, kept=False)
    if not rules.is_signed(upload.desk["public_key"], sent.signature, sent.body):
        return rules.refusal(said.number, rules.UNSIGNED, kept=False)
    try:
        return await _take(upload, sent, said)
    except Busy as busy:  # those behind it have their chance, and this one comes again
        return rules.refusal(said.number, busy, kept=False)


@database.operation
async def _take(upload: _Upload, sent: Sent, said: Entry) -> Answer:
    await judging.alone(upload.desk["id"])
    known = await OfflineEntry.get_or_none(desk_id=upload.desk["id"], number=said.number)
    if known is not None:
        return await _again(known, sent, upload.now)
    kit = await OfflineKit.get_or_none(public_id=said.kit, desk_id=upload.desk["id"])
    entry, no = await _placed(upload, sent, said, kit)
    await entry.save()
    if said.kind is EntryKind.PASS:
        answer = await judging.judge(entry, said, kit, upload.place, no, keys=upload.keys, now=upload.now)
    elif no is not None:
        answer = rules.refusal(said.number, no)
    else:
        assert kit is not None
        answer = await letting_in.let_in(entry, said, kit, desk=upload.desk, keys=upload.code_keys, now=upload.now)
    await conflicts.settle_entry(entry, answer)
    return answer


async def _again(known: OfflineEntry, sent: Sent, now: datetime) -> Answer:
    if known.body == sent.body:
        return Answer.from_json(known.answer)
    await database.rows(
        """INSERT INTO offline_fork (entry_id, body, body_hash, signature, uploaded_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (entry_id, body_hash) DO NOTHING""",
        known.id,
        sent.body,
        rules.hash_of(sent.body),
        sent.signature,
        now,
    )
    return rules.refusal(known.number, rules.FORKED)


async def _placed(
    upload: _Upload, sent: Sent, said: Entry, kit: OfflineKit | None
) -> tuple[OfflineEntry, DomainError | None]:
    """The entry in its place in the chain and in time, and what speaks against it, whatever it says."""
    desk, now = upload.desk, upload.now
    body_hash = rules.hash_of(sent.body)
    near = {
        row.number: row
        for row in await OfflineEntry.filter(desk_id=desk["id"], number__in=(said.number - 1, said.number + 1))
    }
    before, after = near.get(said.number - 1), near.get(said.number + 1)
    last = await OfflineEntry.filter(desk_id=desk["id"], number__lt=said.number).order_by("-number").first()
    not_before = max(
        kit.issued_at if kit else _enrolled_at(desk), last.accepted_at if last else _enrolled_at(desk)
    )
    not_after = max(not_before, min(now, kit.valid_until if kit else now))
    at = rules.accepted_at(said.stated_at, not_before=not_before, not_after=not_after)
    entry = OfflineEntry(
        desk_id=desk["id"],
        number=said.number,
        kit_id=kit.id if kit else None,
        body=sent.body,
        body_hash=body_hash,
        previous_hash=said.previous,
        signature=sent.signature,
        kind=said.kind,
        outcome="",
        answer={},
        is_behind_gap=said.number > 1 and before is None,
        bill_fen=said.bill_fen,
        accepted_at=at or not_before,  # a time that can't be must not stand in the way of those behind it
        uploaded_at=now,
        staff_id=upload.staff_id,
    )
    ended = await database.row("SELECT ended_at FROM offline_desk WHERE id = $1", desk["id"])
    assert ended is not None
    if kit is None:
        return entry, rules.KIT_UNKNOWN
    if not _joins(said, body_hash, before, after):
        return entry, rules.BROKEN
    if at is None:
        return entry, rules.CLOCK_WRONG
    if ended["ended_at"] is not None and at >= database.utc(ended["ended_at"]):
        return entry, rules.DESK_ENDED
    return entry, None


def _enrolled_at(desk: Any) -> datetime:
    return database.utc(desk["enrolled_at"])


def _joins(said: Entry, body_hash: str, before: OfflineEntry | None, after: OfflineEntry | None) -> bool:
    """Whether it fits those of its neighbours that are here. Behind a gap, what is missing may still come."""
    first_is_first = said.number > 1 or said.previous == rules.NO_HASH
    fits_before = before is None or said.previous == before.body_hash
    return first_is_first and fits_before and (after is None or after.previous_hash == body_hash)
