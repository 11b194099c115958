"""What is looked up, or may be there once, where only some rows count; and the places' index."""

import re

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

ON_BOTH = (
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
    # whether somebody could have come in on a day; what the worker looks for: lines to which nobody has come yet
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
"""In the words of both databases."""

ON_POSTGRES = (
    "CREATE INDEX IF NOT EXISTS venue_place ON venue USING gist (point(lon, lat))",
    # a day's grid is read from an index alone where its pages were vacuumed, and each night a part of the cells leaves
    """ALTER TABLE held_cell SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
                                  autovacuum_analyze_scale_factor = 0.02)""",
)

ON_SQLITE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS venue_place USING rtree (id, lon_min, lon_max, lat_min, lat_max)",
    """CREATE TRIGGER IF NOT EXISTS venue_placed AFTER INSERT ON venue BEGIN
         INSERT OR REPLACE INTO venue_place VALUES (NEW.id, NEW.lon, NEW.lon, NEW.lat, NEW.lat); END""",
    """CREATE TRIGGER IF NOT EXISTS venue_moved AFTER UPDATE OF lon, lat ON venue BEGIN
         INSERT OR REPLACE INTO venue_place VALUES (NEW.id, NEW.lon, NEW.lon, NEW.lat, NEW.lat); END""",
    """CREATE TRIGGER IF NOT EXISTS venue_gone AFTER DELETE ON venue BEGIN
         DELETE FROM venue_place WHERE id = OLD.id; END""",
)

NAMES = tuple(
    name
    for statement in (*ON_BOTH, *ON_POSTGRES)
    for name in re.findall(r"CREATE (?:UNIQUE )?INDEX IF NOT EXISTS (\w+)", statement)
)
