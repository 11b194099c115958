"""Who asks to be gone is gone after fifteen days, but for what a law keeps, and that says whose it was to nobody."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from tortoise import Tortoise

from models import database
from models.checkout.placing import place_order
from models.errors import DomainError, ErrorCode
from models.families.tables import Guardianship, Proxy
from models.keys import CannotOpen, Sealed, SealingKeys
from models.members.queries import who
from models.members.standing import MemberGone
from models.members.tables import Member
from models.messages.operations import choose, tell
from models.messages.rules import MessageKind, MessageWay
from models.messages.tables import Message, MessageChoice
from models.orders.tables import Order, Payment, Refund
from models.organisations.belonging import leave
from models.organisations.rules import LastOwner
from models.organisations.tables import Organisation, OrganisationInvitation, OrganisationMember
from models.personal_data import HELD, OnDeletion
from models.privacy import deleting, sealing
from models.privacy.rules import COOLING_OFF, DeletionUnknown, PrivacyKeys, erased, keep_until, kept
from models.privacy.tables import Deletion, SealedRecord
from models.staff.rules import Role
from tests.databases import Database
from tests.factories.accounts import (
    FATHER,
    GRANDMOTHER,
    ID_KEYS,
    TEXT_KEYS,
    Account,
    an_account,
    join,
    name,
)
from tests.factories.booking import a_hall, at, wanted
from tests.factories.lives import Life, a_life
from tests.factories.people import PHONE_KEYS, a_clerk

KEYS = PrivacyKeys(phones=PHONE_KEYS, ids=ID_KEYS, texts=TEXT_KEYS)
NUMBER, OTHER_NUMBER = "13975318642", "13611112222"
CHILD = ("李小明", "510107201506010021")
DAY = timedelta(days=1)


async def ask(account: Account, now: datetime) -> str:
    return await deleting.request_deletion(member_id=account.member_id, keys=ID_KEYS, now=now)


async def refusal(account: Account, now: datetime) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await ask(account, now)
    assert refused.value.next_step
    assert not await Deletion.filter(member_id=account.member_id, cancelled_at=None).exists()
    return refused.value


async def when_due(now: datetime) -> int:
    return await deleting.delete_due(keys=KEYS, now=now + COOLING_OFF)


async def book(account: Account, now: datetime, *, days: int = 1) -> Order:
    hall = await a_hall(free_mornings=True)
    order_no = await place_order(
        member_id=account.member_id,
        lines=[wanted(hall.badminton, at(8, days=days))],
        idempotency_key="k",
        keys=ID_KEYS,
        channels={},
        now=now,
    )
    return await Order.get(order_no=order_no)


async def everything_of(life: Life) -> dict[tuple[str, str], list[Any]]:
    return {
        (held.table, held.column): [
            dict(row)
            for row in await database.rows(
                f"SELECT * FROM {held.table} WHERE {held.column} = $1 ORDER BY id", life.account.member_id
            )
        ]
        for held in HELD
    }


# ——— asking


async def test_asking_begins_fifteen_days_that_are_told_and_asking_again_is_the_same(
    db: Database, now: datetime
) -> None:
    mine = await an_account()
    asked = await ask(mine, now)
    assert await ask(mine, now + DAY) == asked
    standing = await deleting.standing(member_id=mine.member_id, keys=ID_KEYS, now=now)
    assert (standing.public_id, standing.due_at) == (asked, now + timedelta(days=15))
    (told,) = await Message.filter(template="DELETION_ASKED")
    assert told.values["when"] == "12月5日 10:00"


async def test_thinking_better_of_it_leaves_everything_as_it_was(db: Database, now: datetime) -> None:
    mine = await an_account()
    with pytest.raises(DeletionUnknown):
        await deleting.cancel_deletion(member_id=mine.member_id, now=now)
    first = await ask(mine, now)
    await deleting.cancel_deletion(member_id=mine.member_id, now=now + DAY)
    assert await when_due(now) == 0
    assert await ask(mine, now + 2 * DAY) != first
    assert await who(access_token=mine.access_token, now=now) is not None


async def test_an_unpaid_order_or_one_that_lies_ahead_comes_first(db: Database, now: datetime) -> None:
    mine = await an_account()
    order = await book(mine, now)
    assert "未使用的预订" in (await refusal(mine, now)).message
    await Order.filter(id=order.id).update(status="PENDING_PAYMENT")
    assert "未付款" in (await refusal(mine, now)).message
    await Order.filter(id=order.id).update(status="CLOSED")
    await database.rows("UPDATE admission SET revoked_at = $1 WHERE order_id = $2 RETURNING id", now, order.id)
    await ask(mine, now)


@pytest.mark.parametrize("what", ["payment", "refund", "a refund that the channel closed"])
async def test_money_on_its_way_comes_first(what: str, db: Database, now: datetime) -> None:
    mine = await an_account()
    order = await book(mine, now)
    later = now + 3 * DAY
    payment = await Payment.create(
        payment_no="P1",
        order_id=order.id,
        channel="WECHAT_PAY",
        appid="a",
        payer="o-1",
        amount_fen=100,
        status="WAITING" if what == "payment" else "SETTLED",
        created_at=now,
        expires_at=now,
    )
    if what == "payment":
        assert "路上" in (await refusal(mine, later)).message
        await Payment.filter(id=payment.id).update(status="CLOSED")
    else:
        refund = await Refund.create(
            refund_no="R1",
            payment_id=payment.id,
            order_id=order.id,
            amount_fen=100,
            reason="CANCELLED",
            reason_text="取消",
            status="PROCESSING" if what == "refund" else "CLOSED",
            created_at=now,
        )
        assert "路上" in (await refusal(mine, later)).message
        await Refund.filter(id=refund.id).update(status="SUCCESS", finished_at=now)
    await ask(mine, later)


async def test_neither_a_child_nor_an_organisation_is_left_alone(db: Database, now: datetime) -> None:
    mine, child, other = await an_account(), await an_account(), await an_account()
    await name(mine, FATHER)
    await name(child, CHILD)
    guards = await Guardianship.create(
        public_id="g1", guardian_id=mine.member_id, ward_id=child.member_id, relation="FATHER", started_at=now
    )
    assert (await refusal(mine, now)).code == ErrorCode.WARD_WOULD_BE_ALONE
    await ask(child, now)  # a guardian may ask for their child, who then needs none
    await Guardianship.filter(id=guards.id).update(ended_at=now)
    club = await Organisation.create(
        public_id="org1",
        name="锦江羽毛球俱乐部",
        credit_code="91510100MA6C0000X0",
        kind="CLUB",
        region_key="510104",
        status="APPROVED",
        registered_by_id=mine.member_id,
        registered_at=now,
    )
    owning: dict[str, Any] = {"organisation_id": club.id, "role": "OWNER", "joined_at": now}
    await OrganisationMember.create(public_id="om1", member_id=mine.member_id, **owning)
    assert "负责人" in (await refusal(mine, now)).message
    await OrganisationMember.create(public_id="om2", member_id=other.member_id, **owning)
    await ask(mine, now)


async def a_club(public_id: str, status: str, *owners: Account, now: datetime) -> Organisation:
    club = await Organisation.create(
        public_id=public_id,
        name="锦江羽毛球俱乐部",
        credit_code=f"91510100MA6C{public_id}",
        kind="CLUB",
        region_key="510104",
        status=status,
        registered_by_id=owners[0].member_id,
        registered_at=now,
    )
    for number, owner in enumerate(owners):
        await OrganisationMember.create(
            public_id=f"omb_{public_id}_{number}",
            organisation_id=club.id,
            member_id=owner.member_id,
            role="OWNER",
            joined_at=now,
        )
    return club


async def test_a_suspended_organisation_ends_with_its_last_owner_who_could_not_close_it(
    db: Database, now: datetime
) -> None:
    mine, other, plain = await an_account(), await an_account(), await an_account()
    clubs = {
        which: await a_club(which, status, *owners, now=now)
        for which, status, owners in (
            ("alone", "SUSPENDED", [mine]),
            ("shared", "SUSPENDED", [mine, other]),
            ("theirs", "SUSPENDED", [other]),
            ("past", "REFUSED", [mine]),
            ("open", "APPROVED", [mine, other]),
        )
    }
    for which in ("alone", "theirs"):
        await OrganisationMember.create(
            public_id=f"omb_{which}",
            organisation_id=clubs[which].id,
            member_id=plain.member_id,
            role="MEMBER",
            joined_at=now,
        )
        await OrganisationInvitation.create(
            public_id=f"oin_{which}",
            organisation_id=clubs[which].id,
            invited_by_id=other.member_id,
            role="MEMBER",
            code_hash=which,
            made_at=now,
            expires_at=now + 99 * DAY,
            status="OPEN",
        )
    await ask(mine, now)
    assert await when_due(now) == 1
    assert {which: (await Organisation.get(id=club.id)).status for which, club in clubs.items()} == {
        "alone": "CLOSED", "shared": "SUSPENDED", "theirs": "SUSPENDED", "past": "REFUSED", "open": "APPROVED"
    }  # fmt: skip
    left = {each.public_id: each.left_at for each in await OrganisationMember.filter(member_id=plain.member_id)}
    assert left == {"omb_alone": now + COOLING_OFF, "omb_theirs": None}
    codes = {each.public_id: each.status for each in await OrganisationInvitation.all()}
    assert codes == {"oin_alone": "WITHDRAWN", "oin_theirs": "OPEN"}
    assert await OrganisationMember.filter(member_id=other.member_id, left_at=None).count() == 3


# ——— what goes, what stays


async def test_what_the_list_says_goes_goes_and_nobody_else_loses_anything(db: Database, now: datetime) -> None:
    mine, other = await a_life("甲", GRANDMOTHER, NUMBER), await a_life("乙", FATHER, OTHER_NUMBER)
    untouched = await everything_of(other)
    await ask(mine.account, now)
    assert await when_due(now - timedelta(seconds=1)) == 0
    assert await when_due(now) == 1
    assert await everything_of(other) == untouched
    left = await everything_of(mine)
    for held in HELD:
        rows = left[held.table, held.column]
        match held.on_deletion:
            case OnDeletion.ERASED:
                assert rows == [], held.table
            case OnDeletion.FORGOTTEN:
                assert rows == [], held.table
                kept_row = await database.row(
                    f"SELECT id FROM {held.table} WHERE id = $1", mine.rows[held.table, held.column]
                )
                assert kept_row is not None or held.table in {"consent", "invitation", "organisation_invitation"}
            case OnDeletion.KEPT:
                assert rows, held.table


async def test_no_text_of_theirs_is_left_anywhere_in_the_database(db: Database, now: datetime) -> None:
    mine = await a_life("甲", GRANDMOTHER, NUMBER)
    await ask(mine.account, now)
    await when_due(now)
    apps = Tortoise.apps
    assert apps is not None
    for model in apps["models"].values():
        for row in await model.all().values():
            for secret in (GRANDMOTHER[0], GRANDMOTHER[1], NUMBER, mine.account.openid):
                assert secret not in str(row), model._meta.db_table
    step = await database.row("SELECT sealed_text FROM complaint_step WHERE id = $1", mine.parts["complaint_step"])
    assert step is not None
    assert step["sealed_text"] is None
    payment = await Payment.get(id=mine.parts["payment"])
    assert payment.payer == ""


async def test_what_was_written_for_them_at_the_last_moment_goes_too_and_nothing_is_told_them_afterwards(
    db: Database, now: datetime
) -> None:
    mine, neighbour = await an_account(), await an_account()
    await ask(mine, now)
    assert await when_due(now) == 1
    gone_at = now + COOLING_OFF
    for account in (mine, neighbour):  # had begun before, and waited for the member's row
        await choose(
            member_id=account.member_id,
            kind=MessageKind.ORDERS,
            way=MessageWay.SMS,
            is_wanted=False,
            now=gone_at,
        )
        await told(account, gone_at)
    await deleting.erase_latecomers(now=gone_at + timedelta(minutes=10))
    assert [each.member_id for each in await MessageChoice.all()] == [neighbour.member_id]
    assert [each.member_id for each in await Message.filter(template="REFUND_STUCK")] == [neighbour.member_id]


@database.operation
async def told(account: Account, now: datetime) -> None:
    values = {"order_no": "O1", "amount": "40.00元"}
    await tell(member_id=account.member_id, template="REFUND_STUCK", values=values, about_no="O1", now=now)


async def test_what_refers_to_what_is_erased_goes_first(db: Database, now: datetime) -> None:
    """Every foreign key to a table whose rows are erased is a part of it, or is itself erased before it."""
    apps = Tortoise.apps
    assert apps is not None
    order = [held.table for held in HELD if held.on_deletion is OnDeletion.ERASED]
    parts = {(part.table, part.column) for held in HELD for part in held.parts}
    for model in apps["models"].values():
        for key in model._meta.fk_fields:
            described: Any = model._meta.fields_map[key]
            parent = described.related_model._meta.db_table
            if parent in order:
                assert (model._meta.db_table, described.source_field) in parts


async def test_afterwards_the_same_wechat_account_is_somebody_new(db: Database, now: datetime) -> None:
    mine = await an_account(openid="o-mine", phone=NUMBER)
    await Member.filter(id=mine.member_id).update(home_province="500000")
    await ask(mine, now)
    signed_in = await who(access_token=mine.access_token, now=now)
    assert signed_in is not None, "while it is thought over one signs in as ever"
    await when_due(now)
    assert await who(access_token=mine.access_token, now=now) is None
    again = await an_account(openid="o-mine", phone=NUMBER, now=now + 16 * DAY)
    assert again.member_id != mine.member_id
    gone = await Member.get(id=mine.member_id)
    assert (gone.deleted_at, gone.home_province) == (now + COOLING_OFF, "")


async def test_an_account_that_was_joined_goes_along(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account(phone=NUMBER)
    third = await an_account(phone=OTHER_NUMBER)
    await join(mine, other)
    await join(mine, third)
    await ask(mine, now)
    await when_due(now)
    assert await Member.filter(deleted_at=None).count() == 0
    assert (await database.row("SELECT count(*) AS n FROM member_phone"))["n"] == 0  # type: ignore[index]


async def test_helpers_and_whom_one_helped_hear_of_it(db: Database, now: datetime) -> None:
    mine, helper, helped = await an_account(), await an_account(), await an_account()
    for number, (principal, by) in enumerate(((mine, helper), (helped, mine))):
        await Proxy.create(
            public_id=f"p{number}",
            principal_id=principal.member_id,
            helper_id=by.member_id,
            powers="BOOK",
            started_at=now,
        )
    await ask(mine, now)
    await when_due(now)
    told = {message.member_id for message in await Message.filter(template="HELPER_ENDED")}
    assert told == {helper.member_id, helped.member_id}
    assert not await Proxy.all().exists()


async def test_what_has_come_into_the_way_is_waited_for(db: Database, now: datetime) -> None:
    mine = await an_account()
    await ask(mine, now)
    due = now + COOLING_OFF
    order = await book(mine, due - timedelta(hours=1), days=16)
    assert await when_due(now) == 0
    await database.rows("UPDATE admission SET revoked_at = $1 WHERE order_id = $2 RETURNING id", due, order.id)
    assert await when_due(now) == 1
    assert await when_due(now) == 0, "twice is once"


async def test_those_who_wait_keep_nobody_waiting_who_came_after_them(db: Database, now: datetime) -> None:
    waiting, others = [await an_account() for _ in range(3)], [await an_account() for _ in range(3)]
    for each in (*waiting, *others):
        await ask(each, now)
    due = now + COOLING_OFF
    for each in waiting:
        await book(each, due - timedelta(hours=1), days=16)
    assert await deleting.delete_due(keys=KEYS, now=due, limit=2) == 2
    assert await deleting.delete_due(keys=KEYS, now=due, limit=2) == 1
    assert await deleting.delete_due(keys=KEYS, now=due, limit=2) == 0
    gone = {row.id for row in await Member.filter(deleted_at__isnull=False)}
    assert gone == {each.member_id for each in others}


async def test_a_deletion_that_breaks_off_has_deleted_nothing(db: Database, now: datetime) -> None:
    mine = await a_life("甲", GRANDMOTHER, NUMBER)
    nobody = await an_account()
    await ask(mine.account, now)
    await ask(nobody, now)
    before = await everything_of(mine)
    broken = PrivacyKeys(
        phones=type(PHONE_KEYS)(sealing=SealingKeys({"9": b"9" * 32}), lookup=PHONE_KEYS.lookup),
        ids=ID_KEYS,
        texts=TEXT_KEYS,
    )
    with pytest.raises(CannotOpen):
        await deleting.delete_due(keys=broken, now=now + COOLING_OFF)
    assert await everything_of(mine) == before
    assert (await Member.get(id=nobody.member_id)).deleted_at is not None, "others are not kept waiting"
    assert await when_due(now) == 1


# ——— who it was


async def test_who_it_was_is_sealed_until_the_law_lets_it_go(db: Database, now: datetime) -> None:
    mine = await an_account(phone=NUMBER)
    await name(mine, GRANDMOTHER)
    await book(mine, now)
    then = now + 2 * DAY
    await ask(mine, then)
    await when_due(then)
    (record,) = await SealedRecord.all()
    assert record.keep_until == at(9).replace(year=2029)
    officer = await a_clerk(roles=(Role.DATA_OFFICER,), region_key="")
    opened = await sealing.open_record(
        clerk=officer, member_id=mine.public_id, reason="锦江区法院2026年第8号函", keys=TEXT_KEYS
    )
    assert (opened.name, opened.phone) == (GRANDMOTHER[0], f"+86{NUMBER}")
    assert mine.openid in opened.doors[0]
    assert GRANDMOTHER[1] not in TEXT_KEYS.open(
        Sealed(record.seal_key_id, bytes(record.sealed)),
        table="sealed_record",
        column="sealed",
        row=mine.member_id,
    )


async def test_nobody_without_the_power_and_nobody_without_a_reason_opens_it(db: Database, now: datetime) -> None:
    hall = await a_hall()
    clerk = await a_clerk(hall.venue.public_id)
    officer = await a_clerk(roles=(Role.DATA_OFFICER,), region_key="")
    for by, reason, code in (
        (clerk, "锦江区法院来函", ErrorCode.NOT_ALLOWED),
        (officer, " ", ErrorCode.BAD_INPUT),
        (officer, "锦江区法院来函", ErrorCode.MEMBER_UNKNOWN),
    ):
        with pytest.raises(DomainError) as refused:
            await sealing.open_record(clerk=by, member_id="mem_NOBODY", reason=reason, keys=TEXT_KEYS)
        assert refused.value.code == code


async def test_who_never_traded_leaves_no_record(db: Database, now: datetime) -> None:
    mine = await an_account(phone=NUMBER)
    await ask(mine, now)
    await when_due(now)
    assert not await SealedRecord.all().exists()


async def test_records_move_to_a_new_key_and_open_without_the_old_one(db: Database, now: datetime) -> None:
    mine = await an_account(phone=NUMBER)
    await book(mine, now)
    await ask(mine, now + 2 * DAY)
    await when_due(now + 2 * DAY)
    rotating = SealingKeys({"2": b"X" * 32, **TEXT_KEYS.keys})
    assert await sealing.reseal_all(keys=rotating) == 1
    assert await sealing.reseal_all(keys=rotating) == 0
    officer = await a_clerk(roles=(Role.DATA_OFFICER,), region_key="")
    opened = await sealing.open_record(
        clerk=officer, member_id=mine.public_id, reason="锦江区法院来函", keys=SealingKeys({"2": b"X" * 32})
    )
    assert opened.phone == f"+86{NUMBER}"


def test_three_years_end_on_the_same_day(now: datetime) -> None:
    assert keep_until(now) == now.replace(year=2029)
    assert keep_until(now.replace(year=2028, month=2, day=29)).date().isoformat() == "2031-03-01"


def test_what_goes_and_what_stays_is_said_with_its_law() -> None:
    assert {"手机号", "实名信息", "登录方式", "站内消息"} <= set(erased())
    assert {each.what for each in kept()} >= {"订单", "入场凭证"}
    assert all(each.basis for each in kept())


def test_of_a_complaint_it_is_said_that_the_words_go_and_why_the_rest_stays() -> None:
    (words,) = [each for each in erased() if "投诉" in each]
    assert "写" in words
    (row,) = [each for each in kept() if "投诉" in each.what]
    assert "答复" in row.basis


async def test_it_is_not_said_that_a_row_leads_nowhere_which_does(db: Database, now: datetime) -> None:
    """Who registered an organisation stands there after a deletion: a row about which nothing is known."""
    mine = await a_life("甲", GRANDMOTHER, NUMBER)
    await ask(mine.account, now)
    await when_due(now)
    club = await Organisation.get(id=mine.rows["organisation", "registered_by_id"])
    assert club.registered_by_id == mine.account.member_id
    (said,) = [each for each in kept() if "组织" in each.what]
    assert "不再指向" not in said.basis
    assert "不再有您的信息" in said.basis


# ——— races


@pytest.mark.postgres
async def test_two_workers_delete_somebody_once(db: Database, now: datetime) -> None:
    mine = await an_account(phone=NUMBER)
    await book(mine, now)
    await ask(mine, now + 2 * DAY)
    done = await asyncio.gather(*(when_due(now + 2 * DAY) for _ in range(3)))
    assert sum(done) == 1
    assert await SealedRecord.all().count() == 1


@pytest.mark.postgres
async def test_thinking_better_of_it_at_the_last_moment_is_either_heard_or_too_late(
    db: Database, now: datetime
) -> None:
    for _ in range(5):
        mine = await an_account()
        await ask(mine, now)
        deleted, cancelled = await asyncio.gather(
            when_due(now), deleting.cancel_deletion(member_id=mine.member_id, now=now), return_exceptions=True
        )
        member = await Member.get(id=mine.member_id)
        if cancelled is None:
            assert (deleted, member.deleted_at) == (0, None)
        else:
            assert isinstance(cancelled, MemberGone)
            assert deleted == 1


@pytest.mark.postgres
async def test_a_booking_at_the_last_moment_stops_it_or_is_refused(db: Database, now: datetime) -> None:
    hall = await a_hall(free_mornings=True)
    due = now + COOLING_OFF
    for number in range(4):
        mine = await an_account()
        await ask(mine, now)
        deleted, placed = await asyncio.gather(
            when_due(now),
            place_order(
                member_id=mine.member_id,
                lines=[wanted(hall.badminton, at(8, days=16 + number))],
                idempotency_key="k",
                keys=ID_KEYS,
                channels={},
                now=due,
            ),
            return_exceptions=True,
        )
        assert isinstance(placed, MemberGone if deleted else str)
        if not deleted:
            await deleting.cancel_deletion(member_id=mine.member_id, now=due)


@pytest.mark.postgres
async def test_joining_and_being_deleted_at_once_is_one_of_the_two(db: Database, now: datetime) -> None:
    for _ in range(4):
        mine, other = await an_account(), await an_account()
        joined, asked = await asyncio.gather(join(mine, other), ask(other, now), return_exceptions=True)
        assert isinstance(joined, str) != isinstance(asked, str)


@pytest.mark.postgres
async def test_of_the_last_two_owners_one_stays_when_one_leaves_and_one_is_deleted(
    db: Database, now: datetime
) -> None:
    for number in range(8):
        mine, other = await an_account(), await an_account()
        club = await a_club(f"r{number}", "APPROVED", mine, other, now=now)
        await ask(mine, now)
        deleted, left = await asyncio.gather(
            when_due(now),
            leave(member_id=other.member_id, organisation_id=club.public_id, now=now + COOLING_OFF),
            return_exceptions=True,
        )
        owners = await OrganisationMember.filter(organisation_id=club.id, role="OWNER", left_at=None)
        assert len(owners) == 1
        if deleted:
            assert isinstance(left, LastOwner)
        else:
            await deleting.cancel_deletion(member_id=mine.member_id, now=now + COOLING_OFF)


@pytest.mark.postgres
async def test_of_the_last_two_owners_who_are_deleted_at_once_one_waits(db: Database, now: datetime) -> None:
    for number in range(4):
        mine, other = await an_account(), await an_account()
        club = await a_club(f"s{number}", "APPROVED", mine, other, now=now)
        for each in (mine, other):
            await ask(each, now)
        wishes = await Deletion.filter(done_at=None, cancelled_at=None)
        await asyncio.gather(*(deleting._delete(wish.id, KEYS, now + COOLING_OFF) for wish in wishes))
        assert await OrganisationMember.filter(organisation_id=club.id, role="OWNER", left_at=None).count() == 1
        await Deletion.filter(done_at=None).update(cancelled_at=now)
