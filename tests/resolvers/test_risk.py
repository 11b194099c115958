"""Against fake redemptions, through the public door: the queue, a decision with its line, and rules by two people."""

from datetime import timedelta
from typing import Any

import pytest

from models.audit.tables import AuditLine
from models.members.tables import Member
from models.messages.tables import Message
from models.risk.tables import RiskCase
from models.staff.rules import Role
from models.vouchers.tables import VoucherUse
from tests.authorisation.lives_risk import SHEETS
from tests.factories.booking import Hall, a_hall
from tests.factories.risk import AWriteOff, a_write_off, judged, the_rules
from tests.factories.vouchers import a_campaign
from tests.house import Clerk, House, nothing_changes
from tests.resolvers import documents_risk as documents


@pytest.fixture
async def hall(house: House) -> Hall:
    await the_rules(house.now() - timedelta(days=30))
    return await a_hall(name="解放碑体育馆")


async def regulator(house: House, region_key: str = "510107") -> Clerk:
    return await house.clerk(roles=(Role.REGULATOR,), region_key=region_key)


async def a_suspect(house: House, hall: Hall) -> AWriteOff:
    """Claimed nine seconds before, for the minimum, and the citizen says no."""
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    then = house.now() - timedelta(days=3)
    soon: dict[str, Any] = {"claimed": timedelta(seconds=9), "bill_fen": 40_00, "denied_at": then}
    made = await a_write_off(hall.venue, await a_campaign(), member_id=member.id, used_at=then, **soon)
    await judged(house.now())
    return made


async def decides(clerk: Clerk, case_no: str, **said: Any) -> Any:
    asked = {"caseNo": case_no, "decision": "CONFIRMED", "note": "看过监控", "idempotencyKey": "decide-1", **said}
    return await clerk.ask(documents.DECIDE_RISK_CASE, **asked)


async def test_what_is_suspect_is_seen_with_its_reasons_decided_and_corrected(house: House, hall: Hall) -> None:
    made = await a_suspect(house, hall)
    officer, colleague = await regulator(house), await regulator(house)
    (case,) = (await officer.ask(documents.RISK_CASES)).value
    assert (case["kind"], case["state"], case["venueName"], case["score"]) == ("USE", "OPEN", "解放碑体育馆", 100)
    assert sum(reason["points"] for reason in case["reasons"]) == 100
    assert case["reasons"][0] == {"signal": "denied", "points": 60, "says": "顾客本人表示这笔消费不是自己的。"}
    assert {"title": "领券到核销的秒数", "value": 9} in case["facts"]
    assert (case["use"]["useNo"], case["use"]["way"], case["use"]["used"]) == (made.use_no, "DESK", 2000)

    for _ in range(2):
        decided = (await decides(officer, case["caseNo"])).value
        assert (decided["state"], decided["userErrors"]) == ("CONFIRMED", [])
    assert (await VoucherUse.get(id=made.use_id)).state == "UNDONE"
    assert await Message.filter(template="VOUCHER_FORFEITED").count() == 1
    line = await AuditLine.filter(act="decideRiskCase").first()
    assert line is not None
    assert (line.subject_kind, line.subject_id, line.venue_id) == (
        "RISK_CASE",
        case["caseNo"],
        hall.venue.public_id,
    )

    same = (await decides(officer, case["caseNo"], decision="CLEARED", corrects=True, idempotencyKey="k2")).refusal
    assert same.code == "NOT_ALLOWED"
    corrected = await decides(colleague, case["caseNo"], decision="CLEARED", corrects=True)
    assert corrected.value["state"] == "CLEARED"
    found = (await officer.ask(documents.RISK_CASE, caseNo=case["caseNo"])).value
    assert [made["decision"] for made in found["decisions"]] == ["CONFIRMED", "CLEARED"]
    assert (await officer.ask(documents.RISK_CASES)).value == []


async def test_whoever_has_nothing_to_decide_here_sees_and_changes_nothing(house: House, hall: Hall) -> None:
    await a_suspect(house, hall)
    case = await RiskCase.get()
    clerk = await house.clerk(hall.venue.public_id, roles=(Role.VENUE_MANAGER, Role.REDEEMER, Role.FINANCE))
    async with nothing_changes():
        assert (await decides(clerk, case.case_no)).refusal.code == "NOT_ALLOWED"
        for document in (
            documents.RISK_CASES,
            documents.VENUE_RISKS,
            documents.RISK_RULES,
            documents.RISK_PROPOSALS,
        ):
            assert (await clerk.ask(document)).refusal.code == "NOT_ALLOWED"


async def test_rules_are_proposed_replayed_and_approved_by_another(house: House, hall: Hall) -> None:
    await a_suspect(house, hall)
    officer, head = await regulator(house), await regulator(house, "")
    asked = {**SHEETS, "why": "本地核定", "idempotencyKey": "propose-1"}
    proposal = (await officer.ask(documents.PROPOSE_RISK_RULES, **asked)).value["proposal"]
    assert (proposal["state"], proposal["isMine"], proposal["uses"]["holdFrom"]) == ("PROPOSED", True, 50)
    replayed = (await head.ask(documents.RISK_REPLAY, proposalId=proposal["id"])).value
    assert replayed["uses"] == {
        "judged": 1,
        "wouldHold": 1,
        "wereHeld": 1,
        "decided": 0,
        "agrees": 0,
        "missed": 0,
        "inVain": 0,
    }
    deciding = {"proposalId": proposal["id"], "approves": True, "note": "看过回放"}
    assert (await officer.ask(documents.DECIDE_RISK_PROPOSAL, **deciding)).refusal.code == "NOT_ALLOWED"
    decided = (await head.ask(documents.DECIDE_RISK_PROPOSAL, **deciding)).value["proposal"]
    assert (decided["state"], decided["version"]) == ("APPROVED", 2)
    newest, first = (await officer.ask(documents.RISK_RULES)).value
    assert (newest["version"], newest["venues"]["leastUses"], first["version"]) == (2, 15, 1)
    assert first["uses"]["signals"][1]["lessIsWorse"] is True
    wrong = {**asked, "idempotencyKey": "propose-2", "venues": {**SHEETS["venues"], "leastUses": None}}
    refused = (await officer.ask(documents.PROPOSE_RISK_RULES, **wrong)).refusal
    assert (refused.code, refused.field) == ("RISK_RULES_INVALID", "rules.venues")
