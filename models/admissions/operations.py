"""Issuing admissions, passing doors, redeeming at a desk.

The guard against a code used twice is not the code but this: the order's row and then the admission's row are
locked, the state is judged, and the passage is written with its number under a unique constraint. A cancelling
member takes the same lock, so nobody enters on a booking that is being refunded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tortoise.exceptions import IntegrityError

from models import database
from models.admissions import rules
from models.admissions.rules import Direction, Passed, Verdict
from models.admissions.tables import Admission, Passage, Redemption
from models.audit.deeds import concerning, noted
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeKind, CodeParts, CodeVersions
from models.errors import BadInput, DomainError, ErrorCode
from models.forwarding import operations as forwarding
from models.ids import new_id, request_hash

UNKNOWN_CODES_A_MINUTE = 20
"""A desk or a gate misreads now and then; more than this is somebody trying codes (10^10 MACs, three live)."""


_ISSUE = """
INSERT INTO admission (order_id, member_id, venue_id, public_id, order_line_id, seat, handle, business_day, opens_at,
                       starts_at, ends_at, title, code_version, is_inside, passage_count) VALUES """


async def issue(order: Any, *, lines: Sequence[Any], opens_before: Mapping[int, timedelta]) -> None:
    """One admission per person of each line; `opens_before`: by line (its row's id), how long before the start it lets
    in. Runs inside the act that confirms the order."""
    values = [order.id, order.member_id, order.venue_id]
    places = []
    for line in lines:
        for seat in range(1, line.people + 1):
            places.append(f"($1, $2, $3, {database.parameters(9, first=len(values) + 1)}, 0, false, 0)")
            values += (new_id("adm"), line.id, seat, codes.new_handle(), line.business_day)
            values += (line.starts_at - opens_before[line.id], line.starts_at, line.ends_at, line.title)
    try:
        await database.rows(_ISSUE + ", ".join(places), *values)
    except IntegrityError as error:
        if "handle" in str(error):  # ten digits: among ten million admissions, one new one in a thousand
            raise database.ChanceTwin from error
        raise


async def revoke(order_line_ids: Sequence[int], *, reason: str = "", now: datetime) -> None:
    """Takes back every admission of cancelled lines, or of lines to which nobody came (`reason` rules.NO_SHOW). Runs
    inside that act, under the order's lock."""
    places = database.parameters(len(order_line_ids), first=3)
    await database.rows(
        f"""UPDATE admission SET revoked_at = $1, revoked_for = $2
             WHERE order_line_id IN ({places}) AND revoked_at IS NULL RETURNING id""",
        now,
        reason,
        *order_line_ids,
    )


async def entered(order_id: int) -> frozenset[int]:
    """The ids of the order's lines on which somebody has come in."""
    found = await database.rows(
        "SELECT DISTINCT order_line_id FROM admission WHERE order_id = $1 AND first_entered_at IS NOT NULL",
        order_id,
    )
    return frozenset(row["order_line_id"] for row in found)


async def pass_door(
    *,
    code: str,
    venue_id: int,
    direction: str,
    door: str,
    at_gate: bool,
    id_checked: bool,
    keys: CodeKeys,
    now: datetime,
) -> Verdict:
    """Judges one code at one door and, when it may pass, writes the passage. Inside the caller's transaction.

    The first entry also writes the redemption's outbox row. A refusal is an answer, not an exception, since the
    caller stores it: the same scan again gets the same answer.
    """
    parts = codes.read(code)
    if parts is not None and parts.kind in codes.OF_VOUCHERS:
        return rules.VOUCHER_AT_DESK
    found = await find(parts.handle) if parts else None
    if parts is None or found is None:
        return rules.UNKNOWN_CODE
    await database.rows("SELECT id FROM orders WHERE id = $1 FOR UPDATE", found["order_id"])
    admission = await Admission.select_for_update().get(id=found["id"])
    concerning("ADMISSION", admission.public_id)
    no = doubt(parts, found, keys, now)
    if no is not None:
        return no
    if admission.venue_id != venue_id:
        return rules.wrong_venue(found["venue_name"])
    if parts.kind is CodeKind.PRINTED and at_gate:
        return rules.DESK_ONLY.about(admission)
    verdict = rules.judge(admission, direction=Direction(direction), now=now).about(admission)
    if verdict.passed and parts.kind is CodeKind.PRINTED and not id_checked:
        return rules.ID_CHECK_NEEDED.about(admission)
    if verdict.passed:
        await write_passage(admission, verdict, door, now)
    return verdict


async def find(handle: str) -> Any | None:
    """The admission to which a code's handle leads."""
    return await database.row(
        """SELECT admission.id, admission.order_id, admission.order_line_id, admission.business_day, admission.code_version,
                  member.code_version AS member_code_version, venue.public_id AS venue_public_id,
                  venue.name AS venue_name
             FROM admission JOIN member ON member.id = admission.member_id
                            JOIN venue ON venue.id = admission.venue_id
            WHERE admission.handle = $1""",
        handle,
    )


def doubt(parts: CodeParts, found: Any, keys: CodeKeys, now: datetime) -> Verdict | None:
    """Why this code is not to be believed; None when it is genuine.

    A code that was genuine before the member signed out, or some minutes ago, is an honest person's: they hear
    what to do. All else is unknown, and counts as an attempt.
    """
    place = {"venue": found["venue_public_id"], "day": database.day(found["business_day"]), "now": now}
    member, own = found["member_code_version"], found["code_version"]
    if parts.kind is CodeKind.PRINTED:
        member = codes.ON_PAPER
    if codes.is_genuine(keys, parts, versions=CodeVersions(member, own), **place):
        return None
    if codes.was_genuine(keys, parts, versions=CodeVersions(member, own), **place):
        return rules.CODE_STALE
    for past in (CodeVersions(member - 1, own), CodeVersions(member, own - 1)):
        if codes.is_genuine(keys, parts, versions=past, **place):
            return rules.CODE_REVOKED
    return rules.UNKNOWN_CODE


async def write_passage(admission: Admission, verdict: Verdict, door: str, now: datetime) -> None:
    """With the admission's row locked, after a verdict that lets it pass."""
    entering = verdict.outcome != Passed.LEFT
    admission.passage_count += 1
    admission.is_inside = entering
    await Passage.create(
        admission_id=admission.id,
        number=admission.passage_count,
        direction=Direction.ENTRY if entering else Direction.EXIT,
        passed_at=now,
        door=door,
    )
    if verdict.outcome == Passed.ENTERED:
        admission.first_entered_at = now
        await _tell_platform(admission, door, now)
    await admission.save(update_fields=["passage_count", "is_inside", "first_entered_at"])


async def _tell_platform(admission: Admission, door: str, now: datetime) -> None:
    about = await database.row(
        """SELECT orders.order_no, venue.ref, venue.province_code FROM orders JOIN venue ON venue.id = orders.venue_id
            WHERE orders.id = $1""",
        admission.order_id,
    )
    assert about is not None
    await forwarding.add(
        kind="redemptions",
        subject=f"order:{about['order_no']}",
        province_code=about["province_code"],
        payload={
            "orderNo": about["order_no"],
            "admissionId": admission.public_id,
            "venueId": about["ref"],
            "door": door,
            "redeemedAt": forwarding.platform_time(now),
        },
        now=now,
    )


@database.operation
async def redeem(
    *,
    staff_id: int,
    device_id: str,
    venue_id: int,
    checkpoint: str,
    code: str,
    nonce: str,
    direction: str,
    id_checked: bool,
    keys: CodeKeys,
    now: datetime,
) -> Verdict:
    """One scan at a desk. The same nonce of the same device gets the same answer, whatever happened in between.

    Raises BAD_INPUT, and IDEMPOTENCY_KEY_REUSED when a nonce comes with another code. The caller has made sure
    that this staff person works at this venue.
    """
    checkpoint = checkpoint.strip()
    _check_scan(checkpoint, nonce, direction)
    asked = request_hash(code, venue_id, direction, id_checked)
    mine = await database.row(
        """INSERT INTO redemption (device_id, nonce, request_hash, staff_id, venue_id, checkpoint, id_checked,
                                   outcome, answer, scanned_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, '', '{}', $8)
           ON CONFLICT (device_id, nonce) DO NOTHING RETURNING id""",
        device_id,
        nonce,
        asked,
        staff_id,
        venue_id,
        checkpoint,
        id_checked,
        now,
    )
    if mine is None:
        given = await _answer_given(device_id, nonce, asked)
        noted(given.outcome)
        return given
    verdict = await _judge_scan(device_id, venue_id, checkpoint, code, direction, id_checked, keys, now)
    await Redemption.filter(id=mine["id"]).update(
        admission_id=verdict.admission_id, outcome=verdict.outcome, answer=verdict.as_json()
    )
    noted(verdict.outcome)
    return verdict


async def _judge_scan(
    device_id: str,
    venue_id: int,
    checkpoint: str,
    code: str,
    direction: str,
    id_checked: bool,
    keys: CodeKeys,
    now: datetime,
) -> Verdict:
    await database.alone_with(f"scans of {device_id}")  # so that tries at once are counted too
    unknown = await database.row(
        """SELECT COUNT(*) AS tries FROM redemption
            WHERE device_id = $1 AND scanned_at > $2 AND outcome IN ('UNKNOWN_CODE', 'TOO_MANY_ATTEMPTS')""",
        device_id,
        now - timedelta(minutes=1),
    )
    if unknown and unknown["tries"] >= UNKNOWN_CODES_A_MINUTE:
        return rules.TOO_MANY_ATTEMPTS
    return await pass_door(
        code=code,
        venue_id=venue_id,
        direction=direction,
        door=checkpoint,
        at_gate=False,
        id_checked=id_checked,
        keys=keys,
        now=now,
    )


async def _answer_given(device_id: str, nonce: str, asked: str) -> Verdict:
    given = await Redemption.get(device_id=device_id, nonce=nonce)
    if given.request_hash != asked:
        raise DomainError(
            "这次扫码的编号已经用过。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请重新扫码。",
            field="nonce",
        )
    return Verdict.from_json(given.answer)


def _check_scan(checkpoint: str, nonce: str, direction: str) -> None:
    if not 8 <= len(nonce) <= 64 or not nonce.isascii() or not nonce.isprintable():
        raise BadInput("扫码编号应为 8 到 64 个英文字符或数字。", field="nonce")
    if not 1 <= len(checkpoint) <= 40 or not checkpoint.isprintable():
        raise BadInput("请填写检票点名称，最多 40 个字。", field="checkpoint")
    if direction not in set(Direction):
        raise BadInput("方向只能是入场或离场。", field="direction")
