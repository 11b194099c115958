"""Why a price is what it is, in parts that add up to it. Pure."""

from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from models.calendar import CELL_MINUTES, clock_text
from models.money import yuan_text
from models.venues.days import days_text, hangs_on_notice
from models.venues.rules import LABELS, HalfHours, PriceKind, Window


class PartKind(StrEnum):
    WINDOW = "WINDOW"
    CONCESSION = "CONCESSION"
    TICKET = "TICKET"  # of a session


class PricePart(NamedTuple):
    """One reason with its fen; a concession's are below zero."""

    kind: PartKind
    text: str
    amount_fen: int
    is_demonstration: bool


def parts_of(deciding: HalfHours, from_minute: int, to_minute: int, *, year_known: bool) -> tuple[PricePart, ...]:
    """The windows that decide a slot, in order of time. They add up to `price_of`, which rounds half a fen up once: so
    does what is told up to each part. Empty where some half hour has no price."""
    parts: list[PricePart] = []
    twice = told_fen = 0
    for window, halves in groupby(deciding[from_minute // CELL_MINUTES : to_minute // CELL_MINUTES]):
        if window is None:
            return ()
        twice += window.price_fen_per_hour * len(list(halves))
        so_far_fen = (twice + 1) // 2
        text = window_text(window, year_known=year_known)
        parts.append(PricePart(PartKind.WINDOW, text, so_far_fen - told_fen, not window.published))
        told_fen = so_far_fen
    return tuple(parts)


def window_text(window: Window, *, year_known: bool) -> str:
    """工作日09:00–14:00低收费，每小时20.00元（已公布）. Without the year's notice it says on what the day's kind rests."""
    label = LABELS[PriceKind[window.kind]]
    price = f"，每小时{yuan_text(window.price_fen_per_hour)}" if window.price_fen_per_hour else ""
    remarks = [_told_by(window)]
    if not year_known and hangs_on_notice(window.days):
        remarks.append("当年放假安排尚未公布，按星期几计")
    span = f"{clock_text(window.from_minute)}–{clock_text(window.to_minute)}"
    return f"{days_text(window.days)}{span}{label}{price}（{'；'.join(remarks)}）"


def _told_by(window: Window) -> str:
    if window.published:
        return "已公布"
    return "时段已公布，价格为演示" if window.window_provenance == "PUBLISHED" else "演示"
