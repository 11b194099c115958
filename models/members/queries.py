"""Who is asking: answered for every request, so by one statement over unique indexes."""

from dataclasses import dataclass
from datetime import datetime

from models.database import row
from models.keys import token_hash


@dataclass(frozen=True)
class SignedIn:
    """A member at one device, and as whom WeChat knows them there (the payer of a JSAPI order)."""

    member_id: int
    sign_in_id: int
    member_public_id: str
    appid: str
    openid: str


async def who(*, access_token: str, now: datetime) -> SignedIn | None:
    """The member with this access token, or None when it is unknown, expired or signed out."""
    found = await row(
        """SELECT s.member_id, s.id, m.public_id, s.appid, s.openid
             FROM sign_in_token t
             JOIN sign_in s ON s.id = t.sign_in_id
             JOIN member m ON m.id = s.member_id
            WHERE t.access_hash = $1 AND t.access_expires_at > $2 AND s.ended_at IS NULL""",
        token_hash(access_token),
        now,
    )
    if found is None:
        return None
    return SignedIn(found["member_id"], found["id"], found["public_id"], found["appid"], found["openid"])
