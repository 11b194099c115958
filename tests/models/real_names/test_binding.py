"""A name and a number are bound to one account, once the authority agrees; never shown, never twice, never lost."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.consents.rules import ConsentNeeded, Purpose
from models.errors import BadInput, DomainError, ErrorCode
from models.families.unbinding import unbind_my_name
from models.keys import CannotOpen, IdKeys, LookupKeys, SealingKeys
from models.messages.tables import Message
from models.privacy import withdrawing
from models.real_names import binding
from models.real_names.operations import verify_my_name
from models.real_names.queries import known_person, person_key
from models.real_names.rules import (
    AgeBand,
    Assurance,
    AuthorityAway,
    CheckOutcome,
    IdBoundElsewhere,
    IdNumberWrong,
    NameDiffers,
    NamedPerson,
    NameUnknown,
    RealNameBoundAlready,
    TooManyChecks,
)
from models.real_names.tables import NameCheck, RealName
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.names import (
    CHILD,
    FATHER,
    GRANDMOTHER,
    MOTHER,
    TEENAGER,
    TODAY,
    Authority,
    a_person,
    verify,
    version,
)
from tests.factories.people import a_member
from tests.models.members.test_phones import _everything_stored as everything_stored
from tests.models.members.test_phones import without_what_was_before
from tests.queueing import one_after_another
from verification.port import Verdict

OLD_SEAL, OLD_LOOKUP = ID_KEYS.sealing.keys, ID_KEYS.lookup.keys
NEW_SEAL, NEW_LOOKUP = {"2": b"S" * 32}, {"2": b"L" * 32}
ROTATING = IdKeys(SealingKeys({**NEW_SEAL, **OLD_SEAL}), LookupKeys({**NEW_LOOKUP, **OLD_LOOKUP}))
ROTATED = IdKeys(SealingKeys(NEW_SEAL), LookupKeys(NEW_LOOKUP))


async def members(count: int) -> list[int]:
    return [(await a_member())[0] for _ in range(count)]


async def masked(member_id: int, keys: IdKeys = ID_KEYS) -> str | None:
    known = await known_person(member_id=member_id, keys=keys, today=TODAY)
    return None if known is None else known.masked_name


async def outcomes() -> list[str]:
    return [check.outcome for check in await NameCheck.all().order_by("id")]


async def test_who_is_verified_is_known_masked_by_level_and_age(
    db: Database, authority: Authority, now: datetime
) -> None:
    member_id, _ = await a_member()
    assert await masked(member_id) is None
    assert await person_key(member_id) is None
    await verify(member_id, GRANDMOTHER, authority)
    known = await known_person(member_id=member_id, keys=ID_KEYS, today=TODAY)
    assert known is not None
    assert (known.masked_name, known.level, known.age_band) == ("王**", Assurance.AGREED, AgeBand.ELDER)
    assert known.verified_at == now
    assert known.person_id == await person_key(member_id)
    assert await outcomes() == [CheckOutcome.AGREES]
    told = await database.rows("SELECT member_id, template FROM message")
    assert [(row["member_id"], row["template"]) for row in told] == [(member_id, "REAL_NAME_BOUND")]
    agreed = await database.rows("SELECT member_id, purpose, ended_at FROM consent")
    assert [tuple(row) for row in agreed] == [(member_id, "REAL_NAME", None)]


async def test_the_same_again_asks_nobody_and_changes_nothing(db: Database, authority: Authority) -> None:
    member_id, _ = await a_member()
    await verify(member_id, GRANDMOTHER, authority)
    before = await RealName.all().values()
    await verify(member_id, GRANDMOTHER, authority)
    assert await RealName.all().values() == before
    assert await authority.questions() == 1


async def test_neither_name_nor_number_is_anywhere_in_clear(db: Database, authority: Authority) -> None:
    await without_what_was_before()
    member_id, other_id = await members(2)
    await verify(member_id, GRANDMOTHER, authority)
    with pytest.raises(IdBoundElsewhere):
        await verify(other_id, GRANDMOTHER, authority)
    with pytest.raises(NameDiffers):
        await verify(other_id, NamedPerson("王秀", GRANDMOTHER.number), authority)
    await unbind_my_name(member_id=member_id, keys=ID_KEYS, now=datetime.fromisoformat("2026-11-21T00:00:00Z"))
    everything = await everything_stored(db)
    assert (await RealName.get()).lookup_hash.encode() in everything, "the scan reads what is stored"
    for secret in (GRANDMOTHER.number, GRANDMOTHER.number[6:14], GRANDMOTHER.name):
        assert secret.encode() not in everything
        assert secret.encode().hex().encode() not in everything


@pytest.mark.parametrize(
    ("name", "number", "error"),
    [
        (GRANDMOTHER.name, "510104195203150020", IdNumberWrong),
        ("王", GRANDMOTHER.number, BadInput),
    ],
)
async def test_what_cannot_be_right_is_asked_of_nobody(
    db: Database, authority: Authority, now: datetime, name: str, number: str, error: type[DomainError]
) -> None:
    member_id, _ = await a_member()
    with pytest.raises(error):
        await verify_my_name(
            member_id=member_id,
            name=name,
            id_number=number,
            consent_version="2026.1",
            keys=ID_KEYS,
            authority=authority,
            now=now,
        )
    assert (await authority.questions(), await outcomes(), await database.rows("SELECT 1 FROM consent")) == (
        0,
        [],
        [],
    )


async def test_an_outdated_consent_is_no_consent(db: Database, authority: Authority, now: datetime) -> None:
    member_id, _ = await a_member()
    with pytest.raises(DomainError) as refused:
        await verify_my_name(
            member_id=member_id,
            name=GRANDMOTHER.name,
            id_number=GRANDMOTHER.number,
            consent_version="1999.1",
            keys=ID_KEYS,
            authority=authority,
            now=now,
        )
    assert refused.value.code == ErrorCode.CONSENT_OUTDATED
    assert (await authority.questions(), await outcomes()) == (0, [])


async def test_a_child_does_not_verify_themselves(db: Database, authority: Authority) -> None:
    member_id, _ = await a_member()
    with pytest.raises(DomainError) as refused:
        await verify(member_id, CHILD, authority)
    assert refused.value.code == ErrorCode.GUARDIAN_NEEDED
    assert await authority.questions() == 0
    await verify(member_id, TEENAGER, authority)
    assert await masked(member_id) == "赵*"


async def test_what_differs_or_is_unknown_is_not_bound_and_counts(db: Database, authority: Authority) -> None:
    member_id, _ = await a_member()
    with pytest.raises(NameDiffers):
        await verify(member_id, NamedPerson("王秀英", GRANDMOTHER.number), authority)
    with pytest.raises(NameUnknown) as refused:
        await verify(member_id, a_person("新办证", "19990101"), authority)
    assert "前台" in (refused.value.next_step or "")
    assert await masked(member_id) is None
    assert await outcomes() == [CheckOutcome.DIFFERS, CheckOutcome.UNKNOWN]


@pytest.mark.parametrize("fault", [{"busy": True}, {"authority": "down"}, {"authority": "upgrading"}])
async def test_while_the_authority_is_away_nothing_is_bound_and_nothing_counts(
    db: Database, authority: Authority, fault: dict[str, Any]
) -> None:
    member_id, _ = await a_member()
    await authority.switch_on(**fault)
    for _ in range(6):
        with pytest.raises(AuthorityAway) as refused:
            await verify(member_id, GRANDMOTHER, authority)
    assert refused.value.code == ErrorCode.OUTSIDE_UNAVAILABLE
    assert await masked(member_id) is None
    assert set(await outcomes()) == {CheckOutcome.UNAVAILABLE}
    await authority.switch_on()
    await verify(member_id, GRANDMOTHER, authority)
    assert await masked(member_id) == "王**"


async def test_what_the_authority_has_heard_too_often_is_for_another_day(
    db: Database, authority: Authority
) -> None:
    member_id, _ = await a_member()
    await authority.switch_on(authority="limited")
    with pytest.raises(TooManyChecks):
        await verify(member_id, GRANDMOTHER, authority)
    assert await outcomes() == [CheckOutcome.UNAVAILABLE]


async def test_a_member_asks_five_times_a_day(db: Database, authority: Authority, now: datetime) -> None:
    member_id, _ = await a_member()
    for guess in range(5):
        with pytest.raises(NameUnknown):
            await verify(member_id, a_person("某某人", "19990101", order=100 + guess), authority, now=now)
    with pytest.raises(TooManyChecks):
        await verify(member_id, GRANDMOTHER, authority, now=now)
    assert await authority.questions() == 5
    await verify(member_id, GRANDMOTHER, authority, now=now + timedelta(days=1, seconds=1))


async def test_a_number_is_asked_about_five_times_a_day_by_everybody_together(
    db: Database, authority: Authority
) -> None:
    *guessers, last = await members(6)
    for guesser, name in zip(guessers, ("甲乙", "甲丙", "甲丁", "甲戊", "甲己"), strict=True):
        with pytest.raises(NameDiffers):
            await verify(guesser, NamedPerson(name, GRANDMOTHER.number), authority)
    with pytest.raises(TooManyChecks):
        await verify(last, GRANDMOTHER, authority)
    with pytest.raises(TooManyChecks):
        await verify(last, GRANDMOTHER, authority, keys=ROTATING)


async def test_a_question_whose_asker_died_counts_for_two_minutes(
    db: Database, authority: Authority, now: datetime
) -> None:
    member_id, _ = await a_member()

    class Death:
        async def check(self, **_: str) -> Any:
            raise asyncio.CancelledError

    for _ in range(5):
        with pytest.raises(asyncio.CancelledError):
            await verify(member_id, GRANDMOTHER, Death())  # type: ignore[arg-type]
    with pytest.raises(TooManyChecks):
        await verify(member_id, GRANDMOTHER, authority)
    await verify(member_id, GRANDMOTHER, authority, now=now + timedelta(minutes=3))


async def test_a_number_bound_elsewhere_is_told_only_to_who_knows_its_name(
    db: Database, authority: Authority
) -> None:
    holder, other = await members(2)
    await verify(holder, GRANDMOTHER, authority)
    with pytest.raises(NameDiffers):
        await verify(other, NamedPerson("不知道", GRANDMOTHER.number), authority)
    with pytest.raises(IdBoundElsewhere) as refused:
        await verify(other, GRANDMOTHER, authority)
    assert "合并" in (refused.value.next_step or "")
    assert "前台" in (refused.value.next_step or "")
    assert (await masked(holder), await masked(other)) == ("王**", None)


async def test_another_person_does_not_take_the_place_of_the_one_who_is_bound(
    db: Database, authority: Authority
) -> None:
    member_id, _ = await a_member()
    await verify(member_id, MOTHER, authority)
    with pytest.raises(RealNameBoundAlready):
        await verify(member_id, FATHER, authority)
    assert await masked(member_id) == "陈*"
    assert await authority.questions() == 1


async def test_nobody_is_bound_who_takes_the_consent_back_while_the_authority_is_asked(
    db: Database, authority: Authority, now: datetime
) -> None:
    """In another tab, say: a withdrawal is for what comes after it, and binding comes after it (PIPL 15)."""
    member_id, _ = await a_member()

    class MeanwhileTakenBack:
        async def check(self, *, name: str, id_number: str) -> Verdict:
            verdict = await authority.check(name=name, id_number=id_number)
            await withdrawing.withdraw(member_id=member_id, purpose=Purpose.REAL_NAME, keys=ID_KEYS, now=now)
            return verdict

    with pytest.raises(ConsentNeeded):
        await verify_my_name(
            member_id=member_id,
            name=GRANDMOTHER.name,
            id_number=GRANDMOTHER.number,
            consent_version=version(Purpose.REAL_NAME),
            keys=ID_KEYS,
            authority=MeanwhileTakenBack(),
            now=now,
        )
    assert not await RealName.all().exists()
    assert await outcomes() == [CheckOutcome.AGREES], "what was asked and answered is written down all the same"
    assert not await Message.filter(template="REAL_NAME_BOUND").exists()
    await verify(member_id, GRANDMOTHER, authority)
    assert await masked(member_id) == "王**", "a new yes is a new one"


async def test_a_person_keeps_their_key_through_unbinding_by_whomever_they_come_back(
    db: Database, authority: Authority, now: datetime
) -> None:
    first, second = await members(2)
    await verify(first, GRANDMOTHER, authority)
    key = await person_key(first)
    await unbind_my_name(member_id=first, keys=ID_KEYS, now=now)
    assert (await person_key(first), await masked(first)) == (None, None)
    with pytest.raises(CannotOpen):
        binding.open_name((await RealName.get()).sealed_name, "1", member_id=first, keys=ID_KEYS)
    await verify(second, GRANDMOTHER, authority)
    assert (await person_key(second), await RealName.all().count()) == (key, 1)
    assert await masked(second) == "王**"
    with pytest.raises(DomainError, match="没有实名"):
        await unbind_my_name(member_id=first, keys=ID_KEYS, now=now)


async def test_who_is_unbound_for_a_year_is_forgotten(db: Database, authority: Authority, now: datetime) -> None:
    gone, stays = await members(2)
    await verify(gone, GRANDMOTHER, authority)
    await verify(stays, MOTHER, authority)
    await unbind_my_name(member_id=gone, keys=ID_KEYS, now=now)
    year = timedelta(days=365)
    assert await binding.purge(now=now + year - timedelta(seconds=1)) == 2  # the questions, after half a year
    assert await RealName.all().count() == 2
    assert await binding.purge(now=now + year) == 1
    assert await masked(stays) == "陈*"
    assert await NameCheck.all().count() == 0


async def test_a_row_that_was_moved_to_another_member_cannot_be_read(db: Database, authority: Authority) -> None:
    victim, thief = await members(2)
    await verify(victim, GRANDMOTHER, authority)
    await RealName.all().update(member_id=thief)
    with pytest.raises(CannotOpen):
        await masked(thief)
    with pytest.raises(CannotOpen):
        await verify(thief, GRANDMOTHER, authority)


# at once


@pytest.mark.postgres
async def test_who_comes_back_while_the_forgotten_are_deleted_is_not_forgotten(
    db: Database, authority: Authority, now: datetime
) -> None:
    first, second = await members(2)
    await verify(first, GRANDMOTHER, authority)
    key = await person_key(first)
    assert key is not None
    await unbind_my_name(member_id=first, keys=ID_KEYS, now=now)
    later = now + timedelta(days=365)
    bound, gone = await one_after_another(
        [key], verify(second, GRANDMOTHER, authority, now=later), binding.purge(now=later), table="real_name"
    )
    assert bound is None
    assert gone == 1, "the question of a year ago"
    assert (await person_key(second), await masked(second)) == (key, "王**")


@pytest.mark.postgres
async def test_of_many_who_bind_one_number_at_once_exactly_one_is_bound(
    db: Database, authority: Authority, now: datetime
) -> None:
    everybody = await members(5)
    next_key_known = IdKeys(ID_KEYS.sealing, LookupKeys({**OLD_LOOKUP, **NEW_LOOKUP}))
    rings = [next_key_known, ROTATING, ROTATING, next_key_known, ROTATING]  # in the middle of a rotation
    said = await asyncio.gather(
        *(
            verify(member, GRANDMOTHER, authority, keys=ring)
            for member, ring in zip(everybody, rings, strict=True)
        ),
        return_exceptions=True,
    )
    assert said.count(None) == 1
    assert [type(each) for each in said].count(IdBoundElsewhere) == 4
    assert await RealName.all().count() == 1
    assert await masked(everybody[said.index(None)], ROTATING) == "王**"


@pytest.mark.postgres
async def test_one_member_who_binds_two_people_at_once_is_one_of_them(db: Database, authority: Authority) -> None:
    member_id, _ = await a_member()
    said = await asyncio.gather(
        *(verify(member_id, person, authority) for person in (MOTHER, FATHER) * 2), return_exceptions=True
    )
    assert {type(each) for each in said if each is not None} <= {RealNameBoundAlready}
    assert await RealName.filter(member_id=member_id).count() == 1
    assert await masked(member_id) in ("陈*", "李**")


@pytest.mark.postgres
async def test_no_more_questions_are_asked_at_once_than_one_after_the_other(
    db: Database, authority: Authority
) -> None:
    member_id, _ = await a_member()
    people = [a_person("某某人", "19990101", order=100 + guess) for guess in range(9)]
    said = await asyncio.gather(
        *(verify(member_id, person, authority) for person in people), return_exceptions=True
    )
    assert [type(each) for each in said].count(TooManyChecks) == 4
    assert await authority.questions() == 5


# rotation


async def some_people(authority: Authority, count: int) -> dict[int, NamedPerson]:
    found = {}
    for order, member_id in enumerate(await members(count)):
        person = a_person("某某人", "19800101", order=order)
        row = await binding.bind(
            None,
            member_id=member_id,
            person=person,
            level=Assurance.AGREED,
            keys=ID_KEYS,
            now=datetime.fromisoformat("2026-11-20T02:00:00Z"),
        )
        assert row.member_id == member_id
        found[member_id] = person
    return found


async def test_after_resealing_nothing_is_under_the_old_keys_and_everybody_is_readable(
    db: Database, authority: Authority, now: datetime
) -> None:
    people = await some_people(authority, 5)
    unbound = next(iter(people))
    await unbind_my_name(member_id=unbound, keys=ID_KEYS, now=now)
    assert await binding.reseal_all(keys=ROTATING, batch=2) == 5
    assert await binding.reseal_all(keys=ROTATING) == 0
    for row in await RealName.all():
        assert (row.seal_key_id, row.lookup_key_id) == ("2", "2")
        name, number = binding.open_row(row, ROTATED)
        assert (name, number in {person.number for person in people.values()}) == ("某某人", True)
    for member_id in set(people) - {unbound}:
        assert await masked(member_id, ROTATED) == "某**"
        with pytest.raises(CannotOpen):
            await masked(member_id, ID_KEYS)


@pytest.mark.postgres
async def test_people_are_read_bound_and_unbound_while_all_are_resealed(
    db: Database, authority: Authority, now: datetime
) -> None:
    people = await some_people(authority, 30)
    newcomer, leaver = (await a_member())[0], next(iter(people))
    done, reads = asyncio.Event(), 0

    async def read_all_the_time() -> None:
        nonlocal reads
        while not done.is_set():
            for member_id in list(people)[1:]:
                assert await masked(member_id, ROTATING) == "某**"
                reads += 1

    async def rotate() -> int:
        try:
            return sum(await asyncio.gather(*(binding.reseal_all(keys=ROTATING, batch=4) for _ in range(2))))
        finally:
            done.set()

    moved, *_ = await asyncio.gather(
        rotate(),
        read_all_the_time(),
        verify(newcomer, GRANDMOTHER, authority, keys=ROTATING),
        unbind_my_name(member_id=leaver, keys=ROTATING, now=now),
    )
    assert moved in (29, 30)  # whoever left meanwhile may have been sealed anew by that
    assert reads >= 1
    assert await RealName.filter(seal_key_id="2", lookup_key_id="2").count() == 31
    assert await masked(newcomer, ROTATED) == "王**"
