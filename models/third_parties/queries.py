"""Whose key this is, and who is registered."""

from models.database import row, rows, utc
from models.keys import token_hash
from models.third_parties.rules import PREFIX, KnownThirdParty, Listed, ListedKey


async def find(key: str) -> KnownThirdParty | None:
    """The third party with this live key; None when it is unknown or has ended.

    One statement each time and nothing remembered, so that an end holds at once. The key is found by the hash of
    its 256 random bits in an index: how long that takes tells nothing about any key.
    """
    if not key.startswith(PREFIX):
        return None
    found = await row(
        """SELECT t.public_id, t.name FROM third_party_key k JOIN third_party t ON t.id = k.third_party_id
            WHERE k.key_hash = $1 AND k.ended_at IS NULL AND t.ended_at IS NULL""",
        token_hash(key),
    )
    return found and KnownThirdParty(found["public_id"], found["name"])


async def registered() -> list[Listed]:
    """Everybody, also those that ended, by name."""
    keys: dict[int, list[ListedKey]] = {}
    for key in await rows(
        "SELECT third_party_id, last_four, created_at, ended_at FROM third_party_key ORDER BY id"
    ):
        ended_at = key["ended_at"] and utc(key["ended_at"])
        listed = ListedKey(key["last_four"], utc(key["created_at"]), ended_at)
        keys.setdefault(key["third_party_id"], []).append(listed)
    return [
        Listed(
            public_id=found["public_id"],
            name=found["name"],
            contact=found["contact"],
            created_at=utc(found["created_at"]),
            ended_at=found["ended_at"] and utc(found["ended_at"]),
            keys=tuple(keys.get(found["id"], ())),
        )
        for found in await rows(
            "SELECT id, public_id, name, contact, created_at, ended_at FROM third_party ORDER BY name"
        )
    ]
