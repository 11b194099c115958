"""Complaints: who hears them, by which clock, what is answered, and who reads them."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from models import database
from models.errors import DomainError, ErrorCode
from models.feedback import queries
from models.feedback.answering import answer_complaint, route_complaint
from models.feedback.escalating import escalate_due
from models.feedback.filing import close_complaint, reopen_complaint
from models.feedback.queries import ComplaintView
from models.feedback.rules import MOST_OPEN, ROUTED_AT_MOST, ComplaintKind, Level
from models.feedback.steps import reseal_complaints
from models.feedback.tables import Complaint, ComplaintStep
from models.keys import CannotOpen, SealingKeys
from models.messages.tables import Message
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.feedback import (
    TEXT_KEYS,
    WORDS,
    a_complaint,
    a_manager,
    a_regulator,
    a_venue_in,
    clocks_and_holidays,
    divisions,
)
from tests.factories.gates import a_ticket
from tests.factories.people import a_clerk, a_member

AGAIN = "灯还是没有修好，请再看一看。"


@dataclass
class World:
    wuhou: Venue
    yuzhong: Venue
    an: int
    """A citizen of Chengdu."""
    manager: StaffSignedIn
    """Of the venue in 武侯区."""


@pytest.fixture
async def world(db: Database) -> World:
    await divisions()
    await clocks_and_holidays()
    wuhou, yuzhong = await a_venue_in("510107", "城南体育馆"), await a_venue_in("500103", "大田湾体育场")
    member_id, _ = await a_member()
    return World(wuhou, yuzhong, member_id, await a_manager(wuhou))


async def refusal_of(act: Awaitable[object]) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await act
    assert refused.value.next_step, "a refusal says the way out"
    return refused.value


async def seen(world: World, no: str, now: datetime) -> ComplaintView:
    found = await queries.complaint_of(member_id=world.an, complaint_no=no, keys=TEXT_KEYS, now=now)
    assert found is not None
    return found


async def answered(clerk: StaffSignedIn, no: str, now: datetime, text: str = "已修好。", key: str = "a1") -> None:
    await answer_complaint(clerk=clerk, complaint_no=no, text=text, idempotency_key=key, keys=TEXT_KEYS, now=now)


async def told(template: str) -> list[dict[str, str]]:
    return [message.values for message in await Message.filter(template=template).order_by("id")]


@pytest.mark.parametrize(
    ("kind", "days", "due_on"),
    [
        (ComplaintKind.CONSULTATION, 3, date(2026, 11, 25)),
        (ComplaintKind.SUGGESTION, 7, date(2026, 12, 1)),
        (ComplaintKind.COMPLAINT, 15, date(2026, 12, 11)),
    ],
)
async def test_sichuans_clocks_run_in_working_days(
    world: World, now: datetime, kind: ComplaintKind, days: int, due_on: date
) -> None:
    no = await a_complaint(world.an, kind=kind, venue_id=world.wuhou.public_id)
    complaint = await seen(world, no, now)
    assert (complaint.working_days, complaint.due_on, complaint.is_due_certain) == (days, due_on, True)
    assert (complaint.status, complaint.level, complaint.lies_with) == ("RECEIVED", Level.VENUE, "城南体育馆")
    assert [(step.kind, step.text) for step in complaint.steps] == [("RECEIVED", WORDS)]
    assert await told("COMPLAINT_ROUTED") == [
        {
            "what": f"{ ({3: '咨询', 7: '建议', 15: '投诉'}[days]) }：城南体育馆",
            "when": f"{due_on.month}月{due_on.day}日",
        }
    ]


async def test_a_citizen_of_chengdu_complains_about_chongqing_to_chongqing_under_its_clock(
    world: World, now: datetime
) -> None:
    await database.rows("UPDATE complaint_clock SET working_days = 5 WHERE region_key = '500000'")
    no = await a_complaint(world.an, venue_id=world.yuzhong.public_id)
    complaint = await seen(world, no, now)
    assert (complaint.working_days, complaint.due_on) == (5, date(2026, 11, 27))
    assert (complaint.place.region_key, complaint.place.city_key) == ("500103", "500000")
    sichuan, chongqing = await a_regulator("510000"), await a_regulator("500000")
    assert await to_answer(chongqing, now) == [no]
    assert await to_answer(sichuan, now) == []


async def to_answer(
    clerk: StaffSignedIn, now: datetime, *, only_late: bool = False, only_mine: bool = False
) -> list[str]:
    found = await queries.complaints_to_answer(
        clerk=clerk, first=20, after=None, only_late=only_late, only_mine=only_mine, now=now
    )
    return [complaint.public_no for complaint in found]


async def test_a_due_day_in_a_year_that_was_not_announced_says_so(world: World) -> None:
    december = datetime(2026, 12, 25, 2, tzinfo=UTC)
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id, now=december)
    complaint = await seen(world, no, december)
    assert (complaint.due_on, complaint.is_due_certain) == (date(2027, 1, 15), False)
    assert await told("COMPLAINT_ROUTED") == [
        {"what": "投诉：城南体育馆，节假日安排未公布，日期为估计", "when": "1月15日"}
    ]


async def test_a_region_without_a_venue_hears_what_is_its_own(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, region_key="510107")
    assert ((await seen(world, no, now)).level, (await seen(world, no, now)).lies_with) == ("DISTRICT", "武侯区")
    at_the_top = await a_complaint(world.an, region_key="500000")
    complaint = await seen(world, at_the_top, now)
    assert (complaint.level, complaint.place.city_key, complaint.working_days) == ("PROVINCE", "500000", 15)
    assert await to_answer(await a_regulator("510107"), now) == [no]
    assert await to_answer(world.manager, now) == []


async def test_an_orders_complaint_goes_to_its_venue_and_a_strangers_order_is_unknown(
    world: World, now: datetime
) -> None:
    mine, strangers = await a_ticket(world.wuhou, member_id=world.an), await a_ticket(world.wuhou)
    no = await a_complaint(world.an, order_no=mine.order_no)
    complaint = await seen(world, no, now)
    assert (complaint.order_no, complaint.place.venue_public_id) == (mine.order_no, world.wuhou.public_id)
    for order_no in (strangers.order_no, "D20261120XXXXXXXXXXXX"):
        assert (await refusal_of(a_complaint(world.an, order_no=order_no))).code is ErrorCode.ORDER_UNKNOWN
    other = await refusal_of(a_complaint(world.an, order_no=mine.order_no, venue_id=world.yuzhong.public_id))
    assert (other.code, other.field) == (ErrorCode.BAD_INPUT, "orderNo")


async def test_what_is_no_complaint_is_refused_and_nothing_is_kept(world: World) -> None:
    for wanted, code, field in (
        ({"text": "太短了"}, "BAD_INPUT", "text"),
        ({"text": "长" * 1001}, "BAD_INPUT", "text"),
        ({"text": "响铃\x07" * 9}, "BAD_INPUT", "text"),
        ({"venue_id": None}, "BAD_INPUT", "venueId"),
        ({"region_key": "510107"}, "BAD_INPUT", "venueId"),
        ({"venue_id": "ven_UNKNOWN"}, "VENUE_UNKNOWN", "venueId"),
        ({"venue_id": None, "region_key": "990000"}, "BAD_INPUT", "regionKey"),
        ({"key": "钥匙"}, "BAD_INPUT", "idempotencyKey"),
    ):
        refused = await refusal_of(a_complaint(world.an, **{"venue_id": world.wuhou.public_id, **wanted}))  # type: ignore[arg-type]
        assert (refused.code, refused.field) == (code, field), wanted
    assert (await Complaint.all().count(), await Message.all().count()) == (0, 0)


async def test_the_same_key_is_the_same_complaint_and_other_words_under_it_are_refused(world: World) -> None:
    first = await a_complaint(world.an, venue_id=world.wuhou.public_id, key="k1")
    assert await a_complaint(world.an, venue_id=world.wuhou.public_id, key="k1") == first
    for wanted in ({"text": AGAIN}, {"kind": ComplaintKind.SUGGESTION}):
        refused = await refusal_of(a_complaint(world.an, venue_id=world.wuhou.public_id, key="k1", **wanted))
        assert refused.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    other, _ = await a_member()
    assert await a_complaint(other, venue_id=world.wuhou.public_id, key="k1") != first
    assert (await Complaint.all().count(), await ComplaintStep.all().count()) == (2, 2)


async def test_ten_may_wait_at_a_time(world: World, now: datetime) -> None:
    numbers = [await a_complaint(world.an, venue_id=world.wuhou.public_id) for _ in range(MOST_OPEN)]
    refused = await refusal_of(a_complaint(world.an, venue_id=world.wuhou.public_id))
    assert refused.code is ErrorCode.TOO_MANY_ATTEMPTS
    await close_complaint(member_id=world.an, complaint_no=numbers[0], keys=TEXT_KEYS, now=now)
    await answered(world.manager, numbers[1], now)
    await a_complaint(world.an, venue_id=world.wuhou.public_id)
    await a_complaint(world.an, venue_id=world.wuhou.public_id)
    assert (await refusal_of(a_complaint(world.an, venue_id=world.wuhou.public_id))).code == "TOO_MANY_ATTEMPTS"


async def test_texts_lie_sealed_to_their_row_and_a_new_key_reseals_them(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id, key="k1")
    await answered(world.manager, no, now)
    stored = [dict(row) for table in ("complaint", "complaint_step", "message") for row in
              await database.rows(f"SELECT * FROM {table}")]  # fmt: skip
    for text in (WORDS, "已修好"):
        assert text not in str(stored)
        assert text.encode() not in b"".join(bytes(row.get("sealed_text") or b"") for row in stored)
    one, two = await ComplaintStep.all().order_by("id")
    two.sealed_text, one.sealed_text = one.sealed_text, two.sealed_text
    await two.save()
    with pytest.raises(CannotOpen):
        await seen(world, no, now)
    two.sealed_text = one.sealed_text
    await two.save()
    rotated = SealingKeys({"2": b"y" * 32, **TEXT_KEYS.keys})
    assert await reseal_complaints(keys=rotated, batch=1) == 2
    assert await reseal_complaints(keys=rotated) == 0
    only_new = SealingKeys({"2": b"y" * 32})
    complaint = await queries.complaint_of(member_id=world.an, complaint_no=no, keys=only_new, now=now)
    assert complaint is not None
    assert [step.text for step in complaint.steps] == [WORDS, "已修好。"]


async def test_an_answer_is_told_once_and_the_same_again_is_the_same(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id)
    later = now + timedelta(days=1)
    await answered(world.manager, no, later)
    await answered(world.manager, no, later + timedelta(hours=1))
    complaint = await seen(world, no, later)
    assert (complaint.status, complaint.answered_at) == ("ANSWERED", later)
    assert [(step.kind, step.text, step.staff_name) for step in complaint.steps][1:] == [
        ("ANSWERED", "已修好。", "李前台")
    ]
    assert await told("COMPLAINT_ANSWERED") == [{"what": "投诉：城南体育馆", "when": "11月21日 10:00"}]
    assert (await refusal_of(answered(world.manager, no, later, "别的话。"))).code == "IDEMPOTENCY_KEY_REUSED"
    colleague = await a_manager(world.wuhou, device_id="desk-2")
    refused = await refusal_of(answered(colleague, no, later, "也修好了。", key="b1"))
    assert (refused.code, refused.message) == (ErrorCode.COMPLAINT_STATE, "李前台已经答复了这件诉求。")
    assert await to_answer(world.manager, later) == []


async def test_only_who_answers_there_sees_it(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id)
    north = await a_venue_in("510104", "锦江体育馆")
    for clerk in (await a_manager(north), await a_regulator("510104"), await a_regulator("500000")):
        for unknown in (no, "C20261120XXXXXXXXXXXX"):
            refused = await refusal_of(answered(clerk, unknown, now))
            assert (refused.code, refused.field) == (ErrorCode.COMPLAINT_UNKNOWN, "complaintNo")
        assert await queries.complaint_for_staff(clerk=clerk, complaint_no=no, keys=TEXT_KEYS, now=now) is None
        assert await to_answer(clerk, now) == []
    redeemer = await a_clerk(world.wuhou.public_id)
    assert (await refusal_of(answered(redeemer, no, now))).code is ErrorCode.NOT_ALLOWED
    assert (await refusal_of(to_answer(redeemer, now))).code is ErrorCode.NOT_ALLOWED
    for key in ("510107", "510100", "510000", ""):
        assert await to_answer(await a_regulator(key), now) == [no], key
    found = await queries.complaint_for_staff(clerk=world.manager, complaint_no=no, keys=TEXT_KEYS, now=now)
    assert found is not None
    assert found.steps[0].text == WORDS
    stranger, _ = await a_member()
    assert await queries.complaint_of(member_id=stranger, complaint_no=no, keys=TEXT_KEYS, now=now) is None
    assert (await seen(world, no, now)).status == "RECEIVED"


async def test_the_list_is_by_urgency_page_by_page_and_can_be_of_late_ones_only(
    world: World, now: datetime
) -> None:
    slow = await a_complaint(world.an, venue_id=world.wuhou.public_id)
    quick = [
        await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.wuhou.public_id)
        for _ in range(2)
    ]
    assert await to_answer(world.manager, now) == [*quick, slow]
    first = (
        await queries.complaints_to_answer(clerk=world.manager, first=1, after=None, only_late=False, now=now)
    )[0]
    after = (first.due_on, first.id)
    rest = await queries.complaints_to_answer(clerk=world.manager, first=5, after=after, only_late=False, now=now)
    assert [each.public_no for each in rest] == [quick[1], slow]
    due_day = datetime(2026, 11, 25, 15, 59, tzinfo=UTC)  # 23:59 in Chengdu: still in time
    assert await to_answer(world.manager, due_day, only_late=True) == []
    assert await queries.late(now=due_day) == 0
    next_day = due_day + timedelta(minutes=1)
    assert await to_answer(world.manager, next_day, only_late=True) == quick
    assert await queries.late(now=next_day) == 2


async def test_it_is_reopened_twice_within_fifteen_days_under_a_new_clock(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.wuhou.public_id)
    assert (await refusal_of(reopened(world, no, now))).code is ErrorCode.COMPLAINT_STATE
    at = now
    for time in (1, 2):
        await answered(world.manager, no, at, key=f"a{time}")
        at += timedelta(days=14)
        assert (await seen(world, no, at)).may_reopen
        await reopened(world, no, at, key=f"r{time}")
        await reopened(world, no, at, key=f"r{time}")
        complaint = await seen(world, no, at)
        assert (complaint.status, complaint.reopened) == ("REOPENED", time)
    assert complaint.due_on == date(2026, 12, 23)  # three working days after Friday, 18 December
    assert [step.text for step in complaint.steps if step.kind == "REOPENED"] == [AGAIN, AGAIN]
    await answered(world.manager, no, at, key="a3")
    assert (await refusal_of(reopened(world, no, at, key="r3"))).code is ErrorCode.COMPLAINT_STATE
    assert len(await told("COMPLAINT_ANSWERED")) == 3


async def reopened(world: World, no: str, at: datetime, key: str = "r1") -> None:
    await reopen_complaint(
        member_id=world.an, complaint_no=no, text=AGAIN, idempotency_key=key, keys=TEXT_KEYS, now=at
    )


async def test_after_fifteen_days_it_rests_and_is_not_opened_again(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id)
    await answered(world.manager, no, now)
    end = now + timedelta(days=15)
    assert (await escalate_due(keys=TEXT_KEYS, now=end - timedelta(seconds=1))).closed == 0
    assert (await escalate_due(keys=TEXT_KEYS, now=end)).closed == 1
    complaint = await seen(world, no, end)
    assert (complaint.status, complaint.closed_at, complaint.may_reopen) == ("CLOSED", end, False)
    assert (await refusal_of(reopened(world, no, end))).code is ErrorCode.COMPLAINT_STATE


async def test_who_closed_it_in_haste_may_open_it_again(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id)
    await answered(world.manager, no, now)
    for _ in range(2):
        await close_complaint(member_id=world.an, complaint_no=no, keys=TEXT_KEYS, now=now)
    assert [step.kind for step in (await seen(world, no, now)).steps] == ["RECEIVED", "ANSWERED", "CLOSED"]
    await reopened(world, no, now + timedelta(days=1))
    assert (await seen(world, no, now)).status == "REOPENED"


async def test_a_closed_one_is_not_answered(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, venue_id=world.wuhou.public_id)
    await close_complaint(member_id=world.an, complaint_no=no, keys=TEXT_KEYS, now=now)
    refused = await refusal_of(answered(world.manager, no, now))
    assert (refused.code, refused.message) == (ErrorCode.COMPLAINT_STATE, "这件诉求已经办结。")
    assert (await refusal_of(reopened(world, no, now))).code is ErrorCode.COMPLAINT_STATE
    stranger, _ = await a_member()
    for act in (
        close_complaint(member_id=stranger, complaint_no=no, keys=TEXT_KEYS, now=now),
        reopen_complaint(
            member_id=stranger, complaint_no=no, text=AGAIN, idempotency_key="r", keys=TEXT_KEYS, now=now
        ),
    ):
        assert (await refusal_of(act)).code is ErrorCode.COMPLAINT_UNKNOWN


async def test_who_is_late_hears_from_the_office_above_once_a_working_day(world: World) -> None:
    at = datetime(2026, 11, 20, 2, tzinfo=UTC)  # Friday; due on Wednesday 25
    no = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.wuhou.public_id, now=at)
    levels = []
    for day in range(5, 13):
        for hour in (0, 3):
            await escalate_due(keys=TEXT_KEYS, now=at + timedelta(days=day, hours=hour))
        levels.append((await seen(world, no, at)).level)
    # Wednesday in time; Thursday, Friday; a weekend; Monday; and there is nobody above the province
    assert levels == ["VENUE", "DISTRICT", "CITY", "CITY", "CITY", "PROVINCE", "PROVINCE", "PROVINCE"]
    assert await told("COMPLAINT_LATE") == [
        {"what": f"咨询：城南体育馆，转{office}", "when": "11月25日"} for office in ("武侯区", "成都市", "四川省")
    ]
    steps = [step.text for step in (await seen(world, no, at)).steps]
    assert steps[1:] == [f"逾期未答复，已报{office}督办。" for office in ("武侯区", "成都市", "四川省")]
    await answered(world.manager, no, at + timedelta(days=13))
    assert (await escalate_due(keys=TEXT_KEYS, now=at + timedelta(days=14))).escalated == 0


async def test_the_office_with_which_it_lies_now_finds_it_among_all_that_it_sees(world: World) -> None:
    at = datetime(2026, 11, 20, 2, tzinfo=UTC)  # Friday; due on Wednesday 25
    late = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.wuhou.public_id, now=at)
    slow = await a_complaint(world.an, kind=ComplaintKind.COMPLAINT, venue_id=world.wuhou.public_id, now=at)
    there = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.yuzhong.public_id, now=at)
    offices = {key: await a_regulator(key) for key in ("510107", "510104", "510100", "510000", "500103", "500000")}
    everywhere = await a_regulator("")

    async def lies_with(now: datetime) -> dict[str, list[str]]:
        mine = {key: await to_answer(office, now, only_mine=True) for key, office in offices.items()}
        mine["venue"] = await to_answer(world.manager, now, only_mine=True)
        return {key: found for key, found in mine.items() if found}

    async def a_day_passes(day: int) -> datetime:
        now = at + timedelta(days=day)
        await escalate_due(keys=TEXT_KEYS, now=now)
        return now

    assert await lies_with(await a_day_passes(5)) == {"venue": [late, slow]}
    assert await lies_with(await a_day_passes(6)) == {"venue": [slow], "510107": [late], "500103": [there]}
    now = await a_day_passes(7)
    assert await lies_with(now) == {"venue": [slow], "510100": [late], "500000": [there]}
    assert await lies_with(await a_day_passes(10)) == {"venue": [slow], "510000": [late], "500000": [there]}
    assert set(await to_answer(offices["510107"], now)) == {late, slow}, "who may see and answer it stays the same"
    assert await to_answer(everywhere, now, only_mine=True) == []
    (view,) = await queries.complaints_to_answer(
        clerk=offices["510100"], first=5, after=None, only_late=True, now=now
    )
    assert (view.public_no, view.is_late, view.escalated_at) == (late, True, at + timedelta(days=10))


async def test_chongqings_district_has_the_municipality_directly_above(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.yuzhong.public_id)
    for day in (6, 7, 10):
        await escalate_due(keys=TEXT_KEYS, now=now + timedelta(days=day))
    assert [each["what"][-4:] for each in await told("COMPLAINT_LATE")] == ["转渝中区", "转重庆市"]
    assert (await seen(world, no, now)).level == "PROVINCE"


async def test_it_is_routed_where_it_belongs_by_the_region_and_not_by_the_venue(
    world: World, now: datetime
) -> None:
    await database.rows("UPDATE complaint_clock SET working_days = 5 WHERE region_key = '500000'")
    no, later = await a_complaint(world.an, venue_id=world.wuhou.public_id), now + timedelta(days=5)
    assert (await refusal_of(routed(world.manager, no, now, region_key="510107"))).code is ErrorCode.NOT_ALLOWED
    district = await a_regulator("510107")
    await routed(district, no, later, region_key="510107")
    complaint = await seen(world, no, later)
    assert (complaint.level, complaint.due_on) == ("DISTRICT", date(2026, 12, 11)), "the old clock runs on"
    assert await to_answer(world.manager, later) == []
    await routed(await a_regulator("510100"), no, later, venue_id=world.yuzhong.public_id)
    complaint = await seen(world, no, later)
    assert (complaint.working_days, complaint.due_on) == (5, date(2026, 12, 2)), "another city's clock begins"
    assert complaint.lies_with == "大田湾体育场"
    assert (await refusal_of(routed(district, no, later, region_key="510107"))).code is ErrorCode.COMPLAINT_UNKNOWN
    assert [step.text for step in complaint.steps[1:]] == ["转至武侯区办理。", "转至大田湾体育场办理。"]
    assert [each["what"] for each in await told("COMPLAINT_ROUTED")] == [
        f"投诉：{where}" for where in ("城南体育馆", "武侯区", "大田湾体育场")
    ]


async def test_who_runs_the_venues_of_a_region_is_not_the_office_above_them(world: World) -> None:
    at = datetime(2026, 11, 20, 2, tzinfo=UTC)  # Friday; due on Wednesday 25
    no = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.wuhou.public_id, now=at)
    runs_all = await a_clerk(roles=(Role.VENUE_MANAGER,), region_key="510107")
    for elsewhere in ({"region_key": "510107"}, {"venue_id": world.yuzhong.public_id}):
        refused = await refusal_of(routed(runs_all, no, at, **elsewhere))
        assert (refused.code, refused.message) == (ErrorCode.NOT_ALLOWED, "您没有转办诉求的权限。")
    late = at + timedelta(days=6)
    await escalate_due(keys=TEXT_KEYS, now=late)
    complaint = await seen(world, no, late)
    assert (complaint.level, len(complaint.steps)) == (Level.DISTRICT, 2)
    assert await to_answer(runs_all, late, only_mine=True) == []
    assert await to_answer(await a_regulator("510107"), late, only_mine=True) == [no]
    assert await to_answer(runs_all, late) == [no], "it still sees it, and may answer for its venue"
    await answered(runs_all, no, late)


async def test_routing_within_a_city_takes_a_late_complaint_from_no_office_above(world: World) -> None:
    at = datetime(2026, 11, 20, 2, tzinfo=UTC)  # Friday; due on Wednesday 25
    no = await a_complaint(world.an, kind=ComplaintKind.CONSULTATION, venue_id=world.wuhou.public_id, now=at)
    for day in (6, 7):
        await escalate_due(keys=TEXT_KEYS, now=at + timedelta(days=day))
    late = at + timedelta(days=7, hours=1)
    city = await a_regulator("510100")
    other = await a_venue_in("510104", "锦江体育馆")
    await routed(await a_regulator("510107"), no, late, venue_id=other.public_id)
    complaint = await seen(world, no, late)
    assert (complaint.place.venue_public_id, complaint.level) == (other.public_id, Level.CITY)
    assert complaint.steps[-1].text == "转至锦江体育馆，仍由成都市督办。"
    assert (await told("COMPLAINT_ROUTED"))[-1]["what"] == "咨询：锦江体育馆"
    assert await to_answer(city, late, only_mine=True) == [no]
    await routed(city, no, late, venue_id=world.yuzhong.public_id)
    complaint = await seen(world, no, late)
    assert complaint.level is Level.VENUE, "another city's clock begins, and its venue hears of it first"
    assert (await to_answer(city, late), complaint.is_late, complaint.escalated_at) == ([], False, None)


async def test_what_is_not_late_goes_down_to_the_venue_where_it_belongs(world: World, now: datetime) -> None:
    no = await a_complaint(world.an, region_key="510107")
    await routed(await a_regulator("510107"), no, now, venue_id=world.wuhou.public_id)
    complaint = await seen(world, no, now)
    assert (complaint.level, complaint.steps[-1].text) == (Level.VENUE, "转至城南体育馆办理。")


async def routed(
    clerk: StaffSignedIn, no: str, at: datetime, *, venue_id: str | None = None, region_key: str | None = None
) -> None:
    await route_complaint(
        clerk=clerk, complaint_no=no, venue_id=venue_id, region_key=region_key, keys=TEXT_KEYS, now=at
    )


async def test_routing_comes_to_an_end_and_where_it_lies_already_it_stays(world: World, now: datetime) -> None:
    no, province = await a_complaint(world.an, venue_id=world.wuhou.public_id), await a_regulator("510000")
    await routed(province, no, now, venue_id=world.wuhou.public_id)
    assert len((await seen(world, no, now)).steps) == 1
    for time in range(ROUTED_AT_MOST):
        await routed(province, no, now, region_key=("510107", "510104")[time % 2])
    refused = await refusal_of(routed(province, no, now, region_key="510100"))
    assert refused.code is ErrorCode.COMPLAINT_STATE
    for wrong in ({}, {"venue_id": world.wuhou.public_id, "region_key": "510107"}):
        assert (await refusal_of(routed(province, no, now, **wrong))).code is ErrorCode.BAD_INPUT
    unknown = await refusal_of(routed(province, no, now, venue_id="ven_UNKNOWN"))
    assert unknown.code is ErrorCode.VENUE_UNKNOWN


async def test_a_members_own_come_latest_first(world: World, now: datetime) -> None:
    numbers = [await a_complaint(world.an, venue_id=world.wuhou.public_id) for _ in range(3)]
    other, _ = await a_member()
    await a_complaint(other, venue_id=world.wuhou.public_id)
    page = await queries.complaints_of(member_id=world.an, first=1, before_id=None, now=now)
    assert [each.public_no for each in page] == [numbers[2], numbers[1]]
    rest = await queries.complaints_of(member_id=world.an, first=5, before_id=page[0].id, now=now)
    assert [each.public_no for each in rest] == [numbers[1], numbers[0]]
