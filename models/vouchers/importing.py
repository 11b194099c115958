"""Brings the campaigns of `data/voucher_campaigns.json` into the database: once. A campaign is changed by staff
afterwards, under its own rules, and no file overwrites that.

In the file a round's days are written as a number of days from the day of the import on, so that a walk-through
always has something to claim.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from models import database
from models.calendar import business_day, instant_of
from models.errors import DomainError
from models.ids import stable_id
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused, one_of
from models.venues.schedules import PROVENANCES
from models.vouchers.campaigns import note_step
from models.vouchers.drafting import (
    Draft,
    KindWanted,
    PoolWanted,
    RoundWanted,
    Schedule,
    check_draft,
    minute_of,
    rounds_of,
)
from models.vouchers.places import check_places
from models.vouchers.reading import terms_of
from models.vouchers.rules import CampaignState
from models.vouchers.tables import VoucherCampaign
from models.vouchers.writing import new_campaign

FILE = "voucher_campaigns.json"
_CAMPAIGN = {"ref", "title", "region", "state", "reserve_fen", "provenance", "source", "terms", "pools"}
_POOL = {"name", "budget_fen", "kinds"}
_KIND = {"title", "face_fen", "minimum_spend_fen", "rounds"}
_ROUNDS = {"days", "weekdays", "times", "open_minutes", "quantity"}
_MAY_BE = (CampaignState.DRAFT, CampaignState.OPEN)


async def import_campaigns(*, folder: Path, report: ImportReport, now: datetime) -> None:
    """Adds those of the file that are not there yet, and adds to the report how many. Run it after the places' import.
    Raises ImportRefused, and has then written nothing."""
    entries = orjson.loads((folder / FILE).read_bytes())
    await _bring_in([_entry(entry, business_day(now)) for entry in entries], report, now)


def _entry(entry: Mapping[str, Any], today: date) -> tuple[Mapping[str, Any], Draft]:
    where = f"{FILE} {entry.get('ref')}"
    _require(entry, _CAMPAIGN, where)
    if entry["provenance"] not in PROVENANCES or not entry["source"]:
        raise ImportRefused(f"{where}: one of {', '.join(PROVENANCES)}, and who says so")
    if entry["state"] not in _MAY_BE:
        raise ImportRefused(f"{where}: {entry['state']!r} is not one of {', '.join(_MAY_BE)}")
    if entry["state"] == CampaignState.OPEN and entry["provenance"] != "DEMONSTRATION":
        raise ImportRefused(f"{where}: real money is opened by two people, not by a file")
    try:
        draft = Draft(
            title=entry["title"],
            region_key=entry["region"],
            reserve_fen=entry["reserve_fen"],
            terms=terms_of(entry["terms"]),
            pools=tuple(_pool(pool, today, where) for pool in entry["pools"]),
        )
        check_draft(draft, now=instant_of(today, 0))
    except DomainError as refusal:
        raise ImportRefused(f"{where}: {refusal.field}: {refusal.message}") from refusal
    return entry, draft


def _pool(pool: Mapping[str, Any], today: date, where: str) -> PoolWanted:
    _require(pool, _POOL, where)
    return PoolWanted(
        name=pool["name"],
        budget_fen=pool["budget_fen"],
        kinds=tuple(_kind(kind, today, where) for kind in pool["kinds"]),
    )


def _kind(kind: Mapping[str, Any], today: date, where: str) -> KindWanted:
    _require(kind, _KIND, where)
    return KindWanted(
        title=kind["title"],
        face_fen=kind["face_fen"],
        minimum_spend_fen=kind["minimum_spend_fen"],
        rounds=_rounds(kind["rounds"], today, where),
    )


def _rounds(said: Mapping[str, Any], today: date, where: str) -> tuple[RoundWanted, ...]:
    """Those of so many days from today on."""
    _require(said, _ROUNDS, where)
    for digit in said["weekdays"]:
        one_of(digit, tuple("1234567"), where)
    return rounds_of(
        Schedule(
            from_day=today,
            until_day=today + timedelta(days=said["days"] - 1),
            weekdays=frozenset(int(digit) - 1 for digit in said["weekdays"]),
            minutes=tuple(minute_of(time) for time in said["times"]),
            open_minutes=said["open_minutes"],
            quantity=said["quantity"],
        )
    )


def _require(said: Mapping[str, Any], names: set[str], where: str) -> None:
    if wrong := said.keys() ^ names:
        raise ImportRefused(f"{where}: missing or unknown: {', '.join(sorted(wrong))}")


@database.operation
async def _bring_in(
    entries: Sequence[tuple[Mapping[str, Any], Draft]], report: ImportReport, now: datetime
) -> None:
    await database.alone_with("import of voucher campaigns")
    for entry, draft in entries:
        public_id = stable_id("cam", entry["ref"])
        if await VoucherCampaign.exists(public_id=public_id):
            continue
        try:
            await check_places(draft)
        except DomainError as refusal:
            raise ImportRefused(f"{FILE} {entry['ref']}: {refusal.field}: {refusal.message}") from refusal
        campaign = await new_campaign(
            draft,
            public_id=public_id,
            state=CampaignState(entry["state"]),
            staff_id=None,
            provenance=entry["provenance"],
            now=now,
        )
        await note_step(campaign, "", None, reason="随数据导入", key="import", now=now)
        report.count("voucher_campaign", added=1)
