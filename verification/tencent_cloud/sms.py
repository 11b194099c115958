"""SMS by Tencent Cloud: the action SendSms, version 2021-01-11, of sms.tencentcloudapi.com.

Source: Tencent Cloud SMS, 发送短信 (cloud.tencent.com/document/product/382/55981) and its error codes.
"""

from collections.abc import Mapping, Sequence

from verification.port import NO_ANSWER, SmsTemplate, VerificationError
from verification.tencent_cloud.client import RETRYABLE, Service, TencentCloud

SERVICE = Service(name="sms", version="2021-01-11", regional=True)
VARIABLES = {
    SmsTemplate.CODE: 2,
    # "国内短信通知和营销短信模板不支持添加变量" (UnsupportedTemplateVariable): a notice is one fixed sentence
    SmsTemplate.NOTICE: 0,
}
TOO_OFTEN = (
    "LimitExceeded.PhoneNumber",  # 30 seconds, one hour, one day, the same content
    "LimitExceeded.DeliveryFrequencyLimit",
)
LIFTS_IN = {"LimitExceeded.PhoneNumberThirtySecondLimit": 30}
"""Seconds. They count every message to a number, so a notice of ours may have come just before a code."""


class TencentCloudSms:
    """A `verification.port.SmsSender`, for numbers of the mainland."""

    def __init__(
        self, cloud: TencentCloud, *, app_id: str, sign_name: str, templates: Mapping[SmsTemplate, str]
    ) -> None:
        """`templates`: the ids of those that were approved; another is refused as TemplateMissing without asking."""
        self._cloud, self._app_id, self._sign_name = cloud, app_id, sign_name
        self._templates = {template: given for template, given in templates.items() if given}

    async def send(self, *, phone: str, template: SmsTemplate, values: Sequence[str]) -> str:
        if template not in self._templates:
            raise VerificationError("TemplateMissing", f"no template was set for {template}", retryable=False)
        asked = {
            "PhoneNumberSet": [phone],
            "SmsSdkAppId": self._app_id,
            "SignName": self._sign_name,
            "TemplateId": self._templates[template],
            "TemplateParamSet": list(values[: VARIABLES[template]]),
        }
        answer = await self._cloud.call(SERVICE, "SendSms", asked)
        try:
            (status,) = answer["SendStatusSet"]
            code, serial = str(status["Code"]), str(status["SerialNo"])
        except (KeyError, TypeError, ValueError):
            raise VerificationError(NO_ANSWER, "the answer holds no status", retryable=True) from None
        if code != "Ok":
            raise VerificationError(
                code[:100],
                "the message was not sent",
                retryable=code.startswith(RETRYABLE),
                too_often=code.startswith(TOO_OFTEN),
                lifts_in=LIFTS_IN.get(code),
            )
        return serial
