import csv
import hashlib
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from maps.coordinates import CoordinateSystem, Point
from tests.data import DATA, Row, rows

VENUES = {venue["ref"]: venue for venue in rows("venues.csv")}
MENDS = rows("mends.csv")
REGIONS = {region["code"]: region for region in rows("regions.csv")}


def mended_venues() -> dict[str, Row]:
    venues = {ref: dict(venue) for ref, venue in VENUES.items()}
    for mend in MENDS:
        venue, field = venues[mend["reference"]], mend["field"]
        venue[field] = venue[field].replace(mend["published"], mend["mended"])
    return venues


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.name)
def test_every_file_is_utf8_with_unix_lines_and_full_rows(path: Path) -> None:
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert not raw.startswith(b"\xef\xbb\xbf")
    header, *body = csv.reader(raw.decode("utf-8").splitlines(), strict=True)
    assert len(set(header)) == len(header)
    assert {len(row) for row in body} == ({len(header)} if body else set())
    assert body or path.name == "school_holidays.csv"  # nothing was found published
    assert all(cell == cell.strip() for row in body for cell in row)


def test_the_110_venues_are_exactly_as_published() -> None:
    """The list as we got it, except that its lines ended with CR LF."""
    published = "3da610add836b7649c5255924b51c887496ab9d725829da941650d536d738ae9"
    as_we_got_it = (DATA / "venues.csv").read_bytes().replace(b"\n", b"\r\n")
    assert hashlib.sha256(as_we_got_it).hexdigest() == published
    assert Counter(ref[:2] for ref in VENUES) == {"CQ": 84, "SC": 26}


def test_every_venue_stands_in_a_district_that_has_a_centroid() -> None:
    for venue in VENUES.values():
        region = REGIONS[venue["region_code"]]
        assert region["level"] == "DISTRICT"
        assert region["centroid_lon"]


def test_every_mend_has_exactly_one_place_to_apply_to_and_changes_it() -> None:
    texts = {(ref, field): venue[field] for ref, venue in VENUES.items() for field in ("name", "address")}
    for mend in MENDS:
        key = (mend["reference"], mend["field"])
        assert texts[key].count(mend["published"]) == 1, mend
        assert mend["published"] != mend["mended"]
        texts[key] = texts[key].replace(mend["published"], mend["mended"])


def test_no_mend_leaves_its_misprint_behind() -> None:
    venues = mended_venues()
    for mend in MENDS:
        assert mend["published"] not in venues[mend["reference"]][mend["field"]]


def test_every_mend_gives_its_reason() -> None:
    assert all(len(mend["reason"]) >= 10 for mend in MENDS)


@pytest.mark.parametrize("misprint", ["北陪", "绪云", "开县", "乡乡", "街道街道", "海棠大道街", "岗天"])
def test_a_known_misprint_is_published_somewhere_and_mended_everywhere(misprint: str) -> None:
    assert any(misprint in venue["name"] + venue["address"] for venue in VENUES.values())
    assert not any(misprint in venue["name"] + venue["address"] for venue in mended_venues().values())


def test_what_is_not_listed_stays_as_published() -> None:
    touched = {(mend["reference"], mend["field"]) for mend in MENDS}
    for ref, venue in mended_venues().items():
        for field, text in venue.items():
            assert (text != VENUES[ref][field]) == ((ref, field) in touched)


def test_the_mended_names_read_well() -> None:
    venues = mended_venues()
    assert venues["CQ015"]["name"] == "北碚区缙云体育中心体育场"
    assert venues["CQ016"]["name"] == "北碚区缙云体育中心体育馆"
    assert venues["CQ017"]["address"] == "重庆市綦江区万东镇滨江西路501号"
    assert venues["CQ040"]["address"] == "重庆市南川区西城街道渝南大道东方红居委3组"
    assert venues["CQ056"]["name"] == "城口县岚天乡全民健身中心"
    assert venues["CQ081"]["address"] == "重庆市开州区云枫街道长青社区花仙路19号"


def test_there_are_244_divisions_in_one_tree() -> None:
    assert Counter(region["level"] for region in REGIONS.values()) == {"PROVINCE": 2, "CITY": 21, "DISTRICT": 221}
    for code, region in REGIONS.items():
        parent = REGIONS.get(region["parent_code"])
        if region["level"] == "PROVINCE":
            assert parent is None
        elif code.startswith("50"):
            assert region["parent_code"] == "500000"
        else:
            assert parent is not None
            assert parent["level"] == {"CITY": "PROVINCE", "DISTRICT": "CITY"}[region["level"]]
            assert code.startswith(region["parent_code"].rstrip("0"))


def test_every_district_has_a_centroid_in_sichuan_or_chongqing() -> None:
    for region in REGIONS.values():
        if region["level"] != "DISTRICT":
            assert (region["centroid_lon"], region["centroid_lat"]) == ("", "")
            continue
        centroid = Point(float(region["centroid_lon"]), float(region["centroid_lat"]), CoordinateSystem.GCJ02).to(
            CoordinateSystem.WGS84
        )
        assert 97 < centroid.lon < 110.5
        assert 26 < centroid.lat < 34.5


def test_liangjiang_new_area_replaced_two_districts_without_a_code_that_we_know() -> None:
    changes = {change["old_code"]: change for change in rows("region_changes.csv") if change["old_code"]}
    for code, name in (("500105", "江北区"), ("500112", "渝北区")):
        change = changes[code]
        assert (change["old_name"], change["new_name"], change["new_code"]) == (name, "两江新区", "")
        assert change["effective_date"] == REGIONS[code]["valid_to"] == "2025-11-06"
    assert {code for code, region in REGIONS.items() if region["valid_to"]} == {"500105", "500112"}


def test_every_known_successor_is_a_division_of_today() -> None:
    for change in rows("region_changes.csv"):
        if change["new_code"]:
            assert REGIONS[change["new_code"]]["name"] == change["new_name"]
        if change["effective_date"]:
            date.fromisoformat(change["effective_date"])
