"""Consents, merging, exports and deletions through the public doors."""

from datetime import timedelta
from typing import Any

import orjson
from graphql import parse, validate

from bff import wiring
from models.audit.tables import AuditLine
from models.consents.rules import Purpose
from models.members.tables import Member
from models.privacy import deleting
from models.privacy.rules import COOLING_OFF
from models.staff.rules import Role
from resolvers.schema import build_schema
from tests.factories.booking import at
from tests.factories.names import CHILD, MOTHER
from tests.factories.places import a_court, a_venue
from tests.house import Citizen, House, line, nothing_changes
from tests.resolvers import documents
from tests.resolvers import documents_consents as consents
from tests.resolvers import documents_merging as merging
from tests.resolvers import documents_people as people
from tests.resolvers import documents_privacy as privacy
from tests.resolvers.test_feedback import staff_with

NEEDS_A_MEMBER: list[tuple[str, dict[str, Any]]] = [
    (consents.MY_CONSENTS, {}),
    (consents.GIVE_CONSENT, {"purpose": "NOTICES", "version": "2026.1"}),
    (consents.WITHDRAW_CONSENT, {"purpose": "NOTICES"}),
    (merging.MY_MERGES, {}),
    (merging.MERGE_CODE, {}),
    (merging.MERGE_PREVIEW, {"code": "2222-2222"}),
    (merging.MERGE_MEMBERS, {"code": "2222-2222"}),
    (merging.UNDO_MERGE, {"mergeId": "mrg_1"}),
    (privacy.MY_DELETION, {}),
    (privacy.EXPORT_MY_DATA, {}),
    (privacy.REQUEST_DELETION, {}),
    (privacy.CANCEL_DELETION, {}),
    (privacy.OPEN_SEALED_RECORD, {"memberId": "mem_1", "reason": "法院来函"}),
]


def test_every_document_fits_the_schema() -> None:
    schema = build_schema()._schema
    for document in (*consents.ALL, *merging.ALL, *privacy.ALL):
        assert validate(schema, parse(document)) == []


async def test_without_a_sign_in_nothing_of_anybodys_is_shown_or_changed(house: House) -> None:
    async with nothing_changes():
        for document, variables in NEEDS_A_MEMBER:
            assert (await house.ask(document, variables)).refusal.code == "NOT_SIGNED_IN"


async def test_a_text_is_read_by_anybody_agreed_to_and_taken_back(house: House) -> None:
    texts = (await house.ask(consents.CONSENT_TEXTS)).value
    assert [text["purpose"] for text in texts] == [*Purpose]
    text = next(text for text in texts if text["purpose"] == "NOTICES")
    citizen = await house.citizen()

    async def mine() -> Any:
        found = (await citizen.ask(consents.MY_CONSENTS)).value
        return next(each for each in found if each["text"]["purpose"] == "NOTICES")

    assert not (await mine())["isGiven"]
    outdated = await citizen.ask(consents.GIVE_CONSENT, purpose="NOTICES", version="2020.1")
    assert outdated.refusal.code == "CONSENT_OUTDATED"
    await citizen.ask(consents.GIVE_CONSENT, purpose="NOTICES", version=text["version"])
    assert (await mine())["isGiven"]
    await citizen.ask(consents.WITHDRAW_CONSENT, purpose="NOTICES")
    assert not (await mine())["isGiven"]
    assert (await mine())["saidNo"]


async def test_two_accounts_become_one_and_part(house: House) -> None:
    court = await a_court(await a_venue(market_fen_per_hour=0), name="羽毛球1号场")
    mine, other = await house.citizen(), await house.citizen(phone="13800000002", device_id="phone-2")
    await other.places(line(court, at(19)))
    code = (await other.ask(merging.MERGE_CODE)).value["code"]
    shown = (await mine.ask(merging.MERGE_PREVIEW, code=code)).value["preview"]
    assert (shown["orders"], shown["admissionsAhead"], shown["doors"]) == (1, 1, 1)
    (merge,) = (await mine.ask(merging.MERGE_MEMBERS, code=code)).value["merges"]
    assert merge["isUndoable"]
    assert (await other.ask(merging.MY_MERGES)).value == [merge], (
        "the other phone is signed in to the same account"
    )
    assert (await mine.ask(merging.MERGE_MEMBERS, code="2222-2222")).refusal.code == "MERGE_CODE_INVALID"
    stranger = await house.citizen(phone="13800000003", device_id="phone-3")
    assert (await stranger.ask(merging.UNDO_MERGE, mergeId=merge["id"])).refusal.code == "MERGE_UNKNOWN"
    (parted,) = (await other.ask(merging.UNDO_MERGE, mergeId=merge["id"])).value["merges"]
    assert parted["undoneAt"]


async def test_a_file_of_everything_comes_once_and_is_kept_nowhere(house: House) -> None:
    citizen, stranger = await house.citizen(), await house.citizen(phone="13800000002", device_id="phone-2")
    refused = await citizen.ask(privacy.EXPORT_MY_DATA, forMember=stranger.tokens["memberId"])
    assert refused.refusal.code == "MEMBER_UNKNOWN"
    url = (await citizen.ask(privacy.EXPORT_MY_DATA)).value["url"]
    path = url[url.index("/exports/") :]
    assert (await house.http.head(path)).status_code == 405
    file = await house.http.get(path)
    assert file.status_code == 200
    assert file.headers["cache-control"] == "no-store"
    assert file.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert orjson.loads(file.content)["账号"][0]["编号"] == citizen.tokens["memberId"]
    again = await house.http.get(path)
    assert (again.status_code, again.headers["cache-control"]) == (404, "no-store")
    assert again.text.endswith("。")
    page = await house.http.get(path, headers={"Accept": "text/html,*/*;q=0.8"})  # a person opened an old link
    assert (page.status_code, page.headers["cache-control"]) == (404, "no-store")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["content-type"].startswith("text/html")
    assert "这个下载链接不存在、已用过或已过期" in page.text
    assert path.rpartition("/")[2] not in house.log()


async def test_who_leaves_sees_it_and_may_think_better_of_it(house: House) -> None:
    citizen = await house.citizen()
    assert (await citizen.ask(privacy.CANCEL_DELETION)).refusal.code == "DELETION_UNKNOWN"
    asked = (await citizen.ask(privacy.REQUEST_DELETION)).value["deletion"]
    assert "手机号" in asked["erased"]
    assert any("电子商务法" in each["basis"] for each in asked["kept"])
    await citizen.sign_in()
    seen = (await citizen.ask(privacy.MY_DELETION)).value
    assert (seen["id"], seen["dueAt"], seen["inTheWay"]) == (asked["id"], asked["dueAt"], [])
    assert (await citizen.ask(privacy.CANCEL_DELETION)).value["deletion"]["id"] is None


async def test_a_booking_that_lies_ahead_comes_first(house: House) -> None:
    court = await a_court(await a_venue(market_fen_per_hour=0), name="羽毛球1号场")
    citizen = await house.citizen()
    await citizen.places(line(court, at(19)))
    assert (await citizen.ask(privacy.REQUEST_DELETION)).refusal.code == "DELETION_NOT_YET"
    (reason,) = (await citizen.ask(privacy.MY_DELETION)).value["inTheWay"]
    assert "未使用的预订" in reason["message"]


async def test_a_record_of_somebody_gone_is_for_the_power_alone_and_leaves_a_line(house: House) -> None:
    venue = await a_venue(market_fen_per_hour=0)
    citizen = await house.citizen()
    await citizen.places(line(await a_court(venue, name="羽毛球1号场"), at(19)))
    gone = await _gone(house, citizen)
    clerk = await house.clerk(venue.public_id)
    refused = await clerk.ask(privacy.OPEN_SEALED_RECORD, memberId=gone, reason="锦江区法院来函")
    assert refused.refusal.code == "NOT_ALLOWED"
    line_of_it = await AuditLine.get(act="openSealedRecord")
    assert (line_of_it.outcome, line_of_it.subject_id) == ("NOT_ALLOWED", gone)


async def test_a_guardian_gets_the_file_of_their_ward_and_a_stranger_none(house: House) -> None:
    mother, child = await _a_mother_and_her_child(house)
    father = await house.citizen(phone="13800000002", device_id="phone-2")
    asked = {"forMember": child}
    assert (await father.ask(privacy.EXPORT_MY_DATA, **asked)).refusal.code == "MEMBER_UNKNOWN"
    url = (await mother.ask(privacy.EXPORT_MY_DATA, **asked)).value["url"]
    file = await house.http.get(url[url.index("/exports/") :])
    assert orjson.loads(file.content)["账号"][0]["编号"] == child
    assert CHILD.name in file.text
    assert not [secret for secret in (MOTHER.name, CHILD.number, mother.phone) if secret in file.text]
    line_of_it = await AuditLine.filter(act="exportMyData", subject_id=child, outcome="OK").get()
    assert (line_of_it.actor_kind, line_of_it.actor_id) == ("MEMBER", mother.tokens["memberId"])


async def test_a_guardian_lets_the_account_of_their_ward_go_and_their_own_stays(house: House) -> None:
    mother, child = await _a_mother_and_her_child(house)
    asked, father = {"forMember": child}, await house.citizen(phone="13800000002", device_id="phone-2")
    for document in (privacy.REQUEST_DELETION, privacy.MY_DELETION, privacy.CANCEL_DELETION):
        assert (await father.ask(document, **asked)).refusal.code == "MEMBER_UNKNOWN"
    await mother.ask(privacy.REQUEST_DELETION, **asked)
    assert (await mother.ask(privacy.CANCEL_DELETION, **asked)).value["deletion"]["id"] is None
    deletion = (await mother.ask(privacy.REQUEST_DELETION, **asked)).value["deletion"]
    assert deletion["id"] is not None
    assert (await mother.ask(privacy.MY_DELETION, **asked)).value == deletion
    assert (await mother.ask(privacy.MY_DELETION)).value["id"] is None
    then = house.now() + COOLING_OFF + timedelta(hours=1)
    assert await deleting.delete_due(keys=wiring.privacy_keys(house.wired.settings), now=then) == 1
    assert (await mother.ask(people.MY_PEOPLE)).value["wards"] == []
    assert (await mother.ask(people.MY_NAME)).value["maskedName"] == MOTHER.masked


async def _a_mother_and_her_child(house: House) -> tuple[Citizen, str]:
    """Both known by name; the child by its id."""
    for person in (MOTHER, CHILD):
        await house.register_person(person.name, person.number)
    mother = await house.citizen()
    await mother.ask(people.VERIFY_MY_NAME, name=MOTHER.name, idNumber=MOTHER.number)
    added = await mother.ask(people.ADD_WARD, name=CHILD.name, idNumber=CHILD.number)
    (ward,) = added.value["people"]["wards"]
    return mother, ward["memberId"]


async def test_the_officer_for_personal_data_opens_the_record_of_somebody_gone_and_the_line_says_why(
    house: House,
) -> None:
    citizen = await house.citizen()
    await citizen.ask(documents.BIND_PHONE, code=await citizen.phone_code())
    await house.register_person(MOTHER.name, MOTHER.number)
    await citizen.ask(people.VERIFY_MY_NAME, name=MOTHER.name, idNumber=MOTHER.number)
    await citizen.places(line(await a_court(await a_venue(market_fen_per_hour=0), name="羽毛球1号场"), at(19)))
    gone = await _gone(house, citizen)
    officer = await staff_with(house, Role.DATA_OFFICER)
    asked = {"memberId": gone, "reason": "锦江区法院来函〔2026〕12号，电话13800000001"}
    opened = (await officer.ask(privacy.OPEN_SEALED_RECORD, **asked)).value["person"]
    assert (opened["memberId"], opened["wholeName"], opened["wholePhone"]) == (
        gone,
        MOTHER.name,
        f"+86{citizen.phone}",
    )
    assert any(citizen.openid in door for door in opened["doors"])
    line_of_it = await AuditLine.get(act="openSealedRecord")
    assert (line_of_it.outcome, line_of_it.subject_id, line_of_it.is_reading) == ("OK", gone, True)
    assert line_of_it.detail == "锦江区法院来函〔2026〕12号，电话13****", "without the numbers that somebody typed"
    assert line_of_it.actor_id.startswith("stf_")
    unknown = await officer.ask(privacy.OPEN_SEALED_RECORD, **{**asked, "memberId": "mem_UNKNOWN"})
    assert unknown.refusal.code == "MEMBER_UNKNOWN"
    silent = await officer.ask(privacy.OPEN_SEALED_RECORD, **{**asked, "reason": " "})
    assert (silent.refusal.code, silent.refusal.field) == ("BAD_INPUT", "reason")


async def _gone(house: House, citizen: Citizen) -> str:
    """Deleted, after their booking was over."""
    member = await Member.get(public_id=citizen.tokens["memberId"])
    settings = house.wired.settings
    then = at(22)
    await deleting.request_deletion(member_id=member.id, keys=wiring.id_keys(settings), now=then)
    done = await deleting.delete_due(
        keys=wiring.privacy_keys(settings), now=then + COOLING_OFF + timedelta(hours=1)
    )
    assert done == 1
    return str(member.public_id)
