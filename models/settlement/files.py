"""A settlement as files: the signed statement, and a sheet for people."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from models.calendar import SHANGHAI
from models.settlement.banking import csv_bytes, yuan
from models.settlement.queries import in_reach, lines_of
from models.settlement.rules import EVENT_WORDS, STATE_WORDS, SettlementUnknown
from models.settlement.signing import file_of
from models.settlement.tables import Settlement
from models.settlement.views import Line, view_of
from models.staff.rules import StaffSignedIn
from models.vouchers.rules import UseWay

LINES_AT_ONCE, IN_A_BREATH = 2_000, 200
"""So many are read by one statement, and so many written between two breaths of the event loop: some 4 ms."""
WAY_WORDS: Mapping[UseWay, str] = {
    UseWay.ORDER: "预订",
    UseWay.DESK: "前台",
    UseWay.OFFLINE: "离线前台",
}


async def statement_file(*, clerk: StaffSignedIn, settlement_no: str) -> tuple[str, bytes]:
    """Number and signed statement, for whoever may read it. Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, also of one that
    is not approved yet."""
    row = await in_reach(clerk, settlement_no)
    kept = await Settlement.get(id=row["id"])
    if kept.statement is None or kept.signature is None:
        raise SettlementUnknown
    statement, signature = bytes(kept.statement), bytes(kept.signature)
    content = await asyncio.to_thread(file_of, statement, signature=signature, key_id=kept.key_id)
    return kept.settlement_no, content


async def sheet(*, clerk: StaffSignedIn, settlement_no: str) -> tuple[str, AsyncIterator[bytes]]:
    """Number and the same for people, as a spreadsheet that is written while it is read: sums first, then every line.
    Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN, before anything is written."""
    row = await in_reach(clerk, settlement_no)
    view = view_of(row)
    sums = view.sums
    head = (
        ("结算单号", view.settlement_no),
        ("活动", view.campaign_title),
        ("场馆", view.venue_name),
        ("结算期", f"{view.from_day} 至 {view.until_day}"),
        ("状态", STATE_WORDS[view.state]),
        ("核销(元)", yuan(sums.used)),
        ("退回(元)", yuan(-sums.taken_back)),
        ("离线冲突补付(元)", yuan(sums.conflict)),
        ("场馆承担(元)", yuan(-sums.venue_share)),
        ("扣减(元)", yuan(-sums.deducted)),
        ("上期结转(元)", yuan(-sums.carried_in)),
        ("应付(元)", yuan(view.payable_fen)),
        ("结转下期(元)", yuan(-view.carried_out_fen)),
        (),
        ("核销单号", "类型", "核销时间", "入账时间", "方式", "经办", "账单(元)", "面值(元)", "应付(元)"),
    )
    return view.settlement_no, _written(head, row["id"])


async def _written(head: Sequence[Sequence[str]], settlement_id: int) -> AsyncIterator[bytes]:
    yield b"\xef\xbb\xbf" + csv_bytes(*head)
    after = 0
    while lines := await lines_of(settlement_id, LINES_AT_ONCE, after):
        for first in range(0, len(lines), IN_A_BREATH):
            yield csv_bytes(*(_cells(line) for line in lines[first : first + IN_A_BREATH]))
            await asyncio.sleep(0)
        after = lines[-1].id


def _cells(line: Line) -> Sequence[str]:
    return (
        line.use_no,
        EVENT_WORDS[line.kind],
        _local(line.used_at),
        _local(line.happened_at),
        WAY_WORDS[line.way],
        line.clerk,
        yuan(line.bill_fen),
        yuan(line.face_fen),
        yuan(line.owed_fen),
    )


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
