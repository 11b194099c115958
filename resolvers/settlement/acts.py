"""Draft, deduct, propose, approve; accounts; pay out, and record what was really paid."""

from datetime import date

import strawberry

from models.settlement import accounts, deciding, drafting, paying_out, queries
from resolvers.context import Info
from resolvers.errors import UserError, act, user_errors
from resolvers.scalars import Fen
from resolvers.settlement.types import PayoutBatch, SettlementDetail, VenueAccount

KEY = "The same again under its key changes nothing."
AGAIN = "The same again changes nothing."


@strawberry.type
class DraftSettlementsPayload:
    settlements: int | None = strawberry.field(default=None, description="How many this act made.")
    held_entries: int | None = strawberry.field(
        default=None, description="Left for a later period: somebody must judge them first."
    )
    undecided_venues: int | None = strawberry.field(
        default=None, description="Left for later: an earlier settlement of theirs is not approved yet."
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SettlementPayload:
    settlement: SettlementDetail | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class VenueAccountPayload:
    account: VenueAccount | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class PayoutBatchPayload:
    batch: PayoutBatch | None = None
    user_errors: list[UserError] = user_errors()


async def _now_at(info: Info, settlement_no: str) -> SettlementPayload:
    whole = await queries.settlement(clerk=await info.context.staff(), settlement_no=settlement_no)
    return SettlementPayload(settlement=SettlementDetail.of(whole))


async def _account(account_id: str) -> VenueAccountPayload:
    return VenueAccountPayload(account=VenueAccount.of(await accounts.account_called(account_id)))


@strawberry.type
class SettlementActs:
    @act(
        DraftSettlementsPayload,
        f"Draft what a campaign owes all its venues, with everything until the last day that is in none yet. {KEY}",
        weight=2000,
    )
    async def draft_settlements(
        self, info: Info, campaign_id: strawberry.ID, from_day: date, until_day: date, idempotency_key: str
    ) -> DraftSettlementsPayload:
        made = await drafting.draft_settlements(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            from_day=from_day,
            until_day=until_day,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return DraftSettlementsPayload(
            settlements=made.settlements,
            held_entries=made.held_entries,
            undecided_venues=made.undecided_venues,
        )

    @act(SettlementPayload, f"Take something off a draft, with a reason. {KEY}")
    async def deduct_from_settlement(
        self, info: Info, settlement_no: str, amount: Fen, reason: str, idempotency_key: str
    ) -> SettlementPayload:
        await deciding.deduct(
            clerk=await info.context.staff(),
            settlement_no=settlement_no,
            amount_fen=amount,
            reason=reason,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return await _now_at(info, settlement_no)

    @act(SettlementPayload, f"Give up a settlement that is not approved; its entries are free again. {AGAIN}")
    async def drop_settlement(self, info: Info, settlement_no: str, reason: str) -> SettlementPayload:
        await deciding.drop(
            clerk=await info.context.staff(), settlement_no=settlement_no, reason=reason, now=info.context.now
        )
        return await _now_at(info, settlement_no)

    @act(
        SettlementPayload,
        f"Propose it for approval, with `payable` and `carriedOut` (left out: nothing) as they were seen. {AGAIN}",
    )
    async def propose_settlement(
        self, info: Info, settlement_no: str, payable: Fen, carried_out: Fen | None = None
    ) -> SettlementPayload:
        await deciding.propose(
            clerk=await info.context.staff(),
            settlement_no=settlement_no,
            seen=deciding.Seen(payable_fen=payable, carried_out_fen=carried_out or 0),
            now=info.context.now,
        )
        return await _now_at(info, settlement_no)

    @act(
        SettlementPayload,
        "Approve what somebody else proposed, with `payable` and `carriedOut` (left out: nothing) as they were seen: its "
        f"statement is signed, and nothing of it changes any more. {AGAIN}",
        weight=2000,
    )
    async def approve_settlement(
        self, info: Info, settlement_no: str, payable: Fen, carried_out: Fen | None = None
    ) -> SettlementPayload:
        await deciding.approve(
            clerk=await info.context.staff(),
            settlement_no=settlement_no,
            seen=deciding.Seen(payable_fen=payable, carried_out_fen=carried_out or 0),
            keys=info.context.services.statement_keys,
            now=info.context.now,
        )
        return await _now_at(info, settlement_no)

    @act(VenueAccountPayload, f"Enter where a venue's money goes; somebody else must approve it. {AGAIN}")
    async def enter_venue_account(
        self, info: Info, venue_id: strawberry.ID, holder: str, bank: str, number: str
    ) -> VenueAccountPayload:
        account_id = await accounts.enter_account(
            clerk=await info.context.staff(),
            venue_id=venue_id,
            holder=holder,
            bank=bank,
            number=number,
            keys=info.context.services.account_keys,
            now=info.context.now,
        )
        return await _account(account_id)

    @act(
        VenueAccountPayload,
        f"Approve an account by typing holder and number once more from the paper; the former one ends. {AGAIN}",
    )
    async def approve_venue_account(
        self, info: Info, account_id: strawberry.ID, holder: str, number: str
    ) -> VenueAccountPayload:
        await accounts.approve_account(
            clerk=await info.context.staff(),
            account_id=account_id,
            holder=holder,
            number=number,
            keys=info.context.services.account_keys,
            now=info.context.now,
        )
        return await _account(account_id)

    @act(
        PayoutBatchPayload,
        f"Put everything of a campaign that is approved and has an account into a file for the bank. {KEY}",
        weight=2000,
    )
    async def make_payout(
        self, info: Info, campaign_id: strawberry.ID, idempotency_key: str
    ) -> PayoutBatchPayload:
        clerk = await info.context.staff()
        batch_no = await paying_out.make_payout(
            clerk=clerk,
            campaign_id=campaign_id,
            idempotency_key=idempotency_key,
            keys=info.context.services.account_keys,
            now=info.context.now,
        )
        return PayoutBatchPayload(batch=PayoutBatch.of(await queries.payout_batch(clerk=clerk, batch_no=batch_no)))

    @act(SettlementPayload, f"The bank sent it back: it is approved as before, for another batch. {AGAIN}")
    async def fail_payout(self, info: Info, settlement_no: str, reason: str) -> SettlementPayload:
        await paying_out.fail_payout(
            clerk=await info.context.staff(), settlement_no=settlement_no, reason=reason, now=info.context.now
        )
        return await _now_at(info, settlement_no)

    @act(
        SettlementPayload,
        "Record what was really paid, with the receipt that was uploaded to `/receipts`: the programme's payment, or "
        f"what a venue that owed paid back. {AGAIN}",
    )
    async def record_payment(
        self,
        info: Info,
        settlement_no: str,
        amount: Fen,
        paid_on: date,
        bank_reference: str,
        receipt_sha256: str,
    ) -> SettlementPayload:
        await paying_out.record_payment(
            clerk=await info.context.staff(),
            settlement_no=settlement_no,
            amount_fen=amount,
            paid_on=paid_on,
            bank_reference=bank_reference,
            receipt_sha256=receipt_sha256,
            now=info.context.now,
        )
        return await _now_at(info, settlement_no)
