"""What staff do to accounts, roles and sign-ins stands or falls with its audit line, which says whom it is about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from models import database
from models.audit.doing import Doing
from models.staff import accounts, changing_passwords, ending, granting, operations
from models.staff.policy import DEVELOPMENT
from models.staff.rules import Place, Role, StaffSignedIn
from models.staff.tables import StaffMember, StaffRole, StaffSignIn
from tests.databases import Database
from tests.factories.people import PASSWORD, a_clerk
from tests.factories.places import a_venue
from tests.models.audit.lines import KEYS, a_deed, all_lines


class Cut(Exception):
    pass


class CutOff(Doing):
    """The process dies between the line and the commit."""

    async def write(self, result: object) -> None:
        await super().write(result)
        raise Cut


@dataclass(frozen=True)
class Scene:
    """Somebody at a desk with a role of their own, and the administrators."""

    clerk: StaffSignedIn
    system: StaffSignedIn
    security: StaffSignedIn
    role_id: str
    sign_in_id: str
    now: datetime


@pytest.fixture
async def scene(db: Database, now: datetime) -> Scene:
    clerk = await a_clerk((await a_venue()).public_id, username="li.qian", roles=[Role.REDEEMER])
    return Scene(
        clerk=clerk,
        system=await a_clerk(region_key="", roles=[Role.SYSTEM_ADMIN]),
        security=await a_clerk(region_key="", roles=[Role.SECURITY_ADMIN]),
        role_id=(await StaffRole.get(staff_id=clerk.staff_id)).public_id,
        sign_in_id=(await StaffSignIn.get(staff_id=clerk.staff_id)).public_id,
        now=now,
    )


Act = Callable[[Scene], Awaitable[object]]
ACTS: dict[str, Act] = {
    "open": lambda by: accounts.open_account(
        clerk=by.system, username="wang.wu", display_name="王五", policy=DEVELOPMENT, now=by.now
    ),
    "close": lambda by: accounts.close_account(clerk=by.system, staff_id=by.clerk.public_id, now=by.now),
    "reset": lambda by: accounts.reset_password(
        clerk=by.system, staff_id=by.clerk.public_id, policy=DEVELOPMENT, now=by.now
    ),
    "grant": lambda by: granting.grant_role(
        clerk=by.security, staff_id=by.clerk.public_id, role=Role.FINANCE, place=Place(), now=by.now
    ),
    "end role": lambda by: granting.end_role(clerk=by.security, role_id=by.role_id, now=by.now),
    "end sign-in": lambda by: ending.end_sign_in(clerk=by.security, sign_in_id=by.sign_in_id, now=by.now),
    "sign out": lambda by: operations.sign_out(token=by.clerk.token, now=by.now),
    "change": lambda by: changing_passwords.change_password(
        token=by.clerk.token, old=PASSWORD, new="Leshan-2027!", policy=DEVELOPMENT, now=by.now
    ),
}


async def everything() -> list[Any]:
    return [await table.all().order_by("id").values() for table in (StaffMember, StaffRole, StaffSignIn)]


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_an_act_of_staff_without_its_line_has_not_happened(scene: Scene, act: Act) -> None:
    before = await everything()
    with pytest.raises(Cut):
        async with CutOff(a_deed(), keys=KEYS):
            await act(scene)
    assert await everything() == before
    async with Doing(a_deed(), keys=KEYS):
        await act(scene)
    assert await everything() != before
    assert [line["outcome"] for line in await all_lines()] == ["INTERNAL", "OK"]


@pytest.mark.parametrize("act", ["close", "reset", "grant", "end role", "end sign-in"])
async def test_its_line_says_whose_account_it_is_about(scene: Scene, act: str) -> None:
    async with Doing(a_deed(), keys=KEYS):
        await ACTS[act](scene)
    (line,) = await all_lines()
    assert (line["subject_kind"], line["subject_id"]) == ("STAFF", scene.clerk.public_id)


async def test_the_line_of_a_new_account_says_which_one(scene: Scene) -> None:
    async with Doing(a_deed(), keys=KEYS):
        first = await accounts.open_account(
            clerk=scene.system, username="wang.wu", display_name="王五", policy=DEVELOPMENT, now=scene.now
        )
    (line,) = await all_lines()
    assert (line["subject_kind"], line["subject_id"]) == ("STAFF", first.public_id)
    assert line["detail"] == "wang.wu"


async def test_what_operators_open_is_told_in_their_lines_too(scene: Scene) -> None:
    async with Doing(a_deed(actor_kind="OPERATOR", actor_id="root", device_id=""), keys=KEYS):
        staff_id = await operations.create_staff(
            username="wang.wu",
            display_name="王五",
            password=PASSWORD,
            venue_public_ids=None,
            now=scene.now,
        )
    usernames = {Role.SYSTEM_ADMIN: "sys", Role.SECURITY_ADMIN: "sec", Role.AUDITOR: "aud"}
    async with Doing(a_deed(actor_kind="OPERATOR", actor_id="root", device_id=""), keys=KEYS):
        opened = await accounts.open_administrators(usernames=usernames, policy=DEVELOPMENT, now=scene.now)
    created, administrators = await all_lines()
    assert created["subject_id"] == (await StaffMember.get(id=staff_id)).public_id
    assert created["detail"] == "wang.wu"
    assert administrators["detail"] == " ".join(f"{each.username}={each.public_id}" for each in opened)
    assert administrators["subject_id"] in [each.public_id for each in opened]
    assert database.companion.get() is None
