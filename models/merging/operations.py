"""Two accounts of one person become one, and apart again (issue 4, item 1).

Under their organisations' rows and then both members', each locked in one order: a merge waits for an order that is
being placed, and whoever waits for a merge finds the account joined. Courts a day and minutes a court are counted over
orders, which have moved: what both held adds up, and nothing grows.

Codes at the door. Printed ones don't know the member and go on opening. A phone that shows one of the joined account
fetches another within ten minutes. When accounts part, both versions are raised: neither side's screen opens for
what is no longer its own.
"""

from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import moment_text
from models.database import operation, row, rows
from models.errors import DomainError
from models.ids import new_id
from models.keys import IdKeys, PhoneKeys, TokenKeys
from models.members.standing import MemberGone, accounts_of, lock_living
from models.members.tables import Identity, Member, MemberPhone, SignIn
from models.members.ways_in import has_way_in
from models.merging import codes, moving, sealed
from models.merging.asking import Asking, demand_own_proof
from models.merging.moving import Joining
from models.merging.rules import (
    BY_PHONE,
    UNDO_WITHIN,
    MergeCodeInvalid,
    MergeNotUndoable,
    MergeRefused,
    MergeUnknown,
)
from models.merging.tables import Merge
from models.messages.operations import tell
from models.organisations import belonging as organisations


async def merge_members(
    *, asking: Asking, code: str, token_keys: TokenKeys, phone_keys: PhoneKeys, id_keys: IdKeys, now: datetime
) -> str:
    """Joins the account of the code to the one that asks; gives the merge's id. The same code again: the same merge.

    Raises MERGE_CODE_INVALID, MERGE_REFUSED with the reason and the way out, TOO_MANY_ATTEMPTS.
    """
    outcome = await _merge(asking, code, token_keys, phone_keys, id_keys, now)
    if isinstance(outcome, DomainError):  # raised here, since inside it would undo the count of guesses
        raise outcome
    return outcome


async def undo_merge(
    *, member_id: int, sign_in_id: int, merge_id: str, phone_keys: PhoneKeys, id_keys: IdKeys, now: datetime
) -> None:
    """Parts the accounts: what moved goes back where it is still the kept one's, what is new stays. Twice is once.

    By any sign-in of the kept account, and so by every device of either; it goes where its door goes. Raises
    MERGE_UNKNOWN, MERGE_NOT_UNDOABLE.
    """
    await _undo(member_id, sign_in_id, merge_id, phone_keys, id_keys, now)


async def move_latecomers(*, now: datetime) -> int:
    """What was written for a joined account by an act that had begun before: it moves too. Gives how many rows.

    Whose an order is never comes late, since placing it locks them; who placed it for somebody may, and a message. Looks
    at the merges of the last day.
    """
    recent = await rows("SELECT id FROM merge WHERE undone_at IS NULL AND undo_until > $1 ORDER BY id", now)
    return sum([await _move_latecomers(each["id"], now) for each in recent])


@operation
async def _move_latecomers(merge_id: int, now: datetime) -> int:
    merge = await Merge.get(id=merge_id)
    await organisations.lock_all_of([merge.kept_id, merge.joined_id])
    await rows("SELECT id FROM member WHERE id IN ($1, $2) ORDER BY id FOR UPDATE", merge.kept_id, merge.joined_id)
    await merge.refresh_from_db()
    if merge.undone_at is not None:
        return 0
    moves = "SELECT count(*) AS moves FROM merge_move WHERE merge_id = $1"
    before = await row(moves, merge_id)
    await moving.move_all(Joining(merge_id=merge.id, kept=merge.kept_id, joined=merge.joined_id), now)
    after = await row(moves, merge_id)
    assert before is not None
    assert after is not None
    return int(after["moves"] - before["moves"])


@operation
async def _merge(
    asking: Asking, code: str, token_keys: TokenKeys, phone_keys: PhoneKeys, id_keys: IdKeys, now: datetime
) -> str | MergeCodeInvalid:
    await codes.refuse_guessers(member_id=asking.member_id, now=now)
    try:
        return await _join(asking, code, token_keys, phone_keys, id_keys, now)
    except MergeCodeInvalid as wrong:  # said before anything is written
        await codes.note_guess(member_id=asking.member_id, now=now)
        return wrong


async def _join(
    asking: Asking, code: str, token_keys: TokenKeys, phone_keys: PhoneKeys, id_keys: IdKeys, now: datetime
) -> str:
    found = await codes.find(code, token_keys)
    if found is None:
        raise MergeCodeInvalid
    if found["used_at"] is not None:
        return await _merged_before(asking, found["id"])
    await organisations.lock_all_of([asking.member_id, found["member_id"]])
    try:
        await lock_living(asking.member_id, found["member_id"])
    except MemberGone:
        used = await row("SELECT used_at FROM merge_code WHERE id = $1", found["id"])
        if used is None or used["used_at"] is None:
            raise
        return await _merged_before(asking, found["id"])  # by the same act, while we waited for the lock
    await demand_joinable(asking, found, now)
    merge = await Merge.create(
        public_id=new_id("mrg"),
        kept_id=asking.member_id,
        joined_id=found["member_id"],
        code_id=found["id"],
        sign_in_id=asking.sign_in_id,
        staff_id=asking.staff_id,
        merged_at=now,
        undo_until=now + UNDO_WITHIN,
    )
    joining = Joining(merge_id=merge.id, kept=merge.kept_id, joined=merge.joined_id)
    await sealed.end_what_rests_on_no_name(joining, now)
    await moving.move_all(joining, now)
    await sealed.move(joining, phone_keys, id_keys)
    await rows("UPDATE merge_code SET used_at = $1 WHERE id = $2 RETURNING id", now, found["id"])
    await rows("UPDATE member SET joined_to_id = $1 WHERE id = $2 RETURNING id", merge.kept_id, merge.joined_id)
    for whose in (merge.kept_id, merge.joined_id):  # the other's number, if it has one of its own, hears of it too
        await _told("ACCOUNTS_JOINED", "一个账号的预订和关系已转入另一个", whose, merge.public_id, now)
    if asking.person is not None:
        joined = await Member.get(id=merge.joined_id)
        concerning("MEMBER", asking.person.public_id, detail=joined.public_id)
        await _tell_helpers(merge, now)
    return merge.public_id


async def demand_joinable(asking: Asking, code: Any, now: datetime) -> None:
    """Everything but the code itself that two accounts must fulfil. In a transaction that holds both rows."""
    other = code["member_id"]
    if database.utc(code["expires_at"]) <= now:
        raise MergeCodeInvalid
    if other == asking.member_id:
        raise MergeRefused("这个合并码就是本账号的。", "请在另一个账号里获取合并码，再回到本账号输入。")
    await codes.demand_proof(member_id=other, sign_in_id=code["sign_in_id"], now=now)
    await demand_own_proof(asking, now)
    await _refuse_two_people(asking.member_id, other)
    await _refuse_relations(asking.member_id, other)


async def _refuse_two_people(one: int, other: int) -> None:
    leaving = await row(
        """SELECT 1 AS found FROM deletion WHERE member_id IN ($1, $2) AND cancelled_at IS NULL AND done_at IS NULL
            LIMIT 1""",
        one,
        other,
    )
    if leaving is not None:
        raise MergeRefused("其中一个账号正在注销。", "请先撤回注销申请，或等注销完成。")
    bound = await rows("SELECT id FROM real_name WHERE member_id IN ($1, $2)", one, other)
    if len(bound) == 2:  # one person's number is bound once, so these are two people
        raise MergeRefused(
            "两个账号的实名信息不是同一个人，不能合并。", "如果其中一个绑错了，请先解除它的实名绑定。"
        )


async def _refuse_relations(one: int, other: int) -> None:
    related = await row(
        """SELECT (SELECT count(*) FROM guardianship WHERE ended_at IS NULL
                      AND (guardian_id = $1 AND ward_id = $2 OR guardian_id = $2 AND ward_id = $1)) AS guards,
                  (SELECT count(*) FROM proxy WHERE ended_at IS NULL
                      AND (principal_id = $1 AND helper_id = $2 OR principal_id = $2 AND helper_id = $1)) AS helps""",
        one,
        other,
    )
    assert related is not None
    if related["guards"]:
        raise MergeRefused("一个账号是另一个账号的监护人，是两个人。", "请在各自的账号里使用，不需要合并。")
    if related["helps"]:
        raise MergeRefused("一个账号是另一个账号的协助人。", "如果确实是同一个人，请先结束协助关系再合并。")


async def _merged_before(asking: Asking, code_id: int) -> str:
    merge = await Merge.get_or_none(code_id=code_id)
    if merge is None or merge.kept_id != asking.member_id or merge.undone_at is not None:
        raise MergeCodeInvalid
    return str(merge.public_id)


@operation
async def _undo(
    member_id: int, sign_in_id: int, merge_id: str, phone_keys: PhoneKeys, id_keys: IdKeys, now: datetime
) -> None:
    merge = await Merge.get_or_none(public_id=merge_id)
    if merge is None or merge.kept_id != member_id:
        raise MergeUnknown
    await rows("SELECT id FROM member WHERE id IN ($1, $2) ORDER BY id FOR UPDATE", merge.kept_id, merge.joined_id)
    await merge.refresh_from_db()
    if merge.undone_at is not None:
        return
    await _demand_undoable(merge, now)
    joining = Joining(merge_id=merge.id, kept=merge.kept_id, joined=merge.joined_id)
    await sealed.give_back(joining, phone_keys, id_keys)
    await moving.give_back_all(joining)
    await _part(merge, sign_in_id, now)
    await _demand_way_in(merge)
    for whose in (merge.kept_id, merge.joined_id):
        await _told("ACCOUNTS_PARTED", "转入的内容已归还原账号", whose, merge.public_id, now)


async def _demand_undoable(merge: Merge, now: datetime) -> None:
    if now >= merge.undo_until:
        raise MergeNotUndoable("合并已超过24小时，不能再撤销。", "如果不是您本人操作的，请到前台或通过投诉反映。")
    kept = await row("SELECT joined_to_id, deleted_at FROM member WHERE id = $1", merge.kept_id)
    if kept is None or kept["joined_to_id"] is not None or kept["deleted_at"] is not None:
        raise MergeNotUndoable("这个账号后来又并入了另一个账号。", "请先撤销后面那一次合并。")


async def _demand_way_in(merge: Merge) -> None:
    """Raises MergeNotUndoable when one of the parted accounts could be reached by nobody: it had but a number, which is
    the other account's since, or gone. Its orders would be lost to whose they are; so the accounts stay one.

    A name is enough, since a desk finds them by it; a helper is not, since either of the two may end that.
    """
    for member_id, whose, way_out in (
        (merge.joined_id, "原账号", "账号会保持合并；如需分开，请通过投诉反映。"),
        (merge.kept_id, "这个账号", "请先在这个账号里绑定手机号，再撤销合并。"),
    ):
        is_named = await row("SELECT id FROM real_name WHERE member_id = $1", member_id)
        if is_named is None and not await has_way_in(member_id):
            raise MergeNotUndoable(f"合并后手机号有变动，撤销后{whose}将没有任何登录方式。", way_out)


async def _part(merge: Merge, sign_in_id: int, now: datetime) -> None:
    """The joined account is one of its own again. Who signed in since came by either's door, and nobody can tell for
    which: those sign-ins end, but the one in which this was said, which is with whom its door is now."""
    await rows("UPDATE merge SET undone_at = $1 WHERE id = $2 RETURNING id", now, merge.id)
    await rows(
        "UPDATE member SET joined_to_id = NULL WHERE id = $1 AND joined_to_id = $2 RETURNING id",
        merge.joined_id,
        merge.kept_id,
    )
    owner = await _whose_door(merge, sign_in_id)
    if owner is not None:
        await rows("UPDATE sign_in SET member_id = $1 WHERE id = $2 RETURNING id", owner, sign_in_id)
    await rows(
        """UPDATE sign_in SET ended_at = $1, end_reason = 'ACCOUNTS_PARTED'
            WHERE member_id = $2 AND started_at > $3 AND ended_at IS NULL AND id <> $4 RETURNING id""",
        *(now, merge.kept_id, merge.merged_at, 0 if owner is None else sign_in_id),
    )
    await rows(
        "UPDATE member SET code_version = code_version + 1 WHERE id IN ($1, $2) RETURNING id",
        merge.kept_id,
        merge.joined_id,
    )


async def _whose_door(merge: Merge, sign_in_id: int) -> int | None:
    """Whose a sign-in is, once doors and numbers have gone home. None where nobody can tell: it does not say by which
    number somebody came, and both accounts have one."""
    said_in = await SignIn.get(id=sign_in_id)
    if said_in.door != BY_PHONE:
        door = Identity.filter(appid=said_in.appid, openid=said_in.openid, member_id=merge.joined_id)
        return merge.joined_id if await door.exists() else said_in.member_id
    if said_in.started_at <= merge.merged_at:  # it has gone home, or was here
        return said_in.member_id
    kept, joined = [
        await MemberPhone.filter(member_id__in=await accounts_of(each)).exists()
        for each in (merge.kept_id, merge.joined_id)
    ]
    if kept and joined:
        return None
    return merge.joined_id if joined else merge.kept_id


async def _tell_helpers(merge: Merge, now: datetime) -> None:
    """What an account that nobody could enter is told goes to the phone that was led into it just now: those who helped
    until then hear of it by themselves."""
    values = {"what": "在场馆前台把账号合并到一部手机上", "when": moment_text(now)}
    for helper in await rows(
        "SELECT helper_id FROM proxy WHERE principal_id = $1 AND ended_at IS NULL", merge.kept_id
    ):
        await tell(
            member_id=helper["helper_id"],
            template="HELPED_JOINED",
            values=values,
            about_no=merge.public_id,
            now=now,
        )


async def _told(template: str, what: str, member_id: int, merge_id: str, now: datetime) -> None:
    values = {"what": what, "when": moment_text(now)}
    await tell(member_id=member_id, template=template, values=values, about_no=merge_id, now=now)
