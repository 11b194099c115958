"""By whom people are told outside the inbox: adapters, and our templates' ids at WeChat."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.keys import PhoneKeys
from models.messages import templates
from models.messages.rules import MessageWay, Open
from verification.port import SmsSender
from wechat.messages import OfficialMessages, SubscribeMessages


@dataclass(frozen=True, kw_only=True)
class Messengers:
    """By whom people are told. `…_ids`: of our forms at WeChat, taken from its library; a form without one is not
    sent that way. None: this house has not that way."""

    subscribe: SubscribeMessages | None
    subscribe_ids: Mapping[str, str]
    official: OfficialMessages | None
    official_ids: Mapping[str, str]
    sms: SmsSender | None
    phone_keys: PhoneKeys
    mini_program_appid: str

    def open_ways(self) -> Open:
        """The ways that this house has, and the forms it can send there."""
        every = frozenset(templates.shelf().forms)
        return {
            MessageWay.SUBSCRIBE: frozenset(self.subscribe_ids) if self.subscribe else frozenset(),
            MessageWay.OFFICIAL_ACCOUNT: frozenset(self.official_ids) if self.official else frozenset(),
            MessageWay.SMS: every if self.sms else frozenset(),
        }
