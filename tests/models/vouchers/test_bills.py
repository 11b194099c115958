"""What a desk reads of a write-off that came to nothing says what became of the voucher."""

from typing import Any

import pytest

from models.vouchers.bills import NOT_CONFIRMED, verdict_of
from models.vouchers.rules import UseState
from models.vouchers.tables import VoucherUse
from models.vouchers.writing_off import FOUND_FAKE, FOUND_FAKE_AND_CANCELLED, wrong_state


def _undone(reason: str) -> VoucherUse:
    columns: dict[str, Any] = {"use_no": "V1", "state": UseState.UNDONE, "bill_fen": 5000, "used_fen": 2000}
    return VoucherUse(**columns, undo_reason=reason)


def test_what_nobody_confirmed_left_the_voucher_unused() -> None:
    assert verdict_of(_undone(NOT_CONFIRMED)).detail == "顾客没有在规定时间内确认，消费券没有用掉。"
    assert wrong_state(_undone(NOT_CONFIRMED)).message == "这笔核销已经作废，消费券没有用掉。"


@pytest.mark.parametrize("reason", [FOUND_FAKE, FOUND_FAKE_AND_CANCELLED])
def test_of_what_was_found_fake_nobody_says_that_the_voucher_can_be_used(reason: str) -> None:
    verdict, refusal = verdict_of(_undone(reason)), wrong_state(_undone(reason))
    assert (verdict.colour, verdict.headline, verdict.off_fen) == ("RED", "核销无效", 0)
    assert verdict.detail == f"{reason}，券已作废，不予结算。"
    assert refusal.message == "这笔核销经核查认定为不实，券已作废。"
    for way_out in (verdict.next_step, refusal.next_step):
        assert way_out == "如有异议，请向主管部门申请复核。"
