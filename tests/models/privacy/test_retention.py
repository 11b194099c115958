"""What is too old goes, what is not stays, and the documents say the same ages."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import database
from models.families.tables import Invitation
from models.keys import AuditKeys
from models.merging.tables import Merge, MergeMove
from models.messages.tables import Message, MessageSending
from models.privacy import retention
from models.privacy.retention import RULES
from models.privacy.tables import ExportLink, SealedRecord
from tests.databases import Database
from tests.factories.accounts import an_account, join

AUDIT_KEYS = AuditKeys({"1": b"a" * 32})
DAY = timedelta(days=1)
SECURITY = (Path(__file__).parents[3] / "docs" / "security.md").read_text()


def age_text(age: timedelta) -> str:
    if not age:
        return "at once"
    number, unit = (age.days // 365, "year") if age.days % 365 == 0 else (age.days, "day")
    return f"{number} {unit}{'s' if number > 1 else ''}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_documents_say_every_age(rule: retention.Rule) -> None:
    assert f"| {rule.what} | {age_text(rule.age)} | {rule.why} |" in SECURITY


async def purge(now: datetime) -> dict[str, int]:
    return {name: count for name, count in (await retention.purge_old(keys=AUDIT_KEYS, now=now)).items() if count}


async def a_message(member_id: int, now: datetime, read_at: datetime | None) -> None:
    about = f"{read_at}"
    message = await Message.create(
        public_id=f"m{about}"[:32],
        member_id=member_id,
        template="PHONE_BOUND",
        values={},
        about_no=about,
        told_at=now,
        read_at=read_at,
    )
    await MessageSending.create(message_id=message.id, recipient_id=member_id, way="SMS", status="SENT")


async def test_read_messages_go_after_a_year_with_what_was_sent_and_unread_ones_stay(
    db: Database, now: datetime
) -> None:
    mine = await an_account()
    for read_at in (now - 365 * DAY, now - 364 * DAY, None):
        await a_message(mine.member_id, now, read_at)
    assert await purge(now) == {"messages": 1}
    assert await purge(now) == {}
    assert await Message.all().count() == await MessageSending.all().count() == 2


async def test_a_batch_of_read_messages_is_found_without_reading_those_that_stay(
    db: Database, now: datetime
) -> None:
    mine = await an_account()
    stays = {"member_id": mine.member_id, "template": "PHONE_BOUND", "values": {}, "told_at": now}
    await Message.bulk_create(
        Message(public_id=f"m{number}", about_no=f"{number}", read_at=(None, now)[number % 2], **stays)
        for number in range(4000)
    )
    await database.rows("ANALYZE message")
    text = retention.oldest("message", "read_at <= $1", "read_at")
    if database.on_postgres():
        (plan,) = await database.rows(f"EXPLAIN (FORMAT JSON) {text}", now - 365 * DAY, 500)
        assert "message_read" in plan[0]
        assert "Seq Scan" not in plan[0]
    else:
        plan = await database.rows(f"EXPLAIN QUERY PLAN {text}", now - 365 * DAY, 500)
        assert [row["detail"] for row in plan] == [
            "SEARCH message USING COVERING INDEX message_read (read_at<?)"
        ], "and nothing is sorted"


async def test_records_of_the_deleted_are_destroyed_on_their_day(db: Database, now: datetime) -> None:
    for number, until in enumerate((now, now + timedelta(seconds=1))):
        await SealedRecord.create(
            member_public_id=f"mem_{number}",
            sealed=b"x",
            seal_key_id="1",
            basis="law",
            sealed_at=now - DAY,
            keep_until=until,
        )
    assert await purge(now) == {"sealed_records": 1}
    assert [record.member_public_id for record in await SealedRecord.all()] == ["mem_1"]


async def test_codes_and_moves_of_a_merge_go_and_the_merge_stays(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    await join(mine, other)
    assert await purge(now + 30 * DAY) == {}
    gone = await purge(now + 32 * DAY)
    assert gone["merge_codes"] == 1
    assert gone["merge_moves"] >= 2
    assert await Merge.all().count() == 1
    assert not await MergeMove.all().exists()


async def test_an_invitation_that_can_still_be_taken_stays(db: Database, now: datetime) -> None:
    mine = await an_account()
    old: dict[str, Any] = {"kind": "HELPER", "subject_id": mine.member_id, "made_at": now - 181 * DAY}
    for number, (status, expires_at) in enumerate(
        (("OPEN", now + DAY), ("OPEN", now - 181 * DAY), ("ACCEPTED", now + DAY))
    ):
        await Invitation.create(
            public_id=f"i{number}", code_hash=f"{number}", status=status, expires_at=expires_at, **old
        )
    assert await purge(now) == {"invitations": 2}
    assert [invitation.public_id for invitation in await Invitation.all()] == ["i0"]


async def test_one_run_is_bounded_and_the_next_goes_on(db: Database, now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCHES_A_RUN", 2)
    mine = await an_account()
    for number in range(5):
        await ExportLink.create(
            member_id=mine.member_id, token_hash=f"{number}", asked_at=now, expires_at=now - 30 * DAY
        )
    assert await purge(now) == {"export_links": 4}
    assert await purge(now) == {"export_links": 1}
    found = await database.rows("SELECT id FROM export_link")
    assert not found
