"""Tencent Cloud as far as we use it: SMS (sms.tencentcloudapi.com) and names with ID numbers (faceid.tencentcloudapi.com)."""

from sandbox.tencent_cloud.app import create_app

__all__ = ["create_app"]
