"""Telling people: into their inbox, in the transaction of what they are told about; read; chosen; said yes to.

What happens outside is the worker's (models/messages/sending.py).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import orjson

from models import database
from models.errors import BadInput
from models.ids import new_id
from models.messages import templates
from models.messages.rules import LONGEST_ABOUT, MessageKind, MessageWay, SubscribeAnswer

MOST_AT_ONCE = 50
MOST_CONSENTS = 20
"""Consents of one form that are counted: a client that claims more than anybody would give is not believed."""
_CLOCKS_APART = timedelta(minutes=5)
_LATE = timedelta(days=1)


async def tell(
    *, member_id: int, template: str, values: Mapping[str, str] | None = None, about_no: str, now: datetime
) -> None:
    """Puts a message into a member's inbox, once for each template and `about_no`; the worker tells it outside. Nobody
    is told anything any more who was deleted.

    A plain function: it runs in the caller's transaction, so what did not happen is not told. One INSERT: by which
    ways somebody is reached is the worker's to find out (models/messages/sending.py), who is woken. `values` hold no phone, name or
    ID number. Raises ValueError for a template that is none and for values that do not fit its blanks: bugs.
    """
    checked = templates.template(template).checked(values or {})
    if not 1 <= len(about_no) <= LONGEST_ABOUT:
        raise ValueError(f"{template}: about_no has 1 to {LONGEST_ABOUT} characters")
    await database.rows(
        """INSERT INTO message (public_id, member_id, template, "values", about_no, told_at)
           SELECT $1, id, $3, $4, $5, $6::timestamptz FROM member WHERE id = $2 AND deleted_at IS NULL
           ON CONFLICT (member_id, template, about_no) DO NOTHING""",
        new_id("msg"),
        member_id,
        template,
        orjson.dumps(checked).decode(),
        about_no,
        now,
    )
    database.ring("tell_people")


@database.operation
async def mark_read(*, member_id: int, message_ids: Sequence[str], now: datetime) -> None:
    """These of the member's messages (public ids) have been read; others' and read ones stay as they are.

    Raises BadInput for more than a page of them.
    """
    if len(message_ids) > MOST_AT_ONCE:
        raise BadInput(f"一次最多标记{MOST_AT_ONCE}条消息。", field="ids")
    if not message_ids:
        return
    await database.rows(
        f"""UPDATE message SET read_at = $1 WHERE member_id = $2 AND read_at IS NULL
               AND public_id IN ({database.parameters(len(message_ids), first=3)})""",
        now,
        member_id,
        *message_ids,
    )


@database.operation
async def choose(*, member_id: int, kind: MessageKind, way: MessageWay, is_wanted: bool, now: datetime) -> None:
    """Whether the member wants this kind told by this way. The inbox has it in any case."""
    await database.rows(
        """INSERT INTO message_choice (member_id, kind, way, is_wanted, chosen_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (member_id, kind, way) DO UPDATE SET is_wanted = $4, chosen_at = $5""",
        member_id,
        kind.value,
        way.value,
        is_wanted,
        now,
    )


@database.operation
async def remember_answers(
    *,
    member_id: int,
    appid: str,
    openid: str,
    answers: Mapping[str, SubscribeAnswer],
    answered_at: datetime,
    now: datetime,
) -> None:
    """What somebody answered to WeChat's question about these forms. A yes is one message more; the same answer
    (`answered_at`) is counted once.

    It is the phone that says so, and nobody vouches for it: one yes too many is found out by WeChat (43101), and the
    next way is taken. Raises BadInput for an `answered_at` that cannot be.
    """
    if not now - _LATE <= answered_at <= now + _CLOCKS_APART:
        raise BadInput("订阅结果的时间不正确。", next_step="请核对手机时间后重试。", field="answeredAt")
    for form in sorted(answers):  # in one order for everybody, as they lock
        accepted = answers[form] is SubscribeAnswer.ACCEPT
        refused_at = None if accepted or answers[form] is SubscribeAnswer.FILTER else now
        await database.rows(
            """INSERT INTO subscribe_quota (member_id, appid, openid, template, left_count, asked_at, refused_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (appid, openid, template) DO UPDATE SET
                      member_id = $1, asked_at = $6, refused_at = $7,
                      left_count = CASE WHEN subscribe_quota.left_count + $5 > $8 THEN $8
                                        ELSE subscribe_quota.left_count + $5 END
                WHERE subscribe_quota.asked_at < $6""",
            member_id,
            appid,
            openid,
            form,
            int(accepted),
            answered_at,
            refused_at,
            MOST_CONSENTS,
        )
