"""Identities: as whom WeChat and Alipay know somebody. Each leads to one member; a member may have many."""

from datetime import datetime

from tortoise.expressions import Subquery

from models.calendar import moment_text
from models.database import alone_with, operation, rows
from models.ids import new_id
from models.members.rules import DOOR_WORDS, Door, IdentityBoundElsewhere, MemberOrigin, Tell
from models.members.standing import living
from models.members.tables import Identity, Member


async def recognise(*, appid: str, openid: str, unionid: str | None, door: Door, now: datetime) -> Member:
    """The member whom an identity leads to; somebody new becomes one. In the caller's transaction.

    A unionid that turns up later and belongs to another member changes nobody's member: joining two accounts needs
    proof of both (models/merging). The oldest identity decides for applications that come after.
    """
    identity = await Identity.get_or_none(appid=appid, openid=openid).prefetch_related("member")
    if identity is None or identity.member.deleted_at or (unionid and unionid != identity.unionid):
        identity = await _recognise(appid, openid, unionid, door, now)
    return await Member.get(id=identity.member_id)


@operation
async def link(
    *,
    member_id: int,
    appid: str,
    openid: str,
    unionid: str | None,
    door: Door,
    now: datetime,
    tell: Tell | None = None,
) -> None:
    """From now on this identity leads to this member too, and they are told. The second time changes nothing.

    Raises IdentityBoundElsewhere when it leads to somebody else, or, where it is new to us, its unionid does; and
    MemberGone.
    """
    identity = await _locked(appid, openid, unionid)
    known = identity or await _oldest(unionid)
    if known is not None and known.member_id != member_id:
        raise IdentityBoundElsewhere
    await living(member_id)
    await _lead(identity, member_id, appid, openid, unionid, door, now)
    if identity is None and tell is not None:
        values = {"what": DOOR_WORDS[door], "when": moment_text(now)}
        await tell(member_id=member_id, template="DOOR_ADDED", values=values, about_no=new_id("dor"), now=now)


async def origin_home_and_doors(member_id: int) -> tuple[MemberOrigin, str, list[Door]]:
    """Who opened a member's account, from which province they say that they come, and by which doors they may come in,
    in the order of `Door`."""
    found = await rows(
        """SELECT m.origin, m.home_province, i.door, p.id AS phone_id
             FROM member m
             LEFT JOIN identity i ON i.member_id = m.id
             LEFT JOIN member_phone p ON p.member_id = m.id
            WHERE m.id = $1""",
        member_id,
    )
    bound = {known["door"] for known in found} | {Door.PHONE for known in found if known["phone_id"] is not None}
    first = found[0]
    return MemberOrigin(first["origin"]), first["home_province"], [door for door in Door if door in bound]


async def open_member(origin: MemberOrigin, now: datetime) -> Member:
    """Somebody new, by nothing but an opaque id. In the caller's transaction."""
    return await Member.create(public_id=new_id("mem"), origin=origin, created_at=now)


async def _recognise(appid: str, openid: str, unionid: str | None, door: Door, now: datetime) -> Identity:
    """The identity of somebody new, or of somebody whose unionid is new to us. One at a time for each person."""
    identity = await _locked(appid, openid, unionid)
    known = identity or await _oldest(unionid)
    member_id = known.member_id if known else (await open_member(MemberOrigin.SELF, now)).id
    return await _lead(identity, member_id, appid, openid, unionid, door, now)


async def _locked(appid: str, openid: str, unionid: str | None) -> Identity | None:
    """The identity, while nobody else is past this line with it. None also where it led to somebody who asked us to
    forget them: who comes now is somebody new to us."""
    await alone_with(f"identity {appid} {openid}", *([f"unionid {unionid}"] if unionid else []))
    await Identity.filter(
        appid=appid, openid=openid, member_id__in=Subquery(Member.exclude(deleted_at=None).values("id"))
    ).delete()
    return await Identity.get_or_none(appid=appid, openid=openid)


async def _oldest(unionid: str | None) -> Identity | None:
    if not unionid:
        return None
    return await Identity.filter(unionid=unionid, member__deleted_at=None).order_by("id").first()


async def _lead(
    identity: Identity | None,
    member_id: int,
    appid: str,
    openid: str,
    unionid: str | None,
    door: Door,
    now: datetime,
) -> Identity:
    """Writes the identity down, or the unionid that is new to us."""
    if identity is None:
        return await Identity.create(
            member_id=member_id, appid=appid, openid=openid, unionid=unionid, door=door, created_at=now
        )
    if unionid and unionid != identity.unionid:
        identity.unionid = unionid
        await identity.save(update_fields=["unionid"])
    return identity
