"""A signed-in clerk scans a code: the one call of the desk's page and of GraphQL."""

from datetime import datetime

from models import database
from models.admissions.operations import redeem
from models.admissions.rules import Verdict
from models.codes.rules import CodeKeys
from models.errors import DomainError, ErrorCode
from models.staff.rules import StaffSignedIn


async def scan(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    checkpoint: str,
    code: str,
    nonce: str,
    direction: str,
    id_checked: bool,
    keys: CodeKeys,
    now: datetime,
) -> Verdict:
    """Judges one code at one of the clerk's own venues; `venue_id` is public. Raises NOT_ALLOWED elsewhere."""
    venue = None
    if venue_id in dict(clerk.venues):
        venue = await database.row("SELECT id FROM venue WHERE public_id = $1", venue_id)
    if venue is None:
        raise DomainError(
            "您没有这个场馆的核销权限。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请选择自己的场馆，或联系管理员开通。",
            field="venueId",
        )
    return await redeem(
        staff_id=clerk.staff_id,
        device_id=f"desk:{clerk.staff_id}:{clerk.device_id}",
        venue_id=venue["id"],
        checkpoint=checkpoint,
        code=code,
        nonce=nonce,
        direction=direction,
        id_checked=id_checked,
        keys=keys,
        now=now,
    )
