"""Which version of a pool's sessions holds on a day, in SQL and for rows that were read already."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from models import database


def plans_version_on(of: str, day: str) -> str:
    """The number that holds on a day (an expression) for the pool of a row that has `venue_id`, `sport_code` and `name`:
    the latest that staff wrote of those that reach over it; where none does 0, the files'."""
    return f"""COALESCE((SELECT MAX(holding.number) FROM session_plan_version holding
               WHERE holding.venue_id = {of}.venue_id AND holding.sport_code = {of}.sport_code
                 AND holding.name = {of}.name
                 AND holding.from_day <= {day} AND (holding.to_day IS NULL OR holding.to_day > {day})), 0)"""


class PlansVersion(NamedTuple):
    """What staff wrote of a pool, without its sessions."""

    number: int
    sport_code: str
    name: str
    from_day: date
    to_day: date | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "PlansVersion":
        to_day = row["to_day"] and database.day(row["to_day"])
        return cls(row["number"], row["sport_code"], row["name"], database.day(row["from_day"]), to_day)

    def reaches_over(self, day: date) -> bool:
        return self.from_day <= day and (self.to_day is None or day < self.to_day)


def number_on(versions: Iterable[PlansVersion], sport_code: str, name: str, day: date) -> int:
    """As `plans_version_on`."""
    return max(
        (
            each.number
            for each in versions
            if (each.sport_code, each.name) == (sport_code, name) and each.reaches_over(day)
        ),
        default=0,
    )
