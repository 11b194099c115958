"""A member's admissions and the codes to show for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.admissions.rules import EXIT_GRACE, NO_SHOW
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from models.errors import DomainError, ErrorCode

_ADMISSION = """
SELECT admission.*, orders.order_no, venue.public_id AS venue_public_id, venue.name AS venue_name,
       member.code_version AS member_code_version
  FROM admission JOIN orders ON orders.id = admission.order_id JOIN venue ON venue.id = admission.venue_id
                 JOIN member ON member.id = admission.member_id
"""


@dataclass(frozen=True, slots=True)
class AdmissionCodes:
    """About ten minutes of rotating codes, and the printed one. Phones count from `server_now`, never by their clock."""

    server_now: datetime
    codes: Sequence[tuple[datetime, str]]
    printed: str


async def admissions_of_orders(order_ids: Sequence[int]) -> list[dict[str, Any]]:
    places = database.parameters(len(order_ids))
    found = await database.rows(
        _ADMISSION + f"WHERE admission.order_id IN ({places}) ORDER BY admission.order_id, admission.id",
        *order_ids,
    )
    return [database.with_instants(row, "opens_at", "starts_at", "ends_at", "first_entered_at") for row in found]


async def admissions_at(*, member_id: int, venue_id: int, day: date) -> list[dict[str, Any]]:
    """A member's places at one venue on one day, those given back left out. `venue_id` is the row's."""
    found = await database.rows(
        _ADMISSION
        + """WHERE admission.member_id = $1 AND admission.venue_id = $2 AND admission.business_day = $3
               AND admission.revoked_at IS NULL ORDER BY admission.starts_at, admission.id""",
        member_id,
        venue_id,
        day,
    )
    return [database.with_instants(row, "opens_at", "starts_at", "ends_at", "first_entered_at") for row in found]


def printed_code(admission: Any, keys: CodeKeys) -> str:
    """What stands on paper for this row of `admissions_at`: a desk takes it with an ID check."""
    return codes.make_printed(
        keys,
        handle=admission["handle"],
        venue=admission["venue_public_id"],
        day=database.day(admission["business_day"]),
        versions=CodeVersions(codes.ON_PAPER, admission["code_version"]),
    )


async def known_person(admission_id: int) -> str | None:
    """An opaque key of the member, when this place is their own: two bookings in a day are then one person's.

    That is the first place of a booking, unless the member has another booking for the same time. Of companions
    nobody knows who they are. Revoked admissions tell nothing, since nobody came by them.
    """
    found = await database.row(
        """SELECT mine.member_id FROM admission mine
            WHERE mine.id = $1 AND mine.seat = 1 AND NOT EXISTS (
                    SELECT 1 FROM orders JOIN admission other ON other.order_id = orders.id
                     WHERE orders.member_id = mine.member_id AND other.id < mine.id AND other.revoked_at IS NULL
                       AND other.starts_at < mine.ends_at AND other.ends_at > mine.starts_at)""",
        admission_id,
    )
    return f"mem:{found['member_id']}" if found else None


async def codes_of(*, member_id: int, admission_id: str, keys: CodeKeys, now: datetime) -> AdmissionCodes:
    """The codes of one admission of this member, and for who is still inside until they may leave no more.

    Raises ADMISSION_UNKNOWN, REFUNDED, SLOT_RELEASED, EXPIRED.
    """
    admission = await database.row(
        _ADMISSION + "WHERE admission.public_id = $1 AND admission.member_id = $2", admission_id, member_id
    )
    if admission is None:
        raise DomainError(
            "没有找到这张入场凭证。",
            code=ErrorCode.ADMISSION_UNKNOWN,
            next_step="请在“我的订单”里查看。",
            field="admissionId",
        )
    if admission["revoked_for"] == NO_SHOW:
        raise DomainError(
            "没有按时到场，这片场地已经释放给别人。",
            code=ErrorCode.SLOT_RELEASED,
            next_step="请到前台询问，或重新预订其他时段。",
        )
    if admission["revoked_at"] is not None:
        raise DomainError("这份预订已经取消。", code=ErrorCode.REFUNDED, next_step="如需入场请重新预订。")
    grace = EXIT_GRACE if admission["is_inside"] else timedelta()
    if database.utc(admission["ends_at"]) + grace <= now:
        raise DomainError("这份预订的时段已经结束。", code=ErrorCode.EXPIRED, next_step="如需入场请重新预订。")
    whose = {
        "handle": admission["handle"],
        "venue": admission["venue_public_id"],
        "day": database.day(admission["business_day"]),
    }
    on_the_phone = CodeVersions(admission["member_code_version"], admission["code_version"])
    on_paper = CodeVersions(codes.ON_PAPER, admission["code_version"])
    return AdmissionCodes(
        now,
        codes.ahead(keys, now=now, versions=on_the_phone, **whose),
        codes.make_printed(keys, versions=on_paper, **whose),
    )
