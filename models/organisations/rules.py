"""What is true of organisations (法人) and of who acts for them. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from unicodedata import normalize

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from models.errors import BadInput, DomainError, ErrorCode

SHORTEST_NAME, LONGEST_NAME = 2, 80
LONGEST_INTRODUCTION = 500
LONGEST_NOTE = 200
INVITATION_LIFE = timedelta(days=7)
MOST_OPEN_INVITATIONS = 50
MOST_PENDING = 3
"""Registrations of one member that wait for a decision."""
MOST_ORGANISATIONS = 20
"""That one member belongs to, at a time."""


class OrganisationKind(StrEnum):
    CLUB = "CLUB"
    ASSOCIATION = "ASSOCIATION"
    INSTITUTION = "INSTITUTION"  # teaches: 培训机构
    SCHOOL = "SCHOOL"
    COMPANY = "COMPANY"
    PUBLIC_BODY = "PUBLIC_BODY"
    OTHER = "OTHER"


KIND_WORDS: Mapping[OrganisationKind, str] = {
    OrganisationKind.CLUB: "俱乐部",
    OrganisationKind.ASSOCIATION: "协会",
    OrganisationKind.INSTITUTION: "培训机构",
    OrganisationKind.SCHOOL: "学校",
    OrganisationKind.COMPANY: "企业",
    OrganisationKind.PUBLIC_BODY: "机关或事业单位",
    OrganisationKind.OTHER: "其他单位",
}


class OrganisationStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"  # by its owner


STATUS_WORDS: Mapping[OrganisationStatus, str] = {
    OrganisationStatus.PENDING: "待审核",
    OrganisationStatus.APPROVED: "已通过",
    OrganisationStatus.REFUSED: "未通过",
    OrganisationStatus.SUSPENDED: "已暂停",
    OrganisationStatus.CLOSED: "已注销",
}
ENDED = (OrganisationStatus.REFUSED, OrganisationStatus.CLOSED)
"""Its code is free again."""


class OrganisationRole(StrEnum):
    """What a member may do for their organisation; each may all that the next ones may."""

    OWNER = "OWNER"  # gives and takes every role
    MANAGER = "MANAGER"  # edits the page, invites and removes members
    MEMBER = "MEMBER"


class InvitationStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    WITHDRAWN = "WITHDRAWN"


ACT_FOR_IT = (OrganisationRole.OWNER, OrganisationRole.MANAGER)
"""Who speaks in the organisation's name, and so is known by a real name."""


def may_give(own: str, role: str) -> bool:
    """Whether somebody with a role of their own may give this one, or take it away: owners any, managers MEMBER."""
    return own == OrganisationRole.OWNER or (own == OrganisationRole.MANAGER and role == OrganisationRole.MEMBER)


def checked_credit_code(text: str) -> str:
    """The unified social credit code (统一社会信用代码, GB 32100) as it is written: 18 signs, capitals, no blanks.

    Its check sign (mod 31) must hold. Raises ORGANISATION_CODE_WRONG.
    """
    try:
        code = str(uscc.validate(normalize("NFKC", "".join(text.split())).upper()))
    except ValidationError as wrong:
        raise OrganisationCodeWrong from wrong
    if not code.isascii():  # digits of another script
        raise OrganisationCodeWrong
    return code


def checked_name(text: str) -> str:
    name = text.strip()
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput(
            f"单位名称应为{SHORTEST_NAME}到{LONGEST_NAME}个字。", next_step="请按证照上的名称填写。", field="name"
        )
    return name


def checked_introduction(text: str) -> str:
    """What everybody reads on the organisation's page; may have lines, may be empty."""
    introduction = text.replace("\r\n", "\n").strip()
    if len(introduction) > LONGEST_INTRODUCTION or not introduction.replace("\n", "").isprintable():
        raise BadInput(
            f"单位介绍最多{LONGEST_INTRODUCTION}个字。", next_step="请写得短一些。", field="introduction"
        )
    return introduction


def checked_decision_note(text: str, *, is_needed: bool) -> str:
    """What the organisation reads about a decision. A no is explained."""
    note = text.strip()
    if len(note) > LONGEST_NOTE or not note.isprintable() or (is_needed and not note):
        raise BadInput(
            f"请写明理由，最多{LONGEST_NOTE}个字，不能换行。", next_step="请修改后再提交。", field="note"
        )
    return note


class OrganisationCodeWrong(DomainError):
    code = ErrorCode.ORGANISATION_CODE_WRONG

    def __init__(self) -> None:
        super().__init__("统一社会信用代码不正确。", next_step="请核对证照上的18位代码。", field="creditCode")


class OrganisationUnknown(DomainError):
    """One sentence for what is not there and for what is not shown to this person."""

    code = ErrorCode.ORGANISATION_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这个单位。", next_step="请核对后重新打开。", field="organisationId")


class OrganisationRegistered(DomainError):
    code = ErrorCode.ORGANISATION_REGISTERED

    def __init__(self) -> None:
        super().__init__(
            "这个统一社会信用代码已经登记。",
            next_step="请联系本单位的管理员邀请您加入；如被他人冒用，请向当地体育主管部门反映。",
            field="creditCode",
        )


class OrganisationState(DomainError):
    """It is not as the act needs it to be."""

    code = ErrorCode.ORGANISATION_STATE


class RoleTooSmall(DomainError):
    code = ErrorCode.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("您在本单位的角色不能这样做。", next_step="请联系本单位的负责人。")


class TooYoung(DomainError):
    """Below 18 one binds no organisation (民法典 18, 19)."""

    code = ErrorCode.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("未满18周岁不能代表单位办事。", next_step="请由单位的成年负责人办理。")


class LastOwner(DomainError):
    code = ErrorCode.ORGANISATION_STATE

    def __init__(self) -> None:
        super().__init__("单位至少要有一名负责人。", next_step="请先把另一名成员设为负责人。")


class MembershipUnknown(DomainError):
    code = ErrorCode.MEMBER_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这名成员。", next_step="请刷新成员列表。", field="membershipId")


class InvitationUnknown(DomainError):
    """Wrong, used, withdrawn and expired sound the same: nobody learns which codes there were."""

    code = ErrorCode.INVITATION_UNKNOWN

    def __init__(self, field: str = "code") -> None:
        super().__init__("邀请无效或已过期。", next_step="请让对方重新邀请。", field=field)
