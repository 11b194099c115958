"""Admissions are issued with handles of their own, whatever chance deals."""

from collections.abc import Iterator

import pytest

from models.admissions.tables import Admission
from models.codes import rules as codes
from models.orders.tables import Order
from tests.databases import Database
from tests.factories.booking import a_hall, a_person, an_order, at, census, wanted

TWIN, OTHER = "1234567890", "0987654321"


def dealt(*handles: str) -> Iterator[str]:
    yield from handles


async def test_a_handle_that_is_taken_is_dealt_again_and_nothing_is_left_of_the_first_try(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in ten thousand million by nature, so chance itself is replaced here; the refusal is the database's own."""
    hall = await a_hall(free_mornings=True)
    monkeypatch.setattr(codes, "new_handle", dealt(TWIN, TWIN, OTHER).__next__)
    await an_order(await a_person(), wanted(hall.badminton, at(8)))
    await an_order(await a_person(), wanted(hall.badminton, at(8, days=2)))
    assert await Admission.all().order_by("id").values_list("handle", flat=True) == [TWIN, OTHER]
    assert await Order.all().values_list("status", flat=True) == ["PAID", "PAID"]
    left = await census()
    assert (left["orders"], left["order_line"], left["admission"], left["outbox"]) == (2, 2, 2, 2)
