"""Tencent Cloud's own SDK judges our wire to it: our sandbox and our adapters, with PyPI `tencentcloud-sdk-python-sms`
and `tencentcloud-sdk-python-faceid`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.conformance.peers import TENCENT_CLOUD
from tests.conformance.sandbox_houses import House, running
from verification.port import SmsTemplate, Verdict
from verification.tencent_cloud import Credentials, TencentCloud, TencentCloudIdCards, TencentCloudSms
from verification.tencent_cloud.signing import authorization

pytestmark = pytest.mark.conformance

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
ACCOUNT = {"secret_id": "AKIDpeer", "secret_key": "the-key-of-the-peer"}
LI = {"name": "李秀英", "id_number": "11010519491231002X"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("tencent-cloud", tmp_path_factory.mktemp("tencent-cloud")) as house:
        yield house


def account(house: House) -> dict[str, str]:
    return {
        "secret_id": house.env["TENCENT_CLOUD_SECRET_ID"],
        "secret_key": house.env["TENCENT_CLOUD_SECRET_KEY"],
    }


def code_for(house: House, phone: str) -> list[Any]:
    content = {
        "PhoneNumberSet": [phone],
        "SmsSdkAppId": house.env["SMS_APP_ID"],
        "SignName": house.env["SMS_SIGN_NAME"],
        "TemplateId": house.env["SMS_TEMPLATE_CODE"],
        "TemplateParamSet": ["042831", "5"],
    }
    return ["SendSms", "sms", content]


def question(name: str, id_number: str) -> list[Any]:
    return ["IdCardVerification", "faceid", {"IdCard": id_number, "Name": name}]


def test_the_sdk_is_believed_at_our_sandbox_and_understands_it(house: House) -> None:
    house.control("PUT", "/_sandbox/people", LI)
    asked = [
        code_for(house, "+8613800000001"),
        code_for(house, "+8613800000001"),
        question(**LI),
        question("李秀莲", LI["id_number"]),
        question("李秀莲", "510105199003071233"),
    ]
    endpoint = house.base_url.removeprefix("http://")
    facts = TENCENT_CLOUD.asked("journey", account=account(house), endpoint=endpoint, asked=asked)
    sent, again, *checked = [fact["answer"] for fact in facts]
    assert [status["Code"] for status in sent["SendStatusSet"]] == ["Ok"]
    assert [status["Code"] for status in again["SendStatusSet"]] == ["LimitExceeded.PhoneNumberThirtySecondLimit"]
    assert [answer["Result"] for answer in checked] == ["0", "-1", "-5"]
    assert all(fact["answer"]["RequestId"] for fact in facts)


def test_the_sdk_hears_our_sandboxs_refusals_as_its_own(house: House) -> None:
    endpoint = house.base_url.removeprefix("http://")
    known = account(house)
    strangers = [
        (known | {"secret_key": "another"}, "AuthFailure.SignatureFailure"),
        (known | {"secret_id": "AKIDanother"}, "AuthFailure.SecretIdNotFound"),
    ]
    for stranger, code in strangers:
        fact = TENCENT_CLOUD.asked_one("journey", account=stranger, endpoint=endpoint, asked=[question(**LI)])
        assert (fact["fact"], fact["code"]) == ("refused", code)


def test_we_sign_what_the_sdk_signs_to_the_letter(house: House) -> None:
    asked = [code_for(house, "+8613800000001"), question(**LI)]
    for (_, service, _), fact in zip(
        asked, TENCENT_CLOUD.asked("sign", account=ACCOUNT, asked=asked), strict=True
    ):
        headers = fact["headers"]
        ours = authorization(
            **ACCOUNT,
            service=service,
            headers={name: headers[name] for name in ("Content-Type", "Host")},
            body=fact["body"].encode(),
            at=datetime.fromtimestamp(int(headers["X-TC-Timestamp"]), UTC),
        )
        assert ours == headers["Authorization"]


class Line:
    """Stands where the network would be: keeps what we ask, and answers with what the SDK wrote."""

    def __init__(self, **written: Any) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.written = {"SendSms": written.get("sent"), "IdCardVerification": written.get("checked")}
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        cloud = TencentCloud(
            http,
            base_urls={"sms": "https://sms.tencentcloudapi.com", "faceid": "https://faceid.tencentcloudapi.com"},
            region="ap-guangzhou",
            credentials=Credentials(**ACCOUNT),
            clock=lambda: NOW,
        )
        templates = {SmsTemplate.CODE: "1", SmsTemplate.NOTICE: "2"}
        self.sms = TencentCloudSms(cloud, app_id="1400000001", sign_name="全民健身", templates=templates)
        self.id_cards = TencentCloudIdCards(cloud)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        action = request.headers["x-tc-action"]
        self.asked.append((action, json.loads(request.content)))
        return httpx.Response(200, json={"Response": self.written[action]})


async def test_our_adapters_and_the_sdks_models_understand_each_other() -> None:
    written = TENCENT_CLOUD.asked_one("write_answers", code="Ok", serial="2106:42", result="-1")
    line = Line(**written)
    code = await line.sms.send(phone="+8613800000001", template=SmsTemplate.CODE, values=("042831", "5"))
    await line.sms.send(phone="+8613800000001", template=SmsTemplate.NOTICE, values=("…", "…"))
    assert code == "2106:42"
    assert await line.id_cards.check(name=LI["name"], id_number=LI["id_number"]) is Verdict.DIFFERS
    for (_, content), fact in zip(
        line.asked, TENCENT_CLOUD.asked("read_requests", requests=line.asked), strict=True
    ):
        assert fact["complaints"] == []
        assert fact["known"] == content
