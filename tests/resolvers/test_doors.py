"""The other doors, through the public one: the official account, Alipay, a phone; and which of them are mine."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from graphql import parse, validate

from models.messages.tables import Message
from resolvers.schema import build_schema
from tests.factories.booking import at
from tests.factories.places import a_court, a_venue
from tests.house import Answer, Citizen, House, line, nothing_changes
from tests.outside import AlipayHouse
from tests.resolvers import documents, documents_consents
from tests.resolvers import documents_doors as doors

PHONE = "13812345678"
NEEDS_A_MEMBER: list[tuple[str, dict[str, Any]]] = [
    (doors.MY_SIGN_INS, {}),
    (doors.END_SIGN_IN, {"signInId": "sgn_1"}),
    (doors.END_OTHER_SIGN_INS, {}),
    (doors.BIND_PHONE_BY_SMS, {"phone": PHONE, "code": "1"}),
    (doors.LINK_ALIPAY, {"authCode": "1"}),
    (doors.LINK_OFFICIAL_ACCOUNT, {"code": "1", "state": "1"}),
]


def test_every_document_is_one_of_the_schema() -> None:
    schema = build_schema()._schema
    for document in doors.ALL:
        assert validate(schema, parse(document)) == []


def home(house: House) -> str:
    return house.wired.settings.public_base_url


async def way_out(house: House, device_id: str = "h5-1", **changed: Any) -> Any:
    variables = {"returnTo": f"{home(house)}/me", "deviceId": device_id, **changed}
    return (await house.ask(doors.OFFICIAL_ACCOUNT_SIGN_IN_URL, variables)).value


async def sms_code(
    house: House, purpose: str = "SIGN_IN", *, phone: str = PHONE, asker: Citizen | None = None
) -> str:
    variables = {"phone": phone, "purpose": purpose, "deviceId": "h5-1"}
    answer = await house.ask(doors.REQUEST_SMS_CODE, variables, asker.authorization if asker else "")
    assert answer.value["expiresAt"]
    return str(await house.sms_to(phone))


async def by_phone(house: House, code: str, device_id: str = "h5-1", **more: Any) -> Answer:
    variables = {"phone": PHONE, "code": code, "deviceId": device_id, **more}
    return await house.ask(doors.SIGN_IN_WITH_PHONE, variables)


async def me(house: House, sign_in: Any) -> Any:
    return (await house.ask(doors.ME_WITH_DOORS, {}, f"Bearer {sign_in['accessToken']}")).value


# the official account


async def test_who_is_known_from_the_mini_program_comes_in_by_the_official_account(house: House) -> None:
    citizen = await house.citizen()
    await house.wechat.post("/_sandbox/people", json={"openid": citizen.openid, "unionid": "u-wang"})
    await citizen.sign_in()
    out = await way_out(house, userinfo=True)
    asked = parse_qs(urlsplit(out["url"]).query)
    assert asked["redirect_uri"] == [f"{home(house)}/me"]
    assert (asked["state"], asked["scope"]) == ([out["state"]], ["snsapi_userinfo"])
    code = await citizen.official_code(with_userinfo=True)
    variables = {"code": code, "state": out["state"], "deviceId": "h5-1"}
    signed_in = (await house.ask(doors.SIGN_IN_WITH_OFFICIAL_ACCOUNT, variables)).value["signIn"]
    assert signed_in["memberId"] == citizen.tokens["memberId"], "one person, by WeChat's unionid"
    assert (await me(house, signed_in))["doors"] == ["MINI_PROGRAM", "OFFICIAL_ACCOUNT"]
    refused = await house.ask(doors.SIGN_IN_WITH_OFFICIAL_ACCOUNT, variables)
    assert refused.refusal.code == "SIGN_IN_CODE_INVALID", "WeChat's code works once"


async def test_neither_a_page_nor_a_state_that_is_not_ours_signs_anybody_in(house: House) -> None:
    for page in (
        "https://evil.example/",
        home(house) + ".evil.example/",
        "javascript:alert(1)",
        home(house) + "@e.example",
    ):
        variables = {"returnTo": page, "deviceId": "h5-1"}
        refusal = (await house.ask(doors.OFFICIAL_ACCOUNT_SIGN_IN_URL, variables)).refusal
        assert (refusal.code, refusal.field) == ("BAD_INPUT", "returnTo")
    citizen = await house.citizen()
    state = (await way_out(house))["state"]
    code = await citizen.official_code()
    async with nothing_changes():
        for given, device_id in ((state, "h5-2"), ("", "h5-1"), (state[:-1], "h5-1")):
            variables = {"code": code, "state": given, "deviceId": device_id}
            refusal = (await house.ask(doors.SIGN_IN_WITH_OFFICIAL_ACCOUNT, variables)).refusal
            assert (refusal.code, refusal.field) == ("STATE_INVALID", "state")
        await house.travel(house.now() + timedelta(minutes=10))
        variables = {"code": code, "state": state, "deviceId": "h5-1"}
        assert (await house.ask(doors.SIGN_IN_WITH_OFFICIAL_ACCOUNT, variables)).refusal.code == "STATE_INVALID"


async def test_a_door_is_joined_to_its_member_and_not_to_a_second_one(house: House) -> None:
    one, two = await house.citizen(), await house.citizen(device_id="phone-2")
    state = (await way_out(house, device_id="phone-1"))["state"]
    linked = (await one.ask(doors.LINK_OFFICIAL_ACCOUNT, code=await one.official_code(), state=state)).value["me"]
    assert linked["doors"] == ["MINI_PROGRAM", "OFFICIAL_ACCOUNT"]
    state = (await way_out(house, device_id="phone-2"))["state"]
    async with nothing_changes():
        code = await one.official_code()
        answer = await two.ask(doors.LINK_OFFICIAL_ACCOUNT, code=code, state=state)
    assert answer.refusal.code == "IDENTITY_BOUND_ELSEWHERE"
    assert "合并" in answer.refusal.message


# Alipay


async def alipay_code(alipay: AlipayHouse) -> str:
    return str((await alipay.http.post("/_sandbox/auth-codes", json={})).json()["auth_code"])


async def test_an_alipay_account_joined_to_a_member_signs_them_in_and_nobody_else(
    alipay: AlipayHouse, house: House
) -> None:
    one, two = await house.citizen(), await house.citizen()
    linked = (await one.ask(doors.LINK_ALIPAY, authCode=await alipay_code(alipay))).value["me"]
    assert linked["doors"] == ["MINI_PROGRAM", "ALIPAY"]
    await one.ask(doors.LINK_ALIPAY, authCode=await alipay_code(alipay))
    (told,) = await Message.all().prefetch_related("member")
    assert (told.template, told.member.public_id) == ("DOOR_ADDED", one.tokens["memberId"]), (
        "once, and to whom it opens"
    )
    assert "支付宝" in str(told.values)
    variables = {"authCode": await alipay_code(alipay), "deviceId": "h5-1"}
    signed_in = (await house.ask(doors.SIGN_IN_WITH_ALIPAY, variables)).value["signIn"]
    assert signed_in["memberId"] == one.tokens["memberId"]
    again = (await house.ask(doors.SIGN_IN_WITH_ALIPAY, variables)).refusal
    assert (again.code, again.field) == ("SIGN_IN_CODE_INVALID", "authCode")
    async with nothing_changes():
        refusal = (await two.ask(doors.LINK_ALIPAY, authCode=await alipay_code(alipay))).refusal
    assert refusal.code == "IDENTITY_BOUND_ELSEWHERE"


async def test_an_alipay_that_does_not_answer_signs_nobody_in(alipay: AlipayHouse, house: House) -> None:
    code = await alipay_code(alipay)
    await alipay.http.put("/_sandbox/faults", json={"http_500": True})
    async with nothing_changes():
        answer = await house.ask(doors.SIGN_IN_WITH_ALIPAY, {"authCode": code, "deviceId": "h5-1"})
    assert answer.refusal.code == "OUTSIDE_UNAVAILABLE"


# a phone


async def test_a_phone_and_the_code_sent_to_it_sign_somebody_in(house: House) -> None:
    code = await sms_code(house)
    signed_in = (await by_phone(house, code)).value["signIn"]
    assert await me(house, signed_in) == {
        "id": signed_in["memberId"],
        "maskedPhone": "138****5678",
        "origin": "SELF",
        "doors": ["PHONE"],
    }
    assert (await by_phone(house, code)).refusal.code == "SMS_CODE_WRONG"
    assert code not in house.log()
    assert PHONE not in house.log()


async def test_a_code_that_is_not_sent_is_refused_with_when_or_how_else(house: House) -> None:
    await sms_code(house)
    variables = {"phone": PHONE, "purpose": "SIGN_IN", "deviceId": "h5-1"}
    async with nothing_changes():
        refusal = (await house.ask(doors.REQUEST_SMS_CODE, variables)).refusal
        assert (refusal.code, refusal.field) == ("SMS_TOO_MANY", "phone")
        assert "60秒" in refusal.message
        to_bind = {**variables, "purpose": "BIND"}
        assert (await house.ask(doors.REQUEST_SMS_CODE, to_bind)).refusal.code == "NOT_SIGNED_IN"
    await house.tencent.put("/_sandbox/faults", json={"http_500": True})
    refusal = (await house.ask(doors.REQUEST_SMS_CODE, {**variables, "phone": "13900000000"})).refusal
    assert refusal.code == "OUTSIDE_UNAVAILABLE"
    assert "稍后" in refusal.message


async def test_after_ninety_days_the_new_holder_of_a_number_begins_anew(house: House) -> None:
    old = await house.citizen(phone=PHONE)
    await old.ask(documents.BIND_PHONE, code=await old.phone_code())
    await house.travel(house.now() + timedelta(days=91))
    code = await sms_code(house)
    refusal = (await by_phone(house, code)).refusal
    assert (refusal.code, refusal.field) == ("PHONE_MAY_HAVE_CHANGED_HANDS", "newHolder")
    new = (await by_phone(house, code, newHolder=True)).value["signIn"]
    assert new["memberId"] != old.tokens["memberId"]
    await old.sign_in()
    assert (await old.ask(documents.ME)).value["maskedPhone"] is None


async def test_another_members_number_is_taken_over_by_a_code_and_never_by_wechat_alone(house: House) -> None:
    old, new = await house.citizen(phone=PHONE), await house.citizen(phone=PHONE, device_id="phone-2")
    await old.ask(documents.BIND_PHONE, code=await old.phone_code())
    refusal = (await new.ask(documents.BIND_PHONE, code=await new.phone_code())).refusal
    assert refusal.code == "PHONE_BOUND_ELSEWHERE"
    code = await sms_code(house, "BIND", asker=new)
    bound = {"phone": PHONE, "code": code}
    assert (await new.ask(doors.BIND_PHONE_BY_SMS, **bound)).refusal.code == "PHONE_BOUND_ELSEWHERE"
    taken = (await new.ask(doors.BIND_PHONE_BY_SMS, **bound, ifBoundElsewhere="TAKE_OVER")).value["me"]
    assert (taken["maskedPhone"], taken["doors"]) == ("138****5678", ["MINI_PROGRAM", "PHONE"])
    assert (await old.ask(documents.ME)).value["maskedPhone"] is None


async def test_who_came_by_phone_is_told_how_else_to_pay_than_in_wechats_sheet(house: House) -> None:
    court = await a_court(await a_venue(open_minutes=(480, 1320), market_fen_per_hour=3000))
    signed_in = (await by_phone(house, await sms_code(house))).value["signIn"]
    citizen = Citizen(house, "", PHONE, "h5-1", signed_in)
    order = await citizen.places(line(court, at(11)))
    refusal = (await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])).refusal
    assert (refusal.code, refusal.field) == ("NOT_ALLOWED", "way")
    assert "扫码" in refusal.message
    by_code = "mutation ($no: String!) { payOrder(orderNo: $no, way: CODE) { code { code } userErrors { code message } } }"
    assert (await citizen.ask(by_code, no=order["orderNo"])).value["code"]["code"]


# where I am signed in


async def test_a_member_sees_their_devices_and_ends_what_should_not_be(house: House) -> None:
    citizen = await house.citizen()
    stranger = await house.citizen(device_id="elsewhere")
    here = citizen.tokens
    citizen.device_id = "phone-2"
    await citizen.sign_in()
    there, citizen.tokens = citizen.tokens, here
    known = (await citizen.ask(doors.MY_SIGN_INS)).value
    assert sorted((one["deviceId"], one["isCurrent"]) for one in known) == [("phone-1", True), ("phone-2", False)]
    lost = next(one["id"] for one in known if not one["isCurrent"])
    async with nothing_changes():
        refusal = (await stranger.ask(doors.END_SIGN_IN, signInId=lost)).refusal
    assert (refusal.code, refusal.field) == ("BAD_INPUT", "signInId")
    assert (await citizen.ask(doors.END_SIGN_IN, signInId=lost)).value["ended"] is True
    assert (await house.ask(documents.ME, {}, f"Bearer {there['accessToken']}")).refusal.code == "NOT_SIGNED_IN"
    await citizen.sign_in()
    assert (await citizen.ask(doors.END_OTHER_SIGN_INS)).value["endedCount"] == 1
    assert len((await citizen.ask(doors.MY_SIGN_INS)).value) == 1


async def test_without_a_sign_in_none_of_it_is_shown_or_done(house: House) -> None:
    async with nothing_changes():
        for document, variables in NEEDS_A_MEMBER:
            assert (await house.ask(document, variables)).refusal.code == "NOT_SIGNED_IN"


# what everybody is asked


async def test_at_every_door_whoever_comes_in_is_shown_what_they_have_not_answered(
    alipay: AlipayHouse, house: House
) -> None:
    one = await house.citizen()
    await one.ask(doors.LINK_ALIPAY, authCode=await alipay_code(alipay))
    state = (await way_out(house, device_id="phone-1"))["state"]
    await one.ask(doors.LINK_OFFICIAL_ACCOUNT, code=await one.official_code(), state=state)

    async def by_official_account() -> Answer:
        asked = {"state": (await way_out(house))["state"], "deviceId": "h5-1"}
        return await house.ask(doors.SIGN_IN_WITH_OFFICIAL_ACCOUNT, {"code": await one.official_code(), **asked})

    async def by_alipay() -> Answer:
        asked = {"authCode": await alipay_code(alipay), "deviceId": "h5-1"}
        return await house.ask(doors.SIGN_IN_WITH_ALIPAY, asked)

    async def shown(answer: Answer) -> list[str]:
        return [text["purpose"] for text in answer.value["signIn"]["consentsToAsk"]]

    new = await by_phone(house, await sms_code(house))
    assert await shown(new) == ["SERVICE", "NOTICES"]
    assert await shown(await by_official_account()) == await shown(await by_alipay()) == ["SERVICE", "NOTICES"]
    (service, _) = (await by_alipay()).value["signIn"]["consentsToAsk"]
    await one.ask(documents_consents.GIVE_CONSENT, purpose="SERVICE", version=service["version"])
    assert await shown(await by_official_account()) == ["NOTICES"]
    await one.ask(documents_consents.WITHDRAW_CONSENT, purpose="NOTICES")
    assert await shown(await by_alipay()) == []
    refresh = """mutation ($token: String!, $deviceId: String!) {
      refreshSignIn(refreshToken: $token, deviceId: $deviceId) { signIn { consentsToAsk { purpose } } userErrors { code } }
    }"""
    asked = {"token": new.value["signIn"]["refreshToken"], "deviceId": "h5-1"}
    assert await shown(await house.ask(refresh, asked)) == ["SERVICE", "NOTICES"], (
        "who never signs out is asked too"
    )
