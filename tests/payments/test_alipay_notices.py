"""What a notice must have before we believe it (opendocs.alipay.com, 异步通知 and 异步通知验签)."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.port import (
    Notice,
    NoticeForged,
    NoticeRefused,
    NoticeStale,
    NoticeUnreadable,
    PaymentNotice,
    PaymentState,
    RefundHint,
)
from tests.payments.alipay_platform import APP_ID, NOW, SELLER_ID, STRANGERS_KEY, Line, channel, notice, seal


async def read(body: bytes, now: datetime = NOW) -> Notice:
    return await channel(Line()).parse_notice({}, body, now)


async def test_a_genuine_notice_is_read_to_the_last_fen() -> None:
    told = await read(notice())
    assert isinstance(told, PaymentNotice)
    assert (told.notice_id, told.kind) == ("2026112000222095956034567012345", "TRADE_SUCCESS")
    payment = told.payment
    assert (payment.payment_no, payment.state, payment.amount_fen) == (
        "P20261120000001",
        PaymentState.SUCCEEDED,
        4500,
    )
    assert (payment.channel_trade_no, payment.payer) == ("2026112022001434567012345678", "2088722001234567")
    assert payment.paid_at == datetime(2026, 11, 20, 1, 59, 56, tzinfo=UTC)
    assert (payment.appid, payment.mchid) == (APP_ID, SELLER_ID)


@pytest.mark.parametrize(
    ("status", "changed", "state"),
    [
        ("WAIT_BUYER_PAY", {"gmt_payment": None}, PaymentState.PENDING),
        ("TRADE_FINISHED", {}, PaymentState.SUCCEEDED),
        ("TRADE_CLOSED", {"gmt_payment": None, "gmt_close": "2026-11-20 10:00:00"}, PaymentState.CLOSED),
        # as production tells of a trade that nobody paid in time
        ("TRADE_CLOSED", {"gmt_payment": None, "refund_fee": "0.00"}, PaymentState.CLOSED),
        # given back by Alipay or by staff on its pages, under no number of ours
        ("TRADE_CLOSED", {"refund_fee": "45.00", "gmt_refund": "2026-11-20 09:59:59.477"}, PaymentState.REFUNDED),
    ],
)
async def test_every_status_is_told_in_our_words(
    status: str, changed: dict[str, Any], state: PaymentState
) -> None:
    told = await read(notice(trade_status=status, **changed))
    assert isinstance(told, PaymentNotice)
    assert (told.kind, told.payment.state) == (status, state)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED"])
async def test_a_refunds_notice_is_only_a_hint_since_it_tells_the_trades_state(status: str) -> None:
    told = await read(
        notice(
            trade_status=status,
            gmt_refund="2026-11-20 10:05:00.123",
            refund_fee="15.00",
            out_biz_no="R20261120000001",
        )
    )
    assert told == RefundHint(
        notice_id="2026112000222095956034567012345",
        kind=status,
        refund_no="R20261120000001",
        payment_no="P20261120000001",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"total_amount=45.00", b"total_amount=45.01"),
        lambda body: body.replace(b"body=&", b""),  # blank values are signed too
        lambda body: body + b"&extra=1",
        lambda body: body + b"&total_amount=0.01",  # twice
        lambda body: body.replace(b"sign_type=RSA2", b"sign_type=RSA"),
        lambda body: body.replace(b"sign_type=RSA2&", b""),
        lambda body: body[: body.index(b"&sign=")],
        lambda body: body.replace(b"%26", b"%2"),
        lambda body: body + b"&%",
        lambda body: body + b"&pad=" + b"x" * 100_000,
        lambda body: b"",
        lambda body: b"&&&===",
        lambda body: b"\xff\xfe\x00",
        lambda body: b'{"trade_status":"TRADE_SUCCESS"}',
        gzip.compress,
    ],
)
async def test_what_was_changed_on_the_way_is_forged(change: Callable[[bytes], bytes]) -> None:
    changed = change(notice())
    assert changed != notice()
    with pytest.raises(NoticeForged):
        await read(changed)


async def test_another_encoding_of_the_same_form_is_the_same_notice() -> None:
    """A proxy may write the form anew: the signature is over what it says."""
    pairs = parse_qsl(notice().decode(), keep_blank_values=True)
    assert await read(urlencode(list(reversed(pairs))).replace("+", "%20").encode()) == await read(notice())


async def test_a_stranger_does_not_pass() -> None:
    with pytest.raises(NoticeForged):
        await read(notice(key=STRANGERS_KEY))


@pytest.mark.parametrize(
    "changed", [{"app_id": "2021000117650140"}, {"seller_id": "2088102146225136"}, {"seller_id": None}]
)
async def test_a_notice_for_somebody_else_is_not_ours(changed: dict[str, Any]) -> None:
    with pytest.raises(NoticeUnreadable):
        await read(notice(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"trade_status": "TRADE_PENDING"},
        {"trade_status": None},
        {"total_amount": ""},
        {"total_amount": "45.001"},
        {"out_trade_no": None},
        {"trade_no": None},
        {"notify_id": None},
        {"notify_time": None},
        {"notify_time": "2026-11-20T10:00:00"},
        {"gmt_payment": "yesterday"},
        {"charset": "utf_8"},
    ],
)
async def test_a_genuine_notice_of_another_shape_is_unreadable(changed: dict[str, Any]) -> None:
    with pytest.raises(NoticeUnreadable):
        await read(notice(**changed))


async def test_a_notice_in_gbk_is_read_too() -> None:
    assert await read(notice(charset="GBK")) == await read(notice())


async def test_text_that_is_not_in_the_charset_it_names_is_unreadable() -> None:
    form = {"app_id": APP_ID.encode(), "charset": b"utf-8", "subject": b"\xff\xfe"}
    content = b"&".join(name.encode() + b"=" + value for name, value in form.items())
    with pytest.raises(NoticeUnreadable):
        await read(urlencode(form | {"sign": seal(content), "sign_type": "RSA2"}).encode())


@pytest.mark.parametrize("age", [timedelta(minutes=-5), timedelta(0), timedelta(hours=25), timedelta(hours=26)])
async def test_a_repetition_passes_for_as_long_as_alipay_repeats(age: timedelta) -> None:
    assert isinstance(await read(notice(), NOW + age), PaymentNotice)


@pytest.mark.parametrize("age", [timedelta(minutes=-5, seconds=-1), timedelta(hours=26, seconds=1)])
async def test_a_time_that_no_repetition_can_have_is_stale(age: timedelta) -> None:
    with pytest.raises(NoticeStale):
        await read(notice(), NOW + age)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
async def test_whatever_comes_is_refused_in_no_other_way(body: bytes) -> None:
    with pytest.raises(NoticeRefused):
        await read(body)


async def test_alipay_hears_success_or_failure() -> None:
    pay = channel(Line())
    assert (pay.acknowledge().status, pay.acknowledge().body) == (200, b"success")
    assert (pay.refuse(503, "later").status, pay.refuse(503, "later").body) == (503, b"failure")
