"""One person, many doors: which member an identity leads to, and joining another door to a member."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from models.members import identities, operations, phones
from models.members.queries import who
from models.members.rules import Door, IdentityBoundElsewhere, MemberOrigin, RefreshTokenInvalid
from models.members.standing import MemberGone
from models.members.tables import Identity, Member, SignIn
from tests.databases import Database
from tests.factories.people import APPID, PHONE_KEYS, TOKEN_KEYS, a_member

ACCOUNT, ALIPAY = "wx-account", "2021000000000000"


async def link(member_id: int, now: datetime, **changed: Any) -> None:
    arguments = {"appid": ACCOUNT, "openid": "o-account", "unionid": None, "door": Door.OFFICIAL_ACCOUNT}
    await identities.link(**{**arguments, **changed}, member_id=member_id, now=now)


async def come(now: datetime, appid: str, openid: str, door: Door, unionid: str | None = None) -> Any:
    tokens = await operations.sign_in(
        appid=appid,
        openid=openid,
        unionid=unionid,
        door=door,
        device_id="phone-1",
        keys=TOKEN_KEYS,
        now=now,
    )
    known = await who(access_token=tokens.access_token, now=now)
    assert known is not None
    return known


async def test_each_door_leads_to_the_member_to_whom_it_was_joined(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone="13800000000")
    await link(member_id, now)
    await link(member_id, now, appid=ALIPAY, openid="2088", door=Door.ALIPAY)
    account = await come(now, ACCOUNT, "o-account", Door.OFFICIAL_ACCOUNT)
    alipay = await come(now, ALIPAY, "2088", Door.ALIPAY)
    assert (account.member_id, alipay.member_id) == (member_id, member_id)
    assert (account.door, account.wechat_payer) == (Door.OFFICIAL_ACCOUNT, "o-account")
    assert (alipay.door, alipay.openid, alipay.wechat_payer) == (Door.ALIPAY, "2088", "")
    assert await identities.origin_home_and_doors(member_id) == (MemberOrigin.SELF, "", list(Door))
    assert [begun.door for begun in await SignIn.all().order_by("id")] == [
        "MINI_PROGRAM",
        "OFFICIAL_ACCOUNT",
        "ALIPAY",
    ]


async def test_somebody_new_from_alipay_is_a_member_with_that_door(db: Database, now: datetime) -> None:
    alipay = await come(now, ALIPAY, "2088", Door.ALIPAY)
    assert await identities.origin_home_and_doors(alipay.member_id) == (MemberOrigin.SELF, "", [Door.ALIPAY])


async def test_an_account_that_nobody_entered_themselves_has_no_door(db: Database, now: datetime) -> None:
    ward = await identities.open_member(MemberOrigin.GUARDIAN, now)
    assert await identities.origin_home_and_doors(ward.id) == (MemberOrigin.GUARDIAN, "", [])


async def test_joining_a_door_twice_changes_nothing_and_a_new_unionid_is_remembered(
    db: Database, now: datetime
) -> None:
    member_id, _ = await a_member()
    await link(member_id, now)
    await link(member_id, now)
    assert await Identity.filter(appid=ACCOUNT).count() == 1
    await link(member_id, now, unionid="u-wang")
    assert (await Identity.get(appid=ACCOUNT)).unionid == "u-wang"


async def test_a_door_of_somebody_else_is_refused_with_a_way_out(db: Database, now: datetime) -> None:
    owner = await come(now, ACCOUNT, "o-account", Door.OFFICIAL_ACCOUNT)
    member_id, _ = await a_member()
    with pytest.raises(IdentityBoundElsewhere) as refused:
        await link(member_id, now)
    assert "合并" in refused.value.sentence()
    assert (await Identity.get(appid=ACCOUNT)).member_id == owner.member_id


async def test_a_new_identity_whose_unionid_is_somebody_elses_is_theirs(db: Database, now: datetime) -> None:
    await a_member(unionid="u-wang")
    member_id, _ = await a_member()
    with pytest.raises(IdentityBoundElsewhere):
        await link(member_id, now, unionid="u-wang")
    assert await Identity.filter(appid=ACCOUNT).count() == 0


@pytest.mark.postgres
async def test_a_door_joined_to_many_at_once_leads_to_one(db: Database, now: datetime) -> None:
    members = [(await a_member())[0] for _ in range(6)]
    outcomes = await asyncio.gather(
        *(link(member, now, unionid="u-wang") for member in members),
        come(now, ACCOUNT, "o-account", Door.OFFICIAL_ACCOUNT, "u-wang"),
        return_exceptions=True,
    )
    assert await Identity.filter(appid=ACCOUNT).count() == 1
    refused = [type(outcome) for outcome in outcomes].count(IdentityBoundElsewhere)
    assert refused in (5, 6)  # six when the stranger came first and became a member


# who left


async def test_who_left_is_not_let_in_and_comes_back_as_somebody_new(db: Database, now: datetime) -> None:
    member_id, tokens = await a_member(openid="o-wang", unionid="u-wang")
    await Member.filter(id=member_id).update(deleted_at=now)
    assert await who(access_token=tokens.access_token, now=now) is None
    with pytest.raises(RefreshTokenInvalid):
        await operations.refresh(refresh_token=tokens.refresh_token, device_id="phone-1", keys=TOKEN_KEYS, now=now)
    account = await come(now, ACCOUNT, "o-account", Door.OFFICIAL_ACCOUNT, "u-wang")
    again, _ = await a_member(openid="o-wang", unionid="u-wang")
    assert account.member_id == again != member_id
    assert await Identity.filter(appid=APPID).count() == 1


async def test_a_door_of_who_left_can_be_joined_to_somebody_else(db: Database, now: datetime) -> None:
    gone = await come(now, ACCOUNT, "o-account", Door.OFFICIAL_ACCOUNT, "u-wang")
    await Member.filter(id=gone.member_id).update(deleted_at=now)
    member_id, _ = await a_member()
    await link(member_id, now, unionid="u-wang")
    assert (await Identity.get(appid=ACCOUNT)).member_id == member_id


async def test_what_was_joined_or_left_while_somebody_acts_gets_no_door_number_or_sign_in(
    db: Database, now: datetime
) -> None:
    other, _ = await a_member()
    for change in ({"joined_to_id": other}, {"deleted_at": now}):
        member_id, _ = await a_member(openid=f"o-{change}"[:60])
        await Member.filter(id=member_id).update(**change)
        before = (await Identity.all().count(), await SignIn.all().count())
        with pytest.raises(MemberGone):
            await link(member_id, now)
        with pytest.raises(MemberGone):
            await phones.bind_phone(member_id=member_id, phone="13800000000", keys=PHONE_KEYS, now=now)
        assert (await Identity.all().count(), await SignIn.all().count()) == before
    joined = await Identity.get(member__joined_to_id=other)
    with pytest.raises(MemberGone):
        await come(now, APPID, joined.openid, Door.MINI_PROGRAM)
