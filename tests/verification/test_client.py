"""One call to Tencent Cloud: what it carries, and what its bad answers become."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.verification.conftest import Cloud, Told
from verification.port import VerificationError
from verification.tencent_cloud import Credentials, id_cards

ASKED = {"IdCard": "51010519900307123X", "Name": "李秀英"}
SERVICE = id_cards.SERVICE


async def asked(told: Told) -> VerificationError:
    with pytest.raises(VerificationError) as refused:
        await told.client().call(SERVICE, "IdCardVerification", ASKED)
    return refused.value


async def test_a_call_names_its_action_version_and_moment(told: Told) -> None:
    told.answer = {"Result": "0"}
    assert (await told.client().call(SERVICE, "IdCardVerification", ASKED))["Result"] == "0"
    (request,) = told.requests
    assert str(request.url) == "https://faceid.example/"
    headers = request.headers
    assert (headers["x-tc-action"], headers["x-tc-version"]) == ("IdCardVerification", "2018-03-01")
    assert headers["x-tc-timestamp"] == "1795140000"
    assert headers["host"] == "faceid.example"
    assert "x-tc-region" not in headers
    assert headers["authorization"].startswith("TC3-HMAC-SHA256 Credential=AKID/2026-11-20/faceid/tc3_request")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=["no object"]),
        httpx.Response(200, json={"Response": "no object"}),
        httpx.Response(502, json={"Response": {"Result": "0"}}),
        {"Error": "no object"},
        {"Error": {"Message": "no code"}},
    ],
    ids=str,
)
async def test_what_is_no_answer_may_be_asked_again(told: Told, answer: Any) -> None:
    told.answer = answer
    error = await asked(told)
    assert (error.code, error.retryable, error.too_often) == ("NoAnswer", True, False)
    assert error.may_have_happened is (not isinstance(answer, httpx.ConnectError))


async def test_a_call_ends_in_time_whatever_trickles_in(told: Told) -> None:
    async def never() -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    told.answer = never
    async with asyncio.timeout(5):
        assert (await asked(told)).code == "NoAnswer"


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("InternalError", True),
        ("InternalError.Timeout", True),
        ("RequestLimitExceeded", True),
        ("AuthFailure.SignatureFailure", False),
        ("UnauthorizedOperation.Arrears", False),
        ("InvalidParameter", False),
    ],
)
async def test_a_refusal_is_known_by_its_code(told: Told, code: str, retryable: bool) -> None:
    told.answer = {"Error": {"Code": code, "Message": f"李秀英 51010519900307123X {code}"}}
    error = await asked(told)
    assert (error.code, error.retryable, error.may_have_happened) == (code, retryable, False)


async def test_neither_errors_nor_logs_repeat_what_was_asked(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for answer in (
        {"Error": {"Code": "InvalidParameter", "Message": "李秀英 51010519900307123X"}},
        httpx.ReadTimeout("李秀英"),
    ):
        told.answer = answer
        error = await asked(told)
        said = f"{error!r} {error.__cause__!r} {caplog.text}"
        assert "李秀英" not in said
        assert "51010519900307123X" not in said
        assert error.__context__ is None or error.__suppress_context__


async def test_the_sandbox_believes_our_signature_and_no_other(cloud: Cloud) -> None:
    async def code_of(**changed: Any) -> str:
        try:
            await cloud.client(**changed).call(SERVICE, "IdCardVerification", ASKED)
        except VerificationError as error:
            return error.code
        return "Ok"

    known = cloud.env["TENCENT_CLOUD_SECRET_ID"]
    assert await code_of() == "Ok"
    wrong = Credentials(secret_id=known, secret_key="another")
    assert await code_of(credentials=wrong) == "AuthFailure.SignatureFailure"
    stranger = Credentials(secret_id="AKIDstranger", secret_key="another")
    assert await code_of(credentials=stranger) == "AuthFailure.SecretIdNotFound"
    for minutes in (-6, 6):
        skewed = datetime.now(UTC) + timedelta(minutes=minutes)
        assert await code_of(clock=lambda skewed=skewed: skewed) == "AuthFailure.SignatureExpire"


async def test_faults_on_the_wire_are_no_answer(cloud: Cloud) -> None:
    for fault in ("http_500", "http_500_after"):
        await cloud.switch_on(**{fault: True})
        with pytest.raises(VerificationError, match="NoAnswer"):
            await cloud.client().call(SERVICE, "IdCardVerification", ASKED)
    await cloud.switch_on(busy=True)
    with pytest.raises(VerificationError, match="InternalError") as refused:
        await cloud.client().call(SERVICE, "IdCardVerification", ASKED)
    assert refused.value.retryable
