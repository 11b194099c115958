"""Booking, paying and giving up through the public door, and every refusal with nothing left half done."""

import base64
import secrets
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from models.booking.tables import BookingRule
from models.codes import pictures
from models.database import rows, utc
from models.venues.tables import Venue
from tests.factories.booking import Hall, a_hall, at
from tests.factories.places import a_court, a_venue
from tests.house import Citizen, House, contents, line, nothing_changes
from tests.resolvers import documents


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall()


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


async def test_an_order_for_four_is_held_for_a_quarter_of_an_hour_and_comes_back_as_it_was_placed(
    citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10), people=4, expectedPrice=4000))
    assert order["status"] == "PENDING_PAYMENT"
    assert (order["total"], order["paid"], order["refunded"]) == (4000, 0, 0)
    assert utc(order["holdExpiresAt"]) - utc(order["placedAt"]) == timedelta(minutes=15)
    assert (order["venueId"], order["venueName"]) == (hall.venue.public_id, hall.venue.name)
    assert order["admissions"] == []
    (shown,) = order["lines"]
    assert shown["title"] == "羽毛球1号场 11月21日 10:00–11:00"
    assert (shown["people"], shown["price"], shown["courtId"]) == (4, 4000, hall.badminton.public_id)
    assert (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value == order


async def test_the_same_key_gives_the_same_order_and_with_other_lines_it_is_refused(
    citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)), key="key-1")
    async with nothing_changes():
        assert await citizen.places(line(hall.badminton, at(10)), key="key-1") == order
        answer = await citizen.ask(
            documents.PLACE_ORDER, idempotencyKey="key-1", lines=[line(hall.badminton, at(11))]
        )
    assert answer.refusal.code == "IDEMPOTENCY_KEY_REUSED"


async def test_wrong_lines_are_refused_and_nothing_is_held(house: House, citizen: Citizen, hall: Hall) -> None:
    closed = await a_court(await a_venue(name="东郊体育馆", is_open=False))
    elsewhere = await a_court(await a_venue(name="西郊体育馆"))
    tomorrow = at(10)
    good = line(hall.badminton, tomorrow)
    await (await house.citizen()).places(line(hall.badminton_2, tomorrow))

    def with_start(text: str) -> list[dict[str, Any]]:
        return [{"courtId": hall.badminton.public_id, "startsAt": text}]

    cases: list[tuple[list[dict[str, Any]], str, str | None]] = [
        ([], "BAD_INPUT", "lines"),
        ([good, good], "BAD_INPUT", "lines"),
        ([line(hall.badminton, at(hour)) for hour in range(8, 17)], "BAD_INPUT", "lines"),
        ([line(hall.full, tomorrow), line(hall.left, tomorrow)], "BAD_INPUT", "lines"),
        ([good, line(elsewhere, tomorrow)], "BAD_INPUT", "lines"),
        ([line(closed, tomorrow)], "VENUE_CLOSED", "venueId"),
        ([{**good, "courtId": "crt_unknown"}], "COURT_UNKNOWN", "lines"),
        ([{**good, "courtId": ""}], "COURT_UNKNOWN", "lines"),
        ([{**good, "courtId": "x" * 9000}], "COURT_UNKNOWN", "lines"),
        ([good, line(hall.badminton_2, tomorrow)], "SLOT_TAKEN", "lines"),
        ([line(hall.badminton, at(9, days=0))], "SLOT_PAST", "lines"),
        ([line(hall.badminton, at(10, days=-1))], "SLOT_PAST", "lines"),
        ([line(hall.badminton, at(7))], "SLOT_UNKNOWN", "lines"),
        ([line(hall.badminton, at(10, 30))], "SLOT_UNKNOWN", "lines"),
        ([line(hall.badminton, tomorrow + timedelta(seconds=1))], "SLOT_UNKNOWN", "lines"),
        ([line(hall.badminton, tomorrow + timedelta(microseconds=1))], "SLOT_UNKNOWN", "lines"),
        ([line(hall.badminton, at(22))], "SLOT_UNKNOWN", "lines"),
        ([line(hall.badminton, at(10, days=8))], "SLOT_NOT_RELEASED", "lines"),
        (with_start("2026-11-21T10:00:00"), "BAD_INPUT", "startsAt"),  # ten o'clock where?
        (with_start("1926-11-21T10:00:00+08:00"), "BAD_INPUT", "date"),
        (with_start("0001-01-01T00:00:00+23:59"), "BAD_INPUT", "date"),
        (with_start("9999-12-31T23:59:59-23:59"), "BAD_INPUT", "date"),
        (with_start("tomorrow"), "BAD_INPUT", None),
        ([{**good, "people": 0}], "BAD_INPUT", "lines"),
        ([{**good, "people": -1}], "BAD_INPUT", "lines"),
        ([{**good, "people": 7}], "TOO_MANY_PEOPLE", "lines"),
        ([{**good, "people": 2**31 - 1}], "TOO_MANY_PEOPLE", "lines"),
        ([{**good, "people": 10**30}], "BAD_INPUT", None),
        ([{**good, "people": 1.5}], "BAD_INPUT", None),
        ([{**good, "people": "4"}], "BAD_INPUT", None),
        ([{**good, "expectedPrice": 3999}], "PRICE_CHANGED", "lines"),
        ([{**good, "expectedPrice": 4001}], "PRICE_CHANGED", "lines"),
        ([{**good, "expectedPrice": 0}], "PRICE_CHANGED", "lines"),
        ([{**good, "expectedPrice": -4000}], "PRICE_CHANGED", "lines"),
        ([{**good, "expectedPrice": 10**15 + 1}], "BAD_INPUT", None),
        ([{**good, "expectedPrice": 10**30}], "BAD_INPUT", None),
        ([{**good, "expectedPrice": 4000.0}], "BAD_INPUT", None),
        ([{**good, "expectedPrice": "4000"}], "BAD_INPUT", None),
        ([{**good, "expectedPrice": True}], "BAD_INPUT", None),
    ]
    async with nothing_changes():
        for lines, code, field in cases:
            answer = await citizen.ask(documents.PLACE_ORDER, idempotencyKey=secrets.token_hex(8), lines=lines)
            assert (answer.refusal.code, answer.refusal.field) == (code, field), lines


async def test_an_idempotency_key_must_be_short_plain_text(citizen: Citizen, hall: Hall) -> None:
    async with nothing_changes():
        for key in ("", "x" * 65, "订单", "a\nb"):
            answer = await citizen.ask(
                documents.PLACE_ORDER, idempotencyKey=key, lines=[line(hall.badminton, at(10))]
            )
            assert (answer.refusal.code, answer.refusal.field) == ("BAD_INPUT", "idempotencyKey")


async def test_who_comes_second_hears_which_slot_is_gone_and_the_third_court_of_a_day_is_too_many(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    await citizen.places(line(hall.badminton, at(10)), line(hall.left, at(10)))
    other = await house.citizen()
    async with nothing_changes():
        taken = await other.ask(documents.PLACE_ORDER, idempotencyKey="k", lines=[line(hall.full, at(10))])
        too_many = await citizen.ask(
            documents.PLACE_ORDER, idempotencyKey="k", lines=[line(hall.badminton_2, at(10))]
        )
    assert taken.refusal.code == "SLOT_TAKEN"
    assert "篮球全场 11月21日 10:00–11:00" in taken.refusal.message
    assert too_many.refusal.code == "TOO_MANY_COURTS"
    assert "最多订2片场地" in too_many.refusal.message


async def test_a_free_order_needs_no_payment_and_asking_to_pay_it_says_so(house: House) -> None:
    free = await a_hall(free_mornings=True)
    citizen = await house.citizen()
    order = await citizen.places(line(free.badminton, at(8), people=2))
    assert (order["status"], order["total"], len(order["admissions"])) == ("PAID", 0, 2)
    async with nothing_changes():
        refusal = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).refusal
    assert refusal.code == "ORDER_FREE"


async def test_paying_opens_one_payment_however_often_it_is_asked_for(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    for _ in range(2):
        parameters = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).value["wechatPay"]
    assert (parameters["appId"], parameters["signType"]) == (house.outside.appid, "RSA")
    books = await house.outside.books()
    assert [(booked["total_fen"], booked["state"]) for booked in books["orders"]] == [(4000, "NOTPAY")]
    assert utc(books["orders"][0]["expires_at"]) == utc(order["holdExpiresAt"]).replace(microsecond=0)
    letter = await citizen.pays(order["orderNo"])
    assert (await house.hand_in(letter)).status_code == 204
    paid = (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value
    assert (paid["status"], paid["paid"], len(paid["admissions"])) == ("PAID", 4000, 1)
    async with nothing_changes():
        again = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).refusal
    assert again.code == "ORDER_ALREADY_PAID"


async def test_when_wechat_pay_is_away_the_citizen_may_press_again_and_pays_once(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    await house.outside.switch_on(http_500_after=True)
    refusal = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).refusal
    assert refusal.code == "OUTSIDE_UNAVAILABLE"
    assert "不会重复扣款" in refusal.message
    await house.outside.switch_on()
    await citizen.pays(order["orderNo"])
    assert len((await house.outside.books())["orders"]) == 1


async def test_an_order_whose_hold_has_ended_cannot_be_paid(house: House, citizen: Citizen, hall: Hall) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    await house.travel(utc(order["holdExpiresAt"]) - timedelta(seconds=50))
    async with nothing_changes():
        nearly = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).refusal
        await house.travel(utc(order["holdExpiresAt"]))
        over = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).refusal
    assert (nearly.code, over.code) == ("ORDER_CLOSED", "ORDER_CLOSED")
    assert "来不及支付" in nearly.message
    assert (await house.outside.books())["orders"] == []


async def test_a_strangers_order_is_as_unknown_as_one_that_never_was(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(10)))
    stranger = await house.citizen()
    async with nothing_changes():
        for number in (order["orderNo"], "O20261120NEVERWASHERE", "", "订单", "' OR 1=1 --"):
            assert (await stranger.ask(documents.ORDER, orderNo=number)).value is None
            for document in (documents.PAY_ORDER, documents.CANCEL_ORDER):
                refusal = (await stranger.ask(document, orderNo=number)).refusal
                assert (refusal.code, refusal.field) == ("ORDER_UNKNOWN", "orderNo")
        assert (await stranger.ask(documents.ORDER, orderNo="x" * 9000)).value is None
        assert (await stranger.ask(documents.PAY_ORDER, orderNo="x" * 9000)).refusal.code == "ORDER_UNKNOWN"
        for admission in (order["admissions"][0]["id"], "adm_never", "", "x" * 9000):
            codes = (await stranger.ask(documents.ADMISSION_CODES, admissionId=admission)).refusal
            assert (codes.code, codes.field) == ("ADMISSION_UNKNOWN", "admissionId")
    assert (await stranger.ask(documents.ORDERS)).value["edges"] == []


async def test_a_cancelled_unpaid_order_is_closed_at_wechat_first_and_its_slot_is_free(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])
    closed = (await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).value["order"]
    assert (closed["status"], closed["closeReason"]) == ("CLOSED", "CANCELLED")
    assert [booked["state"] for booked in (await house.outside.books())["orders"]] == ["CLOSED"]
    async with nothing_changes():
        again = (await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).value["order"]
    assert again == closed
    await (await house.citizen()).places(line(hall.badminton, at(10)))


async def test_a_cancelled_paid_order_is_refunded_in_full_and_its_codes_end(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(10), people=2))
    cancelled = (await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).value["order"]
    (refund,) = cancelled["refunds"]
    assert (cancelled["status"], cancelled["closeReason"]) == ("CLOSED", "CANCELLED")
    assert (refund["amount"], refund["reason"], refund["status"]) == (4000, "CANCELLED", "PROCESSING")
    assert all(admission["isRevoked"] for admission in cancelled["admissions"])
    codes = await citizen.ask(documents.ADMISSION_CODES, admissionId=order["admissions"][0]["id"])
    assert codes.refusal.code == "REFUNDED"
    letters = await house.outside.wait_for_letters(2)
    assert (await house.hand_in(letters[1])).status_code == 204
    done = (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value
    assert (done["paid"], done["refunded"], done["refunds"][0]["status"]) == (4000, 4000, "SUCCESS")
    sums = (await house.outside.books())["sums"]
    assert (sums["paid_fen"], sums["refunded_fen"]) == (4000, 4000)


async def test_an_order_that_began_cannot_be_cancelled(house: House, citizen: Citizen, hall: Hall) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(11, days=0)))
    await house.travel(at(11, days=0))
    await citizen.sign_in()
    async with nothing_changes():
        refusal = (await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).refusal
    assert refusal.code == "ORDER_STARTED"


async def test_cancelling_while_wechat_pay_is_away_changes_nothing(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.places(line(hall.badminton, at(10)))
    await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])
    await house.outside.switch_on(http_500=True)
    async with nothing_changes():
        refusal = (await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])).refusal
    assert refusal.code == "OUTSIDE_UNAVAILABLE"


async def test_my_orders_come_latest_first_page_by_page_each_once(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    await BookingRule.all().update(courts_a_person_a_day=9)
    placed = [(await citizen.places(line(hall.badminton, at(10, days=day))))["orderNo"] for day in range(1, 6)]
    walked, after = [], None
    while True:
        page = (await citizen.ask(documents.ORDERS, first=2, after=after)).value
        walked += [edge["node"]["orderNo"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert walked == placed[::-1]
    async with nothing_changes():
        for asked, field in (
            ({"first": 0}, "first"),
            ({"first": -1}, "first"),
            ({"first": 51}, "first"),
            ({"after": ""}, "after"),
            ({"after": "o"}, "after"),
            ({"after": "o-1"}, "after"),
            ({"after": "o" + "9" * 30}, "after"),
            ({"after": "o١"}, "after"),
            ({"first": 10**30}, None),
        ):
            refusal = (await citizen.ask(documents.ORDERS, **asked)).refusal
            assert (refusal.code, refusal.field) == ("BAD_INPUT", field), asked


async def test_codes_are_handed_out_for_ten_minutes_ahead_with_the_servers_time_and_as_pictures(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(11, days=0)))
    given = (await citizen.ask(documents.ADMISSION_CODES, admissionId=order["admissions"][0]["id"])).value
    starts = [utc(code["validFrom"]) for code in given["codes"]]
    assert starts[0] <= utc(given["serverNow"]) < starts[1]
    assert timedelta(minutes=9) <= starts[-1] - starts[0] <= timedelta(minutes=11)
    assert {later - earlier for earlier, later in pairwise(starts)} == {timedelta(seconds=30)}
    everything = [code["code"] for code in given["codes"]] + [given["printedCode"]]
    assert all(len(code) == 24 and code.isdigit() and code.isascii() for code in everything)
    assert len(set(everything)) == len(everything)
    assert given["printedSvg"].startswith("<?xml")
    assert given["printedPng"].startswith("iVBOR")  # PNG's first bytes in base64
    drawn = (await citizen.ask(documents.ADMISSION_PICTURES, admissionId=order["admissions"][0]["id"])).value
    for shown in drawn["codes"][:3]:
        assert shown["svg"].encode() == pictures.svg(shown["code"])
        assert base64.b64decode(shown["png"]) == pictures.png(shown["code"])
    await house.travel(at(12, days=0))
    await citizen.sign_in()
    over = await citizen.ask(documents.ADMISSION_CODES, admissionId=order["admissions"][0]["id"])
    assert over.refusal.code == "EXPIRED"


async def test_a_venue_that_closes_takes_no_new_order_and_keeps_the_old_ones(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(10)))
    await Venue.filter(id=hall.venue.id).update(is_open=False)
    async with nothing_changes():
        answer = await citizen.ask(documents.PLACE_ORDER, idempotencyKey="k", lines=[line(hall.left, at(10))])
    assert answer.refusal.code == "VENUE_CLOSED"
    assert (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value == order


async def test_each_confirmed_order_is_in_the_outbox_once(house: House, citizen: Citizen, hall: Hall) -> None:
    order = await citizen.has_paid(line(hall.badminton, at(10)))
    await citizen.places(line(hall.left, at(12)))
    waiting = await rows("SELECT subject, kind FROM outbox")
    assert [dict(row) for row in waiting] == [{"subject": f"order:{order['orderNo']}", "kind": "orders"}]
    assert (await contents())['"held_cell"'] != []


async def test_money_beyond_32_bits_is_told_to_the_fen(house: House, citizen: Citizen) -> None:
    court = await a_court(await a_venue(market_fen_per_hour=2_000_000_001))
    order = await citizen.places(line(court, at(10), expectedPrice=2_000_000_001), line(court, at(11)))
    assert order["total"] == 4_000_000_002
