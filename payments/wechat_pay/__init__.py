"""WeChat Pay, API v3 (pay.weixin.qq.com: 基本规则, JSAPI, H5, Native, 付款码支付, 退款, 账单)."""

from payments.wechat_pay.client import WeChatPay
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.signing import load_private_key, load_public_key

__all__ = ["Merchant", "WeChatPay", "load_private_key", "load_public_key"]
