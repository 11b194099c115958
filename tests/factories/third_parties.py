"""Third parties with a live key, for the tests of doors."""

import secrets
from datetime import datetime

from models.third_parties import operations as third_parties
from models.third_parties.rules import NewKey
from tests.conftest import NOW


async def a_third_party(name: str | None = None, *, now: datetime = NOW) -> NewKey:
    """Somebody newly registered. Each call without a name is another."""
    return await third_parties.register(
        name=name or f"渝健身-{secrets.token_hex(4)}", contact="张工 zhang@example.cn", now=now
    )
