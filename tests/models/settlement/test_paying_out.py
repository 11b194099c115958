"""The money leaves once, into an account that two people read alike, and what was paid is what was owed."""

import asyncio
import csv
import io
from datetime import date
from typing import Any

import pytest

from models.errors import DomainError, ErrorCode
from models.keys import SealingKeys
from models.settlement import paying_out
from models.settlement.accounts import approve_account, enter_account, opened, reseal_all, venue_accounts
from models.settlement.paying_out import batch_file, fail_payout, record_payment
from models.settlement.queries import settlement as whole
from models.settlement.receipts import keep_receipt, receipt_of
from models.settlement.tables import (
    PaymentReceipt,
    PaymentRecord,
    Payout,
    PayoutBatch,
    Settlement,
    VenueAccount,
)
from models.staff.rules import Role
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.settlements import (
    ACCOUNT_KEYS,
    BANK,
    DAY,
    HOLDER,
    LATER,
    NUMBER,
    Programme,
    a_programme,
    a_receipt,
    a_redemption,
    an_account,
    approved,
    drafted,
    latest,
    paid_out,
    recorded,
    take_back,
)
from tests.models.settlement.test_deciding import refusal, works_at


async def an_approved_one(*, account: bool = True) -> tuple[Programme, Settlement]:
    it = await a_programme()
    await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    if account:
        await an_account(it)
    return it, await latest(it)


async def failing(it: Programme, settlement: Settlement, reason: str = "账号户名不符") -> None:
    await fail_payout(clerk=it.paymaster, settlement_no=settlement.settlement_no, reason=reason, now=LATER)


# accounts


async def test_an_account_counts_once_somebody_else_typed_the_same(db: Database) -> None:
    it = await a_programme()
    finance = await a_clerk(it.venue.public_id, roles=[Role.FINANCE])
    entering: dict[str, Any] = {
        "venue_id": it.venue.public_id,
        "holder": HOLDER,
        "bank": BANK,
        "keys": ACCOUNT_KEYS,
        "now": NOW,
    }
    account_id = await enter_account(clerk=finance, number=NUMBER, **entering)
    assert await enter_account(clerk=finance, number=NUMBER, **entering) == account_id
    typing: dict[str, Any] = {"account_id": account_id, "holder": HOLDER, "keys": ACCOUNT_KEYS, "now": NOW}
    for clerk, number, code in (
        (finance, NUMBER, ErrorCode.NOT_ALLOWED),
        (it.paymaster, NUMBER, ErrorCode.NOT_ALLOWED),
        (it.approver, NUMBER[:-1] + "6", ErrorCode.VENUE_ACCOUNT_REFUSED),
    ):
        assert (await refusal(approve_account(clerk=clerk, number=number, **typing))).code is code
    assert (await VenueAccount.get()).state == "ENTERED"
    await approve_account(clerk=it.approver, number=NUMBER, **typing)
    await approve_account(clerk=it.approver, number=NUMBER, **typing)
    (shown,) = await venue_accounts(clerk=finance, venue_id=it.venue.public_id)
    assert (shown.state, shown.holder_hint, shown.last_four) == ("APPROVED", "成都***公司", "3445")


async def test_a_corrected_account_takes_the_place_of_the_former(db: Database) -> None:
    it = await a_programme()
    await an_account(it)
    await an_account(it, number="6217000000001234567")
    states = [(row.state, row.last_four) for row in await VenueAccount.all().order_by("id")]
    assert states == [("ENDED", "3445"), ("APPROVED", "4567")]


async def test_who_works_there_approves_no_account_of_the_venue(db: Database) -> None:
    it = await a_programme()
    await works_at(it.approver, it)
    assert (await refusal(an_account(it))).code is ErrorCode.NOT_ALLOWED


async def test_at_rest_an_account_is_sealed_to_its_place_and_follows_a_new_key(db: Database) -> None:
    it = await a_programme()
    await an_account(it)
    await an_account(it, it.other_venue)
    row = await VenueAccount.all().order_by("id").first()
    assert row is not None
    assert NUMBER.encode() not in bytes(row.sealed_number)
    rotated = SealingKeys({"2": b"c" * 32, **ACCOUNT_KEYS.keys})
    assert await reseal_all(keys=rotated) == 2
    assert await reseal_all(keys=rotated) == 0
    await row.refresh_from_db()
    assert (row.seal_key_id, opened(row, SealingKeys({"2": b"c" * 32})).number) == ("2", NUMBER)


# payouts


async def test_a_batch_pays_everything_that_is_approved_and_its_file_adds_up(db: Database) -> None:
    it, settlement = await an_approved_one()
    await a_redemption(it, it.other_venue)
    await drafted(it)
    there = await latest(it, it.other_venue)
    await approved(it, there)  # without an account yet
    batch_no = await paid_out(it, key="first")
    assert await paid_out(it, key="first") == batch_no
    file = await batch_file(clerk=it.paymaster, batch_no=batch_no, keys=ACCOUNT_KEYS)
    batch = await PayoutBatch.get()
    assert (batch.total_fen, batch.payout_count, batch.file_sha256) == (20_00, 1, file.sha256)
    (row,) = csv.DictReader(io.StringIO(file.content.split(b"\r\n", 2)[2].decode()))
    assert (row["结算单号"], row["收款户名"], row["收款账号"], row["金额(元)"]) == (
        settlement.settlement_no,
        HOLDER,
        NUMBER,
        "20.00",
    )
    assert ((await latest(it)).state, (await latest(it, it.other_venue)).state) == ("IN_PAYOUT", "APPROVED")
    assert (await refusal(paid_out(it))).code is ErrorCode.NOTHING_TO_PAY
    await an_account(it, it.other_venue)
    await paid_out(it)
    assert (await latest(it, it.other_venue)).state == "IN_PAYOUT"


async def test_the_file_is_for_who_pays_out_in_that_region(db: Database) -> None:
    it, _ = await an_approved_one()
    batch_no = await paid_out(it)
    elsewhere = await a_clerk(roles=[Role.PAYMASTER], region_key="500000")
    for clerk, code in (
        (it.approver, ErrorCode.NOT_ALLOWED),
        (elsewhere, ErrorCode.NOTHING_TO_PAY),
    ):
        assert (await refusal(batch_file(clerk=clerk, batch_no=batch_no, keys=ACCOUNT_KEYS))).code is code


async def test_the_file_is_the_same_after_the_account_got_a_new_key(db: Database) -> None:
    it, _ = await an_approved_one()
    batch_no = await paid_out(it)
    before = await batch_file(clerk=it.paymaster, batch_no=batch_no, keys=ACCOUNT_KEYS)
    rotated = SealingKeys({"2": b"c" * 32, **ACCOUNT_KEYS.keys})
    await reseal_all(keys=rotated)
    assert await batch_file(clerk=it.paymaster, batch_no=batch_no, keys=rotated) == before


async def test_what_the_bank_sends_back_is_paid_into_the_corrected_account(db: Database) -> None:
    it, settlement = await an_approved_one()
    await paid_out(it)
    await failing(it, settlement)
    await failing(it, settlement)
    assert (await latest(it)).state == "APPROVED"
    await an_account(it, number="6217000000001234567")
    second = await paid_out(it)
    file = await batch_file(clerk=it.paymaster, batch_no=second, keys=ACCOUNT_KEYS)
    assert b"6217000000001234567" in file.content
    tries = await Payout.all().order_by("attempt").prefetch_related("account")
    assert [(each.attempt, each.state, each.account.last_four, each.failure) for each in tries] == [
        (1, "FAILED", "3445", "账号户名不符"),
        (2, "SENT", "4567", ""),
    ]
    await recorded(it, settlement)
    assert (await refusal(failing(it, settlement))).code is ErrorCode.SETTLEMENT_STATE


# what was really paid


async def test_the_record_with_its_receipt_makes_it_paid(db: Database) -> None:
    it, settlement = await an_approved_one()
    await paid_out(it)
    digest = await a_receipt(it)
    asked: dict[str, Any] = {
        "clerk": it.paymaster,
        "settlement_no": settlement.settlement_no,
        "amount_fen": 20_00,
        "paid_on": date(2026, 11, 21),
        "bank_reference": "hx20261121-0001",
        "receipt_sha256": digest,
        "now": LATER,
    }
    for wrong, code in (
        ({"amount_fen": 19_99}, ErrorCode.PAYMENT_RECORD_REFUSED),
        ({"paid_on": date(2026, 11, 20)}, ErrorCode.PAYMENT_RECORD_REFUSED),
        ({"paid_on": date(2026, 11, 22)}, ErrorCode.PAYMENT_RECORD_REFUSED),
        ({"receipt_sha256": "0" * 64}, ErrorCode.RECEIPT_REFUSED),
        ({"bank_reference": "?"}, ErrorCode.BAD_INPUT),
        ({"clerk": it.approver}, ErrorCode.NOT_ALLOWED),
    ):
        assert (await refusal(record_payment(**{**asked, **wrong}))).code is code
    assert not await PaymentRecord.exists()
    assert (await latest(it)).state == "IN_PAYOUT"

    await record_payment(**asked)
    await record_payment(**asked)
    assert ((await latest(it)).state, (await Payout.get()).state) == ("PAID", "PAID")
    finance = await a_clerk(it.venue.public_id, roles=[Role.FINANCE])
    paid = (await whole(clerk=finance, settlement_no=settlement.settlement_no)).paid
    assert paid is not None
    assert (paid.amount_fen, paid.bank_reference, paid.receipt_sha256) == (20_00, "HX20261121-0001", digest)
    file = await receipt_of(clerk=finance, settlement_no=settlement.settlement_no)
    assert (file.media_type, file.sha256) == ("application/pdf", digest)
    assert file.content.startswith(b"%PDF-")
    refused = await refusal(record_payment(**{**asked, "bank_reference": "HX20261121-0002"}))
    assert refused.code is ErrorCode.SETTLEMENT_STATE


async def test_one_bank_reference_and_one_receipt_prove_one_payment(db: Database) -> None:
    it, settlement = await an_approved_one()
    await a_redemption(it, it.other_venue)
    await drafted(it)
    await an_account(it, it.other_venue)
    there = await latest(it, it.other_venue)
    await approved(it, there)
    await paid_out(it)
    await recorded(it, settlement, reference="HX20261121-0001")
    refused = await refusal(recorded(it, there, reference="hx20261121-0001"))
    assert (refused.code, refused.field) == (ErrorCode.PAYMENT_RECORD_REFUSED, "bankReference")
    used = (await PaymentReceipt.all().order_by("id").first()).sha256  # type: ignore[union-attr]
    again = record_payment(
        clerk=it.paymaster,
        settlement_no=there.settlement_no,
        amount_fen=20_00,
        paid_on=date(2026, 11, 21),
        bank_reference="HX20261121-0002",
        receipt_sha256=used,
        now=LATER,
    )
    assert (await refusal(again)).code is ErrorCode.RECEIPT_REFUSED
    assert (await latest(it, it.other_venue)).state == "IN_PAYOUT"


async def test_a_venue_that_owes_pays_back_and_is_then_owed_nothing(db: Database) -> None:
    it = await a_programme()
    fake = await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    await take_back(fake)
    await drafted(it)
    owing = await latest(it)
    assert (await refusal(recorded(it, owing, amount_fen=20_00))).code is ErrorCode.SETTLEMENT_STATE
    await approved(it, owing)
    await recorded(it, owing, amount_fen=20_00)
    record = await PaymentRecord.get()
    assert (record.is_repayment, record.payout_id, (await latest(it)).state) == (True, None, "PAID")
    await a_redemption(it)
    await drafted(it)
    assert (await latest(it)).carried_in_fen == 0


async def test_a_receipt_is_kept_once_and_goes_if_nobody_records_a_payment_with_it(db: Database) -> None:
    it, settlement = await an_approved_one()
    content = b"%PDF-1.7\nreceipt"
    keeping: dict[str, Any] = {"clerk": it.paymaster, "now": LATER}
    digest = await keep_receipt(content=content, **keeping)
    assert await keep_receipt(content=content, **keeping) == digest
    assert await PaymentReceipt.all().count() == 1
    await paid_out(it)
    await recorded(it, settlement)
    await keep_receipt(clerk=it.paymaster, content=b"%PDF-1.7\nanother", now=LATER + DAY + DAY)
    assert await PaymentReceipt.filter(sha256=digest).count() == 0
    assert await PaymentReceipt.all().count() == 2
    assert (await refusal(keep_receipt(clerk=it.approver, content=content, now=LATER))).code is (
        ErrorCode.NOT_ALLOWED
    )


async def test_a_payout_that_is_cancelled_midway_leaves_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    it, _ = await an_approved_one()
    reached = asyncio.Event()

    really = paying_out._send

    async def then_dies(*sent: Any) -> None:
        await really(*sent)
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(paying_out, "_send", then_dies)
    task = asyncio.create_task(paid_out(it, key="killed"))
    async with asyncio.timeout(10):
        await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert not await PayoutBatch.exists()
    assert not await Payout.exists()
    assert (await latest(it)).state == "APPROVED"
    await paid_out(it, key="killed")
    assert (await Payout.all().count(), (await latest(it)).state) == (1, "IN_PAYOUT")


@pytest.mark.postgres
async def test_two_batches_at_once_pay_nothing_twice(db: Database) -> None:
    it, _ = await an_approved_one()
    other = await a_clerk(roles=[Role.PAYMASTER], region_key="510100", device_id="treasury-2")
    both = Programme(it.campaign, it.venue, it.other_venue, it.proposer, it.approver, other)
    outcomes = await asyncio.gather(paid_out(it), paid_out(both), return_exceptions=True)
    assert sorted(isinstance(each, DomainError) for each in outcomes) == [False, True]
    assert (await PayoutBatch.all().count(), await Payout.all().count()) == (1, 1)


@pytest.mark.postgres
async def test_a_failure_that_races_with_its_record_is_one_of_the_two(db: Database) -> None:
    it, settlement = await an_approved_one()
    await paid_out(it)
    outcomes = await asyncio.gather(failing(it, settlement), recorded(it, settlement), return_exceptions=True)
    assert sum(isinstance(each, DomainError) for each in outcomes) == 1
    after, payout = await latest(it), await Payout.get()
    assert (after.state, payout.state) in {("APPROVED", "FAILED"), ("PAID", "PAID")}
    assert await PaymentRecord.exists() is (after.state == "PAID")
