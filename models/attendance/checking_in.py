"""Coming in time without a door: with the phone, near the venue, or to the clerk at the desk."""

from datetime import datetime
from math import sqrt
from typing import Any

from maps.coordinates import CoordinateSystem, Point
from maps.nearest import Metric
from models import database
from models.attendance.rules import NEAR_METRES, AttendanceState, check_in_not_now
from models.attendance.tables import Attendance
from models.audit.deeds import concerning
from models.errors import DomainError, ErrorCode
from models.orders.operations import lock_order
from models.staff.powers import demand, venues_where
from models.staff.rules import Power, StaffSignedIn

_NEAR_BOX_METRES = 50_000


async def check_in(*, member_id: int, order_no: str, line_no: int, place: Point, now: datetime) -> None:
    """The member says that they are there; the phone's place must be near. The second time changes nothing.

    Raises ORDER_UNKNOWN for a stranger's, BAD_INPUT where nobody has to check in, TOO_FAR, CHECK_IN_NOT_NOW,
    SLOT_RELEASED.
    """
    line = await _line(order_no, line_no, "orders.member_id = $3", member_id)
    _require_near(line, place)
    await _check_in(line, None, now)


async def check_in_at_desk(*, clerk: StaffSignedIn, order_no: str, line_no: int, now: datetime) -> None:
    """The clerk saw them. Raises NOT_ALLOWED for whoever redeems nowhere, ORDER_UNKNOWN also for an order of another
    venue, and what `check_in` raises."""
    await demand(clerk, Power.REDEEM)
    line = await _line(order_no, line_no, venues_where(Power.REDEEM, staff="$3"), clerk.staff_id)
    concerning("MEMBER", line["member_public_id"], venue_id=line["venue_public_id"], detail=order_no)
    await _check_in(line, clerk.staff_id, now)


@database.operation
async def _check_in(line: Any, staff_id: int | None, now: datetime) -> None:
    """Under the order's lock, as a door's passage and the release are: only one of them happens."""
    order = await lock_order(line["order_id"])
    attendance = await Attendance.select_for_update().get_or_none(order_line_id=line["id"])
    if attendance is None or order.status != "PAID" or line["cancelled_at"] is not None:
        raise DomainError(
            f"{line['title']}不需要签到。",
            code=ErrorCode.CHECK_IN_NOT_NOW,
            next_step="请在入口出示入场码。",
            field="lineNo",
        )
    if attendance.state == AttendanceState.CAME:
        return
    if attendance.state != AttendanceState.EXPECTED:
        raise released(line["title"])
    opens_at = database.utc(line["opens_at"])
    if now < opens_at or now >= attendance.late_at:
        raise check_in_not_now(line["title"], opens_at, attendance.late_at, now)
    attendance.state, attendance.decided_at, attendance.staff_id = AttendanceState.CAME, now, staff_id
    await attendance.save(update_fields=["state", "decided_at", "staff_id"])


def released(title: str) -> DomainError:
    return DomainError(
        f"{title}因未按时到场，场地已经释放。",
        code=ErrorCode.SLOT_RELEASED,
        next_step="请到前台询问，或重新预订其他时段。",
        field="lineNo",
    )


async def _line(order_no: str, line_no: int, whose: str, value: int) -> Any:
    """The line with where it is. Raises ORDER_UNKNOWN."""
    found = await database.row(
        f"""SELECT order_line.id, order_line.order_id, order_line.title, order_line.cancelled_at, venue.lon, venue.lat,
                   venue.name AS venue_name, venue.public_id AS venue_public_id,
                   member.public_id AS member_public_id,
                   (SELECT MIN(opens_at) FROM admission WHERE admission.order_line_id = order_line.id) AS opens_at
              FROM order_line JOIN orders ON orders.id = order_line.order_id
                              JOIN venue ON venue.id = orders.venue_id JOIN member ON member.id = orders.member_id
             WHERE orders.order_no = $1 AND order_line.line_no = $2 AND {whose}""",
        order_no,
        line_no,
        value,
    )
    if found is None:
        raise DomainError(
            "没有找到这张订单里的时段。",
            code=ErrorCode.ORDER_UNKNOWN,
            next_step="请在“我的订单”里查看。",
            field="orderNo",
        )
    return found


def _require_near(line: Any, place: Point) -> None:
    here = place.to(CoordinateSystem.WGS84)
    metric = Metric.at(line["lon"], line["lat"])
    box = metric.box(_NEAR_BOX_METRES)
    if box.west <= here.lon <= box.east and box.south <= here.lat <= box.north:
        metres = sqrt(metric.squared_metres(here.lon, here.lat))
        if metres <= NEAR_METRES:
            return
        away = f"还有约{int(round(metres, -1))}米" if metres < 1000 else f"还有约{metres / 1000:.0f}公里"
    else:
        away = "还很远"
    raise DomainError(
        f"您离{line['venue_name']}{away}，到场馆后才能签到。",
        code=ErrorCode.TOO_FAR,
        next_step="请到场馆后再签到；如果您就在场馆里，请打开定位后重试，或请前台帮您签到。",
        field="place",
    )
