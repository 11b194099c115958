"""What every bare route is given, and what it does with what it cannot answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from starlette.exceptions import HTTPException

from bff.graphql.rates import Rates
from models.codes.rules import CodeKeys


@dataclass(frozen=True)
class House:
    pool: asyncpg.Pool
    wake: Callable[[str], Awaitable[None]]
    keys: CodeKeys
    rates: Rates
    """Ours; only signing out is counted."""


Asked = Mapping[str, Any]
Answer = Callable[[House, Asked, str, datetime], Awaitable[dict[str, Any]]]
"""(house, GraphQL's variables, the caller's token, now) → GraphQL's `data`."""


def demand(condition: object) -> None:
    """The bare routes know only the way that succeeds."""
    if not condition:
        raise HTTPException(409)
