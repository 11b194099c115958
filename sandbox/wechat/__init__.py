"""WeChat's own servers, as far as a mini-program's sign-in needs them (api.weixin.qq.com)."""

from sandbox.wechat.app import create_app

__all__ = ["create_app"]
