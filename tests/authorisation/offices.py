"""Those who work for the whole house: An's things reach them by their office, each by a power that no venue gives.

The same offices elsewhere, in another district, may do all of it there and nothing here.
"""

from collections.abc import Mapping

from models.staff.rules import ADMINISTRATORS, Role
from tests.factories.people import a_code
from tests.house import PASSWORD, Clerk, House
from tests.resolvers import documents, documents_staff

CITY, ELSEWHERE = "510100", "510104"
"""Chengdu, where the venues are, and a district of it where they are not."""

OFFICES: Mapping[str, tuple[Role, str]] = {
    "regulator": (Role.REGULATOR, CITY),
    "approver": (Role.REGULATOR, CITY),  # what one proposes, another approves
    "paymaster": (Role.PAYMASTER, CITY),
    "finance": (Role.FINANCE, ""),
    "officer": (Role.DATA_OFFICER, ""),
    "system": (Role.SYSTEM_ADMIN, CITY),
    "security": (Role.SECURITY_ADMIN, CITY),
    "auditor": (Role.AUDITOR, ""),
}
OFFICES_ELSEWHERE: Mapping[str, tuple[Role, str]] = {
    "regulator": (Role.REGULATOR, ELSEWHERE),
    "paymaster": (Role.PAYMASTER, ELSEWHERE),
    "finance": (Role.FINANCE, ELSEWHERE),
    "system": (Role.SYSTEM_ADMIN, ELSEWHERE),
    "security": (Role.SECURITY_ADMIN, ELSEWHERE),
}
"""Whoever looks at what has no place has no other place either."""

GUESSES = 5
"""So many wrong passwords lock an account."""


async def officers(house: House, offices: Mapping[str, tuple[Role, str]]) -> dict[str, Clerk]:
    return {name: await an_officer(house, *office) for name, office in offices.items()}


async def an_officer(house: House, role: Role, region_key: str) -> Clerk:
    """Signed in, as an administrator with a phone as their second factor."""
    officer = await house.clerk(roles=(role,), region_key=region_key, device_id=f"office-{role}-{region_key}")
    if role in ADMINISTRATORS:
        begun = (await officer.ask(documents_staff.SET_UP_SECOND_FACTOR)).value["setUp"]
        code = a_code(begun["secret"], house.now())
        confirmed = await officer.ask(documents_staff.CONFIRM_SET_UP, code=code)
        assert confirmed.value["staffSignIn"]["stage"] == "OPEN"
    return officer


async def somebody_locked_out(house: House) -> None:
    """An account that somebody has guessed at, for whoever looks after accounts to see."""
    guessed_at = await house.clerk(roles=(Role.REGULATOR,), region_key=CITY)
    asked = {"username": guessed_at.username, "password": f"not {PASSWORD}", "deviceId": "elsewhere"}
    for _ in range(GUESSES):
        refused = (await house.ask(documents.STAFF_SIGN_IN, asked)).refusal.code
    assert refused == "STAFF_LOCKED"
