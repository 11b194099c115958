"""The desk's page over the real house, served on loopback: real staff, real codes of a really paid order."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.types import ASGIApp

from tests.factories.booking import a_hall, at
from tests.house import PASSWORD, Citizen, House, line

Code = Callable[[], Awaitable[str]]
PEOPLE = 20  # so many fresh codes a test may use


@dataclass(frozen=True)
class DeskAtWork:
    """A desk that is being served, and codes to try at it. Each call of a code gives a fresh one."""

    url: str
    username: str
    password: str
    venue_name: str
    green_code: Code  # not used yet, its slot is now
    used_code: Code  # its holder is inside already
    printed_code: Code  # on paper, its holder is outside
    unknown_code: Code  # 24 digits that no one handed out


@pytest.fixture
async def desk(house: House) -> AsyncIterator[DeskAtWork]:
    """A quarter of an hour before a slot that twenty people have paid for. The clerk may choose of two venues."""
    hall, other = await a_hall(name="大田湾体育场"), await a_hall(name="成都高新体育中心")
    citizen = await house.citizen()
    order = await citizen.has_paid(line(hall.full, at(11, days=0), people=PEOPLE))
    await house.travel(at(10, 45, days=0))
    clerk = await house.clerk(hall.venue.public_id, other.venue.public_id, device_id="other-desk")
    unused = iter([admission["id"] for admission in order["admissions"]])

    async def green() -> str:
        return await citizen.code(next(unused))

    async def used() -> str:
        code = await green()
        verdict = (await clerk.scans(code, hall.venue.public_id)).value["verdict"]
        assert verdict["passed"], verdict
        return code

    async def printed() -> str:
        return await on_paper(citizen, next(unused))

    async def unknown() -> str:
        return "9" * 24

    async with served(house.app) as address:
        yield DeskAtWork(
            f"{address}/desk", clerk.username, PASSWORD, hall.venue.name, green, used, printed, unknown
        )


async def on_paper(citizen: Citizen, admission_id: str) -> str:
    asked = "query ($id: ID!) { admissionCodes(admissionId: $id) { printedCode } }"
    return str((await citizen.ask(asked, id=admission_id)).value["printedCode"])


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The application on a free loopback port, in this loop, where its database connections live."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        task = asyncio.create_task(server._serve([listener]))  # serve() would take the test run's signals
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await task
