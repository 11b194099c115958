"""WeChat's error codes and their wording (developers.weixin.qq.com, 返回码)."""

from __future__ import annotations

MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40037: "invalid template_id",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43004: "require subscribe",
    43101: "user refuse to accept the msg",
    43104: "appid and openid do not match",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit  must slower  retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    61010: "user access record timeout",
}


class WeChatError(Exception):
    """A refusal in WeChat's words."""

    def __init__(self, errcode: int, message: str = "") -> None:
        super().__init__(message or MESSAGES[errcode])
        self.errcode = errcode

    def answer(self, *, rid: str) -> dict[str, object]:
        return {"errcode": self.errcode, "errmsg": f"{self}, rid: {rid}"}
