"""A desk in memory, for the page's own tests: one person, two venues, a handful of codes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar

from bff.pages.desk_arriving import Arrival
from models.admissions.rules import Verdict
from models.errors import DomainError, ErrorCode, NotSignedIn
from models.staff.rules import StaffSignedIn
from models.staff.second_factor import SetUp

USERNAME, PASSWORD = "wangfang", "Longquan-2026-desk"
VENUES = (("vn_gaoxin", "成都高新体育中心"), ("vn_datianwan", "大田湾体育场"))
FACTS: dict[str, Any] = {
    "court": "羽毛球 3 号场",
    "starts_at": datetime(2026, 11, 20, 11, tzinfo=UTC),
    "ends_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
}

GREEN = Verdict("ADMITTED", "GREEN", "可以入场", "本人第 1 次入场。", **FACTS)
LEFT = Verdict("LEFT", "GREEN", "可以离场", "已记录离场，时段内可再次入场。", **FACTS)
INSIDE = Verdict(
    "ALREADY_INSIDE",
    "RED",
    "此码的持有人已在场内",
    "19:02 已从前台入场。",
    "请持码人先扫码离场，再重新入场。",
    **FACTS,
)
UNKNOWN = Verdict(
    "UNKNOWN_CODE", "RED", "没有这个码", "不是本系统发出的码，或者输错了。", "请持码人打开小程序，刷新后重新出示。"
)
CHECK_ID = Verdict(
    "ID_CHECK_NEEDED",
    "YELLOW",
    "这是纸质码，请核对身份证件",
    "纸质码可以复印，只凭码不能入场。",
    "核对姓名与证件后，勾选“已核对身份证件”，再扫一次。",
    **FACTS,
)


@dataclass
class StubDesk:
    """Keeps what it was asked, so that tests see what really arrived."""

    venues: ClassVar[tuple[tuple[str, str], ...]] = VENUES
    scans: list[tuple[str, str]] = field(default_factory=list)  # (code, nonce), as they came
    outside: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)
    on_paper: set[str] = field(default_factory=set)
    _tokens: set[str] = field(default_factory=set)
    _answers: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def new_code(self, *, used: bool = False, on_paper: bool = False) -> str:
        code = f"{next(self._numbers):024d}"
        (self.inside if used else self.outside).add(code)
        if on_paper:
            self.on_paper.add(code)
        return code

    async def sign_in(
        self, *, username: str, password: str, device_id: str, address: str, now: datetime
    ) -> StaffSignedIn:
        if (username, password) != (USERNAME, PASSWORD):
            raise DomainError(
                "用户名或密码不正确。",
                code=ErrorCode.STAFF_CREDENTIALS_WRONG,
                next_step="请核对后再试；还可以再试 4 次。",
            )
        token = f"token-{next(self._numbers)}"
        self._tokens.add(token)
        return self._signed_in(token)

    async def find(self, *, token: str, now: datetime) -> StaffSignedIn | None:
        return self._signed_in(token) if token in self._tokens else None

    async def arriving(self, *, token: str, now: datetime) -> StaffSignedIn | None:
        return await self.find(token=token, now=now)

    async def confirm_code(self, arrival: Arrival, *, code: str) -> StaffSignedIn:
        raise NotSignedIn  # nobody here has a second factor

    async def change_password(self, arrival: Arrival, *, old: str, new: str) -> StaffSignedIn:
        raise NotSignedIn

    async def set_up(self, arrival: Arrival) -> SetUp:
        raise NotSignedIn

    async def confirm_set_up(self, arrival: Arrival, *, code: str) -> StaffSignedIn:
        raise NotSignedIn

    async def sign_out(self, *, token: str, address: str, now: datetime) -> None:
        self._tokens.discard(token)

    async def redeem(
        self,
        *,
        token: str,
        venue_id: str,
        checkpoint: str,
        code: str,
        nonce: str,
        direction: str,
        id_checked: bool,
        address: str,
        now: datetime,
    ) -> Verdict:
        if token not in self._tokens:
            raise NotSignedIn
        self.scans.append((code, nonce))
        key = (token, nonce)
        if key not in self._answers:
            self._answers[key] = self._decide(code, direction, id_checked)
        return self._answers[key]

    def _decide(self, code: str, direction: str, id_checked: bool) -> Verdict:
        if code not in self.inside | self.outside:
            return UNKNOWN
        if direction == "EXIT":
            self.inside.discard(code)
            self.outside.add(code)
            return LEFT
        if code in self.on_paper and not id_checked:
            return CHECK_ID
        if code in self.inside:
            return INSIDE
        self.outside.discard(code)
        self.inside.add(code)
        return GREEN

    def _signed_in(self, token: str) -> StaffSignedIn:
        return StaffSignedIn(token, 1, "stf_1", "王芳", "desk-1", self.venues)
