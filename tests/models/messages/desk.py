"""A small post office for this room's tests: people by what reaches them, and what became of their messages."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from models import database
from models.members.tables import Identity, Member
from models.messages import sending
from models.messages.operations import remember_answers, tell
from models.messages.rules import MessageWay, Open, SubscribeAnswer
from models.messages.sending import ClaimedSending
from tests.conftest import NOW
from tests.factories.people import APPID, PHONE_KEYS, a_member

EVERYWHERE: Open = {way: frozenset({"BOOKING", "REFUND", "PEOPLE", "ACCOUNT", "FEEDBACK"}) for way in MessageWay}
NOWHERE: Open = {}
OFFICIAL_APPID = "wxofficial00000001"


async def somebody(*, consents: int = 0, follows: bool = False, phone: str | None = None) -> int:
    """A member who came in by the mini-program."""
    openid = f"o{secrets.token_hex(13)}"
    member_id, _ = await a_member(openid=openid, phone=phone)
    for number in range(consents):
        for form in ("BOOKING", "REFUND"):
            await says(member_id, openid, form, SubscribeAnswer.ACCEPT, NOW - timedelta(minutes=consents - number))
    if follows:
        await Identity.create(
            member_id=member_id,
            appid=OFFICIAL_APPID,
            openid=f"g{secrets.token_hex(13)}",
            door="OFFICIAL_ACCOUNT",
            created_at=NOW,
        )
    return member_id


async def nobody_reaches() -> int:
    """A member without an identity and without a phone: a child, or an elder at the desk."""
    member = await Member.create(public_id=f"mem_{secrets.token_hex(8)}", created_at=NOW, origin="DESK")
    return int(member.id)


async def says(
    member_id: int, openid: str, form: str, answer: SubscribeAnswer, at: datetime, *, appid: str = APPID
) -> None:
    await remember_answers(
        member_id=member_id, appid=appid, openid=openid, answers={form: answer}, answered_at=at, now=NOW
    )


@database.operation
async def is_told(member_id: int, template: str = "REFUND_STUCK", *, no: str = "O1", now: datetime = NOW) -> None:
    """That a refund is stuck matters, so all three ways are there."""
    values = {"order_no": no, "amount": "40.00元"}
    await tell(member_id=member_id, template=template, values=values, about_no=no, now=now)


async def planned(open_ways: Open = EVERYWHERE, *, now: datetime = NOW) -> int:
    return await sending.plan(limit=100, open_ways=open_ways, now=now)


async def claimed(now: datetime = NOW, *, limit: int = 100) -> list[ClaimedSending]:
    return await sending.claim(limit=limit, keys=PHONE_KEYS, now=now)


async def sendings() -> Sequence[tuple[int, str, str]]:
    """To whom, by which way, and how it stands, in the order of the ways."""
    found = await database.rows("SELECT recipient_id, way, status FROM message_sending ORDER BY id")
    return [(row["recipient_id"], row["way"], row["status"]) for row in found]


async def standing() -> dict[str, str]:
    """Way → status, where there is one message to one person."""
    return {way: status for _, way, status in await sendings()}


async def consents_left(member_id: int, form: str = "REFUND") -> int:
    found = await database.row(
        "SELECT COALESCE(SUM(left_count), 0) AS left_over FROM subscribe_quota WHERE member_id = $1 AND template = $2",
        member_id,
        form,
    )
    assert found is not None
    return int(found["left_over"])
