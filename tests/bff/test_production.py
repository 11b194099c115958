"""Production for real: what the Procfile names, on PostgreSQL and Valkey, several of each, until SIGTERM."""

import asyncio
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from bff.embedded import own_port
from tests.bff.conftest import START_SECONDS, Valkey, clean_environment
from tests.bff.test_settings import ROOT, production
from tests.bff.test_stack import STOP_SECONDS
from tests.conftest import OwnDatabase

__all__ = ["production"]
pytestmark = [pytest.mark.postgres, pytest.mark.stack]

COMMANDS = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def command(name: str) -> list[str]:
    python, *words = shlex.split(COMMANDS[name])
    assert python == "python"
    return [sys.executable, *words]


def write_keys(folder: Path) -> None:
    """In the files that the `production` environment names."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "merchant.pem").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "wechat_pay.pem").write_bytes(public)


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not true():
        assert time.monotonic() < end, "it never became true"
        await asyncio.sleep(0.1)


async def test_the_procfile_starts_a_production_that_is_ready_and_stops_in_order(
    own_database: OwnDatabase, production: dict[str, str], valkey: Valkey, tmp_path: Path
) -> None:
    write_keys(tmp_path)
    house = f"http://127.0.0.1:{(port := own_port())}"
    async with own_database(tmp_path) as url:
        given = {"DATABASE_URL": url, "REDIS_URL": valkey.url, "DATA_DIR": str(tmp_path / "data")}
        environment = clean_environment(**production | given, PORT=str(port), WEB_PROCESSES="2")
        subprocess.run(command("release"), env=environment, cwd=ROOT, check=True)
        with (tmp_path / "log").open("wb") as log:
            started = [
                subprocess.Popen(command(name), env=environment, cwd=ROOT, stdout=log, stderr=log)
                for name in ("web", "worker", "worker")
            ]
        try:
            await until(lambda: is_ready(house) and (tmp_path / "log").read_text().count('"working"') == 2)
            answer = httpx.post(f"{house}/graphql", json={"query": "{ sports { code } }"}, verify=False)
            assert answer.status_code == 401
            assert "max-age" in answer.headers["Strict-Transport-Security"]
            a_third_party_asks_freely_until_it_is_ended(house, environment)
            for process in started:
                process.terminate()
            assert [process.wait(STOP_SECONDS) for process in started] == [0, 0, 0]
        finally:
            for process in started:
                process.kill()
                process.wait()


def a_third_party_asks_freely_until_it_is_ended(house: str, environment: dict[str, str]) -> None:
    """In every web process, from the moment in which the operator's command returns."""

    def types(*words: str) -> str:
        command = [sys.executable, "-m", "bff", "third-parties", *words]
        typed = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
        assert typed.returncode == 0, typed.stderr
        return typed.stdout

    [key] = re.findall(r"tpk_\S+", types("register", "渝健身", "--contact", "张工"))

    def said() -> set[tuple[int, str]]:
        """By new connections, which the two processes share out among themselves."""
        free = {"query": "{ sports { code } }"}
        asked = [
            httpx.post(f"{house}/graphql", json=free, headers={"X-Api-Key": key}, verify=False) for _ in range(12)
        ]
        return {(answer.status_code, answer.text[:9]) for answer in asked}

    assert said() == {(200, '{"data":{')}
    types("end", "渝健身")
    assert said() == {(401, '{"errors"')}


def is_ready(house: str) -> bool:
    try:
        return httpx.get(f"{house}/readyz", timeout=5, verify=False).status_code == 200
    except httpx.TransportError:
        return False
