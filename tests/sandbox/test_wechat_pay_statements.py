"""交易账单 and 资金账单, read to the last cell."""

from __future__ import annotations

import gzip
import hashlib
from datetime import date, timedelta

from tests.sandbox.conftest import NoticeDoor, store_of, switch_on
from tests.sandbox.merchant import Merchant
from tests.sandbox.wechat_pay_statements import DAY_SECONDS, read, refused, statement, to_next_day

ALL = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
SUCCESS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注"
)
REFUND = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,"
    "商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)


async def test_a_day_of_payments_and_refunds_is_told_cell_by_cell(
    merchant: Merchant, notice_door: NoticeDoor, noon: date
) -> None:
    order = await merchant.paid(attach="a,b", description="羽毛球\n1 号场")
    at_desk = await merchant.paid_by_code(amount={"total": 9999, "currency": "CNY"})
    refund = merchant.refund(order, 1500)
    asked = (await merchant.ask_refund(refund)).json()
    await notice_door.wait_for(2)
    await to_next_day(merchant)

    heading, rows, summary = read(await statement(merchant, bill_date=f"{noon}", bill_type="ALL"))
    assert heading == ALL
    first, second, third = rows
    books = await store_of(merchant.http)
    assert first["交易时间"] == f"{noon} 12:00:{first['交易时间'][-2:]}"
    assert first["公众账号ID"] == merchant.appid
    assert (first["商户号"], first["特约商户号"]) == (merchant.mchid, "0")
    assert first["微信订单号"] == books["payments"][0]["transaction_id"]
    assert (first["商户订单号"], first["用户标识"]) == (order["out_trade_no"], "oChengduCitizen")
    assert (first["交易类型"], first["交易状态"]) == ("JSAPI", "SUCCESS")
    assert (first["应结订单金额"], first["订单金额"]) == ("45.00", "45.00")
    assert (first["微信退款单号"], first["商户退款单号"], first["退款金额"]) == ("0", "0", "0.00")
    assert (first["商品名称"], first["商户数据包"]) == ("羽毛球\\n1 号场", "a，b")
    assert (first["手续费"], first["费率"]) == ("0.27000", "0.60%")
    assert (second["商户订单号"], second["交易类型"]) == (at_desk["out_trade_no"], "MICROPAY")
    assert second["手续费"] == "0.60000"  # of 99.99 yuan: 0.59994, rounded to the fen
    assert (third["商户订单号"], third["交易状态"]) == (order["out_trade_no"], "REFUND")
    assert third["微信退款单号"] == asked["refund_id"]
    assert third["商户退款单号"] == refund["out_refund_no"]
    assert (third["退款金额"], third["申请退款金额"], third["订单金额"]) == ("15.00", "15.00", "0.00")
    assert (third["退款类型"], third["退款状态"], third["手续费"]) == ("ORIGINAL", "SUCCESS", "-0.09000")
    assert summary == {
        "总交易单数": "3",
        "应结订单总金额": "144.99",
        "退款总金额": "15.00",
        "充值券退款总金额": "0.00",
        "手续费总金额": "0.78000",
        "订单总金额": "144.99",
        "申请退款总金额": "15.00",
    }


async def test_payments_alone_and_refunds_alone_have_their_own_columns(merchant: Merchant, noon: date) -> None:
    order = await merchant.paid()
    await merchant.ask_refund(merchant.refund(order, 4500))
    await to_next_day(merchant)
    heading, rows, summary = read(await statement(merchant, bill_date=f"{noon}", bill_type="SUCCESS"))
    assert (heading, [row["交易状态"] for row in rows]) == (SUCCESS, ["SUCCESS"])
    assert summary == {
        "总交易单数": "1",
        "应结订单总金额": "45.00",
        "手续费总金额": "0.27000",
        "订单总金额": "45.00",
    }
    heading, rows, summary = read(await statement(merchant, bill_date=f"{noon}", bill_type="REFUND"))
    assert (heading, [row["交易状态"] for row in rows]) == (REFUND, ["REFUND"])
    assert rows[0]["退款申请时间"].startswith(f"{noon} 12:00")
    assert (summary["退款总金额"], summary["订单总金额"]) == ("45.00", "0.00")


async def test_a_reversed_payment_is_told_twice_under_its_own_number(merchant: Merchant, noon: date) -> None:
    order = await merchant.paid_by_code()
    await merchant.reverse(order["out_trade_no"])
    await to_next_day(merchant)
    _, rows, summary = read(await statement(merchant, bill_date=f"{noon}"))
    assert [(row["商户订单号"], row["交易状态"]) for row in rows] == [
        (order["out_trade_no"], "SUCCESS"),
        (order["out_trade_no"], "REVOKED"),
    ]
    assert (summary["订单总金额"], summary["退款总金额"]) == ("45.00", "45.00")


async def test_a_refund_belongs_to_the_day_on_which_it_was_asked(merchant: Merchant, noon: date) -> None:
    order = await merchant.paid()
    await to_next_day(merchant, hour=12)
    await merchant.ask_refund(merchant.refund(order, 4500))
    await to_next_day(merchant)
    for day, state in ((noon, "SUCCESS"), (noon + timedelta(days=1), "REFUND")):
        _, rows, _ = read(await statement(merchant, bill_date=f"{day}"))
        assert [row["交易状态"] for row in rows] == [state]


async def test_the_day_ends_at_midnight_in_beijing(merchant: Merchant, noon: date) -> None:
    await merchant.move_clock(merchant.ahead_seconds + 12 * 3600 - 30)
    last = await merchant.paid()
    await merchant.move_clock(merchant.ahead_seconds + 60)
    first = await merchant.paid()
    await merchant.move_clock(merchant.ahead_seconds + 2 * DAY_SECONDS)
    for day, order in ((noon, last), (noon + timedelta(days=1), first)):
        _, rows, _ = read(await statement(merchant, bill_date=f"{day}"))
        assert [row["商户订单号"] for row in rows] == [order["out_trade_no"]]


async def test_zipped_it_is_the_same_file_and_the_hash_is_of_what_is_inside(
    merchant: Merchant, noon: date
) -> None:
    await merchant.paid()
    await to_next_day(merchant)
    plain = await statement(merchant, bill_date=f"{noon}")
    asked = (await merchant.ask_statement(bill_date=f"{noon}", tar_type="GZIP")).json()
    zipped = await merchant.download(asked["download_url"])
    assert "content-encoding" not in zipped.headers
    assert gzip.decompress(zipped.content) == plain
    assert asked["hash_type"] == "SHA1"
    assert asked["hash_value"] == hashlib.sha1(plain).hexdigest()


async def test_the_money_that_came_and_left_is_told_with_the_balance(
    merchant: Merchant, notice_door: NoticeDoor, noon: date
) -> None:
    await switch_on(merchant.http, refunds_end_as="CLOSED", refund_seconds=0)
    order = await merchant.paid()
    refund = merchant.refund(order, 1000)
    await merchant.ask_refund(refund)
    await notice_door.wait_for(2)
    await to_next_day(merchant)
    heading, rows, summary = read(await statement(merchant, "fundflowbill", bill_date=f"{noon}"))
    assert heading == (
        "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
        "资金变更提交申请人,备注,业务凭证号"
    )
    told = [(row["业务类型"], row["收支类型"], row["收支金额(元)"], row["账户结余(元)"]) for row in rows]
    assert told == [
        ("交易", "收入", "45.00", "45.00"),
        ("扣除交易手续费", "支出", "0.27", "44.73"),
        ("退款", "支出", "10.00", "34.73"),
        ("退还交易手续费", "收入", "0.06", "34.79"),
        ("退款关闭", "收入", "10.00", "44.79"),
        ("扣除交易手续费", "支出", "0.06", "44.73"),
    ]
    assert [row["业务凭证号"] for row in rows] == [order["out_trade_no"]] * 2 + [refund["out_refund_no"]] * 4
    assert len({row["资金流水单号"] for row in rows}) == 6
    assert summary == {
        "资金流水总笔数": "6",
        "收入笔数": "3",
        "收入金额": "55.06",
        "支出笔数": "3",
        "支出金额": "10.33",
    }
    for account in ("OPERATION", "FEES"):
        answer = await merchant.ask_statement("fundflowbill", bill_date=f"{noon}", account_type=account)
        assert refused(answer) == (400, "NO_STATEMENT_EXIST")


async def test_statements_and_books_agree(merchant: Merchant, notice_door: NoticeDoor, noon: date) -> None:
    await switch_on(merchant.http, refund_seconds=0, refund_interval_seconds=0)
    for number in range(1, 4):
        order = await merchant.paid(amount={"total": number * 1111, "currency": "CNY"})
        await merchant.ask_refund(merchant.refund(order, number * 100))
    await notice_door.wait_for(6)
    await to_next_day(merchant)
    sums = (await store_of(merchant.http))["sums"]
    _, _, summary = read(await statement(merchant, bill_date=f"{noon}"))
    assert summary["订单总金额"] == f"{sums['paid_fen'] / 100:.2f}"
    assert summary["退款总金额"] == f"{sums['refunded_fen'] / 100:.2f}"
