"""Somebody who had no part in it decides what scored high: it is paid, or it is not; and once somebody else may say otherwise."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.checkout.cancelling import cancel_order, refund_quote
from models.errors import DomainError, ErrorCode
from models.messages.tables import Message
from models.orders.tables import Refund
from models.risk.deciding import Decided, decide
from models.risk.holding import held_where
from models.risk.queries import CaseKind, open_cases, risk_case, risk_cases, venue_weeks
from models.risk.rules import CaseState
from models.risk.tables import RiskCase, RiskDecision, RiskScore
from models.staff.rules import Role, StaffSignedIn
from models.vouchers import books
from models.vouchers.rules import CampaignState, Terms, UseState
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherEvent, VoucherUse
from models.vouchers.undoing import decide_held_use, undo_redemption
from models.vouchers.writing_off import FOUND_FAKE, FOUND_FAKE_AND_CANCELLED
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall, a_paid_order, a_person, at, census, wanted
from tests.factories.people import a_clerk
from tests.factories.risk import JUDGED, Office, a_case, a_decider, a_fake, a_key, a_write_off, an_office, judged
from tests.factories.vouchers import a_campaign, a_voucher
from tests.models.risk.test_scoring import a_week_of
from tests.outside import Outside, outside, stage

__all__ = ["outside", "stage"]

CLEARED, CONFIRMED = CaseState.CLEARED, CaseState.CONFIRMED
LATER = JUDGED + timedelta(hours=1)


async def says(clerk: StaffSignedIn, case: RiskCase | str, decision: CaseState, **said: Any) -> Decided:
    number = case if isinstance(case, str) else case.case_no
    asked = {"note": "看过监控，没有人入场", "idempotency_key": a_key(), "now": LATER, **said}
    return await decide(clerk=clerk, case_no=number, decision=decision, **asked)


async def refused(act: Awaitable[Any]) -> ErrorCode:
    """With nothing left behind."""
    before = await census()
    with pytest.raises(DomainError) as no:
        await act
    assert await census() == before
    assert no.value.message.endswith("。")
    assert no.value.next_step
    return no.value.code


async def entries() -> list[tuple[str, int]]:
    """The books, while every budget adds up."""
    assert await books.check() == []
    return [(each.kind, each.amount_fen) for each in await VoucherEvent.all().order_by("id")]


async def told(template: str) -> int:
    return await Message.filter(template=template).count()


async def test_what_is_cleared_is_paid_and_nothing_else_changes(db: Database) -> None:
    office = await an_office()
    fake, case = await a_case(office)
    assert await open_cases() == 1
    decided = await says(office.decider, case, CLEARED, note="本人到场，有照片")
    assert await open_cases() == 0
    assert (decided.case_no, decided.state) == (case.case_no, CLEARED)
    assert await entries() == [("USED", 20_00)]
    assert (await VoucherUse.get(id=fake.use_id)).state == UseState.DONE
    assert not await database.rows(f"SELECT 1 FROM voucher_event WHERE {held_where()}")
    assert await told("VOUCHER_FORFEITED") == 0
    (made,) = await RiskDecision.all()
    assert (made.number, made.staff_id, made.decision, made.note, made.decided_at) == (
        *(1, office.decider.staff_id, "CLEARED", "本人到场，有照片", LATER),
    )


async def test_what_is_confirmed_is_taken_back_the_voucher_is_lost_and_the_citizen_hears_it_politely(
    db: Database,
) -> None:
    office = await an_office()
    fake, case = await a_case(office, venue_share_fen=5_00)
    await says(office.decider, case, CONFIRMED)
    use = await VoucherUse.get(id=fake.use_id)
    assert (use.state, use.undo_reason, use.undone_by_id, use.undone_at) == (
        *(UseState.UNDONE, FOUND_FAKE, office.decider.staff_id, LATER),
    )
    voucher = await Voucher.get(id=fake.voucher_id)
    assert (voucher.state, voucher.ended_at) == ("FORFEITED", LATER)
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]
    taken = await VoucherEvent.get(kind="TAKEN_BACK")
    assert (taken.use_id, taken.venue_share_fen, taken.happened_at) == (fake.use_id, 5_00, LATER)
    message = await Message.get(template="VOUCHER_FORFEITED")
    assert message.member_id == fake.member_id
    assert message.values["amount"] == "20.00元"
    assert not await database.rows(f"SELECT 1 FROM voucher_event WHERE {held_where()}")


async def test_the_same_decision_again_is_the_same_and_its_key_is_good_for_no_other(db: Database) -> None:
    office = await an_office()
    _, case = await a_case(office)
    _, other = await a_case(office)
    key = a_key()
    for _ in range(2):
        assert (await says(office.decider, case, CONFIRMED, idempotency_key=key)).state is CONFIRMED
    assert await entries() == [("USED", 20_00), ("USED", 20_00), ("TAKEN_BACK", 20_00)]
    reused = ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await refused(says(office.decider, case, CLEARED, idempotency_key=key)) is reused
    assert await refused(says(office.decider, other, CONFIRMED, idempotency_key=key)) is reused
    assert await told("VOUCHER_FORFEITED") == 1


async def test_a_decision_is_corrected_once_by_somebody_else_and_the_money_follows(db: Database) -> None:
    office = await an_office()
    fake, case = await a_case(office)
    assert await refused(says(office.decider, case, CLEARED, corrects=True)) is ErrorCode.RISK_CASE_DECIDED
    await says(office.decider, case, CONFIRMED)
    assert await refused(says(office.second, case, CLEARED)) is ErrorCode.RISK_CASE_DECIDED
    assert await refused(says(office.decider, case, CLEARED, corrects=True)) is ErrorCode.NOT_ALLOWED
    assert await refused(says(office.second, case, CONFIRMED, corrects=True)) is ErrorCode.RISK_CASE_DECIDED

    await says(office.second, case, CLEARED, corrects=True, note="顾客提供了当天的照片")
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00), ("USED", 20_00)]
    use, voucher = await VoucherUse.get(id=fake.use_id), await Voucher.get(id=fake.voucher_id)
    assert (use.state, use.undone_at, use.undo_reason) == (UseState.DONE, None, "")
    assert voucher.state == "USED"
    assert await told("VOUCHER_USE_CLEARED") == 1
    third = await a_decider()
    assert await refused(says(third, case, CONFIRMED, corrects=True)) is ErrorCode.RISK_CASE_DECIDED
    made = await RiskDecision.all().order_by("number")
    assert [(each.number, each.decision) for each in made] == [(1, "CONFIRMED"), (2, "CLEARED")]


async def test_what_was_cleared_can_be_found_fake_by_the_correction(db: Database) -> None:
    office = await an_office()
    fake, case = await a_case(office)
    await says(office.decider, case, CLEARED)
    await says(office.second, case, CONFIRMED, corrects=True)
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]
    assert (await Voucher.get(id=fake.voucher_id)).state == "FORFEITED"


async def test_nobody_decides_what_they_wrote_off_or_where_they_work_or_outside_their_region(db: Database) -> None:
    office = await an_office()
    _, case = await a_case(office, staff_id=office.decider.staff_id)
    assert await refused(says(office.decider, case, CLEARED)) is ErrorCode.NOT_ALLOWED
    both = await a_decider()
    await database.rows(
        """INSERT INTO staff_role (public_id, staff_id, role, venue_id, region_key, granted_at)
           VALUES ('rol_both', $1, 'REDEEMER', $2, '', $3)""",
        *(both.staff_id, office.venue.id, NOW),
    )
    assert await refused(says(both, case, CLEARED)) is ErrorCode.NOT_ALLOWED
    manager = await a_clerk(office.venue.public_id, roles=[Role.VENUE_MANAGER])
    assert await refused(says(manager, case, CLEARED)) is ErrorCode.NOT_ALLOWED
    elsewhere = await a_decider("500103")
    assert await refused(says(elsewhere, case, CLEARED)) is ErrorCode.RISK_CASE_UNKNOWN
    assert await refused(says(office.second, "K20261120ZZZZZZZZZZZZ", CLEARED)) is ErrorCode.RISK_CASE_UNKNOWN
    assert await refused(says(office.second, case, CaseState.OPEN)) is ErrorCode.BAD_INPUT
    assert await refused(says(office.second, case, CLEARED, note=" ")) is ErrorCode.BAD_INPUT
    assert await refused(says(office.second, case, CLEARED, idempotency_key="")) is ErrorCode.BAD_INPUT
    await says(office.second, case, CLEARED)


async def test_in_a_settled_campaign_nothing_is_taken_back(db: Database) -> None:
    office = await an_office()
    _, case = await a_case(office)
    await VoucherCampaign.all().update(state=CampaignState.SETTLED)
    assert await refused(says(office.decider, case, CONFIRMED)) is ErrorCode.USE_NOT_UNDOABLE
    await says(office.decider, case, CLEARED)  # that nothing was wrong can be said at any time


async def test_a_use_that_was_undone_meanwhile_has_nothing_left_to_take_back(db: Database) -> None:
    office = await an_office()
    fake, case = await a_case(office, used_at=NOW)
    supervisor = await a_clerk(office.venue.public_id, roles=[Role.VENUE_MANAGER], device_id="office")
    await undo_redemption(clerk=supervisor, use_no=fake.use_no, reason="扫错了", now=NOW + timedelta(minutes=1))
    await says(office.decider, case, CONFIRMED)
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]
    assert (
        await Voucher.get(id=fake.voucher_id)
    ).state == "CLAIMED"  # the citizen's again, as the supervisor said
    await says(office.second, case, CLEARED, corrects=True)
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]


async def test_receipts_and_cases_stand_in_one_queue_and_are_decided_in_one_way(db: Database) -> None:
    office = await an_office()
    genuine = await a_write_off(office.venue, office.campaign, state=UseState.HELD, denied_at=None)
    refusable = await a_fake(
        office.venue, office.campaign, state=UseState.HELD, used_at=NOW + timedelta(hours=1), denied_at=NOW
    )
    fake, case = await a_case(office, staff_id=office.decider.staff_id)
    seen = await risk_cases(clerk=office.second, first=10)
    assert [(each.kind, each.case_no) for each in seen] == [
        (CaseKind.RECEIPT, genuine.use_no),
        (CaseKind.RECEIPT, refusable.use_no),
        (CaseKind.USE, case.case_no),
    ]
    receipt, denied, high = seen
    assert receipt.use is not None
    assert receipt.use.receipt_no == "XP-0001"
    assert receipt.score == 10  # unconfirmed, and nothing else
    assert denied.reasons[0].signal == "denied"
    assert high.use is not None
    assert (high.use.use_no, high.use.redeemed_by) == (fake.use_no, "李前台")
    assert "在线上领券后只过了20秒就核销。" in [reason.says for reason in high.reasons]
    assert "领券到核销的秒数" in [fact.title for fact in high.facts]

    await says(office.second, genuine.use_no, CLEARED)
    await says(office.second, refusable.use_no, CONFIRMED)
    assert await entries() == [("USED", 20_00), ("USED", 20_00)]
    assert (await Voucher.get(id=refusable.voucher_id)).state == "CLAIMED"  # nobody had gained by it yet
    assert [each.case_no for each in await risk_cases(clerk=office.second, first=10)] == [case.case_no]
    assert await refused(says(office.second, "V20261120ZZZZZZZZZZZZ", CLEARED)) is ErrorCode.RISK_CASE_UNKNOWN
    await says(office.second, case, CONFIRMED)
    (decided,) = await risk_cases(clerk=office.decider, state=CONFIRMED, first=10)
    assert [(each.decided_by, each.note) for each in decided.decisions] == [("李前台", "看过监控，没有人入场")]
    assert await risk_cases(clerk=office.second, first=10) == []


async def test_the_old_field_for_receipts_knows_who_works_at_the_venue(db: Database) -> None:
    office = await an_office()
    held = await a_write_off(office.venue, office.campaign, state=UseState.HELD)
    await database.rows(
        """INSERT INTO staff_role (public_id, staff_id, role, venue_id, region_key, granted_at)
           VALUES ('rol_both', $1, 'REDEEMER', $2, '', $3)""",
        *(office.decider.staff_id, office.venue.id, NOW),
    )
    asked: dict[str, Any] = {"use_no": held.use_no, "is_genuine": True, "note": "小票没有问题", "now": LATER}
    assert await refused(decide_held_use(clerk=office.decider, **asked)) is ErrorCode.NOT_ALLOWED
    assert (await decide_held_use(clerk=office.second, **asked)).outcome == "DONE"


async def test_the_queue_is_of_ones_regions_alone(db: Database) -> None:
    office = await an_office()
    _, case = await a_case(office)
    elsewhere, clerk = await a_decider("500103"), await a_clerk(office.venue.public_id)
    assert await risk_cases(clerk=elsewhere, first=10) == []
    assert await risk_case(clerk=elsewhere, case_no=case.case_no) is None
    found = await risk_case(clerk=office.decider, case_no=case.case_no.lower())
    assert found is not None
    assert found.case_no == case.case_no
    for act in (
        risk_cases(clerk=clerk, first=10),
        risk_case(clerk=clerk, case_no=case.case_no),
        venue_weeks(clerk=clerk, first=10),
        risk_cases(clerk=elsewhere, venue_id=office.venue.public_id, first=10),
    ):
        assert await refused(act) is ErrorCode.NOT_ALLOWED
    assert await refused(risk_cases(clerk=office.decider, first=0)) is ErrorCode.BAD_INPUT
    assert len(await risk_cases(clerk=office.decider, venue_id=office.venue.public_id, first=1)) == 1


async def test_a_confirmed_week_opens_a_case_for_each_of_its_uses_and_forfeits_nobodys_voucher(
    db: Database,
) -> None:
    office = await an_office()
    uses = await a_week_of(office, 16)
    await judged(NOW + timedelta(days=10))
    case = await RiskCase.get(use_id=None)
    (seen,) = await risk_cases(clerk=office.decider, first=10)
    assert (seen.kind, seen.use, seen.week) == (CaseKind.WEEK, None, case.week)
    assert "本周100%的核销金额正好等于门槛。" in [reason.says for reason in seen.reasons]
    (week,) = await venue_weeks(clerk=office.decider, first=5)
    assert (week.venue_id, week.score, week.is_held) == (office.venue.public_id, 75, True)
    assert case.week is not None
    assert await venue_weeks(clerk=office.decider, from_week=case.week + timedelta(days=7), first=5) == []

    await VoucherUse.filter(id=uses[0]).update(staff_id=office.second.staff_id)
    assert await refused(says(office.second, case, CLEARED)) is ErrorCode.NOT_ALLOWED
    decided = await says(office.decider, case, CONFIRMED, now=NOW + timedelta(days=11))
    assert decided.opened == 16
    assert await Voucher.filter(state="USED").count() == 16
    held = await database.rows(f"SELECT use_id FROM voucher_event WHERE {held_where()} ORDER BY use_id")
    assert [row["use_id"] for row in held] == uses  # each on its own now
    (one, *_) = await risk_cases(clerk=office.decider, first=100)
    assert one.kind is CaseKind.USE
    assert one.reasons  # those of the use itself


async def test_a_cleared_week_frees_what_is_not_held_on_its_own(db: Database) -> None:
    office = await an_office()
    await a_week_of(office, 15)
    fake = await a_fake(office.venue, office.campaign)
    await judged(NOW + timedelta(days=10))
    await says(office.decider, await RiskCase.get(use_id=None), CLEARED, now=NOW + timedelta(days=11))
    held = await database.rows(f"SELECT use_id FROM voucher_event WHERE {held_where()}")
    assert [row["use_id"] for row in held] == [fake.use_id]


# an order's voucher: it covered a part of the price, found fake or not


async def _ordered(outside: Outside, office: Office, **terms: Any) -> tuple[RiskCase, Any, Any]:
    """¥80 of two courts, ¥20 of it by a voucher; judged high for the test."""
    hall, person = await a_hall(), await a_person()
    campaign = await a_campaign(**terms)
    mine = await a_voucher(person.member_id, campaign)
    lines = (wanted(hall.badminton, at(9)), wanted(hall.badminton_2, at(10)))
    order = await a_paid_order(outside, person, *lines, vouchers=[mine.public_id], now=outside.now())
    use = await VoucherUse.get(order_id=order.id)
    await RiskScore.create(
        use_id=use.id, version=1, facts={}, score=90, is_held=True, reasons=[], scored_at=outside.now()
    )
    await database.rows("SELECT 1")
    case = await RiskCase.create(
        case_no="K20261120ORDERED00000",
        use_id=use.id,
        venue_id=use.venue_id,
        state=CaseState.OPEN,
        version=1,
        score=90,
        opened_at=outside.now(),
    )
    return case, order, person


async def _cancelled(outside: Outside, order: Any, person: Any, *line_nos: int) -> int:
    quote = await refund_quote(
        member_id=person.member_id, order_no=order.order_no, line_nos=line_nos or None, now=outside.now()
    )
    await cancel_order(
        member_id=person.member_id,
        order_no=order.order_no,
        line_nos=line_nos or None,
        expected_refund_fen=quote.total_fen,
        channels=outside.channels,
        now=outside.now(),
    )
    return int(quote.total_fen)


async def test_of_an_order_whose_voucher_was_fake_only_the_citizens_own_money_goes_back(
    db: Database, outside: Outside
) -> None:
    office = await an_office()
    case, order, person = await _ordered(outside, office)
    await says(office.decider, case, CONFIRMED, now=outside.now())
    assert await _cancelled(outside, order, person, 2) == 20_00
    assert (await VoucherUse.get(order_id=order.id)).undo_reason == FOUND_FAKE_AND_CANCELLED
    assert await _cancelled(outside, order, person) == 40_00
    assert sum([refund.amount_fen for refund in await Refund.all()]) == 60_00
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]
    assert (await Voucher.get(order_id=order.id)).state == "FORFEITED"
    await says(office.second, case, CLEARED, corrects=True, now=outside.now())
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]  # the order is gone, and so is its voucher


async def test_what_a_fake_still_covers_is_booked_with_its_own_part_of_the_venues_share_once_it_is_found_good(
    db: Database, outside: Outside
) -> None:
    """¥50 of ¥80 by a voucher of which the venue bears a quarter: of what remains it covers ¥10."""
    office = await an_office()
    terms = Terms(venue_share_percent=25)
    case, order, person = await _ordered(outside, office, face_fen=50_00, minimum_spend_fen=60_00, terms=terms)
    await says(office.decider, case, CONFIRMED, now=outside.now())
    assert await _cancelled(outside, order, person, 2) == 0
    use = await VoucherUse.get(order_id=order.id)
    assert (use.used_fen, use.venue_share_fen) == (10_00, 2_50)
    await says(office.second, case, CLEARED, corrects=True, now=outside.now())
    assert await entries() == [("USED", 50_00), ("TAKEN_BACK", 50_00), ("USED", 10_00)]
    shares = [each.venue_share_fen for each in await VoucherEvent.all().order_by("id")]
    assert shares == [12_50, 12_50, 2_50]


async def test_an_order_that_was_refunded_first_has_nothing_left_to_take_back(
    db: Database, outside: Outside
) -> None:
    office = await an_office()
    case, order, person = await _ordered(outside, office)
    assert await _cancelled(outside, order, person) == 60_00
    await says(office.decider, case, CONFIRMED, now=outside.now())
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]


@pytest.mark.postgres
async def test_a_decision_and_a_refund_at_once_take_the_money_back_once(db: Database, outside: Outside) -> None:
    office = await an_office()
    case, order, person = await _ordered(outside, office)
    await asyncio.gather(
        says(office.decider, case, CONFIRMED, now=outside.now()), _cancelled(outside, order, person)
    )
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]
    assert sum([refund.amount_fen for refund in await Refund.all()]) == 60_00
    assert (await RiskCase.get()).state == CONFIRMED


@pytest.mark.postgres
async def test_of_several_who_decide_at_once_one_does_and_the_others_hear_it(db: Database) -> None:
    office = await an_office()
    _, case = await a_case(office)
    people = [office.decider, office.second, await a_decider(), await a_decider()]
    answers = await asyncio.gather(
        *(says(one, case, (CLEARED, CONFIRMED)[n % 2]) for n, one in enumerate(people)), return_exceptions=True
    )
    won = [each for each in answers if isinstance(each, Decided)]
    lost = [each.code for each in answers if isinstance(each, DomainError)]
    assert len(won) == 1
    assert lost == [ErrorCode.RISK_CASE_DECIDED] * 3
    assert await RiskDecision.all().count() == 1
    assert len(await entries()) == (2 if won[0].state is CONFIRMED else 1)


@pytest.mark.postgres
async def test_the_same_request_twice_at_once_is_one_decision(db: Database) -> None:
    office = await an_office()
    _, case = await a_case(office)
    key = a_key()
    answers = await asyncio.gather(*(says(office.decider, case, CONFIRMED, idempotency_key=key) for _ in range(5)))
    assert {each.state for each in answers} == {CONFIRMED}
    assert await entries() == [("USED", 20_00), ("TAKEN_BACK", 20_00)]
