"""A small town: people with a name and a number, the doors by which each comes in, and everything they may do.

Every act is what an entrance does: who it is says a sign-in, and the rooms are asked with it. An act that a room refuses
raises its DomainError.
"""

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from tortoise.transactions import in_transaction

from models import database
from models.calendar import business_day, instant_of
from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.placing import PlacedBy, place_order
from models.consents.reading import TEXTS
from models.consents.rules import Purpose, current
from models.errors import DomainError
from models.families import companions, helpers, invitations, inviting_helpers, wards
from models.families.acting import HelperPower, booking_for
from models.families.rules import Relation
from models.families.unbinding import free_number_at_desk, unbind_my_name
from models.families.wards import WardWanted
from models.keys import AuditKeys
from models.members import by_phone, identities, phones, sms_codes
from models.members import operations as members
from models.members.code_rules import CodePurpose
from models.members.queries import SignedIn, who
from models.members.rules import Door, Tokens
from models.members.tables import Member
from models.merging import at_desk as merging_at_desk
from models.merging import codes, operations
from models.merging.asking import Asking
from models.messages.operations import tell
from models.orders.rules import Channel
from models.personal_data import HELD
from models.privacy import deleting, retention, withdrawing
from models.privacy.rules import PrivacyKeys
from models.privacy.wards import own_or_wards
from models.real_names.at_desk import find_person, verify_person
from models.real_names.operations import verify_my_name
from models.real_names.rules import NamedPerson
from models.staff.rules import StaffSignedIn
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS, TEXT_KEYS
from tests.factories.booking import Hall, wanted
from tests.factories.names import FATHER, GRANDMOTHER, MOTHER, a_person
from tests.factories.people import PHONE_KEYS, TOKEN_KEYS
from tests.factories.sms import Gateway
from verification.port import Verdict

AUDIT_KEYS = AuditKeys({"1": b"a" * 32})
PRIVACY_KEYS = PrivacyKeys(phones=PHONE_KEYS, ids=ID_KEYS, texts=TEXT_KEYS)
TEENAGER = a_person("赵明", "20100301", order=71)
CHILD = a_person("李小雨", "20200501", order=51)
SOON_14 = a_person("李小川", "20121220", order=52)  # a month after NOW
GROWN = (FATHER, MOTHER, GRANDMOTHER, TEENAGER)
CHILDREN = (CHILD, SOON_14)
PHONES = ("13975310001", "13975310002", "13975310003", "13975310004")
MINI, OFFICIAL, ALIPAY = "wx0123456789abcdef", "wxfedcba9876543210", "2021000000000001"

OF_THE_RUN = (
    *({held.table for held in HELD} | {part.table for held in HELD for part in held.parts}),
    *(
        "merge_move",
        "desk_look_up",
        "sealed_record",
        "held_cell",
        "outbox",
        "redemption",
        "finance_event",
        "refund_line",
    ),
)


@dataclass(frozen=True)
class Books:
    """The authority's. The wire to it is proved elsewhere (tests/verification)."""

    names: Mapping[str, str]

    async def check(self, *, name: str, id_number: str) -> Verdict:
        known = self.names.get(id_number)
        return Verdict.UNKNOWN if known is None else Verdict.AGREES if known == name else Verdict.DIFFERS


AUTHORITY = Books({person.number: person.name for person in (*GROWN, *CHILDREN)})


@dataclass(frozen=True)
class Seat:
    """One device with one way in, and whose it is: an index into GROWN."""

    person: int
    door: Door
    appid: str
    openid: str
    unionid: str | None
    device: str

    @classmethod
    def all(cls) -> "list[Seat]":
        """Each has WeChat and a phone; some have a second WeChat or Alipay, and a unionid that is not always told."""
        seats = []
        for person in range(len(GROWN)):
            union = f"u-{person}"
            seats += [
                cls(
                    person,
                    Door.MINI_PROGRAM,
                    MINI,
                    f"o-mini-{person}",
                    union if person % 2 else None,
                    f"d{person}",
                ),
                cls(person, Door.OFFICIAL_ACCOUNT, OFFICIAL, f"o-office-{person}", union, f"w{person}"),
                cls(person, Door.PHONE, "", PHONES[person], None, f"f{person}"),
            ]
        seats.append(cls(0, Door.MINI_PROGRAM, MINI, "o-second", None, "d9"))
        seats.append(cls(1, Door.ALIPAY, ALIPAY, "2088000000000001", None, "d1"))
        return seats


SEATS = Seat.all()
BY_PHONE = [number for number, seat in enumerate(SEATS) if seat.door is Door.PHONE]


@dataclass
class Town:
    hall: Hall
    clerk: StaffSignedIn
    now: datetime = NOW
    gateway: Gateway = field(default_factory=Gateway)
    tokens: dict[int, Tokens] = field(default_factory=dict)
    merges: list[str] = field(default_factory=list)
    orders: set[str] = field(default_factory=set)
    let_go: set[int] = field(default_factory=set)
    """Whose name was freed by whoever holds the card, or by taking back a consent: neither is refused to anybody."""

    @property
    def today(self) -> date:
        return business_day(self.now)

    # by which door

    async def at(self, seat: int, *, new_holder: bool = False) -> SignedIn:
        """Who sits there: still signed in, or by a refreshed token, or through the door again."""
        held = self.tokens.get(seat)
        if held is not None:
            known = await who(access_token=held.access_token, now=self.now)
            if known is not None:
                return known
            with contextlib.suppress(DomainError):
                self.tokens[seat] = await members.refresh(
                    refresh_token=held.refresh_token, device_id=SEATS[seat].device, keys=TOKEN_KEYS, now=self.now
                )
                known = await who(access_token=self.tokens[seat].access_token, now=self.now)
                if known is not None:
                    return known
        self.tokens[seat] = held = await self._enter(SEATS[seat], SEATS[seat].unionid, new_holder)
        known = await who(access_token=held.access_token, now=self.now)
        if known is None:  # ended meanwhile by whoever acts at the same time
            return await self.at(seat, new_holder=new_holder)
        return known

    async def come_in(self, seat: int, unionid_of: int | None, new_holder: bool) -> None:
        """Anew, and perhaps WeChat tells a unionid that it did not tell before: theirs, or whose WeChat it is by now."""
        is_told = unionid_of is not None and SEATS[seat].door is not Door.ALIPAY
        self.tokens[seat] = await self._enter(SEATS[seat], f"u-{unionid_of}" if is_told else None, new_holder)

    async def get_number(self, phone: int) -> None:
        """The carrier gave it out again, after its ninety days: whoever has it now comes by it, with a device of theirs."""
        self.now += timedelta(days=91)
        holder = replace(SEATS[BY_PHONE[phone]], device=f"n{phone}-{self.now:%Y%j}")
        self.tokens.pop(BY_PHONE[phone], None)
        await self._enter(holder, None, True)

    async def leave(self, seat: int) -> None:
        await members.sign_out(sign_in_id=(await self.at(seat)).sign_in_id, now=self.now)

    async def link(self, seat: int, other: int) -> None:
        """What is signed in here can be entered by the other way as well."""
        mine, way = await self.at(seat), SEATS[other]
        if way.door is not Door.PHONE:
            await identities.link(
                member_id=mine.member_id,
                appid=way.appid,
                openid=way.openid,
                unionid=way.unionid,
                door=way.door,
                now=self.now,
            )

    async def _enter(self, seat: Seat, unionid: str | None, new_holder: bool) -> Tokens:
        if seat.door is not Door.PHONE:
            return await members.sign_in(
                appid=seat.appid,
                openid=seat.openid,
                unionid=unionid,
                device_id=seat.device,
                keys=TOKEN_KEYS,
                now=self.now,
                door=seat.door,
            )
        code = await self._code(seat.openid, None, seat.device)
        return await by_phone.sign_in_with_phone(
            phone=seat.openid,
            code=code,
            new_holder=new_holder,
            device_id=seat.device,
            phone_keys=PHONE_KEYS,
            token_keys=TOKEN_KEYS,
            tell=tell,
            now=self.now,
        )

    async def _code(self, phone: str, member_id: int | None, device: str) -> str:
        await sms_codes.request_code(
            phone=phone,
            purpose=CodePurpose.SIGN_IN if member_id is None else CodePurpose.BIND,
            device_id=device,
            address="203.0.113.7",
            member_id=member_id,
            sms=self.gateway,
            keys=PHONE_KEYS,
            now=self.now,
        )
        return self.gateway.code_on(phone)

    # phones

    async def bind(self, seat: int, phone: int) -> None:
        """WeChat says which number."""
        mine = await self.at(seat)
        await phones.bind_phone(member_id=mine.member_id, phone=PHONES[phone], keys=PHONE_KEYS, now=self.now)

    async def bind_by_sms(self, seat: int, phone: int, take_over: bool) -> None:
        mine = await self.at(seat)
        code = await self._code(PHONES[phone], mine.member_id, SEATS[seat].device)
        await by_phone.bind_phone_by_sms(
            member_id=mine.member_id,
            phone=PHONES[phone],
            code=code,
            take_over=take_over,
            keys=PHONE_KEYS,
            tell=tell,
            now=self.now,
        )

    # who one is

    async def name(self, seat: int, person: int, rightly: bool) -> None:
        mine = await self.at(seat)
        named = GROWN[person] if rightly else NamedPerson(CHILD.name, GROWN[person].number)
        await verify_my_name(
            member_id=mine.member_id,
            name=named.name,
            id_number=named.number,
            consent_version=self._version(Purpose.REAL_NAME),
            keys=ID_KEYS,
            authority=AUTHORITY,
            now=self.now,
        )

    async def unname(self, seat: int) -> None:
        await unbind_my_name(member_id=(await self.at(seat)).member_id, keys=ID_KEYS, now=self.now)

    async def show_card(self, person: int, key: int) -> str:
        """At the desk, where somebody without an account gets one."""
        card = (*GROWN, *CHILDREN)[person]
        venue_id = self.hall.venue.public_id
        await verify_person(
            clerk=self.clerk,
            name=card.name,
            id_number=card.number,
            consent_version=self._version(Purpose.REAL_NAME),
            venue_id=venue_id,
            idempotency_key=f"{key}",
            keys=ID_KEYS,
            authority=AUTHORITY,
            now=self.now,
        )
        found = await find_person(
            clerk=self.clerk, id_number=card.number, venue_id=venue_id, keys=ID_KEYS, now=self.now
        )
        return found.public_id if found else ""

    async def free_number(self, person: int) -> None:
        person_id = await self.show_card(person, 1)
        await free_number_at_desk(
            clerk=self.clerk,
            person_id=person_id,
            venue_id=self.hall.venue.public_id,
            keys=ID_KEYS,
            now=self.now,
        )
        self.let_go.add((await Member.get(public_id=person_id)).id)

    async def end_help_at_desk(self, person: int) -> None:
        await withdrawing.withdraw_at_desk(
            clerk=self.clerk,
            person_id=await self.show_card(person, 1),
            purpose=Purpose.HELPER,
            venue_id=self.hall.venue.public_id,
            keys=ID_KEYS,
            now=self.now,
        )

    async def find_helper_at_desk(self, person: int, phone: int, helper: int) -> None:
        invited = await inviting_helpers.invite_helper_at_desk(
            clerk=self.clerk,
            person_id=await self.show_card(person, 1),
            powers=[HelperPower.BOOK, HelperPower.MESSAGES],
            helper_phone=PHONES[phone],
            consent_version=self._version(Purpose.HELPER),
            venue_id=self.hall.venue.public_id,
            keys=ID_KEYS,
            phone_keys=PHONE_KEYS,
            now=self.now,
        )
        await self._accept(helper, invited.code)

    # two accounts

    async def merge(self, kept: int, joined: int) -> str:
        mine, other = await self.at(kept), await self.at(joined)
        issued = await codes.issue(
            member_id=other.member_id, sign_in_id=other.sign_in_id, keys=TOKEN_KEYS, now=self.now
        )
        merge_id = await operations.merge_members(
            asking=Asking(member_id=mine.member_id, sign_in_id=mine.sign_in_id),
            code=issued.code,
            token_keys=TOKEN_KEYS,
            phone_keys=PHONE_KEYS,
            id_keys=ID_KEYS,
            now=self.now,
        )
        self.merges.append(merge_id)
        return merge_id

    async def join_at_desk(self, person: int, joined: int) -> str:
        """Whoever holds the card has this way in by now."""
        other = await self.at(joined)
        issued = await codes.issue(
            member_id=other.member_id, sign_in_id=other.sign_in_id, keys=TOKEN_KEYS, now=self.now
        )
        merge_id = await merging_at_desk.join_at_desk(
            clerk=self.clerk,
            person_id=await self.show_card(person, 1),
            code=issued.code,
            venue_id=self.hall.venue.public_id,
            token_keys=TOKEN_KEYS,
            phone_keys=PHONE_KEYS,
            id_keys=ID_KEYS,
            now=self.now,
        )
        self.merges.append(merge_id)
        return merge_id

    async def undo(self, seat: int, merge: int) -> None:
        if self.merges:
            await self.undo_one(seat, self.merges[-1 - merge % len(self.merges)])

    async def undo_one(self, seat: int, merge_id: str) -> None:
        mine = await self.at(seat)
        await operations.undo_merge(
            member_id=mine.member_id,
            sign_in_id=mine.sign_in_id,
            merge_id=merge_id,
            phone_keys=PHONE_KEYS,
            id_keys=ID_KEYS,
            now=self.now,
        )

    # families

    async def add_ward(self, seat: int, child: int) -> None:
        mine = await self.at(seat)
        await wards.add_ward(
            guardian_id=mine.member_id,
            wanted=WardWanted(
                name=CHILDREN[child].name,
                id_number=CHILDREN[child].number,
                relation=Relation.OTHER,
                consent_version=self._version(Purpose.CHILD),
            ),
            idempotency_key=f"{child} {self.today}",
            keys=ID_KEYS,
            authority=AUTHORITY,
            now=self.now,
        )

    async def share_ward(self, seat: int, other: int) -> None:
        """With one more guardian, of the ward that was added last."""
        mine = await self.at(seat)
        for ward in (await self._wards(mine.member_id))[:1]:
            invited = await invitations.invite_guardian(
                guardian_id=mine.member_id,
                ward_public_id=ward,
                relation=Relation.GRANDPARENT,
                keys=ID_KEYS,
                now=self.now,
            )
            await self._accept(other, invited.code)

    async def end_guardianship(self, seat: int) -> None:
        mine = await self.at(seat)
        found = await database.rows(
            "SELECT public_id FROM guardianship WHERE guardian_id = $1 AND ended_at IS NULL ORDER BY id",
            mine.member_id,
        )
        for each in found[:1]:
            await wards.end_guardianship(
                member_id=mine.member_id, guardianship_id=each["public_id"], keys=ID_KEYS, now=self.now
            )

    async def get_help(self, seat: int, helper: int) -> None:
        mine = await self.at(seat)
        await self._agree(mine.member_id, Purpose.HELPER)
        invited = await inviting_helpers.invite_helper(
            member_id=mine.member_id,
            powers=[HelperPower.BOOK, HelperPower.SEE_ORDERS],
            phone=None,
            keys=ID_KEYS,
            phone_keys=PHONE_KEYS,
            now=self.now,
        )
        await self._accept(helper, invited.code)

    async def end_help(self, seat: int) -> None:
        """The oldest, from either side."""
        mine = await self.at(seat)
        found = await database.rows(
            """SELECT public_id FROM proxy WHERE (principal_id = $1 OR helper_id = $1) AND ended_at IS NULL
                ORDER BY id""",
            mine.member_id,
        )
        for each in found[:1]:
            await helpers.end_proxy(member_id=mine.member_id, proxy_id=each["public_id"], now=self.now)

    async def play_with(self, seat: int, other: int) -> None:
        mine = await self.at(seat)
        invited = await invitations.invite_companion(member_id=mine.member_id, keys=ID_KEYS, now=self.now)
        await self._accept(other, invited.code)

    async def play_no_more(self, seat: int) -> None:
        mine = await self.at(seat)
        found = await database.rows(
            "SELECT public_id FROM companionship WHERE (one_id = $1 OR other_id = $1) AND ended_at IS NULL",
            mine.member_id,
        )
        for each in found[:1]:
            await companions.end_companionship(
                member_id=mine.member_id, companionship_id=each["public_id"], now=self.now
            )

    # consents, and leaving

    async def agree(self, seat: int, purpose: Purpose) -> None:
        await self._agree((await self.at(seat)).member_id, purpose)

    async def withdraw(self, seat: int, purpose: Purpose) -> None:
        mine = await self.at(seat)
        await withdrawing.withdraw(member_id=mine.member_id, purpose=purpose, keys=ID_KEYS, now=self.now)
        if purpose is Purpose.REAL_NAME:
            self.let_go.add(mine.member_id)

    async def ask_to_go(self, seat: int, for_ward: bool) -> None:
        mine = await self.at(seat)
        children = await self._wards(mine.member_id) if for_ward else []
        whose = await own_or_wards(
            member_id=mine.member_id,
            member_public_id=mine.member_public_id,
            for_member=children[0] if children else None,
            keys=ID_KEYS,
            now=self.now,
        )
        await deleting.request_deletion(member_id=whose.member_id, keys=ID_KEYS, now=self.now)

    async def stay(self, seat: int) -> None:
        await deleting.cancel_deletion(member_id=(await self.at(seat)).member_id, now=self.now)

    async def delete(self) -> None:
        await deleting.delete_due(keys=PRIVACY_KEYS, now=self.now)

    async def go(self, seat: int) -> None:
        """Asks, does not think better of it, and is gone."""
        await self.ask_to_go(seat, for_ward=False)
        self.now += timedelta(days=16)
        await self.delete()

    # courts

    async def book(self, seat: int, whose: int, court: int, hour: int, days: int) -> None:
        """For oneself, for a ward, or for somebody whom one helps."""
        mine = await self.at(seat)
        others = [None, *await self._wards(mine.member_id), *await self._principals(mine.member_id)]
        acting = await booking_for(
            member_id=mine.member_id,
            member_public_id=mine.member_public_id,
            for_member=others[whose % len(others)],
            keys=ID_KEYS,
            now=self.now,
        )
        hall = self.hall
        courts = (hall.badminton, hall.badminton_2, hall.left, hall.right)
        order_no = await place_order(
            member_id=acting.member_id,
            lines=[wanted(courts[court], instant_of(self.today + timedelta(days=days), hour * 60))],
            idempotency_key=secrets.token_hex(8),
            placed_by=PlacedBy(member_id=acting.by_member_id),
            keys=ID_KEYS,
            channels={},
            now=self.now,
        )
        self.orders.add(order_no)

    async def pay(self, seat: int) -> None:
        """What they owe for the latest, in cash."""
        for order_no in await self._orders(seat, "status = 'PENDING_PAYMENT'"):
            await take_money(
                clerk=self.clerk,
                order_no=order_no,
                money=MoneyGiven(channel=Channel.CASH, given_fen=20_000),
                key=f"cash-{order_no}",
                channels={},
                now=self.now,
            )

    async def cancel(self, seat: int) -> None:
        for order_no in await self._orders(seat, "status <> 'CLOSED'"):
            mine = await self.at(seat)
            await cancel_order(
                member_id=mine.member_id, order_no=order_no, line_nos=None, channels={}, now=self.now
            )

    # what the worker does

    async def end_holds(self) -> None:
        await end_overdue_holds(channels={}, now=self.now)

    async def grow_up(self) -> None:
        await wards.grow_up(keys=ID_KEYS, now=self.now)

    async def purge(self) -> None:
        await retention.purge_old(keys=AUDIT_KEYS, now=self.now)

    async def move_latecomers(self) -> None:
        await operations.move_latecomers(now=self.now)

    # how

    async def _accept(self, seat: int, code: str) -> None:
        mine = await self.at(seat)
        await invitations.accept_invitation(
            member_id=mine.member_id, code=code, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=self.now
        )

    async def _agree(self, member_id: int, purpose: Purpose) -> None:
        await withdrawing.agree(member_id=member_id, purpose=purpose, version=self._version(purpose), now=self.now)

    def _version(self, purpose: Purpose) -> str:
        return current(TEXTS, purpose, self.today).version

    async def _orders(self, seat: int, which: str) -> list[str]:
        """The number of the latest."""
        found = await database.rows(
            f"SELECT order_no FROM orders WHERE member_id = $1 AND {which} ORDER BY id DESC LIMIT 1",
            (await self.at(seat)).member_id,
        )
        return [row["order_no"] for row in found]

    async def _wards(self, member_id: int) -> list[str]:
        """Public ids, the latest first."""
        return await _public_ids(
            "SELECT ward_id AS id FROM guardianship WHERE guardian_id = $1 AND ended_at IS NULL", member_id
        )

    async def _principals(self, member_id: int) -> list[str]:
        return await _public_ids(
            "SELECT principal_id AS id FROM proxy WHERE helper_id = $1 AND ended_at IS NULL", member_id
        )


async def _public_ids(of: str, member_id: int) -> list[str]:
    found = await database.rows(f"SELECT public_id FROM member WHERE id IN ({of}) ORDER BY id DESC", member_id)
    return [row["public_id"] for row in found]


async def forget_everybody(tables: Sequence[str] = OF_THE_RUN) -> None:
    """Before each run; the hall and its clerk stay."""
    if not database.on_postgres():
        await database.rows("PRAGMA foreign_keys=OFF")
        for table in tables:
            await database.rows(f"DELETE FROM {table}")
        await database.rows("PRAGMA foreign_keys=ON")
        return
    async with in_transaction():
        await database.rows("SET LOCAL session_replication_role = replica")
        for table in tables:
            await database.rows(f"DELETE FROM {table}")
