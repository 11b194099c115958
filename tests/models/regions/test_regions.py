"""Divisions begin, end and succeed one another."""

from datetime import date

import pytest
from geopy.distance import geodesic

from models.regions.queries import regions
from models.regions.tables import Region
from tests.databases import Database
from tests.factories.places import all_places

LAST_DAY, FIRST_DAY = date(2025, 11, 5), date(2025, 11, 6)


async def test_liangjiang_replaced_jiangbei_and_yubei_on_its_day(db: Database) -> None:
    await all_places()
    before = {region["name"]: region for region in await regions(LAST_DAY, "500000")}
    after = {region["name"]: region for region in await regions(FIRST_DAY, "500000")}
    assert before.keys() - after.keys() == {"江北区", "渝北区"}
    assert after.keys() - before.keys() == {"两江新区"}
    assert after["两江新区"]["code"] == ""  # not yet published, so not made up
    assert len(await regions(LAST_DAY)) == 244
    assert len(await regions(FIRST_DAY)) == 243


async def test_who_ended_names_its_successor(db: Database) -> None:
    await all_places()
    for key, successor in (("500105", "两江新区"), ("500112", "两江新区"), ("500234", "开州区")):
        ended = await Region.get(key=key)
        assert (await Region.get(key=ended.successor_key)).name == successor


@pytest.mark.parametrize("name", ["开县", "郫县", "新津县"])
async def test_predecessors_without_a_known_last_day_exist_on_no_day(db: Database, name: str) -> None:
    await all_places()
    assert await Region.filter(name=name).count() == 1
    for day in (date(1990, 1, 1), LAST_DAY, FIRST_DAY):
        assert name not in {region["name"] for region in await regions(day)}


async def test_provinces_have_cities_and_chongqing_has_districts_at_once(db: Database) -> None:
    await all_places()
    assert [region["name"] for region in await regions(FIRST_DAY, "")] == ["重庆市", "四川省"]
    assert {region["level"] for region in await regions(FIRST_DAY, "510000")} == {"CITY"}
    assert len(await regions(FIRST_DAY, "510000")) == 21
    assert {region["level"] for region in await regions(FIRST_DAY, "500000")} == {"DISTRICT"}
    assert {region["level"] for region in await regions(FIRST_DAY, "510100")} == {"DISTRICT"}


@pytest.mark.parametrize("parent", ["999999", "\0", "x" * 10_000, "' OR ''='"])
async def test_an_unknown_parent_has_no_children(db: Database, parent: str) -> None:
    await all_places()
    assert await regions(FIRST_DAY, parent) == []


async def test_centroids_are_stored_in_wgs84(db: Database) -> None:
    await all_places()
    published_gcj02 = (29.552736, 106.568896)
    yuzhong = await Region.get(key="500103")
    assert 400 < geodesic((yuzhong.centroid_lat, yuzhong.centroid_lon), published_gcj02).meters < 500
