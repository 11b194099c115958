"""The files of `data/`: how they are read, and how they are refused."""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path


class ImportRefused(ValueError):
    """The files contradict themselves; nothing was written. The message names the file and the row."""


def read_csv(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def day_in(text: str, where: str) -> date | None:
    """A date cell; an empty one is None."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ImportRefused(f"{where}: {text!r} is not a date") from error


def one_of(value: str, known: Sequence[str], where: str) -> None:
    if value not in known:
        raise ImportRefused(f"{where}: {value!r} is not one of {', '.join(known)}")


def whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ImportRefused(f"{where}: {text!r} is not a whole number")
    return int(text)
