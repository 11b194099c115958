"""Which keys we believe, and when we ask WeChat Pay for its certificates (平台证书, 平滑更换)."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from payments.port import NoticeForged, NoticeKeyUnknown, NoticeProbe, PaymentNotice
from payments.wechat_pay import Merchant, WeChatPay
from tests.payments.conftest import Clock
from tests.payments.wechat_pay_platform import Certificate, Signer, Wire, certificate_list, notice, order

Publish = Callable[..., None]
CERTIFICATES = "/v3/certificates"


async def believes(pay: WeChatPay, signer: Signer, now: datetime) -> bool:
    """Whether a notice by this signer, made now, is believed."""
    body = notice(order())
    try:
        return isinstance(await pay.parse_notice(signer.headers(body, now), body, now), PaymentNotice)
    except NoticeKeyUnknown:
        return False


async def test_many_notices_with_a_new_serial_cause_one_download(
    pay: WeChatPay, certificate: Certificate, list_certificates: Publish, wire: Wire, now: datetime
) -> None:
    list_certificates(certificate)
    assert all(await asyncio.gather(*(believes(pay, certificate, now) for _ in range(20))))
    assert len(wire.asked(CERTIFICATES)) == 1


async def test_while_a_certificate_is_rotated_the_old_and_the_new_are_both_believed(
    pay: WeChatPay, list_certificates: Publish, wire: Wire, clock: Clock
) -> None:
    old, new = Certificate(clock()), Certificate(clock())
    list_certificates(old)
    assert await believes(pay, old, clock())
    clock.time += timedelta(hours=1)
    list_certificates(old, new)
    assert await believes(pay, new, clock())
    assert await believes(pay, old, clock())
    assert len(wire.asked(CERTIFICATES)) == 2


async def test_a_certificate_that_left_the_list_is_no_longer_believed(
    pay: WeChatPay, list_certificates: Publish, clock: Clock
) -> None:
    old, new = Certificate(clock()), Certificate(clock())
    list_certificates(old)
    assert await believes(pay, old, clock())
    clock.time += timedelta(hours=1)
    list_certificates(new)
    assert await believes(pay, new, clock())
    assert not await believes(pay, old, clock())


async def test_a_certificate_whose_time_is_over_is_no_longer_believed(
    pay: WeChatPay, certificate: Certificate, list_certificates: Publish, clock: Clock
) -> None:
    list_certificates(certificate)
    assert await believes(pay, certificate, clock())
    clock.time = certificate.ends_at
    assert not await believes(pay, certificate, clock())


async def test_a_merchant_with_certificates_only_goes_through_a_rotation(
    certificates_only: WeChatPay, public_key: Signer, list_certificates: Publish, wire: Wire, clock: Clock
) -> None:
    old, new = Certificate(clock()), Certificate(clock())
    list_certificates(old)
    assert await believes(certificates_only, old, clock())
    clock.time += timedelta(hours=1)
    list_certificates(old, new)  # 平滑更换: both stay listed for a while
    for signer in (new, old, new):
        assert await believes(certificates_only, signer, clock())
    clock.time += timedelta(hours=1)
    list_certificates(new)
    unknown = Certificate(clock())
    assert not await believes(certificates_only, unknown, clock())  # which fetches the list anew
    assert await believes(certificates_only, new, clock())
    assert not await believes(certificates_only, old, clock())
    assert not await believes(certificates_only, public_key, clock())


async def test_a_certificate_in_hand_that_has_expired_makes_us_fetch_the_list_anew(
    certificates_only: WeChatPay, list_certificates: Publish, wire: Wire, clock: Clock
) -> None:
    old = Certificate(clock(), days=1)
    list_certificates(old)
    assert await believes(certificates_only, old, clock())
    clock.time = old.ends_at
    new = Certificate(clock())
    list_certificates(new)
    assert not await believes(certificates_only, old, clock())
    assert len(wire.asked(CERTIFICATES)) == 2
    assert await believes(certificates_only, new, clock())
    assert len(wire.asked(CERTIFICATES)) == 2


async def test_a_certificate_retired_before_its_time_is_refused_after_twelve_hours_at_the_latest(
    certificates_only: WeChatPay, list_certificates: Publish, wire: Wire, clock: Clock
) -> None:
    stolen, new = Certificate(clock()), Certificate(clock())
    list_certificates(stolen)
    assert await believes(certificates_only, stolen, clock())
    list_certificates(new)
    clock.time += timedelta(hours=11, minutes=59)
    assert await believes(certificates_only, stolen, clock())  # nothing told us yet
    clock.time += timedelta(minutes=1)
    assert not await believes(certificates_only, stolen, clock())
    assert len(wire.asked(CERTIFICATES)) == 2


async def test_a_valid_certificate_stays_believed_while_wechat_pay_cannot_be_asked(
    certificates_only: WeChatPay, certificate: Certificate, list_certificates: Publish, wire: Wire, clock: Clock
) -> None:
    list_certificates(certificate)
    assert await believes(certificates_only, certificate, clock())
    wire.answers[CERTIFICATES] = lambda: httpx.Response(503)
    for _ in range(3):
        clock.time += timedelta(hours=12)
        assert await believes(certificates_only, certificate, clock())
    assert len(wire.asked(CERTIFICATES)) == 4


async def test_a_public_key_that_we_no_longer_hold_is_refused_while_the_new_one_is_believed(
    wire: Wire, merchant: Merchant, public_key: Signer, clock: Clock
) -> None:
    new = Signer("PUB_KEY_ID_0119000001092026110100000002")
    pay = WeChatPay(
        wire.http,
        base_url="https://pay.example",
        merchant=merchant,
        public_keys={new.serial: new.private_key.public_key()},
        clock=clock,
        nonce=lambda: "n" * 32,
    )
    assert await believes(pay, new, clock())
    assert not await believes(pay, public_key, clock())
    assert wire.requests == []


async def test_a_flood_of_unknown_serials_asks_at_most_once_in_thirty_seconds(
    pay: WeChatPay, certificate: Certificate, list_certificates: Publish, wire: Wire, clock: Clock
) -> None:
    list_certificates(certificate)
    flood = Signer("0" * 40)
    for number in range(50):
        flood.serial = f"{number:040X}"
        assert not await believes(pay, flood, clock())
    assert len(wire.asked(CERTIFICATES)) == 1
    clock.time += timedelta(seconds=29)
    assert not await believes(pay, flood, clock())
    assert len(wire.asked(CERTIFICATES)) == 1
    clock.time += timedelta(seconds=1)
    assert not await believes(pay, flood, clock())
    assert len(wire.asked(CERTIFICATES)) == 2
    assert await believes(pay, certificate, clock())


@pytest.mark.parametrize(
    "serial", ["PUB_KEY_ID_0000000000000000000000000000", "../../etc", "x", "ABC\n", "F" * 41]
)
async def test_what_cannot_be_a_certificates_serial_is_never_asked_for(
    pay: WeChatPay, wire: Wire, now: datetime, serial: str
) -> None:
    assert not await believes(pay, Signer(serial), now)
    assert wire.requests == []


async def test_the_list_may_be_signed_by_the_public_key(
    pay: WeChatPay, certificate: Certificate, public_key: Signer, list_certificates: Publish, now: datetime
) -> None:
    list_certificates(certificate, signer=public_key)
    assert await believes(pay, certificate, now)


async def test_a_list_sealed_without_our_api_v3_key_is_forged(
    pay: WeChatPay, wire: Wire, certificate: Certificate, now: datetime
) -> None:
    body = certificate_list(certificate, key=b"another-key-of-thirty-two-bytes!")
    headers = certificate.headers(body, now)
    wire.answers[CERTIFICATES] = lambda: httpx.Response(200, content=body, headers=headers)
    with pytest.raises(NoticeForged):
        await believes(pay, certificate, now)


async def test_a_list_with_a_wrong_signature_is_forged_and_nothing_of_it_is_kept(
    pay: WeChatPay, wire: Wire, certificate: Certificate, stranger: Signer, now: datetime
) -> None:
    body = certificate_list(certificate)
    headers = stranger.headers(body, now, Serial=certificate.serial)
    wire.answers[CERTIFICATES] = lambda: httpx.Response(200, content=body, headers=headers)
    with pytest.raises(NoticeForged):
        await believes(pay, certificate, now)
    assert not await believes(pay, certificate, now)


async def test_a_list_signed_by_somebody_not_on_it_is_not_believed(
    pay: WeChatPay, certificate: Certificate, list_certificates: Publish, now: datetime
) -> None:
    list_certificates(certificate, signer=Certificate(now))
    assert not await believes(pay, certificate, now)


async def test_a_list_signed_long_ago_is_not_believed(
    pay: WeChatPay, wire: Wire, certificate: Certificate, now: datetime
) -> None:
    body = certificate_list(certificate)
    headers = certificate.headers(body, now - timedelta(hours=1))
    wire.answers[CERTIFICATES] = lambda: httpx.Response(200, content=body, headers=headers)
    with pytest.raises(Exception, match="signed at"):
        await believes(pay, certificate, now)


async def test_a_probe_instead_of_the_list_is_refused(
    pay: WeChatPay, wire: Wire, certificate: Certificate, now: datetime
) -> None:
    body = certificate_list(certificate)
    headers = certificate.headers(body, now, Signature="WECHATPAY/SIGNTEST/AAAA")
    wire.answers[CERTIFICATES] = lambda: httpx.Response(200, content=body, headers=headers)
    with pytest.raises(NoticeProbe):
        await believes(pay, certificate, now)


async def test_a_certificate_listed_under_another_serial_spoils_the_list(
    pay: WeChatPay, list_certificates: Publish, certificate: Certificate, now: datetime
) -> None:
    certificate.serial = f"{int(certificate.serial, 16) + 1:X}"
    list_certificates(certificate)
    with pytest.raises(NoticeForged):
        await believes(pay, certificate, now)
