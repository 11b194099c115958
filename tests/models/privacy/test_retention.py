"""What is too old goes, what is not stays, and the documents say the same ages."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import database
from models.arrangements.tables import BookingSeries, SeriesCompanion, SeriesDate
from models.families.tables import Invitation
from models.keys import AuditKeys, token_hash
from models.merging.tables import Merge, MergeMove
from models.messages.tables import Message, MessageSending
from models.orders.tables import Order
from models.privacy import retention
from models.privacy.retention import RULES
from models.privacy.tables import ExportLink, SealedRecord
from models.staff.tables import StaffSignIn
from models.vouchers.tables import VoucherScan, VoucherUse
from tests.databases import Database
from tests.factories.accounts import an_account, join
from tests.factories.booking import a_person
from tests.factories.people import a_clerk
from tests.factories.places import a_venue
from tests.factories.series import a_venue_with_series, asked, every_week
from tests.factories.splitting import tie
from tests.models.vouchers.test_at_desk import a_desk

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


async def a_message(
    member_id: int, now: datetime, read_at: datetime | None, *, told_at: datetime | None = None
) -> None:
    about = f"{read_at}{told_at}"
    message = await Message.create(
        public_id=f"m{hash(about)}",
        member_id=member_id,
        template="PHONE_BOUND",
        values={},
        about_no=about,
        told_at=told_at or now,
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


async def test_messages_that_nobody_read_go_after_two_years_with_what_was_sent(
    db: Database, now: datetime
) -> None:
    mine = await an_account()
    for days in (730, 729):
        await a_message(mine.member_id, now, None, told_at=now - days * DAY)
    await a_message(mine.member_id, now, now - DAY, told_at=now - 731 * DAY)  # read yesterday
    assert await purge(now) == {"unread_messages": 1}
    assert await purge(now) == {}
    assert {message.told_at for message in await Message.all()} == {now - 729 * DAY, now - 731 * DAY}
    assert await MessageSending.all().count() == 2


async def test_sign_ins_of_staff_go_half_a_year_after_they_were_over_and_with_them_addresses_and_devices(
    db: Database, now: datetime
) -> None:
    clerk = await a_clerk((await a_venue()).public_id, now=now)
    seen = {"staff_id": clerk.staff_id, "device_id": "desk-1", "address": "10.0.0.7"}
    ages = {"ended": (184, 183), "timed out": (183, None), "ended later": (184, 182), "seen later": (182, None)}
    for name, (last_seen, ended) in ages.items():
        await StaffSignIn.create(
            token_hash=name,
            started_at=now - 185 * DAY,
            last_seen_at=now - last_seen * DAY,
            ended_at=ended and now - ended * DAY,
            **seen,
        )
    assert await purge(now) == {"staff_sign_ins": 2}
    assert await purge(now) == {}
    left = {sign_in.token_hash for sign_in in await StaffSignIn.all()}
    assert left == {"ended later", "seen later", token_hash(clerk.token)}


async def test_scans_of_vouchers_go_after_half_a_year_and_what_was_written_off_stays(
    db: Database, now: datetime
) -> None:
    desk = await a_desk()
    assert (await desk.scans(now=now)).outcome == "WAITING"
    assert (await desk.scans("0" * 24, now=now + DAY)).outcome == "UNKNOWN_CODE"
    before = await VoucherUse.all().values()
    assert "voucher_scans" not in await purge(now + 182 * DAY)
    assert (await purge(now + 183 * DAY))["voucher_scans"] == 1
    assert await purge(now + 183 * DAY) == {}
    assert [scan.outcome for scan in await VoucherScan.all()] == ["UNKNOWN_CODE"]
    assert await VoucherUse.all().values() == before


@pytest.mark.parametrize(
    ("index", "column"), [("message_read", "read_at"), ("message_unread", "told_at")], ids=["read", "unread"]
)
async def test_a_batch_of_messages_is_found_without_reading_those_that_stay(
    db: Database, now: datetime, index: str, column: str
) -> None:
    mine = await an_account()
    stays = {"member_id": mine.member_id, "template": "PHONE_BOUND", "values": {}, "told_at": now}
    await Message.bulk_create(
        Message(public_id=f"m{number}", about_no=f"{number}", read_at=(None, now)[number % 2], **stays)
        for number in range(4000)
    )
    await database.rows("ANALYZE message")
    condition = {"read_at": "read_at <= $1", "told_at": retention.UNREAD}[column]
    text = retention.oldest("message", condition, column)
    if database.on_postgres():
        (plan,) = await database.rows(f"EXPLAIN (FORMAT JSON) {text}", now - 365 * DAY, 500)
        assert index in plan[0]
        assert "Seq Scan" not in plan[0]
    else:
        plan = await database.rows(f"EXPLAIN QUERY PLAN {text}", now - 365 * DAY, 500)
        (step,) = [row["detail"].replace("COVERING ", "") for row in plan]
        assert step == f"SEARCH message USING INDEX {index} ({column}<?)", "and nothing is sorted"


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


async def test_series_go_after_two_years_with_their_dates_and_who_was_named_and_what_was_booked_stays(
    db: Database, now: datetime
) -> None:
    hall = await a_venue_with_series()
    booker, friend = await a_person(), await a_person()
    ties = (await tie(booker, friend),)
    for weeks in (1, 2):
        wish = every_week(hall.badminton, 9 + weeks, weeks=weeks, people=2, companion_ids=ties)
        await asked(booker.member_id, wish)
    await BookingSeries.filter(from_minute=600).update(asked_at=now - 730 * DAY)
    assert await purge(now) == {"series": 1}
    assert await purge(now) == {}
    (left,) = await BookingSeries.all()
    assert {each.series_id for each in [*await SeriesDate.all(), *await SeriesCompanion.all()]} == {left.id}
    assert (await SeriesDate.all().count(), await SeriesCompanion.all().count()) == (2, 1)
    assert await Order.all().count() == 2


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
