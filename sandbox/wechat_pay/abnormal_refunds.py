"""发起异常退款: a refund that couldn't arrive is led to a bank card (pay.weixin.qq.com, create-abnormal-refund)."""

from __future__ import annotations

import re

from sandbox.store import Row
from sandbox.wechat_pay import parameters, refunds
from sandbox.wechat_pay.door import Asked
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal, bad_parameter

MERCHANTS_CARD = "商户结算银行账户"
# The debit cards of these banks, no others.
BANKS = {
    "CMB_DEBIT": "招商银行",
    "COMM_DEBIT": "交通银行",
    "ABC_DEBIT": "农业银行",
    "CCB_DEBIT": "建设银行",
    "ICBC_DEBIT": "工商银行",
    "BOC_DEBIT": "中国银行",
    "PAB_DEBIT": "平安银行",
    "SPDB_DEBIT": "浦发银行",
    "CITIC_DEBIT": "中信银行",
    "CEB_DEBIT": "光大银行",
    "CMBC_DEBIT": "民生银行",
    "CIB_DEBIT": "兴业银行",
    "GDB_DEBIT": "广发银行",
    "PSBC_DEBIT": "邮储银行",
    "NBCB_DEBIT": "宁波银行",
}


def apply(gateway: Gateway, asked: Asked) -> Row:
    """PROCESSING once more, and then SUCCESS. Repeated for the same account it is the same."""
    out_refund_no = parameters.text(asked.body, "out_refund_no", most=64)
    kind = parameters.choice(asked.body, "type", ("USER_BANK_CARD", "MERCHANT_BANK_CARD"))
    account = _users_card(gateway, asked) if kind == "USER_BANK_CARD" else MERCHANTS_CARD
    refund = refunds.find(gateway, out_refund_no)
    if refund is None or refund["refund_id"] != asked.path["refund_id"]:
        raise Refusal("RESOURCE_NOT_EXISTS", "退款单不存在")
    led_there_already = refund["ends_as"] is not None and refund["account"] == account
    if refund["state"] != "ABNORMAL" and not led_there_already:
        raise Refusal("INVALID_REQUEST", "退款单不是退款异常状态")
    if refund["state"] == "ABNORMAL":
        gateway.store.run(
            """UPDATE refunds SET state = 'PROCESSING', settled_at = NULL, settles_at = ?, account = ?,
                 ends_as = 'SUCCESS' WHERE out_refund_no = ?""",
            *(refunds.settles_at(gateway), account, out_refund_no),
        )
        gateway.wake.set()
    return refunds.query(gateway, out_refund_no)


def _users_card(gateway: Gateway, asked: Asked) -> str:
    """The account in words, as 退款入账账户 shows it. Of the card's number only the last four digits are kept."""
    bank = BANKS[parameters.choice(asked.body, "bank_type", BANKS)]
    number = _opened(gateway, asked, "bank_account")
    _opened(gateway, asked, "real_name")
    if not re.fullmatch(r"[0-9]{8,32}", number):
        raise bad_parameter("bank_account", "不是银行卡号")
    return f"{bank}借记卡{number[-4:]}"


def _opened(gateway: Gateway, asked: Asked, field: str) -> str:
    sealed = parameters.text(asked.body, field, most=1024)
    try:
        retired = gateway.faults.is_on("retire_certificates")
        return gateway.platform.opened(sealed, asked.wanted_serial, retired=retired).decode()
    except ValueError as error:
        raise bad_parameter(field, "解密失败，请确认用 Wechatpay-Serial 所示的公钥加密") from error
