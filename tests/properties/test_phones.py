"""A number has one holder, who lost it only by a proof and was told; nobody is joined, nobody is locked out.

Two people from the mini-program and two numbers; who binds, takes over, signs in by phone, from which device and after
how long is Hypothesis' choice. A model of a few lines says beforehand what must come of it.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import DomainError
from models.members import by_phone, phones, sms_codes
from models.members.code_rules import CodePurpose
from models.members.queries import who
from models.members.rules import PROOF_LASTS
from models.members.tables import Member, MemberPhone
from models.messages.operations import tell
from models.messages.tables import Message
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import PHONE_KEYS, TOKEN_KEYS, a_member, find_by_phone
from tests.factories.sms import Gateway

PHONES, DEVICES, PEOPLE = ("13800000001", "13800000002"), ("phone-0", "phone-1", "found"), (0, 1)

by_wechat = st.tuples(st.just("by WeChat"), st.sampled_from(PEOPLE), st.sampled_from(PHONES))
by_sms = st.tuples(st.just("by SMS"), st.sampled_from(PEOPLE), st.sampled_from(PHONES), st.booleans())
sign_in = st.tuples(st.just("sign in"), st.sampled_from(PHONES), st.sampled_from(DEVICES), st.booleans())
wait = st.tuples(st.just("wait"), st.sampled_from((1, 60, 91)))


@dataclass
class Story:
    """What happens in the house, and beside it what should."""

    members: list[int]
    known_on: set[tuple[int, str]]
    now: datetime = NOW
    gateway: Gateway = field(default_factory=Gateway)
    holder: dict[str, int] = field(default_factory=dict)
    proved: dict[str, datetime] = field(default_factory=dict)
    freed: list[int] = field(default_factory=list)

    async def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    async def by_wechat(self, person: int, phone: str) -> None:
        member = self.members[person]
        expected = ""
        if self.holder.get(phone, member) != member:
            expected = "PHONE_BOUND_ELSEWHERE"
        elif phone not in self.holder:
            self._gives(phone, member)
        bound = phones.bind_phone(member_id=member, phone=phone, keys=PHONE_KEYS, now=self.now)
        assert await _refused(bound) == expected

    async def by_sms(self, person: int, phone: str, take_over: bool) -> None:
        member = self.members[person]
        code = await self._code(phone, member)
        expected = ""
        if self.holder.get(phone, member) != member and not take_over:
            expected = "PHONE_BOUND_ELSEWHERE"
        else:
            self._gives(phone, member)
        bound = by_phone.bind_phone_by_sms(
            member_id=member, phone=phone, code=code, take_over=take_over, keys=PHONE_KEYS, tell=tell, now=self.now
        )
        assert await _refused(bound) == expected

    async def sign_in(self, phone: str, device_id: str, new_holder: bool) -> None:
        code = await self._code(phone, None)
        holder = self.holder.get(phone)
        is_doubtful = (
            holder is not None
            and (holder, device_id) not in self.known_on
            and self.now - self.proved[phone] > PROOF_LASTS
        )
        signing_in = by_phone.sign_in_with_phone(
            phone=phone,
            code=code,
            new_holder=new_holder,
            device_id=device_id,
            phone_keys=PHONE_KEYS,
            token_keys=TOKEN_KEYS,
            tell=tell,
            now=self.now,
        )
        if is_doubtful and not new_holder:
            assert await _refused(signing_in) == "PHONE_MAY_HAVE_CHANGED_HANDS"
            return
        tokens = await signing_in
        known = await who(access_token=tokens.access_token, now=self.now)
        assert known is not None
        if holder is None or is_doubtful:
            assert known.member_id not in self.members, "somebody new"
            self.members.append(known.member_id)
        else:
            assert known.member_id == holder
        self._gives(phone, known.member_id)
        self.known_on.add((known.member_id, device_id))

    def _gives(self, phone: str, member: int) -> None:
        before = self.holder.get(phone)
        if before is not None and before != member:
            self.freed.append(before)
        self.holder = {other: who for other, who in self.holder.items() if who != member} | {phone: member}
        self.proved[phone] = self.now

    async def _code(self, phone: str, member: int | None) -> str:
        await sms_codes.request_code(
            phone=phone,
            purpose=CodePurpose.SIGN_IN if member is None else CodePurpose.BIND,
            device_id=f"asking-{len(self.gateway.sent)}",
            address="203.0.113.7",
            member_id=member,
            sms=self.gateway,
            keys=PHONE_KEYS,
            now=self.now,
        )
        return self.gateway.code_on(phone)

    async def check(self) -> None:
        for phone in PHONES:
            assert await find_by_phone(phone=phone, keys=PHONE_KEYS) == self.holder.get(phone)
        assert await MemberPhone.all().count() == len(self.holder)
        told = await Message.filter(template="PHONE_FREED").order_by("id")
        assert [message.member_id for message in told] == self.freed
        assert sorted(member.id for member in await Member.all()) == sorted(self.members)


async def _refused(act: Awaitable[object]) -> str:
    try:
        await act
    except DomainError as refusal:
        return str(refusal.code)
    return ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(by_wechat, by_sms, sign_in, wait), max_size=12))
async def test_a_number_has_one_holder_who_loses_it_by_proof_only_and_is_told(
    db: Database, steps: list[tuple[str, ...]]
) -> None:
    await db.clean()
    members = [(await a_member(openid=f"o-{n}", device_id=f"phone-{n}"))[0] for n in PEOPLE]
    story = Story([*members], {(member, f"phone-{n}") for n, member in enumerate(members)})
    for act, *arguments in steps:
        story.now += timedelta(hours=3)  # so that no limit on codes is met
        await getattr(story, act.lower().replace(" ", "_"))(*arguments)
        await story.check()
    for n, member in enumerate(members):
        assert (await a_member(openid=f"o-{n}"))[0] == member, "their own door leads to them still"
