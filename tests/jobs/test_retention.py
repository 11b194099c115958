"""The worker erases who asked for it when their time has come, and what is too old."""

from datetime import datetime
from typing import Any, cast

from jobs import ALL
from jobs.job import Tools
from models.keys import AuditKeys
from models.members.tables import Member
from models.merging.tables import MergeGuess
from models.privacy import deleting
from models.privacy.rules import COOLING_OFF, PrivacyKeys
from tests.databases import Database
from tests.factories.accounts import ID_KEYS, TEXT_KEYS, an_account
from tests.factories.people import PHONE_KEYS


def tools(now: datetime) -> Tools:
    none = cast(Any, None)
    return Tools(
        channels={},
        platforms=(),
        clock=lambda: now,
        wake=none,
        audit_keys=AuditKeys({"1": b"a" * 32}),
        privacy_keys=PrivacyKeys(phones=PHONE_KEYS, ids=ID_KEYS, texts=TEXT_KEYS),
        messengers=none,
    )


async def run(name: str, now: datetime) -> object:
    (job,) = [job for job in ALL if job.name == name]
    return await job.function(tools(now))


async def test_who_wants_to_be_gone_goes_when_it_is_time_and_once(db: Database, now: datetime) -> None:
    mine = await an_account()
    await deleting.request_deletion(member_id=mine.member_id, keys=ID_KEYS, now=now)
    assert await run("delete_members", now) == 0
    assert await run("delete_members", now + COOLING_OFF) == 1
    assert await run("delete_members", now + COOLING_OFF) == 0
    assert (await Member.get(id=mine.member_id)).deleted_at == now + COOLING_OFF


async def test_what_is_too_old_goes_by_the_hour(db: Database, now: datetime) -> None:
    mine = await an_account()
    await MergeGuess.create(member_id=mine.member_id, guessed_at=now)
    assert await run("purge_old", now) == 0
    assert await run("purge_old", now + COOLING_OFF) == 1
