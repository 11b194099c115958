"""At the desk: every verdict by its name, one first entry, and the same answer to the same scan."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.admissions.desk import scan
from models.admissions.operations import UNKNOWN_CODES_A_MINUTE, pass_door
from models.admissions.queries import AdmissionCodes, codes_of
from models.admissions.rules import Verdict
from models.admissions.tables import Admission, Passage, Redemption
from models.checkout.cancelling import cancel_order
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeVersions
from models.database import operation
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.members import operations as members
from models.members.tables import SignIn
from models.orders.tables import Order, Payment, Refund
from models.staff.rules import StaffSignedIn
from tests.databases import Database
from tests.factories.booking import Hall, Person, a_hall, a_paid_order, a_person, an_order, at, census, wanted
from tests.factories.people import CODE_KEYS, a_clerk
from tests.outside import Outside

STEP = timedelta(seconds=30)


@dataclass
class Desk:
    """A clerk at a venue's desk."""

    clerk: StaffSignedIn
    venue_id: str

    async def scan(self, code: str, now: datetime, **how: Any) -> Verdict:
        return await scan(
            **{
                "clerk": self.clerk,
                "venue_id": self.venue_id,
                "checkpoint": "东门前台",
                "code": code,
                "nonce": secrets.token_hex(8),
                "direction": "ENTRY",
                "id_checked": False,
                "keys": CODE_KEYS,
                "now": now,
                **how,
            }
        )


async def a_booking(*, people: int = 1) -> tuple[Hall, Desk, Person, Order]:
    """A free hour tomorrow from eight, for so many people, and the desk where they will show their codes."""
    hall, person = await a_hall(free_mornings=True), await a_person()
    order = await an_order(person, wanted(hall.badminton, at(8), people=people))
    return hall, Desk(await a_clerk(hall.venue.public_id), hall.venue.public_id), person, order


async def shown(person: Person, now: datetime, seat: int = 1) -> AdmissionCodes:
    """What the phone gets."""
    admission = await Admission.get(member_id=person.member_id, seat=seat)
    return await codes_of(member_id=person.member_id, admission_id=admission.public_id, keys=CODE_KEYS, now=now)


async def code_at(person: Person, now: datetime, seat: int = 1) -> str:
    return (await shown(person, now, seat)).codes[0][1]


async def test_a_genuine_code_in_time_lets_its_person_in(db: Database) -> None:
    _, desk, person, order = await a_booking(people=2)
    verdict = await desk.scan(await code_at(person, at(8)), at(8))
    admission = await Admission.get(seat=1)
    assert (verdict.outcome, verdict.colour, verdict.passed) == ("ENTERED", "GREEN", True)
    assert (verdict.admission_id, verdict.person) == (admission.id, f"adm:{admission.id}")
    assert verdict.court == "羽毛球1号场"
    assert (admission.is_inside, admission.first_entered_at, admission.passage_count) == (True, at(8), 1)
    passage = await Passage.get()
    assert (passage.number, passage.direction, passage.door) == (1, "ENTRY", "东门前台")
    told = await OutboxRow.get(kind="redemptions")
    assert (told.subject, told.payload["admissionId"]) == (f"order:{order.order_no}", admission.public_id)
    assert not (await Admission.get(seat=2)).is_inside


async def test_out_and_in_again_passes_within_the_slot_and_is_told_once(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    minutes = iter(range(10))

    async def scanned(direction: str) -> str:
        now = at(8, next(minutes))
        return (await desk.scan(await code_at(person, now), now, direction=direction)).outcome

    wishes = ["EXIT", "ENTRY", "ENTRY", "EXIT", "EXIT", "ENTRY", "EXIT"]
    assert [await scanned(wish) for wish in wishes] == [
        *("NOT_INSIDE", "ENTERED", "ALREADY_INSIDE", "LEFT", "NOT_INSIDE", "ENTERED_AGAIN", "LEFT")
    ]
    assert [passage.number for passage in await Passage.all().order_by("id")] == [1, 2, 3, 4]
    assert await OutboxRow.filter(kind="redemptions").count() == 1


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (at(7, 29), "TOO_EARLY"),
        (at(7, 30), "ENTERED"),
        (at(8, 59), "ENTERED"),
        (at(9), "EXPIRED"),
        (at(8, days=2), "EXPIRED"),
    ],
)
async def test_the_door_is_open_from_half_an_hour_before_until_the_end(
    db: Database, now: datetime, outcome: str
) -> None:
    _, desk, _, _ = await a_booking()
    admission = await Admission.get()
    code = codes.make_rotating(
        CODE_KEYS,
        handle=admission.handle,
        venue=desk.venue_id,
        day=admission.business_day,
        versions=CodeVersions(0, 0),
        at=now,
    )
    verdict = await desk.scan(code, now)
    assert verdict.outcome == outcome
    assert verdict.detail or verdict.passed
    assert (await Passage.all().count() == 1) is verdict.passed


async def test_who_is_inside_may_leave_for_two_hours_after_the_end(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    await desk.scan(await code_at(person, at(8)), at(8))
    late = at(11) - STEP
    last_code = await code_at(person, late)
    assert (await desk.scan(last_code, at(11), direction="EXIT")).outcome == "EXPIRED"
    assert (await desk.scan(last_code, late, direction="ENTRY")).outcome == "EXPIRED"
    assert (await desk.scan(last_code, late, direction="EXIT")).outcome == "LEFT"
    with pytest.raises(DomainError) as refusal:
        await shown(person, late)
    assert refusal.value.code == ErrorCode.EXPIRED


async def test_a_code_of_another_venue_is_told_where_it_belongs(db: Database) -> None:
    hall, _, person, _ = await a_booking()
    other = await a_hall()
    desk = Desk(await a_clerk(other.venue.public_id), other.venue.public_id)
    verdict = await desk.scan(await code_at(person, at(8)), at(8))
    assert verdict.outcome == "WRONG_VENUE"
    assert hall.venue.name in verdict.detail
    assert await Passage.all().count() == 0


async def test_a_clerk_of_another_venue_may_not_scan_here(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    desk.clerk = await a_clerk((await a_hall()).venue.public_id)
    before = await census()
    for venue_id in (desk.venue_id, "ven_NOBODY"):
        desk.venue_id = venue_id
        with pytest.raises(DomainError) as refusal:
            await desk.scan(await code_at(person, at(8)), at(8))
        assert refusal.value.code == ErrorCode.NOT_ALLOWED
    assert await census() == before


async def test_a_step_either_side_passes_and_an_older_one_is_stale(db: Database) -> None:
    for age, outcome in ((-1, "ENTERED"), (0, "ENTERED"), (1, "ENTERED"), (2, "CODE_STALE"), (21, "CODE_STALE")):
        await db.clean()
        _, desk, person, _ = await a_booking()
        code = await code_at(person, at(8) - age * STEP)
        assert (await desk.scan(code, at(8))).outcome == outcome, age


async def test_a_code_that_nobody_made_is_unknown(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    genuine = await code_at(person, at(8))
    strange = CodeKeys({1: b"x" * 32}, current=1)
    admission = await Admission.get()
    place: dict[str, Any] = {"handle": admission.handle, "venue": desk.venue_id, "day": admission.business_day}
    today = {**place, "versions": CodeVersions(0, 0), "at": at(8)}
    forged = [
        codes.make_rotating(strange, **today),  # another master key
        codes.make_rotating(CODE_KEYS, **{**today, "day": admission.business_day - timedelta(days=1)}),
        codes.make_rotating(CODE_KEYS, **{**today, "venue": "ven_ELSEWHERE"}),
        codes.make_rotating(CODE_KEYS, **{**today, "versions": CodeVersions(1, 0)}),
        codes.make_rotating(CODE_KEYS, **{**today, "handle": "0000000000"}),
        codes.make_rotating(CODE_KEYS, **{**today, "at": at(8) - 30 * STEP}),  # a quarter of an hour old
        codes.make_rotating(CODE_KEYS, **{**today, "at": at(8) + 2 * STEP}),  # from the future
        genuine[:-1] + str((int(genuine[-1]) + 1) % 10),
        *("", "1", "x" * 24, "9" * 24, "１" * 24, "1" * 100_000, "\ud800"),
    ]
    for code in forged:
        assert (await desk.scan(code, at(8))).outcome == "UNKNOWN_CODE", code[:30]
    assert await Passage.all().count() == 0
    assert (await desk.scan(f" {genuine[:12]} {genuine[12:]}\n", at(8))).outcome == "ENTERED"


async def test_signing_out_revokes_the_codes_that_were_shown(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    before = await code_at(person, at(8))
    await members.sign_out(sign_in_id=(await SignIn.get(member_id=person.member_id)).id, now=at(8))
    assert (await desk.scan(before, at(8))).outcome == "CODE_REVOKED"
    assert await Passage.all().count() == 0
    assert (await desk.scan(await code_at(person, at(8)), at(8))).outcome == "ENTERED"


async def test_a_cancelled_booking_is_refused_at_the_door(db: Database) -> None:
    _, desk, person, order = await a_booking()
    code = await code_at(person, at(7, 45))
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels={}, now=at(7, 45))
    assert (await desk.scan(code, at(7, 45))).outcome == "REFUNDED"
    assert await Passage.all().count() == 0
    with pytest.raises(DomainError) as refusal:
        await shown(person, at(7, 45))
    assert refusal.value.code == ErrorCode.REFUNDED


async def test_a_printed_code_is_for_the_desk_and_needs_the_id_check(db: Database) -> None:
    hall, desk, person, _ = await a_booking()
    printed = (await shown(person, at(8))).printed
    assert (await desk.scan(printed, at(8))).outcome == "ID_CHECK_NEEDED"
    gate: dict[str, Any] = {
        "venue_id": hall.venue.id,
        "direction": "ENTRY",
        "door": "北门",
        "keys": CODE_KEYS,
        "now": at(8),
    }
    at_gate = await operation(pass_door)(code=printed, at_gate=True, id_checked=True, **gate)
    assert at_gate.outcome == "DESK_ONLY"
    assert await Passage.all().count() == 0
    assert (await desk.scan(printed, at(8), id_checked=True)).outcome == "ENTERED"
    assert (await desk.scan(printed, at(8), id_checked=True)).outcome == "ALREADY_INSIDE"
    assert (await Redemption.get(outcome="ENTERED")).id_checked is True


async def test_an_id_check_is_not_asked_for_where_it_would_not_help(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    printed = (await shown(person, at(7))).printed
    assert (await desk.scan(printed, at(7))).outcome == "TOO_EARLY"


async def test_the_same_nonce_gives_the_same_answer_whatever_happened_in_between(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    code = await code_at(person, at(8))
    first = await desk.scan(code, at(8), nonce="nonce-0001")
    await desk.scan(code, at(8), direction="EXIT")
    before = await census()
    assert await desk.scan(code, at(8, 30), nonce="nonce-0001") == first
    assert await census() == before
    assert not (await Admission.get()).is_inside


async def test_a_refusal_is_repeated_too(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    code = await code_at(person, at(7))
    refused = await desk.scan(code, at(7), nonce="nonce-0001")
    assert refused.outcome == "TOO_EARLY"
    assert await desk.scan(code, at(8), nonce="nonce-0001") == refused
    assert await desk.scan("1" * 24, at(8), nonce="nonce-0002") == await desk.scan(
        "1" * 24, at(8), nonce="nonce-0002"
    )


async def test_a_nonce_is_not_used_for_another_scan(db: Database) -> None:
    _, desk, person, _ = await a_booking(people=2)
    code = await code_at(person, at(8))
    await desk.scan(code, at(8), nonce="nonce-0001")
    before = await census()
    others: list[dict[str, Any]] = [
        {"code": await code_at(person, at(8), seat=2)},
        {"code": code, "direction": "EXIT"},
        {"code": code, "id_checked": True},
    ]
    for other in others:
        with pytest.raises(DomainError) as refusal:
            await desk.scan(now=at(8), nonce="nonce-0001", **other)
        assert refusal.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await census() == before


async def test_another_desks_same_nonce_is_another_scan(db: Database) -> None:
    hall, desk, person, _ = await a_booking()
    other = Desk(await a_clerk(hall.venue.public_id), hall.venue.public_id)
    code = await code_at(person, at(8))
    assert (await desk.scan(code, at(8), nonce="nonce-0001")).outcome == "ENTERED"
    assert (await other.scan(code, at(8), nonce="nonce-0001")).outcome == "ALREADY_INSIDE"


async def test_the_table_of_scans_does_not_hold_the_code(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    code = await code_at(person, at(8))
    await desk.scan(code, at(8))
    assert code not in str(await Redemption.all().values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "short"},
        {"nonce": "n" * 65},
        {"nonce": "扫码编号一二三四"},
        {"checkpoint": ""},
        {"checkpoint": "   "},
        {"checkpoint": "门" * 41},
        {"checkpoint": "a\nb"},
        {"direction": "SIDEWAYS"},
    ],
)
async def test_a_silly_scan_is_refused_and_leaves_nothing(db: Database, wrong: dict[str, str]) -> None:
    _, desk, person, _ = await a_booking()
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await desk.scan(await code_at(person, at(8)), at(8), **wrong)
    assert refusal.value.code == ErrorCode.BAD_INPUT
    assert await census() == before


async def test_blanks_around_the_name_of_a_checkpoint_are_dropped(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    await desk.scan(await code_at(person, at(8)), at(8), checkpoint=f"{' ' * 60}东门{' ' * 60}")
    assert (await Redemption.get()).checkpoint == "东门"
    assert (await Passage.get()).door == "东门"


async def test_a_device_that_tries_codes_must_wait_a_minute(db: Database) -> None:
    hall, desk, person, _ = await a_booking()
    other = Desk(await a_clerk(hall.venue.public_id), hall.venue.public_id)
    for number in range(UNKNOWN_CODES_A_MINUTE):
        assert (await desk.scan(f"{number:024d}", at(8))).outcome == "UNKNOWN_CODE"
    genuine = await code_at(person, at(8))
    assert (await desk.scan(genuine, at(8))).outcome == "TOO_MANY_ATTEMPTS"
    assert (await other.scan("1" * 24, at(8))).outcome == "UNKNOWN_CODE"
    later = at(8, 1) + timedelta(seconds=1)
    assert (await desk.scan(await code_at(person, later), later)).outcome == "ENTERED"


async def test_a_stranger_gets_no_codes(db: Database) -> None:
    await a_booking()
    admission, stranger = await Admission.get(), await a_person()
    for member_id, admission_id in ((stranger.member_id, admission.public_id), (admission.member_id, "adm_NO")):
        with pytest.raises(DomainError) as refusal:
            await codes_of(member_id=member_id, admission_id=admission_id, keys=CODE_KEYS, now=at(8))
        assert refusal.value.code == ErrorCode.ADMISSION_UNKNOWN


async def test_codes_are_handed_out_for_about_ten_minutes(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    given = await shown(person, at(8))
    assert given.server_now == at(8)
    assert given.codes[0][0] == at(8)
    assert given.codes[-1][0] == at(8, 10)
    assert (await desk.scan(given.codes[-1][1], at(8, 10))).outcome == "ENTERED"


@pytest.mark.postgres
async def test_a_hundred_scans_at_once_let_one_in(db: Database) -> None:
    hall, _, person, _ = await a_booking()
    desks = [Desk(await a_clerk(hall.venue.public_id), hall.venue.public_id) for _ in range(4)]
    code = await code_at(person, at(8))
    verdicts = await asyncio.gather(*(desks[n % 4].scan(code, at(8)) for n in range(100)))
    outcomes = [verdict.outcome for verdict in verdicts]
    assert (outcomes.count("ENTERED"), outcomes.count("ALREADY_INSIDE")) == (1, 99)
    assert await Passage.all().count() == await OutboxRow.filter(kind="redemptions").count() == 1
    assert await Redemption.all().count() == 100


@pytest.mark.postgres
async def test_the_same_scan_at_once_gets_one_answer(db: Database) -> None:
    _, desk, person, _ = await a_booking()
    code = await code_at(person, at(8))
    verdicts = await asyncio.gather(*(desk.scan(code, at(8), nonce="nonce-0001") for _ in range(30)))
    assert {verdict.outcome for verdict in verdicts} == {"ENTERED"}
    assert await Passage.all().count() == await Redemption.all().count() == 1


@pytest.mark.postgres
async def test_many_tries_at_once_are_counted_too(db: Database) -> None:
    _, desk, _, _ = await a_booking()
    verdicts = await asyncio.gather(*(desk.scan(f"{number:024d}", at(8)) for number in range(60)))
    outcomes = [verdict.outcome for verdict in verdicts]
    assert outcomes.count("UNKNOWN_CODE") == UNKNOWN_CODES_A_MINUTE
    assert outcomes.count("TOO_MANY_ATTEMPTS") == 60 - UNKNOWN_CODES_A_MINUTE


@pytest.mark.postgres
async def test_nobody_is_both_refunded_and_inside(db: Database, outside: Outside, now: datetime) -> None:
    hall = await a_hall()
    desk = Desk(await a_clerk(hall.venue.public_id), hall.venue.public_id)
    door = at(8, 45)
    ends = set()
    for number in range(12):
        person = await a_person()
        court = [hall.left, hall.right, hall.badminton, hall.badminton_2][number % 4]
        order = await a_paid_order(outside, person, wanted(court, at(9 + number // 4)))
        await Admission.filter(order_id=order.id).update(opens_at=door)
        code = await code_at(person, door)

        async def enter(code: str = code, wait: float = number % 3 * 0.004) -> str:
            await asyncio.sleep(wait)
            return (await desk.scan(code, door)).outcome

        async def cancel(person: Person = person, order: Order = order) -> str:
            await asyncio.sleep(0.004)
            await cancel_order(
                member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=door
            )
            return "CANCELLED"

        entered, cancelled = await asyncio.gather(enter(), cancel(), return_exceptions=True)
        admission = await Admission.get(order_id=order.id)
        refunded = await Refund.filter(order_id=order.id).exists()
        if entered == "ENTERED":
            assert isinstance(cancelled, DomainError)
            assert cancelled.code == ErrorCode.ORDER_STARTED
            assert admission.first_entered_at == door
            assert (refunded, admission.revoked_at) == (False, None)
        else:
            assert (entered, cancelled) == ("REFUNDED", "CANCELLED")
            assert (admission.first_entered_at, admission.revoked_at) == (None, door)
            assert refunded
            await outside.hand_in((await outside.wait_for_letters(1)).pop(), now=now)
        ends.add(entered)
    assert await Payment.filter(refunded_fen__gt=0).count() == await Refund.all().count()
    assert ends <= {"ENTERED", "REFUNDED"}
