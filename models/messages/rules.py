"""What is true of messages: their templates, what WeChat takes in each field, ways outside and when to try again. Pure.

Limits of fields: developers.weixin.qq.com, 订阅消息参数值内容限制说明; template messages of an official account take the
same kinds, and `const`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from string import Formatter


class MessageKind(StrEnum):
    """What a message is about, as members choose by it."""

    ORDERS = "ORDERS"
    MONEY = "MONEY"
    PEOPLE = "PEOPLE"  # families, helpers, companions, organisations
    ACCOUNT = "ACCOUNT"
    FEEDBACK = "FEEDBACK"


class MessageWay(StrEnum):
    """A way outside. Beside them there is the inbox, always."""

    SUBSCRIBE = "SUBSCRIBE"  # of the mini-program: one yes, one message
    OFFICIAL_ACCOUNT = "OFFICIAL_ACCOUNT"
    SMS = "SMS"


class SendingStatus(StrEnum):
    WAITING = "WAITING"  # for its moment; without one, for its turn after the way before it
    SENDING = "SENDING"  # written before the call
    SENT = "SENT"
    REFUSED = "REFUSED"  # the person does not want it: no consent left (43101)
    GAVE_UP = "GAVE_UP"  # it cannot be done, or not for too long
    UNKNOWN = "UNKNOWN"  # asked, and no answer: it may have arrived, so nothing is sent again
    SKIPPED = "SKIPPED"  # another way was enough


class AskingMoment(StrEnum):
    """When somebody is asked whether they want subscribe messages: when they have just done what these tell of."""

    ORDER_PLACED = "ORDER_PLACED"
    REFUND_ASKED = "REFUND_ASKED"
    HELPER_INVITED = "HELPER_INVITED"
    FEEDBACK_GIVEN = "FEEDBACK_GIVEN"


class BlankKind(StrEnum):
    """What may stand in a blank."""

    TEXT = "TEXT"
    MOMENT = "MOMENT"  # 11月21日 09:00, with or without year and time (models/calendar.py)
    MONEY = "MONEY"  # 40.00元 (models/money.py)
    NUMBER = "NUMBER"  # of an order, say: ASCII without blanks


class SubscribeAnswer(StrEnum):
    """What `wx.requestSubscribeMessage` says of one template."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    BAN = "BAN"  # by WeChat
    FILTER = "FILTER"  # by WeChat, as another of the same title was asked for


_BLANKS = {
    BlankKind.TEXT: re.compile(r".*", re.DOTALL),
    BlankKind.MOMENT: re.compile(r"([0-9]{4}年)?[0-9]{1,2}月[0-9]{1,2}日( [0-9]{2}:[0-9]{2})?"),
    BlankKind.MONEY: re.compile(r"[0-9]{1,10}\.[0-9]{2}元"),
    BlankKind.NUMBER: re.compile(r"[!-~]{1,64}"),
}
LONGEST_VALUE = 300
LONGEST_ABOUT = 64
_WHERE = {
    MessageKind.ORDERS: "我的订单",
    MessageKind.MONEY: "我的订单",
    MessageKind.PEOPLE: "家人与协助",
    MessageKind.ACCOUNT: "账号与安全",
    MessageKind.FEEDBACK: "我的反馈",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One thing that people are told. `ways` are the ways outside, the first that works is enough; SMS is there only
    where it matters. `form` names the template at WeChat; `fields` fill it."""

    name: str
    kind: MessageKind
    title: str
    body: str
    blanks: Mapping[str, BlankKind]
    page: str
    ways: Sequence[MessageWay]
    form: str
    fields: Mapping[str, str]

    def checked(self, values: Mapping[str, str]) -> dict[str, str]:
        """The values, cut to what is kept of one. Raises ValueError unless they are exactly those of the blanks, and of
        their kinds: a bug of ours."""
        if values.keys() != self.blanks.keys():
            raise ValueError(f"{self.name} has the blanks {sorted(self.blanks)}, not {sorted(values)}")
        for blank, kind in self.blanks.items():
            if not _BLANKS[kind].fullmatch(values[blank]):
                raise ValueError(f"{self.name}: what stands in {blank} is no {kind}")
        return {blank: value[:LONGEST_VALUE] for blank, value in values.items()}

    def text(self, values: Mapping[str, str]) -> str:
        """The body as it is read in the inbox."""
        return filled(self.body, values)

    def where(self, values: Mapping[str, str]) -> str:
        """The mini-program's page on which to look."""
        return filled(self.page, values)

    def notice(self) -> tuple[str, str]:
        """For an SMS: what it is about, and where to look. Nothing of what it says: a phone lies about."""
        return self.title, _WHERE[self.kind]


class _Leniently(dict[str, str]):
    """A message outlives changes of its template: a blank that it was not told with is no reason to show nothing."""

    def __missing__(self, _blank: str) -> str:
        return "…"


def filled(text: str, values: Mapping[str, str]) -> str:
    return Formatter().vformat(text, (), _Leniently(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A template as it was taken from WeChat's library, on each of its ways: field → which of our texts stands there.
    Several of our templates fill one form, so that a member is asked about few."""

    name: str
    fields: Mapping[MessageWay, Mapping[str, str]]

    def fill(self, template: Template, values: Mapping[str, str], way: MessageWay) -> dict[str, str]:
        """Field → text, each within its limit."""
        return {
            field: fit(field, filled(template.fields[part], values)) for field, part in self.fields[way].items()
        }


_MOST_CHARACTERS = {"thing": 20, "const": 20, "character_string": 32, "number": 32, "phrase": 5}
_FORMS = {
    "thing": re.compile(r"[^\x00-\x1f\x7f]{1,20}"),
    "const": re.compile(r"[^\x00-\x1f\x7f]{1,20}"),
    "character_string": re.compile(r"[ -~]{1,32}"),
    "number": re.compile(r"[0-9]{1,32}(\.[0-9]+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s\u4e00-\u9fff]{1,5}"),
    "phrase": re.compile(r"[\u4e00-\u9fff]{1,5}"),
    "name": re.compile(r"[\u4e00-\u9fff]{1,10}|[A-Za-z .·-]{1,20}"),
    "amount": re.compile(r"[¥￥]?[0-9]{1,10}(\.[0-9]{1,2})?元?"),
    "phone_number": re.compile(r"[0-9+() -]{1,17}"),
    "car_number": re.compile(r"[\u4e00-\u9fffA-Z0-9]{1,8}"),
    "time": re.compile(r"(([0-9]{4}年)?[0-9]{1,2}月[0-9]{1,2}日 )?[0-9]{2}:[0-9]{2}(:[0-9]{2})?"),
    "date": re.compile(r"([0-9]{4}年)?[0-9]{1,2}月[0-9]{1,2}日( [0-9]{2}:[0-9]{2})?"),
}
FIELD = re.compile(rf"({'|'.join(_FORMS)})[0-9]{{1,2}}")
"""A field of WeChat's: its kind, then its number in the template."""


def is_taken(field: str, text: str) -> bool:
    """Whether WeChat takes this text in this field; it refuses all of a message (47003) for one that it does not."""
    return _FORMS[_kind_of(field)].fullmatch(text) is not None


def fit(field: str, text: str) -> str:
    """The text as the field takes it: on one line, and cut with … where it is too long."""
    kind = _kind_of(field)
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if kind == "thing" and not text:
        return "无"
    if kind == "time" and is_taken("date1", text) and not is_taken(field, text):
        return f"{text} 23:59"  # a day alone: its end
    if kind == "character_string":  # of numbers the end tells more than an ellipsis, which is no ASCII
        return text[-_MOST_CHARACTERS[kind] :]
    most = _MOST_CHARACTERS.get(kind, len(text))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _kind_of(field: str) -> str:
    matched = FIELD.fullmatch(field)
    if matched is None:
        raise ValueError(f"WeChat has no field {field}")
    return matched[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """By what somebody can be told outside."""

    consents: frozenset[str]  # forms for which a subscribe message is left
    follows: bool  # the official account knows them
    has_phone: bool
    unwanted: frozenset[tuple[MessageKind, MessageWay]]
    wants_none: bool  # they took back their consent to be told outside the inbox


Open = Mapping[MessageWay, frozenset[str]]
"""The ways that this house has, and the forms it can send there."""


def ways_for(template: Template, reach: Reach, open_ways: Open) -> list[MessageWay]:
    """The ways to try, in the template's order."""
    if reach.wants_none:
        return []
    there = {
        MessageWay.SUBSCRIBE: template.form in reach.consents,
        MessageWay.OFFICIAL_ACCOUNT: reach.follows,
        MessageWay.SMS: reach.has_phone,
    }
    return [
        way
        for way in template.ways
        if there[way]
        and template.form in open_ways.get(way, frozenset())
        and (template.kind, way) not in reach.unwanted
    ]


LEASE = timedelta(seconds=60)
"""An answer takes at most some 10 s; after this the worker that asked is gone."""
_WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
REPEATABLE_FOR = timedelta(minutes=8)
"""An official account's client_msg_id makes two of the same one for 10 minutes; the call itself takes time too."""
LATEST = timedelta(days=1)
"""What could not be told outside for so long is old: the inbox has it."""


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts; None: no more."""
    return now + _WAITS[attempts - 1] if attempts <= len(_WAITS) else None


def may_repeat(way: MessageWay, asked_at: datetime | None, now: datetime) -> bool:
    """Whether what may have arrived can be sent again without being told twice. `asked_at`: when it was first asked
    for without an answer."""
    return asked_at is None or (way is MessageWay.OFFICIAL_ACCOUNT and now < asked_at + REPEATABLE_FOR)
