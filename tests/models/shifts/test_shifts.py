"""A drawer is taken over, and counted before anybody says what should lie in it."""

from datetime import datetime, timedelta

import pytest

from models.errors import DomainError, ErrorCode
from models.shifts.operations import close_shift, open_shift
from models.shifts.queries import open_shift_of, shift_of
from models.shifts.rules import MOST_IN_A_DRAWER_FEN, Takings
from models.shifts.tables import Shift
from models.staff.rules import StaffSignedIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.places import a_venue


@pytest.fixture
async def venue(db: Database) -> Venue:
    return await a_venue(name="城南体育馆")


@pytest.fixture
async def clerk(venue: Venue) -> StaffSignedIn:
    return await a_clerk(venue.public_id)


async def refusal_of(act: object) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await act  # type: ignore[misc]
    assert refused.value.next_step, "a refusal says the way out"
    return refused.value


async def test_a_shift_opens_with_its_float_and_opening_it_again_is_the_same(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    first = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=20000, now=now)
    again = await open_shift(
        clerk=clerk, venue_id=venue.public_id, float_fen=20000, now=now + timedelta(seconds=5)
    )
    assert first == again
    (stored,) = await Shift.all()
    assert (stored.staff_id, stored.venue_id, stored.device_id) == (clerk.staff_id, venue.id, clerk.device_id)
    assert (stored.opened_at, stored.float_fen, stored.closed_at) == (now, 20000, None)


async def test_one_shift_of_a_clerks_is_open_at_a_time_however_old_it_is(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    other = await a_venue(name="城北体育馆")
    both = await a_clerk(venue.public_id, other.public_id)
    shift_id = await open_shift(clerk=both, venue_id=venue.public_id, float_fen=0, now=now)
    two_days_later = now + timedelta(days=2)
    for venue_id, float_fen in ((other.public_id, 0), (venue.public_id, 100)):
        refused = await refusal_of(
            open_shift(clerk=both, venue_id=venue_id, float_fen=float_fen, now=two_days_later)
        )
        assert refused.code is ErrorCode.SHIFT_OPEN_ALREADY
        assert "城南体育馆" in refused.message
    await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=0, now=now)  # somebody else's drawer
    seen = await open_shift_of(staff_id=both.staff_id)
    assert seen is not None
    assert seen.public_id == shift_id
    await close_shift(clerk=both, shift_id=shift_id, counted_fen=0, note="", now=two_days_later)
    assert await open_shift_of(staff_id=both.staff_id) is None
    assert await open_shift(clerk=both, venue_id=other.public_id, float_fen=0, now=two_days_later) != shift_id


async def test_a_clerk_opens_shifts_at_their_own_venues_only(clerk: StaffSignedIn, now: datetime) -> None:
    elsewhere = await a_venue(name="别处的馆")
    for venue_id in (elsewhere.public_id, "ven_unknown", ""):
        refused = await refusal_of(open_shift(clerk=clerk, venue_id=venue_id, float_fen=0, now=now))
        assert (refused.code, refused.field) == (ErrorCode.NOT_ALLOWED, "venueId")
    assert await Shift.all().count() == 0


@pytest.mark.parametrize("amount", [-1, MOST_IN_A_DRAWER_FEN + 1, 10**18])
async def test_an_amount_that_no_drawer_holds_is_refused(
    venue: Venue, clerk: StaffSignedIn, now: datetime, amount: int
) -> None:
    refused = await refusal_of(open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=amount, now=now))
    assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, "openingFloat")
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=0, now=now)
    refused = await refusal_of(close_shift(clerk=clerk, shift_id=shift_id, counted_fen=amount, note="", now=now))
    assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, "counted")


async def test_what_should_lie_in_the_drawer_is_told_only_once_it_was_counted(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=500, now=now)
    seen = await open_shift_of(staff_id=clerk.staff_id)
    assert seen is not None
    told = (seen.expected_fen, seen.counted_fen, seen.difference_fen, seen.cash_fen, seen.cash_handed_out_fen)
    assert told == (None,) * 5
    await close_shift(clerk=clerk, shift_id=shift_id, counted_fen=500, note="", now=now + timedelta(hours=8))
    seen = await shift_of(staff_id=clerk.staff_id, shift_id=shift_id)
    assert seen is not None
    told = (seen.expected_fen, seen.counted_fen, seen.difference_fen, seen.cash_fen, seen.cash_handed_out_fen)
    assert told == (500, 500, 0, 0, 0)
    assert seen.closed_at == now + timedelta(hours=8)


async def test_a_difference_wants_a_note_and_both_figures_are_kept(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=500, now=now)
    for note in ("", "   "):
        refused = await refusal_of(
            close_shift(clerk=clerk, shift_id=shift_id, counted_fen=480, note=note, now=now)
        )
        assert (refused.code, refused.field) == (ErrorCode.DRAWER_DIFFERS, "note")
        assert refused.message == "清点为4.80元，账上应有5.00元，少0.20元。"
    seen = await open_shift_of(staff_id=clerk.staff_id)
    assert seen is not None
    assert (seen.expected_fen, seen.counted_fen, seen.note) == (None, None, "")
    await close_shift(clerk=clerk, shift_id=shift_id, counted_fen=480, note=" 找错零钱 ", now=now)
    stored = await Shift.get(public_id=shift_id)
    assert (stored.expected_fen, stored.counted_fen, stored.note) == (500, 480, "找错零钱")


async def test_who_counts_anew_after_hearing_what_to_find_leaves_the_first_count_on_record(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=500, now=now)
    await refusal_of(close_shift(clerk=clerk, shift_id=shift_id, counted_fen=700, note="", now=now))
    await refusal_of(close_shift(clerk=clerk, shift_id=shift_id, counted_fen=600, note="", now=now))
    await close_shift(clerk=clerk, shift_id=shift_id, counted_fen=500, note="", now=now)
    stored = await Shift.get(public_id=shift_id)
    assert (stored.expected_fen, stored.counted_fen, stored.note) == (500, 500, "首次清点为7.00元。")


async def test_closing_twice_with_the_same_count_is_once_and_with_another_is_refused(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=500, now=now)
    await close_shift(clerk=clerk, shift_id=shift_id, counted_fen=500, note="", now=now)
    await close_shift(clerk=clerk, shift_id=shift_id, counted_fen=500, note="", now=now + timedelta(hours=1))
    assert (await Shift.get(public_id=shift_id)).closed_at == now
    refused = await refusal_of(close_shift(clerk=clerk, shift_id=shift_id, counted_fen=501, note="又数", now=now))
    assert refused.code is ErrorCode.SHIFT_CLOSED
    assert (await Shift.get(public_id=shift_id)).counted_fen == 500


async def test_somebody_elses_shift_is_as_unknown_as_none(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=500, now=now)
    colleague = await a_clerk(venue.public_id)
    said = [
        (
            await refusal_of(close_shift(clerk=colleague, shift_id=each, counted_fen=500, note="", now=now))
        ).sentence()
        for each in (shift_id, "shf_UNKNOWN")
    ]
    assert said[0] == said[1]
    assert await shift_of(staff_id=colleague.staff_id, shift_id=shift_id) is None
    assert await open_shift_of(staff_id=colleague.staff_id) is None


@pytest.mark.parametrize("note", ["长" * 151, "两\n行"])
async def test_a_note_that_does_not_fit_is_refused(
    venue: Venue, clerk: StaffSignedIn, now: datetime, note: str
) -> None:
    shift_id = await open_shift(clerk=clerk, venue_id=venue.public_id, float_fen=500, now=now)
    refused = await refusal_of(close_shift(clerk=clerk, shift_id=shift_id, counted_fen=1, note=note, now=now))
    assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, "note")
    await refusal_of(close_shift(clerk=clerk, shift_id=shift_id, counted_fen=10**8, note="", now=now))
    await close_shift(
        clerk=clerk, shift_id=shift_id, counted_fen=1, note="长" * 150, now=now
    )  # with the first count


def test_only_cash_lies_in_a_drawer() -> None:
    takings = Takings(cash_fen=700, card_fen=9, code_fen=90, cash_handed_out_fen=1000, card_handed_out_fen=900)
    assert takings.expected_fen(500) == 200
