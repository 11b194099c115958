"""SMS over the simulated Tencent Cloud, with its own signatures, templates and limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.verification.conftest import Cloud, Told
from verification.port import SmsTemplate, VerificationError
from verification.tencent_cloud import TencentCloudSms

PHONE = "+8613800000001"
CODE = {"phone": PHONE, "template": SmsTemplate.CODE, "values": ("042831", "5")}


async def refused(sms: TencentCloudSms, **asked: Any) -> VerificationError:
    with pytest.raises(VerificationError) as error:
        await sms.send(**CODE | asked)
    assert PHONE not in str(error.value)
    return error.value


async def test_a_code_arrives_at_the_phone(cloud: Cloud) -> None:
    serial = await cloud.sms().send(**CODE)  # type: ignore[arg-type]
    (message,) = await cloud.messages("13800000001")
    assert message["serial"] == serial
    assert message["values"] == ["042831", "5"]
    assert message["text"] == "【全民健身】验证码为042831，5分钟内有效。请勿告诉他人。"
    assert await cloud.messages("13800000002") == []


async def test_a_notice_is_one_fixed_sentence_whatever_it_is_about(cloud: Cloud) -> None:
    await cloud.sms().send(phone=PHONE, template=SmsTemplate.NOTICE, values=("退款已到账", "小程序“消息”"))
    (message,) = await cloud.messages(PHONE)
    assert message["text"] == "【全民健身】您有一条新消息，请打开小程序查看。"


async def test_one_phone_gets_one_message_in_30_seconds_5_an_hour_and_10_a_day(cloud: Cloud) -> None:
    noon = datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0)
    at = noon

    async def sent_after(gap: timedelta) -> str:
        nonlocal at
        at += gap
        await cloud.move_clock((at - datetime.now(UTC)).total_seconds())
        try:
            await cloud.sms(cloud.client(clock=lambda: at)).send(**CODE)  # type: ignore[arg-type]
        except VerificationError as error:
            return error.code if error.too_often and not error.retryable else "?"
        return "Ok"

    assert await sent_after(timedelta()) == "Ok"
    assert await sent_after(timedelta(seconds=29)) == "LimitExceeded.PhoneNumberThirtySecondLimit"
    assert [await sent_after(timedelta(seconds=31)) for _ in range(4)] == ["Ok"] * 4
    assert await sent_after(timedelta(seconds=31)) == "LimitExceeded.PhoneNumberOneHourLimit"
    assert [await sent_after(timedelta(minutes=61)) for _ in range(5)] == ["Ok"] * 5
    assert await sent_after(timedelta(minutes=61)) == "LimitExceeded.PhoneNumberDailyLimit"
    assert await sent_after(timedelta(hours=12)) == "Ok"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"phone": "+85291234567"}, "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone"),
        ({"phone": "+86123"}, "InvalidParameterValue.IncorrectPhoneNumber"),
        ({"values": ("12ab", "5")}, "InvalidParameterValue.TemplateParameterFormatError"),
        ({"values": ("1234567", "5")}, "InvalidParameterValue.TemplateParameterFormatError"),
        ({"values": ("123456",)}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
    ],
)
async def test_what_cannot_be_sent_is_our_fault(cloud: Cloud, asked: Any, code: str) -> None:
    error = await refused(cloud.sms(), **asked)
    assert (error.code, error.retryable, error.too_often) == (code, False, False)


async def test_what_was_not_approved_is_refused(cloud: Cloud) -> None:
    elsewhere = await refused(cloud.sms(app_id="1400000000"))
    assert elsewhere.code == "UnauthorizedOperation.SmsSdkAppIdVerifyFail"
    renamed = await refused(cloud.sms(sign_name="别家"))
    assert renamed.code == "FailedOperation.SignatureIncorrectOrUnapproved"
    unknown = await refused(cloud.sms(templates={SmsTemplate.CODE: "9"}))
    assert unknown.code == "FailedOperation.TemplateIncorrectOrUnapproved"


async def test_a_text_that_was_never_set_up_asks_nobody(told: Told) -> None:
    sms = TencentCloudSms(told.client(), app_id="1", sign_name="全民健身", templates={SmsTemplate.CODE: ""})
    assert (await refused(sms)).code == "TemplateMissing"
    assert told.requests == []


@pytest.mark.parametrize(
    ("code", "retryable", "too_often"),
    [
        ("LimitExceeded.DeliveryFrequencyLimit", False, True),
        ("LimitExceeded.AppDailyLimit", False, False),  # ours, not this phone's
        ("FailedOperation.PhoneNumberInBlacklist", False, False),
        ("InternalError.Timeout", True, False),
    ],
)
async def test_a_status_that_is_not_ok_is_no_success(
    cloud: Cloud, code: str, retryable: bool, too_often: bool
) -> None:
    await cloud.switch_on(sms_refused=code)
    error = await refused(cloud.sms())
    assert (error.code, error.retryable, error.too_often) == (code, retryable, too_often)
    assert await cloud.messages(PHONE) == []


async def test_after_a_lost_answer_nobody_knows_whether_it_was_sent(cloud: Cloud) -> None:
    await cloud.switch_on(http_500_after=True)
    assert (await refused(cloud.sms())).retryable
    assert len(await cloud.messages(PHONE)) == 1


@pytest.mark.parametrize("statuses", [[], [{}], [{"Code": "Ok"}], "Ok", [{"Code": "Ok", "SerialNo": "1"}] * 2])
async def test_an_answer_without_its_one_status_is_none(told: Told, statuses: Any) -> None:
    told.answer = httpx.Response(200, json={"Response": {"SendStatusSet": statuses}})
    sms = TencentCloudSms(told.client(), app_id="1", sign_name="全民健身", templates={SmsTemplate.CODE: "1"})
    assert (await refused(sms)).code == "NoAnswer"


async def test_a_code_soon_after_a_notice_is_refused_with_when_it_may_be_asked_again(cloud: Cloud) -> None:
    await cloud.sms().send(phone=PHONE, template=SmsTemplate.NOTICE, values=())
    error = await refused(cloud.sms())
    assert (error.code, error.too_often) == ("LimitExceeded.PhoneNumberThirtySecondLimit", True)
    assert error.lifts_in == 30
