"""A citizen's phone fetches a pass for a voucher, while it has a network, to show it where the desk has none.

A pass binds nobody: its voucher can be used online all the while, and the pass is void from that moment (kits.py derives
it). Locking the voucher for two hours would punish whoever opened a pass in vain; what a desk could not know, conflicts
settle. What the campaign allows a person in a day is asked here, since no desk can.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.codes import passes
from models.codes.passes import Pass
from models.errors import DomainError, ErrorCode
from models.keys import OfflineKeys
from models.offline import rules
from models.offline.tables import VoucherPass
from models.vouchers import fitting
from models.vouchers.rules import CampaignState
from models.vouchers.tables import Voucher, VoucherCampaign

NOWHERE = 0
"""The id of no venue: it is not known yet where the pass will be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassGiven:
    digits: str
    valid_until: datetime
    server_now: datetime


async def voucher_pass(
    *, member_id: int, voucher_id: str, keys: OfflineKeys, life: timedelta, now: datetime
) -> PassGiven:
    """For a voucher (public id) of this member that can be used now. Asked again within the first half of its life it
    is the same pass.

    Raises VOUCHER_UNKNOWN, VOUCHER_RESERVED, VOUCHER_USED, VOUCHER_ENDED, VOUCHER_NOT_YET, VOUCHER_DAY_LIMIT, and
    PASS_NOT_POSSIBLE for sums and numbers that a pass cannot say.
    """
    found = await database.row(
        "SELECT id, person_id FROM voucher WHERE public_id = $1 AND member_id = $2", voucher_id, member_id
    )
    if found is None:
        raise _unknown()
    return await _give(found, member_id, keys, life, now=now)


@database.operation
async def _give(found: Any, member_id: int, keys: OfflineKeys, life: timedelta, *, now: datetime) -> PassGiven:
    lock = "FOR NO KEY UPDATE" if database.on_postgres() else ""  # two passes at once count one another
    member = await database.row(f"SELECT id, code_version FROM member WHERE id = $1 {lock}", member_id)
    await fitting.alone_with_people([found["person_id"]])
    voucher = await Voucher.select_for_update().get(id=found["id"])
    if member is None or voucher.member_id != member_id:  # accounts were joined in this very moment
        raise _unknown()
    concerning("VOUCHER", voucher.public_id)
    await _check(voucher, now)
    given = await _still_fresh(voucher, member["code_version"], keys, life, now)
    if given is None:
        until = min(now + life, voucher.valid_until).astimezone(UTC).replace(second=0, microsecond=0)
        if until <= now:
            raise _impossible()
        given = await VoucherPass.create(
            number=secrets.randbelow(passes.MOST_NUMBER) + 1,
            voucher_id=voucher.id,
            key_id=keys.current_id,
            code_version=voucher.code_version,
            member_code_version=member["code_version"],
            issued_at=now,
            valid_until=until,
        )
    private_key = keys.private_key(rules.PASSES, given.key_id)
    try:
        digits = passes.make(said_by(given, voucher), private_key)
    except ValueError as error:
        raise _impossible() from error
    return PassGiven(digits=digits, valid_until=given.valid_until, server_now=now)


def said_by(given: Any, voucher: Any) -> Pass:
    """What the digits of a pass say of its voucher."""
    return Pass(
        key_id=int(given.key_id),
        number=given.number,
        handle=voucher.handle,
        face_fen=voucher.face_fen,
        minimum_spend_fen=voucher.minimum_spend_fen,
        campaign=voucher.campaign_id,
        terms=voucher.terms_version,
        valid_until=given.valid_until,
    )


async def _check(voucher: Voucher, now: datetime) -> None:
    terms = await fitting.terms_in_force(voucher.campaign_id, voucher.terms_version)
    campaign = await VoucherCampaign.get(id=voucher.campaign_id)
    if campaign.state == CampaignState.SETTLED:
        raise DomainError(
            "这个活动已经结算，券不能再用。", code=ErrorCode.VOUCHER_ENDED, next_step="请换其他活动的券。"
        )
    so_far = await fitting.usage(terms, voucher, venue_id=NOWHERE, day=business_day(now))
    elsewhere = await _passes_of_others(voucher, now)
    no = fitting.unusable(
        voucher, terms, so_far=fitting.Usage(person_today=so_far.person_today + elsewhere), now=now
    )
    if no is not None:
        raise no


async def _passes_of_others(voucher: Voucher, now: datetime) -> int:
    """How many other vouchers of this person and campaign have a pass that may be shown any moment."""
    found = await database.row(
        """SELECT COUNT(DISTINCT voucher.id) AS vouchers
             FROM voucher_pass JOIN voucher ON voucher.id = voucher_pass.voucher_id
            WHERE (voucher.member_id = $1 OR voucher.person_id = $5) AND voucher.campaign_id = $2
              AND voucher.id <> $3 AND voucher.state = 'CLAIMED' AND voucher_pass.valid_until > $4""",
        voucher.member_id,
        voucher.campaign_id,
        voucher.id,
        now,
        voucher.person_id,
    )
    assert found is not None
    return int(found["vouchers"])


async def _still_fresh(
    voucher: Voucher, member_version: int, keys: OfflineKeys, life: timedelta, now: datetime
) -> VoucherPass | None:
    last = await VoucherPass.filter(voucher_id=voucher.id).order_by("-id").first()
    is_fresh = (
        last is not None
        and now < last.issued_at + life / 2
        and now < last.valid_until
        and (last.code_version, last.member_code_version) == (voucher.code_version, member_version)
        and last.key_id in keys.keys
    )
    return last if is_fresh else None


def _impossible() -> DomainError:
    return DomainError(
        "这张券不能离线使用。",
        code=ErrorCode.PASS_NOT_POSSIBLE,
        next_step="请联网后出示消费券码。",
        field="voucherId",
    )


def _unknown() -> DomainError:
    return DomainError(
        "没有找到这张消费券。",
        code=ErrorCode.VOUCHER_UNKNOWN,
        next_step="请在“我的消费券”里查看。",
        field="voucherId",
    )
