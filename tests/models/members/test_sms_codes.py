"""Six digits prove who holds a number: five minutes, five guesses, once; and nobody is flooded with them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.errors import BadInput, DomainError
from models.keys import LookupKeys, PhoneKeys
from models.members import sms_codes
from models.members.code_rules import CODES_KEPT, CodePurpose, SmsCodeWrong, SmsTooMany
from models.members.tables import PhoneCode
from tests.databases import Database
from tests.factories.people import PHONE_KEYS, a_member
from tests.factories.sms import Gateway
from verification.port import VerificationError

NUMBER = "13975318642"
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NEXT_KEYS = PhoneKeys(PHONE_KEYS.sealing, LookupKeys({"2": b"L" * 32, **PHONE_KEYS.lookup.keys}))
NEXT_KEY_KNOWN = PhoneKeys(PHONE_KEYS.sealing, LookupKeys({**PHONE_KEYS.lookup.keys, "2": b"L" * 32}))
BUSY = VerificationError("FailedOperation", "away", retryable=True)


async def ask(gateway: Gateway | None, now: datetime, **changed: Any) -> sms_codes.CodeRequested:
    arguments = {
        "phone": NUMBER,
        "purpose": CodePurpose.SIGN_IN,
        "device_id": "phone-1",
        "address": "203.0.113.7",
        "member_id": None,
        "keys": PHONE_KEYS,
    }
    return await sms_codes.request_code(**{**arguments, **changed}, sms=gateway, now=now)


@database.operation
async def use(
    code: str,
    now: datetime,
    *,
    number: str = "+86" + NUMBER,
    purpose: CodePurpose = CodePurpose.SIGN_IN,
    member_id: int | None = None,
    keys: PhoneKeys = PHONE_KEYS,
) -> bool:
    """As whoever asks for a proof does it."""
    await sms_codes.lock_codes(number, keys.lookup)
    found = await sms_codes.check(
        number=number, code=code, purpose=purpose, member_id=member_id, keys=keys.lookup, now=now
    )
    if isinstance(found, SmsCodeWrong):
        return False
    await sms_codes.use(found, number, keys.lookup)
    return True


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


# what a code is good for


async def test_the_digits_that_arrived_prove_the_number_once(db: Database, now: datetime) -> None:
    gateway = Gateway()
    requested = await ask(gateway, now, phone="+86 139-7531-8642")
    assert (requested.expires_at, requested.again_at) == (now + 5 * MINUTE, now + MINUTE)
    ((phone, values),) = gateway.sent
    assert (phone, values[1]) == ("+86" + NUMBER, "5")
    assert await use(values[0], now) is True
    assert await use(values[0], now) is False
    assert (await PhoneCode.get()).status == "USED"


async def test_a_code_lives_five_minutes_to_the_microsecond(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    code = gateway.code_on(NUMBER)
    assert await use(code, now + 5 * MINUTE) is False
    assert await use(code, now + 5 * MINUTE - timedelta(microseconds=1)) is True


async def test_five_wrong_guesses_spend_every_code_of_the_number(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    await ask(gateway, now + MINUTE)
    (_, (first, _)), (_, (second, _)) = gateway.sent
    wrong = next(f"{n:06d}" for n in range(3) if f"{n:06d}" not in (first, second))
    for _ in range(5):
        assert await use(wrong, now + MINUTE) is False
    assert await use(first, now + MINUTE) is False
    assert await use(second, now + MINUTE) is False
    assert await PhoneCode.all().values_list("status", "tries") == [("SPENT", 5), ("SPENT", 5)]


async def test_four_wrong_guesses_leave_the_fifth(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    code = gateway.code_on(NUMBER)
    for wrong in (another(code), "", "一二三四五六", "\x00"):
        assert await use(wrong, now) is False
    assert await use(code, now) is True


async def test_an_older_message_that_arrives_late_works_until_one_was_used(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    await ask(gateway, now + MINUTE)
    (_, (first, _)), (_, (second, _)) = gateway.sent
    assert await use(first, now + MINUTE) is True
    assert await use(second, now + MINUTE) is False


@pytest.mark.parametrize(
    "otherwise",
    [
        {"number": "+8613975318643"},
        {"purpose": CodePurpose.BIND},
        {"member_id": 7},
        {"keys": PhoneKeys(PHONE_KEYS.sealing, LookupKeys({"9": b"9" * 32}))},
    ],
)
async def test_a_code_proves_nothing_else(db: Database, now: datetime, otherwise: dict[str, Any]) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    assert await use(gateway.code_on(NUMBER), now, **otherwise) is False
    assert await use(gateway.code_on(NUMBER), now) is True


async def test_a_code_that_somebody_asked_for_to_bind_is_no_other_members(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now, purpose=CodePurpose.BIND, member_id=7)
    code = gateway.code_on(NUMBER)
    assert await use(code, now, purpose=CodePurpose.BIND, member_id=8) is False
    assert await use(code, now, purpose=CodePurpose.BIND, member_id=7) is True


async def test_neither_number_nor_code_lies_in_the_table(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    stored = str(await PhoneCode.all().values())
    assert NUMBER not in stored
    assert repr(gateway.code_on(NUMBER)) not in stored
    found = await PhoneCode.get()
    assert found.code_hash not in (PHONE_KEYS.lookup.hashes(gateway.code_on(NUMBER)))
    assert found.phone_hash not in PHONE_KEYS.lookup.hashes("+86" + NUMBER).values(), (
        "does not lead to member_phone"
    )


async def test_a_code_under_way_outlives_a_rotation_of_the_lookup_key(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    with pytest.raises(SmsTooMany):
        await ask(gateway, now + SECOND, keys=NEXT_KEYS)
    assert await use(gateway.code_on(NUMBER), now, keys=NEXT_KEYS) is True
    await ask(gateway, now + MINUTE, keys=NEXT_KEYS)
    assert await use(gateway.code_on(NUMBER), now + MINUTE, keys=NEXT_KEY_KNOWN) is True


# how many


async def test_a_number_gets_one_a_minute_five_an_hour_ten_a_day(db: Database, now: datetime) -> None:
    gateway = Gateway()
    at = timedelta()
    while at < timedelta(hours=25):
        try:  # from ever another device and address
            await ask(gateway, now + at, device_id=f"phone-{at}".replace(" ", ""), address=f"at {at}")
        except SmsTooMany as refusal:
            at += (refusal.retry_after or 0) * SECOND
        else:
            at += SECOND
    ages = [database.utc(code.sent_at) - now for code in await PhoneCode.all().order_by("id")]
    first_hour = [n * MINUTE for n in range(5)]
    assert ages == [
        *first_hour,
        *(HOUR + age for age in first_hour),
        *(24 * HOUR + age for age in first_hour),
    ]


async def test_a_device_gets_five_an_hour_over_all_numbers(db: Database, now: datetime) -> None:
    gateway = Gateway()
    for n in range(5):
        await ask(gateway, now + n * SECOND, phone=f"1380000000{n}")
    with pytest.raises(SmsTooMany) as refused:
        await ask(gateway, now + 5 * SECOND, phone="13800000005")
    assert refused.value.retry_after == 3595
    await ask(gateway, now + 5 * SECOND, phone="13800000005", device_id="phone-2")
    await ask(gateway, now + HOUR, phone="13800000006")
    assert len(gateway.sent) == 7


async def test_an_address_gets_sixty_an_hour(db: Database, now: datetime) -> None:
    gateway = Gateway()
    for n in range(60):
        await ask(gateway, now, phone=f"138000000{n:02d}", device_id=f"d{n}", address=f"2001:db8:0:1::{n:x}")
    with pytest.raises(SmsTooMany):
        await ask(gateway, now, phone="13900000000", device_id="other", address="2001:db8:0:1:ffff::")
    await ask(gateway, now, phone="13900000000", device_id="other", address="2001:db8:0:2::")
    assert len(gateway.sent) == 61


async def test_the_answer_does_not_tell_whether_a_number_is_known(db: Database, now: datetime) -> None:
    await a_member(phone=NUMBER)
    gateway = Gateway()
    known = await ask(gateway, now)
    unknown = await ask(gateway, now, phone="13900000000")
    assert known == unknown


@pytest.mark.postgres
async def test_a_flood_from_many_at_once_passes_no_limit(db: Database, now: datetime) -> None:
    gateway = Gateway()
    one_number = [ask(gateway, now, device_id=f"d{n}", address=f"at {n}") for n in range(15)]
    one_device = [ask(gateway, now, phone=f"138000000{n:02d}", address=f"from {n}") for n in range(15)]
    one_address = [
        ask(gateway, now, phone=f"139000000{n:02d}", device_id=f"e{n}", address="198.51.100.1") for n in range(70)
    ]
    outcomes = await asyncio.gather(*one_number, *one_device, *one_address, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {sms_codes.CodeRequested, SmsTooMany}
    counts = [
        sum(isinstance(outcome, sms_codes.CodeRequested) for outcome in part)
        for part in (outcomes[:15], outcomes[15:30], outcomes[30:])
    ]
    assert counts[0] == 1
    assert counts[1] == 5
    assert counts[2] == 60
    assert len(gateway.sent) == sum(counts)


@pytest.mark.postgres
async def test_a_flood_in_the_middle_of_a_rotation_passes_no_limit(db: Database, now: datetime) -> None:
    gateway = Gateway()
    rings = [NEXT_KEYS, NEXT_KEY_KNOWN] * 5
    asked = [ask(gateway, now, device_id=f"d{n}", keys=ring) for n, ring in enumerate(rings)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(SmsTooMany) == 9
    assert len(gateway.sent) == 1


@pytest.mark.postgres
async def test_one_code_used_by_many_at_once_works_once(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    outcomes = await asyncio.gather(*(use(gateway.code_on(NUMBER), now) for _ in range(10)))
    assert outcomes.count(True) == 1


@pytest.mark.postgres
async def test_guesses_from_many_at_once_are_five(db: Database, now: datetime) -> None:
    gateway = Gateway()
    await ask(gateway, now)
    code = gateway.code_on(NUMBER)
    await asyncio.gather(*(use(another(code), now) for _ in range(5)))
    assert await use(code, now) is False


# the gateway


async def test_when_the_gateway_fails_the_sentence_says_so_and_the_hour_is_not_used_up(
    db: Database, now: datetime
) -> None:
    gateway = Gateway(failure=BUSY)
    for n in range(10):
        with pytest.raises(DomainError) as refused:
            await ask(gateway, now + n * SECOND)
        assert refused.value.code == "OUTSIDE_UNAVAILABLE"
    assert await PhoneCode.filter(status="FAILED").count() == 10
    gateway.failure = None
    with pytest.raises(SmsTooMany) as too_many:  # but an outage is no licence to try for ever
        await ask(gateway, now + 10 * SECOND)
    assert too_many.value.retry_after == 3590
    for n in range(5):
        await ask(gateway, now + HOUR + n * MINUTE, device_id="phone-2")
    assert len(gateway.sent) == 5


async def test_a_code_whose_sending_was_not_confirmed_works_where_it_arrived(db: Database, now: datetime) -> None:
    class Hesitant(Gateway):
        async def send(self, **message: Any) -> str:
            await super().send(**message)
            raise BUSY

    gateway = Hesitant()
    with pytest.raises(DomainError):
        await ask(gateway, now)
    assert await use(gateway.code_on(NUMBER), now) is True


async def test_the_intent_is_committed_before_the_gateway_is_asked(db: Database, now: datetime) -> None:
    seen: list[str] = []

    class Watching(Gateway):
        async def send(self, **message: Any) -> str:
            seen.extend([code.status for code in await PhoneCode.all()])
            assert await use(message["values"][0], now), "an SMS may be faster than its answer"
            return await super().send(**message)

    await ask(Watching(), now)
    assert seen == ["INTENDED"]
    assert (await PhoneCode.get()).status == "USED", "the late answer does not bring it back"


async def test_a_number_that_the_gateway_limits_itself_waits(db: Database, now: datetime) -> None:
    failure = VerificationError("LimitExceeded", "daily", retryable=True, too_often=True)
    with pytest.raises(SmsTooMany):
        await ask(Gateway(failure=failure), now)


async def test_a_notice_that_went_just_before_is_waited_for_and_not_for_an_hour(
    db: Database, now: datetime
) -> None:
    failure = VerificationError("LimitExceeded", "30 s", retryable=False, too_often=True, lifts_in=30)
    with pytest.raises(SmsTooMany) as refused:
        await ask(Gateway(failure=failure), now)
    assert (refused.value.retry_after, refused.value.next_step) == (30, "请30秒后再试。")
    await ask(Gateway(), now + timedelta(seconds=30))


async def test_without_a_gateway_nobody_is_asked_to_wait_for_a_code(db: Database, now: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        await ask(None, now)
    assert refused.value.code == "OUTSIDE_UNAVAILABLE"
    assert await PhoneCode.all().count() == 0


@pytest.mark.parametrize("wrong", [{"phone": "123"}, {"device_id": "unnamed"}, {"device_id": ""}])
async def test_what_is_no_number_or_device_gets_no_code(
    db: Database, now: datetime, wrong: dict[str, str]
) -> None:
    gateway = Gateway()
    with pytest.raises(BadInput):
        await ask(gateway, now, **wrong)
    assert (gateway.sent, await PhoneCode.all().count()) == ([], 0)


# forgetting


async def test_codes_are_forgotten_after_a_week_in_batches(db: Database, now: datetime) -> None:
    gateway = Gateway()
    for n in range(3):
        await ask(gateway, now - CODES_KEPT - SECOND, phone=f"1380000000{n}")
    await ask(gateway, now - CODES_KEPT, phone="13900000000")
    assert [await sms_codes.purge_codes(now=now, batch=2) for _ in range(3)] == [2, 1, 0]
    assert await PhoneCode.all().count() == 1
