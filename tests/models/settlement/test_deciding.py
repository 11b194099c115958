"""Two people, neither of the venue: what one proposes the other approves, as both saw it."""

import asyncio
from typing import Any

import orjson
import pytest

from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.keys import StatementKeys
from models.settlement.deciding import Seen, approve, deduct, drop, propose
from models.settlement.files import statement_file
from models.settlement.queries import settlement_lines
from models.settlement.signing import verified
from models.settlement.statements import KeyIdTaken, public_keys
from models.settlement.tables import (
    Settlement,
    SettlementDeduction,
    SettlementLine,
    SettlementStep,
    StatementKey,
)
from models.staff.rules import Role, StaffSignedIn
from models.staff.tables import StaffMember, StaffRole
from tests.databases import Database
from tests.factories.campaigns import CHENGDU
from tests.factories.feedback import a_regulator
from tests.factories.people import a_clerk
from tests.factories.settlements import (
    LATER,
    STATEMENT_KEYS,
    Programme,
    a_programme,
    a_redemption,
    approved,
    drafted,
    latest,
    proposed,
    seen_of,
    take_back,
)
from tests.models.settlement.test_drafting import open_case


async def a_draft(*, uses: int = 2) -> tuple[Programme, Settlement]:
    it = await a_programme()
    for _ in range(uses):
        await a_redemption(it)
    await drafted(it)
    return it, await latest(it)


async def taken_off(it: Programme, settlement: Settlement, fen: int, **more: Any) -> None:
    asked: dict[str, Any] = {
        "clerk": it.proposer,
        "reason": "上月多付",
        "idempotency_key": "d1",
        "now": LATER,
        **more,
    }
    await deduct(settlement_no=settlement.settlement_no, amount_fen=fen, **asked)


async def approving(
    clerk: StaffSignedIn, settlement: Settlement, *, fen: int | None = None, keys: StatementKeys = STATEMENT_KEYS
) -> None:
    await approve(
        clerk=clerk,
        settlement_no=settlement.settlement_no,
        seen=seen_of(settlement) if fen is None else Seen(payable_fen=fen, carried_out_fen=0),
        keys=keys,
        now=LATER,
    )


async def refusal(act: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await act
    return refused.value


async def works_at(clerk: StaffSignedIn, it: Programme) -> None:
    await StaffRole.create(
        public_id=new_id("rol"),
        staff_id=clerk.staff_id,
        role=Role.REDEEMER,
        venue_id=it.venue.id,
        granted_at=LATER,
        region_key="",
    )


async def test_a_deduction_with_its_reason_is_taken_off_once(db: Database) -> None:
    it, settlement = await a_draft()
    await taken_off(it, settlement, 5_00)
    await taken_off(it, settlement, 5_00)
    await settlement.refresh_from_db()
    assert (settlement.used_fen, settlement.deducted_fen, settlement.payable_fen) == (40_00, 5_00, 35_00)
    assert await SettlementDeduction.all().count() == 1
    assert (await refusal(taken_off(it, settlement, 6_00))).code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    await taken_off(it, settlement, 50_00, idempotency_key="d2")
    await settlement.refresh_from_db()
    assert (settlement.payable_fen, settlement.carried_out_fen) == (0, 15_00)
    for fen, reason in ((0, "上月多付"), (-5, "上月多付"), (5, " ")):
        refused = await refusal(taken_off(it, settlement, fen, reason=reason, idempotency_key="d3"))
        assert refused.code is ErrorCode.BAD_INPUT


async def test_it_is_proposed_and_approved_by_two_people_and_signed(db: Database) -> None:
    it, settlement = await a_draft()
    await taken_off(it, settlement, 5_00)
    await settlement.refresh_from_db()
    await approved(it, settlement)
    await proposed_again_is_harmless(it, settlement)

    await settlement.refresh_from_db()
    assert (settlement.state, settlement.proposed_by_id, settlement.approved_by_id) == (
        "APPROVED",
        it.proposer.staff_id,
        it.approver.staff_id,
    )
    steps = await SettlementStep.filter(settlement_id=settlement.id).order_by("id")
    assert [(step.from_state, step.to_state, step.staff_id) for step in steps] == [
        ("", "DRAFT", it.proposer.staff_id),
        ("DRAFT", "PROPOSED", it.proposer.staff_id),
        ("PROPOSED", "APPROVED", it.approver.staff_id),
    ]
    _, content = await statement_file(clerk=it.proposer, settlement_no=settlement.settlement_no)
    said = verified(content, await public_keys(STATEMENT_KEYS))
    assert said["settlementNo"] == settlement.settlement_no
    assert said["sums"]["payable"] == settlement.payable_fen == 35_00
    assert said["deductions"] == [{"amount": 5_00, "reason": "上月多付"}]
    assert sum(line["owed"] for line in said["lines"]) - 5_00 == 35_00
    lines = await settlement_lines(
        clerk=it.proposer, settlement_no=settlement.settlement_no, first=10, after_id=None
    )
    assert [line.use_no for line in lines] == [line["useNo"] for line in said["lines"]]


async def proposed_again_is_harmless(it: Programme, settlement: Settlement) -> None:
    await approving(it.approver, settlement)
    refused = await refusal(proposed(it, settlement))
    assert refused.code is ErrorCode.SETTLEMENT_STATE


async def test_nobody_approves_what_they_had_a_hand_in(db: Database) -> None:
    it, settlement = await a_draft()
    third = await a_regulator(CHENGDU)
    await taken_off(it, settlement, 5_00, clerk=third)
    await settlement.refresh_from_db()
    await proposed(it, settlement)
    for clerk in (it.proposer, third):
        assert (await refusal(approving(clerk, settlement))).code is ErrorCode.NOT_ALLOWED
    await settlement.refresh_from_db()
    assert (settlement.state, settlement.statement) == ("PROPOSED", None)
    await approving(it.approver, settlement)


async def test_nobody_decides_about_a_venue_at_which_they_work(db: Database) -> None:
    it, settlement = await a_draft()
    await works_at(it.proposer, it)
    for act in (proposed(it, settlement), taken_off(it, settlement, 1)):
        assert "任职" in (await refusal(act)).message
    await StaffRole.filter(staff_id=it.proposer.staff_id, venue_id=it.venue.id).update(ended_at=LATER)
    await proposed(it, settlement)
    await works_at(it.approver, it)
    assert (await refusal(approving(it.approver, settlement))).code is ErrorCode.NOT_ALLOWED


async def test_another_offices_people_and_a_venues_find_no_settlement(db: Database) -> None:
    it, settlement = await a_draft()
    of_a_district = await a_regulator("510107")
    finance = await a_clerk(it.venue.public_id, roles=[Role.FINANCE])
    asked: dict[str, Any] = {"settlement_no": settlement.settlement_no, "seen": seen_of(settlement), "now": LATER}
    assert (await refusal(propose(clerk=of_a_district, **asked))).code is ErrorCode.SETTLEMENT_UNKNOWN
    assert (await refusal(propose(clerk=finance, **asked))).code is ErrorCode.NOT_ALLOWED
    assert (await latest(it)).state == "DRAFT"


async def test_what_was_not_seen_is_neither_proposed_nor_approved(db: Database) -> None:
    it, settlement = await a_draft()
    await taken_off(it, settlement, 5_00)
    assert (await refusal(proposed(it, settlement))).code is ErrorCode.SETTLEMENT_CHANGED
    await settlement.refresh_from_db()
    await proposed(it, settlement)
    refused = await refusal(approving(it.approver, settlement, fen=40_00))
    assert refused.code is ErrorCode.SETTLEMENT_CHANGED


async def test_a_debt_that_grew_since_it_was_looked_at_is_neither_proposed_nor_approved(db: Database) -> None:
    it, settlement = await a_draft()
    await taken_off(it, settlement, 50_00)
    seen = await latest(it)
    await taken_off(it, settlement, 5_00, idempotency_key="d2")
    settlement = await latest(it)
    assert (seen.payable_fen, settlement.payable_fen) == (0, 0)
    assert (seen.carried_out_fen, settlement.carried_out_fen) == (10_00, 15_00)
    assert (await refusal(proposed(it, seen))).code is ErrorCode.SETTLEMENT_CHANGED
    assert (await latest(it)).state == "DRAFT"
    await proposed(it, settlement)
    assert (await refusal(approving(it.approver, seen))).code is ErrorCode.SETTLEMENT_CHANGED
    assert (await latest(it)).state == "PROPOSED"
    await approving(it.approver, settlement)


async def test_a_case_that_is_opened_meanwhile_stops_it(db: Database) -> None:
    it, settlement = await a_draft()
    await proposed(it, settlement)
    line = await SettlementLine.filter(settlement_id=settlement.id).prefetch_related("entry__use").first()
    assert line is not None
    await open_case(line.entry.use)
    refused = await refusal(approving(it.approver, settlement))
    assert (refused.code, "1笔" in refused.message) == (ErrorCode.SETTLEMENT_HELD, True)
    await drop(clerk=it.approver, settlement_no=settlement.settlement_no, reason="有一笔在核查", now=LATER)
    await drop(clerk=it.approver, settlement_no=settlement.settlement_no, reason="有一笔在核查", now=LATER)
    assert not await SettlementLine.exists()
    assert (await drafted(it)).held_entries == 1
    assert (await latest(it)).payable_fen == 20_00


async def test_what_is_approved_is_neither_dropped_nor_deducted_from(db: Database) -> None:
    it, settlement = await a_draft()
    await approved(it, settlement)
    for act in (
        drop(clerk=it.proposer, settlement_no=settlement.settlement_no, reason="重新拟定", now=LATER),
        taken_off(it, settlement, 1),
    ):
        assert (await refusal(act)).code is ErrorCode.SETTLEMENT_STATE
    assert await SettlementLine.all().count() == 2


async def test_what_is_taken_back_later_changes_no_signed_statement(db: Database) -> None:
    it = await a_programme()
    use = await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    settlement = await latest(it)
    await take_back(use)
    _, content = await statement_file(clerk=it.proposer, settlement_no=settlement.settlement_no)
    assert verified(content, STATEMENT_KEYS.public_keys)["sums"]["payable"] == 20_00
    assert orjson.loads(content)["statement"]["lines"][0]["amount"] == 20_00


async def test_a_key_that_left_the_ring_still_verifies_and_its_id_is_not_used_again(db: Database) -> None:
    it = await a_programme()
    await a_redemption(it)
    await drafted(it)
    old, new = StatementKeys({"old": b"o" * 32}), StatementKeys({"new": b"n" * 32})
    await approved(it, await latest(it), keys=old)
    _, content = await statement_file(clerk=it.proposer, settlement_no=(await latest(it)).settlement_no)
    assert verified(content, await public_keys(new))["format"]
    await a_redemption(it)
    await drafted(it)
    second = await latest(it)
    await proposed(it, second)
    with pytest.raises(KeyIdTaken):
        await approving(it.approver, second, keys=StatementKeys({"old": b"x" * 32}))
    assert (await latest(it)).state == "PROPOSED"
    await approving(it.approver, second, keys=new)
    assert {key.key_id for key in await StatementKey.all()} == {"old", "new"}


@pytest.mark.postgres
async def test_of_two_approvers_at_once_one_signs(db: Database) -> None:
    it, settlement = await a_draft()
    other = await a_regulator(CHENGDU)
    await proposed(it, settlement)
    outcomes = await asyncio.gather(
        approving(it.approver, settlement), approving(other, settlement), return_exceptions=True
    )
    assert sorted(isinstance(each, DomainError) for each in outcomes) == [False, True]
    assert await SettlementStep.filter(to_state="APPROVED").count() == 1
    signer = (await latest(it)).approved_by_id
    winner = it.approver if outcomes[0] is None else other
    assert signer == winner.staff_id
    assert (await StaffMember.get(id=signer)).public_id == winner.public_id


@pytest.mark.postgres
async def test_a_deduction_that_races_with_the_proposal_is_seen_or_refused(db: Database) -> None:
    it, settlement = await a_draft()
    outcomes = await asyncio.gather(
        proposed(it, settlement), taken_off(it, settlement, 5_00), return_exceptions=True
    )
    after = await latest(it)
    codes = [each.code for each in outcomes if isinstance(each, DomainError)]
    assert len(codes) == 1
    if after.state == "PROPOSED":
        assert (codes, after.payable_fen, after.deducted_fen) == ([ErrorCode.SETTLEMENT_STATE], 40_00, 0)
    else:
        assert (codes, after.payable_fen) == ([ErrorCode.SETTLEMENT_CHANGED], 35_00)
