"""Tencent Cloud's wire: what it believes, what it sends, what its authority knows."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import tencent_cloud
from sandbox.keys import Secrets
from tests.sandbox.conftest import store_of, switch_on

ANA = {"name": "阿依古丽·买买提", "id_number": "11010519491231002X"}


class Account:
    """Somebody with a key pair of the cloud's; signs as the document says, by hand."""

    def __init__(self, http: httpx.AsyncClient, known: Secrets) -> None:
        self.http, self.known = http, known

    def headers(self, service: str, body: bytes, action: str, version: str) -> dict[str, str]:
        now = int(time.time())
        day = time.strftime("%Y-%m-%d", time.gmtime(now))
        host = self.http.base_url.netloc.decode()
        canonical = f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n"
        canonical += hashlib.sha256(body).hexdigest()
        scope = f"{day}/{service}/tc3_request"
        text = f"TC3-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"TC3{self.known.tencent_cloud_secret_key}".encode()
        for part in (day, service, "tc3_request", text):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signed = f"SignedHeaders=content-type;host, Signature={key.hex()}"
        return {
            "Content-Type": "application/json",
            "X-TC-Action": action,
            "X-TC-Version": version,
            "X-TC-Timestamp": str(now),
            "X-TC-Region": "ap-guangzhou",
            "Authorization": f"TC3-HMAC-SHA256 Credential={self.known.tencent_cloud_secret_id}/{scope}, {signed}",
        }

    async def ask(
        self, service: str, action: str, version: str, asked: object, **changed: str | None
    ) -> dict[str, Any]:
        body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
        headers = self.headers(service, body, action, version)
        for name, text in changed.items():
            headers[name.replace("_", "-")] = text or ""
        answer = await self.http.post("/", content=body, headers={k: v for k, v in headers.items() if v})
        assert answer.status_code == 200
        content: dict[str, Any] = answer.json()["Response"]
        assert content.pop("RequestId")
        return content

    async def sends(self, *phones: str, **changed: Any) -> list[str]:
        """The code of each number's status."""
        asked = {
            "PhoneNumberSet": list(phones),
            "SmsSdkAppId": self.known.sms_app_id,
            "SignName": self.known.sms_sign_name,
            "TemplateId": "1000001",
            "TemplateParamSet": ["042831", "5"],
        }
        content = await self.ask("sms", "SendSms", "2021-01-11", asked | changed)
        return [status["Code"] for status in content["SendStatusSet"]]

    async def checks(self, name: str, id_number: str) -> str:
        asked = {"IdCard": id_number, "Name": name}
        return str((await self.ask("faceid", "IdCardVerification", "2018-03-01", asked))["Result"])


@pytest.fixture
def account(cloud: httpx.AsyncClient, known: Secrets) -> Account:
    return Account(cloud, known)


async def refusal(account: Account, asked: object = None, **changed: Any) -> str:
    told = {"service": "faceid", "action": "IdCardVerification", "version": "2018-03-01"}
    told |= {name: changed.pop(name) for name in tuple(changed) if name in told}
    asked = {"IdCard": "1", "Name": "李"} if asked is None else asked
    return str((await account.ask(**told, asked=asked, **changed))["Error"]["Code"])


async def test_a_request_that_is_not_signed_right_is_refused(account: Account) -> None:
    assert await refusal(account, Authorization=None) == "AuthFailure.InvalidAuthorization"
    assert await refusal(account, Authorization="Bearer x") == "AuthFailure.InvalidAuthorization"
    assert await refusal(account, X_TC_Timestamp=None) == "MissingParameter"
    assert await refusal(account, X_TC_Timestamp=str(int(time.time()) + 60)) == "AuthFailure.SignatureFailure"
    assert await refusal(account, X_TC_Timestamp=str(int(time.time()) - 301)) == "AuthFailure.SignatureExpire"
    assert await refusal(account, Content_Type="text/plain") == "AuthFailure.SignatureFailure"
    only_host = account.headers("faceid", b"{}", "IdCardVerification", "2018-03-01")["Authorization"]
    only_host = only_host.replace("content-type;host", "host")
    assert await refusal(account, b"{}", Authorization=only_host) == "AuthFailure.InvalidAuthorization"


async def test_what_is_asked_must_exist(account: Account) -> None:
    assert await refusal(account, action="BankCardVerification") == "InvalidAction"
    assert await refusal(account, service="sms") == "InvalidAction"
    assert await refusal(account, version="2021-01-11") == "NoSuchVersion"
    assert await refusal(account, {"IdCard": "1", "Name": "李", "Age": 1}) == "UnknownParameter"
    assert await refusal(account, {"IdCard": "1"}) == "MissingParameter"
    assert await refusal(account, b"[]") == "InvalidParameter"
    sms = {"service": "sms", "action": "SendSms", "version": "2021-01-11"}
    assert await refusal(account, {}, **sms, X_TC_Region=None) == "MissingParameter"
    assert await refusal(account, {"PhoneNumberSet": "+8613800000001"}, **sms) == "InvalidParameter"
    assert await refusal(account, {"PhoneNumberSet": []}, **sms) == "MissingParameter"


async def test_a_phone_reads_its_messages_the_newest_first(account: Account) -> None:
    assert await account.sends("+8613800000001", "13800000002") == ["Ok", "Ok"]
    await account.http.put("/_sandbox/clock", json={"offset_seconds": 40})
    assert await account.sends("+8613800000001", TemplateId="1000002", TemplateParamSet=[]) == ["Ok"]
    for written in ("+8613800000001", "8613800000001", "13800000001"):
        found = (await account.http.get("/_sandbox/messages", params={"phone": written})).json()["messages"]
        assert [message["template"] for message in found] == ["1000002", "1000001"]
    assert len((await store_of(account.http))["messages"]) == 3


async def test_one_number_too_often_does_not_keep_the_others_from_theirs(account: Account) -> None:
    assert await account.sends("13800000001") == ["Ok"]
    assert await account.sends("13800000001", "13800000002") == [
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        "Ok",
    ]


async def test_a_notice_takes_no_variables(account: Account) -> None:
    [code] = await account.sends("13800000001", TemplateId="1000002", TemplateParamSet=["退款已到账"])
    assert code == "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"


async def test_the_authority_knows_whom_it_was_told_of(account: Account) -> None:
    assert await account.checks(**ANA) == "-5"
    assert (await account.http.put("/_sandbox/people", json=ANA)).json() == ANA
    assert await account.checks(**ANA) == "0"
    assert await account.checks("阿依古丽", ANA["id_number"]) == "-1"
    assert await account.checks(ANA["name"], "110105194912310021") == "-2"
    assert await account.checks(ANA["name"], "110105194913310021") == "-2"
    assert await account.checks("Anna", ANA["id_number"]) == "-3"
    checks = (await store_of(account.http))["checks"]
    assert [check["result"] for check in checks] == ["-5", "0", "-1", "-2", "-2", "-3"]


@pytest.mark.parametrize(
    "person",
    [
        {"name": "李", "id_number": "11010519491231002X"},
        {"name": "李秀英", "id_number": "110105194912310021"},
        {"name": "李秀英", "id_number": "11010519491331002X"},
        {"name": 5, "id_number": "11010519491231002X"},
        {},
    ],
)
async def test_nobody_impossible_is_registered(cloud: httpx.AsyncClient, person: Any) -> None:
    assert (await cloud.put("/_sandbox/people", json=person)).status_code == 400
    assert (await store_of(cloud))["people"] == []


async def test_faults_are_the_clouds_own_words(account: Account) -> None:
    await switch_on(account.http, rate_limited=True)
    assert await refusal(account) == "RequestLimitExceeded"
    await switch_on(account.http, authority="upgrading", sms_refused="LimitExceeded.AppDailyLimit")
    assert await account.checks(**ANA) == "-6"
    assert await account.sends("13800000001") == ["LimitExceeded.AppDailyLimit"]
    assert (await store_of(account.http))["messages"] == []
    refused = await account.http.put("/_sandbox/faults", json={"authority": "asleep"})
    assert refused.status_code == 400


async def test_messages_and_people_outlive_the_process(account: Account, folder: Path) -> None:
    await account.http.put("/_sandbox/people", json=ANA)
    await account.sends("13800000001")
    transport = httpx.ASGITransport(tencent_cloud.create_app(folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://again.test") as again:
        kept = await store_of(again)
    assert kept == await store_of(account.http)
    assert (kept["people"], len(kept["messages"])) == ([ANA], 1)
