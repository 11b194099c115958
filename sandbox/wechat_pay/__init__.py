"""WeChat Pay v3 (api.mch.weixin.qq.com) for one directly connected merchant."""

from sandbox.wechat_pay.app import create_app

__all__ = ["create_app"]
