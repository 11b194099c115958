"""Where a campaign's vouchers are worth something: which of the venues, regions and sports there are it names."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from models import database
from models.vouchers.drafting import Draft
from models.vouchers.reading import TermsInvalid
from models.vouchers.rules import Where

EVERYWHERE = Where()


@dataclass(frozen=True, slots=True)
class VenuePlace:
    """An open venue: its public id, the keys of the regions it lies in, what is played there."""

    public_id: str
    regions: frozenset[str]
    sports: frozenset[str]


def holds_at(where: Where, venue: VenuePlace) -> bool:
    """Whether something at this venue can be paid with such a voucher."""
    return (
        (not where.venues or venue.public_id in where.venues)
        and (not where.regions or not where.regions.isdisjoint(venue.regions))
        and (not where.sports or not where.sports.isdisjoint(venue.sports))
    )


async def open_venues(region_key: str = "") -> Sequence[VenuePlace]:
    """All of them, or those in a region and below it."""
    within = "AND $1 IN (venue.province_code, venue.city_code, region.key)" if region_key else ""
    found = await database.rows(
        f"""SELECT venue.public_id, venue.province_code, venue.city_code, venue.sport_codes, region.key
              FROM venue JOIN region ON region.id = venue.region_id
             WHERE venue.is_open {within}""",
        *([region_key] if region_key else []),
    )
    return [
        VenuePlace(
            row["public_id"],
            frozenset({row["province_code"], row["city_code"], row["key"]}),
            frozenset(orjson.loads(row["sport_codes"])),
        )
        for row in found
    ]


async def names_of(keys: Iterable[str]) -> Mapping[str, str]:
    """What people call these regions, sports and venues, by key, code and public id."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    found = await database.rows(
        """SELECT key, name FROM region WHERE key = ANY($1::text[])
           UNION ALL SELECT code, name FROM sport WHERE code = ANY($1::text[])
           UNION ALL SELECT public_id, name FROM venue WHERE public_id = ANY($1::text[])""",
        wanted,
    )
    return {row["key"]: row["name"] for row in found}


async def check_places(draft: Draft) -> None:
    """Raises TERMS_INVALID when the draft names a region, a venue or a sport that there is not."""
    await _require_all("region", "key", {draft.region_key} - {""}, "没有这个地区：{}。", "region_key")
    await check_where(draft.terms.where)
    await check_regions(draft.terms.who.regions)


async def check_regions(keys: Collection[str]) -> None:
    """Of those who may claim."""
    await _require_all("region", "key", keys, "没有这个地区：{}。", "terms.who.regions")


async def check_where(where: Where) -> None:
    """Raises TERMS_INVALID for places and sports that there are not, and when together they leave no open venue."""
    await _require_all("region", "key", where.regions, "没有这个地区：{}。", "terms.where.regions")
    await _require_all("venue", "public_id", where.venues, "没有这个场馆：{}。", "terms.where.venues")
    await _require_all("sport", "code", where.sports, "没有这个项目：{}。", "terms.where.sports")
    if where != EVERYWHERE and not any(holds_at(where, venue) for venue in await open_venues()):
        raise TermsInvalid("没有一家开放的场馆同时符合这些场馆、地区和项目，券用不出去。", field="terms.where")


async def _require_all(table: str, column: str, wanted: Iterable[str], sentence: str, field: str) -> None:
    names = sorted(wanted)
    if not names:
        return
    found = await database.rows(
        f"SELECT {column} AS name FROM {table} WHERE {column} IN ({database.parameters(len(names))})", *names
    )
    if missing := sorted({*names} - {row["name"] for row in found}):
        raise TermsInvalid(sentence.format(missing[0][:40]), field=field)
