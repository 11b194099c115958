"""Refusals in Tencent Cloud's own words: HTTP 200, `Response.Error` (cloud.tencent.com/document/api/213/30435)."""

from __future__ import annotations

MESSAGES = {
    "AuthFailure.InvalidAuthorization": "请求头部的 Authorization 不符合腾讯云标准。",
    "AuthFailure.SecretIdNotFound": "密钥不存在。请在控制台检查密钥是否已被删除或者禁用。",
    "AuthFailure.SignatureExpire": "签名过期。Timestamp 和服务器时间相差不得超过五分钟。",
    "AuthFailure.SignatureFailure": "签名错误。签名计算错误，请对照调用方式中的签名方法文档检查签名计算过程。",
    "InternalError": "内部错误。",
    "InvalidAction": "接口不存在。",
    "InvalidParameter": "参数错误。",
    "MissingParameter": "缺少参数。",
    "NoSuchVersion": "接口版本不存在。",
    "RequestLimitExceeded": "请求的次数超过了频率限制。",
    "UnknownParameter": "未知参数错误。",
}


class CloudError(Exception):
    """A request that was refused as a whole."""

    def __init__(self, code: str, about: str = "") -> None:
        super().__init__(code)
        self.content = {"Error": {"Code": code, "Message": MESSAGES[code] + about}}
