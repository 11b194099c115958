"""What is installed is what pyproject.toml says, byte for byte: pinned, hashed, and from nobody's own address."""

import re
import tomllib

import pytest

from tests.docs.documents import text

PROJECT = tomllib.loads(text("pyproject.toml"))
LISTS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
    "requirements-conformance.lock": PROJECT["dependency-groups"]["conformance"],
}


def pins(lock: str) -> dict[str, str]:
    """Name → everything that is said of it: version, condition, hashes."""
    return {entry.partition("==")[0]: entry for entry in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]}


@pytest.mark.parametrize("name", LISTS)
def test_every_lock_has_what_pyproject_asks_for_and_nothing_without_a_hash(name: str) -> None:
    locked = pins(text(name))
    for wanted in LISTS[name]:
        package, version = re.sub(r"\[.*]", "", wanted).split("==")
        assert re.match(rf"{package}=={re.escape(version)}\s", locked[package]), wanted
    for entry in locked.values():
        assert re.match(r"\S+==\S+", entry)
        assert "--hash=sha256:" in entry
    assert not re.search(r"https?://|--index-url|^-", text(name), re.MULTILINE)


def test_the_runtime_is_the_same_in_development() -> None:
    """One environment: `make test` adds to what `make run` installed."""
    development = pins(text("requirements-dev.lock"))
    for package, entry in pins(text("requirements.lock")).items():
        assert development[package].split()[0] == entry.split()[0]
