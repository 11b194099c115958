"""Independent peers write notices; our doors believe them and settle, once, and nothing that was changed since."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.orders.tables import Order, Payment
from payments.alipay import load_private_key
from payments.alipay.wire import beijing
from tests.bff.conftest import Valkey
from tests.conformance import test_alipay_peer, test_wechat_pay_peer
from tests.conformance.peers import WECHAT_PAY_PEERS, Peer, each_peer
from tests.databases import Database
from tests.doors.test_payment_notices import in_days, into_the_present, state
from tests.doors.wechat_pay_letters import about, wechat_pays_signer
from tests.factories.booking import a_hall, a_person, an_order, invoke_alipay, wanted
from tests.house import House, line, nothing_changes, opened
from tests.outside import ALIPAY_LETTER_BOX, LETTER_BOX, Outside
from tests.resolvers import documents

pytestmark = pytest.mark.conformance


async def post(house: House, made: dict[str, Any]) -> httpx.Response:
    return await house.http.post(LETTER_BOX, content=made["body"].encode(), headers=made["headers"])


@each_peer(*WECHAT_PAY_PEERS)
async def test_a_notice_that_the_peer_wrote_settles_once(house: House, peer: Peer) -> None:
    hall = await a_hall()
    citizen = await house.citizen()
    await into_the_present(house, citizen)  # the peer signs with the machine's time
    order = await citizen.places(line(hall.badminton, in_days(house, 1)))
    await citizen.ask(documents.PAY_ORDER, orderNo=order["orderNo"])
    (booked,) = (await house.outside.books())["orders"]
    signer = wechat_pays_signer(house.outside)

    def written(**changed: Any) -> dict[str, Any]:
        return peer.asked_one(
            "write_notice",
            merchant={"apiv3_key": house.outside.env["WECHAT_PAY_APIV3_KEY"]},
            signer={"serial": signer.serial, "private_key": test_wechat_pay_peer.pem_of(signer.private_key)},
            contents=about(house.outside, booked, **changed),
            kind="TRANSACTION.SUCCESS",
        )

    wrong, genuine = written(amount={"total": 4001, "currency": "CNY"}), written()
    forged = genuine | {"body": genuine["body"].replace("TRANSACTION.SUCCESS", "TRANSACTION.SUCCESs")}
    async with nothing_changes():
        assert (await post(house, wrong)).json()["code"] == "FAIL"
        assert (await post(house, forged)).status_code == 401
    assert (await post(house, genuine)).status_code == 204
    assert await state(citizen) == ("PAID", 4000)
    async with nothing_changes():
        assert (await post(house, genuine)).status_code == 204


@pytest.fixture
async def house_in(
    mode: str, db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path
) -> AsyncIterator[House]:
    """The house as Alipay's merchant in this mode."""
    files = {
        "ALIPAY_APP_CERTIFICATE_FILE": f"{outside.folder}/alipay_app_certificate.pem",
        "ALIPAY_CERTIFICATE_FILE": f"{outside.folder}/alipay_certificate.pem",
        "ALIPAY_ROOT_CERTIFICATE_FILE": f"{outside.folder}/alipay_root_certificate.pem",
    }
    by_certificate = files if mode == "certificate" else {}
    async with opened(db, outside, shared_valkey, tmp_path, **by_certificate) as house:
        yield house


@pytest.mark.parametrize(
    ("mode", "alipays_key"),
    [("public_key", "alipay_private_key.pem"), ("certificate", "alipay_certificate_key.pem")],
    ids=["public_key", "certificate"],
)
async def test_a_notice_that_alipays_own_sdk_signed_settles_once(house_in: House, alipays_key: str) -> None:
    house, hall = house_in, await a_hall()
    await house.travel(datetime.now(UTC))  # from which on the sandbox's certificates are good
    now, person = house.now(), await a_person()
    order = await an_order(person, wanted(hall.badminton, in_days(house, 1)), now=now)
    await invoke_alipay(house.outside, order, person, channels=house.wired.channels, now=now)
    key = load_private_key((house.outside.folder / alipays_key).read_bytes())
    told = {
        "app_id": house.outside.env["ALIPAY_APP_ID"],
        "seller_id": house.outside.env["ALIPAY_SELLER_ID"],
        "out_trade_no": (await Payment.get(order_id=order.id)).payment_no,
        "gmt_payment": beijing(now),
        "notify_time": beijing(now),
    }

    async def handed_in(body: bytes) -> tuple[int, str]:
        form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        answer = await house.http.post(ALIPAY_LETTER_BOX, content=body, headers=form)
        return answer.status_code, answer.text

    wrong = test_alipay_peer.written_by_the_peer(key, **told, total_amount="40.01")
    genuine = test_alipay_peer.written_by_the_peer(key, **told, total_amount="40.00")
    forged = wrong.replace(b"40.01", b"40.00")
    async with nothing_changes():
        assert await handed_in(wrong) == (400, "failure")
        assert await handed_in(forged) == (401, "failure")
    assert await handed_in(genuine) == (200, "success")
    assert (await Order.get(id=order.id)).status == "PAID"
    async with nothing_changes():
        assert await handed_in(genuine) == (200, "success")
