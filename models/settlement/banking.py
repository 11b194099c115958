"""Where a venue's money goes, the file by which the bank sends it, and the bank's receipt. Pure."""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.errors import BadInput
from models.settlement.rules import ReceiptRefused

MOST_RECEIPT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Whose account it is, at which bank, under which number. Only the payout's file shows it in full."""

    holder: str = field(repr=False)
    number: str = field(repr=False)
    bank: str

    @property
    def holder_hint(self) -> str:
        """成都***公司: the first and the last two characters, less of a short one."""
        shown = 2 if len(self.holder) > 5 else 1
        return f"{self.holder[:shown]}***{self.holder[-shown:] if len(self.holder) > 2 else ''}"

    @property
    def last_four(self) -> str:
        return self.number[-4:]


_NUMBER = re.compile(r"[0-9]{8,30}")
_NAME = re.compile(r"[^\W_][\w()（）·.、 -]*")
LONGEST_NAME = 60


def checked_account(*, holder: str, bank: str, number: str) -> BankAccount:
    """Raises BAD_INPUT for what no bank takes. Full-width digits and blanks in the number are forgiven. No name begins
    with a sign that a spreadsheet would take for a formula."""
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", number))
    if not (digits.isascii() and _NUMBER.fullmatch(digits)):
        raise BadInput("账号应为8到30位数字。", next_step="请对照开户许可证逐位核对。", field="number")
    return BankAccount(
        holder=_checked_name(holder, "户名", "holder"), bank=_checked_name(bank, "开户行", "bank"), number=digits
    )


def _checked_name(text: str, what: str, field_name: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not (2 <= len(name) <= LONGEST_NAME and name.isprintable() and _NAME.fullmatch(name)):
        raise BadInput(
            f"{what}不正确。", next_step=f"请按开户许可证填写，2到{LONGEST_NAME}个字。", field=field_name
        )
    return name


# The file for the bank


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRow:
    """One payment of a batch."""

    settlement_no: str
    account: BankAccount
    amount_fen: int


def payout_file(batch_no: str, rows: Sequence[PayoutRow]) -> bytes:
    """As banks take it: first the batch with its sums and the SHA-256 of what follows, then a line for each payment.
    UTF-8 with the mark by which spreadsheets know it."""
    listed = csv_bytes(
        ("序号", "结算单号", "收款户名", "收款账号", "开户行", "金额(元)", "用途"),
        *(
            (
                str(number),
                row.settlement_no,
                row.account.holder,
                row.account.number,
                row.account.bank,
                yuan(row.amount_fen),
                f"体育消费券结算款 {row.settlement_no}",
            )
            for number, row in enumerate(rows, start=1)
        ),
    )
    total = yuan(sum(row.amount_fen for row in rows))
    head = csv_bytes(
        ("批次号", "笔数", "总金额(元)", "明细SHA-256"),
        (batch_no, str(len(rows)), total, hashlib.sha256(listed).hexdigest()),
    )
    return b"\xef\xbb\xbf" + head + listed


def yuan(fen: int) -> str:
    """4000 → 40.00"""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def harmless(cell: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula (CWE-1236): an apostrophe makes it text. A sum of money
    may begin with its minus."""
    if cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} and not re.fullmatch(
        r"-[0-9.]+", cell
    ):
        return "'" + cell
    return cell


def csv_bytes(*lines: Sequence[str]) -> bytes:
    """Lines of harmless cells, as RFC 4180 has them."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([[harmless(cell) for cell in line] for line in lines])
    return out.getvalue().encode()


# The bank's receipt

_MAGIC: Mapping[bytes, str] = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}


def media_type_of(content: bytes) -> str:
    """By its first bytes, whatever its name says. Raises RECEIPT_REFUSED."""
    if len(content) > MOST_RECEIPT_BYTES:
        raise ReceiptRefused("文件太大，不能超过1MB。")
    for begins, media_type in _MAGIC.items():
        if content.startswith(begins):
            return media_type
    raise ReceiptRefused("只收PDF、PNG或JPEG文件。")


def checked_reference(text: str) -> str:
    """The bank's number of a payment, as it stands on the receipt."""
    said = unicodedata.normalize("NFKC", text).strip().upper()
    if not re.fullmatch(r"[0-9A-Z-]{6,64}", said):
        raise BadInput(
            "银行流水号不正确。",
            next_step="请按回单填写，6到64个数字、字母或横线。",
            field="bankReference",
        )
    return said
