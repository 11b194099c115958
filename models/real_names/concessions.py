"""Concessions: a clerk saw the paper, says until when it holds, and keeps nothing of it (data minimisation, PIPL 6)."""

from datetime import date, datetime

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day, moment_text
from models.errors import DomainError, ErrorCode
from models.ids import new_id
from models.keys import IdKeys
from models.members.standing import lock_living
from models.messages.operations import tell
from models.real_names.at_desk import PersonHere, demand_still_here, person_here
from models.real_names.rules import CONCESSION_WORDS, ConcessionKind, check_concession
from models.real_names.tables import Concession
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn


async def grant_concession(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    kind: ConcessionKind,
    ends_on: date,
    venue_id: str,
    keys: IdKeys,
    now: datetime,
) -> PersonHere:
    """The person before the clerk belongs to the group until the day (the first on which they do no more).

    The same again changes nothing; another day takes the earlier one's place. Raises NOT_ALLOWED, MEMBER_UNKNOWN for
    somebody whose card was not just read here, BAD_INPUT.
    """
    check_concession(kind, ends_on, today=business_day(now))
    person = await person_here(
        clerk=clerk, power=Power.GRANT_CONCESSION, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    await _grant(clerk.staff_id, person, kind, ends_on, now)
    return person


async def revoke_concession(*, clerk: StaffSignedIn, concession_id: str, now: datetime) -> None:
    """It was granted by mistake, or holds no more. Where somebody may grant, they may revoke what was granted there.

    Raises CONCESSION_UNKNOWN. The second time changes nothing.
    """
    found = await database.row(
        f"""SELECT concession.id, member.public_id AS member, venue.public_id AS venue
              FROM concession JOIN member ON member.id = concession.member_id
                              JOIN venue ON venue.id = concession.venue_id
             WHERE concession.public_id = $2 AND {powers.venues_where(Power.GRANT_CONCESSION)}""",
        clerk.staff_id,
        concession_id,
    )
    if found is None:
        raise DomainError(
            "没有找到这项优待。",
            code=ErrorCode.CONCESSION_UNKNOWN,
            next_step="只能撤销在本场馆认定的优待。",
            field="concessionId",
        )
    concerning("MEMBER", found["member"], venue_id=found["venue"])
    await _revoke(found["id"], now)


@database.operation
async def _grant(staff_id: int, person: PersonHere, kind: ConcessionKind, ends_on: date, now: datetime) -> None:
    await lock_living(person.member_id)
    await demand_still_here(person)
    live = await Concession.filter(member_id=person.member_id, kind=kind, revoked_at=None).first()
    if live is not None and live.ends_on == ends_on:
        return
    if live is not None:
        live.revoked_at = now
        await live.save(update_fields=["revoked_at"])
    granted = await Concession.create(
        public_id=new_id("con"),
        member_id=person.member_id,
        kind=kind,
        ends_on=ends_on,
        verified_by_id=staff_id,
        venue_id=person.venue_id,
        verified_at=now,
    )
    values = {"what": CONCESSION_WORDS[kind], "when": f"{ends_on.year}年{ends_on.month}月{ends_on.day}日"}
    await tell(
        member_id=person.member_id,
        template="CONCESSION_GRANTED",
        values=values,
        about_no=granted.public_id,
        now=now,
    )


@database.operation
async def _revoke(concession_id: int, now: datetime) -> None:
    ended = await database.row(
        """UPDATE concession SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
           RETURNING member_id, kind, public_id""",
        concession_id,
        now,
    )
    if ended is not None:
        await tell(
            member_id=ended["member_id"],
            template="CONCESSION_ENDED",
            values={"what": CONCESSION_WORDS[ConcessionKind(ended["kind"])], "when": moment_text(now)},
            about_no=ended["public_id"],
            now=now,
        )
