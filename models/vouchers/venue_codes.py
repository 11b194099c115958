"""进店扫码领券: a poster at a venue with a campaign's code, for claiming there and then.

    key id · campaign · venue · MAC

Whoever scans it says that they stand at that venue, and their phone must tell a place near it. The code is no secret and
holds as long as the campaign: a photograph of it is worth what the place and the limits leave of it. Whose phone does
not tell where it is gets their voucher from the venue's desk.
"""

import hmac
import re
from dataclasses import dataclass
from math import sqrt
from typing import Any

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from maps.coordinates import CoordinateSystem, Point
from maps.nearest import Metric
from models import database
from models.codes.rules import CodeKeys
from models.errors import DomainError, ErrorCode
from models.vouchers.claim_rules import campaign_unknown
from models.vouchers.claim_stock import terms_in_force
from models.vouchers.places import VenuePlace, holds_at
from models.vouchers.rules import Terms

NEAR_METRES = 500
"""A large hall and its car park, and what a phone is off indoors."""
_FORM = re.compile(
    r"([0-9])\.([A-Za-z]{1,8}_[0-9A-Z]{1,26})\.([A-Za-z]{1,8}_[0-9A-Z]{1,26})\.([0-9a-f]{24})", re.ASCII
)


class VenueCodeInvalid(DomainError):
    code = ErrorCode.VENUE_CODE_INVALID

    def __init__(self) -> None:
        super().__init__(
            "这个领券码不是本活动的，或已失效。", next_step="请扫描场馆内张贴的领券码。", field="venueCode"
        )


class TooFar(DomainError):
    code = ErrorCode.TOO_FAR

    def __init__(self, venue_name: str, metres: int) -> None:
        away = f"{metres}米" if metres < 1000 else f"{metres / 1000:.0f}公里"
        super().__init__(
            f"您离{venue_name}还有约{away}，进店扫码领券要在场馆里进行。",
            next_step="请到场馆后再扫；如果您就在场馆里，请打开定位后重试，或请前台帮您领取。",
            field="place",
        )


class PlaceNeeded(DomainError):
    code = ErrorCode.PLACE_NEEDED

    def __init__(self, venue_name: str) -> None:
        super().__init__(
            f"进店扫码领券要核对您在不在{venue_name}。",
            next_step="请打开手机定位后重试；不便打开的，请带身份证请前台帮您领取。",
            field="place",
        )


@dataclass(frozen=True, slots=True)
class ClaimVenue:
    """Where a claim was scanned."""

    id: int
    public_id: str
    region_key: str
    name: str
    lon: float
    lat: float


def place_of(venue_id: str, row: Any) -> VenuePlace:
    regions = frozenset({row["province_code"], row["city_code"], row["key"]})
    return VenuePlace(venue_id, regions, frozenset(orjson.loads(row["sport_codes"])))


def make(keys: CodeKeys, *, campaign_id: str, venue_id: str) -> str:
    """What the poster's QR says."""
    return f"{keys.current}.{campaign_id}.{venue_id}.{_mac(keys.masters[keys.current], campaign_id, venue_id)}"


_OPEN_VENUE = """
SELECT venue.id, venue.name, venue.lon, venue.lat, venue.province_code, venue.city_code, venue.sport_codes, region.key
  FROM venue JOIN region ON region.id = venue.region_id
 WHERE venue.public_id = $1 AND venue.is_open"""


async def for_the_wall(keys: CodeKeys, *, campaign_id: str, venue_id: str) -> str:
    """Raises CAMPAIGN_UNKNOWN for a campaign that was not reviewed yet, VOUCHER_WRONG_PLACE for one whose vouchers are worth
    nothing at this venue: nobody could claim by its code."""
    campaign = await database.row(
        "SELECT id, public_id, terms_version FROM voucher_campaign WHERE public_id = $1 AND state <> 'DRAFT'",
        campaign_id,
    )
    venue = await database.row(_OPEN_VENUE, venue_id)
    if campaign is None:
        raise campaign_unknown()
    terms = await terms_in_force(campaign)
    if venue is None or not holds_at(terms.where, place_of(venue_id, venue)):
        raise DomainError(
            "这个活动的消费券不能在本馆使用。",
            code=ErrorCode.VOUCHER_WRONG_PLACE,
            next_step="请张贴能在本馆使用的活动的领券码。",
            field="campaignId",
        )
    return make(keys, campaign_id=campaign_id, venue_id=venue_id)


def venue_in(code: str, keys: CodeKeys, *, campaign_id: str) -> str:
    """The public id of the venue. Raises VENUE_CODE_INVALID for what we never made for this campaign."""
    said = _FORM.fullmatch(code.strip())
    master = keys.masters.get(int(said[1])) if said else None
    if said is None or master is None or said[2] != campaign_id:
        raise VenueCodeInvalid
    if not hmac.compare_digest(_mac(master, said[2], said[3]), said[4]):
        raise VenueCodeInvalid
    return said[3]


async def scanned_at(
    code: str, keys: CodeKeys, *, campaign_id: str, terms: Terms, place: Point | None
) -> ClaimVenue:
    """The venue at which this was scanned. Raises VENUE_CODE_INVALID, PLACE_NEEDED when the phone does not say where it
    is, and TOO_FAR for somebody who is not there."""
    venue_id = venue_in(code, keys, campaign_id=campaign_id)
    found = await database.row(_OPEN_VENUE, venue_id)
    if found is None or not holds_at(terms.where, place_of(venue_id, found)):
        raise VenueCodeInvalid
    venue = ClaimVenue(found["id"], venue_id, found["key"], found["name"], found["lon"], found["lat"])
    if place is None:
        raise PlaceNeeded(venue.name)
    require_near(venue, place)
    return venue


def require_near(venue: ClaimVenue, place: Point) -> None:
    here = place.to(CoordinateSystem.WGS84)
    metric = Metric.at(venue.lon, venue.lat)
    box = metric.box(50_000)
    if not (box.west <= here.lon <= box.east and box.south <= here.lat <= box.north):
        raise TooFar(venue.name, 50_000)
    metres = sqrt(metric.squared_metres(here.lon, here.lat))
    if metres > NEAR_METRES:
        raise TooFar(venue.name, int(round(metres, -1)))


def _mac(master: bytes, campaign_id: str, venue_id: str) -> str:
    info = f"voucher claim code {campaign_id} {venue_id}".encode()
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)
    return hmac.digest(key, b"claim here", "sha256").hex()[:24]
