"""Every key is replaced while two processes go on working, and nothing becomes unreadable.

The steps are those of models/keys.py and docs/operations.md, "Keys": the new key second everywhere, then first
everywhere, then everything is resealed, then the old one goes; each process is restarted alone, so at each step two rings
that differ serve the same people. What one process writes, the other reads. Each ring's own tests look closer at one room
(test_phones.py, test_binding.py, feedback/test_races.py …); here all of them turn at once.

Some rings are not resealed. AUDIT_KEYS keeps its old key as long as lines under it live. CODE_KEYS keeps it until nobody
holds paper under it; TOKEN_KEYS for ten minutes; OFFLINE_KEYS while there are passes under it. GATE_KEYS keeps it until each
signing gate has a new secret. Of STATEMENT_KEYS the public half stays in the database.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from models import database
from models.admissions.operations import pass_door
from models.admissions.queries import codes_of
from models.audit.doing import Doing
from models.audit.operations import chain_some
from models.audit.queries import verify
from models.audit.rules import Fault
from models.booking import draws
from models.booking.draw_rules import commitment_of
from models.booking.draws import DrawWanted
from models.booking.tables import SlotDraw
from models.calendar import business_day, instant_of
from models.codes import passes
from models.codes.passes import Pass
from models.codes.rules import CodeKeys
from models.consents.rules import Purpose
from models.families import invitations
from models.feedback.queries import complaint_of
from models.feedback.steps import reseal_complaints
from models.footfall import devices
from models.keys import (
    AuditKeys,
    IdKeys,
    LookupKeys,
    OfflineKeys,
    PhoneKeys,
    SealingKeys,
    StatementKeys,
    TokenKeys,
    code_keys,
)
from models.members import by_phone, operations, phones, sms_codes, states
from models.members.code_rules import CodePurpose
from models.members.queries import who
from models.members.rules import PhoneBoundElsewhere, Tokens
from models.members.tables import Member
from models.merging import codes as merge_codes
from models.merging.asking import Asking
from models.merging.operations import merge_members
from models.messages.operations import tell
from models.offline.rules import PASSES
from models.privacy import deleting, sealing
from models.privacy.rules import COOLING_OFF, PrivacyKeys
from models.real_names import binding
from models.real_names.operations import verify_my_name
from models.real_names.queries import known_person
from models.real_names.rules import NamedPerson
from models.settlement import accounts, statements
from models.settlement.signing import FORMAT, file_of, verified
from models.settlement.tables import Settlement, VenueAccount
from models.staff import operations as staff
from models.staff import second_factor
from models.staff.policy import DEVELOPMENT
from models.staff.rules import Role, SignInStage, StaffSignedIn
from models.venues.tables import Venue
from tests.databases import KIND, Database
from tests.factories.feedback import WORDS, a_complaint, clocks_and_holidays
from tests.factories.gates import Ticket, a_ticket
from tests.factories.names import a_person, version
from tests.factories.people import APPID, PASSWORD, a_clerk, a_code, a_member, find_by_phone
from tests.factories.places import a_court, a_venue
from tests.factories.settlements import a_programme, a_redemption, approved, drafted, latest
from tests.factories.sms import Gateway
from tests.models.audit.lines import a_deed
from verification.port import Verdict

OLD, NEW = "1", "2"
ROOT = Path(__file__).parents[2]
RINGS = {
    *("PHONE_SEAL", "PHONE_LOOKUP", "ID_SEAL", "ID_LOOKUP", "TEXT_SEAL", "STAFF_SEAL", "ACCOUNT_SEAL", "TOKEN"),
    *("CODE", "GATE", "AUDIT", "OFFLINE", "STATEMENT"),
}
RESEALED = {
    ("member_phone", "seal_key_id"),
    ("member_phone", "lookup_key_id"),
    ("real_name", "seal_key_id"),
    ("real_name", "lookup_key_id"),
    ("complaint_step", "seal_key_id"),
    ("sealed_record", "seal_key_id"),
    ("staff_member", "totp_key_id"),
    ("venue_account", "seal_key_id"),
    ("slot_draw", "seal_key_id"),
}
KEPT_UNDER_THEIR_KEY = {
    ("audit_line", "key_id"),  # the old key stays
    ("audit_cut", "key_id"),
    ("invitation", "phone_key_id"),  # for three days
    ("settlement", "key_id"),  # its public half stays, and verifies it
    ("statement_key", "key_id"),
    ("voucher_pass", "key_id"),  # the old key stays until no desk owes an entry under it
}


@dataclass(frozen=True)
class Rings:
    """What one process has in its settings: the ids of its keys, the current one first."""

    ids: tuple[str, ...]

    def _keys(self, ring: str) -> dict[str, bytes]:
        assert ring in RINGS
        return {each: hashlib.sha256(f"{ring} {each}".encode()).digest() for each in self.ids}

    @property
    def phones(self) -> PhoneKeys:
        return PhoneKeys(SealingKeys(self._keys("PHONE_SEAL")), LookupKeys(self._keys("PHONE_LOOKUP")))

    @property
    def names(self) -> IdKeys:
        return IdKeys(SealingKeys(self._keys("ID_SEAL")), LookupKeys(self._keys("ID_LOOKUP")))

    @property
    def texts(self) -> SealingKeys:
        return SealingKeys(self._keys("TEXT_SEAL"))

    @property
    def staff(self) -> SealingKeys:
        return SealingKeys(self._keys("STAFF_SEAL"))

    @property
    def accounts(self) -> SealingKeys:
        return SealingKeys(self._keys("ACCOUNT_SEAL"))

    @property
    def tokens(self) -> TokenKeys:
        return TokenKeys(self._keys("TOKEN"))

    @property
    def codes(self) -> CodeKeys:
        return code_keys(self._keys("CODE"))

    @property
    def gates(self) -> dict[str, bytes]:
        return self._keys("GATE")

    @property
    def offline(self) -> OfflineKeys:
        return OfflineKeys(self._keys("OFFLINE"))

    @property
    def statements(self) -> StatementKeys:
        return StatementKeys(self._keys("STATEMENT"))

    @property
    def audit(self) -> AuditKeys:
        """The old key never goes."""
        kept = self if OLD in self.ids else Rings((*self.ids, OLD))
        return AuditKeys(kept._keys("AUDIT"))


BEFORE, KNOWN, FIRST, AFTER = Rings((OLD,)), Rings((OLD, NEW)), Rings((NEW, OLD)), Rings((NEW,))
STEPS = (
    (BEFORE, BEFORE),
    (KNOWN, BEFORE),
    (KNOWN, KNOWN),
    (FIRST, KNOWN),
    (FIRST, FIRST),  # during which all is resealed
    (AFTER, FIRST),
    (AFTER, AFTER),
)
A_STEP = timedelta(minutes=11)  # longer than a lost answer, a merge code or a state lives


async def at_once(*doing: Awaitable[object]) -> None:
    """Together where there is more than one connection."""
    if KIND == "postgres":
        await asyncio.gather(*doing)
        return
    for each in doing:
        await each


async def reseal(rings: Rings, *, batch: int = 200) -> int:
    """What `python -m bff keys reseal` does; how many it moved."""
    return sum(
        [
            await phones.reseal_all(keys=rings.phones, batch=batch),
            await binding.reseal_all(keys=rings.names, batch=batch),
            await second_factor.reseal_all(keys=rings.staff, batch=batch),
            await reseal_complaints(keys=rings.texts, batch=batch),
            await sealing.reseal_all(keys=rings.texts, batch=batch),
            await accounts.reseal_all(keys=rings.accounts, batch=batch),
            await draws.reseal_all(keys=rings.names.sealing),
        ]
    )


class Agreeing:
    """An authority that believes everybody."""

    async def check(self, *, name: str, id_number: str) -> Verdict:
        return Verdict.AGREES


@dataclass
class House:
    """People who go on living, and all that they have left with us under some key."""

    venue: Venue
    clerk: StaffSignedIn
    now: datetime
    numbers: dict[int, str] = field(default_factory=dict)
    names: dict[int, NamedPerson] = field(default_factory=dict)
    complaints: dict[str, int] = field(default_factory=dict)
    clerks: dict[str, str] = field(default_factory=dict)
    """Second factors by username."""
    accounts: dict[str, str] = field(default_factory=dict)
    """Numbers of the venue's bank accounts, by their ids."""
    draws: list[str] = field(default_factory=list)
    signed_in: list[Tokens] = field(default_factory=list)
    gates: dict[str, devices.GateCredentials] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    papers: dict[str, str] = field(default_factory=dict)
    """Printed codes by the current key of who printed them."""
    settlement: Settlement | None = None
    statements: list[bytes] = field(default_factory=list)
    """As venues keep them."""
    invited: str = ""
    lines: int = 0
    count: int = 0

    def next(self) -> int:
        self.count += 1
        return self.count

    # each is done by one process, and what it left is used by the other

    async def bind_number(self, by: Rings) -> None:
        member_id, _ = await a_member()
        number = f"139{self.next():08d}"
        await phones.bind_phone(member_id=member_id, phone=number, keys=by.phones, now=self.now)
        self.numbers[member_id] = number

    async def say_name(self, by: Rings) -> None:
        member_id, _ = await a_member()
        person = a_person("陈静", "19870607", order=self.next())
        await verify_my_name(
            member_id=member_id,
            name=person.name,
            id_number=person.number,
            consent_version=version(Purpose.REAL_NAME),
            keys=by.names,
            authority=Agreeing(),
            now=self.now,
        )
        self.names[member_id] = person

    async def complain(self, by: Rings) -> None:
        member_id, _ = await a_member()
        no = await a_complaint(member_id, venue_id=self.venue.public_id, keys=by.texts, now=self.now)
        self.complaints[no] = member_id

    async def enter_account(self, by: Rings) -> None:
        number = f"62220202{self.next():08d}"
        account_id = await accounts.enter_account(
            clerk=self.clerk,
            venue_id=self.venue.public_id,
            holder="成都健身有限公司",
            bank="中国工商银行成都支行",
            number=number,
            keys=by.accounts,
            now=self.now,
        )
        self.accounts[account_id] = number

    async def announce_a_draw(self, by: Rings) -> None:
        """Of a day that nothing was announced for; the seed is secret until it is done."""
        day = business_day(self.now) + timedelta(days=20 + len(self.draws))
        closes_at = instant_of(day - timedelta(days=7), 9 * 60)  # an hour after the release
        wanted = DrawWanted(venue_id=self.venue.public_id, sport="BADMINTON", day=day, closes_at=closes_at)
        self.draws.append(
            await draws.schedule(clerk=self.clerk, wanted=wanted, keys=by.names.sealing, now=self.now)
        )

    async def have_a_second_factor(self, by: Rings) -> None:
        username = f"clerk-{self.next()}"
        clerk = await a_clerk(self.venue.public_id, username=username, now=self.now)
        begun = await second_factor.set_up(token=clerk.token, keys=by.staff, policy=DEVELOPMENT, now=self.now)
        code = a_code(begun.secret, self.now)
        await second_factor.confirm_set_up(
            token=clerk.token, code=code, keys=by.staff, policy=DEVELOPMENT, now=self.now
        )
        self.clerks[username] = begun.secret

    async def come_in(self, by: Rings) -> None:
        self.signed_in.append(
            await operations.sign_in(
                appid=APPID, openid=f"o-{self.next()}", unionid=None, device_id="d", keys=by.tokens, now=self.now
            )
        )

    async def stay_in(self, by: Rings, other: Rings) -> None:
        """One answer gets lost, so that the same is asked of the other process; perhaps at the same moment."""
        for place, held in enumerate(self.signed_in):
            answers: list[Tokens] = []

            async def ask(rings: Rings, held: Tokens = held, answers: list[Tokens] = answers) -> None:
                answers.append(
                    await operations.refresh(
                        refresh_token=held.refresh_token, device_id="d", keys=rings.tokens, now=self.now
                    )
                )

            await at_once(ask(by), ask(other))
            assert answers[0] == answers[1]
            assert await who(access_token=answers[0].access_token, now=self.now)
            self.signed_in[place] = answers[0]

    async def go_through_doors(self, by: Rings, other: Rings) -> None:
        """By a code of the one that the other checks."""
        ticket = await a_ticket(self.venue, starts_at=self.now, now=self.now)
        shown = await codes_of(
            member_id=ticket.admission.member_id,
            admission_id=ticket.admission.public_id,
            keys=by.codes,
            now=self.now,
        )
        assert await self.outcome(shown.codes[0][1], other) == "ENTERED"
        paper = await a_ticket(self.venue, starts_at=self.now, now=self.now, hours=8)
        self.papers.setdefault(by.ids[0], await self.printed(paper, by))

    async def printed(self, ticket: Ticket, by: Rings) -> str:
        admission = ticket.admission
        return (
            await codes_of(
                member_id=admission.member_id, admission_id=admission.public_id, keys=by.codes, now=self.now
            )
        ).printed

    async def outcome(self, code: str, by: Rings) -> str:
        verdict = await database.operation(pass_door)(
            code=code,
            venue_id=self.venue.id,
            direction="ENTRY",
            door="东门",
            at_gate=False,
            id_checked=True,
            keys=by.codes,
            now=self.now,
        )
        return str(verdict.outcome)

    async def set_up_gate(self, by: Rings) -> None:
        number = f"G-{self.next()}"
        self.gates[number] = await devices.create_gate(
            device_no=number, venue_public_id=self.venue.public_id, direction="ENTRY", keys=by.gates
        )

    async def write_lines(self, by: Rings, other: Rings) -> None:
        """Acts here, and the worker there."""
        async with Doing(a_deed(at=self.now), keys=by.audit):
            pass
        self.lines += 1
        await chain_some(keys=other.audit)

    async def prove_a_number(self, by: Rings, other: Rings) -> None:
        mine, gateway = self.next(), Gateway()
        number, device_id = f"137{mine:08d}", f"d{mine}"
        await sms_codes.request_code(
            phone=number,
            purpose=CodePurpose.SIGN_IN,
            device_id=device_id,
            address=f"203.0.113.{mine}",
            member_id=None,
            sms=gateway,
            keys=by.phones,
            now=self.now,
        )
        assert await by_phone.sign_in_with_phone(
            phone=number,
            code=gateway.code_on(number),
            new_holder=False,
            device_id=device_id,
            phone_keys=other.phones,
            token_keys=other.tokens,
            tell=tell,
            now=self.now,
        )

    async def join_accounts(self, by: Rings, other: Rings) -> None:
        """With a number and a name that go along; the code from one process, typed at the other."""
        (mine, _), (theirs, tokens) = await a_member(now=self.now), await a_member(now=self.now)
        number = f"138{self.next():08d}"
        await phones.bind_phone(member_id=theirs, phone=number, keys=by.phones, now=self.now)
        joined = await who(access_token=tokens.access_token, now=self.now)
        kept = await database.row("SELECT id FROM sign_in WHERE member_id = $1", mine)
        assert joined is not None
        assert kept is not None
        issued = await merge_codes.issue(
            member_id=theirs, sign_in_id=joined.sign_in_id, keys=by.tokens, now=self.now
        )
        await merge_members(
            asking=Asking(member_id=mine, sign_in_id=kept["id"]),
            code=issued.code,
            token_keys=other.tokens,
            phone_keys=other.phones,
            id_keys=other.names,
            now=self.now,
        )
        self.numbers[mine] = number
        state = states.new_state(device_id="d-1", keys=by.tokens, now=self.now)
        states.check_state(state, device_id="d-1", keys=other.tokens, now=self.now)

    async def play_together(self, by: Rings, other: Rings) -> None:
        (one, _), (two, _) = await a_member(), await a_member()
        invited = await invitations.invite_companion(member_id=one, keys=by.names, now=self.now)
        await invitations.accept_invitation(
            member_id=two, code=invited.code, keys=other.names, phone_keys=other.phones, now=self.now
        )

    async def carry_a_pass(self, by: Rings, other: Rings) -> None:
        """To a desk that is offline and has the other's kit."""
        what = Pass(
            key_id=int(by.offline.current_id),
            number=self.next(),
            handle="0123456789",
            face_fen=2000,
            minimum_spend_fen=6000,
            campaign=1,
            terms=1,
            valid_until=self.now.replace(second=0, microsecond=0),
        )
        shown = passes.read(passes.make(what, by.offline.private_key(PASSES, by.offline.current_id)))
        assert shown is not None
        assert shown.is_genuine(other.offline.public_keys(PASSES)[f"{shown.says.key_id}"])

    async def sign_a_statement(self, by: Rings) -> None:
        """The same sums each time: what is signed, and that it verifies later, is the point."""
        assert self.settlement is not None
        signed = await Settlement.get(id=self.settlement.id)
        await database.operation(statements.sign)(signed, keys=by.statements, now=self.now)
        assert signed.statement is not None
        assert signed.signature is not None
        self.statements.append(file_of(signed.statement, signature=signed.signature, key_id=signed.key_id))

    async def leave_for_good(self, by: Rings) -> None:
        """Who traded: a record of who they were is sealed."""
        member_id, _ = await a_member(phone=None)
        number = f"136{self.next():08d}"
        await phones.bind_phone(member_id=member_id, phone=number, keys=by.phones, now=self.now)
        past = self.now - timedelta(days=20)
        await a_ticket(self.venue, member_id=member_id, starts_at=past, now=past)
        await deleting.request_deletion(member_id=member_id, keys=by.names, now=self.now - COOLING_OFF)
        keys = PrivacyKeys(phones=by.phones, ids=by.names, texts=by.texts)
        await deleting.delete_due(keys=keys, now=self.now)
        self.gone.append((await Member.get(id=member_id)).public_id)

    # all that was ever left

    async def read_everything(self, by: Rings) -> None:
        await self.read_people(by)
        for no, member_id in list(self.complaints.items()):
            complaint = await complaint_of(member_id=member_id, complaint_no=no, keys=by.texts, now=self.now)
            assert complaint is not None
            assert [step.text for step in complaint.steps] == [WORDS]
        for account_id, entered in list(self.accounts.items()):
            row = await VenueAccount.get(public_id=account_id)
            assert accounts.opened(row, by.accounts).number == entered
        for draw_id in self.draws:
            draw = await SlotDraw.get(public_id=draw_id)
            assert commitment_of(draws.seed_of(draw, by.names.sealing), draw_id) == draw.commitment
        for number, held in list(self.gates.items()):
            device = await devices.find_device(held.token)
            assert device is not None
            signed = hmac.new(held.signing_secret.encode(), number.encode(), hashlib.sha256).hexdigest()
            assert device.has_signed(number.encode(), signed, keys=by.gates)
        public = await statements.public_keys(by.statements)
        assert all(verified(each, public)["format"] == FORMAT for each in list(self.statements))
        assert (await verify(keys=by.audit)).broken is None

    async def read_people(self, by: Rings) -> None:
        for member_id, number in list(self.numbers.items()):
            assert await phones.number_of(member_id=member_id, keys=by.phones) == f"+86{number}"
            assert await find_by_phone(phone=number, keys=by.phones) == member_id
        for member_id, person in list(self.names.items()):
            known = await known_person(member_id=member_id, keys=by.names, today=self.now.date())
            assert known is not None
            assert known.masked_name == person.masked
            row = await binding.holder_of(list(by.names.lookup.hashes(person.number).values()))
            assert row is not None
            assert row.member_id == member_id

    async def sign_in_clerks(self, by: Rings) -> None:
        """Each later than before, since no code works twice."""
        self.now += timedelta(seconds=30)
        for username, secret in list(self.clerks.items()):
            arriving = await staff.sign_in(
                username=username,
                password=PASSWORD,
                device_id="desk-1",
                address="10.0.0.7",
                policy=DEVELOPMENT,
                now=self.now,
            )
            there = await second_factor.confirm_code(
                token=arriving.token,
                code=a_code(secret, self.now),
                keys=by.staff,
                policy=DEVELOPMENT,
                now=self.now,
            )
            assert there.stage is SignInStage.OPEN

    async def go_on(self, one: Rings, other: Rings, *beside: Awaitable[object]) -> None:
        """Half of it at either process, all at once; then each reads what both have."""
        await at_once(
            *beside,
            self.bind_number(one),
            self.bind_number(other),
            self.say_name(one),
            self.say_name(other),
            self.complain(one),
            self.complain(other),
            self.enter_account(one),
            self.enter_account(other),
            self.come_in(one),
            self.go_through_doors(one, other),
            self.go_through_doors(other, one),
            self.write_lines(one, other),
            self.write_lines(other, one),
            self.prove_a_number(one, other),
            self.prove_a_number(other, one),
            self.join_accounts(one, other),
            self.play_together(one, other),
            self.carry_a_pass(one, other),
            self.carry_a_pass(other, one),
            self.sign_a_statement(one),
            self.sign_a_statement(other),
            self.announce_a_draw(one),
            self.read_everything(one),
            self.read_everything(other),
        )
        await self.leave_for_good(one)
        await self.stay_in(one, other)
        await self.nobody_is_there_twice(one, other)
        await at_once(self.read_everything(one), self.read_everything(other))
        await self.sign_in_clerks(one)
        await self.sign_in_clerks(other)

    async def nobody_is_there_twice(self, one: Rings, other: Rings) -> None:
        """What the one has bound, the other does not give to a stranger."""
        await self.bind_number(one)
        stranger, _ = await a_member()
        with pytest.raises(PhoneBoundElsewhere):
            await phones.bind_phone(
                member_id=stranger, phone=list(self.numbers.values())[-1], keys=other.phones, now=self.now
            )


@pytest.fixture
async def house(db: Database, now: datetime) -> House:
    programme = await a_programme()
    await a_redemption(programme)
    await drafted(programme)
    await approved(programme, await latest(programme), keys=BEFORE.statements)
    await clocks_and_holidays()
    venue = await a_venue()
    await a_court(venue)
    clerk = await a_clerk(venue.public_id, roles=(Role.FINANCE, Role.VENUE_MANAGER))
    return House(venue, clerk, now, settlement=await latest(programme))


async def under_old_keys(columns: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    counted = {}
    for table, column in columns:
        found = await database.row(f"SELECT count(*) AS many FROM {table} WHERE {column} = $1", OLD)
        assert found is not None
        counted[table, column] = found["many"]
    return counted


async def test_every_key_is_replaced_while_two_processes_work_and_nothing_becomes_unreadable(house: House) -> None:
    await house.have_a_second_factor(BEFORE)
    await house.set_up_gate(BEFORE)
    for one, other in STEPS:
        house.now += A_STEP
        if (one, other) != (FIRST, FIRST):
            await house.go_on(one, other)
            continue
        await house.set_up_gate(one)
        for number in house.gates:  # each signing gate gets a new secret before the old master goes
            house.gates[number] = await devices.rotate_token(device_no=number, keys=one.gates)
            await devices.finish_rotation(device_no=number)
        assert all((await under_old_keys(sorted(RESEALED))).values()), "there was nothing to reseal"
        await house.go_on(one, other, reseal(one, batch=3), reseal(other, batch=3))
        await reseal(one)
        assert await reseal(other) == 0
        assert not any((await under_old_keys(sorted(RESEALED))).values())
        assert await house.outcome(house.papers[OLD], one) == "ENTERED", "paper of the old key while that is known"
    await house.read_everything(AFTER)
    officer = await a_clerk(roles=(Role.DATA_OFFICER,), region_key="", now=house.now)
    for public_id in house.gone:
        opened = await sealing.open_record(
            clerk=officer, member_id=public_id, reason="锦江区法院来函", keys=AFTER.texts
        )
        assert opened.phone is not None
        assert opened.phone.startswith("+86136")
    assert len(house.gone) == len(STEPS)
    found = await verify(keys=AFTER.audit)
    assert (found.broken, found.waiting) == (None, 0)
    assert found.lines == house.lines == 2 * len(STEPS)


async def test_what_is_dropped_too_early_is_refused_and_never_taken_for_something_else(house: House) -> None:
    """The rule for the rings that are not resealed: without the old key its codes, lines and signatures are nobody's."""
    house.now += A_STEP
    await house.go_through_doors(BEFORE, BEFORE)
    await house.set_up_gate(BEFORE)
    await house.write_lines(BEFORE, BEFORE)
    assert await house.outcome(house.papers[OLD], AFTER) == "UNKNOWN_CODE"
    ((number, held),) = house.gates.items()
    device = await devices.find_device(held.token)
    assert device is not None
    signed = hmac.new(held.signing_secret.encode(), number.encode(), hashlib.sha256).hexdigest()
    assert not device.has_signed(number.encode(), signed, keys=AFTER.gates)
    without_old = AuditKeys({NEW: AFTER.audit.keys[NEW]})
    broken = (await verify(keys=without_old)).broken
    assert broken is not None
    assert broken.fault is Fault.KEY_UNKNOWN
    assert (await verify(keys=AFTER.audit)).broken is None, "and putting it back heals it"


def test_every_ring_of_the_settings_turns_here() -> None:
    named = re.findall(r"^([A-Z_]+)_KEYS=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(named) == RINGS


async def test_every_column_that_names_a_key_is_resealed_or_has_a_reason_not_to_be(db: Database) -> None:
    from tortoise import Tortoise

    apps = Tortoise.apps
    assert apps is not None
    named = {
        (model._meta.db_table, column)
        for model in apps["models"].values()
        for column in model._meta.fields_db_projection
        if column.endswith("key_id")
    }
    assert named == RESEALED | KEPT_UNDER_THEIR_KEY
