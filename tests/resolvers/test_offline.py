"""A desk without a network, from the device's enrolment to the regulator's list, through the public door: the reference
client (tests/offline_desk.py) has its own key and what the door gave it, and nothing else."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.admissions.tables import Admission, Passage
from models.audit.tables import AuditLine
from models.calendar import SHANGHAI
from models.forwarding.tables import OutboxRow
from models.members.tables import Member
from models.messages.tables import Message
from models.staff.rules import Role
from models.vouchers.rules import Terms
from models.vouchers.tables import Voucher, VoucherUse
from tests.factories.booking import Hall, a_hall, at
from tests.factories.vouchers import a_campaign, a_voucher
from tests.house import Citizen, Clerk, House, line, nothing_changes
from tests.models.offline.halls import check_money
from tests.offline_desk import OfflineDesk, Refused, a_code
from tests.resolvers import documents
from tests.resolvers import documents_offline as offline

MINUTE = timedelta(minutes=1)


class Counter:
    """A device at a venue, its clerk and its manager, and the door between them and the server."""

    def __init__(self, house: House, hall: Hall, clerk: Clerk, manager: Clerk) -> None:
        self.house, self.hall, self.clerk, self.manager = house, hall, clerk, manager
        self.desk = OfflineDesk(clock=house.now)

    async def is_enrolled(self, **caps: Any) -> None:
        asked = {"venueId": self.hall.venue.public_id, "publicKey": self.desk.public_key, **caps}
        given = (await self.manager.ask(offline.ENROL_OFFLINE_DESK, **asked)).value
        self.desk.enrolled(given["deskId"], given["kitKeys"])

    async def fetches(self) -> None:
        await self.clerk.sign_in()
        self.desk.load((await self.clerk.ask(offline.OFFLINE_KIT, deskId=self.desk.desk_id)).value["kit"])

    async def brings(self) -> list[Any]:
        await self.clerk.sign_in()
        asked = {"deskId": self.desk.desk_id, "entries": self.desk.batch()}
        answers = (await self.clerk.ask(offline.UPLOAD_OFFLINE_QUEUE, **asked)).value["answers"]
        self.desk.heard(answers)
        return list(answers)


async def a_counter(house: House, hall: Hall, number: int = 1) -> Counter:
    clerk = await house.clerk(hall.venue.public_id, device_id=f"desk-{number}")
    manager = await house.clerk(hall.venue.public_id, roles=[Role.VENUE_MANAGER], device_id=f"office-{number}")
    counter = Counter(house, hall, clerk, manager)
    await counter.is_enrolled()
    return counter


@pytest.fixture
async def hall(house: House) -> Hall:
    return await a_hall(name="解放碑体育馆", market_fen_per_hour=0)


async def a_pass(citizen: Citizen, voucher_id: str) -> Any:
    return (await citizen.ask(offline.VOUCHER_PASS, voucherId=voucher_id)).value["voucherPass"]


async def test_bookings_and_vouchers_are_taken_without_a_network_and_come_in_together(
    house: House, hall: Hall
) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    campaign = await a_campaign(hall.venue, reserve_fen=100_00)
    voucher = await a_voucher(member.id, campaign)
    order = await citizen.places(line(hall.badminton, at(11, days=0), people=2))
    admission_id = order["admissions"][0]["id"]
    counter = await a_counter(house, hall)
    await house.travel(at(10, 40, days=0))
    await counter.fetches()
    (listed, _) = counter.desk.kit["admissions"]
    assert set(listed) == {"handle", "versions", "title", "opensAt", "startsAt", "endsAt", "revoked", "entered"}
    assert citizen.tokens["memberId"] not in str(counter.desk.kit)
    code, shown = await citizen.code(admission_id), await a_pass(citizen, voucher.public_id)
    assert len(shown["digits"]) == 212
    assert shown["svg"].startswith("<?xml")

    # from here on nobody asks the server anything
    assert counter.desk.accept_code(code) == listed["title"]
    with pytest.raises(Refused, match="ALREADY_INSIDE"):
        counter.desk.accept_code(code)
    assert counter.desk.accept_pass(shown["digits"], bill=80_00, sport="BADMINTON", rest="CODE") == 60_00
    counter.desk.append("CODE", text=code)  # a desk that forgot whom it let in
    accepted = house.now()

    await house.travel(accepted + timedelta(hours=3))
    answers = await counter.brings()
    assert [(each["outcome"], each["kept"]) for each in answers] == [
        *(("ENTERED", True), ("DONE", True), ("ALREADY_INSIDE", True)),
    ]
    assert answers[0]["admissionId"] == answers[2]["admissionId"] == admission_id
    admission = await Admission.get(public_id=admission_id)
    assert (admission.passage_count, admission.is_inside) == (1, True)
    assert admission.first_entered_at is not None
    passage = await Passage.get()
    assert (passage.door, passage.passed_at) == ("离线 前台平板", admission.first_entered_at)
    (row,) = await OutboxRow.filter(kind="redemptions")
    use = await VoucherUse.get()
    assert (use.use_no, use.state, use.rest_way) == (answers[1]["useNo"], "DONE", "CODE")
    told = datetime.fromisoformat(row.payload["redeemedAt"]).replace(tzinfo=SHANGHAI)
    for when in (admission.first_entered_at, told, use.used_at):  # the desk's time, not that of the upload
        assert abs(when - accepted) < timedelta(seconds=5)
    assert (await Message.get(template="VOUCHER_USED_OFFLINE")).member_id == member.id
    await check_money(campaign.id)
    (seen,) = (await counter.clerk.ask(offline.OFFLINE_DESKS, venueId=hall.venue.public_id)).value
    assert (seen["lastNumber"], seen["missing"], seen["forks"], seen["endedAt"]) == (3, 0, 0, None)
    lines = await AuditLine.filter(act__in=["enrolOfflineDesk", "offlineKit", "uploadOfflineQueue"]).order_by("id")
    assert [(line.act, line.subject_id, line.venue_id) for line in lines] == [
        (act, counter.desk.desk_id, hall.venue.public_id)
        for act in ("enrolOfflineDesk", "offlineKit", "uploadOfflineQueue")
    ]


async def test_paper_a_cancelled_booking_and_a_voucher_s_code_open_nothing_offline(
    house: House, hall: Hall
) -> None:
    citizen = await house.citizen()
    order = await citizen.places(line(hall.badminton, at(11, days=0), people=2))
    first, second = [each["id"] for each in order["admissions"]]
    counter = await a_counter(house, hall)
    await house.travel(at(10, 40, days=0))
    await counter.fetches()
    printed = (await citizen.ask(documents.ADMISSION_CODES, admissionId=first)).value["printedCode"]
    with pytest.raises(Refused, match="ONLY_ROTATING_CODES"):
        counter.desk.accept_code(printed)
    counter.desk.append("CODE", text=printed)
    counter.desk.accept_code(await citizen.code(second))
    await Admission.filter(public_id=second).update(revoked_at=house.now())
    await counter.fetches()
    with pytest.raises(Refused, match="REFUNDED"):
        counter.desk.accept_code(await self_made_code(counter, second, house.now()))
    answers = await counter.brings()
    assert [each["outcome"] for each in answers] == ["PAPER_NOT_OFFLINE", "REFUNDED"]
    assert await Passage.all().count() == 0


async def self_made_code(counter: Counter, admission_id: str, now: datetime) -> str:
    """What a thief makes with the kit of a stolen desk."""
    handle = (await Admission.get(public_id=admission_id)).handle
    (versions,) = [each["versions"] for each in counter.desk.kit["admissions"] if each["handle"] == handle]
    ((key_id, key),) = counter.desk.kit["codeKeys"].items()
    return a_code(key_id, base64.b64decode(key), handle, versions, now)


async def test_a_stolen_desk_forges_its_own_venue_and_day_and_nothing_else(house: House, hall: Hall) -> None:
    citizen = await house.citizen()
    other = await a_hall(market_fen_per_hour=0)
    today = await citizen.places(line(hall.badminton, at(11, days=0), people=2))
    next_day = await citizen.places(line(hall.badminton, at(11)))
    elsewhere = await citizen.places(line(other.badminton, at(13, days=0)))
    counter = await a_counter(house, hall)
    await house.travel(at(10, 40, days=0))
    await counter.fetches()
    ((key_id, key),) = counter.desk.kit["codeKeys"].items()
    mine, later, theirs = [order["admissions"][0]["id"] for order in (today, next_day, elsewhere)]
    clerks = {
        hall.venue.public_id: await house.clerk(hall.venue.public_id, device_id="front"),
        other.venue.public_id: await house.clerk(other.venue.public_id, device_id="front-2"),
    }
    for admission_id, venue, now, outcome in (
        (mine, hall.venue, at(10, 40, days=0), "ENTERED"),
        (theirs, other.venue, at(12, 40, days=0), "UNKNOWN_CODE"),
        (later, hall.venue, at(10, 40), "UNKNOWN_CODE"),
    ):
        await house.travel(now)
        await clerks[venue.public_id].sign_in()
        admission = await Admission.get(public_id=admission_id).prefetch_related("member")
        versions = (admission.member.code_version, admission.code_version)
        forged = a_code(key_id, base64.b64decode(key), admission.handle, versions, now)
        said = await clerks[venue.public_id].scans(forged, venue.public_id)
        assert said.value["verdict"]["outcome"] == outcome, admission_id


async def test_two_desks_take_one_voucher_and_the_regulator_sees_who_bears_it(house: House, hall: Hall) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    other = await a_hall(market_fen_per_hour=0)
    campaign = await a_campaign(reserve_fen=20_00, terms=Terms(uses_a_day=None))
    voucher = await a_voucher(member.id, campaign)
    counters = [await a_counter(house, hall), await a_counter(house, other, 2), await a_counter(house, other, 3)]
    for counter in counters:
        await counter.fetches()
    digits = (await a_pass(citizen, voucher.public_id))["digits"]
    for minutes, counter in enumerate(counters):
        await house.travel(house.now() + minutes * MINUTE)
        counter.desk.accept_pass(digits, bill=50_00, sport="BADMINTON")
    outcomes = [(await counter.brings())[0]["outcome"] for counter in counters]
    assert outcomes == ["DONE", "CONFLICT_PAID", "CONFLICT_HELD"]
    assert (await Voucher.get()).state == "USED"

    regulator = await house.clerk(roles=[Role.REGULATOR], region_key="510107", device_id="bureau")
    seen = (await regulator.ask(offline.OFFLINE_CONFLICTS)).value
    assert [(each["state"], each["reason"], each["amount"], each["winnerVenueName"]) for each in seen] == [
        ("HELD", "VOUCHER_USED", 2000, "解放碑体育馆"),
        ("PAID", "VOUCHER_USED", 2000, "解放碑体育馆"),
    ]
    (held,) = (await regulator.ask(offline.OFFLINE_CONFLICTS, onlyHeld=True)).value
    empty = await regulator.ask(offline.DECIDE_OFFLINE_CONFLICT, conflictId=held["id"], pays=True)
    assert empty.refusal.code == "RESERVE_EMPTY"
    decided = await regulator.ask(offline.DECIDE_OFFLINE_CONFLICT, conflictId=held["id"], pays=False)
    assert decided.value["state"] == "REFUSED"
    assert await Message.filter(template="OFFLINE_CONFLICT", member_id=member.id).count() == 2
    await check_money(campaign.id)

    manager = counters[1].manager
    assert len((await manager.ask(offline.OFFLINE_CONFLICTS)).value) == 2
    assert (await counters[0].manager.ask(offline.OFFLINE_CONFLICTS)).value == []
    async with nothing_changes():
        for clerk, code in ((manager, "NOT_ALLOWED"), (counters[0].clerk, "NOT_ALLOWED")):
            asked = {"conflictId": held["id"], "pays": True}
            assert (await clerk.ask(offline.DECIDE_OFFLINE_CONFLICT, **asked)).refusal.code == code
        assert (await counters[0].clerk.ask(offline.OFFLINE_CONFLICTS)).refusal.code == "NOT_ALLOWED"


async def test_a_manager_decides_about_who_was_let_in_and_then_gave_their_booking_up(house: House) -> None:
    hall = await a_hall()
    citizen = await house.citizen()
    order = await citizen.has_paid(line(hall.badminton, at(11, days=0)))
    counter = await a_counter(house, hall)
    await house.travel(at(10, 40, days=0))
    await counter.fetches()
    counter.desk.accept_code(await citizen.code(order["admissions"][0]["id"]))
    cancelled = await citizen.ask(documents.CANCEL_ORDER, orderNo=order["orderNo"])
    back = cancelled.value["order"]["refunds"][0]["amount"]
    (answer,) = await counter.brings()
    assert (answer["outcome"], answer["admissionId"]) == ("REFUNDED", order["admissions"][0]["id"])
    assert "等场馆管理员决定" in answer["message"]

    manager = counter.manager
    await manager.sign_in()
    (held,) = (await manager.ask(offline.OFFLINE_CONFLICTS, onlyHeld=True)).value
    assert (held["reason"], held["orderNo"], held["amount"]) == ("REFUNDED", order["orderNo"], back)
    assert (held["campaignId"], held["useNo"], held["booked"]) == (None, None, order["lines"][0]["title"])
    decided = await manager.ask(offline.DECIDE_OFFLINE_CONFLICT, conflictId=held["id"], pays=False, note="免收")
    assert decided.value["state"] == "BORNE"
    assert (await manager.ask(offline.OFFLINE_CONFLICTS, onlyHeld=True)).value == []
    audited = await AuditLine.get(act="decideOfflineConflict")
    assert (audited.subject_id, audited.venue_id) == (held["id"], hall.venue.public_id)


async def test_an_ended_desk_gets_no_kit_and_who_is_nobody_s_helper_gets_no_pass(house: House, hall: Hall) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    voucher = await a_voucher(member.id, await a_campaign(hall.venue))
    counter = await a_counter(house, hall)
    await counter.manager.ask(offline.END_OFFLINE_DESK, deskId=counter.desk.desk_id)
    stranger = await house.citizen(phone="13800000002", device_id="phone-2")
    async with nothing_changes():
        asked = {"deskId": counter.desk.desk_id}
        assert (await counter.clerk.ask(offline.OFFLINE_KIT, **asked)).refusal.code == "OFFLINE_DESK_ENDED"
        assert (await counter.clerk.ask(offline.END_OFFLINE_DESK, **asked)).refusal.code == "OFFLINE_DESK_UNKNOWN"
        unknown = await stranger.ask(offline.VOUCHER_PASS, voucherId=voucher.public_id)
        assert unknown.refusal.code == "VOUCHER_UNKNOWN"
        for_them = {"voucherId": voucher.public_id, "forMember": citizen.tokens["memberId"]}
        assert (await stranger.ask(offline.VOUCHER_PASS, **for_them)).refusal.code == "MEMBER_UNKNOWN"
