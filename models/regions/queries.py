"""What can be asked about divisions."""

from datetime import date
from typing import TypedDict

from models import database


class RegionRow(TypedDict):
    """A division as it is on some day. `code` (GB/T 2260) is empty while not published."""

    key: str
    code: str
    name: str
    level: str  # PROVINCE, CITY, DISTRICT
    parent_key: str


async def regions(on_day: date, parent_key: str | None = None) -> list[RegionRow]:
    """The divisions that exist on a day, all of them or those directly under a parent ("" for the provinces).

    A predecessor whose last day was not found is in the table (old ID cards carry its code) but exists on no day.
    """
    if parent_key is not None and not (parent_key.isprintable() and len(parent_key) <= 24):
        return []
    found = await database.rows(
        f"""SELECT key, code, name, level, parent_key FROM region
             WHERE (valid_from IS NULL OR valid_from <= $1)
               AND (valid_to > $1 OR (valid_to IS NULL AND successor_key = ''))
               {"" if parent_key is None else "AND parent_key = $2"}
             ORDER BY key""",
        *((on_day,) if parent_key is None else (on_day, parent_key)),
    )
    return [
        {
            "key": row["key"],
            "code": row["code"],
            "name": row["name"],
            "level": row["level"],
            "parent_key": row["parent_key"],
        }
        for row in found
    ]
