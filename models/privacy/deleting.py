"""Somebody wants to be gone (PIPL 47): asked for, thought over for fifteen days, then done, one member a transaction.

What goes and what stays says `models.personal_data.HELD`. The member's row stays with a date on it and nothing else, so
that the orders which the law keeps lead somewhere; who it was lies sealed beside it (sealing.py), for as long as that law
says. The same WeChat account that signs in afterwards is somebody new.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import database
from models.calendar import business_day, day_text, moment_text
from models.errors import DomainError
from models.families import helpers
from models.families.rules import EndedBy
from models.families.wards import check_nobody_is_left_alone
from models.ids import new_id
from models.keys import IdKeys
from models.members.standing import accounts_of, lock_living
from models.messages.operations import tell
from models.organisations import belonging as organisations
from models.personal_data import HELD, Held, OnDeletion
from models.privacy import sealing
from models.privacy.rules import COOLING_OFF, DeletionNotYet, DeletionUnknown, PrivacyKeys
from models.privacy.tables import Deletion
from models.real_names.queries import is_child

LATE = timedelta(hours=2)
"""Longer than any act takes, and than a worker is away."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Whether somebody is leaving, and what stands in the way."""

    public_id: str | None
    asked_at: datetime | None
    due_at: datetime | None
    in_the_way: Sequence[DomainError]


@database.operation
async def request_deletion(*, member_id: int, keys: IdKeys, now: datetime) -> str:
    """Begins the cooling-off; gives the request's id. Asked again, the same one.

    Raises DELETION_NOT_YET or WARD_WOULD_BE_ALONE with the first thing that stands in the way, and the way out.
    """
    await lock_living(member_id)
    return await request_in(member_id=member_id, keys=keys, now=now)


async def request_in(*, member_id: int, keys: IdKeys, now: datetime) -> str:
    """The same as a plain function, under the member's lock: for whoever withdraws the consent to all of it."""
    known = await Deletion.get_or_none(member_id=member_id, cancelled_at=None, done_at=None)
    if known is not None:
        return str(known.public_id)
    if in_the_way := await _in_the_way(member_id, [member_id], keys, now):
        raise in_the_way[0]
    due_at = now + COOLING_OFF
    asked = await Deletion.create(public_id=new_id("del"), member_id=member_id, asked_at=now, due_at=due_at)
    what = "15天内可以撤回，到期后删除个人信息"
    values = {"what": what, "when": moment_text(due_at)}
    await tell(member_id=member_id, template="DELETION_ASKED", values=values, about_no=asked.public_id, now=now)
    return str(asked.public_id)


@database.operation
async def cancel_deletion(*, member_id: int, now: datetime) -> None:
    """Thinks better of it. Raises DELETION_UNKNOWN when nothing was asked for."""
    await lock_living(member_id)
    if not await cancel_in(member_id=member_id, now=now):
        raise DeletionUnknown


async def cancel_in(*, member_id: int, now: datetime) -> bool:
    """The same as a plain function, under the member's lock, for whoever agrees to the service again. False: nothing
    was asked for."""
    found = await database.row(
        """UPDATE deletion SET cancelled_at = $1
            WHERE member_id = $2 AND cancelled_at IS NULL AND done_at IS NULL RETURNING public_id""",
        now,
        member_id,
    )
    if found is None:
        return False
    values = {"what": "您的账号照常使用", "when": moment_text(now)}
    await tell(
        member_id=member_id, template="DELETION_CANCELLED", values=values, about_no=found["public_id"], now=now
    )
    return True


async def standing(*, member_id: int, keys: IdKeys, now: datetime) -> Standing:
    """Whether this member is leaving, and everything that would keep them from it."""
    asked = await Deletion.get_or_none(member_id=member_id, cancelled_at=None, done_at=None)
    return Standing(
        public_id=asked.public_id if asked else None,
        asked_at=asked.asked_at if asked else None,
        due_at=asked.due_at if asked else None,
        in_the_way=await _in_the_way(member_id, await accounts_of(member_id), keys, now),
    )


async def delete_due(*, keys: PrivacyKeys, now: datetime, limit: int = 100) -> int:
    """Deletes whose time has come, `limit` at most; gives how many. Where something has come into the way meanwhile,
    it waits, and those who came later do not wait for it.

    Each is one transaction, so a worker that is killed leaves nobody by half; the next one goes on.
    """
    gone, failed = 0, None
    async for deletion_id in _due(now, limit):
        try:
            gone += await _delete(deletion_id, keys, now)
        except Exception as error:  # one whose record cannot be sealed, say, keeps nobody else waiting
            failed = failed or error
        if gone == limit:
            break
    if failed is not None:
        raise failed
    return gone


async def _due(now: datetime, batch: int) -> AsyncIterator[int]:
    """Ids, the oldest first, read by and by."""
    after: tuple[datetime, int] = (datetime.fromtimestamp(0, UTC), 0)
    while found := await database.rows(
        """SELECT id, due_at FROM deletion
            WHERE due_at <= $1 AND (due_at, id) > ($2, $3) AND cancelled_at IS NULL AND done_at IS NULL
            ORDER BY due_at, id LIMIT $4""",
        *(now, *after, batch),
    ):
        for row in found:
            yield row["id"]
        after = (database.utc(found[-1]["due_at"]), found[-1]["id"])


async def erase_latecomers(*, now: datetime) -> int:
    """What an act that had begun before wrote for somebody who was deleted meanwhile goes too, such as a complaint that
    waited for their row. Looks at who was deleted within LATE; gives how many these are. May be run at any time."""
    late = await database.rows("SELECT id, member_id FROM deletion WHERE done_at > $1 ORDER BY id", now - LATE)
    for each in late:
        await _erase_again(each["member_id"])
    return len(late)


@database.operation
async def _erase_again(member_id: int) -> None:
    for account in await accounts_of(member_id):
        await _erase(account)


@database.operation
async def _delete(deletion_id: int, keys: PrivacyKeys, now: datetime) -> bool:
    wish = await Deletion.get(id=deletion_id)
    accounts = await accounts_of(wish.member_id)
    await organisations.lock_all_of(accounts)
    await database.rows(
        f"SELECT id FROM member WHERE id IN ({database.parameters(len(accounts))}) ORDER BY id FOR UPDATE",
        *accounts,
    )
    wish = await Deletion.filter(id=deletion_id).select_for_update().get()
    if wish.cancelled_at or wish.done_at or await accounts_of(wish.member_id) != accounts:
        return False
    if await _in_the_way(wish.member_id, accounts, keys.ids, now):
        return False
    member = await database.row("SELECT public_id FROM member WHERE id = $1", wish.member_id)
    assert member is not None
    await sealing.seal(
        member_id=wish.member_id, public_id=member["public_id"], accounts=accounts, keys=keys, now=now
    )
    await _say_goodbye(accounts, now)
    await organisations.close_suspended_of(accounts, now=now)
    for account in accounts:
        await _erase(account)
        await _leave_only_a_date(account, now)
    await database.rows("UPDATE deletion SET done_at = $1 WHERE id = $2 RETURNING id", now, deletion_id)
    return True


async def _say_goodbye(accounts: Sequence[int], now: datetime) -> None:
    """Who helped them, and whom they helped, hear that it has ended; before the rows go."""
    for account in accounts:
        await helpers.end_all_of(principal_id=account, by=EndedBy.SYSTEM, now=now)
        helped = await database.rows(
            """UPDATE proxy SET ended_at = $1, ended_by = 'SYSTEM' WHERE helper_id = $2 AND ended_at IS NULL
               RETURNING principal_id, public_id""",
            now,
            account,
        )
        for each in helped:
            await tell(
                member_id=each["principal_id"],
                template="HELPER_ENDED",
                values={"what": "协助人注销了账号", "when": moment_text(now)},
                about_no=each["public_id"],
                now=now,
            )


async def _erase(member_id: int) -> None:
    for held in HELD:
        if held.on_deletion is OnDeletion.ERASED:
            await _erase_rows(held, member_id)
        elif held.on_deletion is OnDeletion.FORGOTTEN:
            await database.rows(
                f"UPDATE {held.table} SET {held.column} = NULL WHERE {held.column} = $1 RETURNING id", member_id
            )
    # the words of complaints go, the count of what was answered in time stays
    await database.rows(
        """UPDATE complaint_step SET sealed_text = NULL, seal_key_id = ''
            WHERE complaint_id IN (SELECT id FROM complaint WHERE member_id = $1) RETURNING id""",
        member_id,
    )
    # as whom a channel knew the payer; the channel's own number of the payment stays
    await database.rows(
        """UPDATE payment SET payer = ''
            WHERE share_id IN (SELECT id FROM payment_share WHERE member_id = $1)
               OR share_id IS NULL AND order_id IN (SELECT id FROM orders WHERE member_id = $1) RETURNING id""",
        member_id,
    )


async def _erase_rows(held: Held, member_id: int) -> None:
    for part in held.parts:
        await database.rows(
            f"""DELETE FROM {part.table}
                 WHERE {part.column} IN (SELECT id FROM {held.table} WHERE {held.column} = $1) RETURNING id""",
            member_id,
        )
    await database.rows(f"DELETE FROM {held.table} WHERE {held.column} = $1 RETURNING id", member_id)


async def _leave_only_a_date(member_id: int, now: datetime) -> None:
    await database.rows(
        """UPDATE member SET deleted_at = $1, code_version = code_version + 1, home_province = ''
            WHERE id = $2 RETURNING id""",
        now,
        member_id,
    )


async def _in_the_way(member_id: int, accounts: Sequence[int], keys: IdKeys, now: datetime) -> list[DomainError]:
    """Everything that must be ended first, each with the way to end it."""
    reasons: list[DomainError] = []
    found = await _open_business(accounts, now)
    if found["unpaid"]:
        reasons.append(DeletionNotYet("您有未付款的订单。", "请先付款或取消订单。"))
    if found["ahead"]:
        when = database.utc(found["ahead"])
        reasons.append(
            DeletionNotYet(f"您还有{day_text(business_day(when))}未使用的预订。", "请使用后再注销，或先取消预订。")
        )
    if found["paying"] or found["shared"] or found["refunding"]:
        reasons.append(DeletionNotYet("您有一笔钱还在路上。", "请等支付或退款完成后再注销。"))
    if found["owning"]:
        reasons.append(DeletionNotYet("您是一个组织唯一的负责人。", "请先把负责人转交给组织的另一位成员。"))
    try:
        if not await is_child(member_id=member_id, keys=keys, today=business_day(now)):
            await check_nobody_is_left_alone(member_id=member_id, keys=keys, now=now)
    except DomainError as alone:
        reasons.append(alone)
    return reasons


async def _open_business(accounts: Sequence[int], now: datetime) -> Any:
    listed = database.parameters(len(accounts), first=2)
    mine = f"SELECT id FROM orders WHERE member_id IN ({listed})"
    paid_by_me = f"SELECT id FROM payment_share WHERE member_id IN ({listed})"
    found = await database.row(
        f"""SELECT (SELECT count(*) FROM orders
                     WHERE member_id IN ({listed}) AND status = 'PENDING_PAYMENT' AND hold_expires_at > $1) AS unpaid,
                   (SELECT min(starts_at) FROM admission
                     WHERE member_id IN ({listed}) AND revoked_at IS NULL AND ends_at > $1) AS ahead,
                   (SELECT count(*) FROM payment WHERE (order_id IN ({mine}) OR share_id IN ({paid_by_me}))
                       AND (status IN ('INTENDED', 'WAITING', 'REVERSING')
                            OR status = 'ABANDONED' AND expires_at > $1)) AS paying,
                   (SELECT count(*) FROM payment_share WHERE member_id IN ({listed}) AND state = 'PAID'
                       AND order_id IN (SELECT id FROM orders WHERE status = 'PENDING_PAYMENT')) AS shared,
                   (SELECT count(*) FROM refund WHERE (order_id IN ({mine})
                            OR payment_id IN (SELECT id FROM payment WHERE share_id IN ({paid_by_me})))
                       AND (status IN ('INTENDED', 'PROCESSING', 'ABNORMAL', 'AT_DESK')
                            OR status = 'CLOSED' AND NOT EXISTS (
                               SELECT 1 FROM refund later WHERE later.replaces_id = refund.id))) AS refunding,
                   (SELECT count(*) FROM organisation_member owner
                      JOIN organisation ON organisation.id = owner.organisation_id
                     WHERE owner.member_id IN ({listed}) AND owner.role = 'OWNER' AND owner.left_at IS NULL
                       AND organisation.status IN ('PENDING', 'APPROVED')
                       AND NOT EXISTS (SELECT 1 FROM organisation_member other
                                        WHERE other.organisation_id = owner.organisation_id AND other.role = 'OWNER'
                                          AND other.left_at IS NULL AND other.id <> owner.id)) AS owning""",
        *(now, *accounts),
    )
    assert found is not None
    return found
