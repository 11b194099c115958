"""What PyPI `alipay-sdk-python`, Alipay's own, makes of our wire. Runs in an environment of its own.

Reads `{"task": …, "merchant": {…}, …}` from standard input; prints one JSON line a fact, for the test to judge.
"""

import json
import sys
import uuid
from http.client import HTTPConnection
from importlib import import_module
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import rsa
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.request.AlipaySystemOauthTokenRequest import AlipaySystemOauthTokenRequest
from alipay.aop.api.util import WebUtils
from alipay.aop.api.util.SignatureUtils import get_sign_content, sign_with_rsa2, verify_with_rsa


def tell(fact, **told):
    print(json.dumps({"fact": fact, **told}, ensure_ascii=False))


def connect(url, query, timeout):
    """The SDK's own cannot call an address with a port: TypeError."""
    place = urlsplit(url)
    return f"{url}?{query}", HTTPConnection(place.hostname, place.port, timeout=timeout)


WebUtils.get_http_connection = connect


def request_of(method, biz, notify_url=None):
    """The SDK's own request for this method, e.g. AlipayTradeQueryRequest."""
    name = "".join(part.title() for part in method.split(".")) + "Request"
    request = getattr(import_module(f"alipay.aop.api.request.{name}"), name)()
    request.biz_content, request.notify_url = biz, notify_url
    return request


def client_of(merchant, base_url):
    config = AlipayClientConfig()
    config.server_url, config.app_id = f"{base_url}/gateway.do", merchant["app_id"]
    config.app_private_key, config.alipay_public_key = merchant["app_key"], merchant["alipay_public_key"]
    return DefaultAlipayClient(config)


def who(merchant, base_url, codes):
    """Whom each of these codes stands for."""
    client = client_of(merchant, base_url)
    for code in codes:
        request = AlipaySystemOauthTokenRequest()
        request.grant_type, request.code = "authorization_code", code
        tell("who", answer=json.loads(client.execute(request)))


def journey(merchant, base_url):
    """Payments in every way through the SDK's own client, which checks the signature of every answer."""
    client = client_of(merchant, base_url)

    def step(name, method, **biz):
        answer = json.loads(client.execute(request_of(method, biz, merchant["notify_url"])))
        tell(name, answer=answer)
        return answer

    def payer(act, **asked):
        with urlopen(Request(f"{base_url}/_sandbox/{act}", json.dumps(asked).encode())) as answer:
            return json.load(answer)

    def order():
        subject = "成都高新体育中心 羽毛球 2 号场"
        return {"out_trade_no": f"P{uuid.uuid4().hex[:20]}", "total_amount": "45.00", "subject": subject}

    def paid_by(name, number, **how):
        """The payer pays; the seller asks, and gives a third of it back."""
        payer("pay", **how)
        step(f"{name} queried", "alipay.trade.query", **number)
        step(f"{name} not closed", "alipay.trade.close", **number)
        part = number | {"out_request_no": f"R{uuid.uuid4().hex[:20]}"}
        step(f"{name} refunded", "alipay.trade.refund", **part, refund_amount="15.00")
        step(f"{name} refund queried", "alipay.trade.fastpay.refund.query", **part)

    for kind, product in (("wap", "QUICK_WAP_WAY"), ("page", "FAST_INSTANT_TRADE_PAY")):
        wanted = order()
        page = request_of(f"alipay.trade.{kind}.pay", wanted | {"product_code": product}, merchant["notify_url"])
        number = {"out_trade_no": wanted["out_trade_no"]}
        paid_by(kind, number, url=client.page_execute(page, "GET"))

    wanted = order()
    shown = step("code offered", "alipay.trade.precreate", **wanted)
    paid_by("code", {"out_trade_no": wanted["out_trade_no"]}, qr_code=shown["qr_code"])

    wanted = order()
    step("bar paid", "alipay.trade.pay", **wanted, scene="bar_code", **payer("payer-codes"))
    step("bar cancelled", "alipay.trade.cancel", out_trade_no=wanted["out_trade_no"])

    wanted = order()
    number = {"out_trade_no": wanted["out_trade_no"]}
    shown = step("unpaid offered", "alipay.trade.precreate", **wanted)
    step("unpaid unknown", "alipay.trade.query", **number)
    payer("refuse", qr_code=shown["qr_code"])
    step("unpaid closed", "alipay.trade.close", **number)
    step("unpaid queried", "alipay.trade.query", **number)

    bill = "alipay.data.dataservice.bill.downloadurl.query"
    step("bill", bill, bill_type="trade", bill_date=merchant["today"])


def sign_requests(merchant, requests):
    """Judge the signed parameters of our requests: what the SDK would sign, and what of the content it knows."""
    for parameters in requests:
        unsigned = {name: text for name, text in parameters.items() if name != "sign"}
        content = get_sign_content(unsigned)
        tell(
            "request",
            parameters=unsigned | {"sign": sign_with_rsa2(merchant["app_key"], content, "utf-8")},
            believed=is_signed(merchant["app_public_key"], content, parameters["sign"]),
            known=request_of(
                parameters["method"], json.loads(parameters["biz_content"])
            ).biz_content.to_alipay_dict(),
        )


def read_notices(merchant, notices):
    for form in notices:
        tell("notice", believed=is_signed(merchant["alipay_public_key"], notice_content(form), form["sign"]))


def write_notice(signer, form):
    """The form as Alipay would post it, signed with its key."""
    tell("notice", form=form | {"sign": sign_with_rsa2(signer, notice_content(form), "utf-8")})


def sign_answer(signer, raw):
    tell("answer", sign=sign_with_rsa2(signer, raw, "utf-8"))


def notice_content(form):
    return get_sign_content({name: text for name, text in form.items() if name not in ("sign", "sign_type")})


def is_signed(public_key, content, signature):
    try:
        return verify_with_rsa(public_key, content.encode(), signature)
    except rsa.VerificationError:
        return False


TASKS = {
    "journey": journey,
    "who": who,
    "sign_requests": sign_requests,
    "read_notices": read_notices,
    "write_notice": write_notice,
    "sign_answer": sign_answer,
}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    TASKS[asked.pop("task")](**asked)
