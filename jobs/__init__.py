"""Everything that happens without anybody asking for it just then."""

from jobs.forwarding import forward
from jobs.job import Job

ALL: tuple[Job, ...] = (
    Job(
        name="forward",
        function=lambda tools: forward(platform=tools.platform, clock=tools.clock),
        every_seconds=5,
        timeout_seconds=90,
    ),
)
"""Every job of the house, in the order in which a reader wants to know them."""
