"""Signing in, staying signed in, signing out (reference: issue 2, item 3; by other doors, issue 4, item 1).

A sign-in is one device: a family of tokens that begins and ends together. Each refresh makes the next generation.
The next refresh token is derived from the one before with a key of ours, and the access token from the refresh
token. So when an answer gets lost, the same question within a minute gets the same answer, though we store hashes
only; and two requests at once get the same successor, whoever comes first.

WeChat's session_key is not stored: nothing needs it yet, and what is not kept cannot leak.
"""

from datetime import datetime

from models.database import operation, row
from models.errors import DomainError
from models.ids import checked_device_id, new_id
from models.keys import TokenKeys, new_token, token_hash
from models.members import identities
from models.members.rules import (
    ACCESS_LIFE,
    REFRESH_LIFE,
    REPEAT_WINDOW,
    Door,
    RefreshTokenInvalid,
    RefreshTokenReused,
    Tokens,
)
from models.members.standing import MemberGone, living
from models.members.tables import Identity, Member, SignIn, SignInToken


@operation
async def sign_in(
    *,
    appid: str,
    openid: str,
    unionid: str | None,
    device_id: str,
    keys: TokenKeys,
    now: datetime,
    door: Door = Door.MINI_PROGRAM,
) -> Tokens:
    """Begins a sign-in of the person whom WeChat or Alipay vouches for; the first time they become a member.

    `appid` and `openid` name the person (of Alipay its application's id and the user's id there). A unionid that we
    know already leads to its member: all our WeChat applications hang on one open platform, within which a unionid is
    one person.
    """
    checked_device_id(device_id)
    member = await identities.recognise(appid=appid, openid=openid, unionid=unionid, door=door, now=now)
    tokens = await begin(member, door, appid, openid, device_id, keys, now)
    if not await Identity.filter(appid=appid, openid=openid, member_id=member.id).exists():
        raise MemberGone  # two accounts were parted while we waited for the lock, and this door went home
    return tokens


async def begin(
    member: Member, door: Door, appid: str, openid: str, device_id: str, keys: TokenKeys, now: datetime
) -> Tokens:
    """A sign-in's first tokens, in the transaction of whoever knows that this is the member. Raises MemberGone when
    their account was joined to another just now: a sign-in must not be left behind there."""
    await living(member.id)
    begun = await SignIn.create(
        public_id=new_id("sgn"),
        member_id=member.id,
        appid=appid,
        openid=openid,
        device_id=device_id,
        door=door,
        started_at=now,
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
    await end(sign_in_id, "SIGNED_OUT", now)


@operation
async def _refresh(refresh_token: str, device_id: str, keys: TokenKeys, now: datetime) -> Tokens | DomainError:
    hashed = token_hash(refresh_token)
    family = await row(
        """SELECT id, member_id, device_id, ended_at, public_id FROM sign_in
            WHERE id = (SELECT sign_in_id FROM sign_in_token WHERE refresh_hash = $1) FOR UPDATE""",
        hashed,
    )
    if family is None or family["ended_at"] is not None:
        return RefreshTokenInvalid()
    # Read after the lock: accounts that were joined or parted while we waited may have moved the sign-in, and a
    # refresh that we waited for may have replaced this very token.
    member = await row("SELECT public_id FROM member WHERE id = $1 AND deleted_at IS NULL", family["member_id"])
    if member is None:
        return RefreshTokenInvalid()
    token = await SignInToken.get_or_none(refresh_hash=hashed)
    if token is None:  # long expired, and forgotten just now
        return RefreshTokenInvalid()
    following = await SignInToken.filter(sign_in_id=family["id"], generation__gt=token.generation)
    may_repeat = not following or (len(following) == 1 and now < _replaced_at(token) + REPEAT_WINDOW)
    if family["device_id"] != device_id or not may_repeat:
        await end(family["id"], "TOKEN_REUSED", now)
        return RefreshTokenReused()
    if following:
        return _same_again(refresh_token, following[0], member["public_id"], keys)
    if now >= token.refresh_expires_at:
        return RefreshTokenInvalid()
    if family["public_id"] is None:  # begun before sign-ins were shown
        await SignIn.filter(id=family["id"]).update(public_id=new_id("sgn"))
    token.replaced_at = now
    await token.save(update_fields=["replaced_at"])
    successor = keys.derive("refresh", refresh_token)[0]
    access = keys.derive("access", successor)[0]
    return await _issue(family["id"], member["public_id"], token.generation + 1, successor, access, now)


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


async def end(sign_in_id: int, reason: str, now: datetime) -> None:
    """Ends a sign-in, in the caller's transaction, and revokes the codes that its member was shown."""
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
