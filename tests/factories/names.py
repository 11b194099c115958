"""The authority on names, as the rooms' tests meet it: the real sandbox in this process, our real client.

    async def test_…(db, authority, now): …

It knows whom a test tells it of, and what it was asked stands in its books.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from stdnum.cn import ric

from models.consents.reading import TEXTS
from models.consents.rules import Purpose, current
from models.real_names.operations import verify_my_name
from models.real_names.rules import NamedPerson
from sandbox import tencent_cloud
from sandbox.keys import load_secrets, make_keys
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS
from verification.port import Verdict
from verification.tencent_cloud import Credentials, TencentCloud, TencentCloudIdCards

TODAY = date(2026, 11, 20)  # of NOW
HERE = "http://tencent.test"


def id_number(born_on: str, *, order: int = 11, division: str = "510104") -> str:
    """A number with the right last character: `born_on` is 19520315."""
    body = f"{division}{born_on}{order:03d}"
    return body + ric.calc_check_digit(f"{body}0")


def a_person(name: str, born_on: str, **more: Any) -> NamedPerson:
    return NamedPerson.of(name, id_number(born_on, **more), today=TODAY)


GRANDMOTHER = a_person("王秀兰", "19520315", order=22)
MOTHER = a_person("陈静", "19870607", order=42)
FATHER = a_person("李建国", "19850412", order=31)
CHILD = a_person("李小雨", "20150901", order=51)
TEENAGER = a_person("赵明", "20100301", order=71)


def version(purpose: Purpose) -> str:
    """Of the text that holds on the day of NOW."""
    return current(TEXTS, purpose, TODAY).version


@dataclass
class Authority:
    """A `verification.port.NameAuthority`, and what a test may do to it."""

    http: httpx.AsyncClient
    port: TencentCloudIdCards

    async def check(self, *, name: str, id_number: str) -> Verdict:
        return await self.port.check(name=name, id_number=id_number)

    async def knows(self, *people: NamedPerson) -> None:
        for person in people:
            given = {"name": person.name, "id_number": person.number}
            (await self.http.put("/_sandbox/people", json=given)).raise_for_status()

    async def switch_on(self, **faults: Any) -> None:
        """Exactly these faults; without any, none."""
        (await self.http.put("/_sandbox/faults", json=faults)).raise_for_status()

    async def questions(self) -> int:
        return len((await self.http.get("/_sandbox/store")).json()["checks"])


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    make_keys(folder)
    return folder


@pytest.fixture
async def authority(authority_folder: Path) -> AsyncIterator[Authority]:
    secrets = load_secrets(authority_folder)
    (authority_folder / "tencent-cloud.sqlite3").unlink(missing_ok=True)
    transport = httpx.ASGITransport(tencent_cloud.create_app(authority_folder))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
        cloud = TencentCloud(
            http,
            base_urls={"faceid": HERE},
            region="ap-guangzhou",
            credentials=Credentials(
                secret_id=secrets.tencent_cloud_secret_id, secret_key=secrets.tencent_cloud_secret_key
            ),
            clock=lambda: datetime.now(UTC),
        )
        authority = Authority(http, TencentCloudIdCards(cloud))
        await authority.knows(GRANDMOTHER, MOTHER, FATHER, CHILD, TEENAGER)
        yield authority


async def verify(
    member_id: int, person: NamedPerson, authority: Authority, *, now: datetime = NOW, keys: Any = ID_KEYS
) -> None:
    """The member says who they are."""
    await verify_my_name(
        member_id=member_id,
        name=person.name,
        id_number=person.number,
        consent_version=version(Purpose.REAL_NAME),
        keys=keys,
        authority=authority,
        now=now,
    )
