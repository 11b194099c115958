"""Where a venue's money goes. One person enters the account, another types it once more from the paper: only an
account that two people read alike counts. Answers show a hint of the holder and the last four digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tortoise.queryset import QuerySet

from models import database
from models.audit.deeds import concerning
from models.ids import new_id
from models.keys import Sealed, SealingKeys
from models.settlement.banking import BankAccount, checked_account
from models.settlement.deciding import refuse_who_works_there
from models.settlement.rules import AccountRefused, AccountState, FourEyes
from models.settlement.tables import VenueAccount
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.tables import Venue

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """As answers show it."""

    public_id: str
    venue_id: str
    state: AccountState
    holder_hint: str
    bank: str
    last_four: str
    entered_by: str
    entered_at: datetime
    approved_by: str
    approved_at: datetime | None


async def enter_account(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    holder: str,
    bank: str,
    number: str,
    keys: SealingKeys,
    now: datetime,
) -> str:
    """Its public id. It counts once somebody else approves it; another one that waits is given up. The same account
    again by the same person is the same one. Raises NOT_ALLOWED, BAD_INPUT."""
    await powers.demand(clerk, Power.ENTER_VENUE_ACCOUNT, venue_id=venue_id)
    concerning("VENUE", venue_id, venue_id=venue_id)
    return await _enter(
        clerk, venue_id, checked_account(holder=holder, bank=bank, number=number), keys=keys, now=now
    )


async def approve_account(
    *, clerk: StaffSignedIn, account_id: str, holder: str, number: str, keys: SealingKeys, now: datetime
) -> None:
    """Somebody else typed holder and number from the paper, and they are the same: payouts go there from now on, and
    the venue's former account ends. The same again is harmless.

    Raises NOT_ALLOWED to who entered it or works at the venue; VENUE_ACCOUNT_REFUSED, BAD_INPUT.
    """
    if not clerk.has(Power.APPROVE_VENUE_ACCOUNT):
        raise powers.not_allowed(Power.APPROVE_VENUE_ACCOUNT)
    await _approve(clerk, account_id, holder, number, keys=keys, now=now)


@database.operation
async def _enter(
    clerk: StaffSignedIn, venue_id: str, account: BankAccount, *, keys: SealingKeys, now: datetime
) -> str:
    await database.alone_with(f"account of {venue_id}")
    venue = await Venue.get(public_id=venue_id)
    waiting = await VenueAccount.get_or_none(venue_id=venue.id, state=AccountState.ENTERED)
    if waiting is not None:
        if waiting.entered_by_id == clerk.staff_id and opened(waiting, keys) == account:
            return waiting.public_id
        waiting.state, waiting.ended_at = AccountState.ENDED, now
        await waiting.save(update_fields=["state", "ended_at"])
    entered = await VenueAccount.create(
        public_id=new_id("acc"),
        venue_id=venue.id,
        state=AccountState.ENTERED,
        sealed_holder=b"",
        sealed_number=b"",
        seal_key_id=keys.current_id,
        bank=account.bank,
        holder_hint=account.holder_hint,
        last_four=account.last_four,
        entered_by_id=clerk.staff_id,
        entered_at=now,
    )
    await _seal(entered, account, keys)
    return entered.public_id


@database.operation
async def _approve(
    clerk: StaffSignedIn, account_id: str, holder: str, number: str, *, keys: SealingKeys, now: datetime
) -> None:
    known = await database.row(
        f"""SELECT venue.public_id AS venue_id FROM venue_account JOIN venue ON venue.id = venue_account.venue_id
             WHERE venue_account.public_id = $2 AND {powers.venues_where(Power.APPROVE_VENUE_ACCOUNT)}""",
        clerk.staff_id,
        account_id,
    )
    if known is None:
        raise AccountRefused("没有找到这个收款账户。", next_step="请从列表里重新打开。", field="accountId")
    concerning("VENUE", known["venue_id"], venue_id=known["venue_id"])
    await database.alone_with(f"account of {known['venue_id']}")
    account = await VenueAccount.select_for_update().get(public_id=account_id)
    if account.state == AccountState.APPROVED and account.approved_by_id == clerk.staff_id:
        return
    if account.state != AccountState.ENTERED:
        raise AccountRefused("这个账户已经处理过。", next_step="请刷新后查看。", field="accountId")
    if account.entered_by_id == clerk.staff_id:
        raise FourEyes("这个账户是您登记的，不能由您复核。")
    await refuse_who_works_there(clerk, account.venue_id)
    entered = opened(account, keys)
    typed = checked_account(holder=holder, bank=entered.bank, number=number)
    if typed != entered:
        raise AccountRefused(
            "户名或账号与登记的不一致。",
            next_step="请对照开户许可证核对；如登记有误，请重新登记。",
            field="number",
        )
    former = await VenueAccount.get_or_none(venue_id=account.venue_id, state=AccountState.APPROVED)
    if former is not None:
        former.state, former.ended_at = AccountState.ENDED, now
        await former.save(update_fields=["state", "ended_at"])
    account.state, account.approved_by_id, account.approved_at = AccountState.APPROVED, clerk.staff_id, now
    await account.save(update_fields=["state", "approved_by_id", "approved_at"])


async def venue_accounts(*, clerk: StaffSignedIn, venue_id: str) -> Sequence[AccountView]:
    """A venue's, the latest first, masked. Raises NOT_ALLOWED."""
    concerning("VENUE", venue_id, venue_id=venue_id, reading=True)
    if not await powers.may(clerk, Power.ENTER_VENUE_ACCOUNT, venue_id=venue_id):
        await powers.demand(clerk, Power.APPROVE_VENUE_ACCOUNT, venue_id=venue_id)
    return await _views(VenueAccount.filter(venue__public_id=venue_id).order_by("-id").limit(MOST_SHOWN))


async def account_called(account_id: str) -> AccountView:
    """One that somebody has just entered or approved, masked."""
    return (await _views(VenueAccount.filter(public_id=account_id)))[0]


async def _views(wanted: QuerySet[VenueAccount]) -> Sequence[AccountView]:
    return [
        AccountView(
            public_id=account.public_id,
            venue_id=account.venue.public_id,
            state=AccountState(account.state),
            holder_hint=account.holder_hint,
            bank=account.bank,
            last_four=account.last_four,
            entered_by=account.entered_by.display_name,
            entered_at=account.entered_at,
            approved_by=account.approved_by.display_name if account.approved_by else "",
            approved_at=account.approved_at,
        )
        for account in await wanted.prefetch_related("venue", "entered_by", "approved_by")
    ]


async def reseal_all(*, keys: SealingKeys, batch: int = 200) -> int:
    """Brings every account under the current key and tells how many it moved; then the old key can go. May be stopped
    and run again."""
    moved = 0
    while just_moved := await _reseal_some(keys, batch):
        moved += just_moved
    return moved


@database.operation
async def _reseal_some(keys: SealingKeys, limit: int) -> int:
    outdated = (
        await VenueAccount.exclude(seal_key_id=keys.current_id).order_by("id").limit(limit).select_for_update()
    )
    for account in outdated:
        await _seal(account, opened(account, keys), keys)
    return len(outdated)


async def _seal(row: VenueAccount, account: BankAccount, keys: SealingKeys) -> None:
    for column, text in (("holder", account.holder), ("number", account.number)):
        sealed = keys.seal(text, table="venue_account", column=f"sealed_{column}", row=row.id)
        setattr(row, f"sealed_{column}", sealed.value)
    row.seal_key_id = keys.current_id
    await row.save(update_fields=["sealed_holder", "sealed_number", "seal_key_id"])


def opened(row: VenueAccount, keys: SealingKeys) -> BankAccount:
    """In full: for the payout's file, and for comparing what somebody typed."""

    def text(column: str, value: bytes) -> str:
        return keys.open(Sealed(row.seal_key_id, bytes(value)), table="venue_account", column=column, row=row.id)

    return BankAccount(
        holder=text("sealed_holder", row.sealed_holder),
        number=text("sealed_number", row.sealed_number),
        bank=row.bank,
    )
