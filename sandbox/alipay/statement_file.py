"""The bill's files as Alipay writes them: `#` lines around a table, cells ending with a tab, all of it GBK."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sandbox.alipay.parameters import beijing, yuan
from sandbox.clock import BEIJING, as_instant
from sandbox.store import Row

COLUMNS = (
    *(
        "支付宝交易号",
        "商户订单号",
        "业务类型",
        "商品名称",
        "创建时间",
        "完成时间",
        "门店编号",
        "门店名称",
        "操作员",
    ),
    *(
        "终端号",
        "对方账户",
        "订单金额（元）",
        "商家实收（元）",
        "支付宝红包（元）",
        "集分宝（元）",
        "支付宝优惠（元）",
    ),
    *(
        "商家优惠（元）",
        "券核销金额（元）",
        "券名称",
        "商家红包消费金额（元）",
        "卡消费金额（元）",
        "退款批次号/请求号",
    ),
    *("服务费（元）", "分润（元）", "备注"),
)
TOTAL_COLUMNS = (
    *(
        "门店编号",
        "门店名称",
        "交易订单总笔数",
        "退款订单总笔数",
        "订单金额（元）",
        "商家实收（元）",
        "支付宝优惠（元）",
    ),
    *("商家优惠（元）", "卡消费金额（元）", "服务费（元）", "分润（元）", "实收净额（元）"),
)


class GbkName(zipfile.ZipInfo):
    """An entry whose name is GBK without the UTF-8 flag, as Alipay's zips have it; `zipfile` has no option for it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 (zipfile's name)
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def account(seller_id: str) -> str:
    """The account of a bill is the seller's number and 0156."""
    return f"{seller_id}0156"


def name(seller_id: str, day: date) -> str:
    return f"{account(seller_id)}_{day:%Y%m%d}"


def zipped(seller_id: str, day: date, rows: list[Row], *, exported_at: datetime) -> bytes:
    files = {
        f"{name(seller_id, day)}_业务明细.csv": _details(seller_id, day, rows, exported_at),
        f"{name(seller_id, day)}_业务明细(汇总).csv": _totals(seller_id, day, rows, exported_at),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file_name, content in files.items():
            entry = GbkName(file_name, exported_at.astimezone(BEIJING).timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.encode("gbk", errors="replace"))
    return written.getvalue()


def _details(seller_id: str, day: date, rows: list[Row], exported_at: datetime) -> str:
    return "".join(
        [
            "#支付宝业务明细查询\n",
            *_head(seller_id, day),
            "#-----------------------------------------业务明细列表----------------------------------------\n",
            _table([COLUMNS, *(_cells(row) for row in rows)]),
            "#-----------------------------------------业务明细列表结束------------------------------------\n",
            f"#交易合计：{_summed(rows, 1, '商家实收共', '商家优惠共')}\n",
            f"#退款合计：{_summed(rows, -1, '商家实收退款共', '商家优惠退款共')}\n",
            f"#导出时间：[{_in_words(exported_at)}]\n",
        ]
    )


def _totals(seller_id: str, day: date, rows: list[Row], exported_at: datetime) -> str:
    payments = sum(row["fen"] > 0 for row in rows)
    total = yuan(sum(row["fen"] for row in rows))
    numbers = (str(payments), str(len(rows) - payments), total, total, *("0.00",) * 5, total)
    return "".join(
        [
            "#支付宝业务汇总查询\n",
            *_head(seller_id, day),
            "#-----------------------------------------业务汇总列表----------------------------------------\n",
            _table([TOTAL_COLUMNS, ("合计\t", "\t", *numbers)]),
            "#-----------------------------------------业务汇总列表结束------------------------------------\n",
            f"#导出时间：[{_in_words(exported_at)}]\n",
        ]
    )


def _head(seller_id: str, day: date) -> list[str]:
    start, end = (f"{each:%Y年%m月%d日} 00:00:00" for each in (day, day + timedelta(days=1)))
    return [f"#账号：[{account(seller_id)}]\n", f"#起始日期：[{start}]   终止日期：[{end}]\n"]


def _cells(row: Row) -> tuple[str, ...]:
    amount = yuan(row["fen"])
    return (
        *(f"{row['trade_no']}\t", f"{row['out_trade_no']}\t", "交易\t" if row["fen"] > 0 else "退款\t"),
        *(f"{row['subject']}", beijing(as_instant(row["created_at"])), beijing(as_instant(row["at"]))),
        *("\t", "\t", "\t", "\t", f"{row['buyer_logon_id']}\t", amount, amount),
        *("0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00"),
        *(f"{row['out_request_no']}\t", "0.00", "0.00", row["body"] or ""),
    )


def _summed(rows: list[Row], sign: int, received: str, discounts: str) -> str:
    counted = [row["fen"] for row in rows if row["fen"] * sign > 0]
    return f"{len(counted)}笔，{received}{yuan(sum(counted))}元，{discounts}0.00元"


def _table(lines: Iterable[tuple[str, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue()


def _in_words(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%Y年%m月%d日 %H:%M:%S}"
