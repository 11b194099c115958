"""WeChat Pay, API v3 (WeChat Pay merchant documentation, 基本规则 and JSAPI 支付)."""

from payments.wechat_pay.client import WeChatPay
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.signing import load_private_key, load_public_key

__all__ = ["Merchant", "WeChatPay", "load_private_key", "load_public_key"]
