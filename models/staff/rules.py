"""What is true of staff, what they may do, and their sign-ins. Pure. How strict it is, says `StaffPolicy`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from models.errors import BadInput
from models.staff.policy import LEVEL_3, LONGEST_PASSWORD, StaffPolicy
from models.staff.refusals import PasswordTooWeak, RoleRefused

SEEN_EVERY = timedelta(minutes=1)  # a desk scans all day: its sign-in's row is written once a minute at most
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")


class Role(StrEnum):
    """What somebody is, at a venue, in a region and all below it, or everywhere."""

    REDEEMER = "REDEEMER"
    VENUE_MANAGER = "VENUE_MANAGER"
    FINANCE = "FINANCE"
    REGULATOR = "REGULATOR"
    PAYMASTER = "PAYMASTER"  # sends the programme's money to venues, and approves nothing of it
    DATA_OFFICER = "DATA_OFFICER"  # PIPL art. 52
    SYSTEM_ADMIN = "SYSTEM_ADMIN"
    SECURITY_ADMIN = "SECURITY_ADMIN"
    AUDITOR = "AUDITOR"


class Power(StrEnum):
    """One thing that a role may do, where it holds."""

    REDEEM = "REDEEM"
    TAKE_MONEY = "TAKE_MONEY"
    SETTLE_REFUNDS = "SETTLE_REFUNDS"
    RECONCILE = "RECONCILE"
    READ_PERSON = "READ_PERSON"  # find a person at the desk by their ID card
    REVEAL = "REVEAL"  # personal data without the mask
    GRANT_CONCESSION = "GRANT_CONCESSION"
    BOOK_FOR_PERSON = "BOOK_FOR_PERSON"
    ANSWER_FEEDBACK = "ANSWER_FEEDBACK"
    MANAGE_DRAWS = "MANAGE_DRAWS"  # a draw in place of first come
    DECIDE_GROUP_REQUESTS = "DECIDE_GROUP_REQUESTS"  # several courts at once, over what a person may have
    DECIDE_APPEALS = "DECIDE_APPEALS"  # of who cannot book for a while; never by who had a hand in it
    ROUTE_FEEDBACK = "ROUTE_FEEDBACK"  # the office above, so never who runs the venues: see HIDE_RATING
    ANSWER_RATING = "ANSWER_RATING"  # in the venue's name, which answers once
    HIDE_RATING = "HIDE_RATING"  # of a venue, so never the venue's own: whoever runs venues is not their judge
    DECIDE_ORGANISATION = "DECIDE_ORGANISATION"
    OPEN_SEALED_RECORDS = "OPEN_SEALED_RECORDS"  # who a deleted member was
    MANAGE_ACCOUNTS = "MANAGE_ACCOUNTS"
    GRANT_ROLES = "GRANT_ROLES"
    END_SIGN_INS = "END_SIGN_INS"
    RESET_SECOND_FACTOR = "RESET_SECOND_FACTOR"
    READ_AUDIT = "READ_AUDIT"
    PLAN_VOUCHERS = "PLAN_VOUCHERS"  # draft a campaign and its changes, open, pause and close it
    REVIEW_VOUCHERS = "REVIEW_VOUCHERS"  # never one's own draft
    HAND_OUT_VOUCHERS = "HAND_OUT_VOUCHERS"  # to a person at the desk, by their ID card
    UNDO_REDEMPTION = "UNDO_REDEMPTION"
    EDIT_VENUE = (
        "EDIT_VENUE"  # its tariffs, booking rules, courts and hours, with a preview of what changes and for whom
    )
    MANAGE_CLOSURES = "MANAGE_CLOSURES"  # close a venue, a sport or a court for a time
    READ_VENUE_REPORT = "READ_VENUE_REPORT"  # whether a venue opens as the rules ask
    RUN_OFFLINE_DESKS = "RUN_OFFLINE_DESKS"  # which devices may redeem without a network, and how much
    DECIDE_RISK = "DECIDE_RISK"  # what looks like a fake redemption is paid, or not
    READ_STATISTICS = "READ_STATISTICS"  # of the voucher programme, by groups of people, and who got what subsidy
    READ_SETTLEMENT = "READ_SETTLEMENT"
    PROPOSE_SETTLEMENT = "PROPOSE_SETTLEMENT"  # draft what venues are owed, and deduct
    APPROVE_SETTLEMENT = "APPROVE_SETTLEMENT"  # never what one had a hand in
    ENTER_VENUE_ACCOUNT = "ENTER_VENUE_ACCOUNT"
    APPROVE_VENUE_ACCOUNT = "APPROVE_VENUE_ACCOUNT"  # never what one entered oneself
    PAY_OUT = "PAY_OUT"  # account numbers in full, in the bank's file; what was really paid


_DESK = frozenset(
    {Power.REDEEM, Power.TAKE_MONEY, Power.READ_PERSON, Power.BOOK_FOR_PERSON, Power.HAND_OUT_VOUCHERS}
)

POWERS: Mapping[Role, frozenset[Power]] = {
    Role.REDEEMER: _DESK,
    Role.VENUE_MANAGER: _DESK
    | {
        Power.SETTLE_REFUNDS,
        Power.ANSWER_FEEDBACK,
        Power.DECIDE_APPEALS,
        Power.MANAGE_DRAWS,
        Power.DECIDE_GROUP_REQUESTS,
        Power.ANSWER_RATING,
        Power.GRANT_CONCESSION,
        Power.REVEAL,
        Power.UNDO_REDEMPTION,
        Power.EDIT_VENUE,
        Power.MANAGE_CLOSURES,
        Power.READ_VENUE_REPORT,
        Power.RUN_OFFLINE_DESKS,
    },
    Role.FINANCE: frozenset(
        {Power.SETTLE_REFUNDS, Power.RECONCILE, Power.READ_SETTLEMENT, Power.ENTER_VENUE_ACCOUNT}
    ),
    Role.REGULATOR: frozenset(
        {
            Power.ANSWER_FEEDBACK,
            Power.DECIDE_APPEALS,
            Power.MANAGE_DRAWS,
            Power.ROUTE_FEEDBACK,
            Power.HIDE_RATING,
            Power.DECIDE_ORGANISATION,
            Power.GRANT_CONCESSION,
            Power.REVEAL,
            Power.PLAN_VOUCHERS,
            Power.REVIEW_VOUCHERS,
            Power.DECIDE_RISK,
            Power.EDIT_VENUE,
            Power.MANAGE_CLOSURES,
            Power.READ_VENUE_REPORT,
            Power.READ_STATISTICS,
            Power.READ_SETTLEMENT,
            Power.PROPOSE_SETTLEMENT,
            Power.APPROVE_SETTLEMENT,
            Power.APPROVE_VENUE_ACCOUNT,
        }
    ),
    Role.PAYMASTER: frozenset({Power.READ_SETTLEMENT, Power.ENTER_VENUE_ACCOUNT, Power.PAY_OUT}),
    Role.DATA_OFFICER: frozenset({Power.REVEAL, Power.OPEN_SEALED_RECORDS}),
    Role.SYSTEM_ADMIN: frozenset({Power.MANAGE_ACCOUNTS}),
    Role.SECURITY_ADMIN: frozenset({Power.GRANT_ROLES, Power.END_SIGN_INS, Power.RESET_SECOND_FACTOR}),
    Role.AUDITOR: frozenset({Power.READ_AUDIT}),
}

ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR})
"""An account holds one of them and nothing else, or none (GB/T 22239-2019, 8.1.5: 系统, 安全, 审计管理 apart)."""

EVERYWHERE_ONLY = frozenset({Role.AUDITOR, Role.DATA_OFFICER})
"""What they look at has no place."""

OF_REGIONS = ADMINISTRATORS | EVERYWHERE_ONLY | {Role.REGULATOR, Role.PAYMASTER}
"""They hold in a region or everywhere, never at a single venue."""

DESK_ROLES = (Role.REDEEMER, Role.FINANCE)
"""What every clerk could do before there were roles: redeem, take money, settle refunds, reconcile."""

ROLE_WORDS: Mapping[Role, str] = {
    Role.REDEEMER: "核销员",
    Role.VENUE_MANAGER: "场馆管理员",
    Role.FINANCE: "财务",
    Role.REGULATOR: "主管部门",
    Role.PAYMASTER: "资金拨付员",
    Role.DATA_OFFICER: "个人信息保护负责人",
    Role.SYSTEM_ADMIN: "系统管理员",
    Role.SECURITY_ADMIN: "安全管理员",
    Role.AUDITOR: "审计管理员",
}

POWER_WORDS: Mapping[Power, str] = {
    Power.REDEEM: "核销",
    Power.TAKE_MONEY: "收款",
    Power.SETTLE_REFUNDS: "办理退款",
    Power.RECONCILE: "对账",
    Power.READ_PERSON: "按证件查找顾客",
    Power.REVEAL: "查看完整个人信息",
    Power.GRANT_CONCESSION: "认定优惠资格",
    Power.BOOK_FOR_PERSON: "代顾客预订",
    Power.ANSWER_FEEDBACK: "答复诉求",
    Power.MANAGE_DRAWS: "安排抽签",
    Power.DECIDE_GROUP_REQUESTS: "处理团体预订申请",
    Power.DECIDE_APPEALS: "处理暂停预订的申诉",
    Power.ROUTE_FEEDBACK: "转办诉求",
    Power.ANSWER_RATING: "答复评价",
    Power.HIDE_RATING: "隐藏评价",
    Power.DECIDE_ORGANISATION: "审核单位",
    Power.OPEN_SEALED_RECORDS: "查阅封存记录",
    Power.MANAGE_ACCOUNTS: "管理账号",
    Power.GRANT_ROLES: "授予角色",
    Power.END_SIGN_INS: "管理登录",
    Power.RESET_SECOND_FACTOR: "重置动态口令",
    Power.READ_AUDIT: "查阅审计记录",
    Power.PLAN_VOUCHERS: "拟定消费券活动",
    Power.REVIEW_VOUCHERS: "复核消费券活动",
    Power.HAND_OUT_VOUCHERS: "代顾客领券",
    Power.UNDO_REDEMPTION: "撤销核销",
    Power.RUN_OFFLINE_DESKS: "管理离线设备",
    Power.DECIDE_RISK: "核查可疑核销",
    Power.EDIT_VENUE: "修改场馆价目、规则、场地和开放时间",
    Power.MANAGE_CLOSURES: "停用场馆和场地",
    Power.READ_VENUE_REPORT: "查看场馆开放报告",
    Power.READ_STATISTICS: "查看消费券统计",
    Power.READ_SETTLEMENT: "查看结算单",
    Power.PROPOSE_SETTLEMENT: "拟定结算单",
    Power.APPROVE_SETTLEMENT: "审批结算单",
    Power.ENTER_VENUE_ACCOUNT: "登记收款账户",
    Power.APPROVE_VENUE_ACCOUNT: "复核收款账户",
    Power.PAY_OUT: "拨付资金",
}


class SignInStage(StrEnum):
    """Until it is OPEN, a sign-in's token opens nothing but the next step."""

    OPEN = "OPEN"
    NEEDS_CODE = "NEEDS_CODE"
    NEEDS_PASSWORD = "NEEDS_PASSWORD"  # noqa: S105
    NEEDS_SETUP = "NEEDS_SETUP"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a role holds. Neither: everywhere. Both are keys for the outside: a venue's public id, a region's key."""

    venue_id: str = ""
    region_key: str = ""


@dataclass(frozen=True, slots=True)
class RoleHeld:
    role: Role
    place: Place


@dataclass(frozen=True)
class StaffSignedIn:
    """A clerk at a desk. `venues` are those where they may redeem, as (public id, name), whatever role says so."""

    token: str = field(repr=False)
    staff_id: int
    public_id: str
    display_name: str
    device_id: str
    venues: tuple[tuple[str, str], ...]
    roles: tuple[RoleHeld, ...] = ()
    stage: SignInStage = SignInStage.OPEN

    def has(self, power: Power) -> bool:
        """Somewhere."""
        return any(power in POWERS[held.role] for held in self.roles)


def username_of(text: str) -> str | None:
    """The username that was meant, without regard to case or blanks around it; None when it can be nobody's."""
    username = text.strip().lower()
    return username if _USERNAME.fullmatch(username) else None


def checked_username(text: str) -> str:
    username = username_of(text)
    if username is None:
        raise BadInput(
            "用户名不正确。", next_step="请使用3到40个小写字母、数字、点、横线或下划线。", field="username"
        )
    return username


def checked_display_name(text: str) -> str:
    name = text.strip()
    if not (1 <= len(name) <= 40 and name.isprintable()):
        raise BadInput("姓名不正确。", next_step="请填写1到40个字的姓名。", field="displayName")
    return name


def check_password(password: str, *, username: str, policy: StaffPolicy = LEVEL_3) -> None:
    """At least 8 characters of at least 3 classes (GB/T 22239-2019 level 3), and not the username."""
    classes = (
        any(character.islower() for character in password),
        any(character.isupper() for character in password),
        any(character.isdigit() for character in password),
        any(not character.isalnum() for character in password),
    )
    fits = policy.shortest_password <= len(password) <= LONGEST_PASSWORD
    if not fits or sum(classes) < policy.password_classes or username in password.lower():
        raise PasswordTooWeak(policy)


def is_alive(
    *, started_at: datetime, last_seen_at: datetime, now: datetime, policy: StaffPolicy = LEVEL_3
) -> bool:
    """A sign-in ends 10 minutes after it was last used and 12 hours after it began, whichever comes first."""
    return now < last_seen_at + policy.idle_life and now < started_at + policy.absolute_life


def stage_of(*, needs_code: bool, needs_password: bool, needs_setup: bool) -> SignInStage:
    """What a sign-in still needs, one after the other: whoever only knows a password that has run out cannot set a
    new one where a second factor stands before it."""
    if needs_code:
        return SignInStage.NEEDS_CODE
    if needs_password:
        return SignInStage.NEEDS_PASSWORD
    return SignInStage.NEEDS_SETUP if needs_setup else SignInStage.OPEN


def password_has_run_out(*, set_at: datetime, must_change: bool, now: datetime, policy: StaffPolicy) -> bool:
    """It is too old, or somebody else chose it."""
    return must_change or now >= set_at + policy.password_life


def check_together(role: Role, held: Iterable[Role]) -> None:
    """Raises ROLE_REFUSED when one account must not hold this role beside those."""
    others = {*held}
    if others if role in ADMINISTRATORS else others & ADMINISTRATORS:
        raise RoleRefused(
            "系统管理员、安全管理员、审计管理员必须由不同账号担任，也不能兼任业务角色。",
            next_step="请为其另开账号，或先结束原有角色。",
            field="role",
        )


def check_place(role: Role, place: Place) -> None:
    """Raises BAD_INPUT where this role cannot hold."""
    if place.venue_id and place.region_key:
        raise BadInput("场馆和地区只能选一个。", next_step="请去掉其中一个。", field="regionKey")
    if role in EVERYWHERE_ONLY and place != Place():
        raise BadInput(f"{ROLE_WORDS[role]}不分地区。", next_step="请不要填写场馆和地区。", field="role")
    if role in OF_REGIONS and place.venue_id:
        raise BadInput(
            f"{ROLE_WORDS[role]}不设在场馆。", next_step="请填写地区，或留空表示全部。", field="venueId"
        )
