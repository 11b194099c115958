"""What is sealed to its member moves by being sealed anew: the phone number and the real name."""

from datetime import datetime

import orjson

from models.database import row, rows, utc
from models.keys import IdKeys, PhoneKeys
from models.members import phones
from models.merging.moving import Joining, note
from models.real_names import binding


async def end_what_rests_on_no_name(joining: Joining, now: datetime) -> None:
    """A concession is its person's: one that stands on an account without a name is nobody's, and neither becomes the
    other account's person's nor stands in the way of theirs. It does not come back when the accounts part."""
    await rows(
        """UPDATE concession SET revoked_at = $1
            WHERE member_id IN ($2, $3) AND revoked_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM real_name WHERE real_name.member_id = concession.member_id) RETURNING id""",
        *(now, joining.kept, joining.joined),
    )


async def move(joining: Joining, phone_keys: PhoneKeys, id_keys: IdKeys) -> None:
    """The joined account's number, if the kept one has none; otherwise it stays, and leads to the kept one. The real
    name, if there is one: the caller has seen that it is the only one."""
    phone = await phones.move(from_member_id=joining.joined, to_member_id=joining.kept, keys=phone_keys)
    if phone is not None:
        await note(joining, "member_phone", "member_id", phone.id, {"bound_at": _mark(phone.bound_at)})
    person = await row("SELECT id FROM real_name WHERE member_id = $1", joining.joined)
    if person is not None and await binding.move(
        from_member_id=joining.joined, to_member_id=joining.kept, keys=id_keys
    ):
        await note(joining, "real_name", "member_id", person["id"], {"bound": True})


async def give_back(joining: Joining, phone_keys: PhoneKeys, id_keys: IdKeys) -> None:
    """Both again, unless the kept member has bound another number, or freed the name, since."""
    moves = await rows(
        """SELECT table_name, row_id, before FROM merge_move
            WHERE merge_id = $1 AND table_name IN ('member_phone', 'real_name')""",
        joining.merge_id,
    )
    for made in moves:
        if made["table_name"] == "real_name":
            still = await row(
                "SELECT id FROM real_name WHERE id = $1 AND member_id = $2", made["row_id"], joining.kept
            )
            if still is not None:
                await binding.move(from_member_id=joining.kept, to_member_id=joining.joined, keys=id_keys)
                await _give_what_rests_on_the_name(joining)
            continue
        phone = await row(
            "SELECT bound_at FROM member_phone WHERE id = $1 AND member_id = $2", made["row_id"], joining.kept
        )
        if phone is not None and _mark(utc(phone["bound_at"])) == orjson.loads(made["before"])["bound_at"]:
            await phones.move(from_member_id=joining.kept, to_member_id=joining.joined, keys=phone_keys)


async def _give_what_rests_on_the_name(joining: Joining) -> None:
    """Concessions and guardianships, also those of since: they are the person's, and the kept account, which had no
    name before, is nobody by name again. What has ended stays where it is."""
    for table, column, live in (
        ("concession", "member_id", "revoked_at"),
        ("guardianship", "guardian_id", "ended_at"),
    ):
        await rows(
            f"UPDATE {table} SET {column} = $1 WHERE {column} = $2 AND {live} IS NULL RETURNING id",
            *(joining.joined, joining.kept),
        )


def _mark(bound_at: datetime) -> float:
    """Another binding is another moment: the row itself is one for all the member's numbers."""
    return bound_at.timestamp()
