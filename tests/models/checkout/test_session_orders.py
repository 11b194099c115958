"""Places of a session are ordered, paid, let in, cancelled and given back beside courts."""

from datetime import timedelta

import pytest

from models import database
from models.admissions.tables import Admission
from models.booking.session_making import make_sessions
from models.booking.tables import HeldPlace, Session
from models.checkout.cancelling import cancel_order, refund_quote
from models.checkout.ending import end_overdue_holds
from models.errors import DomainError, ErrorCode
from models.forwarding.tables import OutboxRow
from models.orders.queries import lines_of
from models.orders.rules import OrderStatus
from models.orders.tables import Order, OrderLine
from models.vouchers.rules import Terms, Where
from models.vouchers.tables import VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.attendance import a_rule
from tests.factories.booking import (
    Person,
    a_hall,
    a_paid_order,
    a_person,
    an_order,
    at,
    census,
    invoke_payment,
    wanted,
)
from tests.factories.organisations import a_named_member
from tests.factories.sessions import a_plan, a_session, places
from tests.factories.vouchers import a_campaign, a_voucher
from tests.models.checkout.voucher_books import check_all
from tests.outside import Outside


async def taken(session: Session) -> int:
    """As the row says, and as the lines that hold places add up to: one truth."""
    summed = sum(row.places for row in await HeldPlace.filter(session_id=session.id))
    assert (await Session.get(id=session.id)).taken == summed
    return summed


async def refusal_of(act: object) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await act  # type: ignore[misc]
    return refused.value


async def test_places_and_a_court_are_one_order_with_an_admission_a_person(db: Database, outside: Outside) -> None:
    hall, person = await a_hall(), await a_person()
    session = await a_session(hall.venue)
    order = await a_paid_order(
        outside, person, places(session, 2), places(session, 1, "CHILD"), wanted(hall.badminton, at(9), people=2)
    )
    assert (order.status, order.total_fen) == (OrderStatus.PAID, 2 * 3000 + 1500 + 4000)
    lines = await OrderLine.filter(order_id=order.id).order_by("line_no")
    assert [(line.kind, line.ticket, line.people, line.price_fen) for line in lines] == [
        ("SESSION", "ADULT", 2, 6000),
        ("SESSION", "CHILD", 1, 1500),
        ("COURT_SLOT", "", 2, 4000),
    ]
    assert (lines[0].title, lines[0].price_label) == ("大众池 11月21日 14:00–16:00", "成人票·市场价")
    assert sum(part[2] for line in lines for part in line.price_parts or ()) == order.total_fen
    shown = await lines_of([order.id])
    assert [line["court_name"] for line in shown] == ["大众池", "大众池", "羽毛球1号场"]
    admissions = await Admission.filter(order_id=order.id).order_by("id")
    assert [(each.order_line_id, each.seat) for each in admissions] == [
        (lines[0].id, 1),
        (lines[0].id, 2),
        (lines[1].id, 1),
        (lines[2].id, 1),
        (lines[2].id, 2),
    ]
    assert admissions[0].opens_at == session.starts_at - timedelta(minutes=30)
    assert await taken(session) == 3
    told = (await OutboxRow.filter(kind="orders").order_by("-id").first()).payload  # type: ignore[union-attr]
    assert told["amountFen"] == order.total_fen
    assert [(line["title"], line["people"]) for line in told["lines"]][:2] == [
        ("大众池 11月21日 14:00–16:00", 2),
        ("大众池 11月21日 14:00–16:00", 1),
    ]


async def test_a_line_is_given_back_whole_once_and_only_its_places(db: Database, outside: Outside) -> None:
    hall, person = await a_hall(), await a_person()
    session = await a_session(hall.venue)
    order = await a_paid_order(outside, person, places(session, 2), places(session, 1, "CHILD"))
    for _ in range(2):
        await cancel_order(
            member_id=person.member_id, order_no=order.order_no, line_nos=[1], channels=outside.channels, now=NOW
        )
        assert await taken(session) == 1
    (live,) = await Admission.filter(order_id=order.id, revoked_at=None)
    assert live.order_line_id == (await OrderLine.get(order_id=order.id, line_no=2)).id
    quote = await refund_quote(member_id=person.member_id, order_no=order.order_no, now=NOW)
    assert quote.total_fen == 1500
    for _ in range(2):
        await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=NOW)
        assert await taken(session) == 0
    assert (await Order.get(id=order.id)).status == OrderStatus.CLOSED


async def test_a_hold_that_runs_out_gives_its_places_back_once(db: Database) -> None:
    session, person = await a_session((await a_hall()).venue), await a_person()
    await an_order(person, places(session, 2))
    assert await taken(session) == 2
    for _ in range(2):
        await end_overdue_holds(channels={}, now=NOW + timedelta(minutes=16))
        assert await taken(session) == 0


async def test_paid_after_the_hold_the_places_are_taken_again_or_the_money_goes_back(
    db: Database, outside: Outside
) -> None:
    session = await a_session((await a_hall()).venue, capacity=3)
    late, other = await a_person(), await a_person()
    order = await an_order(late, places(session, 2))
    sheet = await invoke_payment(outside, order, late)
    await database.rows("UPDATE payment SET status = 'CLOSED' WHERE order_id = $1", order.id)
    await end_overdue_holds(channels=outside.channels, now=NOW + timedelta(minutes=16))
    assert await taken(session) == 0
    stranger = await an_order(other, places(session, 2))
    await outside.pay(sheet)
    await outside.hand_in((await outside.wait_for_letters(1)).pop(), now=NOW + timedelta(minutes=17))
    assert (await Order.get(id=order.id)).status == OrderStatus.CLOSED
    assert await taken(session) == 2
    assert await HeldPlace.filter(order_line__order_id=stranger.id).count() == 1


async def test_nothing_is_left_behind_by_a_refusal(db: Database) -> None:
    hall, person = await a_hall(), await a_person()
    session = await a_session(hall.venue, capacity=2)
    elsewhere = await a_session((await a_hall(ref="TT9")).venue)
    before = await census()
    no = {
        "three for two places": (places(session, 3), ErrorCode.SESSION_FULL),
        "two lines for two places": (places(session, 2), ErrorCode.SESSION_FULL),
        "nobody": (places(session, 0), ErrorCode.BAD_INPUT),
        "no such ticket": (places(session, 1, "SENIOR"), ErrorCode.TICKET_UNKNOWN),
        "another price": (places(session, 1, expected_price_fen=2900), ErrorCode.PRICE_CHANGED),
        "too many a person": (places(session, 5), ErrorCode.TOO_MANY_PLACES),
        "another venue": (places(elsewhere, 1), ErrorCode.BAD_INPUT),
    }
    for what, (line, code) in no.items():
        others = [places(session, 1, "CHILD")] if what in ("two lines for two places", "another venue") else []
        refusal = await refusal_of(an_order(person, *others, line, wanted(hall.badminton, at(9))))
        assert refusal.code == code, what
        assert await census() == before, what
        assert await taken(session) == 0, what
    full = await refusal_of(an_order(person, places(session, 3)))
    assert full.sentence() == "大众池 11月21日 14:00–16:00只剩2个名额。请减少人数，或换一个场次。"


async def test_a_line_is_a_court_or_a_session(db: Database) -> None:
    hall, person = await a_hall(), await a_person()
    session = await a_session(hall.venue)
    both = places(session, 1)
    object.__setattr__(both, "court_id", hall.badminton.public_id)
    neither = places(session, 1)
    object.__setattr__(neither, "session_id", "")
    for line in (both, neither):
        assert (await refusal_of(an_order(person, line))).code == ErrorCode.BAD_INPUT
    twice = await refusal_of(an_order(person, places(session, 1), places(session, 2)))
    assert twice.message == "同一个时段选了两次。"
    unknown = places(session, 1)
    object.__setattr__(unknown, "session_id", "ses_nowhere")
    assert (await refusal_of(an_order(person, unknown))).code == ErrorCode.SESSION_UNKNOWN


async def test_a_persons_places_are_counted_over_their_orders_of_the_day(db: Database) -> None:
    hall, person = await a_hall(), await a_person()
    session = await a_session(hall.venue)
    evening = await a_plan(hall.venue, 19 * 60, 21 * 60)
    await make_sessions(now=NOW)
    later = await Session.get(plan_id=evening.id, business_day=session.business_day)
    first = await an_order(person, places(session, 3))
    refused = await refusal_of(an_order(person, places(later, 2)))
    assert refused.message == (
        "大众池 11月21日 19:00–21:00订不了这么多：每人每天在本馆最多4个名额，您已有3个，11月21日还能订1个。"
    )
    assert refused.next_step == "请减少人数，或改订11月22日。"
    await an_order(person, places(later, 1))
    await an_order(await a_person(), places(later, 4))  # somebody else's are their own
    await cancel_order(member_id=person.member_id, order_no=first.order_no, channels={}, now=NOW)
    await an_order(person, places(session, 3))


async def test_overdue_holds_are_ended_when_they_stand_in_the_way(db: Database) -> None:
    session = await a_session((await a_hall()).venue, capacity=2)
    sleeper, quick = await a_person(), await a_person()
    await an_order(sleeper, places(session, 2))
    assert (await refusal_of(an_order(quick, places(session, 1)))).code == ErrorCode.SESSION_FULL
    later = NOW + timedelta(minutes=16)
    await an_order(quick, places(session, 1), now=later)
    assert await taken(session) == 1


async def test_the_same_key_is_the_same_order_and_another_wish_under_it_is_refused(db: Database) -> None:
    session, person = await a_session((await a_hall()).venue), await a_person()
    first = await an_order(person, places(session, 2), key="once")
    assert (await an_order(person, places(session, 2), key="once")).id == first.id
    assert await taken(session) == 2
    again = await refusal_of(an_order(person, places(session, 2, "CHILD"), key="once"))
    assert again.code == ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_a_free_session_is_confirmed_at_once_and_one_under_way_is_still_sold(db: Database) -> None:
    hall = await a_hall()
    session = await a_session(hall.venue, prices={"ADULT": ("FREE", 0)})
    order = await an_order(await a_person(), places(session, 1))
    assert order.status == OrderStatus.PAID
    under_way = session.starts_at + timedelta(minutes=80)
    await an_order(await a_person(), places(session, 1), now=under_way)
    assert await taken(session) == 2
    refused = await refusal_of(
        an_order(await a_person(), places(session, 1), now=session.starts_at + timedelta(minutes=90))
    )
    assert refused.code == ErrorCode.SLOT_PAST


async def test_whom_gates_count_without_a_code_leave_fewer_places_to_sell(db: Database) -> None:
    hall = await a_hall()
    session = await a_session(hall.venue, capacity=5)
    soon = session.starts_at
    await Session.filter(id=session.id).update(counted_inside=4, counted_at=soon)
    refused = await refusal_of(an_order(await a_person(), places(session, 2), now=soon))
    assert refused.message.endswith("只剩1个名额。")
    await an_order(await a_person(), places(session, 1), now=soon)
    assert await taken(session) == 1


async def test_a_voucher_pays_a_part_of_places_and_its_sport_is_the_sessions(
    db: Database, outside: Outside
) -> None:
    hall, person = await a_hall(), await a_person()
    session = await a_session(hall.venue)
    voucher = await a_voucher(
        person.member_id, await a_campaign(terms=Terms(where=Where(sports=frozenset({"SWIMMING"}))))
    )
    order = await a_paid_order(outside, person, places(session, 2), vouchers=[voucher.public_id])
    assert (order.total_fen, order.voucher_fen) == (6000, 2000)
    assert (await VoucherUse.get()).sport_code == "SWIMMING"
    other = await a_voucher(
        (buyer := await a_person()).member_id,
        await a_campaign(terms=Terms(where=Where(sports=frozenset({"BADMINTON"})))),
    )
    refusal = await refusal_of(an_order(buyer, places(session, 2), vouchers=[other.public_id]))
    assert refusal.code == ErrorCode.VOUCHER_WRONG_SPORT
    assert await taken(session) == 2
    await cancel_order(member_id=person.member_id, order_no=order.order_no, channels=outside.channels, now=NOW)
    assert await taken(session) == 0
    await check_all()


async def test_paid_after_the_hold_free_places_are_taken_again(db: Database, outside: Outside) -> None:
    session, person = await a_session((await a_hall()).venue, capacity=3), await a_person()
    order = await an_order(person, places(session, 2))
    sheet = await invoke_payment(outside, order, person)
    await database.rows("UPDATE payment SET status = 'CLOSED' WHERE order_id = $1", order.id)
    await end_overdue_holds(channels=outside.channels, now=NOW + timedelta(minutes=16))
    await outside.pay(sheet)
    await outside.hand_in((await outside.wait_for_letters(1)).pop(), now=NOW + timedelta(minutes=17))
    assert (await Order.get(id=order.id)).status == OrderStatus.PAID
    assert await taken(session) == 2
    assert await Admission.filter(order_id=order.id, revoked_at=None).count() == 2


async def test_where_the_venue_wants_names_a_ticket_is_for_who_has_one(db: Database) -> None:
    hall = await a_hall()
    session = await a_session(hall.venue)
    await a_rule(hall.venue, real_name_needed=True)
    before = await census()
    refusal = await refusal_of(an_order(await a_person(), places(session)))
    assert (refusal.code, await census()) == (ErrorCode.REAL_NAME_NEEDED, before)
    named = Person(await a_named_member(), "")
    assert (await an_order(named, places(session))).status == OrderStatus.PENDING_PAYMENT
    assert await taken(session) == 1
