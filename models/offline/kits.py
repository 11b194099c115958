"""What a desk takes along for the rest of the day: enough to tell genuine from forged, and nothing to forge with but
its own door on this day (docs/decisions, 0030). No row of it says who anybody is.

The text of a kit is signed as it is: whoever hands it to the desk, the desk can tell that it is ours.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models import database
from models.calendar import business_day, instant_of
from models.codes import passes
from models.codes.rules import STEP_SECONDS, CodeKeys, desk_keys
from models.errors import DomainError
from models.ids import new_id
from models.keys import OfflineKeys
from models.offline import desks, rules
from models.offline.tables import OfflineEntry, OfflineKit
from models.staff.rules import Power, StaffSignedIn
from models.vouchers import fitting
from models.vouchers.fitting import Place
from models.vouchers.places import VenuePlace, holds_at
from models.vouchers.reading import terms_of

MOST_ADMISSIONS = 5000
MOST_CAMPAIGNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedKit:
    """`signature` is the base64 of 64 bytes over the body; `key_id` says under which of our keys for kits."""

    kit_id: str
    body: str
    signature: str
    key_id: str


async def fetch_kit(
    *, clerk: StaffSignedIn, desk_id: str, code_keys: CodeKeys, keys: OfflineKeys, now: datetime
) -> SignedKit:
    """For a desk of a venue where the clerk redeems. Valid until the business day is over. Each call gives a fresh one;
    the caps are the day's, however many kits it has. Raises OFFLINE_DESK_UNKNOWN, OFFLINE_DESK_ENDED."""
    desk = await desks.find(clerk, desk_id, Power.REDEEM)
    place = await fitting.place_of(desk["venue_public_id"])
    assert place is not None
    return await _fetch(desk, place, clerk.staff_id, code_keys, keys, now=now)


@database.operation
async def _fetch(
    desk: Any, place: Place, staff_id: int, code_keys: CodeKeys, keys: OfflineKeys, *, now: datetime
) -> SignedKit:
    # the row's lock: no kit leaves while its desk is being ended
    locked = await database.row("SELECT ended_at FROM offline_desk WHERE id = $1 FOR UPDATE", desk["id"])
    if locked is None or locked["ended_at"] is not None:
        raise DomainError(
            rules.DESK_ENDED.message, code=rules.DESK_ENDED.code, next_step="如仍需离线核销，请重新登记设备。"
        )
    day = business_day(now)
    campaigns = await _campaigns(place)
    void = await _void_passes(now)
    kit = await OfflineKit.create(
        public_id=new_id("kit"),
        desk_id=desk["id"],
        business_day=day,
        issued_at=now,
        valid_until=instant_of(day + timedelta(days=1), 0),
        most_fen=desk["most_fen"],
        most_count=desk["most_count"],
        void_passes=void,
        campaigns=[[each["number"], each["version"]] for each in campaigns],
        staff_id=staff_id,
    )
    said = {
        "format": rules.FORMAT,
        "kit": kit.public_id,
        "desk": desk["public_id"],
        "venue": desk["venue_public_id"],
        "venueName": desk["venue_name"],
        "day": day.isoformat(),
        "serverNow": _instant(now),
        "validUntil": _instant(kit.valid_until),
        "stepSeconds": STEP_SECONDS,
        "codeKeys": {
            str(key_id): _base64(key)
            for key_id, key in desk_keys(code_keys, venue=desk["venue_public_id"], day=day).items()
        },
        "admissions": await _admissions(desk["venue_id"], day),
        "passKeys": points(keys.public_keys(rules.PASSES)),
        "kitKeys": points(keys.public_keys(rules.KITS)),
        "voidPasses": void,
        "caps": {"mostFen": kit.most_fen, "mostCount": kit.most_count, **await spent(desk["id"], day)},
        "campaigns": campaigns,
        "last": await _last(desk["id"]),
    }
    return _signed(kit.public_id, orjson.dumps(said), keys)


def _signed(kit_id: str, body: bytes, keys: OfflineKeys) -> SignedKit:
    private_key = keys.private_key(rules.KITS, keys.current_id)
    signature = passes.sign(private_key, rules.KIT_SIGNED_AS + body)
    return SignedKit(kit_id=kit_id, body=body.decode(), signature=_base64(signature), key_id=keys.current_id)


def points(keys: Mapping[str, ec.EllipticCurvePublicKey]) -> dict[str, str]:
    """Public keys as uncompressed points in base64, by key id."""
    return {
        key_id: _base64(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        for key_id, key in keys.items()
    }


async def spent(desk_id: int, day: date, *, but: int = 0) -> dict[str, int]:
    """What came in of a desk's caps on a day, one entry (row id) left out."""
    found = await database.row(
        """SELECT COALESCE(SUM(entry.face_fen), 0) AS fen, COUNT(*) AS vouchers
             FROM offline_entry entry JOIN offline_kit kit ON kit.id = entry.kit_id
            WHERE entry.desk_id = $1 AND kit.business_day = $2 AND entry.face_fen > 0 AND entry.id <> $3""",
        desk_id,
        day,
        but,
    )
    assert found is not None
    return {"usedFen": int(found["fen"]), "usedCount": int(found["vouchers"])}


async def _admissions(venue_id: int, day: date) -> list[dict[str, Any]]:
    found = await database.rows(
        """SELECT admission.handle, admission.code_version, member.code_version AS member_code_version,
                  admission.title, admission.opens_at, admission.starts_at, admission.ends_at, admission.revoked_at,
                  admission.first_entered_at
             FROM admission JOIN member ON member.id = admission.member_id
            WHERE admission.venue_id = $1 AND admission.business_day = $2 ORDER BY admission.id LIMIT $3""",
        venue_id,
        day,
        MOST_ADMISSIONS,
    )
    return [
        {
            "handle": row["handle"],
            "versions": [row["member_code_version"], row["code_version"]],
            "title": row["title"],
            "opensAt": _instant(database.utc(row["opens_at"])),
            "startsAt": _instant(database.utc(row["starts_at"])),
            "endsAt": _instant(database.utc(row["ends_at"])),
            "revoked": row["revoked_at"] is not None,
            "entered": row["first_entered_at"] is not None,
        }
        for row in found
    ]


async def _void_passes(now: datetime) -> list[int]:
    """Passes that live and whose voucher is not to be had any more: it is reserved, used or over, or their phone was
    signed out, or the code changed. Derived, so that no act on a voucher has to think of passes."""
    found = await database.rows(
        """SELECT voucher_pass.number FROM voucher_pass JOIN voucher ON voucher.id = voucher_pass.voucher_id
                                            JOIN member ON member.id = voucher.member_id
            WHERE voucher_pass.valid_until > $1
              AND (voucher.state <> 'CLAIMED' OR voucher.code_version <> voucher_pass.code_version
                   OR member.code_version <> voucher_pass.member_code_version)
            ORDER BY voucher_pass.number""",
        now - rules.CLOCKS_APART,
    )
    return [row["number"] for row in found]


async def _campaigns(place: Place) -> list[dict[str, Any]]:
    """Every version of terms under which a voucher may be worth something here; those of later campaigns first."""
    found = await database.rows(
        """SELECT campaign.id, campaign.title, terms.version, terms.terms
             FROM voucher_campaign campaign JOIN voucher_terms terms ON terms.campaign_id = campaign.id
            WHERE campaign.state IN ('OPEN', 'PAUSED', 'CLOSED') ORDER BY campaign.id DESC, terms.version"""
    )
    here = VenuePlace(place.public_id, place.regions, frozenset(place.sports))
    held = []
    for row in found:
        where = terms_of(orjson.loads(row["terms"])).where
        if holds_at(where, here):
            sports = [sport for sport in place.sports if not where.sports or sport in where.sports]
            held.append({"number": row["id"], "version": row["version"], "title": row["title"], "sports": sports})
    return held[:MOST_CAMPAIGNS]


async def _last(desk_id: int) -> dict[str, Any]:
    """Where the desk's queue goes on, should its memory be lost."""
    last = await OfflineEntry.filter(desk_id=desk_id).order_by("-number").first()
    return {"number": last.number, "hash": last.body_hash} if last else {"number": 0, "hash": rules.NO_HASH}


def _instant(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
