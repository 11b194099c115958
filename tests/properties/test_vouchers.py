"""Whatever happens to vouchers in whatever order, every budget adds up and no fen is lost.

A machine claims, reserves, pays in cash and by a channel that tells late, cancels whole orders and lines for the member
and for the venue, uses vouchers at a desk, confirms, refuses and undoes, changes the campaign in mid-course, and jumps in
time; somebody finds uses fake, and somebody else that they were good; rounds roll over, the campaign is paused, opened again
and closed; and two desks take vouchers while they are offline,
blindly, and bring their queues later. After each step: `budget = free + claimed + reserved + used + forfeited + expired_not_returned`; of each order, what
the citizen and the vouchers paid, less what went back, is the price of what stands and what the refund rules kept.

Every transition is counted by the rows that it leaves. A story goes through all of them once, so that `make test` knows them
reached without luck; `make soak` wants each of them among what it found by chance.
"""

import asyncio
import os
import secrets
import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models import database
from models.booking.tables import BookingRule
from models.calendar import business_day, instant_of
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.staff_refunding import cancel_for_venue
from models.members.tables import Member
from models.offline.issuing import voucher_pass
from models.offline.judging import judge_waiting
from models.offline.tables import OfflineEntry
from models.orders.tables import RefundRule
from models.risk.deciding import decide
from models.risk.rules import CaseState
from models.risk.scoring import open_case
from models.risk.tables import RiskCase
from models.shifts.operations import open_shift
from models.staff.rules import Role, StaffSignedIn
from models.vouchers.at_desk import redeem_voucher
from models.vouchers.bills import Bill
from models.vouchers.change import Change
from models.vouchers.claiming import claim_one
from models.vouchers.claims import Claim
from models.vouchers.codes import codes_of
from models.vouchers.confirming import confirm_bill, end_bills
from models.vouchers.ending import expire_vouchers
from models.vouchers.proposing import decide_change, propose_change
from models.vouchers.rolling import roll_over
from models.vouchers.rules import CampaignState, ClaimLimits, OnRefund, Stacking, Terms, Validity
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherRound, VoucherUse
from models.vouchers.undoing import undo_redemption
from tests.conftest import NOW
from tests.databases import KIND, Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Hall, Person, a_hall, a_person, an_order, wanted
from tests.factories.campaigns import CHENGDU, Office, an_office, step
from tests.factories.people import CODE_KEYS, a_clerk
from tests.factories.risk import a_decider
from tests.factories.vouchers import ACampaign, a_campaign
from tests.models.checkout.voucher_books import check_order, check_programme
from tests.models.offline.halls import KEYS as OFFLINE_KEYS
from tests.models.offline.halls import LIFE, Counter, a_counter, check_reserve
from tests.properties.paying import CHANNELS, Paying, recent

FAKE, GOOD = CaseState.CONFIRMED, CaseState.CLEARED
STEPS = 25
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS") or 0)
QUANTITIES = (4, 2)  # of two rounds, one after the other
TRANSITIONS = """
SELECT (SELECT COUNT(*) FROM voucher WHERE campaign_id = $1) AS claimed,
       (SELECT COUNT(*) FROM order_voucher JOIN voucher ON voucher.id = order_voucher.voucher_id
         WHERE voucher.campaign_id = $1) AS reserved,
       (SELECT COUNT(*) FROM voucher_event JOIN voucher_use ON voucher_use.id = voucher_event.use_id
         WHERE voucher_use.campaign_id = $1 AND way = 'ORDER' AND kind = 'USED') AS paid,
       (SELECT COUNT(*) FROM voucher_event JOIN voucher_use ON voucher_use.id = voucher_event.use_id
         WHERE voucher_use.campaign_id = $1 AND way = 'ORDER' AND kind = 'TAKEN_BACK') AS refunded,
       (SELECT COUNT(*) FROM voucher_event JOIN voucher_use ON voucher_use.id = voucher_event.use_id
         WHERE voucher_use.campaign_id = $1 AND way = 'DESK' AND kind = 'USED') AS redeemed_online,
       (SELECT COUNT(*) FROM voucher_event JOIN voucher_use ON voucher_use.id = voucher_event.use_id
         WHERE voucher_use.campaign_id = $1 AND way = 'OFFLINE' AND kind = 'USED') AS redeemed_offline,
       (SELECT COUNT(*) FROM voucher_event WHERE campaign_id = $1 AND kind = 'CONFLICT') AS in_conflict,
       (SELECT COUNT(*) FROM voucher_use WHERE campaign_id = $1 AND undone_by_id IS NOT NULL) AS undone,
       (SELECT COUNT(*) FROM voucher_event WHERE campaign_id = $1 AND about_no LIKE '%-risk') AS found_fake,
       (SELECT COUNT(*) FROM voucher_event WHERE campaign_id = $1 AND about_no LIKE '%-cleared') AS found_good,
       (SELECT COUNT(*) FROM voucher WHERE campaign_id = $1 AND ended_at >= valid_until
           AND state IN ('EXPIRED', 'RETURNED')) AS expired,
       (SELECT COUNT(*) FROM voucher_round WHERE campaign_id = $1 AND rolled_over_at IS NOT NULL) AS rolled_over,
       (SELECT COUNT(*) FROM campaign_step WHERE campaign_id = $1 AND to_state = 'PAUSED') AS paused,
       (SELECT COUNT(*) FROM campaign_step WHERE campaign_id = $1 AND from_state = 'PAUSED'
           AND to_state = 'OPEN') AS opened_again,
       (SELECT COUNT(*) FROM campaign_step WHERE campaign_id = $1 AND to_state = 'CLOSED') AS closed"""
"""What the issue wants reached, and how often it was, by what nobody edits afterwards."""
JUMPS = (60, 240, 240, 16 * 60, 16 * 60, 5 * 3600, 24 * 3600, 2 * 24 * 3600)


@dataclass(frozen=True)
class World:
    """What all runs share: a loop, a hall and its staff."""

    loop: asyncio.AbstractEventLoop
    hall: Hall
    clerk: StaffSignedIn
    manager: StaffSignedIn
    office: Office
    deciders: tuple[StaffSignedIn, StaffSignedIn]
    reached: Tally[str] = field(default_factory=Tally)


@pytest.fixture
async def world(db: Database) -> World:
    hall = await a_hall(sport_codes=["BADMINTON", "BASKETBALL"])
    await BookingRule.all().update(courts_a_person_a_day=99, minutes_a_court_a_day=999)
    for minutes, percent in ((180, 0), (0, 20)):
        await RefundRule.create(
            party="MEMBER", minutes_before=minutes, kept_percent=percent, kept_fen=0, provenance="TEST", source=""
        )
    clerk = await a_clerk(hall.venue.public_id)
    await open_shift(clerk=clerk, venue_id=hall.venue.public_id, float_fen=10_000, now=NOW)
    manager = await a_clerk(hall.venue.public_id, roles=[Role.VENUE_MANAGER], device_id="office")
    deciders = (await a_decider(), await a_decider())
    return World(asyncio.get_running_loop(), hall, clerk, manager, await an_office(), deciders)


def some_terms(on_refund: OnRefund) -> st.SearchStrategy[Terms]:
    return st.builds(
        Terms,
        limits=st.just(ClaimLimits(a_round=None)),
        validity=st.builds(Validity, days=st.sampled_from([1, 3])),
        uses_a_day=st.sampled_from([None, None, 2]),
        uses_a_venue_a_day=st.sampled_from([None, None, 2]),
        stacking=st.sampled_from([Stacking.NONE, Stacking.ANY, Stacking.ANY]),
        venue_share_percent=st.sampled_from([0, 25]),
        venue_cap_fen=st.sampled_from([None, None, 150_00]),
        on_refund=st.just(on_refund),
        refund_hours_before=st.just(20 if on_refund is OnRefund.RETURNS_IN_TIME else 0),
        expired_returns=st.booleans(),
        rolls_over=st.booleans(),
    )


terms = st.sampled_from(OnRefund).flatmap(some_terms)


class Vouchers(Paying):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.campaign: ACampaign
        self.people: tuple[Person, ...]
        self.counters: list[Counter] = []

    @initialize(terms=terms, face=st.sampled_from([2000, 5500, 11000]), more=st.sampled_from([0, 1000]))
    def begin(self, terms: Terms, face: int, more: int) -> None:
        async def act() -> None:
            await database.rows("DELETE FROM held_cell")  # of the runs before
            self.people = tuple([await a_person() for _ in range(2)])
            self.campaign = await a_campaign(
                region_key=CHENGDU,
                budget_fen=face * 6 + 1,
                reserve_fen=face * 2,
                face_fen=face,
                minimum_spend_fen=face + more,
                rounds=[
                    (NOW - timedelta(hours=1), NOW + timedelta(hours=36), QUANTITIES[0]),
                    (NOW + timedelta(hours=36), NOW + timedelta(days=30), QUANTITIES[1]),
                ],
                terms=terms,
            )
            world = self.world
            staff = {"clerk": world.clerk, "manager": world.manager}
            for here in ((world.hall.venue, staff), (None, {})):  # one at the hall, the other elsewhere
                self.counters.append(await a_counter(here[0], **here[1], most_fen=20_000_00, most_count=500))

        self.world.loop.run_until_complete(act())
        for who in (0, 0, 1):
            self.claim(who)

    # what citizens do

    @rule(who=st.integers(0, 1))
    def claim(self, who: int) -> None:
        async def act() -> None:
            member = await Member.get(id=self.people[who].member_id)
            claim = Claim(member_id=member.id, member_public_id=member.public_id, key=secrets.token_hex(8))
            await claim_one(campaign_id=self.campaign.public_id, claim=claim, id_keys=ID_KEYS, now=self.now)

        self.run(act())

    @rule(
        who=st.sampled_from([0, 0, 1]),
        hour=st.integers(9, 12),
        lines=st.sampled_from([1, 2, 3, 3]),
        vouchers=st.sampled_from([0, 1, 1, 1, 2]),
        until=st.sampled_from(["placed", "pressed", "cash", "cash"]),
    )
    def buy(self, who: int, hour: int, lines: int, vouchers: int, until: str) -> None:
        person = self.people[who]
        day = business_day(self.now) + timedelta(days=1)
        courts = (self.world.hall.badminton, self.world.hall.badminton_2, self.world.hall.full)

        async def act() -> None:
            mine = await Voucher.filter(
                member_id=person.member_id, campaign_id=self.campaign.id, state="CLAIMED"
            ).limit(vouchers)
            asked = [wanted(courts[each % 3], instant_of(day, (hour + each // 3) * 60)) for each in range(lines)]
            ids = [voucher.public_id for voucher in mine]
            order = await an_order(person, *asked, vouchers=ids, channels=CHANNELS, now=self.now)
            self.orders.append((order, person))

        before = len(self.orders)
        self.run(act())
        if len(self.orders) > before:
            self.pay_as(until)

    @precondition(lambda self: self.orders)
    @rule(which=recent, lines=st.sampled_from([None, (1,), (2,), (3,), (1, 2)]))
    def cancel(self, which: int, lines: tuple[int, ...] | None) -> None:
        order, person = self.orders[which % len(self.orders)]
        self.run(
            cancel_order(
                member_id=person.member_id,
                order_no=order.order_no,
                line_nos=lines,
                channels=CHANNELS,
                now=self.now,
            )
        )

    @rule(
        who=st.sampled_from([0, 0, 1]),
        hour=st.integers(9, 12),
        vouchers=st.sampled_from([1, 1, 2]),
        lines=st.sampled_from([None, (1,), (1, 2)]),
        by_venue=st.sampled_from([False, False, True]),
    )
    def regret(self, who: int, hour: int, vouchers: int, lines: tuple[int, ...] | None, by_venue: bool) -> None:
        self.buy(who, hour, 3, vouchers, "cash")
        if self.orders and by_venue:
            self.cancel_for_venue(-1, lines)
        elif self.orders:
            self.cancel(-1, lines)

    # what desks, planners and time do

    @precondition(lambda self: self.orders)
    @rule(which=recent, lines=st.sampled_from([None, (1,), (2,), (1, 2)]))
    def cancel_for_venue(self, which: int, lines: tuple[int, ...] | None) -> None:
        self.run(
            cancel_for_venue(
                clerk=self.world.clerk,
                order_no=self.orders[which % len(self.orders)][0].order_no,
                line_nos=lines,
                reason="停电",
                key=secrets.token_hex(8),
                channels=CHANNELS,
                now=self.now,
            )
        )

    @rule(
        who=st.integers(0, 1),
        bill_fen=st.sampled_from([2000, 6000, 12000]),
        then=st.sampled_from(["nothing", "no", "yes", "yes", "undone"]),
    )
    def use_at_desk(self, who: int, bill_fen: int, then: str) -> None:
        member_id = self.people[who].member_id

        async def act() -> None:
            voucher = await Voucher.filter(
                member_id=member_id, campaign_id=self.campaign.id, state="CLAIMED"
            ).first()
            if voucher is None:
                return
            codes = await codes_of(member_id=member_id, voucher_id=voucher.public_id, keys=CODE_KEYS, now=self.now)
            asked = await redeem_voucher(
                clerk=self.world.clerk,
                venue_id=self.world.hall.venue.public_id,
                bill=Bill(code=codes.codes[0][1], bill_fen=bill_fen, sport="BADMINTON"),
                nonce=secrets.token_hex(8),
                keys=CODE_KEYS,
                now=self.now,
            )
            if asked.use_no and then != "nothing":
                await confirm_bill(member_id=member_id, use_no=asked.use_no, agrees=then != "no", now=self.now)
            if asked.use_no and then == "undone":
                await undo_redemption(
                    clerk=self.world.manager, use_no=asked.use_no, reason="扫错了券", now=self.now
                )

        self.run(act())

    @rule(
        who=st.integers(0, 1),
        bill_fen=st.sampled_from([2000, 6000, 12000, 12000]),
        desks=st.sampled_from([(0,), (1,), (0, 1), (1, 0)]),
    )
    def take_offline(self, who: int, bill_fen: int, desks: tuple[int, ...]) -> None:
        """Where the network is away: a pass of a voucher that can be used now, shown at one desk or at both."""
        member_id = self.people[who].member_id

        async def act() -> None:
            for desk in desks:
                if self.counters[desk].desk.day != business_day(self.now).isoformat():
                    await self.counters[desk].kit(self.now)
            voucher = await Voucher.filter(
                member_id=member_id, campaign_id=self.campaign.id, state="CLAIMED"
            ).first()
            if voucher is None:
                return
            given = await voucher_pass(
                member_id=member_id, voucher_id=voucher.public_id, keys=OFFLINE_KEYS, life=LIFE, now=self.now
            )
            for seconds, desk in enumerate(desks):
                at = self.now + timedelta(seconds=seconds)
                self.counters[desk].takes_blindly(given.digits, at, bill=bill_fen)

        self.run(act())

    @rule(desk=st.integers(0, 1), twice=st.booleans())
    def bring(self, desk: int, twice: bool) -> None:
        """Once or twice: the same queue again changes nothing."""
        counter = self.counters[desk]
        sent = counter.desk.batch()
        if not sent:
            return
        now = self.now = self.now + timedelta(seconds=2)
        if twice:
            self.run(counter.uploads(now, sent))
        self.run(counter.uploads(now))

    @rule(which=recent, decisions=st.sampled_from([(FAKE,), (FAKE,), (FAKE, GOOD), (GOOD, FAKE)]))
    def look_into(self, which: int, decisions: tuple[CaseState, ...]) -> None:
        """A use is suspected; somebody decides, and somebody else may turn it round."""

        async def act() -> None:
            uses = await VoucherUse.filter(campaign_id=self.campaign.id, state="DONE").order_by("id")
            if not uses:
                return
            use = uses[which % len(uses)]
            await open_case(venue_id=use.venue_id, version=1, score=90, use_id=use.id, now=self.now)
            case = await RiskCase.get(use_id=use.id)
            for clerk, decision in zip(self.world.deciders, decisions, strict=False):
                await decide(
                    clerk=clerk,
                    case_no=case.case_no,
                    decision=decision,
                    note="看过监控",
                    idempotency_key=secrets.token_hex(8),
                    corrects=clerk is self.world.deciders[1],
                    now=self.now,
                )

        self.run(act())

    @rule(which=recent)
    def turn_round(self, which: int) -> None:
        """Somebody else finds good what was found fake, whatever happened to its order since."""

        async def act() -> None:
            found = await RiskCase.filter(state=FAKE, venue_id=self.world.hall.venue.id).order_by("id")
            if found:
                await decide(
                    clerk=self.world.deciders[1],
                    case_no=found[which % len(found)].case_no,
                    decision=GOOD,
                    note="顾客有照片",
                    idempotency_key=secrets.token_hex(8),
                    corrects=True,
                    now=self.now,
                )

        self.run(act())

    @rule(terms=terms)
    def change(self, terms: Terms) -> None:
        async def act() -> None:
            campaign = await VoucherCampaign.get(id=self.campaign.id)
            change_id = await propose_change(
                clerk=self.world.office.planner,
                campaign_id=self.campaign.public_id,
                change=Change(terms=terms),
                expected_version=campaign.terms_version,
                reason="市民反馈",
                idempotency_key=secrets.token_hex(8),
                now=self.now,
            )
            await decide_change(clerk=self.world.office.reviewer, change_id=change_id, approves=True, now=self.now)

        self.run(act())

    @rule(to_state=st.sampled_from([CampaignState.PAUSED, CampaignState.OPEN, CampaignState.OPEN]))
    def pause_or_open(self, to_state: CampaignState) -> None:
        self.move(to_state)

    @precondition(lambda self: len(self.orders) > 3)
    @rule()
    def close(self) -> None:
        """Nothing more is given out; what was given stays what it is."""
        self.move(CampaignState.CLOSED)

    def move(self, to_state: CampaignState) -> None:
        office, key = self.world.office, secrets.token_hex(8)
        self.run(step(office.reviewer, self.campaign.public_id, to_state, key=key, now=self.now))

    @rule(seconds=st.sampled_from(JUMPS), swept=st.booleans())
    def wait(self, seconds: int, swept: bool) -> None:
        self.now += timedelta(seconds=seconds)
        if swept:
            self.sweep()

    @rule()
    def sweep(self) -> None:
        async def act() -> None:
            await end_overdue_holds(channels=CHANNELS, now=self.now)
            await expire_vouchers(now=self.now)
            await end_bills(now=self.now)
            await judge_waiting(now=self.now)
            await roll_over(now=self.now)

        self.run(act())

    # what must always hold

    @invariant()
    def the_budget_adds_up_and_no_fen_is_lost(self) -> None:
        if not hasattr(self, "campaign"):
            return

        async def look() -> None:
            await check_programme(self.campaign.id)
            await check_reserve(self.campaign.id)
            await self.each_round_gave_what_it_has_less_of()
            for order, _ in self.orders:
                await check_order(order.order_no)

        self.world.loop.run_until_complete(look())

    async def each_round_gave_what_it_has_less_of(self) -> None:
        """However they were rolled over, together they are as many as before."""
        rounds = await VoucherRound.filter(campaign_id=self.campaign.id)
        given = Tally(await Voucher.filter(campaign_id=self.campaign.id).values_list("round_id", flat=True))
        assert {
            each.id: each.quantity - each.remaining for each in rounds if each.quantity != each.remaining
        } == given
        assert sum(each.quantity for each in rounds) == sum(QUANTITIES)

    def teardown(self) -> None:
        """In the end nothing waits any more, and no voucher is left that could be used."""
        if hasattr(self, "campaign"):
            self.bring(0, twice=True)
            self.bring(1, twice=False)
        self.now += timedelta(days=40)
        self.sweep()
        self.sweep()
        self.the_budget_adds_up_and_no_fen_is_lost()

        async def look() -> None:
            ours = Voucher.filter(campaign_id=self.campaign.id)
            assert not await ours.filter(state__in=["CLAIMED", "RESERVED"]).exists()
            assert not await OfflineEntry.filter(outcome="WAITING").exists()
            (counted,) = await database.rows(TRANSITIONS, self.campaign.id)
            self.world.reached.update(dict(counted))

        self.world.loop.run_until_complete(look())


def test_every_budget_adds_up_and_no_fen_is_lost(world: World) -> None:
    begun = time.monotonic()
    while True:
        run_state_machine_as_test(
            lambda: Vouchers(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
            settings=settings(
                max_examples=20 if SOAK_SECONDS else 12 if KIND == "postgres" else 25,
                stateful_step_count=60 if SOAK_SECONDS else STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
        if time.monotonic() - begun >= SOAK_SECONDS:
            break
    if SOAK_SECONDS:
        print(dict(world.reached))
        assert all(world.reached.values()), world.reached


def test_a_story_goes_through_every_transition_and_all_of_it_adds_up(world: World) -> None:
    it = Vouchers(world)
    rolling = Terms(limits=ClaimLimits(a_round=None), validity=Validity(days=3), uses_a_day=None, rolls_over=True)
    it.begin(terms=rolling, face=2000, more=0)  # two for the first person, one for the second
    acts: list[Callable[[], None]] = [
        lambda: it.buy(0, 9, 1, 1, "cash"),
        lambda: it.cancel(-1, None),
        lambda: it.use_at_desk(0, 6000, "undone"),
        lambda: it.use_at_desk(0, 6000, "yes"),
        lambda: it.look_into(-1, (FAKE, GOOD)),
        lambda: it.take_offline(1, 6000, (0, 1)),
        lambda: it.bring(0, twice=False),
        lambda: it.bring(1, twice=True),
        lambda: it.pause_or_open(CampaignState.PAUSED),
        lambda: it.pause_or_open(CampaignState.OPEN),
        lambda: it.wait(36 * 3600, swept=True),
        lambda: it.claim(1),
        lambda: it.wait(4 * 24 * 3600, swept=True),
        it.close,
        it.teardown,
    ]
    for act in acts:
        act()
        it.the_budget_adds_up_and_no_fen_is_lost()
    missed = sorted(name for name, times in world.reached.items() if not times)
    assert (missed, len(world.reached)) == ([], 15)
