"""The worker ends bills at desks that nobody decided, by itself."""

import secrets
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from jobs import ALL
from models.vouchers import books
from models.vouchers.at_desk import redeem_voucher
from models.vouchers.bills import DESK_DECIDES_WITHIN, Bill
from models.vouchers.codes import codes_of
from models.vouchers.rules import Terms
from models.vouchers.tables import Voucher, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_person
from tests.factories.people import CODE_KEYS, a_clerk
from tests.factories.places import a_venue
from tests.factories.vouchers import a_campaign, a_voucher


async def test_a_voucher_whose_bill_was_forgotten_is_its_citizen_s_again(db: Database) -> None:
    venue, campaign, person = await a_venue(), await a_campaign(), await a_person()
    voucher = await a_voucher(person.member_id, campaign)
    given = await codes_of(member_id=person.member_id, voucher_id=voucher.public_id, keys=CODE_KEYS, now=NOW)
    verdict = await redeem_voucher(
        clerk=await a_clerk(venue.public_id),
        venue_id=venue.public_id,
        bill=Bill(code=given.codes[0][1], bill_fen=50_00),
        nonce=secrets.token_hex(8),
        keys=CODE_KEYS,
        now=NOW,
    )
    assert verdict.outcome == "WAITING"
    (job,) = [job for job in ALL if job.name == "end_bills"]
    forgotten = NOW + timedelta(minutes=Terms().confirm_minutes) + DESK_DECIDES_WITHIN
    ended = []
    for now in (forgotten - timedelta(seconds=1), forgotten, forgotten):
        tools = cast(Any, SimpleNamespace(clock=lambda now=now: now))
        ended.append(await job.function(tools))
    assert ended == [0, 1, 0]
    assert ((await Voucher.get()).state, (await VoucherUse.get()).state) == ("CLAIMED", "UNDONE")
    assert await books.check() == []
