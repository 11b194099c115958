"""Whether a voucher may be used for a bill: the same rules at checkout, at a desk, and when an offline queue comes in.

`unfit` is pure and names the first reason; `usage` counts what the limits are about. Whoever then writes a use holds
the member's row and has called `alone_with_people`, so that nobody counts the same person twice, before they lock the
voucher; and calls `alone_at_the_cap` before counting.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol

import orjson

from models import database
from models.calendar import moment_text
from models.errors import DomainError, ErrorCode
from models.money import yuan_text
from models.vouchers.reading import terms_of
from models.vouchers.rules import Terms, VoucherState


class OneVoucher(Protocol):
    """What is judged: a row of `voucher`."""

    state: str
    face_fen: int
    minimum_spend_fen: int
    valid_from: datetime
    valid_until: datetime
    order_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A venue, and the keys of the regions in which it lies."""

    venue_id: int
    public_id: str
    name: str
    regions: frozenset[str]
    sports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What stands against a campaign's limits already, this voucher left out."""

    person_today: int = 0
    person_here_today: int = 0
    venue_paid_fen: int = 0  # by the programme, of this campaign


NOTHING_YET = Usage()


async def place_of(venue_public_id: str) -> Place | None:
    found = await database.row(
        """SELECT venue.id, venue.public_id, venue.name, venue.province_code, venue.city_code, venue.sport_codes,
                  region.key AS region_key
             FROM venue JOIN region ON region.id = venue.region_id WHERE venue.public_id = $1""",
        venue_public_id,
    )
    if found is None:
        return None
    return Place(
        venue_id=found["id"],
        public_id=found["public_id"],
        name=found["name"],
        regions=frozenset({found["province_code"], found["city_code"], found["region_key"]}),
        sports=tuple(orjson.loads(found["sport_codes"])),
    )


async def terms_in_force(campaign_id: int, version: int) -> Terms:
    """The terms under which a voucher was claimed."""
    found = await database.row(
        "SELECT terms FROM voucher_terms WHERE campaign_id = $1 AND version = $2", campaign_id, version
    )
    assert found is not None
    return terms_of(orjson.loads(found["terms"]))


async def terms_of_versions(versions: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Terms]:
    """The same for many at once, by campaign and version."""
    if not versions:
        return {}
    found = await database.rows(
        """SELECT campaign_id, version, terms FROM voucher_terms
            WHERE campaign_id = ANY($1::bigint[]) AND version = ANY($2::bigint[])""",
        [campaign_id for campaign_id, _ in versions],
        [version for _, version in versions],
    )
    read = {(row["campaign_id"], row["version"]): row["terms"] for row in found}
    return {version: terms_of(orjson.loads(read[version])) for version in versions}


async def alone_with_people(person_ids: Iterable[int | None]) -> None:
    """Until the caller's transaction ends, nobody else counts what these people use, by whatever account of theirs.
    After the member's row, before any voucher's. Accounts without a real name have their rows for that."""
    known = {person for person in person_ids if person is not None}
    if known:
        await database.alone_with(*(f"voucher uses of person {person}" for person in known))


async def alone_at_the_cap(terms: Terms, *, campaign_id: int, venue_id: int) -> None:
    """Until the caller's transaction ends, nobody else spends of this venue's cap."""
    if terms.venue_cap_fen is not None:
        await database.alone_with(f"voucher cap of {campaign_id} at {venue_id}")


async def usage(terms: Terms, voucher: Any, *, venue_id: int, day: date) -> Usage:
    """Counted for the person with all their accounts, and for the account with what it claimed before a real name was
    asked for. A voucher that is reserved for an order counts as used today: what waits for its payment must not be
    overtaken."""
    counted = await database.row(
        """SELECT COUNT(*) AS today,
                   COUNT(CASE WHEN COALESCE(venue_use.venue_id, orders.venue_id) = $4 THEN 1 END) AS here
              FROM voucher LEFT JOIN voucher_use venue_use
                     ON venue_use.voucher_id = voucher.id AND venue_use.state IN ('WAITING', 'HELD', 'DONE')
                   LEFT JOIN orders ON orders.id = voucher.order_id
             WHERE (voucher.member_id = $1 OR voucher.person_id = $6)
               AND voucher.campaign_id = $2 AND voucher.id <> $5
               AND (venue_use.business_day = $3
                    OR venue_use.id IS NULL AND voucher.state = 'RESERVED' AND voucher.order_id IS NOT NULL)""",
        voucher.member_id,
        voucher.campaign_id,
        day,
        venue_id,
        voucher.id,
        voucher.person_id,
    )
    assert counted is not None
    return Usage(
        person_today=counted["today"],
        person_here_today=counted["here"],
        venue_paid_fen=await _paid_to(venue_id, voucher, terms) if terms.venue_cap_fen is not None else 0,
    )


async def _paid_to(venue_id: int, voucher: Any, terms: Terms) -> int:
    """What the programme paid this venue, or will pay it when the orders are paid for which vouchers are reserved."""
    found = await database.row(
        """SELECT (SELECT COALESCE(SUM(used_fen - venue_share_fen), 0) FROM voucher_use
                    WHERE venue_id = $1 AND campaign_id = $2 AND voucher_id <> $3
                      AND state IN ('WAITING', 'HELD', 'DONE'))
                + (SELECT COALESCE(SUM(face_fen - face_fen * $4::bigint / 100), 0)
                     FROM voucher JOIN orders ON orders.id = voucher.order_id
                    WHERE orders.venue_id = $1 AND voucher.campaign_id = $2 AND voucher.id <> $3
                      AND voucher.state = 'RESERVED') AS fen""",
        venue_id,
        voucher.campaign_id,
        voucher.id,
        terms.venue_share_percent,
    )
    assert found is not None
    return int(found["fen"])


def venue_share_fen(terms: Terms, used_fen: int) -> int:
    """What the venue bears of a use; the odd fen is the programme's."""
    return used_fen * terms.venue_share_percent // 100


def unfit(
    voucher: OneVoucher,
    terms: Terms,
    *,
    place: Place,
    sports: Collection[str],
    bill_fen: int,
    so_far: Usage,
    now: datetime,
) -> DomainError | None:
    """Why this voucher cannot be used for this bill here and now: the first reason; None when it can."""
    return (
        _ended(voucher, now)
        or _elsewhere(terms, place, sports)
        or _too_little(voucher, bill_fen)
        or _too_often(voucher, terms, so_far)
    )


def unusable(voucher: OneVoucher, terms: Terms, *, so_far: Usage, now: datetime) -> DomainError | None:
    """The same where neither the place nor the bill is known yet: a pass is made for whichever comes."""
    return _ended(voucher, now) or _too_often(voucher, replace(terms, venue_cap_fen=None), so_far)


def _ended(voucher: OneVoucher, now: datetime) -> DomainError | None:
    if voucher.state == VoucherState.RESERVED:
        what = "一张待付款的订单" if voucher.order_id is not None else "一笔待确认的账单"
        return _no(ErrorCode.VOUCHER_RESERVED, f"这张券正用于{what}。", "请先完成或取消那一笔，或换一张券。")
    gone = over(voucher.state, voucher.valid_until, now)
    if gone is not None:
        return gone
    if now < voucher.valid_from:
        return _no(
            ErrorCode.VOUCHER_NOT_YET,
            f"这张券{moment_text(voucher.valid_from)}起才能使用。",
            "请到时间再来使用。",
        )
    return None


def over(state: str, valid_until: datetime, now: datetime) -> DomainError | None:
    """Why a voucher can be used nowhere any more."""
    if state == VoucherState.USED:
        return _no(ErrorCode.VOUCHER_USED, "这张券已经用过了。", "请换一张券。")
    if now < valid_until and state not in (VoucherState.CLAIMED, VoucherState.RESERVED):
        return _no(ErrorCode.VOUCHER_ENDED, "这张券已经作废，不能再用。", "请换一张券。")
    if now >= valid_until:
        return _no(
            ErrorCode.VOUCHER_ENDED,
            f"这张券已失效，有效期到{moment_text(valid_until)}为止。",
            "请换一张券。",
        )
    return None


def _elsewhere(terms: Terms, place: Place, sports: Collection[str]) -> DomainError | None:
    where = terms.where
    in_region = not where.regions or not where.regions.isdisjoint(place.regions)
    if not in_region or (where.venues and place.public_id not in where.venues):
        return _no(
            ErrorCode.VOUCHER_WRONG_PLACE,
            f"这张券不能在{place.name}使用。",
            "请查看券面上的适用场馆和地区。",
        )
    if where.sports and not (sports and where.sports.issuperset(sports)):
        return _no(
            ErrorCode.VOUCHER_WRONG_SPORT, "这张券不能用于这个项目。", "请查看券面上的适用项目，或换一张券。"
        )
    return None


def _too_little(voucher: OneVoucher, bill_fen: int) -> DomainError | None:
    if bill_fen >= voucher.minimum_spend_fen:
        return None
    missing = voucher.minimum_spend_fen - bill_fen
    return _no(
        ErrorCode.VOUCHER_SPEND_TOO_LOW,
        f"消费满{yuan_text(voucher.minimum_spend_fen)}才能用这张券，还差{yuan_text(missing)}。",
        "请换一张门槛更低的券，或增加消费。",
    )


def _too_often(voucher: OneVoucher, terms: Terms, so_far: Usage) -> DomainError | None:
    if terms.uses_a_day is not None and so_far.person_today >= terms.uses_a_day:
        return _no(
            ErrorCode.VOUCHER_DAY_LIMIT,
            f"这个活动的券每人每天只能用{terms.uses_a_day}张，今天已用完。",
            "请明天再用，或换其他活动的券。",
        )
    if terms.uses_a_venue_a_day is not None and so_far.person_here_today >= terms.uses_a_venue_a_day:
        return _no(
            ErrorCode.VOUCHER_DAY_LIMIT,
            f"这个活动的券每人每天在同一场馆只能用{terms.uses_a_venue_a_day}张，今天已用完。",
            "请明天再用，或到其他场馆使用。",
        )
    return over_cap(voucher, terms, so_far)


def over_cap(voucher: OneVoucher, terms: Terms, so_far: Usage) -> DomainError | None:
    """Whether this venue has had what the campaign pays one venue."""
    paid = voucher.face_fen - venue_share_fen(terms, voucher.face_fen)
    if terms.venue_cap_fen is None or so_far.venue_paid_fen + paid <= terms.venue_cap_fen:
        return None
    return _no(
        ErrorCode.VENUE_CAP_REACHED,
        "本场馆在这个活动里的补贴额度已用完。",
        "请到其他场馆使用，或换其他活动的券。",
    )


def _no(code: ErrorCode, message: str, next_step: str) -> DomainError:
    return DomainError(message, code=code, next_step=next_step, field="voucherId")
