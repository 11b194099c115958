"""Of what npm installs for the bench, this repository says exactly what, and nowhere from where."""

import re

import orjson

from tests.bench.servers.node import OURS


def test_the_packages_are_pinned_and_known_by_their_hashes() -> None:
    lock = orjson.loads((OURS / "package-lock.json").read_bytes())
    root = lock["packages"].pop("")
    assert root["dependencies"] == orjson.loads((OURS / "package.json").read_bytes())["dependencies"]
    assert all(re.fullmatch(r"[0-9.]+", version) for version in root["dependencies"].values())
    assert len(lock["packages"]) > 50
    for name, package in lock["packages"].items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
