"""Who may claim which voucher: pure, decided for one claim after the other in their order of arrival.

Whoever is refused hears which rule, whose limit, and when it lifts or the next round opens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from models.calendar import business_day, day_text, instant_of, moment_text
from models.errors import DomainError, ErrorCode, wrong_key
from models.vouchers.rules import AgeGroup, CampaignState, Terms, Validity, VoucherState, Who, month_of, week_of

_MIDNIGHT = 24 * 60
LONGEST_KEY = 64
_HELD = (VoucherState.CLAIMED, VoucherState.RESERVED)


@dataclass(slots=True, kw_only=True)
class OpenRound:
    """A round from which can be claimed now, with its kind. What is left goes down as it is given out."""

    id: int
    kind_id: int
    kind_public_id: str
    kind_title: str
    pool_id: int
    face_fen: int
    minimum_spend_fen: int
    opens_at: datetime
    closes_at: datetime
    remaining: int


@dataclass(frozen=True, slots=True)
class Mine:
    """A voucher that a person has or had, as far as limits look at it."""

    round_id: int
    claim_day: date
    state: str
    valid_until: datetime


@dataclass(slots=True, kw_only=True)
class Claimant:
    """What is known of whoever claims. `mine` grows with what they are given."""

    account_opened_at: datetime
    person_id: int | None = None
    age_group: AgeGroup | None = None
    is_in_region: bool = False
    has_used_before: bool = False
    mine: list[Mine] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Counter:
    """What one campaign has to give at one moment, and how it gives: the state of its rows under its lock."""

    state: str
    terms: Terms
    now: datetime
    rounds: Sequence[OpenRound]  # open ones, the earliest first
    free_fen: dict[int, int]  # by pool
    next_opening: Mapping[str, datetime]  # by kind, its public id; of rounds that are still to come
    validity: tuple[datetime, datetime] = field(init=False)  # of what is claimed now
    today: date = field(init=False)
    week: tuple[date, date] = field(init=False)
    month: tuple[date, date] = field(init=False)

    def __post_init__(self) -> None:
        self.validity = validity_of(self.terms.validity, self.now)
        self.today = business_day(self.now)
        self.week, self.month = week_of(self.today), month_of(self.today)

    def choose(self, claimant: Claimant, kind: str | None) -> OpenRound:
        """The round from which this person gets one, or the refusal that says why not. Changes nothing."""
        self._require_open()
        candidates = [each for each in self.rounds if kind is None or each.kind_public_id == kind]
        if not candidates:
            raise self.not_open(kind)
        require_fitting(claimant, self.terms.who, self.now)
        refused: DomainError | None = None
        for each in candidates:
            if each.remaining < 1 or self.free_fen[each.pool_id] < each.face_fen:
                continue
            refused = self._limit_reached(claimant, each, kind)
            if refused is None:
                return each
        raise refused or self._limit_reached(claimant, candidates[0], kind) or self.sold_out(kind)

    def take(self, claimant: Claimant, chosen: OpenRound) -> None:
        """Gives one out."""
        chosen.remaining -= 1
        self.free_fen[chosen.pool_id] -= chosen.face_fen
        claimant.mine.append(Mine(chosen.id, self.today, VoucherState.CLAIMED, self.validity[1]))

    def _require_open(self) -> None:
        refused = closed(self.state)
        if refused is None and self.validity[1] <= self.now:
            refused = _not_open("这个活动的消费券已过使用期，不再发放。", "请看看别的活动。")
        if refused is not None:
            raise refused

    def not_open(self, kind: str | None) -> DomainError:
        return round_not_open(self._next(kind))

    def sold_out(self, kind: str | None) -> DomainError:
        return sold_out(self._next(kind))

    def _next(self, kind: str | None) -> datetime | None:
        return first_opening(self.next_opening, kind)

    def _limit_reached(self, claimant: Claimant, chosen: OpenRound, kind: str | None) -> DomainError | None:
        if not claimant.mine:  # a limit is at least one
            return None
        for words, most, mine, lifts in self._counted(claimant.mine, chosen):
            if most is not None and mine >= most:
                next_opening = self._next(kind)
                again = f"下一轮{moment_text(next_opening)}开始。" if next_opening else "您可以把已领的券先用掉。"
                return DomainError(
                    f"{words}限领{most}张，您已领过{mine}张。",
                    code=ErrorCode.CLAIM_LIMIT,
                    next_step=lifts or again,
                )
        return None

    def _counted(self, mine: Sequence[Mine], chosen: OpenRound) -> Iterator[tuple[str, int | None, int, str]]:
        """Each limit: its words, how many it allows, how many there are, and the way out (empty: the next round)."""
        limits, week, month = self.terms.limits, self.week, self.month
        days = [each.claim_day for each in mine]
        yield "每人总共", limits.in_all, len(mine), "请看看别的活动。"
        yield "每人每轮", limits.a_round, sum(each.round_id == chosen.id for each in mine), ""
        yield "每人每天", limits.a_day, days.count(self.today), _from(self.today + timedelta(days=1))
        yield "每人每周", limits.a_week, sum(week[0] <= day < week[1] for day in days), _from(week[1])
        yield "每人每月", limits.a_month, sum(month[0] <= day < month[1] for day in days), _from(month[1])
        held = sum(each.state in _HELD and each.valid_until > self.now for each in mine)
        yield "每人手上未用的券", limits.held, held, "用掉一张后可以再领。"


def _from(day: date) -> str:
    return f"{day_text(day)}起可以再领。"


def require_fitting(claimant: Claimant, who: Who, now: datetime) -> None:
    """Raises why this campaign is not for whoever claims."""
    opened_for = now - claimant.account_opened_at
    if opened_for < timedelta(days=who.account_days):
        may_from = claimant.account_opened_at + timedelta(days=who.account_days)
        raise DomainError(
            f"这个活动要求账号已注册满{who.account_days}天。",
            code=ErrorCode.ACCOUNT_TOO_NEW,
            next_step=f"您的账号{moment_text(may_from)}起可以领取。",
        )
    if who.real_name and claimant.person_id is None:
        raise DomainError(
            "领取这个活动的消费券需要先完成实名认证。",
            code=ErrorCode.REAL_NAME_NEEDED,
            next_step="请在“账号与安全”里完成后再领；也可以带身份证到场馆前台办理。",
        )
    if who.age_groups and claimant.age_group not in who.age_groups:
        groups = "、".join(_AGE_WORDS[group] for group in AgeGroup if group in who.age_groups)
        raise _not_for_you(f"这个活动面向{groups}。", "请看看别的活动。")
    if who.regions and not claimant.is_in_region:
        raise _not_for_you("这个活动面向指定地区的市民。", "请选择您所在的地区后再领，或看看别的活动。")
    if who.first_timers and claimant.has_used_before:
        raise _not_for_you("这个活动面向第一次用消费券的市民，您以前用过。", "请看看别的活动。")


_AGE_WORDS = {
    AgeGroup.CHILD: "未满18周岁的市民",
    AgeGroup.ADULT: "18到59周岁的市民",
    AgeGroup.ELDER: "60周岁以上的市民",
}


def validity_of(validity: Validity, now: datetime) -> tuple[datetime, datetime]:
    """From when and until when a voucher that is claimed now can be used. The last day counts whole."""
    today = business_day(now)
    starts = now if validity.from_day is None else max(now, instant_of(validity.from_day, 0))
    ends = [
        instant_of(last, _MIDNIGHT)
        for last in (
            None if validity.days is None else today + timedelta(days=validity.days),
            validity.until_day,
        )
        if last is not None
    ]
    return starts, min(ends)


def first_opening(next_opening: Mapping[str, datetime], kind: str | None) -> datetime | None:
    """When the next round opens: of this kind, or of any."""
    return next_opening.get(kind) if kind is not None else min(next_opening.values(), default=None)


def closed(state: str) -> DomainError | None:
    """Why nothing is claimed in this state of a campaign."""
    match state:
        case CampaignState.OPEN:
            return None
        case CampaignState.PAUSED:
            return _not_open("这个活动暂停发放。", "请稍后再来看看；已领的券照常使用。")
        case CampaignState.CLOSED | CampaignState.SETTLED:
            return _not_open("这个活动已经结束，不再发放。", "已领的券在有效期内照常使用；请看看别的活动。")
    return campaign_unknown()


def campaign_unknown() -> DomainError:
    return DomainError(
        "没有这个活动。", code=ErrorCode.CAMPAIGN_UNKNOWN, next_step="请刷新活动列表后再试。", field="campaignId"
    )


def round_not_open(next_opening: datetime | None) -> DomainError:
    if next_opening is None:
        return DomainError("现在不在领取时间内。", code=ErrorCode.ROUND_NOT_OPEN, next_step="请看看别的活动。")
    return DomainError(
        "现在还没到领取时间。", code=ErrorCode.ROUND_NOT_OPEN, next_step=f"下一轮{moment_text(next_opening)}开始。"
    )


def sold_out(next_opening: datetime | None) -> DomainError:
    way_out = f"下一轮{moment_text(next_opening)}开始。" if next_opening else "请看看别的活动。"
    return DomainError("这一轮消费券已经领完。", code=ErrorCode.VOUCHERS_SOLD_OUT, next_step=way_out)


def require_key(key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise wrong_key()


def _not_open(message: str, next_step: str) -> DomainError:
    return DomainError(message, code=ErrorCode.CAMPAIGN_NOT_OPEN, next_step=next_step)


def _not_for_you(message: str, next_step: str) -> DomainError:
    return DomainError(message, code=ErrorCode.CLAIM_NOT_FOR_YOU, next_step=next_step)
