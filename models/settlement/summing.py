"""A settlement's sums, which are those of its lines, and its steps: written inside the acts that hold its row."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from models import database
from models.settlement.rules import Sums, sums_of
from models.settlement.tables import Settlement, SettlementDeduction, SettlementStep
from models.vouchers.rules import EventKind

SETTLEMENTS_AT_ONCE = 500  # by one statement


async def brought_by(settlement_ids: Collection[int]) -> Mapping[int, Sums]:
    """What the lines of each come to; nothing for one without lines."""
    entries: dict[int, list[tuple[EventKind, int, int]]] = {}
    for row in await database.rows(
        """SELECT settlement_line.settlement_id, voucher_event.kind, SUM(voucher_event.amount_fen) AS amount,
                  SUM(voucher_event.venue_share_fen) AS share
             FROM settlement_line JOIN voucher_event ON voucher_event.id = settlement_line.entry_id
            WHERE settlement_line.settlement_id = ANY($1::bigint[])
            GROUP BY settlement_line.settlement_id, voucher_event.kind""",
        list(settlement_ids),
    ):
        entry = (EventKind(row["kind"]), int(row["amount"]), int(row["share"]))
        entries.setdefault(row["settlement_id"], []).append(entry)
    return {settlement_id: sums_of(each) for settlement_id, each in entries.items()}


async def sum_up(settlement: Settlement) -> None:
    """Anew from its lines and deductions; its row is locked."""
    sums = (await brought_by([settlement.id]))[settlement.id]
    deducted = await SettlementDeduction.filter(settlement_id=settlement.id)
    whole = replace(
        sums, carried_in=settlement.carried_in_fen, deducted=sum(int(each.amount_fen) for each in deducted)
    )
    await write_sums({settlement.id: whole})


async def write_sums(sums: Mapping[int, Sums]) -> None:
    """By settlement, hundreds in one statement."""
    rows = [(settlement_id, *_columns(each)) for settlement_id, each in sums.items()]
    for first in range(0, len(rows), SETTLEMENTS_AT_ONCE):
        some = rows[first : first + SETTLEMENTS_AT_ONCE]
        places = ", ".join(
            f"({', '.join(f'${8 * number + column}::bigint' for column in range(1, 9))})"
            for number in range(len(some))
        )
        await database.rows(
            f"""WITH said (id, used, taken_back, conflict, share, deducted, payable, carried_out) AS (VALUES {places})
                UPDATE settlement SET used_fen = said.used,
                       taken_back_fen = said.taken_back, conflict_fen = said.conflict,
                       venue_share_fen = said.share, deducted_fen = said.deducted, payable_fen = said.payable,
                       carried_out_fen = said.carried_out
                  FROM said WHERE settlement.id = said.id""",
            *(value for row in some for value in row),
        )


def _columns(sums: Sums) -> tuple[int, ...]:
    """In the order in which `write_sums` names them."""
    return (
        *(sums.used, sums.taken_back, sums.conflict, sums.venue_share, sums.deducted),
        *(sums.payable, sums.carried_out),
    )


async def note_step(
    settlement: Settlement, from_state: str, staff_id: int, *, reason: str = "", now: datetime
) -> None:
    """From that state to the one in which it is now."""
    await step_of(settlement, from_state, staff_id, reason=reason, now=now).save()


def step_of(
    settlement: Settlement, from_state: str, staff_id: int, *, reason: str = "", now: datetime
) -> SettlementStep:
    """The same, to be written with others."""
    return SettlementStep(
        settlement_id=settlement.id,
        from_state=from_state,
        to_state=settlement.state,
        staff_id=staff_id,
        reason=reason,
        happened_at=now,
    )
