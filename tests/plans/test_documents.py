"""Clients' documents: from files to a manifest, and what stays trusted when the files change."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema

from plans import documents
from plans.checking import Checker
from plans.documents import Unfit
from plans.engine import Engine

TODAY, TOMORROW = date(2026, 11, 20), date(2026, 11, 21)
SCHEMA = build_schema("type Query { hello(name: String): String  again: Query }")
ORDER = "query Order { hello }\n"
GREET = 'query Greet { hello(name: "你好") }\n'


def write(folder: Path, **texts: str) -> None:
    """`client__Name="text"` for each file."""
    for where, text in texts.items():
        client, name = where.split("__")
        (folder / client).mkdir(exist_ok=True)
        (folder / client / f"{name}.graphql").write_bytes(text.encode())


def renew(folder: Path, *forget: str, today: date = TODAY, schema: GraphQLSchema = SCHEMA) -> list[str]:
    return documents.renew(folder, Checker(schema), today=today, forget=forget)


def check(folder: Path, schema: GraphQLSchema = SCHEMA) -> None:
    documents.check(folder, Checker(schema))


def faults(folder: Path, **how: Any) -> tuple[str, ...]:
    """Of a check that must fail."""
    with pytest.raises(Unfit) as unfit:
        check(folder, **how)
    return unfit.value.faults


def manifest(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return said


def test_a_document_is_trusted_by_the_sha256_of_its_files_bytes(tmp_path: Path) -> None:
    write(tmp_path, demo__Greet=GREET)
    renew(tmp_path)
    key = hashlib.sha256((tmp_path / "demo" / "Greet.graphql").read_bytes()).hexdigest()
    assert manifest(tmp_path) == {
        "documents": {key: {"name": "Greet", "clients": ["demo"], "document": GREET}},
        "retired": {},
    }
    assert documents.texts(tmp_path) == {key: GREET}
    assert Engine(SCHEMA, Checker(SCHEMA), documents.texts(tmp_path)).trusted(key).name == "Greet"


def test_line_ends_and_marks_are_kept_as_they_are_in_the_file(tmp_path: Path) -> None:
    write(tmp_path, demo__Order="\ufeff" + ORDER.replace(" ", "\r\n"))
    renew(tmp_path)
    key = hashlib.sha256((tmp_path / "demo" / "Order.graphql").read_bytes()).hexdigest()
    assert list(documents.texts(tmp_path)) == [key]


def test_the_same_files_give_the_same_bytes_in_order_of_client_and_name(tmp_path: Path) -> None:
    write(tmp_path, desk__Order=ORDER, demo__Order=ORDER + "\n", demo__Greet=GREET)
    renew(tmp_path)
    first = (tmp_path / "manifest.json").read_bytes()
    entries = manifest(tmp_path)["documents"].values()
    assert [(*entry["clients"], entry["name"]) for entry in entries] == [
        ("demo", "Greet"),
        ("demo", "Order"),
        ("desk", "Order"),
    ]
    assert renew(tmp_path, today=TOMORROW) == []
    assert (tmp_path / "manifest.json").read_bytes() == first
    check(tmp_path)


def test_two_clients_that_send_the_same_text_share_it_until_the_last_has_changed(tmp_path: Path) -> None:
    write(tmp_path, desk__Order=ORDER, demo__Order=ORDER)
    renew(tmp_path)
    [(key, entry)] = manifest(tmp_path)["documents"].items()
    assert entry["clients"] == ["demo", "desk"]
    write(tmp_path, demo__Order=ORDER + "# new\n")
    renew(tmp_path)
    assert manifest(tmp_path)["documents"][key]["clients"] == ["desk"]
    write(tmp_path, desk__Order=ORDER + "# new\n")
    renew(tmp_path)
    assert list(manifest(tmp_path)["retired"]) == [key]


def test_what_left_its_file_stays_trusted_until_it_is_forgotten_by_hand(tmp_path: Path) -> None:
    write(tmp_path, demo__Order=ORDER, demo__Greet=GREET)
    renew(tmp_path)
    old = documents.hash_of(ORDER)
    write(tmp_path, demo__Order=ORDER + "# new\n")
    said = renew(tmp_path, today=TODAY)
    assert [line.split()[:2] for line in said] == [["trusted", "demo/Order"], ["retired", "demo/Order"]]
    (tmp_path / "demo" / "Greet.graphql").unlink()
    renew(tmp_path, today=TOMORROW)
    retired = {key: entry["retiredOn"] for key, entry in manifest(tmp_path)["retired"].items()}
    assert retired == {old: "2026-11-20", documents.hash_of(GREET): "2026-11-21"}
    assert documents.texts(tmp_path)[old] == ORDER
    check(tmp_path)

    assert renew(tmp_path, old[:12], today=TOMORROW) == [f"forgotten  demo/Order {old[:12]}"]
    assert old not in documents.texts(tmp_path)
    assert documents.hash_of(GREET) in documents.texts(tmp_path)
    check(tmp_path)


def test_a_document_that_comes_back_is_in_use_again(tmp_path: Path) -> None:
    write(tmp_path, demo__Order=ORDER)
    renew(tmp_path)
    write(tmp_path, demo__Order=ORDER + "# new\n")
    renew(tmp_path)
    write(tmp_path, demo__Order=ORDER)
    renew(tmp_path)
    assert list(manifest(tmp_path)["documents"]) == [documents.hash_of(ORDER)]
    assert list(manifest(tmp_path)["retired"]) == [documents.hash_of(ORDER + "# new\n")]


@pytest.mark.parametrize(
    "start", ["", "0000000", "00000000", documents.hash_of(ORDER)[:7], documents.hash_of(GREET)]
)
def test_what_is_unknown_ambiguous_or_in_use_is_not_forgotten(tmp_path: Path, start: str) -> None:
    write(tmp_path, demo__Order=ORDER, demo__Greet=GREET)
    renew(tmp_path)
    write(tmp_path, demo__Order=ORDER + "# new\n")
    renew(tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(Unfit):
        renew(tmp_path, start)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_file_that_changed_behind_the_manifest_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, demo__Order=ORDER, demo__Greet=GREET)
    renew(tmp_path)
    check(tmp_path)
    for changed in (
        {"demo__Order": ORDER + "\n"},
        {"demo__Greet2": "query Greet2 { hello }"},
        {"desk__Order": ORDER},
    ):
        write(tmp_path, **changed)
        assert faults(tmp_path) == (f"{tmp_path.name}/manifest.json is not what the files say",)
        renew(tmp_path)
        check(tmp_path)
    (tmp_path / "demo" / "Greet.graphql").unlink()
    assert faults(tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        lambda text: "",
        lambda text: "[]",
        lambda text: "{}",
        lambda text: "<<<<<<< ours\n" + text,
        lambda text: text.replace("hello", "again"),
        lambda text: text.replace('"Order"', "1"),
        lambda text: text + " ",
    ],
)
def test_a_manifest_that_was_written_by_hand_is_noticed(tmp_path: Path, broken: Any) -> None:
    write(tmp_path, demo__Order=ORDER)
    renew(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(broken(path.read_text()))
    assert faults(tmp_path)


def test_without_a_manifest_nothing_is_trusted(tmp_path: Path) -> None:
    with pytest.raises(Unfit):
        documents.texts(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("demo/Order.graphql", b"query Other { hello }", "must hold one operation, named Order"),
        ("demo/Order.graphql", b"{ hello }", "must hold one operation, named Order"),
        ("demo/Order.graphql", b"query Order { hello } query Two { hello }", "must hold one operation"),
        ("demo/Order.graphql", b"fragment F on Query { hello }", "must hold one operation"),
        ("demo/Order.graphql", b"", "does not parse"),
        ("demo/Order.graphql", b"query Order {", "does not parse"),
        ("demo/Order.graphql", b"query Order { hello } # \xff", "is not UTF-8"),
        ("Order.graphql", b"query Order { hello }", "does not stand in a client's own folder"),
        ("demo/pages/Order.graphql", b"query Order { hello }", "does not stand in a client's own folder"),
        ("demo/Order.graphql", b"query Order { gone }", "Cannot query field 'gone'"),
    ],
)
def test_a_file_that_cannot_be_is_named_and_nothing_is_written(
    tmp_path: Path, name: str, text: bytes, fault: str
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(text)
    with pytest.raises(Unfit) as unfit:
        renew(tmp_path)
    assert name.removesuffix(".graphql") in unfit.value.faults[0]
    assert fault in unfit.value.faults[0]
    assert not (tmp_path / "manifest.json").exists()


def test_fragments_stand_in_the_file_of_their_operation(tmp_path: Path) -> None:
    write(tmp_path, demo__Order="query Order { again { ...F } } fragment F on Query { hello }")
    renew(tmp_path)
    check(tmp_path)


def test_a_schema_that_breaks_a_retired_document_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, demo__Order=ORDER)
    renew(tmp_path)
    write(tmp_path, demo__Order="query Order { again { __typename } }")
    renew(tmp_path)
    [fault] = faults(tmp_path, schema=build_schema("type Query { again: Query }"))
    assert "demo/Order (retired on 2026-11-20" in fault
    assert documents.hash_of(ORDER)[:12] in fault
    assert "Cannot query field 'hello'" in fault


def test_introspection_is_no_document_of_a_client_where_it_is_off(tmp_path: Path) -> None:
    write(tmp_path, demo__Types="query Types { __schema { types { name } } }")
    with pytest.raises(Unfit):
        documents.renew(tmp_path, Checker(SCHEMA, introspection=False), today=TODAY)
