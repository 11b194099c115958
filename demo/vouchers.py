"""Consumption vouchers: claimed, used with a booking, written off at the desk for a walk-in, and for a grandmother on paper."""

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

from demo.main_job import Walked, say, yuan
from demo.money import soonest_courts
from demo.people import Citizen, Clerk, ask, code_of_now, refusal_of, until
from demo.stack import Broken, Stack

CAMPAIGN = "川渝同享健身券（演示）"
KIND = "满30减10"
BILL_FEN = 5_000


@dataclass(frozen=True)
class Grandmother:
    """She stands at the desk, her card was read; who helps her has a phone."""

    person_id: str
    helper: Citizen


def spend(stack: Stack, walked: Walked, clerk: Clerk, grandmother: Grandmother, *, today: date) -> None:
    """Raises `Broken` at the first thing that is not as promised."""
    print("\n七、消费券：领券、订场抵扣、前台核销")
    campaign, kind = _campaign(walked.chen)
    remaining = _open_round(kind)["remaining"]
    say(f"{campaign['title']}：{kind['title']}，本轮还剩 {remaining} 张；{''.join(campaign['limits'])}")
    claim = {"campaignId": campaign["id"], "kindId": kind["id"]}
    _books_with_a_voucher(walked, _claimed_once(stack, walked.chen, claim), today)
    _pays_a_walk_in(stack, walked.wang, clerk, walked.wang.ask("ClaimVoucher", _keyed(claim))["voucher"])
    _grandmother_on_paper(stack, clerk, grandmother, claim)
    until(lambda: _open_round(_campaign(walked.chen)[1])["remaining"] == remaining - 3, "本轮剩余张数")
    say(f"三个人领走三张，本轮还剩 {remaining - 3} 张，没有多，也没有少")


def claims_one(citizen: Citizen) -> Any:
    """A voucher of the round that is open."""
    campaign, kind = _campaign(citizen)
    return citizen.ask("ClaimVoucher", _keyed({"campaignId": campaign["id"], "kindId": kind["id"]}))["voucher"]


def campaign_id_of(citizen: Citizen) -> str:
    return str(_campaign(citizen)[0]["id"])


def _campaign(citizen: Citizen) -> tuple[Any, Any]:
    campaigns = [edge["node"] for edge in citizen.ask("VoucherCampaigns", {})["edges"]]
    campaign = next(each for each in campaigns if each["title"] == CAMPAIGN)
    return campaign, next(each for each in campaign["kinds"] if each["title"] == KIND)


def _open_round(kind: Any) -> Any:
    return next(each for each in kind["rounds"] if each["status"] == "OPEN")


def _keyed(claim: dict[str, str]) -> dict[str, str]:
    return {**claim, "idempotencyKey": secrets.token_hex(8)}


def _claimed_once(stack: Stack, citizen: Citizen, claim: dict[str, str]) -> Any:
    """The same key is the same claim; another key is one too many."""
    keyed = _keyed(claim)
    vouchers = [citizen.ask("ClaimVoucher", keyed)["voucher"] for _ in range(2)]
    if vouchers[0] != vouchers[1]:
        raise Broken(f"按了两次，领到了两张：{vouchers}")
    refused = refusal_of(stack, "ClaimVoucher", _keyed(claim), citizen.authorization)
    say(f"{citizen.name}领到一张{vouchers[0]['title']}，按了两次还是这一张；想再领：{refused}")
    return vouchers[0]


def _books_with_a_voucher(walked: Walked, voucher: Any, today: date) -> None:
    chen = walked.chen
    court = soonest_courts(chen, walked, today)[-1]
    lines = [
        {"courtId": slot["courtId"], "startsAt": slot["startsAt"], "people": 1, "expectedPrice": slot["price"]}
        for slot in court[-2:]
    ]
    best = chen.ask("BestVoucher", {"lines": lines})
    if best["voucherIds"] != [voucher["id"]] or best["saves"] != voucher["faceValue"]:
        raise Broken(f"应当推荐刚领的券：{best}")
    asked = {"idempotencyKey": secrets.token_hex(8), "lines": lines, "voucherIds": best["voucherIds"]}
    order = chen.ask("PlaceOrderWithVoucher", asked)["order"]
    if order["toPay"] != order["total"] - voucher["faceValue"] or _state(chen, voucher) != "RESERVED":
        raise Broken(f"用券下单不对：{order}")
    chen.pay(order["orderNo"])
    until(lambda: _state(chen, voucher) == "USED", "消费券随支付核销")
    say(f"{chen.name}订两个时段共 {yuan(order['total'])} 元，{best['reason']}付款前券只是占住，付款后才算用掉")


def _pays_a_walk_in(stack: Stack, citizen: Citizen, clerk: Clerk, voucher: Any) -> None:
    code = code_of_now(citizen.ask("VoucherCodes", {"voucherId": voucher["id"]}))
    nonce = secrets.token_hex(8)
    verdict, again = (_redeem(stack, clerk, code, nonce) for _ in range(2))
    if verdict != again:
        raise Broken(f"同一次扫码有两个回答：{verdict}，{again}")
    if verdict["outcome"] != "WAITING":
        raise Broken(f"券码没有被接受：{verdict}")
    (bill,) = citizen.ask("BillsToConfirm", {})
    if (
        citizen.ask("ConfirmBill", {"useNo": bill["useNo"]})["state"] != "DONE"
        or _state(citizen, voucher) != "USED"
    ):
        raise Broken(f"账单确认后没有核销：{bill}")
    say(
        f"{citizen.name}没有预订，到前台消费 {yuan(BILL_FEN)} 元：前台扫券码、输金额，显示“{verdict['headline']}”；"
        f"他在手机上确认，抵 {yuan(bill['off'])} 元，再收 {yuan(BILL_FEN - bill['off'])} 元"
    )


def _grandmother_on_paper(stack: Stack, clerk: Clerk, grandmother: Grandmother, claim: dict[str, str]) -> None:
    asked = {**_keyed(claim), "personId": grandmother.person_id, "venueId": clerk.venue_id}
    printed = ask(stack, "HandOutVoucher", asked, clerk.authorization, client="desk")["voucher"]
    verdict = _redeem(stack, clerk, printed["printedCode"], secrets.token_hex(8), id_checked=True, receipt="0001")
    her = {"forMember": grandmother.person_id}
    if verdict["outcome"] != "HELD":
        raise Broken(f"纸质券没有手机确认，应当待复核：{verdict}")
    (bill,) = grandmother.helper.ask("BillsToConfirm", her)
    confirmed = grandmother.helper.ask("ConfirmBill", {"useNo": bill["useNo"], **her})
    if confirmed["state"] != "DONE":
        raise Broken(f"外孙确认后应当核销：{confirmed}")
    say(
        f"前台凭身份证替外婆领券、打印券码；核对人证后核销，显示“{verdict['headline']}”，要等复核；"
        f"外孙在手机上替她确认这笔 {yuan(bill['bill'])} 元的账单，就不用再查小票"
    )


def _redeem(
    stack: Stack, clerk: Clerk, code: str, nonce: str, *, id_checked: bool = False, receipt: str | None = None
) -> Any:
    asked = {
        "code": code,
        "venueId": clerk.venue_id,
        "sport": "BADMINTON",
        "bill": BILL_FEN,
        "nonce": nonce,
        "idChecked": id_checked,
        "receiptNo": receipt,
    }
    return ask(stack, "RedeemVoucher", asked, clerk.authorization, client="desk")["verdict"]


def _state(citizen: Citizen, voucher: Any) -> str:
    mine = [edge["node"] for edge in citizen.ask("MyVouchers", {})["edges"]]
    return str(next(each["state"] for each in mine if each["id"] == voucher["id"]))
