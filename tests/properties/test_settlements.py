"""Whatever happens to uses in whatever order, each entry of the books is settled once, and venues get what they are owed.

A machine uses vouchers at two venues, takes them back wholly and in part, opens cases and decides them either way,
drafts at odd moments, deducts, drops, approves, pays, hears that the bank sent it back, and lets time pass. After each
step every settlement's sums are those of its lines, its statement and its payout. In the end everything is drafted,
approved and paid, and what the venues have is what the entries are worth, less what was deducted.

`SOAK_SECONDS` (`make soak`) runs it for about as long.
"""

import asyncio
import csv
import io
import os
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models import database
from models.calendar import business_day
from models.errors import DomainError
from models.risk.tables import RiskCase
from models.settlement.deciding import approve, deduct, drop
from models.settlement.paying_out import batch_file, fail_payout
from models.settlement.rules import owed_fen
from models.settlement.signing import FORMAT
from models.settlement.summing import brought_by
from models.settlement.tables import (
    PaymentRecord,
    Payout,
    PayoutBatch,
    Settlement,
    SettlementDeduction,
    SettlementLine,
)
from models.vouchers.rules import EventKind
from models.vouchers.tables import VoucherEvent, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.settlements import (
    ACCOUNT_KEYS,
    STATEMENT_KEYS,
    Programme,
    a_programme,
    a_redemption,
    an_account,
    drafted,
    judge,
    paid_out,
    proposed,
    recorded,
    seen_of,
    take_back,
)
from tests.factories.vouchers import a_campaign

T = TypeVar("T")
STEPS = 20
FIRST_DAY = date(2026, 11, 1)


@dataclass(frozen=True)
class World:
    """What all runs share: a loop, two venues with accounts, and the office's people."""

    loop: asyncio.AbstractEventLoop
    it: Programme
    steps: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


@pytest.fixture
async def world(db: Database) -> World:
    it = await a_programme()
    for venue in (it.venue, it.other_venue):
        await an_account(it, venue, now=NOW)
    return World(asyncio.get_running_loop(), it)


which = st.integers(0, 9)


class Settling(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.now = NOW
        self.uses: list[VoucherUse] = []
        self.it: Programme

    def run(self, act: Coroutine[Any, Any, T]) -> T | None:
        try:
            return self.world.loop.run_until_complete(act)
        except DomainError as refusal:
            self.saw(refusal.code.value)
            return None

    def saw(self, what: str) -> None:
        self.world.seen.add(what)

    @initialize()
    def begin(self) -> None:
        async def act() -> None:
            shared = self.world.it
            campaign = await a_campaign(region_key="510100", now=NOW)
            self.it = Programme(
                campaign, shared.venue, shared.other_venue, shared.proposer, shared.approver, shared.paymaster
            )

        self.world.loop.run_until_complete(act())

    # what happens to uses

    @rule(elsewhere=st.booleans(), share=st.sampled_from([0, 3_33]), judged=st.booleans(), ago=st.integers(0, 2))
    def use(self, elsewhere: bool, share: int, judged: bool, ago: int) -> None:
        venue = self.it.other_venue if elsewhere else self.it.venue
        then = self.now - timedelta(days=ago)  # booked late
        made = self.run(a_redemption(self.it, venue, share_fen=share, judged=judged or ago > 0, now=then))
        assert made is not None
        self.uses.append(made)

    @rule(which=which, part=st.sampled_from([None, 7_01]))
    def undo_or_refund(self, which: int, part: int | None) -> None:
        async def act() -> None:
            use = await self._use(which)
            if use is not None and use.used_fen >= (part or 1):
                await take_back(use, fen=part, no=f"-{use.used_fen}", now=self.now)
                self.saw("taken back")

        self.run(act())

    @rule(which=which)
    def suspect(self, which: int) -> None:
        async def act() -> None:
            use = await self._use(which)
            if use is not None and not await RiskCase.exists(use_id=use.id):
                await RiskCase.create(
                    case_no=f"K{use.id}",
                    use_id=use.id,
                    venue_id=use.venue_id,
                    state="OPEN",
                    version=1,
                    score=90,
                    opened_at=self.now,
                )

        self.run(act())

    @rule(which=which, fake=st.booleans())
    def decide(self, which: int, fake: bool) -> None:
        async def act() -> None:
            use = await self._use(which)
            if use is None:
                return
            case = await RiskCase.get_or_none(use_id=use.id, state="OPEN")
            if case is None:
                return
            case.state = "CONFIRMED" if fake else "CLEARED"
            await case.save()
            if fake and use.used_fen:
                await take_back(use, no="-fake", now=self.now)
            self.saw(case.state)

        self.run(act())

    @rule(which=which)
    def look_at(self, which: int) -> None:
        async def act() -> None:
            use = await self._use(which)
            if use is not None:
                await self._judge(use)

        self.run(act())

    async def _judge(self, use: VoucherUse) -> None:
        if not await database.rows("SELECT id FROM risk_score WHERE use_id = $1", use.id):
            await judge(use, now=self.now)

    async def _use(self, which: int) -> VoucherUse | None:
        return await VoucherUse.get(id=self.uses[which % len(self.uses)].id) if self.uses else None

    # what the office does

    @rule(days=st.integers(1, 3))
    def draft(self, days: int) -> None:
        until = business_day(self.now) - timedelta(days=days)
        made = self.run(drafted(self.it, from_day=FIRST_DAY, until_day=until, now=self.now))
        if made is not None and made.settlements:
            self.saw("drafted")

    @rule(which=which, fen=st.sampled_from([1, 5_00, 50_00]))
    def deduct(self, which: int, fen: int) -> None:
        async def act() -> None:
            settlement = await self._settlement(which, "DRAFT")
            if settlement is not None:
                await deduct(
                    clerk=self.it.proposer,
                    settlement_no=settlement.settlement_no,
                    amount_fen=fen,
                    reason="上月多付",
                    idempotency_key=f"{fen}-{self.now:%d%H}",
                    now=self.now,
                )
                self.saw("deducted")

        self.run(act())

    @rule(which=which)
    def drop(self, which: int) -> None:
        async def act() -> None:
            settlement = await self._settlement(which, "DRAFT", "PROPOSED")
            if settlement is not None:
                asked = {"settlement_no": settlement.settlement_no, "reason": "重新拟定", "now": self.now}
                await drop(clerk=self.it.proposer, **asked)  # type: ignore[arg-type]
                self.saw("dropped")

        self.run(act())

    @rule(which=which)
    def approve(self, which: int) -> None:
        async def act() -> None:
            settlement = await self._settlement(which, "DRAFT", "PROPOSED")
            if settlement is not None:
                await self._approve(settlement)

        self.run(act())

    async def _approve(self, settlement: Settlement) -> None:
        if settlement.state == "DRAFT":
            await proposed(self.it, settlement, now=self.now)
        await approve(
            clerk=self.it.approver,
            settlement_no=settlement.settlement_no,
            seen=seen_of(settlement),
            keys=STATEMENT_KEYS,
            now=self.now,
        )
        self.saw("carried" if settlement.carried_in_fen else "approved")

    @rule()
    def pay_out(self) -> None:
        self.run(paid_out(self.it, now=self.now))

    @rule(which=which, failed=st.booleans())
    def hear_of_the_bank(self, which: int, failed: bool) -> None:
        async def act() -> None:
            settlement = await self._settlement(which, "IN_PAYOUT")
            if settlement is None:
                return
            if failed:
                asked = {"settlement_no": settlement.settlement_no, "reason": "户名不符", "now": self.now}
                await fail_payout(clerk=self.it.paymaster, **asked)  # type: ignore[arg-type]
            else:
                await self._record(settlement)
            self.saw("failed" if failed else "paid")

        self.run(act())

    async def _record(self, settlement: Settlement) -> None:
        owed = settlement.payable_fen or settlement.carried_out_fen
        await recorded(self.it, settlement, amount_fen=owed, now=self.now)

    async def _settlement(self, which: int, *states: str) -> Settlement | None:
        """One in these states; now and then any, which is refused by name."""
        ours = await Settlement.filter(campaign_id=self.it.campaign.id).exclude(state="DROPPED").order_by("-id")
        wanted = [each for each in ours if each.state in states] or ours
        return wanted[which % len(wanted)] if wanted else None

    @rule(paid=st.booleans(), then=st.sampled_from(["nothing", "takes back", "and more"]))
    def end_a_period(self, paid: bool, then: str) -> None:
        """What happens each month: everything is drafted and approved, and often paid; and then a use proves fake."""
        self.now += timedelta(days=1)
        self.draft(1)
        for _ in range(2):
            self.approve(0)
        if paid:
            self.pay_out()
            self.hear_of_the_bank(0, failed=False)
        if then != "nothing":
            self.undo_or_refund(0, None)
        if then == "and more":  # what that owes is carried into what comes after
            for _ in range(2):
                self.now += timedelta(days=1)
                self.draft(1)
                self.approve(0)
                self.use(elsewhere=False, share=0, judged=True, ago=2)
                self.use(elsewhere=True, share=0, judged=True, ago=2)

    @rule(days=st.integers(1, 4))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    # what must always hold

    @invariant()
    def every_sum_is_that_of_its_lines_its_statement_and_its_payout(self) -> None:
        if not hasattr(self, "it"):
            return
        self.world.steps.append("")
        self.world.loop.run_until_complete(self._look())

    async def _look(self) -> None:
        every = await Settlement.filter(campaign_id=self.it.campaign.id).order_by("id")
        ids = [settlement.id for settlement in every]
        brought = await brought_by(ids)
        carried: set[int] = set()
        for settlement in every:
            if settlement.state == "DROPPED":
                assert settlement.id not in brought
                continue
            sums = brought[settlement.id]
            assert (sums.used, sums.taken_back, sums.conflict, sums.venue_share) == (
                settlement.used_fen,
                settlement.taken_back_fen,
                settlement.conflict_fen,
                settlement.venue_share_fen,
            )
            deductions = await SettlementDeduction.filter(settlement_id=settlement.id)
            assert settlement.deducted_fen == sum(each.amount_fen for each in deductions)
            if settlement.carried_from_id is not None:
                assert settlement.carried_from_id not in carried
                carried.add(settlement.carried_from_id)
            if settlement.statement is not None:
                said = orjson.loads(bytes(settlement.statement))
                assert (said["format"], said["sums"]["payable"]) == (FORMAT, settlement.payable_fen)
                worth = sum(line["owed"] for line in said["lines"])
                due = worth - settlement.deducted_fen - settlement.carried_in_fen
                assert due == settlement.payable_fen - settlement.carried_out_fen
        for batch in await PayoutBatch.filter(campaign_id=self.it.campaign.id):
            await self._look_at_file(batch)

    async def _look_at_file(self, batch: PayoutBatch) -> None:
        file = await batch_file(clerk=self.it.paymaster, batch_no=batch.batch_no, keys=ACCOUNT_KEYS)
        rows = list(csv.DictReader(io.StringIO(file.content.split(b"\r\n", 2)[2].decode())))
        named = {row["结算单号"]: round(float(row["金额(元)"]) * 100) for row in rows}
        payouts = await Payout.filter(batch_id=batch.id).prefetch_related("settlement")
        assert named == {each.settlement.settlement_no: each.settlement.payable_fen for each in payouts}
        assert batch.total_fen == sum(named.values())

    def teardown(self) -> None:
        """In the end everything is judged, drafted, approved and paid."""
        if hasattr(self, "it"):
            self.now += timedelta(days=5)
            self.world.loop.run_until_complete(self._end())

    async def _end(self) -> None:
        await RiskCase.filter(state="OPEN").update(state="CLEARED")
        for use in self.uses:
            await self._judge(use)
        for _ in range(3):  # what is undecided, then what waited for it, then what that left
            for settlement in await Settlement.filter(
                campaign_id=self.it.campaign.id, state__in=["DRAFT", "PROPOSED"]
            ):
                await self._approve(settlement)
            until = business_day(self.now) - timedelta(days=1)
            await drafted(self.it, from_day=FIRST_DAY, until_day=until, now=self.now)
        self.run_quietly = await Settlement.filter(
            campaign_id=self.it.campaign.id, state="APPROVED", payable_fen__gt=0
        ).exists()
        if self.run_quietly:
            await paid_out(self.it, now=self.now)
        carried = await Settlement.filter(
            campaign_id=self.it.campaign.id, carried_from_id__not_isnull=True
        ).values_list("carried_from_id", flat=True)
        for settlement in await Settlement.filter(campaign_id=self.it.campaign.id):
            owes = settlement.state == "APPROVED" and settlement.carried_out_fen and settlement.id not in carried
            if settlement.state == "IN_PAYOUT" or owes:
                await self._record(settlement)
        await self._look()
        await self._every_entry_was_paid_once()

    async def _every_entry_was_paid_once(self) -> None:
        entries = await VoucherEvent.filter(campaign_id=self.it.campaign.id)
        lines = await SettlementLine.filter(settlement__campaign_id=self.it.campaign.id)
        assert sorted(line.entry_id for line in lines) == sorted(entry.id for entry in entries)
        worth = sum(owed_fen(EventKind(entry.kind), entry.amount_fen, entry.venue_share_fen) for entry in entries)
        live = await Settlement.filter(campaign_id=self.it.campaign.id).exclude(state="DROPPED")
        records = await PaymentRecord.filter(settlement__campaign_id=self.it.campaign.id)
        got = sum(-each.amount_fen if each.is_repayment else each.amount_fen for each in records)
        assert got == worth - sum(settlement.deducted_fen for settlement in live)


def test_each_entry_is_settled_once_and_venues_get_what_they_are_owed(world: World) -> None:
    seconds, begun = float(os.environ.get("SOAK_SECONDS") or 0), time.monotonic()
    while True:
        run_state_machine_as_test(
            lambda: Settling(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
            settings=settings(
                max_examples=100 if seconds else 10,
                stateful_step_count=60 if seconds else STEPS,
                deadline=None,
                derandomize=not seconds,  # what it is to have seen, it sees each time
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
        if time.monotonic() - begun >= seconds:
            break
    assert {"drafted", "approved", "paid", "carried", "taken back"} <= world.seen
