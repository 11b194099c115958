"""The part of a life that a venue's money from the programme is: settled and paid, then owed back, then carried on.

What a venue is owed, its finance and the office above may see, and nobody else; who the citizen was, neither of them.
"""

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.calendar import business_day
from models.members.tables import Member
from models.staff.tables import StaffMember
from models.vouchers.rules import VoucherState
from models.vouchers.tables import VoucherUse
from tests.factories.settlements import judge, take_back
from tests.factories.vouchers import a_use, a_voucher
from tests.house import HERE, Clerk
from tests.resolvers import documents_settlement as documents

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

HOLDER, BANK, NUMBER = "城南健身有限公司", "中国工商银行成都支行", "6222020200112233445"
DEDUCTED_FEN = 1_00


def days_of(now: datetime) -> tuple[date, date]:
    yesterday = business_day(now) - timedelta(days=1)
    return yesterday - timedelta(days=9), yesterday


async def live_with_settlement(life: "Life", offices: Mapping[str, Clerk]) -> None:
    """One paid; its use turns out to be none, so the next is below zero; and one that carries that, still a draft."""
    others, now = life.others, life.citizen.house.now()
    regulator, paymaster = offices["regulator"], offices["paymaster"]
    fake = await _a_use(life, now)
    others.ids["settlement, paid"] = await _drafted(life, regulator, "settle")
    await _deduct(life, regulator, "settlement, paid")
    await _approved(life, offices, "settlement, paid")
    await _account(life, offices)
    others.keys["pay out"] = secrets.token_hex(8)
    paying = {"campaignId": life.campaigns.managed.public_id, "idempotencyKey": others.keys["pay out"]}
    others.ids["payout batch"] = (await paymaster.ask(documents.MAKE_PAYOUT, **paying)).value["batch"]["batchNo"]
    await _paid(life, paymaster)
    others.ids["batch cursor"] = (await paymaster.ask(documents.PAYOUT_BATCHES)).value["edges"][0]["cursor"]

    await take_back(fake, now=now - timedelta(days=1))
    others.ids["settlement, owing"] = await _drafted(life, regulator, "settle again")
    await _approved(life, offices, "settlement, owing")
    for _ in range(2):  # so that the list of its lines goes on after the first
        await _a_use(life, now)
    others.ids["settlement, draft"] = await _drafted(life, regulator, "settle once more")
    others.keys["deduct"] = await _deduct(life, regulator, "settlement, draft")
    mine = (await life.clerk.ask(documents.SETTLEMENTS)).value
    others.ids["settlement cursor"] = mine["edges"][0]["cursor"]
    lines = await life.clerk.ask(documents.SETTLEMENT_LINES, settlementNo=others.ids["settlement, draft"])
    others.ids["line cursor"] = lines.value["edges"][0]["cursor"]


async def _a_use(life: "Life", now: datetime) -> VoucherUse:
    """At the clerk's desk, two days ago; the rules against fake ones have looked at it."""
    member = await Member.get(public_id=life.citizen.tokens["memberId"])
    clerk = await StaffMember.get(username=life.clerk.username)
    then = now - timedelta(days=2)
    voucher = await a_voucher(member.id, life.campaigns.managed, claimed_at=then)
    voucher.state, voucher.ended_at = VoucherState.USED, then
    await voucher.save()
    use = await a_use(voucher, life.hall.venue, now=then, staff_id=clerk.id)
    await judge(use, now=then)
    return use


async def _drafted(life: "Life", regulator: Clerk, name: str) -> str:
    life.others.keys[name] = secrets.token_hex(8)
    from_day, until_day = days_of(life.citizen.house.now())
    asked = {
        "campaignId": life.campaigns.managed.public_id,
        "fromDay": from_day.isoformat(),
        "untilDay": until_day.isoformat(),
        "idempotencyKey": life.others.keys[name],
    }
    assert (await regulator.ask(documents.DRAFT_SETTLEMENTS, **asked)).value["settlements"] == 1
    found = await regulator.ask(documents.SETTLEMENTS, venueId=life.venue_id)
    return str(found.value["edges"][0]["node"]["settlementNo"])


async def _deduct(life: "Life", regulator: Clerk, which: str) -> str:
    key = secrets.token_hex(8)
    asked = {"settlementNo": life.others.ids[which], "amount": DEDUCTED_FEN, "reason": f"上月多付{key}"}
    await regulator.ask(documents.DEDUCT_FROM_SETTLEMENT, **asked, idempotencyKey=key)
    return key


async def _approved(life: "Life", offices: Mapping[str, Clerk], which: str) -> None:
    asked: dict[str, Any] = {"settlementNo": life.others.ids[which]}
    now = (await life.clerk.ask(documents.SETTLEMENT, **asked)).value["settlement"]
    asked |= {name: now["sums"][name] for name in ("payable", "carriedOut")}
    await offices["regulator"].ask(documents.PROPOSE_SETTLEMENT, **asked)
    approved = await offices["approver"].ask(documents.APPROVE_SETTLEMENT, **asked)
    assert approved.value["settlement"]["settlement"]["state"] == "APPROVED"


async def _account(life: "Life", offices: Mapping[str, Clerk]) -> None:
    """Entered by the venue's finance, typed again by the office."""
    entering = {"venueId": life.venue_id, "holder": HOLDER, "bank": BANK, "number": NUMBER}
    entered = (await life.clerk.ask(documents.ENTER_VENUE_ACCOUNT, **entering)).value["account"]
    life.others.ids["venue account"] = entered["id"]
    typed = {"accountId": entered["id"], "holder": HOLDER, "number": NUMBER}
    approved = await offices["approver"].ask(documents.APPROVE_VENUE_ACCOUNT, **typed)
    assert approved.value["account"]["state"] == "APPROVED"


async def _paid(life: "Life", paymaster: Clerk) -> None:
    kept = await life.citizen.house.http.post(
        f"{HERE}/receipts",
        content=b"%PDF-1.7\n" + secrets.token_bytes(20),
        headers={"Authorization": paymaster.authorization},
    )
    life.others.ids["receipt"] = kept.json()["sha256"]
    asked = {
        "settlementNo": life.others.ids["settlement, paid"],
        "amount": 20_00 - DEDUCTED_FEN,
        "paidOn": business_day(life.citizen.house.now()).isoformat(),
        "bankReference": secrets.token_hex(8).upper(),
        "receiptSha256": life.others.ids["receipt"],
    }
    recorded = (await paymaster.ask(documents.RECORD_PAYMENT, **asked)).value["settlement"]
    assert recorded["settlement"]["state"] == "PAID"
