"""Staff at the public door: who may judge which code, and what is said to everybody else."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from models.database import rows
from tests.factories.booking import Hall, a_hall, at
from tests.factories.places import a_court, a_venue
from tests.house import PASSWORD, Citizen, Clerk, House, line, nothing_changes
from tests.resolvers import documents


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall(market_fen_per_hour=0)


@pytest.fixture
async def clerk(house: House, hall: Hall) -> Clerk:
    return await house.clerk(hall.venue.public_id)


@pytest.fixture
async def citizen(house: House, hall: Hall) -> Citizen:
    return await house.citizen()


async def a_place(citizen: Citizen, hall: Hall, *, hour: int = 11) -> str:
    """An admission for today that is not open yet: doors open at half past."""
    order = await citizen.places(line(hall.badminton, at(hour, days=0)))
    return str(order["admissions"][0]["id"])


async def verdict(clerk: Clerk, code: str, hall: Hall, **how: Any) -> Any:
    return (await clerk.scans(code, hall.venue.public_id, **how)).value["verdict"]


async def test_a_code_lets_in_once_lets_out_and_in_again(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    admission = await a_place(citizen, hall)
    early = await verdict(clerk, await citizen.code(admission), hall)
    assert (early["outcome"], early["colour"], early["passed"]) == ("TOO_EARLY", "YELLOW", False)
    await house.travel(at(10, 30, days=0))
    await clerk.sign_in()
    code = await citizen.code(admission)
    first = await verdict(clerk, code, hall)
    assert (first["outcome"], first["colour"], first["passed"]) == ("ENTERED", "GREEN", True)
    assert first["court"] == "羽毛球1号场"
    second = await verdict(clerk, code, hall)
    assert (second["outcome"], second["colour"]) == ("ALREADY_INSIDE", "RED")
    assert "还没有离场" in second["detail"]
    assert (await verdict(clerk, code, hall, direction="EXIT"))["outcome"] == "LEFT"
    assert (await verdict(clerk, code, hall, direction="EXIT"))["outcome"] == "NOT_INSIDE"
    assert (await verdict(clerk, code, hall))["outcome"] == "ENTERED_AGAIN"
    told = await rows("SELECT kind FROM outbox WHERE kind = 'redemptions'")
    assert len(told) == 1


async def test_a_repeated_nonce_gets_the_same_verdict_and_with_another_code_a_refusal(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    admission = await a_place(citizen, hall)
    await house.travel(at(10, 45, days=0))
    await clerk.sign_in()
    code = await citizen.code(admission)
    first = await verdict(clerk, code, hall, nonce="nonce-of-one-scan")
    async with nothing_changes():
        assert await verdict(clerk, code, hall, nonce="nonce-of-one-scan") == first
        other = await clerk.scans("9" * 24, hall.venue.public_id, nonce="nonce-of-one-scan")
    assert other.refusal.code == "IDEMPOTENCY_KEY_REUSED"


async def test_a_printed_code_needs_an_id_check(house: House, clerk: Clerk, citizen: Citizen, hall: Hall) -> None:
    admission = await a_place(citizen, hall)
    await house.travel(at(10, 45, days=0))
    await clerk.sign_in()
    printed = (await citizen.ask(documents.ADMISSION_CODES, admissionId=admission)).value["printedCode"]
    assert (await verdict(clerk, printed, hall))["outcome"] == "ID_CHECK_NEEDED"
    assert (await verdict(clerk, printed, hall, idChecked=True))["outcome"] == "ENTERED"


async def test_a_code_is_stale_after_its_minutes_and_over_after_its_slot(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    admission = await a_place(citizen, hall)
    await house.travel(at(10, 45, days=0))
    await clerk.sign_in()
    code = await citizen.code(admission)
    await house.travel(house.now() + timedelta(minutes=3))
    assert (await verdict(clerk, code, hall))["outcome"] == "CODE_STALE"
    await house.travel(at(11, 59, days=0))
    await citizen.sign_in()
    last = await citizen.code(admission)
    await house.travel(at(12, days=0))
    await clerk.sign_in()
    assert (await verdict(clerk, last, hall))["outcome"] in ("EXPIRED", "CODE_STALE")


async def test_a_cancelled_booking_and_another_venues_are_told_apart(
    house: House, citizen: Citizen, hall: Hall
) -> None:
    other = await a_venue(name="城东体育馆", market_fen_per_hour=0)
    court = await a_court(other)
    clerk = await house.clerk(hall.venue.public_id)
    here = await citizen.places(line(hall.badminton, at(12, days=0)))
    there = await citizen.places(line(court, at(11, days=0)))
    mine, theirs = [await citizen.code(order["admissions"][0]["id"]) for order in (here, there)]
    await citizen.ask(documents.CANCEL_ORDER, orderNo=here["orderNo"])
    assert (await verdict(clerk, mine, hall))["outcome"] == "REFUNDED"
    wrong = await verdict(clerk, theirs, hall)
    assert wrong["outcome"] == "WRONG_VENUE"
    assert "城东体育馆" in wrong["detail"]


async def test_what_is_no_code_is_unknown_and_after_twenty_of_them_the_device_has_to_wait(
    clerk: Clerk, hall: Hall
) -> None:
    for code in ("", "0" * 24, "9" * 24, "abc", "一二三", "1" * 9000):
        told = await verdict(clerk, code, hall)
        assert (told["outcome"], told["colour"], told["passed"]) == ("UNKNOWN_CODE", "RED", False)
    for _ in range(14):
        await verdict(clerk, secrets.token_hex(12), hall)
    assert (await verdict(clerk, "8" * 24, hall))["outcome"] == "TOO_MANY_ATTEMPTS"


async def test_wrong_scans_are_refused_and_leave_nothing(house: House, clerk: Clerk, hall: Hall) -> None:
    elsewhere = await a_venue(name="城东体育馆")
    cases: list[tuple[dict[str, Any], str, str | None]] = [
        ({"venueId": elsewhere.public_id}, "NOT_ALLOWED", "venueId"),
        ({"venueId": "ven_unknown"}, "NOT_ALLOWED", "venueId"),
        ({"venueId": ""}, "NOT_ALLOWED", "venueId"),
        ({"nonce": ""}, "BAD_INPUT", "nonce"),
        ({"nonce": "short"}, "BAD_INPUT", "nonce"),
        ({"nonce": "x" * 65}, "BAD_INPUT", "nonce"),
        ({"nonce": "一二三四五六七八"}, "BAD_INPUT", "nonce"),
        ({"checkpoint": ""}, "BAD_INPUT", "checkpoint"),
        ({"checkpoint": "   "}, "BAD_INPUT", "checkpoint"),
        ({"checkpoint": "台" * 41}, "BAD_INPUT", "checkpoint"),
        ({"checkpoint": "前\n台"}, "BAD_INPUT", "checkpoint"),
        ({"direction": "SIDEWAYS"}, "BAD_INPUT", None),
        ({"idChecked": "yes"}, "BAD_INPUT", None),
        ({"code": 123}, "BAD_INPUT", None),
    ]
    good = {"code": "9" * 24, "venueId": hall.venue.public_id, "checkpoint": "前台", "nonce": "a-nonce-of-mine"}
    async with nothing_changes():
        for changed, code, field in cases:
            refusal = (await clerk.ask(documents.REDEEM, **{**good, **changed})).refusal
            assert (refusal.code, refusal.field) == (code, field), changed


async def test_staff_are_no_members_and_members_are_no_staff(
    house: House, clerk: Clerk, citizen: Citizen, hall: Hall
) -> None:
    staff_token, member_token = clerk.authorization.split()[1], citizen.tokens["accessToken"]
    scan = {"code": "9" * 24, "venueId": hall.venue.public_id, "checkpoint": "前台", "nonce": "a-nonce-of-mine"}
    async with nothing_changes():
        for authorization in (clerk.authorization, f"Bearer {staff_token}"):
            assert (await house.ask(documents.ME, {}, authorization)).refusal.code == "NOT_SIGNED_IN"
        for authorization in (citizen.authorization, f"Staff {member_token}", "", "Staff ", "Staff made-up"):
            assert (await house.ask(documents.REDEEM, scan, authorization)).refusal.code == "NOT_SIGNED_IN"
            assert (await house.ask(documents.STAFF_SIGN_OUT, {}, authorization)).refusal.code == "NOT_SIGNED_IN"
        refresh = {"refreshToken": staff_token, "deviceId": "desk-1"}
        assert (await house.ask(documents.REFRESH_SIGN_IN, refresh)).refusal.code == "REFRESH_TOKEN_INVALID"


async def test_a_desk_that_idles_or_signs_out_has_to_sign_in_again(house: House, clerk: Clerk, hall: Hall) -> None:
    await house.travel(house.now() + timedelta(minutes=10))
    assert (await clerk.scans("9" * 24, hall.venue.public_id)).refusal.code == "NOT_SIGNED_IN"
    await clerk.sign_in()
    assert (await verdict(clerk, "9" * 24, hall))["outcome"] == "UNKNOWN_CODE"
    assert (await clerk.ask(documents.STAFF_SIGN_OUT)).value["signedOut"] is True
    assert (await clerk.scans("9" * 24, hall.venue.public_id)).refusal.code == "NOT_SIGNED_IN"


async def test_signing_in_shows_a_clerk_their_own_venues(house: House, clerk: Clerk, hall: Hall) -> None:
    asked = {"username": clerk.username, "password": PASSWORD, "deviceId": "desk-2"}
    shown = (await house.ask(documents.STAFF_SIGN_IN, asked)).value["staffSignIn"]
    assert shown["displayName"] == "李前台"
    assert shown["venues"] == [{"id": hall.venue.public_id, "name": hall.venue.name}]


async def test_wrong_credentials_sound_the_same_for_everybody_and_lock_after_five(
    house: House, clerk: Clerk
) -> None:
    async def tried(username: str, password: str) -> tuple[str, str]:
        asked = {"username": username, "password": password, "deviceId": "desk-1"}
        refusal = (await house.ask(documents.STAFF_SIGN_IN, asked)).refusal
        return refusal.code, refusal.message

    async with nothing_changes():
        unknown = {await tried(name, PASSWORD) for name in ("nobody", "", "x" * 9000, "' OR 1=1 --", "李前台")}
    assert {code for code, _ in unknown} == {"STAFF_CREDENTIALS_WRONG"}
    assert await tried(clerk.username, "wrong") in unknown
    for _ in range(3):
        assert await tried(clerk.username, "x" * 9000) in unknown
    assert (await tried(clerk.username, "wrong"))[0] == "STAFF_LOCKED"
    assert (await tried(clerk.username, PASSWORD))[0] == "STAFF_LOCKED"
    await house.travel(house.now() + timedelta(minutes=5))
    await clerk.sign_in()
