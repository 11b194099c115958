"""The files in `data/`, read as the import reads them."""

import csv
from pathlib import Path

DATA = Path(__file__).parents[2] / "data"

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))
