"""What must be true of people after every step, whatever they did: asked of the tables, not of the rooms."""

from datetime import date, datetime
from typing import Any

from models import database
from models.calendar import business_day
from models.keys import Sealed
from models.members import phones
from models.members.standing import accounts_of
from models.merging.operations import move_latecomers
from models.personal_data import HELD, OnDeletion, OnMerge
from models.real_names import binding
from models.real_names.rules import NamedPerson, is_child
from models.real_names.tables import RealName
from tests.factories.accounts import ID_KEYS, TEXT_KEYS
from tests.factories.people import PHONE_KEYS

_LIVE = "joined_to_id IS NULL AND deleted_at IS NULL"
_GONE = "deleted_at IS NOT NULL"


async def check(now: datetime) -> None:
    await move_latecomers(now=now)
    numbers = await _real_names_open()
    await _numbers_open()
    await _records_open()
    await _no_child_is_alone(numbers, business_day(now))
    await _nothing_leads_to_the_gone()
    await _nobody_gone_is_signed_in()


async def _real_names_open() -> dict[int, NamedPerson]:
    """Who each member is by their card; no two are one."""
    people = {}
    for row in await RealName.all():
        name, number = binding.open_row(row, ID_KEYS)
        assert row.lookup_hash in ID_KEYS.lookup.hashes(number).values()
        if row.member_id is not None:
            people[row.member_id] = NamedPerson(name, number)
    held = [person.number for person in people.values()]
    assert len(held) == len(set(held)), "one ID card, two members"
    return people


async def _numbers_open() -> None:
    """Each number opens, is one member's, and that one is here; an account of theirs that was joined may have it."""
    held = []
    for row in await database.rows("SELECT member_id FROM member_phone"):
        held.append(await phones.number_of(member_id=row["member_id"], keys=PHONE_KEYS))
        found = await phones.find_by_phone(phone=held[-1] or "", keys=PHONE_KEYS)
        assert await database.row(f"SELECT 1 FROM member WHERE id = $1 AND {_LIVE}", found), (
            "a number leads to nobody"
        )
    assert len(held) == len(set(held)), "one number, two members"


async def _records_open() -> None:
    for row in await database.rows(
        """SELECT sealed_record.sealed, sealed_record.seal_key_id, member.id FROM sealed_record
             JOIN member ON member.public_id = sealed_record.member_public_id"""
    ):
        sealed = Sealed(row["seal_key_id"], bytes(row["sealed"]))
        assert TEXT_KEYS.open(sealed, table="sealed_record", column="sealed", row=row["id"])


async def _no_child_is_alone(people: dict[int, NamedPerson], today: date) -> None:
    guarded = {
        row["ward_id"]
        for row in await database.rows(
            f"""SELECT ward_id FROM guardianship JOIN member ON member.id = guardian_id
                 WHERE ended_at IS NULL AND {_LIVE}"""
        )
    }
    for member_id, person in people.items():
        assert not is_child(today, person.born_on) or member_id in guarded, f"child {member_id} has no guardian"


async def _nothing_leads_to_the_gone() -> None:
    """But what HELD lets stay with a joined account, and what a law keeps of a deleted one."""
    for held in HELD:
        if held.on_merge is OnMerge.MOVES:
            assert not await _leading(
                held.table, held.column, "joined_to_id IS NOT NULL AND deleted_at IS NULL"
            ), held
        if held.on_deletion in (OnDeletion.ERASED, OnDeletion.FORGOTTEN):
            assert not await _leading(held.table, held.column, _GONE), held
    found = await database.rows(
        f"SELECT payer FROM payment JOIN orders ON orders.id = order_id JOIN member ON member.id = member_id WHERE {_GONE} AND payer <> ''"
    )
    assert not found


async def _leading(table: str, column: str, where: str) -> list[Any]:
    return list(
        await database.rows(
            f"SELECT id FROM {table} WHERE {column} IN (SELECT id FROM member WHERE {where}) LIMIT 1"
        )
    )


async def _nobody_gone_is_signed_in() -> None:
    assert not await database.rows(
        f"SELECT sign_in.id FROM sign_in JOIN member ON member.id = member_id WHERE ended_at IS NULL AND NOT ({_LIVE})"
    )


async def unreachable() -> set[int]:
    """Members who can neither come in nor be told anything, and for whom nobody is there; a desk finds them by their
    card, if they have shown one."""
    found = await database.rows(
        f"""SELECT id FROM member WHERE {_LIVE} AND origin <> 'DESK'
               AND NOT EXISTS (SELECT 1 FROM identity WHERE member_id = member.id)
               AND NOT EXISTS (SELECT 1 FROM real_name WHERE member_id = member.id)
               AND NOT EXISTS (SELECT 1 FROM guardianship WHERE ward_id = member.id AND ended_at IS NULL)
               AND NOT EXISTS (SELECT 1 FROM proxy WHERE principal_id = member.id AND ended_at IS NULL)"""
    )
    gone = set()
    for row in found:
        accounts = await accounts_of(row["id"])
        if not await database.rows(
            f"SELECT 1 FROM member_phone WHERE member_id IN ({database.parameters(len(accounts))})", *accounts
        ):
            gone.add(int(row["id"]))
    return gone


async def courts_held(member_id: int) -> dict[tuple[str, int], int]:
    """Courts by day, over every account of theirs."""
    accounts = await accounts_of(member_id)
    found = await database.rows(
        f"""SELECT business_day, count(DISTINCT court_id) AS courts FROM order_line
              JOIN orders ON orders.id = order_line.order_id
             WHERE orders.member_id IN ({database.parameters(len(accounts))})
               AND orders.status <> 'CLOSED' AND order_line.cancelled_at IS NULL
             GROUP BY business_day""",
        *accounts,
    )
    return {row["business_day"]: row["courts"] for row in found}
