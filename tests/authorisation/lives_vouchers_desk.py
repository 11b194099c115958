"""The part of a life that is spent at a desk with vouchers: one waits, one is used, one is held, two are left.

A colleague wrote off the used and the held one, so that whoever supervises both may take them back. Of the held one An
has said that it was not theirs.
"""

import secrets
from typing import TYPE_CHECKING, Any

from models.members.tables import Member
from tests.factories.vouchers import a_voucher
from tests.resolvers import documents_vouchers_desk as documents

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

BILL_FEN = 50_00


async def live_with_vouchers(life: "Life") -> None:
    others, clerk, now = life.others, life.clerk, life.citizen.house.now()
    member = await Member.get(public_id=life.citizen.tokens["memberId"])
    for which in ("waiting", "used", "held", "left", "left too"):
        voucher = await a_voucher(member.id, life.campaign, claimed_at=now)
        others.ids[f"voucher, {which}"] = voucher.public_id
        codes = (await life.citizen.ask(documents.VOUCHER_CODES, voucherId=voucher.public_id)).value
        others.used[f"voucher code, {which}"] = codes["codes"][0]["code"]
        others.used[f"printed voucher code, {which}"] = codes["printedCode"]
    others.keys["bill"] = secrets.token_hex(8)
    for which in ("waiting", "used", "held"):
        on_paper = {"idChecked": True, "receiptNo": f"XP-{secrets.token_hex(4)}"} if which == "held" else {}
        asked: dict[str, Any] = {
            "code": others.used[f"{'printed ' if on_paper else ''}voucher code, {which}"],
            "venueId": life.venue_id,
            "bill": BILL_FEN,
            "sport": "BADMINTON",
            "nonce": others.keys["bill"] if which == "waiting" else secrets.token_hex(8),
            **on_paper,
        }
        at_the_desk = clerk if which == "waiting" else others.colleague
        verdict = (await at_the_desk.ask(documents.REDEEM_VOUCHER, **asked)).value["verdict"]
        assert verdict["useNo"], verdict
        others.ids[f"bill, {which}"] = verdict["useNo"]
    confirmed = await life.citizen.ask(documents.CONFIRM_BILL, useNo=others.ids["bill, used"])
    assert confirmed.value["state"] == "DONE"
    denied = await life.citizen.ask(documents.CONFIRM_BILL, useNo=others.ids["bill, held"], agrees=False)
    assert denied.value["state"] == "HELD"
    others.keys["hand out"] = secrets.token_hex(8)
    handed = await clerk.ask(
        documents.HAND_OUT_VOUCHER,
        personId=others.ids["person"],
        campaignId=life.campaign.public_id,
        venueId=life.venue_id,
        idempotencyKey=others.keys["hand out"],
    )
    others.ids["voucher, handed out"] = handed.value["voucher"]["id"]
