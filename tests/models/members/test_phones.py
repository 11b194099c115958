"""A phone number is bound once, shown masked, found by its hash, and readable nowhere in the database."""

import asyncio
import base64
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from models import database
from models.errors import BadInput
from models.keys import CannotOpen, LookupKeys, PhoneKeys, SealingKeys
from models.members import phones
from models.members.rules import PhoneBoundElsewhere
from models.members.tables import MemberPhone
from tests.databases import Database
from tests.factories.people import PHONE_KEYS, a_member, find_by_phone

NUMBER = "13975318642"
OLD_SEAL, OLD_LOOKUP = PHONE_KEYS.sealing.keys, PHONE_KEYS.lookup.keys
NEW_SEAL, NEW_LOOKUP = {"2": b"S" * 32}, {"2": b"L" * 32}
ROTATING = PhoneKeys(SealingKeys(NEW_SEAL | OLD_SEAL), LookupKeys(NEW_LOOKUP | OLD_LOOKUP))
ROTATED = PhoneKeys(SealingKeys(NEW_SEAL), LookupKeys(NEW_LOOKUP))


async def bind(member_id: int, phone: str, now: datetime, keys: PhoneKeys = PHONE_KEYS) -> None:
    await phones.bind_phone(member_id=member_id, phone=phone, keys=keys, now=now)


async def masked(member_id: int, keys: PhoneKeys = PHONE_KEYS) -> str | None:
    return await phones.masked_phone(member_id=member_id, keys=keys)


async def find(phone: str, keys: PhoneKeys = PHONE_KEYS) -> int | None:
    return await find_by_phone(phone=phone, keys=keys)


async def test_a_bound_number_is_shown_masked_and_found_in_every_spelling(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    assert await masked(member_id) is None
    assert await find(NUMBER) is None
    await bind(member_id, "+86" + NUMBER, now)
    assert await masked(member_id) == "139****8642"
    assert await find(NUMBER) == await find("+86 139 7531 8642") == member_id
    assert await find("13975318643") is None


async def test_a_new_number_takes_the_place_of_the_old_one(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    await bind(member_id, "+85251234567", now + timedelta(days=1))
    assert await masked(member_id) == "+852****67"
    assert await find(NUMBER) is None
    assert await find("+85251234567") == member_id
    stranger, _ = await a_member(phone=NUMBER)  # the number is free again
    assert await find(NUMBER) == stranger


async def test_binding_the_same_number_again_changes_nothing(db: Database, now: datetime) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    before = await MemberPhone.all().values()
    await bind(member_id, NUMBER, now + timedelta(days=1))
    assert await MemberPhone.all().values() == before


async def test_a_number_of_another_member_is_refused_with_a_way_out(db: Database, now: datetime) -> None:
    holder, _ = await a_member(phone=NUMBER)
    other, _ = await a_member(phone="13800000000")
    with pytest.raises(PhoneBoundElsewhere) as refused:
        await bind(other, NUMBER, now)
    assert refused.value.next_step
    assert await find(NUMBER) == holder
    assert await masked(other) == "138****0000"


@pytest.mark.parametrize("phone", ["", "123", "+86 028 8888 8888", "abc"])
async def test_what_is_no_number_is_refused_and_changes_nothing(db: Database, now: datetime, phone: str) -> None:
    member_id, _ = await a_member(phone=NUMBER)
    with pytest.raises(BadInput):
        await bind(member_id, phone, now)
    assert await masked(member_id) == "139****8642"


@pytest.mark.postgres
async def test_many_members_binding_one_number_at_once_leave_one_holder(db: Database, now: datetime) -> None:
    members = [(await a_member())[0] for _ in range(10)]
    next_key_known = PhoneKeys(PHONE_KEYS.sealing, LookupKeys(OLD_LOOKUP | NEW_LOOKUP))
    rings = [next_key_known, ROTATING] * 5  # processes in the middle of a rotation
    outcomes = await asyncio.gather(
        *(bind(member, NUMBER, now, ring) for member, ring in zip(members, rings, strict=True)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(PhoneBoundElsewhere) == 9
    assert outcomes.count(None) == 1
    assert await MemberPhone.all().count() == 1
    assert await find(NUMBER, ROTATING) == members[outcomes.index(None)]


@pytest.mark.postgres
async def test_one_member_binding_two_numbers_at_once_has_one_of_them(db: Database, now: datetime) -> None:
    member_id, _ = await a_member()
    await asyncio.gather(*(bind(member_id, f"1380000000{n % 2}", now) for n in range(10)))
    assert await MemberPhone.all().count() == 1
    assert await masked(member_id) in ("138****0000", "138****0001")


async def test_a_number_moved_into_another_members_row_cannot_be_read(db: Database, now: datetime) -> None:
    victim, _ = await a_member(phone=NUMBER)
    thief, _ = await a_member(phone="13800000000")
    stolen = await MemberPhone.get(member_id=victim)
    await MemberPhone.filter(member_id=thief).update(sealed=stolen.sealed)
    with pytest.raises(CannotOpen):
        await masked(thief)
    assert await masked(victim) == "139****8642"


async def without_what_was_before() -> None:
    """SQLite's file still holds what all tests before have deleted, and among so much chance writes any eight digits."""
    if not database.on_postgres():
        await database.rows("VACUUM")
        await database.rows("PRAGMA wal_checkpoint(TRUNCATE)")


async def test_the_number_is_nowhere_in_the_database_in_clear(db: Database, now: datetime) -> None:
    await without_what_was_before()
    member_id, _ = await a_member(phone=NUMBER)
    await bind(member_id, "13800000000", now)
    await bind(member_id, NUMBER, now)
    with pytest.raises(PhoneBoundElsewhere):
        await a_member(phone=NUMBER)
    everything = await _everything_stored(db)
    assert (await MemberPhone.get()).lookup_hash.encode() in everything, "the scan reads what is stored"
    for secret in (NUMBER, NUMBER[-8:]):
        for form in (secret.encode(), secret.encode().hex().encode(), base64.b64encode(secret.encode())):
            assert form not in everything


async def _everything_stored(db: Database) -> bytes:
    """SQLite: the files' own bytes, with what was deleted. PostgreSQL: each row of each table as text."""
    if not database.on_postgres():
        path = Path(db.url.removeprefix("sqlite://").split("?")[0])
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    tables = await database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    texts: list[str] = []
    for table in tables:
        name = table["tablename"]
        texts += [found["line"] for found in await database.rows(f'SELECT t::text AS line FROM "{name}" t')]
    return "\n".join(texts).encode()


# rotation


async def some_members(count: int) -> dict[int, str]:
    numbers = [f"1380000{number:04d}" for number in range(count)]
    return {(await a_member(phone=number))[0]: number for number in numbers}


async def test_resealing_leaves_nothing_under_the_old_keys_and_every_number_readable(
    db: Database, now: datetime
) -> None:
    members = await some_members(7)
    before = {phone.member_id: phone for phone in await MemberPhone.all()}
    assert await phones.reseal_all(keys=ROTATING, batch=3) == 7
    for phone in await MemberPhone.all():
        was = before[phone.member_id]
        assert (phone.seal_key_id, phone.lookup_key_id) == ("2", "2")
        assert (phone.sealed != was.sealed, phone.lookup_hash != was.lookup_hash) == (True, True)
        assert (phone.id, phone.bound_at) == (was.id, was.bound_at)
    for member_id, number in members.items():
        assert await find(number, ROTATED) == member_id
        assert await masked(member_id, ROTATED) == f"138****{number[-4:]}"
        with pytest.raises(CannotOpen):
            await masked(member_id, PHONE_KEYS)
    assert await phones.reseal_all(keys=ROTATING) == 0


@pytest.mark.parametrize(
    "keys",
    [
        PhoneKeys(ROTATING.sealing, PHONE_KEYS.lookup),
        PhoneKeys(PHONE_KEYS.sealing, ROTATING.lookup),
    ],
)
async def test_each_of_the_two_keys_can_be_rotated_alone(db: Database, now: datetime, keys: PhoneKeys) -> None:
    ((member_id, number),) = (await some_members(1)).items()
    assert await phones.reseal_all(keys=keys) == 1
    assert await phones.reseal_all(keys=keys) == 0
    assert await find(number, keys) == member_id
    assert await masked(member_id, keys) == f"138****{number[-4:]}"


async def test_before_resealing_the_new_ring_reads_finds_and_protects_old_rows(
    db: Database, now: datetime
) -> None:
    ((member_id, number),) = (await some_members(1)).items()
    other, _ = await a_member()
    assert await masked(member_id, ROTATING) == f"138****{number[-4:]}"
    assert await find(number, ROTATING) == member_id
    with pytest.raises(PhoneBoundElsewhere):
        await bind(other, number, now, ROTATING)


@pytest.mark.postgres
async def test_numbers_stay_readable_and_bindable_while_all_are_resealed(db: Database, now: datetime) -> None:
    members = await some_members(40)
    newcomers = [(await a_member())[0] for _ in range(10)]
    done = asyncio.Event()
    reads = 0

    async def read_all_the_time() -> None:
        nonlocal reads
        while not done.is_set():
            for member_id, number in members.items():
                assert await masked(member_id, ROTATING) == f"138****{number[-4:]}"
                assert await find(number, ROTATING) == member_id
                reads += 1

    async def rotate() -> int:
        try:
            return sum(await asyncio.gather(*(phones.reseal_all(keys=ROTATING, batch=5) for _ in range(2))))
        finally:
            done.set()

    binding = (
        bind(member_id, f"1390000{number:04d}", now, ROTATING) for number, member_id in enumerate(newcomers)
    )
    moved, *_ = await asyncio.gather(rotate(), read_all_the_time(), *binding)
    assert (moved, reads >= 1) == (40, True)
    assert await MemberPhone.filter(seal_key_id="2", lookup_key_id="2").count() == 50
    for member_id, number in members.items():
        assert await find(number, ROTATED) == member_id
