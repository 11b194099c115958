"""A voucher at a desk, through the public door: shown, scanned, confirmed; and handed out to grandmother, who has no
phone."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from models.audit.tables import AuditLine
from models.members.tables import Member
from models.messages.tables import Message
from models.staff.rules import Role
from models.vouchers import books
from models.vouchers.rules import ClaimLimits, Terms, Where, Who
from models.vouchers.tables import Voucher, VoucherEvent, VoucherUse
from tests.factories.booking import Hall, a_hall
from tests.factories.names import CHILD, GRANDMOTHER, MOTHER
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher
from tests.house import Citizen, Clerk, House, nothing_changes
from tests.resolvers import documents_people as people
from tests.resolvers import documents_vouchers_desk as documents
from tests.resolvers.test_families import named, read_card

GRANDSON_PHONE = "13900000005"
BIND_PHONE = "mutation ($code: String!) { bindPhone(code: $code) { me { id } userErrors { code } } }"


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall(name="解放碑体育馆")


@pytest.fixture
async def clerk(house: House, hall: Hall) -> Clerk:
    return await house.clerk(hall.venue.public_id)


async def redeems(clerk: Clerk, hall: Hall, code: str, **how: Any) -> Any:
    asked = {"code": code, "venueId": hall.venue.public_id, "bill": 5000, "sport": "BADMINTON", **how}
    asked.setdefault("nonce", secrets.token_hex(8))
    return (await clerk.ask(documents.REDEEM_VOUCHER, **asked)).value["verdict"]


async def shows(citizen: Citizen, voucher_id: str, **whose: Any) -> Any:
    return (await citizen.ask(documents.VOUCHER_CODES, voucherId=voucher_id, **whose)).value


async def test_a_voucher_is_shown_scanned_confirmed_and_taken_back(house: House, hall: Hall, clerk: Clerk) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    voucher = await a_voucher(member.id, await a_campaign(hall.venue))
    shown = await shows(citizen, voucher.public_id)
    assert (shown["stepSeconds"], len(shown["codes"])) == (30, 21)
    assert shown["printedSvg"].startswith("<?xml")
    asked = await redeems(clerk, hall, shown["codes"][0]["code"], restWay="CODE")
    assert (asked["outcome"], asked["colour"], asked["bill"], asked["off"], asked["rest"], asked["restWay"]) == (
        *("WAITING", "YELLOW", 5000, 2000, 3000),
        "CODE",
    )
    (bill,) = (await citizen.ask(documents.BILLS_TO_CONFIRM)).value
    assert (bill["useNo"], bill["venueName"], bill["isHeld"]) == (asked["useNo"], "解放碑体育馆", False)
    assert (await citizen.ask(documents.CONFIRM_BILL, useNo=bill["useNo"])).value["state"] == "DONE"
    seen = (await clerk.ask(documents.BILL_AT_DESK, useNo=asked["useNo"])).value
    assert (seen["outcome"], seen["nextStep"]) == ("DONE", "请收30.00元（扫码）。")

    manager = await house.clerk(hall.venue.public_id, device_id="office", roles=[Role.VENUE_MANAGER])
    (undoable,) = (await manager.ask(documents.UNDOABLE_USES, venueId=hall.venue.public_id)).value
    assert (undoable["useNo"], undoable["redeemedBy"]) == (asked["useNo"], "李前台")
    undone = await manager.ask(documents.UNDO_REDEMPTION, useNo=asked["useNo"])
    assert undone.value["verdict"]["outcome"] == "UNDONE"
    assert (await manager.ask(documents.UNDOABLE_USES, venueId=hall.venue.public_id)).value == []
    assert (await Voucher.get()).state == "CLAIMED"
    assert await books.check() == []
    lines = await AuditLine.filter(act__in=["redeemVoucher", "undoRedemption", "billAtDesk"]).order_by("id")
    assert [(line.act, line.subject_id) for line in lines] == [
        ("redeemVoucher", voucher.public_id),
        ("undoRedemption", asked["useNo"]),
    ]


async def test_what_nobody_confirmed_is_held_or_called_off(house: House, hall: Hall, clerk: Clerk) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    campaign = await a_campaign(hall.venue, terms=Terms(uses_a_day=None))
    numbers = []
    for _ in range(2):
        voucher = await a_voucher(member.id, campaign)
        code = (await shows(citizen, voucher.public_id))["codes"][0]["code"]
        numbers.append((await redeems(clerk, hall, code))["useNo"])
    off = await clerk.ask(documents.CALL_OFF_BILL, useNo=numbers[0])
    assert off.value["verdict"]["outcome"] == "UNDONE"
    early = await clerk.ask(documents.HOLD_BILL, useNo=numbers[1])
    assert early.refusal.code == "BILL_STATE"
    await house.travel(house.now() + timedelta(minutes=5))
    held = await clerk.ask(documents.HOLD_BILL, useNo=numbers[1])
    assert held.value["verdict"]["outcome"] == "HELD"
    regulator = await house.clerk(roles=[Role.REGULATOR], region_key="510107", device_id="bureau")
    (seen,) = (await regulator.ask(documents.HELD_USES, venueId=hall.venue.public_id)).value
    assert (seen["useNo"], seen["receiptNo"], seen["deniedAt"]) == (numbers[1], "XP-0001", None)
    decided = await regulator.ask(documents.DECIDE_HELD_USE, useNo=numbers[1], isGenuine=True)
    assert decided.value["verdict"]["outcome"] == "DONE"
    assert await VoucherEvent.all().count() == 1
    assert await books.check() == []


async def test_who_is_nobody_s_helper_shows_and_confirms_nothing(house: House, hall: Hall, clerk: Clerk) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    voucher = await a_voucher(member.id, await a_campaign(hall.venue))
    use_no = (await redeems(clerk, hall, (await shows(citizen, voucher.public_id))["codes"][0]["code"]))["useNo"]
    stranger = await house.citizen(phone="13800000002", device_id="phone-2")
    for document, asked in (
        (documents.VOUCHER_CODES, {"voucherId": voucher.public_id}),
        (documents.CONFIRM_BILL, {"useNo": use_no}),
    ):
        async with nothing_changes():
            unknown = await stranger.ask(document, **asked)
            acting = await stranger.ask(document, **asked, forMember=citizen.tokens["memberId"])
        assert unknown.refusal.code in ("VOUCHER_UNKNOWN", "BILL_UNKNOWN")
        assert acting.refusal.code == "MEMBER_UNKNOWN"
    assert (await stranger.ask(documents.BILLS_TO_CONFIRM)).value == []


# ---- handed out


async def hands_out(clerk: Clerk, hall: Hall, campaign: ACampaign, person_id: str, **how: Any) -> Any:
    asked = {"personId": person_id, "campaignId": campaign.public_id, "venueId": hall.venue.public_id}
    return await clerk.ask(documents.HAND_OUT_VOUCHER, **asked, **{"idempotencyKey": "visit-0001", **how})


async def test_grandmother_gets_a_voucher_on_paper_uses_it_and_her_grandson_confirms(
    house: House, hall: Hall, clerk: Clerk
) -> None:
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    whom = {"idNumber": GRANDMOTHER.number, "venueId": hall.venue.public_id}
    found = await clerk.ask(people.DESK_VERIFY_PERSON, name=GRANDMOTHER.name, **whom)
    person_id = found.value["person"]["personId"]
    limits, who = ClaimLimits(in_all=1), Who(real_name=True, regions=frozenset({"510107"}))
    where = Where(regions=frozenset({"510100"}))
    campaign = await a_campaign(terms=Terms(limits=limits, who=who, where=where))

    given = (await hands_out(clerk, hall, campaign, person_id)).value["voucher"]
    again = (await hands_out(clerk, hall, campaign, person_id)).value["voucher"]
    assert again == given
    assert given["printedSvg"].startswith("<?xml")
    (listed,) = (await clerk.ask(documents.DESK_VOUCHERS, personId=person_id, venueId=hall.venue.public_id)).value
    assert listed == given
    voucher = await Voucher.get()
    assert (voucher.claim_way, voucher.claim_venue_id, voucher.person_id is None) == ("DESK", hall.venue.id, False)
    assert voucher.claim_staff_id is not None
    more = await hands_out(clerk, hall, campaign, person_id, idempotencyKey="visit-0002")
    assert more.refusal.code == "CLAIM_LIMIT"

    grandson = await house.citizen(phone=GRANDSON_PHONE, device_id="phone-5")
    await grandson.ask(BIND_PHONE, code=await grandson.phone_code())
    asked = {"personId": person_id, "venueId": hall.venue.public_id, "powers": ["BOOK", "SEE_ORDERS", "MESSAGES"]}
    invited = await clerk.ask(people.DESK_INVITE_HELPER, **asked, helperPhone=GRANDSON_PHONE)
    await grandson.ask(people.ACCEPT_INVITATION, code=invited.value["invitation"]["code"])
    held = await redeems(clerk, hall, given["printedCode"], idChecked=True, receiptNo="XP-0007")
    assert (held["outcome"], held["rest"]) == ("HELD", 3000)
    assert await Message.filter(template="BILL_HELD").count() == 1
    assert await VoucherEvent.all().count() == 0
    (bill,) = (await grandson.ask(documents.BILLS_TO_CONFIRM, forMember=person_id)).value
    assert (bill["useNo"], bill["isHeld"]) == (held["useNo"], True)
    confirmed = await grandson.ask(documents.CONFIRM_BILL, useNo=held["useNo"], forMember=person_id)
    assert confirmed.value["state"] == "DONE"
    assert await VoucherEvent.all().count() == 1
    assert await books.check() == []


async def test_nothing_is_handed_out_to_whose_card_was_not_read_here(
    house: House, hall: Hall, clerk: Clerk
) -> None:
    await house.register_person(GRANDMOTHER.name, GRANDMOTHER.number)
    whom = {"idNumber": GRANDMOTHER.number, "venueId": hall.venue.public_id}
    found = await clerk.ask(people.DESK_VERIFY_PERSON, name=GRANDMOTHER.name, **whom)
    person_id = found.value["person"]["personId"]
    campaign = await a_campaign(hall.venue)
    other = await a_hall()
    colleague = await house.clerk(hall.venue.public_id, device_id="desk-2")
    stranger = await house.clerk(other.venue.public_id, device_id="desk-3")
    finance = await house.clerk(hall.venue.public_id, device_id="desk-4", roles=[Role.FINANCE])
    for who, code in ((colleague, "MEMBER_UNKNOWN"), (stranger, "NOT_ALLOWED"), (finance, "NOT_ALLOWED")):
        async with nothing_changes():
            assert (await hands_out(who, hall, campaign, person_id)).refusal.code == code
            listing = await who.ask(documents.DESK_VOUCHERS, personId=person_id, venueId=hall.venue.public_id)
            assert listing.refusal.code == code, listing.text
    await house.travel(house.now() + timedelta(minutes=31))
    await clerk.sign_in()
    assert (await hands_out(clerk, hall, campaign, person_id)).refusal.code == "MEMBER_UNKNOWN"
    assert await Voucher.all().count() == 0


async def test_a_child_gets_one_only_with_a_guardian_beside(house: House, hall: Hall, clerk: Clerk) -> None:
    campaign = await a_campaign(hall.venue)
    await house.register_person(CHILD.name, CHILD.number)
    mother = await named(house, MOTHER)
    asked = {"name": CHILD.name, "idNumber": CHILD.number}
    (ward,) = (await mother.ask(people.ADD_WARD, **asked)).value["people"]["wards"]
    assert (await read_card(clerk, hall, CHILD)).value["person"]["personId"] == ward["memberId"]
    alone = await hands_out(clerk, hall, campaign, ward["memberId"])
    assert alone.refusal.code == "GUARDIAN_NEEDED"
    await read_card(clerk, hall, MOTHER)
    given = (await hands_out(clerk, hall, campaign, ward["memberId"])).value["voucher"]
    code = (await shows(mother, given["id"], forMember=ward["memberId"]))["codes"][0]["code"]
    asked_for = await redeems(clerk, hall, code)
    assert asked_for["outcome"] == "WAITING", asked_for
    use_no = asked_for["useNo"]
    (bill,) = (await mother.ask(documents.BILLS_TO_CONFIRM, forMember=ward["memberId"])).value
    assert bill["useNo"] == use_no
    confirmed = await mother.ask(documents.CONFIRM_BILL, useNo=use_no, forMember=ward["memberId"])
    assert confirmed.value["state"] == "DONE"
    assert ((await VoucherUse.get()).state, (await Voucher.get()).state) == ("DONE", "USED")
