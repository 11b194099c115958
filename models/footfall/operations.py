"""What happens when a gate scans a code: judged, stored, counted and told to the platform, in one transaction.

The device's row is locked first, so that one device's scans come one after the other. That gives its outbox rows
their order and makes a repeated scan find the answer of the first.
"""

from datetime import datetime, timedelta

from models import database
from models.admissions import operations as admissions
from models.admissions.queries import known_person
from models.admissions.rules import COUNTED, TOO_MANY_ATTEMPTS, Direction, Verdict
from models.booking.session_operations import count_inside
from models.calendar import business_day, minute_of_day
from models.codes.rules import CodeKeys
from models.errors import BadInput, DomainError, ErrorCode
from models.footfall.tables import GateDevice, GateScan
from models.forwarding import operations as forwarding
from models.ids import new_id, request_hash

SAME_SCAN = timedelta(seconds=3)
"""A reader sees a code several times while it is held before it; within 3 s that is one scan (wechat.md)."""


OLDEST_SCAN = timedelta(hours=24)
"""How late a device that lost its line may still deliver what it saw."""
MOST_AT_ONCE = 100


@database.operation
async def record_scan(*, device_id: int, code: str, keys: CodeKeys, now: datetime) -> Verdict:
    """One scan by a plain reader, which numbers nothing. The same code within 3 s gets the stored answer."""
    device = await _locked(device_id)
    code_hash = request_hash(code)
    if _is_same_scan(device, code_hash, now):
        assert device.last_answer is not None
        return Verdict.from_json(device.last_answer)
    verdict = await _judge(device, code, new_id("scan"), code_hash, keys, scanned_at=now, now=now)
    device.last_code_hash, device.last_scan_at, device.last_answer = code_hash, now, verdict.as_json()
    await device.save(update_fields=["last_code_hash", "last_scan_at", "last_answer"])
    return verdict


@database.operation
async def record_numbered_scan(
    *, device_id: int, event_no: str, code: str, at: datetime, sent_at: datetime, keys: CodeKeys, now: datetime
) -> Verdict:
    """One scan by a device that numbers them: a repeated number gets the stored answer.

    `at` and `sent_at` are the device's own clock at the scan and at sending. Only the time between them counts, so
    a clock that is wrong does no harm; the code is judged as of the scan. Raises IDEMPOTENCY_KEY_REUSED when a
    number comes with another content, and BAD_INPUT for a number or a time that cannot be.
    """
    _check_event(event_no, at, sent_at)
    device = await _locked(device_id)
    asked = request_hash(code, at.isoformat())
    given = await _given_before(device_id, event_no, asked)
    if given is not None:
        return given
    scanned_at = now - max(sent_at - at, timedelta())
    return await _judge(device, code, event_no, asked, keys, scanned_at=scanned_at, now=now)


@database.operation
async def record_count(
    *, device_id: int, event_no: str, people: int, at: datetime, sent_at: datetime, now: datetime
) -> Verdict:
    """So many people whom a device counted through its door without reading a code; a repeated number counts once.

    They are inside like everybody, and in the session to which the device leads: there they take places that could
    still be sold. They are no `daily_passage`, since nobody knows whether one of them passes for the second time.
    Raises what `record_numbered_scan` raises.
    """
    _check_event(event_no, at, sent_at)
    if not 1 <= people <= MOST_AT_ONCE:
        raise BadInput(f"一次计数应为 1 到 {MOST_AT_ONCE} 人。", field="people")
    device = await _locked(device_id)
    asked = request_hash("count", people, at.isoformat())
    given = await _given_before(device_id, event_no, asked)
    if given is not None:
        return given
    scanned_at = now - max(sent_at - at, timedelta())
    verdict = COUNTED
    await GateScan.create(
        device_id=device.id,
        venue_id=device.venue_id,
        event_no=event_no,
        request_hash=asked,
        direction=device.direction,
        outcome=verdict.outcome,
        people=people,
        answer=verdict.as_json(),
        scanned_at=scanned_at,
        received_at=now,
        business_day=business_day(scanned_at),
    )
    if business_day(scanned_at) == business_day(now):
        await _count_inside(device, people, now)
        if device.sport_code:
            await count_inside(
                venue_id=device.venue_id,
                sport_code=device.sport_code,
                people=people if device.direction == Direction.ENTRY else -people,
                at=scanned_at,
            )
    return verdict


def _check_event(event_no: str, at: datetime, sent_at: datetime) -> None:
    if not 1 <= len(event_no) <= 64 or not event_no.isprintable():
        raise BadInput("事件编号应为 1 到 64 个字符。", field="eventNo")
    if not timedelta(seconds=-1) <= sent_at - at <= OLDEST_SCAN:  # sent_at is in whole seconds
        raise BadInput("刷闸时间应在发送之前的 24 小时以内。", next_step="请校准设备时钟。", field="at")


async def _given_before(device_id: int, event_no: str, asked: str) -> Verdict | None:
    """The answer that this event got; the device's row is locked."""
    given = await GateScan.get_or_none(device_id=device_id, event_no=event_no)
    if given is None:
        return None
    if given.request_hash != asked:
        raise DomainError(
            "这个事件编号已经用过，内容却不同。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请为每次刷闸使用新的编号。",
            field="eventNo",
        )
    return Verdict.from_json(given.answer)


async def _locked(device_id: int) -> GateDevice:
    return await GateDevice.select_for_update().get(id=device_id)


def _is_same_scan(device: GateDevice, code_hash: str, now: datetime) -> bool:
    """`now` was read before waiting for the lock, so the stored time may lie a little after it."""
    if device.last_scan_at is None or device.last_code_hash != code_hash:
        return False
    return abs(now - device.last_scan_at) < SAME_SCAN


async def _judge(
    device: GateDevice,
    code: str,
    event_no: str,
    asked: str,
    keys: CodeKeys,
    *,
    scanned_at: datetime,
    now: datetime,
) -> Verdict:
    """Judge one scan and keep it; a passage is also counted and told to the platform."""
    if await _is_trying_codes(device.id, now):
        return TOO_MANY_ATTEMPTS  # not kept, so that the same event may be judged a minute later
    verdict = await admissions.pass_door(
        code=code,
        venue_id=device.venue_id,
        direction=device.direction,
        door=device.device_no,
        at_gate=True,
        id_checked=False,
        keys=keys,
        now=scanned_at,
    )
    await GateScan.create(
        device_id=device.id,
        venue_id=device.venue_id,
        event_no=event_no,
        request_hash=asked,
        direction=device.direction,
        outcome=verdict.outcome,
        answer=verdict.as_json(),
        admission_id=verdict.admission_id,
        scanned_at=scanned_at,
        received_at=now,
        business_day=business_day(scanned_at),
    )
    if verdict.passed:
        await _count_person(device, verdict, scanned_at)
        if business_day(scanned_at) == business_day(now):
            await _count_inside(device, 1, now)
        await _tell_platform(device, event_no, verdict, scanned_at, now)
    return verdict


async def _is_trying_codes(device_id: int, now: datetime) -> bool:
    found = await database.row(
        """SELECT COUNT(*) AS tries FROM gate_scan
            WHERE device_id = $1 AND received_at > $2 AND outcome = 'UNKNOWN_CODE'""",
        device_id,
        now - timedelta(minutes=1),
    )
    return found is not None and found["tries"] >= admissions.UNKNOWN_CODES_A_MINUTE


async def _count_person(device: GateDevice, verdict: Verdict, scanned_at: datetime) -> None:
    """A person counts once a day and direction, at their first passage (多次进出统计一次, domain.md).

    A member is one person by however many bookings they come; a companion is one by each admission. Scans may
    arrive late, so "first" is the earliest scanned, not the earliest received.
    """
    assert verdict.admission_id is not None  # who passed has an admission
    person = await known_person(verdict.admission_id) or verdict.person
    await database.rows(
        """INSERT INTO daily_passage (venue_id, business_day, person, direction, device_id, passed_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (venue_id, business_day, person, direction)
           DO UPDATE SET device_id = excluded.device_id, passed_at = excluded.passed_at
           WHERE excluded.passed_at < daily_passage.passed_at""",
        *(device.venue_id, business_day(scanned_at), person, device.direction, device.id, scanned_at),
    )


async def _count_inside(device: GateDevice, people: int, now: datetime) -> None:
    """So many more or fewer inside; never below nobody, and a new business day starts with nobody.

    Somebody may come in by the desk and leave by the gate, so the count is an estimate and is floored. What it says goes
    into the hour's figure, from which days to come are forecast.
    """
    step = people if device.direction == Direction.ENTRY else -people
    (counted,) = await database.rows(
        """INSERT INTO occupancy (venue_id, business_day, inside, counted_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (venue_id) DO UPDATE SET
             inside = CASE WHEN occupancy.business_day < excluded.business_day THEN excluded.inside
                           WHEN occupancy.inside + $5 < 0 THEN 0
                           ELSE occupancy.inside + $5 END,
             business_day = excluded.business_day,
             counted_at = excluded.counted_at
           RETURNING inside""",
        *(device.venue_id, business_day(now), max(step, 0), now, step),
    )
    await database.rows(
        """INSERT INTO hourly_occupancy (venue_id, business_day, hour, most_inside, last_inside)
           VALUES ($1, $2, $3, $4, $4)
           ON CONFLICT (venue_id, business_day, hour) DO UPDATE SET
             most_inside = CASE WHEN hourly_occupancy.most_inside < excluded.most_inside
                                THEN excluded.most_inside ELSE hourly_occupancy.most_inside END,
             last_inside = excluded.last_inside""",
        *(device.venue_id, business_day(now), minute_of_day(now) // 60, counted["inside"]),
    )


async def _tell_platform(
    device: GateDevice, event_no: str, verdict: Verdict, scanned_at: datetime, now: datetime
) -> None:
    about = await database.row(
        """SELECT orders.order_no, admission.public_id, venue.ref, venue.province_code
             FROM admission JOIN orders ON orders.id = admission.order_id
                            JOIN venue ON venue.id = admission.venue_id
            WHERE admission.id = $1""",
        verdict.admission_id,
    )
    assert about is not None  # who passed has an admission
    await forwarding.add(
        kind="gate-scans",
        subject=f"gate:{device.device_no}",
        province_code=about["province_code"],
        payload={
            "eventNo": event_no,
            "deviceId": device.device_no,
            "venueId": about["ref"],
            "direction": device.direction,
            "orderNo": about["order_no"],
            "admissionId": about["public_id"],
            "passedAt": forwarding.platform_time(scanned_at),
        },
        now=now,
    )
