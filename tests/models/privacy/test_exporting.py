"""A file of everything that is held about somebody, once, for them alone."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from models.members.standing import MemberGone
from models.personal_data import HELD, WORDS
from models.privacy import exporting
from models.privacy.rules import ExportUnknown, PrivacyKeys, TooManyExports
from models.privacy.tables import ExportLink
from tests.databases import Database
from tests.factories.accounts import FATHER, GRANDMOTHER, ID_KEYS, TEXT_KEYS, an_account, join
from tests.factories.lives import Life, a_life
from tests.factories.people import PHONE_KEYS

KEYS = PrivacyKeys(phones=PHONE_KEYS, ids=ID_KEYS, texts=TEXT_KEYS)
NUMBER, OTHER_NUMBER = "13975318642", "13611112222"


async def file_of(member_id: int, now: datetime) -> dict[str, Any]:
    pieces = [piece async for piece in exporting.written(member_id=member_id, keys=KEYS, now=now)]
    said: dict[str, Any] = orjson.loads(b"".join(pieces))
    return said


async def two_lives() -> tuple[Life, Life]:
    return await a_life("甲", GRANDMOTHER, NUMBER), await a_life("乙", FATHER, OTHER_NUMBER)


async def test_everything_on_the_list_is_in_the_file_and_nothing_of_anybody_else(
    db: Database, now: datetime
) -> None:
    mine, other = await two_lives()
    file = await file_of(mine.account.member_id, now)
    for held in HELD:
        if not held.exported:
            continue
        assert file.get(held.what), held.what
        told = {word for row in file[held.what] for word in row}
        assert told <= {*(WORDS[column] for column in held.exported), *(part.what for part in held.parts)}
        for part in held.parts:
            if part.what:
                assert any(part.what in row for row in file[held.what]), part.table
    text = orjson.dumps(file).decode()
    assert "甲" in text
    for theirs in ("乙", FATHER[0], OTHER_NUMBER, other.account.public_id, other.account.openid):
        assert theirs not in text


async def test_what_is_sealed_is_opened_but_an_id_number(db: Database, now: datetime) -> None:
    mine, _ = await two_lives()
    file = await file_of(mine.account.member_id, now)
    assert file["手机号"][0]["号码"] == f"+86{NUMBER}"
    assert file["实名信息"][0]["姓名"] == GRANDMOTHER[0]
    assert file["实名信息"][0]["证件号码（遮盖）"] == f"5{'*' * 16}X"
    assert file["咨询、建议和投诉"][0]["经过"][0]["内容"] == "甲的话"
    assert "您的账号照常使用" in file["站内消息"][0]["内容"]
    assert GRANDMOTHER[1] not in orjson.dumps(file).decode()


async def test_neither_hashes_nor_tokens_nor_keys_are_in_it(db: Database, now: datetime) -> None:
    mine, _ = await two_lives()
    text = orjson.dumps(await file_of(mine.account.member_id, now)).decode()
    assert mine.account.access_token not in text
    for row in await ExportLink.all():
        assert row.token_hash not in text
    for word in ("hash", "key_id", "sealed"):
        assert word not in text


async def test_what_hangs_on_an_account_that_was_joined_is_in_it_too(db: Database, now: datetime) -> None:
    mine, other = await an_account(phone=NUMBER), await an_account(phone=OTHER_NUMBER)
    await join(mine, other)
    file = await file_of(mine.member_id, now)
    assert {row["号码"] for row in file["手机号"]} == {f"+86{NUMBER}", f"+86{OTHER_NUMBER}"}
    assert len(file["登录方式"]) == 2
    assert file["账号合并（并入本账号）"][0]["合并时间"] == "2026-11-20 10:00:00"


async def test_more_rows_than_a_batch_are_all_there(db: Database, now: datetime, monkeypatch: Any) -> None:
    mine = await an_account()
    await ExportLink.bulk_create(
        [
            ExportLink(member_id=mine.member_id, token_hash=f"{number}", asked_at=now, expires_at=now)
            for number in range(exporting.BATCH + 1)
        ]
    )
    assert len((await file_of(mine.member_id, now))["导出记录"]) == exporting.BATCH + 1


async def test_a_link_works_once_and_for_ten_minutes(db: Database, now: datetime) -> None:
    mine = await an_account()
    token, late = [await exporting.ask(member_id=mine.member_id, now=now) for _ in range(2)]
    assert await exporting.redeem(token=token, now=now) == mine.member_id
    for each, then in ((token, now), (late, now + timedelta(minutes=10)), ("no-token", now)):
        with pytest.raises(ExportUnknown):
            await exporting.redeem(token=each, now=then)


async def test_five_a_day(db: Database, now: datetime) -> None:
    mine = await an_account()
    for _ in range(5):
        await exporting.ask(member_id=mine.member_id, now=now)
    with pytest.raises(TooManyExports):
        await exporting.ask(member_id=mine.member_id, now=now)
    await exporting.ask(member_id=mine.member_id, now=now + timedelta(days=1))


async def test_a_link_of_an_account_that_was_joined_since_opens_nothing(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    token = await exporting.ask(member_id=other.member_id, now=now)
    await join(mine, other)
    with pytest.raises(MemberGone):
        await exporting.redeem(token=token, now=now)


@pytest.mark.postgres
async def test_of_five_downloads_at_once_one_gets_the_file(db: Database, now: datetime) -> None:
    mine = await an_account()
    token = await exporting.ask(member_id=mine.member_id, now=now)
    ended = await asyncio.gather(
        *(exporting.redeem(token=token, now=now) for _ in range(5)), return_exceptions=True
    )
    assert sum(each == mine.member_id for each in ended) == 1
