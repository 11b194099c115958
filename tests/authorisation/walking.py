"""Going through the schema as somebody: what is asked, what may be heard, and what may be left behind."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from plans import documents
from tests.authorisation.arguments import Try, document_of, tries
from tests.authorisation.lives import Caller, Row, Snapshot, World, leaves_of
from tests.authorisation.questions import QUESTIONS
from tests.house import HERE, Answer

SHOWN_TO_ALL = {"countedAt"}
"""When a gate last counted somebody. It was An, but the figure doesn't say so."""

IDENTIFIER = re.compile(r"[!-~]{8,}")
"""A text that is looked for inside of others too; a word or a sentence must be the whole of one."""


@dataclass
class Walk:
    """One caller on the way through the schema, and what they heard."""

    world: World
    caller: Caller
    said: list[tuple[Try, Answer]] = field(default_factory=list)

    async def ask(self, asked: Try) -> Answer:
        text = document_of(asked.question)
        named = {"query": text} if self.caller.freely else {"documentId": documents.hash_of(text)}
        transport = httpx.ASGITransport(self.world.front)
        async with httpx.AsyncClient(
            transport=transport, base_url=HERE, headers=dict(self.caller.headers)
        ) as client:
            given = await client.post("/graphql", json={**named, "variables": asked.variables})
        answer = Answer(given.status_code, given.json(), given.text)
        assert code_of(answer) not in ("INTERNAL", "TOO_MANY_ATTEMPTS"), (asked, answer.text)
        self.said.append((asked, answer))
        return answer

    async def everything(self, each: Iterable[Try] | None = None) -> None:
        """Asks for all of An's, and each time for the same of nobody's, which must sound the same."""
        for asked in every_try(self.world) if each is None else each:
            answer = await self.ask(asked)
            assert not secrets_in(self.world, answer.said), (self.caller.name, str(asked), answer.text)
            if asked.known is not None and not asked.known.tells:
                invented = await self.ask(asked.nobodys())
                heard = (answer.status, answer.said)
                assert heard == (invented.status, invented.said), (self.caller.name, str(asked))


def every_try(world: World) -> Iterator[Try]:
    return (asked for question in QUESTIONS for asked in tries(question, world))


def code_of(answer: Answer) -> str | None:
    """The refusal's code, wherever it stands; None when nothing was refused."""
    errors = answer.said.get("errors")
    if errors:
        return str(errors[0]["extensions"]["code"])
    for value in (answer.said.get("data") or {}).values():
        for refusal in (isinstance(value, dict) and value.get("userErrors")) or ():
            return str(refusal["code"])
    return None


def secrets_in(world: World, answer: Any) -> set[str]:
    """What of An's stands in an answer, its errors included."""
    said = [text for name, text in leaves_of(answer) if name not in SHOWN_TO_ALL]
    whole = "\n".join(said)
    found = world.secrets.intersection(said)
    return {*found, *(secret for secret in world.secrets if IDENTIFIER.fullmatch(secret) and secret in whole)}


Difference = tuple[str, Any, str]
"""A table, a row's id, and the column that changed, or `added`, or `gone`."""


def differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    found = [(*key, "gone") for key in before.keys() - after.keys()]
    found += [(*key, "added") for key in after.keys() - before.keys()]
    for key in before.keys() & after.keys():
        found += [(*key, column) for column in after[key] if after[key][column] != before[key][column]]
    return sorted(found, key=str)


def traces_of(walk: Walk, before: Snapshot, after: Snapshot) -> list[Difference]:
    """What a walker leaves behind: a failed guess at the clerk's password, their own scans, their own ended sign-in."""
    bing, own = walk.world.bing, walk.caller.authorization
    traces = []
    if any(code_of(answer) == "STAFF_CREDENTIALS_WRONG" for _, answer in walk.said):
        traces += changes(before, "staff_member", "failures", username=walk.world.an.clerk.username)
    if own == bing.citizen.authorization:
        member = row_of(before, "identity", openid=bing.citizen.openid)["member_id"]
        traces += changes(before, "member", "code_version", id=member)
        traces += changes(before, "sign_in", "end_reason", "ended_at", member_id=member, ended_at=None)
    if own == bing.clerk.authorization:
        clerk = row_of(before, "staff_member", username=bing.clerk.username)["id"]
        traces += changes(before, "staff_sign_in", "ended_at", staff_id=clerk, ended_at=None)
        scans = [key for key, row in after.items() if key not in before and row.get("staff_id") == clerk]
        traces += [(*key, "added") for key in scans]
        judged = [asked for asked, answer in walk.said if asked.question.name == "redeem" and not code_of(answer)]
        assert len(scans) == len(judged) > 0
        assert {after[key]["admission_id"] for key in scans} == {None}
    return sorted(traces, key=str)


def changes(before: Snapshot, table: str, *columns: str, **where: Any) -> list[Difference]:
    """These columns of the newest row of which this is true."""
    key = row_of(before, table, **where)["id"]
    return [(table, key, column) for column in columns]


def row_of(rows: Snapshot, table: str, **where: Any) -> Row:
    """The newest row of which this is true."""
    found = [
        row
        for (its_table, _), row in rows.items()
        if its_table == table and all(row[column] == value for column, value in where.items())
    ]
    return max(found, key=lambda row: int(row["id"]))
