"""What staff are refused with, and the sentences that they read."""

from datetime import timedelta
from math import ceil

from models.errors import DomainError, ErrorCode
from models.staff.policy import LEVEL_3, LONGEST_PASSWORD, StaffPolicy


class StaffCredentialsWrong(DomainError):
    """One sentence for an unknown name, a wrong password and a closed account: none betrays which names exist."""

    code = ErrorCode.STAFF_CREDENTIALS_WRONG

    def __init__(self, policy: StaffPolicy = LEVEL_3) -> None:
        super().__init__(
            "用户名或密码不正确。",
            next_step=f"请核对后再试；连续输错{policy.failures_until_lock}次将暂时锁定。忘记密码请联系管理员。",
        )


class StaffLocked(DomainError):
    code = ErrorCode.STAFF_LOCKED

    def __init__(self, left: timedelta) -> None:
        minutes = max(1, ceil(left / timedelta(minutes=1)))
        super().__init__(
            "密码或动态口令连续输错次数过多，账号已暂时锁定。", next_step=f"请在{minutes}分钟后再试。"
        )


class SecondFactorWrong(DomainError):
    code = ErrorCode.SECOND_FACTOR_WRONG

    def __init__(self) -> None:
        super().__init__(
            "动态口令不正确，或已经用过。",
            next_step="请等手机上换出下一个6位数字再输入；仍不正确，请校准手机时间，或联系安全管理员重置。",
            field="code",
        )


class PasswordTooWeak(DomainError):
    code = ErrorCode.PASSWORD_TOO_WEAK

    def __init__(self, policy: StaffPolicy = LEVEL_3) -> None:
        super().__init__(
            "密码强度不够。",
            next_step=f"请使用{policy.shortest_password}到{LONGEST_PASSWORD}个字符，并包含大写字母、小写字母、数字、"
            f"符号中的至少{_NUMERALS[policy.password_classes]}类，且不含用户名。",
            field="password",
        )


class PasswordUsedBefore(DomainError):
    code = ErrorCode.PASSWORD_USED_BEFORE

    def __init__(self, policy: StaffPolicy) -> None:
        super().__init__(
            f"新密码不能与最近{policy.passwords_remembered}次用过的密码相同。",
            next_step="请换一个没有用过的密码。",
            field="password",
        )


class UsernameTaken(DomainError):
    code = ErrorCode.USERNAME_TAKEN

    def __init__(self) -> None:
        super().__init__("这个用户名已有人使用。", next_step="请换一个用户名。", field="username")


class StaffVenueUnknown(DomainError):
    code = ErrorCode.VENUE_UNKNOWN

    def __init__(self) -> None:
        super().__init__("所选场馆不存在。", next_step="请核对场馆编号，至少选择一个场馆。", field="venueIds")


class StaffUnknown(DomainError):
    """Also somebody who is not in the scope of whoever asks."""

    code = ErrorCode.STAFF_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这个账号。", next_step="请核对账号；只能管理本辖区内的账号。", field="staffId")


class RoleRefused(DomainError):
    code = ErrorCode.ROLE_REFUSED


_NUMERALS = {1: "一", 2: "两", 3: "三", 4: "四"}
