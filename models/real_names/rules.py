"""What a real name, an ID number and a concession are. Pure; the numbers follow GB 11643-1999.

Of a number only the check digit and a plausible day of birth decide. Its first six digits are the division where it was
issued, perhaps decades ago, under a code that has long ended: no table of today's divisions may refuse anybody.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from stdnum.cn import ric

from models.errors import BadInput, DomainError, ErrorCode

CHILD_UNDER = 14  # PIPL 31: below that a guardian consents
ADULT_FROM = 18  # Civil Code 17
ELDER_FROM = 60  # Law on the Protection of the Rights and Interests of the Elderly, 2
OLDEST_PLAUSIBLE = 130

CHECKS_A_MEMBER_A_DAY = 5
CHECKS_A_NUMBER_A_DAY = 5
CHECKS_A_CLERK_A_DAY = 200
LOST_AFTER = timedelta(minutes=2)
"""A question that was written down so long ago and has no answer never gets one; it counts against nobody."""
LOOK_UPS_AN_HOUR = 60
LOOK_UP_HOLDS = timedelta(minutes=30)
"""So long after a clerk had somebody's card in hand they may act for them."""
UNBOUND_KEPT = timedelta(days=365)
"""Limits look back for a year at most."""
CHECKS_KEPT = timedelta(days=183)

LONGEST_CONCESSION_YEARS = 5
SHORTEST_NAME, LONGEST_NAME = 2, 40

_DOTS = str.maketrans(dict.fromkeys("•‧∙・．.●", "·"))
_NAME = re.compile(r"[^\W\d_]+(?:[·' -][^\W\d_]+)*")
_COMPOUND_SURNAMES = (
    "欧阳司马上官诸葛东方皇甫尉迟公孙慕容令狐长孙宇文司徒夏侯东郭南宫百里端木独孤呼延闻人轩辕淳于"
    "单于太史申屠公冶宗政濮阳澹台赫连钟离拓跋公羊第五万俟西门南门司空梁丘左丘谷梁段干亓官巫马漆雕乐正"
)
_TWO_CHARACTER_SURNAMES = frozenset(re.findall("..", _COMPOUND_SURNAMES))


class Assurance(StrEnum):
    """How sure we are that the account is this person's."""

    AGREED = "AGREED"  # the authority says that name and number belong together
    SEEN = "SEEN"  # and a clerk has seen the card and the face above it
    DESK_ONLY = "DESK_ONLY"  # a clerk has seen them; the authority does not know the number (new, or from abroad)


class AgeBand(StrEnum):
    CHILD = "CHILD"  # under 14: acts through a guardian
    MINOR = "MINOR"
    ADULT = "ADULT"
    ELDER = "ELDER"  # 60 and over


class CheckOutcome(StrEnum):
    ASKED = "ASKED"
    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    UNKNOWN = "UNKNOWN"
    UNAVAILABLE = "UNAVAILABLE"


class ConcessionKind(StrEnum):
    """Who pays less (体规字〔2021〕7号)."""

    SENIOR = "SENIOR"  # never stored: the real name says it
    STUDENT = "STUDENT"
    DISABLED = "DISABLED"
    SOLDIER = "SOLDIER"
    FIREFIGHTER = "FIREFIGHTER"


CONCESSION_WORDS = {
    ConcessionKind.SENIOR: "老年人优待",
    ConcessionKind.STUDENT: "学生优待",
    ConcessionKind.DISABLED: "残疾人优待",
    ConcessionKind.SOLDIER: "军人优待",
    ConcessionKind.FIREFIGHTER: "消防救援人员优待",
}


@dataclass(frozen=True)
class NamedPerson:
    """A name and a number, spelt as they are kept. Neither is ever printed."""

    name: str = field(repr=False)
    number: str = field(repr=False)

    @classmethod
    def of(cls, name: str, id_number: str, *, today: date) -> "NamedPerson":
        """Raises BadInput for what is no name, IdNumberWrong for what is no number."""
        return cls(canonical_name(name), canonical_number(id_number, today=today))

    @property
    def born_on(self) -> date:
        return birth_date(self.number)

    @property
    def masked(self) -> str:
        return masked_name(self.name)


class IdNumberWrong(DomainError):
    code = ErrorCode.ID_NUMBER_WRONG

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message, next_step=next_step, field="idNumber")


def canonical_name(text: str) -> str:
    """One spelling for one name: the dot of 阿依古丽·买买提 is ·, full-width letters are plain ones, and blanks that a
    form puts between two characters are none."""
    name = unicodedata.normalize("NFKC", text).translate(_DOTS).strip()
    if not name.isascii():
        name = re.sub(r"\s+", "", name)
    if not (SHORTEST_NAME <= len(name) <= LONGEST_NAME and _NAME.fullmatch(name)):
        raise BadInput("姓名不正确。", next_step="请按身份证上的写法填写姓名，2到40个字。", field="name")
    return name


def canonical_number(text: str, *, today: date) -> str:
    """18 characters, the last perhaps X. Full-width digits, a small x and blanks are forgiven; an old number of 15
    digits is no proof of anybody any more (its cards ended on 2013-01-01)."""
    number = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    if re.fullmatch(r"[0-9]{15}", number):
        raise IdNumberWrong("15位的旧身份证号已经停用。", "请填写现在的18位身份证号。")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise IdNumberWrong("身份证号应为18位。", "请对照身份证核对后再填写。")
    if ric.calc_check_digit(number) != number[-1] or not _is_plausible(number, today):
        raise IdNumberWrong("身份证号不正确，可能有数字填错了。", "请对照身份证逐位核对。")
    return number


def _is_plausible(number: str, today: date) -> bool:
    try:
        born_on = ric.get_birth_date(number)
    except ValueError:  # stdnum's ValidationError is one
        return False
    return born_on <= today and age_on(today, born_on) <= OLDEST_PLAUSIBLE


def birth_date(number: str) -> date:
    """Of a canonical number."""
    return ric.get_birth_date(number)


def age_on(day: date, born_on: date) -> int:
    """Whole years. Who was born on 29 February is a year older on 1 March where there is none (Civil Code 202: the
    last day of that month ends the year)."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def age_band(day: date, born_on: date) -> AgeBand:
    age = age_on(day, born_on)
    if age < CHILD_UNDER:
        return AgeBand.CHILD
    if age < ADULT_FROM:
        return AgeBand.MINOR
    return AgeBand.ADULT if age < ELDER_FROM else AgeBand.ELDER


def is_child(day: date, born_on: date) -> bool:
    return age_on(day, born_on) < CHILD_UNDER


def masked_name(name: str) -> str:
    """张*, 李**, 欧阳**: the surname, and one star or two. Of a name with a dot, or in letters, its first character."""
    surname = name[:2] if name[:2] in _TWO_CHARACTER_SURNAMES and len(name) > 2 else name[:1]
    if "·" in name or name.isascii():
        return f"{name[:1]}**"
    return surname + "*" * min(len(name) - len(surname), 2)


def check_concession(kind: ConcessionKind, ends_on: date, *, today: date) -> None:
    """Raises BadInput for a concession that nobody grants, or for a day that is past or too far away."""
    if kind is ConcessionKind.SENIOR:
        raise BadInput("老年人优待由年龄自动认定，不用办理。", next_step="请顾客完成实名认证。", field="kind")
    latest = date(today.year + LONGEST_CONCESSION_YEARS, today.month, min(today.day, 28))
    if not today < ends_on <= latest:
        raise BadInput(
            "有效期不正确。", next_step=f"请填写明天到{LONGEST_CONCESSION_YEARS}年以内的一天。", field="endsOn"
        )


class RealNameBoundAlready(DomainError):
    code = ErrorCode.REAL_NAME_BOUND_ALREADY

    def __init__(self) -> None:
        super().__init__(
            "您的账号已经实名，与这次填写的不是同一个人。", next_step="如需更换，请先解除现在的实名。"
        )


class RealNameNeeded(DomainError):
    code = ErrorCode.REAL_NAME_NEEDED

    def __init__(self, message: str = "这项操作需要先完成实名认证。") -> None:
        super().__init__(message, next_step="请在“账号与安全”里完成后再试。")


class IdBoundElsewhere(DomainError):
    """Says that it is bound, to nobody which account has it."""

    code = ErrorCode.ID_BOUND_ELSEWHERE

    def __init__(self, next_step: str | None = None) -> None:
        super().__init__(
            "这个身份证号已经在另一个账号上实名。",
            next_step=next_step
            or "如果那也是您的账号，请合并两个账号；如果不是，或账号是在前台、由监护人建立的，请带身份证到任一场馆前台处理。",
            field="idNumber",
        )


class NameDiffers(DomainError):
    code = ErrorCode.NAME_DIFFERS

    def __init__(self) -> None:
        super().__init__("姓名与身份证号不一致。", next_step="请对照身份证核对姓名和号码。", field="name")


class NameUnknown(DomainError):
    code = ErrorCode.NAME_UNKNOWN

    def __init__(self) -> None:
        super().__init__(
            "核验机构暂时没有这个身份证号的记录（例如新办的证件）。",
            next_step="请过几天再试，或带身份证到场馆前台办理。",
            field="idNumber",
        )


class TooManyChecks(DomainError):
    code = ErrorCode.NAME_CHECK_TOO_MANY

    def __init__(self) -> None:
        super().__init__(
            "今天核验的次数过多。", next_step="请明天再试，或带身份证到场馆前台办理。", field="idNumber"
        )


class AuthorityAway(DomainError):
    code = ErrorCode.OUTSIDE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("核验机构暂时没有回应。", next_step="请稍后再试，这一次不计入次数。")


class GuardianNeeded(DomainError):
    code = ErrorCode.GUARDIAN_NEEDED

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message, next_step=next_step)


class PersonNotHere(DomainError):
    """A clerk acts only for somebody whose card they have just read; anybody else is nobody."""

    code = ErrorCode.MEMBER_UNKNOWN

    def __init__(self) -> None:
        super().__init__(
            "没有找到这位顾客。", next_step="请先用顾客的身份证查找，再在半小时内办理。", field="personId"
        )
