"""Courts, opening hours and tariffs, held to the rules that `data/README.md` writes down."""

from collections import Counter
from itertools import pairwise

import pytest

from tests.data import Row, rows

VENUES = rows("venues.csv")
SPORTS = {sport["code"] for sport in rows("sports.csv")}
OPENINGS = rows("opening_hours.csv")
TARIFFS = rows("tariffs.csv")
PARTITIONS = (("ALL",), ("WORKDAY", "HOLIDAY"), ("MON", "TUE_FRI", "WEEKEND_STATUTORY"))


def courts_of(venue: Row) -> list[Row]:
    own = [court for court in rows("courts.csv") if court["reference"] == venue["ref"]]
    return own or [
        court for court in rows("demonstration_courts.csv") if court["venue_type"] == venue["venue_type"]
    ]


COURTS = [(venue, court) for venue in VENUES for court in courts_of(venue)]


def openings_for(venue: Row, sport: str) -> list[Row]:
    def rows_for(reference: str, venue_type: str, of_sport: str) -> list[Row]:
        key = (reference, venue_type, of_sport)
        return [row for row in OPENINGS if (row["reference"], row["venue_type"], row["sport"]) == key]

    return (
        rows_for(venue["ref"], "", sport)
        or rows_for(venue["ref"], "", "")
        or rows_for("", venue["venue_type"], "")
        or rows_for("", "", "")
    )


def tariffs_for(reference: str, sport: str, court: str) -> list[Row]:
    for owner in (reference, ""):
        of_owner = [row for row in TARIFFS if row["reference"] == owner]
        by_court = [row for row in of_owner if court in row["courts"].split("|")]
        by_sport = [row for row in of_owner if (row["sport"], row["courts"]) == (sport, "")]
        whole = [row for row in of_owner if (row["sport"], row["courts"]) == ("", "")]
        if found := by_court or by_sport or whole:
            return found
    raise AssertionError(f"no tariff for {reference} {court}")


def minutes(time: str) -> int:
    hours, past = time.split(":")
    return int(hours) * 60 + int(past)


def windows(reference: str, sport: str, court: str, day_kind: str, provenance: str) -> dict[str, str]:
    """ "09:00-15:00" -> kind, of one provenance."""
    return {
        f"{row['from']}-{row['to']}": row["kind"]
        for row in tariffs_for(reference, sport, court)
        if row["day_kind"] == day_kind and row["window_provenance"] == provenance
    }


def test_every_venue_has_courts_of_known_sports() -> None:
    assert {venue["ref"] for venue, _ in COURTS} == {venue["ref"] for venue in VENUES}
    assert {court["sport"] for _, court in COURTS} == SPORTS


def test_a_court_is_a_set_of_parts_and_its_name_is_unique_in_its_venue() -> None:
    assert max(Counter((venue["ref"], court["name"]) for venue, court in COURTS).values()) == 1
    for _, court in COURTS:
        parts = court["parts"].split("+")
        assert parts == sorted(set(parts))
        assert all(parts)


def test_a_full_court_is_two_halves_and_excludes_the_volleyball_on_the_same_floor() -> None:
    gymnasium = next(venue for venue in VENUES if venue["ref"] == "CQ001")
    floor = {court["name"]: court["parts"] for court in courts_of(gymnasium) if court["area"] == "综合场地"}
    assert floor == {
        "综合场地全场": "A+B",
        "综合场地半场A": "A",
        "综合场地半场B": "B",
        "综合场地排球场": "A+B",
    }


@pytest.mark.parametrize(
    ("reference", "counts"),
    [
        # 4篮球场/20羽毛球/10乒乓球; 室外4片3人篮球 2网球
        ("SC001", {"BASKETBALL": 8, "BADMINTON": 20, "TABLE_TENNIS": 10, "TENNIS": 2}),
        # 15羽毛球; 16乒乓球台
        ("SC024", {"BADMINTON": 15, "TABLE_TENNIS": 16}),
    ],
)
def test_published_courts_are_counted_as_published(reference: str, counts: dict[str, int]) -> None:
    published = [
        court["sport"]
        for court in rows("courts.csv")
        if court["reference"] == reference and court["provenance"] == "PUBLISHED"
    ]
    assert Counter(published) == counts


def test_opening_hours_are_periods_of_known_venues_and_sports() -> None:
    for row in OPENINGS:
        assert minutes(row["opens"]) < minutes(row["closes"]) <= 24 * 60
        assert set(row["weekdays"]) <= set("1234567")
        assert row["reference"] in {"", *(venue["ref"] for venue in VENUES)}
        assert row["venue_type"] in {"", *(venue["venue_type"] for venue in VENUES)}
        assert row["sport"] in {"", *SPORTS}


def test_gaoxin_is_closed_on_mondays_and_others_never() -> None:
    for venue, court in COURTS:
        days = set("".join(row["weekdays"] for row in openings_for(venue, court["sport"])))
        assert set("1234567") - days == ({"1"} if venue["ref"] == "SC007" else set())


def test_meishan_closes_at_noon() -> None:
    openings = openings_for(next(venue for venue in VENUES if venue["ref"] == "SC024"), "BADMINTON")
    assert [(row["opens"], row["closes"]) for row in openings] == [("09:00", "12:00"), ("14:00", "22:00")]


def test_every_court_has_one_window_for_every_minute_that_it_is_open() -> None:
    for venue, court in COURTS:
        tariffs = tariffs_for(venue["ref"], court["sport"], court["name"])
        kinds = {row["day_kind"] for row in tariffs}
        assert kinds in [set(partition) for partition in PARTITIONS], (venue["ref"], court["name"], kinds)
        for kind in kinds:
            day = sorted((minutes(row["from"]), minutes(row["to"])) for row in tariffs if row["day_kind"] == kind)
            assert all(start < end for start, end in day)
            assert all(end == start for (_, end), (start, _) in pairwise(day)), (venue["ref"], court["name"], kind)
            for opening in openings_for(venue, court["sport"]):
                assert day[0][0] <= minutes(opening["opens"])
                assert minutes(opening["closes"]) <= day[-1][1]


def test_slots_counted_from_an_opening_never_straddle_two_windows_or_the_closing() -> None:
    for venue, court in COURTS:
        slot = int(court["slot_minutes"])
        for opening in openings_for(venue, court["sport"]):
            opens, closes = minutes(opening["opens"]), minutes(opening["closes"])
            assert (closes - opens) % slot == 0
            for row in tariffs_for(venue["ref"], court["sport"], court["name"]):
                for edge in (minutes(row["from"]), minutes(row["to"])):
                    assert not opens < edge < closes or (edge - opens) % slot == 0, (venue["ref"], court["name"])


def test_free_is_free_and_low_is_at_most_seventy_percent_of_market() -> None:
    """体规字〔2021〕7号."""
    for venue, court in COURTS:
        prices: dict[str, set[int]] = {"FREE": set(), "LOW": set(), "MARKET": set()}
        for row in tariffs_for(venue["ref"], court["sport"], court["name"]):
            prices[row["kind"]].add(int(row["price_fen_per_hour"]))
        assert prices["FREE"] <= {0}
        assert min(prices["LOW"] | prices["MARKET"], default=1) > 0
        if prices["LOW"]:
            assert max(prices["LOW"]) * 10 <= min(prices["MARKET"]) * 7


def test_every_tariff_row_is_somebodys() -> None:
    """A name mistyped in `courts` or a sport that the venue lacks would lie unused."""
    used = {id(row) for venue, court in COURTS for row in tariffs_for(venue["ref"], court["sport"], court["name"])}
    spare = {(row["reference"], row["sport"], row["courts"]) for row in TARIFFS if id(row) not in used}
    assert spare == {("", "", ""), ("SC007", "", "")}, "what a new sport falls back to"


def test_a_published_row_names_its_source_and_a_demonstration_claims_none() -> None:
    for row in TARIFFS:
        assert ("重庆日报" in row["source"] or "baitongwang" in row["source"]) == (
            row["window_provenance"] == "PUBLISHED"
        )
        if row["price_provenance"] == "PUBLISHED":
            assert row["window_provenance"] == "PUBLISHED"


@pytest.mark.parametrize("sport", ["BADMINTON", "TABLE_TENNIS", "BASKETBALL", "VOLLEYBALL"])
def test_gaoxins_windows_are_as_published(sport: str) -> None:
    venue = next(venue for venue in VENUES if venue["ref"] == "SC007")
    names = [court["name"] for court in courts_of(venue) if court["sport"] == sport]
    assert names
    for name in names:
        assert windows("SC007", sport, name, "WORKDAY", "PUBLISHED") == {
            "09:00-15:00": "FREE",
            "15:00-18:00": "LOW",
            "18:00-22:00": "MARKET",
        }
        assert windows("SC007", sport, name, "HOLIDAY", "PUBLISHED") == {
            "09:00-11:00": "FREE",
            "11:00-13:00": "LOW",
            "13:00-22:00": "MARKET",
        }


@pytest.mark.parametrize(
    ("sport", "court", "day_kind", "published"),
    [
        ("ATHLETICS", "内场", "MON", {"06:30-22:00": "FREE"}),
        ("ATHLETICS", "内场", "TUE_FRI", {"06:30-17:00": "FREE"}),
        ("ATHLETICS", "内场", "WEEKEND_STATUTORY", {"06:30-12:00": "FREE"}),
        ("TABLE_TENNIS", "室外乒乓球台1", "ALL", {"06:00-22:00": "FREE"}),
        ("GATEBALL", "门球场", "ALL", {"08:00-16:00": "FREE"}),
        ("BASKETBALL", "4号篮球场", "ALL", {"06:30-09:00": "FREE"}),
        ("BASKETBALL", "5号篮球场", "ALL", {"06:30-09:00": "FREE"}),
        ("TENNIS", "网球场1", "WORKDAY", {"08:00-10:00": "LOW"}),
        ("TENNIS", "网球场1", "HOLIDAY", {}),
    ],
)
def test_datianwans_windows_are_as_published(
    sport: str, court: str, day_kind: str, published: dict[str, str]
) -> None:
    assert windows("CQ002", sport, court, day_kind, "PUBLISHED") == published


def test_the_one_published_price_is_datianwans_tennis_at_thirty_yuan() -> None:
    priced = [
        (row["reference"], row["sport"], row["day_kind"], row["from"], row["to"], row["price_fen_per_hour"])
        for row in TARIFFS
        if row["price_provenance"] == "PUBLISHED" and row["kind"] != "FREE"
    ]
    assert priced == [("CQ002", "TENNIS", "WORKDAY", "08:00", "10:00", "3000")]


def test_nothing_is_published_of_any_other_venue() -> None:
    assert {row["reference"] for row in TARIFFS if row["window_provenance"] == "PUBLISHED"} == {"SC007", "CQ002"}


def test_booking_rules_have_a_full_default_and_gaoxins_are_as_published() -> None:
    rules = {row["reference"]: row for row in rows("booking_rules.csv")}
    may_be_none = {"reference", "sport", "from_day", "to_day", "minutes_a_person_a_day", "courts_a_person_a_week"}
    may_be_none |= {"minutes_a_person_a_week", "most_players", "cancel_free_minutes", "cancel_kept_percent"}
    assert {column for column, cell in rules[""].items() if not cell} <= may_be_none
    assert rules.keys() == {"", "SC007"}
    gaoxin = rules["SC007"]
    assert (gaoxin["courts_a_person_a_day"], gaoxin["minutes_a_court_a_day"]) == ("2", "120")
    assert gaoxin["provenance"] == "PUBLISHED"
    published = {"reference", "courts_a_person_a_day", "minutes_a_court_a_day", "provenance", "source"}
    assert {column for column, cell in gaoxin.items() if cell} == published, (
        "what is not published is left to the default"
    )


def test_every_court_takes_somebody_and_a_half_no_more_than_the_whole() -> None:
    people = {(venue["ref"], court["name"]): int(court["max_people"]) for venue, court in COURTS}
    assert min(people.values()) >= 1
    for (ref, name), count in people.items():
        if "半场" in name:
            assert count <= people[ref, name[: name.index("半场")] + "全场"]
