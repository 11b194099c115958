"""The signals of fake redemptions (刷单): which fact each looks at, which way is worse, and what it says. Pure.

Which of them count, from where on and for how much is data (`data/risk_rules.json`, and versions made by staff). A
phone's id is a signal and never a limit: a mini-program's device id is not a device (docs/decisions/0031).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signal:
    """`title` stands in the rules' editor, `says` in a case."""

    title: str
    says: Callable[[int], str]
    less_is_worse: bool = False

    def reaches(self, value: int, threshold: int) -> bool:
        return value <= threshold if self.less_is_worse else value >= threshold


def _span(seconds: int) -> str:
    return f"{seconds}秒" if seconds < 120 else f"{seconds // 60}分钟"


def _counted(title: str, sentence: str) -> Signal:
    return Signal(title, sentence.format)


def _yes(title: str, sentence: str) -> Signal:
    """A fact that is 1 or 0."""
    return Signal(title, lambda _value: sentence)


USE_SIGNALS: Mapping[str, Signal] = {
    "denied": _yes("本人否认", "顾客本人表示这笔消费不是自己的。"),
    "claim_to_use_s": Signal(
        "领券到核销的秒数", lambda seconds: f"在线上领券后只过了{_span(seconds)}就核销。", less_is_worse=True
    ),
    "no_entry": _yes("没有入场记录", "当天闸机工作正常，但没有这位顾客的入场记录。"),
    "desk_no_entry_percent": _counted("同一前台未入场比例", "这个前台前后半小时核销的顾客，{}%没有入场记录。"),
    "person_uses_day": _counted("本人当天用券数", "这位顾客当天用了{}张券。"),
    "person_uses_week": _counted("本人七天用券数", "这位顾客七天内用了{}张券。"),
    "phone_people": _counted("同一手机的账号数", "一周内有{}个账号在同一部手机上领券并核销。"),
    "phone_uses_day": _counted("同一手机当天用券数", "同一部手机领的券，当天核销了{}张。"),
    "desk_uses_10min": _counted("同一前台十分钟核销数", "这个前台前后十分钟内核销了{}张券。"),
    "desk_fast_percent": _counted("同一前台即领即用比例", "这个前台前后半小时的核销，{}%是在线上领券后五分钟内。"),
    "pair_uses_month": _counted("同一工作人员为同一顾客", "三十天内，同一工作人员为同一顾客核销了{}次。"),
    "pair_unseen_month": _counted(
        "同一工作人员为同一未入场顾客", "三十天内，同一工作人员为这位顾客核销时，有{}次顾客没有入场记录。"
    ),
    "at_minimum": _yes("金额正好达到门槛", "消费金额正好等于用券门槛。"),
    "desk_at_minimum_percent": _counted("同一前台金额踩线比例", "这个前台前后半小时的核销，{}%金额正好等于门槛。"),
    "km_from_claim": _counted("领券与用券场馆的距离", "领券的场馆与用券的场馆相距{}公里。"),
    "kmh_between": _counted("两次用券之间的速度", "与上一次用券的场馆相比，需要以每小时{}公里的速度赶到。"),
    "unconfirmed": _yes("本人未确认", "顾客没有在手机上确认账单。"),
    "on_paper": _yes("纸质券码", "用的是纸质券码，由前台核对证件。"),
    "offline": _yes("离线核销", "核销时前台没有联网。"),
    "wechat_rank": _counted("微信风险等级", "微信给出的用户风险等级为{}（最高4）。"),
}
"""Of one use, in the order in which a case names them."""

VENUE_SIGNALS: Mapping[str, Signal] = {
    "growth_percent": _counted("核销量增长", "本周核销量是前四周平均的{}%。"),
    "at_minimum_percent": _counted("金额踩线比例", "本周{}%的核销金额正好等于门槛。"),
    "no_entry_percent": _counted("未入场比例", "本周有闸机记录可查的核销中，{}%没有入场。"),
    "fast_percent": _counted("领券后五分钟内核销比例", "本周{}%的核销发生在线上领券后五分钟内。"),
    "shared_phone_percent": _counted("共用手机比例", "本周{}%的核销来自五个以上账号共用的手机。"),
    "pair_percent": _counted("固定搭配比例", "本周{}%的核销是同一工作人员为同一顾客，且三十天内不少于四次。"),
    "unconfirmed_percent": _counted("未确认比例", "本周{}%的核销没有顾客本人在手机上的确认。"),
}
"""Of a venue's week."""
