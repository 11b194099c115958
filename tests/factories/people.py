"""People for the other rooms' tests: members who signed in, clerks at their desk, and the keys they need."""

import base64
import hmac
import secrets
import struct
from collections.abc import Sequence
from datetime import datetime

from models.codes.rules import CodeKeys
from models.keys import LookupKeys, PhoneKeys, SealingKeys, TokenKeys
from models.members import operations as members
from models.members import phones
from models.members.queries import who
from models.members.rules import Tokens, canonical_phone
from models.members.standing import leads_to
from models.members.tables import MemberPhone
from models.staff import operations as staff
from models.staff import second_factor
from models.staff.policy import DEVELOPMENT
from models.staff.rules import DESK_ROLES, Role, SignInStage, StaffSignedIn
from tests.conftest import NOW

APPID = "wx0123456789abcdef"
PASSWORD = "Chengdu-2026"
STAFF_KEYS = SealingKeys({"1": b"f" * 32})
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


async def find_by_phone(*, phone: str, keys: PhoneKeys) -> int | None:
    """The member to whom this number leads, or None."""
    found = await MemberPhone.get_or_none(
        lookup_hash__in=list(keys.lookup.hashes(canonical_phone(phone)).values())
    )
    return None if found is None else await leads_to(found.member_id)


async def a_clerk(
    *venue_public_ids: str,
    username: str | None = None,
    device_id: str = "desk-1",
    roles: Sequence[Role] = DESK_ROLES,
    region_key: str | None = None,
    now: datetime = NOW,
) -> StaffSignedIn:
    """A clerk of these venues, signed in at a desk with PASSWORD; with a `region_key`, of it and all below it ("":
    everywhere)."""
    username = username or f"clerk-{secrets.token_hex(4)}"
    await staff.create_staff(
        username=username,
        display_name="李前台",
        password=PASSWORD,
        venue_public_ids=venue_public_ids if region_key is None else None,
        region_key=region_key or "",
        roles=roles,
        now=now,
    )
    signed_in = await staff.sign_in(
        username=username,
        password=PASSWORD,
        device_id=device_id,
        address="127.0.0.1",
        policy=DEVELOPMENT,
        now=now,
    )
    if signed_in.stage is SignInStage.NEEDS_SETUP:  # an administrator, who comes with a phone
        token = signed_in.token
        begun = await second_factor.set_up(token=token, keys=STAFF_KEYS, policy=DEVELOPMENT, now=now)
        signed_in = await second_factor.confirm_set_up(
            token=token, code=a_code(begun.secret, now), keys=STAFF_KEYS, policy=DEVELOPMENT, now=now
        )
    return signed_in


def a_code(secret: str, now: datetime) -> str:
    """What the authenticator on a phone shows then (RFC 6238), computed here without the product's help."""
    counter = struct.pack(">Q", int(now.timestamp()) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    place = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
