"""Names and ID numbers before the simulated authority."""

from typing import Any

import pytest

from tests.verification.conftest import Cloud, Told
from verification.port import Verdict, VerificationError
from verification.tencent_cloud import TencentCloudIdCards

LI = ("李秀英", "510105199003071233")
UNREGISTERED = "11010519491231002X"


async def registered(cloud: Cloud) -> TencentCloudIdCards:
    answer = await cloud.http.put("/_sandbox/people", json={"name": LI[0], "id_number": LI[1]})
    assert answer.status_code == 200, answer.text
    return cloud.id_cards()


async def test_the_authority_says_whether_a_name_and_a_number_belong_together(cloud: Cloud) -> None:
    authority = await registered(cloud)
    assert await authority.check(name=LI[0], id_number=LI[1]) is Verdict.AGREES
    assert await authority.check(name="李秀莲", id_number=LI[1]) is Verdict.DIFFERS
    assert await authority.check(name=LI[0], id_number=UNREGISTERED) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("0", Verdict.AGREES),
        ("-1", Verdict.DIFFERS),
        ("-2", Verdict.UNKNOWN),
        ("-3", Verdict.DIFFERS),
        ("-5", Verdict.UNKNOWN),
    ],
)
async def test_each_result_is_a_verdict(told: Told, result: str, verdict: Verdict) -> None:
    told.answer = {"Result": result, "Description": "…"}
    assert await TencentCloudIdCards(told.client()).check(name=LI[0], id_number=LI[1]) is verdict


@pytest.mark.parametrize(
    ("fault", "code", "too_often"), [("down", "-4", False), ("upgrading", "-6", False), ("limited", "-7", True)]
)
async def test_without_an_answer_of_the_authority_there_is_no_verdict(
    cloud: Cloud, fault: str, code: str, too_often: bool
) -> None:
    authority = await registered(cloud)
    await cloud.switch_on(authority=fault)
    with pytest.raises(VerificationError) as refused:
        await authority.check(name=LI[0], id_number=LI[1])
    assert (refused.value.code, refused.value.retryable, refused.value.too_often) == (code, True, too_often)


@pytest.mark.parametrize("answer", [{}, {"Result": 0}, {"Result": None}, {"Result": "-99"}])
async def test_a_result_that_nobody_knows_is_no_verdict(told: Told, answer: Any) -> None:
    told.answer = answer
    with pytest.raises(VerificationError):
        await TencentCloudIdCards(told.client()).check(name=LI[0], id_number=LI[1])
