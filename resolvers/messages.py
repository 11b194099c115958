"""The inbox, and how members want to be told outside it."""

from collections.abc import Sequence
from datetime import datetime

import strawberry
from strawberry.relay import PageInfo

from models.errors import BadInput
from models.families.acting import HelperPower, acting_for
from models.messages import operations as messages
from models.messages import queries
from models.messages.operations import MOST_AT_ONCE
from models.messages.queries import MOST_MESSAGES, Choice, InboxMessage
from models.messages.rules import AskingMoment, MessageKind, MessageWay, SubscribeAnswer
from plans.costs import ListSize, Weight
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import page_of, read_cursor

strawberry.enum(MessageKind, description="What a message is about.")
strawberry.enum(MessageWay, description="A way outside the inbox. The inbox cannot be chosen away.")
strawberry.enum(AskingMoment, description="What the member has just done.")
strawberry.enum(SubscribeAnswer, description="What `wx.requestSubscribeMessage` says of one template.")

MOST_TEMPLATES = 3
"""WeChat lets one question be about three templates."""


@strawberry.type(description="Something the member was told. Title and text are in Chinese, to show as they are.")
class Message:
    id: strawberry.ID
    kind: MessageKind
    template: str = strawberry.field(description="What it tells, for programs: ORDER_CONFIRMED, say.")
    title: str
    text: str
    page: str = strawberry.field(description="The mini-program's page on which to look; empty: none.")
    about_no: str = strawberry.field(description="The number or id of what it is about.")
    told_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, message: InboxMessage) -> "Message":
        return cls(
            id=strawberry.ID(message.public_id),
            kind=message.kind,
            template=message.template,
            title=message.title,
            text=message.text,
            page=message.page,
            about_no=message.about_no,
            told_at=message.told_at,
            read_at=message.read_at,
        )


@strawberry.type
class MessageEdge:
    node: Message
    cursor: str


@strawberry.type
class MessageConnection:
    edges: list[MessageEdge]
    page_info: PageInfo
    unread_messages: int = strawberry.field(
        description="Of all, not of this page; above 100 they are not counted."
    )


@strawberry.type(description="A template about which to ask with `wx.requestSubscribeMessage`.")
class SubscribeTemplate:
    template_id: str


@strawberry.type(description="Whether a kind of message is wanted on one way outside; what was never chosen is.")
class MessageChoice:
    kind: MessageKind
    way: MessageWay
    is_wanted: bool

    @classmethod
    def of(cls, choice: Choice) -> "MessageChoice":
        return cls(kind=choice.kind, way=choice.way, is_wanted=choice.is_wanted)


@strawberry.input
class SubscribeAnswerInput:
    template_id: str
    answer: SubscribeAnswer


@strawberry.type
class MessagesReadPayload:
    unread_messages: int | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SubscriptionsPayload:
    remembered: bool | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class MessageChoicePayload:
    choice: MessageChoice | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class MessageQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_MESSAGES, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=400),
        ],
        description="My inbox, or that of my ward or of whoever gave me the power MESSAGES; the latest first.",
    )
    async def messages(
        self,
        info: Info,
        for_member: strawberry.ID | None = None,
        first: int = 20,
        after: str | None = None,
        unread_only: bool = False,
    ) -> MessageConnection:
        member_id = await _whose(info, for_member)
        found = await queries.inbox(
            member_id=member_id, first=first, before_id=read_cursor(after, "m"), unread_only=unread_only
        )
        edges = [MessageEdge(node=Message.of(each), cursor=f"m{each.id}") for each in found[:first]]
        return MessageConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
            unread_messages=await queries.unread(member_id=member_id),
        )

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_TEMPLATES), Weight(weight=200)],
        description="About which templates to ask at this moment: none that were refused in the last 30 days, or of "
        "which there are plenty.",
    )
    async def subscribe_templates(self, info: Info, moment: AskingMoment) -> list[SubscribeTemplate]:
        member = await info.context.member()
        ids = info.context.services.subscribe_ids
        forms = await queries.forms_to_ask(member_id=member.member_id, moment=moment, now=info.context.now)
        known = [SubscribeTemplate(template_id=ids[form]) for form in forms if form in ids]
        return known[:MOST_TEMPLATES]

    @strawberry.field(
        directives=[ListSize(assumed_size=len(MessageKind) * len(MessageWay)), Weight(weight=200)],
        description="What I want to be told outside the inbox, every kind by every way.",
    )
    async def message_choices(self, info: Info) -> list[MessageChoice]:
        member = await info.context.member()
        return [MessageChoice.of(each) for each in await queries.choices_of(member_id=member.member_id)]


@strawberry.type
class MessageActs:
    @act(
        MessagesReadPayload,
        f"Mark up to {MOST_AT_ONCE} messages of mine, or of somebody whose inbox I may read, as read. Others' ids "
        "change nothing.",
    )
    async def mark_messages_read(
        self, info: Info, ids: list[strawberry.ID], for_member: strawberry.ID | None = None
    ) -> MessagesReadPayload:
        member_id = await _whose(info, for_member)
        await messages.mark_read(member_id=member_id, message_ids=ids, now=info.context.now)
        return MessagesReadPayload(unread_messages=await queries.unread(member_id=member_id))

    @act(
        SubscriptionsPayload,
        "What `wx.requestSubscribeMessage` answered, and when (`answeredAt`; the same answer counts once). Each "
        "ACCEPT is one message more.",
    )
    async def remember_subscriptions(
        self, info: Info, results: list[SubscribeAnswerInput], answered_at: datetime
    ) -> SubscriptionsPayload:
        member = await info.context.member()
        if member.appid != info.context.services.mini_program.appid:
            raise _only_there()
        await messages.remember_answers(
            member_id=member.member_id,
            appid=member.appid,
            openid=member.openid,
            answers=_by_form(results, info),
            answered_at=answered_at,
            now=info.context.now,
        )
        return SubscriptionsPayload(remembered=True)

    @act(
        MessageChoicePayload, "Whether I want a kind of message on one way outside. The inbox has it in any case."
    )
    async def set_message_choice(
        self, info: Info, kind: MessageKind, way: MessageWay, is_wanted: bool
    ) -> MessageChoicePayload:
        member = await info.context.member()
        await messages.choose(
            member_id=member.member_id, kind=kind, way=way, is_wanted=is_wanted, now=info.context.now
        )
        return MessageChoicePayload(choice=MessageChoice(kind=kind, way=way, is_wanted=is_wanted))


def _only_there() -> BadInput:
    return BadInput("订阅消息只能在小程序里设置。", next_step="请打开小程序登录后再试。")


async def _whose(info: Info, for_member: str | None) -> int:
    """Whose inbox it is about. Raises what `acting_for` raises."""
    member = await info.context.member()
    if for_member is None:
        return member.member_id
    acting = await acting_for(
        member_id=member.member_id,
        member_public_id=member.member_public_id,
        for_member=for_member,
        power=HelperPower.MESSAGES,
        keys=info.context.services.id_keys,
        now=info.context.now,
    )
    return acting.member_id


def _by_form(results: Sequence[SubscribeAnswerInput], info: Info) -> dict[str, SubscribeAnswer]:
    """Raises BadInput for templates that are not ours, or named twice."""
    forms = {template_id: form for form, template_id in info.context.services.subscribe_ids.items()}
    named = {each.template_id for each in results}
    if not results or len(named) < len(results) or not named <= forms.keys():
        raise BadInput(
            "订阅结果不正确。", next_step="请重新打开小程序后再试；消息在“消息中心”里都能看到。", field="results"
        )
    return {forms[each.template_id]: each.answer for each in results}
