"""The project's documents, and what can be read out of them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "sandbox" / "README.md",
        ROOT / "data" / "README.md",
        ROOT / "plans" / "README.md",
    ]
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text(name: str) -> str:
    return (ROOT / name).read_text()


def everything() -> str:
    return "\n".join(document.read_text() for document in DOCUMENTS)


def fenced(markdown: str, language: str | None = None) -> list[str]:
    """The blocks of code, all of them or those of one language."""
    return [body for named, body in _FENCE.findall(markdown) if language is None or named == language]


def inline_code(markdown: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", markdown))


def here_documents(markdown: str, end: str) -> list[str]:
    """What stands between `<<'END'` and END in the shell's examples."""
    return re.findall(rf"<<'?{end}'?[^\n]*\n(.*?)^{end}$", markdown, re.MULTILINE | re.DOTALL)


def links(document: Path) -> Iterator[tuple[str, str]]:
    """Each relative link as (path, anchor)."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", document.read_text())):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and others make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(markdown: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = re.split(rf"^#+ {re.escape(heading)}$", markdown, flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table, heading
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
