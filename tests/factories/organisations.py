"""Organisations, and grown-up members with a real name to stand for them."""

from datetime import datetime
from itertools import count

from stdnum.cn import uscc

from models import database
from models.keys import IdKeys
from models.organisations.belonging import accept_invitation, invite
from models.organisations.queries import organisations_of
from models.organisations.registering import decide_organisation, register_organisation
from models.organisations.rules import OrganisationKind, OrganisationRole
from models.real_names import binding
from models.real_names.rules import Assurance
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS
from tests.factories.feedback import a_regulator
from tests.factories.names import a_person
from tests.factories.people import a_member

_number = count(100)


def a_credit_code() -> str:
    """Another one each time, with the right last sign (GB 32100)."""
    body = f"52510107MJ{next(_number):07d}"
    return body + uscc.calc_check_digit(body)


async def a_named_member(born_on: str = "19850412", *, now: datetime = NOW) -> int:
    """Somebody who is known by name, born on this day."""
    member_id, _ = await a_member(now=now)
    await is_known_by_name(member_id, born_on, now=now)
    return member_id


@database.operation
async def is_known_by_name(
    member_id: int, born_on: str = "19850412", *, keys: IdKeys = ID_KEYS, now: datetime = NOW
) -> None:
    """As after the authority agreed."""
    person = a_person("李建国", born_on, order=next(_number) % 900 + 100)
    await binding.bind(None, member_id=member_id, person=person, level=Assurance.AGREED, keys=keys, now=now)


async def an_organisation(
    owner_id: int,
    *,
    name: str = "锦城羽毛球俱乐部",
    credit_code: str | None = None,
    region_key: str = "510107",
    approved: bool = True,
    keys: IdKeys = ID_KEYS,
    now: datetime = NOW,
) -> str:
    """Registered by this member, and let in unless it is asked otherwise; gives its public id."""
    organisation_id = await register_organisation(
        member_id=owner_id,
        name=name,
        credit_code=credit_code or a_credit_code(),
        kind=OrganisationKind.CLUB,
        region_key=region_key,
        introduction="每周三晚上打球。",
        keys=keys,
        now=now,
    )
    if approved:
        clerk = await a_regulator(region_key)
        await decide_organisation(clerk=clerk, organisation_id=organisation_id, approve=True, note="", now=now)
    return organisation_id


async def joins(
    owner_id: int,
    organisation_id: str,
    member_id: int,
    role: OrganisationRole = OrganisationRole.MEMBER,
    *,
    now: datetime = NOW,
) -> str:
    """The member takes an invitation; gives the membership's public id."""
    invited = await invite(member_id=owner_id, organisation_id=organisation_id, role=role, keys=ID_KEYS, now=now)
    await accept_invitation(member_id=member_id, code=invited.code, keys=ID_KEYS, now=now)
    (mine,) = await organisations_of(member_id=member_id, now=now, organisation_id=organisation_id)
    return mine.membership_id
