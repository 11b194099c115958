"""Genuine notices of payments that wait in the world: sealed and signed with the keys of the sandbox's WeChat Pay and
Alipay, put together by what tests/payments plays them with."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bff.http.payment_notices import notice_path
from models.calendar import SHANGHAI
from models.orders.rules import Channel
from tests.bench.world import PAYER, PRICE_FEN, World
from tests.payments import alipay_platform, wechat_pay_platform
from tests.payments.wechat_pay_platform import Signer


@dataclass(frozen=True)
class Letter:
    """A notice as it goes over the wire: whole, but for what every request has."""

    headers: Mapping[str, str]
    body: bytes


def apps_of(environment: Mapping[str, str]) -> dict[str, str]:
    """By channel, the app in which is paid."""
    return {
        Channel.WECHAT_PAY.value: environment["WECHAT_MINI_PROGRAM_APPID"],
        Channel.ALIPAY.value: environment["ALIPAY_APP_ID"],
    }


def path_of(channel: Channel) -> str:
    return notice_path(channel.value)


@dataclass(frozen=True)
class LetterWriter:
    """Writes as both channels. `environment` is that of our processes, beside whose keys theirs lie."""

    environment: Mapping[str, str]

    def wechat_pay(self, world: World) -> Iterator[tuple[str, Letter]]:
        """(payment's number, notice of its success), signed at the instant at which it is asked for."""
        said = self.environment
        signer = self.wechat_pays_signer()
        for payment_no in world.unpaid[Channel.WECHAT_PAY]:
            contents = wechat_pay_platform.order(
                transaction_id=f"42000020{payment_no[1:]}",
                amount={"total": PRICE_FEN, "payer_total": PRICE_FEN, "currency": "CNY", "payer_currency": "CNY"},
                mchid=said["WECHAT_PAY_MCHID"],
                appid=said["WECHAT_MINI_PROGRAM_APPID"],
                payer={"openid": PAYER[Channel.WECHAT_PAY]},
                out_trade_no=payment_no,
            )
            sealed = json.dumps(contents, ensure_ascii=False).encode()
            box = wechat_pay_platform.sealed(sealed, key=said["WECHAT_PAY_APIV3_KEY"].encode())
            body = json.loads(wechat_pay_platform.notice(contents, **box)) | {"id": f"EV-{payment_no}"}
            written = json.dumps(body, ensure_ascii=False).encode()
            headers = signer.headers(written, datetime.now(UTC))
            yield payment_no, Letter(headers | {"Content-Type": "application/json"}, written)

    def alipay(self, world: World) -> Iterator[tuple[str, Letter]]:
        said = self.environment
        key = self.alipays_key()
        for payment_no in world.unpaid[Channel.ALIPAY]:
            body = alipay_platform.notice(
                key=key,
                notify_time=datetime.now(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
                notify_id=f"notify of {payment_no}",
                out_trade_no=payment_no,
                trade_no=f"20261120{payment_no[1:]}",
                total_amount=f"{PRICE_FEN / 100:.2f}",
                app_id=said["ALIPAY_APP_ID"],
                auth_app_id=said["ALIPAY_APP_ID"],
                seller_id=said["ALIPAY_SELLER_ID"],
            )
            yield payment_no, Letter({"Content-Type": "application/x-www-form-urlencoded"}, body)

    def wechat_pays_signer(self) -> Signer:
        signer = Signer.__new__(Signer)  # without a key pair of its own
        signer.serial = self.environment["WECHAT_PAY_PUBLIC_KEY_ID"]
        signer.private_key = _key(self._beside("WECHAT_PAY_PUBLIC_KEY_FILE", "wechat_pay_private_key.pem"))
        return signer

    def alipays_key(self) -> RSAPrivateKey:
        return _key(self._beside("ALIPAY_PUBLIC_KEY_FILE", "alipay_private_key.pem"))

    def _beside(self, name: str, file: str) -> Path:
        return Path(self.environment[name]).with_name(file)


def _key(path: Path) -> RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key
