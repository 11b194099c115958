"""Everything that happens without anybody asking for it just then."""

from jobs.footfall import close_day, report_hours
from jobs.forwarding import forward
from jobs.job import Job
from jobs.orders import check_payments, end_holds, send_refunds
from jobs.reconciliation import reconcile

ALL: tuple[Job, ...] = (
    Job(name="end_holds", function=end_holds, every_seconds=10),
    Job(name="check_payments", function=check_payments, every_seconds=10),
    Job(name="refunds", function=send_refunds, every_seconds=10),
    Job(
        name="forward",
        function=lambda tools: forward(platform=tools.platform, clock=tools.clock),
        every_seconds=5,
        timeout_seconds=90,
    ),
    Job(name="report_hours", function=lambda tools: report_hours(now=tools.clock()), every_seconds=300),
    Job(name="close_day", function=lambda tools: close_day(now=tools.clock()), every_seconds=300),
    Job(name="reconcile", function=reconcile, every_seconds=300, timeout_seconds=900),
)
"""Every job of the house, in the order in which a reader wants to know them."""
