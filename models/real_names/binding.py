"""One person, one row, one member at a time. Sealed to its place: table, column, and the member whom it is bound to.

A row that nobody has is sealed to minus its own id, so moving it into somebody's account is an act of ours, never a
change of one column. Its id is the person's number, whichever account they come back by, and outlives the binding for a year.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tortoise.expressions import Q

from models import database
from models.calendar import moment_text
from models.database import operation
from models.keys import IdKeys, Sealed
from models.messages.operations import tell
from models.real_names.rules import CHECKS_KEPT, UNBOUND_KEPT, Assurance, NamedPerson
from models.real_names.tables import RealName


async def hold_number(person: NamedPerson, keys: IdKeys) -> list[str]:
    """Until the caller's transaction ends nobody else binds or checks this number. Returns its hashes.

    Under all keys, so that two processes in the middle of a rotation wait for each other.
    """
    hashes = list(keys.lookup.hashes(person.number).values())
    await database.alone_with(*(f"id number {each}" for each in hashes))
    return hashes


async def holder_of(hashes: Sequence[str]) -> RealName | None:
    """The row of the person with this number, bound or not, locked in the caller's transaction."""
    return await RealName.filter(lookup_hash__in=list(hashes)).select_for_update().first()


async def bind(
    holder: RealName | None, *, member_id: int, person: NamedPerson, level: Assurance, keys: IdKeys, now: datetime
) -> RealName:
    """Makes this member the person. A plain function, under the member's lock and `hold_number`; `holder` is the
    number's row, which is free or this member's own."""
    assert holder is None or holder.member_id in (None, member_id)
    kept = {
        **_at_rest(member_id, person.name, person.number, keys),
        "member_id": member_id,
        "level": level,
        "verified_at": now,
        "unbound_at": None,
    }
    if holder is None:
        holder = await RealName.create(**kept, bound_at=now)
    else:
        if holder.member_id is None:
            kept["bound_at"] = now
        await holder.update_from_dict(kept).save()
    return holder


async def tell_bound(row: RealName, person: NamedPerson, about_no: str, now: datetime) -> None:
    assert row.member_id is not None
    values = {"what": person.masked, "when": moment_text(now)}
    await tell(member_id=row.member_id, template="REAL_NAME_BOUND", values=values, about_no=about_no, now=now)


async def unbind(*, member_id: int, keys: IdKeys, now: datetime) -> bool:
    """Frees the person from the account, with the concessions that hang on who they are. False: there was nobody.

    A plain function, under the member's lock. Families have a word in it first (models.families.unbinding).
    """
    row = await RealName.filter(member_id=member_id).select_for_update().first()
    if row is None:
        return False
    name, number = open_row(row, keys)
    masked = NamedPerson(name, number).masked
    resealed = _at_rest(-row.id, name, number, keys)
    await row.update_from_dict({**resealed, "member_id": None, "unbound_at": now}).save()
    await database.rows(
        "UPDATE concession SET revoked_at = $2 WHERE member_id = $1 AND revoked_at IS NULL RETURNING id",
        member_id,
        now,
    )
    about_no = f"{row.id}-{int(now.timestamp())}"
    values = {"what": masked, "when": moment_text(now)}
    await tell(member_id=member_id, template="REAL_NAME_UNBOUND", values=values, about_no=about_no, now=now)
    return True


async def move(*, from_member_id: int, to_member_id: int, keys: IdKeys) -> bool:
    """The person goes along when two accounts become one, or part again. False: there is nobody to move.

    A plain function, under both members' locks. Whether the other account is a person of its own the caller has
    looked at; the unique constraint is the last guard.
    """
    row = await RealName.filter(member_id=from_member_id).select_for_update().first()
    if row is None:
        return False
    name, number = open_row(row, keys)
    await row.update_from_dict({**_at_rest(to_member_id, name, number, keys), "member_id": to_member_id}).save()
    return True


def open_row(row: Any, keys: IdKeys) -> tuple[str, str]:
    """Name and number. `row`: of the table, by attributes."""
    return (
        _open(row.sealed_name, "sealed_name", row.seal_key_id, _place(row.id, row.member_id), keys),
        _open(row.sealed_number, "sealed_number", row.seal_key_id, _place(row.id, row.member_id), keys),
    )


def open_name(sealed_name: bytes, seal_key_id: str, *, member_id: int, keys: IdKeys) -> str:
    return _open(sealed_name, "sealed_name", seal_key_id, member_id, keys)


def open_number(sealed_number: bytes, seal_key_id: str, *, member_id: int, keys: IdKeys) -> str:
    return _open(sealed_number, "sealed_number", seal_key_id, member_id, keys)


async def reseal_all(*, keys: IdKeys, batch: int = 200) -> int:
    """Brings every name and number under the current keys and tells how many it moved; then the old keys can go.

    Batches are short transactions, so people are bound and looked up meanwhile. May be stopped and run again.
    """
    moved = 0
    while just_moved := await _reseal_some(keys, batch):
        moved += just_moved
    return moved


@operation
async def _reseal_some(keys: IdKeys, limit: int) -> int:
    is_outdated = ~Q(seal_key_id=keys.sealing.current_id) | ~Q(lookup_key_id=keys.lookup.current_id)
    outdated = await RealName.filter(is_outdated).order_by("id").limit(limit).select_for_update()
    for row in outdated:
        name, number = open_row(row, keys)
        await row.update_from_dict(_at_rest(_place(row.id, row.member_id), name, number, keys)).save()
    return len(outdated)


async def purge(*, now: datetime, limit: int = 500) -> int:
    """Deletes what no limit looks back to any more, at most so many rows a table, and tells how many: people whom
    no account has had for a year, questions and look-ups older than half a year."""
    return await _purge(now, limit)


@operation
async def _purge(now: datetime, limit: int) -> int:
    gone = 0  # each condition twice: who waited for a row looks again only at what stands outside
    for table, condition, before in (
        ("real_name", "member_id IS NULL AND unbound_at <= $1", now - UNBOUND_KEPT),
        ("name_check", "asked_at <= $1", now - CHECKS_KEPT),
        ("desk_look_up", "looked_at <= $1", now - CHECKS_KEPT),
    ):
        gone += len(
            await database.rows(
                f"""DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT $2)
                       AND {condition} RETURNING id""",
                before,
                limit,
            )
        )
    return gone


def _place(row_id: int, member_id: int | None) -> int:
    return -row_id if member_id is None else member_id


def _at_rest(place: int, name: str, number: str, keys: IdKeys) -> dict[str, Any]:
    sealed_name = keys.sealing.seal(name, table="real_name", column="sealed_name", row=place)
    sealed_number = keys.sealing.seal(number, table="real_name", column="sealed_number", row=place)
    lookup_key_id, lookup_hash = next(iter(keys.lookup.hashes(number).items()))
    return {
        "sealed_name": sealed_name.value,
        "sealed_number": sealed_number.value,
        "seal_key_id": sealed_number.key_id,
        "lookup_hash": lookup_hash,
        "lookup_key_id": lookup_key_id,
    }


def _open(value: bytes, column: str, key_id: str, place: int, keys: IdKeys) -> str:
    return keys.sealing.open(Sealed(key_id, bytes(value)), table="real_name", column=column, row=place)
