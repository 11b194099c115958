"""Staff's accounts at the public door: from three administrators' first passwords to a clerk at work, and out again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from models.staff import accounts
from models.staff.rules import ADMINISTRATORS, Role
from models.venues.tables import Venue
from tests.factories.people import a_code
from tests.factories.places import a_venue
from tests.house import Answer, House, nothing_changes
from tests.resolvers import documents_staff as documents

STEP = timedelta(seconds=30)


@dataclass
class Person:
    """Somebody with an account, a phone, and a browser."""

    house: House
    username: str
    password: str
    secret: str = ""
    token: str = ""

    async def ask(self, document: str, **variables: Any) -> Answer:
        return await self.house.ask(document, variables, f"Staff {self.token}")

    async def arrives(self) -> Any:
        asked = {"username": self.username, "password": self.password, "deviceId": f"desk-of-{self.username}"}
        signed_in = (await self.house.ask(documents.STAFF_SIGN_IN, asked)).value["staffSignIn"]
        self.token = signed_in["token"]
        return signed_in

    async def chooses(self, password: str) -> Any:
        answer = await self.ask(documents.CHANGE_STAFF_PASSWORD, old=self.password, new=password)
        self.password = password
        return answer.value["staffSignIn"]

    async def sets_up(self) -> Any:
        begun = (await self.ask(documents.SET_UP_SECOND_FACTOR)).value["setUp"]
        self.secret = begun["secret"]
        assert begun["svg"].startswith("<?xml")
        assert self.secret in begun["uri"]
        return (await self.ask(documents.CONFIRM_SET_UP, code=self.code())).value["staffSignIn"]

    def code(self) -> str:
        return a_code(self.secret, self.house.now())


@pytest.fixture
async def venue(house: House) -> Venue:
    return await a_venue()


async def administrators(house: House) -> dict[Role, Person]:
    """As an operator opens them, each signed in with a password and a phone of their own."""
    opened = await accounts.open_administrators(
        usernames={role: role.lower().replace("_", ".") for role in sorted(ADMINISTRATORS)},
        policy=house.wired.settings.staff_policy,
        now=house.now(),
    )
    people = {}
    for role, first in zip(sorted(ADMINISTRATORS), opened, strict=True):
        person = Person(house, first.username, first.password)
        assert (await person.arrives())["stage"] == "NEEDS_PASSWORD"
        assert (await person.chooses("Emei-2026-my-own"))["stage"] == "NEEDS_SETUP"
        assert (await person.sets_up())["stage"] == "OPEN"
        people[role] = person
    return people


async def test_a_clerk_comes_into_being_and_goes_by_two_administrators(house: House, venue: Venue) -> None:
    people = await administrators(house)
    system, security = people[Role.SYSTEM_ADMIN], people[Role.SECURITY_ADMIN]
    first = (await system.ask(documents.OPEN_STAFF_ACCOUNT, username="li.qian", displayName="李前台")).value[
        "firstPassword"
    ]
    clerk = Person(house, first["username"], first["password"])
    where = {"staffId": first["id"], "role": "REDEEMER", "venueId": venue.public_id}
    assert (await system.ask(documents.GRANT_ROLE, **where)).refusal.code == "NOT_ALLOWED"
    role_id = (await security.ask(documents.GRANT_ROLE, **where)).value["roleId"]

    await clerk.arrives()
    assert (await clerk.ask(documents.MY_STAFF_SIGN_INS)).refusal.code == "NOT_SIGNED_IN"
    arrived = await clerk.chooses("Leshan-2026-mine")
    assert (arrived["stage"], arrived["roles"]) == ("OPEN", ["REDEEMER"])
    assert arrived["venues"] == [{"id": venue.public_id, "name": venue.name}]

    (edge,) = (await security.ask(documents.STAFF_MEMBERS, text="li.qian")).value["edges"]
    assert [(role["id"], role["role"], role["venueName"]) for role in edge["node"]["roles"]] == [
        (role_id, "REDEEMER", venue.name)
    ]
    assert edge["node"]["mustChangePassword"] is False
    seen = (await security.ask(documents.STAFF_SIGN_INS, staffId=first["id"])).value
    assert [sign_in["isAlive"] for sign_in in seen] == [True]
    ended = await security.ask(documents.END_STAFF_SIGN_IN, signInId=seen[0]["id"])
    assert ended.value["done"] is True
    assert (await clerk.ask(documents.MY_STAFF_SIGN_INS)).refusal.code == "NOT_SIGNED_IN"

    assert (await security.ask(documents.UNLOCK_STAFF, staffId=first["id"])).value["done"] is True
    assert (await security.ask(documents.RESET_SECOND_FACTOR, staffId=first["id"])).value["done"] is True
    again = (await system.ask(documents.RESET_STAFF_PASSWORD, staffId=first["id"])).value["firstPassword"]
    clerk.password = again["password"]
    assert (await clerk.arrives())["stage"] == "NEEDS_PASSWORD"
    assert (await security.ask(documents.END_ROLE, roleId=role_id)).value["done"] is True
    assert (await system.ask(documents.CLOSE_STAFF_ACCOUNT, staffId=first["id"])).value["done"] is True
    wrong = await house.ask(
        documents.STAFF_SIGN_IN,
        {"username": clerk.username, "password": clerk.password, "deviceId": "desk-1"},
    )
    assert wrong.refusal.code == "STAFF_CREDENTIALS_WRONG"
    for secret in (first["password"], again["password"], system.secret, clerk.password):
        assert secret not in house.log()


async def test_the_second_sign_in_asks_for_a_code_and_takes_each_once(house: House) -> None:
    security = (await administrators(house))[Role.SECURITY_ADMIN]
    used = security.code()
    assert (await security.arrives())["stage"] == "NEEDS_CODE"
    before = await security.ask(documents.STAFF_MEMBERS)
    assert before.refusal.code == "NOT_SIGNED_IN"
    assert (await security.ask(documents.CONFIRM_SECOND_FACTOR, code=used)).refusal.code == "SECOND_FACTOR_WRONG"
    await house.travel(house.now() + STEP)
    arrived = (await security.ask(documents.CONFIRM_SECOND_FACTOR, code=security.code())).value["staffSignIn"]
    assert (arrived["stage"], arrived["roles"]) == ("OPEN", ["SECURITY_ADMIN"])
    assert (await security.ask(documents.STAFF_SIGN_OUT)).value["signedOut"] is True


async def test_nobody_who_is_not_signed_in_gets_anywhere(house: House) -> None:
    given = {
        "code": "123456",
        "old": "Old-2026-old",
        "new": "New-2026-new",
        "staffId": "stf_1",
        "signInId": "ssi_1",
        "roleId": "rol_1",
        "role": "FINANCE",
        "username": "li.qian",
        "displayName": "李前台",
    }
    async with nothing_changes():
        for document in documents.ALL[1:]:
            asked = {name: value for name, value in given.items() if f"${name}:" in document}
            answer = await house.ask(document, asked, "Staff nobodys-token")
            assert answer.refusal.code == "NOT_SIGNED_IN", document
