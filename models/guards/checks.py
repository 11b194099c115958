"""What must be true of a row, and of an order's shares together. SQLite gets triggers: it adds no CHECK to a table."""

import re

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
    "session_plan_version_ends_later": ("session_plan_version", "to_day IS NULL OR to_day > from_day"),
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
    "booking_rule_cancelling_whole": (
        "booking_rule",
        "(cancel_free_minutes IS NULL) = (cancel_kept_percent IS NULL) AND COALESCE(cancel_kept_percent, 0) BETWEEN 0 AND 100",
    ),
    "order_line_cancelling_whole": (
        "order_line",
        "(cancel_free_minutes IS NULL) = (cancel_kept_percent IS NULL) AND COALESCE(cancel_kept_percent, 0) BETWEEN 0 AND 100",
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
    "offline_conflict_state_of_its_kind": (
        "offline_conflict",
        """order_line_id IS NULL AND (state IN ('PAID', 'HELD', 'REFUSED') AND use_id IS NOT NULL
           OR state = 'BORNE' AND use_id IS NULL) OR order_line_id IS NOT NULL AND state IN ('PAID', 'HELD', 'BORNE')""",
    ),
    "offline_conflict_of_one_thing": (
        "offline_conflict",
        """order_line_id IS NULL AND voucher_id IS NOT NULL AND campaign_id IS NOT NULL
           OR order_line_id IS NOT NULL AND voucher_id IS NULL AND campaign_id IS NULL AND use_id IS NULL""",
    ),
    "rating_stars_one_to_five": ("rating", "stars >= 1 AND stars <= 5"),
    "session_taken_within_capacity": ("session", "taken >= 0 AND taken <= capacity"),
    "session_counted_not_negative": ("session", "counted_inside >= 0"),
    "session_plan_within_a_day": ("session_plan", "from_minute < to_minute AND to_minute <= 1440"),
    "session_price_free_costs_nothing": ("session_price", "price_fen >= 0 AND (price_fen = 0) = (kind = 'FREE')"),
    "held_place_positive": ("held_place", "places > 0"),
    "order_line_court_or_session": ("order_line", "(court_id IS NULL) <> (session_id IS NULL)"),
}

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


def _of_the_new_row(truth: str) -> str:
    """A trigger names the row that it looks at: every word of ours in a check is a column's name."""
    return re.sub(r"\b[a-z_]+\b", r"NEW.\g<0>", truth)


ON_POSTGRES = (
    *_SHARES_ON_POSTGRES,
    # of the time when only vouchers were in conflict
    """DO $$ BEGIN
          IF EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'offline_conflict_state_known') THEN
            ALTER TABLE offline_conflict DROP CONSTRAINT offline_conflict_state_known;
          END IF;
        END $$""",
    *(
        f"""DO $$ BEGIN
              IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = '{name}') THEN
                ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({truth});
              END IF;
            END $$"""
        for name, (table, truth) in _CHECKS.items()
    ),
)

ON_SQLITE = (
    *(f"DROP TRIGGER IF EXISTS offline_conflict_state_known_{act}" for act in ("insert", "update")),  # likewise
    f"""CREATE TRIGGER IF NOT EXISTS payment_share_within_price AFTER INSERT ON payment_share WHEN {_TOO_MUCH}
       BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: payment_share_within_price'); END""",
    *(
        f"""CREATE TRIGGER IF NOT EXISTS {name}_{act.lower()} BEFORE {act} ON {table}
            WHEN NOT ({_of_the_new_row(truth)})
            BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {name}'); END"""
        for name, (table, truth) in _CHECKS.items()
        for act in ("INSERT", "UPDATE")
    ),
)

NAMES = ("payment_share_within_price", *_CHECKS)
