"""What PyPI `tencentcloud-sdk-python`, Tencent Cloud's own, makes of our wire. Runs in an environment of its own.

Reads `{"task": …, "account": {…}, …}` from standard input; prints one JSON line a fact, for the test to judge.
"""

import json
import sys
import warnings

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.faceid.v20180301 import faceid_client
from tencentcloud.faceid.v20180301 import models as faceid
from tencentcloud.sms.v20210111 import models as sms
from tencentcloud.sms.v20210111 import sms_client

CLIENTS = {"sms": sms_client.SmsClient, "faceid": faceid_client.FaceidClient}
REQUESTS = {"SendSms": sms.SendSmsRequest, "IdCardVerification": faceid.IdCardVerificationRequest}


def tell(fact, **told):
    print(json.dumps({"fact": fact, **told}, ensure_ascii=False))


def client(account, service, endpoint):
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=endpoint, reqTimeout=10))
    credential = Credential(account["secret_id"], account["secret_key"])
    return CLIENTS[service](credential, "ap-guangzhou", profile)


def journey(account, endpoint, asked):
    """Each question through the SDK's own client; its answer as the SDK's own model, or its own exception."""
    for action, service, content in asked:
        request = REQUESTS[action]()
        request.from_json_string(json.dumps(content))
        try:
            answer = getattr(client(account, service, endpoint), action)(request)
        except TencentCloudSDKException as refusal:
            tell("refused", code=refusal.code)
        else:
            tell("answered", answer=json.loads(answer.to_json_string(ensure_ascii=False)))


def sign(account, asked):
    """The SDK's own signed requests, not sent."""
    for action, service, content in asked:
        request = RequestInternal(f"{service}.tencentcloudapi.com", "POST", "/", header={})
        asking = client(account, service, f"{service}.tencentcloudapi.com")
        asking._build_req_with_tc3_signature(action, content, request)
        tell("signed", headers=dict(request.header), body=request.data)


def read_requests(requests):
    """Which fields of our bodies the SDK's models do not know."""
    for action, content in requests:
        with warnings.catch_warnings(record=True) as caught:
            warnings.resetwarnings()
            request = REQUESTS[action]()
            request._deserialize(content)
        known = {name: value for name, value in request._serialize().items() if value is not None}
        tell("read", known=known, complaints=[str(warning.message) for warning in caught])


def write_answers(code, serial, result):
    """Answers as the SDK's own models write them."""
    status = sms.SendStatus()
    status.Code, status.SerialNo, status.PhoneNumber, status.Message = code, serial, "+8613800000001", "…"
    sent = sms.SendSmsResponse()
    sent.SendStatusSet, sent.RequestId = [status], "r-1"
    checked = faceid.IdCardVerificationResponse()
    checked.Result, checked.Description, checked.RequestId = result, "…", "r-2"
    tell("written", sent=sent._serialize(), checked=checked._serialize())


TASKS = {"journey": journey, "sign": sign, "read_requests": read_requests, "write_answers": write_answers}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    TASKS[asked.pop("task")](**asked)
