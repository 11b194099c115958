"""Whatever people do in whatever order, one person is one member, nobody is lost, and no child is left alone.

A machine signs in by WeChat and by phone, binds, takes over and frees numbers, proves names on the phone and at the
desk, joins accounts and parts them, adds wards, guardians and helpers and ends them, books for each of them, asks to be
gone, and jumps in time. `make soak` runs it for about as long as it is told.

Who may end up unreachable, and is left out: whose number, the only thing by which they came, was freed by its new
holder's SMS, and who let go of their name while it was the only thing.
"""

import asyncio
import os
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models import database
from models.calendar import business_day, instant_of
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.placing import PlacedBy, place_order
from models.consents import operations as consents
from models.consents.reading import TEXTS
from models.consents.rules import Purpose, current
from models.errors import DomainError
from models.families import helpers, invitations, inviting_helpers, unbinding, wards
from models.families.acting import HelperPower, booking_for
from models.families.rules import Relation
from models.families.wards import WardWanted
from models.keys import AuditKeys
from models.members import by_phone, operations, phones, sms_codes
from models.members.code_rules import CodePurpose
from models.members.queries import SignedIn, who
from models.members.rules import Door
from models.merging import codes
from models.merging.operations import Asking, merge_members, undo_merge
from models.messages.operations import tell
from models.privacy import deleting, retention
from models.privacy.rules import PrivacyKeys
from models.real_names.at_desk import verify_person
from models.real_names.operations import verify_my_name
from models.real_names.rules import NamedPerson
from models.staff.rules import StaffSignedIn
from tests.conftest import NOW
from tests.databases import KIND, Database
from tests.factories.accounts import ID_KEYS, TEXT_KEYS
from tests.factories.booking import Hall, a_hall, wanted
from tests.factories.names import FATHER, GRANDMOTHER, MOTHER, a_person
from tests.factories.people import APPID, PHONE_KEYS, TOKEN_KEYS, a_clerk
from tests.factories.sms import Gateway
from tests.properties.people_books import check, courts_held, unreachable
from verification.port import Verdict

T = TypeVar("T")
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "0"))
RUNS_A_SECOND = 1
STEPS_AT_LEAST = 200
DAY = timedelta(days=1)
JUMPS = (*(timedelta(minutes=2), timedelta(minutes=20)) * 3, DAY, DAY, 16 * DAY, 91 * DAY, 366 * DAY)
KEYS = PrivacyKeys(phones=PHONE_KEYS, ids=ID_KEYS, texts=TEXT_KEYS)
SMALL = a_person("李小雨", "20200901", order=51)
NEARLY_14 = a_person("赵明", "20121125", order=71)
CARDS = (FATHER, MOTHER, GRANDMOTHER, SMALL, NEARLY_14)
ADULTS = CARDS[:3]
PHONES = ("13975318642", "13611112222", "13800000000")
UNIONIDS = (None, "u-0", "u-0", "u-1", None)
WECHATS = len(UNIONIDS)
DOORS = WECHATS + 3  # and three phones on which nobody has WeChat
COURTS_A_DAY = 2
"""What the default booking rule of the tests allows."""

anybody = st.integers(0, DOORS - 1)
anywhen = st.sampled_from([9, 10, 11, 14])


class Authority:
    """Knows the people of this test, in this process: no call takes longer than none."""

    async def check(self, *, name: str, id_number: str) -> Verdict:
        for person in CARDS:
            if person.number == id_number:
                return Verdict.AGREES if person.name == name else Verdict.DIFFERS
        return Verdict.UNKNOWN


@dataclass
class World:
    """What all runs share."""

    loop: asyncio.AbstractEventLoop
    db: Database
    steps: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    """How often each act was not refused."""


@pytest.fixture
async def world(db: Database) -> World:
    return World(asyncio.get_running_loop(), db)


class People(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.now = NOW
        self.tokens: dict[int, str] = {}
        self.orders: set[str] = set()
        self.merges: list[str] = []
        self.given_up: set[int] = set()
        self.gateway = Gateway()
        self.authority = Authority()
        self.run(self.begin())

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.world.loop.run_until_complete(act)

    def act(self, act: Coroutine[Any, Any, Any]) -> None:
        """A refusal is an answer; anything else is a bug."""
        with suppress(DomainError):
            if self.run(act) is not False:
                self.world.done[act.__name__] = self.world.done.get(act.__name__, 0) + 1

    async def begin(self) -> None:
        await self.world.db.clean()
        self.hall: Hall = await a_hall(free_mornings=True)
        self.clerk: StaffSignedIn = await a_clerk(self.hall.venue.public_id)

    def text(self, purpose: Purpose) -> str:
        return current(TEXTS, purpose, business_day(self.now)).version

    @initialize(settled=st.booleans())
    def live(self, settled: bool) -> None:
        """Half of the runs begin in the middle of somebody's life: a family, an elder, accounts that may be joined."""
        if settled:
            self.found_a_family(0, FATHER, NEARLY_14)
            self.found_a_family(1, MOTHER, SMALL)
            self.bind_by_sms(0, PHONES[0], True)
            self.sign_in_by_phone(WECHATS, PHONES[1], False)
            self.share_a_child(0, 1)
            self.be_helped(3, 0, (HelperPower.BOOK,))
            self.book(WECHATS, None, 9, 0)

    # coming in

    async def somebody(self, which: int) -> SignedIn:
        """Who holds this phone, signed in again by WeChat where that ended; DomainError where nobody is."""
        known = await who(access_token=self.tokens.get(which, ""), now=self.now)
        if known is None and which < WECHATS:
            await self.come_by_wechat(which, UNIONIDS[which])
            known = await who(access_token=self.tokens[which], now=self.now)
            assert known is not None, "signed in, and nobody"
        if known is None:
            raise DomainError("nobody is signed in here", code="NOT_SIGNED_IN", next_step="")  # type: ignore[arg-type]
        return known

    async def come_by_wechat(self, which: int, unionid: str | None) -> None:
        tokens = await operations.sign_in(
            appid=APPID if which % 2 else "wx-other",
            openid=f"o-{which}",
            unionid=unionid,
            device_id=f"device-{which}",
            keys=TOKEN_KEYS,
            now=self.now,
            door=Door.MINI_PROGRAM,
        )
        self.tokens[which] = tokens.access_token

    async def come_by_phone(self, which: int, phone: str, new_holder: bool) -> None:
        tokens = await by_phone.sign_in_with_phone(
            phone=phone,
            code=await self.digits(phone, CodePurpose.SIGN_IN, None, which),
            new_holder=new_holder,
            device_id=f"device-{which}",
            phone_keys=PHONE_KEYS,
            token_keys=TOKEN_KEYS,
            tell=tell,
            now=self.now,
        )
        self.tokens[which] = tokens.access_token

    async def digits(self, phone: str, purpose: CodePurpose, member_id: int | None, which: int) -> str:
        self.now += timedelta(minutes=1)
        await sms_codes.request_code(
            phone=phone,
            purpose=purpose,
            device_id=f"device-{which}",
            address="203.0.113.7",
            member_id=member_id,
            sms=self.gateway,
            keys=PHONE_KEYS,
            now=self.now,
        )
        return self.gateway.code_on(phone)

    @rule(which=st.integers(0, WECHATS - 1), unionid=st.sampled_from([None, "u-0", "u-1", "u-2"]))
    def sign_in(self, which: int, unionid: str | None) -> None:
        self.act(self.come_by_wechat(which, unionid))

    @rule(which=st.integers(0, WECHATS + 2), phone=st.sampled_from(PHONES), new_holder=st.booleans())
    def sign_in_by_phone(self, which: int, phone: str, new_holder: bool) -> None:
        self.act(self.come_by_phone(which, phone, new_holder))

    @rule(phone=st.sampled_from(PHONES))
    def take_a_number_that_was_given_out_again(self, phone: str) -> None:
        self.now += 91 * DAY
        self.act(self.come_by_phone(WECHATS + self.now.day % 3, phone, True))

    @rule(which=anybody, phone=st.sampled_from(PHONES), take_over=st.booleans())
    def bind_by_sms(self, which: int, phone: str, take_over: bool) -> None:
        async def bind() -> None:
            member_id = (await self.somebody(which)).member_id
            digits = await self.digits(phone, CodePurpose.BIND, member_id, which)
            await by_phone.bind_phone_by_sms(
                member_id=member_id,
                phone=phone,
                code=digits,
                take_over=take_over,
                keys=PHONE_KEYS,
                tell=tell,
                now=self.now,
            )

        self.act(bind())

    @rule(which=anybody, phone=st.sampled_from(PHONES))
    def bind_what_wechat_says(self, which: int, phone: str) -> None:
        async def bind_by_wechat() -> None:
            member_id = (await self.somebody(which)).member_id
            await phones.bind_phone(member_id=member_id, phone=phone, keys=PHONE_KEYS, now=self.now)

        self.act(bind_by_wechat())

    @rule(which=anybody)
    def sign_out(self, which: int) -> None:
        async def leave() -> None:
            await operations.sign_out(sign_in_id=(await self.somebody(which)).sign_in_id, now=self.now)

        self.act(leave())

    # who they are

    @rule(which=anybody, person=st.sampled_from(CARDS))
    def say_who(self, which: int, person: NamedPerson) -> None:
        async def verify() -> None:
            await verify_my_name(
                member_id=(await self.somebody(which)).member_id,
                name=person.name,
                id_number=person.number,
                consent_version=self.text(Purpose.REAL_NAME),
                keys=ID_KEYS,
                authority=self.authority,
                now=self.now,
            )

        self.act(verify())

    @rule(which=anybody)
    def take_name_back(self, which: int) -> None:
        async def unbind() -> None:
            await unbinding.unbind_my_name(
                member_id=(await self.somebody(which)).member_id, keys=ID_KEYS, now=self.now
            )

        self.act(unbind())

    @rule(person=st.sampled_from(CARDS), frees=st.sampled_from([False, False, True]))
    def stand_at_the_desk(self, person: NamedPerson, frees: bool) -> None:
        async def at_the_desk() -> None:
            venue_id = self.hall.venue.public_id
            here = await verify_person(
                clerk=self.clerk,
                name=person.name,
                id_number=person.number,
                consent_version=self.text(Purpose.REAL_NAME),
                venue_id=venue_id,
                idempotency_key=secrets.token_hex(8),
                keys=ID_KEYS,
                authority=self.authority,
                now=self.now,
            )
            if frees:
                await unbinding.free_number_at_desk(
                    clerk=self.clerk, person_id=here.public_id, venue_id=venue_id, keys=ID_KEYS, now=self.now
                )

        self.act(at_the_desk())

    # two accounts

    @rule(one=anybody, other=anybody)
    def join(self, one: int, other: int) -> None:
        async def merge() -> None:
            kept, joined = await self.somebody(one), await self.somebody(other)
            issued = await codes.issue(
                member_id=joined.member_id, sign_in_id=joined.sign_in_id, keys=TOKEN_KEYS, now=self.now
            )
            before = await courts_held(kept.member_id), await courts_held(joined.member_id)
            merge_id = await merge_members(
                asking=Asking(member_id=kept.member_id, sign_in_id=kept.sign_in_id),
                code=issued.code,
                token_keys=TOKEN_KEYS,
                phone_keys=PHONE_KEYS,
                id_keys=ID_KEYS,
                now=self.now,
            )
            self.merges.append(merge_id)
            for day, courts in (await courts_held(kept.member_id)).items():
                assert courts <= before[0].get(day, 0) + before[1].get(day, 0)
                assert courts >= max(before[0].get(day, 0), before[1].get(day, 0)), "a merge freed a limit"

        self.act(merge())

    @rule(which=anybody, merge=st.integers(-3, -1))
    def part(self, which: int, merge: int) -> None:
        async def part() -> None:
            by = await self.somebody(which)
            await undo_merge(
                member_id=by.member_id,
                sign_in_id=by.sign_in_id,
                merge_id=self.merges[merge] if len(self.merges) >= -merge else "mrg_none",
                phone_keys=PHONE_KEYS,
                id_keys=ID_KEYS,
                now=self.now,
            )

        self.act(part())

    @rule(kept=anybody, joined=anybody, between=st.sampled_from(["phone", "order", "name", "ward", "nothing"]))
    def join_and_part(self, kept: int, joined: int, between: str) -> None:
        """The way by which things get lost: something happens to the joined account before it is parted again."""
        before = len(self.merges)
        self.join(kept, joined)
        if len(self.merges) == before:
            return
        if between == "phone":
            self.bind_by_sms(kept, PHONES[joined % 3], take_over=True)
        elif between == "order":
            self.book(kept, None, 10, 0)
        elif between == "name":
            self.say_who(joined, ADULTS[kept % 3])
        elif between == "ward":
            self.add_child(joined, SMALL)
        self.part(kept, -1)

    # families

    @rule(which=anybody, child=st.sampled_from([SMALL, NEARLY_14]))
    def add_child(self, which: int, child: NamedPerson) -> None:
        async def add_ward() -> None:
            await wards.add_ward(
                guardian_id=(await self.somebody(which)).member_id,
                wanted=WardWanted(
                    name=child.name,
                    id_number=child.number,
                    relation=Relation.MOTHER,
                    consent_version=self.text(Purpose.CHILD),
                ),
                idempotency_key=secrets.token_hex(8),
                keys=ID_KEYS,
                authority=self.authority,
                now=self.now,
            )

        self.act(add_ward())

    @rule(
        which=st.integers(0, WECHATS - 1),
        person=st.sampled_from(ADULTS),
        child=st.sampled_from([SMALL, NEARLY_14]),
    )
    def found_a_family(self, which: int, person: NamedPerson, child: NamedPerson) -> None:
        self.say_who(which, person)
        self.add_child(which, child)

    @rule(which=anybody, other=anybody)
    def share_a_child(self, which: int, other: int) -> None:
        async def share() -> bool | None:
            guardian, second = await self.somebody(which), await self.somebody(other)
            ward = await database.row(
                """SELECT member.public_id FROM guardianship JOIN member ON member.id = ward_id
                    WHERE guardian_id = $1 AND ended_at IS NULL ORDER BY guardianship.id DESC LIMIT 1""",
                guardian.member_id,
            )
            if ward is None:
                return False
            invited = await invitations.invite_guardian(
                guardian_id=guardian.member_id,
                ward_public_id=ward["public_id"],
                relation=Relation.FATHER,
                keys=ID_KEYS,
                now=self.now,
            )
            await self.accept(second, invited.code)
            return None

        self.act(share())

    async def accept(self, by: SignedIn, code: str) -> None:
        await invitations.accept_invitation(
            member_id=by.member_id, code=code, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=self.now
        )

    @rule(which=anybody)
    def leave_a_child(self, which: int) -> None:
        async def end_guardianship() -> bool | None:
            by = await self.somebody(which)
            held = await database.row(
                "SELECT public_id FROM guardianship WHERE guardian_id = $1 AND ended_at IS NULL ORDER BY id LIMIT 1",
                by.member_id,
            )
            if held is None:
                return False
            await wards.end_guardianship(
                member_id=by.member_id, guardianship_id=held["public_id"], keys=ID_KEYS, now=self.now
            )
            return None

        self.act(end_guardianship())

    @rule(
        which=anybody,
        other=anybody,
        powers=st.sampled_from(
            [(HelperPower.BOOK,), (HelperPower.MESSAGES,), (HelperPower.BOOK, HelperPower.MESSAGES)]
        ),
    )
    def be_helped(self, which: int, other: int, powers: tuple[HelperPower, ...]) -> None:
        async def help_one() -> None:
            principal, helper = await self.somebody(which), await self.somebody(other)
            await consents.give(
                member_id=principal.member_id,
                purpose=Purpose.HELPER,
                version=self.text(Purpose.HELPER),
                now=self.now,
            )
            invited = await inviting_helpers.invite_helper(
                member_id=principal.member_id,
                powers=powers,
                phone=None,
                keys=ID_KEYS,
                phone_keys=PHONE_KEYS,
                now=self.now,
            )
            await self.accept(helper, invited.code)

        self.act(help_one())

    @rule(which=anybody)
    def end_help(self, which: int) -> None:
        async def end_proxy() -> bool | None:
            by = await self.somebody(which)
            held = await database.row(
                """SELECT public_id FROM proxy WHERE (principal_id = $1 OR helper_id = $1) AND ended_at IS NULL
                    ORDER BY id LIMIT 1""",
                by.member_id,
            )
            if held is None:
                return False
            await helpers.end_proxy(member_id=by.member_id, proxy_id=held["public_id"], now=self.now)
            return None

        self.act(end_proxy())

    # courts

    @rule(
        which=anybody,
        whom=st.sampled_from([None, None, "ward", "principal"]),
        hour=anywhen,
        court=st.integers(0, 3),
    )
    def book(self, which: int, whom: str | None, hour: int, court: int) -> None:
        async def book() -> bool | None:
            by = await self.somebody(which)
            for_member = None
            if whom is not None:
                found = await database.row(self.RELATED[whom], by.member_id)
                if found is None:
                    return False
                for_member = found["public_id"]
            acting = await booking_for(
                member_id=by.member_id,
                member_public_id=by.member_public_id,
                for_member=for_member,
                keys=ID_KEYS,
                now=self.now,
            )
            courts = (self.hall.badminton, self.hall.badminton_2, self.hall.left, self.hall.right)
            starts_at = instant_of(business_day(self.now) + DAY, hour * 60)
            order_no = await place_order(
                member_id=acting.member_id,
                lines=[wanted(courts[court], starts_at)],
                idempotency_key=secrets.token_hex(8),
                placed_by=PlacedBy(member_id=acting.by_member_id),
                channels={},
                now=self.now,
            )
            self.orders.add(order_no)
            held = await database.row("SELECT business_day FROM order_line ORDER BY id DESC LIMIT 1")
            assert held is not None
            courts_then = (await courts_held(acting.member_id))[held["business_day"]]
            assert courts_then <= COURTS_A_DAY, "somebody was let have more courts than one may"
            return None

        self.act(book())

    RELATED = {
        "ward": """SELECT member.public_id FROM guardianship JOIN member ON member.id = ward_id
                    WHERE guardian_id = $1 AND ended_at IS NULL ORDER BY guardianship.id LIMIT 1""",
        "principal": """SELECT member.public_id FROM proxy JOIN member ON member.id = principal_id
                         WHERE helper_id = $1 AND ended_at IS NULL ORDER BY proxy.id LIMIT 1""",
    }

    @rule(which=anybody)
    def cancel(self, which: int) -> None:
        async def cancel() -> bool | None:
            by = await self.somebody(which)
            mine = await database.row(
                "SELECT order_no FROM orders WHERE member_id = $1 AND status <> 'CLOSED' ORDER BY id DESC LIMIT 1",
                by.member_id,
            )
            if mine is None:
                return False
            await cancel_order(
                member_id=by.member_id, order_no=mine["order_no"], line_nos=None, channels={}, now=self.now
            )
            return None

        self.act(cancel())

    # going

    @rule(which=anybody, then=st.sampled_from(["think", "wait", "wait", "regret"]))
    def ask_to_be_gone(self, which: int, then: str) -> None:
        async def request_deletion() -> None:
            await deleting.request_deletion(
                member_id=(await self.somebody(which)).member_id, keys=ID_KEYS, now=self.now
            )

        async def regret() -> None:
            await deleting.cancel_deletion(member_id=(await self.somebody(which)).member_id, now=self.now)

        async def delete_due() -> bool:
            return await deleting.delete_due(keys=KEYS, now=self.now) > 0

        self.act(request_deletion())
        if then == "regret":
            self.act(regret())
        elif then == "wait":
            self.now += 16 * DAY
            self.act(delete_due())

    # time

    @rule(jump=st.sampled_from(JUMPS))
    def wait(self, jump: timedelta) -> None:
        self.now += jump
        if jump < timedelta(hours=1):
            return
        self.act(self.night())

    async def night(self) -> None:
        """What the worker does; nobody is younger or older for it."""
        await end_overdue_holds(channels={}, now=self.now)
        await wards.grow_up(keys=ID_KEYS, now=self.now)
        await deleting.delete_due(keys=KEYS, now=self.now)
        await retention.purge_old(keys=AuditKeys({"1": b"a" * 32}), now=self.now)

    # what must always hold

    @invariant()
    def people_are_whole(self) -> None:
        self.world.steps.append("")
        self.run(self.judge())

    async def judge(self) -> None:
        await check(self.now)
        held = {row["order_no"] for row in await database.rows("SELECT order_no FROM orders")}
        assert held == self.orders, "an order came or went"
        for row in await database.rows(
            "SELECT member_id FROM message WHERE template IN ('PHONE_FREED', 'REAL_NAME_UNBOUND')"
        ):
            self.given_up.add(row["member_id"])
        lost = await unreachable() - self.given_up
        assert not lost, f"nobody reaches {lost}"


def test_one_person_is_one_member_nobody_is_lost_and_no_child_is_alone(world: World) -> None:
    run_state_machine_as_test(
        lambda: People(world),  # type: ignore[arg-type] # a maker of machines is as good as their class
        settings=settings(
            max_examples=int(os.environ.get("H11B", "15")),
            phases=(__import__("hypothesis").Phase.generate,),
            stateful_step_count=60 if SOAK_SECONDS else 40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    print(len(world.steps), world.done)
    assert len(world.steps) >= STEPS_AT_LEAST or KIND == "sqlite"  # there it is for SQLite's sake, and shorter
