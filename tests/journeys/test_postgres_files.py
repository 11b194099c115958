"""What is anybody's stands in no file of PostgreSQL's: not in pages that were freed, its write-ahead log, its own log.

The names and numbers here are used by no other test, since files keep what was deleted long ago.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bff import wiring
from demo.nothing_leaks import Leak, search_for
from models import database
from models.audit.tables import AuditLine
from models.feedback.tables import Complaint
from models.members.tables import Member, MemberPhone
from models.messages.tables import Message
from models.privacy import deleting
from models.privacy.rules import COOLING_OFF
from models.privacy.tables import SealedRecord
from models.real_names.tables import RealName
from models.staff.rules import Role
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.feedback import a_venue_in, an_entered_admission, clocks_and_holidays, divisions
from tests.factories.names import a_person
from tests.house import Citizen, Clerk, House, house, shared_valkey
from tests.outside import outside, stage
from tests.resolvers import documents, documents_doors, documents_people
from tests.resolvers.documents_audit import REVEAL_PHONE
from tests.resolvers.documents_feedback import ANSWER_COMPLAINT, COMPLAINT_TO_ANSWER, FILE_COMPLAINT
from tests.resolvers.documents_messages import MESSAGES
from tests.resolvers.documents_privacy import EXPORT_MY_DATA
from tests.resolvers.test_feedback import staff_with

__all__ = ["house", "outside", "shared_valkey", "stage"]

pytestmark = pytest.mark.postgres

GRANDMOTHER = a_person("慕容芷蘅", "19490817", order=624)
GRANDSON = a_person("司徒昱珩", "19990214", order=713)
HIS_PHONE, A_FRIENDS, ANOTHERS = "13977310642", "17713580246", "19950417283"
TEXTS = {
    "her name": GRANDMOTHER.name,
    "her ID number": GRANDMOTHER.number,
    "his name": GRANDSON.name,
    "his ID number": GRANDSON.number,
    "his phone": HIS_PHONE,
    "a phone in a complaint": A_FRIENDS,
    "a phone that got a code": ANOTHERS,
}


@pytest.fixture
async def folder(db: Database) -> Path:
    """Where the server keeps its files, when that is here and may be read."""
    row = await database.row("SELECT current_setting('data_directory') AS folder")
    assert row is not None
    folder = Path(row["folder"])
    try:
        is_here = any((folder / "pg_wal").iterdir())
    except OSError:
        is_here = False
    if not is_here:
        pytest.skip("PostgreSQL's data directory is not on this machine, or not for us to read")
    return folder


async def test_what_a_grandmothers_story_tells_of_people_is_in_no_file_of_postgresql(
    house: House, folder: Path
) -> None:
    clear = await _walk(house)
    looked_for = {**TEXTS, "in clear": clear}
    before = search(looked_for, folder, apart=("base",))  # a checkpoint may give segments of the log away
    await database.rows("CHECKPOINT")
    after = search(looked_for, folder, apart=("pg_wal", *await other_databases()))
    assert [str(leak) for leak in (*before, *after) if leak.what in TEXTS] == []
    places = {leak.file.relative_to(folder).parts[0] for leak in (*before, *after)}
    assert {"pg_wal", "base"} <= places, "what lies there in clear is found, so the search reads what was written"


async def test_what_a_failing_statement_was_given_is_not_in_the_servers_log(db: Database, folder: Path) -> None:
    with pytest.raises(Exception, match="division by zero"):
        await database.rows("SELECT 1 / 0 AS a_statement_that_fails WHERE $1 <> ''", HIS_PHONE)
    found = search({**TEXTS, "the statement": "a_statement_that_fails"}, folder, apart=("base", "pg_wal"))
    if not found:
        pytest.skip("this server keeps its log outside its data directory")
    assert {leak.what for leak in found} == {"the statement"}


def search(texts: Mapping[str, str], folder: Path, *, apart: Collection[str]) -> list[Leak]:
    """Again from the beginning while the server takes a file away under the search."""
    while True:
        try:
            return search_for(texts, folder, apart=apart)
        except FileNotFoundError:
            continue


async def other_databases() -> list[str]:
    """Their folders, by name."""
    found = await database.rows("SELECT oid::text AS folder FROM pg_database WHERE datname <> current_database()")
    return [row["folder"] for row in found]


async def _walk(house: House) -> str:
    """All of it through the doors; gives a text that does stand in the tables, of the same rows."""
    await divisions()
    await clocks_and_holidays()
    venue = await a_venue_in("510107", "城南体育馆")
    clerk = await staff_with(house, Role.VENUE_MANAGER, venue=venue)
    grandson = await house.citizen(phone=HIS_PHONE)
    await grandson.ask(documents.BIND_PHONE, code=await grandson.phone_code())
    await _are_known_by_name(house, venue, clerk, grandson)
    await _a_complaint_is_filed_and_answered(venue, clerk, grandson)
    url = (await grandson.ask(EXPORT_MY_DATA)).value["url"]
    file = (await house.http.get(url[url.index("/exports/") :])).text
    assert all(text in file for text in (HIS_PHONE, GRANDSON.name, A_FRIENDS)), (
        "they are known, and opened for him"
    )
    assert (await grandson.ask(MESSAGES)).value["edges"]
    await _another_comes_by_sms_and_goes(house, venue)
    for table in (MemberPhone, RealName, Complaint, Message, AuditLine, SealedRecord):
        assert await table.all().exists(), table
    return str(grandson.tokens["memberId"])


async def _are_known_by_name(house: House, venue: Venue, clerk: Clerk, grandson: Citizen) -> None:
    """She at the desk by her card, he by himself; she takes him as her helper."""
    for person in (GRANDMOTHER, GRANDSON):
        await house.register_person(person.name, person.number)
    wrong = await grandson.ask(documents_people.VERIFY_MY_NAME, name=GRANDMOTHER.name, idNumber=GRANDSON.number)
    assert wrong.refusal.code == "NAME_DIFFERS"
    await grandson.ask(documents_people.VERIFY_MY_NAME, name=GRANDSON.name, idNumber=GRANDSON.number)
    here = {"venueId": venue.public_id}
    card = {"name": GRANDMOTHER.name, "idNumber": GRANDMOTHER.number}
    person = (await clerk.ask(documents_people.DESK_VERIFY_PERSON, **card, **here)).value["person"]
    invited = await clerk.ask(
        documents_people.DESK_INVITE_HELPER,
        personId=person["personId"],
        powers=["BOOK", "MESSAGES"],
        helperPhone=HIS_PHONE,
        **here,
    )
    await grandson.ask(documents_people.ACCEPT_INVITATION, code=invited.value["invitation"]["code"])
    found = await clerk.ask(documents_people.DESK_FIND_PERSON, idNumber=GRANDMOTHER.number, **here)
    assert found.value["person"]["maskedName"] == GRANDMOTHER.masked


async def _a_complaint_is_filed_and_answered(venue: Venue, clerk: Clerk, grandson: Citizen) -> None:
    """With people in its words, and in the reason why a clerk looks at his number."""
    asked = {"kind": "COMPLAINT", "venueId": venue.public_id, "idempotencyKey": "k1"}
    text = f"{GRANDMOTHER.name}（{GRANDMOTHER.number}）在门口被拦下，请打{A_FRIENDS}找我的朋友。"
    complaint = (await grandson.ask(FILE_COMPLAINT, **asked, text=text)).value["complaint"]
    no = complaint["complaintNo"]
    assert A_FRIENDS in (await clerk.ask(COMPLAINT_TO_ANSWER, complaintNo=no)).text
    reason = f"来电核对{HIS_PHONE}"
    member_id = grandson.tokens["memberId"]
    revealed = await clerk.ask(REVEAL_PHONE, reason=reason, venueId=venue.public_id, memberId=member_id)
    assert revealed.value["revealed"]["text"] == f"+86{HIS_PHONE}"
    answer = f"已向{GRANDMOTHER.name}道歉，并打过{A_FRIENDS}。"
    await clerk.ask(ANSWER_COMPLAINT, complaintNo=no, text=answer, idempotencyKey="k2")


async def _another_comes_by_sms_and_goes(house: House, venue: Venue) -> None:
    """Who they were is kept for their booking's sake, sealed."""
    device = {"phone": ANOTHERS, "deviceId": "h5-1"}
    await house.ask(documents_doors.REQUEST_SMS_CODE, {**device, "purpose": "SIGN_IN"})
    signed_in = await house.ask(
        documents_doors.SIGN_IN_WITH_PHONE, {**device, "code": await house.sms_to(ANOTHERS)}
    )
    member = await Member.get(public_id=signed_in.value["signIn"]["memberId"])
    settings, now = house.wired.settings, house.now()
    await an_entered_admission(venue, member.id, entered_at=now - timedelta(days=1))
    await deleting.request_deletion(member_id=member.id, keys=wiring.id_keys(settings), now=now)
    then = now + COOLING_OFF + timedelta(hours=1)
    assert await deleting.delete_due(keys=wiring.privacy_keys(settings), now=then) == 1
