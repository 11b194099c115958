"""A member signs in, stays signed in though answers get lost, and is signed out when a token turns up twice."""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.errors import BadInput
from models.keys import TokenKeys
from models.members import operations
from models.members.queries import who
from models.members.rules import RefreshTokenInvalid, RefreshTokenReused, Tokens
from models.members.tables import Identity, Member, SignIn, SignInToken
from tests.databases import Database
from tests.factories.people import APPID, TOKEN_KEYS, a_member

SECOND = timedelta(seconds=1)
PHONE = "phone-1"


async def sign_in(now: datetime, **changed: Any) -> Tokens:
    arguments = {"appid": APPID, "openid": "o-wang", "unionid": None, "device_id": PHONE, "keys": TOKEN_KEYS}
    return await operations.sign_in(**arguments | changed, now=now)


async def refresh(token: str, now: datetime, device_id: str = PHONE, keys: TokenKeys = TOKEN_KEYS) -> Tokens:
    return await operations.refresh(refresh_token=token, device_id=device_id, keys=keys, now=now)


async def the_sign_in() -> SignIn:
    return await SignIn.get()


# first time, and again


async def test_the_first_sign_in_makes_a_member_and_the_second_finds_them(db: Database, now: datetime) -> None:
    first = await sign_in(now)
    again = await sign_in(now + timedelta(days=1), device_id="phone-2")
    assert again.member_public_id == first.member_public_id
    assert first.access_token != again.access_token
    assert (await Member.all().count(), await Identity.all().count(), await SignIn.all().count()) == (1, 1, 2)


async def test_the_same_openid_of_another_application_is_another_person(db: Database, now: datetime) -> None:
    ours, other = await sign_in(now), await sign_in(now, appid="wx-another")
    assert ours.member_public_id != other.member_public_id


async def test_a_known_unionid_leads_to_the_same_member(db: Database, now: datetime) -> None:
    mini_program = await sign_in(now, unionid="u-wang")
    official_account = await sign_in(now, appid="wx-account", openid="o-other", unionid="u-wang")
    assert official_account.member_public_id == mini_program.member_public_id
    assert (await Member.all().count(), await Identity.all().count()) == (1, 2)


async def test_a_unionid_that_turns_up_later_is_remembered(db: Database, now: datetime) -> None:
    before = await sign_in(now)
    after = await sign_in(now, unionid="u-wang")
    account = await sign_in(now, appid="wx-account", openid="o-other", unionid="u-wang")
    assert before.member_public_id == after.member_public_id == account.member_public_id


async def test_a_unionid_never_merges_two_members_who_already_are(db: Database, now: datetime) -> None:
    account = await sign_in(now, appid="wx-account", openid="o-other", unionid="u-wang")
    mini_program = await sign_in(now)
    assert (await sign_in(now, unionid="u-wang")).member_public_id == mini_program.member_public_id
    assert mini_program.member_public_id != account.member_public_id
    third = await sign_in(now, appid="wx-third", openid="o-third", unionid="u-wang")
    assert third.member_public_id == account.member_public_id, "the oldest identity decides"


async def test_two_members_without_a_unionid_stay_two(db: Database, now: datetime) -> None:
    wang, li = await sign_in(now), await sign_in(now, openid="o-li")
    assert wang.member_public_id != li.member_public_id


async def test_an_impossible_device_id_is_refused_and_leaves_no_member(db: Database, now: datetime) -> None:
    for device_id in ("", "x" * 65, "\x00"):
        with pytest.raises(BadInput):
            await sign_in(now, device_id=device_id)
    assert await Member.all().count() == 0


@pytest.mark.postgres
async def test_twenty_first_sign_ins_at_once_make_one_member(db: Database, now: datetime) -> None:
    everyone = await asyncio.gather(*(sign_in(now) for _ in range(20)))
    assert len({tokens.member_public_id for tokens in everyone}) == 1
    assert len({tokens.access_token for tokens in everyone}) == 20
    assert (await Member.all().count(), await Identity.all().count(), await SignIn.all().count()) == (1, 1, 20)


@pytest.mark.postgres
async def test_one_person_first_seen_in_many_applications_at_once_is_one_member(
    db: Database, now: datetime
) -> None:
    await asyncio.gather(
        *(sign_in(now, appid=f"wx-{n % 4}", openid=f"o-{n % 4}", unionid="u-wang") for n in range(20))
    )
    assert (await Member.all().count(), await Identity.all().count()) == (1, 4)


# who is asking


async def test_an_access_token_names_its_member_and_sign_in(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    signed_in = await who(access_token=tokens.access_token, now=now)
    assert signed_in is not None
    assert (signed_in.member_public_id, signed_in.appid, signed_in.openid) == (
        tokens.member_public_id,
        APPID,
        "o-wang",
    )
    assert (await Member.get(id=signed_in.member_id)).public_id == tokens.member_public_id
    assert (await the_sign_in()).id == signed_in.sign_in_id


async def test_an_access_token_lives_two_hours_to_the_microsecond(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    end = now + timedelta(hours=2)
    assert tokens.access_expires_at == end
    assert await who(access_token=tokens.access_token, now=end - timedelta(microseconds=1)) is not None
    assert await who(access_token=tokens.access_token, now=end) is None


async def test_nobody_is_signed_in_by_another_kind_of_token(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    stored = await SignInToken.get()
    for wrong in ("", "x", tokens.refresh_token, stored.access_hash, tokens.access_token + " ", "\x00", "\ud800"):
        assert await who(access_token=wrong, now=now) is None


async def test_tokens_are_stored_as_hashes_and_shown_nowhere(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    stored = await SignInToken.all().values()
    for token in (tokens.access_token, tokens.refresh_token):
        assert token not in repr(stored)
        assert token not in repr(tokens)


# refreshing


async def test_refreshing_gives_new_tokens_and_leaves_the_old_access_token_its_time(
    db: Database, now: datetime
) -> None:
    first = await sign_in(now)
    later = now + timedelta(hours=1)
    second = await refresh(first.refresh_token, later)
    assert len({first.access_token, first.refresh_token, second.access_token, second.refresh_token}) == 4
    assert second.member_public_id == first.member_public_id
    assert second.access_expires_at == later + timedelta(hours=2)
    assert second.refresh_expires_at == later + timedelta(days=30)
    for token in (first.access_token, second.access_token):
        assert await who(access_token=token, now=later) is not None


async def test_a_chain_of_refreshes_goes_on(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    for hours in range(1, 6):
        tokens = await refresh(tokens.refresh_token, now + timedelta(hours=hours))
    assert await who(access_token=tokens.access_token, now=now + timedelta(hours=5)) is not None
    assert await SignInToken.all().count() == 6


@pytest.mark.parametrize("seconds", [0, 30, 59.999999])
async def test_a_lost_answer_can_be_asked_for_again_within_a_minute(
    db: Database, now: datetime, seconds: float
) -> None:
    first = await sign_in(now)
    lost = await refresh(first.refresh_token, now)
    again = await refresh(first.refresh_token, now + seconds * SECOND)
    assert again == lost
    assert await SignInToken.all().count() == 2
    assert await who(access_token=again.access_token, now=now) is not None
    assert await refresh(again.refresh_token, now + timedelta(hours=1))


async def test_a_lost_answer_can_be_repeated_though_the_token_key_was_rotated_meanwhile(
    db: Database, now: datetime
) -> None:
    first = await sign_in(now)
    lost = await refresh(first.refresh_token, now)
    rotated = TokenKeys({"2": b"n" * 32, **TOKEN_KEYS.keys})
    again = await refresh(first.refresh_token, now + SECOND, keys=rotated)
    assert again == lost
    following = await refresh(again.refresh_token, now + 2 * SECOND, keys=rotated)
    assert await who(access_token=following.access_token, now=now + 2 * SECOND) is not None


async def test_a_lost_answer_whose_key_is_gone_asks_for_a_new_sign_in_and_ends_nothing(
    db: Database, now: datetime
) -> None:
    first = await sign_in(now)
    lost = await refresh(first.refresh_token, now)
    with pytest.raises(RefreshTokenInvalid):
        await refresh(first.refresh_token, now + SECOND, keys=TokenKeys({"2": b"n" * 32}))
    assert await who(access_token=lost.access_token, now=now) is not None


async def reused_after_a_minute(first: Tokens, now: datetime) -> None:
    await refresh(first.refresh_token, now)
    await refresh(first.refresh_token, now + 60 * SECOND)


async def reused_after_its_successor_was_used(first: Tokens, now: datetime) -> None:
    second = await refresh(first.refresh_token, now)
    await refresh(second.refresh_token, now + SECOND)
    await refresh(first.refresh_token, now + 2 * SECOND)


async def reused_from_another_device(first: Tokens, now: datetime) -> None:
    await refresh(first.refresh_token, now)
    await refresh(first.refresh_token, now + SECOND, device_id="phone-2")


async def used_from_another_device(first: Tokens, now: datetime) -> None:
    await refresh(first.refresh_token, now, device_id="phone-2")


@pytest.mark.parametrize(
    "misuse",
    [
        reused_after_a_minute,
        reused_after_its_successor_was_used,
        reused_from_another_device,
        used_from_another_device,
    ],
)
async def test_a_token_that_may_have_been_copied_ends_its_sign_in_and_no_other(
    db: Database, now: datetime, misuse: Any
) -> None:
    elsewhere = await sign_in(now, device_id="tablet")
    first = await sign_in(now)
    with pytest.raises(RefreshTokenReused) as refused:
        await misuse(first, now)
    assert "重新登录" in refused.value.sentence()
    ended = await SignIn.get(device_id=PHONE)
    assert (ended.end_reason, ended.ended_at is not None) == ("TOKEN_REUSED", True)
    assert await who(access_token=first.access_token, now=now) is None
    assert await who(access_token=elsewhere.access_token, now=now) is not None
    assert (await Member.get()).code_version == 1, "codes shown by a thief are revoked"
    with pytest.raises(RefreshTokenInvalid):
        await refresh(first.refresh_token, now + 61 * SECOND)
    assert (await Member.get()).code_version == 1, "what has ended ends only once"


async def test_an_unknown_refresh_token_is_refused(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    for wrong in ("", "x", tokens.access_token, secrets.token_urlsafe(32), "\x00", "\ud800"):
        with pytest.raises(RefreshTokenInvalid):
            await refresh(wrong, now)
    assert (await the_sign_in()).ended_at is None


async def test_a_refresh_token_lives_thirty_days_to_the_microsecond(db: Database, now: datetime) -> None:
    tokens = await sign_in(now)
    end = now + timedelta(days=30)
    with pytest.raises(RefreshTokenInvalid):
        await refresh(tokens.refresh_token, end)
    assert (await the_sign_in()).ended_at is None
    assert await refresh(tokens.refresh_token, end - timedelta(microseconds=1))


@pytest.mark.postgres
async def test_refreshes_with_one_token_at_once_get_the_same_successor(db: Database, now: datetime) -> None:
    first = await sign_in(now)
    answers = await asyncio.gather(*(refresh(first.refresh_token, now) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert await SignInToken.all().count() == 2
    assert (await the_sign_in()).ended_at is None


@pytest.mark.postgres
async def test_refreshing_and_signing_out_at_once_ends_signed_out(db: Database, now: datetime) -> None:
    first = await sign_in(now)
    sign_in_id = (await the_sign_in()).id
    outcomes = await asyncio.gather(
        *(refresh(first.refresh_token, now) for _ in range(5)),
        operations.sign_out(sign_in_id=sign_in_id, now=now),
        *(refresh(first.refresh_token, now) for _ in range(5)),
        return_exceptions=True,
    )
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, Tokens | RefreshTokenInvalid)
        if isinstance(outcome, Tokens):
            assert await who(access_token=outcome.access_token, now=now) is None
    assert (await the_sign_in()).end_reason == "SIGNED_OUT"


# signing out


async def test_signing_out_ends_every_token_of_the_device_and_revokes_shown_codes(
    db: Database, now: datetime
) -> None:
    elsewhere = await sign_in(now, device_id="tablet")
    first = await sign_in(now)
    second = await refresh(first.refresh_token, now)
    signed_in = await who(access_token=second.access_token, now=now)
    assert signed_in is not None
    await operations.sign_out(sign_in_id=signed_in.sign_in_id, now=now)
    for tokens in (first, second):
        assert await who(access_token=tokens.access_token, now=now) is None
        with pytest.raises(RefreshTokenInvalid):
            await refresh(tokens.refresh_token, now)
    assert (await Member.get()).code_version == 1
    assert await who(access_token=elsewhere.access_token, now=now) is not None


async def test_signing_out_twice_revokes_once_and_touches_no_other_member(db: Database, now: datetime) -> None:
    stranger, _ = await a_member()
    await sign_in(now)
    sign_in_id = (await SignIn.get(openid="o-wang")).id
    await operations.sign_out(sign_in_id=sign_in_id, now=now)
    await operations.sign_out(sign_in_id=sign_in_id, now=now + SECOND)
    await operations.sign_out(sign_in_id=sign_in_id + 1000, now=now)
    ended = await SignIn.get(id=sign_in_id)
    assert (database.utc(ended.ended_at or now + SECOND), ended.end_reason) == (now, "SIGNED_OUT")
    versions = dict(await Member.all().values_list("id", "code_version"))
    assert versions == {stranger: 0, ended.member_id: 1}
