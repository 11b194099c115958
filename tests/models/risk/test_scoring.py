"""Uses and weeks are judged once, when everything about them is known, however often and however rudely the job runs."""

import asyncio
import contextvars
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.calendar import business_day, instant_of
from models.footfall.operations import record_scan
from models.risk import gathering, scoring
from models.risk.facts import Around, facts_of
from models.risk.holding import held_where, unjudged_where
from models.risk.tables import RiskCase, RiskRules, RiskScore, VenueRisk
from models.vouchers.confirming import confirm_bill
from models.vouchers.rules import UseState
from models.vouchers.tables import VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.gates import a_gate, a_ticket
from tests.factories.people import CODE_KEYS
from tests.factories.places import a_venue
from tests.factories.risk import (
    JUDGED,
    Office,
    a_fake,
    a_write_off,
    an_office,
    judged,
    the_use,
)
from tests.factories.vouchers import a_campaign
from tests.kills import held, killed_while_waiting, nobody_else_is_here

DUE = instant_of(business_day(NOW) + timedelta(days=2), 6 * 60)
"""The day is over at midnight, and thirty hours later everything of it is known."""


async def entries(condition: str) -> list[int]:
    """The uses of the entries for which the condition holds."""
    found = await database.rows(f"SELECT use_id FROM voucher_event WHERE {condition} ORDER BY id")
    return [row["use_id"] for row in found]


async def counts() -> tuple[int, int, int]:
    return await RiskScore.all().count(), await VenueRisk.all().count(), await RiskCase.all().count()


async def test_a_use_is_judged_thirty_hours_after_its_day_and_its_money_waits_until_then(db: Database) -> None:
    office = await an_office()
    honest = await a_write_off(office.venue, office.campaign)
    fake = await a_fake(office.venue, office.campaign)
    await judged(DUE - timedelta(minutes=1))
    assert await counts() == (0, 0, 0)
    assert await entries(unjudged_where()) == [honest.use_id, fake.use_id]

    await scoring.score_uses(now=DUE)
    assert await entries(unjudged_where()) == [fake.use_id]  # scored high, and its case is not opened yet
    await scoring.open_cases(now=DUE)
    assert await entries(unjudged_where()) == []
    assert await entries(held_where()) == [fake.use_id]

    scores = {each.use_id: each for each in await RiskScore.all()}
    assert scores[honest.use_id].score == 0
    assert not scores[honest.use_id].is_held
    found = scores[fake.use_id]
    assert (found.score, found.version, found.is_held) == (75, 1, True)
    assert [(name, points) for name, points, _ in found.reasons] == [
        ("claim_to_use_s", 40),
        ("at_minimum", 10),
        ("wechat_rank", 25),
    ]
    assert found.facts["claim_to_use_s"] == 20
    case = await RiskCase.get()
    assert (case.use_id, case.venue_id, case.state, case.score) == (fake.use_id, office.venue.id, "OPEN", 75)


async def test_running_again_changes_nothing(db: Database) -> None:
    office = await an_office()
    await a_fake(office.venue, office.campaign)
    await judged()
    before = await counts()
    await judged(JUDGED + timedelta(hours=1))
    assert await counts() == before == (1, 0, 1)


async def test_without_rules_nothing_is_judged(db: Database) -> None:
    venue, campaign = await a_venue(), await a_campaign()
    await a_fake(venue, campaign)
    await judged()
    assert await counts() == (0, 0, 0)


class StandsStill:
    """In the third transaction, when all is written and nothing is committed."""

    def __init__(self) -> None:
        self.transactions, self.reached = 0, asyncio.Event()

    async def write(self, _result: object) -> None:
        self.transactions += 1
        if self.transactions == 3:
            self.reached.set()
            await asyncio.Event().wait()

    def committed(self) -> None:
        pass


async def test_a_job_that_is_killed_half_way_goes_on_where_it_was(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "BATCH", 1)
    office = await an_office()
    for _ in range(5):
        await a_fake(office.venue, office.campaign)
    beside = StandsStill()
    with_it = contextvars.copy_context()
    with_it.run(database.companion.set, beside)
    running = asyncio.create_task(scoring.score_uses(now=JUDGED), context=with_it)
    await asyncio.wait(
        [running, reached := asyncio.create_task(beside.reached.wait())], return_when="FIRST_COMPLETED"
    )
    assert reached.done(), "it ended without its third transaction"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await RiskScore.all().count() == 2
    monkeypatch.undo()
    await judged()
    await judged()
    assert await RiskScore.all().count() == await RiskCase.all().count() == 5
    assert {each.score for each in await RiskScore.all()} == {75}


@pytest.mark.postgres
async def test_a_worker_that_is_killed_while_it_judges_left_whole_batches_and_the_next_run_does_the_rest(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SIGKILL, in the middle of the second batch of three, and then of opening cases."""
    monkeypatch.setattr(scoring, "BATCH", 2)
    office = await an_office()
    fakes = [await a_fake(office.venue, office.campaign) for _ in range(5)]
    async with held("voucher_use", fakes[3].use_id):
        await killed_while_waiting(lambda: scoring.score_uses(now=JUDGED))
    await nobody_else_is_here()
    assert {each.use_id for each in await RiskScore.all()} == {fakes[0].use_id, fakes[1].use_id}
    assert await scoring.score_uses(now=JUDGED) == 3
    monkeypatch.undo()

    async with held("voucher_use", fakes[3].use_id):
        await killed_while_waiting(lambda: scoring.open_cases(now=JUDGED))
    await nobody_else_is_here()
    assert await counts() == (5, 0, 0)
    assert await scoring.open_cases(now=JUDGED) == 5
    await judged()
    assert {case.use_id for case in await RiskCase.filter(week=None)} == {each.use_id for each in fakes}
    assert await RiskScore.all().count() == 5


@pytest.mark.postgres
async def test_two_workers_at_once_judge_each_use_once(db: Database) -> None:
    office = await an_office()
    fakes = [await a_fake(office.venue, office.campaign) for _ in range(6)]
    await asyncio.gather(*(scoring.score_uses(now=JUDGED) for _ in range(4)))
    await asyncio.gather(*(scoring.open_cases(now=JUDGED) for _ in range(4)))
    assert await RiskScore.all().count() == await RiskCase.all().count() == len(fakes)


async def test_a_batch_costs_the_same_number_of_statements_however_many_uses_it_holds(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await an_office()
    made = [await a_write_off(office.venue, office.campaign) for _ in range(9)]
    sent, rows = 0, database.rows

    async def counted(*args: Any) -> Any:
        nonlocal sent
        sent += 1
        return await rows(*args)

    monkeypatch.setattr(database, "rows", counted)

    async def cost(act: Callable[[], Any]) -> int:
        nonlocal sent
        sent = 0
        await act()
        return sent

    one = await cost(lambda: gathering.gather([made[0].use_id]))
    all_of_them = await cost(lambda: gathering.gather([each.use_id for each in made]))
    assert one == all_of_them == 7


async def test_what_was_undone_is_not_judged_and_a_held_one_is_judged_without_a_case(db: Database) -> None:
    office = await an_office()
    undone = await a_fake(office.venue, office.campaign)
    held = await a_fake(office.venue, office.campaign, state=UseState.HELD)
    await VoucherUse.filter(id=undone.use_id).update(state=UseState.UNDONE)
    await judged()
    assert [score.use_id for score in await RiskScore.all()] == [held.use_id]
    assert await RiskCase.all().count() == 0  # its receipt is looked at anyway

    await VoucherUse.filter(id=held.use_id).update(decided_at=JUDGED, state=UseState.DONE)
    await judged(JUDGED + timedelta(hours=1))
    assert await RiskCase.all().count() == 0  # somebody decided


async def test_a_citizen_who_says_yes_after_all_does_not_slip_past_a_high_score(db: Database) -> None:
    office = await an_office()
    fake = await a_fake(office.venue, office.campaign, state=UseState.HELD)
    await judged()
    assert await RiskCase.all().count() == 0
    await confirm_bill(
        member_id=fake.member_id, use_no=fake.use_no, agrees=True, now=JUDGED + timedelta(minutes=1)
    )
    assert await entries(unjudged_where()) == [fake.use_id]
    await judged(JUDGED + timedelta(minutes=2))
    assert (await RiskCase.get()).use_id == fake.use_id
    assert await entries(held_where()) == [fake.use_id]


async def test_an_orders_use_waits_for_its_slot(db: Database) -> None:
    office = await an_office()
    ticket = await a_ticket(office.venue, starts_at=NOW + timedelta(days=9))
    made = await a_write_off(office.venue, office.campaign, way="ORDER", order_id=ticket.admission.order_id)
    await judged(JUDGED)
    assert await RiskScore.all().count() == 0
    await judged(JUDGED + timedelta(days=9))
    facts = (await RiskScore.get(use_id=made.use_id)).facts
    assert facts["no_entry"] is None  # no gate let anybody in on that day
    assert facts["claim_to_use_s"] is None


async def test_whoever_booked_and_did_not_come_is_missed_where_gates_worked(db: Database) -> None:
    office = await an_office()
    gate = await a_gate(office.venue)
    came, stayed = await a_ticket(office.venue), await a_ticket(office.venue)
    verdict = await record_scan(device_id=gate.id, code=came.code(), keys=CODE_KEYS, now=NOW)
    assert verdict.passed
    columns: dict[str, Any] = {"way": "ORDER"}
    one = await a_write_off(
        office.venue,
        office.campaign,
        member_id=came.admission.member_id,
        order_id=came.admission.order_id,
        **columns,
    )
    other = await a_write_off(
        office.venue,
        office.campaign,
        member_id=stayed.admission.member_id,
        order_id=stayed.admission.order_id,
        **columns,
    )
    at_desk = await a_write_off(office.venue, office.campaign, member_id=came.admission.member_id)
    walk_in = await a_write_off(office.venue, office.campaign)
    await judged()
    facts = {each.use_id: each.facts["no_entry"] for each in await RiskScore.all()}
    assert facts == {one.use_id: 0, other.use_id: 1, at_desk.use_id: None, walk_in.use_id: None}


async def test_what_sql_gathers_is_what_the_same_rows_say(db: Database) -> None:
    """One phone, one clerk, one desk; two venues far apart; a venue's code."""
    office = await an_office()
    far = await a_venue(lon=106.5770, lat=29.5570)
    shared: dict[str, Any] = {"phone": "p" * 32, "staff_id": office.decider.staff_id, "device_id": "desk-7"}
    first = await a_write_off(office.venue, office.campaign, **shared)
    made = [first]
    soon: dict[str, Any] = {"claimed": timedelta(minutes=4), "bill_fen": 40_00, **shared}
    made += [
        await a_write_off(office.venue, office.campaign, used_at=NOW + timedelta(minutes=minutes), **soon)
        for minutes in range(1, 7)
    ]
    made.append(
        await a_write_off(far, office.campaign, member_id=first.member_id, used_at=NOW + timedelta(hours=1))
    )
    by_code = {"claim_way": "VENUE_CODE", "claim_venue_id": far.id}
    made.append(await a_write_off(office.venue, office.campaign, claim=by_code, used_at=NOW - timedelta(days=2)))
    ids = [each.use_id for each in made]
    found = await gathering.gather(ids)
    rows = await gathering._uses("voucher_use.id = ANY($1::bigint[])", ids)
    around = Around(rows, await gathering._gates(rows))
    assert found == {row.id: facts_of(row, around) for row in rows}
    assert found[first.use_id].phone_people == 7
    assert found[first.use_id].desk_at_minimum_percent == 85
    assert found[first.use_id].desk_uses_10min == 6
    assert found[ids[7]].kmh_between == 271
    assert found[ids[8]].km_from_claim == 271
    alone = await gathering.gather([first.use_id])
    assert alone[first.use_id] == found[first.use_id]  # whatever batch it is in


async def a_week_of(office: Office, many: int) -> list[int]:
    """All for the minimum, four minutes after claiming, an hour apart on a Friday and Saturday."""
    made = [
        await a_write_off(
            office.venue,
            office.campaign,
            used_at=NOW + timedelta(hours=number % 10, days=number // 10),
            claimed=timedelta(minutes=4),
            bill_fen=40_00,
            device_id=f"desk-{number}",
        )
        for number in range(many)
    ]
    return [each.use_id for each in made]


async def test_a_venues_week_is_judged_when_all_of_it_is_and_its_case_holds_all_of_it(db: Database) -> None:
    office = await an_office()
    uses = await a_week_of(office, 16)
    next_week = await a_write_off(office.venue, office.campaign, used_at=NOW + timedelta(days=5))
    before = await a_write_off(office.venue, office.campaign, used_at=NOW - timedelta(days=6))
    elsewhere = await a_write_off(await a_venue(), office.campaign)
    monday = business_day(NOW) - timedelta(days=business_day(NOW).weekday())
    sunday_is_over = instant_of(monday + timedelta(days=7), 0)

    await judged(sunday_is_over + timedelta(hours=29))
    assert await VenueRisk.filter(week=monday).count() == 0
    await judged(sunday_is_over + timedelta(hours=31))
    found = await VenueRisk.get(week=monday, venue_id=office.venue.id)
    assert found.facts["uses"] == 16
    assert found.facts["at_minimum_percent"] == found.facts["fast_percent"] == 100
    assert (found.score, found.is_held) == (75, True)
    assert not (await VenueRisk.get(week=monday, venue_id__not=office.venue.id)).is_held  # one use is no pattern
    case = await RiskCase.get()
    assert (case.use_id, case.week, case.week_ends) == (None, monday, monday + timedelta(days=7))
    assert await entries(held_where()) == uses
    assert next_week.use_id not in uses
    assert before.use_id not in uses
    assert elsewhere.use_id not in uses


async def test_scores_rules_and_decisions_are_never_edited(db: Database) -> None:
    office = await an_office()
    await a_fake(office.venue, office.campaign)
    await a_week_of(office, 1)
    await judged(NOW + timedelta(days=10))
    for table in ("risk_score", "risk_rules", "venue_risk"):
        for act in (f"UPDATE {table} SET version = 7", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="never edited"):
                await database.rows(act)
    assert await RiskRules.get(version=1)


async def test_no_fact_says_who_a_citizen_is(db: Database) -> None:
    office = await an_office()
    fake = await a_fake(office.venue, office.campaign, phone="f" * 32)
    await judged()
    said = await RiskScore.get()
    assert all(value is None or type(value) is int for value in said.facts.values())
    assert "f" * 32 not in f"{said.facts}{said.reasons}"
    assert (await the_use(fake)).state == UseState.DONE  # judging changes no use
