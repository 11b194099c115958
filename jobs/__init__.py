"""Everything that happens without anybody asking for it just then."""

from jobs.arrangements import book_series, end_group_requests
from jobs.audit import chain_audit, check_audit
from jobs.bills import end_bills
from jobs.campaigns import roll_over_rounds
from jobs.closures import mind_closures
from jobs.courts import turn_courts
from jobs.draws import run_draws
from jobs.families import grow_up
from jobs.feedback import escalate_complaints
from jobs.footfall import close_day, report_hours
from jobs.forwarding import forward_to_all
from jobs.job import Job
from jobs.messages import tell_people
from jobs.offline import judge_offline
from jobs.orders import check_payments, end_holds, release_no_shows, send_refunds
from jobs.reconciliation import reconcile
from jobs.retention import delete_members, move_latecomers, purge_old, purge_past
from jobs.risk import ask_risk_ranks, judge_uses
from jobs.sessions import make_sessions
from jobs.statistics import note_ages
from jobs.vouchers import check_vouchers, expire_vouchers, remind_of_vouchers
from jobs.waiting import offer_freed_slots

ALL: tuple[Job, ...] = (
    Job(name="end_holds", function=end_holds, every_seconds=10),
    Job(name="check_payments", function=check_payments, every_seconds=10),
    Job(name="refunds", function=send_refunds, every_seconds=10),
    Job(name="release_no_shows", function=release_no_shows, every_seconds=10),
    Job(
        name="forward",
        function=lambda tools: forward_to_all(platforms=tools.platforms, clock=tools.clock),
        every_seconds=5,
        timeout_seconds=90,
    ),
    Job(name="offer_freed_slots", function=offer_freed_slots, every_seconds=10),
    Job(name="run_draws", function=run_draws, every_seconds=10, timeout_seconds=300),
    Job(name="book_series", function=book_series, every_seconds=10, timeout_seconds=300),
    Job(name="end_group_requests", function=end_group_requests, every_seconds=60),
    Job(name="mind_closures", function=mind_closures, every_seconds=30, timeout_seconds=120),
    Job(name="turn_courts", function=turn_courts, every_seconds=300, timeout_seconds=300),
    Job(name="tell_people", function=tell_people, every_seconds=5, timeout_seconds=90),
    Job(name="report_hours", function=lambda tools: report_hours(now=tools.clock()), every_seconds=300),
    Job(name="close_day", function=lambda tools: close_day(now=tools.clock()), every_seconds=300),
    Job(name="make_sessions", function=make_sessions, every_seconds=3600, timeout_seconds=900),
    Job(name="escalate_complaints", function=escalate_complaints, every_seconds=600),
    Job(name="reconcile", function=reconcile, every_seconds=300, timeout_seconds=900),
    Job(
        name="roll_over_rounds",
        function=lambda tools: roll_over_rounds(now=tools.clock()),
        every_seconds=10,
    ),
    Job(name="expire_vouchers", function=expire_vouchers, every_seconds=60),
    Job(name="remind_of_vouchers", function=remind_of_vouchers, every_seconds=600),
    Job(name="check_vouchers", function=check_vouchers, every_seconds=300, timeout_seconds=300),
    Job(name="end_bills", function=end_bills, every_seconds=30),
    Job(name="judge_offline", function=judge_offline, every_seconds=30),
    Job(name="note_ages", function=note_ages, every_seconds=60),
    Job(name="judge_uses", function=judge_uses, every_seconds=600, timeout_seconds=300),
    Job(name="ask_risk_ranks", function=ask_risk_ranks, every_seconds=120, timeout_seconds=300),
    Job(name="grow_up", function=grow_up, every_seconds=3600, timeout_seconds=900),
    Job(name="move_latecomers", function=move_latecomers, every_seconds=300),
    Job(name="delete_members", function=delete_members, every_seconds=600, timeout_seconds=300),
    Job(name="purge_old", function=purge_old, every_seconds=3600, timeout_seconds=900),
    Job(name="purge_past", function=purge_past, every_seconds=3600, timeout_seconds=900),
    Job(name="chain_audit", function=chain_audit, every_seconds=5),
    Job(name="check_audit", function=check_audit, every_seconds=3600, timeout_seconds=3000),
)
"""Every job of the house, in the order in which a reader wants to know them."""
