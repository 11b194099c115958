"""Alipay's OpenAPI gateway (opendocs.alipay.com: 手机网站支付, 电脑网站支付, 当面付)."""

from payments.alipay.app import App
from payments.alipay.certificates import CertificateTrust
from payments.alipay.client import Alipay
from payments.alipay.people import AlipayCodeRefused, AlipayPeople
from payments.alipay.signing import KeyTrust, load_private_key, load_public_key

__all__ = [
    "Alipay",
    "AlipayCodeRefused",
    "AlipayPeople",
    "App",
    "CertificateTrust",
    "KeyTrust",
    "load_private_key",
    "load_public_key",
]
