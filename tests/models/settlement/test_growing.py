"""However many entries and venues, an act of settlement sends as many statements; what it reads in parts, it reads whole."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from models import database
from models.settlement import drafting, files, statements
from models.settlement.paying_out import batch_file
from models.settlement.queries import settlement_lines
from models.settlement.signing import verified
from models.settlement.statements import public_keys
from models.settlement.tables import Settlement, SettlementLine
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.settlements import (
    ACCOUNT_KEYS,
    DAY,
    LATER,
    STATEMENT_KEYS,
    Programme,
    a_programme,
    a_redemption,
    an_account,
    approved,
    drafted,
    latest,
    paid_out,
)
from tests.statements import statements_of, texts_of


async def what_it_costs(it: Programme) -> dict[str, int]:
    """From the books to the bank."""
    costs = {"draft": await statements_of(lambda: drafted(it))}
    made = await Settlement.filter(campaign_id=it.campaign.id)
    costs["approve"] = await statements_of(lambda: approved(it, made[0]))
    for each in made[1:]:
        await approved(it, each)
    costs["pay"] = await statements_of(lambda: paid_out(it))
    (batch_no,) = await database.rows("SELECT batch_no FROM payout_batch WHERE campaign_id = $1", it.campaign.id)
    costs["bank's file"] = await statements_of(
        lambda: batch_file(clerk=it.paymaster, batch_no=batch_no["batch_no"], keys=ACCOUNT_KEYS)
    )
    return costs


async def test_many_entries_at_two_venues_cost_as_many_statements_as_one_at_one(db: Database) -> None:
    one, many = await a_programme(), await a_programme()
    await a_redemption(one)
    await an_account(one)
    for venue in (many.venue, many.other_venue):
        for _ in range(3):
            await a_redemption(many, venue)
        await an_account(many, venue)
    cost = await what_it_costs(one)
    assert await what_it_costs(many) == cost
    assert await SettlementLine.all().count() == 7


async def test_what_is_taken_in_parts_is_taken_whole_and_signed_and_listed_whole(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of two; two pairs happened in one instant."""
    it = await a_programme()
    moments = [NOW, NOW, NOW, NOW - DAY, NOW - DAY, NOW - 2 * DAY, NOW - 3 * DAY]
    uses = [await a_redemption(it, now=moment) for moment in moments]
    monkeypatch.setattr(drafting, "ENTRIES_AT_ONCE", 1)
    monkeypatch.setattr(statements, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(files, "LINES_AT_ONCE", 2)

    await drafted(it)
    settlement = await latest(it)
    assert (settlement.used_fen, settlement.payable_fen) == (140_00, 140_00)
    await approved(it, settlement)
    _, content = await files.statement_file(clerk=it.proposer, settlement_no=settlement.settlement_no)
    said = verified(content, await public_keys(STATEMENT_KEYS))
    assert sorted(line["useNo"] for line in said["lines"]) == sorted(use.use_no for use in uses)
    assert sum(line["owed"] for line in said["lines"]) == said["sums"]["payable"]

    _, written = await files.sheet(clerk=it.proposer, settlement_no=settlement.settlement_no)
    whole = b"".join([part async for part in written]).decode("utf-8-sig")
    listed = list(csv.reader(io.StringIO(whole, newline="")))
    lines = listed[listed.index([]) + 2 :]
    assert [line[0] for line in lines] == [line["useNo"] for line in said["lines"]]


def joined_to(plan: Mapping[str, Any]) -> set[str]:
    """The tables of this part of a plan."""
    below = [joined_to(part) for part in plan.get("Plans", ())]
    return {plan["Relation Name"]} | set().union(*below) if "Relation Name" in plan else set().union(*below)


def cut_to_a_page(plan: Mapping[str, Any]) -> Iterator[set[str]]:
    """Of which tables each LIMIT of a plan takes only so many rows."""
    if plan["Node Type"] == "Limit":
        yield joined_to(plan)
    for part in plan.get("Plans", ()):
        yield from cut_to_a_page(part)


@pytest.mark.postgres
async def test_a_page_of_lines_is_cut_before_their_books_are_read_whatever_postgresql_knows_of_them(
    db: Database,
) -> None:
    """Right after a large draft it knows nothing of the new lines, believes in some dozens, and would read the books of all
    110,000 of them for each page. What stands below a LIMIT it cannot draw out of it."""
    it = await a_programme()
    await a_redemption(it)
    await drafted(it)
    settlement = await latest(it)

    async def read_everywhere() -> None:
        number = settlement.settlement_no
        await settlement_lines(clerk=it.proposer, settlement_no=number, first=10, after_id=None)
        _, written = await files.sheet(clerk=it.proposer, settlement_no=number)
        assert [part async for part in written]
        await approved(it, settlement)

    sent = await texts_of(read_everywhere)
    pages = [(text, values) for text, values in sent if "settlement_line.id > $2" in text]
    assert len({text for text, _ in pages}) == 2  # to be looked at, and to be signed
    for text, values in pages:
        found = await database.row(f"EXPLAIN (FORMAT JSON) {text}", *values)
        assert found is not None
        (plan,) = orjson.loads(found[0])
        assert {"settlement_line", "voucher_event", "voucher_use"} <= joined_to(plan["Plan"])
        assert list(cut_to_a_page(plan["Plan"])) == [{"settlement_line"}]


async def test_a_venue_of_which_all_is_held_has_no_settlement_and_owes_as_before(db: Database) -> None:
    it = await a_programme()
    await a_redemption(it)
    await a_redemption(it, it.other_venue, judged=False)
    report = await drafted(it, now=LATER)
    assert (report.settlements, report.held_entries) == (1, 1)
    assert await Settlement.all().count() == 1
