"""An independent peer, PyPI `wechatpayv3`, writes a notice; our door believes it and settles (issue 2, Proof)."""

from typing import Any

import httpx
import pytest

from tests.conformance.test_wechat_pay_peer import ask_the_peer, pem_of
from tests.doors.test_payment_notices import in_days, into_the_present, state
from tests.doors.wechat_pay_letters import about, wechat_pays_signer
from tests.factories.booking import a_hall
from tests.house import House, line, nothing_changes
from tests.outside import LETTER_BOX
from tests.resolvers import documents

pytestmark = pytest.mark.conformance


async def post(house: House, made: dict[str, Any]) -> httpx.Response:
    return await house.http.post(LETTER_BOX, content=made["body"].encode(), headers=made["headers"])


async def test_a_notice_that_the_peer_wrote_settles_once(house: House) -> None:
    hall = await a_hall()
    citizen = await house.citizen()
    await into_the_present(house, citizen)  # the peer signs with the machine's time
    order = await citizen.places(line(hall.badminton, in_days(house, 1)))
    await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])
    (booked,) = (await house.outside.books())["orders"]
    signer = wechat_pays_signer(house.outside)

    def written(**changed: Any) -> dict[str, Any]:
        (made,) = ask_the_peer(
            "write_notice",
            merchant={"apiv3_key": house.outside.env["WECHAT_PAY_APIV3_KEY"]},
            signer={"serial": signer.serial, "private_key": pem_of(signer.private_key)},
            contents=about(house.outside, booked, **changed),
            kind="TRANSACTION.SUCCESS",
        )
        return made

    forged, genuine = written(amount={"total": 4001, "currency": "CNY"}), written()
    async with nothing_changes():
        assert (await post(house, forged)).json()["code"] == "FAIL"
    assert (await post(house, genuine)).status_code == 204
    assert await state(citizen) == ("PAID", 4000)
    async with nothing_changes():
        assert (await post(house, genuine)).status_code == 204
