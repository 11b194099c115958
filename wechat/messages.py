"""Messages by WeChat: subscribe messages of the mini-program, template messages of the official account.

Source: WeChat server API, subscribeMessage.send (小程序订阅消息) and 公众号模板消息, with their limits of the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wechat.calls import StableToken, WeChatError


class Why(StrEnum):
    """Why WeChat will not bring this message to this person; the same message again is refused again."""

    NO_QUOTA = "NO_QUOTA"  # they did not say yes to this template once more, or took it back, or do not follow us
    BAD_TEMPLATE = "BAD_TEMPLATE"  # the template, a value in it or the page: ours to mend
    UNKNOWN_RECIPIENT = "UNKNOWN_RECIPIENT"  # nobody has this openid


REASONS = {
    43101: Why.NO_QUOTA,  # the person refused, or the subscription is used up
    43107: Why.NO_QUOTA,  # the person blocked our subscribe messages
    43004: Why.NO_QUOTA,  # does not follow the official account
    43019: Why.NO_QUOTA,  # put the official account on their black list
    47003: Why.BAD_TEMPLATE,  # a value does not fit its field
    40037: Why.BAD_TEMPLATE,  # no such template
    41028: Why.BAD_TEMPLATE,
    41030: Why.BAD_TEMPLATE,  # no such page
    40003: Why.UNKNOWN_RECIPIENT,
}


class MessageRefused(WeChatError):
    """WeChat says no to this message, for `reason`, and will say so again. Anything else is another WeChatError."""

    def __init__(self, errcode: int, message: str, reason: Why) -> None:
        super().__init__(errcode, message, retryable=False)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniProgramPage:
    """Where a template message may lead: a page of a mini-program bound to the official account."""

    appid: str
    path: str


class SubscribeMessages:
    """The mini-program's one-time subscribe messages; each uses up one yes of the person to that template."""

    def __init__(self, token: StableToken) -> None:
        """`token` is the mini-program's (`MiniProgram.token`)."""
        self._token = token

    async def send(self, *, openid: str, template_id: str, data: Mapping[str, str], page: str = "") -> None:
        """Sends one message. `data`: the template's field, such as thing1, to its text.

        Raises MessageRefused or another WeChatError. WeChat knows no key: after a WeChatUnavailable nobody knows
        whether it was sent, and the same again may come twice.
        """
        body: dict[str, Any] = {"touser": openid, "template_id": template_id, "data": _fields(data)}
        if page:
            body["page"] = page
        await _send(self._token, "/cgi-bin/message/subscribe/send", body)


class OfficialMessages:
    """The official account's template messages, to who follows it."""

    def __init__(self, token: StableToken) -> None:
        """`token` is the official account's (`OfficialAccount.token`)."""
        self._token = token

    async def send(
        self,
        *,
        openid: str,
        template_id: str,
        data: Mapping[str, str],
        client_msg_id: str,
        url: str = "",
        page: MiniProgramPage | None = None,
    ) -> None:
        """Sends one message; WeChat brings the same `client_msg_id` (up to 32 characters) once, for ten minutes.

        It leads to `page`, else to `url`. Raises MessageRefused or another WeChatError.
        """
        body: dict[str, Any] = {
            "touser": openid,
            "template_id": template_id,
            "data": _fields(data),
            "client_msg_id": client_msg_id,
        }
        if url:
            body["url"] = url
        if page:
            body["miniprogram"] = {"appid": page.appid, "pagepath": page.path}
        await _send(self._token, "/cgi-bin/message/template/send", body)


def _fields(data: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"value": value} for name, value in data.items()}


async def _send(token: StableToken, path: str, body: Mapping[str, Any]) -> None:
    try:
        await token.post(path, body)
    except WeChatError as error:
        if reason := REASONS.get(error.errcode):
            # Only the code: WeChat's sentence may repeat a value of the message.
            raise MessageRefused(error.errcode, reason, reason) from None
        raise
