"""Signing in, staying signed in and binding a phone, through the public door."""

from datetime import timedelta
from typing import Any

from models.forwarding.tables import OutboxRow
from models.messages.tables import Message
from models.orders.tables import Order
from models.regions.tables import Region
from tests.factories.booking import a_hall, at
from tests.factories.places import a_court, a_venue
from tests.house import House, line, nothing_changes
from tests.resolvers import documents

NEEDS_A_MEMBER: list[tuple[str, dict[str, Any]]] = [
    (documents.ME, {}),
    (documents.ORDER, {"orderNo": "O1"}),
    (documents.ORDERS, {}),
    (documents.ADMISSION_CODES, {"admissionId": "adm_1"}),
    (documents.SIGN_OUT, {}),
    (documents.BIND_PHONE, {"code": "1"}),
    (documents.PLACE_ORDER, {"idempotencyKey": "k", "lines": []}),
    (documents.PAY_ORDER, {"orderNo": "O1"}),
    (documents.CANCEL_ORDER, {"orderNo": "O1"}),
]


async def test_signing_in_for_the_first_time_makes_a_member_and_for_the_second_time_finds_them(
    house: House,
) -> None:
    citizen = await house.citizen()
    first = citizen.tokens
    await citizen.sign_in()
    assert citizen.tokens["memberId"] == first["memberId"]
    assert citizen.tokens["accessToken"] != first["accessToken"]
    me = (await citizen.ask(documents.ME)).value
    assert me == {"id": first["memberId"], "maskedPhone": None, "homeProvince": ""}


async def test_a_login_code_that_wechat_does_not_know_signs_nobody_in(house: House) -> None:
    async with nothing_changes():
        for code in ("", "made-up", "9" * 5000, "一二三"):
            answer = await house.ask(documents.SIGN_IN, {"code": code, "deviceId": "phone-1"})
            assert answer.refusal.code == "SIGN_IN_CODE_INVALID"


async def test_a_login_code_works_once(house: House) -> None:
    citizen = await house.citizen()
    code = await citizen.login_code()
    variables = {"code": code, "deviceId": "phone-1"}
    assert (await house.ask(documents.SIGN_IN, variables)).value["signIn"]
    async with nothing_changes():
        refusal = (await house.ask(documents.SIGN_IN, variables)).refusal
    assert (refusal.code, refusal.field) == ("SIGN_IN_CODE_INVALID", "code")


async def test_when_wechat_is_away_nobody_is_signed_in_and_the_sentence_says_to_try_later(house: House) -> None:
    citizen = await house.citizen()
    code = await citizen.login_code()
    await house.wechat.put("/_sandbox/faults", json={"http_500": True})
    async with nothing_changes():
        answer = await house.ask(documents.SIGN_IN, {"code": code, "deviceId": "phone-1"})
    assert answer.refusal.code == "OUTSIDE_UNAVAILABLE"
    assert "稍后" in answer.refusal.message


async def test_a_device_id_that_is_none_is_refused(house: House) -> None:
    citizen = await house.citizen()
    async with nothing_changes():
        for device_id in ("", "x" * 65, "手机", "a b"):
            variables = {"code": await citizen.login_code(), "deviceId": device_id}
            refusal = (await house.ask(documents.SIGN_IN, variables)).refusal
            assert (refusal.code, refusal.field) == ("BAD_INPUT", "deviceId")


async def test_without_a_sign_in_nothing_of_a_member_is_shown_or_done(house: House) -> None:
    async with nothing_changes():
        for document, variables in NEEDS_A_MEMBER:
            for authorization in ("", "Bearer ", "Bearer made-up", "Basic eDp5", "Bearer " + "x" * 9000):
                refusal = (await house.ask(document, variables, authorization)).refusal
                assert refusal.code == "NOT_SIGNED_IN"
                assert "登录" in refusal.message


async def test_an_access_token_ends_after_two_hours_and_a_refresh_goes_on(house: House) -> None:
    citizen = await house.citizen()
    await house.travel(house.now() + timedelta(hours=2))
    assert (await citizen.ask(documents.ME)).refusal.code == "NOT_SIGNED_IN"
    citizen.tokens = (await refreshed(house, citizen.tokens["refreshToken"])).value["signIn"]
    assert (await citizen.ask(documents.ME)).value["id"] == citizen.tokens["memberId"]


async def refreshed(house: House, token: str, device_id: str = "phone-1") -> Any:
    return await house.ask(documents.REFRESH_SIGN_IN, {"refreshToken": token, "deviceId": device_id})


async def test_a_lost_answer_gives_the_same_tokens_and_an_older_token_ends_the_sign_in(house: House) -> None:
    citizen = await house.citizen()
    first = citizen.tokens["refreshToken"]
    second = (await refreshed(house, first)).value["signIn"]
    assert (await refreshed(house, first)).value["signIn"] == second
    third = (await refreshed(house, second["refreshToken"])).value["signIn"]
    assert (await refreshed(house, first)).refusal.code == "REFRESH_TOKEN_REUSED"
    assert (await refreshed(house, third["refreshToken"])).refusal.code == "REFRESH_TOKEN_INVALID"
    citizen.tokens = third
    assert (await citizen.ask(documents.ME)).refusal.code == "NOT_SIGNED_IN"


async def test_a_refresh_token_that_we_did_not_give_is_refused(house: House) -> None:
    async with nothing_changes():
        for token in ("", "made-up", "x" * 9000, "令牌"):
            assert (await refreshed(house, token)).refusal.code == "REFRESH_TOKEN_INVALID"


async def test_signing_out_ends_the_sign_in_and_the_codes_shown(house: House) -> None:
    venue = await a_venue(open_minutes=(480, 1320), market_fen_per_hour=0)
    court = await a_court(venue)
    citizen, clerk = await house.citizen(), await house.clerk(venue.public_id)
    order = await citizen.places(line(court, at(11, days=0)))
    await house.travel(at(10, 45, days=0))
    await citizen.sign_in()
    await clerk.sign_in()
    code = await citizen.code(order["admissions"][0]["id"])
    assert (await citizen.ask(documents.SIGN_OUT)).value["signedOut"] is True
    assert (await citizen.ask(documents.ME)).refusal.code == "NOT_SIGNED_IN"
    assert (await citizen.ask(documents.SIGN_OUT)).refusal.code == "NOT_SIGNED_IN"
    verdict = (await clerk.scans(code, venue.public_id)).value["verdict"]
    assert (verdict["outcome"], verdict["passed"]) == ("CODE_REVOKED", False)


async def test_a_bound_phone_is_shown_masked(house: House) -> None:
    citizen = await house.citizen(phone="13812345678")
    me = (await citizen.ask(documents.BIND_PHONE, code=await citizen.phone_code())).value["me"]
    assert me == {"id": citizen.tokens["memberId"], "maskedPhone": "138****5678"}
    assert (await citizen.ask(documents.ME)).value == me | {"homeProvince": ""}


async def test_whose_number_is_replaced_by_another_of_wechats_is_told_and_who_binds_the_first_is_not(
    house: House,
) -> None:
    """With a session of theirs in strange hands and a phone code of somebody else's, it would open their account by SMS."""
    citizen = await house.citizen(phone="13812345678")
    for _ in range(2):
        await citizen.ask(documents.BIND_PHONE, code=await citizen.phone_code())
    assert await Message.all().count() == 0
    await house.wechat.post("/_sandbox/people", json={"openid": citizen.openid, "phone": "13912345678"})
    me = (await citizen.ask(documents.BIND_PHONE, code=await citizen.phone_code())).value["me"]
    assert me["maskedPhone"] == "139****5678"
    (told,) = await Message.all().prefetch_related("member")
    assert (told.template, told.member.public_id) == ("PHONE_CHANGED", citizen.tokens["memberId"])
    assert "12345678" not in str(told.values)


async def test_a_phone_code_that_wechat_does_not_know_binds_nothing(house: House) -> None:
    citizen = await house.citizen()
    async with nothing_changes():
        for code in ("", "made-up", "9" * 5000):
            refusal = (await citizen.ask(documents.BIND_PHONE, code=code)).refusal
            assert (refusal.code, refusal.field) == ("PHONE_CODE_INVALID", "code")


async def test_a_phone_of_another_member_is_not_taken_from_them(house: House) -> None:
    first, second = await house.citizen(phone="13912345678"), await house.citizen(phone="13912345678")
    await first.ask(documents.BIND_PHONE, code=await first.phone_code())
    async with nothing_changes():
        answer = await second.ask(documents.BIND_PHONE, code=await second.phone_code())
    assert answer.refusal.code == "PHONE_BOUND_ELSEWHERE"
    assert "13912345678" not in answer.text


async def test_from_which_side_one_comes_is_what_one_says_and_goes_with_orders_from_then_on(house: House) -> None:
    hall, citizen = await a_hall(), await house.citizen()
    clerk = await house.clerk(hall.venue.public_id)
    await Region.create(key="500000", code="500000", name="重庆市", level="PROVINCE")
    unsaid = await citizen.has_paid(line(hall.badminton, at(10)))
    for code in ("510107", "51", "重庆", "500000 "):
        refused = (await citizen.ask(documents.SAY_HOME_PROVINCE, provinceCode=code)).refusal
        assert (refused.code, refused.field) == ("BAD_INPUT", "provinceCode")
    for _ in range(2):
        said = (await citizen.ask(documents.SAY_HOME_PROVINCE, provinceCode="500000")).value["me"]
        assert said["homeProvince"] == "500000"
    across = await citizen.has_paid(line(hall.badminton, at(11)))
    assert (await citizen.ask(documents.SAY_HOME_PROVINCE, provinceCode="")).value["me"]["homeProvince"] == ""
    provinces = {order.order_no: order.member_province for order in await Order.all()}
    assert provinces == {unsaid["orderNo"]: "", across["orderNo"]: "500000"}, "an order keeps what was said then"
    told = {row.payload["orderNo"]: row for row in await OutboxRow.filter(kind="orders")}
    assert "memberProvinceId" not in told[unsaid["orderNo"]].payload
    across_told = told[across["orderNo"]]
    assert across_told.payload["memberProvinceId"] == "500000"
    assert across_told.province_code == across_told.payload["provinceId"] == "510000", "the venue's side is told"
    seen = (await clerk.ask(documents.DESK_ORDER, orderNo=across["orderNo"])).value
    assert (seen["venueProvince"], seen["memberProvince"]) == ("510000", "500000")
