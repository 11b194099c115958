"""What the scan page asks about a voucher: a code that was scanned becomes a bill, and its outcome is shown live.

The routes only translate; what the page's script asks goes through `bff/pages/acts.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.routing import BaseRoute

from bff.graphql.rates import Rates
from bff.pages.acts import Acts, Answer, Asked, Said, unread
from models.calendar import business_day, clock_text, minute_of_day
from models.codes.rules import CodeKeys
from models.keys import AuditKeys
from models.staff.policy import StaffPolicy
from models.venues import queries as venues
from models.vouchers import at_desk, undoing, writing_off
from models.vouchers.bills import Bill, BillVerdict
from models.vouchers.rules import RestWay
from models.vouchers.undoing import UndoableUse

NOT_AUDITED: Mapping[str, str] = {
    "bill": "asked every second while a bill waits for the citizen's yes; that its code was scanned has its line",
    "sports": "what is played at the venue, which everybody may see",
}
"""As `resolvers/auditing.py` has it for GraphQL."""

COUNTED_AS: Mapping[str, str] = {
    "redeem": "redeemVoucher",
    "bill": "billAtDesk",
    "hold": "holdBill",
    "call-off": "callOffBill",
    "undoable": "undoableUses",
    "undo": "undoRedemption",
}
"""The root field that does the same, with whose rates each act is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherDesk:
    """What the page reaches. `wake` is rung when there is a bill to tell the citizen of."""

    code_keys: CodeKeys = field(repr=False)
    audit_keys: AuditKeys
    policy: StaffPolicy
    rates: Rates
    wake: Callable[[str], Awaitable[None]]

    async def sports(self, asked: Asked) -> Said:
        found = await venues.venue_by_public_id(asked.venue_id, today=business_day(asked.now))
        return {"sports": [{"code": code, "name": name} for code, name in (found.sports if found else ())]}

    async def redeem(self, asked: Asked) -> Said:
        verdict = await at_desk.redeem_voucher(
            clerk=asked.clerk,
            venue_id=asked.venue_id,
            bill=_bill(asked),
            nonce=asked.text("nonce"),
            keys=self.code_keys,
            now=asked.now,
        )
        await self.wake("tell_people")
        return _said(verdict, asked.now)

    async def bill(self, asked: Asked) -> Said:
        found = await at_desk.bill_at_desk(clerk=asked.clerk, use_no=asked.text("useNo"))
        if found is None:
            raise writing_off.bill_unknown()
        return _said(found, asked.now)

    async def hold(self, asked: Asked) -> Said:
        verdict = await at_desk.hold_bill(
            clerk=asked.clerk,
            use_no=asked.text("useNo"),
            receipt_no=asked.text("receiptNo"),
            now=asked.now,
        )
        await self.wake("tell_people")
        return _said(verdict, asked.now)

    async def call_off(self, asked: Asked) -> Said:
        return _said(
            await at_desk.call_off(clerk=asked.clerk, use_no=asked.text("useNo"), now=asked.now), asked.now
        )

    async def undoable(self, asked: Asked) -> Said:
        found = await undoing.undoable_uses(clerk=asked.clerk, venue_id=asked.venue_id, now=asked.now)
        return {"uses": [_undoable(use) for use in found]}

    async def undo(self, asked: Asked) -> Said:
        verdict = await undoing.undo_redemption(
            clerk=asked.clerk, use_no=asked.text("useNo"), reason=asked.text("reason"), now=asked.now
        )
        await self.wake("tell_people")
        return _said(verdict, asked.now)


def voucher_routes(desk: VoucherDesk, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """The routes under /desk/voucher."""
    acts: Mapping[str, Answer] = {
        "sports": desk.sports,
        "redeem": desk.redeem,
        "bill": desk.bill,
        "hold": desk.hold,
        "call-off": desk.call_off,
        "undoable": desk.undoable,
        "undo": desk.undo,
    }
    asking = Acts(
        page="voucher",
        clock=clock,
        audit_keys=desk.audit_keys,
        policy=desk.policy,
        quiet=NOT_AUDITED,
        rates=desk.rates,
        counted_as=COUNTED_AS,
    )
    return list(asking.routes(acts))


def _bill(asked: Asked) -> Bill:
    bill_fen, id_checked = asked.number("bill"), asked.said.get("idChecked", False)
    try:
        rest_way = RestWay(asked.text("restWay"))
    except ValueError:
        raise unread() from None
    if bill_fen is None or not isinstance(id_checked, bool):
        raise unread()
    return Bill(
        code=asked.text("code"),
        bill_fen=bill_fen,
        sport=asked.text("sport"),
        rest_way=rest_way,
        id_checked=id_checked,
        receipt_no=asked.text("receiptNo"),
    )


def _said(verdict: BillVerdict, now: datetime) -> Said:
    until = verdict.waits_until
    return {
        "outcome": verdict.outcome,
        "colour": verdict.colour,
        "headline": verdict.headline,
        "detail": verdict.detail,
        "nextStep": verdict.next_step,
        "useNo": verdict.use_no,
        "bill": verdict.bill_fen,
        "off": verdict.off_fen,
        "rest": verdict.rest_fen,
        "secondsLeft": max(0, int((until - now).total_seconds())) if until else None,
        "at": clock_text(minute_of_day(now)),
    }


def _undoable(use: UndoableUse) -> Said:
    return {
        "useNo": use.use_no,
        "time": clock_text(minute_of_day(use.used_at)),
        "bill": use.bill_fen,
        "off": use.used_fen,
        "by": use.redeemed_by,
    }
