"""A member sees where they are signed in, ends what should not be, and what is long over is forgotten."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models.errors import BadInput
from models.members import operations, sign_ins
from models.members.queries import who
from models.members.rules import REFRESH_LIFE, SIGN_INS_KEPT, RefreshTokenInvalid, Tokens
from models.members.tables import Member, SignIn, SignInToken
from tests.databases import Database
from tests.factories.people import TOKEN_KEYS, a_member

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


async def refresh(tokens: Tokens, now: datetime, device_id: str = "phone-1") -> Tokens:
    return await operations.refresh(
        refresh_token=tokens.refresh_token, device_id=device_id, keys=TOKEN_KEYS, now=now
    )


async def is_in(tokens: Tokens, now: datetime) -> bool:
    return await who(access_token=tokens.access_token, now=now) is not None


async def sign_in_of(tokens: Tokens, now: datetime) -> int:
    known = await who(access_token=tokens.access_token, now=now)
    assert known is not None
    return known.sign_in_id


async def devices(member_id: int, now: datetime, current_id: int = 0) -> list[tuple[str, bool]]:
    known = await sign_ins.of_member(member_id=member_id, current_id=current_id, now=now)
    return [(one.device_id, one.is_current) for one in known]


async def test_devices_are_shown_with_the_one_used_last_first(db: Database, now: datetime) -> None:
    member_id, phone = await a_member(openid="o-wang")
    _, tablet = await a_member(openid="o-wang", device_id="tablet", now=now + SECOND)
    await a_member(device_id="a-stranger")
    current = await sign_in_of(tablet, now + SECOND)
    assert await devices(member_id, now + SECOND, current) == [("tablet", True), ("phone-1", False)]
    await refresh(phone, now + HOUR)
    assert await devices(member_id, now + HOUR, current) == [("phone-1", False), ("tablet", True)]
    first, _ = await sign_ins.of_member(member_id=member_id, current_id=current, now=now + HOUR)
    assert (first.started_at, first.refreshed_at, first.door) == (now, now + HOUR, "MINI_PROGRAM")


async def test_what_has_ended_or_expired_is_not_shown(db: Database, now: datetime) -> None:
    member_id, phone = await a_member(openid="o-wang")
    await a_member(openid="o-wang", device_id="tablet", now=now + SECOND)
    await operations.sign_out(sign_in_id=await sign_in_of(phone, now), now=now)
    assert await devices(member_id, now + SECOND) == [("tablet", False)]
    assert await devices(member_id, now + SECOND + REFRESH_LIFE) == []


async def test_ending_one_sign_in_leaves_the_others_and_revokes_shown_codes(db: Database, now: datetime) -> None:
    member_id, phone = await a_member(openid="o-wang")
    _, tablet = await a_member(openid="o-wang", device_id="tablet")
    lost = await SignIn.get(device_id="tablet")
    for _ in range(2):  # the second time changes nothing
        await sign_ins.end_sign_in(member_id=member_id, public_id=str(lost.public_id), now=now)
    assert (await is_in(phone, now), await is_in(tablet, now)) == (True, False)
    assert (await Member.get()).code_version == 1
    assert (await SignIn.get(id=lost.id)).end_reason == "ENDED_BY_MEMBER"


async def test_somebody_elses_sign_in_is_as_unknown_as_none(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    _, other = await a_member(device_id="other")
    theirs = (await SignIn.get(device_id="other")).public_id
    said = set()
    for public_id in (str(theirs), "sgn_none", ""):
        with pytest.raises(BadInput) as refused:
            await sign_ins.end_sign_in(member_id=member_id, public_id=public_id, now=now)
        said.add(refused.value.sentence())
    assert len(said) == 1
    assert await is_in(other, now)


async def test_ending_all_others_leaves_this_one(db: Database, now: datetime) -> None:
    member_id, phone = await a_member(openid="o-wang")
    others = [(await a_member(openid="o-wang", device_id=f"d{n}"))[1] for n in range(3)]
    _, stranger = await a_member()
    current = await sign_in_of(phone, now)
    assert await sign_ins.end_others(member_id=member_id, current_id=current, now=now) == 3
    assert await sign_ins.end_others(member_id=member_id, current_id=current, now=now) == 0
    assert (await is_in(phone, now), await is_in(stranger, now)) == (True, True)
    assert [await is_in(other, now) for other in others] == [False] * 3
    assert (await Member.get(id=member_id)).code_version == 1, "the codes shown there are revoked, once"


async def test_a_sign_in_from_before_they_were_shown_is_shown_once_it_refreshes(
    db: Database, now: datetime
) -> None:
    member_id, phone = await a_member()
    await SignIn.all().update(public_id=None)
    assert await devices(member_id, now) == []
    await refresh(phone, now + HOUR)
    assert await devices(member_id, now + HOUR) == [("phone-1", False)]


# two tabs with one sign-in


@pytest.mark.postgres
async def test_two_tabs_whose_sign_in_expires_refresh_at_once_and_both_go_on(db: Database, now: datetime) -> None:
    _, tokens = await a_member()
    tabs = [tokens, tokens]
    for hours in range(1, 4):
        at = now + hours * 2 * HOUR
        assert not await is_in(tabs[0], at)
        tabs = list(await asyncio.gather(*(refresh(tab, at) for tab in tabs)))
        assert tabs[0] == tabs[1]
        assert await is_in(tabs[0], at)
    assert (await SignIn.get()).ended_at is None
    assert await SignInToken.all().count() == 4


async def test_a_tab_that_wakes_up_within_a_minute_goes_on_with_the_others_tokens(
    db: Database, now: datetime
) -> None:
    _, tokens = await a_member()
    at = now + 2 * HOUR
    first_tab = await refresh(tokens, at)
    second_tab = await refresh(tokens, at + 59 * SECOND)
    assert second_tab == first_tab
    assert await refresh(second_tab, at + 2 * HOUR) == await refresh(first_tab, at + 2 * HOUR + 30 * SECOND)
    assert (await SignIn.get()).ended_at is None


# forgetting


async def test_tokens_are_forgotten_when_nobody_can_use_them(db: Database, now: datetime) -> None:
    _, tokens = await a_member()
    second = await refresh(tokens, now + HOUR)
    end = now + REFRESH_LIFE
    assert await sign_ins.purge_tokens(now=end) == 0
    assert await sign_ins.purge_tokens(now=end + SECOND) == 1
    assert await refresh(second, end + SECOND), "the sign-in goes on"
    with pytest.raises(RefreshTokenInvalid):
        await refresh(tokens, end + SECOND)


async def test_sign_ins_are_forgotten_half_a_year_after_their_beginning_and_end(
    db: Database, now: datetime
) -> None:
    _, tokens = await a_member()
    for n in range(3):
        await a_member(device_id=f"old-{n}", now=now - SIGN_INS_KEPT - SECOND)
    await a_member(device_id="ended", now=now - SIGN_INS_KEPT - SECOND)
    await SignIn.filter(device_id="ended").update(ended_at=now - SECOND, end_reason="SIGNED_OUT")
    assert await sign_ins.purge_sign_ins(now=now) == 0, "as long as there are tokens there is something to end"
    assert await sign_ins.purge_tokens(now=now) == 4
    assert [await sign_ins.purge_sign_ins(now=now, batch=2) for _ in range(3)] == [2, 1, 0]
    assert sorted([begun.device_id for begun in await SignIn.all()]) == ["ended", "phone-1"]
    assert await is_in(tokens, now)
