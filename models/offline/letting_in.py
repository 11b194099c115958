"""What becomes of a booking's code that a desk accepted, when the entry comes in. Plain functions inside that act.

Where somebody went in on a booking for which money went back, it stands among the conflicts, once a line: a citizen who
gave it up themselves is the venue's to decide about; what a rule of ours gave back stays theirs (docs/decisions, 0030).
"""

from datetime import datetime
from typing import Any

from models import database
from models.admissions import offline as admissions
from models.admissions.offline import LetIn
from models.admissions.rules import Passed
from models.attendance.taking_back import TakenBack
from models.calendar import moment_text
from models.codes.rules import CodeKeys
from models.errors import ErrorCode
from models.ids import new_id
from models.money import yuan_text
from models.offline import rules
from models.offline.rules import Answer, ConflictState, Entry, Outcome
from models.offline.tables import OfflineConflict, OfflineEntry, OfflineKit


async def let_in(
    entry: OfflineEntry, said: Entry, kit: OfflineKit, *, desk: Any, keys: CodeKeys, now: datetime
) -> Answer:
    """`desk`: its row, as desks.find gives it."""
    let = await admissions.enter(
        said.text,
        venue_id=desk["venue_id"],
        door=f"离线 {desk['name']}",
        keys=keys,
        at=entry.accepted_at,
        now=now,
    )
    if let is None:
        return rules.refusal(said.number, rules.ON_PAPER)
    entry.admission_id = let.verdict.admission_id
    about = await _about(let.verdict.admission_id)
    if let.verdict.outcome == Passed.ENTERED:
        if let.taken_back is not None and let.taken_back.given_back_fen:
            amount_fen = let.taken_back.given_back_fen
            await _write(entry, desk, about, ConflictState.BORNE, ErrorCode.SLOT_RELEASED, amount_fen, now)
        return _entered(entry, about, let.taken_back)
    if let.verdict.outcome == ErrorCode.REFUNDED and about["given_back_fen"]:
        state = await _of_cancelled(entry, kit, desk, about, now)
        return cancelled(entry, about["public_id"], int(about["given_back_fen"]), state)
    return _refused(entry, let, about)


async def _about(admission_id: int | None) -> Any:
    """The admission's public id and line, when it was taken back, and what its member had back for giving the line up."""
    if admission_id is None:
        return {"public_id": "", "given_back_fen": 0}
    return await database.row(
        """SELECT admission.public_id, admission.order_line_id, admission.revoked_at,
                  (SELECT COALESCE(SUM(refund_line.amount_fen), 0)
                     FROM refund_line JOIN refund ON refund.id = refund_line.refund_id
                    WHERE refund_line.order_line_id = admission.order_line_id
                      AND refund.reason = 'CANCELLED') AS given_back_fen
             FROM admission WHERE admission.id = $1""",
        admission_id,
    )


async def _of_cancelled(
    entry: OfflineEntry, kit: OfflineKit, desk: Any, about: Any, now: datetime
) -> ConflictState:
    """Another person of the same line finds what stands already."""
    known = await OfflineConflict.get_or_none(order_line_id=about["order_line_id"])
    if known is not None:
        return ConflictState(known.state)
    could_know = database.utc(about["revoked_at"]) <= kit.issued_at
    state = ConflictState.BORNE if could_know else ConflictState.HELD
    await _write(entry, desk, about, state, ErrorCode.REFUNDED, int(about["given_back_fen"]), now)
    return state


async def _write(
    entry: OfflineEntry,
    desk: Any,
    about: Any,
    state: ConflictState,
    reason: ErrorCode,
    amount_fen: int,
    now: datetime,
) -> None:
    await OfflineConflict.create(
        public_id=new_id("ocf"),
        entry_id=entry.id,
        order_line_id=about["order_line_id"],
        venue_id=desk["venue_id"],
        amount_fen=amount_fen,
        reason=reason,
        state=state,
        found_at=now,
    )


def cancelled(entry: OfflineEntry, admission_id: str, amount_fen: int, state: ConflictState) -> Answer:
    """Of a booking that its own member gave up, and had money back for, though somebody was let in on it."""
    then, next_step = {
        ConflictState.HELD: ("已列入离线冲突，等场馆管理员决定", "请不要向顾客收款，等待场馆管理员决定。"),
        ConflictState.PAID: ("场馆管理员已与顾客结清", "不用处理。"),
        ConflictState.BORNE: ("由场馆自行承担", "不用处理，也不要向顾客收款。"),
    }[state]
    return Answer(
        number=entry.number,
        outcome=ErrorCode.REFUNDED.value,
        message=f"这份预订已由本人取消，退了{yuan_text(amount_fen)}，没有补记入场；{then}。",
        next_step=next_step,
        admission_id=admission_id,
    )


def _entered(entry: OfflineEntry, about: Any, back: TakenBack | None) -> Answer:
    taken_back = ""
    if back is not None:
        money = f"已退的{yuan_text(back.given_back_fen)}仍归顾客，由场馆承担；" if back.given_back_fen else ""
        slot = "" if back.has_slot else "剩余时段已归别人；"
        taken_back = f"原先记的一次未到场已撤销；{money}{slot}".rstrip("；") + "。"
    return Answer(
        number=entry.number,
        outcome=Outcome.ENTERED.value,
        message=f"已补记{moment_text(entry.accepted_at)}入场。{taken_back}",
        admission_id=about["public_id"],
    )


def _refused(entry: OfflineEntry, let: LetIn, about: Any) -> Answer:
    verdict = let.verdict
    twice = verdict.outcome == ErrorCode.ALREADY_INSIDE
    return Answer(
        number=entry.number,
        outcome=verdict.outcome,
        message=f"{verdict.headline}：{verdict.detail or '没有补记入场。'}",
        next_step="这一次没有重复计入。" if twice else "没有补记入场，如有疑问请核对预订。",
        admission_id=about["public_id"],
    )
