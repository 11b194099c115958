"""Every way to pay that this house has: built from the settings, found by its name. A new channel is a line in `ALL`."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

import httpx

from bff.http.payment_notices import notice_path
from bff.settings import Settings
from models.orders.rules import Channel
from payments import alipay, wechat_pay
from payments.port import PaymentChannel

Clock = Callable[[], datetime]


def channels(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> Mapping[str, PaymentChannel]:
    """By name, those that are set up."""
    built = {name: build(settings, http, clock) for name, build in ALL.items()}
    return {name: channel for name, channel in built.items() if channel is not None}


def build_wechat_pay(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> wechat_pay.WeChatPay:
    assert settings.wechat_pay_merchant_key_file  # demanded by bff.wiring
    public_keys = {}
    if settings.wechat_pay_public_key_file:  # else the merchant has platform certificates only
        public_key = wechat_pay.load_public_key(settings.wechat_pay_public_key_file.read_bytes())
        public_keys[settings.wechat_pay_public_key_id] = public_key
    return wechat_pay.WeChatPay(
        http,
        base_url=settings.wechat_pay_base_url,
        merchant=wechat_pay.Merchant(
            mchid=settings.wechat_pay_mchid,
            appid=settings.wechat_mini_program_appid,
            official_account_appid=settings.wechat_official_account_appid,
            certificate_serial=settings.wechat_pay_merchant_serial,
            private_key=wechat_pay.load_private_key(settings.wechat_pay_merchant_key_file.read_bytes()),
            apiv3_key=settings.wechat_pay_apiv3_key.encode(),
            notify_url=settings.public_base_url + notice_path(Channel.WECHAT_PAY),
        ),
        public_keys=public_keys,
        clock=clock,
        nonce=lambda: secrets.token_hex(16),
    )


def build_alipay(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> PaymentChannel | None:
    if not settings.alipay_app_id:
        return None
    assert settings.alipay_app_key_file
    return alipay.Alipay(
        http,
        gateway_url=settings.alipay_base_url + "/gateway.do",
        app=alipay.App(
            app_id=settings.alipay_app_id,
            seller_id=settings.alipay_seller_id,
            private_key=alipay.load_private_key(settings.alipay_app_key_file.read_bytes()),
            trust=_alipay_trust(settings),
            notify_url=settings.public_base_url + notice_path(Channel.ALIPAY),
        ),
        clock=clock,
    )


def _alipay_trust(settings: Settings) -> alipay.CertificateTrust | alipay.KeyTrust:
    """Certificates where there are any: an app that was set to them must use them."""
    if settings.alipay_app_certificate_file and settings.alipay_root_certificate_file:
        return alipay.CertificateTrust(
            app=settings.alipay_app_certificate_file.read_bytes(),
            alipay=[path.read_bytes() for path in settings.alipay_certificate_files],
            roots=settings.alipay_root_certificate_file.read_bytes(),
        )
    return alipay.KeyTrust(
        tuple(alipay.load_public_key(path.read_bytes()) for path in settings.alipay_public_key_files)
    )


ALL: Mapping[str, Callable[[Settings, httpx.AsyncClient, Clock], PaymentChannel | None]] = {
    Channel.WECHAT_PAY: build_wechat_pay,
    Channel.ALIPAY: build_alipay,
}
