"""However an act ends, it leaves one line that says so; and an act and its line stand or fall together."""

import asyncio

import pytest

from models import database
from models.audit import deeds
from models.audit.deeds import Deed, concerning, done_by
from models.audit.doing import Doing
from models.errors import BadInput, DomainError, ErrorCode, NotSignedIn
from models.regions.tables import Region
from models.third_parties import operations as third_parties
from models.third_parties.tables import ThirdParty
from tests.conftest import NOW
from tests.databases import Database
from tests.models.audit.lines import KEYS, a_deed, all_lines


def doing(**said: object) -> Doing:
    return Doing(a_deed(**said), keys=KEYS)


async def register(name: str) -> None:
    await third_parties.register(name=name, contact="somebody@example.com", now=NOW)


async def test_a_line_says_who_did_what_when_to_whom_how_it_ended_and_from_where(db: Database) -> None:
    async with doing(act="giveBack", venue_id="ven_MYQOPLQI7ATDYL3K"):
        concerning("ORDER", "O20261120ABCDEFGHJKLM", detail="twice")
    (line,) = await all_lines()
    assert line["act"] == "giveBack"
    assert line["at"] == NOW
    assert (line["actor_kind"], line["actor_id"]) == ("STAFF", "stf_23456789ABCDEFGHJKLM")
    assert (line["subject_kind"], line["subject_id"]) == ("ORDER", "O20261120ABCDEFGHJKLM")
    assert (line["venue_id"], line["outcome"], line["detail"]) == ("ven_MYQOPLQI7ATDYL3K", "OK", "twice")
    assert (line["address"], line["device_id"], line["is_reading"]) == ("203.0.113.7", "desk-1", False)


async def test_an_act_and_its_line_commit_in_one_transaction(db: Database) -> None:
    @database.operation
    async def act() -> None:
        await Region.create(key="51", level="PROVINCE", name="四川", valid_from="2024-01-01")

    class Cut(Exception):
        pass

    class CutOff(Doing):
        async def write(self, result: object) -> None:
            await super().write(result)
            raise Cut  # the process dies between the line and the commit

    deed = a_deed()
    with pytest.raises(Cut):
        async with CutOff(deed, keys=KEYS):
            await act()
    assert await Region.all().count() == 0
    assert [line["outcome"] for line in await all_lines()] == ["INTERNAL"]


async def test_an_act_of_several_operations_has_one_line(db: Database) -> None:
    async with doing(act="third-parties register"):
        await register("first")
        await register("second")
    assert await ThirdParty.all().count() == 2
    assert [line["outcome"] for line in await all_lines()] == ["OK"]


async def test_an_act_that_fails_after_its_first_operation_has_a_second_line(db: Database) -> None:
    async def half_done() -> None:
        async with doing():
            await register("first")
            raise BadInput("不行。")

    with pytest.raises(BadInput):
        await half_done()
    assert [line["outcome"] for line in await all_lines()] == ["OK", "BAD_INPUT"]


async def test_a_refused_act_leaves_its_line_and_nothing_else(db: Database) -> None:
    @database.operation
    async def refused() -> None:
        await Region.create(key="51", level="PROVINCE", name="四川", valid_from="2024-01-01")
        raise DomainError("不行。", code=ErrorCode.NOT_ALLOWED)

    with pytest.raises(DomainError):
        async with doing():
            await refused()
    assert await Region.all().count() == 0
    assert [line["outcome"] for line in await all_lines()] == ["NOT_ALLOWED"]


async def test_a_refusal_that_an_operation_keeps_has_one_line_beside_what_it_kept(db: Database) -> None:
    @database.operation
    async def counted() -> DomainError:
        await Region.create(key="51", level="PROVINCE", name="四川", valid_from="2024-01-01")
        return NotSignedIn()

    with pytest.raises(NotSignedIn):
        async with doing():
            raise await counted()
    assert await Region.all().count() == 1
    assert [line["outcome"] for line in await all_lines()] == ["NOT_SIGNED_IN"]


async def test_an_operation_that_is_run_again_has_one_line(db: Database) -> None:
    tries = []

    @database.operation
    async def unlucky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise database.ChanceTwin

    class TwinAtTheEnd(Doing):
        async def write(self, result: object) -> None:
            await super().write(result)
            if len(tries) < 4:
                tries.append(1)
                raise database.ChanceTwin  # the line was written, and is rolled back with the act

    async with TwinAtTheEnd(a_deed(), keys=KEYS):
        await unlucky()
    assert len(tries) == 5
    assert [line["outcome"] for line in await all_lines()] == ["OK"]


async def test_a_bug_and_an_act_that_was_cut_short_have_their_lines(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with doing():
            raise ZeroDivisionError

    async def endless() -> None:
        async with doing():
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(endless(), 0.01)
    assert [line["outcome"] for line in await all_lines()] == ["INTERNAL", "STOPPED"]


async def test_a_reading_whose_line_cannot_be_written_gives_no_answer(db: Database) -> None:
    class NoKeys:
        def mac(self, _text: str) -> tuple[str, str]:
            raise RuntimeError("no line")

    answered = False
    with pytest.raises(RuntimeError, match="no line"):
        async with Doing(a_deed(), keys=NoKeys()):  # type: ignore[arg-type]
            answered = True
    assert answered  # what was read stays inside


async def test_what_a_stranger_does_is_nobodys_deed(db: Database) -> None:
    with pytest.raises(NotSignedIn):
        async with doing(actor_kind=None, actor_id=""):
            raise NotSignedIn
    assert await all_lines() == []


async def test_a_member_leaves_a_line_only_where_it_concerns_another(db: Database) -> None:
    for about in ("mem_MYSELF23456789ABCDEF", "mem_MYWARD23456789ABCDEF"):
        async with doing(actor_kind=None, actor_id=""):
            done_by("MEMBER", "mem_MYSELF23456789ABCDEF")
            concerning("MEMBER", about, reading=True)
            concerning("ORDER", "O20261120ABCDEFGHJKLM")
    (line,) = await all_lines()
    assert (line["actor_id"], line["subject_id"]) == ("mem_MYSELF23456789ABCDEF", "mem_MYWARD23456789ABCDEF")
    assert line["is_reading"]


async def test_two_deeds_at_once_do_not_mix(db: Database) -> None:
    async def one(number: int) -> None:
        async with Doing(Deed(act=f"act {number}", at=NOW), keys=KEYS):
            done_by("STAFF", f"stf_{number}")
            await asyncio.sleep(0)
            concerning("MEMBER", f"mem_{number}")

    await asyncio.gather(*(one(number) for number in range(5)))
    lines = await all_lines()
    assert {(line["act"], line["actor_id"], line["subject_id"]) for line in lines} == {
        (f"act {number}", f"stf_{number}", f"mem_{number}") for number in range(5)
    }
    assert deeds.current() is None


@pytest.mark.postgres
async def test_a_connection_that_dies_between_the_line_and_the_commit_leaves_neither(db: Database) -> None:
    class Killed(Doing):
        async def write(self, result: object) -> None:
            await super().write(result)
            await database.rows("SELECT pg_terminate_backend(pg_backend_pid())")

    async def killed() -> None:
        async with Killed(a_deed(), keys=KEYS):
            await register("first")

    with pytest.raises(Exception):  # noqa: B017 - whatever the driver calls it
        await killed()
    assert await ThirdParty.all().count() == 0
    assert "OK" not in [line["outcome"] for line in await all_lines()]
