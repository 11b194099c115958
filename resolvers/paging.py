"""Relay's page info, from what a query knows."""

from collections.abc import Sequence
from typing import Protocol

from strawberry.relay import PageInfo

from models.errors import wrong_cursor, wrong_page_size


class Edge(Protocol):
    cursor: str


def page_of(edges: Sequence[Edge], found: Sequence[object], after: str | None) -> PageInfo:
    """Of a list whose query looked for one row more than is shown."""
    return page_info(
        [edge.cursor for edge in edges], has_next=len(found) > len(edges), has_previous=after is not None
    )


def page_info(cursors: Sequence[str], *, has_next: bool, has_previous: bool) -> PageInfo:
    return PageInfo(
        has_next_page=has_next,
        has_previous_page=has_previous,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def checked_size(first: int, most: int) -> int:
    """How many are asked for. Raises BAD_INPUT."""
    if not 1 <= first <= most:
        raise wrong_page_size(most)
    return first


def read_cursor(after: str | None, letter: str, *, digits: int = 18) -> int | None:
    """The id of the row after which to go on, from a cursor of the list that has this letter; `digits` are what the
    column can hold. Raises BAD_INPUT."""
    if after is None:
        return None
    if not (after.startswith(letter) and after[1:].isascii() and after[1:].isdigit() and len(after) <= digits + 1):
        raise wrong_cursor()
    return int(after[1:])
