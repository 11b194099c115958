"""Trusted documents: what our own clients send, each by its hash, gathered from their files into one manifest.

A client is a folder of `.graphql` files, each with one operation of the file's name and the fragments it needs. The
hash of a file's exact bytes is the document's id, so a client computes it when it is built. A document that is no
longer in any file stays in the manifest as retired, since installed clients go on sending it, until it is forgotten
by hand.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, parse

from plans.checking import Checker, Refused

MANIFEST = "manifest.json"
SHORTEST_START = 8
"""Characters of a hash by which a person may name it."""


class Unfit(Exception):
    """The files or the manifest are not what they should be; every fault at once."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


@dataclass(frozen=True, slots=True)
class Document:
    """One text. Clients that send the very same one share it."""

    name: str
    """Of its operation."""
    clients: tuple[str, ...]
    text: str
    retired_on: date | None = None
    """The day since which no file holds it; None while one does."""

    def __str__(self) -> str:
        return ", ".join(f"{client}/{self.name}" for client in self.clients)


Manifest = Mapping[str, Document]
"""Hash → document: those in use by client and name, then the retired ones."""


def hash_of(text: str) -> str:
    """SHA-256 of the exact text in UTF-8, in lower-case hex: what `sha256sum` says of the file."""
    return hashlib.sha256(text.encode()).hexdigest()


def texts(folder: Path) -> dict[str, str]:
    """Hash → text as the folder's manifest has them, retired ones included; what an engine trusts. Raises Unfit."""
    return {key: document.text for key, document in read(folder / MANIFEST).items()}


def check(folder: Path, checker: Checker) -> None:
    """Raises Unfit when the manifest is not what the files say, or a document does not fit schema and limits."""
    path = folder / MANIFEST
    manifest = renewed(read(path), gathered(folder), today=date.max)
    if written(manifest) != path.read_bytes():
        raise Unfit([f"{path.parent.name}/{path.name} is not what the files say"])
    _check(manifest, checker)


def renew(folder: Path, checker: Checker, *, today: date, forget: Sequence[str] = ()) -> list[str]:
    """Writes the manifest anew and says what is different. Raises Unfit; then nothing was written.

    `forget`: the hashes, or their beginnings, of retired documents to give up.
    """
    path = folder / MANIFEST
    previous = read(path) if path.exists() else {}
    manifest = renewed(previous, gathered(folder), today=today)
    for start in forget:
        manifest = forgotten(manifest, start)
    _check(manifest, checker)
    path.write_bytes(written(manifest))
    return list(_differences(previous, manifest))


def gathered(folder: Path) -> Manifest:
    """What the files `<folder>/<client>/<name>.graphql` hold now. Raises Unfit."""
    found: dict[str, Document] = {}
    faults: list[str] = []
    for file in sorted(folder.rglob("*.graphql")):
        try:
            client, name, text = _read(file, folder)
        except _Fault as fault:
            faults.append(f"{file.relative_to(folder)} {fault}")
            continue
        same = found.get(key := hash_of(text), Document(name, (), text))
        found[key] = replace(same, clients=(*same.clients, client))
    if faults:
        raise Unfit(faults)
    return _ordered(found)


def renewed(previous: Manifest, current: Manifest, *, today: date) -> Manifest:
    """What is in use now; what was and is no longer, retired today; and what was retired before."""
    retired = {
        key: document if document.retired_on else replace(document, retired_on=today)
        for key, document in previous.items()
        if key not in current
    }
    return _ordered({**current, **retired})


def forgotten(manifest: Manifest, start: str) -> Manifest:
    """Without the retired document whose hash begins so. Raises Unfit unless that is exactly one."""
    meant = [key for key in manifest if key.startswith(start)]
    if len(start) < SHORTEST_START or len(meant) != 1:
        raise Unfit(
            [f"{start!r} names {len(meant)} documents; give {SHORTEST_START} or more characters of one hash"]
        )
    if manifest[meant[0]].retired_on is None:
        raise Unfit([f"{manifest[meant[0]]} is in use; take it out of its file first"])
    return {key: document for key, document in manifest.items() if key != meant[0]}


def read(path: Path) -> Manifest:
    """The manifest as it was written. Raises Unfit if it is something else or a text is not its hash's."""
    try:
        said = orjson.loads(path.read_bytes())
        manifest = {key: _document(entry) for key, entry in (said["documents"] | said["retired"]).items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Unfit([f"{path.parent.name}/{path.name} cannot be read as a manifest: {error!r}"]) from error
    if wrong := [key for key, document in manifest.items() if hash_of(document.text) != key]:
        raise Unfit(
            f"{path.parent.name}/{path.name}: {key} is not the hash of the text beside it" for key in wrong
        )
    return manifest


def written(manifest: Manifest) -> bytes:
    """The manifest's file. The same documents give the same bytes."""
    used = {key: _entry(document) for key, document in manifest.items() if document.retired_on is None}
    retired = {key: _entry(document) for key, document in manifest.items() if document.retired_on}
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps({"documents": used, "retired": retired}, option=options)


class _Fault(Exception):
    pass


def _read(file: Path, folder: Path) -> tuple[str, str, str]:
    """Client, name and text of one file."""
    client, *rest = file.relative_to(folder).parts
    if len(rest) != 1:
        raise _Fault("does not stand in a client's own folder")
    try:
        text = file.read_bytes().decode()  # not read_text, which would make other line ends of them
        nodes = parse(text, no_location=True).definitions
    except UnicodeDecodeError:
        raise _Fault("is not UTF-8") from None
    except GraphQLError as error:
        raise _Fault(f"does not parse: {error.message}") from None
    names = [node.name and node.name.value for node in nodes if isinstance(node, OperationDefinitionNode)]
    if names != [file.stem]:
        raise _Fault(f"must hold one operation, named {file.stem}")
    return client, file.stem, text


def _check(manifest: Manifest, checker: Checker) -> None:
    if faults := list(_objections(manifest, checker)):
        raise Unfit(faults)


def _objections(manifest: Manifest, checker: Checker) -> Iterator[str]:
    for key, document in manifest.items():
        try:
            checker.check(document.text)
        except Refused as refused:
            retired = f" (retired on {document.retired_on}, {key[:12]}; installed clients may still send it)"
            yield f"{document}{retired if document.retired_on else ''}: {refused}"


def _differences(previous: Manifest, manifest: Manifest) -> Iterator[str]:
    for key, document in manifest.items():
        before = previous.get(key)
        if document.retired_on and (before is None or before.retired_on is None):
            yield f"retired    {document} {key[:12]}"
        elif not document.retired_on and (before is None or before.retired_on):
            yield f"trusted    {document} {key[:12]}"
    for key, document in previous.items():
        if key not in manifest:
            yield f"forgotten  {document} {key[:12]}"


def _ordered(manifest: Manifest) -> Manifest:
    def place(item: tuple[str, Document]) -> tuple[Any, ...]:
        key, document = item
        return (document.retired_on or date.min, document.clients, document.name, key)

    return dict(sorted(manifest.items(), key=place))


def _entry(document: Document) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": document.name, "clients": document.clients, "document": document.text}
    return entry | ({"retiredOn": document.retired_on} if document.retired_on else {})


def _document(entry: Mapping[str, Any]) -> Document:
    retired_on = entry.get("retiredOn")
    return Document(
        entry["name"],
        tuple(entry["clients"]),
        entry["document"],
        date.fromisoformat(retired_on) if retired_on else None,
    )
