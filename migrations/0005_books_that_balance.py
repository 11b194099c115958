from tortoise import migrations
from tortoise.migrations import operations as ops

CHARGED = """
INSERT INTO finance_event (order_id, kind, amount_fen, about_no, happened_at)
SELECT id, 'CHARGED', total_fen, order_no, placed_at FROM orders WHERE total_fen > 0
ON CONFLICT (kind, about_no) DO NOTHING
"""
WAIVED = """
INSERT INTO finance_event (order_id, kind, amount_fen, about_no, happened_at)
SELECT id, 'WAIVED', total_fen, order_no, closed_at FROM orders WHERE total_fen > 0 AND status = 'CLOSED'
ON CONFLICT (kind, about_no) DO NOTHING
"""
CANCELLED = """
UPDATE order_line SET cancelled_at = (SELECT closed_at FROM orders WHERE orders.id = order_line.order_id)
 WHERE order_id IN (SELECT id FROM orders WHERE status = 'CLOSED' AND paid_at IS NOT NULL)
"""


async def balance(_apps, editor):
    """Orders of the time when only payments and refunds were entered: what was asked for, and what is no more."""
    for statement in (CHARGED, WAIVED, CANCELLED):
        await editor.client.execute_query(statement)


async def leave(_apps, _editor):
    """Entries are never taken away."""


class Migration(migrations.Migration):
    dependencies = [("models", "0004_two_channels_and_refunds_by_line")]

    initial = False

    operations = [ops.RunPython(balance, leave)]
