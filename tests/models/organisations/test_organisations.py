"""Organisations: registered once, decided about by their region, with people in them and always an owner."""

import re
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.errors import ErrorCode
from models.keys import IdKeys, LookupKeys, token_hash
from models.messages.tables import Message
from models.organisations import queries
from models.organisations.belonging import (
    Invited,
    accept_invitation,
    close,
    invite,
    leave,
    remove,
    set_role,
    withdraw_invitation,
)
from models.organisations.registering import (
    decide_organisation,
    register_organisation,
    suspend_organisation,
    update_organisation,
)
from models.organisations.rules import (
    MOST_OPEN_INVITATIONS,
    MOST_ORGANISATIONS,
    MOST_PENDING,
    OrganisationKind,
    OrganisationRole,
    checked_credit_code,
)
from models.organisations.tables import Organisation, OrganisationInvitation, OrganisationMember
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.feedback import a_manager, a_regulator, a_venue_in, divisions
from tests.factories.organisations import a_credit_code, a_named_member, an_organisation, joins
from tests.factories.people import a_member
from tests.models.feedback.test_complaints import refusal_of

OWNER, MANAGER, MEMBER = OrganisationRole


@pytest.fixture
async def owner(db: Database) -> int:
    await divisions()
    return await a_named_member()


async def registered(owner: int, now: datetime, **asked: Any) -> str:
    return await register_organisation(
        **{
            "member_id": owner,
            "name": "锦城羽毛球俱乐部",
            "credit_code": "52510107MJ0000018P",
            "kind": OrganisationKind.CLUB,
            "region_key": "510107",
            "introduction": "",
            "keys": ID_KEYS,
            "now": now,
            **asked,
        }
    )


@pytest.mark.parametrize(
    ("spelt", "code"),
    [
        ("91110000600037341L", "91110000600037341L"),
        (" 9111 0000 6000 3734 1l ", "91110000600037341L"),
        ("91110000600037341M", None),
        ("91110000600037314L", None),
        ("9111000060003734", None),
        ("", None),
        ("９１１１００００６０００３７３４１Ｌ", "91110000600037341L"),
        ("٩١110000600037341L", None),
        ("I1110000600037341L", None),
    ],
)
async def test_the_credit_codes_check_sign_must_hold_and_its_spelling_is_forgiven(
    spelt: str, code: str | None
) -> None:
    if code:
        assert checked_credit_code(spelt) == code
        return
    refused = await refusal_of(_checked(spelt))
    assert (refused.code, refused.field) == (ErrorCode.ORGANISATION_CODE_WRONG, "creditCode")


async def _checked(text: str) -> str:
    return checked_credit_code(text)


async def test_a_member_known_by_name_registers_and_waits(owner: int, now: datetime) -> None:
    code = a_credit_code()
    organisation_id = await registered(owner, now, credit_code=code.lower(), introduction=" 每周三打球。 ")
    assert await registered(owner, now, credit_code=code) == organisation_id, "the second time is harmless"
    stored = await Organisation.get(public_id=organisation_id)
    assert (stored.status, stored.credit_code, stored.introduction) == ("PENDING", code, "每周三打球。")
    assert await queries.page(organisation_id) is None
    (mine,) = await queries.organisations_of(member_id=owner, now=now)
    assert (mine.organisation["status"], mine.role, mine.organisation["member_count"]) == ("PENDING", "OWNER", 1)
    pending = await refusal_of(
        invite(member_id=owner, organisation_id=organisation_id, role=MEMBER, keys=ID_KEYS, now=now)
    )
    assert pending.code is ErrorCode.ORGANISATION_STATE


@pytest.mark.parametrize("kind", [OrganisationKind.CLUB, OrganisationKind.INSTITUTION, OrganisationKind.SCHOOL])
async def test_a_club_and_an_institution_are_one_and_their_page_says_which(
    owner: int, now: datetime, kind: OrganisationKind
) -> None:
    organisation_id = await registered(owner, now, credit_code=a_credit_code(), kind=kind)
    await decided(organisation_id, now)
    page = await queries.page(organisation_id)
    assert page is not None
    assert (page["name"], page["kind"]) == ("锦城羽毛球俱乐部", kind)


async def test_who_is_not_known_by_name_or_not_of_age_registers_nothing(owner: int, now: datetime) -> None:
    nameless, _ = await a_member()
    refused = await refusal_of(registered(nameless, now, credit_code=a_credit_code()))
    assert refused.code is ErrorCode.REAL_NAME_NEEDED
    young = await a_named_member("20100301")
    assert (await refusal_of(registered(young, now, credit_code=a_credit_code()))).code is ErrorCode.NOT_ALLOWED
    for wrong, field in (
        ({"name": "锦"}, "name"),
        ({"name": "两\n行"}, "name"),
        ({"introduction": "长" * 501}, "introduction"),
        ({"region_key": "990000"}, "regionKey"),
    ):
        refused = await refusal_of(registered(owner, now, **{"credit_code": a_credit_code(), **wrong}))
        assert (refused.code, refused.field) == (ErrorCode.BAD_INPUT, field)
    assert await Organisation.all().count() == 0


async def test_a_code_has_one_live_registration_and_a_refused_one_frees_it(owner: int, now: datetime) -> None:
    code, other = a_credit_code(), await a_named_member("19790101")
    organisation_id = await an_organisation(owner, credit_code=code, approved=False)
    for asked in ({"member_id": other}, {"name": "别的俱乐部"}):
        refused = await refusal_of(registered(owner, now, **{"credit_code": code, **asked}))
        assert (refused.code, refused.field) == (ErrorCode.ORGANISATION_REGISTERED, "creditCode")
    await decided(organisation_id, now, approve=False, note="证照看不清")
    again = await registered(other, now, credit_code=code)
    assert again != organisation_id
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.rows("UPDATE organisation SET status = 'PENDING' WHERE public_id = $1", organisation_id)


async def decided(
    organisation_id: str, now: datetime, *, approve: bool = True, note: str = "", region_key: str = "510107"
) -> None:
    clerk = await a_regulator(region_key)
    await decide_organisation(clerk=clerk, organisation_id=organisation_id, approve=approve, note=note, now=now)


async def test_three_may_wait_at_a_time(owner: int, now: datetime) -> None:
    ids = [await an_organisation(owner, approved=False) for _ in range(MOST_PENDING)]
    assert (await refusal_of(an_organisation(owner, approved=False))).code is ErrorCode.TOO_MANY_ATTEMPTS
    await decided(ids[0], now)
    await an_organisation(owner, approved=False)


async def test_its_regions_administration_decides_and_the_owner_hears_why(owner: int, now: datetime) -> None:
    organisation_id = await an_organisation(owner, approved=False)
    for key in ("510104", "500000"):
        refused = await refusal_of(decided(organisation_id, now, region_key=key))
        assert refused.code is ErrorCode.ORGANISATION_UNKNOWN
    venues = await a_manager(await a_venue_in("510107", "城南体育馆"))
    asked: dict[str, Any] = {"organisation_id": organisation_id, "approve": True, "note": "", "now": now}
    assert (await refusal_of(decide_organisation(clerk=venues, **asked))).code is ErrorCode.NOT_ALLOWED
    silent = await refusal_of(decided(organisation_id, now, approve=False, note=" "))
    assert (silent.code, silent.field) == (ErrorCode.BAD_INPUT, "note")
    city = await a_regulator("510100")
    (waiting,) = await queries.to_decide(clerk=city, first=5, after_id=None)
    assert (waiting["public_id"], waiting["region_name"]) == (organisation_id, "武侯区")
    for _ in range(2):
        await decide_organisation(clerk=city, **{**asked, "note": "材料齐全"})
    assert await queries.to_decide(clerk=city, first=5, after_id=None) == []
    (message,) = await Message.all()
    assert (message.template, message.member_id) == ("ORGANISATION_DECIDED", owner)
    assert message.values == {"what": "锦城羽毛球俱乐部，已通过（材料齐全）", "when": "11月20日 10:00"}
    changed = await refusal_of(decided(organisation_id, now, approve=False, note="又看了看"))
    assert changed.code is ErrorCode.ORGANISATION_STATE


async def test_the_page_shows_an_approved_one_and_none_of_its_people(owner: int, now: datetime) -> None:
    organisation_id = await an_organisation(owner)
    await joins(owner, organisation_id, (await a_member())[0])
    page = await queries.page(organisation_id)
    assert page is not None
    assert (page["name"], page["region_name"], page["member_count"]) == ("锦城羽毛球俱乐部", "武侯区", 2)
    district = await a_regulator("510107")
    for hour, suspend in enumerate((True, True, False)):
        await suspend_organisation(
            clerk=district,
            organisation_id=organisation_id,
            suspend=suspend,
            note="年检未过",
            now=now + timedelta(hours=hour),
        )
        assert (await queries.page(organisation_id) is None) == suspend
    assert [message.values["what"][9:12] for message in await Message.all().order_by("id")] == [
        "已通过", "已暂停", "已通过"
    ]  # fmt: skip
    pending = await an_organisation(owner, approved=False)
    refused = await refusal_of(
        suspend_organisation(clerk=district, organisation_id=pending, suspend=True, note="未审核", now=now)
    )
    assert refused.code is ErrorCode.ORGANISATION_STATE


async def test_an_invitation_works_once_within_seven_days(owner: int, now: datetime) -> None:
    organisation_id = await an_organisation(owner)
    (first, _), (second, _) = await a_member(), await a_member()
    invited = await invited_to(organisation_id, owner, now)
    assert await OrganisationInvitation.filter(code_hash=token_hash(invited.code)).exists()
    spelt = f" {invited.code[:10].lower()} {invited.code[10:]}"
    for _ in range(2):
        assert await accepted(first, spelt, now) == organisation_id
    for code in (invited.code, "WRONG" * 4, ""):
        refused = await refusal_of(accepted(second, code, now))
        assert (refused.code, refused.field) == (ErrorCode.INVITATION_UNKNOWN, "code")
    late = await invited_to(organisation_id, owner, now)
    assert (await refusal_of(accepted(second, late.code, late.expires_at))).code is ErrorCode.INVITATION_UNKNOWN
    assert (await refusal_of(accepted(first, late.code, now))).code is ErrorCode.RELATION_EXISTS
    assert await accepted(second, late.code, late.expires_at - timedelta(seconds=1)) == organisation_id
    assert await OrganisationMember.all().count() == 3


async def invited_to(
    organisation_id: str,
    by: int,
    now: datetime,
    role: OrganisationRole = OrganisationRole.MEMBER,
    *,
    key: str = "",
    keys: IdKeys = ID_KEYS,
) -> Invited:
    return await invite(
        member_id=by, organisation_id=organisation_id, role=role, idempotency_key=key, keys=keys, now=now
    )


async def accepted(member_id: int, code: str, now: datetime) -> str:
    return await accept_invitation(member_id=member_id, code=code, keys=ID_KEYS, now=now)


async def test_an_invitation_asked_for_twice_under_one_key_is_one_with_one_code(owner: int, now: datetime) -> None:
    organisation_id, other_id = await an_organisation(owner), await an_organisation(owner)
    manager = await a_named_member("19900101")
    await joins(owner, organisation_id, manager, MANAGER)
    first = await invited_to(organisation_id, owner, now, key="k1")
    again = now + timedelta(hours=1)
    assert await invited_to(organisation_id, owner, again, key="k1") == first
    rotated = IdKeys(sealing=ID_KEYS.sealing, lookup=LookupKeys({"2": b"y" * 32, **ID_KEYS.lookup.keys}))
    assert await invited_to(organisation_id, owner, again, key="k1", keys=rotated) == first
    others = [
        await invited_to(organisation_id, owner, now, key="k2"),
        await invited_to(organisation_id, owner, now, MANAGER, key="k1"),
        await invited_to(organisation_id, manager, now, key="k1"),
        await invited_to(other_id, owner, now, key="k1"),
        await invited_to(organisation_id, owner, now),
        await invited_to(organisation_id, owner, now),
    ]
    assert len({each.code for each in (first, *others)}) == 7
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{20}", first.code)
    (plain, _) = await a_member()
    assert await accepted(plain, first.code, now) == organisation_id
    assert await invited_to(organisation_id, owner, now, key="k1") == first, "though it was taken meanwhile"
    assert await OrganisationInvitation.filter(code_hash=token_hash(first.code)).count() == 1


async def test_a_withdrawn_invitation_opens_nothing_and_only_its_givers_withdraw(
    owner: int, now: datetime
) -> None:
    organisation_id = await an_organisation(owner)
    (plain, _), (stranger, _) = await a_member(), await a_member()
    await joins(owner, organisation_id, plain)
    invited = await invited_to(organisation_id, owner, now)
    for member_id, code in ((plain, ErrorCode.NOT_ALLOWED), (stranger, ErrorCode.INVITATION_UNKNOWN)):
        refused = await refusal_of(withdraw_invitation(member_id=member_id, invitation_id=invited.public_id))
        assert refused.code is code
    (mine,) = await queries.organisations_of(member_id=owner, now=now)
    assert [each["public_id"] for each in mine.invitations] == [invited.public_id]
    for _ in range(2):
        await withdraw_invitation(member_id=owner, invitation_id=invited.public_id)
    assert (await refusal_of(accepted(stranger, invited.code, now))).code is ErrorCode.INVITATION_UNKNOWN
    assert (await queries.organisations_of(member_id=owner, now=now))[0].invitations == []
    assert (await queries.organisations_of(member_id=plain, now=now))[0].invitations == []


async def test_who_speaks_in_its_name_is_known_by_name(owner: int, now: datetime) -> None:
    organisation_id, (nameless, _) = await an_organisation(owner), await a_member()
    invited = await invited_to(organisation_id, owner, now, MANAGER)
    assert (await refusal_of(accepted(nameless, invited.code, now))).code is ErrorCode.REAL_NAME_NEEDED
    membership_id = await joins(owner, organisation_id, nameless)
    for role in (MANAGER, OWNER):
        refused = await refusal_of(roled(owner, membership_id, role, now))
        assert refused.code is ErrorCode.REAL_NAME_NEEDED
    named = await a_named_member("19900101")
    await accepted(named, invited.code, now)
    assert (await queries.organisations_of(member_id=named, now=now))[0].role == "MANAGER"


async def roled(by: int, membership_id: str, role: OrganisationRole, now: datetime) -> str:
    return await set_role(member_id=by, membership_id=membership_id, role=role, keys=ID_KEYS, now=now)


async def test_owners_give_every_role_managers_that_of_members_and_members_none(owner: int, now: datetime) -> None:
    organisation_id, manager = await an_organisation(owner), await a_named_member("19900101")
    (plain, _), (other, _) = await a_member(), await a_member()
    managers = await joins(owner, organisation_id, manager, MANAGER)
    plains = await joins(manager, organisation_id, plain)
    for by, role in ((manager, OWNER), (manager, MANAGER), (plain, MEMBER)):
        assert (await refusal_of(invited_to(organisation_id, by, now, role))).code is ErrorCode.NOT_ALLOWED
    assert (await refusal_of(roled(manager, plains, MEMBER, now))).code is ErrorCode.NOT_ALLOWED
    owners = (await queries.organisations_of(member_id=owner, now=now))[0].membership_id
    for by, target in ((plain, managers), (manager, owners), (manager, managers)):
        refused = await refusal_of(remove(member_id=by, membership_id=target, now=now))
        assert refused.code is ErrorCode.NOT_ALLOWED
    for act in (
        roled(other, plains, MEMBER, now),
        remove(member_id=other, membership_id=plains, now=now),
        remove(member_id=owner, membership_id="omb_UNKNOWN", now=now),
    ):
        assert (await refusal_of(act)).code is ErrorCode.MEMBER_UNKNOWN
    strangers: tuple[Awaitable[object], ...] = (
        invited_to(organisation_id, other, now),
        leave(member_id=other, organisation_id=organisation_id, now=now),
        update_organisation(member_id=other, organisation_id=organisation_id, introduction="我的"),
        queries.members_of(
            member_id=other, organisation_id=organisation_id, keys=ID_KEYS, first=5, after_id=None, now=now
        ),
    )
    for refused_act in strangers:
        assert (await refusal_of(refused_act)).code is ErrorCode.ORGANISATION_UNKNOWN
    for _ in range(2):
        await remove(member_id=manager, membership_id=plains, now=now)
    assert await queries.organisations_of(member_id=plain, now=now) == []
    await joins(manager, organisation_id, plain)  # who left may join again


async def test_there_is_always_an_owner(owner: int, now: datetime) -> None:
    organisation_id, heir = await an_organisation(owner), await a_named_member("19900101")
    (mine,) = await queries.organisations_of(member_id=owner, now=now)
    for act in (
        leave(member_id=owner, organisation_id=organisation_id, now=now),
        remove(member_id=owner, membership_id=mine.membership_id, now=now),
        roled(owner, mine.membership_id, MANAGER, now),
    ):
        refused = await refusal_of(act)
        assert (refused.code, refused.message) == (ErrorCode.ORGANISATION_STATE, "单位至少要有一名负责人。")
    heirs = await joins(owner, organisation_id, heir)
    for _ in range(2):
        await roled(owner, heirs, OWNER, now)
    await roled(heir, mine.membership_id, MEMBER, now)
    for _ in range(2):
        await leave(member_id=owner, organisation_id=organisation_id, now=now)
    assert (await refusal_of(leave(member_id=heir, organisation_id=organisation_id, now=now))).code == (
        ErrorCode.ORGANISATION_STATE
    )


async def test_the_owner_of_a_refused_registration_may_leave_it_behind(owner: int, now: datetime) -> None:
    refused_id, kept_id = await an_organisation(owner, approved=False), await an_organisation(owner)
    await decided(refused_id, now, approve=False, note="证照看不清")
    for _ in range(2):
        await leave(member_id=owner, organisation_id=refused_id, now=now)
    (mine,) = await queries.organisations_of(member_id=owner, now=now)
    assert mine.organisation["public_id"] == kept_id
    assert (await Organisation.get(public_id=refused_id)).status == "REFUSED"
    refused = await refusal_of(leave(member_id=owner, organisation_id=kept_id, now=now))
    assert refused.code is ErrorCode.ORGANISATION_STATE


async def test_who_belongs_to_twenty_neither_joins_nor_registers_another(owner: int, now: datetime) -> None:
    code = a_credit_code()
    for _ in range(MOST_ORGANISATIONS - 1):
        await an_organisation(owner)
    last = await an_organisation(owner, credit_code=code)
    other = await a_named_member("19790101")
    invited = await invited_to(await an_organisation(other), other, now)
    for act in (an_organisation(owner), accepted(owner, invited.code, now)):
        refused = await refusal_of(act)
        assert (refused.code, refused.message) == (ErrorCode.TOO_MANY_ATTEMPTS, "最多同时加入20个单位。")
    assert await an_organisation(owner, credit_code=code, approved=False) == last, "the same again is no other"
    assert await OrganisationMember.filter(member_id=owner).count() == MOST_ORGANISATIONS
    await close(member_id=owner, organisation_id=last, now=now)
    await accepted(owner, invited.code, now)


async def test_an_owner_closes_it_for_everybody_and_its_code_is_free(owner: int, now: datetime) -> None:
    code, (plain, _) = a_credit_code(), await a_member()
    organisation_id = await an_organisation(owner, credit_code=code)
    await joins(owner, organisation_id, plain)
    invited, (stranger, _) = await invited_to(organisation_id, owner, now), await a_member()
    for by, refusal in ((plain, ErrorCode.NOT_ALLOWED), (stranger, ErrorCode.ORGANISATION_UNKNOWN)):
        assert (await refusal_of(close(member_id=by, organisation_id=organisation_id, now=now))).code is refusal
    for _ in range(2):
        await close(member_id=owner, organisation_id=organisation_id, now=now)
    assert await queries.page(organisation_id) is None
    assert await OrganisationMember.filter(left_at=None).count() == 0
    assert (await refusal_of(accepted(stranger, invited.code, now))).code is ErrorCode.INVITATION_UNKNOWN
    assert (await refusal_of(decided(organisation_id, now))).code is ErrorCode.ORGANISATION_STATE
    again = await an_organisation(owner, credit_code=code, approved=False)
    await close(member_id=owner, organisation_id=again, now=now)  # a registration is taken back likewise
    suspended = await an_organisation(owner, credit_code=code)
    await suspend_organisation(
        clerk=await a_regulator("510107"), organisation_id=suspended, suspend=True, note="年检未过", now=now
    )
    refused = await refusal_of(close(member_id=owner, organisation_id=suspended, now=now))
    assert refused.code is ErrorCode.ORGANISATION_STATE


async def test_owners_and_managers_see_who_belongs_to_it_and_edit_the_page(owner: int, now: datetime) -> None:
    organisation_id, (plain, _) = await an_organisation(owner), await a_member()
    await joins(owner, organisation_id, plain)
    page: dict[str, Any] = {"organisation_id": organisation_id, "keys": ID_KEYS, "now": now}
    seen = await queries.members_of(member_id=owner, first=1, after_id=None, **page)
    assert [(each["role"], each["is_me"]) for each in seen] == [("OWNER", True), ("MEMBER", False)]
    rest = await queries.members_of(member_id=owner, first=5, after_id=seen[0]["id"], **page)
    assert [each["public_id"] for each in rest] == [seen[1]["public_id"]]
    for act in (
        queries.members_of(member_id=plain, first=5, after_id=None, **page),
        update_organisation(member_id=plain, organisation_id=organisation_id, introduction="我的"),
    ):
        assert (await refusal_of(act)).code is ErrorCode.NOT_ALLOWED
    await update_organisation(
        member_id=owner, organisation_id=organisation_id, introduction="周三、周五晚上打球。"
    )
    shown = await queries.page(organisation_id)
    assert shown is not None
    assert shown["introduction"] == "周三、周五晚上打球。"


async def test_members_are_told_apart_by_their_masked_names_in_three_statements_however_many(
    owner: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation_id, (nameless, _) = await an_organisation(owner), await a_member()
    for member_id in (nameless, await a_named_member("19900101"), await a_named_member("20010101")):
        await joins(owner, organisation_id, member_id)
    rows, asked = database.rows, list[str]()

    async def counted(sql: str, *values: Any) -> Any:
        asked.append(sql)
        return await rows(sql, *values)

    monkeypatch.setattr(database, "rows", counted)
    for first in (1, 50):
        asked.clear()
        page: dict[str, Any] = {"organisation_id": organisation_id, "keys": ID_KEYS, "now": now}
        seen = await queries.members_of(member_id=owner, first=first, after_id=None, **page)
        assert len(asked) == 3
    assert [each["masked_name"] for each in seen] == ["李**", None, "李**", "李**"]


async def test_fifty_invitations_may_be_open_and_expired_ones_do_not_count(owner: int, now: datetime) -> None:
    organisation_id = await an_organisation(owner)
    for _ in range(MOST_OPEN_INVITATIONS):
        await invited_to(organisation_id, owner, now)
    assert (await refusal_of(invited_to(organisation_id, owner, now))).code is ErrorCode.TOO_MANY_ATTEMPTS
    await invited_to(organisation_id, owner, now + timedelta(days=7))
