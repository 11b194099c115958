"""The inbox, what somebody chose, and what to ask them about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from models import database
from models.errors import wrong_page_size
from models.messages import templates
from models.messages.rules import AskingMoment, MessageKind, MessageWay, SendingStatus

MOST_MESSAGES = 50
MOST_COUNTED = 100
ASKED_AGAIN_AFTER = timedelta(days=30)
"""Who said no is left alone for a while."""
ENOUGH_CONSENTS = 3
_GONE = "消息内容已更新"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """One message as it is read."""

    id: int
    public_id: str
    kind: MessageKind
    template: str
    title: str
    text: str
    page: str
    about_no: str
    told_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whether a kind is wanted by a way. What was never chosen is wanted."""

    kind: MessageKind
    way: MessageWay
    is_wanted: bool


async def inbox(
    *, member_id: int, first: int, before_id: int | None = None, unread_only: bool = False
) -> list[InboxMessage]:
    """The member's messages, the latest first, up to `first` and one more. Raises BadInput."""
    if not 1 <= first <= MOST_MESSAGES:
        raise wrong_page_size(MOST_MESSAGES)
    found = await database.rows(
        f"""SELECT id, public_id, template, "values", about_no, told_at, read_at FROM message
             WHERE member_id = $1 AND id < $2 {"AND read_at IS NULL" if unread_only else ""}
             ORDER BY id DESC LIMIT $3""",
        member_id,
        2**63 - 1 if before_id is None else before_id,
        first + 1,
    )
    return [_message(row) for row in found]


def _message(row: Any) -> InboxMessage:
    values = orjson.loads(row["values"])
    template = templates.shelf().templates.get(row["template"])
    return InboxMessage(
        id=row["id"],
        public_id=row["public_id"],
        kind=template.kind if template else MessageKind.ACCOUNT,
        template=row["template"],
        title=template.title if template else _GONE,
        text=template.text(values) if template else _GONE,
        page=template.where(values) if template else "",
        about_no=row["about_no"],
        told_at=database.utc(row["told_at"]),
        read_at=row["read_at"] and database.utc(row["read_at"]),
    )


async def unread(*, member_id: int) -> int:
    """How many messages have not been read; more than MOST_COUNTED are not counted."""
    found = await database.row(
        """SELECT COUNT(*) AS messages FROM (
               SELECT id FROM message WHERE member_id = $1 AND read_at IS NULL LIMIT $2) AS unread""",
        member_id,
        MOST_COUNTED,
    )
    assert found is not None
    return int(found["messages"])


async def choices_of(*, member_id: int) -> list[Choice]:
    """Every kind by every way."""
    found = await database.rows("SELECT kind, way, is_wanted FROM message_choice WHERE member_id = $1", member_id)
    chosen = {(row["kind"], row["way"]): bool(row["is_wanted"]) for row in found}
    return [
        Choice(kind=kind, way=way, is_wanted=chosen.get((kind, way), True))
        for kind in MessageKind
        for way in MessageWay
    ]


async def forms_to_ask(*, member_id: int, moment: AskingMoment, now: datetime) -> Sequence[str]:
    """The forms about which to ask this member at this moment: not those refused lately, nor those of which there are
    plenty."""
    found = await database.rows(
        """SELECT template FROM subscribe_quota
            WHERE member_id = $1 AND (refused_at > $2 OR left_count >= $3 AND refused_at IS NULL)""",
        member_id,
        now - ASKED_AGAIN_AFTER,
        ENOUGH_CONSENTS,
    )
    settled = {row["template"] for row in found}
    return [form for form in templates.shelf().moments[moment] if form not in settled]


async def waiting(*, now: datetime) -> int:
    """Messages that the worker should have taken up by now: not planned, or due."""
    found = await database.row(
        """SELECT (SELECT COUNT(*) FROM message WHERE planned_at IS NULL)
                + (SELECT COUNT(*) FROM message_sending
                    WHERE status IN ('WAITING', 'SENDING') AND next_attempt_at <= $1) AS messages""",
        now,
    )
    assert found is not None
    return int(found["messages"])


async def stuck(*, now: datetime) -> int:
    """Sendings of the last day that ended without anybody knowing whether they arrived, or that were given up."""
    found = await database.row(
        """SELECT COUNT(*) AS sendings FROM message_sending
            WHERE status IN ($1, $2) AND finished_at > $3""",
        SendingStatus.GAVE_UP.value,
        SendingStatus.UNKNOWN.value,
        now - timedelta(days=1),
    )
    assert found is not None
    return int(found["sendings"])
