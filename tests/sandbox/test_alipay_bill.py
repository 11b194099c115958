"""The bill: when it can be had, what is in the zip, and what a wrong bill looks like."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta

from tests.sandbox.alipay_merchant import BEIJING, AlipayMerchant
from tests.sandbox.conftest import switch_on

Files = dict[str, str]


def today() -> datetime:
    """Midnight in Beijing."""
    return datetime.now(UTC).astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)


def day() -> str:
    return f"{today():%Y-%m-%d}"


async def wait_until(merchant: AlipayMerchant, hours_after_midnight: float) -> None:
    at = today() + timedelta(hours=hours_after_midnight)
    await merchant.move_clock((at - datetime.now(UTC)).total_seconds())


async def files_of(merchant: AlipayMerchant, bill_date: str) -> Files:
    asked = await merchant.bill(bill_date)
    assert asked["code"] == "10000", asked
    answer = await merchant.http.get(asked["bill_download_url"])
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {
            name.encode("cp437").decode("gbk"): archive.read(name).decode("gbk") for name in archive.namelist()
        }


def rows_of(files: Files, ending: str = "_业务明细.csv") -> list[dict[str, str]]:
    [text] = [content for name, content in files.items() if name.endswith(ending)]
    table = [line for line in text.splitlines() if not line.startswith("#")]
    return [{name: cell.strip() for name, cell in row.items()} for row in csv.DictReader(table)]


def numbers(files: Files) -> list[tuple[str, str]]:
    return [(row["退款批次号/请求号"] or row["商户订单号"], row["订单金额（元）"]) for row in rows_of(files)]


async def test_the_next_days_zip_holds_the_days_payments_and_refunds(alipay_merchant: AlipayMerchant) -> None:
    await wait_until(alipay_merchant, 12)
    order = await alipay_merchant.paid(body="羽毛球, 1 号场")
    await alipay_merchant.refund(order, "10.00", out_request_no="R1")
    trade = await alipay_merchant.query(order)
    await wait_until(alipay_merchant, 24 + 9.1)
    files = await files_of(alipay_merchant, day())
    account, compact = f"{alipay_merchant.seller_id}0156", day().replace("-", "")
    assert set(files) == {f"{account}_{compact}_业务明细.csv", f"{account}_{compact}_业务明细(汇总).csv"}

    paid, refunded = rows_of(files)
    assert (paid["支付宝交易号"], paid["商户订单号"]) == (trade["trade_no"], order["out_trade_no"])
    assert (paid["业务类型"], paid["商品名称"], paid["备注"]) == ("交易", order["subject"], "羽毛球, 1 号场")
    assert (paid["订单金额（元）"], paid["商家实收（元）"], paid["退款批次号/请求号"]) == ("45.00", "45.00", "")
    assert (paid["完成时间"], paid["对方账户"]) == (trade["send_pay_date"], trade["buyer_logon_id"])
    assert (refunded["业务类型"], refunded["退款批次号/请求号"]) == ("退款", "R1")
    assert (refunded["商户订单号"], refunded["订单金额（元）"]) == (order["out_trade_no"], "-10.00")
    [total] = rows_of(files, "_业务明细(汇总).csv")
    assert (total["交易订单总笔数"], total["退款订单总笔数"], total["实收净额（元）"]) == ("1", "1", "35.00")


async def test_lines_that_are_no_rows_start_with_a_hash(alipay_merchant: AlipayMerchant) -> None:
    await wait_until(alipay_merchant, 12)
    await alipay_merchant.paid()
    await wait_until(alipay_merchant, 24 + 10)
    details = next(iter((await files_of(alipay_merchant, day())).values())).splitlines()
    assert details[0] == "#支付宝业务明细查询"
    assert details[1] == f"#账号：[{alipay_merchant.seller_id}0156]"
    assert details[2].startswith(f"#起始日期：[{today():%Y年%m月%d日} 00:00:00]   终止日期：[")
    assert details[4].startswith("支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,")
    assert details[4].endswith(",退款批次号/请求号,服务费（元）,分润（元）,备注")
    assert details[5].split(",")[0].endswith("\t")
    assert details[-3] == "#交易合计：1笔，商家实收共45.00元，商家优惠共0.00元"
    assert details[-2] == "#退款合计：0笔，商家实收退款共0.00元，商家优惠退款共0.00元"
    assert details[-1].startswith("#导出时间：[")


async def test_a_bill_is_not_there_before_nine_nor_for_today_nor_for_a_day_without_trades(
    alipay_merchant: AlipayMerchant,
) -> None:
    await wait_until(alipay_merchant, 12)
    await alipay_merchant.paid()
    assert (await alipay_merchant.bill(day()))["sub_code"] == "isv.invalid_arguments"
    await wait_until(alipay_merchant, 24 + 8.9)
    early = await alipay_merchant.bill(day())
    assert (early["code"], early["sub_code"]) == ("40004", "isp.bill_not_exist")
    assert "账单尚未生成" in early["sub_msg"]
    await wait_until(alipay_merchant, 24 + 9.1)
    assert (await alipay_merchant.bill(day()))["code"] == "10000"
    empty = await alipay_merchant.bill(f"{today() - timedelta(days=1):%Y-%m-%d}")
    assert empty["sub_code"] == "NO_BILL_DATA"
    for wrong in ({"bill_type": "signcustomer"}, {"bill_date": "2026-02-30"}, {"bill_date": "2026-02"}):
        answer = await alipay_merchant.bill(**({"day": day()} | wrong))
        assert answer["sub_code"] == "ACQ.INVALID_PARAMETER"


async def test_the_link_lives_for_half_a_minute(alipay_merchant: AlipayMerchant) -> None:
    await switch_on(alipay_merchant.http, statements_anytime=True)
    await alipay_merchant.paid()
    url = (await alipay_merchant.bill(day()))["bill_download_url"]
    assert (await alipay_merchant.http.get(url)).status_code == 200
    await alipay_merchant.move_clock(31)
    assert (await alipay_merchant.http.get(url)).status_code == 404
    assert (await alipay_merchant.http.get("/downloadBillFile.resource?fileId=x")).status_code == 404


async def test_a_bill_can_hide_alter_and_add_rows(alipay_merchant: AlipayMerchant) -> None:
    hidden, altered, kept = [await alipay_merchant.paid() for _ in range(3)]
    await alipay_merchant.refund(altered, "10.00", out_request_no="R1")
    await alipay_merchant.refund(kept, "10.00", out_request_no="R2")
    await switch_on(
        alipay_merchant.http,
        statements_anytime=True,
        statement_hides=[hidden["out_trade_no"], "R2"],
        statement_amounts={altered["out_trade_no"]: 4501, "R1": 999},
        statement_adds=[{"out_trade_no": "GHOST", "total_fen": 100}],
    )
    assert numbers(await files_of(alipay_merchant, day())) == [
        (altered["out_trade_no"], "45.01"),
        (kept["out_trade_no"], "45.00"),
        ("R1", "-9.99"),
        ("GHOST", "1.00"),
    ]
    await switch_on(alipay_merchant.http, statements_anytime=True)
    assert len(numbers(await files_of(alipay_merchant, day()))) == 5
