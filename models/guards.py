"""What only SQL can say: checks, partial unique indexes, the places' index.

Run after every migration and harmless the second time, because Tortoise creates none of these, and because its
way of altering a table on SQLite (rebuilding it) silently drops indexes and triggers that it does not know.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from tortoise import Tortoise
from tortoise.connection import get_connection

from models import database

# Joining, parting, exporting and deleting look for what is somebody's in every table that has it, under the member's
# lock; staff's sign-ins are ended by whose they are. Where a column is mostly NULL its index is small.
_LOOKED_UP_BY = (
    ("admission", "member_id"),
    ("consent", "given_by_id"),
    ("invitation", "accepted_by_id"),
    ("member", "joined_to_id"),
    ("attendance", "person_id"),
    ("booking_pause", "person_id"),
    ("line_companion", "member_id"),
    ("line_companion", "person_id"),
    ("message_sending", "recipient_id"),
    ("name_check", "staff_id"),
    ("orders", "person_id"),
    ("payment", "share_id"),
    ("orders", "placed_by_id"),
    ("organisation", "registered_by_id"),
    ("organisation_invitation", "accepted_by_id"),
    ("organisation_invitation", "invited_by_id"),
    ("phone_code", "member_id"),
    ("rating", "member_id"),
    ("voucher", "order_id"),
    ("held_cell", "freed_slot_id"),
    ("order_line", "session_id"),
    ("waiting_entry", "order_id"),
    ("draw_entry", "order_id"),
    ("series_date", "order_id"),
    ("group_request", "order_id"),
    ("booking_series", "placed_by_id"),
    ("series_companion", "member_id"),
    ("staff_sign_in", "staff_id"),
)

_BOTH = (
    *(
        f"CREATE INDEX IF NOT EXISTS {table}_by_{column} ON {table} ({column}) WHERE {column} IS NOT NULL"
        for table, column in _LOOKED_UP_BY
    ),
    # one attempt at a time per channel and way; exactly one settles an order, or a share of one that is split
    "DROP INDEX IF EXISTS payment_one_live",  # of the time when a channel had one way
    "DROP INDEX IF EXISTS payment_one_live_a_way",  # of the time when nobody paid a share
    "DROP INDEX IF EXISTS payment_one_settles",
    """CREATE UNIQUE INDEX IF NOT EXISTS payment_one_live_whole ON payment (order_id, channel, way)
       WHERE share_id IS NULL AND status IN ('INTENDED', 'WAITING')""",
    """CREATE UNIQUE INDEX IF NOT EXISTS payment_one_live_share ON payment (share_id, channel, way)
       WHERE share_id IS NOT NULL AND status IN ('INTENDED', 'WAITING')""",
    """CREATE UNIQUE INDEX IF NOT EXISTS payment_one_settles_whole ON payment (order_id)
       WHERE share_id IS NULL AND status = 'SETTLED'""",
    """CREATE UNIQUE INDEX IF NOT EXISTS payment_one_settles_share ON payment (share_id)
       WHERE share_id IS NOT NULL AND status = 'SETTLED'""",
    # a line is moved once, however often the new order ran out
    """CREATE UNIQUE INDEX IF NOT EXISTS orders_one_moves ON orders (moves_line_id)
       WHERE moves_line_id IS NOT NULL AND status <> 'CLOSED'""",
    "DROP INDEX IF EXISTS held_cell_by_venue_id_step",  # of the time when a day's grid looked its parts up
    # to a unique constraint every NULL is another: one rule for the venues that have none
    "DROP INDEX IF EXISTS booking_rule_one_default",  # of the time when a rule had neither days nor versions
    """CREATE UNIQUE INDEX IF NOT EXISTS booking_rule_one_stands
       ON booking_rule ((COALESCE(venue_id, 0)), sport_code, from_day) WHERE replaced_at IS NULL""",
    # what the worker looks for: lines to which nobody has come yet
    # whether somebody could have come in on a day
    "CREATE INDEX IF NOT EXISTS redemption_at_venue ON redemption (venue_id, scanned_at)",
    """CREATE INDEX IF NOT EXISTS attendance_at_desk ON attendance (venue_id, business_day)
       WHERE staff_id IS NOT NULL""",
    "CREATE INDEX IF NOT EXISTS attendance_expected ON attendance (late_at) WHERE state = 'EXPECTED'",
    """CREATE UNIQUE INDEX IF NOT EXISTS concession_rule_one_default ON concession_rule (kind)
       WHERE venue_id IS NULL""",
    """CREATE UNIQUE INDEX IF NOT EXISTS refund_rule_one_default ON refund_rule (party, minutes_before)
       WHERE venue_id IS NULL""",
    # a refund that the channel closed is asked for again once, not by each clerk who sees it
    """CREATE UNIQUE INDEX IF NOT EXISTS refund_one_replacement ON refund (replaces_id)
       WHERE replaces_id IS NOT NULL""",
    # one yes to a purpose, one wish to be gone, one account to which another one leads
    """CREATE UNIQUE INDEX IF NOT EXISTS consent_one_live ON consent (member_id, purpose)
       WHERE ended_at IS NULL""",
    """CREATE UNIQUE INDEX IF NOT EXISTS deletion_one_open ON deletion (member_id)
       WHERE cancelled_at IS NULL AND done_at IS NULL""",
    "CREATE UNIQUE INDEX IF NOT EXISTS merge_one_live ON merge (joined_id) WHERE undone_at IS NULL",
    # two people are something to each other once at a time; a concession is granted once at a time
    """CREATE UNIQUE INDEX IF NOT EXISTS guardianship_one_live ON guardianship (guardian_id, ward_id)
       WHERE ended_at IS NULL""",
    "CREATE UNIQUE INDEX IF NOT EXISTS proxy_one_live ON proxy (principal_id, helper_id) WHERE ended_at IS NULL",
    """CREATE UNIQUE INDEX IF NOT EXISTS companionship_one_live ON companionship (one_id, other_id)
       WHERE ended_at IS NULL""",
    """CREATE UNIQUE INDEX IF NOT EXISTS concession_one_live ON concession (member_id, kind)
       WHERE revoked_at IS NULL""",
    # of a line one closure at a time asks what its member wants
    """CREATE UNIQUE INDEX IF NOT EXISTS closure_offer_one_open ON closure_offer (order_line_id)
       WHERE state = 'OFFERED'""",
    # who waits is asked about whenever something is given up, and there are few
    """CREATE INDEX IF NOT EXISTS waiting_entry_in_line ON waiting_entry (venue_id, starts_from)
       WHERE state = 'WAITING'""",
    # what the worker decides next of series, and which requests of groups nobody has answered
    "CREATE INDEX IF NOT EXISTS series_date_due ON series_date (due_at) WHERE state = 'PLANNED'",
    "CREATE INDEX IF NOT EXISTS group_request_waiting ON group_request (answer_by) WHERE state = 'WAITING'",
    "CREATE UNIQUE INDEX IF NOT EXISTS shift_one_open ON shift (staff_id) WHERE closed_at IS NULL",
    # an administrator has one role, in one place; that nothing else stands beside it, the account's lock sees to
    """CREATE UNIQUE INDEX IF NOT EXISTS staff_role_one_administration ON staff_role (staff_id)
       WHERE ended_at IS NULL AND role IN ('SYSTEM_ADMIN', 'SECURITY_ADMIN', 'AUDITOR')""",
    """CREATE UNIQUE INDEX IF NOT EXISTS staff_role_once
       ON staff_role (staff_id, role, (COALESCE(venue_id, 0)), region_key) WHERE ended_at IS NULL""",
    # what the worker chains next; what was refused or went wrong, of which there is little
    "CREATE INDEX IF NOT EXISTS audit_line_unchained ON audit_line (id) WHERE seq IS NULL",
    "CREATE INDEX IF NOT EXISTS audit_line_refused ON audit_line (outcome, at) WHERE outcome <> 'OK'",
    """CREATE INDEX IF NOT EXISTS outbox_due ON outbox (next_attempt_at)
       WHERE delivered_at IS NULL AND dead_at IS NULL""",
    "CREATE INDEX IF NOT EXISTS outbox_open_by_subject ON outbox (subject, id) WHERE delivered_at IS NULL",
    # what was refused or closed frees its code; who left may join again; one act on a complaint is one step
    """CREATE UNIQUE INDEX IF NOT EXISTS organisation_one_live ON organisation (credit_code)
       WHERE status NOT IN ('REFUSED', 'CLOSED')""",
    """CREATE UNIQUE INDEX IF NOT EXISTS organisation_member_once ON organisation_member (organisation_id, member_id)
       WHERE left_at IS NULL""",
    """CREATE UNIQUE INDEX IF NOT EXISTS complaint_step_once ON complaint_step (complaint_id, request_key)
       WHERE request_key <> ''""",
    # of a campaign one change at a time waits for its second person
    """CREATE UNIQUE INDEX IF NOT EXISTS campaign_change_one_open ON campaign_change (campaign_id)
       WHERE state = 'PROPOSED'""",
    # a voucher is written off once; what a job looks for when it ends vouchers and bills
    """CREATE INDEX IF NOT EXISTS voucher_of_a_person ON voucher (person_id, campaign_id)
       WHERE person_id IS NOT NULL""",
    """CREATE UNIQUE INDEX IF NOT EXISTS voucher_use_one_live ON voucher_use (voucher_id)
       WHERE state IN ('WAITING', 'HELD', 'DONE')""",
    "CREATE INDEX IF NOT EXISTS voucher_use_waiting ON voucher_use (confirm_until) WHERE state = 'WAITING'",
    "CREATE INDEX IF NOT EXISTS voucher_event_of_a_campaign ON voucher_event (campaign_id, happened_at)",
    # a venue has one settlement at a time that is not decided, one live payout for it, and one account that counts
    """CREATE UNIQUE INDEX IF NOT EXISTS settlement_one_open ON settlement (campaign_id, venue_id)
       WHERE state IN ('DRAFT', 'PROPOSED')""",
    "CREATE UNIQUE INDEX IF NOT EXISTS payout_one_live ON payout (settlement_id) WHERE state IN ('SENT', 'PAID')",
    "CREATE UNIQUE INDEX IF NOT EXISTS venue_account_one_a_state ON venue_account (venue_id, state) WHERE state <> 'ENDED'",
    # what nobody judged yet, and what somebody must look at before it is paid
    "CREATE INDEX IF NOT EXISTS voucher_use_by_day ON voucher_use (business_day)",
    "CREATE INDEX IF NOT EXISTS risk_case_open ON risk_case (venue_id, week) WHERE state = 'OPEN'",
    "CREATE INDEX IF NOT EXISTS risk_score_held ON risk_score (scored_at) WHERE is_held",
    "CREATE INDEX IF NOT EXISTS offline_entry_waiting ON offline_entry (id) WHERE outcome = 'WAITING'",
    "CREATE INDEX IF NOT EXISTS message_unplanned ON message (id) WHERE planned_at IS NULL",
    # what retention takes away, a batch at a time, without reading all that stays
    "CREATE INDEX IF NOT EXISTS message_read ON message (read_at) WHERE read_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS message_unread ON message (told_at) WHERE read_at IS NULL",
    "CREATE INDEX IF NOT EXISTS voucher_scan_old ON voucher_scan (scanned_at)",
)

_CHECKS = {
    # name: (table, what must be true)
    "payment_refunds_within_amount": ("payment", "refunded_fen >= 0 AND refunded_fen <= amount_fen"),
    "held_cell_for_somebody": ("held_cell", "(order_line_id IS NULL) <> (freed_slot_id IS NULL)"),
    "series_date_booked_is_an_order": ("series_date", "(state = 'BOOKED') = (order_id IS NOT NULL)"),
    "group_request_allowed_is_an_order": ("group_request", "(state = 'APPROVED') = (order_id IS NOT NULL)"),
    "payment_amount_positive": ("payment", "amount_fen > 0"),
    "payment_share_amount_positive": ("payment_share", "amount_fen > 0"),
    "payment_share_state_known": (
        "payment_share",
        "state IN ('OPEN', 'PAID', 'TAKEN_OVER', 'LAPSED', 'GIVEN_BACK')",
    ),
    "refund_amount_positive": ("refund", "amount_fen > 0"),
    "orders_total_not_negative": ("orders", "total_fen >= 0"),
    "orders_vouchers_within_total": ("orders", "voucher_fen >= 0 AND voucher_fen <= total_fen"),
    "order_line_vouchers_within_price": ("order_line", "voucher_fen >= 0 AND voucher_fen <= price_fen"),
    "occupancy_not_negative": ("occupancy", "inside >= 0"),
    "voucher_pool_free_within_budget": ("voucher_pool", "free_fen >= 0 AND free_fen <= budget_fen"),
    "voucher_kind_face_within_spend": ("voucher_kind", "face_fen > 0 AND face_fen <= minimum_spend_fen"),
    "voucher_round_remaining_within_quantity": ("voucher_round", "remaining >= 0 AND remaining <= quantity"),
    "voucher_state_known": (
        "voucher",
        "state IN ('CLAIMED', 'RESERVED', 'USED', 'FORFEITED', 'EXPIRED', 'RETURNED')",
    ),
    "voucher_face_within_spend": ("voucher", "face_fen > 0 AND face_fen <= minimum_spend_fen"),
    "voucher_returned_within_face": ("voucher", "returned_fen >= 0 AND returned_fen <= face_fen"),
    "voucher_claimed_is_whole": (
        "voucher",
        "state <> 'CLAIMED' OR (order_id IS NULL AND ended_at IS NULL AND returned_fen = 0)",
    ),
    "claim_age_a_band": ("claim_age", "from_age IS NULL OR from_age IN (0, 14, 18, 60)"),
    "voucher_use_within_bill": ("voucher_use", "used_fen >= 0 AND used_fen <= bill_fen"),
    "voucher_use_share_within_use": ("voucher_use", "venue_share_fen >= 0 AND venue_share_fen <= used_fen"),
    "voucher_event_amounts": (
        "voucher_event",
        "amount_fen > 0 AND venue_share_fen >= 0 AND venue_share_fen <= amount_fen",
    ),
    "campaign_change_four_eyes": ("campaign_change", "state <> 'IN_FORCE' OR decided_by_id <> proposed_by_id"),
    "voucher_reserve_not_overdrawn": (
        "voucher_campaign",
        "reserve_used_fen >= 0 AND reserve_used_fen <= reserve_fen",
    ),
    "concession_rule_takes_something_off": ("concession_rule", "pays_percent >= 0 AND pays_percent < 100"),
    "order_line_concession_told": (
        "order_line",
        "concession_fen >= 0 AND (concession_kind <> '' OR concession_fen = 0)",
    ),
    "school_holiday_ends_later": ("school_holiday", "to_day > from_day"),
    "court_version_can_be_booked": (
        "court_version",
        "slot_minutes > 0 AND slot_minutes % 30 = 0 AND max_people > 0 AND number > 0",
    ),
    "hours_version_ends_later": ("hours_version", "to_day IS NULL OR to_day > from_day"),
    "opening_hours_within_a_day": (
        "opening_hours",
        """weekday >= 0 AND weekday <= 6 AND opens_minute >= 0 AND opens_minute < closes_minute AND closes_minute <= 1440
           AND opens_minute % 30 = 0 AND closes_minute % 30 = 0 AND version >= 0""",
    ),
    "tariff_version_ends_later": ("tariff_version", "to_day IS NULL OR to_day > from_day"),
    "attendance_state_known": ("attendance", "state IN ('EXPECTED', 'CAME', 'NO_SHOW', 'EXCUSED')"),
    "attendance_kept_within_price": ("attendance", "kept_percent >= 0 AND kept_percent <= 100"),
    "booking_pause_ends_later": ("booking_pause", "ends_at > starts_at"),
    "booking_pause_decided_by_somebody": (
        "booking_pause",
        "is_granted IS NULL OR (appealed_at IS NOT NULL AND decided_at IS NOT NULL)",
    ),
    "booking_rule_kept_within_price": (
        "booking_rule",
        "no_show_kept_percent >= 0 AND no_show_kept_percent <= 100",
    ),
    "settlement_adds_up": (
        "settlement",
        """payable_fen - carried_out_fen = used_fen - taken_back_fen + conflict_fen - venue_share_fen
           - deducted_fen - carried_in_fen AND payable_fen >= 0 AND carried_out_fen >= 0
           AND (payable_fen = 0 OR carried_out_fen = 0) AND deducted_fen >= 0 AND carried_in_fen >= 0""",
    ),
    "settlement_four_eyes": ("settlement", "approved_by_id IS NULL OR approved_by_id <> proposed_by_id"),
    "settlement_deduction_positive": ("settlement_deduction", "amount_fen > 0"),
    "venue_account_four_eyes": ("venue_account", "approved_by_id IS NULL OR approved_by_id <> entered_by_id"),
    "payout_amount_positive": ("payout", "amount_fen > 0"),
    "payment_record_amount_positive": ("payment_record", "amount_fen > 0"),
    "risk_rules_four_eyes": ("risk_rules", "approved_by_id IS NULL OR approved_by_id <> made_by_id"),
    "risk_score_within_hundred": ("risk_score", "score >= 0 AND score <= 100"),
    "venue_risk_within_hundred": ("venue_risk", "score >= 0 AND score <= 100"),
    "risk_case_of_one_thing": (
        "risk_case",
        "use_id IS NULL AND week IS NOT NULL AND week_ends IS NOT NULL OR use_id IS NOT NULL AND week IS NULL",
    ),
    "risk_case_state_known": ("risk_case", "state IN ('OPEN', 'CLEARED', 'CONFIRMED')"),
    "risk_decision_one_correction": ("risk_decision", "number IN (1, 2) AND decision IN ('CLEARED', 'CONFIRMED')"),
    "wechat_risk_rank_known": ("wechat_risk_rank", "rank IS NULL OR rank >= 0 AND rank <= 4"),
    "offline_desk_caps_not_negative": ("offline_desk", "most_fen >= 0 AND most_count >= 0"),
    "offline_conflict_state_known": (
        "offline_conflict",
        "state IN ('PAID', 'HELD', 'REFUSED') AND use_id IS NOT NULL OR state = 'BORNE' AND use_id IS NULL",
    ),
    "rating_stars_one_to_five": ("rating", "stars >= 1 AND stars <= 5"),
    "session_taken_within_capacity": ("session", "taken >= 0 AND taken <= capacity"),
    "session_counted_not_negative": ("session", "counted_inside >= 0"),
    "session_plan_within_a_day": ("session_plan", "from_minute < to_minute AND to_minute <= 1440"),
    "session_price_free_costs_nothing": ("session_price", "price_fen >= 0 AND (price_fen = 0) = (kind = 'FREE')"),
    "held_place_positive": ("held_place", "places > 0"),
    "order_line_court_or_session": ("order_line", "(court_id IS NULL) <> (session_id IS NULL)"),
}


def _of_the_new_row(truth: str) -> str:
    """A trigger names the row that it looks at: every word of ours in a check is a column's name."""
    return re.sub(r"\b[a-z_]+\b", r"NEW.\g<0>", truth)


_AUDIT_CONTENT = (
    *("id", "public_id", "at", "actor_kind", "actor_id", "act", "subject_kind", "subject_id", "venue_id"),
    *("outcome", "is_reading", "address", "device_id", "detail", "key_id", "mac"),
)
_AUDIT_UPDATED = "OLD.seq IS NOT NULL OR " + " OR ".join(f"NEW.{name} <> OLD.{name}" for name in _AUDIT_CONTENT)
"""A line is never edited: it gets its place in the chain, once."""
_AUDIT_DELETED = """OLD.seq IS NULL OR NOT EXISTS (SELECT 1 FROM audit_cut WHERE audit_cut.seq >= OLD.seq)
 OR OLD.at > {half_a_year_ago}"""
"""A line goes only behind a cut that says so, and never before its days are over."""
_DAYS = 183
"""网络安全法 2016, art. 21 (3), and GB/T 22239-2019, 8.1.4.3: six months."""
_EDITED, _TAKEN = "an audit line is never edited", f"an audit line is kept for {_DAYS} days, and goes by a cut"

_AUDIT_ON_POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION audit_line_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF TG_OP = 'UPDATE' THEN
            IF {_AUDIT_UPDATED} THEN RAISE EXCEPTION '{_EDITED}' USING ERRCODE = 'check_violation'; END IF;
            RETURN NEW;
          ELSIF TG_OP = 'DELETE' THEN
            IF {_AUDIT_DELETED.format(half_a_year_ago=f"now() - interval '{_DAYS} days'")} THEN
              RAISE EXCEPTION '{_TAKEN}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN OLD;
          END IF;
          RAISE EXCEPTION '{_TAKEN}' USING ERRCODE = 'check_violation';
        END $$""",
    """CREATE OR REPLACE TRIGGER audit_line_kept BEFORE UPDATE OR DELETE ON audit_line
       FOR EACH ROW EXECUTE FUNCTION audit_line_guard()""",
    """CREATE OR REPLACE TRIGGER audit_line_not_emptied BEFORE TRUNCATE ON audit_line
       FOR EACH STATEMENT EXECUTE FUNCTION audit_line_guard()""",
    f"""CREATE OR REPLACE FUNCTION audit_cut_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          RAISE EXCEPTION '{_EDITED}' USING ERRCODE = 'check_violation'; END $$""",
    """CREATE OR REPLACE TRIGGER audit_cut_kept BEFORE UPDATE OR DELETE ON audit_cut
       FOR EACH ROW EXECUTE FUNCTION audit_cut_guard()""",
)

AUDIT_ON_SQLITE = {
    "audit_line_kept_update": f"""BEFORE UPDATE ON audit_line WHEN {_AUDIT_UPDATED}
       BEGIN SELECT RAISE(ABORT, '{_EDITED}'); END""",
    "audit_line_kept_delete": f"""BEFORE DELETE ON audit_line
       WHEN {_AUDIT_DELETED.format(half_a_year_ago=f"strftime('%Y-%m-%d %H:%M:%S', 'now', '-{_DAYS} days')")}
       BEGIN SELECT RAISE(ABORT, '{_TAKEN}'); END""",
    "audit_cut_kept_update": f"BEFORE UPDATE ON audit_cut BEGIN SELECT RAISE(ABORT, '{_EDITED}'); END",
    "audit_cut_kept_delete": f"BEFORE DELETE ON audit_cut BEGIN SELECT RAISE(ABORT, '{_EDITED}'); END",
}

_ADDED_ONLY = (
    "voucher_event",
    "payment_record",
    "risk_rules",
    "risk_score",
    "venue_risk",
    "risk_decision",
    "offline_fork",
)
"""Books of which no entry is ever edited or taken away."""
_ADDED_ONLY_ON_POSTGRES = (
    """CREATE OR REPLACE FUNCTION added_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          RAISE EXCEPTION 'an entry of % is never edited', TG_TABLE_NAME USING ERRCODE = 'check_violation'; END $$""",
    *(
        f"""CREATE OR REPLACE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION added_only()"""
        for table in _ADDED_ONLY
    ),
    *(
        f"""CREATE OR REPLACE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION added_only()"""
        for table in _ADDED_ONLY
    ),
)
KEPT_ON_SQLITE = AUDIT_ON_SQLITE | {
    f"{table}_kept_{act.lower()}": f"""BEFORE {act} ON {table}
       BEGIN SELECT RAISE(ABORT, 'an entry of {table} is never edited'); END"""
    for table in _ADDED_ONLY
    for act in ("UPDATE", "DELETE")
}
"""Every trigger that stands before books."""

_TOO_MUCH = """(SELECT SUM(amount_fen) FROM payment_share WHERE order_id = NEW.order_id AND state <> 'TAKEN_OVER')
     > (SELECT total_fen - voucher_fen FROM orders WHERE id = NEW.order_id)"""
_SHARES_ON_POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION payment_share_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF {_TOO_MUCH} THEN
            RAISE EXCEPTION 'shares exceed the price: payment_share_within_price' USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$""",
    """CREATE OR REPLACE TRIGGER payment_share_within_price AFTER INSERT ON payment_share
       FOR EACH ROW EXECUTE FUNCTION payment_share_guard()""",
)
"""Only adding can exceed it: of a share nothing changes but its state, and what was taken over stays so."""

_POSTGRES = (
    *_AUDIT_ON_POSTGRES,
    *_SHARES_ON_POSTGRES,
    *_ADDED_ONLY_ON_POSTGRES,
    "CREATE INDEX IF NOT EXISTS venue_place ON venue USING gist (point(lon, lat))",
    # a day's grid is read from an index alone where its pages were vacuumed, and each night a part of the cells leaves
    """ALTER TABLE held_cell SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
                                  autovacuum_analyze_scale_factor = 0.02)""",
    *(
        f"""DO $$ BEGIN
              IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = '{name}') THEN
                ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({truth});
              END IF;
            END $$"""
        for name, (table, truth) in _CHECKS.items()
    ),
)

_SQLITE = (
    f"""CREATE TRIGGER IF NOT EXISTS payment_share_within_price AFTER INSERT ON payment_share WHEN {_TOO_MUCH}
       BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: payment_share_within_price'); END""",
    *(f"CREATE TRIGGER IF NOT EXISTS {name} {guard}" for name, guard in KEPT_ON_SQLITE.items()),
    "CREATE VIRTUAL TABLE IF NOT EXISTS venue_place USING rtree (id, lon_min, lon_max, lat_min, lat_max)",
    """CREATE TRIGGER IF NOT EXISTS venue_placed AFTER INSERT ON venue BEGIN
         INSERT OR REPLACE INTO venue_place VALUES (NEW.id, NEW.lon, NEW.lon, NEW.lat, NEW.lat); END""",
    """CREATE TRIGGER IF NOT EXISTS venue_moved AFTER UPDATE OF lon, lat ON venue BEGIN
         INSERT OR REPLACE INTO venue_place VALUES (NEW.id, NEW.lon, NEW.lon, NEW.lat, NEW.lat); END""",
    """CREATE TRIGGER IF NOT EXISTS venue_gone AFTER DELETE ON venue BEGIN
         DELETE FROM venue_place WHERE id = OLD.id; END""",
    *(
        f"""CREATE TRIGGER IF NOT EXISTS {name}_{act.lower()} BEFORE {act} ON {table}
            WHEN NOT ({_of_the_new_row(truth)})
            BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {name}'); END"""
        for name, (table, truth) in _CHECKS.items()
        for act in ("INSERT", "UPDATE")
    ),
)

NAMES = (
    "payment_one_live_whole",
    "payment_one_live_share",
    "payment_one_settles_whole",
    "payment_one_settles_share",
    "payment_share_within_price",
    "booking_rule_one_stands",
    "attendance_expected",
    "attendance_at_desk",
    "redemption_at_venue",
    "concession_rule_one_default",
    "refund_rule_one_default",
    "refund_one_replacement",
    "consent_one_live",
    "deletion_one_open",
    "merge_one_live",
    "guardianship_one_live",
    "proxy_one_live",
    "companionship_one_live",
    "concession_one_live",
    "shift_one_open",
    "staff_role_one_administration",
    "staff_role_once",
    "audit_line_unchained",
    "audit_line_refused",
    "audit_line_kept",
    "audit_cut_kept",
    "outbox_due",
    "outbox_open_by_subject",
    "organisation_one_live",
    "organisation_member_once",
    "complaint_step_once",
    "message_unplanned",
    "campaign_change_one_open",
    "voucher_of_a_person",
    "closure_offer_one_open",
    "waiting_entry_in_line",
    "series_date_due",
    "group_request_waiting",
    "orders_one_moves",
    "voucher_use_one_live",
    "voucher_use_waiting",
    "offline_entry_waiting",
    "voucher_event_of_a_campaign",
    "settlement_one_open",
    "payout_one_live",
    "venue_account_one_a_state",
    "voucher_use_by_day",
    "risk_case_open",
    "risk_score_held",
    *(f"{table}_kept" for table in _ADDED_ONLY),
    "message_read",
    "message_unread",
    "voucher_scan_old",
    *(f"{table}_by_{column}" for table, column in _LOOKED_UP_BY),
    "venue_place",
    *_CHECKS,
)
"""Every guard, for the test that asks both databases whether they are really there."""
POSTGRES_NAMES = ("audit_line_not_emptied",)
"""And these: SQLite has no TRUNCATE."""


async def put_up() -> None:
    connection = get_connection("default")
    if not database.on_postgres():
        for statement in [text async for text in _lost_in_rebuilding()]:
            await connection.execute_query(statement)
    for statement in _BOTH + (_POSTGRES if database.on_postgres() else _SQLITE):
        await connection.execute_query(statement)


def of_the_tables() -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """What the tables' classes promise: (table, columns, whether they are unique together)."""
    assert Tortoise.apps is not None  # init has filled it
    for table in Tortoise.apps.get_models_iterable():
        meta = table._meta

        def columns(names: Iterable[str], fields: Mapping[str, Any] = meta.fields_map) -> tuple[str, ...]:
            return tuple(getattr(fields[name], "source_field", None) or name for name in names)

        for names in meta.unique_together:
            yield meta.db_table, columns(names), True
        for index in meta.indexes:
            yield meta.db_table, columns(index if isinstance(index, tuple) else index.fields), False
        for name, field in meta.fields_map.items():
            if field.unique and not field.pk:
                yield meta.db_table, columns([name]), True


async def indexes_on_sqlite() -> set[tuple[str, tuple[str, ...], bool]]:
    """The same, as the database has it."""
    found = await database.rows(
        """SELECT tables.name AS held, list.name, list."unique" AS once, list.partial, info.name AS col
             FROM sqlite_master tables, pragma_index_list(tables.name) list, pragma_index_info(list.name) info
            WHERE tables.type = 'table' ORDER BY list.name, info.seqno"""
    )
    by_name: dict[tuple[str, str, bool], list[str]] = {}
    for row in found:
        if not row["partial"]:
            by_name.setdefault((row["held"], row["name"], bool(row["once"])), []).append(row["col"])
    return {(held, tuple(columns), once) for (held, _, once), columns in by_name.items()}


async def _lost_in_rebuilding() -> AsyncIterator[str]:
    """Tortoise alters a column on SQLite by rebuilding its table, and forgets unique constraints and indexes of several
    columns on the way. Without them a court is booked twice and nobody notices."""
    there = await indexes_on_sqlite()
    for table, columns, once in of_the_tables():
        if (table, columns, True) not in there and (once or (table, columns, False) not in there):
            name = f"{table}_{'once' if once else 'by'}_{'_'.join(columns)}"
            kind = "UNIQUE INDEX" if once else "INDEX"
            yield f"CREATE {kind} IF NOT EXISTS {name} ON {table} ({', '.join(columns)})"
