"""Both sides must answer the same and leave the same rows behind, or their times say nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any

import orjson

from models import database
from plans.answers import LIVE_SECONDS
from tests.bench.workloads import Case, Workload

Ask = Callable[[Workload, Case], Awaitable[Any]]
"""Sends a case to one side; gives its `data`."""

DIFFERS = {"orderNo", "placedAt", "holdExpiresAt", "ageSeconds"}  # by chance or by the clock

TRACES = {  # what an act left behind, found by its idempotency key or nonce, without what chance and clock made
    "place_order": """
        SELECT to_jsonb(o) - '{id,order_no,request_hash,placed_at,hold_expires_at}'::text[] AS placed,
               o.hold_expires_at - o.placed_at AS held_for,
               (SELECT json_agg(to_jsonb(l) - '{id,order_id}'::text[]) FROM order_line l
                 WHERE l.order_id = o.id) AS lines,
               (SELECT json_agg(to_jsonb(c) - '{id,order_line_id}'::text[] ORDER BY part_id, step)
                  FROM held_cell c JOIN order_line l ON l.id = c.order_line_id WHERE l.order_id = o.id) AS cells,
               (SELECT json_agg((to_jsonb(f) - '{id,order_id,about_no,happened_at}'::text[])
                                || jsonb_build_object('about_it', f.about_no = o.order_no,
                                                      'then', f.happened_at = o.placed_at))
                  FROM finance_event f WHERE f.order_id = o.id) AS books
          FROM orders o WHERE o.idempotency_key = $1""",
    "redeem": """
        SELECT to_jsonb(r) - '{id,request_hash,scanned_at}'::text[] AS scan,
               to_jsonb(a) - 'first_entered_at' AS admission, a.first_entered_at = r.scanned_at AS entered_then,
               (SELECT json_agg(to_jsonb(p) - '{id,passed_at}'::text[]) FROM passage p
                 WHERE p.admission_id = a.id) AS passages,
               (SELECT json_agg((to_jsonb(x) - '{id,public_id,created_at,next_attempt_at}'::text[])
                                #- '{payload,redeemedAt}')
                  FROM outbox x WHERE x.payload->>'admissionId' = a.public_id) AS told,
               (SELECT json_agg((to_jsonb(u) - '{id,public_id,at,mac,address}'::text[])
                                || jsonb_build_object('id', u.public_id ~ '^aud_[0-9A-Z]{20}$',
                                                      'mac', u.mac ~ '^[0-9a-f]{64}$',
                                                      'address', u.address LIKE '127.%'))
                  FROM audit_line u WHERE u.subject_id = a.public_id AND u.at = r.scanned_at) AS audited
          FROM redemption r JOIN admission a ON a.id = r.admission_id WHERE r.nonce = $1""",
    "sign_out": """
        SELECT to_jsonb(s) - 'ended_at' AS sign_in, s.ended_at > s.started_at AS ended_later, m.code_version
          FROM sign_in_token t JOIN sign_in s ON s.id = t.sign_in_id JOIN member m ON m.id = s.member_id
         WHERE t.access_hash = encode(sha256($1::text::bytea), 'hex')""",
    **dict.fromkeys(
        ("settle_notice", "settle_notice_alipay"),
        """
        SELECT to_jsonb(p) AS payment, to_jsonb(o) - 'paid_at' AS placed, o.paid_at = n.received_at AS paid_then,
               to_jsonb(n) - '{id,received_at}'::text[] AS notice,
               (SELECT json_agg((to_jsonb(f) - '{id,happened_at}'::text[])
                                || jsonb_build_object('then', f.happened_at = o.paid_at) ORDER BY f.id)
                  FROM finance_event f WHERE f.order_id = o.id AND f.kind <> 'CHARGED') AS books,
               (SELECT json_agg(to_jsonb(l) ORDER BY l.id) FROM order_line l WHERE l.order_id = o.id) AS lines,
               (SELECT json_agg(to_jsonb(c) ORDER BY c.id) FROM held_cell c JOIN order_line l
                    ON l.id = c.order_line_id WHERE l.order_id = o.id) AS cells,
               (SELECT json_agg((to_jsonb(a) - '{id,public_id,handle}'::text[])
                                || jsonb_build_object('handle', a.handle ~ '^[0-9]{10}$',
                                                      'id', a.public_id ~ '^adm_[0-9A-Z]{20}$') ORDER BY a.id)
                  FROM admission a WHERE a.order_id = o.id) AS admissions,
               (SELECT json_agg((to_jsonb(x) - '{id,public_id,created_at,next_attempt_at}'::text[])
                                #- '{payload,happenedAt}'
                                || jsonb_build_object('then', x.created_at = o.paid_at, 'due', x.next_attempt_at
                                                      = o.paid_at) ORDER BY x.id)
                  FROM outbox x WHERE x.subject = 'order:' || o.order_no) AS told,
               (SELECT json_agg((to_jsonb(m) - '{id,public_id,told_at}'::text[])
                                || jsonb_build_object('then', m.told_at = o.paid_at) ORDER BY m.id)
                  FROM message m WHERE m.about_no = o.order_no) AS messages
          FROM payment p JOIN orders o ON o.id = p.order_id
          JOIN payment_notice n ON n.about_no = p.payment_no AND n.channel = p.channel
         WHERE p.payment_no = $1""",
    ),
}
_OF_THE_ORDER = "WHERE order_id = (SELECT order_id FROM payment WHERE payment_no = $1)"
UNDO = {  # so that the other side can do the very same
    "place_order": (
        "DELETE FROM finance_event WHERE order_id IN (SELECT id FROM orders WHERE idempotency_key = $1)",
        """DELETE FROM held_cell WHERE order_line_id IN (SELECT l.id FROM order_line l
             JOIN orders o ON o.id = l.order_id WHERE o.idempotency_key = $1)""",
        "DELETE FROM order_line WHERE order_id IN (SELECT id FROM orders WHERE idempotency_key = $1)",
        "DELETE FROM orders WHERE idempotency_key = $1",
    ),
    "redeem": (
        """DELETE FROM outbox WHERE payload->>'admissionId' IN (SELECT a.public_id FROM admission a
             JOIN redemption r ON r.admission_id = a.id WHERE r.nonce = $1)""",
        "DELETE FROM passage WHERE admission_id IN (SELECT admission_id FROM redemption WHERE nonce = $1)",
        """UPDATE admission SET is_inside = false, passage_count = 0, first_entered_at = NULL
            WHERE id IN (SELECT admission_id FROM redemption WHERE nonce = $1)""",
        "DELETE FROM redemption WHERE nonce = $1",
    ),
    "sign_out": (
        """UPDATE member SET code_version = code_version - 1 WHERE id = (SELECT s.member_id FROM sign_in s
             JOIN sign_in_token t ON t.sign_in_id = s.id WHERE t.access_hash = encode(sha256($1::text::bytea), 'hex'))""",
        """UPDATE sign_in SET ended_at = NULL, end_reason = '' WHERE id = (SELECT sign_in_id FROM sign_in_token
            WHERE access_hash = encode(sha256($1::text::bytea), 'hex'))""",
    ),
    **dict.fromkeys(
        ("settle_notice", "settle_notice_alipay"),
        (
            "DELETE FROM payment_notice WHERE about_no = $1",
            """DELETE FROM outbox WHERE subject = (SELECT 'order:' || o.order_no FROM orders o
                 JOIN payment p ON p.order_id = o.id WHERE p.payment_no = $1)""",
            """DELETE FROM message WHERE about_no = (SELECT o.order_no FROM orders o
                 JOIN payment p ON p.order_id = o.id WHERE p.payment_no = $1)""",
            f"DELETE FROM admission {_OF_THE_ORDER}",
            f"DELETE FROM finance_event {_OF_THE_ORDER} AND kind = 'PAID'",
            """UPDATE orders SET status = 'PENDING_PAYMENT', paid_at = NULL
                WHERE id = (SELECT order_id FROM payment WHERE payment_no = $1)""",
            """UPDATE payment SET status = 'WAITING', channel_trade_no = NULL, paid_at = NULL,
                      next_check_at = created_at + interval '15 seconds' WHERE payment_no = $1""",
        ),
    ),
}


async def assert_equal(workload: Workload, ask_ours: Ask, ask_bare: Ask, *, cases: int) -> None:
    """The same cases to both, one after the other. What was written is undone.

    Where answers are kept, all are asked again, when live figures have changed and are as old as they may get.
    """
    some = list(islice(workload.cases, cases))
    for case in some:
        await _assert_equal(workload, case, ask_ours, ask_bare)
    if workload.stirred_by is not None:
        if workload.stirred_by:
            await database.rows(workload.stirred_by)
            await asyncio.sleep(LIVE_SECONDS)
        for case in some:
            await _assert_equal(workload, case, ask_ours, ask_bare)


async def _assert_equal(workload: Workload, case: Case, ask_ours: Ask, ask_bare: Ask) -> None:
    ours, our_traces = await _asked(workload, case, ask_ours)
    bare, bare_traces = await _asked(workload, case, ask_bare)
    assert ours == bare, _difference(case, ours, bare)
    assert our_traces == bare_traces, _difference(case, our_traces, bare_traces)


async def _asked(workload: Workload, case: Case, ask: Ask) -> tuple[Any, Any]:
    data = _masked(await ask(workload, case))
    if not workload.writes:
        return data, None
    traces = [dict(row) for row in await database.rows(TRACES[workload.name], case.key)]
    assert len(traces) == 1, data
    for statement in UNDO[workload.name]:
        await database.rows(statement, case.key)
    return data, traces


def _masked(data: Any) -> Any:
    """Without the values that must differ; that there is one, or none, must not."""
    if isinstance(data, dict):
        return {name: type(value).__name__ if name in DIFFERS else _masked(value) for name, value in data.items()}
    return [_masked(each) for each in data] if isinstance(data, list) else data


def _difference(case: Case, ours: Any, bare: Any) -> str:
    texts = [orjson.dumps(each, default=str, option=orjson.OPT_INDENT_2).decode() for each in (ours, bare)]
    told = [
        f"ours {one.strip()}  bare {other.strip()}"
        for one, other in zip(*(t.splitlines() for t in texts), strict=False)
        if one != other
    ]
    return f"{case.variables}: {told[:10] or 'one answer is longer'}"
