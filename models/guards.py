"""What only SQL can say: checks, partial unique indexes, the places' index.

Run after every migration and harmless the second time, because Tortoise creates none of these, and because its
way of altering a table on SQLite (rebuilding it) silently drops indexes and triggers that it does not know.
"""

from tortoise.connection import get_connection

from models import database

_BOTH = (
    # one attempt at a time per channel and way; exactly one settles an order
    "DROP INDEX IF EXISTS payment_one_live",  # of the time when a channel had one way
    """CREATE UNIQUE INDEX IF NOT EXISTS payment_one_live_a_way ON payment (order_id, channel, way)
       WHERE status IN ('INTENDED', 'WAITING')""",
    "CREATE UNIQUE INDEX IF NOT EXISTS payment_one_settles ON payment (order_id) WHERE status = 'SETTLED'",
    # to a unique constraint every NULL is another: one rule for the venues that have none
    "CREATE UNIQUE INDEX IF NOT EXISTS booking_rule_one_default ON booking_rule ((1)) WHERE venue_id IS NULL",
    """CREATE UNIQUE INDEX IF NOT EXISTS refund_rule_one_default ON refund_rule (party, minutes_before)
       WHERE venue_id IS NULL""",
    # a refund that the channel closed is asked for again once, not by each clerk who sees it
    """CREATE UNIQUE INDEX IF NOT EXISTS refund_one_replacement ON refund (replaces_id)
       WHERE replaces_id IS NOT NULL""",
    "CREATE UNIQUE INDEX IF NOT EXISTS shift_one_open ON shift (staff_id) WHERE closed_at IS NULL",
    """CREATE INDEX IF NOT EXISTS outbox_due ON outbox (next_attempt_at)
       WHERE delivered_at IS NULL AND dead_at IS NULL""",
    "CREATE INDEX IF NOT EXISTS outbox_open_by_subject ON outbox (subject, id) WHERE delivered_at IS NULL",
)

_CHECKS = {
    # name: (table, what must be true)
    "payment_refunds_within_amount": ("payment", "refunded_fen >= 0 AND refunded_fen <= amount_fen"),
    "payment_amount_positive": ("payment", "amount_fen > 0"),
    "refund_amount_positive": ("refund", "amount_fen > 0"),
    "orders_total_not_negative": ("orders", "total_fen >= 0"),
    "occupancy_not_negative": ("occupancy", "inside >= 0"),
}

_POSTGRES = (
    "CREATE INDEX IF NOT EXISTS venue_place ON venue USING gist (point(lon, lat))",
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
    "CREATE VIRTUAL TABLE IF NOT EXISTS venue_place USING rtree (id, lon_min, lon_max, lat_min, lat_max)",
    """CREATE TRIGGER IF NOT EXISTS venue_placed AFTER INSERT ON venue BEGIN
         INSERT OR REPLACE INTO venue_place VALUES (NEW.id, NEW.lon, NEW.lon, NEW.lat, NEW.lat); END""",
    """CREATE TRIGGER IF NOT EXISTS venue_moved AFTER UPDATE OF lon, lat ON venue BEGIN
         INSERT OR REPLACE INTO venue_place VALUES (NEW.id, NEW.lon, NEW.lon, NEW.lat, NEW.lat); END""",
    """CREATE TRIGGER IF NOT EXISTS venue_gone AFTER DELETE ON venue BEGIN
         DELETE FROM venue_place WHERE id = OLD.id; END""",
    *(
        f"""CREATE TRIGGER IF NOT EXISTS {name}_{act.lower()} BEFORE {act} ON {table}
            WHEN NOT ({
            truth.replace("refunded_fen", "NEW.refunded_fen")
            .replace("amount_fen", "NEW.amount_fen")
            .replace("total_fen", "NEW.total_fen")
            .replace("inside", "NEW.inside")
        })
            BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {name}'); END"""
        for name, (table, truth) in _CHECKS.items()
        for act in ("INSERT", "UPDATE")
    ),
)

NAMES = (
    "payment_one_live_a_way",
    "payment_one_settles",
    "booking_rule_one_default",
    "refund_rule_one_default",
    "refund_one_replacement",
    "shift_one_open",
    "outbox_due",
    "outbox_open_by_subject",
    "venue_place",
    *_CHECKS,
)
"""Every guard, for the test that asks both databases whether they are really there."""


async def put_up() -> None:
    for statement in _BOTH + (_POSTGRES if database.on_postgres() else _SQLITE):
        await get_connection("default").execute_query(statement)
