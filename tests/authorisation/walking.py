"""Going through the schema as somebody: what is asked, what may be heard, and what may be left behind."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import httpx
from tortoise import Tortoise

from plans import documents
from tests.authorisation.arguments import Try, document_of, tries
from tests.authorisation.lives import Caller, Row, Snapshot, World, leaves_of, texts_in
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

    @cached_property
    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.world.front)
        return httpx.AsyncClient(transport=transport, base_url=HERE, headers=dict(self.caller.headers))

    async def ask(self, asked: Try) -> Answer:
        text = document_of(asked.question)
        named = {"query": text} if self.caller.freely else {"documentId": documents.hash_of(text)}
        given = await self.client.post("/graphql", json={**named, "variables": asked.variables})
        answer = Answer(given.status_code, given.json(), given.text)
        assert code_of(answer) not in ("INTERNAL", "TOO_MANY_ATTEMPTS"), (asked, answer.text)
        self.said.append((asked, answer))
        return answer

    async def everything(self, each: Iterable[Try] | None = None) -> None:
        """Asks for all of An's, and once in each way for the same of nobody's, which must sound the same."""
        of_nobodys: dict[Any, tuple[int, Any]] = {}
        for asked in every_try(self.world) if each is None else each:
            answer = await self.ask(asked)
            assert not secrets_in(self.world, answer.said), (self.caller.name, str(asked), answer.text)
            if asked.known is not None and not asked.known.tells:
                invented = asked.nobodys()
                way = (asked.question.name, *invented.values.items())
                if way not in of_nobodys:
                    of_nobodys[way] = heard(await self.ask(invented))
                assert heard(answer) == of_nobodys[way], (self.caller.name, str(asked))


NEW_EACH_TIME = {
    "RequestSmsCodePayload": ("expiresAt", "againAt"),
    "NewInvitation": ("id", "code", "expiresAt"),
    "ClaimPuzzle": ("puzzle", "endsAt"),
    "EnrolOfflineDeskPayload": ("deskId",),
}
"""What is made anew by whoever asks, and is another one by the very same question too."""


def heard(answer: Answer) -> tuple[int, Any]:
    """What a walker may compare, without what is new each time."""
    return answer.status, _without_the_new(answer.said)


def _without_the_new(said: Any) -> Any:
    if isinstance(said, list):
        return [_without_the_new(each) for each in said]
    if not isinstance(said, dict):
        return said
    new = NEW_EACH_TIME.get(said.get("__typename", ""), ())
    return {name: "new" if name in new else _without_the_new(below) for name, below in said.items()}


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


GUESSED = {("staff_member", "failures"), ("phone_code", "tries"), ("phone_code", "status")}
"""A wrong password counts against the clerk whom it was tried for, a wrong SMS code against those sent to the number."""

SAID_BY_THE_WALKER = {("invitation", "phone_hash"), ("redemption", "nonce"), ("voucher_scan", "nonce")}
"""Their own scan's number. Of the number that they invite: whoever knows An's number may ask An to help, and hears nothing of An by it."""


def given_out(before: Snapshot, after: Snapshot) -> set[Difference]:
    """Whoever claims a voucher takes it from what a campaign has for everybody: of these changes those that are just what
    the vouchers that are there now and were not before hold, and no fen else."""
    taken: Counter[Difference] = Counter()
    for (table, key), row in after.items():
        if table == "voucher" and (table, key) not in before:
            taken["voucher_pool", row["pool_id"], "free_fen"] += row["face_fen"]
            taken["voucher_round", row["round_id"], "remaining"] += 1
    return {
        (table, key, column)
        for (table, key, column), many in taken.items()
        if before[table, key][column] - after[table, key][column] == many
    }


def wrong_traces(walk: Walk, before: Snapshot, after: Snapshot) -> list[Difference]:
    """What a walker left behind that they may not: a change of what is not their own, or a row that leads to An.

    Everything of their own they may change, and act for themselves: book, complain, ask for a code. The audit trail
    says what they asked for, so a line there may name An.
    """
    found, claimed = [], given_out(before, after)
    for table, key, what in differences(before, after):
        row = after.get((table, key)) or before[table, key]
        if what == "added":
            is_wrong = leads_to(walk.world.rows_of_an, table, row) or names_an(walk.world, table, row)
        elif (table, what) in GUESSED or (table, key, what) in claimed:
            is_wrong = False
        else:
            own = own_row(walk, before)
            is_wrong = own is None or not ((table, key) == own or leads_to({own}, table, row))
            is_wrong = (
                is_wrong or (table, key) in walk.world.rows_of_an or leads_to(walk.world.rows_of_an, table, row)
            )
        if is_wrong:
            found.append((table, key, what))
    return found


def own_row(walk: Walk, before: Snapshot) -> tuple[str, Any] | None:
    """The walker's own row: of a member or of staff."""
    bing, own = walk.world.bing, walk.caller.authorization
    if own == bing.citizen.authorization:
        member = row_of(before, "identity", openid=bing.citizen.openid)["member_id"]
        return "member", member
    for clerk in (bing.clerk, *walk.world.offices_elsewhere.values()):
        if own == clerk.authorization:
            return "staff_member", row_of(before, "staff_member", username=clerk.username)["id"]
    return None


def names_an(world: World, table: str, row: Row) -> bool:
    """Whether a text in it is An's."""
    if table == "audit_line":  # it says what the walker asked for; what they heard is looked at in the answer
        return False
    told = {column: value for column, value in row.items() if (table, column) not in SAID_BY_THE_WALKER}
    return bool(world.secrets.intersection(texts_in(told)))


def leads_to(rows: Container[tuple[str, Any]], table: str, row: Row) -> bool:
    """Whether one of its foreign keys is one of these rows."""
    return any((parent, row[column]) in rows for column, parent in parents_of(table).items())


@cache
def parents_of(table: str) -> Mapping[str, str]:
    """The table's foreign keys: a column, and the table that it leads to."""
    apps = Tortoise.apps
    assert apps is not None
    (model,) = [each for each in apps["models"].values() if each._meta.db_table == table] or [None]
    if model is None:
        return {}
    keys = [model._meta.fields_map[name] for name in model._meta.fk_fields | model._meta.o2o_fields]
    return {str(key.source_field): key.related_model._meta.db_table for key in keys}


def row_of(rows: Snapshot, table: str, **where: Any) -> Row:
    """The newest row of which this is true."""
    found = [
        row
        for (its_table, _), row in rows.items()
        if its_table == table and all(row[column] == value for column, value in where.items())
    ]
    return max(found, key=lambda row: int(row["id"]))
