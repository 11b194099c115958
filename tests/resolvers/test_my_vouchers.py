"""A citizen sees their vouchers, hears which one helps most and why the others do not, and pays with it."""

from typing import Any

import pytest

from models.members.tables import Member
from models.vouchers.rules import Stacking, Terms, Where
from models.vouchers.tables import Voucher
from tests.factories.booking import Hall, a_hall, at
from tests.factories.vouchers import a_campaign, a_voucher
from tests.house import Citizen, House
from tests.resolvers import documents
from tests.resolvers import documents_my_vouchers as mine


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


def line(court: Any, hour: int) -> dict[str, Any]:
    return {"courtId": court.public_id, "startsAt": at(hour).isoformat()}


async def a_voucher_of(citizen: Citizen, **campaign: Any) -> Voucher:
    member = await Member.get(public_id=citizen.tokens["memberId"])
    now = citizen.house.now()
    return await a_voucher(member.id, await a_campaign(now=now, **campaign), claimed_at=now)


async def test_the_voucher_that_helps_most_is_named_with_the_reason_and_why_not_the_others(
    citizen: Citizen, hall: Hall
) -> None:
    best = await a_voucher_of(citizen, face_fen=3000, minimum_spend_fen=4000)
    less = await a_voucher_of(citizen, face_fen=1000, minimum_spend_fen=1000)
    more = await a_voucher_of(citizen, face_fen=5000, minimum_spend_fen=9000)
    swim = await a_voucher_of(citizen, terms=Terms(where=Where(sports=frozenset({"SWIMMING"}))))
    lines = [line(hall.badminton, 10)]
    found = (await citizen.ask(mine.BEST_VOUCHER, lines=lines)).value
    assert (found["voucherIds"], found["saves"], found["toPay"]) == ([best.public_id], 3000, 1000)
    assert found["reason"] == "用“满40减30”可减30.00元，应付10.00元。"
    why = {each["id"]: (each["fits"], each["reason"]) for each in found["others"]}
    assert why[less.public_id] == (True, "可以用，但只减10.00元，且不能与推荐的券一起用。")
    assert why[more.public_id][0] is False
    assert why[more.public_id][1].startswith("消费满90.00元才能用这张券，还差50.00元。")
    assert why[swim.public_id][1].startswith("这张券不能用于这个项目。")
    fits = (await citizen.ask(mine.VOUCHERS_FOR, lines=lines)).value
    assert {each["id"]: each["fits"] for each in fits} == {
        best.public_id: True,
        less.public_id: True,
        more.public_id: False,
        swim.public_id: False,
    }


async def test_vouchers_that_may_be_used_together_are_named_together(citizen: Citizen, hall: Hall) -> None:
    terms = Terms(stacking=Stacking.ANY, uses_a_day=None)
    large = await a_voucher_of(citizen, face_fen=3000, minimum_spend_fen=4000)
    pair = [await a_voucher_of(citizen, terms=terms, face_fen=2000, minimum_spend_fen=4000) for _ in range(2)]
    lines = [line(hall.badminton, 10), line(hall.badminton, 11)]
    found = (await citizen.ask(mine.BEST_VOUCHER, lines=lines)).value
    assert set(found["voucherIds"]) == {voucher.public_id for voucher in pair}
    assert (found["saves"], found["toPay"]) == (4000, 4000)
    assert [each["id"] for each in found["others"]] == [large.public_id]
    order = (
        await citizen.ask(
            documents.PLACE_ORDER, idempotencyKey="together", lines=lines, voucherIds=found["voucherIds"]
        )
    ).value["order"]
    assert (order["toPay"], order["voucherPaid"]) == (4000, 4000)


async def test_who_has_no_voucher_hears_that(citizen: Citizen, hall: Hall) -> None:
    found = (await citizen.ask(mine.BEST_VOUCHER, lines=[line(hall.badminton, 10)])).value
    assert (found["voucherIds"], found["reason"], found["toPay"]) == ([], "您还没有可用的消费券。", 4000)


async def test_a_basket_that_cannot_be_bought_has_no_best_voucher(citizen: Citizen, hall: Hall) -> None:
    refused = await citizen.ask(mine.BEST_VOUCHER, lines=[line(hall.badminton, 7)])
    assert refused.refusal.code == "SLOT_UNKNOWN"
    assert (await citizen.ask(mine.VOUCHERS_FOR, lines=[])).refusal.code == "BAD_INPUT"


async def test_an_order_shows_what_the_voucher_pays_and_a_single_id_is_as_good_as_a_list(
    citizen: Citizen, hall: Hall
) -> None:
    voucher = await a_voucher_of(citizen)
    placed = await citizen.ask(
        documents.PLACE_ORDER,
        idempotencyKey="with-one",
        lines=[line(hall.badminton, 10)],
        voucherIds=voucher.public_id,
    )
    order = placed.value["order"]
    assert (order["total"], order["voucherPaid"], order["toPay"], order["due"]) == (4000, 2000, 2000, 2000)
    assert order["vouchers"] == [{"id": voucher.public_id, "title": "满40减20", "faceValue": 2000, "pays": 2000}]
    (mine_now,) = (await citizen.ask(mine.MY_VOUCHERS, state="RESERVED")).value["edges"]
    assert (mine_now["node"]["orderNo"], mine_now["node"]["used"]) == (order["orderNo"], None)
    quote = (await citizen.ask(documents.REFUND_QUOTE, orderNo=order["orderNo"])).value
    assert quote["vouchers"] == "订单尚未支付，所用的消费券会退回您的账户。"
    cancelled = (await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).value["order"]
    assert (cancelled["voucherPaid"], cancelled["vouchers"][0]["pays"]) == (0, 0)


async def test_a_refusal_names_the_rule(citizen: Citizen, hall: Hall) -> None:
    voucher = await a_voucher_of(citizen, minimum_spend_fen=4100)
    refused = await citizen.ask(
        documents.PLACE_ORDER,
        idempotencyKey="too-little",
        lines=[line(hall.badminton, 10)],
        voucherIds=[voucher.public_id],
    )
    assert (refused.refusal.code, refused.refusal.field) == ("VOUCHER_SPEND_TOO_LOW", "voucherIds")
    twice = await citizen.ask(
        documents.PLACE_ORDER,
        idempotencyKey="twice",
        lines=[line(hall.badminton, 10)],
        voucherIds=[voucher.public_id] * 2,
    )
    assert (twice.refusal.code, twice.refusal.field) == ("BAD_INPUT", "voucherIds")


async def test_my_vouchers_come_in_pages_and_are_nobody_elses(house: House, citizen: Citizen) -> None:
    made = [await a_voucher_of(citizen) for _ in range(3)]
    first = (await citizen.ask(mine.MY_VOUCHERS, first=2)).value
    assert [edge["node"]["id"] for edge in first["edges"]] == [made[2].public_id, made[1].public_id]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = (await citizen.ask(mine.MY_VOUCHERS, first=2, after=first["pageInfo"]["endCursor"])).value
    assert [edge["node"]["id"] for edge in rest["edges"]] == [made[0].public_id]
    assert (await citizen.ask(mine.MY_VOUCHERS, state="USED")).value["edges"] == []
    assert (await (await house.citizen()).ask(mine.MY_VOUCHERS)).value["edges"] == []


@pytest.mark.parametrize("asked", [{"first": 0}, {"first": 51}, {"after": "x1"}])
async def test_a_page_that_cannot_be_is_refused(citizen: Citizen, asked: dict[str, Any]) -> None:
    assert (await citizen.ask(mine.MY_VOUCHERS, **asked)).refusal.code == "BAD_INPUT"
