"""Whose rows become whose: table by table, each move written down, so that undoing brings back these and no others.

`models.personal_data.HELD` says what moves. What would collide with a row that is there has a rule here:

- told or chosen twice (messages, choices): the other account's row stays where it was, out of sight;
- one number for two requests (idempotency keys of orders, complaints): the joined row's key changes;
- the same live thing twice (a consent, a guardian, a helper, a companion): the joined account's ends;
- twice in an organisation: the lesser role ends;
- each other's companions: that ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.personal_data import HELD, OnMerge

ROLES = ("OWNER", "MANAGER", "MEMBER")
"""From most to least; models.organisations.rules."""


@dataclass(frozen=True, kw_only=True)
class Joining:
    """One merge, by the numbers of its rows."""

    merge_id: int
    kept: int
    joined: int


@dataclass(frozen=True)
class _Twin:
    """A live row of each account that says the same: the joined account's ends."""

    table: str
    column: str
    same: str
    live: str = "ended_at"
    says: Mapping[str, str] | None = None


_STAYS_IF_THERE: Mapping[tuple[str, str], Sequence[str]] = {
    ("message", "member_id"): ("template", "about_no"),
    ("message_sending", "recipient_id"): ("message_id", "way"),
    ("message_choice", "member_id"): ("kind", "way"),
    ("line_companion", "member_id"): ("order_line_id",),
    ("series_companion", "member_id"): ("series_id",),
}
_KEYED = ("orders", "complaint", "waiting_entry", "booking_series", "group_request")
_TWINS = (
    _Twin("consent", "member_id", "purpose", says={"end_reason": "JOINED"}),
    _Twin("guardianship", "guardian_id", "ward_id", says={"end_reason": "JOINED"}),
    _Twin("guardianship", "ward_id", "guardian_id", says={"end_reason": "JOINED"}),
    _Twin("proxy", "principal_id", "helper_id", says={"ended_by": "SYSTEM"}),
    _Twin("proxy", "helper_id", "principal_id", says={"ended_by": "SYSTEM"}),
)
BY_THEMSELVES = {"real_name", "member_phone"}
"""Sealed to their place, or one a member: models/merging/sealed.py moves them."""


async def move_all(joining: Joining, now: datetime) -> None:
    """Everything that HELD says moves. Inside the caller's transaction, which holds both members' rows."""
    for twin in _TWINS:
        await _end_twins(joining, twin, now)
    await _end_lesser_roles(joining, now)
    await _move_companions(joining, now)
    for table in _KEYED:
        await _move_with_new_keys(joining, table)
    for held in HELD:
        if held.on_merge is OnMerge.STAYS or held.table in BY_THEMSELVES or held.table == "companionship":
            continue
        await _move(joining, held.table, held.column, _STAYS_IF_THERE.get((held.table, held.column), ()))


async def give_back_all(joining: Joining) -> None:
    """The rows that moved, where they still are the kept member's, as they were before; and admissions with their order."""
    plain = await database.rows(
        """SELECT DISTINCT table_name, column_name FROM merge_move
            WHERE merge_id = $1 AND before = '' ORDER BY table_name, column_name""",
        joining.merge_id,
    )
    for group in plain:
        table, column = _known(group["table_name"], group["column_name"])
        free = ""
        if alike := _STAYS_IF_THERE.get((table, column)):  # what came late may have taken its place meanwhile
            free = f"AND NOT EXISTS (SELECT 1 FROM {table} theirs WHERE theirs.{column} = $1 AND {_same(table, alike, 'theirs')})"
        await database.rows(
            f"""UPDATE {table} SET {column} = $1 WHERE {column} = $2 AND id IN (
                  SELECT row_id FROM merge_move
                   WHERE merge_id = $3 AND table_name = $4 AND column_name = $5 AND before = '') {free}
                RETURNING id""",
            *(joining.joined, joining.kept, joining.merge_id, table, column),
        )
    changed = await database.rows(
        """SELECT table_name, column_name, row_id, before FROM merge_move
            WHERE merge_id = $1 AND before <> '' ORDER BY id DESC""",
        joining.merge_id,
    )
    for move in changed:
        if move["table_name"] not in BY_THEMSELVES:
            await _give_back_changed(joining, move)
    await database.rows(  # of orders that came along unpaid and were paid since
        """UPDATE admission SET member_id = $1
            WHERE member_id = $2 AND order_id IN (SELECT id FROM orders WHERE member_id = $1) RETURNING id""",
        *(joining.joined, joining.kept),
    )


async def note(
    joining: Joining, table: str, column: str, row_id: int, before: Mapping[str, Any] | None = None
) -> None:
    """Writes down that a row moved; `column` is empty for one that changed and did not move."""
    await database.rows(
        "INSERT INTO merge_move (merge_id, table_name, column_name, row_id, before) VALUES ($1, $2, $3, $4, $5)",
        *(joining.merge_id, table, column, row_id, orjson.dumps(before).decode() if before else ""),
    )


async def _move(joining: Joining, table: str, column: str, stays_if_there: Sequence[str]) -> None:
    condition = f"{column} = $1"
    if stays_if_there:
        alike = _same(table, stays_if_there, "mine")
        condition += f" AND NOT EXISTS (SELECT 1 FROM {table} mine WHERE mine.{column} = $2 AND {alike})"
        values: tuple[int, ...] = (joining.joined, joining.kept)
    else:
        values = (joining.joined,)
    found = await database.rows(f"SELECT id FROM {table} WHERE {condition} ORDER BY id", *values)
    if not found:
        return
    noted = {
        row["row_id"]
        for row in await database.rows(
            "SELECT row_id FROM merge_move WHERE merge_id = $1 AND table_name = $2 AND column_name = $3",
            *(joining.merge_id, table, column),
        )
    }
    for row in found:
        if row["id"] not in noted:
            await note(joining, table, column, row["id"])
    ids = [row["id"] for row in found]
    for some in (ids[start : start + 500] for start in range(0, len(ids), 500)):
        await database.rows(
            f"UPDATE {table} SET {column} = $1 WHERE id IN ({database.parameters(len(some), first=2)}) RETURNING id",
            *(joining.kept, *some),
        )


def _same(table: str, columns: Sequence[str], other: str) -> str:
    return " AND ".join(f"{other}.{each} = {table}.{each}" for each in columns)


async def _end_twins(joining: Joining, twin: _Twin, now: datetime) -> None:
    """The joined account's row ends, and will move with the others; it lives again if the accounts part while
    the kept one's still lives, so that what was ended meanwhile stays ended."""
    found = await database.rows(
        f"""SELECT theirs.id, mine.id AS twin FROM {twin.table} theirs
              JOIN {twin.table} mine ON mine.{twin.same} = theirs.{twin.same} AND mine.{twin.column} = $1
                                    AND mine.{twin.live} IS NULL
             WHERE theirs.{twin.column} = $2 AND theirs.{twin.live} IS NULL""",
        *(joining.kept, joining.joined),
    )
    for row in found:
        words = dict(twin.says or {})
        was = {twin.live: None, **dict.fromkeys(words, "")}
        await _set(twin.table, row["id"], {twin.live: now, **words})
        await note(
            joining, twin.table, twin.column, row["id"], {"was": was, "twin": row["twin"], "live": twin.live}
        )


async def _end_lesser_roles(joining: Joining, now: datetime) -> None:
    found = await database.rows(
        """SELECT theirs.id, theirs.role, mine.id AS twin, mine.role AS my_role FROM organisation_member theirs
             JOIN organisation_member mine ON mine.organisation_id = theirs.organisation_id
                                          AND mine.member_id = $1 AND mine.left_at IS NULL
            WHERE theirs.member_id = $2 AND theirs.left_at IS NULL""",
        *(joining.kept, joining.joined),
    )
    for row in found:
        theirs_is_more = ROLES.index(row["role"]) < ROLES.index(row["my_role"])
        ending, twin = (row["twin"], row["id"]) if theirs_is_more else (row["id"], row["twin"])
        await _set("organisation_member", ending, {"left_at": now})
        before = {"was": {"left_at": None}, "twin": twin, "live": "left_at"}
        await note(joining, "organisation_member", "" if theirs_is_more else "member_id", ending, before)


async def _move_companions(joining: Joining, now: datetime) -> None:
    """The lower number stands first in a pair, so a pair is written anew. Ended ones move too: they are history."""
    found = await database.rows(
        """SELECT id, one_id, other_id, ended_at FROM companionship
            WHERE one_id = $1 OR other_id = $1 ORDER BY id""",
        joining.joined,
    )
    for row in found:
        other = row["other_id"] if row["one_id"] == joining.joined else row["one_id"]
        was: dict[str, Any] = {"one_id": row["one_id"], "other_id": row["other_id"]}
        if other == joining.kept:
            if row["ended_at"] is None:
                await _set("companionship", row["id"], {"ended_at": now})
                await note(joining, "companionship", "", row["id"], {"was": {"ended_at": None}})
            continue
        one, two = sorted((joining.kept, other))
        twin = await database.row(
            "SELECT id FROM companionship WHERE one_id = $1 AND other_id = $2 AND ended_at IS NULL", one, two
        )
        before: dict[str, Any] = {"was": was}
        values: dict[str, Any] = {"one_id": one, "other_id": two}
        if row["ended_at"] is None and twin is not None:
            before |= {"twin": twin["id"], "live": "ended_at"}
            was["ended_at"] = None
            values["ended_at"] = now
        await _set("companionship", row["id"], values)
        await note(joining, "companionship", "one_id" if one == joining.kept else "other_id", row["id"], before)


async def _move_with_new_keys(joining: Joining, table: str) -> None:
    """Rows whose idempotency key the kept member has used as well: under a key that nobody can send."""
    found = await database.rows(
        f"""SELECT theirs.id, theirs.idempotency_key FROM {table} theirs
              JOIN {table} mine ON mine.member_id = $1 AND mine.idempotency_key = theirs.idempotency_key
             WHERE theirs.member_id = $2""",
        *(joining.kept, joining.joined),
    )
    for row in found:
        await _set(table, row["id"], {"idempotency_key": f"合并 {joining.merge_id} {row['id']}"})
        await note(joining, table, "member_id", row["id"], {"was": {"idempotency_key": row["idempotency_key"]}})


async def _give_back_changed(joining: Joining, move: Any) -> None:
    before = orjson.loads(move["before"])
    was = before["was"]
    table, column = _known(move["table_name"], move["column_name"])
    if twin := before.get("twin"):
        live = _known(table, before["live"])[1]
        still = await database.row(f"SELECT id FROM {table} WHERE id = $1 AND {live} IS NULL", twin)
        if still is None:  # ended since by somebody who meant both
            was = {name: value for name, value in was.items() if name in ("one_id", "other_id")}
    condition, values = "", []
    if column:
        was = {column: joining.joined, **was}
        condition, values = f" AND {column} = $2", [joining.kept]
    if was:
        names = [_known(table, name)[1] for name in was]
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, start=2 + len(values)))
        await database.rows(
            f"UPDATE {table} SET {sets} WHERE id = $1{condition} RETURNING id",
            *(move["row_id"], *values, *was.values()),
        )


async def _set(table: str, row_id: int, values: Mapping[str, Any]) -> None:
    sets = ", ".join(f"{column} = ${place}" for place, column in enumerate(values, start=2))
    await database.rows(f"UPDATE {table} SET {sets} WHERE id = $1 RETURNING id", row_id, *values.values())


_TABLES = {held.table for held in HELD}
_COLUMNS = {held.column for held in HELD} | {
    "ended_at",
    "left_at",
    "end_reason",
    "ended_by",
    "idempotency_key",
    "",
}


def _known(table: str, column: str) -> tuple[str, str]:
    """Names that were written down go into SQL again only when they are ours."""
    if table not in _TABLES or column not in _COLUMNS:
        raise ValueError(f"merge_move names {table}.{column}, which nothing of ours is called")
    return table, column
