"""The rules of a venue as sentences with their figures, to be read before anything is booked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from models import database
from models.booking.limits import LIMIT_COLUMNS, RULE_COLUMNS, Limits, Rule, governing, rules_in
from models.booking.rules import check_day
from models.calendar import clock_text, length_text
from models.errors import DomainError, ErrorCode
from models.orders.refund_policy import Terms, own_terms, told
from models.orders.rules import RefundParty
from models.venues.queries import sport_unknown

MOST_RULES = 40


class RuleKind(StrEnum):
    """What a rule is about."""

    RELEASE = "RELEASE"
    NOTICE = "NOTICE"
    HOLD = "HOLD"
    COURTS_A_DAY = "COURTS_A_DAY"
    MINUTES_A_COURT = "MINUTES_A_COURT"
    MINUTES_A_DAY = "MINUTES_A_DAY"
    COURTS_A_WEEK = "COURTS_A_WEEK"
    MINUTES_A_WEEK = "MINUTES_A_WEEK"
    PLAYERS = "PLAYERS"
    COMPANIONS = "COMPANIONS"
    REAL_NAME = "REAL_NAME"
    ENTRY = "ENTRY"
    CHECK_IN = "CHECK_IN"
    NO_SHOW = "NO_SHOW"
    PAUSE = "PAUSE"
    SERIES = "SERIES"
    GROUPS = "GROUPS"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class ToldRule:
    """`figure`: the number of the sentence by which programs compare, if it has one: minutes, days, courts, people or
    percent, as the kind says."""

    kind: RuleKind
    sentence: str
    figure: int | None
    is_demonstration: bool


async def booking_rules(*, venue_id: str, sport: str, day: date, now: datetime) -> list[ToldRule]:
    """All that stands for a sport at a venue (public id) when it is played on this day. One statement. Raises
    VENUE_UNKNOWN, SPORT_UNKNOWN, BAD_INPUT for a silly day."""
    check_day(day, now)
    found = await database.row(_RULE_BOOK, venue_id, sport, day)
    if found is None:
        raise DomainError(
            "没有找到这个场馆。", code=ErrorCode.VENUE_UNKNOWN, next_step="请返回列表重新选择。", field="venueId"
        )
    if not found["is_sport"]:
        raise sport_unknown()
    rows = orjson.loads(found["rules"] or "[]")
    rules = rules_in(row[:-1] for row in rows)
    limits = governing(rules, sport)
    published = _published(rows, rules, limits)
    terms, of_cancelling = _terms(orjson.loads(found["refunds"] or "[]"))
    if limits.cancel_free_minutes is not None and limits.cancel_kept_percent is not None:
        terms = own_terms(limits.cancel_free_minutes, limits.cancel_kept_percent)
        of_cancelling = "cancel_free_minutes" not in published
    return [
        *told_limits(limits, published, most_people=found["most_people"]),
        *(ToldRule(RuleKind.CANCEL, sentence, None, of_cancelling) for sentence in told(terms)),
    ]


def told_limits(limits: Limits, published: frozenset[str], *, most_people: int | None) -> list[ToldRule]:
    """`published`: the columns whose figures somebody published. `most_people`: whom the largest court takes."""
    return [
        ToldRule(kind, sentence, figure, not columns <= published)
        for kind, columns, sentence, figure in _sentences(limits, most_people)
    ]


_Said = tuple[RuleKind, frozenset[str], str, int | None]


def _sentences(limits: Limits, most_people: int | None) -> Iterator[_Said]:
    yield from _of_time(limits)
    yield from _of_amounts(limits)
    yield from _of_people(limits, most_people)
    yield from _of_coming(limits)
    yield from _of_arrangements(limits)


def _of_time(limits: Limits) -> Iterator[_Said]:
    clock = clock_text(limits.release_minute)
    ahead = f"提前{limits.days_ahead}天的{clock}" if limits.days_ahead else f"当天{clock}"
    columns = frozenset({"days_ahead", "release_minute"})
    yield RuleKind.RELEASE, columns, f"{ahead}开放预订。", limits.days_ahead
    if limits.notice_minutes:
        said = f"最晚在开始前{_length(limits.notice_minutes)}预订。"
        yield RuleKind.NOTICE, frozenset({"notice_minutes"}), said, limits.notice_minutes
    said = f"下单后{limits.hold_minutes}分钟内付款，过时场地让给别人。"
    yield RuleKind.HOLD, frozenset({"hold_minutes"}), said, limits.hold_minutes


def _of_amounts(limits: Limits) -> Iterator[_Said]:
    for kind, column, sentence in (
        (RuleKind.COURTS_A_DAY, "courts_a_person_a_day", "每人每天最多订{}片场地。"),
        (RuleKind.MINUTES_A_COURT, "minutes_a_court_a_day", "每人每天在同一片场地最多{}。"),
        (RuleKind.MINUTES_A_DAY, "minutes_a_person_a_day", "每人每天最多订{}。"),
        (RuleKind.COURTS_A_WEEK, "courts_a_person_a_week", "每人每周（周一至周日）最多订{}片场地。"),
        (RuleKind.MINUTES_A_WEEK, "minutes_a_person_a_week", "每人每周（周一至周日）最多订{}。"),
    ):
        figure = getattr(limits, column)
        if figure is not None:
            said = str(figure) if column.startswith("courts") else _length(figure)
            yield kind, frozenset({column}), sentence.format(said), figure


def _of_people(limits: Limits, most_people: int | None) -> Iterator[_Said]:
    most = limits.most_players if most_people is None else limits.most_on(most_people)
    if limits.fewest_players > 1 or limits.most_players is not None:
        fewest = f"至少{limits.fewest_players}人" if limits.fewest_players > 1 else ""
        upper = f"最多{most}人" if most is not None else ""
        columns = frozenset({"fewest_players", "most_players"})
        yield RuleKind.PLAYERS, columns, f"每片场地{'、'.join(filter(None, (fewest, upper)))}。", most
    elif most is not None:
        said = f"每片场地最多{most}人，小场地以时段表为准。"
        yield RuleKind.PLAYERS, frozenset({"most_players"}), said, most
    if limits.companions_named:
        said = "同场的每一位球友都要写明；球友的上限和暂停同样计算。"
        yield RuleKind.COMPANIONS, frozenset({"companions_named"}), said, None
    if limits.real_name_needed:
        said = "实名场地：预订人和写明的球友都要先实名认证。"
        yield RuleKind.REAL_NAME, frozenset({"real_name_needed"}), said, None


def _of_coming(limits: Limits) -> Iterator[_Said]:
    early = limits.entry_opens_minutes_before
    said = f"开始前{_length(early)}起可以入场。" if early else "到开始时间可以入场。"
    yield RuleKind.ENTRY, frozenset({"entry_opens_minutes_before"}), said, early
    if limits.check_in_minutes is None:
        return
    said = f"开始后{limits.check_in_minutes}分钟内要到场，否则场地释放给别人，并记一次未到场。"
    yield RuleKind.CHECK_IN, frozenset({"check_in_minutes"}), said, limits.check_in_minutes
    kept = limits.no_show_kept_percent
    said = (
        "未到场的，费用不退。"
        if kept == 100
        else f"未到场的，扣除价格的{kept}%，其余退回。"
        if kept
        else "未到场的，费用全部退回。"
    )
    yield RuleKind.NO_SHOW, frozenset({"no_show_kept_percent"}), said, kept
    if limits.no_shows is not None:
        said = f"{limits.no_show_days}天内{limits.no_shows}次未到场，暂停预订{limits.pause_days}天；可以申诉一次。"
        yield RuleKind.PAUSE, frozenset({"no_shows", "no_show_days", "pause_days"}), said, limits.pause_days


def _of_arrangements(limits: Limits) -> Iterator[_Said]:
    pay = f"收到通知后{_length(limits.arranged_hold_minutes)}内付款。"
    if limits.series_weeks is not None:
        each = f"，每人最多{limits.series_a_person}个" if limits.series_a_person is not None else ""
        said = f"可以订每周固定场，最长{limits.series_weeks}周{each}；每次开放预订时为您下单，{pay}"
        columns = frozenset({"series_weeks", "series_a_person", "arranged_hold_minutes"})
        yield RuleKind.SERIES, columns, said, limits.series_weeks
    if limits.group_days_ahead is not None:
        said = f"团体可以提前{limits.group_days_ahead}天以内申请，场馆{limits.group_answer_hours}小时内答复；同意的，{pay}"
        columns = frozenset({"group_days_ahead", "group_answer_hours", "arranged_hold_minutes"})
        yield RuleKind.GROUPS, columns, said, limits.group_days_ahead


def _published(rows: Sequence[Sequence[Any]], rules: Sequence[Rule], limits: Limits) -> frozenset[str]:
    """Of the row that governs: the columns that its source gives."""
    bare = limits._replace(sport_code="", apart=())
    of_sport = [
        row for row, rule in zip(rows, rules, strict=True) if rule.limits == bare and row[0] == limits.sport_code
    ]
    return frozenset(max(of_sport, key=lambda row: (bool(row[1]), row[2]))[-1].split()) & {*LIMIT_COLUMNS}


def _terms(rows: Sequence[Sequence[Any]]) -> tuple[list[Terms], bool]:
    """And whether what decides is DEMONSTRATION."""
    deciding = [row for row in rows if row[3]] or rows
    terms = [Terms(minutes, percent, fen, bool(of_venue)) for minutes, percent, fen, of_venue, _ in deciding]
    return terms, any(row[4] != "PUBLISHED" for row in deciding) or not deciding


def _length(minutes: int) -> str:
    return length_text(timedelta(minutes=minutes))


_RULE_BOOK = f"""
SELECT venue.id,
       (SELECT json_agg(json_build_array({", ".join(RULE_COLUMNS)}, published))
          FROM booking_rule WHERE (venue_id = venue.id OR venue_id IS NULL) AND replaced_at IS NULL
           AND from_day <= $3 AND (to_day IS NULL OR to_day > $3)) AS rules,
       (SELECT json_agg(json_build_array(minutes_before, kept_percent, kept_fen, venue_id IS NOT NULL, provenance))
          FROM refund_rule WHERE (venue_id = venue.id OR venue_id IS NULL) AND party = '{RefundParty.MEMBER}') AS refunds,
       (SELECT MAX(max_people) FROM court
         WHERE court.venue_id = venue.id AND court.is_open AND court.sport_code = $2) AS most_people,
       EXISTS (SELECT 1 FROM sport WHERE code = $2) AS is_sport
  FROM venue WHERE venue.public_id = $1
"""
