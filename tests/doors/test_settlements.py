"""Files of settlements over HTTP: who gets them, what they say, and the line that each leaves."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from bff.cli import cli
from models import database
from models.settlement.signing import keys_in, verified
from models.staff.rules import Role
from tests.factories.feedback import divisions
from tests.factories.settlements import Programme, a_programme, a_redemption
from tests.house import Clerk, House
from tests.resolvers import documents_settlement as documents
from tests.resolvers import documents_voucher_campaigns

NUMBER = "6222020200112233445"
CITY = "510100"


class Town:
    """A venue that was owed ¥20 and is paid, all by the doors."""

    it: Programme
    settlement_no: str
    batch_no: str
    finance: Clerk
    proposer: Clerk
    approver: Clerk
    paymaster: Clerk


async def get(house: House, path: str, clerk: Clerk | None = None) -> httpx.Response:
    headers = {"Authorization": clerk.authorization} if clerk else {}
    return await house.http.get(path, headers=headers)


async def a_town(house: House) -> Town:
    town, now = Town(), house.now()
    town.it = it = await a_programme(now=now - timedelta(days=3))
    await divisions()
    await a_redemption(it, now=now - timedelta(days=2))
    venue_id = it.venue.public_id
    town.finance = await house.clerk(venue_id, roles=[Role.FINANCE])
    town.proposer, town.approver = [
        await house.clerk(roles=[Role.REGULATOR], region_key=CITY, device_id=f"office-{n}") for n in (1, 2)
    ]
    town.paymaster = await house.clerk(roles=[Role.PAYMASTER], region_key=CITY, device_id="treasury")
    asked: dict[str, Any] = {
        "campaignId": it.campaign.public_id,
        "fromDay": "2026-11-01",
        "untilDay": "2026-11-19",
        "idempotencyKey": "november",
    }
    made = (await town.proposer.ask(documents.DRAFT_SETTLEMENTS, **asked)).value
    assert (made["settlements"], made["heldEntries"], made["undecidedVenues"]) == (1, 0, 0)
    (edge,) = (await town.finance.ask(documents.SETTLEMENTS)).value["edges"]
    town.settlement_no = edge["node"]["settlementNo"]
    of_it = {"settlementNo": town.settlement_no, "payable": 20_00}
    await town.proposer.ask(documents.PROPOSE_SETTLEMENT, **of_it)
    assert (await town.proposer.ask(documents.APPROVE_SETTLEMENT, **of_it)).refusal.code == "NOT_ALLOWED"
    approved = (await town.approver.ask(documents.APPROVE_SETTLEMENT, **of_it)).value["settlement"]
    assert approved["settlement"]["state"] == "APPROVED"
    entering = {"holder": "成都健身有限公司", "number": NUMBER}
    entered = await town.finance.ask(documents.ENTER_VENUE_ACCOUNT, venueId=venue_id, bank="工商银行", **entering)
    account = entered.value["account"]
    assert (account["holder"], account["lastFour"], account["state"]) == ("成都***公司", "3445", "ENTERED")
    await town.approver.ask(documents.APPROVE_VENUE_ACCOUNT, accountId=account["id"], **entering)
    paying = {"campaignId": it.campaign.public_id, "idempotencyKey": "first"}
    batch = (await town.paymaster.ask(documents.MAKE_PAYOUT, **paying)).value["batch"]
    assert (batch["payouts"], batch["total"]) == (1, 20_00)
    town.batch_no = batch["batchNo"]
    return town


async def paid(house: House, town: Town, *, content: bytes) -> Any:
    headers = {"Authorization": town.paymaster.authorization}
    kept = await house.http.post("/receipts", content=content, headers=headers)
    assert kept.status_code == 201, kept.text
    recording = {
        "settlementNo": town.settlement_no,
        "amount": 20_00,
        "paidOn": "2026-11-20",
        "bankReference": "HX20261120-0001",
        "receiptSha256": kept.json()["sha256"],
    }
    return (await town.paymaster.ask(documents.RECORD_PAYMENT, **recording)).value["settlement"]


async def lines_of(act: str) -> list[tuple[str, str]]:
    rows = await database.rows("SELECT subject_id, outcome FROM audit_line WHERE act = $1 ORDER BY id", act)
    return [(row["subject_id"], row["outcome"]) for row in rows]


async def test_from_the_entry_to_the_receipt_by_the_doors(house: House, tmp_path: Path) -> None:
    town = await a_town(house)
    detail = (await town.finance.ask(documents.SETTLEMENT, settlementNo=town.settlement_no)).value
    assert [step["toState"] for step in detail["steps"]] == ["IN_PAYOUT", "APPROVED", "PROPOSED", "DRAFT"]

    statement = await get(house, detail["settlement"]["statementUrl"], town.finance)
    assert statement.status_code == 200
    keys = await get(house, "/statement-keys")
    said = verified(statement.content, keys_in(keys.content))
    lines = (await town.finance.ask(documents.SETTLEMENT_LINES, settlementNo=town.settlement_no)).value["edges"]
    assert [line["useNo"] for line in said["lines"]] == [edge["node"]["useNo"] for edge in lines]
    assert said["sums"]["payable"] == sum(edge["node"]["owed"] for edge in lines) == 20_00

    (tmp_path / "s.json").write_bytes(statement.content)
    (tmp_path / "keys.json").write_bytes(keys.content)
    asked = ["statement", "verify", str(tmp_path / "s.json"), "--keys", str(tmp_path / "keys.json")]
    checked = CliRunner().invoke(cli, asked)
    assert (checked.exit_code, town.settlement_no in checked.output) == (0, True)
    (tmp_path / "s.json").write_bytes(statement.content.replace(b"2000", b"2001", 1))
    assert CliRunner().invoke(cli, asked).exit_code == 1

    file = await get(house, f"/payouts/{town.batch_no}", town.paymaster)
    assert NUMBER.encode() in file.content
    (batch,) = (await town.paymaster.ask(documents.PAYOUT_BATCHES)).value["edges"]
    assert batch["node"]["fileSha256"] == file.headers["X-Content-SHA256"]

    content = b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(300 * 1024)
    record = await paid(house, town, content=content)
    assert (record["settlement"]["state"], record["paid"]["bankReference"]) == ("PAID", "HX20261120-0001")
    receipt = await get(house, f"/settlements/{town.settlement_no}/receipt", town.finance)
    assert (receipt.content, receipt.headers["content-type"]) == (content, "image/png")
    assert receipt.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in receipt.headers["content-security-policy"]

    sheet = await get(house, f"/settlements/{town.settlement_no}/sheet", town.finance)
    assert "应付(元),20.00" in sheet.content.decode("utf-8-sig")
    assert NUMBER not in "".join(house.answers)
    assert NUMBER not in house.log()
    assert await lines_of("payouts/file") == [(town.batch_no, "OK")]
    assert await lines_of("settlements/statement") == [(town.settlement_no, "OK")]
    assert len(await lines_of("receipts/keep")) == 1


async def test_who_is_not_theirs_to_see_gets_no_file(house: House) -> None:
    town = await a_town(house)
    another = await house.clerk(town.it.other_venue.public_id, roles=[Role.FINANCE], device_id="desk-9")
    statement = f"/settlements/{town.settlement_no}/statement"
    for path, clerk, status in (
        (statement, None, 401),
        (statement, another, 404),
        (statement.replace("statement", "sheet"), another, 404),
        (statement.replace("statement", "receipt"), town.finance, 404),
        (f"/payouts/{town.batch_no}", None, 401),
        (f"/payouts/{town.batch_no}", town.finance, 403),
        (f"/payouts/{town.batch_no}", town.approver, 403),
        ("/payouts/B20261120AAAAAAAAAAAA", town.paymaster, 404),
    ):
        answer = await get(house, path, clerk)
        assert answer.status_code == status, (path, answer.text)
        assert "statement" not in answer.text
        assert NUMBER not in answer.text
    assert await lines_of("payouts/file") == [
        ("", "NOT_ALLOWED"),
        ("", "NOT_ALLOWED"),
        ("", "NOTHING_TO_PAY"),
    ]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"<script>alert(1)</script>", 400), (b"%PDF-" + bytes(1024 * 1024), 400), (b"%PDF-1.7", 201)],
)
async def test_a_receipt_is_a_small_picture_or_pdf(house: House, content: bytes, status: int) -> None:
    paymaster = await house.clerk(roles=[Role.PAYMASTER], region_key="", device_id="treasury")
    headers = {"Authorization": paymaster.authorization, "Content-Type": "application/pdf"}
    assert (await house.http.post("/receipts", content=content, headers=headers)).status_code == status
    assert (await house.http.post("/receipts", content=content)).status_code in (400, 401)


async def test_a_campaign_is_settled_by_the_door_only_when_its_books_are(house: House) -> None:
    town = await a_town(house)
    await database.rows(
        "UPDATE voucher_campaign SET state = 'CLOSED' WHERE id = $1 RETURNING id", town.it.campaign.id
    )
    asked = {
        "campaignId": town.it.campaign.public_id,
        "toState": "SETTLED",
        "expectedVersion": 1,
        "reason": "全部付清",
        "idempotencyKey": "settle",
    }
    refused = (await town.proposer.ask(documents_voucher_campaigns.STEP_CAMPAIGN, **asked)).refusal
    assert (refused.code, "没有付款" in refused.message) == ("CAMPAIGN_STATE", True)
    await paid(house, town, content=b"%PDF-1.7 receipt")
    settled = (await town.proposer.ask(documents_voucher_campaigns.STEP_CAMPAIGN, **asked)).value["campaign"]
    assert settled["campaign"]["state"] == "SETTLED"
