"""What whoever decides sees: the queue of what waits for them with its reasons, and how venues' weeks were judged.

No name, and nothing of the citizen but what they said themselves about the bill.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.errors import BadInput
from models.risk.rules import CaseState, Reason
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS, Signal
from models.risk.versions import plain
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.rules import UseState, UseWay

MOST_CASES = MOST_WEEKS = 100


class CaseKind(StrEnum):
    USE = "USE"  # a use that scored high
    WEEK = "WEEK"  # a venue's week that did
    RECEIPT = "RECEIPT"  # a use that nobody confirmed: held until somebody looked at its receipt


@dataclass(frozen=True, slots=True)
class Fact:
    """One number that is known, in words."""

    title: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UseSeen:
    """The use that a case is about."""

    use_no: str
    state: UseState
    way: UseWay
    bill_fen: int
    used_fen: int
    used_at: datetime
    receipt_no: str
    id_checked: bool
    denied_at: datetime | None
    redeemed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSeen:
    decision: CaseState
    decided_by: str
    note: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSeen:
    """`score` is None where nobody judged it yet."""

    case_no: str
    kind: CaseKind
    state: CaseState
    venue_id: str
    venue_name: str
    waits_since: datetime
    week: date | None
    score: int | None
    version: int | None
    reasons: Sequence[Reason]
    facts: Sequence[Fact]
    use: UseSeen | None
    decisions: Sequence[DecisionSeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSeen:
    venue_id: str
    venue_name: str
    week: date
    version: int
    score: int
    is_held: bool
    reasons: Sequence[Reason]
    facts: Sequence[Fact]


_ABOUT_USE = """voucher_use.use_no, voucher_use.state AS use_state, voucher_use.way, voucher_use.bill_fen,
       voucher_use.used_fen, voucher_use.used_at, voucher_use.receipt_no, voucher_use.id_checked,
       voucher_use.denied_at, staff_member.display_name AS redeemed_by"""
_LATEST = """LEFT JOIN risk_score ON risk_score.id = (
              SELECT MAX(said.id) FROM risk_score said WHERE said.use_id = voucher_use.id)
       LEFT JOIN staff_member ON staff_member.id = voucher_use.staff_id"""
_CASES = f"""
SELECT risk_case.id AS case_id, risk_case.case_no, risk_case.state, risk_case.opened_at AS waits_since, risk_case.week,
       risk_case.score, risk_case.version, venue.public_id AS venue_id, venue.name AS venue_name, {_ABOUT_USE},
       COALESCE(risk_score.facts, venue_risk.facts) AS facts, COALESCE(risk_score.reasons, venue_risk.reasons) AS reasons
  FROM risk_case JOIN venue ON venue.id = risk_case.venue_id
       LEFT JOIN voucher_use ON voucher_use.id = risk_case.use_id
       LEFT JOIN venue_risk ON venue_risk.venue_id = risk_case.venue_id AND venue_risk.week = risk_case.week
                           AND venue_risk.version = risk_case.version
       {_LATEST}
 WHERE {powers.venues_where(Power.DECIDE_RISK)}"""
_RECEIPTS = f"""
SELECT NULL AS case_id, voucher_use.use_no AS case_no, 'OPEN' AS state, voucher_use.used_at AS waits_since,
       NULL AS week, risk_score.score, risk_score.version, venue.public_id AS venue_id, venue.name AS venue_name,
       {_ABOUT_USE}, risk_score.facts, risk_score.reasons
  FROM voucher_use JOIN venue ON venue.id = voucher_use.venue_id {_LATEST}
 WHERE voucher_use.state = 'HELD' AND voucher_use.way = 'DESK' AND {powers.venues_where(Power.DECIDE_RISK)}"""
_IN_VENUE = " AND ($2::text = '' OR venue.public_id = $2::text)"


async def risk_cases(
    *, clerk: StaffSignedIn, state: CaseState = CaseState.OPEN, venue_id: str = "", first: int
) -> Sequence[CaseSeen]:
    """Of the clerk's regions, or of one venue there: what waits, the longest first, cases and receipts in one queue; or what
    was decided, the latest first. Raises NOT_ALLOWED, BAD_INPUT."""
    await _demand(clerk, venue_id)
    if not 1 <= first <= MOST_CASES:
        raise BadInput("每次查看的数量不正确。", next_step=f"请填1到{MOST_CASES}。", field="first")
    if state is CaseState.OPEN:
        cases = await database.rows(
            f"{_CASES}{_IN_VENUE} AND risk_case.state = 'OPEN' ORDER BY risk_case.opened_at, risk_case.id LIMIT $3",
            *(clerk.staff_id, venue_id, first),
        )
        receipts = await database.rows(
            f"{_RECEIPTS}{_IN_VENUE} ORDER BY voucher_use.used_at, voucher_use.id LIMIT $3",
            *(clerk.staff_id, venue_id, first),
        )
        found = sorted([*cases, *receipts], key=lambda row: database.utc(row["waits_since"]))[:first]
    else:
        found = list(
            await database.rows(
                f"{_CASES}{_IN_VENUE} AND risk_case.state = $4 ORDER BY risk_case.id DESC LIMIT $3",
                *(clerk.staff_id, venue_id, first, state),
            )
        )
    return await _seen(found)


async def open_cases() -> int:
    """How many uses and weeks wait for somebody, everywhere."""
    found = await database.row("SELECT COUNT(*) AS cases FROM risk_case WHERE state = 'OPEN'")
    assert found is not None
    return int(found["cases"])


async def risk_case(*, clerk: StaffSignedIn, case_no: str) -> CaseSeen | None:
    """One of the clerk's regions by its number, or a use that is held by its own; None for any other. Raises NOT_ALLOWED."""
    await _demand(clerk, "")
    number = case_no.strip().upper()
    found = await database.rows(_CASES + " AND risk_case.case_no = $2", clerk.staff_id, number)
    found = found or await database.rows(_RECEIPTS + " AND voucher_use.use_no = $2", clerk.staff_id, number)
    if not found:
        return None
    concerning("RISK_CASE", number, venue_id=found[0]["venue_id"])
    return (await _seen(found))[0]


async def venue_weeks(
    *, clerk: StaffSignedIn, venue_id: str = "", from_week: date | None = None, first: int
) -> Sequence[WeekSeen]:
    """How venues' weeks were judged, in the clerk's regions or at one venue there, back to the week that holds `from_week`:
    the newest weeks first, and in each the highest scores. Raises NOT_ALLOWED, BAD_INPUT."""
    await _demand(clerk, venue_id)
    if not 1 <= first <= MOST_WEEKS:
        raise BadInput("每次查看的数量不正确。", next_step=f"请填1到{MOST_WEEKS}。", field="first")
    found = await database.rows(
        f"""SELECT venue.public_id, venue.name, venue_risk.week, venue_risk.version, venue_risk.score, venue_risk.is_held,
                   venue_risk.reasons, venue_risk.facts
              FROM venue_risk JOIN venue ON venue.id = venue_risk.venue_id
             WHERE {powers.venues_where(Power.DECIDE_RISK)}{_IN_VENUE} AND venue_risk.week > $3
             ORDER BY venue_risk.week DESC, venue_risk.score DESC, venue_risk.id LIMIT $4""",
        *(clerk.staff_id, venue_id, _week_before(from_week), first),
    )
    return [
        WeekSeen(
            venue_id=row["public_id"],
            venue_name=row["name"],
            week=database.day(row["week"]),
            version=row["version"],
            score=row["score"],
            is_held=bool(row["is_held"]),
            reasons=_reasons(row["reasons"]),
            facts=_facts(row["facts"], VENUE_SIGNALS),
        )
        for row in found
    ]


def _week_before(day: date | None) -> date:
    """Weeks begin on Mondays: the one that holds the day begins after this."""
    return date(2000, 1, 1) if day is None else date.fromordinal(max(8, day.toordinal()) - 7)


async def _demand(clerk: StaffSignedIn, venue_id: str) -> None:
    if venue_id:
        concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
        await powers.demand(clerk, Power.DECIDE_RISK, venue_id=venue_id)
    elif not clerk.has(Power.DECIDE_RISK):
        raise powers.not_allowed(Power.DECIDE_RISK)


async def _seen(found: Sequence[Any]) -> Sequence[CaseSeen]:
    decisions = await _decisions([row["case_id"] for row in found if row["case_id"] is not None])
    return [_case(row, decisions.get(row["case_id"], ())) for row in found]


async def _decisions(case_ids: Sequence[int]) -> Mapping[int, Sequence[DecisionSeen]]:
    made: dict[int, list[DecisionSeen]] = {}
    if not case_ids:
        return made
    for row in await database.rows(
        """SELECT risk_decision.case_id, risk_decision.decision, risk_decision.note, risk_decision.decided_at,
                  staff_member.display_name
             FROM risk_decision JOIN staff_member ON staff_member.id = risk_decision.staff_id
            WHERE risk_decision.case_id = ANY($1::bigint[]) ORDER BY risk_decision.case_id, risk_decision.number""",
        list(case_ids),
    ):
        made.setdefault(row["case_id"], []).append(
            DecisionSeen(
                decision=CaseState(row["decision"]),
                decided_by=row["display_name"],
                note=row["note"],
                decided_at=database.utc(row["decided_at"]),
            )
        )
    return made


def _case(row: Any, decisions: Sequence[DecisionSeen]) -> CaseSeen:
    is_week = row["week"] is not None
    kind = CaseKind.WEEK if is_week else CaseKind.RECEIPT if row["case_id"] is None else CaseKind.USE
    return CaseSeen(
        case_no=row["case_no"],
        kind=kind,
        state=CaseState(row["state"]),
        venue_id=row["venue_id"],
        venue_name=row["venue_name"],
        waits_since=database.utc(row["waits_since"]),
        week=database.day(row["week"]) if is_week else None,
        score=row["score"],
        version=row["version"],
        reasons=_reasons(row["reasons"]),
        facts=_facts(row["facts"], VENUE_SIGNALS if is_week else USE_SIGNALS),
        use=None if is_week else _use(row),
        decisions=decisions,
    )


def _use(row: Any) -> UseSeen:
    return UseSeen(
        use_no=row["use_no"],
        state=UseState(row["use_state"]),
        way=UseWay(row["way"]),
        bill_fen=row["bill_fen"],
        used_fen=row["used_fen"],
        used_at=database.utc(row["used_at"]),
        receipt_no=row["receipt_no"],
        id_checked=bool(row["id_checked"]),
        denied_at=row["denied_at"] and database.utc(row["denied_at"]),
        redeemed_by=row["redeemed_by"] or "",
    )


def _reasons(column: Any) -> Sequence[Reason]:
    return [] if column is None else [Reason.of(said) for said in plain(column)]


def _facts(column: Any, signals: Mapping[str, Signal]) -> Sequence[Fact]:
    known = {} if column is None else plain(column)
    return [Fact(signals[name].title, value) for name, value in known.items() if value and name in signals]
