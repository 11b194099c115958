"""Which days' statements can be had and when; how they are downloaded; the faults that spoil them."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Any

from tests.sandbox.conftest import store_of, switch_on
from tests.sandbox.merchant import Merchant
from tests.sandbox.wechat_pay_statements import read, refused, statement, to_next_day


async def test_a_statement_is_ready_at_ten_of_the_next_day(merchant: Merchant, noon: date) -> None:
    await merchant.paid()
    assert refused(await merchant.ask_statement(bill_date=f"{noon}")) == (400, "PARAM_ERROR")
    await to_next_day(merchant, hour=9)
    for bill in ("tradebill", "fundflowbill"):
        assert refused(await merchant.ask_statement(bill, bill_date=f"{noon}")) == (400, "STATEMENT_CREATING")
    await merchant.move_clock(merchant.ahead_seconds + 3600)
    await statement(merchant, bill_date=f"{noon}")
    await switch_on(merchant.http, statement_creating=True)
    assert refused(await merchant.ask_statement(bill_date=f"{noon}")) == (400, "STATEMENT_CREATING")


async def test_a_day_on_which_nothing_moved_has_no_statement(merchant: Merchant, noon: date) -> None:
    await merchant.placed()
    await to_next_day(merchant)
    for bill in ("tradebill", "fundflowbill"):
        assert refused(await merchant.ask_statement(bill, bill_date=f"{noon}")) == (400, "NO_STATEMENT_EXIST")
    await merchant.paid()
    await to_next_day(merchant, hour=13)
    next_day = f"{noon + timedelta(days=1)}"
    answer = await merchant.ask_statement(bill_date=next_day, bill_type="REFUND")
    assert refused(answer) == (400, "NO_STATEMENT_EXIST")


async def test_a_day_that_cannot_be_asked_for_is_a_parameter_error(merchant: Merchant, noon: date) -> None:
    wrong: list[dict[str, str]] = [
        {"bill_type": "ALL"},
        {"bill_date": "20260101"},
        {"bill_date": "2026-02-30"},
        {"bill_date": f"{noon + timedelta(days=1)}"},
        {"bill_date": f"{noon - timedelta(days=93)}"},
        {"bill_date": f"{noon - timedelta(days=2)}", "bill_type": "EVERYTHING"},
        {"bill_date": f"{noon - timedelta(days=2)}", "tar_type": "ZIP"},
    ]
    for query in wrong:
        assert refused(await merchant.ask_statement(**query)) == (400, "PARAM_ERROR"), query
    kept = await merchant.ask_statement(bill_date=f"{noon - timedelta(days=89)}")
    assert refused(kept) == (400, "NO_STATEMENT_EXIST")


async def test_a_download_is_signed_by_the_merchant_but_not_by_wechat_pay_and_lives_five_minutes(
    merchant: Merchant, noon: date
) -> None:
    await merchant.paid()
    await to_next_day(merchant)
    url = (await merchant.ask_statement(bill_date=f"{noon}")).json()["download_url"]
    downloaded = await merchant.download(url)
    assert downloaded.status_code == 200
    assert not [name for name in downloaded.headers if name.startswith("wechatpay-")]
    assert refused(await merchant.http.get(url)) == (401, "SIGN_ERROR")
    assert refused(await merchant.download(url + "x")) == (400, "INVALID_REQUEST")
    await merchant.move_clock(merchant.ahead_seconds + 301)
    assert refused(await merchant.download(url)) == (400, "INVALID_REQUEST")


async def test_faults_hide_change_and_invent_rows_in_the_statement_alone(merchant: Merchant, noon: date) -> None:
    hidden, changed = await merchant.paid(), await merchant.paid()
    faults: dict[str, Any] = {
        "statement_hides": [hidden["out_trade_no"]],
        "statement_amounts": {changed["out_trade_no"]: 4400},
        "statement_adds": [{"out_trade_no": "T-nobody", "total_fen": 100}],
    }
    await switch_on(merchant.http, **faults)
    await to_next_day(merchant)
    _, rows, summary = read(await statement(merchant, bill_date=f"{noon}"))
    assert sorted((row["商户订单号"], row["订单金额"]) for row in rows) == sorted(
        [("T-nobody", "1.00"), (changed["out_trade_no"], "44.00")]
    )
    assert summary["订单总金额"] == "45.00"
    _, flows, _ = read(await statement(merchant, "fundflowbill", bill_date=f"{noon}"))
    assert {row["业务凭证号"] for row in flows} == {"T-nobody", changed["out_trade_no"]}
    assert (await store_of(merchant.http))["sums"]["paid_fen"] == 9000

    await switch_on(merchant.http)
    _, rows, _ = read(await statement(merchant, bill_date=f"{noon}"))
    assert [row["订单金额"] for row in rows] == ["45.00", "45.00"]


async def test_a_wrong_hash_is_told_for_a_right_file(merchant: Merchant, noon: date) -> None:
    await merchant.paid()
    await to_next_day(merchant)
    await switch_on(merchant.http, statement_hash_wrong=True)
    asked = (await merchant.ask_statement(bill_date=f"{noon}")).json()
    downloaded = await merchant.download(asked["download_url"])
    assert hashlib.sha1(downloaded.content).hexdigest() != asked["hash_value"]
    assert len(read(downloaded.content)[1]) == 1


async def test_for_a_demonstration_the_running_day_can_be_had(merchant: Merchant, noon: date) -> None:
    await switch_on(merchant.http, statements_anytime=True)
    order = await merchant.paid()
    _, rows, _ = read(await statement(merchant, bill_date=f"{noon}"))
    assert [row["商户订单号"] for row in rows] == [order["out_trade_no"]]
    tomorrow = await merchant.ask_statement(bill_date=f"{noon + timedelta(days=1)}")
    assert refused(tomorrow) == (400, "PARAM_ERROR")


async def test_faults_of_the_statement_take_only_their_own_form(merchant: Merchant) -> None:
    wrong: list[dict[str, Any]] = [
        {"statement_hides": "T1"},
        {"statement_amounts": {"T1": "1.00"}},
        {"statement_amounts": {"T1": True}},
        {"statement_adds": [{"out_trade_no": "T1"}]},
        {"statement_adds": {"out_trade_no": "T1", "total_fen": 1}},
        {"notices_appid": 1},
        {"refund_interval_seconds": "none"},
    ]
    for faults in wrong:
        assert (await merchant.http.put("/_sandbox/faults", json=faults)).status_code == 400, faults
