"""The codes to show for a voucher, and what a scanned one proves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.codes import rules, vouchers
from models.codes.rules import CodeKeys, CodeKind, CodeParts, CodeVersions
from models.codes.vouchers import OfVoucher
from models.errors import DomainError, ErrorCode
from models.vouchers import bills, fitting

_VOUCHER = """
SELECT voucher.*, campaign.public_id AS campaign_public_id, member.code_version AS member_code_version
  FROM voucher JOIN voucher_campaign campaign ON campaign.id = voucher.campaign_id
               JOIN member ON member.id = voucher.member_id
"""


@dataclass(frozen=True, slots=True)
class VoucherCodes:
    """About ten minutes of rotating codes, and the printed one. Phones count from `server_now`, never by their clock."""

    server_now: datetime
    codes: Sequence[tuple[datetime, str]]
    printed: str


async def codes_of(*, member_id: int, voucher_id: str, keys: CodeKeys, now: datetime) -> VoucherCodes:
    """Of a voucher of this member that can still be used. Raises VOUCHER_UNKNOWN, VOUCHER_USED, VOUCHER_ENDED. One that
    waits for its bill or its order has codes too: its bill may come to nothing."""
    found = await database.row(
        _VOUCHER + "WHERE voucher.public_id = $1 AND voucher.member_id = $2", voucher_id, member_id
    )
    if found is None:
        raise DomainError(
            "没有找到这张消费券。",
            code=ErrorCode.VOUCHER_UNKNOWN,
            next_step="请在“我的消费券”里查看。",
            field="voucherId",
        )
    over = fitting.over(found["state"], database.utc(found["valid_until"]), now)
    if over is not None:
        raise over
    on_the_phone = _whose(found, CodeKind.VOUCHER_ROTATING)
    return VoucherCodes(now, vouchers.ahead(keys, on_the_phone, now=now), printed_code(found, keys))


def printed_code(found: Any, keys: CodeKeys) -> str:
    """What stands on paper for a row with its campaign's public id: a desk takes it with an ID check."""
    return vouchers.make_printed(keys, _whose(found, CodeKind.VOUCHER_PRINTED))


async def find(parts: CodeParts) -> Any | None:
    """The voucher to which a code's handle leads."""
    return await database.row(_VOUCHER + "WHERE voucher.handle = $1", parts.handle)


def doubt(parts: CodeParts, found: Any, keys: CodeKeys, now: datetime) -> DomainError | None:
    """Why this code is not to be believed; None when it is genuine. What was genuine some minutes ago, or before a
    sign-out, is an honest person's; all else is unknown, and counts as an attempt."""
    whose = _whose(found, parts.kind)
    if vouchers.is_genuine(keys, parts, whose, now=now):
        return None
    if vouchers.was_genuine(keys, parts, whose, now=now):
        return bills.CODE_STALE
    member, own = whose.versions.member, whose.versions.admission
    for past in (CodeVersions(member - 1, own), CodeVersions(member, own - 1)):
        if vouchers.is_genuine(
            keys, parts, OfVoucher(handle=whose.handle, campaign=whose.campaign, versions=past), now=now
        ):
            return bills.CODE_REVOKED
    return bills.UNKNOWN_CODE


def _whose(found: Any, kind: CodeKind) -> OfVoucher:
    on_paper = kind is CodeKind.VOUCHER_PRINTED  # signing out on a phone must not void grandmother's
    member = rules.ON_PAPER if on_paper else found["member_code_version"]
    return OfVoucher(
        handle=found["handle"],
        campaign=found["campaign_public_id"],
        versions=CodeVersions(member, found["code_version"]),
    )
