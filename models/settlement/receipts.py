"""The bank's receipts: files that were looked at by their first bytes, named by their hash, kept as they came."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.audit.deeds import concerning
from models.settlement.banking import media_type_of
from models.settlement.rules import ReceiptRefused, SettlementUnknown
from models.settlement.tables import PaymentReceipt, PaymentRecord
from models.staff.powers import not_allowed, venues_where
from models.staff.rules import Power, StaffSignedIn

UNATTACHED_LIFE = timedelta(days=1)
"""A file that nobody recorded a payment with goes when its uploader comes with another one."""
MOST_UNATTACHED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    content: bytes
    media_type: str
    sha256: str


async def keep_receipt(*, clerk: StaffSignedIn, content: bytes, now: datetime) -> str:
    """The file's SHA-256 in hex, by which `record_payment` names it. The same file again is the same one. Raises
    NOT_ALLOWED, RECEIPT_REFUSED."""
    if not clerk.has(Power.PAY_OUT):
        raise not_allowed(Power.PAY_OUT)
    media_type = media_type_of(content)
    digest = sha256_of(content)
    concerning("RECEIPT", digest[:16])
    await _keep(clerk, content, media_type, digest, now)
    return digest


@database.operation
async def _keep(clerk: StaffSignedIn, content: bytes, media_type: str, digest: str, now: datetime) -> None:
    await database.alone_with(f"receipts of {clerk.staff_id}")
    await database.rows(
        """DELETE FROM payment_receipt WHERE uploaded_by_id = $1 AND uploaded_at < $2
              AND NOT EXISTS (SELECT 1 FROM payment_record WHERE payment_record.receipt_id = payment_receipt.id)""",
        clerk.staff_id,
        now - UNATTACHED_LIFE,
    )
    if await PaymentReceipt.exists(uploaded_by_id=clerk.staff_id, sha256=digest):
        return
    waiting = await database.row(
        """SELECT COUNT(*) AS files FROM payment_receipt WHERE uploaded_by_id = $1
              AND NOT EXISTS (SELECT 1 FROM payment_record WHERE payment_record.receipt_id = payment_receipt.id)""",
        clerk.staff_id,
    )
    assert waiting is not None
    if waiting["files"] >= MOST_UNATTACHED:
        raise ReceiptRefused(f"已有{MOST_UNATTACHED}份回单没有登记付款。")
    await PaymentReceipt.create(
        sha256=digest, media_type=media_type, content=content, uploaded_by_id=clerk.staff_id, uploaded_at=now
    )


async def receipt_to_attach(clerk: StaffSignedIn, digest: str) -> PaymentReceipt:
    """The clerk's own upload, which proves nothing else yet. Raises RECEIPT_REFUSED."""
    receipt = None
    if len(digest) == 64:
        receipt = await PaymentReceipt.get_or_none(uploaded_by_id=clerk.staff_id, sha256=digest.lower())
    if receipt is None:
        raise ReceiptRefused("没有找到这份回单。")
    if await PaymentRecord.exists(receipt__sha256=receipt.sha256):
        raise ReceiptRefused("这份回单已经用于另一笔付款。")
    return receipt


async def receipt_of(*, clerk: StaffSignedIn, settlement_no: str) -> ReceiptFile:
    """Of a paid settlement, for whoever may read it. Raises NOT_ALLOWED, SETTLEMENT_UNKNOWN."""
    if not clerk.has(Power.READ_SETTLEMENT):
        raise not_allowed(Power.READ_SETTLEMENT)
    found = await database.row(
        f"""SELECT payment_receipt.content, payment_receipt.media_type, payment_receipt.sha256,
                   settlement.settlement_no, venue.public_id AS venue_id
              FROM settlement JOIN venue ON venue.id = settlement.venue_id
                   JOIN payment_record ON payment_record.settlement_id = settlement.id
                   JOIN payment_receipt ON payment_receipt.id = payment_record.receipt_id
             WHERE settlement.settlement_no = $2 AND {venues_where(Power.READ_SETTLEMENT)}""",
        clerk.staff_id,
        settlement_no.strip().upper(),
    )
    if found is None:
        raise SettlementUnknown
    concerning("SETTLEMENT", found["settlement_no"], venue_id=found["venue_id"], reading=True)
    return ReceiptFile(content=bytes(found["content"]), media_type=found["media_type"], sha256=found["sha256"])


def sha256_of(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()
