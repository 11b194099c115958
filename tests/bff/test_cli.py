"""What an operator types, in real processes, and what they read."""

import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from bff.kept_store import GENERATION
from tests import databases
from tests.bff.conftest import START_SECONDS, Valkey, clean_environment
from tests.conftest import OwnDatabase

ROOT = Path(__file__).parent.parent.parent


class Operator:
    def __init__(self, folder: Path, database_url: str) -> None:
        self.url = database_url
        self.environment = clean_environment(DATA_DIR=str(folder), DATABASE_URL=database_url)

    def beside(self, valkey: Valkey) -> "Operator":
        operator = Operator(Path(self.environment["DATA_DIR"]), self.url)
        operator.environment["REDIS_URL"] = valkey.url
        return operator

    def types(self, *words: str, then: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bff", *words],
            env=self.environment,
            cwd=ROOT,
            input=then,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    async def reads(self, sql: str) -> Any:
        """The first value; past our own connection pool, which belongs to this process's other tests."""
        if databases.KIND == "sqlite":
            with sqlite3.connect(urlsplit(self.url).path) as connection:
                found = connection.execute(sql).fetchone()
            return found and found[0]
        connection = await asyncpg.connect(re.sub(r"[?&](minsize|maxsize)=\d+", "", self.url))  # the pool's words
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
async def operator(own_database: OwnDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operator]:
    """At a house with its data; each command is a process, so all tests share it."""
    folder = tmp_path_factory.mktemp("operator")
    async with own_database(folder, migrated=True) as url:
        operator = Operator(folder, url)
        assert operator.types("migrate").returncode == 0
        assert operator.types("import").returncode == 0
        yield operator


async def test_a_second_import_changes_nothing(operator: Operator) -> None:
    again = operator.types("import")
    assert (again.returncode, again.stdout) == (0, "0 added, 0 changed, 0 closed, 0 removed\n")


def test_no_migration_is_missing_and_schema_and_documents_are_up_to_date(operator: Operator) -> None:
    """As `make check` asks; in processes of their own, because looking for drift opens a SQLite in ours."""
    for command in ("migration", "schema", "documents"):
        asked = operator.types(command, "--check")
        assert (asked.returncode, asked.stderr) == (0, "")


def test_a_database_that_is_away_is_said_in_one_line(operator: Operator) -> None:
    away = Operator(Path(operator.environment["DATA_DIR"]), "postgres://nobody:hunter22@127.0.0.1:1/nowhere")
    refused = away.types("migrate")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert (refused.stderr.count("\n"), "look at DATABASE_URL" in refused.stderr) == (1, True)
    assert "hunter22" not in refused.stderr


async def test_staff_get_an_account_once_with_a_password_from_standard_input(operator: Operator) -> None:
    create = ["staff", "create", "front1", "--name", "前台", "--every-venue"]
    made = operator.types(*create, then="Str0ng-enough\n")
    assert (made.returncode, made.stdout) == (0, "front1 may sign in at /desk\n")
    again = operator.types(*create, then="Str0ng-enough\n")
    assert (again.returncode, again.stderr.split(":")[0]) == (1, "USERNAME_TAKEN")


async def test_three_administrators_are_opened_with_first_passwords_that_are_shown_once(
    operator: Operator,
) -> None:
    nobody = operator.types("staff", "admins")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    admins = ["staff", "admins", "--system", "wang.xt", "--security", "li.aq", "--audit", "zhang.sj"]
    made = operator.types(*admins)
    opened = [line.split("\t") for line in made.stdout.splitlines()[:3]]
    assert [line[:2] for line in opened] == [
        ["SYSTEM_ADMIN", "wang.xt"],
        ["SECURITY_ADMIN", "li.aq"],
        ["AUDITOR", "zhang.sj"],
    ]
    assert len({line[2] for line in opened}) == 3
    again = operator.types(*admins)
    assert (again.returncode, again.stderr.split(":")[0]) == (1, "USERNAME_TAKEN")


async def test_staff_of_a_region_get_the_roles_that_are_named(operator: Operator) -> None:
    create = ["staff", "create", "zhao.zg", "--name", "赵主管", "--role", "REGULATOR", "--role", "FINANCE"]
    assert operator.types(*create, then="Str0ng-enough\n").returncode == 1, "a place is missing"
    made = operator.types(*create, "--region", "510100", then="Str0ng-enough\n")
    assert (made.returncode, made.stderr) == (0, "")
    held = "SELECT COUNT(*) FROM staff_role WHERE region_key = '510100' AND role IN ('REGULATOR', 'FINANCE')"
    assert await operator.reads(held) == 2


async def test_a_gate_gets_an_address_and_a_secret_which_rotate(operator: Operator) -> None:
    venue = await operator.reads("SELECT public_id FROM venue ORDER BY id LIMIT 1")
    made = operator.types("gates", "create", "G1", "--venue", venue, "--direction", "ENTRY")
    assert made.returncode == 0
    assert "http://127.0.0.1:8000/gates/" in made.stdout
    rotated = operator.types("gates", "rotate", "G1")
    assert rotated.returncode == 0
    assert not set(rotated.stdout.splitlines()[:2]) & set(made.stdout.splitlines()[:2])
    previous = "SELECT previous_token_hash FROM gate_device"
    assert await operator.reads(previous) is not None
    assert operator.types("gates", "rotate", "G1", "--finish").returncode == 0
    assert await operator.reads(previous) is None


async def test_a_third_party_gets_a_key_moves_to_another_and_is_ended(operator: Operator) -> None:
    register = ["third-parties", "register", "渝健身", "--contact", "张工 zhang@example.cn"]
    made = operator.types(*register)
    first = key_in(made)
    assert operator.types(*register).stderr.startswith("BAD_INPUT: 这个名称已登记过。")
    second = key_in(operator.types("third-parties", "rotate", "渝健身"))
    listed = operator.types("third-parties", "list").stdout
    public_id = await operator.reads("SELECT public_id FROM third_party")
    assert public_id in made.stdout
    assert f"渝健身\t{public_id}\t张工 zhang@example.cn\t" in listed
    assert re.findall(r"…(\S{4})\t\t\S+Z\t(\S+)", listed) == [(first[-4:], "live"), (second[-4:], "live")]
    assert first not in listed
    assert operator.types("third-parties", "rotate", "渝健身", "--finish").stdout == "1 ended\n"
    assert operator.types("third-parties", "end", "渝健身", "--key", first[-4:]).returncode == 1
    assert operator.types("third-parties", "end", "渝健身", "--key", second[-4:]).stdout == "ended\n"
    assert "live" in operator.types("third-parties", "list").stdout
    assert operator.types("third-parties", "end", "渝健身").stdout == "ended\n"
    assert "live" not in operator.types("third-parties", "list").stdout
    assert operator.types("third-parties", "rotate", "渝健身").stderr.startswith("BAD_INPUT: 没有登记过")


def key_in(shown: subprocess.CompletedProcess[str]) -> str:
    assert shown.returncode == 0, shown.stderr
    [key] = re.findall(r"^X-Api-Key +(tpk_[\w-]{43})$", shown.stdout, re.MULTILINE)
    return str(key)


async def test_dead_letters_are_listed_and_sent_again(operator: Operator) -> None:
    await operator.reads(
        "INSERT INTO outbox (public_id, kind, subject, payload, created_at, attempts, next_attempt_at, dead_at,"
        " receipt_no, last_error) VALUES ('row_1', 'orders', 'order:O1', '{}', '2026-11-20 02:00:00+00:00', 24,"
        " '2026-11-20 05:00:00+00:00', '2026-11-20 05:00:00+00:00', '', 'HTTP 500')"
    )
    listed = operator.types("outbox", "dead")
    assert listed.stdout == "row_1\t2026-11-20T05:00:00Z\torders\torder:O1\tHTTP 500\n"
    assert operator.types("outbox", "replay", "row_1", "row_2").stdout == "1 of 2 will be sent again\n"
    assert operator.types("outbox", "dead").stdout == ""


def test_everything_that_is_sealed_is_resealed_in_one_go(operator: Operator) -> None:
    resealed = operator.types("keys", "reseal")
    assert resealed.returncode == 0
    told = ("numbers", "real names", "second factors", "texts", "sealed records", "draw seeds", "venue accounts")
    assert resealed.stdout == "".join(f"0 {what} moved\n" for what in told)


def test_phone_numbers_are_resealed(operator: Operator) -> None:
    resealed = operator.types("phones", "reseal")
    assert (resealed.returncode, resealed.stdout) == (0, "0 numbers moved\n")


def test_a_password_typed_at_a_terminal_is_not_shown_and_must_be_typed_twice(tmp_path: Path) -> None:
    number, terminal = pty.fork()
    if number == 0:
        os.chdir(ROOT)
        command = [sys.executable, "-m", "bff", "staff", "create", "front1", "--name", "x", "--every-venue"]
        os.execve(sys.executable, command, clean_environment(DATA_DIR=str(tmp_path)))
    said = b""
    for prompt, password in ((b"Password: ", b"Str0ng-enough\n"), (b"Once more: ", b"another\n")):
        while prompt not in said:
            said += os.read(terminal, 1024)
        os.write(terminal, password)
    _, status = os.waitpid(number, 0)
    said += os.read(terminal, 1024)
    assert os.waitstatus_to_exitcode(status) == 1
    assert b"the two are not the same" in said
    assert b"Str0ng-enough" not in said


# What web processes keep


async def generation_at(valkey: Valkey) -> str | None:
    async with Redis.from_url(valkey.url) as redis:
        name = await redis.get(GENERATION)
    return name and name.decode()


async def test_an_import_that_changes_something_makes_web_processes_forget(
    operator: Operator, valkey: Valkey
) -> None:
    assert operator.beside(valkey).types("import").stdout == "0 added, 0 changed, 0 closed, 0 removed\n"
    assert await generation_at(valkey) is None
    await operator.reads("UPDATE venue SET name = '旧名' WHERE ref = 'CQ001'")
    done = operator.beside(valkey).types("import")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 added, 1 changed, 0 closed, 0 removed\n", "")
    assert await generation_at(valkey) is not None


async def test_an_import_whose_valkey_is_away_says_what_is_left_to_do(operator: Operator, valkey: Valkey) -> None:
    valkey.stop()
    await operator.reads("UPDATE venue SET name = '旧名' WHERE ref = 'CQ001'")
    done = operator.beside(valkey).types("import")
    assert (done.returncode, done.stdout) == (0, "0 added, 1 changed, 0 closed, 0 removed\n")
    assert "run `python -m bff answers forget` when it is back" in done.stderr
    assert await operator.reads("SELECT name FROM venue WHERE ref = 'CQ001'") != "旧名"


async def test_web_processes_forget_at_a_word(operator: Operator, valkey: Valkey) -> None:
    with_valkey = operator.beside(valkey)
    assert with_valkey.types("answers", "forget").returncode == 0
    first = await generation_at(valkey)
    assert with_valkey.types("answers", "forget").returncode == 0
    assert None not in {first, await generation_at(valkey)}
    assert first != await generation_at(valkey)
    valkey.stop()
    refused = with_valkey.types("answers", "forget")
    assert refused.returncode == 1
    assert "Valkey is away" in refused.stderr


async def test_what_an_operator_does_is_in_the_audit_trail_and_the_trail_can_be_verified(
    operator: Operator,
) -> None:
    said = "SELECT COUNT(*) FROM audit_line WHERE actor_kind = 'OPERATOR' AND act = 'import' AND outcome = 'OK'"
    assert await operator.reads(said) >= 1
    verified = operator.types("audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "wait to be chained" in verified.stdout
    cut = operator.types("audit", "verify", "--head", f"7:{'0' * 64}")
    assert (cut.returncode, cut.stderr) == (1, "broken: TAIL_CUT at seq 1\n")
    unread = operator.types("audit", "verify", "--head", "seven")
    assert (unread.returncode, unread.stderr.split(":")[0]) == (1, "BAD_INPUT")
