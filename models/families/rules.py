"""What is true of guardians, helpers, companions, and of the codes by which they are invited. Pure."""

import re
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from models.errors import BadInput, DomainError, ErrorCode

INVITATION_LIFE = timedelta(days=3)
INVITATION_DIGITS = 10
MOST_TRIES = 5
"""By members whose phone is not the one that was named; then the code is worthless."""
MOST_WARDS = 10
MOST_GUARDIANS = 4
MOST_HELPERS = 5
MOST_PRINCIPALS = 20
"""Whom one person helps: a family, not a trade in bookings."""
MOST_COMPANIONS = 50
MOST_OPEN_INVITATIONS = 10


class HelperPower(StrEnum):
    """What a helper may do; each is given by name. A guardian has all of them."""

    BOOK = "BOOK"  # place and pay orders, move and cancel them
    SEE_ORDERS = "SEE_ORDERS"
    SHOW_CODES = "SHOW_CODES"
    MESSAGES = "MESSAGES"  # read the inbox; be told in their place
    FEEDBACK = "FEEDBACK"  # complain and rate in their place


class Relation(StrEnum):
    """What a guardian is to their ward."""

    FATHER = "FATHER"
    MOTHER = "MOTHER"
    GRANDPARENT = "GRANDPARENT"
    OTHER = "OTHER"


class InvitationKind(StrEnum):
    GUARDIAN = "GUARDIAN"
    HELPER = "HELPER"
    COMPANION = "COMPANION"


class InvitationStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"


class EndedBy(StrEnum):
    PRINCIPAL = "PRINCIPAL"
    HELPER = "HELPER"
    STAFF = "STAFF"
    SYSTEM = "SYSTEM"


class GuardianshipEnd(StrEnum):
    BY_GUARDIAN = "BY_GUARDIAN"
    GREW_UP = "GREW_UP"


END_WORDS = {
    GuardianshipEnd.BY_GUARDIAN: "监护人主动结束",
    GuardianshipEnd.GREW_UP: "孩子已满14周岁",
}
ENDED_BY_WORDS = {
    EndedBy.PRINCIPAL: "被协助人主动结束",
    EndedBy.HELPER: "协助人主动结束",
    EndedBy.STAFF: "工作人员代为结束",
    EndedBy.SYSTEM: "同意已撤回或账号已注销",
}
POWER_WORDS = {
    HelperPower.BOOK: "代为预订",
    HelperPower.SEE_ORDERS: "查看订单",
    HelperPower.SHOW_CODES: "出示入场码",
    HelperPower.MESSAGES: "代收消息",
    HelperPower.FEEDBACK: "代为反馈",
}


def joined(powers: Iterable[HelperPower]) -> str:
    """As they are stored: each once, in the order of the enum. Raises BadInput for none."""
    wanted = set(powers)
    if not wanted:
        raise BadInput("请至少选择一项权限。", next_step="例如“代为预订”。", field="powers")
    return ",".join(power for power in HelperPower if power in wanted)


def split(stored: str) -> tuple[HelperPower, ...]:
    return tuple(HelperPower(power) for power in stored.split(",") if power)


def words_of(powers: Iterable[HelperPower]) -> str:
    return "、".join(POWER_WORDS[power] for power in powers)


def new_code() -> str:
    return f"{secrets.randbelow(10**INVITATION_DIGITS):0{INVITATION_DIGITS}d}"


def code_of(digest: str) -> str:
    """The same digits for the same hexadecimal digest, whose maker alone can tell them."""
    return f"{int(digest, 16) % 10**INVITATION_DIGITS:0{INVITATION_DIGITS}d}"


def shown(code: str) -> str:
    """01234 56789: as it is read out on the telephone."""
    return f"{code[:5]} {code[5:]}"


def read_code(text: str) -> str:
    """The digits that were typed, blanks and hyphens forgiven. Raises InvitationUnknown."""
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"[0-9]{10}", digits):
        raise InvitationUnknown
    return digits


class InvitationUnknown(DomainError):
    """One sentence for a wrong code, a used one, an old one, and one that is for another phone: none tells which."""

    code = ErrorCode.INVITATION_UNKNOWN

    def __init__(self) -> None:
        super().__init__(
            "邀请码不正确或已失效。",
            next_step="请核对10位数字，或请对方重新邀请；如果邀请时指定了手机号，请先绑定那个手机号。",
            field="code",
        )


class RelationExists(DomainError):
    code = ErrorCode.RELATION_EXISTS


class RelationUnknown(DomainError):
    code = ErrorCode.RELATION_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这条关系。", next_step="请在“家人与协助”里刷新后查看。", field="id")


class WardWouldBeAlone(DomainError):
    code = ErrorCode.WARD_WOULD_BE_ALONE

    def __init__(self, message: str = "孩子不能没有监护人。", next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step or "请先邀请另一位监护人，等对方接受后再操作。")


class NotAChild(DomainError):
    code = ErrorCode.NOT_A_CHILD

    def __init__(self) -> None:
        super().__init__(
            "已满14周岁，不需要由监护人代办。",
            next_step="请本人登录并完成实名；如需帮忙预订，可以请本人邀请您为协助人。",
            field="idNumber",
        )


class MemberUnknown(DomainError):
    """Somebody who is nothing to the asker is as unknown as nobody."""

    code = ErrorCode.MEMBER_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这个人。", next_step="请在“家人与协助”里选择。", field="forMember")


class PowerNotGiven(DomainError):
    code = ErrorCode.POWER_NOT_GIVEN

    def __init__(self, power: HelperPower) -> None:
        super().__init__(
            f"对方没有授权您{POWER_WORDS[power]}。",
            next_step="请对方重新邀请，并勾选这项权限。",
            field="forMember",
        )


def too_many(what: str, most: int) -> DomainError:
    return BadInput(f"{what}最多{most}个。", next_step="请先解除或撤回不需要的。")
