"""How much of a line's price goes back when it is cancelled, and why, in words for the person. Pure.

The rules are data (`data/refund_rules.csv`): cancelled by whom, how long before the start, so much is kept. A venue's
booking rules may say it in their place for a member (`own_terms`), and a line keeps what they said when it was placed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from models.calendar import length_text, moment_text
from models.errors import DomainError, ErrorCode
from models.money import yuan_text
from models.orders.rules import RefundParty

WHENEVER = -(10**6)
"""As `minutes_before`: long after the start too."""
LONGEST_EXPLANATION = 120
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """One rule: cancelled at least so long before the start, so much is kept. In rising order of `minutes_before`
    less and less may be kept, which the import sees to."""

    minutes_before: int
    kept_percent: int = 0
    kept_fen: int = 0
    of_venue: bool = False  # the venue's own, not the house's


WITHOUT_RULES = {RefundParty.MEMBER: Terms(0), RefundParty.VENUE: Terms(WHENEVER)}
"""Where there is no rule at all: everything goes back, to a member until it starts."""


def own_terms(free_minutes: int, kept_percent: int) -> list[Terms]:
    """What a venue's booking rules say of a member who cancels: free until so long before the start, and what is kept
    after that."""
    free = Terms(free_minutes, of_venue=True)
    return [free] if free_minutes == 0 else [Terms(0, kept_percent, of_venue=True), free]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineToCancel:
    """What the policy wants to know of a line."""

    line_no: int
    title: str
    price_fen: int
    starts_at: datetime
    ends_at: datetime
    is_entered: bool = False
    is_no_show: bool = False  # nobody came: its money went by the rule for that
    is_closed: bool = False  # by a closure: nobody can play, however late somebody notices
    own_fen: int | None = None
    """What of the citizen's own money its cancelling frees, where vouchers paid a part of the order; else the price."""


@dataclass(frozen=True, slots=True)
class LineQuote:
    """What cancelling a line now gives back and keeps: of its price, or of what of it the citizen's own money paid. With
    a `refusal` it cannot be cancelled, and all is kept."""

    line_no: int
    price_fen: int
    refund_fen: int
    kept_fen: int
    explanation: str
    refusal: DomainError | None = None


def deciding(terms: Iterable[Terms], party: RefundParty) -> Sequence[Terms]:
    """A venue's own rules replace the house's wholly; without any, everything goes back."""
    given = list(terms) or [WITHOUT_RULES[party]]
    chosen = [rule for rule in given if rule.of_venue] or given
    return sorted(chosen, key=lambda rule: rule.minutes_before)


def quote(
    line: LineToCancel, terms: Iterable[Terms], *, party: RefundParty, now: datetime, note: str = ""
) -> LineQuote:
    """What cancelling this line now would mean. `note` is why the venue cancels, for the member to read."""
    refusal = _cannot_be(line, party, now)
    if refusal is not None:
        return _refused(line, refusal)
    if line.price_fen == 0:
        return LineQuote(line.line_no, 0, 0, 0, "免费时段，取消不产生费用。")
    left, rules = line.starts_at - now, deciding(terms, party)
    rule = applying(rules, left)
    if rule is None:
        return _refused(line, _too_late(line, rules))
    if line.own_fen == 0:
        return LineQuote(line.line_no, line.price_fen, 0, 0, "这个时段由消费券抵扣，没有需要退回的款项。")
    own_fen = line.price_fen if line.own_fen is None else line.own_fen
    kept_fen = kept_of(own_fen, rule)
    refund_fen = own_fen - kept_fen
    why = f"场馆取消{f'（{note}）' if note else ''}" if party is RefundParty.VENUE else _why(rules, rule, left)
    told = _told(rule, refund_fen, kept_fen, of="价格" if line.own_fen is None else f"可退的{yuan_text(own_fen)}")
    explanation = f"{why[: LONGEST_EXPLANATION - len(told) - 2]}：{told}。"
    return LineQuote(line.line_no, line.price_fen, refund_fen, kept_fen, explanation)


def applying(rules: Iterable[Terms], left: timedelta) -> Terms | None:
    """The rule for so much time until the start: the one that asks for most of it, of those that ask for no more."""
    fitting = [rule for rule in rules if rule.minutes_before * _MINUTE <= left]
    return max(fitting, key=lambda rule: rule.minutes_before, default=None)


def kept_of(price_fen: int, rule: Terms) -> int:
    """The percentage, rounded half up to the fen, and the fixed part; never more than the price."""
    return min(price_fen, (price_fen * rule.kept_percent + 50) // 100 + rule.kept_fen)


def within(quotes: Sequence[LineQuote], left_fen: int) -> list[LineQuote]:
    """The same when only so much of the payment is left: what was given back already is not given back again."""
    capped = []
    for each in quotes:
        refund_fen = min(each.refund_fen, left_fen)
        left_fen -= refund_fen
        if refund_fen < each.refund_fen:
            told = f"此前已退过款，本次退{yuan_text(refund_fen)}。"
            why = each.explanation[: LONGEST_EXPLANATION - len(told)]
            each = replace(each, refund_fen=refund_fen, explanation=why + told)
        capped.append(each)
    return capped


def told(terms: Iterable[Terms]) -> list[str]:
    """The rules for a member who cancels, one sentence a band, the earliest first, as they are shown before booking."""
    rules = deciding(terms, RefundParty.MEMBER)
    said = []
    if rules[0].minutes_before > 0:
        least = length_text(rules[0].minutes_before * _MINUTE)
        said.append(f"开始前不足{least}不能取消。")
    for rule in rules:
        fees = [f"价格的{rule.kept_percent}%"] if rule.kept_percent else []
        fees += [yuan_text(rule.kept_fen)] if rule.kept_fen else []
        cost = f"手续费为{'加'.join(fees)}" if fees else "全额退款"
        said.append(f"{_band(rules, rule)}取消：{cost}。")
    return said[::-1]


def _cannot_be(line: LineToCancel, party: RefundParty, now: datetime) -> DomainError | None:
    """Used is used, whatever the rules: a member cancels before the start, the venue before the end."""
    by_venue = party is RefundParty.VENUE
    if line.is_entered:
        what = "已有人入场"
    elif line.is_no_show:
        what = "已按未到场处理"
    elif by_venue and line.ends_at <= now and not line.is_closed:
        what = "已经结束"
    elif not by_venue and line.starts_at <= now:
        what = "已经开始"
    else:
        return None
    return DomainError(
        f"{line.title}{what}，不能取消。",
        code=ErrorCode.ORDER_STARTED,
        next_step="需要退款时，请办理酌情退款。" if by_venue else "如有特殊情况，请联系场馆前台。",
        field="lineNos",
    )


def _too_late(line: LineToCancel, rules: Sequence[Terms]) -> DomainError:
    limit = rules[0].minutes_before * _MINUTE
    return DomainError(
        f"{line.title}不能取消：{_whose(rules[0])}规定最晚提前{length_text(limit)}取消，"
        f"即{moment_text(line.starts_at - limit)}之前。",
        code=ErrorCode.NOT_REFUNDABLE,
        next_step="如有特殊情况，请联系场馆前台。",
        field="lineNos",
    )


def _refused(line: LineToCancel, refusal: DomainError) -> LineQuote:
    return LineQuote(line.line_no, line.price_fen, 0, line.price_fen, refusal.sentence(), refusal)


def _whose(rule: Terms) -> str:
    return "本馆退款规则" if rule.of_venue else "平台退款规则"


def _why(rules: Sequence[Terms], rule: Terms, left: timedelta) -> str:
    """Which rule, and that it applies: 距开始1小时20分钟，按平台退款规则，提前不足2小时取消"""
    return f"距开始{length_text(left)}，按{_whose(rule)}，{_band(rules, rule)}取消"


def _band(rules: Sequence[Terms], rule: Terms) -> str:
    above = [other.minutes_before for other in rules if other.minutes_before > rule.minutes_before]
    at_least = f"提前{length_text(rule.minutes_before * _MINUTE)}以上" if rule.minutes_before > 0 else ""
    below = f"不足{length_text(min(above) * _MINUTE)}" if above else ""
    if at_least and below:
        return f"{at_least}、{below}"
    return at_least or (f"提前{below}" if below else "开始前")


def _told(rule: Terms, refund_fen: int, kept_fen: int, *, of: str) -> str:
    if kept_fen == 0:
        return "全额退款" if of == "价格" else f"{of}全额退款"
    fees = [f"{of}的{rule.kept_percent}%"] if rule.kept_percent else []
    fees += [yuan_text(rule.kept_fen)] if rule.kept_fen else []
    goes_back = f"退{yuan_text(refund_fen)}" if refund_fen else "没有可退的款项"
    return f"手续费为{'加'.join(fees)}，即{yuan_text(kept_fen)}，{goes_back}"
