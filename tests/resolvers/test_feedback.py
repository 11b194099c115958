"""Complaints and ratings at the public door: every root field, who may use it, and who may not."""

import secrets
from datetime import timedelta
from typing import Any

import pytest

from bff.graphql.budgets import BUDGET_OF
from models.audit.tables import AuditLine
from models.families.acting import HelperPower
from models.families.tables import Proxy
from models.feedback.escalating import escalate_due
from models.keys import SealingKeys
from models.members.tables import Identity
from models.staff import operations as staff
from models.staff.rules import Role
from models.venues.tables import Venue
from tests.factories.feedback import (
    WORDS,
    a_venue_in,
    an_entered_admission,
    clocks_and_holidays,
    divisions,
)
from tests.house import PASSWORD, Citizen, Clerk, House, nothing_changes
from tests.resolvers import documents_feedback as documents


@pytest.fixture
async def venue(house: House) -> Venue:
    await divisions()
    await clocks_and_holidays()
    return await a_venue_in("510107", "城南体育馆")


async def member_id_of(citizen: Citizen) -> int:
    return (await Identity.get(openid=citizen.openid)).member_id


async def staff_with(house: House, role: Role, *, venue: Venue | None = None, region_key: str = "") -> Clerk:
    """Signed in, with one role at a venue or in a region."""
    clerk = Clerk(house, f"clerk-{secrets.token_hex(4)}", f"desk-{secrets.token_hex(2)}")
    await staff.create_staff(
        username=clerk.username,
        display_name="王主任",
        password=PASSWORD,
        venue_public_ids=[venue.public_id] if venue else None,
        region_key=region_key,
        roles=(role,),
        now=house.now(),
    )
    await clerk.sign_in()
    return clerk


async def complains(citizen: Citizen, venue: Venue, **asked: Any) -> Any:
    wanted = {"kind": "COMPLAINT", "text": WORDS, "venueId": venue.public_id, "idempotencyKey": "k1", **asked}
    return (await citizen.ask(documents.FILE_COMPLAINT, **wanted)).value["complaint"]


async def test_a_complaint_is_filed_answered_reopened_routed_and_closed(house: House, venue: Venue) -> None:
    citizen, manager = await house.citizen(), await staff_with(house, Role.VENUE_MANAGER, venue=venue)
    filed = await complains(citizen, venue)
    assert (filed["status"], filed["liesWith"], filed["dueOn"], filed["isDueCertain"]) == (
        "RECEIVED",
        "城南体育馆",
        "2026-12-11",
        True,
    )
    assert [(step["by"], step["text"]) for step in filed["steps"]] == [("本人", WORDS)]
    no = filed["complaintNo"]
    (edge,) = (await manager.ask(documents.COMPLAINTS_TO_ANSWER)).value["edges"]
    assert (edge["node"]["complaintNo"], edge["node"]["steps"]) == (no, [])
    seen = (await manager.ask(documents.COMPLAINT_TO_ANSWER, complaintNo=no)).value
    assert seen["steps"][0]["text"] == WORDS
    asked = {"complaintNo": no, "text": "明天修好。", "idempotencyKey": "a1"}
    answered = (await manager.ask(documents.ANSWER_COMPLAINT, **asked)).value["complaint"]
    assert (answered["status"], answered["steps"][1]["by"]) == ("ANSWERED", "王主任")
    mine = (await citizen.ask(documents.COMPLAINT, complaintNo=no)).value
    assert (mine["steps"][1]["by"], mine["steps"][1]["text"], mine["mayReopen"]) == (
        "工作人员",
        "明天修好。",
        True,
    )
    reopened = await citizen.ask(
        documents.REOPEN_COMPLAINT, complaintNo=no, text="三天过去了，还是没有修。", idempotencyKey="r1"
    )
    assert reopened.value["complaint"]["status"] == "REOPENED"
    office = await staff_with(house, Role.REGULATOR, region_key="510100")
    routed = await office.ask(documents.ROUTE_COMPLAINT, complaintNo=no, regionKey="510107")
    assert routed.value["routed"] is True
    closed = (await citizen.ask(documents.CLOSE_COMPLAINT, complaintNo=no)).value["complaint"]
    assert (closed["status"], closed["level"]) == ("CLOSED", "DISTRICT")
    (listed,) = (await citizen.ask(documents.MY_COMPLAINTS)).value["edges"]
    assert (listed["node"]["complaintNo"], listed["node"]["reopened"]) == (no, 1)


async def test_each_reading_by_staff_is_an_audit_line_about_the_member(house: House, venue: Venue) -> None:
    citizen, manager = await house.citizen(), await staff_with(house, Role.VENUE_MANAGER, venue=venue)
    no = (await complains(citizen, venue))["complaintNo"]
    await manager.ask(documents.COMPLAINT_TO_ANSWER, complaintNo=no)
    line = await AuditLine.get(act="complaintToAnswer")
    assert (line.subject_kind, line.subject_id) == ("MEMBER", citizen.tokens["memberId"])
    assert (line.is_reading, line.venue_id, line.detail) == (True, venue.public_id, no)
    answered = await manager.ask(
        documents.ANSWER_COMPLAINT, complaintNo=no, text="明天修好。", idempotencyKey="a1"
    )
    assert answered.value["complaint"]["steps"][0]["text"] == WORDS
    line = await AuditLine.get(act="answerComplaint")
    assert (line.subject_id, line.is_reading, line.detail) == (citizen.tokens["memberId"], True, no)
    office = await staff_with(house, Role.REGULATOR, region_key="510107")
    assert (await office.ask(documents.ROUTE_COMPLAINT, complaintNo=no, regionKey="510107")).refusal.code
    routing = await AuditLine.get(act="routeComplaint")
    assert (routing.subject_id, routing.is_reading) == (citizen.tokens["memberId"], False)
    assert WORDS not in house.log()


async def test_strangers_other_venues_and_clerks_without_the_power_get_nothing(house: House, venue: Venue) -> None:
    citizen, stranger = await house.citizen(), await house.citizen(phone="13800000002", device_id="phone-2")
    no = (await complains(citizen, venue))["complaintNo"]
    other = await staff_with(house, Role.VENUE_MANAGER, venue=await a_venue_in("510104", "锦江体育馆"))
    desk = await house.clerk(venue.public_id)
    async with nothing_changes():
        for number in (no, "C20261120XXXXXXXXXXXX"):
            assert (await stranger.ask(documents.COMPLAINT, complaintNo=number)).value is None
            assert (await other.ask(documents.COMPLAINT_TO_ANSWER, complaintNo=number)).value is None
            closing = await stranger.ask(documents.CLOSE_COMPLAINT, complaintNo=number)
            assert closing.refusal.code == "COMPLAINT_UNKNOWN"
        assert (await other.ask(documents.COMPLAINTS_TO_ANSWER)).value["edges"] == []
        assert (await desk.ask(documents.COMPLAINTS_TO_ANSWER)).refusal.code == "NOT_ALLOWED"
        for wrong in ({"first": 51}, {"after": "u2026-1"}, {"after": "u20261332-1"}, {"after": "c1"}):
            assert (await other.ask(documents.COMPLAINTS_TO_ANSWER, **wrong)).refusal.code == "BAD_INPUT"
        assert (await citizen.ask(documents.MY_COMPLAINTS, after="o1")).refusal.code == "BAD_INPUT"


async def test_a_helper_with_the_power_complains_and_rates_for_their_grandmother(
    house: House, venue: Venue
) -> None:
    grandson, grandmother = await house.citizen(), await house.citizen(phone="13800000002", device_id="phone-2")
    hers, public_id = await member_id_of(grandmother), grandmother.tokens["memberId"]
    refused = await grandson.ask(documents.MY_COMPLAINTS, forMember=public_id)
    assert refused.refusal.code == "MEMBER_UNKNOWN"
    proxy = await Proxy.create(
        public_id="prx_1",
        principal_id=hers,
        helper_id=await member_id_of(grandson),
        powers=HelperPower.BOOK,
        started_at=house.now(),
    )
    assert (await grandson.ask(documents.MY_COMPLAINTS, forMember=public_id)).refusal.code == "POWER_NOT_GIVEN"
    proxy.powers = f"{HelperPower.BOOK},{HelperPower.FEEDBACK}"
    await proxy.save()
    no = (await complains(grandson, venue, forMember=public_id))["complaintNo"]
    assert (await grandmother.ask(documents.COMPLAINT, complaintNo=no)).value["status"] == "RECEIVED"
    assert (await grandson.ask(documents.COMPLAINT, complaintNo=no)).value is None
    admission_id = await an_entered_admission(venue, hers, entered_at=house.now())
    rated = await grandson.ask(documents.RATE_ADMISSION, admissionId=admission_id, stars=5, forMember=public_id)
    assert rated.value["rating"]["stars"] == 5


async def test_a_visit_is_rated_read_by_everybody_answered_and_hidden_with_a_reason(
    house: House, venue: Venue
) -> None:
    citizen, manager = await house.citizen(), await staff_with(house, Role.VENUE_MANAGER, venue=venue)
    admission_id = await an_entered_admission(venue, await member_id_of(citizen), entered_at=house.now())
    asked = {"admissionId": admission_id, "stars": 2, "words": "灯太暗"}
    rating = (await citizen.ask(documents.RATE_ADMISSION, **asked)).value["rating"]
    again = await citizen.ask(documents.RATE_ADMISSION, **{**asked, "stars": 1})
    assert again.refusal.code == "RATING_REFUSED"
    answered = await manager.ask(documents.ANSWER_RATING, ratingId=rating["id"], text="已换灯。")
    assert answered.value["rating"]["answer"] == "已换灯。"
    public = await house.ask(documents.VENUE_RATINGS, {"venueId": venue.public_id})
    assert (public.value["count"], public.value["averageStars"]) == (1, 2.0)
    assert public.value["edges"][0]["node"] == {**rating, "answer": "已换灯。", "answeredOn": "2026-11-20"}
    assert citizen.tokens["memberId"] not in public.text
    hidden = await manager.ask(documents.HIDE_RATING, ratingId=rating["id"], reason="不好看")
    assert hidden.refusal.code == "NOT_ALLOWED"
    office = await staff_with(house, Role.REGULATOR, region_key="510107")
    assert (await office.ask(documents.HIDE_RATING, ratingId=rating["id"], reason="含辱骂")).value["rating"]
    public = await house.ask(documents.VENUE_RATINGS, {"venueId": venue.public_id})
    assert (public.value["count"], public.value["averageStars"], public.value["edges"]) == (0, None, [])
    (edge,) = (await citizen.ask(documents.MY_RATINGS)).value["edges"]
    assert (edge["node"]["hiddenReason"], edge["node"]["venueName"]) == ("含辱骂", "城南体育馆")


async def test_everything_but_the_ratings_of_a_venue_is_for_who_is_signed_in(house: House, venue: Venue) -> None:
    variables: dict[str, Any] = {
        "complaintNo": "C1", "text": WORDS, "idempotencyKey": "k", "kind": "COMPLAINT", "ratingId": "r",
        "reason": "r", "admissionId": "a", "stars": 1, "venueId": "v",
    }  # fmt: skip
    async with nothing_changes():
        for document in documents.ALL:
            asked = {name: value for name, value in variables.items() if f"${name}:" in document}
            answer = await house.ask(document, asked)
            expected = "VENUE_UNKNOWN" if document is documents.VENUE_RATINGS else "NOT_SIGNED_IN"
            assert answer.refusal.code == expected, document
    assert BUDGET_OF["venueRatings"].name == "reading"


async def test_late_ones_are_found_by_themselves(house: House, venue: Venue) -> None:
    citizen, manager = await house.citizen(), await staff_with(house, Role.VENUE_MANAGER, venue=venue)
    await complains(citizen, venue, kind="CONSULTATION")
    assert (await manager.ask(documents.COMPLAINTS_TO_ANSWER, onlyLate=True)).value["edges"] == []
    await house.travel(house.now() + timedelta(days=6))
    await manager.sign_in()
    (edge,) = (await manager.ask(documents.COMPLAINTS_TO_ANSWER, onlyLate=True)).value["edges"]
    assert (edge["node"]["isLate"], edge["node"]["dueOn"]) == (True, "2026-11-25")
    (edge,) = (await manager.ask(documents.COMPLAINTS_TO_ANSWER, onlyMine=True)).value["edges"]
    assert (edge["node"]["level"], edge["node"]["escalatedAt"]) == ("VENUE", None)
    await escalate_due(keys=SealingKeys(house.wired.settings.text_seal_keys), now=house.now())
    assert (await manager.ask(documents.COMPLAINTS_TO_ANSWER, onlyMine=True)).value["edges"] == []
    (edge,) = (await manager.ask(documents.COMPLAINTS_TO_ANSWER)).value["edges"]
    assert edge["node"]["level"] == "DISTRICT"
    assert edge["node"]["escalatedAt"] is not None
