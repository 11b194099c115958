"""What is true of a drawer: what should lie in it, and how it is counted. Pure."""

from dataclasses import dataclass
from datetime import datetime

from models.calendar import moment_text
from models.errors import BadInput, DomainError, ErrorCode
from models.money import yuan_text

MOST_IN_A_DRAWER_FEN = 100_000_000  # a million yuan: more is a slip of the finger
LONGEST_NOTE = 150  # of 200 that fit: the first count may stand before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """What went through a clerk's hands in one shift, in fen. Only cash lies in the drawer."""

    cash_fen: int = 0
    card_fen: int = 0
    code_fen: int = 0  # by codes shown or scanned at this desk: it never was in anybody's hand
    cash_handed_out_fen: int = 0
    card_handed_out_fen: int = 0  # given back at the card terminal

    def expected_fen(self, float_fen: int) -> int:
        """What should lie in the drawer: what lay there, and what came in, less what went out."""
        return float_fen + self.cash_fen - self.cash_handed_out_fen


class ShiftNeeded(DomainError):
    code = ErrorCode.SHIFT_NEEDED

    def __init__(self) -> None:
        super().__init__("您在这个场馆还没有开班，不能收付现金或刷卡。", next_step="请先清点备用金并开班。")


class ShiftOpenAlready(DomainError):
    code = ErrorCode.SHIFT_OPEN_ALREADY

    def __init__(self, venue_name: str, opened_at: datetime) -> None:
        super().__init__(
            f"您在{venue_name}还有一个班没有交接（{moment_text(opened_at)}开班）。",
            next_step="请先清点那里的钱箱并交班，再开新的班。",
        )


class ShiftUnknown(DomainError):
    """Somebody else's shift sounds the same as none."""

    code = ErrorCode.SHIFT_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到您的这个班次。", next_step="请刷新页面后再试。", field="shiftId")


class ShiftClosed(DomainError):
    code = ErrorCode.SHIFT_CLOSED

    def __init__(self, closed_at: datetime) -> None:
        super().__init__(
            f"这个班已在{moment_text(closed_at)}交接，清点结果不能再改。", next_step="如有出入，请联系管理员。"
        )


class DrawerDiffers(DomainError):
    """Said only after the clerk has counted, and only when they said nothing of why."""

    code = ErrorCode.DRAWER_DIFFERS

    def __init__(self, counted_fen: int, expected_fen: int) -> None:
        difference = counted_fen - expected_fen
        word = "多" if difference > 0 else "少"
        super().__init__(
            f"清点为{yuan_text(counted_fen)}，账上应有{yuan_text(expected_fen)}，"
            f"{word}{yuan_text(abs(difference))}。",
            next_step="请复点一次；如果确实有出入，请写明原因后交班。",
            field="note",
        )


def checked_amount(amount_fen: int, *, field: str) -> int:
    """Money that lies in a drawer, as somebody counted it."""
    if not 0 <= amount_fen <= MOST_IN_A_DRAWER_FEN:
        raise BadInput("金额应在0到100万元之间。", next_step="请核对后重新填写。", field=field)
    return amount_fen


def checked_note(text: str) -> str:
    note = text.strip()
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise BadInput(f"说明最多{LONGEST_NOTE}个字，且不能换行。", next_step="请写得短一些。", field="note")
    return note


def with_first_count(note: str, *, first_fen: int | None, counted_fen: int) -> str:
    """What is kept of why. Who counts anew after hearing what should be there says so, whether they like or not."""
    if first_fen is None or first_fen == counted_fen:
        return note
    return f"首次清点为{yuan_text(first_fen)}。{note}"
