"""What the acts send to PostgreSQL, word for word as ours send it; `test_bare.py` compares."""

from models.attendance import expecting, players

MEMBER = """
SELECT s.member_id, s.id, m.public_id, s.appid, s.openid, s.door, s.device_id
  FROM sign_in_token t
  JOIN sign_in s ON s.id = t.sign_in_id
  JOIN member m ON m.id = s.member_id
 WHERE t.access_hash = $1 AND t.access_expires_at > $2 AND s.ended_at IS NULL
   AND m.deleted_at IS NULL"""

REAL_NAME = "SELECT sealed_number, seal_key_id FROM real_name WHERE member_id = $1"

PLACED_BEFORE = "SELECT order_no, request_hash FROM orders WHERE member_id = $1 AND idempotency_key = $2"

VENUE_OF_COURT = """
SELECT court.public_id, venue.public_id AS venue_public_id FROM court
  JOIN venue ON venue.id = court.venue_id WHERE court.public_id IN ($1)"""

LOCK_MEMBER = """
SELECT id, joined_to_id, deleted_at FROM member WHERE id IN ($1)
 ORDER BY id FOR NO KEY UPDATE"""

PLAYERS = players._PLAYERS
HELD_BY_ACCOUNTS = players._HELD_BY_ACCOUNTS

INSERT_ORDER = (
    'INSERT INTO "orders" ("order_no","status","total_fen","voucher_fen","idempotency_key","request_hash",'
    '"placed_at","hold_expires_at","paid_at","closed_at","close_reason","member_id","venue_id","placed_by_id",'
    '"placed_by_staff_id","person_id","moves_line_id","member_province","organisation_id",'
    '"by_approval","split_at") '
    'VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21) RETURNING "id"'
)

INSERT_LINE = (
    'INSERT INTO "order_line" ("line_no","kind","starts_at","ends_at","business_day","price_fen","voucher_fen","people",'
    '"title","price_label","cancelled_at","court_id","order_id","concession_fen","concession_kind","price_parts",'
    '"session_id","ticket","cancel_free_minutes","cancel_kept_percent") '
    'VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20) RETURNING "id"'
)


def insert_cells(count: int) -> str:
    places = ", ".join(f"(${n}, ${n + 1}, ${n + 2}, ${n + 3})" for n in range(1, 4 * count, 4))
    return (
        f"INSERT INTO held_cell (part_id, step, venue_id, order_line_id) VALUES {places} "
        "ON CONFLICT (part_id, step) DO NOTHING RETURNING id"
    )


INSERT_EVENT = """
INSERT INTO finance_event (order_id, kind, amount_fen, about_no, happened_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, about_no) DO NOTHING"""

ORDER = """
SELECT orders.id, orders.order_no, orders.status, orders.total_fen, orders.voucher_fen, orders.placed_at,
       orders.hold_expires_at, orders.paid_at, orders.closed_at, orders.close_reason, orders.placed_by_id,
       orders.split_at, orders.member_province, venue.province_code AS venue_province, organisation.name AS organisation_name,
       venue.public_id AS venue_id, venue.name AS venue_name,
       (SELECT SUM(CASE WHEN kind IN ('CHARGED', 'REFUNDED') THEN amount_fen ELSE -amount_fen END)
          FROM finance_event WHERE order_id = orders.id) AS due_fen,
       (SELECT SUM(amount_fen) FROM finance_event WHERE order_id = orders.id AND kind = 'PAID') AS paid_fen,
       (SELECT SUM(amount_fen) FROM finance_event WHERE order_id = orders.id AND kind = 'REFUNDED') AS refunded_fen
  FROM orders JOIN venue ON venue.id = orders.venue_id
  LEFT JOIN organisation ON organisation.id = orders.organisation_id
WHERE orders.member_id = $1 AND orders.order_no = $2"""

LINES = """
SELECT order_line.*, court.public_id AS court_public_id, session.public_id AS session_public_id,
       COALESCE(court.name, session.name) AS court_name, attendance.state AS attendance,
       attendance.late_at AS come_by
  FROM order_line LEFT JOIN court ON court.id = order_line.court_id
                  LEFT JOIN session ON session.id = order_line.session_id
                  LEFT JOIN attendance ON attendance.order_line_id = order_line.id
 WHERE order_line.order_id IN ($1) ORDER BY order_line.order_id, order_line.line_no"""

ADMISSIONS = """
SELECT admission.*, orders.order_no, venue.public_id AS venue_public_id, venue.name AS venue_name,
       member.code_version AS member_code_version
  FROM admission JOIN orders ON orders.id = admission.order_id JOIN venue ON venue.id = admission.venue_id
                 JOIN member ON member.id = admission.member_id
WHERE admission.order_id IN ($1) ORDER BY admission.order_id, admission.id"""

REFUND_LINES = """
SELECT refund_line.refund_id, order_line.line_no, refund_line.amount_fen, refund_line.kept_fen,
       refund_line.explanation
  FROM refund_line JOIN order_line ON order_line.id = refund_line.order_line_id
 WHERE order_line.order_id IN ($1) ORDER BY refund_line.refund_id, order_line.line_no"""

REFUNDS = """
SELECT id, order_id, refund_no, amount_fen, party, reason, reason_text, status, created_at, finished_at
  FROM refund WHERE order_id IN ($1) ORDER BY id"""

END_SIGN_IN = (
    "UPDATE sign_in SET ended_at = $1, end_reason = $2 WHERE id = $3 AND ended_at IS NULL RETURNING member_id"
)

REVOKE_CODES = "UPDATE member SET code_version = code_version + 1 WHERE id = $1 RETURNING id"


def occupancy_of(count: int) -> str:
    places = ", ".join(f"${n}" for n in range(1, count + 1))
    return f"SELECT venue_id, business_day, inside, counted_at FROM occupancy WHERE venue_id IN ({places})"


CLERK = """
SELECT i.id, i.staff_id, i.device_id, i.stage, i.started_at, i.last_seen_at, s.public_id, s.display_name
  FROM staff_sign_in i JOIN staff_member s ON s.id = i.staff_id
 WHERE i.token_hash = $1 AND i.ended_at IS NULL AND s.is_active"""

ROLES_OF_CLERK = """
SELECT held.id, held.role, held.region_key, venue.id AS venue_row, venue.public_id AS venue_id,
       venue.public_id AS held_at, venue.name
  FROM staff_role held LEFT JOIN venue ON venue.id = held.venue_id
 WHERE held.staff_id = $1 AND held.ended_at IS NULL
UNION ALL
SELECT held.id, held.role, held.region_key, venue.id, venue.public_id, NULL, venue.name
  FROM staff_role held
       JOIN venue ON TRUE JOIN region ON region.id = venue.region_id
 WHERE held.staff_id = $1 AND held.ended_at IS NULL AND held.venue_id IS NULL
   AND held.role IN ('REDEEMER', 'VENUE_MANAGER')
   AND held.region_key IN ('', venue.province_code, venue.city_code, region.key)"""

VENUE_ID = "SELECT id FROM venue WHERE public_id = $1"

INSERT_SCAN = """
INSERT INTO redemption (device_id, nonce, request_hash, staff_id, venue_id, checkpoint, id_checked,
                        outcome, answer, scanned_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, '', '{}', $8)
ON CONFLICT (device_id, nonce) DO NOTHING RETURNING id"""

LOCK_DESK = "SELECT pg_advisory_xact_lock($1)"

UNKNOWN_CODES = """
SELECT COUNT(*) AS tries FROM redemption
 WHERE device_id = $1 AND scanned_at > $2 AND outcome IN ('UNKNOWN_CODE', 'TOO_MANY_ATTEMPTS')"""

FIND_ADMISSION = """
SELECT admission.id, admission.order_id, admission.order_line_id, admission.business_day, admission.code_version,
       member.code_version AS member_code_version, venue.public_id AS venue_public_id,
       venue.name AS venue_name
  FROM admission JOIN member ON member.id = admission.member_id
                 JOIN venue ON venue.id = admission.venue_id
 WHERE admission.handle = $1"""

LOCK_ORDER = "SELECT id FROM orders WHERE id = $1 FOR UPDATE"

# Tortoise puts the columns in an order of its own, another in every process.
LOCK_ADMISSION = (
    'SELECT "public_id","venue_id","order_line_id","handle","starts_at","title","ends_at","first_entered_at",'
    '"passage_count","order_id","id","seat","business_day","member_id","opens_at","code_version","is_inside",'
    '"revoked_at","revoked_for" FROM "admission" WHERE "id"=$1 LIMIT $2 FOR UPDATE'
)

INSERT_PASSAGE = (
    'INSERT INTO "passage" ("number","direction","passed_at","door","admission_id") '
    'VALUES ($1,$2,$3,$4,$5) RETURNING "id"'
)

ABOUT_ORDER = """
SELECT orders.order_no, venue.ref, venue.province_code FROM orders JOIN venue ON venue.id = orders.venue_id
 WHERE orders.id = $1"""

INSERT_OUTBOX = """
INSERT INTO outbox (public_id, kind, subject, payload, created_at, next_attempt_at,
                    attempts, receipt_no, last_error, province_code)
VALUES ($1, $2, $3, $4::jsonb, $5, $5, 0, '', '', $6)"""

INSERT_MESSAGE = """
INSERT INTO message (public_id, member_id, template, "values", about_no, told_at)
SELECT $1, id, $3, $4, $5, $6::timestamptz FROM member WHERE id = $2 AND deleted_at IS NULL
ON CONFLICT (member_id, template, about_no) DO NOTHING"""

UPDATE_ADMISSION = 'UPDATE "admission" SET "passage_count"=$1,"is_inside"=$2,"first_entered_at"=$3 WHERE "id"=$4'

ANSWER_SCAN = 'UPDATE "redemption" SET "admission_id"=$1,"outcome"=$2,"answer"=$3 WHERE "id"=$4'

INSERT_AUDIT_LINE = """
INSERT INTO audit_line (public_id, at, actor_kind, actor_id, act, subject_kind, subject_id, venue_id, outcome,
                        is_reading, address, device_id, detail, key_id, mac, prev_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', '')"""

LOCK_ORDER_OF_PAYMENT = """
SELECT * FROM orders WHERE id = (SELECT order_id FROM payment WHERE payment_no = $1 AND channel = $2) FOR UPDATE"""

LOCK_PAYMENT = "SELECT * FROM payment WHERE payment_no = $1 FOR UPDATE"

ORDER_LINES = "SELECT * FROM order_line WHERE order_id = $1 ORDER BY line_no"

UPDATE_PAYMENT = """
UPDATE payment SET status = $1, channel_trade_no = $2, paid_at = $3, next_check_at = NULL WHERE id = $4"""

HASTEN_OTHERS = "UPDATE payment SET next_check_at = $1 WHERE order_id = $2 AND status IN ('INTENDED', 'WAITING')"

CONFIRM_ORDER = (
    "UPDATE orders SET status = 'PAID', paid_at = $1, closed_at = NULL, close_reason = '' WHERE id = $2"
)

LIMITS = expecting._LIMITS


def insert_admissions(count: int) -> str:
    places = ", ".join(
        f"($1, $2, $3, {', '.join(f'${n}' for n in range(first, first + 9))}, 0, false, 0)"
        for first in range(4, 4 + 9 * count, 9)
    )
    return (
        "INSERT INTO admission (order_id, member_id, venue_id, public_id, order_line_id, seat, handle, business_day, "
        "opens_at, starts_at, ends_at, title, code_version, is_inside, passage_count) VALUES " + places
    )


ABOUT_PAID_ORDER = """
SELECT venue.ref, venue.name, venue.province_code, venue.city_code, region.code AS district_code,
       member.public_id AS member_id
  FROM orders JOIN venue ON venue.id = orders.venue_id JOIN region ON region.id = venue.region_id
              JOIN member ON member.id = orders.member_id
 WHERE orders.id = $1"""

INSERT_NOTICE = """
INSERT INTO payment_notice (channel, notice_id, kind, about_no, outcome, received_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (channel, notice_id) DO NOTHING"""
