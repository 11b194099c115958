"""Two accounts become one with proof of both: everything is there once, nothing grows, and a day long it can be undone."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.checkout.placing import place_order
from models.consents import operations as consents
from models.consents.queries import has_agreed
from models.consents.reading import TEXTS
from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.families.tables import Companionship, Guardianship, Invitation, Proxy
from models.keys import TokenKeys
from models.members import by_phone, phones, sms_codes  # noqa: F401
from models.members import operations as members
from models.members.queries import who
from models.members.standing import MemberGone, leads_to
from models.members.tables import Identity, Member, SignIn
from models.merging import operations, queries
from models.merging.rules import (
    MergeCodeInvalid,
    MergeNotUndoable,
    MergeRefused,
    MergeUnknown,
    canonical_code,
    is_proof,
)
from models.merging.tables import Merge, MergeCode, MergeGuess, MergeMove
from models.messages.tables import Message, MessageChoice
from models.orders.tables import Order
from models.organisations.tables import Organisation, OrganisationMember
from models.personal_data import HELD, OnMerge
from models.privacy import withdrawing
from models.privacy.tables import Deletion
from models.real_names.tables import Concession, RealName
from tests.databases import Database
from tests.factories.accounts import (
    FATHER,
    GRANDMOTHER,
    ID_KEYS,
    Account,
    a_code,
    an_account,
    join,
    name,
    part,
)
from tests.factories.booking import a_hall, at, wanted
from tests.factories.people import APPID, PHONE_KEYS, TOKEN_KEYS, a_clerk, find_by_phone
from tests.factories.places import a_venue

NUMBER, OTHER_NUMBER = "13975318642", "13975318643"
DAY = timedelta(days=1)


async def book(account: Account, court: Any, hour: int, now: datetime, *, key: str, days: int = 1) -> Order:
    order_no = await place_order(
        member_id=account.member_id,
        lines=[wanted(court, at(hour, days=days))],
        idempotency_key=key,
        keys=ID_KEYS,
        channels={},
        now=now,
    )
    return await Order.get(order_no=order_no)


async def agree(account: Account, purpose: Purpose, now: datetime) -> None:
    version = next(text.version for text in TEXTS if text.purpose is purpose)
    await withdrawing.agree(member_id=account.member_id, purpose=purpose, version=version, now=now)


async def pictured() -> dict[str, list[tuple[Any, ...]]]:
    """To whom every row leads that HELD lists, but for what the merging room itself and the inbox add."""
    own = {"merge", "merge_code", "merge_guess", "member", "message"}
    picture: dict[str, list[tuple[Any, ...]]] = {}
    for held in HELD:
        if held.table not in own:
            found = await database.rows(f"SELECT id, {held.column} AS who FROM {held.table} ORDER BY id")
            picture[f"{held.table}.{held.column}"] = [(row["id"], row["who"]) for row in found]
    return picture


# ——— proof


async def test_a_code_is_shown_once_kept_as_a_hash_and_ends_the_one_before(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    first, second = await a_code(other), await a_code(other)
    assert len(second) == 9
    for row in await MergeCode.all().values():
        assert first not in str(row)
        assert canonical_code(second) not in str(row)
    with pytest.raises(MergeCodeInvalid):
        await join(mine, other, code=first)
    merge_id = await join(mine, other, code=f" {second.lower()}")
    assert await join(mine, other, code=second) == merge_id, "the same act twice is one"
    third = await an_account()
    with pytest.raises(MergeCodeInvalid):
        await join(third, other, code=second)


async def test_a_code_is_good_for_ten_minutes(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    code = await a_code(other)
    with pytest.raises(MergeCodeInvalid):
        await join(mine, other, code=code, now=now + timedelta(minutes=10))
    assert not await Merge.all().exists()
    await join(mine, other, code=code, now=now + timedelta(minutes=9))


async def test_a_code_made_before_the_keys_changed_is_still_found(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    code = await a_code(other)
    rotated = TokenKeys({"2": b"T" * 32, **TOKEN_KEYS.keys})
    shown = await queries.preview(
        asking=mine.asking, code=code, token_keys=rotated, phone_keys=PHONE_KEYS, now=now
    )
    assert shown.doors == 1


async def test_after_ten_wrong_codes_nobody_guesses_on(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    for _ in range(10):
        with pytest.raises(MergeCodeInvalid):
            await join(mine, other, code="2222-2222")
    with pytest.raises(DomainError) as refused:
        await join(mine, other)
    assert refused.value.code == ErrorCode.TOO_MANY_ATTEMPTS
    assert refused.value.retry_after == 3601
    await join(mine, other, now=now + timedelta(hours=1, seconds=1))


@pytest.mark.postgres
async def test_whoever_types_thirty_wrong_codes_at_once_has_typed_ten(db: Database, now: datetime) -> None:
    mine = await an_account()

    async def guess(number: int) -> str:
        asked = {"asking": mine.asking, "code": "2222-2222", "token_keys": TOKEN_KEYS, "phone_keys": PHONE_KEYS}
        try:
            if number % 2:
                await queries.preview(**asked, now=now)  # type: ignore[arg-type]
            else:
                await operations.merge_members(**asked, id_keys=ID_KEYS, now=now)  # type: ignore[arg-type]
        except DomainError as refused:
            return refused.code
        raise AssertionError("nobody made this code")

    answers = await asyncio.gather(*map(guess, range(30)))
    assert sorted(answers) == [ErrorCode.MERGE_CODE_INVALID] * 10 + [ErrorCode.TOO_MANY_ATTEMPTS] * 20
    assert await MergeGuess.filter(member_id=mine.member_id).count() == 10


@pytest.mark.parametrize(
    ("door", "others", "days", "proves"),
    [
        ("MINI_PROGRAM", True, 30, True),
        ("MINI_PROGRAM", True, 31, False),
        ("PHONE", True, 0, False),
        ("PHONE", False, 0, True),
    ],
)
def test_only_a_fresh_sign_in_proves_an_account_and_a_phone_only_one_without_other_doors(
    door: str, others: bool, days: int, proves: bool, now: datetime
) -> None:
    assert is_proof(door=door, has_other_doors=others, started_at=now - days * DAY, now=now) is proves


async def test_a_phone_alone_neither_makes_a_code_of_an_account_with_other_doors_nor_joins_into_it(
    db: Database, now: datetime
) -> None:
    mine, other = await an_account(), await an_account()
    await SignIn.filter(id=other.sign_in_id).update(door="PHONE")
    with pytest.raises(MergeRefused):
        await a_code(other)
    await SignIn.filter(id=other.sign_in_id).update(door="MINI_PROGRAM")
    code = await a_code(other)
    await SignIn.filter(id=mine.sign_in_id).update(door="PHONE")
    with pytest.raises(MergeRefused):
        await join(mine, other, code=code)
    assert (await Member.get(id=other.member_id)).joined_to_id is None


@pytest.mark.parametrize(("has_wechat", "way_out"), [(True, "微信"), (False, "请退出后重新登录再合并")])
async def test_who_has_but_a_number_is_told_to_sign_in_again_and_not_by_wechat(
    has_wechat: bool, way_out: str, db: Database, now: datetime
) -> None:
    """An old sign-in is no proof; the way out is a door that the account has."""
    account = await an_account(phone=NUMBER)
    if not has_wechat:
        await Identity.filter(member_id=account.member_id).delete()
        await SignIn.filter(id=account.sign_in_id).update(door="PHONE")
    with pytest.raises(MergeRefused) as refused:
        await a_code(account, now=now + 31 * DAY)
    assert way_out in (refused.value.next_step or "")
    assert ("微信" in refused.value.sentence()) is has_wechat
    assert not await MergeCode.all().exists()


async def test_a_code_dies_with_the_sign_in_that_asked_for_it(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    code = await a_code(other)
    await members.sign_out(sign_in_id=other.sign_in_id, now=now)
    with pytest.raises(MergeCodeInvalid):
        await join(mine, other, code=code)


# ——— refusals


async def test_two_people_are_not_joined(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    await name(mine, FATHER)
    await name(other, GRANDMOTHER)
    with pytest.raises(MergeRefused, match="不是同一个人"):
        await join(mine, other)
    assert not await MergeMove.all().exists()


@pytest.mark.parametrize("relation", ["guardian", "ward", "helper", "principal"])
async def test_who_guards_or_helps_the_other_is_somebody_else(relation: str, db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    one, two = (mine, other) if relation in ("guardian", "helper") else (other, mine)
    if relation in ("guardian", "ward"):
        await Guardianship.create(
            public_id="g1", guardian_id=one.member_id, ward_id=two.member_id, relation="FATHER", started_at=now
        )
    else:
        await Proxy.create(
            public_id="p1", helper_id=one.member_id, principal_id=two.member_id, powers="BOOK", started_at=now
        )
    with pytest.raises(MergeRefused):
        await join(mine, other)


async def test_neither_oneself_nor_one_who_leaves_nor_one_who_was_joined_can_be_joined(
    db: Database, now: datetime
) -> None:
    mine, other, third = await an_account(), await an_account(), await an_account()
    with pytest.raises(MergeRefused, match="本账号"):
        await join(mine, mine)
    leaving = await Deletion.create(public_id="d1", member_id=other.member_id, asked_at=now, due_at=now + 15 * DAY)
    with pytest.raises(MergeRefused, match="注销"):
        await join(mine, other)
    await Deletion.filter(id=leaving.id).update(cancelled_at=now)
    code = await a_code(other)
    await join(mine, other, code=code)
    with pytest.raises(MergeCodeInvalid):
        await join(third, other, code=code)


# ——— what joining does


async def test_orders_admissions_and_limits_add_up_and_never_grow(db: Database, now: datetime) -> None:
    hall = await a_hall()
    mine, other = await an_account(), await an_account()
    await book(mine, hall.badminton, 9, now, key="same")
    theirs = await book(other, hall.badminton_2, 9, now, key="same")
    await join(mine, other)
    assert {order.member_id for order in await Order.all()} == {mine.member_id}
    assert (await Order.get(id=theirs.id)).idempotency_key != "same", "one key cannot mean two orders"
    with pytest.raises(DomainError) as refused:  # two courts a day, however many accounts one had
        await book(mine, hall.left, 9, now, key="third")
    assert refused.value.code == ErrorCode.TOO_MANY_COURTS
    again = await book(mine, hall.badminton, 9, now, key="same")
    assert again.id != theirs.id


async def test_every_device_goes_on_working_as_the_account_that_stayed(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account(openid="o-second")
    await join(mine, other)
    for account in (mine, other):
        signed_in = await who(access_token=account.access_token, now=now)
        assert signed_in is not None
        assert signed_in.member_id == mine.member_id
    tokens = await members.sign_in(
        appid=APPID, openid="o-second", unionid=None, device_id="phone-9", keys=TOKEN_KEYS, now=now
    )
    assert tokens.member_public_id == mine.public_id
    assert await leads_to(other.member_id) == mine.member_id


async def test_a_number_moves_to_who_has_none_and_else_leads_to_who_stayed(db: Database, now: datetime) -> None:
    mine, other, third = await an_account(), await an_account(phone=NUMBER), await an_account(phone=OTHER_NUMBER)
    await join(mine, other)
    assert await phones.masked_phone(member_id=mine.member_id, keys=PHONE_KEYS) == "139****8642"
    await join(mine, third)
    assert await phones.masked_phone(member_id=mine.member_id, keys=PHONE_KEYS) == "139****8642"
    for number in (NUMBER, OTHER_NUMBER):
        assert await find_by_phone(phone=number, keys=PHONE_KEYS) == mine.member_id


async def test_the_real_name_comes_along_and_opens_in_its_new_place(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    await name(other, GRANDMOTHER)
    merge_id = await join(mine, other)
    from models.real_names.binding import open_row

    row = await RealName.get(member_id=mine.member_id)
    assert open_row(row, ID_KEYS) == GRANDMOTHER
    await part(mine, merge_id)
    row = await RealName.get(member_id=other.member_id)
    assert open_row(row, ID_KEYS) == GRANDMOTHER


async def test_what_was_given_to_the_real_name_since_goes_back_with_it(db: Database, now: datetime) -> None:
    mine, other, ward = await an_account(), await an_account(), await an_account()
    clerk = await a_clerk((await a_venue()).public_id)
    await name(other, GRANDMOTHER)
    merge_id = await join(mine, other)
    await Concession.create(
        public_id="con1",
        member_id=mine.member_id,
        kind="DISABLED",
        ends_on=now.date() + 300 * DAY,
        verified_by_id=clerk.staff_id,
        venue_id=1,
        verified_at=now,
    )
    await Guardianship.create(
        public_id="gua1", guardian_id=mine.member_id, ward_id=ward.member_id, relation="OTHER", started_at=now
    )
    await part(mine, merge_id)
    assert (await Concession.get()).member_id == other.member_id
    assert (await Guardianship.get()).guardian_id == other.member_id


@pytest.mark.parametrize("named_stays", [True, False])
async def test_what_was_granted_to_nobody_by_name_is_not_the_persons_with_whom_they_are_joined(
    named_stays: bool, db: Database, now: datetime
) -> None:
    """A concession is its person's: one that stands on an account without a name is in no person's way."""
    mine, other = await an_account(), await an_account()
    named, nobody = (mine, other) if named_stays else (other, mine)
    clerk = await a_clerk((await a_venue()).public_id)
    await name(named, GRANDMOTHER)
    for account, days, kind in ((named, 300, "DISABLED"), (nobody, 600, "DISABLED"), (nobody, 600, "STUDENT")):
        await Concession.create(
            public_id=f"con{account.member_id}{kind}",
            member_id=account.member_id,
            kind=kind,
            ends_on=now.date() + days * DAY,
            verified_by_id=clerk.staff_id,
            venue_id=1,
            verified_at=now,
        )
    merge_id = await join(mine, other)
    live = await Concession.get(revoked_at=None)
    assert (live.public_id, live.member_id) == (f"con{named.member_id}DISABLED", mine.member_id)
    await part(mine, merge_id)
    live = await Concession.get(revoked_at=None)
    assert (live.public_id, live.member_id) == (f"con{named.member_id}DISABLED", named.member_id)


async def test_what_both_have_once_is_there_once(db: Database, now: datetime) -> None:
    mine, other, third = await an_account(), await an_account(), await an_account()
    for account in (mine, other):
        await agree(account, Purpose.NOTICES, now)
        await Guardianship.create(
            public_id=f"g{account.member_id}",
            guardian_id=account.member_id,
            ward_id=third.member_id,
            relation="FATHER",
            started_at=now,
        )
        one, two = sorted((account.member_id, third.member_id))
        await Companionship.create(public_id=f"c{account.member_id}", one_id=one, other_id=two, started_at=now)
        await MessageChoice.create(
            member_id=account.member_id, kind="BOOKING", way="SMS", is_wanted=account is mine, chosen_at=now
        )
    merge_id = await join(mine, other)
    for table in (Guardianship, Companionship):
        assert await table.filter(ended_at=None).count() == 1
    assert await has_agreed(member_id=mine.member_id, purpose=Purpose.NOTICES, now=now)
    assert [choice.is_wanted for choice in await MessageChoice.filter(member_id=mine.member_id)] == [True]
    await part(mine, merge_id)
    for table in (Guardianship, Companionship):
        assert await table.filter(ended_at=None).count() == 2
    assert await has_agreed(member_id=other.member_id, purpose=Purpose.NOTICES, now=now)


async def test_what_was_ended_after_joining_does_not_come_back_by_parting(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    for account in (mine, other):
        await agree(account, Purpose.NOTICES, now)
    merge_id = await join(mine, other)
    await consents.end(member_id=mine.member_id, purpose=Purpose.NOTICES, now=now)
    await part(mine, merge_id)
    for account in (mine, other):
        assert not await has_agreed(member_id=account.member_id, purpose=Purpose.NOTICES, now=now)


async def test_each_others_companions_are_so_no_longer_until_they_part(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    pair = await Companionship.create(
        public_id="c1", one_id=mine.member_id, other_id=other.member_id, started_at=now
    )
    merge_id = await join(mine, other)
    await pair.refresh_from_db()
    assert (pair.one_id, pair.other_id, pair.ended_at) == (mine.member_id, other.member_id, now)
    await part(mine, merge_id)
    await pair.refresh_from_db()
    assert pair.ended_at is None


@pytest.mark.parametrize("theirs", ["OWNER", "MEMBER"])
async def test_the_greater_role_in_an_organisation_stays(theirs: str, db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    club = await Organisation.create(
        public_id="org1",
        name="锦江羽毛球俱乐部",
        credit_code="91510100MA6C0000X0",
        kind="CLUB",
        region_key="510104",
        status="APPROVED",
        registered_by_id=other.member_id,
        registered_at=now,
    )
    for account, role in ((mine, "MANAGER"), (other, theirs)):
        await OrganisationMember.create(
            public_id=f"om{account.member_id}",
            organisation_id=club.id,
            member_id=account.member_id,
            role=role,
            joined_at=now,
        )
    before = await pictured()
    merge_id = await join(mine, other)
    (live,) = await OrganisationMember.filter(left_at=None)
    assert (live.member_id, live.role) == (mine.member_id, "OWNER" if theirs == "OWNER" else "MANAGER")
    await part(mine, merge_id)
    assert await pictured() == before
    assert await OrganisationMember.filter(left_at=None).count() == 2


async def test_the_preview_counts_and_names_nobody_and_the_code_stays_good(db: Database, now: datetime) -> None:
    hall = await a_hall()
    mine, other, third = await an_account(), await an_account(phone=NUMBER), await an_account()
    await book(other, hall.badminton, 9, now, key="one")
    await name(other, GRANDMOTHER)
    await Proxy.create(
        public_id="p1", helper_id=third.member_id, principal_id=other.member_id, powers="BOOK", started_at=now
    )
    code = await a_code(other)
    ask: dict[str, Any] = {
        "asking": mine.asking,
        "code": code,
        "token_keys": TOKEN_KEYS,
        "phone_keys": PHONE_KEYS,
        "now": now,
    }
    for _ in range(2):
        shown = await queries.preview(**ask)
    assert (shown.orders, shown.helpers, shown.wards, shown.doors) == (1, 1, 0, 1)
    assert (shown.masked_phone, shown.phone_moves, shown.brings_real_name) == ("139****8642", True, True)
    assert GRANDMOTHER[0] not in repr(shown)
    assert other.public_id not in repr(shown)
    await join(mine, other, code=code)


async def test_joining_and_parting_are_told_once_each(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    merge_id = await join(mine, other)
    await part(mine, merge_id)
    await part(mine, merge_id)
    told = [(message.template, message.member_id) for message in await Message.all().order_by("id")]
    assert told == [
        ("ACCOUNTS_JOINED", mine.member_id),
        ("ACCOUNTS_JOINED", other.member_id),
        ("ACCOUNTS_PARTED", mine.member_id),
        ("ACCOUNTS_PARTED", other.member_id),
    ]
    assert [past.is_undoable for past in await queries.my_merges(member_id=mine.member_id, first=5, now=now)] == [
        False
    ]


async def test_what_was_written_while_the_accounts_were_joined_comes_after_and_goes_back_too(
    db: Database, now: datetime
) -> None:
    mine, other, third = await an_account(), await an_account(), await an_account()
    merge_id = await join(mine, other)
    late = await Companionship.create(
        public_id="c1", one_id=other.member_id, other_id=third.member_id, started_at=now
    )
    assert await operations.move_latecomers(now=now) == 1
    assert await operations.move_latecomers(now=now) == 0
    await late.refresh_from_db()
    assert {late.one_id, late.other_id} == {mine.member_id, third.member_id}
    await part(mine, merge_id)
    await late.refresh_from_db()
    assert (late.one_id, late.other_id) == (other.member_id, third.member_id)
    assert await operations.move_latecomers(now=now) == 0


# ——— undoing


async def test_parting_gives_back_exactly_what_came_and_what_is_new_stays(db: Database, now: datetime) -> None:
    hall = await a_hall()
    mine, other, third = await an_account(), await an_account(phone=NUMBER), await an_account()
    await book(other, hall.badminton, 9, now, key="same")
    await book(mine, hall.badminton_2, 9, now, key="same")
    await agree(other, Purpose.HELPER, now)
    await Invitation.create(
        public_id="i1",
        kind="HELPER",
        subject_id=other.member_id,
        code_hash="h",
        made_at=now,
        expires_at=now + DAY,
        status="OPEN",
    )
    await Companionship.create(public_id="c1", one_id=other.member_id, other_id=third.member_id, started_at=now)
    before, orders = await pictured(), await Order.all().order_by("id").values()
    merge_id = await join(mine, other)
    assert await pictured() != before
    new = await book(mine, hall.left, 9, now, key="new", days=2)
    await part(mine, merge_id)
    assert (await Order.get(id=new.id)).member_id == mine.member_id
    after = await pictured()
    assert after.pop("orders.member_id") == [*before.pop("orders.member_id"), (new.id, mine.member_id)]
    assert after.pop("orders.placed_by_id")[:2] == before.pop("orders.placed_by_id")
    assert after == before
    assert await Order.exclude(id=new.id).order_by("id").values() == orders
    assert await leads_to(other.member_id) == other.member_id
    assert await find_by_phone(phone=NUMBER, keys=PHONE_KEYS) == other.member_id


@pytest.mark.parametrize("minutes", [30, 0, -1])
async def test_who_signed_in_meanwhile_signs_in_again_but_the_one_who_parts(
    minutes: int, db: Database, now: datetime
) -> None:
    """They go home with their door, also where the clock of whoever signed them in was late."""
    mine, other = await an_account(), await an_account(openid="o-second")
    merge_id = await join(mine, other)
    later = now + timedelta(hours=1)
    since = await an_account(openid="o-second", now=later)
    parting = await an_account(openid="o-second", now=now + timedelta(minutes=minutes))
    assert since.member_id == parting.member_id == mine.member_id
    await part(parting, merge_id, now=later)
    assert await who(access_token=since.access_token, now=later) is None
    for account, leads in ((mine, mine), (other, other), (parting, other)):
        signed_in = await who(access_token=account.access_token, now=later)
        assert signed_in is not None
        assert signed_in.member_id == leads.member_id


async def test_who_parts_by_the_door_of_the_account_that_stayed_stays_there(db: Database, now: datetime) -> None:
    mine, other = await an_account(openid="o-first"), await an_account()
    merge_id = await join(mine, other)
    later = now + timedelta(hours=1)
    parting = await an_account(openid="o-first", now=later)
    await part(parting, merge_id, now=later)
    signed_in = await who(access_token=parting.access_token, now=later)
    assert signed_in is not None
    assert signed_in.member_id == mine.member_id


async def test_a_number_bound_since_stays_with_who_bound_it(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account(phone=NUMBER)
    merge_id = await join(mine, other)
    await phones.bind_phone(
        member_id=mine.member_id, phone=OTHER_NUMBER, keys=PHONE_KEYS, now=now + timedelta(hours=1)
    )
    await part(mine, merge_id, now=now + timedelta(hours=2))
    assert await phones.masked_phone(member_id=mine.member_id, keys=PHONE_KEYS) == "139****8643"
    assert await phones.masked_phone(member_id=other.member_id, keys=PHONE_KEYS) is None


async def test_after_a_day_and_for_a_stranger_nothing_is_undone(db: Database, now: datetime) -> None:
    mine, other, stranger = await an_account(), await an_account(), await an_account()
    merge_id = await join(mine, other)
    with pytest.raises(MergeUnknown):
        await part(stranger, merge_id)
    with pytest.raises(MergeNotUndoable):
        await part(mine, merge_id, now=now + DAY)
    assert (await Member.get(id=other.member_id)).joined_to_id == mine.member_id
    await part(mine, merge_id, now=now + DAY - timedelta(seconds=1))


async def test_three_accounts_part_in_the_order_in_which_they_were_joined_backwards(
    db: Database, now: datetime
) -> None:
    first, second, third = await an_account(), await an_account(), await an_account()
    inner = await join(second, third)
    outer = await join(first, second)
    assert await leads_to(third.member_id) == first.member_id
    with pytest.raises(MergeUnknown):
        await part(first, inner)
    await part(first, outer)
    await part(second, inner)
    for account in (first, second, third):
        signed_in = await who(access_token=account.access_token, now=now)
        assert signed_in is not None
        assert signed_in.member_id == account.member_id


async def test_parting_closes_the_codes_that_either_side_had_on_its_screen(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    merge_id = await join(mine, other)
    assert [member.code_version for member in await Member.all().order_by("id")] == [0, 0]
    await part(mine, merge_id)
    assert [member.code_version for member in await Member.all().order_by("id")] == [1, 1]


def test_whatever_moves_by_a_rule_of_its_own_has_one() -> None:
    from models.merging import moving

    with_rule = (
        {table for table, _ in moving._STAYS_IF_THERE}
        | {twin.table for twin in moving._TWINS}
        | set(moving._KEYED)
        | moving.BY_THEMSELVES
        | {"organisation_member", "companionship"}
    )
    assert {held.table for held in HELD if held.on_merge is OnMerge.OWN} == with_rule


# ——— races


async def outcomes(*acts: Any) -> list[Any]:
    return await asyncio.gather(*acts, return_exceptions=True)


@pytest.mark.postgres
async def test_each_into_the_other_at_once_joins_exactly_one(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    my_code, their_code = await a_code(mine), await a_code(other)
    ended = await outcomes(join(mine, other, code=their_code), join(other, mine, code=my_code))
    assert sum(isinstance(each, str) for each in ended) == 1
    assert any(isinstance(each, MemberGone) for each in ended)
    assert await Member.exclude(joined_to_id=None).count() == 1


@pytest.mark.postgres
async def test_one_account_into_two_at_once_goes_to_one(db: Database, now: datetime) -> None:
    first, second, other = await an_account(), await an_account(), await an_account()
    code = await a_code(other)
    ended = await outcomes(join(first, other, code=code), join(second, other, code=code))
    assert sum(isinstance(each, str) for each in ended) == 1
    assert await Merge.all().count() == 1


@pytest.mark.postgres
async def test_the_same_merge_five_times_at_once_is_one(db: Database, now: datetime) -> None:
    mine, other = await an_account(), await an_account()
    code = await a_code(other)
    ended = await outcomes(*(join(mine, other, code=code) for _ in range(5)))
    assert len(set(ended)) == 1
    assert isinstance(ended[0], str)


@pytest.mark.postgres
async def test_an_order_placed_while_the_account_is_joined_is_never_lost(db: Database, now: datetime) -> None:
    hall = await a_hall()
    for _ in range(5):
        mine, other = await an_account(), await an_account()
        placed, _ = await outcomes(book(other, hall.badminton, 9, now, key="race"), join(mine, other))
        if isinstance(placed, Order):
            assert (await Order.get(id=placed.id)).member_id == mine.member_id
        else:
            assert isinstance(placed, MemberGone)
        assert not await Order.filter(member_id=other.member_id).exists()
        await database.rows("DELETE FROM held_cell")


async def test_what_came_late_is_in_nobodys_way_when_the_accounts_part(db: Database, now: datetime) -> None:
    """The joined account was told of its joining, and so was the one that stayed, whose message went on with it."""
    first, second, third = await an_account(), await an_account(), await an_account()
    await join(second, first)
    merge_id = await join(third, second)
    await operations.move_latecomers(now=now)
    await part(third, merge_id)
    told = await Message.filter(template="ACCOUNTS_JOINED", member_id=second.member_id)
    assert len({message.about_no for message in told}) == len(told) == 2
    assert await leads_to(first.member_id) == second.member_id
