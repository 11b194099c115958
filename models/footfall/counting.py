"""How many people: inside a venue now, and through each gate in each hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.booking.session_rules import LIVE_FOR
from models.calendar import business_day, instant_of
from models.footfall.tables import GateDevice
from models.forwarding import operations as forwarding
from models.venues.hours_versions import version_on

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """How many were inside when a gate last counted, at `counted_at`. Show its age: an old figure is a guess."""

    inside: int
    counted_at: datetime

    def is_live(self, now: datetime) -> bool:
        """Whether it may be shown as how it is now: not older than LIVE_FOR."""
        return now - self.counted_at <= LIVE_FOR


async def occupancy_of(venue_ids: Sequence[int], *, now: datetime) -> dict[int, Inside]:
    """The occupancy (在场人数) by venue id; a venue whose gates never counted is not in it.

    A figure of an earlier business day is read as nobody, with the age that it really has.
    """
    if not venue_ids:
        return {}
    places = database.parameters(len(venue_ids))
    today = business_day(now)
    return {
        row["venue_id"]: Inside(
            inside=row["inside"] if database.day(row["business_day"]) == today else 0,
            counted_at=database.utc(row["counted_at"]),
        )
        for row in await database.rows(
            f"SELECT venue_id, business_day, inside, counted_at FROM occupancy WHERE venue_id IN ({places})",
            *venue_ids,
        )
    }


@database.operation
async def close_day(*, now: datetime) -> int:
    """Nobody is inside a venue that has closed for the day. Gives how many venues still counted somebody.

    What a gate counts after closing is believed until the next business day starts with nobody.
    """
    today = business_day(now)
    counted = await database.rows(
        f"""SELECT occupancy.venue_id, occupancy.counted_at, MAX(opening_hours.closes_minute) AS closes_minute
             FROM occupancy JOIN opening_hours ON opening_hours.venue_id = occupancy.venue_id
              AND opening_hours.version = {version_on("occupancy.venue_id", "$1")}
            WHERE occupancy.business_day = $1 AND occupancy.inside > 0 AND opening_hours.weekday = $2
            GROUP BY occupancy.venue_id, occupancy.counted_at
            ORDER BY occupancy.venue_id""",
        *(today, today.weekday()),
    )
    reset = 0
    for row in counted:
        closed_at = instant_of(today, row["closes_minute"])
        if database.utc(row["counted_at"]) < closed_at <= now:
            await database.rows(
                "UPDATE occupancy SET inside = 0, counted_at = $1 WHERE venue_id = $2 AND counted_at < $3",
                *(now, row["venue_id"], closed_at),
            )
            reset += 1
    return reset


async def report_hour(*, hour_end: datetime, now: datetime) -> int:
    """Tell the platform each device's people in the hour that ended then. Gives how many figures were told.

    Harmless to repeat: a figure is told when it differs from the one told last, as it does when a scan arrives
    late. An hour in which nobody passed is not told.
    """
    if hour_end.timestamp() % HOUR.total_seconds() or hour_end > now:
        raise ValueError(f"{hour_end} is not the end of an hour that has passed")
    told = 0
    for figure in await _figures(hour_end):
        if _has_changed(figure):
            told += await _tell_figure(device_id=figure["device_id"], hour_end=hour_end, now=now)
    return told


@database.operation
async def _tell_figure(*, device_id: int, hour_end: datetime, now: datetime) -> bool:
    """Count once more under the device's lock, since its outbox rows are ordered by it, and tell the difference."""
    device = await GateDevice.select_for_update().get(id=device_id)
    (figure,) = await _figures(hour_end, device_id=device_id)
    if not _has_changed(figure):
        return False
    await database.rows(
        """INSERT INTO hourly_figure (device_id, hour_ends_at, entered, left_count) VALUES ($1, $2, $3, $4)
           ON CONFLICT (device_id, hour_ends_at)
           DO UPDATE SET entered = excluded.entered, left_count = excluded.left_count""",
        *(device_id, hour_end, figure["entered"], figure["left_count"]),
    )
    await forwarding.add(
        kind="hourly-figures",
        subject=f"gate:{device.device_no}",
        province_code=figure["province_code"],
        payload={  # field names as in domain.md, "Footfall and forwarding"
            "provinceId": figure["province_code"],
            "cityId": figure["city_code"],
            "districtId": figure["district_code"],
            "venueId": figure["venue_ref"],
            "acqTime": forwarding.platform_time(hour_end),
            "acqNumOfPeople": figure["entered"],
            "leaNumOfPeople": figure["left_count"],
            "deviceId": device.device_no,
            "isCoreArea": int(device.is_core_area),
        },
        now=now,
    )
    return True


async def _figures(hour_end: datetime, *, device_id: int | None = None) -> Sequence[Any]:
    """People who passed each device for the first time that day, in that hour, beside what was told last."""
    hour_start = hour_end - HOUR
    return await database.rows(
        f"""SELECT device.id AS device_id, venue.province_code, venue.city_code, region.code AS district_code,
                   venue.ref AS venue_ref, told.entered AS told_entered, told.left_count AS told_left_count,
                   COUNT(CASE WHEN passage.direction = 'ENTRY' THEN 1 END) AS entered,
                   COUNT(CASE WHEN passage.direction = 'EXIT' THEN 1 END) AS left_count
              FROM gate_device device
              JOIN venue ON venue.id = device.venue_id
              JOIN region ON region.id = venue.region_id
              LEFT JOIN daily_passage passage
                ON passage.venue_id = device.venue_id AND passage.business_day = $1
               AND passage.device_id = device.id AND passage.passed_at >= $2 AND passage.passed_at < $3
              LEFT JOIN hourly_figure told ON told.device_id = device.id AND told.hour_ends_at = $3
             {"" if device_id is None else "WHERE device.id = $4"}
             GROUP BY device.id, venue.id, region.id, told.id
             ORDER BY device.id""",
        *(business_day(hour_start), hour_start, hour_end, *([] if device_id is None else [device_id])),
    )


def _has_changed(figure: Any) -> bool:
    told = (figure["told_entered"] or 0, figure["told_left_count"] or 0)
    return (figure["entered"], figure["left_count"]) != told
