"""What the documents name exists, and what exists is documented."""

import re
from importlib import import_module
from pathlib import Path

import graphql
import pytest

from bff.graphql.endpoint import EXECUTION_SECONDS
from bff.settings import KEY_VARIABLES
from bff.settings.reading import Reader
from jobs import ALL
from models.database import ROOMS_WITH_TABLES
from models.table import Table
from plans.limits import Limits
from tests.docs import documents
from tests.docs.documents import DOCUMENTS, ROOT, everything, fenced, here_documents, inline_code, rows, text

NOT_IN_THE_EXAMPLE = {
    "CLOCK_AHEAD_SECONDS",  # development only
    "WECHAT_BASE_URL",  # the real ones are the default
    "WECHAT_PAY_BASE_URL",
    "WECHAT_OPEN_URL",
    "ALIPAY_BASE_URL",
    "TENCENT_CLOUD_SMS_BASE_URL",
    "TENCENT_CLOUD_FACEID_BASE_URL",
}
SOURCES = ("*.py", "*.graphql", "*.yaml", "*.csv", "*.toml", "Makefile", ".env.example")
FOLDERS = (
    "bff",
    "clients",
    "plans",
    "resolvers",
    "jobs",
    "models",
    "payments",
    "maps",
    "wechat",
    "verification",
    "federation",
    "sandbox",
    "data",
    "tests",
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for path, anchor in documents.links(document):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{path} is not there"
        if anchor:
            assert anchor in documents.anchors(target), f"{target.name} has no heading for #{anchor}"


def test_every_make_target_that_is_named_exists() -> None:
    there = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    code = "\n".join([*inline_code(everything()), *fenced(everything())])
    named = set(re.findall(r"^make ([a-z]+)", code, re.MULTILINE))
    assert {"run", "test", "demo", "check"} <= named
    assert named <= there


def test_every_command_that_is_named_exists() -> None:
    import typer

    from bff.cli import cli

    command = typer.main.get_command(cli)
    started = text("Procfile") + text("compose.yaml")
    assert set(re.findall(r"python -m bff ([a-z-]+)", started)) == {"migrate", "web", "worker"}
    named = set(re.findall(r"python -m bff ([a-z-]+)(?: ([a-z]+))?", everything() + started))
    assert len(named) >= 6
    for first, second in named:
        found = command.commands.get(first)  # type: ignore[attr-defined]
        assert found, first
        assert not second or not hasattr(found, "commands") or second in found.commands, f"{first} {second}"


def test_every_file_that_is_named_exists() -> None:
    for name in inline_code(everything()):
        if re.fullmatch(r"[\w./-]+/|[\w./-]+\.(py|csv|yaml|toml|graphql)", name) and name.split("/")[0] in FOLDERS:
            assert (ROOT / name).exists(), name


def test_every_test_that_is_named_exists() -> None:
    there = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert all(f"def {name}(" in there for name in re.findall(r"`(test_\w+)`", everything()))


def settings_read() -> set[str]:
    """Every variable that the settings ask the environment for."""
    asked: set[str] = set()

    class Recording(dict[str, str]):
        def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
            asked.add(name)
            return super().get(name, default)

    Reader(Recording()).settings()
    return asked


def test_the_example_of_the_environment_is_what_the_settings_read() -> None:
    example = set(re.findall(r"^([A-Z0-9_]+)=", text(".env.example"), re.MULTILINE))
    composed = set(re.findall(r"\$\{([A-Z0-9_]+)", text("compose.yaml")))
    assert example - composed == settings_read() - NOT_IN_THE_EXAMPLE


def test_every_variable_of_the_merchant_is_explained() -> None:
    explained = " ".join(row[0] for row in rows(text("README.md"), "A real merchant"))
    merchant = {name for name in settings_read() if name.startswith("WECHAT_") and not name.endswith("_URL")}
    assert set(re.findall(r"`([A-Z0-9_]+)`", explained)) == merchant | {"PUBLIC_BASE_URL"}


def test_every_key_ring_has_its_rotation() -> None:
    told = " ".join(row[0] for row in rows(text("docs/operations.md"), "Keys"))
    assert set(re.findall(r"`([A-Z_]+)`", told)) == set(KEY_VARIABLES)


def test_no_name_in_capitals_is_invented() -> None:
    """Refusals' codes, states, variables: each stands in the source as it is written in the document."""
    files = [file for folder in FOLDERS for pattern in SOURCES for file in (ROOT / folder).rglob(pattern)]
    files += [file for pattern in SOURCES for file in ROOT.glob(pattern)]
    known = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", "\n".join(file.read_text() for file in files)))
    for document in DOCUMENTS:
        names = set(re.findall(r"(?<![\w$-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w…])", document.read_text()))
        assert names <= known, f"{document.name}: {names - known}"


def test_every_graphql_example_is_valid() -> None:
    schema = graphql.build_schema(text("schema.graphql"))
    examples = [example for document in DOCUMENTS for example in here_documents(document.read_text(), "GRAPHQL")]
    examples += fenced(everything(), "graphql")
    assert len(examples) >= 7
    for example in examples:
        faults = graphql.validate(schema, graphql.parse(example))
        assert not faults, f"{example}\n{faults}"


def test_the_limits_of_graphql_are_the_ones_written_down() -> None:
    told = {row[0]: row[1] for row in rows(text("docs/security.md"), "The GraphQL door")}
    limits = Limits()
    for protection, limit in {
        "characters of a document": limits.characters,
        "tokens, comments included": limits.tokens,
        "brackets in brackets": limits.brackets,
        "depth": limits.depth,
        "aliases": limits.aliases,
        "directives": limits.directives,
        "repeated fields": limits.repeats,
        "pairs of fields that validation compares": limits.comparisons,
        "fields, merged with their fragments": limits.selections,
        "fragments in fragments": limits.fragments_deep,
        "cost": limits.cost,
        "errors told of one document": limits.errors,
        "time-outs": int(EXECUTION_SECONDS),
    }.items():
        assert re.findall(r"\d+(?:,\d+)*", told[protection])[0] == f"{limit:,}", protection


def test_every_protection_of_graphql_has_its_test() -> None:
    """`test_every_test_that_is_named_exists` sees to it that they exist."""
    told = {row[0]: row[3] for row in rows(text("docs/security.md"), "The GraphQL door")}
    twins_of_armor = {
        "characters",
        "tokens",
        "depth",
        "aliases",
        "directives",
        "cost",
        "suggestions",
        "introspection",
    }
    ours = {"repeated", "list", "batching", "time-outs"}
    assert twins_of_armor | ours <= {re.split(r"[ ,]", protection)[0] for protection in told}
    for protection, test in told.items():
        assert re.search(r"`test_\w+`", test), protection


def test_every_job_is_in_the_table_with_its_period() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(text("docs/operations.md"), "Jobs")}
    assert told == {job.name: f"{job.every_seconds:g} s" for job in ALL}


def test_every_room_is_in_the_table() -> None:
    told = re.findall(r"`(\w+)`", " ".join(row[0] for row in rows(text("docs/architecture.md"), "Rooms")))
    rooms = {folder.parent.name for folder in (ROOT / "models").glob("*/__init__.py")}
    assert set(told) == rooms | {"keys"}


def test_every_decision_is_in_the_index_and_fits_a_page() -> None:
    index = text("docs/decisions/README.md")
    pages = [page for page in (ROOT / "docs" / "decisions").glob("*.md") if page.name != "README.md"]
    assert len(pages) >= 12
    for page in pages:
        assert f"({page.name})" in index
        assert len(page.read_text().splitlines()) <= 80, page.name


RESERVED = re.compile(r"event|session|transaction", re.IGNORECASE)
ALLOWED = {
    "finance_event",
    "voucher_event",
    "event_no",
    "EVENT",
}  # docs/glossary.md: entries in books, the gates' wire, 赛事
SESSIONS = {
    "sessionPlans",
    "SessionPlanSettings",  # 场次
    *("session", "session_id", "session_plan", "session_plan_version", "session_price"),
    *("previewSessionPlan", "writeSessionPlan", "SessionPlanInput", "SessionPlanPreview", "PlannedSessionInput"),
    *("SessionTicketInput", "SessionTicketSettings", "TicketWithoutSession", "SESSIONS"),
    *("sessions", "sessionId", "Session", "SessionTicket", "SessionTicketKind"),
    *("SESSION", "SESSION_FULL", "SESSION_UNKNOWN"),
}


def test_reserved_words_stand_for_nothing_else_in_the_schema_and_in_the_tables() -> None:
    schema = graphql.build_schema(text("schema.graphql"))
    kinds = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
    named = {
        *kinds,
        *(
            word
            for kind in kinds.values()
            for word in [*getattr(kind, "fields", ()), *getattr(kind, "values", ())]
        ),
    }
    for room in ROOMS_WITH_TABLES:
        for table in vars(import_module(f"models.{room}.tables")).values():
            if isinstance(table, type) and issubclass(table, Table) and table is not Table:
                named |= {table._meta.db_table, *table._meta.fields_db_projection}
    assert {"venuesNear", "SLOT_TAKEN", "held_cell", "hold_expires_at"} <= named
    named |= {"session_id"}  # a reference's column is there only once Tortoise was started
    assert {word for word in named if RESERVED.search(word)} == ALLOWED | SESSIONS


def test_every_control_point_has_its_test_or_says_whose_it_is() -> None:
    """`test_every_test_that_is_named_exists` sees to it that they exist."""
    heading = "GB/T 22239-2019, level 3: points that concern an application"
    points = rows(text("docs/security.md"), heading)
    for point, done, test in points:
        assert re.match(r"8\.1\.[245]", point), point
        assert re.search(r"`test_\w+`", test) or done.startswith("outside: "), point
    sections = {found for point, *_ in points for found in re.findall(r"8\.1\.4\.\d+", point)}
    assert sections == {f"8.1.4.{number}" for number in range(1, 12)}
