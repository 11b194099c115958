"""A walk-in's voucher at a desk: the clerk scans it and types the bill, the citizen says yes on their phone.

One atomic redemption: the scan is written under (device, nonce) first, then the member's and the voucher's rows are
locked, everything is judged, and the use is written under a unique index that lets a voucher have one live use. A paper
code has no phone behind it: it is written off at once and HELD, with the ID card looked at and the receipt's number.

What the voucher does not pay goes through the venue's own till; we keep by what it was paid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.audit.deeds import concerning, noted
from models.calendar import business_day
from models.codes import rules as code_rules
from models.codes.rules import CodeKeys, CodeKind, CodeParts
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_no, request_hash
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import bills, codes, fitting, writing_off
from models.vouchers.bills import Bill, BillVerdict, refused, verdict_of
from models.vouchers.fitting import Place
from models.vouchers.rules import LIVE_USES, CampaignState, Terms, UseState, UseWay, VoucherState
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherScan, VoucherUse

UNKNOWN_CODES_A_MINUTE = 20
"""As at the door (models/admissions): more than a desk misreads is somebody trying codes."""


async def redeem_voucher(
    *, clerk: StaffSignedIn, venue_id: str, bill: Bill, nonce: str, keys: CodeKeys, now: datetime
) -> BillVerdict:
    """Judges a voucher's code and a bill at one of the clerk's venues (public id). The same nonce of the same device
    gets the same answer.

    Raises NOT_ALLOWED elsewhere, BAD_INPUT, and IDEMPOTENCY_KEY_REUSED when a nonce comes with another request.
    """
    await powers.demand(clerk, Power.REDEEM, venue_id=venue_id)
    if not 8 <= len(nonce) <= 64 or not nonce.isascii() or not nonce.isprintable():
        raise BadInput("扫码编号应为8到64个英文字符或数字。", field="nonce")
    place = await fitting.place_of(venue_id)
    assert place is not None
    scan = _Scan(clerk=clerk, place=place, bill=bill.checked(), nonce=nonce)
    return await _redeem(scan, keys, now=now)


async def bill_at_desk(*, clerk: StaffSignedIn, use_no: str) -> BillVerdict | None:
    """How a write-off at one of the clerk's venues stands, for the screen that waits; None for any other."""
    found = await _at_my_desk(clerk, use_no)
    return None if found is None else verdict_of(await VoucherUse.get(id=found))


async def hold_bill(*, clerk: StaffSignedIn, use_no: str, receipt_no: str, now: datetime) -> BillVerdict:
    """Nobody confirmed in time: written off all the same, for review by its receipt. Harmless the second time.

    Raises BILL_UNKNOWN, BAD_INPUT, and BILL_STATE while the citizen's time runs, or once something else was decided.
    """
    checked = bills.checked_receipt_no(receipt_no)
    return await _hold(await _demand(clerk, use_no), checked, now=now)


async def call_off(*, clerk: StaffSignedIn, use_no: str, now: datetime) -> BillVerdict:
    """The clerk typed a wrong amount, or the customer left. Harmless the second time. Raises BILL_UNKNOWN, BILL_STATE."""
    return await _call_off(await _demand(clerk, use_no), clerk.staff_id, now=now)


async def _demand(clerk: StaffSignedIn, use_no: str) -> int:
    found = await _at_my_desk(clerk, use_no)
    if found is None:
        raise writing_off.bill_unknown()
    return found


async def _at_my_desk(clerk: StaffSignedIn, use_no: str) -> int | None:
    found = await database.row(
        f"""SELECT voucher_use.id, voucher_use.use_no, venue.public_id AS venue_id
              FROM voucher_use JOIN venue ON venue.id = voucher_use.venue_id
             WHERE voucher_use.use_no = $2 AND voucher_use.way = 'DESK' AND {powers.venues_where(Power.REDEEM)}""",
        clerk.staff_id,
        use_no.strip().upper(),
    )
    if found is None:
        return None
    concerning("VOUCHER_USE", found["use_no"], venue_id=found["venue_id"])
    return int(found["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """One scan of one device. `asked` tells its repetition from another one under its nonce."""

    clerk: StaffSignedIn
    place: Place
    bill: Bill
    nonce: str

    @property
    def device_id(self) -> str:
        return f"desk:{self.clerk.staff_id}:{self.clerk.device_id}"

    @property
    def asked(self) -> str:
        bill = self.bill
        typed = (bill.bill_fen, bill.sport, bill.rest_way, bill.id_checked, bill.receipt_no)
        return request_hash(bill.code, self.place.venue_id, *typed)


@database.operation
async def _redeem(scan: _Scan, keys: CodeKeys, *, now: datetime) -> BillVerdict:
    mine = await database.row(
        """INSERT INTO voucher_scan (device_id, nonce, request_hash, staff_id, venue_id, outcome, answer, scanned_at)
           VALUES ($1, $2, $3, $4, $5, '', '{}', $6)
           ON CONFLICT (device_id, nonce) DO NOTHING RETURNING id""",
        scan.device_id,
        scan.nonce,
        scan.asked,
        scan.clerk.staff_id,
        scan.place.venue_id,
        now,
    )
    if mine is None:
        given = await _answer_given(scan)
        noted(given.outcome)
        return given
    use = await _judge(scan, keys, now)
    verdict = refused(use) if isinstance(use, DomainError) else verdict_of(use)
    await VoucherScan.filter(id=mine["id"]).update(
        use_id=None if isinstance(use, DomainError) else use.id,
        outcome=verdict.outcome,
        answer=verdict.as_json(),
    )
    noted(verdict.outcome)
    return verdict


async def _answer_given(scan: _Scan) -> BillVerdict:
    given = await VoucherScan.get(device_id=scan.device_id, nonce=scan.nonce)
    if given.request_hash != scan.asked:
        raise DomainError(
            "这次扫码的编号已经用过。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请重新扫码。",
            field="nonce",
        )
    return BillVerdict.from_json(given.answer)


async def _judge(scan: _Scan, keys: CodeKeys, now: datetime) -> VoucherUse | DomainError:
    """The use that was written, or why there is none."""
    await database.alone_with(f"voucher scans of {scan.device_id}")  # so that tries at once are counted too
    unknown = await database.row(
        """SELECT COUNT(*) AS tries FROM voucher_scan
            WHERE device_id = $1 AND scanned_at > $2 AND outcome IN ('UNKNOWN_CODE', 'TOO_MANY_ATTEMPTS')""",
        scan.device_id,
        now - timedelta(minutes=1),
    )
    if unknown and unknown["tries"] >= UNKNOWN_CODES_A_MINUTE:
        return bills.TOO_MANY_ATTEMPTS
    parts = code_rules.read(scan.bill.code)
    if parts is None or parts.kind not in code_rules.OF_VOUCHERS:
        return bills.UNKNOWN_CODE
    voucher = await _behind(parts, keys, now)
    if isinstance(voucher, DomainError):
        return voucher
    sport = _sport_of(scan.bill, scan.place)
    terms = await fitting.terms_in_force(voucher.campaign_id, voucher.terms_version)
    no = await _unfit(voucher, terms, scan.place, sport, scan.bill, now) or _undocumented(parts, scan.bill)
    if no is not None:
        return no
    use = _a_use(scan, voucher, terms, now)
    use.sport_code = sport or ""
    return await _write(use, voucher, scan.bill, terms, on_paper=parts.kind is CodeKind.VOUCHER_PRINTED, now=now)


async def _behind(parts: CodeParts, keys: CodeKeys, now: datetime) -> Voucher | DomainError:
    """The voucher behind a genuine code of somebody who is still there, with their row and its own locked."""
    found = await codes.find(parts)
    if found is None:
        return bills.UNKNOWN_CODE
    lock = "FOR NO KEY UPDATE" if database.on_postgres() else ""  # not in the way of their claims and messages
    holder = await database.row(f"SELECT deleted_at FROM member WHERE id = $1 {lock}", found["member_id"])
    await fitting.alone_with_people([found["person_id"]])
    voucher = await Voucher.select_for_update().get(id=found["id"])
    if voucher.member_id != found["member_id"]:  # their account was joined to another in this very moment
        raise database.ChanceTwin
    now_known = await codes.find(parts)
    assert now_known is not None
    concerning("VOUCHER", voucher.public_id)
    doubt = codes.doubt(parts, now_known, keys, now)
    if doubt is None and holder is not None and holder["deleted_at"] is not None:
        return bills.HOLDER_GONE
    return doubt or voucher


def _sport_of(bill: Bill, place: Place) -> str | None:
    """What was said, or the only one that the venue has; None where the clerk must say it."""
    if bill.sport in place.sports:
        return bill.sport
    return place.sports[0] if len(place.sports) == 1 else None


async def _unfit(
    voucher: Voucher, terms: Terms, place: Place, sport: str | None, bill: Bill, now: datetime
) -> DomainError | None:
    if voucher.state == VoucherState.USED:
        return await _used_where(voucher)
    waits = await VoucherUse.get_or_none(voucher_id=voucher.id, venue_id=place.venue_id, state=UseState.WAITING)
    if waits is not None:
        return bills.BillWaits(waits)
    campaign = await VoucherCampaign.get(id=voucher.campaign_id)
    if campaign.state == CampaignState.SETTLED:
        return bills.SETTLED_ALREADY
    await fitting.alone_at_the_cap(terms, campaign_id=voucher.campaign_id, venue_id=place.venue_id)
    so_far = await fitting.usage(terms, voucher, venue_id=place.venue_id, day=business_day(now))
    sports = place.sports if sport is None else (sport,)
    no = fitting.unfit(voucher, terms, place=place, sports=sports, bill_fen=bill.bill_fen, so_far=so_far, now=now)
    if sport is None and place.sports and (no is None or no.code is ErrorCode.VOUCHER_WRONG_SPORT):
        return bills.SPORT_NEEDED
    return no


async def _used_where(voucher: Voucher) -> DomainError:
    found = await VoucherUse.get(voucher_id=voucher.id, state__in=LIVE_USES).prefetch_related("venue")
    return bills.used_before(found, found.venue.name)


def _undocumented(parts: CodeParts, bill: Bill) -> DomainError | None:
    """What a paper code wants besides, asked for once all else is well."""
    if parts.kind is not CodeKind.VOUCHER_PRINTED:
        return None
    if not bill.id_checked:
        return bills.ID_CHECK_NEEDED
    return None if bill.receipt_no else bills.RECEIPT_NEEDED


def _a_use(scan: _Scan, voucher: Voucher, terms: Terms, now: datetime) -> VoucherUse:
    return VoucherUse(
        use_no=new_no("V", now),
        voucher_id=voucher.id,
        campaign_id=voucher.campaign_id,
        kind_id=voucher.kind_id,
        member_id=voucher.member_id,
        venue_id=scan.place.venue_id,
        way=UseWay.DESK,
        staff_id=scan.clerk.staff_id,
        device_id=scan.device_id,
        nonce=scan.nonce,
        request_hash=scan.asked,
        state=UseState.WAITING,
        bill_fen=scan.bill.bill_fen,
        used_fen=voucher.face_fen,
        venue_share_fen=fitting.venue_share_fen(terms, voucher.face_fen),
        id_checked=scan.bill.id_checked,
        rest_way=scan.bill.rest_way if scan.bill.bill_fen > voucher.face_fen else "",
        used_at=now,
        business_day=business_day(now),
    )


async def _write(
    use: VoucherUse, voucher: Voucher, bill: Bill, terms: Terms, *, on_paper: bool, now: datetime
) -> VoucherUse:
    """WAITING for the citizen with the voucher reserved; on paper HELD at once, since nobody can be asked."""
    if on_paper:
        await use.save()
        await writing_off.held(voucher, use, receipt_no=bill.receipt_no, now=now)
        return use
    until = use.confirm_until = now + timedelta(minutes=terms.confirm_minutes)
    await use.save()
    voucher.state = VoucherState.RESERVED
    await voucher.save(update_fields=["state"])
    await writing_off.ask_citizen(use, until=until, now=now)
    return use


@database.operation
async def _hold(use_id: int, receipt_no: str, *, now: datetime) -> BillVerdict:
    voucher, use = await writing_off.lock(use_id)
    if use.state == UseState.HELD and use.receipt_no == receipt_no:
        return verdict_of(use)
    if use.state != UseState.WAITING or _still_asked(use, now):
        raise writing_off.wrong_state(use)
    await writing_off.held(voucher, use, receipt_no=receipt_no, now=now)
    return verdict_of(use)


def _still_asked(use: Any, now: datetime) -> bool:
    return use.confirm_until is not None and now < use.confirm_until


@database.operation
async def _call_off(use_id: int, staff_id: int, *, now: datetime) -> BillVerdict:
    voucher, use = await writing_off.lock(use_id)
    if use.state == UseState.UNDONE and use.undo_reason == bills.CALLED_OFF:
        return verdict_of(use)
    if use.state != UseState.WAITING:
        raise writing_off.wrong_state(use)
    await writing_off.undone(voucher, use, reason=bills.CALLED_OFF, staff_id=staff_id, now=now)
    return verdict_of(use)
