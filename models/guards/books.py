"""Triggers before what is written once: the audit trail, and books of which no entry is edited or taken away."""

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

ON_POSTGRES = (*_AUDIT_ON_POSTGRES, *_ADDED_ONLY_ON_POSTGRES)
ON_SQLITE = tuple(f"CREATE TRIGGER IF NOT EXISTS {name} {guard}" for name, guard in KEPT_ON_SQLITE.items())

NAMES = ("audit_line_kept", "audit_cut_kept", *(f"{table}_kept" for table in _ADDED_ONLY))
NAMES_ON_POSTGRES = ("audit_line_not_emptied", *(f"{table}_not_emptied" for table in _ADDED_ONLY))
"""SQLite has no TRUNCATE."""
