"""The made-up books of `make bench-settlement` are books: they are settled to the fen, past whatever somebody must look at."""

import pytest

from models.settlement.tables import Payout, Settlement
from tests.bench.settlement.__main__ import MOST_STANDSTILL_MS, NOW, judge, settled
from tests.bench.settlement.world import FACE_FEN, TAKEN_BACK_EVERY, TAKEN_BACK_FEN, books
from tests.databases import Database


@pytest.mark.postgres
async def test_a_little_of_it_is_settled_and_paid_to_the_fen(db: Database) -> None:
    of = await books(uses=40, venues=3, now=NOW)
    told = await settled(of)
    made = await Settlement.all()
    assert {each.state for each in made} == {"IN_PAYOUT"}
    assert len(made) == await Payout.all().count() == 3
    assert sum(each.payable_fen for each in made) == 40 * FACE_FEN - 40 // TAKEN_BACK_EVERY * TAKEN_BACK_FEN
    assert all(said["statements"] for said in told.values())
    assert told["draft"]["longest_transaction_s"] > 0


def test_what_is_above_a_mark_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    good = {"statements": 9, "longest_statement_s": 0.1, "longest_standstill_ms": 1.0, "mb": 0.0}
    assert judge({"few": {"sheet": good}}) == 0
    assert (
        judge(
            {"few": {"sheet": good}, "many": {"sheet": {**good, "longest_standstill_ms": MOST_STANDSTILL_MS + 1}}}
        )
        == 1
    )
    assert "many, sheet: longest_standstill_ms 61.0" in capsys.readouterr().err
