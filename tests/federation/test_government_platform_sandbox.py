"""Forwarding against the sandbox's platform, a process that shares no code with us."""

import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from federation.government_platform import (
    GovernmentPlatform,
    PlatformRefused,
    PlatformUnavailable,
    ReceiptStatus,
    Row,
    RowKind,
)
from tests.conformance.sandbox_houses import House, running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running("government-platform", tmp_path_factory.mktemp("government-platform")) as house:
        yield house


@pytest.fixture(autouse=True)
def _no_faults(house: House) -> Iterator[None]:
    yield
    house.switch_on()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield http


def client(
    http: httpx.AsyncClient,
    house: House,
    *,
    secret: str | None = None,
    behind: timedelta = timedelta(0),
    timeout_s: float = 10,
) -> GovernmentPlatform:
    return GovernmentPlatform(
        http,
        base_url=house.base_url,
        app_id=house.env["GOVERNMENT_PLATFORM_APP_ID"],
        secret=(secret or house.env["GOVERNMENT_PLATFORM_SECRET"]).encode(),
        clock=lambda: datetime.now(UTC) - behind,
        nonce=lambda: secrets.token_hex(16),
        timeout_s=timeout_s,
    )


@pytest.fixture
def platform(http: httpx.AsyncClient, house: House) -> GovernmentPlatform:
    return client(http, house)


def new_row(**payload: Any) -> Row:
    key = secrets.token_hex(8)
    return Row(
        idempotency_key=key, subject=f"O-{key}", payload={"venue": "大田湾体育场", "amountFen": 0} | payload
    )


def kept(house: House, kind: RowKind, row: Row) -> list[dict[str, Any]]:
    """What the platform holds under the row's key."""
    rows = house.control("GET", f"/_sandbox/store?kind={kind.value}").json()["rows"]
    return [found for found in rows if found["idempotencyKey"] == row.idempotency_key]


@pytest.mark.parametrize("kind", [RowKind.ORDERS, RowKind.REDEMPTIONS, RowKind.GATE_SCANS])
async def test_rows_arrive_as_they_are_and_once_however_often_they_are_sent(
    platform: GovernmentPlatform, house: House, kind: RowKind
) -> None:
    rows = [new_row(), new_row(amountFen=4500)]
    first, second = await platform.send(kind, rows), await platform.send(kind, rows)
    assert [receipt.status for receipt in first] == [ReceiptStatus.ACCEPTED] * 2
    assert [receipt.status for receipt in second] == [ReceiptStatus.DUPLICATE] * 2
    assert [receipt.receipt_no for receipt in first] == [receipt.receipt_no for receipt in second]
    for row, receipt in zip(rows, first, strict=True):
        (found,) = kept(house, kind, row)
        assert (found["payload"], found["subject"]) == (row.payload, row.subject)
        assert (found["receiptNo"], found["deliveries"]) == (receipt.receipt_no, 2)


async def test_a_later_figure_of_the_same_hour_replaces_the_earlier(
    platform: GovernmentPlatform, house: House
) -> None:
    about = {"venueId": "V1", "deviceId": secrets.token_hex(4), "acqTime": "2026-11-20 10:00:00"}
    early, late = new_row(**about, inNum=3), new_row(**about, inNum=4)
    for row in (early, late):
        (receipt,) = await platform.send(RowKind.HOURLY_FIGURES, [row])
        assert receipt.status is ReceiptStatus.ACCEPTED
    assert kept(house, RowKind.HOURLY_FIGURES, early) == []
    assert kept(house, RowKind.HOURLY_FIGURES, late)[0]["payload"]["inNum"] == 4


async def test_one_rejected_row_does_not_hold_up_its_neighbours(
    platform: GovernmentPlatform, house: House
) -> None:
    good, bad = new_row(), new_row()
    house.switch_on(reject_subjects=[bad.subject])
    first, second = await platform.send(RowKind.ORDERS, [bad, good])
    assert (first.status, first.idempotency_key) == (ReceiptStatus.REJECTED, bad.idempotency_key)
    assert first.message
    assert second.status is ReceiptStatus.ACCEPTED
    assert kept(house, RowKind.ORDERS, bad) == []
    assert len(kept(house, RowKind.ORDERS, good)) == 1


async def test_the_same_key_with_other_contents_is_rejected(platform: GovernmentPlatform, house: House) -> None:
    row = new_row(amountFen=1)
    changed = Row(idempotency_key=row.idempotency_key, subject=row.subject, payload={"amountFen": 2})
    await platform.send(RowKind.ORDERS, [row])
    (receipt,) = await platform.send(RowKind.ORDERS, [changed])
    assert receipt.status is ReceiptStatus.REJECTED
    assert kept(house, RowKind.ORDERS, row)[0]["payload"]["amountFen"] == 1


@pytest.mark.parametrize(
    ("fault", "was_kept"),
    [
        ({"http_500": True}, False),
        ({"http_500_after": True}, True),
        ({"slow": 3}, True),
        ({"drop_connection": True}, True),
    ],
)
async def test_after_trouble_the_same_rows_are_sent_again_and_kept_once(
    http: httpx.AsyncClient,
    platform: GovernmentPlatform,
    house: House,
    fault: dict[str, object],
    was_kept: bool,
) -> None:
    row = new_row()
    house.switch_on(**fault)
    with pytest.raises(PlatformUnavailable):
        await client(http, house, timeout_s=1.5).send(RowKind.GATE_SCANS, [row])
    house.switch_on()
    (receipt,) = await platform.send(RowKind.GATE_SCANS, [row])
    assert receipt.status is (ReceiptStatus.DUPLICATE if was_kept else ReceiptStatus.ACCEPTED)
    assert len(kept(house, RowKind.GATE_SCANS, row)) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"secret": "another"}, "BAD_SIGNATURE"),
        ({"behind": timedelta(seconds=400)}, "TIMESTAMP_OUT_OF_RANGE"),
    ],
)
async def test_wrong_credentials_or_a_wrong_clock_are_refused_whole(
    http: httpx.AsyncClient, house: House, wrong: dict[str, Any], code: str
) -> None:
    row = new_row()
    with pytest.raises(PlatformRefused) as refusal:
        await client(http, house, **wrong).send(RowKind.ORDERS, [row])
    assert refusal.value.code == code
    assert kept(house, RowKind.ORDERS, row) == []
