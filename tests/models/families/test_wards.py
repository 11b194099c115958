"""A child has a guardian as long as they are a child: added, shared, given up, grown up; never alone, never lost."""

import asyncio
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from jobs.families import grow_up
from models import database
from models.errors import DomainError, ErrorCode
from models.families import helpers, wards
from models.families.rules import MOST_WARDS, HelperPower, NotAChild, WardWouldBeAlone
from models.families.tables import Guardianship, Invitation, Proxy
from models.families.unbinding import unbind_my_name
from models.members.tables import Member
from models.members.ways_in import has_way_in
from models.real_names.queries import known_person
from models.real_names.rules import AuthorityAway, IdBoundElsewhere, NameDiffers, NamedPerson, RealNameNeeded
from models.real_names.tables import NameCheck
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.families import Somebody, a_ward, accept, acts, ask_guardian, somebody
from tests.factories.names import CHILD, FATHER, MOTHER, TEENAGER, TODAY, Authority, a_person
from verification.port import Verdict

GROWN = datetime.fromisoformat("2029-09-01T02:00:00Z")


async def end(who: Somebody, *, now: datetime) -> None:
    held = await Guardianship.get(guardian_id=who.id)
    await wards.end_guardianship(member_id=who.id, guardianship_id=held.public_id, keys=ID_KEYS, now=now)


async def told(member: Somebody) -> list[str]:
    rows = await database.rows("SELECT template FROM message WHERE member_id = $1 ORDER BY id", member.id)
    return [row["template"] for row in rows]


@pytest.fixture
async def mother(db: Database) -> Somebody:
    return await somebody(MOTHER)


@pytest.fixture
async def father(db: Database) -> Somebody:
    return await somebody(FATHER)


@pytest.fixture
async def child(mother: Somebody, authority: Authority) -> Somebody:
    return await a_ward(mother, CHILD, authority)


@pytest.fixture
async def shared(mother: Somebody, father: Somebody, child: Somebody) -> Somebody:
    """The child with both of them."""
    await accept(father, await ask_guardian(mother, child))
    return child


async def test_a_guardian_adds_a_child_and_says_yes_in_its_place(
    mother: Somebody, child: Somebody, now: datetime
) -> None:
    ward = await Member.get(id=child.id)
    assert (ward.origin, ward.public_id) == ("GUARDIAN", child.public_id)
    known = await known_person(member_id=child.id, keys=ID_KEYS, today=TODAY)
    assert known is not None
    assert (known.masked_name, known.is_child) == ("李**", True)
    (yes,) = await database.rows("SELECT purpose, version, given_by_id, given_at FROM consent")
    assert (yes["purpose"], yes["given_by_id"], database.utc(yes["given_at"])) == ("CHILD", mother.id, now)
    assert await told(mother) == await told(child) == ["GUARDIAN_ADDED"]


async def test_adding_the_same_child_again_is_adding_once(
    mother: Somebody, child: Somebody, authority: Authority
) -> None:
    assert await a_ward(mother, CHILD, authority) == child
    assert await a_ward(mother, CHILD, authority, key="another-key") == child
    assert (await authority.questions(), await Guardianship.all().count()) == (1, 1)


async def test_a_question_without_an_answer_is_asked_again_under_its_key(
    mother: Somebody, authority: Authority
) -> None:
    await authority.switch_on(busy=True)
    with pytest.raises(AuthorityAway):
        await a_ward(mother, CHILD, authority)
    assert await Member.all().count() == 1
    await authority.switch_on()
    await a_ward(mother, CHILD, authority)
    assert await NameCheck.all().count() == 1


async def test_a_refusal_is_the_same_under_its_key_without_being_asked_again(
    mother: Somebody, authority: Authority
) -> None:
    wrong = NamedPerson("李小鱼", CHILD.number)
    for _ in range(3):
        with pytest.raises(NameDiffers):
            await a_ward(mother, wrong, authority)
    assert await authority.questions() == 1
    assert (await Member.all().count(), await Guardianship.all().count()) == (1, 0)


async def test_only_an_adult_with_a_real_name_is_a_guardian(db: Database, authority: Authority) -> None:
    for nobody in (await somebody(), await somebody(TEENAGER)):
        with pytest.raises(RealNameNeeded):
            await a_ward(nobody, CHILD, authority)
    assert (await authority.questions(), await Guardianship.all().count()) == (0, 0)


async def test_who_is_fourteen_is_nobodys_ward(mother: Somebody, authority: Authority) -> None:
    with pytest.raises(NotAChild):
        await a_ward(mother, TEENAGER, authority)
    with pytest.raises(NotAChild):
        await a_ward(mother, CHILD, authority, now=GROWN)
    assert await authority.questions() == 0


async def test_somebody_elses_ward_is_joined_by_invitation_only(
    child: Somebody, father: Somebody, authority: Authority
) -> None:
    with pytest.raises(IdBoundElsewhere) as refused:
        await a_ward(father, CHILD, authority)
    assert "邀请" in (refused.value.next_step or "")
    with pytest.raises(DomainError) as unknown:
        await ask_guardian(father, child)
    assert unknown.value.code == ErrorCode.RELATION_UNKNOWN
    assert await Guardianship.all().count() == 1


async def test_an_invited_guardian_is_one_as_well_and_everybody_is_told(
    mother: Somebody, father: Somebody, shared: Somebody
) -> None:
    assert (await acts(father, shared)).member_id == shared.id
    assert await told(mother) == await told(shared) == ["GUARDIAN_ADDED", "GUARDIAN_ADDED"]
    assert await told(father) == ["GUARDIAN_ADDED"]
    with pytest.raises(DomainError) as refused:
        await accept(father, await ask_guardian(mother, shared))
    assert refused.value.code == ErrorCode.RELATION_EXISTS


async def test_an_invitation_makes_no_guardian_of_who_cannot_be_one(mother: Somebody, child: Somebody) -> None:
    code = await ask_guardian(mother, child)
    with pytest.raises(RealNameNeeded):
        await accept(await somebody(), code)
    with pytest.raises(DomainError, match="自己"):
        await accept(child, code)
    assert (await Invitation.get()).status == "OPEN"


async def test_a_guardian_has_ten_wards_at_most(mother: Somebody, authority: Authority) -> None:
    for order in range(MOST_WARDS):
        other = await somebody()
        await Guardianship.create(
            public_id=f"gua_{order}",
            guardian_id=mother.id,
            ward_id=other.id,
            relation="OTHER",
            started_at=datetime.fromisoformat("2026-11-20T00:00:00Z"),
        )
    with pytest.raises(DomainError, match="最多10个"):
        await a_ward(mother, CHILD, authority)


async def test_two_children_added_at_once_do_not_make_eleven(
    mother: Somebody, authority: Authority, now: datetime
) -> None:
    async def have_wards(wanted: int) -> None:
        for order in range(wanted):
            await Guardianship.create(
                public_id=f"gua_{wanted}_{order}",
                guardian_id=mother.id,
                ward_id=(await somebody()).id,
                relation="OTHER",
                started_at=now,
            )

    class SlowAuthority:
        async def check(self, *, name: str, id_number: str) -> Verdict:
            await have_wards(1)
            return await authority.check(name=name, id_number=id_number)

    await have_wards(MOST_WARDS - 1)
    for _ in range(2):  # the second time, before anybody is asked
        with pytest.raises(DomainError, match="最多10个"):
            await a_ward(mother, CHILD, SlowAuthority())  # type: ignore[arg-type]
    assert await Guardianship.filter(ended_at=None).count() == MOST_WARDS
    assert await Member.filter(origin="GUARDIAN").count() == 0
    assert (await NameCheck.get()).outcome == "AGREES", "what was answered is kept"


# the end


async def test_the_last_guardian_stays(
    mother: Somebody, father: Somebody, shared: Somebody, now: datetime
) -> None:
    await end(father, now=now)
    await end(father, now=now)
    with pytest.raises(WardWouldBeAlone):
        await end(mother, now=now)
    assert [each.guardian_id for each in await Guardianship.filter(ended_at=None)] == [mother.id]
    assert "GUARDIAN_ENDED" in await told(mother)
    assert "GUARDIAN_ENDED" in await told(father)


async def test_nobody_ends_anothers_guardianship(
    mother: Somebody, father: Somebody, shared: Somebody, now: datetime
) -> None:
    mothers = await Guardianship.get(guardian_id=mother.id)
    for other in (father, shared, await somebody()):
        with pytest.raises(DomainError) as refused:
            await wards.end_guardianship(
                member_id=other.id, guardianship_id=mothers.public_id, keys=ID_KEYS, now=now
            )
        assert refused.value.code == ErrorCode.RELATION_UNKNOWN
    assert await Guardianship.filter(ended_at=None).count() == 2


async def test_who_leaves_asks_nobody_any_more(
    mother: Somebody, father: Somebody, shared: Somebody, now: datetime
) -> None:
    code = await ask_guardian(father, shared)
    await end(father, now=now)
    with pytest.raises(DomainError) as refused:
        await accept(await somebody(a_person("王强", "19800101")), code)
    assert refused.value.code == ErrorCode.INVITATION_UNKNOWN


async def test_neither_a_guardian_nor_a_ward_takes_their_real_name_back(
    mother: Somebody, child: Somebody, now: datetime
) -> None:
    for member, way_out in ((mother, "请先邀请另一位监护人"), (child, "满14周岁")):
        with pytest.raises(WardWouldBeAlone) as refused:
            await unbind_my_name(member_id=member.id, keys=ID_KEYS, now=now)
        assert way_out in (refused.value.next_step or "")
    assert await known_person(member_id=mother.id, keys=ID_KEYS, today=TODAY) is not None


async def test_a_guardian_who_is_not_the_only_one_hears_how_to_leave_and_that_works(
    mother: Somebody, father: Somebody, shared: Somebody, now: datetime
) -> None:
    with pytest.raises(WardWouldBeAlone) as refused:
        await unbind_my_name(member_id=father.id, keys=ID_KEYS, now=now)
    assert refused.value.next_step == "请先在“家人与协助”里结束您的监护关系，再操作。"
    await end(father, now=now)
    await unbind_my_name(member_id=father.id, keys=ID_KEYS, now=now)
    assert await known_person(member_id=father.id, keys=ID_KEYS, today=TODAY) is None
    with pytest.raises(WardWouldBeAlone):
        await unbind_my_name(member_id=mother.id, keys=ID_KEYS, now=now)


@pytest.mark.postgres
async def test_two_guardians_who_leave_at_once_do_not_leave_the_child_alone(
    mother: Somebody, father: Somebody, shared: Somebody, now: datetime
) -> None:
    said = await asyncio.gather(end(mother, now=now), end(father, now=now), return_exceptions=True)
    assert sorted(type(each).__name__ for each in said) == ["NoneType", "WardWouldBeAlone"]
    assert await Guardianship.filter(ended_at=None).count() == 1


@pytest.mark.postgres
async def test_who_becomes_a_guardian_and_unbinds_at_once_is_one_of_both(
    mother: Somebody, father: Somebody, child: Somebody, now: datetime
) -> None:
    code = await ask_guardian(mother, child)
    await asyncio.gather(
        accept(father, code), unbind_my_name(member_id=father.id, keys=ID_KEYS, now=now), return_exceptions=True
    )
    is_guardian = await Guardianship.filter(guardian_id=father.id, ended_at=None).exists()
    is_named = await known_person(member_id=father.id, keys=ID_KEYS, today=TODAY) is not None
    assert is_named == is_guardian, "whoever came first has decided"


@pytest.mark.postgres
async def test_two_parents_who_add_one_child_at_once_make_one_account(
    mother: Somebody, father: Somebody, authority: Authority
) -> None:
    said = await asyncio.gather(
        a_ward(mother, CHILD, authority), a_ward(father, CHILD, authority), return_exceptions=True
    )
    assert [type(each) for each in said].count(IdBoundElsewhere) == 1
    assert await Member.filter(origin="GUARDIAN").count() == await Guardianship.all().count() == 1


# growing up


async def test_on_the_fourteenth_birthday_guardianships_end_and_all_are_told(
    mother: Somebody, father: Somebody, shared: Somebody
) -> None:
    assert await wards.grow_up(keys=ID_KEYS, now=GROWN - timedelta(days=2)) == 0
    assert await wards.grow_up(keys=ID_KEYS, now=GROWN) == 1
    assert await wards.grow_up(keys=ID_KEYS, now=GROWN) == 0
    assert {each.end_reason for each in await Guardianship.all()} == {"GREW_UP"}
    for member in (mother, father, shared):
        assert (await told(member))[-1] == "GUARDIAN_ENDED"


async def test_who_grew_up_without_a_phone_is_still_reached_through_those_who_were_guardians(
    mother: Somebody, child: Somebody, now: datetime
) -> None:
    await wards.grow_up(keys=ID_KEYS, now=GROWN)
    assert (await acts(mother, child, HelperPower.MESSAGES, now=GROWN)).member_id == child.id
    for power in set(HelperPower) - {HelperPower.MESSAGES}:
        with pytest.raises(DomainError) as refused:
            await acts(mother, child, power, now=GROWN)
        assert refused.value.code == ErrorCode.POWER_NOT_GIVEN
    proxy = await Proxy.get()
    await helpers.end_proxy(member_id=child.id, proxy_id=proxy.public_id, now=GROWN)
    with pytest.raises(DomainError):
        await acts(mother, child, HelperPower.MESSAGES, now=GROWN)


async def test_who_grew_up_with_a_way_in_of_their_own_needs_nobody(
    mother: Somebody, child: Somebody, now: datetime
) -> None:
    await database.rows(
        """INSERT INTO identity (member_id, appid, openid, created_at, door)
           VALUES ($1, 'wx', 'o-of-the-child', $2, 'MINI_PROGRAM')""",
        child.id,
        now,
    )
    await wards.grow_up(keys=ID_KEYS, now=GROWN)
    assert await Proxy.all().count() == 0


async def test_many_wards_are_gone_through_in_batches(
    db: Database, authority: Authority, mother: Somebody
) -> None:
    children = [a_person("李小雨", "20150901", order=500 + order) for order in range(4)]
    younger = a_person("李小雪", "20190901", order=600)
    await authority.knows(*children, younger)
    for order, each in enumerate((*children, younger)):
        await a_ward(mother, each, authority, key=f"child-{order}", now=GROWN - timedelta(days=30 * (order + 1)))
    assert await wards.grow_up(keys=ID_KEYS, now=GROWN, batch=2) == 4
    assert await Guardianship.filter(ended_at=None).count() == 1


async def test_who_reads_their_messages_already_goes_on_and_one_ward_keeps_nobody_from_growing_up(
    mother: Somebody, child: Somebody, authority: Authority, now: datetime
) -> None:
    second = a_person("李小雪", "20150902", order=600)
    await authority.knows(second)
    sister = await a_ward(mother, second, authority, key="sister", now=now)
    await Proxy.create(
        public_id="prx_there", principal_id=child.id, helper_id=mother.id, powers="MESSAGES", started_at=now
    )
    assert await wards.grow_up(keys=ID_KEYS, now=GROWN + timedelta(days=1)) == 2
    assert await Guardianship.filter(ended_at=None).count() == 0
    held = await Proxy.filter(ended_at=None).order_by("principal_id")
    assert [each.principal_id for each in held] == [child.id, sister.id]


async def test_a_ward_for_whom_something_breaks_is_told_of_after_the_others_grew_up(
    mother: Somebody, child: Somebody, authority: Authority, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = a_person("李小雪", "20150902", order=600)
    await authority.knows(second)
    sister = await a_ward(mother, second, authority, key="sister", now=now)

    async def breaks_for_one(member_id: int) -> bool:
        if member_id == child.id:
            raise RuntimeError("for one of them")
        return await has_way_in(member_id)

    monkeypatch.setattr(wards, "has_way_in", breaks_for_one)
    with pytest.raises(RuntimeError, match="for one of them"):
        await wards.grow_up(keys=ID_KEYS, now=GROWN + timedelta(days=1))
    assert [each.ward_id for each in await Guardianship.filter(ended_at=None)] == [child.id]
    assert [each.principal_id for each in await Proxy.all()] == [sister.id]
    monkeypatch.undo()
    assert await wards.grow_up(keys=ID_KEYS, now=GROWN + timedelta(days=1)) == 1


async def test_the_job_ends_what_has_to_end(child: Somebody, mother: Somebody) -> None:
    tools = SimpleNamespace(privacy_keys=SimpleNamespace(ids=ID_KEYS), clock=lambda: GROWN)
    assert await grow_up(tools) == 1  # type: ignore[arg-type]
    assert await grow_up(tools) == 0  # type: ignore[arg-type]
    assert await Guardianship.filter(ended_at=None).count() == 0
