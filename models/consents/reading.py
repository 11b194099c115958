"""Reads data/consents.json, which the house needs whole before it opens: without texts nobody can agree."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from models.consents.rules import Purpose, Text

FILE = Path(__file__).parent.parent.parent / "data" / "consents.json"


def read(file: Path = FILE) -> tuple[Text, ...]:
    """Every version of every text. ValueError when a purpose has none, or two versions are alike."""
    texts = tuple(_text(entry) for entry in orjson.loads(file.read_bytes()))
    if missing := set(Purpose) - {text.purpose for text in texts}:
        raise ValueError(f"{file.name}: no text for {', '.join(sorted(missing))}")
    for alike in ("version", "effective_on"):
        if len({(text.purpose, getattr(text, alike)) for text in texts}) < len(texts):
            raise ValueError(f"{file.name}: two texts of one purpose have the same {alike}")
    return texts


def _text(entry: Mapping[str, Any]) -> Text:
    paragraphs = tuple(entry["paragraphs"])
    return Text(
        purpose=Purpose(entry["purpose"]),
        version=entry["version"],
        title=entry["title"],
        effective_on=date.fromisoformat(entry["effective_on"]),
        asks_again=entry["asks_again"],
        is_draft=entry["status"] == "DRAFT",
        withdrawal=entry["withdrawal"],
        paragraphs=paragraphs,
        digest=hashlib.sha256("\n".join((entry["title"], *paragraphs)).encode()).hexdigest(),
    )


TEXTS: Sequence[Text] = read()
