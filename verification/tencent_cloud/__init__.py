"""Tencent Cloud as the one who sends our SMS and vouches for names: `TencentCloudSms`, `TencentCloudIdCards`."""

from verification.tencent_cloud.client import Credentials, TencentCloud
from verification.tencent_cloud.id_cards import TencentCloudIdCards
from verification.tencent_cloud.sms import TencentCloudSms

__all__ = ["Credentials", "TencentCloud", "TencentCloudIdCards", "TencentCloudSms"]
