"""An organisation is registered by a member, decided about by its region's administration, and tells of itself."""

from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day, moment_text
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_id
from models.keys import IdKeys
from models.members.standing import lock_living
from models.messages.operations import tell
from models.organisations.rules import (
    ACT_FOR_IT,
    ENDED,
    MOST_ORGANISATIONS,
    MOST_PENDING,
    STATUS_WORDS,
    OrganisationKind,
    OrganisationRegistered,
    OrganisationRole,
    OrganisationState,
    OrganisationStatus,
    OrganisationUnknown,
    RoleTooSmall,
    TooYoung,
    checked_credit_code,
    checked_decision_note,
    checked_introduction,
    checked_name,
)
from models.organisations.tables import Organisation, OrganisationMember
from models.real_names.queries import known_person
from models.real_names.rules import RealNameNeeded
from models.staff.powers import demand, may
from models.staff.rules import Power, StaffSignedIn

DECIDED = {True: OrganisationStatus.APPROVED, False: OrganisationStatus.REFUSED}
HELD_UP = {True: OrganisationStatus.SUSPENDED, False: OrganisationStatus.APPROVED}


async def register_organisation(
    *,
    member_id: int,
    name: str,
    credit_code: str,
    kind: OrganisationKind,
    region_key: str,
    introduction: str,
    keys: IdKeys,
    now: datetime,
) -> str:
    """Registers an organisation, whose owner the member becomes, and gives its public id. It waits for a decision.

    A code has one live registration, neither refused nor closed: its owner's asking again gives that one, and is how this act is
    repeated. Raises ORGANISATION_CODE_WRONG, ORGANISATION_REGISTERED, REAL_NAME_NEEDED, NOT_ALLOWED below 18,
    TOO_MANY_ATTEMPTS, BAD_INPUT.
    """
    name, introduction = checked_name(name), checked_introduction(introduction)
    credit_code = checked_credit_code(credit_code)
    await demand_adult(member_id, keys, now)
    return await _register(member_id, name, credit_code, kind, region_key, introduction, now)


async def demand_adult(member_id: int, keys: IdKeys, now: datetime) -> None:
    """Who acts for an organisation is known by name, and is of age. Raises REAL_NAME_NEEDED, NOT_ALLOWED."""
    person = await known_person(member_id=member_id, keys=keys, today=business_day(now))
    if person is None:
        raise RealNameNeeded("代表单位办事需要先完成实名认证。")
    if not person.is_adult:
        raise TooYoung


@database.operation
async def update_organisation(*, member_id: int, organisation_id: str, introduction: str) -> None:
    """What the page says. By owners and managers, unless it came to an end. Raises ORGANISATION_UNKNOWN, NOT_ALLOWED,
    ORGANISATION_STATE, BAD_INPUT."""
    introduction = checked_introduction(introduction)
    organisation, own = await lock_with_role(member_id, organisation_id)
    if own.role not in ACT_FOR_IT:
        raise RoleTooSmall
    if organisation.status in ENDED:
        raise state_refusal(organisation.status)
    organisation.introduction = introduction
    await organisation.save(update_fields=["introduction"])


@database.operation
async def decide_organisation(
    *, clerk: StaffSignedIn, organisation_id: str, approve: bool, note: str, now: datetime
) -> None:
    """The administration of its region lets it in or refuses it, which frees its code. The same again changes
    nothing.

    Raises NOT_ALLOWED, ORGANISATION_UNKNOWN outside the clerk's regions, ORGANISATION_STATE, BAD_INPUT for a refusal
    without a reason.
    """
    note = checked_decision_note(note, is_needed=not approve)
    organisation = await _lock_for(clerk, organisation_id)
    if organisation.status == DECIDED[approve]:
        return
    if organisation.status != OrganisationStatus.PENDING:
        raise state_refusal(organisation.status)
    await _decide(organisation, DECIDED[approve], clerk, note, now)


@database.operation
async def suspend_organisation(
    *, clerk: StaffSignedIn, organisation_id: str, suspend: bool, note: str, now: datetime
) -> None:
    """Takes an organisation that was let in out of sight, or lets it in again. The same again changes nothing.

    Raises NOT_ALLOWED, ORGANISATION_UNKNOWN, ORGANISATION_STATE, BAD_INPUT.
    """
    note = checked_decision_note(note, is_needed=suspend)
    organisation = await _lock_for(clerk, organisation_id)
    if organisation.status == HELD_UP[suspend]:
        return
    if organisation.status != HELD_UP[not suspend]:
        raise state_refusal(organisation.status)
    await _decide(organisation, HELD_UP[suspend], clerk, note, now)


async def lock_with_role(member_id: int, organisation_id: str) -> tuple[Organisation, OrganisationMember]:
    """The organisation's row, locked, and the member's own membership. Whatever changes who belongs to it locks this
    row first. Raises ORGANISATION_UNKNOWN for who does not belong to it."""
    organisation = await Organisation.select_for_update().get_or_none(public_id=organisation_id)
    if organisation is None:
        raise OrganisationUnknown
    own = await OrganisationMember.get_or_none(organisation_id=organisation.id, member_id=member_id, left_at=None)
    if own is None:
        raise OrganisationUnknown
    return organisation, own


def state_refusal(status: str) -> OrganisationState:
    return OrganisationState(
        f"这个单位{STATUS_WORDS[OrganisationStatus(status)]}，现在不能这样做。",
        next_step="请刷新后查看；如有疑问请联系当地体育主管部门。",
        field="organisationId",
    )


@database.operation
async def _register(
    member_id: int,
    name: str,
    credit_code: str,
    kind: OrganisationKind,
    region_key: str,
    introduction: str,
    now: datetime,
) -> str:
    await lock_living(member_id)  # one at a time: they are counted
    live = await _live(credit_code)
    if live is None:
        await _check_region(region_key, now)
        await _check_pending(member_id)
        await check_few(member_id)
        created = await database.row(
            """INSERT INTO organisation (public_id, name, credit_code, kind, region_key, introduction, status,
                                         registered_by_id, registered_at, decision_note)
               VALUES ($1, $2, $3, $4, $5, $6, 'PENDING', $7, $8, '')
               ON CONFLICT (credit_code) WHERE status NOT IN ('REFUSED', 'CLOSED') DO NOTHING RETURNING id, public_id""",
            new_id("org"),
            name,
            credit_code,
            kind,
            region_key,
            introduction,
            member_id,
            now,
        )
        if created is not None:
            await OrganisationMember.create(
                public_id=new_id("omb"),
                organisation_id=created["id"],
                member_id=member_id,
                role=OrganisationRole.OWNER,
                joined_at=now,
            )
            return str(created["public_id"])
        live = await _live(credit_code)
        if live is None:  # refused or closed between the two: on the next run the code is free
            raise database.ChanceTwin
    asked = (member_id, name, kind, region_key)
    if (live["registered_by_id"], live["name"], live["kind"], live["region_key"]) != asked:
        raise OrganisationRegistered
    return str(live["public_id"])


async def _live(credit_code: str) -> Any | None:
    return await database.row(
        """SELECT public_id, registered_by_id, name, kind, region_key FROM organisation
            WHERE credit_code = $1 AND status NOT IN ('REFUSED', 'CLOSED')""",
        credit_code,
    )


async def _check_region(region_key: str, now: datetime) -> None:
    found = await database.row(
        """SELECT id FROM region
            WHERE key = $1 AND (valid_from IS NULL OR valid_from <= $2)
              AND (valid_to > $2 OR (valid_to IS NULL AND successor_key = ''))""",
        region_key,
        business_day(now),
    )
    if found is None:
        raise BadInput("没有这个区划，或已经调整。", next_step="请重新选择登记地区。", field="regionKey")


async def _check_pending(member_id: int) -> None:
    found = await database.row(
        "SELECT COUNT(*) AS count FROM organisation WHERE registered_by_id = $1 AND status = 'PENDING'", member_id
    )
    if found is not None and found["count"] >= MOST_PENDING:
        raise DomainError(
            f"您有{MOST_PENDING}个单位正在等待审核。",
            code=ErrorCode.TOO_MANY_ATTEMPTS,
            next_step="请等审核完成后再登记。",
        )


async def check_few(member_id: int) -> None:
    """Under the member's lock. Raises TOO_MANY_ATTEMPTS for who belongs to as many organisations as one may."""
    if await OrganisationMember.filter(member_id=member_id, left_at=None).count() >= MOST_ORGANISATIONS:
        raise DomainError(
            f"最多同时加入{MOST_ORGANISATIONS}个单位。",
            code=ErrorCode.TOO_MANY_ATTEMPTS,
            next_step="请先退出不再参加的单位。",
        )


async def _lock_for(clerk: StaffSignedIn, organisation_id: str) -> Organisation:
    """The organisation's row, locked, if it lies in the clerk's regions. Raises NOT_ALLOWED, ORGANISATION_UNKNOWN."""
    await demand(clerk, Power.DECIDE_ORGANISATION)
    organisation = await Organisation.select_for_update().get_or_none(public_id=organisation_id)
    if organisation is None or not await may(clerk, Power.DECIDE_ORGANISATION, region_key=organisation.region_key):
        raise OrganisationUnknown
    concerning("ORGANISATION", organisation.public_id)
    return organisation


async def _decide(
    organisation: Organisation, status: OrganisationStatus, clerk: StaffSignedIn, note: str, now: datetime
) -> None:
    organisation.status, organisation.decision_note = status, note
    organisation.decided_by_id, organisation.decided_at = clerk.staff_id, now
    await organisation.save(update_fields=["status", "decision_note", "decided_by_id", "decided_at"])
    reason = f"（{note}）" if note else ""
    owners = await OrganisationMember.filter(
        organisation_id=organisation.id, role=OrganisationRole.OWNER, left_at=None
    ).order_by("member_id")
    for owner in owners:
        await tell(
            member_id=owner.member_id,
            template="ORGANISATION_DECIDED",
            values={"what": f"{organisation.name}，{STATUS_WORDS[status]}{reason}", "when": moment_text(now)},
            about_no=f"{organisation.public_id}:{status}:{int(now.timestamp())}",
            now=now,
        )
