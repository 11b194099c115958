"""TC3-HMAC-SHA256 against the example that Tencent Cloud's document counts through."""

from datetime import UTC, datetime

from payments.alipay.wire import BEIJING
from verification.tencent_cloud.signing import authorization

# cloud.tencent.com/document/api/213/30654; both secrets stand there as asterisks, and were signed with as such.
HIDDEN = "*" * 32
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Host": "cvm.tencentcloudapi.com",
    "X-TC-Action": "DescribeInstances",
}
BODY = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
AT = datetime.fromtimestamp(1551113065, UTC)


def signed(at: datetime = AT, body: bytes = BODY, **headers: str) -> str:
    return authorization(
        secret_id=f"AKID{HIDDEN}", secret_key=HIDDEN, service="cvm", headers=HEADERS | headers, body=body, at=at
    )


def test_the_documents_example_comes_out_as_it_stands_there() -> None:
    assert signed() == (
        f"TC3-HMAC-SHA256 Credential=AKID{HIDDEN}/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host;x-tc-action, "
        "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )


def test_the_day_is_utcs_where_beijing_has_another() -> None:
    at_44_minutes_past_midnight = AT.astimezone(BEIJING)
    assert at_44_minutes_past_midnight.day == 26
    assert signed(at_44_minutes_past_midnight) == signed()


def test_whatever_is_signed_changes_the_signature() -> None:
    others = {
        signed(),
        signed(body=BODY + b" "),
        signed(**{"X-TC-Action": "TerminateInstances"}),
        signed(Host="sms.tencentcloudapi.com"),
        signed(datetime.fromtimestamp(1551113066, UTC)),
    }
    assert len(others) == 5
