"""The auditor finds lines by who, whom, what, where, when, and how it ended; page by page."""

from datetime import timedelta
from typing import Any

import pytest

from models import database
from models.audit.doing import write_down
from models.audit.queries import search
from models.audit.rules import Wanted, checked_reason, checked_search, subject_of
from models.errors import BadInput
from tests.conftest import NOW
from tests.databases import Database
from tests.models.audit.lines import KEYS, a_deed


@pytest.fixture
async def lines(db: Database) -> None:
    """Ten of one clerk at one venue, a minute apart, and one of another elsewhere that was refused."""
    for number in range(10):
        await write_down(
            a_deed(
                at=NOW + timedelta(minutes=number),
                venue_id="ven_A",
                subject_kind="MEMBER",
                subject_id=f"mem_{number}",
                is_reading=number % 2 == 0,
                detail=str(number),
            ),
            "OK",
            keys=KEYS,
        )
    refused = a_deed(actor_id="stf_other", act="giveBack", venue_id="ven_B", at=NOW, detail="refused")
    await write_down(refused, "NOT_ALLOWED", keys=KEYS)


async def told(first: int = 100, before: str | None = None, **wanted: Any) -> list[str]:
    return [line["detail"] for line in await search(wanted=Wanted(**wanted), first=first, before=before)]


async def test_everything_comes_latest_first(lines: None) -> None:
    assert await told() == [*map(str, reversed(range(1, 10))), "refused", "0"]


async def test_each_condition_narrows(lines: None) -> None:
    assert await told(actor_id="stf_other") == ["refused"]
    assert await told(subject_id="mem_3") == ["3"]
    assert await told(act="giveBack") == ["refused"]
    assert await told(venue_id="ven_B") == ["refused"]
    assert await told(outcome="NOT_ALLOWED") == ["refused"]
    assert await told(since=NOW + timedelta(minutes=8)) == ["9", "8"]
    assert await told(until=NOW + timedelta(minutes=1)) == ["refused", "0"]
    assert await told(readings_only=True) == ["8", "6", "4", "2", "0"]
    assert await told(venue_id="ven_A", readings_only=True, since=NOW + timedelta(minutes=5)) == ["8", "6"]
    assert await told(actor_id="stf_other", venue_id="ven_A") == []


async def test_pages_follow_one_another_without_gap_or_double(lines: None) -> None:
    seen: list[str] = []
    before = None
    while True:
        page = await search(wanted=Wanted(), first=4, before=before)
        seen += [line["detail"] for line in page[:4]]
        if len(page) <= 4:
            break
        before = page[3]["public_id"]
    assert seen == await told()


async def test_a_cursor_of_nobody_is_bad_input(lines: None) -> None:
    with pytest.raises(BadInput):
        await told(before="aud_unknown")


@pytest.mark.postgres
async def test_every_search_has_its_index(db: Database) -> None:
    await database.rows(
        """INSERT INTO audit_line (public_id, at, actor_kind, actor_id, act, subject_kind, subject_id, venue_id, outcome,
                                   is_reading, address, device_id, detail, key_id, mac, prev_hash, hash)
           SELECT 'aud_' || n, now() - n * interval '1 minute', 'STAFF', 'stf_' || n % 50, 'act' || n % 60, 'MEMBER',
                  'mem_' || n, 'ven_' || n % 110, 'OK', false, '', '', '', '1', '', '', ''
             FROM generate_series(1, 5000) AS n"""
    )
    await database.rows("ANALYZE audit_line")
    columns = ("actor_id", "subject_id", "act", "venue_id")
    for condition in (*(f"{column} = 'x'" for column in columns), "outcome = 'BUSY'", "at > now()"):
        plan = await database.rows(
            f"EXPLAIN SELECT * FROM audit_line WHERE {condition} ORDER BY at DESC, id DESC LIMIT 21"
        )
        said = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in said, said


@pytest.mark.parametrize("wrong", ["13800001111", "110101199003078888", "张三", "a" * 61, "x'; --"])
def test_what_is_searched_for_looks_like_ours_since_it_is_written_down(wrong: str) -> None:
    with pytest.raises(BadInput):
        checked_search(Wanted(subject_id=wrong), first=20)


@pytest.mark.parametrize("first", [0, 101])
def test_a_page_has_its_bounds(first: int) -> None:
    with pytest.raises(BadInput):
        checked_search(Wanted(), first=first)


def test_only_words_with_the_form_of_our_ids_are_written_down() -> None:
    assert subject_of("mem_23456789ABCDEFGHJKLM") == ("MEMBER", "mem_23456789ABCDEFGHJKLM")
    assert subject_of("O20261120ABCDEFGHJKLM") == ("ORDER", "O20261120ABCDEFGHJKLM")
    assert subject_of("R20261120ABCDEFGHJKLM") == ("REFUND", "R20261120ABCDEFGHJKLM")
    for word in (
        "13800001111",
        "110101199003078888",
        "11010119900307888X",
        "张三",
        "",
        None,
        3,
        "clerk-name",
        "o" * 28,
    ):
        assert subject_of(word) is None, word


def test_a_reason_is_a_sentence_and_keeps_no_number() -> None:
    assert checked_reason(" 顾客请求回电13800001111核对 ") == "顾客请求回电13****核对"
    assert checked_reason("核对证件11010119900307888X") == "核对证件11****"
    for spelt in ("138 0000 1111", "138-0000-1111", "１３８００００１１１１", "138 0000-1111"):
        assert checked_reason(f"顾客请求回电{spelt}核对") == "顾客请求回电13****核对", spelt
    assert checked_reason("证件110101 19900307 888X核对") == "证件11****核对"
    for kept in ("2026-11-20 10:30的订单，第12号", "（2026）川0107民初1234号来函"):
        assert checked_reason(kept) == kept, "days and numbers of files tell whoever audits something"
    for wrong in ("", "查看", "x" * 201, "五个字\n的话"):
        with pytest.raises(BadInput):
            checked_reason(wrong)
