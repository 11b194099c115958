"""Whatever somebody does to the trail who can write to the database but has no key: verifying says where."""

import asyncio

import pytest
from tortoise.exceptions import IntegrityError

from models import database
from models.audit.doing import insert, write_down
from models.audit.operations import chain_some, cut_old
from models.audit.queries import state, verify
from models.audit.rules import BEGINNING, KEPT, Fault, Head
from models.audit.tables import AuditCut
from models.errors import BadInput
from models.keys import AuditKeys
from tests.conftest import NOW
from tests.databases import Database
from tests.models.audit.lines import KEYS, a_deed, all_lines, count, some_lines, unguarded


async def fault_and_place(head: Head | None = None, keys: AuditKeys = KEYS) -> tuple[str, str] | None:
    found = await verify(keys=keys, head=head)
    return None if found.broken is None else (found.broken.fault, found.broken.where)


async def head() -> Head:
    return (await verify(keys=KEYS)).head


async def test_an_untouched_chain_holds_from_its_first_line_to_its_head(db: Database) -> None:
    assert (await verify(keys=KEYS)).head == BEGINNING
    await some_lines(5)
    await some_lines(3, chained=False)
    found = await verify(keys=KEYS)
    assert (found.lines, found.waiting, found.broken) == (5, 3, None)
    assert (await chain_some(keys=KEYS)).head.seq == 8
    assert [line["seq"] for line in await all_lines()] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (await verify(keys=KEYS)).lines == 8
    assert (await verify(keys=KEYS, last=3)).lines == 3


@pytest.mark.parametrize("chained", [True, False])
@pytest.mark.parametrize(
    "change",
    ["outcome = 'BUSY'", "actor_id = 'stf_SOMEBODYELSE'", "detail = ''", "at = '2026-11-19 02:00:00+00:00'"],
)
async def test_an_edited_line_shows(db: Database, change: str, chained: bool) -> None:
    await some_lines(5, chained=chained)
    lines = await all_lines()
    async with unguarded():
        await database.rows(f"UPDATE audit_line SET {change} WHERE id = $1", lines[2]["id"])
    where = "seq 3" if chained else f"line {lines[2]['public_id']}"
    assert await fault_and_place() == (Fault.EDITED, where)


async def test_a_line_that_was_taken_out_of_the_middle_shows(db: Database) -> None:
    await some_lines(5)
    async with unguarded():
        await database.rows("DELETE FROM audit_line WHERE seq = 3")
    assert await fault_and_place() == (Fault.MISSING, "seq 3")


async def test_a_gap_that_was_closed_by_counting_anew_shows(db: Database) -> None:
    await some_lines(5)
    async with unguarded():
        await database.rows("DELETE FROM audit_line WHERE seq = 3")
        for seq in (4, 5):
            await database.rows("UPDATE audit_line SET seq = seq - 1 WHERE seq = $1", seq)
    assert await fault_and_place() == (Fault.OUT_OF_PLACE, "seq 3")


async def test_the_first_lines_cannot_go_unseen(db: Database) -> None:
    await some_lines(5)
    async with unguarded():
        await database.rows("DELETE FROM audit_line WHERE seq <= 2")
    assert await fault_and_place() == (Fault.MISSING, "seq 1")


async def test_a_tail_that_was_cut_off_shows_by_the_head_that_was_noted_elsewhere(db: Database) -> None:
    await some_lines(5)
    noted = await head()
    assert await fault_and_place(Head.read(str(noted))) is None
    async with unguarded():
        await database.rows("DELETE FROM audit_line WHERE seq > 3")
    assert await fault_and_place() is None  # nobody can tell from the database alone
    assert await fault_and_place(noted) == (Fault.TAIL_CUT, "seq 4")


async def test_a_tail_that_was_replaced_shows_by_the_head_as_well(db: Database) -> None:
    await some_lines(5)
    noted = await head()
    async with unguarded():
        await database.rows("DELETE FROM audit_line WHERE seq > 3")
    await some_lines(2)
    assert await fault_and_place() is None
    assert await fault_and_place(noted) == (Fault.TAIL_CUT, "seq 5")


async def test_two_lines_that_changed_places_show(db: Database) -> None:
    await some_lines(5)
    two, four = (await all_lines())[1], (await all_lines())[3]
    async with unguarded():
        for line in (two, four):
            await database.rows("UPDATE audit_line SET seq = NULL WHERE id = $1", line["id"])
        for line, place in ((two, four), (four, two)):
            await database.rows(
                "UPDATE audit_line SET seq = $2, prev_hash = $3, hash = $4 WHERE id = $1",
                line["id"],
                place["seq"],
                place["prev_hash"],
                place["hash"],
            )
    assert await fault_and_place() == (Fault.OUT_OF_PLACE, "seq 2")


async def test_a_line_of_somebody_without_our_key_shows_chained_or_not(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await some_lines(2)
    await write_down(a_deed(), "OK", keys=AuditKeys({"1": b"z" * 32}))
    forged = (await all_lines())[-1]["public_id"]
    assert await fault_and_place() == (Fault.EDITED, f"line {forged}")
    await chain_some(keys=KEYS)
    assert f"audit line {forged} was not written by us" in caplog.text
    assert await fault_and_place() == (Fault.EDITED, "seq 3")


async def test_lines_outlive_their_key_as_long_as_it_stays_in_the_ring(db: Database) -> None:
    await some_lines(2)
    both = AuditKeys({"2": b"b" * 32, **KEYS.keys})
    await some_lines(2, keys=both)
    assert {line["key_id"] for line in await all_lines()} == {"1", "2"}
    assert await fault_and_place(keys=both) is None
    assert await fault_and_place(keys=AuditKeys({"2": b"b" * 32})) == (Fault.KEY_UNKNOWN, "seq 1")


async def test_a_worker_that_does_not_know_the_newest_key_yet_leaves_its_lines_to_others(db: Database) -> None:
    both = AuditKeys({"2": b"b" * 32, **KEYS.keys})
    await some_lines(2, chained=False, keys=both)
    assert (await chain_some(keys=KEYS)).lines == 0
    assert (await chain_some(keys=both)).lines == 2


async def test_lines_are_chained_in_pieces(db: Database) -> None:
    await some_lines(5, chained=False)
    assert [(await chain_some(keys=KEYS, limit=2)).lines for _ in range(4)] == [2, 2, 1, 0]
    assert (await verify(keys=KEYS)).lines == 5


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_line SET detail = 'other' WHERE seq = 1",
        "UPDATE audit_line SET seq = 9 WHERE seq = 1",
        "UPDATE audit_line SET detail = 'other' WHERE seq IS NULL",
        "DELETE FROM audit_line WHERE seq = 1",
        "DELETE FROM audit_line WHERE seq IS NULL",
    ],
)
async def test_the_database_itself_lets_nobody_edit_a_line_or_take_one(db: Database, sql: str) -> None:
    await some_lines(2)
    await some_lines(1, chained=False)
    before = await all_lines()
    with pytest.raises(IntegrityError, match="audit line"):
        await database.rows(sql)
    assert await all_lines() == before


@pytest.mark.postgres
async def test_nobody_empties_the_whole_trail_at_once(db: Database) -> None:
    await some_lines(2)
    before = await all_lines()
    with pytest.raises(IntegrityError, match="183 days"):
        await database.rows("TRUNCATE audit_line")
    assert await all_lines() == before


async def test_a_young_line_stays_though_a_cut_says_it_may_go(db: Database) -> None:
    await some_lines(2)
    last = (await all_lines())[-1]
    await AuditCut.create(seq=2, hash=last["hash"], lines=2, cut_at=NOW, key_id="1", mac="0" * 64)
    with pytest.raises(IntegrityError, match="183 days"):
        await database.rows("DELETE FROM audit_line WHERE seq <= 2")
    assert await count() == 2
    assert await fault_and_place() == (Fault.EDITED, "cut at seq 2")  # and nobody without a key writes a cut


async def test_lines_older_than_three_years_go_and_the_chain_still_holds(db: Database) -> None:
    await some_lines(4, at=NOW - KEPT - (NOW - NOW.replace(hour=0)))
    await some_lines(2)
    noted = await head()
    assert await cut_old(keys=KEYS, now=NOW, limit=3) == 3
    assert await cut_old(keys=KEYS, now=NOW, limit=3) == 1
    assert await cut_old(keys=KEYS, now=NOW, limit=3) == 0
    found = await verify(keys=KEYS, head=noted)
    assert (found.lines, found.head, found.broken) == (2, noted, None)
    await some_lines(1)
    assert (await head()).seq == 7
    with pytest.raises(IntegrityError, match="never edited"):
        await database.rows("DELETE FROM audit_cut")


async def test_a_chain_that_was_cut_down_to_nothing_goes_on_from_there(db: Database) -> None:
    await some_lines(3, at=NOW - 2 * KEPT)
    assert await cut_old(keys=KEYS, now=NOW) == 3
    await some_lines(1)
    found = await verify(keys=KEYS)
    assert (found.lines, found.head.seq, found.broken) == (1, 4, None)


async def test_how_far_chaining_is_behind_is_known(db: Database) -> None:
    await some_lines(2)
    assert (await state(now=NOW)).waiting == 0
    await some_lines(3, chained=False)
    behind = await state(now=NOW.replace(minute=1))
    assert (behind.waiting, behind.oldest_waiting_s) == (3, 60)


@pytest.mark.parametrize("text", ["", "7", "x:" + "0" * 64, "7:" + "0" * 63, "٧:" + "0" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Head.read(text)


def test_a_head_passes_a_log_that_masks_long_numbers() -> None:
    from bff.logging import masked

    noted = Head(12345678, "13800001111" * 5 + "138000011")
    assert Head.read(masked(str(noted))) == noted


@pytest.mark.postgres
async def test_a_line_that_commits_after_a_later_one_was_chained_simply_comes_later(db: Database) -> None:
    written, go_on = asyncio.Event(), asyncio.Event()

    @database.operation
    async def slow_act() -> None:
        await insert(a_deed(act="slow"), "OK", KEYS)
        written.set()
        await go_on.wait()

    async def quick_ones() -> None:
        await written.wait()
        await some_lines(2)
        go_on.set()

    await asyncio.gather(slow_act(), quick_ones())
    await chain_some(keys=KEYS)
    assert [(line["act"], line["seq"]) for line in await all_lines()] == [
        ("slow", 3),
        ("redeem", 1),
        ("redeem", 2),
    ]
    assert await fault_and_place() is None
