"""Staff write a venue's tariff anew, from a day on. What came before stays as it was, and can be looked up.

The whole tariff is one version: its windows together are checked, and together they decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.calendar import CELL_MINUTES, business_day, clock_text
from models.errors import BadInput, DomainError, ErrorCode, KeyReused
from models.ids import request_hash
from models.venues.checking import CourtNamed, charged_on_the_free_day, decided, gap, never_deciding, overlapping
from models.venues.concessions import Covers, Rule
from models.venues.days import WORDS, DayKind, days_text, is_day_rule
from models.venues.reading_concessions import GROUPS
from models.venues.rules import (
    DAY_MINUTES,
    LABELS,
    Opening,
    PriceKind,
    Window,
    openings_on,
    windows_of_court,
)
from models.venues.tables import TariffVersion
from models.venues.tariff_changes import OF_WINDOW, Standing, change_hash, standing

MOST_WINDOWS = 400
MOST_FEN_PER_HOUR = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffWanted:
    """All windows of a venue's courts, from a day on; until `to_day` (the first on which it holds no more), or until
    another one is written. `concessions` None: as before."""

    windows: Sequence[Window]
    concessions: Sequence[Rule] | None = None
    from_day: date
    to_day: date | None = None
    note: str


class TariffRefused(BadInput):
    """A tariff that contradicts itself; the sentence says where."""


def checked(
    wanted: TariffWanted, *, courts: Sequence[CourtNamed], openings: Sequence[Opening], today: date
) -> None:
    """Raises TariffRefused with the first thing that is wrong, and what to do about it. Pure."""
    if not wanted.note.strip() or len(wanted.note) > 200:
        raise TariffRefused(
            "改价要有说明（200字以内）。", next_step="请写明为什么改价，日后查得到。", field="note"
        )
    _check_days(wanted, today)
    if not 1 <= len(wanted.windows) <= MOST_WINDOWS:
        raise _refused(f"价目要有1到{MOST_WINDOWS}个时段。", "请补上或合并时段。")
    for window in wanted.windows:
        _check_window(window, courts)
    _check_together(wanted.windows, courts, openings)
    _check_concessions(wanted.concessions or ())


def _check_days(wanted: TariffWanted, today: date) -> None:
    if wanted.from_day < today:
        raise TariffRefused(
            "开始日期已经过去。", next_step="已过的日子不能改价，请从今天或以后开始。", field="fromDay"
        )
    if wanted.to_day is not None and wanted.to_day <= wanted.from_day:
        raise TariffRefused(
            "结束日期要晚于开始日期，否则没有一天用得上。", next_step="请改正日期。", field="toDay"
        )


def _check_window(window: Window, courts: Sequence[CourtNamed]) -> None:
    """What can be wrong with one by itself."""
    if window.days == "DATE:02-29":
        raise _refused("2月29日不是每年都有。", "请改写为2月28日或3月1日。")
    if window.days not in WORDS and not is_day_rule(window.days):
        raise _refused(
            f"“{window.days[:24]}”不是能用的日期。", "请从列出的日期里选，例如工作日、每周三、每年8月8日。"
        )
    if window.from_minute % CELL_MINUTES or window.to_minute % CELL_MINUTES:
        raise _refused("时段要从整点或半点开始，到整点或半点结束。", "请改正时间。")
    if not (0 <= window.from_minute < DAY_MINUTES and 0 <= window.to_minute <= DAY_MINUTES):
        raise _refused("时段要在0:00到24:00之间。", "请改正时间。")
    said = _said(window)
    if window.to_minute <= window.from_minute:
        raise _refused(f"{said}：跨过了零点。", "请分成两个时段：当天到24:00，次日从00:00起。")
    if window.kind not in (PriceKind.FREE, PriceKind.LOW, PriceKind.MARKET):
        raise _refused(f"{said}：请写明是免费、低收费还是市场价。", "请改正后再保存。")
    if window.kind == PriceKind.FREE and window.price_fen_per_hour:
        raise _refused(f"{said}：免费时段不能有价格。", "请去掉价格，或改为低收费、市场价。")
    if window.kind != PriceKind.FREE and not window.price_fen_per_hour:
        raise _refused(f"{said}：价格为0，但不是免费时段。", "真的免费请改为免费时段，否则请填写价格。")
    if not 0 <= window.price_fen_per_hour <= MOST_FEN_PER_HOUR:
        raise _refused(f"{said}：价格不对。", "请填写每小时的价格。")
    fitting = [court for court in courts if window.sport_code in ("", court.sport_code)]
    if not any(window.court_name in ("", court.name) for court in fitting):
        raise _refused(f"{said}：本馆没有这样的场地。", "请核对运动项目和场地名称。")


def _check_together(windows: Sequence[Window], courts: Sequence[CourtNamed], openings: Sequence[Opening]) -> None:
    twice = overlapping(windows)
    if twice is not None:
        one, other = map(_said, twice)
        raise _refused(f"{one}和{other}重叠，说不清按哪个收费。", "请改成首尾相接。")
    missing = gap(windows, courts, openings)
    if missing is not None:
        court, day, minute = missing
        kind = _KIND_WORDS[day.kind]
        raise _refused(
            f"{court.name}：周{'一二三四五六日'[day.date.weekday()]}（{kind}）{clock_text(minute)}开放，却没有定价。",
            "请补上这个时段的价格。",
        )
    charged = charged_on_the_free_day(windows, courts, openings)
    if charged is not None:
        court, minute = charged
        raise _refused(
            f"{court.name}：8月8日全民健身日{clock_text(minute)}要收费；国家规定当天全面免费开放（体规字〔2021〕7号）。",
            "请加上“每年8月8日”的免费时段，从开门到关门。",
        )
    useless = never_deciding(windows, courts, openings)
    if useless is not None:
        raise _refused(
            f"{_said(useless)}：永远用不到，那时不开放，或总有更具体的时段。", "请删去，或核对开放时间。"
        )


def _check_concessions(rules: Sequence[Rule]) -> None:
    if len({rule.kind for rule in rules}) < len(rules):
        raise TariffRefused("同一类人群写了两次优待。", next_step="请只保留一条。", field="concessions")
    for rule in rules:
        if rule.kind not in GROUPS or rule.covers not in tuple(Covers):
            raise TariffRefused("没有这一类优待。", next_step="请从列出的人群里选。", field="concessions")
        if not 0 <= rule.pays_percent < 100:
            raise TariffRefused(
                "优待后的价格要在0%到99%之间，否则没有人得到优惠。",
                next_step="请改正百分比。",
                field="concessions",
            )


_KIND_WORDS = {
    DayKind.WORKDAY: "工作日",
    DayKind.WEEKEND: "周末",
    DayKind.MAKEUP_WORKDAY: "调休上班日",
    DayKind.STATUTORY_HOLIDAY: "法定节假日",
}


def _said(window: Window) -> str:
    label = LABELS.get(PriceKind(window.kind), "") if window.kind in PriceKind.__members__ else ""
    span = f"{clock_text(window.from_minute)}–{clock_text(window.to_minute)}"
    return f"{window.court_name}{days_text(window.days)}{span}{label}"


def _refused(sentence: str, next_step: str) -> TariffRefused:
    return TariffRefused(sentence, next_step=next_step, field="windows")


@database.operation
async def write_tariff(
    *,
    staff_id: int,
    venue_id: str,
    wanted: TariffWanted,
    expected_change: str | None = None,
    idempotency_key: str,
    now: datetime,
) -> int:
    """A new version of the venue's (public id) tariff; its number. The same key with the same tariff returns the same.

    `expected_change` is the hash of the preview that was looked at. The caller has made sure that this staff person may.
    Raises TariffRefused, VENUE_UNKNOWN, IDEMPOTENCY_KEY_REUSED, PREVIEW_CHANGED.
    """
    await database.alone_with(f"tariff of {venue_id}")
    before = await standing(venue_id, wanted.from_day)
    windows = [list(window[:OF_WINDOW]) for window in wanted.windows]
    rules = None if wanted.concessions is None else [list(rule) for rule in wanted.concessions]
    asked = request_hash(windows, rules, str(wanted.from_day), str(wanted.to_day), wanted.note)
    repeated = await _written_before(before.id, idempotency_key, asked)
    if repeated:
        return repeated
    today = business_day(now)
    checked(wanted, courts=before.courts, openings=before.openings, today=today)
    if expected_change not in (None, hash_of(before, wanted)):
        raise preview_changed()
    number = before.last_number + 1
    await TariffVersion.create(
        venue_id=before.id,
        number=number,
        from_day=wanted.from_day,
        to_day=wanted.to_day,
        windows=windows,
        concessions=rules,
        note=wanted.note.strip(),
        request_key=idempotency_key,
        request_hash=asked,
        written_by_id=staff_id,
        written_at=now,
    )
    if wanted.from_day == today:
        await tell_lists(before.id, wanted.windows, before.courts, before.openings)
    return number


def hash_of(before: Standing, wanted: TariffWanted) -> str:
    """What a preview of it is known by."""
    return change_hash(
        before,
        windows=wanted.windows,
        concessions=wanted.concessions,
        from_day=wanted.from_day,
        to_day=wanted.to_day,
    )


def preview_changed() -> DomainError:
    return DomainError(
        "预览之后情况变了，保存的不会是您看到的样子。",
        code=ErrorCode.PREVIEW_CHANGED,
        next_step="请重新预览，看清楚再保存。",
        field="expectedChange",
    )


async def _written_before(venue_id: int, key: str, asked: str) -> int | None:
    found = await database.row(
        "SELECT number, request_hash FROM tariff_version WHERE venue_id = $1 AND request_key = $2", venue_id, key
    )
    if found is None:
        return None
    if found["request_hash"] != asked:
        raise KeyReused("一份价目")
    return int(found["number"])


def lowest_hour(
    windows: Sequence[Window], courts: Sequence[CourtNamed], openings: Sequence[Opening]
) -> tuple[int, str] | None:
    """What an hour costs at least, with who says so, as lists of venues show it; None where no open hour is priced. Pure."""
    prices = {
        (window.price_fen_per_hour, "PUBLISHED" if window.published else "DEMONSTRATION")
        for court in courts
        for _, _, window in decided(
            windows_of_court(windows, *court),
            [openings_on(openings, weekday, court.sport_code) for weekday in range(7)],
        )
        if window is not None
    }
    return min(prices, key=lambda price: (price[0], price[1] != "PUBLISHED"), default=None)


async def tell_lists(
    venue_id: int, windows: Sequence[Window], courts: Sequence[CourtNamed], openings: Sequence[Opening]
) -> None:
    """A plain function: what an hour costs at least from today on, where prices or hours became others. `venue_id` is the
    row's."""
    price = lowest_hour(windows, courts, openings)
    if price is not None:
        await database.rows(
            "UPDATE venue SET price_from_fen = $1, price_from_provenance = $2 WHERE id = $3 RETURNING id",
            *price,
            venue_id,
        )
