"""People for the other rooms' tests: members who signed in, clerks at their desk, and the keys they need."""

import secrets
from datetime import datetime

from models.codes.rules import CodeKeys
from models.keys import LookupKeys, PhoneKeys, SealingKeys, TokenKeys
from models.members import operations as members
from models.members import phones
from models.members.queries import who
from models.members.rules import Tokens
from models.staff import operations as staff
from models.staff.rules import StaffSignedIn
from tests.conftest import NOW

APPID = "wx0123456789abcdef"
PASSWORD = "Chengdu-2026"
CODE_KEYS = CodeKeys({1: b"c" * 32}, current=1)
TOKEN_KEYS = TokenKeys({"1": b"t" * 32})
PHONE_KEYS = PhoneKeys(sealing=SealingKeys({"1": b"s" * 32}), lookup=LookupKeys({"1": b"l" * 32}))


async def a_member(
    *,
    openid: str | None = None,
    unionid: str | None = None,
    device_id: str = "phone-1",
    phone: str | None = None,
    now: datetime = NOW,
) -> tuple[int, Tokens]:
    """Somebody who signed in from the mini-program, and their tokens. Each call without an openid is another."""
    tokens = await members.sign_in(
        appid=APPID,
        openid=openid or f"o{secrets.token_hex(13)}",
        unionid=unionid,
        device_id=device_id,
        keys=TOKEN_KEYS,
        now=now,
    )
    signed_in = await who(access_token=tokens.access_token, now=now)
    assert signed_in is not None
    if phone is not None:
        await phones.bind_phone(member_id=signed_in.member_id, phone=phone, keys=PHONE_KEYS, now=now)
    return signed_in.member_id, tokens


async def a_clerk(
    *venue_public_ids: str, username: str | None = None, device_id: str = "desk-1", now: datetime = NOW
) -> StaffSignedIn:
    """A clerk of these venues, signed in at a desk with PASSWORD."""
    username = username or f"clerk-{secrets.token_hex(4)}"
    await staff.create_staff(
        username=username,
        display_name="李前台",
        password=PASSWORD,
        venue_public_ids=venue_public_ids,
        now=now,
    )
    return await staff.sign_in(
        username=username, password=PASSWORD, device_id=device_id, address="127.0.0.1", now=now
    )
