"""What can be asked about series and group requests: one's own, and what a venue's staff have to answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.arrangements.rules import GroupLine, RequestState
from models.calendar import business_day, steps_between
from models.keys import IdKeys
from models.real_names.queries import known_people
from models.staff.powers import demand
from models.staff.rules import Power, StaffSignedIn

Row = dict[str, Any]
MOST_SERIES_SHOWN = 10
MOST_REQUESTS_SHOWN = 20


async def series_of(*, member_id: int, series_id: str = "", venue_id: str = "") -> list[Row]:
    """A member's, the newest first, each with its dates in order; those at one venue, or just one of them.

    An order that is another account's, since accounts were joined and parted, is not told of.
    """
    found = await database.rows(
        f"""SELECT series.public_id, series.weekday, series.from_minute, series.slots, series.first_day, series.last_day,
                   series.people, series.state, series.asked_at, venue.public_id AS venue_id, venue.name AS venue_name,
                   court.public_id AS court_id, court.name AS court_name, organisation.name AS organisation_name,
                   (SELECT json_agg(json_build_array(one.business_day, one.state, one.code, one.reason,
                                                     orders.order_no, orders.status, orders.hold_expires_at))
                      FROM series_date one LEFT JOIN orders ON orders.id = one.order_id
                                                           AND orders.member_id = series.member_id
                     WHERE one.series_id = series.id) AS dates,
                   (SELECT json_agg(tie.public_id)
                      FROM series_companion named
                           JOIN companionship tie ON tie.ended_at IS NULL
                            AND (tie.one_id = series.member_id AND tie.other_id = named.member_id
                                 OR tie.other_id = series.member_id AND tie.one_id = named.member_id)
                     WHERE named.series_id = series.id) AS companion_ids
              FROM booking_series series JOIN venue ON venue.id = series.venue_id
                   JOIN court ON court.id = series.court_id
                   LEFT JOIN organisation ON organisation.id = series.organisation_id
             WHERE series.member_id = $1 AND ($2::text = '' OR series.public_id = $2::text)
               AND ($3::text = '' OR venue.public_id = $3::text)
             ORDER BY series.id DESC LIMIT {MOST_SERIES_SHOWN}""",
        *(member_id, series_id, venue_id),
    )
    return [
        database.with_instants(row, "asked_at")
        | {name: database.day(row[name]) for name in ("first_day", "last_day")}
        | {"dates": sorted(orjson.loads(row["dates"] or "[]"), key=lambda date: date[0])}
        | {"companion_ids": sorted(orjson.loads(row["companion_ids"] or "[]"))}
        for row in found
    ]


async def requests_of(*, member_id: int, request_id: str | None = None) -> list[Row]:
    """A member's, the newest first; or just one of them."""
    only, values = ("", []) if request_id is None else ("AND request.public_id = $2", [request_id])
    return await _requests(
        f"request.member_id = $1 {only} ORDER BY request.id DESC LIMIT {MOST_REQUESTS_SHOWN}", member_id, *values
    )


async def to_decide(
    *, clerk: StaffSignedIn, venue_id: str, state: RequestState, keys: IdKeys, now: datetime
) -> list[Row]:
    """A venue's in this state, the soonest to be answered first, with the mask of who asks and, while they wait, which of their
    slots somebody has by now. Raises NOT_ALLOWED."""
    await demand(clerk, Power.DECIDE_GROUP_REQUESTS, venue_id=venue_id)
    found = await _requests(
        f"venue.public_id = $1 AND request.state = $2 ORDER BY request.answer_by, request.id LIMIT {MOST_REQUESTS_SHOWN}",
        venue_id,
        state.value,
    )
    return await _with_people(found, keys, now)


async def for_staff(*, request_id: str, keys: IdKeys, now: datetime) -> Row:
    """One that a clerk has just decided."""
    return (await _with_people(await _requests("request.public_id = $1", request_id), keys, now))[0]


async def _with_people(found: Sequence[Row], keys: IdKeys, now: datetime) -> list[Row]:
    known = await known_people([row["member_id"] for row in found], keys=keys, today=business_day(now))
    taken = await _taken([line for row in found for line in row["lines"] if row["state"] == RequestState.WAITING])
    return [
        row
        | {
            "masked_name": known[row["member_id"]].masked_name if row["member_id"] in known else None,
            "taken": [line in taken for line in row["lines"]],
        }
        for row in found
    ]


async def _requests(condition: str, *values: Any) -> list[Row]:
    found = await database.rows(
        f"""SELECT request.public_id, request.member_id, request.people, request.purpose, request.lines, request.state,
                   request.answer_by, request.note, request.asked_at, request.decided_at, venue.public_id AS venue_id,
                   venue.name AS venue_name, organisation.name AS organisation_name, orders.order_no,
                   orders.hold_expires_at, orders.status AS order_status
              FROM group_request request JOIN venue ON venue.id = request.venue_id
                   LEFT JOIN organisation ON organisation.id = request.organisation_id
                   LEFT JOIN orders ON orders.id = request.order_id AND orders.member_id = request.member_id
             WHERE {condition}""",
        *values,
    )
    return [
        database.with_instants(row, "answer_by", "asked_at", "decided_at", "hold_expires_at")
        | {"lines": [GroupLine(*line) for line in _read(row["lines"])], "taken": None, "masked_name": None}
        for row in found
    ]


def _read(lines: Any) -> list[Any]:
    """PostgreSQL gives JSON as a text too, or what it says, as the engine likes."""
    return list(orjson.loads(lines) if isinstance(lines, str | bytes) else lines)


async def _taken(lines: Sequence[GroupLine]) -> set[GroupLine]:
    """Of these slots those of which somebody has a cell. One statement."""
    if not lines:
        return set()
    steps = {line: steps_between(*map(datetime.fromisoformat, (line.starts_at, line.ends_at))) for line in lines}
    held = await database.rows(
        """SELECT DISTINCT court.public_id, held_cell.step FROM court
             JOIN court_cover ON court_cover.court_id = court.id
             JOIN held_cell ON held_cell.part_id = court_cover.part_id
            WHERE court.public_id = ANY($1::text[]) AND held_cell.step = ANY($2::bigint[])""",
        sorted({line.court_id for line in lines}),
        sorted({step for each in steps.values() for step in each}),
    )
    cells = {(row["public_id"], row["step"]) for row in held}
    return {line for line in lines if any((line.court_id, step) in cells for step in steps[line])}
