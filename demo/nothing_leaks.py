"""What is anybody's is found nowhere in the clear: every file of a stack is read, byte by byte, for texts that were used.

Not only tables: a database's pages that were freed, its write-ahead log, the logs of all processes and whatever else lies in
the folder. The sandbox keeps books of its own about invented people, and is left out.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gbk")
READ_BYTES = 1 << 20
APART = ("sandbox",)
"""Folders of the simulated outside, by name."""


@dataclass(frozen=True)
class Leak:
    """`what`: what the text is, as the caller named it; the text itself is not repeated."""

    what: str
    file: Path
    offset: int
    written_as: str

    def __str__(self) -> str:
        return f"{self.what} in {self.file} at byte {self.offset} ({self.written_as})"


def search_for(texts: Mapping[str, str], folder: Path, *, apart: Collection[str] = APART) -> list[Leak]:
    """`texts`: what it is → the text, such as "手机号" → "13800000001". Each first place in each file, in each spelling.

    Raises ValueError when there is nothing to look for or nowhere to look: such a search would always be content.
    """
    needles = [(what, name, needle) for what, text in texts.items() for name, needle in _spellings(text)]
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not _is_apart(file, folder, apart)]
    if not needles or not files:
        raise ValueError("nothing to look for, or nowhere to look")
    return [leak for file in files for leak in _in(file, needles)]


def _spellings(text: str) -> Iterator[tuple[str, bytes]]:
    """The same text in every encoding that could have written it; each bytes once."""
    if len(text) < 2:
        raise ValueError("a text of one character is found everywhere")
    seen = set()
    for name in ENCODINGS:
        try:
            needle = text.encode(name)
        except UnicodeEncodeError:
            continue
        if needle not in seen:
            seen.add(needle)
            yield name, needle
    escaped = json.dumps(text)[1:-1].encode()
    if escaped not in seen:
        yield "JSON escapes", escaped


def _in(file: Path, needles: Collection[tuple[str, str, bytes]]) -> Iterator[Leak]:
    """In pieces that overlap, so that nothing hides where two of them meet."""
    overlap = max(len(needle) for _, _, needle in needles) - 1
    found: set[tuple[str, str]] = set()
    with file.open("rb") as opened:
        before, start = b"", 0
        while piece := opened.read(READ_BYTES):
            window = before + piece
            for what, name, needle in needles:
                place = window.find(needle)
                if place >= 0 and (what, name) not in found:
                    found.add((what, name))
                    yield Leak(what, file, start - len(before) + place, name)
            start += len(piece)
            before = window[-overlap:] if overlap else b""


def _is_apart(file: Path, folder: Path, apart: Collection[str]) -> bool:
    return any(part in apart for part in file.relative_to(folder).parts)
