"""The phone is not the person: what holding a number proves, what it frees, and what it never joins."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from models import database
from models.errors import BadInput
from models.keys import LookupKeys, PhoneKeys
from models.members import by_phone, phones, sms_codes
from models.members.code_rules import CodePurpose, SmsCodeWrong
from models.members.queries import SignedIn, who
from models.members.rules import (
    PROOF_LASTS,
    Door,
    PhoneBoundElsewhere,
    PhoneMayHaveChangedHands,
    Tokens,
)
from models.members.tables import Member, MemberPhone, SignIn
from models.messages.operations import tell
from models.messages.tables import Message
from tests.databases import Database
from tests.factories.people import PHONE_KEYS, TOKEN_KEYS, a_member, find_by_phone
from tests.factories.sms import Gateway

NUMBER, OTHER_NUMBER = "13975318642", "13800000000"
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@dataclass
class Desk:
    """Asks for codes and uses them, as the entrances do."""

    gateway: Gateway = field(default_factory=Gateway)
    keys: PhoneKeys = PHONE_KEYS
    asked: int = 0

    async def code(self, now: datetime, phone: str = NUMBER, member_id: int | None = None) -> str:
        self.asked += 1
        await sms_codes.request_code(
            phone=phone,
            purpose=CodePurpose.SIGN_IN if member_id is None else CodePurpose.BIND,
            device_id=f"asking-{self.asked}",
            address="203.0.113.7",
            member_id=member_id,
            sms=self.gateway,
            keys=self.keys,
            now=now,
        )
        return self.gateway.code_on(phone)

    async def sign_in(
        self, code: str, now: datetime, *, device_id: str = "phone-1", new_holder: bool = False
    ) -> Tokens:
        return await by_phone.sign_in_with_phone(
            phone=NUMBER,
            code=code,
            new_holder=new_holder,
            device_id=device_id,
            phone_keys=self.keys,
            token_keys=TOKEN_KEYS,
            tell=tell,
            now=now,
        )

    async def bind(
        self, member_id: int, code: str, now: datetime, *, phone: str = NUMBER, take_over: bool = False
    ) -> None:
        await by_phone.bind_phone_by_sms(
            member_id=member_id, phone=phone, code=code, take_over=take_over, keys=self.keys, tell=tell, now=now
        )


async def member_of(tokens: Tokens, now: datetime) -> SignedIn:
    known = await who(access_token=tokens.access_token, now=now)
    assert known is not None
    return known


async def holder(phone: str = NUMBER) -> int | None:
    return await find_by_phone(phone=phone, keys=PHONE_KEYS)


async def told() -> list[tuple[int, str]]:
    return [(message.member_id, message.template) for message in await Message.all().order_by("id")]


# signing in


async def test_somebody_new_becomes_a_member_with_this_number(db: Database, now: datetime) -> None:
    desk = Desk()
    known = await member_of(await desk.sign_in(await desk.code(now), now), now)
    assert (known.door, known.appid, known.openid, known.wechat_payer) == (Door.PHONE, "", "", "")
    assert await holder() == known.member_id
    assert (await Member.get()).origin == "SELF"


async def test_who_has_the_number_is_signed_in_and_it_is_proved_again(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    desk, later = Desk(), now + 30 * DAY
    tokens = await desk.sign_in(await desk.code(later), later, device_id="elsewhere")
    assert (await member_of(tokens, later)).member_id == member_id
    found = await MemberPhone.get()
    assert (found.proved_at, found.bound_at) == (later, now)
    assert await Member.all().count() == 1


async def test_a_code_works_once(db: Database, now: datetime) -> None:
    desk = Desk()
    code = await desk.code(now)
    await desk.sign_in(code, now)
    with pytest.raises(SmsCodeWrong):
        await desk.sign_in(code, now)
    assert await SignIn.all().count() == 1


async def test_a_wrong_code_signs_nobody_in_and_five_spend_the_right_one(db: Database, now: datetime) -> None:
    desk = Desk()
    code = await desk.code(now)
    for _ in range(5):
        with pytest.raises(SmsCodeWrong):
            await desk.sign_in("x", now)
    with pytest.raises(SmsCodeWrong):
        await desk.sign_in(code, now)
    assert await Member.all().count() == 0


async def test_a_code_to_bind_a_number_signs_nobody_in(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    desk = Desk()
    with pytest.raises(SmsCodeWrong):
        await desk.sign_in(await desk.code(now, member_id=member_id), now)


async def test_a_device_without_a_name_is_refused_before_a_guess_is_counted(db: Database, now: datetime) -> None:
    desk = Desk()
    code = await desk.code(now)
    for device_id in ("unnamed", "", "a b"):
        with pytest.raises(BadInput):
            await desk.sign_in(code, now, device_id=device_id)
    assert await desk.sign_in(code, now)


@pytest.mark.postgres
async def test_one_code_used_to_sign_in_by_many_at_once_makes_one_member(db: Database, now: datetime) -> None:
    desk = Desk()
    code = await desk.code(now)
    outcomes = await asyncio.gather(
        *(desk.sign_in(code, now, device_id=f"d{n}") for n in range(10)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(Tokens) == 1
    assert [type(outcome) for outcome in outcomes].count(SmsCodeWrong) == 9
    assert (await Member.all().count(), await MemberPhone.all().count()) == (1, 1)


# a number that may have changed hands


async def test_after_ninety_days_a_strange_device_is_asked_whose_the_number_is(
    db: Database, now: datetime
) -> None:
    await a_member(phone=NUMBER)
    desk, later = Desk(), now + PROOF_LASTS + SECOND
    code = await desk.code(later)
    for _ in range(6):  # a right code is no guess
        with pytest.raises(PhoneMayHaveChangedHands) as refused:
            await desk.sign_in(code, later, device_id="elsewhere")
    assert "新主人" in refused.value.sentence()
    assert (await SignIn.all().count(), await told()) == (1, [])


async def test_until_ninety_days_are_over_nobody_is_asked_to_the_second(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    desk, later = Desk(), now + PROOF_LASTS
    tokens = await desk.sign_in(await desk.code(later), later, device_id="elsewhere", new_holder=True)
    assert (await member_of(tokens, later)).member_id == member_id, "without a doubt nothing is freed"
    assert await told() == []


async def test_a_device_on_which_they_were_signed_in_is_theirs(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER, device_id="phone-7")
    desk, later = Desk(), now + 200 * DAY
    tokens = await desk.sign_in(await desk.code(later), later, device_id="phone-7", new_holder=True)
    assert (await member_of(tokens, later)).member_id == member_id
    tokens = await desk.sign_in(await desk.code(later + MINUTE), later + MINUTE, device_id="new-phone")
    assert (await member_of(tokens, later)).member_id == member_id, "the number was proved again just now"


async def test_signing_in_by_another_door_shows_that_the_device_is_theirs(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(openid="o-wang", phone=NUMBER)
    desk, later = Desk(), now + 200 * DAY
    code = await desk.code(later)
    with pytest.raises(PhoneMayHaveChangedHands):
        await desk.sign_in(code, later, device_id="new-phone")
    await a_member(openid="o-wang", device_id="new-phone", now=later)
    assert (await member_of(await desk.sign_in(code, later, device_id="new-phone"), later)).member_id == member_id


async def test_a_new_holder_gets_an_account_of_their_own_and_nothing_of_the_old_one(
    db: Database, now: datetime
) -> None:
    old, _ = await a_member(openid="o-wang", phone=NUMBER)
    desk, later = Desk(), now + 200 * DAY
    code = await desk.code(later)
    with pytest.raises(PhoneMayHaveChangedHands):
        await desk.sign_in(code, later, device_id="elsewhere")
    tokens = await desk.sign_in(code, later, device_id="elsewhere", new_holder=True)
    new = (await member_of(tokens, later)).member_id
    assert new != old
    assert await holder() == new
    assert await phones.masked_phone(member_id=old, keys=PHONE_KEYS) is None
    assert await told() == [(old, "PHONE_FREED"), (new, "PHONE_BOUND")]
    freed, bound = await Message.all().order_by("id")
    assert freed.about_no == bound.about_no, "the two messages are each other's trail"
    assert NUMBER[-4:] not in str(freed.values) + str(bound.values)
    again, _ = await a_member(openid="o-wang", now=later)
    assert again == old, "their own doors still lead to them"


async def test_a_number_bound_by_wechat_again_is_not_proved_by_that(db: Database, now: datetime) -> None:
    """WeChat tells the number that somebody once bound there."""
    member_id, _ = await a_member(phone=NUMBER)
    later = now + 200 * DAY
    await phones.bind_phone(member_id=member_id, phone=NUMBER, keys=PHONE_KEYS, now=later)
    desk = Desk()
    with pytest.raises(PhoneMayHaveChangedHands):
        await desk.sign_in(await desk.code(later), later, device_id="elsewhere")


@pytest.mark.postgres
async def test_two_new_holders_at_once_are_one(db: Database, now: datetime) -> None:
    await a_member(phone=NUMBER)
    desk, later = Desk(), now + 200 * DAY
    code = await desk.code(later)
    outcomes = await asyncio.gather(
        *(desk.sign_in(code, later, device_id=f"d{n}", new_holder=True) for n in range(6)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(Tokens) == 1
    assert (await Member.all().count(), await MemberPhone.all().count()) == (2, 1)
    assert [template for _, template in await told()] == ["PHONE_FREED", "PHONE_BOUND"]


# binding


async def test_a_proved_number_takes_the_place_of_the_old_one_and_is_told(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=OTHER_NUMBER)
    desk = Desk()
    await desk.bind(member_id, await desk.code(now, member_id=member_id), now)
    assert (await holder(), await holder(OTHER_NUMBER)) == (member_id, None)
    assert await told() == [(member_id, "PHONE_BOUND")]


async def test_binding_ones_own_number_again_proves_it_again(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    desk, later = Desk(), now + 200 * DAY
    await desk.bind(member_id, await desk.code(later, member_id=member_id), later)
    found = await MemberPhone.get()
    assert (found.proved_at, found.bound_at) == (later, now)
    assert await told() == []


async def test_another_members_number_is_refused_and_the_same_code_takes_it_over(
    db: Database, now: datetime
) -> None:
    old, _ = await a_member(phone=NUMBER)
    new, _ = await a_member(phone=OTHER_NUMBER)
    desk = Desk()
    code = await desk.code(now, member_id=new)
    with pytest.raises(PhoneBoundElsewhere) as refused:
        await desk.bind(new, code, now)
    assert "合并" in refused.value.sentence()
    assert "短信" in refused.value.sentence()
    assert (await holder(), await told()) == (old, [])
    await desk.bind(new, code, now, take_over=True)
    assert (await holder(), await holder(OTHER_NUMBER)) == (new, None)
    assert await told() == [(old, "PHONE_FREED"), (new, "PHONE_BOUND")]
    with pytest.raises(SmsCodeWrong):
        await desk.bind(old, code, now, take_over=True)
    assert await Member.all().count() == 2, "a number joins no accounts"


async def test_a_code_that_another_member_asked_for_binds_nothing(db: Database, now: datetime) -> None:
    victim, _ = await a_member(phone=NUMBER)
    thief, _ = await a_member()
    desk = Desk()
    code = await desk.code(now, member_id=victim)
    with pytest.raises(SmsCodeWrong):
        await desk.bind(thief, code, now, take_over=True)
    assert await holder() == victim


@pytest.mark.postgres
async def test_a_number_taken_over_by_many_at_once_has_one_holder(db: Database, now: datetime) -> None:
    members = [(await a_member())[0] for _ in range(6)]
    desks = [Desk() for _ in members]
    codes = [
        await desk.code(now + n * MINUTE * 15, member_id=member)
        for n, (desk, member) in enumerate(zip(desks, members, strict=True))
    ]
    await MemberPhone.all().delete()
    await database.rows("UPDATE phone_code SET expires_at = $1 RETURNING id", now + DAY)
    outcomes = await asyncio.gather(
        *(
            desk.bind(member, code, now, take_over=bool(n % 2))
            for n, (desk, member, code) in enumerate(zip(desks, members, codes, strict=True))
        ),
        return_exceptions=True,
    )
    # the first to come uses up every live code of the number, so there is no second
    assert outcomes.count(None) == 1
    assert await MemberPhone.all().count() == 1
    assert await holder() == members[outcomes.index(None)]


@pytest.mark.postgres
async def test_a_number_bound_by_sms_by_wechat_and_by_signing_in_at_once_has_one_holder(
    db: Database, now: datetime
) -> None:
    old, new = PHONE_KEYS.lookup.keys, {"2": b"L" * 32}
    next_key_known = PhoneKeys(
        PHONE_KEYS.sealing, LookupKeys({**old, **new})
    )  # as everywhere, before one is the first
    rotating = PhoneKeys(PHONE_KEYS.sealing, LookupKeys({**new, **old}))
    one, two = (await a_member())[0], (await a_member())[0]
    desk = Desk(keys=rotating)
    to_bind = await desk.code(now, member_id=one)
    to_sign_in = await desk.code(now + MINUTE)
    await asyncio.gather(
        desk.bind(one, to_bind, now + MINUTE),
        phones.bind_phone(member_id=two, phone=NUMBER, keys=next_key_known, now=now + MINUTE),
        desk.sign_in(to_sign_in, now + MINUTE),
        return_exceptions=True,
    )
    assert await MemberPhone.all().count() == 1
    assert await find_by_phone(phone=NUMBER, keys=rotating) is not None


@pytest.mark.postgres
async def test_two_members_swapping_numbers_at_once_end_with_one_each(db: Database, now: datetime) -> None:
    one, _ = await a_member(phone=NUMBER)
    two, _ = await a_member(phone=OTHER_NUMBER)
    desk = Desk()
    code_of_two = await desk.code(now, phone=OTHER_NUMBER, member_id=one)
    code_of_one = await desk.code(now, phone=NUMBER, member_id=two)
    await asyncio.gather(
        desk.bind(one, code_of_two, now, phone=OTHER_NUMBER, take_over=True),
        desk.bind(two, code_of_one, now, phone=NUMBER, take_over=True),
    )
    assert (await holder(), await holder(OTHER_NUMBER)) == (two, one)
