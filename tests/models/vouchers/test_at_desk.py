"""A walk-in's voucher at a desk: scanned, confirmed or held, taken back, decided; each no by its name."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from models.admissions.operations import pass_door
from models.codes import vouchers as voucher_codes
from models.codes.rules import CodeKeys, CodeVersions
from models.codes.vouchers import OfVoucher
from models.database import operation, rows
from models.errors import DomainError, ErrorCode
from models.members import operations as members
from models.members.tables import Member, SignIn
from models.messages.tables import Message
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from models.vouchers import books
from models.vouchers.at_desk import (
    UNKNOWN_CODES_A_MINUTE,
    bill_at_desk,
    call_off,
    hold_bill,
    redeem_voucher,
)
from models.vouchers.bills import DESK_DECIDES_WITHIN, Bill, BillVerdict
from models.vouchers.codes import VoucherCodes, codes_of
from models.vouchers.confirming import bills_to_confirm, confirm_bill, end_bills
from models.vouchers.rules import CampaignState, RestWay, Terms, Validity, VoucherState, Where
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherEvent, VoucherScan, VoucherUse
from models.vouchers.undoing import decide_held_use, held_uses, undo_redemption, undoable_uses
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall, a_person, census
from tests.factories.people import CODE_KEYS, a_clerk, a_member
from tests.factories.places import a_region, a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.queueing import until_waiting
from tests.statements import statements_of

MINUTE = timedelta(minutes=1)
TERMS = Terms()
IN_TIME, TOO_LATE = NOW + 4 * MINUTE, NOW + TERMS.confirm_minutes * MINUTE
ABANDONED = TOO_LATE + DESK_DECIDES_WITHIN


@dataclass
class Desk:
    """A clerk at a venue, a citizen's voucher (¥20 off ¥40), and what both do."""

    venue: Venue
    campaign: ACampaign
    clerk: StaffSignedIn
    member_id: int
    voucher_id: str
    said: dict[str, Any] = field(default_factory=dict)

    async def code(self, now: datetime = NOW) -> str:
        return (await self.codes(now)).codes[0][1]

    async def codes(self, now: datetime = NOW) -> VoucherCodes:
        return await codes_of(member_id=self.member_id, voucher_id=self.voucher_id, keys=CODE_KEYS, now=now)

    async def scans(
        self, code: str | None = None, *, now: datetime = NOW, nonce: str = "", **bill: Any
    ) -> BillVerdict:
        return await redeem_voucher(
            clerk=self.clerk,
            venue_id=self.venue.public_id,
            bill=Bill(
                **{"code": code or await self.code(now), "bill_fen": 50_00, "sport": "", **self.said, **bill}
            ),
            nonce=nonce or secrets.token_hex(8),
            keys=CODE_KEYS,
            now=now,
        )

    async def scans_paper(self, **bill: Any) -> BillVerdict:
        code = (await self.codes()).printed
        return await self.scans(code, **{"id_checked": True, "receipt_no": "XP-0001", **bill})

    async def says(self, use_no: str, *, agrees: bool = True, now: datetime = IN_TIME) -> str:
        return await confirm_bill(member_id=self.member_id, use_no=use_no, agrees=agrees, now=now)

    async def voucher(self) -> Voucher:
        return await Voucher.get(public_id=self.voucher_id)


async def a_desk(terms: Terms = TERMS, **campaign: Any) -> Desk:
    venue = await a_venue(sport_codes=["BADMINTON"], name="解放碑体育馆")
    made = await a_campaign(terms=terms, **campaign)
    person = await a_person()
    voucher = await a_voucher(person.member_id, made)
    return Desk(venue, made, await a_clerk(venue.public_id), person.member_id, voucher.public_id)


async def a_supervisor(desk: Desk, *roles: Role) -> StaffSignedIn:
    return await a_clerk(desk.venue.public_id, roles=roles or [Role.VENUE_MANAGER], device_id="office")


async def a_regulator() -> StaffSignedIn:
    return await a_clerk(roles=[Role.REGULATOR], region_key="510107", device_id="bureau")


async def refused(act: Awaitable[Any]) -> ErrorCode:
    """Refused by a name, with nothing left behind."""
    before = await census()
    with pytest.raises(DomainError) as no:
        await act
    assert await census() == before
    assert no.value.message.endswith("。")
    assert no.value.next_step
    return no.value.code


async def events() -> list[tuple[str, int, int]]:
    """The campaign's books, whose budget adds up at every moment at which somebody looks."""
    assert await books.check() == []
    return [
        (event.kind, event.amount_fen, event.venue_share_fen) for event in await VoucherEvent.all().order_by("id")
    ]


# the walk-in whose phone is in their hand


async def test_the_citizen_says_yes_on_their_phone_and_the_voucher_is_used(db: Database) -> None:
    desk = await a_desk(replace(TERMS, venue_share_percent=33))
    asked = await desk.scans(rest_way=RestWay.CODE)
    assert (asked.outcome, asked.colour, asked.headline) == ("WAITING", "YELLOW", "请顾客在手机上确认")
    assert (asked.bill_fen, asked.off_fen, asked.rest_fen, asked.waits_until) == (5000, 2000, 3000, TOO_LATE)
    assert (await desk.voucher()).state == VoucherState.RESERVED
    assert await events() == []
    (told,) = await Message.filter(template="BILL_TO_CONFIRM")
    assert (told.member_id, told.about_no) == (desk.member_id, asked.use_no)
    (bill,) = await bills_to_confirm(member_id=desk.member_id, now=IN_TIME)
    assert (bill.use_no, bill.venue_name, bill.bill_fen, bill.off_fen) == (
        *(asked.use_no, "解放碑体育馆"),
        *(5000, 2000),
    )

    assert await desk.says(asked.use_no) == "DONE"
    seen = await bill_at_desk(clerk=desk.clerk, use_no=asked.use_no.lower())
    assert seen is not None
    assert (seen.outcome, seen.colour) == ("DONE", "GREEN")
    assert seen.next_step == "请收30.00元（扫码）。"
    voucher, use = await desk.voucher(), await VoucherUse.get()
    assert (voucher.state, voucher.ended_at) == (VoucherState.USED, IN_TIME)
    assert (use.state, use.way, use.rest_way, use.sport_code) == ("DONE", "DESK", "CODE", "BADMINTON")
    assert (use.confirmed_at, use.staff_id, use.used_at) == (IN_TIME, desk.clerk.staff_id, NOW)
    assert await events() == [("USED", 2000, 660)]
    assert await bills_to_confirm(member_id=desk.member_id, now=IN_TIME) == []


async def test_a_bill_of_just_the_face_value_leaves_nothing_to_collect(db: Database) -> None:
    desk = await a_desk(face_fen=4000, minimum_spend_fen=4000)
    asked = await desk.scans(bill_fen=4000)
    await desk.says(asked.use_no)
    seen = await bill_at_desk(clerk=desk.clerk, use_no=asked.use_no)
    assert seen is not None
    assert (seen.rest_fen, seen.next_step, seen.rest_way) == (0, "不用再收钱。", "")


async def test_a_bill_of_just_the_face_value_is_undone_like_any_other(db: Database) -> None:
    desk = await a_desk(face_fen=4000, minimum_spend_fen=4000)
    use_no = (await desk.scans(bill_fen=4000)).use_no
    await desk.says(use_no)
    undone = await undo_redemption(clerk=await a_supervisor(desk), use_no=use_no, reason="扫错了人", now=IN_TIME)
    assert (undone.outcome, undone.rest_fen, (await desk.voucher()).state) == ("UNDONE", 4000, "CLAIMED")


async def test_the_same_word_again_is_harmless_and_the_other_one_comes_too_late(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    await desk.says(use_no)
    before = await census()
    assert await desk.says(use_no) == "DONE"
    assert await census() == before
    assert await refused(desk.says(use_no, agrees=False)) == ErrorCode.BILL_STATE


async def test_a_no_gives_the_voucher_back_and_the_desk_hears_it(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    assert await desk.says(use_no, agrees=False) == "UNDONE"
    assert await desk.says(use_no, agrees=False) == "UNDONE"
    assert (await desk.voucher()).state == VoucherState.CLAIMED
    assert await events() == []
    seen = await bill_at_desk(clerk=desk.clerk, use_no=use_no)
    assert seen is not None
    assert (seen.outcome, seen.colour, seen.rest_fen) == ("UNDONE", "RED", 5000)
    assert "拒绝" in seen.detail
    assert "50.00元" in seen.next_step
    assert await refused(desk.says(use_no)) == ErrorCode.BILL_STATE
    again = await desk.scans(now=IN_TIME)
    assert again.outcome == "WAITING"


async def test_nobody_but_the_citizen_says_whether_a_bill_is_theirs(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    stranger = (await a_person()).member_id
    for number in (use_no, "V20261120NOBODY222222", "", "' OR 1=1"):
        no = await refused(confirm_bill(member_id=stranger, use_no=number, agrees=True, now=IN_TIME))
        assert no == ErrorCode.BILL_UNKNOWN
    assert await bills_to_confirm(member_id=stranger, now=IN_TIME) == []


# whose phone says nothing


async def test_after_their_time_a_yes_comes_too_late_and_the_desk_holds_the_receipt(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    early = refused(hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0001", now=TOO_LATE - MINUTE))
    assert await early == ErrorCode.BILL_STATE
    assert await refused(desk.says(use_no, now=TOO_LATE)) == ErrorCode.BILL_STATE
    assert await bills_to_confirm(member_id=desk.member_id, now=TOO_LATE) == []
    held = await hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0001", now=TOO_LATE)
    assert (held.outcome, held.colour, held.headline) == ("HELD", "YELLOW", "已核销，待核查")
    assert "XP-0001" in held.next_step
    assert (await desk.voucher()).state == VoucherState.USED
    assert await events() == [], "nobody is paid for what is held"
    assert await Message.filter(template="BILL_HELD", member_id=desk.member_id).count() == 1
    before = await census()
    assert await hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0001", now=TOO_LATE) == held
    assert await census() == before
    other = hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0002", now=TOO_LATE)
    assert await refused(other) == ErrorCode.BILL_STATE


async def test_a_bill_that_nobody_held_comes_to_nothing(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    assert await end_bills(now=ABANDONED - timedelta(seconds=1)) == 0
    assert await end_bills(now=ABANDONED) == 1
    assert await end_bills(now=ABANDONED) == 0
    assert ((await desk.voucher()).state, (await VoucherUse.get()).state) == ("CLAIMED", "UNDONE")
    hold = hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0001", now=ABANDONED)
    assert await refused(hold) == ErrorCode.BILL_STATE


async def test_the_clerk_calls_a_bill_off_and_scans_the_right_one(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans(bill_fen=500_00)).use_no
    for _ in range(2):
        off = await call_off(clerk=desk.clerk, use_no=use_no, now=NOW)
        assert off.outcome == "UNDONE"
    assert (await VoucherUse.get()).undone_by_id == desk.clerk.staff_id
    asked = await desk.scans()
    await desk.says(asked.use_no)
    assert await refused(call_off(clerk=desk.clerk, use_no=asked.use_no, now=IN_TIME)) == ErrorCode.BILL_STATE


async def test_a_receipt_has_a_number(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    for receipt_no in ("", "123", "小票一二三四", "X" * 41, "a b c d"):
        hold = hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no=receipt_no, now=TOO_LATE)
        assert await refused(hold) == ErrorCode.BAD_INPUT, receipt_no


# on paper


async def test_a_paper_code_wants_the_id_card_and_the_receipt_and_is_held(db: Database) -> None:
    desk = await a_desk()
    assert (await desk.scans_paper(id_checked=False)).outcome == "ID_CHECK_NEEDED"
    assert (await desk.scans_paper(receipt_no="")).outcome == "RECEIPT_NEEDED"
    assert await VoucherUse.all().count() == 0
    held = await desk.scans_paper()
    assert (held.outcome, held.off_fen) == ("HELD", 2000)
    use = await VoucherUse.get()
    assert (use.state, use.id_checked, use.receipt_no, use.confirm_until) == ("HELD", True, "XP-0001", None)
    assert (await desk.voucher()).state == VoucherState.USED
    assert await events() == []
    (bill,) = await bills_to_confirm(member_id=desk.member_id, now=NOW)
    assert bill.is_held


async def test_a_helper_s_yes_makes_a_held_one_good_and_a_no_is_kept_for_the_review(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans_paper()).use_no
    for _ in range(2):
        assert await desk.says(use_no, agrees=False) == "HELD"
    assert await bills_to_confirm(member_id=desk.member_id, now=NOW) == []
    assert ((await desk.voucher()).state, await events()) == ("USED", [])
    (seen,) = await held_uses(clerk=await a_regulator(), venue_id=desk.venue.public_id)
    assert (seen.denied_at, seen.receipt_no, seen.id_checked) == (IN_TIME, "XP-0001", True)
    assert await desk.says(use_no, now=NOW + timedelta(hours=5)) == "DONE"
    assert await events() == [("USED", 2000, 0)]
    assert (await VoucherUse.get()).denied_at is None


async def test_a_paper_code_is_not_asked_for_papers_where_they_would_not_help(db: Database) -> None:
    desk = await a_desk()
    assert (await desk.scans_paper(bill_fen=3999, id_checked=False)).outcome == "VOUCHER_SPEND_TOO_LOW"


async def test_a_voucher_opens_no_door(db: Database) -> None:
    desk = await a_desk()
    codes = await desk.codes()
    for code in (codes.codes[0][1], codes.printed):
        for at_gate in (True, False):
            verdict = await operation(pass_door)(
                code=code,
                venue_id=desk.venue.id,
                direction="ENTRY",
                door="北门",
                at_gate=at_gate,
                id_checked=True,
                keys=CODE_KEYS,
                now=NOW,
            )
            assert (verdict.outcome, verdict.headline) == ("DESK_ONLY", "这是消费券码")
    assert (await desk.voucher()).state == VoucherState.CLAIMED


# each no by its name


async def test_a_code_that_nobody_made_is_unknown_and_an_old_one_stale(db: Database) -> None:
    desk = await a_desk()
    voucher = await desk.voucher()
    whose = OfVoucher(handle=voucher.handle, campaign=desk.campaign.public_id, versions=CodeVersions(0, 0))
    strange = CodeKeys({1: b"x" * 32}, current=1)
    forged = [
        voucher_codes.make_rotating(strange, whose, at=NOW),
        voucher_codes.make_rotating(CODE_KEYS, replace(whose, campaign="cmp_ELSEWHERE"), at=NOW),
        voucher_codes.make_rotating(CODE_KEYS, replace(whose, handle="0000000000"), at=NOW),
        voucher_codes.make_rotating(CODE_KEYS, whose, at=NOW - 16 * MINUTE),
        voucher_codes.make_rotating(CODE_KEYS, whose, at=NOW + MINUTE),
        *("1", "x" * 24, "9" * 24, "1" * 100_000, "\ud800"),
    ]
    for code in forged:
        assert (await desk.scans(code)).outcome == "UNKNOWN_CODE", code[:30]
    stale = await desk.scans(await desk.code(NOW - 2 * MINUTE))
    assert (stale.outcome, stale.colour) == ("CODE_STALE", "YELLOW")
    assert await VoucherUse.all().count() == 0
    code = await desk.code()
    assert (await desk.scans(f" {code[:12]} {code[12:]}\n")).outcome == "WAITING"


async def test_signing_out_revokes_what_the_phone_showed_and_not_the_paper(db: Database) -> None:
    desk = await a_desk()
    shown, paper = await desk.code(), (await desk.codes()).printed
    await members.sign_out(sign_in_id=(await SignIn.get(member_id=desk.member_id)).id, now=NOW)
    assert (await desk.scans(shown)).outcome == "CODE_REVOKED"
    assert (await desk.scans(paper, id_checked=True, receipt_no="XP-0001")).outcome == "HELD"


async def test_raising_the_version_of_a_voucher_revokes_both(db: Database) -> None:
    desk = await a_desk()
    shown, paper = await desk.code(), (await desk.codes()).printed
    await Voucher.filter(public_id=desk.voucher_id).update(code_version=1)
    for code in (shown, paper):
        assert (await desk.scans(code, id_checked=True, receipt_no="XP-0001")).outcome == "CODE_REVOKED"


async def _moved(desk: Desk) -> None:
    far = await a_region("500112", name="渝北区", parent_key="500100")
    await Venue.filter(id=desk.venue.id).update(region_id=far.id, province_code="500000", city_code="500100")


@pytest.mark.parametrize(
    ("terms", "bill", "outcome"),
    [
        (TERMS, {"bill_fen": 39_99}, "VOUCHER_SPEND_TOO_LOW"),
        (TERMS, {"bill_fen": 40_00}, "WAITING"),
        (replace(TERMS, where=Where(venues=frozenset({"ven_OTHER"}))), {}, "VOUCHER_WRONG_PLACE"),
        (replace(TERMS, where=Where(regions=frozenset({"500000"}))), {}, "VOUCHER_WRONG_PLACE"),
        (replace(TERMS, where=Where(regions=frozenset({"510100"}))), {}, "WAITING"),
        (replace(TERMS, where=Where(sports=frozenset({"SWIMMING"}))), {}, "VOUCHER_WRONG_SPORT"),
        (replace(TERMS, where=Where(sports=frozenset({"BADMINTON"}))), {}, "WAITING"),
        (replace(TERMS, venue_cap_fen=19_99), {}, "VENUE_CAP_REACHED"),
        (replace(TERMS, venue_cap_fen=10_00, venue_share_percent=50), {}, "WAITING"),
    ],
)
async def test_a_voucher_is_used_where_and_for_what_its_terms_say(
    db: Database, terms: Terms, bill: dict[str, Any], outcome: str
) -> None:
    desk = await a_desk(terms)
    verdict = await desk.scans(**bill)
    assert verdict.outcome == outcome
    assert verdict.headline
    assert verdict.next_step
    waits = outcome == "WAITING"
    assert (await desk.voucher()).state == ("RESERVED" if waits else "CLAIMED")
    assert await VoucherUse.all().count() == waits


async def test_its_own_terms_bind_and_not_those_that_came_later(db: Database) -> None:
    desk = await a_desk(replace(TERMS, where=Where(regions=frozenset({"510000"}))))
    await VoucherCampaign.filter(id=desk.campaign.id).update(terms_version=2, state=CampaignState.PAUSED)
    assert (await desk.scans()).outcome == "WAITING"
    await call_off(clerk=desk.clerk, use_no=(await VoucherUse.get()).use_no, now=NOW)
    await _moved(desk)
    assert (await desk.scans()).outcome == "VOUCHER_WRONG_PLACE"


async def test_a_hall_of_many_sports_is_asked_which(db: Database) -> None:
    desk = await a_desk(replace(TERMS, where=Where(sports=frozenset({"SWIMMING"}))))
    await Venue.filter(id=desk.venue.id).update(sport_codes=["BADMINTON", "SWIMMING"])
    asked = await desk.scans()
    assert (asked.outcome, asked.colour) == ("SPORT_NEEDED", "YELLOW")
    assert (await desk.scans(sport="BADMINTON")).outcome == "VOUCHER_WRONG_SPORT"
    assert (await desk.scans(sport="CURLING")).outcome == "SPORT_NEEDED"
    assert (await desk.scans(sport="SWIMMING")).outcome == "WAITING"
    assert (await VoucherUse.get()).sport_code == "SWIMMING"


async def test_a_voucher_has_its_days(db: Database) -> None:
    desk = await a_desk(replace(TERMS, validity=Validity(days=7)))
    early, late = NOW - timedelta(seconds=1), NOW + timedelta(days=7)
    codes = {now: await desk.code(now) for now in (early, late - timedelta(seconds=1))}
    assert (await desk.scans(codes[early], now=early)).outcome == "VOUCHER_NOT_YET"
    last = codes[late - timedelta(seconds=1)]
    assert (await desk.scans(last, now=late)).outcome == "VOUCHER_ENDED"
    assert await refused(desk.codes(late)) == ErrorCode.VOUCHER_ENDED
    assert (await desk.scans(last, now=late - timedelta(seconds=1))).outcome == "WAITING"


@pytest.mark.parametrize("state", [VoucherState.FORFEITED, VoucherState.EXPIRED, VoucherState.RETURNED])
async def test_a_voucher_that_ended_is_refused(db: Database, state: VoucherState) -> None:
    desk = await a_desk()
    code = await desk.code()
    await Voucher.filter(public_id=desk.voucher_id).update(state=state, ended_at=NOW)
    assert (await desk.scans(code)).outcome == "VOUCHER_ENDED"


async def test_a_used_voucher_says_where_and_when(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    await desk.says((await desk.scans(code)).use_no, now=NOW)
    again = await desk.scans(code)
    assert (again.outcome, again.colour) == ("VOUCHER_USED", "RED")
    assert "解放碑体育馆" in again.detail
    assert await refused(desk.codes()) == ErrorCode.VOUCHER_USED


async def test_a_voucher_whose_bill_waits_is_not_scanned_for_another(db: Database) -> None:
    desk = await a_desk()
    waiting = await desk.scans()
    again = await desk.scans()
    assert (again.outcome, again.colour, again.use_no) == ("VOUCHER_RESERVED", "YELLOW", waiting.use_no)
    elsewhere = await a_venue(sport_codes=["BADMINTON"])
    desk.venue, desk.clerk = elsewhere, await a_clerk(elsewhere.public_id)
    away = await desk.scans()
    assert (away.outcome, away.use_no) == ("VOUCHER_RESERVED", "")
    assert await VoucherUse.all().count() == 1


async def test_one_a_day_is_one_a_day_and_one_a_venue_is_one_a_venue(db: Database) -> None:
    desk = await a_desk(replace(TERMS, uses_a_day=None, uses_a_venue_a_day=1))
    desk.voucher_id, first = (await a_voucher(desk.member_id, desk.campaign)).public_id, desk.voucher_id
    await desk.says((await desk.scans()).use_no)
    desk.voucher_id = first
    limited = await desk.scans(now=IN_TIME)
    assert limited.outcome == "VOUCHER_DAY_LIMIT"
    elsewhere = await a_venue(sport_codes=["BADMINTON"])
    desk.venue, desk.clerk = elsewhere, await a_clerk(elsewhere.public_id)
    assert (await desk.scans(now=IN_TIME)).outcome == "WAITING"


async def test_a_day_s_use_that_was_called_off_is_no_use(db: Database) -> None:
    desk = await a_desk()
    second = (await a_voucher(desk.member_id, desk.campaign)).public_id
    waiting = await desk.scans()
    desk.voucher_id = second
    assert (await desk.scans()).outcome == "VOUCHER_DAY_LIMIT"
    await call_off(clerk=desk.clerk, use_no=waiting.use_no, now=NOW)
    await desk.says((await desk.scans()).use_no)
    tomorrow = NOW + timedelta(days=1)
    desk.voucher_id = (await a_voucher(desk.member_id, desk.campaign)).public_id
    assert (await desk.scans()).outcome == "VOUCHER_DAY_LIMIT"
    assert (await desk.scans(now=tomorrow)).outcome == "WAITING"


async def test_the_paper_of_somebody_who_deleted_their_account_is_worth_nothing(db: Database) -> None:
    desk = await a_desk()
    paper = (await desk.codes()).printed
    await Member.filter(id=desk.member_id).update(deleted_at=NOW)
    gone = await desk.scans(paper, id_checked=True, receipt_no="XP-0001")
    assert (gone.outcome, gone.detail) == ("VOUCHER_ENDED", "这张券的账号已经注销，券不能再用。")
    assert (await desk.voucher()).state == VoucherState.CLAIMED
    assert await VoucherUse.all().count() == await Message.all().count() == 0


async def test_a_settled_campaign_pays_nothing_more(db: Database) -> None:
    desk = await a_desk()
    await VoucherCampaign.filter(id=desk.campaign.id).update(state=CampaignState.SETTLED)
    assert (await desk.scans()).outcome == "VOUCHER_ENDED"


async def test_a_silly_amount_is_refused(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    for bill_fen in (0, -1, 10_000_001, 10**15):
        assert await refused(desk.scans(code, bill_fen=bill_fen)) == ErrorCode.BAD_INPUT, bill_fen


# the same scan again, and who may scan


async def test_the_same_nonce_gives_the_same_answer_and_another_request_is_refused(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    first = await desk.scans(code, nonce="nonce-0001")
    await desk.says(first.use_no)
    before = await census()
    assert await desk.scans(code, nonce="nonce-0001") == first
    assert await desk.scans(code, nonce="nonce-0001", now=ABANDONED) == first
    assert await census() == before
    for other in ({"bill_fen": 50_01}, {"rest_way": RestWay.CARD}, {"id_checked": True}):
        assert await refused(desk.scans(code, nonce="nonce-0001", **other)) == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await refused(desk.scans("1" * 24, nonce="nonce-0001")) == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert code not in str(await VoucherScan.all().values())


async def test_a_refusal_is_repeated_too(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    low = await desk.scans(code, bill_fen=1, nonce="nonce-0001")
    assert await desk.scans(code, bill_fen=1, nonce="nonce-0001") == low
    assert await VoucherScan.all().count() == 1


async def test_a_device_that_tries_codes_must_wait_a_minute(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    for _ in range(UNKNOWN_CODES_A_MINUTE):
        assert (await desk.scans("1" * 24)).outcome == "UNKNOWN_CODE"
    assert (await desk.scans(code)).outcome == "TOO_MANY_ATTEMPTS"
    soon = NOW + 2 * MINUTE
    assert (await desk.scans(now=soon)).outcome == "WAITING"


async def test_a_clerk_of_another_venue_may_do_nothing_here(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans_paper()).use_no
    elsewhere = await a_hall()
    other = await a_clerk(elsewhere.venue.public_id, roles=[Role.VENUE_MANAGER])
    mine, desk.clerk = desk.clerk, other
    second = await a_voucher(desk.member_id, desk.campaign)
    code = (await codes_of(member_id=desk.member_id, voucher_id=second.public_id, keys=CODE_KEYS, now=NOW)).codes
    assert await refused(desk.scans(code[0][1])) == ErrorCode.NOT_ALLOWED
    assert await bill_at_desk(clerk=other, use_no=use_no) is None
    hold = hold_bill(clerk=other, use_no=use_no, receipt_no="XP-0001", now=TOO_LATE)
    assert await refused(hold) == ErrorCode.BILL_UNKNOWN
    assert await refused(call_off(clerk=other, use_no=use_no, now=NOW)) == ErrorCode.BILL_UNKNOWN
    assert await refused(undo_redemption(clerk=other, use_no=use_no, reason="扫错了", now=NOW)) == (
        ErrorCode.BILL_UNKNOWN
    )
    assert await refused(held_uses(clerk=other, venue_id=desk.venue.public_id)) == ErrorCode.NOT_ALLOWED
    assert await refused(held_uses(clerk=mine, venue_id=desk.venue.public_id)) == ErrorCode.NOT_ALLOWED
    await a_region("500112", name="渝北区", parent_key="500100")
    far = await a_clerk(roles=[Role.REGULATOR], region_key="500112", device_id="bureau")
    decided = decide_held_use(clerk=far, use_no=use_no, is_genuine=True, note="小票一致", now=NOW)
    assert await refused(decided) == ErrorCode.BILL_UNKNOWN


# taking back


async def test_a_supervisor_takes_a_write_off_back_within_minutes(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    supervisor = await a_supervisor(desk)
    waiting = undo_redemption(clerk=supervisor, use_no=use_no, reason="扫错了人", now=NOW)
    assert await refused(waiting) == ErrorCode.BILL_STATE
    await desk.says(use_no)
    in_time = IN_TIME + (TERMS.undo_minutes * MINUTE) - timedelta(seconds=1)
    no_power = undo_redemption(clerk=desk.clerk, use_no=use_no, reason="扫错了人", now=in_time)
    assert await refused(no_power) == ErrorCode.NOT_ALLOWED
    for _ in range(2):
        undone = await undo_redemption(clerk=supervisor, use_no=use_no, reason=" 扫错了人 ", now=in_time)
        assert (undone.outcome, undone.rest_fen) == ("UNDONE", 5000)
    assert (await desk.voucher()).state == VoucherState.CLAIMED
    assert await events() == [("USED", 2000, 0), ("TAKEN_BACK", 2000, 0)]
    use = await VoucherUse.get()
    assert (use.undone_by_id, use.undo_reason, use.undone_at) == (supervisor.staff_id, "扫错了人", in_time)
    assert await Message.filter(template="VOUCHER_GIVEN_BACK", member_id=desk.member_id).count() == 1
    other = undo_redemption(clerk=supervisor, use_no=use_no, reason="另一个原因", now=in_time)
    assert await refused(other) == ErrorCode.BILL_STATE
    assert (await desk.scans(now=in_time)).outcome == "WAITING"


async def test_nobody_takes_back_their_own_and_nobody_after_the_minutes(db: Database) -> None:
    desk = await a_desk()
    desk.clerk = await a_supervisor(desk)
    use_no = (await desk.scans()).use_no
    await desk.says(use_no)
    own = undo_redemption(clerk=desk.clerk, use_no=use_no, reason="扫错了人", now=IN_TIME)
    assert await refused(own) == ErrorCode.NOT_ALLOWED
    late = IN_TIME + TERMS.undo_minutes * MINUTE
    supervisor = await a_supervisor(desk)
    after = undo_redemption(clerk=supervisor, use_no=use_no, reason="扫错了人", now=late)
    assert await refused(after) == ErrorCode.USE_NOT_UNDOABLE
    await VoucherCampaign.filter(id=desk.campaign.id).update(state=CampaignState.SETTLED)
    settled = undo_redemption(clerk=supervisor, use_no=use_no, reason="扫错了人", now=IN_TIME)
    assert await refused(settled) == ErrorCode.USE_NOT_UNDOABLE


async def test_the_minutes_begin_when_the_desk_wrote_it_off_however_late_the_citizen_says_yes(
    db: Database,
) -> None:
    desk = await a_desk()
    use_no, supervisor = (await desk.scans_paper()).use_no, await a_supervisor(desk)
    evening = NOW + timedelta(hours=9)
    assert await desk.says(use_no, now=evening) == "DONE"
    assert await undoable_uses(clerk=supervisor, venue_id=desk.venue.public_id, now=evening) == []
    late = undo_redemption(clerk=supervisor, use_no=use_no, reason="扫错了人", now=evening)
    assert await refused(late) == ErrorCode.USE_NOT_UNDOABLE


async def test_the_longest_minutes_that_terms_allow_are_there_to_the_end(db: Database) -> None:
    desk = await a_desk(replace(TERMS, confirm_minutes=24 * 60, undo_minutes=24 * 60))
    use_no, supervisor = (await desk.scans()).use_no, await a_supervisor(desk)
    last = NOW + timedelta(hours=24) - MINUTE
    await desk.says(use_no, now=last)
    latest = last + timedelta(hours=24) - MINUTE
    (found,) = await undoable_uses(clerk=supervisor, venue_id=desk.venue.public_id, now=latest)
    assert found.use_no == use_no
    await undo_redemption(clerk=supervisor, use_no=use_no, reason="扫错了人", now=latest)


async def test_what_can_be_taken_back_costs_as_many_statements_for_many_uses_as_for_one(db: Database) -> None:
    """Of several campaigns, each with terms of its own."""
    desk = await a_desk()
    supervisor = await a_supervisor(desk)

    async def look() -> None:
        found = await undoable_uses(clerk=supervisor, venue_id=desk.venue.public_id, now=IN_TIME)
        assert len(found) == await VoucherUse.all().count()

    async def another(campaign: ACampaign) -> None:
        member_id, _ = await a_member()
        await a_voucher(member_id, campaign, VoucherState.USED, venue=desk.venue, now=NOW)
        await VoucherUse.all().update(staff_id=desk.clerk.staff_id)

    await another(desk.campaign)
    of_one = await statements_of(look)
    for campaign in (desk.campaign, await a_campaign(terms=TERMS), await a_campaign(terms=TERMS)):
        for _ in range(2):
            await another(campaign)
    assert await statements_of(look) == of_one


async def test_a_reason_is_a_sentence(db: Database) -> None:
    desk = await a_desk()
    use_no, supervisor = (await desk.scans_paper()).use_no, await a_supervisor(desk)
    for reason in ("", " ", "错", "错" * 201, "扫错\n了人"):
        undo = undo_redemption(clerk=supervisor, use_no=use_no, reason=reason, now=NOW)
        assert await refused(undo) == ErrorCode.BAD_INPUT, reason


async def test_a_held_one_is_taken_back_without_an_entry_in_the_books(db: Database) -> None:
    desk = await a_desk()
    use_no = (await desk.scans_paper()).use_no
    await undo_redemption(clerk=await a_supervisor(desk), use_no=use_no, reason="扫错了人", now=IN_TIME)
    assert await events() == []
    assert (await desk.voucher()).state == VoucherState.CLAIMED


# the review


@pytest.mark.parametrize("is_genuine", [True, False])
async def test_whoever_looks_at_the_receipt_decides_once(db: Database, is_genuine: bool) -> None:
    desk = await a_desk()
    use_no = (await desk.scans_paper()).use_no
    regulator = await a_regulator()
    manager = await a_supervisor(desk)
    later = NOW + timedelta(days=2)

    async def decides(clerk: StaffSignedIn, genuine: bool) -> BillVerdict:
        return await decide_held_use(
            clerk=clerk, use_no=use_no, is_genuine=genuine, note="小票与账单一致", now=later
        )

    assert await refused(decides(manager, True)) == ErrorCode.NOT_ALLOWED
    (seen,) = await held_uses(clerk=manager, venue_id=desk.venue.public_id)
    assert seen.redeemed_by == "李前台"
    for _ in range(2):
        assert (await decides(regulator, is_genuine)).outcome == ("DONE" if is_genuine else "UNDONE")
    assert await events() == ([("USED", 2000, 0)] if is_genuine else [])
    assert (await desk.voucher()).state == ("USED" if is_genuine else "CLAIMED")
    use = await VoucherUse.get()
    assert (use.decided_by_id, use.decided_at, use.decision_note) == (regulator.staff_id, later, "小票与账单一致")
    assert await refused(decides(regulator, not is_genuine)) == ErrorCode.BILL_STATE
    assert await refused(decides(await a_regulator(), is_genuine)) == ErrorCode.BILL_STATE
    assert await held_uses(clerk=regulator, venue_id=desk.venue.public_id) == []


# races


Act = Callable[[], Awaitable[Any]]


async def outcomes(*acts: Awaitable[Any]) -> list[str]:
    answers = await asyncio.gather(*acts, return_exceptions=True)
    said = []
    for answer in answers:
        if isinstance(answer, DomainError):
            said.append(answer.code.value)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            said.append(answer.outcome if isinstance(answer, BillVerdict) else str(answer))
    return said


@pytest.mark.postgres
async def test_of_sixty_four_desks_at_once_one_gets_the_voucher(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    said = await outcomes(*(desk.scans(code) for _ in range(64)))
    assert sorted(said) == sorted(["WAITING"] + ["VOUCHER_RESERVED"] * 63)
    assert await VoucherUse.all().count() == 1
    assert await VoucherScan.filter(use_id__isnull=False).count() == 1


@pytest.mark.postgres
async def test_one_scan_sent_many_times_at_once_is_one_scan(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    said = await asyncio.gather(*(desk.scans(code, nonce="nonce-0001") for _ in range(16)))
    assert len(set(said)) == 1
    assert said[0].outcome == "WAITING"
    assert await VoucherScan.all().count() == 1


async def uses_and_scans() -> tuple[int, int]:
    """At one moment: a COMMIT that was cut off may be done a little later."""
    (found,) = await rows("SELECT (SELECT count(*) FROM voucher_use), (SELECT count(*) FROM voucher_scan)")
    return found[0], found[1]


@pytest.mark.postgres
async def test_a_scan_that_was_cut_off_anywhere_and_is_sent_again_happens_once(db: Database) -> None:
    desk = await a_desk()
    code = await desk.code()
    cut_off = 0
    for milliseconds in range(0, 40, 2):
        try:
            await asyncio.wait_for(desk.scans(code, nonce="nonce-0001"), milliseconds / 1000)
        except TimeoutError:
            cut_off += 1
        assert await events() == []
        uses, scans = await uses_and_scans()
        assert uses == scans <= 1
    assert cut_off, "nothing was cut off, so nothing was shown"
    assert (await desk.scans(code, nonce="nonce-0001")).outcome == "WAITING"
    assert await VoucherUse.all().count() == await VoucherScan.all().count() == 1


@pytest.mark.postgres
async def test_two_vouchers_of_one_person_at_two_desks_are_one_use_a_day(db: Database) -> None:
    desk = await a_desk()
    second = await a_voucher(desk.member_id, desk.campaign)
    other = Desk(desk.venue, desk.campaign, await a_clerk(desk.venue.public_id), desk.member_id, second.public_id)
    said = await outcomes(*(each.scans() for each in (desk, other) * 4))
    assert said.count("WAITING") == 1
    assert set(said) <= {"WAITING", "VOUCHER_DAY_LIMIT", "VOUCHER_RESERVED"}
    assert await VoucherUse.all().count() == 1


@pytest.mark.postgres
async def test_a_venue_s_cap_is_not_passed_by_many_people_at_once(db: Database) -> None:
    desk = await a_desk(replace(TERMS, venue_cap_fen=3 * 20_00))
    codes = []
    for _ in range(8):
        person = await a_person()
        voucher = await a_voucher(person.member_id, desk.campaign)
        given = await codes_of(member_id=person.member_id, voucher_id=voucher.public_id, keys=CODE_KEYS, now=NOW)
        codes.append(given.codes[0][1])
    said = await outcomes(*(desk.scans(code) for code in codes))
    assert (said.count("WAITING"), said.count("VENUE_CAP_REACHED")) == (3, 5)


@pytest.mark.postgres
async def test_yes_no_the_desk_and_the_clock_at_once_are_decided_once(db: Database) -> None:
    desk = await a_desk()
    for _ in range(6):
        use_no = (await desk.scans(nonce=secrets.token_hex(8))).use_no
        said = await outcomes(
            desk.says(use_no, now=TOO_LATE - timedelta(milliseconds=1)),
            desk.says(use_no, agrees=False, now=TOO_LATE - timedelta(milliseconds=1)),
            call_off(clerk=desk.clerk, use_no=use_no, now=TOO_LATE),
            hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0001", now=TOO_LATE),
            end_bills(now=ABANDONED),
        )
        use, voucher = await VoucherUse.get(use_no=use_no), await desk.voucher()
        assert (use.state, voucher.state) in {("DONE", "USED"), ("UNDONE", "CLAIMED"), ("HELD", "USED")}, said
        booked = await VoucherEvent.filter(use_id=use.id).count()
        assert booked == (use.state == "DONE"), said
        assert await books.check() == []
        desk.voucher_id = (await a_voucher((await a_person()).member_id, desk.campaign)).public_id
        desk.member_id = (await desk.voucher()).member_id


@pytest.mark.postgres
async def test_whoever_waits_for_a_member_s_row_holds_no_voucher_of_theirs(db: Database) -> None:
    """As accounts are joined: the member's row first, then all that is theirs. A desk that told the citizen something
    with the voucher in its hand would make a ring with that."""
    desk = await a_desk()
    use_no = (await desk.scans()).use_no
    async with in_transaction() as joining:
        await joining.execute_query("SELECT id FROM member WHERE id = $1 FOR UPDATE", [desk.member_id])
        holding = asyncio.create_task(
            hold_bill(clerk=desk.clerk, use_no=use_no, receipt_no="XP-0001", now=TOO_LATE), context=Context()
        )
        await until_waiting(lambda: 1)
        await joining.execute_query(
            "SELECT id FROM voucher WHERE public_id = $1 FOR UPDATE NOWAIT", [desk.voucher_id]
        )
    assert (await holding).outcome == "HELD"


@pytest.mark.postgres
async def test_two_supervisors_and_the_settlement_at_once_move_a_use_once(db: Database) -> None:
    for _ in range(4):
        desk = await a_desk()
        use_no = (await desk.scans()).use_no
        await desk.says(use_no)
        supervisors = [await a_supervisor(desk), await a_supervisor(desk)]

        @operation
        async def settles(campaign_id: int = desk.campaign.id) -> str:
            campaign = await VoucherCampaign.select_for_update().get(id=campaign_id)
            campaign.state = CampaignState.SETTLED
            await campaign.save(update_fields=["state"])
            return "SETTLED"

        said = await outcomes(
            settles(),
            *(undo_redemption(clerk=each, use_no=use_no, reason="扫错了人", now=IN_TIME) for each in supervisors),
        )
        use = await VoucherUse.get(use_no=use_no)
        taken_back = await VoucherEvent.filter(use_id=use.id, kind="TAKEN_BACK").count()
        assert said.count("UNDONE") == taken_back == (use.state == "UNDONE"), said
        assert (await desk.voucher()).state == ("CLAIMED" if taken_back else "USED")
