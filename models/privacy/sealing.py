"""Who a deleted member was: sealed for as long as a law wants their trades known, opened by a named power only.

Name, phone and as whom WeChat and Alipay knew them. Never the ID number: nobody is ever shown it, so there is nothing to
keep it for. Sealed to the row of the member, which is all that stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.audit.deeds import concerning
from models.audit.rules import checked_reason
from models.families.rules import MemberUnknown
from models.keys import Sealed, SealingKeys
from models.members.tables import MemberPhone
from models.privacy.rules import BASIS, PrivacyKeys, keep_until
from models.privacy.tables import SealedRecord
from models.real_names import binding
from models.real_names.tables import RealName
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn

_TABLE, _COLUMN = "sealed_record", "sealed"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Who a deleted member was. For whoever has the power, and for nobody else's eyes."""

    member_public_id: str
    name: str | None
    phone: str | None
    doors: Sequence[str]
    basis: str
    sealed_at: datetime
    keep_until: datetime


async def seal(
    *, member_id: int, public_id: str, accounts: Sequence[int], keys: PrivacyKeys, now: datetime
) -> bool:
    """Writes the record if a trade of these accounts must still be known; tells whether. In the deletion's transaction,
    before anything is erased."""
    last = await _last_trade(accounts)
    if last is None or keep_until(last) <= now:
        return False
    who = await _who(accounts, keys)
    sealed = keys.texts.seal(orjson.dumps(who).decode(), table=_TABLE, column=_COLUMN, row=member_id)
    await SealedRecord.create(
        member_public_id=public_id,
        sealed=sealed.value,
        seal_key_id=sealed.key_id,
        basis=BASIS,
        sealed_at=now,
        keep_until=keep_until(last),
    )
    return True


@database.operation
async def open_record(*, clerk: StaffSignedIn, member_id: str, reason: str, keys: SealingKeys) -> Opened:
    """Who the deleted member with this public id was. Raises NOT_ALLOWED, BAD_INPUT without a reason, MEMBER_UNKNOWN.

    `reason` goes into the audit line, long numbers masked: which authority asks, under which number.
    """
    await powers.demand(clerk, Power.OPEN_SEALED_RECORDS)
    concerning("MEMBER", member_id, reading=True, detail=checked_reason(reason))
    found = await database.row(
        """SELECT sealed_record.*, member.id AS member_row FROM sealed_record
             JOIN member ON member.public_id = sealed_record.member_public_id
            WHERE sealed_record.member_public_id = $1""",
        member_id,
    )
    if found is None:
        raise MemberUnknown
    who = orjson.loads(_open(found, keys))
    return Opened(
        member_public_id=member_id,
        name=who["name"],
        phone=who["phone"],
        doors=who["doors"],
        basis=found["basis"],
        sealed_at=database.utc(found["sealed_at"]),
        keep_until=database.utc(found["keep_until"]),
    )


async def reseal_all(*, keys: SealingKeys, batch: int = 200) -> int:
    """Brings every record under the current key and tells how many it moved; then the old key can go. Batches are
    short transactions; may be stopped and run again."""
    moved = 0
    while just_moved := await _reseal_some(keys, batch):
        moved += just_moved
    return moved


@database.operation
async def _reseal_some(keys: SealingKeys, limit: int) -> int:
    found = await database.rows(
        """SELECT sealed_record.*, member.id AS member_row FROM sealed_record
             JOIN member ON member.public_id = sealed_record.member_public_id
            WHERE sealed_record.seal_key_id <> $1 ORDER BY sealed_record.id LIMIT $2
              FOR UPDATE OF sealed_record""",
        keys.current_id,
        limit,
    )
    for row in found:
        sealed = keys.seal(_open(row, keys), table=_TABLE, column=_COLUMN, row=row["member_row"])
        await database.rows(
            "UPDATE sealed_record SET sealed = $1, seal_key_id = $2 WHERE id = $3 RETURNING id",
            *(sealed.value, sealed.key_id, row["id"]),
        )
    return len(found)


def _open(row: Any, keys: SealingKeys) -> str:
    sealed = Sealed(row["seal_key_id"], bytes(row["sealed"]))
    return keys.open(sealed, table=_TABLE, column=_COLUMN, row=row["member_row"])


async def _last_trade(accounts: Sequence[int]) -> datetime | None:
    """When the last order of these accounts, or of which they paid a share, was over: played, closed, or given back."""
    listed = database.parameters(len(accounts))
    theirs = f"""(SELECT id FROM orders WHERE member_id IN ({listed})
                   UNION SELECT order_id FROM payment_share WHERE member_id IN ({listed})
                                                              AND state IN ('PAID', 'GIVEN_BACK'))"""
    found = await database.row(
        f"""SELECT (SELECT max(placed_at) FROM orders WHERE id IN {theirs}) AS placed,
                   (SELECT max(closed_at) FROM orders WHERE id IN {theirs}) AS closed,
                   (SELECT max(ends_at) FROM order_line WHERE order_id IN {theirs}) AS played,
                   (SELECT max(finished_at) FROM refund WHERE order_id IN {theirs}) AS refunded""",
        *accounts,
    )
    assert found is not None
    known = [database.utc(found[name]) for name in ("placed", "closed", "played", "refunded") if found[name]]
    return max(known, default=None)


async def _who(accounts: Sequence[int], keys: PrivacyKeys) -> dict[str, Any]:
    """By the member's own rows first, else by those of an account that was joined."""
    people = {row.member_id: row for row in await RealName.filter(member_id__in=accounts)}
    numbers = {row.member_id: row for row in await MemberPhone.filter(member_id__in=accounts)}
    person = next((people[each] for each in accounts if each in people), None)
    number = next((numbers[each] for each in accounts if each in numbers), None)
    doors = await database.rows(
        f"""SELECT door, appid, openid FROM identity WHERE member_id IN ({database.parameters(len(accounts))})
             ORDER BY id""",
        *accounts,
    )
    phone = number and keys.phones.sealing.open(
        Sealed(number.seal_key_id, bytes(number.sealed)),
        table="member_phone",
        column="sealed",
        row=number.member_id,
    )
    return {
        "name": person and binding.open_row(person, keys.ids)[0],
        "phone": phone,
        "doors": [f"{door['door']} {door['appid']} {door['openid']}" for door in doors],
    }
