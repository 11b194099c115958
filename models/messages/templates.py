"""Reads data/message_templates.json, which the house needs whole before it opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from models.messages.rules import AskingMoment, BlankKind, Form, MessageKind, MessageWay, Template

FILE = Path(__file__).parent.parent.parent / "data" / "message_templates.json"
_WAYS_OF_FORMS = {"subscribe": MessageWay.SUBSCRIBE, "official_account": MessageWay.OFFICIAL_ACCOUNT}


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """All templates and forms by name, and which forms are asked about at which moment."""

    templates: Mapping[str, Template]
    forms: Mapping[str, Form]
    moments: Mapping[AskingMoment, Sequence[str]]


@cache
def shelf(file: Path = FILE) -> Shelf:
    """Raises KeyError or ValueError where the file is not what the code knows."""
    data = orjson.loads(file.read_bytes())
    return Shelf(
        templates={name: _template(name, entry) for name, entry in data["templates"].items()},
        forms={name: _form(name, entry) for name, entry in data["forms"].items()},
        moments={moment: tuple(data["moments"][moment]) for moment in AskingMoment},
    )


def template(name: str) -> Template:
    """Raises ValueError where there is none of that name: a bug of ours."""
    found = shelf().templates.get(name)
    if found is None:
        raise ValueError(f"data/message_templates.json has no {name}")
    return found


def _template(name: str, entry: Mapping[str, Any]) -> Template:
    return Template(
        name=name,
        kind=MessageKind(entry["kind"]),
        title=entry["title"],
        body=entry["body"],
        blanks={blank: BlankKind(kind) for blank, kind in entry["blanks"].items()},
        page=entry["page"],
        ways=tuple(MessageWay(way) for way in entry["ways"]),
        form=entry["form"],
        fields=entry["fields"],
    )


def _form(name: str, entry: Mapping[str, Any]) -> Form:
    return Form(name=name, fields={way: entry[key] for key, way in _WAYS_OF_FORMS.items()})
