"""A yes is to one version of one text, is asked again only when that matters, and is given and taken back once."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from models import database
from models.consents import operations as consents
from models.consents import queries, rules
from models.consents.reading import TEXTS, read
from models.consents.rules import ConsentNeeded, ConsentOutdated, Purpose
from models.consents.tables import Consent
from models.members.tables import Member
from models.privacy import withdrawing
from tests.databases import Database
from tests.factories.people import a_member

FIRST = rules.current(TEXTS, Purpose.NOTICES, date(2026, 11, 20))


def later(version: str, day: int, *, asks_again: bool) -> tuple[rules.Text, ...]:
    """The texts, and one more version of NOTICES from that day of December on."""
    return (
        *TEXTS,
        replace(FIRST, version=version, effective_on=date(2026, 12, day), asks_again=asks_again, digest="0" * 64),
    )


def test_every_purpose_has_a_text_that_a_person_can_read() -> None:
    assert {text.purpose for text in TEXTS} == set(Purpose)
    for text in TEXTS:
        assert sum(map(len, text.paragraphs)) > 150, text.title
        assert text.withdrawal.endswith("。")
        assert text.is_draft == text.paragraphs[0].startswith("（草案"), "a draft says so to whoever reads it"


def test_a_file_without_a_purpose_or_with_a_version_twice_is_refused(tmp_path: object) -> None:
    import json
    from pathlib import Path

    file = Path(str(tmp_path)) / "consents.json"
    entries = json.loads((Path(rules.__file__).parent.parent.parent / "data" / "consents.json").read_text())
    file.write_text(json.dumps([entry for entry in entries if entry["purpose"] != "CHILD"]))
    with pytest.raises(ValueError, match="CHILD"):
        read(file)
    file.write_text(json.dumps([*entries, entries[0]]))
    with pytest.raises(ValueError, match="same version"):
        read(file)


def test_the_version_of_the_day_holds_from_its_day_on() -> None:
    texts = later("2026.2", 5, asks_again=True)
    assert rules.current(texts, Purpose.NOTICES, date(2026, 12, 4)).version == "2026.1"
    assert rules.current(texts, Purpose.NOTICES, date(2026, 12, 5)).version == "2026.2"


@pytest.mark.parametrize(("asks_again", "counts"), [(True, False), (False, True)])
def test_an_older_yes_counts_until_a_version_asks_again(asks_again: bool, counts: bool) -> None:
    texts = later("2026.2", 5, asks_again=asks_again)
    assert rules.still_counts(texts, Purpose.NOTICES, "2026.1", date(2026, 12, 4))
    assert rules.still_counts(texts, Purpose.NOTICES, "2026.1", date(2026, 12, 5)) is counts
    assert not rules.still_counts(texts, Purpose.NOTICES, "1999.1", date(2026, 12, 5))


async def test_what_nobody_agreed_to_is_demanded_by_its_title_and_then_given_once(
    db: Database, now: datetime
) -> None:
    member_id, _ = await a_member()
    with pytest.raises(ConsentNeeded, match=f"《{FIRST.title}》"):
        await consents.demand(member_id=member_id, purpose=Purpose.NOTICES, now=now)
    for _ in range(2):
        await withdrawing.agree(member_id=member_id, purpose=Purpose.NOTICES, version=FIRST.version, now=now)
    await consents.demand(member_id=member_id, purpose=Purpose.NOTICES, now=now)
    (stored,) = await Consent.all()
    assert (stored.version, stored.text_hash, stored.given_by_id) == (FIRST.version, FIRST.digest, None)
    with pytest.raises(ConsentNeeded):
        await consents.demand(member_id=member_id, purpose=Purpose.HELPER, now=now)


async def test_a_text_that_is_no_longer_current_cannot_be_agreed_to(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    with pytest.raises(ConsentOutdated):
        await withdrawing.agree(member_id=member_id, purpose=Purpose.NOTICES, version="2025.9", now=now)
    assert not await Consent.all().exists()


async def test_a_yes_to_a_later_version_takes_the_place_of_the_earlier_one(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    await withdrawing.agree(member_id=member_id, purpose=Purpose.NOTICES, version=FIRST.version, now=now)
    texts, then = later("2026.2", 5, asks_again=True), now + timedelta(days=30)
    with pytest.raises(ConsentNeeded, match=r"2026\.2"):
        await consents.demand(member_id=member_id, purpose=Purpose.NOTICES, now=then, texts=texts)
    (standing,) = [
        standing
        for standing in await queries.standings(member_id=member_id, now=then, texts=texts)
        if standing.purpose is Purpose.NOTICES
    ]
    assert (standing.version, standing.is_needed_again) == ("2026.1", True)
    await consents.record(member_id=member_id, purpose=Purpose.NOTICES, version="2026.2", now=then, texts=texts)
    await consents.demand(member_id=member_id, purpose=Purpose.NOTICES, now=then, texts=texts)
    ended = await Consent.get(version="2026.1")
    assert (ended.ended_at, ended.end_reason) == (then, "REPLACED")


async def test_what_was_withdrawn_is_demanded_again(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    await withdrawing.agree(member_id=member_id, purpose=Purpose.NOTICES, version=FIRST.version, now=now)
    assert await consents.end(member_id=member_id, purpose=Purpose.NOTICES, now=now)
    assert not await consents.end(member_id=member_id, purpose=Purpose.NOTICES, now=now)
    assert not await queries.has_agreed(member_id=member_id, purpose=Purpose.NOTICES, now=now)
    await withdrawing.agree(member_id=member_id, purpose=Purpose.NOTICES, version=FIRST.version, now=now)
    assert await queries.has_agreed(member_id=member_id, purpose=Purpose.NOTICES, now=now)
    assert await Consent.all().count() == 2


@pytest.mark.postgres
async def test_a_yes_from_five_devices_at_once_is_one(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    agree = {"member_id": member_id, "purpose": Purpose.NOTICES, "version": FIRST.version, "now": now}
    await asyncio.gather(*(withdrawing.agree(**agree) for _ in range(5)))  # type: ignore[arg-type]
    found = await database.rows("SELECT id FROM consent WHERE ended_at IS NULL")
    assert len(found) == 1


async def asked(member_id: int, now: datetime, texts: tuple[rules.Text, ...] = tuple(TEXTS)) -> list[Purpose]:
    member = await Member.get(id=member_id)
    return [text.purpose for text in await queries.to_ask(member_public_id=member.public_id, now=now, texts=texts)]


@database.operation
async def says_no(member_id: int, purpose: Purpose, now: datetime, texts: tuple[rules.Text, ...]) -> bool:
    ended = await consents.end(member_id=member_id, purpose=purpose, now=now)
    return ended or await consents.refuse(member_id=member_id, purpose=purpose, now=now, texts=texts)


async def test_whoever_is_new_is_asked_about_the_service_and_notices_and_whoever_answered_is_not(
    db: Database, now: datetime
) -> None:
    member_id, _ = await a_member()
    assert await asked(member_id, now) == [Purpose.SERVICE, Purpose.NOTICES]
    await withdrawing.agree(member_id=member_id, purpose=Purpose.SERVICE, version="2026.1", now=now)
    assert await asked(member_id, now) == [Purpose.NOTICES]
    assert [await says_no(member_id, Purpose.NOTICES, now, tuple(TEXTS)) for _ in range(2)] == [True, False]
    assert await asked(member_id, now) == []
    (no,) = await Consent.filter(purpose=Purpose.NOTICES)
    assert (no.version, no.text_hash, no.given_at, no.ended_at) == (FIRST.version, FIRST.digest, now, now)
    assert no.end_reason == "REFUSED"


@pytest.mark.parametrize("first_no", [True, False])
@pytest.mark.parametrize("asks_again", [True, False])
async def test_an_answer_holds_until_a_version_asks_again(
    asks_again: bool, first_no: bool, db: Database, now: datetime
) -> None:
    member_id, _ = await a_member()
    await withdrawing.agree(member_id=member_id, purpose=Purpose.SERVICE, version="2026.1", now=now)
    if first_no:
        await says_no(member_id, Purpose.NOTICES, now, tuple(TEXTS))
    else:
        await withdrawing.agree(member_id=member_id, purpose=Purpose.NOTICES, version="2026.1", now=now)
    texts, then = later("2026.2", 5, asks_again=asks_again), now + timedelta(days=30)
    assert await asked(member_id, then, texts) == ([Purpose.NOTICES] if asks_again else [])
    assert await says_no(member_id, Purpose.NOTICES, then, texts) is (asks_again or not first_no)
    assert await asked(member_id, then, texts) == ([Purpose.NOTICES] if asks_again and not first_no else [])


async def test_a_no_to_the_service_is_asked_about_at_the_next_sign_in_and_one_to_what_an_act_needs_is_not(
    db: Database, now: datetime
) -> None:
    member_id, _ = await a_member()
    for purpose in Purpose:
        await says_no(member_id, purpose, now, tuple(TEXTS))
    assert await asked(member_id, now) == [Purpose.SERVICE]
    with pytest.raises(ConsentNeeded):
        await consents.demand(member_id=member_id, purpose=Purpose.REAL_NAME, now=now)
    await withdrawing.agree(member_id=member_id, purpose=Purpose.REAL_NAME, version="2026.1", now=now)
    await consents.demand(member_id=member_id, purpose=Purpose.REAL_NAME, now=now)
    assert {
        standing.purpose for standing in await queries.standings(member_id=member_id, now=now) if standing.said_no
    } == (set(Purpose) - {Purpose.REAL_NAME}), "a yes after a no counts"


def test_a_yes_to_what_an_act_needs_is_asked_for_again_when_its_text_asks() -> None:
    text = rules.current(TEXTS, Purpose.HELPER, date(2026, 11, 20))
    texts = (*TEXTS, replace(text, version="2026.2", effective_on=date(2026, 12, 5)))

    def is_asked(version: str | None, *, said_no: bool, day: int) -> bool:
        return rules.is_asked_now(texts, Purpose.HELPER, version, said_no=said_no, today=date(2026, 12, day))

    assert not is_asked("2026.1", said_no=False, day=4)
    assert is_asked("2026.1", said_no=False, day=5)
    assert not is_asked("2026.1", said_no=True, day=5)
    assert not is_asked(None, said_no=False, day=5)
