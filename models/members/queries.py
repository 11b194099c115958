"""Who is asking: answered for every request, so by one statement over unique indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.database import row, rows
from models.keys import token_hash
from models.members.rules import IN_WECHAT, Door


@dataclass(frozen=True)
class SignedIn:
    """A member at one device, and as whom WeChat or Alipay knows them there. Both are empty for who came by phone."""

    member_id: int
    sign_in_id: int
    member_public_id: str
    appid: str
    openid: str
    door: Door = Door.MINI_PROGRAM
    device_id: str = ""

    @property
    def wechat_payer(self) -> str:
        """The openid that can pay in WeChat's own payment sheet; empty when they came by another door."""
        return self.openid if self.door in IN_WECHAT else ""


_WHO = """SELECT {}s.member_id, s.id, m.public_id, s.appid, s.openid, s.door, s.device_id
             FROM sign_in_token t
             JOIN sign_in s ON s.id = t.sign_in_id
             JOIN member m ON m.id = s.member_id
            WHERE t.access_hash {} AND t.access_expires_at > $2 AND s.ended_at IS NULL
              AND m.deleted_at IS NULL"""
_WHO_HAS, _WHO_HAVE = _WHO.format("", "= $1"), _WHO.format("t.access_hash, ", "= ANY($1::text[])")


async def who(*, access_token: str, now: datetime) -> SignedIn | None:
    """The member with this access token, or None when it is unknown, expired or signed out, or they left us."""
    found = await row(_WHO_HAS, token_hash(access_token), now)
    return None if found is None else _signed_in(found)


async def who_are(*, access_tokens: Sequence[str], now: datetime) -> dict[str, SignedIn]:
    """The same for many at once, by token, in one statement; who has none of ours is not among them."""
    by_hash = {token_hash(token): token for token in access_tokens}
    found = await rows(_WHO_HAVE, list(by_hash), now)
    return {by_hash[each["access_hash"]]: _signed_in(each) for each in found}


def _signed_in(found: Any) -> SignedIn:
    return SignedIn(
        found["member_id"],
        found["id"],
        found["public_id"],
        found["appid"],
        found["openid"],
        Door(found["door"]),
        found["device_id"],
    )
