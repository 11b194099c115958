"""The search that the demo ends with finds what is there, however it was written, and is never content with nothing."""

import json
import sqlite3
from pathlib import Path

import pytest

from demo import nothing_leaks
from demo.nothing_leaks import search_for

PHONE, NAME = "13800001111", "王秀兰"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "gbk"])
def test_a_name_is_found_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "some.bin").write_bytes(b"\x00\xff" + f"姓名 {NAME}".encode(encoding) + b"\x00")
    (leak,) = search_for({"a name": NAME}, tmp_path)
    assert (leak.what, leak.file.name, leak.written_as) == ("a name", "some.bin", encoding)
    assert NAME not in str(leak)


def test_a_name_in_json_with_escapes_is_found(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(json.dumps({"who": NAME}))
    assert [leak.written_as for leak in search_for({"a name": NAME}, tmp_path)] == ["JSON escapes"]


def test_what_was_deleted_from_a_database_is_still_found_in_its_file(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "house.db")
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("CREATE TABLE person (phone TEXT)")
    connection.execute("INSERT INTO person VALUES (?)", (PHONE,))
    connection.commit()
    connection.execute("DELETE FROM person")
    connection.commit()
    connection.close()
    assert [leak.file.name for leak in search_for({"a phone": PHONE}, tmp_path)] == ["house.db"]


def test_a_text_across_two_pieces_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nothing_leaks, "READ_BYTES", 16)
    for offset in range(40):
        (tmp_path / "log.txt").write_bytes(b"x" * offset + PHONE.encode() + b"x" * 20)
        assert [leak.offset for leak in search_for({"a phone": PHONE}, tmp_path)] == [offset], offset


def test_the_outsides_own_books_are_left_out_and_clean_files_are_clean(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "people.json").write_text(PHONE)
    (tmp_path / "log.txt").write_text("138****1111")
    assert search_for({"a phone": PHONE}, tmp_path) == []
    assert len(search_for({"a phone": PHONE}, tmp_path, apart=())) == 1


def test_a_search_that_could_find_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere to look"):
        search_for({"a phone": PHONE}, tmp_path)
    (tmp_path / "log.txt").write_text("")
    for texts in ({}, {"a phone": ""}, {"a name": "王"}):
        with pytest.raises(ValueError, match=r"look for|one character"):
            search_for(texts, tmp_path)
