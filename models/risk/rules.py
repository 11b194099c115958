"""How suspicious a use of a voucher is, or a venue's week, and why. Pure: facts and rules in, a score and its reasons out.

Each signal looks at one fact and gives points by steps; the points of the reasons add up to the score, which ends at
100. A fact that is not known gives nothing. The steps of a signal can only rise with what is worse (reading.py refuses
others), so a more suspicious fact never lowers a score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.errors import DomainError, ErrorCode
from models.risk.signals import Signal

MOST_POINTS = 100

Step = tuple[int, int]
"""(from this value on, so many points), the worst first."""
Facts = Mapping[str, int | None]


class CaseState(StrEnum):
    OPEN = "OPEN"  # somebody must look; its money is in no settlement
    CLEARED = "CLEARED"  # found good
    CONFIRMED = "CONFIRMED"  # found fake


class ProposalState(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What gives points, and from which score on somebody must look."""

    hold_from: int
    signals: Mapping[str, Sequence[Step]]
    least_uses: int = 0  # of a venue's week: fewer say nothing


@dataclass(frozen=True, slots=True)
class Rules:
    """One version: of uses, and of venues' weeks."""

    uses: Sheet
    venues: Sheet


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score is what it is. `says` is for the person who decides."""

    signal: str
    points: int
    says: str

    def as_json(self) -> list[Any]:
        return [self.signal, self.points, self.says]

    @classmethod
    def of(cls, said: Sequence[Any]) -> "Reason":
        return cls(signal=said[0], points=said[1], says=said[2])


@dataclass(frozen=True, slots=True)
class Scored:
    score: int
    reasons: Sequence[Reason]


def score(facts: Facts, sheet: Sheet, signals: Mapping[str, Signal]) -> Scored:
    """What the sheet says of these facts. The reason that would pass 100 is cut to what is left, so that the points
    shown are those that count."""
    reasons, left = [], MOST_POINTS
    for name, steps in sheet.signals.items():
        value = facts.get(name)
        points = 0 if value is None else min(left, _points(signals[name], steps, value))
        if points:
            assert value is not None
            reasons.append(Reason(name, points, signals[name].says(value)))
            left -= points
    return Scored(MOST_POINTS - left, reasons)


def _points(signal: Signal, steps: Sequence[Step], value: int) -> int:
    return next((points for threshold, points in steps if signal.reaches(value, threshold)), 0)


def is_held(facts: Facts, scored: Scored, sheet: Sheet) -> bool:
    """Whether somebody must look before it is paid."""
    return scored.score >= sheet.hold_from and (facts.get("uses") or 0) >= sheet.least_uses


def case_unknown() -> DomainError:
    """Also one of another region."""
    return DomainError(
        "没有找到这件待核查事项。",
        code=ErrorCode.RISK_CASE_UNKNOWN,
        next_step="请刷新后再看；只能办理本辖区内的事项。",
        field="caseNo",
    )


def case_decided(why: str) -> DomainError:
    return DomainError(
        why,
        code=ErrorCode.RISK_CASE_DECIDED,
        next_step="请刷新后查看已有的决定。",
        field="caseNo",
    )


def not_yours(why: str) -> DomainError:
    """Four eyes: neither who redeemed, nor who works there, nor twice the same person."""
    return DomainError(why, code=ErrorCode.NOT_ALLOWED, next_step="请另一位有权限的同事办理。", field="caseNo")


def key_reused() -> DomainError:
    return DomainError(
        "这个请求编号已经用过。",
        code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
        next_step="请刷新后再试。",
        field="idempotencyKey",
    )
