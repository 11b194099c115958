"""Rules before booking, coming in time and pauses at the public door: who may use what, and the line that it leaves."""

from datetime import datetime
from typing import Any

from bff.graphql.budgets import BUDGET_OF
from bff.wiring import tools
from jobs import ALL
from models.attendance.tables import Attendance
from models.audit.tables import AuditLine
from models.messages.tables import Message
from models.staff.rules import Role
from tests.factories.attendance import STRICT, a_rule
from tests.factories.booking import Hall, a_hall, at
from tests.factories.places import TIANFU_SQUARE
from tests.house import House, line, nothing_changes
from tests.resolvers import documents
from tests.resolvers import documents_attendance as asks

HERE = {"lon": TIANFU_SQUARE[0], "lat": TIANFU_SQUARE[1], "system": "WGS84"}


async def a_waiting_hall(**rule: Any) -> Hall:
    hall = await a_hall(free_mornings=True)
    await a_rule(hall.venue, **(STRICT | rule))
    return hall


async def the_worker_comes(house: House, now: datetime) -> None:
    """The job of the worker, with the tools of the house."""
    await house.travel(now)
    (job,) = [each for each in ALL if each.name == "release_no_shows"]
    await job.function(tools(house.wired))


async def test_everybody_reads_the_rules_before_they_sign_in(house: House) -> None:
    hall = await a_waiting_hall()
    asked = {"venueId": hall.venue.public_id, "sport": "BADMINTON"}
    rules = (await house.ask(asks.BOOKING_RULES, asked)).value
    by_kind = {rule["kind"]: rule for rule in rules}
    assert by_kind["CHECK_IN"] == {
        "kind": "CHECK_IN",
        "sentence": "开始后15分钟内要到场，否则场地释放给别人，并记一次未到场。",
        "figure": 15,
        "isDemonstration": True,
    }
    assert {"RELEASE", "COURTS_A_DAY", "PAUSE", "CANCEL"} <= by_kind.keys()
    assert (await house.ask(asks.BOOKING_RULES, asked | {"venueId": "ven_X"})).refusal.code == "VENUE_UNKNOWN"
    assert (await house.ask(asks.BOOKING_RULES, asked | {"date": "9999-01-01"})).refusal.code == "BAD_INPUT"


async def test_who_checks_in_is_waited_for_no_more_and_only_near_the_venue(house: House) -> None:
    hall = await a_waiting_hall()
    citizen = await house.citizen()
    order = await citizen.places(line(hall.badminton, at(8)))
    (placed,) = order["lines"]
    assert (placed["attendance"], datetime.fromisoformat(placed["comeBy"])) == ("EXPECTED", at(8, 15))
    await house.travel(at(8, 5))
    await citizen.sign_in()
    asked: dict[str, Any] = {"orderNo": order["orderNo"], "lineNo": 1}
    far = await citizen.ask(asks.CHECK_IN, **asked, place=HERE | {"lon": 104.2})
    assert far.refusal.code == "TOO_FAR"
    abroad = await citizen.ask(asks.CHECK_IN, **asked, place=HERE | {"lon": 999.0})
    assert abroad.refusal.code == "BAD_INPUT"
    assert (await house.ask(asks.CHECK_IN, asked | {"place": HERE})).refusal.code == "NOT_SIGNED_IN"
    assert (await citizen.ask(asks.CHECK_IN, **asked, place=HERE)).value == {
        "attendance": "CAME",
        "userErrors": [],
    }
    seen = (await citizen.ask(documents.ORDER, orderNo=order["orderNo"])).value["lines"][0]
    assert seen["attendance"] == "CAME"


async def test_a_pause_its_appeal_and_its_end_are_seen_told_and_have_their_lines(house: House) -> None:
    hall = await a_waiting_hall(no_shows=1)
    citizen, clerk = await house.citizen(), await house.clerk(hall.venue.public_id)
    manager = await house.clerk(hall.venue.public_id, device_id="office", roles=(Role.VENUE_MANAGER,))
    missed = await citizen.places(line(hall.badminton, at(8)))
    came = await citizen.places(line(hall.badminton_2, at(8)))
    await house.travel(at(8, 5))
    for somebody in (citizen, clerk, manager):
        await somebody.sign_in()
    asked = {"orderNo": came["orderNo"], "lineNo": 1}
    async with nothing_changes():
        assert (await house.ask(asks.CHECK_IN_AT_DESK, asked)).refusal.code == "NOT_SIGNED_IN"
    assert (await clerk.ask(asks.CHECK_IN_AT_DESK, **asked)).value["attendance"] == "CAME"
    await the_worker_comes(house, at(8, 15))
    assert {row.state for row in await Attendance.all()} == {"CAME", "NO_SHOW"}
    shown = (await citizen.ask(documents.ORDER, orderNo=missed["orderNo"])).value
    assert shown["lines"][0]["attendance"] == "NO_SHOW"
    assert shown["admissions"][0]["isRevoked"]

    (pause,) = (await citizen.ask(asks.MY_BOOKING_PAUSES)).value
    assert (pause["noShows"], pause["isOver"], pause["missed"]) == (1, False, [missed["lines"][0]["title"]])
    again = {"idempotencyKey": "again", "lines": [line(hall.badminton, at(8, days=2))]}
    refused = await citizen.ask(documents.PLACE_ORDER, **again)
    assert refused.refusal.code == "BOOKING_PAUSED"
    assert "到12月21日 08:15恢复" in refused.refusal.message

    for staff in (clerk, manager):  # who sat still for ten minutes signs in again
        await staff.sign_in()
    words = {"pauseId": pause["id"], "words": "当天在医院陪护"}
    appealed = (await citizen.ask(asks.APPEAL_PAUSE, **words)).value["pause"]
    assert appealed["appealWords"] == words["words"]
    assert (await clerk.ask(asks.PAUSE_APPEALS)).refusal.code == "NOT_ALLOWED"
    assert [each["id"] for each in (await manager.ask(asks.PAUSE_APPEALS)).value] == [pause["id"]]
    decision = {"pauseId": pause["id"], "grant": True, "answer": "已核实住院证明"}
    assert (await clerk.ask(asks.DECIDE_APPEAL, **decision)).refusal.code == "PAUSE_UNKNOWN"
    freed = (await manager.ask(asks.DECIDE_APPEAL, **decision)).value["pause"]
    assert (freed["isGranted"], freed["isOver"]) == (True, True)
    assert (await citizen.ask(documents.PLACE_ORDER, **again)).value["order"]["status"] == "PAID"
    told = {each.template for each in await Message.all()}
    assert {"NO_SHOW", "BOOKING_PAUSED", "PAUSE_FREED"} <= told
    lines = {(each.act, each.outcome) for each in await AuditLine.all()}
    assert {("checkInAtDesk", "OK"), ("pauseAppeals", "OK"), ("decideAppeal", "OK")} <= lines
    assert ("pauseAppeals", "NOT_ALLOWED") in lines


def test_each_counts_where_it_should() -> None:
    names = (
        "bookingRules",
        "myBookingPauses",
        "checkIn",
        "appealPause",
        "checkInAtDesk",
        "pauseAppeals",
        "decideAppeal",
    )
    assert [BUDGET_OF[name].name for name in names] == [
        *("reading", "reading", "acting", "acting", "scanning", "public-voice", "public-voice")
    ]
