"""A pause of booking at one venue: how it begins, what its person says to it, once, and who decides that.

It is decided by the venue's manager or the office of its region, and never by a person who had a hand in it: who placed
one of the bookings at a desk, or turned somebody away there who came with one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.attendance.rules import PauseTerms, checked_words, pause_until
from models.attendance.tables import Attendance, BookingPause
from models.audit.deeds import concerning
from models.calendar import moment_text
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.messages.operations import tell
from models.real_names.queries import person_key
from models.staff.powers import demand, may, venues_where
from models.staff.rules import Power, StaffSignedIn

MOST_PAUSES = 50
MOST_APPEALS = 100


@dataclass(frozen=True, kw_only=True)
class PauseView:
    """A pause as its person sees it, and whoever decides what they say to it."""

    public_id: str
    venue_id: str
    venue_name: str
    no_shows: int
    starts_at: datetime
    ends_at: datetime
    freed_at: datetime | None
    appealed_at: datetime | None
    appeal_words: str
    decided_at: datetime | None
    is_granted: bool | None
    answer: str
    missed: Sequence[str] = ()
    """Titles of the lines to which nobody came."""

    def is_over(self, now: datetime) -> bool:
        return self.freed_at is not None or self.ends_at <= now


async def lock_person(member_id: int) -> None:
    """So that two no-shows of one person are counted, or taken back, one after the other, without being in the way of what
    only refers to them, such as a message. Before any order is locked."""
    strength = "FOR NO KEY UPDATE" if database.on_postgres() else ""
    await database.rows(f"SELECT id FROM member WHERE id = $1 {strength}", member_id)


async def count_no_show(attendance: Attendance, now: datetime) -> BookingPause | None:
    """A no-show was written for this row: begins a pause if it is one too many. Inside that act, under the person's
    lock, so that two no-shows at once are counted one after the other."""
    if attendance.pause_after is None:
        return None
    assert attendance.pause_within_days is not None
    assert attendance.pause_days is not None
    terms = PauseTerms(attendance.pause_after, attendance.pause_within_days, attendance.pause_days)
    earlier = await database.rows(
        """SELECT id, late_at FROM attendance
            WHERE venue_id = $1 AND state = 'NO_SHOW' AND pause_id IS NULL AND id <> $2 AND late_at <= $3
              AND (member_id = $4 OR person_id = $5 AND person_id IS NOT NULL)""",
        attendance.venue_id,
        attendance.id,
        attendance.late_at,
        attendance.member_id,
        attendance.person_id,
    )
    since = attendance.late_at - timedelta(days=terms.within_days)
    counted = [row for row in earlier if database.utc(row["late_at"]) > since]
    until = pause_until(
        terms, earlier=[database.utc(row["late_at"]) for row in counted], this=attendance.late_at, now=now
    )
    if until is None:
        return None
    pause = await BookingPause.create(
        public_id=new_id("pau"),
        member_id=attendance.member_id,
        person_id=attendance.person_id,
        venue_id=attendance.venue_id,
        no_shows=len(counted) + 1,
        starts_at=now,
        ends_at=until,
    )
    led = [attendance.id, *(row["id"] for row in counted)]
    await Attendance.filter(id__in=led).update(pause_id=pause.id)
    attendance.pause_id = pause.id
    return pause


async def my_pauses(*, member_id: int) -> list[PauseView]:
    """The member's, the latest first; those that are over too, since they can be read and were appealed."""
    return await _views(
        """booking_pause.member_id = $1 OR booking_pause.person_id = $2 AND booking_pause.person_id IS NOT NULL
            ORDER BY booking_pause.id DESC LIMIT 50""",
        member_id,
        await person_key(member_id),
    )


async def appeal(*, member_id: int, pause_id: str, words: str, now: datetime) -> PauseView:
    """The person says why it was not their fault; once a pause. The same words again are the same appeal. Raises
    BAD_INPUT, PAUSE_UNKNOWN for somebody else's, PAUSE_STATE for one that is over or was appealed already."""
    said = checked_words(words, field="words")
    await _appeal(member_id, pause_id, said, now)
    (found,) = await _views("booking_pause.public_id = $1", pause_id)
    return found


@database.operation
async def _appeal(member_id: int, pause_id: str, words: str, now: datetime) -> None:
    pause = await BookingPause.select_for_update().get_or_none(public_id=pause_id)
    person_id = await person_key(member_id)
    if pause is None or not (pause.member_id == member_id or (person_id and pause.person_id == person_id)):
        raise _unknown()
    if pause.appealed_at is not None:
        if pause.appeal_words == words:
            return
        raise DomainError(
            "这次暂停您已经申诉过了。",
            code=ErrorCode.PAUSE_STATE,
            next_step="每次暂停可以申诉一次，结果会通知您。",
            field="pauseId",
        )
    if pause.freed_at is not None or pause.ends_at <= now:
        raise DomainError(
            "这次暂停已经结束，不需要申诉。",
            code=ErrorCode.PAUSE_STATE,
            next_step="您可以照常预订。",
            field="pauseId",
        )
    pause.appealed_at, pause.appeal_words = now, words
    await pause.save(update_fields=["appealed_at", "appeal_words"])


async def appeals(*, clerk: StaffSignedIn, venue_id: str | None) -> list[PauseView]:
    """Appeals that wait where this person may decide, at one venue or at all of theirs; the oldest first, without those
    that they had a hand in. Raises NOT_ALLOWED."""
    if venue_id is not None:
        concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    await demand(clerk, Power.DECIDE_APPEALS, venue_id=venue_id)
    at_venue = "AND venue.public_id = $2" if venue_id is not None else ""
    return await _views(
        f"""booking_pause.appealed_at IS NOT NULL AND booking_pause.decided_at IS NULL
              AND booking_pause.freed_at IS NULL {at_venue}
              AND {venues_where(Power.DECIDE_APPEALS)} AND NOT {_HAD_A_HAND.format(staff="$1")}
            ORDER BY booking_pause.appealed_at, booking_pause.id LIMIT {MOST_APPEALS}""",
        clerk.staff_id,
        *([venue_id] if venue_id is not None else []),
    )


async def decide_appeal(
    *, clerk: StaffSignedIn, pause_id: str, grant: bool, answer: str, now: datetime
) -> PauseView:
    """Granted, the pause is over at once and its no-shows count no more; refused, it goes on. The person is told either
    way. The same decision again changes nothing.

    Raises BAD_INPUT, PAUSE_UNKNOWN where this person decides nothing, NOT_ALLOWED for who had a hand in it, PAUSE_STATE.
    """
    said = checked_words(answer, field="answer")
    await _decide(clerk, pause_id, grant, said, now)
    (found,) = await _views("booking_pause.public_id = $1", pause_id)
    return found


@database.operation
async def _decide(clerk: StaffSignedIn, pause_id: str, grant: bool, answer: str, now: datetime) -> None:
    pause = await BookingPause.select_for_update().get_or_none(public_id=pause_id)
    if pause is None:
        raise _unknown()
    about = await database.row(
        f"""SELECT venue.public_id AS venue_id, venue.name, member.public_id AS member_id,
                   {_HAD_A_HAND.format(staff="$2")} AS had_a_hand
              FROM booking_pause JOIN venue ON venue.id = booking_pause.venue_id
                                 JOIN member ON member.id = booking_pause.member_id
             WHERE booking_pause.id = $1""",
        pause.id,
        clerk.staff_id,
    )
    assert about is not None
    if not await may(clerk, Power.DECIDE_APPEALS, venue_id=about["venue_id"]):
        raise _unknown()
    concerning("MEMBER", about["member_id"], venue_id=about["venue_id"], detail=pause_id)
    if about["had_a_hand"]:
        raise DomainError(
            "这次暂停与您经手的预订或核验有关，不能由您处理。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请由同馆的另一位管理员或主管部门处理。",
            field="pauseId",
        )
    if pause.decided_at is not None:
        if (pause.decided_by_id, pause.is_granted, pause.answer) == (clerk.staff_id, grant, answer):
            return
        raise DomainError(
            "这次申诉已经处理过了。", code=ErrorCode.PAUSE_STATE, next_step="请刷新列表。", field="pauseId"
        )
    if pause.freed_at is not None:
        raise DomainError(
            "这次暂停已经撤销，不用再处理申诉。",
            code=ErrorCode.PAUSE_STATE,
            next_step="请刷新列表。",
            field="pauseId",
        )
    if pause.appealed_at is None:
        raise DomainError(
            "对方还没有申诉。", code=ErrorCode.PAUSE_STATE, next_step="请刷新列表。", field="pauseId"
        )
    pause.decided_at, pause.decided_by_id, pause.is_granted, pause.answer = now, clerk.staff_id, grant, answer
    if grant and pause.ends_at > now:
        pause.freed_at = now
    await pause.save(update_fields=["decided_at", "decided_by_id", "is_granted", "answer", "freed_at"])
    await _tell_decided(pause, about["name"], now)


async def _tell_decided(pause: BookingPause, venue_name: str, now: datetime) -> None:
    values = {"venue": venue_name, "answer": pause.answer, "when": moment_text(now)}
    await tell(
        member_id=pause.member_id,
        template="PAUSE_FREED" if pause.is_granted else "PAUSE_STANDS",
        values={**values, "until": moment_text(pause.ends_at)} if not pause.is_granted else values,
        about_no=pause.public_id,
        now=now,
    )


async def tell_paused(pause: BookingPause, venue_name: str, now: datetime) -> None:
    values = {
        "venue": venue_name,
        "count": str(pause.no_shows),
        "when": moment_text(now),
        "until": moment_text(pause.ends_at),
    }
    await tell(
        member_id=pause.member_id, template="BOOKING_PAUSED", values=values, about_no=pause.public_id, now=now
    )


async def _views(condition: str, *values: Any) -> list[PauseView]:
    found = await database.rows(f"{_PAUSE} WHERE {condition}", *values)
    missed = await _missed([row["id"] for row in found])
    return [
        PauseView(
            public_id=row["public_id"],
            venue_id=row["venue_id"],
            venue_name=row["venue_name"],
            no_shows=row["no_shows"],
            starts_at=database.utc(row["starts_at"]),
            ends_at=database.utc(row["ends_at"]),
            freed_at=row["freed_at"] and database.utc(row["freed_at"]),
            appealed_at=row["appealed_at"] and database.utc(row["appealed_at"]),
            appeal_words=row["appeal_words"],
            decided_at=row["decided_at"] and database.utc(row["decided_at"]),
            is_granted=None if row["is_granted"] is None else bool(row["is_granted"]),
            answer=row["answer"],
            missed=missed.get(row["id"], ()),
        )
        for row in found
    ]


async def _missed(pause_ids: Sequence[int]) -> Mapping[int, list[str]]:
    if not pause_ids:
        return {}
    titles: dict[int, list[str]] = {}
    for row in await database.rows(
        """SELECT attendance.pause_id, order_line.title FROM attendance
             JOIN order_line ON order_line.id = attendance.order_line_id
            WHERE attendance.pause_id = ANY($1::bigint[]) ORDER BY attendance.late_at, attendance.id""",
        list(pause_ids),
    ):
        titles.setdefault(row["pause_id"], []).append(row["title"])
    return titles


def _unknown() -> DomainError:
    return DomainError(
        "没有找到这次暂停。", code=ErrorCode.PAUSE_UNKNOWN, next_step="请刷新列表后重试。", field="pauseId"
    )


_PAUSE = """
SELECT booking_pause.id, booking_pause.public_id, booking_pause.no_shows, booking_pause.starts_at,
       booking_pause.ends_at, booking_pause.freed_at, booking_pause.appealed_at, booking_pause.appeal_words,
       booking_pause.decided_at, booking_pause.is_granted, booking_pause.answer,
       venue.public_id AS venue_id, venue.name AS venue_name
  FROM booking_pause JOIN venue ON venue.id = booking_pause.venue_id
"""

_HAD_A_HAND = """EXISTS (
      SELECT 1 FROM attendance JOIN order_line ON order_line.id = attendance.order_line_id
                               JOIN orders ON orders.id = order_line.order_id
       WHERE attendance.pause_id = booking_pause.id
         AND (orders.placed_by_staff_id = {staff}
              OR EXISTS (SELECT 1 FROM redemption JOIN admission ON admission.id = redemption.admission_id
                          WHERE admission.order_line_id = order_line.id AND redemption.staff_id = {staff})))"""
"""A redemption of a line to which nobody came is one that was turned away."""
