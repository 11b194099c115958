"""Taking a payment's notice, by hand: one RSA signature checked, for WeChat Pay one box opened, one transaction."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import Request
from starlette.responses import Response

from models.calendar import SHANGHAI
from models.codes import rules as codes
from models.ids import new_id
from tests.bench.servers.bare import statements as sql
from tests.bench.servers.bare.house import House, demand


@dataclass(frozen=True)
class Paid:
    """What a notice says."""

    channel: str
    notice_id: str
    kind: str
    payment_no: str
    trade_no: str
    amount_fen: int
    paid_at: datetime
    app_id: str
    payer: str


async def wechat_pay_notice(request: Request) -> Response:
    return await _settled(request, _read_wechat_pay, Response(status_code=204))


async def wechat_pay_notice_unheard(request: Request) -> Response:
    """Wakes nobody, so that the platform hears of it when the worker's timer comes."""
    return await _settled(request, _read_wechat_pay, Response(status_code=204), wakes=False)


async def alipay_notice(request: Request) -> Response:
    return await _settled(request, _read_alipay, Response(b"success"))


async def _settled(
    request: Request,
    read: Callable[[House, Request, bytes, datetime], Paid],
    acknowledged: Response,
    *,
    wakes: bool = True,
) -> Response:
    house: House = request.app.state.house
    now = datetime.now(UTC)
    paid = read(house, request, await request.body(), now)
    async with house.pool.acquire() as connection, connection.transaction():
        await _settle(connection, paid, now)
    if wakes:
        await house.wake("forward")
    return acknowledged


def _read_wechat_pay(house: House, request: Request, body: bytes, now: datetime) -> Paid:
    headers, mine = request.headers, house.wechat_pay
    timestamp, nonce = headers["wechatpay-timestamp"], headers["wechatpay-nonce"]
    demand(headers["wechatpay-serial"] == mine.key_id and abs(now.timestamp() - int(timestamp)) <= 300)
    _verify(mine.key, headers["wechatpay-signature"], f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
    notice = orjson.loads(body)
    demand(notice["event_type"] == "TRANSACTION.SUCCESS")
    box = notice["resource"]
    contents = AESGCM(mine.apiv3_key).decrypt(
        box["nonce"].encode(), base64.b64decode(box["ciphertext"]), box["associated_data"].encode()
    )
    told = orjson.loads(contents)
    demand(
        told["mchid"] == mine.mchid and told["trade_state"] == "SUCCESS" and told["amount"]["currency"] == "CNY"
    )
    return Paid(
        channel="WECHAT_PAY",
        notice_id=notice["id"],
        kind=notice["event_type"],
        payment_no=told["out_trade_no"],
        trade_no=told["transaction_id"],
        amount_fen=told["amount"]["total"],
        paid_at=datetime.fromisoformat(told["success_time"]).astimezone(UTC),
        app_id=told["appid"],
        payer=told["payer"]["openid"],
    )


def _read_alipay(house: House, _request: Request, body: bytes, now: datetime) -> Paid:
    mine = house.alipay
    told = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed = "&".join(f"{name}={told[name]}" for name in sorted(told) if name not in ("sign", "sign_type"))
    _verify(mine.key, told["sign"], signed.encode())
    demand((told["app_id"], told["seller_id"]) == (mine.app_id, mine.seller_id))
    demand(now - _beijing(told["notify_time"]) < timedelta(hours=26) and told["trade_status"] == "TRADE_SUCCESS")
    yuan, _, cents = told["total_amount"].partition(".")
    return Paid(
        channel="ALIPAY",
        notice_id=told["notify_id"],
        kind=told["trade_status"],
        payment_no=told["out_trade_no"],
        trade_no=told["trade_no"],
        amount_fen=int(yuan) * 100 + int(cents),
        paid_at=_beijing(told["gmt_payment"]),
        app_id=told["app_id"],
        payer=told["buyer_id"],
    )


def _verify(key: RSAPublicKey, signature: str, message: bytes) -> None:
    """Raises what becomes a 500."""
    key.verify(base64.b64decode(signature), message, PKCS1v15(), SHA256())


def _beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


async def _settle(connection: Any, paid: Paid, now: datetime) -> None:
    order = await connection.fetchrow(sql.LOCK_ORDER_OF_PAYMENT, paid.payment_no, paid.channel)
    payment = await connection.fetchrow(sql.LOCK_PAYMENT, paid.payment_no)
    demand(payment["status"] == "WAITING" and order["status"] == "PENDING_PAYMENT")
    demand((payment["amount_fen"], payment["appid"]) == (paid.amount_fen, paid.app_id))
    demand(payment["payer"] in ("", paid.payer))
    lines = await connection.fetch(sql.ORDER_LINES, order["id"])
    demand(all(line["ends_at"] > now for line in lines))
    await connection.execute(sql.UPDATE_PAYMENT, "SETTLED", paid.trade_no, paid.paid_at, payment["id"])
    await connection.execute(sql.INSERT_EVENT, order["id"], "PAID", paid.amount_fen, paid.payment_no, now)
    await connection.execute(sql.HASTEN_OTHERS, now, order["id"])
    await connection.execute(sql.CONFIRM_ORDER, now, order["id"])
    await _issue_admissions(connection, order, lines)
    venue_name = await _tell_platform(connection, order, lines, now)
    await _tell_member(connection, order, lines, venue_name, now)
    await connection.execute(
        sql.INSERT_NOTICE, paid.channel, paid.notice_id, paid.kind, paid.payment_no, "SETTLED", now
    )


async def _issue_admissions(connection: Any, order: Any, lines: list[Any]) -> None:
    early = {row["id"]: _early(row) for row in await connection.fetch(sql.LIMITS, order["id"])}
    places = [
        (
            new_id("adm"),
            line["id"],
            seat,
            codes.new_handle(),
            line["business_day"],
            *_times(line, early[line["id"]]),
            line["title"],
        )
        for line in lines
        for seat in range(1, line["people"] + 1)
    ]
    await connection.execute(
        sql.insert_admissions(len(places)),
        *(order["id"], order["member_id"], order["venue_id"]),
        *[value for place in places for value in place],
    )


def _early(row: Any) -> int:
    """How many minutes before the start they are let in; nobody is waited for."""
    fitting = [rule for rule in orjson.loads(row["rules"]) if rule[0] in ("", row["sport_code"])]
    limits = max(fitting, key=lambda rule: (rule[1], rule[0] != "", rule[2]))[3:]
    demand(limits[12] is None)
    return int(limits[5])


def _times(line: Any, early: int) -> tuple[datetime, datetime, datetime]:
    return line["starts_at"] - timedelta(minutes=early), line["starts_at"], line["ends_at"]


async def _tell_platform(connection: Any, order: Any, lines: list[Any], now: datetime) -> str:
    about = await connection.fetchrow(sql.ABOUT_PAID_ORDER, order["id"])
    payload = {
        "orderNo": order["order_no"],
        "state": "PAID",
        "memberId": about["member_id"],
        "venueId": about["ref"],
        "venueName": about["name"],
        "provinceId": about["province_code"],
        "cityId": about["city_code"],
        "districtId": about["district_code"],
        "amountFen": order["total_fen"],
        "happenedAt": _local(now),
        "lines": [
            {
                "title": line["title"],
                "startsAt": _local(line["starts_at"]),
                "endsAt": _local(line["ends_at"]),
                "people": line["people"],
                "priceFen": line["price_fen"],
            }
            for line in lines
        ],
    }
    subject = f"order:{order['order_no']}"
    await connection.execute(
        sql.INSERT_OUTBOX,
        *(new_id("row"), "orders", subject, orjson.dumps(payload).decode(), now),
        about["province_code"],
    )
    return str(about["name"])


async def _tell_member(connection: Any, order: Any, lines: list[Any], venue_name: str, now: datetime) -> None:
    first = min(lines, key=lambda line: line["starts_at"])
    begins = first["starts_at"].astimezone(SHANGHAI)
    values = {
        "venue": venue_name,
        "order_no": order["order_no"],
        "what": first["title"] + (f"等{len(lines)}个时段" if len(lines) > 1 else ""),
        "when": f"{begins.month}月{begins.day}日 {begins:%H:%M}",
    }
    told = (order["member_id"], "ORDER_CONFIRMED", orjson.dumps(values).decode(), order["order_no"], now)
    await connection.execute(sql.INSERT_MESSAGE, new_id("msg"), *told)


def _local(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
