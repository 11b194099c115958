"""A file of everything that is held about a member, for them alone (PIPL 45).

A link works once, for ten minutes; the file is written while it is sent and kept nowhere. What is in it says
`models.personal_data.HELD`: whatever is sealed is opened for whose it is, but an ID number, which nobody is shown.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.calendar import SHANGHAI
from models.feedback import steps
from models.keys import Sealed, new_token, token_hash
from models.members.standing import accounts_of, lock_living
from models.messages import templates
from models.personal_data import HELD, WORDS, Held, Part
from models.privacy.rules import (
    EXPORT_LIFE,
    EXPORT_WINDOW,
    MOST_EXPORTS,
    ExportUnknown,
    PrivacyKeys,
    TooManyExports,
)
from models.privacy.tables import ExportLink
from models.real_names import binding

BATCH = 200
_NEEDED = {"member_phone": ("member_id", "seal_key_id"), "real_name": ("member_id", "seal_key_id")}
_NEEDED_BY_PARTS = {"complaint_step": ("seal_key_id",)}
_BOOLEAN = {"is_wanted", "at_desk"}


@database.operation
async def ask(*, member_id: int, now: datetime) -> str:
    """A token for one download. Raises TooManyExports after five in a day."""
    await lock_living(member_id)
    if await ExportLink.filter(member_id=member_id, asked_at__gt=now - EXPORT_WINDOW).count() >= MOST_EXPORTS:
        raise TooManyExports
    token = new_token()
    await ExportLink.create(
        member_id=member_id, token_hash=token_hash(token), asked_at=now, expires_at=now + EXPORT_LIFE
    )
    return token


@database.operation
async def redeem(*, token: str, now: datetime) -> int:
    """Whose file it is; the link is used up, whatever becomes of the download. Raises ExportUnknown."""
    found = await database.row(
        """UPDATE export_link SET fetched_at = $1
            WHERE token_hash = $2 AND fetched_at IS NULL AND expires_at > $1 RETURNING member_id""",
        now,
        token_hash(token),
    )
    if found is None:
        raise ExportUnknown
    await lock_living(found["member_id"])
    return int(found["member_id"])


async def written(*, member_id: int, keys: PrivacyKeys, now: datetime) -> AsyncIterator[bytes]:
    """The file, piece by piece: one JSON object, a list of rows for each section that has any."""
    accounts = await accounts_of(member_id)
    head = {
        "说明": "您在全民健身公共服务平台的全部个人信息。金额以分为单位，时间为北京时间。",
        "导出时间": _local(now),
    }
    yield orjson.dumps(head)[:-1]
    for held in HELD:
        if not held.exported:
            continue
        started = False
        async for rows in _sections(held, accounts, keys):
            for row in rows:
                yield (b"," if started else b',"' + held.what.encode() + b'":[') + orjson.dumps(row)
                started = True
        if started:
            yield b"]"
    yield b"}"


async def _sections(held: Held, accounts: Sequence[int], keys: PrivacyKeys) -> AsyncIterator[list[dict[str, Any]]]:
    """Batches of a section's rows as they are written."""
    columns = _columns(held.exported, _NEEDED.get(held.table, ()))
    last = 0
    while True:
        found = await database.rows(
            f"""SELECT {columns} FROM {held.table}
                 WHERE {held.column} IN ({database.parameters(len(accounts), first=3)}) AND id > $1
                 ORDER BY id LIMIT $2""",
            *(last, BATCH, *accounts),
        )
        if not found:
            return
        last = found[-1]["id"]
        hanging = {
            part.what: await _parts(part, [row["id"] for row in found], keys) for part in held.parts if part.what
        }
        yield [_said(held.table, held.exported, row, keys) | _of(row["id"], hanging) for row in found]


async def _parts(part: Part, ids: Sequence[int], keys: PrivacyKeys) -> Mapping[int, list[dict[str, Any]]]:
    columns = _columns(part.exported, (part.column, *_NEEDED_BY_PARTS.get(part.table, ())))
    found = await database.rows(
        f"""SELECT {columns} FROM {part.table}
             WHERE {part.column} IN ({database.parameters(len(ids))}) AND {part.of} ORDER BY id""",
        *ids,
    )
    by_row: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        by_row[row[part.column]].append(_said(part.table, part.exported, row, keys))
    return by_row


def _of(row_id: int, hanging: Mapping[str, Mapping[int, list[dict[str, Any]]]]) -> dict[str, Any]:
    return {what: rows[row_id] for what, rows in hanging.items() if row_id in rows}


def _columns(exported: Sequence[str], needed: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in dict.fromkeys(("id", *exported, *needed)))


def _said(table: str, exported: Sequence[str], row: Any, keys: PrivacyKeys) -> dict[str, Any]:
    said = {}
    for column in exported:
        opener = _OPENERS.get((table, column))
        value = opener(row, keys) if opener else _plain(column, row[column])
        if value is not None and value != "":
            said[WORDS[column]] = value
    return said


def _plain(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column.endswith("_at"):
        return _local(database.utc(value))
    if column in _BOOLEAN:
        return bool(value)
    return str(value) if column.endswith("_on") else value


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _phone(row: Any, keys: PrivacyKeys) -> str:
    sealed = Sealed(row["seal_key_id"], bytes(row["sealed"]))
    return keys.phones.sealing.open(sealed, table="member_phone", column="sealed", row=row["member_id"])


def _name(row: Any, keys: PrivacyKeys) -> str:
    return binding.open_name(row["sealed_name"], row["seal_key_id"], member_id=row["member_id"], keys=keys.ids)


def _masked_number(row: Any, keys: PrivacyKeys) -> str:
    number = binding.open_number(
        row["sealed_number"], row["seal_key_id"], member_id=row["member_id"], keys=keys.ids
    )
    return f"{number[0]}{'*' * (len(number) - 2)}{number[-1]}"


def _complaint_text(row: Any, keys: PrivacyKeys) -> str | None:
    return steps.text_of(row, keys.texts) or None


def _message_text(row: Any, _keys: PrivacyKeys) -> str:
    values = row["values"]
    filled: Mapping[str, str] = orjson.loads(values) if isinstance(values, str | bytes) else values
    return templates.template(row["template"]).text(filled)


_OPENERS: Mapping[tuple[str, str], Callable[[Any, PrivacyKeys], Any]] = {
    ("member_phone", "sealed"): _phone,
    ("real_name", "sealed_name"): _name,
    ("real_name", "sealed_number"): _masked_number,
    ("complaint_step", "sealed_text"): _complaint_text,
    ("message", "values"): _message_text,
}
