"""Whoever was made known at a desk, or by a guardian, and has a phone now: their account and the one on the phone become
one, with the card in their hand for the first and a code for the second. Nothing that they had is lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.tables import AuditLine
from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.families import wards
from models.families.acting import HelperPower
from models.families.tables import Proxy
from models.families.unbinding import free_number_at_desk
from models.keys import AuditKeys
from models.members.queries import who
from models.members.rules import PhoneMayHaveChangedHands
from models.members.tables import Member
from models.merging import queries
from models.merging.at_desk import join_at_desk
from models.merging.tables import Merge, MergeGuess
from models.messages.tables import Message
from models.orders.tables import Order
from models.real_names.at_desk import verify_person
from models.real_names.queries import known_person, person_key
from models.real_names.rules import IdBoundElsewhere, NamedPerson, PersonNotHere
from models.staff.rules import StaffSignedIn
from tests.databases import Database
from tests.factories.accounts import ID_KEYS, Account, a_code, an_account, part
from tests.factories.booking import Hall, a_hall
from tests.factories.families import Somebody, a_ward, help_one, somebody
from tests.factories.names import CHILD, GRANDMOTHER, MOTHER, TODAY, Authority, verify, version
from tests.factories.people import PHONE_KEYS, TOKEN_KEYS, a_clerk, find_by_phone
from tests.models.members.test_by_phone import NUMBER as PROVED
from tests.models.members.test_by_phone import Desk as ByPhone
from tests.models.members.test_by_phone import member_of
from tests.models.merging.test_merging import book
from tests.queueing import one_after_another

NUMBER = "13975318642"
GROWN = datetime.fromisoformat("2029-09-02T04:00:00Z")  # CHILD is fourteen


@dataclass
class Desk:
    hall: Hall
    clerk: StaffSignedIn
    authority: Authority
    now: datetime

    async def reads(self, card: NamedPerson) -> Somebody:
        """Whoever holds this card is known from now on, and stands here."""
        seen = await verify_person(
            clerk=self.clerk,
            name=card.name,
            id_number=card.number,
            consent_version=version(Purpose.REAL_NAME),
            venue_id=self.hall.venue.public_id,
            idempotency_key=f"{self.now}",
            keys=ID_KEYS,
            authority=self.authority,
            now=self.now,
        )
        return Somebody(seen.member_id, seen.public_id)

    async def joins(self, person: Somebody, code: str, *, clerk: StaffSignedIn | None = None) -> None:
        await join_at_desk(
            clerk=clerk or self.clerk,
            person_id=person.public_id,
            code=code,
            venue_id=self.hall.venue.public_id,
            token_keys=TOKEN_KEYS,
            phone_keys=PHONE_KEYS,
            id_keys=ID_KEYS,
            now=self.now,
        )

    def account_of(self, person: Somebody) -> Account:
        """As a clerk books for them: without a sign-in."""
        return Account(person.id, 0, person.public_id, "", "")


@pytest.fixture
async def desk(db: Database, authority: Authority, now: datetime) -> Desk:
    hall = await a_hall()
    return Desk(hall, await a_clerk(hall.venue.public_id), authority, now)


async def whose(account: Account, now: datetime) -> int:
    """To whom the phone's sign-in leads."""
    signed_in = await who(access_token=account.access_token, now=now)
    assert signed_in is not None
    return signed_in.member_id


async def test_a_grandmother_who_gets_a_phone_has_on_it_all_that_she_had_at_the_desk(desk: Desk) -> None:
    her = await desk.reads(GRANDMOTHER)
    key = await person_key(her.id)
    booked = await book(desk.account_of(her), desk.hall.badminton, 9, desk.now, key="at the desk")
    phone = await an_account(phone=NUMBER)
    by_phone = await book(phone, desk.hall.badminton_2, 9, desk.now, key="on the phone")
    with pytest.raises(IdBoundElsewhere) as sent_to_a_desk:
        await verify(phone.member_id, GRANDMOTHER, desk.authority)
    assert "前台" in (sent_to_a_desk.value.next_step or "")
    code = await a_code(phone)
    await desk.joins(her, code)
    await desk.joins(her, code)  # a second press
    assert await whose(phone, desk.now) == her.id
    assert {order.member_id for order in await Order.filter(id__in=[booked.id, by_phone.id])} == {her.id}
    assert await find_by_phone(phone=NUMBER, keys=PHONE_KEYS) == her.id
    known = await known_person(member_id=her.id, keys=ID_KEYS, today=TODAY)
    assert known is not None
    assert (known.masked_name, known.person_id) == ("王**", key)
    with pytest.raises(DomainError) as refused:  # what both held is held by one
        await book(desk.account_of(her), desk.hall.left, 9, desk.now, key="one too many")
    assert refused.value.code == ErrorCode.TOO_MANY_COURTS
    merge = await Merge.get()
    assert (merge.kept_id, merge.joined_id, merge.sign_in_id, merge.staff_id) == (
        *(her.id, phone.member_id, 0),
        desk.clerk.staff_id,
    )
    assert await Message.filter(template="ACCOUNTS_JOINED", member_id=her.id).count() == 1


async def test_for_a_day_she_parts_them_again_on_her_phone_and_each_has_its_own(desk: Desk) -> None:
    her, phone = await desk.reads(GRANDMOTHER), await an_account(phone=NUMBER)
    booked = await book(desk.account_of(her), desk.hall.badminton, 9, desk.now, key="at the desk")
    by_phone = await book(phone, desk.hall.badminton_2, 9, desk.now, key="on the phone")
    await desk.joins(her, await a_code(phone))
    (merge,) = await queries.my_merges(member_id=await whose(phone, desk.now), first=5, now=desk.now)
    assert merge.is_undoable
    as_her = Account(her.id, phone.sign_in_id, her.public_id, phone.access_token, phone.openid)
    await part(as_her, merge.public_id, now=desk.now + timedelta(hours=23))
    assert await whose(phone, desk.now) == phone.member_id
    owners = {order.id: order.member_id for order in await Order.all()}
    assert owners == {booked.id: her.id, by_phone.id: phone.member_id}
    assert await find_by_phone(phone=NUMBER, keys=PHONE_KEYS) == phone.member_id
    assert await person_key(her.id) is not None
    assert await person_key(phone.member_id) is None


async def test_who_was_a_ward_and_grew_up_has_the_childs_account_on_their_phone(desk: Desk) -> None:
    mother = await somebody(MOTHER)
    child = await a_ward(mother, CHILD, desk.authority)
    phone = await an_account()
    with pytest.raises(DomainError) as refused:
        await desk.joins(await desk.reads(CHILD), await a_code(phone))
    assert refused.value.code == ErrorCode.GUARDIAN_NEEDED, "until then it is the guardian who acts"
    desk.now = GROWN
    desk.clerk = await a_clerk(desk.hall.venue.public_id, now=GROWN)
    await wards.grow_up(keys=ID_KEYS, now=GROWN)
    phone = await an_account(now=GROWN)
    person = await desk.reads(CHILD)
    assert person.id == child.id
    await desk.joins(person, await a_code(phone, now=GROWN))
    assert await whose(phone, GROWN) == child.id


async def test_an_elder_with_a_new_phone_after_ninety_days_gets_their_account_back_by_their_card(
    desk: Desk,
) -> None:
    """They had no door but the number, and who holds it now might be somebody else: nothing but the card tells."""
    before, sms = desk.now - timedelta(days=91), ByPhone()
    came = await member_of(await sms.sign_in(await sms.code(before), before), before)
    account = Account(came.member_id, came.sign_in_id, came.member_public_id, "", openid="")
    await verify(account.member_id, GRANDMOTHER, desk.authority, now=before)
    booked = await book(account, desk.hall.badminton, 9, desk.now, key="before")
    code = await sms.code(desk.now)
    with pytest.raises(PhoneMayHaveChangedHands) as asked:
        await sms.sign_in(code, desk.now, device_id="a-new-phone")
    assert "我是新用户" in asked.value.sentence()
    assert "带身份证到场馆前台" in asked.value.sentence()
    tokens = await sms.sign_in(code, desk.now, device_id="a-new-phone", new_holder=True)
    anew = await member_of(tokens, desk.now)
    assert anew.member_id != account.member_id
    phone = Account(anew.member_id, anew.sign_in_id, anew.member_public_id, tokens.access_token, openid="")
    await desk.joins(await desk.reads(GRANDMOTHER), await a_code(phone))
    assert await whose(phone, desk.now) == account.member_id
    assert (await Order.get(id=booked.id)).member_id == account.member_id
    assert await find_by_phone(phone=PROVED, keys=PHONE_KEYS) == account.member_id


async def test_an_account_into_which_somebody_can_sign_in_is_joined_from_there_and_at_no_desk(desk: Desk) -> None:
    """Else a clerk who has just read a card could lead a phone of their own into that account."""
    member = await somebody()
    await verify(member.id, GRANDMOTHER, desk.authority)
    person, stranger = await desk.reads(GRANDMOTHER), await an_account()
    assert person.id == member.id
    await refused(desk, person, await a_code(stranger), ErrorCode.MERGE_REFUSED)
    assert not await Merge.all().exists()
    assert await whose(stranger, desk.now) == stranger.member_id


async def test_nobody_is_joined_who_is_not_here_or_is_somebody_else(desk: Desk) -> None:
    her, phone = await desk.reads(GRANDMOTHER), await an_account()
    code = await a_code(phone)
    elsewhere = await a_clerk((await a_hall(name="别处")).venue.public_id)
    await refused(desk, her, code, ErrorCode.NOT_ALLOWED, clerk=elsewhere)
    colleague = await a_clerk(desk.hall.venue.public_id)
    await refused(desk, her, code, ErrorCode.MEMBER_UNKNOWN, clerk=colleague)
    await refused(desk, her, "2222-2222", ErrorCode.MERGE_CODE_INVALID)
    assert await MergeGuess.filter(member_id=her.id).count() == 1, "a guess at a desk is one"
    grandson = await an_account()
    await help_one(her, Somebody(grandson.member_id, grandson.public_id), HelperPower.BOOK)
    await refused(desk, her, await a_code(grandson), ErrorCode.MERGE_REFUSED)
    other = await an_account()
    await verify(other.member_id, MOTHER, desk.authority)
    await refused(desk, her, await a_code(other), ErrorCode.MERGE_REFUSED)
    later = desk.now + timedelta(minutes=31)
    desk.now, then = later, desk.now
    await refused(desk, her, await a_code(phone, now=later), ErrorCode.MEMBER_UNKNOWN)
    desk.now = then
    assert not await Merge.all().exists()
    assert await Member.filter(joined_to_id__isnull=False).count() == 0


@pytest.mark.postgres
async def test_whose_name_goes_while_the_clerk_types_is_joined_to_nobody(desk: Desk) -> None:
    her, phone = await desk.reads(GRANDMOTHER), await an_account()
    freeing = free_number_at_desk(
        clerk=desk.clerk,
        person_id=her.public_id,
        venue_id=desk.hall.venue.public_id,
        keys=ID_KEYS,
        now=desk.now,
    )
    code = await a_code(phone)
    freed, joined = await one_after_another([her.id], freeing, desk.joins(her, code))
    assert freed is None
    assert isinstance(joined, PersonNotHere)
    assert await whose(phone, desk.now) == phone.member_id
    assert not await Merge.all().exists()


async def test_whoever_helps_them_hears_of_it_and_its_line_names_both_accounts_the_clerk_and_the_venue(
    desk: Desk,
) -> None:
    """Should the phone be somebody else's, those hear who can do something about it."""
    her, phone = await desk.reads(GRANDMOTHER), await an_account()
    grandson, gone = await somebody(), await somebody()
    for helper in (grandson, gone):
        await help_one(her, helper, HelperPower.BOOK)
    await Proxy.filter(helper_id=gone.id).update(ended_at=desk.now)
    code = await a_code(phone)
    deed = Deed(act="deskJoinAccount", at=desk.now, actor_kind="STAFF", actor_id=desk.clerk.public_id)
    async with Doing(deed, keys=AuditKeys({"1": b"a" * 32})):
        await desk.joins(her, code)
    line = await AuditLine.get()
    assert (line.outcome, line.subject_id, line.detail) == ("OK", her.public_id, phone.public_id)
    told = await Message.filter(template="HELPED_JOINED").values_list("member_id", flat=True)
    assert told == [grandson.id]
    assert (line.actor_id, line.venue_id) == (desk.clerk.public_id, desk.hall.venue.public_id)


async def refused(
    desk: Desk, person: Somebody, code: str, with_code: ErrorCode, *, clerk: StaffSignedIn | None = None
) -> None:
    with pytest.raises(DomainError) as refusal:
        await desk.joins(person, code, clerk=clerk)
    assert refusal.value.code == with_code
    assert refusal.value.next_step
