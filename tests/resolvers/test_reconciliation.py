"""Staff at the public door: who sees which discrepancy, and what it is said to have been."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from models.checkout.reconciling import reconcile_due
from models.orders.tables import Order, Payment
from models.reconciliation.tables import DiscrepancyAct
from models.venues.tables import Venue
from tests.factories.places import a_venue
from tests.house import Clerk, House, nothing_changes
from tests.models.reconciliation.books import DUE, Bills, Books, known, row_of, some_books
from tests.resolvers import documents


@pytest.fixture
async def books(house: House) -> Books:
    """A venue with an amount that differs, a repaired notice, and a number that is nobody's; another venue beside."""
    books, bills = await some_books(name="城南体育馆"), Bills()
    await a_venue(name="城北体育馆")
    paid, lost = await books.payment(), await books.payment(status="CLOSED")
    bills.lists(row_of(paid, amount_fen=3999), row_of(lost), row_of(paid, payment_no="X1"))
    bills.payments[lost.payment_no] = known(lost)
    await reconcile_due(channels=bills.channels(), now=DUE)
    return books


@pytest.fixture
async def clerk(house: House, books: Books) -> Clerk:
    return await house.clerk(books.venue.public_id)


async def everywhere(house: House) -> Clerk:
    """Staff who reconcile everywhere, also at venues that are yet to come."""
    return await house.clerk(device_id="desk-all")


async def seen_by(clerk: Clerk, **asked: Any) -> Sequence[Any]:
    found = (await clerk.ask(documents.DISCREPANCIES, **asked)).value
    return [edge["node"] for edge in found["edges"]]


async def the_amount(clerk: Clerk) -> Any:
    (one,) = [each for each in await seen_by(clerk) if each["kind"] == "AMOUNT_DIFFERS"]
    return one


async def test_staff_read_what_does_not_agree_at_their_venue_and_what_was_done(
    house: House, clerk: Clerk, books: Books
) -> None:
    amount, lost = sorted(await seen_by(clerk), key=lambda each: str(each["kind"]))
    assert (amount["ours"], amount["theirs"], amount["status"], amount["acts"]) == (4000, 3999, "OPEN", [])
    assert (amount["day"], amount["channel"], amount["venueId"]) == (
        "2026-11-20",
        "WECHAT_PAY",
        books.venue.public_id,
    )
    assert amount["explanation"] == "这笔收款的金额与渠道账单不同，系统不会自动更正。"
    assert lost["status"] == "REPAIRED"
    (act,) = lost["acts"]
    assert (act["outcome"], act["by"], act["outcomeText"]) == (
        "REPAIRED_BY_QUERY",
        "系统",
        "已向渠道查询，账目已一致",
    )
    assert [each["kind"] for each in await seen_by(clerk, status="OPEN")] == ["AMOUNT_DIFFERS"]
    assert len(await seen_by(clerk, venueId=books.venue.public_id)) == 2


async def test_another_venues_staff_see_none_of_it_and_cannot_touch_it(
    house: House, clerk: Clerk, books: Books
) -> None:
    north = await Venue.get(name="城北体育馆")
    stranger, one = await house.clerk(north.public_id, device_id="desk-2"), await the_amount(clerk)
    citizen = await house.citizen()
    async with nothing_changes():
        assert await seen_by(stranger) == []
        refused = await stranger.ask(documents.DISCREPANCIES, venueId=books.venue.public_id)
        assert (refused.refusal.code, refused.refusal.field) == ("NOT_ALLOWED", "venueId")
        asked = {"outcome": "WRITTEN_OFF", "note": "工单 1"}
        unknown = await stranger.ask(documents.RESOLVE_DISCREPANCY, discrepancyId=one["id"], **asked)
        invented = await stranger.ask(documents.RESOLVE_DISCREPANCY, discrepancyId="dsc_" + "2" * 20, **asked)
        assert unknown.refusal.code == "DISCREPANCY_UNKNOWN"
        assert unknown.said == invented.said
        for document in (documents.DISCREPANCIES, documents.STATEMENTS):
            assert (await house.ask(document)).refusal.code == "NOT_SIGNED_IN"
            assert (await citizen.ask(document)).refusal.code == "NOT_SIGNED_IN"


async def test_what_is_no_venues_and_the_houses_sums_are_for_staff_who_reconcile_everywhere(
    house: House, clerk: Clerk, books: Books
) -> None:
    across = await Payment.filter(status="SETTLED").order_by("id").first()
    assert across is not None
    await Order.filter(id=across.order_id).update(member_province="500000")
    await books.refund(across)
    refused = (await clerk.ask(documents.STATEMENTS)).refusal
    assert refused.code == "NOT_ALLOWED"
    manager = await everywhere(house)
    assert [each["aboutNo"] for each in await seen_by(manager) if each["venueId"] is None] == ["X1"]
    (edge,) = (await manager.ask(documents.STATEMENTS, channel="WECHAT_PAY")).value["edges"]
    day = edge["node"]
    assert (day["day"], day["status"], day["entries"], day["openDiscrepancies"]) == ("2026-11-20", "MATCHED", 3, 2)
    assert (day["paid"], day["refunded"], day["fee"]) == (3999 + 4000 + 4000, 0, 72)
    assert day["sides"] == [
        {"venueProvince": "510000", "memberProvince": "", "paid": 4000, "refunded": 0},
        {"venueProvince": "510000", "memberProvince": "500000", "paid": 4000, "refunded": 1000},
    ], "by our books"
    assert (await manager.ask(documents.STATEMENTS, channel="ALIPAY")).value["edges"] == []
    each_venue = await house.clerk(*[venue.public_id for venue in await Venue.all()], device_id="desk-each")
    assert (await each_venue.ask(documents.STATEMENTS)).refusal.code == "NOT_ALLOWED"
    assert "X1" not in [each["aboutNo"] for each in await seen_by(each_venue)]
    await a_venue(name="新体育馆")
    assert (await manager.ask(documents.STATEMENTS)).value["edges"], "everywhere is also what is yet to come"


async def test_a_statement_that_does_not_come_is_seen_with_its_reason(house: House, books: Books) -> None:
    bills = Bills()
    bills.is_not_ready(days=1)
    await reconcile_due(channels=bills.channels(), now=DUE + timedelta(days=1))
    late = (await (await everywhere(house)).ask(documents.STATEMENTS)).value["edges"][0]["node"]
    assert (late["status"], late["attempts"], late["matchedAt"]) == ("WAITING", 1, None)
    assert late["lastProblem"] == "渠道还没有生成这一天的对账单，系统会每半小时再取一次。"


async def test_what_a_discrepancy_was_is_recorded_with_who_and_when(house: House, clerk: Clerk) -> None:
    one = await the_amount(clerk)
    asked = {"discrepancyId": one["id"], "outcome": "CHANNEL_CORRECTED", "note": " 渠道工单 8812 "}
    resolved = (await clerk.ask(documents.RESOLVE_DISCREPANCY, **asked)).value["discrepancy"]
    assert resolved["status"] == "RESOLVED"
    (act,) = resolved["acts"]
    assert (act["outcome"], act["by"], act["note"]) == ("CHANNEL_CORRECTED", "李前台", "渠道工单 8812")
    async with nothing_changes():
        assert (await clerk.ask(documents.RESOLVE_DISCREPANCY, **asked)).value["discrepancy"] == resolved


async def test_who_resolved_it_may_correct_themselves_and_nobody_else_may_say_otherwise(
    house: House, clerk: Clerk, books: Books
) -> None:
    one, other = await the_amount(clerk), await house.clerk(books.venue.public_id, device_id="desk-2")
    asked = {"discrepancyId": one["id"], "note": "渠道工单 8812"}
    await clerk.ask(documents.RESOLVE_DISCREPANCY, outcome="CHANNEL_CORRECTED", **asked)
    async with nothing_changes():
        again = await other.ask(documents.RESOLVE_DISCREPANCY, outcome="CHANNEL_CORRECTED", **asked)
        assert again.value["discrepancy"]["status"] == "RESOLVED"
        refused = (await other.ask(documents.RESOLVE_DISCREPANCY, outcome="WRITTEN_OFF", **asked)).refusal
    assert refused.code == "DISCREPANCY_RESOLVED"
    assert refused.message == (
        "李前台已把这条差错登记为“我方账目无误，渠道已更正”。如有不同意见，请联系对方更正。"
    )
    corrected = (await clerk.ask(documents.RESOLVE_DISCREPANCY, outcome="WRITTEN_OFF", **asked)).value[
        "discrepancy"
    ]
    assert [act["outcome"] for act in corrected["acts"]] == ["CHANNEL_CORRECTED", "WRITTEN_OFF"]
    assert await DiscrepancyAct.filter(staff_id__not_isnull=True).count() == 2


async def test_what_our_own_query_repaired_and_outcomes_of_the_job_are_not_staffs_to_say(
    house: House, clerk: Clerk
) -> None:
    (repaired,) = [each for each in await seen_by(clerk) if each["status"] == "REPAIRED"]
    one = await the_amount(clerk)
    async with nothing_changes():
        done = await clerk.ask(
            documents.RESOLVE_DISCREPANCY, discrepancyId=repaired["id"], outcome="NO_DIFFERENCE", note="看过"
        )
        assert done.refusal.code == "DISCREPANCY_RESOLVED"
        jobs = await clerk.ask(
            documents.RESOLVE_DISCREPANCY, discrepancyId=one["id"], outcome="REPAIRED_BY_QUERY", note="看过"
        )
        assert (jobs.refusal.code, jobs.refusal.field) == ("BAD_INPUT", "outcome")
        silent = await clerk.ask(
            documents.RESOLVE_DISCREPANCY, discrepancyId=one["id"], outcome="NO_DIFFERENCE", note="   "
        )
        assert (silent.refusal.code, silent.refusal.field) == ("BAD_INPUT", "note")


async def test_discrepancies_come_latest_first_page_by_page(house: House, clerk: Clerk) -> None:
    manager = await everywhere(house)
    page = (await manager.ask(documents.DISCREPANCIES, first=2)).value
    assert page["pageInfo"]["hasNextPage"] is True
    rest = (await manager.ask(documents.DISCREPANCIES, first=2, after=page["pageInfo"]["endCursor"])).value
    assert (len(page["edges"]), len(rest["edges"]), rest["pageInfo"]["hasNextPage"]) == (2, 1, False)
    cursors = [int(edge["cursor"][1:]) for each in (page, rest) for edge in each["edges"]]
    assert cursors == sorted(cursors, reverse=True)
    for wrong in ({"first": 0}, {"first": 101}, {"after": "o1"}, {"after": "d1x"}):
        assert (await manager.ask(documents.DISCREPANCIES, **wrong)).refusal.code == "BAD_INPUT"
