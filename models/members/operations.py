"""Signing in, staying signed in, signing out (reference: issue 2, item 3).

A sign-in is one device: a family of tokens that begins and ends together. Each refresh makes the next generation.
The next refresh token is derived from the one before with a key of ours, and the access token from the refresh
token. So when an answer gets lost, the same question within a minute gets the same answer, though we store hashes
only; and two requests at once get the same successor, whoever comes first.

WeChat's session_key is not stored: nothing needs it yet, and what is not kept cannot leak.
"""

from datetime import datetime

from models.database import alone_with, operation, row
from models.errors import DomainError
from models.ids import checked_device_id, new_id
from models.keys import TokenKeys, new_token, token_hash
from models.members.rules import (
    ACCESS_LIFE,
    REFRESH_LIFE,
    REPEAT_WINDOW,
    RefreshTokenInvalid,
    RefreshTokenReused,
    Tokens,
)
from models.members.tables import Identity, Member, SignIn, SignInToken


@operation
async def sign_in(
    *, appid: str, openid: str, unionid: str | None, device_id: str, keys: TokenKeys, now: datetime
) -> Tokens:
    """Begins a sign-in of the person whom WeChat vouches for; the first time they become a member.

    `appid` and `openid` name the person. A unionid that we know already leads to its member: all our WeChat
    applications hang on one open platform, within which a unionid is one person.
    """
    checked_device_id(device_id)
    identity = await Identity.get_or_none(appid=appid, openid=openid)
    if identity is None or (unionid and unionid != identity.unionid):
        identity = await _recognise(appid, openid, unionid, now)
    member = await Member.get(id=identity.member_id)
    begun = await SignIn.create(
        member_id=member.id, appid=appid, openid=openid, device_id=device_id, started_at=now
    )
    first = new_token()
    return await _issue(begun.id, member.public_id, 0, first, keys.derive("access", first)[0], now)


async def refresh(*, refresh_token: str, device_id: str, keys: TokenKeys, now: datetime) -> Tokens:
    """The next tokens. A token that was used before ends the whole sign-in, unless this is a lost answer's repeat.

    Raises RefreshTokenInvalid (unknown, expired, signed out) or RefreshTokenReused (the sign-in ends now).
    """
    outcome = await _refresh(refresh_token, device_id, keys, now)
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the ending of the sign-in
        raise outcome
    return outcome


@operation
async def sign_out(*, sign_in_id: int, now: datetime) -> None:
    """Ends the sign-in and revokes the codes that were shown. The second time changes nothing."""
    await _end(sign_in_id, "SIGNED_OUT", now)


async def _recognise(appid: str, openid: str, unionid: str | None, now: datetime) -> Identity:
    """The identity of somebody new, or of somebody whose unionid is new to us. One at a time for each person.

    A unionid that turns up later and belongs to another member changes nobody's member: merging two accounts
    needs proof of both (issue 4). The oldest identity decides for applications that come after.
    """
    await alone_with(f"identity {appid} {openid}", *([f"unionid {unionid}"] if unionid else []))
    identity = await Identity.get_or_none(appid=appid, openid=openid)
    if identity is not None:
        if unionid:
            identity.unionid = unionid
            await identity.save(update_fields=["unionid"])
        return identity
    known = await Identity.filter(unionid=unionid).order_by("id").first() if unionid else None
    if known is not None:
        member_id = known.member_id
    else:
        member_id = (await Member.create(public_id=new_id("mem"), created_at=now)).id
    return await Identity.create(member_id=member_id, appid=appid, openid=openid, unionid=unionid, created_at=now)


@operation
async def _refresh(refresh_token: str, device_id: str, keys: TokenKeys, now: datetime) -> Tokens | DomainError:
    hashed = token_hash(refresh_token)
    family = await row(
        """SELECT s.id, s.device_id, s.ended_at, m.public_id
             FROM sign_in s JOIN member m ON m.id = s.member_id
            WHERE s.id = (SELECT sign_in_id FROM sign_in_token WHERE refresh_hash = $1)
              FOR UPDATE OF s""",
        hashed,
    )
    if family is None or family["ended_at"] is not None:
        return RefreshTokenInvalid()
    # Read after the lock: a refresh that we waited for may have replaced this very token.
    token = await SignInToken.get(refresh_hash=hashed)
    following = await SignInToken.filter(sign_in_id=family["id"], generation__gt=token.generation)
    may_repeat = not following or (len(following) == 1 and now < _replaced_at(token) + REPEAT_WINDOW)
    if family["device_id"] != device_id or not may_repeat:
        await _end(family["id"], "TOKEN_REUSED", now)
        return RefreshTokenReused()
    if following:
        return _same_again(refresh_token, following[0], family["public_id"], keys)
    if now >= token.refresh_expires_at:
        return RefreshTokenInvalid()
    token.replaced_at = now
    await token.save(update_fields=["replaced_at"])
    successor = keys.derive("refresh", refresh_token)[0]
    access = keys.derive("access", successor)[0]
    return await _issue(family["id"], family["public_id"], token.generation + 1, successor, access, now)


def _replaced_at(token: SignInToken) -> datetime:
    assert token.replaced_at is not None  # set in the transaction that made its successor
    return token.replaced_at


def _same_again(predecessor: str, stored: SignInToken, public_id: str, keys: TokenKeys) -> Tokens | DomainError:
    """The successor as it was given before, under whichever key was current then."""
    for number, successor in enumerate(keys.derive("refresh", predecessor)):
        if token_hash(successor) == stored.refresh_hash:
            access = keys.derive("access", successor)[number]
            return Tokens(access, successor, stored.access_expires_at, stored.refresh_expires_at, public_id)
    return RefreshTokenInvalid()  # that key has left the ring meanwhile


async def _issue(
    sign_in_id: int, public_id: str, generation: int, refresh_token: str, access_token: str, now: datetime
) -> Tokens:
    stored = await SignInToken.create(
        sign_in_id=sign_in_id,
        generation=generation,
        refresh_hash=token_hash(refresh_token),
        access_hash=token_hash(access_token),
        issued_at=now,
        access_expires_at=now + ACCESS_LIFE,
        refresh_expires_at=now + REFRESH_LIFE,
    )
    return Tokens(access_token, refresh_token, stored.access_expires_at, stored.refresh_expires_at, public_id)


async def _end(sign_in_id: int, reason: str, now: datetime) -> None:
    ended = await row(
        "UPDATE sign_in SET ended_at = $1, end_reason = $2 WHERE id = $3 AND ended_at IS NULL RETURNING member_id",
        now,
        reason,
        sign_in_id,
    )
    if ended is not None:
        await row(
            "UPDATE member SET code_version = code_version + 1 WHERE id = $1 RETURNING id", ended["member_id"]
        )
