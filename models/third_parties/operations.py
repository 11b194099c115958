"""Third parties get a key, move to another, and lose it. A key is known by its hash alone.

An end is for good and holds from the moment it is committed: whoever asks is looked up each time.
"""

from datetime import datetime

from tortoise.queryset import QuerySet

from models import database
from models.ids import new_id
from models.keys import token_hash
from models.third_parties.rules import (
    LIVE_KEYS,
    KeyUnknown,
    NameTaken,
    NewKey,
    ThirdPartyUnknown,
    TooManyKeys,
    checked_contact,
    checked_name,
    new_key,
)
from models.third_parties.tables import ThirdParty, ThirdPartyKey


@database.operation
async def register(*, name: str, contact: str, now: datetime) -> NewKey:
    """A new third party and its first key. Raises BAD_INPUT for what cannot be and for a name in use."""
    name, contact = checked_name(name), checked_contact(contact)
    created = await database.row(
        """INSERT INTO third_party (public_id, name, contact, created_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (name) DO NOTHING RETURNING id, public_id""",
        new_id("thp"),
        name,
        contact,
        now,
    )
    if created is None:
        raise NameTaken
    return await _hand_out(created["id"], created["public_id"], now)


@database.operation
async def rotate(*, name: str, now: datetime) -> NewKey:
    """One more key; the present ones stay valid until `finish_rotation`. Raises BAD_INPUT when there are too many."""
    third_party = await _locked(name)
    if await _live(third_party).count() >= LIVE_KEYS:
        raise TooManyKeys
    return await _hand_out(third_party.id, third_party.public_id, now)


@database.operation
async def finish_rotation(*, name: str, now: datetime) -> int:
    """The newest key is in use everywhere: all others end. Says how many did; harmless the second time."""
    third_party = await _locked(name)
    newest = await _live(third_party).order_by("-id").first()
    return await _live(third_party).exclude(id=newest.id if newest else 0).update(ended_at=now)


@database.operation
async def end_key(*, name: str, last_four: str, now: datetime) -> None:
    """Ends one key, which somebody else may have read. Raises BAD_INPUT unless it is exactly one that is meant."""
    third_party = await _locked(name)
    meant = await _live(third_party).filter(last_four=last_four)
    if len(meant) != 1:
        raise KeyUnknown
    await ThirdPartyKey.filter(id=meant[0].id).update(ended_at=now)


@database.operation
async def end(*, name: str, now: datetime) -> None:
    """Ends a third party with all its keys. Its name stays its own."""
    third_party = await _locked(name)
    await _live(third_party).update(ended_at=now)
    third_party.ended_at = now
    await third_party.save(update_fields=["ended_at"])


async def _hand_out(third_party_id: int, public_id: str, now: datetime) -> NewKey:
    key = new_key()
    await ThirdPartyKey.create(
        third_party_id=third_party_id, key_hash=token_hash(key), last_four=key[-4:], created_at=now
    )
    return NewKey(public_id, key)


def _live(third_party: ThirdParty) -> QuerySet[ThirdPartyKey]:
    return ThirdPartyKey.filter(third_party_id=third_party.id, ended_at__isnull=True)


async def _locked(name: str) -> ThirdParty:
    """The row under which all changes to one third party's keys happen, one after the other."""
    third_party = await ThirdParty.filter(name=name.strip(), ended_at__isnull=True).select_for_update().first()
    if third_party is None:
        raise ThirdPartyUnknown
    return third_party
